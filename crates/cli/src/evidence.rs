//! What is known about one fix, gathered from the tasks of its workflow, for people and for programs.

use groundcrew_core::contract::{
    Check, Dossier, FixBugResult, Review, ReviewResult, SuiteCount, VerifyFixResult,
};
use groundcrew_core::evidence::{ChangeKind, Grade};
use groundcrew_core::task::{IncidentId, Task, TaskId};
use groundcrew_store::{Project, Store};
use groundcrew_workbench::git::{Diff, Sha};
use serde::Serialize;

use crate::escape;
use crate::failure::Failure;
use crate::invocation::repository;
use crate::output::{Output, Style};
use crate::table::Table;

/// Longest text of one cell, in characters.
const CELL: usize = 160;
/// Lines of one kind that a terminal shows; the page has all.
const TOLD: usize = 3;

/// A fix with everything that was shown about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Evidence {
    /// The task it was taken from.
    pub(crate) task: TaskId,
    /// The incident it is for.
    pub(crate) incident: Option<IncidentId>,
    /// One line about the incident.
    pub(crate) title: String,
    /// Commit that was repaired.
    pub(crate) base: String,
    /// Last commit of the fix: the one that was verified, or the developer's own while nothing is verified.
    pub(crate) commit: String,
    /// The grade, once verified.
    pub(crate) grade: Option<Grade>,
    /// Strategy that made it.
    pub(crate) strategy: String,
    /// What it does about the defect.
    pub(crate) kind: ChangeKind,
    /// What it does, in one sentence.
    pub(crate) explanation: String,
    /// Commit that it undoes.
    pub(crate) reverts: Option<String>,
    /// Which try of the workflow it is.
    pub(crate) round: u32,
    /// The call that makes the error happen again.
    pub(crate) reproduction: Option<String>,
    /// Files it changes.
    pub(crate) files: Vec<String>,
    /// Every executed check.
    pub(crate) checks: Vec<Check>,
    /// The suite before the fix.
    pub(crate) suite_before: Option<SuiteCount>,
    /// The suite with the fix.
    pub(crate) suite_after: Option<SuiteCount>,
    /// Inputs on which behaviour differs.
    pub(crate) behaviour_diff: Vec<String>,
    /// Inputs on which another candidate that passed the same checks behaves differently.
    pub(crate) other_ways: Vec<String>,
    /// Mutants that survived.
    pub(crate) survivors: Vec<String>,
    /// Sandbox level of the runs.
    pub(crate) sandbox: Option<String>,
    /// What the reviewers decided.
    pub(crate) reviews: Vec<Review>,
}

/// The tasks of a workflow that are about the same error as one of them, oldest first; for one that is about none, those
/// that are about none.
///
/// One reading of a log starts the work on many errors: what belongs to one of them must not pass for another's.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn of_same_error(store: &dyn Store, task: &Task) -> Result<Vec<Task>, Failure> {
    let workflow = store.workflow(task.id)?;
    let wanted = error_of(&workflow, task);
    let same = workflow.iter().filter(|other| error_of(&workflow, other) == wanted);
    Ok(same.cloned().collect())
}

/// As [`of_same_error`], but the whole workflow for a task that is about no error, such as the reading of a log.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn of_workflow(store: &dyn Store, task: &Task) -> Result<Vec<Task>, Failure> {
    let workflow = store.workflow(task.id)?;
    if error_of(&workflow, task).is_none() { Ok(workflow) } else { of_same_error(store, task) }
}

/// The error that a task is about: its own, else that of the nearest task that it follows.
fn error_of(workflow: &[Task], task: &Task) -> Option<IncidentId> {
    let mut at = task;
    // Parents are other programs' rows too, so they may form a ring.
    for _ in 0..workflow.len() {
        if at.incident.is_some() {
            return at.incident;
        }
        let found = workflow.binary_search_by_key(&at.parent?, |other| other.id).ok()?;
        at = &workflow[found];
    }
    None
}

