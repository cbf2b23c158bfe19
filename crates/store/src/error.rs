//! What can go wrong with a database, each with the thing, the reason and the next step.

use std::path::PathBuf;
use std::sync::Arc;

use groundcrew_core::lifecycle::Refusal;
use groundcrew_core::task::TaskId;

/// Why a store did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The rules of a task's life forbid it; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another program held the database for too long.
    #[error(
        "database {path} is busy: another program has held its write lock for {waited_s} s; try again, or end that program"
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long was waited, in seconds.
        waited_s: u64,
    },
    /// The database was upgraded by a later release.
    #[error(
        "database {path} has schema version {found}, but this program knows versions up to {known}; use a newer groundcrew"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of the database.
        found: u32,
        /// Latest version this program knows.
        known: u32,
    },
    /// The database is opened for reading only and lacks a migration.
    #[error(
        "database {path} has schema version {found}, but {needed} is needed; run `groundcrew db migrate`"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Version of the database.
        found: u32,
        /// Version this program needs.
        needed: u32,
    },
    /// A migration that was applied is not the one this program carries.
    #[error(
        "migration {version} ({name}) of database {path} differs from the one in this program; use the program that made the database, or restore a backup"
    )]
    ChecksumMismatch {
        /// The file.
        path: PathBuf,
        /// Number of the migration.
        version: u32,
        /// Its name.
        name: String,
    },
    /// The file is something else.
    #[error("{path} is not a SQLite database; name another file, or move this one away")]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error(
        "database {path} is damaged ({detail}); nothing was written; restore a backup, or save what is left with `sqlite3 {path} .recover`"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// There is no file, and none is to be made.
    #[error("there is no database {path}; run `groundcrew init`, or name another one with --database")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file was taken away or another was put in its place while it was open.
    #[error(
        "database {path} was deleted or replaced while it was open; put it back, or stop what uses it and start that again"
    )]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The file or its directory cannot be written.
    #[error(
        "database {path} cannot be written ({detail}); check the permissions of the file and its directory"
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        detail: String,
    },
    /// The disk is full.
    #[error("no space is left for database {path}; free some and try again, nothing was half written")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}; check the path and its permissions")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Arc<std::io::Error>,
    },
    /// A file that is to be made is there already.
    #[error("{path} is already there and is not overwritten; name a file that is not, or move that one away")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// What is pruned cannot go into this file.
    #[error(
        "{path} cannot take what is pruned: {reason}; name a new file, or an archive that `groundcrew db prune` made"
    )]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// The address names no database of this program.
    #[error("{url:?} is no database address: {reason}; write sqlite:PATH")]
    UnsupportedUrl {
        /// The address, without what may be secret.
        url: String,
        /// Why.
        reason: &'static str,
    },
    /// Two projects cannot share a name.
    #[error("another project is already named {name:?}; choose another name for {root}")]
    ProjectName {
        /// The name.
        name: String,
        /// The new project.
        root: String,
    },
    /// A command named an incident that is not there.
    #[error(
        "task {task_type:?} refers to an incident that is not in the database; name one that `groundcrew incidents` lists"
    )]
    NoSuchIncident {
        /// Type of the task that was to be created.
        task_type: String,
    },
    /// A command named a parent, project or other row that is not there.
    #[error(
        "statement {action} names a row that is not in the database; check the ids of the parent, project and incident"
    )]
    Dangling {
        /// Name of the statement.
        action: &'static str,
    },
    /// A row has a value that has no meaning.
    #[error("row {id} of {table} has an unknown {column} {value:?}; correct it with any SQLite tool")]
    BadRow {
        /// The table.
        table: &'static str,
        /// Key of the row.
        id: String,
        /// The column.
        column: &'static str,
        /// What was found.
        value: String,
    },
    /// A task vanished while it was worked on.
    #[error("task {task} is no longer in the database; another program deleted it")]
    Vanished {
        /// The task.
        task: TaskId,
    },
    /// The store is shutting down.
    #[error("database {path} has been closed; open it again")]
    Closed {
        /// The file.
        path: PathBuf,
    },
    /// A statement failed for another reason.
    #[error("statement {action} failed on database {path}: {source}; run `groundcrew doctor`")]
    Sql {
        /// Name of the statement.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Arc<rusqlite::Error>,
    },
}

/// What an error means to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It failed.
    Failed,
    /// The caller asked for something that makes no sense.
    Usage,
    /// There is no such thing.
    NotFound,
    /// Somebody else was first, or the time for it has passed.
    Conflict,
    /// The database cannot be reached now.
    Busy,
}

impl Kind {
    /// The process exit code for it.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 4,
            Self::Conflict => 5,
            Self::Busy => 7,
        }
    }
}

impl StoreError {
    /// What is wrong with the database, whichever statement came upon it.
    pub fn cause(&self) -> String {
        if let Self::Sql { source, .. } = self {
            return source.to_string();
        }
        self.to_string()
    }

    /// What the error means to a caller.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) => refusal_kind(refusal),
            Self::Busy { .. } | Self::Replaced { .. } => Kind::Busy,
            Self::Missing { .. } | Self::Vanished { .. } | Self::NoSuchIncident { .. } => Kind::NotFound,
            Self::ProjectName { .. } | Self::Exists { .. } => Kind::Conflict,
            Self::UnsupportedUrl { .. }
            | Self::NotADatabase { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::NotAnArchive { .. }
            | Self::Dangling { .. } => Kind::Usage,
            Self::ChecksumMismatch { .. }
            | Self::Corrupt { .. }
            | Self::ReadOnly { .. }
            | Self::Full { .. }
            | Self::Io { .. }
            | Self::BadRow { .. }
            | Self::Closed { .. }
            | Self::Sql { .. } => Kind::Failed,
        }
    }
}

const fn refusal_kind(refusal: &Refusal) -> Kind {
    match refusal {
        Refusal::NoSuchTask
        | Refusal::NoSuchQuestion
        | Refusal::NothingReady
        | Refusal::NoSuchMessage(_)
        | Refusal::NoSuchIncident(_)
        | Refusal::NoSuchLimit(_)
        | Refusal::NoSuchSchedule(_) => Kind::NotFound,
        Refusal::StaleLease { .. }
        | Refusal::WrongStatus { .. }
        | Refusal::NotDue { .. }
        | Refusal::KeyTaken(_)
        | Refusal::StepRecorded { .. }
        | Refusal::AlreadyAnswered { .. }
        | Refusal::Paused { .. }
        | Refusal::Limited { .. }
        | Refusal::Merged { .. }
        | Refusal::UnderWork { .. }
        | Refusal::ScheduleExists(_)
        | Refusal::ScheduleNotDue(_) => Kind::Conflict,
        Refusal::Invalid(_) | Refusal::UnknownChoice { .. } => Kind::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_statements_that_miss_the_same_table_have_one_cause() {
        let of = |action| StoreError::Sql {
            action,
            path: "a.db".into(),
            source: Arc::new(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(1),
                Some("no such table: crew_log_cursors".into()),
            )),
        };
        let (one, other) = (of("shared/set_cursor"), of("log/cursor"));
        assert_ne!(one.to_string(), other.to_string());
        assert_eq!(one.cause(), other.cause());
    }
}
