//! Incidents: what an error met in a log does to its incident, and what a person's decision about one does.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::plan::{Plan, Taken, Write};
use super::{Command, Known, Refusal, Settlement, Snapshot};
use crate::contract::task_type::CLASSIFY_ERROR;
use crate::event::{EventKind, MessageLink, NewEvent};
use crate::incident::{Ignored, Incident, IncidentChange, IncidentStatus, IncidentWish, Sighting, Until};
use crate::log::{LogLevel, NewLog};
use crate::message::{MessageType, NewMessage};
use crate::role::{Party, Role};
use crate::task::{IncidentId, IncidentLink, NewTask, ProjectId, Task};
use crate::template::{Notice, Noticed};

/// Errors that may wait for triage at a time. More are recorded and wait as incidents, so that a flood of made-up
/// errors neither fills the queue nor hides what comes after it.
pub const MOST_WAITING: u64 = 100;

/// The error was never seen before.
pub const NEW: &str = "new";
/// The error is older than the first reading, and still happens.
pub const STILL_HAPPENING: &str = "still_happening";
/// The error came back after its fix was released, or after it was resolved.
pub const RETURNED: &str = "returned";
/// The error comes much more often than it used to.
pub const BURST: &str = "burst";
/// A person wants it looked at again.
pub const REOPENED: &str = "reopened";
/// It was to be ignored for a while, and that is over.
pub const IGNORED_LONG_ENOUGH: &str = "ignored_long_enough";

/// How much more an error matters that came back.
const RETURNED_PRIORITY: u8 = 2;

/// The task by which an incident reaches triage; only one for an incident can be open.
pub fn classify_task(project: ProjectId, fingerprint: &str, title: &str, reason: &str) -> NewTask {
    let context = json!({ "reason": reason, "fingerprint": fingerprint, "title": title });
    let mut task = NewTask::new(CLASSIFY_ERROR, Role::Triage, Party::System, context);
    task.project = Some(project);
    task.incident = IncidentLink::Fingerprint(fingerprint.to_owned());
    task.dedupe_key = Some(classify_key(project, fingerprint));
    if reason == RETURNED {
        task.priority += RETURNED_PRIORITY;
    }
    task
}

pub(super) fn classify_key(project: ProjectId, fingerprint: &str) -> String {
    format!("{CLASSIFY_ERROR}:{project}:{fingerprint}")
}

/// Why triage is to look, if this is a task for it.
fn reason_of(task: &NewTask) -> Option<&str> {
    let reason = task.context.get("reason").and_then(Value::as_str);
    reason.filter(|_| task.task_type == CLASSIFY_ERROR)
}

/// The key that lets an incident reach triage once a day for coming back, and once for coming in a burst, so that an
/// error which comes and goes all day is one task. The other reasons come with a change of status and need none.
pub(super) fn daily_key(task: &NewTask, now: Timestamp) -> Option<String> {
    let reason = reason_of(task).filter(|reason| [RETURNED, BURST].contains(reason))?;
    let day = jiff::tz::Offset::UTC.to_datetime(now).date();
    Some(format!("{}:{reason}:{day}", task.dedupe_key.as_ref()?))
}

/// What the world outside hears of when this task is created.
pub(super) fn event(task: &NewTask) -> Option<NewEvent> {
    let reason = reason_of(task)?;
    let kind = match reason {
        NEW | STILL_HAPPENING | IGNORED_LONG_ENOUGH => EventKind::IncidentNew,
        RETURNED => EventKind::IncidentRegressed,
        BURST => EventKind::IncidentBurst,
        // Reasons are an open list: other programs have their own.
        _ => return None,
    };
    let title = task.context.get("title").and_then(Value::as_str).unwrap_or("an error without a title");
    Some(NewEvent {
        kind,
        project: task.project,
        incident: task.incident.clone(),
        task: None,
        message: MessageLink::None,
        title: title.to_owned(),
        data: json!({ "reason": reason, "fingerprint": task.context.get("fingerprint") }),
    })
}

