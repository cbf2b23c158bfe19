//! What is said about a file that is no database, not readable, too new, damaged or in use.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::NewTask;
use groundcrew_store::{Access, Applied, Kind, Options, SCHEMA_VERSION, StoreError, migrate, open};
use rusqlite::Connection;
use serde_json::Value;

const READ_ONLY: Options = Options { access: Access::ReadOnly };
const EXISTING: Options = Options { access: Access::Existing };

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crew.db");
    (folder, path)
}

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn new_task() -> Command {
    Command::Create(Box::new(NewTask::new("work", Role::Qa, Party::User, Value::Null)))
}

fn refused(path: &Path, options: Options) -> StoreError {
    match open(&url(path), options) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

/// A database with the current schema and nothing in it, closed.
fn made() -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = place();
    drop(open(&url(&path), Options::default()).unwrap());
    (folder, path)
}

#[test]
fn only_the_owner_can_read_the_file_and_its_new_directory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/deep/crew.db");
    let store = open(&url(&path), Options::default()).unwrap();
    store.execute(new_task()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(path.parent().unwrap().parent().unwrap()), 0o700);
}

#[test]
fn a_missing_file_is_made_only_where_that_was_asked_for() {
    let (_folder, path) = place();
    for options in [READ_ONLY, EXISTING] {
        let said = refused(&path, options);
        assert!(matches!(&said, StoreError::Missing { path: missing } if *missing == path), "{said}");
        assert_eq!(said.kind(), Kind::NotFound);
        assert!(!path.exists());
    }
}

#[test]
fn a_newer_schema_is_refused_for_reading_too() {
    let (_folder, path) = made();
    let next = SCHEMA_VERSION + 1;
    let insert = format!("INSERT INTO crew_migrations VALUES ({next}, 'later', 'x', '2030-01-01')");
    Connection::open(&path).unwrap().execute_batch(&insert).unwrap();
    for options in [READ_ONLY, EXISTING, Options::default()] {
        assert_eq!(
            refused(&path, options).to_string(),
            format!(
                "database {} has schema version {next}, but this program knows versions up to {SCHEMA_VERSION}; use a newer groundcrew",
                path.display()
            )
        );
    }
}

#[test]
fn an_older_schema_is_upgraded_but_not_by_a_reader() {
    let (_folder, path) = place();
    let given = include_str!("../migrations/sqlite/0001_given.sql");
    Connection::open(&path).unwrap().execute_batch(given).unwrap();
    let said = refused(&path, READ_ONLY);
    assert!(matches!(said, StoreError::Older { found: 0, needed: SCHEMA_VERSION, .. }), "{said}");
    let all = migrate(&url(&path), true).unwrap();
    assert_eq!(all[..2], [Applied { version: 1, name: "given" }, Applied { version: 2, name: "crew" }]);
    assert_eq!(all.last().unwrap().version, SCHEMA_VERSION);
    assert_eq!(migrate(&url(&path), true).unwrap(), all, "a dry run changes nothing");
    assert_eq!(migrate(&url(&path), false).unwrap(), all);
    assert_eq!(migrate(&url(&path), false).unwrap(), []);
    open(&url(&path), READ_ONLY).unwrap();
}

#[test]
fn a_migration_that_fails_half_way_leaves_the_schema_as_it_was() {
    let (_folder, path) = place();
    let given = include_str!("../migrations/sqlite/0001_given.sql");
    let other = Connection::open(&path).unwrap();
    other.execute_batch(given).unwrap();
    let in_the_way = "CREATE TABLE crew_workers (x)";
    other.execute_batch(in_the_way).unwrap();
    let schema = || -> Vec<String> {
        let all =
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'crew_migrations' ORDER BY name";
        let mut statement = other.prepare(all).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let before = schema();
    let said = refused(&path, EXISTING).to_string();
    assert!(
        said.contains("statement migrate failed") && said.contains("table crew_workers already exists"),
        "{said}"
    );
    assert_eq!(schema(), before);
    other.execute_batch("DROP TABLE crew_workers").unwrap();
    open(&url(&path), EXISTING).unwrap().execute(new_task()).unwrap();
}

#[test]
fn a_migration_that_was_changed_afterwards_is_refused() {
    let (_folder, path) = made();
    let change = "UPDATE crew_migrations SET checksum = 'other' WHERE version = 2";
    Connection::open(&path).unwrap().execute_batch(change).unwrap();
    for options in [READ_ONLY, EXISTING] {
        let said = refused(&path, options);
        assert!(
            matches!(&said, StoreError::ChecksumMismatch { version: 2, name, .. } if name == "crew"),
            "{said}"
        );
    }
}

#[test]
fn many_programs_may_open_a_new_database_at_once() {
    let (_folder, path) = place();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(&url(&path), Options::default()).unwrap().execute(new_task()).unwrap());
        }
    });
    assert_eq!(open(&url(&path), READ_ONLY).unwrap().counts().unwrap()[0].tasks, 8);
}

