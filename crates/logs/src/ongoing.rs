//! Ordinary lines that may go on, by their streams.
//!
//! In a file that many programs share, dozens of lines are open at a time, and each next line asks for the one of its
//! stream. All of them wait equally long, so they stand in a ring in the order in which they came: the one whose time is
//! over is found by its place, and those of a stream by one look at a few small numbers side by side.

use crate::draft::PLAIN_WAIT;

/// Places in the ring, more than lines can be open.
const PLACES: usize = 128;
/// Places that are looked at together.
const GROUP: usize = 16;
const _: () = assert!(PLAIN_WAIT + 1 < PLACES as u64 && PLACES.is_multiple_of(GROUP));

/// A line that may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Going {
    /// Where it begins in the file.
    pub(crate) start: u64,
    /// How many slots were made before its own.
    pub(crate) slot: u64,
}

/// The lines that may go on; of lines whose streams have one hash, at most one.
pub(crate) struct Ongoing {
    /// Hashes of their streams in the places of their rows, 0 where none is open.
    tags: [u32; PLACES],
    lines: [Going; PLACES],
    count: usize,
    /// The place of the last one.
    last: usize,
}

/// The place of a line in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(usize);

impl Ongoing {
    pub(crate) fn new() -> Self {
        Self { tags: [0; PLACES], lines: [Going::default(); PLACES], count: 0, last: 0 }
    }

    /// The line of the streams with that hash.
    pub(crate) fn find(&self, hash: u64) -> Option<Place> {
        let tag = tag(hash);
        if self.count == 0 {
            return None;
        }
        // Where one program writes the file, it is the last one.
        if self.tags[self.last] == tag {
            return Some(Place(self.last));
        }
        // Without a way out of the inner loop, several are compared at once.
        let holds = |group: &[u32; GROUP]| group.iter().fold(false, |found, other| found | (*other == tag));
        let (groups, _) = self.tags.as_chunks::<GROUP>();
        let group = groups.iter().position(holds)?;
        let within = groups[group].iter().position(|other| *other == tag)?;
        Some(Place(group * GROUP + within))
    }

    /// Whether the line that was found there may still go on.
    pub(crate) fn holds(&self, place: Place) -> bool {
        self.tags[place.0] != 0
    }

    pub(crate) fn at(&self, place: Place) -> Going {
        self.lines[place.0]
    }

    /// Adds the line of a row.
    pub(crate) fn add(&mut self, sequence: u64, hash: u64, line: Going) {
        let Place(at) = place(sequence);
        self.count += usize::from(self.tags[at] == 0);
        (self.tags[at], self.lines[at], self.last) = (tag(hash), line, at);
    }

    /// Takes a line out.
    pub(crate) fn remove(&mut self, place: Place) -> Option<Going> {
        let was = std::mem::take(&mut self.tags[place.0]) != 0;
        self.count -= usize::from(was);
        was.then(|| self.lines[place.0])
    }

    /// Takes out the line that has ended for want of lines when a row comes.
    pub(crate) fn expire(&mut self, sequence: u64) -> Option<Going> {
        sequence.checked_sub(PLAIN_WAIT + 1).and_then(|sequence| self.remove(place(sequence)))
    }

    /// The places of all lines that begin before an offset.
    pub(crate) fn before(&self, offset: u64) -> Vec<Place> {
        if self.count == 0 {
            return Vec::new();
        }
        let before = |at: &usize| self.tags[*at] != 0 && self.lines[*at].start < offset;
        (0..PLACES).filter(before).map(Place).collect()
    }
}

fn place(sequence: u64) -> Place {
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
    let at = sequence as usize % PLACES;
    Place(at)
}

#[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
fn tag(hash: u64) -> u32 {
    hash as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_streams_until_their_time_is_over() {
        let mut ongoing = Ongoing::new();
        let line = |number: u64| Going { start: number * 10, slot: number };
        for sequence in 1..=PLAIN_WAIT {
            assert_eq!(ongoing.expire(sequence), None);
            ongoing.add(sequence, sequence << 8, line(sequence));
        }
        let third = ongoing.find(3 << 8).unwrap();
        assert_eq!(ongoing.at(third), line(3));
        assert_eq!(ongoing.find(999 << 8), None);
        assert_eq!(ongoing.before(30).len(), 2);
        assert_eq!(ongoing.expire(PLAIN_WAIT + 2), Some(line(1)));
        assert_eq!(ongoing.find(1 << 8), None);
        assert_eq!(ongoing.remove(third), Some(line(3)));
        assert_eq!((ongoing.remove(third), ongoing.find(3 << 8)), (None, None));
        assert_eq!(ongoing.expire(PLAIN_WAIT + 3), Some(line(2)));
    }
}
