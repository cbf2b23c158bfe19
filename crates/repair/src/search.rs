//! From a located incident to validated patches, within bounds.
//!
//! Validation goes from cheap to dear: every proposal is run against the reproduction in one sandboxed process with
//! the changed sources laid over the files; what passes is checked out for real, run twice, and then meets the suite,
//! whose failures are compared with those of the base commit. Where several inputs reproduce the error, it must be
//! gone for all of them.
//!
//! Which patch is best is told by [`crate::ranking`]. Up to three patches of different kinds are kept.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use groundcrew_core::contract::{Candidate, Reproduction, RootCause, Suspect};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::git::{Change, Sha};
use groundcrew_workbench::runner::{Kind, Suite};
use serde_json::json;

use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::differential::compare_change;
use crate::edit::{Patch, Proposal, patch_hash, resolve};
use crate::locate::{Located, LocatedFrame, is_python, is_test, locate};
use crate::matching::{Raised, Signature};
use crate::outcome::{Facts, Plausible, Progress, RepairOutcome, Repaired};
use crate::ranking::{NOTHING, SEARCHED, SMALL_COMMIT, lines_changed, rank};
use crate::regression::Expectation;
use crate::reproduce::{
    Attempted, Call, GENERATED, ReproOutcome, Reproduced, crash_frame, reproduce, run_on, with_expectation,
};
use crate::strategies::{self, Site, Situation, Strategy, Undo};
use crate::syntax::Source;

/// Patches that are run against the reproduction.
const SCREENED: usize = 320;
/// Patches that one process runs.
const BATCH: usize = 40;
/// Patches that are run against the suite.
const VALIDATED: usize = 10;
/// Kinds of patches that are kept.
const KEPT: usize = 3;
/// Wall clock of one script on one patch.
const SCRIPT: Duration = Duration::from_secs(5);
/// Commits that are looked at as suspects.
const SUSPECTS: usize = 5;
/// Newest commits among which one may be undone without a reproduction.
const RECENT: usize = 20;
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
    let snapshot = Snapshot::open(&bench.repository, base)?;
    let located = locate(&facts.trace, &snapshot.files, &|path| snapshot.text(path));
    let Some((located, crash)) = located.as_ref().and_then(|located| Some((located, crash_frame(located)?)))
    else {
        let reason = "no frame of the stack lies in a file of the repository".to_owned();
        return Ok(RepairOutcome::NoRepro { root_cause: None, reason });
    };
    progress(Progress::Located { file: crash.file.clone(), line: crash.line });
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
    };
    let attempted = match &facts.reproduction {
        Some(known) => search.check_known(known)?,
        None => reproduce(bench, &snapshot, located, facts, search.progress)?,
    };
    match attempted {
        Attempted::Reproduced(reproduced) => search.with_reproductions(&reproduced),
        Attempted::Failed(reason) => search.without_reproduction(reason),
    }
}

