//! What stood in the code before a change: the same rule on the same line of text is no news, wherever it moved to.
//!
//! Without this, a fix that only indents a line would be blamed for it, and nobody would read what is found.

use std::collections::BTreeSet;

use groundcrew_core::contract::{Finding, FindingState};
use groundcrew_logs::Redactor;
use groundcrew_workbench::git::{Diff, RepoPath, Repository, Sha};

use crate::agent::Trouble;
use crate::agents::security::rules;
use crate::patch::{ChangedLine, added_lines};
use crate::site::read_text;

/// Changed files whose former text is looked at.
const MOST_FILES: usize = 200;

/// Marks the findings that the base commit has too, in any file of the change.
pub(super) fn mark_existing(
    repository: &Repository,
    base: &Sha,
    diff: &Diff,
    findings: &mut [Finding],
) -> Result<(), Trouble> {
    // What a file is, a log said, or a check that is gone, has no counterpart in the text before.
    if !findings.iter().any(is_about_a_line) {
        return Ok(());
    }
    let mut known: BTreeSet<(String, String)> = BTreeSet::new();
    for file in diff.files.iter().take(MOST_FILES) {
        let old = file.old_path.as_deref().unwrap_or(&file.path);
        let Ok(path) = RepoPath::parse(old) else { continue };
        let text = read_text(repository, base, &path)?.unwrap_or_default();
        collect(old, &text, &mut known);
    }
    let added = added_lines(&diff.patch);
    for finding in findings.iter_mut().filter(|finding| is_about_a_line(finding)) {
        let line = added.iter().find(|line| line.file == finding.file && line.line == finding.line);
        if let Some(line) = line
            && known.contains(&(finding.rule.clone(), normal(line.text)))
        {
            finding.state = FindingState::Existing;
        }
    }
    Ok(())
}

fn is_about_a_line(finding: &Finding) -> bool {
    finding.line > 0 && !matches!(finding.rule.as_str(), "log-text" | "weaker-check")
}

/// The rules that fire on the lines of a text, with those lines.
fn collect(file: &str, text: &str, known: &mut BTreeSet<(String, String)>) {
    for (at, line) in text.lines().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let line = ChangedLine { file, line: number, text: line };
        for finding in rules::review_line(&line) {
            known.insert((finding.rule, normal(line.text)));
        }
        if !Redactor::find(line.text).is_empty() {
            known.insert(("secret".to_owned(), normal(line.text)));
        }
    }
}

fn normal(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
