//! One pass over the lines of a file: from bytes to finished records and the cursor behind them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::MutexGuard;

use jiff::Timestamp;

use crate::assemble::{Assembler, Draft, Finished, Row};
use crate::clean::cleaned;
use crate::context::Context;
use crate::cut;
use crate::encoding::{Encoding, is_garbage};
use crate::file::LogFile;
use crate::finish::{Finisher, Place};
use crate::learned::{LEARNED_FROM, Learned};
use crate::lines::{Ending, Line, LineReader, Piece};
use crate::lookback::{self, Lookback};
use crate::opening::{Failure, Openings};
use crate::ordinary::{Ordinary, Text, has_escaped_break, ordinary};
use crate::record::{Level, Record};
use crate::release;
use crate::shape::{Shape, Shapes};
use crate::source::{Cursor, DropReason, Dropped, Keep, Scan, ScanOptions};
use crate::stretch::{Run, Said, Stretch};
use crate::traffic::{Observe, Observer, Seen, Traffic};
use crate::unwrap::export::{self, Entry};
use crate::unwrap::{journal, unwrap};

/// Records of an unknown form that are shown.
const EXAMPLES: usize = 5;
/// Bytes shown of each.
const EXAMPLE_BYTES: usize = 512;

/// Segments before the one that is read whose forms are kept: so many may records span that are not finished.
const BEFORE: usize = 6;

/// Longest line that is taken the short way, where its text is kept while it waits.
const ORDINARY_BYTES: usize = 4 << 10;

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
    let lines = log.lines(cursor, options.max_record_bytes, encoding)?;
    let mut reading = Reading::new(log, cursor, options, encoding, lines)?;
    let at_end = reading.run(cursor, flush)?;
    reading.lookback.settle(&mut reading.records, true);
    let (offset, line) = reading.resume();
    let inside_line = reading.inside_line && offset == reading.offset;
    let learned = reading.known_at(offset).cloned();
    Ok(Scan {
        records: reading.records,
        lines: line - cursor.line,
        bytes: offset - cursor.offset,
        cursor: Cursor { learned, ..log.cursor_at(offset, line, inside_line)? },
        unparsed: reading.unparsed,
        unparsed_examples: reading.unparsed_examples,
        redactions: reading.redactions,
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
        redactions: 0,
        traffic: Vec::new(),
        dropped: dropped.into_iter().collect(),
        restarted: None,
        at_end: true,
    })
}

/// One pass over the lines of a file.
struct Reading<'a, R> {
    options: &'a ScanOptions,
    observer: Option<MutexGuard<'a, dyn Observe + Send + 'static>>,
    reader: LineReader<R>,
    encoding: Encoding,
    reference: Timestamp,
    openings: Openings,
    learned: Learned,
    /// What was learned of the segments before, in which the unfinished records may have begun; the latest last.
    learned_before: VecDeque<Learned>,
    assembler: Assembler,
    lookback: Lookback,
    finisher: Finisher<'a>,
    records: Vec<Record>,
    unparsed: u64,
    unparsed_examples: Vec<String>,
    redactions: u64,
    traffic: Traffic,
    shapes: Shapes,
    stretch: Stretch,
    /// Where a line begins that is known to be not ordinary.
    odd: Option<u64>,
    dropped: Vec<Dropped>,
    /// Behind the last line taken.
    offset: u64,
    /// Complete lines before `offset`.
    line: u64,
    inside_line: bool,
}

