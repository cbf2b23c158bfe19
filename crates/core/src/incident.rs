//! An incident: all occurrences of one error in one project.

use jiff::{SignedDuration, Timestamp};
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
    /// Last commit of its approved fix.
    #[serde(default)]
    pub fix_commit: Option<String>,
    /// When its approved fix was released; a later sighting is a return.
    #[serde(default)]
    pub released_at: Option<Timestamp>,
    /// The incident that it was found to be the same as; that one counts its occurrences too.
    #[serde(default)]
    pub merged_into: Option<IncidentId>,
    /// Release in which it was first seen, where its records name one.
    #[serde(default)]
    pub first_release: Option<String>,
    /// Release in which it was last seen, where its records name one.
    #[serde(default)]
    pub last_release: Option<String>,
    /// A coarser key: incidents that share it may be the same, which a person decides.
    #[serde(default)]
    pub family: Option<String>,
    /// The user's rule that decides what belongs to it, where one does.
    #[serde(default)]
    pub rule: Option<String>,
    /// When being ignored ends by itself, where it does.
    #[serde(default)]
    pub ignored: Option<Ignored>,
}

/// When an incident stops being ignored by itself: with the first occurrence for which this is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "until", rename_all = "snake_case")]
pub enum Ignored {
    /// A moment has passed.
    Time {
        /// The moment.
        at: Timestamp,
    },
    /// It has occurred more often than this in all.
    Count {
        /// Occurrences in all.
        occurrences: u64,
    },
    /// It happens in a release that had not run before.
    Release {
        /// Releases that had run, as far as logs named them.
        known: Vec<String>,
        /// When that was decided.
        since: Timestamp,
    },
}

/// Records that a rule of the user's hides: errors that are counted and are no incidents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Hidden {
    /// The rule.
    pub rule: String,
    /// How many.
    pub count: u64,
    /// When the first of them happened.
    pub first: Timestamp,
    /// When the last of them happened.
    pub last: Timestamp,
}

/// Occurrences of an error in one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReleaseCount {
    /// The release, as the records name it.
    pub release: String,
    /// Occurrences.
    pub count: u64,
    /// When it was first seen in it.
    pub first: Timestamp,
    /// When it was last seen in it.
    pub last: Timestamp,
}

/// Releases of a project that are remembered, those seen last.
pub const MOST_PROJECT_RELEASES: u32 = 100;

/// Releases of one incident that are remembered: the first, and the newest of the others.
pub const MOST_RELEASES: u32 = 32;

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

/// How an error is told from others, besides its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grouping {
    /// A coarser key: errors that share it may be the same.
    pub family: Option<String>,
    /// The user's rule that decides what it is the same as, where one does.
    pub rule: Option<String>,
    /// Fingerprints by which it may be known, the likeliest first.
    pub older: Vec<OlderKey>,
}

/// Another fingerprint of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderKey {
    /// The fingerprint.
    pub fingerprint: String,
    /// Whether every error that finds an incident by it belongs there, as when the program's rule has changed; otherwise only
    /// the first one does, since a user's rule may be meant to tell apart what was one.
    pub shared: bool,
}

/// Occurrences of one error met in one scan.
#[derive(Debug, Clone, PartialEq, Default)]
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
    /// Occurrences per [`BUCKET`] of time. Empty means that all of them are in the bucket of `last`.
    pub buckets: Vec<(Timestamp, u64)>,
    /// Occurrences per release, for those whose records name one.
    pub releases: Vec<ReleaseCount>,
    /// How it is told from others, besides its fingerprint.
    pub grouping: Grouping,
}

/// Length of the pieces of time in which occurrences and log traffic are counted.
pub const BUCKET: SignedDuration = SignedDuration::from_mins(5);

/// Beginning of the [`BUCKET`] in which a moment lies.
pub fn bucket(at: Timestamp) -> Timestamp {
    let length = BUCKET.as_secs();
    Timestamp::from_second(at.as_second().div_euclid(length) * length).unwrap_or(Timestamp::MIN)
}

impl Sighting {
    /// How many occurrences lie in which [`BUCKET`] of time.
    pub fn counted(&self) -> impl Iterator<Item = (Timestamp, u64)> + '_ {
        let all = self.buckets.is_empty().then_some((self.last, self.count));
        self.buckets.iter().copied().chain(all).map(|(at, count)| (bucket(at), count))
    }
}

/// What one source wrote in one [`BUCKET`] of time, so that silence can be told from health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Traffic {
    /// The source, named as its cursor is.
    pub source: String,
    /// Beginning of the bucket.
    pub bucket: Timestamp,
    /// Lines written.
    pub lines: u64,
    /// Records assembled from them.
    pub records: u64,
    /// Records that are errors.
    pub errors: u64,
}

/// What a person wants to happen to an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentWish {
    /// It is right not to be fixed: its open tasks end, and later occurrences are only counted.
    Ignore {
        /// Why, in the person's words.
        reason: String,
        /// When that ends by itself.
        until: Option<Until>,
    },
    /// It is handed to triage again.
    Reopen {
        /// Why, in the person's words.
        reason: String,
    },
    /// It is the same as another one of its project: its open tasks end, and the other one counts its occurrences too.
    MergeInto(IncidentId),
    /// It was not the same after all: undoes a merge.
    Split,
}

/// When an incident that is ignored from now on is to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At a moment, by the database's clock.
    At(Timestamp),
    /// After so long.
    For(SignedDuration),
    /// When it has occurred so many times more.
    More(u64),
    /// When it happens in a release that had not run before. A record that names no release does not end it.
    Released,
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
    /// Last commit of its approved fix.
    pub fix_commit: Option<String>,
    /// When its approved fix was released. A change to `approved` that names none takes back an earlier one.
    pub released_at: Option<Timestamp>,
    /// When being ignored ends by itself. A change of status that names nothing takes back what was decided before.
    pub ignored: Option<Ignored>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_every_five_minutes_before_1970_too() {
        let begins = |second| bucket(Timestamp::from_second(second).unwrap_or_default()).as_second();
        assert_eq!([0, 299, 300, 301, -1, -300].map(begins), [0, 0, 300, 300, -300, -300]);
        assert!(bucket(Timestamp::MIN) <= Timestamp::MIN);
    }
}
