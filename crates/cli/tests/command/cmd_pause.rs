use crate::fixture::Crew;

#[test]
fn the_crew_is_held_and_goes_on() {
    let crew = Crew::new();
    insta::assert_snapshot!(
        "paused",
        crew.home.transcript(&["pause", "developer", "--reason", "a release is out"])
    );
    insta::assert_snapshot!("paused_all", crew.home.transcript(&["pause"]));
    let sql = "UPDATE crew_pauses SET since = '2026-03-01 09:50:00'";
    crew.home.sql().execute(sql, []).unwrap();
    insta::assert_snapshot!("agents", crew.home.transcript(&["agents"]));
    insta::assert_snapshot!("status", crew.home.transcript(&["status"]));
    insta::assert_snapshot!("resumed", crew.home.transcript(&["resume", "developer"]));
    insta::assert_snapshot!("resumed_all", crew.home.transcript(&["resume", "--json"]));
    insta::assert_snapshot!("paused_json", crew.home.transcript(&["pause", "qa", "--json"]));
}

#[test]
fn a_role_that_is_none_is_met_with_the_nearest() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["pause", "develper"]));
}

#[test]
fn a_paused_crew_works_nothing() {
    let crew = Crew::new();
    crew.home.ok(&["pause"]);
    crew.home.ok(&["tasks", "cancel", "7"]);
    let id = crew.home.json(&["new", "check_health"])["task"]["id"].to_string();
    crew.home.run(&["up", "--until-idle"]);
    assert_eq!(crew.home.json(&["show", &id])["task"]["status"], "pending");
    crew.home.ok(&["resume"]);
    crew.home.run(&["up", "--until-idle"]);
    assert_eq!(crew.home.json(&["show", &id])["task"]["status"], "completed");
}
