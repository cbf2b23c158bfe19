//! What changed between two commits, in a form that depends on the commits alone and not on anyone's settings.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::read::FileMode;
use super::{GitError, Repository, Sha};

/// Largest patch that is produced, in bytes.
const PATCH_CAP: usize = 32 * 1024 * 1024;

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or its mode differs.
    Modified,
    /// It has another name, and perhaps another content.
    Renamed,
    /// It turned from a file into a link or another repository, or back.
    TypeChanged,
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Where it is now; for a deleted file, where it was. Text as git has it, since a hostile name must be shown too.
    pub path: String,
    /// Where it was, if it was renamed.
    pub old_path: Option<String>,
    /// What happened.
    pub kind: ChangeKind,
    /// What it was.
    pub old_mode: Option<FileMode>,
    /// What it is now.
    pub new_mode: Option<FileMode>,
    /// Lines added; 0 for a binary file.
    pub added: u64,
    /// Lines removed; 0 for a binary file.
    pub removed: u64,
    /// Whether git takes the content for binary.
    pub binary: bool,
}

/// The difference between two commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// The files, in git's order.
    pub files: Vec<FileChange>,
    /// The patch as text for people; bytes that are not UTF-8 are replaced.
    pub patch: String,
    /// SHA-256 of the patch's bytes, in hexadecimal. Blob ids are part of the patch, so it covers binary content too.
    pub hash: String,
}

/// Flags that fix every choice a configuration could make.
const CANONICAL: [&str; 12] = [
    "diff-tree",
    "-r",
    "-z",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--full-index",
    "--find-renames=50%",
    "-l1000",
    "--diff-algorithm=histogram",
    "--ignore-submodules=none",
    "--submodule=short",
];
const PATCH: [&str; 7] = [
    "--patch",
    "--unified=3",
    "--inter-hunk-context=0",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--indent-heuristic",
    "-O/dev/null",
];

impl Repository {
    /// The difference from `base` to `head`.
    pub fn diff(&self, base: &Sha, head: &Sha) -> Result<Diff, GitError> {
        self.seen.diff(base, head, || self.read_diff(base, head))
    }

    fn read_diff(&self, base: &Sha, head: &Sha) -> Result<Diff, GitError> {
        let raw = self.compare(&["--raw", "--no-abbrev"], base, head)?;
        let counted = self.compare(&["--numstat"], base, head)?;
        let patch = self.compare(&PATCH, base, head)?;
        let mut files = raw_changes(&raw)?;
        add_counts(&mut files, &counted)?;
        Ok(Diff {
            files,
            hash: hex(&Sha256::digest(&patch)),
            patch: String::from_utf8_lossy(&patch).into_owned(),
        })
    }

    pub(super) fn compare(&self, flags: &[&str], base: &Sha, head: &Sha) -> Result<Vec<u8>, GitError> {
        let mut git = self.git(&CANONICAL).cap(PATCH_CAP);
        for flag in flags {
            git = git.arg(flag);
        }
        git.arg("--end-of-options").arg(base.as_str()).arg(head.as_str()).arg("--").run(self.recorder())
    }

    /// The paths that differ between two trees or commits, renames as a deletion and an addition.
    pub(super) fn changed_paths(&self, from: &Sha, to: &Sha) -> Result<Vec<FileChange>, GitError> {
        let raw = self
            .git(&[
                "diff-tree",
                "-r",
                "-z",
                "--raw",
                "--no-abbrev",
                "--no-renames",
                "--ignore-submodules=none",
            ])
            .arg("--end-of-options")
            .arg(from.as_str())
            .arg(to.as_str())
            .run(self.recorder())?;
        raw_changes(&raw)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const RAW: GitError = GitError::Unexpected { command: "diff-tree", what: "raw records" };

/// Records of `--raw -z`: `:old new id id status NUL path NUL`, with a second path for a rename.
fn raw_changes(printed: &[u8]) -> Result<Vec<FileChange>, GitError> {
    let mut fields = printed.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let mut files = Vec::new();
    while let Some(head) = fields.next() {
        if head.is_empty() {
            break;
        }
        let parts: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let &[old_mode, new_mode, _, _, status] = parts.as_slice() else { return Err(RAW) };
        let first = fields.next().ok_or(RAW)?.into_owned();
        let (kind, path, old_path) = match status.as_bytes().first() {
            Some(b'A') => (ChangeKind::Added, first, None),
            Some(b'D') => (ChangeKind::Deleted, first, None),
            Some(b'M') => (ChangeKind::Modified, first, None),
            Some(b'T') => (ChangeKind::TypeChanged, first, None),
            Some(b'R') => (ChangeKind::Renamed, fields.next().ok_or(RAW)?.into_owned(), Some(first)),
            _ => return Err(RAW),
        };
        files.push(FileChange {
            path,
            old_path,
            kind,
            old_mode: mode(old_mode),
            new_mode: mode(new_mode),
            added: 0,
            removed: 0,
            binary: false,
        });
    }
    Ok(files)
}

fn mode(text: &str) -> Option<FileMode> {
    (text != "000000").then(|| FileMode::parse(text))
}

/// Records of `--numstat -z`: `added TAB removed TAB path NUL`; a rename has an empty path and two more fields.
fn add_counts(files: &mut [FileChange], printed: &[u8]) -> Result<(), GitError> {
    let unexpected =
        || GitError::Unexpected { command: "diff-tree", what: "one count for each changed file" };
    let mut fields = printed.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    for file in files {
        let record = fields.next().ok_or_else(unexpected)?;
        let mut parts = record.splitn(3, '\t');
        let (Some(added), Some(removed), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(unexpected());
        };
        if path.is_empty() {
            fields.next();
            fields.next();
        }
        file.binary = added == "-";
        file.added = added.parse().unwrap_or(0);
        file.removed = removed.parse().unwrap_or(0);
    }
    Ok(())
}
