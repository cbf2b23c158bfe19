//! Secrets that are known by the name before them: `password=…`, `"client_secret": "…"`, `Authorization: …`.
//!
//! A name counts by how it ends, so that prefixes such as `DB_` do not matter and `password_length` is no password.
//! What stands between a name and its value differs by language and by how often the text was escaped; all of it is
//! skipped by hand, from the sign backwards and forwards.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::anchors::is_mixed;
use super::headers;
use super::values::{self, Bound, Value, is_placeholder, is_prose, is_random, is_secret};
use crate::redact::{Evidence, Finding};

/// What a name needs besides its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing: the name says it.
    Nothing,
    /// No letter before it, since `compass` is no password.
    Boundary,
    /// A word before it that says what kind of key it is.
    Kind,
    /// A value that looks random: long, with letters and digits.
    Random,
    /// A quoted value as long as the private number of a key.
    Number,
    /// As [`Need::Random`], and in the query of an address or as a quoted name.
    Query,
}

/// End of a name in lower case, class in the mark, what else it needs.
const NAMES: [(&str, &str, Need); 45] = [
    ("password", "password", Need::Nothing),
    ("passwords", "password", Need::Nothing),
    ("passwd", "password", Need::Nothing),
    ("passphrase", "password", Need::Nothing),
    ("passcode", "password", Need::Nothing),
    ("passwort", "password", Need::Nothing),
    ("kennwort", "password", Need::Nothing),
    ("pwd", "password", Need::Nothing),
    ("userpass", "password", Need::Nothing),
    ("_pass", "password", Need::Nothing),
    ("-pass", "password", Need::Nothing),
    (".pass", "password", Need::Nothing),
    ("pass", "password", Need::Boundary),
    ("storepass", "password", Need::Nothing),
    ("keypass", "password", Need::Nothing),
    ("pw", "password", Need::Boundary),
    ("psw", "password", Need::Boundary),
    ("mnemonic", "secret", Need::Nothing),
    ("secret", "secret", Need::Nothing),
    ("secrets", "secret", Need::Nothing),
    ("otp", "secret", Need::Boundary),
    ("cvv", "secret", Need::Boundary),
    ("cvc", "secret", Need::Boundary),
    ("token", "token", Need::Nothing),
    ("jwt", "token", Need::Random),
    ("tokens", "token", Need::Random),
    ("assertion", "token", Need::Random),
    ("verifier", "token", Need::Random),
    ("_code", "token", Need::Random),
    ("code", "token", Need::Query),
    ("auth", "secret", Need::Random),
    ("key", "api-key", Need::Kind),
    ("key_base", "api-key", Need::Nothing),
    ("key-data", "private-key", Need::Random),
    ("key_data", "private-key", Need::Random),
    ("keydata", "private-key", Need::Random),
    ("credential", "secret", Need::Random),
    ("credentials", "secret", Need::Random),
    ("sig", "signature", Need::Query),
    ("signature", "signature", Need::Query),
    ("phpsessid", "session", Need::Random),
    ("jsessionid", "session", Need::Random),
    ("sessionid", "session", Need::Random),
    ("sessid", "session", Need::Random),
    ("connect.sid", "session", Need::Random),
];

/// What a key is for where it is a secret; `primary key` and `cache key` are none.
const KINDS: [&str; 30] = [
    "api",
    "access",
    "private",
    "secret",
    "auth",
    "encryption",
    "encrypt",
    "signing",
    "sign",
    "master",
    "account",
    "shared",
    "subscription",
    "storage",
    "license",
    "client",
    "app",
    "application",
    "consumer",
    "deploy",
    "hmac",
    "aes",
    "cipher",
    "jwt",
    "webhook",
    "admin",
    "crypto",
    "functions",
    "ingest",
    "instrumentation",
];

/// Headers whose value is a list of words or pairs.
const HEADERS: [&str; 3] = ["authorization", "cookie", "cookies"];

/// Longest name that is looked at, in bytes.
const NAME: usize = 64;

