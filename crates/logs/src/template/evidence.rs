//! What the words at a position say: whether it holds a value, and how many different ones it takes to believe so.
//!
//! How many are enough depends on what stands before the position; a word in front of it, a key or quotes announce a
//! value, so that a few different words show one.

use std::collections::BTreeSet;

use super::pattern::{MASK, Piece};
use super::token::Kind;

/// True for a position that holds a value already, or a word that is likely one.
pub(super) fn is_soft(pieces: &[Piece], at: usize) -> bool {
    let piece = &pieces[at];
    piece.kind == Kind::Word
        && !is_state(&piece.text)
        && (is_name(&piece.text) || needed(pieces, at).is_some_and(|needed| needed < ANYWHERE))
}

/// How much the words at a position say that it holds a value: their number, more where they look like names.
pub(super) fn evidence(words: &BTreeSet<&str>) -> Option<usize> {
    if words.iter().any(|word| METHODS.contains(word)) {
        return None;
    }
    let shaped = words.iter().all(|word| is_name(word));
    Some(words.len() + usize::from(words.iter().any(|word| word.contains(MASK))) + usize::from(shaped))
}

/// True for what no prose holds: dotted, underscored and capitalised names.
pub(super) fn is_name(word: &str) -> bool {
    let inner = word.bytes().skip(1);
    let mixed = word.bytes().any(|b| b.is_ascii_lowercase()) && inner.clone().any(|b| b.is_ascii_uppercase());
    let ends = word.ends_with("Exception") || word.ends_with("Error");
    !ends && (mixed || word.bytes().any(|b| matches!(b, b'.' | b'/' | b'$' | b'<')))
}

/// What is done to a resource; another method is another event, however many there are.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// True for words in capitals: states and codes, of which each says something else.
pub(super) fn is_state(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// Words after which a name or value comes.
const BEFORE: [&str; 56] = [
    "account",
    "as",
    "at",
    "bean",
    "by",
    "channel",
    "class",
    "client",
    "column",
    "command",
    "component",
    "constraint",
    "container",
    "database",
    "device",
    "domain",
    "driver",
    "file",
    "for",
    "from",
    "group",
    "host",
    "id",
    "image",
    "in",
    "index",
    "interface",
    "job",
    "key",
    "member",
    "module",
    "name",
    "node",
    "of",
    "on",
    "package",
    "partition",
    "plugin",
    "pod",
    "process",
    "queue",
    "relation",
    "role",
    "schema",
    "server",
    "service",
    "session",
    "table",
    "task",
    "thread",
    "to",
    "topic",
    "user",
    "volume",
    "with",
    "worker",
];

/// Different words behind a word or bracket that announces a value.
const AFTER: usize = 3;

/// Words behind a first name from which on they are a sentence about it.
pub(super) const SENTENCE: usize = 4;

/// Different words where nothing announces a value.
pub(super) const ANYWHERE: usize = 6;

/// How many different words make a position a value; `None` where nothing else is constant.
pub(super) fn needed(pieces: &[Piece], at: usize) -> Option<usize> {
    const FIRST: usize = 12;
    const KEYED: usize = 5;
    const QUOTED: usize = 2;
    if !pieces.iter().enumerate().any(|(other, piece)| other != at && piece.kind == Kind::Word) {
        return None;
    }
    let Some(before) = at.checked_sub(1) else { return Some(FIRST) };
    let text = |at: usize| pieces.get(at).map_or("", |piece| &*piece.text);
    Some(match (pieces[before].kind, text(before)) {
        (Kind::Mark, "=" | ":") => KEYED,
        (Kind::Mark, "\"" | "'" | "`") if before > 0 && text(before - 1) == "=" => KEYED,
        (Kind::Mark, quote @ ("\"" | "'" | "`")) if text(at + 1) == quote => QUOTED,
        (Kind::Mark, "\"" | "'" | "`" | "[" | "<" | "{" | "(") => AFTER,
        (Kind::Word, word) if announces(word) => AFTER,
        (Kind::Word | Kind::Mark | Kind::Part | Kind::Value, _) => ANYWHERE,
    })
}

/// True for a word after which a name or value comes, however it is written.
fn announces(word: &str) -> bool {
    const LONGEST: usize = 10;
    let mut lower = [0; LONGEST];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    BEFORE.binary_search_by(|known| known.as_bytes().cmp(lower)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_announces_a_value_is_found_however_it_is_written() {
        assert!(BEFORE.iter().all(|word| announces(word) && announces(&word.to_ascii_uppercase())));
        assert!(
            !["", "a", "fromage", "constraints", "a long word that is in no list"]
                .iter()
                .any(|word| announces(word))
        );
    }
}
