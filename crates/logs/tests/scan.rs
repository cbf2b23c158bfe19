//! Promises of a scan: every line exactly once, whatever happens to the file, and no input that harms.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop and speak"
)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use groundcrew_logs::{
    Cursor, DropReason, Dropped, Level, Record, Redactor, Restart, Scan, ScanError, ScanOptions, Span,
    fingerprint, scan,
};
use proptest::prelude::*;
use tempfile::TempDir;

struct Log {
    _folder: TempDir,
    path: PathBuf,
}

impl Log {
    fn new(bytes: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        fs::write(&path, bytes).unwrap();
        Self { _folder: folder, path }
    }

    fn append(&self, bytes: impl AsRef<[u8]>) {
        OpenOptions::new().append(true).open(&self.path).unwrap().write_all(bytes.as_ref()).unwrap();
    }

    fn scan(&self, cursor: Option<&Cursor>) -> Scan {
        scan(&self.path, cursor, &waiting()).unwrap()
    }

    fn flush(&self, cursor: Option<&Cursor>) -> Scan {
        scan(&self.path, cursor, &flushing()).unwrap()
    }
}

fn waiting() -> ScanOptions {
    ScanOptions { quiet_for: Duration::from_secs(3600), ..ScanOptions::new(Redactor::new(b"key")) }
}

fn flushing() -> ScanOptions {
    ScanOptions { flush: true, ..waiting() }
}

fn texts(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.text.as_str()).collect()
}

const CRASH: &str = "\
2026-11-05T10:00:00Z INFO shop.http GET /cart/7 token=abcDEF123456
Traceback (most recent call last):
  File \"/srv/app/app.py\", line 9, in load_user
    return users[uid]
KeyError: 'u7'
";

#[test]
fn a_crash_is_one_record_with_the_lines_before_it() {
    let log = Log::new(CRASH);
    let scan = log.flush(None);
    assert_eq!(scan.records.len(), 2);
    let crash = &scan.records[1];
    assert!(crash.is_error());
    assert_eq!(crash.message, "KeyError: 'u7'");
    assert_eq!((crash.line, crash.bytes), (2, Span { start: 67, end: CRASH.len() as u64 }));
    assert_eq!(crash.trace.as_ref().unwrap().frames[0].function.as_deref(), Some("load_user"));
    assert_eq!(crash.context.len(), 1);
    let before = crash.context.iter().next().unwrap();
    assert!(before.starts_with("2026-11-05T10:00:00Z INFO shop.http GET /cart/7 token=[redacted:token:"));
    assert_eq!((scan.lines, scan.bytes, scan.unparsed, scan.at_end), (5, CRASH.len() as u64, 0, true));
}

#[test]
fn a_logged_exception_is_one_record_with_its_header() {
    for (name, text) in [
        (
            "header",
            "2026-11-05 10:00:00,000 ERROR shop: failed\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: one\ntwo\n",
        ),
        (
            "inline",
            "2026-11-05 10:00:00,000 ERROR shop: failed: Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: one\ntwo\n",
        ),
        (
            "repeated",
            "ERROR:shop:Traceback (most recent call last):\nERROR:shop:  File \"a.py\", line 1, in f\nERROR:shop:ValueError: one\n",
        ),
        (
            "syslog",
            "<11>Nov  5 10:00:00 web shop[4]: Traceback (most recent call last):\n<11>Nov  5 10:00:00 web shop[4]:   File \"a.py\", line 1, in f\n<11>Nov  5 10:00:00 web shop[4]: ValueError: one\n",
        ),
        (
            "json",
            "{\"level\":\"error\",\"msg\":\"failed\",\"exc_info\":\"Traceback (most recent call last):\\n  File \\\"a.py\\\", line 1, in f\\nValueError: one\"}\n",
        ),
    ] {
        let scan = Log::new(format!("{text}2026-11-05 10:00:01,000 INFO shop: next\n")).flush(None);
        assert_eq!(scan.records.len(), 2, "{name}: {:#?}", scan.records);
        let trace = scan.records[0].trace.as_ref().unwrap_or_else(|| panic!("{name} has no trace"));
        assert_eq!(trace.exception.as_deref(), Some("ValueError"), "{name}");
        assert!(trace.message.as_deref().unwrap().starts_with("one"), "{name}");
        assert_eq!(scan.records[0].level, Some(Level::Error), "{name}");
    }
}

