//! `fix`: repairs one error of any repository, with the evidence, without a crew that keeps running.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use groundcrew_core::contract::task_type::{CLASSIFY_ERROR, FIX_BUG, PUBLISH_FIX, VERIFY_FIX};
use groundcrew_core::contract::{
    Candidate, Classification, ClassifyErrorResult, Effort, FixBugResult, PublishFixContext, Reproduction,
    RootCause,
};
use groundcrew_core::evidence::{ChangeKind, Grade};
use groundcrew_core::incident::Category;
use groundcrew_core::role::Role;
use groundcrew_core::task::{Status, Task};
use groundcrew_crew::agent::NOT_STARTED;
use groundcrew_crew::config::{Config, FILE_NAME};
use groundcrew_logs::{Pipe, Record, Redactor, Scan, ScanError, ScanOptions, scan};
use groundcrew_workbench::git::Repository;
use serde::Serialize;
use serde_json::{Value, json};

use crate::escape;
use crate::evidence::{Evidence, patch_lines, short};
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::oneshot::{OneShot, take_tests};
use crate::options::Fix;
use crate::output::Style;
use crate::page::{self, Kept, Suspected, Told};
use crate::signals::Signals;
use crate::table::Table;

/// Bytes at the end of a log that are read; an error further up is not the last one.
const TAIL: u64 = 8 * 1024 * 1024;

/// Longest text of a fact, in characters.
const CELL: usize = 160;

/// Uncommitted paths that are named.
const NAMED: usize = 3;

/// Suspects and candidates that are shown where there is no fix.
const SHOWN: usize = 5;

/// What came of it.
#[derive(Serialize)]
pub(super) struct Report {
    /// `fixed`, `draft` or `not_fixed`.
    pub(super) outcome: &'static str,
    /// The error, in one line.
    error: String,
    /// What triage decided.
    classification: Option<serde_json::Value>,
    /// The branch.
    pub(super) branch: Option<String>,
    /// Its last commit.
    pub(super) commit: Option<String>,
    /// The commit that was repaired.
    base: Option<String>,
    /// Where the evidence lies.
    evidence: Option<Kept>,
    /// What was shown.
    shown: Option<Evidence>,
    /// The change.
    pub(super) diff: Option<String>,
    /// Why there is no fix.
    reason: Option<String>,
    /// What the checks make of it.
    pub(super) grade: Option<Grade>,
    /// What it does about the defect.
    pub(super) kind: Option<ChangeKind>,
    /// Which strategy made it.
    pub(super) strategy: Option<String>,
    /// Where the defect is, as far as it is known.
    root_cause: Option<RootCause>,
    /// How the error is made to happen again.
    reproduction: Option<Reproduction>,
    /// What may hold the defect, likeliest first: statements, then commits.
    suspects: Vec<Suspected>,
    /// What was run and what became of it, best first.
    tried: Vec<Candidate>,
    /// Paths of the checkout that differ from its commit, which is what is repaired.
    uncommitted: Vec<String>,
    /// Where there is no fix: what a person could say that would help most.
    question: Option<String>,
    /// How much the search did.
    pub(super) effort: Effort,
    /// Wall clock of all of it, in seconds.
    pub(super) seconds: f64,
}

impl Report {
    fn told_on_page(&self) -> Told<'_> {
        Told {
            verb: "fix",
            outcome: self.outcome,
            error: &self.error,
            branch: self.branch.as_deref(),
            base: self.base.as_deref(),
            commit: self.commit.as_deref(),
            grade: self.grade,
            reason: self.reason.as_deref(),
            question: self.question.as_deref(),
            uncommitted: &self.uncommitted,
            shown: self.shown.as_ref(),
            diff: self.diff.as_deref(),
        }
    }

    /// What the fix does, or why there is none.
    pub(super) fn told(&self) -> String {
        let does = self.shown.as_ref().map(|shown| shown.explanation.clone());
        does.or_else(|| self.reason.clone()).unwrap_or_default()
    }
}

/// Repairs an error.
pub(super) fn run(options: &Fix, at: &Invocation) -> Result<Done, Failure> {
    let signals = Signals::watch()?;
    let Some((work, mut report)) = repair(options, at, &signals)? else {
        return Ok(signals.received().unwrap_or(Done::NotFixed));
    };
    report.evidence = kept(at, &work, &report.told_on_page());
    tell(at, &report)
}

