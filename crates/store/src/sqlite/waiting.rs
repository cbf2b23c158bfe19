//! Workers that wait for work: their claims stay with the writing thread until there is a task for them.
//!
//! A task that appears while a worker of its role waits is claimed in the transaction that made it ready, so the worker
//! starts as soon as that is on disk, and nobody who has nothing to do is woken.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::Role;
use groundcrew_core::task::Task;
use jiff::SignedDuration;

use super::session::{Attempted, Session};
use crate::error::StoreError;
use crate::store::Receipt;

/// What a claim gives: a task, unless there is none yet, and how many changes had happened when there was none.
pub(super) type Claimed = Result<(Option<Task>, u64), StoreError>;

/// A claim whose worker waits.
pub(super) struct Claim {
    pub(super) role: Role,
    pub(super) worker: String,
    pub(super) lease: SignedDuration,
    /// Changes that had happened when the worker last looked.
    pub(super) since: u64,
    /// When it stops waiting.
    pub(super) until: Instant,
    pub(super) reply: SyncSender<Claimed>,
}

struct Waiting {
    claim: Claim,
    tried: bool,
    /// What the open transaction has for it.
    served: Option<Result<Task, StoreError>>,
}

/// All claims that wait, those that came first in front.
#[derive(Default)]
pub(super) struct Claims(VecDeque<Waiting>);

impl Claims {
    /// Lets a claim wait. It is tried at once unless its worker knows that there is nothing.
    pub(super) fn add(&mut self, claim: Claim, changes: u64) {
        let tried = claim.since == changes;
        self.0.push_back(Waiting { claim, tried, served: None });
    }

    /// Whether nobody waits.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a claim has not been tried yet.
    pub(super) fn are_new(&self) -> bool {
        self.0.iter().any(|waiting| !waiting.tried)
    }

    /// Has all claims tried again, since something changed.
    pub(super) fn try_again(&mut self) {
        for waiting in &mut self.0 {
            waiting.tried = false;
        }
    }

    /// When the first worker stops waiting.
    pub(super) fn first_end(&self) -> Option<Instant> {
        self.0.iter().map(|waiting| waiting.claim.until).min()
    }

    /// Gives ready tasks to the claims that have not been tried and to those of roles that got work; `attempt` does so for
    /// one claim. False if it could not take back what a failed claim wrote.
    pub(super) fn serve(
        &mut self,
        session: &mut Session<'_>,
        attempt: impl Fn(&mut Session<'_>, &Command) -> Result<Attempted<Receipt>, StoreError>,
    ) -> Result<bool, StoreError> {
        for waiting in &mut self.0 {
            waiting.served = None;
        }
        for &role in Role::ALL {
            let woken = session.wake.contains(&role);
            let of_role = self.0.iter_mut().filter(|waiting| waiting.claim.role == role);
            for waiting in of_role.filter(|waiting| woken || !waiting.tried) {
                match attempt(session, &waiting.claim.command())? {
                    Attempted::Spoilt => return Ok(false),
                    Attempted::Done(Ok(receipt)) => waiting.served = receipt.task.map(Ok),
                    Attempted::Done(Err(StoreError::Refused(
                        Refusal::NothingReady | Refusal::Paused { .. },
                    ))) => break,
                    Attempted::Done(Err(error)) => waiting.served = Some(Err(error)),
                }
            }
        }
        Ok(true)
    }

    /// Answers the claims that were served, and those whose time is up. To be called when the transaction is over.
    pub(super) fn answer(&mut self, committed: &Result<(), StoreError>, changes: u64) {
        let now = Instant::now();
        for mut waiting in std::mem::take(&mut self.0) {
            let answer = match (committed, waiting.served.take()) {
                (Err(error), _) => Err(error.clone()),
                // Whoever got a task knows nothing of what else is ready.
                (Ok(()), Some(served)) => served.map(|task| (Some(task), 0)),
                (Ok(()), None) if waiting.claim.until > now => {
                    waiting.tried = true;
                    self.0.push_back(waiting);
                    continue;
                }
                (Ok(()), None) => Ok((None, changes)),
            };
            // A worker that no longer waits needs no answer; its lease will end.
            let _ = waiting.claim.reply.send(answer);
        }
    }
}

impl Claim {
    fn command(&self) -> Command {
        Command::Claim { role: self.role, only: None, worker: self.worker.clone(), lease: self.lease }
    }
}
