//! Who changed what lately: the lines of a file with their commits, commits with the sizes of their changes, tags.
//!
//! Each question is one git command, since a search for a culprit asks many and starting a process is most of its time.

use std::collections::BTreeMap;

use groundcrew_core::audit::Act;

use super::open::text;
use super::{FileMode, GitError, RepoPath, Repository, Sha, TreeEntry};

/// A commit as far as a search for a culprit needs it. Names and subject are untrusted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The commit.
    pub sha: Sha,
    /// Author's name.
    pub name: String,
    /// Author's address.
    pub email: String,
    /// When it was authored, in seconds since 1970 UTC.
    pub time: i64,
    /// First line of the message.
    pub subject: String,
}

/// A line of a file with the commit that last changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlamedLine {
    /// Number of the line, counted from 1.
    pub line: u32,
    /// The commit.
    pub by: Author,
}

/// A commit with what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The commit.
    pub by: Author,
    /// Files with the lines added and removed; binary files have none.
    pub files: Vec<(RepoPath, u64, u64)>,
}

/// Which commits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touching<'a> {
    /// Those that changed one of these files, with only these files.
    Paths(&'a [RepoPath]),
    /// Those that deleted files, with only the deleted ones.
    Deletions,
}

/// A tag with the commit it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Name without `refs/tags/`.
    pub name: String,
    /// The commit.
    pub commit: Sha,
    /// When the tag was made, in seconds since 1970 UTC.
    pub time: i64,
}

const FORMAT: &str = "--format=%H%x00%an%x00%ae%x00%at%x00%s%x00";

impl Repository {
    /// The lines `first` to `last` of a file with the commits that last changed them; lines beyond its end are left out.
    ///
    /// # Errors
    /// The file is not in the commit.
    pub fn blame_range(
        &self,
        commit: &Sha,
        path: &RepoPath,
        first: u32,
        last: u32,
    ) -> Result<Vec<BlamedLine>, GitError> {
        if first == 0 || last < first {
            return Ok(Vec::new());
        }
        let printed = self
            .git(&["blame", "--porcelain", "--no-textconv"])
            .arg(format!("-L{first},{last}"))
            .arg(commit.as_str())
            .arg("--")
            .arg(path.as_str())
            .run_any(self.recorder())?;
        if printed.code == Some(0) {
            let mut lines = blamed(&String::from_utf8_lossy(&printed.stdout));
            // The commit at which the history is cut off stands for all before it and is nobody's suspect.
            let cuts = self.cuts();
            lines.retain(|line| !cuts.contains(line.by.sha.as_str()));
            return Ok(lines);
        }
        // Git tells a missing line only by its message; every other failure must not pass for one.
        if printed.stderr.contains("has only") {
            return Ok(Vec::new());
        }
        Err(GitError::Failed { command: "blame".to_owned(), code: printed.code, message: printed.stderr })
    }

    /// The newest commits reachable from `until`, and not from `since` where that is given, newest first.
    pub fn touches(
        &self,
        until: &Sha,
        since: Option<&Sha>,
        wanted: Touching<'_>,
        limit: usize,
    ) -> Result<Vec<Touch>, GitError> {
        let mut git = self
            .git(&[
                "log",
                "-z",
                "--numstat",
                "--no-renames",
                "--no-ext-diff",
                "--no-textconv",
                "--no-show-signature",
                "--no-color",
                "--no-follow",
            ])
            .arg(FORMAT)
            .arg(format!("--max-count={limit}"));
        if wanted == Touching::Deletions {
            git = git.arg("--diff-filter=D");
        }
        git = git.arg("--end-of-options").arg(until.as_str());
        if let Some(since) = since {
            git = git.arg(format!("^{since}"));
        }
        git = git.arg("--");
        if let Touching::Paths(paths) = wanted {
            if paths.is_empty() {
                return Ok(Vec::new());
            }
            for path in paths {
                git = git.arg(path.as_str());
            }
        }
        touched(&git.run(self.recorder())?)
    }

