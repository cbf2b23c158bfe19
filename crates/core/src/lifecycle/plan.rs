//! What follows from a command, as rows to write, and the parts that several commands share.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::ask::answer_key;
use super::incident::{RETURNED, classify_key, classify_task, daily_key, event};
use super::{Command, Outcome, RoleLoad, Settlement, Snapshot};
use crate::agent::{AgentChange, AgentStatus, Pause, Run};
use crate::contract::task_type::ANSWER_QUESTION;
use crate::event::{EventKind, MessageLink, NewEvent};
use crate::incident::{IncidentChange, IncidentStatus, ReleaseCount, Sighting, Traffic};
use crate::limit::{Limit, Scope};
use crate::log::{LogLevel, NewLog};
use crate::message::{MessageType, NewMessage, STABILISE_TEST};
use crate::role::{Party, Role};
use crate::schedule::Schedule;
use crate::signal::Signal;
use crate::task::{
    BlockedOn, IncidentId, IncidentLink, LeaseToken, MessageId, NewTask, ProjectId, Status, Task, TaskId,
};
use crate::template::{Mined, Noticed};

/// One row that a store has to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Add a task in the given status `pending`.
    InsertTask(NewTask),
    /// Add a task and the message that accompanies it, which is about the task's parent and names the new task in its
    /// metadata as `next`.
    HandOff(Box<NewTask>, NewMessage),
    /// Write all changeable columns of a task.
    UpdateTask(Box<Task>),
    /// Add a message about a task.
    InsertMessage(Option<TaskId>, NewMessage),
    /// Add a question about a task and make the task wait for it.
    InsertQuestion(TaskId, BlockedOn, NewMessage),
    /// Set `read_at` of a message.
    MarkRead(MessageId),
    /// Give a message to somebody else to read.
    Readdress(MessageId, Party),
    /// Add an entry to the audit log of a task.
    InsertLog(Option<TaskId>, Party, NewLog),
    /// Change a role's state row.
    ChangeAgent(AgentChange),
    /// Note that a run began.
    OpenAttempt(TaskId, LeaseToken, String),
    /// Record what a step came to.
    RecordStep(TaskId, LeaseToken, String, Value),
    /// Note how a run ended.
    CloseAttempt(TaskId, LeaseToken, &'static str, Option<String>),
    /// Add occurrences of an error, making its incident if there is none; the status is set where given.
    Sight(ProjectId, Box<Sighting>, Option<IncidentStatus>),
    /// Let an incident be known by a further fingerprint, of the given version.
    AlsoKnownAs(IncidentId, String, u32),
    /// Count what a rule of the user's hid.
    Hide(ProjectId, crate::incident::Hidden),
    /// Change an incident.
    ChangeIncident(IncidentId, IncidentChange),
    /// Remember how far a source has been read.
    SetCursor(ProjectId, String, Value),
    /// Add what a source wrote to what is known of that piece of time.
    AddTraffic(ProjectId, Traffic),
    /// Add records to those of a project's releases.
    SeeReleases(ProjectId, Vec<ReleaseCount>),
    /// Add lines to the kinds of lines of a source, and remember what the next scan goes on from.
    Mine(ProjectId, Box<Mined>),
    /// Remember what was told about a kind of line.
    Notice(ProjectId, Noticed),
    /// Let the occurrences of an incident count for another one too, or no longer.
    Merge(IncidentId, Option<IncidentId>),
    /// Keep a role, or all of them, from claiming.
    SetPause(Pause),
    /// Take a pause back.
    LiftPause(Option<Role>),
    /// Keep a signal.
    Emit(Signal),
    /// Have a delayed task wait for a signal.
    Await(TaskId, String),
    /// End the wait of a task for a signal, if it waits for one.
    EndAwait(TaskId),
    /// Put a limit in the place of what was said of its scope; what runs is not written.
    SetLimit(Limit),
    /// Take a limit away.
    ClearLimit(Scope),
    /// Note when the window of a limit opened, and how many tasks have started in it.
    CountStart(Scope, Timestamp, u32),
    /// Add a schedule.
    AddSchedule(Box<Schedule>),
    /// Take a schedule away.
    RemoveSchedule(String),
    /// Move a schedule on to its next time, and make its task if there is one to make.
    Tick(String, Timestamp, Option<Box<NewTask>>),
    /// Tell the world outside.
    Event(NewEvent),
}

