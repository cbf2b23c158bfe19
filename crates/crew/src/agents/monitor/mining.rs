//! Which kinds of lines a source writes, counted while it is scanned.
//!
//! What a scan learned is stored with the place where it stopped, so that a kill at any moment counts no line twice. Between
//! scans the miner stays in memory, and its state is stored only where a kind of line was new: a log that says the usual
//! costs a few counts. Rates are kept only for kinds whose rate may matter: what sounds like trouble, and what comes often.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use groundcrew_core::incident::ReleaseCount;
use groundcrew_core::task::ProjectId;
use groundcrew_core::template::{MOST_TEMPLATES, Mined, TemplateCount};
use groundcrew_logs::template::Miner;
use groundcrew_logs::{Level, Observe, Observer, Record, Seen};
use groundcrew_store::TemplateFilter;
use jiff::Timestamp;

use super::gather::add;
use super::originals::Originals;
use super::releases::Releases;
use crate::agent::{Job, Trouble};
use crate::site::Site;

/// Kinds of lines of a source whose rate is kept: those that sound like trouble, and others that come often.
const TROUBLES: usize = 32;
const OFTEN: usize = 16;

/// Lines of one scan from which a kind comes often.
const MANY: u64 = 20;

/// Sources whose miners stay in memory.
const REMEMBERED: usize = 8;

/// Longest text and example that are stored, in bytes.
const TEXT: usize = 500;

/// Words of a line that sounds like trouble whatever its level.
const TROUBLE: [&str; 22] = [
    "fail",
    "error",
    "exception",
    "timeout",
    "timed out",
    "refused",
    "denied",
    "unreachable",
    "unavailable",
    "retrying",
    "retry ",
    "exhausted",
    "overflow",
    "dropped",
    "abort",
    "rejected",
    "corrupt",
    "cannot ",
    "could not",
    "unable to",
    "killed",
    "lost ",
];

/// Miners of the sources scanned last, each with what is stored of it.
static REMEMBER: Mutex<Vec<(Key, Kept)>> = Mutex::new(Vec::new());

/// A source of a project of a database.
type Key = (String, ProjectId, String);

/// What is kept of a source between scans.
#[derive(Debug, Clone, Default)]
struct Kept {
    generation: u64,
    miner: Miner,
    /// The highest number given to a kind so far.
    highest: Option<u32>,
    rated: BTreeSet<u32>,
    often: usize,
}

/// What is learned during one scan.
#[derive(Debug)]
pub(super) struct Mining {
    kept: Kept,
    now: Timestamp,
    counts: BTreeMap<u32, Count>,
    releases: Releases,
    /// Whether a kind of line was new.
    learned: bool,
    anew: bool,
}

#[derive(Debug)]
struct Count {
    level: Option<Level>,
    count: u64,
    first: Timestamp,
    last: Timestamp,
    buckets: Vec<(Timestamp, u64)>,
}

/// A mining that scans show their messages to.
pub(super) struct Shared {
    key: Key,
    mining: Arc<Mutex<Mining>>,
    originals: Mutex<Originals>,
}

impl Shared {
    /// Goes on from what is known of a source.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(super) fn begin(job: &Job<'_>, site: &Site, source: &str) -> Result<Self, Trouble> {
        let key = (job.tools.kept_refs(), site.id, source.to_owned());
        let store = job.tools.store.as_ref();
        let learned = store.learned(site.id, Some(source))?;
        let generation = learned.first().map(|learned| learned.generation);
        let (kept, anew) = match (generation, remembered(&key, generation)) {
            (None, _) => (Kept::default(), false),
            (Some(_), Some(kept)) => (kept, false),
            (Some(generation), None) => load(job, site, source, generation)?,
        };
        let releases = Releases::of(site);
        let mining = Mining { kept, now: job.now, counts: BTreeMap::new(), releases, learned: anew, anew };
        let originals = Mutex::new(Originals::of(site));
        Ok(Self { key, mining: Arc::new(Mutex::new(mining)), originals })
    }

    /// The way by which a scan shows its messages.
    pub(super) fn observer(&self) -> Observer {
        Observer::new(Arc::clone(&self.mining) as Arc<Mutex<dyn Observe + Send>>)
    }

    /// Puts what was written in the place of what runs, in the stack of a record.
    pub(super) fn put_originals(&self, record: &mut Record) {
        self.originals.lock().unwrap_or_else(PoisonError::into_inner).put(record);
    }

    /// The release that wrote an error; one that no scan shows, since it has a stack trace, is counted here.
    pub(super) fn release_of(&self, record: &Record, at: Timestamp) -> Option<String> {
        let mut mining = self.lock();
        let release = mining.releases.of_record(record, at);
        let counted = record.trace.is_none() || mining.releases.count(release.as_deref(), at);
        release.filter(|_| counted)
    }

    /// The releases that wrote what was scanned, with the records of each.
    pub(super) fn releases(&self) -> Vec<ReleaseCount> {
        self.lock().releases.take()
    }

    fn lock(&self) -> MutexGuard<'_, Mining> {
        self.mining.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was learned; `generation` tells this scan from every other one.
    pub(super) fn finish(self, caught_up: bool, generation: u64) -> Mined {
        let mut mining = self.mining.lock().unwrap_or_else(PoisonError::into_inner);
        let mined = mining.finish(&self.key.2, caught_up, generation);
        remember(self.key, std::mem::take(&mut mining.kept));
        mined
    }
}

