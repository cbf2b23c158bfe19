//! The gates, executed one after the other in fresh work trees, each with what was seen.
//!
//! A gate that cannot run is `missing` and says why; it never counts as passed.

use std::time::Instant;

use groundcrew_core::contract::{
    BaseState, Check, Fix, FlakyTest, ReproductionRuns, SuiteCount, Verification,
};
use groundcrew_core::evidence::{
    ChangeKind, DifferentialGate, GateStatus, Gates, Grade, MutantGate, SmellGate,
};
use groundcrew_repair::differential::Differential;
use groundcrew_repair::mutants::Mutants;
use groundcrew_repair::strategies::is_searched;
use groundcrew_repair::{Bench, differential, mutants, smell};
use groundcrew_workbench::git::{Repository, Sha};

use crate::agent::{Job, Trouble};
use crate::agents::qa::base::env_hash;
use crate::agents::qa::regression::{Regression, regression_commit};
use crate::agents::qa::reproduction::reproduce;
use crate::agents::qa::suite::{Runs, compare_suites};

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
    let regression = regression_commit(job, bench, repository, fix, &base, &fixed)?;
    let head = regression.head(&fixed).clone();
    let mut seen = Examination::begin(job, bench, repository, fix, head)?;
    let before = bench.checkout(&base)?;
    let after = bench.checkout(&seen.head)?;
    reproduce(bench, fix, before.path(), after.path(), &mut seen)?;
    seen.write_down(job);
    if seen.blocked.is_some() {
        return Ok(seen);
    }
    match &bench.tests {
        None => seen.note("suite", "missing", "no tests were found in this repository"),
        Some(command) => {
            let runs = Runs::new(job, bench, command);
            let mut runs = if go_on { runs.without_repeats() } else { runs };
            compare_suites(&mut runs, &base, before.path(), after.path(), &mut seen)?;
            seen.suite_runs = runs.made;
        }
    }
    seen.write_down(job);
    if seen.blocked.is_some() && !go_on {
        return Ok(seen);
    }
    seen.blocked = None;
    note_regression(&regression, &mut seen);
    mutate(bench, repository, fix, &mut seen)?;
    compare_behaviour(bench, repository, fix, &mut seen)?;
    look_at_diff(repository, &base, &fixed, fix, &mut seen)?;
    seen.write_down(job);
    Ok(seen)
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
    let detail = reason.unwrap_or_else(|| match made {
        0 => "none can be made of the changed lines".to_owned(),
        _ => format!("{killed} of {made} killed"),
    });
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
