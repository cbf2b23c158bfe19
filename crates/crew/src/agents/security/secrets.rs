//! `scan_secrets`: looks for secrets in all files of a commit, or in what a range of commits adds.
//!
//! What is kept of a secret is its kind, its place and a hash under this database's own key, so that the next scan tells
//! what is new from what is known without anybody learning the secret. Whether one is still in force is not asked: that
//! would mean to use it.

use std::collections::BTreeSet;

use groundcrew_core::contract::task_type::SCAN_SECRETS;
use groundcrew_core::contract::{FindingState, Reason, ScanSecretsContext, ScanSecretsResult, SecretFound};
use groundcrew_core::message::{MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::Status;
use groundcrew_logs::{Evidence, Redactor};
use groundcrew_store::TaskFilter;
use groundcrew_workbench::git::{FileMode, GitError, Repository, Sha};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::agent::{Ending, Job, Trouble};
use crate::patch::added_lines;

/// Largest file that is searched, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Bytes that one scan reads at most.
const MOST_BYTES: usize = 512 << 20;

/// Findings that one scan keeps.
const MOST_FOUND: usize = 2_000;

/// Earlier scans whose findings are the baseline.
const LOOKED_AT: u32 = 200;

/// Findings and skipped files that are named.
const TOLD: usize = 20;

/// Works a `scan_secrets` task.
pub(super) fn scan_secrets(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: ScanSecretsContext = job.context()?;
    let site = job.site()?;
    let repository = site.repository(job)?;
    let commit = match &context.commit_sha {
        Some(sha) => repository.resolve(sha)?,
        None => site.base(&repository)?,
    };
    let since = context.since_sha.as_ref().map(|sha| repository.resolve(sha)).transpose()?;
    let mut search = Search::new(job)?;
    match &since {
        Some(since) => search.range(&repository, since, &commit)?,
        None => search.tree(&repository, &commit)?,
    }
    conclude(job, &commit, since.as_ref(), search)
}

struct Search {
    key: [u8; 32],
    known: BTreeSet<(String, String, String)>,
    findings: Vec<SecretFound>,
    files: u64,
    skipped: Vec<String>,
    left: usize,
}

impl Search {
    fn new(job: &Job<'_>) -> Result<Self, Trouble> {
        Ok(Self {
            key: job.tools.store.redaction_key()?,
            known: known(job)?,
            findings: Vec::new(),
            files: 0,
            skipped: Vec::new(),
            left: MOST_BYTES,
        })
    }

    fn tree(&mut self, repository: &Repository, commit: &Sha) -> Result<(), Trouble> {
        for entry in repository.files(commit)? {
            if !matches!(entry.mode, FileMode::File | FileMode::Executable) {
                continue;
            }
            let path = entry.path.as_str();
            match repository.read(commit, &entry.path, LARGEST) {
                Ok(Some(bytes)) if bytes.len() > self.left => self.skip(path, "enough was read in this scan"),
                Ok(Some(bytes)) => {
                    self.left -= bytes.len();
                    self.files += 1;
                    self.text(path, 1, &String::from_utf8_lossy(&bytes));
                }
                Ok(None) => {}
                Err(GitError::TooLarge { .. }) => self.skip(path, "it is larger than a megabyte"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What a range adds, each added block as one text, since a key may run over several lines.
    fn range(&mut self, repository: &Repository, since: &Sha, commit: &Sha) -> Result<(), Trouble> {
        let diff = repository.diff(since, commit)?;
        self.files = diff.files.len() as u64;
        for block in added_lines(&diff.patch).chunk_by(|a, b| a.file == b.file && b.line == a.line + 1) {
            let Some(first) = block.first() else { continue };
            let text = block.iter().map(|line| line.text).collect::<Vec<_>>().join("\n");
            self.text(first.file, first.line, &text);
        }
        Ok(())
    }

    fn skip(&mut self, path: &str, why: &str) {
        if self.skipped.len() < TOLD {
            self.skipped.push(format!("{path}: {why}"));
        }
    }

    fn text(&mut self, file: &str, first: u32, text: &str) {
        let (mut line, mut at) = (first, 0);
        for found in Redactor::find(text) {
            let between = text.get(at..found.range.start).unwrap_or("");
            line += u32::try_from(between.matches('\n').count()).unwrap_or(0);
            at = found.range.start;
            let secret = text.get(found.range.clone()).unwrap_or("");
            let hash = self.hash(found.class, secret);
            let place = (found.class.to_owned(), file.to_owned(), hash.clone());
            let state = if self.known.contains(&place) { FindingState::Existing } else { FindingState::New };
            let level = match found.evidence {
                Evidence::Shape => "error",
                Evidence::Name => "warning",
            };
            if self.findings.len() < MOST_FOUND {
                let (rule, file, _) = place;
                self.findings.push(SecretFound { rule, file, line, hash, level: level.into(), state });
            }
        }
    }

    /// Without the key nobody can try guesses against it.
    fn hash(&self, class: &str, secret: &str) -> String {
        let inner =
            Sha256::new().chain_update(self.key).chain_update([2]).chain_update(class).chain_update([0]);
        let inner = inner.chain_update(secret).finalize();
        let hash = Sha256::new().chain_update(self.key).chain_update([3]).chain_update(inner).finalize();
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Rule, file and hash of what earlier scans of this project found.
fn known(job: &Job<'_>) -> Result<BTreeSet<(String, String, String)>, Trouble> {
    let filter = TaskFilter {
        status: Some(Status::Completed),
        role: Some(Role::Security),
        project: job.task.project,
        limit: Some(LOOKED_AT),
        ..TaskFilter::default()
    };
    let scans = job.tools.store.tasks(&filter)?.into_iter().filter(|task| task.task_type == SCAN_SECRETS);
    let results = scans.filter_map(|task| serde_json::from_value::<ScanSecretsResult>(task.result?).ok());
    Ok(results.flat_map(|result| result.findings).map(|found| (found.rule, found.file, found.hash)).collect())
}

fn conclude(job: &Job<'_>, commit: &Sha, since: Option<&Sha>, search: Search) -> Result<Ending, Trouble> {
    let new: Vec<&SecretFound> =
        search.findings.iter().filter(|found| found.state == FindingState::New).collect();
    let outcome = match (search.findings.len(), new.len()) {
        (0, _) => "clean",
        (_, 0) => "known",
        _ => "found",
    };
    let told = |found: &&SecretFound| format!("{} at {}:{}", found.rule, found.file, found.line);
    let reasons = new.iter().take(TOLD).map(|found| Reason::new(&found.rule, told(found))).collect();
    let text = format!(
        "{} secrets in {} files at {}, {} of them new",
        search.findings.len(),
        search.files,
        commit.short(),
        new.len()
    );
    job.desk.step(&text);
    let sure: Vec<&SecretFound> = new.iter().copied().filter(|found| found.level == "error").collect();
    let note = (!sure.is_empty()).then(|| NewMessage {
        from: Role::Security.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content: format!(
            "{text}; replace them where they are in force: {}",
            sure.iter().take(TOLD).map(told).collect::<Vec<_>>().join(", ")
        ),
        metadata: json!({ "kind": "secrets", "new": sure.len(), "commit": commit.as_str() }),
    });
    let confidence = if search.skipped.is_empty() { 0.9 } else { 0.6 };
    let result = ScanSecretsResult {
        common: job.common(outcome, confidence, reasons),
        commit_sha: commit.as_str().to_owned(),
        since_sha: since.map(|sha| sha.as_str().to_owned()),
        findings: search.findings,
        verified: "unknown".into(),
        files: search.files,
        skipped: search.skipped,
    };
    let mut ending = Ending::complete(&result, job.cost())?;
    ending.messages.extend(note);
    Ok(ending)
}
