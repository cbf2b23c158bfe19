//! A template as a sequence of words, separators and masked positions.

use super::hash;
use super::token::{self, Kind, Token};

/// How a masked position is written.
pub(super) const MASK: &str = "<*>";

/// How the template for all messages whose own had to make room is written.
pub(super) const OTHER: &str = "<other>";

/// One position of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    /// The word or separator; of a part, its letters with marks for the digits; of a value, the mark.
    pub(super) text: Box<str>,
    pub(super) spaced: bool,
    /// What the position counts as in the hash of a pattern.
    pub(super) hash: u64,
}

impl Piece {
    fn new(token: Token<'_>) -> Self {
        let text: Box<str> = match token.kind {
            Kind::Word | Kind::Mark => String::from_utf8_lossy(token.text).into(),
            Kind::Part => digits_masked(token.text).into(),
            Kind::Value => MASK.into(),
        };
        Self { kind: token.kind, text, spaced: token.spaced, hash: coarse(token) }
    }

    /// The one position of the template for all messages whose own had to make room.
    pub(super) fn other() -> Self {
        Self { kind: Kind::Word, text: OTHER.into(), spaced: false, hash: hash::OTHER }
    }

    /// A position from its stored form.
    pub(super) fn stored(kind: Kind, text: &str, spaced: bool) -> Self {
        // No message has such a word, since angle brackets stand alone.
        if text == OTHER {
            return Self::other();
        }
        let hash = coarse(Token { kind, text: text.as_bytes(), spaced });
        Self { kind, text: text.into(), spaced, hash }
    }

    /// Shows what differs from another value in the same place as a value; true where that changes it.
    pub(super) fn widen(&mut self, other: &Self) -> bool {
        let differs = self.hash == hash::VALUE && self.text != other.text && &*self.text != MASK;
        if differs {
            self.mask();
        }
        differs
    }

    /// Makes the position hold any word.
    pub(super) fn mask(&mut self) {
        self.kind = Kind::Value;
        self.text = MASK.into();
        self.hash = hash::VALUE;
    }
}

fn digits_masked(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut out = String::with_capacity(text.len());
    let mut digits = false;
    for c in text.chars() {
        if c.is_ascii_digit() {
            if !std::mem::replace(&mut digits, true) {
                out.push_str(MASK);
            }
        } else {
            digits = false;
            out.push(c);
        }
    }
    out
}

/// What a token counts as among patterns: a word with digits is a value like any other.
fn coarse(token: Token<'_>) -> u64 {
    match token.kind {
        Kind::Word | Kind::Mark => hash::word(token.text),
        Kind::Part | Kind::Value => hash::VALUE,
    }
}

/// The hash of a message with its values masked; equal for messages that surely come from one statement.
pub(super) fn fine(message: &[u8]) -> u64 {
    let (mut sequence, mut count) = (0, 0);
    token::walk(message, &mut |token| {
        let word = match token.kind {
            Kind::Word | Kind::Mark => hash::word(token.text),
            Kind::Part => hash::part(token.text),
            Kind::Value => hash::VALUE,
        };
        sequence = hash::push(sequence, word);
        count += 1;
        count < token::TOKENS
    });
    sequence
}

/// The positions of a message; parts that repeat, such as the items of a list, stand once.
pub(super) fn pieces(message: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    token::walk(message, &mut |token| {
        pieces.push(Piece::new(token));
        pieces.len() < token::TOKENS
    });
    name_keys(&mut pieces);
    once(pieces)
}

/// Makes names of keys and functions words, though they have digits in them: another name is another statement.
fn name_keys(pieces: &mut [Piece]) {
    for at in 1..pieces.len() {
        let names = !pieces[at].spaced && matches!(&*pieces[at].text, "=" | "(");
        let piece = &mut pieces[at - 1];
        if names && piece.kind == Kind::Part {
            piece.kind = Kind::Word;
            piece.hash = hash::word(piece.text.as_bytes());
        }
    }
}

/// Positions of the longest part that is looked for again right behind itself.
const LONGEST_PART: usize = 8;

/// Leaves out what repeats the part before it: how often a statement writes a part with a value is a value, too.
fn once(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        kept.push(piece);
        let repeated = (1..=LONGEST_PART.min(kept.len() / 2)).find(|length| {
            let (before, last) = kept.split_at(kept.len() - length);
            let same = before[before.len() - length..].iter().zip(last).all(|(a, b)| a.hash == b.hash);
            // Numbers side by side are fields; only what stands between separators or words is a list.
            same && last.iter().any(|piece| piece.hash == hash::VALUE)
                && (*length > 1 || last[0].kind == Kind::Part)
        });
        if let Some(length) = repeated {
            let again = kept.split_off(kept.len() - length);
            let start = kept.len() - length;
            for (known, again) in kept[start..].iter_mut().zip(&again) {
                known.widen(again);
            }
        }
    }
    kept
}

/// The hash of a pattern.
pub(super) fn key(pieces: &[Piece]) -> u64 {
    pieces.iter().fold(pieces.len() as u64, |sequence, piece| hash::push(sequence, piece.hash))
}

/// The hash of the same pattern with one position masked.
pub(super) fn masked(key: u64, pieces: &[Piece], at: usize) -> u64 {
    let difference = hash::VALUE.wrapping_sub(pieces[at].hash);
    key.wrapping_add(difference.wrapping_mul(hash::weight(pieces.len() - 1 - at)))
}

/// The pattern as text.
pub(super) fn text(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        if piece.spaced && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&piece.text);
    }
    text
}
