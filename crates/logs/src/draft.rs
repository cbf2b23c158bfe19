//! One record while its lines are coming: which line belongs to it, and what is kept of them.
//!
//! A record's extent depends on its own lines and a bounded number after it. What the lines of a stack trace are, the
//! languages know (`crate::trace`).

use std::borrow::Cow;
use std::collections::VecDeque;

use jiff::Timestamp;

use crate::context::Context;
use crate::lookback;
use crate::opened::Opened;
use crate::parsed::{Parsed, Said};
use crate::record::Level;
use crate::tags::{self, tags};
use crate::trace::{self, Follow, Language, Next, Place, head};
use crate::unwrap::Envelope;

/// A record that is longer than allowed keeps its beginning and this part of the limit from its end; at least what may
/// be context of the next record, each byte of which may have become a mark of three.
const TAIL: usize = 4;
const LEAST_TAIL: usize = 4 * lookback::REACH as usize;
/// How many times the limit a record may take in its file; what comes then is another record.
const EXTENT: u64 = 64;
/// Lines of other streams after which a record ends that has one line, and after which any record does.
pub(crate) const PLAIN_WAIT: u64 = 64;
pub(crate) const WAIT: u64 = 1024;
/// Seconds between two lines after which the second is another event.
const PAUSE: i64 = 30;

/// A cleaned line without what stood around it, and where it stood.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row<'a> {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Line number in the file, from 1.
    pub(crate) number: u64,
    /// Lines of the file that it is made of.
    pub(crate) lines: u64,
    pub(crate) text: Cow<'a, str>,
    /// The line was longer than allowed.
    pub(crate) cut: bool,
    pub(crate) envelope: Option<Envelope<'a>>,
    /// How many rows came before it.
    pub(crate) sequence: u64,
}

impl Row<'_> {
    pub(crate) fn into_owned(self) -> Row<'static> {
        Row {
            text: Cow::Owned(self.text.into_owned()),
            envelope: self.envelope.map(Envelope::into_owned),
            start: self.start,
            end: self.end,
            number: self.number,
            lines: self.lines,
            cut: self.cut,
            sequence: self.sequence,
        }
    }

    /// What tells this line's stream from others in the same file.
    pub(crate) fn key(&self) -> (&str, Option<Level>) {
        self.envelope.as_ref().map_or(("", None), |envelope| (&envelope.key, envelope.level))
    }
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
    pub(crate) header: Opened,
    /// False when the line had no time, level or fields.
    pub(crate) headed: bool,
    /// The field of a structured line that may hold a stack trace.
    pub(crate) field: Option<String>,
    /// Whose stack trace the lines are.
    pub(crate) language: Option<&'static dyn Language>,
    pub(crate) truncated: bool,
    /// Bytes of the lines left out between the first and the last ones.
    pub(crate) left_out: u64,
    /// The lines before it, where they were asked for before it was finished.
    pub(crate) context: Option<Context>,
    /// Lines that belong to it if a later one does.
    pub(crate) held: Vec<Row<'static>>,
    /// The last row that was taken or held.
    last: u64,
    /// When the last line was collected.
    collected: Option<Timestamp>,
    /// What stands before each line of what an error says.
    tags: String,
    /// Where a stack trace begins within the first line's message.
    from: usize,
    /// The trace or the exception's name is in the first line's message, so that the header may stand before every line.
    in_header: bool,
    /// The trace began on a later line, so that the first says nothing of it.
    begun_later: bool,
    key: (String, Option<Level>),
    /// Its header itself names the process, rather than what stood around it.
    names_process: bool,
    /// The last line may be the first of a trace; it is for the next one to say.
    preceded: bool,
    /// Whether the header stands before every line; known from the second line on.
    repeating: Option<bool>,
    state: State,
    size: usize,
    tail_size: usize,
}

/// A line of a record.
#[derive(Debug)]
pub(crate) struct DraftLine {
    pub(crate) text: String,
    /// The line without the header that stands before each of the record's lines.
    bare: Option<String>,
}

#[derive(Debug)]
enum State {
    /// One line, to which indented lines belong.
    Plain,
    /// Behind a header whose message is on the next line.
    Announced,
    /// Behind a line that names an exception, and so many lines that are perhaps its message.
    Head(usize),
    /// Inside a key block.
    KeyBlock,
    /// Inside a stack trace.
    Trace(Box<dyn Follow>),
}

