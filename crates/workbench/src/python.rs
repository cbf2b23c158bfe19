//! The Python interpreter a project is run with: found through shims, and proven to work in the sandbox.
//!
//! The first `python3` of the user's `PATH` is asked once, outside the sandbox and without the repository in sight,
//! where it really lies (a version manager's shim is only a script). The one that is taken ran in the sandbox before.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_core::audit::{Act, Recorder};
use serde::Deserialize;

use crate::environment::Venv;
use crate::process::{self, CancelToken, Patience, Stop};
use crate::sandbox::{Ended, FILES, Level, Request, SYSTEM_PATH, Sandbox};

const ASK: &str = "import json, sys\nprint(json.dumps({'executable': sys.executable, 'prefix': sys.prefix, \
                   'base_prefix': sys.base_prefix, 'version': list(sys.version_info[:3])}))";
const PROVE: &str = "import importlib.util, json, sys, unittest\n\
                     print(json.dumps({'pytest': importlib.util.find_spec('pytest') is not None, \
                     'prefix': sys.prefix, 'version': list(sys.version_info[:3])}))";
/// The variable that names folders to import from.
pub(crate) const IMPORT_PATH: &str = "PYTHONPATH";
/// Runs in every Python of a run; see the file.
const STARTUP: &str = include_str!("startup.py");
const STARTUP_NAME: &str = "sitecustomize.py";
/// What a shim needs to find the interpreter it stands for.
const SHIMS: [&str; 7] =
    ["PATH", "HOME", "PYENV_ROOT", "PYENV_VERSION", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR"];
/// How long an interpreter that was shown to work is taken for one that does.
const REMEMBERED: Duration = Duration::from_secs(60);
/// The oldest version whose syntax the test runner is written for.
const OLDEST: (u32, u32, u32) = (3, 6, 0);

/// An interpreter that works in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// The program, not resolved, since a virtual environment is found by the path of its program.
    pub executable: PathBuf,
    /// Major, minor and patch number.
    pub version: (u32, u32, u32),
    /// Folders outside the system's that must be bound read-only for it to work.
    pub read_only: Vec<PathBuf>,
    /// Whether pytest can be imported.
    pub pytest: bool,
    /// The virtual environment that it belongs to; none for an interpreter by itself.
    pub environment: Option<PathBuf>,
    /// Checkouts from which packages may have been installed in editable form: what would be imported from there is
    /// imported from the work tree instead.
    pub checkouts: Vec<PathBuf>,
    /// Variables that every run gets beside its own.
    pub variables: Vec<(String, String)>,
    /// Packages of Node that a suite of another kind may load; shown in the work tree while it runs.
    pub node_modules: Option<PathBuf>,
}

/// Why there is no interpreter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no python3 works in the sandbox; install python3 of the system: {}", tried.join("; "))]
pub struct NoPython {
    /// What was tried, with the reason why each does not work.
    pub tried: Vec<String>,
}

#[derive(Deserialize)]
struct Told {
    executable: PathBuf,
    prefix: PathBuf,
    base_prefix: PathBuf,
    version: (u32, u32, u32),
}

#[derive(Deserialize)]
struct Proven {
    pytest: bool,
    prefix: PathBuf,
    version: (u32, u32, u32),
}

