//! The short way for lines that are ordinary: a header that was learned, no error, nothing that a stack trace begins with.
//!
//! Most of a log is such lines, and where only errors are kept all that is wanted of them is that they are counted and
//! seen. One of them waits, since the next line may be more of it; only then does it become a record the long way. What
//! is read here is read by the same functions as there, so both ways say the same.

use jiff::Timestamp;
use memchr::{memchr2_iter, memmem};

use crate::access;
use crate::header::Layout;
use crate::record::Level;
use crate::trace;
use crate::unwrap::{Form, unwrap};

/// An ordinary line that may go on.
#[derive(Debug, Default)]
pub(crate) struct Skimmed {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) number: u64,
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    pub(crate) text: String,
    pub(crate) message_at: usize,
}

/// What an ordinary line says before its message.
pub(crate) struct Ordinary {
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    pub(crate) message_at: usize,
}

/// What a line says that is ordinary beyond doubt; `None` for any line that has to be looked at more closely.
pub(crate) fn ordinary<'a>(
    bytes: &'a [u8],
    form: Form,
    layout: &Layout,
    reference: Timestamp,
) -> Option<(&'a str, Ordinary)> {
    if form != Form::Plain || !begins_plainly(bytes) || !is_clean(bytes) {
        return None;
    }
    let line = str::from_utf8(bytes).ok()?;
    let head = layout.read(line, reference)?;
    let level = head.level;
    let known = head.learned && head.time.is_some() && !head.continues && level < Some(Level::Error);
    // The columns of an access log say more than the header that they look like.
    if !known || unwrap(line, form, reference).is_some() || access::line(line).is_some() {
        return None;
    }
    let message = bytes.get(head.message_at..)?;
    let begins = trace::may_begin(message)
        || has_escaped_break(bytes)
        || memmem::find(message, b"-----BEGIN ").is_some();
    (!begins).then_some((line, Ordinary { time: head.time, level, message_at: head.message_at }))
}

/// Whether a line break may be written as text, behind which a stack trace may stand on a single line.
pub(crate) fn has_escaped_break(text: &[u8]) -> bool {
    let mut signs = memchr2_iter(b'\\', b'#', text);
    signs.any(|at| text[at..].starts_with(b"\\n") || text[at..].starts_with(b"#012"))
}

/// Whether the line neither continues another nor is an object.
fn begins_plainly(bytes: &[u8]) -> bool {
    let in_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-@".contains(b);
    match bytes.first() {
        None | Some(b' ' | b'\t' | b'{') => false,
        Some(_) => bytes.get(bytes.iter().take_while(|b| in_name(b)).count()) != Some(&b'='),
    }
}

/// Whether nothing has to be cleaned away.
fn is_clean(bytes: &[u8]) -> bool {
    let dirty = |clean: bool, b: &u8| clean & ((*b >= 0x20) & (*b < 0x7f) | (*b == b'\t'));
    bytes.iter().fold(true, dirty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_failed_is_not_ordinary_where_the_header_of_an_access_log_was_learned() {
        let line = |n: usize, status: u16| {
            format!(
                "10.0.0.{n} - - [05/Nov/2026:10:00:00 +0000] \"GET /cart/{n} HTTP/1.1\" {status} 12 \"-\" \"x\""
            )
        };
        let lines: Vec<String> = (0..100).map(|n| line(n, 200)).collect();
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let layout = Layout::learn(lines.iter().map(String::as_str), reference);
        assert!(ordinary(line(7, 503).as_bytes(), Form::Plain, &layout, reference).is_none());
    }

    #[test]
    fn lines_that_are_more_than_a_header_and_words_are_not_ordinary() {
        let lines: Vec<String> = (0..100)
            .map(|n| format!("2026-11-05T10:00:{:02}Z INFO shop.http GET /cart/{n}", n % 60))
            .collect();
        let reference = "2026-11-06T00:00:00Z".parse().unwrap();
        let layout = Layout::learn(lines.iter().map(String::as_str), reference);
        let ordinary = |line: &str| ordinary(line.as_bytes(), Form::Plain, &layout, reference).is_some();
        assert!(ordinary(&lines[0]));
        for line in [
            "2026-11-05T10:00:00Z ERROR shop.http it broke",
            "2026-11-05T10:00:00Z INFO shop.http Traceback (most recent call last):",
            "2026-11-05T10:00:00Z INFO shop.http java.lang.Error: x",
            "2026-11-05T10:00:00Z INFO shop.http -----BEGIN PRIVATE KEY-----",
            "2026-11-05T10:00:00Z INFO shop.http gr\u{fc}n",
            "2026-11-05T10:00:00Z INFO shop.http \x1b[31mred",
            "2026-11-05T10:00:00Z INFO shop.http java.lang.Error: x\\n\\tat f(A.java:1)",
            "2026-11-05T10:00:00Z INFO shop.http one#012two",
            "  2026-11-05T10:00:00Z INFO shop.http indented",
            "time=2026-11-05T10:00:00Z level=info msg=x",
            "{\"level\":\"info\"}",
            "words",
            "",
        ] {
            assert!(!ordinary(line), "{line}");
        }
    }
}
