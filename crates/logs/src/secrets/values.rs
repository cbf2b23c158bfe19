//! Where a value ends, and whether it can be a secret.
//!
//! Names are often followed by something else: an expression of source code, a placeholder, a word of prose. Such
//! values are left alone, because a log in which harmless words are missing is hard to read.

use std::ops::Range;

/// A value beyond this is no prose and no expression; judging it further would only cost time.
const LONG: usize = 1 << 10;

/// A value in a text.
#[derive(Debug)]
pub(super) struct Value {
    /// Its bytes, without quotes.
    pub(super) range: Range<usize>,
    /// Whether it stood in quotes.
    pub(super) quoted: bool,
}

/// The value that begins at the offset, behind what may stand around it: quotes, escapes, brackets of a list, `Some(`.
pub(super) fn value(text: &str, at: usize) -> Option<Value> {
    let at = behind_wrappers(text, at);
    match opening_quote(&text[at..]) {
        Some(quote) => {
            let start = at + quote.len();
            let length = quoted_length(&text[start..], quote);
            Some(Value { range: start..start + length, quoted: true })
        }
        None => {
            let length = bare_length(&text[at..]);
            (length > 0).then_some(Value { range: at..at + length, quoted: false })
        }
    }
}

/// `Some("x")`, `["x"]`, `b'x'` and the like hold the same value as `"x"`.
fn behind_wrappers(text: &str, mut at: usize) -> usize {
    const WRAPPERS: [&str; 10] =
        ["Some(", "Ok(", "Just ", "Optional[", "SecretStr(", "Secret(", "String(", "[", "&", "|"];
    for _ in 0..3 {
        let rest = &text[at..];
        let prefixed = |quote: char| rest.len() > 2 && rest[1..].starts_with(quote);
        if rest.starts_with(['b', 'u', 'r', 'B', 'U', '@']) && (prefixed('\'') || prefixed('"')) {
            return at + 1;
        }
        let wrapper = WRAPPERS.iter().find(|wrapper| rest.starts_with(**wrapper));
        match wrapper {
            // A mark of ours is no list, and an escape of HTML is a quote.
            Some(_)
                if rest.starts_with("[redacted:") || rest.starts_with("&quot;") || rest.starts_with("&#") =>
            {
                return at;
            }
            Some(wrapper) => at += wrapper.len(),
            None => return at,
        }
        at += text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
    }
    at
}

/// A quote with the backslashes that escape it.
fn opening_quote(rest: &str) -> Option<&str> {
    for quote in ["&quot;", "&#34;", "&#39;", "&#x27;"] {
        if rest.starts_with(quote) {
            return Some(&rest[..quote.len()]);
        }
    }
    let escapes = rest.bytes().take(16).take_while(|b| *b == b'\\').count();
    matches!(rest.as_bytes().get(escapes), Some(b'"' | b'\'' | b'`')).then(|| &rest[..=escapes])
}

/// Bytes up to the closing quote or the end of the line. A quote with more escapes than the first is part of the value.
fn quoted_length(rest: &str, quote: &str) -> usize {
    if quote.starts_with('&') {
        let end = memchr::memchr2(b'&', b'\n', rest.as_bytes());
        return end.unwrap_or(rest.len());
    }
    let bytes = rest.as_bytes();
    let closing = quote.as_bytes()[quote.len() - 1];
    let mut at = 0;
    while let Some(found) = memchr::memchr3(closing, b'\\', b'\n', &bytes[at..]) {
        at += found;
        let escapes = bytes[at..].iter().take_while(|b| **b == b'\\').count();
        match bytes.get(at + escapes) {
            Some(b'\n') if escapes == 0 => return at,
            Some(b) if *b == closing && escapes < quote.len() => return at,
            _ => at += escapes + usize::from(bytes.get(at + escapes) == Some(&closing)),
        }
    }
    rest.len()
}

/// Bytes of a value without quotes: up to a blank, a quote, a bracket, or a sign that separates it from the next pair.
fn bare_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        match b {
            b'"' | b'\'' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'(' | b')' | b'\\' | b'`' => return at,
            b',' | b';' | b'&' if is_end(&bytes[at + 1..]) => return at,
            b'%' if matches!(bytes.get(at + 1..at + 3), Some(b"26" | b"20" | b"0A" | b"22" | b"3B")) => {
                return at;
            }
            b if b.is_ascii_whitespace() => return at,
            _ => at += 1,
        }
    }
    let end = rest.floor_char_boundary(at);
    rest[..end].find(char::is_whitespace).unwrap_or(end)
}

/// Whether what stands behind a comma, a semicolon or an ampersand is no more of the value: nothing, or the next pair.
fn is_end(behind: &[u8]) -> bool {
    let name =
        behind.iter().take(64).take_while(|b| b.is_ascii_alphanumeric() || b"_.- ".contains(b)).count();
    match behind.get(name) {
        None => true,
        Some(b) => {
            name == 0 && !b.is_ascii_punctuation() || b"=:\"'\n\r\t,;&)]}".contains(b) || behind[0] == b' '
        }
    }
}

