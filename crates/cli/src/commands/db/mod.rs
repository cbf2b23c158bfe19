//! `db`: the database itself.

mod migrate;

use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::options::{Db, DbAction};

/// Works on the database.
pub(super) fn run(options: &Db, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        DbAction::Migrate { dry_run } => migrate::run(at, *dry_run),
    }
}
