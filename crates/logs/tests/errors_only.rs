//! Promise of a scan that keeps errors alone and shows nobody anything: it says of all records what any scan says.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may stop and speak")]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use groundcrew_logs::{Cursor, Dropped, Keep, Record, Redactor, ScanOptions, Tally, scan};
use proptest::prelude::*;

/// What scans say until the end of a file: errors, traffic, lines, records of an unknown form and examples of them, what
/// was left out, and where the last one stopped.
#[derive(Debug, PartialEq)]
struct Said {
    errors: Vec<Record>,
    traffic: Vec<Tally>,
    lines: u64,
    unparsed: (u64, Vec<String>),
    dropped: Vec<Dropped>,
    cursor: Cursor,
}

fn said(bytes: &[u8], keep: Keep, max_bytes: u64, flush: bool) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, bytes).unwrap();
    // Times without a date or a year are dated by the file's.
    let time = std::time::UNIX_EPOCH + Duration::from_secs(1_794_000_000);
    fs::File::open(&path).unwrap().set_modified(time).unwrap();
    let options = ScanOptions {
        flush,
        quiet_for: Duration::from_secs(1 << 40),
        keep,
        max_bytes,
        max_records: usize::MAX,
        max_record_bytes: 16 << 10,
        ..ScanOptions::new(Redactor::new(b"key"))
    };
    let (mut errors, mut traffic, mut lines) = (Vec::new(), BTreeMap::new(), 0);
    let (mut unparsed, mut examples, mut dropped) = (0, Vec::new(), Vec::new());
    let mut cursor = None;
    loop {
        let scan = scan(&path, cursor.as_ref(), &options).unwrap();
        errors.extend(scan.records.into_iter().filter(Record::is_error));
        for tally in scan.traffic {
            let sum =
                traffic.entry(tally.bucket).or_insert(Tally { lines: 0, records: 0, errors: 0, ..tally });
            (sum.lines, sum.records, sum.errors) =
                (sum.lines + tally.lines, sum.records + tally.records, sum.errors + tally.errors);
        }
        lines += scan.lines;
        unparsed += scan.unparsed;
        examples.extend(scan.unparsed_examples);
        dropped.extend(scan.dropped);
        cursor = Some(scan.cursor);
        if scan.at_end {
            // One and the same file has its own place each time that it is written.
            let cursor = Cursor { inode: 0, device: 0, ..cursor.unwrap() };
            let traffic = traffic.into_values().collect();
            return Said { errors, traffic, lines, unparsed: (unparsed, examples), dropped, cursor };
        }
    }
}

fn assert_alike(bytes: &[u8], name: &str) -> Said {
    let all = said(bytes, Keep::All, u64::MAX, true);
    let errors = said(bytes, Keep::Errors, u64::MAX, true);
    assert!(errors == all, "{name}");
    let open = said(bytes, Keep::All, u64::MAX, false);
    assert!(said(bytes, Keep::Errors, u64::MAX, false) == open, "{name}, not finished");
    let whole = said(bytes, Keep::All, 70_000, false);
    assert!(said(bytes, Keep::Errors, 70_000, false) == whole, "{name} in pieces");
    all
}

#[test]
fn real_logs_say_the_same_one_by_one_and_one_behind_the_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/logs");
    let Ok(systems) = fs::read_dir(folder) else {
        eprintln!("SKIPPED: {folder} is not here, so no real logs were read");
        return;
    };
    let mut mixed = Vec::new();
    for system in systems.flatten().filter(|entry| entry.path().is_dir()) {
        let files = fs::read_dir(system.path()).unwrap().flatten().map(|entry| entry.path());
        for path in files.filter(|path| path.extension().is_some_and(|end| end == "log")) {
            let bytes = fs::read(&path).unwrap();
            let whole = assert_alike(&bytes, &path.display().to_string());
            assert!(whole.lines > 1000);
            mixed.extend(bytes);
        }
    }
    assert!(said(&mixed, Keep::Errors, u64::MAX, true) == said(&mixed, Keep::All, u64::MAX, true));
}

