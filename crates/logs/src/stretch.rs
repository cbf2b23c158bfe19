//! Lines that are surely ordinary and no errors, many at a time.
//!
//! Nearly all lines of a log begin with a header of the form that was learned and hold nothing that the reader of errors
//! looks for. What would make a line something else is looked for in many lines at once, with the few searches that
//! processors do fastest; then a line costs little more than its header. Where one of them is there, or a header is any
//! other, the line is read as all lines are. What is said here of a line is what is said there.

use std::sync::LazyLock;

use jiff::Timestamp;
use memchr::memchr;
use memchr::memmem::Finder;

use crate::assemble::Assembler;
use crate::echo::Echoes;
use crate::header::Placed;
use crate::opening::{Opening, Openings};
use crate::ordinary::{ESCAPED_BREAKS, Ordinary, ordinary_by};
use crate::shape::{Known, Shapes};
use crate::trace::{self, Marks};
use crate::traffic::Traffic;

/// Bytes that are searched at once, which a processor keeps at hand.
const BLOCK: usize = 32 << 10;
/// Bytes that are searched for a line behind a gap.
const FIRST: usize = 2 << 10;
/// Bytes that are looked at together.
const CHUNK: usize = 64;

/// What was found behind the last line.
#[derive(Debug)]
pub(crate) struct Stretch {
    unclean: Next,
    quote: Next,
    at_sign: Next,
    escaped: [Next; 2],
    mark: Next,
    shapes: Trial,
    echoes: Echoes,
}

/// Whether something comes again so often that asking for it is quicker than looking at it anew.
#[derive(Debug)]
pub(crate) struct Trial {
    asked: u32,
    known: u32,
    /// How many of those that are tried have to be known.
    least: u32,
    /// Lines that nothing is asked of, and how many there are of them next time.
    rest: u32,
    next: u32,
    /// What was judged last.
    again: bool,
}

/// Lines of which it is judged, and most lines behind those that were judged not to come again: the first ones never do.
pub(crate) const TRIED: u32 = 256;
const LEFT: u32 = TRIED * 16;

/// What is said of a line.
#[derive(Debug)]
pub(crate) enum Said {
    /// It has a learned header and is no error.
    Passing(Passing),
    /// Syslog wrote it, and it is no error.
    Logged(Opening, Known),
    /// Any other that is ordinary.
    Other(Opening, Known),
    /// It has to be cleaned before it is read.
    Unclean,
    /// It may be more than that.
    Odd,
}

/// A line that is ordinary and no error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing {
    pub(crate) placed: Placed,
    /// Bytes of the line without what ends it, and with it.
    pub(crate) length: usize,
    pub(crate) taken: usize,
    pub(crate) known: Known,
}

/// Where the next of something stands.
#[derive(Debug, Default)]
struct Next {
    /// None of it begins before this offset and behind the line that was asked for last.
    at: u64,
    /// It stands there; otherwise nothing is known of what is behind.
    found: bool,
    /// Bytes that were searched last.
    reach: usize,
}

/// Lines that ended one another, with nothing else open.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// When the line before counts, once it is known that nothing else is open.
    before: Option<Option<Timestamp>>,
    count: u64,
    last: Option<(Passing, u64, u64)>,
}

impl Run {
    /// Whether the next line does nothing but end the one before, of which all that is wanted is that it is counted.
    pub(crate) fn goes_on(&mut self, assembler: &Assembler, shown: bool) -> bool {
        if self.before.is_none() && !shown {
            let line = assembler.only_line().filter(|line| line.is_counted());
            self.before = line.map(|line| line.said.time);
        }
        self.before.is_some()
    }

    /// Counts the line before, and takes the next one with its offset and number.
    pub(crate) fn take(&mut self, line: Passing, start: u64, number: u64, traffic: &mut Traffic) {
        traffic.place(self.before.flatten());
        traffic.count(false);
        traffic.count_lines(1);
        self.before = Some(Some(line.placed.time));
        self.count += 1;
        self.last = Some((line, start, number));
    }

