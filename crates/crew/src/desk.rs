//! Where an agent writes down what it does while it works: every file read, every command run, every step.
//!
//! All of it goes through the task's lease token, so that a worker that lost its lease writes nothing more; the first
//! refused write also cancels what the worker is still running.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use groundcrew_core::audit::{Act, Recorder};
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::log::NewLog;
use groundcrew_core::task::{LeaseToken, TaskId};
use groundcrew_logs::Redactor;
use groundcrew_store::{Store, StoreError};
use groundcrew_workbench::CancelToken;
use serde_json::{Value, json};

/// Acts that may wait for the next write.
const MOST_WAITING: usize = 64;

/// The notebook of one run.
pub struct Desk {
    store: Arc<dyn Store>,
    task: TaskId,
    token: LeaseToken,
    redactor: Redactor,
    cancel: CancelToken,
    began: Instant,
    waiting: Mutex<Vec<NewLog>>,
}

impl Desk {
    /// The notebook of a run that holds this token.
    pub fn new(
        store: Arc<dyn Store>,
        task: TaskId,
        token: LeaseToken,
        redactor: Redactor,
        cancel: CancelToken,
    ) -> Self {
        Self { store, task, token, redactor, cancel, began: Instant::now(), waiting: Mutex::new(Vec::new()) }
    }

    /// Takes out secrets and what the settings of the task's project name besides.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Tells what the agent does now, in one sentence that people see at once.
    pub fn step(&self, text: impl AsRef<str>) {
        self.note(NewLog::info(text.as_ref(), json!({ "step": true })));
        self.flush();
    }

    /// Tells something with data.
    pub fn step_with(&self, text: impl AsRef<str>, data: Value) {
        let mut data = data;
        data["step"] = json!(true);
        self.note(NewLog::info(text.as_ref(), data));
        self.flush();
    }

    /// Writes down what a check came to, under a name by which a result refers to it.
    pub fn check(&self, name: &str, text: &str) {
        self.note(NewLog::info(text, json!({ "check": name })));
        self.flush();
    }

    /// The switch that ends what the agent runs.
    pub fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// Milliseconds since the run began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What was not written yet, for the settlement.
    pub fn take(&self) -> Vec<NewLog> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, mut log: NewLog) -> usize {
        log.message = self.redactor.redact(&log.message).text;
        redact_value(&self.redactor, &mut log.data);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(log);
        waiting.len()
    }

    fn flush(&self) {
        let logs = self.take();
        if logs.is_empty() {
            return;
        }
        let command =
            Command::Note { task: self.task, token: self.token, logs: logs.clone(), messages: Vec::new() };
        match self.store.execute(command) {
            Ok(_) => {}
            Err(StoreError::Refused(Refusal::StaleLease { .. })) => self.cancel.cancel(),
            // Kept for the next write: a busy database must not lose the record of what was done.
            Err(_) => {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.splice(0..0, logs);
            }
        }
    }
}

impl Recorder for Desk {
    fn record(&self, act: Act) {
        if self.note(NewLog::act(&act)) >= MOST_WAITING {
            self.flush();
        }
    }
}

/// Takes secrets out of every text of a JSON value.
pub fn redact_value(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => {
            let redacted = redactor.redact(text);
            if redacted.count > 0 {
                *text = redacted.text;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_value(redactor, item)),
        Value::Object(fields) => fields.values_mut().for_each(|field| redact_value(redactor, field)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
