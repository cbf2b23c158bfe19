//! What stands before the message of a line: time, level, logger, host, process, thread.
//!
//! Forms differ freely, and no list of them is ever whole, so the header of a source is learned from its first lines.
//! Each line is cut into cells (`cell`): times in any of the known families (`time`), level words, numbers, words, groups
//! in brackets, and the signs between them. From the left, the cells belong to the header while nearly all lines have
//! the same kind of cell at the same place (`learn`) and that kind is not one with which messages begin (`facts`). What
//! was learned is a short program that later lines are read with (`program`), at most four of them per source
//! ([`Layout`]). A line that fits none is read by itself, by the same rules with the evidence of one line.
//!
//! Three things keep constant first words of a message out of the header, however few or uniform the lines are: a word
//! that reads like prose is never passed over to reach a level, a word before a colon must have the form of a logger's
//! name or vary, and a number or bare word needs many lines whose words change behind it.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use regex::Regex;

use crate::record::Level;

mod again;
mod alone;
pub(crate) mod calendar;
mod cell;
mod clock;
mod columns;
mod daytime;
mod expect;
mod facts;
mod layout;
mod learn;
pub(crate) mod level;
mod plan;
mod program;
mod reader;
mod recall;
mod speaker;
mod time;
mod word;

pub use clock::Clock;
pub use layout::{Head, Layout};
pub use reader::Reader;
pub(crate) use reader::{Outline, Placed};

/// What stood before the message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Time of the event; UTC when the line names no zone.
    pub time: Option<Timestamp>,
    /// Level.
    pub level: Option<Level>,
    /// Logger, module or program.
    pub logger: Option<String>,
    /// The rest of the line; indentation beyond one blank is kept.
    pub message: String,
}

/// A line as syslog wrote it: who said it, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syslog<'a> {
    /// Time, in the year that `reference` suggests.
    pub time: Option<Timestamp>,
    /// Level from the priority, where it is given.
    pub level: Option<Level>,
    /// Program name.
    pub program: &'a str,
    /// Host, program and process, which tell streams apart.
    pub key: &'a str,
    /// What the program wrote.
    pub content: &'a str,
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("the pattern is a valid constant"));
    };
}

pattern!(
    SYSLOG,
    r"^(?:<(\d{1,3})>)?([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\S+ ([^\s:\[]+)(?:\[\d+\])?): ?(.*)$"
);
/// The header of a line read by itself; `None` when the line starts with neither a time nor a level.
pub fn parse(line: &str) -> Option<Header> {
    let head = Layout::default().read(line, Timestamp::UNIX_EPOCH)?;
    let logger = head.logger.map(str::to_owned);
    let message = line.get(head.message_at..)?.to_owned();
    Some(Header { time: head.time, level: head.level, logger, message })
}

/// The line without its syslog prefix; the year comes from `reference`, since syslog does not write it.
pub fn syslog<'a>(line: &'a str, reference: Timestamp) -> Option<Syslog<'a>> {
    let found = SYSLOG.captures(line)?;
    let group = |n: usize| found.get(n).map_or("", |m| m.as_str());
    let month = month(group(2))?;
    let number = |n: usize| group(n).parse::<i8>().ok();
    let year = Offset::UTC.to_datetime(reference).year();
    let in_year = |year| {
        let date = Date::new(year, month, number(3)?).ok()?;
        let time = Time::new(number(4)?, number(5)?, number(6)?, 0).ok()?;
        Offset::UTC.to_timestamp(date.to_datetime(time)).ok()
    };
    // A day of slack: the machine that wrote may be ahead of this one, and local times count as UTC.
    let latest = reference.as_second() + 86_400;
    let time = in_year(year).filter(|time| time.as_second() <= latest).or_else(|| in_year(year - 1));
    let level = group(1).parse::<u16>().ok().map(|priority| match priority % 8 {
        0..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    });
    let (key, program, content) = (found.get(7)?.as_str(), found.get(8)?.as_str(), found.get(9)?.as_str());
    Some(Syslog { time, level, program, key, content })
}

/// The time that a whole text names, as in the time field of a JSON line; without a zone it is UTC.
pub fn time(text: &str) -> Option<Timestamp> {
    let (form, stamp, length) = time::scan(text.as_bytes())?;
    (form.is_full() && length == text.len()).then(|| Clock::new(Timestamp::UNIX_EPOCH).time(stamp))?
}

/// Whether a text begins with a time of any form.
pub(crate) fn begins_with_time(text: &[u8]) -> bool {
    time::scan(text).is_some()
}

