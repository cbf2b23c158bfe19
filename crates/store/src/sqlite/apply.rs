//! Writes what the state machine decided, and the few things that are no part of a task's life.

use groundcrew_core::cron::Cron;
use groundcrew_core::event::{MessageLink, NewEvent};
use groundcrew_core::incident::{Hidden, IncidentChange, IncidentStatus, Sighting, Traffic, bucket};
use groundcrew_core::lifecycle::{Plan, Snapshot, Write};
use groundcrew_core::log::NewLog;
use groundcrew_core::message::NewMessage;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::Schedule;
use groundcrew_core::task::{IncidentId, IncidentLink, MessageId, NewTask, ProjectId, Status, Task, TaskId};
use jiff::Timestamp;
use rusqlite::params;
use serde_json::Value;

use super::query::{
    ABOVE, ADD_FINGERPRINT, ADD_PROJECT, ADD_SCHEDULE, ADD_TO_BUCKET, ADD_TRAFFIC, ADVANCE_BOOKMARK, AWAIT,
    BEAT_WORKER, CHANGE_INCIDENT, CLAIM_TASK, CLOSE_ATTEMPT, COUNT_FOR_OTHERS, Db, EMIT, END_AWAIT, END_TASK,
    HIDE, INCIDENT, INCIDENT_OF, INSERT_EVENT, INSERT_LOG, INSERT_MESSAGE, INSERT_TASK, KEEP_OWN_SEEN,
    LIFT_PAUSE, MARK_READ, NAME_RELEASES, OPEN_ATTEMPT, PROJECTS, READDRESS, RECORD_STEP, REGISTER_WORKER,
    REMOVE_SCHEDULE, REMOVE_WORKER, RENEW_TASK, RESTORE_SEEN, SET_CURSOR, SET_MERGED, SET_PAUSE, SET_WAIT,
    SIGHT, TICK, UPDATE_TASK,
};
use super::row;
use super::session::Session;
use super::{limits, lines, load};
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
    session: &mut Session<'_>,
    snapshot: &Snapshot,
    plan: &Plan,
    now: Timestamp,
) -> Result<Written, StoreError> {
    let db = session.db;
    let mut done = Written::default();
    let at = written(now);
    for write in &plan.writes {
        #[cfg(feature = "torn")]
        if let Write::HandOff(..) = write {
            let split = db.connection.execute_batch("COMMIT; BEGIN IMMEDIATE");
            split.map_err(|error| db.fault("split a transaction", error))?;
        }
        match write {
            Write::InsertTask(task) => done.inserted.push(insert_task(session, snapshot, task, &at)?),
            Write::HandOff(task, message) => {
                let next = insert_task(session, snapshot, task, &at)?;
                let mut message = message.clone();
                message.metadata["next"] = Value::from(next.0);
                done.inserted.push(next);
                done.messages.push(insert_message(db, task.parent, &message, &at)?);
            }
            Write::UpdateTask(task) => update_task(session, snapshot, task)?,
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
            Write::Readdress(message, party) => {
                db.run(READDRESS, params![message.0, party.as_str()])?;
            }
            Write::InsertLog(task, party, log) => insert_log(db, *task, *party, log, &at)?,
            Write::ChangeAgent(change) => session.roles.change(db, change)?,
            Write::OpenAttempt(task, token, worker) => {
                db.run(OPEN_ATTEMPT, params![task.0, token.0, worker, at])?;
            }
            Write::RecordStep(task, token, name, value) => {
                db.run(RECORD_STEP, params![task.0, name, value.to_string(), token.0, at])?;
            }
            Write::CloseAttempt(task, token, outcome, error) => {
                db.run(CLOSE_ATTEMPT, params![task.0, token.0, at, outcome, error])?;
            }
            Write::Sight(project, sighting, status) => sight(db, *project, sighting, *status)?,
            Write::AlsoKnownAs(incident, fingerprint, version) => {
                db.run(ADD_FINGERPRINT, params![incident.0, fingerprint, version])?;
            }
            Write::Hide(project, hidden) => hide(db, *project, hidden)?,
            Write::ChangeIncident(incident, change) => change_incident(db, incident.0, change)?,
            Write::SetCursor(project, source, cursor) => {
                db.run(SET_CURSOR, params![project.0, source, cursor.to_string()])?;
            }
            Write::AddTraffic(project, traffic) => add_traffic(db, *project, traffic)?,
            Write::SeeReleases(project, releases) => lines::see_releases(db, *project, releases)?,
            Write::Mine(project, mined) => lines::mine(db, *project, mined, now)?,
            Write::Notice(project, noticed) => lines::notice(db, *project, noticed, now)?,
            Write::Merge(incident, into) => merge(db, *incident, *into)?,
            Write::SetPause(pause) => {
                session.forget_holds();
                let (since, by) = (written(pause.since), pause.by.as_str());
                db.run(SET_PAUSE, params![paused(pause.role), since, by, pause.reason])?;
            }
            Write::LiftPause(role) => {
                session.forget_holds();
                db.run(LIFT_PAUSE, [paused(*role)])?;
            }
            Write::Emit(signal) => {
                let (payload, by) = (signal.payload.to_string(), signal.by.as_str());
                db.run(EMIT, params![signal.name, payload, written(signal.emitted_at), by])?;
            }
            Write::Await(task, signal) => {
                db.run(AWAIT, params![task.0, signal, at])?;
            }
            Write::EndAwait(task) => {
                db.run(END_AWAIT, [task.0])?;
            }
            Write::SetLimit(limit) => {
                session.forget_holds();
                limits::set(db, limit)?;
            }
            Write::ClearLimit(scope) => {
                session.forget_holds();
                limits::clear(db, scope)?;
            }
            Write::CountStart(scope, window, started) => {
                session.forget_holds();
                limits::count_start(db, scope, *window, *started)?;
            }
            Write::AddSchedule(schedule) => add_schedule(db, schedule)?,
            Write::RemoveSchedule(name) => {
                db.run(REMOVE_SCHEDULE, [name])?;
            }
            Write::Tick(name, next_at, task) => {
                let made = task.as_ref().map(|task| insert_task(session, snapshot, task, &at)).transpose()?;
                db.run(TICK, params![name, written(*next_at), made.map(|task| task.0)])?;
                done.inserted.extend(made);
            }
            Write::Event(event) => insert_event(db, event, done.question, &at)?,
        }
    }
    Ok(done)
}

