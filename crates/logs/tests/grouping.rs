//! How well plain lines are grouped, on the labelled logs of the shared corpus.
//!
//! The corpus is not part of this repository; without it the test says so and passes. `--nocapture` shows the figures:
//! GA is the share of lines whose group holds exactly the lines of their true group, FGA the same over groups.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop and speak"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use groundcrew_logs::{Redactor, ScanOptions, fingerprint, scan};

/// The event that each line was labelled with, from the column of that name.
fn labels(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows = rows(&text).into_iter();
    let column = rows.next().unwrap().iter().position(|name| name == "EventIdCorrected").unwrap();
    rows.map(|row| row[column].clone()).collect()
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

/// The group that each line came into; a line within a record has the record's.
fn groups(path: &Path, lines: usize) -> Vec<String> {
    let options = ScanOptions {
        flush: true,
        max_bytes: u64::MAX,
        max_records: usize::MAX,
        ..ScanOptions::new(Redactor::new(b"key"))
    };
    let mut groups = vec![String::new(); lines];
    for record in scan(path, None, &options).unwrap().records {
        let first = usize::try_from(record.line).unwrap() - 1;
        let key = fingerprint(&record).key;
        for offset in 0..record.text.lines().count().max(1) {
            if let Some(group) = groups.get_mut(first + offset) {
                group.clone_from(&key);
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

#[test]
#[ignore = "takes half a minute without optimisation and measures more than it promises"]
fn plain_lines_group_by_event() {
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
    let mut sum = 0.0;
    for system in &systems {
        let at = |ending: &str| folder.join(system).join(format!("{system}_2k{ending}"));
        let truth = labels(&at(".labels.csv"));
        let (ga, fga) = score(&truth, &groups(&at(".log"), truth.len()));
        println!("{system:10} GA {ga:.3} FGA {fga:.3}");
        sum += ga;
    }
    let mean = sum / f64::from(u32::try_from(systems.len()).unwrap());
    println!("mean GA {mean:.3} over {} systems", systems.len());
    assert!(mean >= 0.4, "mean GA {mean:.3}");
}
