//! Tells waiting workers that something happened: a number that grows, and a condition to wait on.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A number that grows whenever a role may have new work.
#[derive(Debug)]
pub(super) struct Changes {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Default for Changes {
    fn default() -> Self {
        Self { count: Mutex::new(1), changed: Condvar::new() }
    }
}

impl Changes {
    /// Wakes everybody who waits.
    pub(super) fn raise(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// The number.
    pub(super) fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the number is greater than `since` or time is up; gives the number.
    pub(super) fn wait(&self, since: u64, timeout: Duration) -> u64 {
        let end = Instant::now().checked_add(timeout);
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count <= since {
            let left = end.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            count = self.changed.wait_timeout(count, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *count
    }
}
