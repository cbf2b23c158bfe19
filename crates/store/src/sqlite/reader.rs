//! The reading side: a few connections that cannot write, and every question that can be asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use groundcrew_core::agent::{AgentState, Pause};
use groundcrew_core::event::Event;
use groundcrew_core::incident::{Hidden, Incident, IncidentStatus, Traffic, bucket};
use groundcrew_core::log::LogEntry;
use groundcrew_core::message::{Message, MessageType};
use groundcrew_core::role::Role;
use groundcrew_core::schedule::Schedule;
use groundcrew_core::signal::{Await, Signal};
use groundcrew_core::step::Step;
use groundcrew_core::task::{IncidentId, MessageId, ProjectId, Status, Task, TaskId};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::query::{
    AGENTS, ANSWERS_OF, ATTEMPTS, AWAITS, BOOKMARK, COUNTS, CURSOR, CURSORS, Db, EVENTS, HIDDEN, HOLDER,
    INBOX, INCIDENT, INCIDENT_BUCKETS, INCIDENT_COUNTS, INCIDENT_COUNTS_OF, INCIDENTS, LATEST_OF, LOGS,
    LOGS_NEWEST, LOGS_NEWEST_OF_TASK, LOGS_OF_TASK, MESSAGES_NEWEST, MESSAGES_OF_TASK, MESSAGES_OF_WORKFLOW,
    MESSAGES_TO, PAUSES, PROJECTS, SCHEDULES, SETTING, SIGNAL, SIGNALS, SIMILAR, STEPS, TASKS_NEWEST,
    TASKS_OF_INCIDENT, TASKS_OF_ROLE, TRAFFIC, WORKERS, WORKFLOW,
};
use super::{file, load, row};
use crate::error::StoreError;
use crate::time::written;
use crate::view::{
    Attempt, Count, DEFAULT_LIMIT, InboxItem, IncidentFilter, LogFilter, MessageFilter, Project, TaskFilter,
    Worker,
};

/// Idle connections that are kept.
const KEPT: usize = 4;

/// A few connections that cannot write, made when they are needed.
pub(super) struct Readers {
    path: Arc<Path>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: Arc<Path>) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    /// Asks something on a connection that nobody else uses meanwhile.
    pub(super) fn with<T>(&self, ask: impl FnOnce(Db<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => file::open_to_read(&self.path)?,
        };
        let answer = ask(Db { connection: &connection, path: &self.path })?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(answer)
    }
}

pub(super) fn similar(db: Db<'_>, incident: &Incident, limit: u32) -> Result<Vec<Incident>, StoreError> {
    let Some(family) = &incident.family else { return Ok(Vec::new()) };
    db.all(SIMILAR, params![incident.project.0, family, incident.id.0, limit], row::incident)
}

pub(super) fn knows(db: Db<'_>, project: ProjectId, fingerprint: &str) -> Result<bool, StoreError> {
    Ok(db.first(HOLDER, params![project.0, fingerprint], row::incident)?.is_some())
}

pub(super) fn hidden(db: Db<'_>, project: ProjectId) -> Result<Vec<Hidden>, StoreError> {
    db.all(HIDDEN, [project.0], row::hidden)
}

pub(super) fn task(db: Db<'_>, id: TaskId) -> Result<Option<Task>, StoreError> {
    load::task(db, id)
}

/// Tasks, newest first, by whichever index serves the filter.
pub(super) fn tasks(db: Db<'_>, filter: &TaskFilter) -> Result<Vec<Task>, StoreError> {
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT);
    let before = filter.before.map_or(i64::MAX, |id| id.0);
    let project = filter.project.map(|id| id.0);
    let mut found = match (filter.root, filter.incident) {
        (Some(root), _) => workflow(db, root)?,
        (None, Some(incident)) => db.all(TASKS_OF_INCIDENT, [incident.0], row::task)?,
        (None, None) if filter.role.is_none() && filter.status.is_none() => {
            return db.all(TASKS_NEWEST, params![before, project, limit, filter.task_type], row::task);
        }
        (None, None) => by_role_and_status(db, filter, before, limit)?,
    };
    let wanted = |task: &Task| {
        task.id.0 < before
            && filter.role.is_none_or(|role| task.assigned_to == role)
            && filter.status.is_none_or(|status| task.status == status)
            && filter.incident.is_none_or(|incident| task.incident == Some(incident))
            && filter.project.is_none_or(|project| task.project == Some(project))
            && filter.task_type.as_ref().is_none_or(|task_type| task.task_type == *task_type)
    };
    found.retain(wanted);
    found.sort_by_key(|task| std::cmp::Reverse(task.id));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// The newest of every role and status asked for: each is one walk along the given index, and nothing is sorted.
