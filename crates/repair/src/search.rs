//! From a located incident to validated patches, within bounds.
//!
//! Which patch is best is told by [`crate::ranking`]. Up to three patches of different kinds are kept.

use std::time::{Duration, Instant};

use groundcrew_core::contract::{Candidate, Reproduction, RootCause, SuiteDelta, Suspect, SuspectStatement};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::git::{Change, Sha};
use groundcrew_workbench::runner::Suite;

use crate::allowed::{Barrier, Permission, Refusal, barriers, diff_stat, of_file};
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::culprit::History;
use crate::differential::compare_change;
use crate::doubt::{Doubt, doubt};
use crate::ecosystem;
use crate::edit::{Patch, Proposal, patch_hash, resolve};
use crate::failing::{repair_shown, repair_tests};
use crate::kinds::Kinds;
use crate::language;
use crate::learned;
use crate::locate::{Located, LocatedFrame, is_python, is_test, language_of, locate};
use crate::outcome::{Facts, Plausible, Progress, RepairOutcome, Repaired};
use crate::ranking::{NOTHING, SEARCHED, lines_changed, rank, score};
use crate::regression::Expectation;
use crate::reproduce::{
    Attempted, Call, ReproOutcome, Reproduced, crash_frame, reproduce, run_on, with_expectation,
};
use crate::strategies::{self, Site, Situation, Strategy, Undo};
use crate::syntax::Source;
use crate::validate::Tried;

/// Patches that are run against the reproduction.
const SCREENED: usize = 320;
/// Patches that are run against the suite.
const VALIDATED: usize = 10;
/// Kinds of patches that are kept.
const KEPT: usize = 3;
/// Lines by which a patch counts as larger than another one.
const LARGER: usize = 8;
/// Differences between two candidates that are told.
const DIFFERENCES: usize = 3;
/// Frames of a stack at which past fixes are done again.
const LEARNING: usize = 2;
/// Statements of a stack that are ranked.
const RANKED: usize = 8;
/// Shortest time that is worth a search by a failing test.
const LEAST_LEFT: Duration = Duration::from_secs(5);
/// Outcome of a candidate that passed what was checked.
const PLAUSIBLE: &str = "plausible";
/// Largest value that a regression test asserts, in bytes.
const VALUE: usize = 1500;

/// Repairs an incident on a commit by what the strategies propose.
///
/// # Errors
/// If git or the sandbox fails, or it was cancelled. That nothing could be reproduced or repaired is an outcome.
pub fn repair(
    bench: &Bench,
    base: &Sha,
    facts: &Facts,
    strategies: &[Box<dyn Strategy>],
    progress: &mut dyn FnMut(Progress),
) -> Result<RepairOutcome, RepairError> {
    let started = Instant::now();
    let mut without = None;
    if (facts.is_red || !facts.failing_tests.is_empty()) && !strategies.is_empty() {
        match repair_tests(bench, base, facts, progress)? {
            Some(found @ RepairOutcome::NoFix { .. }) => without = Some(found),
            Some(found) => return Ok(found),
            None => {}
        }
    }
    let known = repair_crash(bench, base, facts, strategies, progress, started)?;
    if let Some(named) = named_by_reproduction(bench, facts, &known, started)
        && !strategies.is_empty()
        && let Some(found @ RepairOutcome::Patch(_)) = repair_tests(&named.0, base, &named.1, progress)?
    {
        return Ok(found);
    }
    // What the edits could not repair may be a crash whose kind is known.
    Ok(match (known, without) {
        (known @ RepairOutcome::Patch(_), _) | (known, None) => known,
        (_, Some(without)) => without,
    })
}

