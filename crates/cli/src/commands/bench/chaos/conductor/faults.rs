//! What is done to a crew in one stroke: a kill, a jump of the clock, a held write lock, a full disk.

use std::time::{Duration, Instant};

use groundcrew_core::task::{Status, Task};
use groundcrew_store::TaskFilter;
use jiff::Timestamp;

use super::again::{self, Victim};
use super::{Conductor, JUMPS, ROOM, STARVES, broken, journal};
use crate::commands::bench::chaos::process::{HOLDER_ARG, Process};
use crate::commands::bench::chaos::worker::{self, Act};
use crate::failure::Failure;

impl Conductor<'_> {
    /// Kills a worker, wherever it is.
    pub(super) fn kill(&mut self) -> Result<(), Failure> {
        let Some(at) = self.random.place(self.workers.len()) else { return Ok(()) };
        let mut victim = self.workers.swap_remove(at);
        victim.kill();
        let at_ms = Timestamp::now().as_millisecond();
        let held = self.held_by(victim.id())?;
        let first = held.iter().filter(|task| task.retry_count == 0);
        self.victims.push(Victim { held: first.map(|task| (task.id, task.lease_token)).collect(), at_ms });
        self.kills.injected += 1;
        Ok(())
    }

    /// Lets the clock of all processes jump.
    pub(super) fn jump(&mut self) -> Result<(), Failure> {
        let by = self.random.place(JUMPS.len()).and_then(|at| JUMPS.get(at)).copied().unwrap_or(0);
        self.shift(by)?;
        self.jumps.injected += 1;
        Ok(())
    }

    pub(super) fn shift(&mut self, by: i64) -> Result<(), Failure> {
        self.offset += by;
        let (file, new) = (worker::clock(&self.folder), self.folder.join("clock.new"));
        std::fs::write(&new, self.offset.to_string())
            .and_then(|()| std::fs::rename(new, file))
            .map_err(|error| broken(&error))
    }

    /// Has another process hold the write lock.
    pub(super) fn lock(&mut self) -> Result<(), Failure> {
        self.started += 1;
        let ms = 100 + self.random.below(300);
        self.holders.push(Process::start(
            HOLDER_ARG,
            &(&self.url, ms, again::held(&self.folder, self.started)),
            &self.folder,
            self.started,
        )?);
        Ok(())
    }

    pub(super) fn look_after_holders(&mut self) {
        let before = self.holders.len();
        self.holders.retain_mut(|holder| !holder.has_ended());
        self.locks.injected += u64::try_from(before - self.holders.len()).unwrap_or(0);
    }

    /// Lets a worker meet a full disk, and kills it then.
    pub(super) fn starve(&mut self) -> Result<(), Failure> {
        let size = std::fs::metadata(self.folder.join("world/ledger")).map_or(0, |ledger| ledger.len());
        let limit = size + ROOM + self.random.below(2 * ROOM);
        let mut worker = self.start(Some(limit))?;
        let began = Instant::now();
        let file = worker::journal(&self.folder, worker.number);
        let failed = || journal(&file).iter().any(|entry| entry.act == Act::Failed);
        while began.elapsed() < STARVES && !failed() && !worker.has_ended() {
            std::thread::sleep(Duration::from_millis(10));
        }
        worker.kill();
        self.full.injected += u64::from(failed());
        Ok(())
    }

    /// Tasks that run in a process.
    pub(super) fn held_by(&self, process: u32) -> Result<Vec<Task>, Failure> {
        let filter =
            TaskFilter { status: Some(Status::Running), limit: Some(u32::MAX), ..TaskFilter::default() };
        let id = process.to_string();
        let is_its = |task: &Task| {
            // As `presence::process_name` puts it: machine, process, moment.
            let owner = task.lease.as_ref().map_or("", |lease| lease.owner.as_str());
            owner.rsplit('-').nth(1) == Some(id.as_str())
        };
        let mut running = self.store.tasks(&filter)?;
        running.retain(is_its);
        Ok(running)
    }
}