/// A trace as each language prints it, its exception, and its innermost place.
const TRACES: [(&str, &str, &str, (&str, u32)); 6] = [
    (
        "python",
        "Traceback (most recent call last):\n  File \"/srv/shop/cart.py\", line 9, in add\n    raise Full(n)\n          ^^^^^^^\nshop.Full: no room\n",
        "shop.Full",
        ("/srv/shop/cart.py", 9),
    ),
    (
        "node",
        "CartError: no room\nfor two\n\n    at async Cart.add (/srv/shop/cart.js:9:5) {\n  code: 'E_FULL',\n  [cause]: Error: full\n      at fill (/srv/shop/fill.js:3:1)\n}\n",
        "CartError",
        ("/srv/shop/cart.js", 9),
    ),
    (
        "uncaught node",
        "file:///srv/shop/cart.mjs:9\n  throw new CartError();\n        ^\n\nCartError: no room\n    at Cart.add (file:///srv/shop/cart.mjs:9:5)\n\nNode.js v20.20.2\n",
        "CartError",
        ("file:///srv/shop/cart.mjs", 9),
    ),
    (
        "java",
        "com.acme.CartException: no room\n\tat com.acme.Cart.add(Cart.java:9)\n\tSuppressed: java.io.IOException: x\n\t\tat com.acme.Wire.close(Wire.java:1)\nCaused by: com.acme.Full: full\nof eggs\n\tat com.acme.Box.fill(Box.java:3)\n\t... 7 more\n",
        "com.acme.CartException",
        ("Cart.java", 9),
    ),
    (
        "go",
        "panic: no room [recovered]\n\tpanic: no room\n\ngoroutine 7 [running]:\nmain.(*Cart).Add(0x1, {0x2, 0x3})\n\t/srv/shop/cart.go:9 +0x1d\ncreated by main.main in goroutine 1\n\t/srv/shop/main.go:3 +0x20\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/srv/shop/main.go:4 +0x5\nexit status 2\n",
        "panic",
        ("/srv/shop/cart.go", 9),
    ),
    (
        "rust",
        "thread 'main' panicked at src/cart.rs:9:5:\nno room\nfor two\nstack backtrace:\n   0: shop::cart::add\n             at ./src/cart.rs:9:5\nnote: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.\n",
        "panic",
        ("./src/cart.rs", 9),
    ),
];

/// The lines with a text before each.
fn before_each(prefix: &str, lines: &str) -> String {
    lines.lines().map(|line| format!("{prefix}{line}\n")).collect()
}

#[test]
fn a_trace_of_every_language_is_one_record_however_it_is_logged() {
    const NEXT: &str = "2026-11-05T10:00:01Z INFO shop GET /next\n";
    for (name, trace, exception, (file, line)) in TRACES {
        let quoted = serde_json::to_string(trace.trim_end()).unwrap();
        let syslog = "<11>Nov  5 10:00:00 web shop[4]: ";
        for (form, text) in [
            ("alone", trace.to_owned()),
            ("behind text", format!("serving /cart/7\n{trace}")),
            ("behind an event", format!("2026-11-05T10:00:00Z INFO shop GET /cart\n{trace}")),
            ("behind its header", format!("2026-11-05T10:00:00Z ERROR shop failed\n{trace}")),
            ("in its header", format!("2026-11-05 10:00:00,123 ERROR {trace}")),
            ("behind a word", format!("2026-11-05 10:00:00,123 ERROR shop: {trace}")),
            ("under repeated headers", before_each("2026-11-05 10:00:00,123 - shop.web - ERROR - ", trace)),
            ("syslog", before_each(syslog, trace)),
            ("json", format!("{{\"level\":\"error\",\"msg\":\"failed\",\"stack\":{quoted}}}\n")),
            ("json message", format!("{{\"level\":\"error\",\"message\":{quoted}}}\n")),
            ("logfmt", format!("level=error msg=failed stack={quoted}\n")),
        ] {
            // What runtimes print themselves has no word of a logger before it.
            let unreal = form == "behind a word" && ["uncaught node", "go"].contains(&name);
            // Behind a header, `[cause]` has the form of a logger's name.
            let untellable = form == "under repeated headers" && name == "node";
            if unreal || untellable {
                continue;
            }
            let scan = Log::new(format!("{text}{NEXT}")).flush(None);
            let traces: Vec<_> = scan.records.iter().filter_map(|record| record.trace.as_ref()).collect();
            assert_eq!(traces.len(), 1, "{name} {form}: {:#?}", scan.records);
            assert_eq!(traces[0].exception.as_deref(), Some(exception), "{name} {form}");
            let place = &traces[0].frames[0];
            assert_eq!((place.file.as_deref(), place.line), (Some(file), Some(line)), "{name} {form}");
            let others = usize::from(form.starts_with("behind text") || form.starts_with("behind an event"));
            assert_eq!(scan.records.len(), 2 + others, "{name} {form}: {:#?}", scan.records);
            assert_eq!(scan.records.last().unwrap().text, NEXT.trim_end(), "{name} {form}");
        }
    }
}

