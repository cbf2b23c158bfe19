//! `inbox`: what waits for the person, with everything needed to decide and the commands to type.

use groundcrew_core::incident::IncidentStatus;
use groundcrew_core::message::{Binding, Choice};
use groundcrew_core::task::{IncidentId, MessageId, TaskId};
use groundcrew_store::{Access, InboxItem, IncidentFilter, Store};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::escape;
use crate::evidence::{Evidence, grade_line, short};
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::output::Style;

/// Similar incidents that are named.
const SIMILAR: u32 = 3;

/// One thing that waits.
#[derive(Debug, Serialize)]
pub(crate) struct Waiting {
    /// What to name in `answer`, `approve` and `reject`.
    pub(crate) id: MessageId,
    /// `approval` or `question`.
    pub(crate) kind: &'static str,
    /// Who asks.
    pub(crate) from: String,
    /// What is asked.
    pub(crate) question: String,
    /// Ways to answer.
    pub(crate) choices: Vec<Choice>,
    /// What the agent would do.
    pub(crate) default: Option<String>,
    /// The exact commit an approval is for.
    pub(crate) binding: Option<Binding>,
    /// Task that waits.
    pub(crate) task: Option<TaskId>,
    /// The incident it is about.
    pub(crate) incident: Option<IncidentId>,
    /// Incidents that may be the same as that one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) similar: Vec<Similar>,
    /// Since when.
    pub(crate) since: Timestamp,
    /// For an approval, what was shown.
    pub(crate) evidence: Option<Evidence>,
    /// Commands to type.
    pub(crate) commands: Vec<String>,
}

/// An incident that may be the same as another one.
#[derive(Debug, Serialize)]
pub(crate) struct Similar {
    /// Its number.
    pub(crate) id: IncidentId,
    /// What became of it.
    pub(crate) status: IncidentStatus,
    /// Commit of its approved fix.
    pub(crate) fix_commit: Option<String>,
}

impl Similar {
    fn told(&self) -> String {
        match &self.fix_commit {
            Some(commit) => format!("incident {} (fixed in {})", self.id, short(commit)),
            None => format!("incident {} ({})", self.id, self.status),
        }
    }
}

/// Prints what waits for the person.
pub(super) fn run(at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let waiting = waiting(at, store.as_ref())?;
    let needed = needed(at, store.as_ref())?;
    if at.out.is_json() {
        at.out.document(&json!({ "inbox": waiting, "needs_human": needed }))?;
        return Ok(Done::Clean);
    }
    if waiting.is_empty() && needed == 0 {
        at.out.line("nothing waits for you")?;
    }
    for (number, item) in waiting.iter().enumerate() {
        if number > 0 {
            at.out.line("")?;
        }
        at.out.lines(lines(at, item))?;
    }
    if needed > 0 {
        let (errors, need) = if needed == 1 { ("error", "needs") } else { ("errors", "need") };
        let command = at.command("incidents --status needs_human");
        at.out.line(format!("{needed} {errors} that the crew cannot repair {need} you: {command}"))?;
    }
    Ok(Done::Clean)
}

/// Incidents that were handed to the person, of the project that was named or of all. They ask nothing.
fn needed(at: &Invocation, store: &dyn Store) -> Result<usize, Failure> {
    let filter = IncidentFilter {
        project: at.project(store)?.map(|project| project.id),
        status: Some(IncidentStatus::NeedsHuman),
        ..IncidentFilter::default()
    };
    Ok(store.incidents(&filter)?.len())
}

/// Everything that waits, oldest first, of the project that was named or of all.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn waiting(at: &Invocation, store: &dyn Store) -> Result<Vec<Waiting>, Failure> {
    let only = at.project(store)?.map(|project| project.id);
    let mut waiting = Vec::new();
    for item in store.inbox()? {
        let project = item.task.as_ref().and_then(|task| task.project);
        if only.is_none() || only == project {
            waiting.push(describe(at, store, item)?);
        }
    }
    Ok(waiting)
}

fn describe(at: &Invocation, store: &dyn Store, item: InboxItem) -> Result<Waiting, Failure> {
    let message = item.message;
    let binding = message.binding();
    let choices = message.choices();
    let evidence = match (&binding, &item.task) {
        (Some(_), Some(task)) => Evidence::of(store, task)?,
        _ => None,
    };
    let commands = match &binding {
        Some(_) => approval_commands(at, message.id, item.task.as_ref().map(|task| task.id)),
        None if choices.is_empty() => vec![at.command(&format!("answer {} TEXT", message.id))],
        None => choices
            .iter()
            .map(|known| at.command(&format!("answer {} {}", message.id, escape::shell(&known.key))))
            .collect(),
    };
    let similar = match &item.incident {
        Some(incident) => store.similar(incident, SIMILAR)?,
        None => Vec::new(),
    };
    let similar = similar.into_iter().map(|other| Similar {
        id: other.id,
        status: other.status,
        fix_commit: other.fix_commit,
    });
    Ok(Waiting {
        similar: similar.collect(),
        id: message.id,
        kind: if binding.is_some() { "approval" } else { "question" },
        from: message.from.clone(),
        default: message.metadata.get("default").and_then(Value::as_str).map(str::to_owned),
        question: message.content,
        choices,
        binding,
        task: item.task.as_ref().map(|task| task.id),
        incident: item.incident.map(|incident| incident.id),
        since: message.created_at,
        evidence,
        commands,
    })
}

fn approval_commands(at: &Invocation, id: MessageId, task: Option<TaskId>) -> Vec<String> {
    let mut commands: Vec<String> =
        task.map(|task| at.command(&format!("show {task} --diff"))).into_iter().collect();
    commands.push(at.command(&format!("approve {id}")));
    commands.push(at.command(&format!("approve {id} --into BRANCH")));
    commands.push(at.command(&format!("reject {id} --reason TEXT")));
    commands
}

/// One item for people.
pub(crate) fn lines(at: &Invocation, item: &Waiting) -> Vec<String> {
    let out = &at.out;
    let head = format!("[{}] {}", item.id, escape::line(&item.question));
    let mut lines = vec![out.paint(Style::Strong, &head)];
    let about = item.incident.map_or_else(String::new, |incident| format!(", incident {incident}"));
    let task = item.task.map_or_else(String::new, |task| format!(", task {task}"));
    lines.push(format!(
        "    {} by {}{task}{about}, since {}",
        item.kind,
        escape::line(&item.from),
        moment(item.since)
    ));
    if !item.similar.is_empty() {
        let told: Vec<String> = item.similar.iter().map(Similar::told).collect();
        lines.push(format!("    similar to {}", told.join(", ")));
    }
    if let Some(bound) = &item.binding {
        lines.push(format!("    branch {} at {}", escape::line(&bound.branch), short(&bound.commit)));
    }
    if let Some(evidence) = &item.evidence {
        if let Some(grade) = evidence.grade {
            lines.push(format!("    grade {}", grade_line(out, grade)));
        }
        lines.push(format!(
            "    {}: {}",
            escape::line(&evidence.strategy),
            escape::line(&evidence.explanation)
        ));
    }
    for choice in &item.choices {
        let mark = if item.default.as_deref() == Some(&choice.key) { " (the agent's choice)" } else { "" };
        lines.push(format!("    - {}: {}{mark}", escape::line(&choice.key), escape::line(&choice.text)));
    }
    lines.extend(item.commands.iter().map(|command| format!("    $ {}", escape::line(command))));
    lines
}