/// What is left of the time for a search by the failing test that an error of a log turned out to be, if nothing that is
/// known about such errors cured it.
fn named_by_reproduction(
    bench: &Bench,
    facts: &Facts,
    known: &RepairOutcome,
    started: Instant,
) -> Option<(Bench, Facts)> {
    let RepairOutcome::NoFix { reproduction, .. } = known else { return None };
    let test = reproduction.test_id.clone().filter(|_| facts.failing_tests.is_empty() && !facts.is_red)?;
    let time = bench.time.checked_sub(started.elapsed())?.max(LEAST_LEFT);
    let facts = Facts { failing_tests: vec![test], ..facts.clone() };
    Some((Bench { time, ..bench.clone() }, facts))
}

/// Repairs an error that was raised in the program by what is known about errors of its kind.
fn repair_crash(
    bench: &Bench,
    base: &Sha,
    facts: &Facts,
    strategies: &[Box<dyn Strategy>],
    progress: &mut dyn FnMut(Progress),
    started: Instant,
) -> Result<RepairOutcome, RepairError> {
    let snapshot = Snapshot::open(&bench.repository, base)?;
    let located = locate(&facts.trace, &snapshot.files, &|path| snapshot.text(path));
    let Some((located, crash)) = located.as_ref().and_then(|located| Some((located, crash_frame(located)?)))
    else {
        let reason = "no frame of the stack lies in a file of the repository".to_owned();
        return Ok(RepairOutcome::NoRepro { root_cause: None, reason });
    };
    progress(Progress::Located { file: crash.file.clone(), line: crash.line });
    if let Some(refused) = foreign(&snapshot, crash) {
        return Ok(refused);
    }
    let shown = match strategies {
        [] => None,
        _ => language::of_file(&crash.file).test_of(bench, &snapshot, located, facts)?,
    };
    let unshown = match shown {
        Some(Ok(reproduction)) => {
            let shown = repair_shown(bench, &snapshot, facts, reproduction, progress)?;
            return Ok(shown.with_ranked(&ranked(located)));
        }
        Some(Err(reason)) => Some(reason),
        None => None,
    };
    if unshown.is_none() && !language::repairs_crashes(&crash.file) {
        let language = language_of(&crash.file).unwrap_or("this language").to_owned();
        let root_cause = root_cause(crash, "the error was raised here");
        return Ok(RepairOutcome::NotSupported { language, root_cause });
    }
    let mut search = Search {
        bench,
        facts,
        strategies,
        snapshot: &snapshot,
        located,
        crash,
        progress,
        ends: started + bench.time,
        base_suite: None,
        exercised: false,
        candidates: Vec::new(),
        suspects: Vec::new(),
        barriers: Vec::new(),
    };
    let attempted = match (unshown, &facts.reproduction) {
        (Some(reason), _) => Attempted::Failed(reason),
        (None, Some(known)) => search.check_known(known)?,
        (None, None) => reproduce(bench, &snapshot, located, facts, search.progress)?,
    };
    let ended = match attempted {
        Attempted::Reproduced(reproduced) => search.with_reproductions(&reproduced),
        Attempted::Failed(reason) => search.without_reproduction(reason),
    };
    Ok(ended?.with_ranked(&ranked(located)))
}

/// The end of a repair in code that is not written here: it is never changed, so there is nothing to search.
fn foreign(snapshot: &Snapshot, crash: &LocatedFrame) -> Option<RepairOutcome> {
    let permission = of_file(&crash.file, snapshot.text(&crash.file).as_deref());
    let foreign = matches!(permission, Permission::Refused(Refusal::Vendored | Refusal::Generated));
    let change = "repairs the statement that raised the error".to_owned();
    let barrier = Barrier { file: crash.file.clone(), permission, change };
    foreign.then(|| RepairOutcome::Refused {
        reproduction: None,
        root_cause: root_cause(crash, "the error was raised here"),
        barriers: vec![barrier],
        tried: Vec::new(),
    })
}

/// Whether all changes lie where the person wants them.
pub(crate) fn within(only: &[String], changes: &[Change]) -> bool {
    changes.iter().all(|change| within_file(only, change.path.as_str()))
}

