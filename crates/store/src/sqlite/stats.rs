//! Figures about the database: how large it is, what waits in it, what has become of the work.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Row, params};

use super::query::{
    COUNTS, Db, FINISHED_PER_DAY, INCIDENTS_PER_STATUS, OUR_TABLES, READY_BY_AGE, READY_COUNT,
};
use super::{migrations, row};
use crate::error::StoreError;
use crate::upkeep::{Day, FileStats, QueueStats, Stats};

/// All figures, as of one moment.
pub(super) fn stats(db: Db<'_>) -> Result<Stats, StoreError> {
    let _snapshot =
        db.connection.unchecked_transaction().map_err(|error| db.fault("begin to count", error))?;
    Ok(Stats {
        schema: migrations::version(db)?,
        file: file(db)?,
        rows: rows(db)?,
        tasks: db.all(COUNTS, [], row::count)?,
        queue: queue(db)?,
        finished: db.all(FINISHED_PER_DAY, [], |found| {
            Ok(Day {
                day: row::first_text(found)?,
                completed: count_at(found, 1),
                failed: count_at(found, 2),
            })
        })?,
        incidents: db
            .all(INCIDENTS_PER_STATUS, [], |found| Ok((row::first_text(found)?, count_at(found, 1))))?
            .into_iter()
            .collect(),
    })
}

fn count_at(found: &Row<'_>, column: usize) -> u64 {
    found.get::<_, i64>(column).ok().and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

fn file(db: Db<'_>) -> Result<FileStats, StoreError> {
    let pragma = |name: &str| -> Result<u64, StoreError> {
        let read = db.connection.pragma_query_value(None, name, |found| found.get::<_, i64>(0));
        let value = read.map_err(|error| db.fault("measure the file", error))?;
        Ok(u64::try_from(value).unwrap_or(0))
    };
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    let mut wal = db.path.as_os_str().to_owned();
    wal.push("-wal");
    Ok(FileStats {
        bytes: length(db.path),
        wal_bytes: length(Path::new(&wal)),
        page_size: pragma("page_size")?,
        pages: pragma("page_count")?,
        free_pages: pragma("freelist_count")?,
    })
}

fn rows(db: Db<'_>) -> Result<BTreeMap<String, u64>, StoreError> {
    let tables = db.all(OUR_TABLES, [], row::first_text)?;
    let count = |table: String| {
        // A name cannot be a parameter; what it may hold is quoted.
        let text = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
        let rows = db.connection.query_row(&text, [], |found| Ok(count_at(found, 0)));
        rows.map(|rows| (table, rows)).map_err(|error| db.fault("count rows", error))
    };
    tables.into_iter().map(count).collect()
}

fn queue(db: Db<'_>) -> Result<QueueStats, StoreError> {
    let ready = db.number(READY_COUNT, [])?;
    let created = |offset: i64| -> Result<_, StoreError> {
        Ok(db.first(READY_BY_AGE, params![offset], |found| row::time_at(found, 0))?.flatten())
    };
    Ok(QueueStats {
        ready: u64::try_from(ready).unwrap_or(0),
        oldest: created(0)?,
        // By nearest rank: of 100 tasks, five are at least as old as the one at the 95th percentile plus one.
        p95: created(ready / 20)?,
    })
}
