//! The command line: global flags and one argument struct per verb; those of the larger verbs lie in files of their own.
//!
//! Groups, examples and exit codes, which are the same for `--help`, completions and manual pages, lie in
//! [`crate::catalogue`].

mod bench;
mod crew;
mod database;
mod logs;
mod machine;
mod repair;
mod work;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use groundcrew_core::incident::{IncidentStatus, Until};
use groundcrew_core::role::Role;
use groundcrew_core::task::Status;
use groundcrew_core::word::UnknownWord;
use groundcrew_crew::config::Span;
use jiff::SignedDuration;

pub(crate) use bench::{Bench, BenchAction, ChaosBench, QueueBench, RepairBench};
pub(crate) use crew::{LimitAction, LimitOf, Limits, Pause, Resume};
pub(crate) use database::{Audit, AuditAction, Db, DbAction, PruneOptions, Shown};
pub(crate) use logs::{LogFile, Logs, LogsAction, Mine, Sort, Templates};
pub(crate) use machine::{Completions, Man, Schema};
pub(crate) use repair::{Fix, Place, Verify, Words};
pub(crate) use work::{
    MessageAction, Messages, Moment, New, ScheduleAction, Schedules, SignalAction, SignalsOptions, Source,
};

/// Six agents read your logs, fix bugs in work trees, verify the fixes in a sandbox, and ask you before anything counts.
#[derive(Debug, Parser)]
#[command(name = "groundcrew", version, max_term_width = 100)]
pub(crate) struct Options {
    /// Flags of every verb.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The verb.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Above the flags of every verb, so that a verb's own come first.
const EVERYWHERE: &str = "Options of every verb";

/// Flags of every verb.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The database, as sqlite:PATH [default: groundcrew/groundcrew.db in the user's data folder]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "URL", env = "GROUNDCREW_DATABASE", hide_env_values = true)]
    pub(crate) database: Option<String>,
    /// Only this project
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Take this configuration file (init, trust, doctor, up, scan, fix, verify); init keeps it [default: what init
    /// kept, else groundcrew.toml at the root of the repository]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One JSON document on standard output (JSON Lines for streams); failures as JSON on standard error
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// When to use colour; auto obeys NO_COLOR, CLICOLOR_FORCE and TERM
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// No progress on standard error
    #[arg(long, short, global = true, help_heading = EVERYWHERE, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// More detail
    #[arg(long, short, global = true, help_heading = EVERYWHERE, action = ArgAction::Count)]
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
    /// See it work: a small broken service, and the crew that repairs it
    Demo(Demo),
    /// Set up the repository in the current folder
    Init(Init),
    /// Let the keys of the configuration that widen power count
    ///
    /// Trust is for the configuration as it is now: a changed file is a stranger again.
    Trust(Trust),
    /// Check this machine, the database and every project
    Doctor,
    /// Run the crew until it is stopped
    Up(Up),
    /// The crew at a glance
    Status(StatusOptions),
    /// Read the logs now and print what is in them
    ///
    /// What follows from it is left in the queue for `up`.
    Scan(Scan),
    /// Understand a log file without a crew
    Logs(Logs),
    /// What is wrong, and what became of it
    Incidents(Incidents),
    /// What waits for you, with the commands to type
    Inbox,
    /// Answer a question of an agent
    Answer(Answer),
    /// Approve the exact commit that waits
    ///
    /// The branch stays for you to merge; with --into, a branch that is not checked out is fast-forwarded to it.
    Approve(Approve),
    /// Reject a fix
    Reject(Reject),
    /// What agents and people wrote to each other
    Messages(Messages),
    /// Repair one error of any repository, without a crew
    ///
    /// The last error of the log or stack trace is classified, reproduced, repaired, verified and reviewed, as the crew does
    /// it. What is left behind is the branch. Without tests the fix is a draft at best.
    Fix(Fix),
    /// Show what a fix is worth, whoever made it
    ///
    /// The error is made to happen on the commit without the fix; then the fix goes through the same checks, reviews and grades
    /// as one of the crew.
    Verify(Verify),
    /// Measure how well this program works on cases of yours
    Bench(Bench),
    /// Tasks, newest first
    Tasks(Tasks),
    /// One task with everything around it
    ///
    /// Its context, result, runs, messages, workflow and evidence.
    Show(Show),
    /// Give the crew a task, now, later or again and again
    New(New),
    /// Tasks that are created again and again
    Schedules(Schedules),
    /// What tasks wait for from outside, and what came
    Signals(SignalsOptions),
    /// The six agents: what each does, and how well it has done
    Agents,
    /// The workers of the crew, and whether they live
    Workers,
    /// Give out no more work, of one role or of all
    Pause(Pause),
    /// Give out work again
    Resume(Resume),
    /// How many tasks run at once, and how many start within a time
    Limits(Limits),
    /// What the agents did
    Audit(Audit),
    /// The database
    Db(Db),
    /// JSON Schemas of tasks, documents and the configuration
    Schema(Schema),
    /// A script that completes this command in a shell
    Completions(Completions),
    /// Manual pages
    Man(Man),
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Only say what was found; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
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
    /// Read standard input to its end, such as `journalctl -o export -f | groundcrew scan -`
    #[arg(value_name = "-", value_parser = ["-"])]
    pub(crate) input: Option<String>,
    /// Name of what comes through standard input, to tell it from others and to go on with it later
    #[arg(long, value_name = "NAME", requires = "input")]
    pub(crate) name: Option<String>,
    /// Read once and end, instead of going on until interrupted
    #[arg(long)]
    pub(crate) once: bool,
    /// Say how much was read, how fast, and what was not understood
    #[arg(long)]
    pub(crate) stats: bool,
    /// Of a log that was never read, record errors from before this and do not work them: a moment, or so long ago
    #[arg(long, value_name = "TIME|DURATION")]
    pub(crate) since: Option<Moment>,
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
    /// Only in this status
    #[arg(long, value_name = "STATUS", value_parser = word(Status::ALL, Status::as_str))]
    pub(crate) status: Option<Status>,
    /// Only of this role
    #[arg(long, value_name = "ROLE", value_parser = word(Role::ALL, Role::as_str))]
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
        #[arg(long, value_name = "TEXT", default_value = "no reason given")]
        reason: String,
        /// And every open task of its workflow
        #[arg(long)]
        workflow: bool,
    },
    /// Put a failed task back into the queue
    ///
    /// Also one that waits for its environment.
    Retry {
        /// The task
        id: i64,
    },
    /// Put all failed tasks of a kind back into the queue
    ///
    /// Tasks that were cancelled stay so, unless they are named one by one with `tasks retry`.
    Redrive(Redrive),
}

