//! What an agent is: it takes a job and returns how the job ended. It never writes to the queue itself.

use std::sync::Arc;

use groundcrew_core::agent::Cost;
use groundcrew_core::contract::{BadContext, BrainId, Common, Reason, read_context};
use groundcrew_core::incident::{IncidentChange, ReleaseCount, Sighting, Traffic};
use groundcrew_core::lifecycle::Outcome;
use groundcrew_core::log::{LogLevel, NewLog};
use groundcrew_core::message::{Ask, Given, Message, NewMessage};
use groundcrew_core::role::Role;
use groundcrew_core::task::{BlockedOn, IncidentId, NewTask, Task};
use groundcrew_core::template::{Mined, Noticed};
use groundcrew_logs::Redactor;
use groundcrew_repair::RepairError;
use groundcrew_store::StoreError;
use groundcrew_workbench::git::GitError;
use groundcrew_workbench::sandbox::SandboxError;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::brain::Brain;
use crate::desk::{Desk, redact_value};
use crate::site::Site;
use crate::tools::Tools;

/// The choice by which a person takes an incident out of the crew's hands.
pub const HAND_OVER: &str = "hand_over";

/// One of the six.
pub trait Agent: Send + Sync {
    /// Its role.
    fn role(&self) -> Role;

    /// The task types it handles.
    fn task_types(&self) -> &'static [&'static str];

    /// Does one job.
    ///
    /// # Errors
    /// [`Trouble`] says whether the job is to be tried again, refused, or given back.
    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble>;
}

/// A task with everything its agent may use.
pub struct Job<'a> {
    /// The task.
    pub task: &'a Task,
    /// When its run began, by the database's clock.
    pub now: Timestamp,
    /// Answers that people and agents gave to its questions, oldest first.
    pub answers: &'a [Message],
    /// Where the agent writes down what it does.
    pub desk: &'a Arc<Desk>,
    /// What it thinks with.
    pub brain: &'a dyn Brain,
    /// The crew's tools.
    pub tools: &'a Tools,
    site: Result<Option<&'a Site>, &'a str>,
}

impl<'a> Job<'a> {
    /// A job of a task, in its project where it has one, or with the reason why the project cannot be worked on.
    pub fn new(
        task: &'a Task,
        now: Timestamp,
        answers: &'a [Message],
        desk: &'a Arc<Desk>,
        brain: &'a dyn Brain,
        tools: &'a Tools,
        site: Result<Option<&'a Site>, &'a str>,
    ) -> Self {
        Self { task, now, answers, desk, brain, tools, site }
    }

    /// Takes out secrets and what the settings of the project name besides.
    pub fn redactor(&self) -> &'a Redactor {
        self.desk.redactor()
    }

    /// The project, as the crew works on it.
    ///
    /// # Errors
    /// A task that belongs to no project is refused; one whose project has unreadable settings waits for them.
    pub fn site(&self) -> Result<&'a Site, Trouble> {
        let site = self.site.map_err(|reason| Trouble::Environment(reason.to_owned()))?;
        site.ok_or_else(|| {
            Trouble::refused(
                "no_project",
                "no project is registered; run `groundcrew init` in its repository",
            )
        })
    }

    /// The ref under which a commit of this run is kept.
    pub fn kept_ref(&self, what: &str) -> String {
        let task = self.task;
        format!("{}task-{}-{}/{what}", self.tools.kept_refs(), task.id, task.lease_token)
    }

    /// The task's context.
    ///
    /// # Errors
    /// A context of the wrong form fails the task for good.
    pub fn context<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        read_context(&self.task.task_type, &self.task.context).map_err(Trouble::Context)
    }

    /// The choice of the latest answer to a question of this task.
    pub fn choice(&self) -> Option<&'a str> {
        self.answers.last().and_then(Message::choice)
    }

    /// What every result carries.
    pub fn common(&self, outcome: &str, confidence: f64, reasons: Vec<Reason>) -> Common {
        Common { outcome: outcome.to_owned(), confidence, reasons, cost: self.cost(), brain: self.brain_id() }
    }

    /// What the job has used so far.
    pub fn cost(&self) -> Cost {
        Cost { wall_ms: self.desk.elapsed_ms(), ..Cost::default() }
    }

    fn brain_id(&self) -> BrainId {
        self.brain.id()
    }
}

