//! From failing tests to validated patches: a wrong result leaves no stack, so the place is found by which lines failing
//! and passing tests run, and the repair by trying single edits.
//!
//! The search itself runs beside the project's code, in one sandboxed process that has the project loaded
//! (`python/seek.py`). What passes there is a guess: here it meets the project's tests on a clean work tree, and the
//! rules of what may be changed. Up to three candidates that behave differently are kept, and the input on which they
//! differ is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use groundcrew_core::contract::{Candidate, Reproduction, RootCause, SuiteDelta, Suspect};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_core::trace::{Frame, Trace};
use groundcrew_workbench::git::{Change, RepoPath, Sha};
use groundcrew_workbench::runner::{Round, Suite, run_rounds};

use crate::allowed::{Barrier, barriers, diff_stat};
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::culprit::History;
use crate::ecosystem;
use crate::edit::{Edit, Patch, patch_hash, resolve};
use crate::language::{self, Language};
use crate::locate::{is_test, locate};
use crate::matching::{Raised, is_comprehension};
use crate::outcome::{Facts, Plausible, Progress, RepairOutcome, Repaired};
use crate::ranking::{self, SMALL_COMMIT};
use crate::reproduce::{ReproOutcome, run_on, test_script};
use crate::search::within;
use crate::sought::{Differs, Failing, Found, Sought, ranked, summary, suspected};
use crate::strategies::Undo;
use crate::validate::compare;

/// Name of the strategy.
pub(crate) const NAME: &str = "search";
/// The same for two edits that only pass together.
pub(crate) const PAIR: &str = "search of pairs";
/// Score from which a candidate is likely by itself, and the part of its score at which another one is about as likely. Of 136
/// programs, this holds for 5 of 8 wrong first finds and for 9 of 124 right ones.
const LIKELY: f64 = 0.25;
const AS_LIKELY: f64 = 0.55;
/// The same for a candidate that is likely by itself: holds for 2 of 3 wrong first finds and for 2 of 43 right ones.
const EQUALLY_LIKELY: f64 = 0.7;
/// The same for one that puts a number in or counts one more or one less, which fits a few cases by chance: of 130 programs with
/// rivals sought at length, such a find was wrong in 6 of 20, any other in 6 of 109. Holds for 6 of the 6 and for 4 of the 14.
const MADE_UP: [&str; 2] = ["number", "offset"];
const MADE_UP_LIKELY: f64 = 0.35;
/// Candidates that meet the suite on a clean work tree.
const VALIDATED: usize = 8;
/// Candidates that are kept.
const KEPT: usize = 3;
/// Wall clock of the search beyond its own bound: for loading and for the tests as they are.
pub(crate) const AROUND: Duration = Duration::from_secs(60);
/// What the search says of a test that does not end.
const ENDLESS: &str = "the test does not end";
/// Ends a script that does not end by itself, in the function that goes on for ever.
const ENDING: &str = "import signal\n\n\ndef end(*_):\n    raise TimeoutError(\"the test does not end\")\n\n\n\
                      signal.signal(signal.SIGALRM, end)\nsignal.setitimer(signal.ITIMER_REAL, 2)\n";

