//! Every git attack known to us, one test each: nothing of the repository may run.

use std::fs;
use std::os::unix::fs::symlink;

use groundcrew_workbench::git::{Change, FileMode, GitError, Repository};

use crate::fixture::{Fixture, exercise, path};

/// Settings that make plain git run a program.
fn poison(fixture: &Fixture, folder: &std::path::Path) {
    let trip = fixture.tripwire();
    for (key, value) in [
        ("core.fsmonitor", trip.as_str()),
        ("core.pager", &trip),
        ("core.editor", &trip),
        ("core.sshCommand", &trip),
        ("core.askPass", &trip),
        ("core.gitProxy", &trip),
        ("core.alternateRefsCommand", &trip),
        ("diff.external", &trip),
        ("diff.evil.command", &trip),
        ("diff.evil.textconv", &trip),
        ("filter.evil.clean", &trip),
        ("filter.evil.smudge", &trip),
        ("filter.evil.required", "true"),
        ("filter.evil2.process", &trip),
        ("filter.evil2.required", "true"),
        ("merge.evil.driver", &trip),
        ("gpg.program", &trip),
        ("commit.gpgSign", "true"),
        ("log.showSignature", "true"),
        ("credential.helper", &trip),
        ("interactive.diffFilter", &trip),
    ] {
        fixture.git_in(folder, &["config", key, value]);
    }
    let hooks = fixture.folder.path().join("hooks");
    fixture.hooks(&hooks);
    fixture.git_in(folder, &["config", "core.hooksPath", &hooks.to_string_lossy()]);
}

const ATTRIBUTES: &str = "*.py filter=evil diff=evil merge=evil\n*.txt filter=evil2\n";

#[test]
fn the_tripwire_works_at_all() {
    let fixture = Fixture::new();
    fixture.hooks(&fixture.top.join(".git/hooks"));
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "Second"]);
    assert_ne!(fixture.executions(), "");
}

#[test]
fn a_replaced_git_file_with_fsmonitor_and_hooks_runs_nothing() {
    let fixture = Fixture::new();
    let evil = fixture.folder.path().join("evil");
    fs::create_dir(&evil).expect("a folder");
    fixture.git_in(&evil, &["init", "-q"]);
    poison(&fixture, &evil);
    exercise(&fixture, |tree| {
        fs::write(tree.join(".git"), format!("gitdir: {}/.git\n", evil.display())).expect("a file");
    });
    assert_eq!(fixture.executions(), "");
}

#[test]
fn a_replaced_git_file_with_filters_and_attributes_runs_nothing() {
    let fixture = Fixture::new();
    let evil = fixture.folder.path().join("evil");
    fs::create_dir(&evil).expect("a folder");
    fixture.git_in(&evil, &["init", "-q"]);
    poison(&fixture, &evil);
    exercise(&fixture, |tree| {
        fs::remove_file(tree.join(".git")).expect("it was there");
        symlink(evil.join(".git"), tree.join(".git")).expect("a link");
        fs::write(tree.join(".gitattributes"), ATTRIBUTES).expect("a file");
    });
    assert_eq!(fixture.executions(), "");
}

#[test]
fn the_repositorys_own_drivers_run_nothing_with_committed_attributes() {
    let fixture = Fixture::new();
    fixture.write(".gitattributes", ATTRIBUTES);
    fixture.commit_all("Attributes");
    poison(&fixture, &fixture.top);
    exercise(&fixture, |_| {});
    assert_eq!(fixture.executions(), "");
}

#[test]
fn the_repositorys_own_drivers_run_nothing_with_attributes_beside_the_objects() {
    let fixture = Fixture::new();
    fixture.write(".git/info/attributes", ATTRIBUTES);
    poison(&fixture, &fixture.top);
    exercise(&fixture, |_| {});
    assert_eq!(fixture.executions(), "");
}

