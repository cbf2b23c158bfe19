//! Whether a text can hold a secret at all, at a speed near that of reading it.
//!
//! Hardly any line of a log holds a secret, so what decides the speed is how fast a line without one is let go. Every
//! kind of secret shows one of three things: a sign such as `=` right behind a telling name, a word that its kind always
//! holds, or a long run of encoded bytes. The bytes before a sign are looked up, the words are searched all at once, and
//! long runs are met by looking at every sixtieth byte. Each hit is checked a little further, so that times, addresses
//! and class names do not count. What is let go here is not looked at again: no rule may find anything where this says no.

use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Input, Span};

/// How far around a word its check looks.
const NEAR: usize = 400;
/// Shortest run of encoded bytes that may be a line of a key block.
pub(super) const RUN: usize = 60;

/// Ends of names that tell of a secret, in lower case, whatever stands before them.
const NAME_ENDS: [&[u8]; 13] = [
    b"password",
    b"passwords",
    b"passwd",
    b"passphrase",
    b"pwd",
    b"secret",
    b"token",
    b"key",
    b"credential",
    b"credentials",
    b"authorization",
    b"cookie",
    b"cookies",
];

/// Words of which every secret with a known shape holds one.
const WORDS: [&str; 58] = [
    "://",
    "-BEGIN ",
    "-END ",
    "eyJ",
    "earer ",
    "EARER ",
    "earer\t",
    "AKIA",
    "ASIA",
    "AROA",
    "AIDA",
    "AGPA",
    "ANPA",
    "ANVA",
    "ABIA",
    "ACCA",
    "AIza",
    "ya29.",
    "GOCSPX-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "glcbt-",
    "glptt-",
    "glft-",
    "glsoat-",
    "glagent-",
    "gloas-",
    "xoxa-",
    "xoxb-",
    "xoxe-",
    "xoxo-",
    "xoxp-",
    "xoxr-",
    "xoxs-",
    "xapp-",
    "slack.com/",
    "k_live_",
    "k_test_",
    "whsec_",
    "sk-",
    "hf_",
    "gsk_",
    "xai-",
    "r8_",
    "npm_",
    "pypi-",
    "SG.",
    "BEARER\t",
    "Bearer\t",
    "bearer\t",
    "EARER\t",
];

static SEARCH: LazyLock<Search> = LazyLock::new(Search::new);

/// All words at once, by vector instructions where the machine has them.
struct Search {
    packed: Option<Searcher>,
    plain: AhoCorasick,
}

impl Search {
    fn new() -> Self {
        let packed = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(WORDS).build();
        let plain = AhoCorasick::new(WORDS).expect("the words are a small constant list");
        Self { packed, plain }
    }

    /// Where the next word begins and ends.
    fn next(&self, text: &[u8], from: usize) -> Option<Span> {
        let found = match &self.packed {
            Some(packed) => packed.find_in(text, Span::from(from..text.len())),
            None => self.plain.find(Input::new(text).range(from..)),
        };
        found.map(|found| found.span())
    }
}

/// False only where no rule finds anything.
pub(crate) fn any(text: &[u8]) -> bool {
    names(text) || words(text) || runs(text)
}

/// Whether a sign stands behind a telling name.
fn names(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'=', b':', text).any(|sign| is_behind_name(text, sign))
}

fn is_behind_name(text: &[u8], sign: usize) -> bool {
    // Nearly all signs stand in a time or behind a digit or another sign.
    match text[..sign].last() {
        Some(b'0'..=b'9' | b'=' | b':' | b'/' | b'-') | None => false,
        Some(_) => ends_as_name(&text[..sign]),
    }
}

/// Blanks, quotes and what escapes them may stand between a name and its sign.
fn ends_as_name(before: &[u8]) -> bool {
    let end = before.iter().rev().take(24).take_while(|b| b" \t\"'\\]`".contains(b)).count();
    let name = &before[..before.len() - end];
    // Few words end like one of the names, whose last letters are therefore looked at first.
    let [.., last_but_two, _, last] = name else { return false };
    let rare = matches!(
        (last_but_two.to_ascii_lowercase(), last.to_ascii_lowercase()),
        (b'o' | b's' | b'p', b'd')
            | (b'a' | b'k', b'e')
            | (b'r', b't')
            | (b'k' | b'i', b'n')
            | (b'k', b'y')
            | (b'i', b'l')
            | (b'a' | b'r' | b'i', b's')
    );
    rare && NAME_ENDS.iter().any(|word| ends_with(name, word))
}

fn ends_with(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}

/// Whether a word is there that passes its check.
fn words(text: &[u8]) -> bool {
    let mut from = 0;
    while let Some(found) = SEARCH.next(text, from) {
        if is_likely(text, found) {
            return true;
        }
        from = found.start + 1;
    }
    false
}

fn is_likely(text: &[u8], found: Span) -> bool {
    let behind = &text[found.end..text.len().min(found.end + NEAR)];
    match &text[found.start..found.end] {
        b"://" => {
            let part = behind.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(behind.len());
            memchr::memchr(b'@', &behind[..part]).is_some()
        }
        b"sk-" => behind.iter().take(16).take_while(|b| is_token(**b)).count() == 16,
        _ => true,
    }
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

/// Whether a run of encoded bytes is as long as a line of a key block.
fn runs(text: &[u8]) -> bool {
    let mut at = RUN - 1;
    while at < text.len() {
        if !is_encoded(text[at]) {
            at += RUN;
            continue;
        }
        let before = text[..at].iter().rev().take_while(|b| is_encoded(**b)).count();
        let behind = text[at..].iter().take_while(|b| is_encoded(**b)).count();
        if before + behind >= RUN && is_mixed(&text[at - before..at + behind]) {
            return true;
        }
        at += behind + RUN;
    }
    false
}

fn is_encoded(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'+' || b == b'/'
}

/// Upper case, lower case and digits together, as in encoded bytes.
fn is_mixed(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_uppercase)
        && text.iter().any(u8::is_ascii_lowercase)
        && text.iter().any(u8::is_ascii_digit)
}
