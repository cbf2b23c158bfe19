//! `new`: gives the crew a task, now, later, or again and again.

use std::io::Read as _;
use std::path::Path;

use groundcrew_core::contract::published::CONTRACTS;
use groundcrew_core::incident::Incident;
use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::{Beat, NewSchedule};
use groundcrew_core::task::{IncidentId, IncidentLink, NewTask, ProjectId, TaskId};
use groundcrew_crew::agents::task_types;
use groundcrew_crew::config::Span;
use groundcrew_crew::nearest::nearest;
use groundcrew_store::{Access, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::signals::awaited;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::{Moment, New, Source};
use crate::settling::{no_such_incident, no_such_task};

/// Largest context that is taken, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Creates a task or a schedule.
pub(super) fn run(options: &New, at: &Invocation) -> Result<Done, Failure> {
    let role = role(options, at)?;
    let context = context(options)?;
    let store = at.open(Access::Existing)?;
    let project = at.project(store.as_ref())?.map(|project| project.id);
    if options.every.is_some() || options.cron.is_some() || options.name.is_some() {
        return schedule(options, at, store.as_ref(), role, context, project);
    }
    let incident = options.incident.map(|id| incident(at, store.as_ref(), id)).transpose()?;
    let parent = options.parent.map(|id| parent(at, store.as_ref(), id)).transpose()?;
    let mut task = NewTask::new(&options.task_type, role, Party::User, context);
    task.priority = options.priority;
    task.parent = parent;
    task.project = project.or(incident.as_ref().map(|incident| incident.project));
    task.incident = incident.map_or(IncidentLink::None, |incident| IncidentLink::Id(incident.id));
    task.run_at = options.at.map(|at| run_at(store.as_ref(), at)).transpose()?;
    task.after.clone_from(&options.after);
    let receipt = store.execute(Command::Create(Box::new(task)))?;
    let created = receipt.inserted.first().map(|id| store.task(*id)).transpose()?.flatten();
    let Some(task) = created else {
        return Err(Failure::new(Kind::Failed, "the database says that no task was created"));
    };
    if at.out.is_json() {
        at.out.document(&json!({ "task": task }))?;
        return Ok(Done::Clean);
    }
    let when = match (task.run_at, &options.after) {
        (None, _) => "waits in the queue".to_owned(),
        (Some(then), Some(signal)) => format!("waits for {}", awaited(signal, then)),
        (Some(then), None) => format!("waits until {}", moment(then)),
    };
    at.out.line(format!("task {}, {} for {role}, {when}", task.id, escape::line(&task.task_type)))?;
    Ok(Done::Clean)
}

/// Who does a task: whoever was named, or the one role that can.
fn role(options: &New, at: &Invocation) -> Result<Role, Failure> {
    let task_type = &options.task_type;
    let roles: Vec<Role> =
        task_types().filter(|(known, _)| known == task_type).map(|(_, role)| role).collect();
    let near = nearest(task_type, task_types().map(|(known, _)| known));
    let meant = near.map(|near| format!("did you mean `{near}`?"));
    match (options.role, roles.as_slice()) {
        (Some(role), []) => {
            let meant = meant.map_or_else(String::new, |meant| format!("; {meant}"));
            at.out.warn(format!("no agent of this crew does {}{meant}", escape::line(task_type)));
            Ok(role)
        }
        (Some(role), roles) if !roles.contains(&role) => {
            at.out.warn(format!("the {role} of this crew does no {task_type}"));
            Ok(role)
        }
        (Some(role), _) => Ok(role),
        (None, [role]) => Ok(*role),
        (None, []) => {
            let failure = Failure::new(
                Kind::Usage,
                format!("no agent of this crew does {task_type:?}, so its role is not known"),
            );
            let failure = meant.into_iter().fold(failure, Failure::hint);
            Err(failure.hint("for a task of another program, name the role with --role"))
        }
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|role| role.as_str()).collect();
            Err(Failure::new(Kind::Usage, format!("several roles do {task_type}: {}", names.join(", ")))
                .hint("name one of them with --role"))
        }
    }
}

