//! `show`: one task with everything around it.

use groundcrew_core::contract::Review;
use groundcrew_core::message::Message;
use groundcrew_core::role::Role;
use groundcrew_core::sarif::of_reviews;
use groundcrew_core::step::Step;
use groundcrew_core::task::{Task, TaskId};
use groundcrew_store::{Access, Attempt, MessageFilter};
use serde_json::{Value, json};

use super::{limits, signals};
use crate::escape;
use crate::evidence::{Evidence, of_same_error, of_workflow, patch_lines};
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::judgement;
use crate::live::moment;
use crate::options::Show;
use crate::output::Style;
use crate::settling::{no_such_task, project_of};
use crate::table::Table;

/// Longest value of a context or result in the summary, in characters.
const VALUE: usize = 160;

/// Shows a task.
pub(super) fn run(options: &Show, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let id = TaskId(options.id);
    let Some(task) = store.task(id)? else { return Err(no_such_task(at, options.id)) };
    let attempts = store.attempts(id)?;
    let steps = store.steps(id)?;
    let mut messages = store.messages(&MessageFilter { task: Some(id), ..MessageFilter::default() })?;
    messages.reverse();
    let workflow = of_workflow(store.as_ref(), &task)?;
    if options.sarif {
        at.out.foreign(&sarif(options.id, &of_same_error(store.as_ref(), &task)?)?)?;
        return Ok(Done::Clean);
    }
    let evidence = Evidence::of(store.as_ref(), &task)?;
    let diff = match (&evidence, options.diff) {
        (_, false) => None,
        (Some(evidence), true) => Some(evidence.diff(&project_of(store.as_ref(), &task)?)?),
        (None, true) => {
            return Err(Failure::new(
                Kind::NotFound,
                format!("the workflow of task {id} has no fix to show a diff of"),
            ));
        }
    };
    let awaited = store.awaits()?.into_iter().find(|wait| wait.task == id).map(|wait| wait.signal);
    if at.out.is_json() {
        let mut document = json!({
            "task": task,
            "awaits": awaited,
            "attempts": attempts,
            "steps": steps,
            "messages": messages,
            "workflow": workflow.iter().map(summary).collect::<Vec<_>>(),
            "evidence": evidence,
        });
        if let Some(diff) = diff {
            document["diff"] = json!(diff);
        }
        at.out.document(&document)?;
        return Ok(Done::Clean);
    }
    let held = limits::holding(store.as_ref(), &task)?;
    print(at, &task, &Around { awaited: awaited.clone(), held, attempts, steps, messages, workflow })?;
    if let Some(judged) = judgement::of(&task) {
        heading(at, "what triage decided")?;
        at.out.lines(judgement::lines(&judged).into_iter().map(|line| format!("  {line}")))?;
    }
    if let Some(evidence) = evidence {
        heading(at, "evidence")?;
        at.out.lines(evidence.lines(&at.out).into_iter().map(|line| format!("  {line}")))?;
    }
    if let Some(diff) = diff {
        heading(at, "diff")?;
        at.out.lines(patch_lines(&at.out, &diff.patch))?;
    }
    Ok(Done::Clean)
}

/// What the security agent found in the workflow, in the interchange format of static analysis.
fn sarif(id: i64, workflow: &[Task]) -> Result<Value, Failure> {
    let results = workflow.iter().filter(|task| task.assigned_to == Role::Security);
    let reviews: Vec<Review> = results
        .filter_map(|task| serde_json::from_value(task.result.as_ref()?.get("review")?.clone()).ok())
        .collect();
    if reviews.is_empty() {
        return Err(Failure::new(
            Kind::NotFound,
            format!("the workflow of task {id} has no security review"),
        ));
    }
    Ok(of_reviews(&reviews))
}

fn summary(task: &Task) -> Value {
    json!({
        "id": task.id,
        "task_type": task.task_type,
        "assigned_to": task.assigned_to,
        "status": task.status,
        "parent": task.parent,
        "outcome": outcome(task),
    })
}

/// What belongs to a task.
struct Around {
    /// The signal that it waits for.
    awaited: Option<String>,
    /// What holds it back.
    held: Vec<String>,
    attempts: Vec<Attempt>,
    steps: Vec<Step>,
    messages: Vec<Message>,
    workflow: Vec<Task>,
}

