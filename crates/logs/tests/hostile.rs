//! Promises about bad input: nothing that may stand where a log is expected blocks, takes memory without bound, or hides
//! what else is there.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop and speak"
)]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use groundcrew_logs::{
    Cursor, DropReason, Dropped, Level, Redactor, Scan, ScanError, ScanOptions, readable, scan,
};
use tempfile::TempDir;

fn options() -> ScanOptions {
    ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(b"key")) }
}

fn written(bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// All scans until the end of the file.
fn all(path: &Path) -> Vec<Scan> {
    let mut scans: Vec<Scan> = Vec::new();
    loop {
        let cursor: Option<Cursor> = scans.last().map(|scan| scan.cursor.clone());
        scans.push(scan(path, cursor.as_ref(), &options()).unwrap());
        if scans[scans.len() - 1].at_end {
            return scans;
        }
    }
}

fn texts(bytes: impl AsRef<[u8]>) -> Vec<String> {
    let (_folder, path) = written(bytes);
    all(&path).into_iter().flat_map(|scan| scan.records).map(|record| record.text).collect()
}

#[test]
fn a_socket_and_a_file_that_may_not_be_read_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(matches!(readable(&socket), Err(ScanError::NotAFile { kind: "socket", .. })));
    let secret = folder.path().join("secret.log");
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&secret).is_ok() {
        eprintln!("SKIPPED: this user may read everything, so an unreadable file was not tried");
        return;
    }
    assert!(matches!(readable(&secret), Err(ScanError::Denied { .. })));
}

#[test]
fn a_file_that_is_no_text_is_one_note_and_what_is_added_to_it_too() {
    for magic in [&b"\xfd7zXZ\x00"[..], b"\x7fELF\x02\x01", b"SQLite format 3\0"] {
        let (_folder, path) =
            written([magic, b"\nERROR hidden\nTraceback (most recent call last):\n"].concat());
        let first = scan(&path, None, &options()).unwrap();
        let length = fs::metadata(&path).unwrap().len();
        assert_eq!((first.records.len(), first.at_end, first.cursor.offset), (0, true, length));
        assert_eq!(first.dropped, vec![Dropped { reason: DropReason::Binary, bytes: length }]);
        let second = scan(&path, Some(&first.cursor), &options()).unwrap();
        assert_eq!((second.records.len(), second.dropped), (0, vec![]));
    }
}

#[test]
fn garbage_among_lines_is_counted_once_and_hides_no_line() {
    let mut state = 7_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let garbage: Vec<u8> = (0..100_000).map(|_| noise()).collect();
    let bytes = [b"ERROR before\n", &garbage[..], b"\n2026-11-05T10:00:00Z ERROR shop after\n"].concat();
    let (_folder, path) = written(bytes);
    let scan = scan(&path, None, &options()).unwrap();
    let errors: Vec<&str> =
        scan.records.iter().filter(|record| record.is_error()).map(|record| record.text.as_str()).collect();
    assert_eq!(errors, ["ERROR before", "2026-11-05T10:00:00Z ERROR shop after"]);
    assert_eq!(scan.dropped.len(), 1);
    assert_eq!(scan.dropped[0].reason, DropReason::Binary);
    assert!(scan.dropped[0].bytes > 95_000, "{:?}", scan.dropped);
}

