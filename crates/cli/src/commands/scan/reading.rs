//! What came of reading one source, in numbers and for people.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use groundcrew_core::contract::ScanLogsResult;
use groundcrew_core::task::TaskId;
use groundcrew_crew::site::Site;
use jiff::Timestamp;
use serde::Serialize;

use crate::escape;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::output::Style;
use crate::table::Table;

/// Longest title in the list, in characters.
const TITLE: usize = 100;

/// Longest example of what was not understood, in characters.
const EXAMPLE: usize = 160;

/// Examples that are shown.
const EXAMPLES: usize = 5;

/// What came of reading one source, in one task or in several.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Reading {
    project: String,
    source: String,
    /// The last task.
    task: TaskId,
    lines: u64,
    pub(super) bytes: u64,
    records: u64,
    /// Records that are errors.
    error_records: u64,
    redactions: u64,
    /// What was lost, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<String>,
    /// Entries of a journal that had been read before.
    #[serde(skip_serializing_if = "is_zero")]
    repeated: u64,
    /// On the first reading of a log, the moment before which errors count as history.
    baseline: Option<Timestamp>,
    errors: Vec<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How fast it was read, and what was not understood.
#[derive(Debug, Clone, Serialize)]
struct Stats {
    seconds: f64,
    mb_per_s: f64,
    /// Records without a time, level, structure or stack trace that is known.
    unparsed: u64,
    /// Some of them, secrets taken out.
    unparsed_examples: Vec<String>,
    /// What was left out, a sentence each.
    dropped: Vec<String>,
}

/// All occurrences of one error in one reading.
#[derive(Debug, Clone, Serialize)]
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

impl Reading {
    /// What one task read; with the time since the reading began where statistics are wanted.
    pub(super) fn new(
        site: &Site,
        task: TaskId,
        result: ScanLogsResult,
        known: &BTreeSet<String>,
        took: Option<Duration>,
    ) -> Self {
        let groups = result.errors.into_iter().map(|error| Group {
            standing: match (known.contains(&error.fingerprint), error.history) {
                (true, _) => Standing::Known,
                (false, true) => Standing::History,
                (false, false) => Standing::New,
            },
            title: error.title,
            fingerprint: error.fingerprint,
            count: error.count,
        });
        let mut reading = Self {
            project: site.name.clone(),
            source: result.source.path,
            task,
            lines: result.lines,
            bytes: result.bytes,
            records: result.records,
            error_records: result.error_records,
            redactions: result.redactions,
            lost: result.lost,
            repeated: result.repeated,
            baseline: result.baseline,
            errors: groups.collect(),
            stats: None,
        };
        reading.stats = took.map(|took| Stats {
            seconds: took.as_secs_f64(),
            mb_per_s: rate(reading.bytes, took.as_secs_f64()),
            unparsed: result.unparsed,
            unparsed_examples: result.unparsed_examples,
            dropped: result.dropped,
        });
        reading
    }

    /// Adds what the next task read.
    pub(super) fn add(&mut self, next: Self) {
        self.task = next.task;
        self.lines += next.lines;
        self.bytes += next.bytes;
        self.records += next.records;
        self.error_records += next.error_records;
        self.redactions += next.redactions;
        self.lost.extend(next.lost);
        // The pipe counts them since it began.
        self.repeated = next.repeated;
        for group in next.errors {
            match self.errors.iter_mut().find(|known| known.fingerprint == group.fingerprint) {
                Some(known) => {
                    known.count += group.count;
                    if known.standing == Standing::History {
                        known.standing = group.standing;
                    }
                }
                None => self.errors.push(group),
            }
        }
        if let (Some(stats), Some(next)) = (&mut self.stats, next.stats) {
            stats.seconds = next.seconds;
            stats.mb_per_s = rate(self.bytes, next.seconds);
            stats.unparsed += next.unparsed;
            let room = EXAMPLES.saturating_sub(stats.unparsed_examples.len());
            stats.unparsed_examples.extend(next.unparsed_examples.into_iter().take(room));
            stats.dropped.extend(next.dropped);
        }
    }
}

/// Megabytes a second.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn rate(bytes: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { bytes as f64 / 1e6 / seconds } else { 0.0 }
}

/// Prints readings for people.
pub(super) fn print(at: &Invocation, readings: &[Reading]) -> Result<(), Failure> {
    let (mut new, mut history) = (0, 0);
    for reading in readings {
        let name = Path::new(&reading.source);
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
        for lost in &reading.lost {
            at.out.warn(format!("{}: {}", escape::line(&reading.source), escape::line(lost)));
        }
        if let Some(stats) = &reading.stats {
            print_stats(at, reading, stats)?;
        }
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
        let baseline = readings.iter().find_map(|reading| reading.baseline);
        let before = baseline.map_or_else(|| "[logs] baseline".to_owned(), |time| format!("{time:.0}"));
        at.out.note(format!("{history} of them older than {before}: recorded, and not worked"));
    }
    if new > 0 {
        at.out.note(format!("{new} new; `{}` works them", at.command("up")));
    }
    Ok(())
}

fn print_stats(at: &Invocation, reading: &Reading, stats: &Stats) -> Result<(), Failure> {
    at.out.line(format!(
        "  {} bytes in {:.2} s: {:.1} MB/s; {} of {} records are errors, {} are of an unknown form",
        reading.bytes, stats.seconds, stats.mb_per_s, reading.error_records, reading.records, stats.unparsed
    ))?;
    if reading.repeated > 0 {
        at.out.line(format!("  {} entries had been read before and were passed over", reading.repeated))?;
    }
    for example in &stats.unparsed_examples {
        let text = escape::brief(example.lines().next().unwrap_or_default(), EXAMPLE);
        at.out.line(at.out.paint(Style::Dim, &format!("  unknown form: {text}")))?;
    }
    for dropped in &stats.dropped {
        at.out.line(format!("  {}", escape::line(dropped)))?;
    }
    Ok(())
}