fn insert_task(
    session: &mut Session<'_>,
    snapshot: &Snapshot,
    task: &NewTask,
    at: &str,
) -> Result<TaskId, StoreError> {
    let db = session.db;
    // A task without a project belongs to the first one, and so does the incident that it names by fingerprint.
    let project = task.project.or(snapshot.task.as_ref().and_then(|task| task.project));
    let incident = incident_of(db, &task.incident, project, &task.task_type)?;
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
        task.once_key,
    ];
    let id = TaskId(db.insert(INSERT_TASK, values)?);
    if let Some(signal) = &task.after {
        db.run(AWAIT, params![id.0, signal, at])?;
    }
    session.underway.added(task.assigned_to);
    Ok(id)
}

fn incident_of(
    db: Db<'_>,
    link: &IncidentLink,
    project: Option<ProjectId>,
    what: &str,
) -> Result<Option<i64>, StoreError> {
    match link {
        IncidentLink::None => Ok(None),
        IncidentLink::Id(incident) => Ok(Some(incident.0)),
        IncidentLink::Fingerprint(fingerprint) => {
            let project = project.map(|project| project.0);
            let found = db.numbers(INCIDENT_OF, params![project, fingerprint])?;
            let missing = || StoreError::NoSuchIncident { task_type: what.to_owned() };
            found.first().copied().map(Some).ok_or_else(missing)
        }
    }
}

/// Which columns of a task a command changed. SQLite looks at every index that a statement might touch, so the few changes
/// that nearly all commands make have statements of their own.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    /// The end of its lease.
    Renewal,
    /// What a claim changes.
    Claim,
    /// What the end of a run changes.
    End,
    /// Anything.
    Any,
}

