//! Reads logs from where it stopped and groups their errors.
//!
//! What it read and how far it read are stored in the transaction that completes its task, so that a kill at any
//! moment neither loses a line nor counts one twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_core::audit::{Act, Recorder as _};
use groundcrew_core::contract::{ScanLogsContext, ScanLogsResult, SeenError};
use groundcrew_core::incident::{Sample, Sighting, Traffic, bucket};
use groundcrew_logs::{Record, Scan, ScanError, ScanOptions, fingerprint, scan};
use jiff::{SignedDuration, Timestamp};

use crate::agent::{Ending, Job, Trouble};
use crate::site::Site;

/// Longest text of a sample that is stored.
const SAMPLE_BYTES: usize = 16 * 1024;

/// Bytes and records that one task reads at most, so that a huge log is taken in steps that each are stored.
const SCAN_BYTES: u64 = 4 * 1024 * 1024;
const SCAN_RECORDS: usize = 32 * 1024;

/// How long a log must have been still before its last record counts as finished.
const QUIET_FOR: Duration = Duration::from_secs(2);

/// Works a `scan_logs` task.
pub(super) fn scan_logs(job: &Job<'_>) -> Result<Ending, Trouble> {
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
    let read = scan(&path, cursor.as_ref(), &options).map_err(|error| unreadable(&error))?;
    job.desk.record(Act::FileRead { path: context.source.path.clone(), commit: None, bytes: read.bytes });
    let modified = modified(&path);
    let sightings = sightings(&read.records, &context.source.path, job.now, site, modified);
    let traffic = traffic(&read, &context.source.path, job.now, modified);
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
    ending.traffic = traffic;
    ending.cursors = vec![(context.source.path, cursor)];
    Ok(ending)
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
        let at = happened(record, modified, now);
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
            buckets: Vec::new(),
            releases: Vec::new(),
        });
        group.count += 1;
        add(&mut group.buckets, at);
        group.first = group.first.min(at);
        group.history &= history;
        if at >= group.last {
            group.last = at;
            group.sample = sample;
        }
    }
    groups.into_values().collect()
}

/// A record from the future is a clock gone wrong; it happened by now at the latest.
fn happened(record: &Record, modified: Option<Timestamp>, now: Timestamp) -> Timestamp {
    record.time.or(modified).unwrap_or(now).min(now)
}

/// Counts one more in its piece of time. Logs are nearly in order, so the piece is found near the end.
fn add(buckets: &mut Vec<(Timestamp, u64)>, at: Timestamp) {
    let at = bucket(at);
    match buckets.iter_mut().rev().find(|(known, _)| *known == at) {
        Some((_, count)) => *count += 1,
        None => buckets.push((at, 1)),
    }
}

/// What the source wrote, per piece of time. Lines that belong to no record count where the last record lies.
fn traffic(read: &Scan, source: &str, now: Timestamp, modified: Option<Timestamp>) -> Vec<Traffic> {
    let mut pieces: BTreeMap<Timestamp, Traffic> = BTreeMap::new();
    let empty = |bucket| Traffic { source: source.to_owned(), bucket, lines: 0, records: 0, errors: 0 };
    for record in &read.records {
        let at = bucket(happened(record, modified, now));
        let piece = pieces.entry(at).or_insert_with(|| empty(at));
        piece.records += 1;
        piece.errors += u64::from(record.is_error());
        piece.lines += record.text.lines().count().max(1) as u64;
    }
    let counted: u64 = pieces.values().map(|piece| piece.lines).sum();
    let rest = read.lines.saturating_sub(counted);
    if rest > 0 {
        let at =
            pieces.keys().next_back().copied().unwrap_or_else(|| bucket(modified.unwrap_or(now).min(now)));
        pieces.entry(at).or_insert_with(|| empty(at)).lines += rest;
    }
    pieces.into_values().collect()
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
