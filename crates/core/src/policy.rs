//! When to try again.

use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::task::{LeaseToken, TaskId};

const FIRST_WAIT_MS: u64 = 2_000;
const LONGEST_WAIT_MS: u64 = 300_000;

/// How long a task waits before its next run: exponential from 2 s to 5 min, moved by up to a fifth either way.
///
/// The jitter comes from the task and its claim, so that the same history gives the same plan.
pub fn backoff(retries_so_far: u8, task: TaskId, token: LeaseToken) -> SignedDuration {
    let base =
        FIRST_WAIT_MS.saturating_mul(4u64.saturating_pow(u32::from(retries_so_far))).min(LONGEST_WAIT_MS);
    let digest = Sha256::digest(format!("{task}/{token}"));
    let unit = u64::from(digest[0]) * 256 + u64::from(digest[1]);
    let jittered = base * 4 / 5 + base * 2 / 5 * unit / 65_536;
    SignedDuration::from_millis(i64::try_from(jittered).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_bounded_and_spread() {
        let waits: Vec<i128> = (0..6).map(|n| backoff(n, TaskId(7), LeaseToken(1)).as_millis()).collect();
        assert!(waits.windows(2).take(3).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert!(waits.iter().all(|ms| (1_600..=360_000).contains(ms)), "{waits:?}");
        let spread: std::collections::BTreeSet<i128> =
            (0..50).map(|id| backoff(0, TaskId(id), LeaseToken(1)).as_millis()).collect();
        assert!(spread.len() > 30, "tasks that failed together must not come back together");
    }
}