/// Whether a file lies where the person wants changes.
pub(crate) fn within_file(only: &[String], path: &str) -> bool {
    let inside = |place: &String| {
        path.strip_prefix(place.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    only.is_empty() || only.iter().any(inside)
}

fn root_cause(crash: &LocatedFrame, why: &str) -> RootCause {
    RootCause {
        file: crash.file.clone(),
        line: crash.line,
        statement: crash.statement.clone(),
        why: why.to_owned(),
        ranked: Vec::new(),
    }
}

/// The statements on the stack, the innermost first: the nearer to the crash, the more suspicious.
fn ranked(located: &Located) -> Vec<SuspectStatement> {
    let told = |(depth, frame): (u32, &LocatedFrame)| SuspectStatement {
        file: frame.file.clone(),
        line: frame.line,
        statement: frame.statement.clone(),
        score: 1.0 / f64::from(depth + 1),
        reason: match depth {
            0 => format!("the error was raised here, in {}", frame.function),
            1 => format!("it is one call above the crash, in {}", frame.function),
            _ => format!("it is {depth} calls above the crash, in {}", frame.function),
        },
    };
    (0..).zip(&located.frames).take(RANKED).map(told).collect()
}

pub(crate) struct Search<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) facts: &'a Facts,
    pub(crate) strategies: &'a [Box<dyn Strategy>],
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) located: &'a Located,
    pub(crate) crash: &'a LocatedFrame,
    pub(crate) progress: &'a mut dyn FnMut(Progress),
    pub(crate) ends: Instant,
    pub(crate) base_suite: Option<Option<Suite>>,
    /// Whether the suite calls the functions on the stack.
    pub(crate) exercised: bool,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) suspects: Vec<Suspect>,
    /// Rules that stood in the way of patches that pass.
    pub(crate) barriers: Vec<Barrier>,
}

/// What one reproduction led to.
struct Round {
    rank: u8,
    /// Whether a repair by a family that knows the defect led to another failure behind it.
    doubtful: bool,
    reproduced: Reproduced,
    kept: Vec<Plausible>,
    candidates: Vec<Candidate>,
}

/// A proposal with its contents.
pub(crate) struct Ready {
    pub(crate) rank: u8,
    pub(crate) lines: usize,
    pub(crate) doubt: Option<Doubt>,
    /// What the reproduction gives with it, where that is a literal.
    pub(crate) value: Option<String>,
    pub(crate) proposal: Proposal,
    pub(crate) changes: Vec<Change>,
    pub(crate) hash: String,
}

