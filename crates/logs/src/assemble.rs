//! Which lines make one record.
//!
//! A line joins the open record or starts the next one; nothing else is remembered across records. That makes a record's
//! extent depend on its own lines and the one after it, so that a scan may stop between any two records and resume there.

use jiff::Timestamp;

use crate::header::{self, Header};
use crate::record::Level;
use crate::structured;
use crate::trace::python;

/// Lines that a message may add after the exception's line.
const MESSAGE_LINES: usize = 50;
/// Blank lines allowed between chained tracebacks.
const BLANK_LINES: usize = 3;

/// A cleaned line and where it stood.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Line number in the file, from 1.
    pub(crate) number: u64,
    pub(crate) text: String,
    /// The line was longer than allowed.
    pub(crate) cut: bool,
}

/// A record before its secrets are taken out.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) number: u64,
    pub(crate) lines: Vec<String>,
    pub(crate) header: Header,
    /// False when the line had no time, level or fields.
    pub(crate) headed: bool,
    /// Where a stack trace is to be looked for.
    pub(crate) body: Body,
    pub(crate) truncated: bool,
    /// Starts of the lines, for the context of later records.
    pub(crate) starts: Vec<u64>,
    key: Option<(String, Option<Level>)>,
    /// Whether the header stands before every line; known from the second line on.
    repeating: Option<bool>,
    state: State,
    size: usize,
}

/// The text that may hold a stack trace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The lines themselves.
    Lines,
    /// The lines without the header that stands before each of them.
    Unwrapped(Vec<String>),
    /// A field of a structured line.
    Field(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// One line, to which indented lines belong.
    Plain,
    /// Inside a key block.
    KeyBlock,
    /// Inside a traceback, before its exception; the number is the indentation of its opening line.
    Frames(usize),
    /// Behind the exception's line, with so many lines of message since.
    Message(usize, usize),
    /// Inside an exception group.
    Group,
    /// Behind a complete traceback and so many blank lines.
    Blank(usize),
    /// Behind the sentence that announces the next traceback of a chain.
    Linked,
}

/// Puts lines together.
pub(crate) struct Assembler {
    open: Option<Draft>,
    reference: Timestamp,
    limit: usize,
}

impl Assembler {
    /// `reference` dates lines without a year; `limit` is the most bytes of a record.
    pub(crate) fn new(reference: Timestamp, limit: usize) -> Self {
        Self { open: None, reference, limit }
    }

    /// Offset and line number at which the unfinished record starts.
    pub(crate) fn unfinished(&self) -> Option<(u64, u64)> {
        self.open.as_ref().map(|open| (open.start, open.number))
    }

    /// Takes the next line and returns the record that it finished.
    pub(crate) fn push(&mut self, row: &Row) -> Option<Draft> {
        if self.open.is_none() && row.text.trim().is_empty() {
            return None;
        }
        let line = Parsed::new(&row.text, self.reference);
        if let Some(open) = &mut self.open {
            if !open.truncated && open.size + row.text.len() <= self.limit {
                if let Some((state, content)) = open.next(&line) {
                    open.take(row, &line, state, content);
                    return None;
                }
            } else if open.next(&line).is_some() {
                open.truncated = true;
            }
        }
        let done = self.open.take();
        if !row.text.trim().is_empty() {
            self.open = Some(Draft::new(row, line));
        }
        done
    }

    /// The unfinished record, taken as finished.
    pub(crate) fn finish(&mut self) -> Option<Draft> {
        self.open.take()
    }
}

/// A line with what is known of it before its place in a record.
struct Parsed<'a> {
    content: &'a str,
    header: Option<Header>,
    prefix: Option<header::Syslog<'a>>,
    field: Option<String>,
}

impl<'a> Parsed<'a> {
    fn new(text: &'a str, reference: Timestamp) -> Self {
        let prefix = header::syslog(text, reference);
        let content = prefix.as_ref().map_or(text, |prefix| prefix.content);
        match structured::parse(content) {
            Some(fields) => Self { content, header: Some(fields.header), prefix, field: fields.trace },
            None => Self { content, header: header::parse(content), prefix, field: None },
        }
    }

    /// What tells this line's stream from others in the same file.
    fn key(&self) -> Option<(&str, Option<Level>)> {
        self.prefix.as_ref().map(|prefix| (prefix.key, prefix.level))
    }
}

impl Draft {
    fn new(row: &Row, line: Parsed<'_>) -> Self {
        let headed = line.header.is_some() || line.prefix.is_some();
        let key = line.key().map(|(key, level)| (key.to_owned(), level));
        let content = line.content.to_owned();
        let mut header =
            line.header.unwrap_or_else(|| Header { message: content.clone(), ..Header::default() });
        if let Some(prefix) = line.prefix {
            header.time = header.time.or(prefix.time);
            header.level = header.level.or(prefix.level);
            header.logger = header.logger.or_else(|| Some(prefix.program.to_owned()));
        }
        let (state, opening) = State::of_first(&content);
        let body = match (line.field, opening) {
            (Some(field), _) => Body::Field(field),
            (None, Some(opening)) => Body::Unwrapped(vec![opening]),
            (None, None) => Body::Lines,
        };
        Self {
            start: row.start,
            end: row.end,
            number: row.number,
            size: row.text.len(),
            lines: vec![content],
            header,
            headed,
            body,
            truncated: row.cut,
            starts: vec![row.start],
            key,
            repeating: None,
            state,
        }
    }

