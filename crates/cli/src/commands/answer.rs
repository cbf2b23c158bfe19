//! `answer`: answers a question of an agent; its task goes on from there.

use serde_json::{Value, json};

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::Answer;
use crate::settling::{Decision, Open, record};

/// Answers a question.
pub(super) fn run(options: &Answer, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(groundcrew_store::Access::Existing)?;
    let open = Open::find(at, store.as_ref(), options.id)?;
    if open.message.binding().is_some() {
        // An approval counts for what was shown, and only `approve` looks whether that still is so.
        return Err(Failure::new(Kind::Usage, format!("{} is an approval and no question", options.id))
            .hint(format!("decide with `{}`", at.command(&format!("approve {}", options.id))))
            .hint(format!("or with `{}`", at.command(&format!("reject {} --reason TEXT", options.id)))));
    }
    record(
        store.as_ref(),
        Decision {
            question: &open.message,
            choice: &options.choice,
            comment: options.comment.clone(),
            extra: Value::Null,
        },
    )?;
    let task = open.message.task;
    if at.out.is_json() {
        at.out.document(&json!({ "question": options.id, "choice": options.choice, "task": task }))?;
    } else {
        let goes_on = task.map_or_else(String::new, |task| format!("; task {task} goes on with it"));
        at.out.line(format!("answered {} with {}{goes_on}", options.id, escape::line(&options.choice)))?;
    }
    Ok(Done::Clean)
}
