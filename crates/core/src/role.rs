//! The six roles, and who may write to whom.

use crate::word::words;

words! {
    /// What an agent is there for.
    Role, "role" {
        /// Reads logs, groups errors into incidents, watches the crew.
        Monitor = "monitor",
        /// Decides what an incident is and where it goes.
        Triage = "triage",
        /// Reproduces and repairs.
        Developer = "developer",
        /// Verifies a fix and grades the evidence.
        Qa = "qa",
        /// Reviews a change for holes.
        Security = "security",
        /// Reviews a change for its design.
        Architect = "architect",
    }
}

words! {
    /// Who wrote or is meant to read something: a role, the crew itself, or the person.
    Party, "party" {
        /// The monitor.
        Monitor = "monitor",
        /// The triage agent.
        Triage = "triage",
        /// The developer.
        Developer = "developer",
        /// The qa agent.
        Qa = "qa",
        /// The security agent.
        Security = "security",
        /// The architect.
        Architect = "architect",
        /// The crew itself: scheduler, rescuer, migrations.
        System = "system",
        /// The person.
        User = "user",
    }
}

impl From<Role> for Party {
    fn from(role: Role) -> Self {
        match role {
            Role::Monitor => Self::Monitor,
            Role::Triage => Self::Triage,
            Role::Developer => Self::Developer,
            Role::Qa => Self::Qa,
            Role::Security => Self::Security,
            Role::Architect => Self::Architect,
        }
    }
}
