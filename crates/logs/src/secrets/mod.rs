//! The shapes and names by which secrets are known.
//!
//! All patterns are one alternation, matched once from left to right: the leftmost wins, and among those that start
//! together the first, so that a whole header goes before the token within it. The engine is linear in the text.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::redact::{Evidence, Finding};

mod anchors;

pub(crate) use anchors::any as may_hold;

/// Name of the pattern's group, class in the mark, evidence, pattern. The group named is the secret.
type Rule = (&'static str, &'static str, Evidence, &'static str);

use Evidence::{Name, Shape};

const RULES: [Rule; 18] = [
    ("mark", "", Shape, r"(?P<mark>\[redacted:[a-z-]{1,24}:[0-9a-f]{4}\])"),
    (
        "block",
        "private-key",
        Shape,
        r"(?P<block>-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)",
    ),
    // A line of a key block whose beginning is out of sight; hash sums are lower case and fail the check of its letters.
    ("line", "private-key", Shape, r"(?m:^)[ \t]*(?P<line>[A-Za-z0-9+/]{60,76}={0,2})[ \t\r]*(?m:$)"),
    (
        "authorization",
        "authorization",
        Shape,
        r#"(?i:authorization\\?["']?[ \t]{0,3}[:=][ \t]{0,3}\\?["']?(?:basic|bearer|digest|negotiate|token|apikey|aws4-hmac-sha256)[ \t]{1,8})(?P<authorization>[!-~&&[^"'\\\[\]]]{4,}(?:,? [A-Za-z]+=[!-~&&[^"'\\\[\]]]+)*)"#,
    ),
    (
        "cookie",
        "cookie",
        Shape,
        r#"(?i:(?-u:\b)(?:set-)?cookie\\?["']?[ \t]{0,3}:[ \t]{0,3}\\?["']?)(?P<cookie>[!-~&&[^=;"'\\\[\]]]{1,100}=[ -~&&[^"'\\\[\]]]*)"#,
    ),
    ("jwt", "jwt", Shape, r"(?-u:\b)(?P<jwt>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)"),
    ("bearer", "bearer", Shape, r"(?-u:\b)(?i:bearer)[ \t]{1,8}(?P<bearer>[A-Za-z0-9._~+/-]{16,}=*)"),
    // The length is bounded so that text without any `@` is not searched to its end from every scheme in it.
    (
        "url",
        "url-password",
        Shape,
        r#"[a-zA-Z0-9]://[!-~&&[^:/@"'\[\]]]{0,64}:(?P<url>[!-~&&[^@"'<>\[\]]]{1,128})@"#,
    ),
    (
        "aws",
        "aws-key",
        Shape,
        r"(?-u:\b)(?P<aws>(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|ABIA|ACCA)[A-Z2-7]{2}[A-Z0-9]{14})(?-u:\b)",
    ),
    (
        "google",
        "google-key",
        Shape,
        r"(?-u:\b)(?P<google>AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
    ),
    (
        "github",
        "github-token",
        Shape,
        r"(?-u:\b)(?P<github>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    (
        "gitlab",
        "gitlab-token",
        Shape,
        r"(?-u:\b)(?P<gitlab>gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[A-Za-z0-9_-]{20,})",
    ),
    (
        "slack",
        "slack-token",
        Shape,
        r"(?-u:\b)(?P<slack>xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,})",
    ),
    (
        "hook",
        "slack-webhook",
        Shape,
        r"(?-u:\b)hooks\.slack\.com/(?:services|workflows)/(?P<hook>[A-Za-z0-9_/-]{10,})",
    ),
    (
        "stripe",
        "stripe-key",
        Shape,
        r"(?-u:\b)(?P<stripe>(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})",
    ),
    (
        "model",
        "model-key",
        Shape,
        r"(?-u:\b)(?P<model>sk-(?:proj|ant|svcacct|admin|or)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,}|hf_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{36,})",
    ),
    (
        "registry",
        "registry-token",
        Shape,
        r"(?-u:\b)(?P<registry>npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|SG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40,})",
    ),
    // Only the name and what opens the value; where the value ends depends on its quote and is found by hand. The name
    // may be quoted or escaped, as in JSON within JSON.
    (
        "name",
        "",
        Name,
        r#"(?P<name>(?i:passwords?|passwd|passphrase|pwd|secret|token|(?:api|access|private|secret|auth|encryption)[_-]?key|credentials?)(?i:[_-]?key)?)(?:\\?["'])?[ \t]{0,3}(?P<sign>=>|[:=])[ \t]{0,3}(?P<quote>\\?["'])?"#,
    ),
];

/// A bare value beyond this is no prose and no expression; judging it further would only cost time.
const LONG: usize = 1 << 10;

static ALL: LazyLock<Regex> = LazyLock::new(|| {
    let all: Vec<&str> = RULES.iter().map(|rule| rule.3).collect();
    regex::RegexBuilder::new(&all.join("|")).build().expect("the rules are valid constant patterns")
});

/// All secrets, in order and without overlaps.
pub(crate) fn find(text: &str) -> Vec<Finding> {
    if may_hold(text.as_bytes()) { search(text) } else { Vec::new() }
}

/// As [`find`], without looking first whether there can be any.
pub(crate) fn search(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut at = 0;
    while let Some(found) = ALL.captures_at(text, at) {
        let whole = found.get_match();
        let finding = match (found.name("name"), found.name("block")) {
            (Some(name), _) => {
                named(&found, name.as_str(), text, whole.end()).map(|named| strengthen(named, text))
            }
            (None, Some(_)) => Some(key_block(text, whole.end())),
            (None, None) => shaped(&found),
        };
        // What was refused may still hold a shape behind its name, but marks are never looked into.
        at = match (&finding, found.name("mark")) {
            (Some(finding), _) => finding.range.end,
            (None, Some(_)) => whole.end(),
            (None, None) => found.name("name").map_or(whole.start() + 1, |name| name.end()),
        };
        findings.extend(finding.filter(|finding| !finding.range.is_empty()));
    }
    findings
}

/// A value behind a telling name that also has the form of a known kind of secret is no guess any more.
fn strengthen(named: Finding, text: &str) -> Finding {
    let value = &text[named.range.clone()];
    let shape = ALL
        .captures_iter(value)
        .filter(|found| found.name("name").is_none() && found.name("block").is_none())
        .find_map(|found| shaped(&found));
    match shape {
        Some(shape) => Finding { class: shape.class, evidence: Shape, ..named },
        None => named,
    }
}

/// The body of a key block: up to its end line, or as far as it looks like one.
fn key_block(text: &str, start: usize) -> Finding {
    let rest = &text[start..];
    let body = rest.find(|c: char| !(c.is_ascii_alphanumeric() || " \t\r\n+/=:,\\|>-".contains(c)));
    let body = &rest[..body.unwrap_or(rest.len())];
    let body = &body[..body.find("-----END").unwrap_or(body.len())];
    let blank = body.trim().is_empty();
    let length = if blank { 0 } else { body.len() };
    Finding { class: "private-key", range: start..start + length, evidence: Shape }
}

/// A secret by the name before it.
fn named(found: &Captures<'_>, name: &str, text: &str, start: usize) -> Option<Finding> {
    let rest = &text[start..];
    let class = class_of(name);
    let (length, secret) = match found.name("quote") {
        Some(quote) => {
            let value = &rest[..quoted_length(rest, quote.as_str())];
            (value.len(), value.len() >= 3 && !is_placeholder(value))
        }
        None => {
            let value = bare_value(rest)?;
            let next = rest[value.len()..].chars().next();
            let colon = found.name("sign").is_some_and(|sign| sign.as_str() == ":");
            let folder = name.eq_ignore_ascii_case("pwd") && value.starts_with(['/', '~', '.']);
            (value.len(), !folder && is_bare_value(value, colon, next))
        }
    };
    secret.then(|| Finding { class, range: start..start + length, evidence: Name })
}

/// An unquoted value; `None` for a placeholder, which is told by its beginning so that refusing it costs little.
fn bare_value(rest: &str) -> Option<&str> {
    let ends = |c: char| c.is_whitespace() || "\"'&;,<>[]{}()\\".contains(c);
    let near = &rest[..rest.floor_char_boundary(LONG)];
    let near = &near[..near.find(ends).unwrap_or(near.len())];
    if is_placeholder(near) {
        return None;
    }
    let rest_of_it = &rest[near.len()..];
    Some(&rest[..near.len() + rest_of_it.find(ends).unwrap_or(rest_of_it.len())])
}

/// Bytes up to the closing quote or the end of the line.
fn quoted_length(rest: &str, quote: &str) -> usize {
    let ends: &[char] = match quote {
        "\"" => &['"', '\n'],
        "'" => &['\'', '\n'],
        _ => &['"', '\'', '\\', '\n'],
    };
    let mut at = 0;
    while let Some(found) = rest[at..].find(|c| ends.contains(&c) || c == '\\') {
        at += found;
        // An escaped character is part of the value, unless the quote itself is an escaped one.
        if quote.len() > 1 || !rest[at..].starts_with('\\') {
            return at;
        }
        at += 1 + rest[at + 1..].chars().next().map_or(0, char::len_utf8);
    }
    rest.len()
}

/// A secret by its own shape.
fn shaped(found: &Captures<'_>) -> Option<Finding> {
    if found.name("mark").is_some() {
        return None;
    }
    RULES.iter().find_map(|(group, class, evidence, _)| {
        let secret = found.name(group).filter(|secret| !secret.is_empty())?;
        let good = match *group {
            "line" => is_mixed(secret.as_str()),
            "url" => !is_placeholder(secret.as_str()),
            _ => true,
        };
        good.then(|| Finding { class, range: secret.range(), evidence: *evidence })
    })
}

/// The class for a name such as `DB_PASSWORD` or `clientSecret`.
fn class_of(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.contains(end));
    if ends(&["passw", "passphrase", "pwd"]) {
        "password"
    } else if ends(&["key"]) {
        "api-key"
    } else if ends(&["token"]) {
        "token"
    } else {
        "secret"
    }
}

