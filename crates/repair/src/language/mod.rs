//! What the repair needs of a programming language, in one trait; a folder or file for each.
//!
//! | file | what |
//! | --- | --- |
//! | `python` | the way to what is written for Python |
//! | `javascript` | JavaScript and TypeScript |
//! | `other` | every other language: nothing is edited, a culprit can be undone |
//!
//! Which language counts is told by the file that is edited; for a search of failing tests, by what runs the tests.

mod javascript;
mod other;
mod python;

use std::path::Path;

use groundcrew_core::contract::Reproduction;
use groundcrew_workbench::git::Sha;
use groundcrew_workbench::runner::{Kind, TestCommand};

use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::differential::Differential;
use crate::locate::Located;
use crate::mutants::Mutant;
use crate::outcome::Facts;
use crate::reproduce::ReproRun;
use crate::sought::{Failing, Sought};

/// How code of a language is repaired and looked at.
pub(crate) trait Language: Sync {
    /// Whether it is what a file is written in.
    fn owns(&self, path: &str) -> bool;

    /// Whether tests of a kind are run and searched by it.
    fn runs(&self, kind: Kind) -> bool;

    /// Whether a text of a file of it cannot be parsed whole.
    fn is_broken(&self, path: &str, text: &str) -> bool;

    /// Whether errors in a log, without a failing test, are reproduced and repaired.
    fn repairs_crashes(&self) -> bool;

    /// A test that fails as an error of a log did, or the reason why there is none; none where errors of logs are reproduced
    /// in another way or not at all.
    ///
    /// # Errors
    /// If git or the sandbox fails.
    fn test_of(
        &self,
        bench: &Bench,
        snapshot: &Snapshot,
        located: &Located,
        facts: &Facts,
    ) -> Result<Option<Result<Reproduction, String>>, RepairError>;

    /// Looks for edits with which failing tests pass.
    ///
    /// # Errors
    /// If git or the sandbox fails; that it cannot look is its answer's `problem`.
    fn seek(
        &self,
        bench: &Bench,
        snapshot: &Snapshot,
        facts: &Facts,
        command: &TestCommand,
    ) -> Result<Sought, RepairError>;

    /// How a failing test is made to fail again; none if it cannot be said.
    fn reproduction(&self, bench: &Bench, snapshot: &Snapshot, failing: &Failing) -> Option<Reproduction>;

    /// Runs a reproduction some times on a work tree, each in a process of its own.
    ///
    /// # Errors
    /// If the sandbox could not run it.
    fn run(
        &self,
        bench: &Bench,
        worktree: &Path,
        reproduction: &Reproduction,
        times: u32,
    ) -> Result<Vec<ReproRun>, RepairError>;

    /// All mutants of some lines of a file; none where it has no mutants, which its gate then says.
    fn mutants(&self, path: &str, text: &str, lines: &[u32]) -> Option<Vec<Mutant>>;

    /// Smells that a change brings into a file of the program; none where nothing is known of the language.
    fn program_smells(&self, path: &str, before: &str, after: &str) -> Option<Vec<&'static str>>;

    /// Smells that a change brings into a file of tests; likewise.
    fn test_smells(&self, path: &str, before: &str, after: &str) -> Option<Vec<&'static str>>;

    /// Compares the functions that a change touches with what they were on `reference`.
    ///
    /// # Errors
    /// If git or the sandbox fails.
    fn compare(
        &self,
        bench: &Bench,
        base: &Sha,
        head: &Sha,
        reference: &Sha,
    ) -> Result<Differential, RepairError>;
}

/// All languages; the last one takes what no other does.
const LANGUAGES: [&dyn Language; 3] = [&python::Python, &javascript::JavaScript, &other::Other];

/// The language of a file.
pub(crate) fn of_file(path: &str) -> &'static dyn Language {
    LANGUAGES.into_iter().find(|language| language.owns(path)).unwrap_or(&other::Other)
}

/// The language whose tests a kind of suite is.
pub(crate) fn of_suite(kind: Kind) -> &'static dyn Language {
    LANGUAGES.into_iter().find(|language| language.runs(kind)).unwrap_or(&other::Other)
}

/// The language that runs a reproduction.
pub(crate) fn of_reproduction(reproduction: &Reproduction) -> &'static dyn Language {
    if reproduction.kind == other::COMMAND { &other::Other } else { of_file(&reproduction.file) }
}

/// The reproduction that is the whole test command, judged by its exit code.
pub(crate) fn of_command(snapshot: &Snapshot, failing: &Failing) -> Reproduction {
    other::of_command(snapshot, failing)
}

/// Whether crashes in a file, and not only failing tests, are reproduced and repaired.
pub fn repairs_crashes(path: &str) -> bool {
    of_file(path).repairs_crashes()
}
