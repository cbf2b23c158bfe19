//! The one way to run a command of a project: in a sandbox whose level was proven on this machine.
//!
//! | level | made of | holds |
//! | --- | --- | --- |
//! | `strict` | bubblewrap under an unprivileged user id, seccomp | own files, processes, network, devices |
//! | `builtin` | namespaces of our own making, Landlock where the kernel has it, seccomp | the same |
//! | `landlock` | Landlock and seccomp under an unprivileged user id | files and sockets; no loopback, no cap on `/tmp`, `.git` of the work tree can be written |
//!
//! At `landlock` a command can replace the `.git` file of its work tree: rules only allow, they cannot take a file out of a
//! folder again, and without that file it could make one, here as in any folder below. It gains nothing by it: a work
//! tree is used once and thrown away, git is never asked inside one and never believes that file (see [`crate::git`]),
//! and the files are read back by plain code. Only a person who runs git in a folder left by a killed run would.
//!
//! A level is used only if a probe ran under it. Below the wanted minimum there is an error, never a weaker run.
//! The launcher is this program started again (see [`launcher_main`]), so that everything irreversible happens in a
//! process of its own. As root each run gets a user id of its own; the work tree is handed over to it.
//!
//! | file | what |
//! | --- | --- |
//! | `attempts` | what a hostile command gets out of a level |
//! | `request`, `output` | what is to be run, and what it did |
//! | `order` | what the launcher is told |
//! | `launcher` | the launcher: gives up rights, then becomes the command |
//! | `identity` | user ids, ownership, and staging of folders that the new user id could not enter |
//! | `inside` | what a command finds around itself at the levels `strict` and `builtin` |
//! | `strict` | the level of that name: how bubblewrap is called |
//! | `builtin`, `init`, `mounts`, `loopback` | the level of that name: namespaces, their first process, its mounts |
//! | `confine` | the level `landlock` |
//! | `rules` | what Landlock is told |
//! | `seccomp` | denied system calls |
//! | `cgroup` | bounds on all processes of a run together |
//! | `disk` | a bound on what a run writes |
//! | `service` | the single addresses that a run may reach |
//! | `spawner` | the thread that starts launchers |

pub mod attempts;
mod builtin;
mod cgroup;
mod confine;
mod disk;
mod identity;
mod init;
mod inside;
mod launcher;
mod loopback;
mod mounts;
mod order;
mod output;
mod request;
mod rules;
mod seccomp;
mod service;
mod spawner;
mod strict;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use groundcrew_core::audit::{Act, NoRecorder, Recorder};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::process::{self, CancelToken, Patience, Stop};
use crate::scratch;
use cgroup::Groups;
use disk::Disk;
use order::Order;

use service::Outside;

pub use launcher::launcher_main;
pub use output::{Bound, Ended, Output};
pub use request::{Limits, Network, Request};
pub use service::Service;

/// First argument that makes the product's program a launcher; it then calls [`launcher_main`].
pub const LAUNCHER_ARG: &str = "__sandbox";
/// Folder of the files a [`Request`] places.
pub const FILES: &str = "/groundcrew";
/// Where programs are looked for, unless a [`Request`] says otherwise.
pub const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How well a command is held; a later one holds better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Landlock and seccomp.
    Landlock,
    /// Namespaces of our own making, Landlock where the kernel has it, and seccomp.
    Builtin,
    /// Bubblewrap and seccomp.
    Strict,
}

impl Level {
    /// Every level, the best first.
    pub const ALL: [Level; 3] = [Level::Strict, Level::Builtin, Level::Landlock];

    /// Whether a command has a network and files of its own, so that single addresses of the machine can be opened to it.
    pub fn opens_services(self) -> bool {
        match self {
            Level::Strict | Level::Builtin => true,
            Level::Landlock => false,
        }
    }

