//! Making commits without a work tree: by plumbing, with an index of our own, equal input giving an equal id.

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::open::text;
use super::read::FileMode;
use super::{ChangeKind, GitError, RepoPath, Repository, Sha};

/// A new content of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The file.
    pub path: RepoPath,
    /// Its whole new content; none deletes it.
    pub content: Option<Vec<u8>>,
}

impl Change {
    /// Gives a file a new content; a file that does not exist is made.
    pub fn write(path: RepoPath, content: impl Into<Vec<u8>>) -> Change {
        Change { path, content: Some(content.into()) }
    }

    /// Deletes a file.
    pub fn delete(path: RepoPath) -> Change {
        Change { path, content: None }
    }
}

/// Name and address of the author of every commit made here.
const AUTHOR: (&str, &str) = ("groundcrew", "groundcrew@localhost");

impl Repository {
    /// Makes a commit on top of `parent`. No branch moves; see [`Repository::update_ref`].
    ///
    /// A changed file keeps its mode, a new one is a plain file. Control characters but line ends and tabs are taken out
    /// of the message; `time` is in seconds since 1970 UTC, passed in so that equal input gives an equal id.
    ///
    /// # Errors
    /// [`GitError::Refused`] for a path that is a link or another repository, that is a folder, that lies beneath a
    /// file, or that is deleted without being there.
    pub fn commit(
        &self,
        parent: &Sha,
        changes: &[Change],
        message: &str,
        time: i64,
    ) -> Result<Sha, GitError> {
        let tree = self.write_tree(parent, changes)?;
        self.commit_tree(&tree, parent, message, time)
    }

    /// The changes that undo a commit on top of `onto`; none if later commits touched the same lines, or if the undo
    /// is more than contents (modes, links, a merge or root commit).
    pub fn revert(&self, commit: &Sha, onto: &Sha) -> Result<Option<Vec<Change>>, GitError> {
        let parents = self.commit_info(commit)?.parents;
        let [parent] = parents.as_slice() else { return Ok(None) };
        let tree = if self.version >= (2, 40) {
            self.merge_back(commit, onto, parent)?
        } else {
            self.apply_back(commit, onto, parent)?
        };
        match tree {
            Some(tree) => self.as_changes(onto, &tree),
            None => Ok(None),
        }
    }

    fn merge_back(&self, commit: &Sha, onto: &Sha, parent: &Sha) -> Result<Option<Sha>, GitError> {
        let printed = self
            .git(&["merge-tree", "--write-tree", "--no-messages", "-z"])
            .arg(format!("--merge-base={commit}"))
            .arg("--end-of-options")
            .arg(onto.as_str())
            .arg(parent.as_str())
            .run_any(self.recorder())?;
        match printed.code {
            Some(0) => Ok(Some(Sha::parse(text(&printed.stdout).trim_end_matches('\0'))?)),
            Some(1) => Ok(None),
            code => Err(GitError::Failed { command: "merge-tree".to_owned(), code, message: printed.stderr }),
        }
    }

    /// For git before 2.40: the reversed patch, which must fit exactly.
    fn apply_back(&self, commit: &Sha, onto: &Sha, parent: &Sha) -> Result<Option<Sha>, GitError> {
        let patch = self
            .git(&["diff-tree", "-r", "-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv"])
            .arg("--no-renames")
            .arg("--end-of-options")
            .arg(commit.as_str())
            .arg(parent.as_str())
            .run(self.recorder())?;
        let folder = self.scratch_index()?;
        let index = folder.path().join("index");
        self.git(&["read-tree", "--end-of-options"])
            .arg(onto.as_str())
            .env("GIT_INDEX_FILE", &index)
            .run(self.recorder())?;
        let applied = self
            .git(&["apply", "--cached", "--whitespace=nowarn", "-"])
            .env("GIT_INDEX_FILE", &index)
            .input(patch)
            .run_any(self.recorder())?;
        if applied.code != Some(0) {
            return Ok(None);
        }
        let tree = self.git(&["write-tree"]).env("GIT_INDEX_FILE", &index).run(self.recorder())?;
        Sha::parse(&text(&tree)).map(Some)
    }

    /// The way from a commit to a tree as changes; none if changes cannot say it.
    fn as_changes(&self, from: &Sha, tree: &Sha) -> Result<Option<Vec<Change>>, GitError> {
        let mut changes = Vec::new();
        for file in self.changed_paths(from, tree)? {
            let Ok(path) = RepoPath::parse(&file.path) else { return Ok(None) };
            let plain = match file.kind {
                ChangeKind::Added => file.new_mode == Some(FileMode::File),
                ChangeKind::Deleted => matches!(file.old_mode, Some(FileMode::File | FileMode::Executable)),
                ChangeKind::Modified => {
                    file.old_mode == file.new_mode
                        && matches!(file.new_mode, Some(FileMode::File | FileMode::Executable))
                }
                ChangeKind::Renamed | ChangeKind::TypeChanged => false,
            };
            if !plain {
                return Ok(None);
            }
            let content = match file.kind {
                ChangeKind::Deleted => None,
                ChangeKind::Added | ChangeKind::Modified | ChangeKind::Renamed | ChangeKind::TypeChanged => {
                    let Some(entry) = self.entry(tree, &path)? else { return Ok(None) };
                    Some(self.blob(&entry.blob)?)
                }
            };
            changes.push(Change { path, content });
        }
        Ok(Some(changes))
    }