/// Values that stand for a secret without being one.
fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 12] = [
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
    ];
    let value = value.trim_end_matches([',', '.', ';', ')']);
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '-' | '•' | '\u{fffd}'))
        || value.starts_with(['$', '%', '{', '<', '[', '*'])
}

/// Whether an unquoted value is a secret rather than prose or an expression of source code.
fn is_bare_value(value: &str, colon: bool, next: Option<char>) -> bool {
    let value = value.trim_end_matches(['.', ',']);
    if value.len() >= LONG {
        return true;
    }
    let digits = value.bytes().any(|b| b.is_ascii_digit());
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
    if value.len() < 3 || !(digits || letters) {
        return false;
    }
    let dotted = value.contains('.') && value.split('.').all(is_identifier);
    if colon {
        // `password: mail sent` is prose, `password: hunter2` is not.
        return digits && letters && value.len() >= 6 && !dotted;
    }
    if dotted || (digits && !letters && value.len() < 6) {
        return false;
    }
    // `f(password=password)` passes a variable on; a word before a bracket or comma is an argument.
    let argument = matches!(next, Some(')' | ',')) && is_identifier(value) && !digits;
    let called = matches!(next, Some('(' | '['));
    !argument && !called
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Upper case, lower case and digits together, as in encoded bytes, and not one long path.
fn is_mixed(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.matches('/').count() < 6
}