/// How a job ended in good order, with everything that follows from it.
#[derive(Debug)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// Tasks for the next roles.
    pub hand_offs: Vec<NewTask>,
    /// Errors met in a log.
    pub sightings: Vec<Sighting>,
    /// What rules of the user's hid.
    pub hidden: Vec<groundcrew_core::incident::Hidden>,
    /// How far sources have been read.
    pub cursors: Vec<(String, Value)>,
    /// What was learned about the incident.
    pub incident: IncidentChange,
    /// What was learned about other incidents of the project.
    pub incidents: Vec<(IncidentId, IncidentChange)>,
    /// What log sources wrote.
    pub traffic: Vec<Traffic>,
    /// Releases that the records of log sources name, with the records of each.
    pub releases: Vec<ReleaseCount>,
    /// What was learned about the kinds of lines of log sources.
    pub mined: Vec<Mined>,
    /// Kinds of lines that somebody is told about.
    pub noticed: Vec<Noticed>,
    /// Messages to others.
    pub messages: Vec<NewMessage>,
    /// The answer, for a task that another role's question made.
    pub answer: Option<Given>,
    /// Signals to emit, with what they bring.
    pub signals: Vec<(String, Value)>,
    /// What it used.
    pub cost: Cost,
}

impl Ending {
    /// Done, with a result.
    ///
    /// # Errors
    /// A result that is no JSON, which a result struct of this crate cannot be.
    pub fn complete<T: Serialize>(result: &T, cost: Cost) -> Result<Self, Trouble> {
        let result = serde_json::to_value(result).map_err(|error| Trouble::Machine(error.to_string()))?;
        Ok(Self::of(Outcome::Complete { result }, cost))
    }

    /// Waiting for an answer.
    pub fn ask(on: BlockedOn, ask: Ask, cost: Cost) -> Self {
        Self::of(Outcome::Block { on, ask: Some(ask) }, cost)
    }

    /// Not yet: the task runs again when this signal was emitted, or at the given moment without it. The next run finds what it
    /// brought in [`Store::signal`](groundcrew_store::Store::signal).
    pub fn wait_for(signal: &str, until: Option<Timestamp>, cost: Cost) -> Self {
        Self::of(Outcome::Await { signal: signal.to_owned(), until }, cost)
    }

    fn of(outcome: Outcome, cost: Cost) -> Self {
        Self {
            outcome,
            hand_offs: Vec::new(),
            sightings: Vec::new(),
            hidden: Vec::new(),
            cursors: Vec::new(),
            incident: IncidentChange::default(),
            incidents: Vec::new(),
            traffic: Vec::new(),
            releases: Vec::new(),
            mined: Vec::new(),
            noticed: Vec::new(),
            messages: Vec::new(),
            answer: None,
            signals: Vec::new(),
            cost,
        }
    }

    /// The end of a run that did not end in good order.
    pub(crate) fn troubled(trouble: Trouble, wall_ms: u64) -> Self {
        Self::of(trouble.outcome(), Cost { wall_ms, ..Cost::default() })
    }

    /// The audit entry of a run that failed or waits, secrets taken out.
    pub(crate) fn trouble_log(&self, redactor: &Redactor) -> Option<NewLog> {
        let (level, text) = match &self.outcome {
            Outcome::Complete { .. } | Outcome::Release => return None,
            Outcome::Await { signal, .. } => (LogLevel::Info, format!("waits for signal {signal}")),
            Outcome::Retry { error } => (LogLevel::Warn, format!("will be tried again: {error}")),
            Outcome::Fail { error, .. } => (LogLevel::Error, format!("failed: {error}")),
            Outcome::Block { on, ask } => {
                let question = ask.as_ref().map_or("", |ask| ask.question.as_str());
                (LogLevel::Info, format!("waits for {on}: {question}"))
            }
        };
        let message = redactor.redact(&text).text;
        Some(NewLog { level, message, data: serde_json::json!({ "step": true }) })
    }

