//! What is there after a round: the database as its readers give it, and the effects outside.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_core::agent::AgentState;
use groundcrew_core::log::LogEntry;
use groundcrew_core::message::Message;
use groundcrew_core::step::Step;
use groundcrew_core::task::{Status, Task, TaskId};
use groundcrew_store::{Attempt, Count, Finding, LogFilter, MessageFilter, Store, StoreError, TaskFilter};

use super::work::Part;
use super::world::Effects;

/// Rows read in one call.
const PAGE: u32 = 200;

/// Everything that the rules look at. To be taken while nobody writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Picture {
    /// All tasks.
    pub(super) tasks: BTreeMap<TaskId, Task>,
    /// The runs of each.
    pub(super) runs: BTreeMap<TaskId, Vec<Attempt>>,
    /// The recorded steps of tasks that take several.
    pub(super) steps: BTreeMap<TaskId, Vec<Step>>,
    /// Names of the signals that were emitted.
    pub(super) signals: BTreeSet<String>,
    /// All messages, oldest first.
    pub(super) messages: Vec<Message>,
    /// The audit log, oldest first.
    pub(super) logs: Vec<LogEntry>,
    /// The counts that are kept.
    pub(super) counts: Vec<Count>,
    /// The state rows of the roles.
    pub(super) agents: Vec<AgentState>,
    /// What `db check` says, the chain of the audit log included.
    pub(super) findings: Vec<Finding>,
    /// The effects outside.
    pub(super) effects: Effects,
    /// Tasks whose creation was acknowledged.
    pub(super) acknowledged: BTreeSet<TaskId>,
}

/// How much of the database is read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Everything.
    All,
    /// What can have changed since the last time if all is well: tasks that were not completed, and what is newer.
    Changed,
}

impl Picture {
    /// Reads the database anew.
    pub(super) fn read(&mut self, store: &dyn Store, reading: Reading) -> Result<(), StoreError> {
        if reading == Reading::All {
            self.tasks.clear();
            self.runs.clear();
            self.steps.clear();
            self.messages.clear();
            self.logs.clear();
        }
        // What failed may have been started anew.
        let from = self.tasks.values().find(|task| task.status != Status::Completed).map(|task| task.id);
        let from = from.or(self.tasks.keys().next_back().copied()).unwrap_or(TaskId(0));
        let mut filter = TaskFilter { limit: Some(PAGE), ..TaskFilter::default() };
        loop {
            let page = store.tasks(&filter)?;
            filter.before = page.last().map(|task| task.id);
            let more = page.last().is_some_and(|last| last.id > from);
            for task in page.into_iter().filter(|task| task.id >= from) {
                self.runs.insert(task.id, store.attempts(task.id)?);
                if Part::of(&task) == Part::Stepper {
                    self.steps.insert(task.id, store.steps(task.id)?);
                }
                self.tasks.insert(task.id, task);
            }
            if !more {
                break;
            }
        }
        self.read_messages(store)?;
        let after_id = Some(self.logs.last().map_or(0, |entry| entry.id));
        let limit = Some(u32::MAX);
        self.logs.extend(store.logs(&LogFilter { after_id, limit, ..LogFilter::default() })?);
        self.signals = store.signals()?.into_iter().map(|signal| signal.name).collect();
        self.counts = store.counts()?;
        self.agents = store.agents()?;
        Ok(())
    }

    /// Reads the messages that are new. The rules ask nothing that changes in an old one.
    fn read_messages(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let known = self.messages.last().map_or(0, |message| message.id.0);
        let mut new = Vec::new();
        let mut filter = MessageFilter { limit: Some(PAGE), ..MessageFilter::default() };
        loop {
            let page = store.messages(&filter)?;
            filter.before = page.last().map(|message| message.id);
            let more = page.last().is_some_and(|last| last.id.0 > known);
            new.extend(page.into_iter().filter(|message| message.id.0 > known));
            if !more {
                break;
            }
        }
        new.reverse();
        self.messages.extend(new);
        Ok(())
    }
}
