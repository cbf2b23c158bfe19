//! `journalctl -o export`: entries of fields, each `NAME=value` on a line, or a name, a length and so many bytes.
//!
//! A message of several lines is in the second form, so an entry cannot be found by its lines alone. What an entry is
//! depends only on its own bytes: one that breaks the form, or is longer than any journal writes, ends where it does so,
//! and what follows is read as text until the next entry begins.

use super::{Envelope, journal};

/// How an entry begins.
pub(crate) const SIGN: &[u8] = b"__CURSOR=";
/// Bytes of the longest entry.
pub(crate) const LONGEST: usize = 4 << 20;
/// Bytes of the longest name of a field.
const NAME: usize = 64;

/// How far an entry reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// So many bytes, with the blank line behind it where it has one.
    To(usize),
    /// Beyond these bytes.
    Beyond,
    /// It is none.
    Nowhere,
}

/// What stands at a place in an entry.
enum Step<'a> {
    Field { name: &'a [u8], value: &'a [u8], end: usize },
    Blank,
    Broken,
    Beyond,
}

/// What an entry says.
pub(crate) struct Entry<'a> {
    pub(crate) envelope: Envelope<'static>,
    /// None where it has none.
    pub(crate) message: Option<&'a [u8]>,
}

/// How far the entry reaches that the bytes begin with.
pub(crate) fn extent(bytes: &[u8]) -> Extent {
    if !bytes.starts_with(SIGN) {
        return Extent::Nowhere;
    }
    let to = |end| if end == 0 { Extent::Nowhere } else { Extent::To(end) };
    let mut at = 0;
    loop {
        match step(bytes, at) {
            Step::Field { end, .. } if end <= LONGEST => at = end,
            Step::Blank => return Extent::To(at + 1),
            Step::Beyond if bytes.len() <= LONGEST => return Extent::Beyond,
            Step::Field { .. } | Step::Broken | Step::Beyond => return to(at),
        }
    }
}

/// The entry of these bytes.
pub(crate) fn read(bytes: &[u8]) -> Entry<'_> {
    let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
    let (mut at, mut message) = (0, None);
    while let Step::Field { name, value, end } = step(bytes, at) {
        if name == b"MESSAGE" {
            message.get_or_insert(value);
        } else if journal::NAMES.iter().any(|known| known.as_bytes() == name)
            && !fields.iter().any(|(known, _)| *known == name)
        {
            fields.push((name, value));
        }
        at = end;
    }
    let field = |name: &str| {
        let (_, value) = fields.iter().find(|(known, _)| *known == name.as_bytes())?;
        Some(String::from_utf8_lossy(&value[..value.len().min(VALUE)]).into_owned()).filter(|v| !v.is_empty())
    };
    Entry { envelope: journal::envelope(field), message }
}

/// Bytes kept of a field other than the message.
const VALUE: usize = 1 << 10;

fn step(bytes: &[u8], at: usize) -> Step<'_> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(length) = memchr::memchr(b'\n', rest) else { return Step::Beyond };
    let line = &rest[..length];
    let begins_anew = at > 0 && line.starts_with(SIGN);
    let (name, value) = match memchr::memchr(b'=', line) {
        _ if line.is_empty() => return Step::Blank,
        _ if begins_anew => return Step::Broken,
        Some(sign) => (&line[..sign], Some(&line[sign + 1..])),
        None => (line, None),
    };
    if name.is_empty()
        || name.len() > NAME
        || !name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
    {
        return Step::Broken;
    }
    match value {
        Some(value) => Step::Field { name, value, end: at + length + 1 },
        None => counted(rest, length + 1, at, name),
    }
}

/// A field whose bytes are counted: a length in eight of them, they themselves, and a line end.
fn counted<'a>(rest: &'a [u8], from: usize, at: usize, name: &'a [u8]) -> Step<'a> {
    let Some(length) = rest.get(from..).and_then(|rest| rest.first_chunk::<8>()) else { return Step::Beyond };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Step::Broken;
    }
    let (from, end) = (from + 8, from + 8 + length);
    match rest.get(end) {
        None => Step::Beyond,
        Some(b'\n') => Step::Field { name, value: &rest[from..end], end: at + end + 1 },
        Some(_) => Step::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Level;

    fn binary(name: &str, value: &[u8]) -> Vec<u8> {
        [name.as_bytes(), b"\n", &(value.len() as u64).to_le_bytes(), value, b"\n"].concat()
    }

    #[test]
    fn an_entry_says_who_when_and_what_over_several_lines() {
        let head =
            b"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1793872800250000\nPRIORITY=3\n_PID=401\n_COMM=python3\n\
            SYSLOG_IDENTIFIER=shop\n_HOSTNAME=web0\n_SYSTEMD_UNIT=shop.service\nFILE=\n";
        let entry =
            [&head[..], &binary("MESSAGE", b"one\n\n__CURSOR=no\nPRIORITY=7"), b"_UID=0\n\n"].concat();
        let bytes = [&entry[..], b"__CURSOR=s=1;i=3\n"].concat();
        assert_eq!(extent(&bytes), Extent::To(entry.len()));
        let read = read(&entry);
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
        assert_eq!((read.envelope, read.message), (expected, Some(&b"one\n\n__CURSOR=no\nPRIORITY=7"[..])));
        for cut in 10..entry.len() {
            assert_eq!(extent(&entry[..cut]), Extent::Beyond, "{cut}");
        }
    }

    #[test]
    fn what_breaks_the_form_ends_the_entry() {
        let first = b"__CURSOR=s=1;i=2\n";
        let with = |rest: &[u8]| extent(&[first, rest].concat());
        let end = Extent::To(first.len());
        for rest in [
            &b"__CURSOR=s=1;i=3\n\n"[..],
            b"2026-11-05 10:00:00 ERROR x=1\n\n",
            b"ERROR\n\xff\xff\xff\xff\xff\xff\xff\xffxx\n\n",
            b"A\n\x01\0\0\0\0\0\0\0xx\n",
            b"=x\n",
            b"lower=x\n",
        ] {
            assert_eq!(with(rest), end, "{rest:?}");
        }
        let long = [&b"MESSAGE="[..], &vec![b'x'; LONGEST + 1]].concat();
        assert_eq!(with(&long), end);
        assert_eq!(with(&[&long[..], b"\n\n"].concat()), end);
        assert_eq!(extent(&[&b"__CURSOR="[..], &vec![b'x'; LONGEST]].concat()), Extent::Nowhere);
        assert_eq!(extent(b"MESSAGE=x\n\n"), Extent::Nowhere);
    }
}
