//! The developer: makes the error happen again, repairs it, and commits the repair where only the crew sees it.
//!
//! What it commits lies under `refs/groundcrew/`; a branch for people appears only after all reviews. Without a
//! reproduction there is no patch, but for a revert or a misspelt name, which are graded as unproven.

use groundcrew_core::contract::task_type::{FIX_BUG, PUBLISH_FIX, VERIFY_FIX};
use groundcrew_core::contract::{
    Dossier, Fix, FixBugContext, FixBugResult, Reason, Reproduction, RootCause, VerifyFixContext,
};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::{MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::NewTask;
use groundcrew_repair::{Barrier, Budget, Facts, Progress, RepairOutcome, Repaired, repair};
use groundcrew_workbench::git::{Expected, Repository, Sha};
use serde_json::json;

use crate::agent::{Agent, Ending, HAND_OVER, Job, Trouble};
use crate::agents::bench::bench;
use crate::agents::publish::publish;
use crate::site::sample_from_text;

/// The developer.
pub(super) struct Developer;

impl Agent for Developer {
    fn role(&self) -> Role {
        Role::Developer
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[FIX_BUG, PUBLISH_FIX]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        match job.task.task_type.as_str() {
            PUBLISH_FIX => publish(job),
            _ => fix_bug(job),
        }
    }
}

fn fix_bug(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: FixBugContext = job.context()?;
    let (dossier, round) = known(job, &context)?;
    if job.choice() == Some(HAND_OVER) {
        return report(job, "handed_over", "a person looks at it", None, None);
    }
    let Some(trace) = dossier.sample.trace.clone() else {
        return report(
            job,
            "no_repro",
            "the error has no stack trace, so there is no place to repair",
            None,
            None,
        );
    };
    let site = job.site()?;
    let repository = site.repository(job)?;
    let base = match &context.base_sha {
        Some(sha) => repository.resolve(sha)?,
        None => site.base(&repository)?,
    };
    let bench = bench(job, site, &repository, &base)?;
    let facts = Facts {
        trace,
        sample: dossier.sample.clone(),
        suspects: dossier.classification.as_ref().map(|found| found.suspects.clone()).unwrap_or_default(),
        tried: dossier.previous_rounds.iter().map(|round| round.patch_hash.clone()).collect(),
        reproduction: None,
        budget: Budget {
            files: u32::try_from(site.config.change.max_files).unwrap_or(u32::MAX),
            lines: u32::try_from(site.config.change.max_lines).unwrap_or(u32::MAX),
        },
        approved: Default::default(),
    };
    let mut progress = |progress: Progress| tell(job, &progress);
    match repair(&bench, &base, &facts, &job.brain.strategies(), &mut progress)? {
        RepairOutcome::Patch(repaired) => hand_in(job, dossier, round, &repository, &base, *repaired),
        RepairOutcome::NoRepro { root_cause, reason } => report(job, "no_repro", &reason, root_cause, None),
        RepairOutcome::NoFix { reproduction, root_cause, tried, .. } => {
            let reason =
                format!("it happens again on demand, but none of {} candidates cures it", tried.len());
            report(job, "no_fix", &reason, Some(root_cause), Some(*reproduction))
        }
        RepairOutcome::Refused { reproduction, root_cause, barriers, .. } => {
            let reasons: Vec<String> = barriers.iter().take(3).map(Barrier::sentence).collect();
            let found = reproduction.map(|found| *found);
            report(job, "refused", &reasons.join("; "), Some(root_cause), found)
        }
        RepairOutcome::NotSupported { language, root_cause } => {
            let reason = format!("{language}: no repair yet");
            report(job, "no_fix", &reason, Some(root_cause), None)
        }
    }
}

/// The dossier, made from the task's own error text where there is none.
fn known(job: &Job<'_>, context: &FixBugContext) -> Result<(Dossier, u32), Trouble> {
    let mut dossier = context.dossier.clone();
    if dossier.sample.trace.is_none()
        && let Some(incident) = job.task.incident
        && let Some(incident) = job.tools.store.incident(incident)?
    {
        dossier.title = incident.title;
        dossier.sample = incident.sample;
    }
    if dossier.sample.trace.is_none()
        && let Some(text) = context.error.as_deref().or(job.task.context.as_str())
    {
        (dossier.title, dossier.sample) = sample_from_text(&job.tools.redactor, text);
    }
    Ok((dossier, context.round.max(1)))
}

fn tell(job: &Job<'_>, progress: &Progress) {
    match progress {
        Progress::Located { file, line } => job.desk.step(format!("the crash is at {file}:{line}")),
        Progress::Reproducing(way) => job.desk.step(format!("reproducing: {way}")),
        Progress::Reproduced { call } => job.desk.step(format!("reproduced by {call}")),
        Progress::Validated { strategy, explanation, outcome } => {
            job.desk.step(format!("candidate {strategy}: {explanation}: {outcome}"));
        }
    }
}

/// Commits the chosen patch and hands it to qa.
fn hand_in(
    job: &Job<'_>,
    mut dossier: Dossier,
    round: u32,
    repository: &Repository,
    base: &Sha,
    repaired: Repaired,
) -> Result<Ending, Trouble> {
    let chosen = repaired.chosen;
    let message = commit_message(job, &dossier, &chosen.strategy, &chosen.explanation, &repaired.root_cause);
    let message = job.tools.redactor.redact(&message).text;
    let commit = repository.commit(base, &chosen.changes, &message, job.now.as_second())?;
    let hidden = format!("refs/groundcrew/tasks/{}-{}/fix", job.task.id, job.task.lease_token);
    repository.update_ref(&hidden, &commit, &Expected::Any)?;
    let fix = Fix {
        base_sha: base.as_str().to_owned(),
        commit_sha: commit.as_str().to_owned(),
        round,
        strategy: chosen.strategy,
        kind: chosen.kind,
        one_line_typo: chosen.one_line_typo,
        explanation: chosen.explanation,
        patch_hash: chosen.patch_hash,
        files_changed: chosen.changes.iter().map(|change| change.path.as_str().to_owned()).collect(),
        reproduction: repaired.reproduction,
        reverts: chosen.reverts.map(|sha| sha.as_str().to_owned()),
        root_cause: repaired.root_cause,
        candidates: repaired.candidates,
        behaviour_notes: repaired.behaviour_notes,
        suspects: repaired.suspects,
    };
    let kind = match fix.kind {
        ChangeKind::Cause => "aims at the cause",
        ChangeKind::Revert => "reverts the culprit",
        ChangeKind::SymptomGuard => "only guards against the symptom",
    };
    job.desk.step(format!("round {round}: {} ({kind}) committed as {}", fix.explanation, commit.short()));
    let reasons = vec![Reason::new(&fix.strategy, &fix.explanation)];
    let result = FixBugResult {
        common: job.common("patch", 0.7, reasons),
        fix: Some(fix.clone()),
        reproduction: fix.reproduction.clone(),
        suspects: fix.suspects.clone(),
        tried: Vec::new(),
    };
    dossier.fix = Some(fix);
    dossier.cost = dossier.cost.plus(job.cost());
    let context = serde_json::to_value(VerifyFixContext { dossier })
        .map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(VERIFY_FIX, Role::Qa, Role::Developer.into(), context);
    next.priority = job.task.priority;
    Ok(Ending::complete(&result, job.cost())?.then(next))
}

fn commit_message(
    job: &Job<'_>,
    dossier: &Dossier,
    strategy: &str,
    explanation: &str,
    cause: &RootCause,
) -> String {
    let exception =
        dossier.sample.trace.as_ref().and_then(|trace| trace.exception.as_deref()).unwrap_or("error");
    let short = exception.rsplit('.').next().unwrap_or(exception);
    let incident =
        job.task.incident.map(|id| format!("Incident: {id} {}\n", dossier.title)).unwrap_or_default();
    let brain = job.brain.id();
    format!(
        "Fix {short} at {}:{}\n\n{explanation}\n\nCause: {}\nStrategy: {strategy}\n\n{incident}\
         Groundcrew-Task: {}\nGroundcrew-Brain: {} {}\n",
        cause.file, cause.line, cause.why, job.task.id, brain.kind, brain.version
    )
}

/// Ends without a patch: what is known goes to the person, and the incident waits for them.
fn report(
    job: &Job<'_>,
    outcome: &str,
    reason: &str,
    cause: Option<RootCause>,
    reproduction: Option<Reproduction>,
) -> Result<Ending, Trouble> {
    let place = cause.map(|cause| format!("; look at {}:{}: {}", cause.file, cause.line, cause.why));
    let text = format!("no fix: {reason}{}", place.unwrap_or_default());
    job.desk.step(&text);
    let result = FixBugResult {
        common: job.common(outcome, 0.5, vec![Reason::new(outcome, reason)]),
        fix: None,
        reproduction: reproduction.clone(),
        suspects: Vec::new(),
        tried: Vec::new(),
    };
    let note = NewMessage {
        from: Role::Developer.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content: text.clone(),
        metadata: json!({ "outcome": outcome, "reproduction": reproduction.map(|found| found.call) }),
    };
    Ok(Ending::complete(&result, job.cost())?.tell(note).incident(IncidentChange {
        status: Some(IncidentStatus::NeedsHuman),
        reason: Some(text),
        ..IncidentChange::default()
    }))
}
