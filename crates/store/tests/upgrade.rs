//! A database of the first release, with rows in every table, is brought up to date and loses nothing.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::Path;

use groundcrew_core::incident::IncidentStatus;
use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, IncidentId, MessageId, ProjectId, Status, Wait};
use groundcrew_store::{Access, Kind, Options, SCHEMA_VERSION, StoreError, TaskFilter, open};
use jiff::{SignedDuration, Timestamp};
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const GIVEN: &str = include_str!("../migrations/sqlite/0001_given.sql");
const CREW: &str = include_str!("../migrations/sqlite/0002_crew.sql");

/// A day of work as the first release stored it.
const DAY: &str = "
INSERT INTO crew_projects (id, name, root, config_json, created_at)
VALUES (1, 'shop', '/srv/shop', '{\"a\":1}', '2026-01-01 00:00:00.000');
INSERT INTO crew_incidents (id, project_id, fingerprint, fingerprint_version, title, status, category, severity, reason,
    occurrences, first_seen, last_seen, sample_json, branch)
VALUES
    (1, 1, 'f1', 1, 'KeyError: a', 'fix_ready', 'code_bug', 'high', 'a branch waits', 7, '2026-01-01 00:00:00.000',
     '2026-01-02 00:00:00.000', '{\"text\":\"boom\"}', 'fix/1'),
    (2, 1, 'f2', 1, 'KeyError: b', 'approved', NULL, NULL, NULL, 3, '2026-01-01 00:00:00.000',
     '2026-01-02 00:00:00.000', '{}', NULL);
INSERT INTO agent_tasks (id, task_type, assigned_to, created_by, status, priority, context_json, result_json,
    parent_task_id, error_message, created_at, started_at, completed_at, retry_count, project_id, incident_id, run_at,
    lease_token, lease_owner, lease_since, lease_until, blocked_on, blocked_message_id, refusal_code, dedupe_key)
VALUES
    (1, 'scan_logs', 'monitor', 'system', 'completed', 5, '{}', '{\"lines\":3}', NULL, NULL, '2026-01-01 00:00:00.000',
     '2026-01-01 00:00:01.000', '2026-01-01 00:00:02.000', 0, 1, NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL,
     'scan_logs:1:/srv/shop/app.log'),
    (2, 'publish_fix', 'developer', 'architect', 'blocked', 8, '{\"branch\":\"fix/1\"}', NULL, 1, NULL,
     '2026-01-01 00:00:03.000', '2026-01-01 00:00:04.000', NULL, 0, 1, 1, NULL, 1, NULL, NULL, NULL, 'approval', 2, NULL,
     NULL),
    (3, 'classify_error', 'triage', 'monitor', 'pending', 5, '{\"reason\":\"new\"}', NULL, 1, NULL,
     '2026-01-01 00:00:05.000', NULL, NULL, 0, 1, 2, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'classify_error:1:f2'),
    (4, 'verify_fix', 'qa', 'developer', 'failed', 5, NULL, NULL, NULL, 'no', '2026-01-01 00:00:06.000',
     '2026-01-01 00:00:07.000', '2026-01-01 00:00:08.000', 3, 1, 1, NULL, 4, NULL, NULL, NULL, NULL, NULL, 'no_tests',
     NULL);
INSERT INTO agent_messages (id, task_id, from_agent, to_agent, message_type, content, metadata_json, created_at, read_at)
VALUES
    (1, 1, 'monitor', 'triage', 'handoff', 'scan_logs #1 is done; next: classify_error', '{\"priority\":5}',
     '2026-01-01 00:00:05.000', NULL),
    (2, 2, 'developer', 'user', 'question', 'Approve?',
     '{\"choices\":[{\"key\":\"approve\",\"text\":\"yes\"},{\"key\":\"reject\",\"text\":\"no\"}],\"default\":\"approve\",
       \"binding\":{\"branch\":\"fix/1\",\"commit\":\"c0ffee\",\"diff_hash\":\"d\"}}', '2026-01-01 00:00:05.000', NULL);
INSERT INTO agent_logs (id, task_id, agent_name, log_level, message, data_json, created_at)
VALUES (1, 1, 'monitor', 'info', 'read 3 lines', '{\"act\":\"x\"}', '2026-01-01 00:00:02.000');
UPDATE agent_state SET status = 'blocked', metrics_json = '{\"runs\":4,\"completed\":2,\"total_run_ms\":80}'
    WHERE agent_name = 'developer';
INSERT INTO crew_attempts (task_id, token, worker, started_at, ended_at, outcome, error)
VALUES (1, 1, 'monitor@a', '2026-01-01 00:00:01.000', '2026-01-01 00:00:02.000', 'completed', NULL);
INSERT INTO crew_log_cursors (project_id, source, cursor_json) VALUES (1, '/srv/shop/app.log', '{\"offset\":9}');
";

/// A database as the first release left it.
fn first_release(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "CREATE TABLE crew_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,
            applied_at DATETIME NOT NULL)",
    )
    .unwrap();
    for (version, name, text) in [(1, "given", GIVEN), (2, "crew", CREW)] {
        db.execute_batch(text).unwrap();
        let checksum: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let record = "INSERT INTO crew_migrations VALUES (?1, ?2, ?3, '2026-01-01 00:00:00.000')";
        db.execute(record, params![version, name, checksum]).unwrap();
    }
    db.execute_batch(DAY).unwrap();
    db
}

