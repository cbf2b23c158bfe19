//! The search for the edit with which failing tests of JavaScript or TypeScript pass.
//!
//! Places are ranked by which tests run them (Ochiai); where a test fails by an error that is known by its class and
//! message, what is known about it comes first. Candidates are tried in order of prior times suspicion, hundreds in a
//! second, within one process of Node that has the project loaded. What passes there is validated again on a clean work tree
//! by whoever asked.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use groundcrew_workbench::runner::TestCommand;

use super::code::{self, Spot, headline, name_of};
use super::driver::{self, Changed, Observed, Trial};
use super::edits::crash::{self, Error};
use super::edits::{Draft, File, Place};
use super::judge;
use super::project::Project;
use super::untyped::untyped;
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::edit::{Edit, apply};
use crate::locate::is_test;
use crate::outcome::Facts;
use crate::search::within_file;
use crate::sought::{Failing, Found, Sought, Suspicious};
use crate::syntax::first_line;

/// Places whose candidates are weighed against one another at a time.
const TOGETHER: usize = 60;
/// Turns of that.
const TURNS: usize = 4;
/// Suspicion below which a place is not looked at.
const LEAST: f64 = 0.05;
/// Candidates that are tried after the first that passes, and that pass at most.
const AFTER: usize = 160;
const PLAUSIBLE: usize = 24;
/// Passing tests that a candidate meets.
const PASSING: usize = 150;
/// Suspects that are told.
const TOLD: usize = 8;
/// How long a candidate may be silent: at least, and how many times what the tests take as they are.
const PATIENCE: Duration = Duration::from_millis(250);

/// Looks for the edits.
pub(super) fn seek(
    bench: &Bench,
    snapshot: &Snapshot,
    facts: &Facts,
    command: &TestCommand,
) -> Result<Sought, RepairError> {
    let problem = |reason: String| Sought { problem: Some(reason), ..Sought::default() };
    let started = Instant::now();
    let project = Project::read(snapshot, command, facts);
    if project.program.tests.is_empty() {
        return Ok(problem("no file with tests was found".to_owned()));
    }
    let checkout = bench.checkout(&snapshot.commit)?;
    let observed = match driver::observe(bench, checkout.path(), &project.program) {
        Err(RepairError::Driver { reason, .. }) => return Ok(problem(reason)),
        other => other?,
    };
    let outcomes = Outcomes::of(&observed, facts);
    if outcomes.failing.is_empty() {
        return Ok(problem("no test fails where the tests are run together".to_owned()));
    }
    let mut search = Search {
        bench,
        project: &project,
        checkout: checkout.path(),
        ends: started + bench.time,
        patience: patience(&observed),
        raised: raised_at(&observed, &outcomes),
        outcomes: &outcomes,
        validated: 0,
        found: Vec::new(),
        partial: Vec::new(),
        cut: None,
    };
    let ranked = rank(&project, &observed, &outcomes, facts);
    search.run(&ranked)?;
    let found = std::mem::take(&mut search.found);
    search.found = judge::judge(bench, checkout.path(), &project, found)?;
    Ok(search.told(&observed, &ranked))
}

/// How long a candidate may be silent, by what the longest test takes.
fn patience(observed: &Observed) -> Duration {
    let longest = observed.tests.iter().map(|ran| ran.milliseconds).fold(0.0, f64::max);
    PATIENCE + Duration::from_secs_f64(longest.clamp(0.0, 2_000.0) * 4.0 / 1000.0)
}

/// Which tests are to pass, and which pass already.
struct Outcomes {
    failing: Vec<String>,
    passing: Vec<String>,
    others: BTreeSet<String>,
}

impl Outcomes {
    fn of(observed: &Observed, facts: &Facts) -> Outcomes {
        let bad = |outcome: &str| matches!(outcome, "failed" | "hung");
        let named: HashSet<&str> = facts.failing_tests.iter().map(String::as_str).collect();
        let mut found = Outcomes { failing: Vec::new(), passing: Vec::new(), others: BTreeSet::new() };
        for ran in &observed.tests {
            if ran.outcome == "passed" {
                found.passing.push(ran.test.clone());
            } else if bad(&ran.outcome) {
                if named.is_empty() || named.contains(ran.test.as_str()) {
                    found.failing.push(ran.test.clone());
                } else {
                    found.others.insert(ran.test.clone());
                }
            }
        }
        for broken in &observed.broken {
            if named.is_empty() || named.contains(broken.file.as_str()) {
                found.failing.push(broken.file.clone());
            }
        }
        found
    }

