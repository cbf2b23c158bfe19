//! Which templates are one: those that differ only where values stand.
//!
//! Only whole surroundings count: two sequences are compared position by position, and a position is masked when enough
//! different words stand there while everything else is equal. What was compared before and has not changed says the
//! same again, so only what is new or changed, and what it is alike with, is looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::evidence::{ANYWHERE, SENTENCE, evidence, is_name, is_state, needed};
use super::pattern::{self, Piece};
use super::sieve::Sieve;
use super::token::Kind;
use super::{Entry, Merged, TemplateId};

/// Rounds of merging; each may show the next position of the same statement.
const ROUNDS: usize = 6;

/// What settling has yet to look at, beside the templates that are marked as changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    /// Views that a template no longer has.
    left: Vec<u64>,
    /// Templates with masked positions have changed since all others were compared with them.
    masks: bool,
}

/// Merges what is one, until nothing more is, and says what became part of what.
pub(super) fn settle(
    entries: &mut BTreeMap<u32, Entry>,
    pending: &mut Pending,
    work: &mut u64,
) -> Vec<Merged> {
    let mut settling = Settling { entries, pending, merged: Vec::new(), work };
    for _ in 0..ROUNDS {
        let before = settling.merged.len();
        let changed = settling.changed();
        settling.round(&changed);
        settling.merge_equal(&changed);
        settling.merge_covered(&changed);
        if settling.merged.len() == before {
            break;
        }
    }
    settling.merged
}

struct Settling<'a> {
    entries: &'a mut BTreeMap<u32, Entry>,
    pending: &'a mut Pending,
    merged: Vec<Merged>,
    work: &'a mut u64,
}

/// Templates that may be one, masked at these positions.
struct Candidate {
    at: Vec<usize>,
    members: Vec<u32>,
    words: usize,
}

/// A template as it looks with one position masked, or all names.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct View {
    key: u64,
    at: Option<usize>,
    id: u32,
}

impl Settling<'_> {
    /// The templates that were not looked at since they last changed.
    fn changed(&mut self) -> Vec<u32> {
        let changed = self.entries.iter_mut().filter(|(_, entry)| entry.changed);
        changed
            .map(|(id, entry)| {
                entry.changed = false;
                *id
            })
            .collect()
    }

    fn round(&mut self, changed: &[u32]) {
        let views = self.views(changed);
        let alike = views.chunk_by(|a, b| (a.key, a.at) == (b.key, b.at)).filter(|alike| alike.len() > 1);
        let mut candidates: Vec<Candidate> = alike
            .filter_map(|alike| {
                candidate(self.entries, alike[0].at, alike.iter().map(|view| view.id).collect())
            })
            .collect();
        candidates.sort_by(|a, b| (b.words, &a.members, &a.at).cmp(&(a.words, &b.members, &b.at)));
        for candidate in candidates {
            if candidate.members.iter().all(|id| self.entries.contains_key(id)) {
                self.merge(&candidate);
            }
        }
    }

    /// The views that a changed template has or had, of all templates that have them, those that are alike side by side.
    fn views(&mut self, changed: &[u32]) -> Vec<View> {
        let mut wanted = Sieve::default();
        self.pending.left.drain(..).for_each(|key| wanted.put(key));
        for entry in changed.iter().filter_map(|id| self.entries.get(id)) {
            entry.views(|_, key| wanted.put(key));
        }
        let mut views = Vec::new();
        if wanted.is_empty() {
            return views;
        }
        for (id, entry) in &*self.entries {
            *self.work += entry.pieces.len() as u64;
            entry.views(|at, key| {
                if wanted.holds(key) {
                    views.push(View { key, at, id: *id });
                }
            });
        }
        views.sort_unstable();
        views
    }

    fn merge(&mut self, candidate: &Candidate) {
        let Some((into, others)) = candidate.members.split_first() else { return };
        for entry in candidate.members.iter().filter_map(|id| self.entries.get(id)) {
            entry.views(|_, key| self.pending.left.push(key));
        }
        for from in others {
            let gone = self.entries.remove(from);
            if let (Some(gone), Some(entry)) = (gone, self.entries.get_mut(into)) {
                entry.widen(&gone.pieces);
                self.merged.push(Merged { from: TemplateId(*from), into: TemplateId(*into) });
            }
        }
        if let Some(entry) = self.entries.get_mut(into) {
            entry.mask(&candidate.at);
            self.pending.masks = true;
        }
    }

    /// Merges templates that masking made equal.
    fn merge_equal(&mut self, changed: &[u32]) {
        let mut wanted = Sieve::default();
        let known = changed.iter().filter_map(|id| self.entries.get(id));
        known.for_each(|entry| wanted.put(entry.key));
        let masked = self.entries.values().filter(|entry| entry.changed);
        masked.for_each(|entry| wanted.put(entry.key));
        let wanted = self.entries.iter().filter(|(_, entry)| wanted.holds(entry.key));
        let mut equal: Vec<(usize, u64, u32)> =
            wanted.map(|(id, entry)| (entry.pieces.len(), entry.key, *id)).collect();
        equal.sort_unstable();
        let equal = equal.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|equal| equal.len() > 1);
        let mut equal: Vec<Vec<u32>> =
            equal.map(|equal| equal.iter().map(|(.., id)| *id).collect()).collect();
        equal.sort_unstable();
        for members in equal {
            let masked = members.iter().filter_map(|id| self.entries.get(id)).flat_map(|entry| &entry.masked);
            let at = masked.map(|at| usize::from(*at)).collect::<BTreeSet<_>>().into_iter().collect();
            self.merge(&Candidate { at, members, words: 0 });
        }
    }

    /// Merges templates into those that say the same but where comparing has found values: what was too rare there to
    /// be found so itself.
    fn merge_covered(&mut self, changed: &[u32]) {
        let mut sets: HashMap<usize, Vec<Vec<u16>>> = HashMap::new();
        let mut index: HashMap<(usize, u64), u32> = HashMap::new();
        for (id, entry) in self.entries.iter().filter(|(_, entry)| !entry.masked.is_empty()) {
            index.insert((entry.pieces.len(), entry.key), *id);
            let sets = sets.entry(entry.pieces.len()).or_default();
            if sets.len() < SETS && !sets.contains(&entry.masked) {
                sets.push(entry.masked.clone());
            }
        }
        let all = std::mem::take(&mut self.pending.masks);
        let mut covered = Vec::new();
        let mut look = |id: u32, entry: &Entry, work: &mut u64| {
            let Entry { pieces, masked, key, .. } = entry;
            let sets = sets.get(&pieces.len()).into_iter().flatten().filter(|set| *set != masked);
            let by = sets.into_iter().find_map(|set| {
                *work += 1;
                let key = set.iter().fold(*key, |key, at| pattern::masked(key, pieces, usize::from(*at)));
                index.get(&(pieces.len(), key)).filter(|by| **by != id)
            });
            covered.extend(by.map(|by| (*by, id)));
        };
        if all {
            self.entries.iter().for_each(|(id, entry)| look(*id, entry, self.work));
        } else {
            let known = changed.iter().filter_map(|id| Some((*id, self.entries.get(id)?)));
            known.for_each(|(id, entry)| look(id, entry, self.work));
        }
        for (by, id) in covered {
            let Some(at) = self.entries.get(&by).filter(|_| self.entries.contains_key(&id)) else { continue };
            let at = at.masked.iter().map(|at| usize::from(*at)).collect();
            self.merge(&Candidate { at, members: vec![by, id], words: 0 });
        }
    }
}

