use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};

use crate::databases::orderly;
use crate::fixture::Crew;
use crate::support::{Home, Ran, until};

#[test]
fn migrating_is_done_once_and_can_be_looked_at_first() {
    let home = Home::new();
    insta::assert_snapshot!("dry", home.transcript(&["db", "migrate", "--dry-run"]));
    assert!(!home.database().exists(), "a dry run makes nothing");
    insta::assert_snapshot!("first", home.transcript(&["db", "migrate", "--json"]));
    insta::assert_snapshot!("second", home.transcript(&["db", "migrate"]));
}

#[test]
fn a_database_of_the_given_schema_is_taken_over_with_its_rows() {
    let home = Home::new();
    std::fs::create_dir_all(home.database().parent().unwrap()).unwrap();
    let given = include_str!("../../../store/migrations/sqlite/0001_given.sql");
    let sql = home.sql();
    sql.execute_batch(given).unwrap();
    sql.execute("INSERT INTO agent_tasks (task_type, assigned_to) VALUES ('check_health', 'monitor')", [])
        .unwrap();
    drop(sql);
    let ran = home.run(&["tasks"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("groundcrew db migrate"), "{}", ran.stderr);
    home.ok(&["db", "migrate"]);
    assert_eq!(home.json(&["tasks"])["tasks"][0]["task_type"], "check_health");
}

#[test]
fn a_database_in_order_is_told_as_that() {
    let crew = orderly();
    insta::assert_snapshot!("check", crew.home.transcript(&["db", "check"]));
    insta::assert_snapshot!("check_json", crew.home.transcript(&["db", "check", "--json"]));
}

#[test]
fn what_contradicts_itself_is_found_row_by_row() {
    let crew = orderly();
    crew.home
        .sql()
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             UPDATE agent_tasks SET status = 'running', lease_owner = NULL WHERE id = 7;
             INSERT INTO agent_tasks (id, task_type, assigned_to, status) VALUES (20, 'x', 'qa', 'blocked');
             INSERT INTO agent_tasks (id, task_type, assigned_to, status, blocked_on, blocked_message_id)
                 VALUES (21, 'x', 'qa', 'blocked', 'question', 999);
             INSERT INTO agent_tasks (id, task_type, assigned_to, status, blocked_on)
                 VALUES (22, 'x', 'qa', 'blocked', 'children');
             UPDATE agent_tasks SET retry_count = 4 WHERE id = 4;
             INSERT INTO agent_tasks (id, task_type, assigned_to, lease_owner, lease_until)
                 VALUES (23, 'x', 'qa', 'qa@host-1', '2026-03-01 09:00:00');
             INSERT INTO agent_tasks (id, task_type, assigned_to, parent_task_id) VALUES (24, 'x', 'qa', 25);
             INSERT INTO agent_tasks (id, task_type, assigned_to, parent_task_id) VALUES (25, 'x', 'qa', 24);
             INSERT INTO agent_tasks (id, task_type, assigned_to, parent_task_id) VALUES (26, 'x', 'qa', 4711);
             INSERT INTO agent_tasks (id, task_type, assigned_to, project_id) VALUES (27, 'x', 'qa', 8);
             INSERT INTO crew_attempts (task_id, token, worker, started_at) VALUES (1, 77, 'w', '2026-03-01 09:00:00');
             INSERT INTO agent_messages (id, task_id, from_agent, to_agent, message_type, content)
                 VALUES (50, 1, 'qa', 'user', 'question', 'Why?'), (51, NULL, 'qa', 'oracle', 'question', 'Why?'),
                        (52, 1, 'qa', 'tester', 'handoff', 'take it');
             DROP INDEX agent_tasks_dedupe;
             INSERT INTO agent_tasks (id, task_type, assigned_to, dedupe_key)
                 VALUES (30, 'x', 'qa', 'same'), (31, 'x', 'qa', 'same');
             DELETE FROM agent_state WHERE agent_name = 'qa';",
        )
        .unwrap();
    insta::assert_snapshot!("findings", crew.home.transcript(&["db", "check"]));
    let ran = crew.home.run(&["db", "check", "--json"]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &told["ok"]), (Some(3), &json!(false)));
    let same = json!({ "rule": "retries", "table": "agent_tasks", "id": "4",
        "detail": "its retry_count is 4, which is not within 0 to 3" });
    assert!(told["findings"].as_array().unwrap().contains(&same), "{told}");
}

