//! What a worker does to a task: takes it, keeps it, writes about it, ends it. All but the taking carries its token.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::plan::{Plan, Taken, Write, later, once, run_time};
use super::{Command, Outcome, Refusal, Settlement, Snapshot, ask, limit, pause, signal};
use crate::agent::{Run, RunEnd};
use crate::log::NewLog;
use crate::message::NewMessage;
use crate::policy::backoff;
use crate::role::Role;
use crate::signal::NEVER;
use crate::step::{LONGEST_NAME, MOST_STEPS};
use crate::task::{BlockedOn, Lease, LeaseToken, MAX_RETRIES, NewTask, Status, Task, TaskId, Wait};

pub(super) fn create(snapshot: &Snapshot, task: &NewTask, now: Timestamp) -> Result<Plan, Refusal> {
    check_new(task)?;
    if let Some(key) = task.dedupe_key.as_ref().filter(|key| snapshot.taken_keys.contains(*key)) {
        return Err(Refusal::KeyTaken(key.clone()));
    }
    let task = signal::delayed(snapshot, once(task.clone(), now));
    if let Some(key) = task.once_key.as_ref().filter(|key| snapshot.used_keys.contains(*key)) {
        return Err(Refusal::KeyTaken(key.clone()));
    }
    let mut plan = Plan::default();
    plan.enqueue(task);
    Ok(plan)
}

pub(super) fn check_new(task: &NewTask) -> Result<(), Refusal> {
    if task.task_type.trim().is_empty() {
        return Err(Refusal::Invalid("a task needs a type".into()));
    }
    if !(1..=10).contains(&task.priority) {
        return Err(Refusal::Invalid(format!("priority {} is not within 1 to 10", task.priority)));
    }
    task.after.as_deref().map_or(Ok(()), signal::check_name)?;
    Ok(())
}

pub(super) fn claim(
    snapshot: &Snapshot,
    role: Role,
    only: Option<TaskId>,
    worker: &str,
    lease: SignedDuration,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(if only.is_some() {
        Refusal::NoSuchTask
    } else {
        Refusal::NothingReady
    })?;
    // Whoever names a task that waits for its time wants it now.
    let waits = task.run_at.is_some() && only.is_none();
    if task.status != Status::Pending || waits || task.assigned_to != role {
        return Err(Refusal::WrongStatus { task: task.id, status: task.status, wish: "claimed" });
    }
    pause::check(snapshot, role)?;
    limit::check(snapshot, task, now)?;
    let mut claimed = task.clone();
    claimed.status = Status::Running;
    claimed.run_at = None;
    claimed.lease_token = LeaseToken(task.lease_token.0 + 1);
    claimed.lease = Some(Lease { owner: worker.to_owned(), since: now, until: later(now, lease) });
    claimed.started_at = claimed.started_at.or(Some(now));
    let mut plan = Plan::default();
    plan.writes.push(Write::OpenAttempt(task.id, claimed.lease_token, worker.to_owned()));
    plan.agent(snapshot.role_load, &claimed, now, None);
    ask::read_with(&mut plan, snapshot, task);
    signal::end_wait(&mut plan, task);
    limit::start(&mut plan, snapshot, task, now);
    plan.task(claimed);
    Ok(plan)
}

pub(super) fn heartbeat(
    snapshot: &Snapshot,
    id: TaskId,
    token: LeaseToken,
    lease: SignedDuration,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let task = held(snapshot, id, token)?;
    let mut renewed = task.clone();
    if let Some(held) = &mut renewed.lease {
        held.until = held.until.max(later(now, lease));
    }
    let mut plan = Plan::default();
    plan.agent(snapshot.role_load, &renewed, now, None);
    plan.task(renewed);
    Ok(plan)
}

pub(super) fn note(
    snapshot: &Snapshot,
    id: TaskId,
    token: LeaseToken,
    logs: &[NewLog],
    messages: &[NewMessage],
) -> Result<Plan, Refusal> {
    let task = held(snapshot, id, token)?;
    let mut plan = Plan::default();
    plan.notes(task, logs, messages);
    Ok(plan)
}

