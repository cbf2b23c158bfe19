//! The fields of one structured line, borrowed from it wherever nothing in them is escaped.
//!
//! Loggers agree on few names, so each line is asked for some two hundred of them and has hardly ten fields. A set of
//! marks, one bit for each field that there is, answers most of those questions without comparing a name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// A field's name; behind a dot, a field of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    pub(crate) text: &'static str,
    /// The marks of the whole name and of the part before the first dot.
    marks: u64,
}

impl Name {
    pub(crate) const fn new(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut outer = 0;
        while outer < bytes.len() && bytes[outer] != b'.' {
            outer += 1;
        }
        Self { text, marks: mark(bytes, bytes.len()) | mark(bytes, outer) }
    }
}

/// Names in the order in which they count.
pub(crate) const fn names<const N: usize>(texts: [&'static str; N]) -> [Name; N] {
    let mut names = [Name { text: "", marks: 0 }; N];
    let mut at = 0;
    while at < N {
        names[at] = Name::new(texts[at]);
        at += 1;
    }
    names
}

/// The bit that the first bytes of a name set.
const fn mark(name: &[u8], length: usize) -> u64 {
    if length == 0 {
        return 1;
    }
    let (first, middle, last) = (name[0] as usize, name[length / 2] as usize, name[length - 1] as usize);
    1 << ((length * 7 + first * 3 + middle * 5 + last) % 64)
}

/// A value of a field.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(Number),
    List(Vec<Value<'a>>),
    Object(Object<'a>),
    True,
    /// False or nothing.
    Other,
}

impl<'a> Value<'a> {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::List(_) | Self::Object(_) | Self::True | Self::Other => None,
        }
    }

    /// A whole number.
    pub(crate) fn as_number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            Self::Text(_) | Self::List(_) | Self::Object(_) | Self::True | Self::Other => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Text(_) | Self::Number(_) | Self::List(_) | Self::True | Self::Other => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::List(values) => Some(values),
            Self::Text(_) | Self::Number(_) | Self::Object(_) | Self::True | Self::Other => None,
        }
    }
}

/// The fields of an object; of those with the same name the last one counts.
#[derive(Debug, Default)]
pub(crate) struct Object<'a> {
    fields: Vec<(Cow<'a, str>, Value<'a>)>,
    marks: u64,
}

impl<'a> Object<'a> {
    /// A whole text that is one JSON object.
    pub(crate) fn from_json(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(crate) fn insert(&mut self, name: Cow<'a, str>, value: Value<'a>) {
        if self.fields.capacity() == 0 {
            self.fields.reserve(8);
        }
        self.marks |= mark(name.as_bytes(), name.len());
        self.fields.push((name, value));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.fields.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Value<'a>> {
        self.fields.iter().map(|(_, value)| value)
    }

    /// The value of a name, also objects deep for names with dots.
    pub(crate) fn field(&self, name: &Name) -> Option<&Value<'a>> {
        (self.marks & name.marks != 0).then(|| self.deep(name.text))?
    }

    fn deep(&self, name: &str) -> Option<&Value<'a>> {
        self.get(name).or_else(|| {
            let (outer, inner) = name.split_once('.')?;
            match self.get(outer)? {
                Value::Object(object) => object.deep(inner),
                Value::Text(_) | Value::Number(_) | Value::List(_) | Value::True | Value::Other => None,
            }
        })
    }
}

struct Text<'a>(Cow<'a, str>);

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object::default();
        while let Some((Text(name), value)) = map.next_entry()? {
            object.insert(name, value);
        }
        Ok(object)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, is: bool) -> Result<Self::Value, E> {
        Ok(if is { Value::True } else { Value::Other })
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Other, Value::Number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        ObjectVisitor.visit_map(map).map(Value::Object)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value as Any};

    use super::*;

    /// As a general reader has it; true, false and nothing are all nothing.
    fn general(value: &Value<'_>) -> Any {
        match value {
            Value::Text(text) => Any::String(text.clone().into_owned()),
            Value::Number(number) => Any::Number(number.clone()),
            Value::List(values) => values.iter().map(general).collect(),
            Value::Object(object) => Any::Object(fields(object)),
            Value::True | Value::Other => Any::Null,
        }
    }

    fn fields(object: &Object<'_>) -> Map<String, Any> {
        object.fields.iter().map(|(name, value)| (name.clone().into_owned(), general(value))).collect()
    }

    fn without_truth(value: Any) -> Any {
        match value {
            Any::Bool(_) | Any::Null => Any::Null,
            Any::Array(values) => values.into_iter().map(without_truth).collect(),
            Any::Object(fields) => {
                Any::Object(fields.into_iter().map(|(name, value)| (name, without_truth(value))).collect())
            }
            other @ (Any::Number(_) | Any::String(_)) => other,
        }
    }

    proptest! {
        #[test]
        fn objects_are_read_as_by_the_general_reader(pieces in prop::collection::vec(prop::sample::select(vec![
            "\"a\":1", "\"a\":\"x\"", "\"b\":-1.5e3", "\"\\u00e9\":\"\\n\"", "\"c\":{", "}", "\"d\":[", "]", "1", "\"\"",
            "null", "true", "\"e\":12345678901234567890123", ",", ",", ",", " ", "\"a\":{\"b\":{\"c\":[1,{}]}}", "é", "\\",
        ]), 0..9)) {
            let text = format!("{{{}}}", pieces.concat());
            let expected = serde_json::from_str::<Map<String, Any>>(&text).ok();
            let found = Object::from_json(&text);
            prop_assert_eq!(
                found.map(|found| Any::Object(fields(&found))),
                expected.map(|expected| without_truth(Any::Object(expected)))
            );
        }
    }

    #[test]
    fn a_field_is_found_by_its_whole_name_and_objects_deep() {
        let object = Object::from_json(r#"{"a.b":1,"a":{"c":{"d":"x"},"b":2},"e":3,"e":4}"#).unwrap();
        let found = |name| object.field(&Name::new(name)).map(general);
        assert_eq!(found("a.b"), Some(1.into()));
        assert_eq!(found("a.c.d"), Some("x".into()));
        assert_eq!(found("e"), Some(4.into()));
        assert_eq!(found("a.x"), None);
        assert_eq!(found("e.x"), None);
        assert_eq!(found("x"), None);
    }
}
