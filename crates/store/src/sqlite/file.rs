//! Opening the database file: who may read it, how it is synced, and what every failure of SQLite means.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::migrations::{self, Applied};
use crate::error::StoreError;
use crate::location::Access;

/// How long a statement waits for another program's write lock.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// What a commit waits for: that it is on disk.
pub(super) const SYNCHRONOUS: &str = "full";
/// Memory in KiB for pages of the connection that writes. SQLite's own 2 MiB hold too little of a busy queue's indexes.
const CACHE_KIB: i64 = 16 << 10;
/// Pages in the write-ahead log after which a commit moves them to the database: 32 MiB. A busy queue writes some 50 pages in a
/// commit, the same ones again and again, so SQLite's own 1,000 would have every twentieth commit wait for two more syncs.
const CHECKPOINT_PAGES: i64 = 8_000;
/// Prepared statements kept per connection: all of them.
const STATEMENTS: usize = 80;

/// Applies the missing migrations, or only names them.
pub(crate) fn migrate(path: &Path, dry_run: bool) -> Result<Vec<Applied>, StoreError> {
    if !dry_run {
        return migrations::bring_up_to_date(&open_to_write(path, Access::Create)?, path);
    }
    if path.exists() {
        return migrations::missing(&open_to_read(path)?, path);
    }
    Ok(migrations::all())
}

/// Holds the write lock for a while.
pub(crate) fn hold_write_lock(path: &Path, time: Duration) -> Result<(), StoreError> {
    let connection = open_to_write(path, Access::Existing)?;
    let fault = |error| fault(path, "hold the write lock", error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
    std::thread::sleep(time);
    connection.execute_batch("ROLLBACK").map_err(fault)
}

/// Opens the connection that writes: write-ahead log, every commit synced.
pub(super) fn open_to_write(path: &Path, access: Access) -> Result<Connection, StoreError> {
    match access {
        Access::Create => create(path)?,
        Access::Existing | Access::ReadOnly => refuse_empty(path)?,
    }
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let fault = |error| fault(path, "open", error);
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(fault)?;
    if mode != "wal" {
        return Err(StoreError::ReadOnly {
            path: path.to_path_buf(),
            detail: format!("its journal mode stays {mode}"),
        });
    }
    connection.pragma_update(None, "synchronous", SYNCHRONOUS).map_err(fault)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(fault)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(fault)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(fault)?;
    // For other programs. What is written here are words of closed lists, and for every list of them SQLite would make a table in
    // memory each time that a row is written, which takes longer than to write the row.
    connection.pragma_update(None, "ignore_check_constraints", true).map_err(fault)?;
    Ok(connection)
}

/// Opens a connection that cannot write.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    refuse_empty(path)?;
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(|error| fault(path, "open", error))?;
    Ok(connection)
}

/// SQLite takes an empty file for a new database, and a crew without projects would look like one with no work.
fn refuse_empty(path: &Path) -> Result<(), StoreError> {
    if std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0) {
        return Err(StoreError::NotADatabase { path: path.to_path_buf() });
    }
    Ok(())
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    match std::fs::metadata(path) {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::Missing { path: path.to_path_buf() });
        }
        Err(source) => return Err(io("open", path, source)),
        // Looked at first, since to open a pipe would wait for its other end.
        Ok(found) if !found.is_file() => return Err(StoreError::NotADatabase { path: path.to_path_buf() }),
        Ok(_) => {}
    }
    match connect(path.as_os_str(), flags) {
        Err(error)
            if error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
                && flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY)
                && nothing_is_pending(path) =>
        {
            connect(&unchanging(path), flags | OpenFlags::SQLITE_OPEN_URI)
        }
        connected => connected,
    }
    .map_err(|error| fault(path, "open", error))
}

fn connect(place: &OsStr, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(place, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA trusted_schema = OFF")?;
    // Without it statements are compiled anew when other values are bound, lest another plan be better now.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // SQLite opens lazily: only a first read tells whether the file is a database.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Whether the file holds every commit: no write-ahead log waits beside it.
fn nothing_is_pending(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log)
        .map_or_else(|error| error.kind() == std::io::ErrorKind::NotFound, |log| log.len() == 0)
}

/// The address of a file in a folder that cannot be written: to read it SQLite would make files beside it, unless it is
/// told that nobody writes.
fn unchanging(path: &Path) -> OsString {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut address = "file:".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                address.push(char::from(byte));
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address.push_str("?immutable=1");
    address.into()
}

/// Makes the file readable by its owner only, before SQLite would make it readable by all.
fn create(path: &Path) -> Result<(), StoreError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|source| io("make the directory", directory, source))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(io("make", path, source)),
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_path_buf(), source: Arc::new(source) }
}

fn extended(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

fn foreign_key(error: &rusqlite::Error) -> bool {
    extended(error) == Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// Says what a failure of SQLite means.
pub(super) fn fault(path: &Path, action: &'static str, error: rusqlite::Error) -> StoreError {
    let path = path.to_path_buf();
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Busy { path, waited_s: BUSY_WAIT.as_secs() }
        }
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { path },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { path, detail },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            StoreError::ReadOnly { path, detail }
        }
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        // A few pages that SQLite needs beside the file could not be had.
        Some(ErrorCode::SystemIoFailure) if extended(&error) == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => {
            StoreError::Full { path }
        }
        Some(ErrorCode::ConstraintViolation) if foreign_key(&error) => StoreError::Dangling { action },
        // The remaining codes are SQLite's, an open list, and mean the same to us: the statement failed.
        _ => StoreError::Sql { action, path, source: Arc::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_sqlite_says_what_to_do_next() {
        let said = |code| {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            fault(Path::new("crew.db"), "claim", error).to_string()
        };
        assert_eq!(
            said(rusqlite::ffi::SQLITE_BUSY),
            "database crew.db is busy: another program has held its write lock for 10 s; try again, or end that program"
        );
        assert_eq!(
            said(rusqlite::ffi::SQLITE_FULL),
            "no space is left for database crew.db; free some and try again, nothing was half written"
        );
        assert_eq!(
            said(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY),
            "statement claim names a row that is not in the database; check the ids of the parent, project and incident"
        );
    }
}
