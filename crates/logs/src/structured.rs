//! Lines that are objects: JSON and logfmt, and access logs, whose columns are as fixed.
//!
//! A line counts as structured only when it has a field that a logger writes (level or message) or is a request with its
//! status; any other object is ordinary text, such as a printed response. The names are those of the common loggers and
//! standards, looked up in a fixed order, the most exact first.

use std::borrow::Cow;

use crate::access;
use crate::header::{self, Header, level};
use crate::object::{Name, Object, Value, names};
use crate::record::Level;

const TIME: [Name; 24] = names([
    "time",
    "timestamp",
    "ts",
    "@timestamp",
    "asctime",
    "datetime",
    "@t",
    "Timestamp",
    "timeMillis",
    "t.$date",
    "instant.epochSecond",
    "timeUnixNano",
    "observedTimeUnixNano",
    "timestamp_ms",
    "eventTime",
    "event_time",
    "written_at",
    "Time",
    "dt",
    "date",
    "@time",
    "time_iso8601",
    "time_local",
    "t",
]);
const LEVEL: [Name; 18] = names([
    "level",
    "severity",
    "lvl",
    "levelname",
    "log.level",
    "loglevel",
    "@l",
    "level_name",
    "severityText",
    "severity_text",
    "LogLevel",
    "Level",
    "log_level",
    "logLevel",
    "SeverityText",
    "jsonPayload.level",
    "severityNumber",
    "s",
]);
const LOGGER: [Name; 19] = names([
    "logger",
    "logger_name",
    "name",
    "module",
    "log.logger",
    "loggerName",
    "Category",
    "SourceContext",
    "Properties.SourceContext",
    "channel",
    "target",
    "component",
    "Logger",
    "scope.name",
    "instrumentationScope.name",
    "progname",
    "facility",
    "caller",
    "c",
]);
const MESSAGE: [Name; 21] = names([
    "message",
    "msg",
    "@m",
    "@mt",
    "event",
    "text",
    "short_message",
    "textPayload",
    "jsonPayload.message",
    "body",
    "body.stringValue",
    "Body",
    "fields.message",
    "Message",
    "RenderedMessage",
    "MessageTemplate",
    "errorMessage",
    "MESSAGE",
    "log",
    "error",
    "err",
]);
const HOST: [Name; 7] = names([
    "host",
    "hostname",
    "host.name",
    "MachineName",
    "Properties.MachineName",
    "resource.host.name",
    "HOSTNAME",
]);
const PROCESS: [Name; 6] = names(["pid", "process.pid", "process_id", "processId", "ProcessId", "process"]);
const THREAD: [Name; 9] = names([
    "thread",
    "thread_name",
    "threadName",
    "thread.name",
    "process.thread.name",
    "ThreadId",
    "Properties.ThreadId",
    "threadId",
    "ctx",
]);
/// Fields that hold a stack trace; behind a dot, a field of an object.
const TRACE: [Name; 35] = names([
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
    "@x",
    "Exception",
    "StackTrace",
    "full_message",
    "exception.backtrace",
    "exception.stackTrace",
    "attributes.exception.stacktrace",
    "jsonPayload.stack_trace",
    "jsonPayload.exception",
    "context.exception.trace",
    "fields.backtrace",
    "error.backtrace",
    "exc.stack",
]);
/// Fields that name the exception where its stack stands alone, and what it says.
const TYPE: [Name; 8] = names([
    "exception.type",
    "error.type",
    "err.type",
    "exception.class",
    "error.class",
    "error.kind",
    "exception_class",
    "error_class",
]);
const SAID: [Name; 7] = names([
    "exception.message",
    "error.message",
    "err.message",
    "exception_message",
    "error_message",
    "error",
    "err",
]);
/// Type and text of an error without a stack.
const ERRORS: [(Name, Name); 12] = [
    (Name::new("exception.type"), Name::new("exception.message")),
    (Name::new("error.type"), Name::new("error.message")),
    (Name::new("err.type"), Name::new("err.message")),
    (Name::new("error.name"), Name::new("error.message")),
    (Name::new("err.name"), Name::new("err.message")),
    (Name::new("exception.class"), Name::new("exception.message")),
    (Name::new("exception.exceptionClass"), Name::new("exception.exceptionMessage")),
    (Name::new("exception.exception_class"), Name::new("exception.exception_message")),
    (Name::new("exception.exception_type"), Name::new("exception.exception_message")),
    (Name::new("errorType"), Name::new("errorMessage")),
    (Name::new("context.exception.class"), Name::new("context.exception.message")),
    (Name::new("thrown.name"), Name::new("thrown.message")),
];
/// Text of an error without a type.
const ERROR_TEXTS: [Name; 6] = names(["error", "err", "exception", "Exception", "@x", "cause"]);