impl Draft {
    /// The record that a line opens; none for a blank one.
    pub(crate) fn new(row: &Row<'_>, line: Parsed<'_>) -> Option<Self> {
        if row.text.trim().is_empty() {
            return None;
        }
        let headed = line.header.is_some() || row.envelope.is_some();
        let failed = line.header.as_ref().filter(|header| header.level >= Some(Level::Error));
        let tags = failed.filter(|_| !line.structured).map_or("", |header| tags(&header.message));
        let said = failed.map_or("", |header| &header.message[tags.len()..]);
        let opening = match &line.header {
            Some(_) if line.structured => Opening::plain(State::Plain),
            Some(header) if header.continues => Opening::plain(State::Announced),
            Some(header) if failed.is_none() => State::opening(&header.message, false),
            Some(_) => State::opening(said, true),
            None => State::opening(line.content, false),
        };
        // An error that says nothing yet may say it behind the same header again.
        let in_header = match opening.state {
            State::Head(_) | State::Trace(_) => line.header.is_some(),
            State::Plain => failed.is_some() && !line.structured && said.trim().is_empty(),
            State::Announced | State::KeyBlock => false,
        };
        let names_process = line.header.as_ref().is_some_and(|said| said.process.is_some());
        let (key, level) = row.key();
        Some(Self {
            start: row.start,
            end: row.end,
            number: row.number,
            count: row.lines,
            size: row.text.len(),
            lines: vec![DraftLine { text: line.content.to_owned(), bare: None }],
            tail: VecDeque::new(),
            tail_size: 0,
            header: Opened::new(&line, row.envelope.as_ref()),
            headed,
            field: line.field,
            language: opening.language,
            truncated: row.cut,
            left_out: 0,
            context: None,
            held: Vec::new(),
            last: row.sequence,
            collected: row.envelope.as_ref().and_then(|envelope| envelope.time),
            from: tags.len() + opening.from,
            tags: tags.to_owned(),
            in_header,
            begun_later: false,
            key: (key.to_owned(), level),
            names_process,
            preceded: false,
            repeating: None,
            state: opening.state,
        })
    }

    /// What tells its stream from others in the same file.
    pub(crate) fn key(&self) -> (&str, Option<Level>) {
        (&self.key.0, self.key.1)
    }

    /// Whether it and the line come from the same thread, as far as they say.
    pub(crate) fn is_of_thread(&self, said: &Said<'_>) -> bool {
        let process = self.header.process.as_deref().filter(|_| self.names_process);
        (process, self.header.thread.as_deref()) == (said.process.as_deref(), said.thread.as_deref())
    }

