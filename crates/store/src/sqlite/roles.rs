//! The state rows of the roles during one transaction: read once, written once.
//!
//! Nearly every command changes the row of its role, and the metrics in it are JSON. Commands that are committed together
//! share one reading and one writing of it.

use std::collections::BTreeMap;

use groundcrew_core::agent::{AgentState, AgentStatus};
use groundcrew_core::role::Role;
use rusqlite::params;
use serde_json::{Map, Value};

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
    changed: bool,
}

impl Roles {
    /// A role's state row as the transaction has it; a row that another program deleted counts as a fresh one.
    pub(super) fn state(&mut self, db: Db<'_>, role: Role) -> Result<AgentState, StoreError> {
        if let Some(known) = self.known.get(&role) {
            return Ok(known.state.clone());
        }
        let state = db.first(AGENT, [role.as_str()], row::agent)?.unwrap_or_else(|| fresh(role));
        self.known.insert(role, Known { state: state.clone(), changed: false });
        Ok(state)
    }

    /// Sets a role's state row.
    pub(super) fn set(&mut self, state: AgentState) {
        self.changes += 1;
        self.known.insert(state.role, Known { state, changed: true });
    }

    /// How often a row was set.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Writes what was set.
    pub(super) fn write(&mut self, db: Db<'_>) -> Result<(), StoreError> {
        for known in self.known.values_mut().filter(|known| known.changed) {
            let state = &known.state;
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

/// The state of a role that has done nothing yet.
pub(super) fn fresh(role: Role) -> AgentState {
    AgentState { role, last_active: None, current_task: None, status: AgentStatus::Idle, metrics: Map::new() }
}
