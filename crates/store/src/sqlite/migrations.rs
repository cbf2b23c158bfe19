//! The schema's versions: which a database has, which it lacks, and that nobody changed one afterwards.
//!
//! Each migration is one transaction together with the row that records it, so a crash leaves the old or the new schema.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::file::fault;
use super::query::Db;
use crate::error::StoreError;
use crate::time::written;

/// Latest schema version that this program knows.
pub const SCHEMA_VERSION: u32 = 12;

/// A migration, applied or to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: &'static str,
}

struct Migration {
    version: u32,
    name: &'static str,
    text: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "given", text: include_str!("../../migrations/sqlite/0001_given.sql") },
    Migration { version: 2, name: "crew", text: include_str!("../../migrations/sqlite/0002_crew.sql") },
    Migration {
        version: 3,
        name: "teamwork",
        text: include_str!("../../migrations/sqlite/0003_teamwork.sql"),
    },
    Migration { version: 4, name: "upkeep", text: include_str!("../../migrations/sqlite/0004_upkeep.sql") },
    Migration {
        version: 5,
        name: "grouping",
        text: include_str!("../../migrations/sqlite/0005_grouping.sql"),
    },
    Migration { version: 6, name: "lines", text: include_str!("../../migrations/sqlite/0006_lines.sql") },
    Migration { version: 7, name: "counts", text: include_str!("../../migrations/sqlite/0007_counts.sql") },
    Migration { version: 8, name: "cron", text: include_str!("../../migrations/sqlite/0008_cron.sql") },
    Migration { version: 9, name: "lean", text: include_str!("../../migrations/sqlite/0009_lean.sql") },
    Migration { version: 10, name: "steps", text: include_str!("../../migrations/sqlite/0010_steps.sql") },
    Migration { version: 11, name: "limits", text: include_str!("../../migrations/sqlite/0011_limits.sql") },
    Migration {
        version: 12,
        name: "signals",
        text: include_str!("../../migrations/sqlite/0012_signals.sql"),
    },
];

const RECORD: &str = "CREATE TABLE IF NOT EXISTS crew_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at DATETIME NOT NULL
)";

/// All migrations, for a database that is yet to be made.
pub(super) fn all() -> Vec<Applied> {
    MIGRATIONS.iter().map(Migration::applied).collect()
}

/// Applies what is missing; gives what was applied.
pub(super) fn bring_up_to_date(connection: &Connection, path: &Path) -> Result<Vec<Applied>, StoreError> {
    let missing = missing(connection, path)?;
    for wanted in &missing {
        let migration = MIGRATIONS.iter().find(|migration| migration.version == wanted.version);
        if let Some(migration) = migration {
            apply(connection, path, migration)?;
        }
    }
    Ok(missing)
}

/// Refuses a database that a reader cannot understand.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if missing(connection, path)?.is_empty() {
        return Ok(());
    }
    let found = version(Db { connection, path })?;
    Err(StoreError::Older { path: path.to_path_buf(), found, needed: SCHEMA_VERSION })
}

/// Version of the database's schema; 0 if no migration was ever recorded.
pub(super) fn version(db: Db<'_>) -> Result<u32, StoreError> {
    Ok(recorded(db.connection, db.path)?.iter().map(|(version, ..)| *version).max().unwrap_or(0))
}

/// What the database lacks, after checking that what it has is what this program knows.
pub(super) fn missing(connection: &Connection, path: &Path) -> Result<Vec<Applied>, StoreError> {
    let recorded = recorded(connection, path)?;
    let found = recorded.iter().map(|(version, ..)| *version).max().unwrap_or(0);
    if found > SCHEMA_VERSION {
        return Err(StoreError::Newer { path: path.to_path_buf(), found, known: SCHEMA_VERSION });
    }
    for (version, name, checksum) in &recorded {
        let known = MIGRATIONS.iter().find(|migration| migration.version == *version);
        if known.is_none_or(|known| known.checksum() != *checksum) {
            return Err(StoreError::ChecksumMismatch {
                path: path.to_path_buf(),
                version: *version,
                name: name.clone(),
            });
        }
    }
    let lacks = |migration: &&Migration| !recorded.iter().any(|(version, ..)| *version == migration.version);
    Ok(MIGRATIONS.iter().filter(lacks).map(Migration::applied).collect())
}

fn recorded(connection: &Connection, path: &Path) -> Result<Vec<(u32, String, String)>, StoreError> {
    let read = || -> rusqlite::Result<Vec<(u32, String, String)>> {
        let known = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'crew_migrations'";
        if connection.query_row(known, [], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(Vec::new());
        }
        let mut rows =
            connection.prepare("SELECT version, name, checksum FROM crew_migrations ORDER BY version")?;
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    };
    read().map_err(|error| fault(path, "read the schema version", error))
}

fn apply(connection: &Connection, path: &Path, migration: &Migration) -> Result<(), StoreError> {
    let fault = |error| fault(path, "migrate", error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
    let done = within(connection, path, migration);
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).map_err(fault)?;
    done
}

fn within(connection: &Connection, path: &Path, migration: &Migration) -> Result<(), StoreError> {
    // Another process may have applied it while this one waited for the lock.
    if !missing(connection, path)?.iter().any(|lacking| lacking.version == migration.version) {
        return Ok(());
    }
    let work = || -> rusqlite::Result<()> {
        connection.execute_batch(RECORD)?;
        connection.execute_batch(migration.text)?;
        let record =
            "INSERT INTO crew_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)";
        let now = written(Timestamp::now());
        connection.execute(record, params![migration.version, migration.name, migration.checksum(), now])?;
        Ok(())
    };
    work().map_err(|error| fault(path, "migrate", error))
}

impl Migration {
    fn applied(&self) -> Applied {
        Applied { version: self.version, name: self.name }
    }

    fn checksum(&self) -> String {
        Sha256::digest(self.text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
