//! The suite on a commit as it is, without any change of the crew: what fails there is the baseline of every fix.
//!
//! A state is kept in the result of the task that measured it, under a key of commit, test command and environment, and
//! found there again, so that the suite of a commit does not run once for every fix that starts from it. A test that
//! fails there and passes when it runs again is flaky and no baseline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::UNIX_EPOCH;

use groundcrew_core::contract::task_type::{VERIFY_BASE, VERIFY_FIX};
use groundcrew_core::contract::{
    BaseState, FlakyTest, Rate, Reason, SuiteCount, VerifyBaseContext, VerifyBaseResult,
};
use groundcrew_core::incident::{IncidentChange, IncidentStatus, Sample, Sighting};
use groundcrew_core::message::{Ask, MessageType, NewMessage, STABILISE_TEST};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, IncidentId, Status};
use groundcrew_repair::Bench;
use groundcrew_store::{IncidentFilter, TaskFilter};
use groundcrew_workbench::git::Sha;
use groundcrew_workbench::runner::{Suite, TestCommand, TestOutcome};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::agent::{Ending, HAND_OVER, Job, Trouble};
use crate::agents::bench::bench;
use crate::agents::qa::suite::{FLAKY_RUNS, Runs, says_something, why};
use crate::environment::demand;

/// Tests of a commit whose names are kept; a larger suite is run again for each fix.
const MOST_KEPT: usize = 5_000;

/// Failing tests of a commit that are run again to tell which of them are flaky.
const MOST_RERUN: usize = 200;

/// Tasks in whose results a known state is looked for.
const LOOKED_AT: u32 = 200;

/// Failing tests that are named in a report.
const TOLD: usize = 20;

/// The fingerprint under which a red suite of a project is one incident, however often it is met.
const RED: &str = "suite-red";

/// Works a `verify_base` task.
pub(super) fn verify_base(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: VerifyBaseContext = job.context()?;
    if job.choice() == Some(HAND_OVER) {
        let reasons = vec![Reason::new(HAND_OVER, "a person took it over")];
        return Ending::complete(&job.common("inconclusive", 1.0, reasons), job.cost());
    }
    let site = job.site()?;
    let repository = site.repository(job)?;
    let commit = match &context.commit_sha {
        Some(sha) => repository.resolve(sha)?,
        None => site.base(&repository)?,
    };
    let bench = bench(job, site, &repository, &commit)?;
    let Some(command) = &bench.tests else {
        return Err(Trouble::Environment(
            "no tests were found in this repository; name them in groundcrew.toml under [test]".into(),
        ));
    };
    if let Some(base) = measured(job, &bench, command, &commit)? {
        return conclude(job, base, false);
    }
    if let Some(base) = known(job, &bench, command, &commit)? {
        job.desk.step(format!("the suite on {} is known: {}", commit.short(), told(&base)));
        return conclude(job, base, true);
    }
    let checkout = bench.checkout(&commit)?;
    let mut runs = Runs::new(job, &bench, command);
    let suite = runs.whole(checkout.path())?;
    demand(job, site, &suite, &bench.python)?;
    if !says_something(&suite) {
        let ask = Ask::new(
            format!(
                "The tests do not run to their end on {}: {}. Is it mended?",
                commit.short(),
                why(&suite)
            ),
            &[("retry", "Yes, try again"), (HAND_OVER, "Leave it to me")],
        );
        return Ok(Ending::ask(BlockedOn::Environment, ask, job.cost()));
    }
    let base = measure(&mut runs, checkout.path(), &commit, &suite)?;
    job.desk.step(format!("the suite on {}: {}", commit.short(), told(&base)));
    conclude(job, base, false)
}

fn conclude(job: &Job<'_>, base: BaseState, known: bool) -> Result<Ending, Trouble> {
    let red = base.suite.failed > 0;
    let outcome = if red { "red" } else { "green" };
    let mut reasons: Vec<Reason> =
        base.failing.iter().take(TOLD).map(|test| Reason::new("fails", test)).collect();
    reasons.extend(
        base.flaky
            .iter()
            .take(TOLD)
            .map(|flaky| Reason::new("flaky", format!("{}: {}", flaky.test, flaky.base))),
    );
    let notes = if known { Vec::new() } else { stabilise_notes(job, &base.flaky)? };
    let failing = base.failing.clone();
    let result = VerifyBaseResult { common: job.common(outcome, 1.0, reasons), base, known };
    let mut ending = Ending::complete(&result, job.cost())?;
    ending.messages.extend(notes);
    ending.sightings.extend(red_suite(job, &result.base.commit_sha, &failing));
    ending.incidents.extend(green_again(job, &result.base.commit_sha, &result.base.suite)?);
    Ok(ending)
}

fn told(base: &BaseState) -> String {
    let SuiteCount { collected, passed, failed, flaky, .. } = base.suite;
    format!("{passed} of {collected} tests pass, {failed} fail, {flaky} are flaky")
}

