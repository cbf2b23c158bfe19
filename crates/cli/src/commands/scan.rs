//! `scan`: reads the logs now and prints what is in them. What follows from it is left in the queue for `up`.

mod pipe;
mod reading;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_core::contract::task_type::SCAN_LOGS;
use groundcrew_core::contract::{LogSource, ScanLogsContext, ScanLogsResult};
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Status, TaskId};
use groundcrew_crew::brain::Rules;
use groundcrew_crew::site::{Logs, Site};
use groundcrew_crew::supervisor::{take_back, work_task};
use groundcrew_logs::Cursor;
use groundcrew_store::{Access, IncidentFilter, Project, Store, StoreError, TaskFilter};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, no_sandbox, repository};
use crate::options::{Moment, Scan};
use crate::progress::Progress;
use crate::settings::warn_about_ignored;
use crate::signals::Signals;
use reading::{Reading, print};

/// Time between two readings.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Kind of the source that standard input is.
const PIPE: &str = "pipe";

/// How long the task of a pipe is nobody's but this process's.
const PIPE_WAITS: SignedDuration = SignedDuration::from_mins(1);

/// How a reading is made.
#[derive(Debug, Clone, Copy)]
struct Terms {
    last: Last,
    /// Of a source that was never read, errors from before this are history.
    since: Option<Timestamp>,
    stats: bool,
}

impl Terms {
    fn of(options: &Scan) -> Self {
        let ago = |length| Timestamp::now().checked_sub(length).unwrap_or(Timestamp::MIN);
        let since = options.since.map(|since| match since {
            Moment::In(length) => ago(length),
            Moment::At(time) => time,
        });
        Self { last: Last::Open, since, stats: options.stats }
    }
}

/// What the last record of a log is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Finished, since nobody looks again.
    Finished,
    /// Perhaps still being written.
    Open,
}

/// Reads the logs.
pub(super) fn run(options: &Scan, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    let projects = at.projects(store.as_ref())?;
    if projects.is_empty() {
        return Err(Failure::new(Kind::NotFound, "there is no project yet")
            .hint("run `groundcrew init` in its repository"));
    }
    if options.input.is_some() {
        return pipe::run(options, at, &store, projects);
    }
    tell_settings(at, &projects)?;
    let terms = Terms { last: if options.once { Last::Finished } else { Last::Open }, ..Terms::of(options) };
    if options.once {
        let readings = read_all(at, &store, terms, &mut Progress::new(&at.out))?;
        if at.out.is_json() {
            at.out.document(&json!({ "readings": readings }))?;
        } else {
            print(at, &readings)?;
        }
        return Ok(Done::Clean);
    }
    let signals = Signals::watch()?;
    let mut progress = Progress::new(&at.out);
    let mut seen = 0;
    loop {
        let mut readings = read_all(at, &store, terms, &mut progress)?;
        readings.retain(|reading| reading.bytes > 0);
        if at.out.is_json() {
            readings.iter().try_for_each(|reading| at.out.record("reading", reading))?;
        } else if !readings.is_empty() {
            print(at, &readings)?;
        }
        if let Some(done) = signals.received() {
            return Ok(done);
        }
        seen = store.changes(seen, AGAIN_AFTER);
    }
}

/// Says once of each project what keeps its logs from being read.
fn tell_settings(at: &Invocation, projects: &[Project]) -> Result<(), Failure> {
    let trust = at.trust()?;
    for project in projects {
        let site = Site::open(project, &trust)?;
        warn_about_ignored(at, project, &site);
        let Logs { files, troubles } = site.logs();
        for trouble in &troubles {
            at.out.warn(escape::lines(trouble));
        }
        if files.is_empty() && troubles.is_empty() {
            // A folder that went away names no log either, and that is the reason then.
            repository(&site.root)?;
            at.out.note(format!(
                "project {}: no log to read is named; add one to {} under [logs] paths",
                escape::line(&site.name),
                at.config_shown(project)
            ));
        }
    }
    Ok(())
}

fn read_all(
    at: &Invocation,
    store: &Arc<dyn Store>,
    terms: Terms,
    progress: &mut Progress,
) -> Result<Vec<Reading>, Failure> {
    let trust = at.trust()?;
    let mut readings = Vec::new();
    for project in at.projects(store.as_ref())? {
        let site = Site::open(&project, &trust)?;
        for path in site.log_files() {
            readings.extend(read_one(at, store, &site, &path, terms, progress)?);
        }
    }
    Ok(readings)
}

