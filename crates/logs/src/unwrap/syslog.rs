//! Syslog in files: RFC 3164, RFC 5424, and the traditional form with a full date.
//!
//! Every program of a machine writes into the same file, so host, program and process are the stream.

use std::borrow::Cow;
use std::ops::Range;

use jiff::Timestamp;
use memchr::{memchr, memchr_iter, memchr3};

use super::Envelope;
use super::instant::instant;
use crate::header::calendar::{DAY, days, year_of};
use crate::record::Level;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Bytes of the longest name of a host or a program.
const NAME: usize = 255;

/// A line with a priority, or one that begins with a month.
pub(super) fn unwrap(line: &str, reference: Timestamp) -> Option<(Envelope<'_>, &str)> {
    let (level, rest) = match line.strip_prefix('<') {
        Some(rest) => {
            let (priority, rest) =
                rest.split_at_checked(rest.find('>').filter(|at| (1..=3).contains(at))?)?;
            let priority: u8 = priority.parse().ok()?;
            (Some(level(priority % 8)), &rest[1..])
        }
        None => (None, line),
    };
    if level.is_some()
        && let Some(found) = structured(rest, level)
    {
        return Some(found);
    }
    let (time, rest) = clock(rest, reference)?;
    tagged(rest, time, level)
}

/// Whether a line begins with the name of a month.
pub(super) fn may_begin_with_month(line: &[u8]) -> bool {
    line.first_chunk::<3>().is_some_and(|name| MONTHS.iter().any(|month| month.as_bytes() == name))
}

/// A line that begins with a full date, where the program that wrote it gives its process.
pub(super) fn dated(line: &str) -> Option<(Envelope<'_>, &str)> {
    let date = memchr(b' ', line.as_bytes()).filter(|end| *end > 10 && line.as_bytes()[10] == b'T')?;
    let rest = &line[date + 1..];
    // Without a process, the host could be a level and the program a logger.
    let mut blanks = memchr_iter(b' ', rest.as_bytes());
    let (host, program) = (blanks.next()?, blanks.next()?);
    if !rest[host..program].ends_with("]:") || rest[..host].ends_with("]:") {
        return None;
    }
    if Level::from_word(&rest[..host]).is_some() {
        return None;
    }
    let (envelope, text) = tagged(rest, None, None)?;
    Some((Envelope { time: Some(instant(&line[..date])?), ..envelope }, text))
}

/// Severity as syslog numbers it.
pub(super) fn level(severity: u8) -> Level {
    match severity {
        0..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    }
}

/// `host program[process]: text`.
fn tagged(rest: &str, time: Option<Timestamp>, level: Option<Level>) -> Option<(Envelope<'_>, &str)> {
    let bytes = rest.as_bytes();
    let space = bytes.iter().take(NAME).position(|b| *b == b' ').filter(|at| *at > 0)?;
    let program_at = space + 1;
    let ends = |b: &u8| matches!(b, b' ' | b':' | b'[');
    let program_end = program_at + bytes[program_at..].iter().take(NAME).position(ends)?;
    let (program, mut at, mut process) = (&rest[program_at..program_end], program_end, None);
    if bytes[at] == b'[' {
        let digits = bytes[at + 1..].iter().take(20).position(|b| *b == b']').filter(|n| *n > 0)?;
        let number = &rest[at + 1..at + 1 + digits];
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        process = Some(Cow::Borrowed(number));
        at += digits + 2;
    }
    let key = &rest[..at];
    let text = rest[at..].strip_prefix(':')?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    (!program.is_empty()).then(|| {
        let envelope = Envelope {
            key: Cow::Borrowed(key),
            stream: None,
            time,
            level,
            host: Some(Cow::Borrowed(&rest[..space])),
            process,
            program: Some(Cow::Borrowed(program)),
            goes_on: false,
        };
        (envelope, text)
    })
}

/// `1 TIME HOST PROGRAM PROCESS ID DATA TEXT`, as RFC 5424 has it; `-` stands for what is not given.
fn structured(rest: &str, level: Option<Level>) -> Option<(Envelope<'_>, &str)> {
    let rest = rest.strip_prefix("1 ")?;
    let mut parts = rest.splitn(6, ' ');
    let mut given = || parts.next().map(|part| Some(part).filter(|part| *part != "-"));
    let (time, host, program, process, _id) = (given()?, given()?, given()?, given()?, given()?);
    let rest = parts.next()?;
    let time = match time {
        Some(time) => Some(instant(time)?),
        None => None,
    };
    let text = behind_data(rest)?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let key = [host, program, process].map(Option::unwrap_or_default).join(" ");
    let cow = |text: Option<_>| text.map(Cow::Borrowed);
    let (host, program, process) = (cow(host), cow(program), cow(process));
    Some((
        Envelope { key: key.into(), stream: None, time, level, host, process, program, goes_on: false },
        text,
    ))
}

