//! Lines that came before but for their digits, known again as a whole.
//!
//! A program writes the same few statements behind the same few headers, so most lines have the bytes of one before, with
//! other digits in the same places. Where nothing but the time hangs on which digits those are, what was found out of that
//! line holds for this one: the time is read, and nothing else. A line is kept when its like comes for the second time,
//! and each is compared as a whole, so that no choice of lines can make one pass for another.

use std::ops::Range;

use jiff::Timestamp;

use crate::header::Placed;
use crate::opening::{Opening, Openings, Outline};
use crate::ordinary::has_escaped_break;
use crate::shape::{self, Known, LONGEST, Room, Shapes};
use crate::stretch::{Passing, Said, TRIED, Trial};

/// Lines that are kept; a new one takes the place of one that shares its slot.
const SLOTS: usize = 4 << 10;
/// Marks of lines that came once.
const ONCE: usize = 8 << 10;
/// How many of the lines that are tried have to be known again for this to be of use.
const LEAST: u32 = TRIED / 8;
/// Lines that are asked for until one of them may be kept, since that costs more than many lines do, and at most.
const CREDIT: u32 = 8;
const MOST_CREDIT: u32 = CREDIT * 256;

/// The lines that came.
#[derive(Debug)]
pub(crate) struct Echoes {
    room: Box<Room>,
    slots: Vec<Option<Box<Echo>>>,
    once: Vec<u32>,
    trial: Trial,
    credit: u32,
    /// The hash of the line that was asked for last, where its like came before and may be kept.
    again: Option<u64>,
}

/// What is known of a line and holds for all that differ from it in nothing but digits.
#[derive(Debug)]
struct Echo {
    hash: u64,
    shape: Box<[u8]>,
    outline: Outline,
    said: Kept,
    known: Known,
    /// With some digits, a line break would be written in it.
    may_break: bool,
}

#[derive(Debug)]
enum Kept {
    /// What the header says but for its time.
    Passing(Placed),
    /// Where what syslog wrote ends.
    Logged { key: Range<usize>, content_at: usize },
}

impl Default for Echoes {
    fn default() -> Self {
        let room = Box::new(Room::new());
        Self {
            room,
            slots: Vec::new(),
            once: Vec::new(),
            trial: Trial::of(LEAST),
            credit: MOST_CREDIT,
            again: None,
        }
    }
}

impl Echoes {
    /// Forgets the lines before, for those that come are read by other means.
    pub(crate) fn forget(&mut self) {
        self.slots.clear();
        self.once.clear();
        self.trial = Trial::of(LEAST);
    }

    /// What a line says that is known again; of so many bytes with what ends it.
    #[inline]
    pub(crate) fn find(&mut self, line: &[u8], taken: usize, openings: &mut Openings) -> Option<Said> {
        self.again = None;
        if line.len() > LONGEST || !self.trial.are_asked() {
            return None;
        }
        let hash = self.room.take(line);
        let shape = self.room.shape(line.len());
        let is_it = |echo: &&Echo| echo.hash == hash && *echo.shape == *shape;
        let echo = self.slots.get(place(hash, SLOTS)).and_then(Option::as_deref).filter(is_it);
        let said = echo.and_then(|echo| echo.said(line, taken, openings));
        self.trial.say(said.is_some());
        self.credit = MOST_CREDIT.min(self.credit + 1);
        if said.is_none() {
            self.meet(hash);
        }
        said
    }

    /// Notes that a line came which was not known, and whether its like came before.
    fn meet(&mut self, hash: u64) {
        if self.once.is_empty() {
            self.once = vec![0; ONCE];
        }
        let mark = (hash >> 32) as u32 | 1;
        if let Some(once) = self.once.get_mut(place(hash, ONCE)) {
            let before = std::mem::replace(once, mark) == mark;
            self.again = (before && self.credit >= CREDIT).then_some(hash);
        }
    }

    /// Keeps what the line says that was asked for last, where that holds for others.
    pub(crate) fn keep(&mut self, line: &[u8], said: &Said, openings: &mut Openings, shapes: &mut Shapes) {
        let Some(hash) = self.again.take() else { return };
        self.credit -= CREDIT;
        let (said, message_at, outline) = match said {
            Said::Passing(Passing { placed, .. }) => {
                (Kept::Passing(*placed), placed.message_at, openings.outline(line))
            }
            Said::Logged(Opening { key, content_at, .. }, _) => {
                let kept = Kept::Logged { key: key.clone(), content_at: *content_at };
                (kept, *content_at, Some(Outline::logged(line, *content_at)))
            }
            Said::Other(..) | Said::Unclean | Said::Odd => return,
        };
        let message = line.get(message_at..).and_then(|message| str::from_utf8(message).ok());
        let known = message.map(|message| shapes.of(message, false));
        // What has a shape says the same with any digits.
        let known = known.filter(|known| known.plain && known.shape.is_some());
        let shape = self.room.shape(line.len());
        let may_break = shape::may_break(shape);
        if let (Some(outline), Some(known)) = (outline, known) {
            if self.slots.is_empty() {
                self.slots.resize_with(SLOTS, || None);
            }
            if let Some(slot) = self.slots.get_mut(place(hash, SLOTS)) {
                *slot = Some(Box::new(Echo { hash, shape: shape.into(), outline, said, known, may_break }));
            }
        }
    }
}

