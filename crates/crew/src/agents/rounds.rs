//! Rounds: what follows when a fix is rejected. At most three tries at a fix in one workflow, then one question.
//!
//! A round is counted in the context and is never the row's `retry_count`: a crash is not a bad patch.

use groundcrew_core::contract::task_type::FIX_BUG;
use groundcrew_core::contract::{Dossier, Fix, FixBugContext, MAX_ROUNDS, PreviousRound, Reason};
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::Ask;
use groundcrew_core::role::Role;
use groundcrew_core::task::{BlockedOn, NewTask};

use crate::agent::{Ending, Job, Trouble};

/// What a rejection leads to.
pub(super) enum Next {
    /// Another try by the developer.
    Round(Box<NewTask>),
    /// The rounds are used up: a question to the person.
    Ask(Ask),
    /// The rounds are used up and the person has said what to do.
    Over(IncidentChange),
}

/// What follows when somebody rejects a fix.
pub(super) fn after_rejection(
    job: &Job<'_>,
    dossier: &Dossier,
    fix: &Fix,
    rejected_by: &str,
    reasons: &[Reason],
) -> Result<Next, Trouble> {
    if fix.round < MAX_ROUNDS {
        return Ok(Next::Round(Box::new(next_round(job, dossier, fix, rejected_by, reasons)?)));
    }
    let why = reasons.first().map_or("no reason was given", |reason| reason.text.as_str());
    Ok(match job.choice() {
        Some("ignore") => Next::Over(IncidentChange {
            status: Some(IncidentStatus::Declined),
            reason: Some(format!("no fix after {MAX_ROUNDS} rounds; told to let it be")),
            ..IncidentChange::default()
        }),
        Some(_) => Next::Over(IncidentChange {
            status: Some(IncidentStatus::NeedsHuman),
            reason: Some(format!("no fix after {MAX_ROUNDS} rounds: {why}")),
            ..IncidentChange::default()
        }),
        None => Next::Ask(Ask::new(
            format!(
                "{MAX_ROUNDS} fixes for \"{}\" were rejected, the last by {rejected_by}: {why}. What now?",
                dossier.title
            ),
            &[("hand_over", "I look at it myself; keep the reproduction"), ("ignore", "Let it be")],
        )),
    })
}

/// The end of a reviewing task whose verdict was a rejection.
pub(super) fn end_rejected<T: serde::Serialize>(
    job: &Job<'_>,
    result: &T,
    dossier: &Dossier,
    fix: &Fix,
    rejected_by: &str,
    reasons: &[Reason],
) -> Result<Ending, Trouble> {
    match after_rejection(job, dossier, fix, rejected_by, reasons)? {
        Next::Round(task) => Ok(Ending::complete(result, job.cost())?.then(*task)),
        Next::Over(change) => Ok(Ending::complete(result, job.cost())?.incident(change)),
        Next::Ask(ask) => Ok(Ending::ask(BlockedOn::Question, ask, job.cost())),
    }
}

fn next_round(
    job: &Job<'_>,
    dossier: &Dossier,
    fix: &Fix,
    rejected_by: &str,
    reasons: &[Reason],
) -> Result<NewTask, Trouble> {
    let mut dossier = dossier.clone();
    dossier.previous_rounds.push(PreviousRound {
        patch_hash: fix.patch_hash.clone(),
        strategy: fix.strategy.clone(),
        rejected_by: rejected_by.to_owned(),
        reasons: reasons.to_vec(),
    });
    dossier.fix = None;
    dossier.verification = None;
    dossier.reviews.clear();
    dossier.cost = dossier.cost.plus(job.cost());
    let context =
        FixBugContext { round: fix.round + 1, base_sha: Some(fix.base_sha.clone()), error: None, dossier };
    let context = serde_json::to_value(&context).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(FIX_BUG, Role::Developer, job.task.assigned_to.into(), context);
    next.priority = job.task.priority;
    Ok(next)
}
