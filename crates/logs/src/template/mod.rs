//! Which statement of the program wrote a line: messages put together under templates.
//!
//! Numbers, times, addresses and the like are masked while a message is read once (`token`); what is left is a sequence
//! of words, and a sequence that is known costs that one pass and a look-up. New sequences are compared when the miner
//! settles (`settle`): a position at which many different words stand in the same surroundings is a value, too. Ids are
//! stable: a template that turns out to be part of another keeps its id as an alias. What is kept is bounded.

mod evidence;
mod hash;
mod pattern;
mod recent;
mod settle;
mod sieve;
mod state;
mod token;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use hash::Spread;
use pattern::Piece;
use recent::Recent;
use settle::Pending;
use token::Kind;

use crate::shape::Shape;

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
    /// What the last comparison left to the next.
    pending: Pending,
    /// The template of the messages whose own made room.
    other: Option<u32>,
    next: u32,
    /// By id, apart from the entries because they change with every message.
    counts: HashMap<u32, u64, Spread>,
    /// The hash of a masked message to the id of its template.
    known: HashMap<u64, u32, Spread>,
    /// The shapes that came lately, with the ids of their templates.
    recent: Recent,
    /// The hash of a pattern to its id.
    index: HashMap<u64, u32, Spread>,
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
    example: Box<str>,
    /// The hash of the pattern.
    key: u64,
    /// The hash of the pattern with all names masked.
    names: u64,
    /// Not compared since it was added or changed.
    changed: bool,
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
        *self.counts.entry(id).or_default() += 1;
        TemplateId(id)
    }

    /// As [`Miner::observe`], for a message whose shape is known: one that came lately is not read again.
    pub fn observe_shape(&mut self, message: &str, shape: Shape) -> TemplateId {
        if let Some(id) = self.recent.get(shape) {
            *self.counts.entry(id).or_default() += 1;
            return TemplateId(id);
        }
        let id = self.observe(message);
        // Observing it may have changed what others come under, but not itself.
        self.recent.set(shape, id.0);
        id
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
        self.entries.iter().map(|(id, entry)| self.shown(*id, entry)).collect()
    }

    /// One template, by its id or an alias.
    pub fn template(&self, id: TemplateId) -> Option<Template> {
        let id = self.resolve(id).0;
        self.entries.get(&id).map(|entry| self.shown(id, entry))
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

    fn shown(&self, id: u32, entry: &Entry) -> Template {
        Template {
            id: TemplateId(id),
            text: pattern::text(&entry.pieces),
            count: self.count(id),
            example: entry.example.to_string(),
        }
    }

    fn count(&self, id: u32) -> u64 {
        self.counts.get(&id).copied().unwrap_or(0)
    }

    fn compare(&mut self) {
        self.fresh = 0;
        let merged = settle::settle(&mut self.entries, &mut self.pending, &mut self.work);
        if merged.is_empty() {
            return;
        }
        for Merged { from, into } in &merged {
            self.aliases.insert(from.0, into.0);
            let count = self.counts.remove(&from.0).unwrap_or(0);
            *self.counts.entry(into.0).or_default() += count;
        }
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
        let id = match self.find(&pieces) {
            Some(id) => {
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.widen(&pieces);
                }
                id
            }
            None => self.create(pieces, message),
        };
        if self.known.len() >= KNOWN {
            self.known.clear();
            self.recent.clear();
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
        let example = &message[..message.floor_char_boundary(EXAMPLE)];
        let entry = Entry::new(pieces, Vec::new(), example);
        self.index.insert(entry.key, id);
        self.entries.insert(id, entry);
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
        let mut rarest: Vec<(u64, u32)> = self.entries.keys().map(|id| (self.count(*id), *id)).collect();
        rarest.retain(|(_, id)| *id != other);
        rarest.sort_unstable();
        rarest.truncate(TEMPLATES / 4);
        for (count, id) in &rarest {
            self.entries.remove(id);
            self.counts.remove(id);
            *self.counts.entry(other).or_default() += count;
            self.dropped += 1;
        }
        self.reindex();
    }

    /// Builds what follows from the entries.
    fn reindex(&mut self) {
        self.recent.clear();
        self.index = self.entries.iter().map(|(id, entry)| (entry.key, *id)).collect();
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
    fn new(pieces: Vec<Piece>, masked: Vec<u16>, example: &str) -> Self {
        let mut entry = Self { pieces, masked, example: example.into(), key: 0, names: 0, changed: true };
        entry.mark();
        entry
    }

    /// Finds anew what follows from the pattern.
    fn mark(&mut self) {
        self.changed = true;
        self.key = pattern::key(&self.pieces);
        self.names = (1..self.pieces.len())
            .filter(|at| evidence::is_soft(&self.pieces, *at))
            .fold(self.key, |names, at| pattern::masked(names, &self.pieces, at));
    }

    /// Gives the hash of the pattern with each position masked that is no separator, and with all names.
    fn views(&self, mut sink: impl FnMut(Option<usize>, u64)) {
        for (at, piece) in self.pieces.iter().enumerate() {
            if piece.kind != Kind::Mark {
                sink(Some(at), pattern::masked(self.key, &self.pieces, at));
            }
        }
        sink(None, self.names);
    }

    /// Shows what differs between the messages of one template as a value.
    fn widen(&mut self, pieces: &[Piece]) {
        let mut widened = false;
        for (known, seen) in self.pieces.iter_mut().zip(pieces) {
            widened |= known.widen(seen);
        }
        if widened {
            self.mark();
        }
    }

    /// Makes positions hold any word.
    fn mask(&mut self, places: &[usize]) {
        for at in places {
            self.pieces[*at].mask();
            let at = u16::try_from(*at).unwrap_or(u16::MAX);
            if let Err(place) = self.masked.binary_search(&at) {
                self.masked.insert(place, at);
            }
        }
        self.mark();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(miner: &Miner) -> Vec<(String, u64)> {
        miner.templates().into_iter().map(|template| (template.text, template.count)).collect()
    }

    /// A word that no other number has, without a digit.
    fn word(mut number: usize) -> String {
        let mut word = String::from("w");
        for _ in 0..6 {
            word.push(char::from(b'g' + u8::try_from(number % 20).unwrap()));
            number /= 20;
        }
        word
    }

    #[test]
    fn ids_stay_and_what_was_merged_points_to_its_successor() {
        let mut miner = Miner::new();
        let first = miner.observe("login of user ann failed");
        let others = ["bob", "eve"].map(|name| miner.observe(&format!("login of user {name} failed")));
        assert_ne!(first, others[0]);
        let merged: Vec<Merged> = others.map(|from| Merged { from, into: first }).into();
        assert_eq!(miner.settle(), merged);
        assert_eq!(miner.settle(), []);
        assert_eq!(others.map(|id| miner.resolve(id)), [first, first]);
        assert_eq!(miner.id_of("login of user joe failed"), Some(first));
        assert_eq!(miner.observe("login of user joe failed"), first);
        assert_eq!(texts(&miner), [("login of user <*> failed".to_owned(), 4)]);
        assert_eq!(miner.id_of("logout of user joe failed"), None);
    }

    #[test]
    fn words_do_not_merge_because_their_number_is_equal() {
        let mut miner = Miner::new();
        for line in
            ["cache is warm", "disk is full", "link is down", "fan is slow", "task is done", "job is lost"]
        {
            miner.observe(line);
        }
        assert_eq!(miner.settle(), []);
    }

    #[test]
    fn a_template_is_written_as_far_as_its_messages_agree() {
        let mut miner = Miner::new();
        miner.observe("eth0: link is up");
        miner.observe("eth1: link is up");
        assert_eq!(texts(&miner), [("eth<*>: link is up".to_owned(), 2)]);
        miner.observe("wlan1: link is up");
        assert_eq!(texts(&miner), [("<*>: link is up".to_owned(), 3)]);
    }

    #[test]
    fn only_the_first_line_of_a_message_counts() {
        let mut miner = Miner::new();
        let id = miner.observe("\nquery failed:\n  select 1");
        assert_eq!(miner.observe("query failed:\n  delete everything"), id);
        assert_eq!(texts(&miner), [("query failed:".to_owned(), 2)]);
    }

    #[test]
    fn memory_is_bounded_and_every_message_is_counted() {
        let mut miner = Miner::new();
        let mut first = None;
        for n in 0..3 * TEMPLATES {
            let id = miner.observe(&format!("{} {} {}", word(n), word(n * 7 + 1), word(n * 3 + 2)));
            first.get_or_insert(id);
        }
        let templates = miner.templates();
        assert!(templates.len() <= TEMPLATES + 1, "{} templates", templates.len());
        assert!(miner.known.len() <= KNOWN && miner.aliases.len() <= ALIASES);
        assert_eq!(templates.iter().map(|template| template.count).sum::<u64>(), 3 * TEMPLATES as u64);
        assert!(miner.dropped() > 0);
        let gone = miner.template(first.unwrap()).unwrap();
        assert_eq!(gone.text, "<other>");
        assert!(miner.resolve(TemplateId(u32::MAX)) == TemplateId(u32::MAX));
    }

    #[test]
    fn twice_the_input_is_twice_the_work() {
        let mut miner = Miner::new();
        let mut work = |from: usize, to: usize| {
            let before = miner.work;
            for n in from..to {
                miner.observe(&format!("{} came before {} and {} went", word(n), word(n / 3), word(n * 5)));
            }
            miner.settle();
            miner.work - before
        };
        let (half, rest) = (work(0, 3_000), work(3_000, 6_000));
        assert!(rest <= half * 2, "{half} steps for one half of the input, {rest} for the other");
        let (half, rest) = (work(6_000, 14_000), work(14_000, 22_000));
        assert!(rest <= half * 2, "{half} steps for one half of what is too much, {rest} for the other");
    }

    #[test]
    fn a_huge_message_costs_no_more_than_its_beginning() {
        let mut miner = Miner::new();
        let huge = "a=b, ".repeat(1 << 20);
        let id = miner.observe(&huge);
        assert_eq!(miner.observe(&huge[..token::LENGTH * 2]), id);
        let template = miner.template(id).unwrap();
        assert!(template.text.len() <= token::LENGTH && template.example.len() <= EXAMPLE);
    }

    fn hostile() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            " ", "=", ":", "/", "\\", "://", "::", "<", "(", ")", "()", ",", ", ", "\"", "'", "-", ".", "0",
            "17", "0x", "ff", "a", "é", "\u{a0}", "\u{2028}", "KB", "Jan", "Mon", "true", "@", "?",
            "http://", "\n", "\0", "user", "of", "ERROR", "x.y.z", "[", "]", "{", "}", "=\"", "1.2.3.4",
            "<other>", "<*>", "日本",
        ]);
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_known_afterwards(lines in prop::collection::vec(hostile(), 1..30)) {
            let mut miner = Miner::new();
            let ids: Vec<_> = lines.iter().map(|line| miner.observe(line)).collect();
            for (line, id) in lines.iter().zip(&ids) {
                prop_assert_eq!(miner.id_of(line), Some(*id));
            }
            miner.settle();
            for (line, id) in lines.iter().zip(&ids) {
                prop_assert_eq!(miner.id_of(line), Some(miner.resolve(*id)), "{}", line);
            }
            let stored = serde_json::to_string(&miner).unwrap();
            let again: Miner = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(again.templates(), miner.templates());
            for line in &lines {
                prop_assert_eq!(again.id_of(line), miner.id_of(line), "{}", line);
            }
        }

        #[test]
        fn values_never_change_a_template(a in any::<u32>(), b in any::<u32>()) {
            let message = |n: u32| format!("job {n} of user-{n} at 10.0.0.{} took {n} ms (0x{n:08x}) in /srv/v{n}/x", n % 256);
            let mut miner = Miner::new();
            prop_assert_eq!(miner.observe(&message(a)), miner.observe(&message(b)));
        }
    }
}