    /// Whether any line with a header of its own ends it, whichever thread's.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.state, State::Plain) && self.held.is_empty() && !self.may_be_interrupted()
    }

    /// Whether it may go on behind lines with the headers of other threads.
    pub(crate) fn may_be_interrupted(&self) -> bool {
        self.in_header && self.repeating != Some(false) && self.held.is_empty()
    }

    /// The first row at which it has ended for want of lines.
    pub(crate) fn expiry(&self) -> u64 {
        let wait = match self.state {
            State::Plain => PLAIN_WAIT,
            State::Announced | State::Head(_) | State::KeyBlock | State::Trace(_) => WAIT,
        };
        self.last + wait + 1
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
    pub(crate) fn next(&mut self, row: &Row<'_>, line: &Parsed<'_>, limit: usize) -> Next {
        if row.sequence >= self.expiry() || row.end.saturating_sub(self.start) > EXTENT * limit as u64 {
            return Next::End;
        }
        let collected = row.envelope.as_ref().and_then(|envelope| envelope.time);
        if let (Some(last), Some(now)) = (self.collected, collected)
            && now.as_second() - last.as_second() > PAUSE
        {
            return Next::End;
        }
        self.collected = collected;
        // A key whose lines were logged one by one is still one secret.
        if matches!(self.state, State::KeyBlock)
            && let Some(header) = &line.header
            && is_key_line(&header.message)
        {
            return self.after(&header.message.clone());
        }
        let Some(content) = self.bare(line) else { return self.after_undated(line) };
        let next = self.after(content);
        // Under a repeated header, what may be more of the message is more likely the next event.
        if line.header.is_some() && next == Next::Text { Next::End } else { next }
    }

    /// The line without a repeated header; `None` when it has a header of its own.
    fn bare<'a>(&self, line: &'a Parsed<'_>) -> Option<&'a str> {
        match &line.header {
            None => Some(self.untagged(line.content)),
            Some(header) => self.repeats(header).then(|| self.untagged(&header.message)),
        }
    }

    fn untagged<'a>(&self, content: &'a str) -> &'a str {
        tags::behind(content, &self.tags).unwrap_or(content)
    }

    /// What a line with a header of its own is. Without a time, that may be what a stack trace prints, as in `note: …`.
    fn after_undated(&mut self, line: &Parsed<'_>) -> Next {
        let undated = line.header.as_ref().is_some_and(|said| said.time.is_none()) && !line.structured;
        match &mut self.state {
            State::Announced if undated => {
                let said = line.header.as_ref();
                self.header.level = self.header.level.or_else(|| said?.level);
                self.open_with(said.map_or(line.content, |said| &said.message));
                Next::Part
            }
            State::Trace(follow) if undated => match follow.next(line.content) {
                Next::Part => Next::Part,
                Next::Text | Next::Perhaps | Next::End => Next::End,
            },
            State::Trace(_) | State::Plain | State::Announced | State::Head(_) | State::KeyBlock => Next::End,
        }
    }

    fn after(&mut self, content: &str) -> Next {
        if is_marked(content) && !matches!(self.state, State::KeyBlock) {
            return Next::End;
        }
        match &mut self.state {
            State::Trace(follow) => match follow.next(content) {
                // What another language prints is no more of the message.
                Next::Text if begins_other(content, self.language) => Next::End,
                next @ (Next::Part | Next::Text | Next::Perhaps | Next::End) => next,
            },
            State::KeyBlock => {
                if content.contains("-----END ") {
                    self.state = State::Plain;
                }
                Next::Part
            }
            State::Announced => {
                self.open_with(content);
                Next::Part
            }
            State::Plain | State::Head(_) => self.before_trace(content),
        }
    }

    /// Takes the first line behind the header for the message.
    fn open_with(&mut self, content: &str) {
        let opening = State::opening(content, self.header.level >= Some(Level::Error));
        self.header.message = content.trim().to_owned();
        self.begun_later = opening.language.is_some();
        self.language = opening.language;
        self.state = opening.state;
    }

    /// What a line is to a record that is no stack trace yet.
    fn before_trace(&mut self, content: &str) -> Next {
        let may_begin = trace::may_begin(content.as_bytes());
        if may_begin && let Some((language, beginning)) = trace::begins(content) {
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
        if matches!(self.state, State::Plain) && !self.preceded && trace::may_precede(content) {
            self.preceded = true;
            return Next::Perhaps;
        }
        // Frameworks leave a line blank between what broke and its stack trace.
        let announced = self.headed && self.header.level >= Some(Level::Error) && self.count == 1;
        if blank && announced && matches!(self.state, State::Plain) {
            return Next::Perhaps;
        }
        let names_exception = may_begin && head::is_head(content);
        if matches!(self.state, State::Plain) && !names_exception && self.goes_on_with(content) {
            if opens_key_block(content) {
                self.state = State::KeyBlock;
            }
            return Next::Part;
        }
        let announces = names_exception && self.announces(head::ends_program(content));
        match &mut self.state {
            State::Head(lines) if *lines < head::MESSAGE_LINES && !names_exception => {
                *lines += 1;
                Next::Perhaps
            }
            State::Plain if names_exception && announces => {
                self.state = State::Head(0);
                Next::Part
            }
            State::Plain | State::Announced | State::Head(_) | State::KeyBlock | State::Trace(_) => Next::End,
        }
    }

    /// Whether a line without a header is part of something that the message began: what only closes brackets, and behind
    /// a line with a time what begins with a sign of tables, markup, lists or objects, as no program begins an event.
    fn goes_on_with(&self, content: &str) -> bool {
        let content = content.trim_ascii_end();
        let closes = !content.is_empty() && content.bytes().all(|b| b"]}),;".contains(&b));
        closes
            || self.header.time.is_some()
                && content.starts_with(['{', '}', ']', ')', '|', '+', '-', '<', '>', '@'])
    }

    /// Whether a bare traceback on the next line belongs to this one. Only a header of an error announces it: after
    /// anything less, and after mere text, the program crashed. So it did behind a message that gives a reason of its own
    /// and speaks of no exception. What only a crash prints belongs to it where the header says that something broke.
    fn announces(&self, crash: bool) -> bool {
        self.headed
            && self.header.level.is_none_or(|level| level >= Level::Error)
            && (!crash || head::speaks_of_failure(&self.header.message))
            && !gives_reason(&self.header.message)
    }

    /// Whether the header is the one that opened this record, printed again before each line.
    fn repeats(&self, header: &Said<'_>) -> bool {
        self.in_header
            && self.repeating != Some(false)
            && header.level == self.header.level
            && header.logger.as_deref() == self.header.logger.as_deref()
    }

    pub(crate) fn take(&mut self, row: &Row<'_>, line: &Parsed<'_>, limit: usize) {
        self.repeating.get_or_insert(line.header.is_some());
        let said = line.header.as_ref().map(|header| &*header.message);
        let said = said.or((!self.tags.is_empty()).then_some(line.content));
        let bare = said.map(|said| self.untagged(said).to_owned());
        self.keep(DraftLine { text: line.content.to_owned(), bare }, limit);
        self.end = row.end.max(self.end);
        self.count += row.lines;
        self.last = row.sequence;
        self.truncated |= row.cut;
    }

    pub(crate) fn hold(&mut self, row: Row<'_>) {
        self.last = row.sequence;
        self.held.push(row.into_owned());
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

    /// The lines; what was left out between them is said.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        if let [line] = self.lines.as_slice()
            && self.tail.is_empty()
        {
            return Cow::Borrowed(line.text.trim_end());
        }
        let first: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        let mut text = first.join("\n");
        if self.left_out > 0 {
            text.push_str(&format!("\n  [... {} bytes left out ...]", self.left_out));
        }
        for line in &self.tail {
            text.push('\n');
            text.push_str(&line.text);
        }
        text.truncate(text.trim_end().len());
        Cow::Owned(text)
    }
}

