//! What follows from a command, as rows to write, and the parts that several commands share.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Command, RoleLoad, Settlement, Snapshot};
use crate::agent::{AgentState, AgentStatus, Cost, RunEnd, count_run};
use crate::contract::task_type::CLASSIFY_ERROR;
use crate::incident::{IncidentChange, IncidentStatus, Sighting};
use crate::log::{LogLevel, NewLog};
use crate::message::{MessageType, NewMessage};
use crate::role::{Party, Role};
use crate::task::{
    BlockedOn, IncidentId, IncidentLink, LeaseToken, MessageId, NewTask, ProjectId, Status, Task, TaskId,
};

/// One row that a store has to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Add a task in the given status `pending`.
    InsertTask(NewTask),
    /// Write all changeable columns of a task.
    UpdateTask(Box<Task>),
    /// Add a message about a task.
    InsertMessage(Option<TaskId>, NewMessage),
    /// Add a question about a task and make the task wait for it.
    InsertQuestion(TaskId, BlockedOn, NewMessage),
    /// Set `read_at` of a message.
    MarkRead(MessageId),
    /// Add an entry to the audit log of a task.
    InsertLog(Option<TaskId>, Party, NewLog),
    /// Write a role's state row.
    SetAgent(AgentState),
    /// Note that a run began.
    OpenAttempt(TaskId, LeaseToken, String),
    /// Note how a run ended.
    CloseAttempt(TaskId, LeaseToken, &'static str, Option<String>),
    /// Add occurrences of an error, making its incident if there is none; the status is set where given.
    Sight(ProjectId, Sighting, Option<IncidentStatus>),
    /// Change an incident.
    ChangeIncident(IncidentId, IncidentChange),
    /// Remember how far a source has been read.
    SetCursor(ProjectId, String, Value),
}

/// What follows from a command: rows to write, in order, and roles that have new work.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Rows to write.
    pub writes: Vec<Write>,
    /// Roles whose workers should look at the queue.
    pub wake: BTreeSet<Role>,
}
/// How one run counts.
pub(super) struct Run {
    pub(super) end: RunEnd,
    pub(super) took: SignedDuration,
    pub(super) cost: Cost,
}

impl Plan {
    pub(super) fn task(&mut self, task: Task) {
        self.writes.push(Write::UpdateTask(Box::new(task)));
    }

    pub(super) fn ready(&mut self, task: Task) {
        self.wake.insert(task.assigned_to);
        self.task(task);
    }

    pub(super) fn enqueue(&mut self, task: NewTask) {
        if task.run_at.is_none() {
            self.wake.insert(task.assigned_to);
        }
        self.writes.push(Write::InsertTask(task));
    }

    /// A follow-up of a task: it inherits what it does not name, and is dropped where an open task holds its key.
    pub(super) fn hand_off(&mut self, from: &Task, next: &NewTask, taken: &mut BTreeSet<String>) {
        if next.dedupe_key.as_ref().is_some_and(|key| !taken.insert(key.clone())) {
            return;
        }
        let mut next = next.clone();
        next.parent = next.parent.or(Some(from.id));
        next.project = next.project.or(from.project);
        if let (IncidentLink::None, Some(incident)) = (&next.incident, from.incident) {
            next.incident = IncidentLink::Id(incident);
        }
        let note = NewMessage {
            from: from.assigned_to.to_string(),
            to: next.assigned_to.to_string(),
            message_type: MessageType::Handoff,
            content: format!("{} #{} is done; next: {}", from.task_type, from.id, next.task_type),
            metadata: json!({ "task_type": next.task_type, "priority": next.priority }),
        };
        self.writes.push(Write::InsertMessage(Some(from.id), note));
        self.enqueue(next);
    }

    pub(super) fn notes(&mut self, task: &Task, logs: &[NewLog], messages: &[NewMessage]) {
        for log in logs {
            self.writes.push(Write::InsertLog(Some(task.id), task.assigned_to.into(), log.clone()));
        }
        for message in messages {
            self.writes.push(Write::InsertMessage(Some(task.id), message.clone()));
        }
    }

