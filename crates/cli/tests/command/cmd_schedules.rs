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

#[test]
fn a_task_can_come_at_the_times_of_cron_in_a_time_zone() {
    let crew = Crew::new();
    let weekly =
        ["new", "check_health", "--cron", "30 3 * * 1 Asia/Tokyo", "--name", "weekly", "--missed", "skip"];
    insta::assert_snapshot!("cron_added", crew.home.transcript(&weekly));
    let schedule = &crew.home.json(&["schedules"])["schedules"][0];
    assert_eq!((&schedule["cron"], &schedule["missed"]), (&"30 3 * * 1 Asia/Tokyo".into(), &"skip".into()));
    // Half past three on a Monday in Tokyo is half past six on a Sunday evening in London.
    assert!(schedule["next_at"].as_str().unwrap().ends_with("T18:30:00Z"), "{schedule}");
    let shown = crew.home.ok(&["schedules"]).stdout;
    assert!(shown.contains("30 3 * * 1 Asia/Tokyo"), "{shown}");
    let wrong = |cron| crew.home.transcript(&["new", "check_health", "--cron", cron, "--name", "other"]);
    insta::assert_snapshot!("cron_wrong", wrong("30 25 * * *"));
    insta::assert_snapshot!("cron_nowhere", wrong("30 3 * * * Europe/Atlantis"));
}
