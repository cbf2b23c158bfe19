//! Which lines make one record.
//!
//! A line joins the open record or starts the next one; nothing else is remembered across records. A line that belongs
//! only if a later one does is held back meanwhile, and read again as a record of its own when that one does not come.
//! So a record's extent depends on its own lines and a bounded number after it, and a scan may stop between any two
//! records and resume there. What the lines of a stack trace are, the languages know (`crate::trace`).

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::context;
use crate::header::{self, Header};
use crate::record::Level;
use crate::structured;
use crate::trace::{self, Follow, Language, Next, Place, head};

/// Lines held back at most until one decides where they belong.
const HELD: usize = 64;
/// A record that is longer than allowed keeps its beginning and this part of the limit from its end; at least what may
/// be context of the next record, each byte of which may have become a mark of three.
const TAIL: usize = 4;
const LEAST_TAIL: usize = 4 * context::REACH as usize;
/// How many times the limit a record may take in its file; what comes then is another record.
const EXTENT: u64 = 64;

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
    /// Lines taken.
    pub(crate) count: u64,
    /// The first lines.
    pub(crate) lines: Vec<DraftLine>,
    /// The last lines, where some in between were left out.
    pub(crate) tail: VecDeque<DraftLine>,
    pub(crate) header: Header,
    /// False when the line had no time, level or fields.
    pub(crate) headed: bool,
    /// The field of a structured line that may hold a stack trace.
    pub(crate) field: Option<String>,
    /// Whose stack trace the lines are.
    pub(crate) language: Option<&'static dyn Language>,
    pub(crate) truncated: bool,
    /// Bytes of the lines left out between the first and the last ones.
    pub(crate) left_out: u64,
    /// Where a stack trace begins within the first line's message.
    from: usize,
    /// The trace or the exception's name is in the first line's message, so that the header may stand before every line.
    in_header: bool,
    /// The trace began on a later line, so that the first says nothing of it.
    begun_later: bool,
    key: Option<(String, Option<Level>)>,
    /// Whether the header stands before every line; known from the second line on.
    repeating: Option<bool>,
    state: State,
    size: usize,
    tail_size: usize,
}

/// A line of a record.
#[derive(Debug)]
pub(crate) struct DraftLine {
    pub(crate) start: u64,
    pub(crate) text: String,
    /// The line without the header that stands before each of the record's lines.
    bare: Option<String>,
}

#[derive(Debug)]
enum State {
    /// One line, to which indented lines belong.
    Plain,
    /// Behind a line that names an exception, and so many lines that are perhaps its message.
    Head(usize),
    /// Inside a key block.
    KeyBlock,
    /// Inside a stack trace.
    Trace(Box<dyn Follow>),
}

/// Puts lines together.
pub(crate) struct Assembler {
    open: Option<Draft>,
    held: Vec<Row>,
    reference: Timestamp,
    limit: usize,
}

impl Assembler {
    /// `reference` dates lines without a year; `limit` is the most bytes of a record.
    pub(crate) fn new(reference: Timestamp, limit: usize) -> Self {
        Self { open: None, held: Vec::new(), reference, limit }
    }

    /// Offset and line number at which the unfinished record starts.
    pub(crate) fn unfinished(&self) -> Option<(u64, u64)> {
        self.open.as_ref().map(|open| (open.start, open.number))
    }

    /// Takes the next line and adds the records that it finished to `done`.
    pub(crate) fn push(&mut self, row: Row, done: &mut Vec<Draft>) {
        let line = Parsed::new(&row.text, self.reference);
        let next = match &mut self.open {
            Some(open) => open.next(&row, &line, self.limit),
            None => Next::End,
        };
        match (next, &mut self.open) {
            (Next::Part | Next::Text, Some(open)) => {
                for held in std::mem::take(&mut self.held) {
                    open.take(&held, &Parsed::new(&held.text, self.reference), self.limit);
                }
                open.take(&row, &line, self.limit);
            }
            (Next::Perhaps, Some(_)) if self.held.len() < HELD => self.held.push(row),
            (Next::Part | Next::Text | Next::Perhaps | Next::End, _) => {
                done.extend(self.open.take());
                if self.held.is_empty() {
                    self.open = Draft::new(&row, line);
                } else {
                    let held = std::mem::take(&mut self.held);
                    held.into_iter().chain(Some(row)).for_each(|row| self.push(row, done));
                }
            }
        }
    }

