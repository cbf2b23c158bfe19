//! Lines of a log with a limit on their length.
//!
//! A line beyond the limit comes as its first bytes; its rest is skipped, even over several scans, so that no input can
//! claim more memory than the limit. Where a line is cut depends on its bytes alone, never on where a scan stopped.
//! NUL bytes before a line are passed over: a program that goes on writing where it was, after its log was emptied, leaves
//! a hole of them, which may be larger than any line.

use std::io::{self, BufRead};

use crate::encoding::Encoding;

/// The line end in two bytes.
const NEWLINE: u16 = 0x0a;

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A line, or the beginning of an overlong one.
    Line(Line),
    /// Bytes of an overlong line behind its limit.
    Skipped {
        /// Bytes, the line end included where it was reached.
        bytes: u64,
        /// Whether the line end was reached.
        ended: bool,
    },
    /// So many NUL bytes before a line.
    Hole(u64),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Offset of the first byte.
    pub(crate) start: u64,
    /// Offset after the last byte taken.
    pub(crate) end: u64,
    pub(crate) bytes: Vec<u8>,
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

pub(crate) struct LineReader<R> {
    reader: R,
    offset: u64,
    limit: usize,
    inside_line: bool,
    encoding: Encoding,
}

impl<R: BufRead> LineReader<R> {
    pub(crate) fn new(reader: R, offset: u64, limit: usize, inside_line: bool, encoding: Encoding) -> Self {
        Self { reader, offset, limit: limit.max(1), inside_line, encoding }
    }

    /// The next piece; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Piece>> {
        match (self.inside_line, self.encoding.is_wide()) {
            (true, false) => self.skip(),
            (false, false) => match self.hole()? {
                0 => self.line(),
                bytes => Ok(Some(Piece::Hole(bytes))),
            },
            (true, true) => self.skip_wide(),
            (false, true) => self.line_wide(),
        }
    }

    fn hole(&mut self) -> io::Result<u64> {
        let mut bytes = 0;
        loop {
            let buffer = fill(&mut self.reader)?;
            let taken = buffer.iter().position(|b| *b != 0).unwrap_or(buffer.len());
            if taken == 0 {
                return Ok(bytes);
            }
            self.reader.consume(taken);
            bytes += taken as u64;
            self.offset += taken as u64;
        }
    }

    fn skip(&mut self) -> io::Result<Option<Piece>> {
        let mut bytes = 0;
        loop {
            let buffer = fill(&mut self.reader)?;
            if buffer.is_empty() {
                return Ok((bytes > 0).then_some(Piece::Skipped { bytes, ended: false }));
            }
            let end = buffer.iter().position(|b| *b == b'\n');
            let taken = end.map_or(buffer.len(), |at| at + 1);
            self.reader.consume(taken);
            bytes += taken as u64;
            self.offset += taken as u64;
            if end.is_some() {
                self.inside_line = false;
                return Ok(Some(Piece::Skipped { bytes, ended: true }));
            }
        }
    }

    fn line(&mut self) -> io::Result<Option<Piece>> {
        let start = self.offset;
        let mut bytes = Vec::new();
        let ending = loop {
            let buffer = fill(&mut self.reader)?;
            if buffer.is_empty() {
                break Ending::EndOfFile;
            }
            let room = self.limit - bytes.len();
            if room == 0 && buffer[0] != b'\n' {
                self.inside_line = true;
                break Ending::Cut;
            }
            let window = &buffer[..buffer.len().min(room + 1)];
            if let Some(at) = window.iter().position(|b| *b == b'\n') {
                bytes.extend_from_slice(&window[..at]);
                self.reader.consume(at + 1);
                self.offset += at as u64 + 1;
                break Ending::Newline;
            }
            let taken = window.len().min(room);
            bytes.extend_from_slice(&window[..taken]);
            self.reader.consume(taken);
            self.offset += taken as u64;
        };
        if ending == Ending::EndOfFile && bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece::Line(Line { start, end: self.offset, bytes, ending })))
    }
}

/// Two bytes at a time; half a character at the end of the file is not there yet.
impl<R: BufRead> LineReader<R> {
    fn skip_wide(&mut self) -> io::Result<Option<Piece>> {
        let mut bytes = 0;
        while let Some(pair) = self.pair()? {
            bytes += 2;
            if self.encoding.unit(pair) == NEWLINE {
                self.inside_line = false;
                return Ok(Some(Piece::Skipped { bytes, ended: true }));
            }
        }
        Ok((bytes > 0).then_some(Piece::Skipped { bytes, ended: false }))
    }

    fn line_wide(&mut self) -> io::Result<Option<Piece>> {
        let start = self.offset;
        let mut bytes = Vec::new();
        let ending = loop {
            if bytes.len() >= self.limit {
                self.inside_line = true;
                break Ending::Cut;
            }
            match self.pair()? {
                None => break Ending::EndOfFile,
                Some(pair) if self.encoding.unit(pair) == NEWLINE => break Ending::Newline,
                Some(pair) => bytes.extend(pair),
            }
        };
        if ending == Ending::EndOfFile && bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Piece::Line(Line { start, end: self.offset, bytes: self.encoding.to_utf8(bytes), ending })))
    }

    fn pair(&mut self) -> io::Result<Option<[u8; 2]>> {
        let mut pair = [0; 2];
        for byte in &mut pair {
            let Some(next) = fill(&mut self.reader)?.first() else { return Ok(None) };
            *byte = *next;
            self.reader.consume(1);
        }
        self.offset += 2;
        Ok(Some(pair))
    }
}

/// The next bytes; a call that a signal interrupted is made again.
fn fill<R: BufRead>(reader: &mut R) -> io::Result<&[u8]> {
    loop {
        match reader.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // The first call filled the buffer, so this one only lends it.
    reader.fill_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], limit: usize) -> Vec<(Vec<u8>, Ending)> {
        let mut reader = LineReader::new(text, 0, limit, false, Encoding::Utf8);
        let mut found = Vec::new();
        while let Some(piece) = reader.next().unwrap() {
            if let Piece::Line(line) = piece {
                found.push((line.bytes, line.ending));
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
        let mut reader = LineReader::new(&b"a\0b\n\0\0\0c\n"[..], 0, 2, false, Encoding::Utf8);
        let line = |start, end, bytes: &[u8], ending| {
            Piece::Line(Line { start, end, bytes: bytes.to_vec(), ending })
        };
        let mut pieces = Vec::new();
        while let Some(piece) = reader.next().unwrap() {
            pieces.push(piece);
        }
        let expected = vec![
            line(0, 2, b"a\0", Ending::Cut),
            Piece::Skipped { bytes: 2, ended: true },
            Piece::Hole(3),
            line(7, 9, b"c", Ending::Newline),
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_open_until_its_end_is_seen() {
        assert_eq!(all(b"abc", 3), vec![(b"abc".to_vec(), Ending::EndOfFile)]);
        assert_eq!(all(b"abc\n", 3), vec![(b"abc".to_vec(), Ending::Newline)]);
    }
}
