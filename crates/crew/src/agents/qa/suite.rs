//! The whole suite with and without the fix: only new failures count, and only those that are not flaky.
//!
//! What fails without the fix is the baseline. A test that fails only with it runs again on both sides before it counts.
//! A suite that cannot be run at all says nothing, so it is run once more and is then a person's to mend; it is never
//! taken for one that passed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use groundcrew_core::contract::{BaseState, FlakyTest, Rate};
use groundcrew_core::evidence::GateStatus;
use groundcrew_repair::Bench;
use groundcrew_workbench::git::Sha;
use groundcrew_workbench::runner::{Round, Suite, TestCommand, run_rounds, run_suite};
use groundcrew_workbench::sandbox::{Ended, SandboxError};

use crate::agent::{Job, Trouble};
use crate::agents::qa::base::{count, failed, is_told, known, measure, measured};
use crate::agents::qa::gates::Examination;
use crate::environment::{bound_words, demand, demand_with_fix};

/// Further runs of a test that failed, to tell a flaky one.
pub(super) const FLAKY_RUNS: u32 = 3;

/// Runs on each side of a test that passes at times with the fix and has not failed without it so far.
const MANY_RUNS: u32 = 12;

/// Failures within [`MANY_RUNS`] with the fix and none without it that are no accident any more: a test that fails as
/// often on both sides shows this once in more than fifty tries.
const TOO_MANY: u32 = 5;

/// Runs of one suite, counted.
pub(super) struct Runs<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) bench: &'a Bench,
    pub(super) command: &'a TestCommand,
    pub(super) made: u32,
    repeats: bool,
    /// Runs that were made ahead, by their checkout; each counts once.
    ahead: BTreeMap<PathBuf, Ahead>,
}

/// Runs of one checkout, made in one sandbox: all tests, and then what failed by itself a few times.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead {
    pub(super) whole: Option<Suite>,
    pub(super) again: Vec<Suite>,
}

impl Ahead {
    /// Makes them; nothing where tests are not told apart or there are none.
    pub(super) fn make(bench: &Bench, checkout: &Path, again: u32) -> Result<Self, SandboxError> {
        let Some(command) = bench.tests.as_ref().filter(|command| is_told(command)) else {
            return Ok(Self::default());
        };
        let Bench { sandbox, python, limits, cancel, .. } = bench;
        let whole = [Round::default()];
        let suites = run_rounds(sandbox, python, checkout, command, &whole, again, limits, cancel)?;
        let mut suites = suites.into_iter();
        Ok(Self { whole: suites.next(), again: suites.collect() })
    }
}

impl<'a> Runs<'a> {
    pub(super) fn new(job: &'a Job<'a>, bench: &'a Bench, command: &'a TestCommand) -> Self {
        Self { job, bench, command, made: 0, repeats: true, ahead: BTreeMap::new() }
    }

    /// The same, with runs that were made ahead.
    pub(super) fn with(mut self, checkout: &Path, ahead: Ahead) -> Self {
        self.ahead.insert(checkout.to_owned(), ahead);
        self
    }

    /// The same, where a person has said to go on without what cannot be run: it is not tried twice any more.
    pub(super) fn without_repeats(self) -> Self {
        Self { repeats: false, ..self }
    }

    /// One run of all tests; a second one where the first says nothing.
    pub(super) fn whole(&mut self, checkout: &Path) -> Result<Suite, Trouble> {
        let first = self.once(checkout, None)?;
        if says_something(&first) || !self.repeats { Ok(first) } else { self.once(checkout, None) }
    }

