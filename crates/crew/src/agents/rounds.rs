//! Rounds: what follows when a fix is rejected. At most three tries at a fix in one workflow, then one question.
//!
//! A round is counted in the context and is never the row's `retry_count`: a crash is not a bad patch. The architect may
//! send a fix back once; a second disagreement about design is a person's to settle and never a loop. Only a person may
//! let something pass that a role has rejected, and only with a reason, which is kept.

use groundcrew_core::contract::task_type::FIX_BUG;
use groundcrew_core::contract::{Dossier, Fix, FixBugContext, MAX_ROUNDS, PreviousRound, Reason, Waiver};
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::{Ask, Message};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, NewTask};

use crate::agent::{Ending, HAND_OVER, Job, Trouble};

/// The choice by which a person lets a rejected fix go on.
const WAIVE: &str = "waive";

/// The choice by which a person lets an incident be.
const IGNORE: &str = "ignore";

/// A rejection of a fix.
pub(super) struct Rejection<'a> {
    /// A role or `user`.
    pub(super) by: &'a str,
    /// Why.
    pub(super) reasons: &'a [Reason],
    /// Tests that fail only with the fix.
    pub(super) failing_tests: &'a [String],
}

/// What a rejection leads to.
pub(super) enum Next {
    /// Another try by the developer.
    Round(Box<NewTask>),
    /// The rounds are used up: a question to the person.
    Ask(Ask),
    /// The rounds are used up and the person has said what to do.
    Over(IncidentChange),
    /// The person lets it pass.
    Waived(Waiver),
}

/// What follows when somebody rejects a fix.
pub(super) fn after_rejection(
    job: &Job<'_>,
    dossier: &Dossier,
    fix: &Fix,
    rejection: &Rejection<'_>,
) -> Result<Next, Trouble> {
    if fix.is_proposed() {
        // Whoever made it makes the next one, too.
        let why = rejection.reasons.first().map_or("no reason was given", |reason| reason.text.as_str());
        return Ok(Next::Over(IncidentChange {
            status: Some(IncidentStatus::NeedsHuman),
            reason: Some(format!("the proposed fix was rejected by {}: {why}", rejection.by)),
            ..IncidentChange::default()
        }));
    }
    if !is_used_up(dossier, fix, rejection.by) {
        return Ok(Next::Round(Box::new(next_round(job, dossier, fix, rejection)?)));
    }
    let why = rejection.reasons.first().map_or("no reason was given", |reason| reason.text.as_str());
    let last = job.answers.last();
    Ok(match job.choice() {
        Some(WAIVE) => match last.and_then(word_of_a_person) {
            Some(waiver) => Next::Waived(waiver),
            None => Next::Ask(question(dossier, fix, rejection.by, why, "Letting it pass needs a reason. ")),
        },
        Some(IGNORE) => Next::Over(IncidentChange {
            status: Some(IncidentStatus::Declined),
            reason: Some(format!("no fix after {} rounds; told to let it be", fix.round)),
            ..IncidentChange::default()
        }),
        Some(HAND_OVER) => Next::Over(IncidentChange {
            status: Some(IncidentStatus::NeedsHuman),
            reason: Some(format!("no fix after {} rounds: {why}", fix.round)),
            ..IncidentChange::default()
        }),
        // No answer yet, or one to an earlier question of this task.
        Some(_) | None => Next::Ask(question(dossier, fix, rejection.by, why, "")),
    })
}

fn is_used_up(dossier: &Dossier, fix: &Fix, by: &str) -> bool {
    let architect = Role::Architect.as_str();
    let again = by == architect && dossier.previous_rounds.iter().any(|round| round.rejected_by == architect);
    fix.round >= MAX_ROUNDS || again
}

fn question(dossier: &Dossier, fix: &Fix, by: &str, why: &str, before: &str) -> Ask {
    Ask::new(
        format!(
            "{before}{} fixes for \"{}\" were rejected, the last by {by}: {why}. What now?",
            fix.round, dossier.title
        ),
        &[
            (HAND_OVER, "I look at it myself; keep the reproduction"),
            (WAIVE, "Let it pass as a draft all the same; say why"),
            (IGNORE, "Let it be"),
        ],
    )
}

/// A person's own word with a reason; another role's answer or a bare choice is none.
pub(super) fn word_of_a_person(answer: &Message) -> Option<Waiver> {
    let reason = answer.content.trim();
    let bare = reason.is_empty() || answer.choice() == Some(reason);
    let person = answer.from == Party::User.as_str();
    (person && !bare).then(|| Waiver { by: answer.from.clone(), reason: reason.to_owned() })
}

/// The end of a task whose verdict was a rejection; none if the person lets it pass.
pub(super) fn end_rejected<T: serde::Serialize>(
    job: &Job<'_>,
    result: &T,
    dossier: &Dossier,
    fix: &Fix,
    rejection: &Rejection<'_>,
) -> Result<Rejected, Trouble> {
    Ok(match after_rejection(job, dossier, fix, rejection)? {
        Next::Round(task) => Rejected::ends(Ending::complete(result, job.cost())?.then(*task)),
        Next::Over(change) => Rejected::ends(Ending::complete(result, job.cost())?.incident(change)),
        Next::Ask(ask) => Rejected::ends(Ending::ask(BlockedOn::Question, ask, job.cost())),
        Next::Waived(waiver) => Rejected::Waived(waiver),
    })
}

/// What becomes of a rejected fix.
pub(super) enum Rejected {
    /// The task ends so.
    Ends(Box<Ending>),
    /// A person lets it pass.
    Waived(Waiver),
}

impl Rejected {
    fn ends(ending: Ending) -> Self {
        Self::Ends(Box::new(ending))
    }
}

fn next_round(
    job: &Job<'_>,
    dossier: &Dossier,
    fix: &Fix,
    rejection: &Rejection<'_>,
) -> Result<NewTask, Trouble> {
    let mut dossier = dossier.clone();
    dossier.previous_rounds.push(PreviousRound {
        patch_hash: fix.patch_hash.clone(),
        strategy: fix.strategy.clone(),
        rejected_by: rejection.by.to_owned(),
        reasons: rejection.reasons.to_vec(),
        failing_tests: rejection.failing_tests.to_vec(),
    });
    fix_again(job, dossier, fix.round + 1, fix.base_sha.clone())
}

/// A task that repairs anew on a commit.
pub(super) fn fix_again(
    job: &Job<'_>,
    mut dossier: Dossier,
    round: u32,
    base_sha: String,
) -> Result<NewTask, Trouble> {
    dossier.fix = None;
    dossier.verification = None;
    dossier.reviews.clear();
    dossier.cost = dossier.cost.plus(job.cost());
    let context = FixBugContext { round, base_sha: Some(base_sha), dossier, ..FixBugContext::default() };
    let context = serde_json::to_value(&context).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(FIX_BUG, Role::Developer, job.task.assigned_to.into(), context);
    next.priority = job.task.priority;
    Ok(next)
}
