//! Commits, diffs, reverts and work trees.

use std::fs;
use std::path::Path;

use groundcrew_core::audit::Act;
use groundcrew_workbench::git::{Change, ChangeKind, Expected, FileMode, GitError, remove_folder};

use crate::fixture::{Fixture, exercise, path};

#[test]
fn equal_input_gives_an_equal_commit_and_modes_stay() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let changes = [
        Change::write(path("run.sh"), "#!/bin/sh\nexit 1\n"),
        Change::write(path("new/deep.txt"), "new\n"),
        Change::delete(path("data/a.txt")),
    ];
    let one = repository.commit(&head, &changes, "Title\n\nBody", 1_700_000_000).expect("a commit");
    let two = repository.commit(&head, &changes, "Title\n\nBody", 1_700_000_000).expect("a commit");
    assert_eq!(one, two);
    let files: Vec<_> = repository
        .files(&one)
        .expect("files")
        .into_iter()
        .map(|file| (file.path.to_string(), file.mode, file.size))
        .collect();
    let expected = [
        ("app.py".to_owned(), FileMode::File, 14),
        ("new/deep.txt".to_owned(), FileMode::File, 4),
        ("run.sh".to_owned(), FileMode::Executable, 17),
    ];
    assert_eq!(files, expected);
    let info = repository.commit_info(&one).expect("a commit");
    assert_eq!(
        (info.parents, info.author.as_str(), info.time, info.subject.as_str(), info.message.as_str()),
        (vec![head.clone()], "groundcrew", 1_700_000_000, "Title", "Title\n\nBody")
    );
    assert!(repository.is_ancestor(&head, &one).expect("it is judged"));
    assert!(!repository.is_ancestor(&one, &head).expect("it is judged"));
    for bad in
        [Change::delete(path("none")), Change::write(path("data"), "x"), Change::write(path("app.py/x"), "x")]
    {
        assert!(matches!(repository.commit(&head, &[bad], "x", 0), Err(GitError::Refused { .. })));
    }
}

#[test]
fn a_folder_can_take_the_place_of_a_file_and_back() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let there = [
        Change::write(path("app.py/part"), "x\n"),
        Change::delete(path("app.py")),
        Change::delete(path("data/a.txt")),
        Change::write(path("data"), "y\n"),
    ];
    let commit = repository.commit(&head, &there, "Swap", 0).expect("a commit");
    let names: Vec<_> =
        repository.files(&commit).expect("files").into_iter().map(|file| file.path.to_string()).collect();
    assert_eq!(names, ["app.py/part", "data", "run.sh"]);
    let back = repository.revert(&commit, &commit).expect("it is judged").expect("it can be undone");
    let undone = repository.commit(&commit, &back, "Back", 0).expect("a commit");
    assert_eq!(repository.diff(&head, &undone).expect("a diff").files, []);
}

#[test]
fn a_diff_tells_every_kind_of_change_and_its_hash_ignores_settings() {
    let fixture = Fixture::new();
    let base = fixture.open().head().expect("a head").commit;
    fixture.git(&["mv", "data/a.txt", "data/b.txt"]);
    fixture.git(&["update-index", "--chmod=+x", "app.py"]);
    fs::write(fixture.top.join("blob.bin"), [0u8, 1, 2]).expect("a file");
    fixture.git(&["add", "blob.bin"]);
    fixture.git(&["rm", "-q", "run.sh"]);
    fixture.git(&["commit", "-q", "-m", "Kinds"]);
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let diff = repository.diff(&base, &head).expect("a diff");
    let kinds: Vec<_> = diff.files.iter().map(|file| (file.path.as_str(), file.kind, file.binary)).collect();
    let expected = [
        ("app.py", ChangeKind::Modified, false),
        ("blob.bin", ChangeKind::Added, true),
        ("data/b.txt", ChangeKind::Renamed, false),
        ("run.sh", ChangeKind::Deleted, false),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(
        (diff.files[0].old_mode, diff.files[0].new_mode),
        (Some(FileMode::File), Some(FileMode::Executable))
    );
    assert_eq!(diff.files[2].old_path.as_deref(), Some("data/a.txt"));
    assert_eq!((diff.files[3].added, diff.files[3].removed), (0, 1));
    for (key, value) in
        [("diff.noprefix", "true"), ("diff.context", "9"), ("diff.renames", "false"), ("color.ui", "always")]
    {
        fixture.git(&["config", key, value]);
    }
    fixture.write(".gitattributes", "*.py -diff\n");
    assert_eq!(fixture.open().diff(&base, &head).expect("a diff"), diff);
}

#[test]
fn blame_and_history_name_the_commit() {
    let fixture = Fixture::new();
    let second = fixture.commit_all_with("app.py", "one\nTWO\nthree\n", "Second");
    let repository = fixture.open();
    let blamed = repository.blame(&second, &path("app.py"), 2).expect("a line").expect("a commit");
    assert_eq!((blamed.sha, blamed.subject.as_str()), (second.clone(), "Second"));
    assert_eq!(repository.blame(&second, &path("app.py"), 9).expect("it is judged"), None);
    assert_eq!(repository.blame(&second, &path("none.py"), 1).expect("it is judged"), None);
    let subjects = |limit| -> Vec<String> {
        let found = repository.history(&second, Some(&path("app.py")), limit).expect("a history");
        found.into_iter().map(|commit| commit.subject).collect()
    };
    assert_eq!(
        (subjects(9), subjects(1)),
        (vec!["Second".to_owned(), "First".to_owned()], vec!["Second".to_owned()])
    );
}

#[test]
fn a_revert_undoes_one_commit_and_nothing_else() {
    let fixture = Fixture::new();
    let culprit = fixture.commit_all_with("app.py", "one\nBROKEN\nthree\n", "Culprit");
    let head = fixture.commit_all_with("data/a.txt", "later\n", "Later");
    let repository = fixture.open();
    let changes = repository.revert(&culprit, &head).expect("it is judged");
    assert_eq!(changes, Some(vec![Change::write(path("app.py"), "one\ntwo\nthree\n")]));
    let clash = fixture.commit_all_with("app.py", "one\nBROKEN, but used\nthree\n", "Clash");
    let repository = fixture.open();
    assert_eq!(repository.revert(&culprit, &clash).expect("it is judged"), None);
    let root = repository.history(&clash, None, 99).expect("a history").pop().expect("a root");
    assert_eq!(repository.revert(&root.sha, &clash).expect("it is judged"), None);
}

#[test]
fn a_file_over_its_cap_is_an_error_and_reads_are_audited() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    assert!(matches!(repository.read(&head, &path("app.py"), 3), Err(GitError::TooLarge { .. })));
    repository.read(&head, &path("app.py"), 100).expect("a file");
    let acts = fixture.acts.0.lock().expect("no panic while held");
    let read = Act::FileRead { path: "app.py".to_owned(), commit: Some(head.to_string()), bytes: 14 };
    assert_eq!(acts.iter().filter(|act| **act == read).count(), 1);
    assert!(acts.iter().any(|act| matches!(act, Act::CommandRun { sandbox, .. } if sandbox == "git")));
}

