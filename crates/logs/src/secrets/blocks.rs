//! Private keys over several lines, whole or in part.
//!
//! A key may stand with real line breaks, with escaped ones inside a string, with a header of the log before each of its
//! lines, and may be cut at either end. So the lines around a marker count as long as each ends in encoded bytes, and a
//! long line of such bytes counts without any marker.

use std::sync::LazyLock;

use regex::Regex;

use super::anchors::is_mixed;
use crate::redact::{Evidence, Finding};

/// Bytes of a key, both ways from a marker.
const MOST: usize = 32 << 10;

/// Encoded bytes at the end of a line that make it one of a key, whatever stands before them.
const LONG: usize = 24;

/// Lines of a key that may be short: its headers, its last line, its check sum.
const GAP: usize = 4;

static BEGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"-{4,5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}|Private-Lines: [0-9]{1,4}",
    )
    .expect("the pattern is valid")
});

static END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"-{4,5} ?END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}|Private-MAC: ")
        .expect("the pattern is valid")
});

/// A line of a key alone on its line, or at the end of one with a header if its length is that of a key's lines. Hash
/// sums are lower case and fail the check of its letters.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?:^|\n|\\n)[ \t"'+]*([A-Za-z0-9+/]{60,76}={0,2})[ \t\r"',;+]*(?:\n|\\n|$)"#,
        r"|[ \t]([A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70}|[A-Za-z0-9+/]{76})[ \t\r]*(?:\n|\\n|$)"
    ))
    .expect("the pattern is valid")
});

/// Adds all parts of private keys.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let mut done = 0;
    for begin in BEGIN.find_iter(text) {
        if begin.start() < done {
            continue;
        }
        let rest = &text[begin.end()..text.floor_char_boundary(begin.end() + MOST)];
        // Another key ends this one, so that many beginnings cost no more than one.
        let rest = &rest[..rest.find("BEGIN ").unwrap_or(rest.len())];
        let body = rest.find("-----END").or(rest.find("---- END")).or(rest.find("Private-MAC"));
        let length = forward(&rest[..body.unwrap_or(rest.len())], body.is_some());
        done = begin.end() + length;
        push(text, begin.end()..done, found);
    }
    let mut last = 0;
    for end in END.find_iter(text) {
        let start = text.ceil_char_boundary(end.start().saturating_sub(MOST)).max(last);
        last = end.end();
        if !found.iter().any(|known| known.range.end + 16 > end.start() && known.range.start < end.start()) {
            let length = backward(&text[start..end.start()]);
            push(text, end.start() - length..end.start(), found);
        }
    }
    let mut at = 0;
    while let Some(captures) = LINE.captures_at(text, at) {
        let Some(line) = captures.get(1).or(captures.get(2)) else { break };
        if is_mixed(line.as_str().as_bytes()) && line.as_str().matches('/').count() < 8 {
            push(text, line.range(), found);
        }
        // The line break behind is the one before the next line.
        at = line.end();
    }
}

fn push(text: &str, range: std::ops::Range<usize>, found: &mut Vec<Finding>) {
    let part = &text[range.clone()];
    let blank = part
        .chars()
        .all(|c| c.is_whitespace() || matches!(c, '\\' | 'n' | 'r' | '"' | '\'' | ',' | '+' | '.'));
    if !blank && !part.contains("[redacted:") {
        found.push(Finding { class: "private-key", range, evidence: Evidence::Shape });
    }
}

/// Bytes of the lines behind a marker that are those of a key.
fn forward(body: &str, complete: bool) -> usize {
    let lines = lines(body);
    let plain = lines.iter().take_while(|(_, line)| is_part(line, false)).count();
    // With a header of the log before each line, all but the long ones look like text; few of them stand between.
    let mut long = 0;
    for (number, (_, line)) in lines.iter().enumerate() {
        if number > long + GAP {
            break;
        }
        long = if encoded(line) >= LONG { number + 1 } else { long };
    }
    let rest = lines.len() - plain.max(long);
    let count = if complete && rest <= GAP { lines.len() } else { plain.max(long) };
    count.checked_sub(1).map_or(0, |last| lines[last].0 + lines[last].1.len())
}

/// Bytes of the lines before an end marker that are those of a key.
fn backward(body: &str) -> usize {
    let lines = lines(body);
    let mut start = body.len();
    let mut short = 0;
    for (at, line) in lines.iter().rev() {
        if encoded(line) >= LONG {
            (start, short) = (*at, 0);
        } else if short < GAP && is_part(line, true) {
            short += 1;
            start = if short <= 2 && encoded(line) > 0 { *at } else { start };
        } else {
            break;
        }
    }
    body.len() - start
}

/// The lines and where each begins; escaped line breaks count.
fn lines(body: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, _) in body.match_indices('\n') {
        escaped_lines(body, start..at, &mut lines);
        start = at + 1;
    }
    escaped_lines(body, start..body.len(), &mut lines);
    lines
}

fn escaped_lines<'a>(body: &'a str, line: std::ops::Range<usize>, lines: &mut Vec<(usize, &'a str)>) {
    let mut start = line.start;
    for (at, _) in body[line.clone()].match_indices("\\n") {
        lines.push((start, &body[start..line.start + at]));
        start = line.start + at + 2;
    }
    lines.push((start, &body[start..line.end]));
}

fn trimmed(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_whitespace() || "\"'+,;\\>|.`".contains(c)).trim_end_matches("\\r")
}

/// Encoded bytes at the end of a line.
fn encoded(line: &str) -> usize {
    let word = trimmed(line).rsplit([' ', '\t', ':']).next().unwrap_or_default();
    let bytes = word.trim_end_matches('=').bytes();
    if bytes.clone().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/') { word.len() } else { 0 }
}

/// Whether a line may belong to a key: nothing but encoded bytes, or ending in many of them, or a header of the key.
fn is_part(line: &str, last: bool) -> bool {
    const HEADERS: [&str; 8] =
        ["Proc-Type:", "DEK-Info:", "Version:", "Comment:", "Charset:", "MessageID:", "Hash:", "Subject:"];
    let line = line.trim_end_matches('\r');
    let bare = trimmed(line);
    let words = bare.split_whitespace();
    bare.is_empty()
        || HEADERS.iter().any(|header| bare.starts_with(header))
        || words.clone().all(|word| word.trim_start_matches('=').len() >= 4 && encoded(word) == word.len())
        || encoded(line) >= LONG
        || (last && (encoded(line) > 0 || trimmed(line).starts_with('=') || bare.ends_with([']', ':', '-'])))
}