impl<'a, R: Read> Reading<'a, R> {
    fn new(
        log: &LogFile,
        cursor: &Cursor,
        options: &'a ScanOptions,
        encoding: Encoding,
        reader: LineReader<R>,
    ) -> io::Result<Self> {
        let known = cursor.learned.clone().filter(|known| known.is_known_at(cursor.offset));
        let known = known.unwrap_or_default();
        let learned = match known.is_final_at(cursor.offset) {
            true => known.clone(),
            false => log.learned(&known, cursor.offset, encoding)?,
        };
        let limit = options.max_record_bytes;
        Ok(Self {
            options,
            observer: options.observer.as_ref().map(Observer::lock),
            reader,
            encoding,
            reference: log.changed,
            assembler: Assembler::new(learned.form, learned.layout.clone(), log.changed, limit),
            openings: Openings::new(learned.form, learned.layout.clone(), log.changed),
            learned,
            learned_before: VecDeque::from([known]),
            lookback: Lookback::new(encoding, log.changed, limit),
            finisher: Finisher::new(&options.redactor),
            records: Vec::new(),
            unparsed: 0,
            unparsed_examples: Vec::new(),
            redactions: 0,
            traffic: Traffic::new(log.changed),
            shapes: Shapes::new(options.observer.is_some()),
            stretch: Stretch::default(),
            odd: None,
            dropped: Vec::new(),
            offset: cursor.offset,
            line: cursor.line,
            inside_line: cursor.inside_line,
        })
    }

    /// Reads until there is enough, which is false, or nothing more.
    fn run(&mut self, from: &Cursor, flush: bool) -> io::Result<bool> {
        loop {
            if self.is_full(from) {
                return Ok(false);
            }
            self.learn()?;
            if self.pass_stretch(from) {
                continue;
            }
            match self.reader.next_in_window() {
                None => break,
                Some(Piece::Empty) => self.move_on()?,
                Some(Piece::Line(line) | Piece::Entry(line))
                    if line.ending == Ending::EndOfFile && !flush =>
                {
                    break;
                }
                Some(Piece::Entry(entry)) => self.take_entry(&entry),
                Some(Piece::Line(line)) => self.take(&line),
                Some(Piece::Skipped { bytes, ended }) => self.skip(bytes, ended),
                Some(Piece::Hole(bytes)) => self.offset += bytes,
            }
        }
        if flush {
            self.finish();
        }
        Ok(true)
    }

    /// Offset up to which everything came out, and the lines before it.
    fn resume(&self) -> (u64, u64) {
        self.assembler.unfinished().map_or((self.offset, self.line), |(offset, number)| (offset, number - 1))
    }

    /// Enough for one scan; never before the cursor has moved, or the next scan would do the same again.
    fn is_full(&self, from: &Cursor) -> bool {
        let (resume, _) = self.resume();
        let enough = self.offset - from.offset >= self.options.max_bytes
            || self.records.len() >= self.options.max_records;
        enough && resume > from.offset && !self.inside_line
    }

    /// Moves the window on; what unfinished records may need of it is taken out first.
    fn move_on(&mut self) -> io::Result<()> {
        let reach = match self.reader.dropped_by_fill() {
            0 => 0,
            dropped => dropped + lookback::REACH + 1,
        };
        let (form, redactor) = (self.learned.form, &self.options.redactor);
        for (start, context) in self.assembler.waiting(reach, self.reader.view()) {
            if context.is_none() {
                *context = Some(self.lookback.before(start, self.reader.view(), form, redactor));
            }
        }
        self.reader.fill()
    }

    /// Learns anew where the next line begins another segment.
    fn learn(&mut self) -> io::Result<()> {
        let Some(next) = self.reader.position().filter(|next| !self.learned.holds_at(*next)) else {
            return Ok(());
        };
        let end = Learned::segment_start(next) + LEARNED_FROM as u64;
        let length = usize::try_from(end.saturating_sub(next)).unwrap_or(LEARNED_FROM);
        let learned = loop {
            if let Some(bytes) = self.reader.ahead(length) {
                let complete = bytes.len() == length;
                let nothing = Learned::default();
                let known = self.known_at(next).unwrap_or(&nothing);
                break known.next((bytes, complete), next, false, self.encoding, self.reference);
            }
            self.move_on()?;
        };
        if (learned.form, &learned.layout) != (self.learned.form, &self.learned.layout) {
            self.openings = Openings::new(learned.form, learned.layout.clone(), self.reference);
            self.stretch.forget();
        }
        self.assembler.read_as(learned.form, learned.layout.clone(), self.reader.view());
        self.learned_before.push_back(std::mem::replace(&mut self.learned, learned));
        if self.learned_before.len() > BEFORE {
            self.learned_before.pop_front();
        }
        Ok(())
    }

