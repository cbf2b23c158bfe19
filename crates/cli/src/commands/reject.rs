//! `reject`: declines a fix with a reason, and has the developer try again where that is wanted.

use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::Reject;
use crate::settling::{Decision, Open, carry_out, record};

/// Rejects a fix.
pub(super) fn run(options: &Reject, at: &Invocation) -> Result<Done, Failure> {
    if options.reason.trim().is_empty() {
        return Err(Failure::new(Kind::Usage, "the reason is empty")
            .hint("say in a sentence what is wrong with the fix"));
    }
    let store = at.open(groundcrew_store::Access::Existing)?;
    let open = Open::find(at, store.as_ref(), options.id)?;
    let (bound, task) = open.approval(at)?;
    let decision = Decision {
        question: &open.message,
        choice: "reject",
        comment: Some(options.reason.clone()),
        extra: json!({ "again": options.again }),
    };
    record(store.as_ref(), decision)?;
    let task = carry_out(at, &store, task.id)?;
    let next = store.workflow(task.id)?.into_iter().find(|next| next.parent == Some(task.id));
    if at.out.is_json() {
        at.out.document(&json!({
            "approval": options.id,
            "task": task.id,
            "status": task.status,
            "branch": bound.branch,
            "next_task": next.as_ref().map(|next| next.id),
        }))?;
        return Ok(Done::Clean);
    }
    at.out.line(format!("rejected: branch {} stays where it is", escape::line(&bound.branch)))?;
    match next {
        Some(next) => {
            at.out.line(format!("task {} tries again; `{}` works it", next.id, at.command("up")))?;
        }
        None if options.again => at.out.line("no round is left for another try")?,
        None => {}
    }
    Ok(Done::Clean)
}
