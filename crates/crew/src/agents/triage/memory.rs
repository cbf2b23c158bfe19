//! What git said about commits lately, so that a flood of errors of one release does not ask the same again.
//!
//! What a commit holds never changes, so an answer stays right; only tags and branches move, and are asked for again after
//! a few seconds. Everything is bounded: of each kind the answers used last are kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_workbench::git::{
    BlamedLine, Carried, GitError, RepoPath, Repository, Sha, Tag, Touch, Touching, TreeEntry,
};

use super::suspects::HISTORY;

/// Longest file whose lines are blamed all at once; of a longer one only those asked for.
const BLAMED_LINES: u32 = 4_000;

/// Commits whose files are kept, and answers of other kinds.
const LISTINGS: usize = 12;
const ANSWERS: usize = 512;

/// Text of files that is kept, in files; the largest is a megabyte.
const TEXTS: usize = 32;

/// How long tags and branches count as unmoved.
const MOVING: Duration = Duration::from_secs(2);

/// Tags that are looked at.
const TAGS: usize = 200;

/// The files of a commit.
pub(super) type Listing = Arc<Vec<TreeEntry>>;

/// Lines of a file with their commits.
pub(super) type Lines = Arc<Vec<BlamedLine>>;

/// Commits, newest first.
pub(super) type Touches = Arc<Vec<Touch>>;

/// What git said lately.
pub(super) struct Memory(Mutex<Known>);

/// Answers of one kind, by the repository and what was asked.
struct Recent<K, V> {
    entries: BTreeMap<(PathBuf, K), (u64, V)>,
    used: u64,
}

struct Known {
    listings: Recent<Sha, Listing>,
    blamed: Recent<(Sha, String, u32, u32), Lines>,
    touched: Recent<(Sha, Option<Sha>, String), Touches>,
    deleted: Recent<Sha, Touches>,
    carried: Recent<(Sha, Sha), Option<Arc<Carried>>>,
    texts: Recent<Sha, Option<Arc<str>>>,
    commits: Recent<String, (Instant, Option<Sha>)>,
    tags: Recent<(), (Instant, Arc<Vec<Tag>>)>,
}

impl<K: Ord + Clone, V: Clone> Recent<K, V> {
    const fn new() -> Self {
        Self { entries: BTreeMap::new(), used: 0 }
    }

    fn get(&mut self, at: &Path, key: &K) -> Option<V> {
        self.used += 1;
        let entry = self.entries.get_mut(&(at.to_owned(), key.clone()))?;
        entry.0 = self.used;
        Some(entry.1.clone())
    }

    fn put(&mut self, at: &Path, key: K, value: V, most: usize) {
        self.used += 1;
        self.entries.insert((at.to_owned(), key), (self.used, value));
        if self.entries.len() > most {
            let oldest = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            oldest.map(|oldest| self.entries.remove(&oldest));
        }
    }
}

