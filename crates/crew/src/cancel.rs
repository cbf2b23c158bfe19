//! Cancelling work with everything that hangs on it.
//!
//! A workflow is a chain of tasks, so ending one task alone would leave its successors working for nothing. The task goes
//! first: whoever works it notices at the next renewal of its lease that the token is void, ends its processes and settles
//! nothing. Its work trees hold only what tests and candidates wrote; what is worth keeping was committed under
//! `refs/groundcrew/` when it was made and stays.

use std::collections::BTreeSet;

use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::Party;
use groundcrew_core::task::TaskId;
use groundcrew_store::{Store, StoreError};

/// Looks at the workflow at most: each cancels what was there when it was taken, and only a task that completed meanwhile
/// can have brought more.
const LOOKS: usize = 3;

/// Cancels a task and all its open descendants, the task first; gives what was cancelled.
///
/// # Errors
/// The task is not there or has ended, and nothing was cancelled; or the database cannot be used.
pub fn cancel_with_followers(
    store: &dyn Store,
    task: TaskId,
    by: Party,
    reason: &str,
) -> Result<Vec<TaskId>, StoreError> {
    let mut cancelled = Vec::new();
    let first = store.execute(Command::Cancel { task, by, reason: reason.to_owned() });
    match first {
        Ok(_) => cancelled.push(task),
        // A task that has done its part may still have followers to cancel.
        Err(StoreError::Refused(Refusal::WrongStatus { .. })) if has_open_followers(store, task)? => {}
        Err(error) => return Err(error),
    }
    for _ in 0..LOOKS {
        let open = open_followers(store, task)?;
        if open.is_empty() {
            break;
        }
        for follower in open {
            let reason = format!("task {task} was cancelled: {reason}");
            match store.execute(Command::Cancel { task: follower, by, reason }) {
                Ok(_) => cancelled.push(follower),
                // It ended by itself meanwhile; what it left behind is found in the next look.
                Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(cancelled)
}

fn has_open_followers(store: &dyn Store, task: TaskId) -> Result<bool, StoreError> {
    Ok(!open_followers(store, task)?.is_empty())
}

/// Open tasks that descend from a task, oldest first.
fn open_followers(store: &dyn Store, task: TaskId) -> Result<Vec<TaskId>, StoreError> {
    let mut family = BTreeSet::from([task]);
    let mut open = Vec::new();
    // Oldest first, so that a parent comes before its children.
    for follower in store.workflow(task)? {
        if follower.parent.is_some_and(|parent| family.contains(&parent)) {
            family.insert(follower.id);
            if !follower.status.is_final() {
                open.push(follower.id);
            }
        }
    }
    Ok(open)
}
