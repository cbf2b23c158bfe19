use std::process::Command;

use crate::fixture::Crew;
use crate::support::{Home, until};

#[test]
fn the_crew_is_shown_at_a_glance() {
    let crew = Crew::new();
    insta::assert_snapshot!("human", crew.home.transcript(&["status"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["status", "--json"]));
}

#[test]
fn an_empty_crew_says_what_to_do() {
    let home = Home::new();
    home.ok(&["db", "migrate"]);
    insta::assert_snapshot!(home.transcript(&["status"]));
}

#[test]
fn watching_shows_every_change_and_ends_on_a_signal() {
    let crew = Crew::new();
    let file = crew.home.path().join("out");
    let mut command = crew.home.command(["status", "--watch", "--json"]);
    let mut child = command.stdout(std::fs::File::create(&file).unwrap()).spawn().unwrap();
    let lines = || std::fs::read_to_string(&file).unwrap().lines().count();
    until("the first picture is there", || lines() == 1);
    crew.home.ok(&["tasks", "cancel", "7"]);
    until("the change is there", || lines() >= 2);
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn what_rules_hide_is_told() {
    let crew = crate::fixture::Crew::new();
    let hid = "INSERT INTO crew_hidden (project_id, rule, occurrences, first_seen, last_seen)
               VALUES (1, 'probes', 12, '2026-03-01 10:00:00.000', '2026-03-02 11:00:00.000')";
    crew.home.sql().execute(hid, []).unwrap();
    let status = crew.home.ok(&["status"]).stdout;
    let told = status.lines().find(|line| line.starts_with("hidden")).unwrap();
    assert!(told.contains("probes hid 12 errors, 2026-03-01"), "{told}");
    assert_eq!(crew.home.json(&["status"])["hidden"][0]["count"], 12);
}
