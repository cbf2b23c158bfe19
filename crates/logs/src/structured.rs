//! Lines that are objects: JSON and logfmt, and access logs, whose columns are as fixed.
//!
//! A line counts as structured only when it has a field that a logger writes (level or message) or is a request with its
//! status; any other object is ordinary text, such as a printed response. The names are those of the common loggers and
//! standards, looked up in a fixed order, the most exact first.

mod fields;
mod frames;
mod json;
mod logfmt;
mod quick;
mod stack;

use std::borrow::Cow;

use jiff::Timestamp;

use crate::access;
use crate::header::{self, Header, level};
use crate::object::{Name, Object, Value};
use crate::record::Level;
use fields::{
    ERROR_TEXTS, ERRORS, HOST, LEVEL, LOGGER, MESSAGE, METHOD, PATH, PROCESS, SPOKEN, STATUS, THREAD, TIME,
};
use json::Unsure;

/// A structured line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    pub(crate) logger: Option<Cow<'a, str>>,
    pub(crate) message: Cow<'a, str>,
    /// Text of the field that holds a stack trace.
    pub(crate) trace: Option<String>,
    pub(crate) host: Option<Cow<'a, str>>,
    pub(crate) process: Option<Cow<'a, str>>,
    pub(crate) thread: Option<Cow<'a, str>>,
}

/// The fields of a structured line; `None` for any other line.
pub(crate) fn parse(line: &str) -> Option<Fields<'_>> {
    let line = line.trim();
    if line.starts_with('{') && line.ends_with('}') {
        return quick::object(line).unwrap_or_else(|Unsure| of_object(&Object::from_json(line)?));
    }
    match quick::pairs(line) {
        Some(fields) => fields.unwrap_or_else(|Unsure| of_object(&logfmt::object(line)?)),
        None => access::line(line).map(Fields::of_request),
    }
}

/// The fields of an object that was read as a whole.
fn of_object(object: &Object<'_>) -> Option<Fields<'static>> {
    let time = first(object, &TIME).and_then(|text| header::time(&text));
    let said_level = LEVEL.iter().find_map(|name| Some((name.text, plain(object.field(name)?)?)));
    let said_level = said_level.and_then(|(name, text)| level_of(name, &text));
    let logger = owned(object, &LOGGER);
    let trace = stack::trace(object);
    let (level, message) = match request(object) {
        Some(request) => (request.level(said_level), request.message()),
        None => {
            let message = first(object, &MESSAGE).map(Cow::into_owned);
            if said_level.is_none() && message.is_none() {
                return None;
            }
            let message = message.unwrap_or_default();
            (said_level, if trace.is_none() { with_error(object, said_level, message) } else { message })
        }
    };
    let trace = trace.or_else(|| has_lines(&message).then(|| message.clone()));
    Some(Fields {
        time,
        level,
        logger,
        message: Cow::Owned(message),
        trace,
        host: owned(object, &HOST),
        process: owned(object, &PROCESS),
        thread: owned(object, &THREAD),
    })
}

impl Fields<'static> {
    fn of_request(header: Header) -> Self {
        Self {
            time: header.time,
            level: header.level,
            logger: header.logger.map(Cow::Owned),
            message: Cow::Owned(header.message),
            ..Self::default()
        }
    }
}

/// The level by word, letter or number, as the field of that name gives it.
fn level_of(name: &str, text: &str) -> Option<Level> {
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

/// Whether a text has several lines, whose breaks may have been escaped once more than the line itself.
fn has_lines(text: &str) -> bool {
    text.contains('\n') || text.contains("\\n") || text.contains("#012")
}

/// Text or a number.
fn plain<'o>(value: &'o Value<'_>) -> Option<Cow<'o, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::List(_) | Value::Object(_) | Value::True | Value::Other => None,
    }
}

/// The first of the names that holds text or a number.
fn first<'o>(object: &'o Object<'_>, names: &[Name]) -> Option<Cow<'o, str>> {
    names.iter().find_map(|name| object.field(name).and_then(plain))
}

fn owned(object: &Object<'_>, names: &[Name]) -> Option<Cow<'static, str>> {
    first(object, names).map(|text| Cow::Owned(text.into_owned()))
}

#[cfg(test)]
mod tests;