#[test]
fn a_merge_driver_does_not_run_in_a_revert() {
    let fixture = Fixture::new();
    let first = fixture.commit_all_with("app.py", "one\nTWO\nthree\n", "Second");
    fixture.commit_all_with("app.py", "one\nTWO!\nthree\n", "Third");
    fixture.write(".git/info/attributes", ATTRIBUTES);
    poison(&fixture, &fixture.top);
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    assert_eq!(repository.revert(&first, &head).expect("it is judged"), None);
    assert_eq!(fixture.executions(), "");
}

#[test]
fn a_nested_repository_runs_nothing_and_is_refused() {
    let fixture = Fixture::new();
    let mut refused = Vec::new();
    exercise(&fixture, |tree| {
        let nested = tree.join("nested");
        fs::create_dir(&nested).expect("a folder");
        fixture.git_in(&nested, &["init", "-q"]);
        fixture.git_in(&nested, &["commit", "-q", "--allow-empty", "-m", "Nested"]);
        poison(&fixture, &nested);
        let changes = fixture.open().worktree(tree).expect("ours").changes().expect("changes");
        refused = changes.refused.into_iter().map(|thing| thing.path).collect();
    });
    assert_eq!(refused, ["nested/.git"]);
    assert_eq!(fixture.executions(), "");
}

#[test]
fn a_committed_gitlink_is_reported_and_left_empty() {
    let fixture = Fixture::new();
    let id = fixture.git(&["rev-parse", "HEAD"]);
    fixture.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},sub")]);
    fixture.git(&["commit", "-q", "-m", "Link"]);
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let modes: Vec<_> = repository.files(&head).expect("files").into_iter().map(|file| file.mode).collect();
    assert!(modes.contains(&FileMode::Gitlink));
    let at = fixture.folder.path().join("tree");
    let worktree = repository.add_worktree(&at, &head).expect("a work tree");
    assert!(!at.join("sub").exists());
    assert!(worktree.changes().expect("changes").is_empty());
    let change = [Change::write(path("sub"), "x")];
    assert!(matches!(repository.commit(&head, &change, "x", 0), Err(GitError::Refused { .. })));
    assert!(matches!(
        repository.commit(&head, &[Change::write(path("sub/x"), "x")], "x", 0),
        Err(GitError::Refused { .. })
    ));
}

#[test]
fn a_bare_repository_hidden_in_a_folder_is_not_entered() {
    let fixture = Fixture::new();
    let bare = fixture.top.join("data/hidden");
    fs::create_dir_all(&bare).expect("a folder");
    fixture.git_in(&bare, &["init", "-q", "--bare"]);
    poison(&fixture, &bare);
    exercise(&fixture, |_| {});
    let opened = Repository::open(&bare, fixture.acts.clone());
    assert!(matches!(opened, Err(GitError::Bare(_))), "{opened:?}");
    assert_eq!(fixture.executions(), "");
}

#[test]
fn hooks_of_the_repository_run_nothing() {
    let fixture = Fixture::new();
    fixture.hooks(&fixture.top.join(".git/hooks"));
    exercise(&fixture, |_| {});
    assert_eq!(fixture.executions(), "");
}

#[test]
fn a_filter_of_the_users_own_settings_runs_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let trace = home.path().join("trace");
    let trip = home.path().join("tripwire");
    fs::write(&trip, format!("#!/bin/sh\necho ran >> {}\ncat\n", trace.display())).expect("a file");
    fs::set_permissions(&trip, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let trip = trip.display();
    let settings = home.path().join(".gitconfig");
    fs::write(&settings, format!("[filter \"evil\"]\n\tsmudge = {trip}\n\tclean = {trip}\n"))
        .expect("a file");
    // Variables of a process can only be set from outside it, so the test starts itself again with the user's.
    let test = std::env::current_exe().expect("a path");
    let output = std::process::Command::new(test)
        .args(["--exact", "attacks::exercise_with_attributes", "--ignored"])
        .env("HOME", home.path())
        .env("GIT_CONFIG_GLOBAL", &settings)
        .env("GIT_CONFIG_SYSTEM", &settings)
        .env("GIT_EXTERNAL_DIFF", home.path().join("tripwire"))
        .env("GIT_DIR", "/nowhere")
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    assert!(!trace.exists());
}

