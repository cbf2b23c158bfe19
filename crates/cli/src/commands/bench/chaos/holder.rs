//! A process of another program that holds the write lock of the database for a while.

use std::time::Duration;

use groundcrew_store::{StoreError, hold_write_lock};

/// Holds it for so long, or until it is killed.
pub(super) fn run(database: &str, hold: Duration) -> Result<(), StoreError> {
    hold_write_lock(database, hold)
}
