//! The regression test: fails without the fix, passes with it, in the style of the project's own tests.
//!
//! What a developer hands over, or what is written here from the reproduction, counts only after both runs have shown it.

use std::path::Path;

use groundcrew_core::contract::task_type::WRITE_REGRESSION_TEST;
use groundcrew_core::contract::{
    Fix, Reason, Reproduction, TestFile, VerifyFixContext, WriteRegressionTestResult,
};
use groundcrew_repair::reproduce::{Call, with_expectation};
use groundcrew_repair::{Bench, Snapshot, mutants};
use groundcrew_workbench::git::{Change, Expected, RepoPath, Repository, Sha};
use groundcrew_workbench::runner::{Kind, Suite, TestOutcome, run_suite};

use crate::agent::{Ending, HAND_OVER, Job, Trouble};
use crate::agents::bench::bench;
use crate::agents::qa::base::is_told;
use crate::agents::qa::brought::{Brought, brought, failing_before, test_files};
use crate::agents::qa::suite::{Ahead, Runs, side_by_side};

/// What is known about a regression test.
pub(super) enum Regression {
    /// This one was shown to fail without the fix and to pass with it, and is committed on it.
    Written { head: Sha, id: String },
    /// These do, and the fix holds them already.
    There(Vec<String>),
    /// Why there is none.
    None(&'static str),
}

impl Regression {
    /// The last commit of the fix with its regression test.
    pub(super) fn head<'a>(&'a self, fixed: &'a Sha) -> &'a Sha {
        match self {
            Self::Written { head, .. } => head,
            Self::There(_) | Self::None(_) => fixed,
        }
    }
}

/// Why there is mostly none.
pub(super) const NONE: &str = "none could be made that fails without the fix";

/// What was shown of a test.
struct Shown {
    head: Sha,
    fails_on_base: bool,
    passes_on_head: bool,
}

/// Commits the regression test on the fix, if it really is one.
pub(super) fn written(
    job: &Job<'_>,
    bench: &Bench,
    repository: &Repository,
    fix: &Fix,
    base: &Sha,
    fixed: &Sha,
) -> Result<Option<Regression>, Trouble> {
    if let Some(reproduction) = &fix.reproduction
        && let Some(test) = &reproduction.regression_test
        && let Some(shown) = show(job, bench, repository, reproduction, test, base, fixed)?
        && shown.fails_on_base
        && shown.passes_on_head
    {
        return Ok(Some(Regression::Written { head: shown.head, id: test.id.clone() }));
    }
    Ok(None)
}

/// Where no test could be written: those that the fix brings, or that failed before it.
pub(super) fn found(
    runs: &mut Runs<'_>,
    repository: &Repository,
    fix: &Fix,
    base: &Sha,
    fixed: &Sha,
    known: &Ahead,
    after: &Path,
) -> Result<Regression, Trouble> {
    let brings_none = test_files(repository, base, fixed)?.is_empty();
    let brought = match (&fix.reproduction, &known.whole) {
        (Some(reproduction), Some(whole)) if brings_none && reproduction.test_id.is_some() => {
            failing_before(runs, reproduction, whole, &known.again, after)?
        }
        _ => brought(runs, repository, fix, base, fixed)?,
    };
    Ok(match brought {
        Brought::Shown(tests) => Regression::There(tests),
        Brought::Useless => Regression::None("no test of the fix fails without it as the incident did"),
        Brought::Nothing => Regression::None(NONE),
    })
}

/// Runs a test on both sides; none if it cannot be told apart or its file is there already.
fn show(
    job: &Job<'_>,
    bench: &Bench,
    repository: &Repository,
    reproduction: &Reproduction,
    test: &TestFile,
    base: &Sha,
    fixed: &Sha,
) -> Result<Option<Shown>, Trouble> {
    let Some(command) = &bench.tests else { return Ok(None) };
    let path = RepoPath::parse(&test.path)?;
    if !is_told(command) || repository.entry(fixed, &path)?.is_some() {
        return Ok(None);
    }
    let change = Change::write(path, test.content.clone());
    let message = format!(
        "Test that {} does not come back\n\nGroundcrew-Task: {}\n",
        reproduction.exception, job.task.id
    );
    let time = job.now.as_second();
    let on_base = repository.commit(base, std::slice::from_ref(&change), &message, time)?;
    let on_fix = repository.commit(fixed, &[change], &message, time)?;
    let (before, after) = (bench.checkout(&on_base)?, bench.checkout(&on_fix)?);
    let only = [test.id.clone()];
    let run = |at: &Path| {
        let Bench { sandbox, python, limits, cancel, .. } = bench;
        run_suite(sandbox, python, at, command, Some(&only), limits, cancel)
    };
    let (base_run, head_run) = side_by_side(|| run(before.path()), || run(after.path()));
    let mut runs = Runs::new(job, bench, command);
    let mut outcome = |suite: Suite| -> Result<Option<TestOutcome>, Trouble> {
        Ok(runs.counted(suite)?.tests.get(&test.id).cloned())
    };
    let fails_on_base = outcome(base_run?)?.is_some_and(|outcome| outcome.is_bad());
    let passes_on_head = outcome(head_run?)? == Some(TestOutcome::Passed);
    Ok(Some(Shown { head: on_fix, fails_on_base, passes_on_head }))
}

/// Works a `write_regression_test` task.
pub(super) fn write_regression_test(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: VerifyFixContext = job.context()?;
    let Some(fix) = context.dossier.fix else {
        return Err(Trouble::refused("no_fix", "the context names no fix to write a test for"));
    };
    if job.choice() == Some(HAND_OVER) {
        return not_written(job, "a person took it over");
    }
    let Some(reproduction) = fix.reproduction.clone() else {
        return not_written(job, "the error was never made to happen again, so there is nothing to test");
    };
    let site = job.site()?;
    let repository = site.repository(job)?;
    let (base, fixed) = (Sha::parse(&fix.base_sha)?, Sha::parse(&fix.commit_sha)?);
    let bench = bench(job, site, &repository, &base)?;
    if bench.tests.is_none() {
        return Err(Trouble::Environment(
            "no tests were found in this repository; name them in groundcrew.toml under [test]".into(),
        ));
    }
    let Some(test) = test_of(&bench, &repository, &reproduction, &base)? else {
        return not_written(job, "the reproduction cannot stand in a test of its own");
    };
    let Some(shown) = show(job, &bench, &repository, &reproduction, &test, &base, &fixed)? else {
        return not_written(job, "the test command does not tell tests apart, or the file is there already");
    };
    let counted = if shown.fails_on_base && shown.passes_on_head {
        mutants::examine(&alone(&bench, &test), &base, &shown.head, None, None, None)?
    } else {
        mutants::Mutants::default()
    };
    finish(job, &repository, test, &shown, &counted)
}

/// The developer's test where there is one, else one written from the call of the reproduction.
fn test_of(
    bench: &Bench,
    repository: &Repository,
    reproduction: &Reproduction,
    base: &Sha,
) -> Result<Option<TestFile>, Trouble> {
    if let Some(test) = &reproduction.regression_test {
        return Ok(Some(test.clone()));
    }
    let Some(call) = Call::of(reproduction) else { return Ok(None) };
    let snapshot = Snapshot::open(repository, base)?;
    Ok(with_expectation(bench, &snapshot, &call, None))
}

/// The same bench with this one test as its suite, so that what notices a mutant is this test.
fn alone(bench: &Bench, test: &TestFile) -> Bench {
    let mut bench = bench.clone();
    let Some(command) = &mut bench.tests else { return bench };
    match command.kind {
        Kind::Pytest => command.argv = ["python3", "-m", "pytest", &test.path].map(str::to_owned).to_vec(),
        Kind::Unittest if command.argv.iter().any(|word| word == "discover") => {
            let name = test.path.rsplit('/').next().unwrap_or(&test.path);
            command.argv.extend(["-p".to_owned(), name.to_owned()]);
        }
        Kind::Unittest
        | Kind::Node
        | Kind::Jest
        | Kind::Vitest
        | Kind::Mocha
        | Kind::Nextest
        | Kind::Cargo
        | Kind::Go
        | Kind::Junit
        | Kind::Tap
        | Kind::Other => {}
    }
    bench
}

fn finish(
    job: &Job<'_>,
    repository: &Repository,
    test: TestFile,
    shown: &Shown,
    counted: &mutants::Mutants,
) -> Result<Ending, Trouble> {
    let written = shown.fails_on_base && shown.passes_on_head;
    if written {
        let hidden = job.kept_ref("tested");
        repository.update_ref(&hidden, &shown.head, &Expected::Any)?;
    }
    let side = |shown: bool| if shown { "yes" } else { "no" };
    let text = format!(
        "{}: fails without the fix: {}, passes with it: {}, notices {} of {} mutants",
        test.id,
        side(shown.fails_on_base),
        side(shown.passes_on_head),
        counted.killed,
        counted.made
    );
    job.desk.step(&text);
    let outcome = if written { "written" } else { "not_written" };
    let result = WriteRegressionTestResult {
        common: job.common(outcome, 1.0, vec![Reason::new(WRITE_REGRESSION_TEST, text)]),
        test_path: Some(test.path),
        test_id: Some(test.id),
        content: Some(test.content),
        fails_on_base: shown.fails_on_base,
        passes_on_head: shown.passes_on_head,
        kills: counted.killed,
        mutants: counted.made,
        head_sha: written.then(|| shown.head.as_str().to_owned()),
    };
    Ending::complete(&result, job.cost())
}

fn not_written(job: &Job<'_>, why: &str) -> Result<Ending, Trouble> {
    let result = WriteRegressionTestResult {
        common: job.common("not_written", 1.0, vec![Reason::new("not_written", why)]),
        test_path: None,
        test_id: None,
        content: None,
        fails_on_base: false,
        passes_on_head: false,
        kills: 0,
        mutants: 0,
        head_sha: None,
    };
    job.desk.step(format!("no regression test: {why}"));
    Ending::complete(&result, job.cost())
}
