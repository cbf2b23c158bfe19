//! Steps of a task that are not repeated: what one came to is recorded before the run goes on, and handed out in every later run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::task::{LeaseToken, TaskId};

/// Longest name of a step, in characters.
pub const LONGEST_NAME: usize = 200;

/// Steps of one task at most, so that a loop without end does not fill the database.
pub const MOST_STEPS: u64 = 1_000;

/// A recorded step of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Step {
    /// The task.
    pub task: TaskId,
    /// Its name, unlike that of any other step of the task.
    pub name: String,
    /// What it came to; none if the database no longer holds JSON there.
    pub value: Option<Value>,
    /// The claim whose run took it.
    pub token: LeaseToken,
    /// When it was recorded.
    pub at: Timestamp,
}
