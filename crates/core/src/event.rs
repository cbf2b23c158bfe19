//! What the world outside may want to hear of: rows of `crew_events`, written in the transaction that they tell of.
//!
//! An event is an outbox row: a listener reads on from its bookmark, so that none is lost and none is told twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::task::{IncidentId, IncidentLink, MessageId, ProjectId, TaskId};
use crate::word::words;

words! {
    /// What happened.
    EventKind, "event" {
        /// An error that was not known is handed to triage.
        IncidentNew = "incident_new",
        /// An error came back after its fix was released or it was gone.
        IncidentRegressed = "incident_regressed",
        /// An error comes much more often than it used to.
        IncidentBurst = "incident_burst",
        /// An error is gone since its fix was released.
        IncidentResolved = "incident_resolved",
        /// A source writes a kind of line that it never wrote before.
        LineNew = "line_new",
        /// A kind of line comes much more often than it used to.
        LineSurge = "line_surge",
        /// A kind of line that used to come steadily has stopped, while its source goes on.
        LineGone = "line_gone",
        /// The person is asked something.
        Question = "question",
        /// A branch waits for the person's approval.
        FixReady = "fix_ready",
        /// The person approved a branch.
        FixApproved = "fix_approved",
        /// The person rejected a branch.
        FixRejected = "fix_rejected",
        /// A test of the project comes and goes without a change.
        TestFlaky = "test_flaky",
        /// A task failed for good.
        TaskFailed = "task_failed",
        /// A role, or all of them, claim nothing any more.
        Paused = "paused",
        /// A role, or all of them, claim tasks again.
        Resumed = "resumed",
    }
}

/// An event as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// Key; grows with time, and no number is used twice.
    pub id: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Project it belongs to.
    pub project: Option<ProjectId>,
    /// Incident it is about.
    pub incident: Option<IncidentId>,
    /// Task it is about.
    pub task: Option<TaskId>,
    /// The question, for `question` and all of `fix_…`.
    pub message: Option<MessageId>,
    /// One line for people, secrets taken out.
    pub title: String,
    /// Further data.
    pub data: Value,
}

/// An event that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// Project it belongs to.
    pub project: Option<ProjectId>,
    /// Incident it is about.
    pub incident: IncidentLink,
    /// Task it is about.
    pub task: Option<TaskId>,
    /// Message it is about.
    pub message: MessageLink,
    /// One line for people.
    pub title: String,
    /// Further data.
    pub data: Value,
}

/// How an event finds its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageLink {
    /// It has none.
    None,
    /// A known message.
    Id(MessageId),
    /// The question that is written in the same plan.
    Question,
}