impl Evidence {
    /// What a task knows about a fix: of itself, or else of the newest task of its workflow that is about the same error
    /// and knows one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn of(store: &dyn Store, task: &Task) -> Result<Option<Self>, Failure> {
        if let Some(own) = Self::from_task(task) {
            return Ok(Some(own));
        }
        Ok(of_same_error(store, task)?.iter().rev().find_map(Self::from_task))
    }

    fn from_task(task: &Task) -> Option<Self> {
        let dossier = dossier(task);
        let fix = dossier.fix?;
        let verified = dossier.verification.filter(|shown| shown.base_sha == fix.base_sha);
        let commit = verified.as_ref().map_or(&fix.commit_sha, |shown| &shown.head_sha).clone();
        Some(Self {
            task: task.id,
            incident: task.incident,
            title: dossier.title,
            base: fix.base_sha,
            commit,
            grade: verified.as_ref().and_then(|shown| shown.grade),
            strategy: fix.strategy,
            kind: fix.kind,
            explanation: fix.explanation,
            reverts: fix.reverts,
            round: fix.round,
            reproduction: fix.reproduction.map(|reproduction| reproduction.call),
            files: fix.files_changed,
            checks: verified.as_ref().map(|shown| shown.checks.clone()).unwrap_or_default(),
            suite_before: verified.as_ref().and_then(|shown| shown.suite_base.clone()),
            suite_after: verified.as_ref().and_then(|shown| shown.suite_head.clone()),
            other_ways: fix.behaviour_notes.clone(),
            behaviour_diff: verified.as_ref().map(|shown| shown.behaviour_diff.clone()).unwrap_or_default(),
            survivors: verified.as_ref().map(|shown| shown.survivors.clone()).unwrap_or_default(),
            sandbox: verified.map(|shown| shown.sandbox),
            reviews: dossier.reviews,
        })
    }

    /// The change, read from the project's repository.
    ///
    /// # Errors
    /// The repository or one of the commits is gone.
    pub(crate) fn diff(&self, project: &Project) -> Result<Diff, Failure> {
        let repository = repository(project.root.as_ref())?;
        Ok(repository.diff(&Sha::parse(&self.base)?, &Sha::parse(&self.commit)?)?)
    }

    /// For people, without the diff.
    pub(crate) fn lines(&self, out: &Output) -> Vec<String> {
        let mut facts = Table::bare();
        let mut fact = |name: &str, value: String| facts.row([name.to_owned(), value]);
        fact("grade", self.grade.map_or_else(|| "none".to_owned(), |grade| grade_line(out, grade)));
        fact("commit", format!("{} on {}", short(&self.commit), short(&self.base)));
        fact("strategy", format!("{} ({})", escape::line(&self.strategy), self.kind));
        fact("does", escape::line(&self.explanation));
        if let Some(reverts) = &self.reverts {
            fact("reverts", short(reverts));
        }
        if let Some(call) = &self.reproduction {
            fact("reproduced by", escape::brief(call, CELL));
        }
        fact("files", escape::line(&self.files.join(", ")));
        if let (Some(before), Some(after)) = (&self.suite_before, &self.suite_after) {
            fact("suite", format!("{} before, {} with the fix", suite(before), suite(after)));
        }
        if let Some(level) = &self.sandbox {
            fact("sandbox", escape::line(level));
        }
        let mut lines = facts.lines();
        lines.extend(self.check_lines(out));
        lines.extend(self.review_lines(out));
        for (name, texts) in [
            ("behaviour differs", &self.behaviour_diff),
            ("another way", &self.other_ways),
            ("mutant survived", &self.survivors),
        ] {
            lines
                .extend(texts.iter().take(TOLD).map(|text| format!("{name}: {}", escape::brief(text, CELL))));
            if texts.len() > TOLD {
                lines.push(format!("{name}: {} more in the evidence", texts.len() - TOLD));
            }
        }
        lines
    }

    fn check_lines(&self, out: &Output) -> Vec<String> {
        if self.checks.is_empty() {
            return Vec::new();
        }
        let mut checks = Table::bare();
        for check in &self.checks {
            checks.row([
                format!("  {}", escape::line(&check.name)),
                escape::line(&check.status),
                escape::brief(&check.detail, CELL),
            ]);
        }
        let painted =
            checks.lines().into_iter().zip(&self.checks).map(|(line, check)| match check.status.as_str() {
                "failed" | "survived" => out.paint(Style::Bad, &line),
                "missing" | "not_run" | "differs" | "smells" => out.paint(Style::Warn, &line),
                _ => line,
            });
        std::iter::once("checks".to_owned()).chain(painted).collect()
    }

    fn review_lines(&self, out: &Output) -> Vec<String> {
        let mut table = Table::bare();
        for review in &self.reviews {
            table.row([
                format!("  {}", escape::line(&review.role)),
                escape::line(&review.verdict),
                escape::brief(&review.summary, CELL),
            ]);
        }
        let mut lines = Vec::new();
        if !self.reviews.is_empty() {
            lines.push("reviews".to_owned());
        }
        for (line, review) in table.lines().into_iter().zip(&self.reviews) {
            lines.push(if review.verdict == "reject" { out.paint(Style::Bad, &line) } else { line });
            for finding in &review.findings {
                lines.push(format!(
                    "    {} {}:{} {} ({})",
                    escape::line(&finding.level),
                    escape::line(&finding.file),
                    finding.line,
                    escape::brief(&finding.message, CELL),
                    escape::line(&finding.rule)
                ));
            }
        }
        lines
    }
}

