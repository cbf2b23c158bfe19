//! What each task type takes and gives, as typed JSON.
//!
//! A context is read with tolerance: unknown fields are ignored and missing ones have defaults, since other programs
//! may create tasks too. What one role learns travels to the next in the [`Dossier`]; reviewers use it to know what
//! was claimed and read the change itself from git.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::Cost;
use crate::evidence::{ChangeKind, Gates, Grade};
use crate::incident::{Category, Sample, Severity};
use crate::trace::{Frame, Trace};
use crate::word::words;

/// The task types of the six agents.
pub mod task_type {
    /// Monitor: read a log source from where it stopped.
    pub const SCAN_LOGS: &str = "scan_logs";
    /// Monitor: check the service and the crew itself.
    pub const CHECK_HEALTH: &str = "check_health";
    /// Triage: decide what an incident is and where it goes.
    pub const CLASSIFY_ERROR: &str = "classify_error";
    /// Developer: reproduce and repair.
    pub const FIX_BUG: &str = "fix_bug";
    /// Qa: verify a fix in a fresh checkout and grade it.
    pub const VERIFY_FIX: &str = "verify_fix";
    /// Security: review the change for holes.
    pub const REVIEW_CHANGE: &str = "review_change";
    /// Architect: review the change for its design.
    pub const REVIEW_DESIGN: &str = "review_design";
    /// Developer: put the branch in its place, ask for approval, and carry the decision out.
    pub const PUBLISH_FIX: &str = "publish_fix";
}

/// Rounds of one workflow: tries at a fix, counted apart from the retries of a row.
pub const MAX_ROUNDS: u32 = 3;

/// A context that does not have the form its task type needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the context of {task_type} cannot be read: {reason}")]
pub struct BadContext {
    /// The task type.
    pub task_type: String,
    /// What is wrong.
    pub reason: String,
}

/// Reads a context; a missing one counts as empty.
///
/// # Errors
/// Names the field that has the wrong type or is missing.
pub fn read_context<T: DeserializeOwned>(task_type: &str, context: &Value) -> Result<T, BadContext> {
    let object = if context.is_null() { Value::Object(serde_json::Map::new()) } else { context.clone() };
    serde_json::from_value(object)
        .map_err(|error| BadContext { task_type: task_type.to_owned(), reason: error.to_string() })
}

/// Why something was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable word for programs.
    pub code: String,
    /// Sentence for people.
    pub text: String,
}

impl Reason {
    /// A reason of a code and a sentence.
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into() }
    }
}

/// What an agent thought with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BrainId {
    /// `rules`, `model`, `acp` or `command`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What every result carries.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Common {
    /// One word for how it went; the list depends on the task type.
    pub outcome: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Why.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// What it used.
    #[serde(default)]
    pub cost: Cost,
    /// What it was thought with.
    #[serde(default)]
    pub brain: BrainId,
}

/// A log source as a scan names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSource {
    /// `file`, for now the only kind.
    #[serde(default = "file_kind")]
    pub kind: String,
    /// Absolute path.
    pub path: String,
}

fn file_kind() -> String {
    "file".into()
}

/// Context of `scan_logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanLogsContext {
    /// What to read.
    pub source: LogSource,
    /// Most bytes to read in this task.
    #[serde(default)]
    pub max_bytes: Option<u64>,
    /// Whether the last record counts as finished now, though its writer might still add to it.
    #[serde(default)]
    pub flush: bool,
}

/// Result of `scan_logs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanLogsResult {
    /// What every result carries; `outcome` is `read`.
    #[serde(flatten)]
    pub common: Common,
    /// The source.
    pub source: LogSource,
    /// Bytes read.
    pub bytes: u64,
    /// Lines read.
    pub lines: u64,
    /// Records assembled from them.
    pub records: u64,
    /// Records without a header that could be read.
    pub unparsed: u64,
    /// Secrets taken out.
    pub redactions: u64,
    /// Bytes that could not be read, with the reason.
    pub dropped: Vec<String>,
    /// Errors by fingerprint with their counts.
    pub errors: Vec<SeenError>,
    /// Whether more was there than this task read.
    pub more: bool,
}

/// An error of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenError {
    /// What makes two occurrences the same error.
    pub fingerprint: String,
    /// One line for people.
    pub title: String,
    /// Occurrences.
    pub count: u64,
    /// Older than the baseline window: recorded, not worked.
    pub history: bool,
}

/// Context of `check_health`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CheckHealthContext {
    /// Names of the checks to run; empty for all.
    #[serde(default)]
    pub checks: Vec<String>,
}

/// Result of `check_health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckHealthResult {
    /// What every result carries; `outcome` is `ok`, `warn` or `fail`.
    #[serde(flatten)]
    pub common: Common,
    /// One per check.
    pub checks: Vec<HealthCheck>,
}

/// One health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Its name.
    pub name: String,
    /// `ok`, `warn` or `fail`.
    pub status: String,
    /// What was found.
    pub detail: String,
}