/// What is remembered of a source, if it is what the database has.
fn remembered(key: &Key, generation: Option<u64>) -> Option<Kept> {
    let mut known = REMEMBER.lock().unwrap_or_else(PoisonError::into_inner);
    let at = known.iter().position(|(known, _)| known == key)?;
    let (_, kept) = known.remove(at);
    (Some(kept.generation) == generation).then_some(kept)
}

fn remember(key: Key, kept: Kept) {
    let mut known = REMEMBER.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|(other, _)| *other != key);
    known.push((key, kept));
    if known.len() > REMEMBERED {
        known.remove(0);
    }
}

/// What the database has of a source. A state that can no longer be read begins anew.
fn load(job: &Job<'_>, site: &Site, source: &str, generation: u64) -> Result<(Kept, bool), Trouble> {
    let store = job.tools.store.as_ref();
    let state = store.miner(site.id, source)?.filter(|state| !state.is_null());
    let stored = state.is_some();
    let miner: Miner = state.and_then(|state| serde_json::from_value(state).ok()).unwrap_or_default();
    let highest = miner.templates().last().map(|template| template.id.0);
    if stored && highest.is_none() {
        return Ok((Kept { generation, ..Kept::default() }, true));
    }
    let filter = TemplateFilter {
        project: Some(site.id),
        source: Some(source.to_owned()),
        rated: true,
        limit: Some(MOST_TEMPLATES),
        ..TemplateFilter::default()
    };
    let rated = store.templates(&filter)?;
    let often = rated.iter().filter(|kind| !is_trouble(kind.level.as_deref(), &kind.text)).count();
    let rated = rated.iter().filter_map(|kind| u32::try_from(kind.id).ok()).collect();
    Ok((Kept { generation, miner, highest, rated, often }, false))
}

/// Whether a kind of line sounds like trouble: a warning or worse, or a text that says so.
pub(super) fn is_trouble(level: Option<&str>, text: &str) -> bool {
    match level {
        Some("warning" | "error" | "critical") => true,
        Some("debug" | "trace") => false,
        Some(_) | None => {
            let text = text.to_lowercase();
            TROUBLE.iter().any(|word| text.contains(word))
        }
    }
}

impl Observe for Mining {
    fn observe(&mut self, seen: Seen<'_>) {
        let id = match seen.shape {
            Some(shape) => self.kept.miner.observe_shape(seen.message, shape),
            None => self.kept.miner.observe(seen.message),
        };
        let id = id.0;
        if self.kept.highest.is_none_or(|highest| id > highest) {
            self.kept.highest = Some(id);
            self.learned = true;
        }
        let at = seen.bucket.min(self.now);
        self.releases.count(seen.release, at);
        let count = self.counts.entry(id).or_insert_with(|| Count {
            level: seen.level,
            count: 0,
            first: at,
            last: at,
            buckets: Vec::new(),
        });
        count.level = count.level.max(seen.level);
        count.count += 1;
        count.first = count.first.min(at);
        count.last = count.last.max(at);
        add(&mut count.buckets, at, 1);
    }
}

impl Mining {
    fn finish(&mut self, source: &str, caught_up: bool, generation: u64) -> Mined {
        let merged = if self.learned { self.kept.miner.settle() } else { Vec::new() };
        for merged in &merged {
            if self.kept.rated.remove(&merged.from.0) {
                self.kept.rated.insert(merged.into.0);
            }
        }
        let counts = self.counted();
        let state = (self.learned || !merged.is_empty())
            .then(|| serde_json::to_value(&self.kept.miner).ok())
            .flatten();
        if state.is_some() {
            self.kept.generation = generation;
        }
        let merged = merged.iter().map(|merged| (u64::from(merged.from.0), u64::from(merged.into.0)));
        Mined {
            source: source.to_owned(),
            state,
            generation,
            anew: self.anew,
            merged: merged.collect(),
            counts,
            caught_up,
        }
    }

    /// The kinds that were met, the most frequent first, with the rate of those whose rate is kept.
    fn counted(&mut self) -> Vec<TemplateCount> {
        let mut joined: BTreeMap<u32, Count> = BTreeMap::new();
        for (id, count) in std::mem::take(&mut self.counts) {
            let id = self.kept.miner.resolve(groundcrew_logs::template::TemplateId(id)).0;
            match joined.get_mut(&id) {
                Some(known) => known.join(count),
                None => {
                    joined.insert(id, count);
                }
            }
        }
        let mut counts: Vec<(u32, Count)> = joined.into_iter().collect();
        counts.sort_by_key(|(id, count)| (std::cmp::Reverse(count.count), *id));
        counts.truncate(usize::try_from(MOST_TEMPLATES).unwrap_or(usize::MAX));
        counts.into_iter().filter_map(|(id, count)| self.stored(id, count)).collect()
    }