    /// Leaves the last line open.
    pub(crate) fn end(&mut self, assembler: &mut Assembler) {
        if let Some((line, start, number)) = self.last.take() {
            assembler.pass_last(self.count, Ordinary::passing(&line, start, number));
        }
        *self = Self::default();
    }
}

impl Default for Stretch {
    fn default() -> Self {
        Self {
            unclean: Next::default(),
            quote: Next::default(),
            at_sign: Next::default(),
            escaped: Default::default(),
            mark: Next::default(),
            shapes: Trial::of(TRIED / 8 * 7),
            echoes: Echoes::default(),
        }
    }
}

impl Trial {
    /// One in which so many of [`TRIED`] have to be known.
    pub(crate) fn of(least: u32) -> Self {
        Self { asked: 0, known: 0, least, rest: 0, next: TRIED, again: false }
    }

    pub(crate) fn are_asked(&mut self) -> bool {
        self.rest = self.rest.saturating_sub(1);
        self.rest == 0
    }

    #[cfg(test)]
    pub(crate) fn is_resting(&self) -> bool {
        self.rest > 1
    }

    pub(crate) fn say(&mut self, known: bool) {
        (self.asked, self.known) = (self.asked + 1, self.known + u32::from(known));
        if self.asked == TRIED {
            self.again = self.known >= self.least;
            (self.rest, self.next) = match self.again {
                true => (0, TRIED),
                false => (self.next, LEFT.min(self.next * 2)),
            };
            (self.asked, self.known) = (0, 0);
        }
    }
}