    /// The name in configuration and audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Landlock => "landlock",
            Level::Builtin => "builtin",
            Level::Strict => "strict",
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How sandboxes are to be made. Comes from the user's own configuration only, never from a repository.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Program and arguments that lead to [`launcher_main`].
    pub launcher: Vec<OsString>,
    /// The weakest level that may be used.
    pub minimum: Level,
    /// The one level to use, instead of the best; none takes the best.
    pub only: Option<Level>,
}

impl SandboxConfig {
    /// The best level of this machine, at least `landlock`, launched by this program itself.
    ///
    /// # Errors
    /// If the path of the running program cannot be told.
    pub fn for_this_program() -> std::io::Result<SandboxConfig> {
        let program = std::env::current_exe()?;
        Ok(SandboxConfig::new(vec![program.into(), LAUNCHER_ARG.into()]))
    }

    /// The best level of this machine, at least `landlock`.
    pub fn new(launcher: Vec<OsString>) -> SandboxConfig {
        SandboxConfig { launcher, minimum: Level::Landlock, only: None }
    }
}

/// Why a command could not be run. What the command itself does is never an error but an [`Output`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The request cannot be right.
    #[error("the command cannot be run: {0}")]
    BadRequest(String),
    /// The sandbox or the program could not be started.
    #[error("the {level} sandbox could not start {program:?}: {reason}")]
    Start {
        /// The level.
        level: Level,
        /// The program.
        program: String,
        /// Why, with the last lines it printed.
        reason: String,
    },
    /// The supervisor's own part failed.
    #[error("cannot run a sandboxed command: {0}")]
    Io(#[from] std::io::Error),
}

/// Whether a level works on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The level.
    pub level: Level,
    /// None if it works; else why not and what to do about it.
    pub problem: Option<String>,
}

/// No level that is good enough works.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no sandbox of level {minimum} or better works here: {}", problems(probes))]
pub struct Unavailable {
    /// The weakest level that was allowed.
    pub minimum: Level,
    /// What was tried.
    pub probes: Vec<Probe>,
}

fn problems(probes: &[Probe]) -> String {
    let told =
        probes.iter().filter_map(|probe| Some(format!("{}: {}", probe.level, probe.problem.as_ref()?)));
    told.collect::<Vec<_>>().join("; ")
}

/// A proven way to run commands. Clones are cheap.
#[derive(Clone)]
pub struct Sandbox {
    config: Arc<SandboxConfig>,
    level: Level,
    bwrap: Result<strict::Bwrap, String>,
    probes: Vec<Probe>,
    recorder: Arc<dyn Recorder>,
    services: Vec<Service>,
    /// Holds the launcher, where the users of the runs could not start it at its own place.
    _copied: Option<Arc<TempDir>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Tries the levels that are allowed, from the best on, by running a command under each, and takes the first that
    /// works.
    ///
    /// # Errors
    /// [`Unavailable`] if none works that is at least the minimum, or the one that was asked for does not.
    pub fn detect(config: SandboxConfig) -> Result<Sandbox, Unavailable> {
        cgroup::sweep();
        scratch::sweep();
        let (minimum, only) = (config.minimum, config.only);
        let (config, copied) = startable(config);
        let mut sandbox = Sandbox {
            config: Arc::new(config),
            level: Level::Strict,
            bwrap: strict::Bwrap::find(),
            probes: Vec::new(),
            recorder: Arc::new(NoRecorder),
            services: Vec::new(),
            _copied: copied.map(Arc::new),
        };
        let allowed = |level: &Level| *level >= minimum && only.is_none_or(|only| only == *level);
        for level in Level::ALL.into_iter().filter(allowed) {
            let probe = sandbox.at(level).probe();
            let works = probe.problem.is_none();
            sandbox.probes.push(probe);
            if works {
                return Ok(sandbox.at(level));
            }
        }
        Err(Unavailable { minimum: only.unwrap_or(minimum), probes: sandbox.probes })
    }

    /// The level commands run under.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Every level, the best first, and whether it works here; those that were not needed are tried now.
    pub fn probe_all(&self) -> Vec<Probe> {
        let tried = |level| self.probes.iter().find(|probe| probe.level == level).cloned();
        Level::ALL.into_iter().map(|level| tried(level).unwrap_or_else(|| self.at(level).probe())).collect()
    }

