//! Looking after a database: seals over the audit log, checks, figures, pruning.

use groundcrew_core::log::NewLog;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{IncidentLink, NewTask, TaskId};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Bench, MINUTE, Make, complete};
use crate::{AuditReport, Before, Broken, Count, Flaw, Prune, Pruned};

/// Rows of the audit log that are old enough to be sealed, with the keys 1 to `rows`.
fn old_entries(bench: &Bench, rows: usize) {
    for row in 0..rows {
        (bench.sql)(&format!(
            "INSERT INTO agent_logs (agent_name, log_level, message, data_json, created_at)
             VALUES ('qa', 'info', 'looked at file {row}', '{{\"n\":1}}', '2026-01-02 03:04:05')",
        ));
    }
}

fn sealed(make: Make<'_>, rows: usize) -> Bench {
    let bench = make();
    old_entries(&bench, rows);
    bench.store.maintain(MINUTE).unwrap();
    bench
}

fn broken(bench: &Bench) -> Option<Broken> {
    bench.store.verify_audit(None).unwrap().broken
}

fn at(row: i64, flaw: Flaw) -> Option<Broken> {
    Some(Broken { seal: Some(1), range: Some((1, 5)), row: Some(row), flaw })
}

/// Only entries that nobody adds to any more are sealed, and what is sealed verifies.
pub fn old_entries_are_sealed_and_young_ones_later(make: Make<'_>) {
    let bench = sealed(make, 5);
    bench.store.log(None, Party::User, NewLog::info("young", Value::Null)).unwrap();
    bench.store.maintain(MINUTE).unwrap();
    let report = bench.store.verify_audit(None).unwrap();
    let head = report.head.clone().unwrap();
    let wanted = AuditReport { seals: 1, sealed: 5, pruned: 0, unsealed: 1, head: Some(head), broken: None };
    assert_eq!(report, wanted);
    assert_eq!(make().store.verify_audit(None).unwrap().seals, 0);
}

/// Whatever is done to a sealed entry, its key is told.
pub fn a_sealed_entry_that_was_touched_is_named(make: Make<'_>) {
    for (change, wanted) in [
        ("UPDATE agent_logs SET message = 'looked at a filf' WHERE id = 3", at(3, Flaw::RowChanged)),
        ("UPDATE agent_logs SET created_at = '2026-01-02 03:04:06' WHERE id = 1", at(1, Flaw::RowChanged)),
        ("UPDATE agent_logs SET data_json = NULL WHERE id = 5", at(5, Flaw::RowChanged)),
        ("UPDATE agent_logs SET agent_name = 'q', log_level = 'info' WHERE id = 2", at(2, Flaw::RowChanged)),
        ("DELETE FROM agent_logs WHERE id = 4", at(4, Flaw::RowMissing)),
        ("DELETE FROM agent_logs WHERE id = 5", at(5, Flaw::RowMissing)),
        ("DELETE FROM agent_logs", at(1, Flaw::RowMissing)),
        (
            "DELETE FROM agent_logs WHERE id = 3; UPDATE agent_logs SET id = 3 WHERE id = 4",
            at(3, Flaw::RowChanged),
        ),
        (
            "INSERT INTO agent_logs (id, agent_name, message) VALUES (-7, 'qa', 'was always here')",
            at(-7, Flaw::RowAdded),
        ),
    ] {
        let bench = sealed(make, 5);
        assert_eq!(broken(&bench), None);
        (bench.sql)(change);
        assert_eq!(broken(&bench), wanted, "{change}");
    }
}

/// An entry cannot be slipped in where a range has a gap.
pub fn an_entry_added_to_a_sealed_range_is_named(make: Make<'_>) {
    let bench = make();
    old_entries(&bench, 5);
    (bench.sql)("DELETE FROM agent_logs WHERE id = 3");
    bench.store.maintain(MINUTE).unwrap();
    assert_eq!(broken(&bench), None, "a gap that was there is none of tampering");
    (bench.sql)("INSERT INTO agent_logs (id, agent_name, message) VALUES (3, 'qa', 'was always here')");
    assert_eq!(broken(&bench), at(3, Flaw::RowAdded));
}

