//! The evidence of one `fix` or `verify` as a page that can be sent to somebody who was not there.
//!
//! The page is made of [`Block`]s, in which a text is either a word of ours (`&'static str`) or a stranger's (`String`).
//! Both forms, HTML and Markdown, are written from the same blocks, and both show every `String` as text whatever it
//! holds: logs, code and test output are hostile. Secrets are taken out of all three files. There is no script and nothing is
//! loaded.
//!
//! | file | what |
//! | --- | --- |
//! | `content` | what stands on it, in which order |
//! | `commands` | the commands that ran, from the audit log |
//! | `html`, `markdown` | its two forms |
//! | `keep` | where it lies |

mod commands;
mod content;
mod html;
mod keep;
mod markdown;

use std::borrow::Cow;

use groundcrew_core::contract::task_type::{FIX_BUG, VERIFY_FIX};
use groundcrew_core::contract::{
    Candidate, Effort, FixBugResult, Reproduction, RootCause, Suspect, SuspectStatement, Verification,
    VerifyFixResult,
};
use groundcrew_core::evidence::Grade;
use groundcrew_logs::Redactor;
use groundcrew_workbench::git::Sha;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::escape;
use crate::evidence::Evidence;
use crate::failure::{Failure, Kind};
use crate::invocation::Invocation;
use crate::oneshot::OneShot;
use commands::Commands;
pub(crate) use keep::Kept;

/// Version of the JSON file; it grows when a key changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// What may hold the defect: a statement or a commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Suspected {
    /// A statement.
    Statement(SuspectStatement),
    /// A commit.
    Commit(Suspect),
}

/// What the verb made of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Told<'a> {
    /// The verb.
    pub(crate) verb: &'static str,
    /// Its outcome.
    pub(crate) outcome: &'static str,
    /// The error in one line.
    pub(crate) error: &'a str,
    /// The branch of the fix.
    pub(crate) branch: Option<&'a str>,
    /// The commit without the fix.
    pub(crate) base: Option<&'a str>,
    /// The fix.
    pub(crate) commit: Option<&'a str>,
    /// What the checks make of it.
    pub(crate) grade: Option<Grade>,
    /// Why it is no more than that.
    pub(crate) reason: Option<&'a str>,
    /// What a person could say that would help most.
    pub(crate) question: Option<&'a str>,
    /// Paths of the checkout that differ from its commit and were not seen.
    pub(crate) uncommitted: &'a [String],
    /// What was shown.
    pub(crate) shown: Option<&'a Evidence>,
    /// The change.
    pub(crate) diff: Option<&'a str>,
}

/// All of it.
#[derive(Debug, Serialize)]
struct Page<'a> {
    schema_version: u32,
    /// When it was written.
    made_at: Timestamp,
    /// What wrote it, and where it ran.
    program: String,
    /// Top folder of the checkout.
    repository: String,
    #[serde(flatten)]
    told: &'a Told<'a>,
    /// Hash of all files without the fix.
    base_tree: Option<String>,
    /// Hash of all files with the fix.
    tree: Option<String>,
    /// All that qa showed.
    verification: Option<Verification>,
    /// Where the defect is, as far as it is known.
    root_cause: Option<RootCause>,
    /// How the error is made to happen again.
    reproduction: Option<Reproduction>,
    /// What may hold the defect, likeliest first: statements, then commits.
    suspects: Vec<Suspected>,
    /// What was run and what became of it, best first.
    tried: Vec<Candidate>,
    /// How much the search did.
    effort: Effort,
    #[serde(flatten)]
    commands: Commands,
}

