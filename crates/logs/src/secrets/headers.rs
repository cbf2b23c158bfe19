//! Values of headers: what follows `Authorization:` and `Cookie:`.
//!
//! They hold several words or pairs, some in quotes of their own, so that neither the next blank nor the next quote ends
//! them.

use std::sync::LazyLock;

use regex::Regex;

use super::values::{is_placeholder, value};
use crate::redact::{Evidence, Finding};

/// Longest value without an end that is taken for a header, in bytes.
const MOST: usize = 8 << 10;

/// Credentials behind the name of their scheme: one word, or pairs that may be quoted.
static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)^(?i:basic|bearer|digest|negotiate|ntlm|token|apikey|api-key|bot|hawk|oauth|sharedkey|sharedkeylite|
            signature|key|aws4-hmac-sha256|googlelogin|splunk|genie[k]ey|dpop|mac)[\ \t]{1,8}
            (?P<pairs>(?:[A-Za-z][A-Za-z0-9_-]*=(?:\\*"[^"\n]*"|[!-~&&[^"'\\\[\]]]*)[,;\ ]{0,2})+
            |[!-~&&[^"'\\,;\[\]<>{}()]]{4,}=*)"#,
    )
    .expect("the pattern is valid")
});

/// Pairs of a cookie header, with the attributes of one that is set.
static COOKIES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)^(?:[!-~&&[^=;,"'\\\[\]{}<>]]{1,100}=[!-~&&[^;,"'\\\[\]{}<>]]*)
            (?:[;,]\ ?(?:(?i:expires)=[A-Za-z]{3},\ [0-9A-Za-z:\ -]{10,30}GMT
            |[!-~&&[^=;,"'\\\[\]{}<>]]{1,100}(?:=[!-~&&[^;,"'\\\[\]{}<>]]*)?))*"#,
    )
    .expect("the pattern is valid")
});

/// The secret part of the header's value that begins at the offset.
pub(super) fn find(text: &str, at: usize, name: &str) -> Option<Finding> {
    let name = name.to_ascii_lowercase();
    if name.ends_with("authorization") { authorization(text, at) } else { cookie(text, at) }
}

fn authorization(text: &str, at: usize) -> Option<Finding> {
    let whole = value(text, at)?;
    let rest = near(text, whole.range.start);
    let end = if whole.quoted { (whole.range.end - whole.range.start).min(rest.len()) } else { rest.len() };
    // Within quotes that are escaped, those of the pairs are escaped once more.
    let secret = match SCHEME.captures(&rest[..end]).and_then(|found| found.name("pairs")) {
        Some(pairs) if pairs.as_str().contains("=\"") || pairs.as_str().contains(", ") => pairs.range(),
        Some(word) => {
            let end = word.as_str().find([' ', ',']).unwrap_or(word.len());
            word.start()..word.start() + end
        }
        None => raw(&text[whole.range.clone()])?,
    };
    let part = &rest[secret.clone()];
    let start = whole.range.start;
    let range = start + secret.start..start + secret.start + part.trim_end_matches([' ', ',', ';']).len();
    (!is_placeholder(&text[range.clone()])).then_some(Finding {
        class: "authorization",
        range,
        evidence: Evidence::Shape,
    })
}

/// A key without the name of a scheme.
fn raw(value: &str) -> Option<std::ops::Range<usize>> {
    let word = value.split([' ', ',']).next().unwrap_or_default();
    let digits = word.bytes().any(|b| b.is_ascii_digit());
    let letters = word.bytes().any(|b| b.is_ascii_alphabetic());
    (word.len() >= 8 && digits && letters).then_some(0..word.len())
}

fn cookie(text: &str, at: usize) -> Option<Finding> {
    let rest = near(text, at);
    let (start, end) = match rest.as_bytes().first() {
        // Cookies that were read into a table, or a list of headers.
        Some(b'{' | b'<') => (0, rest.find(['}', '>', '\n']).unwrap_or(rest.len())),
        Some(b'[') if !rest.starts_with("[redacted:") => (1, rest.find([']', '\n']).unwrap_or(rest.len())),
        _ => {
            let whole = value(text, at)?;
            let start = whole.range.start - at;
            let length = COOKIES.find(rest.get(start..)?)?.len();
            (start, if whole.quoted { start + length.max(whole.range.len()) } else { start + length })
        }
    };
    let end = end.min(rest.len());
    let part = rest.get(start..end)?;
    let inner = part.trim_start_matches(['{', '<', '"', '\'', ' ']);
    let secret = part.contains(['=', ':']) && inner.len() >= 3 && !part.contains("[redacted:");
    let range = at + end - inner.len()..at + end;
    secret.then_some(Finding { class: "cookie", range, evidence: Evidence::Shape })
}

fn near(text: &str, at: usize) -> &str {
    &text[at..text.floor_char_boundary(at + MOST)]
}
