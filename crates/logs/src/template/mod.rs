//! Which statement of the program wrote a line: messages put together under templates.
//!
//! Numbers, times, addresses and the like are masked while a message is read once (`token`); what is left is a sequence
//! of words, and a sequence that is known costs that one pass and a look-up. New sequences are compared when the miner
//! settles (`settle`): a position at which many different words stand in the same surroundings is a value, too. Ids are
//! stable: a template that turns out to be part of another keeps its id as an alias. What is kept is bounded.

mod hash;
mod pattern;
mod settle;
mod state;
mod token;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use pattern::Piece;

/// Names a template within its miner, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateId(pub u32);

/// A template as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    /// Its name.
    pub id: TemplateId,
    /// The constant words, with `<*>` for each value.
    pub text: String,
    /// Messages seen.
    pub count: u64,
    /// The first message seen, cut at 300 bytes.
    pub example: String,
}

/// A template that turned out to be part of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The id that is now an alias.
    pub from: TemplateId,
    /// The template that holds its messages.
    pub into: TemplateId,
}

/// A text with `<*>` for each value in it, as in a template that was seen once.
pub fn masked(text: &str) -> String {
    pattern::text(&pattern::pieces(text.as_bytes()))
}

/// Templates that are kept; the rarest make room for new ones.
const TEMPLATES: usize = 8 << 10;
/// Sequences that are recognised in one pass.
const KNOWN: usize = 64 << 10;
/// Bytes of an example.
const EXAMPLE: usize = 300;
/// Sets of masked positions that are tried for a new sequence of one length.
const MASKS: usize = 24;

/// New templates after which those that are known are compared anew, at least.
const FRESH: usize = 512;
/// Aliases that are kept, the newest.
const ALIASES: usize = 64 << 10;

/// Puts messages together under templates, as they come.
///
/// Of a message, its first line counts, at most 4 KiB and 128 words of it.
#[derive(Debug, Clone, Default)]
pub struct Miner {
    /// By id; what was merged or dropped is gone.
    entries: BTreeMap<u32, Entry>,
    /// Where the messages of a merged template went.
    aliases: BTreeMap<u32, u32>,
    /// Merged since the caller was last told.
    merged: Vec<Merged>,
    /// Templates since the last comparison.
    fresh: usize,
    /// The template of the messages whose own made room.
    other: Option<u32>,
    next: u32,
    /// The hash of a masked message to the id of its template.
    known: HashMap<u64, u32>,
    /// The hash of a pattern to its id.
    index: HashMap<u64, u32>,
    /// For each number of positions, the sets of positions that comparing masked.
    masks: HashMap<usize, Vec<Vec<u16>>>,
    /// Templates that made room.
    dropped: u64,
    /// Steps taken by settling, for tests that bound them.
    work: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    pieces: Vec<Piece>,
    /// Positions masked by comparing, ascending.
    masked: Vec<u16>,
    count: u64,
    example: Box<str>,
}

