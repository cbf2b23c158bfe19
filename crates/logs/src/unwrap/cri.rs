//! Files of container runtimes for Kubernetes: time, stream, and whether the line is whole or a part.

use std::borrow::Cow;

use memchr::memchr;

use super::Envelope;
use super::instant::instant;

/// Whether the second word is the name of a stream.
pub(super) fn may_be(line: &[u8]) -> bool {
    let behind = memchr(b' ', line).and_then(|end| line.get(end + 1..));
    behind.is_some_and(|rest| rest.starts_with(b"std"))
}

pub(super) fn unwrap(line: &str) -> Option<(Envelope<'_>, &str)> {
    let end = memchr(b' ', line.as_bytes())?;
    let (time, rest) = (&line[..end], &line[end + 1..]);
    let (stream, rest) = rest.split_at_checked(6)?;
    if !matches!(stream, "stdout" | "stderr") {
        return None;
    }
    let rest = rest.strip_prefix(' ')?;
    let (tag, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let goes_on = match tag.split(':').next()? {
        "P" => true,
        "F" => false,
        _ => return None,
    };
    let time = Some(instant(time)?);
    let stream = Cow::Borrowed(stream);
    Some((Envelope { key: stream.clone(), stream: Some(stream), time, goes_on, ..Envelope::default() }, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_and_parts_are_told_apart() {
        let seen = |line: &str| {
            let (envelope, text) = unwrap(line)?;
            Some((envelope.time?.to_string(), envelope.key.into_owned(), envelope.goes_on, text.to_owned()))
        };
        let expected = |key: &str, goes_on, text: &str| {
            Some(("2026-11-05T10:00:00.123456789Z".to_owned(), key.to_owned(), goes_on, text.to_owned()))
        };
        let line = "2026-11-05T12:00:00.123456789+02:00 ";
        assert_eq!(seen(&format!("{line}stdout F   up")), expected("stdout", false, "  up"));
        assert_eq!(seen(&format!("{line}stderr P half")), expected("stderr", true, "half"));
        assert_eq!(seen(&format!("{line}stdout F")), expected("stdout", false, ""));
        assert_eq!(seen(&format!("{line}stdout F:x y")), expected("stdout", false, "y"));
        for line in
            ["2026-11-05T10:00:00Z stdout X a", "yesterday stdout F a", "2026-11-05T10:00:00Z stdin F a"]
        {
            assert_eq!(seen(line), None, "{line}");
        }
    }
}
