//! Makes text of strangers safe to print: whatever could move a cursor, hide, or turn other text round is shown as text.
//!
//! Log lines, repository content and test output reach the terminal only through these functions.

/// One line: line ends, tabs and everything else that is not plainly visible is written as an escape.
pub(crate) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            other => push(&mut safe, other),
        }
    }
    safe
}

/// Several lines: line ends and tabs stay.
pub(crate) fn lines(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => safe.push(c),
            other => push(&mut safe, other),
        }
    }
    safe
}

/// One line of at most so many characters.
pub(crate) fn brief(text: &str, most: usize) -> String {
    let safe = line(text);
    if safe.chars().count() <= most {
        return safe;
    }
    let mut short: String = safe.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// JSON text with the characters escaped that JSON itself lets through. They occur only within its strings.
pub(crate) fn json(text: &str) -> String {
    if !text.chars().any(|c| c != '\n' && is_hidden(c)) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len());
    let mut pair = [0u16; 2];
    for c in text.chars() {
        if c != '\n' && is_hidden(c) {
            for unit in c.encode_utf16(&mut pair) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A word of a shell command, quoted where it must be.
pub(crate) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn push(safe: &mut String, c: char) {
    if is_hidden(c) {
        safe.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
    } else {
        safe.push(c);
    }
}

/// Control characters, marks that change direction, and characters that take no room but carry content.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[31mred\u{9b}2J\u{7f}\u{202e}txt\u{2066}\r\n\tb\u{e0041}é";

    #[test]
    fn nothing_that_moves_hides_or_turns_text_reaches_a_terminal() {
        assert_eq!(
            line(HOSTILE),
            "a\\u{1b}[31mred\\u{9b}2J\\u{7f}\\u{202e}txt\\u{2066}\\r\\n\\tb\\u{e0041}é"
        );
        assert_eq!(
            lines(HOSTILE),
            "a\\u{1b}[31mred\\u{9b}2J\\u{7f}\\u{202e}txt\\u{2066}\\u{d}\n\tb\\u{e0041}é"
        );
    }

    #[test]
    fn json_stays_the_same_value_and_shows_no_hidden_character() {
        let written = serde_json::to_string(HOSTILE).unwrap();
        let safe = json(&written);
        assert!(safe.is_ascii() || !safe.chars().any(is_hidden), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), HOSTILE);
    }

    #[test]
    fn a_long_line_is_cut_with_a_mark() {
        assert_eq!(brief("abcdef", 6), "abcdef");
        assert_eq!(brief("abcdefg", 6), "abcde…");
    }

    #[test]
    fn a_shell_word_means_itself() {
        assert_eq!(shell("sqlite:/x/a-b.db"), "sqlite:/x/a-b.db");
        assert_eq!(shell("it's here"), "'it'\\''s here'");
        assert_eq!(shell(""), "''");
    }
}
