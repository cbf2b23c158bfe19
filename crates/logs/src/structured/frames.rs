//! Stack traces whose frames are objects: as structlog and log4j write them, and as events of error trackers hold
//! them.
//!
//! They say what a printed trace says, so they are written down as the interpreter would have printed them, and read as
//! any other. What else stands in a frame, such as the values of variables, is left out.

use std::fmt::Write as _;

use crate::object::{Object, Value};

/// Exceptions of a chain, and frames of each of them, at most.
const CHAIN: usize = 16;
const FRAMES: usize = 256;

/// An exception, with what was called last first.
#[derive(Debug, Default)]
struct Raised<'a> {
    kind: &'a str,
    said: &'a str,
    frames: Vec<Frame<'a>>,
    /// It was given as the cause of the one before it, rather than being handled when that came.
    caused: bool,
}

#[derive(Debug, Default)]
struct Frame<'a> {
    file: &'a str,
    line: Option<u64>,
    column: Option<u64>,
    function: &'a str,
    class: &'a str,
    source: &'a str,
}

/// Who would have printed a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Printer {
    Python,
    Java,
    Node,
}

/// The trace of an object, as it would have been printed.
pub(super) fn text(object: &Object<'_>) -> Option<String> {
    let chain = chain(object)?;
    let printer = chain.iter().flat_map(|raised| &raised.frames).find_map(Printer::of)?;
    let mut text = String::new();
    match printer {
        Printer::Python => python(&chain, &mut text),
        Printer::Java => java(&chain, &mut text),
        Printer::Node => node(&chain, &mut text),
    }
    .ok()?;
    Some(text)
}

/// The exceptions, each before its cause.
fn chain<'a>(object: &'a Object<'a>) -> Option<Vec<Raised<'a>>> {
    let structlog = || {
        let list = object.get("exception")?.as_list()?;
        list.iter().take(CHAIN).map(|one| Raised::of_structlog(one.as_object()?)).collect::<Option<Vec<_>>>()
    };
    let tracker = || {
        let list = object.get("exception")?.as_object()?.get("values")?.as_list()?;
        list.iter().rev().take(CHAIN).map(|one| Raised::of_tracker(one.as_object()?)).collect()
    };
    structlog().or_else(tracker).or_else(|| log4j(object))
}

fn log4j<'a>(object: &'a Object<'a>) -> Option<Vec<Raised<'a>>> {
    let mut chain = Vec::new();
    let mut next = object.get("thrown").and_then(Value::as_object);
    while let Some(thrown) = next.filter(|_| chain.len() < CHAIN) {
        let frames = frames_of(thrown.get("extendedStackTrace")?.as_list()?)?;
        let (kind, said) = (text_of(thrown, &["name"]), text_of(thrown, &["message", "localizedMessage"]));
        chain.push(Raised { kind, said, frames, caused: true });
        next = thrown.get("cause").and_then(Value::as_object);
    }
    (!chain.is_empty()).then_some(chain)
}

impl<'a> Raised<'a> {
    fn of_structlog(object: &'a Object<'a>) -> Option<Self> {
        let mut frames = frames_of(object.get("frames")?.as_list()?)?;
        frames.reverse();
        let caused = matches!(object.get("is_cause"), Some(Value::True));
        let (kind, said) = (text_of(object, &["exc_type"]), text_of(object, &["exc_value"]));
        (!kind.is_empty()).then_some(Self { kind, said, frames, caused })
    }

    fn of_tracker(object: &'a Object<'a>) -> Option<Self> {
        let stack = object.get("stacktrace").and_then(Value::as_object);
        let frames = stack.and_then(|stack| stack.get("frames")).and_then(Value::as_list);
        let mut frames = frames.map_or(Some(Vec::new()), frames_of)?;
        frames.reverse();
        let (kind, said) = (text_of(object, &["type"]), text_of(object, &["value"]));
        (!kind.is_empty()).then_some(Self { kind, said, frames, caused: true })
    }
}

