//! Stack traces out of text, one module per language.

pub mod python;

use groundcrew_core::trace::Trace;

/// The first stack trace in the text, whichever language printed it; `None` when no parser knows its form.
pub fn parse(text: &str) -> Option<Trace> {
    python::parse(text)
}
