use regex::Regex;
use serde_json::Value;

use crate::databases::{in_own_mounts, orderly};
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
    let crew = orderly();
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

#[test]
fn a_database_that_contradicts_itself_is_found() {
    let crew = orderly();
    crew.home
        .sql()
        .execute_batch(
            "UPDATE agent_tasks SET retry_count = 4 WHERE id = 4;
             UPDATE agent_tasks SET status = 'running', lease_owner = NULL WHERE id = 7",
        )
        .unwrap();
    let ran = crew.home.run(&["doctor"]);
    assert_eq!(ran.code, Some(3));
    let (line, fix) = ran.stdout.split_once("\nfail  database").unwrap().1.split_once('\n').unwrap();
    assert!(line.ends_with("a running crew takes it over; and 1 more"), "{line}");
    assert!(fix.starts_with("      fix: `groundcrew db check` lists every row\n"), "{fix}");
}

#[test]
fn a_machine_without_a_sandbox_is_told_which_level_fails_and_why() {
    let crew = orderly();
    let output = crew.home.command(["doctor", "--json"]).env("TMPDIR", "/nonexistent").output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let levels: Vec<&Value> = told["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["name"].as_str().unwrap().starts_with("sandbox "))
        .collect();
    assert!(!levels.is_empty(), "{told}");
    for level in levels {
        assert_eq!(level["status"], "fail", "{level}");
        assert!(level["detail"].as_str().unwrap().contains("/nonexistent"), "{level}");
    }
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_disk_that_is_nearly_full_is_told() {
    let crew = orderly();
    let small = crew.home.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=8m tmpfs '{0}'; cp '{1}' '{0}/crew.db'",
        small.display(),
        crew.home.database().display()
    );
    let url = format!("sqlite:{}", small.join("crew.db").display());
    let Some(mut command) = in_own_mounts(&crew.home, &script, &["--database", &url, "doctor", "--json"])
    else {
        return;
    };
    let output = command.output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let disk = told["checks"].as_array().unwrap().iter().find(|check| check["name"] == "disk").unwrap();
    assert_eq!(disk["status"], "warn", "{disk}");
    assert!(disk["detail"].as_str().unwrap().ends_with(" MB are free beside the database"), "{disk}");
}

#[test]
fn a_machine_without_bubblewrap_uses_namespaces_of_its_own() {
    let crew = orderly();
    let script = "for place in /usr/bin/bwrap /usr/local/bin/bwrap; do \
                  if [ -e $place ]; then mount --bind /dev/null $place; fi; done";
    let Some(mut command) = in_own_mounts(&crew.home, script, &["doctor", "--json"]) else { return };
    let output = command.output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let level = |name: &str| {
        let levels = told["sandbox"].as_array().unwrap();
        levels.iter().find(|level| level["level"] == name).unwrap_or_else(|| panic!("{told}")).clone()
    };
    assert!(level("strict")["problem"].as_str().unwrap().contains("not installed"), "{told}");
    assert_eq!((&level("builtin")["used"], &level("builtin")["problem"]), (&Value::Bool(true), &Value::Null));
    let attempts = level("builtin")["attempts"].as_array().unwrap().clone();
    assert!(attempts.len() > 90 && attempts.iter().all(|attempt| attempt["held"] == true), "{told}");
    let check = told["checks"].as_array().unwrap().iter().find(|check| check["name"] == "sandbox strict");
    assert_eq!(check.unwrap()["status"], "ok", "{told}");
}

/// The text without what differs from machine to machine.
fn anywhere(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, name) in [
        (r"(?m)^\w+ +sandbox .*\n( +fix: .*\n)?", ""),
        (
            r#"\s*\{\s*"detail": [^\n]*\s*"fix": [^\n]*\s*"name": "sandbox [a-z]+",\s*"status": "[a-z]+"\s*\},"#,
            "",
        ),
        (r#"(?s),\s*"sandbox": \[.*\](\s*\})"#, "$1"),
        (r#"\d+\.\d+\.\d+ with(out)? pytest, at [^\s"]+"#, "<python>"),
        (r"version \d+\.\d[\d.]*", "version <n>"),
        (r"\d+ MB", "<n> MB"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    text
}

#[test]
fn every_check_is_told_to_people_and_programs() {
    let crew = orderly();
    std::fs::write(crew.home.shop().join("app.log"), "2026-03-01 09:00:00,000 INFO shop: open\n").unwrap();
    let config = "[logs]\npaths = [\"app.log\", \"missing.log\"]\n\n[test]\ncommand = [\"true\"]\n";
    std::fs::write(crew.home.shop().join("groundcrew.toml"), config).unwrap();
    insta::assert_snapshot!("human", anywhere(&crew.home.transcript(&["doctor"])));
    insta::assert_snapshot!("json", anywhere(&crew.home.transcript(&["doctor", "--json"])));
}