/// Reads one log to its end, as many tasks as that takes; none where nothing was read.
fn read_one(
    at: &Invocation,
    store: &Arc<dyn Store>,
    site: &Site,
    path: &Path,
    mut terms: Terms,
    progress: &mut Progress,
) -> Result<Option<Reading>, Failure> {
    let shown = escape::line(&path.to_string_lossy());
    if !path.is_file() {
        let why = if path.exists() {
            "is no plain file and not read; what comes through a pipe is read by `groundcrew scan -`"
        } else {
            "is not there yet"
        };
        progress.note(&format!("{shown} {why}"));
        return Ok(None);
    }
    let source = LogSource { path: path.to_string_lossy().into_owned(), ..LogSource::default() };
    let cursor = stored(store.as_ref(), site, &source)?;
    if cursor.is_some() {
        terms.since = None;
    }
    let known = known(store.as_ref(), site)?;
    let mut all: Option<Reading> = None;
    let began = Instant::now();
    let length = std::fs::metadata(path).map_or(0, |file| file.len());
    let left = length.saturating_sub(cursor.map_or(0, |cursor| cursor.offset));
    loop {
        let Some(task) = enqueue(at, store, site, &source, terms)? else { return Ok(all) };
        progress.during(Role::Monitor, task, &format!("reads {}", path.display()));
        let worked = work_task(at.tools(store, Err(no_sandbox()))?, Box::new(Rules), task, Role::Monitor);
        progress.clear();
        match worked {
            Ok(()) => {}
            Err(StoreError::Refused(Refusal::WrongStatus { .. })) => {
                at.out.note(format!("a running crew reads {shown} already"));
                return Ok(all);
            }
            Err(error) => return Err(error.into()),
        }
        let result = result(store.as_ref(), task)?;
        let more = result.more;
        let next = Reading::new(site, task, result, &known, terms.stats.then(|| began.elapsed()));
        let all = match &mut all {
            Some(all) => {
                all.add(next);
                all
            }
            None => all.insert(next),
        };
        if !more {
            progress.read_to_the_end();
            return Ok(Some(all.clone()));
        }
        progress.has_read(&shown, all.bytes, left);
    }
}

/// Where the reading of a source stopped; none if it was never read.
fn stored(store: &dyn Store, site: &Site, source: &LogSource) -> Result<Option<Cursor>, Failure> {
    let cursor = store.cursor(site.id, &source.path)?;
    Ok(cursor.and_then(|value| serde_json::from_value(value).ok()))
}

/// The errors that are known before a reading.
fn known(store: &dyn Store, site: &Site) -> Result<BTreeSet<String>, Failure> {
    let filter =
        IncidentFilter { project: Some(site.id), limit: Some(u32::MAX), ..IncidentFilter::default() };
    Ok(store.incidents(&filter)?.into_iter().map(|incident| incident.fingerprint).collect())
}

/// Puts the reading of a source into the queue, or finds it there where nobody is at it; none if somebody is.
fn enqueue(
    at: &Invocation,
    store: &Arc<dyn Store>,
    site: &Site,
    source: &LogSource,
    terms: Terms,
) -> Result<Option<TaskId>, Failure> {
    let context = ScanLogsContext {
        source: source.clone(),
        flush: terms.last == Last::Finished,
        since: terms.since,
        ..ScanLogsContext::default()
    };
    let mut task = NewTask::new(SCAN_LOGS, Role::Monitor, Party::User, json!(context));
    task.project = Some(site.id);
    // The crew's own key, so that a running crew and this command never read a log at the same time.
    task.dedupe_key = Some(format!("scan_logs:{}:{}", site.id, source.path));
    if source.kind == PIPE {
        // Nobody else can read it; if this process ends before it does, a crew finds the task and ends it.
        task.run_at = store.now()?.checked_add(PIPE_WAITS).ok();
    }
    match store.execute(Command::Create(Box::new(task))) {
        Ok(receipt) => Ok(receipt.inserted.first().copied()),
        Err(StoreError::Refused(Refusal::KeyTaken(key))) => {
            let found = waiting(at, store, site, &key)?;
            if found.is_none() {
                at.out.note(format!("{} is being read by a running crew", escape::line(&source.path)));
            }
            Ok(found)
        }
        Err(error) => Err(error.into()),
    }
}

/// The task of a key that waits for somebody to work it, perhaps because the process that did was killed.
fn waiting(
    at: &Invocation,
    store: &Arc<dyn Store>,
    site: &Site,
    key: &str,
) -> Result<Option<TaskId>, Failure> {
    take_back(&at.tools(store, Err(no_sandbox()))?)?;
    let filter = TaskFilter {
        status: Some(Status::Pending),
        role: Some(Role::Monitor),
        project: Some(site.id),
        task_type: Some(SCAN_LOGS.to_owned()),
        limit: Some(u32::MAX),
        ..TaskFilter::default()
    };
    let found = store.tasks(&filter)?.into_iter().find(|task| task.dedupe_key.as_deref() == Some(key));
    Ok(found.map(|task| task.id))
}

fn result(store: &dyn Store, id: TaskId) -> Result<ScanLogsResult, Failure> {
    let task = store.task(id)?.ok_or(StoreError::Vanished { task: id })?;
    let failed = |why: String| Failure::new(Kind::Failed, format!("task {id} did not read the log: {why}"));
    match (task.status, task.result) {
        (Status::Completed, Some(result)) => {
            serde_json::from_value(result).map_err(|error| failed(error.to_string()))
        }
        (status, _) => Err(failed(task.error_message.unwrap_or_else(|| format!("it is {status}")))),
    }
}
