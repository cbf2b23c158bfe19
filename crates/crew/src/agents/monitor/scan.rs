//! Reads logs from where it stopped and groups their errors.
//!
//! What it read and how far it read are stored in the transaction that completes its task, so that a kill at any
//! moment neither loses a line nor counts one twice. A task reads in small steps and keeps only the groups, so that its
//! memory does not grow with what it reads, and as many of them as a second holds, so that a huge log is taken at the
//! speed of reading it and still stored often.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_core::audit::{Act, Recorder as _};
use groundcrew_core::contract::{LogSource, ScanLogsContext, ScanLogsResult, SeenError};
use groundcrew_core::incident::Sighting;
use groundcrew_logs::{Cursor, Keep, Pipe, Rules, Scan, ScanError, ScanOptions, scan};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::flood::{Flood, Position};
use super::gather::Gathered;
use super::mining::Shared;
use crate::agent::{Ending, Job, Trouble};
use crate::site::Site;

/// Bytes and records of one step.
const STEP_BYTES: u64 = 1024 * 1024;
const STEP_RECORDS: usize = 2 * 1024;

/// Most that one task reads, and for how long.
const TASK_BYTES: u64 = 256 * 1024 * 1024;
const TASK_TIME: Duration = Duration::from_secs(1);

/// Entries of a folder that are looked at for rotations whose number shifted.
const ENTRIES: usize = 4096;

/// How long a log must have been still before its last record counts as finished.
const QUIET_FOR: Duration = Duration::from_secs(2);

/// Works a `scan_logs` task.
pub(super) fn scan_logs(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: ScanLogsContext = job.context()?;
    let site = job.site()?;
    let input = Input::open(job, site, &context.source)?;
    let (before, moved) = position(job, site, &context.source)?;
    let first = before.is_none();
    let before = before.unwrap_or_default();
    let baseline = context.since.unwrap_or_else(|| oldest(job.now, site));
    let rules = Rules::new(&site.config.logs.rules)
        .map_err(|error| Trouble::Environment(format!("logs.rules of groundcrew.toml: {error}")))?;
    let mut gathered =
        Gathered::new(&context.source.path, job.now, baseline, input.modified()).with_rules(rules);
    let mut options = ScanOptions::new(job.redactor().clone());
    options.max_records = STEP_RECORDS;
    options.keep = Keep::Errors;
    options.quiet_for = QUIET_FOR;
    options.flush = context.flush;
    let most = context.max_bytes.unwrap_or(TASK_BYTES);
    options.max_bytes = STEP_BYTES.min(most);
    let kinds = Shared::begin(job, site, &context.source.path)?;
    options.observer = Some(kinds.observer());
    let began = Instant::now();
    let mut cursor = before.cursor;
    let at_end = loop {
        let read = input.scan(cursor.as_ref(), &options)?;
        let (at_end, moved) = (read.at_end, read.bytes > 0 || read.restarted.is_some());
        cursor = Some(gathered.take(read, &kinds));
        if at_end || !moved || gathered.bytes >= most || began.elapsed() >= TASK_TIME {
            break at_end;
        }
        if job.desk.cancel().is_cancelled() {
            return Err(Trouble::Stopped);
        }
    };
    job.desk.record(Act::FileRead { path: context.source.path.clone(), commit: None, bytes: gathered.bytes });
    let mut flood = before.flood;
    bounded(job, site, &mut gathered, &mut flood)?;
    report(job, &context.source, &gathered, first.then_some(baseline));
    let mut result = result(job, &context.source, &gathered, !at_end);
    result.baseline = first.then_some(baseline);
    result.repeated = input.repeated();
    let position = serde_json::to_value(Position { cursor, flood })
        .map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut ending = Ending::complete(&result, job.cost())?;
    ending.traffic = gathered.traffic();
    ending.releases = kinds.releases();
    ending.mined = vec![kinds.finish(at_end, generation(job))];
    ending.hidden = gathered.hidden();
    ending.sightings = gathered.into_sightings();
    ending.cursors = vec![(context.source.path, position)];
    for (source, position) in moved {
        let position = serde_json::to_value(position).map_err(|error| Trouble::Machine(error.to_string()))?;
        ending.cursors.push((source, position));
    }
    Ok(ending)
}

