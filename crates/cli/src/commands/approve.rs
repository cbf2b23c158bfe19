//! `approve`: approves the exact commit that was shown, and has it published at once.

use groundcrew_core::task::{Status, Task};
use serde_json::json;

use crate::escape;
use crate::evidence::short;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::Approve;
use crate::settling::{Decision, Open, can_fast_forward, carry_out, record, repository_of, still_as_shown};

/// Approves a fix.
pub(super) fn run(options: &Approve, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(groundcrew_store::Access::Existing)?;
    let open = Open::find(at, store.as_ref(), options.id)?;
    let (bound, task) = open.approval(at)?;
    let repository = repository_of(store.as_ref(), task)?;
    still_as_shown(&repository, task, &bound)?;
    if let Some(into) = &options.into {
        can_fast_forward(&repository, into, &bound.commit)?;
    }
    let mut extra = json!({ "branch": bound.branch, "commit": bound.commit, "diff_hash": bound.diff_hash });
    if let Some(into) = &options.into {
        extra["into"] = json!(into);
    }
    let decision = Decision { question: &open.message, choice: "approve", comment: None, extra };
    record(store.as_ref(), decision)?;
    let task = published(at, carry_out(at, &store, task.id)?)?;
    if at.out.is_json() {
        at.out.document(&json!({
            "approval": options.id,
            "task": task.id,
            "status": task.status,
            "branch": bound.branch,
            "commit": bound.commit,
            "into": options.into,
        }))?;
        return Ok(Done::Clean);
    }
    let branch = escape::line(&bound.branch);
    at.out.line(format!("approved: branch {branch} at {}", short(&bound.commit)))?;
    match &options.into {
        Some(into) => at.out.line(format!("{} was fast-forwarded to it", escape::line(into)))?,
        None => at.out.note(format!("merge it when you like: git merge --ff {}", escape::shell(&branch))),
    }
    Ok(Done::Clean)
}

/// The task, if the approval was carried out.
fn published(at: &Invocation, task: Task) -> Result<Task, Failure> {
    let why = task.error_message.as_deref().unwrap_or("no reason was given");
    match task.status {
        Status::Completed => Ok(task),
        Status::Failed => {
            let late = matches!(task.refusal_code.as_deref(), Some("stale_approval" | "cannot_fast_forward"));
            let kind = if late { Kind::Conflict } else { Kind::Failed };
            Err(Failure::new(kind, format!("the approval was recorded and not carried out: {why}"))
                .hint(format!("look at it with `{}`", at.command(&format!("show {}", task.id)))))
        }
        Status::Pending | Status::Running | Status::Blocked => Err(Failure::new(
            Kind::Conflict,
            format!("the approval was recorded, but task {} is {} again", task.id, task.status),
        )
        .hint(format!("see what it waits for with `{}`", at.command("inbox")))),
    }
}
