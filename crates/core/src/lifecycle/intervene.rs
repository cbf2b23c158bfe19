//! What others than its worker do to a task: the supervisor, another program, a person.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::plan::{Plan, Write, later, run_time};
use super::run::{fail, lost_run};
use super::{Command, Refusal, Snapshot, ask, limit, signal};
use crate::agent::{Cost, Run};
use crate::event::{EventKind, MessageLink, NewEvent};
use crate::incident::IncidentStatus;
use crate::log::{LogLevel, NewLog};
use crate::message::{APPROVE, Message, MessageType, NewMessage};
use crate::role::Party;
use crate::task::{BlockedOn, IncidentLink, Lease, LeaseToken, MessageId, Status, Task};

pub(super) fn adopt(snapshot: &Snapshot, lease: SignedDuration, now: Timestamp) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    let foreign = task.status == Status::Running && task.lease.is_none();
    if !foreign {
        return Err(Refusal::WrongStatus { task: task.id, status: task.status, wish: "adopted" });
    }
    let mut adopted = task.clone();
    adopted.lease_token = LeaseToken(task.lease_token.0 + 1);
    adopted.lease = Some(Lease { owner: "unknown".into(), since: now, until: later(now, lease) });
    adopted.started_at = adopted.started_at.or(Some(now));
    let mut plan = Plan::default();
    plan.writes.push(Write::OpenAttempt(task.id, adopted.lease_token, "unknown".into()));
    plan.system_log(
        task.id,
        LogLevel::Info,
        "adopted: another program set it running without a lease",
        json!({ "lease_s": lease.as_secs() }),
    );
    plan.activity(snapshot.role_load, &adopted);
    plan.task(adopted);
    Ok(plan)
}

pub(super) fn promote(snapshot: &Snapshot, now: Timestamp) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    if task.status != Status::Pending || task.run_at.is_none_or(|at| at > now && !snapshot.arrived) {
        return Err(Refusal::NotDue { task: task.id });
    }
    let mut plan = Plan::default();
    signal::end_wait(&mut plan, task);
    plan.ready(Task { run_at: None, ..task.clone() });
    Ok(plan)
}

pub(super) fn rescue(
    snapshot: &Snapshot,
    ended_worker: Option<&str>,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    let error = match (task.status, &task.lease) {
        (Status::Running, Some(lease)) if lease.until <= now => {
            format!("worker {} lost its lease", lease.owner)
        }
        (Status::Running, Some(lease)) if ended_worker == Some(&lease.owner) => {
            format!("worker {} ended without a word", lease.owner)
        }
        _ => return Err(Refusal::NotDue { task: task.id }),
    };
    let mut after = Task { lease: None, ..task.clone() };
    let end = lost_run(&mut after, &error, now);
    let mut plan = Plan::default();
    if after.status == Status::Pending && after.run_at.is_none() {
        plan.wake.insert(after.assigned_to);
    }
    signal::end_wait(&mut plan, &after);
    plan.close(task, "lost", Some(error.clone()));
    plan.system_log(
        task.id,
        LogLevel::Warn,
        &format!("rescued: {error}"),
        json!({ "token": task.lease_token, "retry_count": after.retry_count, "status": after.status }),
    );
    if after.status == Status::Failed {
        plan.give_up(&after);
    }
    ask::answered(&mut plan, snapshot, &after, None);
    limit::free(&mut plan, snapshot);
    let load = plan.wake_parent(snapshot, &after);
    let run = Run { end, took: run_time(task, now), cost: Cost::default() };
    plan.agent(load, &after, now, Some(run));
    plan.task(after);
    Ok(plan)
}

pub(super) fn answer(
    snapshot: &Snapshot,
    id: MessageId,
    by: Party,
    choice: &str,
    comment: Option<&str>,
    extra: &Value,
) -> Result<Plan, Refusal> {
    let question = snapshot
        .question
        .as_ref()
        .filter(|message| message.message_type == MessageType::Question)
        .ok_or(Refusal::NoSuchQuestion)?;
    if question.read_at.is_some() {
        return Err(Refusal::AlreadyAnswered { question: id });
    }
    ask::check_choice(question, choice)?;
    let mut plan = Plan::default();
    plan.writes.push(Write::MarkRead(id));
    plan.writes
        .push(Write::InsertMessage(question.task, answer_message(question, id, by, choice, comment, extra)));
    if let Some(task) = &snapshot.task {
        let waits =
            task.status == Status::Blocked && task.wait.as_ref().is_some_and(|wait| wait.message == Some(id));
        if !waits && question.task.is_some() && question.metadata.get("choices").is_some() {
            return Err(Refusal::AlreadyAnswered { question: id });
        }
        if waits {
            if let Some(answering) = snapshot.answering {
                let reason = format!("question {id} is answered");
                plan.then.push(Command::Cancel { task: answering, by, reason });
            }
            plan.writes.extend(decided(question, task, by, choice).map(Write::Event));
            let after = Task { status: Status::Pending, wait: None, ..task.clone() };
            plan.activity(snapshot.role_load, &after);
            plan.ready(after);
        }
    }
    Ok(plan)
}