/// Every row of every table, in the columns that the table has now.
fn everything(db: &Connection) -> Vec<(String, String, Vec<Vec<Cell>>)> {
    let names = "SELECT name, (SELECT group_concat(name, ', ') FROM pragma_table_info(t.name))
        FROM sqlite_schema t WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'crew_migrations'";
    let mut tables = db.prepare(names).unwrap();
    let tables = tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let tables: Vec<(String, String)> = tables.collect::<Result<_, _>>().unwrap();
    let all = |(table, columns): (String, String)| {
        let rows = rows(db, &table, &columns);
        (table, columns, rows)
    };
    tables.into_iter().map(all).collect()
}

fn rows(db: &Connection, table: &str, columns: &str) -> Vec<Vec<Cell>> {
    let mut rows = db.prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1, 2")).unwrap();
    let width = rows.column_count();
    let rows = rows.query_map([], |row| (0..width).map(|column| row.get(column)).collect()).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_database_of_the_first_release_keeps_every_row_column_by_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crew.db");
    let other = first_release(&path);
    let before = everything(&other);
    assert!(before.iter().filter(|(_, _, rows)| !rows.is_empty()).count() >= 9, "{before:?}");
    let store = open(&format!("sqlite:{}", path.display()), Options::default()).unwrap();
    assert_eq!(store.schema_version().unwrap(), SCHEMA_VERSION);
    for (table, columns, old) in before {
        // A later migration may keep settings of its own there.
        let mut new = rows(&other, &table, &columns);
        if table == "crew_settings" {
            new.retain(|row| old.contains(row));
        }
        assert_eq!(new, old, "{table}");
    }
    let check: String = other.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn the_work_of_the_first_release_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crew.db");
    drop(first_release(&path));
    let store = open(&format!("sqlite:{}", path.display()), Options::default()).unwrap();
    assert_eq!(store.tasks(&TaskFilter::default()).unwrap().len(), 4);
    let found = store.incident(IncidentId(1)).unwrap().unwrap();
    assert_eq!(
        (found.status, found.occurrences, found.released_at, found.merged_into),
        (IncidentStatus::FixReady, 7, None, None)
    );
    assert_eq!(store.cursor(ProjectId(1), "/srv/shop/app.log").unwrap(), Some(json!({ "offset": 9 })));
    let inbox = store.inbox().unwrap();
    assert_eq!(
        inbox[0].task.as_ref().unwrap().wait,
        Some(Wait { on: BlockedOn::Approval, message: Some(MessageId(2)) })
    );
    store
        .execute(Command::Answer {
            question: MessageId(2),
            by: Party::User,
            choice: "approve".to_owned(),
            comment: None,
            extra: Value::Null,
        })
        .unwrap();
    let lease = SignedDuration::from_secs(60);
    assert_eq!(store.claim(Role::Developer, None, "w", lease).unwrap().unwrap().task_type, "publish_fix");
    let classify = store.claim(Role::Triage, None, "w", lease).unwrap().unwrap();
    assert_eq!(classify.status, Status::Running);
    let hand_off = store.message(MessageId(1)).unwrap().unwrap();
    assert!(
        hand_off.read_at.is_some(),
        "a hand-off that does not name its task came with the one that is claimed"
    );
    assert_eq!(
        store.incident_buckets(IncidentId(1), Timestamp::UNIX_EPOCH).unwrap(),
        [],
        "nothing is made up"
    );
    assert_eq!(store.events(0, 9).unwrap().len(), 1, "only what happened since: the approval");
    let developer = store.agents().unwrap().into_iter().find(|agent| agent.role == Role::Developer).unwrap();
    assert_eq!(developer.metrics["runs"], json!(4), "counters go on from where they were");
}

#[test]
fn a_reader_asks_for_the_upgrade_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crew.db");
    let other = first_release(&path);
    let before = everything(&other);
    let options = Options { access: Access::ReadOnly };
    let refused = open(&format!("sqlite:{}", path.display()), options).err().unwrap();
    assert!(matches!(refused, StoreError::Older { found: 2, needed: SCHEMA_VERSION, .. }), "{refused}");
    assert_eq!(refused.kind(), Kind::Usage);
    assert_eq!(everything(&other), before);
}