#[test]
#[ignore = "the other half of a test that sets variables"]
fn exercise_with_attributes() {
    let fixture = Fixture::new();
    fixture.write(".gitattributes", ATTRIBUTES);
    fixture.commit_all("Attributes");
    exercise(&fixture, |_| {});
}

#[test]
fn a_revision_that_looks_like_an_option_writes_nothing() {
    let fixture = Fixture::new();
    let victim = fixture.folder.path().join("victim");
    let repository = fixture.open();
    for rev in [format!("--output={}", victim.display()), "--all".to_owned(), "-h".to_owned(), String::new()]
    {
        assert!(matches!(repository.resolve(&rev), Err(GitError::NoSuchCommit(_))), "{rev}");
    }
    let head = repository.head().expect("a head").commit;
    let file = format!("--output={}", victim.display()).replace('/', "_");
    let commit = repository.commit(&head, &[Change::write(path(&file), "x\n")], "x", 0).expect("a commit");
    assert_eq!(repository.read(&commit, &path(&file), 10).expect("a file"), Some(b"x\n".to_vec()));
    assert_eq!(repository.blame(&commit, &path(&file), 1).expect("a line").expect("a commit").sha, commit);
    assert!(repository.update_ref("--output=x", &head, &groundcrew_workbench::git::Expected::Any).is_err());
    assert!(!victim.exists());
}

#[test]
fn a_committed_link_is_never_followed() {
    let fixture = Fixture::new();
    symlink("/etc/passwd", fixture.top.join("secret")).expect("a link");
    symlink("/", fixture.top.join("root")).expect("a link");
    let head = fixture.commit_all("Links");
    let repository = fixture.open();
    assert_eq!(repository.read(&head, &path("secret"), 10_000).expect("it is judged"), None);
    assert_eq!(repository.read(&head, &path("root/etc/passwd"), 10_000).expect("it is judged"), None);
    for target in ["secret", "root", "root/etc/new"] {
        let change = [Change::write(path(target), "x")];
        assert!(
            matches!(repository.commit(&head, &change, "x", 0), Err(GitError::Refused { .. })),
            "{target}"
        );
    }
    let at = fixture.folder.path().join("tree");
    let worktree = repository.add_worktree(&at, &head).expect("a work tree");
    assert!(worktree.changes().expect("changes").is_empty());
    fs::remove_file(at.join("app.py")).expect("it was there");
    symlink("/etc/passwd", at.join("app.py")).expect("a link");
    symlink("/etc", at.join("folder")).expect("a link");
    let found = worktree.changes().expect("changes");
    let refused: Vec<_> = found.refused.iter().map(|thing| thing.path.as_str()).collect();
    assert_eq!((refused, found.changes), (vec!["app.py", "folder"], Vec::new()));
}

#[test]
fn a_tree_with_a_link_and_a_folder_of_one_name_writes_nothing_outside() {
    let fixture = Fixture::new();
    let outside = fixture.folder.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(fixture.folder.path().join("target"), outside.to_string_lossy().as_bytes()).expect("a file");
    let link = fixture.git(&["hash-object", "-w", "../target"]);
    let blob = fixture.git(&["rev-parse", "HEAD:app.py"]);
    let folder = fixture.git(&["rev-parse", "HEAD:data"]);
    let raw = |mode: &str, name: &str, id: &str| {
        let id: Vec<u8> =
            (0..20).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("hex")).collect();
        [format!("{mode} {name}\0").into_bytes(), id].concat()
    };
    let tree = [raw("120000", "a", &link), raw("40000", "a", &folder), raw("100644", "b", &blob)].concat();
    fs::write(fixture.folder.path().join("tree-object"), tree).expect("a file");
    let tree = fixture.git(&["hash-object", "-w", "-t", "tree", "--literally", "../tree-object"]);
    let commit = fixture.git(&["commit-tree", "-m", "Evil", &tree]);
    let commit = groundcrew_workbench::git::Sha::parse(&commit).expect("an id");
    let made = fixture.open().add_worktree(&fixture.folder.path().join("tree"), &commit);
    assert!(made.is_err(), "{made:?}");
    assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 0);
}