pub(super) fn record_step(
    snapshot: &Snapshot,
    id: TaskId,
    token: LeaseToken,
    name: &str,
    value: &Value,
) -> Result<Plan, Refusal> {
    let task = held(snapshot, id, token)?;
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(Refusal::Invalid(format!("the name of a step has 1 to {LONGEST_NAME} characters")));
    }
    if snapshot.steps.has_name {
        return Err(Refusal::StepRecorded { task: id, name: name.to_owned() });
    }
    if snapshot.steps.recorded >= MOST_STEPS {
        return Err(Refusal::Invalid(format!(
            "task {id} has recorded {MOST_STEPS} steps, which is all it may"
        )));
    }
    let mut plan = Plan::default();
    plan.writes.push(Write::RecordStep(task.id, token, name.to_owned(), value.clone()));
    Ok(plan)
}

/// The task, if this token still holds it.
pub(super) fn held(snapshot: &Snapshot, id: TaskId, token: LeaseToken) -> Result<&Task, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    if cfg!(feature = "unfenced") {
        return Ok(task);
    }
    // Without a lease it is another program that runs the task, whatever number the last claim had.
    if task.status != Status::Running || task.lease_token != token || task.lease.is_none() {
        return Err(Refusal::StaleLease {
            task: id,
            held: token,
            current: task.lease_token,
            status: task.status,
        });
    }
    Ok(task)
}

pub(super) fn settle(snapshot: &Snapshot, settlement: &Settlement, now: Timestamp) -> Result<Plan, Refusal> {
    let task = held(snapshot, settlement.task, settlement.token)?;
    check_settlement(snapshot, task, settlement)?;
    let mut plan = Plan::default();
    plan.notes(task, &settlement.logs, &settlement.messages);
    let (end, after) = after_run(task, snapshot, &settlement.outcome, now);
    // The task ends before its follow-ups begin, so that one of them may take over its key.
    plan.task(after.clone());
    let mut taken = Taken::of(snapshot);
    plan.sight(snapshot, task, settlement, &mut taken, now);
    for hand_off in &settlement.hand_offs {
        plan.hand_off(task, &signal::delayed(snapshot, hand_off.clone()), &mut taken, now);
    }
    plan.learned(snapshot, task, settlement);
    plan.close(task, end_word(&settlement.outcome, after.status), after.error_message.clone());
    if after.status == Status::Failed {
        plan.give_up(&after);
    }
    if after.status == Status::Pending && after.run_at.is_none() {
        plan.wake.insert(after.assigned_to);
    }
    let run = end.map(|end| Run { end, took: run_time(task, now), cost: settlement.cost });
    let load = plan.wake_parent(snapshot, &after);
    plan.agent(load, &after, now, run);
    if let Outcome::Block { on, ask: Some(ask) } = &settlement.outcome {
        ask::put(&mut plan, snapshot, task, *on, ask);
    }
    ask::answered(&mut plan, snapshot, &after, settlement.answer.as_ref());
    signal::end_wait(&mut plan, &after);
    if let Outcome::Await { signal, .. } = &settlement.outcome {
        signal::wait(&mut plan, snapshot, task, signal);
    }
    let by = task.assigned_to.into();
    let emit = |(name, payload): &(String, Value)| Command::Emit {
        name: name.clone(),
        payload: payload.clone(),
        by,
    };
    plan.then.extend(settlement.signals.iter().map(emit));
    limit::free(&mut plan, snapshot);
    Ok(plan)
}

