//! What a repair and a verification run with.

use std::path::PathBuf;
use std::time::Duration;

use groundcrew_workbench::CancelToken;
use groundcrew_workbench::git::{GitError, Repository};
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::TestCommand;
use groundcrew_workbench::sandbox::{Limits, Sandbox, SandboxError};

/// The project's repository, the way to run its code, and the bounds of it.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The repository; commits are read from it and work trees made of them.
    pub repository: Repository,
    /// Where everything of the project runs.
    pub sandbox: Sandbox,
    /// The interpreter.
    pub python: Python,
    /// How the tests run; none where there are none.
    pub tests: Option<TestCommand>,
    /// Bounds of one run of the tests, and of any other run but for the wall clock.
    pub limits: Limits,
    /// Longest time a whole repair may take; checked between steps.
    pub time: Duration,
    /// Most candidates that a whole repair may validate: the bound that gives equal results for equal input.
    pub candidates: usize,
    /// Folder beneath which work trees may be made; it need not exist.
    pub folder: PathBuf,
    /// Ends everything.
    pub cancel: CancelToken,
}

/// Why a repair or a verification could not be carried out; that nothing was found is never an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A command could not be started.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// It was cancelled.
    #[error("the work was cancelled")]
    Cancelled,
    /// Somebody killed it from outside, so it says nothing about the project and has to be done again.
    #[error("the {0} was killed from outside the sandbox")]
    Killed(&'static str),
    /// A script of ours did not answer as it should.
    #[error("the {driver} script did not answer: {reason}")]
    Driver {
        /// Which one.
        driver: &'static str,
        /// What was seen.
        reason: String,
    },
}
