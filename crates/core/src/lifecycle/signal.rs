//! Signals are emitted once, and let go whatever waits for them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::plan::{Plan, Write};
use super::{Command, Outcome, Refusal, Snapshot};
use crate::log::NewLog;
use crate::role::Party;
use crate::signal::{LONGEST_NAME, NEVER, Signal};
use crate::task::{NewTask, Task};

pub(super) fn emit(
    snapshot: &Snapshot,
    name: &str,
    payload: &Value,
    by: Party,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    check_name(name)?;
    let mut plan = Plan::default();
    if snapshot.signal.is_some() {
        return Ok(plan);
    }
    let signal = Signal { name: name.to_owned(), payload: payload.clone(), emitted_at: now, by };
    let log = NewLog::info(format!("signal {name:?} emitted by {by}"), json!({ "signal": name, "by": by }));
    plan.writes.push(Write::Emit(signal));
    plan.writes.push(Write::InsertLog(None, by, log));
    plan.then.extend(snapshot.waiting.iter().map(|task| Command::Promote { task: *task }));
    Ok(plan)
}

pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    if fits && !name.trim().is_empty() && !name.contains(char::is_control) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!(
        "the name of a signal has 1 to {LONGEST_NAME} characters that can be printed"
    )))
}

/// The names of signals that a command would wait for.
pub fn awaited_signals(command: &Command) -> Vec<&str> {
    if let Command::Create(task) = command {
        return task.after.as_deref().into_iter().collect();
    }
    let Command::Settle(settlement) = command else { return Vec::new() };
    let mut names: Vec<&str> = settlement.hand_offs.iter().filter_map(|next| next.after.as_deref()).collect();
    if let Outcome::Await { signal, .. } = &settlement.outcome {
        names.push(signal);
    }
    names
}

/// A new task as it stands after a look at the signal that it waits for: that was emitted, or it is not ready before.
pub(super) fn delayed(snapshot: &Snapshot, mut task: NewTask) -> NewTask {
    match task.after.take() {
        Some(signal) if snapshot.emitted.contains(&signal) => task.run_at = None,
        Some(signal) => {
            task.run_at = task.run_at.or(Some(NEVER));
            task.after = Some(signal);
        }
        None => {}
    }
    task
}

/// Has a task wait for a signal that was not emitted yet.
pub(super) fn wait(plan: &mut Plan, snapshot: &Snapshot, task: &Task, signal: &str) {
    if !snapshot.emitted.contains(signal) {
        plan.writes.push(Write::Await(task.id, signal.to_owned()));
    }
}

/// Ends the wait of a task that is delayed no longer, or for another reason.
pub(super) fn end_wait(plan: &mut Plan, task: &Task) {
    if task.run_at.is_some() {
        plan.writes.push(Write::EndAwait(task.id));
    }
}
