//! The fields that matter of an ordinary line, found in one pass over it and borrowed from it.
//!
//! Most structured lines are plain: a few known fields of text or numbers, each once, and no stack trace. Each name is
//! looked up once, and says which fields it may be and how exactly. Whatever is not plain is left to the full reading:
//! objects under a known name, names that come twice, stack traces, requests, errors with details, unusual numbers, and
//! all that is no JSON. So this never says anything else than the full reading does.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::fields::{
    ERROR_TEXTS, ERRORS, HOST, LEVEL, LOGGER, MESSAGE, METHOD, PATH, PROCESS, SAID, SPOKEN, STATUS, THREAD,
    TIME, TRACE, TYPE,
};
use super::json::{Json, Unsure};
use super::{Fields, has_lines, level_of, logfmt};
use crate::header;
use crate::object::Name;
use crate::record::Level;

/// The fields of an object, `None` where it has none that a logger writes.
pub(super) fn object(line: &str) -> Result<Option<Fields<'_>>, Unsure> {
    let mut text = Json::new(line);
    let mut found = Found::default();
    text.object(|text, name| match ROLES.of(name) {
        None => text.pass(),
        Some(role) => found.put(role, text.plain()?),
    })?;
    text.end()?;
    found.fields()
}

/// The fields of a line of `key=value`; `None` for any other line.
pub(super) fn pairs(line: &str) -> Option<Result<Option<Fields<'_>>, Unsure>> {
    let mut found = Found::default();
    let mut sure = Ok(());
    logfmt::each(line, |name, value| {
        if let Some(role) = ROLES.of(name)
            && sure.is_ok()
        {
            sure = found.put(role, Some(value));
        }
    })?;
    Some(sure.and_then(|()| found.fields()))
}

/// What a name may be: its place among the names of each field.
#[derive(Debug, Clone, Copy)]
struct Role {
    name: &'static str,
    /// Its place among all names.
    number: usize,
    /// Its place among the names of the fields that [`FIELDS`] lists.
    ranks: [Option<u8>; FIELDS.len()],
    /// It may hold a stack trace.
    stack: bool,
    /// It may say what an error was about.
    error: bool,
    status: bool,
    request: bool,
}

const FIELDS: [&[Name]; 7] = [&TIME, &LEVEL, &LOGGER, &MESSAGE, &HOST, &PROCESS, &THREAD];

/// All names, by their hash.
struct Roles {
    slots: Vec<Option<Role>>,
}

/// A power of two, much more than names.
const SLOTS: usize = 1024;
/// At least as many as there are names.
const NAMES: usize = 256;

static ROLES: LazyLock<Roles> = LazyLock::new(Roles::new);

impl Roles {
    fn new() -> Self {
        let mut roles = Self { slots: vec![None; SLOTS] };
        for (field, names) in FIELDS.iter().enumerate() {
            for (rank, name) in names.iter().enumerate() {
                roles.role(name.text).ranks[field] = u8::try_from(rank).ok();
            }
        }
        let pairs = ERRORS.iter().flat_map(|(class, text)| [class, text]);
        for name in pairs.chain(&ERROR_TEXTS).chain(&TYPE).chain(&SAID) {
            roles.role(name.text).error = true;
        }
        for name in &TRACE {
            roles.role(name.text).stack = true;
        }
        for name in &STATUS {
            roles.role(name.text).status = true;
        }
        for name in METHOD.iter().chain(&PATH) {
            roles.role(name.text).request = true;
        }
        for name in &SPOKEN {
            roles.role(name.text);
        }
        roles.role("request").request = true;
        roles
    }

    /// What a name is; the part before a dot is a known name, too, since an object may stand there.
    fn role(&mut self, name: &'static str) -> &mut Role {
        if let Some((outer, _)) = name.split_once('.') {
            self.role(outer);
        }
        let number = self.slots.iter().flatten().count();
        let mut slot = slot(name.as_bytes());
        while self.slots[slot].is_some_and(|role| role.name != name) {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot].get_or_insert(Role {
            name,
            number,
            ranks: [None; FIELDS.len()],
            stack: false,
            error: false,
            status: false,
            request: false,
        })
    }

