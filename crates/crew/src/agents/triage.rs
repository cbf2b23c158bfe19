//! Triage: says what an incident is and where it goes, or why no code fix is right.
//!
//! It reads the repository (files, blame, history) and runs nothing: log text is a stranger's, and triage has no tools
//! that such text could turn.

use groundcrew_core::contract::task_type::{CLASSIFY_ERROR, FIX_BUG};
use groundcrew_core::contract::{
    Classification, ClassifyErrorContext, ClassifyErrorResult, Dossier, FixBugContext, Reason, Route, Suspect,
};
use groundcrew_core::incident::{Category, IncidentChange, IncidentStatus, Sample};
use groundcrew_core::message::{MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::NewTask;
use groundcrew_core::trace::Frame;
use groundcrew_repair::locate::{LocatedFrame, is_test};
use groundcrew_workbench::git::{CommitInfo, RepoPath, Repository, Sha};
use serde_json::json;

use crate::agent::{Agent, Ending, Job, Trouble};
use crate::brain::ErrorFacts;
use crate::site::{locate_in, sample_from_text};

/// Frames of the stack whose lines are blamed.
const BLAMED_FRAMES: usize = 3;

/// Commits of a file that are looked at.
const HISTORY: usize = 20;

/// Lines of a function on either side of the crash that are blamed.
const MOST_LINES: u32 = 60;

/// Triage.
pub(super) struct Triage;

impl Agent for Triage {
    fn role(&self) -> Role {
        Role::Triage
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[CLASSIFY_ERROR]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        let context: ClassifyErrorContext = job.context()?;
        let site = job.site()?;
        let facts = Facts::gather(job, &context)?;
        let repository = site.repository(job)?;
        let head = site.base(&repository)?;
        let located = match &facts.sample.trace {
            Some(trace) => {
                locate_in(&repository, &head, trace)?.map(|located| located.frames).unwrap_or_default()
            }
            None => Vec::new(),
        };
        let frame = located.first().map(as_frame);
        let suspects = suspects(&repository, &head, &located)?;
        let classification = job.brain.classify(&ErrorFacts {
            sample: &facts.sample,
            occurrences: facts.occurrences,
            reason: context.reason.as_deref().unwrap_or("new"),
            frame: frame.as_ref(),
            suspects: &suspects,
            has_tests: repository.files(&head)?.iter().any(|entry| is_test(entry.path.as_str())),
        });
        job.desk.step(format!(
            "{}: {}, {} → {}: {}",
            facts.title,
            classification.category,
            classification.severity,
            classification.route,
            classification.reason
        ));
        route(job, facts, classification, &head)
    }
}

/// What is known about the error.
struct Facts {
    title: String,
    sample: Sample,
    occurrences: u64,
}

impl Facts {
    /// From the incident where there is one, else from the task's own text.
    fn gather(job: &Job<'_>, context: &ClassifyErrorContext) -> Result<Self, Trouble> {
        if let Some(id) = job.task.incident
            && let Some(incident) = job.tools.store.incident(id)?
        {
            return Ok(Self {
                title: incident.title,
                sample: incident.sample,
                occurrences: incident.occurrences,
            });
        }
        let (title, mut sample) = match (&context.error, job.task.context.as_str()) {
            (Some(text), _) => sample_from_text(&job.tools.redactor, text),
            (None, Some(text)) => sample_from_text(&job.tools.redactor, text),
            (None, None) if context.trace.is_some() => (String::new(), Sample::default()),
            (None, None) => {
                return Err(Trouble::refused(
                    "no_error",
                    "the context has no error text; give it as \"error\"",
                ));
            }
        };
        if context.trace.is_some() {
            sample.trace.clone_from(&context.trace);
        }
        let named = sample.trace.as_ref().and_then(|trace| trace.exception.clone());
        let title = if title.is_empty() { named.unwrap_or_else(|| "error".into()) } else { title };
        Ok(Self { title, sample, occurrences: 1 })
    }
}

fn route(job: &Job<'_>, facts: Facts, found: Classification, head: &Sha) -> Result<Ending, Trouble> {
    let status = match found.route {
        Route::Developer | Route::Security => IncidentStatus::Fixing,
        Route::Human => IncidentStatus::NeedsHuman,
        Route::Ignore => IncidentStatus::Ignored,
    };
    let change = IncidentChange {
        status: Some(status),
        category: Some(found.category),
        severity: Some(found.severity),
        reason: Some(found.reason.clone()),
        branch: None,
    };
    let reasons = vec![Reason::new(found.category.as_str(), &found.reason)];
    let confidence = if found.category == Category::Unknown { 0.3 } else { 0.8 };
    let result = ClassifyErrorResult {
        common: job.common(found.route.as_str(), confidence, reasons),
        classification: found.clone(),
    };
    let ending = Ending::complete(&result, job.cost())?.incident(change);
    Ok(match found.route {
        Route::Developer | Route::Security => ending.then(fix_task(job, facts, found, head)?),
        Route::Human => ending.tell(NewMessage {
            from: Role::Triage.to_string(),
            to: Party::User.to_string(),
            message_type: MessageType::Notification,
            content: format!("{}: {}", facts.title, found.reason),
            metadata: json!({ "severity": found.severity, "category": found.category }),
        }),
        Route::Ignore => ending,
    })
}

fn fix_task(job: &Job<'_>, facts: Facts, found: Classification, head: &Sha) -> Result<NewTask, Trouble> {
    let priority = found.priority;
    let context = FixBugContext {
        round: 1,
        base_sha: Some(head.as_str().to_owned()),
        error: None,
        dossier: Dossier {
            title: facts.title,
            sample: facts.sample,
            classification: Some(found),
            cost: job.cost(),
            ..Dossier::default()
        },
    };
    let context = serde_json::to_value(&context).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(FIX_BUG, Role::Developer, Role::Triage.into(), context);
    next.priority = priority;
    Ok(next)
}

/// The commits that may have introduced the error, most likely first, at most three.
///
/// Commits that last changed lines of the functions on the stack come first, by recency; then those that lately changed
/// these files. A commit that made the whole file is the least likely, since then the line is as old as its file.
fn suspects(repository: &Repository, head: &Sha, located: &[LocatedFrame]) -> Result<Vec<Suspect>, Trouble> {
    let mut found: Vec<Suspect> = Vec::new();
    for (depth, place) in located.iter().take(BLAMED_FRAMES).enumerate() {
        let Ok(path) = RepoPath::parse(&place.file) else { continue };
        let history = repository.history(head, Some(&path), HISTORY)?;
        let (first, last) = function_lines(place);
        let lines = repository.blame_lines(head, &path, first, last)?;
        let touches_line = repository.blame(head, &path, place.line)?;
        for (age, commit) in history.iter().enumerate() {
            let born_with_file = age + 1 == history.len();
            let crash_line = touches_line.as_ref().is_some_and(|touched| touched.sha == commit.sha);
            let evidence = match lines.get(&commit.sha) {
                Some(_) if crash_line => format!("last changed line {} of {}", place.line, place.file),
                Some(count) => format!("last changed {count} lines of {} in {}", place.function, place.file),
                None => format!("changed {}", place.file),
            };
            let base = match (born_with_file, crash_line, lines.contains_key(&commit.sha)) {
                (true, _, _) => 0.15,
                (false, true, _) => 0.8,
                (false, false, true) => 0.7,
                (false, false, false) => 0.4,
            };
            add(&mut found, commit, faded(base, age, depth), evidence);
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.sha.cmp(&b.sha)));
    found.truncate(3);
    Ok(found)
}

/// Newer commits and inner frames are likelier.
fn faded(base: f64, age: usize, depth: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "both are small counts")]
    let fade = 0.02 * age as f64 + 0.1 * depth as f64;
    (base - fade).max(0.05)
}

/// The lines of the enclosing function, at most a screenful around the crash.
fn function_lines(place: &LocatedFrame) -> (u32, u32) {
    match &place.definition {
        Some(definition) => (
            definition.first_line.max(place.line.saturating_sub(MOST_LINES)).max(1),
            definition.last_line.min(place.line + MOST_LINES),
        ),
        None => (place.line, place.line),
    }
}

fn add(found: &mut Vec<Suspect>, commit: &CommitInfo, score: f64, evidence: String) {
    match found.iter_mut().find(|suspect| suspect.sha == commit.sha.as_str()) {
        Some(known) if known.score >= score => {}
        Some(known) => {
            known.score = score;
            known.evidence = evidence;
        }
        None => found.push(Suspect {
            sha: commit.sha.as_str().to_owned(),
            subject: commit.subject.clone(),
            score,
            evidence,
        }),
    }
}

fn as_frame(place: &LocatedFrame) -> Frame {
    Frame {
        file: Some(place.file.clone()),
        line: Some(place.line),
        function: Some(place.function.clone()),
        source: Some(place.statement.clone()),
        in_app: true,
    }
}
