//! What the monitor takes and gives.

use serde::{Deserialize, Serialize};

use super::Common;

/// A log source as a scan names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CheckHealthContext {
    /// Names of the checks to run; empty for all.
    #[serde(default)]
    pub checks: Vec<String>,
}

/// Result of `check_health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CheckHealthResult {
    /// What every result carries; `outcome` is `ok`, `warn` or `fail`.
    #[serde(flatten)]
    pub common: Common,
    /// One per check.
    pub checks: Vec<HealthCheck>,
}

/// One health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HealthCheck {
    /// Its name.
    pub name: String,
    /// `ok`, `warn` or `fail`.
    pub status: String,
    /// What was found.
    pub detail: String,
}
