//! The stack trace of a structured line, wherever its logger puts it.

use super::fields::{SAID, TRACE, TYPE};
use super::{first, frames, has_lines};
use crate::object::{Object, Value};

/// The first field that may hold a stack trace, which has several lines; some loggers write the lines as a list.
pub(super) fn trace(object: &Object<'_>) -> Option<String> {
    // Hardly any line has one, and looking for all of the names takes longer than everything else.
    let may_hold = |value: &Value| match value {
        Value::Text(text) => has_lines(text),
        Value::List(_) | Value::Object(_) => true,
        Value::Number(_) | Value::True | Value::Other => false,
    };
    if !object.values().any(may_hold) {
        return None;
    }
    let mut texts = TRACE.iter().filter_map(|name| match object.field(name)? {
        Value::Text(text) => Some(text.clone()),
        Value::List(lines) => {
            let lines: Option<Vec<&str>> = lines.iter().map(Value::as_str).collect();
            // Two of them are a type and a message, as Rails logs them.
            let is_pair = name.text == "exception" && lines.as_ref().is_some_and(|lines| lines.len() == 2);
            lines.filter(|_| !is_pair).map(|lines| lines.join("\n").into())
        }
        Value::Object(_) | Value::Number(_) | Value::True | Value::Other => None,
    });
    let Some(stack) = texts.find(|text| has_lines(text)) else { return frames::text(object) };
    Some(if is_headless(&stack) { with_head(object, &stack) } else { stack.into_owned() })
}

/// Whether a stack begins with a frame, so that the exception is named elsewhere.
fn is_headless(stack: &str) -> bool {
    const STARTS: [&str; 4] = ["at ", "File \"", "#0 ", "from "];
    let first = stack.trim_start().lines().next().unwrap_or_default();
    let function = !first.contains(' ') && first.contains('.') && !first.ends_with("Exception");
    STARTS.iter().any(|start| first.starts_with(start)) || function || first.contains(":in ")
}

/// The stack behind the type and the message that other fields name.
fn with_head(object: &Object<'_>, stack: &str) -> String {
    let pair = match object.get("exception").and_then(Value::as_list) {
        Some([Value::Text(name), Value::Text(said)]) => (Some(name.clone()), Some(said.clone())),
        Some(_) | None => (first(object, &TYPE), first(object, &SAID)),
    };
    match pair {
        (Some(name), Some(said)) => format!("{name}: {said}\n{stack}"),
        (Some(one), None) | (None, Some(one)) => format!("{one}\n{stack}"),
        (None, None) => stack.to_owned(),
    }
}
