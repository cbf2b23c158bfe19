//! What an agent did, as it is written to the audit log: files read, commands run, decisions taken.

use serde::{Deserialize, Serialize};

/// One audited act. Texts are already redacted when an act is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// A file was read, from the disk or from a commit.
    FileRead {
        /// Path as the agent named it.
        path: String,
        /// Commit it was read from; none for a file on disk.
        commit: Option<String>,
        /// Bytes read.
        bytes: u64,
    },
    /// A command ran to its end.
    CommandRun {
        /// Program and arguments.
        argv: Vec<String>,
        /// Where it ran: `git` for a hardened git command, else the sandbox level (`strict`, `builtin`, `landlock`).
        sandbox: String,
        /// Exit code; none if it was ended by a signal or a limit.
        exit_code: Option<i32>,
        /// How it ended, in words: `exited 0`, `signal 9`, `timed out after 60 s`.
        ended: String,
        /// Wall-clock milliseconds.
        wall_ms: u64,
        /// Which mechanism held the limits, such as `rlimit` or `cgroup v1`.
        limits: String,
    },
}

/// Takes the acts of an agent as they happen. Implementations must not block for long and must not fail.
pub trait Recorder: Send + Sync {
    /// Notes one act.
    fn record(&self, act: Act);
}

/// A recorder that keeps nothing, for one-shot commands that have no task to write to.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRecorder;

impl Recorder for NoRecorder {
    fn record(&self, _act: Act) {}
}
