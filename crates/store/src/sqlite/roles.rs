//! The state rows of the roles during one transaction: read once, written once.
//!
//! Nearly every command changes the row of its role, and the metrics in it are JSON. Commands that are committed together
//! share one reading and one writing of it, and the runs that they end are counted together.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use groundcrew_core::agent::{AgentChange, AgentState, Run, count_runs};
use groundcrew_core::role::Role;
use rusqlite::params;
use serde_json::Value;

use super::query::{AGENT, Db, SET_AGENT};
use super::row;
use crate::error::StoreError;
use crate::time::written;

/// The rows that the transaction has touched.
#[derive(Debug, Clone, Default)]
pub(super) struct Roles {
    known: BTreeMap<Role, Known>,
    changes: u64,
}

#[derive(Debug, Clone)]
struct Known {
    state: AgentState,
    /// Runs that ended and are not counted in it yet.
    runs: Vec<Run>,
    changed: bool,
}

impl Roles {
    /// Reads a role's state row, unless that is done; a row that another program deleted counts as a fresh one. To be done
    /// before anything is decided about the role, so that a row which cannot be read stops only commands about it.
    pub(super) fn know(&mut self, db: Db<'_>, role: Role) -> Result<(), StoreError> {
        if let Entry::Vacant(place) = self.known.entry(role) {
            let state = db.first(AGENT, [role.as_str()], row::agent)?;
            let state = state.unwrap_or_else(|| AgentState::new(role));
            place.insert(Known { state, runs: Vec::new(), changed: false });
        }
        Ok(())
    }

    /// Changes a role's state row.
    pub(super) fn change(&mut self, db: Db<'_>, change: &AgentChange) -> Result<(), StoreError> {
        self.know(db, change.role)?;
        self.changes += 1;
        if let Some(known) = self.known.get_mut(&change.role) {
            known.state.follow(change);
            known.runs.extend(change.run);
            known.changed = true;
        }
        Ok(())
    }

    /// How often a row was changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Writes what was changed.
    pub(super) fn write(&mut self, db: Db<'_>) -> Result<(), StoreError> {
        for known in self.known.values_mut().filter(|known| known.changed) {
            let state = &mut known.state;
            count_runs(&mut state.metrics, &std::mem::take(&mut known.runs));
            let values = params![
                state.role.as_str(),
                state.last_active.map(written),
                state.current_task.map(|task| task.0),
                state.status.as_str(),
                Value::Object(state.metrics.clone()).to_string(),
            ];
            db.run(SET_AGENT, values)?;
            known.changed = false;
        }
        Ok(())
    }
}
