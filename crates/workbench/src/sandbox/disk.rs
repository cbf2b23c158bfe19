//! A bound on what a run writes to the disk, which the kernel has none for.
//!
//! Free space is asked for many times a second, since that costs nothing; only when it has shrunk by as much as the run
//! may write are the run's own folders counted, since others write too. Before the machine's disk is full every run
//! ends, whoever fills it: the database needs the rest.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

/// Free bytes below which no run goes on.
const RESERVE: u64 = 256 << 20;
/// Most files that are counted at once.
const COUNTED: usize = 1_000_000;
/// Time between two looks, and between two counts.
const LOOK: Duration = Duration::from_millis(100);
const COUNT: Duration = Duration::from_secs(1);

/// Looks on while a run writes.
pub(super) struct Disk {
    folders: Vec<PathBuf>,
    limit: u64,
    free_before: Option<u64>,
    looked: Instant,
    counted: Option<Instant>,
    /// Whether the limit was reached.
    pub(super) full: bool,
}

impl Disk {
    /// Begins to look on at folders that a run may fill with `limit` bytes, what is there included.
    pub(super) fn watch(folders: Vec<PathBuf>, limit: u64) -> Disk {
        let free_before = folders.first().and_then(|folder| free(folder));
        Disk { folders, limit, free_before, looked: Instant::now(), counted: None, full: false }
    }

    /// Whether the run has to end.
    pub(super) fn is_full(&mut self) -> bool {
        if self.full || self.looked.elapsed() < LOOK {
            return self.full;
        }
        self.looked = Instant::now();
        let (Some(before), Some(now)) = (self.free_before, self.folders.first().and_then(|f| free(f))) else {
            return false;
        };
        let shrunk = before.saturating_sub(now);
        let due = self.counted.is_none_or(|counted| counted.elapsed() >= COUNT);
        if now < RESERVE && shrunk > 0 {
            self.full = true;
        } else if shrunk > self.limit && due {
            self.full = self.written() > self.limit;
            self.counted = Some(Instant::now());
        }
        self.full
    }

    /// Bytes in the folders now.
    fn written(&self) -> u64 {
        let mut left = self.folders.clone();
        let (mut bytes, mut files) = (0, 0);
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
                files += 1;
                bytes += meta.blocks() * 512;
                if meta.is_dir() && files < COUNTED {
                    left.push(entry.path());
                }
            }
        }
        bytes
    }
}

fn free(folder: &Path) -> Option<u64> {
    let found = statvfs(folder).ok()?;
    Some(found.blocks_available() * found.fragment_size())
}
