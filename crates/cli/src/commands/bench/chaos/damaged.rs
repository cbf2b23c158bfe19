//! Every rule finds the damage that it is for: a crew works everything off, and then another program changes what is there.

use std::path::Path;

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_store::Store;
use serde_json::Value;

use super::check::{Phase, Violation, violations};
use super::picture::{Picture, Reading};
use super::work::{self, Part};
use super::worker::{self, Orders};
use super::world::World;

/// A task of every part but the slow one, which is only slower.
const PARTS: [Part; 7] =
    [Part::Plain, Part::Parent, Part::Waiter, Part::Asker, Part::RoleAsker, Part::Retried, Part::Refused];
/// The first task, which is a plain one.
const FIRST: &str = "(SELECT min(id) FROM agent_tasks)";

/// A crew at rest: its folder with the database and the effects, and what it was asked for.
struct Rested {
    folder: tempfile::TempDir,
    picture: Picture,
}

impl Rested {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        World::new(folder.path()).make().unwrap();
        std::fs::create_dir(folder.path().join("journal")).unwrap();
        let database = url(folder.path());
        let store = worker::open(&database, folder.path()).unwrap();
        let orders = Orders {
            database,
            folder: folder.path().to_owned(),
            number: 1,
            lease_ms: 600_000,
            full_at: None,
        };
        store.execute(work::limit()).unwrap();
        let mut picture = Picture::default();
        picture.acknowledged.extend(store.enqueue(PARTS.map(work::root).into()).unwrap());
        for hours in 1.. {
            if worker::work_ready(store.as_ref(), &orders).unwrap() == 0 {
                break;
            }
            assert!(hours < 50, "{:?}", store.counts());
            answer(store.as_ref());
            // What is tried again waits for its time.
            std::fs::write(worker::clock(folder.path()), (hours * 3_600).to_string()).unwrap();
        }
        Self { folder, picture }
    }

    /// What is found in it.
    fn found(&self) -> Vec<Violation> {
        let store = worker::open(&url(self.folder.path()), self.folder.path()).unwrap();
        let mut picture = self.picture.clone();
        picture.read(store.as_ref(), Reading::All).unwrap();
        picture.findings = store.check().unwrap();
        World::new(self.folder.path()).read(&mut picture.effects).unwrap();
        violations(&picture, Phase::AtRest)
    }

    /// What is found after another program did something to the database, which is taken back then.
    fn found_after(&self, damage: &str) -> Vec<Violation> {
        let (file, kept) = (self.folder.path().join("chaos.db"), self.folder.path().join("kept.db"));
        let other = rusqlite::Connection::open(&file).unwrap();
        other.execute("VACUUM INTO ?", [kept.to_string_lossy()]).unwrap();
        other.pragma_update(None, "foreign_keys", false).unwrap();
        assert!(other.execute(damage, []).unwrap() > 0, "nothing is changed by {damage}");
        drop(other);
        let found = self.found();
        for beside in ["chaos.db-wal", "chaos.db-shm"] {
            // Where the last one to close it could write, they are gone.
            drop(std::fs::remove_file(self.folder.path().join(beside)));
        }
        std::fs::rename(&kept, &file).unwrap();
        found
    }
}

fn url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("chaos.db").display())
}

fn answer(store: &dyn Store) {
    for wait in store.awaits().unwrap() {
        let emit = Command::Emit { name: wait.signal, payload: Value::Null, by: Party::User };
        store.execute(emit).unwrap();
    }
    for item in store.inbox().unwrap() {
        let answer = Command::Answer {
            question: item.message.id,
            by: Party::User,
            choice: "yes".to_owned(),
            comment: None,
            extra: Value::Null,
        };
        store.execute(answer).unwrap();
    }
}

/// Has a rule look at a sound crew, and then at each of some damages.
fn finds(rule: &str, damages: &[&str]) {
    let rested = Rested::new();
    assert_eq!(rested.found(), []);
    for damage in damages {
        let damage = damage.replace("FIRST", FIRST);
        let found = rested.found_after(&damage);
        assert!(found.iter().any(|found| found.rule == rule), "{damage}: {found:?}");
    }
}

#[test]
fn a_task_that_is_gone_is_lost() {
    finds("lost", &["DELETE FROM agent_tasks WHERE id = FIRST"]);
}

#[test]
fn a_second_end_is_found() {
    finds(
        "twice",
        &[
            "UPDATE crew_attempts SET outcome = 'completed' WHERE outcome = 'retried'",
            "UPDATE agent_tasks SET status = 'pending', completed_at = NULL WHERE id = FIRST",
            "UPDATE agent_tasks SET lease_token = lease_token + 1 WHERE id = FIRST",
            "DELETE FROM crew_attempts WHERE task_id = FIRST",
        ],
    );
}

#[test]
fn a_write_of_a_run_that_was_over_is_found() {
    finds(
        "stale",
        &[
            r#"UPDATE agent_tasks SET result_json = '{"token":7}' WHERE id = FIRST"#,
            r#"INSERT INTO agent_logs (task_id, agent_name, log_level, message, data_json)
               SELECT task_id, 'triage', 'info', 'begun', '{"token":1}' FROM crew_attempts WHERE outcome = 'retried'"#,
            r#"INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content, metadata_json)
               SELECT FIRST, 'triage', 'user', 'notification', 'done', '{"token":1}'"#,
            "DELETE FROM agent_messages WHERE message_type = 'notification' AND task_id = FIRST",
        ],
    );
}