#[test]
fn a_copy_is_whole_private_and_never_in_the_place_of_another_file() {
    let crew = orderly();
    let text = crew.home.transcript(&["db", "backup", "copy.db"]);
    insta::assert_snapshot!("backup", measured(&text));
    let file = crew.home.shop().join("copy.db");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&file).unwrap();
    insta::assert_snapshot!("backup_again", crew.home.transcript(&["db", "backup", "copy.db"]));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    std::os::unix::fs::symlink("nowhere", crew.home.shop().join("link.db")).unwrap();
    assert_eq!(crew.home.run(&["db", "backup", "link.db"]).code, Some(5));
    insta::assert_snapshot!(
        "backup_json",
        measured(&crew.home.transcript(&["db", "backup", "other.db", "--json"]))
    );
    let left: BTreeSet<String> = std::fs::read_dir(crew.home.shop())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".db") || name.contains("backup"))
        .collect();
    assert_eq!(left, ["copy.db", "link.db", "other.db"].map(str::to_owned).into());
    let missing = crew.home.run(&["db", "backup", "no/such/folder/copy.db"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("cannot write a backup in no/such/folder"), "{}", missing.stderr);
}

#[test]
fn a_copy_in_the_place_of_the_database_restores_it() {
    let crew = orderly();
    let tasks = crew.home.json(&["tasks"]);
    crew.home.ok(&["db", "backup", "copy.db"]);
    crew.home.ok(&["tasks", "cancel", "7"]);
    for end in ["", "-wal", "-shm"] {
        let mut file = crew.home.database().into_os_string();
        file.push(end);
        std::fs::remove_file(file).ok();
    }
    std::fs::rename(crew.home.shop().join("copy.db"), crew.home.database()).unwrap();
    assert_eq!(crew.home.json(&["tasks"]), tasks);
    crew.home.ok(&["tasks", "cancel", "7"]);
}

/// The text with the sizes of files replaced, which are not the same with every release of SQLite.
pub(crate) fn measured(text: &str) -> String {
    let text = Regex::new(r"\b\d+( bytes| pages|,? of them free)").unwrap().replace_all(text, "<n>$1");
    let fields = Regex::new(r#"("(?:bytes|wal_bytes|pages|free_pages)": )\d+"#).unwrap();
    fields.replace_all(&text, "$1\"<n>\"").into_owned()
}

#[test]
fn figures_are_told_to_people_and_programs() {
    let crew = orderly();
    insta::assert_snapshot!("stats", measured(&crew.home.transcript(&["db", "stats"])));
    insta::assert_snapshot!("stats_json", measured(&crew.home.transcript(&["db", "stats", "--json"])));
}

#[test]
fn an_empty_database_has_figures_too() {
    let home = Home::new();
    home.ok(&["db", "migrate"]);
    insta::assert_snapshot!("stats_empty", measured(&home.transcript(&["db", "stats"])));
}

/// The crew of the fixture, with three old workflows: finished, finished but of an open incident, and open.
fn with_old_work() -> Crew {
    let crew = orderly();
    crew.home
        .sql()
        .execute_batch(
            "INSERT INTO agent_tasks (id, task_type, assigned_to, status, parent_task_id, created_at, completed_at)
                 VALUES (100, 'fix_bug', 'developer', 'completed', NULL, '2025-01-01 09:00:00', '2025-01-01 09:10:00'),
                        (101, 'verify_fix', 'qa', 'failed', 100, '2025-01-01 09:10:00', '2025-01-02 09:00:00'),
                        (110, 'fix_bug', 'developer', 'pending', NULL, '2025-01-01 09:00:00', NULL);
             INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content, created_at)
                 VALUES (101, 'system', 'user', 'notification', 'verify_fix failed', '2025-01-02 09:00:00');
             INSERT INTO agent_logs (task_id, agent_name, log_level, message, created_at)
                 VALUES (100, 'developer', 'info', 'tried', '2025-01-01 09:05:00');
             INSERT INTO crew_attempts VALUES (100, 1, 'developer@host-1', '2025-01-01 09:00:00',
                 '2025-01-01 09:10:00', 'completed', NULL);
             UPDATE agent_tasks SET lease_token = 1 WHERE id = 100;
             UPDATE agent_tasks SET status = 'completed', completed_at = '2026-03-01 09:20:00', blocked_on = NULL,
                 blocked_message_id = NULL WHERE id = 5;
             UPDATE agent_messages SET read_at = '2026-03-01 09:20:00' WHERE id = 1;
             INSERT INTO crew_events (at, kind, title) VALUES ('2025-01-01 09:00:00', 'incident_new', 'KeyError');
             INSERT INTO crew_incident_buckets VALUES (1, '2025-01-01 09:00:00', 3), (1, '2025-01-01 09:05:00', 1);
             INSERT INTO crew_traffic VALUES (1, 'a.log', '2025-01-01 09:00:00', 9, 9, 4)",
        )
        .unwrap();
    crew
}

