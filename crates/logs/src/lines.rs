//! Lines of a log with a limit on their length, in one window over its bytes.
//!
//! A line beyond the limit comes as its first bytes; its rest is skipped, even over several scans, so that no input can
//! claim more memory than the limit. Where a line is cut depends on its bytes alone, never on where a scan stopped.
//! NUL bytes before a line are passed over: a program that goes on writing where it was, after its log was emptied, leaves
//! a hole of them, which may be larger than any line. The window keeps what lies just before the next line, so that an
//! error can say what came before it without every line being copied.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;

use crate::encoding::Encoding;
use crate::unwrap::export::{self, Extent};

/// The line end in two bytes.
const NEWLINE: u16 = 0x0a;
/// Bytes asked for at once.
const BLOCK: usize = 256 << 10;
/// Bytes before the next line that stay in the window.
const BEHIND: usize = 128 << 10;

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A line, or the beginning of an overlong one.
    Line(Line),
    /// An entry of a journal, with the blank line behind it.
    Entry(Line),
    /// Bytes of an overlong line behind its limit.
    Skipped {
        /// Bytes, the line end included where it was reached.
        bytes: u64,
        /// Whether the line end was reached.
        ended: bool,
    },
    /// So many NUL bytes before a line.
    Hole(u64),
    /// The window has nothing more; [`LineReader::fill`] moves it on.
    Empty,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Offset of the first byte.
    pub(crate) start: u64,
    /// Offset after the last byte taken.
    pub(crate) end: u64,
    /// Where the text lies in the window, without its line end.
    text: Range<usize>,
    pub(crate) ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A line end.
    Newline,
    /// The end of the file: the line may still be being written.
    EndOfFile,
    /// The limit.
    Cut,
}

/// What the window holds, and where that begins in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    base: u64,
    bytes: &'a [u8],
}

impl<'a> Window<'a> {
    #[cfg(test)]
    pub(crate) fn new(base: u64, bytes: &'a [u8]) -> Self {
        Self { base, bytes }
    }

    /// The bytes from an offset on that it has not passed.
    pub(crate) fn from(self, offset: u64) -> Option<&'a [u8]> {
        self.bytes.get(usize::try_from(offset.checked_sub(self.base)?).ok()?..)
    }

    /// Its bytes before an offset, and where they begin.
    pub(crate) fn before(self, offset: u64) -> (u64, &'a [u8]) {
        let end = usize::try_from(offset.saturating_sub(self.base)).unwrap_or(usize::MAX);
        (self.base, &self.bytes[..end.min(self.bytes.len())])
    }

    /// The bytes of a part of the file; none where the window does not hold them.
    pub(crate) fn bytes(self, start: u64, length: usize) -> &'a [u8] {
        let start = start.checked_sub(self.base).and_then(|start| usize::try_from(start).ok());
        start.and_then(|start| self.bytes.get(start..start + length)).unwrap_or_default()
    }
}

pub(crate) struct LineReader<R> {
    reader: R,
    window: Vec<u8>,
    /// How much of the window holds bytes of the file.
    filled: usize,
    /// Offset in the file at which the window begins.
    base: u64,
    /// Where in the window the next piece begins.
    at: usize,
    /// How much behind `at` was searched for a line end in vain.
    searched: usize,
    ended: bool,
    limit: usize,
    inside_line: bool,
    encoding: Encoding,
}

impl<R: Read> LineReader<R> {
    /// Lines from `offset` on of what the reader gives from `base` on, which must not lie behind it.
    pub(crate) fn new(
        reader: R,
        base: u64,
        offset: u64,
        limit: usize,
        inside_line: bool,
        encoding: Encoding,
    ) -> io::Result<Self> {
        let mut lines = Self {
            reader,
            window: Vec::new(),
            filled: 0,
            base,
            at: 0,
            searched: 0,
            ended: false,
            limit: if encoding.is_wide() { limit.max(2).next_multiple_of(2) } else { limit.max(1) },
            inside_line,
            encoding,
        };
        let before = usize::try_from(offset - base).unwrap_or(usize::MAX);
        while lines.filled < before && !lines.ended {
            lines.fill()?;
        }
        lines.at = before.min(lines.filled);
        Ok(lines)
    }

