//! What a repair starts from and what it ends with.

use std::collections::BTreeSet;
use std::time::Duration;

use groundcrew_core::contract::{Candidate, DiffStat, Reproduction, RootCause, Suspect, SuspectStatement};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_core::incident::Sample;
use groundcrew_core::trace::Trace;
use groundcrew_workbench::git::{Change, Sha};

use crate::allowed::{Barrier, Budget, Need};

/// What is known about an incident.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The error as the log printed it.
    pub trace: Trace,
    /// The record and the lines before it, from which inputs may be taken.
    pub sample: Sample,
    /// Commits that may have introduced it, most likely first; blame adds to them.
    pub suspects: Vec<Suspect>,
    /// Hashes of patches that earlier rounds tried and that are not tried again.
    pub tried: Vec<String>,
    /// A reproduction that an earlier round made on the same base commit; it is checked, not searched again.
    pub reproduction: Option<Reproduction>,
    /// How large a fix may be.
    pub budget: Budget,
    /// What a person allowed for this incident.
    pub approved: BTreeSet<Need>,
    /// Ids of the tests that fail on the base and have to pass, as their framework names them, where it starts from a
    /// failing suite; the trace is that of the first. Empty where it starts from a log.
    pub failing_tests: Vec<String>,
    /// Whether it starts from a suite that fails without telling its tests apart.
    pub is_red: bool,
    /// The only files or folders that may be changed, beneath the repository; empty means any.
    pub only: Vec<String>,
}

/// How the repair went.
#[derive(Debug, Clone, PartialEq)]
pub enum RepairOutcome {
    /// A validated patch.
    Patch(Box<Repaired>),
    /// The error could not be made to happen again, and no change may go without that.
    NoRepro {
        /// The best guess at the place, if a frame lies in the repository.
        root_cause: Option<RootCause>,
        /// What was tried, in one sentence.
        reason: String,
    },
    /// The error happens again, but no proposal removes it without new failures.
    NoFix {
        /// How it was made to happen again.
        reproduction: Box<Reproduction>,
        /// The best guess at the place.
        root_cause: RootCause,
        /// What was tried and what became of it.
        tried: Vec<Candidate>,
        /// Commits that may have introduced the defect, likeliest first.
        suspects: Vec<Suspect>,
    },
    /// A rule stands in the way: of what is left, nothing cures the error.
    Refused {
        /// How it was made to happen again, where that was tried.
        reproduction: Option<Box<Reproduction>>,
        /// The best guess at the place.
        root_cause: RootCause,
        /// The rules, those that a person could lift last; never empty.
        barriers: Vec<Barrier>,
        /// What was tried and what became of it.
        tried: Vec<Candidate>,
    },
    /// The code is of a language in which nothing can be repaired yet.
    NotSupported {
        /// The language's name.
        language: String,
        /// Where the error was raised.
        root_cause: RootCause,
    },
}

impl RepairOutcome {
    /// With the statements that may hold the defect, where they are not ranked yet.
    pub(crate) fn with_ranked(mut self, statements: &[SuspectStatement]) -> Self {
        let cause = match &mut self {
            Self::Patch(repaired) => Some(&mut repaired.root_cause),
            Self::NoRepro { root_cause, .. } => root_cause.as_mut(),
            Self::NoFix { root_cause, .. }
            | Self::Refused { root_cause, .. }
            | Self::NotSupported { root_cause, .. } => Some(root_cause),
        };
        if let Some(cause) = cause.filter(|cause| cause.ranked.is_empty()) {
            cause.ranked = statements.to_vec();
        }
        self
    }
}

/// A validated patch and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Repaired {
    /// The patch that should be committed.
    pub chosen: Plausible,
    /// Other patches that passed the same checks, of other kinds, best first; the chosen one is not among them.
    pub others: Vec<Plausible>,
    /// Every candidate that was validated and what became of it, best first.
    pub candidates: Vec<Candidate>,
    /// How the error was made to happen again; none only for a revert or a one-line typo.
    pub reproduction: Option<Reproduction>,
    /// Where the defect is.
    pub root_cause: RootCause,
    /// Commits that may have introduced the defect, likeliest first; evidence that begins with `bisect` was shown by
    /// running them.
    pub suspects: Vec<Suspect>,
    /// Inputs on which the chosen patch behaves otherwise than another plausible one: one a line.
    pub behaviour_notes: Vec<String>,
    /// An input on which another one that is about as likely to be right behaves otherwise, if there is one.
    pub as_likely: Option<String>,
    /// Rules that stood in the way of other changes that cure the error.
    pub barriers: Vec<Barrier>,
}

/// A patch that passed what was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Plausible {
    /// Family that made it.
    pub strategy: String,
    /// What it does about the defect.
    pub kind: ChangeKind,
    /// Whether it is one line of a typo class.
    pub one_line_typo: bool,
    /// What it does, in one sentence.
    pub explanation: String,
    /// Hash of its new contents.
    pub patch_hash: String,
    /// The new contents, ready to be committed on the base.
    pub changes: Vec<Change>,
    /// The commit that is undone, for a revert.
    pub reverts: Option<Sha>,
    /// How much it changes.
    pub diff_stat: DiffStat,
    /// 0 to 100: how much speaks for it.
    pub score: u8,
    /// What the reproduction gives with it, where that is a literal.
    pub value: Option<String>,
}

/// A step of the repair that somebody watching may want to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The frames were found on the commit.
    Located {
        /// File of the crash.
        file: String,
        /// Line on the commit.
        line: u32,
    },
    /// A way to reproduce is being tried.
    Reproducing(&'static str),
    /// The error happens again.
    Reproduced {
        /// The call as one line.
        call: String,
    },
    /// A search beside the loaded project has ended.
    Searched {
        /// Candidates that it ran.
        validations: u32,
        /// Wall clock of it.
        time: Duration,
    },
    /// The clock ended a search that had more to try.
    OutOfTime,
    /// A candidate was validated.
    Validated {
        /// Strategy.
        strategy: String,
        /// What it does.
        explanation: String,
        /// `plausible` or why it was dropped.
        outcome: String,
    },
}
