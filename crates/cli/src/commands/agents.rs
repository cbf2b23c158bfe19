//! `agents`: what each of the six does, and how well it has done.

use groundcrew_core::agent::{AgentState, Pause};
use groundcrew_store::Access;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::live::age;
use crate::output::Style;
use crate::table::Table;

/// Longest reason of a pause, in characters.
const REASON: usize = 100;

/// Prints one row per role.
pub(super) fn run(at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let agents = store.agents()?;
    let pauses = store.pauses()?;
    if at.out.is_json() {
        at.out.document(&json!({ "agents": agents, "pauses": pauses }))?;
        return Ok(Done::Clean);
    }
    let mut table =
        Table::new(["agent", "status", "task", "done", "failed", "success", "average", "tokens", "active"]);
    for agent in &agents {
        table.row([
            agent.role.to_string(),
            status(agent, &pauses),
            agent.current_task.map_or_else(|| "-".to_owned(), |task| format!("#{task}")),
            metric(agent, "completed").to_string(),
            metric(agent, "failed").to_string(),
            success(agent),
            average(agent),
            (metric(agent, "tokens_in").saturating_add(metric(agent, "tokens_out"))).to_string(),
            agent
                .last_active
                .map_or_else(|| "never".to_owned(), |then| format!("{} ago", age(at.shown_now(), then))),
        ]);
    }
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = at.out.paint(Style::Dim, head);
    }
    at.out.lines(lines)?;
    at.out.lines(pause_lines(&pauses, at.shown_now()))?;
    Ok(Done::Clean)
}

/// What a role does now, and whether it is held.
pub(crate) fn status(agent: &AgentState, pauses: &[Pause]) -> String {
    if pauses.iter().any(|pause| pause.stops(agent.role)) {
        format!("{}, paused", agent.status)
    } else {
        agent.status.to_string()
    }
}

/// The pauses for people, one per line.
pub(crate) fn pause_lines(pauses: &[Pause], now: Timestamp) -> Vec<String> {
    let told = |pause: &Pause| {
        let who = pause.role.map_or_else(|| "the whole crew".to_owned(), |role| format!("the {role}"));
        let reason = escape::brief(&pause.reason, REASON);
        format!("{who} is paused by {}, {} ago: {reason}", pause.by, age(now, pause.since))
    };
    pauses.iter().map(told).collect()
}

/// A counter of a role; 0 where it is not there.
pub(crate) fn metric(agent: &AgentState, name: &str) -> u64 {
    agent.metrics.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// The mean time of a run.
pub(crate) fn average(agent: &AgentState) -> String {
    if metric(agent, "runs") == 0 {
        return "-".to_owned();
    }
    let ms = metric(agent, "avg_task_ms");
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// How many of the tasks that ended were completed.
fn success(agent: &AgentState) -> String {
    let (completed, failed) = (metric(agent, "completed"), metric(agent, "failed"));
    // Counters are numbers of other programs too; they may add up to more than a number can hold.
    let ended = u128::from(completed) + u128::from(failed);
    let percent = (u128::from(completed) * 100).checked_div(ended);
    percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"))
}