/// What the world outside hears of when a person decides about a fix.
fn decided(question: &Message, task: &Task, by: Party, choice: &str) -> Option<NewEvent> {
    let binding = question.binding().filter(|_| by == Party::User)?;
    Some(NewEvent {
        kind: if choice == APPROVE { EventKind::FixApproved } else { EventKind::FixRejected },
        project: task.project,
        incident: task.incident.map_or(IncidentLink::None, IncidentLink::Id),
        task: Some(task.id),
        message: MessageLink::Id(question.id),
        title: question.content.clone(),
        data: json!({ "choice": choice, "branch": binding.branch, "commit": binding.commit }),
    })
}

pub(super) fn answer_message(
    question: &Message,
    id: MessageId,
    by: Party,
    choice: &str,
    comment: Option<&str>,
    extra: &Value,
) -> NewMessage {
    let mut metadata = json!({ "answers": id, "choice": choice });
    if let Value::Object(fields) = extra {
        for (name, value) in fields {
            metadata[name.as_str()] = value.clone();
        }
    }
    NewMessage {
        from: by.to_string(),
        to: question.from.clone(),
        message_type: MessageType::Answer,
        content: comment.unwrap_or(choice).to_owned(),
        metadata,
    }
}

pub(super) fn cancel(snapshot: &Snapshot, by: Party, reason: &str, now: Timestamp) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    if task.status.is_final() {
        return Err(Refusal::WrongStatus { task: task.id, status: task.status, wish: "cancelled" });
    }
    let error = format!("cancelled by {by}: {reason}");
    let mut after = task.clone();
    fail(&mut after, &error, now);
    let mut plan = Plan::default();
    signal::end_wait(&mut plan, task);
    if task.status == Status::Running {
        plan.close(task, "cancelled", Some(error.clone()));
    }
    if let Some(message) = task.wait.as_ref().and_then(|wait| wait.message) {
        plan.writes.push(Write::MarkRead(message));
    }
    plan.writes.push(Write::InsertLog(
        Some(task.id),
        by,
        NewLog { level: LogLevel::Warn, message: error, data: Value::Null },
    ));
    plan.incident(&after, IncidentStatus::NeedsHuman, after.error_message.clone());
    if let Some(answering) = snapshot.answering {
        let reason = format!("task {} no longer asks", task.id);
        plan.then.push(Command::Cancel { task: answering, by, reason });
    }
    for child in snapshot.children.iter().filter(|child| Some(**child) != snapshot.answering) {
        let reason = format!("task {} is cancelled: {reason}", task.id);
        plan.then.push(Command::Cancel { task: *child, by, reason });
    }
    ask::answered(&mut plan, snapshot, &after, None);
    limit::free(&mut plan, snapshot);
    let load = plan.wake_parent(snapshot, &after);
    plan.activity(load, &after);
    plan.task(after);
    Ok(plan)
}

pub(super) fn redrive(snapshot: &Snapshot, by: Party) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    let environment = task.wait.as_ref().is_some_and(|wait| wait.on == BlockedOn::Environment);
    if !(task.status == Status::Failed || (task.status == Status::Blocked && environment)) {
        return Err(Refusal::WrongStatus { task: task.id, status: task.status, wish: "retried" });
    }
    if let Some(key) = task.dedupe_key.as_ref().filter(|key| snapshot.taken_keys.contains(*key)) {
        return Err(Refusal::KeyTaken(key.clone()));
    }
    let mut plan = Plan::default();
    if let Some(message) = task.wait.as_ref().and_then(|wait| wait.message) {
        plan.writes.push(Write::MarkRead(message));
    }
    plan.writes.push(Write::InsertLog(
        Some(task.id),
        by,
        NewLog::info(format!("put back into the queue by {by}"), Value::Null),
    ));
    let after = Task {
        status: Status::Pending,
        wait: None,
        run_at: None,
        retry_count: 0,
        completed_at: None,
        refusal_code: None,
        ..task.clone()
    };
    plan.activity(snapshot.role_load, &after);
    plan.incident(&after, IncidentStatus::Fixing, None);
    plan.ready(after);
    Ok(plan)
}
