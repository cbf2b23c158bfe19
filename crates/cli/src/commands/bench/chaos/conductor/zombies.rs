//! Workers that are stopped until what they hold has passed to others, and that go on then and try to write.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use groundcrew_core::task::{LeaseToken, Status, TaskId};

use super::still::Locks;
use super::{Conductor, LEASE, STOPPED, TAKEN_WITHIN, WRITES_WITHIN, journal};
use crate::commands::bench::chaos::check::Violation;
use crate::commands::bench::chaos::process::Process;
use crate::commands::bench::chaos::worker::{self, Act, Entry};
use crate::failure::Failure;

/// A worker that is stopped, with what it holds.
pub(super) struct Zombie {
    process: Process,
    held: Vec<(TaskId, LeaseToken)>,
    since: Instant,
}

impl Conductor<'_> {
    /// Stops a worker in the middle of a run, for as long as it takes that others have what it held.
    pub(super) fn stop_one(&mut self) -> Result<(), Failure> {
        if self.zombies.len() >= STOPPED {
            return Ok(());
        }
        // One that has something under way, if there is one.
        let mut busy = Vec::new();
        for (at, worker) in self.workers.iter().enumerate() {
            if !self.held_by(worker.id())?.is_empty() {
                busy.push(at);
            }
        }
        let Some(at) = self.random.place(busy.len()).and_then(|at| busy.get(at)) else { return Ok(()) };
        let process = self.workers.swap_remove(*at);
        process.stop();
        let held = self.held_by(process.id())?;
        if held.is_empty() || self.locks_of(process.id()) != Locks::None {
            // It would not be late with anything, or nobody could take what it holds.
            process.go_on();
            self.workers.push(process);
            return Ok(());
        }
        let held = held.iter().map(|task| (task.id, task.lease_token)).collect();
        self.zombies.push(Zombie { process, held, since: Instant::now() });
        Ok(())
    }

    /// Lets stopped workers go on whose tasks have passed to others, and waits until they have tried to write.
    pub(super) fn look_after_zombies(&mut self) -> Result<(), Failure> {
        let mut rest = Vec::new();
        for zombie in std::mem::take(&mut self.zombies) {
            let mut passed = true;
            for (id, token) in &zombie.held {
                let task = self.store.task(*id)?;
                passed &=
                    task.is_none_or(|task| task.lease_token != *token || task.status != Status::Running);
            }
            if passed {
                zombie.process.go_on();
                self.late_writes(&zombie);
                self.workers.push(zombie.process);
            } else if zombie.since.elapsed() > LEASE + TAKEN_WITHIN {
                let found = format!("nobody took {:?} from a worker that was stopped", zombie.held);
                self.found.push(Violation { rule: "stuck", found });
                self.workers.push(zombie.process);
            } else {
                rest.push(zombie);
            }
        }
        self.zombies = rest;
        Ok(())
    }

    fn late_writes(&mut self, zombie: &Zombie) {
        let file = worker::journal(&self.folder, zombie.process.number);
        let late = |entries: &[Entry]| -> BTreeSet<(i64, i64)> {
            let late = entries.iter().filter(|entry| entry.act == Act::Stale);
            late.map(|entry| (entry.task, entry.token)).collect()
        };
        let wanted: BTreeSet<(i64, i64)> =
            zombie.held.iter().map(|(task, token)| (task.0, token.0)).collect();
        let began = Instant::now();
        loop {
            let refused = late(&journal(&file)).intersection(&wanted).count();
            if refused == wanted.len() || began.elapsed() > WRITES_WITHIN {
                self.refused += u64::try_from(refused).unwrap_or(0);
                self.zombied.injected += u64::from(refused == wanted.len());
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
