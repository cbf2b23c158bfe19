//! Reading a log file from where the last scan stopped.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::file::LogFile;
use crate::learned::Learned;
use crate::reading::read;
use crate::record::Record;
use crate::redact::Redactor;
use crate::rotated;
use crate::traffic::{Observer, Tally};
use crate::unpack::Flaw;

/// Where a scan stopped, and in which file.
///
/// A file is recognised by device and inode, by its first bytes and by those before the offset; the bytes have the last
/// word, since an inode number is given out again soon after a file is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// How many bytes before the offset the next hash covers, at most 1024; 0 in cursors of earlier versions.
    #[serde(default)]
    pub tail_length: u64,
    /// SHA-256 of those bytes in hexadecimal.
    #[serde(default)]
    pub tail_hash: String,
    /// True while the offset is inside an overlong line, whose rest is to be skipped.
    #[serde(default)]
    pub inside_line: bool,
    /// When the file had last been written at the time of the scan; what was rotated later has not been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
    /// Bytes of the file on the disk at the time of the scan.
    #[serde(default)]
    pub length: u64,
    /// True when everything was read that can be before the file changes.
    #[serde(default)]
    pub settled: bool,
    /// The file itself, where the log's path leads to it through symbolic links that may lead elsewhere later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PathBuf>,
    /// Numbers of the last entries read, by the journals that count them, where the source is a journal on a pipe.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub journal: BTreeMap<String, u64>,
    /// Which process read it, where the source is a pipe: the offset counts what came to that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What was lost of this source so far.
    #[serde(default, skip_serializing_if = "Losses::is_none")]
    pub losses: Losses,
    /// What was learned of the form of the lines where the scan stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
}

/// What was lost of a source: bytes that were overwritten, deleted or damaged before they could be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Losses {
    /// How many times.
    pub times: u64,
    /// Bytes that are known to be lost; what was written since the last scan is not known.
    pub bytes: u64,
    /// When it was last noticed.
    pub last: Option<Timestamp>,
}

impl Losses {
    /// Whether nothing was lost.
    pub fn is_none(&self) -> bool {
        self.times == 0
    }
}

impl Cursor {
    /// Whether a file holds nothing that was not read, by what the system says about it.
    pub fn has_read(&self, file: &Metadata) -> bool {
        let changed = file.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        self.settled
            && (self.device, self.inode, self.length) == (file.dev(), file.ino(), file.len())
            && self.changed == changed
    }

    /// Whether the cursor is in the file that a path leads to now, and that file is still itself.
    pub fn is_of(&self, path: &Path) -> bool {
        LogFile::open(path).is_ok_and(|log| {
            (log.device, log.inode) == (self.device, self.inode) && log.holds(self).unwrap_or(false)
        })
    }

    /// Bytes that were there at the last scan and not read yet; what was added since is not known.
    fn unread(&self) -> u64 {
        self.length.saturating_sub(self.offset)
    }
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
    /// Which records are returned.
    pub keep: Keep,
    /// Is shown the message of each record that has no stack trace, whether or not the record is returned.
    pub observer: Option<Observer>,
}

/// Which records a scan returns; all of them count in its traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Every record.
    #[default]
    All,
    /// Those with a stack trace or a level of error or worse, which costs far less time and memory.
    Errors,
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
            keep: Keep::All,
            observer: None,
        }
    }
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Finished records, in the order in which they begin in the file.
    pub records: Vec<Record>,
    /// Where the next scan continues; store it together with the records.
    pub cursor: Cursor,
    /// Lines consumed, blank ones included.
    pub lines: u64,
    /// Bytes consumed.
    pub bytes: u64,
    /// Records that had no time, level, structure or stack trace that we know.
    pub unparsed: u64,
    /// The first of these, redacted and cut; at most five.
    pub unparsed_examples: Vec<String>,
    /// Secrets taken out of records that are kept and of messages that are shown to the observer.
    pub redactions: u64,
    /// What was logged when, oldest first, with records that were not returned.
    pub traffic: Vec<Tally>,
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
    /// Lines in the middle of a record beyond the allowed length.
    LongRecord,
    /// Bytes that are no text.
    Binary,
    /// The unread end of a file that was rotated away and is no longer beside its successor.
    LostTail,
    /// What was written before the file was cut or replaced, if anything.
    Overwritten,
    /// The end of a compressed file that is cut off or damaged.
    Damaged,
    /// What a compressed file would expand to beyond the allowed ratio or size.
    Bomb,
}

