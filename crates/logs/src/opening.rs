//! What stands before the message of a line, and where: the envelope, the header, and nothing else.
//!
//! Only of lines that begin an event and whose message stands in them as it is; any other line is read the long way. What
//! is read here is read by the same functions as there.

use std::ops::Range;

use jiff::Timestamp;
use memchr::memchr;

use crate::access;
use crate::context::Context;
use crate::header::{self, Layout, Placed, Reader};
use crate::opened::Opened;
use crate::parsed::{self, Parsed, Said};
use crate::record::Level;
use crate::unwrap::syslog::{Again, Around};
use crate::unwrap::{Envelope, Form, is_bare, unwrap};

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
    pub(crate) message: Range<usize>,
    /// The line is an object.
    pub(crate) structured: bool,
    /// What an error says besides; none for all other lines.
    pub(crate) failure: Option<Box<Failure>>,
}

/// An error on a single line.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) said: Opened,
    /// The lines before it, where they were asked for before it came out.
    pub(crate) context: Option<Context>,
}

/// What lines that differ in nothing but digits have in common before their messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline {
    around: OutlineOf,
    /// Requests, which are told by what they quote, tell whether they failed.
    quoted: bool,
    content_at: usize,
}

#[derive(Debug, Clone, Copy)]
enum OutlineOf {
    Header(header::Outline),
    Syslog,
}

impl Outline {
    /// Of a line that was [`Openings::logged`].
    pub(crate) fn logged(line: &[u8], content_at: usize) -> Self {
        Self { around: OutlineOf::Syslog, quoted: memchr(b'"', line).is_some(), content_at }
    }
}

/// Reads the openings of a source's lines one after another.
pub(crate) struct Openings {
    form: Form,
    reference: Timestamp,
    reader: Reader,
    syslog: Again,
}

impl Openings {
    /// `reference` dates times without a year.
    pub(crate) fn new(form: Form, layout: Layout, reference: Timestamp) -> Self {
        Self { form, reference, reader: Reader::new(layout, reference), syslog: Again::default() }
    }

    /// What a line says before its message; `None` for any line that has to be looked at more closely.
    pub(crate) fn of(&mut self, line: &str) -> Option<Opening> {
        let unwrapped = unwrap(line, self.form, self.reference);
        let (envelope, content_at) = match &unwrapped {
            Some((envelope, content)) => (Some(envelope), within(line, content)?.start),
            None => (None, 0),
        };
        let content = &line[content_at..];
        let parsed = self.parsed(content)?;
        let header = parsed.header.as_ref();
        let message = within(line, message(&parsed)?)?;
        let level = header.and_then(|said| said.level).or(envelope.and_then(|envelope| envelope.level));
        let goes_on = envelope.is_some_and(|envelope| envelope.goes_on);
        if goes_on {
            return None;
        }
        let failed = level >= Some(Level::Error);
        let failure = || Box::new(Failure { said: Opened::new(&parsed, envelope), context: None });
        Some(Opening {
            time: header.and_then(|said| said.time).or(envelope.and_then(|envelope| envelope.time)),
            level,
            headed: header.is_some() || envelope.is_some(),
            key: key_within(line, envelope)?,
            key_level: envelope.and_then(|envelope| envelope.level),
            content_at,
            message,
            structured: parsed.structured,
            failure: failed.then(failure),
        })
    }

    /// What a line says before its message that begins an event of a form that was learned and is no error, as
    /// [`Openings::of`] says it; `None` where it might say something else. The line is ASCII, perhaps with quotes.
    pub(crate) fn place(&mut self, line: &[u8], quoted: bool) -> Option<Placed> {
        if may_be_request(line, quoted)
            || !matches!(Beginning::of(line)?, Beginning::Words)
            || !is_bare(line, self.form)
        {
            return None;
        }
        self.reader.place(line).filter(|placed| placed.level < Some(Level::Error))
    }