/// How the lines of a source begin that has learned them: with a time, a level and what else programs say.
const FORMS: [&str; 9] = [
    "2026-11-05T10:@:#Z LEVEL shop.http: ",
    "2026-11-05 10:@:#,123 [worker-7] LEVEL c.s.Cart - ",
    "[Thu Nov 05 10:@:# 2026] [LEVEL] ",
    "1105 10@# 148 LEVEL shop.Node$Part: ",
    "05/11/2026 10:@:#.250 7 LEVEL shop ",
    "20261105-10:@:#:606|Shop_Step|30002312|",
    "Nov  5 10:@:# web0 shop[401]: ",
    "2026-11-05 10:@:#, LEVEL                  CBS    ",
    "- 1793872@ 2026.11.05 R02-M1 2026-11-05-10.@.#.675872 R02-M1 RAS KERNEL LEVEL ",
];

fn line() -> impl Strategy<Value = (u8, u8, Option<u8>, &'static str, String)> {
    let level = prop::sample::select(vec![
        "INFO", "INFO", "INFO", "info", "DEBUG", "WARN", "Info", "ERROR", "error", "FATAL", "NOTICE", "ODD",
        "-",
    ]);
    let word = "[a-z]{1,8}|[0-9]{1,6}|[A-Za-z.]{2,9}|[ -~]{0,5}";
    let words = prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "));
    let special = prop::sample::select(vec![
        "Traceback (most recent call last):",
        "  File \"/srv/a.py\", line 3, in f",
        "KeyError: 'x'",
        "com.acme.Full: z",
        "shop.errors.OutOfStock: no item",
        "\tat com.acme.Cart.add(Cart.java:9)",
        "com.acme.Full: z\\n\\tat com.acme.Cart.add(Cart.java:9)",
        "panic: boom#012goroutine 1 [running]:",
        "goroutine 1 [running]:",
        "-----BEGIN PRIVATE KEY-----",
        "user bob@shop.example logged in with password=hunter2",
        "GET /a \"GET /cart HTTP/1.1\" 503 12",
        "10.0.0.7 - - [05/Nov/2026:10:00:00 +0000] \"GET /cart HTTP/1.1\" 503 12",
        "pid=7 tid=9 ERROR: it broke",
        "pid=7 tid=9 of them",
        "error: no room",
        "info: room",
        "f@/srv/x.js:1:2",
        "/srv/app.js:12",
        "[6c0c44a3]   ",
        "[6c0c44a3] NoMethodError (undefined method `price' for nil):",
        "[6c0c44a3] app/models/cart.rb:12:in `total'",
        "NoMethodError (undefined method `price' for nil):",
        "app/models/cart.rb:12:in `total'",
        "h\u{e9}ros",
        "over\rwritten",
        "returned\r",
        "\u{1b}[31mred\u{1b}[0m",
        "nul\0s",
        "  indented",
        "}",
        "",
    ]);
    let message = prop_oneof![6 => words, 1 => special.prop_map(str::to_owned), 1 => "[a-z]{5}".prop_map(|word| word.repeat(900))];
    (0..60_u8, 0..60_u8, prop::option::weighted(0.9, 0..3_u8), level, message)
}

/// A tenth of the usual cases, since each is hundreds of lines; `PROPTEST_CASES=30000` tries three thousand.
fn fewer() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 10, ..usual }
}

