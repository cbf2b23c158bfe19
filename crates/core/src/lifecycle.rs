//! The one state machine of a task: what a command may do to it, decided without I/O.
//!
//! ```text
//! pending ──claim──► running ──complete──► completed
//!   ▲  ▲               │ │ └───block────► blocked ──answer / children done / redrive──► pending
//!   │  └─retry, release┘ └────fail──────► failed ──redrive──► pending
//!   └───── rescue (lease expired: counts as a retry; the fourth lost or failed run fails the task)
//! ```
//!
//! A store loads a [`Snapshot`], calls [`decide`] with the database's time and applies the [`Plan`] in the same
//! transaction. Nothing else writes a task's status. Whatever a running task does carries its lease token, and a
//! stale one is refused, so that a worker that lost its lease can change nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::agent::{AgentState, AgentStatus, Cost, RunEnd, count_run};
use crate::incident::{IncidentChange, IncidentStatus, Sighting};
use crate::log::{LogLevel, NewLog};
use crate::message::{Ask, Message, MessageType, NewMessage};
use crate::policy::backoff;
use crate::role::{Party, Role};
use crate::task::{
    BlockedOn, IncidentId, IncidentLink, Lease, LeaseToken, MAX_RETRIES, MessageId, NewTask, ProjectId,
    Status, Task, TaskId, Wait,
};

/// What a store must load before a command can be decided.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// The task the command is about.
    pub task: Option<Task>,
    /// State row of that task's role.
    pub agent: Option<AgentState>,
    /// Other tasks of that role that run, any one of them, and how many are blocked.
    pub role_load: RoleLoad,
    /// The task's parent, if it waits for its children.
    pub waiting_parent: Option<Box<WaitingParent>>,
    /// How many children of the task are still open.
    pub open_children: u64,
    /// For an answer: the question.
    pub question: Option<Message>,
    /// For sightings: the known incidents of the project, by fingerprint.
    pub known: BTreeMap<String, IncidentStatus>,
    /// Keys among [`wanted_keys`] that an open task other than this one already holds.
    pub taken_keys: BTreeSet<String>,
}

/// A task that waits for its children.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingParent {
    /// The waiting task.
    pub task: Task,
    /// How many of its children are still open besides the one the command is about.
    pub open_children: u64,
    /// State row of its role.
    pub agent: AgentState,
    /// What else its role has under way.
    pub role_load: RoleLoad,
}

/// What else a role has under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleLoad {
    /// Another running task of the role.
    pub other_running: Option<TaskId>,
    /// How many other tasks of the role are blocked.
    pub other_blocked: u64,
}

/// What somebody wants to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Put a task into the queue.
    Create(Box<NewTask>),
    /// Give the next ready task of a role, or one named task, to a worker.
    Claim {
        /// The role that works.
        role: Role,
        /// This task only.
        only: Option<TaskId>,
        /// Name of the worker.
        worker: String,
        /// How long the lease lasts.
        lease: SignedDuration,
    },
    /// Renew a lease.
    Heartbeat {
        /// The running task.
        task: TaskId,
        /// The worker's token.
        token: LeaseToken,
        /// How long the lease lasts from now.
        lease: SignedDuration,
    },
    /// Write log entries and messages of a running task.
    Note {
        /// The running task.
        task: TaskId,
        /// The worker's token.
        token: LeaseToken,
        /// Entries of the audit log.
        logs: Vec<NewLog>,
        /// Messages to others.
        messages: Vec<NewMessage>,
    },
    /// End a run, with everything that follows from it.
    Settle(Box<Settlement>),
    /// Take over a row that another program wrote: running without a lease.
    Adopt {
        /// The task.
        task: TaskId,
        /// How long its unknown worker gets.
        lease: SignedDuration,
    },
    /// Make a delayed task ready whose time has come.
    Promote {
        /// The task.
        task: TaskId,
    },
    /// Take back a task whose lease has expired.
    Rescue {
        /// The task.
        task: TaskId,
    },
    /// Answer a question or decide on an approval.
    Answer {
        /// The question.
        question: MessageId,
        /// Who answers.
        by: Party,
        /// Key of the choice, or free text where the question has no choices.
        choice: String,
        /// A reason or hint in the answerer's words.
        comment: Option<String>,
        /// Further data of the answer, such as the branch to fast-forward.
        extra: Value,
    },
    /// End a task that is not final.
    Cancel {
        /// The task.
        task: TaskId,
        /// Who wants it.
        by: Party,
        /// Why.
        reason: String,
    },
    /// Put a failed task, or one blocked on its environment, back into the queue with fresh retries.
    Redrive {
        /// The task.
        task: TaskId,
        /// Who wants it.
        by: Party,
    },
}

