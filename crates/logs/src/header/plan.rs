//! A learned form of header compiled for the lines of a source one after another.
//!
//! What can be known of a form before any line is read is known here: the bracket that a cell is inside of and what
//! stands before it. Each kind of cell is first looked for as it nearly always is, with a few compares and the date that
//! the line before had; where that does not say for certain, the general way decides (`super::expect`), so both say the
//! same of every line.

use memchr::memchr2;

use super::again::Again;
use super::cell::{CELLS, Cell, Cells, Glue, Kind, PLAIN, Previous, REACH, blank, cell, closer, skip_blanks};
use super::layout::{Head, level_of, note, time_of, whole_character, with_speaker};
use super::program::{Program, Role, Step};
use super::time::{self, Stamp};
use super::word::{LONGEST_GROUP, LONGEST_WORD, group_of};

/// Bytes behind a time that may say how it is read.
const BEHIND_TIME: usize = 32;
/// Where a word with a colon may end, or may be something else.
const TAG_STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let signs = b" \t|:,([\"'=";
    let mut at = 0;
    while at < signs.len() {
        stops[signs[at] as usize] = true;
        at += 1;
    }
    stops
};

/// One form of header.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    cues: Vec<Cue>,
    program: Program,
}

/// A cell that is expected.
#[derive(Debug, Clone)]
struct Cue {
    step: Step,
    /// The bracket that closes the one that it is inside of.
    inside: Option<u8>,
    previous: Option<Previous>,
    /// Cells before it.
    count: usize,
    /// A word that holds a colon is nothing else than a word here.
    joins: bool,
    again: Again,
}

impl Plan {
    pub(super) fn new(program: &Program) -> Self {
        let (mut inside, mut previous) = (None, None);
        let cue = |(count, step): (usize, &Step)| {
            for sign in step.glue.bytes() {
                if inside == Some(*sign) {
                    inside = None;
                } else if b"[(<{".contains(sign) {
                    inside = Some(closer(*sign));
                }
            }
            let joins = previous.is_some_and(|cell: Previous| match cell.kind {
                Kind::Level | Kind::Letter => false,
                Kind::Word => count < 2,
                Kind::Time(_) | Kind::Sign | Kind::Priority | Kind::Number => true,
                Kind::Tag | Kind::Group(_) | Kind::Data => true,
            });
            let joins = joins && !matches!(step.glue.bytes(), b"/" | b":");
            let cue = Cue { step: *step, inside, previous, count, joins, again: Again::default() };
            inside = Cells::inside_behind(step.kind).or(inside);
            previous = Some(Previous { kind: step.kind, bare: step.glue.length == 0 });
            cue
        };
        let cues = program.steps.iter().enumerate().map(cue).collect();
        Self { cues, program: program.clone() }
    }

    /// What a line of this form says, and the time that it names; `None` for other lines.
    pub(super) fn read<'a>(&mut self, line: &'a str) -> Option<(Head<'a>, Option<Stamp>)> {
        if self.cues.is_empty() || self.cues.len() > CELLS {
            return None;
        }
        let bytes = line.as_bytes();
        let b = bytes.get(..REACH).unwrap_or(bytes);
        let (mut head, mut time) = (Head { learned: true, ..Head::default() }, None);
        let (mut at, mut last) = (0, 0);
        for cue in &mut self.cues {
            let (found, stamp) = cue.find(b, at)?;
            (at, last) = (found.after, found.start);
            match cue.step.role {
                Role::Level => head.level = level_of(bytes, &found),
                Role::Time if found.after + BEHIND_TIME <= b.len() || b.len() == bytes.len() => {
                    time = stamp.or_else(|| time_of(bytes, &found));
                }
                Role::Time => time = time_of(bytes, &found),
                Role::None if found.process.1 == 0 => {}
                role @ (Role::None | Role::Host | Role::Process | Role::Thread | Role::Logger) => {
                    note(&mut head, line, &found, role);
                }
            }
        }
        let end = signs(b, at, self.program.tail)?;
        head.message_at = whole_character(line, self.program.message_at(bytes, last, end));
        Some((with_speaker(&self.program, line, head), time))
    }
}

/// Where these signs end, if they are what follows, with blanks between them.
fn signs(b: &[u8], mut at: usize, glue: Glue) -> Option<usize> {
    for sign in glue.bytes() {
        at = skip_blanks(b, at);
        if b.get(at) != Some(sign) {
            return None;
        }
        at += 1;
    }
    Some(at)
}

