//! The added lines of a unified diff, with their places, for those who review a change.

/// A line that a change adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddedLine<'a> {
    /// File, as the diff names it.
    pub(crate) file: &'a str,
    /// Line in the new file, from 1.
    pub(crate) line: u32,
    /// Its text.
    pub(crate) text: &'a str,
}

/// The lines that a patch in git's form adds, in order. Text that is not a patch adds nothing.
pub(crate) fn added_lines(patch: &str) -> Vec<AddedLine<'_>> {
    let mut added = Vec::new();
    let mut file = "";
    let mut line = 0u32;
    let mut old_left = 0u32;
    let mut new_left = 0u32;
    for text in patch.split('\n') {
        // Inside a hunk its own counts decide, so that content which looks like a header is content.
        if old_left > 0 || new_left > 0 {
            match text.as_bytes().first() {
                Some(b'+') => {
                    added.push(AddedLine { file, line, text: &text[1..] });
                    line += 1;
                    new_left = new_left.saturating_sub(1);
                }
                Some(b'-') => old_left = old_left.saturating_sub(1),
                Some(b'\\') => {}
                _ => {
                    line += 1;
                    old_left = old_left.saturating_sub(1);
                    new_left = new_left.saturating_sub(1);
                }
            }
        } else if let Some(path) = text.strip_prefix("+++ ") {
            file = path.strip_prefix("b/").unwrap_or(path).trim_end_matches('\t');
        } else if let Some((old, new_start, new)) = hunk_header(text) {
            old_left = old;
            new_left = new;
            line = new_start;
        }
    }
    added
}

/// Old length, new start, new length of `@@ -a,b +c,d @@`.
fn hunk_header(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.strip_prefix("@@ ")?.split(' ');
    let old = range(parts.next()?.strip_prefix('-')?)?;
    let new = range(parts.next()?.strip_prefix('+')?)?;
    Some((old.1, new.0, new.1))
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
    }

    #[test]
    fn content_that_looks_like_a_header_is_content() {
        let patch = "--- a/x\n+++ b/x\n@@ -0,0 +1,3 @@\n+++ b/evil\n+@@ -1 +1 @@\n+os.system(1)\n";
        let found: Vec<(&str, u32, &str)> =
            added_lines(patch).iter().map(|added| (added.file, added.line, added.text)).collect();
        assert_eq!(found, [("x", 1, "++ b/evil"), ("x", 2, "@@ -1 +1 @@"), ("x", 3, "os.system(1)")]);
    }
}
