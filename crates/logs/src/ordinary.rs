//! The short way for lines that are ordinary: events of their own on a single line, nothing that a stack trace begins
//! with.
//!
//! Most of a log is such lines, and where only errors are kept all that is wanted of most of them is that they are counted
//! and seen; of an error, what its line says becomes its record. They keep their places among the records of all streams, but as text alone; only when a line comes that may be
//! more of one does it become a record. What is read here is read by the same functions as there, so both ways say the
//! same.

use std::ops::Range;

use jiff::Timestamp;
use memchr::memchr2_iter;

use crate::header::Placed;
use crate::lines::Window;
use crate::opening::{Opening, Openings};
use crate::record::Level;
use crate::shape::{Known, Shapes};
use crate::stretch::Passing;
use crate::tags::tags;
use crate::trace::{self, head};

/// Bytes of an escaped line break that may stand behind the first.
const ESCAPED_BREAK: usize = 3;

/// An ordinary line that may go on.
#[derive(Debug, Default)]
pub(crate) struct Ordinary {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) number: u64,
    /// How many rows came before it.
    pub(crate) sequence: u64,
    /// False once nothing can follow that belongs to it.
    pub(crate) open: bool,
    /// The line with what stands around it.
    pub(crate) text: Text,
    pub(crate) said: Opening,
    /// Of its message; nothing where the line is an object.
    pub(crate) known: Known,
}

/// Where the text of a line is.
#[derive(Debug)]
pub(crate) enum Text {
    /// In the window, so many bytes from the line's beginning on.
    There(usize),
    /// Taken out.
    Own(String),
}

impl Default for Text {
    fn default() -> Self {
        Self::There(0)
    }
}

impl Ordinary {
    /// A line of the window around which nothing stands.
    pub(crate) fn passing(line: &Passing, start: u64, number: u64) -> Self {
        let said = Opening::placed(&line.placed, line.length);
        let end = start + line.taken as u64;
        let text = Text::There(line.length);
        Self { start, end, number, sequence: 0, open: true, text, said, known: line.known }
    }

    /// Whether it is counted and nothing else where nobody is shown anything.
    pub(crate) fn is_counted(&self) -> bool {
        self.said.headed && self.said.failure.is_none()
    }

    fn bytes<'a>(&'a self, window: Window<'a>) -> &'a [u8] {
        match &self.text {
            Text::There(length) => window.bytes(self.start, *length),
            Text::Own(text) => text.as_bytes(),
        }
    }

    /// What tells its stream from others in the same file.
    pub(crate) fn key<'a>(&'a self, window: Window<'a>) -> (&'a [u8], Option<Level>) {
        self.said.key(self.bytes(window))
    }

    /// The line with what stands around it.
    pub(crate) fn text<'a>(&'a self, window: Window<'a>) -> &'a str {
        self.behind(0, window)
    }

    /// Where its content lies in the window, where that is all that stands there.
    pub(crate) fn in_window(&self, window: Window<'_>) -> Option<Range<u64>> {
        match self.text {
            Text::There(length) if self.said.content_at == 0 && self.content(window).len() == length => {
                Some(self.start..self.start + length as u64)
            }
            Text::There(_) | Text::Own(_) => None,
        }
    }

    /// The line without what stands around it.
    pub(crate) fn content<'a>(&'a self, window: Window<'a>) -> &'a str {
        self.behind(self.said.content_at, window).trim_end()
    }

    pub(crate) fn message<'a>(&'a self, window: Window<'a>) -> &'a str {
        let length = self.said.message.len();
        self.behind(self.said.message.start, window).get(..length).unwrap_or_default()
    }

    fn behind<'a>(&'a self, at: usize, window: Window<'a>) -> &'a str {
        match &self.text {
            // It was read as text before.
            Text::There(_) => {
                self.bytes(window).get(at..).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
            }
            Text::Own(text) => text.get(at..).unwrap_or_default(),
        }
    }

    /// Takes the text out of a window that moves on.
    pub(crate) fn keep(&mut self, window: Window<'_>) {
        if let Text::There(_) = self.text {
            self.text = Text::Own(self.text(window).to_owned());
        }
    }

    /// Whether the line may name a release.
    pub(crate) fn may_name_release(&self, window: Window<'_>) -> bool {
        let Opening { content_at, structured, .. } = self.said;
        let content = self.bytes(window).get(content_at..).unwrap_or_default();
        structured || self.known.signs.may_name(content, self.said.message.start - content_at)
    }
}

