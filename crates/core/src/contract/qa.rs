//! What qa takes and gives.

use serde::{Deserialize, Serialize};

use super::{Common, Dossier, Waiver};
use crate::evidence::{Gates, Grade};

/// Context of `verify_fix`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerifyFixContext {
    /// What is known; the fix must be there.
    #[serde(default)]
    pub dossier: Dossier,
}

/// One executed check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// `passed`, `failed`, `missing` or another word of its gate.
    pub status: String,
    /// What was seen.
    pub detail: String,
    /// Where the runs behind it are written down: `log:TASK/CLAIM/NAME`, entries of the audit log whose data name it.
    #[serde(default)]
    pub evidence_ref: Option<String>,
}

/// How often something failed in a number of runs.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub struct Rate {
    /// Runs that failed.
    pub failed: u32,
    /// Runs that told something.
    pub runs: u32,
}

impl Rate {
    /// Adds a run.
    pub fn count(&mut self, failed: bool) {
        self.runs += 1;
        self.failed += u32::from(failed);
    }

    /// Whether it failed at times and passed at times.
    pub const fn is_mixed(self) -> bool {
        self.failed > 0 && self.failed < self.runs
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.failed, self.runs)
    }
}

/// A test that fails at times on an unchanged commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FlakyTest {
    /// Its id, as the runner names it.
    pub test: String,
    /// How often it failed without the fix.
    pub base: Rate,
    /// How often it failed with the fix; no runs where there is none.
    #[serde(default)]
    pub head: Rate,
}

/// The suite on a commit as it is without any change of the crew: what fails there is the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BaseState {
    /// Commit, test command and environment as one hash: a state with the same key is not measured again.
    pub key: String,
    /// The commit.
    pub commit_sha: String,
    /// How the suite went.
    pub suite: SuiteCount,
    /// Ids of all tests that ran; empty where they were too many to keep, and then the suite is run again.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Ids of the tests that failed every time.
    pub failing: Vec<String>,
    /// Tests that failed at times.
    pub flaky: Vec<FlakyTest>,
}

/// Context of `verify_base`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerifyBaseContext {
    /// The commit; none means the head of the user's branch.
    #[serde(default)]
    pub commit_sha: Option<String>,
}

/// Result of `verify_base`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerifyBaseResult {
    /// What every result carries; `outcome` is `green` or `red`.
    #[serde(flatten)]
    pub common: Common,
    /// What was found.
    pub base: BaseState,
    /// Whether an earlier run had measured it already.
    #[serde(default)]
    pub known: bool,
}

/// Result of `write_regression_test`; its context is that of `verify_fix`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WriteRegressionTestResult {
    /// What every result carries; `outcome` is `written` or `not_written`.
    #[serde(flatten)]
    pub common: Common,
    /// Path of the test beneath the repository.
    pub test_path: Option<String>,
    /// Its id, as the runner names it.
    pub test_id: Option<String>,
    /// Its whole content.
    pub content: Option<String>,
    /// Whether it fails without the fix.
    pub fails_on_base: bool,
    /// Whether it passes with the fix.
    pub passes_on_head: bool,
    /// Mutants of the fix that this test alone notices.
    pub kills: u32,
    /// Mutants that were made.
    pub mutants: u32,
    /// Commit of the fix with the test on top, where it was written.
    pub head_sha: Option<String>,
}

/// How a test suite went on one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SuiteCount {
    /// Tests collected.
    pub collected: u64,
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were skipped.
    pub skipped: u64,
    /// Tests that failed at times.
    #[serde(default)]
    pub flaky: u64,
}

/// Result of `verify_fix`, and the third part of the dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verification {
    /// Commit that was repaired.
    pub base_sha: String,
    /// Last commit of the branch: the fix and, where one was possible, the regression test.
    pub head_sha: String,
    /// Tree of that commit.
    pub tree_sha: String,
    /// The grade, if it was accepted.
    pub grade: Option<Grade>,
    /// What every gate said.
    pub gates: Gates,
    /// Every check with what was seen.
    pub checks: Vec<Check>,
    /// The suite on the base commit.
    pub suite_base: Option<SuiteCount>,
    /// The suite on the last commit.
    pub suite_head: Option<SuiteCount>,
    /// Tests that fail only with the fix.
    pub new_failures: Vec<String>,
    /// Inputs on which behaviour differs.
    pub behaviour_diff: Vec<String>,
    /// Mutants that survived, with what is known.
    pub survivors: Vec<String>,
    /// Mutants made and killed.
    pub mutants: (u32, u32),
    /// Sandbox level of the runs.
    pub sandbox: String,
    /// How often the reproduction failed as the incident did, without and with the fix.
    #[serde(default)]
    pub reproduction: Option<ReproductionRuns>,
    /// Tests that failed without the fix and pass with it.
    #[serde(default)]
    pub fixed: Vec<String>,
    /// Tests that failed without the fix too: the baseline, which does not count against it.
    #[serde(default)]
    pub known_failures: Vec<String>,
    /// Tests that come and go on an unchanged commit; they count neither for nor against the fix.
    #[serde(default)]
    pub flaky: Vec<FlakyTest>,
    /// Hash of interpreter, sandbox level, test command and installed packages' folders.
    #[serde(default)]
    pub env_hash: String,
    /// Wall clock of all gates, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// Runs of the suite or of a part of it.
    #[serde(default)]
    pub suite_runs: u32,
    /// The person who wants the fix as a draft although it was rejected, with their reason.
    #[serde(default)]
    pub insisted: Option<Waiver>,
}

/// How often a reproduction failed as the incident did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReproductionRuns {
    /// Without the fix.
    pub before: Rate,
    /// With the fix.
    pub after: Rate,
}

/// Result of `verify_fix`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerifyFixResult {
    /// What every result carries; `outcome` is `accepted`, `rejected` or `inconclusive`.
    #[serde(flatten)]
    pub common: Common,
    /// What was shown.
    pub verification: Verification,
    /// The suite on the base commit, kept so that the next fix on it need not run it again.
    #[serde(default)]
    pub base: Option<BaseState>,
}
