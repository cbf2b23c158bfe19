//! Arguments of the verbs that hold the crew and let it go on.

use clap::Args;
use groundcrew_core::role::Role;

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