/// Full ranges are sealed one by one, and each seal stands on the one before it.
pub fn a_seal_that_was_touched_is_named(make: Make<'_>) {
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)";
    let change = |change: &str| {
        let bench = make();
        (bench.sql)(&format!(
            "INSERT INTO agent_logs (agent_name, message, created_at)
             {numbers} SELECT 'qa', 'step ' || i, '2026-01-02 03:04:05' FROM n"
        ));
        for _ in 0..4 {
            bench.store.maintain(MINUTE).unwrap();
        }
        let report = bench.store.verify_audit(None).unwrap();
        assert_eq!((report.seals, report.sealed, report.unsealed, report.broken), (3, 5000, 0, None));
        let head = report.head.unwrap();
        assert_eq!(bench.store.verify_audit(Some(&head)).unwrap().broken, None);
        (bench.sql)(change);
        let found = broken(&bench).map(|broken| (broken.seal, broken.row, broken.flaw));
        (found, bench.store.verify_audit(Some(&head)).unwrap().broken)
    };
    let told = |text: &str| change(text).0;
    assert_eq!(told("DELETE FROM crew_audit_seals WHERE id = 1"), Some((Some(1), None, Flaw::SealMissing)));
    assert_eq!(told("DELETE FROM crew_audit_seals WHERE id = 2"), Some((Some(2), None, Flaw::SealMissing)));
    assert_eq!(told("DELETE FROM crew_audit_seals WHERE id = 3"), Some((Some(3), None, Flaw::SealMissing)));
    let other = "UPDATE crew_audit_seals SET hash = 'x' WHERE id = 2";
    assert_eq!(told(other), Some((Some(2), None, Flaw::SealChanged)));
    let later = "UPDATE crew_audit_seals SET sealed_at = '2030-01-01 00:00:00' WHERE id = 3";
    assert_eq!(told(later), Some((Some(3), None, Flaw::SealChanged)));
    let row = "UPDATE agent_logs SET message = 'step' WHERE id = 4321";
    assert_eq!(told(row), Some((Some(3), Some(4321), Flaw::RowChanged)));
    let all = "DELETE FROM crew_audit_seals; DELETE FROM crew_settings WHERE name = 'audit_head'";
    let (found, noted) = change(all);
    assert_eq!(found, None, "who may write everything may also begin anew");
    assert_eq!(
        noted.map(|broken| broken.flaw),
        Some(Flaw::NotedMissing),
        "but not with a hash noted elsewhere"
    );
}

/// An entry from the future, as after a clock was set back, does not keep the others from being sealed.
pub fn an_entry_of_any_time_is_sealed(make: Make<'_>) {
    let bench = make();
    for time in ["'2999-01-01 00:00:00'", "'yesterday'", "NULL", "17", "''"] {
        (bench.sql)(&format!(
            "INSERT INTO agent_logs (agent_name, message, created_at) VALUES ('other', 'x', {time})"
        ));
    }
    bench.store.maintain(MINUTE).unwrap();
    assert_eq!(bench.store.verify_audit(None).unwrap().sealed, 5);
}

/// Nothing that the state machine does is found fault with.
pub fn a_worked_database_is_in_order(make: Make<'_>) {
    let bench = make();
    bench.store.add_project("shop", "/srv/shop", &json!({})).unwrap();
    let asked = bench.claimed(Role::Qa);
    bench.ask(&asked);
    let answered = bench.claimed(Role::Triage);
    let question = bench.ask(&answered);
    bench.answer(question, "yes").unwrap();
    let cancelled = bench.claimed(Role::Security);
    bench.ask(&cancelled);
    let command = groundcrew_core::lifecycle::Command::Cancel {
        task: cancelled.id,
        by: Party::User,
        reason: "enough".into(),
    };
    bench.store.execute(command).unwrap();
    let done = bench.claimed(Role::Developer);
    let mut next = NewTask::new("verify", Role::Qa, Party::Developer, json!({}));
    next.parent = Some(done.id);
    bench.settle_with(&done, complete(), |settlement| settlement.hand_offs.push(next)).unwrap();
    bench.claimed(Role::Architect);
    bench.store.claim(Role::Triage, None, "worker-2", super::EXPIRED).unwrap();
    bench.store.maintain(MINUTE).unwrap();
    assert_eq!(bench.store.check().unwrap(), []);
}