proptest! {
    #![proptest_config(fewer())]

    #[test]
    fn any_lines_say_the_same_behind_any_learned_header(
        forms in prop::array::uniform3(prop::sample::select(FORMS.to_vec())),
        lines in prop::collection::vec(line(), 0..160),
        learned in 300..500_usize,
        again in any::<bool>(),
        size in 2_000..30_000_u64,
        odd in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let head = |form: &str, minute: u8, second: u8, level: &str| {
            form.replace('@', &format!("{minute:02}")).replace('#', &format!("{second:02}")).replace("LEVEL", level)
        };
        let mut text = Vec::new();
        for n in 0..learned {
            #[expect(clippy::cast_possible_truncation, reason = "it is below sixty")]
            let (minute, second) = ((n / 60 % 60) as u8, (n % 60) as u8);
            // Messages that come again but for their numbers, or never.
            let letter = |digit: char| if again { digit } else { char::from(b'a' + digit as u8 % 10) };
            let name: String = n.to_string().chars().map(letter).collect();
            text.extend(format!("{}cart {name} is served\n", head(forms[0], minute, second, "INFO")).bytes());
        }
        for (n, (minute, second, form, level, message)) in lines.iter().enumerate() {
            let form = form.map_or("", |form| forms[usize::from(form) * usize::from(n % 7 == 0)]);
            text.extend(format!("{}{message}\n", head(form, *minute, *second, level)).bytes());
            if n == lines.len() / 2 {
                text.extend(&odd);
            }
        }
        let all = said(&text, Keep::All, u64::MAX, true);
        prop_assert_eq!(&said(&text, Keep::Errors, u64::MAX, true), &all);
        let open = said(&text, Keep::All, u64::MAX, false);
        prop_assert_eq!(&said(&text, Keep::Errors, u64::MAX, false), &open);
        prop_assert_eq!(said(&text, Keep::Errors, size, true), said(&text, Keep::All, size, true));
    }

    #[test]
    fn lines_that_differ_in_nothing_but_digits_say_what_each_of_them_says_by_itself(
        forms in prop::array::uniform2(prop::sample::select(FORMS.to_vec())),
        kinds in prop::collection::vec((any::<bool>(), line()), 1..16),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, prop::collection::vec(b'0'..=b'9', 16)), 100..400),
        size in 20_000..60_000_u64,
    ) {
        let numbers = ["of #345 in 7", "issue #345x12 is 0x7f", "GET /a HTTP/1.1\" 200 [1:", "done in 12345678901 ms", "a.js:12:7"];
        let kind = |n: usize, (first, (minute, second, _, level, message)): &(bool, (u8, u8, Option<u8>, &str, String))| {
            let form = forms[usize::from(!first)].replace("LEVEL", if n.is_multiple_of(3) { "INFO" } else { level });
            let form = form.replace('@', &format!("{minute:02}")).replace('#', &format!("{second:02}"));
            format!("{form}{} {message}\n", numbers[n % numbers.len()])
        };
        let kinds: Vec<String> = kinds.iter().enumerate().map(|(n, line)| kind(n, line)).collect();
        let mut text: String = kinds.iter().cycle().take(200).map(String::as_str).collect();
        for (kind, changed, digits) in &picks {
            let mut digits = digits.iter().cycle();
            // None, those of the message, or all digits; the times of some are none then.
            let line = kind.get(&kinds);
            let from = match changed { 0 => line.len(), 1 | 2 => 40.min(line.len()), _ => 0 };
            let other = |(at, c): (usize, char)| match digits.next() {
                Some(digit) if at >= from && c.is_ascii_digit() => char::from(*digit),
                Some(_) | None => c,
            };
            text.extend(line.chars().enumerate().map(other));
        }
        let all = said(text.as_bytes(), Keep::All, u64::MAX, true);
        prop_assert_eq!(&said(text.as_bytes(), Keep::Errors, u64::MAX, true), &all);
        prop_assert_eq!(said(text.as_bytes(), Keep::Errors, size, true), said(text.as_bytes(), Keep::All, size, true));
    }
}

#[test]
fn an_error_that_says_nothing_yet_waits_behind_a_line_of_another_process() {
    let text =
        "- 179387201 2026.11.05 R02-M1 2026-11-05-10.00.00.675872 R02-M1 RAS KERNEL INFO cart a is served\n"
            .repeat(300)
            + "- 179387202 2026.11.05 R02-M1 2026-11-05-10.00.01.675872 R02-M1 RAS KERNEL ERROR \n"
            + "- 179387203 2026.11.05 R02-M1 2026-11-05-10.00.02.675872 R02-M1 RAS KERNEL INFO \n";
    let said = assert_alike(text.as_bytes(), "an error without words");
    assert_eq!(said.errors.len(), 1);
}
