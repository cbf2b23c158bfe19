//! One event of a log: a line, or the lines that belong together.
//!
//! A record is what an incident is made of. All of its texts are cleaned and redacted before it exists.

use groundcrew_core::trace::Trace;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::context::Context;

/// How serious the program said that an event is, least serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Finest detail.
    Trace,
    /// For developers.
    Debug,
    /// Normal operation.
    Info,
    /// Unusual, but handled.
    Warning,
    /// Something failed.
    Error,
    /// The program, or an important part of it, cannot go on (also printed as fatal, panic, alert or emergency).
    Critical,
}

impl Level {
    /// The level that a word such as `WARN` or `fatal` names, in any case; `None` for other words.
    pub fn from_word(word: &str) -> Option<Self> {
        const WORDS: [(&str, Level); 19] = [
            ("trace", Level::Trace),
            ("finest", Level::Trace),
            ("debug", Level::Debug),
            ("fine", Level::Debug),
            ("info", Level::Info),
            ("information", Level::Info),
            ("notice", Level::Info),
            ("warn", Level::Warning),
            ("warning", Level::Warning),
            ("err", Level::Error),
            ("error", Level::Error),
            ("severe", Level::Error),
            ("fatal", Level::Critical),
            ("critical", Level::Critical),
            ("crit", Level::Critical),
            ("panic", Level::Critical),
            ("alert", Level::Critical),
            ("emerg", Level::Critical),
            ("emergency", Level::Critical),
        ];
        WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, level)| *level)
    }

    /// The lower-case word, as serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// Bytes of a file, from the first to one past the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u64,
    /// Offset after the last byte.
    pub end: u64,
}

/// One event of a log, redacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The lines as logged, without control characters and secrets, joined by `\n`.
    pub text: String,
    /// Number of the first line in its file, from 1.
    pub line: u64,
    /// Lines that it takes in its file; lines of other streams between them do not count.
    #[serde(default)]
    pub lines: u64,
    /// Where the record lies in its file, from its first line to its last.
    pub bytes: Span,
    /// When it was logged; a time without a zone counts as UTC.
    pub time: Option<Timestamp>,
    /// Level that the line named.
    pub level: Option<Level>,
    /// Logger, module or program that the line named.
    pub logger: Option<String>,
    /// Machine that the line named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Process that the line named, mostly a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Thread that the line named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Which of several streams in the same file it came from, such as `stderr`, a service or a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Version of the program that the record named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Text of the event without time, level and logger; for a bare stack trace, its exception line.
    pub message: String,
    /// The exception, when the record carries a stack trace that could be read.
    pub trace: Option<Trace>,
    /// Lines logged just before an error, oldest first, redacted; empty for records that are no errors.
    pub context: Context,
    /// True when the record was longer than allowed and its rest was left out.
    pub truncated: bool,
    /// How many secrets were taken out of the text.
    pub redactions: usize,
}

impl Record {
    /// True when the record has a stack trace, or a level of error or worse.
    pub fn is_error(&self) -> bool {
        self.trace.is_some() || self.level >= Some(Level::Error)
    }
}

#[cfg(test)]
impl Record {
    /// A record that says nothing.
    pub(crate) fn empty() -> Self {
        Self {
            text: String::new(),
            line: 1,
            lines: 1,
            bytes: Span { start: 0, end: 0 },
            time: None,
            level: None,
            logger: None,
            host: None,
            process: None,
            thread: None,
            stream: None,
            release: None,
            message: String::new(),
            trace: None,
            context: Context::default(),
            truncated: false,
            redactions: 0,
        }
    }
}
