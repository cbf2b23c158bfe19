//! The one frame of every command: load what it is about, let the state machine decide, write what follows.

use groundcrew_core::lifecycle::{Command, decide};

use super::session::Session;
use super::{apply, load};
use crate::error::StoreError;
use crate::store::Receipt;

/// Carries out a command within the open transaction.
pub(super) fn run(session: &mut Session<'_>, command: &Command) -> Result<Receipt, StoreError> {
    let now = session.now()?;
    let snapshot = load::snapshot(session.db, command)?;
    let plan = decide(&snapshot, command, now)?;
    let written = apply::plan(session.db, &snapshot, &plan, now)?;
    let about = snapshot.task.as_ref().map(|task| task.id).or(written.inserted.first().copied());
    let task = about.map(|id| load::task(session.db, id)).transpose()?.flatten();
    session.wake.extend(plan.wake.iter().copied());
    Ok(Receipt {
        now,
        task,
        inserted: written.inserted,
        messages: written.messages,
        question: written.question,
        wake: plan.wake,
    })
}
