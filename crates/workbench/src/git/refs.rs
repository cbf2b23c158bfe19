//! Moving refs: always by compare-and-swap, never a branch that somebody has checked out.

use super::names::check_ref;
use super::open::text;
use super::{GitError, Repository, Sha};

/// Where a ref must be for it to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It must not exist.
    Absent,
    /// It must be at this commit.
    At(Sha),
    /// It may be anywhere or nowhere.
    Any,
}

impl Repository {
    /// Where a ref is; none if it does not exist.
    pub fn ref_sha(&self, name: &str) -> Result<Option<Sha>, GitError> {
        check_ref(name)?;
        let printed = self
            .git(&["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .arg(name)
            .run_any(self.recorder())?;
        match (printed.code, text(&printed.stdout).lines().last()) {
            (Some(0), Some(line)) => Sha::parse(line).map(Some),
            _ => Ok(None),
        }
    }

    /// All refs beneath a prefix such as `refs/groundcrew/`, with full names, sorted.
    pub fn refs(&self, prefix: &str) -> Result<Vec<(String, Sha)>, GitError> {
        let folder = prefix.trim_end_matches('/');
        if folder != "refs" {
            check_ref(folder)?;
        }
        let listed = self
            .git(&["for-each-ref", "--format=%(objectname) %(refname)"])
            .arg(format!("{folder}/"))
            .run(self.recorder())?;
        let unexpected = || GitError::Unexpected { command: "for-each-ref", what: "an id and a name" };
        let listed = text(&listed);
        listed
            .lines()
            .map(|line| {
                let (id, name) = line.split_once(' ').ok_or_else(unexpected)?;
                Ok((name.to_owned(), Sha::parse(id)?))
            })
            .collect()
    }

    /// Moves a ref, if it is where the caller expects.
    ///
    /// # Errors
    /// [`GitError::Moved`] if it is elsewhere, [`GitError::CheckedOut`] if it is a branch in use.
    pub fn update_ref(&self, name: &str, new: &Sha, expected: &Expected) -> Result<(), GitError> {
        self.refuse_checked_out(name)?;
        let command = match expected {
            Expected::Absent => format!("create {name}\0{new}\0"),
            Expected::At(old) => format!("update {name}\0{new}\0{old}\0"),
            Expected::Any => format!("update {name}\0{new}\0\0"),
        };
        self.swap(name, expected, command)
    }

    /// Deletes a ref, if it is where the caller expects; [`Expected::Absent`] only checks that it is absent.
    ///
    /// # Errors
    /// As [`Repository::update_ref`].
    pub fn delete_ref(&self, name: &str, expected: &Expected) -> Result<(), GitError> {
        self.refuse_checked_out(name)?;
        let command = match expected {
            Expected::Absent => format!("verify {name}\0\0"),
            Expected::At(old) => format!("delete {name}\0{old}\0"),
            Expected::Any => format!("delete {name}\0\0"),
        };
        self.swap(name, expected, command)
    }

    /// Moves a branch forward to a commit that has it as an ancestor.
    ///
    /// # Errors
    /// [`GitError::CheckedOut`], [`GitError::NotFastForward`], [`GitError::Moved`] if it moves meanwhile, and
    /// [`GitError::NoSuchCommit`] if there is no such branch.
    pub fn fast_forward(&self, branch: &str, to: &Sha) -> Result<(), GitError> {
        let name = format!("refs/heads/{branch}");
        let from = self.ref_sha(&name)?.ok_or_else(|| GitError::NoSuchCommit(name.clone()))?;
        self.refuse_checked_out(&name)?;
        if !self.is_ancestor(&from, to)? {
            return Err(GitError::NotFastForward { branch: name, from, to: to.clone() });
        }
        self.update_ref(&name, to, &Expected::At(from))
    }

    fn refuse_checked_out(&self, name: &str) -> Result<(), GitError> {
        check_ref(name)?;
        if name.starts_with("refs/heads/") && self.checked_out_branches()?.iter().any(|branch| branch == name)
        {
            return Err(GitError::CheckedOut { branch: name.to_owned() });
        }
        Ok(())
    }

    fn swap(&self, name: &str, expected: &Expected, command: String) -> Result<(), GitError> {
        // A symbolic ref is replaced itself, so that it cannot lead the write to a branch that was not checked.
        let printed = self
            .git(&["update-ref", "--no-deref", "-z", "--stdin"])
            .input(command.into_bytes())
            .run_any(self.recorder())?;
        if printed.code == Some(0) {
            return Ok(());
        }
        let found = self.ref_sha(name)?;
        let (met, expected) = match expected {
            Expected::Absent => (found.is_none(), "no such ref".to_owned()),
            Expected::At(old) => (found.as_ref() == Some(old), old.to_string()),
            Expected::Any => (true, String::new()),
        };
        if met {
            let message = printed.stderr.trim().chars().take(600).collect();
            return Err(GitError::Failed { command: "update-ref".to_owned(), code: printed.code, message });
        }
        Err(GitError::Moved { name: name.to_owned(), expected, found })
    }
}
