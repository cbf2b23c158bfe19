//! How well lines are put together by the statement that wrote them, on the labelled logs of the shared corpus.
//!
//! The corpus is not part of this repository; without it the test says so and passes. `--nocapture` shows the figures:
//! GA is the share of lines whose group holds exactly the lines of their true group, FGA the same over groups; each by
//! the labels as published, and as others corrected them. One configuration serves all systems.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop and speak"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use groundcrew_logs::{Miner, Redactor, ScanOptions, fingerprint, scan};

/// One row of labels for each line of a log.
struct Labels {
    messages: Vec<String>,
    published: Vec<String>,
    corrected: Vec<String>,
}

impl Labels {
    fn of(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let rows = rows(&text);
        let (names, rows) = rows.split_first().unwrap();
        let column = |name: &str| -> Vec<String> {
            let at = names.iter().position(|known| known == name).unwrap();
            rows.iter().map(|row| row[at].clone()).collect()
        };
        Self {
            messages: column("Content"),
            published: column("EventId"),
            corrected: column("EventIdCorrected"),
        }
    }
}

/// The cells of comma-separated rows, where quotes may hold commas, line ends and doubled quotes.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

/// The template that each message comes under.
fn of_messages(messages: &[String]) -> Vec<String> {
    let mut miner = Miner::new();
    let ids: Vec<_> = messages.iter().map(|message| miner.observe(message)).collect();
    miner.settle();
    ids.iter().map(|id| miner.resolve(*id).0.to_string()).collect()
}

/// The template that each raw line comes under; a line within a record has the record's.
fn of_lines(path: &Path, lines: usize) -> Vec<String> {
    let options = ScanOptions {
        flush: true,
        max_bytes: u64::MAX,
        max_records: usize::MAX,
        ..ScanOptions::new(Redactor::new(b"key"))
    };
    let records = scan(path, None, &options).unwrap().records;
    let mut miner = Miner::new();
    let ids: Vec<_> = records.iter().map(|record| miner.observe(&record.message)).collect();
    miner.settle();
    let mut groups = vec![String::new(); lines];
    for (record, id) in records.iter().zip(ids) {
        let group = match record.trace {
            Some(_) => fingerprint(record).key,
            None => miner.resolve(id).0.to_string(),
        };
        let first = usize::try_from(record.line).unwrap() - 1;
        for offset in 0..record.text.lines().count().max(1) {
            if let Some(place) = groups.get_mut(first + offset) {
                place.clone_from(&group);
            }
        }
    }
    groups
}

fn score(truth: &[String], found: &[String]) -> (f64, f64) {
    let count = |ids: &[String]| {
        let mut sizes: BTreeMap<String, u32> = BTreeMap::new();
        ids.iter().for_each(|id| *sizes.entry(id.clone()).or_default() += 1);
        sizes
    };
    let (true_sizes, found_sizes) = (count(truth), count(found));
    let mut both: BTreeMap<(&String, &String), u32> = BTreeMap::new();
    truth.iter().zip(found).for_each(|pair| *both.entry(pair).or_default() += 1);
    let exact = both.iter().filter(|((t, f), size)| **size == true_sizes[*t] && **size == found_sizes[*f]);
    let (groups, lines) = exact.fold((0_u32, 0_u32), |(groups, lines), (_, size)| (groups + 1, lines + size));
    let all = |count: usize| f64::from(u32::try_from(count).unwrap());
    let halves = all(true_sizes.len()) + all(found_sizes.len());
    (f64::from(lines) / all(truth.len()), 2.0 * f64::from(groups) / halves)
}

/// GA and FGA by the published labels, then by the corrected ones.
fn figures(labels: &Labels, found: &[String]) -> [f64; 4] {
    let (published, corrected) = (score(&labels.published, found), score(&labels.corrected, found));
    [published.0, published.1, corrected.0, corrected.1]
}

fn shown(figures: [f64; 4]) -> String {
    figures.map(|figure| format!("{figure:.3}")).join(" ")
}

#[test]
fn lines_group_by_the_statement_that_wrote_them() {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/logs"));
    let folder = std::env::var_os("GROUNDCREW_LOGS").map_or(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: {} cannot be read; set GROUNDCREW_LOGS to its folder", folder.display());
        return;
    };
    let mut systems: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    systems.sort();
    let (mut messages, mut lines) = ([0.0; 4], [0.0; 4]);
    println!("{:12} {:24} {:24}", "", "messages", "raw lines");
    println!("{:12} {:24} {:24}", "system", "GA FGA, corrected", "GA FGA, corrected");
    for system in &systems {
        let at = |ending: &str| folder.join(system).join(format!("{system}_2k{ending}"));
        let labels = Labels::of(&at(".labels.csv"));
        let by_message = figures(&labels, &of_messages(&labels.messages));
        let by_line = figures(&labels, &of_lines(&at(".log"), labels.messages.len()));
        println!("{system:12} {:24} {:24}", shown(by_message), shown(by_line));
        for n in 0..4 {
            messages[n] += by_message[n] / f64::from(u32::try_from(systems.len()).unwrap());
            lines[n] += by_line[n] / f64::from(u32::try_from(systems.len()).unwrap());
        }
    }
    println!("{:12} {:24} {:24}", "mean", shown(messages), shown(lines));
    assert!(messages[0] >= 0.95 && messages[1] >= 0.95, "messages: {}", shown(messages));
    assert!(lines[0] >= 0.95 && lines[1] >= 0.95, "raw lines: {}", shown(lines));
}
