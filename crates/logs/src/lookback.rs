//! The lines before an error, looked for and kept for it.
//!
//! What was logged just before a crash, such as the request, is what a reproduction starts from. Which lines count is
//! decided by the bytes before the record alone, so a scan that resumes sees the same ones as a scan that went through.
//! Hardly any record is an error, so the lines are looked for only then; where errors come in floods, each line is read
//! once for all of them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use memchr::memmem::{self, Finder};
use memchr::memrchr;

use crate::clean::cleaned;
use crate::context::{Block, Context};
use crate::cut;
use crate::encoding::{Encoding, is_garbage};
use crate::held::Held;
use crate::lines::Window;
use crate::record::Record;
use crate::redact::Redactor;
use crate::unwrap::{Form, export, journal, unwrap};

/// Lines kept of a record's.
const LINES: usize = 20;
/// How far before a record its context may begin.
pub(crate) const REACH: u64 = 16 << 10;
/// Bytes kept of a line.
const LINE_BYTES: usize = 1 << 10;
/// Bytes of lines in a block, after which another one begins.
const BLOCK_BYTES: usize = 32 << 10;

/// The lines without those of a private key that are too short to be told from text by themselves.
fn without_key_lines(lines: Vec<&str>) -> Vec<&str> {
    let marks = |line: &str, word: &str| line.contains("PRIVATE KEY") && line.contains(word);
    // From behind as far as the first line that is none of a key's, then on to the next end.
    let mut inside = false;
    let mut kept: Vec<&str> = Vec::with_capacity(lines.len());
    for line in lines.into_iter().rev() {
        inside = if marks(line, "END ") {
            true
        } else {
            inside && !marks(line, "BEGIN ") && (is_key_line(line) || line.contains("[redacted:private-key:"))
        };
        if !(inside && is_key_line(line) && !marks(line, "END ")) {
            kept.push(line);
        }
    }
    kept.reverse();
    let mut inside = false;
    kept.retain(|line| {
        let begins = marks(line, "BEGIN ");
        inside = begins || (inside && (is_key_line(line) || line.contains("[redacted:private-key:")));
        begins || !(inside && is_key_line(line))
    });
    kept
}

/// Whether the last word of the line may be encoded bytes.
fn is_key_line(line: &str) -> bool {
    let last = line.split_whitespace().next_back().unwrap_or_default();
    last.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

/// Stands in every line with which a private key begins or ends.
static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("PRIVATE KEY"));

/// Finds the lines before places in a file.
pub(crate) struct Lookback {
    pub(crate) encoding: Encoding,
    pub(crate) reference: Timestamp,
    /// Bytes after which a line is cut.
    pub(crate) limit: usize,
    /// By what the lines of the run were read.
    form: Form,
    /// The lines of the run, and those of runs before it that records have.
    block: Block,
    /// Lines of the file without a gap, of which the last ended where an error was met last.
    run: VecDeque<FileLine>,
    /// The last line of the block that begins or ends a private key.
    key: Option<usize>,
    held: Held,
    /// Which lines of the block are whose.
    given: Vec<(usize, Range<usize>)>,
}

/// A line of the file.
#[derive(Debug, Clone, Copy)]
struct FileLine {
    start: u64,
    end: u64,
    /// Where its lines begin in the block; it may have none, and several where it was one object.
    first: usize,
}

impl Lookback {
    pub(crate) fn new(encoding: Encoding, reference: Timestamp, limit: usize) -> Self {
        Self {
            encoding,
            reference,
            limit,
            form: Form::default(),
            block: Block::default(),
            run: VecDeque::new(),
            key: None,
            held: Held::default(),
            given: Vec::new(),
        }
    }

    /// The lines of the window before an offset: oldest first, redacted.
    pub(crate) fn before(
        &mut self,
        offset: u64,
        window: Window<'_>,
        form: Form,
        redactor: &Redactor,
    ) -> Context {
        let found = self.find(offset, window, form, redactor);
        self.own(found)
    }

