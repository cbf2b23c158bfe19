//! What the reviewers take and give, and what publishing takes and gives.

use serde::{Deserialize, Serialize};

use super::{Common, Dossier};
use crate::word::words;

/// Context of `review_change` and `review_design`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReviewContext {
    /// Commit the change starts from.
    pub base_sha: String,
    /// Last commit of the change.
    pub head_sha: String,
    /// What is known.
    #[serde(default)]
    pub dossier: Dossier,
}

words! {
    /// Whether a change brought what was found.
    FindingState, "state of a finding" {
        /// The change brings it.
        New = "new",
        /// It stood there before, so that it never rejects.
        Existing = "existing",
    }
}

impl Default for FindingState {
    /// What was stored before there was a baseline was found in the change.
    fn default() -> Self {
        Self::New
    }
}

/// Something a reviewer found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// Stable name of the rule.
    pub rule: String,
    /// `error` rejects, `warning` is a concern, `note` informs.
    pub level: String,
    /// File.
    pub file: String,
    /// Line in the new file, 0 for the whole file.
    pub line: u32,
    /// What is wrong; never the text of a secret.
    pub message: String,
    /// Number of the weakness in the common enumeration, such as `CWE-89`.
    #[serde(default)]
    pub cwe: Option<String>,
    /// Whether the change brought it.
    #[serde(default)]
    pub state: FindingState,
}

/// A person's word that something goes on although a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Waiver {
    /// Who said it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What a reviewer decided, and the fourth part of the dossier.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Review {
    /// Who reviewed.
    pub role: String,
    /// Commit that was reviewed.
    pub head_sha: String,
    /// `pass`, `concerns` or `reject`.
    pub verdict: String,
    /// What was found.
    pub findings: Vec<Finding>,
    /// One sentence.
    pub summary: String,
    /// Paths and functions of the change that guard access, hold keys or decide rights.
    #[serde(default)]
    pub touches_sensitive: Vec<String>,
    /// Files that say what is installed, as far as the change touches them, with the lines that it adds.
    #[serde(default)]
    pub new_dependencies: Vec<String>,
    /// Mode bits, links, CI and hook files that the change touches.
    #[serde(default)]
    pub permission_changes: Vec<String>,
    /// Places where text of the log appears in the change.
    #[serde(default)]
    pub injection_suspects: Vec<String>,
    /// The person who let findings pass that reject, with their reason.
    #[serde(default)]
    pub waived: Option<Waiver>,
    /// The person who approved that sensitive places are touched.
    #[serde(default)]
    pub approved: Option<Waiver>,
    /// What the change does to the design, of the architect's review.
    #[serde(default)]
    pub design: Option<Design>,
}

/// What a change does to the design.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Design {
    /// Imports against the declared layers.
    #[serde(default)]
    pub layer_violations: Vec<String>,
    /// Import cycles that the change closes.
    #[serde(default)]
    pub new_cycles: Vec<String>,
    /// Public functions that it adds, removes or gives other parameters.
    #[serde(default)]
    pub api_changes: Vec<ApiChange>,
    /// Functions that grew, with their size and nesting before and after.
    #[serde(default)]
    pub complexity_delta: Vec<ComplexityDelta>,
    /// Lines of the program that it adds and removes.
    #[serde(default)]
    pub size_delta: SizeDelta,
    /// Functions that repeat one that is there already.
    #[serde(default)]
    pub duplication: Vec<String>,
    /// Where the fix is and where the defect is.
    #[serde(default)]
    pub root_cause_check: Option<RootCauseCheck>,
    /// What is worth doing later, never in this change.
    #[serde(default)]
    pub follow_ups: Vec<String>,
}

/// A change of a public function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ApiChange {
    /// File and name: `shop/stock.py:Shelf.take`.
    pub symbol: String,
    /// `added`, `removed` or `parameters`.
    pub kind: String,
    /// Whether callers that were right break.
    pub breaking: bool,
    /// What it was and what it is.
    #[serde(default)]
    pub detail: String,
}

/// How a function grew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ComplexityDelta {
    /// File and name.
    pub function: String,
    /// Lines before and after.
    pub lines: (u32, u32),
    /// Depth of nested blocks before and after.
    pub nesting: (u32, u32),
    /// Whether it is now beyond what nine of ten functions of its module are.
    pub outgrown: bool,
}

/// Lines of the program that a change adds and removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SizeDelta {
    /// Files.
    pub files: u64,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
}