impl Echo {
    #[inline]
    fn said(&self, line: &[u8], taken: usize, openings: &mut Openings) -> Option<Said> {
        if self.may_break && has_escaped_break(line) {
            return None;
        }
        let time: Timestamp = openings.again(line, &self.outline)?;
        let (length, known) = (line.len(), self.known);
        Some(match &self.said {
            Kept::Passing(placed) => {
                Said::Passing(Passing { placed: Placed { time, ..*placed }, length, taken, known })
            }
            Kept::Logged { key, content_at } => {
                Said::Logged(Opening::logged(time, key.clone(), *content_at..length), known)
            }
        })
    }
}

fn place(hash: u64, places: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
    let place = hash as usize % places;
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Layout;
    use crate::stretch::Stretch;
    use crate::unwrap::{Form, unwrap};

    fn openings(lines: &[String]) -> Openings {
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let inner = lines.iter().map(|line| {
            let unwrapped = unwrap(line, Form::Plain, reference);
            unwrapped.map_or_else(|| line.clone(), |(_, inner)| inner.into_owned())
        });
        let inner: Vec<String> = inner.collect();
        let layout = Layout::learn(inner.iter().map(String::as_str), reference);
        Openings::new(Form::Plain, layout, reference)
    }

    /// Which of the lines are known again, after all of them were read twice.
    fn known(lines: &[String], asked: &[&str]) -> Vec<bool> {
        let (mut openings, mut shapes) = (openings(lines), Shapes::new(false));
        let (mut stretch, mut echoes) = (Stretch::default(), Echoes::default());
        for line in lines.iter().cycle().take(lines.len() * 2) {
            let text = format!("{line}\n");
            if echoes.find(line.as_bytes(), text.len(), &mut openings).is_none() {
                let said = stretch.read((0, text.as_bytes()), line.len(), &mut openings, &mut shapes, false);
                echoes.keep(line.as_bytes(), &said, &mut openings, &mut shapes);
            }
        }
        let mut is_known =
            |line: &&str| echoes.find(line.as_bytes(), line.len() + 1, &mut openings).is_some();
        asked.iter().map(&mut is_known).collect()
    }

    #[test]
    fn a_line_is_known_again_with_other_digits_and_by_nothing_less() {
        let line = |n: usize| {
            format!(
                "2026-11-05 10:00:{:02},123 INFO [worker-7] shop.Cart: item {n:04} of #{n:03} is in",
                n % 60
            )
        };
        let lines: Vec<String> = (0..300).map(line).collect();
        let asked = [
            "2026-11-05 23:59:59,999 INFO [worker-3] shop.Cart: item 9999 of #999 is in",
            // No time, another number of digits, other words, another level, a line break.
            "2026-11-05 23:61:59,999 INFO [worker-3] shop.Cart: item 9999 of #999 is in",
            "2026-11-05 23:59:59,999 INFO [worker-3] shop.Cart: item 99999 of #999 is in",
            "2026-11-05 23:59:59,999 INFO [worker-3] shop.Cart: item 9999 of #999 is on",
            "2026-11-05 23:59:59,999 WARN [worker-3] shop.Cart: item 9999 of #999 is in",
            "2026-11-05 23:59:59,999 INFO [worker-3] shop.Cart: item 9999 of #012 is in",
        ];
        assert_eq!(known(&lines, &asked), [true, false, false, false, false, false]);
    }

    #[test]
    fn what_syslog_wrote_is_known_again() {
        let lines: Vec<String> = (0..300)
            .map(|n| format!("Nov  5 10:00:{:02} web0 shop[4{n:03}]: served {n:03}", n % 60))
            .collect();
        let asked = [
            "Nov  5 23:59:59 web0 shop[1234]: served 999",
            "Nov  5 24:59:59 web0 shop[1234]: served 999",
            "Nov  5 23:59:59 web1 shopd[123]: served 999",
        ];
        assert_eq!(known(&lines, &asked), [true, false, false]);
    }

    #[test]
    fn lines_that_never_come_again_are_hardly_asked_for() {
        let lines: Vec<String> = (0..9000_u32)
            .map(|n| {
                let word: String =
                    n.to_string().chars().map(|digit| char::from(b'a' + digit as u8 % 10)).collect();
                format!("2026-11-05 10:00:00,123 INFO [worker-7] shop.Cart: {word} is in")
            })
            .collect();
        let (mut openings, mut echoes) = (openings(&lines[..100]), Echoes::default());
        let asked = lines.iter().filter(|line| {
            let before = echoes.trial.is_resting();
            assert!(echoes.find(line.as_bytes(), line.len() + 1, &mut openings).is_none());
            !before
        });
        assert!(asked.count() < lines.len() / 5);
    }
}