#[test]
fn what_is_opened_for_reading_cannot_be_written() {
    let (_folder, path) = made();
    let store = open(&url(&path), READ_ONLY).unwrap();
    assert_eq!(store.counts().unwrap(), []);
    let said = store.execute(new_task()).unwrap_err();
    assert!(matches!(said, StoreError::ReadOnly { .. }), "{said}");
}

#[test]
fn what_is_no_database_is_named_and_left_as_it_is() {
    let (folder, path) = place();
    std::fs::write(&path, "a shopping list, long enough to be looked at\n".repeat(100)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let said = refused(&path, Options::default());
    assert!(matches!(said, StoreError::NotADatabase { .. }), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let said = refused(folder.path(), EXISTING);
    assert!(matches!(said, StoreError::NotADatabase { .. }), "{said}");
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let (folder, path) = made();
    let lock = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    lock(0o500);
    if std::fs::write(folder.path().join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere, so no directory can be locked");
        lock(0o700);
        return;
    }
    let said = refused(&path, EXISTING);
    let fresh = refused(&folder.path().join("other.db"), Options::default());
    lock(0o700);
    assert!(matches!(said, StoreError::ReadOnly { .. }), "{said}");
    assert!(matches!(fresh, StoreError::Io { .. }), "{fresh}");
}

#[test]
fn a_writer_waits_for_another_program() {
    let (_folder, path) = made();
    let store = open(&url(&path), EXISTING).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO agent_tasks (task_type, assigned_to) VALUES ('x', 'qa')")
        .unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.execute(new_task()).unwrap().inserted[0]);
        assert_eq!(store.counts().unwrap(), [], "readers do not wait");
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(waiting.join().unwrap().0, 2);
    });
}

/// A generator of numbers that gives the same ones in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn a_damaged_file_is_refused_or_whole_and_never_a_panic() {
    let (folder, path) = made();
    let store = open(&url(&path), EXISTING).unwrap();
    for _ in 0..50 {
        store.execute(new_task()).unwrap();
    }
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    let mut numbers = Numbers(7);
    let mut refusals = 0;
    for round in 0..150 {
        let copy = folder.path().join(format!("copy-{round}.db"));
        let mut bytes = whole.clone();
        match round % 3 {
            0 => bytes.truncate(numbers.below(whole.len())),
            _ => {
                for _ in 0..8 {
                    let at = numbers.below(if round % 3 == 1 { 4096 } else { bytes.len() });
                    bytes[at] ^= 1 << numbers.below(8);
                }
            }
        }
        std::fs::write(&copy, bytes).unwrap();
        let used = open(&url(&copy), EXISTING).and_then(|store| {
            store.tasks(&Default::default())?;
            store.execute(new_task())?;
            store.counts()
        });
        refusals += usize::from(used.is_err());
    }
    assert!(refusals > 30, "the damage did no harm: {refusals}");
}

#[test]
fn nothing_is_written_to_a_file_that_was_taken_away_or_replaced() {
    let (folder, path) = made();
    let store = open(&url(&path), EXISTING).unwrap();
    store.execute(new_task()).unwrap();
    let aside = folder.path().join("aside.db");
    std::fs::rename(&path, &aside).unwrap();
    let gone = store.execute(new_task()).unwrap_err();
    assert!(matches!(gone, StoreError::Replaced { .. }) && gone.kind() == Kind::Busy, "{gone}");
    std::fs::copy(&aside, &path).unwrap();
    assert!(matches!(store.execute(new_task()).unwrap_err(), StoreError::Replaced { .. }), "another file");
    std::fs::rename(&aside, &path).unwrap();
    store.execute(new_task()).unwrap();
}
