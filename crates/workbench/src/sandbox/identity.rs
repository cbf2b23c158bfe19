//! Giving up rights: user ids, ownership of the work tree, resource limits, and folders the new user could not enter.
//!
//! As root every run gets a user id of its own, made of the launcher's process id, so that runs beside each other can
//! neither signal each other nor use up each other's processes. Where ids that high are not mapped, it is `nobody`.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, getppid, setgroups, setresgid, setresuid};

use super::order::Order;

/// Added to the launcher's process id; far above the ids systems hand out.
const FIRST_UID: u32 = 2_000_000_000;
const NOBODY: u32 = 65534;

/// Whom a command runs as; chosen only as root, else it stays who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(u32);

impl Identity {
    /// None if the launcher is not root and so has nothing to give up.
    pub(super) fn choose(process: u32) -> Option<Identity> {
        if !Uid::effective().is_root() {
            return None;
        }
        let own = FIRST_UID.saturating_add(process);
        let mapped = |file| fs::read_to_string(file).is_ok_and(|map| maps(&map, own));
        let both = mapped("/proc/self/uid_map") && mapped("/proc/self/gid_map");
        Some(Identity(if both { own } else { NOBODY }))
    }

    /// Gives a tree to this user. Links are changed themselves, never what they lead to.
    pub(super) fn own(self, root: &Path) -> io::Result<()> {
        let is_folder = fs::symlink_metadata(root)?.is_dir();
        lchown(root, Some(self.0), Some(self.0))?;
        let mut left = if is_folder { vec![root.to_owned()] } else { Vec::new() };
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let path = entry.path();
                lchown(&path, Some(self.0), Some(self.0))?;
                // Told with the name, so that no file is asked for it one by one.
                if entry.file_type()?.is_dir() {
                    left.push(path);
                }
            }
        }
        Ok(())
    }

    /// Gives an open file to this user.
    pub(super) fn own_open(self, file: &File) -> io::Result<()> {
        fchown(file, Some(self.0), Some(self.0))
    }

    /// Becomes this user for good.
    pub(super) fn become_it(self) -> nix::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.0), Gid::from_raw(self.0));
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)
    }
}

/// Whether a user namespace's map has an id: lines of first id inside, first id outside, count.
fn maps(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        matches!(numbers.as_slice(), [first, _, count] if (*first..first + count).contains(&u64::from(id)))
    })
}

/// Dies with the parent. Changing the user id clears this, so it is said again after that.
pub(super) fn die_with_parent(parent: u32, signal: Signal) -> Result<(), String> {
    prctl::set_pdeathsig(signal).map_err(|error| format!("cannot ask to die with the parent: {error}"))?;
    if getppid().as_raw().cast_unsigned() == parent { Ok(()) } else { Err("the parent has ended".to_owned()) }
}

/// Lets the next program that this process becomes, or starts, have an open file.
pub(super) fn inherit(file: impl AsFd) -> Result<(), String> {
    fcntl(file, FcntlArg::F_SETFD(FdFlag::empty()))
        .map_err(|error| format!("cannot pass on a file: {error}"))?;
    Ok(())
}

/// Joins the run's control groups; must happen while still root.
pub(super) fn join(cgroups: &[PathBuf]) -> Result<(), String> {
    for folder in cgroups {
        // A process of one thread may go by the file for threads that version 1 has: to move a whole process the kernel
        // waits until no process at all is starting or ending, ten milliseconds or more. 0 is the writer itself.
        let thread = folder.join("tasks");
        let file = if thread.exists() { thread } else { folder.join("cgroup.procs") };
        fs::write(&file, "0").map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(())
}

/// Sets the limits that hold for each process, but for that of files.
pub(super) fn limit(order: &Order) -> Result<(), String> {
    let limits = &order.limits;
    let mut wanted = vec![
        (Resource::RLIMIT_CORE, 0, 0),
        (Resource::RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 5),
        (Resource::RLIMIT_NOFILE, limits.open_files, limits.open_files),
    ];
    // A little more where a group holds the bound: the kernel tells of a group's bound alone that it was reached.
    let spare = if order.processes_bounded { 16 } else { 0 };
    let processes = limits.processes + own_tasks() + spare;
    wanted.push((Resource::RLIMIT_NPROC, processes, processes));
    if !order.memory_bounded {
        wanted.push((Resource::RLIMIT_AS, limits.memory_bytes, limits.memory_bytes));
    }
    wanted.into_iter().try_for_each(|(resource, soft, hard)| set(resource, soft, hard))
}

/// Sets the limit of one file; what is placed inside must lie there before.
pub(super) fn limit_files(bytes: u64) -> Result<(), String> {
    set(Resource::RLIMIT_FSIZE, bytes, bytes)
}

fn set(resource: Resource, soft: u64, hard: u64) -> Result<(), String> {
    let (_, ceiling) =
        nix::sys::resource::getrlimit(resource).map_err(|error| format!("{resource:?}: {error}"))?;
    let (soft, hard) = (soft.min(ceiling), hard.min(ceiling));
    setrlimit(resource, soft, hard).map_err(|error| format!("cannot set {resource:?} to {soft}: {error}"))
}

/// Tasks this user already has: the kernel counts them too. A user made for this run has none.
fn own_tasks() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let own = Uid::effective();
    if own.is_root() || own.as_raw() >= FIRST_UID {
        return 0;
    }
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    entries
        .flatten()
        .filter(|entry| entry.metadata().is_ok_and(|meta| meta.uid() == own.as_raw()))
        .filter_map(|entry| fs::read_dir(entry.path().join("task")).ok())
        .map(|tasks| tasks.count() as u64)
        .sum()
}

