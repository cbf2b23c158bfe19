//! Which release an error happens in, and which commits came with it.
//!
//! What the task names counts most; else it is the newest tag that was there when the error was first seen. Without tags
//! nothing is known, and nothing is guessed.

use groundcrew_workbench::git::{GitError, RepoPath, Repository, Sha, Tag, Touching};

use super::suspects::{HISTORY, Range};

/// Tags that are looked at.
const TAGS: usize = 50;

/// Longest name of a release that is looked up, in bytes.
const NAME: usize = 200;

/// A release that was found in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Release {
    /// Its name: a tag, or what the task named.
    pub(super) name: String,
    /// Its commit.
    pub(super) commit: Sha,
    /// The commit of the release before it.
    pub(super) previous: Option<Sha>,
    /// Whether the task named it.
    pub(super) named: bool,
}

/// The release of an error that was first seen at `first_seen`, in seconds since 1970 UTC.
pub(super) fn find(
    repository: &Repository,
    named: Option<&str>,
    first_seen: Option<i64>,
    pattern: Option<&str>,
) -> Result<Option<Release>, GitError> {
    let tags: Vec<Tag> = repository
        .tags(TAGS)?
        .into_iter()
        .filter(|tag| pattern.is_none_or(|pattern| fits(pattern, &tag.name)))
        .collect();
    if let Some(name) = named.filter(|name| is_plain(name)) {
        let known = tags.iter().find(|tag| tag.name == name).map(|tag| tag.commit.clone());
        let commit = match known {
            Some(commit) => Some(commit),
            None => match repository.resolve(name) {
                Ok(commit) => Some(commit),
                Err(GitError::NoSuchCommit(_)) => None,
                Err(error) => return Err(error),
            },
        };
        return Ok(commit.map(|commit| Release {
            name: name.to_owned(),
            previous: before(&tags, &commit),
            commit,
            named: true,
        }));
    }
    let Some(first_seen) = first_seen else { return Ok(None) };
    let running = tags.iter().find(|tag| tag.time <= first_seen);
    Ok(running.map(|tag| Release {
        name: tag.name.clone(),
        commit: tag.commit.clone(),
        previous: before(&tags, &tag.commit),
        named: false,
    }))
}

impl Release {
    /// The commits to these files that came with it.
    pub(super) fn range(
        &self,
        repository: &Repository,
        files: &[RepoPath],
    ) -> Result<Option<Range>, GitError> {
        let Some(previous) = &self.previous else { return Ok(None) };
        let touches = repository.touches(&self.commit, Some(previous), Touching::Paths(files), HISTORY)?;
        let commits = touches.into_iter().map(|touch| touch.by.sha).collect();
        Ok(Some(Range { name: self.name.clone(), commits }))
    }
}

/// The tag next older than those of a commit.
fn before(tags: &[Tag], commit: &Sha) -> Option<Sha> {
    let at = tags.iter().rposition(|tag| tag.commit == *commit)?;
    tags[at + 1..].first().map(|tag| tag.commit.clone())
}

/// Names of releases only; a revision that searches or walks is none.
fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+');
    !name.is_empty() && name.len() <= NAME && !name.starts_with('-') && name.chars().all(allowed)
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
    fn only_names_of_releases_are_looked_up() {
        for (name, expected) in [
            ("v1.2.3", true),
            ("release/2026-11", true),
            ("0123456789abcdef", true),
            ("-x", false),
            ("HEAD~2", false),
            (":/secret", false),
            ("main@{1}", false),
            ("", false),
        ] {
            assert_eq!(is_plain(name), expected, "{name}");
        }
    }

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
        let before = |letter: &str| super::before(&tags, &Sha::parse(&letter.repeat(40)).unwrap());
        assert_eq!(before("c"), Some(tags[1].commit.clone()));
        assert_eq!(before("b"), Some(tags[3].commit.clone()));
        assert_eq!(before("a"), None);
        assert_eq!(before("d"), None);
    }
}