/// Repairs what makes tests fail; none if they are no tests of Python or none of them fails there.
pub(crate) fn repair_tests(
    bench: &Bench,
    base: &Sha,
    facts: &Facts,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<RepairOutcome>, RepairError> {
    let Some(command) = &bench.tests else { return Ok(None) };
    let language = language::of_suite(command.kind);
    let snapshot = Snapshot::open(&bench.repository, base)?;
    progress(Progress::Reproducing("the failing tests"));
    let began = Instant::now();
    let sought = language.seek(bench, &snapshot, facts, command)?;
    if sought.problem.is_some() || sought.failing.is_empty() {
        return Ok(None);
    }
    let mut repair = Repair {
        language,
        bench,
        facts,
        snapshot: &snapshot,
        progress,
        ends: began + bench.time,
        base: None,
        ahead: BTreeMap::new(),
        candidates: Vec::new(),
        suspects: Vec::new(),
    };
    let likeliest = repair.likeliest(&sought);
    let (reproduction, ahead) = std::thread::scope(|scope| {
        let ahead = scope.spawn(|| suites_ahead(bench, base, &likeliest));
        let reproduction = repair.reproduction(&sought);
        (reproduction, ahead.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    repair.ahead = ahead?;
    let Some(reproduction) = reproduction? else { return Ok(None) };
    if sought.cut.as_deref() == Some("time") {
        (repair.progress)(Progress::OutOfTime);
    }
    (repair.progress)(Progress::Reproduced { call: reproduction.call.clone() });
    if sought.is_searched {
        (repair.progress)(Progress::Searched { validations: sought.validated, time: began.elapsed() });
    }
    repair.conclude(reproduction, &sought).map(Some)
}

/// Repairs what a test of ours shows, which stands in no commit of the project: it is searched on one that has the test, and
/// what is found changes the program alone.
pub(crate) fn repair_shown(
    bench: &Bench,
    snapshot: &Snapshot,
    facts: &Facts,
    reproduction: Reproduction,
    progress: &mut dyn FnMut(Progress),
) -> Result<RepairOutcome, RepairError> {
    let began = Instant::now();
    let (Some(test), Some(command)) = (&reproduction.regression_test, &bench.tests) else {
        let reason = "the error is shown by no test".to_owned();
        return Ok(RepairOutcome::NoRepro { root_cause: None, reason });
    };
    progress(Progress::Reproduced { call: reproduction.call.clone() });
    let written = Change::write(RepoPath::parse(&test.path)?, test.content.clone());
    let tested = bench.repository.commit(&snapshot.commit, &[written], "A test of the error", 0)?;
    let tested = Snapshot::open(&bench.repository, &tested)?;
    let facts = Facts { failing_tests: vec![test.id.clone()], ..facts.clone() };
    let language = language::of_suite(command.kind);
    let mut sought = language.seek(bench, &tested, &facts, command)?;
    // Where the tests go otherwise in one process, what is known of the error is all there is.
    sought.failing.retain(|failing| failing.test == test.id);
    if sought.cut.as_deref() == Some("time") {
        progress(Progress::OutOfTime);
    }
    if sought.is_searched {
        progress(Progress::Searched { validations: sought.validated, time: began.elapsed() });
    }
    let mut repair = Repair {
        language,
        bench,
        facts: &facts,
        snapshot: &tested,
        progress,
        ends: began + bench.time,
        base: None,
        ahead: BTreeMap::new(),
        candidates: Vec::new(),
        suspects: Vec::new(),
    };
    repair.conclude(reproduction, &sought)
}

/// Folders beneath the repository that modules are imported from, as the runner of the suite has them.
fn roots(snapshot: &Snapshot) -> Vec<String> {
    let below = snapshot.files.iter().any(|file| file.starts_with("src/"));
    let package = snapshot.files.iter().any(|file| file == "src/__init__.py");
    let source = (below && !package).then(|| "src".to_owned());
    source.into_iter().chain([String::new()]).collect()
}

pub(crate) fn import_folders(checkout: &Path, snapshot: &Snapshot) -> Vec<String> {
    let folder = |root: String| checkout.join(root).to_string_lossy().trim_end_matches('/').to_owned();
    roots(snapshot).into_iter().map(folder).collect()
}

/// The suite on each of some changes, all in one sandbox and each on a work tree that has nothing but the change; those that
/// could not be run so are missing.
fn suites_ahead(
    bench: &Bench,
    base: &Sha,
    changes: &[Vec<Change>],
) -> Result<BTreeMap<String, Suite>, RepairError> {
    let Some(command) =
        bench.tests.as_ref().filter(|command| command.kind.is_python() && !changes.is_empty())
    else {
        return Ok(BTreeMap::new());
    };
    let round = |changes: &Vec<Change>| {
        let text = |change: &Change| {
            let text = String::from_utf8(change.content.clone()?).ok()?;
            Some((change.path.as_str().to_owned(), text))
        };
        let files = changes.iter().map(text).collect::<Option<BTreeMap<_, _>>>()?;
        Some(Round { files, ..Round::default() })
    };
    let Some(rounds) = changes.iter().map(round).collect::<Option<Vec<_>>>() else {
        return Ok(BTreeMap::new());
    };
    let checkout = bench.checkout(base)?;
    let Bench { sandbox, python, limits, cancel, .. } = bench;
    let suites = run_rounds(sandbox, python, checkout.path(), command, &rounds, 0, limits, cancel)?;
    bench.go_on()?;
    // A sandbox that ended before, or was ended by somebody, says nothing about the others.
    let killed = suites.iter().any(|suite| suite.ended.is_killed_from_outside(&suite.hit));
    if killed || suites.len() != changes.len() {
        return Ok(BTreeMap::new());
    }
    Ok(changes.iter().map(|changes| patch_hash(changes)).zip(suites).collect())
}

/// The reproduction that is a test of Python, run by a script of its own.
pub(crate) fn test_reproduction(
    bench: &Bench,
    snapshot: &Snapshot,
    failing: &Failing,
) -> Option<Reproduction> {
    let Failing { test, chain } = failing;
    let (raised, file, function) = innermost(chain)?;
    let mut script = test_script(bench, &snapshot.files, roots(snapshot), test)?;
    if raised.kind == "TimeoutError" && raised.message == ENDLESS {
        script.insert_str(0, ENDING);
    }
    Some(Reproduction {
        kind: "test".to_owned(),
        origin: "a test of the project that fails".to_owned(),
        script,
        call: test.clone(),
        regression_test: None,
        test_id: Some(test.clone()),
        fails_on: snapshot.commit.to_string(),
        exception: raised.kind.clone(),
        file: file.to_owned(),
        function: function.to_owned(),
    })
}

struct Repair<'a> {
    language: &'static dyn Language,
    bench: &'a Bench,
    facts: &'a Facts,
    snapshot: &'a Snapshot,
    progress: &'a mut dyn FnMut(Progress),
    ends: Instant,
    base: Option<Suite>,
    /// Suites on candidates that were run ahead, by the hash of the change.
    ahead: BTreeMap<String, Suite>,
    candidates: Vec<Candidate>,
    /// Commits that may have brought the failure.
    suspects: Vec<Suspect>,
}

/// A candidate that passed everything.
struct Good {
    found: Found,
    plausible: Plausible,
}

impl Good {
    /// Its score, and the input that tells it from the chosen one.
    fn as_rival(&self) -> Option<(f64, String)> {
        let Differs { call, chosen, this } = self.found.differs.as_ref()?;
        let why = &self.plausible.explanation;
        let told = format!("another candidate ({why}) differs: {call}: was {chosen}, is {this}");
        Some((self.found.score, told))
    }
}

impl Repair<'_> {
    /// The first failing test that fails in a process of its own as it did in the search.
    fn reproduction(&self, sought: &Sought) -> Result<Option<Reproduction>, RepairError> {
        let checkout = self.bench.checkout(&self.snapshot.commit)?;
        for failing in sought.failing.iter().take(KEPT) {
            let reproduction = match sought.by_command {
                true => Some(language::of_command(self.snapshot, failing)),
                false => self.language.reproduction(self.bench, self.snapshot, failing),
            };
            let Some(reproduction) = reproduction else { continue };
            if run_on(self.bench, checkout.path(), &reproduction)?.outcome == ReproOutcome::FailedAsIncident {
                return Ok(Some(reproduction));
            }
        }
        Ok(None)
    }

    /// The changes that are validated first: one of each behaviour.
    fn likeliest(&self, sought: &Sought) -> Vec<Vec<Change>> {
        let mut groups = BTreeSet::new();
        let found = sought.plausible.iter().filter(|found| groups.insert(found.group));
        found.filter_map(|found| self.changes(found)).take(KEPT).collect()
    }

    fn conclude(
        &mut self,
        reproduction: Reproduction,
        sought: &Sought,
    ) -> Result<RepairOutcome, RepairError> {
        let mut in_the_way: Vec<Barrier> = Vec::new();
        let undo = self.undo(&reproduction, sought, &mut in_the_way)?;
        let undo = match undo {
            Some(undo) => Some(undo),
            None => self.safe_fix(sought, &mut in_the_way)?,
        };
        let good = self.validate(sought, &mut in_the_way)?;
        if sought.is_searched {
            self.candidates.push(summary(sought));
        }
        Ok(self.outcome(reproduction, sought, undo, good, in_the_way))
    }

    /// The undoing of a small commit that is known to have brought the failure: the code was right before it.
    fn undo(
        &mut self,
        reproduction: &Reproduction,
        sought: &Sought,
        in_the_way: &mut Vec<Barrier>,
    ) -> Result<Option<Plausible>, RepairError> {
        let trace = suspected_trace(reproduction, sought);
        // Without a suspected statement the history is halved all the same.
        let located =
            locate(&trace, &self.snapshot.files, &|path| self.snapshot.text(path)).unwrap_or_default();
        let history = History {
            bench: self.bench,
            snapshot: self.snapshot,
            located: &located,
            crash: located.crash(),
            named: &self.facts.suspects,
            ends: self.ends,
        };
        let culprits = history.culprits(Some(reproduction))?;
        self.suspects = culprits.suspects;
        let small = culprits.undos.into_iter().filter(|undo| undo.confirmed && undo.lines <= SMALL_COMMIT);
        for undo in small.take(KEPT) {
            if !within(&self.facts.only, &undo.changes) {
                continue;
            }
            let undone = self.undone(undo);
            if self.facts.tried.contains(&undone.patch_hash) {
                continue;
            }
            let (failure, suite) = self.meets_suite(sought, &undone.changes)?;
            let stopped = match failure {
                Some(why) => Some(why),
                None => self.stopped(&undone.explanation, &undone.changes, in_the_way),
            };
            self.note(&undone, stopped.as_deref(), suite);
            if stopped.is_none() {
                return Ok(Some(undone));
            }
        }
        Ok(None)
    }

    /// What a tool of the ecosystem would change by itself in a suspicious file, if that is all it takes.
    fn safe_fix(
        &mut self,
        sought: &Sought,
        in_the_way: &mut Vec<Barrier>,
    ) -> Result<Option<Plausible>, RepairError> {
        let suspects = sought.suspects.iter().filter(|suspect| !is_test(&suspect.file));
        let places: Vec<(String, u32)> =
            suspects.map(|suspect| (suspect.file.clone(), suspect.line)).collect();
        for proposal in ecosystem::proposals(self.bench, self.snapshot, &places)? {
            let Some(changes) = resolve(&proposal.patch, &|path| self.snapshot.text(path)) else { continue };
            let hash = patch_hash(&changes);
            if !within(&self.facts.only, &changes)
                || self.facts.tried.contains(&hash)
                || Instant::now() > self.ends
            {
                continue;
            }
            let read = |path: &str| self.snapshot.text(path);
            let lines = ranking::lines_changed(&changes, &read);
            let fixed = Plausible {
                strategy: proposal.strategy.to_owned(),
                kind: proposal.kind,
                one_line_typo: false,
                explanation: proposal.explanation,
                patch_hash: hash,
                diff_stat: diff_stat(&changes, &read),
                changes,
                reverts: None,
                score: ranking::score(2, lines, false, true),
                value: None,
            };
            let (failure, suite) = self.meets_suite(sought, &fixed.changes)?;
            let stopped = match failure {
                Some(why) => Some(why),
                None => self.stopped(&fixed.explanation, &fixed.changes, in_the_way),
            };
            self.note(&fixed, stopped.as_deref(), suite);
            if stopped.is_none() {
                return Ok(Some(fixed));
            }
        }
        Ok(None)
    }

    fn undone(&self, undo: Undo) -> Plausible {
        Plausible {
            strategy: "revert".to_owned(),
            kind: ChangeKind::Revert,
            one_line_typo: false,
            explanation: format!("undoes {}commit {} ({})", undo.part, undo.commit.short(), undo.subject),
            patch_hash: patch_hash(&undo.changes),
            diff_stat: diff_stat(&undo.changes, &|path| self.snapshot.text(path)),
            changes: undo.changes,
            reverts: Some(undo.commit),
            score: ranking::score(1, undo.lines, false, true),
            value: None,
        }
    }

    /// The candidates that pass on a clean work tree, each of a behaviour of its own.
    fn validate(&mut self, sought: &Sought, in_the_way: &mut Vec<Barrier>) -> Result<Vec<Good>, RepairError> {
        let mut good: Vec<Good> = Vec::new();
        let mut validated = 0;
        for found in &sought.plausible {
            // One of those that behave alike is enough.
            if good.iter().any(|known| known.found.group == found.group) {
                continue;
            }
            if validated >= VALIDATED || good.len() >= KEPT {
                break;
            }
            let Some(changes) = self.changes(found) else { continue };
            let plausible = self.plausible(found, changes);
            if self.facts.tried.contains(&plausible.patch_hash) {
                continue;
            }
            validated += 1;
            let (failure, suite) = self.meets_suite(sought, &plausible.changes)?;
            let stopped = match failure {
                Some(why) => Some(why),
                None => self.stopped(&found.why, &plausible.changes, in_the_way),
            };
            self.note(&plausible, stopped.as_deref(), suite);
            if stopped.is_none() {
                good.push(Good { found: found.clone(), plausible });
            }
        }
        Ok(good)
    }

    fn outcome(
        &mut self,
        reproduction: Reproduction,
        sought: &Sought,
        undo: Option<Plausible>,
        mut good: Vec<Good>,
        in_the_way: Vec<Barrier>,
    ) -> RepairOutcome {
        let candidates = std::mem::take(&mut self.candidates);
        let suspects = std::mem::take(&mut self.suspects);
        if let Some(chosen) = undo {
            let others = good.into_iter().map(|other| other.plausible);
            let root_cause = RootCause { why: chosen.explanation.clone(), ..suspected(sought) };
            return RepairOutcome::Patch(Box::new(Repaired {
                behaviour_notes: Vec::new(),
                as_likely: None,
                others: others.filter(|other| other.patch_hash != chosen.patch_hash).collect(),
                chosen,
                candidates,
                reproduction: Some(reproduction),
                root_cause,
                suspects,
                barriers: in_the_way,
            }));
        }
        if good.is_empty() {
            let root_cause = suspected(sought);
            return if in_the_way.is_empty() {
                let reproduction = Box::new(reproduction);
                RepairOutcome::NoFix { reproduction, root_cause, tried: candidates, suspects }
            } else {
                let reproduction = Some(Box::new(reproduction));
                RepairOutcome::Refused { reproduction, root_cause, barriers: in_the_way, tried: candidates }
            };
        }
        let chosen = good.remove(0);
        let rivals: Vec<(f64, String)> = good.iter().filter_map(Good::as_rival).collect();
        // What is likely by itself is only doubted for another that is nearly as likely.
        let part = match &chosen.found {
            found if MADE_UP.contains(&found.family.as_str()) => MADE_UP_LIKELY,
            found if found.score < LIKELY => AS_LIKELY,
            _ => EQUALLY_LIKELY,
        };
        let doubted = |score: &f64| *score >= chosen.found.score * part;
        let as_likely = rivals.iter().find(|(score, _)| doubted(score)).map(|(_, told)| told.clone());
        let mut chosen = chosen;
        if let Some(test) = sought.others_failing.first() {
            let others = sought.others_failing.len();
            chosen
                .plausible
                .explanation
                .push_str(&format!("; {others} other failing tests stay, such as {test}"));
        }
        let root_cause = RootCause {
            file: chosen.found.file.clone(),
            line: chosen.found.line,
            statement: chosen.found.statement.clone(),
            why: chosen.plausible.explanation.clone(),
            ranked: ranked(sought),
        };
        RepairOutcome::Patch(Box::new(Repaired {
            behaviour_notes: rivals.into_iter().map(|(_, told)| told).collect(),
            as_likely,
            chosen: chosen.plausible,
            others: good.into_iter().map(|other| other.plausible).collect(),
            candidates,
            reproduction: Some(reproduction),
            root_cause,
            suspects,
            barriers: in_the_way,
        }))
    }

    fn changes(&self, found: &Found) -> Option<Vec<Change>> {
        let edit = |(start, end, text): &(usize, usize, String)| Edit {
            file: found.file.clone(),
            start: *start,
            end: *end,
            text: text.clone(),
        };
        let patch = Patch::Edits(found.edits.iter().map(edit).collect());
        let changes = resolve(&patch, &|path| self.snapshot.text(path))?;
        within(&self.facts.only, &changes).then_some(changes)
    }

    /// What the suite says against a change on a clean work tree; none if the failing tests pass and no other fails.
    fn meets_suite(
        &mut self,
        sought: &Sought,
        changes: &[Change],
    ) -> Result<(Option<String>, Option<SuiteDelta>), RepairError> {
        let head = match self.ahead.remove(&patch_hash(changes)) {
            Some(known) => Some(known),
            None => self.bench.suite(&self.snapshot.commit, changes)?,
        };
        let Some(head) = head else { return Ok((Some("the suite cannot be run".to_owned()), None)) };
        if sought.by_command {
            let why = (!head.is_green()).then(|| "the test command still fails".to_owned());
            return Ok((why, None));
        }
        let passed = head.passed();
        let wanted: BTreeSet<&str> = sought.failing.iter().map(|failing| failing.test.as_str()).collect();
        let new: BTreeSet<&str> =
            head.bad().into_iter().filter(|test| !sought.others_failing.contains(*test)).collect();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let delta = SuiteDelta {
            newly_failing: count(new.difference(&wanted).count()),
            newly_passing: count(wanted.intersection(&passed).count()),
        };
        let why = match wanted.difference(&passed).next() {
            Some(test) => Some(format!("{test} does not pass")),
            None if new.is_empty() && head.complete && head.tests.len() >= sought.tests => None,
            // It may be that the suite goes otherwise in a process of its own, without any change.
            None => compare(self.base_suite()?, &head),
        };
        Ok((why, Some(delta)))
    }

    fn base_suite(&mut self) -> Result<&Suite, RepairError> {
        let known = match self.base.take() {
            Some(known) => known,
            None => self.bench.suite(&self.snapshot.commit, &[])?.ok_or_else(|| RepairError::Driver {
                driver: "suite",
                reason: "there is no test command any more".to_owned(),
            })?,
        };
        Ok(self.base.insert(known))
    }

    /// Why a patch that passes may not be made, if a rule stands in its way.
    fn stopped(&self, what: &str, changes: &[Change], all: &mut Vec<Barrier>) -> Option<String> {
        let read = |path: &str| self.snapshot.text(path);
        let met = barriers(changes, what, &read, self.facts.budget, &self.facts.approved);
        let first = met.first().map(Barrier::sentence);
        for barrier in met {
            let known =
                |other: &Barrier| (&other.file, other.permission) == (&barrier.file, barrier.permission);
            if !all.iter().any(known) {
                all.push(barrier);
            }
        }
        first
    }

    fn plausible(&self, found: &Found, changes: Vec<Change>) -> Plausible {
        Plausible {
            strategy: if found.family == "pair" { PAIR } else { NAME }.to_owned(),
            kind: kind(&found.family),
            one_line_typo: false,
            explanation: found.why.clone(),
            patch_hash: patch_hash(&changes),
            diff_stat: diff_stat(&changes, &|path| self.snapshot.text(path)),
            changes,
            reverts: None,
            score: score(found.score),
            value: None,
        }
    }

    fn note(&mut self, tried: &Plausible, stopped: Option<&str>, suite: Option<SuiteDelta>) {
        let outcome = stopped.unwrap_or("plausible").to_owned();
        (self.progress)(Progress::Validated {
            strategy: tried.strategy.clone(),
            explanation: tried.explanation.clone(),
            outcome: outcome.clone(),
        });
        self.candidates.push(Candidate {
            strategy: tried.strategy.clone(),
            kind: tried.kind,
            patch_hash: tried.patch_hash.clone(),
            explanation: tried.explanation.clone(),
            score: if stopped.is_none() { tried.score } else { 0 },
            outcome,
            diff_stat: tried.diff_stat,
            repro_pass: Some(true),
            suite_delta: suite,
        });
    }
}

/// The suspicious statements as frames, by which the commits that touched them are found.
fn suspected_trace(reproduction: &Reproduction, sought: &Sought) -> Trace {
    let frames = sought.suspects.iter().map(|suspect| Frame {
        file: Some(suspect.file.clone()),
        line: Some(suspect.line),
        function: Some(suspect.function.clone()),
        in_app: true,
        ..Frame::default()
    });
    Trace { exception: Some(reproduction.exception.clone()), frames: frames.collect(), ..Trace::default() }
}

/// The exception that failed a test, with the file and the function that its signature names.
fn innermost(chain: &[Raised]) -> Option<(&Raised, &str, &str)> {
    let raised = chain.first()?;
    let frames = raised.frames.iter().filter(|(_, _, function)| !is_comprehension(function));
    let (file, function) =
        frames.filter_map(|(file, _, function)| Some((file.as_deref()?, function.as_str()))).next()?;
    Some((raised, file, function))
}

/// What a family of edits does about a defect.
fn kind(family: &str) -> ChangeKind {
    if matches!(family, "catch" | "symptom") { ChangeKind::SymptomGuard } else { ChangeKind::Cause }
}

/// A score of the search in hundredths; what is found by trying is never worth as much as what is known.
fn score(of: f64) -> u8 {
    let points = (of.clamp(0.0, 1.0) * 40.0).round() + 30.0;
    // Between 30 and 70 by the line above.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value is between 30 and 70"
    )]
    let points = points as u8;
    points
}
