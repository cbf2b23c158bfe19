//! The gates, executed one after the other in fresh work trees, each with what was seen.
//!
//! A gate that cannot run is `missing` and says why; it never counts as passed.

use std::collections::BTreeSet;
use std::path::Path;

use groundcrew_core::contract::{Check, Fix, Reproduction, SuiteCount, TestFile, Verification};
use groundcrew_core::evidence::{
    ChangeKind, DifferentialGate, GateStatus, Gates, Grade, MutantGate, SmellGate,
};
use groundcrew_repair::differential::Differential;
use groundcrew_repair::mutants::Mutants;
use groundcrew_repair::reproduce::{ReproOutcome, run_on};
use groundcrew_repair::strategies::is_searched;
use groundcrew_repair::{Bench, differential, mutants, smell};
use groundcrew_workbench::git::{Change, RepoPath, Repository, Sha};
use groundcrew_workbench::runner::{Kind, Suite, TestCommand, TestOutcome, run_suite};

use crate::agent::{Job, Trouble};

/// Runs of a reproduction on each side.
const REPRODUCTION_RUNS: usize = 3;

/// Further runs of a test that fails only with the fix, on each side, to tell a flaky one.
const FLAKY_RUNS: usize = 3;

/// What was shown about one commit.
pub(super) struct Examination {
    pub(super) head: Sha,
    pub(super) gates: Gates,
    tree: String,
    checks: Vec<Check>,
    suite_base: Option<SuiteCount>,
    suite_head: Option<SuiteCount>,
    new_failures: Vec<String>,
    behaviour_diff: Vec<String>,
    survivors: Vec<String>,
    mutants: (u32, u32),
    sandbox: String,
}

impl Examination {
    pub(super) fn into_verification(self, fix: &Fix, grade: Option<Grade>) -> Verification {
        Verification {
            base_sha: fix.base_sha.clone(),
            head_sha: self.head.as_str().to_owned(),
            tree_sha: self.tree,
            grade,
            gates: self.gates,
            checks: self.checks,
            suite_base: self.suite_base,
            suite_head: self.suite_head,
            new_failures: self.new_failures,
            behaviour_diff: self.behaviour_diff,
            survivors: self.survivors,
            mutants: self.mutants,
            sandbox: self.sandbox,
        }
    }

    fn note(&mut self, name: &str, status: &str, detail: impl Into<String>) {
        self.checks.push(Check { name: name.into(), status: status.into(), detail: detail.into() });
    }
}

/// Executes all gates on the fix, with its regression test committed on top where there is one.
pub(super) fn examine(
    job: &Job<'_>,
    bench: &Bench,
    repository: &Repository,
    fix: &Fix,
) -> Result<Examination, Trouble> {
    let base = Sha::parse(&fix.base_sha)?;
    let fixed = Sha::parse(&fix.commit_sha)?;
    let regression = regression_commit(job, bench, repository, fix, &base, &fixed)?;
    let head = regression.as_ref().map_or_else(|| fixed.clone(), |shown| shown.head.clone());
    let mut seen = Examination {
        tree: repository.tree(&head)?.as_str().to_owned(),
        head,
        gates: nothing_shown(fix),
        checks: Vec::new(),
        suite_base: None,
        suite_head: None,
        new_failures: Vec::new(),
        behaviour_diff: Vec::new(),
        survivors: Vec::new(),
        mutants: (0, 0),
        sandbox: bench.sandbox.level().to_string(),
    };
    let before = bench.checkout(&base)?;
    let after = bench.checkout(&seen.head)?;
    reproduce(bench, fix, before.path(), after.path(), &mut seen)?;
    compare_suites(job, bench, before.path(), after.path(), &mut seen)?;
    match regression {
        Some(shown) => {
            seen.gates.regression_test = GateStatus::Passed;
            seen.note(
                "regression test",
                "passed",
                format!("{} fails without the fix and passes with it", shown.id),
            );
        }
        None => seen.note("regression test", "missing", "none could be made that fails without the fix"),
    }
    mutate(bench, repository, fix, &mut seen)?;
    compare_behaviour(bench, repository, fix, &mut seen)?;
    look_at_diff(repository, &base, &fixed, fix, &mut seen)?;
    Ok(seen)
}

