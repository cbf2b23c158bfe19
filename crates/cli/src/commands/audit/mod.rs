//! `audit`: what the agents did, as the audit log has it.

mod verify;

use std::time::Duration;

use groundcrew_core::log::LogEntry;
use groundcrew_core::task::TaskId;
use groundcrew_store::{Access, LogFilter};
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::live::{Live, step_line};
use crate::options::{Audit, AuditAction, Shown};
use crate::output::Style;
use crate::settling::no_such_task;
use crate::signals::Signals;

/// Longest wait between two looks for new entries.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Whether what is written later is shown too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Later {
    /// No.
    Leave,
    /// Until a signal comes.
    Follow,
}

/// Prints the audit log, or verifies it.
pub(super) fn run(options: &Audit, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        None if options.follow => show(&options.shown, Later::Follow, at),
        None => show(&options.shown, Later::Leave, at),
        Some(AuditAction::Follow(shown)) => show(shown, Later::Follow, at),
        Some(AuditAction::Verify { noted }) => verify::run(at, noted.as_deref()),
    }
}

fn show(options: &Shown, later: Later, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    if let Some(id) = options.task
        && store.task(TaskId(id))?.is_none()
    {
        return Err(no_such_task(at, id));
    }
    let filter = LogFilter {
        task: options.task.map(TaskId),
        agent: options.agent.clone(),
        limit: Some(options.limit),
        after_id: None,
    };
    let entries = store.logs(&filter)?;
    if later == Later::Leave {
        if at.out.is_json() {
            at.out.document(&json!({ "entries": entries }))?;
        } else {
            entries.iter().try_for_each(|entry| print(at, entry))?;
        }
        return Ok(Done::Clean);
    }
    let signals = Signals::watch()?;
    let newest = store.logs(&LogFilter { limit: Some(1), ..LogFilter::default() })?;
    let seen = newest.last().map_or(0, |entry| entry.id);
    entries.iter().try_for_each(|entry| print(at, entry))?;
    let mut live = Live::after(&store, entries.last().map_or(seen, |entry| entry.id));
    let mut changes = 0;
    loop {
        live.fresh(&filter)?.iter().try_for_each(|entry| print(at, entry))?;
        if let Some(done) = signals.received() {
            return Ok(done);
        }
        changes = store.changes(changes, LOOK_EVERY);
    }
}

fn print(at: &Invocation, entry: &LogEntry) -> Result<(), Failure> {
    if at.out.is_json() {
        return at.out.record("entry", entry);
    }
    at.out.line(step_line(&at.out, entry))?;
    if at.out.is_verbose() && !entry.data.is_null() {
        at.out.line(
            at.out.paint(Style::Dim, &format!("          {}", escape::line(&entry.data.to_string()))),
        )?;
    }
    Ok(())
}
