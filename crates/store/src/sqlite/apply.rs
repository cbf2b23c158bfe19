//! Writes what the state machine decided, and the few things that are no part of a task's life.

use groundcrew_core::incident::{IncidentChange, IncidentStatus, Sighting};
use groundcrew_core::lifecycle::{Plan, Snapshot, Write};
use groundcrew_core::log::NewLog;
use groundcrew_core::message::NewMessage;
use groundcrew_core::role::Party;
use groundcrew_core::task::{IncidentLink, MessageId, NewTask, ProjectId, Task, TaskId};
use jiff::Timestamp;
use rusqlite::params;
use serde_json::Value;

use super::load;
use super::query::{
    ADD_PROJECT, BEAT_WORKER, CHANGE_INCIDENT, CLOSE_ATTEMPT, Db, INCIDENT_STATUS, INSERT_LOG,
    INSERT_MESSAGE, INSERT_TASK, MARK_READ, OPEN_ATTEMPT, PROJECTS, REGISTER_WORKER, REMOVE_WORKER,
    SET_AGENT, SET_CURSOR, SET_WAIT, SIGHT, UPDATE_TASK,
};
use super::row;
use super::session::Session;
use crate::error::StoreError;
use crate::time::written;
use crate::view::NewWorker;

/// Keys of the rows that a plan added.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) inserted: Vec<TaskId>,
    pub(super) messages: Vec<MessageId>,
    pub(super) question: Option<MessageId>,
}

/// Writes a plan, in its order.
pub(super) fn plan(
    db: Db<'_>,
    snapshot: &Snapshot,
    plan: &Plan,
    now: Timestamp,
) -> Result<Written, StoreError> {
    let mut done = Written::default();
    let at = written(now);
    for write in &plan.writes {
        match write {
            Write::InsertTask(task) => done.inserted.push(insert_task(db, snapshot, task, &at)?),
            Write::UpdateTask(task) => update_task(db, task)?,
            Write::InsertMessage(task, message) => {
                done.messages.push(insert_message(db, *task, message, &at)?);
            }
            Write::InsertQuestion(task, on, message) => {
                let question = insert_message(db, Some(*task), message, &at)?;
                db.run(SET_WAIT, params![task.0, on.as_str(), question.0])?;
                done.messages.push(question);
                done.question = Some(question);
            }
            Write::MarkRead(message) => {
                db.run(MARK_READ, params![message.0, at])?;
            }
            Write::InsertLog(task, party, log) => insert_log(db, *task, *party, log, &at)?,
            Write::SetAgent(agent) => {
                let current = agent.current_task.map(|task| task.0);
                let active = agent.last_active.map(written);
                let metrics = Value::Object(agent.metrics.clone()).to_string();
                db.run(
                    SET_AGENT,
                    params![agent.role.as_str(), active, current, agent.status.as_str(), metrics],
                )?;
            }
            Write::OpenAttempt(task, token, worker) => {
                db.run(OPEN_ATTEMPT, params![task.0, token.0, worker, at])?;
            }
            Write::CloseAttempt(task, token, outcome, error) => {
                db.run(CLOSE_ATTEMPT, params![task.0, token.0, at, outcome, error])?;
            }
            Write::Sight(project, sighting, status) => sight(db, *project, sighting, *status)?,
            Write::ChangeIncident(incident, change) => change_incident(db, incident.0, change)?,
            Write::SetCursor(project, source, cursor) => {
                db.run(SET_CURSOR, params![project.0, source, cursor.to_string()])?;
            }
        }
    }
    Ok(done)
}

fn insert_task(db: Db<'_>, snapshot: &Snapshot, task: &NewTask, at: &str) -> Result<TaskId, StoreError> {
    // A task without a project belongs to the first one, and so does the incident that it names by fingerprint.
    let project = task.project.or(snapshot.task.as_ref().and_then(|task| task.project));
    let incident = incident_of(db, task, project)?;
    let values = params![
        task.task_type,
        task.assigned_to.as_str(),
        task.created_by.as_str(),
        task.priority,
        task.context.to_string(),
        task.parent.map(|parent| parent.0),
        at,
        task.project.map(|project| project.0),
        incident,
        task.run_at.map(written),
        task.dedupe_key,
    ];
    Ok(TaskId(db.number(INSERT_TASK, values)?))
}

fn incident_of(db: Db<'_>, task: &NewTask, project: Option<ProjectId>) -> Result<Option<i64>, StoreError> {
    match &task.incident {
        IncidentLink::None => Ok(None),
        IncidentLink::Id(incident) => Ok(Some(incident.0)),
        IncidentLink::Fingerprint(fingerprint) => {
            let project = project.map(|project| project.0);
            let found = db.numbers(INCIDENT_STATUS, params![project, fingerprint])?;
            let missing = || StoreError::NoSuchIncident { task_type: task.task_type.clone() };
            found.first().copied().map(Some).ok_or_else(missing)
        }
    }
}

