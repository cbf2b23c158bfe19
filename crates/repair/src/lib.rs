//! Reproduce, localise, propose, validate: from an incident to a patch with evidence.
//!
//! | file | what |
//! | --- | --- |
//! | [`locate`] | the log's paths and lines on a commit |
//! | [`edit`], [`syntax`] | source text, syntax trees, edits |
//! | [`allowed`] | what a repair may change |
//! | `language` | what is needed of a programming language, each in a folder of its own |
//! | [`kinds`] | which kinds of values expressions had and functions gave while the tests ran |
//! | [`outcome`] | what goes in and what comes out |
//! | [`bench`], [`checkout`] | repository, sandbox, interpreter, bounds; work trees and what runs on them |
//! | [`reproduce`], `printed`, [`matching`], [`regression`] | making the error happen again, as a script and as a test |
//! | [`mutants`] | would the tests notice if the changed lines were other than they are |
//! | [`strategies`] | families of repairs |
//! | `failing` | what makes tests fail without a stack, found by trying edits beside the loaded project |
//! | `ecosystem` | what linters and compilers would change by themselves and hold for safe |
//! | `learned` | edits of this repository's own past fixes, done again where the crash has their shape |
//! | `culprit` | which commit brought the failure, and its undoing |
//! | [`search`], `validate`, `ranking`, `doubt` | which patch is tried when, whether it is right, which is best, which passes for the wrong reason |
//! | [`differential`] | do the changed functions still give what they gave |
//! | [`same_shape`] | where else a repository does what was repaired |
//! | [`smell`] | does a change hide the symptom |
//!
//! No model takes part, and no project, framework or log format is treated specially. Everything that runs code of the
//! project runs in the workbench's sandbox.

pub mod allowed;
pub mod bench;
pub mod checkout;
mod culprit;
pub mod differential;
mod doubt;
mod ecosystem;
pub mod edit;
mod failing;
pub mod kinds;
mod language;
mod learned;
pub mod locate;
pub mod matching;
pub mod mutants;
pub mod outcome;
mod printed;
mod ranking;
pub mod regression;
pub mod reproduce;
pub mod same_shape;
pub mod search;
pub mod smell;
mod sought;
pub mod strategies;
pub mod syntax;
mod validate;

pub use allowed::{Barrier, Budget, Need, Permission, Refusal};
pub use bench::{Bench, RepairError};
pub use checkout::{Checkout, Snapshot};
pub use language::repairs_crashes;
pub use outcome::{Facts, Plausible, Progress, RepairOutcome, Repaired};
pub use same_shape::{Place, same_shape};
pub use search::repair;
