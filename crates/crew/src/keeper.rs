//! Keeps what a process works on its own, and the queue in order: leases are renewed, workers of processes that have ended
//! lose their tasks at once, due tasks and expired leases are seen to.
//!
//! One thread of each process of a crew does this, however long its other threads work.

use std::path::Path;
use std::time::Instant;

use groundcrew_core::lifecycle::Command;
use groundcrew_core::task::Status;
use groundcrew_store::{Maintained, Store, StoreError, TaskFilter};
use jiff::SignedDuration;

use crate::presence::{ended, forget, process_of};
use crate::worker::Running;

/// How many times a lease is renewed before it would end; also how soon a cancelled task is noticed.
const RENEWALS: u32 = 12;

/// The regular work of a process for its own runs and for the queue.
pub struct Keeper<'a> {
    store: &'a dyn Store,
    folder: &'a Path,
    running: &'a Running,
    names: Vec<String>,
    lease: SignedDuration,
    renewed: Instant,
}

impl<'a> Keeper<'a> {
    /// For the runs of a process whose workers have these names; processes show in `folder` that they live.
    pub fn new(
        store: &'a dyn Store,
        folder: &'a Path,
        running: &'a Running,
        names: Vec<String>,
        lease: SignedDuration,
    ) -> Self {
        Self { store, folder, running, names, lease, renewed: Instant::now() }
    }

    /// One round, to be done a few times each second.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn round(&mut self) -> Result<Maintained, StoreError> {
        if self.renewed.elapsed() >= self.lease.unsigned_abs() / RENEWALS {
            self.renewed = Instant::now();
            self.running.renew(self.store, self.lease);
            for name in &self.names {
                self.store.beat_worker(name)?;
            }
        }
        take_back(self.store, self.folder)?;
        self.store.maintain(self.lease)
    }
}

/// Takes back what processes of this machine held that have ended without a word, and forgets their workers.
///
/// # Errors
/// The database cannot be written.
pub fn take_back(store: &dyn Store, folder: &Path) -> Result<(), StoreError> {
    // Looked up once: a process that ends meanwhile keeps its sign until the next time, and so its tasks are found then.
    let ended = ended(folder);
    if ended.is_empty() {
        return Ok(());
    }
    let running =
        TaskFilter { status: Some(Status::Running), limit: Some(u32::MAX), ..TaskFilter::default() };
    for task in store.tasks(&running)? {
        let Some(owner) = task.lease.map(|lease| lease.owner) else { continue };
        if ended.contains(process_of(&owner)) {
            match store.execute(Command::Rescue { task: task.id, ended_worker: Some(owner) }) {
                // Somebody else was quicker.
                Ok(_) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    for worker in store.workers()?.iter().filter(|worker| ended.contains(process_of(&worker.name))) {
        store.remove_worker(&worker.name)?;
    }
    for process in &ended {
        forget(folder, process);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use groundcrew_core::role::{Party, Role};
    use groundcrew_core::task::NewTask;
    use groundcrew_store::{Options, open};
    use serde_json::Value;

    use super::*;
    use crate::presence::{Presence, process_name, worker_name};

    #[test]
    fn what_an_ended_process_held_is_taken_back_however_much_it_is() {
        const HELD: usize = 201;
        let folder = tempfile::tempdir().unwrap();
        let alive = folder.path().join("alive");
        let store =
            open(&format!("sqlite:{}", folder.path().join("crew.db").display()), Options::default()).unwrap();
        let process = process_name();
        let worker = worker_name(Role::Qa, &process);
        let tasks = (0..HELD).map(|_| NewTask::new("nothing", Role::Qa, Party::User, Value::Null));
        store.enqueue(tasks.collect()).unwrap();
        for _ in 0..HELD {
            assert!(store.claim(Role::Qa, None, &worker, SignedDuration::from_mins(10)).unwrap().is_some());
        }
        let shown = Presence::show(&alive, &process).unwrap();
        let sign = std::fs::read_dir(&alive).unwrap().next().unwrap().unwrap().path();
        drop(shown);
        // As a killed process leaves it: there, and locked by nobody.
        std::fs::write(sign, "").unwrap();
        take_back(store.as_ref(), &alive).unwrap();
        let running: u64 = store
            .counts()
            .unwrap()
            .iter()
            .filter(|count| count.status == Status::Running)
            .map(|count| count.tasks)
            .sum();
        assert_eq!(running, 0);
    }
}