fn update_task(db: Db<'_>, task: &Task) -> Result<(), StoreError> {
    let values = params![
        task.id.0,
        task.status.as_str(),
        task.result.as_ref().map(Value::to_string),
        task.error_message,
        task.started_at.map(written),
        task.completed_at.map(written),
        task.retry_count,
        task.project.map(|project| project.0),
        task.incident.map(|incident| incident.0),
        task.run_at.map(written),
        task.lease_token.0,
        task.lease.as_ref().map(|lease| lease.owner.as_str()),
        task.lease.as_ref().map(|lease| written(lease.since)),
        task.lease.as_ref().map(|lease| written(lease.until)),
        task.wait.as_ref().map(|wait| wait.on.as_str()),
        task.wait.as_ref().and_then(|wait| wait.message).map(|message| message.0),
        task.refusal_code,
    ];
    match db.run(UPDATE_TASK, values)? {
        0 => Err(StoreError::Vanished { task: task.id }),
        _ => Ok(()),
    }
}

fn insert_message(
    db: Db<'_>,
    task: Option<TaskId>,
    message: &NewMessage,
    at: &str,
) -> Result<MessageId, StoreError> {
    let values = params![
        task.map(|task| task.0),
        message.from,
        message.to,
        message.message_type.as_str(),
        message.content,
        message.metadata.to_string(),
        at,
    ];
    Ok(MessageId(db.number(INSERT_MESSAGE, values)?))
}

fn insert_log(
    db: Db<'_>,
    task: Option<TaskId>,
    party: Party,
    log: &NewLog,
    at: &str,
) -> Result<(), StoreError> {
    let data = (log.data != Value::Null).then(|| log.data.to_string());
    let task = task.map(|task| task.0);
    db.run(INSERT_LOG, params![task, party.as_str(), log.level.as_str(), log.message, data, at])?;
    Ok(())
}

fn sight(
    db: Db<'_>,
    project: ProjectId,
    sighting: &Sighting,
    status: Option<IncidentStatus>,
) -> Result<(), StoreError> {
    let values = params![
        project.0,
        sighting.fingerprint,
        sighting.fingerprint_version,
        sighting.title,
        status.map(IncidentStatus::as_str),
        i64::try_from(sighting.count).unwrap_or(i64::MAX),
        written(sighting.first),
        written(sighting.last),
        serde_json::json!(sighting.sample).to_string(),
    ];
    db.run(SIGHT, values)?;
    Ok(())
}

fn change_incident(db: Db<'_>, incident: i64, change: &IncidentChange) -> Result<(), StoreError> {
    let values = params![
        incident,
        change.status.map(|word| word.as_str()),
        change.category.map(|word| word.as_str()),
        change.severity.map(|word| word.as_str()),
        change.reason,
        change.branch,
    ];
    db.run(CHANGE_INCIDENT, values)?;
    Ok(())
}

/// Adds a project, or renames and reconfigures the one with this root.
pub(super) fn add_project(
    session: &mut Session<'_>,
    name: &str,
    root: &str,
    config: &Value,
) -> Result<ProjectId, StoreError> {
    let by_name = params![None::<i64>, Some(name), None::<&str>];
    let namesake = session.db.first(PROJECTS, by_name, row::project)?;
    if namesake.is_some_and(|other| other.root != root) {
        return Err(StoreError::ProjectName { name: name.to_owned(), root: root.to_owned() });
    }
    let at = written(session.now()?);
    Ok(ProjectId(session.db.number(ADD_PROJECT, params![name, root, config.to_string(), at])?))
}

/// Announces a worker.
pub(super) fn register_worker(session: &mut Session<'_>, worker: &NewWorker) -> Result<(), StoreError> {
    let at = written(session.now()?);
    let roles = serde_json::json!(worker.roles).to_string();
    session.db.run(REGISTER_WORKER, params![worker.name, worker.host, worker.pid, roles, at])?;
    Ok(())
}

/// Notes that a worker is alive; false if it is not announced.
pub(super) fn beat_worker(session: &mut Session<'_>, name: &str) -> Result<bool, StoreError> {
    let at = written(session.now()?);
    Ok(session.db.run(BEAT_WORKER, params![name, at])? > 0)
}

/// Forgets a worker.
pub(super) fn remove_worker(session: &mut Session<'_>, name: &str) -> Result<(), StoreError> {
    session.db.run(REMOVE_WORKER, [name])?;
    Ok(())
}

/// Adds an entry to the audit log.
pub(super) fn log(
    session: &mut Session<'_>,
    task: Option<TaskId>,
    party: Party,
    entry: &NewLog,
) -> Result<(), StoreError> {
    if let Some(id) = task
        && load::task(session.db, id)?.is_none()
    {
        return Err(StoreError::Vanished { task: id });
    }
    insert_log(session.db, task, party, entry, &written(session.now()?))
}
