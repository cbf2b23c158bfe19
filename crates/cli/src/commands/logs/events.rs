//! What the records of a log come under: templates, and errors with a stack trace.
//!
//! Memory does not grow with the log: the miner bounds the templates, errors beyond a number count by their message, and
//! which line has which event is kept in a file until all is known.

use std::collections::{BTreeMap, HashMap};

use groundcrew_core::trace::Trace;
use groundcrew_logs::{Level, Miner, Record, TemplateId, fingerprint, masked};
use jiff::Timestamp;

use super::rows::{Spool, Target};
use super::title;
use crate::failure::Failure;

/// Errors that are told apart by their stack.
const ERRORS: usize = 10_000;
/// Sightings after which those of merged templates are put together.
const SIGHTINGS: usize = 32_000;
/// Bytes of an example.
const EXAMPLE: usize = 300;

/// What lines have in common, with a name that is the same in every run over the same input.
pub(super) struct Event {
    /// `E1` for the first one of the log, and so on.
    pub(super) id: String,
    pub(super) template: String,
    pub(super) count: u64,
    /// The gravest.
    pub(super) level: Option<Level>,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// Over all files, from 1.
    pub(super) first_line: u64,
    pub(super) example: String,
    key: Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Template(TemplateId),
    Error(u32),
}

impl Key {
    /// As a number that is not 0.
    fn code(self) -> u64 {
        match self {
            Self::Template(id) => u64::from(id.0) * 2 + 1,
            Self::Error(number) => u64::from(number) * 2 + 2,
        }
    }

    fn of_code(code: u64) -> Option<Self> {
        let number = |code: u64| u32::try_from(code / 2).ok();
        match code {
            0 => None,
            odd if odd % 2 == 1 => Some(Self::Template(TemplateId(number(odd - 1)?))),
            even => Some(Self::Error(number(even - 2)?)),
        }
    }
}

/// What was seen of one event.
struct Seen {
    count: u64,
    level: Option<Level>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    first_line: u64,
    example: String,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.level = self.level.max(other.level);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        if other.first_line < self.first_line {
            self.first_line = other.first_line;
            self.example = other.example;
        }
    }
}

/// The events of a log in the making.
pub(super) struct Events {
    miner: Miner,
    errors: BTreeMap<String, u32>,
    titles: Vec<String>,
    seen: HashMap<Key, Seen>,
    spool: Option<Spool>,
    /// Lines of the files before the one that is being read.
    before: u64,
}

impl Events {
    /// Nothing seen yet; remembers the event of each line when asked to.
    pub(super) fn new(by_line: bool) -> Result<Self, Failure> {
        Ok(Self {
            miner: Miner::new(),
            errors: BTreeMap::new(),
            titles: Vec::new(),
            seen: HashMap::new(),
            spool: if by_line { Some(Spool::new()?) } else { None },
            before: 0,
        })
    }

    /// Takes the next records of the file.
    pub(super) fn add(&mut self, records: &[Record]) -> Result<(), Failure> {
        for record in records {
            let key = self.key(record);
            let line = self.before + record.line;
            if let Some(spool) = &mut self.spool {
                spool.begin(line, key.code())?;
            }
            match self.seen.get_mut(&key) {
                Some(seen) => {
                    seen.count += 1;
                    seen.level = seen.level.max(record.level);
                    seen.first = [seen.first, record.time].into_iter().flatten().min();
                    seen.last = seen.last.max(record.time);
                }
                None => {
                    self.seen.insert(key, sighting(record, line));
                    self.keep_small();
                }
            }
        }
        Ok(())
    }

    /// Ends a file, after so many lines over all.
    pub(super) fn end_file(&mut self, lines: u64) -> Result<(), Failure> {
        self.before = lines;
        // What stands before the first record of the next file is not of the last record of this one.
        self.spool.as_mut().map_or(Ok(()), |spool| spool.begin(lines + 1, 0))
    }

    /// All events in the order of the log, and how many templates made room.
    pub(super) fn settle(&mut self) -> (Vec<Event>, u64) {
        self.miner.settle();
        self.put_together();
        let mut seen: Vec<(Key, Seen)> = self.seen.drain().collect();
        seen.sort_by_key(|(key, seen)| (seen.first_line, *key));
        let named = seen.into_iter().enumerate().map(|(n, (key, seen))| self.event(n + 1, key, seen));
        (named.collect(), self.miner.dropped())
    }

    /// Writes one row for each line.
    pub(super) fn write(self, events: &[Event], target: Target) -> Result<(), Failure> {
        let Some(spool) = self.spool else { return Ok(()) };
        let rows: HashMap<Key, &Event> = events.iter().map(|event| (event.key, event)).collect();
        let miner = self.miner;
        target.write(spool, self.before, |code| {
            let event = rows.get(&resolved(&miner, Key::of_code(code)?))?;
            Some((event.id.as_str(), event.template.as_str()))
        })
    }

    fn key(&mut self, record: &Record) -> Key {
        let Some(trace) = &record.trace else { return Key::Template(self.miner.observe(&record.message)) };
        let fingerprint = fingerprint(record).key;
        if let Some(number) = self.errors.get(&fingerprint) {
            return Key::Error(*number);
        }
        match u32::try_from(self.titles.len()) {
            Ok(number) if self.titles.len() < ERRORS => {
                self.errors.insert(fingerprint, number);
                self.titles.push(readable(trace));
                Key::Error(number)
            }
            Ok(_) | Err(_) => Key::Template(self.miner.observe(&title(trace))),
        }
    }

    fn event(&self, number: usize, key: Key, seen: Seen) -> Event {
        let template = match key {
            Key::Template(id) => self.miner.template(id).map(|template| template.text),
            Key::Error(number) => usize::try_from(number).ok().and_then(|at| self.titles.get(at).cloned()),
        };
        let Seen { count, level, first, last, first_line, example } = seen;
        let template = template.unwrap_or_default();
        Event { id: format!("E{number}"), template, count, level, first, last, first_line, example, key }
    }

    /// Templates that come and go leave sightings, which must not grow with the log.
    fn keep_small(&mut self) {
        if self.seen.len() > SIGHTINGS {
            self.put_together();
        }
    }

    fn put_together(&mut self) {
        let mut together: HashMap<Key, Seen> = HashMap::new();
        for (key, seen) in self.seen.drain() {
            match together.entry(resolved(&self.miner, key)) {
                std::collections::hash_map::Entry::Occupied(mut known) => known.get_mut().add(seen),
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(seen);
                }
            }
        }
        self.seen = together;
    }
}

fn resolved(miner: &Miner, key: Key) -> Key {
    match key {
        Key::Template(id) => Key::Template(miner.resolve(id)),
        Key::Error(number) => Key::Error(number),
    }
}

fn sighting(record: &Record, line: u64) -> Seen {
    let first = match &record.trace {
        Some(trace) => title(trace),
        None => record.message.trim_start().lines().next().unwrap_or_default().to_owned(),
    };
    let example = first[..first.floor_char_boundary(EXAMPLE)].to_owned();
    Seen { count: 1, level: record.level, first: record.time, last: record.time, first_line: line, example }
}

/// The exception and its message, values masked.
fn readable(trace: &Trace) -> String {
    masked(title(trace).lines().next().unwrap_or_default())
}
