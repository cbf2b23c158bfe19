//! Which release an error began in and which ran when it was last seen, and which commits came with it.
//!
//! What the task names counts most, then what the records of the log say, then the settings; else it is the newest tag that
//! was there when the error was first seen. The release before is the one that ran before without the error, by the logs,
//! else the tag before. What is not known is not guessed, and a name that the repository does not know is said.

use groundcrew_core::contract::Began;
use groundcrew_core::incident::ReleaseCount;
use groundcrew_workbench::git::{GitError, RepoPath, Repository, Sha, Tag};

use super::memory::Memory;
use super::suspects::{HISTORY, Range};
use crate::release::{Reading, readings};

/// Releases of the logs among which the one before is looked for.
const BEFORE: usize = 5;

/// A release that was found in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Release {
    /// Its name: a tag, or as the records name it.
    pub(super) name: String,
    /// Its commit.
    pub(super) commit: Sha,
    /// The release before it.
    pub(super) previous: Option<(String, Sha)>,
    /// Whether somebody named it; else it was guessed from the time.
    pub(super) named: bool,
}

/// What is known about the releases of an error before git is asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// The one that it was first seen in.
    pub(super) began: Option<String>,
    /// The one that ran when the sample was logged.
    pub(super) ran: Option<String>,
    /// Releases that the project's logs name, the one that ran first first.
    pub(super) seen: Vec<ReleaseCount>,
    /// When the error was first seen, in seconds since 1970 UTC.
    pub(super) first_seen: Option<i64>,
}

/// The release that an error began in; none where nothing names one and no tag is old enough, or git does not know it.
pub(super) fn find(
    repository: &Repository,
    memory: &Memory,
    names: &Names,
    pattern: Option<&str>,
) -> Result<Option<Release>, GitError> {
    let tags = memory.tags(repository)?;
    let tags: Vec<&Tag> =
        tags.iter().filter(|tag| pattern.is_none_or(|pattern| fits(pattern, &tag.name))).collect();
    if let Some(name) = &names.began {
        let Some(commit) = commit_of(repository, memory, name)? else { return Ok(None) };
        let ran_before = ran_before(repository, memory, names, name, &commit)?;
        let previous = ran_before.or_else(|| before(&tags, &commit));
        return Ok(Some(Release { name: name.clone(), commit, previous, named: true }));
    }
    let Some(first_seen) = names.first_seen else { return Ok(None) };
    let running = tags.iter().find(|tag| tag.time <= first_seen);
    Ok(running.map(|tag| Release {
        name: tag.name.clone(),
        commit: tag.commit.clone(),
        previous: before(&tags, &tag.commit),
        named: false,
    }))
}

/// The commit that a release was made from; none if the repository knows none.
pub(super) fn commit_of(
    repository: &Repository,
    memory: &Memory,
    name: &str,
) -> Result<Option<Sha>, GitError> {
    for reading in readings(name) {
        let revision = match reading {
            Reading::Tag(tag) => format!("refs/tags/{tag}"),
            Reading::Commit(id) | Reading::Any(id) => id,
        };
        if let Some(commit) = memory.commit(repository, &revision)? {
            return Ok(Some(commit));
        }
    }
    Ok(None)
}

/// The release that ran before this one by the logs, where its commit comes before.
fn ran_before(
    repository: &Repository,
    memory: &Memory,
    names: &Names,
    name: &str,
    commit: &Sha,
) -> Result<Option<(String, Sha)>, GitError> {
    let Some(at) = names.seen.iter().position(|seen| seen.release == name) else { return Ok(None) };
    for earlier in names.seen[..at].iter().rev().take(BEFORE) {
        let Some(found) = commit_of(repository, memory, &earlier.release)? else { continue };
        if found != *commit && repository.is_ancestor(&found, commit)? {
            return Ok(Some((earlier.release.clone(), found)));
        }
    }
    Ok(None)
}

impl Release {
    /// The commits to these files that came with it.
    pub(super) fn range(
        &self,
        repository: &Repository,
        memory: &Memory,
        files: &[RepoPath],
    ) -> Result<Option<Range>, GitError> {
        let Some((_, previous)) = &self.previous else { return Ok(None) };
        let touches = memory.touches(repository, &self.commit, Some(previous), files)?;
        let commits = touches.into_iter().map(|touch| touch.by.sha).collect();
        Ok(Some(Range { name: self.name.clone(), commits }))
    }

