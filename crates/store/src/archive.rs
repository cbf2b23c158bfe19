//! The file that pruned workflows go to: JSON Lines, each workflow whole and on disk before a row of it is deleted.
//!
//! The first line names the form. A workflow is one line per row and a last line that counts and hashes them. What
//! follows the last whole workflow was cut off by a kill, is still in the database and is written anew; a workflow
//! that is whole here but was not yet deleted there is not written twice.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::task::TaskId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;

/// Version of the form; a later one is another number.
const FORM: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    groundcrew_archive: u32,
}

/// The last line of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct End {
    /// Its first task.
    workflow: i64,
    /// Lines before this one.
    rows: u64,
    /// Hash of those lines with their ends, so that a changed archive is found out.
    sha256: String,
}

/// An archive that is open for more.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    file: File,
    whole: BTreeSet<End>,
}

/// One row of a workflow, as it goes into the archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArchivedRow {
    /// The table.
    pub(crate) table: String,
    /// Its columns by name.
    pub(crate) row: Value,
}

impl Archive {
    /// Opens an archive or begins one, and takes away what a kill left half written at its end.
    ///
    /// # Errors
    /// [`StoreError::NotAnArchive`] if the file is something else, or it cannot be read, written or locked.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let not_one = |reason| StoreError::NotAnArchive { path: path.to_path_buf(), reason };
        // Looked at before it is opened: to open a pipe would wait for its other end.
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(not_one("it is not a regular file"));
        }
        let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let mut file = opened.map_err(|source| io("open", path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(not_one("another program is pruning into it now")),
            Err(TryLockError::Error(source)) => return Err(io("lock", path, source)),
        }
        let (end, whole) = read(&mut file, path)?.ok_or_else(|| not_one("it holds something else"))?;
        file.set_len(end).map_err(|source| io("shorten", path, source))?;
        let mut archive = Self { path: path.to_path_buf(), file, whole };
        if end == 0 {
            archive
                .write(format!("{}\n", serde_json::json!(Head { groundcrew_archive: FORM })).as_bytes())?;
        }
        Ok(archive)
    }

    /// Adds a workflow unless exactly these rows of it are here already. It is on disk only after [`Archive::sync`].
    pub(crate) fn add(&mut self, root: TaskId, rows: &[ArchivedRow]) -> Result<(), StoreError> {
        let mut text = String::new();
        for row in rows {
            text.push_str(&serde_json::json!(row).to_string());
            text.push('\n');
        }
        let rows = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let end = End { workflow: root.0, rows, sha256: hex(&Sha256::digest(&text)) };
        if self.whole.contains(&end) {
            return Ok(());
        }
        text.push_str(&serde_json::json!(end).to_string());
        text.push('\n');
        self.write(text.as_bytes())?;
        self.whole.insert(end);
        Ok(())
    }

    /// Waits until everything that was added is on disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new(".")));
        let synced = self.file.sync_all().and_then(|()| folder?.sync_all());
        synced.map_err(|source| io("sync", &self.path, source))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|source| io("write", &self.path, source))
    }
}

/// Where the last whole workflow ends, and all whole ones; none if the file is no archive of this form.
fn read(file: &mut File, path: &Path) -> Result<Option<(u64, BTreeSet<End>)>, StoreError> {
    file.seek(SeekFrom::Start(0)).map_err(|source| io("read", path, source))?;
    let mut reader = BufReader::new(file);
    let (mut at, mut end) = (0, 0);
    let mut whole = BTreeSet::new();
    let (mut rows, mut hash) = (0, Sha256::new());
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(|source| io("read", path, source))?;
        if line.last() != Some(&b'\n') {
            // Also a first line that was cut off is one of ours, or the file is none.
            let begun = end > 0 || begins_head(&line);
            return Ok(begun.then_some((end, whole)));
        }
        at += u64::try_from(length).unwrap_or(0);
        if end == 0 {
            let head: Option<Head> = serde_json::from_slice(&line).ok();
            if head.is_none_or(|head| head.groundcrew_archive != FORM) {
                return Ok(None);
            }
            end = at;
        } else if let Ok(found) = serde_json::from_slice::<End>(&line) {
            let told =
                End { workflow: found.workflow, rows, sha256: hex(&std::mem::take(&mut hash).finalize()) };
            rows = 0;
            if found == told {
                whole.insert(found);
            }
            end = at;
        } else {
            rows += 1;
            hash.update(&line);
        }
    }
}

fn begins_head(line: &[u8]) -> bool {
    let head = format!("{}\n", serde_json::json!(Head { groundcrew_archive: FORM }));
    head.as_bytes().starts_with(line)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_path_buf(), source: Arc::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(n: i64) -> ArchivedRow {
        ArchivedRow { table: "agent_tasks".into(), row: json!({ "id": n }) }
    }

    #[test]
    fn what_was_cut_off_is_written_anew_and_what_is_whole_is_not_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.jsonl");
        let mut archive = Archive::open(&path).unwrap();
        archive.add(TaskId(1), &[row(1), row(2)]).unwrap();
        archive.add(TaskId(3), &[row(3)]).unwrap();
        drop(archive);
        let full = std::fs::read(&path).unwrap();
        for length in 0..full.len() {
            std::fs::write(&path, &full[..length]).unwrap();
            let mut archive = Archive::open(&path).unwrap();
            archive.add(TaskId(1), &[row(1), row(2)]).unwrap();
            archive.add(TaskId(3), &[row(3)]).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), full, "cut off after {length} bytes");
        }
    }

    #[test]
    fn a_workflow_that_changed_since_is_archived_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.jsonl");
        Archive::open(&path).unwrap().add(TaskId(1), &[row(1)]).unwrap();
        Archive::open(&path).unwrap().add(TaskId(1), &[row(1), row(2)]).unwrap();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert_eq!(lines, 1 + 2 + 3);
    }

    #[test]
    fn another_file_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("notes", "buy milk\n"),
            ("one-line", "buy milk"),
            ("json", "{\"id\":1}\n"),
            ("later", "{\"groundcrew_archive\":2}\n{\"id\":1}\n"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let said = Archive::open(&path).unwrap_err();
            assert!(matches!(said, StoreError::NotAnArchive { .. }), "{said}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let said = Archive::open(folder.path()).unwrap_err().to_string();
        assert!(said.contains("it is not a regular file"), "{said}");
    }

    #[test]
    fn two_programs_never_write_to_one_archive_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.jsonl");
        let _first = Archive::open(&path).unwrap();
        let said = Archive::open(&path).unwrap_err().to_string();
        assert!(said.contains("another program is pruning into it now"), "{said}");
    }
}
