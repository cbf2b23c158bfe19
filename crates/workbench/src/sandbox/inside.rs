//! What a command finds around itself at a level with a file system of its own: one list for every such level.
//!
//! Bubblewrap's arguments and our own mounts are both made of it, so that one level cannot show what the other hides.
//! The command sees the system's programs, what the request names, and nothing else of the machine. Only the work
//! tree, `/tmp`, and `/dev/shm` can be written; in the work tree not the things that tell other programs what to run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::identity::{self, Identity};
use super::order::Order;
use super::{Level, Network, SYSTEM_PATH, service};

/// The user a command believes to be.
pub(super) const USER: u32 = 1000;
/// The name of the machine it believes to be on.
pub(super) const HOST: &str = "sandbox";
/// Its home.
pub(super) const HOME: &str = "/tmp/home";
/// Where this program lies, if it is needed inside.
pub(super) const PROGRAM: &str = "/groundcrew/launcher";

/// Files of a work tree that tell other programs what to run; they cannot be written from inside.
const GUARDED: [&str; 10] = [
    ".git",
    "groundcrew.toml",
    ".github",
    ".gitlab-ci.yml",
    ".circleci",
    ".travis.yml",
    ".woodpecker.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile",
];

const PASSWD: &str = "root:x:0:0:root:/:/usr/sbin/nologin\nsandbox:x:1000:1000:sandbox:/tmp/home:/bin/sh\n\
                      nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1 localhost sandbox\n::1 localhost\n";

/// Files of `/etc` that programs cannot do without.
pub(super) const SYSTEM_FILES: [&str; 6] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/alternatives",
    "/etc/nsswitch.conf",
];

/// Files of `/etc` by which programs find and trust other machines.
pub(super) const NETWORK_FILES: [&str; 5] =
    ["/etc/resolv.conf", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/gai.conf"];

/// One thing inside. Later ones cover earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// A file or folder of the machine, with all that is mounted beneath it, without devices and set-user-id programs.
    Bind { source: PathBuf, place: PathBuf, writable: bool },
    /// A file or folder of the work tree that is not to be written, bound over itself. A link is never followed.
    Guard { source: PathBuf, place: PathBuf },
    /// A link.
    Link { target: PathBuf, place: PathBuf },
    /// A file with this content, which cannot be written.
    File { content: Vec<u8>, place: PathBuf },
    /// An empty folder that only the command can enter.
    Home { place: PathBuf },
    /// The processes of the sandbox, with the kernel's settings read-only.
    Processes,
    /// The devices every program may use, and terminals of its own.
    Devices,
    /// Memory that files can be written to, as many bytes at most.
    Scratch { place: PathBuf, bytes: u64 },
    /// Nothing can be made in this folder from here on; what is mounted beneath it is not touched.
    Sealed { place: PathBuf },
}

/// Puts together what a run finds inside, all of it before the root itself is sealed, gives the work tree to the user that it runs as, and becomes that user.
///
/// Everything that only root can do has been done after this.
pub(super) fn prepare(order: &Order, status: &File) -> Result<Vec<Entry>, String> {
    identity::join(&order.cgroups)?;
    let mounts = mounts(order)?;
    let mut sources = vec![order.worktree.clone()];
    sources.extend(mounts.iter().map(|(source, _)| source.clone()));
    let guarded = guarded(&order.worktree);
    let identity = Identity::choose(std::process::id());
    if let Some(identity) = identity {
        identity.own(&order.worktree).map_err(|error| format!("cannot hand over the work tree: {error}"))?;
        identity.own_open(status).map_err(|error| format!("cannot hand over the status: {error}"))?;
        sources = identity::stage(&sources)?;
    }
    let mut entries = system(order);
    let (worktree, read_only) = sources.split_first().ok_or("nothing is staged")?;
    for (source, (_, place)) in read_only.iter().zip(mounts) {
        entries.push(Entry::Bind { source: source.clone(), place, writable: false });
    }
    entries.push(Entry::Bind { source: worktree.clone(), place: order.worktree.clone(), writable: true });
    for name in guarded {
        entries.push(Entry::Guard { source: worktree.join(&name), place: order.worktree.join(&name) });
    }
    for (place, content) in &order.files {
        entries.push(Entry::File { content: content.clone(), place: place.clone() });
    }
    if let Some(identity) = identity {
        identity.become_it().map_err(|error| format!("cannot become another user: {error}"))?;
    }
    Ok(entries)
}

