//! Where an agent writes down what it does while it works: every file read, every command run, every step.
//!
//! All of it goes through the task's lease token, so that a worker that lost its lease writes nothing more; the first
//! refused write also cancels what the worker is still running.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_core::audit::{Act, Recorder};
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::log::NewLog;
use groundcrew_core::task::{LeaseToken, TaskId};
use groundcrew_logs::Redactor;
use groundcrew_store::{Store, StoreError};
use groundcrew_workbench::CancelToken;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::agent::{Trouble, redact_told};

/// Acts that may wait for the next write.
const MOST_WAITING: usize = 64;
/// How long a step is tried to be recorded while the database is busy.
const RECORD_PATIENCE: Duration = Duration::from_secs(60);

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

    /// What a step of the task came to: worked out now and recorded, or recorded by an earlier run, which then is not
    /// repeated. What is given is what is recorded, with the secrets taken out, so that every run goes on from the same.
    ///
    /// The name says what the step works on, too, where that may be something else in the next run.
    ///
    /// # Errors
    /// What `work` fails with; a step that cannot be read any more, by its name; a lease that is lost.
    pub fn once<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        match self.recorded(name)? {
            Some(known) => Ok(known),
            None => self.keep(name, &work()?),
        }
    }

    /// What a step came to in an earlier run, if one recorded it.
    ///
    /// # Errors
    /// As [`Desk::once`].
    pub fn recorded<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Trouble> {
        let steps = self.store.steps(self.task)?;
        let Some(step) = steps.into_iter().find(|step| step.name == name) else { return Ok(None) };
        let value = step.value.ok_or_else(|| self.unreadable(name, "it is no JSON"))?;
        self.step(format!("goes on from what run {} recorded: {name}", step.token));
        self.read(name, value).map(Some)
    }

    /// Records what a step came to; gives it as every later run finds it.
    ///
    /// # Errors
    /// As [`Desk::once`]; a name that the task has used already.
    pub fn keep<T: Serialize + DeserializeOwned>(&self, name: &str, value: &T) -> Result<T, Trouble> {
        let mut value = serde_json::to_value(value).map_err(|error| Trouble::Machine(error.to_string()))?;
        redact_told(&self.redactor, &mut value);
        let command = Command::RecordStep {
            task: self.task,
            token: self.token,
            name: name.to_owned(),
            value: value.clone(),
        };
        let began = Instant::now();
        loop {
            match self.store.execute(command.clone()) {
                Ok(_) => return self.read(name, value),
                Err(StoreError::Refused(Refusal::StaleLease { .. })) => {
                    self.cancel.cancel();
                    return Err(Trouble::Stopped);
                }
                // What was worked out is worth a wait.
                Err(StoreError::Busy { .. }) if began.elapsed() < RECORD_PATIENCE => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read<T: DeserializeOwned>(&self, name: &str, value: Value) -> Result<T, Trouble> {
        serde_json::from_value(value).map_err(|error| self.unreadable(name, &error.to_string()))
    }

    fn unreadable(&self, name: &str, why: &str) -> Trouble {
        let task = self.task;
        let text =
            format!("step {name:?} of task {task} cannot be read any more: {why}; create the task anew");
        Trouble::refused("unreadable_step", text)
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

#[cfg(test)]
mod tests {
    use groundcrew_core::lifecycle::{Outcome, Settlement};
    use groundcrew_core::role::{Party, Role};
    use groundcrew_core::task::{NewTask, Task};
    use groundcrew_store::Options;
    use jiff::SignedDuration;

    use super::*;

    struct Bench {
        store: Arc<dyn Store>,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}", folder.path().join("crew.db").display());
            let store = groundcrew_store::open(&url, Options::default()).unwrap();
            let task = NewTask::new("work", Role::Qa, Party::User, Value::Null);
            store.enqueue(vec![task]).unwrap();
            Self { store, _folder: folder }
        }

        fn claim(&self) -> Task {
            let lease = SignedDuration::from_secs(60);
            self.store.claim(Role::Qa, None, "worker", lease).unwrap().unwrap()
        }

        fn desk(&self, task: &Task) -> Desk {
            let store = Arc::clone(&self.store);
            Desk::new(store, task.id, task.lease_token, Redactor::new(&[7; 32]), CancelToken::new())
        }

        fn release(&self, task: &Task) {
            let end = Settlement::new(task.id, task.lease_token, Outcome::Release);
            self.store.execute(Command::Settle(Box::new(end))).unwrap();
        }
    }

    fn said(trouble: Trouble) -> (String, Option<String>) {
        let Outcome::Fail { error, refusal } = trouble.outcome() else { panic!("it is refused") };
        (error, refusal)
    }

    #[test]
    fn a_step_is_done_once_and_every_run_goes_on_from_the_same() {
        let bench = Bench::new();
        let first = bench.claim();
        let secret = "password=Tulip-4471-example".to_owned();
        let given: String = bench.desk(&first).once("search", || Ok(secret)).unwrap();
        assert!(!given.contains("Tulip"), "{given}");
        bench.release(&first);
        let again = bench.claim();
        let known: String = bench.desk(&again).once("search", || panic!("it is done")).unwrap();
        assert_eq!(known, given);
    }

    #[test]
    fn a_step_that_fails_is_not_recorded() {
        let bench = Bench::new();
        let task = bench.claim();
        let desk = bench.desk(&task);
        assert!(desk.once::<u32>("search", || Err(Trouble::Machine("no".to_owned()))).is_err());
        assert_eq!(desk.once("search", || Ok(4)).unwrap(), 4);
        assert_eq!(bench.store.steps(task.id).unwrap().len(), 1);
    }

    #[test]
    fn a_worker_that_lost_its_lease_records_no_step_and_stops() {
        let bench = Bench::new();
        let lost = bench.claim();
        bench.release(&lost);
        let held = bench.claim();
        let desk = bench.desk(&lost);
        assert!(matches!(desk.once("search", || Ok(1)), Err(Trouble::Stopped)));
        assert!(desk.cancel().is_cancelled());
        assert_eq!(bench.store.steps(held.id).unwrap(), []);
    }

    #[test]
    fn a_step_of_another_form_is_an_error_that_names_it() {
        let bench = Bench::new();
        let task = bench.claim();
        let desk = bench.desk(&task);
        desk.once("search", || Ok("text".to_owned())).unwrap();
        let (error, code) = said(desk.once::<u32>("search", || Ok(1)).unwrap_err());
        assert_eq!(code.as_deref(), Some("unreadable_step"));
        assert!(
            error.starts_with("step \"search\" of task 1 cannot be read any more: invalid type"),
            "{error}"
        );
    }
}