/// Figures count what is there.
pub fn figures_tell_what_is_there(make: Make<'_>) {
    let bench = make();
    for second in 0..40 {
        (bench.sql)(&format!(
            "INSERT INTO agent_tasks (task_type, assigned_to, created_at)
             VALUES ('work', 'qa', '2026-01-02 03:04:{second:02}')"
        ));
    }
    (bench.sql)(
        "INSERT INTO agent_tasks (task_type, assigned_to, status, completed_at) VALUES
             ('work', 'qa', 'completed', '2026-01-01 10:00:00'), ('work', 'qa', 'completed', '2026-01-01 11:00:00'),
             ('work', 'qa', 'failed', '2026-01-03 10:00:00')",
    );
    let stats = bench.store.stats().unwrap();
    let time = |text: &str| Some(text.parse().unwrap());
    assert_eq!(stats.queue.ready, 40);
    assert_eq!(
        (stats.queue.oldest, stats.queue.p95),
        (time("2026-01-02T03:04:00Z"), time("2026-01-02T03:04:02Z"))
    );
    let days: Vec<(&str, u64, u64)> =
        stats.finished.iter().map(|day| (day.day.as_str(), day.completed, day.failed)).collect();
    assert_eq!(days, [("2026-01-03", 0, 1), ("2026-01-01", 2, 0)]);
    assert_eq!(stats.rows["agent_tasks"], 43);
    assert_eq!(stats.rows["crew_incidents"], 0);
    assert_eq!(stats.schema, bench.store.schema_version().unwrap());
    let tasks: u64 = stats.tasks.iter().map(|Count { tasks, .. }| tasks).sum();
    assert_eq!(tasks, 43);
}

/// A finished workflow of two tasks with everything around it, two days old.
fn old_workflow(bench: &Bench) -> TaskId {
    let first = bench.claimed(Role::Developer);
    let mut next = NewTask::new("verify", Role::Qa, Party::Developer, json!({}));
    next.parent = Some(first.id);
    let logs = vec![NewLog::info("looked", json!({ "file": "a.py" }))];
    bench
        .settle_with(&first, complete(), |settlement| {
            settlement.hand_offs.push(next);
            settlement.logs = logs;
        })
        .unwrap();
    let second = bench.claim(Role::Qa);
    bench.record(&second, "suite", Value::from(1)).unwrap();
    bench.settle(&second, complete()).unwrap();
    (bench.sql)(
        "UPDATE agent_tasks SET created_at = '2026-01-02 03:04:05', completed_at = '2026-01-02 04:00:00';
         UPDATE agent_logs SET created_at = '2026-01-02 03:04:05'",
    );
    first.id
}

fn prune(bench: &Bench, archive: Option<&std::path::Path>) -> Pruned {
    let wish =
        Prune { before: Before::Ago(SignedDuration::from_hours(24)), archive: archive.map(Into::into) };
    bench.store.prune(&wish).unwrap()
}

/// Old workflows go as a whole into the archive, and the seals still hold.
pub fn finished_workflows_are_archived_and_deleted(make: Make<'_>) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("old.jsonl");
    let bench = make();
    let root = old_workflow(&bench);
    bench.store.maintain(MINUTE).unwrap();
    let sealed = bench.store.verify_audit(None).unwrap().sealed;
    assert!(sealed > 0);
    let would = prune(&bench, None);
    assert_eq!(bench.store.workflow(root).unwrap().len(), 2, "counting deletes nothing");
    let pruned = prune(&bench, Some(&archive));
    assert_eq!(pruned, would);
    assert_eq!((pruned.workflows, pruned.tasks, pruned.attempts, pruned.kept), (1, 2, 2, 0));
    assert_eq!(pruned.roots, [root]);
    assert_eq!(bench.store.counts().unwrap(), []);
    let report = bench.store.verify_audit(None).unwrap();
    assert_eq!((report.sealed, report.pruned, report.broken), (0, sealed, None));
    assert_eq!(bench.store.check().unwrap(), []);
    let text = std::fs::read_to_string(&archive).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |table: &str| rows.iter().filter(|row| row["table"] == table).count();
    assert_eq!((of("agent_tasks"), of("crew_attempts"), of("crew_steps")), (2, 2, 1));
    assert_eq!(u64::try_from(of("agent_logs")).unwrap(), pruned.logs);
    assert_eq!(u64::try_from(of("agent_messages")).unwrap(), pruned.messages);
    let again = prune(&bench, Some(&archive));
    assert_eq!(again, Pruned::default());
    assert_eq!(std::fs::read_to_string(&archive).unwrap(), text);
}

