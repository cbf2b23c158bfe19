//! The strict level: how bubblewrap is called.
//!
//! The sandbox sees the system's programs, what the request names, and nothing else of the machine. Only the work
//! tree, `/tmp`, and `/dev/shm` can be written; in the work tree not the things that tell other programs what to run.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::Signal;

use super::identity::{self, Identity};
use super::order::Order;
use super::{Level, Network, SYSTEM_PATH, seccomp, service};

/// Where bubblewrap is looked for; `PATH` is not asked, since it may lead into a repository.
const PLACES: [&str; 4] =
    ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap", "/run/current-system/sw/bin/bwrap"];

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

/// A bubblewrap that can do what is needed.
#[derive(Debug, Clone)]
pub(super) struct Bwrap {
    pub(super) program: PathBuf,
    pub(super) disables_userns: bool,
}

impl Bwrap {
    pub(super) fn find() -> Result<Bwrap, String> {
        let Some(program) = PLACES.iter().map(PathBuf::from).find(|path| path.is_file()) else {
            return Err("bubblewrap is not installed: `apt install bubblewrap` or the like".to_owned());
        };
        let help = Command::new(&program)
            .arg("--help")
            .env_clear()
            .output()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        let help =
            String::from_utf8_lossy(&help.stdout).into_owned() + &String::from_utf8_lossy(&help.stderr);
        if !["--size", "--json-status-fd", "--perms"].iter().all(|option| help.contains(option)) {
            return Err(format!("{} is too old: bubblewrap 0.5 or newer is needed", program.display()));
        }
        Ok(Bwrap { disables_userns: help.contains("--disable-userns"), program })
    }
}

/// Becomes bubblewrap; returns only if that fails.
pub(super) fn exec(order: &Order, run_dir: &Path, status: &File) -> Result<(), String> {
    let program = order.bwrap.as_ref().ok_or("no bubblewrap was found")?;
    identity::join(&order.cgroups)?;
    let mounts = mounts(order)?;
    let mut sources = vec![order.worktree.clone()];
    sources.extend(mounts.iter().map(|(source, _)| source.clone()));
    let guarded = guarded(&order.worktree);
    let identity = Identity::choose(std::process::id());
    if let Some(identity) = identity {
        identity.own(&order.worktree).map_err(|error| format!("cannot hand over the work tree: {error}"))?;
        sources = identity::stage(&sources)?;
    }
    let mut call = Call { args: Vec::new(), open: Vec::new() };
    call.namespaces(order);
    call.system(order)?;
    let (worktree, read_only) = sources.split_first().ok_or("nothing is staged")?;
    for (source, (_, place)) in read_only.iter().zip(&mounts) {
        call.paths("--ro-bind", source, place)?;
    }
    call.paths("--bind", worktree, &order.worktree)?;
    for name in guarded {
        call.paths("--ro-bind", &worktree.join(&name), &order.worktree.join(&name))?;
    }
    for (path, content) in &order.files {
        call.data(content, path)?;
    }
    call.words(&["--remount-ro", "/", "--chdir", text(&order.cwd)?]);
    call.environment(order);
    let program_bytes = seccomp::bytes(&seccomp::program(Level::Strict, order.network)?);
    let filter = call.memory(&program_bytes)?;
    inherit(status)?;
    call.words(&["--seccomp", &filter, "--json-status-fd", &status.as_raw_fd().to_string(), "--"]);
    call.args.extend(relayed(order, run_dir)?);
    call.args.extend(order.argv.iter().cloned());
    identity::limit(order)?;
    if let Some(identity) = identity {
        identity.become_it().map_err(|error| format!("cannot become another user: {error}"))?;
    }
    identity::die_with_parent(order.supervisor, Signal::SIGKILL)?;
    let error = Command::new(program).args(&call.args).env_clear().exec();
    Err(format!("cannot start {}: {error}", program.display()))
}

/// Where the relay lies inside.
const RELAY_PLACE: &str = "/groundcrew/relay";

/// Everything to mount read-only, and where.
fn mounts(order: &Order) -> Result<Vec<(PathBuf, PathBuf)>, String> {
    let mut mounts: Vec<(PathBuf, PathBuf)> =
        order.read_only.iter().map(|path| (path.clone(), path.clone())).collect();
    mounts.extend(order.openings.mounts.iter().cloned());
    if !order.openings.ports.is_empty() {
        let own = std::env::current_exe().map_err(|error| format!("cannot find the relay: {error}"))?;
        mounts.push((own, PathBuf::from(RELAY_PLACE)));
    }
    Ok(mounts)
}

