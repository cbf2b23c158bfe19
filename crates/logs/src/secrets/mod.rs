//! The shapes and names by which secrets are known.
//!
//! Each kind of evidence has a file of its own and is looked for in the whole text; what they find is put together
//! here. Findings that overlap are one secret. Every pass is linear in the text.

use std::ops::Range;

use crate::redact::{Evidence, Finding};

mod anchors;
mod blocks;
mod headers;
mod names;
pub(crate) mod personal;
mod shapes;
mod urls;
mod values;

pub(crate) use anchors::{any as may_hold, lines as held_lines, texts};

/// All secrets, in order and without overlaps.
pub(crate) fn find(text: &str) -> Vec<Finding> {
    if may_hold(text.as_bytes()) { search(text) } else { Vec::new() }
}

/// As [`find`], without looking first whether there can be any.
pub(crate) fn search(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    blocks::find(text, &mut found);
    names::find(text, &mut found);
    shapes::find(text, &mut found);
    urls::find(text, &mut found);
    settle(text, found)
}

/// The findings in order, those that overlap made one, and without the marks that stand for secrets already.
pub(crate) fn settle(text: &str, mut found: Vec<Finding>) -> Vec<Finding> {
    found.retain(|finding| !finding.range.is_empty());
    found.sort_by_key(|finding| (finding.range.start, std::cmp::Reverse(finding.range.end)));
    let mut whole: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        match whole.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                // A value behind a telling name that also has the form of a known kind is no guess any more.
                if last.evidence == Evidence::Name && finding.evidence == Evidence::Shape {
                    last.class = finding.class;
                    last.evidence = Evidence::Shape;
                }
                last.range.end = last.range.end.max(finding.range.end);
            }
            _ => whole.push(finding),
        }
    }
    let parts = |finding: Finding| {
        without_marks(text, &finding.range).into_iter().map(move |range| Finding { range, ..finding.clone() })
    };
    whole.into_iter().flat_map(parts).collect()
}

/// The parts of a finding between marks.
pub(crate) fn without_marks(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    for (at, length) in marks(text, range.start, range.end) {
        parts.push(start..at.max(start));
        start = at + length;
    }
    parts.push(start..range.end.max(start));
    parts.retain(|part| !text[part.clone()].trim().is_empty());
    parts
}

/// Offsets and lengths of the marks that touch a part of the text.
fn marks(text: &str, start: usize, end: usize) -> Vec<(usize, usize)> {
    const LONGEST: usize = 48;
    let from = text.floor_char_boundary(start.saturating_sub(LONGEST));
    let to = text.ceil_char_boundary((end + LONGEST).min(text.len()));
    let found = text[from..to].match_indices("[redacted:").filter_map(|(at, _)| {
        let at = from + at;
        let length = mark_length(&text[at..])?;
        (at < end && at + length > start).then_some((at, length))
    });
    found.collect()
}

/// Bytes of the mark that the text begins with: `[redacted:class:hash]`.
fn mark_length(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("[redacted:")?;
    let class = rest.bytes().take(24).take_while(|b| b.is_ascii_lowercase() || *b == b'-').count();
    let hash = rest[class..].strip_prefix(':')?.as_bytes().get(..5)?;
    let good = class > 0 && hash[4] == b']' && hash[..4].iter().all(u8::is_ascii_hexdigit);
    good.then_some("[redacted:".len() + class + 6)
}