    /// The same sandbox, telling a recorder what runs.
    pub fn with_recorder(&self, recorder: Arc<dyn Recorder>) -> Sandbox {
        Sandbox { recorder, ..self.clone() }
    }

    /// The same sandbox, in which every command reaches these services of the machine.
    ///
    /// At a level that cannot open a single address ([`Level::opens_services`]) every run is refused.
    #[must_use]
    pub fn with_services(&self, services: Vec<Service>) -> Sandbox {
        Sandbox { services, ..self.clone() }
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// If it could not be started; how it ends is part of the [`Output`].
    pub fn run(&self, request: &Request, cancel: &CancelToken) -> Result<Output, SandboxError> {
        let program = request::check(request)?;
        if !self.level.opens_services() && !self.services.is_empty() {
            let reason = format!("the level {} cannot open single addresses", self.level);
            return Err(SandboxError::BadRequest(reason));
        }
        let run_dir = scratch::folder()?;
        let outside = Outside::open(&self.services, run_dir.path())?;
        let groups = Groups::make(&request.limits);
        self.order(request, &groups, &outside)?.write(run_dir.path())?;
        let patience = Patience {
            wall: request.limits.wall,
            keep: request.limits.output_bytes,
            flood: None,
            grace: match self.level {
                // Killing the launcher ends its process namespace; where there is none it has to be asked to clean up.
                Level::Strict | Level::Builtin => Duration::ZERO,
                Level::Landlock => Duration::from_secs(2),
            },
        };
        let child = spawner::spawn(self.command(run_dir.path())?)?;
        let mut disk = Disk::watch(
            vec![request.worktree.clone(), run_dir.path().join("tmp")],
            request.limits.disk_bytes,
        );
        let waited = process::wait_watched(child, &request.stdin, patience, cancel, &mut || disk.is_full())?;
        let status = order::read_status(run_dir.path());
        let (stdout, cut_out) = waited.stdout.finish();
        let (stderr, cut_err) = waited.stderr.finish();
        let ended = match (waited.stop, status.exit_code, &status.failure) {
            (Stop::TimedOut | Stop::Flooded, _, _) => Ended::TimedOut,
            (Stop::Cancelled, _, _) => Ended::Cancelled,
            (Stop::Stopped, _, _) => Ended::DiskFull,
            (Stop::Ended(_), Some(code), None) => output::from_code(code),
            (Stop::Ended(how), _, failure) => {
                let printed = String::from_utf8_lossy(&stderr);
                let printed = printed.trim();
                let tail: String =
                    printed.chars().skip(printed.chars().count().saturating_sub(600)).collect();
                let reason = failure.clone().unwrap_or_else(|| format!("{tail} ({how})"));
                return Err(SandboxError::Start { level: self.level, program, reason });
            }
        };
        let limits = groups.describe();
        self.recorder.record(Act::CommandRun {
            argv: request.argv.clone(),
            sandbox: self.level.to_string(),
            exit_code: if let Ended::Exited(code) = ended { Some(code) } else { None },
            ended: match ended {
                Ended::TimedOut => format!("timed out after {} s", request.limits.wall.as_secs_f32()),
                Ended::Exited(_) | Ended::Signaled(_) | Ended::Cancelled | Ended::DiskFull => {
                    ended.to_string()
                }
            },
            wall_ms: u64::try_from(waited.wall.as_millis()).unwrap_or(u64::MAX),
            limits: format!("{limits}{}", self.opened(request.network)),
        });
        let truncated = cut_out || cut_err;
        let hit = output::hit(ended, &groups, [&stdout, &stderr]);
        Ok(Output { ended, stdout, stderr, truncated, wall: waited.wall, level: self.level, limits, hit })
    }

    /// What a run reaches, for the audit.
    fn opened(&self, network: Network) -> String {
        match network {
            Network::Open => ", network open".to_owned(),
            Network::None => self.services.iter().map(|service| format!(", reaches {service}")).collect(),
        }
    }

    fn at(&self, level: Level) -> Sandbox {
        Sandbox { level, ..self.clone() }
    }

    fn order(&self, request: &Request, groups: &Groups, outside: &Outside) -> Result<Order, SandboxError> {
        let real = |path: &Path| {
            path.canonicalize()
                .map_err(|error| SandboxError::BadRequest(format!("{}: {error}", path.display())))
        };
        Ok(Order {
            level: self.level,
            argv: request.argv.clone(),
            cwd: real(&request.cwd)?,
            worktree: real(&request.worktree)?,
            // Kept as named: an interpreter looks for its library by the path it was started from.
            read_only: request.read_only.iter().filter(|path| path.exists()).cloned().collect(),
            files: request.files.clone(),
            env: request.env.clone(),
            limits: request.limits.clone(),
            network: request.network,
            openings: outside.openings.clone(),
            cgroups: groups.folders.clone(),
            memory_bounded: groups.memory,
            processes_bounded: groups.processes,
            bwrap: self.bwrap.as_ref().ok().map(|bwrap| bwrap.program.clone()),
            bwrap_disables_userns: self.bwrap.as_ref().is_ok_and(|bwrap| bwrap.disables_userns),
            supervisor: std::process::id(),
        })
    }

    fn command(&self, run_dir: &Path) -> Result<Command, SandboxError> {
        let (program, args) = self
            .config
            .launcher
            .split_first()
            .ok_or_else(|| SandboxError::BadRequest("no launcher is configured".to_owned()))?;
        let mut command = Command::new(program);
        command.args(args).arg(run_dir).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs the smallest command there is.
    fn probe(&self) -> Probe {
        Probe { level: self.level, problem: self.works().err() }
    }

    fn works(&self) -> Result<(), String> {
        if self.level == Level::Strict {
            self.bwrap.as_ref().map_err(String::clone)?;
        }
        let folder =
            scratch::folder().map_err(|error| format!("no temporary folder can be made: {error}"))?;
        let mut request = Request::new(folder.path(), ["true"]);
        request.limits.wall = Duration::from_secs(20);
        match self.run(&request, &CancelToken::new()) {
            Ok(output) if output.ended == Ended::Exited(0) => Ok(()),
            Ok(output) => Err(format!("a first command {}", output.ended)),
            Err(error) => Err(advice(&error.to_string())),
        }
    }
}

/// As root a run's own user starts the launcher anew, so one that only root may start is copied.
fn startable(config: SandboxConfig) -> (SandboxConfig, Option<TempDir>) {
    let mode = |path: &Path| fs::metadata(path).map_or(0o755, |meta| meta.permissions().mode());
    let for_all = config.launcher.first().is_none_or(|program| mode(program.as_ref()) & 0o005 == 0o005);
    if for_all || !nix::unistd::geteuid().is_root() {
        return (config, None);
    }
    let copied = scratch::folder().and_then(|folder| {
        let program = folder.path().join("launcher");
        fs::copy(&config.launcher[0], &program)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        Ok((program, folder))
    });
    match copied {
        Ok((program, folder)) => {
            let launcher = [program.into()].into_iter().chain(config.launcher.into_iter().skip(1)).collect();
            (SandboxConfig { launcher, ..config }, Some(folder))
        }
        // The first run then says what is wrong.
        Err(_) => (config, None),
    }
}

/// The problem with what usually helps.
fn advice(problem: &str) -> String {
    let help = if problem.contains("new namespace")
        || problem.contains("uid map")
        || problem.contains("uid_map")
        || problem.contains("loopback")
        || problem.contains("a root of our own")
    {
        "; user namespaces are switched off: set sysctl kernel.unprivileged_userns_clone=1 (Debian), give bwrap an \
         AppArmor profile (Ubuntu), or allow them in the container's seccomp profile"
    } else if problem.contains("Landlock") {
        "; a newer kernel or bubblewrap (`apt install bubblewrap`) is needed"
    } else {
        ""
    };
    format!("{problem}{help}")
}

#[doc(hidden)]
pub mod testing;