fn print(at: &Invocation, task: &Task, around: &Around) -> Result<(), Failure> {
    let Around { awaited, held, attempts, steps, messages, workflow } = around;
    let title = format!("task {}: {} for {}", task.id, escape::line(&task.task_type), task.assigned_to);
    at.out.line(at.out.paint(Style::Strong, &title))?;
    at.out.lines(facts(task, awaited.as_deref()))?;
    if !held.is_empty() {
        heading(at, "held back")?;
        at.out.lines(held.iter().map(|line| format!("  {line}")))?;
    }
    heading(at, "context")?;
    at.out.lines(fields(&task.context))?;
    if let Some(result) = &task.result {
        heading(at, "result")?;
        at.out.lines(fields(result))?;
    }
    if !attempts.is_empty() {
        heading(at, "runs")?;
        at.out.lines(attempt_lines(attempts))?;
    }
    if !steps.is_empty() {
        heading(at, "steps that are done")?;
        at.out.lines(step_lines(steps))?;
    }
    if !messages.is_empty() {
        heading(at, "messages")?;
        at.out.lines(messages.iter().map(message_line))?;
    }
    heading(at, "workflow")?;
    at.out.lines(workflow_lines(task, workflow))
}

fn heading(at: &Invocation, text: &str) -> Result<(), Failure> {
    at.out.line(at.out.paint(Style::Strong, text))
}

fn facts(task: &Task, awaited: Option<&str>) -> Vec<String> {
    let mut table = Table::bare();
    let mut fact = |name: &str, value: String| table.row([name.to_owned(), value]);
    fact("status", task.status.to_string());
    if let Some(wait) = &task.wait {
        let message = wait.message.map_or_else(String::new, |message| format!(" [{message}]"));
        fact("waits for", format!("{}{message}", wait.on));
    }
    if let Some(error) = &task.error_message {
        fact("error", escape::brief(error, 4 * VALUE));
    }
    if let Some(code) = &task.refusal_code {
        fact("refusal", escape::line(code));
    }
    fact("priority", task.priority.to_string());
    fact(
        "created",
        format!("{} by {}", moment(task.created_at), escape::line(task.created_by.as_deref().unwrap_or("?"))),
    );
    match (task.run_at, awaited) {
        (Some(at), Some(signal)) => fact("waits for", signals::awaited(signal, at)),
        (Some(at), None) => fact("not before", moment(at)),
        (None, _) => {}
    }
    if let Some(at) = task.completed_at {
        fact("ended", moment(at));
    }
    fact("retries", task.retry_count.to_string());
    if let Some(incident) = task.incident {
        fact("incident", incident.to_string());
    }
    table.lines()
}

/// The top fields of a JSON value, each on one line.
fn fields(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("  {}: {}", escape::line(name), brief(value))).collect()
        }
        Value::Null => vec!["  (empty)".to_owned()],
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            vec![format!("  {}", brief(value))]
        }
    }
}

fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => escape::brief(text, VALUE),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            escape::brief(&value.to_string(), VALUE)
        }
    }
}

fn attempt_lines(attempts: &[Attempt]) -> Vec<String> {
    let mut table = Table::bare();
    for attempt in attempts {
        table.row([
            format!("  {}", attempt.token),
            moment(attempt.started_at),
            escape::line(attempt.outcome.as_deref().unwrap_or("runs")),
            escape::line(&attempt.worker),
            attempt.error.as_deref().map_or_else(String::new, |error| escape::brief(error, VALUE)),
        ]);
    }
    table.lines()
}

fn step_lines(steps: &[Step]) -> Vec<String> {
    let mut table = Table::bare();
    for step in steps {
        table.row([
            format!("  {}", step.token),
            moment(step.at),
            escape::brief(&step.name, VALUE),
            step.value.as_ref().map_or_else(|| "(cannot be read)".to_owned(), brief),
        ]);
    }
    table.lines()
}

fn message_line(message: &Message) -> String {
    format!(
        "  [{}] {} {} to {}: {}",
        message.id,
        message.message_type,
        escape::line(&message.from),
        escape::line(&message.to),
        escape::brief(&message.content, 2 * VALUE)
    )
}

fn workflow_lines(shown: &Task, workflow: &[Task]) -> Vec<String> {
    let mut table = Table::bare();
    for task in workflow {
        let mark = if task.id == shown.id { ">" } else { " " };
        table.row([
            format!("{mark} {}", task.id),
            task.assigned_to.to_string(),
            escape::brief(&task.task_type, 24),
            task.status.to_string(),
            outcome(task).map_or_else(String::new, |outcome| escape::brief(outcome, 40)),
        ]);
    }
    table.lines()
}

/// What a task's result says came of it.
fn outcome(task: &Task) -> Option<&str> {
    task.result.as_ref().and_then(|result| result.get("outcome")).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_of_any_form_is_shown_on_safe_lines() {
        assert_eq!(
            fields(&json!({ "a\u{1b}": "b\nc", "n": [1, "\u{202e}"] })),
            ["  a\\u{1b}: b\\nc", "  n: [1,\"\\u{202e}\"]"]
        );
        assert_eq!(fields(&json!("plain\ttext")), ["  plain\\ttext"]);
        assert_eq!(fields(&Value::Null), ["  (empty)"]);
    }
}
