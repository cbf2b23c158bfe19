//! What the steps of one scan add up to: groups of errors, traffic, counts. Records are let go as soon as they are counted.

use std::collections::BTreeMap;
use std::path::Path;

use groundcrew_core::incident::{Grouping, Hidden, OlderKey, Sample, Sighting, Traffic, bucket};
use groundcrew_logs::{Cursor, Dropped, Judged, Record, Restart, Rules, Scan};
use jiff::Timestamp;

use super::flood::merge;
use super::mining::Shared;
use super::releases;

/// Longest text of a sample that is stored.
const SAMPLE_BYTES: usize = 16 * 1024;

/// Records of an unknown form that are shown.
const EXAMPLES: usize = 5;

/// What was read so far.
pub(super) struct Gathered {
    source: String,
    now: Timestamp,
    /// Errors from before this moment are history.
    baseline: Timestamp,
    modified: Option<Timestamp>,
    /// When the last record with a time was logged; one without a time was logged after it.
    last: Option<Timestamp>,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) records: u64,
    pub(super) errors: u64,
    pub(super) unparsed: u64,
    pub(super) unparsed_examples: Vec<String>,
    pub(super) redactions: u64,
    pub(super) dropped: Vec<Dropped>,
    pub(super) restarted: Vec<Restart>,
    /// Errors by fingerprint.
    pub(super) groups: BTreeMap<String, Sighting>,
    /// What the user says about errors.
    rules: Rules,
    hidden: BTreeMap<String, Hidden>,
    traffic: BTreeMap<Timestamp, Traffic>,
}

impl Gathered {
    pub(super) fn new(
        source: &str,
        now: Timestamp,
        baseline: Timestamp,
        modified: Option<Timestamp>,
    ) -> Self {
        Self {
            source: source.to_owned(),
            now,
            baseline,
            modified,
            last: None,
            bytes: 0,
            lines: 0,
            records: 0,
            errors: 0,
            unparsed: 0,
            unparsed_examples: Vec::new(),
            redactions: 0,
            dropped: Vec::new(),
            restarted: Vec::new(),
            groups: BTreeMap::new(),
            rules: Rules::default(),
            hidden: BTreeMap::new(),
            traffic: BTreeMap::new(),
        }
    }

    /// The same, going by rules of the user's.
    pub(super) fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Adds a step; gives where the next one goes on.
    pub(super) fn take(&mut self, read: Scan, kinds: &Shared) -> Cursor {
        self.bytes += read.bytes;
        self.lines += read.lines;
        self.unparsed += read.unparsed;
        self.redactions += read.redactions;
        self.restarted.extend(read.restarted);
        for dropped in &read.dropped {
            self.drop_more(*dropped);
        }
        self.count(&read);
        for mut record in read.records {
            if record.is_error() {
                self.sight(&mut record, kinds);
            }
        }
        read.cursor
    }

    fn drop_more(&mut self, more: Dropped) {
        match self.dropped.iter_mut().find(|known| known.reason == more.reason) {
            Some(known) => known.bytes += more.bytes,
            None => self.dropped.push(more),
        }
    }

    fn sight(&mut self, record: &mut Record, kinds: &Shared) {
        kinds.put_originals(record);
        self.errors += 1;
        let judged = self.rules.judge(record, &self.source);
        let at = self.happened(record);
        if judged.ignored {
            return self.hide(judged.rule.unwrap_or_default(), at);
        }
        let (grouping, print) = (grouping(&judged), judged.fingerprint);
        let history = at < self.baseline;
        let source = &self.source;
        let group = self.groups.entry(print.key.clone()).or_insert_with(|| Sighting {
            fingerprint: print.key,
            fingerprint_version: print.version,
            title: print.title,
            count: 0,
            first: at,
            last: at,
            history: true,
            sample: Sample::default(),
            buckets: Vec::new(),
            releases: Vec::new(),
            grouping,
        });
        let newest = group.count == 0 || at >= group.last;
        group.count += 1;
        add(&mut group.buckets, at, 1);
        if let Some(release) = kinds.release_of(record, at) {
            releases::count(&mut group.releases, &release, at);
        }
        group.first = group.first.min(at);
        group.history &= history;
        if newest {
            group.last = at;
            group.sample = sample(record, source);
        }
    }

