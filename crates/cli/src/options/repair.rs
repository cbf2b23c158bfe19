//! Arguments of the verbs that repair and verify without a crew that keeps running.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `fix`.
#[derive(Debug, Args)]
pub(crate) struct Fix {
    /// A log or a stack trace, whose last error is repaired; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) error: PathBuf,
    /// What they have in common.
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The fix: a branch or a commit
    #[arg(value_name = "COMMIT")]
    pub(crate) commit: String,
    /// The error that it is to cure: a log or a stack trace, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) error: PathBuf,
    /// The commit without the fix [default: where its history leaves that of the checked-out commit, else its parent]
    #[arg(long, value_name = "COMMIT")]
    pub(crate) base: Option<String>,
    /// What they have in common.
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Where the work is done and how its tests run.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// A folder of the repository [default: the current folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) repo: Option<PathBuf>,
    /// The command that runs the tests, after -- [default: what groundcrew.toml says, else what is found]
    #[arg(last = true, value_name = "TEST COMMAND")]
    pub(crate) tests: Vec<String>,
}
