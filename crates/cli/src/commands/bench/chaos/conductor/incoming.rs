//! What comes in from outside: tasks, answers of the person, and a second chance for what failed.

use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_core::task::{Status, Task};
use groundcrew_store::{StoreError, TaskFilter};
use serde_json::Value;

use super::{Conductor, NEW, OPEN};
use crate::commands::bench::chaos::work::{self, Part};
use crate::failure::Failure;

impl Conductor<'_> {
    /// New tasks, answers, and what failed since its workers were killed too often.
    pub(super) fn work_comes_in(&mut self) -> Result<(), Failure> {
        let open: u64 = self
            .store
            .counts()?
            .iter()
            .filter(|count| !count.status.is_final())
            .map(|count| count.tasks)
            .sum();
        if open < OPEN {
            let new: Vec<_> = (0..NEW).map(|n| work::root(Part::nth(self.created + n))).collect();
            self.created += NEW;
            self.picture.acknowledged.extend(self.store.enqueue(new)?);
        }
        self.answer()?;
        self.emit()?;
        self.redrive()
    }

    /// Emits what is waited for.
    pub(super) fn emit(&self) -> Result<(), Failure> {
        for wait in self.store.awaits()? {
            let emit = Command::Emit { name: wait.signal, payload: Value::Null, by: Party::User };
            self.store.execute(emit)?;
        }
        Ok(())
    }

    pub(super) fn answer(&self) -> Result<(), Failure> {
        for item in self.store.inbox()? {
            let answer = Command::Answer {
                question: item.message.id,
                by: Party::User,
                choice: "yes".to_owned(),
                comment: None,
                extra: Value::Null,
            };
            match self.store.execute(answer) {
                Ok(_) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(super) fn redrive(&self) -> Result<(), Failure> {
        let filter =
            TaskFilter { status: Some(Status::Failed), limit: Some(u32::MAX), ..TaskFilter::default() };
        let failed = self.store.tasks(&filter)?;
        // What was to answer is over: the person is asked instead.
        let wanted = |task: &&Task| Part::of(task) != Part::Refused && task.task_type != ANSWER_QUESTION;
        for task in failed.iter().filter(wanted) {
            match self.store.execute(Command::Redrive { task: task.id, by: Party::User }) {
                Ok(_) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
