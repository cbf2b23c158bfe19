//! Where the message of a source's lines begins, learned from its first lines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alone::Alone;
use super::cell::{Cell, Kind, blank};
use super::clock::Clock;
use super::columns::columns;
use super::facts;
use super::learn::{self, Line};
use super::level;
use super::program::{Program, Role};
use super::time::{self, Form};
use crate::record::Level;

/// Lines learned from at most.
const LINES: usize = 200;
/// Forms of earlier parts of a source that are kept.
const KNOWN: usize = 12;

/// What stands before the messages of a source; nothing learned by default, which reads every line by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layout {
    pub(super) programs: Vec<Program>,
    /// Forms of earlier parts of the source, which hold for lines that have none of this one's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) known: Vec<Program>,
    /// Some headers are a line of their own before the message.
    #[serde(default)]
    pub(super) two_lines: bool,
    /// Blanks stand before the headers.
    #[serde(default)]
    pub(super) indented: bool,
}

/// What stood before the message of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head<'a> {
    /// Time of the event; UTC when the line names no zone.
    pub time: Option<Timestamp>,
    /// Level.
    pub level: Option<Level>,
    /// Logger, module or program.
    pub logger: Option<&'a str>,
    /// Machine that wrote the line.
    pub host: Option<&'a str>,
    /// Number of the process, as written.
    pub process: Option<&'a str>,
    /// Name or number of the thread, as written.
    pub thread: Option<&'a str>,
    /// Byte offset of the message in the line, always at a character's beginning; the line's length without a message.
    pub message_at: usize,
    /// The message is not on this line but begins with the next one, as `java.util.logging` and .NET consoles write it.
    pub continues: bool,
    /// The line has a form that was learned.
    pub learned: bool,
}

impl Layout {
    /// Learns from the first lines of a source, of which at most 200 are looked at. Times are not dated here, so
    /// `reference` only says what the caller will read with.
    pub fn learn<'a>(lines: impl Iterator<Item = &'a str>, _reference: Timestamp) -> Self {
        let lines: Vec<&str> = lines.take(LINES).collect();
        let indented = is_indented(&lines);
        let lines = lines.into_iter().map(|line| if indented { line.trim_ascii_start() } else { line });
        let lines = lines.filter(|line| may_have_header(line));
        let (first, others): (Vec<&str>, Vec<&str>) =
            lines.partition(|line| first_of_two(line.as_bytes()).is_some());
        let lines: Vec<Line<'_>> = others.into_iter().map(Line::new).collect();
        let programs = learn::programs(&lines);
        Self { programs, known: Vec::new(), two_lines: !first.is_empty(), indented }
    }

    /// Keeps the forms of an earlier part of the source, the latest first: those of headers with a time, which nothing
    /// but a header looks like.
    pub(crate) fn remember(&mut self, earlier: &Self) {
        for program in earlier.programs.iter().chain(&earlier.known) {
            let is_new = !self.programs.contains(program) && !self.known.contains(program);
            if is_new && program.has_time() && self.known.len() < KNOWN {
                self.known.push(program.clone());
            }
        }
    }

    /// Whether nearly all of the lines have a form that was learned last.
    pub(crate) fn fits(&self, lines: &[impl AsRef<str>]) -> bool {
        let lines = || lines.iter().map(AsRef::as_ref).filter(|line| may_have_header(line));
        let fit = |line: &&str| {
            self.programs.iter().any(|program| program.fit(line.as_bytes(), |_, _, _| {}).is_some())
        };
        !self.two_lines
            && !self.indented
            && lines().filter(fit).count() * 20 >= lines().count() * 19
            && lines().next().is_some()
    }

    /// The forms in the order in which they are tried: what says more of a line comes first.
    pub(super) fn forms(&self) -> impl Iterator<Item = &Program> {
        let most = self.programs.first().map_or(0, |program| program.steps.len());
        let says_more = move |program: &&Program| program.steps.len() > most;
        let says_less = move |program: &&Program| program.steps.len() <= most;
        let known = || self.known.iter();
        known().filter(says_more).chain(&self.programs).chain(known().filter(says_less))
    }

    /// Whether nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty() && !self.two_lines
    }

    /// Whether blanks stand before the headers.
    pub(crate) fn is_indented(&self) -> bool {
        self.indented
    }

    /// What stands before the line's message; `None` when the line has no header. `reference` dates times without a year.
    pub fn read<'a>(&self, line: &'a str, reference: Timestamp) -> Option<Head<'a>> {
        self.read_at(line, &mut Clock::new(reference))
    }

    /// As [`Layout::read`], for the lines of a source one after another: `clock` sees midnight pass.
    pub fn read_at<'a>(&self, line: &'a str, clock: &mut Clock) -> Option<Head<'a>> {
        let bare = if self.indented { line.trim_ascii_start() } else { line };
        let head = self.read_bare(bare, clock)?;
        Some(Head { message_at: head.message_at + line.len() - bare.len(), ..head })
    }

    fn read_bare<'a>(&self, line: &'a str, clock: &mut Clock) -> Option<Head<'a>> {
        if (self.two_lines || self.is_empty())
            && let Some(head) = two_lines(line, clock)
        {
            return Some(head);
        }
        let bytes = line.as_bytes();
        for program in self.forms() {
            let mut head = Head { learned: true, ..Head::default() };
            let mut time = None;
            let fits = program.fit(bytes, |step, cell, stamp| {
                note(&mut head, line, cell, step.role);
                if step.role == Role::Time {
                    time = stamp.or_else(|| time_of(bytes, cell));
                }
            });
            if let Some(message_at) = fits {
                head.time = time.and_then(|stamp| clock.time(stamp));
                head.message_at = whole_character(line, message_at);
                return Some(with_spoken_level(line, with_speaker(program, line, head)));
            }
        }
        let head = Alone::default().read(line, !self.is_empty(), clock)?;
        Some(with_spoken_level(line, head))
    }
}

