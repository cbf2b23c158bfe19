//! The architect: reviews what a change does to the design, and hands an accepted one over for approval.
//!
//! Judged are size, public signatures, new imports, growth and copies, and whether the fix is where the defect is. A
//! change that breaks callers is asked about: the developer knows whether another of its candidates would do, and only
//! when none would does a person decide. The same defect elsewhere is a note and never a reason for a wider change.

mod cause;
mod elsewhere;
mod growth;
mod imports;
mod interface;
mod survey;

use groundcrew_core::contract::task_type::{PUBLISH_FIX, REVIEW_DESIGN};
use groundcrew_core::contract::{
    ApiChange, Design, Dossier, Finding, FindingState, Fix, PublishFixContext, ReviewContext, SizeDelta,
};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_core::message::{Ask, Message, MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, NewTask};
use groundcrew_repair::locate::{is_python, is_test};
use groundcrew_workbench::git::{Diff, RepoPath, Repository, Sha};
use serde_json::json;

use crate::agent::{Agent, Ending, Job, Trouble};
use crate::agents::architect::survey::Survey;
use crate::agents::review::{Reviewed, go_on, result, verdict, weigh};
use crate::brain::ChangeFacts;
use crate::config::ChangeConfig;
use crate::site::read_text;

/// The developer's answer that another of its candidates would keep callers whole.
pub(super) const ANOTHER: &str = "another";

/// The developer's answer that nothing else cures the error.
pub(super) const NEEDED: &str = "needed";

/// The architect.
pub(super) struct Architect;

impl Agent for Architect {
    fn role(&self) -> Role {
        Role::Architect
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[REVIEW_DESIGN]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        let context: ReviewContext = job.context()?;
        let site = job.site()?;
        let repository = site.repository(job)?;
        let (base, head) = (Sha::parse(&context.base_sha)?, Sha::parse(&context.head_sha)?);
        let diff = repository.diff(&base, &head)?;
        let sides = Sides::read(&repository, &base, &head, &diff)?;
        let (mut design, mut findings) = look(&sides, &diff, &context.dossier, site)?;
        let sample = &context.dossier.sample;
        findings.extend(job.brain.remark_on_design(&ChangeFacts { diff: &diff, sample }));
        let breaking: Vec<ApiChange> =
            design.api_changes.iter().filter(|change| change.breaking).cloned().collect();
        let answered = match broken_callers(job, &context, &breaking) {
            Callers::Asked(ask) => return Ok(Ending::ask(BlockedOn::Question, *ask, job.cost())),
            Callers::Settled(finding) => finding,
        };
        findings.extend(answered);
        design.follow_ups = follow_ups(&design);
        let mut review = verdict(Role::Architect, &context.head_sha, findings, diff.files.len());
        let note = note(&context.dossier, &design);
        review.design = Some(design);
        job.desk.step(format!("{}: {}", review.verdict, review.summary));
        match weigh(job, &context, review)? {
            Reviewed::Ends(ending) => Ok(*ending),
            Reviewed::GoesOn(review) => {
                let proposed = context.dossier.fix.as_ref().is_some_and(Fix::is_proposed);
                let mut ending = if proposed {
                    Ending::complete(&result(job, &review), job.cost())?
                } else {
                    go_on(job, context, *review, publish_task)?
                };
                ending.messages.extend(note);
                Ok(ending)
            }
        }
    }
}

/// Everything that the rules see.
fn look(
    sides: &Sides<'_>,
    diff: &Diff,
    dossier: &Dossier,
    site: &crate::site::Site,
) -> Result<(Design, Vec<Finding>), Trouble> {
    let mut design = Design { size_delta: size_of(diff), ..Design::default() };
    let mut findings = size(&design.size_delta, &site.config.change, dossier);
    design.api_changes = interface::changes(sides);
    let imports = imports::review(sides, &site.config.design);
    findings.extend(imports.findings);
    (design.layer_violations, design.new_cycles) = (imports.layers, imports.cycles);
    design.complexity_delta = growth::deltas(sides);
    findings.extend(growth::findings(&design.complexity_delta));
    let survey = Survey::of(sides, dossier)?;
    design.duplication = survey.copies.clone();
    findings.extend(survey.copies.iter().map(|copy| finding("copy", "warning", "", 0, copy.clone())));
    let mut check = cause::check(sides, diff, dossier, &survey);
    if let Some(check) = &mut check {
        check.same_pattern_elsewhere = elsewhere::places(sides, dossier)?;
    }
    findings.extend(check.as_ref().and_then(cause::one_of_many));
    design.root_cause_check = check;
    Ok((design, findings))
}

