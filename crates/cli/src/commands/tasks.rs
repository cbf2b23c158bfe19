//! `tasks`: the queue, and taking a task out of it or putting it back.

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_core::task::{Task, TaskId};
use groundcrew_store::{Access, TaskFilter};
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::{TaskAction, Tasks};
use crate::output::{Output, Style};
use crate::settling::no_such_task;
use crate::table::Table;

/// Longest error in a list, in characters.
const ERROR: usize = 80;

/// Lists tasks, cancels one or puts one back.
pub(super) fn run(options: &Tasks, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        None => list(options, at),
        Some(TaskAction::Cancel { id, reason }) => {
            let command = Command::Cancel { task: TaskId(*id), by: Party::User, reason: reason.clone() };
            change(at, *id, command, "cancelled")
        }
        Some(TaskAction::Retry { id }) => {
            change(at, *id, Command::Redrive { task: TaskId(*id), by: Party::User }, "back in the queue")
        }
    }
}

fn list(options: &Tasks, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let found = store.tasks(&TaskFilter {
        status: options.status,
        role: options.role,
        project: at.project(store.as_ref())?.map(|project| project.id),
        limit: Some(options.limit),
        ..TaskFilter::default()
    })?;
    if at.out.is_json() {
        at.out.document(&json!({ "tasks": found }))?;
    } else if found.is_empty() {
        at.out.line("no tasks")?;
    } else {
        at.out.lines(lines(&at.out, &found))?;
    }
    Ok(Done::Clean)
}

/// Tasks for people, one line each.
pub(crate) fn lines(out: &Output, tasks: &[Task]) -> Vec<String> {
    let mut table = Table::new(["id", "prio", "status", "role", "type", "created", "note"]);
    for task in tasks {
        table.row([
            task.id.to_string(),
            task.priority.to_string(),
            task.status.to_string(),
            task.assigned_to.to_string(),
            escape::brief(&task.task_type, 24),
            moment(task.created_at),
            note(task),
        ]);
    }
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = out.paint(Style::Dim, head);
    }
    lines
}

/// What a task waits for, or what went wrong with it.
fn note(task: &Task) -> String {
    if let Some(wait) = &task.wait {
        let message = wait.message.map_or_else(String::new, |message| format!(" [{message}]"));
        return format!("waits for {}{message}", wait.on);
    }
    let retries = if task.retry_count > 0 { format!("retry {}: ", task.retry_count) } else { String::new() };
    task.error_message
        .as_ref()
        .map_or_else(String::new, |error| format!("{retries}{}", escape::brief(error, ERROR)))
}

fn change(at: &Invocation, id: i64, command: Command, done: &str) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    if store.task(TaskId(id))?.is_none() {
        return Err(no_such_task(at, id));
    }
    let task = store.execute(command)?.task;
    if at.out.is_json() {
        at.out.document(&json!({ "task": task }))?;
    } else {
        at.out.line(format!("task {id} is {done}"))?;
    }
    Ok(Done::Clean)
}
