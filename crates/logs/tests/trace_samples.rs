//! Traces in the manner of many frameworks, each with its whole expected value, and what must hold for any text.
//!
//! The files of `data/traces` hold a text behind `==== name` and what is read from it behind `----`; a test that is run
//! with `GROUNDCREW_BLESS` set writes the latter anew, to be looked at before it is kept.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fmt::Write as _;
use std::path::PathBuf;

use groundcrew_core::trace::{Frame, Trace};
use groundcrew_logs::{Redactor, ScanOptions, scan, trace};

const LANGUAGES: [&str; 12] =
    ["python", "java", "node", "go", "rust", "csharp", "ruby", "php", "dart", "browser", "native", "elixir"];

struct Sample {
    name: String,
    text: String,
    expected: String,
}

fn file(language: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces").join(format!("{language}.txt"))
}

fn samples(language: &str) -> Vec<Sample> {
    let text = std::fs::read_to_string(file(language)).unwrap();
    let parts = text.strip_prefix("==== ").unwrap().split("\n==== ").map(|part| {
        let (name, rest) = part.split_once('\n').unwrap();
        let (text, expected) = rest.split_once("\n----\n").unwrap_or((rest.trim_end_matches('\n'), ""));
        Sample {
            name: format!("{language}: {name}"),
            text: text.to_owned(),
            expected: expected.trim_end().to_owned(),
        }
    });
    parts.collect()
}

fn told(trace: Option<&Trace>) -> String {
    let mut text = String::new();
    match trace {
        Some(trace) => tell(trace, "", &mut text),
        None => text.push_str("nothing"),
    }
    text.trim_end().to_owned()
}

fn tell(trace: &Trace, before: &str, text: &mut String) {
    let escaped = |text: &Option<String>| text.as_deref().map(|text| text.replace('\n', "\\n"));
    let exception = trace.exception.as_deref().unwrap_or("-");
    let message = escaped(&trace.message).map(|message| format!(": {message}")).unwrap_or_default();
    writeln!(text, "{before}{exception}{message}").unwrap();
    if let Some(location) = &trace.location {
        writeln!(text, "  thrown at {}:{}", location.file, location.line.unwrap_or(0)).unwrap();
    }
    for frame in &trace.frames {
        writeln!(text, "  {}", told_frame(frame)).unwrap();
    }
    for cause in &trace.causes {
        tell(cause, "caused by ", text);
    }
}

fn told_frame(frame: &Frame) -> String {
    let mut text = if frame.in_app { "app " } else { "lib " }.to_owned();
    text.push_str(frame.function.as_deref().unwrap_or("-"));
    if let Some(file) = &frame.file {
        write!(text, " ({file}{})", frame.line.map(|line| format!(":{line}")).unwrap_or_default()).unwrap();
    }
    if let Some(module) = &frame.module {
        write!(text, " of {module}").unwrap();
    }
    text
}

#[test]
fn every_sample_is_read_as_a_person_would() {
    let bless = std::env::var_os("GROUNDCREW_BLESS").is_some();
    let mut wrong = String::new();
    for language in LANGUAGES {
        let mut anew = String::new();
        for sample in samples(language) {
            let found = told(trace::parse(&sample.text).as_ref());
            let name = sample.name.split_once(": ").unwrap().1;
            write!(anew, "==== {name}\n{}\n----\n{found}\n", sample.text).unwrap();
            if found != sample.expected {
                write!(wrong, "{}\nfound:\n{found}\nexpected:\n{}\n\n", sample.name, sample.expected)
                    .unwrap();
            }
        }
        if bless {
            std::fs::write(file(language), anew).unwrap();
        }
    }
    assert!(bless || wrong.is_empty(), "{wrong}");
}

#[test]
fn every_sample_is_one_record_among_other_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    let options = ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(b"key")) };
    let mut wrong = String::new();
    for sample in LANGUAGES.iter().flat_map(|language| samples(language)) {
        let text = sample.text.trim_end();
        let log = format!(
            "2026-11-05T10:00:00Z INFO shop.http GET /cart/1 200\n{text}\n2026-11-05T10:00:09Z INFO shop.http GET /cart/2 200\n"
        );
        std::fs::write(&path, log).unwrap();
        let records = scan(&path, None, &options).unwrap().records;
        let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
        let read: Vec<&Trace> = records.iter().filter_map(|record| record.trace.as_ref()).collect();
        let one = read.len() == 1 && told(Some(read[0])) == sample.expected;
        // A line that a framework prints before the trace may be a record of its own.
        let ended = texts.len() <= 5 && texts.last().unwrap().ends_with("GET /cart/2 200");
        if !one || !ended || !texts[texts.len() - 2].ends_with(text.lines().last().unwrap().trim_end()) {
            write!(wrong, "{}\n{texts:#?}\n{read:?}\n\n", sample.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What a logger or the system's log puts before every line.
const PREFIXES: [&str; 3] = [
    "2026-11-05T10:00:05Z ERROR shop.jobs: ",
    "Nov  5 10:00:05 web-1 shop[4711]: ",
    "2026-11-05 10:00:05,123 - shop.jobs - ERROR - ",
];

#[test]
fn every_sample_is_one_record_under_a_header_on_each_of_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    let options = ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(b"key")) };
    let mut wrong = String::new();
    let (mut good, mut all) = (0, 0);
    for sample in LANGUAGES.iter().flat_map(|language| samples(language)) {
        for prefix in PREFIXES {
            let text: String =
                sample.text.trim_end().lines().map(|line| format!("{prefix}{line}\n")).collect();
            std::fs::write(&path, text).unwrap();
            let records = scan(&path, None, &options).unwrap().records;
            let read: Vec<&Trace> = records.iter().filter_map(|record| record.trace.as_ref()).collect();
            let one = read.len() == 1 && told(Some(read[0])) == sample.expected;
            all += 1;
            good += u32::from(one);
            if !one {
                writeln!(wrong, "{} {prefix}: {} records, {read:?}", sample.name, records.len()).unwrap();
            }
        }
    }
    println!("{good} of {all}");
    assert!(good * 100 >= all * 90, "{good} of {all}\n{wrong}");
}
