//! The strict level: how bubblewrap is called.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::Signal;

use super::inside::{self, Entry, HOME, HOST, USER, text};
use super::order::Order;
use super::{Level, Network, identity, seccomp};

/// Where bubblewrap is looked for; `PATH` is not asked, since it may lead into a repository.
const PLACES: [&str; 4] =
    ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap", "/run/current-system/sw/bin/bwrap"];

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
    let entries = inside::prepare(order)?;
    let mut call = Call { args: Vec::new(), open: Vec::new() };
    call.namespaces(order);
    entries.iter().try_for_each(|entry| call.entry(entry))?;
    call.words(&["--chdir", text(&order.cwd)?]);
    // Set by bubblewrap for the command alone, so that none of it acts on bubblewrap.
    for (name, value) in inside::environment(order, HOME, "/tmp") {
        call.words(&["--setenv", &name, &value]);
    }
    let program_bytes = seccomp::bytes(&seccomp::program(Level::Strict, order.network)?);
    let filter = call.memory(&program_bytes)?;
    identity::inherit(status)?;
    call.words(&["--seccomp", &filter, "--json-status-fd", &status.as_raw_fd().to_string(), "--"]);
    call.args.extend(inside::command(order, run_dir)?);
    identity::die_with_parent(order.supervisor, Signal::SIGKILL)?;
    let error = Command::new(program).args(&call.args).env_clear().exec();
    Err(format!("cannot start {}: {error}", program.display()))
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

    fn namespaces(&mut self, order: &Order) {
        self.words(&["--unshare-user", "--unshare-all"]);
        match order.network {
            Network::None => {}
            Network::Open => self.words(&["--share-net"]),
        }
        let user = USER.to_string();
        self.words(&["--uid", &user, "--gid", &user, "--hostname", HOST]);
        self.words(&["--new-session", "--die-with-parent", "--cap-drop", "ALL"]);
        if order.bwrap_disables_userns {
            self.words(&["--disable-userns"]);
        }
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::Bind { source, place, writable: true } => self.paths("--bind", source, place),
            Entry::Bind { source, place, writable: false } | Entry::Guard { source, place } => {
                self.paths("--ro-bind", source, place)
            }
            Entry::Link { target, place } => self.paths("--symlink", target, place),
            Entry::File { content, place } => {
                let number = self.memory(content)?;
                self.words(&["--perms", "0444", "--ro-bind-data", &number, text(place)?]);
                Ok(())
            }
            Entry::Home { place } => {
                self.words(&["--perms", "0700", "--dir", text(place)?]);
                Ok(())
            }
            Entry::Processes => {
                // Bubblewrap leaves `/proc/sys` writable for who could write the folder, so it is covered in any case.
                self.words(&["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]);
                Ok(())
            }
            Entry::Devices => {
                self.words(&["--dev", "/dev"]);
                Ok(())
            }
            Entry::Scratch { place, bytes } => {
                self.words(&["--size", &bytes.to_string(), "--tmpfs", text(place)?]);
                Ok(())
            }
            Entry::Sealed { place } => {
                self.words(&["--remount-ro", text(place)?]);
                Ok(())
            }
        }
    }
}
