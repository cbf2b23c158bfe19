//! What happens when the database's clock is set back: leases and waits move with it, so that work goes on.
//!
//! A clock set forward needs nothing: leases end early, their holders are fenced off and the work is done again. After a
//! clock was set back a lease would last until the old time comes again. While a process is there it sees the jump,
//! since its monotonic clock does not jump along. After a restart it shows in leases that begin in the future.

use std::time::Instant;

use groundcrew_core::log::NewLog;
use groundcrew_core::role::Party;
use jiff::{SignedDuration, Timestamp};
use rusqlite::params;
use serde_json::json;

use super::query::{
    MEND_LEASES, MEND_RETRIES, MOVE_LEASES, MOVE_RETRIES, MOVE_SCHEDULES, SET_SETTING, SETTING,
};
use super::session::Session;
use super::{apply, row};
use crate::error::StoreError;
use crate::time::{understood, written};

/// Clocks are kept exact by small steps; only larger ones matter.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// Time within which another process is taken to have seen the same jump.
const SAME: SignedDuration = SignedDuration::from_secs(60);
/// More than the longest wait before a retry.
const LONGEST_RETRY: SignedDuration = SignedDuration::from_mins(10);
/// Setting that says when a jump was last made good.
const MENDED: &str = "clock_mended";

/// What the last transaction of this process took the time to be.
#[derive(Debug, Default)]
pub(super) struct Watch(Option<(Timestamp, Instant)>);

impl Watch {
    /// How far the clock was set back since the last transaction.
    pub(super) fn set_back(&self, now: Timestamp) -> Option<SignedDuration> {
        let (then, at) = self.0?;
        let passed = SignedDuration::try_from(at.elapsed()).ok()?;
        let back = then.checked_add(passed).ok()?.duration_since(now);
        (back > STEP).then_some(back)
    }

    /// Notes the time of a transaction that was committed.
    pub(super) fn note(&mut self, now: Timestamp) {
        self.0 = Some((now, Instant::now()));
    }
}

/// Moves leases, waits before retries and schedules back by as much as the clock.
pub(super) fn follow(session: &mut Session<'_>, back: SignedDuration) -> Result<(), StoreError> {
    let now = session.now();
    let mended = session.db.first(SETTING, [MENDED], row::first_text)?.and_then(|at| understood(&at));
    if mended.is_some_and(|at| (SignedDuration::ZERO..SAME).contains(&now.duration_since(at))) {
        return Ok(());
    }
    let by = format!("-{:.3} seconds", back.as_secs_f64());
    let at = written(now);
    let leases = session.db.run(MOVE_LEASES, params![at, by])?;
    let retries = session.db.run(MOVE_RETRIES, params![at, by])?;
    let schedules = session.db.run(MOVE_SCHEDULES, params![at, by])?;
    session.db.run(SET_SETTING, params![MENDED, at])?;
    let data =
        json!({ "seconds": back.as_secs(), "leases": leases, "retries": retries, "schedules": schedules });
    let entry =
        NewLog::warn("the clock was set back; leases, retries and schedules were moved with it", data);
    apply::log(session, None, Party::System, &entry)
}

/// Leases that begin in the future, and waits longer than any, are from before the clock was set back: a lease
/// gets its full length from now, a retry is due.
pub(super) fn mend(session: &Session<'_>, now: Timestamp, lease: SignedDuration) -> Result<(), StoreError> {
    let later = |by: SignedDuration| written(now.checked_add(by).unwrap_or(Timestamp::MAX));
    session.db.run(MEND_LEASES, params![written(now), later(lease), later(STEP)])?;
    session.db.run(MEND_RETRIES, params![written(now), later(LONGEST_RETRY)])?;
    Ok(())
}