    /// The lines of the window before an offset for the record that will be at this place, where they are its alone; else it
    /// gets them when [`Lookback::settle`] is called.
    pub(crate) fn note(
        &mut self,
        record: usize,
        offset: u64,
        window: Window<'_>,
        form: Form,
        redactor: &Redactor,
    ) -> Context {
        let found = self.find(offset, window, form, redactor);
        if self.key.is_some_and(|key| key >= found.start) {
            return self.own(found);
        }
        let last = found.end.saturating_sub(LINES).max(found.start)..found.end;
        self.given.push((record, last));
        Context::default()
    }

    /// Gives the records their lines, where there are enough for a block or no more will come.
    pub(crate) fn settle(&mut self, records: &mut [Record], finished: bool) {
        let keep = self.run.front().map_or(0, |line| self.block.len() - line.first);
        if self.block.size_without(keep) < BLOCK_BYTES && !finished {
            return;
        }
        let next = self.block.tail(keep);
        let left = self.block.len() - keep;
        for line in &mut self.run {
            line.first -= left;
        }
        self.key = self.key.and_then(|key| key.checked_sub(left));
        let block = Arc::new(std::mem::replace(&mut self.block, next));
        for (at, lines) in self.given.drain(..) {
            if let Some(record) = records.get_mut(at) {
                record.context = Context::of(&block, lines);
            }
        }
    }

    /// A context by itself, without the lines of a private key.
    fn own(&self, lines: Range<usize>) -> Context {
        let lines = lines.map(|at| self.block.line(at));
        let lines = match self.key {
            Some(_) => without_key_lines(lines.collect()),
            None => lines.collect(),
        };
        lines[lines.len().saturating_sub(LINES)..].iter().copied().collect()
    }

    /// Whether something may have to be taken out of a line of the window, which is given without its line end.
    pub(crate) fn may_hold(&mut self, line: Range<u64>, window: Window<'_>, redactor: &Redactor) -> bool {
        self.encoding != Encoding::Utf8 || self.held.may_hold(line, window, redactor)
    }

    /// Which lines of the block are those before an offset: at least as many as count, where they are there.
    fn find(&mut self, offset: u64, window: Window<'_>, form: Form, redactor: &Redactor) -> Range<usize> {
        let (base, bytes) = window.before(offset);
        let offset = base + bytes.len() as u64;
        if self.form != form || self.run.back().is_some_and(|line| line.end > offset) {
            self.run.clear();
            self.form = form;
        }
        let mut wanted = LINES;
        loop {
            let lines = self.block.len();
            let (starts, joined, more) = self.lines_before((base, bytes), wanted);
            if !joined {
                self.run.clear();
            }
            for pair in starts.windows(2).rev() {
                let [end, start] = *pair else { continue };
                self.run.push_back(FileLine {
                    start: base + start as u64,
                    end: base + end as u64,
                    first: self.block.len(),
                });
                self.read(&bytes[start..end], base + start as u64, window, form, redactor);
            }
            let found = self.reach(offset);
            if !more || found.len() >= LINES {
                self.forget(&found);
                return found;
            }
            // Some of the lines said nothing after all, so more of them are needed.
            self.block.truncate(lines);
            self.key = self.key.filter(|key| *key < lines);
            self.run.clear();
            wanted = wanted.saturating_mul(2);
        }
    }

    /// Where the lines before the end of the bytes begin and the last one ends, the last one first; whether the first of
    /// them begins where the run ends, and whether there are more of them that count.
    fn lines_before(&self, (base, bytes): (u64, &[u8]), wanted: usize) -> (Vec<usize>, bool, bool) {
        let offset = base + bytes.len() as u64;
        let known = self.run.back().map(|line| line.end);
        let (mut count, mut end) = (0, bytes.len());
        let mut starts = vec![end];
        loop {
            if known == Some(base + end as u64) {
                return (starts, true, false);
            }
            let start = self.line_before(bytes, end, base);
            let Some(start) = start.filter(|start| base + *start as u64 + REACH >= offset) else {
                return (starts, false, false);
            };
            if count >= wanted {
                return (starts, false, true);
            }
            count += usize::from(!bytes[start..end].iter().all(u8::is_ascii_whitespace));
            starts.push(start);
            end = start;
        }
    }

