//! What a search by failing tests answers, and how it is told.

use std::collections::BTreeSet;

use groundcrew_core::contract::{Candidate, RootCause, SuspectStatement};
use groundcrew_core::evidence::ChangeKind;
use serde::Deserialize;

use crate::failing::NAME;
use crate::matching::Raised;

/// What makes a statement suspicious.
const SUSPICIOUS: &str = "failing tests run it more than passing ones do";
/// Suspicious statements that are told.
const TOLD: usize = 4;

/// What the search answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sought {
    /// Tests that were found.
    pub(crate) tests: usize,
    /// Those that are to pass.
    pub(crate) failing: Vec<Failing>,
    /// Others that fail.
    pub(crate) others_failing: BTreeSet<String>,
    /// Suspicious statements, the most suspicious first.
    pub(crate) suspects: Vec<Suspicious>,
    /// What passes, the best first.
    pub(crate) plausible: Vec<Found>,
    /// What makes some of the tests pass.
    pub(crate) partial: Vec<Found>,
    /// Candidates that were run.
    pub(crate) validated: u32,
    /// Pairs of edits among them.
    pub(crate) pairs: u32,
    /// What ended the search early.
    pub(crate) cut: Option<String>,
    /// Why nothing was searched.
    pub(crate) problem: Option<String>,
    /// Whether tests are not told apart, so that what fails is the command.
    pub(crate) by_command: bool,
    /// Whether edits were tried at all.
    #[serde(default = "yes")]
    pub(crate) is_searched: bool,
}

/// A test that fails.
#[derive(Debug, Deserialize)]
pub(crate) struct Failing {
    /// Its id.
    pub(crate) test: String,
    /// What it raised, with causes.
    pub(crate) chain: Vec<Raised>,
}

/// A suspicious statement.
#[derive(Debug, Deserialize)]
pub(crate) struct Suspicious {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) function: String,
    pub(crate) statement: String,
    #[serde(default)]
    pub(crate) score: f64,
}

/// A candidate with which the tests pass.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Found {
    pub(crate) file: String,
    pub(crate) edits: Vec<(usize, usize, String)>,
    pub(crate) family: String,
    pub(crate) why: String,
    pub(crate) line: u32,
    pub(crate) statement: String,
    pub(crate) score: f64,
    #[serde(default)]
    pub(crate) group: usize,
    #[serde(default)]
    pub(crate) differs: Option<Differs>,
}

/// An input on which a candidate behaves otherwise than the best one.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Differs {
    pub(crate) call: String,
    pub(crate) chosen: String,
    pub(crate) this: String,
}

fn yes() -> bool {
    true
}

/// The whole search as one line of what was tried.
pub(crate) fn summary(sought: &Sought) -> Candidate {
    let cut = match sought.cut.as_deref() {
        Some("time") => ", ended by the clock",
        Some(_) => ", ended by the bound on candidates",
        None => "",
    };
    let partial = match sought.partial.first() {
        Some(found) if sought.plausible.is_empty() => {
            format!("; {} at {}:{} makes some of the tests pass", found.why, found.file, found.line)
        }
        Some(_) | None => String::new(),
    };
    let pairs = match sought.pairs {
        0 => String::new(),
        number => format!(" and {number} pairs of edits"),
    };
    Candidate {
        strategy: NAME.to_owned(),
        kind: ChangeKind::Cause,
        patch_hash: String::new(),
        explanation: format!(
            "{} single edits of suspicious statements{pairs}",
            sought.validated.saturating_sub(sought.pairs)
        ),
        outcome: format!("{} pass the tests{cut}{partial}", sought.plausible.len()),
        diff_stat: groundcrew_core::contract::DiffStat::default(),
        repro_pass: None,
        suite_delta: None,
        score: 0,
    }
}

/// The most suspicious statement, with the next ones.
pub(crate) fn suspected(sought: &Sought) -> RootCause {
    let Some((first, others)) = sought.suspects.split_first() else {
        return RootCause {
            file: String::new(),
            line: 0,
            statement: String::new(),
            why: "no statement of the project is run by the failing tests alone".to_owned(),
            ranked: Vec::new(),
        };
    };
    let others: Vec<String> = others
        .iter()
        .take(TOLD)
        .map(|other| format!("{}:{} ({})", other.file, other.line, other.statement))
        .collect();
    let more = if others.is_empty() { String::new() } else { format!("; then {}", others.join(", ")) };
    RootCause {
        file: first.file.clone(),
        line: first.line,
        statement: first.statement.clone(),
        why: format!("{SUSPICIOUS}{more}"),
        ranked: ranked(sought),
    }
}

/// The suspicious statements, as the search ranked them.
pub(crate) fn ranked(sought: &Sought) -> Vec<SuspectStatement> {
    let told = |found: &Suspicious| SuspectStatement {
        file: found.file.clone(),
        line: found.line,
        statement: found.statement.clone(),
        score: found.score,
        reason: format!("{SUSPICIOUS} (in {})", found.function),
    };
    sought.suspects.iter().map(told).collect()
}