/// A request and its answer.
const STATUS: [Name; 3] = names(["status", "status_code", "http.response.status_code"]);
const METHOD: [Name; 4] = names(["request.method", "request_method", "method", "http.request.method"]);
const PATH: [Name; 5] = names(["request.uri", "request_uri", "uri", "path", "url.path"]);
const SPOKEN: [Name; 2] = names(["message", "msg"]);

/// A structured line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) header: Header,
    /// Text of the field that holds a stack trace.
    pub(crate) trace: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) process: Option<String>,
    pub(crate) thread: Option<String>,
}

/// The fields of a structured line; `None` for any other line.
pub(crate) fn parse(line: &str) -> Option<Fields> {
    let line = line.trim();
    let object = if line.starts_with('{') && line.ends_with('}') {
        Object::from_json(line)?
    } else if let Some(object) = logfmt(line) {
        object
    } else {
        return access::line(line).map(|header| Fields { header, ..Fields::default() });
    };
    let time = first(&object, &TIME).and_then(|text| header::time(&text));
    let said_level = level_of(&object);
    let logger = owned(&object, &LOGGER);
    let trace = trace(&object);
    let (level, message) = match request(&object) {
        Some(request) => (request.level(said_level), request.message()),
        None => {
            let message = owned(&object, &MESSAGE);
            if said_level.is_none() && message.is_none() {
                return None;
            }
            let message = message.unwrap_or_default();
            (said_level, if trace.is_none() { with_error(&object, said_level, message) } else { message })
        }
    };
    let trace = trace.or_else(|| has_lines(&message).then(|| message.clone()));
    Some(Fields {
        header: Header { time, level, logger, message },
        trace,
        host: owned(&object, &HOST),
        process: owned(&object, &PROCESS),
        thread: owned(&object, &THREAD),
    })
}

/// The level by word, letter or number.
fn level_of(object: &Object<'_>) -> Option<Level> {
    let (name, text) = LEVEL.iter().find_map(|name| Some((name.text, plain(object.field(name)?)?)))?;
    if name == "s" {
        return level::letter(*text.as_bytes().first().filter(|_| text.len() == 1)?);
    }
    if let Some(level) = level::word(text.as_bytes()) {
        return Some(level);
    }
    let number = text.parse::<u16>().ok()?;
    match name {
        // OpenTelemetry has four steps to each level.
        "severityNumber" => match number {
            1..=4 => Some(Level::Trace),
            5..=8 => Some(Level::Debug),
            9..=12 => Some(Level::Info),
            13..=16 => Some(Level::Warning),
            17..=20 => Some(Level::Error),
            21..=24 => Some(Level::Critical),
            _ => None,
        },
        // Syslog's eight (GELF), or the tens of Node's loggers (30 information, 40 warning, 50 error, 60 fatal).
        _ => match number {
            0..=7 => level::priority(number),
            10..20 => Some(Level::Trace),
            20..30 => Some(Level::Debug),
            30..40 => Some(Level::Info),
            40..50 => Some(Level::Warning),
            50..60 => Some(Level::Error),
            60..70 => Some(Level::Critical),
            // Monolog's hundreds.
            100 => Some(Level::Debug),
            200..300 => Some(Level::Info),
            300 => Some(Level::Warning),
            400 => Some(Level::Error),
            500..=600 => Some(Level::Critical),
            _ => None,
        },
    }
}

/// The message of an error with the error that it was about, where the program logged that as a field without a stack.
fn with_error(object: &Object<'_>, level: Option<Level>, message: String) -> String {
    if level < Some(Level::Error) {
        return message;
    }
    let typed = ERRORS.iter().find_map(|(class, text)| {
        let (class, text) = (plain(object.field(class)?)?, object.field(text).and_then(plain));
        Some(match text {
            Some(text) => format!("{class}: {text}").into(),
            None => class,
        })
    });
    let error = typed.or_else(|| first(object, &ERROR_TEXTS)).unwrap_or_default();
    if error.is_empty() || message.contains(&*error) {
        message
    } else if message.is_empty() || error.contains(&message) {
        error.into_owned()
    } else {
        format!("{message}: {error}")
    }
}

