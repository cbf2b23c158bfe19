//! What a line says before its message: time, level, logger.
//!
//! Forms differ freely, so the reading is by position: a time at the start (or right after a level), then a few short
//! parts such as process id, thread and logger, among which the level word is looked for. A level word inside the
//! message must not count, so the search ends at the first part that looks like prose.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use regex::{Captures, Regex};

use crate::record::Level;
use crate::trace::head;

mod cell;
mod facts;
mod layout;
mod learn;
pub(crate) mod level;
mod program;
mod time;

pub use layout::{Head, Layout, Quick};
pub use time::Clock;

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
    DATE_TIME,
    r"^\[?(\d{4})[-/](\d{2})[-/](\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?: ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})\b)?\]?"
);
pattern!(ACCESS, r"^(\S+ \S+ \S+) \[(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-]\d{4})\] ");
pattern!(EPOCH, r"^\[?(1\d{9})(?:[.,](\d{1,9})|(\d{3}))?\]?[\s:|]");
pattern!(CLOCK, r"^\[?\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?\]?[\s:|-]");
pattern!(
    SYSLOG,
    r"^(?:<(\d{1,3})>)?([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\S+ ([^\s:\[]+)(?:\[\d+\])?): ?(.*)$"
);
pattern!(LEVEL_FIRST, r"^(?:\[([A-Za-z]{3,11})\]|([A-Z]{3,11})\b)");
pattern!(PART, r"^[\s|,-]*(?:\[([^\]]{0,80})\]|([^\s|\[]{1,80})(?:\s+[-|]|\s|$|\|))");
pattern!(COLONS, r"^:([A-Za-z_][\w.]*):(.*)$");
pattern!(BRACKETED, r"^[\s:|\]-]*\[([A-Za-z_][\w.:/-]*)\][:|-]?\s?(.*)$");
pattern!(NAMED_IN, r"^ in ([A-Za-z_][\w.]*): ?(.*)$");
pattern!(DASHED, r"^\s*[-|]\s*([A-Za-z_][\w.]*(?::[\w.<>]+)*)\s+[-|]\s(.*)$");
pattern!(DOTTED, r"^:?\s+([A-Za-z_]\w*(?:(?:\.|::)\w+)+(?::\d+)?):?\s(.*)$");

/// The header of a line; `None` when the line starts with neither a time nor a level.
pub fn parse(line: &str) -> Option<Header> {
    if let Some(split) = split(line) {
        let message = line[split.message_at..].to_owned();
        let logger = split.logger.map(str::to_owned);
        return Some(Header { time: split.time, level: split.level, logger, message });
    }
    let found = ACCESS.captures(line)?;
    let message = format!("{} {}", &found[1], &line[found[0].len()..]);
    Some(Header { time: access_time(&found), message, ..Header::default() })
}

/// Where the parts of a header are.
struct Split<'a> {
    time: Option<Timestamp>,
    level: Option<Level>,
    logger: Option<&'a str>,
    message_at: usize,
}

fn split(line: &str) -> Option<Split<'_>> {
    let ended = |time, level, (logger, message): (_, &str)| Split {
        time,
        level,
        logger,
        message_at: line.len() - message.len(),
    };
    if let Some((time, rest)) = time_first(line) {
        let (level, logger, message) = after_time(rest);
        return Some(ended(time, level, (logger, message)));
    }
    let found = LEVEL_FIRST.captures(line)?;
    let word = found.get(1).or(found.get(2))?.as_str();
    let level = Level::from_word(word)?;
    let rest = &line[found[0].len()..];
    if let Some((time, rest)) = time_first(rest.trim_start_matches([' ', ':', '|', '-'])) {
        return Some(ended(time, Some(level), logger_and_message(rest)));
    }
    Some(ended(None, Some(level), logger_and_message(rest)))
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

/// The time that a whole text names, as in the time field of a JSON line.
pub fn time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let padded = format!("{text} ");
    time_first(&padded).filter(|(_, rest)| rest.trim().is_empty()).and_then(|(time, _)| time)
}

/// A time at the start, and what follows; the inner time is `None` when only a clock or an impossible date is given.
fn time_first(line: &str) -> Option<(Option<Timestamp>, &str)> {
    if let Some(found) = DATE_TIME.captures(line) {
        return Some((date_time(&found), &line[found[0].len()..]));
    }
    if let Some(found) = EPOCH.captures(line) {
        return Some((epoch(&found), &line[found[0].len() - 1..]));
    }
    let found = CLOCK.find(line)?;
    Some((None, &line[found.end() - 1..]))
}

fn date_time(found: &Captures<'_>) -> Option<Timestamp> {
    let number = |n: usize| found.get(n)?.as_str().parse::<i8>().ok();
    let year = found[1].parse().ok()?;
    let nanoseconds = fraction(found.get(7).map_or("", |m| m.as_str()));
    let date = Date::new(year, number(2)?, number(3)?).ok()?;
    let time = Time::new(number(4)?, number(5)?, number(6)?, nanoseconds).ok()?;
    offset(found.get(8).map_or("Z", |m| m.as_str()))?.to_timestamp(date.to_datetime(time)).ok()
}

