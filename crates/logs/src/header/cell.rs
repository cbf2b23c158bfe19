//! A line's beginning as cells: times, levels, numbers, words, groups in brackets, and the signs between them.
//!
//! The cells of a line depend on that line alone. What they are in a source, and how many of them stand before the
//! message, is learned from many lines (`super::learn`); a learned layout finds the same cells again (`super::program`).

use serde::{Deserialize, Serialize};

use super::level;
use super::time::{self, Form, Stamp};
use super::word::threaded;

/// Cells looked at in a line.
pub(super) const CELLS: usize = 16;
/// Bytes of a line in which cells are looked for.
pub(super) const REACH: usize = 512;
/// What nothing else than words is made of.
pub(super) const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        byte += 1;
    }
    plain
};

/// Signs between two cells, without blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(super) struct Glue {
    signs: [u8; 6],
    pub(super) length: u8,
}

impl Glue {
    pub(super) fn bytes(&self) -> &[u8] {
        self.signs.get(..usize::from(self.length)).unwrap_or_default()
    }

    fn push(&mut self, sign: u8) -> bool {
        let Some(place) = self.signs.get_mut(usize::from(self.length)) else { return false };
        *place = sign;
        self.length += 1;
        true
    }

    pub(super) fn ends_with(&self, set: &[u8]) -> bool {
        self.bytes().last().is_some_and(|sign| set.contains(sign))
    }

    /// The closing brackets at the beginning, which belong to the cell before.
    pub(super) fn closers(&self) -> Self {
        let mut closers = Self::default();
        for sign in self.bytes().iter().take_while(|sign| b"])>}".contains(sign)) {
            closers.push(*sign);
        }
        closers
    }
}

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(super) enum Kind {
    /// A time.
    Time(Form),
    /// A level's word.
    Level,
    /// A level's letter.
    Letter,
    /// Redis's sign for a level.
    Sign,
    /// `<13>` at the beginning.
    Priority,
    /// Digits.
    Number,
    /// Anything without blanks.
    #[default]
    Word,
    /// `name[7]:` or `name:`, with the colon.
    Tag,
    /// Whatever stands between such a bracket and the one that closes it.
    Group(u8),
    /// `-` or `[…]`s of an RFC 5424 line.
    Data,
}

/// A part of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cell {
    /// Signs before it.
    pub(super) glue: Glue,
    pub(super) kind: Kind,
    /// The value without brackets, colon or process.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The process in a tag.
    pub(super) process: (usize, usize),
    /// Where the cell ends with all that belongs to it.
    pub(super) after: usize,
    /// A level that may be an ordinary word.
    pub(super) soft: bool,
    /// The form itself says that this names a logger: `ERROR:root:`, `ERROR in app:`.
    pub(super) named: bool,
}

/// Finds the cells of a line one after another.
#[derive(Debug, Clone)]
pub(super) struct Cells<'a> {
    pub(super) b: &'a [u8],
    /// Where the next glue begins.
    pub(super) at: usize,
    /// The bracket that closes the one that cells are inside of.
    pub(super) inside: Option<u8>,
    /// The line begins as RFC 5424 has it, where `-` is a value.
    modern_syslog: bool,
    pub(super) previous: Option<Previous>,
    pub(super) count: usize,
    /// What the signs behind the last cell are, and the bracket behind them, where that was asked.
    ahead: Option<Ahead>,
    /// What the last time says that was expected.
    pub(super) stamp: Option<Stamp>,
}

type Ahead = (Option<(Glue, usize)>, Option<u8>);

/// What of the cell before says how the next one is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Previous {
    pub(super) kind: Kind,
    /// No sign stands before it.
    pub(super) bare: bool,
}

