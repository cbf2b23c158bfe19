//! What the reviewers take and give, and what publishing takes and gives.

use serde::{Deserialize, Serialize};

use super::{Common, Dossier};

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
}

/// What a reviewer decided, and the fourth part of the dossier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
}
