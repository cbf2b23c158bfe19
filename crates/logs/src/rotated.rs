//! Where a log went when another file took its name, or when it was copied and emptied.
//!
//! Log rotation renames, copies or compresses the file within its folder. A renamed one is found by inode, a copy by its
//! name, and both are believed only if they begin as the log did and hold what was read last: an inode number is given
//! out again soon after a file is deleted, and many logs begin alike.

use std::fs::DirEntry;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use crate::encoding::Encoding;
use crate::file::LogFile;
use crate::source::Cursor;

/// Entries of a folder that are looked at.
const ENTRIES: usize = 4096;
/// Endings of compressed files.
const COMPRESSED: [&str; 5] = [".gz", ".bz2", ".xz", ".zst", ".Z"];

/// The file of the cursor under its new name, if it is still in the folder of the log, or where the log's links led.
pub(crate) fn find(path: &Path, cursor: &Cursor) -> Option<LogFile> {
    let own = |log: &LogFile| log.inode == cursor.inode && continues(log, cursor);
    let beside = |place: &Path| {
        let entry = entries(place)?.find(|entry| entry.ino() == cursor.inode)?;
        LogFile::open(&entry.path()).ok().filter(own)
    };
    beside(&place(path)?).or_else(|| beside(cursor.place.as_deref()?))
}

/// The copy that was made of the cursor's file before that was emptied or deleted, perhaps compressed: it begins as the
/// file did, and holds what was read last.
pub(crate) fn copy(path: &Path, cursor: &Cursor) -> Option<LogFile> {
    let copies = rotations(path)?.map(|(_, log)| log);
    let copies = copies.filter(|log| log.inode != cursor.inode && cursor.head_length > 0);
    // Of a file and its compressed copy, the file: the other may not be complete yet.
    copies.filter(|log| continues(log, cursor)).max_by_key(|log| (!log.is_packed(), log.changed))
}

/// The file that was written next after `old`, where the log was rotated again before `old` had been read to its end.
///
/// Numbers and dates in the names tell the order; between names of different kinds, the times of the last writing do.
pub(crate) fn next(path: &Path, old: &LogFile) -> Option<LogFile> {
    let all: Vec<(Suffix, LogFile)> = rotations(path)?.filter(|(_, log)| log.length > 0).collect();
    let own = all.iter().find(|(_, log)| log.inode == old.inode).map(|(suffix, _)| suffix.clone());
    let others = all.into_iter().filter(|(_, log)| log.inode != old.inode);
    let by_name = |suffix: &Suffix| match (own.as_ref(), suffix) {
        (Some(Suffix::Number(own)), Suffix::Number(other)) => Some(other < own),
        (Some(Suffix::Date(own)), Suffix::Date(other)) => Some(other > own),
        (Some(Suffix::Number(_) | Suffix::Date(_)) | None, Suffix::Number(_) | Suffix::Date(_)) => None,
    };
    let later = others.filter(|(suffix, log)| by_name(suffix).unwrap_or(log.changed > old.changed));
    // Of a file and its compressed copy, the file; the copy's name is then no later than its own.
    let order = |(a, first): &(Suffix, LogFile), (b, second): &(Suffix, LogFile)| {
        let written = a.age(b).unwrap_or(first.changed.cmp(&second.changed));
        written.then(first.is_packed().cmp(&second.is_packed()))
    };
    later.min_by(order).map(|(_, log)| log)
}

/// The earliest of the log's rotations that were written after the scan of the cursor, where its own file is lost. What
/// begins as that file did was read in part, so it is not taken from its start.
pub(crate) fn after(path: &Path, cursor: &Cursor) -> Option<LogFile> {
    let time = cursor.changed?;
    let later = rotations(path)?.map(|(_, log)| log).filter(|log| log.changed > time && log.length > 0);
    let later = later.filter(|log| cursor.head_length == 0 || !log.begins_as(cursor));
    later.min_by_key(|log| (log.changed, log.is_packed()))
}

/// Whether what stands behind a log's name marks its past: a number or a date, perhaps compressed.
pub(crate) fn is_past(rest: &str) -> bool {
    past(rest).is_some()
}

/// Which rotation of a log is named so. One that was compressed under the log's own name is its latest.
fn past(rest: &str) -> Option<Suffix> {
    let bare = COMPRESSED.iter().find_map(|ending| rest.strip_suffix(ending)).unwrap_or(rest);
    if bare.is_empty() && !rest.is_empty() { Some(Suffix::Number(0)) } else { suffix(bare) }
}

/// What tells rotations of a log from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Suffix {
    /// Counted from the latest on.
    Number(u32),
    /// Growing with time.
    Date(String),
}

impl Suffix {
    /// Which of two was written first; `None` for different kinds.
    fn age(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => Some(b.cmp(a)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Number(_), Self::Date(_)) | (Self::Date(_), Self::Number(_)) => None,
        }
    }
}

/// Reads `.1` or `-20261123`; a copy by hand has another form.
fn suffix(rest: &str) -> Option<Suffix> {
    const NUMBER: usize = 5;
    let text = rest.strip_prefix(['.', '-'])?;
    let formed = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || "-_.T".contains(c));
    if !formed {
        return None;
    }
    Some(match text.parse() {
        Ok(number) if text.len() <= NUMBER => Suffix::Number(number),
        Ok(_) | Err(_) => Suffix::Date(text.to_owned()),
    })
}

/// The real path of the log; it may be gone, and a symbolic link to it may stand in another folder.
fn place(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().or_else(|| Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?)))
}

/// The regular files beside the log.
fn entries(place: &Path) -> Option<impl Iterator<Item = DirEntry> + use<>> {
    let entries = std::fs::read_dir(place.parent()?).ok()?.take(ENTRIES).filter_map(Result::ok);
    Some(entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())))
}

/// The log's past, as far as it can be read.
fn rotations(path: &Path) -> Option<impl Iterator<Item = (Suffix, LogFile)> + use<>> {
    let place = place(path)?;
    let name = place.file_name()?.to_str()?.to_owned();
    Some(entries(&place)?.filter_map(move |entry| {
        let suffix = past(entry.file_name().to_str()?.strip_prefix(&name)?)?;
        let log = LogFile::open(&entry.path()).ok()?;
        (log.encoding() != Encoding::Binary).then_some((suffix, log))
    }))
}

fn continues(log: &LogFile, cursor: &Cursor) -> bool {
    log.holds(cursor).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_date_marks_a_rotated_file() {
        for rest in [".1", "-20261123", ".2026-11-23_05"] {
            assert!(suffix(rest).is_some() && is_past(rest), "{rest}");
        }
        for rest in [".1.gz", ".gz", "-20261123.xz"] {
            assert!(suffix(rest).is_none() && is_past(rest), "{rest}");
        }
        for rest in ["", ".", ".bak", "1", ".old", ".1.old"] {
            assert!(suffix(rest).is_none() && !is_past(rest), "{rest}");
        }
    }
}
