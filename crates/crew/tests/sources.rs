//! Where log bytes come from, exactly once: through the monitor and its transaction into the database.
//!
//! | case | test |
//! | --- | --- |
//! | restart | `a_restart_goes_on_where_it_stopped` |
//! | kill -9 between store and checkpoint | `a_reading_that_was_not_stored_is_made_again`; the program itself in `cli/tests/command/scanning.rs`: `a_scan_that_is_killed_again_and_again_counts_each_error_once`, and in `killing` |
//! | rename rotation with unread tail | `the_unread_end_of_a_renamed_log_is_counted` |
//! | several rotations while down | `several_rotations_while_nobody_read_are_counted_in_order`, with compressed ones in `logs/tests/compressed.rs` |
//! | copytruncate while reading and while stopped | `a_log_that_is_copied_and_emptied_between_two_readings_loses_nothing`, `a_log_that_is_emptied_in_the_middle_of_a_reading_counts_nothing_twice` |
//! | truncate and rewrite to the same size | `a_log_rewritten_to_the_same_size_is_noticed_and_read`; same first bytes in `logs/tests/rotation.rs` |
//! | delete and recreate with inode reuse | `logs/tests/rotation.rs`: `an_inode_that_is_given_out_again_is_not_the_old_file` |
//! | symlink switch | `logs/tests/rotation.rs`: `a_link_that_leads_elsewhere_leaves_no_line_behind` |
//! | partial last line over a restart | `a_partial_last_line_waits_for_its_rest_over_a_restart` |
//! | very long line | `a_very_long_line_is_cut_marked_and_passed`; 1 GiB in `cli/tests/command/scanning.rs`: `a_line_of_a_gibibyte_takes_little_memory` |
//! | multi-line record split by restart or rotation | `a_stack_trace_in_two_pieces_is_one_error_over_a_restart_and_a_rotation` |
//! | rotated gz not read twice | `a_log_compressed_before_it_was_read_is_counted_once_whatever_its_number` |
//! | CRLF, BOM, UTF-16, invalid UTF-8, NULs | `every_encoding_is_counted_alike`, `logs/tests/hostile.rs` |
//! | two files with equal first bytes | `two_logs_that_begin_alike_are_two_logs` |
//! | empty and tiny files | `empty_and_tiny_logs_are_read` |
//! | permission lost and regained | `a_log_that_may_not_be_read_for_a_while_loses_nothing` |
//! | no inotify | `changes_are_found_by_looking_alone` |
//! | disk full or database locked | `cli/tests/command/scanning.rs`: `a_locked_database_and_a_full_disk_move_nothing_on` |
//! | clock jumps and lines out of order | `times_that_jump_are_counted_once_and_never_in_the_future` |
//! | 10,000 files with bounded handles | `ten_thousand_logs_cost_no_tasks_and_no_handles_until_they_change` |
//! | our own log inside the watched tree | `what_this_process_writes_is_no_log` |
//! | FIFO, device or directory | `what_is_no_file_is_asked_about_and_never_waited_for` |
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "the shared part serves other tests too")]

mod project;

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::role::Role;
use groundcrew_core::task::{Status, TaskId};
use groundcrew_crew::brain::Rules;
use groundcrew_crew::losses::lost;
use groundcrew_crew::supervisor::work_task;
use groundcrew_crew::tools::Tools;
use groundcrew_logs::{Redactor, ScanOptions, scan};
use groundcrew_workbench::sandbox::testing::launcher_for_tests;
use groundcrew_workbench::sandbox::{Sandbox, SandboxConfig};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use project::{Bench, CRASH, PROGRAM};

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(120);

const SETTINGS: &str = "[logs]\npaths = [\"*.log\", \"logs/*\"]\nbaseline = \"36500d\"\n";

fn bench(log: impl AsRef<[u8]>) -> Bench {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("groundcrew.toml", SETTINGS)]);
    fs::create_dir(bench.root().join("logs")).unwrap();
    fs::write(bench.root().join("app.log"), log).unwrap();
    bench
}

impl Bench {
    fn log(&self) -> PathBuf {
        self.root().join("app.log")
    }