impl Search<'_> {
    fn check_known(&mut self, known: &Reproduction) -> Result<Attempted, RepairError> {
        let checkout = self.bench.checkout(&self.snapshot.commit)?;
        let run = run_on(self.bench, checkout.path(), known)?;
        Ok(match run.outcome {
            ReproOutcome::FailedAsIncident => Attempted::Reproduced(vec![Reproduced {
                reproduction: known.clone(),
                call: Call::of(known),
                observed: Vec::new(),
                kinds: Kinds::default(),
                targets: Vec::new(),
            }]),
            ReproOutcome::Passed | ReproOutcome::Other(_) => {
                Attempted::Failed("the known reproduction no longer fails as the incident did".to_owned())
            }
        })
    }

    /// Tries the inputs one after the other until one leads to more than a guard: an input of a type the function was
    /// never meant for crashes like the incident, and then again behind every right repair.
    fn with_reproductions(mut self, all: &[Reproduced]) -> Result<RepairOutcome, RepairError> {
        let mut best: Option<Round> = None;
        for reproduced in all {
            if best.is_some() && Instant::now() > self.ends {
                (self.progress)(Progress::OutOfTime);
                break;
            }
            (self.progress)(Progress::Reproduced { call: reproduced.reproduction.call.clone() });
            let round = self.round(reproduced.clone(), all)?;
            let (rank, doubtful) = (round.rank, round.doubtful);
            if best.as_ref().is_none_or(|best| rank < best.rank) {
                best = Some(round);
            }
            if rank < SEARCHED || (rank < NOTHING && !doubtful) {
                break;
            }
        }
        match best {
            Some(round) => self.finish(round),
            None => self.without_reproduction("nothing was found that fails as the incident did".to_owned()),
        }
    }

    fn round(&mut self, reproduced: Reproduced, all: &[Reproduced]) -> Result<Round, RepairError> {
        self.candidates.clear();
        self.exercised = !reproduced.observed.is_empty();
        let undos = self.undos(Some(&reproduced.reproduction))?;
        let safe = self.safe_fixes()?;
        let ready = self.ready(undos, safe, &reproduced.kinds);
        let (passing, doubtful) = self.screen(&reproduced, ready)?;
        let mut kept: Vec<Plausible> = Vec::new();
        let mut rank = NOTHING;
        let mut validated = 0;
        for ready in passing {
            if kept.iter().any(|known| !ready.adds_to(known)) {
                continue;
            }
            if kept.len() >= KEPT
                || validated >= VALIDATED
                || (!kept.is_empty() && Instant::now() > self.ends)
            {
                break;
            }
            validated += 1;
            match self.validate(&reproduced.reproduction, all, &ready)? {
                Tried::Fails { why, repro_pass, suite } => self.note(&ready, why, repro_pass, suite),
                Tried::Passes { stays_for, suite } => {
                    if let Some(first) = self.stopped(&ready) {
                        self.note(&ready, first, true, suite);
                        continue;
                    }
                    self.note(&ready, PLAUSIBLE.to_owned(), true, suite);
                    rank = rank.min(ready.rank);
                    kept.push(self.plausible(ready, &stays_for, suite));
                }
            }
        }
        Ok(Round { rank, doubtful, reproduced, kept, candidates: std::mem::take(&mut self.candidates) })
    }

    fn finish(self, round: Round) -> Result<RepairOutcome, RepairError> {
        let Round { mut reproduced, mut kept, mut candidates, .. } = round;
        if kept.is_empty() {
            let root_cause = root_cause(self.crash, "the error is raised here");
            let reproduction = Box::new(reproduced.reproduction);
            return Ok(if self.barriers.is_empty() {
                let suspects = self.suspects;
                RepairOutcome::NoFix { reproduction, root_cause, tried: candidates, suspects }
            } else {
                let (barriers, tried) = (self.barriers, candidates);
                RepairOutcome::Refused { reproduction: Some(reproduction), root_cause, barriers, tried }
            });
        }
        let chosen = kept.remove(0);
        self.assert_value(&mut reproduced, &chosen)?;
        candidates.sort_by_key(|candidate| candidate.outcome != PLAUSIBLE);
        Ok(RepairOutcome::Patch(Box::new(Repaired {
            root_cause: root_cause(self.crash, &chosen.explanation),
            as_likely: None,
            behaviour_notes: self.differences(&reproduced.reproduction, &chosen, &kept)?,
            chosen,
            others: kept,
            candidates,
            reproduction: Some(reproduced.reproduction),
            suspects: self.suspects,
            barriers: self.barriers,
        })))
    }

    /// Inputs on which the chosen patch gives something else than other plausible ones, the failing one first.
    fn differences(
        &self,
        reproduction: &Reproduction,
        chosen: &Plausible,
        others: &[Plausible],
    ) -> Result<Vec<String>, RepairError> {
        let mut told = Vec::new();
        for other in others {
            if let (Some(is), Some(was)) = (&other.value, &chosen.value)
                && is != was
            {
                let (call, why) = (&reproduction.call, &other.explanation);
                told.push(format!("another candidate ({why}) differs: {call}: was {was}, is {is}"));
            }
        }
        // Guards leave alone what was right, so what they give instead tells them apart.
        let guards = chosen.kind == ChangeKind::SymptomGuard && !told.is_empty();
        let Some(other) = others.first().filter(|_| !guards && Instant::now() < self.ends) else {
            return Ok(told);
        };
        let repository = &self.bench.repository;
        let base = &self.snapshot.commit;
        let one = repository.commit(base, &chosen.changes, "Candidate", 0)?;
        let two = repository.commit(base, &other.changes, "Candidate", 0)?;
        let compared = compare_change(self.bench, &one, &two, &one)?;
        for line in compared.differing {
            let line = format!("another candidate ({}) differs: {line}", other.explanation);
            if !told.contains(&line) {
                told.push(line);
            }
        }
        told.truncate(DIFFERENCES);
        Ok(told)
    }

    /// Why a patch that passes may not be made, if a rule stands in its way.
    fn stopped(&mut self, ready: &Ready) -> Option<String> {
        let read = |path: &str| self.snapshot.text(path);
        let what = &ready.proposal.explanation;
        let found = barriers(&ready.changes, what, &read, self.facts.budget, &self.facts.approved);
        let first = found.first().map(Barrier::sentence)?;
        for barrier in found {
            let known =
                |other: &Barrier| (&other.file, other.permission) == (&barrier.file, barrier.permission);
            if !self.barriers.iter().any(known) {
                self.barriers.push(barrier);
            }
        }
        self.barriers.sort_by_key(|barrier| barrier.need().is_some());
        Some(first)
    }

    /// Without a reproduction only an undoing of the commit that last touched the crashing statement, or one line of a
    /// typo class, may be proposed.
    fn without_reproduction(mut self, reason: String) -> Result<RepairOutcome, RepairError> {
        let undos = self.undos(None)?;
        let allowed =
            |ready: &Ready| ready.proposal.kind == ChangeKind::Revert || ready.proposal.one_line_typo;
        let ready: Vec<Ready> =
            self.ready(undos, Vec::new(), &Kinds::default()).into_iter().filter(allowed).collect();
        for ready in ready.into_iter().take(4) {
            let (failure, suite) = self.new_failures(&ready.changes)?;
            let stopped = if failure.is_none() { self.stopped(&ready) } else { failure };
            let outcome = stopped.clone().unwrap_or_else(|| "plausible, not proven".to_owned());
            self.note_unproven(&ready, outcome, suite);
            if stopped.is_none() {
                let chosen = self.plausible(ready, &[], suite);
                return Ok(RepairOutcome::Patch(Box::new(Repaired {
                    root_cause: root_cause(self.crash, &chosen.explanation),
                    chosen,
                    others: Vec::new(),
                    candidates: self.candidates,
                    reproduction: None,
                    suspects: self.suspects,
                    as_likely: None,
                    behaviour_notes: Vec::new(),
                    barriers: self.barriers,
                })));
            }
        }
        let root_cause = root_cause(self.crash, "the error was raised here");
        Ok(RepairOutcome::NoRepro { root_cause: Some(root_cause), reason })
    }

    /// Commits that can be undone; what is known about them stays as suspects.
    fn undos(&mut self, reproduction: Option<&Reproduction>) -> Result<Vec<Undo>, RepairError> {
        let history = History {
            bench: self.bench,
            snapshot: self.snapshot,
            located: self.located,
            crash: Some(self.crash),
            named: &self.facts.suspects,
            ends: self.ends,
        };
        let found = history.culprits(reproduction)?;
        self.suspects = found.suspects;
        Ok(found.undos)
    }

    /// What tools of the ecosystem would change in the files on the stack, and what past fixes did to such statements.
    fn safe_fixes(&self) -> Result<Vec<Proposal>, RepairError> {
        if self.strategies.is_empty() {
            return Ok(Vec::new());
        }
        let frames = self.located.frames.iter().filter(|frame| !is_test(&frame.file));
        let places: Vec<(String, u32)> = frames.map(|frame| (frame.file.clone(), frame.line)).collect();
        let mut found = ecosystem::proposals(self.bench, self.snapshot, &places)?;
        for (file, line) in places.iter().take(LEARNING) {
            let Some(text) = self.snapshot.text(file) else { continue };
            let (repository, commit) = (&self.bench.repository, &self.snapshot.commit);
            found.extend(learned::proposals(repository, commit, file, &text, *line)?);
        }
        Ok(found)
    }

    /// All proposals with their contents, best first, those tried in earlier rounds left out.
    fn ready(&self, undos: Vec<Undo>, safe: Vec<Proposal>, kinds: &Kinds) -> Vec<Ready> {
        let read = |path: &str| self.snapshot.text(path);
        let mut frames: Vec<&LocatedFrame> = vec![self.crash];
        frames.extend(self.located.frames.iter().filter(|frame| *frame != self.crash));
        let sites = frames.into_iter().filter(|frame| !is_test(&frame.file)).filter_map(|frame| {
            let source = Source::parse(&self.snapshot.text(&frame.file)?)?;
            Some(Site { frame: frame.clone(), source, kinds: kinds.clone() })
        });
        let trace = std::iter::successors(Some(&self.facts.trace), |trace| trace.causes.first());
        let trace = trace.take(self.located.depth + 1).last();
        let exception = trace.and_then(|trace| trace.exception.clone()).unwrap_or_default();
        let files = self.snapshot.files.iter().filter(|file| is_python(file) && !is_test(file)).cloned();
        let situation = Situation {
            exception: exception.rsplit('.').next().unwrap_or_default().to_owned(),
            message: trace.and_then(|trace| trace.message.clone()).unwrap_or_default(),
            sites: sites.collect(),
            reverts: undos,
            files: files.collect(),
            read: &read,
        };
        let mut ready: Vec<Ready> = Vec::new();
        for proposal in safe.into_iter().chain(strategies::propose(&situation, self.strategies)) {
            let Some(changes) = resolve(&proposal.patch, &read) else { continue };
            if !within(&self.facts.only, &changes) {
                continue;
            }
            let hash = patch_hash(&changes);
            if self.facts.tried.contains(&hash) || ready.iter().any(|known| known.hash == hash) {
                continue;
            }
            let lines = lines_changed(&changes, &read);
            let rank = rank(&proposal, &situation.reverts, self.exercised);
            let doubt = doubt(&proposal, &read);
            ready.push(Ready { rank, lines, doubt, value: None, proposal, changes, hash });
        }
        let elsewhere =
            |ready: &Ready| ready.changes.iter().any(|change| change.path.as_str() != self.crash.file);
        // Stable: where nothing else speaks, the family's order holds.
        ready
            .sort_by_key(|ready| (ready.rank, ready.doubt.is_some(), elsewhere(ready), ready.lines / LARGER));
        ready.truncate(SCREENED.min(self.bench.candidates));
        ready
    }

    /// Lets the regression test assert the call's value, where there is a reason to.
    fn assert_value(&self, reproduced: &mut Reproduced, chosen: &Plausible) -> Result<(), RepairError> {
        let (Some(call), Some(_)) = (&reproduced.call, &reproduced.reproduction.regression_test) else {
            return Ok(());
        };
        // What a guard gives instead of a value is nobody's intention, so it is not pinned down.
        if chosen.kind == ChangeKind::SymptomGuard {
            reproduced.reproduction.regression_test = with_expectation(self.bench, self.snapshot, call, None);
            return Ok(());
        }
        let parent = match &chosen.reverts {
            Some(commit) => self.bench.repository.commit_info(commit)?.parents.first().cloned(),
            None => None,
        };
        let (checkout, origin) = match (&parent, &chosen.reverts) {
            (Some(parent), Some(commit)) => {
                (self.bench.checkout(parent)?, format!("the value before commit {}", commit.short()))
            }
            _ => {
                let checkout = self.bench.checkout_with(&self.snapshot.commit, &chosen.changes)?;
                (checkout, "the value that the repaired code gives".to_owned())
            }
        };
        let mut values = Vec::new();
        for _ in 0..2 {
            let run = run_on(self.bench, checkout.path(), &reproduced.reproduction)?;
            values
                .push(run.value.filter(|value| run.outcome == ReproOutcome::Passed && value.len() <= VALUE));
        }
        let value = values.pop().flatten().filter(|value| values == [Some(value.clone())]);
        let expected = value.map(|value| Expectation { value, origin });
        reproduced.reproduction.regression_test =
            with_expectation(self.bench, self.snapshot, call, expected.as_ref());
        Ok(())
    }

    pub(crate) fn note(
        &mut self,
        ready: &Ready,
        outcome: String,
        repro_pass: bool,
        suite: Option<SuiteDelta>,
    ) {
        self.note_unproven(ready, outcome, suite);
        if let Some(candidate) = self.candidates.last_mut() {
            candidate.repro_pass = Some(repro_pass);
        }
    }

    fn note_unproven(&mut self, ready: &Ready, outcome: String, suite: Option<SuiteDelta>) {
        (self.progress)(Progress::Validated {
            strategy: ready.proposal.strategy.to_owned(),
            explanation: ready.proposal.explanation.clone(),
            outcome: outcome.clone(),
        });
        let read = |path: &str| self.snapshot.text(path);
        self.candidates.push(Candidate {
            strategy: ready.proposal.strategy.to_owned(),
            kind: ready.kind(),
            patch_hash: ready.hash.clone(),
            explanation: ready.proposal.explanation.clone(),
            score: if outcome.starts_with(PLAUSIBLE) { ready.score(suite) } else { 0 },
            outcome,
            diff_stat: diff_stat(&ready.changes, &read),
            repro_pass: None,
            suite_delta: suite,
        });
    }

    fn plausible(&self, ready: Ready, stays_for: &[String], suite: Option<SuiteDelta>) -> Plausible {
        let reverts = match &ready.proposal.patch {
            Patch::Revert { commit, .. } => Some(commit.clone()),
            Patch::Edits(_) => None,
        };
        let doubt = ready.doubt.map(|doubt| format!("; it {}", doubt.why())).unwrap_or_default();
        let stays = match stays_for {
            [] => String::new(),
            calls => format!("; the error stays for made-up {}", calls.join(", ")),
        };
        Plausible {
            strategy: ready.proposal.strategy.to_owned(),
            kind: ready.kind(),
            one_line_typo: ready.proposal.one_line_typo,
            value: ready.value.clone(),
            score: ready.score(suite),
            explanation: format!("{}{doubt}{stays}", ready.proposal.explanation),
            patch_hash: ready.hash,
            diff_stat: diff_stat(&ready.changes, &|path| self.snapshot.text(path)),
            changes: ready.changes,
            reverts,
        }
    }
}

impl Ready {
    /// What it is called: a change that gives a kind of value which nobody ever got there cures nothing.
    fn kind(&self) -> ChangeKind {
        match (self.doubt, &self.proposal.patch) {
            (Some(Doubt::NeverGiven), Patch::Edits(_)) => ChangeKind::SymptomGuard,
            (_, Patch::Edits(_) | Patch::Revert { .. }) => self.proposal.kind,
        }
    }

    /// Whether it is worth keeping beside a patch that is kept: it is of another kind, or both are guards that are at
    /// odds about what the failing input should give.
    fn adds_to(&self, kept: &Plausible) -> bool {
        match (self.kind(), self.doubt) {
            (_, Some(Doubt::NeverGiven)) => false,
            (ChangeKind::SymptomGuard, _) if kept.kind == ChangeKind::SymptomGuard => {
                self.value.is_some() && kept.value.is_some() && self.value != kept.value
            }
            (kind, _) => kind != kept.kind,
        }
    }

    fn score(&self, suite: Option<SuiteDelta>) -> u8 {
        score(self.rank, self.lines, self.doubt.is_some(), suite.is_some())
    }
}