    /// As [`Openings::of`], of a line of ASCII, perhaps with quotes, that syslog wrote and that has no header of its own;
    /// `None` where it might say something else.
    pub(crate) fn logged(&mut self, line: &[u8], quoted: bool) -> Option<Opening> {
        if self.form != Form::Plain {
            return None;
        }
        let Around { time, key, content_at } = self.syslog.read(line, self.reference)?;
        let content = line.get(content_at..)?;
        let words = matches!(Beginning::of(content)?, Beginning::Words) && !goes_on(content);
        let alone = words && !may_be_request(content, quoted) && parsed::is_headless(content, &self.reader);
        alone.then(|| Opening::logged(time, key, content_at..line.len()))
    }

    /// What a line that was [placed](Openings::place) has in common with all that differ from it in nothing but digits;
    /// `None` where that is not known beyond doubt.
    pub(crate) fn outline(&mut self, line: &[u8]) -> Option<Outline> {
        let around = OutlineOf::Header(self.reader.outline(line)?);
        Some(Outline { around, quoted: memchr(b'"', line).is_some(), content_at: 0 })
    }

    /// The time of a line that differs from one with this outline in nothing but digits, and which says the same of all
    /// else; `None` where it might not.
    #[inline]
    pub(crate) fn again(&mut self, line: &[u8], outline: &Outline) -> Option<Timestamp> {
        if outline.quoted && may_be_request(line.get(outline.content_at..)?, true) {
            return None;
        }
        match &outline.around {
            OutlineOf::Header(header) if is_bare(line, self.form) => self.reader.again(line, header),
            OutlineOf::Header(_) => None,
            OutlineOf::Syslog => self.syslog.time(line, self.reference),
        }
    }

    /// A line that may be read here.
    fn parsed<'a>(&mut self, content: &'a str) -> Option<Parsed<'a>> {
        let beginning = Beginning::of(content.as_bytes())?;
        let may_be_object = match beginning {
            Beginning::Object => true,
            Beginning::Words => {
                !content.starts_with(|c: char| c.is_ascii_graphic()) || access::may_be(content)
            }
        };
        let parsed = match may_be_object {
            true => Parsed::new(content, &mut self.reader),
            false => Parsed::plain(content, &mut self.reader),
        };
        match beginning {
            Beginning::Object => parsed.structured.then_some(parsed),
            Beginning::Words => (parsed.header.is_some() || !goes_on(content.as_bytes())).then_some(parsed),
        }
    }
}

/// Whether a line begins as tables, markup and objects do that go on.
fn goes_on(content: &[u8]) -> bool {
    content.first().is_some_and(|first| b"}])|+-<>@,;".contains(first))
}

/// Whether a line of ASCII, perhaps with quotes, may be a request.
fn may_be_request(line: &[u8], quoted: bool) -> bool {
    match quoted {
        true => str::from_utf8(line).is_ok_and(access::may_be),
        false => access::may_be_iis(line),
    }
}

/// The message as it stands in the line; none of an object with a stack trace, or of the first of two lines.
fn message<'a>(parsed: &'a Parsed<'_>) -> Option<&'a str> {
    match &parsed.header {
        Some(Said { continues: true, .. }) => None,
        Some(said) => parsed.field.is_none().then_some(&*said.message),
        None => Some(parsed.content),
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

/// How a line begins that is not blank and continues no other.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    Words,
    /// As JSON and logfmt do.
    Object,
}

impl Beginning {
    fn of(bytes: &[u8]) -> Option<Self> {
        let in_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-@".contains(b);
        match bytes.first()? {
            b' ' | b'\t' => None,
            b'{' => Some(Self::Object),
            first if !first.is_ascii() => None,
            _ => match bytes.get(bytes.iter().take_while(|b| in_name(b)).count()) {
                Some(b'=') => Some(Self::Object),
                Some(_) | None => Some(Self::Words),
            },
        }
    }
}
