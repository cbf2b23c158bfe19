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
use super::recall::{AGAIN, Known, ROOM, Recall, Reread};
use super::time::{self, Stamp};
use super::word::{LONGEST_GROUP, LONGEST_WORD, group_of};
use crate::record::Level;

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
    recall: Recall,
}

/// The time of any family that was looked for last in a line, since several forms have theirs in one place.
#[derive(Debug, Clone, Default)]
pub(super) struct Scans(Option<(usize, Option<(Stamp, usize)>)>);

impl Scans {
    fn at(&mut self, b: &[u8], at: usize) -> Option<(Stamp, usize)> {
        match self.0 {
            Some((known, found)) if known == at => found,
            Some(_) | None => {
                let found = b.get(at..).and_then(time::scan).map(|(_, stamp, length)| (stamp, length));
                self.0 = Some((at, found));
                found
            }
        }
    }
}

/// What a header says of an event that is no error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) time: Option<Stamp>,
    pub(super) level: Option<Level>,
    pub(super) message_at: usize,
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
        Self { cues, program: program.clone(), recall: Recall::new() }
    }

    /// What a line of this form says, and the time that it names; `None` for other lines.
    pub(super) fn read<'a>(&mut self, line: &'a str, scans: &mut Scans) -> Option<(Head<'a>, Option<Stamp>)> {
        let mut head = Head { learned: true, ..Head::default() };
        let placed = self.place_with(
            line.as_bytes(),
            scans,
            |role, found| match role {
                Role::Level | Role::Time => {}
                Role::None if found.process.1 == 0 => {}
                Role::None | Role::Host | Role::Process | Role::Thread | Role::Logger => {
                    note(&mut head, line, found, role);
                }
            },
            |_, _, _, _| {},
        )?;
        (head.level, head.message_at) = (placed.level, whole_character(line, placed.message_at));
        Some((with_speaker(&self.program, line, head), placed.time))
    }

    /// Time, level and the place of the message of a line of this form, as [`Plan::read`] says them of text; `None` for
    /// other lines.
    pub(super) fn place(&mut self, line: &[u8], scans: &mut Scans) -> Option<Placed> {
        let recalls = self.recall.is_of_use() && !self.program.named;
        if recalls
            && let Some(known) = self.recall.find(line).and_then(|at| self.recall.at(at))
            && let Some(placed) = self.again(line, &known, scans)
        {
            return Some(placed);
        }
        let (placed, lasting) = self.place_lasting(line, scans)?;
        if recalls && let Some(known) = lasting.known(line, &placed) {
            self.recall.keep(line, known, lasting.telling_at);
        }
        let speaker = self.program.speaker(line, placed.message_at);
        Some(Placed { message_at: speaker.map_or(placed.message_at, |(_, at)| at), ..placed })
    }

    /// What lasts of a line's header in all lines that differ from it in nothing but digits.
    pub(super) fn lasting(&mut self, line: &[u8], scans: &mut Scans) -> Option<Known> {
        let (placed, lasting) = self.place_lasting(line, scans)?;
        lasting.known(line, &placed).filter(|_| !self.program.named)
    }

    fn place_lasting(&mut self, line: &[u8], scans: &mut Scans) -> Option<(Placed, Lasting)> {
        let mut lasting = Lasting::default();
        let look = |cue: &Cue, before, cell: &Cell, usual| lasting.see(cue, before, cell, usual);
        let placed = self.place_with(line, scans, |_, _| {}, look)?;
        Some((placed, lasting))
    }

    /// What a line says whose header is one before but for its digits; `None` where a cell has another place.
    #[inline]
    pub(super) fn again(&mut self, bytes: &[u8], known: &Known, scans: &mut Scans) -> Option<Placed> {
        let b = bytes.get(..REACH).unwrap_or(bytes);
        let mut time = None;
        for Reread { cue, before, start, after } in known.again.iter().flatten().copied() {
            let cue = self.cues.get_mut(usize::from(cue))?;
            let (found, stamp, _) = cue.find(b, usize::from(before), scans)?;
            if (found.start, found.after) != (usize::from(start), usize::from(after)) {
                return None;
            }
            if cue.step.role == Role::Time {
                time = time_said(bytes, b, &found, stamp);
            }
        }
        Some(Placed { time, level: known.level, message_at: known.message_at })
    }

    /// As [`Plan::place`], before the name of who speaks; shows what the cells say but time and level, and of each cell
    /// where the one before ended and whether it was found as it usually is.
    #[inline]
    fn place_with(
        &mut self,
        bytes: &[u8],
        scans: &mut Scans,
        mut see: impl FnMut(Role, &Cell),
        mut look: impl FnMut(&Cue, usize, &Cell, bool),
    ) -> Option<Placed> {
        if self.cues.is_empty() || self.cues.len() > CELLS {
            return None;
        }
        let b = bytes.get(..REACH).unwrap_or(bytes);
        let (mut level, mut time) = (None, None);
        let (mut at, mut last) = (0, 0);
        for cue in &mut self.cues {
            let (found, stamp, usual) = cue.find(b, at, scans)?;
            look(cue, at, &found, usual);
            (at, last) = (found.after, found.start);
            match cue.step.role {
                Role::Level => level = level_of(bytes, &found),
                Role::Time => time = time_said(bytes, b, &found, stamp),
                role @ (Role::None | Role::Host | Role::Process | Role::Thread | Role::Logger) => {
                    see(role, &found);
                }
            }
        }
        let end = signs(b, at, self.program.tail)?;
        Some(Placed { time, level, message_at: self.program.message_at(bytes, last, end) })
    }
}

