//! What Landlock lets through: folders that may be read, folders that may be written, and nothing else of the machine.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};

/// Kinds of access that are asked for; those a kernel does not know yet are left out.
const KNOWN: ABI = ABI::V5;
/// Before this version a file outside could be emptied.
const NEEDED: ABI = ABI::V3;

/// What a process and all that it starts are held to. What does not exist is left out.
#[derive(Debug)]
pub(super) struct Rules {
    /// What may be read, and run.
    pub(super) readable: Vec<PathBuf>,
    /// What may be written, with files made and removed.
    pub(super) writable: Vec<PathBuf>,
    /// What is there may be read and written, and nothing made.
    pub(super) usable: Vec<PathBuf>,
    /// Whether a kernel that cannot hold this is an error.
    pub(super) files: CompatLevel,
    /// Whether a kernel that cannot keep signals and sockets without a file apart is an error.
    pub(super) scopes: CompatLevel,
}

impl Rules {
    /// Holds this process to the rules.
    pub(super) fn apply(&self) -> Result<RestrictionStatus, RulesetError> {
        let usable: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        Ruleset::default()
            .set_compatibility(self.files)
            .handle_access(AccessFs::from_all(NEEDED))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(KNOWN))?
            .set_compatibility(self.scopes)
            .scope(Scope::from_all(ABI::V6))?
            .set_compatibility(CompatLevel::BestEffort)
            .create()?
            .add_rules(path_beneath_rules(&self.readable, AccessFs::from_read(KNOWN)))?
            .add_rules(path_beneath_rules(&self.writable, AccessFs::from_all(KNOWN)))?
            .add_rules(path_beneath_rules(&self.usable, usable))?
            .restrict_self()
    }
}