fn nothing_shown(fix: &Fix) -> Gates {
    Gates {
        kind: fix.kind,
        one_line_typo: fix.one_line_typo,
        reproduction_before: GateStatus::Missing,
        reproduction_after: GateStatus::Missing,
        suite: GateStatus::Missing,
        regression_test: GateStatus::Missing,
        mutants: MutantGate::Missing,
        differential: DifferentialGate::NotRun,
        smell: SmellGate::Missing,
    }
}

/// A regression test that was shown to fail without the fix and to pass with it.
struct Regression {
    head: Sha,
    id: String,
}

/// Commits the regression test on the fix, if it really is one.
fn regression_commit(
    job: &Job<'_>,
    bench: &Bench,
    repository: &Repository,
    fix: &Fix,
    base: &Sha,
    fixed: &Sha,
) -> Result<Option<Regression>, Trouble> {
    let test = fix.reproduction.as_ref().and_then(|reproduction| reproduction.regression_test.as_ref());
    let (Some(test), Some(command)) = (test, &bench.tests) else { return Ok(None) };
    let path = RepoPath::parse(&test.path)?;
    if command.kind == Kind::Other || repository.entry(fixed, &path)?.is_some() {
        return Ok(None);
    }
    let change = Change::write(path, test.content.clone());
    let message = format!(
        "Test that {} does not come back\n\nGroundcrew-Task: {}\n",
        fix.reproduction.as_ref().map_or("the error", |reproduction| reproduction.exception.as_str()),
        job.task.id
    );
    let time = job.now.as_second();
    let on_base = repository.commit(base, std::slice::from_ref(&change), &message, time)?;
    let on_fix = repository.commit(fixed, &[change], &message, time)?;
    let without = run_one(job, bench, command, &on_base, test)?;
    let with = run_one(job, bench, command, &on_fix, test)?;
    let fails_without = without.is_some_and(|outcome| outcome.is_bad());
    let passes_with = with == Some(TestOutcome::Passed);
    Ok((fails_without && passes_with).then(|| Regression { head: on_fix, id: test.id.clone() }))
}

fn run_one(
    job: &Job<'_>,
    bench: &Bench,
    command: &TestCommand,
    commit: &Sha,
    test: &TestFile,
) -> Result<Option<TestOutcome>, Trouble> {
    let checkout = bench.checkout(commit)?;
    let only = [test.id.clone()];
    let suite = suite_of(job, bench, command, checkout.path(), Some(&only))?;
    Ok(suite.tests.get(&test.id).cloned())
}

fn suite_of(
    job: &Job<'_>,
    bench: &Bench,
    command: &TestCommand,
    checkout: &Path,
    only: Option<&[String]>,
) -> Result<Suite, Trouble> {
    let suite =
        run_suite(&bench.sandbox, &bench.python, checkout, command, only, &bench.limits, job.desk.cancel())?;
    if job.desk.cancel().is_cancelled() {
        return Err(Trouble::Stopped);
    }
    Ok(suite)
}

/// The error happens every time without the fix, and never with it.
fn reproduce(
    bench: &Bench,
    fix: &Fix,
    before: &Path,
    after: &Path,
    seen: &mut Examination,
) -> Result<(), Trouble> {
    let Some(reproduction) = &fix.reproduction else {
        seen.note("reproduction", "missing", "the error could not be made to happen again");
        return Ok(());
    };
    let (failed, _) = run_times(bench, reproduction, before)?;
    seen.gates.reproduction_before = status(failed == REPRODUCTION_RUNS);
    seen.note(
        "reproduction before",
        seen.gates.reproduction_before.as_str(),
        format!(
            "{} fails with {} in {failed} of {REPRODUCTION_RUNS} runs",
            reproduction.call, reproduction.exception
        ),
    );
    let (_, passed) = run_times(bench, reproduction, after)?;
    seen.gates.reproduction_after = status(passed == REPRODUCTION_RUNS);
    seen.note(
        "reproduction after",
        seen.gates.reproduction_after.as_str(),
        format!("passes in {passed} of {REPRODUCTION_RUNS} runs"),
    );
    Ok(())
}

