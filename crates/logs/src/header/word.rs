//! Words, tags, numbers and groups: the cells that are told by where they end.

use super::cell::{Cell, Cells, Glue, Kind, all_upper, blank, cell, closer, letters, skip_blanks};
use super::level;
use super::time;

pub(super) const LONGEST_WORD: usize = 128;
pub(super) const LONGEST_GROUP: usize = 256;
/// What may end a word.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let signs = b" \t|:,([\"'=)]>}";
    let mut at = 0;
    while at < signs.len() {
        stops[signs[at] as usize] = true;
        at += 1;
    }
    stops
};

impl Cells<'_> {
    pub(super) fn group(&self, glue: Glue, at: usize) -> Option<Cell> {
        let open = *self.b.get(at)?;
        let close = closer(open);
        let mut depth = 0;
        for (offset, byte) in self.b[at..].iter().take(LONGEST_GROUP).enumerate() {
            if *byte == open {
                depth += 1;
            } else if *byte == close {
                depth -= 1;
                if depth == 0 {
                    return group_of(self.b, glue, at, offset);
                }
            }
        }
        None
    }

    pub(super) fn number(&self, glue: Glue, at: usize) -> Option<Cell> {
        let rest = &self.b[at..];
        let digits = rest.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
        let behind = rest.get(digits);
        let colon = behind == Some(&b':') && rest.get(digits + 1).is_none_or(|b| blank(*b));
        let ends = colon || behind.is_none_or(|b| blank(*b) || b"|]),#>}".contains(b));
        (digits > 0 && ends).then(|| cell(glue, Kind::Number, at, at + digits))
    }

    /// A word, or a tag where a colon ends it.
    pub(super) fn word(&self, glue: Glue, at: usize) -> Option<Cell> {
        if let Some(found) = self.named_in(glue, at) {
            return Some(found);
        }
        let rest = &self.b[at..];
        if let Some(length) = self.inside.and_then(|close| threaded(rest, close)) {
            return Some(cell(glue, Kind::Word, at, at + length));
        }
        // Python's own form, `ERROR:root:it broke`.
        let joined = glue.bytes() == b":" && self.count == 1 && at > 0 && self.b[at - 1] == b':';
        let (end, plain) = self.word_end(rest, joined)?;
        if end == 0 || end > LONGEST_WORD {
            return None;
        }
        if let Some(name) = leveled(&rest[..end]).filter(|_| rest.get(end) == Some(&b':')) {
            return Some(cell(glue, Kind::Word, at, at + name));
        }
        if self.inside.is_none()
            && !plain
            && let Some(found) = self.tag(glue, at, at + end)
        {
            return Some(Cell { named: joined, ..found });
        }
        let stop = rest.get(end);
        let calls = stop == Some(&b'(')
            || (stop == Some(&b'[') && !rest[end..].get(1).is_some_and(u8::is_ascii_alphanumeric));
        (!calls).then(|| cell(glue, Kind::Word, at, at + end))
    }

    /// Where a word ends, and whether the colon there is no tag's.
    fn word_end(&self, rest: &[u8], joined: bool) -> Option<(usize, bool)> {
        let mut end = 0;
        while let Some(&byte) = rest.get(end) {
            if !STOPS[usize::from(byte)] {
                end += 1;
                continue;
            }
            let behind = rest.get(end + 1..).unwrap_or_default();
            let apart = behind.first().is_none_or(|b| blank(*b));
            match byte {
                b' ' | b'\t' | b'|' => break,
                // `grep` and others put the file's name before the line.
                b':' if self.count == 0 && time::scan(behind).is_some() => return Some((end, true)),
                b':' if self.inside.is_some_and(|close| is_level_before(behind, close)) => {
                    return Some((end, true));
                }
                b':' if joined || apart => break,
                b',' if apart => break,
                b'(' if let Some(length) = service(&rest[end..]) => {
                    end += length;
                    continue;
                }
                b'[' | b'(' if end > 0 => break,
                b'"' | b'\'' | b'=' => return None,
                other if Some(other) == self.inside => break,
                _ => {}
            }
            end += 1;
        }
        Some((end, false))
    }

    /// `name[7]:`, `name[7] (what): `, `name( 7): `, `name 1.2:`, `name:`.
    fn tag(&self, glue: Glue, at: usize, end: usize) -> Option<Cell> {
        let b = self.b;
        let mut found = cell(glue, Kind::Tag, at, end);
        let colon = |at: usize| b.get(at) == Some(&b':') && b.get(at + 1).is_none_or(|b| blank(*b));
        match b.get(end) {
            Some(b':') => {
                found.after = end + 1;
                Some(found)
            }
            Some(open @ (b'[' | b'(')) => {
                let (start, stop) = self.process(end, *open)?;
                found.process = (start, stop);
                let mut after = skip_blanks(b, stop) + 1;
                if b.get(after) == Some(&b' ') && b.get(after + 1) == Some(&b'(') {
                    after = self.group(Glue::default(), after + 1)?.after;
                }
                found.after = after + 1;
                colon(after).then_some(found)
            }
            Some(b' ') => {
                // A padded tag (`chatty  : `), a program with its version (`syslogd 1.4.1: `), one of several words.
                let padded = skip_blanks(b, end);
                let behind_level =
                    self.previous.is_some_and(|cell| matches!(cell.kind, Kind::Letter | Kind::Level));
                if behind_level && colon(padded) {
                    found.after = padded + 1;
                    return Some(found);
                }
                if glue.bytes() == b"/" && b.get(padded) == Some(&b'(') {
                    let (start, stop) = self.process(padded, b'(')?;
                    found.process = (start, stop);
                    found.after = skip_blanks(b, stop) + 2;
                    return colon(found.after - 1).then_some(found);
                }
                self.long_tag(found, end)
            }
            _ => None,
        }
    }

    /// Digits, and perhaps letters, up to the closing bracket; inner blanks are padding.
    fn process(&self, at: usize, open: u8) -> Option<(usize, usize)> {
        let start = skip_blanks(self.b, at + 1);
        let rest = self.b.get(start..)?;
        // Heroku names its processes, `app[web.1]`.
        let length = rest.iter().take(24).take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
        let stop = start + length;
        (length > 0 && self.b.get(skip_blanks(self.b, stop)) == Some(&closer(open))).then_some((start, stop))
    }

    fn long_tag(&self, mut found: Cell, end: usize) -> Option<Cell> {
        let host = self.previous.is_some_and(|cell| cell.kind == Kind::Word) && self.count >= 2;
        if !host {
            return None;
        }
        let b = self.b;
        let mut at = end;
        for _ in 0..3 {
            let start = skip_blanks(b, at);
            let length = b
                .get(start..)?
                .iter()
                .take(32)
                .take_while(|b| b.is_ascii_alphanumeric() || b".-_()/".contains(b))
                .count();
            at = start + length;
            if length == 0 {
                return None;
            }
            match b.get(at) {
                Some(b'[') => {
                    let (first, stop) = self.process(at, b'[')?;
                    found.process = (first, stop);
                    found.end = at;
                    let mut after = stop + 1;
                    if b.get(after) == Some(&b' ') && b.get(after + 1) == Some(&b'(') {
                        after = self.group(Glue::default(), after + 1)?.after;
                    }
                    found.after = after + 1;
                    return (b.get(after) == Some(&b':')).then_some(found);
                }
                Some(b':') if b[start].is_ascii_digit() && b.get(at + 1).is_none_or(|b| blank(*b)) => {
                    found.after = at + 1;
                    return Some(found);
                }
                Some(b' ') => {}
                _ => return None,
            }
        }
        None
    }

    /// Flask's `ERROR in app: `.
    fn named_in(&self, glue: Glue, at: usize) -> Option<Cell> {
        let behind_level = self.previous.is_some_and(|cell| cell.kind == Kind::Level);
        if !behind_level || !self.b.get(at..)?.starts_with(b"in ") {
            return None;
        }
        let rest = self.b.get(at + 3..)?;
        let length = rest
            .iter()
            .take(LONGEST_WORD)
            .take_while(|b| b.is_ascii_alphanumeric() || b"_.".contains(b))
            .count();
        (length > 0 && rest.get(length) == Some(&b':')).then(|| {
            let mut found = cell(glue, Kind::Tag, at + 3, at + 3 + length);
            found.after += 1;
            found.named = true;
            found
        })
    }
}

