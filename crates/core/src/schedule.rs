//! Tasks that come again: rows of `crew_schedules`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::role::{Party, Role};
use crate::task::{DEFAULT_PRIORITY, ProjectId, TaskId};

/// The shortest time between two tasks of a schedule.
pub const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

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
    /// Seconds from one task to the next.
    pub every_s: u64,
    /// When the next task is due. Times that passed while nobody looked are skipped.
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
    /// Time from one task to the next, in whole seconds, at least [`SHORTEST`].
    pub every: SignedDuration,
    /// When the first task is due; none means at once.
    pub first_at: Option<Timestamp>,
    /// Who wants it.
    pub created_by: Party,
}

impl NewSchedule {
    /// A schedule of default priority without a project, due at once.
    pub fn new(name: &str, task_type: &str, role: Role, every: SignedDuration, context: Value) -> Self {
        Self {
            name: name.to_owned(),
            task_type: task_type.to_owned(),
            role,
            project: None,
            priority: DEFAULT_PRIORITY,
            context,
            every,
            first_at: None,
            created_by: Party::User,
        }
    }
}

impl Schedule {
    /// The first time of this schedule that lies after the given moment.
    pub fn after(&self, now: Timestamp) -> Timestamp {
        let every = i64::try_from(self.every_s.max(1)).unwrap_or(i64::MAX);
        let passed = now.duration_since(self.next_at).as_secs();
        if passed < 0 {
            return self.next_at;
        }
        let steps = passed / every + 1;
        let ahead = SignedDuration::from_secs(steps.saturating_mul(every));
        self.next_at.checked_add(ahead).unwrap_or(Timestamp::MAX)
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
