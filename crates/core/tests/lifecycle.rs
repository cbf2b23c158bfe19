//! What holds for every task whatever is tried, in any order: the invariants of the state machine.

mod memory;

use std::collections::BTreeMap;

use groundcrew_core::agent::AgentStatus;
use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::incident::IncidentWish;
use groundcrew_core::lifecycle::{Command, Outcome, Refusal, answer_key};
use groundcrew_core::message::MessageType;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, LeaseToken, MAX_RETRIES, Status, Task};
use jiff::{SignedDuration, Timestamp};
use memory::Memory;
use memory::tries::{Try, attempt};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn no_sequence_of_commands_breaks_an_invariant(
        tries in prop::collection::vec((attempt(), passing(), prop::bool::weighted(0.05)), 1..80)
    ) {
        let mut memory = Memory::default();
        let mut now: Timestamp = "2026-01-01T00:00:00Z".parse()?;
        for (attempt, milliseconds, foreign) in tries {
            now += SignedDuration::from_millis(milliseconds);
            if foreign {
                take_without_a_lease(&mut memory);
            }
            let Some(command) = attempt.command(&memory) else { continue };
            let before = memory.clone();
            match memory.execute(&command, now) {
                Ok(_) => {
                    changes_are_legal(&before, &memory, &command)?;
                    rows_are_sound(&memory)?;
                    limits_hold(&memory, &command, now)?;
                    prop_assert!(!is_stale(&attempt, &before, &command), "a stale token was accepted: {command:?}");
                }
                Err(refusal) => {
                    prop_assert_eq!(&memory, &before);
                    if is_stale(&attempt, &before, &command) {
                        prop_assert!(matches!(refusal, Refusal::StaleLease { .. }), "{refusal}");
                    }
                }
            }
        }
    }
}

/// Milliseconds between two commands: mostly a while, at times a clock that jumps by up to a day, also back.
fn passing() -> impl Strategy<Value = i64> {
    prop_oneof![9 => 0..200_000i64, 1 => -86_400_000..=86_400_000i64]
}

/// Another program that knows nothing of leases sets the first pending task running.
fn take_without_a_lease(memory: &mut Memory) {
    if let Some(task) = memory.tasks.values_mut().find(|task| task.status == Status::Pending) {
        task.status = Status::Running;
        task.run_at = None;
    }
}

/// Whether a command shows a token that is not in force.
fn is_stale(attempt: &Try, before: &Memory, command: &Command) -> bool {
    let (Try::Heartbeat { stale: true, .. }
    | Try::Note { stale: true, .. }
    | Try::Step { stale: true, .. }
    | Try::Settle { stale: true, .. }) = attempt
    else {
        return false;
    };
    let shown = match command {
        Command::Heartbeat { task, token, .. }
        | Command::Note { task, token, .. }
        | Command::RecordStep { task, token, .. } => Some((*task, *token)),
        Command::Settle(settlement) => Some((settlement.task, settlement.token)),
        Command::Create(_)
        | Command::Claim { .. }
        | Command::Adopt { .. }
        | Command::Promote { .. }
        | Command::Rescue { .. }
        | Command::Answer { .. }
        | Command::Cancel { .. }
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
        | Command::Incident { .. } => None,
    };
    let current = |(id, token)| before.tasks.get(&id).is_some_and(|task| task.lease_token != token);
    shown.is_some_and(current)
}

/// No claim takes more than a limit allows, and none starts uncounted.
fn limits_hold(after: &Memory, command: &Command, now: Timestamp) -> Result<(), TestCaseError> {
    let Command::Claim { .. } = command else { return Ok(()) };
    let claimed =
        after.tasks.values().find(|task| task.lease.as_ref().is_some_and(|lease| lease.since == now));
    let Some(claimed) = claimed else { return Ok(()) };
    for limit in after.limits().iter().filter(|limit| limit.scope.covers(claimed)) {
        prop_assert!(limit.concurrency.is_none_or(|most| limit.running <= most), "{limit:?}");
        prop_assert!(limit.rate.is_none_or(|rate| (1..=rate.starts).contains(&limit.started)), "{limit:?}");
    }
    Ok(())
}

