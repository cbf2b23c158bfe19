//! Tags that a program writes before each line of what it says, as in `[6c0c44a3] [shop] it broke`.
//!
//! Where what it says has several lines, the tags stand before each of them, whether a header does or not.

/// Tags at most, and bytes of one.
const MOST: usize = 4;
const LONGEST: usize = 64;

/// The tags that a message begins with, with the blank behind each; empty where there are none.
pub(crate) fn tags(message: &str) -> &str {
    let mut length = 0;
    for _ in 0..MOST {
        let Some(rest) = message[length..].strip_prefix('[') else { break };
        let tag = rest.bytes().take(LONGEST).take_while(|b| !b"[]".contains(b)).count();
        if tag == 0 || !rest.get(tag..).is_some_and(|end| end.starts_with("] ")) {
            break;
        }
        length += tag + "[] ".len();
    }
    &message[..length]
}

/// What stands behind these tags, where a text begins with them.
pub(crate) fn behind<'a>(text: &'a str, tags: &str) -> Option<&'a str> {
    // Blanks at the end of a line are not always written.
    text.strip_prefix(tags).or_else(|| (text == tags.trim_end()).then_some(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_what_stands_in_brackets_before_a_message() {
        for (message, expected) in [
            ("[6c0c44a3] NoMethodError (x):", "[6c0c44a3] "),
            ("[6c0c44a3] [web 7]   ", "[6c0c44a3] [web 7] "),
            ("[a] [b] [c] [d] [e] x", "[a] [b] [c] [d] "),
            ("[1, 2]", ""),
            ("[] x", ""),
            ("[a[b]] x", ""),
            ("[a]: x", ""),
            ("", ""),
            ("[\u{e9}", ""),
        ] {
            assert_eq!(tags(message), expected, "{message}");
        }
        assert_eq!(behind("[a] [b] x", "[a] [b] "), Some("x"));
        assert_eq!(behind("[a] [b]", "[a] [b] "), Some(""));
        assert_eq!(behind("[a] x", "[a] [b] "), None);
    }
}