    /// The lines of the run that lie before an offset and near enough.
    fn reach(&self, offset: u64) -> Range<usize> {
        let end = self.block.len();
        let near = self.run.iter().rev().take_while(|line| line.start + REACH >= offset);
        // Of the line with the twentieth last line, all that it says counts.
        let mut first = end;
        for line in near {
            if end - first >= LINES {
                break;
            }
            first = line.first;
        }
        first..end
    }

    /// Drops the lines of the run that no later error can reach; those that count now stay.
    fn forget(&mut self, found: &Range<usize>) {
        while self.run.front().is_some_and(|line| line.first < found.start) {
            self.run.pop_front();
        }
    }

    /// Where the line begins that ends there; none where the bytes begin in the middle of it.
    fn line_before(&self, bytes: &[u8], end: usize, base: u64) -> Option<usize> {
        let wide = self.encoding.is_wide();
        let width = if wide { 2 } else { 1 };
        let before = &bytes[..end.checked_sub(width)?];
        if self.encoding == Encoding::Journal {
            return entry_before(before, base);
        }
        let start = if wide {
            let mut pairs = before.as_chunks::<2>().0.iter();
            pairs.rposition(|pair| self.encoding.unit(*pair) == 0x0a).map(|at| at * 2 + 2)
        } else {
            memrchr(b'\n', before).map(|at| at + 1)
        };
        start.or((base == 0).then_some(0))
    }

    /// Adds the lines that a line of the file holds to the block; none where it is blank.
    fn read(&mut self, bytes: &[u8], start: u64, window: Window<'_>, form: Form, redactor: &Redactor) {
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let wide = self.encoding.is_wide();
        let bytes = if wide { bytes } else { behind_hole(bytes) };
        let cut = bytes.len() > self.limit;
        let bytes = &bytes[..bytes.len().min(self.limit)];
        let decoded;
        let bytes = if wide {
            decoded = self.encoding.to_utf8(bytes.to_vec());
            &decoded
        } else {
            bytes
        };
        if self.encoding == Encoding::Journal && bytes.starts_with(export::SIGN) {
            let message = export::read(bytes).message.unwrap_or_default();
            if !is_garbage(message) {
                self.add(&journal::lines(message), redactor);
            }
            return;
        }
        let text = cleaned(bytes);
        // What is clean as it is has no control characters.
        if matches!(text, Cow::Owned(_)) && is_garbage(bytes) {
            return;
        }
        let text = if cut { cut::whole_words(&text) } else { &text };
        match unwrap(text, form, self.reference) {
            Some((_, inner)) => self.add(&inner, redactor),
            // The line as it stands in the file.
            None if text.as_bytes() == line => {
                if self.may_hold(start..start + line.len() as u64, window, redactor) {
                    self.add(text, redactor);
                } else if !text.trim().is_empty() {
                    self.block.push(&text[..text.floor_char_boundary(LINE_BYTES)]);
                }
            }
            None => self.add(text, redactor),
        }
    }

    fn add(&mut self, text: &str, redactor: &Redactor) {
        for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
            // Cut only now: half a secret would no longer look like one.
            let (text, _) = redactor.redacted(line);
            let text = &text[..text.floor_char_boundary(LINE_BYTES)];
            if KEY.find(text.as_bytes()).is_some() {
                self.key = Some(self.block.len());
            }
            self.block.push(text);
        }
    }
}

/// Where the last entry of a journal begins; what breaks its form is passed over.
fn entry_before(bytes: &[u8], base: u64) -> Option<usize> {
    let mut end = bytes.len();
    while let Some(at) = memmem::rfind(&bytes[..end], export::SIGN) {
        if at == 0 && base == 0 || at > 0 && bytes[at - 1] == b'\n' {
            return Some(at);
        }
        end = at;
    }
    None
}

