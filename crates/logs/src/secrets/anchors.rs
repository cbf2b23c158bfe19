//! Whether a text can hold a secret at all, at a speed near that of reading it.
//!
//! Hardly any line of a log holds a secret, so what decides the speed is how fast a line without one is let go. Every
//! kind of secret shows one of four things: a sign such as `=` right behind a telling name, a word that its kind always
//! holds, a rare sign such as `%` with certain neighbours, or a long run of encoded bytes. The bytes before a sign are
//! looked up, the words are searched all at once, and long runs are met by looking at few bytes. Each hit is checked a
//! little further, so that times, addresses and class names do not count. Many lines at once are let go faster than one
//! by one. What is let go here is not looked at again: no rule may find anything where this says no.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Input, Span};

use super::names;

/// How far around a word its check looks.
const NEAR: usize = 400;
/// Shortest run of encoded bytes that may be a line of a key block.
const KEY_LINE: usize = 60;
/// Shortest run that may be a token without a word of its own.
const RUN: usize = 25;

/// Words of which every secret holds one, but for those that a name, a rare sign or a long run gives away. More than 32
/// words take twice the time.
const WORDS: [&str; 32] = [
    "://",
    "PRIVATE KEY",
    "Private-",
    "eyJ",
    "earer ",
    "EARER ",
    "asic ",
    "ASIC ",
    "AKIA",
    "ASIA",
    "AROA",
    "AIDA",
    "AGPA",
    "ANPA",
    "ANVA",
    "ya29.",
    "hooks",
    "SG.",
    "hvs.",
    "u003",
    " --",
    "'--",
    "\"--",
    "mysql",
    "curl ",
    "sshpass",
    "ASSWORD",
    "assword",
    "DENTIFIED",
    "dentified",
    "tcp(",
    "nix(",
];

/// Beginnings of tokens that are long enough to be met as a run.
const BEGINNINGS: [&[u8]; 71] = [
    b"1//0",
    b"AAAA",
    b"ABSK",
    b"AGE-SECRET-KEY-",
    b"AIza",
    b"ATATT3",
    b"ATCTT3",
    b"EAAA",
    b"FwoGZXIvYXdz",
    b"GOCSPX-",
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
    b"dckr_oat_",
    b"dckr_pat_",
    b"doo_v1_",
    b"dop_v1_",
    b"figd_",
    b"gho_",
    b"ghp_",
    b"ghr_",
    b"ghs_",
    b"ghu_",
    b"github_pat_",
    b"glagent-",
    b"glc_",
    b"glcbt-",
    b"gldt-",
    b"glft-",
    b"gloas-",
    b"glpat-",
    b"glptt-",
    b"glrt-",
    b"glsa_",
    b"glsoat-",
    b"gsk_",
    b"hf_",
    b"hvb.",
    b"hvr.",
    b"key-",
    b"lin_api_",
    b"npm_",
    b"ntn_",
    b"nvapi-",
    b"pk_live_",
    b"pk_test_",
    b"pplx-",
    b"pul-",
    b"pypi-",
    b"r8_",
    b"rk_live_",
    b"rk_test_",
    b"rubygems_",
    b"sbp_",
    b"shp",
    b"sk-",
    b"sk_live_",
    b"sk_test_",
    b"sntry",
    b"tskey-",
    b"whsec_",
    b"xai-",
    b"xapp-",
    b"xox",
];

/// All texts that are looked for.
pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
    let beginnings = BEGINNINGS.iter().filter_map(|beginning| str::from_utf8(beginning).ok());
    WORDS.iter().copied().chain(beginnings)
}

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
    WAYS.iter().any(|next| next(text, 0).is_some())
}

/// The lines in which a rule may find anything, in order, without their ends; in all others none does.
pub(crate) fn lines(text: &[u8]) -> Vec<Range<usize>> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut hits = WAYS.map(|next| next(text, 0));
    while let Some(hit) = hits.iter().flatten().min().copied() {
        let start = memchr::memrchr(b'\n', &text[..hit]).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', &text[hit..]).map_or(text.len(), |length| hit + length);
        lines.push(start..end);
        for (found, next) in hits.iter_mut().zip(WAYS) {
            if found.is_some_and(|at| at <= end) {
                *found = next(text, end + 1);
            }
        }
    }
    lines
}

