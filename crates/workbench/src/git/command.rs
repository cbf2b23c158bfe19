//! The one place that starts git: every flag and variable that keeps a repository from running code.
//!
//! Git is told where its folder and its work tree are, so no `.git` file or discovery is believed; the work tree is
//! an empty folder of ours, so attributes and files of a checkout are not read, but where a command says what differs in
//! the user's; the environment is built from empty.
//! Drivers that the repository's own configuration defines are switched off by name, since `-c` is the only place
//! that outranks it.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use groundcrew_core::audit::{Act, Recorder};

use super::GitError;
use crate::process::{self, CancelToken, Patience, Stop};

/// Settings that outrank every configuration file of the repository.
const HARDENED: [&str; 20] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "safe.bareRepository=explicit",
    "protocol.allow=never",
    "submodule.recurse=false",
    "diff.ignoreSubmodules=all",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "commit.gpgSign=false",
    "log.showSignature=false",
    "log.mailmap=false",
    "credential.helper=",
    "core.quotePath=true",
    "core.sparseCheckout=false",
    "blame.ignoreRevsFile=",
    "diff.suppressBlankEmpty=false",
    "color.ui=false",
    "i18n.logOutputEncoding=UTF-8",
];

/// Wall-clock limit of one git command.
const WALL: Duration = Duration::from_secs(120);
/// Bytes of output at which a git command is ended.
pub(super) const OUTPUT_CAP: usize = 256 * 1024 * 1024;

/// What every git command of one repository has in common.
#[derive(Debug)]
pub(super) struct Base {
    /// The git folder, named to every command.
    pub(super) git_dir: PathBuf,
    /// An empty folder: work tree, current folder and home of every command.
    pub(super) void: PathBuf,
    /// Where programs are looked for.
    pub(super) path: OsString,
    /// `-c` settings that switch off the drivers the repository's configuration defines.
    pub(super) drivers: Vec<String>,
}

/// One git command in the making.
pub(super) struct Git<'a> {
    base: &'a Base,
    tree: &'a Path,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    input: Vec<u8>,
    cap: usize,
}

