//! Loads what the state machine needs to decide a command.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::incident::{
    Incident, IncidentChange, IncidentStatus, IncidentWish, ReleaseCount, Sighting, Until,
};
use groundcrew_core::lifecycle::{
    Command, Known, KnownBy, MOST_WAITING, Snapshot, WaitingParent, answer_key, awaited_signals, wanted_keys,
};
use groundcrew_core::limit::{Limit, Scope};
use groundcrew_core::message::Message;
use groundcrew_core::role::Role;
use groundcrew_core::schedule::Schedule;
use groundcrew_core::task::{IncidentId, MessageId, ProjectId, Task, TaskId};
use jiff::Timestamp;
use rusqlite::params;

use super::query::{
    AWAITING, CHILDREN, COUNT_STEPS, Db, HAS_ARRIVED, HAS_FURTHER, HOLDER, INCIDENT, KEY_HOLDER, KEY_TAKEN,
    KEY_USED, KNOWN, MESSAGE, OPEN_CHILDREN, OPEN_OF_INCIDENT, Query, READY, READY_LONGEST, SCHEDULES,
    SIGNAL, TASK, UNREAD_WITH_TASK, WAITING_PARENT, WAITING_UP_TO,
};
use super::session::Session;
use super::{limits, lines, row, turns};
use crate::error::StoreError;
use crate::time::written;

/// Tasks that an emission lets go at once; the sweep goes on with the rest, so that no emission holds the write lock for long.
const LET_GO: i64 = 500;

/// One task.
pub(super) fn task(db: Db<'_>, id: TaskId) -> Result<Option<Task>, StoreError> {
    db.first(TASK, [id.0], row::task)
}

/// One message.
pub(super) fn message(db: Db<'_>, id: MessageId) -> Result<Option<Message>, StoreError> {
    db.first(MESSAGE, [id.0], row::message)
}

/// Everything the state machine may look at for this command.
pub(super) fn snapshot(
    session: &mut Session<'_>,
    command: &Command,
    now: Timestamp,
) -> Result<Snapshot, StoreError> {
    let db = session.db;
    let limits = limits_for(session, command)?;
    let (about, question) = about(session, command, &limits)?;
    let mut snapshot = Snapshot { question, limits, ..Snapshot::default() };
    if let Some(task) = &about {
        session.roles.know(db, task.assigned_to)?;
        snapshot.role_load = session.underway.besides(db, task)?;
        snapshot.waiting_parent = waiting_parent(session, command, task)?;
        with_task(db, command, task, &mut snapshot)?;
    }
    snapshot.task = about;
    without_task(session, command, &mut snapshot)?;
    for name in awaited_signals(command) {
        snapshot.emitted.extend(db.first(SIGNAL, [name], row::signal)?.map(|signal| signal.name));
    }
    let wanted = wanted_keys(&snapshot, command, now);
    let own = snapshot.task.as_ref().map_or(0, |task| task.id.0);
    snapshot.taken_keys = gone(db, KEY_TAKEN, wanted.open, own)?;
    snapshot.used_keys = gone(db, KEY_USED, wanted.once, own)?;
    Ok(snapshot)
}

fn gone(
    db: Db<'_>,
    query: Query,
    wanted: BTreeSet<String>,
    own: i64,
) -> Result<BTreeSet<String>, StoreError> {
    let mut gone = BTreeSet::new();
    for key in wanted {
        if db.number(query, params![key, own])? != 0 {
            gone.insert(key);
        }
    }
    Ok(gone)
}