#[test]
fn a_work_tree_keeps_unsaved_work_until_it_is_stored() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let at = fixture.folder.path().join("trees/one");
    let worktree = repository.add_worktree(&at, &head).expect("a work tree");
    assert_eq!(fixture.git_in(&at, &["status", "--porcelain"]), "");
    assert!(worktree.changes().expect("changes").is_empty());
    fs::write(at.join("app.py"), "new\n").expect("a file");
    fs::write(at.join("extra.txt"), "extra\n").expect("a file");
    fs::remove_file(at.join("data/a.txt")).expect("it was there");
    let expected = [
        Change::write(path("app.py"), "new\n"),
        Change::delete(path("data/a.txt")),
        Change::write(path("extra.txt"), "extra\n"),
    ];
    assert_eq!(worktree.changes().expect("changes").changes, expected);
    assert!(matches!(worktree.remove(), Err(GitError::Unsaved { count: 3, .. })));
    // As after a crash: the work tree is found again, and nothing was lost.
    let mut worktree = fixture.open().worktree(&at).expect("it is ours");
    assert_eq!(
        (worktree.base(), worktree.changes().expect("changes").changes.as_slice()),
        (&head, &expected[..])
    );
    let saved = worktree.snapshot("refs/groundcrew/saved", &Expected::Absent, 7).expect("a snapshot");
    assert_eq!(repository.read(&saved, &path("extra.txt"), 10).expect("a file"), Some(b"extra\n".to_vec()));
    assert!(matches!(worktree.snapshot("refs/heads/x", &Expected::Any, 7), Err(GitError::BadRef { .. })));
    worktree.remove().expect("it is stored");
    assert!(!at.exists() && repository.worktrees().is_empty());
    assert_eq!(fixture.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn what_is_laid_out_has_its_changes_and_leaves_nothing_in_the_repository() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let at = fixture.folder.path().join("laid-out");
    let before = fixture.git(&["count-objects", "-v"]);
    let changes = [
        Change::write(path("app.py"), "new\n"),
        Change::delete(path("data/a.txt")),
        Change::write(path("new/extra.txt"), "extra\n"),
    ];
    repository.lay_out(&at, &head, &changes).expect("it is laid out");
    assert_eq!(fs::read_to_string(at.join("app.py")).expect("a file"), "new\n");
    assert_eq!(fs::read_to_string(at.join("new/extra.txt")).expect("a file"), "extra\n");
    assert!(!at.join("data/a.txt").exists());
    assert_eq!(fixture.git(&["count-objects", "-v"]), before);
    assert_eq!(fixture.git(&["worktree", "list"]).lines().count(), 1);
    assert!(matches!(repository.lay_out(&at, &head, &[]), Err(GitError::Exists(_))));
    let absent = [Change::delete(path("absent.txt"))];
    let refused = repository.lay_out(&fixture.folder.path().join("other"), &head, &absent);
    assert!(matches!(refused, Err(GitError::Refused { .. })));
    remove_folder(&at).expect("it is taken away");
}

