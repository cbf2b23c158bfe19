//! The developer: makes the error happen again, repairs it, and commits the repair where only the crew sees it.
//!
//! What it commits lies under `refs/groundcrew/`; a branch for people appears only after all reviews. Without a
//! reproduction there is no patch, but for a revert or a misspelt name, which are graded as unproven.

use std::collections::BTreeSet;

use groundcrew_core::contract::task_type::{ANSWER_QUESTION, FIX_BUG, PUBLISH_FIX, VERIFY_FIX};
use groundcrew_core::contract::{
    Candidate, Dossier, Effort, Fix, FixBugContext, FixBugResult, Reason, Reproduction, RootCause, StopAt,
    Suspect, VerifyFixContext,
};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_core::incident::{IncidentChange, IncidentStatus};
use groundcrew_core::message::{Ask, Message, MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, NewTask};
use groundcrew_core::trace::Trace;
use groundcrew_repair::locate::map_path;
use groundcrew_repair::{Barrier, Budget, Facts, Need, RepairOutcome, Repaired, repair};
use groundcrew_workbench::git::{Expected, Repository, Sha};
use serde_json::json;

use crate::agent::{Agent, Ending, HAND_OVER, Job, Trouble};
use crate::agents::answers::answer_question;
use crate::agents::bench::bench;
use crate::agents::branches::wait_for_room;
use crate::agents::dependency::{STAY, behind};
use crate::agents::failing::failing;
use crate::agents::proposed::{Given, take};
use crate::agents::publish::publish;
use crate::agents::searching::Searching;
use crate::brain::language::Language;
use crate::site::{lines_before, sample_from_text};

/// The choice that nothing be repaired.
const DECLINE: &str = "decline";

/// Suspects that a report names.
const SUSPECTS_TOLD: usize = 3;

/// The developer.
pub(super) struct Developer;

impl Agent for Developer {
    fn role(&self) -> Role {
        Role::Developer
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[FIX_BUG, PUBLISH_FIX, ANSWER_QUESTION]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        match job.task.task_type.as_str() {
            PUBLISH_FIX => publish(job),
            ANSWER_QUESTION => answer_question(job),
            _ => fix_bug(job),
        }
    }
}

