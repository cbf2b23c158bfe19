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