    fn append(&self, text: &str) {
        let mut file = File::options().append(true).create(true).open(self.log()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn tools(&self) -> Tools {
        let sandbox = Sandbox::detect(SandboxConfig::new(launcher_for_tests()));
        Tools::new(Arc::clone(&self.store), sandbox, self.trust_store(), self.work_folder()).unwrap()
    }

    /// Works one reading, as a worker does; the last record counts as finished where it says so.
    fn scan_of(&self, path: &Path, flush: bool) -> TaskId {
        let context = json!({ "source": { "path": path }, "flush": flush });
        let task = self.create("scan_logs", Role::Monitor, context);
        work_task(self.tools(), Box::new(Rules), task, Role::Monitor).unwrap();
        task
    }

    /// Reads the log to its end; gives the last result.
    fn scan(&self) -> Value {
        let path = self.log();
        loop {
            let task = self.scan_of(&path, true);
            assert_eq!(self.status(task), Status::Completed, "{:?}", self.task(task));
            if self.result(task)["more"] == json!(false) {
                return self.result(task);
            }
        }
    }

    /// All errors with how often they were counted, by title.
    fn errors(&self) -> Vec<(String, u64)> {
        let incidents = self.store.incidents(&Default::default()).unwrap();
        let mut errors: Vec<(String, u64)> =
            incidents.into_iter().map(|incident| (incident.title, incident.occurrences)).collect();
        errors.sort();
        errors
    }

    fn counted(&self) -> u64 {
        self.errors().iter().map(|(_, count)| count).sum()
    }

    fn told_lost(&self) -> Vec<String> {
        let lost = lost(self.store.as_ref(), self.project, Timestamp::now()).unwrap();
        lost.iter().map(|lost| lost.told()).collect()
    }
}

fn once(titles: &[&str]) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = titles.iter().map(|title| ((*title).to_owned(), 1)).collect();
    all.sort();
    all
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_restart_goes_on_where_it_stopped() {
    let bench = bench("ERROR shop: alpha\n");
    bench.scan();
    bench.append("ERROR shop: bravo\n");
    // Each reading makes everything anew but the database.
    assert_eq!(bench.scan()["lines"], json!(1));
    assert_eq!(bench.scan()["lines"], json!(0));
    assert_eq!(bench.errors(), once(&["shop: alpha", "shop: bravo"]));
}

#[test]
fn a_reading_that_was_not_stored_is_made_again() {
    let bench = bench("ERROR shop: alpha\n");
    let context = json!({ "source": { "path": bench.log() }, "flush": true });
    let task = bench.create("scan_logs", Role::Monitor, context);
    let held = bench.store.claim(Role::Monitor, Some(task), "dead", SignedDuration::from_mins(1)).unwrap();
    // What the dead worker would have stored comes too late: its lease was taken back.
    let rescue = Command::Rescue { task, ended_worker: Some("dead".into()) };
    bench.store.execute(rescue).unwrap();
    let cursor = scan(&bench.log(), None, &ScanOptions::new(Redactor::new(b"key"))).unwrap().cursor;
    let late = Settlement {
        cursors: vec![(bench.log().to_str().unwrap().to_owned(), json!(cursor))],
        ..Settlement::new(task, held.unwrap().lease_token, Outcome::Complete { result: Value::Null })
    };
    assert!(bench.store.execute(Command::Settle(Box::new(late))).is_err());
    work_task(bench.tools(), Box::new(Rules), task, Role::Monitor).unwrap();
    bench.scan();
    assert_eq!(bench.errors(), once(&["shop: alpha"]));
}

#[test]
fn the_unread_end_of_a_renamed_log_is_counted() {
    let bench = bench("ERROR shop: alpha\n");
    bench.scan();
    bench.append("ERROR shop: bravo\n");
    fs::rename(bench.log(), bench.root().join("app.log.1")).unwrap();
    bench.append("ERROR shop: charlie\n");
    bench.scan();
    assert_eq!(bench.errors(), once(&["shop: alpha", "shop: bravo", "shop: charlie"]));
    assert_eq!(bench.told_lost(), Vec::<String>::new());
}

#[test]
fn several_rotations_while_nobody_read_are_counted_in_order() {
    let bench = bench("ERROR shop: alpha\n");
    bench.scan();
    let named = |n: u32| bench.root().join(format!("app.log.{n}"));
    for word in ["bravo", "charlie", "delta"] {
        bench.append(&format!("ERROR shop: {word}\n"));
        (1..4).rev().filter(|n| named(*n).exists()).for_each(|n| fs::rename(named(n), named(n + 1)).unwrap());
        fs::rename(bench.log(), named(1)).unwrap();
    }
    bench.append("ERROR shop: echo\n");
    bench.scan();
    let all = ["shop: alpha", "shop: bravo", "shop: charlie", "shop: delta", "shop: echo"];
    assert_eq!(bench.errors(), once(&all));
    assert_eq!(bench.told_lost(), Vec::<String>::new());
}

#[test]
fn a_log_that_is_copied_and_emptied_between_two_readings_loses_nothing() {
    let bench = bench("ERROR shop: alpha\n");
    bench.scan();
    bench.append("ERROR shop: bravo\n");
    fs::copy(bench.log(), bench.root().join("app.log.1")).unwrap();
    File::options().write(true).open(bench.log()).unwrap().set_len(0).unwrap();
    bench.append("ERROR shop: charlie\n");
    bench.scan();
    assert_eq!(bench.errors(), once(&["shop: alpha", "shop: bravo", "shop: charlie"]));
    assert_eq!(bench.told_lost(), Vec::<String>::new());
    // Without a copy, what was not read is gone; that is counted and told.
    bench.append("ERROR shop: delta\n");
    fs::write(bench.log(), "ERROR shop: echo\n").unwrap();
    let result = bench.scan();
    assert!(result["lost"][0].as_str().unwrap().contains("is lost"), "{result}");
    assert!(bench.told_lost()[0].contains("app.log was cut"), "{:?}", bench.told_lost());
    let audit = bench.store.logs(&Default::default()).unwrap();
    assert!(audit.iter().any(|entry| entry.message.contains("is lost")), "the audit says it");
    assert!(bench.errors().iter().any(|(title, _)| title == "shop: echo"));
}

#[test]
fn a_log_that_is_emptied_in_the_middle_of_a_reading_counts_nothing_twice() {
    let text: String = (0..2_000).map(|n| format!("ERROR shop: line {n}\n")).collect();
    let bench = bench(&text);
    let context = json!({ "source": { "path": bench.log() }, "max_bytes": 10_000, "flush": true });
    let task = bench.create("scan_logs", Role::Monitor, context);
    work_task(bench.tools(), Box::new(Rules), task, Role::Monitor).unwrap();
    assert_eq!(bench.result(task)["more"], json!(true));
    let before = bench.counted();
    fs::write(bench.log(), "ERROR shop: line 7\n").unwrap();
    let result = bench.scan();
    assert_eq!(bench.counted(), before + 1);
    let known = text.len() as u64 - bench.result(task)["bytes"].as_u64().unwrap();
    assert!(
        result["lost"][0].as_str().unwrap().contains(&format!("{known} bytes at least")),
        "{known}: {result}"
    );
}

#[test]
fn a_log_rewritten_to_the_same_size_is_noticed_and_read() {
    let bench = bench("ERROR shop: alpha\n");
    let old = SystemTime::now() - Duration::from_secs(60);
    File::options().append(true).open(bench.log()).unwrap().set_modified(old).unwrap();
    let crew = bench.crew(Rules);
    crew.until("it is read", || bench.counted() == 1);
    fs::write(bench.log(), "ERROR shop: bravo\n").unwrap();
    crew.until("the other text is read", || bench.counted() == 2);
    assert_eq!(bench.errors(), once(&["shop: alpha", "shop: bravo"]));
}

#[test]
fn a_partial_last_line_waits_for_its_rest_over_a_restart() {
    let bench = bench("ERROR shop: alpha\nERROR shop: br");
    bench.scan_of(&bench.log(), false);
    bench.append("avo\n");
    bench.scan();
    assert_eq!(bench.errors(), once(&["shop: alpha", "shop: bravo"]));
}

#[test]
fn a_very_long_line_is_cut_marked_and_passed() {
    let bench = bench(format!("ERROR shop: {}\nERROR shop: bravo\n", "x".repeat(3 << 20)));
    let result = bench.scan();
    assert_eq!(bench.counted(), 2);
    assert!(result["dropped"][0].as_str().unwrap().contains("overlong lines"), "{result}");
    assert_eq!(result["lost"], json!([]), "left out is not lost");
}

#[test]
fn a_stack_trace_in_two_pieces_is_one_error_over_a_restart_and_a_rotation() {
    let (first, second) = CRASH.split_at(CRASH.find("    seen").unwrap());
    let bench = bench(first);
    bench.scan_of(&bench.log(), false);
    bench.append(&format!("{second}\n"));
    bench.scan();
    assert_eq!(bench.counted(), 1);
    bench.append(first);
    bench.scan_of(&bench.log(), false);
    // The program writes on into the renamed file until it opens the new one.
    let renamed = bench.root().join("app.log.1");
    fs::rename(bench.log(), &renamed).unwrap();
    File::options().append(true).open(&renamed).unwrap().write_all(format!("{second}\n").as_bytes()).unwrap();
    bench.append("INFO shop: on\n");
    bench.scan();
    assert_eq!(bench.errors().iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_log_compressed_before_it_was_read_is_counted_once_whatever_its_number() {
    let bench = bench("ERROR shop: alpha\n");
    bench.scan();
    bench.append("ERROR shop: bravo\n");
    let text = fs::read(bench.log()).unwrap();
    let named = |n: u32| bench.root().join(format!("app.log.{n}.gz"));
    fs::write(named(1), gzip(&text)).unwrap();
    fs::remove_file(bench.log()).unwrap();
    bench.append("ERROR shop: charlie\n");
    bench.scan();
    fs::rename(named(1), named(2)).unwrap();
    bench.append("ERROR shop: delta\n");
    bench.scan();
    let all = ["shop: alpha", "shop: bravo", "shop: charlie", "shop: delta"];
    assert_eq!(bench.errors(), once(&all));
    // Named by a pattern of their own, rotations are logs of their own, and a number that shifts makes no new one.
    let archive = |name: &str| bench.root().join("logs").join(name);
    fs::write(archive("old.log.1.gz"), gzip(b"ERROR shop: echo\n")).unwrap();
    bench.scan_of(&archive("old.log.1.gz"), true);
    fs::rename(archive("old.log.1.gz"), archive("old.log.2.gz")).unwrap();
    fs::write(archive("old.log.1.gz"), gzip(b"ERROR shop: foxtrot\n")).unwrap();
    bench.scan_of(&archive("old.log.1.gz"), true);
    bench.scan_of(&archive("old.log.2.gz"), true);
    bench.scan_of(&archive("old.log.1.gz"), true);
    assert_eq!(bench.errors(), once(&[&all[..], &["shop: echo", "shop: foxtrot"]].concat()));
}

#[test]
fn every_encoding_is_counted_alike() {
    let wide: Vec<u8> = std::iter::once(0xfeff)
        .chain("ERROR shop: alpha\r\n".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let texts: [&[u8]; 5] = [
        b"ERROR shop: alpha\r\n",
        b"\xef\xbb\xbfERROR shop: alpha\n",
        &wide,
        b"\0\0\0ERROR shop: al\0pha\n",
        b"INFO caf\xe9\nERROR shop: alpha\n",
    ];
    let bench = bench("");
    for (n, text) in texts.iter().enumerate() {
        let path = bench.root().join(format!("logs/{n}.txt"));
        fs::write(&path, text).unwrap();
        bench.scan_of(&path, true);
    }
    assert_eq!(bench.errors(), [("shop: alpha".to_owned(), 5)]);
}

#[test]
fn two_logs_that_begin_alike_are_two_logs() {
    let banner = "# shop 1.0, all rights reserved\n".repeat(64);
    let bench = bench(format!("{banner}ERROR shop: alpha\n"));
    let other = bench.root().join("other.log");
    fs::write(&other, format!("{banner}ERROR shop: alpha\nERROR shop: bravo\n")).unwrap();
    bench.scan();
    bench.scan_of(&other, true);
    // The other one takes the place of the first: it is no continuation of it.
    fs::write(bench.log(), format!("{banner}ERROR shop: other\nERROR shop: delta\n")).unwrap();
    bench.scan();
    let errors = bench.errors();
    let count = |title: &str| errors.iter().find(|(known, _)| known == title).map(|(_, count)| *count);
    assert_eq!(
        [count("shop: alpha"), count("shop: bravo"), count("shop: other")],
        [Some(2), Some(1), Some(1)]
    );
    assert_eq!(count("shop: delta"), Some(1));
}

#[test]
fn empty_and_tiny_logs_are_read() {
    let bench = bench("");
    assert_eq!(bench.scan()["bytes"], json!(0));
    bench.append("E");
    assert_eq!(bench.scan()["bytes"], json!(1));
    bench.append("\n");
    bench.append("ERROR x\n");
    bench.scan();
    assert_eq!(bench.counted(), 1);
}

#[test]
fn a_log_that_may_not_be_read_for_a_while_loses_nothing() {
    // Whoever may read everything would show nothing, so somebody else runs the test below.
    let mut child = Process::new(std::env::current_exe().unwrap());
    child.args(["--exact", "permission_is_lost_and_regained", "--ignored", "--nocapture"]);
    if File::open("/etc/shadow").is_ok() {
        child.uid(65_534).gid(65_534);
    }
    match child.env("HOME", "/nonexistent").output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
            assert!(text.contains("1 passed"), "{text}");
        }
        Err(error) => eprintln!("SKIPPED: the test could not be run by another user: {error}"),
    }
}

#[test]
#[ignore = "run by the test above as a user who may not read everything"]
fn permission_is_lost_and_regained() {
    let bench = bench("ERROR shop: alpha\n");
    bench.scan();
    bench.append("ERROR shop: bravo\n");
    let allow = |mode| fs::set_permissions(bench.log(), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o000);
    let task = bench.scan_of(&bench.log(), true);
    assert_eq!(bench.status(task), Status::Blocked);
    assert!(bench.question().contains("may not be read"), "{}", bench.question());
    allow(0o600);
    bench.append("ERROR shop: charlie\n");
    bench.answer("retry");
    work_task(bench.tools(), Box::new(Rules), task, Role::Monitor).unwrap();
    assert_eq!(bench.errors(), once(&["shop: alpha", "shop: bravo", "shop: charlie"]));
}

#[test]
fn changes_are_found_by_looking_alone() {
    let bench = bench("ERROR shop: alpha\n");
    let crew = bench.crew(Rules);
    crew.until("it is read", || bench.counted() == 1);
    bench.append("ERROR shop: bravo\n");
    crew.until("what was added is read", || bench.counted() == 2);
    let handles = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let watches = handles.filter_map(|handle| fs::read_link(handle.path()).ok());
    let watches = watches.filter(|to| to.to_string_lossy().contains("inotify")).count();
    assert_eq!(watches, 0, "nothing is asked of the file system, so any will do");
}

#[test]
fn times_that_jump_are_counted_once_and_never_in_the_future() {
    let lines = "2999-01-01T00:00:00Z ERROR shop: alpha\n1970-01-01T00:00:01Z ERROR shop: alpha\n\
                 2026-03-01T10:00:00Z ERROR shop: alpha\n2026-02-01T10:00:00Z ERROR shop: alpha\n";
    let bench = bench(lines);
    bench.scan();
    assert_eq!(bench.errors(), [("shop: alpha".to_owned(), 4)]);
    let incident = bench.store.incidents(&Default::default()).unwrap().remove(0);
    assert!(incident.last_seen <= Timestamp::now(), "{incident:?}");
    assert_eq!(incident.first_seen.as_second(), 1);
    let traffic = bench.store.traffic(bench.project, Timestamp::MIN).unwrap();
    assert_eq!(traffic.iter().map(|piece| piece.errors).sum::<u64>(), 4);
    assert!(traffic.iter().all(|piece| piece.bucket <= Timestamp::now()), "{traffic:?}");
}

#[test]
fn ten_thousand_logs_cost_no_tasks_and_no_handles_until_they_change() {
    let bench = bench("");
    let options = ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(b"key")) };
    let old = SystemTime::now() - Duration::from_secs(60);
    let mut cursors = Vec::new();
    let path = |n: usize| bench.root().join(format!("logs/{n:05}.log"));
    for n in 0..9_999 {
        fs::write(path(n), "INFO on\n").unwrap();
        File::options().append(true).open(path(n)).unwrap().set_modified(old).unwrap();
        let cursor = scan(&path(n), None, &options).unwrap().cursor;
        cursors.push((path(n).to_str().unwrap().to_owned(), json!(cursor)));
    }
    let task = bench.create("note", Role::Monitor, json!({}));
    let held =
        bench.store.claim(Role::Monitor, Some(task), "w", SignedDuration::from_mins(1)).unwrap().unwrap();
    let outcome = Outcome::Complete { result: Value::Null };
    let settled = Settlement { cursors, ..Settlement::new(task, held.lease_token, outcome) };
    bench.store.execute(Command::Settle(Box::new(settled))).unwrap();
    fs::remove_file(bench.log()).unwrap();
    for n in [3, 5_000, 9_998] {
        fs::write(path(n), "INFO on\nERROR shop: alpha\n").unwrap();
    }
    let crew = bench.crew(Rules);
    let mut handles = 0;
    crew.until("what changed is read", || {
        handles = handles.max(fs::read_dir("/proc/self/fd").unwrap().count());
        bench.counted() == 3 && crew.is_idle()
    });
    let scans: Vec<String> = bench
        .all("scan_logs")
        .iter()
        .map(|task| task.context["source"]["path"].as_str().unwrap().to_owned())
        .collect();
    let changed = [3, 5_000, 9_998].map(|n| path(n).to_str().unwrap().to_owned());
    assert!(scans.iter().all(|path| changed.contains(path)), "{scans:?}");
    assert!(scans.len() <= 6, "{scans:?}");
    assert!(handles < 200, "{handles} handles");
}

#[test]
fn what_this_process_writes_is_no_log() {
    let bench = bench("");
    let own = bench.root().join("logs/own.log");
    let mut writing = File::create(&own).unwrap();
    writing.write_all(b"ERROR shop: alpha\n").unwrap();
    let logs = || {
        let project = bench.store.project(bench.project).unwrap().unwrap();
        groundcrew_crew::site::Site::open(&project, &bench.trust_store()).unwrap().log_files()
    };
    assert!(!logs().contains(&own));
    drop(writing);
    assert!(logs().contains(&own), "it is only left out while it is written here");
    let reading = File::open(&own).unwrap();
    assert!(logs().contains(&own), "what is only read here is a log");
    drop(reading);
}

#[test]
fn what_is_no_file_is_asked_about_and_never_waited_for() {
    let bench = bench("ERROR shop: alpha\n");
    let named = |name: &str| bench.root().join("logs").join(name);
    fs::create_dir(named("folder")).unwrap();
    assert!(Process::new("mkfifo").arg(named("pipe")).status().unwrap().success());
    symlink("/dev/zero", named("device")).unwrap();
    let crew = bench.crew(Rules);
    crew.until("the real one is read and nothing waits", || bench.counted() == 1 && crew.is_idle());
    drop(crew);
    let scans = bench.all("scan_logs");
    assert!(scans.iter().all(|task| task.context["source"]["path"] == json!(bench.log())), "{scans:#?}");
    let settings = SETTINGS.replace("logs/*", "logs/pipe");
    bench.trust(&settings);
    let task = bench.scan_of(&named("pipe"), true);
    assert_eq!(bench.status(task), Status::Blocked);
    assert!(bench.question().contains("named pipe") && bench.question().contains("groundcrew scan -"));
}
