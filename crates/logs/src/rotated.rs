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
