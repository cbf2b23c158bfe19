//! One command's view of the transaction that is open: the connection, the clock, and who must be woken after it.

use std::collections::BTreeSet;
use std::path::Path;

use groundcrew_core::role::Role;
use jiff::Timestamp;
use rusqlite::Connection;

use super::query::{Db, NORMALISE, NORMALISE_WAITS, NOW};
use super::row;
use crate::error::StoreError;
use crate::location::Clock;
use crate::time::written;

/// An open write transaction.
pub(super) struct Session<'c> {
    /// The connection.
    pub(super) db: Db<'c>,
    /// Roles that the commands so far gave work.
    pub(super) wake: BTreeSet<Role>,
    /// Rows of other programs filled in since the last sweep asked.
    pub(super) normalised: &'c mut u64,
    /// Where the time comes from instead of the database, in a test of what a jump of it does.
    clock: Option<&'c Clock>,
}

impl<'c> Session<'c> {
    /// Starts with what other programs left: their rows are made normal before anything is decided.
    pub(super) fn begin(
        connection: &'c Connection,
        path: &'c Path,
        normalised: &'c mut u64,
        clock: Option<&'c Clock>,
    ) -> Result<Self, StoreError> {
        let session = Self { db: Db { connection, path }, wake: BTreeSet::new(), normalised, clock };
        let filled = session.db.run(NORMALISE, [written(session.now()?)])?;
        let waits = session.db.run(NORMALISE_WAITS, [])?;
        *session.normalised += u64::try_from(filled + waits).unwrap_or(0);
        Ok(session)
    }

    /// The database's time.
    pub(super) fn now(&self) -> Result<Timestamp, StoreError> {
        self.clock.map_or_else(|| now(self.db), |clock| Ok(clock()))
    }

    /// Does something wholly or not at all, within the transaction.
    pub(super) fn undivided<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.batch("SAVEPOINT command")?;
        let woken = self.wake.clone();
        let done = work(self);
        if done.is_err() {
            self.wake = woken;
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
