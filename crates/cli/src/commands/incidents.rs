//! `incidents`: what is wrong in the services, what became of it, and what the person decides about it.

use groundcrew_core::contract::{Owner, StopAt};
use groundcrew_core::incident::{Ignored, Incident, IncidentWish, ReleaseCount, Until};
use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_core::task::IncidentId;
use groundcrew_crew::config::Span;
use groundcrew_store::{Access, IncidentFilter, Store, StoreError, TaskFilter};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::json;

use crate::commands::tasks;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::judgement;
use crate::live::moment;
use crate::options::{IncidentAction, Incidents};
use crate::output::{Output, Style};
use crate::settling::no_such_incident;
use crate::table::Table;

/// Incidents that are named as similar.
const SIMILAR: u32 = 5;

/// Longest title in a list, in characters.
const TITLE: usize = 100;

/// Releases of an incident that are shown.
const RELEASES: usize = 6;

/// Lists incidents, shows one, or decides about one.
pub(super) fn run(options: &Incidents, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        Some(IncidentAction::Show { id }) => show(*id, at),
        Some(IncidentAction::Ignore { id, until, reason }) => {
            let wish = IncidentWish::Ignore { reason: reason.clone(), until: *until };
            decide(*id, wish, &format!("is ignored {}", told_until(*until)), at)
        }
        Some(IncidentAction::Reopen { id, reason }) => {
            decide(*id, IncidentWish::Reopen { reason: reason.clone() }, "goes to triage again", at)
        }
        Some(IncidentAction::Merge { ids, into }) => merge(ids, *into, at),
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

fn told_until(until: Option<Until>) -> String {
    match until {
        None => "from now on".to_owned(),
        Some(Until::At(time)) => format!("until {}", moment(time)),
        Some(Until::For(length)) => format!("for {}", humane(length)),
        Some(Until::More(1)) => "until it has occurred once more".to_owned(),
        Some(Until::More(more)) => format!("until it has occurred {more} times more"),
        Some(Until::Released) => "until it happens in another release".to_owned(),
    }
}

/// A length of time as it is written in settings.
fn humane(length: SignedDuration) -> String {
    String::from(Span::seconds(length.unsigned_abs().as_secs()))
}

/// Merges incidents into one of them, all or, where one cannot be, none of those after it.
fn merge(ids: &[i64], into: Option<i64>, at: &Invocation) -> Result<Done, Failure> {
    let target = into.unwrap_or(ids[0]);
    let mut others: Vec<i64> = ids.iter().copied().filter(|id| into.is_some() || *id != target).collect();
    others.dedup();
    if others.is_empty() {
        let hint = at.command(&format!("incidents --like {target}"));
        return Err(Failure::new(
            Kind::Usage,
            format!("incident {target} alone cannot be merged: name the others"),
        )
        .hint(hint));
    }
    if let [id] = others[..] {
        let told = format!("is the same as incident {target} from now on");
        return decide(id, IncidentWish::MergeInto(IncidentId(target)), &told, at);
    }
    let store = at.open(Access::Existing)?;
    for id in others.iter().chain([&target]) {
        if store.incident(IncidentId(*id))?.is_none() {
            return Err(no_such_incident(at, *id));
        }
    }
    for id in &others {
        let wish = IncidentWish::MergeInto(IncidentId(target));
        store.execute(Command::Incident { incident: IncidentId(*id), by: Party::User, wish })?;
        if !at.out.is_json() {
            at.out.line(format!("incident {id} is the same as incident {target} from now on"))?;
        }
    }
    if at.out.is_json() {
        let incident = store.incident(IncidentId(target))?;
        at.out.document(&json!({ "incident": incident, "merged": others }))?;
    }
    Ok(Done::Clean)
}

/// The incidents that are wanted.
fn wanted(options: &Incidents, store: &dyn Store, at: &Invocation) -> Result<Vec<Incident>, Failure> {
    if let Some(id) = options.like {
        let incident = store.incident(IncidentId(id))?.ok_or_else(|| no_such_incident(at, id))?;
        return Ok(store.similar(&incident, options.limit)?);
    }
    Ok(store.incidents(&IncidentFilter {
        merged: options.merged,
        project: at.project(store)?.map(|project| project.id),
        status: options.status,
        fingerprint: None,
        limit: Some(options.limit),
    })?)
}

fn list(options: &Incidents, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let found = wanted(options, store.as_ref(), at)?;
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
    let similar = store.similar(&incident, SIMILAR)?;
    let judged = judgement::latest(store.as_ref(), &[incident.id])?.remove(&incident.id);
    let mut about = store.tasks(&TaskFilter { incident: Some(incident.id), ..TaskFilter::default() })?;
    about.reverse();
    if at.out.is_json() {
        at.out.document(
            &json!({ "incident": incident, "classification": judged, "releases": releases, "tasks": about,
                "similar": similar.iter().map(|other| json!({ "id": other.id, "status": other.status, "title": other.title })).collect::<Vec<_>>() }),
        )?;
        return Ok(Done::Clean);
    }
    at.out.line(at.out.paint(Style::Strong, &format!("incident {id}: {}", escape::line(&incident.title))))?;
    at.out.lines(facts(&incident, &releases))?;
    if let Some(oldest) =
        similar.iter().map(|other| other.id).chain([incident.id]).min().filter(|_| !similar.is_empty())
    {
        let others =
            similar.iter().map(|other| other.id).chain([incident.id]).filter(|other| *other != oldest);
        let others: Vec<String> = others.map(|other| other.to_string()).collect();
        let command = at.command(&format!("incidents merge {oldest} {}", others.join(" ")));
        at.out.line(format!("similar to; if they are the same: {command}"))?;
        let told = |other: &Incident| {
            format!("  {} {}, {}", other.id, other.status, escape::brief(&other.title, TITLE))
        };
        at.out.lines(similar.iter().map(told))?;
    }
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
    if let Some(ignored) = &incident.ignored {
        table.row(["ignored".into(), told_ignored(ignored)]);
    }
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
    if let Some(rule) = &incident.rule {
        table.row(["by rule".into(), escape::brief(rule, TITLE)]);
    }
    table.lines()
}

fn told_ignored(ignored: &Ignored) -> String {
    match ignored {
        Ignored::Time { at } => format!("until {}", moment(*at)),
        Ignored::Count { occurrences } => format!("until it has occurred more than {occurrences} times"),
        Ignored::Release { known, .. } if known.is_empty() => "until its records name a release".to_owned(),
        Ignored::Release { known, .. } => {
            format!("until it happens in another release than {}", escape::line(&known.join(" and ")))
        }
    }
}