/// What becomes of a change that breaks callers.
enum Callers {
    Asked(Box<Ask>),
    Settled(Option<Finding>),
}

/// The developer is asked first, since it knows its other candidates; then the person sees it with the approval.
fn broken_callers(job: &Job<'_>, context: &ReviewContext, breaking: &[ApiChange]) -> Callers {
    let Some(first) = breaking.first() else { return Callers::Settled(None) };
    let told: Vec<String> = breaking.iter().map(|change| change.detail.clone()).collect();
    let told = told.join("; ");
    let file = first.symbol.split(':').next().unwrap_or("");
    if is_revert(&context.dossier) {
        return Callers::Settled(Some(finding("api", "warning", file, 0, told)));
    }
    let Some(fix) = &context.dossier.fix else {
        return Callers::Settled(Some(finding("api", "error", file, 0, told)));
    };
    let may_answer = |answer: &&Message| {
        let from = answer.from.as_str();
        from == Party::Developer.as_str() || from == Party::User.as_str()
    };
    let answers = job.answers.iter().filter(may_answer).filter_map(|answer| Some((answer, answer.choice()?)));
    match answers.rev().find(|(_, choice)| [ANOTHER, NEEDED].contains(choice)) {
        Some((answer, ANOTHER)) => {
            let message =
                format!("{told}; the {} says that another change would do: {}", answer.from, answer.content);
            Callers::Settled(Some(finding("api", "error", file, 0, message)))
        }
        Some((answer, _)) => {
            let message = format!(
                "breaks callers: {told}; the {} says that it is needed: {}",
                answer.from, answer.content
            );
            Callers::Settled(Some(finding("api", "warning", file, 0, message)))
        }
        None => {
            let mut ask = Ask::new(
                format!("The fix for \"{}\" breaks callers: {told}. Is that needed?", context.dossier.title),
                &[
                    (NEEDED, "Yes, nothing else cures the error"),
                    (ANOTHER, "No, another change would keep callers whole"),
                ],
            );
            ask.to = Party::Developer;
            let symbols: Vec<&str> = breaking.iter().map(|change| change.symbol.as_str()).collect();
            ask.subject = Some(json!({ "symbols": symbols, "patch_hash": fix.patch_hash }));
            Callers::Asked(Box::new(ask))
        }
    }
}

/// What is worth doing later.
fn follow_ups(design: &Design) -> Vec<String> {
    let same = design.root_cause_check.iter().flat_map(|check| &check.same_pattern_elsewhere);
    let same =
        same.map(|place| format!("the same form of code stands at {place}; it may have the same defect"));
    let grown = design.complexity_delta.iter().filter(|delta| delta.outgrown);
    same.chain(grown.map(|delta| format!("{} has outgrown its module; split it", delta.function))).collect()
}

/// One note for all of it, and no task: the change at hand stays as small as it is.
fn note(dossier: &Dossier, design: &Design) -> Option<NewMessage> {
    let first = design.follow_ups.first()?;
    let more = match design.follow_ups.len() {
        1 => String::new(),
        number => format!(" (and {} more)", number - 1),
    };
    Some(NewMessage {
        from: Role::Architect.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content: format!("beside the fix for \"{}\": {first}{more}", dossier.title),
        metadata: json!({ "kind": "follow_up", "follow_ups": design.follow_ups }),
    })
}

