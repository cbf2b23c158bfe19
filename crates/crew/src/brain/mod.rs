//! What an agent thinks with.
//!
//! A brain replaces judgement only: it classifies, proposes and remarks. Leases, sandbox, execution, evidence, grades
//! and approvals are the same whatever the brain, and no brain decides a verdict that can be executed. A remark may
//! add a finding, never take one away.

pub(crate) mod language;
pub(crate) mod rules;

use groundcrew_core::contract::{BrainId, Classification, Counts, Finding, Suspect};
use groundcrew_core::incident::Sample;
use groundcrew_core::trace::Frame;
use groundcrew_repair::strategies::Strategy;
use groundcrew_workbench::git::Diff;

pub use rules::Rules;

/// What triage knows about an error before it is judged.
#[derive(Debug, Clone)]
pub struct ErrorFacts<'a> {
    /// What it looked like.
    pub sample: &'a Sample,
    /// How often it was seen; where the times are not known, all of it within a day.
    pub counts: Counts,
    /// Seconds since it was last seen.
    pub idle_s: u64,
    /// Why triage looks: `new`, `still_happening`, `returned`, `burst`.
    pub reason: &'a str,
    /// The in-app frame, resolved to a file of the repository.
    pub frame: Option<&'a Frame>,
    /// Whether the line is the one that the log printed.
    pub exact: bool,
    /// Whether all frames of the repository lie in one file.
    pub one_file: bool,
    /// Why the frame is not at the commit that fixes start from, where that is known.
    pub elsewhere: Option<&'a str>,
    /// Commits that may have introduced it, most likely first.
    pub suspects: &'a [Suspect],
    /// Whether there are tests for the module of the frame.
    pub tested: bool,
    /// Release in which it happens.
    pub release: Option<&'a str>,
    /// Whether it appeared with that release.
    pub new_in_release: bool,
    /// Where the program ran.
    pub environment: Option<&'a str>,
    /// Exceptions by which this program tells its callers that they are wrong, as the project's settings name them.
    pub user_errors: &'a [String],
}

/// A change under review.
#[derive(Debug)]
pub struct ChangeFacts<'a> {
    /// The change, read from git.
    pub diff: &'a Diff,
    /// What the incident looked like: hostile text.
    pub sample: &'a Sample,
}

/// Judgement, behind one interface for all kinds of brains.
pub trait Brain: Send + Sync {
    /// What it is, for the audit.
    fn id(&self) -> BrainId;

    /// Says what an error is and where it goes.
    fn classify(&self, facts: &ErrorFacts<'_>) -> Classification;

    /// Ways to repair, in the order in which they are to be tried.
    fn strategies(&self) -> Vec<Box<dyn Strategy>>;

    /// Findings about security beyond those of the rules that always run.
    fn remark_on_security(&self, _change: &ChangeFacts<'_>) -> Vec<Finding> {
        Vec::new()
    }

    /// Findings about design beyond those of the rules that always run.
    fn remark_on_design(&self, _change: &ChangeFacts<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