/// The context that was given, checked against what the task type takes.
fn context(options: &New) -> Result<Value, Failure> {
    let context = json_of(&options.context, "the context")?;
    let contract = CONTRACTS.iter().find(|contract| contract.task_type == options.task_type);
    if let Some(Err(error)) = contract.map(|contract| contract.check(&context)) {
        return Err(Failure::new(Kind::Usage, error.to_string())
            .hint(format!("`groundcrew schema {}` says what it takes", options.task_type)));
    }
    Ok(context)
}

/// The JSON that was given as an argument of this name.
pub(super) fn json_of(source: &Source, name: &str) -> Result<Value, Failure> {
    let (text, from) = match source {
        Source::Text(text) => (text.clone(), name.to_owned()),
        Source::File(path) => (read_file(path)?, path.display().to_string()),
        Source::Stdin => (read(std::io::stdin().lock(), "standard input")?, "standard input".to_owned()),
    };
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(Kind::Usage, format!("{from} is not JSON: {error}")))
}

fn read_file(path: &Path) -> Result<String, Failure> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| Failure::new(Kind::Usage, format!("cannot read {name}: {error}"));
    let kind = std::fs::metadata(path).map_err(failed)?;
    // A pipe under this name would have the command wait for ever.
    if !kind.is_file() {
        return Err(Failure::new(Kind::Usage, format!("cannot read {name}: it is no plain file")));
    }
    read(std::fs::File::open(path).map_err(failed)?, &name)
}

fn read(from: impl std::io::Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(Kind::Usage, format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::new(Kind::Usage, format!("{name} is larger than {LARGEST} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(Kind::Usage, format!("{name} is not UTF-8 text")))
}

fn incident(at: &Invocation, store: &dyn Store, id: i64) -> Result<Incident, Failure> {
    store.incident(IncidentId(id))?.ok_or_else(|| no_such_incident(at, id))
}

fn parent(at: &Invocation, store: &dyn Store, id: i64) -> Result<TaskId, Failure> {
    store.task(TaskId(id))?.map(|task| task.id).ok_or_else(|| no_such_task(at, id))
}

/// The moment before which the task is not ready, by the clock that it will be held against.
fn run_at(store: &dyn Store, wanted: Moment) -> Result<Timestamp, Failure> {
    match wanted {
        Moment::At(time) => Ok(time),
        Moment::In(length) => {
            let now = store.now()?;
            SignedDuration::try_from(length)
                .ok()
                .and_then(|length| now.checked_add(length).ok())
                .ok_or_else(|| Failure::new(Kind::Usage, "--at lies too far in the future"))
        }
    }
}

fn schedule(
    options: &New,
    at: &Invocation,
    store: &dyn Store,
    role: Role,
    context: Value,
    project: Option<ProjectId>,
) -> Result<Done, Failure> {
    let together = || Failure::new(Kind::Usage, "--name belongs to --every or --cron");
    let name = options.name.as_ref().ok_or_else(together)?;
    let beat = match (options.every, &options.cron) {
        (Some(every), _) => Beat::Every(
            SignedDuration::try_from(every).map_err(|_| Failure::new(Kind::Usage, "--every is too long"))?,
        ),
        (None, Some(cron)) => Beat::Cron(cron.clone()),
        (None, None) => return Err(together()),
    };
    let when = match &beat {
        Beat::Every(every) => {
            format!("every {}", String::from(Span::seconds(every.as_secs().unsigned_abs())))
        }
        Beat::Cron(cron) => format!("at {cron}"),
    };
    let mut schedule = NewSchedule::new(name, &options.task_type, role, beat, context);
    schedule.missed = options.missed;
    schedule.project = project;
    schedule.priority = options.priority;
    schedule.first_at = options.at.map(|at| run_at(store, at)).transpose()?;
    store.execute(Command::AddSchedule(Box::new(schedule)))?;
    if at.out.is_json() {
        let added = store.schedules()?.into_iter().find(|known| known.name == *name);
        at.out.document(&json!({ "schedule": added }))?;
    } else {
        let name = escape::line(name);
        at.out.line(format!("schedule {name}: {} for {role} {when}", escape::line(&options.task_type)))?;
        at.out
            .note(format!("`{}` ends it", at.command(&format!("schedules remove {}", escape::shell(&name)))));
    }
    Ok(Done::Clean)
}
