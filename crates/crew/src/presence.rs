//! Which processes of this machine still live, told by file locks that the kernel frees when a process ends.
//!
//! A lease alone would leave the task of a killed process waiting for a minute. A lock is freed at once, and unlike a
//! process id it cannot be taken for that of another process, and a process that is only stopped keeps it.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use groundcrew_core::role::Role;

const PREFIX: &str = "alive-";
const SUFFIX: &str = ".lock";
const UNNAMED: &str = "new";

/// The sign that a process of a crew lives, as long as it is held.
#[derive(Debug)]
pub struct Presence {
    _locked: File,
    path: PathBuf,
}

impl Presence {
    /// Shows that the process of this name lives.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub fn show(folder: &Path, process: &str) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = file(folder, process);
        sweep(folder);
        // Locked before it has its name, so that nobody ever sees it free while the process lives.
        let unnamed = path.with_extension(UNNAMED);
        loop {
            let locked = File::create(&unnamed)?;
            locked.lock()?;
            match std::fs::rename(&unnamed, &path) {
                Ok(()) => return Ok(Self { _locked: locked, path }),
                // Another process swept it away before it was locked.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Takes away what processes left that were killed before their sign had its name.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let unnamed = name.to_str().is_some_and(|name| {
            name.starts_with(PREFIX) && name.rsplit_once('.').is_some_and(|(_, ending)| ending == UNNAMED)
        });
        if unnamed && is_free(&entry.path()) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // What stays behind is only an unlocked file, which says that its process has ended.
        drop(std::fs::remove_file(&self.path));
    }
}

/// The processes that are known to have ended: they showed themselves here once and their lock is free.
pub fn ended(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let shown = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let process = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.to_owned();
        is_free(&entry.path()).then_some(process)
    });
    shown.collect()
}

fn is_free(path: &Path) -> bool {
    let Ok(shown) = File::open(path) else { return false };
    match shown.try_lock_shared() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

/// Takes the sign of a process that has ended away.
pub(crate) fn forget(folder: &Path, process: &str) {
    drop(std::fs::remove_file(file(folder, process)));
}

/// The name of a process's worker for a role.
pub fn worker_name(role: Role, process: &str) -> String {
    format!("{role}@{process}")
}

/// The part of a worker's name that names its process.
pub(crate) fn process_of(worker: &str) -> &str {
    worker.split_once('@').map_or(worker, |(_, process)| process)
}

/// A name for this process that no other of this machine has or had: process ids come again, so the moment is part of it.
pub fn process_name() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("{}-{}-{:x}", host(), std::process::id(), since.unwrap_or_default().as_nanos())
}

/// The name of this machine.
pub fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".into(), |name| name.trim().to_owned())
}

fn file(folder: &Path, process: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
    folder.join(format!("{PREFIX}{}{SUFFIX}", process.chars().map(plain).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_showed_itself_and_let_go_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        assert_eq!(ended(at), BTreeSet::new(), "never seen");
        let alive = Presence::show(at, "host-1-a").unwrap();
        assert_eq!(ended(at), BTreeSet::new(), "alive");
        // A kill frees the lock and leaves the file.
        alive._locked.unlock().unwrap();
        assert_eq!(ended(at), BTreeSet::from(["host-1-a".to_owned()]));
        forget(at, "host-1-a");
        assert_eq!(ended(at), BTreeSet::new(), "forgotten");
    }

    #[test]
    fn what_was_killed_before_it_showed_itself_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("alive-host-1-a.new");
        File::create(&left).unwrap();
        let starting = File::create(folder.path().join("alive-host-2-b.new")).unwrap();
        starting.lock().unwrap();
        let _alive = Presence::show(folder.path(), "host-3-c").unwrap();
        assert!(!left.exists());
        assert!(folder.path().join("alive-host-2-b.new").exists(), "that one is about to show itself");
    }
}