    /// Records errors met in a log. An error that is new, or that was history and is still happening, or that
    /// came back after a fix, becomes one task for triage; anything else is counted.
    pub(super) fn sight(
        &mut self,
        snapshot: &Snapshot,
        task: &Task,
        settlement: &Settlement,
        taken: &mut BTreeSet<String>,
    ) {
        let Some(project) = task.project else { return };
        let mut room = MOST_WAITING.saturating_sub(snapshot.triage_waiting);
        let mut held_back = 0u64;
        for sighting in &settlement.sightings {
            let (status, reason) =
                sighted(snapshot.known.get(&sighting.fingerprint).copied(), sighting.history);
            self.writes.push(Write::Sight(project, sighting.clone(), status));
            let Some(reason) = reason else { continue };
            if room == 0 && reason == NEW {
                held_back += 1;
                continue;
            }
            room = room.saturating_sub(1);
            let mut next = classify_task(project, &sighting.fingerprint, &sighting.title, reason);
            next.created_by = task.assigned_to.into();
            self.hand_off(task, &next, taken);
        }
        if held_back > 0 {
            let message = format!("{held_back} kinds of errors wait: triage has {MOST_WAITING} before them");
            self.system_log(
                task.id,
                LogLevel::Warn,
                &message,
                json!({ "step": true, "held_back": held_back }),
            );
        }
        for (source, cursor) in &settlement.cursors {
            self.writes.push(Write::SetCursor(project, source.clone(), cursor.clone()));
        }
    }

    pub(super) fn system_log(&mut self, task: TaskId, level: LogLevel, message: &str, data: Value) {
        let log = NewLog { level, message: message.to_owned(), data };
        self.writes.push(Write::InsertLog(Some(task), Party::System, log));
    }

    pub(super) fn close(&mut self, task: &Task, end: &'static str, error: Option<String>) {
        self.writes.push(Write::CloseAttempt(task.id, task.lease_token, end, error));
    }

    /// A task that failed for good leaves its incident to the person, who is told.
    pub(super) fn give_up(&mut self, task: &Task) {
        let error = task.error_message.clone().unwrap_or_default();
        let note = NewMessage {
            from: Party::System.to_string(),
            to: Party::User.to_string(),
            message_type: MessageType::Notification,
            content: format!("{} #{} failed: {error}", task.task_type, task.id),
            metadata: json!({ "refusal_code": task.refusal_code }),
        };
        self.writes.push(Write::InsertMessage(Some(task.id), note));
        self.incident(task, IncidentStatus::NeedsHuman, Some(error));
    }

    pub(super) fn incident(&mut self, task: &Task, status: IncidentStatus, reason: Option<String>) {
        if let Some(incident) = task.incident {
            let change = IncidentChange { status: Some(status), reason, ..IncidentChange::default() };
            self.writes.push(Write::ChangeIncident(incident, change));
        }
    }

    /// Wakes the parent that waits for its children when this was the last of them to end. Gives what else the
    /// role of this task has under way after that.
    pub(super) fn wake_parent(&mut self, snapshot: &Snapshot, after: &Task) -> RoleLoad {
        let load = snapshot.role_load;
        let Some(parent) = snapshot.waiting_parent.as_ref() else { return load };
        if !after.status.is_final() || parent.open_children > 0 {
            return load;
        }
        self.ready(Task { status: Status::Pending, wait: None, ..parent.task.clone() });
        if parent.task.assigned_to == after.assigned_to {
            return RoleLoad { other_blocked: load.other_blocked.saturating_sub(1), ..load };
        }
        let mut agent = parent.agent.clone();
        set_activity(&mut agent, parent.role_load, None);
        self.writes.push(Write::SetAgent(agent));
        load
    }

    /// Keeps the role's state row true after a worker gave this task the given form.
    pub(super) fn agent(
        &mut self,
        snapshot: &Snapshot,
        load: RoleLoad,
        task: &Task,
        now: Timestamp,
        run: Option<Run>,
    ) {
        let Some(agent) = &snapshot.agent else { return };
        let mut agent = agent.clone();
        agent.last_active = Some(now);
        if let Some(run) = run {
            count_run(&mut agent.metrics, run.end, run.took, &run.cost);
        }
        set_activity(&mut agent, load, Some(task));
        self.writes.push(Write::SetAgent(agent));
    }

