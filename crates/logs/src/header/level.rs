//! The words and signs by which programs say how serious a line is.
//!
//! Some of the words are ordinary ones, so only a place in which a level stands makes them one; the callers know it.

use crate::record::Level;

/// The words by their length, from three letters on.
const WORDS: [&[Word]; 9] = [
    &[
        Word::new(b"trc", Level::Trace),
        Word::new(b"dbg", Level::Debug),
        Word::new(b"deb", Level::Debug),
        Word::new(b"vrb", Level::Debug),
        Word::new(b"inf", Level::Info),
        Word::new(b"log", Level::Info),
        Word::new(b"wrn", Level::Warning),
        Word::new(b"err", Level::Error),
        Word::new(b"ftl", Level::Critical),
        Word::new(b"crt", Level::Critical),
    ],
    &[
        Word::new(b"info", Level::Info),
        Word::new(b"warn", Level::Warning),
        Word::new(b"trce", Level::Trace),
        Word::new(b"dbug", Level::Debug),
        Word::new(b"fine", Level::Debug),
        Word::new(b"verb", Level::Debug),
        Word::new(b"note", Level::Info),
        Word::new(b"eror", Level::Error),
        Word::new(b"erro", Level::Error),
        Word::new(b"fail", Level::Error),
        Word::new(b"fatl", Level::Critical),
        Word::new(b"crit", Level::Critical),
    ],
    &[
        Word::new(b"error", Level::Error),
        Word::new(b"debug", Level::Debug),
        Word::new(b"trace", Level::Trace),
        Word::new(b"finer", Level::Trace),
        Word::new(b"silly", Level::Trace),
        Word::new(b"fatal", Level::Critical),
        Word::new(b"panic", Level::Critical),
        Word::new(b"alert", Level::Critical),
        Word::new(b"emerg", Level::Critical),
    ],
    &[
        Word::new(b"notice", Level::Info),
        Word::new(b"finest", Level::Trace),
        Word::new(b"config", Level::Info),
        Word::new(b"severe", Level::Error),
        Word::new(b"dpanic", Level::Critical),
    ],
    &[
        Word::new(b"warning", Level::Warning),
        Word::new(b"verbose", Level::Debug),
        Word::new(b"failure", Level::Error),
    ],
    &[Word::new(b"warnings", Level::Warning), Word::new(b"critical", Level::Critical)],
    &[Word::new(b"emergency", Level::Critical)],
    &[],
    &[Word::new(b"information", Level::Info)],
];

/// A word of the table, which its ends tell from the others of its length.
struct Word {
    text: &'static [u8],
    ends: u64,
    level: Level,
}

impl Word {
    const fn new(text: &'static [u8], level: Level) -> Self {
        Self { text, ends: ends(text), level }
    }
}

/// The first and the last four bytes in lower case, which is all of most words; of three bytes, those.
const fn ends(text: &[u8]) -> u64 {
    let n = text.len();
    let (first, last) = if n > 3 {
        ([text[0], text[1], text[2], text[3]], [text[n - 4], text[n - 3], text[n - 2], text[n - 1]])
    } else {
        ([text[0], text[1], text[2], 0], [0; 4])
    };
    (u32::from_le_bytes(first) as u64 | (u32::from_le_bytes(last) as u64) << 32) | 0x2020_2020_2020_2020
}

/// The level that a whole word names, in any case.
pub(crate) fn word(text: &[u8]) -> Option<Level> {
    let words = *WORDS.get(text.len().checked_sub(3)?)?;
    if words.is_empty() {
        return None;
    }
    let ends = ends(text);
    let found = words.iter().find(|word| word.ends == ends)?;
    let same = text.len() <= 8 || text.iter().zip(found.text).all(|(said, known)| said | 32 == *known);
    same.then_some(found.level)
}

/// The level of a single letter in a column of them.
pub(crate) fn letter(letter: u8) -> Option<Level> {
    Some(match letter {
        b'T' => Level::Trace,
        b'D' | b'V' => Level::Debug,
        b'I' | b'N' => Level::Info,
        b'W' => Level::Warning,
        b'E' => Level::Error,
        b'F' | b'C' | b'A' => Level::Critical,
        _ => return None,
    })
}

/// The level of the sign that Redis puts behind the time.
pub(crate) fn sign(sign: u8) -> Option<Level> {
    Some(match sign {
        b'.' | b'-' => Level::Debug,
        b'*' => Level::Info,
        b'#' => Level::Warning,
        _ => return None,
    })
}

/// The level of a priority as syslog numbers it: facility times eight, plus severity.
pub(crate) fn priority(number: u16) -> Option<Level> {
    Some(match number % 8 {
        0..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By comparing with one word after another.
    fn slowly(text: &[u8]) -> Option<Level> {
        let lower: Vec<u8> = text.iter().map(|b| b | 32).collect();
        WORDS.iter().copied().flatten().find(|word| word.text == lower).map(|word| word.level)
    }

    proptest! {
        #[test]
        fn a_level_is_its_whole_word_in_any_case(
            at in 0_usize..9, which in 0_usize..12, other in "[a-zA-Z ]{1,12}", place in 0_usize..12, change: bool, upper: bool,
        ) {
            let word = WORDS[at].get(which % WORDS[at].len().max(1)).map_or(&b"x"[..], |word| word.text);
            let mut text = if upper { word.to_ascii_uppercase() } else { word.to_vec() };
            if change {
                let place = place % text.len();
                text[place] = other.as_bytes()[0];
            }
            prop_assert_eq!(super::word(&text), slowly(&text));
            prop_assert_eq!(super::word(other.as_bytes()), slowly(other.as_bytes()));
        }
    }
}
