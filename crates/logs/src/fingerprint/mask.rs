//! Marks in the place of values that differ from one occurrence to the next, as fingerprints need them.
//!
//! Frozen: stored keys were made from these texts, so a change here needs a new version of the fingerprint. What reads
//! messages for people may improve without that, and is elsewhere.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Bytes of a message that count; what is longer is a dump, whose end differs anyway.
const LENGTH: usize = 2 << 10;

/// Characters between quotes, at most; what is longer is no value.
const QUOTED: usize = 512;

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
    ("double", r#""(?:[^"\\]|\\.)*""#),
    ("single", r"'(?:[^'\\]|\\.)*'|`[^`]+`"),
    ("path", r"(?:~|\.{1,2})?(?:/[\w.@+-]+){2,}/?|[A-Za-z]:\\[\w.@\\ +-]+"),
    ("number", r"[+-]?\w*\d\w*(?:[.,]\d+\w*)*%?"),
    ("word", r"[A-Za-z_]+"),
];

/// What stands for each kind, in their order; words stay.
const MARKS: [&str; 11] = [
    "<secret>", "<time>", "<id>", "<url>", "<mail>", "<ip>", "<hex>", "<value>", "<value>", "<path>",
    "<number>",
];

static BEGINNINGS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let kinds = KINDS[..MARKS.len()].iter();
    kinds.map(|(_, pattern)| pattern_of(&format!(r"\A(?:{pattern})"))).collect()
});

static ALL: LazyLock<Regex> = LazyLock::new(|| {
    let kinds: Vec<String> = KINDS.iter().map(|(name, pattern)| format!("(?P<{name}>{pattern})")).collect();
    pattern_of(&kinds.join("|"))
});

fn pattern_of(text: &str) -> Regex {
    Regex::new(text).expect("the kinds are valid constant patterns")
}

/// The message with ids, numbers, times, addresses, paths and quoted values replaced by `<kind>` marks.
///
/// Blanks are made single, so that indentation and line breaks do not matter.
pub(super) fn masked(message: &str) -> String {
    let message = &message[..message.floor_char_boundary(LENGTH)];
    let mut masked = String::with_capacity(message.len());
    // Letters of other scripts are for the pattern alone.
    let by_pattern = !message.is_ascii();
    let (mut at, mut from) = (0, 0);
    while from < message.len() {
        let (found, mark) =
            match if by_pattern { Ahead::Unsure(from) } else { ahead(message.as_bytes(), from) } {
                Ahead::Number(number) => (number, "<number>"),
                Ahead::Unsure(next) => {
                    let Some(found) = ALL.find_at(message, next) else { break };
                    if is_too_long(found.as_str()) {
                        from = found.start() + 1;
                        continue;
                    }
                    (found.range(), mask(found.as_str()))
                }
            };
        masked.push_str(&message[at..found.start]);
        masked.push_str(mark);
        (at, from) = (found.end, found.end);
    }
    masked.push_str(&message[at..]);
    if has_single_blanks(message) {
        return masked;
    }
    masked.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What comes next in a message that is ASCII.
enum Ahead {
    /// A number, for sure.
    Number(Range<usize>),
    /// Until there the pattern finds nothing but words; what it finds behind, it has to say.
    Unsure(usize),
}

/// Passes over what is words and signs beyond doubt, as most of a message is.
fn ahead(bytes: &[u8], from: usize) -> Ahead {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        let signed = usize::from(matches!(byte, b'+' | b'-'));
        let word = at + signed;
        let end = word + bytes[word..].iter().take_while(|b| is_in_word(**b)).count();
        if end == word {
            if may_begin(bytes, at) {
                return Ahead::Unsure(at);
            }
            at += 1;
            continue;
        }
        if !is_end(bytes, end) || bytes[word..].starts_with(b"0x") || bytes[word..].starts_with(b"0X") {
            return Ahead::Unsure(at);
        }
        if bytes[word..end].iter().any(u8::is_ascii_digit) {
            return Ahead::Number(at..end);
        }
        at = end;
    }
    Ahead::Unsure(at)
}

fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a sign that is no part of a word may begin a value.
fn may_begin(bytes: &[u8], at: usize) -> bool {
    let next = bytes.get(at + 1);
    let is_next = |is_it: fn(&u8) -> bool| next.is_some_and(is_it);
    match bytes[at] {
        b'"' | b'\'' | b'`' | b'~' | b'/' | b'%' => true,
        // Before a blank it ends a sentence.
        b'.' | b'+' | b'-' => is_next(|b| *b != b' '),
        b':' => is_next(|b| b.is_ascii_hexdigit() || *b == b':'),
        b'[' => is_next(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'r')),
        _ => false,
    }
}

/// Whether a word or a number surely ends there, and no time, address or path goes on.
fn is_end(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        None => true,
        Some(b'.' | b':' | b'-') => bytes.get(at + 1).is_none_or(|next| *next == b' '),
        Some(b',') => bytes.get(at + 1).is_none_or(|next| !next.is_ascii_digit()),
        Some(sign) => !matches!(sign, b'%' | b'+' | b'@' | b'/'),
    }
}

/// Whether there is nothing to be done for the blanks of a message.
fn has_single_blanks(message: &str) -> bool {
    let bytes = message.as_bytes();
    let other = |byte: &u8| matches!(byte, b'\t'..=b'\r') || !byte.is_ascii();
    let pairs = bytes.windows(2).any(|pair| pair == b"  ");
    !pairs && !bytes.iter().any(other) && !bytes.starts_with(b" ") && !bytes.ends_with(b" ")
}