    fn of(&self, name: &str) -> Option<&Role> {
        let mut slot = slot(name.as_bytes());
        loop {
            match self.slots[slot].as_ref()? {
                role if role.name == name => return Some(role),
                _ => slot = (slot + 1) % SLOTS,
            }
        }
    }
}

fn slot(name: &[u8]) -> usize {
    let [first, .., last] = name else { return name.first().map_or(0, |byte| usize::from(*byte)) };
    let middle = name[name.len() / 2];
    let length = name.len().to_le_bytes()[0];
    let word = u32::from_le_bytes([*first, middle, *last, length]);
    let slot = word.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOTS.trailing_zeros());
    usize::try_from(slot).unwrap_or_default()
}

/// What was found so far.
#[derive(Default)]
struct Found<'a> {
    /// Of each field the most exact name and its text.
    best: [Option<(u8, &'static str, Cow<'a, str>)>; FIELDS.len()],
    seen: [u64; NAMES / 64],
    error: bool,
    status: bool,
    request: bool,
}

impl<'a> Found<'a> {
    /// Takes a field; one without text or number counts as one that is not there.
    fn put(&mut self, role: &Role, value: Option<Cow<'a, str>>) -> Result<(), Unsure> {
        let (word, bit) = (role.number / 64, 1 << (role.number % 64));
        let again = self.seen.get(word).is_none_or(|seen| seen & bit != 0);
        if again {
            return Err(Unsure);
        }
        self.seen[word] |= bit;
        let Some(value) = value else { return Ok(()) };
        if role.stack && has_lines(&value) {
            return Err(Unsure);
        }
        self.error |= role.error;
        self.status |= role.status;
        self.request |= role.request;
        let mut fields =
            role.ranks.iter().zip(&mut self.best).filter_map(|(rank, best)| Some(((*rank)?, best)));
        let first = fields.next();
        for (rank, best) in fields {
            keep(best, rank, role.name, value.clone());
        }
        if let Some((rank, best)) = first {
            keep(best, rank, role.name, value);
        }
        Ok(())
    }

    fn fields(self) -> Result<Option<Fields<'a>>, Unsure> {
        let [time, level, logger, message, host, process, thread] = self.best;
        if self.status && self.request {
            return Err(Unsure);
        }
        let level = level.and_then(|(_, name, text)| level_of(name, &text));
        if level.is_none() && message.is_none() {
            return Ok(None);
        }
        let text = |found: Option<(_, _, Cow<'a, str>)>| found.map(|(_, _, text)| text);
        let message = text(message).unwrap_or_default();
        if has_lines(&message) || self.error && level >= Some(Level::Error) {
            return Err(Unsure);
        }
        Ok(Some(Fields {
            time: text(time).and_then(|text| header::time(&text)),
            level,
            logger: text(logger),
            message,
            trace: None,
            host: text(host),
            process: text(process),
            thread: text(thread),
        }))
    }
}

