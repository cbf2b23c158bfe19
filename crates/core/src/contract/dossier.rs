//! What one workflow knows, and what went before.

use serde::{Deserialize, Serialize};

use super::{Classification, Fix, Reason, Review, Verification};
use crate::agent::Cost;
use crate::incident::Sample;

/// What one workflow knows, handed from role to role.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// How often the fix was made anew because the branch it starts from had moved; not a round.
    #[serde(default)]
    pub rebases: u32,
}

/// A try at a fix that was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PreviousRound {
    /// Hash of its patch, which is not tried again.
    pub patch_hash: String,
    /// Strategy that made it.
    pub strategy: String,
    /// Who rejected it: a role or `user`.
    pub rejected_by: String,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Tests that failed only with it.
    #[serde(default)]
    pub failing_tests: Vec<String>,
}
