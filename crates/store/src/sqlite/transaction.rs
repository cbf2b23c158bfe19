//! The one frame of every command: load what it is about, let the state machine decide, write what follows.

use std::collections::VecDeque;

use groundcrew_core::lifecycle::{Command, Plan, Write, decide};
use groundcrew_core::task::{Task, TaskId};
use jiff::Timestamp;

use super::session::Session;
use super::{apply, load};
use crate::error::StoreError;
use crate::store::Receipt;

/// Carries out a command within the open transaction, and whatever follows from it.
pub(super) fn run(session: &mut Session<'_>, command: &Command) -> Result<Receipt, StoreError> {
    // One moment for all of it, as it is one act.
    let now = session.now();
    let (mut receipt, plan) = step(session, command, now)?;
    if receipt.task.is_some() && receipt.question.is_none() && plan.then.is_empty() {
        receipt.task = receipt.task.map(|before| as_written(&plan, before));
        return Ok(receipt);
    }
    let mut rest = VecDeque::from(plan.then);
    while let Some(next) = rest.pop_front() {
        let (more, plan) = step(session, &next, now)?;
        receipt.inserted.extend(more.inserted);
        receipt.messages.extend(more.messages);
        receipt.wake.extend(more.wake);
        // What follows from a command comes before what comes after it.
        for command in plan.then.into_iter().rev() {
            rest.push_front(command);
        }
    }
    let about = receipt.task.as_ref().map(|task| task.id).or(receipt.inserted.first().copied());
    receipt.task = about.map(|id| load::task(session.db, id)).transpose()?.flatten();
    Ok(receipt)
}

/// Carries out commands that only create tasks; gives the keys of these.
pub(super) fn create(session: &mut Session<'_>, commands: &[Command]) -> Result<Vec<TaskId>, StoreError> {
    let now = session.now();
    let mut created = Vec::with_capacity(commands.len());
    for command in commands {
        created.extend(step(session, command, now)?.0.inserted);
    }
    Ok(created)
}

/// The task as a plan leaves it.
fn as_written(plan: &Plan, before: Task) -> Task {
    let mut after = None;
    for write in &plan.writes {
        if let Write::UpdateTask(task) = write
            && task.id == before.id
        {
            after = Some(task);
        }
    }
    after.map_or(before, |task| (**task).clone())
}

/// One command without what follows from it; the task of the receipt is as it was before.
fn step(session: &mut Session<'_>, command: &Command, now: Timestamp) -> Result<(Receipt, Plan), StoreError> {
    let snapshot = load::snapshot(session, command, now)?;
    let plan = decide(&snapshot, command, now)?;
    let written = apply::plan(session, &snapshot, &plan, now)?;
    if let Command::Claim { role, only: None, .. } = command {
        session.turns.claimed(*role);
    }
    session.wake.extend(plan.wake.iter().copied());
    let receipt = Receipt {
        now,
        task: snapshot.task,
        inserted: written.inserted,
        messages: written.messages,
        question: written.question,
        wake: plan.wake.clone(),
    };
    Ok((receipt, plan))
}
