//! One line by itself: an object, a request, or a message behind what its layout or its own form says before it.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::memchr_iter;

use crate::header::{Head, Layout, Reader};
use crate::record::Level;
use crate::structured;
use crate::trace::{self, head};

/// What a line says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said<'a> {
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    pub(crate) logger: Option<Cow<'a, str>>,
    pub(crate) host: Option<Cow<'a, str>>,
    pub(crate) process: Option<Cow<'a, str>>,
    pub(crate) thread: Option<Cow<'a, str>>,
    pub(crate) message: Cow<'a, str>,
    /// The message begins on the next line.
    pub(crate) continues: bool,
}

/// A line with what is known of it before its place in a record.
pub(crate) struct Parsed<'a> {
    pub(crate) content: &'a str,
    pub(crate) header: Option<Said<'a>>,
    /// The line is an object, which no further line belongs to unless it is indented.
    pub(crate) structured: bool,
    pub(crate) field: Option<String>,
}

impl<'a> Parsed<'a> {
    pub(crate) fn new(content: &'a str, reader: &mut Reader) -> Self {
        if let Some(fields) = structured::parse(content) {
            let said = Said {
                time: fields.time,
                level: fields.level,
                logger: fields.logger,
                host: fields.host,
                process: fields.process,
                thread: fields.thread,
                message: fields.message,
                continues: false,
            };
            return Self { content, header: Some(said), structured: true, field: fields.trace };
        }
        Self::plain(content, reader)
    }

    /// A line that is neither an object nor a request.
    pub(crate) fn plain(content: &'a str, reader: &mut Reader) -> Self {
        Self { content, header: Said::before(content, reader), structured: false, field: None }
    }
}

impl<'a> Said<'a> {
    /// What stands before the message of a line that is neither an object nor a request.
    fn before(content: &'a str, reader: &mut Reader) -> Option<Self> {
        let bytes = content.as_bytes();
        if reader.is_prose(bytes) {
            return None;
        }
        let dated = may_be_dated(reader.layout(), bytes);
        let sure = dated.then(|| reader.read_learned(content)).flatten();
        if let Some(head) = sure.filter(|head| head.continues || head.time.is_some()) {
            return Some(Self::read(content, &head));
        }
        // Without a time, the beginning of a stack trace or of any text may look like a level or a logger.
        let general = may_be_general(bytes).then(|| reader.read_alone(content));
        if let Some(Some(head)) = general {
            return Some(Self::general(content, &head));
        }
        let head = match (sure, general) {
            (Some(head), _) => Some(head),
            (None, Some(None)) if !reader.layout().is_indented() => None,
            (None, _) => dated.then(|| reader.read_strictly(content)).flatten(),
        };
        let head = head.filter(|head| head.time.is_some() || head.learned && head.level.is_some())?;
        let is_trace = head::is_head(content) || trace::begins(content).is_some();
        (!is_trace).then(|| Self::read(content, &head))
    }

    fn general(content: &'a str, head: &Head<'a>) -> Self {
        Self {
            time: head.time,
            level: head.level,
            logger: head.logger.map(Cow::Borrowed),
            message: Cow::Borrowed(&content[head.message_at..]),
            ..Self::default()
        }
    }

    fn read(content: &'a str, head: &Head<'a>) -> Self {
        Self {
            time: head.time,
            level: head.level,
            logger: head.logger.map(Cow::Borrowed),
            host: head.host.map(Cow::Borrowed),
            process: head.process.map(Cow::Borrowed),
            thread: head.thread.map(Cow::Borrowed),
            message: Cow::Borrowed(&content[head.message_at..]),
            continues: head.continues,
        }
    }
}

/// Whether a line that is neither an object nor a request has no header, beyond doubt.
pub(crate) fn is_headless(content: &[u8], reader: &Reader) -> bool {
    reader.is_prose(content) || !(may_be_dated(reader.layout(), content) || may_be_general(content))
}

/// Whether the layout may say something of a line; one that was not learned only counts where it finds a time.
fn may_be_dated(layout: &Layout, content: &[u8]) -> bool {
    const DIGITS: usize = 4;
    const AMONG: usize = 64;
    // As many bytes as mostly are there are counted at once.
    let digits = || match content.first_chunk::<AMONG>() {
        Some(among) => among.iter().map(|b| u8::from(b.is_ascii_digit())).sum::<u8>().into(),
        None => content.iter().filter(|b| b.is_ascii_digit()).count(),
    };
    !layout.is_empty() || digits() >= DIGITS
}

/// Whether a line begins as a header of any form may, or holds an access log's time.
fn may_be_general(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || *b == b'[')
        || (!bytes.is_empty() && memchr_iter(b'[', bytes).any(|at| at > 0 && bytes[at - 1] == b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_says_where_it_was_written() {
        let lines = [
            r#"{"level":"error","msg":"it broke","hostname":"web0","pid":71,"thread":"main"}"#,
            r#"{"level":"error","hostname":"web0","pid":71,"thread":"main","msg":"it broke","list":[{}]}"#,
            "level=error msg=\"it broke\" hostname=web0 pid=71 thread=main",
        ];
        for line in lines {
            let mut reader = Reader::new(Layout::default(), Timestamp::UNIX_EPOCH);
            let said = Parsed::new(line, &mut reader).header.unwrap();
            let place = (said.host.as_deref(), said.process.as_deref(), said.thread.as_deref());
            assert_eq!(place, (Some("web0"), Some("71"), Some("main")), "{line}");
        }
    }
}
