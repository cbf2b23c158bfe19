use crate::fixture::Crew;

#[test]
fn a_task_can_come_again_and_again_until_its_schedule_is_removed() {
    let crew = Crew::new();
    insta::assert_snapshot!("none", crew.home.transcript(&["schedules"]));
    insta::assert_snapshot!(
        "added",
        crew.home.transcript(&[
            "new",
            "check_health",
            "--every",
            "1h",
            "--name",
            "hourly",
            "--at",
            "2030-12-24T18:00:00Z"
        ])
    );
    insta::assert_snapshot!("human", crew.home.transcript(&["schedules"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["schedules", "--json"]));
    insta::assert_snapshot!(
        "taken",
        crew.home.transcript(&["new", "check_health", "--every", "2h", "--name", "hourly"])
    );
    insta::assert_snapshot!("slip", crew.home.transcript(&["schedules", "remove", "huorly"]));
    insta::assert_snapshot!("removed", crew.home.transcript(&["schedules", "remove", "hourly"]));
    crew.home.ok(&["new", "check_health", "--every", "1h", "--name", "hourly"]);
    insta::assert_snapshot!(
        "removed_json",
        crew.home.transcript(&["schedules", "remove", "hourly", "--json"])
    );
    assert_eq!(crew.home.json(&["schedules"])["schedules"].as_array().unwrap().len(), 0);
}

#[test]
fn a_schedule_needs_a_name() {
    let crew = Crew::new();
    assert_eq!(crew.home.run(&["new", "check_health", "--every", "1h"]).code, Some(2));
    assert_eq!(crew.home.run(&["new", "check_health", "--name", "x"]).code, Some(2));
    assert_eq!(crew.home.run(&["new", "check_health", "--every", "0s", "--name", "x"]).code, Some(2));
}
