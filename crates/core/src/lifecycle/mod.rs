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

mod ask;
mod incident;
mod intervene;
mod limit;
mod pause;
mod plan;
mod run;
mod schedule;
mod signal;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::agent::{Cost, Pause};
use crate::incident::{
    Incident, IncidentChange, IncidentStatus, IncidentWish, ReleaseCount, Sighting, Traffic,
};
use crate::limit::{Limit, NewLimit, Scope};
use crate::log::NewLog;
use crate::message::{Ask, Given, Message, NewMessage};
use crate::role::{Party, Role};
use crate::schedule::{NewSchedule, Schedule};
use crate::signal::Signal;
use crate::task::{BlockedOn, IncidentId, LeaseToken, MessageId, NewTask, Status, Task, TaskId};
use crate::template::{Mined, Noticed};

pub use ask::answer_key;
pub use incident::{
    BURST, IGNORED_LONG_ENOUGH, MOST_WAITING, NEW, REOPENED, RETURNED, STILL_HAPPENING, classify_task,
};
pub use plan::{Plan, Wanted, Write, wanted_keys};
pub use signal::awaited_signals;

/// What a store must load before a command can be decided.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// The task the command is about.
    pub task: Option<Task>,
    /// Other tasks of that role that run, any one of them, and how many are blocked.
    pub role_load: RoleLoad,
    /// For a command that may end the task: its parent, if that waits for its children.
    pub waiting_parent: Option<Box<WaitingParent>>,
    /// Whether a child of the task is still open.
    pub open_children: bool,
    /// For a step: how many the task has recorded, and whether one of them has its name.
    pub steps: Steps,
    /// For an answer: the question.
    pub question: Option<Message>,
    /// For sightings: the known incidents of the project, by fingerprint.
    pub known: BTreeMap<String, Known>,
    /// For sightings: ready tasks of triage, counted up to [`MOST_WAITING`].
    pub triage_waiting: u64,
    /// Keys among [`wanted_keys`] that an open task other than this one already holds.
    pub taken_keys: BTreeSet<String>,
    /// Keys among [`wanted_keys`] that may be used only once and were.
    pub used_keys: BTreeSet<String>,
    /// For a claim, a pause and its end: every pause in force.
    pub pauses: Vec<Pause>,
    /// For a claim, the end of a run, and a change of a limit: every limit in force, for a claim with what runs.
    pub limits: Vec<Limit>,
    /// For a signal: the one of that name, if it was emitted before.
    pub signal: Option<Signal>,
    /// For a signal: tasks that wait for it.
    pub waiting: Vec<TaskId>,
    /// Those of [`awaited_signals`] that were emitted.
    pub emitted: BTreeSet<String>,
    /// For the end of a delay: whether the signal that the task waits for was emitted.
    pub arrived: bool,
    /// For a command about a schedule: the schedule of that name.
    pub schedule: Option<Schedule>,
    /// Incidents that the command would change.
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// For a wish to ignore an incident until a release: the releases of its project that ran so far.
    pub releases: Vec<String>,
    /// For a wish about an incident: its oldest open task.
    pub open_task: Option<TaskId>,
    /// For the end of a task that is to answer another role: the question, if the asker still waits for it.
    pub asked: Option<Message>,
    /// For an answer, and the end of a task that asked another role: the open task that is to answer.
    pub answering: Option<TaskId>,
    /// For a cancellation: the children of the task that are open.
    pub children: Vec<TaskId>,
    /// For a claim: unread messages to the role about the task or its parent. For reading: the messages named.
    pub messages: Vec<Message>,
}

/// What is known of the incident that an error belongs to: the one it was merged into, where it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The incident.
    pub incident: IncidentId,
    /// Its own fingerprint.
    pub fingerprint: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: IncidentStatus,
    /// When its fix was released.
    pub released_at: Option<Timestamp>,
    /// Occurrences so far.
    pub occurrences: u64,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// Releases in which it was first and last seen; of one that is ignored, all that are known.
    pub releases: Vec<String>,
    /// When being ignored ends by itself.
    pub ignored: Option<crate::incident::Ignored>,
    /// Fingerprint, with its version, and key of the incident that counts the error, where that is not its own fingerprint:
    /// it was known by an older one.
    pub by: Option<KnownBy>,
}

/// The incident that counts an error which has another fingerprint than it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBy {
    /// The incident.
    pub incident: IncidentId,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Version of that.
    pub version: u32,
    /// Whether the error has been found by an older key for the first time.
    pub first: bool,
}

