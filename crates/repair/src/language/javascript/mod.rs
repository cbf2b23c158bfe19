//! JavaScript and TypeScript.
//!
//! | file | what |
//! | --- | --- |
//! | `behaviour` | what functions give for calls of the tests and their neighbours |
//! | `code` | trees, places, names |
//! | `untyped` | TypeScript without its types, every offset as it was |
//! | `driver` | the scripts in `javascript/`, which run tests and candidates within Node |
//! | `project` | the files of a project: tests, exports |
//! | `search` | ranking places, trying edits |
//! | `judge` | which of the edits that pass is the likeliest to be right |
//! | `edits` | the edits |
//! | `mutants`, `smell` | what the verification asks of a change |

mod behaviour;
mod code;
mod driver;
mod edits;
mod judge;
mod mutants;
mod project;
mod search;
mod smell;
mod untyped;

use std::path::Path;

use groundcrew_core::contract::Reproduction;
use groundcrew_workbench::git::Sha;
use groundcrew_workbench::runner::{Kind, TestCommand};

use super::{Language, other};
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::differential::Differential;
use crate::failing::{Failing, Sought};
use crate::mutants::Mutant;
use crate::outcome::Facts;
use crate::reproduce::ReproRun;

/// JavaScript and TypeScript.
pub(super) struct JavaScript;

impl Language for JavaScript {
    fn owns(&self, path: &str) -> bool {
        code::is_ours(path)
    }

    fn runs(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Node | Kind::Jest | Kind::Vitest | Kind::Mocha)
    }

    fn is_broken(&self, path: &str, text: &str) -> bool {
        code::parse(path, text).is_none_or(|source| source.is_broken())
    }

    fn repairs_crashes(&self) -> bool {
        false
    }

    fn seek(
        &self,
        bench: &Bench,
        snapshot: &Snapshot,
        facts: &Facts,
        command: &TestCommand,
    ) -> Result<Sought, RepairError> {
        let sought = search::seek(bench, snapshot, facts, command)?;
        // What cannot be searched may still be undone.
        Ok(if sought.problem.is_some() { other::by_tests(snapshot, facts, command) } else { sought })
    }

    fn reproduction(&self, _: &Bench, snapshot: &Snapshot, failing: &Failing) -> Option<Reproduction> {
        Some(other::of_test(snapshot, failing))
    }

    fn run(
        &self,
        bench: &Bench,
        worktree: &Path,
        reproduction: &Reproduction,
        times: u32,
    ) -> Result<Vec<ReproRun>, RepairError> {
        (0..times).map(|_| other::by_suite(bench, worktree, reproduction)).collect()
    }

    fn mutants(&self, path: &str, text: &str, lines: &[u32]) -> Option<Vec<Mutant>> {
        Some(mutants::mutants(path, text, lines))
    }

    fn program_smells(&self, path: &str, before: &str, after: &str) -> Option<Vec<&'static str>> {
        Some(smell::program_smells(path, before, after))
    }

    fn test_smells(&self, path: &str, before: &str, after: &str) -> Option<Vec<&'static str>> {
        Some(smell::test_smells(path, before, after))
    }

    fn compare(
        &self,
        bench: &Bench,
        base: &Sha,
        head: &Sha,
        reference: &Sha,
    ) -> Result<Differential, RepairError> {
        behaviour::compare(bench, base, head, reference)
    }
}
