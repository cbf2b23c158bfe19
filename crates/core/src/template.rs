//! Kinds of lines that a source writes, as a crew remembers them: counted, with an example, noticed where they are new.
//!
//! An error is an incident; what is no error is at most a notice, since most of it is nobody's trouble.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::incident::bucket;
use crate::task::ProjectId;
use crate::word::words;

words! {
    /// What is worth telling about a kind of line.
    Notice, "notice about a kind of line" {
        /// The source had never written it before.
        New = "new",
        /// It comes much more often than it used to.
        Surge = "surge",
        /// It used to come steadily and has stopped, while its source goes on.
        Gone = "gone",
    }
}

/// A kind of line as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Template {
    /// Project it belongs to.
    pub project: ProjectId,
    /// The source that writes it, named as its cursor is.
    pub source: String,
    /// Its number within the source; it stays the same while the source is read.
    pub id: u64,
    /// Its text with `<*>` where lines of this kind differ, secrets taken out.
    pub text: String,
    /// The level that lines of this kind have, where they name one; the most serious of those seen.
    pub level: Option<String>,
    /// Lines of this kind so far.
    pub occurrences: u64,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// One line of this kind, secrets taken out.
    pub example: String,
    /// Whether its lines are counted over time.
    pub rated: bool,
    /// What was last told about it.
    pub notice: Option<Notice>,
    /// When that was told.
    pub noticed_at: Option<Timestamp>,
}

/// Lines of one kind met in one scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateCount {
    /// Number of the kind within its source.
    pub id: u64,
    /// Its text as it is now.
    pub text: String,
    /// The most serious level among these lines.
    pub level: Option<String>,
    /// How many.
    pub count: u64,
    /// Time of the first.
    pub first: Timestamp,
    /// Time of the last.
    pub last: Timestamp,
    /// One of them, secrets taken out.
    pub example: String,
    /// How many in which [`BUCKET`](crate::incident::BUCKET) of time; empty where nobody asks for its rate.
    pub buckets: Vec<(Timestamp, u64)>,
}

impl TemplateCount {
    /// How many lie in which [`BUCKET`](crate::incident::BUCKET) of time.
    pub fn counted(&self) -> impl Iterator<Item = (Timestamp, u64)> + '_ {
        self.buckets.iter().map(|(at, count)| (bucket(*at), *count))
    }
}

/// What one scan of a source learned about the kinds of its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Mined {
    /// The source, named as its cursor is.
    pub source: String,
    /// What the next scan goes on from; none where nothing was learned.
    pub state: Option<Value>,
    /// Tells this state from every other one; counts only where there is a state.
    pub generation: u64,
    /// Whether the kinds are numbered anew, so that those known before are no longer written.
    pub anew: bool,
    /// Kinds that were found to be one: the number that ends, and the one that goes on.
    pub merged: Vec<(u64, u64)>,
    /// Kinds that were met.
    pub counts: Vec<TemplateCount>,
    /// Whether everything that the source had written was read.
    pub caught_up: bool,
}

/// What is known of a source's kinds of lines besides the kinds themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// The source, named as its cursor is.
    pub source: String,
    /// Tells the state that is stored from every other one.
    pub generation: u64,
    /// When the whole source had been read for the first time; none while its past is still being read.
    pub caught_up_at: Option<Timestamp>,
    /// When the earliest line of a kind that is remembered was written.
    pub since: Option<Timestamp>,
}

/// A kind of line that somebody is told about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Noticed {
    /// The source.
    pub source: String,
    /// Number of the kind within the source.
    pub id: u64,
    /// What is told.
    pub notice: Notice,
    /// Its text with `<*>` where lines of this kind differ.
    pub text: String,
    /// The level that lines of this kind have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What was seen, in one sentence.
    pub detail: String,
    /// Remembered as told without being told, since there was too much to tell at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untold: bool,
}

/// Kinds of lines of one source that are remembered; of more, those seen longest ago are forgotten.
pub const MOST_TEMPLATES: u32 = 2_000;