/// The end of a run with everything that follows from it, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The running task.
    pub task: TaskId,
    /// The worker's token.
    pub token: LeaseToken,
    /// How the run ended.
    pub outcome: Outcome,
    /// Entries of the audit log that were not written yet.
    pub logs: Vec<NewLog>,
    /// Messages to others.
    pub messages: Vec<NewMessage>,
    /// Tasks for the next roles. Only with `Complete`.
    pub hand_offs: Vec<NewTask>,
    /// Errors met in a log. Only with `Complete`.
    pub sightings: Vec<Sighting>,
    /// How far the sources have been read: source and cursor. Only with `Complete`.
    pub cursors: Vec<(String, Value)>,
    /// What was learned about the task's incident.
    pub incident: IncidentChange,
    /// What the run used.
    pub cost: Cost,
}

impl Settlement {
    /// An end of a run with nothing else to write.
    pub fn new(task: TaskId, token: LeaseToken, outcome: Outcome) -> Self {
        Self {
            task,
            token,
            outcome,
            logs: Vec::new(),
            messages: Vec::new(),
            hand_offs: Vec::new(),
            sightings: Vec::new(),
            cursors: Vec::new(),
            incident: IncidentChange::default(),
            cost: Cost::default(),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With a result.
    Complete {
        /// The result.
        result: Value,
    },
    /// The machine misbehaved: try again later.
    Retry {
        /// What went wrong.
        error: String,
    },
    /// For good: bad context, unknown type, or a refusal.
    Fail {
        /// What went wrong.
        error: String,
        /// Machine-readable reason of a refusal.
        refusal: Option<String>,
    },
    /// Somebody else must act first.
    Block {
        /// What it waits for.
        on: BlockedOn,
        /// The question whose answer ends the wait; none only for children.
        ask: Option<Ask>,
    },
    /// The worker stops in good order: back into the queue, not counted.
    Release,
}

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

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such task.
    #[error("there is no such task")]
    NoSuchTask,
    /// There is no such question.
    #[error("there is no such question in the inbox")]
    NoSuchQuestion,
    /// The queue has nothing ready.
    #[error("nothing is ready")]
    NothingReady,
    /// The worker's lease has passed to somebody else or ended.
    #[error("task {task} is no longer held by claim {held}: its claim is {current} and its status {status}")]
    StaleLease {
        /// The task.
        task: TaskId,
        /// The token that was shown.
        held: LeaseToken,
        /// The token in force.
        current: LeaseToken,
        /// The task's status.
        status: Status,
    },
    /// The task is not in a status in which this can be done.
    #[error("task {task} is {status}, so it cannot be {wish}")]
    WrongStatus {
        /// The task.
        task: TaskId,
        /// Its status.
        status: Status,
        /// What was asked for, as a participle.
        wish: &'static str,
    },
    /// The lease has not expired or the time has not come.
    #[error("task {task} is not due")]
    NotDue {
        /// The task.
        task: TaskId,
    },
    /// An open task holds the same key.
    #[error("an open task already holds the key {0:?}")]
    KeyTaken(String),
    /// A field of the command is out of its range.
    #[error("{0}")]
    Invalid(String),
    /// The question has been answered, or its task no longer waits for it.
    #[error("question {question} no longer waits for an answer")]
    AlreadyAnswered {
        /// The question.
        question: MessageId,
    },
    /// The answer is none of the choices.
    #[error("{given:?} is not a choice of this question; the choices are: {choices}")]
    UnknownChoice {
        /// What was given.
        given: String,
        /// The keys, separated by commas.
        choices: String,
    },
}

/// Decides what follows from a command.
///
/// # Errors
/// A [`Refusal`] says why nothing changes. Nothing is ever half done.
pub fn decide(snapshot: &Snapshot, command: &Command, now: Timestamp) -> Result<Plan, Refusal> {
    match command {
        Command::Create(task) => create(snapshot, task),
        Command::Claim { role, only, worker, lease } => claim(snapshot, *role, *only, worker, *lease, now),
        Command::Heartbeat { task, token, lease } => heartbeat(snapshot, *task, *token, *lease, now),
        Command::Note { task, token, logs, messages } => note(snapshot, *task, *token, logs, messages),
        Command::Settle(settlement) => settle(snapshot, settlement, now),
        Command::Adopt { lease, .. } => adopt(snapshot, *lease, now),
        Command::Promote { .. } => promote(snapshot, now),
        Command::Rescue { .. } => rescue(snapshot, now),
        Command::Answer { question, by, choice, comment, extra } => {
            answer(snapshot, *question, *by, choice, comment.as_deref(), extra)
        }
        Command::Cancel { by, reason, .. } => cancel(snapshot, *by, reason, now),
        Command::Redrive { by, .. } => redrive(snapshot, *by),
    }
}

fn create(snapshot: &Snapshot, task: &NewTask) -> Result<Plan, Refusal> {
    check_new(task)?;
    if let Some(key) = task.dedupe_key.as_ref().filter(|key| snapshot.taken_keys.contains(*key)) {
        return Err(Refusal::KeyTaken(key.clone()));
    }
    let mut plan = Plan::default();
    plan.enqueue(task.clone());
    Ok(plan)
}

fn check_new(task: &NewTask) -> Result<(), Refusal> {
    if task.task_type.trim().is_empty() {
        return Err(Refusal::Invalid("a task needs a type".into()));
    }
    if !(1..=10).contains(&task.priority) {
        return Err(Refusal::Invalid(format!("priority {} is not within 1 to 10", task.priority)));
    }
    Ok(())
}

fn claim(
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
    if task.status != Status::Pending || task.run_at.is_some() || task.assigned_to != role {
        return Err(Refusal::WrongStatus { task: task.id, status: task.status, wish: "claimed" });
    }
    let mut claimed = task.clone();
    claimed.status = Status::Running;
    claimed.lease_token = LeaseToken(task.lease_token.0 + 1);
    claimed.lease = Some(Lease { owner: worker.to_owned(), since: now, until: later(now, lease) });
    claimed.started_at = claimed.started_at.or(Some(now));
    let mut plan = Plan::default();
    plan.writes.push(Write::OpenAttempt(task.id, claimed.lease_token, worker.to_owned()));
    plan.agent(snapshot, snapshot.role_load, &claimed, now, None);
    plan.task(claimed);
    Ok(plan)
}

fn heartbeat(
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
    plan.agent(snapshot, snapshot.role_load, &renewed, now, None);
    plan.task(renewed);
    Ok(plan)
}

fn note(
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

/// The task, if this token still holds it.
fn held(snapshot: &Snapshot, id: TaskId, token: LeaseToken) -> Result<&Task, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
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

fn settle(snapshot: &Snapshot, settlement: &Settlement, now: Timestamp) -> Result<Plan, Refusal> {
    let task = held(snapshot, settlement.task, settlement.token)?;
    check_settlement(task, settlement)?;
    let mut plan = Plan::default();
    plan.notes(task, &settlement.logs, &settlement.messages);
    let (end, after) = after_run(task, snapshot.open_children, &settlement.outcome, now);
    // The task ends before its follow-ups begin, so that one of them may take over its key.
    plan.task(after.clone());
    let mut taken = snapshot.taken_keys.clone();
    plan.sight(snapshot, task, settlement, &mut taken);
    for hand_off in &settlement.hand_offs {
        plan.hand_off(task, hand_off, &mut taken);
    }
    if let Some(incident) = task.incident
        && settlement.incident != IncidentChange::default()
    {
        plan.writes.push(Write::ChangeIncident(incident, settlement.incident.clone()));
    }
    plan.close(task, end_word(&settlement.outcome, after.status), after.error_message.clone());
    if after.status == Status::Failed {
        plan.give_up(&after);
    }
    if after.status == Status::Pending && after.run_at.is_none() {
        plan.wake.insert(after.assigned_to);
    }
    let run = end.map(|end| Run { end, took: run_time(task, now), cost: settlement.cost });
    let load = plan.wake_parent(snapshot, &after);
    plan.agent(snapshot, load, &after, now, run);
    if let Outcome::Block { on, ask: Some(ask) } = &settlement.outcome {
        plan.writes.push(Write::InsertQuestion(task.id, *on, ask.to_message(task.assigned_to.as_str())));
    }
    Ok(plan)
}

fn check_settlement(task: &Task, settlement: &Settlement) -> Result<(), Refusal> {
    let completes = matches!(settlement.outcome, Outcome::Complete { .. });
    let has_work = !(settlement.hand_offs.is_empty()
        && settlement.sightings.is_empty()
        && settlement.cursors.is_empty());
    if has_work && !completes {
        return Err(Refusal::Invalid("only a completed task hands off work".into()));
    }
    if (!settlement.sightings.is_empty() || !settlement.cursors.is_empty()) && task.project.is_none() {
        return Err(Refusal::Invalid("a task without a project cannot record what it read".into()));
    }
    if let Outcome::Block { on, ask } = &settlement.outcome {
        let choices = ask.as_ref().map_or(0, |ask| ask.choices.len());
        if *on != BlockedOn::Children && !(2..=4).contains(&choices) {
            return Err(Refusal::Invalid("a wait needs a question with two to four choices".into()));
        }
    }
    settlement.hand_offs.iter().try_for_each(check_new)
}

/// The task as it stands after its run, and how the metrics count the run.
fn after_run(task: &Task, open_children: u64, outcome: &Outcome, now: Timestamp) -> (Option<RunEnd>, Task) {
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
        Outcome::Block { on: BlockedOn::Children, .. } if open_children == 0 => {
            after.status = Status::Pending;
            Some(RunEnd::Blocked)
        }
        Outcome::Block { on, .. } => {
            after.status = Status::Blocked;
            after.wait = Some(Wait { on: *on, message: None });
            Some(RunEnd::Blocked)
        }
        Outcome::Release => {
            after.status = Status::Pending;
            None
        }
    };
    (end, after)
}

/// A run that failed or lost its lease: one more retry, or the end.
fn failed_run(after: &mut Task, error: &str, now: Timestamp) -> RunEnd {
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

fn fail(after: &mut Task, error: &str, now: Timestamp) {
    after.status = Status::Failed;
    after.error_message = Some(error.to_owned());
    after.completed_at = Some(now);
    after.lease = None;
    after.wait = None;
    after.run_at = None;
}

fn end_word(outcome: &Outcome, status: Status) -> &'static str {
    match outcome {
        Outcome::Complete { .. } => "completed",
        Outcome::Retry { .. } if status == Status::Failed => "failed",
        Outcome::Retry { .. } => "retried",
        Outcome::Fail { .. } => "failed",
        Outcome::Block { .. } => "blocked",
        Outcome::Release => "released",
    }
}

fn adopt(snapshot: &Snapshot, lease: SignedDuration, now: Timestamp) -> Result<Plan, Refusal> {
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
    plan.activity(snapshot, snapshot.role_load, &adopted);
    plan.task(adopted);
    Ok(plan)
}

fn promote(snapshot: &Snapshot, now: Timestamp) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    if task.status != Status::Pending || task.run_at.is_none_or(|at| at > now) {
        return Err(Refusal::NotDue { task: task.id });
    }
    let mut plan = Plan::default();
    plan.ready(Task { run_at: None, ..task.clone() });
    Ok(plan)
}

