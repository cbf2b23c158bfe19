//! `journalctl -o json`: one object for each entry of the journal.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Envelope, syslog};
use crate::clean::clean;

pub(super) fn unwrap(line: &str) -> Option<(Envelope<'_>, Cow<'_, str>)> {
    if !line.contains("\"__REALTIME_TIMESTAMP\"") {
        return None;
    }
    let fields: Map<String, Value> = serde_json::from_str(line).ok()?;
    let message = fields.get("MESSAGE").map(text).unwrap_or_default();
    let field = |name: &str| fields.get(name).map(text).filter(|text| !text.is_empty());
    Some((envelope(field), Cow::Owned(lines(message.as_bytes()))))
}

/// A text, or the bytes of one that is none; of a field with several values, the first.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
            match values.iter().map(byte).collect::<Option<Vec<u8>>>() {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => values.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
            }
        }
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Object(_) => String::new(),
    }
}

/// Fields that say something around a message.
pub(super) const NAMES: [&str; 10] = [
    "_SOURCE_REALTIME_TIMESTAMP",
    "__REALTIME_TIMESTAMP",
    "PRIORITY",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_USER_UNIT",
    "SYSLOG_IDENTIFIER",
    "_COMM",
    "_PID",
    "SYSLOG_PID",
    "_HOSTNAME",
];

/// What the fields of an entry say around its message.
pub(super) fn envelope(field: impl Fn(&str) -> Option<String>) -> Envelope<'static> {
    let time = field("_SOURCE_REALTIME_TIMESTAMP").or_else(|| field("__REALTIME_TIMESTAMP"));
    let time = time.and_then(|text| Timestamp::from_microsecond(text.parse().ok()?).ok());
    let level = field("PRIORITY").and_then(|text| Some(syslog::level(text.parse().ok()?)));
    let unit = field("_SYSTEMD_UNIT").or_else(|| field("_SYSTEMD_USER_UNIT"));
    let program = field("SYSLOG_IDENTIFIER").or_else(|| field("_COMM"));
    let process = field("_PID").or_else(|| field("SYSLOG_PID"));
    let host = field("_HOSTNAME");
    let stream = unit.or_else(|| program.clone());
    let parts = [host.as_deref(), stream.as_deref(), program.as_deref(), process.as_deref()];
    Envelope {
        key: Cow::Owned(parts.map(Option::unwrap_or_default).join(" ")),
        stream: stream.map(Cow::Owned),
        time,
        level,
        host: host.map(Cow::Owned),
        process: process.map(Cow::Owned),
        program: program.map(Cow::Owned),
        goes_on: false,
    }
}

/// The lines of a message, which may be several, each cleaned.
pub(crate) fn lines(message: &[u8]) -> String {
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    message.split(|byte| *byte == b'\n').map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Level;

    #[test]
    fn an_entry_says_when_who_and_how_bad() {
        let line = r#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1793872800250000","_HOSTNAME":"web0","_SYSTEMD_UNIT":"shop.service","SYSLOG_IDENTIFIER":"shop","_PID":"401","PRIORITY":"3","MESSAGE":"it broke\n  at f"}"#;
        let (envelope, text) = unwrap(line).unwrap();
        let expected = Envelope {
            key: "web0 shop.service shop 401".into(),
            stream: Some("shop.service".into()),
            time: Some("2026-11-05T10:00:00.25Z".parse().unwrap()),
            level: Some(Level::Error),
            host: Some("web0".into()),
            process: Some("401".into()),
            program: Some("shop".into()),
            goes_on: false,
        };
        assert_eq!((envelope, text.as_ref()), (expected, "it broke\n  at f"));
        let bytes = r#"{"__REALTIME_TIMESTAMP":"1793872800250000","MESSAGE":[27,91,51,49,109,104,105]}"#;
        assert_eq!(unwrap(bytes).unwrap().1, "hi");
        assert_eq!(unwrap(r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":null}"#).unwrap().1, "");
    }
}
