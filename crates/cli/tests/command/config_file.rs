//! `--config FILE`: the configuration of one project for one call.

use std::path::PathBuf;

use insta::assert_snapshot;

use crate::support::{Home, git};

const LINE: &str = "2026-03-01 09:00:00,000 INFO shop: open\n";

/// A shop whose own settings name `app.log`, and a file beside it whose settings name `/TOP/other.log`.
fn shop() -> (Home, PathBuf, String) {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.log"), LINE).unwrap();
    home.ok(&["init"]);
    let log = home.path().join("other.log");
    std::fs::write(&log, LINE).unwrap();
    let file = home.path().join("other.toml");
    std::fs::write(&file, format!("[logs]\npaths = [{log:?}]\n")).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (home, log, file)
}

fn sources(home: &Home, arguments: &[&str]) -> Vec<String> {
    let document = home.json(arguments);
    let readings = document["readings"].as_array().unwrap();
    readings.iter().map(|reading| reading["source"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_file_counts_for_one_call_and_its_power_only_once_it_is_trusted() {
    let (home, log, file) = shop();
    let scan = ["scan", "--once", "--config", &file];
    assert_snapshot!("untrusted", home.transcript(&scan));
    assert_snapshot!("untrusted_shown", home.transcript(&["trust", "--show", "--config", &file]));
    home.ok(&["trust", "--config", &file]);
    assert_eq!(sources(&home, &scan), [log.to_str().unwrap()]);
    let own = home.shop().join("app.log");
    assert_eq!(sources(&home, &["scan", "--once"]), [own.to_str().unwrap()], "the next call is as before");
}

#[test]
fn a_crew_works_by_the_file_that_was_named_for_it() {
    let (home, log, file) = shop();
    let ran = home.run(&["up", "--until-idle", "--config", &file]);
    let hint = format!("look at {file} and run `groundcrew --project shop --config {file} trust`");
    assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    home.ok(&["--project", "shop", "--config", &file, "trust"]);
    let ran = home.ok(&["up", "--until-idle", "--config", &file]);
    assert!(!ran.stderr.contains("do not count"), "{}", ran.stderr);
    let mut read = home.sql().prepare("SELECT json_extract(context_json, '$.source.path') FROM agent_tasks WHERE task_type = 'scan_logs'").unwrap()
        .query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<String>, _>>().unwrap();
    read.dedup();
    assert_eq!(read, [log.to_str().unwrap()]);
}

#[test]
fn a_mistake_in_it_is_told_by_every_verb_that_reads_it() {
    let (home, _, file) = shop();
    std::fs::write(&file, "[logs]\npath = []\n").unwrap();
    std::fs::write(home.shop().join("trace.log"), crate::cmd_fix::CRASH).unwrap();
    let told = format!("{file}: line 2, column 1: unknown field `path`");
    for verb in [
        &["init"] as &[&str],
        &["trust"],
        &["doctor"],
        &["up", "--until-idle"],
        &["scan", "--once"],
        &["fix", "trace.log"],
        &["verify", "HEAD", "--error", "trace.log"],
    ] {
        let ran = home.run(&[verb, &["--config", &file]].concat());
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(&told), "{verb:?}: {ran:?}");
    }
}

#[test]
fn it_is_told_where_it_means_nothing_or_is_not_there() {
    let (home, _, file) = shop();
    assert_snapshot!("nothing", home.transcript(&["tasks", "--config", &file]));
    assert_snapshot!("missing", home.transcript(&["up", "--config", "absent.toml"]));
}

#[test]
fn of_several_projects_one_is_named_or_stood_in() {
    let (home, _, file) = shop();
    let second = home.path().join("second");
    git(&home.path(), &["clone", "--quiet", "shop", "second"]);
    let ran = home.command(["init"]).current_dir(&second).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let elsewhere = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        let output = command.current_dir(home.path()).output().unwrap();
        (output.status.code(), home.steady(&String::from_utf8_lossy(&output.stderr)))
    };
    let scan = ["scan", "--once", "--config", &file];
    let (code, told) = elsewhere(&scan);
    assert_eq!(code, Some(2));
    assert_eq!(
        told,
        "error: --config is the file of one project, and there are several\nhint: name one with --project: shop, second\n"
    );
    assert_eq!(elsewhere(&[&scan as &[&str], &["--project", "shop"]].concat()).0, Some(0));
    assert_eq!(home.run(&scan).code, Some(0), "the shop is the folder that one stands in");
}
