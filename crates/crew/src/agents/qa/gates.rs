//! The gates, executed in fresh work trees, each with what was seen; both sides of a comparison run at the same time.
//!
//! A gate that cannot run is `missing` and says why; it never counts as passed.

use std::path::Path;
use std::time::Instant;

use groundcrew_core::contract::{
    BaseState, Check, Fix, FlakyTest, ReproductionRuns, SuiteCount, Verification,
};
use groundcrew_core::evidence::{
    ChangeKind, DifferentialGate, GateStatus, Gates, Grade, MutantGate, SmellGate,
};
use groundcrew_repair::differential::Differential;
use groundcrew_repair::mutants::Mutants;
use groundcrew_repair::reproduce::ReproRun;
use groundcrew_repair::strategies::{is_pair, is_searched};
use groundcrew_repair::{Bench, RepairError, differential, mutants, smell};
use groundcrew_workbench::git::{Repository, Sha};
use groundcrew_workbench::runner::Suite;

use crate::agent::{Job, Trouble};
use crate::agents::qa::base::env_hash;
use crate::agents::qa::regression::{NONE, Regression, found, written};
use crate::agents::qa::reproduction::{first_runs, reproduce};
use crate::agents::qa::suite::{Ahead, FLAKY_RUNS, Runs, compare_suites, side_by_side};

/// Tests that are named in a check.
const TOLD: usize = 5;

/// What was shown about one commit.
pub(super) struct Examination {
    pub(super) head: Sha,
    pub(super) gates: Gates,
    pub(super) suite_base: Option<SuiteCount>,
    pub(super) suite_head: Option<SuiteCount>,
    pub(super) new_failures: Vec<String>,
    pub(super) fixed: Vec<String>,
    pub(super) known_failures: Vec<String>,
    pub(super) flaky: Vec<FlakyTest>,
    pub(super) reproduction: Option<ReproductionRuns>,
    /// The suite on the base commit, where it was measured here.
    pub(super) base: Option<BaseState>,
    /// What keeps a gate from saying anything and only a person can mend.
    pub(super) blocked: Option<String>,
    tree: String,
    checks: Vec<Check>,
    behaviour_diff: Vec<String>,
    survivors: Vec<String>,
    mutants: (u32, u32),
    sandbox: String,
    env_hash: String,
    began: Instant,
    suite_runs: u32,
    /// The run of all tests with the fix, where they ran.
    pub(super) head_run: Option<Suite>,
    /// Where the runs are written down.
    log: String,
    notes: Vec<(String, String)>,
}

impl Examination {
    fn begin(
        job: &Job<'_>,
        bench: &Bench,
        repository: &Repository,
        fix: &Fix,
        head: Sha,
    ) -> Result<Self, Trouble> {
        Ok(Self {
            tree: repository.tree(&head)?.as_str().to_owned(),
            head,
            gates: nothing_shown(fix),
            suite_base: None,
            suite_head: None,
            new_failures: Vec::new(),
            fixed: Vec::new(),
            known_failures: Vec::new(),
            flaky: Vec::new(),
            reproduction: None,
            base: None,
            blocked: None,
            checks: Vec::new(),
            behaviour_diff: Vec::new(),
            survivors: Vec::new(),
            mutants: (0, 0),
            sandbox: bench.sandbox.level().to_string(),
            env_hash: env_hash(bench),
            began: Instant::now(),
            suite_runs: 0,
            head_run: None,
            log: format!("log:{}/{}", job.task.id, job.task.lease_token),
            notes: Vec::new(),
        })
    }

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
            reproduction: self.reproduction,
            fixed: self.fixed,
            known_failures: self.known_failures,
            flaky: self.flaky,
            env_hash: self.env_hash,
            duration_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            suite_runs: self.suite_runs,
            insisted: None,
        }
    }

    pub(super) fn note(&mut self, name: &str, status: &str, detail: impl Into<String>) {
        let detail = detail.into();
        self.notes.push((name.to_owned(), format!("{name}: {status}: {detail}")));
        let evidence_ref = Some(format!("{}/{}", self.log, name.replace(' ', "-")));
        self.checks.push(Check { name: name.into(), status: status.into(), detail, evidence_ref });
    }

    /// Writes down what was noted since the last time, after the runs that it rests on.
    fn write_down(&mut self, job: &Job<'_>) {
        for (name, text) in self.notes.drain(..) {
            job.desk.check(&name.replace(' ', "-"), &text);
        }
    }
}

/// Executes all gates on the fix, with its regression test committed on top where there is one. Stops at a gate that
/// cannot say anything, unless the person wants to go on without it.
pub(super) fn examine(
    job: &Job<'_>,
    bench: &Bench,
    repository: &Repository,
    fix: &Fix,
    go_on: bool,
) -> Result<Examination, Trouble> {
    let base = Sha::parse(&fix.base_sha)?;
    let fixed = Sha::parse(&fix.commit_sha)?;
    let written = written(job, bench, repository, fix, &base, &fixed)?;
    let head = written.as_ref().map_or(&fixed, |written| written.head(&fixed)).clone();
    let mut seen = Examination::begin(job, bench, repository, fix, head)?;
    let before = bench.checkout(&base)?;
    let after = bench.checkout(&seen.head)?;
    let sides = (before.path(), after.path());
    let Some(known) = compare_sides(job, bench, fix, &base, sides, go_on, &mut seen)? else {
        return Ok(seen);
    };
    let commits = Commits { repository, fix, base: &base, fixed: &fixed };
    look_closer(job, bench, &commits, written, &known, after.path(), &mut seen)?;
    look_at_diff(repository, &base, &fixed, fix, &mut seen)?;
    seen.write_down(job);
    Ok(seen)
}