#[test]
fn an_error_of_rails_is_one_record_however_its_lines_are_tagged_and_headed() {
    let head = |n: usize, letter: char, level: &str| {
        format!("{letter}, [2026-11-05T10:00:{n:02}.123456 #7] {level:>5} -- : ")
    };
    let request = |n: usize, tags: &str| {
        let head = head(n, 'I', "INFO");
        format!("{head}{tags}Started GET \"/carts/{n}\" for 10.0.0.1\n{head}{tags}Completed 500 in {n}ms\n")
    };
    let lines = [
        "  ",
        "NoMethodError (undefined method `price' for nil:NilClass):",
        "  ",
        "app/models/cart.rb:12:in `total'",
        "app/controllers/carts_controller.rb:7:in `show'",
    ];
    for tags in ["", "[6c0c44a3-11b2] ", "[shop] [6c0c44a3] "] {
        for headed in [1, 4] {
            let error = |n: usize| {
                let line = |(at, line): (usize, &&str)| {
                    let head = if at < headed { head(n, 'F', "FATAL") } else { String::new() };
                    format!("{head}{tags}{line}\n")
                };
                lines.iter().enumerate().map(line).collect::<String>()
            };
            let text: String = (0..50)
                .map(|n| request(n, tags) + &if n % 9 == 5 { error(n) } else { String::new() })
                .collect();
            let found = Log::new(text).flush(None);
            let errors: Vec<&Record> = found.records.iter().filter(|record| record.is_error()).collect();
            assert_eq!(errors.len(), 5, "{tags:?} {headed}");
            for error in errors {
                assert_eq!(error.lines, 5, "{tags:?} {headed}");
                let trace = error.trace.as_ref().unwrap();
                let places: Vec<(&str, u32)> =
                    trace.frames.iter().map(|f| (f.file.as_deref().unwrap(), f.line.unwrap())).collect();
                assert_eq!(trace.exception.as_deref(), Some("NoMethodError"));
                assert_eq!(places, [("app/models/cart.rb", 12), ("app/controllers/carts_controller.rb", 7)]);
            }
        }
    }
}

#[test]
fn a_trace_whose_frames_are_objects_says_what_a_printed_one_says() {
    let read = |line: &str| {
        let found = Log::new(format!("{line}\n")).flush(None);
        let trace = found.records[0].trace.clone().unwrap_or_else(|| panic!("no trace in {line}"));
        let frames = trace.frames.iter().map(|frame| {
            let file = frame.file.clone().unwrap_or_default();
            format!(
                "{file}:{}:{}",
                frame.line.unwrap_or_default(),
                frame.function.clone().unwrap_or_default()
            )
        });
        let causes: Vec<_> =
            trace.causes.iter().map(|cause| cause.exception.clone().unwrap_or_default()).collect();
        (
            trace.exception.unwrap_or_default(),
            trace.message.unwrap_or_default(),
            frames.collect::<Vec<_>>(),
            causes,
        )
    };
    let python = r#"{"level":"error","event":"it broke","exception":[{"exc_type":"ValueError","exc_value":"no price","is_cause":false,"frames":[{"filename":"/srv/app/main.py","lineno":7,"name":"main","locals":{"key":"'x'"}},{"filename":"/srv/app/cart.py","lineno":12,"name":"total"}]},{"exc_type":"KeyError","exc_value":"'price'","is_cause":true,"frames":[{"filename":"/srv/app/cart.py","lineno":9,"name":"price"}]}]}"#;
    let printed = "Traceback (most recent call last):\n  File \"/srv/app/cart.py\", line 9, in price\nKeyError: 'price'\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"/srv/app/main.py\", line 7, in main\n  File \"/srv/app/cart.py\", line 12, in total\nValueError: no price";
    assert_eq!(read(python), read(printed));
    assert_eq!(read(python).3, ["KeyError"]);
    let java = r#"{"level":"ERROR","message":"it broke","thrown":{"name":"java.lang.IllegalStateException","message":"no price","extendedStackTrace":[{"class":"com.acme.Cart","method":"total","file":"Cart.java","line":12,"exact":true},{"class":"java.lang.Thread","method":"run"}],"cause":{"name":"java.io.IOException","message":"gone","extendedStackTrace":[{"class":"com.acme.Store","method":"load","file":"Store.java","line":3}]}}}"#;
    let printed = "java.lang.IllegalStateException: no price\n\tat com.acme.Cart.total(Cart.java:12)\n\tat java.lang.Thread.run(Unknown Source)\nCaused by: java.io.IOException: gone\n\tat com.acme.Store.load(Store.java:3)";
    assert_eq!(read(java), read(printed));
    let tracked = r#"{"level":"error","message":"it broke","exception":{"values":[{"type":"TypeError","value":"x is not a function","stacktrace":{"frames":[{"filename":"/srv/app/main.js","lineno":3,"colno":5,"function":"main"},{"filename":"/srv/app/cart.js","lineno":12,"colno":9,"function":"total"}]}}]}}"#;
    let printed = "TypeError: x is not a function\n    at total (/srv/app/cart.js:12:9)\n    at main (/srv/app/main.js:3:5)";
    assert_eq!(read(tracked), read(printed));
}

