//! Arguments of the verbs that read a log file without a crew.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// What to show
    #[command(subcommand)]
    pub(crate) action: LogsAction,
}

/// What to show of a log file.
#[derive(Debug, Subcommand)]
pub(crate) enum LogsAction {
    /// What the records of a log say
    ///
    /// Time, level, logger, message and stack trace of each, and which errors the crew would take for the same.
    Parse(LogFile),
    /// Which lines of a log belong together
    Assemble(LogFile),
}

/// A log file, and which of its records are wanted.
#[derive(Debug, Args)]
pub(crate) struct LogFile {
    /// The log; - is standard input
    pub(crate) file: PathBuf,
    /// Only errors
    #[arg(long)]
    pub(crate) errors: bool,
}
