//! What can be asked of a store, and the rows that have no type in `core`.

use groundcrew_core::incident::{Incident, IncidentStatus};
use groundcrew_core::message::{Message, MessageType};
use groundcrew_core::role::Role;
use groundcrew_core::task::{IncidentId, LeaseToken, MessageId, ProjectId, Status, Task, TaskId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Rows that a filter gives when it names no limit.
pub(crate) const DEFAULT_LIMIT: u32 = 200;

/// Which tasks; a field that is not set does not restrict. Newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// In this status.
    pub status: Option<Status>,
    /// Of this role.
    pub role: Option<Role>,
    /// Of this project.
    pub project: Option<ProjectId>,
    /// About this incident.
    pub incident: Option<IncidentId>,
    /// Of the workflow that this task belongs to.
    pub root: Option<TaskId>,
    /// Of this type.
    pub task_type: Option<String>,
    /// At most so many; 200 if not set.
    pub limit: Option<u32>,
    /// Only tasks with a smaller key: the next page.
    pub before: Option<TaskId>,
}

/// Which messages; a field that is not set does not restrict. Newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageFilter {
    /// About this task.
    pub task: Option<TaskId>,
    /// About any task of the workflow that this task belongs to: the whole thread.
    pub root: Option<TaskId>,
    /// To this agent, `system` or `user`.
    pub to: Option<String>,
    /// Of this type.
    pub message_type: Option<MessageType>,
    /// Only those nobody has read.
    pub unread_only: bool,
    /// At most so many; 200 if not set.
    pub limit: Option<u32>,
    /// Only messages with a smaller key: the next page.
    pub before: Option<MessageId>,
}

/// Which log entries; a field that is not set does not restrict.
///
/// Oldest first and after `after_id` where that is set, so that a reader can follow; else the newest, oldest of them first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// Of this task.
    pub task: Option<TaskId>,
    /// Of this agent, `system` or `user`.
    pub agent: Option<String>,
    /// Only entries with a greater key.
    pub after_id: Option<i64>,
    /// At most so many; 200 if not set.
    pub limit: Option<u32>,
}

/// Which incidents; a field that is not set does not restrict. Last seen first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// In this status.
    pub status: Option<IncidentStatus>,
    /// Of this fingerprint.
    pub fingerprint: Option<String>,
    /// Also those that were merged into others.
    pub merged: bool,
    /// At most so many; 200 if not set.
    pub limit: Option<u32>,
}

/// Which kinds of lines; a field that is not set does not restrict. The most frequent first, or those told last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Of this source.
    pub source: Option<String>,
    /// Only those whose lines are counted over time.
    pub rated: bool,
    /// Only those that were first seen since then and that nobody was told about.
    pub new_since: Option<Timestamp>,
    /// Only those that somebody was told about.
    pub noticed: bool,
    /// At most so many; 200 if not set.
    pub limit: Option<u32>,
}

/// A question that waits for the person, with what it is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InboxItem {
    /// The question.
    pub message: Message,
    /// The task that asks.
    pub task: Option<Task>,
    /// The incident the task is about.
    pub incident: Option<Incident>,
}

/// One run of a task, from claim to settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// The task.
    pub task: TaskId,
    /// Number of its claim.
    pub token: LeaseToken,
    /// Name of the worker.
    pub worker: String,
    /// When it was claimed.
    pub started_at: Timestamp,
    /// When it ended; none while it runs.
    pub ended_at: Option<Timestamp>,
    /// How it ended: `completed`, `failed`, `retried`, `blocked`, `released`, `lost` or `cancelled`.
    pub outcome: Option<String>,
    /// Why it did not complete.
    pub error: Option<String>,
}

/// A repository that the crew looks after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Project {
    /// Key.
    pub id: ProjectId,
    /// Name for people; no two projects share one.
    pub name: String,
    /// Absolute path of the checkout.
    pub root: String,
    /// Its settings.
    pub config: Value,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A worker that announces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorker {
    /// Its name, unlike any other.
    pub name: String,
    /// The machine it runs on.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Roles that it works for.
    pub roles: Vec<Role>,
}

/// A worker as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// The machine it runs on.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Roles that it works for.
    pub roles: Vec<Role>,
    /// When it announced itself.
    pub started_at: Timestamp,
    /// When it last did so.
    pub last_seen: Timestamp,
}

/// How many tasks a role has in one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Count {
    /// The role.
    pub role: Role,
    /// The status.
    pub status: Status,
    /// Tasks; rows of the table are given only where this is not 0.
    pub tasks: u64,
}
