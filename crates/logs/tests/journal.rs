//! Promises of an exported journal: its entries are records, whatever their messages hold and wherever scans stop.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::time::Duration;

use groundcrew_logs::{Cursor, Keep, Level, Pipe, Record, Redactor, Scan, ScanOptions, scan};
use proptest::prelude::*;

fn options() -> ScanOptions {
    let quiet_for = Duration::from_secs(3600);
    ScanOptions { flush: true, quiet_for, ..ScanOptions::new(Redactor::new(b"key")) }
}

/// An entry of a unit's process, its message in the form that the journal chooses.
fn entry(number: u64, unit: &str, priority: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "__CURSOR=s=0a1b;i={number:x};b=1;m=2;t=3;x=4\n__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP=5\n_BOOT_ID=1\n\
         PRIORITY={priority}\n_HOSTNAME=web0\n_SYSTEMD_UNIT={unit}.service\nSYSLOG_IDENTIFIER={unit}\n_PID=4\n",
        1_793_872_800_250_000 + number * 1000
    )
    .into_bytes();
    if message.iter().all(|b| *b >= 0x20 || *b == b'\t') {
        bytes.extend([b"MESSAGE=", message, b"\n"].concat());
    } else {
        bytes.extend([b"MESSAGE\n", &(message.len() as u64).to_le_bytes()[..], message, b"\n"].concat());
    }
    bytes.extend(b"_COMM=python3\n\n");
    bytes
}

fn journal(entries: &[(&str, u8, &str)]) -> Vec<u8> {
    let each = |(n, (unit, priority, text)): (usize, &(&str, u8, &str))| {
        entry(n as u64 + 1, unit, *priority, text.as_bytes())
    };
    entries.iter().enumerate().flat_map(each).collect()
}

fn from_file(bytes: &[u8], options: &ScanOptions) -> Vec<Scan> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.export");
    fs::write(&path, bytes).unwrap();
    let (mut cursor, mut scans): (Option<Cursor>, _) = (None, Vec::new());
    loop {
        let scan = scan(&path, cursor.as_ref(), options).unwrap();
        let stored = serde_json::to_value(&scan.cursor).unwrap();
        cursor = serde_json::from_value(stored).unwrap();
        let at_end = scan.at_end;
        scans.push(scan);
        if at_end {
            return scans;
        }
    }
}

/// The records of what comes in pieces, each stored as soon as it is there.
fn from_pipe(bytes: &[u8], piece: usize, options: &ScanOptions) -> Vec<Record> {
    let mut pipe = Pipe::new(None).unwrap();
    let mut records = Vec::new();
    let mut pieces = bytes.chunks(piece);
    loop {
        let piece = pieces.next();
        match piece {
            Some(piece) => pipe.push(piece),
            None => pipe.end(),
        }
        let options = ScanOptions { flush: piece.is_none(), ..options.clone() };
        loop {
            let scan = pipe.scan(None, &options).unwrap();
            pipe.advance(&scan.cursor);
            records.extend(scan.records);
            if scan.at_end {
                break;
            }
        }
        if piece.is_none() {
            return records;
        }
    }
}

fn records(bytes: &[u8]) -> Vec<Record> {
    from_file(bytes, &options()).into_iter().flat_map(|scan| scan.records).collect()
}

const TRACE: [&str; 4] =
    ["Traceback (most recent call last):", "  File \"/srv/a.py\", line 3, in f", "    g()", "KeyError: 'x'"];

#[test]
fn an_entry_is_one_record_with_all_of_its_lines() {
    let whole = TRACE.join("\n");
    let bytes =
        journal(&[("shop", 6, "up"), ("shop", 3, &whole), ("db", 6, "checkpoint\n\n__CURSOR=x\nPRIORITY=3")]);
    let found = records(&bytes);
    let texts: Vec<&str> = found.iter().map(|record| record.text.as_str()).collect();
    assert_eq!(texts, ["up", &whole, "checkpoint\n\n__CURSOR=x\nPRIORITY=3"]);
    let record = &found[1];
    assert_eq!(record.trace.as_ref().unwrap().exception.as_deref(), Some("KeyError"));
    assert_eq!((record.level, record.host.as_deref()), (Some(Level::Error), Some("web0")));
    assert_eq!((record.process.as_deref(), record.stream.as_deref()), (Some("4"), Some("shop.service")));
    assert_eq!((record.logger.as_deref(), record.line), (Some("shop"), 13));
    assert_eq!(record.time.unwrap().to_string(), "2026-11-05T10:00:00.252Z");
    assert_eq!(record.context, ["up"].into_iter().collect());
    assert_eq!(found.iter().filter(|record| record.is_error()).count(), 1);
    assert_eq!(&bytes[record.bytes.start as usize..][..9], b"__CURSOR=");
}