/// What follows `-` or `[id name="value"]…`, in whose values a backslash takes the meaning from the next character.
fn behind_data(rest: &str) -> Option<&str> {
    if let Some(text) = rest.strip_prefix('-') {
        return Some(text);
    }
    let mut at = 0;
    let bytes = rest.as_bytes();
    while bytes.get(at) == Some(&b'[') {
        let mut quoted = false;
        loop {
            at += 1;
            match bytes.get(at)? {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
        }
        at += 1;
    }
    (at > 0).then(|| rest.get(at..))?
}

/// `Nov  5 10:00:00`, in the year that the reference suggests, and what follows.
fn clock(text: &str, reference: Timestamp) -> Option<(Option<Timestamp>, &str)> {
    let bytes = text.as_bytes();
    let name = bytes.get(..3)?;
    let month = MONTHS.iter().position(|known| known.as_bytes() == name)?;
    let blanks = bytes.get(3..5)?;
    let at = match blanks {
        [b' ', b' '] => 5,
        [b' ', _] => 4,
        _ => return None,
    };
    let digits = bytes.get(at..)?.iter().take(2).take_while(|b| b.is_ascii_digit()).count();
    let day = number(bytes.get(at..at + digits)?)?;
    let at = at + digits;
    let form = bytes.get(at..at + 10)?;
    if [form[0], form[3], form[6], form[9]] != *b" :: " {
        return None;
    }
    let (hour, minute, second) = (number(&form[1..3])?, number(&form[4..6])?, number(&form[7..9])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let month = u8::try_from(month + 1).ok()?;
    let in_year = |year| days(year, month, day).map(|days| days * DAY + seconds);
    let year = year_of(reference.as_second());
    // A day of slack: the machine that wrote may be ahead of this one, and local times count as UTC.
    let latest = reference.as_second() + DAY;
    let time = in_year(year).filter(|time| *time <= latest).or_else(|| in_year(year - 1));
    Some((time.and_then(|time| Timestamp::from_second(time).ok()), &text[at + 10..]))
}

fn number(digits: &[u8]) -> Option<u8> {
    match digits {
        [one @ b'0'..=b'9'] => Some(one - b'0'),
        [ten @ b'0'..=b'9', one @ b'0'..=b'9'] => Some((ten - b'0') * 10 + one - b'0'),
        _ => None,
    }
}

/// Reads lines that begin as the one before did, with the same day.
#[derive(Debug, Default)]
pub(crate) struct Again {
    /// `Nov  5`.
    date: [u8; DATE],
    /// When that day begins, in seconds.
    start: i64,
}

/// Bytes of a month and the day in it.
const DATE: usize = 6;
/// Where the key begins behind the time.
const KEY: usize = DATE + " 10:00:00 ".len();

/// What stands around a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Around {
    pub(crate) time: Timestamp,
    /// What tells the stream from others in the same file.
    pub(crate) key: Range<usize>,
    pub(crate) content_at: usize,
}

impl Again {
    /// As [`unwrap`] says it of a line of ASCII with a month, but for the parts of its key; `None` where it might say
    /// something else.
    pub(crate) fn read(&mut self, line: &[u8], reference: Timestamp) -> Option<Around> {
        let time = self.time(line, reference)?;
        let length = key(line.get(KEY..)?)?;
        let behind = KEY + length + 1;
        let blank = usize::from(line.get(behind) == Some(&b' '));
        Some(Around { time, key: KEY..KEY + length, content_at: behind + blank })
    }

    /// The time of a line that has one of syslog's where it begins.
    pub(crate) fn time(&mut self, line: &[u8], reference: Timestamp) -> Option<Timestamp> {
        let (date, rest) = line.split_first_chunk::<DATE>()?;
        if self.date != *date {
            self.learn(date, reference)?;
        }
        let [b' ', h1, h2, b':', m1, m2, b':', s1, s2, b' '] = rest.first_chunk()? else { return None };
        let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Timestamp::from_second(self.start + seconds).ok()
    }

    /// Takes another day, where all of its times lie in one year.
    fn learn(&mut self, date: &[u8; DATE], reference: Timestamp) -> Option<()> {
        if !may_begin_with_month(date) {
            return None;
        }
        let date_text = str::from_utf8(date).ok()?;
        let at = |time| clock(&format!("{date_text} {time} "), reference)?.0;
        let (first, last) = (at("00:00:00")?.as_second(), at("23:59:59")?.as_second());
        (first + DAY - 1 == last).then(|| (self.date, self.start) = (*date, first))
    }
}

/// The length of `host program[process]`, with a colon behind it.
fn key(bytes: &[u8]) -> Option<usize> {
    let within = |from: usize| bytes.get(from..).map(|rest| &rest[..rest.len().min(NAME)]);
    let program_at = memchr(b' ', within(0)?).filter(|at| *at > 0)? + 1;
    let length = memchr3(b' ', b':', b'[', within(program_at)?).filter(|length| *length > 0)?;
    let mut end = program_at + length;
    if bytes[end] == b'[' {
        let digits = bytes[end + 1..].iter().take_while(|b| b.is_ascii_digit()).take(20).count();
        if digits == 0 || digits == 20 || bytes.get(end + 1 + digits) != Some(&b']') {
            return None;
        }
        end += digits + 2;
    }
    (bytes.get(end) == Some(&b':')).then_some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_stands_around_a_line_is_what_was_read_of_it_alone(
            lines in prop::collection::vec((
                prop::sample::select(vec!["Nov  5", "Nov 25", "Dec 31", "Feb 29", "Jan  1", "Nov 5", "Nov 35", "Nov  57", "Nop  5", "<11>Nov  5", "Nov 24", "Nov 23"]),
                " ([0-2][0-9]:[0-5][0-9]:[0-5][0-9]|[0-9:]{8}|10:00)",
                " (web0|a|[a-z0-9 :]{0,3})",
                " (shop|sshd[(]pam_unix[)]|[a-z /.]{0,3})",
                r"(\[[0-9]{1,22}\]|\[[0-9x]{0,2}\]?)?",
                ":? {0,2}[a-z:]{0,5}",
            ), 1..9),
            reference in prop::sample::select(vec!["2026-11-23T12:00:00Z", "2024-03-01T00:00:00Z", "2026-01-01T00:00:01Z"]),
        ) {
            let reference = reference.parse().unwrap();
            let mut again = Again::default();
            for (date, time, host, program, process, text) in &lines {
                let line = format!("{date}{time}{host}{program}{process}{text}");
                let alone = unwrap(&line, reference);
                if let Some(Around { time, key, content_at }) = again.read(line.as_bytes(), reference) {
                    let (envelope, text) = alone.unwrap();
                    let said = (envelope.time, &*envelope.key, envelope.level, envelope.goes_on, text);
                    prop_assert_eq!(said, (Some(time), &line[key], None, false, &line[content_at..]));
                }
            }
        }
    }

    #[test]
    fn usual_lines_are_read_again_and_a_day_that_may_be_of_two_years_is_not() {
        let reference = "2026-11-23T12:00:00Z".parse().unwrap();
        let mut again = Again::default();
        for (line, expected) in [
            ("Nov  5 10:00:00 web0 sshd[401]: oops", Some("oops")),
            ("Nov  5 10:00:01 web0 kernel: oops", Some("oops")),
            ("Dec 15 10:00:01 web0 sshd(pam_unix)[7]:x", Some("x")),
            ("Nov 24 10:00:01 web0 kernel: oops", None),
            ("Nov  5 10:00:01 web0 kernel oops", None),
        ] {
            let found = again.read(line.as_bytes(), reference);
            assert_eq!(found.map(|found| &line[found.content_at..]), expected, "{line}");
        }
    }

    fn seen(line: &str) -> Option<(String, Option<Level>, String, String, String)> {
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let (envelope, text) = unwrap(line, reference).or_else(|| dated(line))?;
        let process = envelope.process.unwrap_or_default().into_owned();
        let (host, program) = (envelope.host.unwrap_or_default(), envelope.program.unwrap_or_default());
        let time = envelope.time.map(|time| time.to_string()).unwrap_or_default();
        Some((time, envelope.level, format!("{host} {program}"), process, text.to_owned()))
    }

    #[test]
    fn every_form_says_who_wrote_and_what() {
        let expected = |time: &str, level, who: &str, process: &str, text: &str| {
            Some((time.to_owned(), level, who.to_owned(), process.to_owned(), text.to_owned()))
        };
        let (time, error) = ("2026-11-05T10:00:00Z", Some(Level::Error));
        for (line, expected) in [
            (
                "<11>Nov  5 10:00:00 web0 shop[401]:   File",
                expected(time, error, "web0 shop", "401", "  File"),
            ),
            ("Nov 5 10:00:00 web0 kernel: oops", expected(time, None, "web0 kernel", "", "oops")),
            (
                "Dec 31 23:59:59 web0 sshd(pam_unix)[7]: x",
                expected("2025-12-31T23:59:59Z", None, "web0 sshd(pam_unix)", "7", "x"),
            ),
            ("2026-11-05T12:00:00+02:00 web0 shop[401]: up", expected(time, None, "web0 shop", "401", "up")),
            (
                "<11>1 2026-11-05T10:00:00Z web0 shop 401 ID47 [a@1 b=\"x]\\\"y\"][c] \u{feff}it broke",
                expected(time, error, "web0 shop", "401", "it broke"),
            ),
            ("<11>1 - - - - - - it broke", expected("", error, " ", "", "it broke")),
            ("<11>1 - web0 shop - - -", expected("", error, "web0 shop", "", "")),
        ] {
            assert_eq!(seen(line), expected, "{line}");
        }
    }

    #[test]
    fn what_only_resembles_it_is_text() {
        for line in [
            "<11>1 noon web0 shop 401 - - x",
            "<11>1 - web0 shop 401 - [a b=\"x",
            "<1111>Nov  5 10:00:00 web0 shop: x",
            "Nov 35 10:00 web0 shop: x",
            "Nov  5 10:00:00 web0 shop[x]: y",
            "Nov  5 10:00:00 web0 two words: y",
            "2026-11-05T10:00:00Z ERROR shop[401]: x",
            "2026-11-05T10:00:00Z shop: x",
            "<é>",
        ] {
            assert_eq!(seen(line), None, "{line}");
        }
    }
}