/// What of the system is inside, before anything that the request names.
fn system(order: &Order) -> Vec<Entry> {
    let seen = |path: &str| Entry::Bind { source: path.into(), place: path.into(), writable: false };
    let mut entries = vec![seen("/usr")];
    for path in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
        match fs::read_link(path) {
            Ok(target) => entries.push(Entry::Link { target, place: path.into() }),
            Err(_) if Path::new(path).is_dir() => entries.push(seen(path)),
            Err(_) => {}
        }
    }
    let network: &[&str] = match order.network {
        Network::None => &[],
        Network::Open => &NETWORK_FILES,
    };
    let there = SYSTEM_FILES.iter().chain(network).filter(|path| Path::new(path).exists());
    entries.extend(there.map(|path| seen(path)));
    for (content, place) in [(PASSWD, "/etc/passwd"), (GROUP, "/etc/group"), (HOSTS, "/etc/hosts")] {
        entries.push(Entry::File { content: content.into(), place: place.into() });
    }
    let bytes = order.limits.tmp_bytes.max(4096);
    entries.extend([
        Entry::Processes,
        Entry::Devices,
        Entry::Scratch { place: "/dev/shm".into(), bytes },
        Entry::Sealed { place: "/dev".into() },
        Entry::Scratch { place: "/tmp".into(), bytes },
        Entry::Home { place: HOME.into() },
    ]);
    entries
}

/// Everything of the machine that the request names, and where it is to be.
fn mounts(order: &Order) -> Result<Vec<(PathBuf, PathBuf)>, String> {
    let mut mounts: Vec<(PathBuf, PathBuf)> =
        order.read_only.iter().map(|path| (path.clone(), path.clone())).collect();
    mounts.extend(order.openings.mounts.iter().cloned());
    // Bubblewrap starts it anew inside; at the other level the first process is there already.
    if order.level == Level::Strict || !order.openings.ports.is_empty() {
        let own = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        mounts.push((own, PathBuf::from(PROGRAM)));
    }
    Ok(mounts)
}

/// The command, behind the words that make a relay run it if ports are to be opened.
pub(super) fn command(order: &Order, run_dir: &Path) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    if !order.openings.ports.is_empty() {
        words.push(PROGRAM.to_owned());
        words.extend(own_words(run_dir));
        words.push(service::RELAY.to_owned());
        for (port, socket) in &order.openings.ports {
            words.push(format!("{port}={}", text(socket)?));
        }
        words.push("--".to_owned());
    }
    words.extend(order.argv.iter().cloned());
    Ok(words)
}

/// The words that made this program a launcher, and make it one inside too.
pub(super) fn own_words(run_dir: &Path) -> impl Iterator<Item = String> {
    std::env::args_os()
        .skip(1)
        .take_while(move |arg| arg != run_dir.as_os_str())
        .map(|arg| arg.to_string_lossy().into_owned())
}

/// All variables of a command: ours, then those of the request.
pub(super) fn environment(order: &Order, home: &str, tmp: &str) -> Vec<(String, String)> {
    let ours = [("PATH", SYSTEM_PATH), ("HOME", home), ("TMPDIR", tmp), ("LANG", "C.UTF-8")];
    let ours = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ours.into_iter().chain(order.env.iter().cloned()).collect()
}

/// What is there of the guarded names. A link is left alone: covering it would cover what it leads to.
fn guarded(worktree: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(worktree) else { return Vec::new() };
    let plain =
        entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir()));
    let mut names: Vec<String> = plain.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| GUARDED.contains(&name.as_str()) || name.starts_with(".groundcrew"));
    names.sort();
    names
}

pub(super) fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))
}