#[test]
fn names_with_line_ends_escapes_and_dashes_pass_through_unharmed() {
    let fixture = Fixture::new();
    let names = ["-n", "a\nb", "esc\u{1b}[31m", "sp ace", "tab\tq\"uote", "é", ":(top)x", "*"];
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let changes: Vec<Change> =
        names.iter().map(|name| Change::write(path(name), format!("{name}\n"))).collect();
    let commit = repository.commit(&head, &changes, "Names", 0).expect("a commit");
    let mut listed: Vec<String> =
        repository.diff(&head, &commit).expect("a diff").files.into_iter().map(|file| file.path).collect();
    listed.sort();
    let mut expected = names.map(str::to_owned);
    expected.sort();
    assert_eq!(listed, expected);
    for name in names {
        let content = repository.read(&commit, &path(name), 100).expect("a file");
        assert_eq!(content, Some(format!("{name}\n").into_bytes()), "{name:?}");
        assert_eq!(
            repository.history(&commit, Some(&path(name)), 9).expect("a history").len(),
            1,
            "{name:?}"
        );
    }
    let worktree =
        repository.add_worktree(&fixture.folder.path().join("tree"), &commit).expect("a work tree");
    assert!(worktree.changes().expect("changes").is_empty());
}

#[test]
fn a_repository_of_another_user_can_be_used_by_root() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root can meet a repository of another user");
        return;
    }
    let fixture = Fixture::new();
    let status = std::process::Command::new("chown").args(["-R", "65534:65534"]).arg(&fixture.top).status();
    assert!(status.expect("chown is installed").success());
    exercise(&fixture, |_| {});
}

#[test]
fn a_missing_object_is_not_fetched() {
    let fixture = Fixture::new();
    let trip = fixture.tripwire();
    fixture.git(&["config", "remote.origin.url", &format!("ext::{trip} %S")]);
    fixture.git(&["config", "remote.origin.promisor", "true"]);
    fixture.git(&["config", "remote.origin.uploadpack", &trip]);
    fixture.git(&["config", "extensions.partialClone", "origin"]);
    fixture.git(&["config", "core.repositoryFormatVersion", "1"]);
    fixture.git(&["config", "protocol.ext.allow", "always"]);
    let blob = fixture.git(&["rev-parse", "HEAD:app.py"]);
    fs::remove_file(fixture.top.join(format!(".git/objects/{}/{}", &blob[..2], &blob[2..])))
        .expect("a loose object");
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    assert!(repository.read(&head, &path("app.py"), 100).is_err());
    assert!(repository.add_worktree(&fixture.folder.path().join("tree"), &head).is_err());
    assert_eq!(fixture.executions(), "");
}

#[test]
fn looking_at_what_is_uncommitted_runs_no_filter_of_the_checkout() {
    let fixture = Fixture::new();
    poison(&fixture, &fixture.top);
    fixture.write(".gitattributes", ATTRIBUTES);
    // As long as before, so that git has to look into it.
    fixture.write("app.py", "one\ntwo\nTHREE\n");
    let paths = fixture.open().uncommitted().expect("paths");
    assert_eq!(paths, ["app.py", ".gitattributes"]);
    assert_eq!(fixture.executions(), "");
}
