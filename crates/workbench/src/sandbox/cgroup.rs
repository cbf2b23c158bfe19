//! Control groups for one run, where the machine lets us make them: a bound on all its processes together.
//!
//! Version 1 first, since a machine with both keeps its controllers there; else version 2 beside our own group. If
//! neither can be written, resource limits of the processes are all there is, and the audit says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Bound, Limits};

const ROOT: &str = "/sys/fs/cgroup";
const PREFIX: &str = "groundcrew-";

/// The groups of one run; removed on drop.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) folders: Vec<PathBuf>,
    pub(super) memory: bool,
    pub(super) processes: bool,
    version: Option<u8>,
}

impl Groups {
    /// Makes groups with the limits, as many as the machine allows.
    pub(super) fn make(limits: &Limits) -> Groups {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if !nix::unistd::geteuid().is_root() {
            return Groups::default();
        }
        let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut groups = Groups::default();
        if let Some(folder) = v1(&own, "pids")
            && groups.enter(&folder.join(&name), &[("pids.max", limits.processes)])
        {
            groups.version = Some(1);
            groups.processes = true;
        }
        if let Some(folder) = v1(&own, "memory")
            && groups.enter(&folder.join(&name), &[("memory.limit_in_bytes", limits.memory_bytes)])
        {
            groups.version = Some(1);
            groups.memory = true;
        }
        if groups.version.is_none()
            && let Some(folder) = v2(&own)
        {
            let wanted =
                [("pids.max", limits.processes), ("memory.max", limits.memory_bytes), ("memory.swap.max", 0)];
            groups.memory = groups.enter(&folder.join(&name), &wanted);
            groups.processes = groups.memory;
            groups.version = groups.memory.then_some(2);
        }
        groups
    }

    /// Which mechanism holds the limits, for the audit.
    pub(super) fn describe(&self) -> String {
        match (self.version, self.memory) {
            (Some(version), true) => format!("cgroup v{version} (processes, memory) + rlimit"),
            (Some(version), false) => format!("cgroup v{version} (processes) + rlimit"),
            (None, _) => "rlimit".to_owned(),
        }
    }

    /// Bounds that the groups had to enforce so far.
    pub(super) fn hit(&self) -> Vec<Bound> {
        // Version 1 keeps the kills in one file, version 2 in another; `max` counts forks that were refused.
        let counts = [
            ("memory.oom_control", "oom_kill", Bound::Memory),
            ("memory.events", "oom_kill", Bound::Memory),
            ("pids.events", "max", Bound::Processes),
        ];
        let above_zero = |folder: &Path, file: &str, name: &str| {
            let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
            text.lines().any(|line| {
                line.split_once(' ').is_some_and(|(key, value)| key == name && value.trim() != "0")
            })
        };
        let seen =
            |(file, name): (&str, &str)| self.folders.iter().any(|folder| above_zero(folder, file, name));
        let mut hit: Vec<Bound> = counts
            .into_iter()
            .filter(|(file, name, _)| seen((file, name)))
            .map(|(_, _, bound)| bound)
            .collect();
        hit.dedup();
        hit
    }

    fn enter(&mut self, folder: &Path, limits: &[(&str, u64)]) -> bool {
        if fs::create_dir(folder).is_err() {
            return false;
        }
        // Swap accounting is the one file a kernel may lack while the bound still holds.
        let set = limits.iter().all(|(file, value)| {
            fs::write(folder.join(file), value.to_string()).is_ok() || file.contains("swap")
        });
        if set && fs::metadata(folder.join("cgroup.procs")).is_ok() {
            self.folders.push(folder.to_owned());
            true
        } else {
            fs::remove_dir(folder).ok();
            false
        }
    }

    /// Ends whatever is still in a group, and removes it.
    fn clear(folder: &Path) {
        let started = Instant::now();
        while fs::remove_dir(folder).is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound)
            && started.elapsed() < Duration::from_secs(2)
        {
            for pid in fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default().lines() {
                if let Ok(pid) = pid.parse() {
                    nix::sys::signal::kill(
                        nix::unistd::Pid::from_raw(pid),
                        nix::sys::signal::Signal::SIGKILL,
                    )
                    .ok();
                }
            }
            // The kernel empties a group a moment after its last process is gone and offers nothing to wait for.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for folder in &self.folders {
            Groups::clear(folder);
        }
    }
}

/// Removes groups whose supervisor was killed before it could.
pub(super) fn sweep() {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for folder in [v1(&own, "pids"), v1(&own, "memory"), v2(&own)].into_iter().flatten() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let owner = name
                .to_str()
                .and_then(|name| name.strip_prefix(PREFIX))
                .and_then(|name| name.split('-').next());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                fs::remove_dir(entry.path()).ok();
            }
        }
    }
}

/// Our own group of a version 1 controller.
fn v1(own: &str, controller: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let controllers = parts.next()?;
        controllers.split(',').any(|name| name == controller).then(|| parts.next()).flatten()
    })?;
    beneath(&Path::new(ROOT).join(controller), path)
}

/// The version 2 group that holds ours, if it hands its children the controllers we need.
fn v2(own: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let parent = beneath(Path::new(ROOT), Path::new(path).parent()?.to_str()?)?;
    let handed = fs::read_to_string(parent.join("cgroup.subtree_control")).ok()?;
    let has = |wanted| handed.split_whitespace().any(|name| name == wanted);
    (has("pids") && has("memory")).then_some(parent)
}

fn beneath(root: &Path, path: &str) -> Option<PathBuf> {
    // In a container the path may be the host's, which is not mounted here; the root of the mount is ours then.
    [root.join(path.trim_start_matches('/')), root.to_owned()]
        .into_iter()
        .find(|folder| folder.join("cgroup.procs").exists())
}
