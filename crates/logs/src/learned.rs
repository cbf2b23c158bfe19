//! What is learned of a source from its lines: the form of its envelopes and of its headers.
//!
//! A source may change its form at any time, so it is learned anew for each segment of a file, from the first lines that
//! begin in it. So what a line is taken for depends on the bytes of its segment and never on where scans stopped.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clean::clean;
use crate::encoding::{Encoding, is_garbage};
use crate::header::Layout;
use crate::lines::{LineReader, Piece};
use crate::unwrap::{Form, unwrap};

/// Bytes of a segment.
const SEGMENT: u64 = 4 << 20;
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

    /// Whether nothing more can be learned for a line at the offset.
    pub(crate) fn is_final_at(&self, offset: u64) -> bool {
        self.complete && self.holds_at(offset)
    }

    /// Learns from the bytes at the beginning of the segment in which an offset lies; `inside_line` when the first of
    /// them belong to a line that began before it, `complete` when they are all that count.
    pub(crate) fn from(
        bytes: &[u8],
        complete: bool,
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
        // A few lines, such as a single crash, teach what is no form at all.
        let layout = match complete {
            true => Layout::learn(inner.iter().map(AsRef::as_ref), reference),
            false => Layout::default(),
        };
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