fn access_time(found: &Captures<'_>) -> Option<Timestamp> {
    let number = |n: usize| found[n].parse::<i8>().ok();
    let date = Date::new(found[4].parse().ok()?, month(&found[3])?, number(2)?).ok()?;
    let time = Time::new(number(5)?, number(6)?, number(7)?, 0).ok()?;
    offset(&found[8])?.to_timestamp(DateTime::from_parts(date, time)).ok()
}

fn epoch(found: &Captures<'_>) -> Option<Timestamp> {
    let seconds = found[1].parse().ok()?;
    let part = found.get(2).or(found.get(3)).map_or("", |m| m.as_str());
    Timestamp::new(seconds, fraction(part)).ok()
}

/// Digits after the point as nanoseconds.
fn fraction(digits: &str) -> i32 {
    format!("{digits:0<9}").parse().unwrap_or(0)
}

fn offset(zone: &str) -> Option<Offset> {
    let Some(sign) = zone.strip_prefix(['+', '-']) else { return Some(Offset::UTC) };
    let digits = sign.replace(':', "");
    let (hours, minutes) = (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..)?.parse::<i32>().ok()?);
    let seconds = hours * 3600 + minutes * 60;
    Offset::from_seconds(if zone.starts_with('-') { -seconds } else { seconds }).ok()
}

fn month(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.iter().position(|known| *known == name).and_then(|at| i8::try_from(at + 1).ok())
}

/// Looks for the level among the first parts behind the time; level, logger and message.
fn after_time(rest: &str) -> (Option<Level>, Option<&str>, &str) {
    const PARTS: usize = 6;
    let mut logger = None;
    let mut at = rest.strip_prefix(':').unwrap_or(rest);
    for _ in 0..PARTS {
        let Some(found) = PART.captures(at) else { break };
        let bracketed = found.get(1).is_some();
        let Some(part) = found.get(1).or(found.get(2)) else { break };
        if let Some((level, length)) = level_in(part.as_str(), bracketed) {
            let end = if bracketed { found[0].len() } else { part.start() + length };
            let (named, message) = logger_and_message(&at[end..]);
            return (Some(level), named.or(logger), message);
        }
        let text = part.as_str();
        let separated = bracketed || found[0].trim_end().ends_with(['-', '|']);
        if !separated && !is_meta(text) {
            break;
        }
        if is_logger(text) {
            logger = Some(text);
        }
        // The separator behind the part stays, so that the next part's own leading separator is seen as one.
        at = &at[part.end() + usize::from(bracketed)..];
    }
    (None, None, one_blank(rest))
}

/// The level that a part names, and how long the word is: `ERROR`, `ERROR:root:…`, `error` in brackets, `ERROR/Pool-1`.
fn level_in(part: &str, bracketed: bool) -> Option<(Level, usize)> {
    let length = part.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = &part[..length];
    let clear = bracketed || part[length..].starts_with(':') || !word.bytes().any(|b| b.is_ascii_lowercase());
    let ends = !part[length..].starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    Level::from_word(word).filter(|_| ends && (clear || length == part.len())).map(|level| (level, length))
}

/// Process ids, hosts, threads and loggers: short parts with a digit, dot or underscore that are no prose.
fn is_meta(part: &str) -> bool {
    let marked =
        part.contains(['.', '_', '#', '/', '-', ':', '=']) || part.bytes().all(|b| b.is_ascii_digit());
    marked && !part.ends_with([':', '.', ',', ')']) && !part.contains(['"', '\'', '('])
}

fn is_logger(part: &str) -> bool {
    part.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':'))
}

/// Splits what follows the level into logger and message.
fn logger_and_message(rest: &str) -> (Option<&str>, &str) {
    for pattern in [&*COLONS, &*NAMED_IN, &*BRACKETED, &*DASHED, &*DOTTED] {
        // `com.acme.CartException: no room` has the form of a logger, too.
        let Some(found) = pattern.captures(rest) else { continue };
        if let (Some(logger), Some(message)) = (found.get(1), found.get(2))
            && !head::is_exception(logger.as_str())
        {
            return (Some(logger.as_str()), message.as_str());
        }
    }
    (None, one_blank(rest))
}

/// The text without one separator and one blank before it; further blanks are indentation that may matter.
fn one_blank(rest: &str) -> &str {
    let bare = rest.trim_start();
    let body = match bare.strip_prefix([':', '|', '-', ']']) {
        Some(body) => body,
        None => rest,
    };
    body.strip_prefix([' ', '\t']).unwrap_or(body)
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
                "/ForkPoolWorker-1] Task failed",
            ),
            (
                "2026/11/05 10:00:00 [error] 31#31: *1 open() failed",
                "2026-11-05T10:00:00Z",
                error,
                "",
                "31#31: *1 open() failed",
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
            (
                "1.2.3.4 - bob [05/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 500 1",
                "2026-11-05T10:00:00Z",
                None,
                "",
                "1.2.3.4 - bob \"GET / HTTP/1.1\" 500 1",
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
