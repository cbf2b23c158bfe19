//! The monitor: reads logs from where it stopped, groups errors into incidents, watches the crew itself.
//!
//! What it read and how far it read are stored in the transaction that completes its task, so that a kill at any
//! moment neither loses a line nor counts one twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_core::audit::{Act, Recorder as _};
use groundcrew_core::contract::task_type::{CHECK_HEALTH, SCAN_LOGS};
use groundcrew_core::contract::{
    CheckHealthContext, CheckHealthResult, HealthCheck, Reason, ScanLogsContext, ScanLogsResult, SeenError,
};
use groundcrew_core::incident::{Sample, Sighting};
use groundcrew_core::role::Role;
use groundcrew_core::task::Status;
use groundcrew_logs::{Record, Scan, ScanOptions, fingerprint, readable, scan};
use jiff::{SignedDuration, Timestamp};

use crate::agent::{Agent, Ending, Job, Trouble};
use crate::site::Site;

/// Longest text of a sample that is stored.
const SAMPLE_BYTES: usize = 16 * 1024;

/// Bytes and records that one task reads at most, so that a huge log is taken in steps that each are stored.
const SCAN_BYTES: u64 = 4 * 1024 * 1024;
const SCAN_RECORDS: usize = 32 * 1024;

/// How long a log must have been still before its last record counts as finished.
const QUIET_FOR: Duration = Duration::from_secs(2);

/// The monitor.
pub(super) struct Monitor;

impl Agent for Monitor {
    fn role(&self) -> Role {
        Role::Monitor
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[SCAN_LOGS, CHECK_HEALTH]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        match job.task.task_type.as_str() {
            CHECK_HEALTH => check_health(job),
            _ => scan_logs(job),
        }
    }
}

fn scan_logs(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: ScanLogsContext = job.context()?;
    let site = job.site()?;
    let path = PathBuf::from(&context.source.path);
    if context.source.kind != "file" {
        return Err(Trouble::refused(
            "source_kind",
            format!("sources of kind {:?} are not read", context.source.kind),
        ));
    }
    if !site.log_allowed(&path) {
        return Err(Trouble::refused(
            "source_outside",
            format!("{} is not among the log paths of project {}", path.display(), site.name),
        ));
    }
    let stored = job.tools.store.cursor(site.id, &context.source.path)?;
    let cursor = stored.and_then(|value| serde_json::from_value(value).ok());
    let mut options = ScanOptions::new(job.tools.redactor.clone());
    options.max_bytes = context.max_bytes.unwrap_or(SCAN_BYTES);
    options.max_records = SCAN_RECORDS;
    options.quiet_for = QUIET_FOR;
    options.flush = context.flush;
    let read = scan(&path, cursor.as_ref(), &options).map_err(|error| Trouble::Machine(error.to_string()))?;
    job.desk.record(Act::FileRead { path: context.source.path.clone(), commit: None, bytes: read.bytes });
    let sightings = sightings(&read.records, &context.source.path, job.now, site, modified(&path));
    report(job, &path, &read, &sightings);
    let result = ScanLogsResult {
        common: job.common("read", 1.0, Vec::new()),
        source: context.source.clone(),
        bytes: read.bytes,
        lines: read.lines,
        records: read.records.len() as u64,
        unparsed: read.unparsed,
        redactions: read.records.iter().map(|record| record.redactions as u64).sum(),
        dropped: read.dropped.iter().map(|dropped| format!("{dropped:?}")).collect(),
        errors: sightings.iter().map(seen).collect(),
        more: !read.at_end,
    };
    let cursor = serde_json::to_value(&read.cursor).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut ending = Ending::complete(&result, job.cost())?;
    ending.sightings = sightings;
    ending.cursors = vec![(context.source.path, cursor)];
    Ok(ending)
}

fn report(job: &Job<'_>, path: &Path, read: &Scan, sightings: &[Sighting]) {
    let errors: u64 = sightings.iter().map(|sighting| sighting.count).sum();
    let secrets: usize = read.records.iter().map(|record| record.redactions).sum();
    let history = sightings.iter().filter(|sighting| sighting.history).count();
    let mut text = format!(
        "read {} lines of {}: {errors} error records of {} kinds",
        read.lines,
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy(),
        sightings.len()
    );
    if secrets > 0 {
        text.push_str(&format!(", {secrets} secrets taken out"));
    }
    if history > 0 {
        text.push_str(&format!(", {history} kinds are history and only recorded"));
    }
    if let Some(restart) = &read.restarted {
        text.push_str(&format!(", started over: {restart:?}"));
    }
    job.desk.step(text);
}

