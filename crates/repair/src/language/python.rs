//! Python: the way to what is written for it elsewhere in this crate, and to the scripts beside it.

use std::path::Path;
use std::time::Duration;

use groundcrew_core::contract::Reproduction;
use groundcrew_workbench::git::Sha;
use groundcrew_workbench::runner::{Kind, TestCommand};
use serde_json::json;

use super::Language;
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::differential::{self, Differential};
use crate::failing::{AROUND, import_folders, test_reproduction};
use crate::locate::{Located, is_python};
use crate::mutants::{self, Mutant};
use crate::outcome::Facts;
use crate::reproduce::{ReproRun, run_script};
use crate::smell;
use crate::sought::{Failing, Sought};
use crate::syntax::Source;

/// Python.
pub(super) struct Python;

impl Language for Python {
    fn owns(&self, path: &str) -> bool {
        is_python(path)
    }

    fn runs(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Unittest | Kind::Pytest)
    }

    fn is_broken(&self, _: &str, text: &str) -> bool {
        Source::parse(text).is_none_or(|source| source.is_broken())
    }

    fn repairs_crashes(&self) -> bool {
        true
    }

    fn test_of(
        &self,
        _: &Bench,
        _: &Snapshot,
        _: &Located,
        _: &Facts,
    ) -> Result<Option<Result<Reproduction, String>>, RepairError> {
        Ok(None)
    }

    fn seek(
        &self,
        bench: &Bench,
        snapshot: &Snapshot,
        facts: &Facts,
        command: &TestCommand,
    ) -> Result<Sought, RepairError> {
        let checkout = bench.checkout(&snapshot.commit)?;
        let orders = json!({
            "root": checkout.path(),
            "paths": import_folders(checkout.path(), snapshot),
            "kind": command.kind,
            "args": command.framework_args(),
            "tests": facts.failing_tests,
            "only": facts.only,
            "recent": recent(bench, snapshot),
            "budget": bench.candidates,
            "seconds": bench.time.as_secs_f64(),
        });
        let wall: Duration = bench.time + AROUND;
        match bench.drive("seek", checkout.path(), &orders, wall) {
            Err(RepairError::Driver { reason, .. }) => {
                Ok(Sought { problem: Some(reason), ..Sought::default() })
            }
            other => other,
        }
    }

    fn reproduction(&self, bench: &Bench, snapshot: &Snapshot, failing: &Failing) -> Option<Reproduction> {
        test_reproduction(bench, snapshot, failing)
    }

    fn run(
        &self,
        bench: &Bench,
        worktree: &Path,
        reproduction: &Reproduction,
        times: u32,
    ) -> Result<Vec<ReproRun>, RepairError> {
        run_script(bench, worktree, reproduction, times)
    }

    fn mutants(&self, path: &str, text: &str, lines: &[u32]) -> Option<Vec<Mutant>> {
        Some(mutants::mutants(path, text, lines))
    }

    fn program_smells(&self, _: &str, before: &str, after: &str) -> Option<Vec<&'static str>> {
        Some(smell::program_smells(before, after))
    }

    fn test_smells(&self, _: &str, before: &str, after: &str) -> Option<Vec<&'static str>> {
        Some(smell::test_smells(before, after))
    }

    fn compare(
        &self,
        bench: &Bench,
        base: &Sha,
        head: &Sha,
        reference: &Sha,
    ) -> Result<Differential, RepairError> {
        differential::compare_python(bench, base, head, reference)
    }
}

/// The files that the commit changed against its parent; none of a first commit, which changed everything, and of a merge.
fn recent(bench: &Bench, snapshot: &Snapshot) -> Vec<String> {
    let parents = bench.repository.commit_info(&snapshot.commit).map(|info| info.parents).unwrap_or_default();
    let [parent] = parents.as_slice() else { return Vec::new() };
    let diff = bench.repository.diff(parent, &snapshot.commit);
    diff.map(|diff| diff.files.into_iter().map(|file| file.path).collect()).unwrap_or_default()
}
