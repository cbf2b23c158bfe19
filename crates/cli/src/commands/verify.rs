//! `verify`: what a fix is worth, whoever made it.

use groundcrew_core::contract::task_type::{FIX_BUG, REVIEW_DESIGN, VERIFY_FIX};
use groundcrew_core::contract::{FixBugContext, VerifyFixResult};
use groundcrew_core::evidence::Grade;
use groundcrew_core::role::Role;
use groundcrew_core::task::Status;
use groundcrew_workbench::git::{Repository, Sha};
use serde::Serialize;

use super::fix::{kept, last_error, place};
use crate::escape;
use crate::evidence::Evidence;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::oneshot::{OneShot, take_tests};
use crate::options::Verify;
use crate::output::Style;
use crate::page::{Kept, Told};
use crate::signals::Signals;

/// What came of it.
#[derive(Serialize)]
struct Report {
    /// `accepted`, `draft` or `rejected`; `not_shown` where the checks could not be made.
    outcome: &'static str,
    /// The commit without the fix.
    base: String,
    /// The fix.
    commit: String,
    /// What the checks make of it.
    grade: Option<Grade>,
    /// Where the evidence lies.
    evidence: Option<Kept>,
    /// What was shown.
    shown: Option<Evidence>,
    /// Why it is not accepted.
    reason: Option<String>,
}

/// Verifies a fix.
pub(super) fn run(options: &Verify, at: &Invocation) -> Result<Done, Failure> {
    let error = last_error(&options.error)?;
    let signals = Signals::watch()?;
    let folder = options.place.repo.clone().unwrap_or_else(|| ".".into());
    let work = OneShot::new(at, &folder, |config, _| {
        take_tests(config, &options.place.tests);
        Ok(())
    })?;
    let commit = work.repository().resolve(&options.commit)?;
    let base = match &options.base {
        Some(base) => work.repository().resolve(base)?,
        None => without(work.repository(), &commit)?,
    };
    let context = FixBugContext {
        round: 1,
        base_sha: Some(base.to_string()),
        error: Some(error.error),
        before: error.before,
        proposed: Some(commit.to_string()),
        ..FixBugContext::default()
    };
    let context = serde_json::to_value(&context)
        .map_err(|error| Failure::new(Kind::Failed, format!("the task cannot be written: {error}")))?;
    let done = work.work(FIX_BUG, Role::Developer, context, &signals)?;
    if let Done::Signal(_) = done {
        return Ok(done);
    }
    let mut report = report(&work, base.to_string(), commit.to_string())?;
    let shown = report.shown.as_ref();
    let diff = work.repository().diff(&base, &commit)?;
    let told = Told {
        verb: "verify",
        outcome: report.outcome,
        error: shown.map_or("the error of the log", |shown| shown.title.as_str()),
        branch: Some(&options.commit),
        base: Some(&report.base),
        commit: Some(&report.commit),
        grade: report.grade,
        reason: report.reason.as_deref(),
        question: None,
        uncommitted: &[],
        shown,
        diff: Some(&diff.patch),
    };
    report.evidence = kept(at, &work, &told);
    tell(at, &report)
}

/// The commit without the fix: a fix may be of several commits, but what is merged already ends at its parent.
fn without(repository: &Repository, commit: &Sha) -> Result<Sha, Failure> {
    let head = repository.resolve("HEAD")?;
    match repository.merge_base(&head, commit)? {
        Some(fork) if fork != *commit => Ok(fork),
        Some(_) | None => Ok(repository.resolve(&format!("{commit}~1"))?),
    }
}

fn report(work: &OneShot, base: String, commit: String) -> Result<Report, Failure> {
    let finished = |task_type: &str| -> Result<_, Failure> {
        Ok(work.last(task_type)?.filter(|task| task.status == Status::Completed))
    };
    let verified = finished(VERIFY_FIX)?;
    let result = verified.as_ref().and_then(|task| task.result.clone());
    let result = result.and_then(|result| serde_json::from_value::<VerifyFixResult>(result).ok());
    let last = finished(REVIEW_DESIGN)?;
    let shown = match last.as_ref().or(verified.as_ref()) {
        Some(task) => Evidence::of(work.store(), task)?,
        None => None,
    };
    let grade = result.as_ref().and_then(|result| result.verification.grade);
    let outcome = match (&result, grade, &last) {
        (Some(_), Some(grade), Some(_)) if !grade.is_draft() => "accepted",
        (Some(_), Some(Grade::A | Grade::B | Grade::C | Grade::D), Some(_)) => "draft",
        (Some(_), _, _) => "rejected",
        (None, _, _) => "not_shown",
    };
    let reason = if outcome == "accepted" { None } else { Some(work.reason()?) };
    Ok(Report { outcome, base, commit, grade, evidence: None, shown, reason })
}

fn tell(at: &Invocation, report: &Report) -> Result<Done, Failure> {
    if at.out.is_json() {
        at.out.document(report)?;
    } else {
        let head =
            format!("{}: {}", report.outcome.replace('_', " "), crate::evidence::short(&report.commit));
        at.out.line(at.out.paint(Style::Strong, &head))?;
        if let Some(reason) = &report.reason {
            at.out.line(escape::lines(reason))?;
        }
        if let Some(shown) = &report.shown {
            at.out.lines(shown.lines(&at.out))?;
        }
        at.out.lines(report.evidence.as_ref().map(place))?;
    }
    Ok(match report.outcome {
        "accepted" => Done::Clean,
        "draft" => Done::NotClean,
        _ => Done::NotFixed,
    })
}
