//! Reading commits: trees, files, history, blame; always from the object store, so no link can be followed.

use std::sync::Arc;

use groundcrew_core::audit::Act;
use serde::{Deserialize, Serialize};

use super::open::text;
use super::{GitError, RepoPath, Repository, Sha};

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// A plain file, mode 100644.
    File,
    /// A file that may be run, mode 100755.
    Executable,
    /// A symbolic link, mode 120000; its content is the target.
    Symlink,
    /// Another repository, mode 160000; it has no content here.
    Gitlink,
}

impl FileMode {
    /// The mode as git writes it; anything that is none of the four counts as a plain file.
    pub(super) fn parse(mode: &str) -> FileMode {
        match mode {
            "100755" => FileMode::Executable,
            "120000" => FileMode::Symlink,
            "160000" => FileMode::Gitlink,
            _ => FileMode::File,
        }
    }

    /// The mode as git writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            FileMode::File => "100644",
            FileMode::Executable => "100755",
            FileMode::Symlink => "120000",
            FileMode::Gitlink => "160000",
        }
    }
}

/// One file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Where it is.
    pub path: RepoPath,
    /// What it is.
    pub mode: FileMode,
    /// Id of its content; equal ids are equal contents.
    pub blob: Sha,
    /// Bytes of its content; 0 for a gitlink.
    pub size: u64,
}

/// A commit without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitInfo {
    /// Its id.
    pub sha: Sha,
    /// Its parents; none for a root, several for a merge.
    pub parents: Vec<Sha>,
    /// Author's name, as the author wrote it: untrusted text.
    pub author: String,
    /// Author's address: untrusted text.
    pub email: String,
    /// When it was authored, in seconds since 1970 UTC.
    pub time: i64,
    /// When it was committed, in seconds since 1970 UTC.
    pub committed: i64,
    /// First line of the message: untrusted text.
    pub subject: String,
    /// The whole message: untrusted text.
    pub message: String,
}

const FORMAT: &str = "--format=%H%x00%P%x00%an%x00%ae%x00%at%x00%ct%x00%s%x00%B";
const FIELDS: usize = 8;

impl Repository {
    /// All files of a commit in git's order. Names that are not UTF-8 or that no [`RepoPath`] can hold are left out.
    pub fn files(&self, commit: &Sha) -> Result<Vec<TreeEntry>, GitError> {
        self.listed(commit).map(|files| files.as_ref().clone())
    }

    /// As [`Repository::files`], shared.
    pub(super) fn listed(&self, commit: &Sha) -> Result<Arc<Vec<TreeEntry>>, GitError> {
        if let Some(known) = self.seen.files(commit) {
            return Ok(known);
        }
        let listed = self
            .git(&["ls-tree", "-r", "-l", "-z", "--full-tree"])
            .arg(commit.as_str())
            .run(self.recorder())?;
        let files = Arc::new(listed.split(|byte| *byte == 0).filter_map(tree_entry).collect());
        self.seen.keep_files(commit, &files);
        Ok(files)
    }

    /// The tree entry at a path, also if it is a link; none if there is nothing or a folder.
    pub fn entry(&self, commit: &Sha, path: &RepoPath) -> Result<Option<TreeEntry>, GitError> {
        if let Some(files) = self.seen.files(commit) {
            return Ok(files.iter().find(|entry| entry.path == *path).cloned());
        }
        let listed = self
            .git(&["ls-tree", "-l", "-z", "--full-tree"])
            .arg(commit.as_str())
            .arg("--")
            .arg(path.as_str())
            .run(self.recorder())?;
        Ok(listed.split(|byte| *byte == 0).filter_map(tree_entry).find(|entry| entry.path == *path))
    }

    /// The content of a file of a commit; none if there is no plain file at that path (a link is not followed).
    ///
    /// # Errors
    /// [`GitError::TooLarge`] if it has more than `cap` bytes.
    pub fn read(&self, commit: &Sha, path: &RepoPath, cap: u64) -> Result<Option<Vec<u8>>, GitError> {
        let Some(entry) = self.entry(commit, path)? else { return Ok(None) };
        match entry.mode {
            FileMode::File | FileMode::Executable => {}
            FileMode::Symlink | FileMode::Gitlink => return Ok(None),
        }
        if entry.size > cap {
            return Err(GitError::TooLarge { what: format!("{path} in {}", commit.short()), cap });
        }
        let bytes = self.blob(&entry.blob)?;
        self.recorder.record(Act::FileRead {
            path: path.to_string(),
            commit: Some(commit.to_string()),
            bytes: bytes.len() as u64,
        });
        Ok(Some(bytes))
    }

