//! Where the message of a source's lines begins, learned from its first lines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::Level;

/// What stands before the messages of a source; nothing learned by default, which reads every line by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layout {}

/// What stood before the message of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head<'a> {
    /// Time of the event; UTC when the line names no zone.
    pub time: Option<Timestamp>,
    /// Level.
    pub level: Option<Level>,
    /// Logger, module or program.
    pub logger: Option<&'a str>,
    /// Machine that wrote the line.
    pub host: Option<&'a str>,
    /// Number of the process, as written.
    pub process: Option<&'a str>,
    /// Name or number of the thread, as written.
    pub thread: Option<&'a str>,
    /// Byte offset of the message in the line, always at a character's beginning; the line's length without a message.
    pub message_at: usize,
    /// The message is not on this line but begins with the next one, as `java.util.logging` and .NET consoles write it.
    pub continues: bool,
}

/// What a few compares say of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quick {
    /// Level.
    pub level: Option<Level>,
    /// Byte offset of the message in the line.
    pub message_at: usize,
}

impl Layout {
    /// Learns from the first lines of a source, of which at most 200 are looked at; `reference` is about when they were
    /// written.
    pub fn learn<'a>(lines: impl Iterator<Item = &'a str>, reference: Timestamp) -> Self {
        let _ = (lines, reference);
        Self::default()
    }

    /// What stands before the line's message; `None` when the line has no header. `reference` dates times without a year.
    pub fn read<'a>(&self, line: &'a str, reference: Timestamp) -> Option<Head<'a>> {
        let _ = reference;
        let split = super::split(line)?;
        Some(Head {
            time: split.time,
            level: split.level,
            logger: split.logger,
            message_at: split.message_at,
            ..Head::default()
        })
    }

    /// Level and message of a line of the source's usual form, at the cost of a few compares; `None` for other lines,
    /// which [`Layout::read`] may know.
    pub fn quick(&self, line: &[u8]) -> Option<Quick> {
        let _ = line;
        None
    }
}