/// The words before the command that make a relay run it, if ports are to be opened.
fn relayed(order: &Order, run_dir: &Path) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    if order.openings.ports.is_empty() {
        return Ok(words);
    }
    words.push(RELAY_PLACE.to_owned());
    // What made this program a launcher makes it one inside too.
    let own = std::env::args_os().skip(1).take_while(|arg| arg != run_dir.as_os_str());
    words.extend(own.map(|arg| arg.to_string_lossy().into_owned()));
    words.push(service::RELAY.to_owned());
    for (port, socket) in &order.openings.ports {
        words.push(format!("{port}={}", text(socket)?));
    }
    words.push("--".to_owned());
    Ok(words)
}

/// A bubblewrap call in the making, with the files it reads.
struct Call {
    args: Vec<String>,
    open: Vec<File>,
}

impl Call {
    fn words(&mut self, words: &[&str]) {
        self.args.extend(words.iter().map(|word| (*word).to_owned()));
    }

    fn paths(&mut self, option: &str, source: &Path, place: &Path) -> Result<(), String> {
        self.words(&[option, text(source)?, text(place)?]);
        Ok(())
    }

    /// A file in memory that bubblewrap inherits; gives its number.
    fn memory(&mut self, content: &[u8]) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("cannot keep a file in memory: {error}");
        let fd = memfd_create("groundcrew", MFdFlags::empty()).map_err(|error| failed(error.into()))?;
        let mut file = File::from(fd);
        file.write_all(content).and_then(|()| file.rewind()).map_err(failed)?;
        let number = file.as_raw_fd().to_string();
        self.open.push(file);
        Ok(number)
    }

    fn data(&mut self, content: &[u8], place: &Path) -> Result<(), String> {
        let number = self.memory(content)?;
        self.words(&["--perms", "0444", "--ro-bind-data", &number, text(place)?]);
        Ok(())
    }

    fn namespaces(&mut self, order: &Order) {
        self.words(&["--unshare-user", "--unshare-all"]);
        match order.network {
            Network::None => {}
            Network::Open => self.words(&["--share-net"]),
        }
        self.words(&["--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]);
        self.words(&["--new-session", "--die-with-parent", "--cap-drop", "ALL"]);
        if order.bwrap_disables_userns {
            self.words(&["--disable-userns"]);
        }
    }

    fn system(&mut self, order: &Order) -> Result<(), String> {
        self.words(&["--ro-bind", "/usr", "/usr"]);
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
            let path = Path::new("/").join(name);
            match fs::read_link(&path) {
                Ok(target) => self.paths("--symlink", &target, &path)?,
                Err(_) if path.is_dir() => self.paths("--ro-bind", &path, &path)?,
                Err(_) => {}
            }
        }
        for path in SYSTEM_FILES {
            self.words(&["--ro-bind-try", path, path]);
        }
        if order.network == Network::Open {
            for path in NETWORK_FILES.into_iter().filter(|path| Path::new(path).exists()) {
                self.words(&["--ro-bind", path, path]);
            }
        }
        for (content, place) in [(PASSWD, "/etc/passwd"), (GROUP, "/etc/group"), (HOSTS, "/etc/hosts")] {
            self.data(content.as_bytes(), place.as_ref())?;
        }
        // Bubblewrap leaves `/proc/sys` writable for who could write the folder, so it is covered in any case.
        self.words(&["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]);
        let size = order.limits.tmp_bytes.max(4096).to_string();
        self.words(&["--size", &size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]);
        self.words(&["--size", &size, "--tmpfs", "/tmp", "--perms", "0700", "--dir", "/tmp/home"]);
        Ok(())
    }

    fn environment(&mut self, order: &Order) {
        // Set by bubblewrap for the command alone, so that none of it acts on bubblewrap.
        for (name, value) in environment(order, "/tmp/home", "/tmp") {
            self.words(&["--setenv", &name, &value]);
        }
    }
}

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

fn inherit(file: &File) -> Result<(), String> {
    fcntl(file, FcntlArg::F_SETFD(FdFlag::empty()))
        .map_err(|error| format!("cannot pass on a file: {error}"))?;
    Ok(())
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))
}