fn seen(sighting: &Sighting) -> SeenError {
    SeenError {
        fingerprint: sighting.fingerprint.clone(),
        title: sighting.title.clone(),
        count: sighting.count,
        history: sighting.history,
    }
}

/// Groups the error records of one scan.
fn sightings(
    records: &[Record],
    source: &str,
    now: Timestamp,
    site: &Site,
    modified: Option<Timestamp>,
) -> Vec<Sighting> {
    let window = SignedDuration::try_from(site.config.logs.baseline.get()).unwrap_or(SignedDuration::MAX);
    let oldest = now.checked_sub(window).unwrap_or(Timestamp::MIN);
    let mut groups: BTreeMap<String, Sighting> = BTreeMap::new();
    for record in records.iter().filter(|record| record.is_error()) {
        let print = fingerprint(record);
        // A record from the future is a clock gone wrong; it happened by now at the latest.
        let at = record.time.or(modified).unwrap_or(now).min(now);
        let history = at < oldest;
        let sample = sample(record, source);
        let group = groups.entry(print.key.clone()).or_insert_with(|| Sighting {
            fingerprint: print.key,
            fingerprint_version: print.version,
            title: print.title,
            count: 0,
            first: at,
            last: at,
            history: true,
            sample: sample.clone(),
        });
        group.count += 1;
        group.first = group.first.min(at);
        group.history &= history;
        if at >= group.last {
            group.last = at;
            group.sample = sample;
        }
    }
    groups.into_values().collect()
}

fn sample(record: &Record, source: &str) -> Sample {
    Sample {
        text: cut(&record.text, SAMPLE_BYTES),
        level: record.level.map(|level| level.as_str().to_owned()),
        trace: record.trace.clone(),
        before: record.context.iter().map(|line| cut(line, SAMPLE_BYTES)).collect(),
        source: source.to_owned(),
    }
}

fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn modified(path: &Path) -> Option<Timestamp> {
    let time = std::fs::metadata(path).ok()?.modified().ok()?;
    Timestamp::try_from(time).ok()
}

fn check_health(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: CheckHealthContext = job.context()?;
    let mut checks = vec![check_sandbox(job), check_disk(job), check_queue(job)?];
    match job.site() {
        Ok(site) => checks.extend(site.log_files().into_iter().map(|path| check_log(&path))),
        Err(Trouble::Environment(reason)) => checks.push(check("configuration", "fail", reason)),
        Err(_) => {}
    }
    if !context.checks.is_empty() {
        checks.retain(|check| context.checks.contains(&check.name));
    }
    let worst = ["fail", "warn"].into_iter().find(|word| checks.iter().any(|check| check.status == *word));
    let outcome = worst.unwrap_or("ok");
    for check in checks.iter().filter(|check| check.status != "ok") {
        job.desk.step(format!("health {}: {}: {}", check.status, check.name, check.detail));
    }
    let reasons = checks
        .iter()
        .filter(|check| check.status != "ok")
        .map(|check| Reason::new(&check.name, &check.detail))
        .collect();
    let result = CheckHealthResult { common: job.common(outcome, 1.0, reasons), checks };
    Ending::complete(&result, job.cost())
}

fn check(name: &str, status: &str, detail: impl Into<String>) -> HealthCheck {
    HealthCheck { name: name.into(), status: status.into(), detail: detail.into() }
}

fn check_sandbox(job: &Job<'_>) -> HealthCheck {
    match job.tools.sandbox() {
        Ok(sandbox) => check("sandbox", "ok", format!("level {}", sandbox.level())),
        Err(error) => check("sandbox", "fail", error.to_string()),
    }
}

fn check_disk(job: &Job<'_>) -> HealthCheck {
    const ENOUGH_MB: u64 = 512;
    match job.tools.free_megabytes() {
        Some(free) if free < ENOUGH_MB => {
            check("disk", "warn", format!("only {free} MB are free beside the database"))
        }
        Some(free) => check("disk", "ok", format!("{free} MB free")),
        None => check("disk", "warn", "the free space beside the database is not known"),
    }
}

fn check_queue(job: &Job<'_>) -> Result<HealthCheck, Trouble> {
    let counts = job.tools.store.counts()?;
    let of =
        |status: Status| counts.iter().filter(|row| row.status == status).map(|row| row.tasks).sum::<u64>();
    let detail = format!(
        "{} waiting, {} running, {} blocked, {} failed",
        of(Status::Pending),
        of(Status::Running),
        of(Status::Blocked),
        of(Status::Failed)
    );
    Ok(check("queue", "ok", detail))
}

fn check_log(path: &Path) -> HealthCheck {
    match readable(path) {
        Ok(()) => check("log", "ok", format!("{} can be read", path.display())),
        Err(error) => check("log", "warn", error.to_string()),
    }
}
