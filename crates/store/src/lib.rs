//! Everything that touches the database: the store trait, SQLite, migrations, the conformance suite.
//!
//! A [`Store`] takes [`Command`](groundcrew_core::lifecycle::Command)s, has each decided by
//! [`groundcrew_core::lifecycle::decide`] and writes its plan in one transaction. Nothing else changes a task's status.
//! Everything blocks the calling thread; there is no async runtime.

mod archive;
#[doc(hidden)]
pub mod conformance;
mod error;
mod location;
mod sqlite;
mod store;
mod time;
mod upkeep;
mod view;

pub use error::{Kind, StoreError};
pub use location::{Access, Options, backup, file_of, migrate, open};
#[doc(hidden)]
pub use location::{Clock, hold_write_lock, open_with_clock};
pub use sqlite::migrations::{Applied, SCHEMA_VERSION};
pub use store::{Maintained, Pace, Receipt, Store};
pub use upkeep::{
    AuditReport, Backup, Before, Broken, Day, FileStats, Finding, Flaw, Prune, Pruned, QueueStats, Stats,
};
pub use view::{
    Attempt, Count, InboxItem, IncidentFilter, LogFilter, MessageFilter, NewWorker, Project, TaskFilter,
    TemplateFilter, Worker,
};

#[cfg(all(feature = "torn", not(debug_assertions)))]
compile_error!("the feature `torn` is for the proof of the kill test alone");
