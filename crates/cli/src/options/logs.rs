//! Arguments of the verbs that read a log file without a crew.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// Time, level, logger, message and stack trace of each, and which errors the crew would take for the same. With
    /// --config FILE the rules of that file are tried, and the one that decides is named.
    Parse(LogFile),
    /// Which lines of a log belong together
    Assemble(LogFile),
    /// Which statements wrote a log
    ///
    /// Lines that differ only in values come under one template, with how often, how grave, from when to when, and an
    /// example. A stack trace comes under its error. The same input gives the same ids.
    Mine(Mine),
    /// Which kinds of lines the crew knows of the logs it reads
    ///
    /// The most frequent first; with --noticed those it told of: a kind that is new, one that surges, one that stopped.
    Templates(Templates),
}

/// Which kinds of lines are wanted.
#[derive(Debug, Args)]
pub(crate) struct Templates {
    /// Of this log only
    #[arg(long, value_name = "FILE")]
    pub(crate) source: Option<PathBuf>,
    /// Only those that the crew told of
    #[arg(long)]
    pub(crate) noticed: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
}

/// Logs, and what of their templates is wanted.
#[derive(Debug, Args)]
pub(crate) struct Mine {
    /// The logs, taken as one; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write LineId,EventId,EventTemplate for every line to this file
    #[arg(long, value_name = "OUT")]
    pub(crate) csv: Option<PathBuf>,
    /// Let --csv replace a file that is there
    #[arg(long, requires = "csv")]
    pub(crate) overwrite: bool,
    /// Which come first
    #[arg(long, value_name = "ORDER", default_value = "frequent")]
    pub(crate) sort: Sort,
    /// Only templates seen at least so often
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_count: u64,
    /// At most so many templates
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// Order of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// Those seen most
    Frequent,
    /// Those seen least
    Rare,
    /// Those that came up last
    New,
    /// As they come up in the log
    Order,
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