#[test]
fn lines_that_only_look_like_the_beginning_of_a_trace_stay_apart() {
    let text = "Error: first\nretrying\n\npanic: not of Go\nsrc/cart.js:9\nthread 'x' panicked at a.rs:1:2:\nserving\nlistening\n";
    let scan = Log::new(text).flush(None);
    assert_eq!(
        texts(&scan.records),
        [
            "Error: first",
            "retrying",
            "panic: not of Go",
            "src/cart.js:9",
            "thread 'x' panicked at a.rs:1:2:\nserving",
            "listening"
        ]
    );
    assert_eq!(scan.records.iter().filter(|record| record.is_error()).count(), 1);
}

#[test]
fn a_trace_of_ten_thousand_frames_keeps_both_of_its_ends() {
    let frames: String =
        (0..10_000).map(|n| format!("\tat com.acme.Deep.call{n}(Deep.java:{n})\n")).collect();
    let text = format!(
        "com.acme.Outer: x\n{frames}Caused by: com.acme.Root: y\n\tat com.acme.Low.f(Low.java:1)\nINFO next\n"
    );
    let scan = Log::new(&text).flush(None);
    assert_eq!(scan.records.len(), 2);
    let record = &scan.records[0];
    assert!(record.truncated && record.text.len() < 400 << 10);
    let trace = record.trace.as_ref().unwrap();
    assert_eq!(trace.exception.as_deref(), Some("com.acme.Outer"));
    assert_eq!(trace.causes[0].exception.as_deref(), Some("com.acme.Root"));
    let left_out = scan.dropped.iter().find(|dropped| dropped.reason == DropReason::LongRecord).unwrap();
    assert!(left_out.bytes > 50 << 10);
}

#[test]
fn a_crash_after_mere_text_is_a_record_of_its_own() {
    let text = "serving /cart/7\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: one\n";
    let scan = Log::new(text).flush(None);
    assert_eq!(scan.records.len(), 2);
    assert_eq!(scan.records[1].context, ["serving /cart/7"].into_iter().collect());
    assert_eq!(scan.unparsed, 1);
}

#[test]
fn a_chained_traceback_is_one_record_with_its_root_cause_last() {
    let text = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 3, in g\nOSError: 2\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"a.py\", line 5, in h\nRuntimeError: 3\n";
    let scan = Log::new(text).flush(None);
    assert_eq!(scan.records.len(), 1);
    let trace = scan.records[0].trace.as_ref().unwrap();
    let names: Vec<_> = trace.causes.iter().map(|cause| cause.exception.as_deref().unwrap()).collect();
    assert_eq!((trace.exception.as_deref(), names), (Some("RuntimeError"), vec!["OSError", "KeyError"]));
}