/// The first place from an offset on that may belong to a secret.
type Next = fn(&[u8], usize) -> Option<usize>;

const WAYS: [Next; 4] = [next_sign, next_word, next_rare, next_run];

fn next_sign(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let mut signs = memchr::memchr3_iter(b'=', b':', b'>', rest).map(|at| from + at);
    signs.find(|sign| names::is_behind_name(text, *sign))
}

fn next_word(text: &[u8], mut from: usize) -> Option<usize> {
    while from < text.len()
        && let Some(found) = SEARCH.next(text, from)
    {
        if is_likely(text, found) {
            return Some(found.start);
        }
        from = found.start + 1;
    }
    None
}

/// Signs that are rare, so that the forms around them need no words.
fn next_rare(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    memchr::memchr3_iter(b'%', b'$', b'~', rest).map(|at| from + at).find(|at| {
        let (before, behind) = (&text[..*at], &text[at + 1..]);
        match text[*at] {
            b'%' => matches!(behind, [b'3', b'd' | b'D' | b'a' | b'A', ..]),
            b'$' => matches!(behind, [b'2', b'a' | b'b' | b'y', b'$', ..]) || behind.starts_with(b"argon2"),
            _ => matches!(before, [.., b'7' | b'8', b'Q']),
        }
    })
}

fn is_likely(text: &[u8], found: Span) -> bool {
    let behind = &text[found.end..text.len().min(found.end + NEAR)];
    let has = |word: &[u8]| memchr::memmem::find(behind, word).is_some();
    match &text[found.start..found.end] {
        b"://" => {
            let part = behind.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(behind.len());
            memchr::memchr(b'@', &behind[..part]).is_some()
        }
        b"asic " | b"ASIC " => {
            let run = &behind[..behind.iter().take_while(|b| is_encoded(**b)).count()];
            run.len() >= 6 && (run.iter().any(u8::is_ascii_digit) || behind.get(run.len()) == Some(&b'='))
        }
        b"tcp(" => text[..found.start].ends_with(b"@"),
        b"nix(" => text[..found.start].ends_with(b"@u"),
        b"hooks" => behind.starts_with(b".slack.com/") || behind.starts_with(b"/"),
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

/// The next run of encoded bytes that is a token, or as long as a line of a key block.
fn next_run(text: &[u8], from: usize) -> Option<usize> {
    // A run that is long enough holds one of the places looked at, and reaches half its length to one side of it.
    const NEAR_SIDE: [usize; 4] = [3, 6, 9, RUN / 2];
    let in_run = |at: usize| text.get(at).is_some_and(|b| ENCODED[usize::from(*b)]);
    let mut at = from + RUN - 1;
    while at < text.len() {
        let reaches = in_run(at)
            && (NEAR_SIDE.iter().all(|near| in_run(at + near))
                || NEAR_SIDE.iter().all(|near| in_run(at - near)));
        if !reaches {
            at += RUN;
            continue;
        }
        let before = text[from..at].iter().rev().take_while(|b| is_encoded(**b)).count();
        let behind = text[at..].iter().take_while(|b| is_encoded(**b)).count();
        if before + behind >= RUN && is_run(text, at - before..at + behind) {
            return Some(at - before);
        }
        at += behind + RUN;
    }
    None
}

/// [`is_encoded`] for every byte.
const ENCODED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'+' || b == b'/';
        byte += 1;
    }
    table
};

fn is_run(text: &[u8], run: Range<usize>) -> bool {
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
    let last = run.len() - 8;
    let mut signs =
        run[..last - 1].iter().enumerate().filter(|(_, b)| matches!(b, b'-' | b'_' | b'+' | b'/'));
    begins(0) || signs.any(|(at, _)| begins(at + 1))
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
    ENCODED[usize::from(b)]
}

/// Upper case, lower case and digits together, as in encoded bytes.
pub(super) fn is_mixed(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_uppercase)
        && text.iter().any(u8::is_ascii_lowercase)
        && text.iter().any(u8::is_ascii_digit)
}