    /// A kind as it is stored; none if the miner dropped it again.
    fn stored(&mut self, id: u32, count: Count) -> Option<TemplateCount> {
        let template = self.kept.miner.template(groundcrew_logs::template::TemplateId(id))?;
        let level = count.level.map(|level| level.as_str().to_owned());
        let rated = self.rate(id, level.as_deref(), &template.text, count.count);
        Some(TemplateCount {
            id: u64::from(id),
            text: cut(template.text),
            level,
            count: count.count,
            first: count.first,
            last: count.last,
            example: cut(template.example),
            buckets: if rated { count.buckets } else { Vec::new() },
        })
    }

    /// Whether the rate of a kind is kept. Whose rate was ever kept stays so; of the others there is only so much room.
    fn rate(&mut self, id: u32, level: Option<&str>, text: &str, count: u64) -> bool {
        if self.kept.rated.contains(&id) {
            return true;
        }
        let troubles = self.kept.rated.len().saturating_sub(self.kept.often);
        let trouble = is_trouble(level, text);
        let room = if trouble { troubles < TROUBLES } else { count >= MANY && self.kept.often < OFTEN };
        if room {
            self.kept.rated.insert(id);
            self.kept.often += usize::from(!trouble);
        }
        room
    }
}

impl Count {
    fn join(&mut self, other: Self) {
        self.level = self.level.max(other.level);
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (at, count) in other.buckets {
            add(&mut self.buckets, at, count);
        }
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT));
    text
}

#[cfg(test)]
mod tests {
    use groundcrew_core::incident::BUCKET;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60).unwrap()
    }

    fn mining() -> Mining {
        let kept = Kept::default();
        let releases = Releases::default();
        Mining { kept, now: at(10_000), counts: BTreeMap::new(), releases, learned: false, anew: false }
    }

    fn see(mining: &mut Mining, message: &str, level: Level, minutes: i64) {
        let bucket = at(minutes);
        mining.observe(Seen {
            message,
            shape: None,
            bucket,
            level: Some(level),
            release: None,
            line: 1,
            lines: 1,
        });
    }

    #[test]
    fn a_state_is_stored_only_where_a_kind_of_line_was_new() {
        let mut mining = mining();
        see(&mut mining, "took 7 ms", Level::Info, 0);
        let first = mining.finish("a.log", false, 1);
        assert!(first.state.is_some());
        see(&mut mining, "took 9 ms", Level::Info, 5);
        mining.learned = false;
        let second = mining.finish("a.log", true, 2);
        assert_eq!((second.state, second.caught_up), (None, true));
        assert_eq!(second.counts[0].id, first.counts[0].id);
        assert_eq!((second.counts[0].count, second.counts[0].first), (1, at(5)));
    }

    #[test]
    fn only_what_sounds_like_trouble_or_comes_often_is_counted_over_time() {
        let mut mining = mining();
        see(&mut mining, "disk is getting full", Level::Warning, 0);
        see(&mut mining, "payment refused by the bank", Level::Info, 0);
        see(&mut mining, "hello there", Level::Info, 0);
        see(&mut mining, "retrying in a moment", Level::Debug, 0);
        for minute in 0..i64::try_from(MANY).unwrap() {
            see(&mut mining, "request served", Level::Info, minute * 5);
        }
        let counts = mining.finish("a.log", true, 1).counts;
        let rated = counts.iter().filter(|kind| !kind.buckets.is_empty());
        let mut rated: Vec<&str> = rated.map(|kind| kind.text.as_str()).collect();
        rated.sort_unstable();
        assert_eq!(rated, ["disk is getting full", "payment refused by the bank", "request served"]);
        let often = counts.iter().find(|kind| kind.text == "request served").unwrap();
        assert_eq!(often.buckets.len(), 20);
        assert_eq!(often.buckets[1].0.duration_since(often.buckets[0].0), BUCKET);
    }

    #[test]
    fn however_many_kinds_sound_like_trouble_only_so_many_are_counted_over_time() {
        let mut mining = mining();
        let word = |n: u32| char::from(b'a' + u8::try_from(n % 26).unwrap());
        for n in 0..200u32 {
            let text = format!("{}{} failed {}", word(n), word(n / 26), "x".repeat(1 + n as usize % 7));
            see(&mut mining, &text, Level::Warning, 0);
        }
        let counts = mining.finish("a.log", true, 1).counts;
        assert!(counts.iter().filter(|kind| !kind.buckets.is_empty()).count() <= TROUBLES);
    }
}