    /// The state after the line and its text, if it belongs to this record.
    fn next<'a>(&self, line: &'a Parsed<'_>) -> Option<(State, &'a str)> {
        if self.key.as_ref().map(|(key, level)| (key.as_str(), *level)) != line.key() {
            return None;
        }
        let content = match &line.header {
            None => line.content,
            Some(header) if self.repeats(header) => &header.message,
            Some(_) => return None,
        };
        let state = self.state.after(content, self.announces())?;
        // Under a repeated header, what follows the exception is more likely the next event than more of its message.
        let next_event = line.header.is_some()
            && matches!(self.state, State::Message(..))
            && matches!(state, State::Message(..));
        (!next_event).then_some((state, content))
    }

    /// Whether a bare traceback on the next line belongs to this one. Only a header of an error announces it: after
    /// anything less, and after mere text, the program crashed.
    fn announces(&self) -> bool {
        self.headed && self.header.level.is_none_or(|level| level >= Level::Error)
    }

    /// Whether the header is the one that opened this record, printed again before each line.
    fn repeats(&self, header: &Header) -> bool {
        matches!(self.body, Body::Unwrapped(_))
            && self.repeating != Some(false)
            && header.level == self.header.level
            && header.logger == self.header.logger
    }

    fn take(&mut self, row: &Row, line: &Parsed<'_>, state: State, content: &str) {
        self.size += row.text.len();
        self.end = if matches!(state, State::Blank(_)) { self.end } else { row.end };
        self.state = state;
        self.repeating.get_or_insert(line.header.is_some());
        if let Body::Unwrapped(body) = &mut self.body {
            body.push(content.to_owned());
        }
        self.lines.push(line.content.to_owned());
        self.starts.push(row.start);
        self.truncated |= row.cut;
    }
}

/// The line without what a log collector put before it.
pub(crate) fn content(text: &str, reference: Timestamp) -> &str {
    header::syslog(text, reference).map_or(text, |prefix| prefix.content)
}

impl State {
    /// The state after a record's first line, and the traceback's opening where the line has something before it.
    fn of_first(content: &str) -> (Self, Option<String>) {
        if python::is_opening(content) {
            return (Self::opened(content), None);
        }
        if content.ends_with(python::OPENING) {
            return (Self::Frames(0), Some(python::OPENING.to_owned()));
        }
        if is_indented(content) && python::is_frame(content) {
            return (Self::Frames(0), None);
        }
        (Self::plain(content), None)
    }

    fn opened(content: &str) -> Self {
        match content.trim_start().strip_prefix("+ ") {
            Some(_) => Self::Group,
            None => Self::Frames(indentation(content)),
        }
    }

    fn plain(content: &str) -> Self {
        let begins = content.rfind("-----BEGIN ");
        let ends = content.rfind("-----END ");
        if begins > ends { Self::KeyBlock } else { Self::Plain }
    }

    /// The state after one more line, or `None` when the line is not part of the record.
    fn after(self, content: &str, announces: bool) -> Option<Self> {
        let blank = content.trim().is_empty();
        match self {
            Self::Plain => {
                if blank {
                    return None;
                }
                if python::is_opening(content) {
                    return announces.then(|| Self::opened(content));
                }
                let indented = is_indented(content);
                if indented && python::is_frame(content) {
                    return announces.then_some(Self::Frames(0));
                }
                indented.then(|| Self::plain(content))
            }
            Self::KeyBlock => {
                let ends = content.contains("-----END ");
                Some(if ends { Self::Plain } else { Self::KeyBlock })
            }
            Self::Frames(margin) => {
                if blank || python::is_opening(content) {
                    return None;
                }
                match indentation(content).cmp(&margin) {
                    std::cmp::Ordering::Greater => Some(self),
                    std::cmp::Ordering::Equal => Some(Self::Message(margin, 0)),
                    std::cmp::Ordering::Less => None,
                }
            }
            Self::Message(margin, lines) => {
                if blank {
                    return Some(Self::Blank(1));
                }
                if python::is_link(content) {
                    return Some(Self::Linked);
                }
                let goes_on = lines < MESSAGE_LINES
                    && !python::is_opening(content)
                    && !content.ends_with(python::OPENING)
                    && indentation(content) >= margin;
                goes_on.then_some(Self::Message(margin, lines + 1))
            }
            Self::Group => {
                if blank {
                    return Some(Self::Blank(1));
                }
                let inside = is_indented(content) && content.trim_start().starts_with(['|', '+']);
                inside.then_some(Self::Group)
            }
            Self::Blank(lines) => {
                if python::is_link(content) {
                    return Some(Self::Linked);
                }
                (blank && lines < BLANK_LINES).then_some(Self::Blank(lines + 1))
            }
            Self::Linked => {
                if python::is_opening(content) {
                    return Some(Self::opened(content));
                }
                blank.then_some(Self::Linked)
            }
        }
    }
}

fn is_indented(content: &str) -> bool {
    content.starts_with([' ', '\t'])
}

fn indentation(content: &str) -> usize {
    content.bytes().take_while(|b| matches!(b, b' ' | b'\t')).count()
}
