//! What each task type takes and gives, as typed JSON.
//!
//! A context is read with tolerance: unknown fields are ignored and missing ones have defaults, since other programs
//! may create tasks too. What one role learns travels to the next in the [`Dossier`]; reviewers use it to know what
//! was claimed and read the change itself from git.

mod developer;
mod dossier;
mod monitor;
pub mod published;
mod qa;
mod question;
mod review;
mod triage;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::Cost;

pub use developer::*;
pub use dossier::*;
pub use monitor::*;
pub use qa::*;
pub use question::*;
pub use review::*;
pub use triage::*;

/// The task types of the six agents.
pub mod task_type {
    /// Monitor: read a log source from where it stopped.
    pub const SCAN_LOGS: &str = "scan_logs";
    /// Monitor: notice errors that burst, return or are gone, and sources that fell silent.
    pub const WATCH_INCIDENTS: &str = "watch_incidents";
    /// Monitor: check the service and the crew itself.
    pub const CHECK_HEALTH: &str = "check_health";
    /// Triage: decide what an incident is and where it goes.
    pub const CLASSIFY_ERROR: &str = "classify_error";
    /// Developer: reproduce and repair.
    pub const FIX_BUG: &str = "fix_bug";
    /// Qa: verify a fix in a fresh checkout and grade it.
    pub const VERIFY_FIX: &str = "verify_fix";
    /// Qa: run the suite on a commit as it is and keep what fails and what is flaky.
    pub const VERIFY_BASE: &str = "verify_base";
    /// Qa: write the test that fails without a fix and passes with it.
    pub const WRITE_REGRESSION_TEST: &str = "write_regression_test";
    /// Security: review the change for holes.
    pub const REVIEW_CHANGE: &str = "review_change";
    /// Security: look for secrets in a commit or a range of commits.
    pub const SCAN_SECRETS: &str = "scan_secrets";
    /// Security: compare locked packages with a snapshot of advisories.
    pub const AUDIT_DEPENDENCIES: &str = "audit_dependencies";
    /// Security: decide whether an incident about security goes to the developer or to a person.
    pub const TRIAGE_VULNERABILITY: &str = "triage_vulnerability";
    /// Architect: review the change for its design.
    pub const REVIEW_DESIGN: &str = "review_design";
    /// Developer: put the branch in its place, ask for approval, and carry the decision out.
    pub const PUBLISH_FIX: &str = "publish_fix";
    /// Any role: answer what another role asks while its task waits.
    pub const ANSWER_QUESTION: &str = "answer_question";
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BrainId {
    /// `rules`, `model`, `acp` or `command`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What every result carries.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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
