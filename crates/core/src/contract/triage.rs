//! What triage takes and gives.

use serde::{Deserialize, Serialize};

use super::Common;
use crate::incident::{Category, Severity};
use crate::trace::{Frame, Trace};
use crate::word::words;

/// Context of `classify_error`. An error text is enough, under any of its usual names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClassifyErrorResult {
    /// What every result carries; `outcome` is the route.
    #[serde(flatten)]
    pub common: Common,
    /// What was decided.
    pub classification: Classification,
}

/// What triage decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
