//! Promises about rotation: whatever is done to a log between two scans, each of its lines comes once, and what cannot
//! be found any more is counted.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use groundcrew_logs::{Cursor, DropReason, Dropped, Redactor, Restart, Scan, ScanError, ScanOptions, scan};
use proptest::prelude::*;
use tempfile::TempDir;

struct Log {
    folder: TempDir,
    cursor: Option<Cursor>,
    seen: Vec<String>,
    dropped: Vec<Dropped>,
}

impl Log {
    fn new(text: &str) -> Self {
        let log = Self {
            folder: tempfile::tempdir().unwrap(),
            cursor: None,
            seen: Vec::new(),
            dropped: Vec::new(),
        };
        fs::write(log.path(), text).unwrap();
        log
    }

    fn path(&self) -> PathBuf {
        self.named("app.log")
    }

    fn named(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn scan(&mut self) -> Result<Scan, ScanError> {
        let options =
            ScanOptions { flush: true, quiet_for: Duration::ZERO, ..ScanOptions::new(Redactor::new(b"key")) };
        let scan = scan(&self.path(), self.cursor.as_ref(), &options)?;
        self.cursor = Some(scan.cursor.clone());
        self.seen.extend(scan.records.iter().map(|record| record.text.clone()));
        self.dropped.extend(&scan.dropped);
        Ok(scan)
    }

    /// Scans until there is nothing more.
    fn drain(&mut self) {
        while !self.scan().unwrap().at_end {}
    }

    fn rename(&self) {
        self.shift();
        fs::rename(self.path(), self.named("app.log.1")).unwrap();
        File::create(self.path()).unwrap();
    }

    fn copy_and_truncate(&self) {
        self.shift();
        fs::copy(self.path(), self.named("app.log.1")).unwrap();
        File::options().write(true).open(self.path()).unwrap().set_len(0).unwrap();
    }

    fn shift(&self) {
        for number in (1..40).rev() {
            let old = self.named(&format!("app.log.{number}"));
            if old.exists() {
                fs::rename(old, self.named(&format!("app.log.{}", number + 1))).unwrap();
            }
        }
    }

    fn set_time(&self, name: &str, seconds_ago: u64) {
        let file = OpenOptions::new().append(true).open(self.named(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds_ago)).unwrap();
    }
}

#[test]
fn the_unread_end_of_a_copied_and_emptied_log_is_read_from_the_copy() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    log.append("ERROR two\n");
    log.copy_and_truncate();
    log.append("ERROR 3\n");
    let first = log.scan().unwrap();
    assert_eq!((first.restarted, first.at_end), (Some(Restart::Truncated), false));
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR 3"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn a_log_written_on_beyond_the_cursor_after_it_was_emptied_is_read_from_its_start() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    log.copy_and_truncate();
    log.append("ERROR two is longer than one\nERROR three\n");
    assert_eq!(log.scan().unwrap().restarted, Some(Restart::Replaced));
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two is longer than one", "ERROR three"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn several_rotations_meanwhile_are_read_in_the_order_of_their_numbers_whatever_their_times() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    for text in ["ERROR two\n", "ERROR three\n", "ERROR four\n"] {
        log.append(text);
        log.rename();
    }
    log.append("ERROR five\n");
    for (name, ago) in [("app.log.3", 5), ("app.log.2", 60), ("app.log.1", 60)] {
        log.set_time(name, ago);
    }
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR three", "ERROR four", "ERROR five"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn several_rotations_are_read_in_the_order_of_their_dates() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    for (date, text) in
        [("20261121", "ERROR two\n"), ("20261122", "ERROR three\n"), ("20261123", "ERROR four\n")]
    {
        log.append(text);
        let name = format!("app.log-{date}");
        fs::rename(log.path(), log.named(&name)).unwrap();
        log.set_time(&name, 60);
    }
    log.append("ERROR five\n");
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR three", "ERROR four", "ERROR five"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn what_was_rotated_after_a_lost_file_is_still_read() {
    let mut log = Log::new("ERROR one\n");
    log.set_time("app.log", 600);
    log.drain();
    // The first rotation is compressed by now, the second is not.
    log.append("ERROR lost\n");
    fs::rename(log.path(), log.named("app.log.2.gz")).unwrap();
    fs::write(log.named("app.log.2.gz"), b"\x1f\x8b\x08").unwrap();
    log.append("ERROR three\n");
    log.rename();
    log.set_time("app.log.1", 300);
    log.append("ERROR four\n");
    fs::remove_file(log.named("app.log.2.gz")).unwrap();
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR three", "ERROR four"]);
    assert_eq!(log.dropped, vec![Dropped { reason: DropReason::LostTail, bytes: 0 }]);
}