/// What a command about a task needs besides the task and its role.
fn with_task(db: Db<'_>, command: &Command, task: &Task, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    match command {
        Command::Claim { role, .. } => {
            for of in [task.parent, Some(task.id)].into_iter().flatten() {
                let unread = db.all(UNREAD_WITH_TASK, params![of.0, role.as_str()], row::message)?;
                snapshot.messages.extend(unread);
            }
            snapshot.messages.sort_by_key(|message| message.id);
        }
        Command::Settle(settlement) => {
            snapshot.open_children = open_children(db, task.id, TaskId(0))?;
            if let Some(project) = task.project {
                snapshot.known = known(db, project, &settlement.sightings)?;
                snapshot.triage_waiting = triage_waiting(db)?;
            }
            let own = task.incident.filter(|_| settlement.incident != IncidentChange::default());
            let others = settlement.incidents.iter().map(|(incident, _)| *incident);
            snapshot.incidents = incidents(db, own.into_iter().chain(others))?;
            snapshot.asked = asked(db, task)?;
        }
        Command::RecordStep { name, .. } => {
            let found = db.first(COUNT_STEPS, params![task.id.0, name], row::steps)?;
            snapshot.steps = found.unwrap_or_default();
        }
        Command::Promote { .. } => snapshot.arrived = db.number(HAS_ARRIVED, [task.id.0])? != 0,
        Command::Rescue { .. } => snapshot.asked = asked(db, task)?,
        Command::Cancel { .. } => {
            snapshot.asked = asked(db, task)?;
            snapshot.answering = answering(db, task)?;
            snapshot.children = db.numbers(CHILDREN, [task.id.0])?.into_iter().map(TaskId).collect();
        }
        Command::Answer { .. } => snapshot.answering = answering(db, task)?,
        Command::Create(_)
        | Command::Heartbeat { .. }
        | Command::Note { .. }
        | Command::Adopt { .. }
        | Command::Redrive { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Emit { .. }
        | Command::SetLimit { .. }
        | Command::ClearLimit { .. }
        | Command::AddSchedule(_)
        | Command::RemoveSchedule { .. }
        | Command::Tick { .. }
        | Command::Read { .. }
        | Command::Incident { .. } => {}
    }
    Ok(())
}

/// What a command needs that has nothing to do with a task.
fn without_task(
    session: &mut Session<'_>,
    command: &Command,
    snapshot: &mut Snapshot,
) -> Result<(), StoreError> {
    let db = session.db;
    match command {
        Command::Claim { .. } | Command::Pause { .. } | Command::Resume { .. } => {
            snapshot.pauses = session.pauses()?;
        }
        Command::Emit { name, .. } => {
            snapshot.signal = db.first(SIGNAL, [name], row::signal)?;
            let some = db.numbers(AWAITING, params![name, LET_GO])?;
            snapshot.waiting = some.into_iter().map(TaskId).collect();
        }
        Command::AddSchedule(schedule) => snapshot.schedule = self::schedule(db, &schedule.name)?,
        Command::RemoveSchedule { name, .. } | Command::Tick { name } => {
            snapshot.schedule = self::schedule(db, name)?;
        }
        Command::Read { messages, .. } => {
            for id in messages {
                snapshot.messages.extend(message(db, *id)?);
            }
        }
        Command::Incident { incident, wish, .. } => {
            let target = match wish {
                IncidentWish::MergeInto(target) => Some(*target),
                IncidentWish::Ignore { .. } | IncidentWish::Reopen { .. } | IncidentWish::Split => None,
            };
            snapshot.incidents = incidents(db, std::iter::once(*incident).chain(target))?;
            if let IncidentWish::Ignore { until: Some(Until::Released), .. } = wish {
                snapshot.releases = ran(db, *incident, snapshot.incidents.get(incident))?;
            }
            snapshot.open_task = db.numbers(OPEN_OF_INCIDENT, [incident.0])?.first().copied().map(TaskId);
        }
        Command::Create(_)
        | Command::Heartbeat { .. }
        | Command::Note { .. }
        | Command::RecordStep { .. }
        | Command::Settle(_)
        | Command::Adopt { .. }
        | Command::Promote { .. }
        | Command::Rescue { .. }
        | Command::Answer { .. }
        | Command::Cancel { .. }
        | Command::Redrive { .. }
        | Command::SetLimit { .. }
        | Command::ClearLimit { .. } => {}
    }
    Ok(())
}

