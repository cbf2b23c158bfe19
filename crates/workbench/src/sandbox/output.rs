//! What a command did: how it ended, what it printed, and which bounds it came up against.

use std::time::Duration;

use nix::libc;
use serde::{Deserialize, Serialize};

use super::Level;
use super::cgroup::Groups;

/// Bytes at the end of a stream that are searched for the name of a bound.
const LAST_WORDS: usize = 16 << 10;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal. An exit code between 129 and 192 counts as one, as in a shell.
    Signaled(i32),
    /// By the wall-clock limit.
    TimedOut,
    /// By the limit of the disk.
    DiskFull,
    /// By the token.
    Cancelled,
}

impl Ended {
    /// Whether it was killed, and no bound that it came up against accounts for that: then somebody outside did it, and
    /// the run says nothing about what was run.
    pub fn is_killed_from_outside(self, hit: &[Bound]) -> bool {
        self == Ended::Signaled(libc::SIGKILL) && hit.is_empty()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Exited(code) => write!(f, "exited {code}"),
            Ended::Signaled(signal) => write!(f, "signal {signal}"),
            Ended::TimedOut => f.write_str("timed out"),
            Ended::DiskFull => f.write_str("filled the disk"),
            Ended::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output, cut in the middle if it was long: untrusted bytes.
    pub stdout: Vec<u8>,
    /// Its standard error, likewise.
    pub stderr: Vec<u8>,
    /// Whether anything was cut.
    pub truncated: bool,
    /// Wall clock.
    pub wall: Duration,
    /// The level it ran under.
    pub level: Level,
    /// Which mechanism held the limits.
    pub limits: String,
    /// Bounds that it came up against, as far as the kernel, or else its own last words, tell.
    pub hit: Vec<Bound>,
}

/// A bound that a run came up against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// [`Limits::wall`].
    Wall,
    /// [`Limits::cpu_seconds`].
    Processor,
    /// [`Limits::memory_bytes`].
    Memory,
    /// [`Limits::processes`].
    Processes,
    /// [`Limits::file_bytes`].
    FileSize,
    /// [`Limits::tmp_bytes`].
    TemporaryFiles,
    /// [`Limits::disk_bytes`].
    Disk,
}

/// The bounds a run came up against. What it printed is asked only where nothing else tells, and only if it failed.
pub(super) fn hit(ended: Ended, groups: &Groups, printed: [&Vec<u8>; 2]) -> Vec<Bound> {
    let mut hit = groups.hit();
    match ended {
        Ended::Exited(0) | Ended::Cancelled => return hit,
        Ended::TimedOut => hit.push(Bound::Wall),
        Ended::DiskFull => hit.push(Bound::Disk),
        Ended::Signaled(libc::SIGXCPU) => hit.push(Bound::Processor),
        Ended::Signaled(libc::SIGXFSZ) => hit.push(Bound::FileSize),
        Ended::Signaled(_) | Ended::Exited(_) => {}
    }
    let last_words = [
        ("No space left on device", Bound::TemporaryFiles),
        ("File too large", Bound::FileSize),
        ("Resource temporarily unavailable", Bound::Processes),
        ("can't start new thread", Bound::Processes),
        ("MemoryError", Bound::Memory),
        ("Cannot allocate memory", Bound::Memory),
    ];
    for stream in printed {
        let tail = String::from_utf8_lossy(&stream[stream.len().saturating_sub(LAST_WORDS)..]);
        hit.extend(last_words.iter().filter(|(words, _)| tail.contains(words)).map(|(_, bound)| *bound));
    }
    hit.sort_unstable();
    hit.dedup();
    hit
}

pub(super) fn from_code(code: i32) -> Ended {
    if (129..=192).contains(&code) { Ended::Signaled(code - 128) } else { Ended::Exited(code) }
}
