//! `limits`: how many tasks run at once, and how many start within a time.

use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::limit::{Limit, NewLimit, Rate, Scope, Spent};
use groundcrew_core::role::Party;
use groundcrew_core::task::{Status, Task};
use groundcrew_crew::config::Span;
use groundcrew_crew::nearest::nearest;
use groundcrew_store::{Access, Project, Store, StoreError};
use jiff::Timestamp;
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::{LimitAction, LimitOf, Limits};
use crate::output::Style;
use crate::table::Table;

/// Lists limits, or changes one.
pub(super) fn run(options: &Limits, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        None => list(at),
        Some(LimitAction::Set { of, concurrency, rate }) => {
            set(at, of, *concurrency, rate.map(|rate| rate.0))
        }
        Some(LimitAction::Clear { of }) => clear(at, of),
    }
}

fn list(at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let limits = store.limits()?;
    if at.out.is_json() {
        at.out.document(&json!({ "limits": limits }))?;
    } else if limits.is_empty() {
        at.out.line("no limits")?;
    } else {
        let mut table = Table::new(["limit on", "at once", "running", "rate", "held back until"]);
        let (projects, now) = (store.projects()?, store.now()?);
        for limit in &limits {
            table.row(row(limit, &projects, now));
        }
        let mut lines = table.lines();
        if let Some(head) = lines.first_mut() {
            *head = at.out.paint(Style::Dim, head);
        }
        at.out.lines(lines)?;
    }
    Ok(Done::Clean)
}

fn row(limit: &Limit, projects: &[Project], now: Timestamp) -> [String; 5] {
    [
        named(&limit.scope, projects),
        limit.concurrency.map_or_else(|| "-".to_owned(), |most| most.to_string()),
        // What runs is counted only where it matters.
        limit.concurrency.map_or_else(|| "-".to_owned(), |_| limit.running.to_string()),
        limit.rate.map_or_else(|| "-".to_owned(), told),
        match limit.spent(now) {
            None => "-".to_owned(),
            Some(Spent::Concurrency) => "a running one ends".to_owned(),
            Some(Spent::Rate(end)) => moment(end),
        },
    ]
}

fn set(at: &Invocation, of: &LimitOf, concurrency: Option<u32>, rate: Option<Rate>) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    let scope = scope(at, store.as_ref(), of)?;
    let limit = NewLimit { scope: scope.clone(), concurrency, rate };
    store.execute(Command::SetLimit { limit, by: Party::User })?;
    if at.out.is_json() {
        at.out.document(&json!({ "limits": store.limits()? }))?;
        return Ok(Done::Clean);
    }
    let most = concurrency.map(|most| format!("at most {most} at once"));
    let starts = rate.map(|rate| format!("at most {}", told(rate)));
    let what: Vec<String> = most.into_iter().chain(starts).collect();
    let scope = named(&scope, &store.projects()?);
    at.out.line(format!("{scope}: {}", what.join(", ")))?;
    at.out.note("what runs already is finished; what is held back stays in the queue and starts by itself");
    Ok(Done::Clean)
}

fn clear(at: &Invocation, of: &LimitOf) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    let scope = scope(at, store.as_ref(), of)?;
    let name = named(&scope, &store.projects()?);
    match store.execute(Command::ClearLimit { scope: scope.clone(), by: Party::User }) {
        Err(StoreError::Refused(Refusal::NoSuchLimit(_))) => {
            return Err(Failure::new(Kind::NotFound, format!("there is no limit on {name}"))
                .hint(format!("`{}` lists them", at.command("limits"))));
        }
        done => done?,
    };
    if at.out.is_json() {
        at.out.document(&json!({ "cleared": scope }))?;
    } else {
        at.out.line(format!("{name}: no longer limited"))?;
    }
    Ok(Done::Clean)
}

/// The tasks that were named.
fn scope(at: &Invocation, store: &dyn Store, of: &LimitOf) -> Result<Scope, Failure> {
    if let Some(role) = of.role {
        return Ok(Scope::Role(role));
    }
    if let Some(task_type) = &of.task_type {
        return Ok(Scope::Type(task_type.clone()));
    }
    let name = of.project.as_deref().unwrap_or_default();
    if let Some(project) = store.project_named(name)? {
        return Ok(Scope::Project(project.id));
    }
    let known: Vec<String> = store.projects()?.into_iter().map(|project| project.name).collect();
    let failure = Failure::new(Kind::NotFound, format!("there is no project {name:?}"));
    Err(match nearest(name, &known) {
        Some(near) => failure.hint(format!("did you mean {near:?}?")),
        None => failure.hint(format!("`{}` lists them", at.command("status"))),
    })
}

/// A scope as people know it: a project by its name.
fn named(scope: &Scope, projects: &[Project]) -> String {
    let Scope::Project(id) = scope else { return escape::brief(&scope.to_string(), 60) };
    let name = projects.iter().find(|project| project.id == *id).map(|project| project.name.as_str());
    name.map_or_else(|| scope.to_string(), |name| format!("project {}", escape::brief(name, 40)))
}

fn told(rate: Rate) -> String {
    format!("{} starts in {}", rate.starts, String::from(Span::seconds(rate.per_s.into())))
}

/// What holds back a task that is ready, one line per limit.
pub(super) fn holding(store: &dyn Store, task: &Task) -> Result<Vec<String>, Failure> {
    if task.status != Status::Pending || task.run_at.is_some() {
        return Ok(Vec::new());
    }
    let mut limits = store.limits()?;
    limits.retain(|limit| limit.scope.covers(task));
    Ok(lines(&limits, &store.projects()?, store.now()?))
}

/// The limits that hold something back now, one per line.
pub(super) fn lines(limits: &[Limit], projects: &[Project], now: Timestamp) -> Vec<String> {
    let line = |limit: &Limit| {
        let scope = named(&limit.scope, projects);
        Some(match limit.spent(now)? {
            Spent::Concurrency => format!("the limit on {scope} is used up: {} run", limit.running),
            Spent::Rate(end) => {
                format!("the limit on {scope} is used up: {} started, next {}", limit.started, moment(end))
            }
        })
    };
    limits.iter().filter_map(line).collect()
}