fn fix_bug(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: FixBugContext = job.context()?;
    let (mut dossier, round) = known(job, &context)?;
    let limit = dossier.classification.as_ref().map(|found| found.stop_at).unwrap_or_default();
    match (job.choice(), limit) {
        (Some(HAND_OVER), _) => return report(job, Report::new("handed_over", "a person looks at it")),
        (Some(DECLINE), _) => return declined(job),
        (_, StopAt::Report) => return report(job, Report::new("report", not_fixable(&dossier))),
        (_, StopAt::RootCause | StopAt::Patch | StopAt::Branch) => {}
    }
    let from_tests = context.from_tests && dossier.sample.trace.is_none();
    if dossier.sample.trace.is_none() && !from_tests {
        let reason = "the error has no stack trace, so there is no place to repair";
        return report(job, Report::new("no_repro", reason));
    }
    let site = job.site()?;
    // A fix that somebody hands in to be checked is no branch for anybody to read.
    if limit > StopAt::RootCause
        && context.proposed.is_none()
        && let Some(waits) = wait_for_room(job, site)?
    {
        return Ok(waits);
    }
    let repository = site.repository(job)?;
    let base = match &context.base_sha {
        Some(sha) => repository.resolve(sha)?,
        None => site.base(&repository)?,
    };
    if let Some(trace) = &dossier.sample.trace
        && let Some(report_only) = without_repair(&repository, &base, trace)?
    {
        return report(job, report_only);
    }
    let bench = bench(job, site, &repository, &base)?;
    let (mut failing_tests, mut is_red) = (Vec::new(), false);
    if from_tests {
        match failing(job, &bench, &base)? {
            Ok(found) => {
                (dossier.title, dossier.sample, failing_tests) = (found.title, found.sample, found.tests);
                // What Python shows is reproduced by itself, whatever ran it.
                let trace = dossier.sample.trace.as_ref();
                let python = trace.is_some_and(|trace| Language::of(trace) == Language::Python);
                is_red = failing_tests.is_empty() && !python;
            }
            Err(reason) => return report(job, Report::new("no_repro", reason)),
        }
    }
    let trace = dossier.sample.trace.clone().unwrap_or_default();
    let facts = Facts {
        trace,
        sample: dossier.sample.clone(),
        suspects: dossier.classification.as_ref().map(|found| found.suspects.clone()).unwrap_or_default(),
        tried: dossier.previous_rounds.iter().map(|round| round.patch_hash.clone()).collect(),
        reproduction: None,
        budget: Budget {
            files: u32::try_from(site.config.change.max_files).unwrap_or(u32::MAX),
            lines: u32::try_from(site.config.change.max_lines).unwrap_or(u32::MAX),
        },
        approved: allowed(job),
        failing_tests,
        is_red,
        only: site.config.change.only.clone(),
    };
    if let Some(commit) = &context.proposed {
        return take(
            job,
            &Given { commit, repository: &repository, base: &base, bench: &bench, facts: &facts },
            dossier,
        );
    }
    // Without a strategy the error is reproduced and located, and nothing is proposed.
    let strategies = if limit == StopAt::RootCause { Vec::new() } else { job.brain.strategies() };
    let mut searching = Searching::begin(job);
    let outcome = repair(&bench, &base, &facts, &strategies, &mut |progress| searching.tell(&progress))?;
    let effort = searching.effort();
    let dependency = behind(site, &repository, &base, &facts.trace, &bench.python)?;
    let cured =
        matches!(&outcome, RepairOutcome::Patch(found) if found.chosen.kind != ChangeKind::SymptomGuard);
    if !cured
        && !job.answers.iter().filter_map(Message::choice).any(|choice| choice == STAY)
        && let Some(asked) = dependency.as_ref().and_then(|found| found.ask(job, &dossier))
    {
        return Ok(asked);
    }
    let aside = dependency.map(|found| found.sentence());
    match outcome {
        RepairOutcome::Patch(repaired) if facts.tried.contains(&repaired.chosen.patch_hash) => {
            let nothing_else =
                Report::new("no_fix", "the only repair that was found has been rejected before");
            without_another(job, &dossier, nothing_else)
        }
        RepairOutcome::Patch(mut repaired) => {
            repaired.behaviour_notes.extend(aside.filter(|_| !cured));
            let place = Place { repository: &repository, base: &base };
            hand_in(job, dossier, round, &place, *repaired, effort)
        }
        without @ (RepairOutcome::NoRepro { .. }
        | RepairOutcome::NoFix { .. }
        | RepairOutcome::Refused { .. }
        | RepairOutcome::NotSupported { .. }) => {
            let told = Aside { effort, aside: aside.as_deref() };
            without_patch(job, &dossier, limit, without, told)
        }
    }
}

/// What is said of an error in a language that is read and not repaired: where it lies in the repository.
fn without_repair(repository: &Repository, base: &Sha, trace: &Trace) -> Result<Option<Report>, Trouble> {
    let language = Language::of(trace);
    if language.is_repaired() || language == Language::Unknown {
        return Ok(None);
    }
    let files: Vec<String> =
        repository.files(base)?.into_iter().map(|entry| entry.path.as_str().to_owned()).collect();
    let place = trace.frames.iter().find_map(|frame| {
        let file = map_path(frame.file.as_deref()?, &files)?.to_owned();
        let statement = frame.source.clone().unwrap_or_default();
        let why =
            format!("the error was raised in {}", frame.function.as_deref().unwrap_or("the module itself"));
        Some(RootCause { file, line: frame.line.unwrap_or(0), statement, why, ranked: Vec::new() })
    });
    let reason = format!("there is no repair for {} yet", language.name());
    Ok(Some(Report { cause: place, ..Report::new("no_fix", reason) }))
}

/// What a person allowed for this incident: only what a question of this task asked for.
fn allowed(job: &Job<'_>) -> BTreeSet<Need> {
    let by_person = job.answers.iter().filter(|answer| answer.from == Party::User.as_str());
    let words: Vec<&str> = by_person.filter_map(Message::choice).collect();
    let needs = [Need::Access, Need::Migration, Need::Budget];
    needs.into_iter().filter(|need| words.contains(&allow_word(*need).as_str())).collect()
}

