//! Pauses: a role, or all of them, claim nothing until somebody takes it back; what runs goes on.

use jiff::Timestamp;
use serde_json::json;

use super::plan::{Plan, Write};
use super::{Refusal, Snapshot};
use crate::agent::Pause;
use crate::event::{EventKind, MessageLink, NewEvent};
use crate::log::NewLog;
use crate::role::{Party, Role};
use crate::task::IncidentLink;

pub(super) fn pause(
    snapshot: &Snapshot,
    role: Option<Role>,
    by: Party,
    reason: &str,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::Invalid("a pause needs a reason".into()));
    }
    let mut plan = Plan::default();
    if snapshot.pauses.iter().any(|pause| pause.role == role) {
        return Ok(plan);
    }
    let reason = reason.to_owned();
    let title = format!("{} paused by {by}: {reason}", who(role));
    plan.writes.push(Write::SetPause(Pause { role, since: now, by, reason: reason.clone() }));
    tell(&mut plan, EventKind::Paused, role, by, title, &reason);
    Ok(plan)
}

pub(super) fn resume(snapshot: &Snapshot, role: Option<Role>, by: Party) -> Plan {
    let mut plan = Plan::default();
    for pause in snapshot.pauses.iter().filter(|pause| role.is_none() || pause.role == role) {
        plan.writes.push(Write::LiftPause(pause.role));
        tell(
            &mut plan,
            EventKind::Resumed,
            pause.role,
            by,
            format!("{} resumed by {by}", who(pause.role)),
            "",
        );
        plan.wake.extend(Role::ALL.iter().filter(|&&role| pause.stops(role)));
    }
    plan
}

/// Says whether a role may claim now.
pub(super) fn check(snapshot: &Snapshot, role: Role) -> Result<(), Refusal> {
    match snapshot.pauses.iter().find(|pause| pause.stops(role)) {
        Some(pause) => Err(Refusal::Paused { role, by: pause.by, reason: pause.reason.clone() }),
        None => Ok(()),
    }
}

fn who(role: Option<Role>) -> &'static str {
    role.map_or("all roles", Role::as_str)
}

fn tell(plan: &mut Plan, kind: EventKind, role: Option<Role>, by: Party, title: String, reason: &str) {
    let data = json!({ "role": role, "by": by, "reason": reason });
    plan.writes.push(Write::InsertLog(None, by, NewLog::info(title.clone(), data.clone())));
    plan.writes.push(Write::Event(NewEvent {
        kind,
        project: None,
        incident: IncidentLink::None,
        task: None,
        message: MessageLink::None,
        title,
        data,
    }));
}