struct Search<'a> {
    bench: &'a Bench,
    facts: &'a Facts,
    strategies: &'a [Box<dyn Strategy>],
    snapshot: &'a Snapshot,
    located: &'a Located,
    crash: &'a LocatedFrame,
    progress: &'a mut dyn FnMut(Progress),
    ends: Instant,
    base_suite: Option<Option<Suite>>,
    /// Whether the suite calls the functions on the stack.
    exercised: bool,
    candidates: Vec<Candidate>,
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
struct Ready {
    rank: u8,
    lines: usize,
    proposal: Proposal,
    changes: Vec<Change>,
    hash: String,
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
        let ready = self.ready(undos);
        let (passing, doubtful) = self.screen(&reproduced.reproduction, ready)?;
        let mut kept: Vec<Plausible> = Vec::new();
        let mut rank = NOTHING;
        let mut validated = 0;
        for ready in passing {
            if kept.iter().any(|known| known.kind == ready.proposal.kind) {
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
                Tried::Fails(why) => self.note(&ready, why),
                Tried::Passes { stays_for } => {
                    self.note(&ready, "plausible".to_owned());
                    rank = rank.min(ready.rank);
                    kept.push(plausible(ready, &stays_for));
                }
            }
        }
        Ok(Round { rank, doubtful, reproduced, kept, candidates: std::mem::take(&mut self.candidates) })
    }

    fn finish(self, round: Round) -> Result<RepairOutcome, RepairError> {
        let Round { mut reproduced, mut kept, mut candidates, .. } = round;
        if kept.is_empty() {
            return Ok(RepairOutcome::NoFix {
                root_cause: self.root_cause("the error is raised here"),
                reproduction: Box::new(reproduced.reproduction),
                tried: candidates,
            });
        }
        let chosen = kept.remove(0);
        self.assert_value(&mut reproduced, &chosen)?;
        candidates.sort_by_key(|candidate| candidate.outcome != "plausible");
        Ok(RepairOutcome::Patch(Box::new(Repaired {
            root_cause: self.root_cause(&chosen.explanation),
            chosen,
            others: kept,
            candidates,
            reproduction: Some(reproduced.reproduction),
        })))
    }

    /// Without a reproduction only an undoing of the commit that last touched the crashing statement, or one line of a
    /// typo class, may be proposed.
    fn without_reproduction(mut self, reason: String) -> Result<RepairOutcome, RepairError> {
        let undos = self.undos(None)?;
        let allowed =
            |ready: &Ready| ready.proposal.kind == ChangeKind::Revert || ready.proposal.one_line_typo;
        let ready: Vec<Ready> = self.ready(undos).into_iter().filter(allowed).collect();
        for ready in ready.into_iter().take(4) {
            let failure = self.new_failures(&ready.changes)?;
            self.note(&ready, failure.clone().unwrap_or_else(|| "plausible, not proven".to_owned()));
            if failure.is_none() {
                let chosen = plausible(ready, &[]);
                return Ok(RepairOutcome::Patch(Box::new(Repaired {
                    root_cause: self.root_cause(&chosen.explanation),
                    chosen,
                    others: Vec::new(),
                    candidates: self.candidates,
                    reproduction: None,
                })));
            }
        }
        Ok(RepairOutcome::NoRepro { root_cause: Some(self.root_cause("the error was raised here")), reason })
    }

    fn root_cause(&self, why: &str) -> RootCause {
        RootCause {
            file: self.crash.file.clone(),
            line: self.crash.line,
            statement: self.crash.statement.clone(),
            why: why.to_owned(),
        }
    }

    /// Commits that can be undone: those that triage suspects, then those that last touched the functions on the stack.
    fn undos(&self, reproduction: Option<&Reproduction>) -> Result<Vec<Undo>, RepairError> {
        let mut undos = Vec::new();
        for commit in self.suspects(reproduction.is_some())? {
            if undos.len() >= SUSPECTS || Instant::now() > self.ends {
                break;
            }
            let Some(changes) = self.bench.repository.revert(&commit, &self.snapshot.commit)? else {
                continue;
            };
            let info = self.bench.repository.commit_info(&commit)?;
            let Some(parent) = info.parents.first() else { continue };
            let lines = self
                .bench
                .repository
                .diff(parent, &commit)?
                .files
                .iter()
                .map(|f| f.added + f.removed)
                .sum::<u64>();
            let confirmed = match reproduction {
                None => false,
                Some(reproduction) => {
                    let checkout = self.bench.checkout(parent)?;
                    run_on(self.bench, checkout.path(), reproduction)?.outcome == ReproOutcome::Passed
                }
            };
            // What the commit did to tests stays: a repair never changes tests.
            let changes: Vec<Change> =
                changes.into_iter().filter(|change| !is_test(change.path.as_str())).collect();
            let subject = info.subject.chars().filter(|c| !c.is_control()).take(120).collect();
            let lines = usize::try_from(lines).unwrap_or(usize::MAX);
            undos.push(Undo { commit, subject, changes, lines, confirmed });
        }
        Ok(undos)
    }

    fn suspects(&self, reproduced: bool) -> Result<Vec<Sha>, RepairError> {
        let repository = &self.bench.repository;
        let mut found: Vec<Sha> = Vec::new();
        let path = |file: &str| file.parse().ok();
        if let Some(file) = path(&self.crash.file)
            && let Some(info) = repository.blame(&self.snapshot.commit, &file, self.crash.line)?
        {
            found.push(info.sha);
        }
        if reproduced {
            let named =
                self.facts.suspects.iter().filter_map(|suspect: &Suspect| Sha::parse(&suspect.sha).ok());
            found.extend(named);
            let mut blamed: Vec<(i64, Sha)> = Vec::new();
            for frame in self.located.frames.iter().take(3) {
                let (Some(file), Some(function)) = (path(&frame.file), &frame.definition) else { continue };
                let last = function.last_line.min(function.first_line + 60);
                let lines =
                    repository.blame_lines(&self.snapshot.commit, &file, function.first_line, last)?;
                for commit in lines.into_keys() {
                    blamed.push((repository.commit_info(&commit)?.committed, commit));
                }
            }
            // Young commits first: old code has been right for longer.
            blamed.sort_by(|a, b| b.cmp(a));
            found.extend(blamed.into_iter().map(|(_, id)| id));
        }
        if !reproduced {
            let recent = repository.history(&self.snapshot.commit, None, RECENT)?;
            found.retain(|commit| recent.iter().any(|known| known.sha == *commit));
        }
        let mut seen = BTreeSet::new();
        found.retain(|id| seen.insert(id.clone()));
        Ok(found)
    }

    /// All proposals with their contents, best first, those tried in earlier rounds left out.
    fn ready(&self, undos: Vec<Undo>) -> Vec<Ready> {
        let read = |path: &str| self.snapshot.text(path);
        let mut frames: Vec<&LocatedFrame> = vec![self.crash];
        frames.extend(self.located.frames.iter().filter(|frame| *frame != self.crash));
        let sites = frames.into_iter().filter(|frame| !is_test(&frame.file)).filter_map(|frame| {
            Some(Site { frame: frame.clone(), source: Source::parse(&self.snapshot.text(&frame.file)?)? })
        });
        let trace = std::iter::successors(Some(&self.facts.trace), |trace| trace.causes.first());
        let trace = trace.take(self.located.depth + 1).last();
        let exception = trace.and_then(|trace| trace.exception.clone()).unwrap_or_default();
        let files = self.snapshot.files.iter().filter(|file| is_python(file) && !is_test(file)).cloned();
        let confirmed: Vec<(Sha, bool)> = undos
            .iter()
            .map(|undo| (undo.commit.clone(), undo.confirmed && undo.lines <= SMALL_COMMIT))
            .collect();
        let situation = Situation {
            exception: exception.rsplit('.').next().unwrap_or_default().to_owned(),
            message: trace.and_then(|trace| trace.message.clone()).unwrap_or_default(),
            sites: sites.collect(),
            reverts: undos,
            files: files.collect(),
            read: &read,
        };
        let mut ready: Vec<Ready> = Vec::new();
        for proposal in strategies::propose(&situation, self.strategies) {
            let Some(changes) = resolve(&proposal.patch, &read) else { continue };
            let hash = patch_hash(&changes);
            if self.facts.tried.contains(&hash) || ready.iter().any(|known| known.hash == hash) {
                continue;
            }
            let lines = lines_changed(&changes, &read);
            ready.push(Ready { rank: rank(&proposal, &confirmed), lines, proposal, changes, hash });
        }
        // Stable: within a rank the family's order holds.
        ready.sort_by_key(|ready| ready.rank);
        ready.truncate(SCREENED);
        ready
    }

    /// Those patches with which the reproduction passes, in order, and whether the input itself is in doubt.
    fn screen(
        &mut self,
        reproduction: &Reproduction,
        ready: Vec<Ready>,
    ) -> Result<(Vec<Ready>, bool), RepairError> {
        let checkout = self.bench.checkout(&self.snapshot.commit)?;
        let wanted = Signature::of(reproduction);
        let mut passing = Vec::new();
        let mut doubtful = false;
        let mut ready = ready.into_iter().peekable();
        while ready.peek().is_some() && Instant::now() < self.ends {
            let batch: Vec<Ready> = ready.by_ref().take(BATCH).collect();
            let texts = |ready: &Ready| {
                let files = ready.changes.iter().filter_map(|change| {
                    let text = String::from_utf8(change.content.clone()?).ok()?;
                    Some((change.path.as_str().to_owned(), text))
                });
                files.collect::<std::collections::BTreeMap<_, _>>()
            };
            let orders = json!({
                "root": checkout.path(),
                "script": reproduction.script,
                "seconds": SCRIPT.as_secs_f64(),
                "candidates": batch.iter().map(texts).collect::<Vec<_>>(),
            });
            let most = u32::try_from(batch.len()).unwrap_or(1);
            let wall = Duration::from_secs(20) + (SCRIPT * most).min(Duration::from_secs(100));
            let answers: Vec<Option<Vec<Raised>>> =
                match self.bench.drive("screen", checkout.path(), &orders, wall) {
                    Ok(answers) => answers,
                    // A batch that takes the process down is validated the slow way.
                    Err(RepairError::Driver { .. }) => batch.iter().map(|_| None).collect(),
                    Err(error) => return Err(error),
                };
            for (ready, answer) in batch.into_iter().zip(answers) {
                match answer {
                    None => passing.push(ready),
                    Some(chain) => {
                        let same = wanted.matches(&chain);
                        doubtful |= !same && ready.rank < SEARCHED;
                        let other = chain.first().map_or_else(String::new, Raised::headline);
                        let outcome =
                            if same { "the error stays".to_owned() } else { format!("raises {other}") };
                        self.note(&ready, outcome);
                    }
                }
            }
        }
        Ok((passing, doubtful))
    }

    /// Tries a patch on a checkout of its own: the reproduction, the other inputs, the suite.
    ///
    /// An input that was only made up may be wrong itself. A repair that knows its defect and cures the input of the
    /// log need not accept it, but then says so.
    fn validate(
        &mut self,
        reproduction: &Reproduction,
        all: &[Reproduced],
        ready: &Ready,
    ) -> Result<Tried, RepairError> {
        let checkout = self.bench.checkout_with(&self.snapshot.commit, &ready.changes)?;
        for _ in 0..2 {
            let run = run_on(self.bench, checkout.path(), reproduction)?;
            match run.outcome {
                ReproOutcome::Passed => {}
                ReproOutcome::FailedAsIncident => return Ok(Tried::Fails("the error stays".to_owned())),
                ReproOutcome::Other(other) => return Ok(Tried::Fails(format!("raises {other}"))),
            }
        }
        let knows = ready.rank < SEARCHED && reproduction.kind != GENERATED;
        let mut stays_for = Vec::new();
        for other in all.iter().filter(|other| other.reproduction.script != reproduction.script) {
            let run = run_on(self.bench, checkout.path(), &other.reproduction)?;
            if run.outcome == ReproOutcome::FailedAsIncident {
                if !(knows && other.reproduction.kind == GENERATED) {
                    return Ok(Tried::Fails(format!("the error stays for {}", other.reproduction.call)));
                }
                stays_for.push(other.reproduction.call.clone());
            }
        }
        drop(checkout);
        let failure = match self.new_failures(&ready.changes)? {
            None if ready.rank == SEARCHED => self.overfits(&ready.changes)?,
            failure => failure,
        };
        Ok(failure.map_or(Tried::Passes { stays_for }, Tried::Fails))
    }

    /// A change found by search must not move the error to inputs that gave a result; one that no test looks at must
    /// leave alone whatever was right.
    fn overfits(&self, changes: &[Change]) -> Result<Option<String>, RepairError> {
        let base = &self.snapshot.commit;
        let head = self.bench.repository.commit(base, changes, "Candidate", 0)?;
        let compared = compare_change(self.bench, base, &head, base)?;
        let exception = self.facts.trace.exception.as_deref().unwrap_or_default();
        let moved = compared.now_raises.contains(exception.rsplit('.').next().unwrap_or(exception));
        Ok(match (compared.differing.first(), compared.compared) {
            (Some(first), _) if moved => Some(format!("breaks what was right: {first}")),
            _ if self.exercised => None,
            (Some(first), _) => Some(format!("changes what was right: {first}")),
            (None, 0) => Some("nothing shows that it leaves alone what was right".to_owned()),
            (None, _) => None,
        })
    }

    /// What the suite says against a change; none if it says nothing or there is none.
    fn new_failures(&mut self, changes: &[Change]) -> Result<Option<String>, RepairError> {
        if self.base_suite.is_none() {
            self.base_suite = Some(self.bench.suite(&self.snapshot.commit, &[])?);
        }
        let Some(Some(base)) = self.base_suite.clone() else { return Ok(None) };
        let Some(head) = self.bench.suite(&self.snapshot.commit, changes)? else { return Ok(None) };
        Ok(compare(&base, &head))
    }

    /// Lets the regression test assert the call's value, where there is a reason to.
    fn assert_value(&self, reproduced: &mut Reproduced, chosen: &Plausible) -> Result<(), RepairError> {
        let (Some(call), Some(_)) = (&reproduced.call, &reproduced.reproduction.regression_test) else {
            return Ok(());
        };
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
        // What a guard gives instead of a value is nobody's intention, so it is not pinned down.
        let pinned = value.filter(|_| chosen.kind != ChangeKind::SymptomGuard);
        let expected = pinned.map(|value| Expectation { value, origin });
        reproduced.reproduction.regression_test =
            with_expectation(self.bench, self.snapshot, call, expected.as_ref());
        Ok(())
    }

    fn note(&mut self, ready: &Ready, outcome: String) {
        (self.progress)(Progress::Validated {
            strategy: ready.proposal.strategy.to_owned(),
            explanation: ready.proposal.explanation.clone(),
            outcome: outcome.clone(),
        });
        self.candidates.push(Candidate {
            strategy: ready.proposal.strategy.to_owned(),
            kind: ready.proposal.kind,
            patch_hash: ready.hash.clone(),
            explanation: ready.proposal.explanation.clone(),
            outcome,
        });
    }
}

