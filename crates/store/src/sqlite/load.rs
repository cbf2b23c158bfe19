//! Loads what the state machine needs to decide a command.

use std::collections::BTreeMap;

use groundcrew_core::agent::{AgentState, AgentStatus};
use groundcrew_core::incident::{IncidentStatus, Sighting};
use groundcrew_core::lifecycle::{Command, MOST_WAITING, RoleLoad, Snapshot, WaitingParent, wanted_keys};
use groundcrew_core::message::Message;
use groundcrew_core::role::Role;
use groundcrew_core::task::{BlockedOn, MessageId, ProjectId, Status, Task, TaskId};
use rusqlite::params;
use serde_json::Map;

use super::query::{
    AGENT, Db, INCIDENT_STATUS, KEY_TAKEN, MESSAGE, OPEN_CHILDREN, OTHER_BLOCKED, OTHER_RUNNING, READY, TASK,
    WAITING_UP_TO,
};
use super::row;
use crate::error::StoreError;

/// One task.
pub(super) fn task(db: Db<'_>, id: TaskId) -> Result<Option<Task>, StoreError> {
    db.first(TASK, [id.0], row::task)
}

/// One message.
pub(super) fn message(db: Db<'_>, id: MessageId) -> Result<Option<Message>, StoreError> {
    db.first(MESSAGE, [id.0], row::message)
}

/// Everything the state machine may look at for this command.
pub(super) fn snapshot(db: Db<'_>, command: &Command) -> Result<Snapshot, StoreError> {
    let (about, question) = about(db, command)?;
    let mut snapshot = Snapshot { question, ..Snapshot::default() };
    if let Some(task) = &about {
        snapshot.agent = Some(agent(db, task.assigned_to)?);
        snapshot.role_load = role_load(db, task)?;
        snapshot.waiting_parent = waiting_parent(db, task)?;
        if let Command::Settle(settlement) = command {
            snapshot.open_children = open_children(db, task.id, TaskId(0))?;
            if let Some(project) = task.project {
                snapshot.known = known(db, project, &settlement.sightings)?;
                snapshot.triage_waiting = triage_waiting(db)?;
            }
        }
    }
    for key in wanted_keys(command, about.as_ref()) {
        let own = about.as_ref().map_or(0, |task| task.id.0);
        if db.number(KEY_TAKEN, params![key, own])? != 0 {
            snapshot.taken_keys.insert(key);
        }
    }
    snapshot.task = about;
    Ok(snapshot)
}

/// The task that a command is about, and for an answer the question.
fn about(db: Db<'_>, command: &Command) -> Result<(Option<Task>, Option<Message>), StoreError> {
    let id = match command {
        Command::Create(_) => return Ok((None, None)),
        Command::Claim { role, only: None, .. } => {
            return Ok((db.first(READY, [role.as_str()], row::task)?, None));
        }
        Command::Answer { question, .. } => {
            let question = message(db, *question)?;
            let task = question.as_ref().and_then(|question| question.task);
            let task = task.map(|id| self::task(db, id)).transpose()?.flatten();
            return Ok((task, question));
        }
        Command::Claim { only: Some(task), .. }
        | Command::Heartbeat { task, .. }
        | Command::Note { task, .. }
        | Command::Adopt { task, .. }
        | Command::Promote { task }
        | Command::Rescue { task, .. }
        | Command::Cancel { task, .. }
        | Command::Redrive { task, .. } => *task,
        Command::Settle(settlement) => settlement.task,
    };
    Ok((task(db, id)?, None))
}

/// A role's state row; a row that another program deleted counts as a fresh one.
fn agent(db: Db<'_>, role: Role) -> Result<AgentState, StoreError> {
    Ok(db.first(AGENT, [role.as_str()], row::agent)?.unwrap_or_else(|| fresh(role)))
}

/// The state of a role that has done nothing yet.
pub(super) fn fresh(role: Role) -> AgentState {
    AgentState { role, last_active: None, current_task: None, status: AgentStatus::Idle, metrics: Map::new() }
}

fn role_load(db: Db<'_>, task: &Task) -> Result<RoleLoad, StoreError> {
    let besides = params![task.assigned_to.as_str(), task.id.0];
    Ok(RoleLoad {
        other_running: db.numbers(OTHER_RUNNING, besides)?.first().copied().map(TaskId),
        other_blocked: u64::try_from(db.number(OTHER_BLOCKED, besides)?).unwrap_or(0),
    })
}

fn waiting_parent(db: Db<'_>, child: &Task) -> Result<Option<Box<WaitingParent>>, StoreError> {
    let Some(parent) = child.parent.map(|id| task(db, id)).transpose()?.flatten() else { return Ok(None) };
    let waits = parent.status == Status::Blocked
        && parent.wait.as_ref().is_some_and(|wait| wait.on == BlockedOn::Children);
    if !waits {
        return Ok(None);
    }
    Ok(Some(Box::new(WaitingParent {
        open_children: open_children(db, parent.id, child.id)?,
        agent: agent(db, parent.assigned_to)?,
        role_load: role_load(db, &parent)?,
        task: parent,
    })))
}

fn open_children(db: Db<'_>, parent: TaskId, besides: TaskId) -> Result<u64, StoreError> {
    Ok(u64::try_from(db.number(OPEN_CHILDREN, [parent.0, besides.0])?).unwrap_or(0))
}

fn triage_waiting(db: Db<'_>) -> Result<u64, StoreError> {
    let most = i64::try_from(MOST_WAITING).unwrap_or(i64::MAX);
    let waiting = db.number(WAITING_UP_TO, params![Role::Triage.as_str(), most])?;
    Ok(u64::try_from(waiting).unwrap_or(0))
}

fn known(
    db: Db<'_>,
    project: ProjectId,
    sightings: &[Sighting],
) -> Result<BTreeMap<String, IncidentStatus>, StoreError> {
    let mut known = BTreeMap::new();
    for sighting in sightings {
        let status =
            db.first(INCIDENT_STATUS, params![project.0, sighting.fingerprint], row::incident_status)?;
        if let Some(status) = status {
            known.insert(sighting.fingerprint.clone(), status);
        }
    }
    Ok(known)
}
