//! Headers that came before, known again without being read.
//!
//! A program's headers differ in their times and in the digits of a few numbers; the rest of them comes again and again.
//! A header with the same bytes as one before but for its digits, which are in the same places, has the same cells, as far
//! as these are told by where they end. Which cells are is known when a header is read for the first time; all others, the
//! times among them, are read again each time.

use crate::record::Level;

/// Longest beginning of a line that is compared, in bytes.
pub(super) const ROOM: usize = 128;
/// Bytes that are looked at together.
const BLOCK: usize = 16;
/// Bytes that tell where a header is kept.
const TELLING: usize = 32;
/// Headers that are kept, two in each place.
const PLACES: usize = 64;
/// Cells that are read again at most.
pub(super) const AGAIN: usize = 4;
/// How many headers are looked for before it is judged whether they come again, and how many of them have to.
const TRIED: u32 = 1024;
const KNOWN: u32 = TRIED / 4;

/// A header that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Bytes of the line that say that it is this one.
    pub(super) length: usize,
    /// Cells that are read again.
    pub(super) again: [Option<Reread>; AGAIN],
    pub(super) level: Option<Level>,
    pub(super) message_at: usize,
}

/// A cell that is read again, which has to have the same place; all of it lies within [`ROOM`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Reread {
    pub(super) cue: u8,
    /// Where the cell before ends.
    pub(super) before: u8,
    pub(super) start: u8,
    pub(super) after: u8,
}

/// The headers of one form.
#[derive(Debug, Clone)]
pub(super) struct Recall {
    kept: Vec<Option<Kept>>,
    /// The shape of the line that was looked for last.
    shape: [u8; ROOM],
    place: usize,
    /// Where what tells headers from each other begins.
    telling_at: usize,
    /// How far the longest one reaches.
    reach: usize,
    tried: u32,
    known: u32,
}

#[derive(Debug, Clone)]
struct Kept {
    shape: [u8; ROOM],
    known: Known,
}

impl Recall {
    pub(super) fn new() -> Self {
        Self { kept: Vec::new(), shape: [0; ROOM], place: 0, telling_at: 0, reach: ROOM, tried: 0, known: 0 }
    }

    /// Whether looking for headers is of use.
    pub(super) fn is_of_use(&self) -> bool {
        self.tried < TRIED || self.known >= KNOWN
    }

    /// The header that came before with the shape of this line's.
    #[inline]
    pub(super) fn find(&mut self, line: &[u8]) -> Option<usize> {
        if self.tried == TRIED && self.known >= KNOWN {
            (self.tried, self.known) = (0, 0);
        }
        self.tried += 1;
        let (blocks, rest) = line[..line.len().min(self.reach)].as_chunks::<BLOCK>();
        let shape = self.shape.as_chunks_mut::<BLOCK>().0;
        for (into, block) in shape.iter_mut().zip(blocks) {
            *into = shape_of(block);
        }
        if let Some(into) = shape.get_mut(blocks.len()..self.reach / BLOCK) {
            into.fill([0; BLOCK]);
            if let Some(into) = into.first_mut() {
                into[..rest.len()].copy_from_slice(rest);
                *into = shape_of(into);
            }
        }
        self.place = place(&self.shape[self.telling_at..]) * 2;
        let both = self.kept.get(self.place..self.place + 2)?;
        let is_it =
            |kept: &Option<Kept>| kept.as_ref().is_some_and(|kept| kept.is_of(line.len(), &self.shape));
        let found = both.iter().position(is_it).map(|at| self.place + at);
        self.known += u32::from(found.is_some());
        found
    }

    /// What was found.
    pub(super) fn at(&self, place: usize) -> Option<Known> {
        self.kept.get(place)?.as_ref().map(|kept| kept.known)
    }

    /// Keeps the header of the line that was looked for last; from `telling_at` on, headers differ from each other.
    pub(super) fn keep(&mut self, line: &[u8], known: Known, telling_at: usize) {
        if self.kept.is_empty() {
            self.kept = vec![None; PLACES * 2];
            (self.telling_at, self.reach) = (telling_at.min(ROOM - TELLING), 0);
        }
        let reach = known.length.max(self.telling_at + TELLING).next_multiple_of(BLOCK).min(ROOM);
        if reach > self.reach {
            // The first one, and those that are longer than all before.
            self.reach = reach;
            self.find(line);
        }
        if let Some([first, second]) = self.kept.get_mut(self.place..).and_then(<[_]>::first_chunk_mut) {
            *second = first.take();
            *first = Some(Kept { shape: self.shape, known });
        }
    }
}

impl Kept {
    /// Whether a line of so many bytes with that shape has this header.
    #[inline]
    fn is_of(&self, length: usize, shape: &[u8; ROOM]) -> bool {
        let own = self.known.length;
        let (blocks, others) = (self.shape.as_chunks::<BLOCK>().0, shape.as_chunks::<BLOCK>().0);
        let whole = own / BLOCK;
        // What is left of a block is compared with some of the one before.
        let last = own.saturating_sub(BLOCK)..own;
        own <= length
            && blocks.iter().zip(others).take(whole).all(|(one, other)| one == other)
            && (own.is_multiple_of(BLOCK) || self.shape[last.clone()] == shape[last])
    }
}

/// The bytes with `0` for each digit; bytes alone, so that the compiler takes them all at once.
#[inline]
fn shape_of(block: &[u8; BLOCK]) -> [u8; BLOCK] {
    block.map(|byte| if byte.is_ascii_digit() { b'0' } else { byte })
}

fn place(shape: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let words = shape.as_chunks::<8>().0.iter().take(TELLING / 8);
    let hash = words
        .fold(0, |hash: u64, word| (hash ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(29));
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
    let place = (hash ^ hash >> 32) as usize % PLACES;
    place
}
