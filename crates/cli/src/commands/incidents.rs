//! `incidents`: what is wrong in the services, what became of it, and what the person decides about it.

use groundcrew_core::contract::{Owner, StopAt};
use groundcrew_core::incident::{Incident, IncidentWish, ReleaseCount};
use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_core::task::IncidentId;
use groundcrew_store::{Access, IncidentFilter, Store, StoreError, TaskFilter};
use serde::Serialize;
use serde_json::json;

use crate::commands::tasks;
use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::judgement;
use crate::live::moment;
use crate::options::{IncidentAction, Incidents};
use crate::output::{Output, Style};
use crate::settling::no_such_incident;
use crate::table::Table;

/// Longest title in a list, in characters.
const TITLE: usize = 100;

/// Releases of an incident that are shown.
const RELEASES: usize = 6;

/// Lists incidents, shows one, or decides about one.
pub(super) fn run(options: &Incidents, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        Some(IncidentAction::Show { id }) => show(*id, at),
        Some(IncidentAction::Ignore { id, reason }) => decide(
            *id,
            IncidentWish::Ignore { reason: reason.clone(), until: None },
            "is ignored from now on",
            at,
        ),
        Some(IncidentAction::Reopen { id, reason }) => {
            decide(*id, IncidentWish::Reopen { reason: reason.clone() }, "goes to triage again", at)
        }
        Some(IncidentAction::Merge { id, into }) => {
            let told = format!("is the same as incident {into} from now on");
            decide(*id, IncidentWish::MergeInto(IncidentId(*into)), &told, at)
        }
        Some(IncidentAction::Split { id }) => decide(*id, IncidentWish::Split, "stands for itself again", at),
        None => list(options, at),
    }
}

/// Carries out what the person wants of an incident.
fn decide(id: i64, wish: IncidentWish, told: &str, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    let named = match &wish {
        IncidentWish::MergeInto(other) => [Some(IncidentId(id)), Some(*other)],
        IncidentWish::Ignore { .. } | IncidentWish::Reopen { .. } | IncidentWish::Split => {
            [Some(IncidentId(id)), None]
        }
    };
    for named in named.into_iter().flatten() {
        if store.incident(named)?.is_none() {
            return Err(no_such_incident(at, named.0));
        }
    }
    let receipt = store.execute(Command::Incident { incident: IncidentId(id), by: Party::User, wish })?;
    if at.out.is_json() {
        let incident = store.incident(IncidentId(id))?;
        at.out.document(&json!({ "incident": incident, "created": receipt.inserted }))?;
        return Ok(Done::Clean);
    }
    let tasks: Vec<String> = receipt.inserted.iter().map(|task| format!("; task {task}")).collect();
    at.out.line(format!("incident {id} {told}{}", tasks.concat()))?;
    Ok(Done::Clean)
}

fn list(options: &Incidents, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let found = store.incidents(&IncidentFilter {
        merged: false,
        project: at.project(store.as_ref())?.map(|project| project.id),
        status: options.status,
        fingerprint: None,
        limit: Some(options.limit),
    })?;
    let rows = Row::all(store.as_ref(), found)?;
    if at.out.is_json() {
        at.out.document(&json!({ "incidents": rows }))?;
    } else if rows.is_empty() {
        at.out.line("no incidents")?;
    } else {
        at.out.lines(lines(&at.out, &rows))?;
    }
    Ok(Done::Clean)
}

/// An incident with what triage last said about it.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    incident: Incident,
    /// 1 to 10, once it is classified.
    priority: Option<u8>,
    /// Who looks after the code.
    owner: Option<Owner>,
    /// How far the crew may go by itself.
    stop_at: Option<StopAt>,
}

impl Row {
    /// The rows of incidents.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn all(store: &dyn Store, incidents: Vec<Incident>) -> Result<Vec<Self>, StoreError> {
        let ids: Vec<IncidentId> = incidents.iter().map(|incident| incident.id).collect();
        let mut judged = judgement::latest(store, &ids)?;
        let row = |incident: Incident| {
            let found = judged.remove(&incident.id);
            Self {
                priority: found.as_ref().map(|found| found.priority),
                stop_at: found.as_ref().map(|found| found.stop_at),
                owner: found.and_then(|found| found.owner),
                incident,
            }
        };
        Ok(incidents.into_iter().map(row).collect())
    }
}

