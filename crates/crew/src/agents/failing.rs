//! What fails in a project's own tests, as an error to repair: the start of a repair that no log asks for.
//!
//! A test whose error was raised in the program itself says more about the place than one that only compares results, so
//! its trace comes first. Texts of tests are untrusted and go the way of every log: redacted, and never a command.

use groundcrew_core::incident::Sample;
use groundcrew_repair::Bench;
use groundcrew_repair::locate::is_test;
use groundcrew_workbench::git::Sha;
use groundcrew_workbench::runner::{Failure, Lack, Suite, TestCommand, TestOutcome, lack, run_suite};

use crate::agent::{Job, Trouble};
use crate::environment::demand;
use crate::site::sample_from_text;

/// Failing tests that a message names.
const NAMED: usize = 3;

/// The failing tests of a commit.
pub(super) struct Failing {
    /// The error of the first, in one line.
    pub(super) title: String,
    /// What that one printed.
    pub(super) sample: Sample,
    /// Ids of all, that of the sample first.
    pub(super) tests: Vec<String>,
}

/// Runs the tests of the base; where nothing fails or nothing can be told, the reason in words for a person.
pub(super) fn failing(job: &Job<'_>, bench: &Bench, base: &Sha) -> Result<Result<Failing, String>, Trouble> {
    let Some(command) = &bench.tests else {
        return Ok(Err(
            "there is no error to start from: no log was given, and no tests were found".to_owned()
        ));
    };
    let checkout = bench.checkout(base)?;
    let Bench { sandbox, python, limits, cancel, .. } = bench;
    let suite = run_suite(sandbox, python, checkout.path(), command, None, limits, cancel)?;
    if suite.is_green() {
        return Ok(Err(format!("nothing fails: all tests pass on {}", base.short())));
    }
    if let Some(Lack::Program { .. }) = lack(&suite, python) {
        demand(job, job.site()?, &suite, python)?;
    }
    let root = format!("{}/", checkout.path().display());
    let mut errors = errors(&suite, &root);
    if errors.is_empty() && suite.kind.is_python() {
        return Ok(Err(format!("the tests fail without saying where: {}", last_line(&suite))));
    }
    if errors.is_empty() {
        return Ok(Ok(without_place(job, &suite, command)));
    }
    // Stable: the order of the tests' names holds where nothing else speaks.
    errors.sort_by_key(|error| !error.in_program(job));
    let (title, sample) = sample_from_text(job.redactor(), &errors[0].text);
    let mut tests: Vec<String> = errors.into_iter().filter_map(|error| error.test).collect();
    if !suite.kind.is_python() {
        // Not every runner shows a stack with every failure.
        let others = suite.bad().into_iter().filter(|test| !tests.iter().any(|known| known == test));
        let others: Vec<String> = others.map(str::to_owned).collect();
        tests.extend(others);
    }
    job.desk.step(told(&tests));
    Ok(Ok(Failing { title, sample, tests }))
}

/// Tests that fail without a stack that is read: which they are is known, or that the command fails, and no more.
fn without_place(job: &Job<'_>, suite: &Suite, command: &TestCommand) -> Failing {
    let tests: Vec<String> = suite.bad().into_iter().map(str::to_owned).collect();
    let first = suite.tests.values().find_map(TestOutcome::failure);
    let said = first.map_or(suite.tail.as_str(), |failure| failure.message.as_str());
    let (_, sample) = sample_from_text(job.redactor(), said);
    let what = tests.first().cloned().unwrap_or_else(|| command.argv.join(" "));
    let step = match tests.is_empty() {
        true => job.redactor().redact(&format!("the tests fail: {}", last_line(suite))).text,
        false => told(&tests),
    };
    job.desk.step(step);
    Failing { title: job.redactor().redact(&format!("{what} fails")).text, sample, tests }
}

/// What went wrong in one test, or around all of them.
struct TestError {
    test: Option<String>,
    text: String,
}

impl TestError {
    /// Whether a frame of the program itself raised it.
    fn in_program(&self, job: &Job<'_>) -> bool {
        let (_, sample) = sample_from_text(job.redactor(), &self.text);
        let frames = sample.trace.iter().flat_map(|trace| &trace.frames);
        let mut own = frames.filter_map(|frame| frame.file.as_deref()).filter(|file| !file.starts_with('/'));
        own.next().is_some_and(|innermost| !is_test(innermost))
    }
}

/// The errors of a suite that have a place, with paths beneath the repository.
fn errors(suite: &Suite, root: &str) -> Vec<TestError> {
    let text = |failure: &Failure| failure.traceback.replace(root, "");
    let tests = suite.tests.iter().filter_map(|(test, outcome)| {
        Some(TestError { test: Some(test.clone()), text: text(outcome.failure()?) })
    });
    let around = suite.trouble.iter().map(|failure| TestError { test: None, text: text(failure) });
    // Where tests are not told apart, what the command printed may hold a trace all the same.
    let printed =
        suite.tests.is_empty().then(|| TestError { test: None, text: suite.tail.replace(root, "") });
    let found = tests.chain(around).chain(printed);
    found.filter(|error| groundcrew_logs::trace::parse(&error.text).is_some()).collect()
}

fn told(tests: &[String]) -> String {
    let named: Vec<&str> = tests.iter().take(NAMED).map(String::as_str).collect();
    match tests.len() {
        0 => "the tests fail".to_owned(),
        1 => format!("1 test fails: {}", named[0]),
        many if many > NAMED => format!("{many} tests fail: {} and more", named.join(", ")),
        many => format!("{many} tests fail: {}", named.join(", ")),
    }
}

fn last_line(suite: &Suite) -> String {
    suite.last_line().unwrap_or_else(|| "they print nothing".to_owned())
}