/// Context of `classify_error`. An error text is enough, under any of its usual names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClassifyErrorContext {
    /// Why triage must look: `new`, `still_happening`, `returned`.
    #[serde(default)]
    pub reason: Option<String>,
    /// Fingerprint of the incident.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// The error as text, where the incident has no sample of its own.
    #[serde(
        default,
        alias = "error_message",
        alias = "error_text",
        alias = "message",
        alias = "text",
        alias = "log"
    )]
    pub error: Option<String>,
    /// The parsed trace.
    #[serde(default)]
    pub trace: Option<Trace>,
}

words! {
    /// Where an incident goes after triage.
    Route, "route" {
        /// To the developer: a defect of this repository.
        Developer = "developer",
        /// To the security agent first.
        Security = "security",
        /// To a person.
        Human = "human",
        /// Nowhere: no code fix is right.
        Ignore = "ignore",
    }
}

/// Result of `classify_error`, and the first part of the dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifyErrorResult {
    /// What every result carries; `outcome` is the route.
    #[serde(flatten)]
    pub common: Common,
    /// What was decided.
    pub classification: Classification,
}

/// What triage decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// What kind of fault it is.
    pub category: Category,
    /// How bad it is.
    pub severity: Severity,
    /// 1 to 10.
    pub priority: u8,
    /// Where it goes.
    pub route: Route,
    /// 0 to 1: how likely a repair is.
    pub fixability: f64,
    /// The frame of the defect, resolved to a file of the repository.
    pub in_app_frame: Option<Frame>,
    /// Commits that may have introduced it, most likely first.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
    /// Why, in one sentence; for `ignore` and `human` the reason there is no code fix.
    pub reason: String,
}

/// A commit that may have introduced a defect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The commit.
    pub sha: String,
    /// Its subject line.
    pub subject: String,
    /// 0 to 1.
    pub score: f64,
    /// What speaks for it.
    pub evidence: String,
}

/// What one workflow knows, handed from role to role.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Dossier {
    /// One line about the incident.
    #[serde(default)]
    pub title: String,
    /// What it looked like.
    #[serde(default)]
    pub sample: Sample,
    /// What triage decided.
    #[serde(default)]
    pub classification: Option<Classification>,
    /// Rounds that were rejected.
    #[serde(default)]
    pub previous_rounds: Vec<PreviousRound>,
    /// What the developer did.
    #[serde(default)]
    pub fix: Option<Fix>,
    /// What qa showed.
    #[serde(default)]
    pub verification: Option<Verification>,
    /// What the reviewers found.
    #[serde(default)]
    pub reviews: Vec<Review>,
    /// What the workflow has used so far.
    #[serde(default)]
    pub cost: Cost,
}

/// A try at a fix that was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousRound {
    /// Hash of its patch, which is not tried again.
    pub patch_hash: String,
    /// Strategy that made it.
    pub strategy: String,
    /// Who rejected it: a role or `user`.
    pub rejected_by: String,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Context of `fix_bug`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// What is known.
    #[serde(default)]
    pub dossier: Dossier,
}

fn first_round() -> u32 {
    1
}

/// How an error was made to happen again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestFile {
    /// Path beneath the repository.
    pub path: String,
    /// Whole content.
    pub content: String,
    /// Id of the test as the runner names it.
    pub id: String,
}

/// Result of `fix_bug` where a patch was made, and the second part of the dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}

/// Where a defect is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RootCause {
    /// File beneath the repository.
    pub file: String,
    /// Line on the base commit.
    pub line: u32,
    /// The statement.
    pub statement: String,
    /// Why here.
    pub why: String,
}

/// A candidate patch and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// Result of `fix_bug`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FixBugResult {
    /// What every result carries; `outcome` is `patch`, `no_repro`, `no_fix` or `refused`.
    #[serde(flatten)]
    pub common: Common,
    /// The fix, for `patch`.
    pub fix: Option<Fix>,
    /// How the error was made to happen again, for `no_fix`.
    #[serde(default)]
    pub reproduction: Option<Reproduction>,
}

/// Context of `verify_fix`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VerifyFixContext {
    /// What is known; the fix must be there.
    #[serde(default)]
    pub dossier: Dossier,
}

/// One executed check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// `passed`, `failed`, `missing` or another word of its gate.
    pub status: String,
    /// What was seen.
    pub detail: String,
}

/// How a test suite went on one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyFixResult {
    /// What every result carries; `outcome` is `accepted`, `rejected` or `inconclusive`.
    #[serde(flatten)]
    pub common: Common,
    /// What was shown.
    pub verification: Verification,
}

/// Context of `review_change` and `review_design`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReviewContext {
    /// Commit the change starts from.
    pub base_sha: String,
    /// Last commit of the change.
    pub head_sha: String,
    /// What is known.
    #[serde(default)]
    pub dossier: Dossier,
}

/// Something a reviewer found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// What a reviewer decided, and the fourth part of the dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}

/// Result of `review_change` and `review_design`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewResult {
    /// What every result carries; `outcome` is the verdict.
    #[serde(flatten)]
    pub common: Common,
    /// What was decided.
    pub review: Review,
}

/// Context of `publish_fix`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}
