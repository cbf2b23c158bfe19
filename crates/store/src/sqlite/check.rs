//! Whether the file and the rows are as they must be: SQLite's own checks, and what the state machine always keeps.
//!
//! Everything is read in one transaction, so that a crew at work is never seen in the middle of a step.

use rusqlite::types::ValueRef;

use super::audit;
use super::query::{
    CHECK_AWAITS, CHECK_CHILDREN, CHECK_COUNTS, CHECK_HAND_OFFS, CHECK_HELD, CHECK_KEYS, CHECK_LINKS,
    CHECK_QUESTIONS, CHECK_RETRIES, CHECK_RINGS, CHECK_ROLES, CHECK_RUNS, CHECK_TOKENS, CHECK_UNLEASED,
    CHECK_UNWAITED, CHECK_WAITS, Db, FOREIGN_KEYS, INTEGRITY, Query,
};
use super::row;
use crate::error::StoreError;
use crate::upkeep::{Broken, Finding, Flaw};

/// Findings of one rule that are told.
const MOST: usize = 100;

struct Rule {
    name: &'static str,
    table: &'static str,
    query: Query,
}

const RULES: &[Rule] = &[
    Rule { name: "lease", table: "agent_tasks", query: CHECK_UNLEASED },
    Rule { name: "lease", table: "agent_tasks", query: CHECK_HELD },
    Rule { name: "wait", table: "agent_tasks", query: CHECK_UNWAITED },
    Rule { name: "wait", table: "agent_tasks", query: CHECK_WAITS },
    Rule { name: "wait", table: "agent_tasks", query: CHECK_CHILDREN },
    Rule { name: "wait", table: "agent_tasks", query: CHECK_AWAITS },
    Rule { name: "retries", table: "agent_tasks", query: CHECK_RETRIES },
    Rule { name: "token", table: "agent_tasks", query: CHECK_TOKENS },
    Rule { name: "run", table: "agent_tasks", query: CHECK_RUNS },
    Rule { name: "key", table: "agent_tasks", query: CHECK_KEYS },
    Rule { name: "count", table: "crew_counts", query: CHECK_COUNTS },
    Rule { name: "link", table: "agent_tasks", query: CHECK_LINKS },
    Rule { name: "parent", table: "agent_tasks", query: CHECK_RINGS },
    Rule { name: "question", table: "agent_messages", query: CHECK_QUESTIONS },
    Rule { name: "hand_off", table: "agent_messages", query: CHECK_HAND_OFFS },
    Rule { name: "role", table: "agent_state", query: CHECK_ROLES },
];

/// Everything that is wrong, at most a hundred findings of each rule.
pub(super) fn check(db: Db<'_>) -> Result<Vec<Finding>, StoreError> {
    let _snapshot =
        db.connection.unchecked_transaction().map_err(|error| db.fault("begin to check", error))?;
    let mut found = damage(db)?;
    // What lies in a damaged file cannot be judged row by row.
    if !found.is_empty() {
        return Ok(found);
    }
    found.extend(foreign_keys(db)?);
    for rule in RULES {
        found.extend(broken(db, rule)?);
    }
    found.extend(audit::verify(db, None)?.broken.as_ref().map(audit_finding));
    Ok(found)
}

/// What SQLite says about the file itself.
pub(super) fn damage(db: Db<'_>) -> Result<Vec<Finding>, StoreError> {
    let finding = |detail: String| Finding { rule: "file", table: None, id: None, detail };
    match db.all(INTEGRITY, [], row::first_text) {
        Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").map(finding).collect()),
        // A page that cannot even be looked at ends the check early.
        Err(StoreError::Corrupt { detail, .. }) => Ok(vec![finding(detail)]),
        Err(error) => Err(error),
    }
}

fn foreign_keys(db: Db<'_>) -> Result<Vec<Finding>, StoreError> {
    let most = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
    let mut found = db.all(FOREIGN_KEYS, [most], |found| {
        let text = |column| found.get_ref(column).ok().and_then(text_of).unwrap_or_default();
        let detail = format!("it names a row of {} that is not there", text(2));
        Ok(Finding { rule: "foreign_key", table: Some(text(0)), id: Some(text(1)), detail })
    })?;
    shorten(&mut found);
    Ok(found)
}

fn broken(db: Db<'_>, rule: &Rule) -> Result<Vec<Finding>, StoreError> {
    let most = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
    let mut found = db.all(rule.query, [most], |found| {
        let text = |column| found.get_ref(column).ok().and_then(text_of);
        Ok(Finding {
            rule: rule.name,
            table: Some(rule.table.to_owned()),
            id: text(0),
            detail: text(1).unwrap_or_default(),
        })
    })?;
    shorten(&mut found);
    Ok(found)
}

/// Keeps a table full of the same mistake from becoming a flood.
fn shorten(found: &mut Vec<Finding>) {
    if found.len() > MOST {
        found.truncate(MOST);
        if let Some(last) = found.last() {
            let more =
                Finding { id: None, detail: format!("there are more like the {MOST} above"), ..last.clone() };
            found.push(more);
        }
    }
}

fn text_of(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn audit_finding(broken: &Broken) -> Finding {
    let seal = broken.seal.map_or_else(|| "?".to_owned(), |seal| seal.to_string());
    let (table, id, detail) = match broken.flaw {
        Flaw::RowChanged => ("agent_logs", broken.row, format!("it was changed after seal {seal} was made")),
        Flaw::RowMissing => ("agent_logs", broken.row, format!("it was deleted after seal {seal} was made")),
        Flaw::RowAdded => ("agent_logs", broken.row, format!("it was added after seal {seal} was made")),
        Flaw::SealChanged => ("crew_audit_seals", broken.seal, "the seal was changed".to_owned()),
        Flaw::SealMissing | Flaw::NotedMissing => {
            ("crew_audit_seals", broken.seal, "the seal is not there".to_owned())
        }
    };
    Finding { rule: "audit", table: Some(table.to_owned()), id: id.map(|id| id.to_string()), detail }
}
