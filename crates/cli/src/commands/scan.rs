//! `scan`: reads the logs now and prints what is in them. What follows from it is left in the queue for `up`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use groundcrew_core::contract::task_type::SCAN_LOGS;
use groundcrew_core::contract::{LogSource, ScanLogsContext, ScanLogsResult};
use groundcrew_core::incident::Incident;
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Status, TaskId};
use groundcrew_crew::brain::Rules;
use groundcrew_crew::site::{Logs, Site};
use groundcrew_crew::supervisor::work_task;
use groundcrew_store::{Access, IncidentFilter, Project, Store, StoreError};
use serde::Serialize;
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, no_sandbox, repository};
use crate::options::Scan;
use crate::progress::Progress;
use crate::settings::warn_about_ignored;
use crate::signals::Signals;
use crate::table::Table;

/// Time between two readings.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Longest title in the list, in characters.
const TITLE: usize = 100;

/// What came of reading one log.
#[derive(Debug, Serialize)]
struct Reading {
    project: String,
    source: String,
    task: TaskId,
    lines: u64,
    bytes: u64,
    records: u64,
    redactions: u64,
    errors: Vec<Group>,
}

/// All occurrences of one error in one reading.
#[derive(Debug, Serialize)]
struct Group {
    title: String,
    fingerprint: String,
    count: u64,
    standing: Standing,
}

/// Whether an error was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    /// Never seen before.
    New,
    /// Seen before.
    Known,
    /// Too old to be worked: only recorded.
    History,
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
    tell_settings(at, &projects)?;
    if options.once {
        let readings = read_all(at, &store, Last::Finished, &mut Progress::new(&at.out))?;
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
        let mut readings = read_all(at, &store, Last::Open, &mut progress)?;
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
    last: Last,
    progress: &mut Progress,
) -> Result<Vec<Reading>, Failure> {
    let trust = at.trust()?;
    let mut readings = Vec::new();
    for project in at.projects(store.as_ref())? {
        let site = Site::open(&project, &trust)?;
        for path in site.log_files() {
            readings.extend(read_one(at, store, &site, &path, last, progress)?);
        }
    }
    Ok(readings)
}

/// Reads one log to its end, as many tasks as that takes.
fn read_one(
    at: &Invocation,
    store: &Arc<dyn Store>,
    site: &Site,
    path: &Path,
    last: Last,
    progress: &mut Progress,
) -> Result<Vec<Reading>, Failure> {
    let mut readings = Vec::new();
    if !path.is_file() {
        let why = if path.exists() { "is no plain file and not read" } else { "is not there yet" };
        progress.note(&format!("{} {why}", escape::line(&path.to_string_lossy())));
        return Ok(readings);
    }
    loop {
        let known = store.incidents(&IncidentFilter {
            project: Some(site.id),
            limit: Some(u32::MAX),
            ..IncidentFilter::default()
        })?;
        let Some(task) = enqueue(at, store.as_ref(), site, path, last)? else { return Ok(readings) };
        progress.during(Role::Monitor, task, &format!("reads {}", path.display()));
        let worked = work_task(at.tools(store, Err(no_sandbox()))?, Box::new(Rules), task, Role::Monitor);
        progress.clear();
        match worked {
            Ok(()) => {}
            Err(StoreError::Refused(Refusal::WrongStatus { .. })) => {
                at.out
                    .note(format!("a running crew reads {} already", escape::line(&path.to_string_lossy())));
                return Ok(readings);
            }
            Err(error) => return Err(error.into()),
        }
        let result = result(store.as_ref(), task)?;
        let more = result.more;
        readings.push(reading(site, task, result, &known));
        if !more {
            return Ok(readings);
        }
    }
}

/// Puts the reading of a log into the queue; none if it is there already.
fn enqueue(
    at: &Invocation,
    store: &dyn Store,
    site: &Site,
    path: &Path,
    last: Last,
) -> Result<Option<TaskId>, Failure> {
    let source = LogSource { kind: "file".into(), path: path.to_string_lossy().into_owned() };
    // The crew's own key, so that a running crew and this command never read a log at the same time.
    let key = format!("scan_logs:{}:{}", site.id, source.path);
    let context = ScanLogsContext { source, flush: last == Last::Finished, ..ScanLogsContext::default() };
    let mut task = NewTask::new(SCAN_LOGS, Role::Monitor, Party::User, json!(context));
    task.project = Some(site.id);
    task.dedupe_key = Some(key);
    match store.execute(Command::Create(Box::new(task))) {
        Ok(receipt) => Ok(receipt.inserted.first().copied()),
        Err(StoreError::Refused(Refusal::KeyTaken(_))) => {
            at.out.note(format!(
                "{} is being read by a running crew, or waits for one",
                escape::line(&path.to_string_lossy())
            ));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
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

fn reading(site: &Site, task: TaskId, result: ScanLogsResult, known: &[Incident]) -> Reading {
    let groups = result.errors.into_iter().map(|error| {
        let is_known = known.iter().any(|incident| incident.fingerprint == error.fingerprint);
        Group {
            standing: match (is_known, error.history) {
                (true, _) => Standing::Known,
                (false, true) => Standing::History,
                (false, false) => Standing::New,
            },
            title: error.title,
            fingerprint: error.fingerprint,
            count: error.count,
        }
    });
    Reading {
        project: site.name.clone(),
        source: result.source.path,
        task,
        lines: result.lines,
        bytes: result.bytes,
        records: result.records,
        redactions: result.redactions,
        errors: groups.collect(),
    }
}

fn print(at: &Invocation, readings: &[Reading]) -> Result<(), Failure> {
    let (mut new, mut history) = (0, 0);
    for reading in readings {
        let name = PathBuf::from(&reading.source);
        let name = name
            .file_name()
            .map_or_else(|| reading.source.clone(), |name| name.to_string_lossy().into_owned());
        at.out.line(format!(
            "{} {}: {} lines, {} records, secrets taken out: {}",
            escape::line(&reading.project),
            escape::line(&name),
            reading.lines,
            reading.records,
            reading.redactions
        ))?;
        let mut table = Table::bare();
        for group in &reading.errors {
            let standing = match group.standing {
                Standing::New => "new",
                Standing::Known => "known",
                Standing::History => "history",
            };
            new += usize::from(group.standing == Standing::New);
            history += usize::from(group.standing == Standing::History);
            table.row([
                format!("  {:>4} x", group.count),
                standing.to_owned(),
                escape::brief(&group.title, TITLE),
            ]);
        }
        at.out.lines(table.lines())?;
    }
    if history > 0 {
        at.out.note(format!("{history} of them older than [logs] baseline: recorded, and not worked"));
    }
    if new > 0 {
        at.out.note(format!("{new} new; `{}` works them", at.command("up")));
    }
    Ok(())
}