/// Marks the last three letters of all names, so that nearly all words are told from them by one look.
static LAST: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let mut table = vec![false; 1 << 12];
    let ends = NAMES.iter().map(|(end, ..)| *end).chain(HEADERS);
    for end in ends.chain(["value"]) {
        let end = end.as_bytes();
        if let [second, first] = end {
            (0..=u8::MAX).for_each(|third| table[hash(third, *second, *first)] = true);
        }
        if let [.., third, second, first] = end {
            table[hash(*third, *second, *first)] = true;
        }
    }
    table
});

fn hash(third: u8, second: u8, first: u8) -> usize {
    let [third, second, first] = [third, second, first].map(|b| usize::from(b.to_ascii_lowercase()));
    (third.wrapping_mul(961) ^ second.wrapping_mul(31) ^ first.wrapping_mul(7)) & 0xfff
}

/// Whether a sign at the offset stands behind a name that tells of a secret.
pub(super) fn is_behind_name(text: &[u8], sign: usize) -> bool {
    // Nearly all signs stand in a time, or behind a word that does not end like one of the names.
    match text[..sign].last() {
        Some(b'0'..=b'9' | b'=' | b':' | b'/' | b'-' | b'.' | b',') | None => false,
        Some(_) => subject(text, sign).is_some(),
    }
}

/// The telling name that a sign belongs to: the one before it, or the one that has a value there, as in
/// `name: DB_PASSWORD, value: x`.
fn subject(text: &[u8], sign: usize) -> Option<Range<usize>> {
    let end = name_end(text, sign);
    if !is_likely(&text[..end]) {
        return None;
    }
    let name = name_start(text, end)..end;
    if ends_name(&text[name.clone()]) {
        return Some(name);
    }
    if !text[name.clone()].eq_ignore_ascii_case(b"value") {
        return None;
    }
    let before = text[..name.start].iter().rev().take(40);
    let between = before.take_while(|b| b" \t\r\n\"'\\,;-".contains(b)).count();
    let end = name_end(text, name.start - between);
    let named = name_start(text, end)..end;
    (between > 0 && ends_name(&text[named.clone()])).then_some(named)
}

/// Where the word before a sign ends; blanks, quotes and what escapes them may stand between.
fn name_end(text: &[u8], sign: usize) -> usize {
    let mut end = sign;
    let is_between = |b: &u8| matches!(b, b' ' | b'\t' | b'"' | b'\'' | b'\\' | b']' | b'`');
    end -= text[..end].iter().rev().take(24).take_while(|b| is_between(b)).count();
    if text[..end].ends_with(b";") {
        let quotes: [&[u8]; 3] = [b"&quot;", b"&#34;", b"&#39;"];
        end -= quotes.iter().find(|quote| text[..end].ends_with(quote)).map_or(0, |quote| quote.len());
    }
    end
}

fn name_start(text: &[u8], end: usize) -> usize {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
    end - text[..end].iter().rev().take(NAME).take_while(|b| is_name(b)).count()
}

/// Whether the bytes end as one of the names does.
pub(super) fn ends_name(name: &[u8]) -> bool {
    is_likely(name) && (class(name).is_some() || is_header(name))
}

/// Whether the last three letters are those of a name.
fn is_likely(name: &[u8]) -> bool {
    match name {
        [.., third, second, first] => {
            (*first == b'd' && matches!(second, b'"' | b'\n')) || LAST[hash(*third, *second, *first)]
        }
        [..] => true,
    }
}

fn is_header(name: &[u8]) -> bool {
    HEADERS.iter().any(|end| ends_with(name, end))
}