impl Opening {
    /// Of a line of so many bytes around which nothing stands, and whose header says this.
    pub(crate) fn placed(placed: &Placed, length: usize) -> Self {
        let Placed { time, level, message_at } = *placed;
        Self { time: Some(time), level, headed: true, message: message_at..length, ..Self::default() }
    }

    /// Of a line that syslog wrote, with nothing before its message.
    pub(crate) fn logged(time: Timestamp, key: Range<usize>, message: Range<usize>) -> Self {
        let content_at = message.start;
        Self { time: Some(time), headed: true, key, content_at, message, ..Self::default() }
    }

    /// What tells the stream of the line that says this from others in the same file.
    pub(crate) fn key<'a>(&self, line: &'a [u8]) -> (&'a [u8], Option<Level>) {
        (line.get(self.key.clone()).unwrap_or_default(), self.key_level)
    }
}

/// What a line says that is ordinary beyond doubt, and what is known of its message; `None` for any line that has to be
/// looked at more closely.
pub(crate) fn ordinary(line: &str, openings: &mut Openings, shapes: &mut Shapes) -> Option<(Opening, Known)> {
    ordinary_by(line, openings, |message, failed| shapes.of(message, failed))
}

/// As [`ordinary`], where what is known of a message is told by somebody; it may say less of one that did not fail.
pub(crate) fn ordinary_by(
    line: &str,
    openings: &mut Openings,
    known: impl FnOnce(&str, bool) -> Known,
) -> Option<(Opening, Known)> {
    let opening = openings.of(line)?;
    let message = line.get(opening.message.clone())?;
    let escaped = |part| has_escaped_break(&line.as_bytes()[part]);
    // What an object says begins nothing, and all of it is there.
    if opening.structured {
        return (!escaped(opening.content_at..line.len())).then(|| (opening, Known::default()));
    }
    let known = known(message, opening.failure.is_some());
    let before = opening.content_at..line.len().min(opening.message.start + ESCAPED_BREAK);
    // Behind the header of an error, an exception may also be named after other words.
    let said = &message[tags(message).len()..];
    // An error that says nothing yet may say it behind the same header again.
    let waits = opening.failure.is_some() && said.trim().is_empty();
    let may_name = opening.failure.is_some() && trace::may_begin(said.as_bytes());
    let names = may_name && (head::names_exception(said) || trace::is_beginning(said));
    (known.plain && !waits && !names && !escaped(before)).then_some((opening, known))
}

/// How a line break is written as text.
pub(crate) const ESCAPED_BREAKS: [&[u8]; 2] = [b"\\n", b"#012"];