fn by_role_and_status(
    db: Db<'_>,
    filter: &TaskFilter,
    before: i64,
    limit: u32,
) -> Result<Vec<Task>, StoreError> {
    let roles = filter.role.as_ref().map_or(Role::ALL, std::slice::from_ref);
    let statuses = filter.status.as_ref().map_or(Status::ALL, std::slice::from_ref);
    let project = filter.project.map(|id| id.0);
    let mut found = Vec::new();
    for role in roles {
        for status in statuses {
            let values = params![before, project, limit, role.as_str(), status.as_str(), filter.task_type];
            found.extend(db.all(TASKS_OF_ROLE, values, row::task)?);
        }
    }
    Ok(found)
}

pub(super) fn workflow(db: Db<'_>, id: TaskId) -> Result<Vec<Task>, StoreError> {
    db.all(WORKFLOW, [id.0], row::task)
}

pub(super) fn messages(db: Db<'_>, filter: &MessageFilter) -> Result<Vec<Message>, StoreError> {
    let query = match (filter.task, &filter.to) {
        (Some(_), _) => MESSAGES_OF_TASK,
        (None, Some(_)) => MESSAGES_TO,
        (None, None) => MESSAGES_NEWEST,
    };
    let task = filter.task.map(|id| id.0);
    let of_type = filter.message_type.map(MessageType::as_str);
    let before = filter.before.map_or(i64::MAX, |id| id.0);
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT);
    if let Some(root) = filter.root {
        let values = params![task, filter.to, of_type, filter.unread_only, before, limit, root.0];
        return db.all(MESSAGES_OF_WORKFLOW, values, row::message);
    }
    db.all(query, params![task, filter.to, of_type, filter.unread_only, before, limit], row::message)
}

pub(super) fn message(db: Db<'_>, id: MessageId) -> Result<Option<Message>, StoreError> {
    load::message(db, id)
}

pub(super) fn inbox(db: Db<'_>) -> Result<Vec<InboxItem>, StoreError> {
    let questions = db.all(INBOX, [], row::message)?;
    let item = |message: Message| {
        let task = message.task.map(|id| load::task(db, id)).transpose()?.flatten();
        let about = task.as_ref().and_then(|task| task.incident);
        let incident = about.map(|id| incident(db, id)).transpose()?.flatten();
        Ok(InboxItem { message, task, incident })
    };
    questions.into_iter().map(item).collect()
}

pub(super) fn answers_of(db: Db<'_>, task: TaskId) -> Result<Vec<Message>, StoreError> {
    db.all(ANSWERS_OF, [task.0], row::message)
}

pub(super) fn logs(db: Db<'_>, filter: &LogFilter) -> Result<Vec<LogEntry>, StoreError> {
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT);
    let task = filter.task.map(|id| id.0);
    let Some(after) = filter.after_id else {
        let query = if task.is_some() { LOGS_NEWEST_OF_TASK } else { LOGS_NEWEST };
        let mut newest = db.all(query, params![task, filter.agent, limit], row::log)?;
        newest.reverse();
        return Ok(newest);
    };
    let query = if task.is_some() { LOGS_OF_TASK } else { LOGS };
    db.all(query, params![task, filter.agent, after, limit], row::log)
}

pub(super) fn incidents(db: Db<'_>, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
    let values = params![
        filter.project.map(|id| id.0),
        filter.status.map(|status| status.as_str()),
        filter.fingerprint,
        filter.limit.unwrap_or(DEFAULT_LIMIT),
        filter.merged,
    ];
    db.all(INCIDENTS, values, row::incident)
}

pub(super) fn incident_counts(
    db: Db<'_>,
    project: Option<ProjectId>,
) -> Result<Vec<(IncidentStatus, u64)>, StoreError> {
    let mut counts: Vec<(IncidentStatus, u64)> = match project {
        None => db.all(INCIDENT_COUNTS, [], row::incident_count)?,
        Some(project) => db.all(INCIDENT_COUNTS_OF, [project.0], row::incident_count)?,
    };
    counts.retain(|(_, incidents)| *incidents > 0);
    Ok(counts)
}

