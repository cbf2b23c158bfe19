//! `db migrate`: makes the database, or brings its schema up to date.

use groundcrew_store::{Applied, SCHEMA_VERSION, migrate};
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::invocation::Invocation;

/// Applies what is missing, or only names it.
pub(super) fn run(at: &Invocation, dry_run: bool) -> Result<Done, Failure> {
    let url = at.database()?;
    let applied = migrate(&url, dry_run)?;
    if at.out.is_json() {
        let rows: Vec<_> =
            applied.iter().map(|done| json!({ "version": done.version, "name": done.name })).collect();
        at.out.document(&json!({
            "database": url,
            "dry_run": dry_run,
            "schema": SCHEMA_VERSION,
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