/// The time that a cell says, of which so much of the line was looked at.
fn time_said(line: &[u8], looked_at: &[u8], cell: &Cell, stamp: Option<Stamp>) -> Option<Stamp> {
    let seen = cell.after + BEHIND_TIME <= looked_at.len() || looked_at.len() == line.len();
    stamp.filter(|_| seen).or_else(|| time_of(line, cell))
}

/// What of a header lasts, gathered while it is read.
#[derive(Default)]
struct Lasting {
    again: [Option<Reread>; AGAIN],
    count: usize,
    /// Where the first cells end that are read again.
    telling_at: usize,
    /// Where the last cell ends.
    end: usize,
}

impl Lasting {
    fn see(&mut self, cue: &Cue, before: usize, cell: &Cell, usual: bool) {
        self.end = cell.after;
        let by_its_end = match cell.kind {
            Kind::Level | Kind::Letter | Kind::Sign | Kind::Number => true,
            Kind::Word | Kind::Tag | Kind::Group(_) => usual,
            Kind::Time(_) | Kind::Data => false,
            Kind::Priority => {
                // Its digits are the level.
                self.count = AGAIN + 1;
                return;
            }
        };
        if by_its_end {
            return;
        }
        let [cue_at, before, start, after] =
            [cue.count, before, cell.start, cell.after].map(|at| u8::try_from(at).unwrap_or(u8::MAX));
        if let Some(room) = self.again.get_mut(self.count) {
            // What lies further on than these can say is behind all that is kept.
            *room = Some(Reread { cue: cue_at, before, start, after });
        }
        if cue.count == self.count {
            self.telling_at = cell.after;
        }
        self.count = self.count.saturating_add(1);
    }

    /// What can be said of each line with a header of the same shape.
    fn known(&self, line: &[u8], placed: &Placed) -> Option<Known> {
        // How a cell ends is told by at most three bytes behind it, how the message begins by one.
        let length = (placed.message_at + 1).max(self.end + 3);
        let kept = length <= ROOM.min(line.len()) && self.count <= AGAIN;
        let (level, message_at) = (placed.level, placed.message_at);
        kept.then_some(Known { length, again: self.again, level, message_at })
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
    /// The cell behind what ends at `before`, with the time where it is one, and whether it was found as it usually is.
    fn find(&mut self, b: &[u8], before: usize, scans: &mut Scans) -> Option<(Cell, Option<Stamp>, bool)> {
        let at = skip_blanks(b, signs(b, before, self.step.glue)?);
        let joined = at == before && self.step.glue.length == 0 && self.previous.is_some();
        if let (Kind::Time(form), false) = (self.step.kind, joined) {
            let rest = b.get(at..)?;
            let found = self.again.scan(form, rest);
            let (stamp, length) = match found {
                Some(found) => found,
                None => scans.at(b, at)?,
            };
            return Some((cell(self.step.glue, self.step.kind, at, at + length), Some(stamp), true));
        }
        let quick = if joined { None } else { self.usual(b, at) };
        let usual = quick.is_some();
        let found = match quick {
            Some(found) => found,
            None => self.general(b, before, at, joined)?,
        };
        Some((found, None, usual))
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