/// Runs that failed as the incident did, and runs that passed.
fn run_times(bench: &Bench, reproduction: &Reproduction, checkout: &Path) -> Result<(usize, usize), Trouble> {
    let (mut failed, mut passed) = (0, 0);
    for _ in 0..REPRODUCTION_RUNS {
        let run = run_on(bench, checkout, reproduction)?;
        // A run that loaded another copy of the code says nothing about this checkout.
        if !run.loaded_from_checkout(&reproduction.file) {
            continue;
        }
        match run.outcome {
            ReproOutcome::FailedAsIncident => failed += 1,
            ReproOutcome::Passed => passed += 1,
            ReproOutcome::Other(_) => {}
        }
    }
    Ok((failed, passed))
}

fn status(passed: bool) -> GateStatus {
    if passed { GateStatus::Passed } else { GateStatus::Failed }
}

/// Only failures that the base does not have count against the fix, and only if they are not flaky.
fn compare_suites(
    job: &Job<'_>,
    bench: &Bench,
    before: &Path,
    after: &Path,
    seen: &mut Examination,
) -> Result<(), Trouble> {
    let Some(command) = &bench.tests else {
        seen.note("suite", "missing", "no tests were found in this repository");
        return Ok(());
    };
    let base = suite_of(job, bench, command, before, None)?;
    let head = suite_of(job, bench, command, after, None)?;
    seen.suite_base = Some(count(&base));
    seen.suite_head = Some(count(&head));
    if command.kind == Kind::Other {
        judge_by_exit(&base, &head, seen);
        return Ok(());
    }
    if !base.counts() || base.tests.is_empty() {
        seen.note("suite", "missing", format!("it does not run to its end without the fix: {}", why(&base)));
        return Ok(());
    }
    if !head.counts() {
        seen.gates.suite = GateStatus::Failed;
        seen.note("suite", "failed", format!("it does not run to its end with the fix: {}", why(&head)));
        return Ok(());
    }
    let known = base.bad();
    let suspects: Vec<String> = head.bad().difference(&known).map(|id| (*id).to_owned()).collect();
    let flaky = flaky(job, bench, command, before, after, &suspects)?;
    seen.new_failures = suspects.into_iter().filter(|id| !flaky.contains(id)).collect();
    let gone: Vec<&String> = base.tests.keys().filter(|id| !head.tests.contains_key(*id)).collect();
    seen.gates.suite = status(seen.new_failures.is_empty() && gone.is_empty());
    let detail = format!(
        "{} of {} pass without the fix, {} of {} with it; {} fail only with it, {} are gone, {} are flaky, {} failed before",
        base.passed().len(),
        base.tests.len(),
        head.passed().len(),
        head.tests.len(),
        seen.new_failures.len(),
        gone.len(),
        flaky.len(),
        known.len()
    );
    seen.note("suite", seen.gates.suite.as_str(), detail);
    Ok(())
}

/// A suite that only tells its exit code shows little: no test by name.
fn judge_by_exit(base: &Suite, head: &Suite, seen: &mut Examination) {
    let detail = format!("judged by exit code alone: {} without the fix, {} with it", base.ended, head.ended);
    let (word, gate) = match (base.is_green(), head.is_green()) {
        (_, true) => ("passed", GateStatus::Passed),
        (true, false) => ("failed", GateStatus::Failed),
        (false, false) => ("missing", GateStatus::Missing),
    };
    seen.gates.suite = gate;
    seen.note("suite", word, detail);
}

fn why(suite: &Suite) -> String {
    match (&suite.trouble, &suite.running, suite.foreign.first()) {
        (Some(trouble), _, _) => format!("{}: {}", trouble.exception, trouble.message),
        (None, Some(test), _) => format!("{} while {test} ran", suite.ended),
        (None, None, Some(foreign)) => format!("it tests another copy of the code: {foreign}"),
        (None, None, None) => format!("{}, {} tests", suite.ended, suite.tests.len()),
    }
}

fn count(suite: &Suite) -> SuiteCount {
    let failed = suite.bad().len() as u64;
    let passed = suite.passed().len() as u64;
    let total = suite.tests.len() as u64;
    SuiteCount {
        collected: suite.collected.map_or(total, |collected| collected as u64),
        passed,
        failed,
        skipped: total - failed - passed,
    }
}

