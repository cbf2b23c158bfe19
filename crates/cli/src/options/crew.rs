//! Arguments of the verbs that hold the crew and let it go on.

use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand};
use groundcrew_core::limit::Rate;
use groundcrew_core::role::Role;
use groundcrew_crew::config::Span;

use super::word;

/// Arguments of `pause`.
#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// Only this role; without it all six
    #[arg(value_parser = word(Role::ALL, Role::as_str))]
    pub(crate) role: Option<Role>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    pub(crate) reason: String,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Only this role; without it all six
    #[arg(value_parser = word(Role::ALL, Role::as_str))]
    pub(crate) role: Option<Role>,
}

/// Arguments of `limits`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Limits {
    /// What to do with a limit; without it they are listed
    #[command(subcommand)]
    pub(crate) action: Option<LimitAction>,
}

/// What to do with a limit.
#[derive(Debug, Subcommand)]
pub(crate) enum LimitAction {
    /// Set a limit, in place of the one before
    #[command(group(ArgGroup::new("bound").required(true).multiple(true).args(["concurrency", "rate"])))]
    Set {
        #[command(flatten)]
        of: LimitOf,
        /// Tasks that may run at once
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        concurrency: Option<u32>,
        /// Tasks that may start within a time, such as 10/h or 100/15m
        #[arg(long, value_name = "N/TIME")]
        rate: Option<PerTime>,
    },
    /// Take a limit back
    Clear {
        #[command(flatten)]
        of: LimitOf,
    },
}

/// Which tasks a limit is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct LimitOf {
    /// Those of a role
    #[arg(long, value_name = "ROLE", value_parser = word(Role::ALL, Role::as_str))]
    pub(crate) role: Option<Role>,
    /// Those of a type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) task_type: Option<String>,
    /// Those of a project, by its name
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// A number per length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PerTime(pub(crate) Rate);

impl FromStr for PerTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a rate; write it like \"10/h\" or \"100/15m\"");
        let (starts, time) = text.split_once('/').ok_or_else(wrong)?;
        let starts = starts.trim().parse().map_err(|_| wrong())?;
        let time = time.trim();
        let time =
            if time.starts_with(|c: char| c.is_ascii_digit()) { time.to_owned() } else { format!("1{time}") };
        let length = Span::try_from(time).map_err(|_| wrong())?.get().as_secs();
        let per_s = u32::try_from(length).map_err(|_| wrong())?;
        if starts == 0 || per_s == 0 {
            return Err(wrong());
        }
        Ok(Self(Rate { starts, per_s }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        for (text, starts, per_s) in [("10/h", 10, 3600), ("100/15m", 100, 900), ("1 / 2d", 1, 172_800)] {
            assert_eq!(text.parse(), Ok(PerTime(Rate { starts, per_s })));
        }
        for wrong in ["", "10", "/h", "0/h", "3/0s", "-1/h", "3/", "3/y", "3/99999999999d", "4294967296/h"] {
            assert!(wrong.parse::<PerTime>().is_err(), "{wrong}");
        }
    }
}
