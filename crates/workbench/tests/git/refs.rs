//! Refs move by compare-and-swap and never under somebody's feet.

use std::fs;

use groundcrew_workbench::git::{Change, Expected, GitError, Repository};

use crate::fixture::{Fixture, path};

#[test]
fn a_ref_moves_only_from_where_it_is_expected() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let one = repository.head().expect("a head").commit;
    let two = repository.commit(&one, &[Change::delete(path("data/a.txt"))], "Second", 5).expect("a commit");
    let name = "refs/groundcrew/lane";
    repository.update_ref(name, &one, &Expected::Absent).expect("it is new");
    assert!(matches!(
        repository.update_ref(name, &two, &Expected::Absent),
        Err(GitError::Moved { found: Some(found), .. }) if found == one
    ));
    assert!(matches!(
        repository.update_ref(name, &two, &Expected::At(two.clone())),
        Err(GitError::Moved { found: Some(found), .. }) if found == one
    ));
    repository.update_ref(name, &two, &Expected::At(one.clone())).expect("it is there");
    assert_eq!(repository.refs("refs/groundcrew/").expect("refs"), [(name.to_owned(), two.clone())]);
    assert!(matches!(repository.delete_ref(name, &Expected::At(one)), Err(GitError::Moved { .. })));
    repository.delete_ref(name, &Expected::At(two)).expect("it is there");
    assert_eq!(repository.ref_sha(name).expect("it is judged"), None);
    repository.delete_ref(name, &Expected::Absent).expect("it is absent");
}

#[test]
fn of_many_at_once_one_wins() {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (repository, head) = (repository.clone(), head.clone());
                scope.spawn(move || {
                    let change = [Change::write(path("app.py"), format!("{number}"))];
                    let commit = repository.commit(&head, &change, "Race", number).expect("a commit");
                    usize::from(
                        repository.update_ref("refs/groundcrew/race", &commit, &Expected::Absent).is_ok(),
                    )
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(won, 1);
}

#[test]
fn a_branch_in_use_is_never_moved() {
    let fixture = Fixture::new();
    fixture.git(&["branch", "side"]);
    fixture.git(&["branch", "free"]);
    let linked = fixture.folder.path().join("linked");
    fixture.git(&["worktree", "add", "-q", &linked.to_string_lossy(), "side"]);
    let repository = fixture.open();
    assert_eq!(repository.checked_out_branches().expect("branches"), ["refs/heads/main", "refs/heads/side"]);
    let head = repository.head().expect("a head").commit;
    let next = repository.commit(&head, &[Change::write(path("new.py"), "x")], "Next", 0).expect("a commit");
    for branch in ["main", "side"] {
        let full = format!("refs/heads/{branch}");
        assert!(
            matches!(repository.fast_forward(branch, &next), Err(GitError::CheckedOut { branch }) if branch == full)
        );
        assert!(matches!(
            repository.update_ref(&full, &next, &Expected::Any),
            Err(GitError::CheckedOut { .. })
        ));
        assert!(matches!(repository.delete_ref(&full, &Expected::Any), Err(GitError::CheckedOut { .. })));
    }
    repository.fast_forward("free", &next).expect("it is free");
    assert_eq!(repository.ref_sha("refs/heads/free").expect("a ref"), Some(next));
    assert!(matches!(repository.fast_forward("free", &head), Err(GitError::NotFastForward { .. })));
    assert!(matches!(repository.fast_forward("none", &head), Err(GitError::NoSuchCommit(_))));
    // From a linked work tree the same repository is seen.
    let from_linked = Repository::open(&linked, fixture.acts.clone()).expect("it opens");
    assert_eq!(from_linked.head().expect("a head").branch.as_deref(), Some("side"));
    assert_eq!(from_linked.common_dir(), repository.common_dir());
}

#[test]
fn a_symbolic_ref_cannot_lead_a_write_to_a_branch_in_use() {
    let fixture = Fixture::new();
    fixture.git(&["symbolic-ref", "refs/groundcrew/alias", "refs/heads/main"]);
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let next = repository.commit(&head, &[Change::write(path("new.py"), "x")], "Next", 0).expect("a commit");
    repository.update_ref("refs/groundcrew/alias", &next, &Expected::Any).ok();
    assert_eq!(fixture.git(&["rev-parse", "refs/heads/main"]), head.as_str());
}

#[test]
fn opening_says_what_is_wrong() {
    let fixture = Fixture::new();
    let folder = fixture.folder.path();
    let open = |path: &std::path::Path| Repository::open(path, fixture.acts.clone());
    assert!(matches!(open(&folder.join("none")), Err(GitError::NoFolder(_))));
    assert!(matches!(open(folder), Err(GitError::NotARepository(_))));
    let empty = folder.join("empty");
    fs::create_dir(&empty).expect("a folder");
    fixture.git_in(&empty, &["init", "-q", "-b", "trunk"]);
    assert!(matches!(open(&empty).expect("it opens").head(), Err(GitError::NoCommits(_))));
    let bare = folder.join("bare.git");
    fixture.git_in(folder, &["init", "-q", "--bare", "bare.git"]);
    assert!(matches!(open(&bare), Err(GitError::Bare(_))));
    let inside = fixture.top.join("data");
    assert_eq!(open(&inside).expect("it opens").top(), fixture.top.canonicalize().expect("a path"));
    let liar = folder.join("liar");
    fs::create_dir(&liar).expect("a folder");
    fs::write(liar.join(".git"), "gitdir: ../nowhere\n").expect("a file");
    assert!(matches!(open(&liar), Err(GitError::BrokenGitFile { .. })));
    assert_eq!(fixture.open().default_branch().expect("it is judged").as_deref(), Some("main"));
    assert!(!fixture.open().is_shallow());
}