/// The group that begins at one place and closes so many bytes behind it.
pub(super) fn group_of(b: &[u8], glue: Glue, at: usize, offset: usize) -> Option<Cell> {
    let open = *b.get(at)?;
    let start = skip_blanks(b, at + 1).min(at + offset);
    let padding = b[start..at + offset].iter().rev().take_while(|b| blank(**b)).count();
    let mut found = cell(glue, Kind::Group(open), start, at + offset - padding);
    found.after = at + offset + 1;
    let number = b[start..found.end].iter().all(u8::is_ascii_digit);
    let ends = match b.get(found.after) {
        None => true,
        // Unreal joins the name to the frame's number.
        Some(b) if number && b.is_ascii_uppercase() => open == b'[',
        Some(b) => blank(*b) || b"[(:|-,]>".contains(b),
    };
    ends.then_some(found)
}

/// The length of `Server thread` in `[Server thread/INFO]`.
pub(super) fn threaded(rest: &[u8], close: u8) -> Option<usize> {
    let end = rest.iter().take(LONGEST_WORD).position(|b| *b == close)?;
    let slash = rest[..end].iter().rposition(|b| *b == b'/')?;
    (slash > 0 && level::word(&rest[slash + 1..end]).is_some()).then_some(slash)
}

/// Whether a level stands here, up to the closing bracket.
fn is_level_before(rest: &[u8], close: u8) -> bool {
    let length = letters(rest);
    rest.get(length) == Some(&close) && level::word(&rest[..length]).is_some()
}

/// The length of `production` in `production.ERROR`.
fn leveled(word: &[u8]) -> Option<usize> {
    let point = word.iter().rposition(|b| *b == b'.')?;
    let level = word.get(point + 1..)?;
    (point > 0 && all_upper(level) && level::word(level).is_some()).then_some(point)
}

/// The length of `(pam_unix)` in `sshd(pam_unix)[7]:`.
fn service(rest: &[u8]) -> Option<usize> {
    let length =
        rest.iter().skip(1).take(32).take_while(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b)).count();
    let named = length > 0 && rest.get(1).is_some_and(|b| !b.is_ascii_digit());
    let closed =
        rest.get(length + 1) == Some(&b')') && rest.get(length + 2).is_some_and(|b| b"[:".contains(b));
    (named && closed).then_some(length + 2)
}