    /// Some runs of some tests, each in a process of its own, counted into their rates.
    pub(super) fn often(
        &mut self,
        checkout: &Path,
        tests: &[String],
        times: u32,
        rates: &mut BTreeMap<String, Rate>,
    ) -> Result<(), Trouble> {
        let wanted = tests.iter().map(String::as_str).collect::<BTreeSet<_>>();
        let ahead = self.ahead.get_mut(checkout).map(|ahead| std::mem::take(&mut ahead.again));
        // What was run ahead had to fail in the first run, so that any other list of tests is run anew.
        let asked = |suite: &Suite| suite.tests.keys().map(String::as_str).collect::<BTreeSet<_>>() == wanted;
        let ahead = ahead.filter(|again| again.len() == times as usize && again.iter().all(asked));
        let suites = match ahead {
            Some(suites) => suites,
            None => {
                let round = Round { only: Some(tests.to_vec()), ..Round::default() };
                let rounds = vec![round; times as usize];
                let Bench { sandbox, python, limits, cancel, .. } = self.bench;
                run_rounds(sandbox, python, checkout, self.command, &rounds, 0, limits, cancel)?
            }
        };
        for suite in suites {
            let suite = self.counted(suite)?;
            for test in tests {
                if let Some(failed) = failed(&suite, test) {
                    rates.entry(test.clone()).or_default().count(failed);
                }
            }
        }
        Ok(())
    }

    pub(super) fn once(&mut self, checkout: &Path, only: Option<&[String]>) -> Result<Suite, Trouble> {
        let ahead = self.ahead.get_mut(checkout).filter(|_| only.is_none());
        if let Some(suite) = ahead.and_then(|ahead| ahead.whole.take()) {
            return self.counted(suite);
        }
        let Bench { sandbox, python, limits, .. } = self.bench;
        let cancel = self.job.desk.cancel();
        let suite = run_suite(sandbox, python, checkout, self.command, only, limits, cancel)?;
        self.counted(suite)
    }

    pub(super) fn counted(&mut self, suite: Suite) -> Result<Suite, Trouble> {
        self.made += 1;
        if self.job.desk.cancel().is_cancelled() {
            return Err(Trouble::Stopped);
        }
        if suite.ended.is_killed_from_outside(&suite.hit) {
            return Err(Trouble::Machine("the suite was killed from outside the sandbox".into()));
        }
        Ok(suite)
    }
}

/// Two pieces of work at the same time, in work trees of their own.
pub(super) fn side_by_side<A, B: Send>(
    first: impl FnOnce() -> A,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    std::thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        let second = second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (first, second)
    })
}

/// Compares the suites of both sides.
pub(super) fn compare_suites(
    runs: &mut Runs<'_>,
    base: &Sha,
    before: &Path,
    after: &Path,
    seen: &mut Examination,
) -> Result<(), Trouble> {
    if !is_told(runs.command) {
        return by_exit(runs, before, after, seen);
    }
    let Some(state) = state_of(runs, base, before, seen)? else { return Ok(()) };
    seen.suite_base = Some(state.suite.clone());
    if state.suite.collected == 0 {
        seen.note("suite", "missing", "it has no test at all without the fix");
        return Ok(());
    }
    let head = runs.whole(after)?;
    seen.head_run = Some(head.clone());
    demand_with_fix(runs.job, runs.job.site()?, &head, &runs.bench.python)?;
    if !says_something(&head) {
        cannot_run(&head, "with the fix", seen);
        if seen.blocked.is_none() {
            seen.gates.suite = GateStatus::Failed;
            seen.note("suite", "failed", format!("it does not run to its end with the fix: {}", why(&head)));
        }
        return Ok(());
    }
    judge(runs, &state, &head, before, after, seen)
}

/// The baseline: recorded by an earlier run of this task, known from an earlier task, or measured now. None if the suite cannot be run.
fn state_of(
    runs: &mut Runs<'_>,
    base: &Sha,
    before: &Path,
    seen: &mut Examination,
) -> Result<Option<BaseState>, Trouble> {
    if let Some(state) = measured(runs.job, runs.bench, runs.command, base)? {
        seen.base = Some(state.clone());
        return Ok(Some(state));
    }
    if let Some(state) = known(runs.job, runs.bench, runs.command, base)? {
        return Ok(Some(state));
    }
    let suite = runs.whole(before)?;
    demand(runs.job, runs.job.site()?, &suite, &runs.bench.python)?;
    if !says_something(&suite) {
        ended_early(&suite, seen);
        return Ok(None);
    }
    let state = measure(runs, before, base, &suite)?;
    seen.base = Some(state.clone());
    Ok(Some(state))
}