pub(super) fn check_settlement(
    snapshot: &Snapshot,
    task: &Task,
    settlement: &Settlement,
) -> Result<(), Refusal> {
    let completes = matches!(settlement.outcome, Outcome::Complete { .. });
    let has_mined =
        !(settlement.mined.is_empty() && settlement.noticed.is_empty() && settlement.releases.is_empty());
    let has_read = has_mined
        || !(settlement.sightings.is_empty()
            && settlement.cursors.is_empty()
            && settlement.traffic.is_empty()
            && settlement.hidden.is_empty());
    let hands_on = !(settlement.hand_offs.is_empty() && settlement.signals.is_empty());
    let has_work = has_read || hands_on || !settlement.incidents.is_empty();
    if (has_work || settlement.answer.is_some()) && !completes {
        return Err(Refusal::Invalid("only a completed task hands off work".into()));
    }
    if has_read && task.project.is_none() {
        return Err(Refusal::Invalid("a task without a project cannot record what it read".into()));
    }
    for (id, _) in &settlement.incidents {
        let incident = snapshot.incidents.get(id).ok_or(Refusal::NoSuchIncident(*id))?;
        if Some(incident.project) != task.project {
            return Err(Refusal::Invalid(format!("incident {id} is not of the project of task {}", task.id)));
        }
    }
    if let Some(given) = &settlement.answer {
        ask::check_answer(snapshot, task, given)?;
    }
    if let Outcome::Block { on, ask } = &settlement.outcome {
        let choices = ask.as_ref().map_or(0, |ask| ask.choices.len());
        if *on != BlockedOn::Children && !(2..=4).contains(&choices) {
            return Err(Refusal::Invalid("a wait needs a question with two to four choices".into()));
        }
        ask.as_ref().map_or(Ok(()), |ask| ask::check(task, *on, ask))?;
    }
    if let Outcome::Await { signal, .. } = &settlement.outcome {
        signal::check_name(signal)?;
    }
    settlement.signals.iter().try_for_each(|(name, _)| signal::check_name(name))?;
    settlement.hand_offs.iter().try_for_each(check_new)
}

/// The task as it stands after its run, and how the metrics count the run.
pub(super) fn after_run(
    task: &Task,
    snapshot: &Snapshot,
    outcome: &Outcome,
    now: Timestamp,
) -> (Option<RunEnd>, Task) {
    let mut after = Task { lease: None, wait: None, ..task.clone() };
    let end = match outcome {
        Outcome::Complete { result } => {
            after.status = Status::Completed;
            after.result = Some(result.clone());
            after.error_message = None;
            after.completed_at = Some(now);
            Some(RunEnd::Completed)
        }
        Outcome::Retry { error } => Some(failed_run(&mut after, error, now)),
        Outcome::Fail { error, refusal } => {
            fail(&mut after, error, now);
            after.refusal_code.clone_from(refusal);
            Some(RunEnd::Failed)
        }
        // The last child may have ended while this run was deciding to wait for it: nobody would wake the task.
        Outcome::Block { on: BlockedOn::Children, .. } if !snapshot.open_children => {
            after.status = Status::Pending;
            Some(RunEnd::Blocked)
        }
        Outcome::Block { on, .. } => {
            after.status = Status::Blocked;
            after.wait = Some(Wait { on: *on, message: None });
            Some(RunEnd::Blocked)
        }
        Outcome::Await { signal, until } => {
            after.status = Status::Pending;
            let comes = !snapshot.emitted.contains(signal);
            after.run_at = comes.then(|| until.unwrap_or(NEVER));
            Some(RunEnd::Blocked)
        }
        Outcome::Release => {
            after.status = Status::Pending;
            None
        }
    };
    (end, after)
}

/// A run that failed: one more retry, or the end.
pub(super) fn failed_run(after: &mut Task, error: &str, now: Timestamp) -> RunEnd {
    if after.retry_count >= MAX_RETRIES {
        fail(after, error, now);
        return RunEnd::Failed;
    }
    after.status = Status::Pending;
    after.run_at = Some(later(now, backoff(after.retry_count, after.id, after.lease_token)));
    after.retry_count += 1;
    after.error_message = Some(error.to_owned());
    RunEnd::Retried
}

/// A run that was lost with its worker, as a failed one. The first time the task is ready at once: it has waited already, and
/// what ended the worker was seldom the task.
pub(super) fn lost_run(after: &mut Task, error: &str, now: Timestamp) -> RunEnd {
    let first = after.retry_count == 0;
    let end = failed_run(after, error, now);
    if first {
        after.run_at = None;
    }
    end
}

pub(super) fn fail(after: &mut Task, error: &str, now: Timestamp) {
    after.status = Status::Failed;
    after.error_message = Some(error.to_owned());
    after.completed_at = Some(now);
    after.lease = None;
    after.wait = None;
    after.run_at = None;
}

pub(super) fn end_word(outcome: &Outcome, status: Status) -> &'static str {
    match outcome {
        Outcome::Complete { .. } => "completed",
        Outcome::Retry { .. } if status == Status::Failed => "failed",
        Outcome::Retry { .. } => "retried",
        Outcome::Fail { .. } => "failed",
        Outcome::Block { .. } | Outcome::Await { .. } => "blocked",
        Outcome::Release => "released",
    }
}