pub(super) fn latest_of(
    db: Db<'_>,
    incidents: &[IncidentId],
    task_type: &str,
) -> Result<Vec<Task>, StoreError> {
    let wanted: Vec<i64> = incidents.iter().map(|incident| incident.0).collect();
    db.all(LATEST_OF, params![Value::from(wanted).to_string(), task_type], row::task)
}

pub(super) fn incident_buckets(
    db: Db<'_>,
    incident: IncidentId,
    since: Timestamp,
) -> Result<Vec<(Timestamp, u64)>, StoreError> {
    db.all(INCIDENT_BUCKETS, params![incident.0, written(bucket(since))], row::bucket)
}

pub(super) fn traffic(db: Db<'_>, project: ProjectId, since: Timestamp) -> Result<Vec<Traffic>, StoreError> {
    db.all(TRAFFIC, params![project.0, written(bucket(since))], row::traffic)
}

pub(super) fn signals(db: Db<'_>) -> Result<Vec<Signal>, StoreError> {
    db.all(SIGNALS, [], row::signal)
}

pub(super) fn signal(db: Db<'_>, name: &str) -> Result<Option<Signal>, StoreError> {
    db.first(SIGNAL, [name], row::signal)
}

pub(super) fn awaits(db: Db<'_>) -> Result<Vec<Await>, StoreError> {
    db.all(AWAITS, [], row::awaits)
}

pub(super) fn pauses(db: Db<'_>) -> Result<Vec<Pause>, StoreError> {
    db.all(PAUSES, [], row::pause)
}

pub(super) fn schedules(db: Db<'_>) -> Result<Vec<Schedule>, StoreError> {
    db.all(SCHEDULES, [None::<&str>], row::schedule)
}

pub(super) fn events(db: Db<'_>, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
    db.all(EVENTS, params![after, limit], row::event)
}

pub(super) fn bookmark(db: Db<'_>, name: &str) -> Result<i64, StoreError> {
    db.number(BOOKMARK, [name])
}

pub(super) fn incident(db: Db<'_>, id: IncidentId) -> Result<Option<Incident>, StoreError> {
    db.first(INCIDENT, [id.0], row::incident)
}

/// The six roles; one whose row another program deleted shows as fresh.
pub(super) fn agents(db: Db<'_>) -> Result<Vec<AgentState>, StoreError> {
    let stored = db.all(AGENTS, [], row::agent)?;
    let mut stored: BTreeMap<Role, AgentState> =
        stored.into_iter().map(|agent| (agent.role, agent)).collect();
    Ok(Role::ALL.iter().map(|&role| stored.remove(&role).unwrap_or_else(|| AgentState::new(role))).collect())
}

pub(super) fn attempts(db: Db<'_>, task: TaskId) -> Result<Vec<Attempt>, StoreError> {
    db.all(ATTEMPTS, [task.0], row::attempt)
}

pub(super) fn steps(db: Db<'_>, task: TaskId) -> Result<Vec<Step>, StoreError> {
    db.all(STEPS, [task.0], row::step)
}

pub(super) fn projects(
    db: Db<'_>,
    id: Option<ProjectId>,
    name: Option<&str>,
    root: Option<&str>,
) -> Result<Vec<Project>, StoreError> {
    db.all(PROJECTS, params![id.map(|id| id.0), name, root], row::project)
}

pub(super) fn cursor(db: Db<'_>, project: ProjectId, source: &str) -> Result<Option<Value>, StoreError> {
    db.first(CURSOR, params![project.0, source], row::first_json)
}

pub(super) fn cursors(db: Db<'_>, project: ProjectId) -> Result<Vec<(String, Value)>, StoreError> {
    db.all(CURSORS, [project.0], row::source_and_json)
}

pub(super) fn workers(db: Db<'_>) -> Result<Vec<Worker>, StoreError> {
    db.all(WORKERS, [], row::worker)
}

pub(super) fn counts(db: Db<'_>) -> Result<Vec<Count>, StoreError> {
    let mut counts = db.all(COUNTS, [], row::count)?;
    counts.sort();
    Ok(counts)
}

pub(super) fn redaction_key(db: Db<'_>) -> Result<[u8; 32], StoreError> {
    let text = db.first(SETTING, ["redaction_key"], row::first_text)?.unwrap_or_default();
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()))
        .collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| StoreError::BadRow {
        table: "crew_settings",
        id: "redaction_key".to_owned(),
        column: "value",
        value: format!("{} characters", text.len()),
    })
}
