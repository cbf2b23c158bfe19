//! What is wrong in a configuration: where, and what was probably meant.

use crate::nearest::nearest;

/// A mistake in a text as one sentence: line and column, both counted from 1, what is wrong, and what was probably meant.
pub(crate) fn explain(text: &str, error: &toml::de::Error) -> String {
    let what = error.message().trim_end();
    let meant = meant(what).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    match error.span() {
        Some(span) => {
            let (line, column) = position(text, span.start);
            format!("line {line}, column {column}: {what}{meant}")
        }
        None => format!("{what}{meant}"),
    }
}

/// Where in a file bytes stop being text.
pub(crate) fn not_text(bytes: &[u8], error: &std::str::Utf8Error) -> String {
    let before = bytes.get(..error.valid_up_to()).unwrap_or(bytes);
    let (line, column) = position(&String::from_utf8_lossy(before), before.len());
    format!("line {line}, column {column}: it is not UTF-8 text")
}

/// Where a text holds a character that no text file has.
pub(crate) fn nul(text: &str) -> Option<String> {
    let (line, column) = position(text, text.find('\0')?);
    Some(format!("line {line}, column {column}: a NUL character; it is no text file"))
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    (line, column)
}

/// The known word that is most like the unknown one. Both are taken from the sentence that the types themselves give:
/// ``unknown field `path`, expected one of `paths`, `every` ``.
fn meant(what: &str) -> Option<&str> {
    let (unknown, known) = what.strip_prefix("unknown ")?.split_once(", expected")?;
    // The unknown word is the file's own text and may hold anything, a backtick too.
    let unknown = unknown.split_once('`')?.1.strip_suffix('`')?;
    nearest(unknown, known.split('`').skip(1).step_by(2))
}