impl DropReason {
    /// Whether bytes of a log are gone for good, as far as is known: others are left out because they are no text, or
    /// longer than is kept.
    pub fn is_loss(self) -> bool {
        match self {
            Self::LostTail | Self::Overwritten | Self::Damaged | Self::Bomb => true,
            Self::OverlongLine | Self::LongRecord | Self::Binary => false,
        }
    }
}

impl fmt::Display for Dropped {
    /// One sentence without a full stop, such as `120 bytes of overlong lines were left out`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |what: &str| match self.bytes {
            0 => format!("{what}, if anything had been written to it since the last scan"),
            bytes => format!("{what}, {bytes} bytes at least"),
        };
        match self.reason {
            DropReason::OverlongLine => write!(f, "{} bytes of overlong lines were left out", self.bytes),
            DropReason::LongRecord => write!(f, "{} bytes of overlong records were left out", self.bytes),
            DropReason::Binary => write!(f, "{} bytes that are no text were left out", self.bytes),
            DropReason::LostTail => {
                f.write_str(&known("the unread end of a file that was rotated away is lost"))
            }
            DropReason::Overwritten => {
                f.write_str(&known("the unread end of the file before it was cut or replaced is lost"))
            }
            DropReason::Damaged => f.write_str("the compressed file is cut off or damaged; its rest is lost"),
            DropReason::Bomb => f.write_str("the compressed file would expand too far; its rest is left out"),
        }
    }
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
    #[error(
        "log {path:?} is a {kind}, not a regular file; name a file, or a pattern such as logs/*.log; what a \
             program writes to a pipe is read by `groundcrew scan -`"
    )]
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

/// Whether a file is named as a rotation of a log is: with a number or a date behind the log's name, or compressed.
pub fn is_rotation(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.match_indices(['.', '-']).any(|(at, _)| rotated::is_past(&name[at..]))
}

/// Whether a log can be read now, without reading it and without waiting for the writer of a pipe.
///
/// # Errors
/// As [`scan`].
pub fn readable(path: &Path) -> Result<(), ScanError> {
    LogFile::open(path).map(drop)
}

/// Reads finished records from the cursor on, or from the start without one.
///
/// Nothing is stored here: store the records and the cursor in one transaction and each line is taken exactly once. A
/// partial last line and an unfinished last record stay unread until they are finished, or the file has been quiet, or
/// `flush` is set. After a rotation, the old file is read to its end first, also when it was compressed meanwhile; then
/// the cursor moves on. A compressed file is read as what it holds.
pub fn scan(path: &Path, cursor: Option<&Cursor>, options: &ScanOptions) -> Result<Scan, ScanError> {
    let failed = |source| ScanError::Io { path: path.to_owned(), source };
    let (log, cursor) = match (LogFile::open(path), cursor) {
        (Err(missing @ ScanError::Missing { .. }), Some(cursor)) => {
            let scan = read_unfollowed(path, cursor, options).map_err(failed)?.ok_or(missing)?;
            return Ok(noted(scan, path, Some(cursor)));
        }
        (opened, cursor) => (opened?, cursor),
    };
    let mut scan = match cursor {
        None => read_file(&log, &log.start().map_err(failed)?, options, false),
        Some(cursor) => resume(path, &log, cursor, options),
    }
    .map_err(failed)?;
    scan.cursor.settled = is_settled(&log, &scan, options);
    Ok(noted(scan, path, cursor))
}

/// Whether nothing more is to be read of the file until it changes. The clock of the last writing moves in steps, so what
/// was written a moment ago may change once more under the same time.
fn is_settled(log: &LogFile, scan: &Scan, options: &ScanOptions) -> bool {
    const STEP: Duration = Duration::from_millis(10);
    let here = (scan.cursor.device, scan.cursor.inode) == (log.device, log.inode);
    let finished = options.flush || scan.cursor.offset == log.length || log.is_quiet(options.quiet_for);
    here && scan.at_end && finished && log.is_quiet(STEP)
}

