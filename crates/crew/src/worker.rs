//! A worker: claims a task of its role, lets the agent do it, settles. One thread each.
//!
//! Whatever the agent does, the run ends in exactly one settlement, or in none if the lease was lost; then somebody
//! else has the task already and nothing of this run counts.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::lifecycle::{Command, Outcome, Refusal, Settlement};
use groundcrew_core::role::Role;
use groundcrew_core::task::{LeaseToken, Task, TaskId};
use groundcrew_logs::Redactor;
use groundcrew_store::{Store, StoreError};
use groundcrew_workbench::CancelToken;
use jiff::SignedDuration;

use crate::agent::{Agent, Ending, Job, Trouble};
use crate::agents::{agent, cannot_judge};
use crate::brain::Brain;
use crate::desk::Desk;
use crate::scratch::{clear, run_folder};
use crate::site::Site;
use crate::tools::Tools;

/// How long a settlement is tried while the database is busy.
const SETTLE_PATIENCE: Duration = Duration::from_secs(60);

/// Runs under way in this process, so that their leases can be renewed and their work ended.
#[derive(Default)]
pub struct Running(Mutex<BTreeMap<(TaskId, LeaseToken), CancelToken>>);

impl Running {
    /// Notes that a run has begun.
    pub fn begin(&self, task: &Task, cancel: &CancelToken) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert((task.id, task.lease_token), cancel.clone());
    }

    /// Notes that a run has ended.
    pub fn end(&self, task: &Task) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(task.id, task.lease_token));
    }

    /// Renews all leases; a run whose lease is gone is ended.
    pub fn renew(&self, store: &dyn Store, lease: SignedDuration) {
        let held: Vec<_> = {
            let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            running.iter().map(|(key, cancel)| (*key, cancel.clone())).collect()
        };
        for ((task, token), cancel) in held {
            let renewed = store.execute(Command::Heartbeat { task, token, lease });
            if let Err(StoreError::Refused(Refusal::StaleLease { .. })) = renewed {
                cancel.cancel();
            }
        }
    }

    /// Ends all runs, which then give their tasks back.
    pub(crate) fn cancel_all(&self) {
        for cancel in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            cancel.cancel();
        }
    }

    /// Whether nothing runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// What all workers share.
pub(crate) struct Floor {
    pub(crate) tools: Tools,
    pub(crate) brain: Box<dyn Brain>,
    pub(crate) lease: SignedDuration,
    pub(crate) running: Running,
    pub(crate) trouble: Troubles,
}

/// What keeps the crew from its work, so that somebody can be told: of each thread the cause, and what it
/// says of it.
#[derive(Default)]
pub(crate) struct Troubles(Mutex<BTreeMap<String, (String, String)>>);

impl Troubles {
    /// Notes how the latest try of one of the crew's threads went.
    pub(crate) fn note<T>(&self, thread: &str, tried: &Result<T, StoreError>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tried {
            Ok(_) => known.remove(thread),
            Err(error) => known.insert(thread.to_owned(), (error.cause(), error.to_string())),
        };
    }