fn allow_word(need: Need) -> String {
    format!("allow_{}", need.as_str())
}

fn not_fixable(dossier: &Dossier) -> String {
    let found = dossier.classification.as_ref();
    let reason = found.and_then(|found| found.not_fixable_reason.clone());
    reason.unwrap_or_else(|| "triage wants a report and no repair".to_owned())
}

/// What is said beside the end of a search.
#[derive(Clone, Copy)]
struct Aside<'a> {
    effort: Effort,
    /// What is known of the dependency in which the error was raised.
    aside: Option<&'a str>,
}

/// The end of a search that led to no patch.
fn without_patch(
    job: &Job<'_>,
    dossier: &Dossier,
    limit: StopAt,
    outcome: RepairOutcome,
    told: Aside<'_>,
) -> Result<Ending, Trouble> {
    let new = |word, reason: String| {
        let reason = told.aside.map_or(reason.clone(), |aside| format!("{reason}; {aside}"));
        Report { effort: told.effort, ..Report::new(word, reason) }
    };
    match outcome {
        RepairOutcome::NoRepro { root_cause, reason } => {
            without_another(job, dossier, Report { cause: root_cause, ..new("no_repro", reason) })
        }
        RepairOutcome::NoFix { reproduction, root_cause, tried, suspects } => {
            let (word, reason) = if limit == StopAt::RootCause {
                ("root_cause", "it happens again on demand; triage wants no repair by itself".to_owned())
            } else {
                // Those that only a test judged are told by their number alone.
                let run = usize::try_from(told.effort.validations).unwrap_or(usize::MAX).max(tried.len());
                let reason = format!("it happens again on demand, but none of {run} candidates cures it");
                ("no_fix", reason)
            };
            let cause = Some(root_cause);
            let reproduction = Some(*reproduction);
            let found = Report { cause, reproduction, suspects, tried, ..new(word, reason) };
            without_another(job, dossier, found)
        }
        RepairOutcome::Refused { reproduction, root_cause, barriers, tried } => {
            let reasons: Vec<String> = barriers.iter().take(3).map(Barrier::sentence).collect();
            if let Some((barrier, need)) =
                barriers.iter().find_map(|barrier| Some((barrier, barrier.need()?)))
            {
                return Ok(ask_to_allow(job, dossier, barrier, need));
            }
            let reproduction = reproduction.map(|found| *found);
            let cause = Some(root_cause);
            let reason = reasons.join("; ");
            report(job, Report { cause, reproduction, tried, ..new("refused", reason) })
        }
        RepairOutcome::NotSupported { language, root_cause } => {
            let reason = format!("there is no repair for {language} yet");
            report(job, Report { cause: Some(root_cause), ..Report::new("no_fix", reason) })
        }
        RepairOutcome::Patch(_) => Err(Trouble::Machine("a patch was taken for none".into())),
    }
}

/// Nothing more is found. Where an earlier fix was rejected, a person decides what becomes of the error.
fn without_another(job: &Job<'_>, dossier: &Dossier, found: Report) -> Result<Ending, Trouble> {
    let Some(last) = dossier.previous_rounds.last() else { return report(job, found) };
    let why = last.reasons.first().map_or("no reason was given", |reason| reason.text.as_str());
    let ask = Ask::new(
        format!(
            "A fix for \"{}\" was rejected by {}: {why}. There is no other: {}. What now?",
            dossier.title,
            last.rejected_by,
            found.told()
        ),
        &[
            (HAND_OVER, "I look at it myself"),
            ("retry", "Search once more; something has changed"),
            (DECLINE, "Let it be"),
        ],
    );
    Ok(Ending::ask(BlockedOn::Question, ask, job.cost()))
}

