//! What triage takes and gives.

use serde::{Deserialize, Serialize};

use super::Common;
use crate::incident::{Category, Severity};
use crate::task::{DEFAULT_PRIORITY, IncidentId};
use crate::trace::{Frame, Trace};
use crate::word::words;

/// Context of `classify_error`. An error text is enough, under any of its usual names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClassifyErrorContext {
    /// Why triage must look: `new`, `still_happening`, `returned`, `burst`.
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
    /// Lines that were logged just before the error, oldest first; inputs may be taken from them.
    #[serde(default)]
    pub before: Vec<String>,
    /// The parsed trace.
    #[serde(default)]
    pub trace: Option<Trace>,
    /// How often it was seen, where another program counts; a known incident is counted by the crew itself.
    #[serde(default)]
    pub counts: Option<Counts>,
    /// Release that the program ran: a tag, a branch or a commit of the repository.
    #[serde(default)]
    pub release: Option<String>,
    /// Where the program ran, such as `production`.
    #[serde(default)]
    pub environment: Option<String>,
}

/// How often an error was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Counts {
    /// In all.
    #[serde(default)]
    pub total: u64,
    /// In the last hour.
    #[serde(default, rename = "1h")]
    pub hour: u64,
    /// In the last 24 hours.
    #[serde(default, rename = "24h")]
    pub day: u64,
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

words! {
    /// How far the crew may go by itself, least first.
    StopAt, "limit of automation" {
        /// Only say what it is.
        Report = "report",
        /// Look for the cause, propose no change.
        RootCause = "root_cause",
        /// Propose a change that a person takes over by hand; no branch.
        Patch = "patch",
        /// Put the verified change on a branch and ask for approval.
        Branch = "branch",
    }
}

impl Default for StopAt {
    /// What was stored before there was a limit had none.
    fn default() -> Self {
        Self::Branch
    }
}

words! {
    /// Who an owner is.
    OwnerKind, "kind of owner" {
        /// A group of people.
        Team = "team",
        /// One person.
        Person = "person",
    }
}

words! {
    /// From where an owner is known.
    OwnerSource, "source of an owner" {
        /// The repository's list of owners.
        Codeowners = "codeowners",
        /// Who wrote most of the lines.
        Blame = "blame",
    }
}

/// Who looks after the code where an error happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Owner {
    /// Name as the source has it, such as `@shop/payments` or `Ann Example`: untrusted text.
    pub name: String,
    /// Team or person.
    pub kind: OwnerKind,
    /// From where it is known.
    pub source: OwnerSource,
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
    /// How far the crew may go; a brain may lower what the rules allow and never raise it.
    #[serde(default)]
    pub stop_at: StopAt,
    /// Who looks after the code of the in-app frame.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// The incident that has the same root cause and is worked instead of this one.
    #[serde(default)]
    pub duplicate_of: Option<IncidentId>,
    /// From where a reproduction could take its input.
    #[serde(default)]
    pub repro_hint: Option<String>,
    /// Why the crew makes no fix; none where it tries.
    #[serde(default)]
    pub not_fixable_reason: Option<String>,
    /// How often it was seen.
    #[serde(default)]
    pub counts: Counts,
    /// Release in which it happens, where that is known.
    #[serde(default)]
    pub release: Option<String>,
    /// Where the program ran, where that is known.
    #[serde(default)]
    pub environment: Option<String>,
    /// The release in which it began, where one is known.
    #[serde(default)]
    pub began: Option<Began>,
}

impl Classification {
    /// A judgement without anything known about the code.
    pub fn new(category: Category, severity: Severity, route: Route, reason: impl Into<String>) -> Self {
        Self {
            category,
            severity,
            priority: DEFAULT_PRIORITY,
            route,
            fixability: 0.0,
            in_app_frame: None,
            suspects: Vec::new(),
            reason: reason.into(),
            stop_at: StopAt::default(),
            owner: None,
            duplicate_of: None,
            repro_hint: None,
            not_fixable_reason: None,
            counts: Counts::default(),
            release: None,
            environment: None,
            began: None,
        }
    }
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
    /// What else is known of it, each fact for itself, such as the release that it came with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
}

/// The release in which an error was first seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Began {
    /// The release, as records or settings name it, or a tag.
    pub release: String,
    /// Its commit; none where the repository has no such release.
    #[serde(default)]
    pub commit: Option<String>,
    /// The release that ran before it.
    #[serde(default)]
    pub before: Option<String>,
    /// The commit of that one.
    #[serde(default)]
    pub before_commit: Option<String>,
    /// What follows from it, in one sentence.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_older_crew_stored_is_read_and_has_no_limit() {
        let stored = json!({
            "category": "code_bug", "severity": "high", "priority": 7, "route": "developer", "fixability": 0.8,
            "in_app_frame": null, "reason": "KeyError in shop.py",
        });
        let read: Classification = serde_json::from_value(stored).expect("old rows stay readable");
        let expected = Classification {
            priority: 7,
            fixability: 0.8,
            ..Classification::new(Category::CodeBug, Severity::High, Route::Developer, "KeyError in shop.py")
        };
        assert_eq!(read, expected);
        assert_eq!(read.stop_at, StopAt::Branch);
    }

    #[test]
    fn the_limits_of_automation_are_ordered_from_little_to_much() {
        assert!(StopAt::ALL.is_sorted());
        assert_eq!(StopAt::ALL.first(), Some(&StopAt::Report));
    }
}