#[test]
fn a_hand_off_that_is_not_whole_is_found() {
    finds(
        "handoff",
        &[
            "DELETE FROM agent_messages WHERE message_type = 'handoff' AND task_id = FIRST",
            "DELETE FROM agent_tasks WHERE task_type = 'chaos_next' AND parent_task_id = FIRST",
            "INSERT INTO agent_tasks (task_type, assigned_to, status, context_json, parent_task_id)
             SELECT task_type, assigned_to, status, context_json, parent_task_id FROM agent_tasks
             WHERE task_type = 'chaos_next' AND parent_task_id = FIRST",
            "UPDATE agent_tasks SET context_json = json_set(context_json, '$.by', 9)
             WHERE task_type = 'chaos_next' AND parent_task_id = FIRST",
            "DELETE FROM agent_tasks WHERE id = FIRST",
        ],
    );
}

#[test]
fn a_parent_without_all_of_its_children_is_found() {
    finds(
        "children",
        &[
            "DELETE FROM agent_tasks WHERE id = (SELECT min(id) FROM agent_tasks WHERE task_type = 'chaos_child')",
            "UPDATE agent_tasks SET parent_task_id = FIRST WHERE task_type = 'chaos_child'",
            "INSERT INTO agent_tasks (task_type, assigned_to, status, context_json, parent_task_id)
             SELECT task_type, assigned_to, status, context_json, parent_task_id FROM agent_tasks
             WHERE task_type = 'chaos_child' LIMIT 1",
        ],
    );
}

#[test]
fn a_question_asked_twice_or_without_its_one_answer_is_found() {
    let again =
        "INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content, metadata_json)
        SELECT task_id, from_agent, to_agent, message_type, content, metadata_json FROM agent_messages
        WHERE message_type";
    finds(
        "answer",
        &[
            "DELETE FROM agent_messages WHERE message_type = 'answer'",
            "DELETE FROM agent_messages WHERE message_type = 'question'",
            &format!("{again} = 'question' LIMIT 1"),
            &format!("{again} = 'answer' LIMIT 1"),
            "UPDATE agent_messages SET task_id = FIRST WHERE message_type IN ('question', 'answer')",
        ],
    );
}

#[test]
fn a_count_a_metric_or_a_state_that_is_not_so_is_found() {
    finds(
        "count",
        &[
            "UPDATE crew_counts SET tasks = tasks + 1 WHERE role = 'qa' AND status = 'completed'",
            "UPDATE agent_state SET metrics_json = json_set(metrics_json, '$.completed', 99) WHERE agent_name = 'qa'",
            "UPDATE agent_state SET status = 'working' WHERE agent_name = 'qa'",
            "UPDATE agent_state SET current_task_id = FIRST WHERE agent_name = 'qa'",
        ],
    );
}

#[test]
fn an_effect_that_is_missing_wrong_or_doubled_is_found() {
    finds(
        "effect",
        &[
            "UPDATE agent_tasks SET status = 'completed' WHERE status = 'failed'",
            "DELETE FROM crew_attempts WHERE task_id = FIRST",
        ],
    );
    let harm: [&dyn Fn(&Path); 6] = [
        &|world| std::fs::write(world.join("notes/1"), "something else").unwrap(),
        &|world| std::fs::remove_file(world.join("notes/1")).unwrap(),
        &|world| std::fs::remove_file(world.join("charges/1")).unwrap(),
        &|world| std::fs::write(world.join("ledger"), "").unwrap(),
        &|world| {
            let ledger = std::fs::read_to_string(world.join("ledger")).unwrap();
            std::fs::write(world.join("ledger"), ledger.repeat(2)).unwrap();
        },
        &|world| std::fs::write(world.join("notes/of-nobody"), "").unwrap(),
    ];
    for (number, harm) in harm.iter().enumerate() {
        let rested = Rested::new();
        harm(&rested.folder.path().join("world"));
        let found = rested.found();
        assert!(found.iter().any(|found| found.rule == "effect"), "{number}: {found:?}");
    }
}

#[test]
fn what_the_check_of_the_file_finds_is_found() {
    finds(
        "file",
        &[
            "UPDATE agent_tasks SET parent_task_id = 999999 WHERE id = FIRST",
            "UPDATE crew_counts SET tasks = tasks + 1 WHERE role = 'qa' AND status = 'completed'",
        ],
    );
}

#[test]
fn a_task_that_never_ends_is_stuck() {
    finds(
        "stuck",
        &[
            "UPDATE agent_tasks SET status = 'blocked', blocked_on = 'environment' WHERE id = FIRST",
            "UPDATE agent_tasks SET status = 'pending', run_at = '2999-01-01 00:00:00' WHERE id = FIRST",
        ],
    );
}

#[test]
fn a_task_that_failed_without_a_reason_of_its_own_is_gone() {
    finds("gone", &["UPDATE agent_tasks SET status = 'failed', error_message = 'no more' WHERE id = FIRST"]);
}

#[test]
fn more_that_run_at_once_than_may_are_found() {
    finds("limit", &["UPDATE agent_tasks SET status = 'running' WHERE task_type = 'chaos_child'"]);
}

#[test]
fn a_task_that_waits_or_went_on_whatever_its_signal_is_found() {
    let waiter = "json_extract(context_json, '$.part') = 'waiter'";
    finds(
        "signal",
        &[
            "DELETE FROM crew_signals",
            &format!(
                "UPDATE agent_tasks SET status = 'pending', run_at = '9999-12-30 00:00:00.000' WHERE {waiter}"
            ),
        ],
    );
}