    /// Keeps the role's state row true after this task took the given form without an act of its worker.
    pub(super) fn activity(&mut self, snapshot: &Snapshot, load: RoleLoad, task: &Task) {
        let Some(agent) = &snapshot.agent else { return };
        let mut agent = agent.clone();
        set_activity(&mut agent, load, Some(task));
        self.writes.push(Write::SetAgent(agent));
    }
}

/// Errors that may wait for triage at a time. More are recorded and wait as incidents, so that a flood of made-up
/// errors neither fills the queue nor hides what comes after it.
pub const MOST_WAITING: u64 = 100;

/// The task by which an incident reaches triage; only one for an incident can be open.
pub fn classify_task(project: ProjectId, fingerprint: &str, title: &str, reason: &str) -> NewTask {
    let context = json!({ "reason": reason, "fingerprint": fingerprint, "title": title });
    let mut task = NewTask::new(CLASSIFY_ERROR, Role::Triage, Party::System, context);
    task.project = Some(project);
    task.incident = IncidentLink::Fingerprint(fingerprint.to_owned());
    task.dedupe_key = Some(classify_key(project, fingerprint));
    task
}

fn classify_key(project: ProjectId, fingerprint: &str) -> String {
    format!("{CLASSIFY_ERROR}:{project}:{fingerprint}")
}

/// The keys that a command may want to give to tasks, so that a store can look up which of them are taken.
pub fn wanted_keys(command: &Command, task: Option<&Task>) -> BTreeSet<String> {
    match command {
        Command::Create(new) => new.dedupe_key.iter().cloned().collect(),
        Command::Redrive { .. } => task.and_then(|task| task.dedupe_key.clone()).into_iter().collect(),
        Command::Settle(settlement) => {
            let mut keys: BTreeSet<String> =
                settlement.hand_offs.iter().filter_map(|next| next.dedupe_key.clone()).collect();
            if let Some(project) = task.and_then(|task| task.project) {
                for sighting in &settlement.sightings {
                    keys.insert(classify_key(project, &sighting.fingerprint));
                }
            }
            keys
        }
        Command::Claim { .. }
        | Command::Heartbeat { .. }
        | Command::Note { .. }
        | Command::Adopt { .. }
        | Command::Promote { .. }
        | Command::Rescue { .. }
        | Command::Answer { .. }
        | Command::Cancel { .. } => BTreeSet::new(),
    }
}

/// The error was never seen before.
pub const NEW: &str = "new";
/// The error is older than the first reading, and still happens.
pub(super) const STILL_HAPPENING: &str = "still_happening";
/// The error came back after it was resolved.
pub(super) const RETURNED: &str = "returned";

/// What a sighting does to an incident: its status if that changes, and why triage must look, if it must.
pub(super) fn sighted(
    known: Option<IncidentStatus>,
    history: bool,
) -> (Option<IncidentStatus>, Option<&'static str>) {
    match known {
        None if history => (Some(IncidentStatus::Baseline), None),
        None => (Some(IncidentStatus::New), Some(NEW)),
        Some(IncidentStatus::Baseline) if !history => (Some(IncidentStatus::New), Some(STILL_HAPPENING)),
        // Held back when it was first seen; if its task is open already, the key says so.
        Some(IncidentStatus::New) if !history => (None, Some(NEW)),
        Some(IncidentStatus::Resolved) if !history => (Some(IncidentStatus::Regressed), Some(RETURNED)),
        Some(_) => (None, None),
    }
}

pub(super) fn set_activity(agent: &mut AgentState, others: RoleLoad, task: Option<&Task>) {
    let running = match task {
        Some(task) if task.status == Status::Running => Some(task.id),
        _ => others.other_running,
    };
    let blocked = others.other_blocked > 0 || task.is_some_and(|task| task.status == Status::Blocked);
    agent.current_task = running;
    agent.status = match (running, blocked) {
        (Some(_), _) => AgentStatus::Working,
        (None, true) => AgentStatus::Blocked,
        (None, false) => AgentStatus::Idle,
    };
}

pub(super) fn run_time(task: &Task, now: Timestamp) -> SignedDuration {
    task.lease.as_ref().map_or(SignedDuration::ZERO, |lease| now.duration_since(lease.since))
}

pub(super) fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
