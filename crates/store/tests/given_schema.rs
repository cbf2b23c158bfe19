//! A database that the given SQL made, with rows of every kind in it, opens in place, loses nothing and is worked.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::{Path, PathBuf};

use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Status};
use groundcrew_store::{Maintained, Options, Store, TaskFilter, open};
use jiff::SignedDuration;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::json;

const GIVEN: &str = include_str!("../migrations/sqlite/0001_given.sql");
const LEASE: SignedDuration = SignedDuration::from_secs(60);
const TABLES: [(&str, &str); 4] = [
    (
        "agent_tasks",
        "id, task_type, assigned_to, created_by, status, priority, context_json, result_json, parent_task_id,
         error_message, created_at, started_at, completed_at, retry_count",
    ),
    (
        "agent_messages",
        "id, task_id, from_agent, to_agent, message_type, content, metadata_json, created_at, read_at",
    ),
    ("agent_logs", "id, task_id, agent_name, log_level, message, data_json, created_at"),
    ("agent_state", "agent_name, last_active, current_task_id, status, metrics_json"),
];

/// Picks one of the given cells for row `n`, so that the rows mix everything with everything.
fn pick<'c>(n: usize, prime: usize, cells: &[&'c str]) -> &'c str {
    cells[(n * prime / 7 + n) % cells.len()]
}

/// A database as another program left it: 1,000 tasks, with messages, logs and states.
fn given(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(GIVEN).unwrap();
    db.execute_batch("PRAGMA foreign_keys = OFF; BEGIN").unwrap();
    for n in 1..=1000 {
        let role = Role::ALL[n % 6];
        let status = pick(n, 3, &["'pending'", "'running'", "'completed'", "'failed'", "'blocked'", "NULL"]);
        let priority = pick(n, 5, &["1", "5", "10", "NULL", "7.5", "'3'", "2.0"]);
        let context = pick(
            n,
            11,
            &[
                "NULL",
                "'{\"file\":\"a.py\",\"own\":{\"x\":[1,null]}}'",
                "'not json'",
                "x'7B7D'",
                "x'FFFE00'",
                "''",
                "'[1'",
            ],
        );
        let time = |salt| {
            pick(
                n + salt,
                13,
                &[
                    "CURRENT_TIMESTAMP",
                    "NULL",
                    "'2024-02-29 12:00:00'",
                    "'2024-02-29T12:00:00.123456Z'",
                    "'29.2.2024'",
                    "''",
                    "1709208000",
                    "'0000-00-00 00:00:00'",
                ],
            )
        };
        let retries = pick(n, 17, &["0", "1", "3", "7", "NULL", "'two'", "-1"]);
        let by = pick(n, 19, &["NULL", "'user'", "'system'", "'cron job'", "'triage'", "''"]);
        let parent = match n % 5 {
            0 => (n / 5).to_string(),
            1 => "99999".to_owned(),
            _ => "NULL".to_owned(),
        };
        let (created, started, completed) = (time(0), time(1), time(2));
        db.execute_batch(&format!(
            "INSERT INTO agent_tasks (task_type, assigned_to, created_by, status, priority, context_json, result_json,
                parent_task_id, error_message, created_at, started_at, completed_at, retry_count)
             VALUES ('type_{n}', '{role}', {by}, {status}, {priority}, {context}, {context}, {parent}, 'error {n}',
                {created}, {started}, {completed}, {retries});"
        ))
        .unwrap();
        if n % 3 == 0 {
            let kind = pick(n, 23, &["'question'", "'answer'", "'handoff'", "'notification'", "NULL"]);
            db.execute_batch(&format!(
                "INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content, metadata_json, read_at)
                 VALUES ({n}, '{role}', 'user', {kind}, 'text {n}', {context}, {started});
                 INSERT INTO agent_logs (task_id, agent_name, log_level, message, data_json, created_at)
                 VALUES ({parent}, 'somebody', NULL, 'did {n}', {context}, {completed});"
            ))
            .unwrap();
        }
    }
    db.execute_batch(
        "UPDATE agent_state SET metrics_json = '{\"own\":1}', current_task_id = 4 WHERE agent_name = 'qa';
         UPDATE agent_state SET metrics_json = 'none yet', last_active = 'never' WHERE agent_name = 'triage';
         DELETE FROM agent_state WHERE agent_name = 'architect';
         COMMIT",
    )
    .unwrap();
    db
}

