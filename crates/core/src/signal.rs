//! Signals: facts with a name, each of which comes once, and that tasks can wait for.
//!
//! The first emission of a name is kept, and later ones change nothing. So a task that begins to wait for a name which was
//! emitted already goes on at once, and every later run finds the same payload: no order of the two loses a wake-up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::role::{Party, Role};
use crate::task::TaskId;

/// Longest name, in characters.
pub const LONGEST_NAME: usize = 200;

/// The moment before which a task is not ready that waits for a signal as long as it takes: 30 December 9999.
pub const NEVER: Timestamp = Timestamp::constant(253_402_128_000, 0);

/// A signal that was emitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Signal {
    /// Its name, which carries its own key, such as `deployed:1.4.2`.
    pub name: String,
    /// What it brings.
    pub payload: Value,
    /// When it was emitted.
    pub emitted_at: Timestamp,
    /// Who emitted it.
    pub by: Party,
}

/// A task that waits for a signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Await {
    /// The task, which is pending and not ready before its `run_at`.
    pub task: TaskId,
    /// The role that does it.
    pub role: Role,
    /// The signal.
    pub signal: String,
    /// Since when.
    pub since: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_the_last_day_but_one_that_can_be_written() {
        assert_eq!(NEVER.to_string(), "9999-12-30T00:00:00Z");
    }
}