/// A number that no other run of any task has, so that what one of them left in memory is not taken for another's.
fn generation(job: &Job<'_>) -> u64 {
    let (task, token) = (job.task.id.0.unsigned_abs(), job.task.lease_token.0.unsigned_abs());
    task.wrapping_mul(1 << 20).wrapping_add(token & ((1 << 20) - 1)) & (u64::MAX >> 1)
}

/// Where the bytes come from.
enum Input<'a> {
    File(PathBuf),
    /// The standard input of this process.
    Pipe(MutexGuard<'a, Pipe>),
}

impl<'a> Input<'a> {
    fn open(job: &Job<'a>, site: &Site, source: &LogSource) -> Result<Self, Trouble> {
        let path = PathBuf::from(&source.path);
        match source.kind.as_str() {
            "file" if site.log_allowed(&path) => Ok(Self::File(path)),
            "file" => Err(Trouble::refused(
                "source_outside",
                format!("{} is not among the log paths of project {}", path.display(), site.name),
            )),
            "pipe" => match &job.tools.pipe {
                Some(pipe) => Ok(Self::Pipe(pipe.lock().unwrap_or_else(PoisonError::into_inner))),
                None => Err(Trouble::refused(
                    "pipe_closed",
                    "only the process that reads a pipe can work this task, and it has ended",
                )),
            },
            kind => Err(Trouble::refused("source_kind", format!("sources of kind {kind:?} are not read"))),
        }
    }

    fn scan(&self, cursor: Option<&Cursor>, options: &ScanOptions) -> Result<Scan, Trouble> {
        let scanned = match self {
            Self::File(path) => scan(path, cursor, options),
            Self::Pipe(pipe) => pipe.scan(cursor, options),
        };
        scanned.map_err(|error| unreadable(&error))
    }

    fn modified(&self) -> Option<Timestamp> {
        match self {
            Self::File(path) => modified(path),
            Self::Pipe(_) => None,
        }
    }

    fn repeated(&self) -> u64 {
        match self {
            Self::File(_) => 0,
            Self::Pipe(pipe) => pipe.repeated(),
        }
    }
}

/// Where reading stopped; none for a source that was never read. With it the positions of other sources that moved.
///
/// A log that is named by a pattern may be a rotation whose number shifts: then each file goes on where it stopped under
/// its name of before, and all that shifted together are written down together.
fn position(job: &Job<'_>, site: &Site, source: &LogSource) -> Result<(Option<Position>, Moved), Trouble> {
    let store = job.tools.store.as_ref();
    let stored = store.cursor(site.id, &source.path)?;
    let own: Option<Position> = stored.and_then(|value| serde_json::from_value(value).ok());
    let path = Path::new(&source.path);
    let stays = source.kind != "file"
        || !groundcrew_logs::is_rotation(path)
        || own.as_ref().is_some_and(|own| own.is_of(path));
    if stays {
        return Ok((own, Vec::new()));
    }
    let mut moved = moved(store.cursors(site.id)?, site, path);
    if let Some(at) = moved.iter().position(|(to, _)| *to == source.path) {
        let (_, position) = moved.swap_remove(at);
        return Ok((Some(position), moved));
    }
    let cursor = |position: &Position| position.cursor.clone();
    let gone = own.as_ref().is_none_or(|own| moved.iter().all(|(_, there)| cursor(there) != cursor(own)));
    Ok((own.filter(|_| gone), moved))
}

/// Sources that another file stands at now, each with the position in it.
type Moved = Vec<(String, Position)>;

/// The rotations beside a file whose content was read under another name.
fn moved(cursors: Vec<(String, Value)>, site: &Site, path: &Path) -> Moved {
    let Some(folder) = path.parent() else { return Vec::new() };
    let read: Vec<(String, Position)> = cursors
        .into_iter()
        .filter(|(source, _)| Path::new(source).parent() == Some(folder))
        .filter(|(source, _)| groundcrew_logs::is_rotation(Path::new(source)))
        .filter_map(|(source, value)| Some((source, serde_json::from_value(value).ok()?)))
        .collect();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(ENTRIES);
    let beside = entries.map(|entry| entry.path()).filter(|path| groundcrew_logs::is_rotation(path));
    let mut moved = Vec::new();
    for file in beside.filter(|file| site.log_allowed(file)) {
        let name = file.to_string_lossy().into_owned();
        let inode = std::fs::metadata(&file).map(|data| data.ino()).ok();
        let alike = |position: &Position| position.cursor.as_ref().map(|cursor| cursor.inode) == inode;
        match read.iter().find(|(_, position)| alike(position) && position.is_of(&file)) {
            Some((source, position)) if *source != name => moved.push((name, position.clone())),
            Some(_) | None => {}
        }
    }
    moved
}

