//! Lines of a log with a limit on their length.
//!
//! A line beyond the limit comes as its first bytes; its rest is skipped, even over several scans, so that no input can
//! claim more memory than the limit. Where a line is cut depends on its bytes alone, never on where a scan stopped.

use std::io::{self, BufRead};

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
}

impl<R: BufRead> LineReader<R> {
    pub(crate) fn new(reader: R, offset: u64, limit: usize, inside_line: bool) -> Self {
        Self { reader, offset, limit: limit.max(1), inside_line }
    }

    /// The next piece; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Piece>> {
        if self.inside_line { self.skip() } else { self.line() }
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
        let mut reader = LineReader::new(text, 0, limit, false);
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
    fn a_line_of_exactly_the_limit_is_open_until_its_end_is_seen() {
        assert_eq!(all(b"abc", 3), vec![(b"abc".to_vec(), Ending::EndOfFile)]);
        assert_eq!(all(b"abc\n", 3), vec![(b"abc".to_vec(), Ending::Newline)]);
    }
}