impl Change {
    fn between(before: &Task, after: &Task) -> Self {
        let keeps_rest = before.retry_count == after.retry_count
            && before.incident == after.incident
            && before.refusal_code == after.refusal_code;
        let keeps_start = before.started_at == after.started_at
            && before.run_at == after.run_at
            && before.lease_token == after.lease_token;
        let keeps_end = before.result == after.result
            && before.error_message == after.error_message
            && before.completed_at == after.completed_at;
        let renews = match (&before.lease, &after.lease) {
            (Some(old), Some(new)) => old.owner == new.owner && old.since == new.since,
            _ => false,
        };
        if !keeps_rest || after.wait.is_some() {
            Self::Any
        } else if keeps_start && keeps_end && renews && before.status == after.status {
            Self::Renewal
        } else if keeps_end && after.status == Status::Running {
            Self::Claim
        } else if keeps_start && after.lease.is_none() {
            Self::End
        } else {
            Self::Any
        }
    }
}

fn update_task(session: &mut Session<'_>, snapshot: &Snapshot, task: &Task) -> Result<(), StoreError> {
    let parent = snapshot.waiting_parent.as_ref().map(|parent| &parent.task);
    let before = snapshot.task.iter().chain(parent).find(|before| before.id == task.id);
    // A plan is about these two tasks and writes each of them once.
    let before = before.ok_or(StoreError::Vanished { task: task.id })?;
    let db = session.db;
    let project = task.project.map(|project| project.0);
    let lease = task.lease.as_ref();
    let (owner, since, until) = (
        lease.map(|lease| lease.owner.as_str()),
        lease.map(|lease| written(lease.since)),
        lease.map(|lease| written(lease.until)),
    );
    let started = || task.started_at.map(written);
    let completed = || task.completed_at.map(written);
    let result = || task.result.as_ref().map(Value::to_string);
    let run_at = || task.run_at.map(written);
    let (id, status, token) = (task.id.0, task.status.as_str(), task.lease_token.0);
    let written = match Change::between(before, task) {
        Change::Renewal => db.run(RENEW_TASK, params![id, until])?,
        Change::Claim => {
            let values = params![id, started(), run_at(), token, owner, since, until, project];
            db.run(CLAIM_TASK, values)?
        }
        Change::End => {
            let values = params![id, status, result(), task.error_message, completed(), project];
            db.run(END_TASK, values)?
        }
        Change::Any => {
            let values = params![
                id,
                status,
                result(),
                task.error_message,
                started(),
                completed(),
                task.retry_count,
                project,
                task.incident.map(|incident| incident.0),
                run_at(),
                token,
                owner,
                since,
                until,
                task.wait.as_ref().map(|wait| wait.on.as_str()),
                task.wait.as_ref().and_then(|wait| wait.message).map(|message| message.0),
                task.refusal_code,
            ];
            db.run(UPDATE_TASK, values)?
        }
    };
    if written == 0 {
        return Err(StoreError::Vanished { task: task.id });
    }
    session.underway.moved(task, before.status);
    Ok(())
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
    Ok(MessageId(db.insert(INSERT_MESSAGE, values)?))
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
        whole(sighting.count),
        written(sighting.first),
        written(sighting.last),
        serde_json::json!(sighting.sample).to_string(),
        sighting.grouping.family,
        sighting.grouping.rule,
    ];
    let incident = db.number(SIGHT, values)?;
    let (first, last) = (written(sighting.first), written(sighting.last));
    db.run(COUNT_FOR_OTHERS, params![incident, whole(sighting.count), first, last])?;
    for (at, count) in sighting.counted() {
        db.run(ADD_TO_BUCKET, params![incident, written(at), whole(count)])?;
    }
    lines::add_releases(db, incident, &sighting.releases)?;
    if !sighting.releases.is_empty() {
        for above in db.numbers(ABOVE, [incident])? {
            db.run(NAME_RELEASES, [above])?;
        }
    }
    Ok(())
}

fn hide(db: Db<'_>, project: ProjectId, hidden: &Hidden) -> Result<(), StoreError> {
    let (first, last) = (written(hidden.first), written(hidden.last));
    db.run(HIDE, params![project.0, hidden.rule, whole(hidden.count), first, last])?;
    Ok(())
}

