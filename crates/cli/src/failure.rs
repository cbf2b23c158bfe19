//! The one form in which the command fails: a kind that fixes the exit code, a message, and hints for the next step.

use groundcrew_crew::config::ConfigError;
use groundcrew_crew::trust::TrustError;
use groundcrew_store::StoreError;
use groundcrew_workbench::git::GitError;
use serde::Serialize;

/// Every exit code with what it means: the table that `--help` shows.
pub(crate) const EXIT_CODES: [(u8, &str); 11] = [
    (0, "done"),
    (1, "failed"),
    (2, "wrong usage or configuration"),
    (3, "done, but not clean: something waits for you, a check is not ok, or the fix is a draft"),
    (4, "no such thing"),
    (5, "conflict, or stale: somebody else was first, or what you saw has changed"),
    (6, "refused by policy: sandbox, budget, trust"),
    (7, "the database is busy or cannot be reached"),
    (8, "not fixed"),
    (130, "ended by SIGINT"),
    (143, "ended by SIGTERM"),
];

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It was tried and did not work.
    Failed,
    /// The command line, the environment or a configuration is wrong.
    Usage,
    /// What was named is not there.
    NotFound,
    /// Somebody else was first, or what was shown has changed since.
    Conflict,
    /// A rule forbids it.
    Refused,
    /// The database is busy or out of reach.
    Busy,
    /// The reader of the output has gone: nobody is left to be told.
    BrokenPipe,
}

impl Kind {
    /// The exit code of the process.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 4,
            Self::Conflict => 5,
            Self::Refused => 6,
            Self::Busy => 7,
        }
    }

    /// A stable word for programs.
    const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Busy => "database_busy",
            Self::BrokenPipe => "broken_pipe",
        }
    }
}

/// How a verb ended in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// All is well.
    Clean,
    /// Done, but something is not as it should be or waits for the person.
    NotClean,
    /// What was to be shown did not come about.
    Short,
    /// No fix came about, or the one that was given is none.
    NotFixed,
    /// Ended by this signal.
    Signal(u8),
}

impl Done {
    /// The exit code of the process.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Short => 1,
            Self::NotClean => 3,
            Self::NotFixed => 8,
            Self::Signal(number) => 128 + number,
        }
    }
}

/// Why a verb did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Its kind.
    pub(crate) kind: Kind,
    /// What went wrong, and with what.
    pub(crate) message: String,
    /// What to do next, one sentence each.
    pub(crate) hints: Vec<String>,
}

/// A failure as a program reads it, in the form of a problem document.
#[derive(Serialize)]
pub(crate) struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    detail: &'a str,
    exit_code: u8,
    hints: &'a [String],
}

impl Failure {
    /// A failure without hints.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The failure for programs.
    pub(crate) fn problem(&self) -> Problem<'_> {
        Problem {
            kind: format!("groundcrew:{}", self.kind.word()),
            title: match self.kind {
                Kind::Failed => "it failed",
                Kind::Usage => "wrong usage or configuration",
                Kind::NotFound => "no such thing",
                Kind::Conflict => "conflict or stale",
                Kind::Refused => "refused by policy",
                Kind::Busy => "database busy or unreachable",
                Kind::BrokenPipe => "the reader has gone",
            },
            detail: &self.message,
            exit_code: self.kind.exit_code(),
            hints: &self.hints,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if let StoreError::Missing { path } = &error {
            return Self::new(Kind::NotFound, format!("there is no database {}", path.display())).hint(
                "run `groundcrew init` in the repository of your service, or name a database with --database",
            );
        }
        let kind = match error.kind() {
            groundcrew_store::Kind::Failed => Kind::Failed,
            groundcrew_store::Kind::Usage => Kind::Usage,
            groundcrew_store::Kind::NotFound => Kind::NotFound,
            groundcrew_store::Kind::Conflict => Kind::Conflict,
            groundcrew_store::Kind::Busy => Kind::Busy,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        let usage = matches!(
            error,
            GitError::NoFolder(_)
                | GitError::NotARepository(_)
                | GitError::Bare(_)
                | GitError::BrokenGitFile { .. }
                | GitError::NoGit
                | GitError::TooOld { .. }
                | GitError::NoCommits(_)
                | GitError::BadRef { .. }
        );
        let conflict = matches!(
            error,
            GitError::Moved { .. }
                | GitError::CheckedOut { .. }
                | GitError::NotFastForward { .. }
                | GitError::Exists(_)
        );
        let kind = if usage {
            Kind::Usage
        } else if conflict {
            Kind::Conflict
        } else if matches!(error, GitError::NoSuchCommit(_)) {
            Kind::NotFound
        } else {
            Kind::Failed
        };
        Self::new(kind, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Kind::Usage, error.to_string())
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        Self::new(Kind::Failed, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_exit_code_once() {
        let kinds = [
            Kind::BrokenPipe,
            Kind::Failed,
            Kind::Usage,
            Kind::NotFound,
            Kind::Conflict,
            Kind::Refused,
            Kind::Busy,
        ];
        let ends =
            [Done::Clean, Done::NotClean, Done::Short, Done::NotFixed, Done::Signal(2), Done::Signal(15)];
        let used = kinds.map(Kind::exit_code).into_iter().chain(ends.map(Done::exit_code));
        let listed = EXIT_CODES.map(|(code, _)| code);
        for code in used {
            assert!(listed.contains(&code), "{code} is not in the table");
        }
        assert_eq!(listed, [0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 143]);
    }
}
