//! Who last changed the lines of a function: the start of every search for a culprit.

use std::collections::BTreeMap;

use super::{GitError, RepoPath, Repository, Sha};

impl Repository {
    /// The commits that last changed the lines `first` to `last` of a file, with the number of lines each.
    ///
    /// Lines beyond the end of the file are left out, and lines from before the point where the history is cut off; a
    /// file that is not there has none.
    pub fn blame_lines(
        &self,
        commit: &Sha,
        path: &RepoPath,
        first: u32,
        last: u32,
    ) -> Result<BTreeMap<Sha, u32>, GitError> {
        if first == 0 || last < first || self.entry(commit, path)?.is_none() {
            return Ok(BTreeMap::new());
        }
        let printed = self
            .git(&["blame", "--porcelain", "--no-textconv"])
            .arg(format!("-L{first},{last}"))
            .arg(commit.as_str())
            .arg("--")
            .arg(path.as_str())
            .run_any(self.recorder())?;
        if printed.code != Some(0) && !printed.stderr.contains("has only") {
            return Err(GitError::Failed {
                command: "blame".to_owned(),
                code: printed.code,
                message: printed.stderr,
            });
        }
        let mut lines = count(&String::from_utf8_lossy(&printed.stdout));
        let cuts = self.cuts();
        lines.retain(|commit, _| !cuts.contains(commit.as_str()));
        Ok(lines)
    }
}

/// Counts the header lines of porcelain output, `SHA original-line final-line [lines in group]`.
///
/// Content lines start with a tab, and no other header starts with a full object id.
fn count(printed: &str) -> BTreeMap<Sha, u32> {
    let mut lines = BTreeMap::new();
    for line in printed.lines().filter(|line| !line.starts_with('\t')) {
        let mut words = line.split(' ');
        let sha = words.next().and_then(|word| Sha::parse(word).ok());
        let numbers = words.take(2).filter(|word| word.parse::<u32>().is_ok()).count();
        if let Some(sha) = sha.filter(|_| numbers == 2) {
            *lines.entry(sha).or_insert(0) += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_commit_and_content_never_counts() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let printed = format!(
            "{a} 1 1 2\nauthor X\nsummary {b} 1 1\n\tcode\n{a} 2 2\n\t{b} 3 3\n{b} 9 3 1\nfilename x.py\n\tmore\n"
        );
        let found: Vec<(String, u32)> =
            count(&printed).into_iter().map(|(sha, lines)| (sha.to_string(), lines)).collect();
        assert_eq!(found, [(a, 2), (b, 1)]);
    }
}
