//! `limits`: set, listed, told where they hold something back, and taken back.

use crate::fixture::Crew;

#[test]
fn limits_are_set_listed_told_and_cleared() {
    let crew = Crew::new();
    insta::assert_snapshot!("none", crew.home.transcript(&["limits"]));
    insta::assert_snapshot!(
        "set",
        crew.home.transcript(&[
            "limits",
            "set",
            "--role",
            "developer",
            "--concurrency",
            "2",
            "--rate",
            "10/h"
        ])
    );
    insta::assert_snapshot!(
        "set_json",
        crew.home.transcript(&["limits", "set", "--type", "fix_bug", "--rate", "100/15m", "--json"])
    );
    insta::assert_snapshot!("human", crew.home.transcript(&["limits"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["limits", "--json"]));
    insta::assert_snapshot!("cleared", crew.home.transcript(&["limits", "clear", "--type", "fix_bug"]));
    insta::assert_snapshot!("gone", crew.home.transcript(&["limits", "clear", "--type", "fix_bug"]));
    insta::assert_snapshot!("stranger", crew.home.transcript(&["limits", "clear", "--project", "sohp"]));
    insta::assert_snapshot!(
        "cleared_json",
        crew.home.transcript(&["limits", "clear", "--role", "developer", "--json"])
    );
    assert_eq!(crew.home.json(&["limits"])["limits"].as_array().unwrap().len(), 0);
}

#[test]
fn a_limit_is_on_one_kind_of_tasks_and_says_how_many() {
    let crew = Crew::new();
    for wrong in [
        &["limits", "set", "--role", "developer"][..],
        &["limits", "set", "--concurrency", "2"],
        &["limits", "set", "--role", "qa", "--type", "x", "--concurrency", "2"],
        &["limits", "set", "--role", "qa", "--concurrency", "0"],
        &["limits", "set", "--role", "qa", "--rate", "ten"],
        &["limits", "set", "--role", "qa", "--rate", "1/40d"],
        &["limits", "set", "--type", " ", "--rate", "1/h"],
        &["limits", "clear"],
    ] {
        assert_eq!(crew.home.run(wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(crew.home.json(&["limits"])["limits"].as_array().unwrap().len(), 0);
}

#[test]
fn a_task_that_a_limit_holds_back_says_so() {
    let crew = Crew::new();
    let waiting = crew.home.json(&["tasks", "--status", "pending", "--limit", "1"])["tasks"][0].clone();
    let (id, role) = (waiting["id"].to_string(), waiting["assigned_to"].as_str().unwrap().to_owned());
    assert!(!crew.home.ok(&["show", &id]).stdout.contains("held back"));
    crew.home.ok(&["limits", "set", "--role", &role, "--rate", "1/30d"]);
    let full = "UPDATE crew_limits SET started = 1, window_at = strftime('%Y-%m-%d %H:%M:%f', 'now')";
    crew.home.sql().execute_batch(full).unwrap();
    for told in [crew.home.ok(&["show", &id]), crew.home.ok(&["status"])] {
        assert!(
            told.stdout.contains(&format!("the limit on the {role} is used up: 1 started, next ")),
            "{}",
            told.stdout
        );
    }
}