/// The moment before which an error counts as history.
fn oldest(now: Timestamp, site: &Site) -> Timestamp {
    let window = SignedDuration::try_from(site.config.logs.baseline.get()).unwrap_or(SignedDuration::MAX);
    now.checked_sub(window).unwrap_or(Timestamp::MIN)
}

/// Takes kinds of errors beyond what may be new within a minute into one.
fn bounded(job: &Job<'_>, site: &Site, gathered: &mut Gathered, flood: &mut Flood) -> Result<(), Trouble> {
    let store = job.tools.store.as_ref();
    let held_back = flood.bound(gathered, job.now, |error| {
        // An error that the rule of the program before knew is no new one.
        let older = error.grouping.older.iter().filter(|older| older.shared).map(|older| &older.fingerprint);
        for fingerprint in std::iter::once(&error.fingerprint).chain(older) {
            if store.knows(site.id, fingerprint)? {
                return Ok(true);
            }
        }
        Ok(false)
    });
    match held_back.map_err(|error: groundcrew_store::StoreError| Trouble::from(error))? {
        0 => {}
        kinds => job.desk.step(format!(
            "{kinds} more kinds of errors within a minute are counted as one incident: more than {} a minute are a \
             flood",
            Flood::MOST
        )),
    }
    Ok(())
}

/// What a person can mend is asked about once; what passes by itself is tried again.
fn unreadable(error: &ScanError) -> Trouble {
    match error {
        ScanError::Missing { .. }
        | ScanError::NotAFile { .. }
        | ScanError::LinkLoop { .. }
        | ScanError::Denied { .. } => Trouble::Environment(error.to_string()),
        ScanError::Io { .. } => Trouble::Machine(error.to_string()),
    }
}

fn report(job: &Job<'_>, source: &LogSource, read: &Gathered, baseline: Option<Timestamp>) {
    let path = Path::new(&source.path);
    let mut text = format!(
        "read {} lines of {}: {} error records of {} kinds",
        read.lines,
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy(),
        read.errors,
        read.groups.len()
    );
    if read.redactions > 0 {
        text.push_str(&format!(", {} secrets taken out", read.redactions));
    }
    let history = read.groups.values().filter(|sighting| sighting.history).count();
    if history > 0 {
        text.push_str(&format!(", {history} kinds are history and only recorded"));
    }
    if let Some(baseline) = baseline.filter(|_| history > 0) {
        text.push_str(&format!(
            "; this is the first reading, and what was logged before {baseline} is the baseline"
        ));
    }
    for restart in &read.restarted {
        text.push_str(&format!(", started over: {restart:?}"));
    }
    for dropped in &read.dropped {
        text.push_str(&format!(", {dropped}"));
    }
    job.desk.step(text);
}

fn result(job: &Job<'_>, source: &LogSource, read: &Gathered, more: bool) -> ScanLogsResult {
    let lost = read.dropped.iter().filter(|dropped| dropped.reason.is_loss());
    ScanLogsResult {
        common: job.common("read", 1.0, Vec::new()),
        source: source.clone(),
        bytes: read.bytes,
        lines: read.lines,
        records: read.records,
        unparsed: read.unparsed,
        unparsed_examples: read.unparsed_examples.clone(),
        redactions: read.redactions,
        dropped: read.dropped.iter().map(ToString::to_string).collect(),
        lost: lost.map(ToString::to_string).collect(),
        repeated: 0,
        baseline: None,
        error_records: read.errors,
        errors: read.groups.values().map(seen).collect(),
        more,
    }
}

fn seen(sighting: &Sighting) -> SeenError {
    SeenError {
        fingerprint: sighting.fingerprint.clone(),
        title: sighting.title.clone(),
        count: sighting.count,
        history: sighting.history,
    }
}

fn modified(path: &Path) -> Option<Timestamp> {
    let time = std::fs::metadata(path).ok()?.modified().ok()?;
    Timestamp::try_from(time).ok()
}
