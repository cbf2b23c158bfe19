//! What the tasks of a run do, as data: told by the context of each, and known to the worker and to the checker alike.

use groundcrew_core::lifecycle::Command;
use groundcrew_core::limit::{NewLimit, Scope};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Task, TaskId};
use serde_json::{Value, json};

/// Type of a task that somebody created.
pub(super) const ROOT: &str = "chaos_root";
/// Type of a task that another one handed off.
pub(super) const NEXT: &str = "chaos_next";
/// Type of a task that another one created and waits for.
pub(super) const CHILD: &str = "chaos_child";
/// Children of a task that waits for them.
pub(super) const CHILDREN: u64 = 3;
/// Steps of a task that takes several.
pub(super) const STEPS: u64 = 3;
/// Children that may run at once, in all processes together.
pub(super) const CHILDREN_AT_ONCE: u32 = 2;
/// Links of the longest chain of hand-offs after its first task.
const LONGEST: u64 = 2;

/// What a task does before it completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing else.
    Plain,
    /// It works long enough to be stopped in the middle.
    Slow,
    /// It creates children and waits for all of them.
    Parent,
    /// It takes several steps and repeats none that is recorded.
    Stepper,
    /// It asks the person.
    Asker,
    /// It waits for a signal.
    Waiter,
    /// It asks another role.
    RoleAsker,
    /// Its first run says that the machine misbehaved.
    Retried,
    /// It fails for good.
    Refused,
}

impl Part {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Plain, "plain"),
        (Self::Slow, "slow"),
        (Self::Parent, "parent"),
        (Self::Stepper, "stepper"),
        (Self::Asker, "asker"),
        (Self::Waiter, "waiter"),
        (Self::RoleAsker, "role_asker"),
        (Self::Retried, "retried"),
        (Self::Refused, "refused"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(part, _)| *part == self).map_or("plain", |(_, word)| word)
    }

    /// The part of a task.
    pub(super) fn of(task: &Task) -> Self {
        let word = task.context.get("part").and_then(Value::as_str).unwrap_or_default();
        Self::ALL.iter().find(|(_, known)| *known == word).map_or(Self::Plain, |(part, _)| *part)
    }

    /// The part of the `n`th task that is created.
    pub(super) fn nth(n: u64) -> Self {
        match n % 16 {
            0 | 5 => Self::Parent,
            1 | 9 => Self::Asker,
            3 => Self::RoleAsker,
            12 => Self::Waiter,
            4 | 10 => Self::Stepper,
            6 => Self::Retried,
            11 => Self::Refused,
            2 | 7 | 13 => Self::Slow,
            _ => Self::Plain,
        }
    }
}

/// What bounds the tasks of a run.
pub(super) fn limit() -> Command {
    let scope = Scope::Type(CHILD.to_owned());
    let limit = NewLimit { scope, concurrency: Some(CHILDREN_AT_ONCE), rate: None };
    Command::SetLimit { limit, by: Party::User }
}

/// The task that somebody creates.
pub(super) fn root(part: Part) -> NewTask {
    NewTask::new(ROOT, Role::Triage, Party::User, json!({ "part": part.word() }))
}

/// The child of this number of a task that waits for its children.
pub(super) fn child(parent: &Task, number: u64) -> NewTask {
    let mut child =
        NewTask::new(CHILD, Role::Developer, parent.assigned_to.into(), json!({ "number": number }));
    child.parent = Some(parent.id);
    child.priority = 7;
    child.once_key = Some(format!("{CHILD}:{}:{number}", parent.id));
    child
}

/// What a task hands off when it completes.
pub(super) fn hand_off(task: &Task) -> Option<NewTask> {
    let link = link(task)?;
    let role = if link.is_multiple_of(2) { Role::Qa } else { Role::Security };
    let context = json!({ "after": task.id, "by": task.lease_token, "link": link });
    Some(NewTask::new(NEXT, role, task.assigned_to.into(), context))
}

/// The link of the chain that follows a task, if one does.
fn link(task: &Task) -> Option<u64> {
    match task.task_type.as_str() {
        ROOT => Some(0),
        NEXT => {
            let at = task.context.get("link").and_then(Value::as_u64)?;
            (at + 1 < LONGEST).then_some(at + 1)
        }
        _ => None,
    }
}

/// Whether a task of this type has effects outside of the database when it completes.
pub(super) fn has_effects(task: &Task) -> bool {
    matches!(task.task_type.as_str(), ROOT | NEXT | CHILD)
}

/// Whether a task is to hand off another one when it completes.
pub(super) fn hands_off(task: &Task) -> bool {
    link(task).is_some()
}

/// The signal that a task waits for.
pub(super) fn signal(task: TaskId) -> String {
    format!("go {task}")
}

/// The name of a step.
pub(super) fn step(number: u64) -> String {
    format!("step {number}")
}

/// What the idempotent effect of a task writes.
pub(super) fn note(task: TaskId) -> String {
    format!("task {task} was done\n")
}