/// Each task moved along an arrow of the state graph, and nothing else about it went backwards.
fn changes_are_legal(before: &Memory, after: &Memory, command: &Command) -> Result<(), TestCaseError> {
    for (id, old) in &before.tasks {
        let new = &after.tasks[id];
        if old == new {
            continue;
        }
        prop_assert!(legal(old, new, command), "{command:?} took {old:?} to {new:?}");
        prop_assert!(new.lease_token >= old.lease_token);
        let claims = matches!(command, Command::Claim { .. } | Command::Adopt { .. });
        prop_assert_eq!(new.lease_token == LeaseToken(old.lease_token.0 + 1), claims);
        let lost = matches!(command, Command::Rescue { .. }) || is_retry(command);
        match new.retry_count.cmp(&old.retry_count) {
            std::cmp::Ordering::Greater => prop_assert!(lost && new.retry_count == old.retry_count + 1),
            std::cmp::Ordering::Less => {
                prop_assert!(matches!(command, Command::Redrive { .. }), "{command:?} lowered it");
            }
            std::cmp::Ordering::Equal => {}
        }
        prop_assert_eq!(
            (&new.task_type, &new.context, new.created_at),
            (&old.task_type, &old.context, old.created_at)
        );
    }
    let added = after.tasks.len() - before.tasks.len();
    let may_add = matches!(
        command,
        Command::Create(_)
            | Command::Tick { .. }
            | Command::Incident { wish: IncidentWish::Reopen { .. } | IncidentWish::Split, .. }
    );
    let may_add = may_add || completes(command) || asks_a_role(command);
    prop_assert!(added == 0 || may_add, "{command:?} added tasks");
    Ok(())
}

/// Whether this command may take a task from one status to the other.
fn legal(old: &Task, new: &Task, command: &Command) -> bool {
    use Status::{Blocked, Completed, Failed, Pending, Running};
    if is_ended_with_its_asker(old, new, command) || is_ended_with_its_incident(old, new, command) {
        return true;
    }
    if is_ended_with_its_parent(old, new, command) || is_answered(old, new, command) {
        return true;
    }
    let own =
        own(command) == Some(old.id) || matches!(command, Command::Claim { .. } | Command::Answer { .. });
    match (old.status, new.status) {
        (Pending, Running) => matches!(command, Command::Claim { .. }),
        (Pending, Pending) => {
            let emits = matches!(command, Command::Emit { .. }) || completes(command);
            own && matches!(command, Command::Promote { .. }) || emits && new.run_at.is_none()
        }
        (Running, Running) => own && matches!(command, Command::Heartbeat { .. } | Command::Adopt { .. }),
        (Running, Completed) => own && completes(command),
        (Running, Pending | Failed | Blocked) => {
            own && matches!(command, Command::Settle(_) | Command::Rescue { .. } | Command::Cancel { .. })
        }
        (Blocked, Pending) => {
            let child_ended = old.wait.as_ref().is_some_and(|wait| wait.on == BlockedOn::Children) && !own;
            child_ended || own && matches!(command, Command::Answer { .. } | Command::Redrive { .. })
        }
        (Pending | Blocked, Failed) => own && matches!(command, Command::Cancel { .. }),
        (Failed, Pending) => own && matches!(command, Command::Redrive { .. }),
        (Completed, _) | (Failed, _) | (Pending | Blocked, _) => false,
    }
}

/// A task that was to answer ends when somebody else has answered, or nobody asks any more.
fn is_ended_with_its_asker(old: &Task, new: &Task, command: &Command) -> bool {
    let ends = matches!(command, Command::Answer { .. } | Command::Cancel { .. } | Command::Incident { .. });
    ends && old.task_type == ANSWER_QUESTION && !old.status.is_final() && new.status == Status::Failed
}

