//! Rows of `agent_state`: what a role is doing, and how well it has done.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::role::{Party, Role};
use crate::task::TaskId;
use crate::word::words;

words! {
    /// What a role is doing now.
    AgentStatus, "agent status" {
        /// Nothing.
        Idle = "idle",
        /// At least one of its tasks runs.
        Working = "working",
        /// None of its tasks runs and at least one waits for somebody.
        Blocked = "blocked",
    }
}

/// A role's state row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AgentState {
    /// The role.
    pub role: Role,
    /// When it last claimed, renewed or settled.
    pub last_active: Option<Timestamp>,
    /// A task it is working on.
    pub current_task: Option<TaskId>,
    /// What it is doing.
    pub status: AgentStatus,
    /// Counters; fields of other programs are kept.
    pub metrics: Map<String, Value>,
}

/// Somebody's word that a role, or all of them, claim nothing until it is taken back. What runs goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pause {
    /// The role; none means all of them.
    pub role: Option<Role>,
    /// Since when.
    pub since: Timestamp,
    /// Who wanted it.
    pub by: Party,
    /// Why.
    pub reason: String,
}

impl Pause {
    /// Whether it keeps this role from claiming.
    pub fn stops(&self, role: Role) -> bool {
        self.role.is_none_or(|paused| paused == role)
    }
}

/// How a run ended, as the metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// With a result.
    Completed,
    /// For good, without a result.
    Failed,
    /// To be tried again.
    Retried,
    /// Waiting for somebody.
    Blocked,
}

/// What a run used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Cost {
    /// Tokens sent to a model.
    #[serde(default)]
    pub tokens_in: u64,
    /// Tokens received from a model.
    #[serde(default)]
    pub tokens_out: u64,
    /// Money in US dollars.
    #[serde(default)]
    pub usd: f64,
    /// Wall-clock milliseconds.
    #[serde(default)]
    pub wall_ms: u64,
    /// Processor milliseconds of sandboxed commands.
    #[serde(default)]
    pub cpu_ms: u64,
}

impl Cost {
    /// The sum of two costs.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            tokens_in: self.tokens_in + other.tokens_in,
            tokens_out: self.tokens_out + other.tokens_out,
            usd: self.usd + other.usd,
            wall_ms: self.wall_ms + other.wall_ms,
            cpu_ms: self.cpu_ms + other.cpu_ms,
        }
    }
}

/// One run as the metrics count it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// How it ended.
    pub end: RunEnd,
    /// How long it took.
    pub took: SignedDuration,
    /// What it used.
    pub cost: Cost,
}

/// What a command changes in the state row of a role. It does not name what the row holds, so that a store can add up many
/// of them before it writes the row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgentChange {
    /// The role.
    pub role: Role,
    /// When it was active, if this is an act of its worker.
    pub last_active: Option<Timestamp>,
    /// A task that it works on from now on.
    pub current_task: Option<TaskId>,
    /// What it does from now on.
    pub status: AgentStatus,
    /// A run that ended.
    pub run: Option<Run>,
}

impl AgentState {
    /// The state of a role that has done nothing yet.
    pub fn new(role: Role) -> Self {
        Self { role, last_active: None, current_task: None, status: AgentStatus::Idle, metrics: Map::new() }
    }

    /// Takes a change over, all but the run that it counts.
    pub fn follow(&mut self, change: &AgentChange) {
        self.last_active = change.last_active.or(self.last_active);
        self.current_task = change.current_task;
        self.status = change.status;
    }
}

/// Runs whose times are kept, so that the slowest of them can be told.
const RECENT: usize = 64;

/// Adds runs to the counters: totals, success rate (0 to 1), mean run time, and the time in milliseconds that 95 of
/// 100 recent runs kept to.
pub fn count_runs(metrics: &mut Map<String, Value>, counted: &[Run]) {
    if counted.is_empty() {
        return;
    }
    for (field, end) in [
        ("completed", RunEnd::Completed),
        ("failed", RunEnd::Failed),
        ("retried", RunEnd::Retried),
        ("blocked", RunEnd::Blocked),
    ] {
        let ended = counted.iter().filter(|run| run.end == end).count();
        if ended > 0 {
            add(metrics, field, u64::try_from(ended).unwrap_or(u64::MAX));
        }
    }
    let sum = |of: &dyn Fn(&Run) -> u64| counted.iter().map(of).fold(0, u64::saturating_add);
    let runs = add(metrics, "runs", u64::try_from(counted.len()).unwrap_or(u64::MAX));
    let total = add(metrics, "total_run_ms", sum(&took_ms));
    add(metrics, "tokens_in", sum(&|run| run.cost.tokens_in));
    add(metrics, "tokens_out", sum(&|run| run.cost.tokens_out));
    metrics.insert("avg_task_ms".into(), json!(total / runs.max(1)));
    count_times(metrics, counted);
    let completed = metrics.get("completed").and_then(Value::as_u64).unwrap_or(0);
    let ended = completed + metrics.get("failed").and_then(Value::as_u64).unwrap_or(0);
    if ended > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        metrics.insert("success_rate".into(), json!(completed as f64 / ended as f64));
    }
}

fn took_ms(run: &Run) -> u64 {
    u64::try_from(run.took.as_millis()).unwrap_or(0)
}

fn count_times(metrics: &mut Map<String, Value>, counted: &[Run]) {
    let kept = metrics.get("recent_ms").and_then(Value::as_array);
    let mut recent: Vec<u64> = kept.into_iter().flatten().filter_map(Value::as_u64).collect();
    recent.extend(counted.iter().map(took_ms));
    recent.drain(..recent.len().saturating_sub(RECENT));
    let mut sorted = recent.clone();
    sorted.sort_unstable();
    let rank = (sorted.len() * 95).div_ceil(100);
    metrics.insert("p95_task_ms".into(), json!(sorted.get(rank.saturating_sub(1))));
    metrics.insert("recent_ms".into(), json!(recent));
}

fn add(metrics: &mut Map<String, Value>, field: &str, amount: u64) -> u64 {
    let sum = metrics.get(field).and_then(Value::as_u64).unwrap_or(0).saturating_add(amount);
    metrics.insert(field.to_owned(), json!(sum));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_tell_the_rate_the_mean_and_the_slow_among_recent_runs() {
        let mut metrics = Map::new();
        let runs: Vec<Run> = (1..=100)
            .map(|took| Run {
                end: if took % 4 == 0 { RunEnd::Failed } else { RunEnd::Completed },
                took: SignedDuration::from_millis(took),
                cost: Cost::default(),
            })
            .collect();
        for run in &runs {
            count_runs(&mut metrics, &[*run]);
        }
        let mut at_once = Map::new();
        count_runs(&mut at_once, &runs);
        assert_eq!(metrics, at_once);
        // The last 64 runs took 37 to 100 ms; 61 of them at most 97.
        let told = ["runs", "success_rate", "avg_task_ms", "p95_task_ms"].map(|field| metrics[field].clone());
        assert_eq!(told, [json!(100), json!(0.75), json!(50), json!(97)]);
        assert_eq!(metrics["recent_ms"].as_array().map(Vec::len), Some(RECENT));
    }
}
