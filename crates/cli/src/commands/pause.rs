//! `pause` and `resume`: hold the crew, and let it go on. What runs already is finished.

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::{Party, Role};
use groundcrew_store::Access;
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::options::{Pause, Resume};

/// Gives out no more work.
pub(super) fn pause(options: &Pause, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    store.execute(Command::Pause { role: options.role, by: Party::User, reason: options.reason.clone() })?;
    if at.out.is_json() {
        at.out.document(&json!({ "pauses": store.pauses()? }))?;
        return Ok(Done::Clean);
    }
    at.out.line(format!("{} is paused: {}", who(options.role), escape::line(&options.reason)))?;
    let which = options.role.map_or_else(String::new, |role| format!(" {role}"));
    let next = at.command(&format!("resume{which}"));
    at.out.note(format!("what runs already is finished; `{next}` goes on"));
    Ok(Done::Clean)
}

/// Gives out work again.
pub(super) fn resume(options: &Resume, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    store.execute(Command::Resume { role: options.role, by: Party::User })?;
    let pauses = store.pauses()?;
    if at.out.is_json() {
        at.out.document(&json!({ "pauses": pauses }))?;
        return Ok(Done::Clean);
    }
    // One role of a crew that is held as a whole does not go on by itself.
    let still = options.role.filter(|role| pauses.iter().any(|pause| pause.stops(*role)));
    match still {
        Some(role) => {
            at.out.line(format!("the {role} stays paused with the whole crew"))?;
            at.out.note(format!("`{}` lets all go on", at.command("resume")));
        }
        None => at.out.line(format!("{} goes on", who(options.role)))?,
    }
    Ok(Done::Clean)
}

fn who(role: Option<Role>) -> String {
    role.map_or_else(|| "the whole crew".to_owned(), |role| format!("the {role}"))
}