fn ends_with(text: &[u8], end: &str) -> bool {
    text.len() >= end.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

/// The class of the longest end that fits, and what it needs.
fn class(name: &[u8]) -> Option<(&'static str, Need)> {
    if name == b"d" {
        return Some(("private-key", Need::Number));
    }
    let fits = NAMES.iter().filter(|(end, ..)| ends_with(name, end));
    fits.max_by_key(|(end, ..)| end.len()).map(|(_, class, need)| (*class, *need))
}

/// Adds all values behind telling names.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut free = 0;
    for sign in memchr::memchr3_iter(b'=', b':', b'>', bytes) {
        if sign >= free && is_behind_name(bytes, sign) {
            let finding = behind(text, sign, sign + 1);
            free = finding.as_ref().map_or(free, |finding| finding.range.end);
            found.extend(finding);
        }
    }
    // Signs that were escaped for JSON or for an address, and options of a command.
    for escape in ESCAPED.find_iter(text) {
        if is_behind_name(bytes, escape.start()) {
            found.extend(behind(text, escape.start(), escape.end()));
        }
    }
    for option in OPTION.captures_iter(text) {
        found.extend(option.get(1).zip(option.get(2)).and_then(|(name, value)| {
            let (class, need) = class(name.as_str().as_bytes())?;
            let text = value.as_str().trim_end_matches([',', '.', ';', ')']);
            let fits = need_is_met(need, text, bytes, &name.range(), true);
            let range = value.start()..value.start() + text.len();
            let finding = Finding { class, range, evidence: Evidence::Name };
            let stands_for_it = text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            (fits && text.len() >= 3 && !stands_for_it && !is_placeholder(text) && !is_prose(text))
                .then_some(finding)
        }));
    }
}

static ESCAPED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\\{1,8}u003[dDaA]|%3[dDaA]").expect("the pattern is valid"));

