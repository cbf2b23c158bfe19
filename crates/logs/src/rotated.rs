//! Where a log went when another file took its name.
//!
//! Log rotation renames the file within its folder, so the old one is looked for there by inode, and believed only if it
//! begins as it did: an inode number is given out again soon after a file is deleted.

use std::os::unix::fs::DirEntryExt;
use std::path::Path;

use crate::file::LogFile;
use crate::source::Cursor;

/// Entries of a folder that are looked at.
const ENTRIES: usize = 4096;

/// The file of the cursor under its new name, if it is still in the folder.
pub(crate) fn find(path: &Path, cursor: &Cursor) -> Option<LogFile> {
    // The folder of the real file: a symbolic link to a log may stand in another one.
    let path = path.canonicalize().ok()?;
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let same = |entry: &std::fs::DirEntry| {
        entry.ino() == cursor.inode && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    let entry = entries.take(ENTRIES).filter_map(Result::ok).find(same)?;
    let log = LogFile::open(&entry.path()).ok()?;
    let unchanged =
        log.inode == cursor.inode && log.length >= cursor.offset && log.begins_as(cursor).unwrap_or(false);
    unchanged.then_some(log)
}

/// The file that was written next after `old`, where the log was rotated again before `old` had been read to its end:
/// of the log's rotated files that were written later than `old`, the earliest.
pub(crate) fn next(path: &Path, old: &LogFile) -> Option<LogFile> {
    let path = path.canonicalize().ok()?;
    let name = path.file_name()?.to_str()?;
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    entries
        .take(ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|other| is_rotated(name, other)))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| LogFile::open(&entry.path()).ok())
        .filter(|log| log.changed > old.changed && log.inode != old.inode && log.length > 0)
        .min_by_key(|log| log.changed)
}

/// Whether a name is the log's with a number or a date behind it, as rotation gives; a copy by hand has another.
fn is_rotated(log: &str, name: &str) -> bool {
    let suffix = name.strip_prefix(log).and_then(|rest| rest.strip_prefix(['.', '-']));
    suffix.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit())
            && rest.chars().all(|c| c.is_ascii_digit() || "-_.T".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_date_marks_a_rotated_file() {
        for name in ["app.log.1", "app.log-20261123", "app.log.2026-11-23_05"] {
            assert!(is_rotated("app.log", name), "{name}");
        }
        for name in
            ["app.log", "app.log.", "app.log.bak", "app.log.1.gz", "app.log1", "other.log.1", "app.log.old"]
        {
            assert!(!is_rotated("app.log", name), "{name}");
        }
    }
}