    /// The newest tags that lead to commits, newest first.
    pub fn tags(&self, limit: usize) -> Result<Vec<Tag>, GitError> {
        let listed = self
            .git(&[
                "for-each-ref",
                // The last key counts first; tags of one second come by their version.
                "--sort=-version:refname",
                "--sort=-creatordate",
                "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(creatordate:unix) %(refname)",
            ])
            .arg(format!("--count={limit}"))
            .arg("refs/tags/")
            .run(self.recorder())?;
        Ok(text(&listed).lines().filter_map(tag).collect())
    }

    /// The text of a file that [`Repository::files`] listed for this commit; none if it is no plain file, no text, or has
    /// more than `cap` bytes.
    ///
    /// # Errors
    /// There is no such object.
    pub fn text_of(&self, commit: &Sha, entry: &TreeEntry, cap: u64) -> Result<Option<String>, GitError> {
        match entry.mode {
            FileMode::File | FileMode::Executable if entry.size <= cap => {}
            FileMode::File | FileMode::Executable | FileMode::Symlink | FileMode::Gitlink => return Ok(None),
        }
        let bytes = self.blob(&entry.blob)?;
        self.recorder().record(Act::FileRead {
            path: entry.path.to_string(),
            commit: Some(commit.to_string()),
            bytes: bytes.len() as u64,
        });
        Ok(String::from_utf8(bytes).ok())
    }
}

/// A lightweight tag names its commit itself, an annotated one the object behind it.
fn tag(line: &str) -> Option<Tag> {
    let (kind, rest) = line.split_once(' ')?;
    let (object, rest) = rest.split_once(' ')?;
    let (peeled_kind, rest) = rest.split_once(' ')?;
    let (peeled, rest) = rest.split_once(' ')?;
    let (time, name) = rest.split_once(' ')?;
    let commit = match (kind, peeled_kind) {
        ("commit", _) => object,
        (_, "commit") => peeled,
        _ => return None,
    };
    Some(Tag {
        name: name.strip_prefix("refs/tags/")?.to_owned(),
        commit: Sha::parse(commit).ok()?,
        time: time.parse().unwrap_or(0),
    })
}

/// Reads porcelain output: a header `SHA original final [count]` per line, what is known of a commit once, a tab and
/// the line's content.
fn blamed(printed: &str) -> Vec<BlamedLine> {
    let mut known: BTreeMap<Sha, Author> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut at: Option<(Sha, u32)> = None;
    for row in printed.split('\n') {
        if row.starts_with('\t') {
            lines.extend(at.take());
            continue;
        }
        let (word, rest) = row.split_once(' ').unwrap_or((row, ""));
        let Some((sha, _)) = &at else {
            let number = rest.split(' ').nth(1).and_then(|number| number.parse().ok());
            at = Sha::parse(word).ok().zip(number);
            if let Some((sha, _)) = &at {
                known.entry(sha.clone()).or_insert_with(|| Author {
                    sha: sha.clone(),
                    name: String::new(),
                    email: String::new(),
                    time: 0,
                    subject: String::new(),
                });
            }
            continue;
        };
        let Some(author) = known.get_mut(sha) else { continue };
        match word {
            "author" => rest.clone_into(&mut author.name),
            "author-mail" => {
                rest.trim_start_matches('<').trim_end_matches('>').clone_into(&mut author.email);
            }
            "author-time" => author.time = rest.parse().unwrap_or(0),
            "summary" => rest.clone_into(&mut author.subject),
            _ => {}
        }
    }
    lines
        .into_iter()
        .filter_map(|(sha, line)| known.get(&sha).map(|by| BlamedLine { line, by: by.clone() }))
        .collect()
}