impl From<Incident> for Known {
    fn from(incident: Incident) -> Self {
        Self {
            incident: incident.id,
            fingerprint: incident.fingerprint,
            title: incident.title,
            status: incident.status,
            released_at: incident.released_at,
            occurrences: incident.occurrences,
            last_seen: incident.last_seen,
            releases: [incident.first_release, incident.last_release].into_iter().flatten().collect(),
            ignored: incident.ignored,
            by: None,
        }
    }
}

/// A task that waits for its children.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingParent {
    /// The waiting task.
    pub task: Task,
    /// Whether one of its children is still open besides the one the command is about.
    pub open_children: bool,
    /// What else its role has under way.
    pub role_load: RoleLoad,
}

/// What is recorded of the steps of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Steps {
    /// How many there are.
    pub recorded: u64,
    /// Whether one of them has the name that is wanted.
    pub has_name: bool,
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
    /// Record what a step of a running task came to, so that no later run repeats it.
    RecordStep {
        /// The running task.
        task: TaskId,
        /// The worker's token.
        token: LeaseToken,
        /// Name of the step, unlike that of any other step of the task.
        name: String,
        /// What it came to.
        value: Value,
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
    /// Make a delayed task ready whose time has come, or the signal that it waits for.
    Promote {
        /// The task.
        task: TaskId,
    },
    /// Take back a task whose lease has expired, or whose worker is known to have ended.
    Rescue {
        /// The task.
        task: TaskId,
        /// Name of the worker that has ended; its lease need not have expired.
        ended_worker: Option<String>,
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
    /// Let a role, or all of them, claim nothing more. What runs goes on. Pausing twice is pausing once.
    Pause {
        /// The role; none means all of them.
        role: Option<Role>,
        /// Who wants it.
        by: Party,
        /// Why.
        reason: String,
    },
    /// Take back the pause of a role, or every pause. Nothing happens where none is in force.
    Resume {
        /// The role; none means all of them, however they were paused.
        role: Option<Role>,
        /// Who wants it.
        by: Party,
    },
    /// Let only so many tasks run at once or start within a time, instead of what was said of them before.
    SetLimit {
        /// The limit.
        limit: NewLimit,
        /// Who wants it.
        by: Party,
    },
    /// Take a limit back.
    ClearLimit {
        /// What it is for.
        scope: Scope,
        /// Who wants it.
        by: Party,
    },
    /// Emit a signal. A name is emitted once: after that nothing happens.
    Emit {
        /// Its name.
        name: String,
        /// What it brings.
        payload: Value,
        /// Who emits it.
        by: Party,
    },
    /// Let a task come again and again.
    AddSchedule(Box<NewSchedule>),
    /// End a schedule. The task it made last stays.
    RemoveSchedule {
        /// Its name.
        name: String,
        /// Who wants it.
        by: Party,
    },
    /// Make the task of a schedule that is due.
    Tick {
        /// Its name.
        name: String,
    },
    /// Note that somebody has read messages. A question counts as read when it is answered, so it is passed over.
    Read {
        /// The messages.
        messages: Vec<MessageId>,
        /// Who read them; they must be for that party.
        by: Party,
    },
    /// Decide about an incident.
    Incident {
        /// The incident.
        incident: IncidentId,
        /// Who decides.
        by: Party,
        /// What is to happen.
        wish: IncidentWish,
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
    /// What rules of the user's hid. Only with `Complete`.
    pub hidden: Vec<crate::incident::Hidden>,
    /// How far the sources have been read: source and cursor. Only with `Complete`.
    pub cursors: Vec<(String, Value)>,
    /// What was learned about the task's incident.
    pub incident: IncidentChange,
    /// What was learned about other incidents of the task's project. Only with `Complete`.
    pub incidents: Vec<(IncidentId, IncidentChange)>,
    /// What the sources wrote. Only with `Complete`.
    pub traffic: Vec<Traffic>,
    /// Releases that the records of the sources name, with the records of each. Only with `Complete`.
    pub releases: Vec<ReleaseCount>,
    /// What was learned about the kinds of lines of the sources. Only with `Complete`.
    pub mined: Vec<Mined>,
    /// Kinds of lines that somebody is told about. Only with `Complete`.
    pub noticed: Vec<Noticed>,
    /// The answer of a task that another role's question made. Only with `Complete`.
    pub answer: Option<Given>,
    /// Signals to emit, with what they bring. Only with `Complete`.
    pub signals: Vec<(String, Value)>,
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
            hidden: Vec::new(),
            cursors: Vec::new(),
            incident: IncidentChange::default(),
            incidents: Vec::new(),
            traffic: Vec::new(),
            releases: Vec::new(),
            mined: Vec::new(),
            noticed: Vec::new(),
            answer: None,
            signals: Vec::new(),
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
    /// A signal must come first; not counted as a failure.
    Await {
        /// Its name.
        signal: String,
        /// When the task goes on without it; none waits as long as it takes.
        until: Option<Timestamp>,
    },
    /// The worker stops in good order: back into the queue, not counted.
    Release,
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
    /// A step of this name is recorded already.
    #[error("step {name:?} of task {task} is recorded already; give each step of a task a name of its own")]
    StepRecorded {
        /// The task.
        task: TaskId,
        /// Its name.
        name: String,
    },
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
    /// The role may claim nothing now.
    #[error("{role} is paused by {by} ({reason}); resume it first")]
    Paused {
        /// The role.
        role: Role,
        /// Who paused it.
        by: Party,
        /// Why.
        reason: String,
    },
    /// A limit lets no further task of its scope start now.
    #[error("task {task} is held back by the limit on {scope}{}", .until.map_or_else(|| ", until a running one ends".to_owned(), |end| format!(" until {end}")))]
    Limited {
        /// The task.
        task: TaskId,
        /// What the limit is for.
        scope: Scope,
        /// When a rate lets the next one start; none if one that runs must end first.
        until: Option<Timestamp>,
    },
    /// There is no such limit.
    #[error("there is no limit on {0}")]
    NoSuchLimit(Scope),
    /// There is no such message.
    #[error("there is no message {0}")]
    NoSuchMessage(MessageId),
    /// There is no such incident.
    #[error("there is no incident {0}")]
    NoSuchIncident(IncidentId),
    /// The incident has been merged into another one.
    #[error("incident {incident} is merged into {into}; name that one, or split them first")]
    Merged {
        /// The incident.
        incident: IncidentId,
        /// The one that stands for it.
        into: IncidentId,
    },
    /// A task works on the incident.
    #[error("task {task} still works on incident {incident}; wait for it, or cancel it first")]
    UnderWork {
        /// The incident.
        incident: IncidentId,
        /// The task.
        task: TaskId,
    },
    /// There is no such schedule.
    #[error("there is no schedule {0:?}")]
    NoSuchSchedule(String),
    /// The name of a schedule is taken.
    #[error("there is a schedule {0:?} already; remove it first, or choose another name")]
    ScheduleExists(String),
    /// The schedule's time has not come.
    #[error("schedule {0:?} is not due")]
    ScheduleNotDue(String),
}

/// Decides what follows from a command.
///
/// # Errors
/// A [`Refusal`] says why nothing changes. Nothing is ever half done.
pub fn decide(snapshot: &Snapshot, command: &Command, now: Timestamp) -> Result<Plan, Refusal> {
    match command {
        Command::Create(task) => run::create(snapshot, task, now),
        Command::Claim { role, only, worker, lease } => {
            run::claim(snapshot, *role, *only, worker, *lease, now)
        }
        Command::Heartbeat { task, token, lease } => run::heartbeat(snapshot, *task, *token, *lease, now),
        Command::Note { task, token, logs, messages } => run::note(snapshot, *task, *token, logs, messages),
        Command::RecordStep { task, token, name, value } => {
            run::record_step(snapshot, *task, *token, name, value)
        }
        Command::Settle(settlement) => run::settle(snapshot, settlement, now),
        Command::Adopt { lease, .. } => intervene::adopt(snapshot, *lease, now),
        Command::Promote { .. } => intervene::promote(snapshot, now),
        Command::Rescue { ended_worker, .. } => intervene::rescue(snapshot, ended_worker.as_deref(), now),
        Command::Answer { question, by, choice, comment, extra } => {
            intervene::answer(snapshot, *question, *by, choice, comment.as_deref(), extra)
        }
        Command::Cancel { by, reason, .. } => intervene::cancel(snapshot, *by, reason, now),
        Command::Redrive { by, .. } => intervene::redrive(snapshot, *by),
        Command::Pause { role, by, reason } => pause::pause(snapshot, *role, *by, reason, now),
        Command::Resume { role, by } => Ok(pause::resume(snapshot, *role, *by)),
        Command::Emit { name, payload, by } => signal::emit(snapshot, name, payload, *by, now),
        Command::SetLimit { limit, by } => limit::set(snapshot, limit, *by, now),
        Command::ClearLimit { scope, by } => limit::clear(snapshot, scope, *by),
        Command::AddSchedule(schedule) => schedule::add(snapshot, schedule, now),
        Command::RemoveSchedule { name, by } => schedule::remove(snapshot, name, *by),
        Command::Tick { name } => schedule::tick(snapshot, name, now),
        Command::Read { messages, by } => ask::read(snapshot, messages, *by),
        Command::Incident { incident, by, wish } => incident::wish(snapshot, *incident, *by, wish, now),
    }
}
