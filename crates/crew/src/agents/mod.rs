//! The six agents, one file each.

mod architect;
mod bench;
mod developer;
mod monitor;
mod publish;
mod qa;
mod rounds;
mod security;
mod triage;

use groundcrew_core::role::Role;

use crate::agent::Agent;

/// The agent of a role.
pub(crate) fn agent(role: Role) -> &'static dyn Agent {
    match role {
        Role::Monitor => &monitor::Monitor,
        Role::Triage => &triage::Triage,
        Role::Developer => &developer::Developer,
        Role::Qa => &qa::Qa,
        Role::Security => &security::Security,
        Role::Architect => &architect::Architect,
    }
}
