//! Whether an error has the same root cause as one that is being worked already.
//!
//! The same exception in the same function and file of this repository is the same defect, though other callers or other
//! messages give it another fingerprint. Only the earlier incident is repaired; the later one names it. What merely has the
//! coarser key in common is named as evidence and changes nothing: whether it is the same is for a person to say.

use groundcrew_core::incident::{Incident, IncidentStatus};
use groundcrew_core::task::IncidentId;
use groundcrew_core::trace::Trace;

use super::scene::Place;
use crate::brain::rules::{short_name, telling};

/// Characters of a commit that are told.
const SHORT: usize = 10;

/// The earliest open incident with the same root cause.
pub(super) fn original<'a>(
    this: IncidentId,
    trace: &Trace,
    crash: &Place,
    known: &'a [Incident],
) -> Option<&'a Incident> {
    let exception = telling(trace).exception.as_deref().map(short_name)?;
    let same = known.iter().filter(|other| other.id < this && is_worked(other.status));
    same.filter(|other| {
        other.sample.trace.as_ref().is_some_and(|theirs| is_same(theirs, exception, telling(trace), crash))
    })
    .min_by_key(|other| other.id)
}

/// What is said of an incident that may be the same: its number, and what became of it.
pub(super) fn told(similar: &Incident) -> String {
    let fix = similar.fix_commit.as_deref().map(|commit| commit.get(..SHORT).unwrap_or(commit));
    match (similar.status, fix) {
        (IncidentStatus::Approved | IncidentStatus::Resolved, Some(fix)) => {
            format!("similar to incident {} (fixed in {fix})", similar.id)
        }
        (status, _) => format!("similar to incident {} ({status})", similar.id),
    }
}

/// Whether a fix of that incident is on its way, so that a second one would only get in its way.
fn is_worked(status: IncidentStatus) -> bool {
    match status {
        IncidentStatus::Fixing | IncidentStatus::FixReady | IncidentStatus::Approved => true,
        IncidentStatus::Baseline
        | IncidentStatus::New
        | IncidentStatus::Ignored
        | IncidentStatus::NeedsHuman
        | IncidentStatus::Declined
        | IncidentStatus::Resolved
        | IncidentStatus::Regressed => false,
    }
}

fn is_same(theirs: &Trace, exception: &str, ours: &Trace, crash: &Place) -> bool {
    let theirs = telling(theirs);
    let (Some(a), Some(b)) = (theirs.in_app_frame(), ours.in_app_frame()) else { return false };
    let same_statement = match (&a.source, &b.source) {
        (Some(a), Some(b)) => a.trim() == b.trim(),
        (_, _) => a.line.is_some() && a.line == b.line,
    };
    let place = a.file.as_deref().is_some_and(|file| file.replace('\\', "/").ends_with(&crash.file));
    theirs.exception.as_deref().map(short_name) == Some(exception)
        && a.function == b.function
        && (a.file == b.file || place)
        && same_statement
}
