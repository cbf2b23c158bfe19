//! `audit verify`: compares the audit log with its seals.

use groundcrew_store::{Access, AuditReport, Broken, Flaw};
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::output::Style;

/// The report as a program reads it.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    #[serde(flatten)]
    report: &'a AuditReport,
}

/// Verifies; done but not clean at the first difference.
pub(super) fn run(at: &Invocation, noted: Option<&str>) -> Result<Done, Failure> {
    let report = at.open(Access::ReadOnly)?.verify_audit(noted)?;
    let done = if report.broken.is_none() { Done::Clean } else { Done::NotClean };
    if at.out.is_json() {
        at.out.document(&Document { ok: done == Done::Clean, report: &report })?;
        return Ok(done);
    }
    match &report.broken {
        Some(broken) => at.out.line(at.out.paint(Style::Bad, &told(broken)))?,
        None => at.out.line(format!(
            "{} entries are as they were sealed, {} were archived since, {} are not sealed yet",
            report.sealed, report.pruned, report.unsealed
        ))?,
    }
    if let Some(head) = &report.head {
        at.out.line(format!("seal {} has the hash {head}", report.seals))?;
    }
    Ok(done)
}

/// The first difference in words.
fn told(broken: &Broken) -> String {
    let seal = broken.seal.map_or_else(|| "the seal".to_owned(), |seal| format!("seal {seal}"));
    let covers =
        broken.range.map_or_else(String::new, |(first, last)| format!(" of entries {first} to {last}"));
    let row = broken.row.map_or_else(|| "an entry".to_owned(), |row| format!("entry {row}"));
    match broken.flaw {
        Flaw::RowChanged => format!("{row} was changed after {seal}{covers} was made"),
        Flaw::RowMissing => format!("{row} was deleted after {seal}{covers} was made"),
        Flaw::RowAdded => format!("{row} was added after {seal}{covers} was made"),
        Flaw::SealChanged => format!("{seal}{covers} is not what was written"),
        Flaw::SealMissing => format!("{seal} is gone"),
        Flaw::NotedMissing => "no seal has the hash that was noted: the seals were made anew".to_owned(),
    }
}
