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
        merge_equal(entries, &mut merged);
        merge_covered(entries, &mut merged, work);
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
    let views = views(entries, work);
    let alike = views.chunk_by(|a, b| (a.key, a.at) == (b.key, b.at)).filter(|alike| alike.len() > 1);
    let mut candidates: Vec<Candidate> = alike
        .filter_map(|alike| candidate(entries, alike[0].at, alike.iter().map(|view| view.id).collect()))
        .collect();
    candidates.sort_by(|a, b| (b.words, &a.members, &a.at).cmp(&(a.words, &b.members, &b.at)));
    for candidate in candidates {
        if candidate.members.iter().all(|id| entries.contains_key(id)) {
            merge(entries, &candidate, merged);
        }
    }
}

/// A template as it looks with one position masked, or all names.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct View {
    key: u64,
    at: Option<usize>,
    id: u32,
}

/// All views of all templates, those that are alike side by side.
fn views(entries: &BTreeMap<u32, Entry>, work: &mut u64) -> Vec<View> {
    let mut views = Vec::new();
    for (id, Entry { pieces, .. }) in entries {
        let key = pattern::key(pieces);
        let mut names = key;
        for (at, piece) in pieces.iter().enumerate() {
            *work += 1;
            if piece.kind != Kind::Mark {
                let key = pattern::masked(key, pieces, at);
                views.push(View { key, at: Some(at), id: *id });
                if at > 0 && is_soft(pieces, at) {
                    names = pattern::masked(names, pieces, at);
                }
            }
        }
        views.push(View { key: names, at: None, id: *id });
    }
    views.sort_unstable();
    views
}