impl Python {
    /// Finds the first `python3` of the user's `PATH`, then of the system, that works in the sandbox.
    pub fn find(sandbox: &Sandbox, recorder: &Arc<dyn Recorder>) -> Result<Python, NoPython> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates: Vec<PathBuf> = std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join("python3"))
            .filter(|program| program.is_file())
            .collect();
        candidates.extend(["/usr/bin/python3", "/usr/local/bin/python3"].map(PathBuf::from));
        let mut tried = Vec::new();
        let mut seen = Vec::new();
        for candidate in candidates {
            if seen.contains(&candidate) || !candidate.is_file() {
                continue;
            }
            match Python::at(&candidate, sandbox, recorder.as_ref()) {
                Ok(python) => return Ok(python),
                Err(reason) => tried.push(format!("{}: {reason}", candidate.display())),
            }
            seen.push(candidate);
        }
        Err(NoPython { tried })
    }

    /// Variables every run of it gets: no compiled files in the work tree, the same order of sets each time, its own
    /// programs before the system's.
    pub fn env(&self) -> Vec<(String, String)> {
        let fixed = [("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONHASHSEED", "0"), ("PYTHONNOUSERSITE", "1")];
        // Ours come last and win: what is imported from where must not be up to a setting.
        let mut env = self.variables.clone();
        env.retain(|(name, _)| name != IMPORT_PATH);
        env.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        if let Some(bin) = self.executable.parent().filter(|bin| !bin.starts_with("/usr")) {
            env.push(("PATH".to_owned(), format!("{}:{SYSTEM_PATH}", bin.display())));
        }
        if let Some(folder) = &self.environment {
            env.push(("VIRTUAL_ENV".to_owned(), folder.to_string_lossy().into_owned()));
        }
        env
    }

    /// A request that runs it with arguments in a work tree.
    pub fn request(&self, worktree: &Path, args: impl IntoIterator<Item = impl Into<String>>) -> Request {
        let program = self.executable.to_string_lossy().into_owned();
        let mut request =
            Request::new(worktree, std::iter::once(program).chain(args.into_iter().map(Into::into)));
        request.read_only = self.read_only.clone();
        request.env = self.env();
        let wanted = self.variables.iter().find(|(name, _)| name == IMPORT_PATH);
        let mut folders: Vec<&str> = wanted.iter().map(|(_, folders)| folders.as_str()).collect();
        if !self.checkouts.is_empty() {
            // The sandbox shows it by its real name.
            let to = worktree.canonicalize().unwrap_or_else(|_| worktree.to_owned());
            let moved = serde_json::json!({ "from": self.checkouts, "to": to });
            request.env.push(("GROUNDCREW_MOVED".to_owned(), moved.to_string()));
            folders.insert(0, FILES);
            request.files.push((Path::new(FILES).join(STARTUP_NAME), STARTUP.as_bytes().to_vec()));
        }
        if !folders.is_empty() {
            request.env.push((IMPORT_PATH.to_owned(), folders.join(":")));
        }
        request
    }

    /// The same interpreter, with packages of Node beside it.
    #[must_use]
    pub fn with_node_modules(mut self, folder: Option<PathBuf>) -> Python {
        self.node_modules = folder.or(self.node_modules);
        self
    }

    /// The same interpreter, importing from the work tree what was installed from this checkout.
    #[must_use]
    pub fn moving_from(mut self, checkout: &Path) -> Python {
        for folder in [Some(checkout.to_owned()), checkout.canonicalize().ok()].into_iter().flatten() {
            if !self.checkouts.contains(&folder) {
                self.checkouts.push(folder);
            }
        }
        self
    }

    /// The interpreter of a virtual environment. Nothing of the environment runs outside the sandbox.
    ///
    /// # Errors
    /// Says in words why it does not work.
    pub fn of_venv(venv: &Venv, sandbox: &Sandbox) -> Result<Python, String> {
        let mut read_only = venv.base.clone();
        read_only.push(venv.folder.clone());
        let mut python = Python {
            executable: venv.program.clone(),
            version: OLDEST,
            read_only,
            pytest: false,
            environment: Some(venv.folder.clone()),
            checkouts: Vec::new(),
            variables: Vec::new(),
            node_modules: None,
        };
        let proven = python.prove(sandbox)?;
        if proven.version < OLDEST {
            return Err("it is older than 3.6".to_owned());
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if real(&proven.prefix) != real(&venv.folder) {
            let prefix = proven.prefix.display();
            return Err(format!("its interpreter runs with the packages of {prefix}, not with its own"));
        }
        (python.version, python.pytest) = (proven.version, proven.pytest);
        Ok(python)
    }

    /// The interpreter a program is or stands for, such as one the user's configuration names.
    ///
    /// # Errors
    /// Says in words why it does not work.
    pub fn at(program: &Path, sandbox: &Sandbox, recorder: &dyn Recorder) -> Result<Python, String> {
        if let Some(known) = Met::lookup(program, sandbox) {
            return Ok(known);
        }
        let python = Python::meet(program, sandbox, recorder)?;
        Met::keep(program, sandbox, &python);
        Ok(python)
    }

    fn meet(program: &Path, sandbox: &Sandbox, recorder: &dyn Recorder) -> Result<Python, String> {
        let told = ask(program, recorder)?;
        if told.version < OLDEST {
            return Err("it is older than 3.6".to_owned());
        }
        let mut read_only = Vec::new();
        for prefix in [&told.base_prefix, &told.prefix] {
            // The folder under its own name and under the one its links lead to.
            for folder in [Some(prefix.clone()), prefix.canonicalize().ok()].into_iter().flatten() {
                if !folder.starts_with("/usr") && folder != Path::new("/") && !read_only.contains(&folder) {
                    read_only.push(folder);
                }
            }
        }
        let mut python = Python {
            executable: told.executable,
            version: told.version,
            read_only,
            pytest: false,
            environment: Some(told.prefix).filter(|prefix| *prefix != told.base_prefix),
            checkouts: Vec::new(),
            variables: Vec::new(),
            node_modules: None,
        };
        python.pytest = python.prove(sandbox)?.pytest;
        Ok(python)
    }

    fn prove(&self, sandbox: &Sandbox) -> Result<Proven, String> {
        let folder = crate::scratch::folder().map_err(|error| format!("no temporary folder: {error}"))?;
        let mut request = self.request(folder.path(), ["-c", PROVE]);
        request.limits.wall = Duration::from_secs(60);
        let output = sandbox.run(&request, &CancelToken::new()).map_err(|error| error.to_string())?;
        if output.ended != Ended::Exited(0) {
            let printed = String::from_utf8_lossy(&output.stderr).chars().take(300).collect::<String>();
            return Err(format!("{} in the sandbox: {}", output.ended, printed.trim()));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("it answered with something else: {error}"))
    }
}