fn plausible(ready: Ready, stays_for: &[String]) -> Plausible {
    let reverts = match &ready.proposal.patch {
        Patch::Revert { commit, .. } => Some(commit.clone()),
        Patch::Edits(_) => None,
    };
    Plausible {
        strategy: ready.proposal.strategy.to_owned(),
        kind: ready.proposal.kind,
        one_line_typo: ready.proposal.one_line_typo,
        explanation: match stays_for {
            [] => ready.proposal.explanation,
            calls => {
                format!("{}; the error stays for made-up {}", ready.proposal.explanation, calls.join(", "))
            }
        },
        patch_hash: ready.hash,
        changes: ready.changes,
        reverts,
        lines_changed: ready.lines,
    }
}

/// What trying a patch came to.
enum Tried {
    /// Why it is not good enough.
    Fails(String),
    /// It is, though the error stays for these made-up calls.
    Passes {
        /// The calls.
        stays_for: Vec<String>,
    },
}

/// What a suite on a change says against it, compared with the base; none if nothing.
fn compare(base: &Suite, head: &Suite) -> Option<String> {
    if base.complete && !head.complete {
        return Some("the suite does not run to its end".to_owned());
    }
    match head.kind {
        Kind::Other => (base.is_green() && !head.is_green()).then(|| "the suite fails".to_owned()),
        Kind::Unittest | Kind::Pytest => {
            let new: Vec<&str> = head.bad().difference(&base.bad()).copied().collect();
            if let Some(first) = new.first() {
                return Some(format!("{} tests fail that did not: {first}", new.len()));
            }
            (head.tests.len() < base.tests.len()).then(|| "fewer tests run".to_owned())
        }
    }
}
