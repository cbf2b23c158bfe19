//! The strict level: how bubblewrap is called.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::Signal;

use super::init::{self, Plan};
use super::inside::{self, Entry, HOST, PROGRAM, USER, text};
use super::order::Order;
use super::{Network, identity};

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
    let mut call = Call { args: Vec::new(), open: Vec::new() };
    call.namespaces(order);
    inside::prepare(order, status)?.iter().try_for_each(|entry| call.entry(entry))?;
    let failed = |error: std::io::Error| format!("cannot keep a file in memory: {error}");
    let plan =
        serde_json::to_vec(&Plan::of(order, run_dir, Vec::new())?).map_err(|error| failed(error.into()))?;
    let plan = memory(&plan).map_err(failed)?;
    // Bubblewrap keeps one for itself.
    let told = status.try_clone().map_err(failed)?;
    for file in [&plan, status, &told] {
        identity::inherit(file)?;
    }
    call.words(&["--remount-ro", "/", "--json-status-fd", &status.as_raw_fd().to_string(), "--", PROGRAM]);
    call.args.extend(inside::own_words(run_dir));
    call.args.extend(init::words(&plan, &told));
    identity::limit(order)?;
    identity::limit_files(order.limits.file_bytes)?;
    identity::die_with_parent(order.supervisor, Signal::SIGKILL)?;
    let error = Command::new(program).args(&call.args).env_clear().exec();
    Err(format!("cannot start {}: {error}", program.display()))
}

/// A file in memory.
fn memory(content: &[u8]) -> std::io::Result<File> {
    let mut file = File::from(memfd_create("groundcrew", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file)
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

    fn namespaces(&mut self, order: &Order) {
        self.words(&["--unshare-user", "--unshare-all"]);
        match order.network {
            Network::None => {}
            Network::Open => self.words(&["--share-net"]),
        }
        let user = USER.to_string();
        self.words(&["--uid", &user, "--gid", &user, "--hostname", HOST]);
        self.words(&["--new-session", "--die-with-parent", "--cap-drop", "ALL"]);
        // The first process is ours: bubblewrap's own is not held by the filter and can be written to from inside.
        self.words(&["--as-pid-1"]);
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
                let file = memory(content)
                    .map_err(|error| format!("cannot keep {} in memory: {error}", place.display()))?;
                identity::inherit(&file)?;
                let number = file.as_raw_fd().to_string();
                self.open.push(file);
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