fn month(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.iter().position(|known| *known == name).and_then(|at| i8::try_from(at + 1).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str) -> (Option<String>, Option<Level>, Option<String>, String) {
        let header = parse(line).unwrap_or_else(|| panic!("no header in {line}"));
        (header.time.map(|t| t.to_string()), header.level, header.logger, header.message)
    }

    fn expect(
        time: &str,
        level: Option<Level>,
        logger: &str,
        message: &str,
    ) -> (Option<String>, Option<Level>, Option<String>, String) {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (text(time), level, text(logger), message.to_owned())
    }

    #[test]
    fn common_headers_are_read() {
        let error = Some(Level::Error);
        for (line, time, level, logger, message) in [
            (
                "2026-11-05T10:00:00.970Z ERROR shop.pool pool full",
                "2026-11-05T10:00:00.97Z",
                error,
                "shop.pool",
                "pool full",
            ),
            (
                "2026-11-05 10:00:00,123 - shop.web - ERROR - it broke",
                "2026-11-05T10:00:00.123Z",
                error,
                "shop.web",
                "it broke",
            ),
            ("2026-11-05 10:00:00,123 ERROR it broke", "2026-11-05T10:00:00.123Z", error, "", "it broke"),
            (
                "2026-11-05 10:00:00.5+02:00 [ERROR] shop.web: it broke",
                "2026-11-05T08:00:00.5Z",
                error,
                "shop.web",
                "it broke",
            ),
            (
                "[2026-11-05 10:00:00 +0000] [7] [ERROR] Error handling request /",
                "2026-11-05T10:00:00Z",
                error,
                "",
                "Error handling request /",
            ),
            (
                "[2026-11-05 10:00:00,000] ERROR in app: Exception on /x [GET]",
                "2026-11-05T10:00:00Z",
                error,
                "app",
                "Exception on /x [GET]",
            ),
            (
                "2026-11-05 10:00:00.123 | ERROR    | shop.cart:add:12 - it broke",
                "2026-11-05T10:00:00.123Z",
                error,
                "shop.cart:add:12",
                "it broke",
            ),
            (
                "2026-11-05 10:00:00.123 UTC [44] ERROR:  relation missing",
                "2026-11-05T10:00:00.123Z",
                error,
                "",
                " relation missing",
            ),
            (
                "[2026-11-05 10:00:00,000: ERROR/ForkPoolWorker-1] Task failed",
                "2026-11-05T10:00:00Z",
                error,
                "",
                "Task failed",
            ),
            (
                "2026/11/05 10:00:00 [error] 31#31: *1 open() failed",
                "2026-11-05T10:00:00Z",
                error,
                "",
                "*1 open() failed",
            ),
            (
                "ERROR 2026-11-05 10:00:00,123 log 12 Internal Server Error: /x",
                "2026-11-05T10:00:00.123Z",
                error,
                "",
                "log 12 Internal Server Error: /x",
            ),
            ("ERROR:root:it broke", "", error, "root", "it broke"),
            ("ERROR:    Exception in ASGI application", "", error, "", "   Exception in ASGI application"),
            ("[error] it broke", "", error, "", "it broke"),
            ("1793872800.25 error it broke", "2026-11-05T10:00:00.25Z", error, "", "it broke"),
            (
                "2026-11-05T10:00:00Z job done with no error today",
                "2026-11-05T10:00:00Z",
                None,
                "",
                "job done with no error today",
            ),
            (
                "2026-11-05T10:00:00Z ERROR shop.web   File \"a.py\", line 1, in f",
                "2026-11-05T10:00:00Z",
                error,
                "shop.web",
                "  File \"a.py\", line 1, in f",
            ),
        ] {
            assert_eq!(seen(line), expect(time, level, logger, message), "{line}");
        }
    }

    #[test]
    fn lines_of_a_program_without_a_header_have_none() {
        for line in [
            "Traceback (most recent call last):",
            "KeyError: 'ERROR'",
            "Error: it broke",
            "  ERROR x",
            "",
            "ERRORS 3",
            "Caused by: java.io.IOException: no room",
            "java.lang.IllegalStateException: no room",
            "error: could not compile",
            "panic: runtime error: index out of range",
            "goroutine 1 [running]:",
            "fatal error: all goroutines are asleep",
            "thread 'main' (7) panicked at src/main.rs:3:5:",
            "Unhandled exception. System.Exception: x",
            "Error handling is on",
            "---",
            "}",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn syslog_lines_are_dated_not_after_their_reading() {
        let reference = "2026-01-02T00:00:00Z".parse().unwrap();
        let line = "<11>Dec 31 23:59:59 web0 shop[401]:   File \"x\"";
        let found = syslog(line, reference).unwrap();
        let expected = Syslog {
            time: Some("2025-12-31T23:59:59Z".parse().unwrap()),
            level: Some(Level::Error),
            program: "shop",
            key: "web0 shop[401]",
            content: "  File \"x\"",
        };
        assert_eq!(found, expected);
    }
}