/// Indented lines and empty ones have no header of their own.
/// Whether nearly all lines begin with blanks and a time, as the agents of some clusters write them; where other lines
/// have no blanks, what has them is more of another line.
fn is_indented(lines: &[&str]) -> bool {
    let is_so = |line: &&&str| {
        let bare = line.trim_ascii_start();
        bare.len() < line.len() && time::scan(bare.as_bytes()).is_some_and(|(form, ..)| form.is_full())
    };
    let blank = lines.iter().filter(|line| line.trim_ascii().is_empty()).count();
    let indented = lines.iter().filter(is_so).count();
    indented > 1 && indented * 10 >= (lines.len() - blank) * 9
}

fn may_have_header(line: &str) -> bool {
    line.bytes().next().is_some_and(|b| !blank(b))
}

/// Puts what a cell says where its role wants it; times are dated when the whole header is known.
pub(super) fn note<'a>(head: &mut Head<'a>, line: &'a str, cell: &Cell, role: Role) {
    let text = || line.get(cell.start..cell.end).filter(|text| !text.is_empty() && *text != "-");
    match role {
        Role::None | Role::Time => {}
        Role::Level => head.level = level_of(line.as_bytes(), cell),
        Role::Host => head.host = text(),
        Role::Process => head.process = text(),
        Role::Thread => head.thread = text(),
        Role::Logger => head.logger = text(),
    }
    if cell.process.1 > 0 {
        head.process = line.get(cell.process.0..cell.process.1);
    }
}

pub(super) fn time_of(line: &[u8], cell: &Cell) -> Option<time::Stamp> {
    let rest = line.get(cell.start..)?;
    match cell.kind {
        Kind::Time(form) => {
            form.scan(rest).map(|(stamp, _)| stamp).or_else(|| time::scan(rest).map(|found| found.1))
        }
        Kind::Level | Kind::Letter | Kind::Sign | Kind::Priority | Kind::Number => None,
        Kind::Word | Kind::Tag | Kind::Group(_) | Kind::Data => None,
    }
}

