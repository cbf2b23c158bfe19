//! Looks for the secrets of the demo's traffic where they must not be: in every table, and in every file but the log.

use std::path::{Path, PathBuf};

use groundcrew_core::contract::ScanLogsResult;
use groundcrew_core::contract::task_type::SCAN_LOGS;
use groundcrew_store::{IncidentFilter, LogFilter, MessageFilter, Store, TaskFilter};
use serde::Serialize;
use serde_json::json;

use crate::failure::{Failure, Kind};

/// Rows that are read at once.
const PAGE: u32 = 500;

/// Largest file that is looked at, in bytes; the demo makes none that is larger.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What the search gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Search {
    /// Secrets that the monitor took out of the log.
    pub(super) taken_out: u64,
    /// Different secrets that were looked for.
    pub(super) looked_for: usize,
    /// Rows of tables that were looked at.
    pub(super) rows: u64,
    /// Files that were looked at.
    pub(super) files: u64,
    /// Patches that were looked at; git packs contents, so its files do not show them.
    pub(super) patches: usize,
    /// Places that hold one; never the secret itself.
    pub(super) found: Vec<String>,
}

/// Looks everywhere.
///
/// # Errors
/// The database or a file cannot be read.
pub(super) fn look(
    store: &dyn Store,
    folder: &Path,
    log: &Path,
    patches: &[&str],
    secrets: &[String],
) -> Result<Search, Failure> {
    let mut search = Search {
        taken_out: 0,
        looked_for: secrets.len(),
        rows: 0,
        files: 0,
        patches: patches.len(),
        found: Vec::new(),
    };
    let leaks = |patch: &&&str| secrets.iter().any(|secret| patch.contains(secret.as_str()));
    search.found.extend(patches.iter().filter(leaks).map(|_| "a patch".to_owned()));
    tables(store, secrets, &mut search)?;
    files(folder, log, secrets, &mut search)?;
    Ok(search)
}

fn tables(store: &dyn Store, secrets: &[String], search: &mut Search) -> Result<(), Failure> {
    let mut row = |place: String, text: String| {
        search.rows += 1;
        if secrets.iter().any(|secret| text.contains(secret.as_str())) {
            search.found.push(place);
        }
    };
    let mut before = None;
    loop {
        let page = store.tasks(&TaskFilter { before, limit: Some(PAGE), ..TaskFilter::default() })?;
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        for task in page {
            if task.task_type == SCAN_LOGS
                && let Some(Ok(read)) = task.result.clone().map(serde_json::from_value::<ScanLogsResult>)
            {
                search.taken_out += read.redactions;
            }
            row(format!("task {}", task.id), json!(task).to_string());
        }
    }
    let mut before = None;
    loop {
        let page =
            store.messages(&MessageFilter { before, limit: Some(PAGE), ..MessageFilter::default() })?;
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        page.iter().for_each(|message| row(format!("message {}", message.id), json!(message).to_string()));
    }
    let mut after = 0;
    loop {
        let page =
            store.logs(&LogFilter { after_id: Some(after), limit: Some(PAGE), ..LogFilter::default() })?;
        let Some(last) = page.last() else { break };
        after = last.id;
        page.iter().for_each(|entry| row(format!("log entry {}", entry.id), json!(entry).to_string()));
    }
    let incidents =
        store.incidents(&IncidentFilter { limit: Some(u32::MAX), ..IncidentFilter::default() })?;
    incidents
        .iter()
        .for_each(|incident| row(format!("incident {}", incident.id), json!(incident).to_string()));
    Ok(())
}

/// The service's own log holds what the service wrote; everything else is ours.
fn files(folder: &Path, log: &Path, secrets: &[String], search: &mut Search) -> Result<(), Failure> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error: std::io::Error| {
            Failure::new(Kind::Failed, format!("cannot look into {}: {error}", folder.display()))
        };
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path != log {
                search.files += 1;
                if holds(&path, secrets)? {
                    search.found.push(path.display().to_string());
                }
            }
        }
    }
    Ok(())
}

fn holds(path: &PathBuf, secrets: &[String]) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Kind::Failed, format!("cannot read {}: {error}", path.display()))
    };
    if std::fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(Failure::new(
            Kind::Failed,
            format!("{} is too large to look for secrets in", path.display()),
        ));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    Ok(secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_bytes())))
}