/// Which failed tasks to put back.
#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["of_role", "task_type", "all"])]
pub(crate) struct Redrive {
    /// Those of this role
    #[arg(id = "of_role", long = "role", value_name = "ROLE", value_parser = word(Role::ALL, Role::as_str))]
    pub(crate) role: Option<Role>,
    /// Those of this task type
    #[arg(long = "type", value_name = "TASK_TYPE")]
    pub(crate) task_type: Option<String>,
    /// All
    #[arg(long, conflicts_with_all = ["of_role", "task_type"])]
    pub(crate) all: bool,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The task
    pub(crate) id: i64,
    /// Also the diff of the fix, read from git
    #[arg(long)]
    pub(crate) diff: bool,
    /// Only the security review of its workflow, as SARIF 2.1.0
    #[arg(long, conflicts_with = "diff")]
    pub(crate) sarif: bool,
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

/// Arguments of `incidents`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Incidents {
    /// One incident; without it they are listed
    #[command(subcommand)]
    pub(crate) action: Option<IncidentAction>,
    /// Only in this status
    #[arg(long, value_name = "STATUS", value_parser = word(IncidentStatus::ALL, IncidentStatus::as_str))]
    pub(crate) status: Option<IncidentStatus>,
    /// Only those that may be the same as this one
    #[arg(long, value_name = "ID", conflicts_with_all = ["status", "merged"])]
    pub(crate) like: Option<i64>,
    /// Also those that were merged into others
    #[arg(long)]
    pub(crate) merged: bool,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}

/// `7d`, `2026-12-24T18:00:00Z`, `released`, `100` or `100 more`.
fn until(text: &str) -> Result<Until, String> {
    if text == "released" {
        return Ok(Until::Released);
    }
    let number = text.strip_suffix("more").unwrap_or(text).trim();
    if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
        return number.parse().map(Until::More).map_err(|_| format!("{text:?} is too many"));
    }
    match text.parse::<Moment>() {
        Ok(Moment::At(at)) => Ok(Until::At(at)),
        Ok(Moment::In(length)) => {
            SignedDuration::try_from(length).map(Until::For).map_err(|_| format!("{text:?} is too long"))
        }
        Err(_) => Err(format!(
            "{text:?} is no end: write a time like \"2026-12-24T18:00:00Z\", a length like \"7d\", \"released\" or \"100 more\""
        )),
    }
}

/// What to do with an incident.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentAction {
    /// One incident with its sample, what triage decided, and its tasks
    Show {
        /// The incident
        id: i64,
    },
    /// Only count an incident from now on: it is right not to be fixed
    ///
    /// Its open tasks end. With --until it goes to triage again by itself, with the first occurrence after that; in a new
    /// release and in a burst you are told of it either way.
    Ignore {
        /// The incident
        id: i64,
        /// Until a moment such as 2026-12-24T18:00:00Z, for a time such as 7d, until it happens in another release
        /// (released), or for so many more occurrences ('100 more')
        #[arg(long, value_name = "TIME|DURATION|released|COUNT", value_parser = until)]
        until: Option<Until>,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Hand an incident to triage again
    #[command(visible_alias = "unignore")]
    Reopen {
        /// The incident
        id: i64,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", default_value = "no reason given")]
        reason: String,
    },
    /// Say that incidents are the same
    ///
    /// One stands for all, the first unless another is named; it counts the occurrences of the others too, and their open
    /// tasks end. `split` undoes it.
    Merge {
        /// The incidents
        #[arg(required = true)]
        ids: Vec<i64>,
        /// The one that stands for all
        #[arg(long, value_name = "ID")]
        into: Option<i64>,
    },
    /// Undo a merge
    Split {
        /// The incident that was merged into another one
        id: i64,
    },
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Work in this folder, which must be empty or absent, and keep it
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// One of a closed list of words, so that a wrong one is met with the nearest, and a shell can complete it.
fn word<T>(all: &'static [T], text: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err = UnknownWord> + Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.iter().map(|word| text(*word))).try_map(|word| word.parse::<T>())
}
