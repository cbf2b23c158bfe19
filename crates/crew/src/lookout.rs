//! Which logs hold something that was not read.
//!
//! Logs are looked at again and again, on any file system and without its help, so a look must be cheap: a log that was
//! read to its end and has not changed costs one call to the system, and no task. A look at very many takes its time,
//! and then the next one waits in proportion.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use groundcrew_core::contract::task_type::SCAN_LOGS;
use groundcrew_core::contract::{LogSource, ScanLogsContext};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, ProjectId, Status};
use groundcrew_logs::{Cursor, readable};
use groundcrew_store::{Store, StoreError};

use crate::site::Site;
use crate::tools::Tools;

/// How many times as long as a look the rest after it lasts, and at most.
const REST: u32 = 19;
const LONGEST_REST: Duration = Duration::from_secs(10);

/// Tasks of the monitor that may wait at a time; more logs than that take their turn.
const MOST_WAITING: u64 = 64;

/// The looks at the logs of all projects.
#[derive(Default)]
pub(crate) struct Lookout {
    projects: BTreeMap<ProjectId, Look>,
}

#[derive(Default)]
struct Look {
    /// Before this moment nothing is looked at again.
    rests: Option<Instant>,
    /// Whether every log had been read to its end.
    all_read: bool,
    logs: BTreeMap<PathBuf, Log>,
}

#[derive(Default)]
struct Log {
    /// What the file was when it was known to be read.
    read: Option<Print>,
    asked: Option<Instant>,
}

/// What the system says about a file, which changes whenever its content does.
type Print = (u64, u64, u64, i64, i64);

fn print(file: &Metadata) -> Print {
    (file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec())
}

impl Lookout {
    /// The scans that are to be made now, and whether every log has been read to its end.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn due(&mut self, tools: &Tools) -> Result<(Vec<NewTask>, bool), StoreError> {
        let store = tools.store.as_ref();
        let mut room = MOST_WAITING.saturating_sub(waiting(store)?);
        let mut tasks = Vec::new();
        let mut all_read = true;
        for project in store.projects()? {
            let look = self.projects.entry(project.id).or_default();
            let began = Instant::now();
            if look.rests.is_none_or(|until| began >= until) {
                // A configuration that cannot be read is told by `doctor` and by the tasks themselves.
                let Ok(site) = Site::open(&project, &tools.trust) else { continue };
                look.look(store, &site, &mut room, &mut tasks)?;
                look.rests = Some(Instant::now() + (began.elapsed() * REST).min(LONGEST_REST));
            }
            all_read &= look.all_read;
        }
        Ok((tasks, all_read))
    }
}

impl Look {
    fn look(
        &mut self,
        store: &dyn Store,
        site: &Site,
        room: &mut u64,
        tasks: &mut Vec<NewTask>,
    ) -> Result<(), StoreError> {
        let mut known = std::mem::take(&mut self.logs);
        self.all_read = true;
        for path in site.log_files() {
            let mut log = known.remove(&path).unwrap_or_default();
            if log.is_unread(store, site.id, &path)? {
                self.all_read = false;
                let lately = log.asked.is_some_and(|at| at.elapsed() < site.config.logs.every.get());
                if !lately && *room > 0 {
                    *room -= 1;
                    log.asked = Some(Instant::now());
                    tasks.push(task(site, &path));
                }
            }
            self.logs.insert(path, log);
        }
        Ok(())
    }
}

impl Log {
    /// Whether a log holds anything beyond what has been read. One that cannot be read is told by the health check, and
    /// is no work: its scans would fail one after the other.
    fn is_unread(&mut self, store: &dyn Store, project: ProjectId, path: &Path) -> Result<bool, StoreError> {
        let Ok(file) = std::fs::metadata(path) else { return Ok(false) };
        if !file.is_file() || self.read == Some(print(&file)) {
            return Ok(false);
        }
        let stored = store.cursor(project, &path.to_string_lossy())?;
        let cursor: Option<Cursor> = stored.and_then(|value| serde_json::from_value(value).ok());
        // An empty one without a cursor is looked at too: what is written next is found even if it is rotated away.
        if cursor.is_some_and(|cursor| cursor.has_read(&file)) {
            self.read = Some(print(&file));
            return Ok(false);
        }
        Ok(readable(path).is_ok())
    }
}

fn waiting(store: &dyn Store) -> Result<u64, StoreError> {
    let open = store.counts()?;
    let open = open.iter().filter(|row| row.role == Role::Monitor && row.status == Status::Pending);
    Ok(open.map(|row| row.tasks).sum())
}

fn task(site: &Site, path: &Path) -> NewTask {
    let source = LogSource { kind: "file".into(), path: path.to_string_lossy().into_owned() };
    let key = format!("{SCAN_LOGS}:{}:{}", site.id, source.path);
    let context = ScanLogsContext { source, ..ScanLogsContext::default() };
    let context = serde_json::to_value(context).unwrap_or(serde_json::Value::Null);
    let mut task = NewTask::new(SCAN_LOGS, Role::Monitor, Party::System, context);
    task.project = Some(site.id);
    task.dedupe_key = Some(key);
    task
}