/// What was told long ago and the counts of long ago go; what a listener still waits for and the counts of weeks stay.
pub fn events_and_counts_of_long_ago_are_deleted(make: Make<'_>) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("old.jsonl");
    let bench = make();
    let project = bench.store.add_project("shop", "/srv/shop", &json!({})).unwrap();
    (bench.sql)(
        "INSERT INTO crew_incidents (project_id, fingerprint, fingerprint_version, title, status, first_seen, last_seen)
         VALUES (1, 'f', 1, 'KeyError', 'ignored', '2026-01-01', '2026-01-01');
         INSERT INTO crew_events (id, at, kind, title) VALUES (1, '2020-01-01 00:00:00', 'paused', 'a'),
             (2, '2020-01-02 00:00:00', 'resumed', 'b'), (3, '2020-01-03 00:00:00', 'paused', 'c'),
             (4, CURRENT_TIMESTAMP, 'resumed', 'd');
         INSERT INTO crew_bookmarks (name, event_id) VALUES ('hook:1', 2), ('hook:2', 4);
         INSERT INTO crew_incident_buckets (incident_id, bucket, occurrences) VALUES (1, '2020-01-01 00:00:00', 3),
             (1, '2020-01-01 00:05:00', 1), (1, datetime('now', '-20 days'), 2), (1, CURRENT_TIMESTAMP, 4);
         INSERT INTO crew_traffic (project_id, source, bucket, lines, records, errors)
             VALUES (1, 'a.log', '2020-01-01 00:00:00', 9, 9, 3), (1, 'b.log', '2020-01-01 00:00:00', 9, 9, 0),
                    (1, 'a.log', datetime('now', '-20 days'), 1, 1, 1)",
    );
    let wanted = Pruned { events: 2, buckets: 2, traffic: 2, ..Pruned::default() };
    let left = || {
        let events: Vec<i64> = bench.store.events(0, 10).unwrap().iter().map(|event| event.id).collect();
        let since = jiff::Timestamp::UNIX_EPOCH;
        let counts = bench.store.incident_buckets(groundcrew_core::task::IncidentId(1), since).unwrap();
        (events, counts.len(), bench.store.traffic(project, since).unwrap().len())
    };
    assert_eq!(prune(&bench, None), wanted);
    assert_eq!(left(), (vec![1, 2, 3, 4], 4, 3), "counting deletes nothing");
    assert_eq!(prune(&bench, Some(&archive)), wanted);
    assert_eq!(left(), (vec![3, 4], 2, 1));
    assert_eq!(prune(&bench, Some(&archive)), Pruned::default());
    (bench.sql)("DELETE FROM crew_bookmarks");
    assert_eq!(prune(&bench, Some(&archive)).events, 1, "nobody listens any more");
    assert_eq!(left().0, [4]);
    assert_eq!(bench.store.check().unwrap(), []);
}

/// A workflow stays whole while anything about it is open or young.
pub fn a_workflow_that_is_still_needed_is_kept(make: Make<'_>) {
    for (name, change, kept) in [
        ("an open task", "UPDATE agent_tasks SET status = 'pending', completed_at = NULL WHERE id = 2", 0),
        ("a young task", "UPDATE agent_tasks SET completed_at = CURRENT_TIMESTAMP WHERE id = 2", 0),
        (
            "a task of unknown age",
            "UPDATE agent_tasks SET completed_at = '', created_at = '' WHERE id = 2",
            0,
        ),
        ("an open incident", "UPDATE agent_tasks SET incident_id = 1 WHERE id = 2", 1),
        (
            "an open question",
            "INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content)
             VALUES (2, 'qa', 'user', 'question', 'Why?')",
            1,
        ),
        ("a role at work", "UPDATE agent_state SET current_task_id = 1 WHERE agent_name = 'qa'", 1),
    ] {
        let bench = make();
        bench.store.add_project("shop", "/srv/shop", &json!({})).unwrap();
        (bench.sql)(
            "INSERT INTO crew_incidents (project_id, fingerprint, fingerprint_version, title, status, first_seen, last_seen)
             VALUES (1, 'f', 1, 'KeyError', 'needs_human', '2026-01-01', '2026-01-01')",
        );
        old_workflow(&bench);
        (bench.sql)(change);
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("old.jsonl");
        let pruned = prune(&bench, Some(&archive));
        assert_eq!((pruned.workflows, pruned.kept), (0, kept), "{name}");
        assert_eq!(bench.store.workflow(TaskId(1)).unwrap().len(), 2, "{name}");
        let over = "UPDATE crew_incidents SET status = 'resolved'";
        (bench.sql)(over);
        assert_eq!(prune(&bench, Some(&archive)).workflows, u64::from(name == "an open incident"), "{name}");
    }
}

/// An open task keeps everything above it.
pub fn the_parents_of_an_open_task_are_kept(make: Make<'_>) {
    let bench = make();
    let root = old_workflow(&bench);
    let mut third = NewTask::new("review", Role::Security, Party::Qa, json!({}));
    third.parent = Some(TaskId(2));
    third.incident = IncidentLink::None;
    bench.create_as(third);
    assert_eq!(prune(&bench, None).workflows, 0);
    assert_eq!(bench.store.workflow(root).unwrap().len(), 3);
}