#[test]
fn a_renamed_log_that_nothing_replaced_is_read_to_its_end() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    log.append("ERROR two\n");
    fs::rename(log.path(), log.named("app.log.1")).unwrap();
    assert_eq!(log.scan().unwrap().records.len(), 1);
    assert!(matches!(log.scan().unwrap_err(), ScanError::Missing { .. }));
    log.append("ERROR three\n");
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR three"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn a_log_that_was_deleted_and_made_anew_is_read_from_its_start_and_the_loss_is_counted() {
    let mut log = Log::new("ERROR one\nERROR two\n");
    log.drain();
    // Kept open, so that the number of the file is not given out again.
    let held = File::open(log.path()).unwrap();
    fs::remove_file(log.path()).unwrap();
    log.append("ERROR three\n");
    let first = log.scan().unwrap();
    drop(held);
    assert_eq!(first.restarted, Some(Restart::Rotated));
    assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR three"]);
    assert_eq!(log.dropped, vec![Dropped { reason: DropReason::LostTail, bytes: 0 }]);
}

#[test]
fn a_hand_made_copy_is_no_rotation() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    fs::copy(log.path(), log.named("app.log.bak")).unwrap();
    fs::write(log.path(), "ERROR 2\n").unwrap();
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR 2"]);
    assert_eq!(log.dropped, vec![Dropped { reason: DropReason::Overwritten, bytes: 0 }]);
}

/// A beginning that many logs have in common, longer than the first bytes by which a file is known.
fn banner() -> String {
    "# shop 1.0, all rights reserved\n".repeat(64)
}

#[test]
fn a_log_rewritten_to_the_same_size_is_read_again_and_the_system_need_only_tell_its_time() {
    let mut log = Log::new(&(banner() + "ERROR one\n"));
    log.set_time("app.log", 60);
    log.drain();
    let settled = log.cursor.clone().unwrap();
    assert!(settled.has_read(&fs::metadata(log.path()).unwrap()));
    fs::write(log.path(), banner() + "ERROR two\n").unwrap();
    assert!(!settled.has_read(&fs::metadata(log.path()).unwrap()));
    assert_eq!(log.scan().unwrap().restarted, Some(Restart::Replaced));
    log.drain();
    let errors: Vec<&String> = log.seen.iter().filter(|text| text.starts_with("ERROR")).collect();
    assert_eq!(errors, ["ERROR one", "ERROR two"]);
    assert_eq!(log.dropped, vec![Dropped { reason: DropReason::Overwritten, bytes: 0 }]);
}

#[test]
fn another_log_that_begins_alike_is_not_taken_for_the_one_before() {
    let mut log = Log::new(&(banner() + "ERROR one\n"));
    log.drain();
    let mut other = banner() + "INFO hello\nINFO hello\nERROR two\n";
    other.push_str(&"INFO on\n".repeat(100));
    fs::write(log.named("app.log.1"), banner() + "ERROR of another day, longer than what was read\n")
        .unwrap();
    fs::write(log.path(), other).unwrap();
    log.drain();
    let errors: Vec<&String> = log.seen.iter().filter(|text| text.starts_with("ERROR")).collect();
    assert_eq!(errors, ["ERROR one", "ERROR two"]);
}

#[test]
fn an_inode_that_is_given_out_again_is_not_the_old_file() {
    for _ in 0..200 {
        let mut log = Log::new("ERROR one\n");
        log.drain();
        let inode = log.cursor.as_ref().unwrap().inode;
        fs::remove_file(log.path()).unwrap();
        log.append("ERROR two\nERROR three\n");
        let first = log.scan().unwrap();
        if first.cursor.inode != inode {
            continue;
        }
        assert_eq!(first.restarted, Some(Restart::Replaced));
        assert_eq!(log.seen, ["ERROR one", "ERROR two", "ERROR three"]);
        assert_eq!(log.dropped, vec![Dropped { reason: DropReason::Overwritten, bytes: 0 }]);
        return;
    }
    eprintln!("SKIPPED: this file system gave no inode out again, so a reused one was not tried");
}