fn rows(db: &Connection, table: &str, columns: &str) -> Vec<Vec<Cell>> {
    let mut statement = db.prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1")).unwrap();
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|column| row.get(column)).collect()).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn everything(db: &Connection) -> Vec<Vec<Vec<Cell>>> {
    TABLES.iter().map(|(table, columns)| rows(db, table, columns)).collect()
}

/// Every row is as it was; only the state row that was missing has been added.
fn assert_kept(before: &[Vec<Vec<Cell>>], db: &Connection) {
    for ((table, old), new) in TABLES.iter().zip(before).zip(everything(db)) {
        let added = usize::from(table.0 == "agent_state");
        assert_eq!(new.len(), old.len() + added, "{}", table.0);
        for row in old {
            assert!(new.contains(row), "{}: {row:?} is gone", table.0);
        }
    }
}

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    (folder, path)
}

#[test]
fn an_upgrade_keeps_every_row_column_by_column() {
    let (_folder, path) = place();
    let other = given(&path);
    let before = everything(&other);
    let store = open(&url(&path), Options::default()).unwrap();
    assert_kept(&before, &other);
    assert_eq!(store.tasks(&TaskFilter { limit: Some(5000), ..TaskFilter::default() }).unwrap().len(), 1000);
    assert_eq!(store.messages(&Default::default()).unwrap().len(), 200);
    assert_eq!(store.inbox().unwrap().iter().filter(|item| item.task.is_none()).count(), 0);
    assert_eq!(store.agents().unwrap().len(), 6);
    drop(store);
    let again = open(&url(&path), Options::default()).unwrap();
    assert_eq!(again.schema_version().unwrap(), groundcrew_store::SCHEMA_VERSION);
    assert_kept(&before, &other);
}

#[test]
fn a_missing_status_is_counted_as_pending_and_once() {
    let (_folder, path) = place();
    drop(given(&path));
    let store = open(&url(&path), Options::default()).unwrap();
    let counts = store.counts().unwrap();
    let kinds: std::collections::BTreeSet<_> = counts.iter().map(|row| (row.role, row.status)).collect();
    assert_eq!(kinds.len(), counts.len(), "{counts:?}");
    assert_eq!(counts.iter().map(|row| row.tasks).sum::<u64>(), 1000);
}

#[test]
fn the_given_indexes_stay() {
    let (_folder, path) = place();
    let other = given(&path);
    let indexes = || rows(&other, "sqlite_schema", "name, sql");
    let before = indexes();
    let _store = open(&url(&path), Options::default()).unwrap();
    let after = indexes();
    let is_index = |row: &&Vec<Cell>| matches!(&row[0], Cell::Text(name) if name.starts_with("idx_agent_"));
    assert_eq!(before.iter().filter(is_index).count(), 7);
    assert!(before.iter().filter(is_index).all(|index| after.contains(index)));
}

/// Works every task of every role until nothing is ready.
fn work_all(store: &dyn Store) -> usize {
    let mut worked = 0;
    for &role in Role::ALL {
        while let Some(task) = store.claim(role, None, "w", LEASE).unwrap() {
            let outcome = Outcome::Complete { result: json!({ "by": "test" }) };
            let settlement = Settlement::new(task.id, task.lease_token, outcome);
            store.execute(Command::Settle(Box::new(settlement))).unwrap();
            worked += 1;
        }
    }
    worked
}

