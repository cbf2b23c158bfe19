use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::fixture::Crew;

#[test]
fn the_role_of_a_known_task_type_is_known() {
    let crew = Crew::new();
    insta::assert_snapshot!("human", crew.home.transcript(&["new", "check_health", "--priority", "8"]));
    insta::assert_snapshot!(
        "json",
        crew.home.transcript(&["new", "check_health", "--json", "--incident", "1", "--parent", "1"])
    );
}

#[test]
fn an_unknown_task_type_needs_a_role_and_the_nearest_is_named() {
    let crew = Crew::new();
    insta::assert_snapshot!("slip", crew.home.transcript(&["new", "fix_bgu"]));
    insta::assert_snapshot!("foreign", crew.home.transcript(&["new", "paint", "--role", "architect"]));
    insta::assert_snapshot!(
        "slip_with_role",
        crew.home.transcript(&["new", "fix_bgu", "--role", "developer"])
    );
    let created = crew.home.json(&["new", "paint", "--role", "architect"]);
    assert_eq!(
        (&created["task"]["task_type"], &created["task"]["assigned_to"]),
        (&"paint".into(), &"architect".into())
    );
}

#[test]
fn a_context_comes_from_the_command_line_a_file_or_standard_input() {
    let crew = Crew::new();
    let context = r#"{"checks":["disk"]}"#;
    let created = crew.home.json(&["new", "check_health", "--context", context]);
    assert_eq!(created["task"]["context"]["checks"][0], "disk");
    std::fs::write(crew.home.shop().join("context.json"), context).unwrap();
    let created = crew.home.json(&["new", "check_health", "--context", "@context.json"]);
    assert_eq!(created["task"]["context"]["checks"][0], "disk");
    let mut command = crew.home.command(["new", "check_health", "--context", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(context.as_bytes()).unwrap();
    let told = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(told.contains("\"disk\""), "{told}");
}

#[test]
fn a_context_that_cannot_be_used_creates_nothing() {
    let crew = Crew::new();
    let before = crew.home.json(&["tasks"])["tasks"].as_array().unwrap().len();
    insta::assert_snapshot!("no_json", crew.home.transcript(&["new", "check_health", "--context", "{"]));
    insta::assert_snapshot!(
        "wrong_field",
        crew.home.transcript(&["new", "scan_logs", "--context", r#"{"source":7}"#])
    );
    insta::assert_snapshot!(
        "no_file",
        crew.home.transcript(&["new", "check_health", "--context", "@nowhere.json"])
    );
    let pipe = crew.home.shop().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    insta::assert_snapshot!("pipe", crew.home.transcript(&["new", "check_health", "--context", "@pipe"]));
    std::fs::write(crew.home.shop().join("large.json"), vec![b' '; 1_048_577]).unwrap();
    insta::assert_snapshot!(
        "large",
        crew.home.transcript(&["new", "check_health", "--context", "@large.json"])
    );
    std::fs::write(crew.home.shop().join("bytes.json"), b"\xff").unwrap();
    insta::assert_snapshot!(
        "no_text",
        crew.home.transcript(&["new", "check_health", "--context", "@bytes.json"])
    );
    assert_eq!(crew.home.json(&["tasks"])["tasks"].as_array().unwrap().len(), before);
}

#[test]
fn a_task_can_wait_for_its_time() {
    let crew = Crew::new();
    insta::assert_snapshot!(
        "at",
        crew.home.transcript(&["new", "check_health", "--at", "2030-12-24T18:00:00Z"])
    );
    let later = crew.home.json(&["new", "check_health", "--at", "15m"]);
    assert!(later["task"]["run_at"].is_string(), "{later}");
    let on_a_day = crew.home.json(&["new", "check_health", "--at", "2100-01-31"]);
    assert_eq!(on_a_day["task"]["run_at"], "2100-01-31T00:00:00Z", "{on_a_day}");
    insta::assert_snapshot!("no_time", crew.home.transcript(&["new", "check_health", "--at", "tomorrow"]));
}

#[test]
fn what_a_task_is_about_must_be_there() {
    let crew = Crew::new();
    insta::assert_snapshot!("incident", crew.home.transcript(&["new", "check_health", "--incident", "99"]));
    insta::assert_snapshot!("parent", crew.home.transcript(&["new", "check_health", "--parent", "99"]));
    assert_eq!(crew.home.run(&["new", "check_health", "--priority", "11"]).code, Some(2));
}
