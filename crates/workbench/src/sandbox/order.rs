//! What the supervisor tells the launcher: one JSON file in a folder only the supervisor can enter.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::service::Openings;
use super::{Level, Limits, Network};

/// Everything one run needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) level: Level,
    pub(super) argv: Vec<String>,
    pub(super) cwd: PathBuf,
    pub(super) worktree: PathBuf,
    pub(super) read_only: Vec<PathBuf>,
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    pub(super) env: Vec<(String, String)>,
    pub(super) limits: Limits,
    pub(super) network: Network,
    pub(super) openings: Openings,
    /// Groups that hold the limits; the launcher joins each.
    pub(super) cgroups: Vec<PathBuf>,
    /// Whether a group bounds the memory, so that the address space need not be.
    pub(super) memory_bounded: bool,
    /// Whether a group bounds the processes, which then also tells that the bound was reached.
    pub(super) processes_bounded: bool,
    /// The bubblewrap program, for the strict level.
    pub(super) bwrap: Option<PathBuf>,
    /// Options this bubblewrap is too old for are left out.
    pub(super) bwrap_disables_userns: bool,
    /// The supervisor; a launcher whose parent is another process was orphaned before it could ask for a signal.
    pub(super) supervisor: u32,
}

const ORDER: &str = "order.json";
const STATUS: &str = "status.json";

impl Order {
    pub(super) fn write(&self, run_dir: &Path) -> std::io::Result<()> {
        fs::write(run_dir.join(ORDER), serde_json::to_vec(self)?)
    }

    pub(super) fn read(run_dir: &Path) -> Result<Order, String> {
        let path = run_dir.join(ORDER);
        let bytes = fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        serde_json::from_slice(&bytes).map_err(|error| format!("cannot read {}: {error}", path.display()))
    }
}

/// Opens the file in which the launcher, or bubblewrap after it, says how the run went.
pub(super) fn open_status(run_dir: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(run_dir.join(STATUS))
}

/// Says that the command could not be started.
pub(super) fn report_failure(status: &mut File, message: &str) {
    let line = serde_json::json!({ "launcher-error": message });
    // Without a status the supervisor reports a start that failed for an unknown reason, which is still true.
    writeln!(status, "{line}").ok();
}

/// How the run went, as far as anyone said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) exit_code: Option<i32>,
    pub(super) failure: Option<String>,
}

pub(super) fn read_status(run_dir: &Path) -> Status {
    let content = fs::read_to_string(run_dir.join(STATUS)).unwrap_or_default();
    let mut status = Status::default();
    let documents = serde_json::Deserializer::from_str(&content).into_iter::<serde_json::Value>();
    for document in documents.map_while(Result::ok) {
        if let Some(code) = document.get("exit-code").and_then(serde_json::Value::as_i64) {
            status.exit_code = i32::try_from(code).ok();
        }
        if let Some(message) = document.get("launcher-error").and_then(serde_json::Value::as_str) {
            status.failure = Some(message.to_owned());
        }
    }
    status
}
