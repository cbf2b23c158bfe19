//! Lines that are objects: JSON and logfmt.
//!
//! A line counts as structured only when it has a field that a logger writes (level or message); any other object is
//! ordinary text, such as a printed response.

use serde_json::{Map, Value};

use crate::header::{self, Header};
use crate::record::Level;

const TIME: [&str; 6] = ["time", "timestamp", "ts", "@timestamp", "asctime", "datetime"];
const LEVEL: [&str; 6] = ["level", "severity", "lvl", "levelname", "log.level", "loglevel"];
const LOGGER: [&str; 5] = ["logger", "logger_name", "name", "module", "log.logger"];
const MESSAGE: [&str; 5] = ["message", "msg", "event", "text", "error"];
/// Fields that hold a stack trace; behind a dot, a field of an object.
const TRACE: [&str; 30] = [
    "exc_info",
    "exception",
    "traceback",
    "stack_trace",
    "stack",
    "stacktrace",
    "stackTrace",
    "error.stack_trace",
    "exc_text",
    "error.stack",
    "err.stack",
    "err",
    "error",
    "error.stacktrace",
    "error.stackTrace",
    "exception.stacktrace",
    "exception.stack",
    "exception.stack_trace",
    "errorVerbose",
    "errorStack",
    "thrown.extendedStackTrace",
    "backtrace",
    "exception.backtrace",
    "error.backtrace",
    "exc.stack",
    "exception.stackTrace",
    "StackTrace",
    "Exception",
    "@x",
    "full_message",
];
/// Fields that name the exception where its stack stands alone, and what it says.
const TYPE: [&str; 8] = [
    "exception.type",
    "error.type",
    "err.type",
    "exception.class",
    "error.class",
    "error.kind",
    "exception_class",
    "error_class",
];
const SAID: [&str; 7] = [
    "exception.message",
    "error.message",
    "err.message",
    "exception_message",
    "error_message",
    "error",
    "err",
];

/// A structured line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) header: Header,
    /// Text of the field that holds a stack trace.
    pub(crate) trace: Option<String>,
}

/// The fields of a structured line; `None` for any other line.
pub(crate) fn parse(line: &str) -> Option<Fields> {
    let line = line.trim();
    let object = if line.starts_with('{') && line.ends_with('}') {
        serde_json::from_str::<Map<String, Value>>(line).ok()?
    } else {
        logfmt(line)?
    };
    let level = first(&object, &LEVEL);
    let message = first(&object, &MESSAGE);
    if level.is_none() && message.is_none() {
        return None;
    }
    let header = Header {
        time: first(&object, &TIME).and_then(|text| time(&text)),
        level: level.and_then(|text| self::level(&text)),
        logger: first(&object, &LOGGER),
        message: message.unwrap_or_default(),
    };
    let message = Some(&header.message).filter(|text| has_lines(text));
    let trace = trace(&object).or_else(|| message.cloned());
    Some(Fields { header, trace })
}

/// The first field that may hold a stack trace, which has several lines; some loggers write the lines as a list.
fn trace(object: &Map<String, Value>) -> Option<String> {
    // Hardly any line has one, and looking for all of the names takes longer than everything else.
    let may_hold = |value: &Value| match value {
        Value::String(text) => has_lines(text),
        Value::Array(_) | Value::Object(_) => true,
        Value::Number(_) | Value::Bool(_) | Value::Null => false,
    };
    if !object.values().any(may_hold) {
        return None;
    }
    let mut texts = TRACE.iter().filter_map(|name| match field(object, name)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => {
            let lines: Option<Vec<&str>> = lines.iter().map(Value::as_str).collect();
            // Two of them are a type and a message, as Rails logs them.
            let is_pair = *name == "exception" && lines.as_ref().is_some_and(|lines| lines.len() == 2);
            lines.filter(|_| !is_pair).map(|lines| lines.join("\n"))
        }
        Value::Object(_) | Value::Number(_) | Value::Bool(_) | Value::Null => None,
    });
    let stack = texts.find(|text| has_lines(text))?;
    Some(if is_headless(&stack) { with_head(object, &stack) } else { stack })
}

/// Whether a stack begins with a frame, so that the exception is named elsewhere.
fn is_headless(stack: &str) -> bool {
    const STARTS: [&str; 4] = ["at ", "File \"", "#0 ", "from "];
    let first = stack.trim_start().lines().next().unwrap_or_default();
    let function = !first.contains(' ') && first.contains('.') && !first.ends_with("Exception");
    STARTS.iter().any(|start| first.starts_with(start)) || function || first.contains(":in ")
}

/// The stack behind the type and the message that other fields name.
fn with_head(object: &Map<String, Value>, stack: &str) -> String {
    let pair = match object.get("exception").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(name), Value::String(said)]) => (Some(name.clone()), Some(said.clone())),
        Some(_) | None => (first(object, &TYPE), first(object, &SAID)),
    };
    match pair {
        (Some(name), Some(said)) => format!("{name}: {said}\n{stack}"),
        (Some(one), None) | (None, Some(one)) => format!("{one}\n{stack}"),
        (None, None) => stack.to_owned(),
    }
}