/// The reproduction and the suite without the fix and with it; gives the runs of the suite without it, or none where a gate
/// cannot say anything and nobody wants to go on without it.
fn compare_sides(
    job: &Job<'_>,
    bench: &Bench,
    fix: &Fix,
    base: &Sha,
    (before, after): (&Path, &Path),
    go_on: bool,
    seen: &mut Examination,
) -> Result<Option<Ahead>, Trouble> {
    let (without, with) =
        side_by_side(|| Side::run(bench, fix, before, FLAKY_RUNS), || Side::run(bench, fix, after, 0));
    let (without, with) = (without?, with?);
    reproduce(bench, fix, (before, without.told), (after, with.told), seen)?;
    seen.write_down(job);
    if seen.blocked.is_some() {
        return Ok(None);
    }
    match &bench.tests {
        None => seen.note("suite", "missing", "no tests were found in this repository"),
        Some(command) => {
            let runs =
                Runs::new(job, bench, command).with(before, without.suites.clone()).with(after, with.suites);
            let mut runs = if go_on { runs.without_repeats() } else { runs };
            compare_suites(&mut runs, base, before, after, seen)?;
            seen.suite_runs = runs.made;
        }
    }
    seen.write_down(job);
    if seen.blocked.is_some() && !go_on {
        return Ok(None);
    }
    seen.blocked = None;
    Ok(Some(without.suites))
}

/// What is looked at.
struct Commits<'a> {
    repository: &'a Repository,
    fix: &'a Fix,
    base: &'a Sha,
    fixed: &'a Sha,
}

/// The regression test and the mutants; at the same time, what the changed functions give.
fn look_closer(
    job: &Job<'_>,
    bench: &Bench,
    commits: &Commits<'_>,
    written: Option<Regression>,
    known: &Ahead,
    after: &Path,
    seen: &mut Examination,
) -> Result<(), Trouble> {
    let Commits { repository, fix, base, fixed } = *commits;
    let (head, head_run) = (seen.head.clone(), seen.head_run.take());
    let restored = culprit_parent(repository, fix)?;
    // A revert is to bring back what its culprit's parent did, so that is what it is compared with.
    let reference = restored.as_ref().unwrap_or(base);
    let (of_tests, compared) = side_by_side(
        || {
            let regression = match (written, &bench.tests) {
                (Some(written), _) => written,
                (None, None) => Regression::None(NONE),
                (None, Some(command)) => {
                    let mut runs = Runs::new(job, bench, command);
                    found(&mut runs, repository, fix, base, fixed, known, after)?
                }
            };
            let reproduction = fix.reproduction.as_ref();
            let mutants = mutants::examine(bench, base, &head, head_run, reproduction, restored.as_ref())?;
            Ok::<_, Trouble>((regression, mutants))
        },
        || differential::compare_change(bench, base, &head, reference),
    );
    let (regression, mutants) = of_tests?;
    note_regression(&regression, seen);
    note_mutants(mutants, seen);
    note_behaviour(compared?, fix, seen);
    Ok(())
}

/// What runs on one side say: the reproduction first, then the suite.
struct Side {
    told: Vec<ReproRun>,
    suites: Ahead,
}

impl Side {
    fn run(bench: &Bench, fix: &Fix, checkout: &Path, again: u32) -> Result<Self, RepairError> {
        let told = first_runs(bench, fix, checkout)?;
        Ok(Self { told, suites: Ahead::make(bench, checkout, again)? })
    }
}

fn note_regression(regression: &Regression, seen: &mut Examination) {
    let (status, detail) = match regression {
        Regression::Written { id, .. } => {
            (GateStatus::Passed, format!("{id} fails without the fix and passes with it"))
        }
        Regression::There(tests) => {
            let more = tests.len().saturating_sub(TOLD);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let tests = tests.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
            (
                GateStatus::Passed,
                format!("fail without the fix and pass with it, which holds them: {tests}{more}"),
            )
        }
        Regression::None(why) => (GateStatus::Missing, (*why).to_owned()),
    };
    seen.gates.regression_test = status;
    seen.note("regression test", status.as_str(), detail);
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

/// Whether the tests would notice if the changed lines were other than they are.
fn note_mutants(mutants: Mutants, seen: &mut Examination) {
    let Mutants { made, killed, survivors, unexplained, reason } = mutants;
    seen.mutants = (made, killed);
    seen.gates.mutants = match (reason.is_some(), survivors.is_empty(), unexplained) {
        (true, _, _) => MutantGate::Missing,
        (false, true, _) => MutantGate::Killed,
        (false, false, 0) => MutantGate::Explained,
        (false, false, _) => MutantGate::Survived,
    };
    let detail = reason.unwrap_or_else(|| match (made, survivors.first()) {
        (0, _) => "none can be made of the changed lines".to_owned(),
        (_, Some(first)) => format!("{killed} of {made} killed; no test notices {first}"),
        (_, None) => format!("{killed} of {made} killed"),
    });
    seen.note("mutants", seen.gates.mutants.as_str(), detail);
    seen.survivors = survivors;
}

/// Whether the changed functions still do what they did on inputs that were right before.
fn note_behaviour(compared: Differential, fix: &Fix, seen: &mut Examination) {
    let Differential { compared, differing, now_raises, reason } = compared;
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
    if is_pair(&fix.strategy) {
        found.push("two edits that only pass together, found by trying".to_owned());
    }
    if let Some(told) = &fix.as_likely {
        found.push(format!("{told}, and it fits the tests about as well"));
    }
    seen.gates.smell = if found.is_empty() { SmellGate::Clean } else { SmellGate::Smells };
    let detail =
        if found.is_empty() { "nothing that hides the symptom".to_owned() } else { found.join("; ") };
    seen.note("smell", seen.gates.smell.as_str(), detail);
    Ok(())
}