/// Whether a run of a suite tells anything about the code. One that only gives an exit code and ended badly at a bound,
/// or whose program was never started, tells about the machine.
pub(super) fn says_something(suite: &Suite) -> bool {
    let of_the_machine = not_started(suite) || (suite.ended != Ended::Exited(0) && !suite.hit.is_empty());
    suite.counts() && (suite.kind.is_told() || !of_the_machine)
}

/// Whether a shell or the sandbox says that there is no such program, or none that may be run.
fn not_started(suite: &Suite) -> bool {
    !suite.kind.is_told() && matches!(suite.ended, Ended::Exited(126 | 127))
}

/// A suite that never ran to its end without the fix says nothing about the fix, and a person has to mend it.
fn ended_early(suite: &Suite, seen: &mut Examination) {
    let reason = why(suite);
    seen.note("suite", "missing", format!("it does not run to its end without the fix: {reason}"));
    seen.blocked = Some(format!("the tests do not run to their end without the fix: {reason}"));
}

/// A suite that tests another copy of the code, or whose framework is not there, is the environment's fault.
fn cannot_run(suite: &Suite, side: &str, seen: &mut Examination) {
    if suite.trouble.is_some() || !suite.foreign.is_empty() {
        let reason = why(suite);
        seen.note("suite", "missing", format!("it cannot be run {side}: {reason}"));
        seen.blocked = Some(format!("the tests cannot be run {side}: {reason}"));
    }
}

fn judge(
    runs: &mut Runs<'_>,
    state: &BaseState,
    head: &Suite,
    before: &Path,
    after: &Path,
    seen: &mut Examination,
) -> Result<(), Trouble> {
    let failing: BTreeSet<&str> = state.failing.iter().map(String::as_str).collect();
    let unstable: BTreeSet<&str> = state.flaky.iter().map(|flaky| flaky.test.as_str()).collect();
    let suspects: Vec<String> = head
        .bad()
        .into_iter()
        .filter(|test| !failing.contains(test) && !unstable.contains(test))
        .map(str::to_owned)
        .collect();
    let (new_failures, flaky) = tell_flaky(runs, before, after, suspects)?;
    let gone: Vec<&String> = state.tests.iter().filter(|test| !head.tests.contains_key(*test)).collect();
    let fewer = (head.collected.unwrap_or(head.tests.len()) as u64) < state.suite.collected;
    let passes = head.passed();
    seen.fixed = state.failing.iter().filter(|test| passes.contains(test.as_str())).cloned().collect();
    seen.known_failures = state.failing.iter().filter(|test| !seen.fixed.contains(test)).cloned().collect();
    seen.flaky = state.flaky.iter().cloned().chain(flaky).collect();
    let flaky_on_head =
        head.bad().iter().filter(|test| seen.flaky.iter().any(|known| known.test == **test)).count();
    seen.suite_head = Some(count(head, flaky_on_head));
    seen.gates.suite = if new_failures.is_empty() && gone.is_empty() && !fewer {
        GateStatus::Passed
    } else {
        GateStatus::Failed
    };
    let mut detail = format!(
        "{} of {} pass without the fix, {} of {} with it; {} fail only with it, {} are gone, {} are flaky, {} failed before",
        state.suite.passed,
        state.suite.collected,
        passes.len(),
        head.tests.len(),
        new_failures.len(),
        gone.len(),
        seen.flaky.len(),
        state.failing.len()
    );
    if let Some(first) = new_failures.first().or(gone.first().copied()) {
        detail.push_str(&format!("; first: {first}"));
    }
    seen.new_failures = new_failures;
    seen.note("suite", seen.gates.suite.as_str(), detail);
    Ok(())
}