impl Draft {
    /// As [`Draft::text`]; where it is one line, this is the line itself, which the draft no longer has.
    pub(crate) fn take_text(&mut self) -> String {
        let text = self.text();
        let length = text.len();
        match text {
            Cow::Owned(text) => text,
            Cow::Borrowed(_) => {
                let line = self.lines.first_mut().map(|line| std::mem::take(&mut line.text));
                let mut text = line.unwrap_or_default();
                text.truncate(length);
                text
            }
        }
    }
}

/// What a record's first line begins.
struct Opening {
    state: State,
    language: Option<&'static dyn Language>,
    from: usize,
}

impl Opening {
    fn plain(state: State) -> Self {
        Self { state, language: None, from: 0 }
    }
}

impl State {
    /// Behind the header of an error, an exception may also be named after other words.
    fn opening(content: &str, of_error: bool) -> Opening {
        let may_begin = trace::may_begin(content.as_bytes());
        if may_begin
            && let Some((language, beginning)) = trace::begins(content)
            && let Place::Here(from) = beginning.place
        {
            return Opening { state: Self::Trace(beginning.follow), language: Some(language), from };
        }
        Opening::plain(if opens_key_block(content) {
            Self::KeyBlock
        } else if may_begin && (head::is_head(content) || (of_error && head::names_exception(content))) {
            Self::Head(0)
        } else {
            Self::Plain
        })
    }
}

/// Whether a line begins with the mark that build tools and servers of JavaScript print before each event, as in
/// ` ⨯ Error: x`; behind a single blank, so that it is none of the lines that a report of an error is drawn with.
fn is_marked(content: &str) -> bool {
    let mut text = content.chars();
    text.next() == Some(' ') && text.next().is_some_and(|c| "⨯✓⚠○▲✕✖".contains(c)) && text.next() == Some(' ')
}

/// Whether a line begins a stack trace of another language.
fn begins_other(content: &str, language: Option<&'static dyn Language>) -> bool {
    let same = |other: &dyn Language| language.is_some_and(|known| known.endings() == other.endings());
    trace::begins(content)
        .is_some_and(|(other, beginning)| matches!(beginning.place, Place::Here(_)) && !same(other))
}

/// Whether the text can be a line of a key block: encoded bytes or its end.
fn is_key_line(message: &str) -> bool {
    let encoded = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    let mut words = message.split_whitespace().rev();
    let last = words.next().unwrap_or_default();
    message.contains("-----END ") || (last.bytes().all(encoded) && words.count() <= 1)
}

fn opens_key_block(content: &str) -> bool {
    content.rfind("-----BEGIN ") > content.rfind("-----END ")
}

/// Whether a message ends with a reason in words of its own, as in `could not send to user 7: timeout`.
fn gives_reason(message: &str) -> bool {
    const WORDS: [&str; 14] = [
        "unhandled",
        "uncaught",
        "exception",
        "error",
        "fail",
        "panic",
        "crash",
        "traceback",
        "stack",
        "unexpected",
        "fatal",
        "abort",
        "caught",
        "died",
    ];
    let message = message.trim_end();
    let reason = message.rsplit_once(": ").map_or("", |(_, reason)| reason);
    let is_word = reason.starts_with(|c: char| c.is_alphabetic()) && !reason.contains(['/', '=', '[', '{']);
    is_word && {
        let message = message.to_ascii_lowercase();
        !WORDS.iter().any(|word| message.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_message_with_a_reason_that_is_no_exception_is_complete() {
        for (message, expected) in [
            ("could not send to user 7: timeout", true),
            ("mail to bob refused: mailbox full", true),
            ("unhandled error", false),
            ("cannot serve the request: Unexpected", false),
            ("request failed: timeout", false),
            ("no room: CartException", false),
            ("Exception on /cart [GET]", false),
            ("Internal Server Error: /cart", false),
            ("cannot serve: /cart", false),
            ("could not send", false),
            ("while serving:", false),
        ] {
            assert_eq!(gives_reason(message), expected, "{message}");
        }
    }
}
