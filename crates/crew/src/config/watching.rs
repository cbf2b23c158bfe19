//! Sections of the settings about what happens in the running service: `[watch]`, `[release]`, `[triage]`, `[hooks]` and
//! `[health]`.

use std::path::PathBuf;

use groundcrew_core::contract::StopAt;
use groundcrew_core::event::EventKind;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::Span;

/// When an error counts as bursting or gone, and a log as silent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// Time between looks at the incidents.
    pub every: Span,
    /// Time that counts as now when a burst is looked for; counted in pieces of five minutes.
    pub window: Span,
    /// Time before that which counts as usual.
    pub baseline: Span,
    /// How many times its usual spread an error must lie above its usual rate.
    #[serde(deserialize_with = "finite")]
    pub factor: f64,
    /// Occurrences in the window below which nothing is a burst.
    pub minimum: u64,
    /// An error is gone when it was absent for so many times its mean gap.
    pub gaps: u32,
    /// Shortest absence that counts as gone.
    pub absent: Span,
    /// Time over which the usual lines of a log are learned before a new kind of line is told.
    pub learn: Span,
    /// Shortest silence of a log that used to be written steadily which is told.
    pub silent: Span,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            every: Span::seconds(60),
            window: Span::seconds(15 * 60),
            baseline: Span::hours(7 * 24),
            factor: 6.0,
            minimum: 20,
            gaps: 5,
            absent: Span::hours(24),
            learn: Span::hours(24),
            silent: Span::seconds(30 * 60),
        }
    }
}

/// What counts as released.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReleaseConfig {
    /// The branch whose commits run in production; none means the branch that fixes start from.
    pub branch: Option<String>,
    /// Names of tags that are releases, such as `v*`; `*` stands for any characters. None means every tag.
    pub tags: Option<String>,
    /// The release that runs, where the records of the log name none: a tag or a commit.
    pub commit: Option<String>,
    /// A file whose first line names the release that runs, where the records of the log name none, relative to the
    /// repository or absolute, such as `VERSION`. Outside the repository it widens power.
    pub file: Option<PathBuf>,
    /// A folder of the repository with the source maps of minified JavaScript; none means those beside the bundles.
    pub source_maps: Option<String>,
}

/// How errors are judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TriageConfig {
    /// How far the crew may go by itself: `report`, `root_cause`, `patch` or `branch`.
    pub stop_at: StopAt,
    /// Where the program whose logs are read runs, such as `production` or `staging`; errors of a staging or
    /// development environment are less urgent.
    pub environment: Option<String>,
    /// Exceptions by which the program tells its callers that they are wrong; they are no defects.
    pub user_errors: Vec<String>,
}

/// Programs of the user that are told what happens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HooksConfig {
    /// Program and arguments that get each event as one JSON document on standard input. It runs outside the sandbox.
    /// Widens power.
    pub on_event: Option<Vec<String>>,
    /// Events that are told; none means all.
    pub events: Vec<EventKind>,
}

/// What the health check looks at besides the crew itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthConfig {
    /// Checks of the service. Widens power.
    pub checks: Vec<ServiceCheck>,
    /// Hosts besides this machine that checks may ask.
    pub hosts: Vec<String>,
}

/// One check of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceCheck {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: CheckKind,
    /// `http://host:port/path` for `http`, `host:port` for `tcp`.
    #[serde(default)]
    pub target: Option<String>,
    /// A folder of the disk, for `disk`.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Free megabytes below which `disk` warns.
    #[serde(default = "enough_megabytes")]
    pub free_mb: u64,
    /// Longest time the answer may take.
    #[serde(default = "patience")]
    pub timeout: Span,
}

/// What a check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// Asks for a page without encryption; an answer below 400 is well.
    Http,
    /// Opens a connection.
    Tcp,
    /// Looks at the free space.
    Disk,
}

/// A number that can be compared: TOML has words for those that cannot.
fn finite<'de, D: Deserializer<'de>>(source: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(source)?;
    let wrong = || D::Error::custom("this has to be a finite number, such as 6.0");
    if number.is_finite() { Ok(number) } else { Err(wrong()) }
}

fn enough_megabytes() -> u64 {
    512
}

fn patience() -> Span {
    Span::seconds(5)
}
