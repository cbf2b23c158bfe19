//! `workers`: who works for the crew, and whether they live.

use std::collections::BTreeSet;

use groundcrew_crew::presence;
use groundcrew_crew::supervisor::Terms;
use groundcrew_store::{Access, Worker};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::{Invocation, work_folder};
use crate::live::age;
use crate::output::Style;
use crate::table::Table;

/// Longest name of a worker or a machine, in characters.
const NAME: usize = 40;

/// Whether a worker lives, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Life {
    /// It showed itself a short while ago.
    Alive,
    /// It has not shown itself for longer than a lease; its tasks go to others.
    Silent,
    /// Its process is known to have ended.
    Gone,
}

impl Life {
    const fn word(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Silent => "silent",
            Self::Gone => "gone",
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    worker: &'a Worker,
    life: Life,
}

/// Prints one row per worker.
pub(super) fn run(at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let workers = store.workers()?;
    let ended = presence::ended(&work_folder(&at.database()?));
    let now = at.shown_now();
    let rows: Vec<Row<'_>> =
        workers.iter().map(|worker| Row { worker, life: life(worker, &ended, now) }).collect();
    if at.out.is_json() {
        at.out.document(&json!({ "workers": rows }))?;
    } else if rows.is_empty() {
        at.out.line(format!("no workers; `{}` starts them", at.command("up")))?;
    } else {
        at.out.lines(lines(at, &rows, now))?;
    }
    Ok(Done::Clean)
}

fn life(worker: &Worker, ended: &BTreeSet<String>, now: Timestamp) -> Life {
    let process = worker.name.split_once('@').map_or(worker.name.as_str(), |(_, process)| process);
    let silent: SignedDuration = now.duration_since(worker.last_seen);
    if ended.contains(process) {
        Life::Gone
    } else if silent > Terms::default().lease {
        Life::Silent
    } else {
        Life::Alive
    }
}

fn lines(at: &Invocation, rows: &[Row<'_>], now: Timestamp) -> Vec<String> {
    let mut table = Table::new(["worker", "roles", "host", "process", "since", "seen", "life"]);
    for Row { worker, life } in rows {
        let roles: Vec<&str> = worker.roles.iter().map(|role| role.as_str()).collect();
        table.row([
            escape::brief(&worker.name, NAME),
            roles.join(", "),
            escape::brief(&worker.host, NAME),
            worker.pid.to_string(),
            format!("{} ago", age(now, worker.started_at)),
            format!("{} ago", age(now, worker.last_seen)),
            life.word().to_owned(),
        ]);
    }
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = at.out.paint(Style::Dim, head);
    }
    lines
}

#[cfg(test)]
mod tests {
    use groundcrew_core::role::Role;

    use super::*;

    #[test]
    fn a_worker_that_ended_is_gone_and_one_that_is_not_heard_of_is_silent() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let worker = |process: &str, seen: &str| Worker {
            name: format!("qa@{process}"),
            host: "here".to_owned(),
            pid: 7,
            roles: vec![Role::Qa],
            started_at: now,
            last_seen: seen.parse().unwrap(),
        };
        let ended = BTreeSet::from(["here-1-a".to_owned()]);
        assert_eq!(life(&worker("here-1-a", "2026-03-01T10:00:00Z"), &ended, now), Life::Gone);
        assert_eq!(life(&worker("here-2-b", "2026-03-01T09:59:30Z"), &ended, now), Life::Alive);
        assert_eq!(life(&worker("there-1-a", "2026-03-01T09:58:00Z"), &ended, now), Life::Silent);
    }
}