    /// The bytes of a line, without its line end and as UTF-8 where they are in two bytes.
    pub(crate) fn bytes<'a>(&'a self, line: &Line, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let bytes = &self.window[line.text.clone()];
        if !self.encoding.is_wide() {
            return bytes;
        }
        *scratch = self.encoding.to_utf8(bytes.to_vec());
        scratch
    }

    /// The bytes of a line as they are in the file, without its line end.
    pub(crate) fn window(&self, line: &Line) -> &[u8] {
        &self.window[line.text.clone()]
    }

    /// What the window holds.
    pub(crate) fn view(&self) -> Window<'_> {
        Window { base: self.base, bytes: &self.window[..self.filled] }
    }

    /// Where the next line begins; none inside an overlong one.
    pub(crate) fn position(&self) -> Option<u64> {
        (!self.inside_line).then_some(self.base + self.at as u64)
    }

    /// Up to so many bytes from the next piece on; `None` where the window has to be moved on for them.
    pub(crate) fn ahead(&self, length: usize) -> Option<&[u8]> {
        let there = self.filled - self.at >= length || self.ended;
        there.then(|| &self.window[self.at..self.filled.min(self.at + length)])
    }

    /// What the window holds from the next line on; nothing where no line begins there, or only perhaps.
    pub(crate) fn rest(&self) -> &[u8] {
        let begins = !self.inside_line && self.searched == 0 && self.encoding == Encoding::Utf8;
        if begins { &self.window[self.at..self.filled] } else { &[] }
    }

    /// Passes over so many bytes of whole lines of the window.
    pub(crate) fn pass(&mut self, length: usize) {
        self.at += length;
    }

    /// Offset before which [`LineReader::fill`] drops what the window holds.
    pub(crate) fn dropped_by_fill(&self) -> u64 {
        self.base + self.passed() as u64
    }

    /// How much of the window is no longer needed and in the way.
    fn passed(&self) -> usize {
        if self.filled + BLOCK > self.window.len() { self.at.saturating_sub(BEHIND) & !1 } else { 0 }
    }

    /// Reads on. What lies further behind than the window reaches is lost.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        let passed = self.passed();
        if passed > 0 {
            self.window.copy_within(passed..self.filled, 0);
            self.filled -= passed;
            self.at -= passed;
            self.base += passed as u64;
        }
        if self.filled + BLOCK > self.window.len() {
            self.window.resize(self.filled + BLOCK, 0);
        }
        loop {
            match self.reader.read(&mut self.window[self.filled..]) {
                Ok(read) => {
                    self.filled += read;
                    self.ended = read == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next piece, reading on where that is needed; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            match self.next_in_window() {
                Some(Piece::Empty) => self.fill()?,
                found => return Ok(found),
            }
        }
    }

    /// The next piece that the window holds; `None` at the end of the file.
    pub(crate) fn next_in_window(&mut self) -> Option<Piece> {
        if self.inside_line {
            return self.skip();
        }
        let hole = if self.encoding.is_wide() { 0 } else { self.hole() };
        if hole > 0 {
            self.at += hole;
            return Some(Piece::Hole(hole as u64));
        }
        self.entry().or_else(|| self.line())
    }

    /// The entry of a journal that begins here.
    fn entry(&mut self) -> Option<Piece> {
        let rest = &self.window[self.at..self.filled];
        if self.encoding != Encoding::Journal {
            return None;
        }
        if rest.len() < export::SIGN.len() && !self.ended {
            return export::SIGN.starts_with(rest).then_some(Piece::Empty);
        }
        let (length, ending) = match export::extent(rest) {
            Extent::Nowhere => return None,
            Extent::To(length) => (length, Ending::Newline),
            Extent::Beyond if self.ended => (rest.len(), Ending::EndOfFile),
            Extent::Beyond => return Some(Piece::Empty),
        };
        let end = self.at + length;
        Some(Piece::Entry(self.take(end, end, ending)))
    }

    fn hole(&self) -> usize {
        if self.searched > 0 {
            return 0;
        }
        self.window[self.at..self.filled].iter().take_while(|byte| **byte == 0).count()
    }

    /// Where the next line end begins, within so many bytes from the given place on.
    fn line_end(&self, from: usize, length: usize) -> Option<usize> {
        let bytes = &self.window[from..self.filled.min(from + length)];
        if !self.encoding.is_wide() {
            return memchr(b'\n', bytes);
        }
        let mut pairs = bytes.as_chunks::<2>().0.iter();
        pairs.position(|pair| self.encoding.unit(*pair) == NEWLINE).map(|at| at * 2)
    }

    fn skip(&mut self) -> Option<Piece> {
        let width = self.width();
        let end = self.line_end(self.at, usize::MAX - self.at);
        let taken = end.map_or((self.filled - self.at) / width * width, |end| end + width);
        if taken == 0 {
            return if self.ended { None } else { Some(Piece::Empty) };
        }
        self.at += taken;
        self.inside_line = end.is_none();
        Some(Piece::Skipped { bytes: taken as u64, ended: end.is_some() })
    }

    fn line(&mut self) -> Option<Piece> {
        let width = self.width();
        let (from, room) = (self.at + self.searched, self.limit + width - self.searched);
        if let Some(end) = self.line_end(from, room) {
            let end = from + end;
            return Some(Piece::Line(self.take(end, end + width, Ending::Newline)));
        }
        let there = (self.filled - self.at) / width * width;
        if there > self.limit {
            self.inside_line = true;
            let end = self.at + self.limit;
            return Some(Piece::Line(self.take(end, end, Ending::Cut)));
        }
        if !self.ended {
            self.searched = there;
            return Some(Piece::Empty);
        }
        let end = self.at + there;
        (there > 0).then(|| Piece::Line(self.take(end, end, Ending::EndOfFile)))
    }

    fn take(&mut self, text_end: usize, end: usize, ending: Ending) -> Line {
        let (text, start) = (self.at..text_end, self.base + self.at as u64);
        (self.at, self.searched) = (end, 0);
        Line { start, end: self.base + end as u64, text, ending }
    }

    fn width(&self) -> usize {
        if self.encoding.is_wide() { 2 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(3);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn all(text: &[u8], limit: usize) -> Vec<(Vec<u8>, Ending)> {
        let mut reader = LineReader::new(Slow(text), 0, 0, limit, false, Encoding::Utf8).unwrap();
        let mut found = Vec::new();
        while let Some(piece) = reader.next().unwrap() {
            if let Piece::Line(line) = piece {
                found.push((reader.bytes(&line, &mut Vec::new()).to_vec(), line.ending));
            }
        }
        found
    }

    #[test]
    fn lines_are_cut_at_the_limit_and_go_on_behind_their_end() {
        let expected = vec![
            (b"abc".to_vec(), Ending::Newline),
            (b"abc".to_vec(), Ending::Cut),
            (b"xy".to_vec(), Ending::EndOfFile),
        ];
        assert_eq!(all(b"abc\nabcdef\nxy", 3), expected);
    }

    #[test]
    fn a_hole_before_a_line_is_no_part_of_it() {
        let text = &b"a\0b\n\0\0\0c\n"[..];
        let mut reader = LineReader::new(text, 0, 0, 2, false, Encoding::Utf8).unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = reader.next().unwrap() {
            pieces.push(piece);
        }
        let line = |start: u64, end, text, ending| Piece::Line(Line { start, end, text, ending });
        let expected = vec![
            line(0, 2, 0..2, Ending::Cut),
            Piece::Skipped { bytes: 2, ended: true },
            Piece::Hole(3),
            line(7, 9, 7..8, Ending::Newline),
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_open_until_its_end_is_seen() {
        assert_eq!(all(b"abc", 3), vec![(b"abc".to_vec(), Ending::EndOfFile)]);
        assert_eq!(all(b"abc\n", 3), vec![(b"abc".to_vec(), Ending::Newline)]);
    }

    #[test]
    fn the_window_moves_on_and_keeps_what_lies_just_before() {
        let text = b"0123456789abcde\n".repeat(100_000);
        let mut reader = LineReader::new(text.as_slice(), 0, 16, 100, false, Encoding::Utf8).unwrap();
        let mut at = 16;
        while let Some(piece) = reader.next().unwrap() {
            let Piece::Line(line) = piece else { panic!("{piece:?}") };
            assert_eq!((line.start, line.end), (at, at + 16));
            assert_eq!(reader.bytes(&line, &mut Vec::new()), b"0123456789abcde");
            let (base, before) = reader.view().before(at);
            assert_eq!(base + before.len() as u64, at);
            assert!(before.len() >= 16.min(at as usize) && before.ends_with(b"e\n"));
            at += 16;
        }
        assert_eq!(at as usize, text.len());
        assert!(reader.window.len() <= BEHIND + 2 * BLOCK, "{}", reader.window.len());
    }
}
