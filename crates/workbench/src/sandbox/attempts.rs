//! What a hostile command gets out of a level on this machine: it is let loose in it, against things set up to be got.
//!
//! The script tries every way out that we know of and says which worked. What a level is known not to hold is listed
//! here, so that anything more is told as a fault of the machine or of ours.

use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::{Ended, Level, Request, Sandbox, SandboxError};
use crate::process::CancelToken;
use crate::scratch;

const SCRIPT: &str = include_str!("attempts.py");

/// One way out, and whether it is shut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// What was tried.
    pub name: String,
    /// Whether it failed.
    pub held: bool,
}

/// Something that tests do, and whether they can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Use {
    /// What was done.
    pub name: String,
    /// Whether it worked.
    pub works: bool,
}

/// What a hostile command got out of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Every way out that was tried.
    pub attempts: Vec<Attempt>,
    /// What tests do.
    pub uses: Vec<Use>,
    /// Why each failed, a line each.
    #[serde(skip)]
    pub told: String,
}

impl Tried {
    /// The ways out that are open.
    pub fn open(&self) -> Vec<&str> {
        self.attempts.iter().filter(|attempt| !attempt.held).map(|attempt| attempt.name.as_str()).collect()
    }

    /// What tests do that does not work.
    pub fn lacking(&self) -> Vec<&str> {
        self.uses.iter().filter(|tried| !tried.works).map(|tried| tried.name.as_str()).collect()
    }
}

/// What a level is known not to hold.
pub fn known(level: Level) -> &'static [&'static str] {
    match level {
        Level::Strict | Level::Builtin => &[],
        // A list of allowed folders cannot take single files out again, nothing bounds a folder's size, and the
        // processes of the machine have names.
        Level::Landlock => &[
            "write the .git file",
            "move the .git file",
            "write the CI configuration",
            "write our configuration",
            "see a process of the machine",
            "fill the temporary folder",
        ],
    }
}

impl Sandbox {
    /// Lets a hostile command loose under a level.
    ///
    /// # Errors
    /// If it cannot be run there, as where there is no Python, or does not come to its end.
    pub fn attempts(&self, level: Level) -> Result<Tried, SandboxError> {
        let prey = Prey::set_out()?;
        let tree = scratch::folder()?;
        let inside = tree.path().join("tree");
        fs::create_dir_all(inside.join(".github"))?;
        fs::write(inside.join(".git"), "gitdir: /nowhere\n")?;
        for name in ["groundcrew.toml", ".github/ci.yml"] {
            fs::write(inside.join(name), "")?;
        }
        let mut request = Request::new(&inside, ["python3", "-I", "-c", SCRIPT]);
        request.stdin = prey.told(&inside).to_string().into_bytes();
        request.read_only = vec![prey.programs.path().to_owned()];
        request.limits.tmp_bytes = 16 << 20;
        request.limits.wall = Duration::from_secs(60);
        let output = self.at(level).run(&request, &CancelToken::new())?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let read: Result<Report, _> = serde_json::from_slice(&output.stdout);
        match read {
            Ok(mut report) if output.ended == Ended::Exited(0) => {
                let beside = tree.path().join("beside").exists();
                report.attempts.push(("make a file beside the work tree".to_owned(), beside));
                let left = prey.outlived();
                report.attempts.push(("leave a process behind".to_owned(), left));
                Ok(report.tried(told))
            }
            Ok(_) | Err(_) => Err(SandboxError::Start {
                level,
                program: "python3".to_owned(),
                reason: format!("the attempts {}: {}", output.ended, told.trim()),
            }),
        }
    }
}

/// What the script prints.
#[derive(Deserialize)]
struct Report {
    attempts: Vec<(String, bool)>,
    uses: Vec<(String, bool)>,
}

impl Report {
    fn tried(self, told: String) -> Tried {
        let attempts = self.attempts.into_iter().map(|(name, worked)| Attempt { name, held: !worked });
        let uses = self.uses.into_iter().map(|(name, works)| Use { name, works });
        Tried { attempts: attempts.collect(), uses: uses.collect(), told }
    }
}