/// A request with its status, as web servers log it in JSON.
fn request(object: &Object<'_>) -> Option<access::Request> {
    let status = first(object, &STATUS)?.parse().ok()?;
    if let Some(line) = object.get("request").and_then(Value::as_str) {
        return access::Request::of(line, status);
    }
    let (method, path) = (first(object, &METHOD)?, first(object, &PATH)?);
    let spoken = first(object, &SPOKEN);
    let access = spoken.is_none_or(|text| text == "handled request");
    access.then(|| access::Request::new(&method, &path, status)).flatten()
}

/// The first field that may hold a stack trace, which has several lines; some loggers write the lines as a list.
fn trace(object: &Object<'_>) -> Option<String> {
    // Hardly any line has one, and looking for all of the names takes longer than everything else.
    let may_hold = |value: &Value| match value {
        Value::Text(text) => has_lines(text),
        Value::List(_) | Value::Object(_) => true,
        Value::Number(_) | Value::Other => false,
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
        Value::Object(_) | Value::Number(_) | Value::Other => None,
    });
    let stack = texts.find(|text| has_lines(text))?;
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

/// Whether a text has several lines, whose breaks may have been escaped once more than the line itself.
fn has_lines(text: &str) -> bool {
    text.contains('\n') || text.contains("\\n") || text.contains("#012")
}

/// Text or a number.
fn plain<'o>(value: &'o Value<'_>) -> Option<Cow<'o, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::List(_) | Value::Object(_) | Value::Other => None,
    }
}

/// The first of the names that holds text or a number.
fn first<'o>(object: &'o Object<'_>, names: &[Name]) -> Option<Cow<'o, str>> {
    names.iter().find_map(|name| object.field(name).and_then(plain))
}

fn owned(object: &Object<'_>, names: &[Name]) -> Option<String> {
    first(object, names).map(Cow::into_owned)
}

/// `key=value key="quoted value"`; every part must have that form.
fn logfmt(line: &str) -> Option<Object<'_>> {
    let mut object = Object::default();
    let mut rest = line;
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"_.-@".contains(b)).count();
        let key = rest.get(..length).filter(|key| !key.is_empty())?;
        let after = rest[length..].strip_prefix('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let end = memchr::memchr(b' ', after.as_bytes()).unwrap_or(after.len());
                (Cow::Borrowed(&after[..end]), &after[end..])
            }
        };
        object.insert(Cow::Borrowed(key), Value::Text(value));
        rest = after.trim_start();
    }
    Some(object)
}