/// The scan with what its cursor carries on from the one before.
fn noted(mut scan: Scan, path: &Path, before: Option<&Cursor>) -> Scan {
    let mut losses = before.map(|cursor| cursor.losses.clone()).unwrap_or_default();
    for lost in scan.dropped.iter().filter(|dropped| dropped.reason.is_loss()) {
        losses.times += 1;
        losses.bytes += lost.bytes;
        losses.last = Some(Timestamp::now());
    }
    scan.cursor.losses = losses;
    scan.cursor.place = path.canonicalize().ok().filter(|place| place != path);
    scan
}

/// Reads a file, and says where a compressed one could not be read to its end.
pub(crate) fn read_file(
    log: &LogFile,
    cursor: &Cursor,
    options: &ScanOptions,
    complete: bool,
) -> io::Result<Scan> {
    let mut scan = read(log, cursor, options, complete)?;
    let reason = match log.flaw() {
        Some(Flaw::Damaged) => DropReason::Damaged,
        Some(Flaw::Bomb) => DropReason::Bomb,
        None => return Ok(scan),
    };
    // One that is still being compressed ends in the middle, too.
    let final_word = complete || options.flush || log.is_quiet(options.quiet_for);
    if scan.at_end && final_word && !cursor.settled {
        scan.dropped.push(Dropped { reason, bytes: 0 });
    }
    Ok(scan)
}

fn resume(path: &Path, log: &LogFile, cursor: &Cursor, options: &ScanOptions) -> io::Result<Scan> {
    if cursor.inode != log.inode {
        return match rotated::find(path, cursor) {
            Some(old) => read_rotated(path, &old, log, cursor, options),
            None => start_over(path, log, cursor, options, Restart::Rotated),
        };
    }
    if log.length < cursor.offset {
        return start_over(path, log, cursor, options, Restart::Truncated);
    }
    if !log.holds(cursor)? {
        return start_over(path, log, cursor, options, Restart::Replaced);
    }
    read_file(log, cursor, options, false)
}

/// Reads what a renamed file still has, although no other took its place; `None` when it has nothing more.
fn read_unfollowed(path: &Path, cursor: &Cursor, options: &ScanOptions) -> io::Result<Option<Scan>> {
    let Some(old) = rotated::find(path, cursor).or_else(|| rotated::copy(path, cursor)) else {
        return Ok(None);
    };
    let scan = read_file(&old, cursor, options, false)?;
    Ok((scan.bytes > 0).then_some(scan))
}

/// Continues where the cursor's file is no longer itself: in the copy made of it, or in what was written since.
fn start_over(
    path: &Path,
    log: &LogFile,
    cursor: &Cursor,
    options: &ScanOptions,
    restarted: Restart,
) -> io::Result<Scan> {
    // Copying a log and emptying it, or compressing it, leaves its unread end in the copy.
    if let Some(copy) = rotated::copy(path, cursor) {
        let mut scan =
            read_rotated(path, &copy, log, &Cursor { inode: copy.inode, ..cursor.clone() }, options)?;
        scan.restarted = Some(restarted);
        return Ok(scan);
    }
    let missed = rotated::after(path, cursor).filter(|old| old.inode != log.inode);
    let first = missed.as_ref().unwrap_or(log);
    let mut scan = read_file(first, &first.start()?, options, missed.is_some())?;
    if missed.is_some() {
        scan.at_end = false;
    }
    let reason = match restarted {
        Restart::Rotated => DropReason::LostTail,
        Restart::Truncated | Restart::Replaced => DropReason::Overwritten,
    };
    scan.restarted = Some(restarted);
    scan.dropped.push(Dropped { reason, bytes: cursor.unread() });
    Ok(scan)
}

/// Reads the end of a file that was renamed, and moves on to its successor once the old one is certain to be complete.
fn read_rotated(
    path: &Path,
    old: &LogFile,
    log: &LogFile,
    cursor: &Cursor,
    options: &ScanOptions,
) -> io::Result<Scan> {
    // A program may write to the old file until it opens the new one; its first line there says that it has.
    let complete = log.length > 0 || old.is_quiet(options.quiet_for);
    let mut scan = read_file(old, cursor, options, complete)?;
    if complete && scan.at_end {
        // Rotated more than once since: the files in between come first, each from its start.
        scan.cursor = match rotated::next(path, old) {
            Some(next) if next.inode != log.inode => next.start()?,
            Some(_) | None => log.start()?,
        };
        scan.restarted = Some(Restart::Rotated);
        scan.at_end = false;
    }
    Ok(scan)
}