/// Reads `log -z --numstat`: five fields per commit and an empty one, then `added TAB removed TAB path` per file.
fn touched(printed: &[u8]) -> Result<Vec<Touch>, GitError> {
    let unexpected =
        || GitError::Unexpected { command: "log", what: "commits with the sizes of their changes" };
    let printed = String::from_utf8_lossy(printed);
    let mut found: Vec<Touch> = Vec::new();
    let mut fields = printed.split('\0');
    while let Some(field) = fields.next() {
        let field = field.trim_start_matches('\n');
        if field.is_empty() {
            continue;
        }
        if field.contains('\t') {
            let touch = found.last_mut().ok_or_else(unexpected)?;
            touch.files.extend(sized(field));
            continue;
        }
        let sha = Sha::parse(field).map_err(|_| unexpected())?;
        let mut next = || fields.next().map(str::to_owned).ok_or_else(unexpected);
        let (name, email, time, subject) = (next()?, next()?, next()?, next()?);
        let by = Author { sha, name, email, time: time.parse().unwrap_or(0), subject };
        found.push(Touch { by, files: Vec::new() });
    }
    Ok(found)
}

/// A binary file has a dash instead of each number.
fn sized(field: &str) -> Option<(RepoPath, u64, u64)> {
    let (added, rest) = field.split_once('\t')?;
    let (removed, path) = rest.split_once('\t')?;
    Some((RepoPath::parse(path).ok()?, added.parse().unwrap_or(0), removed.parse().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(sha: &str, name: &str, subject: &str) -> Author {
        Author {
            sha: Sha::parse(sha).expect("a full id"),
            name: name.into(),
            email: "x@y".into(),
            time: 7,
            subject: subject.into(),
        }
    }

    #[test]
    fn content_that_looks_like_a_header_changes_nobodys_lines() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let printed = format!(
            "{a} 1 1 2\nauthor Ann\nauthor-mail <x@y>\nauthor-time 7\nsummary {b} 1 1\nfilename x\n\tcode\n{a} 2 2\n\
             \t{b} 3 3\n{b} 9 3 1\nauthor Bob\nauthor-mail <x@y>\nauthor-time 7\nsummary two\n\tauthor Eve\n"
        );
        let (ann, bob) = (author(&a, "Ann", &format!("{b} 1 1")), author(&b, "Bob", "two"));
        let line = |line, by: &Author| BlamedLine { line, by: by.clone() };
        assert_eq!(blamed(&printed), [line(1, &ann), line(2, &ann), line(3, &bob)]);
    }

    #[test]
    fn commits_are_read_with_the_sizes_of_their_changes() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let printed = format!(
            "{a}\0Ann\0x@y\x007\0One\0\0\n2\t1\tapp/x y.py\0-\t-\tlogo.png\0{b}\0Bob\0x@y\x007\0\0\0\n0\t4\t{a}\0"
        );
        let path = |path: &str| RepoPath::parse(path).expect("a plain path");
        let expected = [
            Touch {
                by: author(&a, "Ann", "One"),
                files: vec![(path("app/x y.py"), 2, 1), (path("logo.png"), 0, 0)],
            },
            Touch { by: author(&b, "Bob", ""), files: vec![(path(&a), 0, 4)] },
        ];
        assert_eq!(touched(printed.as_bytes()).expect("git's own form"), expected);
        assert_eq!(touched(b"").expect("no commits"), []);
        assert!(touched(b"0\t4\tx\0").is_err());
    }

    #[test]
    fn a_tag_leads_to_its_commit_directly_or_through_its_object() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let v1 = Tag { name: "v1".into(), commit: Sha::parse(&a).expect("a full id"), time: 7 };
        assert_eq!(tag(&format!("commit {a}   7 refs/tags/v1")), Some(v1.clone()));
        assert_eq!(tag(&format!("tag {b} commit {a} 7 refs/tags/v1")), Some(v1));
        assert_eq!(tag(&format!("tag {b} blob {a} 7 refs/tags/v1")), None);
    }
}
