//! Bytes of a line to text that is safe to analyse and to show.
//!
//! Terminal sequences, control characters, direction overrides and invisible characters are taken out, so that colour or
//! trickery changes neither a fingerprint nor what a person sees. An unfinished terminal sequence must not swallow the
//! text behind it: then only its opening is removed.

use std::borrow::Cow;

/// The text of one line, without its line end.
pub(crate) fn clean(bytes: &[u8]) -> String {
    cleaned(bytes).into_owned()
}

/// As [`clean`]; the bytes themselves where nothing has to be taken out.
pub(crate) fn cleaned(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = trim_carriage_returns(bytes);
    if bytes.iter().fold(true, |clean, b| clean & ((0x20..0x7f).contains(b) | (*b == b'\t')))
        && let Ok(text) = str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let text = String::from_utf8_lossy(bytes);
    Cow::Owned(strip(&text))
}

fn trim_carriage_returns(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| *b != b'\r').map_or(0, |last| last + 1);
    &bytes[..end]
}

fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Strings without an end behind one place have none behind a later place either; this keeps the pass linear.
    let mut strings_end = true;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\x1b' => escape(after, &mut strings_end),
            '\u{9b}' => control_sequence(after),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => string(after, &mut strings_end),
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.push(' ');
                after
            }
            c if is_hidden(c) => after,
            c => {
                out.push(c);
                after
            }
        };
    }
    out
}

fn escape<'a>(rest: &'a str, strings_end: &mut bool) -> &'a str {
    match rest.bytes().next() {
        Some(b'[') => control_sequence(&rest[1..]),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => string(&rest[1..], strings_end),
        Some(b' '..=b'/') => {
            let rest = rest.trim_start_matches(|c: char| (' '..='/').contains(&c));
            rest.strip_prefix(|c: char| ('0'..='~').contains(&c)).unwrap_or(rest)
        }
        Some(b'0'..=b'~') => &rest[1..],
        _ => rest,
    }
}

/// What follows a control sequence: parameters, then one final character.
fn control_sequence(rest: &str) -> &str {
    let rest = rest.trim_start_matches(|c: char| (' '..='?').contains(&c));
    rest.strip_prefix(|c: char| ('@'..='~').contains(&c)).unwrap_or(rest)
}

/// What follows a terminal string (title, link, clipboard), which ends with BEL or ST.
fn string<'a>(rest: &'a str, strings_end: &mut bool) -> &'a str {
    if !*strings_end {
        return rest;
    }
    match rest.find(['\x07', '\x1b', '\u{9c}']) {
        Some(at) if rest[at..].starts_with('\x1b') => {
            let tail = &rest[at + 1..];
            // An escape that is no string end begins another sequence and leaves this one unfinished.
            tail.strip_prefix('\\').unwrap_or(rest)
        }
        Some(at) => {
            let tail = &rest[at..];
            &tail[tail.chars().next().map_or(0, char::len_utf8)..]
        }
        None => {
            *strings_end = false;
            rest
        }
    }
}

/// Control characters, and format characters that are invisible or turn the reading direction.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_and_hidden_characters_are_taken_out() {
        for (raw, expected) in [
            (&b"\x1b[31mERROR\x1b[0m x\r\n"[..], "ERROR x"),
            (b"a\x1b]0;title\x07b", "ab"),
            (b"a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
            (b"a\x1b]52;c;aGk=\x07b", "ab"),
            (b"unfinished \x1b]0;stays visible", "unfinished 0;stays visible"),
            (b"nul\0 bell\x07 back\x08space", "nul bell backspace"),
            ("user\u{202e}gnp.exe\u{200b}".as_bytes(), "usergnp.exe"),
            ("\u{feff}first".as_bytes(), "first"),
            (b"over\rwrite", "over write"),
            (b"bad \xff\xc0\xaf", "bad \u{fffd}\u{fffd}\u{fffd}"),
            ("c1 \u{9b}31mred".as_bytes(), "c1 red"),
            (b"tab\tkept", "tab\tkept"),
        ] {
            assert_eq!(clean(raw), expected, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn many_unfinished_strings_take_linear_time() {
        let raw = b"\x1b]".repeat(1 << 20);
        assert_eq!(clean(&raw), "");
    }
}