impl Next {
    /// Whether one begins within a line, which begins at an offset and goes on with what was read.
    #[inline]
    fn is_within(
        &mut self,
        start: u64,
        length: usize,
        rest: &[u8],
        find: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> bool {
        let end = start + length as u64;
        if end <= self.at {
            return false;
        }
        if !self.found || self.at < start {
            // The more lines were asked for one behind the other, the more of them come.
            let next = self.at == start && !self.found;
            self.reach = if next { self.reach * 2 } else { FIRST };
            self.reach = self.reach.clamp(FIRST, BLOCK).max(length);
            let reach = &rest[..rest.len().min(self.reach)];
            let found = find(reach);
            (self.at, self.found) = (start + found.unwrap_or(reach.len()) as u64, found.is_some());
        }
        self.at < end
    }
}

impl Stretch {
    /// The line with which the rest of what was read begins, where it is text of ASCII as it stands there. Its line end is
    /// so many bytes behind its beginning, which has that offset.
    fn line<'a>(&mut self, (start, rest): (u64, &'a [u8]), length: usize) -> Option<&'a [u8]> {
        let line = rest.get(..length)?;
        let clean = !self.unclean.is_within(start, length, rest, unclean);
        clean.then(|| line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// What the line says with which the rest of what was read begins; its line end is so many bytes behind its beginning,
    /// which has that offset. What its message holds is told where that is `shown`.
    #[inline]
    pub(crate) fn read(
        &mut self,
        ahead: (u64, &[u8]),
        length: usize,
        openings: &mut Openings,
        shapes: &mut Shapes,
        shown: bool,
    ) -> Said {
        let line = ahead.1.get(..length).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(said) = self.echoes.find(line, length + 1, openings) {
            return said;
        }
        let Some(line) = self.line(ahead, length) else { return Said::Unclean };
        let said = match self.read_placed(ahead, (line, length), openings, shapes, shown) {
            Some(passing) => Said::Passing(passing),
            None => self.read_any(ahead, (line, length), openings, shapes, shown).unwrap_or(Said::Odd),
        };
        self.echoes.keep(line, &said, openings, shapes);
        said
    }

    /// Forgets what was found out of lines that were read by other means than those that come.
    pub(crate) fn forget(&mut self) {
        self.echoes.forget();
    }

    /// What a [`Stretch::line`] says where it begins with a learned header and is ordinary beyond doubt and no error. What it
    /// holds is told where that is `shown`.
    fn read_placed(
        &mut self,
        (start, rest): (u64, &[u8]),
        (line, length): (&[u8], usize),
        openings: &mut Openings,
        shapes: &mut Shapes,
        shown: bool,
    ) -> Option<Passing> {
        let quoted = self.quote.is_within(start, length, rest, |text| memchr(b'"', text));
        let placed = openings.place(line, quoted)?;
        let message = &line[placed.message_at..];
        if self.is_escaped(start, length, rest) {
            return None;
        }
        let known = self.message((start, rest), length, message, shapes, shown)?;
        Some(Passing { placed, length: line.len(), taken: length + 1, known })
    }

    /// What is known of the message with which a line ends; `None` where it may be more than a message.
    #[inline]
    fn message(
        &mut self,
        (start, rest): (u64, &[u8]),
        length: usize,
        message: &[u8],
        shapes: &mut Shapes,
        shown: bool,
    ) -> Option<Known> {
        if self.shapes.are_asked() {
            let before = shapes.before(message);
            self.shapes.say(before.is_some());
            if let Some(known) = before {
                return known.plain.then_some(known);
            }
        } else if !shown
            && !self.is_escaped(start, length, rest)
            && !self.is_marked(start, length, rest)
            && !trace::may_begin_without_marks(message)
        {
            return Some(Known { plain: true, ..Known::default() });
        }
        let known = shapes.of(str::from_utf8(message).ok()?, false);
        known.plain.then_some(known)
    }

    /// As [`Stretch::read_placed`], of any line that is [`ordinary_by`] what it says, errors and objects among them.
    fn read_any(
        &mut self,
        (start, rest): (u64, &[u8]),
        (line, length): (&[u8], usize),
        openings: &mut Openings,
        shapes: &mut Shapes,
        shown: bool,
    ) -> Option<Said> {
        let quoted = self.quote.is_within(start, length, rest, |text| memchr(b'"', text));
        if let Some(opening) = openings.logged(line, quoted) {
            let ahead = (start, rest);
            let known = self.message(ahead, length, &line[opening.content_at..], shapes, shown)?;
            return Some(Said::Logged(opening, known));
        }
        let said = ordinary_by(str::from_utf8(line).ok()?, openings, |message, failed| {
            let told = shown
                || failed
                || self.shapes.again
                || self.is_escaped(start, length, rest)
                || self.is_marked(start, length, rest)
                || trace::may_begin_without_marks(message.as_bytes());
            if told { shapes.of(message, failed) } else { Known { plain: true, ..Known::default() } }
        });
        said.map(|(opening, known)| Said::Other(opening, known))
    }

    /// Whether a line break in the line is written as text.
    fn is_escaped(&mut self, start: u64, length: usize, rest: &[u8]) -> bool {
        static ESCAPED: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| ESCAPED_BREAKS.map(Finder::new));
        let mut sought = self.escaped.iter_mut().zip(&*ESCAPED);
        sought.any(|(next, text)| next.is_within(start, length, rest, |rest| text.find(rest)))
    }

    /// Whether the line may hold anything that stands within the beginning of a stack trace, or a key block.
    fn is_marked(&mut self, start: u64, length: usize, rest: &[u8]) -> bool {
        static MARKS: LazyLock<Marks> = LazyLock::new(|| {
            let texts: Vec<&str> = trace::roots().iter().copied().chain(["-----BEGIN "]).collect();
            Marks::new(&texts)
        });
        self.at_sign.is_within(start, length, rest, |text| memchr(b'@', text))
            || self.mark.is_within(start, length, rest, |text| MARKS.first(text))
    }
}

