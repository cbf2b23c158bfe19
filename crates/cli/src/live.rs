//! The crew's steps as they happen: what agents wrote to the audit log for people to see.

use std::sync::Arc;

use groundcrew_core::log::{LogEntry, LogLevel};
use groundcrew_core::role::Role;
use groundcrew_store::{LogFilter, Store, StoreError};
use jiff::Timestamp;
use serde_json::Value;

use crate::escape;
use crate::failure::Failure;
use crate::output::{Output, Style};
use crate::progress::Progress;

/// Entries that are read at once.
const PAGE: u32 = 200;

/// Longest message of a step that is printed, in characters.
const LONGEST: usize = 300;

/// A reader of the audit log that remembers where it stopped.
pub(crate) struct Live {
    store: Arc<dyn Store>,
    after: i64,
}

impl Live {
    /// Reads what is written from now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn from_now(store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        let newest = store.logs(&LogFilter { limit: Some(1), ..LogFilter::default() })?;
        Ok(Self { store: Arc::clone(store), after: newest.last().map_or(0, |entry| entry.id) })
    }

    /// Reads on after an entry.
    pub(crate) fn after(store: &Arc<dyn Store>, id: i64) -> Self {
        Self { store: Arc::clone(store), after: id }
    }

    /// What was written since the last call, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn fresh(&mut self, wanted: &LogFilter) -> Result<Vec<LogEntry>, StoreError> {
        let mut fresh = Vec::new();
        loop {
            let filter = LogFilter { after_id: Some(self.after), limit: Some(PAGE), ..wanted.clone() };
            let page = self.store.logs(&filter)?;
            let Some(last) = page.last() else { return Ok(fresh) };
            self.after = last.id;
            fresh.extend(page);
        }
    }

    /// Shows the steps since the last call: to programs as records, to people as progress.
    ///
    /// # Errors
    /// The database cannot be read, or the reader has gone.
    pub(crate) fn show(&mut self, out: &Output, progress: &Progress) -> Result<(), Failure> {
        for entry in self.fresh(&LogFilter::default())? {
            progress.doing(&entry);
            if !is_step(&entry) {
                continue;
            }
            if out.is_json() {
                out.record("step", &entry)?;
            } else {
                progress.step(&entry);
            }
        }
        Ok(())
    }
}

/// Whether an entry is meant for people who look on; warnings and errors always are.
fn is_step(entry: &LogEntry) -> bool {
    let marked = entry.data.get("step").and_then(Value::as_bool).unwrap_or(false);
    marked || matches!(entry.level, LogLevel::Warn | LogLevel::Error)
}

/// One step on one line of standard error: time in UTC, who, which task, what.
pub(crate) fn step_line(out: &Output, entry: &LogEntry) -> String {
    let who = format!("{:9}", escape::brief(&entry.agent, 9));
    let who = match entry.agent.parse::<Role>() {
        Ok(role) => out.paint(Style::Role(role), &who),
        Err(_) => who,
    };
    let task = entry.task.map_or_else(String::new, |task| format!("#{task}"));
    let message = escape::brief(&entry.message, LONGEST);
    let message = match entry.level {
        LogLevel::Debug => out.paint(Style::Dim, &message),
        LogLevel::Info => message,
        LogLevel::Warn => out.paint(Style::Warn, &message),
        LogLevel::Error => out.paint(Style::Bad, &message),
    };
    format!("{}  {who}  {task:>5}  {message}", out.paint(Style::Dim, &clock(entry.created_at)))
}

/// The time of day, in UTC.
fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// A moment in UTC, to the second.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// How long ago something was, in one unit that a person can compare: `40 s`, `12 min`, `5 h`, `3 d`.
///
/// What lies in the future, as after a clock was set back, is `0 s` ago.
pub(crate) fn age(now: Timestamp, then: Timestamp) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        ..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY.. => format!("{} d", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_one_unit() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        for (then, told) in [
            ("2026-03-01T10:00:05Z", "0 s"),
            ("2026-03-01T09:59:01Z", "59 s"),
            ("2026-03-01T09:11:00Z", "49 min"),
            ("2026-03-01T07:00:01Z", "2 h"),
            ("2026-02-01T10:00:00Z", "28 d"),
        ] {
            assert_eq!(age(now, then.parse().unwrap()), told, "{then}");
        }
    }
}