impl Plan {
    /// Records errors met in a log. An error that is new, or that was history and is still happening, or that
    /// came back after a fix, becomes one task for triage; anything else is counted.
    pub(super) fn sight(
        &mut self,
        snapshot: &Snapshot,
        task: &Task,
        settlement: &Settlement,
        taken: &mut Taken,
        now: Timestamp,
    ) {
        let Some(project) = task.project else { return };
        let mut room = MOST_WAITING.saturating_sub(snapshot.triage_waiting);
        let mut held_back = 0u64;
        for sighting in &settlement.sightings {
            let known = snapshot.known.get(&sighting.fingerprint);
            let (status, reason) = sighted(known, sighting, now);
            self.ignored_in_a_new_release(task, known.filter(|_| status.is_none()), sighting);
            let next = reason.map(|reason| self::next(project, known, sighting, reason, task));
            let worked_today = next.as_ref().and_then(|next| daily_key(next, now));
            if worked_today.is_some_and(|key| taken.once.contains(&key)) {
                self.count(project, known, sighting, None);
                continue;
            }
            self.count(project, known, sighting, status);
            let Some(next) = next else { continue };
            if room == 0 && reason == Some(NEW) {
                held_back += 1;
                continue;
            }
            room = room.saturating_sub(1);
            self.hand_off(task, &next, taken, now);
        }
        if held_back > 0 {
            let text = format!("{held_back} kinds of errors wait: triage has {MOST_WAITING} before them");
            let data = json!({ "step": true, "held_back": held_back });
            self.system_log(task.id, LogLevel::Warn, &text, data);
        }
        for hidden in &settlement.hidden {
            self.writes.push(Write::Hide(project, hidden.clone()));
        }
        for (source, cursor) in &settlement.cursors {
            self.writes.push(Write::SetCursor(project, source.clone(), cursor.clone()));
        }
        for traffic in &settlement.traffic {
            self.writes.push(Write::AddTraffic(project, traffic.clone()));
        }
        if !settlement.releases.is_empty() {
            self.writes.push(Write::SeeReleases(project, settlement.releases.clone()));
        }
        for mined in &settlement.mined {
            self.writes.push(Write::Mine(project, Box::new(mined.clone())));
        }
        for noticed in &settlement.noticed {
            self.writes.push(Write::Notice(project, noticed.clone()));
            if !noticed.untold {
                self.writes.push(Write::Event(line_event(task, noticed)));
            }
        }
    }

    /// An error of a merged incident changes the status of the one that stands for it.
    fn count(
        &mut self,
        project: ProjectId,
        known: Option<&Known>,
        sighting: &Sighting,
        status: Option<IncidentStatus>,
    ) {
        let mut sighting = sighting.clone();
        if let Some(by) = known.and_then(|known| known.by.as_ref()) {
            let other = std::mem::replace(&mut sighting.fingerprint, by.fingerprint.clone());
            let version = std::mem::replace(&mut sighting.fingerprint_version, by.version);
            if by.first {
                self.writes.push(Write::AlsoKnownAs(by.incident, other, version));
            }
        }
        match known.filter(|known| known.fingerprint != sighting.fingerprint).zip(status) {
            Some((known, status)) => {
                self.writes.push(Write::Sight(project, Box::new(sighting), None));
                let change = IncidentChange { status: Some(status), ..IncidentChange::default() };
                self.writes.push(Write::ChangeIncident(known.incident, change));
            }
            None => self.writes.push(Write::Sight(project, Box::new(sighting), status)),
        }
    }

