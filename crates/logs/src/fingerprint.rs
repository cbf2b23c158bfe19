//! Which records are the same error.
use crate::record::Record;
use serde::{Deserialize, Serialize};

/// Identity of an error across its occurrences.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Version of the rules that made the key; keys of different versions do not compare.
    pub version: u32,
    /// 16 hexadecimal digits.
    pub key: String,
    /// One line for people.
    pub title: String,
}

/// The fingerprint of a record.
pub fn fingerprint(record: &Record) -> Fingerprint {
    Fingerprint { version: 1, key: String::new(), title: record.message.clone() }
}
