//! Whether a line can begin a stack trace at all.
//!
//! Nearly no line of a log does, and asking every language of every line costs more than reading the file. The languages
//! say which texts their beginnings hold; those are looked for all at once.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memchr;

use super::{LANGUAGES, head};

/// Whether the languages, [`head::names_exception`] or [`super::may_precede`] may have something to say of a line without its header; false
/// means that they surely have not.
pub fn may_begin(line: &[u8]) -> bool {
    may_begin_without_marks(line) || FILTER.holds(line)
}

/// As [`may_begin`], of a line that holds no `@` and none of the [`roots`] of what lies within beginnings.
pub(crate) fn may_begin_without_marks(line: &[u8]) -> bool {
    // Some languages pass over blanks of other scripts, too.
    let blank = |byte: &u8| matches!(byte, b' ' | 9..=13 | b'|' | b'+' | 128..);
    let text = &line[line.iter().take_while(|byte| blank(byte)).count()..];
    FILTER.starts(text) || is_packaged(line) || is_bare(line) || FILTER.ends(line)
}

/// Texts of which one stands in every line that holds the mark of a beginning, unless there is an `@` in it.
pub(crate) fn roots() -> &'static [&'static str] {
    &FILTER.root_texts
}

/// All texts that are looked for to tell beginnings.
pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
    let starts = LANGUAGES.iter().flat_map(|language| language.starts()).chain(&head::PREFIXES);
    let ends = LANGUAGES.iter().flat_map(|language| language.ends());
    starts.chain(ends).copied().chain(marks())
}

fn marks() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().flat_map(|language| language.marks()).chain(&head::KINDS).copied()
}

/// Whether a text holds anything that a beginning holds, wherever it stands.
pub(super) fn may_hold(text: &[u8]) -> bool {
    FILTER.marks.find(text) || FILTER.ends.iter().any(|end| text.windows(end.len()).any(|part| part == *end))
}

/// Texts of which some mark holds one. There are many marks, and looking for so many at once takes twice as long as for
/// half of them, however seldom one is there.
const ROOTS: [&str; 6] = ["js:", "sx:", ":in ", "dart", "rror: ", "afari-"];

static FILTER: LazyLock<Filter> = LazyLock::new(Filter::new);

struct Filter {
    marks: Marks,
    /// Each mark holds one of these, or an `@`.
    roots: Marks,
    root_texts: Vec<&'static str>,
    ends: Vec<&'static [u8]>,
    /// The last bytes of these.
    last: [bool; 256],
    /// The texts by their first byte.
    starts: Vec<Vec<&'static [u8]>>,
}

/// The way to find one of many texts.
pub(crate) enum Marks {
    /// By vector instructions.
    Packed(Searcher),
    /// On processors without.
    Automaton(AhoCorasick),
    /// There are none that could be looked for.
    Nothing,
}

impl Filter {
    fn new() -> Self {
        let mut starts: Vec<Vec<&'static [u8]>> = vec![Vec::new(); 256];
        let languages = LANGUAGES.iter().flat_map(|language| language.starts());
        for text in languages.chain(&head::PREFIXES) {
            if let Some(first) = text.bytes().next() {
                starts[usize::from(first)].push(text.as_bytes());
            }
        }
        let marks: Vec<&str> = marks().collect();
        let ends = LANGUAGES.iter().flat_map(|language| language.ends()).map(|text| text.as_bytes());
        let ends: Vec<&[u8]> = ends.collect();
        let mut last = [false; 256];
        for byte in ends.iter().filter_map(|end| end.last()) {
            last[usize::from(*byte)] = true;
        }
        let root_texts = roots_of(&marks);
        let (marks, roots) = (Marks::new(&marks), Marks::new(&root_texts));
        Self { marks, roots, root_texts, ends, last, starts }
    }

    /// Whether a line ends as a beginning does, but for blanks, also those of other scripts.
    fn ends(&self, line: &[u8]) -> bool {
        let blanks = line.iter().rev().take_while(|byte| matches!(byte, b' ' | 9..=13 | 128..)).count();
        let text = &line[..line.len() - blanks];
        let may_end = text.last().is_some_and(|last| self.last[usize::from(*last)]);
        may_end && self.ends.iter().any(|end| text.ends_with(end))
    }

    fn holds(&self, line: &[u8]) -> bool {
        (memchr(b'@', line).is_some() || self.roots.find(line)) && self.marks.find(line)
    }

    fn starts(&self, text: &[u8]) -> bool {
        let Some(first) = text.first() else { return false };
        let second = text.get(1);
        let starts =
            |start: &&[u8]| start.get(1).is_none_or(|b| Some(b) == second) && text.starts_with(start);
        self.starts[usize::from(*first)].iter().any(starts)
    }
}

impl Marks {
    pub(crate) fn new<T: AsRef<[u8]>>(texts: &[T]) -> Self {
        let searcher = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(texts).build();
        match searcher {
            Some(searcher) => Self::Packed(searcher),
            None => AhoCorasick::new(texts).map_or(Self::Nothing, Self::Automaton),
        }
    }

    /// Where the first of the texts begins that a text holds.
    pub(crate) fn first(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Packed(searcher) => searcher.find(text).map(|found| found.start()),
            Self::Automaton(searcher) => searcher.find(text).map(|found| found.start()),
            Self::Nothing => Some(0),
        }
    }

    /// Whether a line holds one of the texts.
    pub(crate) fn find(&self, line: &[u8]) -> bool {
        match self {
            Self::Packed(searcher) => searcher.find(line).is_some(),
            Self::Automaton(searcher) => searcher.is_match(line),
            Self::Nothing => true,
        }
    }
}