    /// Whoever ignores an error hears once of each release in which it happens, too.
    fn ignored_in_a_new_release(&mut self, task: &Task, known: Option<&Known>, sighting: &Sighting) {
        let Some(known) = known.filter(|known| known.status == IncidentStatus::Ignored) else { return };
        let new = sighting.releases.iter().find(|release| {
            let ran = match &known.ignored {
                Some(Ignored::Release { known, .. }) => known.contains(&release.release),
                Some(Ignored::Time { .. } | Ignored::Count { .. }) | None => false,
            };
            let seen = ran || known.releases.contains(&release.release);
            !seen && release.first > known.last_seen && !known.releases.is_empty()
        });
        let Some(new) = new else { return };
        let note = NewMessage {
            from: task.assigned_to.to_string(),
            to: Party::User.to_string(),
            message_type: MessageType::Notification,
            content: format!(
                "incident {} is ignored and happens in release {}, too: {}",
                known.incident, new.release, known.title
            ),
            metadata: json!({ "kind": "ignored_in_release", "incident": known.incident, "release": new.release }),
        };
        self.writes.push(Write::InsertMessage(Some(task.id), note));
    }

    /// What a run learned about its incident and about others.
    pub(super) fn learned(&mut self, snapshot: &Snapshot, task: &Task, settlement: &Settlement) {
        let own = task.incident.map(|incident| (incident, &settlement.incident));
        let others = settlement.incidents.iter().map(|(incident, change)| (*incident, change));
        for (incident, change) in own.into_iter().chain(others) {
            if *change == IncidentChange::default() {
                continue;
            }
            self.writes.push(Write::ChangeIncident(incident, change.clone()));
            let before = snapshot.incidents.get(&incident);
            if let Some(before) = before.filter(|before| before.status != IncidentStatus::Resolved)
                && change.status == Some(IncidentStatus::Resolved)
            {
                self.writes.push(Write::Event(resolved(task, before, change)));
            }
        }
    }
}

fn line_event(task: &Task, noticed: &Noticed) -> NewEvent {
    let kind = match noticed.notice {
        Notice::New => EventKind::LineNew,
        Notice::Surge => EventKind::LineSurge,
        Notice::Gone => EventKind::LineGone,
    };
    NewEvent {
        kind,
        project: task.project,
        incident: IncidentLink::None,
        task: Some(task.id),
        message: MessageLink::None,
        title: noticed.text.clone(),
        data: json!({ "source": noticed.source, "template": noticed.id, "level": noticed.level, "detail": noticed.detail }),
    }
}

fn resolved(task: &Task, incident: &Incident, change: &IncidentChange) -> NewEvent {
    NewEvent {
        kind: EventKind::IncidentResolved,
        project: Some(incident.project),
        incident: IncidentLink::Id(incident.id),
        task: Some(task.id),
        message: MessageLink::None,
        title: incident.title.clone(),
        data: json!({ "reason": change.reason }),
    }
}

fn next(
    project: ProjectId,
    known: Option<&Known>,
    sighting: &Sighting,
    reason: &str,
    task: &Task,
) -> NewTask {
    let (fingerprint, title) =
        known.map_or((&sighting.fingerprint, &sighting.title), |known| (&known.fingerprint, &known.title));
    let mut next = classify_task(project, fingerprint, title, reason);
    next.created_by = task.assigned_to.into();
    next
}

