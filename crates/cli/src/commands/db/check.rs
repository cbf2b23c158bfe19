//! `db check`: what is damaged or contradicts itself.

use groundcrew_store::{Access, Finding};
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::table::Table;

/// Checks the database; done but not clean if there is anything to tell.
pub(super) fn run(at: &Invocation) -> Result<Done, Failure> {
    let findings = at.open(Access::ReadOnly)?.check()?;
    if at.out.is_json() {
        at.out.document(&json!({ "ok": findings.is_empty(), "findings": findings }))?;
    } else if findings.is_empty() {
        at.out.line("the file is whole, and its rows are as they must be")?;
    } else {
        at.out.lines(lines(&findings))?;
    }
    Ok(if findings.is_empty() { Done::Clean } else { Done::NotClean })
}

/// Findings for people, one line each.
fn lines(findings: &[Finding]) -> Vec<String> {
    let mut table = Table::new(["rule", "row", "what is wrong"]);
    for finding in findings {
        let row = match (&finding.table, &finding.id) {
            (Some(table), Some(id)) => format!("{table} {id}"),
            (Some(table), None) => table.clone(),
            (None, _) => "-".to_owned(),
        };
        table.row([finding.rule.to_owned(), escape::line(&row), escape::line(&finding.detail)]);
    }
    table.lines()
}
