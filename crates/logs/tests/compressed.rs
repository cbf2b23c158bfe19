//! Promises about compressed logs: what was rotated away and compressed before it was read is read once, and no compressed
//! file claims more memory or time than its lines are worth.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test may stop, and says what it skips")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use groundcrew_logs::{
    Cursor, DropReason, Dropped, Redactor, Scan, ScanError, ScanOptions, is_rotation, scan,
};
use tempfile::TempDir;

fn options() -> ScanOptions {
    ScanOptions { flush: true, quiet_for: Duration::ZERO, ..ScanOptions::new(Redactor::new(b"key")) }
}

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Compresses with the program; `None`, said loudly, where there is none.
fn zstd(text: impl AsRef<[u8]>, flags: &[&str]) -> Option<Vec<u8>> {
    let program = Command::new("zstd")
        .args(flags)
        .args(["-q", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut program) = program else {
        eprintln!("SKIPPED: zstd is not installed, so its files were not tried");
        return None;
    };
    let mut input = program.stdin.take().unwrap();
    let text = text.as_ref().to_vec();
    let writer = std::thread::spawn(move || input.write_all(&text).unwrap());
    let output = program.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}

struct Log {
    folder: TempDir,
    cursor: Option<Cursor>,
    seen: Vec<String>,
    dropped: Vec<Dropped>,
}

impl Log {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("app.log"), text).unwrap();
        Self { folder, cursor: None, seen: Vec::new(), dropped: Vec::new() }
    }

    fn named(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, text: &str) {
        let mut file = File::options().append(true).create(true).open(self.named("app.log")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Compresses a file under another name and deletes it, as log rotation does, keeping the time of its last writing.
    fn compress(&self, from: &str, to: &str) {
        let text = fs::read(self.named(from)).unwrap();
        let changed = fs::metadata(self.named(from)).unwrap().modified().unwrap();
        fs::write(self.named(to), gzip(text)).unwrap();
        File::options().append(true).open(self.named(to)).unwrap().set_modified(changed).unwrap();
        fs::remove_file(self.named(from)).unwrap();
    }

    fn shift(&self, from: &str, to: &str) {
        fs::rename(self.named(from), self.named(to)).unwrap();
    }

    fn scan(&mut self) -> Scan {
        let scan = scan(&self.named("app.log"), self.cursor.as_ref(), &options()).unwrap();
        self.cursor = Some(scan.cursor.clone());
        self.seen.extend(scan.records.iter().map(|record| record.text.clone()));
        self.dropped.extend(&scan.dropped);
        scan
    }

    fn drain(&mut self) {
        while !self.scan().at_end {}
    }
}

/// All of a file by itself.
fn whole(path: &Path, options: &ScanOptions) -> (Vec<String>, Vec<Dropped>) {
    let (mut cursor, mut seen, mut dropped) = (None, Vec::new(), Vec::new());
    loop {
        let scan = scan(path, cursor.as_ref(), options).unwrap();
        seen.extend(scan.records.into_iter().map(|record| record.text));
        dropped.extend(scan.dropped);
        cursor = Some(scan.cursor);
        if scan.at_end {
            return (seen, dropped);
        }
    }
}

fn written(bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log.1.gz");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn the_unread_end_of_a_log_that_was_rotated_and_compressed_is_read_once() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    log.append("ERROR two\n");
    log.compress("app.log", "app.log.1.gz");
    log.append("ERROR three\n");
    log.drain();
    log.shift("app.log.1.gz", "app.log.2.gz");
    log.append("ERROR four\n");
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR three", "ERROR four"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn a_number_that_shifts_while_the_compressed_log_is_read_changes_nothing() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    let more: String = (0..20_000).map(|n| format!("ERROR line {n}\n")).collect();
    log.append(&more);
    log.compress("app.log", "app.log.1.gz");
    log.append("ERROR last\n");
    let first = ScanOptions { max_bytes: 100_000, ..options() };
    let first = scan(&log.named("app.log"), log.cursor.as_ref(), &first).unwrap();
    log.seen.extend(first.records.iter().map(|record| record.text.clone()));
    assert!(!first.at_end);
    log.cursor = Some(first.cursor);
    log.shift("app.log.1.gz", "app.log.2.gz");
    log.compress("app.log", "app.log.1.gz");
    log.append("ERROR really last\n");
    log.drain();
    assert_eq!(log.seen.len(), 20_003);
    assert_eq!(log.seen[20_001..], ["ERROR last", "ERROR really last"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn a_log_and_its_compressed_copy_side_by_side_are_read_once() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    log.append("ERROR two\n");
    log.shift("app.log", "app.log.1");
    fs::write(log.named("app.log.1.gz"), gzip("ERROR one\nERROR two\n")).unwrap();
    log.append("ERROR three\n");
    log.drain();
    fs::remove_file(log.named("app.log.1")).unwrap();
    log.drain();
    log.append("ERROR four\n");
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR three", "ERROR four"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn several_compressed_rotations_meanwhile_are_read_in_order() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    log.append("ERROR two\n");
    log.compress("app.log", "app.log.3.gz");
    fs::write(log.named("app.log.2.gz"), gzip("ERROR three\n")).unwrap();
    fs::write(log.named("app.log.1"), "ERROR four\n").unwrap();
    fs::write(log.named("app.log.1.gz"), gzip("ERROR four\n")).unwrap();
    log.append("ERROR five\n");
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR three", "ERROR four", "ERROR five"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn the_copy_of_an_emptied_log_may_be_compressed_too() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    log.append("ERROR two\n");
    fs::write(log.named("app.log-20261123.gz"), gzip("ERROR one\nERROR two\n")).unwrap();
    fs::write(log.named("app.log"), "ERROR 3\n").unwrap();
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR 3"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn a_compressed_log_is_told_by_its_bytes_and_read_by_itself_once() {
    let text: String = (0..5_000).map(|n| format!("ERROR line {n}\n")).collect();
    let (_folder, path) = written(gzip(&text));
    let small = ScanOptions { max_bytes: 10_000, ..options() };
    let (seen, dropped) = whole(&path, &small);
    assert_eq!((seen.len(), dropped), (5_000, vec![]));
    assert_eq!(seen[4_999], "ERROR line 4999");
    let plain = path.with_file_name("plain.gz");
    fs::write(&plain, "ERROR is no gzip\n").unwrap();
    assert_eq!(whole(&plain, &options()).0, ["ERROR is no gzip"]);
    let named_otherwise = path.with_file_name("archive");
    fs::rename(&path, &named_otherwise).unwrap();
    assert_eq!(whole(&named_otherwise, &options()).0.len(), 5_000);
}

#[test]
fn members_and_frames_one_behind_the_other_are_one_log() {
    let (_folder, path) = written([gzip("ERROR one\nERR"), gzip("OR two\n")].concat());
    assert_eq!(whole(&path, &options()), (vec!["ERROR one".into(), "ERROR two".into()], vec![]));
    let (Some(first), Some(second)) = (zstd("ERROR one\nERR", &[]), zstd("OR two\n", &["-19"])) else {
        return;
    };
    let skippable = [&0x184D_2A50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"xyz"].concat();
    let (_folder, path) = written([first, skippable, second].concat());
    assert_eq!(whole(&path, &options()), (vec!["ERROR one".into(), "ERROR two".into()], vec![]));
}

#[test]
fn of_a_compressed_log_that_is_cut_off_what_is_there_is_read_and_the_rest_is_said() {
    let text: String = (0..20_000).map(|n| format!("ERROR line {n} {}\n", n * 7919 % 10_007)).collect();
    let damaged = vec![Dropped { reason: DropReason::Damaged, bytes: 0 }];
    let Some(frame) = zstd(&text, &[]) else { return };
    for packed in [gzip(&text), frame] {
        let (_folder, path) = written(&packed[..packed.len() * 3 / 4]);
        let (seen, dropped) = whole(&path, &options());
        assert!((10_000..20_000).contains(&seen.len()), "{} lines", seen.len());
        assert_eq!(seen[..3], ["ERROR line 0 0", "ERROR line 1 7919", "ERROR line 2 5831"]);
        assert_eq!(dropped, damaged);
        let small = ScanOptions { max_bytes: 10_000, ..options() };
        let last = scan(&path, None, &small).unwrap().cursor;
        assert!(last.losses.is_none(), "the first step does not reach the damage");
    }
    for nothing in [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd\x80\xff\xff\xff\xff"] {
        let (_folder, path) = written(nothing);
        assert_eq!(whole(&path, &options()), (vec![], damaged.clone()), "{}", nothing.escape_ascii());
    }
}

#[test]
fn a_log_that_is_still_being_compressed_is_waited_for() {
    let packed = gzip("ERROR one\nERROR two\n");
    let (_folder, path) = written(&packed[..packed.len() - 4]);
    let waiting = ScanOptions { flush: false, quiet_for: Duration::from_secs(3600), ..options() };
    let first = scan(&path, None, &waiting).unwrap();
    assert_eq!((first.dropped.clone(), first.cursor.settled), (vec![], false));
    fs::write(&path, &packed).unwrap();
    let second = scan(&path, Some(&first.cursor), &options()).unwrap();
    let seen: Vec<String> =
        first.records.into_iter().chain(second.records).map(|record| record.text).collect();
    assert_eq!((seen, second.dropped), (vec!["ERROR one".into(), "ERROR two".into()], vec![]));
}

#[test]
fn a_bomb_is_left_where_it_expands_beyond_reason() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let block = [b"ERROR bang\n".to_vec(), vec![b'x'; (1 << 20) - 11]].concat();
    encoder.write_all(&block).unwrap();
    let (_folder, path) = written(encoder.finish().unwrap().repeat(70));
    let (seen, dropped) = whole(&path, &ScanOptions { max_record_bytes: 1024, ..options() });
    assert!(seen.len() <= 2 * 66, "{} records", seen.len());
    assert!(dropped.contains(&Dropped { reason: DropReason::Bomb, bytes: 0 }), "{dropped:?}");
}

#[test]
fn a_frame_that_wants_a_large_window_is_refused_and_said() {
    let text: String = (0..3_000_000).map(|n| format!("{n:09}\n")).collect();
    let Some(packed) = zstd(&text, &["--ultra", "-22", "--long=27", "-1"]) else { return };
    let (_folder, path) = written(packed);
    assert_eq!(whole(&path, &options()), (vec![], vec![Dropped { reason: DropReason::Damaged, bytes: 0 }]));
}

#[test]
fn a_rotation_is_known_by_its_name() {
    for (name, expected) in [
        ("app.log.1", true),
        ("app.log.2.gz", true),
        ("app.log-20261123.zst", true),
        ("app.log.gz", true),
        ("app.log", false),
        ("app.log.bak", false),
        ("app-blue.log", false),
    ] {
        assert_eq!(is_rotation(Path::new(name)), expected, "{name}");
    }
}

#[test]
fn a_compressed_log_that_was_deleted_is_missing_and_no_other_is_taken_for_it() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    log.append("ERROR two\n");
    fs::remove_file(log.named("app.log")).unwrap();
    // It begins alike and was written later, but is another log's.
    fs::write(log.named("app.log.1.gz"), gzip("ERROR one more\nERROR other\n")).unwrap();
    let later = SystemTime::now() + Duration::from_secs(1);
    File::options().append(true).open(log.named("app.log.1.gz")).unwrap().set_modified(later).unwrap();
    let missing = scan(&log.named("app.log"), log.cursor.as_ref(), &options()).unwrap_err();
    assert!(matches!(missing, ScanError::Missing { .. }));
}