    fn holds(&self, test: &str) -> bool {
        self.failing.iter().any(|failing| failing == test)
    }
}

/// A place with how suspicious it is.
#[derive(Clone, Copy)]
struct Ranked<'a> {
    file: &'a File,
    spot: Spot<'a>,
    score: f64,
    /// Number of the error that it raised.
    raised: Option<usize>,
}

/// Places by suspicion, the most suspicious first, then in the order of the text.
fn rank<'a>(
    project: &'a Project,
    observed: &Observed,
    outcomes: &Outcomes,
    facts: &Facts,
) -> Vec<Ranked<'a>> {
    let failed = count(outcomes.failing.len());
    let mut counts: BTreeMap<(&str, usize), (f64, f64)> = BTreeMap::new();
    for ran in &observed.tests {
        let failing = outcomes.holds(&ran.test);
        if !failing && ran.outcome != "passed" {
            continue;
        }
        for (file, marks) in &ran.ran {
            for mark in marks {
                let entry = counts.entry((file.as_str(), *mark)).or_default();
                if failing { entry.0 += 1.0 } else { entry.1 += 1.0 }
            }
        }
    }
    let raised = raised_at(observed, outcomes);
    let mut found = Vec::new();
    for (path, file) in &project.files {
        if !within_file(&facts.only, path) {
            continue;
        }
        let spots = code::spots(&file.source);
        let offsets: Vec<usize> =
            spots.iter().map(|spot| spot.mark).collect::<BTreeSet<_>>().into_iter().collect();
        let mut read: BTreeMap<&str, f64> = BTreeMap::new();
        let from = found.len();
        for spot in &spots {
            let mark = offsets.binary_search(&spot.mark).unwrap_or(usize::MAX);
            let (of_failing, of_passing) = counts.get(&(path.as_str(), mark)).copied().unwrap_or_default();
            let mut score =
                if of_failing > 0.0 { of_failing / (failed * (of_failing + of_passing)).sqrt() } else { 0.0 };
            let at = raised.iter().position(|error| {
                error.file == *path && {
                    let line = first_line(spot.node);
                    !spot.is_header
                        && line <= error.line
                        && error.line <= crate::syntax::last_line(spot.node)
                        && is_innermost(&spots, spot, error.line)
                }
            });
            if at.is_some() {
                score = score.max(0.5);
            } else if raised.iter().any(|error| {
                error.frames.iter().any(|(file, line)| {
                    file == path
                        && !spot.is_header
                        && first_line(spot.node) <= *line
                        && *line <= crate::syntax::last_line(spot.node)
                })
            }) {
                score = score.max(0.25);
            }
            if spot.is_header {
                score *= 0.9;
            }
            if score >= LEAST {
                for node in code::own_nodes(&file.source, spot) {
                    if node.kind() == "identifier" {
                        let known = read.entry(file.source.of(node)).or_default();
                        *known = known.max(score);
                    }
                }
                found.push(Ranked { file, spot: *spot, score, raised: at });
            }
        }
        // Values of the module are as suspicious as what uses them, but a little less.
        let known: HashSet<usize> = found[from..].iter().map(|ranked| ranked.spot.node.id()).collect();
        for spot in spots
            .iter()
            .filter(|spot| spot.function.is_none() && !spot.is_header && !known.contains(&spot.node.id()))
        {
            let names = code::declared(&file.source, spot.node);
            let score = names
                .iter()
                .filter_map(|name| read.get(file.source.of(*name)))
                .fold(0.0f64, |a, b| a.max(*b))
                * 0.7;
            if score >= LEAST {
                found.push(Ranked { file, spot: *spot, score, raised: None });
            }
        }
        // Where nothing could be measured, everything that is loaded is suspicious.
        if counts.is_empty() && raised.is_empty() && observed.loaded.contains(path) {
            found.extend(spots.iter().map(|spot| Ranked { file, spot: *spot, score: 0.3, raised: None }));
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

fn is_innermost(spots: &[Spot<'_>], spot: &Spot<'_>, line: u32) -> bool {
    code::spot_at(spots, line).is_some_and(|inner| {
        inner.node == spot.node
            || (code::contains(spot.node, inner.node) && first_line(spot.node) == first_line(inner.node))
            || (code::contains(inner.node, spot.node))
    })
}

/// An error of the program itself that fails tests.
struct RaisedAt {
    class: String,
    message: String,
    file: String,
    line: u32,
    frames: Vec<(String, u32)>,
}

/// The errors that failing tests met in the program, each once.
fn raised_at(observed: &Observed, outcomes: &Outcomes) -> Vec<RaisedAt> {
    let tests =
        observed.tests.iter().filter(|ran| outcomes.holds(&ran.test)).filter_map(|ran| ran.error.as_ref());
    let broken = observed.broken.iter().filter_map(|broken| broken.error.as_ref());
    let mut found: Vec<RaisedAt> = Vec::new();
    for raised in tests.chain(broken).flatten() {
        let mut own = raised.frames.iter().filter_map(|(file, line, _)| Some((file.clone()?, *line)));
        let Some((file, line)) = own.next() else { continue };
        if is_test(&file) || found.iter().any(|known| known.file == file && known.line == line) {
            continue;
        }
        let frames = own.collect();
        found.push(RaisedAt {
            class: raised.kind.clone(),
            message: raised.message.clone(),
            file,
            line,
            frames,
        });
    }
    found
}

/// A candidate with its place.
struct Candidate<'a> {
    ranked: Ranked<'a>,
    draft: Draft,
    text: String,
    score: f64,
}

struct Search<'a> {
    bench: &'a Bench,
    project: &'a Project,
    checkout: &'a std::path::Path,
    ends: Instant,
    patience: Duration,
    outcomes: &'a Outcomes,
    raised: Vec<RaisedAt>,
    validated: u32,
    found: Vec<Found>,
    partial: Vec<(usize, Found)>,
    cut: Option<String>,
}

impl<'a> Search<'a> {
    fn run(&mut self, ranked: &[Ranked<'a>]) -> Result<(), RepairError> {
        let mut seen: HashSet<(String, String)> = HashSet::new();
        for turn in ranked.chunks(TOGETHER).take(TURNS) {
            let mut made = self.candidates(turn, &mut seen);
            let left = self.bench.candidates.saturating_sub(self.validated as usize);
            if made.len() > left {
                made.truncate(left);
                self.cut = Some("budget".to_owned());
            }
            self.attempt(&made)?;
            if !self.found.is_empty() || self.cut.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn candidates(&self, places: &[Ranked<'a>], seen: &mut HashSet<(String, String)>) -> Vec<Candidate<'a>> {
        let mut made = Vec::new();
        for ranked in places {
            let place = || Place::new(ranked.file, ranked.spot);
            let mut drafts: Vec<(Draft, f64)> = Vec::new();
            if let Some(error) = ranked.raised.and_then(|at| self.raised.get(at)) {
                let error = Error { class: &error.class, message: &error.message };
                let known = crash::of(place(), error, &self.project.exports);
                // What is known about an error is worth more than where it was raised.
                drafts.extend(known.into_iter().map(|draft| (draft, ranked.score.max(0.9))));
            }
            drafts.extend(place().drafts().into_iter().map(|draft| (draft, ranked.score)));
            for (draft, level) in drafts {
                made.extend(self.candidate(ranked, draft, level));
            }
        }
        made.sort_by(|a, b| b.score.total_cmp(&a.score));
        made.retain(|one| seen.insert((one.ranked.file.path.clone(), one.text.clone())));
        made
    }

    fn candidate(&self, ranked: &Ranked<'a>, draft: Draft, level: f64) -> Option<Candidate<'a>> {
        let file = ranked.file;
        let edits: Vec<Edit> = draft
            .edits
            .iter()
            .map(|(start, end, text)| Edit {
                file: file.path.clone(),
                start: *start,
                end: *end,
                text: text.clone(),
            })
            .collect();
        let text = apply(file.source.text(), &edits)?;
        let parsed = code::parse(&file.path, &text)
            .filter(|parsed| !parsed.is_broken() && text != file.source.text())?;
        drop(parsed);
        let score = draft.prior * level;
        Some(Candidate { ranked: *ranked, draft, text, score })
    }

    fn attempt(&mut self, made: &[Candidate<'a>]) -> Result<(), RepairError> {
        let changed: Vec<Option<Changed>> = made
            .iter()
            .map(|one| {
                let path = &one.ranked.file.path;
                let text = if code::is_typed(path) { untyped(path, &one.text)? } else { one.text.clone() };
                Some(Changed { file: path.clone(), text })
            })
            .collect();
        let kept: Vec<usize> = (0..made.len()).filter(|at| changed[*at].is_some()).collect();
        let orders: Vec<Changed> = changed.into_iter().flatten().collect();
        if orders.is_empty() {
            return Ok(());
        }
        let time = self.ends.saturating_duration_since(Instant::now());
        let passing = self.passing();
        let trial = Trial {
            failing: &self.outcomes.failing,
            passing: &passing,
            time,
            patience: self.patience,
            after: AFTER,
            plausible: PLAUSIBLE,
        };
        let tried = match driver::attempt(self.bench, self.checkout, &self.project.program, &orders, &trial) {
            Err(RepairError::Driver { .. }) => {
                self.cut = Some("trouble".to_owned());
                return Ok(());
            }
            other => other?,
        };
        self.validated += u32::try_from(tried.said.len()).unwrap_or(u32::MAX);
        for (at, said) in kept.into_iter().zip(&tried.said) {
            let one = &made[at];
            match said.strip_prefix('F').and_then(|number| number.parse::<usize>().ok()) {
                Some(mended) if mended > 0 => self.partial.push((mended, one.found(at))),
                Some(_) => {}
                None if said == "P" => self.found.push(one.found(at)),
                None => {}
            }
        }
        if self.found.is_empty() && tried.said.len() < orders.len() {
            self.cut = Some("time".to_owned());
        }
        Ok(())
    }

    /// Passing tests by the files that they run.
    fn passing(&self) -> BTreeMap<String, Vec<String>> {
        let some: Vec<String> = self.outcomes.passing.iter().take(PASSING).cloned().collect();
        self.project.files.keys().map(|path| (path.clone(), some.clone())).collect()
    }

    fn told(self, observed: &Observed, ranked: &[Ranked<'a>]) -> Sought {
        let failing = self
            .outcomes
            .failing
            .iter()
            .filter_map(|test| {
                let ran =
                    observed.tests.iter().find(|ran| ran.test == *test).and_then(|ran| ran.error.clone());
                let broken = observed
                    .broken
                    .iter()
                    .find(|broken| broken.file == *test)
                    .and_then(|broken| broken.error.clone());
                Some(Failing { test: test.clone(), chain: ran.or(broken)? })
            })
            .collect();
        let suspects = ranked
            .iter()
            .filter(|one| !one.spot.is_header)
            .take(TOLD)
            .map(|one| Suspicious {
                file: one.file.path.clone(),
                line: first_line(one.spot.node),
                function: one
                    .spot
                    .function
                    .map_or("", |function| name_of(&one.file.source, function))
                    .to_owned(),
                statement: headline(&one.file.source, one.spot.node),
                score: (one.score * 1000.0).round() / 1000.0,
            })
            .collect();
        let mut partial = self.partial;
        partial.sort_by_key(|(mended, _)| std::cmp::Reverse(*mended));
        Sought {
            tests: self.outcomes.failing.len() + self.outcomes.passing.len(),
            failing,
            others_failing: self.outcomes.others.clone(),
            suspects,
            plausible: self.found,
            partial: partial.into_iter().take(3).map(|(_, found)| found).collect(),
            validated: self.validated,
            pairs: 0,
            cut: self.cut,
            problem: None,
            by_command: false,
            is_searched: true,
        }
    }
}

impl Candidate<'_> {
    fn found(&self, number: usize) -> Found {
        let source = &self.ranked.file.source;
        Found {
            file: self.ranked.file.path.clone(),
            edits: self.draft.edits.clone(),
            family: self.draft.family.to_owned(),
            why: self.draft.why.clone(),
            line: first_line(self.ranked.spot.node),
            statement: headline(source, self.ranked.spot.node),
            score: self.score,
            group: number,
            differs: None,
        }
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