/// Few texts of which one stands wherever a mark stands that has no `@`.
fn roots_of(marks: &[&'static str]) -> Vec<&'static str> {
    let without = marks.iter().copied().filter(|mark| !mark.contains('@'));
    let rooted = |mark: &str| ROOTS.iter().any(|root| mark.contains(root));
    let mut roots: Vec<&str> = without.clone().filter(|mark| !rooted(mark)).collect();
    roots.extend(ROOTS.iter().filter(|root| without.clone().any(|mark| mark.contains(**root))));
    roots
}

/// Whether a line may be a function's name and nothing else.
fn is_bare(line: &[u8]) -> bool {
    // Most lines have a blank early on, so that no search is worth its beginning.
    line.iter().all(|b| *b != b' ') && line.contains(&b'.')
}

/// Bytes of the names of packages.
const IN_NAME: [bool; 256] = {
    let mut named = [false; 256];
    let mut byte = 0;
    while byte < named.len() {
        let b = byte as u8;
        named[byte] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$');
        byte += 1;
    }
    named
};

/// Whether a line starts as `shop.errors.OutOfStock: …` does, whose name says nothing of an exception.
fn is_packaged(line: &[u8]) -> bool {
    if !line.first().is_some_and(u8::is_ascii_lowercase) {
        return false;
    }
    let length = line.iter().take_while(|b| IN_NAME[usize::from(**b)]).count();
    let (name, rest) = line.split_at(length);
    let simple = name.rsplit(|b| matches!(b, b'.' | b'$')).next();
    matches!(rest.first(), None | Some(b':' | b' '))
        && simple.and_then(<[u8]>::first).is_some_and(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trace::{begins, may_precede};

    /// Lines that begin or name something, in every language's manner.
    const LINES: &[&str] = &[
        "Traceback (most recent call last):",
        "boom Traceback (most recent call last):",
        "  + Exception Group Traceback (most recent call last):",
        "  File \"/srv/app.py\", line 3, in load",
        "    |   File \"/srv/app.py\", line 3",
        "thread 'main' panicked at src/main.rs:1:2:",
        "thread 'w' panicked at 'boom', src/main.rs:1:2",
        "panic: boom [recovered]",
        "fatal error: all goroutines are asleep - deadlock!",
        "http: panic serving 127.0.0.1:80: boom",
        "goroutine 7 [running]:",
        "\tat com.acme.Shop.pay(Shop.java:12) ~[shop.jar:1]",
        "Caused by: com.acme.Refused: limit",
        "com.acme.Refused: limit",
        "com.acme.Refused",
        "a$B [X]: limit",
        "Uncaught com.acme.Refused: limit",
        "/srv/app.js:12",
        "file:///srv/app.mjs:12",
        "node:internal/process:12",
        "    at f (/srv/app.js:12:3)",
        "TypeError [ERR_X]: no",
        "shop: java.lang.Error: no",
        "\"RequestRejection: no",
        "Shop::Missing (no item 7):",
        "Shop::Missing (no item 7): \u{a0}",
        "package:shop/cart.dart 12:5  Cart.add",
        "\u{a0}package:shop/cart 12:5  Cart.add",
        "dart:core  Cart.add",
        "app.add@capacitor://localhost/x.js:1:2",
        "f@/srv/x.js:1:2",
    ];

    fn holds(line: &str) {
        if begins(line).is_some() || head::names_exception(line) || may_precede(line) {
            assert!(may_begin(line.as_bytes()), "{line:?}");
        }
    }

    #[test]
    fn every_beginning_passes() {
        for line in LINES {
            assert!(begins(line).is_some() || head::names_exception(line), "{line}");
            assert!(may_begin(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn ordinary_lines_do_not_pass() {
        for line in [
            "GET /cart/7 200 12ms",
            "shop.http GET /cart/7 200 12ms",
            "connection closed by peer: 3",
            "session opened for user root(uid=0) by (uid=0)",
            "pam_unix(sshd:auth): check pass; user unknown",
            "read out cached package: applicability state: 7",
            "",
            "   ",
        ] {
            assert!(!may_begin(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn every_mark_is_found_and_few_texts_are_looked_for() {
        let marks: Vec<&str> = marks().collect();
        for mark in &marks {
            assert!(FILTER.holds(format!("some words {mark} and others").as_bytes()), "{mark}");
        }
        let roots = roots_of(&marks);
        // What the search can do at its best.
        assert!(roots.len() <= 32 && roots.iter().all(|root| root.len() >= 3), "{roots:?}");
        assert!(texts().all(|text| text.starts_with(|c: char| c.is_ascii())));
    }

    proptest! {
        #[test]
        fn no_changed_beginning_is_missed(
            line in prop::sample::select(LINES),
            other in prop::sample::select(LINES),
            cut in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
            put in "[ -~\\t]{0,4}",
        ) {
            let cut = &line[line.floor_char_boundary(cut.index(line.len()))..];
            let at = cut.floor_char_boundary(at.index(cut.len()));
            holds(&format!("{}{put}{}", &cut[..at], &cut[at..]));
            holds(&format!("{}{put}{}", &cut[..at], &cut[cut.ceil_char_boundary(at + put.len())..]));
            holds(&format!("{}{put}{other}", &cut[..at]));
            holds(&format!("{put}{cut}"));
        }
    }
}