/// What a sighting does to an incident: its status if that changes, and why triage must look, if it must.
fn sighted(
    known: Option<&Known>,
    sighting: &Sighting,
    now: Timestamp,
) -> (Option<IncidentStatus>, Option<&'static str>) {
    let Some(known) = known else {
        return if sighting.history {
            (Some(IncidentStatus::Baseline), None)
        } else {
            (Some(IncidentStatus::New), Some(NEW))
        };
    };
    let after_release = known.released_at.map(|released| sighting.last > released);
    match known.status {
        IncidentStatus::Baseline if !sighting.history => (Some(IncidentStatus::New), Some(STILL_HAPPENING)),
        // Held back when it was first seen; if its task is open already, the key says so.
        IncidentStatus::New if !sighting.history => (None, Some(NEW)),
        IncidentStatus::Resolved if after_release.unwrap_or(!sighting.history) => {
            (Some(IncidentStatus::Regressed), Some(RETURNED))
        }
        IncidentStatus::Ignored
            if !sighting.history
                && known.ignored.as_ref().is_some_and(|it| is_over(it, known, sighting, now)) =>
        {
            (Some(IncidentStatus::New), Some(IGNORED_LONG_ENOUGH))
        }
        // Until the fix is released, the error is bound to go on.
        IncidentStatus::Approved if after_release == Some(true) => {
            (Some(IncidentStatus::Regressed), Some(RETURNED))
        }
        IncidentStatus::Baseline
        | IncidentStatus::New
        | IncidentStatus::Fixing
        | IncidentStatus::FixReady
        | IncidentStatus::Approved
        | IncidentStatus::Ignored
        | IncidentStatus::NeedsHuman
        | IncidentStatus::Declined
        | IncidentStatus::Resolved
        | IncidentStatus::Regressed => (None, None),
    }
}

/// Whether an incident with these occurrences is no longer to be ignored.
fn is_over(ignored: &Ignored, known: &Known, sighting: &Sighting, now: Timestamp) -> bool {
    match ignored {
        Ignored::Time { at } => now >= *at && sighting.last >= *at,
        Ignored::Count { occurrences } => known.occurrences.saturating_add(sighting.count) > *occurrences,
        Ignored::Release { known, since } => {
            let new = |release: &str, last: Timestamp| {
                !known.iter().any(|known| known == release) && last >= *since
            };
            sighting.releases.iter().any(|release| new(&release.release, release.last))
        }
    }
}

/// When it ends that an incident is ignored from now on.
fn ignored(incident: &Incident, until: Until, ran: &[String], now: Timestamp) -> Result<Ignored, Refusal> {
    let later = |at: Option<Timestamp>| match at {
        Some(at) if at > now => Ok(Ignored::Time { at }),
        Some(at) => Err(Refusal::Invalid(format!("{at} is over; name a moment that is to come"))),
        None => Err(Refusal::Invalid("that is too far away; leave the end out to ignore it for good".into())),
    };
    match until {
        Until::At(at) => later(Some(at)),
        Until::For(length) => later(now.checked_add(length).ok()),
        Until::More(0) => Err(Refusal::Invalid("it has to be ignored at least once".into())),
        Until::More(more) => Ok(Ignored::Count { occurrences: incident.occurrences.saturating_add(more) }),
        Until::Released => {
            let known = [&incident.first_release, &incident.last_release];
            // A release that ran before is no new one, though the error is seen in it for the first time.
            let mut known: Vec<String> = known.into_iter().flatten().chain(ran).cloned().collect();
            known.sort();
            known.dedup();
            Ok(Ignored::Release { known, since: now })
        }
    }
}