#[test]
fn a_trace_that_a_program_logs_line_by_line_is_one_record_between_those_of_others() {
    let mut entries = vec![("shop", 6, "up")];
    for line in TRACE {
        entries.extend([("shop", 3, line), ("db", 6, "checkpoint")]);
    }
    let found = records(&journal(&entries));
    assert_eq!(found.len(), 6);
    assert_eq!(
        (found[1].text.as_str(), found[1].stream.as_deref()),
        (&*TRACE.join("\n"), Some("shop.service"))
    );
    assert_eq!(found[1].trace.as_ref().unwrap().frames.len(), 1);
}

#[test]
fn what_is_no_entry_hides_none_that_follows() {
    let good = entry(9, "shop", 3, b"it broke");
    for bad in [
        &b"__CURSOR=s=1;i=1\n2026-11-05 10:00:00 ERROR shop: in between\n"[..],
        b"__CURSOR=s=1;i=1\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"__CURSOR=s=1;i=1\n",
        b"__CURSOR=\n\n\n\n",
    ] {
        let found = records(&[bad, b"\n", &good].concat());
        let last = found.last().unwrap();
        assert_eq!((last.text.as_str(), last.level), ("it broke", Some(Level::Error)), "{bad:?}");
    }
    let long = entry(1, "shop", 3, &[&[&[b'x'; 999][..], b"\n"].concat().repeat(600)[..], b"end"].concat());
    let scans = from_file(&[&long[..], &good].concat(), &options());
    let found: Vec<&Record> = scans.iter().flat_map(|scan| &scan.records).collect();
    assert!(found.len() == 2 && found[0].truncated && found[0].text.len() <= 256 << 10);
    assert!(scans.iter().flat_map(|scan| &scan.dropped).map(|dropped| dropped.bytes).sum::<u64>() > 300_000);
}

#[test]
fn the_last_entry_waits_for_its_end() {
    let all = journal(&[("shop", 3, "one"), ("shop", 3, "two")]);
    let part = &all[..all.len() - 20];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    fs::write(&path, part).unwrap();
    let options = ScanOptions { flush: false, ..options() };
    let first = scan(&path, None, &options).unwrap();
    fs::write(&path, &all).unwrap();
    let second = scan(&path, Some(&first.cursor), &ScanOptions { flush: true, ..options }).unwrap();
    let texts: Vec<&str> =
        first.records.iter().chain(&second.records).map(|record| record.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::sample::select(vec![
        TRACE.join("\n").into_bytes(),
        TRACE[0].into(),
        TRACE[1].into(),
        TRACE[3].into(),
        b"".to_vec(),
        b"INFO shop GET /x".to_vec(),
        b"a\n\nb\n__CURSOR=s=1;i=1\nMESSAGE=x\n\n".to_vec(),
        b"\x1b[31mred\x1b[0m\nand \xff".to_vec(),
        b"\0\x01\x02\x03\x04\x05\xff\xfe\n\0\0\0".to_vec(),
    ]);
    prop_oneof![9 => text, 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn entries_are_read_alike_wherever_scans_stop(
        entries in prop::collection::vec((0..3_usize, 3..8_u8, message(), 0..12_u8), 0..20),
        max_bytes in 50..3000_u64,
        max_records in 1..6_usize,
        piece in 40..2000_usize,
        small in any::<bool>(),
    ) {
        let mut bytes = entry(1, "shop", 6, b"up");
        for (n, (unit, priority, message, odd)) in entries.iter().enumerate() {
            bytes.extend(entry(n as u64 + 2, ["shop", "db", "web"][*unit], *priority, message));
            if *odd == 0 {
                bytes.extend(b"__CURSOR=s=1\nno entry\nERROR x\n\n");
            }
        }
        let max_record_bytes = if small { 60 } else { 64 << 10 };
        let whole = ScanOptions { max_record_bytes, max_bytes: u64::MAX, max_records: usize::MAX, ..options() };
        let pieces = ScanOptions { max_bytes, max_records, ..whole.clone() };
        let all = from_file(&bytes, &whole);
        let expected: Vec<Record> = all.iter().flat_map(|scan| scan.records.clone()).collect();
        let scans = from_file(&bytes, &pieces);
        let lines = |scans: &[Scan]| scans.iter().map(|scan| (scan.lines, scan.bytes)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        prop_assert_eq!(lines(&scans), lines(&all));
        let found: Vec<Record> = scans.into_iter().flat_map(|scan| scan.records).collect();
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(&from_pipe(&bytes, piece, &pieces), &expected);
        let errors = from_file(&bytes, &ScanOptions { keep: Keep::Errors, ..pieces });
        let errors: Vec<Record> = errors.into_iter().flat_map(|scan| scan.records).collect();
        let expected: Vec<Record> = expected.into_iter().filter(Record::is_error).collect();
        prop_assert_eq!(errors, expected);
    }
}
