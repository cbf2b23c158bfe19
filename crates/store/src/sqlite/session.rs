//! What the commands of one transaction share: the connection, the clock, the rows of the roles, and who must be woken.

use std::collections::BTreeSet;
use std::path::Path;

use groundcrew_core::agent::Pause;
use groundcrew_core::limit::Limit;
use groundcrew_core::role::Role;
use jiff::Timestamp;
use rusqlite::Connection;

use super::query::{Db, NORMALISE, NORMALISE_WAITS, NOW, PAUSES};
use super::roles::Roles;
use super::turns::Turns;
use super::underway::{CountedBy, Underway};
use super::{limits, row};
use crate::error::StoreError;
use crate::location::Clock;
use crate::time::written;

/// How the commands of a group share their transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// Each is free to write. If one fails after it wrote, all of it is rolled back and done again apart.
    Together,
    /// Each has a savepoint.
    Apart,
}

/// How a part of a transaction went.
pub(super) enum Attempted<T> {
    /// It was done, or it failed and left nothing.
    Done(Result<T, StoreError>),
    /// It failed after it wrote, and only the whole transaction can be taken back.
    Spoilt,
}

/// An open write transaction.
pub(super) struct Session<'c> {
    /// The connection.
    pub(super) db: Db<'c>,
    /// The state rows of the roles.
    pub(super) roles: Roles,
    /// What the roles have under way.
    pub(super) underway: Underway,
    /// Whose turn it is among the tasks of a role.
    pub(super) turns: Turns,
    /// Roles that the commands so far gave work.
    pub(super) wake: BTreeSet<Role>,
    /// Rows of other programs filled in since the last sweep asked.
    pub(super) normalised: u64,
    /// The pauses in force, once they were asked for.
    pauses: Option<Vec<Pause>>,
    /// The limits in force, once they were asked for.
    limits: Option<Vec<Limit>>,
    /// The time at which all of it happens.
    now: Timestamp,
}

impl<'c> Session<'c> {
    /// Starts with what other programs left: their rows are made normal before anything is decided.
    ///
    /// `clock` is where the time comes from instead of the database, in a test of what a jump of it does.
    pub(super) fn begin(
        connection: &'c Connection,
        path: &'c Path,
        normalised: u64,
        clock: Option<&Clock>,
        by: CountedBy,
        turns: Turns,
    ) -> Result<Self, StoreError> {
        let db = Db { connection, path };
        let now = clock.map_or_else(|| now(db), |clock| Ok(clock()))?;
        let mut session = Self {
            db,
            roles: Roles::default(),
            underway: Underway::new(by),
            turns,
            wake: BTreeSet::new(),
            normalised,
            pauses: None,
            limits: None,
            now,
        };
        let filled = session.db.run(NORMALISE, [written(now)])?;
        let waits = session.db.run(NORMALISE_WAITS, [])?;
        session.normalised += u64::try_from(filled + waits).unwrap_or(0);
        Ok(session)
    }

    /// The database's time, as it was when the write lock was had.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The pauses in force.
    pub(super) fn pauses(&mut self) -> Result<Vec<Pause>, StoreError> {
        if self.pauses.is_none() {
            self.pauses = Some(self.db.all(PAUSES, [], row::pause)?);
        }
        Ok(self.pauses.clone().unwrap_or_default())
    }

    /// The limits in force, without what runs.
    pub(super) fn limits(&mut self) -> Result<Vec<Limit>, StoreError> {
        if self.limits.is_none() {
            self.limits = Some(limits::all(self.db)?);
        }
        Ok(self.limits.clone().unwrap_or_default())
    }

    /// The pauses or the limits are about to change.
    pub(super) fn forget_holds(&mut self) {
        (self.pauses, self.limits) = (None, None);
    }

    /// Writes what was kept back so that it is written once for all commands.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        self.roles.write(self.db)?;
        self.underway.write(self.db)
    }

    /// Does something as a part of a group. Gives the failure if SQLite gave up the whole transaction, as it does when the
    /// disk is full.
    pub(super) fn attempt<T>(
        &mut self,
        share: Share,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Attempted<T>, StoreError> {
        let before = self.written();
        let done = match share {
            Share::Together => work(self),
            Share::Apart => self.undivided(work),
        };
        match done {
            Err(error) if self.db.connection.is_autocommit() => Err(error),
            Err(_) if share == Share::Together && self.written() != before => Ok(Attempted::Spoilt),
            done => Ok(Attempted::Done(done)),
        }
    }

    /// How much has been written so far. While it stands still there is nothing to take back.
    fn written(&self) -> (u64, u64) {
        (self.db.connection.total_changes(), self.roles.changes())
    }

    /// Does something wholly or not at all, within the transaction.
    pub(super) fn undivided<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.batch("SAVEPOINT command")?;
        let (woken, roles, underway) = (self.wake.clone(), self.roles.clone(), self.underway.clone());
        let done = work(self);
        if done.is_err() {
            (self.wake, self.roles, self.underway) = (woken, roles, underway);
            self.forget_holds();
            // A full disk or the like ends the whole transaction, and the savepoint with it.
            if self.db.connection.is_autocommit() {
                return done;
            }
            self.batch("ROLLBACK TO command")?;
        }
        self.batch("RELEASE command")?;
        done
    }

    fn batch(&self, text: &'static str) -> Result<(), StoreError> {
        let fault = |error| self.db.fault(text, error);
        self.db.connection.prepare_cached(text).map_err(fault)?.execute([]).map_err(fault).map(|_| ())
    }
}

/// The database's time.
pub(super) fn now(db: Db<'_>) -> Result<Timestamp, StoreError> {
    Ok(db.first(NOW, [], |found| row::time_at(found, 0))?.flatten().unwrap_or(Timestamp::UNIX_EPOCH))
}