    /// What is told of it.
    pub(super) fn began(&self, range: Option<&Range>) -> Began {
        let at = format!("{} ({})", self.name, self.commit.short());
        let by = if self.named { "" } else { ", the newest tag of that time" };
        let brought = match (&self.previous, range) {
            (Some((before, commit)), Some(range)) if range.commits.len() < HISTORY => format!(
                "it brought {} to the files of the stack since {before} ({})",
                counted(range.commits.len()),
                commit.short()
            ),
            (Some((before, commit)), _) => format!("the release before is {before} ({})", commit.short()),
            (None, _) => "no release before it is known, so that its commits cannot be told apart".to_owned(),
        };
        Began {
            release: self.name.clone(),
            commit: Some(self.commit.as_str().to_owned()),
            before: self.previous.as_ref().map(|(name, _)| name.clone()),
            before_commit: self.previous.as_ref().map(|(_, commit)| commit.as_str().to_owned()),
            detail: format!("began in {at}{by}; {brought}"),
        }
    }
}

/// What is told of a release that the repository does not know.
pub(super) fn unknown(name: &str, head: &Sha) -> Began {
    Began {
        release: name.to_owned(),
        commit: None,
        before: None,
        before_commit: None,
        detail: format!(
            "began in {name}, which is no tag and no commit of this repository; lines are those of {}",
            head.short()
        ),
    }
}

fn counted(commits: usize) -> String {
    match commits {
        0 => "no commit".to_owned(),
        1 => "1 commit".to_owned(),
        more => format!("{more} commits"),
    }
}

/// The tag next older than those of a commit.
fn before(tags: &[&Tag], commit: &Sha) -> Option<(String, Sha)> {
    let at = tags.iter().rposition(|tag| tag.commit == *commit)?;
    tags[at + 1..].first().map(|tag| (tag.name.clone(), tag.commit.clone()))
}

/// Whether a name fits a pattern in which `*` stands for any characters.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_of_a_tag() {
        for (pattern, name, expected) in [
            ("v*", "v1.2", true),
            ("v*", "x1", false),
            ("*-prod", "v1-prod", true),
            ("v1", "v1", true),
            ("v1", "v12", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_release_before_is_the_next_older_tag_of_another_commit() {
        let tag = |name: &str, letter: &str, time| Tag {
            name: name.into(),
            commit: Sha::parse(&letter.repeat(40)).unwrap(),
            time,
        };
        let tags = [tag("v3", "c", 30), tag("latest", "b", 21), tag("v2", "b", 20), tag("v1", "a", 10)];
        let listed: Vec<&Tag> = tags.iter().collect();
        let before = |letter: &str| super::before(&listed, &Sha::parse(&letter.repeat(40)).unwrap());
        let told = |tag: &Tag| Some((tag.name.clone(), tag.commit.clone()));
        assert_eq!(before("c"), told(&tags[1]));
        assert_eq!(before("b"), told(&tags[3]));
        assert_eq!(before("a"), None);
        assert_eq!(before("d"), None);
    }

    #[test]
    fn what_is_told_names_the_release_and_what_it_brought() {
        let sha = |letter: &str| Sha::parse(&letter.repeat(40)).unwrap();
        let release = |previous, named| Release { name: "v2".into(), commit: sha("b"), previous, named };
        let range = Range { name: "v2".into(), commits: [sha("b"), sha("c")].into_iter().collect() };
        let before = Some(("v1".to_owned(), sha("a")));
        assert_eq!(
            release(before.clone(), true).began(Some(&range)).detail,
            "began in v2 (bbbbbbbbbb); it brought 2 commits to the files of the stack since v1 (aaaaaaaaaa)"
        );
        assert_eq!(
            release(None, false).began(None).detail,
            "began in v2 (bbbbbbbbbb), the newest tag of that time; no release before it is known, so that its commits cannot \
             be told apart"
        );
        assert!(unknown("w7", &sha("a")).detail.contains("no tag and no commit"));
    }
}