/// What follows from a command: rows to write, in order, and roles that have new work.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Rows to write.
    pub writes: Vec<Write>,
    /// Roles whose workers should look at the queue.
    pub wake: BTreeSet<Role>,
    /// Commands that follow in the same transaction, in order, each decided on what is there by then. If one of them
    /// is refused, nothing of all this has happened.
    pub then: Vec<Command>,
}

fn flaky_test(task: &Task, message: &NewMessage) -> NewEvent {
    NewEvent {
        kind: EventKind::TestFlaky,
        project: task.project,
        incident: IncidentLink::None,
        task: Some(task.id),
        message: MessageLink::None,
        title: message.content.clone(),
        data: message.metadata.clone(),
    }
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
        let event = self.announce(&task);
        self.writes.push(Write::InsertTask(task));
        self.writes.extend(event);
    }

    fn announce(&mut self, task: &NewTask) -> Option<Write> {
        if task.run_at.is_none() {
            self.wake.insert(task.assigned_to);
        }
        event(task).map(Write::Event)
    }

    /// A follow-up of a task: it inherits what it does not name, and is dropped where an open task holds its key.
    pub(super) fn hand_off(&mut self, from: &Task, next: &NewTask, taken: &mut Taken, now: Timestamp) {
        let mut next = once(next.clone(), now);
        if !taken.take(&next) {
            return;
        }
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
        let event = self.announce(&next);
        self.writes.push(Write::HandOff(Box::new(next), note));
        self.writes.extend(event);
    }

    pub(super) fn notes(&mut self, task: &Task, logs: &[NewLog], messages: &[NewMessage]) {
        for log in logs {
            self.writes.push(Write::InsertLog(Some(task.id), task.assigned_to.into(), log.clone()));
        }
        for message in messages {
            self.writes.push(Write::InsertMessage(Some(task.id), message.clone()));
            if message.message_type == MessageType::Notification && message.metadata["kind"] == STABILISE_TEST
            {
                self.writes.push(Write::Event(flaky_test(task, message)));
            }
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
        self.writes.push(Write::Event(NewEvent {
            kind: EventKind::TaskFailed,
            project: task.project,
            incident: task.incident.map_or(IncidentLink::None, IncidentLink::Id),
            task: Some(task.id),
            message: MessageLink::None,
            title: note.content.clone(),
            data: json!({ "task_type": task.task_type, "refusal_code": task.refusal_code }),
        }));
        self.writes.push(Write::InsertMessage(Some(task.id), note));
        self.incident(task, IncidentStatus::NeedsHuman, Some(error));
    }

    /// The incident of a task follows what becomes of the task. One that only answers a question decides nothing.
    pub(super) fn incident(&mut self, task: &Task, status: IncidentStatus, reason: Option<String>) {
        if let Some(incident) = task.incident.filter(|_| task.task_type != ANSWER_QUESTION) {
            let change = IncidentChange { status: Some(status), reason, ..IncidentChange::default() };
            self.writes.push(Write::ChangeIncident(incident, change));
        }
    }

    /// Wakes the parent that waits for its children when this was the last of them to end. Gives what else the
    /// role of this task has under way after that.
    pub(super) fn wake_parent(&mut self, snapshot: &Snapshot, after: &Task) -> RoleLoad {
        let load = snapshot.role_load;
        let Some(parent) = snapshot.waiting_parent.as_ref() else { return load };
        if !after.status.is_final() || parent.open_children {
            return load;
        }
        self.ready(Task { status: Status::Pending, wait: None, ..parent.task.clone() });
        if parent.task.assigned_to == after.assigned_to {
            return RoleLoad { other_blocked: load.other_blocked.saturating_sub(1), ..load };
        }
        let role = parent.task.assigned_to;
        self.writes.push(Write::ChangeAgent(activity(role, parent.role_load, None)));
        load
    }

    /// Keeps the role's state row true after a worker gave this task the given form.
    pub(super) fn agent(&mut self, load: RoleLoad, task: &Task, now: Timestamp, run: Option<Run>) {
        let change = activity(task.assigned_to, load, Some(task));
        self.writes.push(Write::ChangeAgent(AgentChange { last_active: Some(now), run, ..change }));
    }

    /// Keeps the role's state row true after this task took the given form without an act of its worker.
    pub(super) fn activity(&mut self, load: RoleLoad, task: &Task) {
        self.writes.push(Write::ChangeAgent(activity(task.assigned_to, load, Some(task))));
    }
}