/// What is known about a commit under the same command and environment from an earlier task.
pub(super) fn known(
    job: &Job<'_>,
    bench: &Bench,
    command: &TestCommand,
    commit: &Sha,
) -> Result<Option<BaseState>, Trouble> {
    let key = key(bench, command, commit);
    Ok(earlier(job)?.into_iter().find(|base| base.key == key && !base.tests.is_empty()))
}

/// What an earlier run of this task measured before it was lost.
pub(super) fn measured(
    job: &Job<'_>,
    bench: &Bench,
    command: &TestCommand,
    commit: &Sha,
) -> Result<Option<BaseState>, Trouble> {
    job.desk.recorded(&step(&key(bench, command, commit)))
}

/// The name of the step that measures a state.
fn step(key: &str) -> String {
    format!("suite {key}")
}

/// The states that earlier tasks of this project measured, newest first.
fn earlier(job: &Job<'_>) -> Result<Vec<BaseState>, Trouble> {
    let filter = TaskFilter {
        status: Some(Status::Completed),
        role: Some(Role::Qa),
        project: job.task.project,
        limit: Some(LOOKED_AT),
        ..TaskFilter::default()
    };
    let tasks = job.tools.store.tasks(&filter)?;
    let measured = tasks
        .into_iter()
        .filter(|task| matches!(task.task_type.as_str(), VERIFY_BASE | VERIFY_FIX))
        .filter_map(|task| task.result?.get("base").cloned());
    Ok(measured.filter_map(|base| serde_json::from_value(base).ok()).collect())
}

/// Takes the state of a commit from a complete run of its suite; what failed runs again, to tell what is flaky.
pub(super) fn measure(
    runs: &mut Runs<'_>,
    checkout: &Path,
    commit: &Sha,
    suite: &Suite,
) -> Result<BaseState, Trouble> {
    let bad: Vec<String> = suite.bad().into_iter().map(str::to_owned).collect();
    let mut rates: BTreeMap<String, Rate> =
        bad.iter().map(|id| (id.clone(), Rate { failed: 1, runs: 1 })).collect();
    if !bad.is_empty() && bad.len() <= MOST_RERUN {
        runs.often(checkout, &bad, FLAKY_RUNS, &mut rates)?;
    }
    let (flaky, failing): (Vec<_>, Vec<_>) = rates.into_iter().partition(|(_, rate)| rate.is_mixed());
    let flaky: Vec<FlakyTest> =
        flaky.into_iter().map(|(test, base)| FlakyTest { test, base, head: Rate::default() }).collect();
    let mut failing: Vec<String> = failing.into_iter().map(|(test, _)| test).collect();
    let mut counted = count(suite, flaky.len());
    if !suite.kind.is_told() {
        // It is known by its exit alone, so the command is its one test.
        let green = suite.is_green();
        failing = if green { Vec::new() } else { vec![runs.command.argv.join(" ")] };
        let (passed, failed) = (u64::from(green), u64::from(!green));
        counted = SuiteCount { collected: 1, passed, failed, ..SuiteCount::default() };
    }
    let keep = suite.tests.len() <= MOST_KEPT;
    let key = key(runs.bench, runs.command, commit);
    let state = BaseState {
        key: key.clone(),
        commit_sha: commit.as_str().to_owned(),
        suite: counted,
        tests: if keep { suite.tests.keys().cloned().collect() } else { Vec::new() },
        failing,
        flaky,
    };
    // Without the names of its tests it would compare with nothing.
    if keep { runs.job.desk.keep(&step(&key), &state) } else { Ok(state) }
}

/// How a suite went; flaky tests count as flaky and not as failed.
pub(super) fn count(suite: &Suite, flaky: usize) -> SuiteCount {
    let flaky = flaky as u64;
    let bad = suite.bad().len() as u64;
    let passed = suite.passed().len() as u64;
    let total = suite.tests.len() as u64;
    SuiteCount {
        collected: suite.collected.map_or(total, |collected| collected as u64),
        passed,
        failed: bad.saturating_sub(flaky),
        skipped: total.saturating_sub(bad).saturating_sub(passed),
        flaky: flaky.min(bad),
    }
}

/// Everything but the commit and the command that a run depends on.
pub(super) fn env_hash(bench: &Bench) -> String {
    let mut hash = Sha256::new();
    let python = &bench.python;
    hash.update(format!(
        "{:?}\n{:?}\n{}\n{:?}\n{}\n",
        python.executable,
        python.version,
        python.pytest,
        python.read_only,
        bench.sandbox.level()
    ));
    // Installing or removing a package changes the folder that holds it.
    let (major, minor, _) = python.version;
    let folders =
        python.read_only.iter().map(|folder| folder.join(format!("lib/python{major}.{minor}/site-packages")));
    for folder in folders.chain(["/usr/lib/python3/dist-packages".into()]) {
        let changed = folder.metadata().and_then(|found| found.modified()).ok();
        let since = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        hash.update(format!("{}\n", since.as_nanos()));
    }
    hex(&hash.finalize())
}

