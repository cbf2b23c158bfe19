//! Every language in which nothing is edited here: a culprit can be undone all the same, with the project's own tests to
//! tell good commits from bad ones.
//!
//! Where the runner tells its tests apart, the failing test is the reproduction; else the exit code of the command is all
//! there is, and what the evidence says is no more than that.

use std::path::Path;
use std::time::Duration;

use groundcrew_core::contract::Reproduction;
use groundcrew_workbench::git::Sha;
use groundcrew_workbench::runner::{Kind, Suite, TestCommand, TestOutcome, run_suite};
use groundcrew_workbench::sandbox::{Ended, Limits};

use super::Language;
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::differential::Differential;
use crate::locate::{Located, is_test, locate};
use crate::matching::Raised;
use crate::mutants::Mutant;
use crate::outcome::Facts;
use crate::reproduce::{ReproOutcome, ReproRun};
use crate::sought::{Failing, Sought, Suspicious};

/// Kind of a reproduction that is the whole test command, judged by its exit code.
pub(super) const COMMAND: &str = "command";
/// Class of a test that does not end, and how long one that is run alone may take.
const ENDLESS: &str = "TimeoutError";
const PATIENCE: Duration = Duration::from_secs(12);
/// Class of a failure that has no name.
const FAILURE: &str = "TestFailure";

/// Any language.
pub(super) struct Other;

impl Language for Other {
    fn owns(&self, _: &str) -> bool {
        true
    }

    fn runs(&self, _: Kind) -> bool {
        true
    }

    fn is_broken(&self, _: &str, _: &str) -> bool {
        false
    }

    fn repairs_crashes(&self) -> bool {
        false
    }

    fn test_of(
        &self,
        _: &Bench,
        _: &Snapshot,
        _: &Located,
        _: &Facts,
    ) -> Result<Option<Result<Reproduction, String>>, RepairError> {
        Ok(None)
    }

    fn seek(
        &self,
        _: &Bench,
        snapshot: &Snapshot,
        facts: &Facts,
        command: &TestCommand,
    ) -> Result<Sought, RepairError> {
        Ok(by_tests(snapshot, facts, command))
    }

    fn reproduction(&self, _: &Bench, snapshot: &Snapshot, failing: &Failing) -> Option<Reproduction> {
        Some(of_test(snapshot, failing))
    }

    fn run(
        &self,
        bench: &Bench,
        worktree: &Path,
        reproduction: &Reproduction,
        times: u32,
    ) -> Result<Vec<ReproRun>, RepairError> {
        (0..times).map(|_| by_suite(bench, worktree, reproduction)).collect()
    }

    fn mutants(&self, _: &str, _: &str, _: &[u32]) -> Option<Vec<Mutant>> {
        None
    }

    fn program_smells(&self, _: &str, _: &str, _: &str) -> Option<Vec<&'static str>> {
        None
    }

    fn test_smells(&self, _: &str, _: &str, _: &str) -> Option<Vec<&'static str>> {
        None
    }

    fn compare(&self, _: &Bench, _: &Sha, _: &Sha, _: &Sha) -> Result<Differential, RepairError> {
        Ok(not_compared())
    }
}

/// What stands where functions of a language are not called here.
pub(super) fn not_compared() -> Differential {
    let reason = "functions of this language are not called on inputs of our own".to_owned();
    Differential { reason: Some(reason), ..Differential::default() }
}

/// What is known of failing tests without any search: which they are, and which places their stack names.
pub(super) fn by_tests(snapshot: &Snapshot, facts: &Facts, command: &TestCommand) -> Sought {
    let exception = facts.trace.exception.clone().unwrap_or_else(|| FAILURE.to_owned());
    let located = locate(&facts.trace, &snapshot.files, &|path| snapshot.text(path)).unwrap_or_default();
    let frames: Vec<(Option<String>, u32, String)> = located
        .frames
        .iter()
        .map(|frame| (Some(frame.file.clone()), frame.line, frame.function.clone()))
        .collect();
    let raised = Raised {
        kind: exception,
        module: String::new(),
        message: facts.trace.message.clone().unwrap_or_default(),
        frames,
    };
    let tests: Vec<String> = if facts.failing_tests.is_empty() {
        vec![command.argv.join(" ")]
    } else {
        facts.failing_tests.clone()
    };
    let suspects =
        located.frames.iter().filter(|frame| !is_test(&frame.file)).zip(1u32..).map(|(frame, depth)| {
            Suspicious {
                file: frame.file.clone(),
                line: frame.line,
                function: frame.function.clone(),
                statement: frame.statement.clone(),
                score: 1.0 / f64::from(depth),
            }
        });
    Sought {
        tests: 0,
        failing: tests.into_iter().map(|test| Failing { test, chain: vec![raised.clone()] }).collect(),
        suspects: suspects.collect(),
        by_command: facts.failing_tests.is_empty(),
        ..Sought::default()
    }
}