    /// Adds what is unfinished to `done`, taken as finished.
    pub(crate) fn finish(&mut self, done: &mut Vec<Draft>) {
        while let Some(open) = self.open.take() {
            done.push(open);
            std::mem::take(&mut self.held).into_iter().for_each(|row| self.push(row, done));
        }
    }
}

/// A line with what is known of it before its place in a record.
struct Parsed<'a> {
    content: &'a str,
    header: Option<Header>,
    prefix: Option<header::Syslog<'a>>,
    /// The line is an object, which no further line belongs to unless it is indented.
    structured: bool,
    field: Option<String>,
}

impl<'a> Parsed<'a> {
    fn new(text: &'a str, reference: Timestamp) -> Self {
        let prefix = header::syslog(text, reference);
        let content = prefix.as_ref().map_or(text, |prefix| prefix.content);
        match structured::parse(content) {
            Some(fields) => {
                Self { content, header: Some(fields.header), prefix, structured: true, field: fields.trace }
            }
            None => Self { content, header: header::parse(content), prefix, structured: false, field: None },
        }
    }

    /// What tells this line's stream from others in the same file.
    fn key(&self) -> Option<(&str, Option<Level>)> {
        self.prefix.as_ref().map(|prefix| (prefix.key, prefix.level))
    }
}

impl Draft {
    /// The record that a line opens; none for a blank one.
    fn new(row: &Row, line: Parsed<'_>) -> Option<Self> {
        if row.text.trim().is_empty() {
            return None;
        }
        let headed = line.header.is_some() || line.prefix.is_some();
        let key = line.key().map(|(key, level)| (key.to_owned(), level));
        let opening = match &line.header {
            Some(_) if line.structured => Opening { state: State::Plain, language: None, from: 0 },
            Some(header) => State::opening(&header.message, header.level >= Some(Level::Error)),
            None => State::opening(line.content, false),
        };
        let in_header = line.header.is_some() && !matches!(opening.state, State::Plain | State::KeyBlock);
        let content = line.content.to_owned();
        let mut header =
            line.header.unwrap_or_else(|| Header { message: content.clone(), ..Header::default() });
        if let Some(prefix) = line.prefix {
            header.time = header.time.or(prefix.time);
            header.level = header.level.or(prefix.level);
            header.logger = header.logger.or_else(|| Some(prefix.program.to_owned()));
        }
        Some(Self {
            start: row.start,
            end: row.end,
            number: row.number,
            count: 1,
            size: row.text.len(),
            lines: vec![DraftLine { start: row.start, text: content, bare: None }],
            tail: VecDeque::new(),
            tail_size: 0,
            header,
            headed,
            field: line.field,
            language: opening.language,
            truncated: row.cut,
            left_out: 0,
            from: opening.from,
            in_header,
            begun_later: false,
            key,
            repeating: None,
            state: opening.state,
        })
    }

    /// The text in which the stack trace stands, where that is not simply the lines: without the header before the first
    /// or before each.
    pub(crate) fn trace_text(&self) -> Option<String> {
        let simply = (!self.headed || self.begun_later) && self.from == 0 && self.repeating != Some(true);
        if simply {
            return None;
        }
        let rest = self.lines.iter().skip(1).chain(&self.tail);
        let rest = rest.map(|line| line.bare.as_deref().unwrap_or(&line.text));
        Some(std::iter::once(&self.header.message[self.from..]).chain(rest).collect::<Vec<_>>().join("\n"))
    }

    /// What the line is to this record.
    fn next(&mut self, row: &Row, line: &Parsed<'_>, limit: usize) -> Next {
        let other_stream = self.key.as_ref().map(|(key, level)| (key.as_str(), *level)) != line.key();
        if other_stream || row.end - self.start > EXTENT * limit as u64 {
            return Next::End;
        }
        let Some(content) = self.bare(line) else { return Next::End };
        let next = self.after(content);
        // Under a repeated header, what may be more of the message is more likely the next event.
        if line.header.is_some() && next == Next::Text { Next::End } else { next }
    }

    /// The line without a repeated header; `None` when it has a header of its own.
    fn bare<'a>(&self, line: &'a Parsed<'_>) -> Option<&'a str> {
        match &line.header {
            None => Some(line.content),
            Some(header) => self.repeats(header).then_some(header.message.as_str()),
        }
    }