    fn hide(&mut self, rule: String, at: Timestamp) {
        let fresh = |rule: &String| Hidden { rule: rule.clone(), count: 0, first: at, last: at };
        let hidden = self.hidden.entry(rule).or_insert_with_key(fresh);
        hidden.count += 1;
        hidden.first = hidden.first.min(at);
        hidden.last = hidden.last.max(at);
    }

    /// What rules of the user's hid.
    pub(super) fn hidden(&self) -> Vec<Hidden> {
        self.hidden.values().cloned().collect()
    }

    /// A record from the future is a clock gone wrong; it happened by now at the latest. One without a time was logged
    /// right after the one before it.
    fn happened(&mut self, record: &Record) -> Timestamp {
        let at = record.time.or(self.last).or(self.modified).unwrap_or(self.now).min(self.now);
        self.last = record.time.or(self.last);
        at
    }

    /// What the source wrote, per piece of time.
    pub(super) fn traffic(&self) -> Vec<Traffic> {
        self.traffic.values().cloned().collect()
    }

    /// Adds a kind of error to the one that stands for all that are too many.
    pub(super) fn flood(&mut self, more: Sighting) {
        let name = Path::new(&self.source)
            .file_name()
            .map_or_else(|| self.source.clone(), |name| name.to_string_lossy().into_owned());
        let key = format!("flood:{}", self.source);
        let many = self.groups.entry(key.clone()).or_insert_with(|| Sighting {
            fingerprint: key,
            fingerprint_version: more.fingerprint_version,
            title: format!("many different errors in {name}"),
            count: 0,
            first: more.first,
            last: more.last,
            history: true,
            sample: more.sample.clone(),
            buckets: Vec::new(),
            releases: Vec::new(),
            grouping: groundcrew_core::incident::Grouping::default(),
        });
        merge(many, more);
    }

    pub(super) fn into_sightings(self) -> Vec<Sighting> {
        self.groups.into_values().collect()
    }

    fn count(&mut self, read: &Scan) {
        let room = EXAMPLES.saturating_sub(self.unparsed_examples.len());
        self.unparsed_examples.extend(read.unparsed_examples.iter().take(room).cloned());
        for tally in &read.traffic {
            let at = tally.bucket.min(bucket(self.now));
            let source = &self.source;
            let piece = self.traffic.entry(at).or_insert_with(|| Traffic {
                source: source.clone(),
                bucket: at,
                lines: 0,
                records: 0,
                errors: 0,
            });
            piece.lines += tally.lines;
            piece.records += tally.records;
            piece.errors += tally.errors;
            self.records += tally.records;
        }
    }
}

/// Counts more in a piece of time. Logs are nearly in order, so the piece is found near the end.
pub(super) fn add(buckets: &mut Vec<(Timestamp, u64)>, at: Timestamp, more: u64) {
    let at = bucket(at);
    match buckets.iter_mut().rev().find(|(known, _)| *known == at) {
        Some((_, count)) => *count += more,
        None => buckets.push((at, more)),
    }
}

fn sample(record: &Record, source: &str) -> Sample {
    Sample {
        text: cut(&record.text, SAMPLE_BYTES),
        level: record.level.map(|level| level.as_str().to_owned()),
        trace: record.trace.clone(),
        before: record.context.iter().map(|line| cut(line, SAMPLE_BYTES)).collect(),
        source: source.to_owned(),
    }
}

fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// How an error is told from others. What the rule of the program before took for one error stays one; what a rule of the
/// user's tells apart does not.
fn grouping(judged: &Judged) -> Grouping {
    let key = |shared| move |fingerprint: &String| OlderKey { fingerprint: fingerprint.clone(), shared };
    let older =
        judged.without_rule.iter().map(key(false)).chain(judged.fingerprint.older.iter().map(key(true)));
    Grouping {
        family: Some(judged.fingerprint.family.clone()),
        rule: judged.rule.clone(),
        older: older.collect(),
    }
}