/// Keys that a command may want to give to tasks, so that a store can look up which of them are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Keys that one open task may hold.
    pub open: BTreeSet<String>,
    /// Keys that one task may ever hold.
    pub once: BTreeSet<String>,
}

/// Gives a task the key that keeps it from being made twice, if it needs one and has none.
pub(super) fn once(mut task: NewTask, now: Timestamp) -> NewTask {
    task.once_key = task.once_key.take().or_else(|| daily_key(&task, now));
    task
}

/// Keys that are gone, while a plan is made.
pub(super) struct Taken {
    pub(super) open: BTreeSet<String>,
    pub(super) once: BTreeSet<String>,
}

impl Taken {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self { open: snapshot.taken_keys.clone(), once: snapshot.used_keys.clone() }
    }

    /// Takes the keys of a task; false if one of them is gone.
    fn take(&mut self, task: &NewTask) -> bool {
        let gone = |keys: &BTreeSet<String>, key: &Option<String>| {
            key.as_ref().is_some_and(|key| keys.contains(key))
        };
        if gone(&self.open, &task.dedupe_key) || gone(&self.once, &task.once_key) {
            return false;
        }
        self.open.extend(task.dedupe_key.clone());
        self.once.extend(task.once_key.clone());
        true
    }
}

/// The keys that a command may want to give to tasks. Everything else of the snapshot must have been loaded.
pub fn wanted_keys(snapshot: &Snapshot, command: &Command, now: Timestamp) -> Wanted {
    let mut wanted = Wanted::default();
    match command {
        Command::Create(new) => wanted.add(new, now),
        Command::Redrive { .. } => {
            wanted.open.extend(snapshot.task.as_ref().and_then(|task| task.dedupe_key.clone()));
        }
        Command::Settle(settlement) => wanted.settle(snapshot, settlement, now),
        Command::Tick { .. } => wanted.open.extend(snapshot.schedule.as_ref().map(Schedule::key)),
        Command::Incident { incident, .. } => {
            let incident = snapshot.incidents.get(incident);
            wanted
                .open
                .extend(incident.map(|incident| classify_key(incident.project, &incident.fingerprint)));
        }
        Command::Claim { .. }
        | Command::Heartbeat { .. }
        | Command::Note { .. }
        | Command::RecordStep { .. }
        | Command::Adopt { .. }
        | Command::Promote { .. }
        | Command::Rescue { .. }
        | Command::Answer { .. }
        | Command::Cancel { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Emit { .. }
        | Command::SetLimit { .. }
        | Command::ClearLimit { .. }
        | Command::AddSchedule(_)
        | Command::RemoveSchedule { .. }
        | Command::Read { .. } => {}
    }
    wanted
}

impl Wanted {
    fn add(&mut self, new: &NewTask, now: Timestamp) {
        self.open.extend(new.dedupe_key.clone());
        self.once.extend(new.once_key.clone().or_else(|| daily_key(new, now)));
    }

    fn settle(&mut self, snapshot: &Snapshot, settlement: &Settlement, now: Timestamp) {
        for next in &settlement.hand_offs {
            self.add(next, now);
        }
        let Some(task) = &snapshot.task else { return };
        if matches!(settlement.outcome, Outcome::Block { .. }) {
            self.open.insert(answer_key(task.id, task.lease_token));
        }
        for sighting in &settlement.sightings {
            let Some(project) = task.project else { continue };
            let known = snapshot.known.get(&sighting.fingerprint);
            let fingerprint = known.map_or(&sighting.fingerprint, |known| &known.fingerprint);
            self.add(&classify_task(project, fingerprint, "", RETURNED), now);
        }
    }
}

/// What a role does, given one of its tasks and what it has under way besides.
fn activity(role: Role, others: RoleLoad, task: Option<&Task>) -> AgentChange {
    let running = match task {
        Some(task) if task.status == Status::Running => Some(task.id),
        _ => others.other_running,
    };
    let blocked = others.other_blocked > 0 || task.is_some_and(|task| task.status == Status::Blocked);
    let status = match (running, blocked) {
        (Some(_), _) => AgentStatus::Working,
        (None, true) => AgentStatus::Blocked,
        (None, false) => AgentStatus::Idle,
    };
    AgentChange { role, last_active: None, current_task: running, status, run: None }
}

pub(super) fn run_time(task: &Task, now: Timestamp) -> SignedDuration {
    task.lease.as_ref().map_or(SignedDuration::ZERO, |lease| now.duration_since(lease.since))
}

pub(super) fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