#[test]
fn groups_and_syntax_errors_are_read() {
    let group = "  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1, in f\n  |     raise x\n  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"a.py\", line 2, in g\n    | ValueError: one\n    +---------------- 2 ----------------\n    | TypeError: two\n    +------------------------------------\n";
    let syntax = "  File \"b.py\", line 3\n    foo(\n       ^\nSyntaxError: '(' was never closed\n";
    let scan = Log::new(format!("{group}{syntax}")).flush(None);
    assert_eq!(scan.records.len(), 2, "{:#?}", scan.records);
    let trace = scan.records[0].trace.as_ref().unwrap();
    assert_eq!(trace.exception.as_deref(), Some("ExceptionGroup"));
    assert_eq!(trace.message.as_deref(), Some("two (2 sub-exceptions)"));
    assert_eq!(trace.causes[0].exception.as_deref(), Some("ValueError"));
    let trace = scan.records[1].trace.as_ref().unwrap();
    assert_eq!(trace.exception.as_deref(), Some("SyntaxError"));
    assert_eq!((trace.frames[0].line, trace.frames[0].function.as_deref()), (Some(3), None));
}

#[test]
fn an_unfinished_traceback_waits_until_the_file_is_quiet() {
    let (half, rest) = CRASH.split_at(CRASH.len() - 6);
    let log = Log::new(half);
    let first = log.scan(None);
    assert_eq!(first.records.len(), 1);
    assert!(first.at_end);
    log.append(rest);
    let second = log.scan(Some(&first.cursor));
    assert_eq!(second.records, vec![]);
    assert_eq!(second.cursor.offset, first.cursor.offset);
    let file = File::options().write(true).open(&log.path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    let third = log.scan(Some(&second.cursor));
    assert_eq!(third.records, log.flush(None).records[1..]);
}

#[test]
fn a_renamed_log_is_read_to_its_end_before_its_successor() {
    let log = Log::new("INFO one\nINFO two\n");
    let first = log.scan(None);
    assert_eq!(texts(&first.records), ["INFO one"]);
    fs::rename(&log.path, log.path.with_extension("log.1")).unwrap();
    fs::write(&log.path, "INFO three\n").unwrap();
    let second = log.flush(Some(&first.cursor));
    assert_eq!(texts(&second.records), ["INFO two"]);
    assert_eq!((second.restarted, second.at_end, second.dropped), (Some(Restart::Rotated), false, vec![]));
    let third = log.flush(Some(&second.cursor));
    assert_eq!(texts(&third.records), ["INFO three"]);
    assert_eq!((third.restarted, third.at_end), (None, true));
}

#[test]
fn an_old_log_is_kept_open_while_its_successor_is_empty() {
    let log = Log::new("INFO one\nINFO two\n");
    let first = log.scan(None);
    let old = log.path.with_extension("log.1");
    fs::rename(&log.path, &old).unwrap();
    File::create(&log.path).unwrap();
    let second = log.scan(Some(&first.cursor));
    assert_eq!((texts(&second.records), second.restarted), (vec![], None));
    OpenOptions::new().append(true).open(&old).unwrap().write_all(b"INFO late\n").unwrap();
    log.append("INFO three\n");
    let third = log.scan(Some(&second.cursor));
    assert_eq!(texts(&third.records), ["INFO two", "INFO late"]);
    assert_eq!(third.restarted, Some(Restart::Rotated));
}

#[test]
fn truncation_replacement_and_loss_are_reported() {
    let text = "INFO one\nINFO two\n";
    let cut = Log::new(text);
    let cursor = cut.flush(None).cursor;
    fs::write(&cut.path, "INFO 1\n").unwrap();
    let scan = cut.flush(Some(&cursor));
    let overwritten = vec![Dropped { reason: DropReason::Overwritten, bytes: 0 }];
    assert_eq!((scan.restarted, texts(&scan.records)), (Some(Restart::Truncated), vec!["INFO 1"]));
    assert_eq!(scan.dropped, overwritten);

    let cursor = scan.cursor;
    fs::write(&cut.path, "WARN another file altogether\n").unwrap();
    let scan = cut.flush(Some(&cursor));
    assert_eq!(scan.restarted, Some(Restart::Replaced));
    assert_eq!(scan.dropped, overwritten);

    let gone = cut.path.with_extension("gone");
    fs::write(&gone, "INFO new\n").unwrap();
    fs::rename(&gone, &cut.path).unwrap();
    let scan = cut.flush(Some(&scan.cursor));
    assert_eq!((scan.restarted, texts(&scan.records)), (Some(Restart::Rotated), vec!["INFO new"]));
    assert_eq!(scan.dropped, vec![Dropped { reason: DropReason::LostTail, bytes: 0 }]);
}

#[test]
fn what_is_no_log_is_refused_by_name_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let refusal = |path: &Path| scan(path, None, &waiting()).unwrap_err();
    assert!(matches!(refusal(&at("none")), ScanError::Missing { .. }));
    assert!(matches!(refusal(folder.path()), ScanError::NotAFile { kind: "directory", .. }));
    assert!(matches!(refusal(Path::new("/dev/zero")), ScanError::NotAFile { kind: "device", .. }));
    std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
    assert!(matches!(refusal(&at("loop")), ScanError::LinkLoop { .. }));
    let made = std::process::Command::new("mkfifo").arg(at("pipe")).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(matches!(refusal(&at("pipe")), ScanError::NotAFile { kind: "named pipe", .. }));
    } else {
        eprintln!("SKIPPED: mkfifo is not installed, so a named pipe was not tried");
    }
    fs::write(at("real"), "INFO x\n").unwrap();
    std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
    assert_eq!(scan(&at("link"), None, &flushing()).unwrap().records.len(), 1);
}

