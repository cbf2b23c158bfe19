//! Tasks that come again: rows of `crew_schedules`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cron::Cron;
use crate::role::{Party, Role};
use crate::task::{DEFAULT_PRIORITY, ProjectId, TaskId};
use crate::word::words;

/// The shortest time between two tasks of a schedule.
pub const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// Two times of cron are no closer.
pub const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A time that passed no longer ago than this was not missed: a crew looks several times a second, but may be busy.
pub const LATE: SignedDuration = SignedDuration::from_mins(1);

/// When the tasks of a schedule are due.
#[derive(Debug, Clone, PartialEq)]
pub enum Beat {
    /// So far apart: whole seconds, at least [`SHORTEST`].
    Every(SignedDuration),
    /// At these times.
    Cron(Cron),
}

impl From<SignedDuration> for Beat {
    fn from(every: SignedDuration) -> Self {
        Self::Every(every)
    }
}

words! {
    /// What becomes of times that passed while nobody looked.
    #[derive(Default)]
    Missed, "policy for missed times" {
        /// One task is made for all of them.
        #[default]
        Once = "once",
        /// None is made for them; the next time is.
        Skip = "skip",
    }
}

/// Most bytes of a schedule's name.
pub const LONGEST_NAME: usize = 100;

/// A schedule as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Schedule {
    /// Its name, unlike any other.
    pub name: String,
    /// What is to be done each time.
    pub task_type: String,
    /// Role that does it.
    pub role: Role,
    /// Project it belongs to; none means the only or first one.
    pub project: Option<ProjectId>,
    /// 1 to 10, 10 the highest.
    pub priority: u8,
    /// What each task starts with.
    pub context: Value,
    /// Seconds from one task to the next; with `cron` the shortest time between two.
    pub every_s: u64,
    /// The times at which tasks are due, where they are not simply so far apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<Cron>,
    /// What becomes of times that passed while nobody looked.
    #[serde(default)]
    pub missed: Missed,
    /// When the next task is due.
    pub next_at: Timestamp,
    /// Who wants it.
    pub created_by: String,
    /// The last task it made.
    pub last_task: Option<TaskId>,
}

/// A schedule that is to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchedule {
    /// Its name, unlike any other; at most [`LONGEST_NAME`] bytes.
    pub name: String,
    /// What is to be done each time.
    pub task_type: String,
    /// Role that does it.
    pub role: Role,
    /// Project it belongs to.
    pub project: Option<ProjectId>,
    /// 1 to 10, 10 the highest.
    pub priority: u8,
    /// What each task starts with.
    pub context: Value,
    /// When tasks are due.
    pub beat: Beat,
    /// When the first task is due; none means at once, or the first of the times of cron.
    pub first_at: Option<Timestamp>,
    /// What becomes of times that passed while nobody looked.
    pub missed: Missed,
    /// Who wants it.
    pub created_by: Party,
}

impl NewSchedule {
    /// A schedule of default priority without a project, due at once.
    pub fn new(name: &str, task_type: &str, role: Role, beat: Beat, context: Value) -> Self {
        Self {
            name: name.to_owned(),
            task_type: task_type.to_owned(),
            role,
            project: None,
            priority: DEFAULT_PRIORITY,
            context,
            beat,
            first_at: None,
            missed: Missed::default(),
            created_by: Party::User,
        }
    }
}

impl Schedule {
    /// The first time of this schedule that lies after the given moment.
    pub fn after(&self, now: Timestamp) -> Timestamp {
        if let Some(cron) = &self.cron {
            return cron.after(now).unwrap_or(Timestamp::MAX);
        }
        let every = i64::try_from(self.every_s.max(1)).unwrap_or(i64::MAX);
        let passed = now.duration_since(self.next_at).as_secs();
        if passed < 0 {
            return self.next_at;
        }
        let steps = passed / every + 1;
        let ahead = SignedDuration::from_secs(steps.saturating_mul(every));
        self.next_at.checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// Whether the time that is due now passed so long ago that nobody looked then, and is to be let go.
    pub fn lets_go(&self, now: Timestamp) -> bool {
        self.missed == Missed::Skip && now.duration_since(self.next_at) > LATE
    }

    /// The key that only one open task of this schedule may hold.
    pub fn key(&self) -> String {
        format!("schedule:{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_passed_are_skipped_and_the_beat_is_kept() {
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        let schedule = Schedule {
            name: "a".into(),
            task_type: "b".into(),
            role: Role::Qa,
            project: None,
            priority: DEFAULT_PRIORITY,
            context: Value::Null,
            every_s: 10,
            cron: None,
            missed: Missed::Once,
            next_at: at(100),
            created_by: "user".into(),
            last_task: None,
        };
        let after = [0, 99, 100, 109, 110, 1_000_003].map(|now| schedule.after(at(now)).as_second());
        assert_eq!(after, [100, 100, 110, 110, 120, 1_000_010]);
        let forever = Schedule { every_s: u64::MAX, ..schedule };
        assert_eq!(forever.after(at(100)), Timestamp::MAX);
    }
}
