//! Publishing: puts the branch where a person sees it, asks for approval of exactly that commit, and carries the
//! decision out. Plain code only: nothing of the project runs here.
//!
//! The branch moves by compare-and-swap after the reviews are in the database, and doing it twice is the same as doing
//! it once. A branch that a person has meanwhile moved is left alone and the fix gets another name.
//!
//! What the fix is worth is read from qa's own result and not from the context, which anybody may have written. Only a
//! person's answer decides. An approval is for one commit: where the branch it starts from has moved so far that this
//! commit no longer fits, the fix is made anew there ([`crate::agents::rebase`]) and approved anew.

use groundcrew_core::contract::{
    FindingState, Fix, PublishFixContext, PublishFixResult, Reason, Review, StopAt, Verification,
    VerifyFixResult,
};
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::{Ask, Binding, Choice, Message, MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::BlockedOn;
use groundcrew_workbench::git::{Expected, GitError, Repository, Sha};
use serde_json::Value;

use crate::agent::{Ending, Job, Trouble};
use crate::agents::rebase::{Moved, anew, moved, onto};
use crate::agents::rounds::{Rejected, Rejection, end_rejected};

/// Names that are tried when a branch of the wanted name is already somebody's.
const NAMES: u32 = 20;

/// How often a fix is made anew because the branch it starts from has moved.
const MOST_REBASES: u32 = 2;

/// Works a `publish_fix` task: the first run asks, the next carries the decision out.
pub(super) fn publish(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: PublishFixContext = job.context()?;
    let repository = job.site()?.repository(job)?;
    let head = Sha::parse(&context.head_sha)?;
    let base = Sha::parse(&context.base_sha)?;
    let limit = context.dossier.classification.as_ref().map(|found| found.stop_at).unwrap_or_default();
    if limit < StopAt::Branch {
        return keep_as_patch(job, &context, &repository, &head);
    }
    // Others may write messages too; only a person approves.
    match job.answers.iter().rfind(|answer| answer.from == Party::User.as_str()) {
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
    let shown = verified(job, head)?;
    let grade = shown.as_ref().and_then(|shown| shown.grade);
    let (grade_word, draft) = match grade {
        Some(grade) => (grade.as_str(), grade.is_draft()),
        None => ("none", true),
    };
    let kind = if draft { "draft" } else { "fix" };
    let because = because.map(|because| format!("{because}. ")).unwrap_or_default();
    let notes: String = notes(&context.dossier.reviews, shown.as_ref(), head)
        .into_iter()
        .map(|note| format!(" {note}."))
        .collect();
    let ask = Ask {
        question: format!(
            "{because}Approve the {kind} for \"{}\" on branch {branch} (grade {grade_word}, {} files)?{notes}",
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
        to: Party::User,
        subject: None,
    };
    Ok(Ending::ask(BlockedOn::Approval, ask, job.cost()).incident(IncidentChange {
        status: Some(IncidentStatus::FixReady),
        reason: Some(format!("a {kind} of grade {grade_word} waits for approval")),
        branch: Some(branch),
        ..IncidentChange::default()
    }))
}

/// What qa itself found about this commit, in the workflow of this task.
fn verified(job: &Job<'_>, head: &Sha) -> Result<Option<Verification>, Trouble> {
    let workflow = job.tools.store.workflow(job.task.id)?;
    let results =
        workflow.into_iter().filter(|task| task.assigned_to == Role::Qa).filter_map(|task| task.result);
    let mut shown = results
        .filter_map(|result| Some(serde_json::from_value::<VerifyFixResult>(result).ok()?.verification));
    Ok(shown.rfind(|shown| shown.head_sha == head.as_str()))
}

/// What the person should know before anything else.
fn notes(reviews: &[Review], shown: Option<&Verification>, head: &Sha) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(waiver) = shown.and_then(|shown| shown.insisted.as_ref()) {
        notes.push(format!("Qa rejected it and {} let it pass: {}", waiver.by, waiver.reason));
    }
    for review in reviews.iter().filter(|review| review.head_sha == head.as_str()) {
        if let Some(waiver) = &review.waived {
            notes.push(format!(
                "The {} rejected it and {} let it pass: {}",
                review.role, waiver.by, waiver.reason
            ));
        }
        let new = review.findings.iter().filter(|found| found.state == FindingState::New);
        if let Some(found) = new.clone().find(|found| found.rule == "api") {
            notes.push(found.message.clone());
        }
    }
    notes
}

/// Triage wants a patch that a person takes over by hand: it is kept where only the crew's own names are.
fn keep_as_patch(
    job: &Job<'_>,
    context: &PublishFixContext,
    repository: &Repository,
    head: &Sha,
) -> Result<Ending, Trouble> {
    let kept = job.kept_ref("patch");
    repository.update_ref(&kept, head, &Expected::Any)?;
    let text = format!(
        "a verified patch for \"{}\" is kept as {kept}; triage wants no branch for it, so take it over by hand",
        context.dossier.title
    );
    job.desk.step(&text);
    let result = PublishFixResult {
        common: job.common("kept", 1.0, vec![Reason::new("stop_at", &text)]),
        branch: kept,
        head_sha: head.as_str().to_owned(),
        into: None,
        moved: None,
    };
    let note = NewMessage {
        from: Role::Developer.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content: text.clone(),
        metadata: serde_json::json!({ "kind": "patch", "commit": head.as_str() }),
    };
    Ok(Ending::complete(&result, job.cost())?.tell(note).incident(IncidentChange {
        status: Some(IncidentStatus::NeedsHuman),
        reason: Some(text),
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
    let target = match &into {
        Some(name) => repository.ref_sha(&format!("refs/heads/{name}"))?,
        None => Some(job.site()?.base(repository)?),
    };
    let Some(target) = target else {
        return again(format!("There is no branch {}", into.unwrap_or_default()));
    };
    let moved = moved(repository, base, head, &target)?;
    let rebases = context.dossier.rebases;
    if moved == Moved::Conflict && rebases < MOST_REBASES {
        return anew(job, context, &branch, &target);
    }
    if let (Moved::Clean(changes), Some(_)) = (&moved, &into)
        && rebases < MOST_REBASES
    {
        return onto(job, context, repository, &branch, &target, changes);
    }
    if let Some(name) = &into {
        match repository.fast_forward(name, head) {
            Ok(()) => job.desk.step(format!("{name} was fast-forwarded to {}", head.short())),
            Err(
                error @ (GitError::CheckedOut { .. }
                | GitError::NotFastForward { .. }
                | GitError::Moved { .. }),
            ) => {
                return again(format!("{name} could not be moved: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    settle_approved(job, &branch, head, into, &moved, answer)
}

fn settle_approved(
    job: &Job<'_>,
    branch: &str,
    head: &Sha,
    into: Option<String>,
    moved: &Moved,
    answer: &Message,
) -> Result<Ending, Trouble> {
    let moved = match moved {
        Moved::No => None,
        Moved::Clean(_) => Some(
            "the branch it starts from has moved; this commit merges with it without conflict, and the merge has not been tested"
                .to_owned(),
        ),
        Moved::Conflict => {
            Some("the branch it starts from has moved, and merging this commit with it gives conflicts".to_owned())
        }
    };
    let mut reasons = vec![Reason::new("approved", format!("by {}", answer.from))];
    reasons.extend(moved.iter().map(|note| Reason::new("moved", note)));
    let note = moved.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
    job.desk.step(format!("branch {branch} is approved{note}"));
    let result = PublishFixResult {
        common: job.common("approved", 1.0, reasons),
        branch: branch.to_owned(),
        head_sha: head.as_str().to_owned(),
        into,
        moved,
    };
    Ok(Ending::complete(&result, job.cost())?.incident(IncidentChange {
        status: Some(IncidentStatus::Approved),
        reason: Some(format!("the fix on {branch} was approved{note}")),
        fix_commit: Some(head.as_str().to_owned()),
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
        moved: None,
    };
    let declined = IncidentChange {
        status: Some(IncidentStatus::Declined),
        reason: Some(format!("the fix was rejected: {}", answer.content)),
        ..IncidentChange::default()
    };
    let again = answer.metadata.get("again").and_then(Value::as_bool).unwrap_or(false);
    match &context.dossier.fix {
        Some(fix) if again && can_go_on(fix) => {
            let reasons = [reason];
            let rejection = Rejection { by: Party::User.as_str(), reasons: &reasons, failing_tests: &[] };
            match end_rejected(job, &result, &context.dossier, fix, &rejection)? {
                Rejected::Ends(ending) => Ok(*ending),
                Rejected::Waived(_) => Ok(Ending::complete(&result, job.cost())?.incident(declined)),
            }
        }
        Some(_) | None => Ok(Ending::complete(&result, job.cost())?.incident(declined)),
    }
}

/// The person's own rejection is not answered with another question.
fn can_go_on(fix: &Fix) -> bool {
    fix.round < groundcrew_core::contract::MAX_ROUNDS
}

fn text_of(answer: &Message, field: &str) -> Option<String> {
    answer.metadata.get(field).and_then(Value::as_str).map(str::to_owned)
}
