//! Lines that are surely ordinary and no errors, many at a time.
//!
//! Nearly all lines of a log begin with a header of the form that was learned and hold nothing that the reader of errors
//! looks for. What would make a line something else is looked for in many lines at once, with the few searches that
//! processors do fastest; then a line costs little more than its header. Where one of them is there, or a header is any
//! other, the line is read as all lines are. What is said here of a line is what is said there.

use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::Finder;

use crate::header::Placed;
use crate::opening::Openings;
use crate::ordinary::ESCAPED_BREAKS;
use crate::shape::{Known, Shapes};
use crate::trace::{self, Marks};

/// Bytes that are searched at once, which a processor keeps at hand.
const BLOCK: usize = 32 << 10;
/// Bytes that are looked at together.
const CHUNK: usize = 64;

/// What was found behind the last line.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    unclean: Next,
    carriage_return: Next,
    quote: Next,
    at_sign: Next,
    escaped: [Next; 2],
    mark: Next,
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
            let reach = &rest[..rest.len().min(BLOCK.max(length))];
            let found = find(reach);
            (self.at, self.found) = (start + found.unwrap_or(reach.len()) as u64, found.is_some());
        }
        self.at < end
    }
}

impl Stretch {
    /// What the line says with which the rest of what was read begins, where it is ordinary beyond doubt and no error. Its
    /// line end is so many bytes behind its beginning, which has that offset. What it holds is told where that is `shown`.
    pub(crate) fn read(
        &mut self,
        (start, rest): (u64, &[u8]),
        length: usize,
        openings: &mut Openings,
        shapes: &mut Shapes,
        shown: bool,
    ) -> Option<Passing> {
        let line = rest.get(..length)?;
        if self.unclean.is_within(start, length, rest, unclean) {
            return None;
        }
        let line = match self.carriage_return.is_within(start, length, rest, |text| memchr(b'\r', text)) {
            true => without_returns(line)?,
            false => line,
        };
        let quoted = self.quote.is_within(start, length, rest, |text| memchr(b'"', text));
        let placed = openings.place(line, quoted)?;
        let message = &line[placed.message_at..];
        if self.is_escaped(start, length, rest) {
            return None;
        }
        let mut known = Known::default();
        if shown || self.is_marked(start, length, rest) || trace::may_begin_without_marks(message) {
            known = shapes.of(str::from_utf8(message).ok()?, false);
            if !known.plain {
                return None;
            }
        }
        Some(Passing { placed, length: line.len(), taken: length + 1, known })
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

/// The line without the returns at its end; `None` where there is one before them.
fn without_returns(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().rposition(|b| *b != b'\r').map_or(0, |last| last + 1);
    memchr(b'\r', &line[..end]).is_none().then(|| &line[..end])
}

/// Where the first byte stands that is neither text of ASCII nor a line end.
fn unclean(text: &[u8]) -> Option<usize> {
    let clean = |b: &u8| (0x20..0x7f).contains(b) | matches!(b, b'\t' | b'\n' | b'\r');
    let (chunks, rest) = text.as_chunks::<CHUNK>();
    let at = chunks.iter().position(|chunk| !chunk.iter().fold(true, |all, b| all & clean(b)));
    let (before, looked_at) = match at {
        Some(at) => (at * CHUNK, &chunks[at][..]),
        None => (chunks.len() * CHUNK, rest),
    };
    looked_at.iter().position(|b| !clean(b)).map(|at| before + at)
}
