//! What qa takes and gives.

use serde::{Deserialize, Serialize};

use super::{Common, Dossier};
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
}

/// Result of `verify_fix`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerifyFixResult {
    /// What every result carries; `outcome` is `accepted`, `rejected` or `inconclusive`.
    #[serde(flatten)]
    pub common: Common,
    /// What was shown.
    pub verification: Verification,
}