#[test]
fn an_endless_line_is_cut_and_passed() {
    let log = Log::new([b"ERROR ".to_vec(), vec![b'a'; 10 << 20]].concat());
    let mut scans = vec![log.scan(None)];
    assert!(scans[0].cursor.inside_line);
    log.append("aaa\nINFO next\n");
    scans.push(log.flush(Some(&scans[0].cursor)));
    let records: Vec<&Record> = scans.iter().flat_map(|scan| &scan.records).collect();
    assert_eq!(records.len(), 2);
    // The end of its only word, which might be that of a secret, is not kept.
    assert_eq!((records[0].text.len(), records[0].truncated), (240 << 10, true));
    assert_eq!((records[1].text.as_str(), records[1].line), ("INFO next", 2));
    let dropped: u64 = scans.iter().flat_map(|scan| &scan.dropped).map(|dropped| dropped.bytes).sum();
    assert_eq!(dropped, 6 + (10 << 20) + 4 - (240 << 10));
}

#[test]
fn hostile_lines_neither_split_nor_join_nor_hide_records() {
    let crash = |noise: &str| {
        format!(
            "Traceback (most recent call last):\n  File \"/srv/app/a.py\", line 3, in f{noise}\n    g()\nKeyError: 'x'{noise}\n"
        )
    };
    let plain = Log::new(crash("")).flush(None);
    for noise in ["\x1b[0m", "\r", "\0", "\u{202e}", "\u{200b}", "\x1b]0;title\x07"] {
        let scan = Log::new(crash(noise)).flush(None);
        assert_eq!(scan.records.len(), 1, "{noise:?}");
        assert_eq!(fingerprint(&scan.records[0]), fingerprint(&plain.records[0]), "{noise:?}");
    }
    // A line end cannot be forged: what looks like one stays inside its line.
    let scan = Log::new("INFO user said\rERROR forged\u{2028}ERROR forged\x0bERROR forged\n").flush(None);
    assert_eq!((scan.records.len(), scan.records[0].level), (1, Some(Level::Info)));
}

#[test]
fn paths_from_traces_are_text_only() {
    let text = "Traceback (most recent call last):\n  File \"../../etc/passwd\", line 1, in f\n  File \"-rf\", line 99999999999, in g\nE: x\n";
    let scan = Log::new(text).flush(None);
    let trace = scan.records[0].trace.as_ref().unwrap();
    assert_eq!(trace.frames[0].file.as_deref(), Some("../../etc/passwd"));
}

#[test]
fn limits_end_a_scan_without_losing_its_place() {
    let text: String = (0..1000).map(|n| format!("ERROR shop.web failed number {n}\n")).collect();
    let log = Log::new(&text);
    let whole = log.flush(None).records;
    for options in
        [ScanOptions { max_records: 7, ..flushing() }, ScanOptions { max_bytes: 500, ..flushing() }]
    {
        let (mut cursor, mut records) = (None, Vec::new());
        loop {
            let scan = scan(&log.path, cursor.as_ref(), &options).unwrap();
            records.extend(scan.records);
            cursor = Some(scan.cursor);
            if scan.at_end {
                break;
            }
        }
        assert_eq!(records, whole);
    }
}

