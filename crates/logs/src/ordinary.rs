//! The short way for lines that are ordinary: events of their own on a single line, no errors, nothing that a stack trace
//! begins with.
//!
//! Most of a log is such lines, and where only errors are kept all that is wanted of them is that they are counted and
//! seen. They keep their places among the records of all streams, but as text alone; only when a line comes that may be
//! more of one does it become a record. What is read here is read by the same functions as there, so both ways say the
//! same.

use std::ops::Range;

use jiff::Timestamp;
use memchr::memchr2_iter;

use crate::draft::Parsed;
use crate::header::Layout;
use crate::record::Level;
use crate::shape::{Known, Shapes};
use crate::unwrap::{Envelope, Form, unwrap};

/// Bytes of an escaped line break that may stand behind the first.
const ESCAPED_BREAK: usize = 3;

/// An ordinary line that may go on.
#[derive(Debug, Default)]
pub(crate) struct Ordinary {
    pub(crate) end: u64,
    pub(crate) number: u64,
    /// How many rows came before it.
    pub(crate) sequence: u64,
    /// The line with what stands around it.
    pub(crate) text: String,
    pub(crate) said: Said,
}

/// What an ordinary line says before its message, and where.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    /// False when the line had no time, level or fields.
    pub(crate) headed: bool,
    /// What tells its stream from others in the same file.
    key: Range<usize>,
    key_level: Option<Level>,
    content_at: usize,
    message_at: usize,
    /// Of the message.
    known: Known,
}

impl Ordinary {
    /// What tells its stream from others in the same file.
    pub(crate) fn key(&self) -> (&str, Option<Level>) {
        self.said.key(&self.text)
    }

    /// The line without what stands around it.
    pub(crate) fn content(&self) -> &str {
        self.text[self.said.content_at..].trim_end()
    }

    pub(crate) fn message(&self) -> &str {
        &self.text[self.said.message_at..]
    }

    /// What is known of the message.
    pub(crate) fn known(&self) -> Known {
        self.said.known
    }

    /// Whether the line may name a release.
    pub(crate) fn may_name_release(&self) -> bool {
        let Said { content_at, message_at, known, .. } = &self.said;
        known.signs.may_name(&self.text.as_bytes()[*content_at..], message_at - content_at)
    }
}

impl Said {
    /// What tells the stream of the line that says this from others in the same file.
    pub(crate) fn key<'a>(&self, line: &'a str) -> (&'a str, Option<Level>) {
        (&line[self.key.clone()], self.key_level)
    }
}

/// What a line says that is ordinary beyond doubt; `None` for any line that has to be looked at more closely.
pub(crate) fn ordinary(
    line: &str,
    form: Form,
    layout: &Layout,
    reference: Timestamp,
    shapes: &mut Shapes,
) -> Option<Said> {
    let unwrapped = unwrap(line, form, reference);
    let (envelope, content_at) = match &unwrapped {
        Some((envelope, content)) => (Some(envelope), within(line, content)?.start),
        None => (None, 0),
    };
    let content = &line[content_at..];
    if !begins_plainly(content.as_bytes()) {
        return None;
    }
    let parsed = Parsed::new(content, layout, reference);
    let message = parsed.plain_message()?;
    let header = parsed.header.as_ref();
    // Tables, markup and objects that go on begin so.
    if header.is_none() && content.starts_with(['}', ']', ')', '|', '+', '-', '<', '>', '@', ',', ';']) {
        return None;
    }
    let level = header.and_then(|said| said.level).or(envelope.and_then(|envelope| envelope.level));
    let time = header.and_then(|said| said.time).or(envelope.and_then(|envelope| envelope.time));
    let goes_on = envelope.is_some_and(|envelope| envelope.goes_on);
    if goes_on || level >= Some(Level::Error) {
        return None;
    }
    let message_at = within(line, message)?.start;
    let known = shapes.of(message);
    let before = &line.as_bytes()[content_at..line.len().min(message_at + ESCAPED_BREAK)];
    if !known.plain || has_escaped_break(before) {
        return None;
    }
    Some(Said {
        time,
        level,
        headed: header.is_some() || envelope.is_some(),
        key: key_within(line, envelope)?,
        key_level: envelope.and_then(|envelope| envelope.level),
        content_at,
        message_at,
        known,
    })
}

fn key_within(line: &str, envelope: Option<&Envelope<'_>>) -> Option<Range<usize>> {
    match envelope {
        None => Some(0..0),
        Some(envelope) if envelope.key.is_empty() => Some(0..0),
        Some(envelope) => within(line, &envelope.key),
    }
}

/// Where a part of the line lies in it; `None` where it is a copy.
fn within(line: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
    let end = start + part.len();
    (end <= line.len()).then_some(start..end)
}

/// Whether a line break may be written as text, behind which a stack trace may stand on a single line.
pub(crate) fn has_escaped_break(text: &[u8]) -> bool {
    let mut signs = memchr2_iter(b'\\', b'#', text);
    signs.any(|at| text[at..].starts_with(b"\\n") || text[at..].starts_with(b"#012"))
}

/// Whether the line is not blank, continues no other, and is no object.
fn begins_plainly(bytes: &[u8]) -> bool {
    let in_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-@".contains(b);
    match bytes.first() {
        None | Some(b' ' | b'\t' | b'{') => false,
        Some(first) if !first.is_ascii() => false,
        Some(_) => bytes.get(bytes.iter().take_while(|b| in_name(b)).count()) != Some(&b'='),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(ordinary(&line(7, 503), Form::Plain, &layout, reference, &mut Shapes::new()).is_none());
    }

    #[test]
    fn lines_that_are_more_than_a_header_and_words_are_not_ordinary() {
        let lines: Vec<String> = (0..100)
            .map(|n| format!("2026-11-05T10:00:{:02}Z INFO shop.http GET /cart/{n}", n % 60))
            .collect();
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let layout = Layout::learn(lines.iter().map(String::as_str), reference);
        let ordinary =
            |line: &str| ordinary(line, Form::Plain, &layout, reference, &mut Shapes::new()).is_some();
        assert!(ordinary(&lines[0]));
        for line in [
            "2026-11-05T10:00:00Z ERROR shop.http it broke",
            "2026-11-05T10:00:00Z INFO shop.http Traceback (most recent call last):",
            "2026-11-05T10:00:00Z INFO shop.http java.lang.Error: x",
            "2026-11-05T10:00:00Z INFO shop.http -----BEGIN PRIVATE KEY-----",
            "2026-11-05T10:00:00Z INFO shop.http java.lang.Error: x\\n\\tat f(A.java:1)",
            "2026-11-05T10:00:00Z INFO shop.http one#012two",
            "  2026-11-05T10:00:00Z INFO shop.http indented",
            "time=2026-11-05T10:00:00Z level=info msg=x",
            "{\"level\":\"info\"}",
            "",
        ] {
            assert!(!ordinary(line), "{line}");
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
                for line in &text {
                    let content = inner(line);
                    let parsed = Parsed::new(&content, &layout, reference);
                    let level = parsed.header.as_ref().and_then(|said| said.level);
                    if level >= Some(Level::Error) || line.is_empty() {
                        continue;
                    }
                    all += 1;
                    short += usize::from(
                        ordinary(line, Form::Plain, &layout, reference, &mut Shapes::new()).is_some(),
                    );
                }
            }
        }
        assert!(short * 100 >= all * 92, "{short} of {all} lines");
    }
}
