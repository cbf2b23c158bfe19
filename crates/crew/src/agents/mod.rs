//! The six agents, one file each.

mod answers;
mod architect;
mod bench;
pub(crate) mod branches;
mod dependency;
mod developer;
mod failing;
mod monitor;
mod proposed;
mod publish;
mod qa;
mod rebase;
mod review;
mod rounds;
mod searching;
mod security;
mod triage;

pub(crate) use bench::Proven;
use groundcrew_core::role::Role;
use groundcrew_core::task::Task;

use crate::agent::{Agent, Trouble};

/// Remembers between tasks which files the commit has that it looked at last.
static TRIAGE: triage::Triage = triage::Triage::new();

/// The agent of a role.
pub(crate) fn agent(role: Role) -> &'static dyn Agent {
    match role {
        Role::Monitor => &monitor::Monitor,
        Role::Triage => &TRIAGE,
        Role::Developer => &developer::Developer,
        Role::Qa => &qa::Qa,
        Role::Security => &security::Security,
        Role::Architect => &architect::Architect,
    }
}

/// The task types that the crew's own agents handle, with the role of each. The set is open: a row may name another.
pub fn task_types() -> impl Iterator<Item = (&'static str, Role)> {
    Role::ALL.iter().flat_map(|role| agent(*role).task_types().iter().map(move |name| (*name, *role)))
}

/// What becomes of a question to a role that has no rule for it: the task fails, and the question goes to the person.
pub(crate) fn cannot_judge(task: &Task) -> Trouble {
    let asker = task.context.get("asked_by").and_then(serde_json::Value::as_str).unwrap_or("asker");
    Trouble::refused(
        "no_rule",
        format!("no rule of the {} answers what the {asker} asks; a person has to", task.assigned_to),
    )
}