/// Whether a line break may be written as text, behind which a stack trace may stand on a single line.
pub(crate) fn has_escaped_break(text: &[u8]) -> bool {
    let mut signs = memchr2_iter(b'\\', b'#', text);
    signs.any(|at| ESCAPED_BREAKS.iter().any(|sign| text[at..].starts_with(sign)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{Layout, Reader};
    use crate::parsed::Parsed;
    use crate::unwrap::{Form, unwrap};

    #[test]
    fn a_request_that_failed_is_not_ordinary_where_the_header_of_an_access_log_was_learned() {
        let line = |n: usize, status: u16| {
            format!(
                "10.0.0.{n} - - [05/Nov/2026:10:00:00 +0000] \"GET /cart/{n} HTTP/1.1\" {status} 12 \"-\" \"x\""
            )
        };
        let lines: Vec<String> = (0..100).map(|n| line(n, 200)).collect();
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let layout = Layout::learn(lines.iter().map(String::as_str), reference);
        assert!(
            ordinary(
                &line(7, 503),
                &mut Openings::new(Form::Plain, layout, reference),
                &mut Shapes::new(true)
            )
            .is_none()
        );
    }

    #[test]
    fn lines_that_are_more_than_a_header_and_words_are_not_ordinary() {
        let lines: Vec<String> = (0..100)
            .map(|n| format!("2026-11-05T10:00:{:02}Z INFO shop.http GET /cart/{n}", n % 60))
            .collect();
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let layout = Layout::learn(lines.iter().map(String::as_str), reference);
        let mut openings = Openings::new(Form::Plain, layout, reference);
        let mut ordinary = |line: &str| ordinary(line, &mut openings, &mut Shapes::new(true)).is_some();
        assert!(ordinary(&lines[0]));
        for line in [
            "2026-11-05T10:00:00Z ERROR shop.http it broke: java.lang.IllegalStateException: x",
            "2026-11-05T10:00:00Z ERROR shop.http ",
            "2026-11-05T10:00:00Z INFO shop.http Traceback (most recent call last):",
            "2026-11-05T10:00:00Z INFO shop.http java.lang.Error: x",
            "2026-11-05T10:00:00Z INFO shop.http -----BEGIN PRIVATE KEY-----",
            "2026-11-05T10:00:00Z INFO shop.http java.lang.Error: x\\n\\tat f(A.java:1)",
            "2026-11-05T10:00:00Z INFO shop.http one#012two",
            "  2026-11-05T10:00:00Z INFO shop.http indented",
            "time=2026-11-05T10:00:00Z level=error msg=x stack=\"a\\nb\"",
            "time=2026-11-05T10:00:00Z level=info msg=\"a \\\"b\\\"\"",
            "{\"level\":\"info\"}",
            "{\"a\":1}",
            "",
        ] {
            assert!(!ordinary(line), "{line}");
        }
        for line in [
            "2026-11-05T10:00:00Z ERROR shop.http it broke",
            "time=2026-11-05T10:00:00Z level=info msg=x",
            "{\"level\":\"error\",\"msg\":\"it broke\",\"n\":7}",
        ] {
            assert!(ordinary(line), "{line}");
        }
    }

    #[test]
    fn nearly_all_lines_of_real_systems_that_are_no_errors_are_ordinary() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/logs");
        let Ok(systems) = std::fs::read_dir(folder) else {
            eprintln!("SKIPPED: {folder} is not here, so no real logs were read");
            return;
        };
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let (mut all, mut short) = (0, 0);
        for system in systems.flatten().filter(|entry| entry.path().is_dir()) {
            let files = std::fs::read_dir(system.path()).unwrap().flatten().map(|entry| entry.path());
            for path in files.filter(|path| path.extension().is_some_and(|end| end == "log")) {
                let bytes = std::fs::read(&path).unwrap();
                let text: Vec<String> = bytes.split(|b| *b == b'\n').map(crate::clean::clean).collect();
                let inner = |line: &str| {
                    unwrap(line, Form::Plain, reference)
                        .map_or_else(|| line.to_owned(), |(_, inner)| inner.into_owned())
                };
                let first: Vec<_> = text.iter().take(200).map(|line| inner(line)).collect();
                let layout = Layout::learn(first.iter().map(String::as_str), reference);
                let mut reader = Reader::new(layout.clone(), reference);
                let mut openings = Openings::new(Form::Plain, layout, reference);
                for line in &text {
                    let content = inner(line);
                    let parsed = Parsed::new(&content, &mut reader);
                    let level = parsed.header.as_ref().and_then(|said| said.level);
                    if level >= Some(Level::Error) || line.is_empty() {
                        continue;
                    }
                    all += 1;
                    short += usize::from(ordinary(line, &mut openings, &mut Shapes::new(true)).is_some());
                }
            }
        }
        assert!(short * 100 >= all * 92, "{short} of {all} lines");
    }
}