/// Writes the page; what was worked for is not lost where that cannot be done.
pub(super) fn kept(at: &Invocation, work: &OneShot, told: &Told<'_>) -> Option<Kept> {
    page::write(at, work, told)
        .map_err(|failure| {
            let problem = escape::line(&failure.message);
            at.out.warn(format!("there is no page with the evidence: {problem}"));
        })
        .ok()
}

/// Repairs an error and says what came of it, without printing; none if a signal ended it.
///
/// # Errors
/// What it starts from cannot be read, or there is no repository or no sandbox.
pub(super) fn attempt(options: &Fix, at: &Invocation, signals: &Signals) -> Result<Option<Report>, Failure> {
    Ok(repair(options, at, signals)?.map(|(_, report)| report))
}

/// As [`attempt`], with the crew that did it.
fn repair(options: &Fix, at: &Invocation, signals: &Signals) -> Result<Option<(OneShot, Report)>, Failure> {
    let began = Instant::now();
    let error = options.log().map(|path| last_error(path)).transpose()?;
    let folder = options.place.repo.clone().unwrap_or_else(|| ".".into());
    let work = OneShot::new(at, &folder, |config, repository| adjust(config, repository, options))?;
    let uncommitted = uncommitted(at, work.repository());
    let repair = |context: Value| work.work(FIX_BUG, Role::Developer, context, signals);
    let mut done = match &error {
        Some(error) => work.work(CLASSIFY_ERROR, Role::Triage, json!(error), signals)?,
        None => repair(json!({ "from_tests": true }))?,
    };
    if let (Done::Clean, Some(error), true) = (done, &error, is_worth_a_try(&work)?) {
        done = repair(json!(error))?;
    }
    if let Done::Signal(_) = done {
        return Ok(None);
    }
    not_started(&work, options)?;
    let report = report(&work, error.as_ref().map(|error| error.error.as_str()))?;
    Ok(Some((work, Report { uncommitted, seconds: began.elapsed().as_secs_f64(), ..report })))
}

/// What the checkout has beyond its commit, which is said before anything is done: only the commit is repaired.
fn uncommitted(at: &Invocation, repository: &Repository) -> Vec<String> {
    let paths = match repository.uncommitted() {
        Ok(paths) => paths,
        Err(error) => {
            let problem = escape::brief(&error.to_string(), CELL);
            at.out.warn(format!(
                "uncommitted changes are not seen, and whether there are any is not known: {problem}"
            ));
            return Vec::new();
        }
    };
    // Settings are read from the checkout.
    let paths: Vec<String> = paths.into_iter().filter(|path| path != FILE_NAME).collect();
    if !paths.is_empty() {
        let named: Vec<String> = paths.iter().take(NAMED).map(|path| escape::brief(path, CELL)).collect();
        let more = match paths.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        at.out.warn(format!(
            "the checkout has uncommitted changes, which are not seen: {}{more}; the last commit is repaired",
            named.join(", ")
        ));
    }
    paths
}

/// Whether code may cure what triage would leave to a person: somebody asks for it here, and the error was raised in their
/// code by data or by a file that it could have been prepared for.
fn is_worth_a_try(work: &OneShot) -> Result<bool, Failure> {
    if work.last(FIX_BUG)?.is_some() {
        return Ok(false);
    }
    let judged = classification(work)?;
    Ok(judged.is_some_and(|judged| {
        let curable = match judged.category {
            Category::Config | Category::Data | Category::UserError | Category::Unknown => true,
            Category::CodeBug
            | Category::Regression
            | Category::Dependency
            | Category::Infrastructure
            | Category::Resource
            | Category::Security
            | Category::Flaky => false,
        };
        curable && judged.in_app_frame.is_some()
    }))
}

