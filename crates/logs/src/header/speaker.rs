//! The name of the program that speaks, of one word or of several, before a dash: `chrome.exe - `, `Cloud.exe *64 - `.
//!
//! Where names have one word, they are a column as any other (`super::learn`). Several words look like prose, so they
//! count only where nearly all lines of a source have few such names, each of which begins with a word of joined parts.

use std::collections::BTreeSet;

use memchr::memmem;

use super::facts::{self, MANY};

/// Bytes of a name at most, and words.
const LONGEST: usize = 48;
const WORDS: usize = 3;

/// The length of the name that a message begins with.
pub(super) fn name(message: &[u8]) -> Option<usize> {
    let reach = &message[..message.len().min(LONGEST)];
    let length = reach.windows(DASH.len()).position(|signs| signs == DASH)?;
    let mut words = message[..length].split(|b| *b == b' ');
    let first = words.next().filter(|word| facts::is_dotted(word) && !word.ends_with(b":"))?;
    let others = words.clone().count() < WORDS && words.all(|word| !word.is_empty());
    (!first.contains(&b'/') && others).then_some(length)
}

pub(super) const DASH: &[u8] = b" - ";

/// Whether nearly all of the messages begin with one of few names.
pub(super) fn is_named(messages: &[&[u8]]) -> bool {
    let mut names = BTreeSet::new();
    let mut behind = BTreeSet::new();
    let mut named = 0;
    for message in messages {
        let Some(length) = name(message) else { continue };
        named += 1;
        names.insert(&message[..length]);
        let rest = &message[length + DASH.len()..];
        behind.insert(&rest[..memmem::find(rest, b" ").unwrap_or(rest.len())]);
    }
    let several = names.iter().any(|name| name.contains(&b' '));
    named >= MANY
        && named * 20 >= messages.len() * 19
        && several
        && names.len() * 4 <= named
        && behind.len() >= 3
}
