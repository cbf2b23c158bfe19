//! Whose turn it is: nearly every claim takes the task of the highest priority, and one of a few the one that has waited longest.
//!
//! So work of low priority is done at last, however much of high priority keeps coming.

use std::collections::BTreeMap;

use groundcrew_core::role::Role;
use jiff::SignedDuration;

/// One of so many claims of a role is for its oldest task.
const EVERY: u32 = 8;
/// A task that was created so long ago is old. Until then priority alone decides.
pub(super) const OLD: SignedDuration = SignedDuration::from_hours(1);

/// How many tasks the roles have claimed since the process began. It need not be exact and is written nowhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(BTreeMap<Role, u32>);

impl Turns {
    /// Whether the next claim of a role is for its oldest task.
    pub(super) fn is_for_the_oldest(&self, role: Role) -> bool {
        self.0.get(&role).is_some_and(|claimed| claimed % EVERY == EVERY - 1)
    }

    /// A role has claimed a task.
    pub(super) fn claimed(&mut self, role: Role) {
        let claimed = self.0.entry(role).or_default();
        *claimed = (*claimed + 1) % EVERY;
    }
}
