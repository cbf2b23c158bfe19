//! The Landlock level: two processes, one that confines itself and becomes the command, one that cleans up after it.
//!
//! Without a process namespace a command can leave processes behind. The outer process takes in orphans and ends all
//! of them; it is not confined and, as root, is another user, so the command cannot end it first.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use landlock::{CompatLevel, RulesetStatus};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, Uid, getpid, setsid};

use super::identity::{self, Identity};
use super::inside::{NETWORK_FILES, SYSTEM_FILES, environment};
use super::order::{self, Order};
use super::rules::Rules;
use super::{FILES, Level, Network, seccomp};

/// Starts the inner process, waits for the command, ends whatever it left.
pub(super) fn outer(order: &Order, run_dir: &Path, status: &mut File) -> Result<ExitCode, String> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().map_err(|error| format!("cannot hold signals: {error}"))?;
    identity::die_with_parent(order.supervisor, Signal::SIGTERM)?;
    prctl::set_child_subreaper(true).map_err(|error| format!("cannot take in orphans: {error}"))?;
    identity::join(&order.cgroups)?;
    prepare(order, run_dir)?;
    let child = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .arg(std::process::id().to_string())
        .env_clear()
        .spawn()
        .map_err(|error| format!("cannot start the inner launcher: {error}"))?;
    let child = Pid::from_raw(child.id().cast_signed());
    let code = wait_for(child, &signals)?;
    end_all();
    if let Some(code) = code
        && order::read_status(run_dir).failure.is_none()
    {
        use std::io::Write;
        writeln!(status, "{{\"exit-code\":{code}}}")
            .map_err(|error| format!("cannot tell the exit code: {error}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folders of the run, and who owns them.
fn prepare(order: &Order, run_dir: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot prepare the folders of the run: {error}");
    let (tmp, files) = (run_dir.join("tmp"), run_dir.join("files"));
    fs::create_dir_all(tmp.join("home")).and_then(|()| fs::create_dir(&files)).map_err(failed)?;
    for (path, content) in &order.files {
        fs::write(placed(run_dir, path), content).map_err(failed)?;
    }
    // Enough to pass through; what lies in it beside these two folders stays closed.
    fs::set_permissions(run_dir, fs::Permissions::from_mode(0o711)).map_err(failed)?;
    if let Some(identity) = Identity::choose(std::process::id()) {
        identity.own(&order.worktree).and_then(|()| identity.own(&tmp)).map_err(failed)?;
        let mut needed = vec![order.worktree.clone(), run_dir.to_owned()];
        needed.extend(order.read_only.iter().cloned());
        identity::reach(&needed)?;
    }
    Ok(())
}

fn placed(run_dir: &Path, path: &Path) -> PathBuf {
    run_dir.join("files").join(path.file_name().unwrap_or_default())
}

/// Waits for the child, reaping orphans; none if we were asked to end it first.
fn wait_for(child: Pid, signals: &SigSet) -> Result<Option<i32>, String> {
    loop {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == child => return Ok(Some(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                    return Ok(Some(128 + signal as i32));
                }
                Ok(WaitStatus::StillAlive) => break,
                Ok(_) => {}
                Err(error) => return Err(format!("cannot wait for the command: {error}")),
            }
        }
        match signals.wait() {
            Ok(Signal::SIGCHLD) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(None),
            Err(error) => return Err(format!("cannot wait for the command: {error}")),
        }
    }
}

/// Kills all descendants until none is left; orphans have become our children.
fn end_all() {
    loop {
        for pid in descendants() {
            kill(pid, Signal::SIGKILL).ok();
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
        std::thread::yield_now();
    }
}

fn descendants() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // The name in parentheses may hold anything, so fields are counted after the last of them.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut left = vec![getpid().as_raw()];
    while let Some(parent) = left.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            left.push(child);
            found.push(Pid::from_raw(child));
        }
    }
    found
}

/// Confines this process and becomes the command; returns only if that fails.
pub(super) fn inner(order: &Order, run_dir: &Path, outer: u32) -> Result<(), String> {
    identity::die_with_parent(outer, Signal::SIGKILL)?;
    setsid().map_err(|error| format!("cannot leave the session: {error}"))?;
    let root = Uid::effective().is_root();
    identity::limit(order)?;
    identity::limit_files(order.limits.file_bytes)?;
    if let Some(identity) = Identity::choose(outer) {
        identity.become_it().map_err(|error| format!("cannot become another user: {error}"))?;
    }
    identity::die_with_parent(outer, Signal::SIGKILL)?;
    let program = seccomp::program(Level::Landlock, order.network)?;
    std::env::set_current_dir(&order.cwd)
        .map_err(|error| format!("cannot enter {}: {error}", order.cwd.display()))?;
    let (tmp, home) = (run_dir.join("tmp"), run_dir.join("tmp/home"));
    let mut env = environment(order, &home.to_string_lossy(), &tmp.to_string_lossy());
    for (_, value) in &mut env {
        *value = listed(run_dir, value);
    }
    let argv: Vec<String> = order.argv.iter().map(|arg| replaced(order, run_dir, arg)).collect();
    let (name, args) = argv.split_first().ok_or("no program is named")?;
    restrict(order, run_dir, root).map_err(|error| format!("Landlock cannot hold the command: {error}"))?;
    seccompiler::apply_filter(&program)
        .map_err(|error| format!("seccomp cannot hold the command: {error}"))?;
    let error = Command::new(name).args(args).env_clear().envs(env).exec();
    Err(format!("cannot start {name}: {error}"))
}

/// An argument that is the path of a placed file becomes its real path.
fn replaced(order: &Order, run_dir: &Path, arg: &str) -> String {
    match order.files.iter().find(|(path, _)| path.as_os_str() == arg && path.starts_with(FILES)) {
        Some((path, _)) => placed(run_dir, path).to_string_lossy().into_owned(),
        None => arg.to_owned(),
    }
}

/// A list of folders with the folder of placed files as it really is.
fn listed(run_dir: &Path, value: &str) -> String {
    let files = run_dir.join("files").to_string_lossy().into_owned();
    let parts: Vec<&str> =
        value.split(':').map(|part| if part == FILES { files.as_str() } else { part }).collect();
    parts.join(":")
}

fn restrict(order: &Order, run_dir: &Path, root: bool) -> Result<(), String> {
    // As our own user a command could signal every other process of that user, so then the scopes are a must.
    let scopes = if root { CompatLevel::BestEffort } else { CompatLevel::HardRequirement };
    let system = [
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/proc",
        "/etc/passwd",
        "/etc/group",
        "/etc/hosts",
        // A file that is there and cannot be read is an error to OpenSSL, and so to every Node program.
        "/etc/ssl/openssl.cnf",
    ];
    let mut readable: Vec<PathBuf> = system.iter().chain(&SYSTEM_FILES).map(PathBuf::from).collect();
    if order.network == Network::Open {
        readable.extend(NETWORK_FILES.iter().map(PathBuf::from));
    }
    readable.push(run_dir.join("files"));
    readable.extend(order.read_only.iter().cloned());
    let devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
    let rules = Rules {
        readable,
        writable: vec![order.worktree.clone(), run_dir.join("tmp")],
        usable: devices.map(PathBuf::from).to_vec(),
        files: CompatLevel::HardRequirement,
        scopes,
    };
    let status = rules.apply().map_err(|error| error.to_string())?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("the kernel does not enforce it".to_owned());
    }
    Ok(())
}