#[test]
fn what_is_no_plain_change_is_refused_by_name() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let at = fixture.folder.path().join("tree");
    let worktree = repository.add_worktree(&at, &head).expect("a work tree");
    fs::create_dir_all(at.join("sub/.GIT/hooks")).expect("a folder");
    nix::unistd::mkfifo(&at.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    fs::hard_link(at.join("app.py"), at.join("hard")).expect("a link");
    fs::File::create(at.join("huge")).and_then(|file| file.set_len(17 << 20)).expect("a file");
    use std::os::unix::ffi::OsStrExt;
    fs::write(at.join(std::ffi::OsStr::from_bytes(b"bad\xff")), "x").expect("a file");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(at.join("data/a.txt"), fs::Permissions::from_mode(0o755)).expect("a mode");
    let found = worktree.changes().expect("changes");
    let refused: Vec<_> = found.refused.iter().map(|thing| thing.path.as_str()).collect();
    assert_eq!(refused, ["app.py", "bad\u{fffd}", "data/a.txt", "hard", "huge", "pipe", "sub/.GIT"]);
    assert_eq!(found.changes, []);
    worktree.discard().expect("it is worthless");
}

#[test]
fn only_our_own_lost_work_trees_are_forgotten() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let theirs = fixture.folder.path().join("theirs");
    fixture.git(&["worktree", "add", "-q", "--detach", &theirs.to_string_lossy()]);
    let ours = fixture.folder.path().join("ours");
    repository.add_worktree(&ours, &head).expect("a work tree");
    fs::remove_dir_all(&theirs).expect("it was there");
    fs::remove_dir_all(&ours).expect("it was there");
    repository.prune_worktrees(Path::new("/nonexistent")).expect("it prunes");
    let listed = fixture.git(&["worktree", "list", "--porcelain"]);
    assert!(listed.contains("theirs") && !listed.contains("ours"), "{listed}");
    assert!(matches!(repository.worktree(&fixture.top), Err(GitError::NotOurWorktree(_))));
}

#[test]
fn a_work_tree_that_was_killed_while_it_was_made_is_forgotten() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a commit").commit;
    let (work, elsewhere) = (fixture.top.with_file_name("work"), fixture.top.with_file_name("elsewhere"));
    for folder in [&work, &elsewhere] {
        fs::create_dir(folder).expect("a folder");
        let path = folder.join("tree");
        fixture.git(&["worktree", "add", "--quiet", "--detach", path.to_str().expect("text"), head.as_str()]);
        fs::remove_dir_all(&path).expect("it was there");
    }
    repository.prune_worktrees(&work).expect("it prunes");
    let listed = fixture.git(&["worktree", "list", "--porcelain"]);
    assert!(listed.contains("elsewhere/tree") && !listed.contains("work/tree"), "{listed}");
}

#[test]
fn the_users_checkout_stays_as_it_is_to_the_byte() {
    let fixture = Fixture::new();
    fixture.write("app.py", "being edited\n");
    fixture.write("staged.py", "staged\n");
    fixture.git(&["add", "staged.py"]);
    let before = state(&fixture.top);
    exercise(&fixture, |_| {});
    assert_eq!(state(&fixture.top), before);
}

/// Everything of a checkout that belongs to the user: files, index, head, branches, settings; with times.
fn state(top: &Path) -> Vec<(String, u64, std::time::SystemTime, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![top.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let shown = entry.path().strip_prefix(top).expect("beneath").to_string_lossy().into_owned();
            // Objects, our own refs and the folder for work trees are what we add.
            if [".git/objects", ".git/refs/groundcrew", ".git/worktrees"].contains(&shown.as_str()) {
                continue;
            }
            let meta = entry.metadata().expect("it is there");
            if meta.is_dir() {
                left.push(entry.path());
            } else {
                let content = fs::read(entry.path()).expect("a file");
                found.push((shown, meta.len(), meta.modified().expect("a time"), content));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_a_checkout_has_beyond_its_commit_is_told_and_its_index_is_left_alone() {
    let fixture = Fixture::new();
    fixture.write(".gitignore", "*.log\n");
    fixture.commit_all("Ignore logs");
    let repository = fixture.open();
    assert_eq!(repository.uncommitted().expect("paths"), Vec::<String>::new());
    fixture.write("app.py", "changed\n");
    fixture.write("staged name.py", "new\n");
    fixture.git(&["add", "staged name.py"]);
    fixture.write("tests/test_new.py", "new\n");
    fixture.write("app.log", "ignored\n");
    fs::remove_file(fixture.top.join("data/a.txt")).expect("it is there");
    let index = fs::read(fixture.top.join(".git/index")).expect("an index");
    let mut paths = repository.uncommitted().expect("paths");
    paths.sort();
    assert_eq!(paths, ["app.py", "data/a.txt", "staged name.py", "tests/"]);
    assert_eq!(fs::read(fixture.top.join(".git/index")).expect("an index"), index);
}
