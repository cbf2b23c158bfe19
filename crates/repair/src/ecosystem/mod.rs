//! The ecosystem's own safe fixes: what a linter or the compiler that is installed would change by itself, and says is safe.
//!
//! A tool is asked what it would change and never writes: each of its fixes is a candidate of its own, so that a repair does
//! not carry every unused import of the file with it; all of them together come last. Only files that are suspected are
//! looked at, and like every candidate each meets the reproduction and the suite. A tool that is not installed, does not
//! know the project or says something else says nothing.

mod clippy;
mod eslint;
mod ruff;

use std::path::Path;
use std::time::Duration;

use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::runner::{find_tool, run_tool};
use groundcrew_workbench::sandbox::{Ended, Limits};

use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::edit::{Edit, Patch, Proposal};

/// Fixes of one tool that are tried one by one.
const MOST: usize = 10;
/// Suspected files that a tool is shown.
const FILES: usize = 8;
/// Longest time a tool may take, beside the bound of the project's own commands.
const WALL: Duration = Duration::from_secs(120);
/// Bytes of a tool's answer.
const ANSWER: usize = 8 << 20;

/// One tool.
struct Tool {
    /// Name of the strategy.
    strategy: &'static str,
    /// What has to be installed.
    program: &'static str,
    /// Whether it knows a file.
    owns: fn(&str) -> bool,
    /// The command for some files.
    argv: fn(&[String]) -> Vec<String>,
    /// What its answer says; anything may be in it.
    read: fn(&str, &Place<'_>) -> Vec<Fix>,
}

const TOOLS: [&Tool; 3] = [&ruff::RUFF, &clippy::CLIPPY, &eslint::ESLINT];

/// A change that a tool holds for safe.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fix {
    /// Line of the complaint, from 1.
    line: u32,
    /// What it says.
    why: String,
    edits: Vec<Edit>,
}

/// Where a tool ran, and the files it was asked about.
struct Place<'a> {
    root: &'a Path,
    files: &'a [String],
    text: &'a dyn Fn(&str) -> Option<String>,
}

impl Place<'_> {
    /// One of the files by the name that a tool has for it.
    fn file(&self, named: &str) -> Option<String> {
        let root = self.root.to_str()?;
        let below = named.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')).unwrap_or(named);
        self.files.iter().find(|file| *file == below).cloned()
    }
}

/// What the installed tools would change in the suspected places, each given as a file with a line.
///
/// # Errors
/// If git fails or the work was cancelled; a tool that fails says nothing.
pub(crate) fn proposals(
    bench: &Bench,
    snapshot: &Snapshot,
    suspects: &[(String, u32)],
) -> Result<Vec<Proposal>, RepairError> {
    let mut found = Vec::new();
    for tool in TOOLS {
        let mut files: Vec<String> = Vec::new();
        for (file, _) in suspects.iter().filter(|(file, _)| (tool.owns)(file)) {
            if !files.contains(file) && snapshot.files.contains(file) && files.len() < FILES {
                files.push(file.clone());
            }
        }
        if files.is_empty() || find_tool(&bench.python, tool.program).is_none() {
            continue;
        }
        let fixes = ask(bench, snapshot, tool, &files)?;
        found.extend(sorted(tool, fixes, suspects));
    }
    Ok(found)
}

fn ask(bench: &Bench, snapshot: &Snapshot, tool: &Tool, files: &[String]) -> Result<Vec<Fix>, RepairError> {
    let checkout = bench.checkout(&snapshot.commit)?;
    let limits = Limits { wall: bench.limits.wall.min(WALL), output_bytes: ANSWER, ..bench.limits.clone() };
    let argv = (tool.argv)(files);
    let Ok(output) = run_tool(&bench.sandbox, &bench.python, checkout.path(), &argv, &limits, &bench.cancel)
    else {
        return Ok(Vec::new());
    };
    bench.go_on()?;
    if !matches!(output.ended, Ended::Exited(_)) || output.truncated {
        return Ok(Vec::new());
    }
    let root = checkout.path().canonicalize().unwrap_or_else(|_| checkout.path().to_owned());
    let place = Place { root: &root, files, text: &|path| snapshot.text(path) };
    Ok((tool.read)(&String::from_utf8_lossy(&output.stdout), &place))
}

/// Fixes as proposals, the nearest to a suspected line first, then all together.
fn sorted(tool: &'static Tool, mut fixes: Vec<Fix>, suspects: &[(String, u32)]) -> Vec<Proposal> {
    fixes.retain(|fix| !fix.edits.is_empty());
    let distance = |fix: &Fix| {
        let near = suspects.iter().filter(|(file, _)| *file == fix.edits[0].file);
        near.map(|(_, line)| line.abs_diff(fix.line)).min().unwrap_or(u32::MAX)
    };
    fixes.sort_by_key(|fix| (distance(fix), fix.line));
    fixes.dedup_by(|a, b| a.edits == b.edits);
    let name = tool.strategy.rsplit(':').next().unwrap_or(tool.strategy);
    let proposal = |explanation: String, edits: Vec<Edit>| Proposal {
        strategy: tool.strategy,
        kind: ChangeKind::Cause,
        one_line_typo: false,
        explanation,
        patch: Patch::Edits(edits),
    };
    let single =
        |fix: &Fix| proposal(format!("does what {name} holds for safe: {}", fix.why), fix.edits.clone());
    let mut found: Vec<Proposal> = fixes.iter().take(MOST).map(single).collect();
    if fixes.len() > 1 {
        let mut all: Vec<Edit> = Vec::new();
        for edit in fixes.iter().flat_map(|fix| &fix.edits) {
            let apart =
                |other: &Edit| other.file != edit.file || other.end <= edit.start || edit.end <= other.start;
            if all.iter().all(apart) {
                all.push(edit.clone());
            }
        }
        found.push(proposal(
            format!("makes all {} changes that {name} holds for safe in these files", fixes.len()),
            all,
        ));
    }
    found
}

/// Names of rules and the like, made fit to be shown.
fn said(code: Option<&str>, message: &str) -> String {
    let message: String = message.lines().next().unwrap_or_default().chars().take(160).collect();
    code.map_or(message.clone(), |code| format!("{message} ({})", code.chars().take(40).collect::<String>()))
}

#[cfg(test)]
mod tests;
