//! A learned header as a short program over bytes: sign, cell, sign, cell, and where the message begins.

use serde::{Deserialize, Serialize};

use super::cell::{CELLS, Cell, Cells, Glue, Kind, blank};

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
}

/// The cells of a line that fits.
pub(super) struct Fit {
    pub(super) cells: [Cell; CELLS],
    pub(super) message_at: usize,
}

impl Program {
    /// The cells of a line of this form.
    pub(super) fn fit(&self, line: &[u8]) -> Option<Fit> {
        let mut cells = [Cell::default(); CELLS];
        let mut found = Cells::new(line);
        for (step, place) in self.steps.iter().zip(&mut cells) {
            *place = found.expect(step.glue, step.kind)?;
        }
        let end = found.expect_glue(self.tail)?;
        let last = cells.get(self.steps.len().checked_sub(1)?)?;
        Some(Fit { message_at: self.message_at(line, last.start, end), cells })
    }

    fn message_at(&self, line: &[u8], last: usize, end: usize) -> usize {
        let wanted = usize::from(self.gap).max((last + usize::from(self.width)).saturating_sub(end));
        let mut at = end;
        while at < end + wanted && line.get(at).is_some_and(|b| blank(*b)) {
            at += 1;
        }
        at
    }
}
