//! What becomes of an approved fix when the branch it starts from has moved meanwhile.
//!
//! Whether it still fits is tried on trees, without a work tree and without touching a branch. A commit on the new base is
//! another commit than the approved one, so it is verified, reviewed and approved like any other; the approved branch
//! stays as it is. None of this is a round: nobody found fault with the fix.

use groundcrew_core::contract::task_type::VERIFY_FIX;
use groundcrew_core::contract::{Dossier, PublishFixContext, PublishFixResult, Reason, VerifyFixContext};
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::{MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::NewTask;
use groundcrew_workbench::git::{Change, ChangeKind, Expected, RepoPath, Repository, Sha};
use serde_json::json;

use crate::agent::{Ending, Job, Trouble};
use crate::agents::rounds::fix_again;

/// Largest file of a fix, in bytes.
const LARGEST: u64 = 16 << 20;

/// Whether the target has moved away from under a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Moved {
    /// The fix can be fast-forwarded to, or is there already.
    No,
    /// The fix fits: its changes on the target.
    Clean(Vec<Change>),
    /// Somebody changed the same lines.
    Conflict,
}

/// Whether a fix from `base` to `head` still fits on the target.
///
/// The fix is undone on top of itself, and undoing that on the target gives the fix there, or a conflict.
pub(super) fn moved(repository: &Repository, base: &Sha, head: &Sha, target: &Sha) -> Result<Moved, Trouble> {
    if repository.is_ancestor(target, head)? || repository.is_ancestor(head, target)? {
        return Ok(Moved::No);
    }
    let Some(undoing) = undoing(repository, base, head)? else { return Ok(Moved::Conflict) };
    let undone = repository.commit(head, &undoing, "Undo the fix to see whether it fits elsewhere", 0)?;
    Ok(match repository.revert(&undone, target)? {
        Some(changes) => Moved::Clean(changes),
        None => Moved::Conflict,
    })
}

/// The changes that lead back from `head` to `base`; none if contents cannot say it.
fn undoing(repository: &Repository, base: &Sha, head: &Sha) -> Result<Option<Vec<Change>>, Trouble> {
    let mut changes = Vec::new();
    for file in repository.diff(base, head)?.files {
        let Ok(path) = RepoPath::parse(&file.path) else { return Ok(None) };
        let old = file.old_path.as_deref().map_or(Ok(path.clone()), RepoPath::parse);
        let Ok(old) = old else { return Ok(None) };
        let before = repository.read(base, &old, LARGEST)?;
        match (file.kind, before) {
            (ChangeKind::Added, _) => changes.push(Change::delete(path)),
            (ChangeKind::Deleted | ChangeKind::Modified, Some(content)) => {
                changes.push(Change::write(path, content));
            }
            (ChangeKind::Renamed, Some(content)) => {
                changes.push(Change::delete(path));
                changes.push(Change::write(old, content));
            }
            (ChangeKind::TypeChanged, _)
            | (ChangeKind::Deleted | ChangeKind::Modified | ChangeKind::Renamed, None) => return Ok(None),
        }
    }
    Ok(Some(changes))
}

/// Makes the fix anew on a target where it no longer fits.
pub(super) fn anew(
    job: &Job<'_>,
    context: &PublishFixContext,
    branch: &str,
    target: &Sha,
) -> Result<Ending, Trouble> {
    let text = format!(
        "{branch} is approved, but the branch it starts from has moved and changed the same lines; the error is repaired anew on {}",
        target.short()
    );
    let round = context.dossier.fix.as_ref().map_or(1, |fix| fix.round);
    let dossier = Dossier { rebases: context.dossier.rebases + 1, ..context.dossier.clone() };
    let next = fix_again(job, dossier, round, target.as_str().to_owned())?;
    follow(job, context, branch, "conflict", &text, next)
}

/// Puts the fix on a target where it fits, to be verified, reviewed and approved there.
pub(super) fn onto(
    job: &Job<'_>,
    context: &PublishFixContext,
    repository: &Repository,
    branch: &str,
    target: &Sha,
    changes: &[Change],
) -> Result<Ending, Trouble> {
    let mut dossier = Dossier { rebases: context.dossier.rebases + 1, ..context.dossier.clone() };
    dossier.verification = None;
    dossier.reviews.clear();
    dossier.cost = dossier.cost.plus(job.cost());
    let Some(fix) = &mut dossier.fix else {
        return Err(Trouble::refused(
            "no_fix",
            "the context names no fix that could be put on another commit",
        ));
    };
    let test = fix.reproduction.as_ref().and_then(|reproduction| reproduction.regression_test.as_ref());
    // Qa adds the regression test again, after it has seen it fail on the new base.
    let own: Vec<Change> = changes
        .iter()
        .filter(|change| test.is_none_or(|test| change.path.as_str() != test.path))
        .cloned()
        .collect();
    let message = format!(
        "{}\n\nThe same change as {} on another base.\n\nGroundcrew-Task: {}\n",
        fix.explanation, context.head_sha, job.task.id
    );
    let message = job.redactor().redact(&message).text;
    let commit = repository.commit(target, &own, &message, job.now.as_second())?;
    let hidden = job.kept_ref("rebased");
    repository.update_ref(&hidden, &commit, &Expected::Any)?;
    fix.base_sha = target.as_str().to_owned();
    fix.commit_sha = commit.as_str().to_owned();
    let text = format!(
        "{branch} is approved, but its target has moved; the same change on {} is another commit, so it is verified and asked about anew",
        target.short()
    );
    let next = serde_json::to_value(VerifyFixContext { dossier })
        .map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(VERIFY_FIX, Role::Qa, Role::Developer.into(), next);
    next.priority = job.task.priority;
    follow(job, context, branch, "rebased", &text, next)
}

fn follow(
    job: &Job<'_>,
    context: &PublishFixContext,
    branch: &str,
    outcome: &str,
    text: &str,
    next: NewTask,
) -> Result<Ending, Trouble> {
    job.desk.step(text);
    let result = PublishFixResult {
        common: job.common(outcome, 1.0, vec![Reason::new(outcome, text)]),
        branch: branch.to_owned(),
        head_sha: context.head_sha.clone(),
        into: None,
        moved: Some(text.to_owned()),
    };
    let note = NewMessage {
        from: Role::Developer.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content: text.to_owned(),
        metadata: json!({ "kind": outcome, "branch": branch }),
    };
    Ok(Ending::complete(&result, job.cost())?.then(next).tell(note).incident(IncidentChange {
        status: Some(IncidentStatus::Fixing),
        reason: Some(text.to_owned()),
        ..IncidentChange::default()
    }))
}