    /// The newest commits reachable from `commit`, newest first; with a path only those that changed it.
    pub fn history(
        &self,
        commit: &Sha,
        path: Option<&RepoPath>,
        limit: usize,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let mut git = self
            .git(&[
                "log",
                "-z",
                "--no-patch",
                "--no-ext-diff",
                "--no-textconv",
                "--no-show-signature",
                "--no-color",
            ])
            .arg("--no-follow")
            .arg(FORMAT)
            .arg(format!("--max-count={limit}"))
            .arg("--end-of-options")
            .arg(commit.as_str())
            .arg("--");
        if let Some(path) = path {
            git = git.arg(path.as_str());
        }
        commits(&git.run(self.recorder())?)
    }

    /// One commit.
    ///
    /// # Errors
    /// [`GitError::NoSuchCommit`] if there is none.
    pub fn commit_info(&self, commit: &Sha) -> Result<CommitInfo, GitError> {
        self.seen.commit(commit, || {
            self.resolve(commit.as_str())?;
            let found = self.history(commit, None, 1)?;
            found.into_iter().next().ok_or_else(|| GitError::NoSuchCommit(commit.to_string()))
        })
    }

    /// The id of a commit's tree: equal for commits whose files are equal.
    pub fn tree(&self, commit: &Sha) -> Result<Sha, GitError> {
        self.seen.tree(commit, || {
            let printed = self
                .git(&["rev-parse", "--verify", "--end-of-options"])
                .arg(format!("{commit}^{{tree}}"))
                .run(self.recorder())?;
            Sha::parse(String::from_utf8_lossy(&printed).trim())
        })
    }

    /// The commit that last changed a line, counted from 1; none if the file or the line does not exist, or if the
    /// history is cut off before it tells.
    pub fn blame(&self, commit: &Sha, path: &RepoPath, line: u32) -> Result<Option<CommitInfo>, GitError> {
        if line == 0 || self.entry(commit, path)?.is_none() {
            return Ok(None);
        }
        let printed = self
            .git(&["blame", "--porcelain", "--no-textconv"])
            .arg(format!("-L{line},{line}"))
            .arg(commit.as_str())
            .arg("--")
            .arg(path.as_str())
            .run_any(self.recorder())?;
        if printed.code != Some(0) {
            // Git tells a missing line only by its message; every other failure must not pass for one.
            return if printed.stderr.contains("has only") {
                Ok(None)
            } else {
                Err(GitError::Failed {
                    command: "blame".to_owned(),
                    code: printed.code,
                    message: printed.stderr,
                })
            };
        }
        let first = text(&printed.stdout);
        let sha = first.split_whitespace().next().unwrap_or("");
        let sha = Sha::parse(sha)?;
        if self.is_cut_at(&sha) { Ok(None) } else { self.commit_info(&sha).map(Some) }
    }

    /// Folders of a commit that are other repositories. Their content is not fetched and is none of this project.
    pub fn submodules(&self, commit: &Sha) -> Result<Vec<RepoPath>, GitError> {
        let entries = self.files(commit)?.into_iter();
        Ok(entries.filter(|entry| entry.mode == FileMode::Gitlink).map(|entry| entry.path).collect())
    }

    /// The content of an object by its id.
    pub(super) fn blob(&self, blob: &Sha) -> Result<Vec<u8>, GitError> {
        let read = || self.git(&["cat-file", "blob"]).arg(blob.as_str()).run(self.recorder());
        self.seen.blob(blob, read).map(|content| content.as_ref().clone())
    }
}

/// One record of `ls-tree -l -z`: `mode SP type SP id SP+ size TAB path`.
fn tree_entry(record: &[u8]) -> Option<TreeEntry> {
    let record = std::str::from_utf8(record).ok()?;
    let (head, path) = record.split_once('\t')?;
    let mut parts = head.split_ascii_whitespace();
    let (mode, kind, id, size) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if kind == "tree" {
        return None;
    }
    Some(TreeEntry {
        path: RepoPath::parse(path).ok()?,
        mode: FileMode::parse(mode),
        blob: Sha::parse(id).ok()?,
        size: size.parse().unwrap_or(0),
    })
}

fn commits(printed: &[u8]) -> Result<Vec<CommitInfo>, GitError> {
    let printed = String::from_utf8_lossy(printed);
    let fields: Vec<&str> = printed.split('\0').collect();
    let unexpected = GitError::Unexpected { command: "log", what: "commits with eight fields each" };
    let mut found = Vec::new();
    for commit in fields.chunks(FIELDS) {
        let &[sha, parents, author, email, time, committed, subject, message] = commit else {
            // The last separator leaves one empty field.
            if commit == [""] {
                break;
            }
            return Err(unexpected);
        };
        found.push(CommitInfo {
            sha: Sha::parse(sha)?,
            parents: parents.split_whitespace().map(Sha::parse).collect::<Result<_, _>>()?,
            author: author.to_owned(),
            email: email.to_owned(),
            time: time.parse().unwrap_or(0),
            committed: committed.parse().unwrap_or(0),
            subject: subject.to_owned(),
            message: message.trim_end().to_owned(),
        });
    }
    Ok(found)
}