fn publish_task(job: &Job<'_>, context: &ReviewContext) -> Result<NewTask, Trouble> {
    let number = match job.task.incident {
        Some(incident) => format!("incident-{incident}"),
        None => format!("task-{}", job.task.id),
    };
    let context = PublishFixContext {
        branch: format!("groundcrew/{number}-{}", slug(&context.dossier.title)),
        base_sha: context.base_sha.clone(),
        head_sha: context.head_sha.clone(),
        dossier: context.dossier.clone(),
    };
    let context = serde_json::to_value(&context).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(PUBLISH_FIX, Role::Developer, Role::Architect.into(), context);
    next.priority = job.task.priority;
    Ok(next)
}

/// A title as a part of a branch name: a few lower-case words of letters and digits.
fn slug(title: &str) -> String {
    const MOST_CHARS: usize = 32;
    let mut slug = String::new();
    for word in title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if slug.len() + word.len() + 1 > MOST_CHARS {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    if slug.is_empty() { "fix".into() } else { slug }
}

fn finding(rule: &str, level: &str, file: &str, line: u32, message: String) -> Finding {
    Finding {
        rule: rule.into(),
        level: level.into(),
        file: file.into(),
        line,
        message,
        cwe: None,
        state: FindingState::New,
    }
}

/// How much of the program changes.
fn size_of(diff: &Diff) -> SizeDelta {
    let program = diff.files.iter().filter(|file| !is_test(&file.path));
    program.fold(SizeDelta::default(), |sum, file| SizeDelta {
        files: sum.files + 1,
        added: sum.added + file.added,
        removed: sum.removed + file.removed,
    })
}

/// A revert takes away as much as its culprit brought, so its size is only remarked on.
fn size(delta: &SizeDelta, most: &ChangeConfig, dossier: &Dossier) -> Vec<Finding> {
    let level = if is_revert(dossier) { "warning" } else { "error" };
    let lines = delta.added + delta.removed;
    let mut findings = Vec::new();
    if delta.files > most.max_files as u64 {
        let message = format!("changes {} files of the program, more than {}", delta.files, most.max_files);
        findings.push(finding("size", level, "", 0, message));
    }
    if lines > most.max_lines as u64 {
        let message = format!("changes {lines} lines of the program, more than {}", most.max_lines);
        findings.push(finding("size", level, "", 0, message));
    }
    findings
}

fn is_revert(dossier: &Dossier) -> bool {
    dossier.fix.as_ref().is_some_and(|fix| fix.kind == ChangeKind::Revert)
}

/// What both sides of a change hold, as far as design is concerned.
struct Sides<'a> {
    repository: &'a Repository,
    head: &'a Sha,
    /// Python files of the program at the head.
    files: Vec<String>,
    /// Changed Python files of the program: path, text before, text after.
    changed: Vec<(String, String, String)>,
}

impl<'a> Sides<'a> {
    fn read(repository: &'a Repository, base: &Sha, head: &'a Sha, diff: &Diff) -> Result<Self, Trouble> {
        let files = repository.files(head)?.into_iter().map(|entry| entry.path.as_str().to_owned());
        let files = files.filter(|path| is_python(path) && !is_test(path)).collect();
        let mut changed = Vec::new();
        for file in diff.files.iter().filter(|file| is_python(&file.path) && !is_test(&file.path)) {
            let Ok(path) = RepoPath::parse(&file.path) else { continue };
            let old = file.old_path.as_deref().unwrap_or(&file.path);
            let Ok(old) = RepoPath::parse(old) else { continue };
            let before = read_text(repository, base, &old)?.unwrap_or_default();
            let after = read_text(repository, head, &path)?.unwrap_or_default();
            changed.push((file.path.clone(), before, after));
        }
        Ok(Self { repository, head, files, changed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_branch_name_whatever_it_holds() {
        assert_eq!(slug("KeyError: 'GEI-250' in receive"), "keyerror-gei-250-in-receive");
        assert_eq!(slug("../../etc/passwd --force ~^:"), "etc-passwd-force");
        assert_eq!(slug("…"), "fix");
    }
}