/// Tests among the suspects that pass at times with the fix, or fail at times without it.
fn flaky(
    job: &Job<'_>,
    bench: &Bench,
    command: &TestCommand,
    before: &Path,
    after: &Path,
    suspects: &[String],
) -> Result<BTreeSet<String>, Trouble> {
    let mut flaky = BTreeSet::new();
    if suspects.is_empty() {
        return Ok(flaky);
    }
    for _ in 0..FLAKY_RUNS {
        let head = suite_of(job, bench, command, after, Some(suspects))?;
        flaky.extend(head.passed().into_iter().map(str::to_owned));
        let base = suite_of(job, bench, command, before, Some(suspects))?;
        flaky.extend(base.bad().into_iter().map(str::to_owned));
    }
    Ok(flaky)
}

/// Whether the tests would notice if the changed lines were other than they are.
fn mutate(bench: &Bench, repository: &Repository, fix: &Fix, seen: &mut Examination) -> Result<(), Trouble> {
    let base = Sha::parse(&fix.base_sha)?;
    let restored = culprit_parent(repository, fix)?;
    let Mutants { made, killed, survivors, unexplained, reason } =
        mutants::examine(bench, &base, &seen.head, fix.reproduction.as_ref(), restored.as_ref())?;
    seen.mutants = (made, killed);
    seen.gates.mutants = match (reason.is_some(), survivors.is_empty(), unexplained) {
        (true, _, _) => MutantGate::Missing,
        (false, true, _) => MutantGate::Killed,
        (false, false, 0) => MutantGate::Explained,
        (false, false, _) => MutantGate::Survived,
    };
    let detail = reason.unwrap_or_else(|| format!("{killed} of {made} killed"));
    seen.note("mutants", seen.gates.mutants.as_str(), detail);
    seen.survivors = survivors;
    Ok(())
}

/// Whether the changed functions still do what they did on inputs that were right before.
fn compare_behaviour(
    bench: &Bench,
    repository: &Repository,
    fix: &Fix,
    seen: &mut Examination,
) -> Result<(), Trouble> {
    let base = Sha::parse(&fix.base_sha)?;
    // A revert is to bring back what its culprit's parent did, so that is what it is compared with.
    let reference = culprit_parent(repository, fix)?.unwrap_or_else(|| base.clone());
    let Differential { compared, differing, now_raises, reason } =
        differential::compare_change(bench, &base, &seen.head, &reference)?;
    let cured = fix.reproduction.as_ref().map_or("", |reproduction| reproduction.exception.as_str());
    let moved = now_raises.contains(cured.rsplit('.').next().unwrap_or(cured));
    seen.gates.differential = match (&reason, differing.is_empty()) {
        (Some(_), _) => DifferentialGate::NotRun,
        (None, true) => DifferentialGate::Equal,
        (None, false) if moved => DifferentialGate::Breaks,
        (None, false) => DifferentialGate::Differs,
    };
    let detail = reason.unwrap_or_else(|| {
        let first = differing.first().map(|first| format!(", such as {first}")).unwrap_or_default();
        format!("{} of {compared} inputs give another result{first}", differing.len())
    });
    seen.note("differential", seen.gates.differential.as_str(), detail);
    seen.behaviour_diff = differing;
    Ok(())
}

/// For a revert: the commit before the one that is undone, whose behaviour comes back.
fn culprit_parent(repository: &Repository, fix: &Fix) -> Result<Option<Sha>, Trouble> {
    match (&fix.reverts, fix.kind) {
        (Some(culprit), ChangeKind::Revert) => Ok(Some(repository.resolve(&format!("{culprit}^"))?)),
        (Some(_) | None, _) => Ok(None),
    }
}

fn look_at_diff(
    repository: &Repository,
    base: &Sha,
    fixed: &Sha,
    fix: &Fix,
    seen: &mut Examination,
) -> Result<(), Trouble> {
    let mut found = smell::smells(repository, base, fixed, fix.kind)?;
    if is_searched(&fix.strategy) && seen.gates.differential == DifferentialGate::Differs {
        found.push("found by search, and it changes other results too".to_owned());
    }
    seen.gates.smell = if found.is_empty() { SmellGate::Clean } else { SmellGate::Smells };
    let detail =
        if found.is_empty() { "nothing that hides the symptom".to_owned() } else { found.join("; ") };
    seen.note("smell", seen.gates.smell.as_str(), detail);
    Ok(())
}
