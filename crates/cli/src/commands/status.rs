//! `status`: the crew at a glance.

use std::collections::BTreeMap;
use std::time::Duration;

use groundcrew_core::agent::AgentState;
use groundcrew_store::{Access, Count, IncidentFilter, Project, Store, Worker};
use serde::Serialize;
use serde_json::Value;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::options::StatusOptions;
use crate::output::Style;
use crate::signals::Signals;
use crate::table::Table;

/// Longest wait between two looks while watching.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Incidents that are counted; more than that are told as such a number.
const MOST_INCIDENTS: u32 = 10_000;

/// The crew at a glance.
#[derive(Debug, PartialEq, Serialize)]
struct Glance {
    inbox: usize,
    agents: Vec<AgentState>,
    queue: Vec<Count>,
    incidents: BTreeMap<&'static str, u64>,
    workers: Vec<Worker>,
    projects: Vec<Project>,
}

/// Prints the crew at a glance, once or whenever it changes.
pub(super) fn run(options: &StatusOptions, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let mut last = glance(at, store.as_ref())?;
    if !options.watch {
        if at.out.is_json() {
            at.out.document(&last)?;
        } else {
            print(at, &last)?;
        }
        return Ok(Done::Clean);
    }
    let signals = Signals::watch()?;
    show(at, &last)?;
    let mut seen = 0;
    loop {
        if let Some(done) = signals.received() {
            return Ok(done);
        }
        seen = store.changes(seen, LOOK_EVERY);
        let now = glance(at, store.as_ref())?;
        if now != last {
            show(at, &now)?;
            last = now;
        }
    }
}

fn show(at: &Invocation, glance: &Glance) -> Result<(), Failure> {
    if at.out.is_json() {
        return at.out.record(glance);
    }
    at.out.next_picture()?;
    print(at, glance)
}

fn glance(at: &Invocation, store: &dyn Store) -> Result<Glance, Failure> {
    let project = at.project(store)?.map(|project| project.id);
    let filter = IncidentFilter { project, limit: Some(MOST_INCIDENTS), ..IncidentFilter::default() };
    let mut incidents = BTreeMap::new();
    for incident in store.incidents(&filter)? {
        *incidents.entry(incident.status.as_str()).or_default() += 1;
    }
    Ok(Glance {
        inbox: store.inbox()?.len(),
        agents: store.agents()?,
        queue: store.counts()?,
        incidents,
        workers: store.workers()?,
        projects: at.projects(store)?,
    })
}

fn print(at: &Invocation, glance: &Glance) -> Result<(), Failure> {
    let waits = match glance.inbox {
        0 => "nothing waits for you".to_owned(),
        1 => format!("1 thing waits for you: {}", at.command("inbox")),
        more => format!("{more} things wait for you: {}", at.command("inbox")),
    };
    at.out.line(at.out.paint(Style::Strong, &waits))?;
    at.out.line("")?;
    at.out.lines(agent_lines(at, glance))?;
    at.out.line("")?;
    let mut rest = Table::bare();
    rest.row(["incidents".into(), counted(glance.incidents.iter().map(|(status, count)| (*status, *count)))]);
    rest.row(["projects".into(), projects(&glance.projects)]);
    rest.row(["workers".into(), workers(&glance.workers)]);
    at.out.lines(rest.lines())
}

fn agent_lines(at: &Invocation, glance: &Glance) -> Vec<String> {
    let mut table = Table::new(["agent", "status", "task", "done", "failed", "avg", "queue"]);
    for agent in &glance.agents {
        let queue = glance.queue.iter().filter(|count| count.role == agent.role && !count.status.is_final());
        table.row([
            agent.role.to_string(),
            agent.status.to_string(),
            agent.current_task.map_or_else(|| "-".to_owned(), |task| format!("#{task}")),
            metric(agent, "completed").to_string(),
            metric(agent, "failed").to_string(),
            if metric(agent, "runs") == 0 { "-".to_owned() } else { seconds(metric(agent, "avg_task_ms")) },
            counted(queue.map(|count| (count.status.as_str(), count.tasks))),
        ]);
    }
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = at.out.paint(Style::Dim, head);
    }
    lines
}

fn metric(agent: &AgentState, name: &str) -> u64 {
    agent.metrics.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// Milliseconds as seconds with one decimal.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

fn counted<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let parts: Vec<String> = counts.map(|(name, count)| format!("{count} {name}")).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

fn projects(projects: &[Project]) -> String {
    let names: Vec<String> = projects.iter().map(|project| escape::line(&project.name)).collect();
    if names.is_empty() { "none; run `groundcrew init` in a repository".to_owned() } else { names.join(", ") }
}

fn workers(workers: &[Worker]) -> String {
    if workers.is_empty() {
        return "none; `groundcrew up` starts them".to_owned();
    }
    let mut places: BTreeMap<(String, u32), usize> = BTreeMap::new();
    for worker in workers {
        *places.entry((escape::line(&worker.host), worker.pid)).or_default() += 1;
    }
    let places: Vec<String> =
        places.into_iter().map(|((host, pid), count)| format!("{count} on {host} (process {pid})")).collect();
    places.join(", ")
}
