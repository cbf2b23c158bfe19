//! The processes that are started, stopped and killed.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;

use crate::failure::{Failure, Kind};

/// First argument of a process that works tasks. It is no verb: nobody but a run of `bench chaos` starts one.
pub(crate) const WORKER_ARG: &str = "__chaos_worker";
/// First argument of a process that holds the write lock.
pub(crate) const HOLDER_ARG: &str = "__chaos_holder";

/// How long a process may take to stop at a signal.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// A process of ours; it is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    /// Its number in the run.
    pub(super) number: u64,
}

impl Process {
    /// Starts this program again; what it says about its end is kept in a file of the run.
    pub(super) fn start(
        word: &str,
        orders: &impl Serialize,
        folder: &Path,
        number: u64,
    ) -> Result<Self, Failure> {
        let start = || -> std::io::Result<Child> {
            let said = File::create(folder.join("said").join(number.to_string()))?;
            Command::new(std::env::current_exe()?)
                .arg(word)
                .arg(serde_json::to_string(orders)?)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(said)
                .spawn()
        };
        let child = start()
            .map_err(|error| Failure::new(Kind::Failed, format!("cannot start a process: {error}")))?;
        Ok(Self { child, number })
    }

    /// Kills it, as power that fails for it alone.
    pub(super) fn kill(&mut self) {
        // One that has ended by itself is told by `has_ended`.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// The number that the system knows it by.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops it and waits until all its threads stand still.
    pub(super) fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        let began = Instant::now();
        while !self.stands_still() && began.elapsed() < STOPS_WITHIN {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Lets it go on.
    pub(super) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // A process that has ended is told by `has_ended`.
            kill(Pid::from_raw(id), signal).ok();
        }
    }

    fn stands_still(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        threads.into_iter().flatten().flatten().all(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // The name stands in brackets and may hold anything.
            let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
            // T is stopped, Z and X have ended.
            state.is_none_or(|state| matches!(state, "T" | "t" | "Z" | "X"))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