/// Incidents for people: one line each, and why it stands where it stands.
pub(crate) fn lines(out: &Output, incidents: &[Row]) -> Vec<String> {
    let mut table = Table::new(["id", "prio", "status", "seen", "category", "severity", "owner", "title"]);
    for Row { incident, priority, owner, stop_at: _ } in incidents {
        table.row([
            incident.id.to_string(),
            priority.map_or_else(|| "-".to_owned(), |priority| priority.to_string()),
            status(incident),
            incident.occurrences.to_string(),
            incident.category.map_or_else(|| "-".to_owned(), |category| category.to_string()),
            incident.severity.map_or_else(|| "-".to_owned(), |severity| severity.to_string()),
            owner.as_ref().map_or_else(|| "-".to_owned(), |owner| escape::brief(&owner.name, 24)),
            escape::brief(&incident.title, TITLE),
        ]);
    }
    let mut rows = table.lines().into_iter();
    let mut lines: Vec<String> = rows.next().map(|head| out.paint(Style::Dim, &head)).into_iter().collect();
    for (line, row) in rows.zip(incidents) {
        lines.push(line);
        if let Some(reason) = &row.incident.reason {
            lines.push(out.paint(Style::Dim, &format!("      {}", escape::brief(reason, 2 * TITLE))));
        }
    }
    lines
}

/// Where an incident stands; one that is merged into another stands there.
fn status(incident: &Incident) -> String {
    match incident.merged_into {
        Some(other) => format!("merged into {other}"),
        None => incident.status.to_string(),
    }
}

fn show(id: i64, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let incident = store.incident(IncidentId(id))?.ok_or_else(|| no_such_incident(at, id))?;
    let releases = store.incident_releases(incident.id)?;
    let judged = judgement::latest(store.as_ref(), &[incident.id])?.remove(&incident.id);
    let mut about = store.tasks(&TaskFilter { incident: Some(incident.id), ..TaskFilter::default() })?;
    about.reverse();
    if at.out.is_json() {
        at.out.document(
            &json!({ "incident": incident, "classification": judged, "releases": releases, "tasks": about }),
        )?;
        return Ok(Done::Clean);
    }
    at.out.line(at.out.paint(Style::Strong, &format!("incident {id}: {}", escape::line(&incident.title))))?;
    at.out.lines(facts(&incident, &releases))?;
    if let Some(judged) = judged {
        at.out.line("what triage decided")?;
        at.out.lines(judgement::lines(&judged).into_iter().map(|line| format!("  {line}")))?;
    }
    if !about.is_empty() {
        at.out.line("tasks")?;
        at.out.lines(tasks::lines(&at.out, &about).into_iter().map(|line| format!("  {line}")))?;
    }
    at.out.line("sample (untrusted log text)")?;
    at.out.lines(incident.sample.text.lines().map(|line| format!("  {}", escape::lines(line))))?;
    Ok(Done::Clean)
}

/// The releases that an error was seen in, the one that it began in first.
fn told_releases(releases: &[ReleaseCount]) -> String {
    let told = |of: &ReleaseCount| format!("{} ({} times)", escape::brief(&of.release, 60), of.count);
    let shown: Vec<String> = releases.iter().take(RELEASES).map(told).collect();
    let more = releases.len().saturating_sub(RELEASES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("first in {}{more}", shown.join(", then "))
}

fn facts(incident: &Incident, releases: &[ReleaseCount]) -> Vec<String> {
    let word = |word: Option<String>| word.unwrap_or_else(|| "-".to_owned());
    let mut table = Table::bare();
    table.row(["status".into(), status(incident)]);
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
    if let Some(released) = incident.released_at {
        table.row(["released".into(), moment(released)]);
    }
    if !releases.is_empty() {
        table.row(["releases".into(), told_releases(releases)]);
    }
    table.row(["fingerprint".into(), escape::line(&incident.fingerprint)]);
    table.lines()
}