impl<'a> Cells<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        let b = line.get(..REACH).unwrap_or(line);
        let modern_syslog = b.first() == Some(&b'<') && b.iter().take(6).any(|b| *b == b'>') && {
            let after = b.iter().position(|b| *b == b'>').unwrap_or_default() + 1;
            b.get(after..).is_some_and(|rest| rest.starts_with(b"1 "))
        };
        Self { b, at: 0, inside: None, modern_syslog, previous: None, count: 0, ahead: None, stamp: None }
    }

    /// A line's cells from a place on, with what is known of those before it.
    pub(super) fn resumed(
        b: &'a [u8],
        at: usize,
        inside: Option<u8>,
        previous: Option<Previous>,
        count: usize,
    ) -> Self {
        Self { at, inside, previous, count, ..Self::new(b) }
    }

    /// The bracket that closes what follows a cell of this kind, although none opened.
    pub(super) fn inside_behind(kind: Kind) -> Option<u8> {
        // `E1105 10:00:00.1 7 file.go:12] ` opens no bracket.
        (kind == Kind::Time(Form::Glog)).then_some(b']')
    }

    /// The signs from here to the next cell or the message, and where that begins, without passing them.
    pub(super) fn peek_glue(&mut self) -> Option<(Glue, usize)> {
        let inside = self.inside;
        let found = self.glue();
        self.ahead = Some((found, self.inside));
        self.inside = inside;
        found
    }

    fn glue(&mut self) -> Option<(Glue, usize)> {
        let mut glue = Glue::default();
        let mut at = self.at;
        loop {
            at = skip_blanks(self.b, at);
            let Some(&sign) = self.b.get(at) else { return Some((glue, at)) };
            let next = self.b.get(at + 1);
            let apart = next.is_none_or(|b| blank(*b));
            let tight = at == self.at;
            let taken = match sign {
                b']' | b')' | b'>' | b'}' => self.inside == Some(sign),
                b'|' => true,
                b':' => self.previous.is_some() && next != Some(&b':'),
                b',' => self.previous.is_some() && apart,
                b'-' => {
                    let behind = self.b.get(at + 1..).unwrap_or_default();
                    let run = behind.iter().take(3).take_while(|b| **b == b'-').count();
                    let double = (1..=2).contains(&run) && behind.get(run).is_none_or(|b| blank(*b));
                    let separates = !self.modern_syslog && !self.sign_of_redis();
                    self.previous.is_some() && (apart || double) && separates
                }
                b'.' => {
                    let length = letters(self.b.get(at + 1..).unwrap_or_default());
                    tight && self.previous.is_some_and(|cell| cell.kind == Kind::Word) && length > 2
                }
                b'/' if self.inside.is_some() && tight => true,
                b'/' => {
                    tight && self.previous.is_some_and(|cell| matches!(cell.kind, Kind::Level | Kind::Letter))
                }
                b'#' => {
                    let number = self.previous.is_some_and(|cell| cell.kind == Kind::Number);
                    (tight && number) || (self.inside.is_some() && next.is_some_and(u8::is_ascii_digit))
                }
                b'[' | b'(' | b'<' | b'{' => self.inside.is_none() && self.opens(sign, at),
                _ => false,
            };
            if !taken {
                return Some((glue, at));
            }
            if !glue.push(sign) {
                return None;
            }
            if self.inside == Some(sign) {
                self.inside = None;
            } else if matches!(sign, b'[' | b'(' | b'<' | b'{') {
                self.inside = Some(closer(sign));
            }
            at += 1;
        }
    }

    /// Whether the bracket holds a time or a level, so that its parts are cells of their own.
    fn opens(&self, sign: u8, at: usize) -> bool {
        let start = skip_blanks(self.b, at + 1);
        let rest = self.b.get(start..).unwrap_or_default();
        if sign == b'[' && self.previous.is_none() && Form::Uptime.scan(rest).is_some() {
            return true;
        }
        if let Some((form, _, length)) = time::scan(rest) {
            return form != Form::Epoch || rest.get(length) == Some(&closer(sign));
        }
        if threaded(rest, closer(sign)).is_some() {
            return true;
        }
        let name = rest.iter().take(32).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let level_at = if rest.get(name) == Some(&b':') { name + 1 } else { 0 };
        let level = rest.get(level_at..).unwrap_or_default();
        let length = letters(level);
        let behind = level.get(length..).unwrap_or_default();
        let padded = behind.iter().take(8).take_while(|b| **b == b' ').count();
        let ends = behind.get(padded) == Some(&closer(sign));
        let single =
            length == 1 && level_at == 0 && level.first().is_some_and(|b| level::letter(*b).is_some());
        // `[ERROR tokio-runtime] …` and `[error: …]` hold more than the level.
        let more = padded == 1 && all_upper(&level[..length]);
        ((ends || (more && level_at == 0)) && level::word(&level[..length]).is_some()) || (ends && single)
    }

    fn sign_of_redis(&self) -> bool {
        self.count == 2
            && self.previous.is_some_and(|cell| matches!(cell.kind, Kind::Time(Form::Dmy)) && cell.bare)
    }

    pub(super) fn take(&mut self, cell: &Cell) {
        self.at = cell.after;
        self.previous = Some(Previous { kind: cell.kind, bare: cell.glue.length == 0 });
        self.count += 1;
        self.inside = Self::inside_behind(cell.kind).or(self.inside);
    }

    /// The next cell; `None` at the end or where no cell can be.
    pub(super) fn next(&mut self) -> Option<Cell> {
        if self.count == CELLS {
            return None;
        }
        let before = self.at;
        let found = match self.ahead.take() {
            Some((found, inside)) => {
                self.inside = inside;
                found
            }
            None => self.glue(),
        };
        let (glue, at) = found?;
        let joined = glue.length == 0 && at == before && self.previous.is_some();
        let cell = if joined { self.joined(at)? } else { self.value(glue, at)? };
        self.take(&cell);
        Some(cell)
    }

    /// A cell directly behind another without anything between.
    pub(super) fn joined(&self, at: usize) -> Option<Cell> {
        let previous = self.previous?;
        let rest = self.b.get(at..)?;
        if previous.kind == Kind::Letter
            && let Some((_, length)) = Form::Glog.scan(rest)
        {
            return Some(cell(Glue::default(), Kind::Time(Form::Glog), at, at + length));
        }
        let bracket = rest.first().is_some_and(|b| b"[(".contains(b));
        // `<13>Nov  5 10:00:00`, and `<165>1 `.
        if previous.kind == Kind::Priority {
            self.value(Glue::default(), at)
        } else if bracket && matches!(previous.kind, Kind::Word | Kind::Level | Kind::Group(_)) {
            self.group(Glue::default(), at)
        } else if matches!(previous.kind, Kind::Group(_)) {
            self.word(Glue::default(), at).filter(|cell| cell.kind == Kind::Tag)
        } else {
            None
        }
    }

    fn value(&self, glue: Glue, at: usize) -> Option<Cell> {
        let rest = self.b.get(at..)?;
        let first = *rest.first()?;
        if self.previous.is_none()
            && let Some(cell) = self.first_of_line(glue, at)
        {
            return Some(cell);
        }
        if let Some((form, _, length)) = self.time(rest) {
            return Some(cell(glue, Kind::Time(form), at, at + length));
        }
        if self.sign_of_redis() && level::sign(first).is_some() && rest.get(1) == Some(&b' ') {
            return Some(cell(glue, Kind::Sign, at, at + 1));
        }
        if self.is_data(rest)
            && let Some(length) = data(rest)
        {
            return Some(cell(glue, Kind::Data, at, at + length));
        }
        if first.is_ascii_alphabetic()
            && let Some(cell) = self.level(glue, at)
        {
            return Some(cell);
        }
        if b"[(<{".contains(&first) {
            return self.group(glue, at);
        }
        self.number(glue, at).or_else(|| self.word(glue, at))
    }

    fn time(&self, rest: &[u8]) -> Option<(Form, Stamp, usize)> {
        if self.inside == Some(b']')
            && self.previous.is_none()
            && let Some((stamp, length)) = Form::Uptime.scan(rest)
        {
            return Some((Form::Uptime, stamp, length));
        }
        time::scan(rest)
    }

    /// What only the beginning of a line can be.
    pub(super) fn first_of_line(&self, glue: Glue, at: usize) -> Option<Cell> {
        let rest = self.b.get(at..)?;
        let first = *rest.first()?;
        if first == b'<' && glue.length == 0 {
            let digits = rest[1..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
            if (1..=3).contains(&digits) && rest.get(1 + digits) == Some(&b'>') {
                let mut found = cell(glue, Kind::Priority, at + 1, at + 1 + digits);
                found.after += 1;
                return Some(found);
            }
        }
        level::letter(first)?;
        let behind = rest.get(1..)?;
        let letter = Form::Glog.scan(behind).is_some()
            || (behind.first() == Some(&b'/') && behind.get(1).is_some_and(u8::is_ascii_alphabetic))
            || behind.starts_with(b", [");
        letter.then(|| cell(glue, Kind::Letter, at, at + 1))
    }

    fn is_data(&self, rest: &[u8]) -> bool {
        // Priority with version, time, host, program, process, message's name.
        self.modern_syslog
            && self.count == 7
            && (rest.first() == Some(&b'[') || rest.starts_with(b"- ") || rest == b"-")
    }

    fn level(&self, glue: Glue, at: usize) -> Option<Cell> {
        let rest = &self.b[at..];
        let length = letters(rest);
        let text = &rest[..length];
        let behind = rest.get(length..).unwrap_or_default();
        let wrapped = self.inside.is_some() || glue.ends_with(b"|-");
        if length == 1 {
            let next = behind.first().is_none_or(|b| blank(*b) || b"]|/)".contains(b));
            let columns = self.previous.is_some_and(|cell| {
                let set_off = wrapped || cell.kind != Kind::Time(Form::Clock);
                set_off && matches!(cell.kind, Kind::Number | Kind::Time(_))
            });
            let known = level::letter(text[0]).is_some();
            // `I am` and `A file` are English.
            let clear = wrapped || behind.first() == Some(&b'/') || !matches!(text[0], b'A' | b'I');
            let soft = !clear && self.previous.is_none_or(|cell| cell.kind != Kind::Number);
            return (known && next && (columns || wrapped))
                .then(|| Cell { soft, ..cell(glue, Kind::Letter, at, at + 1) });
        }
        level::word(text)?;
        if behind.first().is_some_and(|b| b.is_ascii_alphanumeric() || b"_.-(='\"".contains(b)) {
            return None;
        }
        let column = behind.first().is_none_or(|b| b"]|/):>}".contains(b))
            || behind.starts_with(b"  ")
            || behind.starts_with(b"\t");
        let mut lower = [0; 16];
        let lower = lower.get_mut(..length)?;
        lower.copy_from_slice(text);
        lower.make_ascii_lowercase();
        let ordinary = matches!(
            &*lower,
            b"log" | b"note" | b"config" | b"fail" | b"failure" | b"fine" | b"alert" | b"success"
        );
        let clear = wrapped || column || (all_upper(text) && !ordinary);
        // `panic recovered` is no level's word and a message.
        let usual = matches!(
            &*lower,
            b"info"
                | b"warn"
                | b"warning"
                | b"error"
                | b"debug"
                | b"trace"
                | b"fatal"
                | b"notice"
                | b"critical"
        );
        if !clear && (ordinary || !usual) {
            return None;
        }
        let small = text.iter().all(u8::is_ascii_lowercase);
        if behind.first() == Some(&b':')
            && !wrapped
            && !all_upper(text)
            && !self.behind_time()
            && self.previous.is_some()
        {
            return None;
        }
        // `Error: x` and `error: x` are also how programs end.
        let says = self.previous.is_none() && !wrapped && !all_upper(text);
        let soft = !clear || says;
        (clear || small || self.behind_time())
            .then(|| Cell { soft, ..cell(glue, Kind::Level, at, at + length) })
    }

    fn behind_time(&self) -> bool {
        self.previous.is_some_and(|cell| matches!(cell.kind, Kind::Time(_)))
    }
}