    /// What was known before the line at an offset.
    fn known_at(&self, offset: u64) -> Option<&Learned> {
        let mut learned = std::iter::once(&self.learned).chain(self.learned_before.iter().rev());
        learned.find(|learned| learned.is_known_at(offset))
    }

    fn take(&mut self, line: &Line) {
        let cut = line.ending == Ending::Cut;
        let number = self.line + 1;
        self.offset = line.end;
        self.inside_line = cut;
        self.line += u64::from(!cut);
        let mut scratch = Vec::new();
        let bytes = self.reader.bytes(line, &mut scratch);
        let mut text = cleaned(bytes);
        if matches!(text, Cow::Owned(_)) && is_garbage(bytes) {
            self.finish();
            self.drop_bytes(DropReason::Binary, line.end - line.start);
            return;
        }
        let (start, end) = (line.start, line.end);
        let (form, window) = (self.learned.form, self.reader.view());
        let short = self.options.keep == Keep::Errors
            && self.odd != Some(start)
            && line.ending == Ending::Newline
            && text.len() <= ORDINARY_BYTES;
        if short && let Some((said, known)) = ordinary(&text, &mut self.openings, &mut self.shapes) {
            let in_window = matches!(text, Cow::Borrowed(_)) && !self.encoding.is_wide();
            let place = if in_window { Text::There(text.len()) } else { Text::Own(text.into_owned()) };
            let ordinary = Ordinary { start, end, number, sequence: 0, open: true, text: place, said, known };
            match self.assembler.pass(ordinary, window) {
                None => return self.emit(),
                Some(Ordinary { text: Text::Own(own), .. }) => text = Cow::Owned(own),
                Some(Ordinary { text: Text::There(length), .. }) => {
                    text = cleaned(&bytes[..length]);
                }
            }
        }
        let kept = if cut { cut::whole_words(&text) } else { &text };
        let lost = text.len() - kept.len();
        let (envelope, text) = match unwrap(kept, form, self.reference) {
            Some((envelope, inner)) => (Some(envelope), inner),
            None => (None, Cow::Borrowed(kept)),
        };
        let row = Row { start, end, number, lines: 1, text, cut, envelope, sequence: 0 };
        self.assembler.push(row, window);
        self.emit();
        // The rest of the line is skipped, so nothing can follow that belongs to this record.
        if cut {
            self.drop_bytes(DropReason::OverlongLine, lost as u64);
            self.finish();
        }
    }

    /// Takes the next lines of the window as far as they are ordinary; whether there were any.
    fn pass_stretch(&mut self, from: &Cursor) -> bool {
        let first = self.offset;
        if self.options.keep != Keep::Errors || self.odd == Some(first) {
            return false;
        }
        let until = from.offset.saturating_add(self.options.max_bytes);
        let until = until.min(self.learned.end());
        let longest = ORDINARY_BYTES.min(self.options.max_record_bytes);
        let shown = self.observer.is_some();
        let mut run = Run::default();
        while self.offset < until && self.records.len() < self.options.max_records {
            let start = self.offset;
            let rest = self.reader.rest();
            let Some(length) = memchr::memchr(b'\n', &rest[..rest.len().min(longest + 1)]) else { break };
            let (openings, shapes) = (&mut self.openings, &mut self.shapes);
            let number = self.line + 1;
            let passing = match self.stretch.read((start, rest), length, openings, shapes, shown) {
                Said::Passing(line) if run.goes_on(&self.assembler, shown) => {
                    run.take(line, start, number, &mut self.traffic);
                    None
                }
                Said::Passing(line) => Some(Ordinary::passing(&line, start, number)),
                Said::Logged(said, known) | Said::Other(said, known) => {
                    run.end(&mut self.assembler);
                    let returned = usize::from(rest[..length].ends_with(b"\r"));
                    let (end, place) = (start + length as u64 + 1, Text::There(length - returned));
                    Some(Ordinary { start, end, number, sequence: 0, open: true, text: place, said, known })
                }
                Said::Unclean => break,
                Said::Odd => {
                    self.odd = Some(start);
                    break;
                }
            };
            let passes = passing.is_some();
            if let Some(line) = passing
                && self.assembler.pass(line, self.reader.view()).is_some()
            {
                self.odd = Some(start);
                break;
            }
            (self.offset, self.line, self.inside_line) = (start + length as u64 + 1, number, false);
            self.reader.pass(length + 1);
            if passes {
                self.emit();
            }
        }
        run.end(&mut self.assembler);
        self.offset > first
    }

