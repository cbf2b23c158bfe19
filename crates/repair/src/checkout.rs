//! Work trees that are thrown away, and the two ways code of a project runs on them.
//!
//! Everything that runs code of the project goes through [`Bench::drive`] (a script of ours that imports the project)
//! or [`Bench::suite`] (its own tests), always in the sandbox.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_workbench::git::{Change, FileMode, GitError, Repository, Sha, remove_folder};
use groundcrew_workbench::runner::{Suite, run_suite};
use groundcrew_workbench::sandbox::{Ended, FILES, Limits, SandboxError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bench::{Bench, RepairError};
use crate::syntax::MAX_SOURCE;

/// The scripts of ours, all placed together since they import each other.
const SCRIPTS: &[(&str, &str)] = &[
    ("values.py", include_str!("../python/values.py")),
    ("calls.py", include_str!("../python/calls.py")),
    ("kinds.py", include_str!("../python/kinds.py")),
    ("mine.py", include_str!("../python/mine.py")),
    ("shapes.py", include_str!("../python/shapes.py")),
    ("spoken.py", include_str!("../python/spoken.py")),
    ("vary.py", include_str!("../python/vary.py")),
    ("observe.py", include_str!("../python/observe.py")),
    ("reproduce.py", include_str!("../python/reproduce.py")),
    ("check.py", include_str!("../python/check.py")),
    ("screen.py", include_str!("../python/screen.py")),
    ("compare.py", include_str!("../python/compare.py")),
    ("forks.py", include_str!("../python/forks.py")),
    ("judge.py", include_str!("../python/judge.py")),
    ("reach.py", include_str!("../python/reach.py")),
    ("mirrored.py", include_str!("../python/mirrored.py")),
    ("mixed.py", include_str!("../python/mixed.py")),
    ("mixtures.py", include_str!("../python/mixtures.py")),
    ("moves.py", include_str!("../python/moves.py")),
    ("place.py", include_str!("../python/place.py")),
    ("program.py", include_str!("../python/program.py")),
    ("seek.py", include_str!("../python/seek.py")),
    ("spectrum.py", include_str!("../python/spectrum.py")),
    ("suites.py", include_str!("../python/suites.py")),
    ("swap.py", include_str!("../python/swap.py")),
    ("tweaks.py", include_str!("../python/tweaks.py")),
    ("arguments.py", include_str!("../python/arguments.py")),
    ("conditions.py", include_str!("../python/conditions.py")),
    ("names.py", include_str!("../python/names.py")),
    ("operands.py", include_str!("../python/operands.py")),
    ("parts.py", include_str!("../python/parts.py")),
];
/// Most bytes of an answer.
const ANSWER: usize = 32 << 20;

/// The files of a commit in a folder of their own that git does not know of, taken away when it is dropped.
#[derive(Debug)]
pub struct Checkout {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Checkout {
    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        // What cannot be removed now is found again with the folder of the run that it lies in.
        remove_folder(&self.path).ok();
    }
}

impl Bench {
    /// A fresh work tree of a commit.
    ///
    /// # Errors
    /// If git or the file system refuses.
    pub fn checkout(&self, commit: &Sha) -> Result<Checkout, RepairError> {
        self.checkout_with(commit, &[])
    }

    /// A fresh work tree of a commit with changes on top, which no commit holds.
    ///
    /// # Errors
    /// If git or the file system refuses.
    pub fn checkout_with(&self, base: &Sha, changes: &[Change]) -> Result<Checkout, RepairError> {
        self.go_on()?;
        std::fs::create_dir_all(&self.folder).map_err(SandboxError::from)?;
        // The sandbox shows it by its real name.
        let at = self.folder.canonicalize().map_err(SandboxError::from)?;
        let folder = tempfile::Builder::new().prefix("repair-").tempdir_in(at).map_err(SandboxError::from)?;
        let path = folder.path().join("tree");
        self.repository.lay_out(&path, base, changes)?;
        Ok(Checkout { path, _folder: folder })
    }

    /// Runs the project's tests on a fresh work tree; none if it has no test command.
    ///
    /// # Errors
    /// If it could not be started.
    pub fn suite(&self, base: &Sha, changes: &[Change]) -> Result<Option<Suite>, RepairError> {
        let Some(test) = &self.tests else { return Ok(None) };
        let checkout = self.checkout_with(base, changes)?;
        let path = checkout.path();
        let run = run_suite(&self.sandbox, &self.python, path, test, None, &self.limits, &self.cancel)?;
        self.go_on()?;
        if run.ended.is_killed_from_outside(&run.hit) {
            return Err(RepairError::Killed("suite"));
        }
        Ok(Some(run))
    }

    /// Runs a script of ours on a work tree and reads its answer.
    pub(crate) fn drive<T: DeserializeOwned>(
        &self,
        driver: &'static str,
        worktree: &Path,
        orders: &Value,
        wall: Duration,
    ) -> Result<T, RepairError> {
        self.go_on()?;
        let script = format!("{FILES}/{driver}.py");
        let mut request = self.python.request(worktree, ["-B".to_owned(), script]);
        let scripts =
            SCRIPTS.iter().map(|(name, text)| (Path::new(FILES).join(name), text.as_bytes().to_vec()));
        request.files.extend(scripts);
        let unreadable = |error: serde_json::Error| RepairError::Driver { driver, reason: error.to_string() };
        request.stdin = serde_json::to_vec(orders).map_err(unreadable)?;
        request.limits = Limits { wall, output_bytes: ANSWER, ..self.limits.clone() };
        let output = self.sandbox.run(&request, &self.cancel)?;
        if output.ended == Ended::Cancelled {
            return Err(RepairError::Cancelled);
        }
        if output.ended.is_killed_from_outside(&output.hit) {
            return Err(RepairError::Killed(driver));
        }
        serde_json::from_slice(&output.stdout).map_err(|_| {
            let printed = String::from_utf8_lossy(&output.stderr);
            let tail: String = printed.chars().skip(printed.chars().count().saturating_sub(600)).collect();
            RepairError::Driver { driver, reason: format!("{}; {}", output.ended, tail.trim()) }
        })
    }

    pub(crate) fn go_on(&self) -> Result<(), RepairError> {
        if self.cancel.is_cancelled() { Err(RepairError::Cancelled) } else { Ok(()) }
    }
}

/// The files of a commit, read when asked for.
#[derive(Debug)]
pub struct Snapshot {
    /// The commit.
    pub commit: Sha,
    /// Paths of its plain files.
    pub files: Vec<String>,
    repository: Repository,
    texts: RefCell<HashMap<String, Option<String>>>,
}

impl Snapshot {
    /// The files of a commit.
    ///
    /// # Errors
    /// If git cannot read it.
    pub fn open(repository: &Repository, commit: &Sha) -> Result<Snapshot, GitError> {
        let plain = |mode| matches!(mode, FileMode::File | FileMode::Executable);
        let files = repository.files(commit)?.into_iter().filter(|entry| plain(entry.mode));
        Ok(Snapshot {
            commit: commit.clone(),
            files: files.map(|entry| entry.path.as_str().to_owned()).collect(),
            repository: repository.clone(),
            texts: RefCell::default(),
        })
    }

    /// The text of a file; none if it is missing, not UTF-8 or very long.
    pub fn text(&self, path: &str) -> Option<String> {
        if let Some(known) = self.texts.borrow().get(path) {
            return known.clone();
        }
        let read = || {
            let path = path.parse().ok()?;
            let bytes = self.repository.read(&self.commit, &path, MAX_SOURCE as u64).ok()??;
            String::from_utf8(bytes).ok()
        };
        let text = read();
        self.texts.borrow_mut().insert(path.to_owned(), text.clone());
        text
    }
}