#[test]
fn rows_of_every_kind_are_worked_to_their_end() {
    let (_folder, path) = place();
    let other = given(&path);
    let count = |status: &str| -> usize {
        let sql = format!("SELECT count(*) FROM agent_tasks WHERE {status}");
        usize::try_from(other.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()).unwrap()
    };
    let (ready, running) = (count("coalesce(status, 'pending') = 'pending'"), count("status = 'running'"));
    let (blocked, done) = (count("status = 'blocked'"), count("status IN ('completed', 'failed')"));
    assert!([ready, running, blocked, done].iter().all(|&kind| kind > 50), "the mix is poor");
    let store = open(&url(&path), Options::default()).unwrap();
    let finished = || {
        rows(&other, "agent_tasks WHERE status IN ('completed', 'failed') AND lease_token = 0", TABLES[0].1)
    };
    assert_eq!(work_all(store.as_ref()), ready);
    let swept = store.maintain(LEASE).unwrap();
    assert_eq!(usize::try_from(swept.adopted).unwrap(), running);
    assert!(swept.normalised > 0);
    assert_eq!(store.maintain(LEASE).unwrap(), Maintained::default());
    assert_eq!(finished().len(), done);
    other
        .execute_batch(
            "UPDATE agent_tasks SET lease_until = '2001-01-01 00:00:00.000' WHERE status = 'running'",
        )
        .unwrap();
    let swept = store.maintain(LEASE).unwrap();
    assert_eq!(usize::try_from(swept.rescued + swept.failed).unwrap(), running);
    other
        .execute_batch("UPDATE agent_tasks SET run_at = '2001-01-01 00:00:00.000' WHERE run_at IS NOT NULL")
        .unwrap();
    store.maintain(LEASE).unwrap();
    assert_eq!(work_all(store.as_ref()), usize::try_from(swept.rescued).unwrap());
    let stuck = store.tasks(&TaskFilter {
        status: Some(Status::Blocked),
        limit: Some(5000),
        ..TaskFilter::default()
    });
    let stuck = stuck.unwrap();
    assert_eq!(stuck.len(), blocked);
    assert!(stuck.iter().all(|task| task.wait.is_some()), "a person can end every wait");
    let check: String = other.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn an_insert_of_another_program_is_claimed_within_a_second() {
    let (_folder, path) = place();
    let other = given(&path);
    other.execute_batch("DELETE FROM agent_tasks").unwrap();
    let store = open(&url(&path), Options::default()).unwrap();
    for role in ["qa", "developer"] {
        let seen = store.changes(0, std::time::Duration::ZERO);
        let insert = format!(
            "INSERT INTO agent_tasks (task_type, assigned_to, context_json) VALUES ('x', '{role}', '{{}}')"
        );
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| store.changes(seen, std::time::Duration::from_secs(30)));
            let began = std::time::Instant::now();
            other.execute_batch(&insert).unwrap();
            assert!(waiter.join().unwrap() > seen);
            let claimed = store.claim(role.parse().unwrap(), None, "w", LEASE).unwrap();
            assert_eq!(claimed.map(|task| task.task_type), Some("x".to_owned()));
            assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
        });
    }
}

#[test]
fn tables_of_an_application_that_share_the_file_are_left_alone() {
    let (_folder, path) = place();
    let other = given(&path);
    let own =
        "CREATE TABLE projects (x); CREATE TABLE settings (x); CREATE TABLE schema_migrations (version);
               INSERT INTO schema_migrations VALUES (47)";
    other.execute_batch(own).unwrap();
    let store = open(&url(&path), Options::default()).unwrap();
    store.add_project("a", "/a", &json!({})).unwrap();
    assert_eq!(rows(&other, "projects", "*"), Vec::<Vec<Cell>>::new());
    assert_eq!(rows(&other, "schema_migrations", "*"), [[Cell::Integer(47)]]);
}

#[test]
fn triggers_of_an_application_work_whatever_the_crew_writes_and_the_counts_stay_exact() {
    let (_folder, path) = place();
    let other = Connection::open(&path).unwrap();
    other.execute_batch(GIVEN).unwrap();
    other.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    let store = open(&url(&path), Options::default()).unwrap();
    let run = || {
        let task = NewTask::new("work", Role::Qa, Party::User, json!({}));
        store.execute(Command::Create(Box::new(task))).unwrap();
        let task = store.claim(Role::Qa, None, "w", LEASE).unwrap().unwrap();
        let outcome = Outcome::Complete { result: json!({}) };
        store
            .execute(Command::Settle(Box::new(Settlement::new(task.id, task.lease_token, outcome))))
            .unwrap();
        assert_eq!(store.check().unwrap(), vec![]);
    };
    run();
    // While the store is open, and away again.
    other
        .execute_batch(
            "CREATE TABLE seen (status TEXT);
             CREATE TRIGGER told AFTER UPDATE OF status ON agent_tasks BEGIN
                 INSERT INTO seen VALUES (new.status);
                 UPDATE agent_tasks SET assigned_to = 'security'
                 WHERE id = new.id AND new.status = 'completed' AND assigned_to = 'qa';
             END;",
        )
        .unwrap();
    run();
    other.execute_batch("DROP TRIGGER told").unwrap();
    run();
    let text = |word: &str| Cell::Text(word.to_owned());
    assert_eq!(rows(&other, "seen", "status"), [[text("completed")], [text("running")]]);
    let counts: Vec<_> =
        store.counts().unwrap().into_iter().map(|row| (row.role, row.status, row.tasks)).collect();
    assert_eq!(counts, [(Role::Qa, Status::Completed, 2), (Role::Security, Status::Completed, 1)]);
}
