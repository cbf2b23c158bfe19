//! Takes finished work that nobody needs any more out of the database, whole workflows at a time.
//!
//! Each batch is judged, archived and deleted in one transaction, so that a task that was put back meanwhile is seen, and
//! the rows are on disk in the archive before the deletion is committed: a kill at any moment loses nothing.
//!
//! Events that were told and counts over time go without an archive: they repeat what the incidents and the audit log say.

use groundcrew_core::log::NewLog;
use groundcrew_core::role::Party;
use groundcrew_core::task::{Task, TaskId};
use jiff::{SignedDuration, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use serde_json::{Map, Value, json};

use super::query::{
    Db, OLD_BUCKETS, OLD_EVENTS, OLD_TEMPLATE_BUCKETS, OLD_TRAFFIC, PRUNABLE, PRUNE_ATTEMPTS, PRUNE_BUCKETS,
    PRUNE_EVENTS, PRUNE_LOGS, PRUNE_MESSAGES, PRUNE_READ_ATTEMPTS, PRUNE_READ_LOGS, PRUNE_READ_MESSAGES,
    PRUNE_READ_STEPS, PRUNE_READ_TASKS, PRUNE_SEALED, PRUNE_STEPS, PRUNE_TASKS, PRUNE_TEMPLATE_BUCKETS,
    PRUNE_TRAFFIC, Query, STILL_NEEDED,
};
use super::session::Session;
use super::{apply, audit, reader};
use crate::archive::{Archive, ArchivedRow};
use crate::error::StoreError;
use crate::time::written;
use crate::upkeep::{Before, Pruned};

/// Workflows that ended so shortly ago are never pruned.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);
/// Counts over time this young are never pruned: what is usual for an error is told from the last days or weeks.
const COUNTED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Rows of one transaction, unless a single workflow has more.
const MOST_ROWS: usize = 2_000;
/// Events and counts of one table that one transaction deletes.
const MOST_PAST: i64 = 2_000;
/// Workflows that one transaction looks at.
const MOST_LOOKED_AT: i64 = 200;
/// Roots that the result names.
const MOST_TOLD: usize = 100;

/// Tables that a workflow has rows in, tasks last, since the others point at them.
const TABLES: [(&str, Query, Query); 5] = [
    ("agent_messages", PRUNE_READ_MESSAGES, PRUNE_MESSAGES),
    ("agent_logs", PRUNE_READ_LOGS, PRUNE_LOGS),
    ("crew_attempts", PRUNE_READ_ATTEMPTS, PRUNE_ATTEMPTS),
    ("crew_steps", PRUNE_READ_STEPS, PRUNE_STEPS),
    ("agent_tasks", PRUNE_READ_TASKS, PRUNE_TASKS),
];

/// Old events and counts over time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    events_before: Timestamp,
    counts_before: Timestamp,
}

impl Past {
    /// What lies before a moment that [`moment`] gave.
    pub(super) fn new(before: Timestamp, now: Timestamp) -> Self {
        let counted = now.checked_sub(COUNTED).unwrap_or(Timestamp::MIN);
        Self { events_before: before, counts_before: before.min(counted) }
    }

    /// Counts it.
    pub(super) fn count(self, db: Db<'_>, done: &mut Pruned) -> Result<(), StoreError> {
        let count = |query, before| Ok::<_, StoreError>(db.number(query, [written(before)])?.unsigned_abs());
        done.events = count(OLD_EVENTS, self.events_before)?;
        done.buckets = count(OLD_BUCKETS, self.counts_before)?;
        done.traffic = count(OLD_TRAFFIC, self.counts_before)?;
        done.lines = count(OLD_TEMPLATE_BUCKETS, self.counts_before)?;
        Ok(())
    }

