//! A process of another program that holds the write lock of the database for a while.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_store::{StoreError, hold_write_lock};
use jiff::Timestamp;

/// Holds it for so long, or until it is killed, and tells in a file from when until when it did.
pub(super) fn run(database: &str, hold: Duration, told: &Path) -> Result<(), StoreError> {
    hold_write_lock(database, hold)?;
    let until = Timestamp::now().as_millisecond();
    let from = until - i64::try_from(hold.as_millis()).unwrap_or(0);
    std::fs::write(told, format!("[{from},{until}]")).map_err(|source| StoreError::Io {
        action: "write",
        path: told.to_owned(),
        source: Arc::new(source),
    })
}
