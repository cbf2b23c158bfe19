use crate::fixture::Crew;

#[test]
fn tasks_are_listed_newest_first_and_can_be_narrowed_down() {
    let crew = Crew::new();
    insta::assert_snapshot!("human", crew.home.transcript(&["tasks"]));
    insta::assert_snapshot!(
        "json",
        crew.home.transcript(&["tasks", "--status", "completed", "--role", "qa", "--json"])
    );
    assert_eq!(crew.home.json(&["tasks", "--limit", "2"])["tasks"].as_array().unwrap().len(), 2);
}

#[test]
fn a_task_can_be_cancelled_and_put_back() {
    let crew = Crew::new();
    insta::assert_snapshot!(
        "cancel",
        crew.home.transcript(&["tasks", "cancel", "7", "--reason", "a duplicate"])
    );
    insta::assert_snapshot!("retry", crew.home.transcript(&["tasks", "retry", "7"]));
    assert_eq!(crew.home.json(&["show", "7"])["task"]["status"], "pending");
}

#[test]
fn what_cannot_be_done_to_a_task_is_a_conflict() {
    let crew = Crew::new();
    insta::assert_snapshot!("final", crew.home.transcript(&["tasks", "cancel", "1"]));
    insta::assert_snapshot!("completed", crew.home.transcript(&["tasks", "retry", "1"]));
    insta::assert_snapshot!("unknown", crew.home.transcript(&["tasks", "retry", "77", "--json"]));
}

#[test]
fn programs_are_told_what_became_of_a_task() {
    let crew = Crew::new();
    insta::assert_snapshot!("cancel_json", crew.home.transcript(&["tasks", "cancel", "7", "--json"]));
    insta::assert_snapshot!("retry_json", crew.home.transcript(&["tasks", "retry", "7", "--json"]));
}

#[test]
fn a_whole_workflow_can_be_cancelled() {
    let crew = Crew::new();
    insta::assert_snapshot!(
        "workflow",
        crew.home.transcript(&["tasks", "cancel", "1", "--workflow", "--reason", "not now"])
    );
    assert_eq!(crew.home.json(&["show", "5"])["task"]["status"], "failed");
    assert_eq!(crew.home.json(&["show", "1"])["task"]["status"], "completed", "what is done stays done");
    assert_eq!(crew.home.json(&["tasks", "cancel", "1", "--workflow"])["changed"], serde_json::json!([]));
}

#[test]
fn the_work_on_another_error_of_the_same_reading_goes_on() {
    let crew = Crew::new();
    crew.read_together();
    let changed = crew.home.json(&["tasks", "cancel", "2", "--workflow"])["changed"].clone();
    assert_eq!(changed, serde_json::json!([5]));
    assert_eq!(crew.home.json(&["show", "9"])["task"]["status"], "pending", "it is about another error");
    let changed = crew.home.json(&["tasks", "cancel", "8", "--workflow"])["changed"].clone();
    assert_eq!(changed, serde_json::json!([9]), "what started them all ends them all");
}

#[test]
fn failed_tasks_are_put_back_together() {
    let crew = Crew::new();
    // A second failed task whose key a new one holds, and one that was cancelled on purpose.
    let sql = "INSERT INTO agent_tasks (task_type, assigned_to, status, error_message, dedupe_key) VALUES \
               ('check_health', 'monitor', 'failed', 'no disk', 'twice'), \
               ('check_health', 'monitor', 'pending', NULL, 'twice')";
    crew.home.sql().execute_batch(sql).unwrap();
    crew.home.ok(&["tasks", "cancel", "7"]);
    assert_eq!(crew.home.json(&["tasks", "redrive", "--type", "fix_bug"])["changed"], serde_json::json!([]));
    insta::assert_snapshot!("redrive", crew.home.transcript(&["tasks", "redrive", "--all"]));
    crew.home.ok(&["tasks", "cancel", "9"]);
    insta::assert_snapshot!(
        "redrive_json",
        crew.home.transcript(&["tasks", "redrive", "--role", "monitor", "--json"])
    );
    assert_eq!(crew.home.json(&["show", "7"])["task"]["status"], "failed", "a person cancelled it");
    let ran = crew.home.run(&["tasks", "redrive"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}