/// Ends with what is wrong with the test command that was named here, where its program is not there.
fn not_started(work: &OneShot, options: &Fix) -> Result<(), Failure> {
    let reason = if options.tests().is_empty() { String::new() } else { work.reason()? };
    match reason.split_once(NOT_STARTED) {
        Some((program, _)) => {
            let program = escape::brief(program.trim(), CELL);
            let problem = format!("the tests cannot be run: {program} {NOT_STARTED}");
            Err(Failure::new(Kind::Usage, problem).hint("install it, or name another command with --test"))
        }
        None => Ok(()),
    }
}

fn classification(work: &OneShot) -> Result<Option<Classification>, Failure> {
    let triaged = work.last(CLASSIFY_ERROR)?.and_then(|task| task.result);
    let triaged = triaged.and_then(|result| serde_json::from_value::<ClassifyErrorResult>(result).ok());
    Ok(triaged.map(|result| result.classification))
}

/// What the command line says counts over the settings.
fn adjust(config: &mut Config, repository: &Repository, options: &Fix) -> Result<(), Failure> {
    take_tests(config, options.tests());
    if let Some(budget) = options.budget {
        config.change.time = budget;
    }
    if let Some(most) = options.max_candidates {
        config.change.max_candidates = most;
    }
    if !options.files.is_empty() {
        let beneath = options.files.iter().map(|path| beneath(repository, path));
        config.change.only = beneath.collect::<Result<_, _>>()?;
    }
    Ok(())
}

/// A path as the repository names it: taken from the current folder where it is there, else from the top.
fn beneath(repository: &Repository, path: &Path) -> Result<String, Failure> {
    let found =
        [path.to_owned(), repository.top().join(path)].iter().find_map(|path| path.canonicalize().ok());
    let inside = found.as_ref().and_then(|found| found.strip_prefix(repository.top()).ok());
    inside.map(|inside| inside.to_string_lossy().into_owned()).ok_or_else(|| {
        let top = repository.top().display();
        Failure::new(Kind::NotFound, format!("there is no {} in {top}", path.display()))
            .hint("name files or folders of the repository")
    })
}

/// An error of a log, under the names that tasks have for it.
#[derive(Serialize)]
pub(super) struct Logged {
    /// Its text.
    pub(super) error: String,
    /// Lines that were logged just before it, oldest first.
    pub(super) before: Vec<String>,
}

/// The last error of a log, or the whole text where it holds no record but a stack trace.
///
/// # Errors
/// The file cannot be read, or there is no error in it.
pub(super) fn last_error(path: &Path) -> Result<Logged, Failure> {
    let unreadable =
        |error: String| Failure::new(Kind::Failed, format!("cannot read {}: {error}", path.display()));
    // The store takes secrets out again under its own key; this key only keeps them off the way there.
    let options = ScanOptions { flush: true, max_bytes: TAIL, ..ScanOptions::new(Redactor::new(&[0; 32])) };
    let read = if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().take(TAIL).read_to_end(&mut text).map_err(|error| unreadable(error.to_string()))?;
        of_bytes(&text, &options)
    } else {
        groundcrew_logs::readable(path).map_err(|error| {
            let kind = if path.exists() { Kind::Failed } else { Kind::NotFound };
            Failure::new(kind, error.to_string())
        })?;
        match std::fs::metadata(path) {
            Ok(file) if file.len() <= TAIL => scan(path, None, &options),
            Ok(_) | Err(_) => {
                let text = tail(path).map_err(|error| unreadable(error.to_string()))?;
                of_bytes(&text, &options)
            }
        }
    };
    let read = read.map_err(|error| unreadable(error.to_string()))?;
    let traced = |record: &&Record| record.trace.is_some();
    let last = read.records.iter().rev().find(traced);
    let last = last.or_else(|| read.records.iter().rev().find(|record| record.is_error()));
    let logged = |record: &Record| Logged {
        error: record.text.clone(),
        before: record.context.iter().map(str::to_owned).collect(),
    };
    last.map(logged).ok_or_else(|| {
        Failure::new(Kind::NotFound, format!("there is no error in {}", path.display()))
            .hint("give a log that holds the error, or its stack trace")
    })
}

/// What a log of these bytes holds; they stay in memory, since they may hold secrets.
fn of_bytes(bytes: &[u8], options: &ScanOptions) -> Result<Scan, ScanError> {
    let failed = |source| ScanError::Io { path: PathBuf::from("-"), source };
    let mut pipe = Pipe::new(None).map_err(failed)?;
    pipe.push(bytes);
    pipe.end();
    pipe.scan(None, options)
}

