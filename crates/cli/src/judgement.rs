//! What triage decided about an incident, for people.

use std::collections::BTreeMap;

use groundcrew_core::contract::task_type::CLASSIFY_ERROR;
use groundcrew_core::contract::{Classification, Dossier};
use groundcrew_core::task::{IncidentId, Task};
use groundcrew_store::{Store, StoreError};
use serde_json::Value;

use crate::escape;
use crate::table::Table;

/// Longest text of a fact, in characters.
const LONGEST: usize = 300;

/// The latest judgement on each of some incidents; those that triage has not judged yet are left out.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn latest(
    store: &dyn Store,
    incidents: &[IncidentId],
) -> Result<BTreeMap<IncidentId, Classification>, StoreError> {
    let judged = |task: Task| Some((task.incident?, in_value(task.result.as_ref()?)?));
    Ok(store.latest_of(incidents, CLASSIFY_ERROR)?.into_iter().filter_map(judged).collect())
}

/// The judgement that a task made, or that it was given.
pub(crate) fn of(task: &Task) -> Option<Classification> {
    let given = || {
        let dossier: Dossier = serde_json::from_value(task.context.get("dossier")?.clone()).ok()?;
        dossier.classification
    };
    task.result.as_ref().and_then(in_value).or_else(given)
}

fn in_value(result: &Value) -> Option<Classification> {
    serde_json::from_value(result.get("classification")?.clone()).ok()
}

/// The judgement, one fact per line.
pub(crate) fn lines(found: &Classification) -> Vec<String> {
    let mut table = Table::bare();
    let mut fact = |name: &str, value: String| table.row([name.to_owned(), value]);
    let text = |text: &str| escape::brief(text, LONGEST);
    fact("what", format!("{}, {}, priority {}", found.category, found.severity, found.priority));
    fact("goes to", format!("{}: {}", found.route, text(&found.reason)));
    fact("crew may go to", found.stop_at.to_string());
    if let Some(reason) = &found.not_fixable_reason {
        fact("not fixable", text(reason));
    }
    if let Some(owner) = &found.owner {
        fact("owner", format!("{} ({}, by {})", text(&owner.name), owner.kind, owner.source));
    }
    if let Some(other) = found.duplicate_of {
        fact("same as", format!("incident {other}"));
    }
    if let Some(frame) = &found.in_app_frame {
        let line = frame.line.map_or_else(String::new, |line| format!(":{line}"));
        let function =
            frame.function.as_deref().map_or_else(String::new, |name| format!(" in {}", text(name)));
        fact("where", format!("{}{line}{function}", text(frame.file.as_deref().unwrap_or("?"))));
    }
    for suspect in &found.suspects {
        let sha = suspect.sha.get(..10).unwrap_or(&suspect.sha);
        fact("suspect", format!("{} {} ({})", text(sha), text(&suspect.subject), text(&suspect.evidence)));
        if !suspect.facts.is_empty() {
            fact("", format!("  {}", text(&suspect.facts.join("; "))));
        }
    }
    if !found.suspects.is_empty() {
        fact("", "  by blame; triage runs no code, so bisecting is left to the fix".to_owned());
    }
    if let Some(hint) = &found.repro_hint {
        fact("to reproduce", text(hint));
    }
    match (&found.began, &found.release) {
        (Some(began), _) => fact("release", text(&began.detail)),
        (None, Some(release)) => fact("release", text(release)),
        (None, None) => {}
    }
    if let Some(environment) = &found.environment {
        fact("environment", text(environment));
    }
    table.lines()
}
