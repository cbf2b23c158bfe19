//! What a log said per piece of time, and to whom each of its messages is shown.
//!
//! A rate can only be judged against everything that was logged, so records that nobody keeps are counted here, too.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use groundcrew_core::incident::{BUCKET, bucket};
use jiff::Timestamp;

use crate::record::Level;
use crate::shape::Shape;

/// Pieces of time that one scan tells apart; a log whose times jump about more counts in those that it has.
const BUCKETS: usize = 4096;

/// What was logged within one piece of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// When the piece of time begins.
    pub bucket: Timestamp,
    /// Lines, blank ones and those left out included.
    pub lines: u64,
    /// Records.
    pub records: u64,
    /// Records with a stack trace or a level of error or worse.
    pub errors: u64,
}

/// A message without a stack trace, as it is shown to an [`Observe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The message without secrets.
    pub message: &'a str,
    /// Its shape, where that is known and tells its template.
    pub shape: Option<Shape>,
    /// Beginning of the piece of time in which it counts.
    pub bucket: Timestamp,
    /// Level that the record named.
    pub level: Option<Level>,
    /// Version of the program that the record named.
    pub release: Option<&'a str>,
    /// Number of the record's first line in its file, from 1.
    pub line: u64,
    /// How many of the record's lines lie in its file.
    pub lines: u64,
}

/// Whoever wants to see the message of each record that has no stack trace.
pub trait Observe {
    /// Called once for each such record, in the order of the file.
    fn observe(&mut self, seen: Seen<'_>);
}

/// An [`Observe`] that scans share with their caller, who takes out what it learned once they are done.
#[derive(Clone)]
pub struct Observer(Arc<Mutex<dyn Observe + Send>>);

impl Observer {
    /// Lets scans show what they read to the observer; each scan holds its lock until it is done.
    pub fn new(observer: Arc<Mutex<dyn Observe + Send>>) -> Self {
        Self(observer)
    }

    /// What one panicked on is still complete up to the message before.
    pub(crate) fn lock(&self) -> MutexGuard<'_, dyn Observe + Send + 'static> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Counts what was logged.
#[derive(Debug)]
pub(crate) struct Traffic {
    tallies: Vec<Tally>,
    /// Where the last record was counted, which is where the next one mostly belongs.
    last: usize,
    /// The seconds that count there.
    seconds: Range<i64>,
    /// When records count before one with a time was met.
    otherwise: Timestamp,
}

impl Traffic {
    /// `otherwise` is when records count that have no time, before any that has one.
    pub(crate) fn new(otherwise: Timestamp) -> Self {
        Self { tallies: Vec::new(), last: 0, seconds: 0..0, otherwise }
    }

    /// The piece of time in which a record counts: its own, or that of the record before it.
    pub(crate) fn place(&mut self, time: Option<Timestamp>) -> Timestamp {
        if time.is_some_and(|time| self.seconds.contains(&time.as_second()))
            && let Some(tally) = self.tallies.get(self.last)
        {
            return tally.bucket;
        }
        let known = self.tallies.get(self.last).map(|tally| tally.bucket);
        let wanted = match (time, known) {
            (Some(time), _) => bucket(time),
            (None, Some(known)) => known,
            (None, None) => bucket(self.otherwise),
        };
        if known != Some(wanted) {
            self.turn_to(wanted);
            let found = self.tallies.get(self.last).is_some_and(|tally| tally.bucket == wanted);
            let start = wanted.as_second();
            self.seconds = if found { start..start.saturating_add(BUCKET.as_secs()) } else { 0..0 };
        }
        self.tallies.get(self.last).map_or(wanted, |tally| tally.bucket)
    }

    fn turn_to(&mut self, wanted: Timestamp) {
        match self.tallies.binary_search_by_key(&wanted, |tally| tally.bucket) {
            Ok(at) => self.last = at,
            Err(at) if self.tallies.len() < BUCKETS => {
                self.tallies.insert(at, Tally { bucket: wanted, lines: 0, records: 0, errors: 0 });
                self.last = at;
            }
            Err(at) => self.last = at.min(self.tallies.len() - 1),
        }
    }

    /// Counts a record in the piece of time that was last asked for.
    pub(crate) fn count(&mut self, is_error: bool) {
        if let Some(tally) = self.tallies.get_mut(self.last) {
            tally.records += 1;
            tally.errors += u64::from(is_error);
        }
    }

    /// Counts lines in the piece of time that was last asked for.
    pub(crate) fn count_lines(&mut self, lines: u64) {
        if let Some(tally) = self.tallies.get_mut(self.last) {
            tally.lines += lines;
        }
    }

    /// What was counted, with the lines of no record, such as blank ones, where the last record was counted.
    pub(crate) fn finish(mut self, lines: u64) -> Vec<Tally> {
        let counted: u64 = self.tallies.iter().map(|tally| tally.lines).sum();
        let rest = lines.saturating_sub(counted);
        if rest > 0 {
            self.place(None);
            self.count_lines(rest);
        }
        self.tallies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn records_count_in_their_time_and_those_without_one_with_the_record_before() {
        let mut traffic = Traffic::new(at("2026-11-05T09:59:00Z"));
        for (time, is_error) in [
            (None, false),
            (Some("2026-11-05T10:07:00Z"), true),
            (None, false),
            (Some("2026-11-05T10:01:00Z"), false),
            (Some("2026-11-05T10:06:00Z"), false),
        ] {
            traffic.place(time.map(at));
            traffic.count(is_error);
            traffic.count_lines(2);
        }
        let tally = |bucket, lines, records, errors| Tally { bucket: at(bucket), lines, records, errors };
        assert_eq!(
            traffic.finish(11),
            [
                tally("2026-11-05T09:55:00Z", 2, 1, 0),
                tally("2026-11-05T10:00:00Z", 2, 1, 0),
                tally("2026-11-05T10:05:00Z", 7, 3, 1),
            ]
        );
    }

    #[test]
    fn times_that_jump_about_claim_bounded_memory_and_each_record_counts_once() {
        let mut traffic = Traffic::new(Timestamp::UNIX_EPOCH);
        for n in 0..10_000_i64 {
            traffic.place(Timestamp::from_second(n * 7_777_777 % 1_000_000_000).ok());
            traffic.count(false);
        }
        let tallies = traffic.finish(0);
        assert_eq!(
            (tallies.len(), tallies.iter().map(|tally| tally.records).sum::<u64>()),
            (BUCKETS, 10_000)
        );
    }
}
