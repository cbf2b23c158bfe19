//! Security: reviews what a change adds for holes before a person sees it, and looks for secrets and known holes.
//!
//! Only the delta is judged, and only as git has it: what earlier roles say about the change does not count here. A new
//! finding of level `error` rejects; one that stood there before is told and never does. A change that touches what
//! guards access waits for a person's approval. Text of a secret is never repeated.

mod baseline;
pub(super) mod dependencies;
mod rules;
mod secrets;
mod sensitive;
mod vulnerability;

use groundcrew_core::contract::task_type::{
    AUDIT_DEPENDENCIES, REVIEW_CHANGE, REVIEW_DESIGN, SCAN_SECRETS, TRIAGE_VULNERABILITY,
};
use groundcrew_core::contract::{Finding, FindingState, Reason, Review, ReviewContext, Waiver};
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::{Ask, Message};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, NewTask};
use groundcrew_workbench::git::{Diff, Sha};

use crate::agent::{Agent, Ending, Job, Trouble};
use crate::agents::review::{Reviewed, go_on, result, verdict, weigh};
use crate::agents::rounds::{Rejected, Rejection, end_rejected};
use crate::brain::ChangeFacts;

/// Places that one list of a review names at most.
const TOLD: usize = 20;

/// Longest line of the change that a review repeats, in characters.
const LINE: usize = 160;

/// Security.
pub(super) struct Security;

impl Agent for Security {
    fn role(&self) -> Role {
        Role::Security
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[REVIEW_CHANGE, SCAN_SECRETS, AUDIT_DEPENDENCIES, TRIAGE_VULNERABILITY]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        match job.task.task_type.as_str() {
            SCAN_SECRETS => secrets::scan_secrets(job),
            AUDIT_DEPENDENCIES => dependencies::audit_dependencies(job),
            TRIAGE_VULNERABILITY => vulnerability::triage_vulnerability(job),
            _ => review_change(job),
        }
    }
}

fn review_change(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: ReviewContext = job.context()?;
    let repository = job.site()?.repository(job)?;
    let (base, head) = (Sha::parse(&context.base_sha)?, Sha::parse(&context.head_sha)?);
    let diff = repository.diff(&base, &head)?;
    let sample = &context.dossier.sample;
    let mut findings = rules::review(&diff, sample);
    baseline::mark_existing(&repository, &base, &diff, &mut findings)?;
    findings.extend(job.brain.remark_on_security(&ChangeFacts { diff: &diff, sample }));
    let mut review = verdict(Role::Security, &context.head_sha, findings, diff.files.len());
    review.touches_sensitive = sensitive::touched(&repository, &base, &head, &diff)?;
    list(&mut review, &diff);
    job.desk.step(format!("{}: {}", review.verdict, review.summary));
    let review = match weigh(job, &context, review)? {
        Reviewed::Ends(ending) => return Ok(*ending),
        Reviewed::GoesOn(review) => *review,
    };
    match approval(job, &context, review)? {
        Reviewed::Ends(ending) => Ok(*ending),
        Reviewed::GoesOn(review) => go_on(job, context, *review, design_task),
    }
}

/// Fills the lists that say at a glance what a change touches.
fn list(review: &mut Review, diff: &Diff) {
    let places = |rules: &[&str]| -> Vec<String> {
        let new = review.findings.iter().filter(|found| found.state == FindingState::New);
        let found = new.filter(|found| rules.contains(&found.rule.as_str()));
        found.map(place).take(TOLD).collect()
    };
    let permissions = places(&["executable", "symlink", "submodule", "runs-by-itself", "permissions"]);
    let injections = places(&["log-text"]);
    review.permission_changes = permissions;
    review.injection_suspects = injections;
    let added = crate::patch::added_lines(&diff.patch);
    let installs = added.iter().filter(|line| rules::says_what_is_installed(line.file));
    review.new_dependencies = installs
        .filter(|line| !line.text.trim().is_empty())
        .map(|line| format!("{}: {}", line.file, line.text.trim().chars().take(LINE).collect::<String>()))
        .take(TOLD)
        .collect();
}

fn place(finding: &Finding) -> String {
    format!("{}:{} ({})", finding.file, finding.line, finding.rule)
}

/// A change of what guards access goes on only when a person has approved just this.
fn approval(job: &Job<'_>, context: &ReviewContext, mut review: Review) -> Result<Reviewed, Trouble> {
    if review.touches_sensitive.is_empty() {
        return Ok(Reviewed::GoesOn(Box::new(review)));
    }
    match job.answers.iter().rev().find(|answer| is_decision(answer)) {
        Some(answer) if answer.choice() == Some("approve") => {
            job.desk.step(format!("{} approves it", answer.from));
            review.approved = Some(Waiver { by: answer.from.clone(), reason: answer.content.clone() });
            Ok(Reviewed::GoesOn(Box::new(review)))
        }
        Some(answer) => {
            declined(job, context, &review, answer).map(|ending| Reviewed::Ends(Box::new(ending)))
        }
        None => {
            let ask = Ask::new(
                format!(
                    "The fix for \"{}\" ({}) touches what guards access: {}. Approve that it goes on?",
                    context.dossier.title,
                    context.head_sha.get(..10).unwrap_or(&context.head_sha),
                    review.touches_sensitive.join(", ")
                ),
                &[("reject", "No; say why"), ("approve", "Yes, I have looked at these places")],
            );
            Ok(Reviewed::Ends(Box::new(Ending::ask(BlockedOn::Approval, ask, job.cost()))))
        }
    }
}

/// Only a person decides about what guards access.
fn is_decision(answer: &Message) -> bool {
    answer.from == Party::User.as_str() && matches!(answer.choice(), Some("approve" | "reject"))
}

fn declined(
    job: &Job<'_>,
    context: &ReviewContext,
    review: &Review,
    answer: &Message,
) -> Result<Ending, Trouble> {
    let reasons = vec![Reason::new("sensitive", &answer.content)];
    let change = IncidentChange {
        status: Some(IncidentStatus::Declined),
        reason: Some(format!("the fix was rejected: {}", answer.content)),
        ..IncidentChange::default()
    };
    let result = result(job, review);
    let rejection = Rejection { by: Party::User.as_str(), reasons: &reasons, failing_tests: &[] };
    let again = context.dossier.fix.as_ref().filter(|fix| fix.round < groundcrew_core::contract::MAX_ROUNDS);
    if let Some(fix) = again
        && let Rejected::Ends(ending) = end_rejected(job, &result, &context.dossier, fix, &rejection)?
    {
        return Ok(*ending);
    }
    Ok(Ending::complete(&result, job.cost())?.incident(change))
}

fn design_task(job: &Job<'_>, context: &ReviewContext) -> Result<NewTask, Trouble> {
    let context = serde_json::to_value(context).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(REVIEW_DESIGN, Role::Architect, Role::Security.into(), context);
    next.priority = job.task.priority;
    Ok(next)
}