/// What a task knows: what it was given, and what it found itself.
fn dossier(task: &Task) -> Dossier {
    let given = task.context.get("dossier").cloned().map(serde_json::from_value::<Dossier>);
    let mut dossier = given.and_then(Result::ok).unwrap_or_default();
    let Some(result) = &task.result else { return dossier };
    if let Ok(found) = serde_json::from_value::<FixBugResult>(result.clone())
        && found.fix.is_some()
    {
        dossier.fix = found.fix;
        dossier.verification = None;
    }
    if let Ok(found) = serde_json::from_value::<VerifyFixResult>(result.clone()) {
        dossier.verification = Some(found.verification);
    }
    if let Ok(found) = serde_json::from_value::<ReviewResult>(result.clone()) {
        dossier.reviews.push(found.review);
    }
    dossier
}

/// A commit as people write it.
pub(crate) fn short(sha: &str) -> String {
    escape::line(sha.get(..10).unwrap_or(sha))
}

/// The grade with what it means.
pub(crate) fn grade_line(out: &Output, grade: Grade) -> String {
    let style = if grade.is_draft() { Style::Warn } else { Style::Good };
    format!("{} ({})", out.paint(style, grade.as_str()), means(grade))
}

/// What a grade means.
pub(crate) const fn means(grade: Grade) -> &'static str {
    match grade {
        Grade::A => "every gate passed",
        Grade::B => "as A, but behaviour differs or could not be compared, or mutants survived",
        Grade::C => "draft: a gate is missing, or it only stops the symptom",
        Grade::D => "draft: nothing was reproduced",
    }
}

/// A patch for people: escaped, with added and removed lines in colour.
pub(crate) fn patch_lines(out: &Output, patch: &str) -> Vec<String> {
    let paint = |line: &str| {
        let safe = escape::lines(line);
        if line.starts_with("+++")
            || line.starts_with("---")
            || line.starts_with("diff ")
            || line.starts_with("index ")
        {
            out.paint(Style::Dim, &safe)
        } else if line.starts_with('+') {
            out.paint(Style::Good, &safe)
        } else if line.starts_with('-') {
            out.paint(Style::Bad, &safe)
        } else {
            safe
        }
    };
    patch.trim_end_matches('\n').split('\n').map(paint).collect()
}

fn suite(count: &SuiteCount) -> String {
    let mut text = format!("{} passed", count.passed);
    for (number, word) in [(count.failed, "failed"), (count.skipped, "skipped")] {
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    text
}