/// Sets of positions that are tried per number of positions.
const SETS: usize = 24;

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
        words += shown(&patterns, first, *place, at.len() > 1)?;
    }
    (!at.is_empty()).then_some(Candidate { at, members, words })
}

/// How much the words at a place say that a value stands there; `None` where that is not enough.
fn shown(patterns: &[&[Piece]], first: &[Piece], place: usize, several: bool) -> Option<usize> {
    let announced = needed(first, place);
    let most = patterns.len() + MORE;
    if place > 0 && announced? > most || place == 0 && ANYWHERE > most {
        return None;
    }
    let here: BTreeSet<&str> = patterns.iter().map(|pieces| &*pieces[place].text).collect();
    let here_are_names = here.iter().all(|word| is_name(word));
    let states = here.iter().all(|word| is_state(word));
    // That several positions differ at once says as much as one more word at each.
    let found = evidence(&here)? + usize::from(several && here.len() == patterns.len());
    let said = first.iter().skip(1).filter(|piece| piece.kind == Kind::Word).count();
    let named = place == 0 && here_are_names && said >= SENTENCE;
    let least = if named { ANYWHERE } else { announced? };
    (found >= if states { least.max(ANYWHERE) } else { least }).then_some(found)
}

/// What the form of words, and that several positions differ, may add to their number.
const MORE: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// Statements of few words, so that many differ in one or two.
    fn statement() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "user", "of", "ann", "bob", "eve", "kim", "joe", "max", "a.b", "c.d", "getAll", "OPEN", "SHUT",
            "GET", "eth0", "eth1", "wlan2", "=", "\"", "'x'", "17", "lost", "found", "[up]", "for",
        ]);
        prop::collection::vec(word, 2..6).prop_map(|words| words.join(" "))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn comparing_only_what_changed_finds_what_comparing_all_finds(
            parts in prop::collection::vec(prop::collection::vec(statement(), 1..120), 1..6)
        ) {
            let (mut miner, mut thorough) = (Miner::new(), Miner::new());
            for part in parts {
                for message in part {
                    prop_assert_eq!(miner.observe(&message), thorough.observe(&message));
                }
                thorough.entries.values_mut().for_each(|entry| entry.changed = true);
                thorough.pending.masks = true;
                prop_assert_eq!(miner.settle(), thorough.settle());
                prop_assert_eq!(miner.templates(), thorough.templates());
            }
        }
    }
}