/// A decision about an incident. Where its open tasks have to end first, they do, and then it is decided again.
pub(super) fn wish(
    snapshot: &Snapshot,
    id: IncidentId,
    by: Party,
    wish: &IncidentWish,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let incident = snapshot.incidents.get(&id).ok_or(Refusal::NoSuchIncident(id))?;
    let mut plan = Plan::default();
    match (wish, incident.merged_into) {
        (IncidentWish::Split, None) => {
            return Err(Refusal::Invalid(format!("incident {id} is not merged into another one")));
        }
        (IncidentWish::Split, Some(into)) => {
            plan.writes.push(Write::Merge(id, None));
            tell(&mut plan, by, format!("incident {id} split from {into} by {by}"));
            // What the merge ended is taken up again.
            let ended = incident.reason.as_ref().is_some_and(|reason| reason.ends_with(&merged_into(into)));
            if ended && incident.status == IncidentStatus::NeedsHuman && snapshot.open_task.is_none() {
                let reason = format!("it is not the same as incident {into} after all");
                change(&mut plan, id, IncidentStatus::New, &reason, None);
                reopen(&mut plan, snapshot, incident, by, &reason);
            }
        }
        (_, Some(into)) => return Err(Refusal::Merged { incident: id, into }),
        (IncidentWish::Ignore { reason, until }, None) => {
            stated(reason)?;
            let ignored = until.map(|until| ignored(incident, until, &snapshot.releases, now)).transpose()?;
            if !end_tasks(&mut plan, snapshot, by, &format!("the incident is ignored: {reason}"), id, wish) {
                change(&mut plan, id, IncidentStatus::Ignored, reason, ignored);
                tell(&mut plan, by, format!("incident {id} ignored by {by}: {reason}"));
            }
        }
        (IncidentWish::Reopen { reason }, None) => {
            stated(reason)?;
            if let Some(task) = snapshot.open_task {
                return Err(Refusal::UnderWork { incident: id, task });
            }
            change(&mut plan, id, IncidentStatus::New, reason, None);
            tell(&mut plan, by, format!("incident {id} reopened by {by}: {reason}"));
            reopen(&mut plan, snapshot, incident, by, reason);
        }
        (IncidentWish::MergeInto(into), None) => {
            can_stand_for(snapshot, incident, *into)?;
            if !end_tasks(&mut plan, snapshot, by, &merged_into(*into), id, wish) {
                plan.writes.push(Write::Merge(id, Some(*into)));
                tell(&mut plan, by, format!("incident {id} merged into {into} by {by}"));
            }
        }
    }
    Ok(plan)
}

fn merged_into(incident: IncidentId) -> String {
    format!("merged into incident {incident}")
}

fn stated(reason: &str) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::Invalid("a decision about an incident needs a reason".into()));
    }
    Ok(())
}

/// Whether tasks have to end first; then they do.
fn end_tasks(
    plan: &mut Plan,
    snapshot: &Snapshot,
    by: Party,
    reason: &str,
    incident: IncidentId,
    wish: &IncidentWish,
) -> bool {
    // One at a time, since the end of one may be the end of others.
    let Some(task) = snapshot.open_task else { return false };
    plan.then.push(Command::Cancel { task, by, reason: reason.to_owned() });
    plan.then.push(Command::Incident { incident, by, wish: wish.clone() });
    true
}

fn can_stand_for(snapshot: &Snapshot, incident: &Incident, into: IncidentId) -> Result<(), Refusal> {
    let target = snapshot.incidents.get(&into).ok_or(Refusal::NoSuchIncident(into))?;
    if target.id == incident.id {
        return Err(Refusal::Invalid(format!("incident {into} cannot be merged into itself")));
    }
    if target.project != incident.project {
        return Err(Refusal::Invalid(format!(
            "incidents {} and {into} are of different projects, so they are not the same",
            incident.id
        )));
    }
    match target.merged_into {
        // So there is never a ring: what an incident is merged into stands for itself.
        Some(further) => Err(Refusal::Merged { incident: into, into: further }),
        None => Ok(()),
    }
}

fn reopen(plan: &mut Plan, snapshot: &Snapshot, incident: &Incident, by: Party, reason: &str) {
    let mut task = classify_task(incident.project, &incident.fingerprint, &incident.title, REOPENED);
    if task.dedupe_key.as_ref().is_some_and(|key| snapshot.taken_keys.contains(key)) {
        return;
    }
    task.created_by = by;
    task.incident = IncidentLink::Id(incident.id);
    task.context["comment"] = json!(reason);
    plan.enqueue(task);
}

fn change(
    plan: &mut Plan,
    incident: IncidentId,
    status: IncidentStatus,
    reason: &str,
    ignored: Option<Ignored>,
) {
    let change = IncidentChange {
        status: Some(status),
        reason: Some(reason.to_owned()),
        ignored,
        ..IncidentChange::default()
    };
    plan.writes.push(Write::ChangeIncident(incident, change));
}

fn tell(plan: &mut Plan, by: Party, text: String) {
    plan.writes.push(Write::InsertLog(None, by, NewLog::info(text, Value::Null)));
}