/// Whether a text has several lines, whose breaks may have been escaped once more than the line itself.
fn has_lines(text: &str) -> bool {
    text.contains('\n') || text.contains("\\n") || text.contains("#012")
}

/// The value of a name, also one object deep for names with a dot.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        object.get(outer)?.get(inner)
    })
}

/// The first of the names that holds text or a number.
fn first(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let value = field(object, name)?;
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(_) | Value::Object(_) | Value::Bool(_) | Value::Null => None,
        }
    })
}

fn time(text: &str) -> Option<jiff::Timestamp> {
    header::time(text)
}

/// A level by word, or by the numbers of Node's loggers (30 information, 40 warning, 50 error, 60 fatal).
fn level(text: &str) -> Option<Level> {
    Level::from_word(text).or_else(|| match text.parse::<u8>().ok()? {
        10 => Some(Level::Trace),
        20 => Some(Level::Debug),
        30 => Some(Level::Info),
        40 => Some(Level::Warning),
        50 => Some(Level::Error),
        60 => Some(Level::Critical),
        _ => None,
    })
}

/// `key=value key="quoted value"`; every part must have that form.
fn logfmt(line: &str) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    let mut rest = line;
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"_.-@".contains(b)).count();
        let key = rest.get(..length).filter(|key| !key.is_empty())?;
        let after = rest[length..].strip_prefix('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let end = after.find(' ').unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        object.insert(key.to_owned(), Value::String(value));
        rest = after.trim_start();
    }
    Some(object)
}

/// A value up to its closing quote, unescaped, and what follows.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => {}
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_logfmt_lines_say_the_same() {
        let expected = Fields {
            header: Header {
                time: Some("2026-11-05T10:00:01.5Z".parse().unwrap()),
                level: Some(Level::Error),
                logger: Some("shop".to_owned()),
                message: "it \"broke\"".to_owned(),
            },
            trace: Some("Traceback\n  x".to_owned()),
        };
        let json = r#"{"time":"2026-11-05T10:00:01.5Z","level":"error","logger":"shop","msg":"it \"broke\"","exc_info":"Traceback\n  x"}"#;
        let logfmt = r#"time=2026-11-05T10:00:01.5Z level=error logger=shop msg="it \"broke\"" stack="Traceback\n  x""#;
        assert_eq!(parse(json).as_ref(), Some(&expected));
        assert_eq!(parse(logfmt).as_ref(), Some(&expected));
    }

    #[test]
    fn a_stack_is_found_in_the_fields_that_loggers_use() {
        let expected = Some("Error: x\n    at f".to_owned());
        for fields in [
            r#""stack":"Error: x\n    at f""#,
            r#""err":{"type":"Error","stack":"Error: x\n    at f"}"#,
            r#""error":{"stack":"Error: x\n    at f"}"#,
            r#""error":"x","stacktrace":"Error: x\n    at f""#,
            r#""exception":{"stacktrace":"Error: x\n    at f"}"#,
            r#""exception.stacktrace":"Error: x\n    at f""#,
            r#""stack":["Error: x","    at f"]"#,
            r#""message":"Error: x\n    at f""#,
        ] {
            let line = format!("{{\"level\":\"error\",{fields}}}");
            assert_eq!(parse(&line).unwrap().trace, expected, "{line}");
        }
        for fields in [r#""stack":"one line""#, r#""stack":[1,2]"#, r#""stack":null"#] {
            let line = format!("{{\"level\":\"error\",{fields}}}");
            assert_eq!(parse(&line).unwrap().trace, None, "{line}");
        }
    }

    #[test]
    fn a_stack_alone_gets_the_head_that_other_fields_name() {
        for (fields, expected) in [
            (
                r#""exception.type":"java.lang.Error","exception.message":"x","exception.stacktrace":"at a.B.c(D.java:1)\nat a.B.d(D.java:2)""#,
                "java.lang.Error: x\nat a.B.c(D.java:1)\nat a.B.d(D.java:2)",
            ),
            (
                r#""error":"cannot load","stacktrace":"main.load\n\t/srv/main.go:9\nmain.main\n\t/srv/main.go:3""#,
                "cannot load\nmain.load\n\t/srv/main.go:9\nmain.main\n\t/srv/main.go:3",
            ),
            (
                r#""exception":["KeyError","key not found: :a"],"backtrace":["app/a.rb:1:in `b'","app/a.rb:2:in `c'","app/a.rb:3:in `d'"]"#,
                "KeyError: key not found: :a\napp/a.rb:1:in `b'\napp/a.rb:2:in `c'\napp/a.rb:3:in `d'",
            ),
        ] {
            let line = format!("{{\"level\":\"error\",{fields}}}");
            let found = parse(&line).unwrap().trace.unwrap();
            assert_eq!(found, expected, "{line}");
            assert!(
                crate::trace::parse(&found)
                    .is_some_and(|trace| trace.message.is_some() && trace.frames.len() >= 2)
            );
        }
    }

    #[test]
    fn other_objects_and_deep_nesting_are_text() {
        assert_eq!(parse(r#"{"a": 1}"#), None);
        assert_eq!(parse("a=1 b=2"), None);
        assert_eq!(parse(&format!("{{\"level\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000))), None);
    }
}
