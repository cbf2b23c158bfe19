//! Limits are set and taken back, hold back claims, and wake those whom they held back.

use jiff::Timestamp;
use serde_json::json;

use super::plan::{Plan, Write};
use super::{Refusal, Snapshot};
use crate::limit::{Limit, NewLimit, Scope, Spent};
use crate::log::NewLog;
use crate::role::{Party, Role};
use crate::task::{Status, Task};

/// Longest name of a type that a limit can be for, in characters.
const LONGEST_TYPE: usize = 200;
/// Longest window, in seconds: 31 days.
const LONGEST_WINDOW: u32 = 31 * 86_400;

pub(super) fn set(snapshot: &Snapshot, new: &NewLimit, by: Party, now: Timestamp) -> Result<Plan, Refusal> {
    check_new(new)?;
    let before = snapshot.limits.iter().find(|limit| limit.scope == new.scope);
    let mut plan = Plan::default();
    if before.is_some_and(|limit| (limit.concurrency, limit.rate) == (new.concurrency, new.rate)) {
        return Ok(plan);
    }
    // What has started counts on while the rate stays as it is.
    let counted = before.filter(|limit| limit.rate == new.rate);
    let limit = Limit {
        scope: new.scope.clone(),
        concurrency: new.concurrency,
        rate: new.rate,
        since: now,
        by,
        running: 0,
        window_at: counted.and_then(|limit| limit.window_at),
        started: counted.map_or(0, |limit| limit.started),
    };
    let most = new.concurrency.map(|most| format!("at most {most} at once"));
    let starts = new.rate.map(|rate| format!("at most {} starts in {} s", rate.starts, rate.per_s));
    let told: Vec<String> = most.into_iter().chain(starts).collect();
    let title = format!("{} limited by {by}: {}", new.scope, told.join(", "));
    let data = json!({ "scope": new.scope, "concurrency": new.concurrency, "rate": new.rate, "by": by });
    plan.writes.push(Write::SetLimit(limit));
    plan.writes.push(Write::InsertLog(None, by, NewLog::info(title, data)));
    plan.wake.extend(Role::ALL);
    Ok(plan)
}

fn check_new(new: &NewLimit) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(Refusal::Invalid(why.to_owned()));
    if let Scope::Type(name) = &new.scope
        && (name.trim().is_empty() || name.chars().count() > LONGEST_TYPE)
    {
        return Err(Refusal::Invalid(format!("the type of a limit has 1 to {LONGEST_TYPE} characters")));
    }
    if new.concurrency.is_none() && new.rate.is_none() {
        return wrong("a limit says how many may run at once, or how many may start within a time, or both");
    }
    if new.concurrency == Some(0) || new.rate.is_some_and(|rate| rate.starts == 0) {
        return wrong("a limit lets at least one task run; to let none run, pause the role");
    }
    if new.rate.is_some_and(|rate| !(1..=LONGEST_WINDOW).contains(&rate.per_s)) {
        return wrong("the time of a rate is one second to 31 days");
    }
    Ok(())
}

pub(super) fn clear(snapshot: &Snapshot, scope: &Scope, by: Party) -> Result<Plan, Refusal> {
    if !snapshot.limits.iter().any(|limit| limit.scope == *scope) {
        return Err(Refusal::NoSuchLimit(scope.clone()));
    }
    let mut plan = Plan::default();
    let log =
        NewLog::info(format!("{scope} no longer limited, by {by}"), json!({ "scope": scope, "by": by }));
    plan.writes.push(Write::ClearLimit(scope.clone()));
    plan.writes.push(Write::InsertLog(None, by, log));
    plan.wake.extend(Role::ALL);
    Ok(plan)
}

/// Says whether a task may start now.
pub(super) fn check(snapshot: &Snapshot, task: &Task, now: Timestamp) -> Result<(), Refusal> {
    for limit in of(snapshot, task) {
        if let Some(spent) = limit.spent(now) {
            let until = match spent {
                Spent::Concurrency => None,
                Spent::Rate(end) => Some(end),
            };
            return Err(Refusal::Limited { task: task.id, scope: limit.scope.clone(), until });
        }
    }
    Ok(())
}

/// Counts a start where a rate asks for it.
pub(super) fn start(plan: &mut Plan, snapshot: &Snapshot, task: &Task, now: Timestamp) {
    for limit in of(snapshot, task).filter(|limit| limit.rate.is_some()) {
        let (window, started) = limit.with_start(now);
        plan.writes.push(Write::CountStart(limit.scope.clone(), window, started));
    }
}

/// Wakes everybody whom a run that has ended may have held back.
pub(super) fn free(plan: &mut Plan, snapshot: &Snapshot) {
    let Some(task) = snapshot.task.as_ref().filter(|task| task.status == Status::Running) else { return };
    if of(snapshot, task).any(|limit| limit.concurrency.is_some()) {
        plan.wake.extend(Role::ALL);
    }
}

fn of<'a>(snapshot: &'a Snapshot, task: &'a Task) -> impl Iterator<Item = &'a Limit> {
    snapshot.limits.iter().filter(|limit| limit.scope.covers(task))
}
