//! The builtin level: namespaces of our own making, for machines that allow them but have no bubblewrap.
//!
//! A process that makes a namespace for processes does not enter it, its children do. So there are three: this one
//! makes the namespaces and waits; its child is the first process inside (see [`super::init`]), sets everything up and
//! reaps; the command is a child of that. When the first process inside ends, the kernel ends all others; and it ends
//! when this one does.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::init::{self, Plan};
use super::inside::{self, USER};
use super::order::Order;
use super::{Network, identity};

/// Makes the namespaces, starts the first process in them, and tells how the command ended.
pub(super) fn outer(order: &Order, run_dir: &Path, status: &mut File) -> Result<ExitCode, String> {
    identity::die_with_parent(order.supervisor, Signal::SIGKILL)?;
    let plan = Plan::of(order, run_dir, inside::prepare(order, status)?)?;
    identity::limit(order)?;
    namespaces(order.network)?;
    // Becoming another user has cleared it.
    identity::die_with_parent(order.supervisor, Signal::SIGKILL)?;
    let code = run(&plan, run_dir, status)?;
    writeln!(status, "{{\"exit-code\":{code}}}")
        .map_err(|error| format!("cannot tell the exit code: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Starts the first process inside and waits for its end.
fn run(plan: &Plan, run_dir: &Path, status: &File) -> Result<i32, String> {
    let (told, mut tell) = std::io::pipe().map_err(|error| format!("cannot make a pipe: {error}"))?;
    identity::inherit(&told)?;
    identity::inherit(status)?;
    let child = Command::new("/proc/self/exe")
        .args(inside::own_words(run_dir))
        .args(init::words(&told, status))
        .env_clear()
        .spawn()
        .map_err(|error| format!("cannot start this program as the user of the run: {error}"))?;
    drop(told);
    let plan = serde_json::to_vec(plan).map_err(|error| format!("cannot tell what is wanted: {error}"))?;
    // One that ends early has said why.
    tell.write_all(&plan).ok();
    // Open until the end: the other side tells by it that we are there.
    let code = loop {
        match waitpid(Pid::from_raw(child.id().cast_signed()), None) {
            Ok(WaitStatus::Exited(_, code)) => break code,
            Ok(WaitStatus::Signaled(_, signal, _)) => break 128 + signal as i32,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(format!("cannot wait for the command: {error}")),
        }
    };
    drop(tell);
    Ok(code)
}

/// Enters namespaces of our own with every right in them and none outside. The next child is the first process there.
fn namespaces(network: Network) -> Result<(), String> {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    // Who changed its user does not own its own files in `/proc` until it says that it has nothing to hide.
    prctl::set_dumpable(true).map_err(|error| format!("cannot own what is told of us: {error}"))?;
    let mut flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    match network {
        Network::None => flags |= CloneFlags::CLONE_NEWNET,
        Network::Open => {}
    }
    unshare(flags).map_err(|error| format!("cannot make a new namespace: {error}"))?;
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{USER} {uid} 1")),
        ("gid_map", format!("{USER} {gid} 1")),
    ];
    for (file, content) in maps {
        fs::write(Path::new("/proc/self").join(file), content)
            .map_err(|error| format!("cannot write the {file}: {error}"))?;
    }
    keep_rights().map_err(|error| format!("cannot keep rights in the namespace: {error}"))
}

/// The child is another program to the kernel, and as a plain user it would lose what it needs to set up.
fn keep_rights() -> rustix::io::Result<()> {
    let own = rustix::thread::capabilities(None)?;
    rustix::thread::set_capabilities(None, CapabilitySets { inheritable: own.permitted, ..own })?;
    for right in own.permitted.intersection(NEEDED).iter() {
        rustix::thread::configure_capability_in_ambient_set(right, true)?;
    }
    Ok(())
}

/// To mount, to bring up the loopback, to name the host, to forbid further namespaces, and to give up all of this.
const NEEDED: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::SYS_RESOURCE)
    .union(CapabilitySet::SETPCAP);
