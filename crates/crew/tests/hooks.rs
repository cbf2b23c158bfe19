//! The user's own program is told what happens: in order, at least once, whatever it does, and only when trusted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "the shared part serves other tests too")]

mod project;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use groundcrew_crew::brain::Rules;
use groundcrew_store::LogFilter;
use serde_json::{Value, json};

use project::{Bench, PROGRAM};

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A project whose hook is this shell script; `$OUT` names the file that it may write to.
struct Told {
    bench: Bench,
    folder: tempfile::TempDir,
}

impl Told {
    fn new(script: &str, more: &str) -> Self {
        let told = Self::untrusted(script, more);
        let config = std::fs::read_to_string(told.bench.root().join("groundcrew.toml")).unwrap();
        told.bench.trust(&config);
        told
    }

    fn untrusted(script: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hook = folder.path().join("hook.sh");
        let out = folder.path().join("out");
        std::fs::write(&hook, format!("#!/bin/sh\nOUT={}\n{script}\n", out.display())).unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        let config = format!("[logs]\npaths = [\"app.log\"]\n[hooks]\non_event = [{hook:?}]\n{more}");
        let bench = Bench::new(&[("shop.py", PROGRAM), ("groundcrew.toml", &config)]);
        Self { bench, folder }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn log(&self, text: &str) {
        std::fs::write(self.bench.root().join("app.log"), format!("{text}INFO shop: on\n")).unwrap();
    }

    /// The documents that the hook wrote, a line each.
    fn documents(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.out()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn kinds(&self) -> Vec<String> {
        let kind = |document: &Value| document["kind"].as_str().unwrap().to_owned();
        self.documents().iter().map(kind).collect()
    }

    /// Entries of the audit log about hooks: level and data.
    fn entries(&self) -> Vec<(String, Value)> {
        let filter = LogFilter { limit: Some(1_000), ..LogFilter::default() };
        let logs = self.bench.store.logs(&filter).unwrap();
        let ours = logs.into_iter().filter(|entry| !entry.data["hook"].is_null());
        ours.map(|entry| (entry.level.to_string(), entry.data)).collect()
    }
}

#[test]
fn every_event_is_one_document_in_order_and_a_hostile_title_is_only_text() {
    let told = Told::new("test \"$PWD\" != / && cat >> $OUT; echo \"$GROUNDCREW_EVENT\" >&2", "");
    let tripwire = told.folder.path().join("pwned");
    let hostile = format!(
        "ERROR shop: $(touch {0}) `touch {0}` \"}}{{\" password=Tulip-4471-example\n",
        tripwire.display()
    );
    told.log(&format!("{hostile}ERROR shop: something else is odd\n"));
    let crew = told.bench.crew(Rules);
    crew.until("everything is told", || told.kinds().len() >= 2 && crew.is_idle());
    let documents = told.documents();
    let ids: Vec<i64> = documents.iter().map(|document| document["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert_eq!(documents[0]["schema_version"], 1);
    assert_eq!(documents[0]["kind"], "incident_new");
    assert_eq!(documents[0]["project"]["name"], "shop");
    assert_eq!(documents[0]["incident"], 1);
    assert!(documents.iter().any(|document| document["title"].as_str().unwrap().contains("$(touch")));
    assert!(!documents.iter().any(|document| document.to_string().contains("Tulip")));
    assert!(!tripwire.exists());
    let entries = told.entries();
    assert!(entries.iter().all(|(level, data)| level == "info" && data["tries"] == 1), "{entries:?}");
    assert_eq!(entries[0].1["output"], "incident_new");
}

#[test]
fn only_the_wanted_events_are_told() {
    let told = Told::new("cat >> $OUT", "events = [\"question\", \"fix_ready\"]\n");
    told.log("ERROR shop: something is odd\n");
    let crew = told.bench.crew(Rules);
    crew.until("the error is judged", || {
        !told.bench.store.incidents(&Default::default()).unwrap().is_empty() && crew.is_idle()
    });
    assert_eq!(told.kinds(), Vec::<String>::new());
    assert!(!told.bench.store.events(0, 10).unwrap().is_empty());
}

#[test]
fn a_hook_that_nobody_trusted_does_not_run() {
    let told = Told::untrusted("cat >> $OUT", "");
    told.log("ERROR shop: something is odd\n");
    let crew = told.bench.crew(Rules);
    crew.until("the error is judged", || {
        !told.bench.store.incidents(&Default::default()).unwrap().is_empty() && crew.is_idle()
    });
    assert_eq!((told.kinds(), told.entries()), (Vec::new(), Vec::new()));
}

#[test]
fn an_event_that_cannot_be_told_is_tried_five_times_and_does_not_hold_up_the_rest() {
    let script = "read line; case \"$line\" in *broken*) exit 7;; *) echo \"$line\" >> $OUT;; esac";
    let told = Told::new(script, "events = [\"incident_new\"]\n");
    told.log("ERROR shop: broken beyond words\nERROR shop: something else is odd\n");
    let crew = told.bench.crew(Rules);
    crew.until("the rest is told", || !told.kinds().is_empty() && crew.is_idle());
    assert_eq!(told.documents().len(), 1);
    let failed: Vec<(String, Value)> =
        told.entries().into_iter().filter(|(_, data)| data["ended"] != "exit status: 0").collect();
    let tries: Vec<u64> = failed.iter().map(|(_, data)| data["tries"].as_u64().unwrap()).collect();
    assert_eq!(tries, [1, 2, 3, 4, 5]);
    assert_eq!(failed[4].0, "error");
    assert_eq!(failed[4].1["ended"], "exit status: 7");
}

#[test]
fn a_hook_that_was_cut_off_is_told_again_at_the_next_start_and_never_keeps_the_crew_from_stopping() {
    let script = "if test ! -e $OUT.began; then touch $OUT.began; sleep 600; fi; cat >> $OUT";
    let told = Told::new(script, "events = [\"incident_new\"]\n");
    told.log("ERROR shop: something is odd\n");
    let began = told.folder.path().join("out.began");
    let crew = told.bench.crew(Rules);
    crew.until("the hook runs", || began.exists());
    assert!(!crew.is_idle(), "something is still to be told");
    let stopping = Instant::now();
    drop(crew);
    assert!(stopping.elapsed() < Duration::from_secs(20), "{:?}", stopping.elapsed());
    assert_eq!(told.kinds(), Vec::<String>::new());
    let crew = told.bench.crew(Rules);
    crew.until("it is told", || !told.kinds().is_empty());
    crew.until("nothing is left", || crew.is_idle());
    assert_eq!(told.kinds(), ["incident_new"]);
}

#[test]
fn a_hook_that_does_not_exist_is_an_entry_of_the_audit_log_and_nothing_else() {
    let bench = Bench::new(&[("shop.py", PROGRAM)]);
    bench.trust(
        "[logs]\npaths = [\"app.log\"]\n[hooks]\non_event = [\"./hook.sh\"]\nevents = [\"incident_new\"]\n",
    );
    std::fs::write(bench.root().join("app.log"), "ERROR shop: something is odd\nINFO shop: on\n").unwrap();
    let crew = bench.crew(Rules);
    let entries = || {
        let filter = LogFilter { limit: Some(1_000), ..LogFilter::default() };
        let logs = bench.store.logs(&filter).unwrap();
        logs.into_iter().filter(|entry| entry.data["hook"] == json!("incident_new")).collect::<Vec<_>>()
    };
    crew.until("it is given up", || entries().len() == 5);
    assert!(entries()[0].message.contains("absolute path"), "{}", entries()[0].message);
    crew.until("the crew goes on", || crew.is_idle());
}
