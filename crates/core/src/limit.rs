//! Limits: how many tasks of a role, a type or a project run at once, and how many of them start within a time.
//!
//! What starts is counted in fixed windows: the first start opens one, and when it is over the next start opens another. So no
//! window has more starts than its rate, and at the seam of two windows twice as many may come close together.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::role::{Party, Role};
use crate::task::{ProjectId, Task};

/// Which tasks a limit is for.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those of a role.
    Role(Role),
    /// Those of a type.
    Type(String),
    /// Those of a project.
    Project(ProjectId),
}

impl Scope {
    /// Whether a limit of this scope is for a task.
    pub fn covers(&self, task: &Task) -> bool {
        match self {
            Self::Role(role) => task.assigned_to == *role,
            Self::Type(name) => task.task_type == *name,
            Self::Project(id) => task.project == Some(*id),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "the {role}"),
            Self::Type(name) => write!(f, "tasks of type {}", name.escape_debug()),
            Self::Project(id) => write!(f, "project {id}"),
        }
    }
}

/// So many starts within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rate {
    /// Tasks that may start.
    pub starts: u32,
    /// Length of the window, in seconds.
    pub per_s: u32,
}

/// A limit that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLimit {
    /// What it is for.
    pub scope: Scope,
    /// Tasks that may run at once.
    pub concurrency: Option<u32>,
    /// Tasks that may start within a time.
    pub rate: Option<Rate>,
}

/// A limit in force and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Limit {
    /// What it is for.
    pub scope: Scope,
    /// Tasks that may run at once.
    pub concurrency: Option<u32>,
    /// Tasks that may start within a time.
    pub rate: Option<Rate>,
    /// Since when it is in force.
    pub since: Timestamp,
    /// Who set it.
    pub by: Party,
    /// Tasks that run now.
    pub running: u32,
    /// When the last window opened; none while nothing was counted.
    pub window_at: Option<Timestamp>,
    /// Tasks that started in that window.
    pub started: u32,
}

/// What of a limit is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// As many run as may.
    Concurrency,
    /// As many have started as may, until this moment.
    Rate(Timestamp),
}

impl Limit {
    /// What keeps a further task of its scope from starting, if anything does.
    pub fn spent(&self, now: Timestamp) -> Option<Spent> {
        if self.concurrency.is_some_and(|most| self.running >= most) {
            return Some(Spent::Concurrency);
        }
        let rate = self.rate?;
        let end = self.window_end(now)?;
        (self.started >= rate.starts).then_some(Spent::Rate(end))
    }

    /// Whether a rate that was used up has become free, as its window is over.
    pub fn is_free_again(&self, now: Timestamp) -> bool {
        let full = self.rate.is_some_and(|rate| self.started >= rate.starts);
        full && self.window_end(now).is_none()
    }

    /// The window in which a start at this moment counts, with that start.
    pub(crate) fn with_start(&self, now: Timestamp) -> (Timestamp, u32) {
        match self.window_at.filter(|_| self.window_end(now).is_some()) {
            Some(window) => (window, self.started.saturating_add(1)),
            None => (now, 1),
        }
    }

    /// When the open window ends; none if none is open. One that lies ahead is from before the clock was set back.
    fn window_end(&self, now: Timestamp) -> Option<Timestamp> {
        let (rate, from) = (self.rate?, self.window_at?);
        let end = from.checked_add(SignedDuration::from_secs(rate.per_s.into())).unwrap_or(Timestamp::MAX);
        (from <= now && now < end).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn limit(starts: u32, per_s: u32) -> Limit {
        Limit {
            scope: Scope::Role(Role::Qa),
            concurrency: None,
            rate: Some(Rate { starts, per_s }),
            since: at(0),
            by: Party::User,
            running: 0,
            window_at: None,
            started: 0,
        }
    }

    fn start(limit: &mut Limit, now: Timestamp) {
        let (window, started) = limit.with_start(now);
        (limit.window_at, limit.started) = (Some(window), started);
    }

    #[test]
    fn a_window_opens_with_the_first_start_and_the_next_when_it_is_over() {
        let mut limit = limit(2, 10);
        for second in [3, 7] {
            assert_eq!(limit.spent(at(second)), None);
            start(&mut limit, at(second));
        }
        assert_eq!(limit.spent(at(12)), Some(Spent::Rate(at(13))));
        assert!(!limit.is_free_again(at(12)));
        assert_eq!(limit.spent(at(13)), None);
        assert!(limit.is_free_again(at(13)));
        start(&mut limit, at(30));
        assert_eq!((limit.window_at, limit.started), (Some(at(30)), 1));
    }

    #[test]
    fn a_clock_that_jumps_holds_nothing_back_for_longer_than_a_window() {
        for jump in [-86_400, -1, 86_400] {
            let mut limit = limit(1, 10);
            start(&mut limit, at(0));
            assert_eq!(limit.spent(at(jump)), None, "{jump}");
        }
    }
}
