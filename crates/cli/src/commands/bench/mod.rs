//! `bench`: how well this program repairs, measured on a folder of cases as a user would call it, and how fast its task
//! engine is.
//!
//! Each case is laid out as a repository of its own in a temporary folder, and `fix` works on it as on any other. Whether the
//! fix is right is told by a check that lies outside the repository.
//!
//! | file | what |
//! | --- | --- |
//! | `case` | cases as data |
//! | `judge` | running their tests and checks |
//! | `package` | released packages as programs of cases |
//! | `figures` | rows and figures |
//! | `queue` | how fast the task engine is |
//! | `chaos/` | whether it keeps its promises when its processes are killed |

mod case;
pub(crate) mod chaos;
mod figures;
mod idle;
mod judge;
mod package;
mod queue;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use groundcrew_core::contract::Effort;
use groundcrew_workbench::git::{Expected, Repository};
use serde::Serialize;

use super::fix;
use super::up;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, sandbox};
use crate::options::{Bench, BenchAction, Fix, Place, RepairBench, Words};
use crate::signals::Signals;
use crate::table::Table;
use case::Case;
use figures::{Figures, Row, Share};
use judge::Judge;

/// What was measured.
#[derive(Serialize)]
struct Measured<'a> {
    /// One row for each case.
    cases: &'a [Row],
    /// Over all of them.
    figures: Figures,
}

/// What is wrong with cases.
#[derive(Serialize)]
struct Checked {
    /// How many were looked at.
    cases: usize,
    /// Name of each unsound case, with what is wrong.
    unsound: Vec<(String, String)>,
}

/// Measures.
pub(super) fn run(options: &Bench, at: &Invocation) -> Result<Done, Failure> {
    let signals = Signals::watch()?;
    match &options.action {
        BenchAction::Repair(options) => repair(options, at, &signals),
        BenchAction::Queue(options) => queue::run(options, at, &signals),
        BenchAction::Chaos(options) => chaos::run(options, at, &signals),
    }
}

/// Measures repairs, or checks the cases.
fn repair(options: &RepairBench, at: &Invocation, signals: &Signals) -> Result<Done, Failure> {
    let cases = wanted(case::read(&options.folder)?, &options.names)?;
    let judge = Judge::new(sandbox().map_err(|problem| up::no_sandbox(at, &problem))?, options.fetch)?;
    let work = Work { options, at, judge: &judge, signals };
    if options.check { work.check(&cases) } else { work.measure(&cases) }
}

/// The cases of which the name or the kind contains one of the words; all without words.
fn wanted(cases: Vec<Case>, words: &[String]) -> Result<Vec<Case>, Failure> {
    let fits = |case: &Case| {
        let has = |word: &String| case.name.contains(word.as_str()) || case.said.kind.contains(word.as_str());
        words.is_empty() || words.iter().any(has)
    };
    let wanted: Vec<Case> = cases.into_iter().filter(fits).collect();
    if wanted.is_empty() {
        return Err(Failure::new(Kind::NotFound, format!("no case is called {}", words.join(" or "))));
    }
    Ok(wanted)
}

struct Work<'a> {
    options: &'a RepairBench,
    at: &'a Invocation,
    judge: &'a Judge,
    signals: &'a Signals,
}

