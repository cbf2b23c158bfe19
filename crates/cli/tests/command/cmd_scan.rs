use std::io::Write as _;
use std::process::Command;

use crate::support::{Home, until};

const LOG: &str = "2026-03-01 09:00:00,000 INFO shop: open\n\
2026-03-01 09:00:01,000 ERROR shop: order failed for token=tok_live_51HxAbCdEfGhIjKlMnOp\n\
Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 2, in price\n    return bag['price']\n\
KeyError: 'price'\n";

fn shop() -> Home {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.log"), LOG).unwrap();
    home.ok(&["init"]);
    home
}

#[test]
fn a_log_is_read_once_and_the_rest_is_left_to_the_crew() {
    let home = shop();
    insta::assert_snapshot!("first", home.transcript(&["scan", "--once"]));
    insta::assert_snapshot!("again", home.transcript(&["scan", "--once", "--json"]));
    let tasks = home.json(&["tasks"])["tasks"].clone();
    let types: Vec<&str> =
        tasks.as_array().unwrap().iter().map(|task| task["task_type"].as_str().unwrap()).collect();
    assert!(
        types.iter().all(|task_type| *task_type == "scan_logs" || *task_type == "classify_error"),
        "{types:?}"
    );
}

#[test]
fn a_log_that_is_not_there_is_told() {
    let home = shop();
    std::fs::remove_file(home.shop().join("app.log")).unwrap();
    insta::assert_snapshot!(home.transcript(&["scan", "--once"]));
}

#[test]
fn a_configuration_with_a_mistake_is_told_with_its_place() {
    let home = shop();
    std::fs::write(home.shop().join("groundcrew.toml"), "[logs]\npaths = []\nevry = \"2s\"\n").unwrap();
    insta::assert_snapshot!(home.transcript(&["scan", "--once"]));
}

#[test]
fn without_a_project_there_is_nothing_to_read() {
    let home = Home::new();
    home.ok(&["db", "migrate"]);
    insta::assert_snapshot!(home.transcript(&["scan", "--once"]));
}

#[test]
fn reading_goes_on_until_it_is_interrupted() {
    let home = shop();
    let file = home.path().join("out");
    let mut command = home.command(["scan", "--json"]);
    let mut child = command.stdout(std::fs::File::create(&file).unwrap()).spawn().unwrap();
    let errors = || -> u64 {
        let text = std::fs::read_to_string(&file).unwrap();
        let readings = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let groups = readings.flat_map(|reading| reading["errors"].as_array().cloned().unwrap_or_default());
        groups.map(|group| group["count"].as_u64().unwrap()).sum()
    };
    until("the first error is told", || errors() == 1);
    let mut log = std::fs::OpenOptions::new().append(true).open(home.shop().join("app.log")).unwrap();
    log.write_all(LOG.as_bytes()).unwrap();
    until("the second error is told", || errors() == 2);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