    /// Takes an entry of a journal; what it says besides its message stands around each of the message's lines.
    fn take_entry(&mut self, entry: &Line) {
        let bytes = self.reader.window(entry);
        let line_ends = memchr::memchr_iter(b'\n', bytes).count() as u64;
        let lines = line_ends + u64::from(!bytes.ends_with(b"\n"));
        let (start, end, number) = (entry.start, entry.end, self.line + 1);
        (self.offset, self.inside_line, self.line) = (end, false, self.line + lines);
        let Entry { envelope, message } = export::read(bytes);
        let Some(message) = message else { return };
        if is_garbage(message) {
            return self.drop_bytes(DropReason::Binary, end - start);
        }
        let kept = &message[..message.len().min(self.options.max_record_bytes)];
        let (text, left_out) = (journal::lines(kept), message.len() - kept.len());
        let cut = left_out > 0;
        let whole = if cut { cut::whole_words(&text).len() } else { text.len() };
        let left_out = left_out + text.len() - whole;
        let (text, envelope) = (Cow::Owned(text[..whole].to_owned()), Some(envelope));
        self.drop_bytes(DropReason::OverlongLine, left_out as u64);
        let row = Row { start, end, number, lines, text, cut, envelope, sequence: 0 };
        self.assembler.push(row, self.reader.view());
        self.emit();
    }

    fn skip(&mut self, bytes: u64, ended: bool) {
        self.offset += bytes;
        self.inside_line = !ended;
        self.line += u64::from(ended);
        self.drop_bytes(DropReason::OverlongLine, bytes);
    }

    fn finish(&mut self) {
        self.assembler.finish();
        self.emit();
    }

    fn emit(&mut self) {
        while let Some(found) = self.assembler.next_finished() {
            let mut draft = match found {
                Finished::Draft(draft) => draft,
                Finished::Line(mut line) => {
                    match line.said.failure.take() {
                        None => self.pass_line(&line),
                        Some(failure) => self.keep_line(&line, *failure),
                    }
                    continue;
                }
            };
            self.drop_bytes(DropReason::LongRecord, draft.left_out);
            let no_error = draft.field.is_none()
                && draft.language.is_none()
                && draft.header.level < Some(Level::Error)
                && !has_escaped_break(draft.text().as_bytes());
            if no_error && self.options.keep == Keep::Errors {
                self.pass(&draft);
                continue;
            }
            let mut record = self.finisher.record(&mut draft);
            let is_error = record.is_error();
            if is_error {
                record.context = self.context(draft.context.take(), draft.start);
            }
            self.count(&record, draft.headed, None);
            let wanted = match self.options.keep {
                Keep::All => true,
                Keep::Errors => is_error,
            };
            if wanted {
                self.records.push(record);
                self.lookback.settle(&mut self.records, false);
            }
        }
    }

    /// The lines before the record that will be the next one.
    fn context(&mut self, known: Option<Context>, start: u64) -> Context {
        known.unwrap_or_else(|| {
            let (place, window) = (self.records.len(), self.reader.view());
            self.lookback.note(place, start, window, self.learned.form, &self.options.redactor)
        })
    }