/// Whether more stands between quotes than counts. Said here and not by the pattern, since counting there makes an automaton
/// of thousands of states.
fn is_too_long(text: &str) -> bool {
    let Some(quote) = text.chars().next().filter(|c| "\"'`".contains(*c)) else { return false };
    let mut chars = text[1..text.len() - 1].chars();
    let mut count = 0;
    while let Some(c) = chars.next() {
        count += 1;
        if c == '\\' && quote != '`' {
            chars.next();
        }
    }
    count > QUOTED
}

/// What stands for a match: the mark of the first kind that begins it, as the alternation prefers it. Asked of each kind
/// apart, since groups of the whole cost many times more.
fn mask(text: &str) -> &str {
    if text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_') {
        return text;
    }
    let kinds = BEGINNINGS.iter().zip(MARKS);
    kinds.into_iter().find(|(kind, _)| kind.is_match(text)).map_or(text, |(_, mark)| mark)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Captures;

    use super::*;

    /// As the first keys were made.
    static FIRST: LazyLock<Regex> = LazyLock::new(|| {
        let kinds = KINDS.iter().map(|(name, pattern)| match *name {
            "double" => format!(r#"(?P<{name}>"(?:[^"\\]|\\.){{0,512}}")"#),
            "single" => format!(r"(?P<{name}>'(?:[^'\\]|\\.){{0,512}}'|`[^`]{{1,512}}`)"),
            _ => format!("(?P<{name}>{pattern})"),
        });
        Regex::new(&kinds.collect::<Vec<_>>().join("|")).unwrap()
    });

    fn by_captures(message: &str) -> String {
        let message = &message[..message.floor_char_boundary(LENGTH)];
        let masked = FIRST.replace_all(message, |found: &Captures<'_>| {
            let text = found.get_match().as_str();
            let kind =
                KINDS.iter().find(|(name, _)| found.name(name).is_some()).map_or("word", |(name, _)| *name);
            match kind {
                "word" => text.to_owned(),
                "double" | "single" => "<value>".to_owned(),
                kind => format!("<{kind}>"),
            }
        });
        masked.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_become_marks_and_words_stay() {
        for (message, expected) in [
            ("order 1042 not found", "order <number> not found"),
            ("could not send to user 3028: timeout", "could not send to user <number>: timeout"),
            ("KeyError: 'u1042'", "KeyError: <value>"),
            ("request 550e8400-e29b-41d4-a716-446655440000 took 12.5ms", "request <id> took <number>"),
            ("connect to 10.0.0.1:5432 failed", "connect to <ip> failed"),
            ("object at 0x7f3a10", "object at <hex>"),
            ("commit 9f3c1ab2 in /srv/app/x.py", "commit <number> in <path>"),
            ("cannot open /tmp/tmpab12/x.json", "cannot open <path>"),
            ("GET https://a.example/x?y=1 gave 502", "GET <url> gave <number>"),
            ("at 2026-11-05T10:00:00.123Z for bob@example.org", "at <time> for <mail>"),
            ("it's   broken\n  again", "it's broken again"),
            ("pool full", "pool full"),
        ] {
            assert_eq!(masked(message), expected, "{message}");
        }
    }

    proptest! {
        #[test]
        fn numbers_never_change_a_template(a in any::<u32>(), b in any::<u32>()) {
            let message = |n: u32| format!("job {n} of user-{n} at step{n} (0x{n:x}) failed after {n}ms: 'v{n}'");
            prop_assert_eq!(masked(&message(a)), masked(&message(b)));
        }

        #[test]
        fn keys_stay_as_they_were_stored(
            parts in prop::collection::vec(
                prop_oneof![
                    "[a-z]{1,6}", "[0-9a-f]{1,12}", "[0-9]{1,4}", "[ .,:;=/@+-]", "\\PC{0,3}", "['\"`]", "['\"`]", "[a-z\\\\é]{250,300}",
                    Just("://".to_owned()), Just("0x".to_owned()), Just("C:\\".to_owned()),
                    Just("2026-11-05T10:00:00.1Z".to_owned()), Just("10.0.0.1".to_owned()),
                    Just("[redacted:token:0a1b]".to_owned()), Just("~/a/b".to_owned()), Just("::1".to_owned()),
                    Just("550e8400-e29b-41d4-a716-446655440000".to_owned()), Just(" ".to_owned()),
                ],
                0..24,
            )
        ) {
            let text = parts.concat();
            prop_assert_eq!(masked(&text), by_captures(&text));
        }

        #[test]
        fn keys_of_messages_in_ascii_stay_as_they_were_stored(
            parts in prop::collection::vec(
                prop_oneof![
                    3 => "[a-zA-Z_]{1,9}",
                    2 => "[0-9a-fA-F]{1,9}",
                    1 => "[0-9]{1,4}",
                    4 => "[ -~]{1,2}",
                    2 => "[ .,:;=/@+%~\\[-]{1,2}",
                    1 => prop::sample::select(vec![
                        "://", "0x", "C:\\", "2026-11-05", "10:00:00", "10.0.0.1", "[redacted:token:0a1b]", "./a/b", "../", "::1", "a@b.c", ": ",
                        "abcdefab-abcd-abcd-abcd-abcdefabcdef", "\t", "\n", "12,5", "1.5%", " - ", "...", "and/or",
                    ]).prop_map(str::to_owned),
                ],
                0..16,
            )
        ) {
            let text = parts.concat();
            prop_assert_eq!(masked(&text), by_captures(&text));
        }
    }
}
