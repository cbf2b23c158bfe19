//! Qa: shows what a fix is worth, in fresh checkouts, by its own runs.
//!
//! Nothing that the developer says about the fix counts but the reproduction to run. The regression test is committed
//! first, so that every gate and the later approval are about the one last commit of the branch.

mod base;
mod brought;
mod gates;
mod regression;
mod reproduction;
mod suite;

use groundcrew_core::contract::task_type::{REVIEW_CHANGE, VERIFY_BASE, VERIFY_FIX, WRITE_REGRESSION_TEST};
use groundcrew_core::contract::{
    Dossier, Fix, Reason, ReviewContext, Verification, VerifyFixContext, VerifyFixResult,
};
use groundcrew_core::evidence::{Grade, Verdict, grade};
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::{Ask, Message};
use groundcrew_core::role::Role;
use groundcrew_core::task::{BlockedOn, NewTask};
use groundcrew_workbench::git::{Expected, Sha};

use crate::agent::{Agent, Ending, HAND_OVER, Job, Trouble};
use crate::agents::bench::bench;
use crate::agents::qa::base::{green_again, red_suite, stabilise_notes};
use crate::agents::qa::gates::{Examination, examine};
use crate::agents::rounds::{Rejected, Rejection, end_rejected};

/// The choice to go on without a test suite.
const DRAFT: &str = "draft";

/// Qa.
pub(super) struct Qa;

impl Agent for Qa {
    fn role(&self) -> Role {
        Role::Qa
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[VERIFY_FIX, VERIFY_BASE, WRITE_REGRESSION_TEST]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        match job.task.task_type.as_str() {
            VERIFY_BASE => base::verify_base(job),
            WRITE_REGRESSION_TEST => regression::write_regression_test(job),
            _ => verify_fix(job),
        }
    }
}

fn verify_fix(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: VerifyFixContext = job.context()?;
    let dossier = context.dossier;
    let Some(fix) = dossier.fix.clone() else {
        return Err(Trouble::refused("no_fix", "the context names no fix to verify"));
    };
    if job.choice() == Some(HAND_OVER) {
        return handed_over(job);
    }
    let site = job.site()?;
    let repository = site.repository(job)?;
    let base = Sha::parse(&fix.base_sha)?;
    let bench = bench(job, site, &repository, &base)?;
    let go_on = job.answers.iter().filter_map(Message::choice).any(|choice| choice == DRAFT);
    if bench.tests.is_none() && !go_on {
        return Ok(ask_without_suite(job, &dossier));
    }
    let mut examination = examine(job, &bench, &repository, &fix, go_on)?;
    if let Some(reason) = examination.blocked.take() {
        return Ok(ask_to_mend(job, &dossier, &reason));
    }
    let hidden = job.kept_ref("verified");
    repository.update_ref(&hidden, &examination.head, &Expected::Any)?;
    conclude(job, dossier, &fix, examination)
}

fn ask_without_suite(job: &Job<'_>, dossier: &Dossier) -> Ending {
    let ask = Ask::new(
        format!(
            "No tests were found in this repository, so the fix for \"{}\" cannot be checked against them. Go on?",
            dossier.title
        ),
        &[
            (DRAFT, "Go on; without a suite it can be a draft at best"),
            (HAND_OVER, "Leave this error to me; name the tests in groundcrew.toml under [test]"),
        ],
    );
    Ending::ask(BlockedOn::Environment, ask, job.cost())
}

/// Runs that say nothing were repeated once; what is left is the environment's fault, and never a pass.
fn ask_to_mend(job: &Job<'_>, dossier: &Dossier, reason: &str) -> Ending {
    let ask = Ask::new(
        format!("The fix for \"{}\" cannot be checked: {reason}. What now?", dossier.title),
        &[
            ("retry", "It is mended, try again"),
            (DRAFT, "Go on without what cannot be run; it can be a draft at best"),
            (HAND_OVER, "Leave this error to me"),
        ],
    );
    Ending::ask(BlockedOn::Environment, ask, job.cost())
}

