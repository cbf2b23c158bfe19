//! What the monitor takes and gives.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Common;
use crate::task::IncidentId;
use crate::template::Noticed;

/// A log source as a scan names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LogSource {
    /// `file`, or `pipe` for what the process that works the task reads from its standard input.
    #[serde(default = "file_kind")]
    pub kind: String,
    /// Absolute path; of a pipe, `pipe:` and the name that the user gave it.
    pub path: String,
}

impl Default for LogSource {
    fn default() -> Self {
        Self { kind: file_kind(), path: String::new() }
    }
}

fn file_kind() -> String {
    "file".into()
}

/// Context of `scan_logs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScanLogsContext {
    /// What to read.
    pub source: LogSource,
    /// Most bytes to read in this task.
    #[serde(default)]
    pub max_bytes: Option<u64>,
    /// Whether the last record counts as finished now, though its writer might still add to it.
    #[serde(default)]
    pub flush: bool,
    /// Errors from before this moment are history: recorded and not worked. None means as configured.
    #[serde(default)]
    pub since: Option<Timestamp>,
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
    /// What was left out, a sentence each.
    pub dropped: Vec<String>,
    /// What is lost of it for good, a sentence each.
    #[serde(default)]
    pub lost: Vec<String>,
    /// Some records without a header that could be read, secrets taken out.
    #[serde(default)]
    pub unparsed_examples: Vec<String>,
    /// Entries of a journal on a pipe that were passed over because they had been read before.
    #[serde(default)]
    pub repeated: u64,
    /// On the first reading of a log, the moment before which its errors count as history.
    #[serde(default)]
    pub baseline: Option<Timestamp>,
    /// Records that are errors.
    #[serde(default)]
    pub error_records: u64,
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
    /// Milliseconds that the checked service took to answer, for checks that ask one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
}

/// Context of `watch_incidents`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchIncidentsContext {
    /// Seconds that count as now; none means as configured.
    #[serde(default)]
    pub window_s: Option<u64>,
    /// Days before that which count as usual; none means as configured.
    #[serde(default)]
    pub baseline_days: Option<u64>,
}

/// Result of `watch_incidents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WatchIncidentsResult {
    /// What every result carries; `outcome` is `quiet` or `changed`.
    #[serde(flatten)]
    pub common: Common,
    /// Errors that come much more often than they used to.
    pub bursts: Vec<Burst>,
    /// The same of those that a person ignores; they are told and not worked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_bursts: Vec<Burst>,
    /// Errors that came back although their fix is released.
    pub returned: Vec<Watched>,
    /// Sources that wrote steadily and have stopped.
    pub silenced: Vec<Silenced>,
    /// Errors that are gone since their fix was released, while their source goes on writing.
    pub resolved: Vec<Watched>,
    /// Approved fixes that were found in the released code.
    pub released: Vec<Watched>,
    /// Kinds of lines that are new, surge, or stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Noticed>,
    /// How many more there were at once than are told one by one.
    #[serde(default)]
    pub lines_untold: u64,
}

/// An error that comes much more often than it used to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Burst {
    /// The incident.
    pub incident: IncidentId,
    /// One line about it.
    pub title: String,
    /// Occurrences in the window.
    pub count: u64,
    /// Occurrences above which a window of this length counts as a burst.
    pub threshold: u64,
}

/// An incident whose state the watch found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Watched {
    /// The incident.
    pub incident: IncidentId,
    /// One line about it.
    pub title: String,
    /// What was seen, in one sentence.
    pub detail: String,
}

/// A source that wrote steadily and has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Silenced {
    /// The source.
    pub source: String,
    /// When it last wrote.
    pub last: Timestamp,
    /// Seconds it has been silent.
    pub silent_s: u64,
}