fn rescue(snapshot: &Snapshot, now: Timestamp) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    let lease = match (task.status, &task.lease) {
        (Status::Running, Some(lease)) if lease.until <= now => lease,
        _ => return Err(Refusal::NotDue { task: task.id }),
    };
    let error = format!("worker {} lost its lease", lease.owner);
    let mut after = Task { lease: None, ..task.clone() };
    let end = failed_run(&mut after, &error, now);
    let mut plan = Plan::default();
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
    let load = plan.wake_parent(snapshot, &after);
    let run = Run { end, took: run_time(task, now), cost: Cost::default() };
    plan.agent(snapshot, load, &after, now, Some(run));
    plan.task(after);
    Ok(plan)
}

fn answer(
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
    let choices = question.choices();
    if !choices.is_empty() && !choices.iter().any(|known| known.key == choice) {
        let keys: Vec<String> = choices.into_iter().map(|known| known.key).collect();
        return Err(Refusal::UnknownChoice { given: choice.to_owned(), choices: keys.join(", ") });
    }
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
            let after = Task { status: Status::Pending, wait: None, ..task.clone() };
            plan.activity(snapshot, snapshot.role_load, &after);
            plan.ready(after);
        }
    }
    Ok(plan)
}

fn answer_message(
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

fn cancel(snapshot: &Snapshot, by: Party, reason: &str, now: Timestamp) -> Result<Plan, Refusal> {
    let task = snapshot.task.as_ref().ok_or(Refusal::NoSuchTask)?;
    if task.status.is_final() {
        return Err(Refusal::WrongStatus { task: task.id, status: task.status, wish: "cancelled" });
    }
    let error = format!("cancelled by {by}: {reason}");
    let mut after = task.clone();
    fail(&mut after, &error, now);
    let mut plan = Plan::default();
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
    let load = plan.wake_parent(snapshot, &after);
    plan.activity(snapshot, load, &after);
    plan.task(after);
    Ok(plan)
}

fn redrive(snapshot: &Snapshot, by: Party) -> Result<Plan, Refusal> {
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
    plan.activity(snapshot, snapshot.role_load, &after);
    plan.incident(&after, IncidentStatus::Fixing, None);
    plan.ready(after);
    Ok(plan)
}

/// How one run counts.
struct Run {
    end: RunEnd,
    took: SignedDuration,
    cost: Cost,
}

impl Plan {
    fn task(&mut self, task: Task) {
        self.writes.push(Write::UpdateTask(Box::new(task)));
    }

    fn ready(&mut self, task: Task) {
        self.wake.insert(task.assigned_to);
        self.task(task);
    }

    fn enqueue(&mut self, task: NewTask) {
        if task.run_at.is_none() {
            self.wake.insert(task.assigned_to);
        }
        self.writes.push(Write::InsertTask(task));
    }

    /// A follow-up of a task: it inherits what it does not name, and is dropped where an open task holds its key.
    fn hand_off(&mut self, from: &Task, next: &NewTask, taken: &mut BTreeSet<String>) {
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

    fn notes(&mut self, task: &Task, logs: &[NewLog], messages: &[NewMessage]) {
        for log in logs {
            self.writes.push(Write::InsertLog(Some(task.id), task.assigned_to.into(), log.clone()));
        }
        for message in messages {
            self.writes.push(Write::InsertMessage(Some(task.id), message.clone()));
        }
    }

    /// Records errors met in a log. An error that is new, or that was history and is still happening, or that
    /// came back after a fix, becomes one task for triage; anything else is counted.
    fn sight(
        &mut self,
        snapshot: &Snapshot,
        task: &Task,
        settlement: &Settlement,
        taken: &mut BTreeSet<String>,
    ) {
        let Some(project) = task.project else { return };
        for sighting in &settlement.sightings {
            let (status, reason) =
                sighted(snapshot.known.get(&sighting.fingerprint).copied(), sighting.history);
            self.writes.push(Write::Sight(project, sighting.clone(), status));
            let Some(reason) = reason else { continue };
            let mut next = NewTask::new(
                "classify_error",
                Role::Triage,
                task.assigned_to.into(),
                json!({ "reason": reason, "fingerprint": sighting.fingerprint, "title": sighting.title }),
            );
            next.project = Some(project);
            next.incident = IncidentLink::Fingerprint(sighting.fingerprint.clone());
            next.dedupe_key = Some(sighting_key(project, sighting, reason));
            self.hand_off(task, &next, taken);
        }
        for (source, cursor) in &settlement.cursors {
            self.writes.push(Write::SetCursor(project, source.clone(), cursor.clone()));
        }
    }

    fn system_log(&mut self, task: TaskId, level: LogLevel, message: &str, data: Value) {
        let log = NewLog { level, message: message.to_owned(), data };
        self.writes.push(Write::InsertLog(Some(task), Party::System, log));
    }

    fn close(&mut self, task: &Task, end: &'static str, error: Option<String>) {
        self.writes.push(Write::CloseAttempt(task.id, task.lease_token, end, error));
    }

    /// A task that failed for good leaves its incident to the person, who is told.
    fn give_up(&mut self, task: &Task) {
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

    fn incident(&mut self, task: &Task, status: IncidentStatus, reason: Option<String>) {
        if let Some(incident) = task.incident {
            let change = IncidentChange { status: Some(status), reason, ..IncidentChange::default() };
            self.writes.push(Write::ChangeIncident(incident, change));
        }
    }

    /// Wakes the parent that waits for its children when this was the last of them to end. Gives what else the
    /// role of this task has under way after that.
    fn wake_parent(&mut self, snapshot: &Snapshot, after: &Task) -> RoleLoad {
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
    fn agent(&mut self, snapshot: &Snapshot, load: RoleLoad, task: &Task, now: Timestamp, run: Option<Run>) {
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
    fn activity(&mut self, snapshot: &Snapshot, load: RoleLoad, task: &Task) {
        let Some(agent) = &snapshot.agent else { return };
        let mut agent = agent.clone();
        set_activity(&mut agent, load, Some(task));
        self.writes.push(Write::SetAgent(agent));
    }
}

/// The key under which an incident is handed to triage at most once a day for one reason.
pub fn classify_key(project: ProjectId, fingerprint: &str, reason: &str, day: &str) -> String {
    format!("classify:{project}:{fingerprint}:{reason}:{day}")
}

fn sighting_key(project: ProjectId, sighting: &Sighting, reason: &str) -> String {
    let day = sighting.last.to_string();
    classify_key(project, &sighting.fingerprint, reason, day.get(..10).unwrap_or(&day))
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
                    keys.extend(
                        [NEW, STILL_HAPPENING, RETURNED]
                            .map(|reason| sighting_key(project, sighting, reason)),
                    );
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
const NEW: &str = "new";
/// The error is older than the first reading, and still happens.
const STILL_HAPPENING: &str = "still_happening";
/// The error came back after it was resolved.
const RETURNED: &str = "returned";

/// What a sighting does to an incident: its status if that changes, and why triage must look, if it must.
fn sighted(known: Option<IncidentStatus>, history: bool) -> (Option<IncidentStatus>, Option<&'static str>) {
    match known {
        None if history => (Some(IncidentStatus::Baseline), None),
        None => (Some(IncidentStatus::New), Some(NEW)),
        Some(IncidentStatus::Baseline) if !history => (Some(IncidentStatus::New), Some(STILL_HAPPENING)),
        Some(IncidentStatus::Resolved) if !history => (Some(IncidentStatus::Regressed), Some(RETURNED)),
        Some(_) => (None, None),
    }
}

fn set_activity(agent: &mut AgentState, others: RoleLoad, task: Option<&Task>) {
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

fn run_time(task: &Task, now: Timestamp) -> SignedDuration {
    task.lease.as_ref().map_or(SignedDuration::ZERO, |lease| now.duration_since(lease.since))
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
