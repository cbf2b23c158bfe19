//! `db prune`: archives finished workflows and deletes them.

use groundcrew_store::{Access, Prune, Pruned};
use serde::Serialize;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::options::PruneOptions;

/// What was pruned as a program reads it.
#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    archive: Option<String>,
    #[serde(flatten)]
    pruned: &'a Pruned,
}

/// Prunes, or only counts.
pub(super) fn run(at: &Invocation, options: &PruneOptions) -> Result<Done, Failure> {
    let archive = options.archive.clone().filter(|_| !options.dry_run);
    let access = if archive.is_some() { Access::Existing } else { Access::ReadOnly };
    let wish = Prune { before: options.before, archive };
    let pruned = at.open(access)?.prune(&wish)?;
    let named = wish.archive.map(|path| path.display().to_string());
    if at.out.is_json() {
        at.out.document(&Document { dry_run: named.is_none(), archive: named, pruned: &pruned })?;
        return Ok(Done::Clean);
    }
    let what = format!(
        "{} workflows: {} tasks, {} messages, {} audit entries, {} runs",
        pruned.workflows, pruned.tasks, pruned.messages, pruned.logs, pruned.attempts
    );
    let past = format!(
        "{} events, {} counts of errors and {} of log lines",
        pruned.events,
        pruned.buckets,
        pruned.traffic.saturating_add(pruned.lines)
    );
    match named {
        Some(path) => {
            at.out.line(format!("archived in {} and deleted {what}", escape::line(&path)))?;
            at.out.line(format!("deleted {past}"))?;
        }
        None => {
            at.out.line(format!("would archive and delete {what}"))?;
            at.out.line(format!("would delete {past}"))?;
        }
    }
    if pruned.kept > 0 {
        at.out.line(format!(
            "kept {} old workflows that an open incident, a question or a role still needs",
            pruned.kept
        ))?;
    }
    Ok(Done::Clean)
}
