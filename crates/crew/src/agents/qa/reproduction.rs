//! The error happens without the fix and not with it, shown by as many runs as its failure rate asks for.
//!
//! A reproduction that fails every time needs few; one that fails at times needs so many passes in a row that a fix which
//! changes nothing would be taken for a good one at most once in a hundred tries (`evidence::passes_needed`).

use std::path::Path;

use groundcrew_core::contract::{Fix, Rate, Reproduction, ReproductionRuns};
use groundcrew_core::evidence::{FIRST_RUNS, GateStatus, MOST_PASSES, RATE_RUNS, passes_needed};
use groundcrew_repair::reproduce::{ReproOutcome, ReproRun, run_often};
use groundcrew_repair::{Bench, RepairError};

use crate::agent::Trouble;
use crate::agents::qa::gates::Examination;

/// What runs on one side told.
#[derive(Default)]
struct Told {
    /// Runs that failed as the incident did among those that failed so or passed.
    rate: Rate,
    /// The latest run that did neither.
    other: Option<String>,
    /// Whether a run loaded another copy of the code, which says nothing about this one.
    foreign: bool,
}

impl Told {
    fn note(&mut self, reproduction: &Reproduction, run: ReproRun) {
        match run.outcome {
            ReproOutcome::Other(what) => self.other = Some(what),
            ReproOutcome::FailedAsIncident | ReproOutcome::Passed
                if !run.loaded_from_checkout(&reproduction.file) =>
            {
                self.foreign = true;
            }
            ReproOutcome::FailedAsIncident => self.rate.count(true),
            ReproOutcome::Passed => self.rate.count(false),
        }
    }

    /// Why the runs say nothing, if so.
    fn says_nothing(&self, file: &str) -> Option<String> {
        if self.foreign {
            return Some(format!("the run loads another copy of {file} than the one under test"));
        }
        let other = self.other.as_ref().filter(|_| self.rate.runs == 0)?;
        Some(format!("the reproduction ends with {other} before it gets to the error"))
    }
}

/// The first runs of the reproduction on one side; none without one.
pub(super) fn first_runs(bench: &Bench, fix: &Fix, checkout: &Path) -> Result<Vec<ReproRun>, RepairError> {
    match &fix.reproduction {
        Some(reproduction) => run_often(bench, checkout, reproduction, FIRST_RUNS),
        None => Ok(Vec::new()),
    }
}

/// Judges the first runs of the reproduction on both sides, and makes more where its failure rate asks for them.
pub(super) fn reproduce(
    bench: &Bench,
    fix: &Fix,
    before: (&Path, Vec<ReproRun>),
    after: (&Path, Vec<ReproRun>),
    seen: &mut Examination,
) -> Result<(), Trouble> {
    let Some(reproduction) = &fix.reproduction else {
        seen.note("reproduction", "missing", "the error could not be made to happen again");
        return Ok(());
    };
    let Some(rate) = without_fix(bench, reproduction, before, seen)? else { return Ok(()) };
    let passes = match passes_needed(rate.failed, rate.runs) {
        Some(passes) => passes,
        None if rate.failed == 0 => {
            seen.gates.reproduction_before = GateStatus::Failed;
            let detail =
                format!("{} does not fail as the incident did in {} runs", reproduction.call, rate.runs);
            seen.note("reproduction before", "failed", detail);
            FIRST_RUNS
        }
        None => {
            let detail = format!(
                "{} fails so seldom ({rate} runs) that more than {MOST_PASSES} passes would be needed to show it gone",
                reproduction.call
            );
            seen.note("reproduction before", "missing", detail);
            return Ok(());
        }
    };
    with_fix(bench, reproduction, after, rate, passes, seen)
}

/// Runs without the fix; none if they say nothing.
fn without_fix(
    bench: &Bench,
    reproduction: &Reproduction,
    (before, first): (&Path, Vec<ReproRun>),
    seen: &mut Examination,
) -> Result<Option<Rate>, Trouble> {
    let mut told = Told::default();
    for run in first {
        told.note(reproduction, run);
    }
    if let Some(reason) = told.says_nothing(&reproduction.file) {
        seen.note("reproduction before", "missing", &reason);
        seen.blocked = Some(reason);
        return Ok(None);
    }
    if told.rate.failed < FIRST_RUNS {
        for run in run_often(bench, before, reproduction, RATE_RUNS - FIRST_RUNS)? {
            told.note(reproduction, run);
        }
    }
    let rate = told.rate;
    if rate.failed > 0 && passes_needed(rate.failed, rate.runs).is_some() {
        seen.gates.reproduction_before = GateStatus::Passed;
        let flaky = if rate.is_mixed() { "; it is flaky" } else { "" };
        seen.note(
            "reproduction before",
            "passed",
            format!("{} fails with {} in {rate} runs{flaky}", reproduction.call, reproduction.exception),
        );
    }
    Ok(Some(rate))
}

fn with_fix(
    bench: &Bench,
    reproduction: &Reproduction,
    (after, first): (&Path, Vec<ReproRun>),
    before: Rate,
    passes: u32,
    seen: &mut Examination,
) -> Result<(), Trouble> {
    let mut told = Told::default();
    let is_over = |told: &Told| told.rate.failed > 0 || told.other.is_some() || told.foreign;
    for run in first {
        if !is_over(&told) {
            told.note(reproduction, run);
        }
    }
    while !is_over(&told) && told.rate.runs < passes {
        for run in run_often(bench, after, reproduction, (passes - told.rate.runs).min(RATE_RUNS))? {
            if !is_over(&told) {
                told.note(reproduction, run);
            }
        }
    }
    let rate = told.rate;
    seen.reproduction = Some(ReproductionRuns { before, after: rate });
    if told.foreign {
        let reason = format!("the run loads another copy of {} than the one under test", reproduction.file);
        seen.note("reproduction after", "missing", &reason);
        seen.blocked = Some(reason);
        return Ok(());
    }
    let gone = rate.failed == 0 && rate.runs == passes;
    seen.gates.reproduction_after = if gone { GateStatus::Passed } else { GateStatus::Failed };
    let detail = match told.other {
        Some(other) => format!("ends with {other} after {} passes", rate.runs),
        None => format!("passes in {} of {passes} runs", rate.runs - rate.failed),
    };
    seen.note("reproduction after", seen.gates.reproduction_after.as_str(), detail);
    Ok(())
}