    /// The same ending with the secrets taken out of every text that is stored, but for what is to be executed as it is.
    #[must_use]
    pub(crate) fn redacted(mut self, redactor: &Redactor) -> Self {
        let text = |text: &mut String| *text = redactor.redact(text).text;
        match &mut self.outcome {
            Outcome::Complete { result } => redact_told(redactor, result),
            Outcome::Retry { error } | Outcome::Fail { error, .. } => text(error),
            Outcome::Block { ask, .. } => {
                if let Some(ask) = ask {
                    text(&mut ask.question);
                }
            }
            Outcome::Await { .. } | Outcome::Release => {}
        }
        for next in &mut self.hand_offs {
            redact_told(redactor, &mut next.context);
        }
        for (_, payload) in &mut self.signals {
            redact_told(redactor, payload);
        }
        for message in &mut self.messages {
            text(&mut message.content);
            redact_value(redactor, &mut message.metadata);
        }
        let others = self.incidents.iter_mut().map(|(_, change)| change);
        for reason in others.chain([&mut self.incident]).filter_map(|change| change.reason.as_mut()) {
            text(reason);
        }
        if let Some(comment) = self.answer.as_mut().and_then(|answer| answer.comment.as_mut()) {
            text(comment);
        }
        self
    }

    /// Whether it ended with a result.
    pub fn is_complete(&self) -> bool {
        matches!(self.outcome, Outcome::Complete { .. })
    }

    /// Adds a task for the next role.
    #[must_use]
    pub fn then(mut self, next: NewTask) -> Self {
        self.hand_offs.push(next);
        self
    }

    /// Says what was learned about the incident.
    #[must_use]
    pub fn incident(mut self, change: IncidentChange) -> Self {
        self.incident = change;
        self
    }

    /// Answers the question of another role, for which the task was made.
    #[must_use]
    pub fn answering(mut self, answer: Given) -> Self {
        self.answer = Some(answer);
        self
    }

    /// Emits a signal with the end, if it is one with a result.
    #[must_use]
    pub fn emit(mut self, signal: &str, payload: Value) -> Self {
        self.signals.push((signal.to_owned(), payload));
        self
    }

    /// Adds a message.
    #[must_use]
    pub fn tell(mut self, message: NewMessage) -> Self {
        self.messages.push(message);
        self
    }
}

/// Fields of a context or result whose text is executed: with a text taken out it would be another reproduction or test.
const EXECUTED: [&str; 2] = ["script", "regression_test"];

/// Takes secrets out of every text of a context or result that is there to be read.
pub(crate) fn redact_told(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| redact_told(redactor, item)),
        Value::Object(fields) => fields
            .iter_mut()
            .filter(|(name, _)| !EXECUTED.contains(&name.as_str()))
            .for_each(|(_, field)| redact_told(redactor, field)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => redact_value(redactor, value),
    }
}

/// Why a job did not end in good order.
#[derive(Debug)]
pub enum Trouble {
    /// The context has the wrong form: fails for good.
    Context(BadContext),
    /// Must not be done by anybody: fails for good.
    Refused {
        /// Stable word for programs.
        code: &'static str,
        /// Sentence for people.
        text: String,
    },
    /// The machine or the configuration lacks something that a person can mend: blocked until they say so.
    Environment(String),
    /// Only a person can say how to go on: blocked until they do.
    Ask {
        /// What it waits for.
        on: BlockedOn,
        /// The question.
        ask: Box<Ask>,
    },
    /// The machine misbehaved: tried again.
    Machine(String),
    /// The crew stops or the lease is gone.
    Stopped,
}

impl Trouble {
    /// A refusal.
    pub fn refused(code: &'static str, text: impl Into<String>) -> Self {
        Self::Refused { code, text: text.into() }
    }

    /// As the settlement of the run.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Context(bad) => {
                Outcome::Fail { error: bad.to_string(), refusal: Some("bad_context".into()) }
            }
            Self::Refused { code, text } => Outcome::Fail { error: text, refusal: Some(code.into()) },
            Self::Environment(lack) => {
                let ask = Ask::new(
                    format!("{lack}. Is it mended?"),
                    &[("retry", "Yes, try again"), (HAND_OVER, "Leave this error to me")],
                );
                Outcome::Block { on: BlockedOn::Environment, ask: Some(ask) }
            }
            Self::Ask { on, ask } => Outcome::Block { on, ask: Some(*ask) },
            Self::Machine(error) => Outcome::Retry { error },
            Self::Stopped => Outcome::Release,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Machine(error.to_string())
    }
}

