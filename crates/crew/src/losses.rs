//! What was lost of the logs before it could be read: kept with each source's cursor, told by `status`, `doctor` and the
//! health check.

use groundcrew_core::task::ProjectId;
use groundcrew_logs::{Cursor, Losses};
use groundcrew_store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How long a loss is told.
const TOLD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was lost of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The source.
    pub source: String,
    /// How often, how much and when last.
    #[serde(flatten)]
    pub losses: Losses,
}

impl Lost {
    /// One sentence about it.
    pub fn told(&self) -> String {
        let Losses { times, bytes, last } = &self.losses;
        let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
        let known = match bytes {
            0 => "how much is not known".to_owned(),
            bytes => format!("{bytes} bytes at least"),
        };
        let last = last.map(|last| format!(", last at {last:.0}")).unwrap_or_default();
        format!("{} was cut, deleted or damaged before it was read, {times}: {known}{last}", self.source)
    }

    /// What a person can do about it.
    pub const REMEDY: &str = "let the rotation rename the log and make a new one (logrotate: create instead of copytruncate), and keep the \
         rotated one for a while";
}

/// What was lost of a project's sources within the last seven days.
///
/// # Errors
/// The database cannot be read.
pub fn lost(store: &dyn Store, project: ProjectId, now: Timestamp) -> Result<Vec<Lost>, StoreError> {
    let since = now.checked_sub(TOLD).unwrap_or(Timestamp::MIN);
    let all = store.cursors(project)?.into_iter().filter_map(|(source, value)| {
        let cursor: Cursor = serde_json::from_value(value).ok()?;
        Some(Lost { source, losses: cursor.losses })
    });
    Ok(all.filter(|lost| lost.losses.last.is_some_and(|last| last >= since)).collect())
}
