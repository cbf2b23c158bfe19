//! What the developer answers when another role asks it something, by what its own results show.
//!
//! Only questions that a rule can answer from evidence are answered; any other fails, and the question goes to the person.

use groundcrew_core::contract::{AnswerQuestionContext, AnswerQuestionResult, Fix, FixBugResult, Reason};
use groundcrew_core::message::Given;
use groundcrew_core::role::Role;
use serde::Deserialize;

use crate::agent::{Ending, Job, Trouble};
use crate::agents::architect::{ANOTHER, NEEDED};

/// What the architect asks about: a change that breaks callers.
#[derive(Debug, Deserialize)]
struct BreaksCallers {
    symbols: Vec<String>,
    patch_hash: String,
}

/// Works an `answer_question` task.
pub(super) fn answer_question(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: AnswerQuestionContext = job.context()?;
    let asked: Option<BreaksCallers> = serde_json::from_value(context.subject.clone()).ok();
    let (Role::Architect, Some(asked)) = (context.asked_by, asked) else {
        return Err(Trouble::refused(
            "no_rule",
            format!("no rule of the developer answers what the {} asks", context.asked_by),
        ));
    };
    let Some(fix) = own_fix(job, &asked.patch_hash)? else {
        return Err(Trouble::refused("no_such_fix", "the developer made no such fix in this workflow"));
    };
    let (choice, comment) = about_callers(&fix, &asked.symbols);
    job.desk.step(format!("{choice}: {comment}"));
    let answer = Given { choice: choice.to_owned(), comment: Some(comment.clone()) };
    let result = AnswerQuestionResult {
        common: job.common(choice, 0.8, vec![Reason::new(choice, comment)]),
        answer: answer.clone(),
    };
    Ok(Ending::complete(&result, job.cost())?.answering(answer))
}

/// The fix of this hash as the developer's own result has it; what the asker says about it does not count.
fn own_fix(job: &Job<'_>, patch_hash: &str) -> Result<Option<Fix>, Trouble> {
    let workflow = job.tools.store.workflow(job.task.id)?;
    let results = workflow
        .into_iter()
        .filter(|task| task.assigned_to == Role::Developer)
        .filter_map(|task| task.result);
    let fixes = results.filter_map(|result| serde_json::from_value::<FixBugResult>(result).ok()?.fix);
    Ok(fixes.into_iter().rfind(|fix| fix.patch_hash == patch_hash))
}

/// Another candidate that passed every check of the search is worth a look before callers are broken.
fn about_callers(fix: &Fix, symbols: &[String]) -> (&'static str, String) {
    let other = fix.candidates.iter().find(|candidate| {
        candidate.outcome == "plausible"
            && candidate.patch_hash != fix.patch_hash
            && candidate.strategy != fix.strategy
    });
    match other {
        Some(other) => (ANOTHER, format!("{} passed the same checks: {}", other.strategy, other.explanation)),
        None => (NEEDED, format!("no other candidate passed the checks without {}", symbols.join(", "))),
    }
}
