//! Which of several edits that pass is the likeliest to be right.
//!
//! Those that give the same for the calls of the tests and their neighbours speak for one another; one that raises or does not
//! end, or gives no number, where the others give something is worth less. The first call on which two differ is told.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::behaviour::{self, Known, Meant, plain, told};
use super::driver::Given;
use super::project::Project;
use crate::bench::{Bench, RepairError};
use crate::edit::{Edit, apply};
use crate::sought::{Differs, Found};

/// Edits that are weighed.
const WEIGHED: usize = 24;
/// Calls that are made with each.
const CALLS: usize = 160;
/// Wall clock of all of them.
const TIME: Duration = Duration::from_secs(12);

/// The edits, the likeliest first, with what tells them apart from the first.
pub(super) fn judge(
    bench: &Bench,
    checkout: &Path,
    project: &Project,
    mut found: Vec<Found>,
) -> Result<Vec<Found>, RepairError> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(WEIGHED);
    if found.len() < 2 {
        return Ok(found);
    }
    let texts: Vec<BTreeMap<String, String>> =
        found.iter().map(|one| text(project, one).unwrap_or_default()).collect();
    let is_changed = |one: &Known, file: &str| {
        let edits = found.iter().filter(|found| found.file == file).flat_map(|found| &found.edits);
        edits.map(|(start, ..)| *start).any(|at| one.start <= at && at < one.end)
    };
    let mut files: Vec<&str> = found.iter().map(|one| one.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let of_file: Vec<_> = files.iter().map(|file| move |one: &Known| is_changed(one, file)).collect();
    let meant = files.iter().zip(&of_file).filter_map(|(file, is_changed)| {
        Some(Meant { file, text: project.files.get(*file)?.source.text(), is_changed })
    });
    let meant: Vec<Meant<'_>> = meant.collect();
    let behaved = match behaviour::behave(bench, checkout, &project.program, &meant, &texts, (CALLS, TIME)) {
        // What cannot be called is not told apart.
        Err(RepairError::Driver { .. }) => return Ok(found),
        other => other?,
    };
    if behaved.calls.is_empty() || behaved.given.len() != found.len() {
        return Ok(found);
    }
    Ok(weighed(found, &behaved.calls, &behaved.given))
}

/// The text of the file with an edit, as Node runs it.
fn text(project: &Project, found: &Found) -> Option<BTreeMap<String, String>> {
    let edit = |(start, end, text): &(usize, usize, String)| Edit {
        file: found.file.clone(),
        start: *start,
        end: *end,
        text: text.clone(),
    };
    let edits: Vec<Edit> = found.edits.iter().map(edit).collect();
    let text = apply(project.files.get(&found.file)?.source.text(), &edits)?;
    Some(BTreeMap::from([(found.file.clone(), plain(&found.file, &text)?)]))
}

fn weighed(mut found: Vec<Found>, calls: &[String], given: &[Vec<Option<Given>>]) -> Vec<Found> {
    let group = |at: usize| given.iter().position(|other| *other == given[at]).unwrap_or(at);
    let groups: Vec<usize> = (0..found.len()).map(group).collect();
    let together = |group: usize| {
        let members = found.iter().zip(&groups).filter(|(_, other)| **other == group);
        1.0 - members.map(|(one, _)| 1.0 - one.score.min(0.95)).product::<f64>()
    };
    let scores: Vec<f64> = (0..found.len())
        .map(|at| found[at].score * (0.5 + 0.5 * together(groups[at])) * (1.0 - 0.6 * raising(given, at)))
        .collect();
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    for (at, one) in found.iter_mut().enumerate() {
        (one.score, one.group) = (scores[at], groups[at]);
        one.differs = difference(calls, &given[order[0]], &given[at]);
    }
    order.into_iter().map(|at| found[at].clone()).collect()
}

/// The part of the calls that raise or do not end with this edit although most others give something.
fn raising(given: &[Vec<Option<Given>>], mine: usize) -> f64 {
    // A number that is none was reckoned with something that is missing.
    let gives =
        |given: &Option<Given>| matches!(given, Some(Given::Value { value, .. }) if !value.contains("NaN"));
    let (mut bad, mut counted) = (0u32, 0u32);
    for (at, own) in given[mine].iter().enumerate() {
        let others = given.iter().enumerate().filter(|(other, _)| *other != mine);
        let others: Vec<bool> = others.map(|(_, other)| other.get(at).is_some_and(gives)).collect();
        let fine = others.iter().filter(|fine| **fine).count();
        if !others.is_empty() && fine * 2 >= others.len() {
            counted += 1;
            bad += u32::from(!gives(own));
        }
    }
    if counted == 0 { 0.0 } else { f64::from(bad) / f64::from(counted) }
}

/// The first call on which two differ.
fn difference(calls: &[String], one: &[Option<Given>], two: &[Option<Given>]) -> Option<Differs> {
    calls.iter().zip(one.iter().zip(two)).find_map(|(call, (a, b))| {
        let (Some(a), Some(b)) = (a, b) else { return None };
        (a != b).then(|| Differs { call: call.clone(), chosen: told(a, b), this: told(b, a) })
    })
}
