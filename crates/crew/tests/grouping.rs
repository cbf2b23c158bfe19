//! Which errors of a real log are one incident: over an update of the program, and by the user's rules.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "the shared part serves other tests too")]

mod project;

use groundcrew_core::incident::{Incident, IncidentStatus, Sighting};
use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::role::Role;
use groundcrew_crew::brain::Rules;
use groundcrew_logs::{Redactor, ScanOptions, fingerprint, scan};
use groundcrew_store::IncidentFilter;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use project::{Bench, PROGRAM, Working};

/// Longest time that anything in these tests may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

const SETTINGS: &str = "[logs]\npaths = [\"app.log\"]\nbaseline = \"90d\"\n";

fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

/// Different errors: with a trace of Python and of Java, and lines.
fn errors() -> String {
    let at = now();
    format!(
        "{at} ERROR shop.web: request failed\nTraceback (most recent call last):\n  File \"/srv/shop/cart.py\", line 7, in total\n    \
         raise Full(\"no room\")\nshop.Full: no room\n{at} ERROR shop.web: request failed\njava.lang.IllegalStateException: closed\n\
         \tat a.Till.open(Till.java:7)\n\tat a.Shop.main(Shop.java:9)\n{at} ERROR shop.db: user mary not found\n\
         {at} ERROR shop.db: pool of 5 is full\n{at} INFO shop.web: on\n"
    )
}

fn bench(settings: &str, log: &str) -> Bench {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("groundcrew.toml", settings)]);
    bench.trust(settings);
    std::fs::write(bench.root().join("app.log"), log).unwrap();
    bench
}

fn read(bench: &Bench) -> Working {
    let crew = bench.crew(Rules);
    crew.until("the log is read and judged", || !bench.all("scan_logs").is_empty() && crew.is_idle());
    crew
}

fn incidents(bench: &Bench) -> Vec<Incident> {
    let mut all = bench.store.incidents(&IncidentFilter::default()).unwrap();
    all.sort_by_key(|incident| incident.id);
    all
}

/// Stores the errors of the log as the first version of the program did: by its keys, without anything that came later.
fn stored_by_the_first_version(bench: &Bench) -> usize {
    let options = ScanOptions { flush: true, ..ScanOptions::new(Redactor::new(b"key")) };
    let records = scan(&bench.root().join("app.log"), None, &options).unwrap().records;
    let sightings: Vec<Sighting> = records
        .iter()
        .filter(|record| record.is_error())
        .map(|record| {
            let print = fingerprint(record);
            let at = record.time.unwrap();
            Sighting {
                fingerprint: print.older[0].clone(),
                fingerprint_version: 1,
                title: print.title,
                count: 1,
                first: at,
                last: at,
                ..Sighting::default()
            }
        })
        .collect();
    let count = sightings.len();
    let task = bench.create("note", Role::Monitor, json!({}));
    let held =
        bench.store.claim(Role::Monitor, Some(task), "test", SignedDuration::from_mins(1)).unwrap().unwrap();
    let outcome = Outcome::Complete { result: Value::Null };
    let settled = Settlement { sightings, ..Settlement::new(task, held.lease_token, outcome) };
    bench.store.execute(Command::Settle(Box::new(settled))).unwrap();
    count
}

#[test]
fn an_update_of_the_program_makes_no_incident_new() {
    let bench = bench(SETTINGS, &errors());
    let count = stored_by_the_first_version(&bench);
    assert_eq!(count, 4);
    let before = incidents(&bench);
    assert_eq!(bench.all("classify_error").len(), 4);
    drop(read(&bench));
    let after = incidents(&bench);
    let told = |incident: &Incident| {
        (incident.id, incident.fingerprint.clone(), incident.fingerprint_version, incident.first_seen)
    };
    assert_eq!(after.iter().map(told).collect::<Vec<_>>(), before.iter().map(told).collect::<Vec<_>>());
    assert_eq!(after.iter().map(|incident| incident.occurrences).collect::<Vec<_>>(), [2; 4]);
    assert_eq!(bench.all("classify_error").len(), 4, "triage was asked once for each");
}

#[test]
fn rules_of_the_user_merge_split_hide_and_mark_and_what_they_hide_is_told() {
    let rules = "[[logs.rules]]\nname = \"noise\"\nmessage = \"pool of *\"\nignore = true\n\
                 [[logs.rules]]\nmessage = \"/no room|closed/\"\nmerge = \"till trouble\"\n\
                 [[logs.rules]]\nlogger = \"shop.db\"\nsplit = [\"message\"]\n\
                 [[logs.rules]]\npath = \"Till.java\"\nin_app = false\n";
    let log = format!("{}{} ERROR shop.db: user john not found\n", errors(), now());
    let bench = bench(&format!("{SETTINGS}{rules}"), &log);
    drop(read(&bench));
    let mut found: Vec<(String, u64, Option<String>)> = incidents(&bench)
        .into_iter()
        .map(|incident| (incident.title, incident.occurrences, incident.rule))
        .collect();
    found.sort();
    let row = |title: &str, count, rule: &str| (title.to_owned(), count, Some(rule.to_owned()));
    assert_eq!(
        found,
        [
            row("till trouble", 2, "rule 2"),
            row("user john not found", 1, "rule 3"),
            row("user mary not found", 1, "rule 3")
        ]
    );
    let hidden = bench.store.hidden(bench.project).unwrap();
    assert_eq!(
        hidden.iter().map(|hidden| (hidden.rule.as_str(), hidden.count)).collect::<Vec<_>>(),
        [("noise", 1)]
    );
}

#[test]
fn rules_of_a_file_that_is_not_trusted_hide_nothing() {
    let rules = "[[logs.rules]]\nlevel = \"*\"\nignore = true\n";
    let bench = Bench::new(&[("shop.py", PROGRAM), ("groundcrew.toml", &format!("{SETTINGS}{rules}"))]);
    std::fs::write(bench.root().join("app.log"), errors()).unwrap();
    drop(read(&bench));
    assert_eq!(incidents(&bench).len(), 4);
    assert_eq!(bench.store.hidden(bench.project).unwrap(), []);
}

#[test]
fn a_rule_that_changes_keeps_the_incidents_that_there_are() {
    let bench = bench(SETTINGS, &errors());
    let crew = read(&bench);
    let before = incidents(&bench);
    drop(crew);
    let scans = bench.all("scan_logs").len();
    let again = |settings: &str| {
        bench.trust(settings);
        let log = bench.root().join("app.log");
        let mut text = std::fs::read_to_string(&log).unwrap();
        text.push_str(&errors());
        std::fs::write(&log, text).unwrap();
        let crew = bench.crew(Rules);
        crew.until("the log is read on", || bench.all("scan_logs").len() > scans && crew.is_idle());
    };
    again(&format!("{SETTINGS}[[logs.rules]]\nlogger = \"shop.*\"\nmerge = \"all of the shop\"\n"));
    let merged = incidents(&bench);
    assert_eq!(
        merged.len(),
        4,
        "one of them took up what the rule makes one, and the others stand as they were"
    );
    assert_eq!(merged.iter().map(|incident| incident.occurrences).sum::<u64>(), 8);
    assert_eq!(merged.iter().filter(|incident| incident.occurrences == 5).count(), 1);
    assert_eq!(
        merged.iter().map(|incident| &incident.fingerprint).collect::<Vec<_>>(),
        before.iter().map(|incident| &incident.fingerprint).collect::<Vec<_>>()
    );
    assert!(merged.iter().all(|incident| incident.status != IncidentStatus::Resolved));
}
