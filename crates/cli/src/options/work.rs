//! Arguments of the verbs that give the crew work and read what was written about it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use groundcrew_core::cron::Cron;
use groundcrew_core::message::MessageType;
use groundcrew_core::role::Role;
use groundcrew_core::schedule::Missed;
use groundcrew_core::task::DEFAULT_PRIORITY;
use groundcrew_crew::config::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::word;

/// Arguments of `new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// What is to be done, such as fix_bug; `groundcrew schema` lists what the crew itself can do
    pub(crate) task_type: String,
    /// Who does it; needed only for a task type that is none of the crew's own
    #[arg(long, value_name = "ROLE", value_parser = word(Role::ALL, Role::as_str))]
    pub(crate) role: Option<Role>,
    /// What it starts with: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) context: Source,
    /// 1 to 10, 10 the highest
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PRIORITY, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) priority: u8,
    /// The incident that it is about
    #[arg(long, value_name = "ID")]
    pub(crate) incident: Option<i64>,
    /// The task that it follows in its workflow
    #[arg(long, value_name = "ID")]
    pub(crate) parent: Option<i64>,
    /// Not before this moment, such as 2026-12-24T18:00:00Z, or not before so long has passed, such as 15m
    #[arg(long, value_name = "TIME|DURATION")]
    pub(crate) at: Option<Moment>,
    /// Not before this signal was emitted; with --at no longer than until then
    #[arg(long, value_name = "SIGNAL", conflicts_with_all = ["every", "cron"])]
    pub(crate) after: Option<String>,
    /// Again and again with so much time between, such as 1h; then it needs a name
    #[arg(long, value_name = "DURATION", value_parser = span, requires = "name", conflicts_with_all = ["parent", "incident"])]
    pub(crate) every: Option<Duration>,
    /// Again and again at the times of five fields of cron and a time zone, such as '30 2 * * 1-5 Europe/Berlin'
    #[arg(long, value_name = "CRON", requires = "name", conflicts_with_all = ["every", "at", "parent", "incident"])]
    pub(crate) cron: Option<Cron>,
    /// What becomes of times that passed while no crew was there: one task for all of them, or none
    #[arg(long, value_name = "POLICY", requires = "name", default_value = "once", value_parser = word(Missed::ALL, Missed::as_str))]
    pub(crate) missed: Missed,
    /// Name of the schedule, to see and to remove it
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Where a context comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The argument itself.
    Text(String),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix('@') {
            Some(path) => Self::File(path.into()),
            None if text == "-" => Self::Stdin,
            None => Self::Text(text.to_owned()),
        })
    }
}

/// A moment as a person names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long from now.
    In(Duration),
    /// At this time.
    At(Timestamp),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(length) = Span::try_from(text.to_owned()) {
            return Ok(Self::In(length.get()));
        }
        moment(text).map(Self::At).ok_or_else(|| {
            format!("{text:?} is neither a length of time like \"15m\" nor a day like \"2026-12-24\" nor a time with its zone like \"2026-12-24T18:00:00Z\"")
        })
    }
}

/// A time with its zone, or the first of a day in UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let midnight = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp());
    text.parse().ok().or_else(|| text.parse().ok().and_then(midnight))
}

fn span(text: &str) -> Result<Duration, String> {
    Span::try_from(text.to_owned()).map(Span::get)
}

/// Arguments of `schedules`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Schedules {
    /// What to do with a schedule; without it they are listed
    #[command(subcommand)]
    pub(crate) action: Option<ScheduleAction>,
}

/// What to do with a schedule.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleAction {
    /// Create no more tasks by this schedule
    Remove {
        /// The schedule
        name: String,
    },
}

/// Arguments of `signals`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SignalsOptions {
    /// What to do with signals; without it they are listed
    #[command(subcommand)]
    pub(crate) action: Option<SignalAction>,
}

/// What to do with signals.
#[derive(Debug, Subcommand)]
pub(crate) enum SignalAction {
    /// Emit a signal: what waits for it goes on
    Emit {
        /// Its name, which comes once, such as deployed:1.4.2
        name: String,
        /// What it brings: JSON, @FILE, or - for standard input
        #[arg(long, value_name = "JSON", default_value = "null")]
        payload: Source,
    },
}

/// Arguments of `messages`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Messages {
    /// What to do with messages; without it they are listed
    #[command(subcommand)]
    pub(crate) action: Option<MessageAction>,
    /// Only about this task
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<i64>,
    /// Only about the workflow that this task belongs to, oldest first
    #[arg(long, value_name = "ID", conflicts_with = "task")]
    pub(crate) thread: Option<i64>,
    /// Only to this role, or to system or user
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = word(MessageType::ALL, MessageType::as_str))]
    pub(crate) message_type: Option<MessageType>,
    /// Only those nobody has read
    #[arg(long)]
    pub(crate) unread: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
}

/// What to do with messages.
#[derive(Debug, Subcommand)]
pub(crate) enum MessageAction {
    /// Mark messages to you as read
    ///
    /// A question stays open until it is answered.
    Read {
        /// The messages
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<i64>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
}
