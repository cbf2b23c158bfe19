//! A task: one unit of work for one role, as a row of `agent_tasks`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::role::{Party, Role};
use crate::word::words;

/// Declares a newtype over the database's integer key.
macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
    };
}

id_type!(
    /// Key of a task.
    TaskId
);
id_type!(
    /// Key of a message; what a person names to answer, approve or reject.
    MessageId
);
id_type!(
    /// Key of an incident.
    IncidentId
);
id_type!(
    /// Key of a project.
    ProjectId
);
id_type!(
    /// The number of a task's claim; grows with every claim of that task, and fences everything its worker does.
    LeaseToken
);

words! {
    /// Where a task is in its life.
    Status, "task status" {
        /// Waiting to be claimed, or for its time to come.
        Pending = "pending",
        /// Claimed by a worker that holds a lease.
        Running = "running",
        /// Done, with a result.
        Completed = "completed",
        /// Ended without a result: retries used up, a permanent error, a refusal, or cancelled.
        Failed = "failed",
        /// Waiting for something that `blocked_on` names.
        Blocked = "blocked",
    }
}

impl Status {
    /// Whether the task will never run again by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

words! {
    /// What a blocked task waits for.
    BlockedOn, "reason to wait" {
        /// An answer to a question.
        Question = "question",
        /// A person's approval of one exact commit.
        Approval = "approval",
        /// The end of its child tasks.
        Children = "children",
        /// More budget.
        Budget = "budget",
        /// Something the machine or the configuration lacks.
        Environment = "environment",
    }
}

/// A worker's right to a running task until a moment in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Lease {
    /// Name of the worker.
    pub owner: String,
    /// When this run began.
    pub since: Timestamp,
    /// When the right ends unless it is renewed.
    pub until: Timestamp,
}

/// What a blocked task waits for, and the message that ends the wait where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Wait {
    /// Kind of the wait.
    pub on: BlockedOn,
    /// The question whose answer ends it; none while it waits for children.
    pub message: Option<MessageId>,
}

/// A task as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Task {
    /// Key.
    pub id: TaskId,
    /// What is to be done: `scan_logs`, `classify_error`, … an open set.
    pub task_type: String,
    /// Role that does it.
    pub assigned_to: Role,
    /// Who created it, as stored; other programs may write any text.
    pub created_by: Option<String>,
    /// Where it is in its life.
    pub status: Status,
    /// 1 to 10, 10 the highest.
    pub priority: u8,
    /// What it starts with. Text that is no JSON is kept as a JSON string.
    pub context: Value,
    /// What it ended with.
    pub result: Option<Value>,
    /// The task that created it in the same workflow.
    pub parent: Option<TaskId>,
    /// Why it failed, or why it will be retried.
    pub error_message: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was first claimed.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Failed or lost runs so far, at most 3.
    pub retry_count: u8,
    /// Project it belongs to; none means the only or first one.
    pub project: Option<ProjectId>,
    /// Incident it is about.
    pub incident: Option<IncidentId>,
    /// Not ready before this moment; cleared when it has come.
    pub run_at: Option<Timestamp>,
    /// The number of its last claim, 0 if it was never claimed.
    pub lease_token: LeaseToken,
    /// The lease of a running task.
    pub lease: Option<Lease>,
    /// What a blocked task waits for.
    pub wait: Option<Wait>,
    /// Machine-readable reason of a refusal.
    pub refusal_code: Option<String>,
    /// Only one open task may hold the same key.
    pub dedupe_key: Option<String>,
}

/// How a new task finds its incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentLink {
    /// It has none.
    None,
    /// A known incident.
    Id(IncidentId),
    /// The incident of this fingerprint in the task's project, sighted in the same transaction.
    Fingerprint(String),
}

/// A task that is to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// What is to be done.
    pub task_type: String,
    /// Role that does it.
    pub assigned_to: Role,
    /// Who creates it.
    pub created_by: Party,
    /// 1 to 10, 10 the highest.
    pub priority: u8,
    /// What it starts with.
    pub context: Value,
    /// The task it follows in its workflow.
    pub parent: Option<TaskId>,
    /// Project it belongs to.
    pub project: Option<ProjectId>,
    /// Incident it is about.
    pub incident: IncidentLink,
    /// Not before this moment; where it waits for a signal, no longer than until then.
    pub run_at: Option<Timestamp>,
    /// Not before this signal was emitted.
    pub after: Option<String>,
    /// Only one open task may hold the same key.
    pub dedupe_key: Option<String>,
    /// Only one task may ever hold the same key, open or ended.
    pub once_key: Option<String>,
}

/// The default priority of the given schema.
pub const DEFAULT_PRIORITY: u8 = 5;

/// Failed or lost runs after which a task is failed for good: one first run and this many retries.
pub const MAX_RETRIES: u8 = 3;

impl NewTask {
    /// A task without parent, incident, delay or key, of default priority.
    pub fn new(task_type: &str, assigned_to: Role, created_by: Party, context: Value) -> Self {
        Self {
            task_type: task_type.to_owned(),
            assigned_to,
            created_by,
            priority: DEFAULT_PRIORITY,
            context,
            parent: None,
            project: None,
            incident: IncidentLink::None,
            run_at: None,
            after: None,
            dedupe_key: None,
            once_key: None,
        }
    }
}
