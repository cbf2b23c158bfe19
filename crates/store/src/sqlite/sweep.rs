//! The regular sweep: what other programs left running, what has become due, what lost its lease, what can be sealed.
//!
//! Each task is found by a partial index and then goes through the state machine like any other command.

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Role;
use groundcrew_core::task::{Status, TaskId};
use jiff::SignedDuration;

use super::query::{AWAITING, CLOSE_SIGNAL, DUE, EXPIRED, OPEN_SIGNALS, SCHEDULES_DUE, UNLEASED};
use super::session::Session;
use super::{audit, clock, limits, row, transaction};
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
    let due = session.db.numbers(DUE, rusqlite::params![MOST, now])?;
    let expired = session.db.numbers(EXPIRED, rusqlite::params![MOST, now])?;
    let schedules = session.db.all(SCHEDULES_DUE, rusqlite::params![MOST, now], row::first_text)?;
    let mut done =
        Maintained { normalised: std::mem::take(&mut session.normalised), ..Maintained::default() };
    for id in unleased {
        done.adopted += u64::from(drive(session, &Command::Adopt { task: TaskId(id), lease })?.is_some());
    }
    for id in due {
        done.promoted += u64::from(drive(session, &Command::Promote { task: TaskId(id) })?.is_some());
    }
    done.promoted += let_go(session)?;
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
    free_again(session)?;
    session.undivided(audit::seal)?;
    Ok(done)
}

/// Tells those who wait, once, that the window of a rate is over: no other commit does.
fn free_again(session: &mut Session<'_>) -> Result<(), StoreError> {
    let now = session.now();
    for limit in session.limits()?.iter().filter(|limit| limit.is_free_again(now)) {
        limits::count_start(session.db, &limit.scope, limit.window_at.unwrap_or(now), 0)?;
        session.forget_holds();
        session.wake.extend(Role::ALL);
    }
    Ok(())
}

/// Lets go what waits for a signal that was emitted: what one emission left, and what another program emitted.
fn let_go(session: &mut Session<'_>) -> Result<u64, StoreError> {
    let mut promoted = 0;
    for signal in session.db.all(OPEN_SIGNALS, [MOST], row::first_text)? {
        let waiting = session.db.numbers(AWAITING, rusqlite::params![signal, MOST])?;
        let is_last = i64::try_from(waiting.len()).is_ok_and(|found| found < MOST);
        for id in waiting {
            promoted += u64::from(drive(session, &Command::Promote { task: TaskId(id) })?.is_some());
        }
        if !is_last {
            break;
        }
        session.db.run(CLOSE_SIGNAL, [signal])?;
    }
    Ok(promoted)
}

/// Carries out a command; none if it was refused, as when a row looks due to SQL but is not.
fn drive(session: &mut Session<'_>, command: &Command) -> Result<Option<Receipt>, StoreError> {
    match session.undivided(|session| transaction::run(session, command)) {
        Ok(receipt) => Ok(Some(receipt)),
        Err(StoreError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
