//! Access logs: one line per request, in columns that never change.
//!
//! A status of 500 and above is an error of the server. The message is method, path without its query, and status, so
//! that requests group by route; everything else of the line varies with the client.

use jiff::Timestamp;
use memchr::{memchr, memchr_iter};

use crate::header::{self, Header};
use crate::record::Level;

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];

/// A request that was answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    method: String,
    path: String,
    status: u16,
}

impl Request {
    /// A request by its parts; `None` for what is no method or status.
    pub(crate) fn new(method: &str, target: &str, status: u16) -> Option<Self> {
        let known = METHODS.contains(&method) && (100..600).contains(&status);
        let path = target.split(['?', '#']).next().unwrap_or(target);
        known.then(|| Self { method: method.to_owned(), path: path.to_owned(), status })
    }

    /// A request by its first line, `GET /cart?id=7 HTTP/1.1`.
    pub(crate) fn of(line: &str, status: u16) -> Option<Self> {
        let mut words = line.split(' ');
        Self::new(words.next()?, words.next()?, status)
    }

    /// The level: what was said, but an error for a failure of the server.
    pub(crate) fn level(&self, said: Option<Level>) -> Option<Level> {
        let own = match self.status {
            500.. => Level::Error,
            400..500 => Level::Warning,
            _ => Level::Info,
        };
        said.filter(|said| *said >= own).or(Some(own))
    }

    /// Method, path and status.
    pub(crate) fn message(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.status)
    }
}

/// A line of an access log: common and combined (Apache, nginx, Caddy), HAProxy, IIS with its usual fields.
pub(crate) fn line(line: &str) -> Option<Header> {
    let bytes = line.as_bytes();
    let (time, request) = if bytes.contains(&b'"') {
        combined(line).or_else(|| haproxy(line))?
    } else if bytes.get(4) == Some(&b'-') && bytes.get(19) == Some(&b' ') {
        iis(line)?
    } else {
        return None;
    };
    Some(Header { time, level: request.level(None), logger: None, message: request.message() })
}

/// Whether a line may be a request: it has a quote, and a time in the first brackets behind a blank or a port before them;
/// or an address stands where IIS writes it.
pub(crate) fn may_be(line: &str) -> bool {
    let bytes = line.as_bytes();
    if memchr(b'"', bytes).is_some() {
        let mut brackets = memchr_iter(b'[', bytes).filter(|at| *at > 0 && bytes[at - 1] == b' ');
        return brackets.next().is_some_and(|at| {
            let mut client = bytes[..at - 1].iter().rev().take_while(|b| **b != b' ');
            header::begins_with_time(&bytes[at + 1..]) || client.any(|b| *b == b':')
        });
    }
    may_be_iis(bytes)
}

/// Whether an address stands where IIS writes it.
pub(crate) fn may_be_iis(bytes: &[u8]) -> bool {
    let iis = bytes.get(4) == Some(&b'-') && bytes.get(19) == Some(&b' ');
    iis && bytes[20..].iter().find(|b| !b.is_ascii_hexdigit()).is_some_and(|b| b".:".contains(b))
}

/// `1.2.3.4 - bob [05/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 500 12 …`, perhaps behind the host's name.
fn combined(line: &str) -> Option<(Option<Timestamp>, Request)> {
    let open = line.find('[')?;
    let client = line.get(..open)?;
    let words = client.split_ascii_whitespace().count();
    let (time, rest) = line.get(open + 1..)?.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let status = rest.split(' ').next()?.parse().ok()?;
    let time = header::time(time).filter(|_| (3..=4).contains(&words) && client.ends_with(' '))?;
    Some((Some(time), Request::of(request, status)?))
}

