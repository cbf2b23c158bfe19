//! Which processes of this machine still live, told by file locks that the kernel frees when a process ends.
//!
//! A lease alone would leave the task of a killed process waiting for a minute. A lock is freed at once, and unlike a
//! process id it cannot be taken for that of another process, and a process that is only stopped keeps it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

const PREFIX: &str = "alive-";
const SUFFIX: &str = ".lock";

/// The sign that a process of a crew lives, as long as it is held.
#[derive(Debug)]
pub(crate) struct Presence {
    _locked: File,
    path: PathBuf,
}

impl Presence {
    /// Shows that the process of this name lives.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub(crate) fn show(folder: &Path, process: &str) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = file(folder, process);
        let locked = File::create(&path)?;
        locked.lock()?;
        Ok(Self { _locked: locked, path })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // What stays behind is only an unlocked file, which says that its process has ended.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Whether the process of this name is known to have ended: it showed itself here once and its lock is free.
pub(crate) fn has_ended(folder: &Path, process: &str) -> bool {
    let Ok(shown) = File::open(file(folder, process)) else { return false };
    match shown.try_lock_shared() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

/// Takes the signs of all processes that have ended away.
pub(crate) fn forget_ended(folder: &Path) {
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if let Some(process) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX))
            && has_ended(folder, process)
        {
            drop(std::fs::remove_file(&file));
        }
    }
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
        assert!(!has_ended(at, "host-1-a"), "never seen");
        let alive = Presence::show(at, "host-1-a").unwrap();
        assert!(!has_ended(at, "host-1-a"), "alive");
        // A kill frees the lock and leaves the file.
        let Presence { _locked, path } = &alive;
        _locked.unlock().unwrap();
        assert!(has_ended(at, "host-1-a"));
        assert!(path.starts_with(at));
        forget_ended(at);
        assert!(!has_ended(at, "host-1-a"));
        assert!(!has_ended(at, "../../etc/passwd"));
    }
}
