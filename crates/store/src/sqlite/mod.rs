//! The store on one SQLite file.
//!
//! One thread owns the only writing connection (`writer`); reads use a few connections that cannot write (`reader`).

mod apply;
mod audit;
mod backup;
mod changes;
mod check;
mod clock;
mod file;
mod limits;
mod lines;
mod load;
pub(crate) mod migrations;
mod prune;
mod query;
mod reader;
mod roles;
mod row;
mod session;
mod stats;
mod sweep;
mod transaction;
mod turns;
mod underway;
mod waiting;
mod writer;

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_core::agent::{AgentState, Pause};
use groundcrew_core::event::Event;
use groundcrew_core::incident::{Hidden, Incident, IncidentStatus, ReleaseCount, Traffic};
use groundcrew_core::lifecycle::{Command, Settlement};
use groundcrew_core::limit::Limit;
use groundcrew_core::log::{LogEntry, NewLog};
use groundcrew_core::message::Message;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::Schedule;
use groundcrew_core::signal::{Await, Signal};
use groundcrew_core::step::Step;
use groundcrew_core::task::{IncidentId, MessageId, NewTask, ProjectId, Task, TaskId};
use groundcrew_core::template::{Learned, Template};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::archive::Archive;
use crate::error::StoreError;
use crate::location::{Access, Clock};
use crate::store::{Maintained, Pace, Receipt, Store};
use crate::upkeep::{AuditReport, Finding, Prune, Pruned, Stats};
use crate::view::{
    Attempt, Count, InboxItem, IncidentFilter, LogFilter, MessageFilter, NewWorker, Project, TaskFilter,
    TemplateFilter, Worker,
};
use changes::Changes;
use reader::Readers;
use session::Session;
use writer::{Wish, Writer};

pub(crate) use backup::backup;
pub(crate) use file::{hold_write_lock, migrate};

/// The store on one SQLite file.
pub(crate) struct SqliteStore {
    /// None where the file is opened for reading only.
    writer: Option<Writer>,
    readers: Readers,
    changes: Arc<Changes>,
    path: Arc<Path>,
    /// Device and inode of the file as it was opened.
    file: Option<(u64, u64)>,
}

impl SqliteStore {
    pub(crate) fn open(path: &Path, access: Access, clock: Option<Clock>) -> Result<Self, StoreError> {
        let path: Arc<Path> = path.into();
        let changes = Arc::new(Changes::default());
        let writer = match access {
            Access::Create | Access::Existing => {
                let connection = file::open_to_write(&path, access)?;
                migrations::bring_up_to_date(&connection, &path)?;
                Some(Writer::start(connection, Arc::clone(&path), Arc::clone(&changes), clock)?)
            }
            Access::ReadOnly => {
                migrations::check(&file::open_to_read(&path)?, &path)?;
                None
            }
        };
        let file = identity(&path);
        Ok(Self { writer, readers: Readers::new(Arc::clone(&path)), changes, path, file })
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer()?.call(work)
    }

    /// The way to the writing thread.
    fn writer(&self) -> Result<&Writer, StoreError> {
        // An open file outlives its name: what is written to it then would be lost with the process.
        if identity(&self.path) != self.file {
            return Err(StoreError::Replaced { path: self.path.to_path_buf() });
        }
        match &self.writer {
            Some(writer) => Ok(writer),
            None => Err(StoreError::ReadOnly {
                path: self.path.to_path_buf(),
                detail: "it is opened for reading only".to_owned(),
            }),
        }
    }
}

/// Device and inode of the file that has this name now.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

impl Store for SqliteStore {
    fn execute(&self, command: Command) -> Result<Receipt, StoreError> {
        self.write(move |session| transaction::run(session, &command))
    }

    fn enqueue(&self, tasks: Vec<NewTask>) -> Result<Vec<TaskId>, StoreError> {
        let commands: Vec<Command> = tasks.into_iter().map(|task| Command::Create(Box::new(task))).collect();
        self.write(move |session| transaction::create(session, &commands))
    }

    fn claim_within(
        &self,
        role: Role,
        worker: &str,
        lease: SignedDuration,
        since: u64,
        patience: Duration,
    ) -> Result<(Option<Task>, u64), StoreError> {
        self.writer()?.claim(Wish { role, worker: worker.to_owned(), lease, since, patience })
    }

    fn settle_and_claim(
        &self,
        settlement: Settlement,
        worker: &str,
        lease: SignedDuration,
        role: Role,
    ) -> Result<(Result<Receipt, StoreError>, Option<Task>), StoreError> {
        let command = Command::Settle(Box::new(settlement));
        let wish = Wish { role, worker: worker.to_owned(), lease, since: 0, patience: Duration::ZERO };
        let work = move |session: &mut Session<'_>| transaction::run(session, &command);
        let (settled, claimed) = self.writer()?.call_and_claim(work, wish)?;
        Ok((settled, claimed?.0))
    }