/// `-`, or bracketed elements with quoted values.
pub(super) fn data(rest: &[u8]) -> Option<usize> {
    if rest.first() == Some(&b'-') {
        return Some(1);
    }
    let mut at = 0;
    while rest.get(at) == Some(&b'[') {
        let mut quoted = false;
        loop {
            at += 1;
            match rest.get(at)? {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
        }
        at += 1;
    }
    Some(at)
}

pub(super) fn cell(glue: Glue, kind: Kind, start: usize, end: usize) -> Cell {
    Cell { glue, kind, start, end, process: (0, 0), after: end, soft: false, named: false }
}

pub(super) fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

pub(super) fn skip_blanks(b: &[u8], mut at: usize) -> usize {
    while b.get(at).is_some_and(|byte| blank(*byte)) {
        at += 1;
    }
    at
}

pub(super) fn closer(open: u8) -> u8 {
    match open {
        b'[' => b']',
        b'(' => b')',
        b'<' => b'>',
        _ => b'}',
    }
}

pub(super) fn letters(b: &[u8]) -> usize {
    b.iter().take(16).take_while(|b| b.is_ascii_alphabetic()).count()
}

pub(super) fn all_upper(b: &[u8]) -> bool {
    b.iter().all(u8::is_ascii_uppercase)
}
