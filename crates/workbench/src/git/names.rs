//! Names that are safe to hand to git or to join to a folder, checked once where they enter.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::GitError;

/// The full id of a git object: 40 or 64 lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha(String);

impl Sha {
    /// Takes a full object id; abbreviations are refused because they can become ambiguous later.
    pub fn parse(text: &str) -> Result<Sha, GitError> {
        let hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if hex && matches!(text.len(), 40 | 64) {
            Ok(Sha(text.to_owned()))
        } else {
            Err(GitError::BadSha(text.chars().take(80).collect()))
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Sha {
    type Error = GitError;

    fn try_from(text: String) -> Result<Sha, GitError> {
        Sha::parse(&text)
    }
}

impl From<Sha> for String {
    fn from(sha: Sha) -> String {
        sha.0
    }
}

impl std::str::FromStr for Sha {
    type Err = GitError;

    fn from_str(text: &str) -> Result<Sha, GitError> {
        Sha::parse(text)
    }
}

/// A path inside a repository: relative, with `/`, never leaving it and never naming a `.git`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

impl RepoPath {
    /// Takes a path as it stands; nothing is normalised, so equal paths are equal texts.
    pub fn parse(text: &str) -> Result<RepoPath, GitError> {
        let refuse = |reason| Err(GitError::BadPath { path: text.chars().take(200).collect(), reason });
        if text.is_empty() || text.len() > 4096 {
            return refuse("it is empty or longer than 4096 bytes");
        }
        if text.contains('\0') {
            return refuse("it contains a NUL byte");
        }
        for part in text.split('/') {
            match part {
                "" => return refuse("it is absolute or has an empty part"),
                "." | ".." => return refuse("it has a `.` or `..` part"),
                part if part.len() > 255 => return refuse("a part is longer than 255 bytes"),
                part if names_git(part) => return refuse("it names a git folder"),
                _ => {}
            }
        }
        Ok(RepoPath(text.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path beneath a folder. Whether a link lies on the way is for the reader of the file to refuse.
    pub fn beneath(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Every folder above it, outermost first: `a`, `a/b` for `a/b/c`.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

/// Whether a file system that folds case or ignores some characters would open `.git` under this name.
fn names_git(part: &str) -> bool {
    let plain: String = part
        .chars()
        .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
        .collect::<String>()
        .to_lowercase();
    let stem = plain.split(':').next().unwrap_or("").trim_end_matches(['.', ' ']);
    stem == ".git" || stem == "git~1"
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RepoPath {
    type Error = GitError;

    fn try_from(text: String) -> Result<RepoPath, GitError> {
        RepoPath::parse(&text)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> String {
        path.0
    }
}

impl std::str::FromStr for RepoPath {
    type Err = GitError;

    fn from_str(text: &str) -> Result<RepoPath, GitError> {
        RepoPath::parse(text)
    }
}

/// Checks a full ref name by git's own rules, stricter where that costs nothing.
pub(super) fn check_ref(name: &str) -> Result<(), GitError> {
    let refuse = |reason| Err(GitError::BadRef { name: name.chars().take(200).collect(), reason });
    if !name.starts_with("refs/") || name.len() > 1024 {
        return refuse("it does not start with `refs/` or is too long");
    }
    let forbidden =
        |c: char| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    if name.contains(forbidden) || name.contains("..") || name.contains("@{") {
        return refuse("it contains a character git forbids");
    }
    for part in name.split('/') {
        if part.is_empty() || part.starts_with(['.', '-']) || part.ends_with('.') || part.ends_with(".lock") {
            return refuse("a part is empty, starts with `.` or `-`, or ends with `.` or `.lock`");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_the_repository_or_enter_its_git_folder() {
        for bad in [
            "",
            "/etc/passwd",
            "a/../b",
            "..",
            ".",
            "a//b",
            "a/",
            "a\0b",
            ".git/config",
            "sub/.GIT/hooks/x",
            ".git",
            ".Git ",
            "git~1/x",
            ".git::$INDEX_ALLOCATION/x",
            ".g\u{200c}it/x",
        ] {
            assert!(RepoPath::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "src/app.py", ".gitignore", ".github/workflows/ci.yml", "-n", "a b/é\n"] {
            assert_eq!(RepoPath::parse(good).map(|path| path.to_string()).ok().as_deref(), Some(good));
        }
    }

    #[test]
    fn an_object_id_is_full_and_lowercase() {
        assert!(Sha::parse(&"a".repeat(40)).is_ok());
        assert!(Sha::parse(&"0".repeat(64)).is_ok());
        for bad in ["HEAD", "abc123", &"A".repeat(40), &"g".repeat(40), "--output=x"] {
            assert!(Sha::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ref_name_is_checked_before_git_sees_it() {
        for bad in [
            "HEAD",
            "refs/heads/a b",
            "refs/heads/../x",
            "refs/heads/-x",
            "refs//x",
            "refs/heads/x.lock",
            "--x",
        ] {
            assert!(check_ref(bad).is_err(), "{bad}");
        }
        assert!(check_ref("refs/groundcrew/snapshots/7").is_ok());
    }

    #[test]
    fn the_folders_of_a_path_come_outermost_first() {
        let path = RepoPath::parse("a/b/c").expect("a plain path");
        assert_eq!(path.folders().collect::<Vec<_>>(), ["a", "a/b"]);
    }
}
