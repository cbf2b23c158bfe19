//! A reader of JSON for lines as loggers write them, which gives up where a value is unusual.
//!
//! It accepts less than the full reader does and nothing else, and makes nothing of what nobody asks for.

use std::borrow::Cow;

use serde_json::Number;

/// The line has to be read as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsure;

/// Depth of objects and lists within each other.
const DEPTH: usize = 32;
/// Longest number, in bytes.
const DIGITS: usize = 40;

/// A reader of JSON that gives up where a value is unusual.
#[derive(Debug)]
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Whether everything was read.
    pub(super) fn end(&self) -> Result<(), Unsure> {
        if self.at == self.text.len() { Ok(()) } else { Err(Unsure) }
    }

    fn peek(&self) -> Result<u8, Unsure> {
        self.text.as_bytes().get(self.at).copied().ok_or(Unsure)
    }

    fn blanks(&mut self) {
        while self.text.as_bytes().get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The sign that comes next, behind blanks.
    fn sign(&mut self) -> Result<u8, Unsure> {
        self.blanks();
        let sign = self.peek()?;
        self.at += 1;
        Ok(sign)
    }

    /// Reads an object; what stands under each name is read by the function.
    pub(super) fn object(
        &mut self,
        mut value: impl FnMut(&mut Self, &'a str) -> Result<(), Unsure>,
    ) -> Result<(), Unsure> {
        if self.sign()? != b'{' {
            return Err(Unsure);
        }
        let mut first = true;
        loop {
            match self.sign()? {
                b'}' if first => return Ok(()),
                b'"' => {}
                _ => return Err(Unsure),
            }
            first = false;
            let (name, escaped) = self.string()?;
            if escaped || self.sign()? != b':' {
                return Err(Unsure);
            }
            self.blanks();
            value(self, name)?;
            match self.sign()? {
                b',' => {}
                b'}' => return Ok(()),
                _ => return Err(Unsure),
            }
        }
    }

    /// A text or a number; none for true, false and nothing.
    pub(super) fn plain(&mut self) -> Result<Option<Cow<'a, str>>, Unsure> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.at += 1;
                let (text, escaped) = self.string()?;
                if !escaped {
                    return Ok(Some(Cow::Borrowed(text)));
                }
                let text = serde_json::from_str(&self.text[start..self.at]).map_err(|_| Unsure)?;
                Ok(Some(Cow::Owned(text)))
            }
            b'0'..=b'9' | b'-' => self.number().and_then(canonical).map(Some),
            b't' | b'f' | b'n' => self.word().map(|()| None),
            _ => Err(Unsure),
        }
    }

    /// Passes over any value.
    pub(super) fn pass(&mut self) -> Result<(), Unsure> {
        self.pass_within(DEPTH)
    }

    fn pass_within(&mut self, depth: usize) -> Result<(), Unsure> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.string().map(drop)
            }
            b'{' if depth > 0 => self.object(|text, _| text.pass_within(depth - 1)),
            b'[' if depth > 0 => self.list(depth - 1),
            b'0'..=b'9' | b'-' => self.number().map(drop),
            b't' | b'f' | b'n' => self.word(),
            _ => Err(Unsure),
        }
    }

    fn list(&mut self, depth: usize) -> Result<(), Unsure> {
        self.at += 1;
        self.blanks();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blanks();
            self.pass_within(depth)?;
            match self.sign()? {
                b',' => {}
                b']' => return Ok(()),
                _ => return Err(Unsure),
            }
        }
    }

    /// Reads true, false or nothing.
    fn word(&mut self) -> Result<(), Unsure> {
        let rest = &self.text.as_bytes()[self.at..];
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        let word = words.iter().find(|word| rest.starts_with(word)).ok_or(Unsure)?;
        self.at += word.len();
        Ok(())
    }

    /// Reads a number without an exponent.
    fn number(&mut self) -> Result<&'a str, Unsure> {
        let bytes = self.text.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let start = self.at;
        let whole = start + usize::from(bytes[start] == b'-');
        let mut end = whole + digits(whole);
        if end == whole || end > whole + 1 && bytes[whole] == b'0' {
            return Err(Unsure);
        }
        if bytes.get(end) == Some(&b'.') {
            let part = digits(end + 1);
            end += 1 + part;
            if part == 0 {
                return Err(Unsure);
            }
        }
        if end - start > DIGITS || matches!(bytes.get(end), Some(b'e' | b'E')) {
            return Err(Unsure);
        }
        self.at = end;
        Ok(&self.text[start..end])
    }

    /// Reads a string behind its opening quote as it is written, and says whether something in it is escaped.
    fn string(&mut self) -> Result<(&'a str, bool), Unsure> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_bytes(&bytes[self.at..]);
            match self.peek()? {
                b'"' => {
                    let text = &self.text[start..self.at];
                    self.at += 1;
                    return Ok((text, escaped));
                }
                b'\\' => {
                    escaped = true;
                    let sign = bytes.get(self.at + 1);
                    if !sign.is_some_and(|b| b"\"\\/bfnrt".contains(b)) {
                        return Err(Unsure);
                    }
                    self.at += 2;
                }
                _ => return Err(Unsure),
            }
        }
    }
}

/// How many bytes stand before the first quote, backslash or control character; eight are looked at at once.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (quote | backslash | control) & TOPS;
        if found != 0 {
            // Only the lowest is surely one, and that is the first.
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let plain = |byte: &u8| !matches!(*byte, b'"' | b'\\' | 0..0x20);
    words.len() * 8 + rest.iter().take_while(|byte| plain(byte)).count()
}

/// The number as it is written out again.
fn canonical(text: &str) -> Result<Cow<'_, str>, Unsure> {
    const EXACT: usize = 18;
    if text.len() <= EXACT && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Cow::Borrowed(text));
    }
    let number: Number = serde_json::from_str(text).map_err(|_| Unsure)?;
    Ok(Cow::Owned(number.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_sign_is_found_wherever_it_stands(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let plain = |byte: &u8| !matches!(*byte, b'"' | b'\\' | 0..0x20);
            let expected = text.iter().take_while(|byte| plain(byte)).count();
            prop_assert_eq!(plain_bytes(&text), expected);
            let text: Vec<u8> = text.iter().map(|byte| byte | 0x20).collect();
            prop_assert_eq!(plain_bytes(&text), text.iter().take_while(|byte| plain(byte)).count());
        }
    }
}
