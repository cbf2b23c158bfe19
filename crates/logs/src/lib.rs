//! From bytes of a log to records, stack traces and fingerprints, with secrets taken out.
//!
//! [`scan`] reads a file from a [`Cursor`] and returns finished [`Record`]s and the cursor to continue from; it keeps
//! nothing itself, so that a caller can store both in one transaction and lose or repeat nothing. Whatever leaves this
//! crate has gone through the [`Redactor`]. Everything read is hostile: memory is bounded and every pass is linear.

pub mod expand;
pub mod fingerprint;
pub mod header;
pub mod record;
pub mod redact;
pub mod rules;
pub mod source;
pub mod source_map;
pub mod template;
pub mod trace;

mod access;
mod assemble;
mod clean;
mod context;
mod cut;
mod draft;
mod echo;
mod encoding;
mod file;
mod finish;
mod held;
mod learned;
mod lines;
mod lookback;
mod object;
mod ongoing;
mod opened;
mod opening;
mod ordinary;
mod parsed;
mod pipe;
mod reading;
mod release;
mod rotated;
mod secrets;
mod shape;
mod stretch;
mod structured;
mod tags;
mod traffic;
mod unpack;
mod unwrap;
mod wanted;

pub use context::Context;
pub use expand::{ExpandError, Expanded, expand, names};
pub use fingerprint::{Fingerprint, fingerprint};
pub use learned::Learned;
pub use pipe::Pipe;
pub use record::{Level, Record, Span};
pub use redact::{Evidence, Finding, Redacted, Redactor};
pub use rules::{Judged, Rule, RuleError, Rules};
pub use shape::Shape;
pub use source::{
    Cursor, DropReason, Dropped, Keep, Losses, Restart, Scan, ScanError, ScanOptions, is_rotation, readable,
    scan,
};
pub use template::{Merged, Miner, Template, TemplateId, masked};
pub use traffic::{Observe, Observer, Seen, Tally};
pub use wanted::{Personal, RedactError, RedactPattern, redact_patterns};
