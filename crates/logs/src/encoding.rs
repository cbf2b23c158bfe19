//! What the bytes of a file are: UTF-8, UTF-16 behind its mark, entries of a journal, or no text at all.
//!
//! Programs of other systems write logs as UTF-16; those are told by their first two bytes alone. A file that begins as
//! a compressed file, a program or a database does is no log, and is passed over as a whole. In other files, single
//! lines that cannot be text are passed over, judged by their own bytes only: nothing that somebody else writes into a
//! log may hide what a program writes there.

use crate::header;
use crate::unwrap::export;

/// How the text of a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, or anything like ASCII.
    Utf8,
    /// UTF-16, the lower byte first.
    Utf16Low,
    /// UTF-16, the higher byte first.
    Utf16High,
    /// Entries of an exported journal, and UTF-8 between them.
    Journal,
    /// No text.
    Binary,
}

/// How well-known files that are no text begin.
const MAGIC: [&[u8]; 10] = [
    b"\x1f\x8b\x08",
    b"\x7fELF",
    b"\x89PNG\r\n",
    b"PK\x03\x04",
    b"SQLite format 3\0",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ\0",
    b"BZh91AY&SY",
    b"LPKSHHRH",
    b"\xff\xd8\xff",
];
/// First bytes of a line of which one at least is no text where the line is none.
const BEGINNING: usize = 16;
/// Bytes of a line that are counted.
const COUNTED: usize = 4096;

impl Encoding {
    /// What a file is that begins with these bytes.
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0xff, 0xfe, ..] => Self::Utf16Low,
            [0xfe, 0xff, ..] => Self::Utf16High,
            _ if head.starts_with(export::SIGN) => Self::Journal,
            _ if MAGIC.iter().any(|magic| head.starts_with(magic)) => Self::Binary,
            _ => Self::Utf8,
        }
    }

    /// Whether characters take two bytes, so that a byte alone is no line end.
    pub(crate) fn is_wide(self) -> bool {
        match self {
            Self::Utf16Low | Self::Utf16High => true,
            Self::Utf8 | Self::Journal | Self::Binary => false,
        }
    }

    /// The character of two bytes.
    pub(crate) fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Utf16High => u16::from_be_bytes(bytes),
            Self::Utf16Low | Self::Utf8 | Self::Journal | Self::Binary => u16::from_le_bytes(bytes),
        }
    }

    /// The bytes of a line as UTF-8, where they are not.
    pub(crate) fn to_utf8(self, bytes: Vec<u8>) -> Vec<u8> {
        if !self.is_wide() {
            return bytes;
        }
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| self.unit(*pair)).collect();
        String::from_utf16_lossy(&units).into_bytes()
    }
}

/// Whether a line cannot be text: its beginning is none, control characters are many, and it has no header that a program
/// would write.
pub(crate) fn is_garbage(line: &[u8]) -> bool {
    const FEW: usize = 3;
    const ONE_IN: usize = 20;
    let beginning = &line[..line.len().min(BEGINNING)];
    let broken = str::from_utf8(beginning).is_err_and(|error| error.error_len().is_some());
    if !broken && !beginning.iter().any(|byte| is_control(*byte)) {
        return false;
    }
    let counted = &line[..line.len().min(COUNTED)];
    let controls = counted.iter().filter(|byte| is_control(**byte)).count();
    let many = controls >= FEW && controls * ONE_IN >= counted.len();
    many && header::parse(&String::from_utf8_lossy(counted)).is_none()
}

/// Control characters but those that programs print: tab, line ends, backspace, bell, form feed, escape.
fn is_control(byte: u8) -> bool {
    matches!(byte, 0..=6 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        for (line, expected) in [
            (&b"2026-11-05T10:00:00Z ERROR \0\0\0\0\0\0\0\0"[..], false),
            (b"ValueError: bad input \x01\x02\x03\x04\x05\x06", false),
            (b"\x1b[31mred\x1b[0m\x1b[1m", false),
            (b"\xc2\xfb\xef\xee\xeb\xed\xe5\xed\xee", false),
            (b"KeyError: 'x'\0", false),
            (b"", false),
            (b"\x03\x91\x00\x12\xfe\x7f\x01\x88\x00\x00", true),
        ] {
            assert_eq!(is_garbage(line), expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn two_bytes_are_one_character_behind_the_mark() {
        let low = Encoding::of(b"\xff\xfea\0");
        let high = Encoding::of(b"\xfe\xff\0a");
        assert_eq!((low, low.to_utf8(b"a\0\xe4\0".to_vec())), (Encoding::Utf16Low, "aä".as_bytes().to_vec()));
        assert_eq!(
            (high, high.to_utf8(b"\0a\0\xe4".to_vec())),
            (Encoding::Utf16High, "aä".as_bytes().to_vec())
        );
        assert_eq!(Encoding::of(b"\x1f\x8b\x08\0"), Encoding::Binary);
        assert_eq!(Encoding::of(b"\xef\xbb\xbfa"), Encoding::Utf8);
    }
}