impl Work<'_> {
    /// Repairs all cases and prints what came of it.
    fn measure(&self, cases: &[Case]) -> Result<Done, Failure> {
        let rows = self.each(cases, |case| self.repair(case))?;
        if let Some(done) = self.signals.received() {
            return Ok(done);
        }
        let figures = Figures::of(&rows);
        if self.at.out.is_json() {
            self.at.out.document(&Measured { cases: &rows, figures })?;
        } else {
            self.at.out.lines(figures::table(&rows))?;
            self.at.out.line("")?;
            self.at.out.lines(figures.lines())?;
            let by_language = Figures::by_language(&rows);
            if !by_language.is_empty() {
                self.at.out.line("")?;
                self.at.out.lines(by_language)?;
            }
        }
        Ok(Done::Clean)
    }

    /// Says which cases are unsound.
    fn check(&self, cases: &[Case]) -> Result<Done, Failure> {
        let found = self.each(cases, |case| {
            let folder = temporary()?;
            Ok(self.judge.unsound(case, folder.path())?.map(|problem| (case.name.clone(), problem)))
        })?;
        if let Some(done) = self.signals.received() {
            return Ok(done);
        }
        let unsound: Vec<(String, String)> = found.into_iter().flatten().collect();
        let done = if unsound.is_empty() { Done::Clean } else { Done::NotClean };
        if self.at.out.is_json() {
            self.at.out.document(&Checked { cases: cases.len(), unsound })?;
            return Ok(done);
        }
        let mut table = Table::bare();
        for (name, problem) in &unsound {
            table.row([escape::line(name), escape::lines(problem)]);
        }
        self.at.out.lines(table.lines())?;
        self.at.out.line(format!("{} of {} cases are sound", cases.len() - unsound.len(), cases.len()))?;
        Ok(done)
    }

    /// Works all cases, as many at a time as were asked for; the results are in the order of the cases.
    fn each<T: Send>(
        &self,
        cases: &[Case],
        work: impl Fn(&Case) -> Result<T, Failure> + Sync,
    ) -> Result<Vec<T>, Failure> {
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Result<T, Failure>)>> = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.options.jobs {
                scope.spawn(|| {
                    while self.signals.received().is_none() {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(case) = cases.get(index) else { break };
                        let result = work(case);
                        done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, result));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// Repairs one case. What goes wrong with one is told in its row, and the others go on.
    fn repair(&self, case: &Case) -> Result<Row, Failure> {
        let mut row = self.once(case);
        let again: Vec<Row> = (1..self.options.repeat)
            .take_while(|_| self.signals.received().is_none())
            .map(|_| self.once(case))
            .collect();
        if !again.is_empty() {
            let count = again.iter().filter(|other| !other.is_as(&row)).count();
            row.differing = Some(Share { count, of: again.len() });
            row.effort.cut_by_clock |= again.iter().any(|other| other.effort.cut_by_clock);
        }
        let grade = row.grade.map(|grade| format!(" grade {grade}")).unwrap_or_default();
        let right = row.correct.map_or("", |right| if right { ", right" } else { ", wrong" });
        let outcome = row.outcome.replace('_', " ");
        self.at.out.note(format!(
            "{}: {outcome}{grade}{right} in {:.1} s",
            escape::line(&row.name),
            row.seconds
        ));
        match row.differing {
            Some(Share { count: 0, of }) => {
                self.at.out.note(format!("  all {} runs came to the same", of + 1));
            }
            Some(Share { count, of }) => {
                let name = escape::line(&row.name);
                self.at.out.warn(format!("{name}: {count} of {of} more runs came to something else"));
            }
            None => {}
        }
        Ok(row)
    }

    /// One run of a case, whatever goes wrong.
    fn once(&self, case: &Case) -> Row {
        let began = Instant::now();
        self.attempt(case).unwrap_or_else(|failure| Row {
            seconds: began.elapsed().as_secs_f64(),
            ..empty(case, "failed", failure.message)
        })
    }

    fn attempt(&self, case: &Case) -> Result<Row, Failure> {
        let folder = temporary()?;
        let repository = self.judge.lay_out(case, &folder.path().join("repository"))?;
        let log = folder.path().join("app.log");
        let logged = self.judge.log(case, &repository)?;
        if let Some(text) = &logged {
            std::fs::write(&log, text).map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
        }
        let options = Fix {
            error: logged.map(|_| log),
            from: None,
            test: case.said.test.as_deref().and_then(shlex::split).map(Words),
            files: Vec::new(),
            budget: Some(self.options.budget),
            max_candidates: self.options.max_candidates,
            place: Place { repo: Some(repository.top().to_owned()), tests: Vec::new() },
        };
        let Some(report) = fix::attempt(&options, &self.at.silently(), self.signals)? else {
            return Ok(empty(case, "failed", "it was interrupted".to_owned()));
        };
        let correct = match &report.commit {
            Some(commit) => self.judge.is_right(case, &repository, commit, &folder.path().join("fixed"))?,
            None => None,
        };
        if let (Some(branch), Some(_)) = (&report.branch, &case.said.repository) {
            take_back(&repository, branch)?;
        }
        Ok(Row {
            name: case.name.clone(),
            language: case.language(),
            kind: case.said.kind.clone(),
            outcome: report.outcome,
            grade: report.grade,
            correct,
            strategy: report.strategy.clone(),
            change: report.kind,
            explanation: report.told(),
            effort: report.effort,
            seconds: report.seconds,
            diff: report.diff,
            differing: None,
        })
    }
}

/// A repository that is not ours to keep branches in is left as it was.
fn take_back(repository: &Repository, branch: &str) -> Result<(), Failure> {
    let name = format!("refs/heads/{branch}");
    if let Some(sha) = repository.ref_sha(&name)? {
        repository.delete_ref(&name, &Expected::At(sha))?;
    }
    Ok(())
}

fn empty(case: &Case, outcome: &'static str, explanation: String) -> Row {
    Row {
        name: case.name.clone(),
        language: case.language(),
        kind: case.said.kind.clone(),
        outcome,
        grade: None,
        correct: None,
        strategy: None,
        change: None,
        explanation,
        effort: Effort::default(),
        seconds: 0.0,
        diff: None,
        differing: None,
    }
}

fn temporary() -> Result<tempfile::TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("groundcrew-bench-").tempdir();
    made.map_err(|error| Failure::new(Kind::Failed, format!("cannot make a temporary folder: {error}")))
}