/// What a cancelled task had others do ends with it.
fn is_ended_with_its_parent(old: &Task, new: &Task, command: &Command) -> bool {
    let cancels =
        matches!(command, Command::Answer { .. } | Command::Cancel { .. } | Command::Incident { .. });
    let word = old.parent.map(|parent| format!(": task {parent} is cancelled: "));
    let told = new.error_message.as_ref().zip(word).is_some_and(|(error, word)| error.contains(&word));
    cancels && told && !old.status.is_final() && new.status == Status::Failed
}

/// Tasks of an incident end when it is ignored or merged.
fn is_ended_with_its_incident(old: &Task, new: &Task, command: &Command) -> bool {
    let Command::Incident {
        incident, wish: IncidentWish::Ignore { .. } | IncidentWish::MergeInto(_), ..
    } = command
    else {
        return false;
    };
    let woken = old.wait.as_ref().is_some_and(|wait| wait.on == BlockedOn::Children);
    let ended = old.incident == Some(*incident) && !old.status.is_final() && new.status == Status::Failed;
    ended || woken && new.status == Status::Pending
}

/// The asker goes on when the task that was to answer gives an answer.
fn is_answered(old: &Task, new: &Task, command: &Command) -> bool {
    let Command::Settle(settlement) = command else { return false };
    let asked = old.wait.as_ref().is_some_and(|wait| wait.on == BlockedOn::Question);
    settlement.answer.is_some() && asked && (old.status, new.status) == (Status::Blocked, Status::Pending)
}

fn asks_a_role(command: &Command) -> bool {
    let Command::Settle(settlement) = command else { return false };
    matches!(&settlement.outcome, Outcome::Block { ask: Some(ask), .. } if ask.to != Party::User)
}

