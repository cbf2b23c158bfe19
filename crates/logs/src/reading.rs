//! One pass over the lines of a file: from bytes to finished records and the cursor behind them.

use std::borrow::Cow;
use std::io;
use std::sync::MutexGuard;

use groundcrew_core::trace::Trace;

use crate::assemble::{Assembler, Draft, Row};
use crate::clean::clean;
use crate::context::Context;
use crate::encoding::{Encoding, is_garbage};
use crate::file::LogFile;
use crate::lines::{Ending, Line, Piece};
use crate::record::{Record, Span};
use crate::redact::Redactor;
use crate::release;
use crate::source::{Cursor, DropReason, Dropped, Keep, Scan, ScanOptions};
use crate::trace;
use crate::traffic::{Observe, Observer, Seen, Traffic};

/// Records of an unknown form that are shown.
const EXAMPLES: usize = 5;
/// Bytes shown of each.
const EXAMPLE_BYTES: usize = 512;

/// Reads from the cursor, which must belong to this file.
pub(crate) fn read(
    log: &LogFile,
    cursor: &Cursor,
    options: &ScanOptions,
    complete: bool,
) -> io::Result<Scan> {
    let flush = complete || options.flush || log.is_quiet(options.quiet_for);
    let encoding = log.encoding();
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
    let cursor_now = log.cursor_at(offset, line, reading.inside_line && offset == reading.offset)?;
    Ok(Scan {
        records: reading.records,
        lines: line - cursor.line,
        bytes: offset - cursor.offset,
        cursor: cursor_now,
        unparsed: reading.unparsed,
        unparsed_examples: reading.unparsed_examples,
        traffic: reading.traffic.finish(line - cursor.line),
        dropped: reading.dropped,
        restarted: None,
        at_end,
    })
}

/// Takes a file that is no text as read, in one entry of what was left out.
fn passed_over(log: &LogFile, cursor: &Cursor) -> io::Result<Scan> {
    let bytes = log.length.saturating_sub(cursor.offset);
    let dropped = (bytes > 0).then_some(Dropped { reason: DropReason::Binary, bytes });
    Ok(Scan {
        records: Vec::new(),
        cursor: log.cursor_at(log.length, cursor.line, false)?,
        lines: 0,
        bytes,
        unparsed: 0,
        unparsed_examples: Vec::new(),
        traffic: Vec::new(),
        dropped: dropped.into_iter().collect(),
        restarted: None,
        at_end: true,
    })
}

/// One pass over the lines of a file.
struct Reading<'a> {
    options: &'a ScanOptions,
    observer: Option<MutexGuard<'a, dyn Observe + Send + 'static>>,
    assembler: Assembler,
    /// Records that the assembler finished and that are not emitted yet; empty between lines.
    done: Vec<Draft>,
    context: Context,
    records: Vec<Record>,
    unparsed: u64,
    unparsed_examples: Vec<String>,
    traffic: Traffic,
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
            observer: options.observer.as_ref().map(Observer::lock),
            assembler: Assembler::new(log.changed, options.max_record_bytes),
            done: Vec::new(),
            context: log.context(cursor.offset, options.max_record_bytes, encoding)?,
            records: Vec::new(),
            unparsed: 0,
            unparsed_examples: Vec::new(),
            traffic: Traffic::new(log.changed),
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
            let is_error = record.is_error();
            if is_error {
                record.context = self.context.before(record.bytes.start, &self.options.redactor);
            }
            self.count(&draft, &record);
            for line in draft.lines.into_iter().chain(draft.tail) {
                self.context.push(line.start, line.text);
            }
            let wanted = match self.options.keep {
                Keep::All => true,
                Keep::Errors => is_error,
            };
            if wanted {
                self.records.push(record);
            }
        }
        // Its room is used again.
        self.done = done;
    }

    /// Counts a record where it belongs, and shows it to whom it concerns.
    fn count(&mut self, draft: &Draft, record: &Record) {
        let bucket = self.traffic.place(record.time);
        self.traffic.count(record.is_error());
        self.traffic.count_lines(record.lines);
        if !draft.headed && record.trace.is_none() {
            self.unparsed += 1;
            if self.unparsed_examples.len() < EXAMPLES {
                let end = record.text.floor_char_boundary(EXAMPLE_BYTES);
                self.unparsed_examples.push(record.text[..end].to_owned());
            }
        }
        if let Some(observer) = self.observer.as_deref_mut().filter(|_| record.trace.is_none()) {
            let (message, level) = (record.message.as_str(), record.level);
            let release = record.release.as_deref();
            observer.observe(Seen {
                message,
                bucket,
                level,
                release,
                line: record.line,
                lines: record.lines,
            });
        }
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

/// The trace that a language prints; some languages share their opening lines, so that another may know the rest.
fn read_trace(language: &'static dyn trace::Language, text: &str) -> Option<Trace> {
    language.parse(text).or_else(|| trace::parse(text))
}

/// The record of a draft, without secrets.
fn finished(draft: &Draft, redactor: &Redactor) -> Record {
    let redacted = redactor.redact(&text(draft));
    let trace = match (&draft.field, draft.language) {
        (Some(field), _) => trace::parse(&redactor.redact(field).text),
        (None, Some(language)) => match draft.trace_text() {
            Some(text) => read_trace(language, &redactor.redact(&text).text),
            None => read_trace(language, &redacted.text),
        },
        (None, None) => None,
    };
    let release = release::named(&redacted.text);
    let exception = trace.as_ref().filter(|_| !draft.headed).map(exception_line);
    let message = exception.unwrap_or_else(|| redactor.redact(&draft.header.message).text);
    Record {
        text: redacted.text,
        line: draft.number,
        lines: draft.count,
        bytes: Span { start: draft.start, end: draft.end },
        time: draft.header.time,
        level: draft.header.level,
        logger: draft.header.logger.as_ref().map(|logger| redactor.redact(logger).text),
        host: None,
        process: None,
        thread: None,
        stream: None,
        release,
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
