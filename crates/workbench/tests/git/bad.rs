//! Repositories and machines that are not as one would wish: each works, or says what is wrong with it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use groundcrew_workbench::git::{Change, GitError, Repository};

use crate::fixture::{Acts, Fixture, exercise, path};

/// Where the other half of a test finds its repository.
const TOP: &str = "BAD_TOP";
/// What that half expects.
const EXPECTED: &str = "BAD_EXPECTED";

#[test]
fn a_detached_head_is_a_base_like_any_other() {
    let fixture = Fixture::new();
    let first = fixture.git(&["rev-parse", "HEAD"]);
    fixture.commit_all_with("app.py", "later\n", "Second");
    fixture.git(&["checkout", "-q", "--detach", &first]);
    let head = fixture.open().head().expect("a head");
    assert_eq!((head.commit.as_str(), head.branch), (first.as_str(), None));
    exercise(&fixture, |_| {});
    assert_eq!(fixture.git(&["rev-parse", "HEAD"]), first);
}

#[test]
fn a_dirty_checkout_is_no_hindrance_and_stays_byte_equal() {
    let fixture = Fixture::new();
    fixture.write("app.py", "being edited\n");
    fixture.write("staged.py", "staged\n");
    fixture.git(&["add", "staged.py"]);
    fixture.write("staged.py", "staged and edited\n");
    fixture.write("notes/untracked.txt", "mine\n");
    fixture.write(".git/info/exclude", "ignored.txt\n");
    fixture.write("ignored.txt", "ignored\n");
    fs::remove_file(fixture.top.join("data/a.txt")).expect("a file");
    let look = || {
        let index = fs::read(fixture.top.join(".git/index")).expect("an index");
        let files: Vec<(String, Vec<u8>)> =
            ["app.py", "staged.py", "notes/untracked.txt", "ignored.txt", "run.sh"]
                .map(|name| (name.to_owned(), fs::read(fixture.top.join(name)).expect("a file")))
                .to_vec();
        (index, files, fixture.git(&["status", "--porcelain", "--ignored"]), fixture.git(&["stash", "list"]))
    };
    let before = look();
    exercise(&fixture, |_| {});
    assert_eq!(look(), before);
}

#[test]
fn a_shallow_clone_works_and_its_oldest_commit_is_nobodys_suspect() {
    let fixture = Fixture::new();
    fixture.commit_all_with("app.py", "one\ntwo\nTHREE\n", "Second");
    fixture.commit_all_with("app.py", "ONE\ntwo\nTHREE\n", "Third");
    let from = format!("file://{}", fixture.top.display());
    fixture.git_in(fixture.folder.path(), &["clone", "-q", "--depth", "2", &from, "shallow"]);
    let shallow = fixture.folder.path().join("shallow");
    let repository = Repository::open(&shallow, fixture.acts.clone()).expect("it opens");
    assert!(repository.is_shallow());
    let third = repository.head().expect("a head").commit;
    let second = repository.resolve("HEAD~1").expect("it is there");
    assert!(matches!(repository.resolve("HEAD~2"), Err(GitError::NoSuchCommit(_))));
    assert_eq!((repository.is_cut_at(&third), repository.is_cut_at(&second)), (false, true));
    let app = path("app.py");
    let blamed = |line| repository.blame(&third, &app, line).expect("it is judged").map(|info| info.sha);
    assert_eq!((blamed(1), blamed(2)), (Some(third.clone()), None), "who wrote line 2 is not known");
    let lines = repository.blame_lines(&third, &app, 1, 3).expect("it is judged");
    assert_eq!(lines.into_iter().collect::<Vec<_>>(), [(third.clone(), 1)]);
    let range = repository.blame_range(&third, &app, 1, 3).expect("it is judged");
    assert_eq!(range.iter().map(|line| line.line).collect::<Vec<_>>(), [1]);
    assert_eq!(
        repository.revert(&second, &third).expect("it is judged"),
        None,
        "what it changed is not known"
    );
    assert!(repository.revert(&third, &third).expect("it is judged").is_some());
    let at = fixture.folder.path().join("tree");
    let worktree = repository.add_worktree(&at, &third).expect("a work tree");
    assert_eq!(fs::read_to_string(at.join("app.py")).expect("a file"), "ONE\ntwo\nTHREE\n");
    repository.commit(&third, &[Change::write(app, "fixed\n")], "Fix", 1_700_000_000).expect("a commit");
    worktree.remove().expect("nothing is lost");
}

