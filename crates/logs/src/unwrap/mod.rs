//! What collectors and runtimes write around the line of a program: Docker, Kubernetes, journald, syslog.
//!
//! The form is told from the line itself wherever it is unmistakable, so that a source may change it at any time and a
//! scan may begin anywhere; a line that does not fit is text. Only the prefix of `docker compose` looks like much else,
//! and counts where most of a source's lines have it ([`Form`]).

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::Level;

mod compose;
mod cri;
mod docker;
pub(crate) mod export;
mod instant;
pub(crate) mod journal;
mod kubectl;
pub(crate) mod syslog;

/// What stood around a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Envelope<'a> {
    /// What tells the stream from others in the same file.
    pub(crate) key: Cow<'a, str>,
    /// The stream's name, where it has one.
    pub(crate) stream: Option<Cow<'a, str>>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    pub(crate) host: Option<Cow<'a, str>>,
    pub(crate) process: Option<Cow<'a, str>>,
    pub(crate) program: Option<Cow<'a, str>>,
    /// The line goes on in the next one of the stream.
    pub(crate) goes_on: bool,
}

impl Envelope<'_> {
    pub(crate) fn into_owned(self) -> Envelope<'static> {
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Envelope {
            key: Cow::Owned(self.key.into_owned()),
            stream: owned(self.stream),
            time: self.time,
            level: self.level,
            host: owned(self.host),
            process: owned(self.process),
            program: owned(self.program),
            goes_on: self.goes_on,
        }
    }
}

/// The form of a source's lines, where single lines do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// Each line tells by itself.
    #[default]
    Plain,
    /// `service-1  | text`.
    Compose,
}

impl Form {
    /// The form of a source with these lines.
    pub(crate) fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let (mut all, mut fitting) = (0_usize, 0);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            all += 1;
            fitting += usize::from(compose::unwrap(line).is_some());
        }
        if fitting * 10 >= all * 8 && fitting > 0 { Self::Compose } else { Self::Plain }
    }
}

/// The line without what stands around it; `None` where nothing does. `reference` dates times without a year.
pub(crate) fn unwrap(line: &str, form: Form, reference: Timestamp) -> Option<(Envelope<'_>, Cow<'_, str>)> {
    let borrowed = |(envelope, text)| (envelope, Cow::Borrowed(text));
    if form == Form::Compose
        && let Some(found) = compose::unwrap(line)
    {
        return Some(borrowed(found));
    }
    match line.as_bytes().first()? {
        b'{' => docker::unwrap(line).or_else(|| journal::unwrap(line)),
        b'[' => kubectl::unwrap(line).map(borrowed),
        b'0'..=b'9' => cri::unwrap(line).or_else(|| syslog::dated(line)).map(borrowed),
        b'<' | b'A'..=b'Z' => syslog::unwrap(line, reference).map(borrowed),
        _ => None,
    }
}

/// Whether nothing stands around a line of ASCII, beyond doubt; some lines of which this is not said have nothing, either.
pub(crate) fn is_bare(line: &[u8], form: Form) -> bool {
    form == Form::Plain
        && match line {
            [b'{' | b'<', ..] => false,
            [b'[', ..] => !line.starts_with(b"[pod/"),
            [b'0'..=b'9', ..] => !cri::may_be(line) && (line.get(10) != Some(&b'T') || !dated(line)),
            [b'A'..=b'Z', ..] => !syslog::may_begin_with_month(line),
            _ => true,
        }
}

fn dated(line: &[u8]) -> bool {
    str::from_utf8(line).is_ok_and(|line| syslog::dated(line).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_that_is_bare_has_nothing_around_it(
            head in "([A-Z][a-z]{2}|Nov|<1[0-9]>|[0-9]{1,4})? ?[0-9]{0,2}( 10:00:00)?|2026-11-05T10:00:00Z|\\[pod/|\\{|[ -~]{0,3}",
            rest in "( (stdout|stderr|web0|shop\\[7\\]:|F|P|[a-z]{1,4}|a/b\\]))* ?[ -~]{0,9}",
        ) {
            let line = format!("{head}{rest}");
            let bare = is_bare(line.as_bytes(), Form::Plain);
            prop_assert!(!bare || unwrap(&line, Form::Plain, Timestamp::UNIX_EPOCH).is_none(), "{line}");
        }
    }

    #[test]
    fn compose_is_told_by_most_of_the_lines() {
        for (lines, expected) in [
            (&["web-1  | up", "db-1   | ready", "web-1  | GET /"][..], Form::Compose),
            (&["web-1  | up", "Attaching to web-1, db-1", "a", "b"], Form::Plain),
            (&["name | count", "-----+------", "shop | 3"], Form::Plain),
            (&[], Form::Plain),
        ] {
            assert_eq!(Form::of(lines.iter().copied()), expected, "{lines:?}");
        }
    }

    #[test]
    fn ordinary_lines_have_nothing_around_them() {
        for line in [
            "",
            "plain",
            "{\"level\":\"info\",\"msg\":\"x\"}",
            "{\"log\":\"x\"}",
            "[error] x",
            "[pod] x",
            "2026-11-05T10:00:00Z INFO stdout F",
            "2026-11-05T10:00:00Z ERROR shop: x",
            "web-1  | up",
            "<b>bold</b>",
            "Never 5 10:00:00 web shop[4]: x",
        ] {
            assert_eq!(unwrap(line, Form::Plain, Timestamp::UNIX_EPOCH), None, "{line}");
        }
    }
}