fn tail(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    if from > 0 {
        // The first line is a part of one.
        let start = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.drain(..start);
    }
    Ok(bytes)
}

/// An error in one line.
fn headline(error: &str) -> String {
    groundcrew_logs::trace::parse(error)
        .and_then(|trace| Some(format!("{}: {}", trace.exception?, trace.message.unwrap_or_default())))
        .unwrap_or_else(|| error.lines().next().unwrap_or_default().to_owned())
}

/// What the developer found: its fix, else what it knows without one.
fn found(work: &OneShot) -> Result<Option<FixBugResult>, Failure> {
    let task = work.last(FIX_BUG)?.and_then(|task| task.result);
    Ok(task.and_then(|result| serde_json::from_value(result).ok()))
}

fn report(work: &OneShot, error: Option<&str>) -> Result<Report, Failure> {
    let found = found(work)?;
    let title = match error {
        Some(error) => headline(error),
        None => failing_title(work)?,
    };
    let fix = found.as_ref().and_then(|found| found.fix.as_ref());
    let tried = fix.map(|fix| &fix.candidates).or(found.as_ref().map(|found| &found.tried));
    let cause = found.as_ref().and_then(|found| found.root_cause.clone());
    let mut report = Report {
        outcome: "not_fixed",
        error: title,
        classification: classification(work)?.map(|judged| json!(judged)),
        branch: None,
        commit: None,
        base: found.as_ref().and_then(|found| found.fix.as_ref()).map(|fix| fix.base_sha.clone()),
        evidence: None,
        shown: None,
        diff: None,
        reason: None,
        grade: None,
        kind: None,
        strategy: None,
        root_cause: cause.clone().map(|cause| RootCause { ranked: Vec::new(), ..cause }),
        reproduction: found.as_ref().and_then(|found| found.reproduction.clone()),
        suspects: page::suspects(
            cause.as_ref(),
            found.as_ref().map(|found| found.suspects.as_slice()).unwrap_or_default(),
        ),
        uncommitted: Vec::new(),
        tried: tried.cloned().unwrap_or_default(),
        question: None,
        effort: found.as_ref().map(|found| found.effort).unwrap_or_default(),
        seconds: 0.0,
    };
    let published = work.last(PUBLISH_FIX)?.filter(|task: &Task| task.status == Status::Blocked);
    let Some(task) = published else {
        let doubt = classification(work)?.and_then(|judged| judged.not_fixable_reason);
        let reason = work.reason()?;
        let doubt = doubt.filter(|doubt| *doubt != reason);
        report.reason = Some(doubt.map_or_else(|| reason.clone(), |doubt| format!("{doubt}; {reason}")));
        report.question = found.as_ref().and_then(question);
        if report.base.is_none() {
            report.base = Some(work.repository().head()?.commit.to_string());
        }
        return Ok(report);
    };
    let context: PublishFixContext = serde_json::from_value(task.context.clone())
        .map_err(|error| Failure::new(Kind::Failed, format!("the fix cannot be read: {error}")))?;
    let evidence = Evidence::of(work.store(), &task)?;
    let draft = evidence.as_ref().and_then(|evidence| evidence.grade).is_none_or(Grade::is_draft);
    report.outcome = if draft { "draft" } else { "fixed" };
    report.diff = match &evidence {
        Some(evidence) => Some(evidence.diff(&work.project()?)?.patch),
        None => None,
    };
    report.branch = Some(context.branch);
    report.commit = Some(context.head_sha);
    report.grade = evidence.as_ref().and_then(|evidence| evidence.grade);
    report.kind = evidence.as_ref().map(|evidence| evidence.kind);
    report.strategy = evidence.as_ref().map(|evidence| evidence.strategy.clone());
    report.shown = evidence;
    Ok(report)
}

/// The error of the failing tests, in one line; what the developer handed on names it.
fn failing_title(work: &OneShot) -> Result<String, Failure> {
    let verified = work.last(VERIFY_FIX)?;
    let title = verified.as_ref().and_then(|task| task.context.pointer("/dossier/title")?.as_str());
    Ok(title.unwrap_or("the failing tests").to_owned())
}

