//! Arguments of the verbs that repair and verify without a crew that keeps running.

use std::path::PathBuf;

use clap::Args;
use groundcrew_crew::config::Span;

/// Arguments of `fix`.
#[derive(Debug, Args)]
pub(crate) struct Fix {
    /// A log or a stack trace, whose last error is repaired; - for standard input [default: what fails in the tests]
    #[arg(value_name = "FILE", conflicts_with = "from")]
    pub(crate) error: Option<PathBuf>,
    /// The same
    #[arg(id = "from", long = "error", value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The command that runs the tests, in one argument
    #[arg(long, value_name = "COMMAND", value_parser = words, conflicts_with = "tests")]
    pub(crate) test: Option<Words>,
    /// Only change this file, or files beneath this folder; can be repeated
    #[arg(long = "file", value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    /// Longest time for the search, such as 60s [default: what groundcrew.toml says, else 120s]
    #[arg(long, value_name = "DURATION", value_parser = budget)]
    pub(crate) budget: Option<Span>,
    /// Most candidates that the search runs
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true, value_parser = candidates)]
    pub(crate) max_candidates: Option<usize>,
    /// What they have in common.
    #[command(flatten)]
    pub(crate) place: Place,
}

impl Fix {
    /// The log that was named, either way.
    pub(crate) fn log(&self) -> Option<&PathBuf> {
        self.error.as_ref().or(self.from.as_ref())
    }

    /// The test command that was given, either way; empty if none was.
    pub(crate) fn tests(&self) -> &[String] {
        self.test.as_ref().map_or(&self.place.tests, |words| &words.0)
    }
}

/// A command line that was given as one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Vec<String>);

/// Splits a command line as a shell does, without running one.
fn words(text: &str) -> Result<Words, String> {
    match shlex::split(text) {
        Some(words) if !words.is_empty() => Ok(Words(words)),
        Some(_) => Err("there is no command in it".to_owned()),
        None => Err("a quotation mark is not closed".to_owned()),
    }
}

/// A length of time in which something can be done.
pub(super) fn budget(text: &str) -> Result<Span, String> {
    let span = Span::try_from(text.to_owned())?;
    if span.get().is_zero() { Err("there is nothing to search in no time".to_owned()) } else { Ok(span) }
}

/// A number of candidates that can be run.
pub(super) fn candidates(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("name a whole number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
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