static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[ '"]--([A-Za-z][A-Za-z0-9_.-]{0,63})["']?,?[ \t]{1,4}["']?([!-~&&[^-"'`<>\[\]{}()|]][!-~&&[^"'`<>\[\]{}()|]]*)"#)
        .expect("the pattern is valid")
});

/// The value behind a sign that ends at `at`, if it is a secret.
fn behind(text: &str, sign: usize, at: usize) -> Option<Finding> {
    let bytes = text.as_bytes();
    let name = subject(bytes, sign)?;
    let (at, blank) = behind_sign(text, sign, at)?;
    let element = bytes[sign] == b'>';
    if element && (!matches!(bytes[..name.start].last(), Some(b'<' | b':')) || name.end != sign) {
        return None;
    }
    if is_header(&bytes[name.clone()]) {
        return headers::find(text, at, &text[name.clone()]);
    }
    let (class, need) = class(&bytes[name.clone()])?;
    let value = if element { element_text(text, at) } else { values::value(text, at)? };
    let part = &text[value.range.clone()];
    let secret = !is_placeholder(part)
        && !is_path(part, class)
        && need_is_met(need, part, bytes, &name, value.quoted)
        && if value.quoted || element {
            is_quoted_secret(part, class)
        } else {
            let bound = bound(bytes, sign, &name, blank, value.range.end);
            is_secret(part, &text[name.clone()], bound, text[value.range.end..].chars().next())
        };
    let end = value.range.start
        + part.trim_end_matches([',', '.']).len().max(usize::from(value.quoted) * part.len());
    secret.then_some(Finding { class, range: value.range.start..end, evidence: Evidence::Name })
}

/// Where the value begins, and whether a blank stands before it; `None` where the sign is another one.
fn behind_sign(text: &str, sign: usize, mut at: usize) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    match (bytes[sign], bytes.get(at)) {
        (b'=', Some(b'=' | b'~')) | (b':', Some(b':')) => return None,
        (b'=', Some(b'>')) | (b':', Some(b'=')) => at += 1,
        _ => {}
    }
    let blanks = |at: usize| bytes[at..].iter().take(16).take_while(|b| **b == b' ' || **b == b'\t').count();
    let first = blanks(at);
    at += first;
    // A value in quotes, or a block of text, may begin on the next line.
    let block = matches!(bytes.get(at), Some(b'|' | b'>')) && matches!(bytes.get(at + 1), Some(b'\n' | b'-'));
    let line = if block { at + 1 + usize::from(bytes[at + 1] == b'-') } else { at };
    if bytes.get(line) == Some(&b'\n') {
        let next = line + 1 + blanks(line + 1);
        let quoted = matches!(bytes.get(next), Some(b'"' | b'\''));
        return (next > line + 1 && (block || quoted)).then_some((next, false));
    }
    Some((at, first > 0))
}

fn element_text(text: &str, at: usize) -> Value {
    let end = text[at..].find(['<', '\n']).map_or(text.len(), |end| at + end);
    Value { range: at..end, quoted: true }
}

/// How the value is bound: a colon in prose needs more of a value than a sign or a printed field.
fn bound(text: &[u8], sign: usize, name: &Range<usize>, blank: bool, end: usize) -> Bound {
    if text[sign] != b':' {
        return Bound::Sign;
    }
    let quoted = name.end != sign && matches!(text.get(name.end), Some(b'"' | b'\'' | b'\\' | b'&'));
    let before = text[..name.start].last();
    let printed = !blank
        && (text[name.clone()].first().is_some_and(u8::is_ascii_uppercase)
            || before.is_some_and(|b| b"{[,&".contains(b)));
    // A line of its own, as in a file of settings.
    let indented = text[..name.start].iter().rev().take(NAME).find(|b| !matches!(**b, b' ' | b'\t' | b'-'));
    let ends = text.get(end).is_none_or(|b| matches!(b, b'\n' | b'\r'));
    let alone = ends && indented == Some(&b'\n');
    if quoted || printed || alone { Bound::Field } else { Bound::Colon }
}

fn need_is_met(need: Need, value: &str, text: &[u8], name: &Range<usize>, quoted: bool) -> bool {
    let before = text[..name.start].last();
    let bare = &text[name.clone()];
    match need {
        Need::Nothing => true,
        Need::Boundary => {
            let length =
                NAMES.iter().filter(|(end, ..)| ends_with(bare, end)).map(|(end, ..)| end.len()).max();
            let prefix = &bare[..bare.len() - length.unwrap_or(0)];
            prefix.last().is_none_or(|b| !b.is_ascii_alphabetic()) && (quoted || value.len() >= 4)
        }
        Need::Kind => is_secret_kind(text, name),
        Need::Random => is_random(value),
        Need::Number => quoted && value.len() >= 40 && is_random(value),
        Need::Query => {
            let query = matches!(before, Some(b'?' | b'&' | b';')) || text[..name.start].ends_with(b"u0026");
            (query || bare.contains(&b'-')) && is_random(value)
        }
    }
}

/// Whether the words before `key` say that it is secret.
fn is_secret_kind(text: &[u8], name: &Range<usize>) -> bool {
    let stem = &text[name.start..name.end - "key".len()];
    let joined =
        stem.strip_suffix(b"_").or(stem.strip_suffix(b"-")).or(stem.strip_suffix(b".")).unwrap_or(stem);
    if !joined.is_empty() {
        return KINDS.iter().any(|kind| ends_with(joined, kind));
    }
    let word = text[..name.start].strip_suffix(b" ").unwrap_or_default();
    ["api", "access", "private", "secret", "encryption", "signing", "account", "master"]
        .iter()
        .any(|kind| ends_with(word, kind))
}

fn is_quoted_secret(value: &str, class: &str) -> bool {
    let random = value.bytes().any(|b| b.is_ascii_digit()) || value.len() >= 12;
    let blank = value.contains([' ', '\t']);
    match class {
        "password" | "secret" => value.len() >= 3 && !is_prose(value),
        _ => value.len() >= 6 && random && !blank,
    }
}

/// A file that holds the secret is none, and neither is an address; passwords in addresses have a rule of their own.
fn is_path(value: &str, class: &str) -> bool {
    let path = value.starts_with(['/', '~', '.']) && value.len() > 1;
    let folder =
        class == "password" && !value.starts_with("/") && !value.starts_with('~') && !value.starts_with("./");
    (path && !folder && !is_mixed(value.as_bytes())) || value.get(..12).unwrap_or(value).contains("://")
}