pub(super) fn level_of(line: &[u8], cell: &Cell) -> Option<Level> {
    let text = line.get(cell.start..cell.end)?;
    match cell.kind {
        Kind::Level => level::word(text),
        Kind::Letter => level::letter(*text.first()?),
        Kind::Sign => level::sign(*text.first()?),
        Kind::Priority => level::priority(std::str::from_utf8(text).ok()?.parse().ok()?),
        Kind::Time(_) | Kind::Number | Kind::Word | Kind::Tag | Kind::Group(_) | Kind::Data => None,
    }
}

/// The name of a program that speaks is the logger, and the message is behind it.
pub(super) fn with_speaker<'a>(program: &Program, line: &'a str, head: Head<'a>) -> Head<'a> {
    match program.speaker(line.as_bytes(), head.message_at) {
        Some((name, message_at)) => Head { logger: line.get(name), message_at, ..head },
        None => head,
    }
}

/// Programs behind syslog say their level at the message's beginning, where it stays; others behind columns of names and
/// values, which are a header with it.
pub(super) fn with_spoken_level<'a>(line: &'a str, head: Head<'a>) -> Head<'a> {
    let Some(message) = line.get(head.message_at..).filter(|_| head.level.is_none()) else { return head };
    if let Some(found) = columns(message).filter(|_| head.time.is_some()) {
        return Head {
            level: Some(found.level),
            process: head.process.or(found.process),
            thread: head.thread.or(found.thread),
            message_at: head.message_at + found.length,
            ..head
        };
    }
    Head { level: spoken_level(message.as_bytes()), ..head }
}

pub(super) fn spoken_level(message: &[u8]) -> Option<Level> {
    let length = message.iter().take(12).take_while(|b| b.is_ascii_alphabetic()).count();
    (message.get(length) == Some(&b':')).then(|| level::word(&message[..length])).flatten()
}

pub(super) fn whole_character(line: &str, mut at: usize) -> usize {
    at = at.min(line.len());
    while !line.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// What the first of two lines says.
struct FirstOfTwo<'a> {
    stamp: Option<time::Stamp>,
    level: Option<Level>,
    logger: &'a [u8],
}

/// The first of two lines: `Nov 05, 2026 10:00:00 AM com.acme.X method` and `fail: Acme.X[0]`.
fn first_of_two(line: &[u8]) -> Option<FirstOfTwo<'_>> {
    if line.last() == Some(&b']') && line.get(4..6) == Some(b": ") {
        let (word, rest) = (line.get(..4)?, line.get(6..line.len() - 1)?);
        let bracket = rest.iter().rposition(|b| *b == b'[')?;
        let (logger, number) = (&rest[..bracket], &rest[bracket + 1..]);
        let names = facts::is_dotted(logger) && number.iter().all(u8::is_ascii_digit);
        let level = level::word(word).filter(|_| names && word.iter().all(u8::is_ascii_lowercase))?;
        return Some(FirstOfTwo { stamp: None, level: Some(level), logger });
    }
    if !line.first()?.is_ascii_uppercase() {
        return None;
    }
    let (stamp, length) = Form::Month.scan(line)?;
    let half = line.get(length.checked_sub(2)?..length)?;
    if !half.eq_ignore_ascii_case(b"am") && !half.eq_ignore_ascii_case(b"pm") {
        return None;
    }
    let rest = line.get(length + 1..)?;
    let class = rest.iter().position(|b| blank(*b))?;
    let (logger, method) = (&rest[..class], &rest[class + 1..]);
    let method =
        !method.is_empty() && method.iter().all(|b| b.is_ascii_alphanumeric() || b"_$<>".contains(b));
    (method && facts::is_dotted(logger)).then_some(FirstOfTwo { stamp: Some(stamp), level: None, logger })
}

pub(super) fn two_lines<'a>(line: &'a str, clock: &mut Clock) -> Option<Head<'a>> {
    let first = first_of_two(line.as_bytes())?;
    Some(Head {
        time: first.stamp.and_then(|stamp| clock.time(stamp)),
        level: first.level,
        logger: std::str::from_utf8(first.logger).ok(),
        message_at: line.len(),
        continues: true,
        ..Head::default()
    })
}
