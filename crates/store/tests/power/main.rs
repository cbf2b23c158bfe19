//! Power fails, or a process is killed in the middle of an upgrade: whatever of the unsynced writes reached the disk, what was acknowledged is there and everything holds.
//!
//! `GROUNDCREW_CUTS` asks for more moments than a quick run looks at.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![expect(clippy::print_stderr, reason = "a test says what it looked at, and why it was skipped")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod disk;
mod recorder;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;

use disk::{Disk, Numbers, Unsynced};
use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Status, TaskId};
use groundcrew_store::{Options, SCHEMA_VERSION, Store, TaskFilter, open};
use jiff::SignedDuration;
use recorder::Act;
use rusqlite::{Connection, params};
use serde_json::json;
use sha2::{Digest as _, Sha256};

const ADDRESS: &str = "GROUNDCREW_TEST_DATABASE";
/// Writes that are acknowledged in a run.
const WRITES: usize = 10_400;
/// Callers at the same time.
const CALLERS: usize = 16;
const WAYS: [Unsynced; 3] = [Unsynced::Kept, Unsynced::Dropped, Unsynced::Torn];

fn address(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("crew.db").display())
}

/// In a process that is recorded: its store, once somebody watches it.
fn watched() -> Arc<dyn Store> {
    let url = std::env::var(ADDRESS).unwrap();
    let go = groundcrew_store::file_of(&url).unwrap().with_file_name("go");
    while !go.exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    open(&url, Options::default()).unwrap()
}

/// Says something in one call of the system, so that it stands at one moment of what is recorded.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The process that is recorded: callers create tasks, complete every second one, and say what was acknowledged.
#[test]
#[ignore = "the other tests start it as a process of its own"]
fn writes_and_says_what_was_acknowledged() {
    let store = watched();
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let store = &store;
            scope.spawn(move || {
                for n in 0..WRITES / CALLERS / 2 {
                    let task =
                        NewTask::new("work", Role::Qa, Party::User, json!({ "caller": caller, "n": n }));
                    let id = store.execute(Command::Create(Box::new(task))).unwrap().inserted[0];
                    say(&format!("created {id}"));
                    let lease = SignedDuration::from_secs(60);
                    let Some(task) = store.claim(Role::Qa, None, "w", lease).unwrap() else { continue };
                    let outcome = Outcome::Complete { result: json!({ "n": n }) };
                    store
                        .execute(Command::Settle(Box::new(Settlement::new(
                            task.id,
                            task.lease_token,
                            outcome,
                        ))))
                        .unwrap();
                    say(&format!("completed {}", task.id));
                }
            });
        }
    });
    store.maintain(SignedDuration::from_secs(60)).unwrap();
}

/// What a test in a process of its own did; none where no process may trace another, which is said.
fn recorded(test: &str, folder: &Path) -> Option<Vec<Act>> {
    let mut program = Process::new(std::env::current_exe().unwrap());
    program.args(["--ignored", "--exact", test, "--nocapture"]).env(ADDRESS, address(folder));
    match recorder::record(&mut program, folder) {
        Ok(acts) => Some(acts),
        Err(error) => {
            eprintln!("skipped: one process cannot trace another here: {error}");
            None
        }
    }
}

/// What was said to be acknowledged.
#[derive(Default)]
struct Acknowledged {
    created: BTreeSet<TaskId>,
    completed: BTreeSet<TaskId>,
}

impl Acknowledged {
    fn hear(&mut self, act: &Act) {
        let Act::Say(said) = act else { return };
        for line in String::from_utf8_lossy(said).lines() {
            match line.split_once(' ') {
                Some(("created", id)) => drop(self.created.insert(TaskId(id.parse().unwrap()))),
                Some(("completed", id)) => drop(self.completed.insert(TaskId(id.parse().unwrap()))),
                _ => {}
            }
        }
    }

    /// What was acknowledged and is not there, or what else does not hold.
    fn lost(&self, folder: &Path) -> Option<String> {
        let store = match open(&address(folder), Options::default()) {
            Ok(store) => store,
            Err(error) => return Some(error.to_string()),
        };
        let all = TaskFilter { limit: Some(u32::MAX), ..TaskFilter::default() };
        let there: BTreeMap<TaskId, Status> =
            store.tasks(&all).unwrap().into_iter().map(|task| (task.id, task.status)).collect();
        if let Some(id) = self.created.iter().find(|id| !there.contains_key(id)) {
            return Some(format!("task {id} was acknowledged and is gone"));
        }
        let completed = |id: &&TaskId| there.get(id) != Some(&Status::Completed);
        if let Some(id) = self.completed.iter().find(completed) {
            return Some(format!("the end of task {id} was acknowledged and is gone"));
        }
        let findings = store.check().unwrap();
        (!findings.is_empty()).then(|| format!("{findings:?}"))
    }
}

