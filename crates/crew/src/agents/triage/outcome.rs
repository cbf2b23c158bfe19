//! What follows from a judgement: the next task, the incident's state, and who is told what.

use groundcrew_core::contract::task_type::{CLASSIFY_ERROR, FIX_BUG, TRIAGE_VULNERABILITY};
use groundcrew_core::contract::{
    Classification, ClassifyErrorContext, ClassifyErrorResult, Dossier, FixBugContext, Reason, Route,
    TriageVulnerabilityContext,
};
use groundcrew_core::incident::{Category, IncidentChange, IncidentStatus};
use groundcrew_core::message::{MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::NewTask;
use groundcrew_store::Project;
use groundcrew_workbench::git::Sha;
use serde::Serialize;
use serde_json::json;

use super::facts::Facts;
use crate::agent::{Ending, Job, Trouble};

/// Ends the task with its judgement.
pub(super) fn settle(
    job: &Job<'_>,
    facts: Facts,
    found: Classification,
    similar: &[String],
    head: &Sha,
) -> Result<Ending, Trouble> {
    tell(job, &facts, &found);
    let change = IncidentChange {
        status: Some(status(found.route)),
        category: Some(found.category),
        severity: Some(found.severity),
        reason: Some(found.reason.clone()),
        ..IncidentChange::default()
    };
    let mut reasons = vec![Reason::new(found.category.as_str(), &found.reason)];
    if let Some(original) = found.duplicate_of {
        reasons.push(Reason::new("duplicate", format!("same root cause as incident {original}")));
    }
    reasons.extend(similar.iter().map(|told| Reason::new("similar", told)));
    let confidence = if found.category == Category::Unknown { 0.3 } else { 0.8 };
    let result = ClassifyErrorResult {
        common: job.common(found.route.as_str(), confidence, reasons),
        classification: found.clone(),
    };
    let ending = Ending::complete(&result, job.cost())?.incident(change);
    Ok(match found.route {
        Route::Developer => ending.then(fix_task(job, facts, found, head)?),
        Route::Security => ending.then(care_task(job, facts, found, head)?),
        Route::Human => ending.tell(notification(&facts, &found, similar)),
        Route::Ignore => ending,
    })
}

/// Hands the error to triage in the project whose program wrote it.
pub(super) fn hand_to_project(
    job: &Job<'_>,
    facts: &Facts,
    other: &Project,
    file: &str,
) -> Result<Ending, Trouble> {
    let reason = format!("a person said that it belongs to project {}, at {file}", other.name);
    let context = ClassifyErrorContext {
        reason: Some("new".into()),
        error: Some(facts.sample.text.clone()),
        trace: facts.sample.trace.clone(),
        counts: Some(facts.counts),
        ..ClassifyErrorContext::default()
    };
    let mut next = next(CLASSIFY_ERROR, Role::Triage, &context, job.task.priority)?;
    next.project = Some(other.id);
    let result = json!({ "outcome": "other_project", "confidence": 1.0, "project": other.name,
        "reasons": [Reason::new("other_project", &reason)] });
    job.desk.step(&reason);
    Ok(Ending::complete(&result, job.cost())?.then(next))
}

fn status(route: Route) -> IncidentStatus {
    match route {
        Route::Developer | Route::Security => IncidentStatus::Fixing,
        Route::Human => IncidentStatus::NeedsHuman,
        Route::Ignore => IncidentStatus::Ignored,
    }
}

/// Details of a hole are for those who may see the incident, not for every screen that shows progress.
fn tell(job: &Job<'_>, facts: &Facts, found: &Classification) {
    let judged = format!("{}, {} → {}", found.category, found.severity, found.route);
    match found.category {
        Category::Security => job.desk.step(format!("an error about security: {judged}")),
        Category::CodeBug
        | Category::Regression
        | Category::Config
        | Category::Dependency
        | Category::Infrastructure
        | Category::Resource
        | Category::Data
        | Category::UserError
        | Category::Flaky
        | Category::Unknown => job.desk.step(format!("{}: {judged}: {}", facts.title, found.reason)),
    }
}

fn notification(facts: &Facts, found: &Classification, similar: &[String]) -> NewMessage {
    let content = if found.category == Category::Security {
        let id = facts.incident.map(|id| format!(" {id}")).unwrap_or_default();
        format!(
            "incident{id} is about security and needs a person; `groundcrew incidents show` has the details"
        )
    } else {
        let known = similar.iter().map(|told| format!("; {told}")).collect::<String>();
        format!("{}: {}{known}", facts.title, found.reason)
    };
    NewMessage {
        from: Role::Triage.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content,
        metadata: json!({
            "severity": found.severity,
            "category": found.category,
            "owner": found.owner,
            "duplicate_of": found.duplicate_of,
            "similar": similar,
        }),
    }
}

fn fix_task(job: &Job<'_>, facts: Facts, found: Classification, head: &Sha) -> Result<NewTask, Trouble> {
    let priority = found.priority;
    let context = FixBugContext {
        round: 1,
        base_sha: Some(head.as_str().to_owned()),
        dossier: dossier(job, facts, found),
        ..FixBugContext::default()
    };
    next(FIX_BUG, Role::Developer, &context, priority)
}

/// What is about security goes to that role first.
fn care_task(job: &Job<'_>, facts: Facts, found: Classification, head: &Sha) -> Result<NewTask, Trouble> {
    let priority = found.priority;
    let context = TriageVulnerabilityContext {
        base_sha: Some(head.as_str().to_owned()),
        dossier: dossier(job, facts, found),
    };
    next(TRIAGE_VULNERABILITY, Role::Security, &context, priority)
}

fn dossier(job: &Job<'_>, facts: Facts, found: Classification) -> Dossier {
    Dossier {
        title: facts.title,
        sample: facts.sample,
        classification: Some(found),
        cost: job.cost(),
        ..Dossier::default()
    }
}

fn next<T: Serialize>(task_type: &str, role: Role, context: &T, priority: u8) -> Result<NewTask, Trouble> {
    let context = serde_json::to_value(context).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(task_type, role, Role::Triage.into(), context);
    next.priority = priority;
    Ok(next)
}