/// A rule stands in the way that a person can lift for this one incident.
fn ask_to_allow(job: &Job<'_>, dossier: &Dossier, barrier: &Barrier, need: Need) -> Ending {
    let allow = allow_word(need);
    let ask = Ask::new(
        format!(
            "A repair for \"{}\" would {}. {}. May it?",
            dossier.title,
            barrier.change.trim_end_matches('.'),
            barrier.sentence()
        ),
        &[
            (HAND_OVER, "No, I look at it myself"),
            (&allow, "Yes, for this error; I approve the branch before anything uses it"),
            (DECLINE, "No, let it be"),
        ],
    );
    Ending::ask(BlockedOn::Question, ask, job.cost())
}

fn declined(job: &Job<'_>) -> Result<Ending, Trouble> {
    let reason = "a person wants no repair";
    let result = FixBugResult {
        common: job.common("refused", 1.0, vec![Reason::new(DECLINE, reason)]),
        fix: None,
        root_cause: None,
        reproduction: None,
        suspects: Vec::new(),
        tried: Vec::new(),
        effort: Effort::default(),
    };
    Ok(Ending::complete(&result, job.cost())?.incident(IncidentChange {
        status: Some(IncidentStatus::Declined),
        reason: Some(reason.into()),
        ..IncidentChange::default()
    }))
}

/// The dossier, made from the task's own error text where there is none.
fn known(job: &Job<'_>, context: &FixBugContext) -> Result<(Dossier, u32), Trouble> {
    let mut dossier = context.dossier.clone();
    if dossier.sample.trace.is_none()
        && let Some(incident) = job.task.incident
        && let Some(incident) = job.tools.store.incident(incident)?
    {
        dossier.title = incident.title;
        dossier.sample = incident.sample;
    }
    if dossier.sample.trace.is_none()
        && let Some(text) = context.error.as_deref().or(job.task.context.as_str())
    {
        (dossier.title, dossier.sample) = sample_from_text(job.redactor(), text);
        dossier.sample.before = lines_before(job.redactor(), &context.before);
    }
    Ok((dossier, context.round.max(1)))
}

/// What is repaired.
struct Place<'a> {
    repository: &'a Repository,
    base: &'a Sha,
}

/// Commits the chosen patch and hands it to qa.
fn hand_in(
    job: &Job<'_>,
    dossier: Dossier,
    round: u32,
    place: &Place<'_>,
    repaired: Repaired,
    effort: Effort,
) -> Result<Ending, Trouble> {
    let Place { repository, base } = place;
    let chosen = repaired.chosen;
    let message = commit_message(job, &dossier, &chosen.strategy, &chosen.explanation, &repaired.root_cause);
    let message = job.redactor().redact(&message).text;
    let commit = repository.commit(base, &chosen.changes, &message, job.now.as_second())?;
    let hidden = job.kept_ref("fix");
    repository.update_ref(&hidden, &commit, &Expected::Any)?;
    let fix = Fix {
        base_sha: base.as_str().to_owned(),
        commit_sha: commit.as_str().to_owned(),
        round,
        strategy: chosen.strategy,
        kind: chosen.kind,
        one_line_typo: chosen.one_line_typo,
        explanation: chosen.explanation,
        patch_hash: chosen.patch_hash,
        files_changed: chosen.changes.iter().map(|change| change.path.as_str().to_owned()).collect(),
        reproduction: repaired.reproduction,
        reverts: chosen.reverts.map(|sha| sha.as_str().to_owned()),
        root_cause: repaired.root_cause,
        candidates: repaired.candidates,
        behaviour_notes: repaired.behaviour_notes,
        as_likely: repaired.as_likely,
        suspects: repaired.suspects,
    };
    let kind = match fix.kind {
        ChangeKind::Cause => "aims at the cause",
        ChangeKind::Revert => "reverts the culprit",
        ChangeKind::SymptomGuard => "only guards against the symptom",
    };
    job.desk.step(format!("round {round}: {} ({kind}) committed as {}", fix.explanation, commit.short()));
    pass_on(job, dossier, fix, effort)
}