    fn pace(&self) -> Pace {
        let commits = self.writer.as_ref().map_or(0, Writer::commits);
        // Said in one place: the writing connection is opened so, or not at all.
        Pace { commits, synchronous: file::SYNCHRONOUS }
    }

    fn maintain(&self, lease: SignedDuration) -> Result<Maintained, StoreError> {
        self.write(move |session| sweep::sweep(session, lease))
    }

    fn changes(&self, since: u64, timeout: Duration) -> u64 {
        self.changes.wait(since, timeout)
    }

    fn wake(&self) {
        self.changes.raise();
    }

    fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.readers.with(|db| reader::task(db, id))
    }

    fn tasks(&self, filter: &TaskFilter) -> Result<Vec<Task>, StoreError> {
        self.readers.with(|db| reader::tasks(db, filter))
    }

    fn workflow(&self, id: TaskId) -> Result<Vec<Task>, StoreError> {
        self.readers.with(|db| reader::workflow(db, id))
    }

    fn messages(&self, filter: &MessageFilter) -> Result<Vec<Message>, StoreError> {
        self.readers.with(|db| reader::messages(db, filter))
    }

    fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.readers.with(|db| reader::message(db, id))
    }

    fn inbox(&self) -> Result<Vec<InboxItem>, StoreError> {
        self.readers.with(reader::inbox)
    }

    fn answers_of(&self, task: TaskId) -> Result<Vec<Message>, StoreError> {
        self.readers.with(|db| reader::answers_of(db, task))
    }

    fn logs(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, StoreError> {
        self.readers.with(|db| reader::logs(db, filter))
    }

    fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        self.readers.with(|db| reader::incidents(db, filter))
    }

    fn incident_buckets(
        &self,
        incident: IncidentId,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, u64)>, StoreError> {
        self.readers.with(|db| reader::incident_buckets(db, incident, since))
    }

    fn traffic(&self, project: ProjectId, since: Timestamp) -> Result<Vec<Traffic>, StoreError> {
        self.readers.with(|db| reader::traffic(db, project, since))
    }

    fn incident_releases(&self, incident: IncidentId) -> Result<Vec<ReleaseCount>, StoreError> {
        self.readers.with(|db| lines::releases(db, incident))
    }

    fn releases(&self, project: ProjectId) -> Result<Vec<ReleaseCount>, StoreError> {
        self.readers.with(|db| lines::releases_of(db, project))
    }

    fn learned(&self, project: ProjectId, source: Option<&str>) -> Result<Vec<Learned>, StoreError> {
        self.readers.with(|db| lines::learned(db, project, source))
    }

    fn miner(&self, project: ProjectId, source: &str) -> Result<Option<Value>, StoreError> {
        self.readers.with(|db| lines::miner(db, project, source))
    }

    fn templates(&self, filter: &TemplateFilter) -> Result<Vec<Template>, StoreError> {
        self.readers.with(|db| lines::templates(db, filter))
    }

    fn template_buckets(
        &self,
        template: &Template,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, u64)>, StoreError> {
        self.readers.with(|db| lines::template_buckets(db, template, since))
    }

    fn knows(&self, project: ProjectId, fingerprint: &str) -> Result<bool, StoreError> {
        self.readers.with(|db| reader::knows(db, project, fingerprint))
    }

    fn similar(&self, incident: &Incident, limit: u32) -> Result<Vec<Incident>, StoreError> {
        self.readers.with(|db| reader::similar(db, incident, limit))
    }

    fn hidden(&self, project: ProjectId) -> Result<Vec<Hidden>, StoreError> {
        self.readers.with(|db| reader::hidden(db, project))
    }

    fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.readers.with(reader::pauses)
    }

    fn limits(&self) -> Result<Vec<Limit>, StoreError> {
        self.readers.with(limits::used)
    }

    fn signals(&self) -> Result<Vec<Signal>, StoreError> {
        self.readers.with(reader::signals)
    }

    fn signal(&self, name: &str) -> Result<Option<Signal>, StoreError> {
        self.readers.with(|db| reader::signal(db, name))
    }

    fn awaits(&self) -> Result<Vec<Await>, StoreError> {
        self.readers.with(reader::awaits)
    }

    fn schedules(&self) -> Result<Vec<Schedule>, StoreError> {
        self.readers.with(reader::schedules)
    }

    fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.readers.with(|db| reader::events(db, after, limit))
    }

    fn bookmark(&self, name: &str) -> Result<i64, StoreError> {
        self.readers.with(|db| reader::bookmark(db, name))
    }

    fn advance_bookmark(&self, name: &str, from: i64, to: i64) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write(move |session| apply::advance_bookmark(session, &name, from, to))
    }

    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.readers.with(|db| reader::incident(db, id))
    }

    fn incident_counts(&self, project: Option<ProjectId>) -> Result<Vec<(IncidentStatus, u64)>, StoreError> {
        self.readers.with(|db| reader::incident_counts(db, project))
    }

    fn latest_of(&self, incidents: &[IncidentId], task_type: &str) -> Result<Vec<Task>, StoreError> {
        self.readers.with(|db| reader::latest_of(db, incidents, task_type))
    }

    fn now(&self) -> Result<Timestamp, StoreError> {
        self.readers.with(session::now)
    }

    fn agents(&self) -> Result<Vec<AgentState>, StoreError> {
        self.readers.with(reader::agents)
    }

    fn attempts(&self, task: TaskId) -> Result<Vec<Attempt>, StoreError> {
        self.readers.with(|db| reader::attempts(db, task))
    }

    fn steps(&self, task: TaskId) -> Result<Vec<Step>, StoreError> {
        self.readers.with(|db| reader::steps(db, task))
    }

    fn projects(&self) -> Result<Vec<Project>, StoreError> {
        self.readers.with(|db| reader::projects(db, None, None, None))
    }

    fn project(&self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        self.readers
            .with(|db| reader::projects(db, Some(id), None, None))
            .map(|found| found.into_iter().next())
    }

    fn project_named(&self, name: &str) -> Result<Option<Project>, StoreError> {
        self.readers
            .with(|db| reader::projects(db, None, Some(name), None))
            .map(|found| found.into_iter().next())
    }

    fn project_at(&self, root: &str) -> Result<Option<Project>, StoreError> {
        self.readers
            .with(|db| reader::projects(db, None, None, Some(root)))
            .map(|found| found.into_iter().next())
    }

    fn cursor(&self, project: ProjectId, source: &str) -> Result<Option<Value>, StoreError> {
        self.readers.with(|db| reader::cursor(db, project, source))
    }

    fn cursors(&self, project: ProjectId) -> Result<Vec<(String, Value)>, StoreError> {
        self.readers.with(|db| reader::cursors(db, project))
    }

    fn workers(&self) -> Result<Vec<Worker>, StoreError> {
        self.readers.with(reader::workers)
    }

    fn counts(&self) -> Result<Vec<Count>, StoreError> {
        self.readers.with(reader::counts)
    }

    fn redaction_key(&self) -> Result<[u8; 32], StoreError> {
        self.readers.with(reader::redaction_key)
    }

    fn schema_version(&self) -> Result<u32, StoreError> {
        self.readers.with(migrations::version)
    }

    fn add_project(&self, name: &str, root: &str, config: &Value) -> Result<ProjectId, StoreError> {
        let (name, root, config) = (name.to_owned(), root.to_owned(), config.clone());
        self.write(move |session| apply::add_project(session, &name, &root, &config))
    }

    fn register_worker(&self, worker: &NewWorker) -> Result<(), StoreError> {
        let worker = worker.clone();
        self.write(move |session| apply::register_worker(session, &worker))
    }

    fn beat_worker(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write(move |session| apply::beat_worker(session, &name))
    }

    fn remove_worker(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |session| apply::remove_worker(session, &name))
    }

    fn log(&self, task: Option<TaskId>, party: Party, entry: NewLog) -> Result<(), StoreError> {
        self.write(move |session| apply::log(session, task, party, &entry))
    }

    fn check(&self) -> Result<Vec<Finding>, StoreError> {
        self.readers.with(check::check)
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        self.readers.with(stats::stats)
    }

    fn verify_audit(&self, noted: Option<&str>) -> Result<AuditReport, StoreError> {
        self.readers.with(|db| audit::verify_snapshot(db, noted))
    }

    fn prune(&self, wish: &Prune) -> Result<Pruned, StoreError> {
        let now = self.readers.with(session::now)?;
        let before = prune::moment(wish.before, now);
        let past = prune::Past::new(before, now);
        let mut search = prune::Search::new(before);
        let mut done = Pruned::default();
        match &wish.archive {
            None => {
                while !search.over {
                    self.readers.with(|db| prune::count(db, &mut search, &mut done))?;
                }
                self.readers.with(|db| past.count(db, &mut done))?;
            }
            Some(path) => {
                let mut archive = Archive::open(path)?;
                while !search.over {
                    (archive, search, done) = self.writer()?.call_once(move |session| {
                        prune::batch(session, &mut archive, &mut search, &mut done)?;
                        Ok((archive, search, done))
                    })?;
                }
                let mut more = true;
                while more {
                    (more, done) = self.writer()?.call_once(move |session| {
                        let more = past.delete(session, &mut done)?;
                        Ok((more, done))
                    })?;
                }
            }
        }
        Ok(done)
    }
}