/// `1.2.3.4:5 [05/Nov/2026:10:00:00.123] front back/s1 0/0/1/2/3 503 212 - - ---- 1/1/0/0/0 0/0 "GET /x HTTP/1.1"`.
fn haproxy(line: &str) -> Option<(Option<Timestamp>, Request)> {
    let (before, rest) = line.split_once(" [")?;
    let (time, rest) = rest.split_once("] ")?;
    let (columns, request) = rest.split_once(" \"")?;
    let client = before.rsplit(' ').next()?.contains(':');
    let mut columns = columns.split(' ').skip(2);
    let timers = columns.next().filter(|timers| client && timers.split('/').count() >= 4)?;
    let status = columns.next()?.parse().ok().filter(|_| !timers.is_empty())?;
    Some((header::time(time), Request::of(request.trim_end_matches('"'), status)?))
}

/// `2026-11-05 10:00:00 10.0.0.1 GET /x - 443 - 1.2.3.4 agent - 500 0 0 31`.
fn iis(line: &str) -> Option<(Option<Timestamp>, Request)> {
    let time = header::time(line.get(..19)?)?;
    let mut words = line.get(20..)?.split(' ');
    let server = words.next()?;
    let (method, path) = (words.next()?, words.next()?);
    let address =
        server.contains(['.', ':']) && server.bytes().all(|b| b.is_ascii_hexdigit() || b".:".contains(&b));
    if !address || !path.starts_with('/') {
        return None;
    }
    // The last four are status, substatus, Windows' own and milliseconds.
    let mut last = words.rev().take(4);
    let status = last.nth(3)?.parse().ok()?;
    Some((Some(time), Request::new(method, path, status)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn access_logs_are_read_with_their_status_as_level() {
        let error = Some(Level::Error);
        for (text, level, message) in [
            (
                r#"1.2.3.4 - bob [05/Nov/2026:10:00:00 +0000] "GET /cart/7?a=1 HTTP/1.1" 500 12"#,
                error,
                "GET /cart/7 500",
            ),
            (
                r#"1.2.3.4 - - [05/Nov/2026:10:00:00 +0000] "POST / HTTP/1.1" 200 12 "-" "curl/8""#,
                Some(Level::Info),
                "POST / 200",
            ),
            (
                r#"shop:443 ::1 - - [05/Nov/2026:10:00:00 +0000] "GET /x HTTP/2.0" 404 - "-" "x""#,
                Some(Level::Warning),
                "GET /x 404",
            ),
            (
                r#"1.2.3.4:5 [05/Nov/2026:10:00:00.123] front back/s1 0/0/1/2/3 503 212 - - ---- 1/1/0/0/0 0/0 "GET /x HTTP/1.1""#,
                error,
                "GET /x 503",
            ),
            ("2026-11-05 10:00:00 10.0.0.1 GET /x a=1 443 - 1.2.3.4 agent - 500 0 0 31", error, "GET /x 500"),
        ] {
            assert!(may_be(text), "{text}");
            let found = line(text).unwrap();
            assert_eq!((found.level, found.message.as_str()), (level, message), "{text}");
            assert_eq!(found.time.unwrap().as_second(), 1_793_872_800, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_request_is_never_taken_for_none(pieces in prop::collection::vec(prop::sample::select(vec![
            "1.2.3.4", ":5", " ", " - ", "bob ", "[", "]", "05/Nov/2026:10:00:00 +0000", "05/Nov/2026:10:00:00.123",
            "\"", "GET /x HTTP/1.1", " 503 ", "12", "front back/s1 0/0/1/2/3 503 212", "2026-11-05 10:00:00 ", "fe80::1",
            "10.0.0.1 GET /x - 443 - 1.2.3.4 agent - 500 0 0 31", "yesterday", "x", "-",
        ]), 0..12)) {
            let line = pieces.concat();
            prop_assert!(super::line(&line).is_none() || may_be(&line), "{line}");
        }
    }

    #[test]
    fn what_is_no_request_is_left_alone() {
        for text in [
            r#"[05/Nov/2026:10:00:00 +0000] "x" 500"#,
            r#"2026-11-05 10:00:00 ERROR could not "GET /x" 500"#,
            r#"1.2.3.4 - - [yesterday] "GET /x HTTP/1.1" 500 1"#,
            "2026-11-05 10:00:00 10.0.0.1 said GET /x",
            r#"""#,
            "",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }
}
