//! `db`: the database itself.

use groundcrew_store::{Applied, SCHEMA_VERSION, migrate};
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::options::{Db, DbAction};

/// Works on the database.
pub(super) fn run(options: &Db, at: &Invocation) -> Result<Done, Failure> {
    match options.action {
        DbAction::Migrate { dry_run } => bring_up_to_date(at, dry_run),
    }
}

fn bring_up_to_date(at: &Invocation, dry_run: bool) -> Result<Done, Failure> {
    let url = at.database()?;
    let applied = migrate(&url, dry_run)?;
    if at.out.is_json() {
        let rows: Vec<_> =
            applied.iter().map(|done| json!({ "version": done.version, "name": done.name })).collect();
        at.out.document(&json!({
            "database": url,
            "dry_run": dry_run,
            "schema_version": SCHEMA_VERSION,
            "migrations": rows,
        }))?;
        return Ok(Done::Clean);
    }
    let verb = if dry_run { "would apply" } else { "applied" };
    at.out.lines(applied.iter().map(|Applied { version, name }| format!("{verb} {version} ({name})")))?;
    if applied.is_empty() {
        at.out.line(format!("schema version {SCHEMA_VERSION}: nothing to do"))?;
    }
    Ok(Done::Clean)
}
