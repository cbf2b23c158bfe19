//! What the roles have under way, during one transaction: which tasks run, how many wait, and by how much the kept counts
//! of tasks change.
//!
//! Nearly every command asks what else its role has under way, and changes it. Commands that are committed together share one
//! look at the database, and the counts are written once for all of them. The triggers that keep the counts for every other
//! program are off on the connection that writes, unless the database has triggers of somebody else.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_core::lifecycle::RoleLoad;
use groundcrew_core::role::Role;
use groundcrew_core::task::{Status, Task, TaskId};
use rusqlite::params;

use super::query::{ADD_TO_COUNT, BLOCKED, Db, RUNNING};
use crate::error::StoreError;

/// Running tasks of a role that are read at a time. More than one are only needed since the first may be the one asked about.
const MOST: usize = 64;

/// Tasks of the roles, as the open transaction has them.
#[derive(Debug, Clone)]
pub(super) struct Underway {
    by: CountedBy,
    counts: BTreeMap<(Role, Status), i64>,
    loads: BTreeMap<Role, Load>,
}

/// Who keeps the counts of tasks on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountedBy {
    /// The transaction, once at its end.
    Transaction,
    /// The triggers, at every row. Triggers of others work too then, and may change any task, so nothing is remembered.
    Triggers,
}

/// What one role has under way.
#[derive(Debug, Clone, Default)]
struct Load {
    /// Its running tasks, or those of them with the smallest keys.
    running: BTreeSet<TaskId>,
    /// Whether there are further ones.
    more: bool,
    blocked: i64,
}

impl Underway {
    /// Nothing is known yet.
    pub(super) fn new(by: CountedBy) -> Self {
        Self { by, counts: BTreeMap::new(), loads: BTreeMap::new() }
    }

    /// What a role has under way besides one of its tasks.
    pub(super) fn besides(&mut self, db: Db<'_>, task: &Task) -> Result<RoleLoad, StoreError> {
        let role = task.assigned_to;
        let is_exhausted = |load: &Load| load.more && !load.running.iter().any(|id| *id != task.id);
        if self.by == CountedBy::Triggers || self.loads.get(&role).is_none_or(is_exhausted) {
            let load = self.read(db, role)?;
            self.loads.insert(role, load);
        }
        let load = self.loads.entry(role).or_default();
        let blocked = load.blocked - i64::from(task.status == Status::Blocked);
        Ok(RoleLoad {
            other_running: load.running.iter().copied().find(|id| *id != task.id),
            other_blocked: u64::try_from(blocked).unwrap_or(0),
        })
    }

    fn read(&self, db: Db<'_>, role: Role) -> Result<Load, StoreError> {
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let running = db.numbers(RUNNING, params![role.as_str(), most])?;
        let changed = self.counts.get(&(role, Status::Blocked)).copied().unwrap_or(0);
        Ok(Load {
            more: running.len() >= MOST,
            running: running.into_iter().map(TaskId).collect(),
            blocked: db.number(BLOCKED, [role.as_str()])? + changed,
        })
    }

    /// A task was added.
    pub(super) fn added(&mut self, role: Role) {
        self.count(role, Status::Pending, 1);
    }

    /// A task that was over was deleted.
    pub(super) fn removed(&mut self, role: Role, status: Status) {
        self.count(role, status, -1);
    }

    /// A task went from one status to another.
    pub(super) fn moved(&mut self, task: &Task, from: Status) {
        let role = task.assigned_to;
        if from == task.status {
            return;
        }
        self.count(role, from, -1);
        self.count(role, task.status, 1);
        let Some(load) = self.loads.get_mut(&role) else { return };
        let is_known = !load.more || load.running.last().is_some_and(|last| task.id < *last);
        match task.status {
            Status::Running if is_known => drop(load.running.insert(task.id)),
            Status::Running => {}
            Status::Blocked => load.blocked += 1,
            Status::Pending | Status::Completed | Status::Failed => {}
        }
        match from {
            Status::Running => drop(load.running.remove(&task.id)),
            Status::Blocked => load.blocked -= 1,
            Status::Pending | Status::Completed | Status::Failed => {}
        }
    }

    fn count(&mut self, role: Role, status: Status, by: i64) {
        if self.by == CountedBy::Transaction {
            *self.counts.entry((role, status)).or_default() += by;
        }
    }

    /// Writes by how much the counts have changed.
    pub(super) fn write(&mut self, db: Db<'_>) -> Result<(), StoreError> {
        for ((role, status), by) in std::mem::take(&mut self.counts) {
            if by != 0 {
                db.run(ADD_TO_COUNT, params![role.as_str(), status.as_str(), by])?;
            }
        }
        Ok(())
    }
}
