//! `logs mine`: which statements wrote a log, how often, from when to when, with an example of each.
//!
//! Several files are one set. Records with a stack trace count under their error, all others under their template.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use groundcrew_logs::{Redactor, Scan, ScanOptions};
use jiff::Timestamp;
use serde::Serialize;

use super::brief;
use super::events::{Event, Events};
use super::input::Input;
use super::rows::Target;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::{Mine, Sort};
use crate::output::Style;
use crate::progress::Progress;
use crate::table::Table;

/// A log that is read faster than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Characters of a template that are shown.
const WIDTH: usize = 200;

/// What was read.
#[derive(Default, Serialize)]
struct Summary {
    files: usize,
    lines: u64,
    records: u64,
    /// Templates, stack traces included.
    templates: usize,
    /// Records without a time, level, structure or stack trace that is known.
    unparsed: u64,
    /// Secrets taken out.
    redactions: u64,
    /// Bytes that are no text, too long to be kept, or lost.
    left_out: u64,
    /// Templates that were too many, counted under one.
    folded: u64,
}

/// Mines the files and shows what was found.
pub(super) fn run(options: &Mine, at: &Invocation) -> Result<Done, Failure> {
    let target = options.csv.as_deref().map(|path| Target::check(path, options.overwrite, &options.files));
    let target = target.transpose()?;
    let mut events = Events::new(target.is_some())?;
    let summary = read_all(&options.files, &mut events, at)?;
    let (found, folded) = events.settle();
    let summary = Summary { templates: found.len(), folded, ..summary };
    if let Some(target) = target {
        events.write(&found, target)?;
    }
    show(&chosen(&found, options), &summary, at)?;
    if at.out.is_json() {
        at.out.record("summary", &summary)?;
    } else {
        at.out.note(summary.text());
    }
    Ok(Done::Clean)
}

/// Reads the files in turn.
fn read_all(files: &[PathBuf], events: &mut Events, at: &Invocation) -> Result<Summary, Failure> {
    if files.iter().filter(|file| *file == Path::new("-")).count() > 1 {
        return Err(Failure::new(Kind::Usage, "standard input can be read only once; name `-` once"));
    }
    // All are opened before one is read, so that a wrong name costs no waiting.
    let inputs = files.iter().map(|file| Input::open(file)).collect::<Result<Vec<_>, _>>()?;
    let total = inputs.iter().map(Input::length).sum();
    // Nothing is stored, so the key need not be secret: it only names equal secrets alike.
    let options = ScanOptions::new(Redactor::new(&[0; 32]));
    let mut summary = Summary { files: files.len(), ..Summary::default() };
    let mut progress = Progress::new(&at.out);
    let (since, mut bytes) = (Instant::now(), 0);
    for (mut input, file) in inputs.into_iter().zip(files) {
        while let Some(read) = input.next(&options)? {
            events.add(&read.records)?;
            summary.add(&read);
            bytes += read.bytes;
            if since.elapsed() >= PATIENCE {
                progress.has_read(&file.display().to_string(), bytes, total);
            }
        }
        events.end_file(summary.lines)?;
    }
    progress.read_to_the_end();
    Ok(summary)
}

/// The events to show, in the order that was asked for.
fn chosen<'a>(found: &'a [Event], options: &Mine) -> Vec<&'a Event> {
    let mut shown: Vec<&Event> = found.iter().filter(|event| event.count >= options.min_count).collect();
    match options.sort {
        Sort::Frequent => shown.sort_by_key(|event| (std::cmp::Reverse(event.count), event.first_line)),
        Sort::Rare => shown.sort_by_key(|event| (event.count, event.first_line)),
        Sort::New => shown.sort_by_key(|event| std::cmp::Reverse((event.first, event.first_line))),
        Sort::Order => {}
    }
    shown.truncate(options.limit.unwrap_or(usize::MAX));
    shown
}

/// A template as programs get it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    template: &'a str,
    count: u64,
    /// Of all records, from 0 to 1.
    share: f64,
    level: Option<&'static str>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Number of the line, over all files, that began the first record.
    first_line: u64,
    example: &'a str,
}

fn show(events: &[&Event], summary: &Summary, at: &Invocation) -> Result<(), Failure> {
    let share = |event: &Event| ratio(event.count, summary.records);
    if at.out.is_json() {
        return events.iter().try_for_each(|event| {
            let shown = Shown {
                id: &event.id,
                template: &event.template,
                count: event.count,
                share: share(event),
                level: event.level.map(|level| level.as_str()),
                first: event.first,
                last: event.last,
                first_line: event.first_line,
                example: &event.example,
            };
            at.out.record("template", &shown)
        });
    }
    let mut table = Table::new(["id", "count", "share", "level", "first", "last", "template"]);
    for event in events {
        let time = |time: Option<Timestamp>| time.map_or_else(String::new, moment);
        table.row([
            event.id.clone(),
            format!("{:>5}", event.count),
            format!("{:>5.1}%", share(event) * 100.0),
            event.level.map_or("", |level| level.as_str()).to_owned(),
            time(event.first),
            time(event.last),
            escape::brief(&event.template, WIDTH),
        ]);
    }
    let mut lines = table.lines().into_iter();
    at.out.lines(lines.next())?;
    for (line, event) in lines.zip(events) {
        at.out.line(line)?;
        if event.example != event.template {
            at.out.line(at.out.paint(Style::Dim, &format!("    e.g. {}", brief(&event.example))))?;
        }
    }
    Ok(())
}

/// A part of a whole; the counts of a log are far below where this is inexact.
fn ratio(part: u64, whole: u64) -> f64 {
    let number = |count: u64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
    let scale = 1 + (whole >> 32);
    if whole == 0 { 0.0 } else { number(part / scale) / number(whole / scale) }
}

impl Summary {
    fn add(&mut self, read: &Scan) {
        self.lines += read.lines;
        self.records += read.records.len() as u64;
        self.unparsed += read.unparsed;
        self.redactions += read.records.iter().map(|record| record.redactions as u64).sum::<u64>();
        self.left_out += read.dropped.iter().map(|dropped| dropped.bytes).sum::<u64>();
    }

    fn text(&self) -> String {
        let mut text =
            format!("{} lines, {} records, {} templates", self.lines, self.records, self.templates);
        for (count, what) in [
            (self.unparsed, "records of an unknown form"),
            (self.redactions, "secrets taken out"),
            (self.left_out, "bytes left out"),
            (self.folded, "rare templates counted under one"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {what}: {count}"));
            }
        }
        text
    }
}
