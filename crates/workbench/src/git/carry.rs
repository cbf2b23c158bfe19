//! Where the lines of one commit lie in another, by what changed between them.

use std::collections::BTreeMap;

use super::{GitError, Repository, Sha};

/// Changed files that are looked at; a change of more is none in which single lines can be followed.
const MOST_FILES: usize = 20_000;

/// Where a line lies in another commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarriedLine {
    /// It is the same line, at this number.
    Same(u32),
    /// It was changed or removed; what stands in its place begins at this number.
    Changed(u32),
}

/// The lines of one commit as they lie in another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carried {
    files: BTreeMap<String, Moved>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Moved {
    /// Where the file is now; none where it is gone.
    path: Option<String>,
    hunks: Vec<Hunk>,
}

/// Lines that were replaced: first and number before, first and number after, as git counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hunk {
    old: (u32, u32),
    new: (u32, u32),
}

impl Repository {
    /// Where the lines of `from` lie in `to`.
    ///
    /// # Errors
    /// The two cannot be compared, or differ too much.
    pub fn carry(&self, from: &Sha, to: &Sha) -> Result<Carried, GitError> {
        let flags = ["--patch", "--unified=0", "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null"];
        let patch = self.compare(&flags, from, to)?;
        Ok(Carried::read(&String::from_utf8_lossy(&patch)))
    }
}

impl Carried {
    /// Where a file is now; none where it is gone.
    pub fn file<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        self.files.get(path).map_or(Some(path), |moved| moved.path.as_deref())
    }

    /// Where a line of a file is now, counted from 1.
    pub fn line(&self, path: &str, line: u32) -> CarriedLine {
        let Some(moved) = self.files.get(path) else { return CarriedLine::Same(line) };
        let mut shift = 0i64;
        for hunk in &moved.hunks {
            let (first, count) = hunk.old;
            // Git names the line before an insertion.
            let begins = if count == 0 { first.saturating_add(1) } else { first };
            if line < begins {
                break;
            }
            if line < begins.saturating_add(count) {
                return CarriedLine::Changed(hunk.new.0.max(1));
            }
            shift += i64::from(hunk.new.1) - i64::from(count);
        }
        CarriedLine::Same(u32::try_from(i64::from(line) + shift).unwrap_or(1).max(1))
    }

    /// Reads a patch without context. What a hunk holds is skipped by its numbers, since it may look like anything.
    fn read(patch: &str) -> Self {
        let mut files = BTreeMap::new();
        let (mut old, mut moved): (Option<String>, Moved) = (None, Moved::default());
        let mut lines = patch.split('\n');
        while let Some(line) = lines.next() {
            if line.starts_with("diff --git ") {
                if let Some(path) = old.take() {
                    files.insert(path, std::mem::take(&mut moved));
                }
                moved = Moved::default();
                if files.len() >= MOST_FILES {
                    return Self { files };
                }
            } else if let Some(path) = line.strip_prefix("rename from ").or(line.strip_prefix("--- a/")) {
                old = Some(path.trim_end_matches('\t').to_owned());
            } else if let Some(path) = line.strip_prefix("rename to ").or(line.strip_prefix("+++ b/")) {
                moved.path = Some(path.trim_end_matches('\t').to_owned());
            } else if let Some(hunk) = Hunk::read(line) {
                let held = u64::from(hunk.old.1) + u64::from(hunk.new.1);
                moved.hunks.push(hunk);
                let mut left = held;
                while left > 0 {
                    match lines.next() {
                        // A remark about the end of the file.
                        Some(inside) if inside.starts_with('\\') => {}
                        Some(_) => left -= 1,
                        None => break,
                    }
                }
            }
        }
        if let Some(path) = old {
            files.insert(path, moved);
        }
        Self { files }
    }
}

impl Hunk {
    /// `@@ -3,2 +4 @@`: a missing number is one.
    fn read(line: &str) -> Option<Self> {
        let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
        let (old, new) = ranges.split_once(" +")?;
        let range = |text: &str| match text.split_once(',') {
            Some((first, count)) => Some((first.parse().ok()?, count.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        };
        Some(Self { old: range(old)?, new: range(new)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/shop.py b/shop.py\nindex 1..2 100644\n--- a/shop.py\n+++ b/shop.py\n\
        @@ -2,0 +3,2 @@ def f\n+a\n+b\n@@ -5,2 +8 @@\n---- a/other.py\n-x\n+++ b/evil.py\n@@ -9 +10,0 @@\n-gone\n\
        \\ No newline at end of file\ndiff --git a/old.py b/new.py\nsimilarity index 100%\nrename from old.py\n\
        rename to new.py\ndiff --git a/dead.py b/dead.py\ndeleted file mode 100644\n--- a/dead.py\n+++ /dev/null\n\
        @@ -1 +0,0 @@\n-x\n";

    #[test]
    fn a_line_is_found_where_it_went() {
        let carried = Carried::read(PATCH);
        let line = |number| carried.line("shop.py", number);
        assert_eq!([line(1), line(2)], [CarriedLine::Same(1), CarriedLine::Same(2)]);
        assert_eq!([line(3), line(4)], [CarriedLine::Same(5), CarriedLine::Same(6)]);
        assert_eq!([line(5), line(6)], [CarriedLine::Changed(8), CarriedLine::Changed(8)]);
        assert_eq!(
            [line(7), line(9), line(10)],
            [CarriedLine::Same(8), CarriedLine::Changed(10), CarriedLine::Same(10)]
        );
        assert_eq!(carried.line("untouched.py", 7), CarriedLine::Same(7));
    }

    #[test]
    fn a_file_is_found_under_its_new_name_and_one_that_is_gone_is_not() {
        let carried = Carried::read(PATCH);
        let file = |path| carried.file(path);
        assert_eq!(
            [file("old.py"), file("dead.py"), file("shop.py"), file("x.py")],
            [Some("new.py"), None, Some("shop.py"), Some("x.py")]
        );
        assert_eq!(file("other.py"), Some("other.py"), "the content of a file is no header");
        assert_eq!(Carried::read(""), Carried::default());
    }
}