/// The reproduction that is a test of the project, run by the project's own runner.
pub(super) fn of_test(snapshot: &Snapshot, failing: &Failing) -> Reproduction {
    let raised = failing.chain.first();
    let own = raised.and_then(|raised| {
        raised.frames.iter().find_map(|(file, _, name)| Some((file.clone()?, name.clone())))
    });
    let (file, function) = own.unwrap_or_default();
    Reproduction {
        kind: "test".to_owned(),
        origin: "a test of the project that fails".to_owned(),
        script: String::new(),
        call: failing.test.clone(),
        regression_test: None,
        test_id: Some(failing.test.clone()),
        fails_on: snapshot.commit.to_string(),
        exception: raised.map_or_else(|| FAILURE.to_owned(), |raised| raised.kind.clone()),
        file,
        function,
    }
}

/// The reproduction that is the whole test command.
pub(super) fn of_command(snapshot: &Snapshot, failing: &Failing) -> Reproduction {
    Reproduction {
        kind: COMMAND.to_owned(),
        origin: "the test command, judged by its exit code".to_owned(),
        test_id: None,
        ..of_test(snapshot, failing)
    }
}

/// One run of a reproduction by the project's own runner.
pub(super) fn by_suite(
    bench: &Bench,
    worktree: &Path,
    reproduction: &Reproduction,
) -> Result<ReproRun, RepairError> {
    let silent =
        |why: String| ReproRun { outcome: ReproOutcome::Other(why), loaded: Vec::new(), value: None };
    let Some(command) = &bench.tests else { return Ok(silent("there is no test command".to_owned())) };
    let only = reproduction.test_id.as_ref().map(|test| vec![test.clone()]);
    let Bench { sandbox, python, limits, cancel, .. } = bench;
    // A runner does not tell of a test that does not end; alone and within a short time, it can be no other.
    let endless = reproduction.exception == ENDLESS && only.is_some();
    let wall = if endless { limits.wall.min(PATIENCE) } else { limits.wall };
    let limits = Limits { wall, ..limits.clone() };
    let suite = run_suite(sandbox, python, worktree, command, only.as_deref(), &limits, cancel)?;
    bench.go_on()?;
    let outcome = match &reproduction.test_id {
        Some(_) if endless && suite.ended == Ended::TimedOut => ReproOutcome::FailedAsIncident,
        Some(test) => of_one(&suite, test, &reproduction.exception),
        None if suite.is_green() => ReproOutcome::Passed,
        None if suite.complete => ReproOutcome::FailedAsIncident,
        None => ReproOutcome::Other(suite.ended.to_string()),
    };
    // A run by the project's own runner in the work tree loads what lies there, as far as it can be told from outside.
    let loaded = if suite.foreign.is_empty() { vec![reproduction.file.clone()] } else { Vec::new() };
    Ok(ReproRun { outcome, loaded, value: None })
}

fn of_one(suite: &Suite, test: &str, exception: &str) -> ReproOutcome {
    match suite.tests.get(test) {
        Some(TestOutcome::Passed) => ReproOutcome::Passed,
        Some(TestOutcome::Failed { failure } | TestOutcome::Error { failure }) => {
            let last = |name: &str| name.rsplit(['.', ':']).next().unwrap_or(name).to_owned();
            if exception == FAILURE || last(&failure.exception) == last(exception) {
                ReproOutcome::FailedAsIncident
            } else {
                let message = failure.message.lines().next().unwrap_or_default();
                ReproOutcome::Other(format!("{}: {message}", failure.exception))
            }
        }
        Some(TestOutcome::Skipped { reason }) => ReproOutcome::Other(format!("it is skipped: {reason}")),
        None => ReproOutcome::Other(format!("the test does not run ({})", suite.ended)),
    }
}
