//! Marks in the place of values that differ from one occurrence to the next, as fingerprints need them.
//!
//! Frozen: stored keys were made from these texts, so a change here needs a new version of the fingerprint. What reads
//! messages for people may improve without that, and is elsewhere.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Bytes of a message that count; what is longer is a dump, whose end differs anyway.
const LENGTH: usize = 2 << 10;

const KINDS: [(&str, &str); 12] = [
    ("secret", r"\[redacted:[a-z-]+:[0-9a-f]{4}\]"),
    (
        "time",
        r"\d{4}[-/]\d{2}[-/]\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?(?:Z|[+-]\d{2}:?\d{2})?|\d{2}:\d{2}:\d{2}(?:[.,]\d+)?",
    ),
    ("id", r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    ("url", r#"[a-z][a-z0-9+.-]{1,20}://[^\s"'<>]+"#),
    ("mail", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"),
    ("ip", r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|\[?(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}\]?"),
    ("hex", r"0[xX][0-9a-fA-F]+"),
    ("double", r#""(?:[^"\\]|\\.){0,512}""#),
    ("single", r"'(?:[^'\\]|\\.){0,512}'|`[^`]{1,512}`"),
    ("path", r"(?:~|\.{1,2})?(?:/[\w.@+-]+){2,}/?|[A-Za-z]:\\[\w.@\\ +-]+"),
    ("number", r"[+-]?\w*\d\w*(?:[.,]\d+\w*)*%?"),
    ("word", r"[A-Za-z_]+"),
];

static ALL: LazyLock<Regex> = LazyLock::new(|| {
    let kinds: Vec<String> = KINDS.iter().map(|(name, pattern)| format!("(?P<{name}>{pattern})")).collect();
    Regex::new(&kinds.join("|")).expect("the kinds are valid constant patterns")
});

/// The message with ids, numbers, times, addresses, paths and quoted values replaced by `<kind>` marks.
///
/// Blanks are made single, so that indentation and line breaks do not matter.
pub(super) fn masked(message: &str) -> String {
    let message = &message[..message.floor_char_boundary(LENGTH)];
    let masked = ALL.replace_all(message, |found: &Captures<'_>| mask(found));
    let masked = masked.split_whitespace().collect::<Vec<_>>().join(" ");
    masked.trim_end().to_owned()
}

fn mask(found: &Captures<'_>) -> String {
    let text = found.get_match().as_str();
    let kind = KINDS.iter().find(|(name, _)| found.name(name).is_some()).map_or("word", |(name, _)| *name);
    match kind {
        "word" => text.to_owned(),
        "double" | "single" => "<value>".to_owned(),
        kind => format!("<{kind}>"),
    }
}
