//! An incident: all occurrences of one error in one project.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::task::{IncidentId, ProjectId};
use crate::trace::Trace;
use crate::word::words;

words! {
    /// What has become of an incident.
    IncidentStatus, "incident status" {
        /// Older than the baseline window when first read: recorded, not worked.
        Baseline = "baseline",
        /// Seen and handed to triage.
        New = "new",
        /// A fix is being made or verified.
        Fixing = "fixing",
        /// A branch waits for approval.
        FixReady = "fix_ready",
        /// The fix was approved.
        Approved = "approved",
        /// Right not to be fixed in code; the reason is stored.
        Ignored = "ignored",
        /// Needs a person: no fix was found, or none can be made here.
        NeedsHuman = "needs_human",
        /// The person declined the fix.
        Declined = "declined",
        /// Gone since the fix was released.
        Resolved = "resolved",
        /// Came back after it had been approved or resolved.
        Regressed = "regressed",
    }
}

words! {
    /// How bad an incident is.
    Severity, "severity" {
        /// The service is down or loses data.
        Critical = "critical",
        /// Requests fail because of a defect.
        High = "high",
        /// Something fails now and then, or somebody else's fault shows.
        Medium = "medium",
        /// Handled; hardly anybody notices.
        Low = "low",
        /// Not an error.
        Info = "info",
    }
}

words! {
    /// What kind of fault an incident is.
    Category, "category" {
        /// A defect in the code of this repository.
        CodeBug = "code_bug",
        /// A defect that a known commit introduced.
        Regression = "regression",
        /// Wrong or missing configuration.
        Config = "config",
        /// A defect in an installed package.
        Dependency = "dependency",
        /// A machine, network or other service failed.
        Infrastructure = "infrastructure",
        /// Memory, disk, handles or time ran out.
        Resource = "resource",
        /// Data that should not exist.
        Data = "data",
        /// The caller sent something invalid, and was told so.
        UserError = "user_error",
        /// A hole or an attack.
        Security = "security",
        /// Comes and goes without a change.
        Flaky = "flaky",
        /// Not known.
        Unknown = "unknown",
    }
}

/// An incident as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Incident {
    /// Key.
    pub id: IncidentId,
    /// Project it belongs to.
    pub project: ProjectId,
    /// What makes two occurrences the same error.
    pub fingerprint: String,
    /// Version of the rule that made the fingerprint.
    pub fingerprint_version: u32,
    /// One line for people, secrets taken out.
    pub title: String,
    /// What has become of it.
    pub status: IncidentStatus,
    /// What kind of fault it is, once classified.
    pub category: Option<Category>,
    /// How bad it is, once classified.
    pub severity: Option<Severity>,
    /// Why it stands where it stands, in one sentence.
    pub reason: Option<String>,
    /// Occurrences so far.
    pub occurrences: u64,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// The latest sample.
    pub sample: Sample,
    /// Branch of its fix.
    pub branch: Option<String>,
}

/// What one occurrence looked like, secrets taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sample {
    /// The record's text.
    #[serde(default)]
    pub text: String,
    /// Level as logged.
    #[serde(default)]
    pub level: Option<String>,
    /// The parsed trace, where there was one.
    #[serde(default)]
    pub trace: Option<Trace>,
    /// Lines that the same source logged just before.
    #[serde(default)]
    pub before: Vec<String>,
    /// File it came from.
    #[serde(default)]
    pub source: String,
}

/// Occurrences of one error met in one scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// What makes two occurrences the same error.
    pub fingerprint: String,
    /// Version of the rule that made the fingerprint.
    pub fingerprint_version: u32,
    /// One line for people.
    pub title: String,
    /// Occurrences in this scan.
    pub count: u64,
    /// Time of the first occurrence in this scan.
    pub first: Timestamp,
    /// Time of the last occurrence in this scan.
    pub last: Timestamp,
    /// Whether every occurrence is older than the baseline window.
    pub history: bool,
    /// The latest sample.
    pub sample: Sample,
}

/// What an agent learned about the incident of its task.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncidentChange {
    /// Its new status.
    pub status: Option<IncidentStatus>,
    /// Its category.
    pub category: Option<Category>,
    /// Its severity.
    pub severity: Option<Severity>,
    /// Why it stands where it stands.
    pub reason: Option<String>,
    /// Branch of its fix.
    pub branch: Option<String>,
}