/// Runs tests that failed only with the fix again on both sides, and tells new failures from flaky tests.
fn tell_flaky(
    runs: &mut Runs<'_>,
    before: &Path,
    after: &Path,
    suspects: Vec<String>,
) -> Result<(Vec<String>, Vec<FlakyTest>), Trouble> {
    if suspects.is_empty() {
        return Ok((suspects, Vec::new()));
    }
    let once = |failed| suspects.iter().map(|test| (test.clone(), Rate { failed, runs: 1 })).collect();
    let (mut head, mut base): (BTreeMap<String, Rate>, BTreeMap<String, Rate>) = (once(1), once(0));
    runs.often(after, &suspects, FLAKY_RUNS, &mut head)?;
    runs.often(before, &suspects, FLAKY_RUNS, &mut base)?;
    let unclear: Vec<String> =
        suspects.iter().filter(|test| head[*test].is_mixed() && base[*test].failed == 0).cloned().collect();
    if !unclear.is_empty() {
        let more = MANY_RUNS - FLAKY_RUNS - 1;
        runs.often(after, &unclear, more, &mut head)?;
        runs.often(before, &unclear, more, &mut base)?;
    }
    let (flaky, new): (Vec<String>, Vec<String>) =
        suspects.into_iter().partition(|test| is_flaky(head[test], base[test]));
    let flaky =
        flaky.into_iter().map(|test| FlakyTest { base: base[&test], head: head[&test], test }).collect();
    Ok((new, flaky))
}

/// Whether a failure with the fix is no news: the test fails at times without it too, or so seldom with it that chance
/// explains it.
fn is_flaky(head: Rate, base: Rate) -> bool {
    base.failed > 0 || (head.is_mixed() && head.failed < TOO_MANY)
}

/// A suite that only tells its exit code shows little: no test by name.
fn by_exit(runs: &mut Runs<'_>, before: &Path, after: &Path, seen: &mut Examination) -> Result<(), Trouble> {
    let base = runs.whole(before)?;
    demand(runs.job, runs.job.site()?, &base, &runs.bench.python)?;
    if !says_something(&base) {
        ended_early(&base, seen);
        return Ok(());
    }
    let head = runs.whole(after)?;
    seen.suite_base = Some(count(&base, 0));
    seen.suite_head = Some(count(&head, 0));
    let detail = format!("judged by exit code alone: {} without the fix, {} with it", base.ended, head.ended);
    let (word, gate) = match (base.is_green(), head.is_green()) {
        (_, true) => ("passed", GateStatus::Passed),
        (true, false) => ("failed", GateStatus::Failed),
        (false, false) if !says_something(&head) => ("failed", GateStatus::Failed),
        (false, false) => ("missing", GateStatus::Missing),
    };
    seen.gates.suite = gate;
    seen.note("suite", word, detail);
    if gate == GateStatus::Missing {
        seen.blocked = Some(format!(
            "the test command fails without the fix too ({}) and does not tell its tests apart; name one that is green, \
             or a runner whose tests are told apart, under [test] command, or the files of JUnit XML that it leaves under \
             [test] junit",
            base.ended
        ));
    }
    Ok(())
}

/// Why a run of a suite says nothing.
pub(super) fn why(suite: &Suite) -> String {
    let hit: String = suite.hit.iter().map(|bound| format!("; {}", bound_words(*bound))).collect();
    what_stopped(suite) + &hit
}

fn what_stopped(suite: &Suite) -> String {
    match (&suite.trouble, &suite.running, suite.foreign.first()) {
        (Some(trouble), _, _) => format!("{}: {}", trouble.exception, trouble.message),
        (None, Some(test), _) => format!("{} while {test} ran", suite.ended),
        (None, None, Some(foreign)) => format!("it tests another copy of the code: {foreign}"),
        (None, None, None) if not_started(suite) => {
            format!("the test command could not be started ({}); look at [test] command", suite.ended)
        }
        (None, None, None) if suite.kind.is_told() => format!("{}, {} tests", suite.ended, suite.tests.len()),
        (None, None, None) => suite.ended.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_only_where_chance_does_not_explain_it() {
        let rate = |failed, runs| Rate { failed, runs };
        for (head, base, flaky) in [
            (rate(4, 4), rate(0, 4), false),
            (rate(4, 4), rate(1, 4), true),
            (rate(2, 12), rate(0, 12), true),
            (rate(6, 12), rate(0, 12), false),
            (rate(6, 12), rate(1, 12), true),
        ] {
            assert_eq!(is_flaky(head, base), flaky, "{head} with the fix, {base} without");
        }
    }
}
