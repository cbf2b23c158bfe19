use crate::fixture::{Crew, PUBLISH};

#[test]
fn a_task_is_shown_with_everything_around_it() {
    let crew = Crew::new();
    insta::assert_snapshot!("publish", crew.home.transcript(&["show", PUBLISH, "--diff"]));
    insta::assert_snapshot!("verify", crew.home.transcript(&["show", "3"]));
    insta::assert_snapshot!("failed", crew.home.transcript(&["show", "4"]));
}

#[test]
fn programs_get_the_same_as_one_document() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["show", "3", "--json"]));
}

#[test]
fn an_unknown_task_and_a_missing_fix_are_no_such_thing() {
    let crew = Crew::new();
    insta::assert_snapshot!("unknown", crew.home.transcript(&["show", "77"]));
    insta::assert_snapshot!("no_fix", crew.home.transcript(&["show", "4", "--diff"]));
}

#[test]
fn a_security_review_can_be_read_by_other_tools() {
    let crew = Crew::new();
    let review = serde_json::json!({ "outcome": "concerns", "confidence": 1.0, "review": {
        "role": "security", "head_sha": crew.head, "verdict": "concerns", "summary": "one concern",
        "findings": [{ "rule": "eval", "level": "warning", "file": "app.py", "line": 2, "message": "calls eval" }],
    } });
    let sql = "INSERT INTO agent_tasks (task_type, assigned_to, status, parent_task_id, result_json) VALUES \
               ('review_change', 'security', 'completed', 3, ?1)";
    crew.home.sql().execute(sql, [review.to_string()]).unwrap();
    insta::assert_snapshot!("sarif", crew.home.transcript(&["show", "5", "--sarif"]));
    insta::assert_snapshot!("no_review", crew.home.transcript(&["show", "4", "--sarif"]));
}

#[test]
fn what_belongs_to_one_error_is_not_shown_as_another_ones() {
    let crew = Crew::new();
    crew.read_together();
    let ids = |found: serde_json::Value| -> Vec<i64> {
        found["workflow"].as_array().unwrap().iter().map(|task| task["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(crew.home.json(&["show", "3"])), [1, 2, 3, 5]);
    assert_eq!(ids(crew.home.json(&["show", "9"])), [9]);
    assert_eq!(ids(crew.home.json(&["show", "8"])), [1, 2, 3, 5, 8, 9]);
    assert_eq!(crew.home.json(&["show", "9"])["evidence"], serde_json::Value::Null);
    assert_eq!(crew.home.json(&["show", "8"])["evidence"], serde_json::Value::Null);
    assert_eq!(crew.home.json(&["show", "2"])["evidence"]["grade"], "B", "it is of the same error");
}

#[test]
fn steps_that_are_done_are_told_and_so_is_one_that_cannot_be_read() {
    let crew = Crew::new();
    let add = "INSERT INTO crew_steps (task_id, name, value_json, token, recorded_at) VALUES \
               (3, 'suite of abc', '{\"passed\": 4}', 1, '2026-03-01 09:00:00'), \
               (3, 'mutants of abc', '{\"passed', 2, '2026-03-01 09:05:00')";
    crew.home.sql().execute(add, []).unwrap();
    let shown = crew.home.transcript(&["show", "3"]);
    let lines: Vec<&str> = shown.lines().skip_while(|line| *line != "steps that are done").take(3).collect();
    assert!(lines[1].contains("suite of abc") && lines[1].ends_with("{\"passed\":4}"), "{shown}");
    assert!(lines[2].contains("mutants of abc") && lines[2].ends_with("(cannot be read)"), "{shown}");
    let steps = crew.home.json(&["show", "3"])["steps"].clone();
    assert_eq!((&steps[0]["value"]["passed"], &steps[1]["value"]), (&4.into(), &serde_json::Value::Null));
}