/// Mounts every path where any user can enter, in a mount namespace of our own; gives the new places in order.
///
/// Hides `/tmp` from this process, so everything that is needed from there must be open or staged.
pub(super) fn stage(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let sources = own_mounts(paths)?;
    empty("/tmp".as_ref())?;
    let mut staged = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let place = Path::new("/tmp").join(number.to_string());
        bind(source, &place)?;
        staged.push(place);
    }
    Ok(staged)
}

/// Makes every path reachable for any user at its own place: a folder on the way that only root can enter is covered
/// by an empty one that holds just these paths.
pub(super) fn reach(paths: &[PathBuf]) -> Result<(), String> {
    let mut covers: Vec<PathBuf> = paths.iter().filter_map(|path| closed_folder(path)).collect();
    covers.sort();
    covers.dedup();
    if covers.is_empty() {
        return Ok(());
    }
    let hidden: Vec<PathBuf> =
        paths.iter().filter(|path| covers.iter().any(|cover| path.starts_with(cover))).cloned().collect();
    let sources = own_mounts(&hidden)?;
    // A cover beneath another cover is gone with it.
    let outermost =
        covers.iter().filter(|cover| !covers.iter().any(|other| other != *cover && cover.starts_with(other)));
    for cover in outermost {
        empty(cover)?;
    }
    hidden.iter().zip(&sources).try_for_each(|(path, source)| bind(source, path))
}

/// The outermost folder above a path that other users cannot enter.
fn closed_folder(path: &Path) -> Option<PathBuf> {
    let above: Vec<&Path> = path.ancestors().skip(1).collect();
    let closed =
        |folder: &&&Path| fs::metadata(folder).is_ok_and(|meta| meta.permissions().mode() & 0o001 == 0);
    above.iter().rev().find(closed).map(|folder| folder.to_path_buf())
}

/// Enters a mount namespace of our own and opens every path in it.
fn own_mounts(paths: &[PathBuf]) -> Result<Vec<File>, String> {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(None::<&str>, "/", None::<&str>, private, None::<&str>))
        .map_err(|error| format!("cannot make a new namespace for mounts: {error}"))?;
    let mut sources = Vec::new();
    for path in paths {
        let flags = (OFlag::O_PATH | OFlag::O_CLOEXEC).bits();
        let opened = File::options().read(true).custom_flags(flags).open(path);
        sources.push(opened.map_err(|error| format!("cannot open {}: {error}", path.display()))?);
    }
    Ok(sources)
}

fn empty(folder: &Path) -> Result<(), String> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), folder, Some("tmpfs"), flags, Some("mode=0755,size=1m"))
        .map_err(|error| format!("cannot cover {}: {error}", folder.display()))
}

/// Mounts what is open at a place, which is made.
fn bind(source: &File, place: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot stage {}: {error}", place.display());
    if source.metadata().map_err(failed)?.is_dir() {
        fs::create_dir_all(place).map_err(failed)?;
    } else {
        fs::create_dir_all(place.parent().unwrap_or(place)).map_err(failed)?;
        File::create(place).map_err(failed)?;
    }
    let path = format!("/proc/self/fd/{}", source.as_raw_fd());
    mount(Some(path.as_str()), place, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_used_only_where_it_is_mapped() {
        let whole = "         0          0 4294967295\n";
        let container = "         0     100000      65536\n";
        assert!(maps(whole, FIRST_UID + 7));
        assert!(!maps(container, FIRST_UID + 7));
        assert!(maps(container, NOBODY));
        assert!(!maps("", 0));
    }
}
