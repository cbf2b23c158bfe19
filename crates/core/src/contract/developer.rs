//! What the developer takes and gives for a repair.

use serde::{Deserialize, Serialize};

use super::{Common, Dossier, Suspect};
use crate::evidence::ChangeKind;

/// Context of `fix_bug`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FixBugContext {
    /// 1 to 3.
    #[serde(default = "first_round")]
    pub round: u32,
    /// The commit to repair; none means the head of the user's branch.
    #[serde(default)]
    pub base_sha: Option<String>,
    /// The error as text, where there is no dossier.
    #[serde(default, alias = "error_message", alias = "error_text", alias = "message", alias = "text")]
    pub error: Option<String>,
    /// Lines that were logged just before the error, oldest first, where there is no dossier.
    #[serde(default)]
    pub before: Vec<String>,
    /// A commit that is taken as the fix instead of searching for one: it is verified and reviewed, and has its own branch.
    #[serde(default)]
    pub proposed: Option<String>,
    /// Whether it starts from the tests that fail on the base, where no log tells of an error.
    #[serde(default)]
    pub from_tests: bool,
    /// What is known.
    #[serde(default)]
    pub dossier: Dossier,
}

fn first_round() -> u32 {
    1
}

/// The strategy of a fix that somebody else has made.
pub const PROPOSED: &str = "proposed";

/// How an error was made to happen again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reproduction {
    /// `test`, `generated_call` or `logged_input`.
    pub kind: String,
    /// Where its input came from, in one sentence.
    pub origin: String,
    /// A self-contained Python script that raises the error when run at the root of a checkout.
    pub script: String,
    /// The call as one line, for people.
    pub call: String,
    /// A regression test in the project's style: its file and whole content.
    #[serde(default)]
    pub regression_test: Option<TestFile>,
    /// The existing test that fails, for `test`.
    #[serde(default)]
    pub test_id: Option<String>,
    /// Commit on which it fails.
    pub fails_on: String,
    /// Exception type that counts as the same failure.
    pub exception: String,
    /// File of the in-app frame that counts as the same failure.
    pub file: String,
    /// Function of that frame.
    pub function: String,
}

/// A test file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TestFile {
    /// Path beneath the repository.
    pub path: String,
    /// Whole content.
    pub content: String,
    /// Id of the test as the runner names it.
    pub id: String,
}

/// Result of `fix_bug` where a patch was made, and the second part of the dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Fix {
    /// Commit that was repaired.
    pub base_sha: String,
    /// Commit of the fix.
    pub commit_sha: String,
    /// 1 to 3.
    pub round: u32,
    /// Which strategy made it.
    pub strategy: String,
    /// What it does about the defect.
    pub kind: ChangeKind,
    /// Whether it is one line of a typo class.
    pub one_line_typo: bool,
    /// What it does, in one sentence.
    pub explanation: String,
    /// Hash of the patch.
    pub patch_hash: String,
    /// Files it changes.
    pub files_changed: Vec<String>,
    /// How the error was made to happen again; none only for a revert or a one-line typo.
    pub reproduction: Option<Reproduction>,
    /// The commit that is undone, for a revert.
    #[serde(default)]
    pub reverts: Option<String>,
    /// Where the defect is and why there.
    pub root_cause: RootCause,
    /// All candidates that were validated, best first.
    pub candidates: Vec<Candidate>,
    /// Where the change behaves otherwise than a candidate of another kind, or than before: one input a line.
    #[serde(default)]
    pub behaviour_notes: Vec<String>,
    /// An input on which another candidate that is about as likely to be right behaves otherwise, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_likely: Option<String>,
    /// Commits that may have introduced the defect, with what running them showed, likeliest first.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
}

impl Fix {
    /// Whether somebody else made it, and only wants to know what it is worth.
    pub fn is_proposed(&self) -> bool {
        self.strategy == PROPOSED
    }
}

/// Where a defect is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RootCause {
    /// File beneath the repository.
    pub file: String,
    /// Line on the base commit.
    pub line: u32,
    /// The statement.
    pub statement: String,
    /// Why here.
    pub why: String,
    /// Statements that may hold the defect, most suspicious first, this one among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranked: Vec<SuspectStatement>,
}

/// A statement that may hold a defect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SuspectStatement {
    /// File beneath the repository.
    pub file: String,
    /// Line on the base commit.
    pub line: u32,
    /// The statement on one line.
    pub statement: String,
    /// 0 to 1.
    pub score: f64,
    /// What speaks for it.
    pub reason: String,
}

/// A candidate patch and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Candidate {
    /// Strategy.
    pub strategy: String,
    /// What it does about the defect.
    pub kind: ChangeKind,
    /// Hash of its patch.
    pub patch_hash: String,
    /// What it does, in one sentence.
    pub explanation: String,
    /// `plausible`, or why it was dropped.
    pub outcome: String,
    /// How much it changes.
    #[serde(default)]
    pub diff_stat: DiffStat,
    /// Whether the reproduction passes with it; none if it was not run.
    #[serde(default)]
    pub repro_pass: Option<bool>,
    /// What the suite says about it; none if it was not run or there is none.
    #[serde(default)]
    pub suite_delta: Option<SuiteDelta>,
    /// 0 to 100: how much speaks for it, before the checks of the other roles.
    #[serde(default)]
    pub score: u8,
}

/// How much a change changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DiffStat {
    /// Files.
    pub files: u32,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
}

/// How the suite with a change differs from the suite without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SuiteDelta {
    /// Tests that fail with it and did not before.
    pub newly_failing: u32,
    /// Tests that pass with it and failed before.
    pub newly_passing: u32,
}

/// Result of `fix_bug`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FixBugResult {
    /// What every result carries; `outcome` is `patch`, `no_repro`, `no_fix` or `refused`.
    #[serde(flatten)]
    pub common: Common,
    /// The fix, for `patch`.
    pub fix: Option<Fix>,
    /// Where the defect lies, as far as it is known.
    #[serde(default)]
    pub root_cause: Option<RootCause>,
    /// How the error was made to happen again, for `no_fix`.
    #[serde(default)]
    pub reproduction: Option<Reproduction>,
    /// Commits that may have introduced the defect, likeliest first; those shown by running them say `bisect`.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
    /// What was validated, where there is no fix that carries it.
    #[serde(default)]
    pub tried: Vec<Candidate>,
    /// How much the search did.
    #[serde(default)]
    pub effort: Effort,
}

/// How much a search for a fix did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Effort {
    /// Candidates that were run.
    pub validations: u32,
    /// Wall clock of running them, in milliseconds.
    pub validation_ms: u64,
    /// Wall clock of the whole search with reproducing and locating, in milliseconds.
    pub search_ms: u64,
    /// Whether the clock ended it before its bound on candidates, so that a faster machine may come to something else.
    #[serde(default)]
    pub cut_by_clock: bool,
}
