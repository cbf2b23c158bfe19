//! Python traces of the shared corpus: every one read exactly, and grouped by defect.
//!
//! The corpus is not part of this repository; without it the test says so and passes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop and speak"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use groundcrew_core::trace::Trace;
use groundcrew_logs::{Redactor, ScanOptions, fingerprint, scan, trace};
use serde_json::Value;

fn corpus(name: &str) -> Option<Vec<Value>> {
    let folder = std::env::var_os("GROUNDCREW_TRACES").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from("/work/shared/data/traces"));
    let path = folder.join(name);
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

fn python(rows: Vec<Value>) -> Vec<Value> {
    rows.into_iter().filter(|row| row["lang"] == "python").collect()
}

/// Without source lines, which the corpus does not state.
fn bare(mut trace: Trace) -> Trace {
    for frame in &mut trace.frames {
        frame.source = None;
    }
    trace.causes = trace.causes.into_iter().map(bare).collect();
    trace
}

fn options() -> ScanOptions {
    ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(b"key")) }
}

#[test]
fn every_python_trace_is_read_exactly() {
    let Some(rows) = corpus("traces.jsonl") else { return };
    for row in python(rows) {
        let mut expected = row["expected"].clone();
        let causes = expected["causes"].take();
        expected["causes"] = if causes.is_null() { Value::Array(Vec::new()) } else { causes };
        let expected: Trace = serde_json::from_value(expected).unwrap();
        let found = trace::parse(row["raw"].as_str().unwrap()).map(bare);
        assert_eq!(found, Some(expected), "{}", row["id"]);
    }
}

#[test]
fn python_traces_group_by_defect() {
    let Some(rows) = corpus("traces.jsonl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    let mut keys: Vec<(String, String)> = Vec::new();
    for row in python(rows) {
        let Some(group) = row["group"].as_str() else { continue };
        std::fs::write(&path, row["raw"].as_str().unwrap()).unwrap();
        let records = scan(&path, None, &options()).unwrap().records;
        assert_eq!(records.len(), 1, "{}", row["id"]);
        keys.push((group.to_owned(), fingerprint(&records[0]).key));
    }
    let (mut both, mut same_group, mut same_key) = (0, 0, 0);
    for (at, a) in keys.iter().enumerate() {
        for b in &keys[at + 1..] {
            both += u32::from(a == b);
            same_group += u32::from(a.0 == b.0);
            same_key += u32::from(a.1 == b.1);
        }
    }
    let (precision, recall) =
        (f64::from(both) / f64::from(same_key), f64::from(both) / f64::from(same_group));
    println!("python pairs: precision {precision:.3}, recall {recall:.3} over {} traces", keys.len());
    assert!(precision >= 0.95 && recall >= 0.95, "precision {precision:.3}, recall {recall:.3}");
}

#[test]
fn python_traces_are_found_in_streams() {
    let (Some(rows), Some(streams)) = (corpus("traces.jsonl"), corpus("streams.jsonl")) else { return };
    let traces: BTreeMap<String, Value> =
        python(rows).into_iter().map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for stream in streams {
        if matches!(stream["format"].as_str().unwrap(), "docker-json" | "cri") {
            continue;
        }
        let path = folder.path().join("app.log");
        std::fs::write(&path, stream["raw"].as_str().unwrap()).unwrap();
        let records = scan(&path, None, &options()).unwrap().records;
        for expected in stream["records"].as_array().unwrap() {
            let Some(row) = expected["trace"].as_str().and_then(|id| traces.get(id)) else { continue };
            let wanted = trace::parse(row["raw"].as_str().unwrap());
            let found = records.iter().any(|record| record.trace == wanted);
            assert!(found, "{} in {}: {records:#?}", row["id"], stream["id"]);
            seen += 1;
        }
    }
    println!("{seen} python traces in streams");
    assert!(seen > 0);
}