/// Templates that are equal but for one position, or but for all names in them.
fn candidate(entries: &BTreeMap<u32, Entry>, at: Option<usize>, members: Vec<u32>) -> Option<Candidate> {
    let patterns: Vec<&[Piece]> =
        members.iter().filter_map(|id| entries.get(id)).map(|entry| &*entry.pieces).collect();
    let first = *patterns.first()?;
    if patterns.iter().any(|pieces| pieces.len() != first.len()) {
        return None;
    }
    let differ = |at: &usize| patterns.iter().any(|pieces| pieces[*at].hash != first[*at].hash);
    let at: Vec<usize> = at.map_or_else(|| (1..first.len()).filter(differ).collect(), |at| vec![at]);
    let mut words = 0;
    for place in &at {
        let here: BTreeSet<&str> = patterns.iter().map(|pieces| &*pieces[*place].text).collect();
        let here_are_names = here.iter().all(|word| is_name(word));
        // That several positions differ at once says as much as one more word at each.
        let states = here.iter().all(|word| is_state(word));
        let here = evidence(&here)? + usize::from(at.len() > 1 && here.len() == patterns.len());
        let said = first.iter().skip(1).filter(|piece| piece.kind == Kind::Word).count();
        let named = *place == 0 && here_are_names && said >= SENTENCE;
        let least = if named { ANYWHERE } else { needed(first, *place)? };
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
        && (is_name(&piece.text) || needed(pieces, at).is_some_and(|needed| needed < ANYWHERE))
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

/// Words behind a first name from which on they are a sentence about it.
const SENTENCE: usize = 4;

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
    for from in others {
        let gone = entries.remove(from);
        if let (Some(gone), Some(entry)) = (gone, entries.get_mut(into)) {
            entry.widen(&gone.pieces);
            merged.push(Merged { from: TemplateId(*from), into: TemplateId(*into) });
        }
    }
    let Some(entry) = entries.get_mut(into) else { return };
    for at in &candidate.at {
        entry.pieces[*at].mask();
        let at = u16::try_from(*at).unwrap_or(u16::MAX);
        if let Err(place) = entry.masked.binary_search(&at) {
            entry.masked.insert(place, at);
        }
    }
}

/// Merges templates that masking made equal.
fn merge_equal(entries: &mut BTreeMap<u32, Entry>, merged: &mut Vec<Merged>) {
    let mut equal: HashMap<(usize, u64), Vec<u32>> = HashMap::new();
    for (id, entry) in &*entries {
        equal.entry((entry.pieces.len(), pattern::key(&entry.pieces))).or_default().push(*id);
    }
    let mut equal: Vec<Vec<u32>> = equal.into_values().filter(|members| members.len() > 1).collect();
    equal.sort_unstable();
    for members in equal {
        let masked = members.iter().filter_map(|id| entries.get(id)).flat_map(|entry| &entry.masked);
        let at = masked.map(|at| usize::from(*at)).collect::<BTreeSet<_>>().into_iter().collect();
        merge(entries, &Candidate { at, members, words: 0 }, merged);
    }
}

/// Sets of positions that are tried per number of positions.
const SETS: usize = 24;

/// Merges templates into those that say the same but where comparing has found values: what was too rare there to be
/// found so itself.
fn merge_covered(entries: &mut BTreeMap<u32, Entry>, merged: &mut Vec<Merged>, work: &mut u64) {
    let mut sets: HashMap<usize, Vec<Vec<u16>>> = HashMap::new();
    let mut index: HashMap<(usize, u64), u32> = HashMap::new();
    for (id, entry) in entries.iter().filter(|(_, entry)| !entry.masked.is_empty()) {
        index.insert((entry.pieces.len(), pattern::key(&entry.pieces)), *id);
        let sets = sets.entry(entry.pieces.len()).or_default();
        if sets.len() < SETS && !sets.contains(&entry.masked) {
            sets.push(entry.masked.clone());
        }
    }
    let mut covered = Vec::new();
    for (id, Entry { pieces, masked, .. }) in &*entries {
        let key = pattern::key(pieces);
        let by = sets.get(&pieces.len()).into_iter().flatten().filter(|set| *set != masked).find_map(|set| {
            *work += 1;
            let key = set.iter().fold(key, |key, at| pattern::masked(key, pieces, usize::from(*at)));
            index.get(&(pieces.len(), key)).filter(|by| *by != id)
        });
        covered.extend(by.map(|by| (*by, *id)));
    }
    for (by, id) in covered {
        let Some(at) = entries.get(&by).filter(|_| entries.contains_key(&id)).map(|entry| &entry.masked)
        else {
            continue;
        };
        let at = at.iter().map(|at| usize::from(*at)).collect();
        merge(entries, &Candidate { at, members: vec![by, id], words: 0 }, merged);
    }
}

#[cfg(test)]
mod tests {
    use crate::template::Miner;

    fn texts(messages: impl Iterator<Item = String>) -> Vec<(String, u64)> {
        let mut miner = Miner::new();
        for message in messages {
            miner.observe(&message);
        }
        miner.settle();
        miner.templates().into_iter().map(|template| (template.text, template.count)).collect()
    }

    #[test]
    fn values_behind_keys_that_vary_together_are_one_template() {
        const NAMES: [&str; 5] = ["orders", "users", "carts", "stock", "mail"];
        let pairs = (0..25).filter(|n| n % 3 != 1).map(|n| (NAMES[n / 5], NAMES[n % 5]));
        let messages = pairs.map(|(dag, task)| format!("Marking task as done. dag={dag}, task=\"{task}\""));
        let expected = vec![("Marking task as done. dag=<*>, task=\"<*>\"".to_owned(), 17)];
        assert_eq!(texts(messages), expected);
    }

    #[test]
    fn what_is_too_rare_to_be_compared_comes_under_the_template_that_covers_it() {
        let often = ["ann", "bob", "eve", "kim"].map(|name| format!("login of user {name} from lab failed"));
        let places =
            ["lab", "hall", "attic", "cellar"].map(|place| format!("login of user ann from {place} failed"));
        let rare = ["login of user zoe from roof failed".to_owned()];
        let messages = often.into_iter().chain(places).chain(rare);
        assert_eq!(texts(messages), vec![("login of user <*> from <*> failed".to_owned(), 9)]);
    }

    #[test]
    fn names_of_services_before_the_same_words_are_values() {
        let services = ["shop.service", "cart.service", "mail.service", "cron.service", "pay.service"];
        let messages = services.map(|name| format!("{name}: Main process exited, result failure"));
        let expected = vec![("<*>: Main process exited, result failure".to_owned(), 5)];
        assert_eq!(texts(messages.into_iter()), expected);
    }
}
