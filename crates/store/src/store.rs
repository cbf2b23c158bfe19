//! The contract of a store: what can be done with tasks and what can be asked, whatever the database.

use std::collections::BTreeSet;
use std::time::Duration;

use groundcrew_core::agent::{AgentState, Pause};
use groundcrew_core::event::Event;
use groundcrew_core::incident::{Hidden, Incident, IncidentStatus, ReleaseCount, Traffic};
use groundcrew_core::lifecycle::{Command, Refusal, Settlement};
use groundcrew_core::limit::Limit;
use groundcrew_core::log::{LogEntry, NewLog};
use groundcrew_core::message::Message;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::Schedule;
use groundcrew_core::signal::{Await, Signal};
use groundcrew_core::step::Step;
use groundcrew_core::task::{IncidentId, MessageId, NewTask, ProjectId, Task, TaskId};
use groundcrew_core::template::{Learned, Template};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::error::StoreError;
use crate::upkeep::{AuditReport, Finding, Prune, Pruned, Stats};
use crate::view::{
    Attempt, Count, InboxItem, IncidentFilter, LogFilter, MessageFilter, NewWorker, Project, TaskFilter,
    TemplateFilter, Worker,
};

/// What a command did.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The database's time at which it was decided.
    pub now: Timestamp,
    /// The task it was about as it stands after it, or the task it created.
    pub task: Option<Task>,
    /// Tasks it created.
    pub inserted: Vec<TaskId>,
    /// Messages it wrote, in order.
    pub messages: Vec<MessageId>,
    /// The question that the task now waits for.
    pub question: Option<MessageId>,
    /// Roles that have new work.
    pub wake: BTreeSet<Role>,
}

/// What one sweep found and put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    /// Rows of other programs whose missing values were filled in since the last sweep.
    pub normalised: u64,
    /// Running rows of other programs that were given a lease.
    pub adopted: u64,
    /// Delayed tasks whose time has come.
    pub promoted: u64,
    /// Tasks taken back from workers that lost their lease, and put back into the queue.
    pub rescued: u64,
    /// Tasks taken back and failed, since it was their last run.
    pub failed: u64,
    /// Tasks made by schedules.
    pub scheduled: u64,
}

/// How a store writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Pace {
    /// Transactions that were committed since it was opened.
    pub commits: u64,
    /// Whether a commit is on disk when it is acknowledged: `full` if so, else the database's word for less.
    pub synchronous: &'static str,
}

/// A database of tasks. All methods block; all may be called from any thread.
///
/// Every method fails with a [`StoreError`] that says what happened to which file and what to do next.
pub trait Store: Send + Sync {
    /// Carries out one command in one transaction, which is on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the rules of a task's life forbid it; then nothing has changed.
    fn execute(&self, command: Command) -> Result<Receipt, StoreError>;

    /// Puts tasks into the queue, all of them or none, in one transaction; gives their keys in the same order.
    ///
    /// # Errors
    /// As [`Store::execute`]: the first task that cannot be created says why.
    fn enqueue(&self, tasks: Vec<NewTask>) -> Result<Vec<TaskId>, StoreError>;

