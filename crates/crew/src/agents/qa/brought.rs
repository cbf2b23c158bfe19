//! Tests that come with a fix, or that failed before it: where they fail without the fix and pass with it, they are as good
//! a regression test as one that is written here.
//!
//! None is believed for being there. The fix's test files are laid over the base, and what fails there and passes on the fix
//! is run again on both sides, since one run of a flaky test looks the same. A failure counts if it is the incident's own, or
//! a failed assertion of a test that the fix brings: one that only misses a function which the fix adds shows nothing.

use std::collections::BTreeMap;
use std::path::Path;

use groundcrew_core::contract::{Fix, Rate, Reproduction};
use groundcrew_repair::locate::is_test;
use groundcrew_workbench::git::{Change, ChangeKind, RepoPath, Repository, Sha};
use groundcrew_workbench::runner::{Failure, Suite, TestOutcome};

use crate::agent::Trouble;
use crate::agents::qa::base::{failed, is_told};
use crate::agents::qa::suite::{Runs, says_something};

/// Runs of a test on each side after the first.
const RUNS: u32 = 3;

/// Tests that are run again at most.
const MOST: usize = 50;

/// Largest test file, in bytes.
const LARGEST: u64 = 4 << 20;

/// What the tests of a fix show.
pub(super) enum Brought {
    /// The fix brings no test, and none is known that failed before.
    Nothing,
    /// None of them fails without the fix as the incident did.
    Useless,
    /// These fail without the fix and pass with it.
    Shown(Vec<String>),
}

/// Runs the tests that a fix brings, without it and with it.
pub(super) fn brought(
    runs: &mut Runs<'_>,
    repository: &Repository,
    fix: &Fix,
    base: &Sha,
    fixed: &Sha,
) -> Result<Brought, Trouble> {
    let Some(reproduction) = fix.reproduction.as_ref().filter(|_| is_told(runs.command)) else {
        return Ok(Brought::Nothing);
    };
    let files = test_files(repository, base, fixed)?;
    if files.is_empty() && reproduction.test_id.is_none() {
        return Ok(Brought::Nothing);
    }
    let without = match files.as_slice() {
        [] => base.clone(),
        files => repository.commit(base, files, "The tests of a fix without it", runs.job.now.as_second())?,
    };
    let before = runs.bench.checkout(&without)?;
    let suite = runs.once(before.path(), None)?;
    if !says_something(&suite) {
        return Ok(Brought::Useless);
    }
    let paths: Vec<&str> = files.iter().map(|change| change.path.as_str()).collect();
    let candidates = candidates(&suite, reproduction, &paths);
    if candidates.is_empty() {
        return Ok(Brought::Useless);
    }
    let after = runs.bench.checkout(fixed)?;
    let mut failing = BTreeMap::new();
    runs.often(before.path(), &candidates, RUNS, &mut failing)?;
    let mut passing = BTreeMap::new();
    runs.often(after.path(), &candidates, RUNS, &mut passing)?;
    Ok(shown(candidates, &failing, &passing))
}

/// The same for a fix that brings no test: those that failed without it are looked at, of which the runs without it are
/// known: `base` with all tests, and `again` with what failed in it.
pub(super) fn failing_before(
    runs: &mut Runs<'_>,
    reproduction: &Reproduction,
    base: &Suite,
    again: &[Suite],
    after: &Path,
) -> Result<Brought, Trouble> {
    if again.len() != RUNS as usize || !says_something(base) {
        return Ok(Brought::Useless);
    }
    let candidates = candidates(base, reproduction, &[]);
    if candidates.is_empty() {
        return Ok(Brought::Useless);
    }
    let mut failing: BTreeMap<String, Rate> = BTreeMap::new();
    for suite in again {
        for test in &candidates {
            if let Some(failed) = failed(suite, test) {
                failing.entry(test.clone()).or_default().count(failed);
            }
        }
    }
    let mut passing = BTreeMap::new();
    runs.often(after, &candidates, RUNS, &mut passing)?;
    Ok(shown(candidates, &failing, &passing))
}

/// Those that failed in every run without the fix and passed in every run with it.
fn shown(
    candidates: Vec<String>,
    failing: &BTreeMap<String, Rate>,
    passing: &BTreeMap<String, Rate>,
) -> Brought {
    let always = |rates: &BTreeMap<String, Rate>, test: &String, failed| {
        rates.get(test) == Some(&Rate { failed, runs: RUNS })
    };
    let shown: Vec<String> = candidates
        .into_iter()
        .filter(|test| always(failing, test, RUNS) && always(passing, test, 0))
        .collect();
    if shown.is_empty() { Brought::Useless } else { Brought::Shown(shown) }
}

/// The test files that a fix adds or changes, as it has them.
pub(super) fn test_files(repository: &Repository, base: &Sha, fixed: &Sha) -> Result<Vec<Change>, Trouble> {
    let mut files = Vec::new();
    for file in repository.diff(base, fixed)?.files.into_iter().filter(|file| is_test(&file.path)) {
        let written = match file.kind {
            ChangeKind::Added | ChangeKind::Modified | ChangeKind::Renamed => true,
            ChangeKind::Deleted | ChangeKind::TypeChanged => false,
        };
        let Some(path) = RepoPath::parse(&file.path).ok().filter(|_| written) else { continue };
        if let Some(content) = repository.read(fixed, &path, LARGEST)? {
            files.push(Change::write(path, content));
        }
    }
    Ok(files)
}

/// Tests whose failure without the fix may be the incident's.
fn candidates(suite: &Suite, reproduction: &Reproduction, brought: &[&str]) -> Vec<String> {
    let counts = |outcome: &TestOutcome| match outcome {
        TestOutcome::Failed { failure } | TestOutcome::Error { failure } => {
            is_the_incident(failure, reproduction) || is_asserted_by(failure, brought)
        }
        TestOutcome::Passed | TestOutcome::Skipped { .. } => false,
    };
    let failing = suite.tests.iter().filter(|(_, outcome)| counts(outcome));
    failing.map(|(test, _)| test.clone()).take(MOST).collect()
}

fn is_the_incident(failure: &Failure, reproduction: &Reproduction) -> bool {
    short(&failure.exception) == short(&reproduction.exception)
        && failure.traceback.contains(&reproduction.file)
}

/// Whether an assertion failed in a file that the fix brings.
fn is_asserted_by(failure: &Failure, brought: &[&str]) -> bool {
    // What pytest raises where an expected exception did not come is called `Failed`.
    matches!(short(&failure.exception), "AssertionError" | "Failed")
        && brought.iter().any(|path| failure.traceback.contains(path))
}

fn short(exception: &str) -> &str {
    exception.rsplit('.').next().unwrap_or(exception)
}
