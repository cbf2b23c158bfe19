//! `status`: the crew at a glance.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use groundcrew_core::agent::{AgentState, Pause};
use groundcrew_core::contract::task_type::{CHECK_HEALTH, WATCH_INCIDENTS};
use groundcrew_core::contract::{Burst, CheckHealthResult, HealthCheck, WatchIncidentsResult};
use groundcrew_core::incident::Hidden;
use groundcrew_core::limit::Limit;
use groundcrew_core::role::Role;
use groundcrew_core::task::{ProjectId, Status, Task};
use groundcrew_core::template::{Notice, Template};
use groundcrew_crew::losses::{Lost, lost};
use groundcrew_store::{Access, Count, Project, Store, TaskFilter, TemplateFilter, Worker};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::commands::agents::{self, metric};
use crate::commands::limits;
use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::StatusOptions;
use crate::output::Style;
use crate::signals::Signals;
use crate::table::Table;

/// Longest wait between two looks while watching.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Tasks of the monitor among which its latest findings are looked for.
const LATEST: u32 = 100;

/// Longest text about a burst or a check, in characters.
const TITLE: usize = 80;

/// The crew at a glance.
#[derive(Debug, PartialEq, Serialize)]
struct Glance {
    inbox: usize,
    agents: Vec<AgentState>,
    pauses: Vec<Pause>,
    /// Limits in force, with what is used of them.
    limits: Vec<Limit>,
    queue: Vec<Count>,
    incidents: BTreeMap<&'static str, u64>,
    /// Errors that come much more often than they used to, as of the last look.
    bursts: Vec<Burst>,
    /// Kinds of lines that were told of within a day.
    lines: Vec<Template>,
    /// What the last check of the services and of the crew itself found.
    health: Vec<HealthCheck>,
    /// What was lost of logs lately before it could be read.
    lost: Vec<Lost>,
    /// Errors that the user's rules hide.
    hidden: Vec<Hidden>,
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
        return at.out.record("status", glance);
    }
    at.out.next_picture()?;
    print(at, glance)
}

fn glance(at: &Invocation, store: &dyn Store) -> Result<Glance, Failure> {
    let project = at.project(store)?.map(|project| project.id);
    let incidents = store.incident_counts(project)?;
    Ok(Glance {
        inbox: store.inbox()?.len(),
        agents: store.agents()?,
        pauses: store.pauses()?,
        limits: store.limits()?,
        queue: store.counts()?,
        incidents: incidents.into_iter().map(|(status, count)| (status.as_str(), count)).collect(),
        bursts: bursts(store, project)?,
        lines: lines(store, project)?,
        health: health(store)?,
        lost: lost_of(at, store)?,
        hidden: hidden_of(at, store)?,
        workers: store.workers()?,
        projects: at.projects(store)?,
    })
}

fn lost_of(at: &Invocation, store: &dyn Store) -> Result<Vec<Lost>, Failure> {
    let now = store.now()?;
    let mut all = Vec::new();
    for project in at.projects(store)? {
        all.extend(lost(store, project.id, now)?);
    }
    Ok(all)
}

/// What rules of the user's hid of each project that is wanted.
fn hidden_of(at: &Invocation, store: &dyn Store) -> Result<Vec<Hidden>, Failure> {
    let mut all = Vec::new();
    for project in at.projects(store)? {
        all.extend(store.hidden(project.id)?);
    }
    Ok(all)
}

/// One sentence about what a rule hid.
pub(super) fn told_hidden(hidden: &Hidden) -> String {
    format!(
        "{} hid {} errors, {} to {}",
        escape::brief(&hidden.rule, TITLE),
        hidden.count,
        moment(hidden.first),
        moment(hidden.last)
    )
}

/// The errors that burst when each project was last looked at.
fn bursts(store: &dyn Store, only: Option<ProjectId>) -> Result<Vec<Burst>, Failure> {
    let mut seen = BTreeSet::new();
    let mut bursts = Vec::new();
    for task in latest(store, only)?.iter().filter(|task| task.task_type == WATCH_INCIDENTS) {
        let Some(found) = &task.result else { continue };
        if seen.insert(task.project)
            && let Ok(found) = serde_json::from_value::<WatchIncidentsResult>(found.clone())
        {
            bursts.extend(found.bursts);
        }
    }
    Ok(bursts)
}

