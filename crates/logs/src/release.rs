//! The version of the program that a structured line names.
//!
//! Loggers, tracers and error reporters each have a field of their own for it. Most lines have none, which a search for
//! the ends of those names tells without reading the line as an object.

use std::sync::LazyLock;

use memchr::memchr;

use crate::object::{Object, Value};
use crate::trace::Marks;

/// Fields that name a version of the program, the most exact first; behind a dot, a field of an object.
const NAMES: [&str; 21] = [
    "release",
    "sentry.release",
    "tags.release",
    "tags.sentry:release",
    "git.sha",
    "git.commit.sha",
    "git_sha",
    "gitSha",
    "git_commit",
    "gitCommit",
    "commit_sha",
    "commit",
    "revision",
    "service.version",
    "resource.service.version",
    "dd.version",
    "app.version",
    "app_version",
    "appVersion",
    "service_version",
    "version",
];

/// How those names end.
static ENDS: LazyLock<Marks> = LazyLock::new(|| Marks::new(&["elease", "ersion", "sha", "ommit", "evision"]));
/// Bytes of an end of which one may stand before a place and the rest behind it.
const END: usize = 7;

/// What of a release's name a part of a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Signs {
    equals: bool,
    end: bool,
}

impl Signs {
    pub(crate) fn of(part: &[u8]) -> Self {
        Self { equals: memchr(b'=', part).is_some(), end: ENDS.find(part) }
    }

    /// Whether a line that is no object may name a release, where this is told of what begins at a place in it.
    pub(crate) fn may_name(self, line: &[u8], at: usize) -> bool {
        (self.equals || memchr(b'=', &line[..at]).is_some())
            && (self.end || ENDS.find(&line[..line.len().min(at + END)]))
    }
}

/// Longest name of a version, in bytes.
const LONGEST: usize = 200;

/// The version that the first line of a record names.
pub(crate) fn named(text: &str) -> Option<String> {
    let line = text.lines().next()?.trim();
    let object = line.starts_with('{') && line.ends_with('}');
    if !(object || line.contains('=')) || !ENDS.find(line.as_bytes()) {
        return None;
    }
    let found = if object { in_object(line) } else { in_pairs(line) };
    found.filter(|found| !found.is_empty() && found.len() <= LONGEST)
}

fn in_object(line: &str) -> Option<String> {
    let object = Object::from_json(line)?;
    NAMES.iter().find_map(|name| field(&object, name)?.as_str().map(str::to_owned))
}

/// The value of a name, also several objects deep for names with dots.
fn field<'o, 'a>(object: &'o Object<'a>, name: &str) -> Option<&'o Value<'a>> {
    if let Some(found) = object.get(name) {
        return Some(found);
    }
    let mut dots = name.match_indices('.').map(|(at, _)| at);
    dots.find_map(|at| match object.get(&name[..at])? {
        Value::Object(inner) => field(inner, &name[at + 1..]),
        Value::Text(_) | Value::Number(_) | Value::List(_) | Value::True | Value::Other => None,
    })
}

/// `release=v1.2.3` or `version="1.2.3"` as a word of its own. A line that is no logfmt may have one, too, and the plain
/// `version` counts only where the line is made of such pairs.
fn in_pairs(line: &str) -> Option<String> {
    let pairs = line.split_ascii_whitespace().filter(|word| word.contains('=')).count();
    let words = line.split_ascii_whitespace().count();
    let usable =
        NAMES.iter().filter(|name| !matches!(**name, "version" | "commit" | "revision") || pairs * 2 > words);
    usable.into_iter().find_map(|name| {
        let mut words = line.split_ascii_whitespace().map(|word| word.trim_start_matches(['[', '(', ',']));
        let value = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches(['"', '\'', ']', ')', ',', ';']).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_under_the_names_that_loggers_use() {
        for (line, wanted) in [
            (r#"{"level":"error","msg":"x","release":"shop@1.2.3+9f3c1ab"}"#, "shop@1.2.3+9f3c1ab"),
            (r#"{"level":"error","msg":"x","version":"1.2.3"}"#, "1.2.3"),
            (r#"{"msg":"x","service":{"name":"shop","version":"1.2.3"}}"#, "1.2.3"),
            (r#"{"msg":"x","service.version":"1.2.3","version":"9"}"#, "1.2.3"),
            (r#"{"msg":"x","git":{"commit":{"sha":"9f3c1ab"}}}"#, "9f3c1ab"),
            (r#"{"msg":"x","git.commit":{"sha":"9f3c1ab"}}"#, "9f3c1ab"),
            (r#"{"msg":"x","git.sha":"9f3c1ab","version":"1.2.3"}"#, "9f3c1ab"),
            (r#"{"msg":"x","dd":{"version":"1.2.3","trace_id":"7"}}"#, "1.2.3"),
            (r#"{"msg":"x","tags":{"release":"v7"}}"#, "v7"),
            (r#"{"msg":"x","resource":{"service.version":"2.0"}}"#, "2.0"),
            ("level=error msg=\"it broke\" version=1.2.3", "1.2.3"),
            ("2026-11-05 ERROR shop [release=v7] it broke", "v7"),
            ("time=1 level=info release=\"v7\" msg=x\nTraceback", "v7"),
        ] {
            assert_eq!(named(line).as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn other_versions_are_not_those_of_the_program() {
        for line in [
            r#"{"@version":"1","msg":"x"}"#,
            r#"{"msg":"x","http":{"version":"1.1"}}"#,
            r#"{"msg":"version 2 is out"}"#,
            r#"{"msg":"x","version":2}"#,
            r#"{"msg":"x","release":""}"#,
            "ERROR the client asked with version=7 for a page",
            "released the lock sha",
            "",
            "{",
        ] {
            assert_eq!(named(line), None, "{line}");
        }
        assert_eq!(named(&format!("{{\"release\":\"{}\"}}", "x".repeat(201))), None);
    }
}
