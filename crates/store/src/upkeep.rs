//! What looking after a database gives: findings, figures, the state of the audit log, what was backed up and pruned.

use std::collections::BTreeMap;
use std::path::PathBuf;

use groundcrew_core::task::TaskId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::view::Count;

/// Something in the database that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the rule that is broken, one word.
    pub rule: &'static str,
    /// The table, where one is known.
    pub table: Option<String>,
    /// Key of the row, where it is about one.
    pub id: Option<String>,
    /// What is wrong, in words.
    pub detail: String,
}

/// Figures about a database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Version of its schema.
    pub schema: u32,
    /// The file, where the database is one.
    pub file: FileStats,
    /// Rows of each of our tables, by name.
    pub rows: BTreeMap<String, u64>,
    /// Tasks per role and status, in that order, without zeros.
    pub tasks: Vec<Count>,
    /// What waits in the queue.
    pub queue: QueueStats,
    /// Tasks that ended on each of the last days on which any did, newest first; at most 14.
    pub finished: Vec<Day>,
    /// Incidents per status, without zeros.
    pub incidents: BTreeMap<String, u64>,
}

/// Size of a database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileStats {
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its write-ahead log; 0 if there is none.
    pub wal_bytes: u64,
    /// Bytes of a page.
    pub page_size: u64,
    /// Pages of the file.
    pub pages: u64,
    /// Pages that hold nothing and are used before the file grows.
    pub free_pages: u64,
}

/// Tasks that are ready and wait for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueueStats {
    /// How many.
    pub ready: u64,
    /// When the oldest was created.
    pub oldest: Option<Timestamp>,
    /// One in twenty was created before or at this moment: the 95th percentile of their age.
    pub p95: Option<Timestamp>,
}

/// Tasks that ended on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day in UTC, as `2026-03-01`.
    pub day: String,
    /// With a result.
    pub completed: u64,
    /// Without one.
    pub failed: u64,
}

/// A copy of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Tasks in it.
    pub tasks: u64,
    /// Version of its schema.
    pub schema: u32,
}

/// How far the audit log is sealed, and where it differs from what was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Seals that were checked.
    pub seals: u64,
    /// Entries that are as they were sealed.
    pub sealed: u64,
    /// Sealed entries that were archived and deleted since.
    pub pruned: u64,
    /// Entries that no seal covers yet.
    pub unsealed: u64,
    /// Hash of the last seal, which stands for everything before it; worth a note elsewhere.
    pub head: Option<String>,
    /// The first difference; nothing after it was checked.
    pub broken: Option<Broken>,
}

/// Where the audit log differs from its seals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Number of the seal; none if a hash noted elsewhere is that of no seal.
    pub seal: Option<i64>,
    /// First and last key that the seal covers, where it is there.
    pub range: Option<(i64, i64)>,
    /// Key of the entry that differs, where it can be told.
    pub row: Option<i64>,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What can be wrong with a sealed audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// The entry is not what was sealed.
    RowChanged,
    /// The entry is gone.
    RowMissing,
    /// The entry was not there when its range was sealed.
    RowAdded,
    /// The seal is not what was written.
    SealChanged,
    /// The seal is gone.
    SealMissing,
    /// A hash that was noted elsewhere belongs to no seal.
    NotedMissing,
}

/// Which workflows are old enough to be pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Those that ended so long ago, by the database's clock.
    Ago(SignedDuration),
    /// Those that ended before this moment.
    Moment(Timestamp),
}

/// What is to be pruned, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    /// How old a workflow must be.
    pub before: Before,
    /// The file that all rows are appended to before they are deleted; none only counts what would be pruned.
    pub archive: Option<PathBuf>,
}

/// What was pruned, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// Workflows.
    pub workflows: u64,
    /// Their tasks.
    pub tasks: u64,
    /// Messages of these.
    pub messages: u64,
    /// Audit entries of these.
    pub logs: u64,
    /// Runs of these.
    pub attempts: u64,
    /// Events that every listener was told.
    pub events: u64,
    /// Counts of incidents over time, of five minutes each.
    pub buckets: u64,
    /// Counts of log lines over time, of five minutes each.
    pub traffic: u64,
    /// Counts of kinds of log lines over time, of five minutes each.
    pub lines: u64,
    /// Workflows old enough that were kept, since an open task, an open incident or the person still needs them.
    pub kept: u64,
    /// First tasks of the pruned workflows, at most 100 of them.
    pub roots: Vec<TaskId>,
}
