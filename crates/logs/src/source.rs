//! Reading a log file from where the last scan stopped.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_core::trace::Trace;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::assemble::{Assembler, Draft, Row};
use crate::clean::clean;
use crate::context::Context;
use crate::encoding::{Encoding, is_garbage};
use crate::file::{HEAD_BYTES, LogFile};
use crate::lines::{Ending, Line, Piece};
use crate::record::{Record, Span};
use crate::redact::Redactor;
use crate::{rotated, trace};

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
    /// When the file had last been written at the time of the scan; what was rotated later has not been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
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
    /// Lines in the middle of a record beyond the allowed length.
    LongRecord,
    /// Bytes that are no text.
    Binary,
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
/// `flush` is set. After a rotation by renaming, the old file is read to its end first; then the cursor moves on.
pub fn scan(path: &Path, cursor: Option<&Cursor>, options: &ScanOptions) -> Result<Scan, ScanError> {
    let failed = |source| ScanError::Io { path: path.to_owned(), source };
    let log = match (LogFile::open(path), cursor) {
        (Err(missing @ ScanError::Missing { .. }), Some(cursor)) => {
            return read_unfollowed(path, cursor, options).map_err(failed)?.ok_or(missing);
        }
        (opened, _) => opened?,
    };
    let Some(cursor) = cursor else {
        return read(&log, &log.start().map_err(failed)?, options, false).map_err(failed);
    };
    resume(path, &log, cursor, options).map_err(failed)
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
    if !log.begins_as(cursor)? {
        return start_over(path, log, cursor, options, Restart::Replaced);
    }
    read(log, cursor, options, false)
}

/// Reads what a renamed file still has, although no other took its place; `None` when it has nothing more.
fn read_unfollowed(path: &Path, cursor: &Cursor, options: &ScanOptions) -> io::Result<Option<Scan>> {
    let Some(old) = rotated::find(path, cursor) else { return Ok(None) };
    let scan = read(&old, cursor, options, false)?;
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
    // Copying a log and emptying it leaves its unread end in the copy.
    if let Some(copy) = rotated::copy(path, cursor) {
        let mut scan =
            read_rotated(path, &copy, log, &Cursor { inode: copy.inode, ..cursor.clone() }, options)?;
        scan.restarted = Some(restarted);
        return Ok(scan);
    }
    let missed =
        cursor.changed.and_then(|time| rotated::after(path, time)).filter(|old| old.inode != log.inode);
    let first = missed.as_ref().unwrap_or(log);
    let mut scan = read(first, &first.start()?, options, missed.is_some())?;
    if missed.is_some() {
        scan.at_end = false;
    }
    let reason = match restarted {
        Restart::Rotated => DropReason::LostTail,
        Restart::Truncated | Restart::Replaced => DropReason::Overwritten,
    };
    scan.restarted = Some(restarted);
    scan.dropped.push(Dropped { reason, bytes: 0 });
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
    let mut scan = read(old, cursor, options, complete)?;
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

/// Reads from the cursor, which must belong to this file.
fn read(log: &LogFile, cursor: &Cursor, options: &ScanOptions, complete: bool) -> io::Result<Scan> {
    let flush = complete || options.flush || log.is_quiet(options.quiet_for);
    let encoding = log.encoding()?;
    if encoding == Encoding::Binary {
        return passed_over(log, cursor);
    }
    let mut reading = Reading::new(log, cursor, options, encoding)?;
    let mut lines = log.lines(cursor, options.max_record_bytes, encoding);
    let at_end = loop {
        if reading.is_full(cursor) {
            break false;
        }
        match lines.next()? {
            None => break true,
            Some(Piece::Line(line)) if line.ending == Ending::EndOfFile && !flush => break true,
            Some(Piece::Line(line)) => reading.take(&line),
            Some(Piece::Skipped { bytes, ended }) => reading.skip(bytes, ended),
            Some(Piece::Hole(bytes)) => reading.offset += bytes,
        }
    };
    if at_end && flush {
        reading.finish();
    }
    let (offset, line) = reading
        .assembler
        .unfinished()
        .map_or((reading.offset, reading.line), |(offset, number)| (offset, number - 1));
    let (head_length, head_hash) = log.head(HEAD_BYTES)?;
    let cursor_now = Cursor {
        device: log.device,
        inode: log.inode,
        offset,
        line,
        head_length,
        head_hash,
        inside_line: reading.inside_line && offset == reading.offset,
        changed: Some(log.changed),
    };
    Ok(Scan {
        records: reading.records,
        lines: line - cursor.line,
        bytes: offset - cursor.offset,
        cursor: cursor_now,
        unparsed: reading.unparsed,
        dropped: reading.dropped,
        restarted: None,
        at_end,
    })
}

/// Takes a file that is no text as read, in one entry of what was left out.
fn passed_over(log: &LogFile, cursor: &Cursor) -> io::Result<Scan> {
    let start = log.start()?;
    let bytes = log.length.saturating_sub(cursor.offset);
    let dropped = (bytes > 0).then_some(Dropped { reason: DropReason::Binary, bytes });
    Ok(Scan {
        records: Vec::new(),
        cursor: Cursor { offset: log.length, line: cursor.line, ..start },
        lines: 0,
        bytes,
        unparsed: 0,
        dropped: dropped.into_iter().collect(),
        restarted: None,
        at_end: true,
    })
}

/// One pass over the lines of a file.
struct Reading<'a> {
    options: &'a ScanOptions,
    assembler: Assembler,
    /// Records that the assembler finished and that are not emitted yet; empty between lines.
    done: Vec<Draft>,
    context: Context,
    records: Vec<Record>,
    unparsed: u64,
    dropped: Vec<Dropped>,
    /// Behind the last line taken.
    offset: u64,
    /// Complete lines before `offset`.
    line: u64,
    inside_line: bool,
}

