//! What a run came to.

use serde::Serialize;

use super::check::Violation;
use crate::escape;
use crate::table::Table;

/// Faults of a kind: how many were to be injected, and how many were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Share {
    /// To be injected at least.
    pub(super) goal: u64,
    /// Injected.
    pub(super) injected: u64,
}

impl Share {
    /// Nothing yet of a goal.
    pub(super) fn of(goal: u64) -> Self {
        Self { goal, injected: 0 }
    }

    /// Whether there were enough.
    pub(super) fn is_met(self) -> bool {
        self.injected >= self.goal
    }

    fn told(self) -> String {
        format!("{} of {}", self.injected, self.goal)
    }
}

/// The middle and the end of some times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Waits {
    /// How many were taken.
    pub(super) count: usize,
    /// Half of them are no longer.
    pub(super) p50: i64,
    /// The longest.
    pub(super) max: i64,
}

impl Waits {
    /// Of the times that were taken.
    pub(super) fn of(mut times: Vec<i64>) -> Self {
        times.sort_unstable();
        let at = |rank: usize| times.get(rank).copied().unwrap_or(0);
        Self {
            count: times.len(),
            p50: at(times.len().saturating_sub(1) / 2),
            max: at(times.len().saturating_sub(1)),
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figures {
    /// What repeats its choices.
    pub(super) seed: u64,
    /// Workers killed with signal 9.
    pub(super) kills: Share,
    /// Workers stopped until what they held had passed to others, and continued.
    pub(super) zombies: Share,
    /// Late writes of those that were refused; none may be accepted, which the rules see.
    pub(super) late_writes_refused: u64,
    /// Jumps of the clock by an hour or a day, ahead and back.
    pub(super) clock_jumps: Share,
    /// Times that another process held the write lock.
    pub(super) locks_held: Share,
    /// Workers whose disk was full, and whose writes failed.
    pub(super) disks_full: Share,
    /// How the disk was made full.
    pub(super) full_by: &'static str,
    /// How often everything was checked.
    pub(super) checks: u64,
    /// Tasks in the end.
    pub(super) tasks: usize,
    /// Runs of these.
    pub(super) runs: usize,
    /// Runs that were lost with their worker.
    pub(super) runs_lost: usize,
    /// Unguarded effects outside that came more than once. That is not promised away; none at all would mean that no kill hit
    /// the moment between an effect and its settlement.
    pub(super) unguarded_doubled: usize,
    /// From the kill of a worker until the tasks that it held for the first time ran again.
    pub(super) again_ms: Waits,
    /// The same without the times in which the run itself kept everybody from it: while another process held the write lock, and
    /// while all workers were stopped to look at everything.
    pub(super) again_unhindered_ms: Waits,
    /// What did not hold.
    pub(super) violations: Vec<Violation>,
    /// Seconds in all.
    pub(super) seconds: f64,
}

impl Figures {
    /// Whether enough was done and all held.
    pub(super) fn is_sound(&self) -> bool {
        let faults = [self.kills, self.zombies, self.clock_jumps, self.locks_held, self.disks_full];
        self.violations.is_empty() && faults.iter().all(|share| share.is_met())
    }

    /// The figures for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut table = Table::bare();
        let mut fact = |name: &str, value: String| table.row([name.to_owned(), value]);
        fact("seed", self.seed.to_string());
        fact("workers killed", self.kills.told());
        fact("workers stopped past their lease", self.zombies.told());
        fact("late writes refused", self.late_writes_refused.to_string());
        fact("jumps of the clock", self.clock_jumps.told());
        fact("write lock held by another process", self.locks_held.told());
        fact(&format!("disk full ({})", self.full_by), self.disks_full.told());
        fact("checks", self.checks.to_string());
        fact("tasks / runs / runs lost", format!("{} / {} / {}", self.tasks, self.runs, self.runs_lost));
        fact("unguarded effects that came again", self.unguarded_doubled.to_string());
        let Waits { count, p50, max } = self.again_ms;
        fact("a killed worker's task runs again, median / longest", format!("{p50} ms / {max} ms ({count})"));
        let Waits { p50, max, .. } = self.again_unhindered_ms;
        fact("  without held locks and checks", format!("{p50} ms / {max} ms"));
        fact("what did not hold", self.violations.len().to_string());
        fact("seconds", format!("{:.1}", self.seconds));
        let mut lines = table.lines();
        lines.extend(
            self.violations.iter().map(|found| format!("{}: {}", found.rule, escape::line(&found.found))),
        );
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_tell_the_middle_and_the_longest() {
        assert_eq!(Waits::of(vec![9, 1, 5]), Waits { count: 3, p50: 5, max: 9 });
        assert_eq!(Waits::of(Vec::new()), Waits { count: 0, p50: 0, max: 0 });
    }
}
