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
mod rules;
mod seccomp;
mod service;
mod spawner;
mod strict;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use groundcrew_core::audit::{Act, NoRecorder, Recorder};
use nix::libc;
use serde::{Deserialize, Serialize};

use crate::process::{self, CancelToken, Patience, Stop};
use crate::scratch;
use cgroup::Groups;
use disk::Disk;
use order::Order;

use service::Outside;

pub use launcher::launcher_main;
pub use service::Service;

/// First argument that makes the product's program a launcher; it then calls [`launcher_main`].
pub const LAUNCHER_ARG: &str = "__sandbox";
/// Folder of the files a [`Request`] places.
pub const FILES: &str = "/groundcrew";
/// Bytes at the end of a stream that are searched for the name of a bound.
const LAST_WORDS: usize = 16 << 10;
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

/// Bounds of one run. All hold for the run as a whole where a control group can be made, else for each process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall clock; everything is killed at its end.
    pub wall: Duration,
    /// Processor time of one process, in seconds.
    pub cpu_seconds: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Size of one file in bytes.
    pub file_bytes: u64,
    /// Size of each of `/tmp` and `/dev/shm` in bytes.
    pub tmp_bytes: u64,
    /// Size of the work tree in bytes, with all files that are written there. Looked at from outside a few times a
    /// second, so a fast writer gets a little further.
    pub disk_bytes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Bytes kept of each of standard output and standard error, half from the start and half from the end.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            wall: Duration::from_secs(300),
            cpu_seconds: 600,
            memory_bytes: 4 << 30,
            processes: 256,
            file_bytes: 1 << 30,
            tmp_bytes: 512 << 20,
            disk_bytes: 4 << 30,
            open_files: 1024,
            output_bytes: 1 << 20,
        }
    }
}

/// What of the network a command reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Nothing but itself.
    #[default]
    None,
    /// Everything this machine reaches, its own loopback too. Only for one command that a person approved.
    Open,
}

/// A bound that a run came up against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// [`Limits::wall`].
    Wall,
    /// [`Limits::cpu_seconds`].
    Processor,
    /// [`Limits::memory_bytes`].
    Memory,
    /// [`Limits::processes`].
    Processes,
    /// [`Limits::file_bytes`].
    FileSize,
    /// [`Limits::tmp_bytes`].
    TemporaryFiles,
    /// [`Limits::disk_bytes`].
    Disk,
}

/// One command to run.
#[derive(Debug, Clone)]
pub struct Request {
    /// Program and arguments; no shell is involved.
    pub argv: Vec<String>,
    /// Where it starts; the work tree or a folder in it.
    pub cwd: PathBuf,
    /// The folder it may write, at its own path.
    pub worktree: PathBuf,
    /// Files and folders it may read besides the system's, at their own paths, such as an interpreter. What does not
    /// exist is left out.
    pub read_only: Vec<PathBuf>,
    /// Small read-only files to place, each beneath [`FILES`]. Where nothing can be mounted they lie elsewhere, and an
    /// argument that is exactly such a path is replaced, as is [`FILES`] itself in a variable that lists folders.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Variables besides `PATH`, `HOME`, `TMPDIR` and `LANG`; these may be replaced. Nothing is inherited.
    pub env: Vec<(String, String)>,
    /// What it reads on standard input.
    pub stdin: Vec<u8>,
    /// Its bounds.
    pub limits: Limits,
    /// What it reaches.
    pub network: Network,
}