    /// Deletes the next of it; false if nothing was left.
    pub(super) fn delete(self, session: &mut Session<'_>, done: &mut Pruned) -> Result<bool, StoreError> {
        let delete = |query, before| {
            let deleted = session.db.run(query, params![written(before), MOST_PAST])?;
            Ok::<_, StoreError>(u64::try_from(deleted).unwrap_or(u64::MAX))
        };
        let events = delete(PRUNE_EVENTS, self.events_before)?;
        let buckets = delete(PRUNE_BUCKETS, self.counts_before)?;
        let traffic = delete(PRUNE_TRAFFIC, self.counts_before)?;
        let lines = delete(PRUNE_TEMPLATE_BUCKETS, self.counts_before)?;
        if events + buckets + traffic + lines == 0 {
            return Ok(false);
        }
        done.events += events;
        done.buckets += buckets;
        done.traffic += traffic;
        done.lines += lines;
        let data = json!({ "events": events, "buckets": buckets, "traffic": traffic, "lines": lines });
        let entry = NewLog::info("deleted old events and counts over time", data);
        apply::log(session, None, Party::User, &entry)?;
        Ok(true)
    }
}

/// Where the search for old workflows stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// Workflows that ended before this are old.
    pub(super) before: Timestamp,
    /// The last root that was looked at.
    pub(super) after: i64,
    /// Whether all were looked at.
    pub(super) over: bool,
}

impl Search {
    /// From the first workflow on.
    pub(super) fn new(before: Timestamp) -> Self {
        Self { before, after: i64::MIN, over: false }
    }
}

/// The moment that is meant. What ended within the last day stays in any case: a key that lets something happen once a day
/// is on its task.
pub(super) fn moment(before: Before, now: Timestamp) -> Timestamp {
    let ago = |time: SignedDuration| now.checked_sub(time).unwrap_or(Timestamp::MIN);
    match before {
        Before::Ago(time) => ago(time.max(YOUNG)),
        Before::Moment(at) => at.min(ago(YOUNG)),
    }
}

/// Archives and deletes the next old workflows; the archive is synced before this returns.
pub(super) fn batch(
    session: &mut Session<'_>,
    archive: &mut Archive,
    search: &mut Search,
    done: &mut Pruned,
) -> Result<(), StoreError> {
    let before = done.clone();
    let mut doomed = Vec::new();
    let found = look(session.db, search, done, |root, tasks, keys, rows| {
        archive.add(root, &rows)?;
        doomed.push((keys, tasks.iter().map(|task| (task.assigned_to, task.status)).collect::<Vec<_>>()));
        Ok(())
    });
    found?;
    if doomed.is_empty() {
        return Ok(());
    }
    archive.sync()?;
    for (keys, tasks) in doomed {
        session.db.run(PRUNE_SEALED, [&keys])?;
        for (_, _, delete) in TABLES {
            session.db.run(delete, [&keys])?;
        }
        for (role, status) in tasks {
            session.underway.removed(role, status);
        }
    }
    let data = json!({
        "workflows": done.workflows - before.workflows,
        "tasks": done.tasks - before.tasks,
        "before": written(search.before),
    });
    let entry = NewLog::info("archived and deleted finished workflows", data);
    apply::log(session, None, Party::User, &entry)
}

/// Counts the next old workflows.
pub(super) fn count(db: Db<'_>, search: &mut Search, done: &mut Pruned) -> Result<(), StoreError> {
    look(db, search, done, |_, _, _, _| Ok(()))
}