/// Values that stand for a secret without being one.
pub(super) fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 18] = [
        "none",
        "null",
        "nil",
        "true",
        "false",
        "undefined",
        "redacted",
        "hidden",
        "masked",
        "filtered",
        "empty",
        "changeme",
        "unset",
        "missing",
        "required",
        "optional",
        "string",
        "<nil>",
    ];
    let value = value.trim_start().trim_end_matches([',', '.', ';', ')', ' ']);
    if value.len() >= LONG {
        return false;
    }
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '-' | '•' | '\u{fffd}' | '_' | '#'))
        || value.starts_with("[redacted:")
        || value.starts_with("[REDACTED")
        || value.starts_with("[FILTERED")
        || value.starts_with("***")
        || is_reference(value)
        || is_length_of_time(value)
}

/// `24h`, `30s`, `500ms`: how often secrets are looked for, or how long a token holds.
fn is_length_of_time(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    (1..=5).contains(&digits) && matches!(&value[digits..], "ms" | "s" | "m" | "min" | "h" | "d" | "w")
}

/// What a program replaces by the value: `${NAME}`, `$NAME`, `$1`, `%s`, `{name}`, `<name>`, `{{ name }}`.
fn is_reference(value: &str) -> bool {
    let named = |rest: &str| {
        let lower = rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let upper = rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        lower || upper
    };
    match value.as_bytes().first() {
        Some(b'$') => value[1..].starts_with(['{', '(']) || named(&value[1..]),
        Some(b'%') => {
            value[1..].starts_with(['(', '{']) || matches!(&value[1..], "s" | "d" | "v" | "r" | "q" | "+v")
        }
        Some(b'{') => true,
        Some(b'<') => true,
        _ => false,
    }
}

/// How a value without quotes is bound to its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// By `=` and the like, which is hardly prose.
    Sign,
    /// By a colon with a blank behind it, as in prose.
    Colon,
    /// By a colon without a blank, or alone on its line, as a program prints its fields.
    Field,
}

/// Whether an unquoted value is a secret rather than prose or an expression of source code.
pub(super) fn is_secret(value: &str, name: &str, bound: Bound, next: Option<char>) -> bool {
    let value = value.trim_end_matches(['.', ',']);
    if value.len() >= LONG {
        return true;
    }
    let digits = value.bytes().any(|b| b.is_ascii_digit());
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic() || !b.is_ascii());
    let signs = value.bytes().any(|b| b.is_ascii_punctuation() && !b"._-/:".contains(&b));
    if value.len() < 3 || value.starts_with("0x") || matches!(next, Some('(' | '[' | '{')) {
        return false;
    }
    let dotted = value.contains('.') && value.split('.').all(is_identifier);
    if dotted || !(letters || digits || signs) {
        return false;
    }
    if !letters && !signs {
        // Numbers are counts more often than secrets, but not as passwords.
        let password =
            name.to_ascii_lowercase().contains("pass") || name.to_ascii_lowercase().ends_with("pwd");
        return value.len() >= if password { 4 } else { 12 } && bound != Bound::Colon;
    }
    match bound {
        Bound::Colon => ((digits && letters) || signs) && value.len() >= 6,
        Bound::Field => value.len() >= 4,
        Bound::Sign => !(matches!(next, Some(')' | ',')) && is_variable(value, name)),
    }
}

/// `f(password=password)` passes a variable on.
fn is_variable(value: &str, name: &str) -> bool {
    const WORDS: [&str; 22] = [
        "pass", "pw", "secret", "token", "key", "cred", "auth", "value", "arg", "param", "config", "opt",
        "get", "str", "var", "input", "raw", "plain", "data", "env", "default", "self",
    ];
    let lower = value.to_ascii_lowercase();
    let is_name = is_identifier(value) && !value.bytes().any(|b| b.is_ascii_digit());
    is_name && (value.eq_ignore_ascii_case(name) || WORDS.iter().any(|word| lower.contains(word)))
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a value looks drawn at random rather than written by a person.
pub(super) fn is_random(value: &str) -> bool {
    let digits = value.bytes().any(|b| b.is_ascii_digit());
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
    value.len() >= 12 && digits && letters && !value.contains([' ', '\t', '(', ')'])
}

/// Whether a value is words about a secret, such as "must have 8 characters", or a single one of them.
pub(super) fn is_prose(value: &str) -> bool {
    const WORDS: [&str; 44] = [
        "is",
        "was",
        "are",
        "be",
        "must",
        "should",
        "may",
        "can",
        "cannot",
        "has",
        "have",
        "not",
        "no",
        "field",
        "required",
        "invalid",
        "missing",
        "wrong",
        "incorrect",
        "expired",
        "failed",
        "given",
        "specified",
        "option",
        "flag",
        "argument",
        "and",
        "or",
        "to",
        "for",
        "from",
        "with",
        "the",
        "this",
        "that",
        "instead",
        "if",
        "in",
        "on",
        "at",
        "as",
        "when",
        "value",
        "file",
    ];
    let mut words = value.split([' ', '\t', ',', '.', ':']).filter(|word| !word.is_empty());
    words.any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}
