//! An error as a program printed it: exception, message, stack frames, causes.

use serde::{Deserialize, Serialize};

/// One line of a stack: where the program was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Frame {
    /// Path as printed in the log; never to be opened without resolving it beneath the repository.
    pub file: Option<String>,
    /// Line number, counted from 1.
    pub line: Option<u32>,
    /// Function or method as printed, without arguments.
    pub function: Option<String>,
    /// Module, assembly or library that the frame lies in, where that is printed apart from the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Source text of the line where the log carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// False for the standard library, installed packages and frames without a file.
    #[serde(default)]
    pub in_app: bool,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Location {
    /// Path as printed in the log; never to be opened without resolving it beneath the repository.
    pub file: String,
    /// Line number, counted from 1.
    pub line: Option<u32>,
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
    /// Where it was thrown, in languages that print that apart from the frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
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
