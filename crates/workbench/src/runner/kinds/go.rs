//! go test: the events that `-json` makes of what each package's tests say.
//!
//! A test's own output comes within events, so that what it prints is no event.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Call, Kind, LONGEST, Place, Report, Runner, Source, TestOutcome, any_of, failure, skipped, words,
};

pub(super) const RUNNER: Runner =
    Runner { kind: Kind::Go, recognise, ask, select, source: Source::Stdout, read };

fn recognise(words: &[String], at: usize) -> Option<usize> {
    let test = words::name(&words[at]) == "go" && words.get(at + 1).map(String::as_str) == Some("test");
    let other = |word: &String| {
        matches!(word.as_str(), "-c" | "-json" | "--json" | "-list" | "-h" | "-exec" | "-args" | "--args")
    };
    (test && !words.iter().any(other)).then_some(at + 2)
}

fn ask(call: &mut Call) {
    call.drop(&["-failfast", "--failfast", "-v", "--v"], &[]);
    // A result from an earlier run is no run.
    call.add(["-json", "-count=1"]);
}

fn select(only: &[String], call: &mut Call) {
    // Names of tests within others have parts of their own; the outermost one is enough, and the rest is left out.
    let names: Option<Vec<&str>> = only
        .iter()
        .map(|test| test.split_once(' ').map(|(_, name)| name.split('/').next().unwrap_or(name)))
        .collect();
    if let Some(names) = names {
        call.drop(&[], &["-run", "--run"]);
        call.add(["-run", &any_of(names)]);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: Option<String>,
    #[serde(default)]
    output: Option<String>,
    #[serde(default)]
    import_path: Option<String>,
}

/// What is known of a test or a package so far.
#[derive(Default)]
struct Known {
    text: String,
    ended: bool,
    bad: bool,
}

fn read(text: &str, _: &Place<'_>) -> Report {
    let mut report = Report { finished: true, ..Report::default() };
    let mut tests: BTreeMap<(String, String), Known> = BTreeMap::new();
    let mut packages: BTreeMap<String, Known> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            report.finished = false;
            continue;
        };
        match (&event.test, event.action.as_str()) {
            (None, "build-output") => {
                let built =
                    event.import_path.as_deref().and_then(|path| path.split(' ').next()).unwrap_or_default();
                packages.entry(built.to_owned()).or_default().say(&event);
            }
            (None, "build-fail") => {}
            (None, _) => event.of_package(packages.entry(event.package.clone()).or_default(), &mut report),
            (Some(test), _) => {
                let known = tests.entry((event.package.clone(), test.clone())).or_default();
                event.of_test(known, &mut report, test);
            }
        }
    }
    for ((package, test), known) in &tests {
        if !known.ended {
            // What panicked takes the others down with it.
            let failure = described(&known.text, "the test did not come to its end");
            report.note(format!("{package} {test}"), TestOutcome::Error { failure });
        }
        if known.bad || !known.ended {
            packages.entry(package.clone()).or_default().bad = true;
        }
    }
    let mut any = false;
    for (package, known) in packages.iter().filter(|(package, _)| !package.is_empty()) {
        any = true;
        report.finished &= known.ended;
        let failed = report.tests.get(package).is_some_and(TestOutcome::is_bad);
        if failed && known.bad {
            // One of its tests says it better.
            report.tests.remove(package);
        } else if failed {
            let failure = described(&known.text, "the package fails outside of its tests");
            report.tests.insert(package.clone(), TestOutcome::Error { failure });
        }
    }
    report.finished &= any;
    report
}

impl Known {
    fn say(&mut self, event: &Event) {
        let said = event.output.as_deref().unwrap_or_default();
        if self.text.len() + said.len() <= LONGEST {
            self.text.push_str(said);
        }
    }
}

impl Event {
    fn of_package(&self, known: &mut Known, report: &mut Report) {
        match self.action.as_str() {
            "output" => known.say(self),
            "pass" | "skip" => known.ended = true,
            "fail" => {
                known.ended = true;
                let failure = failure("", "", "");
                report.note(self.package.clone(), TestOutcome::Error { failure });
            }
            _ => {}
        }
    }

    fn of_test(&self, known: &mut Known, report: &mut Report, test: &str) {
        let outcome = match self.action.as_str() {
            "output" => return known.say(self),
            "pass" | "bench" => TestOutcome::Passed,
            "skip" => skipped(said(&known.text).trim()),
            "fail" => {
                known.bad = true;
                TestOutcome::Failed { failure: described(&known.text, "the test failed") }
            }
            _ => return,
        };
        known.ended = true;
        report.note(format!("{} {test}", self.package), outcome);
    }
}

/// What a test said, without the lines of the runner about it.
fn said(text: &str) -> String {
    let own = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with("=== ") && !line.starts_with("--- ") && line != "FAIL" && line != "PASS"
    };
    text.lines().filter(own).collect::<Vec<_>>().join("\n")
}

fn described(text: &str, otherwise: &str) -> super::Failure {
    let said = said(text);
    let panic = said.lines().find_map(|line| line.trim_start().strip_prefix("panic: "));
    let first = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or(otherwise);
    match panic {
        Some(message) => failure("panic", message.trim_end_matches(" [recovered]"), &said),
        None => failure("failure", first, &said),
    }
}
