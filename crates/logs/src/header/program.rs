//! A learned header as a short program over bytes: sign, cell, sign, cell, and where the message begins.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::cell::{CELLS, Cell, Cells, Glue, Kind, REACH, blank};
use super::speaker;
use super::time::Stamp;

/// What a cell says of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    /// Nothing that is kept.
    None,
    /// The time.
    Time,
    /// The level.
    Level,
    /// The host.
    Host,
    /// The process.
    Process,
    /// The thread.
    Thread,
    /// The logger or program.
    Logger,
}

/// A cell of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) glue: Glue,
    pub(super) kind: Kind,
    pub(super) role: Role,
}

/// One form of header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// Signs before the message.
    pub(super) tail: Glue,
    /// Blanks before the message that belong to the header; more are its indentation.
    pub(super) gap: u8,
    /// Bytes from the beginning of the last cell to the message, where the cell is padded to a width.
    pub(super) width: u8,
    /// The message is behind the name of the program that speaks, and a dash.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) named: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks of by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Program {
    /// Whether a time is part of the header.
    pub(super) fn has_time(&self) -> bool {
        self.steps.iter().any(|step| step.role == Role::Time)
    }

    /// Where the message of a line of this form begins; shows each cell of the header to `see`, with the time where the
    /// cell is one. What was seen counts only when the whole header fits.
    pub(super) fn fit(&self, line: &[u8], mut see: impl FnMut(&Step, &Cell, Option<Stamp>)) -> Option<usize> {
        if self.steps.is_empty() || self.steps.len() > CELLS {
            return None;
        }
        let mut found = Cells::new(line);
        let mut last = 0;
        for step in &self.steps {
            let cell = found.expect(step.glue, step.kind)?;
            let stamp = found.stamp.take().filter(|_| line.len() <= REACH);
            last = cell.start;
            see(step, &cell, stamp);
        }
        let end = found.expect_glue(self.tail)?;
        Some(self.message_at(line, last, end))
    }

    /// The name of the program that speaks, from where the message would begin without it, and where it begins behind it.
    pub(super) fn speaker(&self, line: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
        let length = self.named.then(|| speaker::name(line.get(at..)?)).flatten()?;
        Some((at..at + length, at + length + speaker::DASH.len()))
    }

    pub(super) fn message_at(&self, line: &[u8], last: usize, end: usize) -> usize {
        let wanted = usize::from(self.gap).max((last + usize::from(self.width)).saturating_sub(end));
        let mut at = end;
        while at < end + wanted && line.get(at).is_some_and(|b| blank(*b)) {
            at += 1;
        }
        at
    }
}
