//! How well errors of every language are grouped by their defect, on the traces of the shared corpus.
//!
//! Two figures over pairs of traces: of the pairs with one key those of one defect (precision), and of the pairs of one
//! defect those with one key (recall). Once from the corpus's own reading of the traces, so that the rules are measured
//! and not the parsers, and once from the text. The corpus is not part of this repository; without it the tests say so and
//! pass. `--nocapture` shows the figures.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop and speak"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use groundcrew_core::trace::Trace;
use groundcrew_logs::{Record, Redactor, ScanOptions, fingerprint, scan};
use serde_json::Value;

/// The least that may come out, of the whole and of each language.
const PRECISION: f64 = 0.98;
const RECALL: f64 = 0.95;

fn corpus() -> Option<Vec<Value>> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/traces"));
    let folder = std::env::var_os("GROUNDCREW_TRACES").map_or(beside, PathBuf::from);
    let path = folder.join("traces.jsonl");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()),
        Err(error) => {
            eprintln!(
                "SKIPPED: {} cannot be read ({error}); set GROUNDCREW_TRACES to its folder",
                path.display()
            );
            None
        }
    }
}

fn of_text(text: &str) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    std::fs::write(&path, text).unwrap();
    let options = ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(b"key")) };
    scan(&path, None, &options).unwrap().records
}

/// Pairs with one key, of them of one group, and pairs of one group.
fn pairs(keys: &[(String, String)]) -> [u32; 3] {
    let (mut same_key, mut both, mut same_group) = (0, 0, 0);
    for (at, a) in keys.iter().enumerate() {
        for b in &keys[at + 1..] {
            same_key += u32::from(a.1 == b.1);
            both += u32::from(a == b);
            same_group += u32::from(a.0 == b.0);
        }
    }
    [same_key, both, same_group]
}

fn shares([same_key, both, same_group]: [u32; 3]) -> (f64, f64) {
    (f64::from(both) / f64::from(same_key.max(1)), f64::from(both) / f64::from(same_group))
}

/// Prints the figures, and names what is below the floor.
fn judge(way: &str, found: &BTreeMap<String, Vec<(String, String)>>) -> Vec<String> {
    let all: Vec<(String, String)> = found.values().flatten().cloned().collect();
    let each = found.iter().map(|(language, keys)| (language.as_str(), pairs(keys)));
    let mut poor = Vec::new();
    for (language, counts) in each.chain([("all", pairs(&all))]) {
        let (precision, recall) = shares(counts);
        println!("{way} {language}: pairs precision {precision:.3}, recall {recall:.3}");
        if precision < PRECISION || recall < RECALL {
            poor.push(format!("{way} {language}: {precision:.3} {recall:.3}"));
        }
    }
    poor
}

#[test]
fn errors_group_by_defect_in_every_language() {
    let Some(rows) = corpus() else { return };
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for row in &rows {
        let Some(group) = row["group"].as_str() else { continue };
        let mut expected = row["expected"].clone();
        if expected["causes"].is_null() {
            expected["causes"] = Value::Array(Vec::new());
        }
        let trace: Trace = serde_json::from_value(expected).unwrap();
        let mut record = of_text("ERROR it failed\n").remove(0);
        record.trace = Some(trace);
        let key = fingerprint(&record).key;
        found.entry(row["lang"].as_str().unwrap().to_owned()).or_default().push((group.to_owned(), key));
    }
    assert_eq!(judge("as stated,", &found), Vec::<String>::new());
}

#[test]
fn errors_group_by_defect_from_their_text() {
    let Some(rows) = corpus() else { return };
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut unread: BTreeMap<String, u32> = BTreeMap::new();
    for row in &rows {
        let Some(group) = row["group"].as_str() else { continue };
        let language = row["lang"].as_str().unwrap().to_owned();
        let records = of_text(row["raw"].as_str().unwrap());
        match &records[..] {
            [record] if record.trace.is_some() => {
                found.entry(language).or_default().push((group.to_owned(), fingerprint(record).key));
            }
            _ => *unread.entry(language).or_default() += 1,
        }
    }
    assert_eq!(unread, BTreeMap::new(), "traces that are not read as one record each");
    assert_eq!(judge("from the text,", &found), Vec::<String>::new());
}