impl Request {
    /// A command in the top folder of a work tree, with nothing besides and the default limits.
    pub fn new(worktree: &Path, argv: impl IntoIterator<Item = impl Into<String>>) -> Request {
        Request {
            argv: argv.into_iter().map(Into::into).collect(),
            cwd: worktree.to_owned(),
            worktree: worktree.to_owned(),
            read_only: Vec::new(),
            files: Vec::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            limits: Limits::default(),
            network: Network::None,
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal. An exit code between 129 and 192 counts as one, as in a shell.
    Signaled(i32),
    /// By the wall-clock limit.
    TimedOut,
    /// By the limit of the disk.
    DiskFull,
    /// By the token.
    Cancelled,
}

impl Ended {
    /// Whether it was killed, and no bound that it came up against accounts for that: then somebody outside did it, and
    /// the run says nothing about what was run.
    pub fn is_killed_from_outside(self, hit: &[Bound]) -> bool {
        self == Ended::Signaled(libc::SIGKILL) && hit.is_empty()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Exited(code) => write!(f, "exited {code}"),
            Ended::Signaled(signal) => write!(f, "signal {signal}"),
            Ended::TimedOut => f.write_str("timed out"),
            Ended::DiskFull => f.write_str("filled the disk"),
            Ended::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output, cut in the middle if it was long: untrusted bytes.
    pub stdout: Vec<u8>,
    /// Its standard error, likewise.
    pub stderr: Vec<u8>,
    /// Whether anything was cut.
    pub truncated: bool,
    /// Wall clock.
    pub wall: Duration,
    /// The level it ran under.
    pub level: Level,
    /// Which mechanism held the limits.
    pub limits: String,
    /// Bounds that it came up against, as far as the kernel, or else its own last words, tell.
    pub hit: Vec<Bound>,
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
        let mut sandbox = Sandbox {
            config: Arc::new(config),
            level: Level::Strict,
            bwrap: strict::Bwrap::find(),
            probes: Vec::new(),
            recorder: Arc::new(NoRecorder),
            services: Vec::new(),
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
        let program = check(request)?;
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
            (Stop::Ended(_), Some(code), None) => from_code(code),
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
        let hit = hit(ended, &groups, [&stdout, &stderr]);
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

/// The problem with what usually helps.
fn advice(problem: &str) -> String {
    let help = if problem.contains("new namespace")
        || problem.contains("uid map")
        || problem.contains("loopback")
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

/// Refuses what cannot be right, and gives the program's name.
fn check(request: &Request) -> Result<String, SandboxError> {
    let bad = |reason: String| Err(SandboxError::BadRequest(reason));
    let Some(program) = request.argv.first().filter(|program| !program.is_empty()) else {
        return bad("no program is named".to_owned());
    };
    if request.argv.iter().any(|arg| arg.contains('\0')) {
        return bad("an argument contains a NUL byte".to_owned());
    }
    if request
        .env
        .iter()
        .any(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'))
    {
        return bad("a variable has an empty name or contains `=` or a NUL byte".to_owned());
    }
    if let Some((path, _)) = request.files.iter().find(|(path, _)| path.parent() != Some(Path::new(FILES))) {
        return bad(format!("{} does not lie directly in {FILES}", path.display()));
    }
    if !request.cwd.starts_with(&request.worktree) {
        return bad(format!("{} does not lie in the work tree", request.cwd.display()));
    }
    Ok(program.clone())
}

/// The bounds a run came up against. What it printed is asked only where nothing else tells, and only if it failed.
fn hit(ended: Ended, groups: &Groups, printed: [&Vec<u8>; 2]) -> Vec<Bound> {
    let mut hit = groups.hit();
    match ended {
        Ended::Exited(0) | Ended::Cancelled => return hit,
        Ended::TimedOut => hit.push(Bound::Wall),
        Ended::DiskFull => hit.push(Bound::Disk),
        Ended::Signaled(libc::SIGXCPU) => hit.push(Bound::Processor),
        Ended::Signaled(libc::SIGXFSZ) => hit.push(Bound::FileSize),
        Ended::Signaled(_) | Ended::Exited(_) => {}
    }
    let last_words = [
        ("No space left on device", Bound::TemporaryFiles),
        ("File too large", Bound::FileSize),
        ("Resource temporarily unavailable", Bound::Processes),
        ("can't start new thread", Bound::Processes),
        ("MemoryError", Bound::Memory),
        ("Cannot allocate memory", Bound::Memory),
    ];
    for stream in printed {
        let tail = String::from_utf8_lossy(&stream[stream.len().saturating_sub(LAST_WORDS)..]);
        hit.extend(last_words.iter().filter(|(words, _)| tail.contains(words)).map(|(_, bound)| *bound));
    }
    hit.sort_unstable();
    hit.dedup();
    hit
}

fn from_code(code: i32) -> Ended {
    if (129..=192).contains(&code) { Ended::Signaled(code - 128) } else { Ended::Exited(code) }
}

#[doc(hidden)]
pub mod testing;