#[test]
fn two_byte_text_is_read_as_the_same_text() {
    let text = "2026-11-05T10:00:00Z ERROR shop für alle\r\nTraceback (most recent call last):\r\n  File \"a.py\", line 1, in f\r\nValueError: größer\r\nINFO next\r\n";
    let wide = |to: fn(u16) -> [u8; 2]| {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(to).collect::<Vec<u8>>()
    };
    let expected = texts(text);
    assert_eq!(expected.len(), 2);
    for bytes in [wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
        assert_eq!(texts(&bytes), expected);
        // In two pieces, the second of which begins inside a character.
        let (_folder, path) = written(&bytes[..101]);
        let waiting =
            ScanOptions { flush: false, quiet_for: std::time::Duration::from_secs(3600), ..options() };
        let first = scan(&path, None, &waiting).unwrap();
        File::options().append(true).open(&path).unwrap().write_all(&bytes[101..]).unwrap();
        let second = scan(&path, Some(&first.cursor), &options()).unwrap();
        let found: Vec<String> =
            first.records.into_iter().chain(second.records).map(|record| record.text).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn marks_line_ends_and_bytes_of_other_encodings_do_no_harm() {
    assert_eq!(texts("\u{feff}ERROR one\r\nERROR two\r\n"), ["ERROR one", "ERROR two"]);
    assert_eq!(texts(b"ERROR caf\xe9\nERROR \xc0\xafx\n"), ["ERROR caf\u{fffd}", "ERROR \u{fffd}\u{fffd}x"]);
    assert_eq!(texts("ERROR a\0b\n\0\0\0ERROR c\n"), ["ERROR ab", "ERROR c"]);
}

#[test]
fn deeply_nested_objects_are_text() {
    let deep = format!(
        "{{\"level\":\"error\",\"msg\":{}1{}}}\nERROR next\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let (_folder, path) = written(&deep);
    let records: Vec<_> = all(&path).into_iter().flat_map(|scan| scan.records).collect();
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].level, records[1].level), (None, Some(Level::Error)));
}

#[test]
fn a_hole_left_by_a_program_that_writes_on_after_its_log_was_emptied_is_passed() {
    let (_folder, path) = written("");
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(64 << 20).unwrap();
    File::options().append(true).open(&path).unwrap().write_all(b"ERROR after the hole\n").unwrap();
    let scans = all(&path);
    let records: Vec<_> = scans.iter().flat_map(|scan| &scan.records).collect();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].text.as_str(), records[0].bytes.start), ("ERROR after the hole", 64 << 20));
    assert!(scans.iter().all(|scan| scan.dropped.is_empty()));
}

const CHILD: &str = "GROUNDCREW_TEST_LOG";
const IDLE: &str = "IDLE";

/// Runs the test below in a process of its own and gives what it printed: peak memory in KiB, records, bytes left out.
fn in_a_child(log: &Path) -> Vec<u64> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "scans_what_it_is_told_and_prints_what_that_took", "--ignored", "--nocapture"])
        .env(CHILD, log)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once("took: ")).unwrap_or_else(|| panic!("{text}"));
    line.1.split(' ').map(|word| word.parse().unwrap()).collect()
}

#[test]
#[ignore = "run by other tests in a process of its own, whose memory is measured"]
fn scans_what_it_is_told_and_prints_what_that_took() {
    let log = PathBuf::from(std::env::var_os(CHILD).unwrap());
    let scans = if log == Path::new(IDLE) { Vec::new() } else { all(&log) };
    let records: usize = scans.iter().map(|scan| scan.records.len()).sum();
    let dropped: u64 = scans.iter().flat_map(|scan| &scan.dropped).map(|dropped| dropped.bytes).sum();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("took: {peak} {records} {dropped}");
}

#[test]
fn a_line_of_a_hundred_megabytes_takes_little_memory_and_the_scan_goes_on() {
    const LENGTH: usize = 100 << 20;
    /// The limit, without the end of the one word.
    const KEPT: u64 = 240 << 10;
    let (_folder, path) = written("");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"ERROR ").unwrap();
    let block = vec![b'a'; 1 << 20];
    (0..LENGTH >> 20).for_each(|_| file.write_all(&block).unwrap());
    file.write_all(b"\nERROR next\n").unwrap();
    drop(file);
    let idle = in_a_child(Path::new(IDLE));
    let took = in_a_child(&path);
    assert_eq!(took[1..], [2, LENGTH as u64 + 6 + 1 - KEPT]);
    let more = took[0].saturating_sub(idle[0]);
    println!("peak {more} KiB more than idle");
    assert!(more < 64 << 10, "{more} KiB more than idle");
}
