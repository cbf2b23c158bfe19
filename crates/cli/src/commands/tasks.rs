//! `tasks`: the queue, and taking a task out of it or putting it back.

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_core::task::{Status, Task, TaskId};
use groundcrew_store::{Access, Store, StoreError, TaskFilter};
use serde::Serialize;
use serde_json::json;

use crate::escape;
use crate::evidence::of_workflow;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::{Redrive, TaskAction, Tasks};
use crate::output::{Output, Style};
use crate::settling::no_such_task;
use crate::table::Table;

/// Longest error in a list, in characters.
const ERROR: usize = 80;

/// Lists tasks, cancels one or puts one back.
pub(super) fn run(options: &Tasks, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        None => list(options, at),
        Some(TaskAction::Cancel { id, reason, workflow: true }) => cancel_workflow(at, *id, reason),
        Some(TaskAction::Cancel { id, reason, workflow: false }) => {
            change(at, *id, cancel(TaskId(*id), reason), "cancelled")
        }
        Some(TaskAction::Retry { id }) => {
            change(at, *id, Command::Redrive { task: TaskId(*id), by: Party::User }, "back in the queue")
        }
        Some(TaskAction::Redrive(which)) => redrive(at, which),
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

fn cancel(task: TaskId, reason: &str) -> Command {
    Command::Cancel { task, by: Party::User, reason: reason.to_owned() }
}

/// What became of tasks that were changed together.
#[derive(Debug, Default, Serialize)]
struct Bulk {
    /// Those that were changed.
    changed: Vec<TaskId>,
    /// Those that were not, and why.
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    task: TaskId,
    reason: String,
}

impl Bulk {
    /// Carries a command out for each task. A refusal stops nothing: somebody else may be at one of them.
    fn of(
        store: &dyn Store,
        tasks: impl IntoIterator<Item = TaskId>,
        command: impl Fn(TaskId) -> Command,
    ) -> Result<Self, Failure> {
        let mut bulk = Self::default();
        for task in tasks {
            match store.execute(command(task)) {
                Ok(_) => bulk.changed.push(task),
                Err(StoreError::Refused(refusal)) => {
                    bulk.refused.push(Refused { task, reason: refusal.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(bulk)
    }

    fn report(&self, at: &Invocation, done: &str) -> Result<Done, Failure> {
        let end = if self.refused.is_empty() { Done::Clean } else { Done::NotClean };
        if at.out.is_json() {
            at.out.document(self)?;
            return Ok(end);
        }
        let ids: Vec<String> = self.changed.iter().map(|task| format!("#{task}")).collect();
        match self.changed.len() {
            0 => at.out.line(format!("no task is {done}"))?,
            1 => at.out.line(format!("1 task is {done}: {}", ids.join(", ")))?,
            more => at.out.line(format!("{more} tasks are {done}: {}", ids.join(", ")))?,
        }
        for refused in &self.refused {
            at.out.line(format!("#{} is left as it is: {}", refused.task, escape::line(&refused.reason)))?;
        }
        Ok(end)
    }
}

/// Ends every open task of a workflow, but not the work on other errors that the same reading of a log started.
fn cancel_workflow(at: &Invocation, id: i64, reason: &str) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    let Some(task) = store.task(TaskId(id))? else { return Err(no_such_task(at, id)) };
    let mut open = of_workflow(store.as_ref(), &task)?;
    open.retain(|task| !task.status.is_final());
    // Children first: a parent that waits for them would be woken by their end.
    let ids = open.iter().rev().map(|task| task.id);
    Bulk::of(store.as_ref(), ids, |task| cancel(task, reason))?.report(at, "cancelled")
}

/// Puts failed tasks back into the queue.
fn redrive(at: &Invocation, which: &Redrive) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    let mut failed = store.tasks(&TaskFilter {
        status: Some(Status::Failed),
        role: which.role,
        project: at.project(store.as_ref())?.map(|project| project.id),
        limit: Some(u32::MAX),
        ..TaskFilter::default()
    })?;
    failed.reverse();
    let of_type = |task: &Task| which.task_type.as_ref().is_none_or(|wanted| task.task_type == *wanted);
    let ids = failed.iter().filter(|task| of_type(task) && !was_cancelled(task)).map(|task| task.id);
    let command = |task| Command::Redrive { task, by: Party::User };
    Bulk::of(store.as_ref(), ids, command)?.report(at, "back in the queue")
}

/// Whether somebody ended the task on purpose.
fn was_cancelled(task: &Task) -> bool {
    task.error_message.as_deref().is_some_and(|error| error.starts_with("cancelled by "))
}
