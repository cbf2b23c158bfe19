//! Node's own test runner: a reporter of ours writes each test as a line of JSON into a file.

use serde::Deserialize;

use super::{
    Call, Kind, Place, REPORT, Report, Runner, Source, TestOutcome, WITHIN, any_of, failure, id, of_stack,
    skipped, words,
};

pub(super) const RUNNER: Runner =
    Runner { kind: Kind::Node, recognise, ask, select, source: Source::File, read };

const REPORTER: &str = include_str!("reporter.mjs");

/// Options of node that take the next word as their value.
const WITH_VALUE: [&str; 14] = [
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "--env-file",
    "--test-concurrency",
    "--test-timeout",
    "--test-shard",
    "--test-name-pattern",
    "--test-skip-pattern",
    "--test-coverage-include",
];

fn recognise(words: &[String], at: usize) -> Option<usize> {
    let program = matches!(words::name(&words[at]), "node" | "nodejs" | "tsx");
    let mut tests = false;
    let mut next = at + 1;
    // Words after the first that is no option are arguments of a script, or files.
    while let Some(word) = words.get(next).filter(|word| word.starts_with('-')) {
        tests |= word == "--test";
        next += if WITH_VALUE.contains(&word.as_str()) { 2 } else { 1 };
    }
    // Somebody else's report, a watcher, or one process for all files cannot be told apart from here.
    let own = words[at..].iter().any(|word| word.starts_with("--test-reporter") || word == "--watch");
    (program && tests && !own).then_some(at + 1)
}

fn ask(call: &mut Call) {
    call.files.push(("reporter.mjs", REPORTER.to_owned()));
    // By the variable and not by options, so that it reaches node through a package manager too.
    call.add_to_variable(
        "NODE_OPTIONS",
        &format!(
            "--test-reporter=spec --test-reporter-destination=stdout --test-reporter=\0/reporter.mjs \
             --test-reporter-destination={REPORT}"
        ),
    );
}

fn select(only: &[String], call: &mut Call) {
    if call.handed_on {
        return;
    }
    let mut files: Vec<&str> = only.iter().filter_map(|test| test.split(WITHIN).next()).collect();
    files.sort_unstable();
    files.dedup();
    // A group that does not match keeps its tests from running, so the names of groups match too.
    let names: Vec<&str> = only.iter().flat_map(|test| test.split(WITHIN).skip(1)).collect();
    let whole = only.iter().any(|test| !test.contains(WITHIN));
    if !whole {
        call.add([&format!("--test-name-pattern={}", any_of(names))]);
    }
    let files: Vec<String> = files.into_iter().map(str::to_owned).collect();
    let mut at = call.at;
    while at < call.argv.len() {
        if call.argv[at].starts_with('-') {
            at += if WITH_VALUE.contains(&call.argv[at].as_str()) { 2 } else { 1 };
        } else {
            call.argv.remove(at);
        }
    }
    call.argv.extend(files);
}

/// One line of the reporter.
#[derive(Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
enum Line {
    Test(Told),
    End,
}

#[derive(Deserialize)]
struct Told {
    file: Option<String>,
    path: Vec<String>,
    passed: bool,
    skip: Option<String>,
    group: bool,
    error: Option<Raised>,
}

#[derive(Deserialize)]
struct Raised {
    kind: String,
    name: String,
    message: String,
    stack: String,
}

fn read(text: &str, place: &Place<'_>) -> Report {
    let mut report = Report::default();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Test(told)) => {
                if let Some((id, outcome)) = told.outcome(place) {
                    report.note(id, outcome);
                }
            }
            Ok(Line::End) => {
                report.finished = true;
                break;
            }
            // Nobody else writes to the file, so that a line that cannot be read was cut.
            Err(_) => break,
        }
    }
    report
}

impl Told {
    fn outcome(self, place: &Place<'_>) -> Option<(String, TestOutcome)> {
        let file = self.file.as_deref().map(|file| place.file(file)).unwrap_or_default();
        let mut parts: Vec<&str> = self.path.iter().map(String::as_str).collect();
        // The file itself is a test of node's; in older versions all others are within it.
        let is_file = parts.first().is_some_and(|first| place.file(first) == file);
        if is_file {
            parts.remove(0);
        }
        let error = self.error.as_ref();
        let of_others = error.is_some_and(|error| error.kind == "subtestsFailed");
        if (self.group && (self.passed || of_others)) || (is_file && parts.is_empty() && of_others) {
            return None;
        }
        let id = if file.is_empty() { parts.join(WITHIN) } else { id(&file, &parts) };
        let outcome = match (self.skip, self.passed, error) {
            (Some(reason), _, _) => skipped(&reason),
            (None, true, _) => TestOutcome::Passed,
            (None, false, error) => {
                let failure = match error {
                    Some(error) if error.stack.is_empty() => {
                        failure(&error.name, &error.message, &error.message)
                    }
                    Some(error) => {
                        let mut told = of_stack(&place.text(&error.stack));
                        told.message = place.text(&error.message);
                        told
                    }
                    None => failure("Error", "", ""),
                };
                let around = self.group
                    || (is_file && parts.is_empty())
                    || error.is_some_and(|error| {
                        matches!(error.kind.as_str(), "cancelledByParent" | "hookFailed")
                    });
                if around { TestOutcome::Error { failure } } else { TestOutcome::Failed { failure } }
            }
        };
        Some((id, outcome))
    }
}