fn key(bench: &Bench, command: &TestCommand, commit: &Sha) -> String {
    let text = format!("{commit}\n{command:?}\n{}", env_hash(bench));
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is said about tests that come and go, once for each: somebody has to make them stable, and no agent can.
pub(super) fn stabilise_notes(job: &Job<'_>, flaky: &[FlakyTest]) -> Result<Vec<NewMessage>, Trouble> {
    if flaky.is_empty() {
        return Ok(Vec::new());
    }
    let told: BTreeSet<String> = earlier_flaky(job)?;
    let note = |flaky: &FlakyTest| {
        let with =
            if flaky.head.runs > 0 { format!(" and {} with a fix", flaky.head) } else { String::new() };
        NewMessage {
            from: Role::Qa.to_string(),
            to: Party::User.to_string(),
            message_type: MessageType::Notification,
            content: format!(
                "test {} is flaky: it failed in {} runs without a change{with}; it counts neither for nor against a fix",
                flaky.test, flaky.base
            ),
            metadata: json!({ "kind": STABILISE_TEST, "test": flaky.test, "base": flaky.base, "head": flaky.head }),
        }
    };
    Ok(flaky.iter().filter(|flaky| !told.contains(&flaky.test)).take(TOLD).map(note).collect())
}

/// Flaky tests that results of this project name already.
fn earlier_flaky(job: &Job<'_>) -> Result<BTreeSet<String>, Trouble> {
    let filter = TaskFilter {
        status: Some(Status::Completed),
        role: Some(Role::Qa),
        project: job.task.project,
        limit: Some(LOOKED_AT),
        ..TaskFilter::default()
    };
    let mut found = BTreeSet::new();
    for result in job.tools.store.tasks(&filter)?.into_iter().filter_map(|task| task.result) {
        for list in [&result["base"]["flaky"], &result["verification"]["flaky"]] {
            let names = list.as_array().into_iter().flatten();
            found.extend(
                names.filter_map(|flaky| flaky.get("test").and_then(Value::as_str)).map(str::to_owned),
            );
        }
    }
    Ok(found)
}

/// A suite that is red without any fix, as an incident of its own: raised once, and in nobody's way.
pub(super) fn red_suite(job: &Job<'_>, commit: &str, failing: &[String]) -> Option<Sighting> {
    if failing.is_empty() || job.task.project.is_none() {
        return None;
    }
    let mut text =
        format!("ERROR {} tests of the suite fail on {commit} without any change:\n", failing.len());
    for test in failing.iter().take(TOLD) {
        text.push_str(&format!("{test}\n"));
    }
    Some(Sighting {
        fingerprint: RED.to_owned(),
        fingerprint_version: 1,
        title: format!("the test suite is red: {} tests fail without any change", failing.len()),
        count: 1,
        first: job.now,
        last: job.now,
        history: false,
        sample: Sample {
            text: job.redactor().redact(&text).text,
            level: Some("error".into()),
            source: "the project's own tests".into(),
            ..Sample::default()
        },
        buckets: Vec::new(),
        releases: Vec::new(),
        grouping: groundcrew_core::incident::Grouping::default(),
    })
}

/// The end of the incident of a red suite: where the commit that fixes start from now has a green one.
pub(super) fn green_again(
    job: &Job<'_>,
    commit: &str,
    suite: &SuiteCount,
) -> Result<Option<(IncidentId, IncidentChange)>, Trouble> {
    if suite.failed > 0 || suite.passed == 0 {
        return Ok(None);
    }
    let filter = IncidentFilter {
        project: job.task.project,
        fingerprint: Some(RED.to_owned()),
        ..IncidentFilter::default()
    };
    let open = |status: IncidentStatus| match status {
        IncidentStatus::New
        | IncidentStatus::Fixing
        | IncidentStatus::FixReady
        | IncidentStatus::Approved
        | IncidentStatus::NeedsHuman
        | IncidentStatus::Regressed => true,
        // It is over, or a person has said what it is.
        IncidentStatus::Baseline
        | IncidentStatus::Ignored
        | IncidentStatus::Declined
        | IncidentStatus::Resolved => false,
    };
    let red = job.tools.store.incidents(&filter)?.into_iter().find(|incident| open(incident.status));
    let Some(red) = red else { return Ok(None) };
    let site = job.site()?;
    if site.base(&site.repository(job)?)?.as_str() != commit {
        return Ok(None);
    }
    let reason = format!("the suite is green on {commit}");
    job.desk.step(&reason);
    let change = IncidentChange {
        status: Some(IncidentStatus::Resolved),
        reason: Some(reason),
        ..IncidentChange::default()
    };
    Ok(Some((red.id, change)))
}

/// Outcome of one test of a run; none if it did not run.
pub(super) fn failed(suite: &Suite, test: &str) -> Option<bool> {
    suite.tests.get(test).and_then(|outcome| match outcome {
        TestOutcome::Passed => Some(false),
        TestOutcome::Failed { .. } | TestOutcome::Error { .. } => Some(true),
        TestOutcome::Skipped { .. } => None,
    })
}

/// Whether the tests of a command are told apart by name.
pub(super) fn is_told(command: &TestCommand) -> bool {
    command.kind.is_told()
}
