//! Promises of assembly: streams that share a file are kept apart, and records are exact.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop and speak"
)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundcrew_logs::{
    Cursor, Keep, Level, Observe, Observer, Record, Redactor, ScanOptions, Seen, Tally, scan,
};
use proptest::prelude::*;
use serde_json::Value;

const STREAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/traces/streams.jsonl");
/// Share of the records that must be exact, in hundredths.
const EXACT: usize = 99;

fn options() -> ScanOptions {
    let quiet_for = Duration::from_secs(3600);
    ScanOptions { flush: true, quiet_for, ..ScanOptions::new(Redactor::new(b"key")) }
}

fn records_with(bytes: &[u8], options: &ScanOptions) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, bytes).unwrap();
    let (mut cursor, mut records): (Option<Cursor>, _) = (None, Vec::new());
    loop {
        let scan = scan(&path, cursor.as_ref(), options).unwrap();
        // As it is stored and read again between two scans.
        let stored = serde_json::to_value(&scan.cursor).unwrap();
        cursor = serde_json::from_value(stored).unwrap();
        records.extend(scan.records);
        if scan.at_end {
            return records;
        }
    }
}

fn records(text: &str) -> Vec<Record> {
    records_with(text.as_bytes(), &options())
}

/// Stream and text of each record.
fn seen(text: &str) -> Vec<(String, String)> {
    let records = records(text).into_iter();
    records.map(|record| (record.stream.unwrap_or_default(), record.text)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(stream, text)| ((*stream).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn two_streams_of_a_container_are_kept_apart_and_come_in_order() {
    let line = |stream: &str, tag: &str, text: &str| format!("2026-11-05T10:00:00Z {stream} {tag} {text}\n");
    let text = [
        line("stderr", "F", "Traceback (most recent call last):"),
        line("stdout", "F", "INFO one"),
        line("stderr", "P", "  File \"a.py\", "),
        line("stdout", "F", "INFO two"),
        line("stderr", "F", "line 1, in f"),
        line("stderr", "F", "ValueError: x"),
        line("stdout", "F", "INFO three"),
    ]
    .concat();
    let expected = [
        ("stderr", "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: x"),
        ("stdout", "INFO one"),
        ("stdout", "INFO two"),
        ("stdout", "INFO three"),
    ];
    assert_eq!(seen(&text), pairs(&expected));
    let first = &records(&text)[0];
    assert_eq!(
        (first.line, first.lines, first.time.unwrap().to_string()),
        (1, 4, "2026-11-05T10:00:00Z".into())
    );
    assert_eq!(first.trace.as_ref().unwrap().exception.as_deref(), Some("ValueError"));
}

#[test]
fn services_pods_and_programs_are_kept_apart() {
    let trace = ["panic: boom", "", "goroutine 1 [running]:", "main.f(0x1)", "\t/srv/a.go:3 +0x1"];
    for (one, other) in [
        ("web-1  | ", "db-1   | "),
        ("[pod/web-7d/app] ", "[pod/db-0/db] "),
        ("<11>Nov  5 10:00:00 web0 shop[4]: ", "<11>Nov  5 10:00:00 web0 db[7]: "),
        ("Nov  5 10:00:00 web0 shop[4]: ", "Nov  5 10:00:00 web0 shop[5]: "),
        ("<11>1 2026-11-05T10:00:00Z web0 shop 4 - - ", "<11>1 2026-11-05T10:00:00Z web0 db 7 - - "),
        ("2026-11-05T10:00:00.5+00:00 web0 shop[4]: ", "2026-11-05T10:00:00.5+00:00 web0 db[7]: "),
    ] {
        let text: String =
            trace.iter().map(|line| format!("{one}{line}\n{other}INFO checkpoint\n")).collect();
        let found = records(&text);
        assert_eq!(found.len(), 6, "{one}: {found:#?}");
        assert_eq!(found[0].text, trace.join("\n"), "{one}");
        assert_eq!(found[0].trace.as_ref().unwrap().message.as_deref(), Some("boom"), "{one}");
        assert!(found[1..].iter().all(|record| record.text == "INFO checkpoint"), "{one}: {found:#?}");
    }
}

#[test]
fn a_journal_entry_is_one_record_with_all_of_its_lines() {
    let entry = |fields: &str| {
        format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1793872800250000\",\"_HOSTNAME\":\"web0\",\"_SYSTEMD_UNIT\":\"shop.service\",\"_PID\":\"4\",{fields}}}\n"
        )
    };
    let text = [
        entry("\"PRIORITY\":\"6\",\"MESSAGE\":\"up\""),
        entry("\"PRIORITY\":\"3\",\"MESSAGE\":\"failed\\nsecond line\\n\\nthird\""),
        entry("\"PRIORITY\":\"6\",\"MESSAGE\":\"next\""),
    ]
    .concat();
    let expected =
        [("shop.service", "up"), ("shop.service", "failed\nsecond line\n\nthird"), ("shop.service", "next")];
    assert_eq!(seen(&text), pairs(&expected));
    let record = &records(&text)[1];
    assert_eq!(
        (record.level, record.host.as_deref(), record.process.as_deref()),
        (Some(Level::Error), Some("web0"), Some("4"))
    );
    assert_eq!((record.line, record.lines), (2, 1));
}

#[test]
fn another_crash_after_a_while_or_of_another_program_is_another_record() {
    let ruby = "/srv/a.rb:5:in `f': bad (ArgumentError)\n\tfrom /srv/a.rb:9:in `<main>'";
    let at = |time: &str, text: &str| -> String {
        text.lines().map(|line| format!("<11>Nov  5 10:{time} web shop[4]: {line}\n")).collect()
    };
    assert_eq!(records(&[at("00:00", ruby), at("03:00", ruby)].concat()).len(), 2);
    let python = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'\n";
    let go = "panic: boom\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/srv/a.go:3 +0x1\n";
    let found = records(&[python, go].concat());
    let texts: Vec<&str> = found.iter().map(|record| record.text.as_str()).collect();
    assert_eq!(texts, [python.trim_end(), go.trim_end()]);
}

#[test]
fn an_event_behind_a_mark_is_no_part_of_the_line_before() {
    let error = " ⨯ Error: no such product\n    at page (/srv/app/page.tsx:3:9)";
    let text = format!(" ✓ Compiled /cart in 2s\n GET /cart 200 in 12ms\n{error}\n ✓ Compiled /x in 1s\n");
    let found = records(&text);
    let error = found.iter().find(|record| record.is_error()).unwrap();
    assert_eq!(error.text, text.lines().skip(2).take(2).collect::<Vec<_>>().join("\n"));
    let trace = error.trace.as_ref().unwrap();
    assert_eq!(
        (trace.exception.as_deref(), trace.message.as_deref()),
        (Some("Error"), Some("no such product"))
    );
    assert_eq!(found.last().unwrap().text.trim(), "✓ Compiled /x in 1s");
}

#[test]
fn what_a_message_prints_over_several_lines_is_one_record() {
    let line = |second: usize, text: &str| format!("2026-11-05 10:00:{second:02},123 INFO shop.web {text}\n");
    for body in [
        "answer\n{\n  \"id\": 7,\n  \"items\": [\n    1\n  ]\n}",
        "settings {\n  \"level\": \"error\"\n}",
        "totals\n+----+-------+\n| id | error |\n+----+-------+\n|  1 | none  |\n+----+-------+",
        "sent\n<?xml version=\"1.0\"?>\n<a>\n  <error>none</error>\n</a>",
        "patched\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n-raise ValueError\n+return None",
        "changed:\n- a.txt\n- b.txt",
    ] {
        let (first, last) = (line(0, "began"), line(2, "ended"));
        let text = [&first, &line(1, body), &last].map(String::as_str).concat();
        let texts: Vec<String> = records(&text).into_iter().map(|record| record.text).collect();
        assert_eq!(texts, [first.trim_end(), line(1, body).trim_end(), last.trim_end()], "{body}");
    }
}

#[test]
fn headers_behind_blanks_begin_records() {
    // Enough that they are learned.
    let line = |n: usize, level: &str| {
        format!("    2026/11/05 10:{:02}:{:02} [{level}] agent: synced service {n}\n", n / 60, n % 60)
    };
    let text: String = (0..500).map(|n| line(n, if n == 20 { "ERR" } else { "INFO" })).collect();
    let seen: Vec<_> = records(&text).into_iter().map(|record| (record.line, record.level)).collect();
    let level = |n| if n == 21 { Level::Error } else { Level::Info };
    assert_eq!(seen, (1..=500).map(|n| (n, Some(level(n)))).collect::<Vec<_>>());
}

#[test]
fn a_header_of_two_lines_is_one_record_with_the_level_of_the_second() {
    let text = "Nov 05, 2026 10:00:01 AM com.shop.Db query\nSEVERE: table orders not found\n\
        Nov 05, 2026 10:00:02 AM com.shop.Main start\nINFO: listening on 8080\n";
    let seen: Vec<_> = records(text)
        .into_iter()
        .map(|record| {
            (record.time.unwrap().to_string(), record.level.unwrap(), record.logger.unwrap(), record.message)
        })
        .collect();
    let of = |second: u8, level, logger: &str, message: &str| {
        (format!("2026-11-05T10:00:{second:02}Z"), level, logger.to_owned(), message.to_owned())
    };
    let expected = [
        of(1, Level::Error, "com.shop.Db", "table orders not found"),
        of(2, Level::Info, "com.shop.Main", "listening on 8080"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_blank_line_between_an_error_and_its_trace_parts_nothing() {
    let text = "2026-11-05 10:00:00.123 ERROR 1 --- [main] c.s.Web : serving threw exception\n\n\
        java.lang.IllegalStateException: x\n\tat com.shop.Web.serve(Web.java:7)\n\
        2026-11-05 10:00:01.123 ERROR 1 --- [main] c.s.Web : no room\n\n\
        2026-11-05 10:00:02.123 INFO 1 --- [main] c.s.Web : done\n";
    let seen: Vec<_> =
        records(text).into_iter().map(|record| (record.line, record.trace.is_some())).collect();
    assert_eq!(seen, [(1, true), (5, false), (7, false)]);
}

#[test]
fn a_record_that_waits_for_its_stream_is_bounded_by_the_lines_of_others() {
    let line = |stream: &str, text: &str| format!("2026-11-05T10:00:00Z {stream} F {text}\n");
    let noise = |n: usize| (0..n).map(|n| line("stdout", &format!("INFO {n}"))).collect::<String>();
    let trace = |between: &str| {
        let head = line("stderr", "Traceback (most recent call last):");
        [head, between.to_owned(), line("stderr", "  File \"a.py\", line 1, in f"), line("stderr", "E: x")]
            .concat()
    };
    assert_eq!(records(&trace(&noise(1000))).iter().filter(|record| record.is_error()).count(), 1);
    let far = records(&trace(&noise(2000)));
    assert_eq!(far[0].text, "Traceback (most recent call last):");
    // It did not wait for the end of the file to come out.
    let options = ScanOptions { max_records: 1, ..options() };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), trace(&noise(200_000))).unwrap();
    let first = scan(&folder.path().join("a"), None, &options).unwrap();
    assert!(first.lines < 2000 && !first.at_end, "{}", first.lines);
}

/// The records as the samples say that they must be, per format: exact ones and all.
#[test]
fn records_of_all_formats_are_exact() {
    let Ok(samples) = fs::read_to_string(STREAMS) else {
        eprintln!("SKIPPED: {STREAMS} is not here, so the sample streams were not scored");
        return;
    };
    let mut scores: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for sample in samples.lines() {
        let sample: Value = serde_json::from_str(sample).unwrap();
        let found = records(sample["raw"].as_str().unwrap());
        let score = scores.entry(sample["format"].as_str().unwrap().to_owned()).or_default();
        let mut left: Vec<&Record> = found.iter().collect();
        for record in sample["records"].as_array().unwrap() {
            let text = record["text"].as_str().unwrap().trim_end();
            let stream = record["stream"].as_str();
            let is_it = |found: &&Record| {
                let same_stream = stream.is_none() || found.stream.as_deref() == stream;
                found.text == text && same_stream && found.trace.is_some() == record["trace"].is_string()
            };
            score.1 += 1;
            match left.iter().position(is_it) {
                Some(at) => {
                    left.remove(at);
                    score.0 += 1;
                }
                None => println!("{} misses {record:.3000}", sample["id"]),
            }
        }
        for record in left {
            println!("{} has {:?} {:.3000}", sample["id"], record.trace.is_some(), record.text);
        }
    }
    let (mut exact, mut all) = (0, 0);
    for (format, score) in &scores {
        println!("{format:18} {} of {} records exact", score.0, score.1);
        exact += score.0;
        all += score.1;
    }
    println!("all                {exact} of {all} records exact");
    assert!(exact * 100 >= all * EXACT, "{exact} of {all}");
}

/// What an observer is shown of a record: line, lines, level, message.
type Shown = (u64, u64, Option<Level>, String);

#[derive(Default)]
struct Messages(Vec<Shown>);

impl Observe for Messages {
    fn observe(&mut self, seen: Seen<'_>) {
        self.0.push((seen.line, seen.lines, seen.level, seen.message.to_owned()));
    }
}

/// The errors, the messages shown, the traffic, and records of an unknown form.
fn taken(bytes: &[u8], keep: Keep, max_bytes: u64) -> (Vec<Record>, Vec<Shown>, Vec<Tally>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, bytes).unwrap();
    let messages = Arc::new(Mutex::new(Messages::default()));
    let observer = Some(Observer::new(messages.clone()));
    let options = ScanOptions { keep, max_bytes, max_records: usize::MAX, observer, ..options() };
    let (mut cursor, mut errors, mut unparsed): (Option<Cursor>, _, _) = (None, Vec::new(), 0);
    let mut traffic: BTreeMap<_, Tally> = BTreeMap::new();
    loop {
        let scan = scan(&path, cursor.as_ref(), &options).unwrap();
        errors.extend(scan.records.into_iter().filter(Record::is_error));
        unparsed += scan.unparsed;
        for tally in scan.traffic {
            let sum =
                traffic.entry(tally.bucket).or_insert(Tally { lines: 0, records: 0, errors: 0, ..tally });
            (sum.lines, sum.records, sum.errors) =
                (sum.lines + tally.lines, sum.records + tally.records, sum.errors + tally.errors);
        }
        cursor = Some(scan.cursor);
        if scan.at_end {
            break;
        }
    }
    let shown = std::mem::take(&mut messages.lock().unwrap().0);
    (errors, shown, traffic.into_values().collect(), unparsed)
}

#[test]
fn keeping_only_errors_says_the_same_of_real_logs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/logs");
    let Ok(systems) = fs::read_dir(folder) else {
        eprintln!("SKIPPED: {folder} is not here, so no real logs were read");
        return;
    };
    for system in systems.flatten().filter(|entry| entry.path().is_dir()) {
        let files = fs::read_dir(system.path()).unwrap().flatten().map(|entry| entry.path());
        for path in files.filter(|path| path.extension().is_some_and(|end| end == "log")) {
            let bytes = fs::read(&path).unwrap();
            let all = taken(&bytes, Keep::All, u64::MAX);
            assert!(!all.1.is_empty());
            assert!(taken(&bytes, Keep::Errors, u64::MAX) == all, "{}", path.display());
        }
    }
}

/// Numbers that look random and are the same in every run.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 7_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

#[test]
fn keeping_only_errors_says_the_same_where_many_programs_share_a_large_file() {
    let mut below = numbers();
    for (programs, lines, filled) in [(1, 3000, 0), (90, 4000, 0), (200, 1500, 3000)] {
        let mut text = Vec::new();
        for n in 0..lines {
            let (program, number) = (below(programs), below(1000));
            let head = format!("Nov  5 10:{:02}:{:02} web0 shop[{program}]: ", n / 600, n / 10 % 60);
            let body = match below(60) {
                0 => "KeyError: 'x'".to_owned(),
                1 => "Traceback (most recent call last):".to_owned(),
                2 => "  File \"/srv/a.py\", line 3, in f".to_owned(),
                3 => format!("ERROR: order {number} is lost"),
                4 => format!("h\u{e9}ros {number} of release={number}"),
                5 => format!("took {number}ms\r"),
                6 => format!("\u{1b}[31mpassword={number}secret\u{1b}[0m"),
                7 => String::new(),
                _ => format!("order {number} of {} was served{}", below(9), " soon".repeat(filled / 5)),
            };
            text.extend_from_slice(format!("{head}{body}\n").as_bytes());
        }
        let all = taken(&text, Keep::All, u64::MAX);
        assert!(all.0.len() > 20 && all.1.len() > 500, "{} {}", all.0.len(), all.1.len());
        assert!(taken(&text, Keep::Errors, u64::MAX) == all, "{programs} programs");
        let pieces = taken(&text, Keep::Errors, 70_000);
        assert!((pieces.0, pieces.1) == (all.0, all.1), "{programs} programs in pieces");
    }
}

/// A line of one of several streams, in one of the forms that may stand in one file.
fn line() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![
        "INFO shop GET /x",
        "2026-11-05T10:00:00Z ERROR [t1] shop Traceback (most recent call last):",
        "2026-11-05T10:00:00Z ERROR [t1] shop   File \"a.py\", line 1, in f",
        "2026-11-05T10:00:00Z ERROR [t2] shop com.acme.Full: z",
        "2026-11-05T10:00:00Z ERROR [t2] shop \tat com.acme.Cart.add(Cart.java:9)",
        "2026-11-05T10:00:00Z INFO [t1] shop GET /x",
        "ERROR shop failed",
        "2026-11-05T10:00:00Z ERROR [t1] shop order 7 is lost",
        "2026-11-05T10:00:00Z ERROR [t1] shop order 8 is lost, password=hunter2",
        "2026-11-05T10:00:00Z FATAL [t2] password=hunter2 no room: release=v1.2",
        "2026-11-05T10:00:00Z ERROR [t1] shop it broke: java.lang.IllegalStateException: z",
        "{\"level\":\"info\",\"time\":\"2026-11-05T10:00:00Z\",\"msg\":\"GET /x\",\"version\":\"1.2\"}",
        "{\"level\":\"error\",\"time\":\"2026-11-05T10:00:00Z\",\"logger\":\"shop\",\"msg\":\"order 9 is lost\",\"token\":\"hunter2\"}",
        "{\"level\":\"error\",\"msg\":\"it broke\",\"err\":\"no room\"}",
        "{\"level\":\"info\",\"msg\":\"KeyError: 'x'\"}",
        "{\"level\":\"error\",\"msg\":\"failed\",\"stack\":\"Error: x\\n    at f (/srv/a.js:1:2)\"}",
        "{\"level\":\"error\",\"msg\":\"it \\\"broke\\\"\"}",
        "{\"level\":\"info\"}",
        "ts=2026-11-05T10:00:00Z level=info msg=\"GET /x\" release=v1.2",
        "ts=2026-11-05T10:00:00Z level=error logger=shop msg=\"order 9 is lost\" password=hunter2",
        "level=error msg=-----BEGIN",
        "a=1 b=2",
        "{\"a\":1}",
        "Traceback (most recent call last):",
        "  File \"/srv/a.py\", line 3, in f",
        "KeyError: 'x'",
        "com.acme.Full: z",
        "2026-11-05T10:00:00Z INFO [t1] shop com.acme.Full: z\\n\\tat com.acme.Cart.add(Cart.java:9)",
        "some words of a message",
        "\tat com.acme.Cart.add(Cart.java:9)",
        "panic: boom",
        "",
        "goroutine 1 [running]:",
        "-----BEGIN PRIVATE KEY-----",
    ]);
    let stream = prop::sample::select(vec!["stdout", "stderr"]);
    let form = 0..8_usize;
    (form, stream, text, any::<bool>()).prop_map(|(form, stream, text, whole)| {
        let quoted = serde_json::to_string(&format!("{text}{}", if whole { "\n" } else { "" })).unwrap();
        let tag = if whole { "F" } else { "P" };
        match form {
            0 => format!("2026-11-05T10:00:00Z {stream} {tag} {text}"),
            1 => format!("{{\"log\":{quoted},\"stream\":\"{stream}\",\"time\":\"2026-11-05T10:00:00Z\"}}"),
            2 => format!("[pod/web/{stream}] {text}"),
            3 => format!("<11>Nov  5 10:00:00 web {stream}[4]: {text}"),
            6 => format!("<14>Nov  5 10:00:00 web {stream}[{}]: {text}", text.len() % 9),
            7 => format!("Nov  5 10:00:00 web {stream}[4]: {text}"),
            4 => format!("{{\"__REALTIME_TIMESTAMP\":\"1793872800250000\",\"_COMM\":\"{stream}\",\"MESSAGE\":\"{}\\nx\"}}", text.escape_default()),
            _ => text.to_owned(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn keeping_only_errors_says_the_same(lines in prop::collection::vec(line(), 0..40), max_bytes in 1..4000_u64) {
        // Enough of one form that it is learned.
        let usual = |n: usize| format!("2026-11-05T10:{:02}:00Z INFO [t{}] shop GET /cart/{n}\n", n / 20 % 60, n % 3);
        let mut text: String = (0..500).map(usual).collect();
        for (n, line) in lines.iter().enumerate() {
            text.push_str(&format!("{line}\n{}", if n % 2 == 0 { usual(n) } else { String::new() }));
        }
        let all = taken(text.as_bytes(), Keep::All, u64::MAX);
        let errors = taken(text.as_bytes(), Keep::Errors, u64::MAX);
        prop_assert_eq!(&errors, &all);
        prop_assert_eq!(taken(text.as_bytes(), Keep::Errors, max_bytes).0, all.0);
    }

    #[test]
    fn streams_are_read_alike_wherever_scans_stop(
        lines in prop::collection::vec(line(), 0..60),
        max_bytes in 1..2000_u64,
        max_records in 1..8_usize,
        small in any::<bool>(),
    ) {
        let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let max_record_bytes = if small { 120 } else { 64 << 10 };
        let whole = ScanOptions { max_record_bytes, max_bytes: u64::MAX, max_records: usize::MAX, ..options() };
        let pieces = ScanOptions { max_bytes, max_records, ..whole.clone() };
        let expected = records_with(text.as_bytes(), &whole);
        prop_assert!(expected.is_sorted_by_key(|record| record.bytes.start));
        prop_assert_eq!(records_with(text.as_bytes(), &pieces), expected);
    }
}
