//! The regular sweep: what other programs left running, what has become due, what lost its lease, what can be sealed.
//!
//! Each task is found by a partial index and then goes through the state machine like any other command.

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Role;
use groundcrew_core::task::{Status, TaskId};
use jiff::SignedDuration;

use super::query::{ARRIVED, DUE, EXPIRED, FORGET_AWAITS, SCHEDULES_DUE, UNLEASED};
use super::session::Session;
use super::{audit, clock, row, transaction};
use crate::error::StoreError;
use crate::store::{Maintained, Receipt};
use crate::time::written;

/// Tasks of one kind that one sweep treats, so that it cannot hold the write lock for long.
const MOST: i64 = 500;

/// Does one sweep.
pub(super) fn sweep(session: &mut Session<'_>, lease: SignedDuration) -> Result<Maintained, StoreError> {
    let now = session.now();
    clock::mend(session, now, lease)?;
    let now = written(now);
    let unleased = session.db.numbers(UNLEASED, [MOST])?;
    session.db.run(FORGET_AWAITS, [])?;
    let arrived = session.db.numbers(ARRIVED, [MOST])?;
    let due = session.db.numbers(DUE, rusqlite::params![MOST, now])?;
    let expired = session.db.numbers(EXPIRED, rusqlite::params![MOST, now])?;
    let schedules = session.db.all(SCHEDULES_DUE, rusqlite::params![MOST, now], row::first_text)?;
    let mut done =
        Maintained { normalised: std::mem::take(&mut session.normalised), ..Maintained::default() };
    for id in unleased {
        done.adopted += u64::from(drive(session, &Command::Adopt { task: TaskId(id), lease })?.is_some());
    }
    for id in due.into_iter().chain(arrived) {
        done.promoted += u64::from(drive(session, &Command::Promote { task: TaskId(id) })?.is_some());
    }
    for id in expired {
        match drive(session, &Command::Rescue { task: TaskId(id), ended_worker: None })? {
            Some(receipt) if receipt.task.as_ref().is_some_and(|task| task.status == Status::Failed) => {
                done.failed += 1;
            }
            Some(_) => done.rescued += 1,
            None => {}
        }
    }
    for name in schedules {
        let made = drive(session, &Command::Tick { name })?.map_or(0, |receipt| receipt.inserted.len());
        done.scheduled += u64::try_from(made).unwrap_or(0);
    }
    // No commit tells those who wait that a window is over.
    if session.limits()?.iter().any(|limit| limit.is_free_again(session.now())) {
        session.wake.extend(Role::ALL);
    }
    session.undivided(audit::seal)?;
    Ok(done)
}

/// Carries out a command; none if it was refused, as when a row looks due to SQL but is not.
fn drive(session: &mut Session<'_>, command: &Command) -> Result<Option<Receipt>, StoreError> {
    match session.undivided(|session| transaction::run(session, command)) {
        Ok(receipt) => Ok(Some(receipt)),
        Err(StoreError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