/// An interpreter that was shown to work a moment ago. The steps of one piece of work follow each other sooner than anybody
/// installs something, and what an installation changes is looked at.
struct Met {
    program: PathBuf,
    level: Level,
    /// What a shim decides by.
    variables: Vec<Option<OsString>>,
    marks: Vec<Option<Mark>>,
    python: Python,
    since: Instant,
}

/// Device, inode and time of the last change of a file or folder, in nanoseconds.
type Mark = (u64, u64, i128);

static MET: Mutex<Vec<Met>> = Mutex::new(Vec::new());

impl Met {
    fn lookup(program: &Path, sandbox: &Sandbox) -> Option<Python> {
        let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
        met.retain(|met| met.since.elapsed() < REMEMBERED);
        let holds = |met: &&Met| {
            met.program == program
                && met.level == sandbox.level()
                && met.variables == variables()
                && met.marks == marks(program, &met.python)
        };
        met.iter().find(holds).map(|met| met.python.clone())
    }

    fn keep(program: &Path, sandbox: &Sandbox, python: &Python) {
        let met = Met {
            program: program.to_owned(),
            level: sandbox.level(),
            variables: variables(),
            marks: marks(program, python),
            python: python.clone(),
            since: Instant::now(),
        };
        MET.lock().unwrap_or_else(PoisonError::into_inner).push(met);
    }
}

fn variables() -> Vec<Option<OsString>> {
    SHIMS.iter().map(std::env::var_os).collect()
}

/// What changes when an interpreter is exchanged or a package is installed for it.
fn marks(program: &Path, python: &Python) -> Vec<Option<Mark>> {
    let (major, minor, _) = python.version;
    let packages =
        python.read_only.iter().map(|folder| folder.join(format!("lib/python{major}.{minor}/site-packages")));
    let system = PathBuf::from("/usr/lib/python3/dist-packages");
    let all = [program.to_owned(), python.executable.clone(), system].into_iter().chain(packages);
    all.map(|path| {
        let found = path.metadata().ok()?;
        let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
        Some((found.dev(), found.ino(), changed))
    })
    .collect()
}

/// Asks an interpreter where it lies.
fn ask(program: &Path, recorder: &dyn Recorder) -> Result<Told, String> {
    let mut command = Command::new(program);
    command.args(["-I", "-c", ASK]).current_dir("/").env_clear();
    // Nothing else of the environment is passed on.
    for name in SHIMS {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
    let wall = Duration::from_secs(30);
    let patience = Patience { wall, keep: 65536, flood: Some(65536), grace: Duration::ZERO };
    let waited =
        process::wait(child, &[], patience, &CancelToken::new()).map_err(|error| error.to_string())?;
    let (code, ended) = match waited.stop {
        Stop::Ended(status) => (status.code(), status.to_string()),
        Stop::TimedOut | Stop::Cancelled | Stop::Flooded | Stop::Stopped => {
            (None, "it took too long or said too much".to_owned())
        }
    };
    let argv = [OsString::from(program), "-I".into(), "-c".into(), ASK.into()];
    recorder.record(Act::CommandRun {
        argv: argv.iter().map(|arg| arg.to_string_lossy().into_owned()).collect(),
        sandbox: "none".to_owned(),
        exit_code: code,
        ended: ended.clone(),
        wall_ms: u64::try_from(waited.wall.as_millis()).unwrap_or(u64::MAX),
        limits: "wall clock, output".to_owned(),
    });
    if code != Some(0) {
        return Err(ended);
    }
    serde_json::from_slice(&waited.stdout.finish().0)
        .map_err(|error| format!("it answered with something else: {error}"))
}