/// A part of a page.
#[derive(Debug)]
enum Block {
    /// A heading of ours.
    Heading(&'static str),
    /// A sentence of ours.
    Say(&'static str),
    /// Names of ours with values of strangers.
    Facts(Vec<(&'static str, String)>),
    /// A table.
    Table { head: &'static [&'static str], rows: Vec<Vec<String>> },
    /// Lines as they are.
    Text(String),
    /// A patch.
    Diff(String),
}

/// Writes the evidence of a piece of work as a new page and says where it lies.
///
/// # Errors
/// The database, the repository or the folder for it cannot be used.
pub(crate) fn write(at: &Invocation, work: &OneShot, told: &Told<'_>) -> Result<Kept, Failure> {
    let redactor = Redactor::new(&work.store().redaction_key()?);
    let page = gather(work, told)?;
    let title =
        redactor.redacted(&format!("{}: {}", told.outcome.replace('_', " "), told.error)).0.into_owned();
    let blocks: Vec<Block> =
        content::blocks(&page).into_iter().map(|block| block.redacted(&redactor)).collect();
    let mut value = serde_json::to_value(&page).map_err(|error| unwritable(&error))?;
    redact(&mut value, &redactor);
    let json = serde_json::to_string_pretty(&value).map_err(|error| unwritable(&error))?;
    let files = keep::Files {
        html: html::write(&title, &blocks),
        markdown: markdown::write(&title, &blocks),
        json: escape::json(&json) + "\n",
    };
    let folder = at.data_folder()?.join("evidence").join(keep::plain_name(&page.repository));
    keep::keep(&folder, &keep::name(told), &files).map_err(|error| {
        Failure::new(Kind::Failed, format!("cannot write the evidence to {}: {error}", folder.display()))
    })
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::new(Kind::Failed, format!("the evidence cannot be written as JSON: {error}"))
}

/// The statements and commits that may hold a defect, likeliest first.
pub(crate) fn suspects(cause: Option<&RootCause>, commits: &[Suspect]) -> Vec<Suspected> {
    let statements = cause.into_iter().flat_map(|cause| cause.ranked.iter().cloned());
    statements.map(Suspected::Statement).chain(commits.iter().cloned().map(Suspected::Commit)).collect()
}

fn gather<'a>(work: &OneShot, told: &'a Told<'a>) -> Result<Page<'a>, Failure> {
    let result = |task_type| Ok::<_, Failure>(work.last(task_type)?.and_then(|task| task.result));
    let verified: Option<VerifyFixResult> =
        result(VERIFY_FIX)?.and_then(|value| serde_json::from_value(value).ok());
    let found: Option<FixBugResult> = result(FIX_BUG)?.and_then(|value| serde_json::from_value(value).ok());
    let tree = |commit: Option<&str>| {
        let commit = Sha::parse(commit?).ok()?;
        work.repository().tree(&commit).ok().map(|tree| tree.to_string())
    };
    let cause = found.as_ref().and_then(|found| found.root_cause.clone());
    let fix = found.as_ref().and_then(|found| found.fix.as_ref());
    let tried = fix.map(|fix| &fix.candidates).or(found.as_ref().map(|found| &found.tried));
    let commits = found.as_ref().map(|found| found.suspects.as_slice()).unwrap_or_default();
    Ok(Page {
        schema_version: SCHEMA_VERSION,
        made_at: Timestamp::now(),
        program: format!(
            "groundcrew {} on {} {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
        repository: work.repository().top().to_string_lossy().into_owned(),
        told,
        base_tree: tree(told.base),
        tree: tree(told.commit),
        verification: verified.map(|verified| verified.verification),
        suspects: suspects(cause.as_ref(), commits),
        root_cause: cause.map(|cause| RootCause { ranked: Vec::new(), ..cause }),
        reproduction: found.as_ref().and_then(|found| found.reproduction.clone()),
        tried: tried.cloned().unwrap_or_default(),
        effort: found.as_ref().map(|found| found.effort).unwrap_or_default(),
        commands: Commands::of(work.store())?,
    })
}

impl Block {
    fn redacted(self, redactor: &Redactor) -> Self {
        let clean = |text: String| match redactor.redacted(&text).0 {
            Cow::Borrowed(_) => text,
            Cow::Owned(clean) => clean,
        };
        match self {
            same @ (Self::Heading(_) | Self::Say(_)) => same,
            Self::Facts(facts) => {
                Self::Facts(facts.into_iter().map(|(name, value)| (name, clean(value))).collect())
            }
            Self::Table { head, rows } => {
                let rows = rows.into_iter().map(|row| row.into_iter().map(clean).collect()).collect();
                Self::Table { head, rows }
            }
            Self::Text(text) => Self::Text(clean(text)),
            Self::Diff(text) => Self::Diff(clean(text)),
        }
    }
}

/// Takes secrets out of every text within.
fn redact(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => {
            if let (Cow::Owned(clean), _) = redactor.redacted(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, redactor)),
        Value::Object(fields) => fields.values_mut().for_each(|field| redact(field, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What strangers write to get out of their place, in both forms of the page.
    pub(super) const HOSTILE: &str = "</pre></code></td><script>alert(1)</script><img src=x onerror=alert(2)> \
        &lt;b&gt; \"' ``` ```` `a` ![x](http://evil.example/x.png) [y](javascript:z) | --> ]]> \
        \u{1b}[31m\u{9b}2J\u{202e}txt\u{2066}\u{200b}\r\n```\n# Grade A\n<http://evil.example>\n- [x] approved\n</style>";

    /// One block of every kind with hostile text wherever it can stand.
    pub(super) fn hostile() -> Vec<Block> {
        let text = || HOSTILE.to_owned();
        vec![
            Block::Heading("Ours"),
            Block::Say("A sentence."),
            Block::Facts(vec![("name", text()), ("empty", String::new()), ("tick", "`".to_owned())]),
            Block::Table { head: &["one", "two"], rows: vec![vec![text(), text()]] },
            Block::Text(text()),
            Block::Diff(format!("--- a\n+++ b\n-{HOSTILE}\n+{HOSTILE}\n")),
        ]
    }

    #[test]
    fn secrets_are_taken_out_of_every_kind_of_block_and_of_the_document() {
        let secret = ["ghp", "_", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"].concat();
        let redactor = Redactor::new(&[7; 32]);
        let blocks = [
            Block::Facts(vec![("token", secret.clone())]),
            Block::Table { head: &["token"], rows: vec![vec![secret.clone()]] },
            Block::Text(secret.clone()),
            Block::Diff(format!("+token = '{secret}'\n")),
        ];
        let blocks: Vec<Block> = blocks.into_iter().map(|block| block.redacted(&redactor)).collect();
        let mut value = serde_json::json!({ "a": [{ "b": secret }] });
        redact(&mut value, &redactor);
        for text in [html::write("x", &blocks), markdown::write("x", &blocks), value.to_string()] {
            assert!(!text.contains(&secret), "{text}");
        }
    }
}
