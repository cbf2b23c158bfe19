//! Traces whose line breaks something has written as text.
//!
//! Loggers that quote what they log, and collectors that must keep to one line, write `\n` or `#012` in the place of a
//! line break. Which of them is not known beforehand, so a text counts as escaped only where a trace comes out of it.

use std::borrow::Cow;

use groundcrew_core::trace::Trace;
use memchr::memchr2;

use super::prefilter::may_hold;

/// The trace in a line whose line breaks are escaped; `None` for any other line.
pub(crate) fn parse(text: &str) -> Option<Trace> {
    // All breaks have one of these signs, which are quicker to look for than what a trace holds.
    if memchr2(b'\\', b'#', text.as_bytes()).is_none() || !may_hold(text.as_bytes()) {
        return None;
    }
    let plain = unescaped(text)?;
    // What a logger put before the trace on the first line is no part of it.
    super::parse_plain(&plain)
}

/// The text with its line breaks; `None` where none is escaped.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    // The escaped forms, the most often escaped first: JSON within JSON doubles the backslash.
    const BREAKS: [&str; 6] = ["\\\\r\\\\n", "\\\\n", "\\r\\n", "\\n", "#015#012", "#012"];
    let mark = BREAKS.iter().find(|mark| text.contains(**mark))?;
    let mut plain = text.replace(mark, "\n");
    for (escaped, byte) in [("\\\\t", "\t"), ("\\t", "\t"), ("#011", "\t"), ("\\\"", "\"")] {
        if plain.contains(escaped) && (escaped.starts_with('\\') == mark.starts_with('\\')) {
            plain = plain.replace(escaped, byte);
        }
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "java.lang.IllegalStateException: no cart\n\tat com.acme.Cart.show(Cart.java:31)\n\tat com.acme.Main.main(Main.java:5)";

    #[test]
    fn a_trace_is_the_same_however_its_breaks_are_written() {
        let expected = crate::trace::parse(TRACE);
        assert!(expected.is_some());
        for (line_break, tab) in [
            ("\\n", "\\t"),
            ("\\r\\n", "\\t"),
            ("\\\\n", "\\\\t"),
            ("#012", "#011"),
            ("#012", "\t"),
            ("\\n", "    "),
        ] {
            let escaped = TRACE.replace('\n', line_break).replace('\t', tab);
            assert_eq!(parse(&escaped), expected, "{escaped}");
            assert_eq!(crate::trace::parse(&escaped), expected, "{escaped}");
        }
    }

    #[test]
    fn other_texts_with_such_marks_are_none() {
        for text in ["C:\\new\\table", "issue #012 is closed", "Error: it said \\n", "", "TypeError: a\\nb"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