/// What there is to be got outside: everybody may use it, so that only the sandbox stands in the way.
struct Prey {
    folder: TempDir,
    /// Holds a program that makes whoever starts it the user that we are.
    programs: TempDir,
    name: String,
    tcp: TcpListener,
    _sockets: Vec<UnixListener>,
    _datagram: UnixDatagram,
}

const SOCKETS: [&str; 3] = ["socket", "agent.sock", "docker.sock"];

impl Prey {
    fn set_out() -> io::Result<Prey> {
        let folder = scratch::folder()?;
        let at = |name: &str| folder.path().join(name);
        let open = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
        open(folder.path(), 0o777)?;
        for name in ["secret", "private"] {
            fs::write(at(name), "secret")?;
            open(&at(name), 0o666)?;
        }
        let name = folder.path().to_string_lossy().into_owned();
        let mut sockets = vec![UnixListener::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes())?)?];
        for name in SOCKETS {
            sockets.push(UnixListener::bind(at(name))?);
            open(&at(name), 0o777)?;
        }
        let datagram = UnixDatagram::bind(at("datagram"))?;
        open(&at("datagram"), 0o777)?;
        let programs = scratch::folder()?;
        open(programs.path(), 0o755)?;
        fs::copy("/usr/bin/id", programs.path().join("id"))?;
        open(&programs.path().join("id"), 0o4755)?;
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        Ok(Prey { name, tcp, _sockets: sockets, _datagram: datagram, programs, folder })
    }

    /// Whether a process of the command's is there after its end, and stays.
    fn outlived(&self) -> bool {
        let started = Instant::now();
        // The kernel may still be at the clearing up.
        while !self.left().is_empty() {
            if started.elapsed() > Duration::from_secs(5) {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    /// Processes that the command has left.
    fn left(&self) -> Vec<i32> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let marked = processes.filter(|process| {
            fs::read(process.path().join("cmdline"))
                .is_ok_and(|words| words.starts_with(self.name.as_bytes()))
        });
        marked.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
    }

    fn told(&self, tree: &Path) -> serde_json::Value {
        let at = |name: &str| self.folder.path().join(name);
        let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let started = own.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19));
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let private = [".ssh/id_ed25519", ".ssh/id_rsa", ".ssh/config", ".netrc", ".bashrc", ".profile"];
        let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
        let disks = ["/dev/vda", "/dev/sda", "/dev/nvme0n1"];
        let groups = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
        let there = |places: &[&'static str]| places.iter().copied().find(|place| Path::new(place).exists());
        serde_json::json!({
            "tree": tree,
            "marker": self.name,
            "outside": self.folder.path(),
            "secret": at("secret"),
            "private": private.map(|name| home.join(name)).into_iter().chain([at("private")]).collect::<Vec<_>>(),
            "setuid": self.programs.path().join("id"),
            "abstract": self.name,
            "socket": at("socket"),
            "datagram": at("datagram"),
            "agents": agent.into_iter().chain([at("agent.sock")]).collect::<Vec<_>>(),
            "docker": [at("docker.sock"), PathBuf::from("/run/docker.sock"), PathBuf::from("/var/run/docker.sock")],
            "port": self.tcp.local_addr().map_or(0, |address| address.port()),
            "pid": std::process::id(),
            "started": started,
            "disk": there(&disks).unwrap_or("/dev/vda"),
            "group": there(&groups).unwrap_or("/sys/fs/cgroup"),
            "calls": CALLS.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        })
    }
}

