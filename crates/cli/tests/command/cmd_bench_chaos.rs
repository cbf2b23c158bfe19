//! The task engine under kills, and whether what finds its mistakes does so.
//!
//! `GROUNDCREW_KILLS` asks for more kills than a quick run has. `GROUNDCREW_UNFENCED` and `GROUNDCREW_TORN` name programs that were
//! built with the features `unfenced` and `torn`: the same run must find them out.

use std::collections::BTreeSet;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Home, Ran};

/// Kills of a run that shows something and still is quick.
const KILLS: &str = "150";

#[test]
fn many_kills_lose_nothing_double_nothing_and_let_nothing_stale_through() {
    let kills = std::env::var("GROUNDCREW_KILLS").unwrap_or_else(|_| KILLS.to_owned());
    let home = Home::new();
    let ran = Ran::of(&home.command(["bench", "chaos", "--json", "--kills", &kills]).output().unwrap());
    let told: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr));
    eprintln!("{told}");
    assert_eq!((ran.code, &told["violations"]), (Some(0), &json!([])), "{told}{}", ran.stderr);
    assert_eq!(told["kills"]["injected"], told["kills"]["goal"]);
    for fault in ["zombies", "clock_jumps", "locks_held", "disks_full"] {
        assert!(told[fault]["injected"].as_u64() >= told[fault]["goal"].as_u64(), "{fault}: {told}");
        assert!(told[fault]["goal"].as_u64() > Some(0), "{fault}: {told}");
    }
    assert!(told["late_writes_refused"].as_u64() >= told["zombies"]["goal"].as_u64(), "{told}");
    assert!(
        told["unguarded_doubled"].as_u64() > Some(0),
        "no kill hit an effect before its settlement: {told}"
    );
    let left: Vec<_> = std::fs::read_dir(home.database().parent().unwrap())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("chaos")), "{left:?}");
}

/// What a run finds in a program that was built with a defect; none where no such program is named, which is said.
#[expect(clippy::print_stderr, reason = "a test says what it found, and why it was skipped")]
fn found_in(variable: &str) -> Option<BTreeSet<String>> {
    let Some(program) = std::env::var_os(variable) else {
        eprintln!("skipped: {variable} names no program that was built with a defect");
        return None;
    };
    let home = Home::new();
    let mut command = Command::new(program);
    command
        .args(["bench", "chaos", "--json", "--kills", "400"])
        .env_clear()
        .env("HOME", home.path().join("home"));
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, Some(1), "{variable} passed: {}{}", ran.stdout, ran.stderr);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    eprintln!("{variable}: after {} kills: {}", told["kills"]["injected"], told["violations"]);
    let rules = told["violations"].as_array().unwrap().iter();
    Some(rules.map(|found| found["rule"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn a_build_without_fencing_is_found_out_by_what_is_late_and_counts_twice() {
    if let Some(rules) = found_in("GROUNDCREW_UNFENCED") {
        let by = ["stale", "twice", "count"];
        assert!(by.iter().any(|rule| rules.contains(*rule)), "{rules:?}");
    }
}

/// Which half is missing is for the moment of the kill to say: what an end hands on, or that it is counted.
#[test]
fn a_build_that_splits_a_transaction_is_found_out_by_the_half_that_is_missing() {
    if let Some(rules) = found_in("GROUNDCREW_TORN") {
        assert!(rules.contains("handoff") || rules.contains("count"), "{rules:?}");
    }
}

#[test]
fn a_run_of_kills_fills_no_database_that_is_there() {
    let home = Home::new();
    let file = home.shop().join("mine.db");
    std::fs::write(&file, "mine").unwrap();
    assert_snapshot!(home.transcript(&["bench", "chaos", "--database", "sqlite:mine.db"]));
    assert_snapshot!(home.transcript(&["bench", "chaos", "--kills", "0"]));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