/// Looks at the next workflows and hands over those that can go: the root, the tasks, their keys as a JSON array, all rows.
fn look(
    db: Db<'_>,
    search: &mut Search,
    done: &mut Pruned,
    mut take: impl FnMut(TaskId, &[Task], String, Vec<ArchivedRow>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let roots = db.numbers(PRUNABLE, params![search.after, written(search.before), MOST_LOOKED_AT])?;
    search.over = roots.is_empty();
    let mut taken = 0;
    for root in roots {
        search.after = root;
        let tasks = reader::workflow(db, TaskId(root))?;
        if !tasks.iter().all(|task| is_over(task, search.before)) {
            continue;
        }
        let keys = json!(tasks.iter().map(|task| task.id).collect::<Vec<_>>()).to_string();
        if db.number(STILL_NEEDED, [&keys])? != 0 {
            done.kept += 1;
            continue;
        }
        let rows = rows(db, &keys)?;
        done.add(TaskId(root), &rows);
        taken += rows.len();
        take(TaskId(root), &tasks, keys, rows)?;
        if taken >= MOST_ROWS {
            break;
        }
    }
    Ok(())
}

/// Whether a task ended before a moment. One whose times cannot be understood may be of any age, and stays.
fn is_over(task: &Task, before: Timestamp) -> bool {
    let known = |at: Timestamp| (at != Timestamp::UNIX_EPOCH).then_some(at);
    let newest = task.completed_at.and_then(known).max(known(task.created_at));
    task.status.is_final() && newest.is_some_and(|at| at < before)
}

impl Pruned {
    fn add(&mut self, root: TaskId, rows: &[ArchivedRow]) {
        let of = |table: &str| {
            u64::try_from(rows.iter().filter(|row| row.table == table).count()).unwrap_or(u64::MAX)
        };
        self.workflows += 1;
        self.tasks += of("agent_tasks");
        self.messages += of("agent_messages");
        self.logs += of("agent_logs");
        self.attempts += of("crew_attempts");
        if self.roots.len() < MOST_TOLD {
            self.roots.push(root);
        }
    }
}

fn rows(db: Db<'_>, keys: &str) -> Result<Vec<ArchivedRow>, StoreError> {
    let mut rows = Vec::new();
    // In the archive tasks come first, as one would read them in again.
    for (table, read, _) in TABLES.into_iter().rev() {
        rows.extend(db.all(read, [keys], |found| {
            Ok(ArchivedRow {
                table: table.to_owned(),
                row: columns(found).map_err(|e| db.fault(read.name, e))?,
            })
        })?);
    }
    Ok(rows)
}

/// All columns of a row, also those that other programs added.
fn columns(found: &Row<'_>) -> rusqlite::Result<Value> {
    let mut columns = Map::new();
    for (at, name) in found.as_ref().column_names().enumerate() {
        columns.insert(name.to_owned(), cell(found.get_ref(at)?));
    }
    Ok(Value::Object(columns))
}

/// A value that comes back as it was: what JSON cannot hold is written as an object that names its kind.
fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) if number.is_finite() => json!(number),
        ValueRef::Real(number) => json!({ "real": number.to_string() }),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!({ "text_hex": audit::hex(bytes) }),
        },
        ValueRef::Blob(bytes) => json!({ "blob_hex": audit::hex(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_within_a_day_is_never_old() {
        let now: Timestamp = "2026-03-10T10:00:00Z".parse().unwrap();
        let day_ago: Timestamp = "2026-03-09T10:00:00Z".parse().unwrap();
        let month_ago: Timestamp = "2026-02-08T10:00:00Z".parse().unwrap();
        for (before, wanted) in [
            (Before::Ago(SignedDuration::ZERO), day_ago),
            (Before::Ago(SignedDuration::from_hours(30 * 24)), month_ago),
            (Before::Moment(now), day_ago),
            (Before::Moment(Timestamp::MAX), day_ago),
            (Before::Moment(month_ago), month_ago),
            (Before::Ago(SignedDuration::MAX), Timestamp::MIN),
        ] {
            assert_eq!(moment(before, now), wanted, "{before:?}");
        }
    }

    #[test]
    fn every_value_that_a_column_can_hold_comes_back_from_the_archive() {
        let told = |value: ValueRef<'_>| cell(value).to_string();
        assert_eq!(told(ValueRef::Null), "null");
        assert_eq!(told(ValueRef::Integer(i64::MIN)), "-9223372036854775808");
        assert_eq!(told(ValueRef::Real(2.5)), "2.5");
        assert_eq!(told(ValueRef::Real(f64::INFINITY)), "{\"real\":\"inf\"}");
        assert_eq!(told(ValueRef::Text(b"a\"b")), "\"a\\\"b\"");
        assert_eq!(told(ValueRef::Text(b"a\xff")), "{\"text_hex\":\"61ff\"}");
        assert_eq!(told(ValueRef::Blob(b"\x00\xff")), "{\"blob_hex\":\"00ff\"}");
    }
}
