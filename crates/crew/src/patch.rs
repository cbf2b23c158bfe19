//! The lines that a unified diff adds and removes, with their places, for those who review a change.

/// A line of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedLine<'a> {
    /// File, as the diff names it: the new name of an added line, the old one of a removed line.
    pub(crate) file: &'a str,
    /// Line in that file, from 1.
    pub(crate) line: u32,
    /// Its text.
    pub(crate) text: &'a str,
}

/// The lines that a patch in git's form adds, in order. Text that is not a patch adds nothing.
pub(crate) fn added_lines(patch: &str) -> Vec<ChangedLine<'_>> {
    changed_lines(patch).added
}

/// Both sides of a patch.
#[derive(Debug, Default)]
pub(crate) struct ChangedLines<'a> {
    pub(crate) added: Vec<ChangedLine<'a>>,
    pub(crate) removed: Vec<ChangedLine<'a>>,
}

/// The lines that a patch in git's form adds and removes, in order.
pub(crate) fn changed_lines(patch: &str) -> ChangedLines<'_> {
    let mut found = ChangedLines::default();
    let (mut old_file, mut new_file) = ("", "");
    let (mut old_line, mut new_line) = (0u32, 0u32);
    let (mut old_left, mut new_left) = (0u32, 0u32);
    for text in patch.split('\n') {
        // Inside a hunk its own counts decide, so that content which looks like a header is content.
        if old_left > 0 || new_left > 0 {
            let sign = text.as_bytes().first();
            if sign == Some(&b'+') {
                found.added.push(ChangedLine { file: new_file, line: new_line, text: &text[1..] });
            } else if sign == Some(&b'-') {
                found.removed.push(ChangedLine { file: old_file, line: old_line, text: &text[1..] });
            }
            if !matches!(sign, Some(b'+' | b'\\')) {
                old_line += 1;
                old_left = old_left.saturating_sub(1);
            }
            if !matches!(sign, Some(b'-' | b'\\')) {
                new_line += 1;
                new_left = new_left.saturating_sub(1);
            }
        } else if let Some(path) = text.strip_prefix("--- ") {
            old_file = path.strip_prefix("a/").unwrap_or(path).trim_end_matches('\t');
        } else if let Some(path) = text.strip_prefix("+++ ") {
            new_file = path.strip_prefix("b/").unwrap_or(path).trim_end_matches('\t');
        } else if let Some(((old_start, old), (new_start, new))) = hunk_header(text) {
            (old_line, old_left) = (old_start, old);
            (new_line, new_left) = (new_start, new);
        }
    }
    found
}

/// Start and length of both sides of `@@ -a,b +c,d @@`.
fn hunk_header(text: &str) -> Option<((u32, u32), (u32, u32))> {
    let mut parts = text.strip_prefix("@@ ")?.split(' ');
    let old = range(parts.next()?.strip_prefix('-')?)?;
    let new = range(parts.next()?.strip_prefix('+')?)?;
    Some((old, new))
}

fn range(text: &str) -> Option<(u32, u32)> {
    match text.split_once(',') {
        Some((start, length)) => Some((start.parse().ok()?, length.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_have_their_place_in_the_new_file() {
        let patch = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,4 @@ def f():\n a\n-b\n+B\n+C\n d\n\
                     @@ -10 +11 @@\n-k\n+K\n";
        let found: Vec<(u32, &str)> =
            added_lines(patch).iter().map(|added| (added.line, added.text)).collect();
        assert_eq!(found, [(2, "B"), (3, "C"), (11, "K")]);
        let gone: Vec<(u32, &str)> =
            changed_lines(patch).removed.iter().map(|removed| (removed.line, removed.text)).collect();
        assert_eq!(gone, [(2, "b"), (10, "k")]);
    }

    #[test]
    fn content_that_looks_like_a_header_is_content() {
        let patch = "--- a/x\n+++ b/x\n@@ -0,0 +1,3 @@\n+++ b/evil\n+@@ -1 +1 @@\n+os.system(1)\n";
        let found: Vec<(&str, u32, &str)> =
            added_lines(patch).iter().map(|added| (added.file, added.line, added.text)).collect();
        assert_eq!(found, [("x", 1, "++ b/evil"), ("x", 2, "@@ -1 +1 @@"), ("x", 3, "os.system(1)")]);
    }
}
