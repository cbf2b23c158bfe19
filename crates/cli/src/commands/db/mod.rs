//! `db`: the database itself.

mod backup;
mod check;
mod migrate;
mod prune;
mod stats;

use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::options::{Db, DbAction};

/// Works on the database.
pub(super) fn run(options: &Db, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        DbAction::Migrate { dry_run } => migrate::run(at, *dry_run),
        DbAction::Check => check::run(at),
        DbAction::Backup { file } => backup::run(at, file),
        DbAction::Stats => stats::run(at),
        DbAction::Prune(options) => prune::run(at, options),
    }
}