fn handed_over(job: &Job<'_>) -> Result<Ending, Trouble> {
    let reasons = vec![Reason::new(HAND_OVER, "a person took it over")];
    let common = job.common("inconclusive", 1.0, reasons);
    Ok(Ending::complete(&common, job.cost())?.incident(IncidentChange {
        status: Some(IncidentStatus::NeedsHuman),
        reason: Some("a person took the unverified fix over".into()),
        ..IncidentChange::default()
    }))
}

/// Grades what was shown and passes the fix on, or sends it back.
fn conclude(
    job: &Job<'_>,
    dossier: Dossier,
    fix: &Fix,
    mut examination: Examination,
) -> Result<Ending, Trouble> {
    let verdict = grade(&examination.gates);
    let (outcome, graded) = match verdict {
        Verdict::Accepted(grade) => ("accepted", Some(grade)),
        Verdict::Rejected => ("rejected", None),
    };
    let base = examination.base.take();
    let verification = examination.into_verification(fix, graded);
    let reasons = reasons(&verification);
    job.desk.step(summary(&verification, graded));
    let notes = stabilise_notes(job, &verification.flaky)?;
    let red = red_suite(job, &verification.base_sha, &verification.known_failures);
    let green = verification.suite_base.as_ref();
    let green = green.map(|suite| green_again(job, &verification.base_sha, suite)).transpose()?.flatten();
    let mut result =
        VerifyFixResult { common: job.common(outcome, 1.0, reasons.clone()), verification, base };
    let rejection = Rejection {
        by: Role::Qa.as_str(),
        reasons: &reasons,
        failing_tests: &result.verification.new_failures,
    };
    let mut ending = match graded {
        Some(_) => pass_on(job, &result, dossier, fix)?,
        None => match end_rejected(job, &result, &dossier, fix, &rejection)? {
            Rejected::Ends(ending) => *ending,
            Rejected::Waived(waiver) => {
                job.desk.step(format!("{} wants it as a draft: {}", waiver.by, waiver.reason));
                result.verification.insisted = Some(waiver);
                pass_on(job, &result, dossier, fix)?
            }
        },
    };
    ending.messages.extend(notes);
    if ending.is_complete() {
        ending.sightings.extend(red);
        ending.incidents.extend(green);
    }
    Ok(ending)
}

fn pass_on(
    job: &Job<'_>,
    result: &VerifyFixResult,
    mut dossier: Dossier,
    fix: &Fix,
) -> Result<Ending, Trouble> {
    let head_sha = result.verification.head_sha.clone();
    dossier.verification = Some(result.verification.clone());
    dossier.cost = dossier.cost.plus(job.cost());
    let context = ReviewContext { base_sha: fix.base_sha.clone(), head_sha, dossier };
    let context = serde_json::to_value(&context).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(REVIEW_CHANGE, Role::Security, Role::Qa.into(), context);
    next.priority = job.task.priority;
    Ok(Ending::complete(result, job.cost())?.then(next))
}

/// The checks that did not simply pass.
fn reasons(verification: &Verification) -> Vec<Reason> {
    const FINE: [&str; 5] = ["passed", "killed", "equal", "clean", "explained"];
    verification
        .checks
        .iter()
        .filter(|check| !FINE.contains(&check.status.as_str()))
        .map(|check| Reason::new(&check.name, format!("{}: {}", check.status, check.detail)))
        .collect()
}

fn summary(verification: &Verification, graded: Option<Grade>) -> String {
    let shown: Vec<String> =
        verification.checks.iter().map(|check| format!("{} {}", check.name, check.status)).collect();
    let verdict = match graded {
        Some(grade) if grade.is_draft() => format!("accepted as a draft, grade {grade}"),
        Some(grade) => format!("accepted, grade {grade}"),
        None => "rejected".to_owned(),
    };
    format!("{verdict}: {}", shown.join(", "))
}
