//! The commands that ran, with exit codes and durations, as the audit log has them.

use groundcrew_core::audit::Act;
use groundcrew_store::{LogFilter, Store};
use serde::Serialize;

use crate::failure::Failure;

/// Commands that are listed; the first ones are.
const LISTED: usize = 400;
/// Entries of the audit log that are read.
const READ: u32 = 100_000;

/// A command that ran in the sandbox.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Run {
    /// Who ran it.
    pub(super) agent: String,
    /// Program and arguments.
    pub(super) argv: Vec<String>,
    /// Sandbox level.
    pub(super) sandbox: String,
    /// Exit code; none if a signal or a limit ended it.
    pub(super) exit_code: Option<i32>,
    /// How it ended, in words.
    pub(super) ended: String,
    /// Wall clock, in milliseconds.
    pub(super) wall_ms: u64,
    /// The checks that rest on it.
    pub(super) checks: Vec<String>,
}

/// All of them.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Commands {
    /// Those of the project, in order.
    pub(super) commands: Vec<Run>,
    /// How many more there were.
    pub(super) commands_left_out: usize,
    /// Git commands, which only read and write objects, refs and work trees of the crew.
    pub(super) git_commands: usize,
}

impl Commands {
    /// What a store's audit log has.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(super) fn of(store: &dyn Store) -> Result<Self, Failure> {
        let entries = store.logs(&LogFilter { limit: Some(READ), ..LogFilter::default() })?;
        let mut all = Self::default();
        // The checks that follow on runs are those that they were for.
        let (mut from, mut judged, mut task) = (0, false, None);
        for entry in entries {
            if let Some(name) = entry.data.get("check").and_then(|name| name.as_str()) {
                judged = true;
                let runs = all.commands.get_mut(from..).unwrap_or_default();
                runs.iter_mut().for_each(|run| run.checks.push(name.replace('-', " ")));
                continue;
            }
            let Ok(Act::CommandRun { argv, sandbox, exit_code, ended, wall_ms, .. }) =
                serde_json::from_value(entry.data)
            else {
                continue;
            };
            if sandbox == "git" {
                all.git_commands += 1;
                continue;
            }
            if judged || task != entry.task {
                (from, judged, task) = (all.commands.len(), false, entry.task);
            }
            if all.commands.len() >= LISTED {
                all.commands_left_out += 1;
                continue;
            }
            let agent = entry.agent;
            all.commands.push(Run { agent, argv, sandbox, exit_code, ended, wall_ms, checks: Vec::new() });
        }
        Ok(all)
    }
}
