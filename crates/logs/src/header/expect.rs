//! A cell where a learned layout says that it stands: found without asking what else could stand there.

use super::cell::{Cell, Cells, Glue, Kind, PLAIN, all_upper, cell, closer, data, letters, skip_blanks};
use super::level;
use super::time;
use super::word::LONGEST_WORD;

impl Cells<'_> {
    /// The next cell, when these signs and this kind of cell are there; cheaper than looking what is there.
    pub(super) fn expect(&mut self, glue: Glue, kind: Kind) -> Option<Cell> {
        let before = self.at;
        let at = skip_blanks(self.b, self.expect_glue(glue)?);
        let joined = at == before && glue.length == 0 && self.previous.is_some();
        let cell = if joined {
            self.joined(at).filter(|cell| cell.kind == kind)?
        } else {
            self.expect_value(glue, kind, at)?
        };
        self.take(&cell);
        Some(cell)
    }

    pub(super) fn expect_value(&mut self, glue: Glue, kind: Kind, at: usize) -> Option<Cell> {
        let rest = self.b.get(at..)?;
        let first = *rest.first()?;
        if kind == Kind::Word && self.inside.is_none() {
            // Most words end at a blank, and nothing in them needs a second look.
            let length = rest.iter().take(LONGEST_WORD).take_while(|b| PLAIN[usize::from(**b)]).count();
            if length > 0 && rest.get(length) == Some(&b' ') {
                return Some(cell(glue, kind, at, at + length));
            }
        }
        match kind {
            Kind::Time(form) => {
                let (stamp, length) = match form.scan(rest) {
                    Some(found) => found,
                    None => time::scan(rest).map(|(_, stamp, length)| (stamp, length))?,
                };
                self.stamp = Some(stamp);
                Some(cell(glue, kind, at, at + length))
            }
            Kind::Level => {
                let length = letters(rest);
                let known = level::word(&rest[..length]).is_some();
                // A column of levels may hold one that we do not know.
                let other = length >= 3 && (self.inside.is_some() || all_upper(&rest[..length]));
                let ends = rest.get(length).is_none_or(|b| !b.is_ascii_alphanumeric() && !b"_.".contains(b));
                (ends && (known || other)).then(|| cell(glue, kind, at, at + length))
            }
            Kind::Letter => {
                let ends = rest.get(1).is_none_or(|b| !b.is_ascii_alphabetic() && *b != b'_');
                (first.is_ascii_uppercase() && ends).then(|| cell(glue, kind, at, at + 1))
            }
            Kind::Sign => level::sign(first).map(|_| cell(glue, kind, at, at + 1)),
            Kind::Priority => self.first_of_line(glue, at).filter(|cell| cell.kind == kind),
            Kind::Number => self.number(glue, at),
            Kind::Word => self
                .number(glue, at)
                .or_else(|| self.word(glue, at))
                .map(|cell| Cell {
                    kind: if cell.kind == Kind::Number { Kind::Word } else { cell.kind },
                    ..cell
                })
                .filter(|cell| cell.kind == kind),
            Kind::Tag => self.word(glue, at).filter(|cell| cell.kind == kind),
            Kind::Group(open) => (first == open).then(|| self.group(glue, at)).flatten(),
            Kind::Data => data(rest).map(|length| cell(glue, kind, at, at + length)),
        }
    }

    /// Where these signs end, if they are what follows, with blanks between them.
    pub(super) fn expect_glue(&mut self, glue: Glue) -> Option<usize> {
        let mut at = self.at;
        for sign in glue.bytes() {
            at = skip_blanks(self.b, at);
            if self.b.get(at) != Some(sign) {
                return None;
            }
            if self.inside == Some(*sign) {
                self.inside = None;
            } else if b"[(<{".contains(sign) {
                self.inside = Some(closer(*sign));
            }
            at += 1;
        }
        Some(at)
    }
}
