//! JavaScript and TypeScript.
//!
//! | file | what |
//! | --- | --- |
//! | `behaviour` | what functions give for calls of the tests and their neighbours |
//! | `code` | trees, places, names |
//! | `untyped` | TypeScript without its types, every offset as it was |
//! | `driver` | the scripts in `javascript/`, which run tests and candidates within Node |
//! | `incident` | an error of a log as a failing test |
//! | `project` | the files of a project: tests, exports |
//! | `search` | ranking places, trying edits |
//! | `judge` | which of the edits that pass is the likeliest to be right |
//! | `edits` | the edits |
//! | `mutants`, `smell` | what the verification asks of a change |

mod behaviour;
mod code;
mod driver;
mod edits;
mod incident;
mod judge;
mod mutants;
mod project;
mod search;
mod smell;
mod untyped;

use std::path::Path;

use groundcrew_core::contract::{Reproduction, TestFile};
use groundcrew_workbench::git::{RepoPath, Sha};
use groundcrew_workbench::runner::{Kind, TestCommand};
use groundcrew_workbench::sandbox::SandboxError;

use super::{Language, other};
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::differential::Differential;
use crate::locate::Located;
use crate::mutants::Mutant;
use crate::outcome::Facts;
use crate::reproduce::{ReproOutcome, ReproRun};
use crate::sought::{Failing, Sought};

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

    fn test_of(
        &self,
        bench: &Bench,
        snapshot: &Snapshot,
        located: &Located,
        facts: &Facts,
    ) -> Result<Option<Result<Reproduction, String>>, RepairError> {
        incident::reproduce(bench, snapshot, located, facts).map(Some)
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
        match &reproduction.regression_test {
            Some(test) if reproduction.test_id.is_none() => {
                (0..times).map(|_| by_own_test(bench, worktree, reproduction, test)).collect()
            }
            Some(_) | None => (0..times).map(|_| other::by_suite(bench, worktree, reproduction)).collect(),
        }
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

/// One run of a test of ours, which is in the work tree only for that.
fn by_own_test(
    bench: &Bench,
    worktree: &Path,
    reproduction: &Reproduction,
    test: &TestFile,
) -> Result<ReproRun, RepairError> {
    let Ok(path) = RepoPath::parse(&test.path) else {
        let outcome = ReproOutcome::Other(format!("{} is no path of a test", test.path));
        return Ok(ReproRun { outcome, loaded: Vec::new(), value: None });
    };
    let at = path.beneath(worktree);
    let is_new = at.symlink_metadata().is_err();
    if is_new {
        let folder = at.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder.and_then(|()| std::fs::write(&at, &test.content)).map_err(SandboxError::from)?;
    }
    let named = Reproduction { test_id: Some(test.id.clone()), ..reproduction.clone() };
    let ran = other::by_suite(bench, worktree, &named);
    if is_new {
        std::fs::remove_file(&at).ok();
    }
    ran
}