#[test]
fn a_link_that_leads_elsewhere_leaves_no_line_behind() {
    let mut log = Log::new("");
    fs::remove_file(log.path()).unwrap();
    for release in ["one", "two"] {
        fs::create_dir(log.named(release)).unwrap();
    }
    fs::write(log.named("one/app.log"), "ERROR 1\n").unwrap();
    std::os::unix::fs::symlink(log.named("one/app.log"), log.path()).unwrap();
    log.drain();
    fs::write(log.named("one/app.log"), "ERROR 1\nERROR 2\n").unwrap();
    fs::write(log.named("two/app.log"), "ERROR 3\n").unwrap();
    fs::remove_file(log.path()).unwrap();
    std::os::unix::fs::symlink(log.named("two/app.log"), log.path()).unwrap();
    log.drain();
    assert_eq!(log.seen, ["ERROR 1", "ERROR 2", "ERROR 3"]);
    assert_eq!(log.dropped, vec![]);
}

#[test]
fn what_is_known_to_be_lost_is_counted_in_bytes_and_kept_with_the_cursor() {
    let mut log = Log::new("ERROR one\n");
    let waiting =
        ScanOptions { quiet_for: Duration::from_secs(3600), ..ScanOptions::new(Redactor::new(b"key")) };
    log.append("ERROR half a li");
    log.cursor = Some(scan(&log.path(), None, &waiting).unwrap().cursor);
    let unread = log.cursor.as_ref().map(|cursor| cursor.length - cursor.offset).unwrap();
    fs::write(log.path(), "ERROR 2\n").unwrap();
    log.drain();
    assert_eq!(log.dropped, vec![Dropped { reason: DropReason::Overwritten, bytes: unread }]);
    fs::write(log.path(), "3\n").unwrap();
    log.drain();
    let losses = &log.cursor.as_ref().unwrap().losses;
    assert_eq!((losses.times, losses.bytes, losses.last.is_some()), (2, unread, true));
}

#[test]
fn a_cursor_of_an_earlier_version_still_counts() {
    let mut log = Log::new("ERROR one\n");
    log.drain();
    let mut stored = serde_json::to_value(log.cursor.as_ref().unwrap()).unwrap();
    let fields = stored.as_object_mut().unwrap();
    let known = ["device", "inode", "offset", "line", "head_length", "head_hash"];
    fields.retain(|name, _| known.contains(&name.as_str()));
    log.cursor = Some(serde_json::from_value(stored).unwrap());
    log.append("ERROR two\n");
    log.drain();
    assert_eq!(log.seen, ["ERROR one", "ERROR two"]);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Write(u8),
    Rename,
    CopyAndTruncate,
    Scan,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_line_comes_once_and_in_order_however_a_log_is_rotated(
        steps in prop::collection::vec(prop_oneof![
            4 => (1..6_u8).prop_map(Step::Write),
            1 => Just(Step::Rename),
            1 => Just(Step::CopyAndTruncate),
            3 => Just(Step::Scan),
        ], 0..30),
    ) {
        let mut log = Log::new("ERROR line 0\n");
        let mut written = vec!["ERROR line 0".to_owned()];
        log.drain();
        let write = |log: &Log, written: &mut Vec<String>| {
            let line = format!("ERROR line {}", written.len());
            log.append(&format!("{line}\n"));
            written.push(line);
        };
        for step in steps {
            match step {
                Step::Write(lines) => (0..lines).for_each(|_| write(&log, &mut written)),
                Step::Scan => { log.scan().unwrap(); }
                // A program in use goes on writing: nothing tells two empty files apart.
                Step::Rename => { log.rename(); write(&log, &mut written); }
                Step::CopyAndTruncate => { log.copy_and_truncate(); write(&log, &mut written); }
            }
        }
        log.drain();
        prop_assert_eq!(&log.seen, &written);
        prop_assert_eq!(&log.dropped, &Vec::new());
    }
}