fn own(command: &Command) -> Option<groundcrew_core::task::TaskId> {
    match command {
        Command::Create(_)
        | Command::Answer { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Emit { .. }
        | Command::SetLimit { .. }
        | Command::ClearLimit { .. }
        | Command::AddSchedule(_)
        | Command::RemoveSchedule { .. }
        | Command::Tick { .. }
        | Command::Read { .. }
        | Command::Incident { .. } => None,
        Command::Claim { only, .. } => *only,
        Command::Heartbeat { task, .. }
        | Command::Note { task, .. }
        | Command::RecordStep { task, .. }
        | Command::Adopt { task, .. }
        | Command::Promote { task }
        | Command::Rescue { task, .. }
        | Command::Cancel { task, .. }
        | Command::Redrive { task, .. } => Some(*task),
        Command::Settle(settlement) => Some(settlement.task),
    }
}

fn completes(command: &Command) -> bool {
    matches!(command, Command::Settle(settlement) if matches!(settlement.outcome, Outcome::Complete { .. }))
}

fn is_retry(command: &Command) -> bool {
    matches!(command, Command::Settle(settlement) if matches!(settlement.outcome, Outcome::Retry { .. }))
}

/// What holds for the rows at rest.
fn rows_are_sound(memory: &Memory) -> Result<(), TestCaseError> {
    let mut holders: BTreeMap<&str, u32> = BTreeMap::new();
    for task in memory.tasks.values() {
        task_is_sound(memory, task)?;
        if let Some(key) = task.dedupe_key.as_deref().filter(|_| !task.status.is_final()) {
            *holders.entry(key).or_default() += 1;
        }
    }
    prop_assert!(holders.values().all(|&holders| holders == 1), "{holders:?}");
    for message in memory.messages.values().filter(|message| message.message_type == MessageType::Question) {
        let answers = memory.messages.values().filter(|other| other.answers() == Some(message.id)).count();
        prop_assert!(answers <= 1);
        prop_assert!(answers == 0 || message.read_at.is_some());
    }
    for task in memory.tasks.values() {
        somebody_can_end_the_wait(memory, task)?;
    }
    for (task, signal) in &memory.awaits {
        // What another program set running waits no more, though its row is there until it is delayed again.
        let waits = memory.tasks[task].status == Status::Pending && memory.tasks[task].run_at.is_some();
        prop_assert!(!waits || !memory.signals.contains_key(signal), "task {task} waits for {signal:?}");
    }
    merged_incidents_add_up(memory)?;
    Role::ALL.iter().try_for_each(|&role| role_is_true(memory, role))
}

/// A question is in the inbox of the person, or an open task of another role is there to answer it.
fn somebody_can_end_the_wait(memory: &Memory, task: &Task) -> Result<(), TestCaseError> {
    let Some(question) = task.wait.as_ref().and_then(|wait| wait.message) else { return Ok(()) };
    let to = memory.messages[&question].to.as_str();
    let answers = |other: &Task| {
        let key = answer_key(task.id, task.lease_token);
        other.dedupe_key == Some(key) && other.parent == Some(task.id) && other.assigned_to.as_str() == to
    };
    let open = memory.tasks.values().filter(|other| !other.status.is_final() && answers(other)).count();
    prop_assert!(to == "user" || open == 1, "{task:?} waits for {to}, who has {open} tasks for it");
    Ok(())
}

/// An incident counts its own occurrences and those of what was merged into it, and nothing is merged in a ring.
fn merged_incidents_add_up(memory: &Memory) -> Result<(), TestCaseError> {
    for incident in memory.incidents.values() {
        let own: u64 = memory.buckets.iter().filter(|((id, _), _)| *id == incident.id).map(|(_, n)| n).sum();
        let merged = memory.incidents.values().filter(|other| other.merged_into == Some(incident.id));
        let others: u64 = merged.map(|other| other.occurrences).sum();
        prop_assert_eq!(incident.occurrences, own + others, "{:?}", incident);
    }
    Ok(())
}

fn task_is_sound(memory: &Memory, task: &Task) -> Result<(), TestCaseError> {
    prop_assert!(task.retry_count <= MAX_RETRIES);
    prop_assert!(task.lease.is_none() || task.status == Status::Running, "{task:?}");
    prop_assert!(task.run_at.is_none() || task.status == Status::Pending, "{task:?}");
    prop_assert_eq!(task.wait.is_some(), task.status == Status::Blocked);
    prop_assert_eq!(task.completed_at.is_some(), task.status.is_final());
    if task.status == Status::Failed {
        prop_assert!(task.error_message.is_some());
    }
    if let Some(wait) = &task.wait {
        let open =
            wait.message.and_then(|id| memory.messages.get(&id)).map(|message| message.read_at.is_none());
        let children = wait.on == BlockedOn::Children;
        prop_assert_eq!(open, if children { None } else { Some(true) }, "{:?}", task);
        let child_open =
            memory.tasks.values().any(|child| child.parent == Some(task.id) && !child.status.is_final());
        prop_assert!(!children || child_open, "{task:?} waits for nobody");
    }
    let open_run = memory.runs.get(&(task.id, task.lease_token)).is_some_and(|run| run.ended.is_none());
    prop_assert_eq!(open_run, task.lease.is_some(), "{:?}", task);
    Ok(())
}

/// The state row says what the role's tasks say, as far as they are ours.
fn role_is_true(memory: &Memory, role: Role) -> Result<(), TestCaseError> {
    let has = |status| memory.tasks.values().any(|task| task.assigned_to == role && task.status == status);
    let foreign = memory.tasks.values().any(|task| task.status == Status::Running && task.lease.is_none());
    let wanted = match (has(Status::Running), has(Status::Blocked)) {
        (true, _) => AgentStatus::Working,
        (false, true) => AgentStatus::Blocked,
        (false, false) => AgentStatus::Idle,
    };
    prop_assert!(
        foreign || memory.agent(role).status == wanted,
        "{role} is {wanted}: {:?}",
        memory.agent(role)
    );
    Ok(())
}