/// What a git command printed.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl<'a> Git<'a> {
    pub(super) fn new(base: &'a Base, args: &[&str]) -> Git<'a> {
        let args = args.iter().map(OsString::from).collect();
        Git { base, tree: &base.void, args, env: Vec::new(), input: Vec::new(), cap: OUTPUT_CAP }
    }

    /// Adds a value that came from outside; the caller has put `--end-of-options` before it or checked its form.
    pub(super) fn arg(mut self, value: impl AsRef<OsStr>) -> Git<'a> {
        self.args.push(value.as_ref().to_owned());
        self
    }

    pub(super) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Git<'a> {
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    /// Looks at this work tree instead of the empty one. Its attributes are read then; the drivers that they name are off.
    pub(super) fn tree(mut self, tree: &'a Path) -> Git<'a> {
        self.tree = tree;
        self
    }

    pub(super) fn input(mut self, bytes: Vec<u8>) -> Git<'a> {
        self.input = bytes;
        self
    }

    /// Ends the command when it prints more than `bytes`, which is then an error.
    pub(super) fn cap(mut self, bytes: usize) -> Git<'a> {
        self.cap = bytes.min(OUTPUT_CAP);
        self
    }

    /// Runs it and demands exit code 0.
    pub(super) fn run(self, recorder: &dyn Recorder) -> Result<Vec<u8>, GitError> {
        let name = self.name();
        let printed = self.run_any(recorder)?;
        if printed.code == Some(0) {
            return Ok(printed.stdout);
        }
        let message = printed.stderr.trim().chars().take(600).collect();
        Err(GitError::Failed { command: name, code: printed.code, message })
    }

    /// Runs it and leaves the exit code to the caller.
    pub(super) fn run_any(self, recorder: &dyn Recorder) -> Result<Printed, GitError> {
        let name = self.name();
        let child = self.command().spawn().map_err(|source| {
            if source.kind() == ErrorKind::NotFound {
                GitError::NoGit
            } else {
                GitError::Io { what: format!("start git {name}"), source }
            }
        })?;
        let patience =
            Patience { wall: WALL, keep: 2 * self.cap, flood: Some(self.cap as u64), grace: Duration::ZERO };
        let waited = process::wait(child, &self.input, patience, &CancelToken::new())
            .map_err(|source| GitError::Io { what: format!("wait for git {name}"), source })?;
        let (code, ended) = match waited.stop {
            Stop::Ended(status) => (status.code(), status.to_string()),
            Stop::TimedOut => (None, format!("timed out after {} s", WALL.as_secs())),
            Stop::Cancelled | Stop::Stopped => (None, "cancelled".to_owned()),
            Stop::Flooded => (None, format!("printed more than {} bytes", self.cap)),
        };
        recorder.record(Act::CommandRun {
            argv: self.audited(),
            sandbox: "git".to_owned(),
            exit_code: code,
            ended,
            wall_ms: u64::try_from(waited.wall.as_millis()).unwrap_or(u64::MAX),
            limits: "wall clock, output".to_owned(),
        });
        match waited.stop {
            Stop::Ended(_) if waited.stdout.total() <= self.cap as u64 => {}
            Stop::Ended(_) | Stop::Flooded => {
                return Err(GitError::TooLarge { what: format!("git {name}"), cap: self.cap as u64 });
            }
            Stop::TimedOut | Stop::Cancelled | Stop::Stopped => {
                return Err(GitError::TimedOut { command: name, seconds: WALL.as_secs() });
            }
        }
        let (stdout, _) = waited.stdout.finish();
        let (stderr, _) = waited.stderr.finish();
        Ok(Printed { code, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }

    fn name(&self) -> String {
        self.args.first().map(|arg| arg.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The command without the flags every git command carries.
    fn audited(&self) -> Vec<String> {
        let args = self.args.iter().map(|arg| arg.to_string_lossy().into_owned());
        std::iter::once("git".to_owned()).chain(args).collect()
    }

    /// The only function of the workspace that builds a git command.
    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.arg("--no-pager").arg("--no-replace-objects").arg("--literal-pathspecs");
        command.arg(join("--git-dir=", &self.base.git_dir)).arg(join("--work-tree=", self.tree));
        for setting in HARDENED.into_iter().chain(self.base.drivers.iter().map(String::as_str)) {
            command.arg("-c").arg(setting);
        }
        command.args(&self.args).current_dir(&self.base.void).env_clear();
        command
            .env("PATH", &self.base.path)
            .env("HOME", &self.base.void)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("GIT_EDITOR", "/bin/false")
            .env("GIT_SSH_COMMAND", "/bin/false")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_GRAFT_FILE", "/dev/null")
            // Without an index of its own a command would take attributes from the user's.
            .env("GIT_INDEX_FILE", self.base.void.join("no-index"));
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn join(flag: &str, path: &Path) -> OsString {
    let mut text = OsString::from(flag);
    text.push(path);
    text
}

/// `PATH` without relative folders and without folders of the repository, from which no program may come.
pub(super) fn search_path(top: &Path) -> OsString {
    let wanted = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&wanted).filter(|folder| folder.is_absolute() && !folder.starts_with(top));
    std::env::join_paths(folders).unwrap_or_else(|_| OsString::from("/usr/local/bin:/usr/bin:/bin"))
}

/// The settings that switch off every filter, diff driver and merge driver the configuration defines.
pub(super) fn switch_off_drivers(keys: &[u8]) -> Vec<String> {
    let mut names: Vec<&str> = keys
        .split(|byte| *byte == 0)
        .filter_map(|key| std::str::from_utf8(key).ok())
        .filter_map(|key| key.rsplit_once('.').map(|(driver, _)| driver))
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut settings = Vec::new();
    for driver in names {
        // `-c` ends a key at the first `=`, so such a driver could not be outranked; no attribute can name it either.
        if driver.contains('=') {
            continue;
        }
        if driver.starts_with("filter.") {
            settings.extend(
                ["clean=", "smudge=", "process=", "required=false"].map(|key| format!("{driver}.{key}")),
            );
        } else if driver.starts_with("diff.") {
            settings.extend(["command=", "textconv="].map(|key| format!("{driver}.{key}")));
        } else if driver.starts_with("merge.") {
            // An empty merge driver is an error in git; one that fails is an ordinary conflict.
            settings.push(format!("{driver}.driver=false"));
        }
    }
    settings
}