    /// What is wrong now, by its cause, each with what one of the threads says of it.
    pub(crate) fn now(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Floor {
    /// Claims and works a named task.
    ///
    /// # Errors
    /// The database cannot be used, or the task cannot be claimed.
    pub(crate) fn work_named(&self, task: TaskId, role: Role, worker: &str) -> Result<(), StoreError> {
        let claimed = self.tools.store.claim(role, Some(task), worker, self.lease)?;
        claimed.map_or(Ok(()), |task| self.work(&task, &|| None).map(drop))
    }

    /// Works a claimed task to its settlement. `next` names the worker that wants the next task of the role, if one still does
    /// when this one ends: it is claimed in the same transaction, and given.
    pub(crate) fn work(
        &self,
        task: &Task,
        next: &dyn Fn() -> Option<String>,
    ) -> Result<Option<Task>, StoreError> {
        let cancel = CancelToken::new();
        self.running.begin(task, &cancel);
        let store = Arc::clone(&self.tools.store);
        let site = self.site(task);
        // Unreadable settings name nothing, and the tasks of their project wait for them.
        let redactor =
            site.as_ref().map_or_else(|_| self.tools.redactor.clone(), |(_, redactor)| redactor.clone());
        let desk = Arc::new(Desk::new(store, task.id, task.lease_token, redactor, cancel));
        let site = site.as_ref().map(|(site, _)| site.as_ref()).map_err(String::as_str);
        let settlement = self.run(task, &desk, site);
        let goes_on = settlement.as_ref().is_ok_and(|settlement| !settlement.hand_offs.is_empty());
        let settled =
            settlement.and_then(|settlement| self.settle(&settlement, task.assigned_to, next().as_deref()));
        self.running.end(task);
        clear(&run_folder(&self.tools.work_folder, task.id, task.lease_token));
        let has_next = settled.as_ref().is_ok_and(Option::is_some);
        if !goes_on && !has_next && self.running.is_empty() {
            // Nobody else is told that the crew has nothing to do any more, and somebody may wait for that.
            self.tools.store.wake();
        }
        settled
    }

    fn run(
        &self,
        task: &Task,
        desk: &Arc<Desk>,
        site: Result<Option<&Site>, &str>,
    ) -> Result<Settlement, StoreError> {
        let answers = self.tools.store.answers_of(task.id)?;
        let agent = agent(task.assigned_to);
        let now = task.lease.as_ref().map_or(task.created_at, |lease| lease.since);
        let worked = if agent.task_types().contains(&task.task_type.as_str()) {
            let brain = self.brain.as_ref();
            let job = Job::new(task, now, &answers, desk, brain, &self.tools, site);
            // A panic is a defect of an agent; it must cost a retry of this task and not the worker.
            catch_unwind(AssertUnwindSafe(|| agent.work(&job)))
                .unwrap_or_else(|panic| Err(Trouble::Machine(panic_text(panic.as_ref()))))
        } else if task.task_type == ANSWER_QUESTION {
            Err(cannot_judge(task))
        } else {
            Err(unknown_type(task, agent))
        };
        Ok(self.settlement(task, desk, worked))
    }

    /// The task's project, and what takes secrets out of its texts.
    fn site(&self, task: &Task) -> Result<(Option<Site>, Redactor), String> {
        let none = || (None, self.tools.redactor.clone());
        let Some(id) = task.project else { return Ok(none()) };
        let project = self.tools.store.project(id).map_err(|error| error.to_string())?;
        let Some(project) = project else { return Ok(none()) };
        let site = Site::open(&project, &self.tools.trust).map_err(|error| error.to_string())?;
        let redactor = self.tools.redactor_of(&site.config.logs).map_err(|error| error.to_string())?;
        Ok((Some(site), redactor))
    }

    fn settlement(&self, task: &Task, desk: &Desk, worked: Result<Ending, Trouble>) -> Settlement {
        let stopped = desk.cancel().is_cancelled();
        let ending = match worked {
            Ok(ending) => ending,
            Err(_) if stopped => Ending::troubled(Trouble::Stopped, desk.elapsed_ms()),
            Err(trouble) => Ending::troubled(trouble, desk.elapsed_ms()),
        }
        .redacted(desk.redactor());
        let mut logs = desk.take();
        if let Some(entry) = ending.trouble_log(desk.redactor()) {
            logs.push(entry);
        }
        Settlement {
            task: task.id,
            token: task.lease_token,
            outcome: ending.outcome,
            logs,
            messages: ending.messages,
            hand_offs: ending.hand_offs,
            sightings: ending.sightings,
            hidden: ending.hidden,
            cursors: ending.cursors,
            incident: ending.incident,
            incidents: ending.incidents,
            traffic: ending.traffic,
            releases: ending.releases,
            mined: ending.mined,
            noticed: ending.noticed,
            answer: ending.answer,
            signals: ending.signals,
            cost: ending.cost,
        }
    }

    /// A lost lease is no error: somebody else has the task. A busy database is waited for.
    fn settle(
        &self,
        settlement: &Settlement,
        role: Role,
        next: Option<&str>,
    ) -> Result<Option<Task>, StoreError> {
        let began = Instant::now();
        loop {
            match self.end(settlement.clone(), role, next) {
                Err(StoreError::Busy { .. }) if began.elapsed() < SETTLE_PATIENCE => {}
                ended => return ended,
            }
        }
    }

    fn end(
        &self,
        settlement: Settlement,
        role: Role,
        next: Option<&str>,
    ) -> Result<Option<Task>, StoreError> {
        let store = self.tools.store.as_ref();
        let (settled, claimed) = match next {
            Some(worker) => store.settle_and_claim(settlement, worker, self.lease, role)?,
            None => (store.execute(Command::Settle(Box::new(settlement))), None),
        };
        match (settled, claimed) {
            (Ok(_) | Err(StoreError::Refused(Refusal::StaleLease { .. })), claimed) => Ok(claimed),
            (Err(error), None) => Err(error),
            (Err(error), Some(task)) => {
                // What went wrong comes first; the next task is somebody's to claim again.
                self.give_back(&task)?;
                Err(error)
            }
        }
    }

    /// Puts a task back into the queue that was claimed and not begun.
    pub(crate) fn give_back(&self, task: &Task) -> Result<(), StoreError> {
        let release = Settlement::new(task.id, task.lease_token, Outcome::Release);
        self.settle(&release, task.assigned_to, None).map(drop)
    }
}

fn unknown_type(task: &Task, agent: &dyn Agent) -> Trouble {
    Trouble::refused(
        "unknown_task_type",
        format!(
            "the {} does not handle {:?}; it handles: {}",
            task.assigned_to,
            task.task_type,
            agent.task_types().join(", ")
        ),
    )
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no text".into());
    format!("the agent panicked: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_threads_come_upon_is_one_trouble_until_all_of_them_go_on() {
        let full = || Err::<(), _>(StoreError::Full { path: "a.db".into() });
        let troubles = Troubles::default();
        troubles.note("triage-1", &full());
        troubles.note("qa-1", &full());
        assert_eq!(troubles.now().into_values().collect::<Vec<_>>(), [full().unwrap_err().to_string()]);
        troubles.note("qa-1", &Ok(()));
        assert_eq!(troubles.now().len(), 1);
        troubles.note("triage-1", &Ok(()));
        assert!(troubles.now().is_empty());
    }
}
