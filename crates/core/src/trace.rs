//! An error as a program printed it: exception, message, stack frames, causes.

use serde::{Deserialize, Serialize};

/// One line of a stack: where the program was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Frame {
    /// Path as printed in the log; never to be opened without resolving it beneath the repository.
    pub file: Option<String>,
    /// Line number, counted from 1.
    pub line: Option<u32>,
    /// Function or method as printed.
    pub function: Option<String>,
    /// Source text of the line where the log carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// False for the standard library, installed packages and frames without a file.
    #[serde(default)]
    pub in_app: bool,
}

/// An exception with its stack, innermost (crashing) frame first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Trace {
    /// Exception type as printed, such as `KeyError` or `shop.errors.OutOfStock`.
    #[serde(rename = "type")]
    pub exception: Option<String>,
    /// Exception text, with secrets already taken out.
    pub message: Option<String>,
    /// Frames, innermost first.
    #[serde(default)]
    pub frames: Vec<Frame>,
    /// What led to it, from the next exception down to the root cause.
    #[serde(default)]
    pub causes: Vec<Trace>,
}

impl Trace {
    /// The innermost frame that lies in the application, the best first guess at the place of the defect.
    pub fn in_app_frame(&self) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.in_app)
    }
}
