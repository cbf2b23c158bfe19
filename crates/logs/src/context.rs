//! The lines before an error, kept for it.
//!
//! What was logged just before a crash, such as the request, is what a reproduction starts from. Which lines count is
//! decided by the bytes before the record alone, so a scan that resumes sees the same ones as a scan that went through.

use std::collections::VecDeque;

use crate::redact::Redactor;

/// Lines kept.
const LINES: usize = 20;
/// How far before a record its context may begin.
pub(crate) const REACH: u64 = 16 << 10;
/// Bytes kept of a line.
const LINE_BYTES: usize = 1 << 10;

struct Kept {
    start: u64,
    text: String,
    redacted: bool,
}

/// The last lines read.
#[derive(Default)]
pub(crate) struct Context {
    lines: VecDeque<Kept>,
}

impl Context {
    /// Adds a line, which must lie behind those before it.
    pub(crate) fn push(&mut self, start: u64, text: String) {
        if text.trim().is_empty() {
            return;
        }
        self.lines.push_back(Kept { start, text, redacted: false });
        if self.lines.len() > LINES {
            self.lines.pop_front();
        }
    }

    /// The lines within reach of a record that starts at the offset, oldest first, redacted.
    pub(crate) fn before(&mut self, start: u64, redactor: &Redactor) -> Vec<String> {
        let near = self.lines.iter_mut().filter(|line| line.start < start && line.start + REACH >= start);
        near.map(|line| {
            if !line.redacted {
                // Cut only now: half a secret would no longer look like one.
                line.text = redactor.redact(&line.text).text;
                let end = line.text.floor_char_boundary(LINE_BYTES);
                line.text.truncate(end);
                line.redacted = true;
            }
            line.text.clone()
        })
        .collect()
    }
}
