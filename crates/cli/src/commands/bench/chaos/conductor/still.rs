//! Holds the crew still and looks at everything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_store::StoreError;
use jiff::Timestamp;

use super::{Conductor, FILE_EVERY, RESTS_WITHIN};
use crate::commands::bench::chaos::check::{self, Phase};
use crate::commands::bench::chaos::picture::Reading;
use crate::commands::bench::chaos::world::Effects;
use crate::failure::Failure;

/// The byte of the shared index of a write-ahead log that stands for the right to write, as SQLite documents it.
const WRITE_LOCK: &str = "120";

/// What a process locks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locks {
    /// Nothing.
    None,
    /// The right to write; readers are free.
    Write,
    /// Also the index of the write-ahead log, while it is made or checkpointed.
    Index,
}

impl Conductor<'_> {
    /// Looks at everything while nobody writes.
    pub(super) fn check(&mut self, phase: Phase) -> Result<(), Failure> {
        let whole = phase == Phase::AtRest || self.checks.is_multiple_of(FILE_EVERY);
        if phase == Phase::AtRest {
            self.picture.effects = Effects::default();
        }
        let began = Instant::now();
        loop {
            let stopped = Timestamp::now().as_millisecond();
            self.hold_still();
            let read = self.read(phase, whole);
            for worker in &self.workers {
                worker.go_on();
            }
            self.stills.push((stopped, Timestamp::now().as_millisecond()));
            match read {
                Ok(()) => break,
                // One of them was stopped while it put the index of the write-ahead log in order.
                Err(StoreError::Busy { .. }) if began.elapsed() < RESTS_WITHIN => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.checks += 1;
        self.found.extend(check::violations(&self.picture, phase));
        Ok(())
    }

    /// Stops all workers, none of them where it keeps readers out.
    fn hold_still(&self) {
        for worker in &self.workers {
            worker.stop();
            for _ in 0..100 {
                if self.locks_of(worker.id()) != Locks::Index {
                    break;
                }
                worker.go_on();
                std::thread::sleep(Duration::from_millis(1));
                worker.stop();
            }
        }
    }

    fn read(&mut self, phase: Phase, whole: bool) -> Result<(), StoreError> {
        let reading = if phase == Phase::AtRest { Reading::All } else { Reading::Changed };
        self.picture.read(self.store.as_ref(), reading)?;
        self.picture.findings = if whole { self.store.check()? } else { Vec::new() };
        self.world.read(&mut self.picture.effects).map_err(|source| StoreError::Io {
            action: "read the effects in",
            path: self.folder.clone(),
            source: Arc::new(source),
        })
    }

    /// What a process locks of the database for itself, as the kernel knows it.
    pub(super) fn locks_of(&self, process: u32) -> Locks {
        use std::os::unix::fs::MetadataExt as _;
        let mut name = self.file.as_os_str().to_owned();
        name.push("-shm");
        let Ok(index) = std::fs::metadata(name) else { return Locks::None };
        let (process, inode) = (process.to_string(), format!(":{}", index.ino()));
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        let mut held = Locks::None;
        for line in locks.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let its = words.contains(&process.as_str()) && words.iter().any(|word| word.ends_with(&inode));
            if its && words.contains(&"WRITE") {
                if !words.ends_with(&[WRITE_LOCK, WRITE_LOCK]) {
                    return Locks::Index;
                }
                held = Locks::Write;
            }
        }
        held
    }
}
