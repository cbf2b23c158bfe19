//! Which templates are one: those that differ only where values stand.
//!
//! Only whole surroundings count: two sequences are compared position by position, and a position is masked when enough
//! different words stand there while everything else is equal. How many are enough depends on where the position is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::pattern::{self, MASK, Piece};
use super::token::Kind;
use super::{Entry, Merged, TemplateId};

/// Rounds of merging; each may show the next position of the same statement.
const ROUNDS: usize = 6;

pub(super) fn settle(entries: &mut BTreeMap<u32, Entry>, work: &mut u64) -> Vec<Merged> {
    let mut merged = Vec::new();
    for _ in 0..ROUNDS {
        let before = merged.len();
        round(entries, &mut merged, work);
        if merged.len() == before {
            break;
        }
    }
    merged
}

/// Templates that are equal but for one position.
struct Candidate {
    at: usize,
    members: Vec<u32>,
    words: usize,
}

fn round(entries: &mut BTreeMap<u32, Entry>, merged: &mut Vec<Merged>, work: &mut u64) {
    let mut alike: HashMap<(usize, usize, u64), Vec<u32>> = HashMap::new();
    for (id, entry) in &*entries {
        let key = pattern::key(&entry.pieces);
        for (at, piece) in entry.pieces.iter().enumerate() {
            *work += 1;
            if piece.kind != Kind::Mark {
                let masked = pattern::masked(key, &entry.pieces, at);
                alike.entry((entry.pieces.len(), at, masked)).or_default().push(*id);
            }
        }
    }
    let mut candidates: Vec<Candidate> = alike
        .into_iter()
        .filter(|(_, members)| members.len() > 1)
        .filter_map(|((_, at, _), members)| candidate(entries, at, members))
        .collect();
    candidates.sort_by(|a, b| (b.words, &a.members, a.at).cmp(&(a.words, &b.members, b.at)));
    for candidate in candidates {
        if candidate.members.iter().all(|id| entries.contains_key(id)) {
            merge(entries, &candidate, merged);
        }
    }
}

fn candidate(entries: &BTreeMap<u32, Entry>, at: usize, members: Vec<u32>) -> Option<Candidate> {
    let words: BTreeSet<&str> =
        members.iter().filter_map(|id| entries.get(id)).map(|entry| &*entry.pieces[at].text).collect();
    let first = &entries.get(members.first()?)?.pieces;
    if words.iter().any(|word| METHODS.contains(word)) {
        return None;
    }
    let words = evidence(&words);
    (words >= needed(first, at)).then_some(Candidate { at, members, words })
}

/// How much the words at a position say that it holds a value: their number, more where they look like names.
fn evidence(words: &BTreeSet<&str>) -> usize {
    let shaped = words.iter().all(|word| is_name(word));
    words.len() + usize::from(words.iter().any(|word| word.contains(MASK))) + usize::from(shaped)
}

/// True for what no prose holds: dotted, underscored and capitalised names.
fn is_name(word: &str) -> bool {
    let inner = word.bytes().skip(1);
    let mixed = word.bytes().any(|b| b.is_ascii_lowercase()) && inner.clone().any(|b| b.is_ascii_uppercase());
    let ends = word.ends_with("Exception") || word.ends_with("Error");
    !ends && (mixed || word.bytes().any(|b| matches!(b, b'.' | b'/' | b'$' | b'<')))
}

/// What is done to a resource; another method is another event, however many there are.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// Words after which a name or value comes.
const BEFORE: [&str; 32] = [
    "as",
    "at",
    "by",
    "class",
    "client",
    "command",
    "device",
    "domain",
    "driver",
    "file",
    "for",
    "from",
    "group",
    "host",
    "id",
    "in",
    "interface",
    "job",
    "key",
    "module",
    "name",
    "node",
    "of",
    "on",
    "package",
    "process",
    "server",
    "service",
    "task",
    "to",
    "user",
    "with",
];

/// How many different words make a position a value.
fn needed(pieces: &[Piece], at: usize) -> usize {
    const FIRST: usize = 12;
    const ANYWHERE: usize = 6;
    const KEYED: usize = 5;
    const AFTER: usize = 3;
    let constants = pieces.iter().enumerate().filter(|(i, p)| *i != at && p.kind == Kind::Word).count();
    if constants == 0 {
        return usize::MAX;
    }
    let Some(before) = at.checked_sub(1).map(|before| &pieces[before]) else { return FIRST };
    match (before.kind, &*before.text) {
        (Kind::Mark, "=" | ":") => KEYED,
        (Kind::Mark, "\"" | "'" | "`" | "[" | "<" | "{" | "(") => AFTER,
        (Kind::Word, word) if BEFORE.contains(&&*word.to_ascii_lowercase()) => AFTER,
        (Kind::Word | Kind::Mark | Kind::Part | Kind::Value, _) => ANYWHERE,
    }
}

fn merge(entries: &mut BTreeMap<u32, Entry>, candidate: &Candidate, merged: &mut Vec<Merged>) {
    let Some((into, others)) = candidate.members.split_first() else { return };
    let mut count = 0;
    for from in others {
        if let Some(entry) = entries.remove(from) {
            count += entry.count;
            merged.push(Merged { from: TemplateId(*from), into: TemplateId(*into) });
        }
    }
    if let Some(entry) = entries.get_mut(into) {
        entry.count += count;
        entry.pieces[candidate.at].mask();
        let at = u16::try_from(candidate.at).unwrap_or(u16::MAX);
        if let Err(place) = entry.masked.binary_search(&at) {
            entry.masked.insert(place, at);
        }
    }
}
