use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Home, Ran, Running, until};

const LOG: &str = "2026-03-01 09:00:00,000 INFO shop: open\n";

fn shop(log: &str) -> Home {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.log"), log).unwrap();
    home.ok(&["init"]);
    home
}

fn workers(home: &Home) -> i64 {
    home.sql().query_row("SELECT count(*) FROM crew_workers", [], |row| row.get(0)).unwrap()
}

fn running(home: &Home) -> Running {
    let up = home.start(&["up", "--json"]);
    until("the six workers are there", || workers(home) == 6);
    up
}

#[test]
fn a_crew_without_work_becomes_idle_and_ends() {
    let home = shop(LOG);
    let ran = home.run(&["up", "--until-idle"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("read 1 lines of app.log"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "no incidents\n");
    assert_eq!(workers(&home), 0, "nobody is left behind");
}

#[test]
fn what_came_into_an_empty_log_and_was_rotated_away_is_read() {
    let home = shop("");
    home.ok(&["up", "--until-idle"]);
    let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f%:z");
    let error = format!("{now} ERROR shop: the till is open\n");
    std::fs::write(home.shop().join("app.log"), error).unwrap();
    std::fs::rename(home.shop().join("app.log"), home.shop().join("app.log.1")).unwrap();
    std::fs::write(home.shop().join("app.log"), "").unwrap();
    home.run(&["up", "--until-idle"]);
    let incidents = home.json(&["incidents"]);
    assert_eq!(incidents["incidents"][0]["occurrences"], 1, "{incidents}");
}

#[test]
fn an_open_question_makes_the_end_not_clean() {
    let home = shop(LOG);
    let sql = home.sql();
    sql.execute_batch(
        "INSERT INTO agent_messages (from_agent, to_agent, message_type, content, metadata_json) VALUES \
         ('other program', 'user', 'question', 'Which colour?', '{}')",
    )
    .unwrap();
    let ran = home.run(&["up", "--until-idle"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.ends_with("1 waiting for you: groundcrew inbox\n"), "{}", ran.stdout);
}

#[test]
fn ignored_settings_and_broken_projects_are_warned_about() {
    let home = shop(LOG);
    std::fs::write(home.shop().join("groundcrew.toml"), "[test]\ncommand = [\"true\"]\n").unwrap();
    let ran = home.run(&["up", "--until-idle"]);
    assert!(ran.stderr.contains("warning: project shop: test.command do not count until"), "{}", ran.stderr);
    std::fs::write(home.shop().join("groundcrew.toml"), "[tset]\n").unwrap();
    let up = running(&home);
    up.signal("INT");
    let ran = up.end();
    assert!(
        ran.stderr.contains("warning: project shop is left out: ") && ran.stderr.contains("line 1, column 2"),
        "{}",
        ran.stderr
    );
}

#[test]
fn without_a_sandbox_nothing_is_started() {
    let home = shop(LOG);
    // Without a folder for temporary files no level can be made.
    let output = home.command(["up"]).env("TMPDIR", "/nonexistent").output().unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.code, Some(6), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("groundcrew doctor"), "{}", ran.stderr);
}

#[test]
fn a_signal_stops_the_crew_in_good_order() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let home = shop(LOG);
        let up = running(&home);
        let began = Instant::now();
        up.signal(name);
        let ran = up.end();
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert_eq!(workers(&home), 0);
    }
}

#[test]
fn a_plain_insert_of_another_program_is_worked_within_a_second() {
    let home = shop(LOG);
    let up = running(&home);
    let sql = home.sql();
    sql.execute(
        "INSERT INTO agent_tasks (task_type, assigned_to, context_json) VALUES ('check_health', 'monitor', '{}')",
        [],
    )
    .unwrap();
    let committed = Instant::now();
    let id = sql.last_insert_rowid();
    let started = || -> Option<String> {
        sql.query_row("SELECT started_at FROM agent_tasks WHERE id = ?1", [id], |row| row.get(0)).unwrap()
    };
    until("it is worked", || started().is_some());
    assert!(committed.elapsed() < Duration::from_secs(1), "{:?}", committed.elapsed());
    up.signal("INT");
    up.end();
    let shown = home.json(&["show", &id.to_string()]);
    assert_eq!(shown["task"]["created_by"], Value::Null);
}

#[test]
fn a_database_that_fails_the_crew_is_told_once_and_so_is_its_return() {
    let home = shop(LOG);
    let mut up = home.command(["up"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(up.stderr.take().unwrap()).lines().map(Result::unwrap);
    until("the six workers are there", || workers(&home) == 6);
    let sql = home.sql();
    sql.execute_batch("ALTER TABLE crew_log_cursors RENAME TO elsewhere").unwrap();
    let warning = told.find(|line| line.contains("cannot go on")).unwrap();
    assert!(warning.contains("crew_log_cursors"), "{warning}");
    sql.execute_batch("ALTER TABLE elsewhere RENAME TO crew_log_cursors").unwrap();
    let next = told.find(|line| line.contains("the crew") && !line.contains("of 6")).unwrap();
    assert_eq!(next, "the crew goes on");
    up.kill().unwrap();
    up.wait().unwrap();
}

/// Without a project the crew has nothing to do, so that everything it prints is known.
#[test]
fn what_is_printed_is_as_it_was() {
    let home = Home::new();
    home.ok(&["db", "migrate"]);
    home.ok(&["pause"]);
    let steady = |text: String| {
        text.replace("sandbox landlock", "sandbox strict").replace("sandbox builtin", "sandbox strict")
    };
    insta::assert_snapshot!("human", steady(home.transcript(&["up", "--until-idle"])));
    insta::assert_snapshot!("json", steady(home.transcript(&["up", "--until-idle", "--json"])));
}

#[test]
fn steps_are_json_lines_for_programs() {
    let home = shop(LOG);
    let ran = home.run(&["up", "--until-idle", "--json"]);
    let records: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(records.iter().all(|record| record["schema_version"] == 1), "{}", ran.stdout);
    let (last, steps) = records.split_last().unwrap();
    assert!(
        steps.iter().any(|step| step["record"] == "step" && step["agent"] == "monitor"),
        "{}",
        ran.stdout
    );
    let summary = serde_json::json!({
        "schema_version": 1, "record": "summary", "incidents": [], "waiting": 0, "exit_code": 0,
    });
    assert_eq!(*last, summary);
}
