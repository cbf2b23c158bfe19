//! jest and vitest: both write the same form of JSON into a file.

use serde::Deserialize;

use super::{
    Call, Kind, Place, REPORT, Report, Runner, Source, TestOutcome, WITHIN, any_of, failure, id, javascript,
    of_stack, skipped, words,
};

pub(super) const JEST: Runner = Runner {
    kind: Kind::Jest,
    recognise: recognise_jest,
    ask: ask_jest,
    select: select_jest,
    source: Source::File,
    read,
};

pub(super) const VITEST: Runner = Runner {
    kind: Kind::Vitest,
    recognise: recognise_vitest,
    ask: ask_vitest,
    select: select_vitest,
    source: Source::File,
    read,
};

fn recognise_jest(words: &[String], at: usize) -> Option<usize> {
    if words::name(&words[at]) == "react-scripts" {
        return (words.get(at + 1).map(String::as_str) == Some("test")).then_some(at + 2);
    }
    javascript(words, at, &["jest"]).filter(|_| !watches(words))
}

fn recognise_vitest(words: &[String], at: usize) -> Option<usize> {
    let after = javascript(words, at, &["vitest"]).filter(|_| !watches(words))?;
    match words.get(after).map(String::as_str) {
        Some("run") => Some(after + 1),
        Some("watch" | "dev" | "bench" | "init" | "list" | "typecheck") => None,
        Some(_) | None => Some(after),
    }
}

fn watches(words: &[String]) -> bool {
    words.iter().any(|word| matches!(word.as_str(), "--watch" | "-w" | "--watchAll" | "--ui"))
}

fn ask_jest(call: &mut Call) {
    call.drop(&["--json", "--bail", "-b"], &["--outputFile"]);
    call.add([
        "--json",
        &format!("--outputFile={REPORT}"),
        "--bail=0",
        "--watchAll=false",
        "--watchman=false",
    ]);
}

fn ask_vitest(call: &mut Call) {
    call.drop(&[], &["--reporter", "--outputFile", "--bail"]);
    let file = format!("--outputFile.json={REPORT}");
    call.add(["--reporter=default", "--reporter=json", &file, "--bail=0", "--watch=false"]);
}

fn select_jest(only: &[String], call: &mut Call) {
    if !call.handed_on {
        call.drop(&["--runTestsByPath"], &["-t", "--testNamePattern"]);
    }
    if let Some(names) = full_names(only) {
        call.add([&format!("--testNamePattern={names}")]);
    }
}

fn select_vitest(only: &[String], call: &mut Call) {
    if !call.handed_on {
        call.drop(&[], &["-t", "--testNamePattern"]);
    }
    if let Some(names) = full_names(only) {
        call.add([&format!("--testNamePattern={names}")]);
    }
    let mut files: Vec<String> =
        only.iter().filter_map(|test| test.split(WITHIN).next()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    // Each is a part of the paths that run; with names of the user's own beside them more would run, and is left out.
    call.add_last(files);
}

/// A pattern of the full names; none where a file itself is asked for.
fn full_names(only: &[String]) -> Option<String> {
    let names: Option<Vec<String>> = only
        .iter()
        .map(|test| {
            test.split_once(WITHIN).map(|(_, names)| names.split(WITHIN).collect::<Vec<_>>().join(" "))
        })
        .collect();
    Some(any_of(names?.iter().map(String::as_str)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    num_total_tests: usize,
    #[serde(default)]
    was_interrupted: Option<bool>,
    test_results: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    status: String,
    #[serde(default)]
    message: Option<String>,
    assertion_results: Vec<Assertion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
    #[serde(default)]
    failure_messages: Option<Vec<String>>,
}

fn read(text: &str, place: &Place<'_>) -> Report {
    let mut report = Report::default();
    let Ok(results) = serde_json::from_str::<Results>(text) else { return report };
    let mut told = 0;
    report.finished = results.was_interrupted != Some(true);
    for file in results.test_results {
        let name = place.file(&file.name);
        told += file.assertion_results.len();
        let mut bad = false;
        for test in file.assertion_results {
            let parts: Vec<&str> =
                test.ancestor_titles.iter().chain([&test.title]).map(String::as_str).collect();
            let outcome = test.outcome(place);
            bad |= outcome.as_ref().is_some_and(TestOutcome::is_bad);
            match outcome {
                Some(outcome) => report.note(id(&name, &parts), outcome),
                None => report.finished = false,
            }
        }
        // A file that cannot be loaded, or fails outside of its tests.
        if file.status == "failed" && !bad {
            let message = place.text(&file.message.unwrap_or_default());
            let failure = match message.trim() {
                "" => failure("Error", "the file fails outside of its tests", ""),
                text => of_stack(text),
            };
            report.note(name, TestOutcome::Error { failure });
        }
    }
    report.finished &= told == results.num_total_tests;
    report
}

impl Assertion {
    /// None for a status that no version is known to give.
    fn outcome(&self, place: &Place<'_>) -> Option<TestOutcome> {
        Some(match self.status.as_str() {
            "passed" => TestOutcome::Passed,
            "failed" => {
                let message = self.failure_messages.iter().flatten().next().map_or("", String::as_str);
                TestOutcome::Failed { failure: of_stack(&place.text(message)) }
            }
            "todo" => skipped("to do"),
            "pending" | "skipped" | "disabled" => skipped(&self.status),
            _ => return None,
        })
    }
}
