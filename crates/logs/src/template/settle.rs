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

/// Merges what is one, until nothing more is, and says what became part of what.
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

/// Templates that may be one, masked at these positions.
struct Candidate {
    at: Vec<usize>,
    members: Vec<u32>,
    words: usize,
}

fn round(entries: &mut BTreeMap<u32, Entry>, merged: &mut Vec<Merged>, work: &mut u64) {
    let mut alike: HashMap<(usize, Option<usize>, u64), Vec<u32>> = HashMap::new();
    for (id, entry) in &*entries {
        let (length, key) = (entry.pieces.len(), pattern::key(&entry.pieces));
        let mut names = key;
        for (at, piece) in entry.pieces.iter().enumerate() {
            *work += 1;
            if piece.kind != Kind::Mark {
                let masked = pattern::masked(key, &entry.pieces, at);
                alike.entry((length, Some(at), masked)).or_default().push(*id);
                if at > 0 && is_soft(&entry.pieces, at) {
                    names = pattern::masked(names, &entry.pieces, at);
                }
            }
        }
        alike.entry((length, None, names)).or_default().push(*id);
    }
    let mut candidates: Vec<Candidate> = alike
        .into_iter()
        .filter(|(_, members)| members.len() > 1)
        .filter_map(|((_, at, _), members)| candidate(entries, at, members))
        .collect();
    candidates.sort_by(|a, b| (b.words, &a.members, &a.at).cmp(&(a.words, &b.members, &b.at)));
    for candidate in candidates {
        if candidate.members.iter().all(|id| entries.contains_key(id)) {
            merge(entries, &candidate, merged);
        }
    }
}

/// Templates that are equal but for one position, or but for all names in them.
fn candidate(entries: &BTreeMap<u32, Entry>, at: Option<usize>, members: Vec<u32>) -> Option<Candidate> {
    let patterns: Vec<&[Piece]> =
        members.iter().filter_map(|id| entries.get(id)).map(|entry| &*entry.pieces).collect();
    let first = *patterns.first()?;
    let differ = |at: &usize| patterns.iter().any(|pieces| pieces[*at].hash != first[*at].hash);
    let at: Vec<usize> = at.map_or_else(|| (1..first.len()).filter(differ).collect(), |at| vec![at]);
    let mut words = 0;
    for place in &at {
        let here: BTreeSet<&str> = patterns.iter().map(|pieces| &*pieces[*place].text).collect();
        // That several positions differ at once says as much as one more word at each.
        let states = here.iter().all(|word| is_state(word));
        let here = evidence(&here)? + usize::from(at.len() > 1 && here.len() == patterns.len());
        let least = needed(first, *place)?;
        if here < if states { least.max(ANYWHERE) } else { least } {
            return None;
        }
        words += here;
    }
    (!at.is_empty()).then_some(Candidate { at, members, words })
}

/// True for a position that holds a value already, or a word that is likely one.
fn is_soft(pieces: &[Piece], at: usize) -> bool {
    let piece = &pieces[at];
    piece.kind == Kind::Word
        && !is_state(&piece.text)
        && (is_name(&piece.text) || needed(pieces, at).is_some_and(|needed| needed <= AFTER))
}

/// How much the words at a position say that it holds a value: their number, more where they look like names.
fn evidence(words: &BTreeSet<&str>) -> Option<usize> {
    if words.iter().any(|word| METHODS.contains(word)) {
        return None;
    }
    let shaped = words.iter().all(|word| is_name(word));
    Some(words.len() + usize::from(words.iter().any(|word| word.contains(MASK))) + usize::from(shaped))
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

/// True for words in capitals: states and codes, of which each says something else.
fn is_state(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// Words after which a name or value comes.
const BEFORE: [&str; 56] = [
    "account",
    "as",
    "at",
    "bean",
    "by",
    "channel",
    "class",
    "client",
    "column",
    "command",
    "component",
    "constraint",
    "container",
    "database",
    "device",
    "domain",
    "driver",
    "file",
    "for",
    "from",
    "group",
    "host",
    "id",
    "image",
    "in",
    "index",
    "interface",
    "job",
    "key",
    "member",
    "module",
    "name",
    "node",
    "of",
    "on",
    "package",
    "partition",
    "plugin",
    "pod",
    "process",
    "queue",
    "relation",
    "role",
    "schema",
    "server",
    "service",
    "session",
    "table",
    "task",
    "thread",
    "to",
    "topic",
    "user",
    "volume",
    "with",
    "worker",
];

/// Different words behind a word or bracket that announces a value.
const AFTER: usize = 3;

/// Different words where nothing announces a value.
const ANYWHERE: usize = 6;

/// How many different words make a position a value; `None` where nothing else is constant.
fn needed(pieces: &[Piece], at: usize) -> Option<usize> {
    const FIRST: usize = 12;
    const KEYED: usize = 5;
    const QUOTED: usize = 2;
    if !pieces.iter().enumerate().any(|(other, piece)| other != at && piece.kind == Kind::Word) {
        return None;
    }
    let Some(before) = at.checked_sub(1) else { return Some(FIRST) };
    let text = |at: usize| pieces.get(at).map_or("", |piece| &*piece.text);
    Some(match (pieces[before].kind, text(before)) {
        (Kind::Mark, "=" | ":") => KEYED,
        (Kind::Mark, "\"" | "'" | "`") if before > 0 && text(before - 1) == "=" => KEYED,
        (Kind::Mark, quote @ ("\"" | "'" | "`")) if text(at + 1) == quote => QUOTED,
        (Kind::Mark, "\"" | "'" | "`" | "[" | "<" | "{" | "(") => AFTER,
        (Kind::Word, word) if BEFORE.contains(&&*word.to_ascii_lowercase()) => AFTER,
        (Kind::Word | Kind::Mark | Kind::Part | Kind::Value, _) => ANYWHERE,
    })
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
    let Some(entry) = entries.get_mut(into) else { return };
    entry.count += count;
    for at in &candidate.at {
        entry.pieces[*at].mask();
        let at = u16::try_from(*at).unwrap_or(u16::MAX);
        if let Err(place) = entry.masked.binary_search(&at) {
            entry.masked.insert(place, at);
        }
    }
}