fn keep<'a>(
    best: &mut Option<(u8, &'static str, Cow<'a, str>)>,
    rank: u8,
    name: &'static str,
    value: Cow<'a, str>,
) {
    if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
        *best = Some((rank, name, value));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::of_object;
    use super::*;
    use crate::object::Object;

    const NAMES: [&str; 44] = [
        "time",
        "ts",
        "@t",
        "level",
        "severity",
        "s",
        "severityNumber",
        "lvl",
        "logger",
        "name",
        "c",
        "caller",
        "message",
        "msg",
        "@m",
        "text",
        "log",
        "error",
        "err",
        "exception",
        "stack",
        "exc_info",
        "host",
        "hostname",
        "pid",
        "process",
        "thread",
        "ctx",
        "status",
        "status_code",
        "method",
        "path",
        "uri",
        "request",
        "error.type",
        "err.message",
        "log.level",
        "exception.stacktrace",
        "context",
        "thrown",
        "errorType",
        "fields",
        "x",
        "version",
    ];

    const TEXTS: [&str; 24] = [
        "",
        "it broke",
        "error",
        "info",
        "warn",
        "E",
        "2026-11-05T10:00:00.5Z",
        "1793872800",
        "a\\nb",
        "a\\\\nb",
        "a#012b",
        "GET",
        "/x?a=1",
        "500",
        "GET /x HTTP/1.1",
        "a\\\"b",
        "\\u00e9",
        "\\ud800",
        "\\x",
        "\u{fc}ber",
        "\t",
        "handled request",
        "FATAL",
        "Error: x\\n    at f",
    ];

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => prop::sample::select(&TEXTS[..]).prop_map(|text| format!("\"{text}\"")),
            2 => prop::sample::select(vec![
                "0", "7", "30", "50", "500", "-0", "-3", "01", "1.5", "1793872800.0", "1793872800123", "12345678901234567890123", "1e3", "1e999",
                "-", "1.", ".5", "true", "false", "null", "nul", "{}", "[]", "[1,\"a\",{}]", "{\"type\":\"E\",\"message\":\"m\"}", "[", "{\"a\":}",
                "{\"stack\":\"a\\nb\"}", "{\"level\":\"error\",\"uri\":\"/\",\"method\":\"GET\"}", "[1,]", "[[[[]]]]",
            ]).prop_map(str::to_owned),
        ]
    }

    fn full_json(line: &str) -> Option<Fields<'static>> {
        of_object(&Object::from_json(line)?)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn objects_say_what_the_full_reading_says(
            fields in prop::collection::vec((prop::sample::select(&NAMES[..]), value()), 0..7),
            comma in prop::sample::select(vec![",", ",", ", ", " ,", ",,", ""]),
            colon in prop::sample::select(vec![":", ":", ": ", "\t:", "="]),
        ) {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\"{colon}{value}")).collect();
            let line = format!("{{{}}}", fields.join(comma));
            if let Ok(found) = object(&line) {
                prop_assert_eq!(found, full_json(&line), "{}", line);
            }
        }

        #[test]
        fn pairs_say_what_the_full_reading_says(
            fields in prop::collection::vec((prop::sample::select(&NAMES[..]), prop::sample::select(&TEXTS[..]), any::<bool>()), 0..7),
        ) {
            let field = |(name, text, quoted): &(&str, &str, bool)| match quoted {
                true => format!("{name}=\"{text}\""),
                false => format!("{name}={text}"),
            };
            let line = fields.iter().map(field).collect::<Vec<_>>().join(" ");
            let full = logfmt::object(&line).map(|object| of_object(&object));
            let found = pairs(&line);
            prop_assert_eq!(found.is_some(), full.is_some());
            if let Some(Ok(found)) = found {
                prop_assert_eq!(Some(found), full, "{}", line);
            }
        }

        #[test]
        fn any_text_in_braces_is_read_as_by_the_full_reading(pieces in prop::collection::vec(prop::sample::select(vec![
            "\"level\":\"error\"", "\"msg\":", "\"", "\\", "\"a\"", ":", ",", "{", "}", "[", "]", "1", "-", ".", "0", "e", "true", " ", "\u{fc}",
            "\u{1}", "\u{7f}", "\t",
        ]), 0..14)) {
            let line = format!("{{{}}}", pieces.concat());
            if let Ok(found) = object(&line) {
                prop_assert_eq!(found, full_json(&line), "{}", line);
            }
        }
    }

    #[test]
    fn ordinary_lines_are_read_without_the_full_reading() {
        for line in [
            r#"{"time":"2026-11-05T10:00:00Z","level":"info","msg":"GET /cart/7","ms":7}"#,
            r#"{"level":30,"time":1793872800123,"pid":7,"hostname":"web0","req":{"id":1,"tags":["a",null]},"msg":"up \"now\""}"#,
            r#"{"level":"error","ts":1793872800.5,"caller":"a.go:1","msg":"it broke","error":null,"n":-1.5}"#,
            r#"{"@timestamp":"2026-11-05T10:00:00Z","log.level":"warn","message":"slow","status":"open"}"#,
        ] {
            let found = object(line).unwrap_or_else(|Unsure| panic!("{line}"));
            assert_eq!(found, full_json(line), "{line}");
        }
        assert!(pairs("ts=2026-11-05T10:00:00Z level=info msg=\"it is up\" n=7").unwrap().is_ok());
    }

    #[test]
    fn every_name_has_a_number_of_its_own() {
        let roles: Vec<usize> = ROLES.slots.iter().flatten().map(|role| role.number).collect();
        let numbers: std::collections::BTreeSet<usize> = roles.iter().copied().collect();
        assert_eq!(numbers, (0..roles.len()).collect());
        assert!(roles.len() <= super::NAMES, "{}", roles.len());
    }
}
