//! Files of Docker's `json-file` driver: one object for each line that the container wrote.

use std::borrow::Cow;

use serde::Deserialize;

use super::Envelope;
use crate::clean::clean;

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

pub(super) fn unwrap(line: &str) -> Option<(Envelope<'_>, Cow<'_, str>)> {
    if !line.starts_with("{\"log\":") {
        return None;
    }
    let entry: Entry<'_> = serde_json::from_str(line).ok()?;
    let time = Some(entry.time.parse().ok()?);
    // A line beyond the driver's buffer comes in parts, of which only the last has a line end.
    let goes_on = !entry.log.ends_with('\n');
    let text = Cow::Owned(clean(entry.log.as_bytes()));
    let key = entry.stream;
    Some((Envelope { key: key.clone(), stream: Some(key), time, goes_on, ..Envelope::default() }, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_that_the_program_wrote() {
        let seen = |line| {
            let (envelope, text) = unwrap(line)?;
            Some((envelope.key.into_owned(), envelope.goes_on, text.into_owned()))
        };
        for (line, expected) in [
            (
                r#"{"log":"\u001b[31mup\u001b[0m \"x\"\r\n","stream":"stdout","time":"2026-11-05T10:00:00.1Z"}"#,
                Some(("stdout".to_owned(), false, "up \"x\"".to_owned())),
            ),
            (
                r#"{"log": "half", "stream": "stderr", "time": "2026-11-05T10:00:00Z", "attrs": {"tag": "x"}}"#,
                Some(("stderr".to_owned(), true, "half".to_owned())),
            ),
            (r#"{"log":"x\n","stream":"stdout","time":"noon"}"#, None),
            (r#"{"log":{"level":"error"},"stream":"a","time":"2026-11-05T10:00:00Z"}"#, None),
        ] {
            assert_eq!(seen(line), expected, "{line}");
        }
    }
}
