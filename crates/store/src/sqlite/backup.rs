//! A copy of the database while a crew writes to it: whole, checked, on disk, and never in the place of another file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

use super::query::{COUNTS, Db};
use super::{check, file, migrations, row};
use crate::error::StoreError;
use crate::upkeep::Backup;

/// Copies the database at `from` into the new file `to`.
///
/// The copy is one moment of the database: everything that was acknowledged before this was called, and nothing half.
///
/// # Errors
/// [`StoreError::Exists`] if `to` is there, [`StoreError::Corrupt`] if the database or the copy of it is damaged.
pub(crate) fn backup(from: &Path, to: &Path) -> Result<Backup, StoreError> {
    if to.symlink_metadata().is_ok() {
        return Err(StoreError::Exists { path: to.to_path_buf() });
    }
    let source = file::open_to_read(from)?;
    migrations::check(&source, from)?;
    // Making a copy counts as writing, although the file itself is opened for reading only.
    source.execute_batch("PRAGMA query_only = OFF").map_err(|error| failed(from, to, error))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Readable by its owner alone, and removed again if anything fails.
    let copy = tempfile::Builder::new()
        .prefix(".groundcrew-backup-")
        .tempfile_in(folder)
        .map_err(|source| io("write a backup in", folder, source))?;
    let name = copy.path().to_string_lossy().into_owned();
    source.execute("VACUUM INTO ?1", [&name]).map_err(|error| failed(from, to, error))?;
    let backup = examine(copy.path(), from, to)?;
    copy.as_file().sync_all().map_err(|source| io("sync the backup", to, source))?;
    copy.persist_noclobber(to).map_err(|failed| {
        if failed.error.kind() == std::io::ErrorKind::AlreadyExists {
            return StoreError::Exists { path: to.to_path_buf() };
        }
        io("name the backup", to, failed.error)
    })?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| io("sync the folder", folder, source))?;
    Ok(backup)
}

/// Opens the copy as a later reader would.
fn examine(copy: &Path, from: &Path, to: &Path) -> Result<Backup, StoreError> {
    let connection = file::open_to_read(copy)?;
    let db = Db { connection: &connection, path: copy };
    if let Some(damage) = check::damage(db)?.into_iter().next() {
        return Err(StoreError::Corrupt { path: from.to_path_buf(), detail: damage.detail });
    }
    let bytes = std::fs::metadata(copy).map_err(|source| io("measure the backup", to, source))?.len();
    let counts = db.all(COUNTS, [], row::count)?;
    Ok(Backup {
        path: to.to_path_buf(),
        bytes,
        tasks: counts.iter().map(|count| count.tasks).sum(),
        schema: migrations::version(db)?,
    })
}

/// A full disk is that of the copy: nothing is written to the database itself.
fn failed(from: &Path, to: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => io("write", to, std::io::ErrorKind::StorageFull.into()),
        // The remaining codes are SQLite's, an open list.
        _ => file::fault(from, "copy", error),
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { action, path: PathBuf::from(path), source: Arc::new(source) }
}