fn tell(at: &Invocation, report: &Report) -> Result<Done, Failure> {
    if at.out.is_json() {
        at.out.document(report)?;
    } else {
        print(at, report)?;
    }
    Ok(match report.outcome {
        "fixed" => Done::Clean,
        "draft" => Done::NotClean,
        _ => Done::NotFixed,
    })
}

/// Where a page lies.
pub(super) fn place(kept: &Kept) -> String {
    format!("evidence: {} (.md and .json beside it)", escape::line(&kept.html.to_string_lossy()))
}

/// What is known where there is no fix: enough for a person to go on from.
fn without_fix(report: &Report) -> Vec<String> {
    let mut table = Table::bare();
    let mut fact = |name: &str, value: String| table.row([name.to_owned(), value]);
    if let Some(found) = &report.reproduction {
        fact("reproduced by", escape::brief(&found.call, CELL));
    }
    if let Some(cause) = &report.root_cause {
        // A command that fails may point at no statement at all.
        if !cause.file.is_empty() {
            let place = format!("{}:{}", cause.file, cause.line);
            fact("look at", escape::brief(&format!("{place}: {}", cause.statement), CELL));
        }
        fact("because", escape::brief(&cause.why, CELL));
    }
    let statements = report.suspects.iter().filter(|suspect| matches!(suspect, Suspected::Statement(_)));
    let commits = report.suspects.iter().filter(|suspect| matches!(suspect, Suspected::Commit(_)));
    for suspect in statements.take(SHOWN).chain(commits.take(SHOWN)) {
        let told = match suspect {
            Suspected::Statement(found) => {
                format!(
                    "{}:{}: {} ({:.2}: {})",
                    found.file, found.line, found.statement, found.score, found.reason
                )
            }
            Suspected::Commit(found) => {
                format!("{} \"{}\": {}", short(&found.sha), found.subject, found.evidence)
            }
        };
        fact("suspect", escape::brief(&told, CELL));
    }
    if report.effort.validations > 0 {
        fact("tried", format!("{} candidates; of these", report.effort.validations));
    }
    for candidate in report.tried.iter().take(SHOWN) {
        let Candidate { strategy, explanation, outcome, .. } = candidate;
        fact("", escape::brief(&format!("{strategy}: {explanation}: {outcome}"), CELL));
    }
    if let Some(question) = &report.question {
        fact("question", escape::brief(question, CELL));
    }
    table.lines()
}

/// What a person could say that would help most.
fn question(found: &FixBugResult) -> Option<String> {
    let Some(reproduction) = &found.reproduction else {
        let place = found.root_cause.as_ref().map(|cause| format!(" at {}:{}", cause.file, cause.line));
        return Some(format!(
            "which call, with which values, leads to the error{}?",
            place.unwrap_or_default()
        ));
    };
    Some(match &reproduction.test_id {
        Some(test) => format!("does {test} ask for the right thing, and what has to change for it?"),
        None => format!("what should {} give or do instead of failing?", reproduction.call),
    })
}

fn print(at: &Invocation, report: &Report) -> Result<(), Failure> {
    let heading = |text: &str| at.out.line(at.out.paint(Style::Strong, text));
    let (Some(branch), Some(commit)) = (&report.branch, &report.commit) else {
        heading(&format!("not fixed: {}", escape::brief(&report.error, 160)))?;
        at.out.line(escape::lines(report.reason.as_deref().unwrap_or_default()))?;
        at.out.lines(without_fix(report))?;
        return at.out.lines(report.evidence.as_ref().map(place));
    };
    heading(&format!("{}: {}", report.outcome, escape::brief(&report.error, 160)))?;
    at.out.line(format!("branch {} at {}", escape::line(branch), short(commit)))?;
    if let Some(shown) = &report.shown {
        at.out.lines(shown.lines(&at.out))?;
    }
    if let Some(diff) = &report.diff {
        at.out.lines(patch_lines(&at.out, diff))?;
    }
    at.out.lines(report.evidence.as_ref().map(place))?;
    at.out.line(format!("nothing of yours has changed; `git merge {}` takes it", escape::shell(branch)))
}
