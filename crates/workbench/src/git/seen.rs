//! What was read of commits, kept as long as somebody has the repository open: what an id names never changes.
//!
//! One fix asks for the same few trees and contents dozens of times, and each question to git is a process. Only answers
//! that depend on ids alone are kept: never what a ref names, what is checked out, or that something is missing.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use super::diff::Diff;
use super::read::{CommitInfo, TreeEntry};
use super::{GitError, Sha};

/// Bytes that are kept of one repository; beyond that everything is read anew.
const MOST: usize = 96 << 20;
/// Largest content that is kept, in bytes.
const LARGEST: usize = 4 << 20;
/// What an entry of a tree takes beside its path, in bytes.
const ENTRY: usize = 160;

/// What was read of one repository; all that open it share this.
#[derive(Default)]
pub(super) struct Seen(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    bytes: usize,
    files: HashMap<Sha, Arc<Vec<TreeEntry>>>,
    blobs: HashMap<Sha, Arc<Vec<u8>>>,
    trees: HashMap<Sha, Arc<Sha>>,
    commits: HashMap<Sha, Arc<CommitInfo>>,
    diffs: HashMap<(Sha, Sha), Arc<Diff>>,
}

impl Seen {
    /// That of the repository with this git folder.
    pub(super) fn of(common: &Path) -> Arc<Seen> {
        static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Seen>>>> = LazyLock::new(Mutex::default);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = open.get(common).and_then(Weak::upgrade) {
            return seen;
        }
        open.retain(|_, seen| seen.strong_count() > 0);
        let seen = Arc::new(Seen::default());
        open.insert(common.to_owned(), Arc::downgrade(&seen));
        seen
    }

    /// The files of a commit or a tree, if they were read already.
    pub(super) fn files(&self, of: &Sha) -> Option<Arc<Vec<TreeEntry>>> {
        self.kept().files.get(of).cloned()
    }

    /// Keeps the files of a commit or a tree.
    pub(super) fn keep_files(&self, of: &Sha, files: &Arc<Vec<TreeEntry>>) {
        let bytes = files.iter().map(|entry| ENTRY + entry.path.as_str().len()).sum();
        self.keep(bytes, |kept| &mut kept.files, of.clone(), files);
    }

    /// The content with an id, as `read` gives it unless it is known.
    pub(super) fn blob(
        &self,
        id: &Sha,
        read: impl FnOnce() -> Result<Vec<u8>, GitError>,
    ) -> Result<Arc<Vec<u8>>, GitError> {
        if let Some(known) = self.known_blob(id) {
            return Ok(known);
        }
        let content = Arc::new(read()?);
        self.keep_blob(id, &content);
        Ok(content)
    }

    /// The content with an id, if it was read already.
    pub(super) fn known_blob(&self, id: &Sha) -> Option<Arc<Vec<u8>>> {
        self.kept().blobs.get(id).cloned()
    }

    /// Keeps a content, unless it is large.
    pub(super) fn keep_blob(&self, id: &Sha, content: &Arc<Vec<u8>>) {
        if content.len() <= LARGEST {
            self.keep(ENTRY + content.len(), |kept| &mut kept.blobs, id.clone(), content);
        }
    }

    /// The tree of a commit, as `read` gives it unless it is known.
    pub(super) fn tree(
        &self,
        commit: &Sha,
        read: impl FnOnce() -> Result<Sha, GitError>,
    ) -> Result<Sha, GitError> {
        if let Some(known) = self.kept().trees.get(commit) {
            return Ok(known.as_ref().clone());
        }
        let tree = Arc::new(read()?);
        self.keep(ENTRY, |kept| &mut kept.trees, commit.clone(), &tree);
        Ok(tree.as_ref().clone())
    }

    /// What is known of a commit without its content, as `read` gives it unless it is known.
    pub(super) fn commit(
        &self,
        commit: &Sha,
        read: impl FnOnce() -> Result<CommitInfo, GitError>,
    ) -> Result<CommitInfo, GitError> {
        if let Some(known) = self.kept().commits.get(commit) {
            return Ok(known.as_ref().clone());
        }
        let info = Arc::new(read()?);
        self.keep(ENTRY + info.message.len(), |kept| &mut kept.commits, commit.clone(), &info);
        Ok(info.as_ref().clone())
    }

    /// The difference between two commits, as `read` gives it unless it is known.
    pub(super) fn diff(
        &self,
        from: &Sha,
        to: &Sha,
        read: impl FnOnce() -> Result<Diff, GitError>,
    ) -> Result<Diff, GitError> {
        let pair = (from.clone(), to.clone());
        if let Some(known) = self.kept().diffs.get(&pair) {
            return Ok(known.as_ref().clone());
        }
        let diff = Arc::new(read()?);
        if diff.patch.len() <= LARGEST {
            let bytes = diff.patch.len() + diff.files.len() * ENTRY;
            self.keep(bytes, |kept| &mut kept.diffs, pair, &diff);
        }
        Ok(diff.as_ref().clone())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep<K: Eq + Hash, T>(
        &self,
        bytes: usize,
        of: impl FnOnce(&mut Kept) -> &mut HashMap<K, Arc<T>>,
        key: K,
        value: &Arc<T>,
    ) {
        if bytes > MOST {
            return;
        }
        let mut kept = self.kept();
        if kept.bytes + bytes > MOST {
            *kept = Kept::default();
        }
        kept.bytes += bytes;
        of(&mut kept).insert(key, Arc::clone(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Sha {
        Sha::parse(&format!("{number:040x}")).expect("forty digits")
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_not_kept_is_read_again() {
        let seen = Seen::default();
        let mut read = 0;
        for number in 0..60 {
            for _ in 0..2 {
                let content = seen.blob(&id(number), || {
                    read += 1;
                    Ok(vec![b'x'; 3 << 20])
                });
                assert_eq!(content.expect("it is read").len(), 3 << 20);
            }
        }
        assert_eq!(read, 60);
        assert!(seen.kept().bytes <= MOST && !seen.kept().blobs.is_empty());
        for _ in 0..2 {
            seen.blob(&id(99), || {
                read += 1;
                Ok(vec![0; LARGEST + 1])
            })
            .expect("it is read");
        }
        assert_eq!(read, 62);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let seen = Seen::default();
        assert!(seen.blob(&id(1), || Err(GitError::NoGit)).is_err());
        assert_eq!(*seen.blob(&id(1), || Ok(vec![1])).expect("it is read"), [1]);
    }

    #[test]
    fn all_that_have_a_repository_open_share_what_was_read_and_nobody_else() {
        let (one, again, other) =
            (Seen::of(Path::new("/a")), Seen::of(Path::new("/a")), Seen::of(Path::new("/b")));
        one.keep_blob(&id(1), &Arc::new(vec![1]));
        assert!(again.known_blob(&id(1)).is_some() && other.known_blob(&id(1)).is_none());
        drop((one, again));
        assert!(Seen::of(Path::new("/a")).known_blob(&id(1)).is_none());
    }
}
