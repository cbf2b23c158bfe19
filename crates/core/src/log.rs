//! Rows of `agent_logs`: what an agent did, append-only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::Act;
use crate::task::TaskId;
use crate::word::words;

words! {
    /// How much a log entry matters.
    LogLevel, "log level" {
        /// For the curious: files read, git calls.
        Debug = "debug",
        /// The normal course.
        Info = "info",
        /// Worth a look.
        Warn = "warn",
        /// Something failed.
        Error = "error",
    }
}

/// A log entry as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LogEntry {
    /// Key; grows with time.
    pub id: i64,
    /// Task it belongs to.
    pub task: Option<TaskId>,
    /// Agent, or `system` or `user`.
    pub agent: String,
    /// How much it matters.
    pub level: LogLevel,
    /// One sentence.
    pub message: String,
    /// Structured data.
    pub data: Value,
    /// When.
    pub created_at: Timestamp,
}

/// A log entry that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLog {
    /// How much it matters.
    pub level: LogLevel,
    /// One sentence.
    pub message: String,
    /// Structured data.
    pub data: Value,
}

impl NewLog {
    /// An entry of level info.
    pub fn info(message: impl Into<String>, data: Value) -> Self {
        Self { level: LogLevel::Info, message: message.into(), data }
    }

    /// An entry of level warn.
    pub fn warn(message: impl Into<String>, data: Value) -> Self {
        Self { level: LogLevel::Warn, message: message.into(), data }
    }

    /// The entry for an audited act.
    pub fn act(act: &Act) -> Self {
        let message = match act {
            Act::FileRead { path, commit: Some(commit), .. } => {
                format!("read {path} at {}", commit.get(..10).unwrap_or(commit))
            }
            Act::FileRead { path, commit: None, .. } => format!("read {path}"),
            Act::CommandRun { argv, ended, .. } => format!("ran {}: {ended}", brief(argv)),
        };
        let level = match act {
            Act::FileRead { .. } => LogLevel::Debug,
            Act::CommandRun { sandbox, .. } if sandbox == "git" => LogLevel::Debug,
            Act::CommandRun { .. } => LogLevel::Info,
        };
        Self { level, message, data: serde_json::json!(act) }
    }
}

/// The command in at most 100 characters; the whole of it is in the entry's data.
fn brief(argv: &[String]) -> String {
    const LONGEST: usize = 100;
    let line = argv.join(" ").replace(['\n', '\r'], " ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let mut short: String = line.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}