/// Hands a fix to qa.
pub(super) fn pass_on(
    job: &Job<'_>,
    mut dossier: Dossier,
    fix: Fix,
    effort: Effort,
) -> Result<Ending, Trouble> {
    let reasons = vec![Reason::new(&fix.strategy, &fix.explanation)];
    let result = FixBugResult {
        common: job.common("patch", 0.7, reasons),
        fix: Some(fix.clone()),
        root_cause: Some(fix.root_cause.clone()),
        reproduction: fix.reproduction.clone(),
        suspects: fix.suspects.clone(),
        tried: Vec::new(),
        effort,
    };
    dossier.fix = Some(fix);
    dossier.cost = dossier.cost.plus(job.cost());
    let context = serde_json::to_value(VerifyFixContext { dossier })
        .map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(VERIFY_FIX, Role::Qa, Role::Developer.into(), context);
    next.priority = job.task.priority;
    Ok(Ending::complete(&result, job.cost())?.then(next))
}

fn commit_message(
    job: &Job<'_>,
    dossier: &Dossier,
    strategy: &str,
    explanation: &str,
    cause: &RootCause,
) -> String {
    let exception =
        dossier.sample.trace.as_ref().and_then(|trace| trace.exception.as_deref()).unwrap_or("error");
    let short = exception.rsplit('.').next().unwrap_or(exception);
    let incident =
        job.task.incident.map(|id| format!("Incident: {id} {}\n", dossier.title)).unwrap_or_default();
    let brain = job.brain.id();
    format!(
        "Fix {short} at {}:{}\n\n{explanation}\n\nCause: {}\nStrategy: {strategy}\n\n{incident}\
         Groundcrew-Task: {}\nGroundcrew-Brain: {} {}\n",
        cause.file, cause.line, cause.why, job.task.id, brain.kind, brain.version
    )
}

/// What is known where there is no patch.
pub(super) struct Report {
    pub(super) outcome: &'static str,
    pub(super) reason: String,
    cause: Option<RootCause>,
    pub(super) reproduction: Option<Reproduction>,
    pub(super) suspects: Vec<Suspect>,
    pub(super) tried: Vec<Candidate>,
    effort: Effort,
}

impl Report {
    /// With the place of the defect, where it is known.
    pub(super) fn at(self, cause: Option<RootCause>) -> Self {
        Self { cause, ..self }
    }

    /// All of it as one sentence.
    fn told(&self) -> String {
        let place = |cause: &RootCause| match cause.file.as_str() {
            "" => format!("; {}", cause.why),
            file => format!("; look at {file}:{}: {}", cause.line, cause.why),
        };
        let mut text = self.reason.clone() + &self.cause.as_ref().map(place).unwrap_or_default();
        for suspect in self.suspects.iter().take(SUSPECTS_TOLD) {
            let sha = suspect.sha.get(..10).unwrap_or(&suspect.sha);
            text.push_str(&format!("; suspect {sha} \"{}\": {}", suspect.subject, suspect.evidence));
        }
        text
    }

    pub(super) fn new(outcome: &'static str, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: reason.into(),
            cause: None,
            reproduction: None,
            suspects: Vec::new(),
            tried: Vec::new(),
            effort: Effort::default(),
        }
    }
}

/// Ends without a patch: what is known goes to the person, and the incident waits for them.
pub(super) fn report(job: &Job<'_>, report: Report) -> Result<Ending, Trouble> {
    let text = format!("no fix: {}", report.told());
    let Report { outcome, reason, cause, reproduction, suspects, tried, effort } = report;
    job.desk.step(&text);
    let confidence = if reproduction.is_some() { 0.7 } else { 0.4 };
    let call = reproduction.as_ref().map(|found| found.call.clone());
    let result = FixBugResult {
        common: job.common(outcome, confidence, vec![Reason::new(outcome, reason)]),
        fix: None,
        root_cause: cause,
        reproduction,
        suspects,
        tried,
        effort,
    };
    let note = NewMessage {
        from: Role::Developer.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content: text.clone(),
        metadata: json!({ "outcome": outcome, "reproduction": call }),
    };
    Ok(Ending::complete(&result, job.cost())?.tell(note).incident(IncidentChange {
        status: Some(IncidentStatus::NeedsHuman),
        reason: Some(text),
        ..IncidentChange::default()
    }))
}