#[test]
fn submodules_are_named_left_empty_and_never_fetched() {
    let fixture = Fixture::new();
    let trip = fixture.tripwire();
    let other = fixture.folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    fixture.git_in(&other, &["init", "-q", "-b", "main"]);
    fs::write(other.join("lib.py"), "x = 1\n").expect("a file");
    fixture.git_in(&other, &["add", "."]);
    fixture.git_in(&other, &["commit", "-q", "-m", "Other"]);
    let url = other.to_string_lossy().into_owned();
    fixture.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "vendor/other"]);
    fixture.git(&["config", "submodule.vendor/other.update", &format!("!{trip}")]);
    fixture.git(&["config", "submodule.recurse", "true"]);
    let head = fixture.commit_all("With a submodule");
    let repository = fixture.open();
    assert_eq!(repository.submodules(&head).expect("a list"), [path("vendor/other")]);
    assert_eq!(repository.read(&head, &path("vendor/other/lib.py"), 100).expect("it is judged"), None);
    exercise(&fixture, |at| {
        let content = at.join("vendor/other");
        assert!(fs::read_dir(&content).map_or(0, Iterator::count) == 0, "nothing is fetched");
    });
    assert_eq!(fixture.executions(), "");
}

#[test]
fn without_git_and_with_an_old_git_it_says_so() {
    let fixture = Fixture::new();
    let empty = fixture.folder.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    assert_passed(&again(&fixture.top, "no git", empty.as_os_str()));
    let old = fixture.folder.path().join("old");
    fs::create_dir(&old).expect("a folder");
    for (version, expected) in [
        ("git version 2.20.1", "2.20.1"),
        ("git version 2.9.5.windows.1", "2.9.5.windows.1"),
        ("nonsense", ""),
    ] {
        let program = old.join("git");
        fs::write(&program, format!("#!/bin/sh\necho '{version}'\n")).expect("a file");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        assert_passed(&again(&fixture.top, &format!("old {expected}"), old.as_os_str()));
    }
}

#[test]
fn a_repository_of_somebody_else_is_read_and_a_refused_write_says_why() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root can make a repository of another user");
        return;
    }
    let fixture = Fixture::new();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    open(fixture.folder.path());
    let test = fixture.folder.path().join("test");
    fs::copy(std::env::current_exe().expect("a path"), &test).expect("a copy");
    open(&test);
    let output = Command::new("setpriv")
        .args(["--reuid", "61234", "--regid", "61234", "--clear-groups", "--"])
        .arg(test)
        .args(["--exact", "bad::other_half", "--ignored"])
        .env(TOP, &fixture.top)
        .env(EXPECTED, "read only")
        .env("TMPDIR", "/tmp")
        .current_dir("/")
        .output()
        .expect("setpriv is installed");
    assert_passed(&output);
}

/// The other half of a test, in a process of its own with its own search path.
fn again(top: &Path, expected: &str, search: &OsStr) -> Output {
    Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "bad::other_half", "--ignored"])
        .env(TOP, top)
        .env(EXPECTED, expected)
        .env("PATH", search)
        .output()
        .expect("it starts")
}

fn assert_passed(output: &Output) {
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
#[ignore = "the other half of tests that need a process of their own"]
fn other_half() {
    let Some(top) = std::env::var_os(TOP) else { return };
    let expected = std::env::var(EXPECTED).expect("set together");
    let opened = Repository::open(Path::new(&top), Arc::new(Acts::default()));
    match expected.as_str() {
        "no git" => {
            let error = opened.expect_err("there is no git");
            assert!(matches!(error, GitError::NoGit), "{error}");
            assert_eq!(error.to_string(), "git is not installed or not in PATH; install git 2.31 or newer");
        }
        "read only" => {
            let repository = opened.expect("it opens");
            let head = repository.head().expect("a head").commit;
            assert!(repository.read(&head, &path("app.py"), 100).expect("it is read").is_some());
            let folder = tempfile::tempdir().expect("a folder");
            let refused = repository.add_worktree(&folder.path().join("tree"), &head);
            let error = refused.expect_err("it is somebody else's").to_string();
            assert!(error.contains("ermission denied"), "{error}");
        }
        old => {
            let found = old.strip_prefix("old ").expect("one of the three");
            let error = opened.expect_err("it is too old");
            assert!(matches!(&error, GitError::TooOld { found: told, .. } if told == found), "{error}");
        }
    }
}