/// System calls by the numbers they have on this machine.
const CALLS: [(&str, i64); 26] = [
    ("bpf", libc::SYS_bpf),
    ("chroot", libc::SYS_chroot),
    ("clock_settime", libc::SYS_clock_settime),
    ("clone", libc::SYS_clone),
    ("clone3", libc::SYS_clone3),
    ("fsopen", libc::SYS_fsopen),
    ("init_module", libc::SYS_init_module),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("ioctl", libc::SYS_ioctl),
    ("keyctl", libc::SYS_keyctl),
    ("mount", libc::SYS_mount),
    ("mount_setattr", libc::SYS_mount_setattr),
    ("move_mount", libc::SYS_move_mount),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
    ("open_tree", libc::SYS_open_tree),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("pidfd_getfd", libc::SYS_pidfd_getfd),
    ("pivot_root", libc::SYS_pivot_root),
    ("process_vm_readv", libc::SYS_process_vm_readv),
    ("ptrace", libc::SYS_ptrace),
    ("sethostname", libc::SYS_sethostname),
    ("setns", libc::SYS_setns),
    ("syslog", libc::SYS_syslog),
    ("umount2", libc::SYS_umount2),
    ("unshare", libc::SYS_unshare),
    ("userfaultfd", libc::SYS_userfaultfd),
];

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// What a plain user cannot do on some machine without a sandbox either.
    const CANNOT: [&str; 51] = [
        "read through the root of the first process",
        "read through the root of the supervisor",
        "open a file that the first process has open",
        "write the memory of the first process",
        "write the program of the first process",
        "read the home of root",
        "read the shadow file",
        "write /etc/passwd",
        "make a file in /etc",
        "make a file in /",
        "make a file in /usr",
        "make a file in /dev",
        "write core_pattern",
        "write sysrq-trigger",
        "write a control group",
        "become root",
        "become root by a set-user-id program",
        "have a capability",
        "lift a limit",
        "make a device",
        "make a device of characters",
        "read a disk",
        "read the memory of the machine",
        "read the log of the kernel",
        "open a vsock socket",
        "open a packet socket",
        "open a raw socket",
        "open a crypto socket",
        "signal the supervisor",
        "read the environment of the supervisor",
        "trace the supervisor",
        "trace the parent",
        "find the way to another machine",
        "make an io_uring",
        "make a userfaultfd",
        "open a performance counter",
        "use the key ring",
        "load a bpf program",
        "mount",
        "mount a folder over another",
        "make the system writable",
        "move a mount",
        "open a file system",
        "change the root",
        "turn the root",
        "unshare a user namespace",
        "unshare the mounts",
        "clone a user namespace",
        "a call by its x32 number",
        "load a module",
        "name the host",
    ];

    #[test]
    fn without_a_sandbox_the_attempts_succeed() {
        let prey = Prey::set_out().expect("it is set out");
        let tree = tempfile::tempdir().expect("a folder");
        fs::create_dir(tree.path().join(".github")).expect("a folder");
        for name in [".git", "groundcrew.toml", ".github/ci.yml"] {
            fs::write(tree.path().join(name), "").expect("a file");
            fs::set_permissions(tree.path().join(name), Permissions::from_mode(0o666)).expect("a mode");
        }
        fs::set_permissions(tree.path(), Permissions::from_mode(0o777)).expect("a mode");
        let mut command = if nix::unistd::geteuid().is_root() {
            // Root would damage the machine.
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "61234", "--regid", "61234", "--clear-groups", "python3"]);
            command
        } else {
            Command::new("python3")
        };
        command.args(["-I", "-c", SCRIPT]).env_clear().env("PATH", super::super::SYSTEM_PATH);
        command.env("TMPDIR", tree.path()).env("SECRET", "x").current_dir(tree.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("setpriv and python3 are installed");
        let told = prey.told(tree.path()).to_string();
        child.stdin.take().expect("a pipe").write_all(told.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!prey.left().is_empty());
        let report: Report = serde_json::from_slice(&output.stdout).expect("a report");
        for pid in prey.left() {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
                .expect("it was left");
        }
        let held = report.attempts.iter().filter(|(_, worked)| !worked).map(|(name, _)| name.as_str());
        let wrong: Vec<&str> = held.filter(|name| !CANNOT.contains(name)).collect();
        assert_eq!(wrong, [""; 0], "{told}");
        assert!(report.uses.iter().all(|(_, works)| *works), "{told}");
    }
}
