//! How many new kinds of errors one source may bring within a minute.
//!
//! Whoever can write to a log can make up errors, each unlike the others, and a broken deployment does the same without
//! ill will. Beyond a bound they become one incident, so that neither the database nor whoever looks at it drowns. What
//! is known already is always counted where it belongs, and a kind that was caught in a flood is new again when it comes
//! back after it.

use std::path::Path;

use groundcrew_core::incident::Sighting;
use groundcrew_logs::Cursor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gather::{Gathered, add};
use super::releases;

/// How far a source has been read, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Position {
    /// Where in its file.
    #[serde(flatten)]
    pub(super) cursor: Option<Cursor>,
    /// What was new lately.
    #[serde(default)]
    pub(super) flood: Flood,
}

impl Position {
    /// Whether it is in the file that a path leads to now.
    pub(super) fn is_of(&self, path: &Path) -> bool {
        self.cursor.as_ref().is_some_and(|cursor| cursor.is_of(path))
    }
}

/// New kinds of errors of one source within the current minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Flood {
    minute: i64,
    new: usize,
}

impl Flood {
    /// New kinds within a minute of reading, at most; an old log's history may hold more.
    pub(super) const MOST: usize = 150;
    const MOST_HISTORY: usize = 1_000;

    /// Makes one group of the kinds beyond the bound, those that were met most often kept apart first; says how many.
    pub(super) fn bound<E>(
        &mut self,
        gathered: &mut Gathered,
        now: Timestamp,
        is_known: impl Fn(&Sighting) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let minute = now.as_second().div_euclid(60);
        if self.minute != minute {
            *self = Self { minute, new: 0 };
        }
        let mut new = Vec::new();
        for group in gathered.groups.values() {
            // Asking for each costs as much as storing it, so it is only done when there may be too many.
            let few = gathered.groups.len() + self.new <= Self::MOST;
            if few || !is_known(group)? {
                new.push((group.history, std::cmp::Reverse(group.count), group.fingerprint.clone()));
            }
        }
        new.sort();
        let (mut history, mut held_back) = (0, Vec::new());
        for (is_history, _, fingerprint) in new {
            let (count, most) = match is_history {
                true => (&mut history, Self::MOST_HISTORY),
                false => (&mut self.new, Self::MOST),
            };
            if *count < most {
                *count += 1;
            } else {
                held_back.push(fingerprint);
            }
        }
        for fingerprint in &held_back {
            if let Some(group) = gathered.groups.remove(fingerprint) {
                gathered.flood(group);
            }
        }
        Ok(held_back.len())
    }
}

/// Adds a kind of error to the one that stands for many.
pub(super) fn merge(into: &mut Sighting, more: Sighting) {
    into.count += more.count;
    into.first = into.first.min(more.first);
    into.history &= more.history;
    for (at, count) in more.counted() {
        add(&mut into.buckets, at, count);
    }
    for of in &more.releases {
        releases::add(&mut into.releases, of);
    }
    if more.last >= into.last {
        into.last = more.last;
        into.sample = more.sample;
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use groundcrew_core::incident::Sample;

    use super::*;

    fn gathered(kinds: std::ops::Range<usize>) -> Gathered {
        let now = Timestamp::UNIX_EPOCH;
        let mut gathered = Gathered::new("/srv/app.log", now, now, None);
        for n in kinds {
            let key = format!("{n:04}");
            gathered.groups.insert(
                key.clone(),
                Sighting {
                    fingerprint: key.clone(),
                    title: key,
                    fingerprint_version: 1,
                    count: 1,
                    first: now,
                    last: now,
                    history: false,
                    sample: Sample::default(),
                    buckets: Vec::new(),
                    releases: Vec::new(),
                    grouping: groundcrew_core::incident::Grouping::default(),
                },
            );
        }
        gathered
    }

    fn bound(flood: &mut Flood, gathered: &mut Gathered, second: i64, known: &str) -> usize {
        let now = Timestamp::from_second(second).unwrap();
        flood.bound(gathered, now, |error| Ok::<_, Infallible>(error.fingerprint == known)).unwrap()
    }

    #[test]
    fn a_flood_counts_the_releases_of_all_that_it_holds() {
        let release = |name: &str, at: i64| {
            let at = Timestamp::from_second(at).unwrap();
            groundcrew_core::incident::ReleaseCount {
                release: name.to_owned(),
                count: 1,
                first: at,
                last: at,
            }
        };
        let mut all = gathered(0..Flood::MOST + 3);
        // Of kinds that are as frequent, the first by key stay apart.
        for (n, (name, at)) in [("v2", 9), ("v1", 5), ("v2", 7)].into_iter().enumerate() {
            let key = format!("{:04}", Flood::MOST + n);
            all.groups.get_mut(&key).unwrap().releases.push(release(name, at));
        }
        assert_eq!(bound(&mut Flood::default(), &mut all, 0, ""), 3);
        let many = all.groups.remove("flood:/srv/app.log").unwrap();
        let (two, one) = (release("v2", 7), release("v1", 5));
        let two = groundcrew_core::incident::ReleaseCount { count: 2, last: release("v2", 9).last, ..two };
        assert_eq!((many.count, many.releases), (3, vec![two, one]));
    }

    #[test]
    fn more_new_kinds_than_a_minute_holds_are_one_incident_with_all_their_occurrences() {
        let mut flood = Flood::default();
        let mut first = gathered(0..100);
        assert_eq!(bound(&mut flood, &mut first, 0, ""), 0);
        let mut second = gathered(100..300);
        assert_eq!(bound(&mut flood, &mut second, 1, "0299"), 149);
        let groups = second.into_sightings();
        assert_eq!(groups.len(), 50 + 1 + 1, "what is new, what is known, and what is too much");
        assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), 200);
        assert!(groups.iter().any(|group| group.title == "many different errors in app.log"));
        assert_eq!(bound(&mut flood, &mut gathered(300..400), 61, ""), 0, "another minute");
    }
}