/// Lines that open, continue and end records, and pieces of bytes that are none.
/// A log in which two programs take turns, each for long, and between them a line of the other at times.
fn turns() -> String {
    let mut text = String::new();
    for n in 0..36_000 {
        let (minute, second) = (n / 60 % 60, n % 60);
        let rack = n / 12_000 % 2 == 1;
        let rack = if n % 500 == 499 { !rack } else { rack };
        text += &match rack {
            true => format!(
                "- 11178{n:05} 2005.06.03 rack-{} 2005-06-03-15.{minute:02}.{second:02}.363779 rack-{} RAS KERNEL INFO level {n} was seen\n",
                n % 70,
                n % 70
            ),
            false => format!(
                "2026-11-05 10:{minute:02}:{second:02},123 [worker-{}] INFO shop.http: served {n} things to a guest\n",
                n % 8
            ),
        };
    }
    text
}

#[test]
fn half_a_character_of_a_file_in_two_bytes_waits_for_its_other_half() {
    let text: Vec<u8> = "\u{feff}INFO one\nINFO two\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (first, rest) = text.split_at(text.len() - 5);
    let log = Log::new(first);
    let scan = log.flush(None);
    assert_eq!(scan.cursor.offset, first.len() as u64 - 1);
    log.append(rest);
    let rest = log.flush(Some(&scan.cursor));
    assert_eq!((rest.cursor.offset, texts(&rest.records)), (text.len() as u64, vec!["wo"]));
}

