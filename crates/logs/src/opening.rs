//! What stands before the message of a line, and where: the envelope, the header, and nothing else.
//!
//! Only of lines that are neither objects nor requests nor errors, and that begin an event; any other line is read the
//! long way. What is read here is read by the same functions as there.

use std::ops::Range;

use jiff::Timestamp;

use crate::access;
use crate::header::{Layout, Reader};
use crate::parsed::Parsed;
use crate::record::Level;
use crate::unwrap::{Envelope, Form, unwrap};

/// What a line says before its message.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    /// False when the line had no time, level or fields.
    pub(crate) headed: bool,
    /// What tells its stream from others in the same file.
    pub(crate) key: Range<usize>,
    pub(crate) key_level: Option<Level>,
    /// Where the line begins without what stands around it.
    pub(crate) content_at: usize,
    pub(crate) message_at: usize,
}

/// Reads the openings of a source's lines one after another.
pub(crate) struct Openings {
    form: Form,
    reference: Timestamp,
    reader: Reader,
}

impl Openings {
    /// `reference` dates times without a year.
    pub(crate) fn new(form: Form, layout: Layout, reference: Timestamp) -> Self {
        Self { form, reference, reader: Reader::new(layout, reference) }
    }

    /// What a line says before its message; `None` for any line that has to be looked at more closely.
    pub(crate) fn of(&mut self, line: &str) -> Option<Opening> {
        let unwrapped = unwrap(line, self.form, self.reference);
        let (envelope, content_at) = match &unwrapped {
            Some((envelope, content)) => (Some(envelope), within(line, content)?.start),
            None => (None, 0),
        };
        let content = &line[content_at..];
        if !begins_plainly(content.as_bytes()) {
            return None;
        }
        let object = !content.starts_with(|c: char| c.is_ascii_graphic()) || access::may_be(content);
        let parsed = match object {
            true => Parsed::new(content, &mut self.reader),
            false => Parsed::plain(content, &mut self.reader),
        };
        let message = parsed.plain_message()?;
        let header = parsed.header.as_ref();
        // Tables, markup and objects that go on begin so.
        if header.is_none() && content.starts_with(['}', ']', ')', '|', '+', '-', '<', '>', '@', ',', ';']) {
            return None;
        }
        let level = header.and_then(|said| said.level).or(envelope.and_then(|envelope| envelope.level));
        let goes_on = envelope.is_some_and(|envelope| envelope.goes_on);
        if goes_on || level >= Some(Level::Error) {
            return None;
        }
        Some(Opening {
            time: header.and_then(|said| said.time).or(envelope.and_then(|envelope| envelope.time)),
            level,
            headed: header.is_some() || envelope.is_some(),
            key: key_within(line, envelope)?,
            key_level: envelope.and_then(|envelope| envelope.level),
            content_at,
            message_at: within(line, message)?.start,
        })
    }
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

/// Whether the line is not blank, continues no other, and is no object.
fn begins_plainly(bytes: &[u8]) -> bool {
    let in_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-@".contains(b);
    match bytes.first() {
        None | Some(b' ' | b'\t' | b'{') => false,
        Some(first) if !first.is_ascii() => false,
        Some(_) => bytes.get(bytes.iter().take_while(|b| in_name(b)).count()) != Some(&b'='),
    }
}