impl<'a> Reading<'a> {
    fn new(log: &LogFile, cursor: &Cursor, options: &'a ScanOptions, encoding: Encoding) -> io::Result<Self> {
        Ok(Self {
            options,
            assembler: Assembler::new(log.changed, options.max_record_bytes),
            done: Vec::new(),
            context: log.context(cursor.offset, options.max_record_bytes, encoding)?,
            records: Vec::new(),
            unparsed: 0,
            dropped: Vec::new(),
            offset: cursor.offset,
            line: cursor.line,
            inside_line: cursor.inside_line,
        })
    }

    /// Enough for one scan; never before the cursor has moved, or the next scan would do the same again.
    fn is_full(&self, from: &Cursor) -> bool {
        let resume = self.assembler.unfinished().map_or(self.offset, |(offset, _)| offset);
        let enough = self.offset - from.offset >= self.options.max_bytes
            || self.records.len() >= self.options.max_records;
        enough && resume > from.offset
    }

    fn take(&mut self, line: &Line) {
        let cut = line.ending == Ending::Cut;
        let number = self.line + 1;
        self.offset = line.end;
        self.inside_line = cut;
        self.line += u64::from(!cut);
        if is_garbage(&line.bytes) {
            self.finish();
            self.drop_bytes(DropReason::Binary, line.end - line.start);
            return;
        }
        let row = Row { start: line.start, end: line.end, number, text: clean(&line.bytes), cut };
        self.assembler.push(row, &mut self.done);
        self.emit();
        // The rest of the line is skipped, so nothing can follow that belongs to this record.
        if cut {
            self.finish();
        }
    }

    fn skip(&mut self, bytes: u64, ended: bool) {
        self.offset += bytes;
        self.inside_line = !ended;
        self.line += u64::from(ended);
        self.drop_bytes(DropReason::OverlongLine, bytes);
    }

    fn finish(&mut self) {
        self.assembler.finish(&mut self.done);
        self.emit();
    }

    fn emit(&mut self) {
        let mut done = std::mem::take(&mut self.done);
        for draft in done.drain(..) {
            self.drop_bytes(DropReason::LongRecord, draft.left_out);
            let mut record = finished(&draft, &self.options.redactor);
            if record.is_error() {
                record.context = self.context.before(record.bytes.start, &self.options.redactor);
            }
            self.unparsed += u64::from(!draft.headed && record.trace.is_none());
            for line in draft.lines.into_iter().chain(draft.tail) {
                self.context.push(line.start, line.text);
            }
            self.records.push(record);
        }
        // Its room is used again.
        self.done = done;
    }

    /// Counts bytes that are left out, in one entry for each reason.
    fn drop_bytes(&mut self, reason: DropReason, bytes: u64) {
        if bytes == 0 {
            return;
        }
        match self.dropped.iter_mut().find(|dropped| dropped.reason == reason) {
            Some(dropped) => dropped.bytes += bytes,
            None => self.dropped.push(Dropped { reason, bytes }),
        }
    }
}

/// The record of a draft, without secrets.
fn finished(draft: &Draft, redactor: &Redactor) -> Record {
    let redacted = redactor.redact(&text(draft));
    let trace = match (&draft.field, draft.language) {
        (Some(field), _) => trace::parse(&redactor.redact(field).text),
        (None, Some(language)) => match draft.trace_text() {
            Some(text) => language.parse(&redactor.redact(&text).text),
            None => language.parse(&redacted.text),
        },
        (None, None) => None,
    };
    let exception = trace.as_ref().filter(|_| !draft.headed).map(exception_line);
    let message = exception.unwrap_or_else(|| redactor.redact(&draft.header.message).text);
    Record {
        text: redacted.text,
        line: draft.number,
        bytes: Span { start: draft.start, end: draft.end },
        time: draft.header.time,
        level: draft.header.level,
        logger: draft.header.logger.as_ref().map(|logger| redactor.redact(logger).text),
        message,
        trace,
        context: Vec::new(),
        truncated: draft.truncated,
        redactions: redacted.count,
    }
}

/// The lines of a draft; what was left out between them is said.
fn text(draft: &Draft) -> Cow<'_, str> {
    if let [line] = draft.lines.as_slice()
        && draft.tail.is_empty()
    {
        return Cow::Borrowed(line.text.trim_end());
    }
    let first: Vec<&str> = draft.lines.iter().map(|line| line.text.as_str()).collect();
    let mut text = first.join("\n");
    if draft.left_out > 0 {
        text.push_str(&format!("\n  [... {} bytes left out ...]", draft.left_out));
    }
    for line in &draft.tail {
        text.push('\n');
        text.push_str(&line.text);
    }
    text.truncate(text.trim_end().len());
    Cow::Owned(text)
}

fn exception_line(trace: &Trace) -> String {
    let parts = [trace.exception.as_deref(), trace.message.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}