/// The kinds of lines that were told of within a day, by the database's clock.
fn lines(store: &dyn Store, project: Option<ProjectId>) -> Result<Vec<Template>, Failure> {
    let filter = TemplateFilter { project, noticed: true, limit: Some(LATEST), ..TemplateFilter::default() };
    let day_ago = store.now()?.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
    let mut found = store.templates(&filter)?;
    found.retain(|kind| kind.noticed_at.is_some_and(|at| at >= day_ago));
    Ok(found)
}

/// What was found when the health was last checked.
fn health(store: &dyn Store) -> Result<Vec<HealthCheck>, Failure> {
    let tasks = latest(store, None)?;
    let results =
        tasks.iter().filter(|task| task.task_type == CHECK_HEALTH).filter_map(|task| task.result.clone());
    let mut found = results.filter_map(|found| serde_json::from_value::<CheckHealthResult>(found).ok());
    Ok(found.next().map(|found| found.checks).unwrap_or_default())
}

/// The latest finished tasks of the monitor, newest first.
fn latest(store: &dyn Store, project: Option<ProjectId>) -> Result<Vec<Task>, Failure> {
    Ok(store.tasks(&TaskFilter {
        role: Some(Role::Monitor),
        status: Some(Status::Completed),
        project,
        limit: Some(LATEST),
        ..TaskFilter::default()
    })?)
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
    at.out.lines(agents::pause_lines(&glance.pauses, at.shown_now()))?;
    at.out.lines(limits::lines(&glance.limits, &glance.projects, at.shown_now()))?;
    at.out.line("")?;
    let mut rest = Table::bare();
    rest.row(["incidents".into(), counted(glance.incidents.iter().map(|(status, count)| (*status, *count)))]);
    rest.row(["bursts".into(), burst_line(&glance.bursts)]);
    rest.row(["lines".into(), lines_line(at, &glance.lines)]);
    rest.row(["health".into(), health_line(&glance.health)]);
    for lost in &glance.lost {
        rest.row(["lost".into(), escape::line(&lost.told())]);
    }
    for hidden in &glance.hidden {
        rest.row(["hidden".into(), told_hidden(hidden)]);
    }
    rest.row(["projects".into(), projects(&glance.projects)]);
    rest.row(["workers".into(), workers(&glance.workers)]);
    at.out.lines(rest.lines())
}

fn burst_line(bursts: &[Burst]) -> String {
    let told = |burst: &Burst| {
        format!("incident {} ({} times): {}", burst.incident, burst.count, escape::brief(&burst.title, TITLE))
    };
    if bursts.is_empty() { "-".to_owned() } else { bursts.iter().map(told).collect::<Vec<_>>().join("; ") }
}

fn lines_line(at: &Invocation, lines: &[Template]) -> String {
    let count = |notice| lines.iter().filter(|kind| kind.notice == Some(notice)).count();
    let told: Vec<String> = [(Notice::New, "new"), (Notice::Surge, "surging"), (Notice::Gone, "gone")]
        .into_iter()
        .map(|(notice, word)| (count(notice), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if told.is_empty() {
        return "-".to_owned();
    }
    format!("{} within a day: {}", told.join(", "), at.command("logs templates --noticed"))
}

fn health_line(checks: &[HealthCheck]) -> String {
    let troubles = checks.iter().filter(|check| check.status != "ok");
    let told: Vec<String> = troubles
        .map(|check| {
            let (name, detail) = (escape::brief(&check.name, TITLE), escape::brief(&check.detail, TITLE));
            format!("{name} {}: {detail}", escape::brief(&check.status, TITLE))
        })
        .collect();
    match (checks.len(), told.is_empty()) {
        (0, _) => "not checked yet".to_owned(),
        (count, true) => format!("ok, {count} checks"),
        (_, false) => told.join("; "),
    }
}

fn agent_lines(at: &Invocation, glance: &Glance) -> Vec<String> {
    let mut table = Table::new(["agent", "status", "task", "done", "failed", "avg", "queue"]);
    for agent in &glance.agents {
        let queue = glance.queue.iter().filter(|count| count.role == agent.role && !count.status.is_final());
        table.row([
            agent.role.to_string(),
            agents::status(agent, &glance.pauses),
            agent.current_task.map_or_else(|| "-".to_owned(), |task| format!("#{task}")),
            metric(agent, "completed").to_string(),
            metric(agent, "failed").to_string(),
            agents::average(agent),
            counted(queue.map(|count| (count.status.as_str(), count.tasks))),
        ]);
    }
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = at.out.paint(Style::Dim, head);
    }
    lines
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
