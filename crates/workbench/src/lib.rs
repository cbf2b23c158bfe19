//! The workbench: the one way to run git, the one way to run a command, and the test runner.
//!
//! Everything that starts a process lives here, so that its rules hold everywhere:
//! - [`git`]: no hook, filter, driver, pager or helper of a repository runs; the user's checkout is never touched.
//! - [`sandbox`]: a command runs under a level that was proven on this machine, or it does not run.
//! - [`environment`]: what a project's tests need beside its files, found in the user's checkout.
//! - [`own_program`]: the user's own programs, outside the sandbox.
//! - [`python`] and [`runner`]: the interpreter a project uses, and its test suite as data.
//!
//! Every command and every file read from a commit is told to a [`groundcrew_core::audit::Recorder`].

pub mod environment;
pub mod git;
pub mod own_program;
mod process;
pub mod python;
pub mod runner;
pub mod sandbox;
mod scratch;

pub use process::CancelToken;