#[test]
fn a_file_in_which_forms_take_turns_says_the_same_wherever_scans_stop() {
    let text = turns();
    assert!(text.len() > 2 << 20);
    let log = Log::new(&text);
    let whole = ScanOptions { max_bytes: u64::MAX, max_records: usize::MAX, ..flushing() };
    let whole = scan(&log.path, None, &whole).unwrap();
    let messages = |scan: &Scan| scan.records.iter().map(|record| record.message.clone()).collect::<Vec<_>>();
    let options = ScanOptions { max_bytes: 300_000, ..flushing() };
    let (mut parts, mut cursor) = (Vec::new(), None::<Cursor>);
    loop {
        let part = scan(&log.path, cursor.as_ref(), &options).unwrap();
        // As it is stored.
        cursor = serde_json::from_str(&serde_json::to_string(&part.cursor).unwrap()).unwrap();
        parts.extend(messages(&part));
        if part.at_end {
            break;
        }
    }
    assert!(parts == messages(&whole), "stops change what is read");
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "2026-11-05T10:00:00Z INFO shop GET /x",
        "2026-11-05T10:00:01Z ERROR shop it broke password=hunter2",
        "ERROR:shop:Traceback (most recent call last):",
        "ERROR:shop:  File \"a.py\", line 1, in f",
        "Traceback (most recent call last):",
        "  + Exception Group Traceback (most recent call last):",
        "  | ValueError: x",
        "  File \"/srv/a.py\", line 3, in f",
        "    return x",
        "KeyError: 'x'",
        "",
        "During handling of the above exception, another exception occurred:",
        "{\"level\":\"error\",\"msg\":\"x\"}",
        "<11>Nov  5 10:00:00 web shop[4]: Traceback (most recent call last):",
        "<11>Nov  5 10:00:00 web shop[4]:   File \"a.py\", line 1, in f",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "TypeError: x is not a function",
        "    at f (/srv/a.js:3:1) {",
        "  [cause]: Error: y",
        "}",
        "/srv/a.js:3",
        "  ^",
        "com.acme.Full: z",
        "\tat com.acme.Cart.add(Cart.java:9)",
        "Caused by: java.lang.Error: z",
        "ERROR:shop:com.acme.Full: z",
        "ERROR:shop:\tat com.acme.Cart.add(Cart.java:9)",
        "panic: boom",
        "goroutine 1 [running]:",
        "main.f(0x1)",
        "\t/srv/a.go:3 +0x1",
        "thread 'main' panicked at src/a.rs:1:2:",
        "thread 'main' panicked at 'boom', src/a.rs:1:2",
        "stack backtrace:",
        "   0: shop::f",
        "note: run with `RUST_BACKTRACE=1`",
        "some further words",
        "a line that is far too long for the small limit of this test, so that it has to be cut somewhere",
    ]);
    prop_oneof![
        8 => known.prop_map(|line| format!("{line}\n").into_bytes()),
        1 => Just(b"\x03\x91\x01\x12\xfe\x7f\x01\x88\x02\x02\n".to_vec()),
        1 => Just(b"\0\0\0".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

/// Reads everything there is with the options, as a caller would.
fn drain(
    path: &Path,
    mut cursor: Option<Cursor>,
    options: &ScanOptions,
    records: &mut Vec<Record>,
) -> Cursor {
    loop {
        let scan = scan(path, cursor.as_ref(), options).unwrap();
        assert!(scan.cursor.offset >= cursor.as_ref().map_or(0, |cursor| cursor.offset));
        records.extend(scan.records);
        if scan.at_end {
            return scan.cursor;
        }
        cursor = Some(scan.cursor);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_record_comes_exactly_once_wherever_scans_stop(
        fragments in prop::collection::vec(fragment(), 0..30),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        small in any::<bool>(),
    ) {
        let bytes = fragments.concat();
        let max_record_bytes = if small { 80 } else { 4096 };
        let waiting = ScanOptions { max_record_bytes, max_bytes: 300, max_records: 3, ..waiting() };
        let flushing = ScanOptions { max_record_bytes, ..flushing() };

        let whole = Log::new(&bytes);
        let mut expected = Vec::new();
        drain(&whole.path, None, &flushing, &mut expected);

        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.push(bytes.len());
        cuts.sort_unstable();
        let (log, mut found, mut cursor, mut at) = (Log::new(""), Vec::new(), None, 0);
        for cut in cuts {
            log.append(&bytes[at..cut]);
            at = cut;
            cursor = Some(drain(&log.path, cursor, &waiting, &mut found));
        }
        let end = drain(&log.path, cursor, &flushing, &mut found);
        prop_assert_eq!(end.offset, bytes.len() as u64);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_bytes_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let scan = Log::new(&bytes).flush(None);
        // Half a character waits for its other half.
        let wide = bytes.starts_with(&[0xfe, 0xff]) || bytes.starts_with(&[0xff, 0xfe]);
        let half = u64::from(wide && bytes.len() % 2 == 1);
        prop_assert_eq!(scan.cursor.offset, bytes.len() as u64 - half);
        for record in &scan.records {
            let _ = fingerprint(record);
            prop_assert!(!record.text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}

#[test]
fn a_log_that_was_rotated_several_times_meanwhile_is_read_file_after_file() {
    let log = Log::new("ERROR one\n");
    let first = log.flush(None);
    let rotated = |number: u32| log.path.with_file_name(format!("app.log.{number}"));
    let written = SystemTime::now() - Duration::from_secs(600);
    let write = |text: &str, minutes: u64| {
        fs::write(&log.path, text).unwrap();
        let file = OpenOptions::new().append(true).open(&log.path).unwrap();
        file.set_modified(written + Duration::from_secs(60 * minutes)).unwrap();
    };
    log.append("ERROR two\n");
    OpenOptions::new().append(true).open(&log.path).unwrap().set_modified(written).unwrap();
    fs::rename(&log.path, rotated(3)).unwrap();
    write("ERROR three\n", 1);
    fs::rename(&log.path, rotated(2)).unwrap();
    write("ERROR four\n", 2);
    fs::rename(&log.path, rotated(1)).unwrap();
    write("ERROR five\n", 3);
    fs::write(log.path.with_file_name("app.log.bak"), "ERROR copied\n").unwrap();

    let mut seen = Vec::new();
    let mut cursor = first.cursor;
    loop {
        let scan = log.flush(Some(&cursor));
        seen.extend(scan.records.iter().map(|record| record.text.clone()));
        cursor = scan.cursor;
        if scan.at_end {
            break;
        }
    }
    assert_eq!(seen, ["ERROR two", "ERROR three", "ERROR four", "ERROR five"]);
}

#[test]
fn a_file_from_far_in_the_future_does_not_keep_its_last_line_back() {
    let log = Log::new("ERROR one\nERROR two");
    let file = OpenOptions::new().append(true).open(&log.path).unwrap();
    let texts_at = |ahead: u64| {
        file.set_modified(SystemTime::now() + Duration::from_secs(ahead)).unwrap();
        let scan = log.scan(None);
        scan.records.into_iter().map(|record| record.text).collect::<Vec<_>>()
    };
    assert_eq!(texts_at(5), Vec::<String>::new(), "perhaps it is being written");
    assert_eq!(texts_at(86_400), ["ERROR one", "ERROR two"]);
}
