//! Columns of names and values behind the time, `pid=7 tid=9 INFO: `, with the level at their end.
//!
//! A value with its name tells by itself what it is, so a single line is enough. They count as a header only where a level
//! ends them; otherwise they are the message, as programs write what they say in this form, too.

use super::level;
use crate::record::Level;

/// Columns at most, and bytes of a name and of a value.
const COLUMNS: usize = 6;
const NAME: usize = 24;
const VALUE: usize = 64;
/// Level words that hardly begin a message in capitals.
const USUAL: [&[u8]; 9] =
    [b"INFO", b"WARN", b"WARNING", b"ERROR", b"DEBUG", b"TRACE", b"FATAL", b"NOTICE", b"CRITICAL"];

/// What stands in the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns<'a> {
    pub(super) level: Level,
    pub(super) process: Option<&'a str>,
    pub(super) thread: Option<&'a str>,
    /// Bytes up to the message.
    pub(super) length: usize,
}

/// Whether a text may begin with columns: a name and its sign stand there.
pub(super) fn may_begin(text: &[u8]) -> bool {
    text.get(run(text, NAME, NAMES)) == Some(&b'=')
}

/// The columns that a text begins with.
pub(super) fn columns(text: &str) -> Option<Columns<'_>> {
    let bytes = text.as_bytes();
    if !may_begin(bytes) {
        return None;
    }
    let (mut process, mut thread, mut at) = (None, None, 0);
    for _ in 0..COLUMNS {
        let Some((name, value, next)) = column(text, at) else { break };
        match name {
            "pid" | "process" | "proc" | "process_id" => process = process.or(Some(value)),
            "tid" | "thread" | "thread_id" => thread = thread.or(Some(value)),
            _ => {}
        }
        at = next;
    }
    let (level, end) = (at > 0).then(|| level_at(bytes, at)).flatten()?;
    let blank = bytes.get(end).is_some_and(|b| *b == b' ');
    Some(Columns { level, process, thread, length: end + usize::from(blank) })
}

/// Bytes of names and bytes of values, as bits.
const NAMES: u8 = 1;
const VALUES: u8 = 2;
static BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') {
            table[byte] |= NAMES;
        }
        let ends = matches!(b, b'"' | b'\'' | b'=' | b',' | b';' | b'(' | b')' | b'{' | b'}');
        if b.is_ascii_graphic() && !ends {
            table[byte] |= VALUES;
        }
        byte += 1;
    }
    table
};

/// How many bytes of a kind a text begins with, up to a limit.
fn run(text: &[u8], limit: usize, kind: u8) -> usize {
    text.iter().take(limit).take_while(|b| BYTES[usize::from(**b)] & kind != 0).count()
}

/// Name and value that stand here, and where what follows begins.
fn column(text: &str, at: usize) -> Option<(&str, &str, usize)> {
    let rest = text.as_bytes().get(at..)?;
    let name = run(rest, NAME, NAMES);
    let named = rest.first().is_some_and(u8::is_ascii_alphabetic) && rest.get(name) == Some(&b'=');
    let value = rest.get(name + 1..).filter(|_| named)?;
    let length = run(value, VALUE, VALUES);
    if length == 0 || value.get(length) != Some(&b' ') {
        return None;
    }
    let end = at + name + 1 + length;
    let blanks = value[length..].iter().take_while(|b| **b == b' ').count();
    Some((text.get(at..at + name)?, text.get(at + name + 1..end)?, end + blanks))
}

/// The level that stands here, in brackets or before a colon, or in capitals; and where it ends.
fn level_at(bytes: &[u8], at: usize) -> Option<(Level, usize)> {
    let open = bytes.get(at) == Some(&b'[');
    let rest = bytes.get(at + usize::from(open)..)?;
    let length = rest.iter().take(12).take_while(|b| b.is_ascii_alphabetic()).count();
    let level = level::word(&rest[..length])?;
    let end = at + usize::from(open) + length;
    match rest.get(length) {
        Some(b']') if open => Some((level, end + 1 + usize::from(rest.get(length + 1) == Some(&b':')))),
        Some(b':') if !open => Some((level, end + 1)),
        None | Some(b' ') if !open => USUAL.contains(&&rest[..length]).then_some((level, end)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_end_with_a_level_are_a_header() {
        for (text, level, process, thread, message) in [
            ("pid=7 tid=9 INFO: up", Level::Info, Some("7"), Some("9"), "up"),
            ("pid=7   tid=0x1f [error] it broke", Level::Error, Some("7"), Some("0x1f"), "it broke"),
            ("host=web0 WARN slow", Level::Warning, None, None, "slow"),
            ("req=/a:7 thread=main-1 debug:   x", Level::Debug, None, Some("main-1"), "  x"),
            ("pid=7 FATAL", Level::Critical, Some("7"), None, ""),
        ] {
            let found = columns(text).unwrap();
            assert_eq!((found.level, found.process, found.thread), (level, process, thread), "{text}");
            assert_eq!(&text[found.length..], message, "{text}");
        }
    }

    #[test]
    fn other_texts_are_messages() {
        for text in [
            "",
            "INFO: up",
            "pid=7",
            "pid=7 up",
            "pid=7 tid=9",
            "user=\"bob\" ERROR x",
            "a=1, b=2 ERROR x",
            "count=3 error x",
            "count=3 FAIL x",
            "count = 3 ERROR: x",
            "=3 ERROR: x",
            "é=3 ERROR: x",
            "pid=é ERROR: x",
        ] {
            assert_eq!(columns(text), None, "{text}");
        }
    }
}