fn frames_of<'a>(list: &'a [Value<'a>]) -> Option<Vec<Frame<'a>>> {
    list.iter().take(FRAMES).map(|frame| Frame::of(frame.as_object()?)).collect()
}

impl<'a> Frame<'a> {
    /// A frame names a file, and mostly a line in it.
    fn of(object: &'a Object<'a>) -> Option<Self> {
        let number = |names: &[&str]| names.iter().find_map(|name| object.get(name)?.as_number());
        let frame = Self {
            file: text_of(object, &["filename", "abs_path", "file"]),
            line: number(&["lineno", "line"]),
            column: number(&["colno", "column"]),
            function: text_of(object, &["name", "function", "method"]),
            class: text_of(object, &["class", "module"]),
            source: text_of(object, &["context_line", "line"]),
        };
        (!frame.file.is_empty() || !frame.class.is_empty()).then_some(frame)
    }

    /// The line in the file, or nothing that could be one.
    fn line(&self) -> u64 {
        self.line.unwrap_or(0)
    }
}

impl Printer {
    fn of(frame: &Frame<'_>) -> Option<Self> {
        match frame.file.rsplit_once('.').map_or("", |(_, ending)| ending) {
            "py" => Some(Self::Python),
            "java" | "kt" | "scala" | "groovy" => Some(Self::Java),
            "js" | "mjs" | "cjs" | "ts" | "tsx" | "jsx" | "mts" => Some(Self::Node),
            _ => None,
        }
    }
}

fn python(chain: &[Raised<'_>], out: &mut String) -> std::fmt::Result {
    for (at, raised) in chain.iter().enumerate().rev() {
        writeln!(out, "Traceback (most recent call last):")?;
        for frame in raised.frames.iter().rev() {
            writeln!(out, "  File \"{}\", line {}, in {}", frame.file, frame.line(), frame.function)?;
            if !frame.source.trim().is_empty() {
                writeln!(out, "    {}", one_line(frame.source.trim()))?;
            }
        }
        head(raised, out)?;
        let behind = match (at, raised.caused) {
            (0, _) => "",
            (_, true) => "\n\nThe above exception was the direct cause of the following exception:\n\n",
            (_, false) => "\n\nDuring handling of the above exception, another exception occurred:\n\n",
        };
        out.push_str(behind);
    }
    Ok(())
}

fn java(chain: &[Raised<'_>], out: &mut String) -> std::fmt::Result {
    for (at, raised) in chain.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "\nCaused by: " });
        head(raised, out)?;
        for frame in &raised.frames {
            let Frame { class, function, file, .. } = frame;
            match frame.line {
                Some(line) if !file.is_empty() => write!(out, "\n\tat {class}.{function}({file}:{line})")?,
                Some(_) | None => write!(out, "\n\tat {class}.{function}(Unknown Source)")?,
            }
        }
    }
    Ok(())
}

fn node(chain: &[Raised<'_>], out: &mut String) -> std::fmt::Result {
    let Some(raised) = chain.first() else { return Ok(()) };
    head(raised, out)?;
    for frame in &raised.frames {
        let column = frame.column.unwrap_or(1);
        match frame.function {
            "" => write!(out, "\n    at {}:{}:{column}", frame.file, frame.line())?,
            function => write!(out, "\n    at {function} ({}:{}:{column})", frame.file, frame.line())?,
        }
    }
    Ok(())
}

fn head(raised: &Raised<'_>, out: &mut String) -> std::fmt::Result {
    match (raised.kind, raised.said) {
        (kind, "") => write!(out, "{kind}"),
        ("", said) => write!(out, "{said}"),
        (kind, said) => write!(out, "{kind}: {said}"),
    }
}

fn one_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The text of the first of these fields that has one.
fn text_of<'a>(object: &'a Object<'a>, names: &[&str]) -> &'a str {
    names.iter().find_map(|name| object.get(name)?.as_str()).unwrap_or_default()
}
