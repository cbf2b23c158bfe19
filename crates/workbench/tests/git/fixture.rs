//! A repository made by plain git, and a tripwire that tells whether anything of it ran.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use groundcrew_core::audit::{Act, Recorder};
use groundcrew_workbench::git::{Change, RepoPath, Repository, Sha};

/// Keeps every act.
#[derive(Debug, Default)]
pub(crate) struct Acts(pub(crate) Mutex<Vec<Act>>);

impl Recorder for Acts {
    fn record(&self, act: Act) {
        self.0.lock().expect("no panic while held").push(act);
    }
}

pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) top: PathBuf,
    pub(crate) acts: Arc<Acts>,
}

impl Fixture {
    /// A repository with one commit: `app.py`, `run.sh` (executable) and `data/a.txt`.
    pub(crate) fn new() -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let top = folder.path().join("user");
        fs::create_dir(&top).expect("a folder");
        let fixture = Fixture { folder, top, acts: Arc::default() };
        fixture.git(&["init", "-q", "-b", "main"]);
        fixture.write("app.py", "one\ntwo\nthree\n");
        fixture.write("run.sh", "#!/bin/sh\n");
        fixture.write("data/a.txt", "a\n");
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(fixture.top.join("run.sh"), fs::Permissions::from_mode(0o755)).expect("a mode");
        fixture.git(&["add", "."]);
        fixture.git(&["commit", "-q", "-m", "First"]);
        fixture
    }

    /// Plain git, as a user runs it.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.top, args)
    }

    pub(crate) fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=User", "-c", "user.email=user@localhost"])
            .args(args)
            .current_dir(folder)
            .env_remove("GIT_DIR")
            .env_remove("GIT_EXTERNAL_DIFF")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git is installed");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.top.join(path);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    pub(crate) fn commit_all(&self, message: &str) -> Sha {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        Sha::parse(&self.git(&["rev-parse", "HEAD"])).expect("an id")
    }

    pub(crate) fn open(&self) -> Repository {
        Repository::open(&self.top, self.acts.clone()).expect("it opens")
    }

    /// A program that leaves a trace when it runs, whatever its arguments.
    pub(crate) fn tripwire(&self) -> String {
        use std::os::unix::fs::PermissionsExt;
        let program = self.folder.path().join("tripwire");
        let script = format!("#!/bin/sh\necho ran \"$@\" >> {}\ncat\n", self.traces().display());
        fs::write(&program, script).expect("a file");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        program.to_string_lossy().into_owned()
    }

    fn traces(&self) -> PathBuf {
        self.folder.path().join("traces")
    }

    /// What ran, for an assertion that nothing did.
    pub(crate) fn executions(&self) -> String {
        fs::read_to_string(self.traces()).unwrap_or_default()
    }

    pub(crate) fn hooks(&self, folder: &Path) {
        use std::os::unix::fs::PermissionsExt;
        let script = fs::read_to_string(self.tripwire()).expect("a file");
        fs::create_dir_all(folder).expect("a folder");
        for name in [
            "post-checkout",
            "pre-commit",
            "post-commit",
            "commit-msg",
            "prepare-commit-msg",
            "reference-transaction",
            "post-index-change",
            "post-rewrite",
            "pre-auto-gc",
            "update",
            "fsmonitor-watchman",
        ] {
            let hook = folder.join(name);
            fs::write(&hook, &script).expect("a file");
            fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("a mode");
        }
    }
}

pub(crate) fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).expect("a plain path")
}

/// Uses everything the repository offers, so that an attack has every chance.
pub(crate) fn exercise(fixture: &Fixture, disturb: impl FnOnce(&Path)) {
    let repository = fixture.open();
    let head = repository.head().expect("a head").commit;
    let commit = repository
        .commit(&head, &[Change::write(path("app.py"), "one\nTWO\nthree\n")], "Change", 1_700_000_000)
        .expect("a commit");
    repository.diff(&head, &commit).expect("a diff");
    repository.history(&commit, Some(&path("app.py")), 5).expect("a history");
    repository.blame(&commit, &path("app.py"), 2).expect("a line");
    repository.files(&commit).expect("files");
    repository.read(&commit, &path("app.py"), 1000).expect("a file");
    repository.revert(&commit, &commit).expect("a revert");
    repository
        .update_ref("refs/groundcrew/x", &commit, &groundcrew_workbench::git::Expected::Absent)
        .expect("a new ref");
    let at = fixture.folder.path().join("tree");
    let mut worktree = repository.add_worktree(&at, &commit).expect("a work tree");
    fs::write(at.join("app.py"), "changed\n").expect("a file");
    disturb(&at);
    worktree.changes().expect("changes");
    worktree
        .snapshot("refs/groundcrew/s", &groundcrew_workbench::git::Expected::Any, 1_700_000_000)
        .expect("a snapshot");
    repository.checked_out_branches().expect("branches");
    repository.uncommitted().expect("paths");
    worktree.remove().expect("it is stored");
    repository.prune_worktrees(Path::new("/nonexistent")).expect("nothing to prune");
}

impl Fixture {
    pub(crate) fn commit_all_with(&self, path: &str, content: &str, message: &str) -> Sha {
        self.write(path, content);
        self.commit_all(message)
    }
}