/// Where the first byte stands that is neither text of ASCII nor of a line end; at the end, a return may be one's.
fn unclean(text: &[u8]) -> Option<usize> {
    let clean = |(b, next): (&u8, &u8)| {
        (0x20..0x7f).contains(b) | matches!(b, b'\t' | b'\n') | ((*b == b'\r') & (*next == b'\n'))
    };
    let last = text.len().checked_sub(1)?;
    let (own, next) = (&text[..last], &text[1..]);
    let (chunks, rest) = own.as_chunks::<CHUNK>();
    let (nexts, next_rest) = next.as_chunks::<CHUNK>();
    // Without a way out of the inner loop, the compiler takes many bytes at once.
    let all = |(chunk, next): (&[u8; CHUNK], &[u8; CHUNK])| {
        chunk.iter().zip(next).fold(true, |all, pair| all & clean(pair))
    };
    let found = |own: &[u8], next: &[u8]| own.iter().zip(next).position(|pair| !clean(pair));
    let before = match chunks.iter().zip(nexts).position(|pair| !all(pair)) {
        Some(at) => return found(&chunks[at], &nexts[at]).map(|within| at * CHUNK + within),
        None => chunks.len() * CHUNK,
    };
    let in_rest = found(rest, next_rest).map(|at| before + at);
    in_rest.or_else(|| (!clean((&text[last], &b'\n'))).then_some(last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes with few that are not clean.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![60 => b' '..=b'~', 2 => Just(b'\n'), 1 => Just(b'\t'), 1 => Just(b'\r'), 1 => any::<u8>()];
        let part =
            prop_oneof![byte.prop_map(|byte| vec![byte]), Just(b"\r\n".to_vec()), Just(vec![b'x'; 70])];
        prop::collection::vec(part, 0..200).prop_map(|parts| parts.concat())
    }

    #[test]
    fn shapes_are_asked_for_while_messages_come_again_and_else_only_now_and_then() {
        let mut trial = Trial::of(TRIED / 8 * 7);
        let mut asked = |known: bool| {
            let all = (0..LEFT * 20).filter(|_| {
                let asked = trial.are_asked();
                if asked {
                    trial.say(known);
                }
                asked
            });
            all.count()
        };
        let all = usize::try_from(LEFT * 20).unwrap();
        assert!(asked(false) < all / 10);
        assert!(asked(true) > all - all / 10);
        assert!(asked(false) < all / 10);
    }

    proptest! {
        #[test]
        fn what_is_not_clean_is_found_where_it_stands(text in bytes()) {
            let is_clean = |at: usize| match text[at] {
                b' '..=b'~' | b'\t' | b'\n' => true,
                b'\r' => text.get(at + 1).is_none_or(|next| *next == b'\n'),
                _ => false,
            };
            prop_assert_eq!(unclean(&text), (0..text.len()).find(|at| !is_clean(*at)));
        }

        #[test]
        fn each_line_is_told_by_itself_whatever_was_asked_before(text in bytes(), asked in prop::collection::vec(any::<bool>(), 1..20)) {
            let (mut stretch, mut quote, mut start) = (Stretch::default(), Next::default(), 0);
            for (line, asked) in text.split_inclusive(|b| *b == b'\n').zip(asked.iter().cycle()) {
                let rest = &text[start..];
                let length = line.strip_suffix(b"\n").unwrap_or(line).len();
                let at = start as u64 + 9;
                if *asked && line.ends_with(b"\n") {
                    let cleaned = crate::clean::cleaned(line);
                    let (said, once) = (stretch.line((at, rest), length), !line.ends_with(b"\r\r\n"));
                    let is_clean = once && matches!(cleaned, std::borrow::Cow::Borrowed(_));
                    let expected = is_clean.then(|| cleaned.as_bytes());
                    prop_assert_eq!(said, expected);
                    let quoted = quote.is_within(at, length, rest, |text| memchr(b'"', text));
                    prop_assert_eq!(quoted, line.contains(&b'"'));
                }
                start += line.len();
            }
        }
    }
}