/// A value up to its closing quote, unescaped, and what follows.
fn quoted_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let first = memchr::memchr2(b'"', b'\\', text.as_bytes())?;
    if text.as_bytes().get(first) == Some(&b'"') {
        return Some((Cow::Borrowed(&text[..first]), &text[first + 1..]));
    }
    let mut value = text[..first].to_owned();
    let mut chars = text.char_indices().skip_while(|(at, _)| *at < first);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
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
            ..Fields::default()
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

    fn said(line: &str) -> (Option<&'static str>, String, String) {
        let header = parse(line).unwrap_or_else(|| panic!("no fields in {line}")).header;
        let time = header.time.map(|time| time.to_string()).unwrap_or_default();
        (
            header.level.map(Level::as_str),
            time,
            format!("{}|{}", header.logger.unwrap_or_default(), header.message),
        )
    }

    #[test]
    fn the_fields_of_common_loggers_are_known() {
        let at = "2026-11-05T10:00:00Z";
        for (line, level, time, rest) in [
            (
                r#"{"@t":"2026-11-05T10:00:00Z","@l":"Error","@m":"it broke","SourceContext":"Acme.X"}"#,
                "error",
                at,
                "Acme.X|it broke",
            ),
            (
                r#"{"@timestamp":"2026-11-05T10:00:00Z","log.level":"error","log.logger":"x","message":"it broke"}"#,
                "error",
                at,
                "x|it broke",
            ),
            (
                r#"{"@timestamp":"2026-11-05T10:00:00Z","log":{"level":"warn","logger":"x"},"message":"slow"}"#,
                "warning",
                at,
                "x|slow",
            ),
            (
                r#"{"level":50,"time":1793872800000,"pid":1,"hostname":"a","name":"shop","msg":"it broke"}"#,
                "error",
                at,
                "shop|it broke",
            ),
            (
                r#"{"level":"error","ts":1793872800.0,"logger":"shop","caller":"a.go:1","msg":"it broke","error":"no room"}"#,
                "error",
                at,
                "shop|it broke: no room",
            ),
            (
                r#"{"time":"2026-11-05T10:00:00Z","level":"ERROR","msg":"it broke","err":"no room"}"#,
                "error",
                at,
                "|it broke: no room",
            ),
            (
                r#"{"event":"it broke","level":"error","timestamp":"2026-11-05T10:00:00Z","logger":"shop"}"#,
                "error",
                at,
                "shop|it broke",
            ),
            (
                r#"{"message":"it broke","context":{"exception":{"class":"RuntimeException","message":"no room"}},"level":400,"level_name":"ERROR","channel":"app","datetime":"2026-11-05T10:00:00+00:00"}"#,
                "error",
                at,
                "app|it broke: RuntimeException: no room",
            ),
            (
                r#"{"version":"1.1","host":"a","short_message":"it broke","timestamp":1793872800,"level":3}"#,
                "error",
                at,
                "|it broke",
            ),
            (
                r#"{"severity":"ERROR","timestamp":"2026-11-05T10:00:00Z","textPayload":"it broke"}"#,
                "error",
                at,
                "|it broke",
            ),
            (
                r#"{"severity":"ERROR","timestamp":"2026-11-05T10:00:00Z","jsonPayload":{"message":"it broke"}}"#,
                "error",
                at,
                "|it broke",
            ),
            (
                r#"{"timeUnixNano":"1793872800000000000","severityNumber":17,"body":{"stringValue":"it broke"}}"#,
                "error",
                at,
                "|it broke",
            ),
            (
                r#"{"timestamp":"2026-11-05T10:00:00Z","level":"ERROR","fields":{"message":"it broke"},"target":"shop::cart"}"#,
                "error",
                at,
                "shop::cart|it broke",
            ),
            (
                r#"{"t":{"$date":"2026-11-05T10:00:00.000+00:00"},"s":"E","c":"NETWORK","id":1,"ctx":"conn1","msg":"it broke"}"#,
                "error",
                at,
                "NETWORK|it broke",
            ),
            (
                r#"{"Timestamp":"2026-11-05T10:00:00Z","EventId":0,"LogLevel":"Error","Category":"Acme.X","Message":"it broke"}"#,
                "error",
                at,
                "Acme.X|it broke",
            ),
            (
                r#"{"timeMillis":1793872800000,"thread":"main","level":"ERROR","loggerName":"com.acme.X","message":"it broke","thrown":{"name":"java.io.IOException","message":"no room"}}"#,
                "error",
                at,
                "com.acme.X|it broke: java.io.IOException: no room",
            ),
            (
                r#"{"level":"error","message":"","error":{"type":"IOError","message":"no room"}}"#,
                "error",
                "",
                "|IOError: no room",
            ),
            (
                r#"{"errorType":"TypeError","errorMessage":"x is not a function","level":"ERROR"}"#,
                "error",
                "",
                "|TypeError: x is not a function",
            ),
            (
                "ts=2026-11-05T10:00:00Z caller=main.go:1 level=error msg=\"it broke\" err=\"no room\"",
                "error",
                at,
                "main.go:1|it broke: no room",
            ),
            (
                r#"{"level":"error","ts":1793872800.0,"logger":"http.log.access","msg":"handled request","request":{"method":"GET","uri":"/x?a=1"},"status":500}"#,
                "error",
                at,
                "http.log.access|GET /x 500",
            ),
            (
                r#"{"time_iso8601":"2026-11-05T10:00:00+00:00","status":"404","request":"GET /y HTTP/1.1"}"#,
                "warning",
                at,
                "|GET /y 404",
            ),
        ] {
            let expected = (Some(level), time.to_owned(), rest.to_owned());
            assert_eq!(said(line), expected, "{line}");
        }
    }

    #[test]
    fn host_process_and_thread_are_kept() {
        let line = r#"{"level":50,"pid":7,"hostname":"web0","thread":"main","msg":"x"}"#;
        let fields = parse(line).unwrap();
        let said = (fields.host.as_deref(), fields.process.as_deref(), fields.thread.as_deref());
        assert_eq!(said, (Some("web0"), Some("7"), Some("main")));
    }
}