/// The task that a command is about, and for an answer the question.
fn about(
    session: &Session<'_>,
    command: &Command,
    limits: &[Limit],
) -> Result<(Option<Task>, Option<Message>), StoreError> {
    let db = session.db;
    let id = match command {
        Command::Create(_)
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Emit { .. }
        | Command::SetLimit { .. }
        | Command::ClearLimit { .. }
        | Command::AddSchedule(_)
        | Command::RemoveSchedule { .. }
        | Command::Tick { .. }
        | Command::Read { .. }
        | Command::Incident { .. } => return Ok((None, None)),
        Command::Claim { role, only: None, .. } => {
            return Ok((ready(session, *role, limits)?, None));
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
        | Command::RecordStep { task, .. }
        | Command::Adopt { task, .. }
        | Command::Promote { task }
        | Command::Rescue { task, .. }
        | Command::Cancel { task, .. }
        | Command::Redrive { task, .. } => *task,
        Command::Settle(settlement) => settlement.task,
    };
    Ok((task(db, id)?, None))
}

/// The limits that a command has to do with: it starts or ends a run, or changes one of them.
fn limits_for(session: &mut Session<'_>, command: &Command) -> Result<Vec<Limit>, StoreError> {
    let starts = matches!(command, Command::Claim { .. });
    let ends = matches!(command, Command::Settle(_) | Command::Rescue { .. } | Command::Cancel { .. });
    let changes = matches!(command, Command::SetLimit { .. } | Command::ClearLimit { .. });
    if !(starts || ends || changes) {
        return Ok(Vec::new());
    }
    let mut limits = session.limits()?;
    if starts {
        limits::count(session.db, &mut limits)?;
    }
    Ok(limits)
}

/// The next task of a role that no limit holds back.
fn ready(session: &Session<'_>, role: Role, limits: &[Limit]) -> Result<Option<Task>, StoreError> {
    let db = session.db;
    let spent = limits::spent(limits, session.now());
    if spent.contains(&&Scope::Role(role)) {
        return Ok(None);
    }
    let is_free = |task: &Task| !spent.iter().any(|scope| scope.covers(task));
    if session.turns.is_for_the_oldest(role) {
        let old = session.now().checked_sub(turns::OLD).unwrap_or(Timestamp::MIN);
        let oldest = db.first(READY_LONGEST, params![role.as_str(), written(old)], row::task)?;
        if let Some(oldest) = oldest.filter(is_free) {
            return Ok(Some(oldest));
        }
    }
    match db.first(READY, [role.as_str()], row::task)? {
        Some(first) if !is_free(&first) => limits::next(db, role, &spent),
        first => Ok(first),
    }
}

/// The question that a task is to answer, if the task that asked it still waits for that.
fn asked(db: Db<'_>, task: &Task) -> Result<Option<Message>, StoreError> {
    if task.task_type != ANSWER_QUESTION {
        return Ok(None);
    }
    let Some(asker) = task.parent.map(|id| self::task(db, id)).transpose()?.flatten() else {
        return Ok(None);
    };
    if task.dedupe_key != Some(answer_key(asker.id, asker.lease_token)) {
        return Ok(None);
    }
    let question = asker.wait.and_then(|wait| wait.message);
    let question = question.map(|id| message(db, id)).transpose()?.flatten();
    Ok(question.filter(|question| question.read_at.is_none()))
}

/// The open task that is to answer what this one waits for.
fn answering(db: Db<'_>, task: &Task) -> Result<Option<TaskId>, StoreError> {
    let key = answer_key(task.id, task.lease_token);
    Ok(db.numbers(KEY_HOLDER, params![key, ANSWER_QUESTION])?.first().copied().map(TaskId))
}

fn incidents(
    db: Db<'_>,
    wanted: impl Iterator<Item = IncidentId>,
) -> Result<BTreeMap<IncidentId, Incident>, StoreError> {
    let mut found = BTreeMap::new();
    for id in wanted {
        found.extend(db.first(INCIDENT, [id.0], row::incident)?.map(|incident| (id, incident)));
    }
    Ok(found)
}

fn schedule(db: Db<'_>, name: &str) -> Result<Option<Schedule>, StoreError> {
    db.first(SCHEDULES, [name], row::schedule)
}

/// The parent that a command may wake, since it may end the task.
fn waiting_parent(
    session: &mut Session<'_>,
    command: &Command,
    child: &Task,
) -> Result<Option<Box<WaitingParent>>, StoreError> {
    let ends = matches!(command, Command::Settle(_) | Command::Rescue { .. } | Command::Cancel { .. });
    let Some(parent) = child.parent.filter(|_| ends) else { return Ok(None) };
    let db = session.db;
    let Some(task) = db.first(WAITING_PARENT, [parent.0], row::task)? else { return Ok(None) };
    session.roles.know(db, task.assigned_to)?;
    Ok(Some(Box::new(WaitingParent {
        open_children: open_children(db, task.id, child.id)?,
        role_load: session.underway.besides(db, &task)?,
        task,
    })))
}

/// Whether a task has open children besides one of them.
fn open_children(db: Db<'_>, parent: TaskId, besides: TaskId) -> Result<bool, StoreError> {
    Ok(db.number(OPEN_CHILDREN, [parent.0, besides.0])? > 0)
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
) -> Result<BTreeMap<String, Known>, StoreError> {
    let mut known = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for sighting in sightings {
        if known.contains_key(&sighting.fingerprint) {
            continue;
        }
        let Some((holder, first)) = holder(db, project, sighting, &mut taken)? else { continue };
        let by = (holder.fingerprint != sighting.fingerprint).then(|| KnownBy {
            incident: holder.id,
            fingerprint: holder.fingerprint.clone(),
            version: holder.fingerprint_version,
            first,
        });
        let standing = match holder.merged_into {
            Some(_) => db.first(KNOWN, [holder.id.0], row::incident)?.unwrap_or(holder),
            None => holder,
        };
        let mut found = Known { by, ..Known::from(standing) };
        if found.status == IncidentStatus::Ignored && !sighting.releases.is_empty() {
            found.releases = named(lines::releases(db, found.incident)?).collect();
        }
        known.insert(sighting.fingerprint.clone(), found);
    }
    Ok(known)
}

/// The releases of a project that ran so far, as far as logs named them, and those of one of its incidents.
fn ran(db: Db<'_>, id: IncidentId, incident: Option<&Incident>) -> Result<Vec<String>, StoreError> {
    let Some(incident) = incident else { return Ok(Vec::new()) };
    let of_project = lines::releases_of(db, incident.project)?;
    Ok(named(lines::releases(db, id)?).chain(named(of_project)).collect())
}

fn named(releases: Vec<ReleaseCount>) -> impl Iterator<Item = String> {
    releases.into_iter().map(|of| of.release)
}

/// The incident that counts an error, and whether it was found by an older key for the first time.
fn holder(
    db: Db<'_>,
    project: ProjectId,
    sighting: &Sighting,
    taken: &mut BTreeSet<IncidentId>,
) -> Result<Option<(Incident, bool)>, StoreError> {
    let held_by = |key: &str| db.first(HOLDER, params![project.0, key], row::incident);
    if let Some(found) = held_by(&sighting.fingerprint)? {
        return Ok(Some((found, false)));
    }
    for older in &sighting.grouping.older {
        let Some(found) = held_by(&older.fingerprint)? else { continue };
        let free = || db.number(HAS_FURTHER, params![found.id.0, sighting.fingerprint_version]);
        if older.shared || (free()? == 0 && taken.insert(found.id)) {
            return Ok(Some((found, true)));
        }
    }
    Ok(None)
}