fn cuts(default: usize) -> usize {
    std::env::var("GROUNDCREW_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(default)
}

#[test]
fn what_was_acknowledged_is_there_after_power_failed_at_any_moment() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().canonicalize().unwrap();
    let disk = Disk::of(&folder);
    let Some(acts) = recorded("writes_and_says_what_was_acknowledged", &folder) else { return };
    let (mut disk, mut acknowledged, mut numbers) = (disk, Acknowledged::default(), Numbers(7));
    let first = acts.iter().position(|act| matches!(act, Act::Say(_))).unwrap();
    let cuts = cuts(12);
    let chosen: BTreeSet<usize> =
        (0..cuts).map(|_| numbers.below(acts.len())).chain([0, first, acts.len() - 1]).collect();
    // The same writes on a disk that says it has synced and has not: what looks for losses must find one.
    let mut liar = Disk::default();
    for (at, act) in acts.iter().enumerate() {
        disk.apply(act);
        if !matches!(act, Act::Sync(_)) {
            liar.apply(act);
        }
        acknowledged.hear(act);
        if chosen.contains(&at) {
            for way in WAYS {
                let after = tempfile::tempdir().unwrap();
                disk.fail(way, &mut numbers, after.path());
                let lost = acknowledged.lost(after.path());
                assert_eq!(lost, None, "after act {at} of {}, {way:?}", acts.len());
            }
        }
    }
    let after = tempfile::tempdir().unwrap();
    liar.fail(Unsynced::Torn, &mut numbers, after.path());
    assert!(acknowledged.lost(after.path()).is_some(), "a disk that syncs nothing passed as one that does");
    let (created, completed) = (acknowledged.created.len(), acknowledged.completed.len());
    eprintln!(
        "{} acknowledged writes in {} acts, {} syncs; {} moments, each with all, none and parts of what was not synced",
        created + completed,
        acts.len(),
        acts.iter().filter(|act| matches!(act, Act::Sync(_))).count(),
        chosen.len()
    );
    assert!(created + completed >= 10_000, "{created} + {completed}");
}

/// The process that is recorded: brings the schema up to date.
#[test]
#[ignore = "the other tests start it as a process of its own"]
fn brings_the_schema_up_to_date() {
    drop(watched());
}

/// All migrations: number, name and text.
fn migrations() -> Vec<(u32, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut all: Vec<(u32, String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let (number, name) = path.file_stem().unwrap().to_str().unwrap().split_once('_').unwrap();
            (number.parse().unwrap(), name.to_owned(), std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// A database as an earlier release with so many migrations left it.
fn earlier(folder: &Path, version: u32) {
    if version == 0 {
        return;
    }
    let db = Connection::open(folder.join("crew.db")).unwrap();
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS crew_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at DATETIME NOT NULL
)",
    )
    .unwrap();
    for (number, name, text) in migrations().into_iter().filter(|(number, ..)| *number <= version) {
        db.execute_batch(&text).unwrap();
        let checksum: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        let record = "INSERT INTO crew_migrations VALUES (?1, ?2, ?3, '2026-01-01 00:00:00.000')";
        db.execute(record, params![number, name, checksum]).unwrap();
    }
    let work = "INSERT INTO agent_tasks (task_type, assigned_to) VALUES ('work', 'qa'), ('work', 'triage')";
    db.execute_batch(work).unwrap();
}

/// The version that a database says it has, and every table, index and trigger that it does have.
fn schema(folder: &Path) -> Result<(u32, BTreeSet<String>), rusqlite::Error> {
    let db = Connection::open(folder.join("crew.db"))?;
    let mut all = db.prepare("SELECT type || ' ' || name || ': ' || ifnull(sql, '') FROM sqlite_schema")?;
    let all: BTreeSet<String> = all.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let recorded = all.iter().any(|entry| entry.starts_with("table crew_migrations"));
    let version = "SELECT ifnull(max(version), 0) FROM crew_migrations";
    let version = if recorded { db.query_row(version, [], |row| row.get(0))? } else { 0 };
    Ok((version, all))
}

#[test]
fn an_upgrade_that_is_killed_anywhere_leaves_the_old_schema_or_a_newer_one() {
    let mut schemas: BTreeMap<u32, BTreeSet<String>> = BTreeMap::from([(0, BTreeSet::new())]);
    for version in 1..=SCHEMA_VERSION {
        let folder = tempfile::tempdir().unwrap();
        earlier(folder.path(), version);
        schemas.insert(version, schema(folder.path()).unwrap().1);
    }
    let (mut numbers, mut looked) = (Numbers(11), 0);
    for from in 0..SCHEMA_VERSION {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().canonicalize().unwrap();
        earlier(&folder, from);
        let mut disk = Disk::of(&folder);
        let Some(acts) = recorded("brings_the_schema_up_to_date", &folder) else { return };
        for (at, act) in acts.iter().enumerate() {
            disk.apply(act);
            // Killed at every write; of power that fails, a part.
            let ways = if matches!(act, Act::Say(_)) { 0 } else { 1 + 2 * usize::from(at % 5 == 0) };
            for way in WAYS.into_iter().take(ways) {
                let after = tempfile::tempdir().unwrap();
                disk.fail(way, &mut numbers, after.path());
                let (version, found) = schema(after.path()).unwrap();
                let place = format!("from {from}, after act {at} of {}, {way:?}", acts.len());
                assert!(version == 0 || version >= from, "{place}: {version}");
                assert_eq!(
                    Some(&found),
                    schemas.get(&version),
                    "{place}: neither old nor new, it says {version}"
                );
                looked += 1;
                if looked % 60 == 0 {
                    let store = open(&address(after.path()), Options::default()).unwrap();
                    assert_eq!(
                        (store.schema_version().unwrap(), store.check().unwrap()),
                        (SCHEMA_VERSION, vec![]),
                        "{place}"
                    );
                }
            }
        }
    }
    eprintln!("{looked} moments of upgrades from {SCHEMA_VERSION} versions");
    assert!(looked > 100, "{looked}");
}
