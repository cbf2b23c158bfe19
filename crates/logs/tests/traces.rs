//! Traces of the shared corpus, language by language: read exactly, grouped by defect, found in streams.
//!
//! The corpus is not part of this repository; without it the tests say so and pass. `--nocapture` shows the figures.
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

const LANGUAGES: [&str; 10] =
    ["python", "node", "java", "go", "ruby", "php", "rust", "csharp", "dart", "browser"];

fn corpus(name: &str) -> Option<Vec<Value>> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/traces"));
    let folder = std::env::var_os("GROUNDCREW_TRACES").map_or(beside, PathBuf::from);
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

fn of_language<'a>(rows: &'a [Value], language: &'a str) -> impl Iterator<Item = &'a Value> {
    rows.iter().filter(move |row| row["lang"] == language)
}

/// Without source lines, which the corpus does not state.
fn bare(mut trace: Trace) -> Trace {
    for frame in &mut trace.frames {
        frame.source = None;
        frame.module = None;
    }
    trace.causes = trace.causes.into_iter().map(bare).collect();
    trace
}

fn expected(row: &Value) -> Trace {
    let mut expected = row["expected"].clone();
    let causes = expected["causes"].take();
    expected["causes"] = if causes.is_null() { Value::Array(Vec::new()) } else { causes };
    without_empty_messages(serde_json::from_value(expected).unwrap())
}

/// The corpus writes the message of an exception without one sometimes as an empty text; here it is none.
fn without_empty_messages(mut trace: Trace) -> Trace {
    trace.message = trace.message.filter(|message| !message.is_empty());
    trace.causes = trace.causes.into_iter().map(without_empty_messages).collect();
    trace
}

fn options() -> ScanOptions {
    ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(b"key")) }
}

/// Everything but the in-app flags, which are a convention and counted apart.
fn unflagged(mut trace: Trace) -> Trace {
    trace::in_app::decide(&mut trace, &|_| Some(false));
    trace
}

/// The in-app flags of all frames, causes' after those of the error itself.
fn flags(trace: &Trace) -> Vec<bool> {
    let own = trace.frames.iter().map(|frame| frame.in_app);
    own.chain(trace.causes.iter().flat_map(flags)).collect()
}

#[test]
fn every_trace_is_read_exactly() {
    let Some(rows) = corpus("traces.jsonl") else { return };
    let mut wrong = Vec::new();
    let mut poor = Vec::new();
    for language in LANGUAGES {
        let (mut exact, mut all, mut right, mut frames) = (0_u32, 0_u32, 0_usize, 0_usize);
        for row in of_language(&rows, language) {
            let expected = expected(row);
            let found = trace::parse(row["raw"].as_str().unwrap()).map(bare).unwrap_or_default();
            let same = flags(&found).into_iter().zip(flags(&expected)).filter(|(a, b)| a == b).count();
            frames += flags(&expected).len();
            right += same;
            all += 1;
            let is_exact = unflagged(found.clone()) == unflagged(expected.clone());
            exact += u32::from(is_exact);
            if !is_exact || same < flags(&expected).len() {
                wrong.push(format!("{}\n found {found:?}\n expected {expected:?}", row["id"]));
            }
        }
        println!("{language}: {exact} of {all} traces read exactly, {right} of {frames} in-app flags right");
        if f64::from(exact) < 0.99 * f64::from(all) || right * 100 < 99 * frames {
            poor.push(language);
        }
    }
    assert!(poor.is_empty(), "{poor:?}\n{}", wrong.join("\n"));
}

#[test]
fn traces_group_by_defect() {
    let Some(rows) = corpus("traces.jsonl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    let mut poor = Vec::new();
    for language in LANGUAGES {
        let mut keys: Vec<(String, String)> = Vec::new();
        for row in of_language(&rows, language) {
            let Some(group) = row["group"].as_str() else { continue };
            std::fs::write(&path, row["raw"].as_str().unwrap()).unwrap();
            let records = scan(&path, None, &options()).unwrap().records;
            assert_eq!(records.len(), 1, "{}: {records:#?}", row["id"]);
            keys.push((group.to_owned(), fingerprint(&records[0]).key));
        }
        let (precision, recall) = pairs(&keys);
        println!("{language} pairs: precision {precision:.3}, recall {recall:.3} over {} traces", keys.len());
        // .NET inlines small functions, and what was one frame is then none.
        let least = if language == "csharp" { 0.85 } else { 0.95 };
        if precision < 0.95 || recall < least {
            poor.push(language);
        }
    }
    assert_eq!(poor, Vec::<&str>::new());
}

/// Of the pairs with one key, those of one group; and of the pairs of one group, those with one key.
fn pairs(keys: &[(String, String)]) -> (f64, f64) {
    let (mut both, mut same_group, mut same_key) = (0, 0, 0);
    for (at, a) in keys.iter().enumerate() {
        for b in &keys[at + 1..] {
            both += u32::from(a == b);
            same_group += u32::from(a.0 == b.0);
            same_key += u32::from(a.1 == b.1);
        }
    }
    (f64::from(both) / f64::from(same_key), f64::from(both) / f64::from(same_group))
}

#[test]
fn traces_are_found_in_streams_and_cut_where_they_end() {
    let (Some(rows), Some(streams)) = (corpus("traces.jsonl"), corpus("streams.jsonl")) else { return };
    let traces: BTreeMap<&str, &Value> = rows.iter().map(|row| (row["id"].as_str().unwrap(), row)).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut figures: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for stream in &streams {
        // Containers' own formats are another source.
        if matches!(stream["format"].as_str().unwrap(), "docker-json" | "cri") {
            continue;
        }
        let path = folder.path().join("app.log");
        std::fs::write(&path, stream["raw"].as_str().unwrap()).unwrap();
        let records = scan(&path, None, &options()).unwrap().records;
        for expected in stream["records"].as_array().unwrap() {
            let Some(row) = expected["trace"].as_str().and_then(|id| traces.get(id)) else { continue };
            let language = row["lang"].as_str().unwrap();
            if !LANGUAGES.contains(&language) {
                continue;
            }
            let text = expected["text"].as_str().unwrap().trim_end();
            let wanted = trace::parse(row["raw"].as_str().unwrap());
            let found = records.iter().any(|record| record.trace == wanted && record.text == text);
            let (good, all) = figures.entry(language).or_default();
            *all += 1;
            *good += u32::from(found);
            if !found {
                wrong.push(format!("{} in {}", row["id"], stream["id"]));
            }
        }
    }
    for (language, (good, all)) in &figures {
        println!("{language}: {good} of {all} traces in streams are one record each");
    }
    // A program may crash right behind an error that it had logged: then nothing tells that the two are not one event.
    assert!(wrong.len() <= 1, "{wrong:#?}");
}
