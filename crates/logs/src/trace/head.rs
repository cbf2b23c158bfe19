//! The line that names an exception before its frames, `Type: message`, as Java, JavaScript and others print it.
//!
//! Nothing tells such a line from prose for certain, so a line counts only where its name looks like an exception's, and
//! what follows it is taken as more of the message only when frames come after that.

use groundcrew_core::trace::Trace;

use super::some;

/// Lines of a message before the first frame.
pub(crate) const MESSAGE_LINES: usize = 20;
/// How the names of exceptions end.
pub(super) const KINDS: [&str; 6] = ["Error", "Exception", "Throwable", "Failure", "Fault", "Rejection"];
/// What runtimes print before the name.
pub(super) const PREFIXES: [&str; 7] = [
    "[ERROR] FATAL UNHANDLED EXCEPTION: ",
    "Uncaught (in promise) ",
    "Uncaught ",
    "Caused by: ",
    "Unhandled Exception: ",
    "Unhandled exception. ",
    "Process terminated. ",
];
/// Those of them that a runtime prints when it ends the program.
const ENDS: [&str; 4] = [
    "[ERROR] FATAL UNHANDLED EXCEPTION: ",
    "Unhandled Exception: ",
    "Unhandled exception. ",
    "Process terminated. ",
];
const THREAD: &str = "Exception in thread \"";

/// Whether a line names an exception at its start.
pub(crate) fn is_head(line: &str) -> bool {
    at_start(line).is_some()
}

/// Whether a line names the exception that ended the program, as a runtime says it.
pub(crate) fn ends_program(line: &str) -> bool {
    line.starts_with(THREAD) || ENDS.iter().any(|start| line.starts_with(start))
}

/// Whether a message says that something broke, and not only that something was not done.
pub(crate) fn speaks_of_failure(message: &str) -> bool {
    const WORDS: [&str; 10] = [
        "error",
        "exception",
        "unhandled",
        "uncaught",
        "fail",
        "panic",
        "crash",
        "traceback",
        "stack",
        "abort",
    ];
    let said = message.trim_end();
    let lower = said.to_ascii_lowercase();
    said.is_empty() || said.ends_with(':') || WORDS.iter().any(|word| lower.contains(word))
}

/// Whether a line names an exception anywhere, as behind what a logger put before it.
pub(crate) fn names_exception(line: &str) -> bool {
    at_start(line).or_else(|| anywhere(line)).is_some()
}

/// The exception that the lines before the first frame name, as a trace without frames, and the line that names it.
///
/// Where none is named, the line before the frames is the message; without such a line there is no trace.
pub(super) fn before(lines: &[&str], first: usize) -> Option<(Trace, usize)> {
    let reach = first.saturating_sub(MESSAGE_LINES + 1)..first;
    let named = |find: fn(&str) -> Option<(&str, &str)>| {
        reach.clone().rev().find_map(|at| find(lines[at].trim_start()).map(|(name, rest)| (at, name, rest)))
    };
    let (at, name, rest) = match named(at_start).or_else(|| named(anywhere)) {
        Some((at, name, rest)) => (at, Some(name), rest),
        None => {
            let at = reach.rev().find(|at| !lines[*at].trim().is_empty())?;
            (at, None, lines[at].trim())
        }
    };
    let message = std::iter::once(rest).chain(lines[at + 1..first].iter().copied()).collect::<Vec<_>>();
    let trace = Trace {
        exception: name.map(str::to_owned),
        message: some(message.join("\n").trim_end()),
        ..Trace::default()
    };
    Some((trace, at))
}

/// The name and the message of an exception that a text begins with, as behind `Caused by: `.
pub(super) fn of(text: &str) -> Trace {
    match named(text) {
        Some((name, rest)) => {
            Trace { exception: Some(name.to_owned()), message: some(rest), ..Trace::default() }
        }
        None => Trace { message: some(text), ..Trace::default() },
    }
}

fn at_start(line: &str) -> Option<(&str, &str)> {
    let mut text = line;
    if let Some(thread) = text.strip_prefix(THREAD) {
        text = thread.split_once("\" ").map_or(thread, |(_, rest)| rest);
    }
    for prefix in PREFIXES {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    named(text)
}

/// A name behind other words, as a logger puts them before it.
fn anywhere(line: &str) -> Option<(&str, &str)> {
    let mut words = line.match_indices([' ', '"']).map(|(at, _)| &line[at + 1..]);
    words.find_map(|text| named(text).filter(|(name, _)| is_exception(name)))
}

/// `package.Name: message`, `Name [CODE]: message` or the name alone.
fn named(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"_.$".contains(b)).count();
    let name = &text[..length];
    let simple = name.rsplit(['.', '$']).next()?;
    let packaged = name.len() > simple.len() && name.starts_with(|c: char| c.is_ascii_lowercase());
    if !(simple.starts_with(|c: char| c.is_ascii_uppercase()) && (packaged || is_exception(name))) {
        return None;
    }
    let rest = without_code(without_parameters(&text[length..]));
    let message = if rest.is_empty() { rest } else { rest.strip_prefix(':')? };
    Some((name, message.strip_prefix(' ').unwrap_or(message)))
}

/// Whether a name ends as those of exceptions do.
pub(crate) fn is_exception(name: &str) -> bool {
    KINDS.iter().any(|kind| name.ends_with(kind))
}

/// Without the type parameters that .NET prints behind the name, `` `1[Shop.Fault] ``.
fn without_parameters(rest: &str) -> &str {
    let inner = rest.strip_prefix('`').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let closed = inner.and_then(|rest| rest.strip_prefix('[')?.split_once(']'));
    closed.filter(|(text, _)| !text.contains(' ')).map_or(rest, |(_, rest)| rest)
}

/// Without the code that Node and .NET print behind the name, ` [ERR_ASSERTION]` and ` (0x80004005)`.
fn without_code(rest: &str) -> &str {
    if let Some((code, rest)) = rest.strip_prefix(" (").and_then(|rest| rest.split_once(')'))
        && !code.is_empty()
        && code.trim_start_matches("0x").bytes().all(|b| b.is_ascii_hexdigit())
        && code.starts_with(|c: char| c.is_ascii_digit())
    {
        return rest;
    }
    let inner = rest.strip_prefix(" [").and_then(|rest| rest.split_once(']'));
    let code = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    inner.filter(|(text, _)| code(text)).map_or(rest, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_told_from_prose() {
        for (line, expected) in [
            ("TypeError: x is not a function", Some(("TypeError", "x is not a function"))),
            ("TypeError [ERR_INVALID_ARG]: no", Some(("TypeError", "no"))),
            ("com.example.OrderMissing: 7", Some(("com.example.OrderMissing", "7"))),
            ("com.example.App$ServiceException", Some(("com.example.App$ServiceException", ""))),
            ("Exception in thread \"pool-1\" java.lang.Error: x", Some(("java.lang.Error", "x"))),
            ("Uncaught Error: x", Some(("Error", "x"))),
            ("Error while reading", None),
            ("Errors: 3", None),
            ("server.js: started", None),
            ("", None),
            (": x", None),
        ] {
            assert_eq!(at_start(line), expected, "{line}");
        }
        assert_eq!(anywhere("MakeLog: RuntimeException: Run"), Some(("RuntimeException", "Run")));
        assert_eq!(anywhere("no error here: none"), None);
    }
}