fn behind_hole(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookback() -> Lookback {
        Lookback::new(Encoding::Utf8, Timestamp::UNIX_EPOCH, 1 << 20)
    }

    /// What counts, said as simply as can be.
    fn expected(text: &str, base: usize, offset: usize, redactor: &Redactor) -> Context {
        let mut lines: Vec<(usize, &str)> = Vec::new();
        let mut start = 0;
        for line in text[..offset].split_inclusive('\n') {
            lines.push((start, line));
            start += line.len();
        }
        // The window may begin within a line.
        let known = |start: usize| start == 0 || start > base;
        let mut kept: Vec<String> = Vec::new();
        for (start, line) in lines.into_iter().rev() {
            if kept.len() >= LINES || !known(start) || start + (REACH as usize) < offset {
                break;
            }
            let line = line.trim_end_matches('\n');
            if !line.trim().is_empty() {
                let text = redactor.redact(line).text;
                kept.push(text[..text.floor_char_boundary(LINE_BYTES)].to_owned());
            }
        }
        kept.reverse();
        let kept = without_key_lines(kept.iter().map(String::as_str).collect());
        kept[kept.len().saturating_sub(LINES)..].iter().copied().collect()
    }

    fn lines() -> impl Strategy<Value = Vec<String>> {
        let line = prop_oneof![
            4 => "[a-z ]{0,30}",
            1 => Just(String::new()),
            1 => Just("  \t".to_owned()),
            1 => Just("password=hunter2".to_owned()),
            1 => "[a-z]{1}".prop_map(|text| text.repeat(3_000)),
            1 => Just("-----BEGIN PRIVATE KEY-----".to_owned()),
            1 => Just("AAAAbbbbCCCC".to_owned()),
            1 => Just("-----END PRIVATE KEY-----".to_owned()),
            1 => Just("\u{fc}".repeat(700)),
        ];
        let runs = prop::collection::vec((line, 1_usize..40), 1..20);
        runs.prop_map(|runs| {
            runs.into_iter().flat_map(|(line, count)| std::iter::repeat_n(line, count)).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn each_error_of_a_flood_has_the_lines_that_it_would_have_alone(
            lines in lines(),
            errors in prop::collection::vec(any::<bool>(), 1..50),
            behind in 0_usize..40_000,
        ) {
            let redactor = Redactor::new(b"key");
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let mut starts = vec![0];
            starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
            let errors = starts.iter().zip(errors.iter().cycle()).filter(|(_, error)| **error);
            let (mut shared, mut records, mut all) = (lookback(), Vec::new(), Vec::new());
            for (start, _) in errors {
                let base = start.saturating_sub(behind + REACH as usize + 1);
                let (window, at) = (Window::new(base as u64, &text.as_bytes()[base..]), *start as u64);
                let mut record = Record::empty();
                record.context = shared.note(records.len(), at, window, Form::Plain, &redactor);
                records.push(record);
                shared.settle(&mut records, false);
                let alone = lookback().before(at, window, Form::Plain, &redactor);
                prop_assert_eq!(&alone, &expected(&text, base, *start, &redactor));
                all.push(alone);
            }
            shared.settle(&mut records, true);
            let found: Vec<Context> = records.into_iter().map(|record| record.context).collect();
            prop_assert_eq!(found, all);
        }
    }

    #[test]
    fn lines_that_say_nothing_leave_their_places_to_others() {
        // An entry of Docker whose inner line is blank looks like a line from outside.
        let blank = "{\"log\":\"\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-05T10:00:00Z\"}\n";
        let text = format!("first\nsecond\n{}last\n", blank.repeat(60));
        let found = lookback().before(
            text.len() as u64,
            Window::new(0, text.as_bytes()),
            Form::Plain,
            &Redactor::new(b"key"),
        );
        assert_eq!(found, ["first", "second", "last"].into_iter().collect());
    }
}
