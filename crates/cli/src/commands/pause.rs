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
    let command = Command::Pause { role: options.role, by: Party::User, reason: options.reason.clone() };
    let told = format!("is paused: {}", escape::line(&options.reason));
    change(at, options.role, command, &told)?;
    if !at.out.is_json() {
        let which = options.role.map_or_else(String::new, |role| format!(" {role}"));
        at.out.note(format!(
            "what runs already is finished; `{}` goes on",
            at.command(&format!("resume{which}"))
        ));
    }
    Ok(Done::Clean)
}

/// Gives out work again.
pub(super) fn resume(options: &Resume, at: &Invocation) -> Result<Done, Failure> {
    let command = Command::Resume { role: options.role, by: Party::User };
    change(at, options.role, command, "goes on")?;
    Ok(Done::Clean)
}

fn change(at: &Invocation, role: Option<Role>, command: Command, told: &str) -> Result<(), Failure> {
    let store = at.open(Access::Existing)?;
    store.execute(command)?;
    if at.out.is_json() {
        return at.out.document(&json!({ "pauses": store.pauses()? }));
    }
    let who = role.map_or_else(|| "the whole crew".to_owned(), |role| format!("the {role}"));
    at.out.line(format!("{who} {told}"))
}
