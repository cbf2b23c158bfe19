//! `db stats`: how large the database is, what waits in it, what has become of the work.

use std::collections::BTreeMap;

use groundcrew_core::role::Role;
use groundcrew_core::task::Status;
use groundcrew_store::{Access, FileStats, QueueStats, Stats};
use jiff::Timestamp;
use serde::Serialize;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::live::age;
use crate::output::Style;
use crate::table::Table;

/// Figures as a program reads them.
#[derive(Serialize)]
struct Document<'a> {
    database: &'a str,
    /// How long the oldest ready task has waited, in seconds.
    oldest_ready_s: Option<i64>,
    /// The 95th percentile of that time, in seconds.
    p95_ready_s: Option<i64>,
    #[serde(flatten)]
    stats: &'a Stats,
}

/// Prints the figures.
pub(super) fn run(at: &Invocation) -> Result<Done, Failure> {
    let database = at.database()?;
    let stats = at.open(Access::ReadOnly)?.stats()?;
    let now = at.shown_now();
    let seconds = |then: Option<Timestamp>| then.map(|then| now.duration_since(then).as_secs().max(0));
    if at.out.is_json() {
        at.out.document(&Document {
            database: &database,
            oldest_ready_s: seconds(stats.queue.oldest),
            p95_ready_s: seconds(stats.queue.p95),
            stats: &stats,
        })?;
        return Ok(Done::Clean);
    }
    let mut facts = Table::bare();
    facts.row(["database".into(), format!("{}, schema version {}", escape::line(&database), stats.schema)]);
    facts.row(["file".into(), file(&stats.file)]);
    facts.row(["queue".into(), queue(&stats.queue, now)]);
    facts.row(["incidents".into(), counted(stats.incidents.iter())]);
    facts.row(["rows".into(), counted(stats.rows.iter().filter(|(_, rows)| **rows > 0))]);
    at.out.lines(facts.lines())?;
    at.out.line("")?;
    at.out.lines(headed(at, &tasks(&stats)))?;
    if !stats.finished.is_empty() {
        at.out.line("")?;
        at.out.lines(headed(at, &finished(&stats)))?;
    }
    Ok(Done::Clean)
}

fn file(file: &FileStats) -> String {
    format!(
        "{} bytes, {} pages of {} bytes, {} of them free; write-ahead log {} bytes",
        file.bytes, file.pages, file.page_size, file.free_pages, file.wal_bytes
    )
}

fn queue(queue: &QueueStats, now: Timestamp) -> String {
    match (queue.oldest, queue.p95) {
        (Some(oldest), Some(p95)) => format!(
            "{} ready, the oldest for {}, 95 % of them for at most {}",
            queue.ready,
            age(now, oldest),
            age(now, p95)
        ),
        _ => format!("{} ready", queue.ready),
    }
}

fn counted<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> String {
    let parts: Vec<String> = counts.map(|(name, count)| format!("{count} {}", escape::line(name))).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

fn tasks(stats: &Stats) -> Table {
    let counts: BTreeMap<(Role, Status), u64> =
        stats.tasks.iter().map(|count| ((count.role, count.status), count.tasks)).collect();
    let mut table = Table::new(["role", "pending", "running", "blocked", "completed", "failed"]);
    for &role in Role::ALL {
        let of = |status| counts.get(&(role, status)).copied().unwrap_or(0).to_string();
        table.row([
            role.to_string(),
            of(Status::Pending),
            of(Status::Running),
            of(Status::Blocked),
            of(Status::Completed),
            of(Status::Failed),
        ]);
    }
    table
}

fn finished(stats: &Stats) -> Table {
    let mut table = Table::new(["ended on", "completed", "failed"]);
    for day in &stats.finished {
        table.row([escape::line(&day.day), day.completed.to_string(), day.failed.to_string()]);
    }
    table
}

fn headed(at: &Invocation, table: &Table) -> Vec<String> {
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = at.out.paint(Style::Dim, head);
    }
    lines
}
