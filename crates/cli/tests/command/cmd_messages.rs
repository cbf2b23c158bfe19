use serde_json::{Value, json};

use crate::fixture::{Crew, HOSTILE};

/// A crew that has written more: an answer, a hand-off and two things that were told.
fn crew() -> Crew {
    let crew = Crew::new();
    let sql = crew.home.sql();
    let mut message = sql
        .prepare(
            "INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content, metadata_json, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, '2026-03-01 09:30:00')",
        )
        .unwrap();
    let answer = json!({ "answers": 2, "choice": "retry" }).to_string();
    message.execute((2, "developer", "qa", "handoff", "the fix is on its branch", "{}")).unwrap();
    message.execute((6, "user", "qa", "answer", format!("they are there {HOSTILE}"), answer)).unwrap();
    message.execute((4, "monitor", "user", "notification", "the disk is nearly full", "{}")).unwrap();
    message.execute((None::<i64>, "other program", "user", "notification", HOSTILE, "no json")).unwrap();
    crew
}

fn ids(found: &Value) -> Vec<i64> {
    found["messages"].as_array().unwrap().iter().map(|message| message["id"].as_i64().unwrap()).collect()
}

#[test]
fn an_answer_stands_below_its_question() {
    let crew = crew();
    insta::assert_snapshot!("human", crew.home.transcript(&["messages"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["messages", "--type", "answer", "--json"]));
    insta::assert_snapshot!("thread", crew.home.transcript(&["messages", "--thread", "6"]));
}

#[test]
fn messages_can_be_narrowed_down() {
    let crew = crew();
    let found = |arguments: &[&str]| ids(&crew.home.json(arguments));
    assert_eq!(found(&["messages", "--to", "qa"]), [4, 3]);
    assert_eq!(found(&["messages", "--task", "6"]), [4, 2]);
    assert_eq!(found(&["messages", "--type", "notification", "--to", "user"]), [6, 5]);
    assert_eq!(found(&["messages", "--limit", "2"]), [6, 5]);
    // The workflow of the fix: its hand-off and its approval, oldest first.
    assert_eq!(found(&["messages", "--thread", "1"]), [1, 3]);
    assert_eq!(found(&["messages", "--thread", "1", "--limit", "1"]), [3]);
}

#[test]
fn what_is_read_is_unread_no_more_and_questions_stay_open() {
    let crew = crew();
    insta::assert_snapshot!("read", crew.home.transcript(&["messages", "read", "5"]));
    insta::assert_snapshot!("read_all", crew.home.transcript(&["messages", "read", "--all", "--json"]));
    insta::assert_snapshot!("nothing_left", crew.home.transcript(&["messages", "read", "--all"]));
    assert_eq!(ids(&crew.home.json(&["messages", "--to", "user", "--unread"])), [2, 1]);
    assert_eq!(crew.home.json(&["inbox"])["inbox"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_not_there_is_told() {
    let crew = crew();
    insta::assert_snapshot!("no_message", crew.home.transcript(&["messages", "read", "99"]));
    insta::assert_snapshot!("no_task", crew.home.transcript(&["messages", "--thread", "99"]));
    insta::assert_snapshot!("not_mine", crew.home.transcript(&["messages", "read", "3"]));
}
