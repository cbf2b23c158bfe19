//! The one thread that starts sandboxes.
//!
//! The kernel sends the parent-death signal when the *thread* that started a child ends, so children are started by a
//! thread that never ends, whoever asks.

use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

type Job = (Command, Sender<std::io::Result<Child>>);

/// Starts a child on the never-ending thread.
pub(super) fn spawn(command: Command) -> std::io::Result<Child> {
    static SPAWNER: OnceLock<Option<Sender<Job>>> = OnceLock::new();
    let gone = || std::io::Error::other("the thread that starts sandboxes could not be started");
    let jobs = SPAWNER.get_or_init(start).as_ref().ok_or_else(gone)?;
    let (answer, child) = channel();
    jobs.send((command, answer)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

fn start() -> Option<Sender<Job>> {
    let (jobs, queue) = channel::<Job>();
    let work = move || {
        for (mut command, answer) in queue {
            let child = command.spawn();
            if let Err(unheard) = answer.send(child)
                && let Ok(mut child) = unheard.0
            {
                // Nobody waits for it any more, so nobody would ever reap it.
                child.kill().ok();
                child.wait().ok();
            }
        }
    };
    std::thread::Builder::new().name("spawner".to_owned()).spawn(work).ok().map(|_| jobs)
}
