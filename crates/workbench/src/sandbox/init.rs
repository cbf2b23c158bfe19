//! The first process inside: gives up every right, starts the command, and reaps. Where nobody else did, it first builds
//! what is inside.
//!
//! It is held by everything that holds the command, and closed to it, so nothing is gained by taking it over. The kernel
//! lets no process inside end it. When it ends, the kernel ends all others.

use std::fs::File;
use std::io::BufReader;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use landlock::CompatLevel;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use serde::{Deserialize, Serialize};

use super::inside::{self, Entry, HOME};
use super::order::{self, Order};
use super::rules::Rules;
use super::{Level, Network, identity, loopback, mounts, seccomp};

/// First argument that makes the launcher the first process inside; then come the numbers of two open files.
pub(super) const INIT: &str = "init";

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    level: Level,
    /// What is inside, if it is not there already.
    entries: Vec<Entry>,
    worktree: PathBuf,
    cwd: PathBuf,
    argv: Vec<String>,
    env: Vec<(String, String)>,
    network: Network,
    file_bytes: u64,
}

impl Plan {
    pub(super) fn of(order: &Order, run_dir: &Path, entries: Vec<Entry>) -> Result<Plan, String> {
        Ok(Plan {
            level: order.level,
            entries,
            worktree: order.worktree.clone(),
            cwd: order.cwd.clone(),
            argv: inside::command(order, run_dir)?,
            env: inside::environment(order, HOME, "/tmp"),
            network: order.network,
            file_bytes: order.limits.file_bytes,
        })
    }
}

/// The arguments that name the files: what it reads the plan from, and where it tells what went wrong.
pub(super) fn words(plan: &impl AsRawFd, status: &impl AsRawFd) -> [String; 3] {
    [INIT.to_owned(), plan.as_raw_fd().to_string(), status.as_raw_fd().to_string()]
}

/// Runs as the first process of a namespace until the command ends, and ends as it does.
pub(super) fn init(args: &[String]) -> ExitCode {
    let Some((told, mut status)) = files(args) else { return ExitCode::from(125) };
    match start(&told) {
        Ok(command) => reap(command),
        Err(message) => {
            order::report_failure(&mut status, &message);
            ExitCode::from(125)
        }
    }
}

/// Opens both files anew, so that the command inherits neither.
fn files(args: &[String]) -> Option<(File, File)> {
    let numbers: Vec<i32> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let &[told, status] = numbers.as_slice() else { return None };
    let path = |number: i32| PathBuf::from(format!("/proc/self/fd/{number}"));
    let opened = (File::open(path(told)).ok()?, File::options().append(true).open(path(status)).ok()?);
    for number in numbers {
        nix::unistd::close(number).ok()?;
    }
    Some(opened)
}

/// Sets everything up and starts the command.
fn start(told: &File) -> Result<Pid, String> {
    let plan: Plan = serde_json::Deserializer::from_reader(BufReader::new(told))
        .into_iter()
        .next()
        .ok_or("the launcher has ended")?
        .map_err(|error| format!("cannot read what is wanted: {error}"))?;
    match plan.level {
        // Bubblewrap has done all this.
        Level::Strict => {}
        Level::Builtin | Level::Landlock => set_up(&plan, told)?,
    }
    std::env::set_current_dir(&plan.cwd)
        .map_err(|error| format!("cannot enter {}: {error}", plan.cwd.display()))?;
    give_up(&plan)?;
    let (program, args) = plan.argv.split_first().ok_or("no program is named")?;
    let command = Command::new(program)
        .args(args)
        .env_clear()
        .envs(plan.env.iter().map(|(name, value)| (name, value)))
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    Ok(Pid::from_raw(command.id().cast_signed()))
}

/// Makes the namespaces what they are to be.
fn set_up(plan: &Plan, told: &File) -> Result<(), String> {
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|error| format!("cannot ask to die with the parent: {error}"))?;
    if has_ended(told) {
        return Err("the launcher has ended".to_owned());
    }
    setsid().map_err(|error| format!("cannot leave the session: {error}"))?;
    nix::unistd::sethostname(inside::HOST).map_err(|error| format!("cannot name the host: {error}"))?;
    match plan.network {
        Network::None => loopback::up().map_err(|error| format!("cannot bring up the loopback: {error}"))?,
        Network::Open => {}
    }
    mounts::build(&plan.entries)?;
    rights().map_err(|error| format!("cannot give up the rights in the namespace: {error}"))?;
    identity::limit_files(plan.file_bytes)
}

/// Whether the launcher is gone: its process id means nothing here, but its end of the pipe closes with it.
fn has_ended(told: &File) -> bool {
    let mut asked = [PollFd::new(told.as_fd(), PollFlags::POLLIN)];
    let heard = poll(&mut asked, PollTimeout::ZERO);
    let hung_up = asked[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP));
    heard.is_err() || hung_up
}

/// Takes on what holds the command, for good.
fn give_up(plan: &Plan) -> Result<(), String> {
    prctl::set_no_new_privs().map_err(|error| format!("cannot refuse new rights: {error}"))?;
    rules(&plan.worktree).apply().map_err(|error| format!("Landlock cannot hold the command: {error}"))?;
    // Closes what is told of us in `/proc` to the command, which is the same user.
    prctl::set_dumpable(false).map_err(|error| format!("cannot hide from the command: {error}"))?;
    let program = seccomp::program(plan.level, plan.network)?;
    seccompiler::apply_filter(&program).map_err(|error| format!("seccomp cannot hold the command: {error}"))
}

/// Gives up every right in the namespace.
fn rights() -> rustix::io::Result<()> {
    for right in CapabilitySet::all().iter() {
        match rustix::thread::remove_capability_from_bounding_set(right) {
            // A kernel does not know rights newer than it is.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error),
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )
}

/// Landlock on top, where the kernel has it: what the mounts hold, held once more by another part of the kernel.
fn rules(worktree: &Path) -> Rules {
    Rules {
        readable: vec!["/".into()],
        writable: vec![worktree.to_owned(), "/tmp".into(), "/dev/shm".into()],
        // A process may change what is its own in `/proc`.
        usable: vec!["/dev".into(), "/proc".into()],
        files: CompatLevel::BestEffort,
        scopes: CompatLevel::BestEffort,
    }
}

/// Waits for the command; takes in and reaps what it leaves behind until then.
fn reap(command: Pid) -> ExitCode {
    loop {
        let code = match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == command => code,
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == command => 128 + signal as i32,
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(_) => 125,
        };
        return ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX));
    }
}
