//! Publishing: puts the branch where a person sees it, asks for approval of exactly that commit, and carries the
//! decision out. Plain code only: nothing of the project runs here.
//!
//! The branch moves by compare-and-swap after the reviews are in the database, and doing it twice is the same as doing
//! it once. A branch that a person has meanwhile moved is left alone and the fix gets another name.

use groundcrew_core::contract::{Fix, PublishFixContext, PublishFixResult, Reason};
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::{Ask, Binding, Choice, Message};
use groundcrew_core::task::BlockedOn;
use groundcrew_workbench::git::{Expected, GitError, Repository, Sha};
use serde_json::Value;

use crate::agent::{Ending, Job, Trouble};
use crate::agents::rounds::end_rejected;

/// Names that are tried when a branch of the wanted name is already somebody's.
const NAMES: u32 = 20;

/// Works a `publish_fix` task: the first run asks, the next carries the decision out.
pub(super) fn publish(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: PublishFixContext = job.context()?;
    let repository = job.site()?.repository(job)?;
    let head = Sha::parse(&context.head_sha)?;
    let base = Sha::parse(&context.base_sha)?;
    match job.answers.last() {
        None => ask_for_approval(job, &context, &repository, &base, &head, None),
        Some(answer) if answer.choice() == Some("approve") => {
            approved(job, &context, &repository, &base, &head, answer)
        }
        Some(answer) => rejected(job, &context, answer),
    }
}

fn ask_for_approval(
    job: &Job<'_>,
    context: &PublishFixContext,
    repository: &Repository,
    base: &Sha,
    head: &Sha,
    because: Option<String>,
) -> Result<Ending, Trouble> {
    let branch = show_branch(repository, &context.branch, head)?;
    let diff = repository.diff(base, head)?;
    let grade = context.dossier.verification.as_ref().and_then(|shown| shown.grade);
    let (grade_word, draft) = match grade {
        Some(grade) => (grade.as_str(), grade.is_draft()),
        None => ("none", true),
    };
    let kind = if draft { "draft" } else { "fix" };
    let because = because.map(|because| format!("{because}. ")).unwrap_or_default();
    let ask = Ask {
        question: format!(
            "{because}Approve the {kind} for \"{}\" on branch {branch} (grade {grade_word}, {} files)?",
            context.dossier.title,
            diff.files.len()
        ),
        choices: vec![
            Choice { key: "approve".into(), text: "Keep the branch as approved".into() },
            Choice { key: "reject".into(), text: "Not this way; say why".into() },
        ],
        default: if draft { "reject".into() } else { "approve".into() },
        binding: Some(Binding {
            branch: branch.clone(),
            commit: head.as_str().to_owned(),
            diff_hash: diff.hash.clone(),
        }),
    };
    Ok(Ending::ask(BlockedOn::Approval, ask, job.cost()).incident(IncidentChange {
        status: Some(IncidentStatus::FixReady),
        reason: Some(format!("a {kind} of grade {grade_word} waits for approval")),
        branch: Some(branch),
        ..IncidentChange::default()
    }))
}

/// Makes the branch, or finds it made by an earlier run of this task.
fn show_branch(repository: &Repository, wanted: &str, head: &Sha) -> Result<String, Trouble> {
    for number in 1..=NAMES {
        let name = if number == 1 { wanted.to_owned() } else { format!("{wanted}-{number}") };
        match repository.update_ref(&format!("refs/heads/{name}"), head, &Expected::Absent) {
            Ok(()) => return Ok(name),
            Err(GitError::Moved { found: Some(found), .. }) if found == *head => return Ok(name),
            Err(GitError::Moved { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Trouble::refused(
        "branch_taken",
        format!("{NAMES} branches named {wanted} exist; delete those no longer needed"),
    ))
}

/// Carries an approval out. One that no longer fits what is there is void, and the question is asked anew.
fn approved(
    job: &Job<'_>,
    context: &PublishFixContext,
    repository: &Repository,
    base: &Sha,
    head: &Sha,
    answer: &Message,
) -> Result<Ending, Trouble> {
    let branch = text_of(answer, "branch").unwrap_or_else(|| context.branch.clone());
    let again = |because: String| ask_for_approval(job, context, repository, base, head, Some(because));
    if text_of(answer, "commit").as_deref() != Some(head.as_str()) {
        return again("The approval named another commit than the verified one".into());
    }
    if repository.ref_sha(&format!("refs/heads/{branch}"))?.as_ref() != Some(head) {
        return again(format!("Branch {branch} has moved away from the verified commit {}", head.short()));
    }
    let into = text_of(answer, "into");
    if let Some(target) = &into {
        match repository.fast_forward(target, head) {
            Ok(()) => job.desk.step(format!("{target} was fast-forwarded to {}", head.short())),
            Err(
                error @ (GitError::CheckedOut { .. }
                | GitError::NotFastForward { .. }
                | GitError::Moved { .. }),
            ) => {
                return again(format!("{target} could not be moved: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let result = PublishFixResult {
        common: job.common("approved", 1.0, vec![Reason::new("approved", format!("by {}", answer.from))]),
        branch: branch.clone(),
        head_sha: head.as_str().to_owned(),
        into,
    };
    job.desk.step(format!("branch {branch} is approved"));
    Ok(Ending::complete(&result, job.cost())?.incident(IncidentChange {
        status: Some(IncidentStatus::Approved),
        reason: Some(format!("the fix on {branch} was approved")),
        ..IncidentChange::default()
    }))
}

fn rejected(job: &Job<'_>, context: &PublishFixContext, answer: &Message) -> Result<Ending, Trouble> {
    let reason = Reason::new("rejected", &answer.content);
    let result = PublishFixResult {
        common: job.common("rejected", 1.0, vec![reason.clone()]),
        branch: context.branch.clone(),
        head_sha: context.head_sha.clone(),
        into: None,
    };
    let declined = IncidentChange {
        status: Some(IncidentStatus::Declined),
        reason: Some(format!("the fix was rejected: {}", answer.content)),
        ..IncidentChange::default()
    };
    let again = answer.metadata.get("again").and_then(Value::as_bool).unwrap_or(false);
    match &context.dossier.fix {
        Some(fix) if again && can_go_on(fix) => {
            end_rejected(job, &result, &context.dossier, fix, "user", &[reason])
        }
        _ => Ok(Ending::complete(&result, job.cost())?.incident(declined)),
    }
}

/// The person's own rejection is not answered with another question.
fn can_go_on(fix: &Fix) -> bool {
    fix.round < groundcrew_core::contract::MAX_ROUNDS
}

fn text_of(answer: &Message, field: &str) -> Option<String> {
    answer.metadata.get(field).and_then(Value::as_str).map(str::to_owned)
}
