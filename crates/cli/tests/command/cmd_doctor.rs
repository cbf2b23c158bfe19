use serde_json::Value;

use crate::fixture::Crew;
use crate::support::Home;

fn checks(ran: &str) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(ran).unwrap();
    let word = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    document["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (word(check, "name"), word(check, "status")))
        .collect()
}

#[test]
fn a_new_machine_is_told_what_is_missing() {
    let home = Home::new();
    let ran = home.run(&["doctor", "--json"]);
    assert_eq!(ran.code, Some(3));
    assert!(checks(&ran.stdout).contains(&("git".into(), "ok".into())), "{}", ran.stdout);
    assert!(checks(&ran.stdout).contains(&("database".into(), "fail".into())), "{}", ran.stdout);
    assert!(!home.database().exists());
}

#[test]
fn every_project_is_checked() {
    let crew = Crew::new();
    std::fs::write(
        crew.home.shop().join("groundcrew.toml"),
        "[logs]\npaths = [\"a.log\", \"/var/log/b.log\"]\n",
    )
    .unwrap();
    let ran = crew.home.run(&["doctor", "--json"]);
    let found = checks(&ran.stdout);
    for wanted in [
        ("database", "ok"),
        ("disk", "ok"),
        ("shop repository", "ok"),
        ("shop tests", "ok"),
        ("shop config", "warn"),
        ("shop logs", "warn"),
    ] {
        assert!(found.contains(&(wanted.0.into(), wanted.1.into())), "{wanted:?} is not in {found:?}");
    }
    assert_eq!(ran.code, Some(3));
}

#[test]
fn people_get_one_line_per_check_with_the_fix_below() {
    let crew = Crew::new();
    std::fs::write(crew.home.shop().join("groundcrew.toml"), "[logs]\npath = []\n").unwrap();
    let ran = crew.home.run(&["doctor"]);
    let line = ran.stdout.lines().find(|line| line.contains("shop config")).unwrap();
    assert!(line.starts_with("fail") && line.contains("line 2, column 1"), "{line}");
    assert!(ran.stdout.contains("\n      fix: "), "{}", ran.stdout);
}
