//! Whether an approved fix is in the released code: the commit itself, or the same content of the files it changed, as
//! after a squash or a cherry-pick.

use groundcrew_workbench::git::{GitError, RepoPath, Repository, Sha};

/// Changed files that are compared.
const MOST: usize = 50;

/// A fix as it was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Approved {
    /// Commit that the fix starts from, where that is known.
    pub(super) base: Option<Sha>,
    /// Its last commit.
    pub(super) head: Sha,
}

/// How the fix got into the commit that is released; none if it is not there.
pub(super) fn how(
    repository: &Repository,
    fix: &Approved,
    released: &Sha,
) -> Result<Option<&'static str>, GitError> {
    if !exists(repository, &fix.head)? {
        // Its branch was deleted and git has thrown it away; nothing can be compared.
        return Ok(None);
    }
    if repository.is_ancestor(&fix.head, released)? {
        return Ok(Some("holds the commit of the fix"));
    }
    let Some(base) = &fix.base else { return Ok(None) };
    if !exists(repository, base)? {
        return Ok(None);
    }
    let changed = repository.diff(base, &fix.head)?;
    if changed.files.is_empty() || changed.files.len() > MOST {
        return Ok(None);
    }
    for file in &changed.files {
        let path = RepoPath::parse(&file.path)?;
        let fixed = repository.entry(&fix.head, &path)?.map(|entry| entry.blob);
        let there = repository.entry(released, &path)?.map(|entry| entry.blob);
        if fixed != there {
            return Ok(None);
        }
    }
    Ok(Some("holds the same content of the changed files"))
}

fn exists(repository: &Repository, commit: &Sha) -> Result<bool, GitError> {
    match repository.resolve(commit.as_str()) {
        Ok(_) => Ok(true),
        Err(GitError::NoSuchCommit(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
