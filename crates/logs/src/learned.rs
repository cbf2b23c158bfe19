//! What is learned of a source from its lines: the form of its envelopes and of its headers.
//!
//! A source may change its form at any time, and programs that share a file take turns in it. So each segment of a file
//! is looked at anew, by the first lines that begin in it: what is known is kept where it fits them, and else learned, and
//! the forms of earlier segments stay known. The cursor carries what was learned, so what a line is taken for depends on
//! the bytes before it and never on where scans stopped.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clean::clean;
use crate::encoding::{Encoding, is_garbage};
use crate::header::Layout;
use crate::lines::{LineReader, Piece};
use crate::unwrap::{Form, unwrap};

/// Bytes of a segment.
const SEGMENT: u64 = 1 << 20;
/// Bytes at its beginning from which it is learned.
pub(crate) const LEARNED_FROM: usize = 16 << 10;
/// Lines from which it is learned at most.
const LINES: usize = 200;

/// What was learned of one segment of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Learned {
    segment: u64,
    pub(crate) form: Form,
    pub(crate) layout: Layout,
    /// Whether all the bytes that count were there.
    complete: bool,
}

impl Learned {
    fn segment(offset: u64) -> u64 {
        offset / SEGMENT
    }

    /// Where the segment of an offset begins.
    pub(crate) fn segment_start(offset: u64) -> u64 {
        Self::segment(offset) * SEGMENT
    }

    /// Whether it holds for a line at the offset.
    pub(crate) fn holds_at(&self, offset: u64) -> bool {
        self.segment == Self::segment(offset)
    }

    /// Where the segment ends for which it holds.
    pub(crate) fn end(&self) -> u64 {
        (self.segment + 1).saturating_mul(SEGMENT)
    }

    /// Whether nothing more can be learned for a line at the offset.
    pub(crate) fn is_final_at(&self, offset: u64) -> bool {
        self.complete && self.holds_at(offset)
    }

    /// Whether it says what was known before the line at the offset, if not of its own segment.
    pub(crate) fn is_known_at(&self, offset: u64) -> bool {
        self.complete && self.segment <= Self::segment(offset)
    }

    /// What holds for the segment in which an offset lies, where this was learned before it. The bytes are those at the
    /// beginning of the segment; `inside_line` when the first of them belong to a line that began before it, `complete`
    /// when they are all that count.
    pub(crate) fn next(
        &self,
        (bytes, complete): (&[u8], bool),
        offset: u64,
        inside_line: bool,
        encoding: Encoding,
        reference: Timestamp,
    ) -> Self {
        // Each entry says the same around its message, and many programs share a journal.
        if encoding == Encoding::Journal {
            return Self { segment: Self::segment(offset), complete: true, ..Self::default() };
        }
        let lines = lines(bytes, inside_line, encoding);
        let form = Form::of(lines.iter().map(String::as_str));
        let inner: Vec<_> = lines
            .iter()
            .map(|line| unwrap(line, form, reference).map_or(line.as_str().into(), |(_, inner)| inner))
            .collect();
        if complete && self.complete && form == self.form && self.layout.fits(&inner) {
            return Self { segment: Self::segment(offset), ..self.clone() };
        }
        // A few lines, such as a single crash, teach what is no form at all.
        let mut layout = match complete {
            true => Layout::learn(inner.iter().map(AsRef::as_ref), reference),
            false => Layout::default(),
        };
        layout.remember(&self.layout);
        Self { segment: Self::segment(offset), form, layout, complete }
    }
}

fn lines(bytes: &[u8], inside_line: bool, encoding: Encoding) -> Vec<String> {
    let mut found = Vec::new();
    let mut scratch = Vec::new();
    let reader = LineReader::new(bytes, 0, 0, LEARNED_FROM, inside_line, encoding);
    let Ok(mut reader) = reader else { return found };
    while found.len() < LINES
        && let Ok(Some(piece)) = reader.next()
    {
        if let Piece::Line(line) = piece {
            let bytes = reader.bytes(&line, &mut scratch);
            if !is_garbage(bytes) {
                found.push(clean(bytes));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(known: &Learned, segment: u64, lines: &str) -> Learned {
        let bytes = &lines.as_bytes()[..LEARNED_FROM];
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        known.next((bytes, true), segment * SEGMENT, false, Encoding::Utf8, reference)
    }

    fn rack(n: usize) -> String {
        format!(
            "- 11178{n:05} 2005.06.03 rack-{} 2005-06-03-15.42.50.363779 rack-{} RAS KERNEL INFO seen {n}\n",
            n % 70,
            n % 70
        )
    }

    fn shop(n: usize) -> String {
        format!("2026-11-05 10:{:02}:00,123 [worker-{}] INFO shop.http: served {n}\n", n % 60, n % 8)
    }

    #[test]
    fn the_form_of_an_earlier_segment_stays_known_and_what_still_fits_is_not_learned_again() {
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let lines = |line: fn(usize) -> String| (0..1000).map(line).collect::<String>();
        let is_learned = |learned: &Learned, line: &str| {
            learned.layout.read(line.trim_end(), reference).is_some_and(|head| head.learned)
        };
        let first = next(&Learned::default(), 0, &lines(rack));
        assert!(is_learned(&first, &rack(7)) && !is_learned(&first, &shop(7)));
        let second = next(&first, 1, &lines(shop));
        assert!(is_learned(&second, &rack(7)) && is_learned(&second, &shop(7)));
        let third = next(&second, 2, &lines(shop));
        assert_eq!(third, Learned { segment: 2, ..second });
    }
}