    fn after(&mut self, content: &str) -> Next {
        match &mut self.state {
            State::Trace(follow) => follow.next(content),
            State::KeyBlock => {
                if content.contains("-----END ") {
                    self.state = State::Plain;
                }
                Next::Part
            }
            State::Plain | State::Head(_) => self.before_trace(content),
        }
    }

    /// What a line is to a record that is no stack trace yet.
    fn before_trace(&mut self, content: &str) -> Next {
        if let Some((language, beginning)) = trace::begins(content) {
            if matches!(beginning.place, Place::Here(_)) && !self.announces(beginning.own) {
                return Next::End;
            }
            self.language = Some(language);
            self.begun_later = matches!(beginning.place, Place::Here(_));
            self.state = State::Trace(beginning.follow);
            return Next::Part;
        }
        let blank = content.trim().is_empty();
        if !blank && content.starts_with([' ', '\t']) {
            if opens_key_block(content) {
                self.state = State::KeyBlock;
            }
            return Next::Part;
        }
        if matches!(self.state, State::Plain) && !blank && trace::may_precede(content) {
            return Next::Perhaps;
        }
        let names_exception = head::is_head(content);
        let announces = self.announces(head::ends_program(content));
        match &mut self.state {
            State::Head(lines) if *lines < head::MESSAGE_LINES && !names_exception => {
                *lines += 1;
                Next::Perhaps
            }
            State::Plain if names_exception && announces => {
                self.state = State::Head(0);
                Next::Part
            }
            State::Plain | State::Head(_) | State::KeyBlock | State::Trace(_) => Next::End,
        }
    }

    /// Whether a bare traceback on the next line belongs to this one. Only a header of an error announces it: after
    /// anything less, and after mere text, the program crashed. What only a crash prints belongs to it where the header
    /// says that something broke.
    fn announces(&self, crash: bool) -> bool {
        self.headed
            && self.header.level.is_none_or(|level| level >= Level::Error)
            && (!crash || head::speaks_of_failure(&self.header.message))
    }

    /// Whether the header is the one that opened this record, printed again before each line.
    fn repeats(&self, header: &Header) -> bool {
        self.in_header
            && self.repeating != Some(false)
            && header.level == self.header.level
            && header.logger == self.header.logger
    }

    fn take(&mut self, row: &Row, line: &Parsed<'_>, limit: usize) {
        self.repeating.get_or_insert(line.header.is_some());
        let bare = line.header.as_ref().map(|header| header.message.clone());
        self.keep(DraftLine { start: row.start, text: line.content.to_owned(), bare }, limit);
        self.end = row.end;
        self.count += 1;
        self.truncated |= row.cut;
    }

    /// Keeps the first lines up to the limit and the last ones up to a part of it: some languages say first what
    /// happened and some last.
    fn keep(&mut self, line: DraftLine, limit: usize) {
        self.size += line.text.len();
        if self.tail.is_empty() && self.size <= limit {
            self.lines.push(line);
            return;
        }
        self.truncated = true;
        self.tail_size += line.text.len();
        self.tail.push_back(line);
        while self.tail_size > LEAST_TAIL.max(limit / TAIL)
            && let Some(line) = self.tail.pop_front()
        {
            self.tail_size -= line.text.len();
            self.left_out += line.text.len() as u64;
        }
    }
}

/// What a record's first line begins.
struct Opening {
    state: State,
    language: Option<&'static dyn Language>,
    from: usize,
}

impl State {
    /// Behind the header of an error, an exception may also be named after other words.
    fn opening(content: &str, of_error: bool) -> Opening {
        if let Some((language, beginning)) = trace::begins(content)
            && let Place::Here(from) = beginning.place
        {
            return Opening { state: Self::Trace(beginning.follow), language: Some(language), from };
        }
        let state = if opens_key_block(content) {
            Self::KeyBlock
        } else if head::is_head(content) || (of_error && head::names_exception(content)) {
            Self::Head(0)
        } else {
            Self::Plain
        };
        Opening { state, language: None, from: 0 }
    }
}

fn opens_key_block(content: &str) -> bool {
    content.rfind("-----BEGIN ") > content.rfind("-----END ")
}

/// The line without what a log collector put before it.
pub(crate) fn content(text: &str, reference: Timestamp) -> &str {
    header::syslog(text, reference).map_or(text, |prefix| prefix.content)
}