impl Memory {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Known {
            listings: Recent::new(),
            blamed: Recent::new(),
            touched: Recent::new(),
            deleted: Recent::new(),
            carried: Recent::new(),
            texts: Recent::new(),
            commits: Recent::new(),
            tags: Recent::new(),
        }))
    }

    /// What is remembered, or what git says now, which is remembered.
    fn recall<T>(
        &self,
        find: impl FnOnce(&mut Known) -> Option<T>,
        ask: impl FnOnce() -> Result<T, GitError>,
        keep: impl FnOnce(&mut Known, T),
    ) -> Result<T, GitError>
    where
        T: Clone,
    {
        let known = find(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(known) = known {
            return Ok(known);
        }
        let said = ask()?;
        keep(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), said.clone());
        Ok(said)
    }

    /// The files of a commit.
    pub(super) fn files(&self, repository: &Repository, commit: &Sha) -> Result<Listing, GitError> {
        let at = repository.common_dir();
        self.recall(
            |known| known.listings.get(at, commit),
            || repository.files(commit).map(Arc::new),
            |known, files| known.listings.put(at, commit.clone(), files, LISTINGS),
        )
    }

    /// Lines of a file with the commits that last changed them.
    pub(super) fn blamed(
        &self,
        repository: &Repository,
        commit: &Sha,
        path: &RepoPath,
        range: (u32, u32),
    ) -> Result<Lines, GitError> {
        let at = repository.common_dir();
        let (first, last) = if range.1 <= BLAMED_LINES { (1, BLAMED_LINES) } else { range };
        let key = (commit.clone(), path.as_str().to_owned(), first, last);
        let lines = self.recall(
            |known| known.blamed.get(at, &key),
            || repository.blame_range(commit, path, first, last).map(Arc::new),
            |known, lines| known.blamed.put(at, key.clone(), lines, ANSWERS / 8),
        )?;
        let wanted = |line: &&BlamedLine| (range.0..=range.1).contains(&line.line);
        Ok(Arc::new(lines.iter().filter(wanted).cloned().collect()))
    }

    /// The newest commits that changed one of these files, newest first.
    pub(super) fn touches(
        &self,
        repository: &Repository,
        until: &Sha,
        since: Option<&Sha>,
        files: &[RepoPath],
    ) -> Result<Vec<Touch>, GitError> {
        let mut joined: Vec<Touch> = Vec::new();
        for file in files {
            for touch in self.touches_of(repository, until, since, file)?.iter() {
                match joined.iter_mut().find(|known| known.by.sha == touch.by.sha) {
                    Some(known) => known.files.extend(touch.files.iter().cloned()),
                    None => joined.push(touch.clone()),
                }
            }
        }
        if files.len() > 1 {
            joined.sort_by_key(|touch| std::cmp::Reverse(touch.by.time));
        }
        joined.truncate(HISTORY);
        Ok(joined)
    }

    fn touches_of(
        &self,
        repository: &Repository,
        until: &Sha,
        since: Option<&Sha>,
        file: &RepoPath,
    ) -> Result<Touches, GitError> {
        let at = repository.common_dir();
        let key = (until.clone(), since.cloned(), file.as_str().to_owned());
        let paths = [file.clone()];
        self.recall(
            |known| known.touched.get(at, &key),
            || repository.touches(until, since, Touching::Paths(&paths), HISTORY).map(Arc::new),
            |known, touches| known.touched.put(at, key.clone(), touches, ANSWERS),
        )
    }

    /// The newest commits that deleted files.
    pub(super) fn deletions(
        &self,
        repository: &Repository,
        commit: &Sha,
        most: usize,
    ) -> Result<Touches, GitError> {
        let at = repository.common_dir();
        self.recall(
            |known| known.deleted.get(at, commit),
            || repository.touches(commit, None, Touching::Deletions, most).map(Arc::new),
            |known, touches| known.deleted.put(at, commit.clone(), touches, LISTINGS),
        )
    }

    /// Where the lines of a commit lie in another; none where they differ too much to tell.
    pub(super) fn carried(
        &self,
        repository: &Repository,
        from: &Sha,
        to: &Sha,
    ) -> Result<Option<Arc<Carried>>, GitError> {
        let at = repository.common_dir();
        let key = (from.clone(), to.clone());
        self.recall(
            |known| known.carried.get(at, &key),
            || match repository.carry(from, to) {
                Ok(carried) => Ok(Some(Arc::new(carried))),
                Err(GitError::TooLarge { .. }) => Ok(None),
                Err(error) => Err(error),
            },
            |known, carried| known.carried.put(at, key.clone(), carried, LISTINGS),
        )
    }

    /// The text of a file of a commit.
    pub(super) fn text(
        &self,
        repository: &Repository,
        commit: &Sha,
        entry: &TreeEntry,
        cap: u64,
    ) -> Result<Option<Arc<str>>, GitError> {
        let at = repository.common_dir();
        self.recall(
            |known| known.texts.get(at, &entry.blob),
            || Ok(repository.text_of(commit, entry, cap)?.map(Arc::from)),
            |known, text| known.texts.put(at, entry.blob.clone(), text, TEXTS),
        )
    }

    /// The newest tags, newest first.
    pub(super) fn tags(&self, repository: &Repository) -> Result<Arc<Vec<Tag>>, GitError> {
        let at = repository.common_dir();
        let found = self.recall(
            |known| known.tags.get(at, &()).filter(|(asked, _)| asked.elapsed() < MOVING),
            || Ok((Instant::now(), Arc::new(repository.tags(TAGS)?))),
            |known, tags| known.tags.put(at, (), tags, LISTINGS),
        )?;
        Ok(found.1)
    }

    /// The commit that a revision names; none if it names none.
    pub(super) fn commit(&self, repository: &Repository, revision: &str) -> Result<Option<Sha>, GitError> {
        let at = repository.common_dir();
        let key = revision.to_owned();
        let found = self.recall(
            |known| known.commits.get(at, &key).filter(|(asked, _)| asked.elapsed() < MOVING),
            || match repository.resolve(revision) {
                Ok(commit) => Ok((Instant::now(), Some(commit))),
                Err(GitError::NoSuchCommit(_)) => Ok((Instant::now(), None)),
                Err(error) => Err(error),
            },
            |known, commit| known.commits.put(at, key.clone(), commit, ANSWERS),
        )?;
        Ok(found.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_answers_the_one_used_longest_ago_goes() {
        let mut recent: Recent<u8, u8> = Recent::new();
        let at = Path::new("/srv/a");
        for key in 0..3 {
            recent.put(at, key, key, 3);
        }
        assert_eq!(recent.get(at, &0), Some(0));
        recent.put(at, 3, 3, 3);
        let known: Vec<Option<u8>> = (0..4).map(|key| recent.get(at, &key)).collect();
        assert_eq!(known, [Some(0), None, Some(2), Some(3)]);
        assert_eq!(recent.get(Path::new("/srv/b"), &0), None, "another repository is asked itself");
    }
}
