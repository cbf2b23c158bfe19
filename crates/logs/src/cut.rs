//! Texts that are cut because they are too long end with a whole word: half a secret would no longer look like one.

/// How far back a word may begin; a longer one is no secret, but still not kept to its end.
const REACH: usize = 16 << 10;

/// A text whose end was cut off, without the word that the cut went through.
pub(crate) fn whole_words(text: &str) -> &str {
    let from = text.floor_char_boundary(text.len().saturating_sub(REACH));
    let end = text[from..].rfind(char::is_whitespace).map_or(from, |at| from + at);
    text[..end].trim_end()
}

/// As much of a text as there is room for, in whole words; the text itself where it fits.
pub(crate) fn limited(text: &str, limit: usize) -> &str {
    match text.len() > limit {
        true => whole_words(&text[..text.floor_char_boundary(limit)]),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_was_cut_ends_with_a_whole_word() {
        assert_eq!(whole_words("log in with ghp_abc"), "log in with");
        assert_eq!(whole_words("one two "), "one two");
        assert_eq!(whole_words("oneword"), "");
        let long = "x".repeat(3 * REACH);
        assert_eq!(whole_words(&long).len(), 2 * REACH);
        assert_eq!(limited("one two", 7), "one two");
        assert_eq!(limited("one two", 6), "one");
        assert_eq!(limited("one é", 5), "one");
    }
}
