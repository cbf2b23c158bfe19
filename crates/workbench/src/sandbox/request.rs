//! What is to be run: a command, what it finds, and its bounds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FILES, SandboxError};

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

/// Refuses what cannot be right, and gives the program's name.
pub(super) fn check(request: &Request) -> Result<String, SandboxError> {
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