impl Miner {
    /// A miner that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The template of a message, which counts as seen once more.
    pub fn observe(&mut self, message: &str) -> TemplateId {
        let message = first_line(message);
        let hash = pattern::fine(message.as_bytes());
        let id = match self.known.get(&hash) {
            Some(id) => *id,
            None => self.admit(hash, message),
        };
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.count += 1;
        }
        TemplateId(id)
    }

    /// The template that a message would come under; `None` when it would be a new one.
    pub fn id_of(&self, message: &str) -> Option<TemplateId> {
        let message = first_line(message);
        let hash = pattern::fine(message.as_bytes());
        let known = self.known.get(&hash).copied();
        known.or_else(|| self.find(&pattern::pieces(message.as_bytes()))).map(TemplateId)
    }

    /// The template that an id stands for now: itself, what it was merged into, or the one for all that made room.
    pub fn resolve(&self, id: TemplateId) -> TemplateId {
        let mut id = id.0;
        while let Some(into) = self.aliases.get(&id) {
            id = *into;
        }
        match self.other {
            Some(other) if id < self.next && !self.entries.contains_key(&id) => TemplateId(other),
            Some(_) | None => TemplateId(id),
        }
    }

    /// All templates, in the order in which they were first seen.
    pub fn templates(&self) -> Vec<Template> {
        self.entries.iter().map(|(id, entry)| entry.template(*id)).collect()
    }

    /// One template, by its id or an alias.
    pub fn template(&self, id: TemplateId) -> Option<Template> {
        let id = self.resolve(id).0;
        self.entries.get(&id).map(|entry| entry.template(id))
    }

    /// Templates that made room for others; their messages are counted under one template.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Merges templates that differ only in values; says which ids became aliases of which since the last call.
    ///
    /// It also happens by itself while many new templates come, so that memory stays bounded.
    pub fn settle(&mut self) -> Vec<Merged> {
        self.compare();
        std::mem::take(&mut self.merged)
    }

    fn compare(&mut self) {
        self.fresh = 0;
        let merged = settle::settle(&mut self.entries, &mut self.work);
        if merged.is_empty() {
            return;
        }
        self.aliases.extend(merged.iter().map(|merged| (merged.from.0, merged.into.0)));
        self.merged.extend(merged);
        while self.aliases.len() > ALIASES {
            self.aliases.pop_first();
        }
        let excess = self.merged.len().saturating_sub(ALIASES);
        self.merged.drain(..excess);
        self.reindex();
    }

    fn admit(&mut self, hash: u64, message: &str) -> u32 {
        let pieces = pattern::pieces(message.as_bytes());
        let id = self.find(&pieces).unwrap_or_else(|| self.create(pieces, message));
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(hash, id);
        id
    }

    fn find(&self, pieces: &[Piece]) -> Option<u32> {
        let key = pattern::key(pieces);
        let masked = self.masks.get(&pieces.len()).into_iter().flatten().find_map(|mask| {
            let key = mask.iter().fold(key, |key, at| pattern::masked(key, pieces, usize::from(*at)));
            self.index.get(&key)
        });
        self.index.get(&key).or(masked).copied()
    }

    fn create(&mut self, pieces: Vec<Piece>, message: &str) -> u32 {
        if self.entries.len() >= TEMPLATES {
            self.compare();
            self.make_room();
        } else if self.fresh >= FRESH.max(self.entries.len() / 4) {
            self.compare();
        }
        self.fresh += 1;
        self.add(pieces, message)
    }

    fn add(&mut self, pieces: Vec<Piece>, message: &str) -> u32 {
        let id = self.next;
        self.next = self.next.saturating_add(1);
        self.index.insert(pattern::key(&pieces), id);
        let example = &message[..message.floor_char_boundary(EXAMPLE)];
        self.entries.insert(id, Entry { pieces, masked: Vec::new(), count: 0, example: example.into() });
        id
    }

    /// Puts the rarest quarter under one template when comparing left the miner nearly full.
    fn make_room(&mut self) {
        if self.entries.len() < TEMPLATES / 4 * 3 {
            return;
        }
        let other = match self.other {
            Some(other) => other,
            None => self.add(vec![Piece::other()], ""),
        };
        self.other = Some(other);
        let mut rarest: Vec<(u64, u32)> = self.entries.iter().map(|(id, entry)| (entry.count, *id)).collect();
        rarest.retain(|(_, id)| *id != other);
        rarest.sort_unstable();
        rarest.truncate(TEMPLATES / 4);
        let mut count = 0;
        for (_, id) in &rarest {
            count += self.entries.remove(id).map_or(0, |entry| entry.count);
            self.dropped += 1;
        }
        if let Some(entry) = self.entries.get_mut(&other) {
            entry.count += count;
        }
        self.reindex();
    }

    /// Builds what follows from the entries.
    fn reindex(&mut self) {
        self.index = self.entries.iter().map(|(id, entry)| (pattern::key(&entry.pieces), *id)).collect();
        self.masks.clear();
        for entry in self.entries.values().filter(|entry| !entry.masked.is_empty()) {
            let masks = self.masks.entry(entry.pieces.len()).or_default();
            if masks.len() < MASKS && !masks.contains(&entry.masked) {
                masks.push(entry.masked.clone());
            }
        }
        let (aliases, entries) = (&self.aliases, &self.entries);
        self.known.retain(|_, id| {
            while let Some(into) = aliases.get(id) {
                *id = *into;
            }
            entries.contains_key(id)
        });
    }
}

/// The first line that says something.
fn first_line(message: &str) -> &str {
    let message = message.trim_ascii_start();
    message.split_once('\n').map_or(message, |(first, _)| first)
}

impl Entry {
    fn template(&self, id: u32) -> Template {
        Template {
            id: TemplateId(id),
            text: pattern::text(&self.pieces),
            count: self.count,
            example: self.example.to_string(),
        }
    }
}
