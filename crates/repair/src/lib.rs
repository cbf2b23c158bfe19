//! Reproduce, localise, propose, validate: from an incident to a patch with evidence.
//!
//! | file | what |
//! | --- | --- |
//! | [`locate`] | the log's paths and lines on a commit |
//! | [`edit`], [`syntax`] | source text, syntax trees, edits |
//! | [`outcome`] | what goes in and what comes out |
//!
//! No model takes part, and no project, framework or log format is treated specially. Everything that runs code of the
//! project runs in the workbench's sandbox.

pub mod edit;
pub mod locate;
pub mod outcome;
pub mod syntax;

pub use outcome::{Facts, Plausible, Progress, RepairOutcome, Repaired};
