//! How a miner is stored: its templates and aliases, and nothing that follows from them.
//!
//! A pattern is one line of text with a letter before each position, so that the state of a source stays small. State of
//! another version is not read but begun anew: ids then start again, which costs a source its history and no more.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pattern::{MASK, Piece};
use super::token::{self, Kind};
use super::{EXAMPLE, Entry, Miner, TEMPLATES};

/// What the stored form means; raised when masking or patterns change so that old ids no longer fit.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct State {
    version: u32,
    #[serde(default)]
    next: u32,
    #[serde(default)]
    dropped: u64,
    #[serde(default)]
    other: Option<u32>,
    #[serde(default)]
    templates: Vec<Stored>,
    #[serde(default)]
    aliases: BTreeMap<u32, u32>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    id: u32,
    pattern: String,
    count: u64,
    #[serde(default)]
    example: String,
}

impl Serialize for Miner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = |(id, entry): (&u32, &Entry)| Stored {
            id: *id,
            pattern: written(entry),
            count: self.count(*id),
            example: entry.example.to_string(),
        };
        let state = State {
            version: VERSION,
            next: self.next,
            dropped: self.dropped,
            other: self.other,
            templates: self.entries.iter().map(stored).collect(),
            aliases: self.aliases.clone(),
        };
        state.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Miner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let state = State::deserialize(deserializer)?;
        if state.version != VERSION {
            return Ok(Self::default());
        }
        let mut miner = Self { next: state.next, dropped: state.dropped, ..Self::default() };
        for stored in state.templates.into_iter().take(TEMPLATES + 1) {
            let entry = read(&stored).ok_or_else(|| {
                D::Error::custom(format!(
                    "template {} has no readable pattern; remove the stored state",
                    stored.id
                ))
            })?;
            miner.next = miner.next.max(stored.id.saturating_add(1));
            miner.counts.insert(stored.id, stored.count);
            miner.entries.insert(stored.id, entry);
        }
        // An alias always points to an older template, so a chain of them ends.
        miner.other = state.other.filter(|other| miner.entries.contains_key(other));
        miner.aliases = state.aliases.into_iter().filter(|(from, into)| into < from).collect();
        miner.reindex();
        Ok(miner)
    }
}

fn written(entry: &Entry) -> String {
    let mut text = String::new();
    for (at, piece) in entry.pieces.iter().enumerate() {
        let letter = match piece.kind {
            Kind::Word => 'w',
            Kind::Mark => 'm',
            Kind::Part => 'p',
            Kind::Value if entry.masked.iter().any(|masked| usize::from(*masked) == at) => 'a',
            Kind::Value => 'v',
        };
        if at > 0 {
            text.push(' ');
        }
        text.push(if piece.spaced { letter.to_ascii_uppercase() } else { letter });
        if piece.kind != Kind::Value {
            text.push_str(&piece.text);
        }
    }
    text
}

fn read(stored: &Stored) -> Option<Entry> {
    let (mut pieces, mut masked) = (Vec::new(), Vec::new());
    let positions = stored.pattern.split(' ').filter(|position| !position.is_empty());
    for (at, position) in positions.take(token::TOKENS).enumerate() {
        let letter = position.chars().next()?;
        let text = &position[letter.len_utf8()..];
        let (kind, text) = match letter.to_ascii_lowercase() {
            'w' => (Kind::Word, text),
            'm' => (Kind::Mark, text),
            'p' => (Kind::Part, text),
            'v' => (Kind::Value, MASK),
            'a' => {
                masked.push(u16::try_from(at).ok()?);
                (Kind::Value, MASK)
            }
            _ => return None,
        };
        pieces.push(Piece::stored(kind, text, letter.is_ascii_uppercase()));
    }
    let example = &stored.example[..stored.example.floor_char_boundary(EXAMPLE)];
    Some(Entry::new(pieces, masked, example))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_miner_knows_what_it_knew() {
        let mut miner = Miner::new();
        for name in ["ann", "bob", "eve", "joe"] {
            miner.observe(&format!("session opened for user {name} by (uid=0) on eth0"));
        }
        miner.settle();
        let text = serde_json::to_string(&miner).unwrap();
        let mut again: Miner = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
        assert_eq!(again.templates(), miner.templates());
        let next = "session opened for user max by (uid=7) on eth1";
        assert_eq!(again.observe(next), miner.observe(next));
        assert_eq!(again.observe("other words"), miner.observe("other words"));
    }

    #[test]
    fn state_of_another_version_is_begun_anew() {
        let miner: Miner = serde_json::from_str(r#"{"version":99,"shape":"unknown"}"#).unwrap();
        assert_eq!(miner.templates(), []);
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_an_error() {
        let text = r#"{"version":1,"templates":[{"id":3,"pattern":"?x","count":1}]}"#;
        let error = serde_json::from_str::<Miner>(text).unwrap_err().to_string();
        assert!(error.starts_with("template 3 has no readable pattern"), "{error}");
    }
}