#[test]
fn pruning_counts_first_and_then_archives_and_deletes() {
    let crew = with_old_work();
    let prune = ["db", "prune", "--before", "2026-03-02"];
    let with = |more: &[&'static str]| [&prune[..], more].concat();
    insta::assert_snapshot!("prune_dry", crew.home.transcript(&with(&["--dry-run"])));
    insta::assert_snapshot!("prune_dry_json", crew.home.transcript(&with(&["--dry-run", "--json"])));
    insta::assert_snapshot!("prune", crew.home.transcript(&with(&["--archive", "old.jsonl"])));
    insta::assert_snapshot!("prune_json", crew.home.transcript(&with(&["--archive", "old.jsonl", "--json"])));
    let archive = crew.home.shop().join("old.jsonl");
    assert_eq!(std::fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
    insta::assert_snapshot!("archive", crew.home.steady(&std::fs::read_to_string(&archive).unwrap()));
    assert_eq!(crew.home.run(&["show", "100"]).code, Some(4));
    crew.home.ok(&["show", "110"]);
    crew.home.ok(&["db", "check"]);
}

#[test]
fn pruning_takes_only_what_it_is_told_and_writes_only_into_an_archive() {
    let crew = with_old_work();
    let notes = crew.home.shop().join("notes.txt");
    std::fs::write(&notes, "mine\n").unwrap();
    let run = |more: &[&str]| crew.home.run(&[&["db", "prune"], more].concat());
    let ran = run(&["--before", "1d", "--archive", "notes.txt"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(
        ran.stderr,
        "error: notes.txt cannot take what is pruned: it holds something else; name a new file, or an archive that \
         `groundcrew db prune` made\n"
    );
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "mine\n");
    for wrong in [&["--before", "1d"][..], &["--archive", "a"], &["--before", "soon", "--archive", "a"]] {
        assert_eq!(run(wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(run(&["--before", "2024-01-01", "--archive", "a", "--json"]).code, Some(0));
    crew.home.ok(&["show", "100"]);
}

/// Every row of the archive, whatever was written after the last whole workflow left aside.
fn archived(file: &Path) -> Vec<(String, i64)> {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.ends_with('\n'), "a half line");
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(table) = line["table"].as_str() {
            rows.push((table.to_owned(), line["row"]["id"].as_i64().unwrap()));
        }
    }
    rows
}

fn stored(home: &Home) -> Vec<(String, i64)> {
    let sql = home.sql();
    let mut rows = Vec::new();
    for table in ["agent_tasks", "agent_messages", "agent_logs"] {
        let mut keys = sql.prepare(&format!("SELECT id FROM {table}")).unwrap();
        let found = keys.query_map([], |row| row.get(0)).unwrap();
        rows.extend(found.map(|id| (table.to_owned(), id.unwrap())));
    }
    rows
}

#[test]
fn a_kill_in_the_middle_of_pruning_loses_nothing_and_doubles_nothing() {
    let home = Home::new();
    home.ok(&["db", "migrate"]);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)";
    home.sql()
        .execute_batch(&format!(
            "{numbers} INSERT INTO agent_tasks (id, task_type, assigned_to, status, parent_task_id, created_at, completed_at)
                 SELECT i, 'x', 'qa', 'completed', CASE i % 2 WHEN 0 THEN i - 1 END, '2025-01-01 09:00:00',
                 '2025-01-01 09:00:01' FROM n ORDER BY i;
             {numbers} INSERT INTO agent_logs (task_id, agent_name, message, created_at)
                 SELECT i, 'qa', 'step', '2025-01-01 09:00:00' FROM n;
             {numbers} INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content)
                 SELECT i, 'qa', 'user', 'notification', 'done' FROM n;"
        ))
        .unwrap();
    let before: BTreeSet<(String, i64)> = stored(&home).into_iter().collect();
    let archive = home.shop().join("old.jsonl");
    let prune = ["db", "prune", "--before", "30d", "--archive", "old.jsonl"];
    let length = || std::fs::metadata(&archive).map_or(0, |found| found.len());
    let mut kills = 0;
    for _ in 0..6 {
        let more = length() + 40_000;
        let mut run = home.start(&prune);
        until("it has written or ended", || length() > more || run.has_ended());
        kills += usize::from(!run.has_ended());
        run.signal("KILL");
        run.end();
    }
    assert!(kills >= 3, "it ended before it was killed: {kills}");
    home.ok(&prune);
    let mut seen: BTreeMap<(String, i64), usize> = BTreeMap::new();
    for row in archived(&archive) {
        *seen.entry(row).or_default() += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert_eq!(twice, Vec::<(&(String, i64), &usize)>::new());
    let left: BTreeSet<(String, i64)> = stored(&home).into_iter().collect();
    let lost: Vec<_> = before.iter().filter(|row| !seen.contains_key(row) && !left.contains(row)).collect();
    assert_eq!(lost, Vec::<&(String, i64)>::new());
    assert_eq!(
        home.sql().query_row("SELECT count(*) FROM agent_tasks", [], |row| row.get::<_, i64>(0)),
        Ok(0)
    );
    home.ok(&["db", "check"]);
}

#[test]
fn two_prunings_into_one_archive_do_not_mix() {
    let crew = with_old_work();
    let archive = crew.home.shop().join("old.jsonl");
    let held = std::fs::File::create(&archive).unwrap();
    held.lock().unwrap();
    let ran: Ran = crew.home.run(&["db", "prune", "--before", "1d", "--archive", "old.jsonl"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("another program is pruning into it now"), "{}", ran.stderr);
}