/// Lets the occurrences of an incident count for another one too, or takes them back.
fn merge(db: Db<'_>, id: IncidentId, into: Option<IncidentId>) -> Result<(), StoreError> {
    let Some(incident) = db.first(INCIDENT, [id.0], row::incident)? else { return Ok(()) };
    let (first, last) = (written(incident.first_seen), written(incident.last_seen));
    let set = || db.run(SET_MERGED, params![id.0, into.map(|into| into.0)]);
    let count = |count| db.run(COUNT_FOR_OTHERS, params![id.0, count, first, last]);
    let before = db.numbers(ABOVE, [id.0])?;
    if let Some(into) = into {
        db.run(KEEP_OWN_SEEN, [into.0])?;
        set()?;
        count(whole(incident.occurrences))?;
    } else {
        count(-whole(incident.occurrences))?;
        set()?;
        for above in &before {
            db.run(RESTORE_SEEN, [*above])?;
        }
    }
    for above in before.into_iter().chain(db.numbers(ABOVE, [id.0])?) {
        db.run(NAME_RELEASES, [above])?;
    }
    Ok(())
}

fn add_traffic(db: Db<'_>, project: ProjectId, traffic: &Traffic) -> Result<(), StoreError> {
    let values = params![
        project.0,
        traffic.source,
        written(bucket(traffic.bucket)),
        whole(traffic.lines),
        whole(traffic.records),
        whole(traffic.errors),
    ];
    db.run(ADD_TRAFFIC, values)?;
    Ok(())
}

fn add_schedule(db: Db<'_>, schedule: &Schedule) -> Result<(), StoreError> {
    let values = params![
        schedule.name,
        schedule.task_type,
        schedule.role.as_str(),
        schedule.project.map(|project| project.0),
        schedule.priority,
        schedule.context.to_string(),
        whole(schedule.every_s),
        written(schedule.next_at),
        schedule.created_by,
        schedule.cron.as_ref().map(Cron::as_str),
        schedule.missed.as_str(),
    ];
    db.run(ADD_SCHEDULE, values)?;
    Ok(())
}

fn insert_event(
    db: Db<'_>,
    event: &NewEvent,
    question: Option<MessageId>,
    at: &str,
) -> Result<(), StoreError> {
    let incident = incident_of(db, &event.incident, event.project, event.kind.as_str())?;
    let message = match event.message {
        MessageLink::None => None,
        MessageLink::Id(message) => Some(message),
        MessageLink::Question => question,
    };
    let values = params![
        at,
        event.kind.as_str(),
        event.project.map(|project| project.0),
        incident,
        event.task.map(|task| task.0),
        message.map(|message| message.0),
        event.title,
        event.data.to_string(),
    ];
    db.run(INSERT_EVENT, values)?;
    Ok(())
}

fn paused(role: Option<Role>) -> &'static str {
    role.map_or(row::ALL_ROLES, Role::as_str)
}

/// A count as the database holds it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Moves a bookmark; false if it is not where the caller believes it to be.
pub(super) fn advance_bookmark(
    session: &mut Session<'_>,
    name: &str,
    from: i64,
    to: i64,
) -> Result<bool, StoreError> {
    Ok(session.db.run(ADVANCE_BOOKMARK, params![name, from, to])? > 0)
}

fn change_incident(db: Db<'_>, incident: i64, change: &IncidentChange) -> Result<(), StoreError> {
    let values = params![
        incident,
        change.status.map(|word| word.as_str()),
        change.category.map(|word| word.as_str()),
        change.severity.map(|word| word.as_str()),
        change.reason,
        change.branch,
        change.fix_commit,
        change.released_at.map(written),
        change.ignored.as_ref().map(|ignored| serde_json::json!(ignored).to_string()),
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
    let at = written(session.now());
    Ok(ProjectId(session.db.number(ADD_PROJECT, params![name, root, config.to_string(), at])?))
}

/// Announces a worker.
pub(super) fn register_worker(session: &mut Session<'_>, worker: &NewWorker) -> Result<(), StoreError> {
    let at = written(session.now());
    let roles = serde_json::json!(worker.roles).to_string();
    session.db.run(REGISTER_WORKER, params![worker.name, worker.host, worker.pid, roles, at])?;
    Ok(())
}

/// Notes that a worker is alive; false if it is not announced.
pub(super) fn beat_worker(session: &mut Session<'_>, name: &str) -> Result<bool, StoreError> {
    let at = written(session.now());
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
    insert_log(session.db, task, party, entry, &written(session.now()))
}
