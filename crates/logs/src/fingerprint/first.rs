//! The rule of version 1, so that incidents which it named are found again.
//!
//! Frozen: exception, the two innermost frames of the application by function and by the last folder and name of the file,
//! the text of a `raise` or the first word of the message, and the same with one frame of the root cause.

use groundcrew_core::trace::{Frame, Trace};

use super::hashed;
use super::mask::masked;
use super::path::project_path;
use crate::record::Record;
use crate::trace::{Language, language_of};

/// Frames that tell errors apart.
const FRAMES: usize = 2;

/// The keys under which a record may have been stored by version 1, the likeliest first.
///
/// It knew no traces but those of the languages that [`language_of`] names; where the files are of another one, the record
/// was a line.
pub(super) fn keys(record: &Record) -> Vec<String> {
    match &record.trace {
        None => vec![hashed(&line_parts(record))],
        Some(trace) if was_known(trace) => vec![hashed(&trace_parts(trace))],
        Some(trace) => vec![hashed(&trace_parts(trace)), hashed(&line_parts(record))],
    }
}

/// Whether version 1 read traces with files of this kind.
fn was_known(trace: &Trace) -> bool {
    const ENDINGS: [&str; 16] = [
        "py", "pyw", "pyx", "js", "mjs", "cjs", "ts", "mts", "cts", "tsx", "jsx", "java", "kt", "scala",
        "go", "rs",
    ];
    let mut files = trace.frames.iter().filter_map(|frame| frame.file.as_deref());
    files.any(|file| file.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending)))
}

/// The key of a record without a trace.
fn line_parts(record: &Record) -> Vec<String> {
    vec!["line".to_owned(), masked(record.logger.as_deref().unwrap_or_default()), masked(&record.message)]
}

fn trace_parts(trace: &Trace) -> Vec<String> {
    let mut parts = vec!["trace".to_owned()];
    parts.extend(own_parts(trace, FRAMES));
    if let Some(root) = trace.causes.last() {
        parts.push("cause".to_owned());
        parts.extend(own_parts(root, 1));
    }
    parts
}

fn own_parts(trace: &Trace, count: usize) -> Vec<String> {
    let language = language_of(trace);
    let places = telling_places(trace, language, count);
    let message = trace.message.as_deref().unwrap_or_default();
    let mut parts = vec![trace.exception.clone().unwrap_or_default()];
    if places.is_empty() {
        parts.push(masked(message));
    }
    if language.is_some_and(|language| language.is_thrown(trace)) {
        let words = masked(message);
        parts.push(
            words.split(' ').next().filter(|word| !word.starts_with('<')).unwrap_or_default().to_owned(),
        );
    } else if let Some(raised) = places.first().and_then(|(frame, _)| raised(frame)) {
        parts.push(raised);
    }
    parts.extend(places.into_iter().map(|(_, place)| place));
    parts
}

/// The innermost frames of the application, or of anything when there are none; repeated calls count once.
fn telling_places<'a>(
    trace: &'a Trace,
    language: Option<&'static dyn Language>,
    count: usize,
) -> Vec<(&'a Frame, String)> {
    let any_in_app = trace.frames.iter().any(|frame| frame.in_app);
    let frames = trace.frames.iter().filter(|frame| frame.in_app || !any_in_app);
    let mut places: Vec<(&Frame, String)> = Vec::new();
    for frame in frames {
        let place = place(frame, language);
        if places.last().is_none_or(|(_, last)| *last != place) {
            if places.len() == count {
                break;
            }
            places.push((frame, place));
        }
    }
    places
}

/// The text of a raise; only that, because other source text changes with every edit of the line.
fn raised(frame: &Frame) -> Option<String> {
    let body = frame.source.as_deref()?.trim().strip_prefix("raise ")?;
    Some(body.split_whitespace().collect())
}

fn place(frame: &Frame, language: Option<&'static dyn Language>) -> String {
    let file = frame.file.as_deref().map(project_path).unwrap_or_default();
    let function = frame.function.as_deref().unwrap_or_default();
    match language {
        Some(language) => format!("{} in {}", language.lasting_name(function), language.lasting_file(&file)),
        None => format!("{function} in {file}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_lines_do_not_split_an_error_but_functions_do() {
        let frame = |function: &str, line| Frame {
            module: None,
            file: Some("/srv/app/tree.py".into()),
            line: Some(line),
            function: Some(function.into()),
            in_app: true,
            ..Frame::default()
        };
        let trace = |frames: Vec<Frame>| Trace { exception: Some("E".into()), frames, ..Trace::default() };
        let shallow = trace_parts(&trace(vec![frame("walk", 1), frame("walk", 2), frame("main", 3)]));
        let deep =
            trace_parts(&trace(vec![frame("walk", 7), frame("walk", 8), frame("walk", 8), frame("main", 9)]));
        let other = trace_parts(&trace(vec![frame("run", 1), frame("main", 3)]));
        assert_eq!(shallow, deep);
        assert_ne!(shallow, other);
    }

    #[test]
    fn what_a_package_raised_is_another_error_than_the_callers_own() {
        let frame = |file: &str, function: &str, in_app| Frame {
            module: None,
            file: Some(file.into()),
            line: Some(3),
            function: Some(function.into()),
            in_app,
            ..Frame::default()
        };
        let own = || vec![frame("/srv/till/src/orders.js", "total", true)];
        let parts = |message: &str, frames| {
            trace_parts(&Trace {
                exception: Some("TypeError".into()),
                message: Some(message.into()),
                frames,
                ..Trace::default()
            })
        };
        let package = frame("/srv/till/node_modules/rounding/index.js", "toCents", false);
        let raised = parts("a price is missing", [vec![package], own()].concat());
        let of_1 = parts("Cannot read properties of undefined (reading 'u1')", own());
        let of_2 = parts("Cannot read properties of undefined (reading 'u2')", own());
        assert_ne!(raised, of_1);
        assert_eq!(of_1, of_2, "which one was missing is chosen by what came in");
    }

    #[test]
    fn keys_of_python_errors_are_those_of_the_first_version() {
        let frame = |file: &str, function: &str, source: &str| Frame {
            module: None,
            file: Some(file.into()),
            line: Some(3),
            function: Some(function.into()),
            source: Some(source.into()),
            in_app: true,
        };
        let cause = Trace {
            exception: Some("KeyError".into()),
            frames: vec![frame("/srv/shop/stock/items.py", "look", "return stock[n]")],
            ..Trace::default()
        };
        let trace = Trace {
            location: None,
            exception: Some("shop.Full".into()),
            message: Some("no room for 7".into()),
            frames: vec![
                frame("/srv/shop/cart.py", "add", "raise shop.Full(n)"),
                frame("/srv/shop/cart.py", "add", "self.add(n)"),
                frame("/srv/shop/cart.py", "main", "cart.add(n)"),
                frame("/srv/shop/cart.py", "<module>", "main()"),
            ],
            causes: vec![cause],
        };
        assert_eq!(hashed(&trace_parts(&trace)), "aa9c29ca20acfd44");
    }
}