impl From<GitError> for Trouble {
    fn from(error: GitError) -> Self {
        // No number of tries makes a repository of a folder that is none.
        let mendable = matches!(
            error,
            GitError::NoFolder(_)
                | GitError::NotARepository(_)
                | GitError::Bare(_)
                | GitError::BrokenGitFile { .. }
                | GitError::NoGit
                | GitError::TooOld { .. }
                | GitError::NoCommits(_)
        );
        if mendable { Self::Environment(error.to_string()) } else { Self::Machine(error.to_string()) }
    }
}

impl From<RepairError> for Trouble {
    fn from(error: RepairError) -> Self {
        if let RepairError::Sandbox(error) = error {
            return error.into();
        }
        if matches!(error, RepairError::Cancelled) { Self::Stopped } else { Self::Machine(error.to_string()) }
    }
}

impl From<SandboxError> for Trouble {
    fn from(error: SandboxError) -> Self {
        if let SandboxError::Start { program, reason, .. } = &error
            && is_absent(program, reason)
        {
            // No number of tries brings a program that is not there.
            return Self::Environment(format!(
                "{program} {NOT_STARTED}: there is no such program, or it may not be run; install it, or name another command \
                 under [test] command"
            ));
        }
        Self::Machine(error.to_string())
    }
}

/// What is said of a program that a sandbox does not find.
pub const NOT_STARTED: &str = "cannot be started in the sandbox";

fn is_absent(program: &str, reason: &str) -> bool {
    let named = reason.contains(&format!("execvp {program}:"))
        || reason.contains(&format!("cannot start {program}:"));
    named && (reason.contains("No such file or directory") || reason.contains("Permission denied"))
}

#[cfg(test)]
mod tests {
    use groundcrew_core::contract::task_type::VERIFY_FIX;
    use groundcrew_core::role::Party;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_not_tried_again_and_everything_else_is() {
        let start = |reason: &str| {
            let level = groundcrew_workbench::sandbox::Level::Strict;
            Trouble::from(SandboxError::Start { level, program: "tox".to_owned(), reason: reason.to_owned() })
        };
        let absent = start("bwrap: execvp tox: No such file or directory (exit status: 1)");
        assert!(matches!(absent, Trouble::Environment(said) if said.starts_with("tox cannot be started")));
        assert!(matches!(start("cannot start tox: No such file or directory"), Trouble::Environment(_)));
        assert!(matches!(
            start("bwrap: Creating new namespace failed: No such file or directory"),
            Trouble::Machine(_)
        ));
    }

    const SECRET: &str = "password=Tulip-4471-example";

    #[test]
    fn no_text_of_a_settlement_holds_a_secret_and_what_is_executed_stays_as_it_is() {
        let redactor = Redactor::new(&[7; 32]);
        let context = json!({
            "dossier": { "fix": {
                "explanation": format!("swaps {SECRET:?} and x"),
                "candidates": [{ "explanation": format!("reads {SECRET}") }],
                "reproduction": { "call": format!("f({SECRET:?})"), "script": format!("f({SECRET:?})") },
            } },
        });
        let next = NewTask::new(VERIFY_FIX, Role::Qa, Party::System, context.clone());
        let ended = Ending::of(Outcome::Complete { result: context.clone() }, Cost::default()).then(next);
        let ended = ended.redacted(&redactor);
        let Outcome::Complete { result } = ended.outcome else { panic!("it completes") };
        assert_eq!(result, ended.hand_offs[0].context);
        let fix = &result["dossier"]["fix"];
        assert_eq!(fix["reproduction"]["script"], context["dossier"]["fix"]["reproduction"]["script"]);
        let told = format!("{}{}{}", fix["explanation"], fix["candidates"], fix["reproduction"]["call"]);
        assert!(!told.contains("Tulip"), "{told}");

        let failed = Ending::troubled(Trouble::Machine(format!("exited 1: {SECRET}")), 0).redacted(&redactor);
        let Outcome::Retry { error } = failed.outcome else { panic!("it is tried again") };
        assert!(!error.contains("Tulip"), "{error}");
    }
}
