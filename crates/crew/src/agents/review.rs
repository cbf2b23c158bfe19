//! What the two reviews share: findings become a verdict, and a verdict becomes the next task.
//!
//! Only what a change brings counts. A rejection goes back to the developer; one by rules passes only on a person's word
//! with a reason, which stays in the review.

use groundcrew_core::contract::{Finding, FindingState, Reason, Review, ReviewContext, ReviewResult, Waiver};
use groundcrew_core::role::Role;
use groundcrew_core::task::NewTask;

use crate::agent::{Ending, Job, Trouble};
use crate::agents::rounds::{Rejected, Rejection, end_rejected};

/// Turns findings into a verdict; those that stood there before are told and never count.
pub(super) fn verdict(role: Role, head: &str, findings: Vec<Finding>, files: usize) -> Review {
    let new = |finding: &&Finding| finding.state == FindingState::New;
    let count = |level: &str| findings.iter().filter(new).filter(|finding| finding.level == level).count();
    let verdict = match (count("error"), count("warning")) {
        (0, 0) => "pass",
        (0, _) => "concerns",
        _ => "reject",
    };
    let worst = findings.iter().filter(new).find(|finding| finding.level == "error");
    let summary = match worst.or_else(|| findings.iter().find(new)) {
        None => format!("nothing found in {files} changed files"),
        Some(finding) => format!(
            "{} findings in {files} changed files, first: {} at {}:{}: {}",
            findings.iter().filter(new).count(),
            finding.rule,
            finding.file,
            finding.line,
            finding.message
        ),
    };
    Review {
        role: role.to_string(),
        head_sha: head.to_owned(),
        verdict: verdict.into(),
        findings,
        summary,
        ..Review::default()
    }
}

/// A verdict's reasons, worst first.
pub(super) fn reasons(review: &Review) -> Vec<Reason> {
    let mut new: Vec<&Finding> =
        review.findings.iter().filter(|finding| finding.state == FindingState::New).collect();
    new.sort_by_key(|finding| match finding.level.as_str() {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    });
    new.into_iter()
        .map(|finding| {
            let place = match (finding.file.as_str(), finding.line) {
                ("", _) => String::new(),
                (file, 0) => format!("{file}: "),
                (file, line) => format!("{file}:{line}: "),
            };
            Reason::new(&finding.rule, format!("{place}{}", finding.message))
        })
        .collect()
}

/// What is to happen to a reviewed change.
pub(super) enum Reviewed {
    /// The task ends so.
    Ends(Box<Ending>),
    /// It goes on to the next role, with this review.
    GoesOn(Box<Review>),
}

/// Sends a rejected change back, or lets it go on where a person has said so.
pub(super) fn weigh(job: &Job<'_>, context: &ReviewContext, mut review: Review) -> Result<Reviewed, Trouble> {
    if review.verdict != "reject" {
        return Ok(Reviewed::GoesOn(Box::new(review)));
    }
    let reasons = reasons(&review);
    let result = result(job, &review);
    let Some(fix) = &context.dossier.fix else {
        return Ok(Reviewed::Ends(Box::new(Ending::complete(&result, job.cost())?)));
    };
    let rejection = Rejection { by: &review.role, reasons: &reasons, failing_tests: &[] };
    Ok(match end_rejected(job, &result, &context.dossier, fix, &rejection)? {
        Rejected::Ends(ending) => Reviewed::Ends(ending),
        Rejected::Waived(waiver) => {
            let_pass(job, &mut review, waiver);
            Reviewed::GoesOn(Box::new(review))
        }
    })
}

fn let_pass(job: &Job<'_>, review: &mut Review, waiver: Waiver) {
    job.desk.step(format!("{} lets it pass: {}", waiver.by, waiver.reason));
    review.verdict = "concerns".to_owned();
    review.summary = format!("let pass by {}: {}; {}", waiver.by, waiver.reason, review.summary);
    review.waived = Some(waiver);
}

/// The result of a review.
pub(super) fn result(job: &Job<'_>, review: &Review) -> ReviewResult {
    ReviewResult { common: job.common(&review.verdict, 1.0, reasons(review)), review: review.clone() }
}

/// Ends a review whose change goes on.
pub(super) fn go_on(
    job: &Job<'_>,
    mut context: ReviewContext,
    review: Review,
    next: impl FnOnce(&Job<'_>, &ReviewContext) -> Result<NewTask, Trouble>,
) -> Result<Ending, Trouble> {
    let result = result(job, &review);
    context.dossier.reviews.push(review);
    context.dossier.cost = context.dossier.cost.plus(job.cost());
    Ok(Ending::complete(&result, job.cost())?.then(next(job, &context)?))
}
