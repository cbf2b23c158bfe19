//! Schedules: which task comes again when. Times that passed while nobody looked are skipped, not made up for.

use jiff::Timestamp;
use serde_json::json;

use super::plan::{Plan, Write};
use super::run::check_new;
use super::{Refusal, Snapshot};
use crate::log::NewLog;
use crate::role::Party;
use crate::schedule::{LONGEST_NAME, NewSchedule, SHORTEST, Schedule};
use crate::task::NewTask;

pub(super) fn add(snapshot: &Snapshot, new: &NewSchedule, now: Timestamp) -> Result<Plan, Refusal> {
    if new.name.trim().is_empty() || new.name.len() > LONGEST_NAME {
        return Err(Refusal::Invalid(format!("the name of a schedule has 1 to {LONGEST_NAME} bytes")));
    }
    if new.every < SHORTEST || new.every.subsec_nanos() != 0 {
        return Err(Refusal::Invalid("a schedule's time is a whole number of seconds, at least one".into()));
    }
    if snapshot.schedule.is_some() {
        return Err(Refusal::ScheduleExists(new.name.clone()));
    }
    let schedule = Schedule {
        name: new.name.clone(),
        task_type: new.task_type.clone(),
        role: new.role,
        project: new.project,
        priority: new.priority,
        context: new.context.clone(),
        every_s: new.every.as_secs().unsigned_abs(),
        next_at: new.first_at.unwrap_or(now),
        created_by: new.created_by.to_string(),
        last_task: None,
    };
    check_new(&task(&schedule))?;
    let mut plan = Plan::default();
    let text =
        format!("schedule {:?} added: {} every {} s", schedule.name, schedule.task_type, schedule.every_s);
    plan.writes.push(Write::InsertLog(None, new.created_by, NewLog::info(text, json!(schedule))));
    plan.writes.push(Write::AddSchedule(Box::new(schedule)));
    Ok(plan)
}

pub(super) fn remove(snapshot: &Snapshot, name: &str, by: Party) -> Result<Plan, Refusal> {
    let schedule = snapshot.schedule.as_ref().ok_or_else(|| Refusal::NoSuchSchedule(name.to_owned()))?;
    let mut plan = Plan::default();
    let text = format!("schedule {name:?} removed by {by}");
    plan.writes.push(Write::InsertLog(None, by, NewLog::info(text, json!(schedule))));
    plan.writes.push(Write::RemoveSchedule(name.to_owned()));
    Ok(plan)
}

/// Moves a due schedule on. Whoever is second to look finds its time moved already, so each time makes one task.
pub(super) fn tick(snapshot: &Snapshot, name: &str, now: Timestamp) -> Result<Plan, Refusal> {
    let schedule = snapshot.schedule.as_ref().ok_or_else(|| Refusal::NoSuchSchedule(name.to_owned()))?;
    if schedule.next_at > now {
        return Err(Refusal::ScheduleNotDue(name.to_owned()));
    }
    let mut plan = Plan::default();
    let free = !snapshot.taken_keys.contains(&schedule.key());
    if free {
        plan.wake.insert(schedule.role);
    }
    let next = free.then(|| Box::new(task(schedule)));
    plan.writes.push(Write::Tick(name.to_owned(), schedule.after(now), next));
    Ok(plan)
}

fn task(schedule: &Schedule) -> NewTask {
    let mut task = NewTask::new(&schedule.task_type, schedule.role, Party::System, schedule.context.clone());
    task.priority = schedule.priority;
    task.project = schedule.project;
    task.dedupe_key = Some(schedule.key());
    task
}