    /// Makes the record of an error on a single line.
    fn keep_line(&mut self, line: &Ordinary, failure: Failure) {
        let Failure { said, context } = failure;
        // The lines before it first, since these are looked at in order.
        let context = self.context(context, line.start);
        let window = self.reader.view();
        let held = match line.in_window(window) {
            Some(whole) => self.lookback.may_hold(whole, window, &self.options.redactor),
            None => true,
        };
        let clean = line.known.clean && !self.options.redactor.may_hold_besides(said.message.as_bytes());
        let content = line.content(self.reader.view());
        let place = Place { line: line.number, lines: 1, start: line.start, end: line.end };
        let mut record = self.finisher.line(content, said, place, clean, held);
        record.context = context;
        self.count(&record, line.said.headed, line.known.shape.filter(|_| clean));
        self.records.push(record);
        self.lookback.settle(&mut self.records, false);
    }

    /// Counts an ordinary line, and shows it to whom it concerns.
    fn pass_line(&mut self, line: &Ordinary) {
        let bucket = self.traffic.place(line.said.time);
        self.traffic.count(false);
        self.traffic.count_lines(1);
        let (redactor, window) = (&self.options.redactor, self.reader.view());
        if !line.said.headed {
            self.unparsed += 1;
            if self.unparsed_examples.len() < EXAMPLES {
                let text = redactor.redact(line.content(window)).text;
                self.unparsed_examples.push(text[..text.floor_char_boundary(EXAMPLE_BYTES)].to_owned());
            }
        }
        if let Some(observer) = self.observer.as_deref_mut() {
            let release = line.may_name_release(window).then(|| release::named(line.content(window)));
            let release =
                release.flatten().and_then(|_| release::named(&redactor.redacted(line.content(window)).0));
            let message = line.message(window);
            let known = if line.said.structured { self.shapes.of(message, false) } else { line.known };
            let clean = known.clean && !redactor.may_hold_besides(message.as_bytes());
            let (message, redactions) =
                if clean { (Cow::Borrowed(message), 0) } else { redactor.redacted(message) };
            self.redactions += redactions as u64;
            observer.observe(Seen {
                message: &message,
                shape: known.shape.filter(|_| redactions == 0),
                bucket,
                level: line.said.level,
                release: release.as_deref(),
                line: line.number,
                lines: 1,
            });
        }
    }

    /// Counts a record that is no error and that nobody keeps.
    fn pass(&mut self, draft: &Draft) {
        let bucket = self.traffic.place(draft.header.time);
        self.traffic.count(false);
        self.traffic.count_lines(draft.count);
        let redactor = &self.options.redactor;
        if !draft.headed {
            self.unparsed += 1;
            if self.unparsed_examples.len() < EXAMPLES {
                let text = redactor.redact(&draft.text()).text;
                self.unparsed_examples.push(text[..text.floor_char_boundary(EXAMPLE_BYTES)].to_owned());
            }
        }
        if let Some(observer) = self.observer.as_deref_mut() {
            let text = draft.text();
            let release = release::named(&text).and_then(|_| release::named(&redactor.redacted(&text).0));
            let (message, redactions) = redactor.redacted(&draft.header.message);
            self.redactions += redactions as u64;
            let (message, level, release) = (&*message, draft.header.level, release.as_deref());
            observer.observe(Seen {
                message,
                shape: self.shapes.shape(message),
                bucket,
                level,
                release,
                line: draft.number,
                lines: draft.count,
            });
        }
    }

    /// Counts a record where it belongs, and shows it to whom it concerns; the shape is that of its message, where that is
    /// known.
    fn count(&mut self, record: &Record, headed: bool, shape: Option<Shape>) {
        let bucket = self.traffic.place(record.time);
        self.traffic.count(record.is_error());
        self.traffic.count_lines(record.lines);
        self.redactions += record.redactions as u64;
        if !headed && record.trace.is_none() {
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
                shape: shape.or_else(|| self.shapes.shape(message)),
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