    fn write_tree(&self, parent: &Sha, changes: &[Change]) -> Result<Sha, GitError> {
        let folder: TempDir = self.scratch_index()?;
        let index = folder.path().join("index");
        let mut lines = Vec::new();
        // Removals first, so that a folder can take the place of a file and the other way round.
        let (removed, written): (Vec<_>, Vec<_>) =
            changes.iter().partition(|change| change.content.is_none());
        for change in removed.into_iter().chain(written) {
            let mode = self.mode_for(parent, changes, change)?;
            let (mode, id) = match &change.content {
                Some(content) => (mode.as_str(), self.store_blob(content.clone())?),
                // The id of a removal is not looked at; it only has to have the right length.
                None => ("0", "0".repeat(parent.as_str().len())),
            };
            lines.extend_from_slice(format!("{mode} {id}\t{}\0", change.path).as_bytes());
        }
        self.git(&["read-tree", "--end-of-options"])
            .arg(parent.as_str())
            .env("GIT_INDEX_FILE", &index)
            .run(self.recorder())?;
        self.git(&["update-index", "-z", "--index-info"])
            .env("GIT_INDEX_FILE", &index)
            .input(lines)
            .run(self.recorder())?;
        let tree = self.git(&["write-tree"]).env("GIT_INDEX_FILE", &index).run(self.recorder())?;
        Sha::parse(&text(&tree))
    }

    /// The mode a change writes with, after everything that would make it mean something else is refused.
    fn mode_for(&self, parent: &Sha, all: &[Change], change: &Change) -> Result<FileMode, GitError> {
        let path = &change.path;
        let refuse = |reason| Err(GitError::Refused { path: path.clone(), reason });
        for folder in path.folders() {
            let folder = RepoPath::parse(folder)?;
            let goes = all.iter().any(|other| other.path == folder && other.content.is_none());
            if self.entry(parent, &folder)?.is_some() && !goes {
                return refuse("a part of its path is a file, a link or another repository");
            }
        }
        match self.entry(parent, path)? {
            Some(entry) => match entry.mode {
                FileMode::File | FileMode::Executable => Ok(entry.mode),
                FileMode::Symlink => refuse("it is a symbolic link"),
                FileMode::Gitlink => refuse("it is another repository"),
            },
            None if change.content.is_none() => refuse("it does not exist"),
            None if self.stays_folder(parent, path, all)? => refuse("it is a folder"),
            None => Ok(FileMode::File),
        }
    }

    /// Whether files lie beneath a path that the changes do not remove.
    fn stays_folder(&self, commit: &Sha, path: &RepoPath, all: &[Change]) -> Result<bool, GitError> {
        let listed = self
            .git(&["ls-tree", "-r", "-z", "--name-only", "--full-tree"])
            .arg(commit.as_str())
            .arg("--")
            .arg(format!("{path}/"))
            .run(self.recorder())?;
        let removed = |name: &[u8]| {
            all.iter().any(|change| change.content.is_none() && change.path.as_str().as_bytes() == name)
        };
        Ok(listed.split(|byte| *byte == 0).any(|name| !name.is_empty() && !removed(name)))
    }

    pub(super) fn store_blob(&self, content: Vec<u8>) -> Result<String, GitError> {
        let id =
            self.git(&["hash-object", "-w", "-t", "blob", "--stdin"]).input(content).run(self.recorder())?;
        Sha::parse(&text(&id)).map(String::from)
    }

    fn commit_tree(&self, tree: &Sha, parent: &Sha, message: &str, time: i64) -> Result<Sha, GitError> {
        // Without the sign git takes a small number for a day or a year.
        let date = format!("@{} +0000", time.max(0));
        let mut message: String =
            message.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        if !message.ends_with('\n') {
            message.push('\n');
        }
        let commit = self
            .git(&["commit-tree", "--no-gpg-sign", "-p"])
            .arg(parent.as_str())
            .arg(tree.as_str())
            .env("GIT_AUTHOR_NAME", AUTHOR.0)
            .env("GIT_AUTHOR_EMAIL", AUTHOR.1)
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", AUTHOR.0)
            .env("GIT_COMMITTER_EMAIL", AUTHOR.1)
            .env("GIT_COMMITTER_DATE", &date)
            .input(message.into_bytes())
            .run(self.recorder())?;
        Sha::parse(&text(&commit))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::sync::Arc;

    use groundcrew_core::audit::NoRecorder;

    use super::*;

    fn plain_git(folder: &Path, args: &[&str]) {
        let identity = ["-c", "user.name=User", "-c", "user.email=user@localhost"];
        let output = Command::new("git").args(identity).args(args).current_dir(folder).output();
        assert!(output.expect("git is installed").status.success(), "git {args:?}");
    }

    #[test]
    fn both_ways_to_undo_a_commit_agree() {
        let folder = tempfile::tempdir().expect("a folder");
        plain_git(folder.path(), &["init", "-q"]);
        let lines = |second: &str, last: &str| format!("1\n{second}\n3\n4\n5\n6\n7\n{last}\n");
        for (content, message) in
            [(lines("2", "8"), "First"), (lines("X", "8"), "Culprit"), (lines("X", "Y"), "Later")]
        {
            std::fs::write(folder.path().join("file"), content).expect("a file");
            plain_git(folder.path(), &["add", "."]);
            plain_git(folder.path(), &["commit", "-q", "-m", message]);
        }
        let new = Repository::open(folder.path(), Arc::new(NoRecorder)).expect("it opens");
        let mut old = new.clone();
        old.version = (2, 31);
        let (culprit, head) =
            (new.resolve("HEAD~1").expect("a commit"), new.resolve("HEAD").expect("a commit"));
        let expected = Some(vec![Change::write(RepoPath::parse("file").expect("a path"), lines("2", "Y"))]);
        assert_eq!(old.revert(&culprit, &head).expect("it is judged"), expected);
        assert_eq!(new.revert(&culprit, &head).expect("it is judged"), expected);
    }
}