    /// Claims the next ready task of a role, or one named task; none if nothing is ready, the role is paused, or limits
    /// hold back what is ready.
    ///
    /// # Errors
    /// As [`Store::execute`]. A named task that cannot be claimed is a refusal, never none.
    fn claim(
        &self,
        role: Role,
        only: Option<TaskId>,
        worker: &str,
        lease: SignedDuration,
    ) -> Result<Option<Task>, StoreError> {
        let command = Command::Claim { role, only, worker: worker.to_owned(), lease };
        match self.execute(command) {
            Ok(receipt) => Ok(receipt.task),
            Err(StoreError::Refused(Refusal::NothingReady)) => Ok(None),
            Err(StoreError::Refused(Refusal::Paused { .. })) if only.is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Claims the next ready task of a role, or waits for one, but no longer than `patience`. A task that becomes ready
    /// meanwhile is claimed in the transaction that makes it so.
    ///
    /// `since` is what the last call gave, 0 at first, and as in [`Store::changes`] a number to hand in next time.
    ///
    /// # Errors
    /// As [`Store::execute`].
    fn claim_within(
        &self,
        role: Role,
        worker: &str,
        lease: SignedDuration,
        since: u64,
        patience: Duration,
    ) -> Result<(Option<Task>, u64), StoreError>;

    /// Ends a run and claims the next ready task of its role, if there is one, in one transaction. A refused settlement
    /// does not keep the worker from its next task.
    ///
    /// # Errors
    /// As [`Store::execute`], if no task could be claimed for another reason than that none is ready.
    fn settle_and_claim(
        &self,
        settlement: Settlement,
        worker: &str,
        lease: SignedDuration,
        role: Role,
    ) -> Result<(Result<Receipt, StoreError>, Option<Task>), StoreError>;

    /// How it writes.
    fn pace(&self) -> Pace;

    /// One sweep: adopts what other programs set running, makes due tasks ready, takes back expired leases, makes the
    /// tasks of schedules that are due.
    fn maintain(&self, lease: SignedDuration) -> Result<Maintained, StoreError>;

    /// Waits until a commit of this process gave a role work or another process changed the database, but no longer
    /// than `timeout`. Returns a number to hand in next time; start with 0, which returns at once.
    ///
    /// A store that is opened for reading only hears of nothing and waits the whole time.
    fn changes(&self, since: u64, timeout: Duration) -> u64;

    /// Ends the waits of [`Store::changes`] that are under way in this process, for one who wants its threads to end.
    fn wake(&self);

    /// One task.
    fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError>;

    /// Tasks, newest first.
    fn tasks(&self, filter: &TaskFilter) -> Result<Vec<Task>, StoreError>;

    /// All tasks that hang together with this one, oldest first.
    fn workflow(&self, id: TaskId) -> Result<Vec<Task>, StoreError>;

    /// Messages, newest first.
    fn messages(&self, filter: &MessageFilter) -> Result<Vec<Message>, StoreError>;

    /// One message.
    fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// Questions that wait for the person, oldest first.
    fn inbox(&self) -> Result<Vec<InboxItem>, StoreError>;

    /// Answers to a task's questions, oldest first.
    fn answers_of(&self, task: TaskId) -> Result<Vec<Message>, StoreError>;

    /// Entries of the audit log, oldest first.
    fn logs(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, StoreError>;

    /// Incidents, last seen first.
    fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError>;

    /// Occurrences of an incident and of those merged into it, per [`BUCKET`](groundcrew_core::incident::BUCKET) of
    /// time, oldest first and without zeros, from the one in which `since` lies.
    fn incident_buckets(
        &self,
        incident: IncidentId,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, u64)>, StoreError>;

    /// What the sources of a project wrote, per [`BUCKET`](groundcrew_core::incident::BUCKET) of time and source,
    /// oldest first, from the one in which `since` lies.
    fn traffic(&self, project: ProjectId, since: Timestamp) -> Result<Vec<Traffic>, StoreError>;

    /// Occurrences of an incident per release, the release in which it was first seen first.
    fn incident_releases(&self, incident: IncidentId) -> Result<Vec<ReleaseCount>, StoreError>;

    /// Releases of a project that its logs name with the records of each, the one that ran first first.
    fn releases(&self, project: ProjectId) -> Result<Vec<ReleaseCount>, StoreError>;

    /// How far the kinds of lines of a project's sources, or of one, are known.
    fn learned(&self, project: ProjectId, source: Option<&str>) -> Result<Vec<Learned>, StoreError>;

    /// What the next scan of a source goes on from in telling kinds of lines apart.
    fn miner(&self, project: ProjectId, source: &str) -> Result<Option<Value>, StoreError>;

    /// Kinds of lines.
    fn templates(&self, filter: &TemplateFilter) -> Result<Vec<Template>, StoreError>;

    /// Lines of a kind per [`BUCKET`](groundcrew_core::incident::BUCKET) of time, oldest first and without zeros, from the
    /// one in which `since` lies.
    fn template_buckets(
        &self,
        template: &Template,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, u64)>, StoreError>;

    /// Pauses in force, oldest first.
    fn pauses(&self) -> Result<Vec<Pause>, StoreError>;

    /// Limits in force with what is used of them, those of projects first, then of roles and types, by name.
    fn limits(&self) -> Result<Vec<Limit>, StoreError>;

    /// All signals, first emitted first.
    fn signals(&self) -> Result<Vec<Signal>, StoreError>;

    /// The signal of a name, if it was emitted.
    fn signal(&self, name: &str) -> Result<Option<Signal>, StoreError>;

    /// Tasks that wait for signals, by their keys.
    fn awaits(&self) -> Result<Vec<Await>, StoreError>;

    /// All schedules, by name.
    fn schedules(&self) -> Result<Vec<Schedule>, StoreError>;

    /// Events with a greater number than `after`, oldest first, at most `limit`.
    fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// Number of the last event that a listener has dealt with; 0 if it has dealt with none.
    fn bookmark(&self, name: &str) -> Result<i64, StoreError>;

    /// Moves a listener's bookmark; false if it is no longer at `from`, since another process was quicker.
    fn advance_bookmark(&self, name: &str, from: i64, to: i64) -> Result<bool, StoreError>;

    /// One incident.
    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError>;

    /// Whether an incident of the project counts errors with this fingerprint, its own or a further one.
    fn knows(&self, project: ProjectId, fingerprint: &str) -> Result<bool, StoreError>;

    /// Other incidents that may be the same as this one, since they have the coarser key in common; those seen last first, at
    /// most `limit`. Nothing is merged but by a person.
    fn similar(&self, incident: &Incident, limit: u32) -> Result<Vec<Incident>, StoreError>;

    /// What rules of the user's hid in a project, what was hidden last first.
    fn hidden(&self, project: ProjectId) -> Result<Vec<Hidden>, StoreError>;

    /// How many incidents are in which status, of one project or of all, without zeros. One that is merged into another
    /// does not count.
    fn incident_counts(&self, project: Option<ProjectId>) -> Result<Vec<(IncidentStatus, u64)>, StoreError>;

    /// The newest completed task of a type of each of these incidents, in no order; incidents without one are left out.
    fn latest_of(&self, incidents: &[IncidentId], task_type: &str) -> Result<Vec<Task>, StoreError>;

    /// The database's clock, by which everything that is written goes.
    fn now(&self) -> Result<Timestamp, StoreError>;

    /// The state of the six roles, in the order of [`Role::ALL`].
    fn agents(&self) -> Result<Vec<AgentState>, StoreError>;

    /// The runs of a task, first to last.
    fn attempts(&self, task: TaskId) -> Result<Vec<Attempt>, StoreError>;

    /// The steps that a task has recorded, first to last. [`Command::RecordStep`] records one.
    fn steps(&self, task: TaskId) -> Result<Vec<Step>, StoreError>;

    /// All projects, first added first.
    fn projects(&self) -> Result<Vec<Project>, StoreError>;

    /// One project by its key.
    fn project(&self, id: ProjectId) -> Result<Option<Project>, StoreError>;

    /// One project by its name.
    fn project_named(&self, name: &str) -> Result<Option<Project>, StoreError>;

    /// One project by the path of its checkout.
    fn project_at(&self, root: &str) -> Result<Option<Project>, StoreError>;

    /// How far a source of a project has been read.
    fn cursor(&self, project: ProjectId, source: &str) -> Result<Option<Value>, StoreError>;

    /// How far all sources of a project have been read, by the source.
    fn cursors(&self, project: ProjectId) -> Result<Vec<(String, Value)>, StoreError>;

    /// Workers that have announced themselves.
    fn workers(&self) -> Result<Vec<Worker>, StoreError>;

    /// Tasks per role and status, in that order, without zeros.
    fn counts(&self) -> Result<Vec<Count>, StoreError>;

    /// The secret of this database from which redaction marks are made.
    fn redaction_key(&self) -> Result<[u8; 32], StoreError>;

    /// Version of the database's schema.
    fn schema_version(&self) -> Result<u32, StoreError>;

    /// Adds a project, or renames and reconfigures the one with this root.
    ///
    /// # Errors
    /// [`StoreError::ProjectName`] if a project elsewhere has this name.
    fn add_project(&self, name: &str, root: &str, config: &Value) -> Result<ProjectId, StoreError>;

    /// Announces a worker.
    fn register_worker(&self, worker: &NewWorker) -> Result<(), StoreError>;

    /// Notes that a worker is alive; false if it has not announced itself.
    fn beat_worker(&self, name: &str) -> Result<bool, StoreError>;

    /// Forgets a worker.
    fn remove_worker(&self, name: &str) -> Result<(), StoreError>;

    /// Adds an entry to the audit log for somebody who runs no task.
    fn log(&self, task: Option<TaskId>, party: Party, entry: NewLog) -> Result<(), StoreError>;

    /// What is wrong with the file and its rows; empty if all is well. Reads everything once.
    fn check(&self) -> Result<Vec<Finding>, StoreError>;

    /// Figures about the database, as of one moment.
    fn stats(&self) -> Result<Stats, StoreError>;

    /// Compares the sealed part of the audit log with its seals, and asks for the seal of a hash that was noted
    /// elsewhere. [`Store::maintain`] makes the seals.
    fn verify_audit(&self, noted: Option<&str>) -> Result<AuditReport, StoreError>;

    /// Takes old finished workflows out of the database, each archived first, or counts them. A workflow stays
    /// whole while a task of it is open or young, an incident of it is not over, or a question of it is open.
    ///
    /// # Errors
    /// [`StoreError::NotAnArchive`] if the file is something else; what was pruned before another error is archived.
    fn prune(&self, wish: &Prune) -> Result<Pruned, StoreError>;
}
