//! A fix that somebody else has made: the error is made to happen without it, and the fix goes the way of the crew's own.

use groundcrew_core::contract::{Dossier, Fix, PROPOSED};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_repair::{Bench, Facts, Progress, RepairOutcome, repair};
use groundcrew_workbench::git::{Repository, Sha};

use crate::agent::{Ending, Job, Trouble};
use crate::agents::developer::{Report, pass_on, report};
use crate::agents::searching::Searching;

/// A proposed fix with all that is needed to make its error happen.
pub(super) struct Given<'a> {
    pub(super) commit: &'a str,
    pub(super) repository: &'a Repository,
    pub(super) base: &'a Sha,
    pub(super) bench: &'a Bench,
    pub(super) facts: &'a Facts,
}

/// Takes a commit as the fix, once the error happens on demand without it.
pub(super) fn take(job: &Job<'_>, given: &Given<'_>, dossier: Dossier) -> Result<Ending, Trouble> {
    let commit = given.repository.resolve(given.commit)?;
    let diff = given.repository.diff(given.base, &commit)?;
    if diff.files.is_empty() {
        let reason = format!("{} changes nothing against {}", commit.short(), given.base.short());
        return report(job, Report::new("refused", reason));
    }
    let mut searching = Searching::begin(job);
    let mut progress = |progress: Progress| searching.tell(&progress);
    // Without a strategy the error is reproduced and located, and nothing is proposed.
    let (reproduction, root_cause) = match repair(given.bench, given.base, given.facts, &[], &mut progress)? {
        RepairOutcome::NoFix { reproduction, root_cause, .. } => (*reproduction, root_cause),
        RepairOutcome::NoRepro { root_cause, reason } => {
            return report(job, Report::new("no_repro", reason).at(root_cause));
        }
        RepairOutcome::NotSupported { language, root_cause } => {
            let reason = format!("errors of {language} cannot be made to happen again yet");
            return report(job, Report::new("no_repro", reason).at(Some(root_cause)));
        }
        RepairOutcome::Refused { root_cause, .. } => {
            let reason = "the error was raised in code that is not written in this repository";
            return report(job, Report::new("no_repro", reason).at(Some(root_cause)));
        }
        RepairOutcome::Patch(_) => return Err(Trouble::Machine("a patch came of no strategy".into())),
    };
    let subject = given.repository.history(&commit, None, 1)?.pop().map(|found| found.subject);
    job.desk.step(format!("{} is taken as the fix", commit.short()));
    let fix = Fix {
        base_sha: given.base.as_str().to_owned(),
        commit_sha: commit.as_str().to_owned(),
        round: 1,
        strategy: PROPOSED.to_owned(),
        kind: ChangeKind::Cause,
        one_line_typo: false,
        explanation: subject.unwrap_or_default(),
        patch_hash: diff.hash,
        files_changed: diff.files.into_iter().map(|file| file.path).collect(),
        reproduction: Some(reproduction),
        reverts: None,
        root_cause,
        candidates: Vec::new(),
        behaviour_notes: Vec::new(),
        as_likely: None,
        suspects: Vec::new(),
    };
    pass_on(job, dossier, fix, searching.effort())
}
