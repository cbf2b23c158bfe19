//! The command line: global flags and one argument struct per verb.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use groundcrew_core::incident::IncidentStatus;
use groundcrew_core::role::Role;
use groundcrew_core::task::Status;
use groundcrew_crew::config::Span;
use jiff::SignedDuration;

use crate::failure::EXIT_CODES;

/// Six agents read your logs, fix bugs in work trees, verify the fixes in a sandbox, and ask you before anything counts.
#[derive(Debug, Parser)]
#[command(name = "groundcrew", version, max_term_width = 100, after_long_help = EXIT_CODES)]
pub(crate) struct Options {
    /// Flags of every verb.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The verb.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags of every verb.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The database, as sqlite:PATH [default: groundcrew/groundcrew.db in the user's data folder]
    #[arg(long, global = true, value_name = "URL", env = "GROUNDCREW_DATABASE", hide_env_values = true)]
    pub(crate) database: Option<String>,
    /// Only this project
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// One JSON document on standard output (JSON Lines for streams); failures as JSON on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour; auto obeys NO_COLOR, CLICOLOR_FORCE and TERM
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// No progress on standard error
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// More detail
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Set up the repository in the current folder
    Init(Init),
    /// Trust the project's configuration as it is now, so that the keys that widen power count
    Trust(Trust),
    /// Run the crew until it is stopped
    Up(Up),
    /// Read the logs now and print what is in them; the rest is left to `up`
    Scan(Scan),
    /// The crew at a glance
    Status(StatusOptions),
    /// Tasks, newest first
    Tasks(Tasks),
    /// One task with everything around it: context, result, runs, messages, workflow, evidence
    Show(Show),
    /// What waits for you, with the commands to type
    Inbox,
    /// Answer a question of an agent
    Answer(Answer),
    /// Approve the exact commit that waits; with --into fast-forward a branch that is not checked out
    Approve(Approve),
    /// Reject a fix
    Reject(Reject),
    /// What the agents did
    Audit(Audit),
    /// What is wrong, and what became of it
    Incidents(Incidents),
    /// Check this machine, the database and every project
    Doctor,
    /// The database
    Db(Db),
    /// A small broken service, and the crew that repairs it, before your eyes
    Demo(Demo),
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Only say what was found; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The configuration file, where it is not to be groundcrew.toml at the root of the repository
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Arguments of `trust`.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// Only show the keys that widen power and whether they count
    #[arg(long)]
    pub(crate) show: bool,
}

/// Arguments of `up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Stop when nothing is left that the crew could do by itself; exit code 3 if something then waits for you
    #[arg(long)]
    pub(crate) until_idle: bool,
    /// How long a task stays with a worker that shows no sign of life, such as 90s or 5m, at least 2s
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = lease)]
    pub(crate) lease: SignedDuration,
}

fn lease(text: &str) -> Result<SignedDuration, String> {
    let length = Span::try_from(text.to_owned())?.get();
    let lease = SignedDuration::try_from(length).map_err(|error| error.to_string())?;
    let allowed = SignedDuration::from_secs(2)..=SignedDuration::from_hours(24);
    if allowed.contains(&lease) { Ok(lease) } else { Err("a lease is between 2s and 24h".to_owned()) }
}

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// Read once and end, instead of going on until interrupted
    #[arg(long)]
    pub(crate) once: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// Print again whenever something changes
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Arguments of `tasks`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Tasks {
    /// What to do with a task; without it they are listed
    #[command(subcommand)]
    pub(crate) action: Option<TaskAction>,
    /// Only in this status: pending, running, completed, failed or blocked
    #[arg(long)]
    pub(crate) status: Option<Status>,
    /// Only of this role: monitor, triage, developer, qa, security or architect
    #[arg(long)]
    pub(crate) role: Option<Role>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}

/// What to do with a task.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskAction {
    /// End a task that is not final
    Cancel {
        /// The task
        id: i64,
        /// Why, for the record
        #[arg(long, default_value = "no reason given")]
        reason: String,
    },
    /// Put a failed task, or one that waits for its environment, back into the queue
    Retry {
        /// The task
        id: i64,
    },
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The task
    pub(crate) id: i64,
    /// Also the diff of the fix, read from git
    #[arg(long)]
    pub(crate) diff: bool,
}

/// Arguments of `answer`.
#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// The question, as `inbox` numbers it
    pub(crate) id: i64,
    /// One of its choices
    pub(crate) choice: String,
    /// A reason or a hint in your words
    #[arg(long)]
    pub(crate) comment: Option<String>,
}

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The approval, as `inbox` numbers it
    pub(crate) id: i64,
    /// Fast-forward this branch, which must not be checked out, to the fix
    #[arg(long, value_name = "BRANCH")]
    pub(crate) into: Option<String>,
}

/// Arguments of `reject`.
#[derive(Debug, Args)]
pub(crate) struct Reject {
    /// The approval, as `inbox` numbers it
    pub(crate) id: i64,
    /// Why; the next try reads it
    #[arg(long)]
    pub(crate) reason: String,
    /// Have the developer try again
    #[arg(long)]
    pub(crate) again: bool,
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only of this task
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<i64>,
    /// Only of this agent, or of `system` or `user`
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,
    /// Go on with what is written from now
    #[arg(long)]
    pub(crate) follow: bool,
    /// The newest so many
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
}

/// Arguments of `incidents`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Incidents {
    /// One incident; without it they are listed
    #[command(subcommand)]
    pub(crate) action: Option<IncidentAction>,
    /// Only in this status, such as new, fix_ready or ignored
    #[arg(long)]
    pub(crate) status: Option<IncidentStatus>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}

/// What to do with an incident.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentAction {
    /// One incident with its sample and its tasks
    Show {
        /// The incident
        id: i64,
    },
}

/// Arguments of `db`.
#[derive(Debug, Args)]
pub(crate) struct Db {
    /// What to do
    #[command(subcommand)]
    pub(crate) action: DbAction,
}

/// What to do with the database.
#[derive(Debug, Subcommand)]
pub(crate) enum DbAction {
    /// Make it, or bring its schema up to date
    Migrate {
        /// Only name what would be applied
        #[arg(long)]
        dry_run: bool,
    },
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Work in this folder, which must be empty or absent, and keep it
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn every_verb_takes_json() {
        let mut root = Options::command();
        root.build();
        for verb in root.get_subcommands().filter(|verb| verb.get_name() != "help") {
            let json = verb.get_arguments().any(|argument| argument.get_id() == "json");
            assert!(json, "{} lacks --json", verb.get_name());
        }
    }
}
