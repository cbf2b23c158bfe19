//! Schedules: which task comes again when. Times that passed while nobody looked are one task or none, never many.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::plan::{Plan, Write};
use super::run::check_new;
use super::{Refusal, Snapshot};
use crate::cron::Cron;
use crate::log::NewLog;
use crate::role::Party;
use crate::schedule::{Beat, LONGEST_NAME, MINUTE, NewSchedule, SHORTEST, Schedule};
use crate::task::NewTask;

pub(super) fn add(snapshot: &Snapshot, new: &NewSchedule, now: Timestamp) -> Result<Plan, Refusal> {
    if new.name.trim().is_empty() || new.name.len() > LONGEST_NAME {
        return Err(Refusal::Invalid(format!("the name of a schedule has 1 to {LONGEST_NAME} bytes")));
    }
    let (every, cron, first) = beat(&new.beat, now)?;
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
        every_s: every.as_secs().unsigned_abs(),
        cron,
        missed: new.missed,
        next_at: new.first_at.unwrap_or(first),
        created_by: new.created_by.to_string(),
        last_task: None,
    };
    check_new(&task(&schedule))?;
    let mut plan = Plan::default();
    let when = schedule
        .cron
        .as_ref()
        .map_or_else(|| format!("every {} s", schedule.every_s), |cron| format!("at {cron}"));
    let text = format!("schedule {:?} added: {} {when}", schedule.name, schedule.task_type);
    plan.writes.push(Write::InsertLog(None, new.created_by, NewLog::info(text, json!(schedule))));
    plan.writes.push(Write::AddSchedule(Box::new(schedule)));
    Ok(plan)
}

/// The shortest time between two tasks, the times of cron, and when the first task is due.
fn beat(beat: &Beat, now: Timestamp) -> Result<(SignedDuration, Option<Cron>, Timestamp), Refusal> {
    match beat {
        Beat::Every(every) if *every < SHORTEST || every.subsec_nanos() != 0 => {
            Err(Refusal::Invalid("a schedule's time is a whole number of seconds, at least one".into()))
        }
        Beat::Every(every) => Ok((*every, None, now)),
        Beat::Cron(cron) => {
            let first =
                cron.after(now).ok_or_else(|| Refusal::Invalid(format!("{cron} never comes again")))?;
            Ok((MINUTE, Some(cron.clone()), first))
        }
    }
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
    let free = !snapshot.taken_keys.contains(&schedule.key()) && !schedule.lets_go(now);
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
