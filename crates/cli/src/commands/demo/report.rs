//! What the demo tells at the end: read back from the database and from git, nothing known beforehand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_core::message::Binding;
use groundcrew_core::role::Role;
use groundcrew_store::{IncidentFilter, Store};
use serde::Serialize;
use serde_json::Value;

use super::secrets::Search;
use crate::commands::inbox::{self, Waiting};
use crate::commands::incidents;
use crate::escape;
use crate::evidence::{Evidence, patch_lines, short};
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::output::Style;
use crate::settling::project_of;

/// Everything that is told.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// What became of each incident.
    pub(super) incidents: Vec<incidents::Row>,
    /// How many fixes wait for approval.
    #[serde(rename = "fixes_waiting")]
    pub(super) waiting: usize,
    /// Each of them.
    pub(super) fixes: Vec<Fix>,
    /// Other things that wait for the person.
    pub(super) questions: Vec<Waiting>,
    /// Whether a secret leaked.
    pub(super) secrets: Search,
    /// Wall-clock seconds from the start.
    pub(super) seconds: f64,
    /// Tokens of models.
    pub(super) tokens: u64,
    /// Where everything lies.
    pub(super) folder: PathBuf,
    /// Whether the folder stays.
    pub(super) kept: bool,
}

/// A fix that waits for approval.
#[derive(Debug, Serialize)]
pub(super) struct Fix {
    approval: i64,
    branch: String,
    commit: String,
    evidence: Option<Evidence>,
    diff: Option<String>,
    commands: Vec<String>,
}

impl Fix {
    /// Its diff, if it could be read.
    pub(super) fn patch(&self) -> Option<&str> {
        self.diff.as_deref()
    }
}

/// The fixes that wait for approval.
///
/// # Errors
/// The database or the repository cannot be read.
pub(super) fn fixes(own: &Invocation, store: &dyn Store) -> Result<Vec<Fix>, Failure> {
    let mut fixes = Vec::new();
    for item in inbox::waiting(own, store)? {
        if let Some(bound) = item.binding.clone() {
            fixes.push(fix(store, item, bound)?);
        }
    }
    Ok(fixes)
}

/// Gathers everything else.
///
/// # Errors
/// The database cannot be read.
pub(super) fn gather(
    own: &Invocation,
    store: &dyn Store,
    fixes: Vec<Fix>,
    secrets: Search,
    folder: &Path,
    kept: bool,
    took: Duration,
) -> Result<Report, Failure> {
    let mut questions = inbox::waiting(own, store)?;
    questions.retain(|item| item.binding.is_none());
    let mut incidents = store.incidents(&IncidentFilter::default())?;
    incidents.sort_by_key(|incident| incident.id);
    Ok(Report {
        incidents: incidents::Row::all(store, incidents)?,
        waiting: fixes.len(),
        fixes,
        questions,
        secrets,
        seconds: took.as_secs_f64(),
        tokens: tokens(store)?,
        folder: folder.to_owned(),
        kept,
    })
}

fn fix(store: &dyn Store, item: Waiting, bound: Binding) -> Result<Fix, Failure> {
    let task = item.task.map(|id| store.task(id)).transpose()?.flatten();
    let diff = match (&item.evidence, &task) {
        (Some(evidence), Some(task)) => Some(evidence.diff(&project_of(store, task)?)?.patch),
        _ => None,
    };
    Ok(Fix {
        approval: item.id.0,
        branch: bound.branch,
        commit: bound.commit,
        evidence: item.evidence,
        diff,
        commands: item.commands,
    })
}

fn tokens(store: &dyn Store) -> Result<u64, Failure> {
    let of = |metrics: &serde_json::Map<String, Value>, name: &str| {
        metrics.get(name).and_then(Value::as_u64).unwrap_or(0)
    };
    let agents = store.agents()?;
    Ok(agents.iter().map(|agent| of(&agent.metrics, "tokens_in") + of(&agent.metrics, "tokens_out")).sum())
}

/// Prints it.
///
/// # Errors
/// The reader has gone.
pub(super) fn print(own: &Invocation, report: &Report) -> Result<(), Failure> {
    let out = &own.out;
    if out.is_json() {
        return out.document(report);
    }
    let heading = |text: &str| out.paint(Style::Strong, text);
    out.lines(["".to_owned(), heading("What became of each error")])?;
    out.lines(incidents::lines(out, &report.incidents))?;
    for fix in &report.fixes {
        let title = fix.evidence.as_ref().map_or("", |evidence| evidence.title.as_str());
        out.lines(["".to_owned(), heading(&format!("Fix for {}", escape::brief(title, 100)))])?;
        out.line(format!("branch {} at {}", escape::line(&fix.branch), short(&fix.commit)))?;
        if let Some(evidence) = &fix.evidence {
            out.lines(evidence.lines(out))?;
        }
        if let Some(diff) = &fix.diff {
            out.lines(patch_lines(out, diff))?;
        }
    }
    for item in &report.questions {
        out.line("")?;
        out.lines(inbox::lines(own, item))?;
    }
    out.lines(["".to_owned(), heading("What it took")])?;
    out.line(format!("{:.1} s, {} tokens, six agents: {}", report.seconds, report.tokens, roles()))?;
    out.line(secrets(&report.secrets))?;
    next(own, report)
}

fn roles() -> String {
    Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

fn secrets(search: &Search) -> String {
    let looked = format!("{} table rows, {} patches and {} files", search.rows, search.patches, search.files);
    if search.found.is_empty() {
        return format!(
            "{} secrets were taken out of the log; {} known ones are in none of {looked} beside the log itself",
            search.taken_out, search.looked_for
        );
    }
    format!(
        "LEAKED: secrets are in {} of {looked}: {}",
        search.found.len(),
        escape::line(&search.found.join(", "))
    )
}

fn next(own: &Invocation, report: &Report) -> Result<(), Failure> {
    let out = &own.out;
    if !report.kept {
        out.line(
            "nothing of it is kept; `groundcrew demo --keep DIR` leaves the folder and lets you approve",
        )?;
        return Ok(());
    }
    out.line(format!("everything lies in {}", escape::line(&report.folder.to_string_lossy())))?;
    out.line("go on with")?;
    let mut commands = vec![own.command("inbox")];
    commands.extend(report.fixes.first().map(|fix| own.command(&format!("approve {}", fix.approval))));
    commands.push(own.command("audit"));
    // The crew's own settings of the demo lie in its folder too.
    let config = escape::shell(&report.folder.join("config").to_string_lossy());
    out.lines(commands.into_iter().map(|command| format!("  XDG_CONFIG_HOME={config} {command}")))
}
