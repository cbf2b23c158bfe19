//! The same random commands leave the same rows in SQLite as in a store in memory.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "../../core/tests/memory/mod.rs"]
mod memory;

use std::collections::BTreeMap;

use groundcrew_core::agent::AgentState;
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::limit::Limit;
use groundcrew_core::task::{LeaseToken, TaskId};
use groundcrew_store::{
    IncidentFilter, LogFilter, MessageFilter, Options, Store, StoreError, TaskFilter, open,
};
use jiff::Timestamp;
use memory::tries::attempt;
use memory::{Memory, PROJECT, Run};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Every row, as the store gives it back.
fn rows(store: &dyn Store) -> Memory {
    let limit = Some(100_000);
    let tasks = store.tasks(&TaskFilter { limit, ..TaskFilter::default() }).unwrap();
    let messages = store.messages(&MessageFilter { limit, ..MessageFilter::default() }).unwrap();
    let logs = store.logs(&LogFilter { after_id: Some(0), limit, ..LogFilter::default() }).unwrap();
    let incidents = store.incidents(&IncidentFilter { merged: true, ..Default::default() }).unwrap();
    let traffic = store.traffic(PROJECT, Timestamp::UNIX_EPOCH).unwrap().into_iter();
    let cursor = store.cursor(PROJECT, "app.log").unwrap();
    Memory {
        steps: tasks.iter().flat_map(|task| steps(store, task.id)).collect(),
        runs: tasks.iter().flat_map(|task| runs(store, task.id)).collect(),
        tasks: tasks.into_iter().map(|task| (task.id, task)).collect(),
        messages: messages.into_iter().map(|message| (message.id, message)).collect(),
        logs,
        agents: store.agents().unwrap().into_iter().map(|agent| (agent.role, agent)).collect(),
        incidents: incidents.into_iter().map(|incident| (incident.fingerprint.clone(), incident)).collect(),
        cursors: cursor.into_iter().map(|cursor| ("app.log".to_owned(), cursor)).collect(),
        pauses: store.pauses().unwrap().into_iter().map(|pause| (pause.role, pause)).collect(),
        // What runs is counted by each of the two for itself.
        limits: store
            .limits()
            .unwrap()
            .into_iter()
            .map(|limit| (limit.scope.clone(), Limit { running: 0, ..limit }))
            .collect(),
        signals: store.signals().unwrap().into_iter().map(|row| (row.name.clone(), row)).collect(),
        awaits: store.awaits().unwrap().into_iter().map(|row| (row.task, row.signal)).collect(),
        schedules: store.schedules().unwrap().into_iter().map(|row| (row.name.clone(), row)).collect(),
        events: store.events(0, 100_000).unwrap(),
        traffic: traffic.map(|row| ((row.bucket, row.source.clone()), row)).collect(),
        ..Memory::default()
    }
}

fn steps(store: &dyn Store, task: TaskId) -> BTreeMap<(TaskId, String), LeaseToken> {
    let steps = store.steps(task).unwrap().into_iter();
    let step = |step: groundcrew_core::step::Step| {
        assert_eq!(step.value, Some(json!({ "by": step.token })));
        ((step.task, step.name), step.token)
    };
    steps.map(step).collect()
}

fn runs(store: &dyn Store, task: TaskId) -> BTreeMap<(TaskId, LeaseToken), Run> {
    let attempts = store.attempts(task).unwrap().into_iter();
    let run = |attempt: groundcrew_store::Attempt| {
        let ended = attempt.ended_at.zip(attempt.outcome).map(|(at, outcome)| (at, outcome, attempt.error));
        ((attempt.task, attempt.token), Run { worker: attempt.worker, started: attempt.started_at, ended })
    };
    attempts.map(run).collect()
}

/// What the rows of the roles have in common in both stores: a fraction may lose its last bit on its way through text,
/// and a fresh database says when it was made.
fn comparable(mut agent: AgentState, made: Option<Timestamp>) -> AgentState {
    if let Some(rate) = agent.metrics.get("success_rate").and_then(Value::as_f64) {
        agent.metrics.insert("success_rate".to_owned(), json!(format!("{rate:.9}")));
    }
    agent.last_active = agent.last_active.filter(|at| Some(*at) != made);
    agent
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) })]

    #[test]
    fn sqlite_and_a_store_in_memory_end_up_with_the_same_rows(tries in prop::collection::vec(attempt(), 1..60)) {
        let folder = tempfile::tempdir()?;
        let store = open(&format!("sqlite:{}", folder.path().join("crew.db").display()), Options::default())?;
        prop_assert_eq!(store.add_project("a", "/a", &json!({}))?, PROJECT);
        let made = store.agents()?[0].last_active;
        let mut memory = Memory::default();
        for attempt in tries {
            let Some(command) = attempt.command(&memory) else { continue };
            same_answer(store.as_ref(), &mut memory, &command)?;
        }
        let mut found = rows(store.as_ref());
        for agent in store.agents()? {
            let wanted = comparable(memory.agent(agent.role), None);
            prop_assert_eq!(comparable(agent, made), wanted);
        }
        for incident in memory.incidents.values() {
            let wanted: Vec<(Timestamp, u64)> = memory.buckets_of(incident.id).into_iter().collect();
            prop_assert_eq!(store.incident_buckets(incident.id, Timestamp::UNIX_EPOCH)?, wanted);
        }
        (found.agents, found.buckets, found.used, found.own) =
            (memory.agents.clone(), memory.buckets.clone(), memory.used.clone(), memory.own.clone());
        prop_assert_eq!(found, memory);
        prop_assert_eq!(store.check()?, vec![], "and nothing contradicts itself");
    }
}

/// Both accept the command, with the same keys and roles to wake, or both refuse it for the same reason.
fn same_answer(store: &dyn Store, memory: &mut Memory, command: &Command) -> Result<(), TestCaseError> {
    let before = (memory.tasks.len(), memory.messages.len());
    match store.execute(command.clone()) {
        Ok(receipt) => {
            let plan = memory
                .execute(command, receipt.now)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&receipt.wake, &plan.wake);
            let added = (memory.tasks.len() - before.0, memory.messages.len() - before.1);
            prop_assert_eq!((receipt.inserted.len(), receipt.messages.len()), added);
            let task = receipt.task.as_ref().and_then(|task| memory.tasks.get(&task.id));
            prop_assert_eq!(receipt.task.as_ref(), task);
        }
        Err(StoreError::Refused(refusal)) => {
            let said: Option<Refusal> = memory.execute(command, Timestamp::now()).err();
            prop_assert_eq!(Some(refusal), said);
        }
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    }
    Ok(())
}
