//! Whether a text can hold a secret at all, at a speed near that of reading it.
//!
//! Hardly any line of a log holds a secret, so what decides the speed is how fast a line without one is let go. Every
//! kind of secret shows one of three things: a sign such as `=` right behind a telling name, a word that its kind always
//! holds, or a long run of encoded bytes. The bytes before a sign are looked up, the words are searched all at once, and
//! long runs are met by looking at few bytes. Each hit is checked a little further, so that times, addresses and class
//! names do not count. What is let go here is not looked at again: no rule may find anything where this says no.

use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Input, Span};

use super::names;

/// How far around a word its check looks.
const NEAR: usize = 400;
/// Shortest run of encoded bytes that may be a line of a key block.
const KEY_LINE: usize = 60;
/// Shortest run that may be a token without a word of its own.
const RUN: usize = 27;

/// Words of which every secret holds one, but for those that a name or a long run gives away.
const WORDS: [&str; 64] = [
    "://",
    "BEGIN ",
    "-END ",
    "eyJ",
    "earer ",
    "EARER ",
    "AKIA",
    "ASIA",
    "AROA",
    "AIDA",
    "AGPA",
    "ANPA",
    "ANVA",
    "AIza",
    "ya29.",
    "GOCSPX-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "glcbt-",
    "glptt-",
    "xox",
    "xapp-",
    "slack.com/",
    "k_live_",
    "k_test_",
    "whsec_",
    "sk-",
    "hf_",
    "npm_",
    "pypi-",
    "SG.",
    "u003",
    "%3D",
    "%3d",
    "%3A",
    "%3a",
    " --",
    "'--",
    "\"--",
    "mysql",
    "curl ",
    "sshpass",
    "$2a$",
    "$2b$",
    "$2y$",
    "$argon2",
    "Private-",
    "7Q~",
    "8Q~",
    "hvs.",
    "ASSWORD",
    "assword",
    "DENTIFIED",
    "dentified",
    "tcp(",
    "webhooks/",
    "asic ",
];

/// Beginnings of tokens that are long enough to be met as a run.
const BEGINNINGS: [&[u8]; 43] = [
    b"1//0",
    b"AAAA",
    b"ABSK",
    b"AGE-SECRET-KEY-",
    b"ATATT3",
    b"ATCTT3",
    b"EAAA",
    b"FwoGZXIvYXdz",
    b"GR1348941",
    b"IQoJb3JpZ2lu",
    b"MC4CAQAwBQYDK2Vw",
    b"MHcCAQEE",
    b"NRAK-",
    b"PMAK-",
    b"SK",
    b"b3BlbnNzaC1rZXktdjE",
    b"cio",
    b"dapi",
    b"doo_v1_",
    b"dop_v1_",
    b"figd_",
    b"glagent-",
    b"glc_",
    b"glft-",
    b"gloas-",
    b"glsa_",
    b"glsoat-",
    b"gsk_",
    b"hvb.",
    b"hvr.",
    b"key-",
    b"lin_api_",
    b"ntn_",
    b"nvapi-",
    b"pplx-",
    b"pul-",
    b"r8_",
    b"rubygems_",
    b"sbp_",
    b"shp",
    b"sntry",
    b"tskey-",
    b"xai-",
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
    memchr::memchr3_iter(b'=', b':', b'>', text).any(|sign| names::is_behind_name(text, sign))
        || words(text)
        || runs(text)
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
    let run = |least: usize| behind.iter().take(least).take_while(|b| is_token(**b)).count() == least;
    let has = |word: &[u8]| memchr::memmem::find(behind, word).is_some();
    match &text[found.start..found.end] {
        b"://" => {
            let part = behind.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(behind.len());
            memchr::memchr(b'@', &behind[..part]).is_some()
        }
        b"BEGIN " | b"-END " => has(b"PRIVATE KEY"),
        b"sk-" => run(16),
        b"xox" | b"npm_" | b"hf_" | b"_pat_" => run(8),
        b"assword" | b"ASSWORD" => says_password(behind),
        b" --" | b"'--" | b"\"--" => {
            let name = behind.iter().take_while(|b| is_token(**b) || **b == b'.').count();
            names::ends_name(&behind[..name])
        }
        b"mysql" => has(b"-p"),
        b"curl " => has(b"-u") || has(b"user"),
        b"u003" => behind.first().is_some_and(|b| b"aAdD".contains(b)),
        _ => true,
    }
}

/// As in "password is" and unlike "password for".
fn says_password(behind: &[u8]) -> bool {
    const SAYS: [&[u8]; 9] = [b"'", b"=", b"(", b"E'", b"N'", b"is", b"was", b"set to", b"changed to"];
    let words = behind.trim_ascii_start();
    SAYS.iter().any(|word| words.starts_with(word)) || words.starts_with(b"reset to")
}

/// Whether a run of encoded bytes is a token, or as long as a line of a key block.
fn runs(text: &[u8]) -> bool {
    let in_run = |at: usize| text.get(at).is_some_and(|b| is_encoded(*b));
    let half = RUN / 2;
    let mut at = RUN - 1;
    while at < text.len() {
        // A run that is long enough reaches half its length to one side at least.
        let reaches = in_run(at) && (in_run(at - half) || in_run(at + half));
        if !reaches {
            at += RUN;
            continue;
        }
        let before = text[..at].iter().rev().take_while(|b| is_encoded(**b)).count();
        let behind = text[at..].iter().take_while(|b| is_encoded(**b)).count();
        if before + behind >= RUN && is_run(text, at - before..at + behind) {
            return true;
        }
        at += behind + RUN;
    }
    false
}

fn is_run(text: &[u8], run: std::ops::Range<usize>) -> bool {
    let part = &text[run.clone()];
    let digits = || text[..run.start].iter().rev().skip(1).take_while(|b| b.is_ascii_digit()).count();
    (part.len() >= KEY_LINE && is_mixed(part))
        || begins_as_token(part)
        || (text[..run.start].ends_with(b":") && digits() >= 8)
        || (text[..run.start].ends_with(b".") && is_mixed(part))
}

/// Whether a token begins at a word of the run.
fn begins_as_token(run: &[u8]) -> bool {
    let begins = |at: usize| {
        FIRST[first(run[at], run[at + 1])]
            && BEGINNINGS.iter().any(|beginning| run[at..].starts_with(beginning))
    };
    (0..run.len() - 8).any(|at| (at == 0 || !run[at - 1].is_ascii_alphanumeric()) && begins(at))
}

/// Marks the first two letters of all beginnings, so that nearly all words are told from them by one look.
static FIRST: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let mut table = vec![false; 1 << 12];
    BEGINNINGS.iter().for_each(|beginning| table[first(beginning[0], beginning[1])] = true);
    table
});

fn first(one: u8, two: u8) -> usize {
    ((usize::from(one) * 37) ^ usize::from(two)) & 0xfff
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

fn is_encoded(b: u8) -> bool {
    is_token(b) || b == b'+' || b == b'/'
}

/// Upper case, lower case and digits together, as in encoded bytes.
pub(super) fn is_mixed(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_uppercase)
        && text.iter().any(u8::is_ascii_lowercase)
        && text.iter().any(u8::is_ascii_digit)
}