impl Cue {
    /// The cell behind what ends at `before`, with the time where it is one.
    fn find(&mut self, b: &[u8], before: usize) -> Option<(Cell, Option<Stamp>)> {
        let at = skip_blanks(b, signs(b, before, self.step.glue)?);
        let joined = at == before && self.step.glue.length == 0 && self.previous.is_some();
        if let (Kind::Time(form), false) = (self.step.kind, joined) {
            let rest = b.get(at..)?;
            let found = self.again.scan(form, rest);
            let (stamp, length) = match found {
                Some(found) => found,
                None => time::scan(rest).map(|(_, stamp, length)| (stamp, length))?,
            };
            return Some((cell(self.step.glue, self.step.kind, at, at + length), Some(stamp)));
        }
        let quick = if joined { None } else { self.usual(b, at) };
        let found = match quick {
            Some(found) => found,
            None => self.general(b, before, at, joined)?,
        };
        Some((found, None))
    }

    /// As the general way finds it, whatever stands there.
    fn general(&self, b: &[u8], before: usize, at: usize, joined: bool) -> Option<Cell> {
        let mut cells = Cells::resumed(b, before, self.inside, self.previous, self.count);
        if joined {
            return cells.joined(at).filter(|cell| cell.kind == self.step.kind);
        }
        cells.expect_value(self.step.glue, self.step.kind, at)
    }

    /// The cell where it stands as it nearly always does; `None` where that is not certain.
    fn usual(&self, b: &[u8], at: usize) -> Option<Cell> {
        let Step { glue, kind, .. } = self.step;
        match kind {
            Kind::Word if self.inside.is_none() => {
                let length = self.word(b.get(at..)?)?;
                Some(cell(glue, kind, at, at + length))
            }
            Kind::Tag if self.inside.is_none() && self.count > 0 => self.tag(b, at),
            Kind::Group(open) => group(b, glue, at, open),
            Kind::Word | Kind::Tag | Kind::Time(_) | Kind::Level | Kind::Letter => None,
            Kind::Sign | Kind::Priority | Kind::Number | Kind::Data => None,
        }
    }

    /// The length of a word up to a blank or a bar, perhaps with colons in it.
    fn word(&self, rest: &[u8]) -> Option<usize> {
        let mut length = 0;
        loop {
            length += rest.get(length..)?.iter().take_while(|b| PLAIN[usize::from(**b)]).count();
            match rest.get(length)? {
                b' ' | b'|' | b'\t' => break,
                // With more before or behind it, this could be a tag or a number.
                b':' if length > 0 && self.joins && !rest[0].is_ascii_digit() => {
                    if rest.get(length + 1).is_none_or(|b| blank(*b)) {
                        return None;
                    }
                    length += 1;
                }
                _ => return None,
            }
        }
        (length > 0 && length <= LONGEST_WORD).then_some(length)
    }

    /// `name: ` and `name[7]: `.
    fn tag(&self, b: &[u8], at: usize) -> Option<Cell> {
        let rest = b.get(at..)?;
        let named = self.previous.is_some_and(|cell| cell.kind == Kind::Level) && rest.starts_with(b"in ");
        if named || (self.step.glue.bytes() == b":" && self.count == 1) {
            return None;
        }
        let mut end = 0;
        loop {
            end += rest.get(end..)?.iter().take(LONGEST_WORD).position(|b| TAG_STOPS[usize::from(*b)])?;
            if rest[end] != b':' || rest.get(end + 1).is_none_or(|b| blank(*b)) {
                break;
            }
            end += 1;
        }
        if end == 0 || end > LONGEST_WORD {
            return None;
        }
        let tag = cell(self.step.glue, Kind::Tag, at, at + end);
        match rest[end] {
            // `production.ERROR: ` is a word and a level.
            b':' if !rest[end - 1].is_ascii_uppercase() => Some(Cell { after: at + end + 1, ..tag }),
            b'[' => {
                let inner = rest.get(end + 1..)?;
                let length = inner.iter().take(24).take_while(|b| b.is_ascii_alphanumeric()).count();
                let closed = inner.get(length..length + 2)? == b"]:" && blank(*inner.get(length + 2)?);
                let start = at + end + 1;
                let process = (start, start + length);
                (length > 0 && closed).then_some(Cell { process, after: start + length + 2, ..tag })
            }
            _ => None,
        }
    }
}

/// A group that holds no bracket of its kind.
fn group(b: &[u8], glue: Glue, at: usize, open: u8) -> Option<Cell> {
    let rest = b.get(at..)?;
    let inner = rest.get(1..rest.len().min(LONGEST_GROUP)).filter(|_| rest.first() == Some(&open))?;
    let close = memchr2(open, closer(open), inner).filter(|found| inner[*found] != open)?;
    group_of(b, glue, at, close + 1)
}
