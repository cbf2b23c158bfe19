//! `incidents`: what is wrong in the services, and what became of it.

use groundcrew_core::incident::Incident;
use groundcrew_core::task::IncidentId;
use groundcrew_store::{Access, IncidentFilter, TaskFilter};
use serde_json::json;

use crate::commands::tasks;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::{IncidentAction, Incidents};
use crate::output::{Output, Style};
use crate::table::Table;

/// Longest title in a list, in characters.
const TITLE: usize = 100;

/// Lists incidents, or shows one.
pub(super) fn run(options: &Incidents, at: &Invocation) -> Result<Done, Failure> {
    match options.action {
        Some(IncidentAction::Show { id }) => show(id, at),
        None => list(options, at),
    }
}

fn list(options: &Incidents, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let found = store.incidents(&IncidentFilter {
        project: at.project(store.as_ref())?.map(|project| project.id),
        status: options.status,
        fingerprint: None,
        limit: Some(options.limit),
    })?;
    if at.out.is_json() {
        at.out.document(&json!({ "incidents": found }))?;
    } else if found.is_empty() {
        at.out.line("no incidents")?;
    } else {
        at.out.lines(lines(&at.out, &found))?;
    }
    Ok(Done::Clean)
}

/// Incidents for people: one line each, and why it stands where it stands.
pub(crate) fn lines(out: &Output, incidents: &[Incident]) -> Vec<String> {
    let mut table = Table::new(["id", "status", "seen", "category", "severity", "title"]);
    for incident in incidents {
        table.row([
            incident.id.to_string(),
            incident.status.to_string(),
            incident.occurrences.to_string(),
            incident.category.map_or_else(|| "-".to_owned(), |category| category.to_string()),
            incident.severity.map_or_else(|| "-".to_owned(), |severity| severity.to_string()),
            escape::brief(&incident.title, TITLE),
        ]);
    }
    let mut rows = table.lines().into_iter();
    let mut lines: Vec<String> = rows.next().map(|head| out.paint(Style::Dim, &head)).into_iter().collect();
    for (row, incident) in rows.zip(incidents) {
        lines.push(row);
        if let Some(reason) = &incident.reason {
            lines.push(out.paint(Style::Dim, &format!("      {}", escape::brief(reason, 2 * TITLE))));
        }
    }
    lines
}

fn show(id: i64, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let incident = store
        .incident(IncidentId(id))?
        .ok_or_else(|| Failure::new(Kind::NotFound, format!("there is no incident {id}")))?;
    let mut about = store.tasks(&TaskFilter { incident: Some(incident.id), ..TaskFilter::default() })?;
    about.reverse();
    if at.out.is_json() {
        at.out.document(&json!({ "incident": incident, "tasks": about }))?;
        return Ok(Done::Clean);
    }
    at.out.line(at.out.paint(Style::Strong, &format!("incident {id}: {}", escape::line(&incident.title))))?;
    at.out.lines(facts(&incident))?;
    if !about.is_empty() {
        at.out.line("tasks")?;
        at.out.lines(tasks::lines(&at.out, &about).into_iter().map(|line| format!("  {line}")))?;
    }
    at.out.line("sample (untrusted log text)")?;
    at.out.lines(incident.sample.text.lines().map(|line| format!("  {}", escape::lines(line))))?;
    Ok(Done::Clean)
}

fn facts(incident: &Incident) -> Vec<String> {
    let word = |word: Option<String>| word.unwrap_or_else(|| "-".to_owned());
    let mut table = Table::bare();
    table.row(["status".into(), incident.status.to_string()]);
    table.row(["reason".into(), word(incident.reason.as_deref().map(escape::line))]);
    table.row(["category".into(), word(incident.category.map(|category| category.to_string()))]);
    table.row(["severity".into(), word(incident.severity.map(|severity| severity.to_string()))]);
    table.row([
        "seen".into(),
        format!(
            "{} times, {} to {}",
            incident.occurrences,
            moment(incident.first_seen),
            moment(incident.last_seen)
        ),
    ]);
    table.row(["source".into(), escape::line(&incident.sample.source)]);
    table.row(["branch".into(), word(incident.branch.as_deref().map(escape::line))]);
    table.row(["fingerprint".into(), escape::line(&incident.fingerprint)]);
    table.lines()
}
