//! Limits as rows: how much of each is used, and the next task that none of them holds back.
//!
//! What runs is counted where a limit is in force, from the few rows that run, so that no count can go astray. Tasks that are
//! held back are passed over group by group of a role, a type and a project, however many they are.

use groundcrew_core::limit::{Limit, Scope};
use groundcrew_core::role::Role;
use groundcrew_core::task::{ProjectId, Task};
use jiff::Timestamp;
use rusqlite::params;

use super::query::{
    ADD_GROUPS, CLEAR_LIMIT, COUNT_START, DEFAULT_PROJECT, Db, GROUP_HEAD, LIMITS, NEXT_PROJECT, NEXT_TYPE,
    REMOVE_GROUPS, RUNNING_GROUPS, SET_LIMIT,
};
use super::row;
use crate::error::StoreError;
use crate::time::written;

/// The limits in force, without what runs.
pub(super) fn all(db: Db<'_>) -> Result<Vec<Limit>, StoreError> {
    db.all(LIMITS, [], row::limit)
}

/// Counts what runs of each limit.
pub(super) fn count(db: Db<'_>, limits: &mut [Limit]) -> Result<(), StoreError> {
    if limits.iter().all(|limit| limit.concurrency.is_none()) {
        return Ok(());
    }
    let groups = db.all(RUNNING_GROUPS, [], row::group)?;
    for limit in limits {
        let running = groups.iter().filter(|group| match &limit.scope {
            Scope::Role(role) => group.role == *role,
            Scope::Type(name) => group.task_type == *name,
            Scope::Project(id) => group.project == Some(*id),
        });
        limit.running = running.map(|group| group.tasks).fold(0, u32::saturating_add);
    }
    Ok(())
}

/// The limits in force with what runs, as a reader sees them.
pub(super) fn used(db: Db<'_>) -> Result<Vec<Limit>, StoreError> {
    let mut limits = all(db)?;
    count(db, &mut limits)?;
    Ok(limits)
}

/// What no further task may start of.
pub(super) fn spent(limits: &[Limit], now: Timestamp) -> Vec<&Scope> {
    limits.iter().filter(|limit| limit.spent(now).is_some()).map(|limit| &limit.scope).collect()
}

/// The next ready task of a role that is of none of these scopes.
pub(super) fn next(db: Db<'_>, role: Role, spent: &[&Scope]) -> Result<Option<Task>, StoreError> {
    let default = db.number(DEFAULT_PROJECT, [])?;
    let is_spent = |scope: &Scope| spent.contains(&scope);
    let mut best: Option<Task> = None;
    // Other programs may name no type at all.
    let mut of_type = Some(String::new());
    while let Some(task_type) = of_type {
        if !is_spent(&Scope::Type(task_type.clone())) {
            for project in projects(db, role, &task_type)? {
                let known = if project == 0 { default } else { project };
                if is_spent(&Scope::Project(ProjectId(known))) {
                    continue;
                }
                let head = db.first(GROUP_HEAD, params![role.as_str(), task_type, project], row::task)?;
                best = best.into_iter().chain(head).min_by_key(turn);
            }
        }
        of_type = db.first(NEXT_TYPE, params![role.as_str(), task_type], row::first_text)?;
    }
    Ok(best)
}

/// The projects of a role's ready tasks of a type; 0 is that of tasks which name none.
fn projects(db: Db<'_>, role: Role, task_type: &str) -> Result<Vec<i64>, StoreError> {
    let mut found = Vec::new();
    let mut last = i64::MIN;
    while let Some(&next) = db.numbers(NEXT_PROJECT, params![role.as_str(), task_type, last])?.first() {
        found.push(next);
        last = next;
    }
    Ok(found)
}

/// The order in which a role's tasks are taken.
fn turn(task: &Task) -> (std::cmp::Reverse<u8>, Timestamp, i64) {
    (std::cmp::Reverse(task.priority), task.created_at, task.id.0)
}

pub(super) fn set(db: Db<'_>, limit: &Limit) -> Result<(), StoreError> {
    let (scope, name) = key(&limit.scope);
    let (starts, per_s) = limit.rate.map(|rate| (rate.starts, rate.per_s)).unzip();
    db.run(
        SET_LIMIT,
        params![
            scope,
            name,
            limit.concurrency,
            starts,
            per_s,
            written(limit.since),
            limit.by.as_str(),
            limit.window_at.map(written),
            limit.started,
        ],
    )?;
    arrange(db)
}

pub(super) fn clear(db: Db<'_>, scope: &Scope) -> Result<(), StoreError> {
    let (scope, name) = key(scope);
    db.run(CLEAR_LIMIT, params![scope, name])?;
    arrange(db)
}

pub(super) fn count_start(
    db: Db<'_>,
    scope: &Scope,
    window: Timestamp,
    started: u32,
) -> Result<(), StoreError> {
    let (scope, name) = key(scope);
    db.run(COUNT_START, params![scope, name, written(window), started]).map(drop)
}

/// Has the index of groups while there is a limit that needs it, and only then.
fn arrange(db: Db<'_>) -> Result<(), StoreError> {
    let needed = all(db)?.iter().any(|limit| !matches!(limit.scope, Scope::Role(_)));
    db.run(if needed { ADD_GROUPS } else { REMOVE_GROUPS }, []).map(drop)
}

/// How a scope is written.
fn key(scope: &Scope) -> (&'static str, String) {
    match scope {
        Scope::Role(role) => ("role", role.to_string()),
        Scope::Type(name) => ("type", name.clone()),
        Scope::Project(id) => ("project", id.0.to_string()),
    }
}
