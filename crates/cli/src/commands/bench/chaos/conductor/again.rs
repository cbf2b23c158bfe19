//! How long the tasks of a killed worker took to run again, and how much of that the run itself is to blame for: while another
//! process holds the write lock nobody can claim, and while everything is looked at all workers are stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use groundcrew_core::task::{LeaseToken, TaskId};

use super::{Conductor, broken, journal};
use crate::commands::bench::chaos::worker::Act;
use crate::failure::Failure;

/// A worker that was killed, with the tasks that it held for the first time.
pub(super) struct Victim {
    pub(super) held: Vec<(TaskId, LeaseToken)>,
    pub(super) at_ms: i64,
}

/// A time from one moment to another, in milliseconds of the machine's clock.
pub(super) type Span = (i64, i64);

/// The file in which a process tells from when until when it held the write lock.
pub(super) fn held(folder: &Path, number: u64) -> PathBuf {
    folder.join("held").join(number.to_string())
}

impl Conductor<'_> {
    /// From each kill until its tasks ran again.
    pub(super) fn waits(&self) -> Result<Vec<Span>, Failure> {
        let mut began: BTreeMap<(i64, i64), i64> = BTreeMap::new();
        for file in std::fs::read_dir(self.folder.join("journal")).map_err(|error| broken(&error))? {
            for entry in journal(&file.map_err(|error| broken(&error))?.path()) {
                if entry.act == Act::Began {
                    began.insert((entry.task, entry.token), entry.at_ms);
                }
            }
        }
        let all = self.victims.iter().flat_map(|victim| {
            let began = &began;
            let again = |(task, token): &(TaskId, LeaseToken)| began.get(&(task.0, token.0 + 1)).copied();
            victim.held.iter().filter_map(again).map(|at| (victim.at_ms, at))
        });
        Ok(all.collect())
    }

    /// Times in which the run let nobody claim.
    pub(super) fn hindered(&self) -> Result<Vec<Span>, Failure> {
        let mut all = self.stills.clone();
        for file in std::fs::read_dir(self.folder.join("held")).map_err(|error| broken(&error))? {
            let text = std::fs::read_to_string(file.map_err(|error| broken(&error))?.path());
            all.extend(text.ok().and_then(|text| serde_json::from_str::<Span>(&text).ok()));
        }
        Ok(all)
    }
}

/// How much of a time lies outside of others, which may overlap.
pub(super) fn outside(of: Span, others: &[Span]) -> i64 {
    let mut others: Vec<Span> = others.to_vec();
    others.sort_unstable();
    let (mut at, mut left) = (of.0, 0);
    for (from, until) in others {
        left += (from.min(of.1) - at).max(0);
        at = at.max(until);
    }
    left + (of.1 - at).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_other_times_is_counted_once() {
        assert_eq!(outside((10, 20), &[]), 10);
        assert_eq!(outside((10, 20), &[(0, 5), (18, 30), (12, 14), (13, 15)]), 5);
        assert_eq!(outside((10, 20), &[(0, 30)]), 0);
    }
}