/// Whether a fix is where the defect is, or only at one of the places where it shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RootCauseCheck {
    /// Function that the fix changes: `file:name`.
    pub fix_in_frame: Option<String>,
    /// Function in which the error was raised.
    pub cause_in_frame: Option<String>,
    /// Other functions of the program that call the one in which the error was raised; at most 20.
    pub callers_affected: Vec<String>,
    /// Places with the same form of code, which may have the same defect; at most 20.
    #[serde(default)]
    pub same_pattern_elsewhere: Vec<String>,
}

/// Result of `review_change` and `review_design`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReviewResult {
    /// What every result carries; `outcome` is the verdict.
    #[serde(flatten)]
    pub common: Common,
    /// What was decided.
    pub review: Review,
}

/// Context of `publish_fix`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PublishFixContext {
    /// Branch that a person will see.
    pub branch: String,
    /// Commit the change starts from.
    pub base_sha: String,
    /// Last commit of the change.
    pub head_sha: String,
    /// What is known.
    #[serde(default)]
    pub dossier: Dossier,
}

/// Result of `publish_fix`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PublishFixResult {
    /// What every result carries; `outcome` is `approved` or `rejected`.
    #[serde(flatten)]
    pub common: Common,
    /// The branch.
    pub branch: String,
    /// Its last commit.
    pub head_sha: String,
    /// The branch that was fast-forwarded, if one was named.
    pub into: Option<String>,
    /// What is to be known about the branch that the fix starts from, where it has moved meanwhile.
    #[serde(default)]
    pub moved: Option<String>,
}

/// Context of `scan_secrets`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScanSecretsContext {
    /// The commit whose whole tree is searched; none means the head of the user's branch.
    #[serde(default, alias = "tree_sha", alias = "head_sha")]
    pub commit_sha: Option<String>,
    /// Only what the way to that commit from this one adds.
    #[serde(default, alias = "base_sha")]
    pub since_sha: Option<String>,
}

/// A secret in a repository; its text is never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SecretFound {
    /// Kind of secret, such as `aws-key`.
    pub rule: String,
    /// File.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Hash under this database's own key; equal secrets have equal hashes.
    pub hash: String,
    /// `error` where its form tells what it is, `warning` where only the name beside it does.
    pub level: String,
    /// Whether an earlier scan of this project had not found it in this file.
    pub state: FindingState,
}

/// Result of `scan_secrets`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScanSecretsResult {
    /// What every result carries; `outcome` is `clean`, `known` or `found`.
    #[serde(flatten)]
    pub common: Common,
    /// The commit.
    pub commit_sha: String,
    /// The commit from which on, for a range.
    #[serde(default)]
    pub since_sha: Option<String>,
    /// Secrets.
    pub findings: Vec<SecretFound>,
    /// Whether a secret is still in force: `unknown`, since asking would mean to use it.
    pub verified: String,
    /// Files searched.
    pub files: u64,
    /// Files not searched, with the reason.
    #[serde(default)]
    pub skipped: Vec<String>,
}

/// Context of `audit_dependencies`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AuditDependenciesContext {
    /// The commit; none means the head of the user's branch.
    #[serde(default, alias = "head_sha")]
    pub commit_sha: Option<String>,
}

/// A locked package with a known hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VulnerablePackage {
    /// Its name.
    pub package: String,
    /// Its locked version.
    pub version: String,
    /// Id of the advisory.
    pub id: String,
    /// First version without it, where the snapshot names one.
    pub fixed_in: Option<String>,
    /// File that locks it.
    pub file: String,
}

/// Result of `audit_dependencies`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AuditDependenciesResult {
    /// What every result carries; `outcome` is `clean`, `vulnerable` or `unknown`.
    #[serde(flatten)]
    pub common: Common,
    /// The commit.
    pub commit_sha: String,
    /// Packages with a known hole.
    pub vulnerable: Vec<VulnerablePackage>,
    /// Locked packages that were looked up.
    pub packages: u64,
    /// Age of the advisories in days; none where there are none.
    pub snapshot_age_days: Option<i64>,
}

/// Context of `triage_vulnerability`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TriageVulnerabilityContext {
    /// The commit to repair; none means the head of the user's branch.
    #[serde(default)]
    pub base_sha: Option<String>,
    /// What is known.
    #[serde(default)]
    pub dossier: Dossier,
}

/// Result of `triage_vulnerability`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TriageVulnerabilityResult {
    /// What every result carries; `outcome` is the route.
    #[serde(flatten)]
    pub common: Common,
    /// `likely`, `unlikely` or `unknown`.
    pub exploitable: String,
    /// `developer` or `human`.
    pub route: String,
}
