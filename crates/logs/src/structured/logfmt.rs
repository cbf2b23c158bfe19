//! Lines of `key=value` and `key="quoted value"`.

use std::borrow::Cow;

use crate::object::{Object, Value};

/// The object that a line is; every part of it must have the form of a field.
pub(super) fn object(line: &str) -> Option<Object<'_>> {
    let mut object = Object::default();
    each(line, |name, value| object.insert(Cow::Borrowed(name), Value::Text(value)))?;
    Some(object)
}

/// Shows the name and the value of each field; `None` where a part of the line is none.
pub(super) fn each<'a>(line: &'a str, mut see: impl FnMut(&'a str, Cow<'a, str>)) -> Option<()> {
    let mut rest = line;
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|b| IN_NAME[usize::from(*b)]).count();
        let name = rest.get(..length).filter(|name| !name.is_empty())?;
        let after = rest[length..].strip_prefix('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let end = memchr::memchr(b' ', after.as_bytes()).unwrap_or(after.len());
                (Cow::Borrowed(&after[..end]), &after[end..])
            }
        };
        see(name, value);
        rest = after.trim_start();
    }
    Some(())
}

/// The bytes that a name is made of.
const IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@');
        byte += 1;
    }
    table
};

/// A value up to its closing quote, unescaped, and what follows.
fn quoted_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let first = memchr::memchr2(b'"', b'\\', text.as_bytes())?;
    if text.as_bytes().get(first) == Some(&b'"') {
        return Some((Cow::Borrowed(&text[..first]), &text[first + 1..]));
    }
    let mut value = text[..first].to_owned();
    let mut chars = text.char_indices().skip_while(|(at, _)| *at < first);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => {}
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}
