//! Which records are the same error.
//!
//! With a stack: the exception's type, the root cause, and the two innermost frames of the application. One frame is too
//! few, since a shared check fails for different callers; more would split one defect by the road that led to it. Frames
//! count by function and by the file's place within its project; line numbers, install folders and recursion depth do
//! not. Where the crash is a `raise`, its text counts too, because one function may refuse for several reasons; languages
//! that do not print it have the first word of the message instead, since any later word may be a name that differs each
//! time. Without a stack: logger and message template.

use groundcrew_core::trace::{Frame, Trace};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::normalise::normalise;
use crate::record::Record;
use crate::trace::{Language, language_of};

/// Version of the rules below; it rises whenever the same record would get another key.
const VERSION: u32 = 1;
/// Frames that tell errors apart.
const FRAMES: usize = 2;
/// Characters of a title.
const TITLE: usize = 160;

/// Identity of an error across its occurrences.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Version of the rules that made the key; keys of different versions do not compare.
    pub version: u32,
    /// 16 hexadecimal digits.
    pub key: String,
    /// One line for people.
    pub title: String,
}

/// The fingerprint of a record.
pub fn fingerprint(record: &Record) -> Fingerprint {
    let parts = match &record.trace {
        Some(trace) => trace_parts(trace),
        None => line_parts(record),
    };
    Fingerprint { version: VERSION, key: key(&parts), title: title(record) }
}

fn key(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn line_parts(record: &Record) -> Vec<String> {
    vec![
        "line".to_owned(),
        normalise(record.logger.as_deref().unwrap_or_default()),
        normalise(&record.message),
    ]
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
        parts.push(normalise(message));
    }
    if language.is_some_and(|language| language.is_thrown(trace)) {
        let words = normalise(message);
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

/// The last two parts of a file's path within its project.
///
/// Where a project is installed is guessed from the usual places, so that the same file gives the same text in a release
/// folder, a home folder and a temporary one.
fn project_path(file: &str) -> String {
    let file = file.strip_prefix("file://").unwrap_or(file).replace('\\', "/");
    let absolute = file.starts_with('/') || file.get(1..3) == Some(":/");
    let mut parts: Vec<&str> = file.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let Some(name) = parts.pop() else { return String::new() };
    let folders = if absolute { within_project(&parts) } else { &parts };
    match folders.last().filter(|folder| !is_passing(folder)) {
        Some(folder) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

/// The folders behind those of the installation.
fn within_project<'a>(folders: &'a [&'a str]) -> &'a [&'a str] {
    // Folders that lead to where projects lie, each followed by the project's own folder.
    let leading = match folders {
        ["home" | "Users", _, ..] => 2,
        ["usr", "src" | "local" | "share" | "lib"] | ["usr", "src" | "local" | "share" | "lib", ..] => 2,
        ["var", "www" | "lib" | "task" | "tmp" | "opt", ..] | ["opt", "releases", ..] => 2,
        ["private", "tmp" | "var", ..] => 2,
        ["app" | "code" | "workspace" | "src" | "project", ..] => 0,
        [_, ..] => 1,
        [] => 0,
    };
    let rest = &folders[leading.min(folders.len())..];
    let rest = rest.get(1..).unwrap_or_default();
    let passing = rest.iter().take_while(|folder| is_passing(folder)).count();
    &rest[passing..]
}

/// Folders that belong to an installation and not to the project: releases, versions, check-outs.
fn is_passing(folder: &str) -> bool {
    matches!(
        folder,
        "app" | "src" | "current" | "release" | "releases" | "checkout" | "build" | "dist" | "tmp"
    ) || folder.bytes().any(|b| b.is_ascii_digit())
}

fn title(record: &Record) -> String {
    let text = match &record.trace {
        Some(trace) => trace_title(trace),
        None => record.message.trim().to_owned(),
    };
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(TITLE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "error without a message".to_owned(),
        None => line.to_owned(),
    }
}

fn trace_title(trace: &Trace) -> String {
    let exception = trace.exception.as_deref().unwrap_or("error");
    let frame = trace.in_app_frame().or(trace.frames.first());
    let function = frame.and_then(|frame| frame.function.as_deref());
    let place = function.map(|function| format!(" in {function}")).unwrap_or_default();
    let message = trace.message.as_deref().and_then(|message| message.lines().next());
    let message = message.map(|message| format!(": {message}")).unwrap_or_default();
    format!("{exception}{place}{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_name_wherever_its_project_is_installed() {
        for (file, expected) in [
            ("/srv/app/app.py", "app.py"),
            ("/opt/releases/20261105-9f3c1ab/app/app.py", "app.py"),
            ("/tmp/tmpab12cd/app.py", "app.py"),
            ("/home/bob/shop/app.py", "app.py"),
            ("/app/app.py", "app.py"),
            ("/usr/src/app/app.py", "app.py"),
            ("app.py", "app.py"),
            ("./app.py", "app.py"),
            ("/srv/app/users/views.py", "users/views.py"),
            ("/opt/releases/20261105-9f3c1ab/app/users/views.py", "users/views.py"),
            ("/home/bob/shop/users/views.py", "users/views.py"),
            ("/var/www/shop/users/views.py", "users/views.py"),
            ("users/views.py", "users/views.py"),
            ("C:\\srv\\shop\\users\\views.py", "users/views.py"),
            ("", ""),
        ] {
            assert_eq!(project_path(file), expected, "{file}");
        }
    }

    #[test]
    fn depth_and_lines_do_not_split_an_error_but_functions_do() {
        let frame = |function: &str, line| Frame {
            module: None,
            file: Some("/srv/app/tree.py".into()),
            line: Some(line),
            function: Some(function.into()),
            source: None,
            in_app: true,
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
            source: None,
            in_app,
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
        assert_eq!(key(&trace_parts(&trace)), "aa9c29ca20acfd44");
    }
}
