//! Kinds of lines that are worth a word: new ones, those that surge, those that stopped while their source goes on.
//!
//! What is an error is an incident and not told here, and debug lines are nobody's news. Nothing is new while the past of a
//! source is still being read, nor before its usual lines are known. However much there is, only so many are told one by one.

use std::collections::BTreeMap;

use groundcrew_core::incident::{BUCKET, Sample, Sighting, Traffic};
use groundcrew_core::template::{Learned, Notice, Noticed, Template};
use groundcrew_store::TemplateFilter;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::mining::is_trouble;
use super::trends::{BurstRule, burst, silent};
use crate::agent::{Job, Trouble};
use crate::site::Site;

/// Kinds that one look tells one by one.
const TOLD: usize = 5;

/// Kinds that one look looks at.
const MOST: u32 = 1_000;

/// How long after a notice the same kind is not told again.
const AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Pieces of time in which a source must have written since a kind of its lines stopped.
const GOES_ON: usize = 3;

/// Version of the fingerprint of a kind of line.
const FINGERPRINT: u32 = 1;

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What is told, and what is only remembered as told.
    pub(super) noticed: Vec<Noticed>,
    /// Surges that are worked as errors.
    pub(super) sightings: Vec<Sighting>,
}

/// When something is worth a word.
pub(super) struct Rule {
    pub(super) burst: BurstRule,
    /// Time before now that counts as usual.
    pub(super) baseline: SignedDuration,
    /// Time over which the usual lines of a source are learned.
    pub(super) learn: SignedDuration,
    /// Shortest silence of a kind that is told.
    pub(super) silent: SignedDuration,
}

/// Looks at the kinds of lines of a project.
///
/// # Errors
/// The database cannot be read.
pub(super) fn look(
    job: &Job<'_>,
    site: &Site,
    traffic: &BTreeMap<String, Vec<Traffic>>,
    rule: &Rule,
) -> Result<Found, Trouble> {
    let store = job.tools.store.as_ref();
    let (now, mut found) = (job.now, Found::default());
    let since = now.checked_sub(AGAIN).unwrap_or(Timestamp::MIN);
    let filter = TemplateFilter { project: Some(site.id), limit: Some(MOST), ..TemplateFilter::default() };
    let new = store.templates(&TemplateFilter { new_since: Some(since), ..filter.clone() })?;
    if !new.is_empty() {
        let learned = store.learned(site.id, None)?;
        let learned: BTreeMap<&str, &Learned> =
            learned.iter().map(|learned| (learned.source.as_str(), learned)).collect();
        let is_news = |kind: &&Template| {
            learned.get(kind.source.as_str()).is_some_and(|learned| is_new(kind, learned, rule.learn))
        };
        found.noticed.extend(new.iter().filter(is_news).map(|kind| {
            notice(
                kind,
                Notice::New,
                format!("never before in {}, first at {}", kind.source, kind.first_seen),
            )
        }));
    }
    for kind in store.templates(&TemplateFilter { rated: true, ..filter })? {
        let begun = now.checked_sub(rule.baseline).unwrap_or(Timestamp::MIN).max(kind.first_seen);
        let buckets = store.template_buckets(&kind, begun)?;
        if let Some(surge) = surge(&kind, &buckets, begun, now, rule) {
            found.sightings.extend(surge.1);
            found.noticed.push(surge.0);
        } else if let Some(last) = gone(&kind, &buckets, traffic.get(&kind.source), now, rule) {
            found.noticed.push(notice(
                &kind,
                Notice::Gone,
                format!("last at {last}, while {} goes on", kind.source),
            ));
        }
    }
    bound(&mut found.noticed);
    Ok(found)
}

/// Whether a kind first came after its source's past was read and its usual lines were learned.
fn is_new(kind: &Template, learned: &Learned, learn: SignedDuration) -> bool {
    let telling = !matches!(kind.level.as_deref(), Some("debug" | "trace" | "error" | "critical"));
    let after = |moment: Option<Timestamp>, wait| {
        moment.is_some_and(|moment| kind.first_seen.duration_since(moment) >= wait)
    };
    telling && after(learned.caught_up_at, SignedDuration::ZERO) && after(learned.since, learn)
}

/// Whether a kind that sounds like trouble comes much more often than it used to, and the error that makes of it.
fn surge(
    kind: &Template,
    buckets: &[(Timestamp, u64)],
    since: Timestamp,
    now: Timestamp,
    rule: &Rule,
) -> Option<(Noticed, Option<Sighting>)> {
    let level = kind.level.as_deref();
    // Errors have incidents of their own.
    if matches!(level, Some("error" | "critical"))
        || !is_trouble(level, &kind.text)
        || told(kind, Notice::Surge, now)
    {
        return None;
    }
    let bursting = burst(buckets, since, now, &rule.burst)?;
    let detail = format!(
        "{} times within {} in {}, more than {}",
        bursting.count,
        minutes(rule.burst.window),
        kind.source,
        bursting.threshold
    );
    let noticed = notice(kind, Notice::Surge, detail);
    let begins = now.checked_sub(rule.burst.window).unwrap_or(Timestamp::MIN);
    let sighting = Sighting {
        fingerprint: fingerprint(kind),
        fingerprint_version: FINGERPRINT,
        title: format!("surge of: {}", kind.text),
        count: bursting.count,
        first: begins.max(kind.first_seen),
        last: kind.last_seen.max(begins),
        history: false,
        sample: Sample {
            text: kind.example.clone(),
            level: kind.level.clone(),
            source: kind.source.clone(),
            ..Sample::default()
        },
        buckets: buckets.iter().copied().filter(|(at, _)| *at >= begins).collect(),
        ..Sighting::default()
    };
    Some((noticed, Some(sighting)))
}

/// When a kind that came steadily was last seen, if it stopped while its source goes on.
fn gone(
    kind: &Template,
    buckets: &[(Timestamp, u64)],
    source: Option<&Vec<Traffic>>,
    now: Timestamp,
    rule: &Rule,
) -> Option<Timestamp> {
    let known = kind.notice == Some(Notice::Gone) && kind.noticed_at.is_some_and(|at| at >= kind.last_seen);
    if known || told(kind, Notice::Gone, now) || matches!(kind.level.as_deref(), Some("debug" | "trace")) {
        return None;
    }
    let pieces: Vec<Traffic> = buckets
        .iter()
        .map(|(bucket, lines)| Traffic {
            source: String::new(),
            bucket: *bucket,
            lines: *lines,
            records: *lines,
            errors: 0,
        })
        .collect();
    let last = silent(&pieces, now, rule.silent)?;
    let after = last.checked_add(BUCKET).ok()?;
    let written = source?.iter().filter(|piece| piece.lines > 0 && piece.bucket >= after).count();
    // That it stopped is no news where it sounded like trouble.
    (written >= GOES_ON && !is_trouble(kind.level.as_deref(), &kind.text)).then_some(last)
}

fn told(kind: &Template, notice: Notice, now: Timestamp) -> bool {
    kind.notice == Some(notice) && kind.noticed_at.is_some_and(|at| now.duration_since(at) < AGAIN)
}

fn notice(kind: &Template, notice: Notice, detail: String) -> Noticed {
    Noticed {
        source: kind.source.clone(),
        id: kind.id,
        notice,
        text: kind.text.clone(),
        level: kind.level.clone(),
        detail,
        untold: false,
    }
}

/// What sounds like trouble is told first; of too much, the rest is only remembered.
fn bound(noticed: &mut [Noticed]) {
    noticed.sort_by_key(|notice| {
        let order = match notice.notice {
            Notice::Surge => 0,
            Notice::New if is_trouble(notice.level.as_deref(), &notice.text) => 1,
            Notice::Gone => 2,
            Notice::New => 3,
        };
        (order, notice.source.clone(), notice.id)
    });
    for notice in noticed.iter_mut().skip(TOLD) {
        notice.untold = true;
    }
}

/// Names the error that a surge of a kind of line is; the number of a kind stays the same.
fn fingerprint(kind: &Template) -> String {
    let digest = Sha256::new()
        .chain_update("kind of line\0")
        .chain_update(kind.source.as_bytes())
        .chain_update(kind.id.to_le_bytes())
        .finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn minutes(length: SignedDuration) -> String {
    match length.as_mins() {
        1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_core::task::ProjectId;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60).unwrap()
    }

    fn kind(level: &str, text: &str, first: i64, last: i64) -> Template {
        Template {
            project: ProjectId(1),
            source: "app.log".into(),
            id: 7,
            text: text.into(),
            level: Some(level.into()),
            occurrences: 9,
            first_seen: at(first),
            last_seen: at(last),
            example: text.into(),
            rated: true,
            notice: None,
            noticed_at: None,
        }
    }

    fn rule() -> Rule {
        Rule {
            burst: BurstRule { window: SignedDuration::from_mins(15), factor: 6.0, minimum: 20 },
            baseline: SignedDuration::from_hours(7 * 24),
            learn: SignedDuration::from_hours(24),
            silent: SignedDuration::from_mins(30),
        }
    }

    #[test]
    fn a_kind_is_new_only_after_the_past_was_read_and_the_usual_learned() {
        let day = 24 * 60;
        let learned = |since, caught_up: Option<i64>| Learned {
            source: "app.log".into(),
            generation: 1,
            caught_up_at: caught_up.map(at),
            since: Some(at(since)),
        };
        let is_new =
            |level: &str, first, learned| is_new(&kind(level, "x", first, first), &learned, rule().learn);
        assert!(is_new("info", 2 * day, learned(0, Some(day))));
        assert!(is_new("warning", 2 * day, learned(0, Some(day))));
        for (level, first, learned, why) in [
            ("info", 2 * day, learned(0, None), "the first scan still reads the past"),
            ("info", day - 1, learned(0, Some(day)), "it lies in the past that was read"),
            ("info", 2 * day, learned(day + 1, Some(day + 2)), "the source is known for less than a day"),
            ("debug", 2 * day, learned(0, Some(day)), "debug lines are nobody's news"),
            ("error", 2 * day, learned(0, Some(day)), "an error is an incident"),
        ] {
            assert!(!is_new(level, first, learned), "{why}");
        }
    }

    /// A count in every piece of five minutes between two moments, in minutes.
    fn steady(from: i64, to: i64, count: u64) -> Vec<(Timestamp, u64)> {
        (from / 5..to / 5).map(|piece| (at(piece * 5), count)).collect()
    }

    #[test]
    fn a_warning_that_surges_is_told_and_is_worked_as_an_error_once_a_day() {
        let mut buckets = steady(0, 600, 1);
        buckets.extend(steady(600, 615, 40));
        let of = |kind: &Template| surge(kind, &buckets, at(0), at(615), &rule());
        let (noticed, sighting) = of(&kind("warning", "pool is exhausted", 0, 614)).unwrap();
        assert_eq!(noticed.notice, Notice::Surge);
        assert_eq!(noticed.detail, "120 times within 15 minutes in app.log, more than 20");
        assert_eq!(sighting.map(|seen| (seen.count, seen.history)), Some((120, false)));
        assert!(of(&kind("info", "payment refused", 0, 614)).is_some());
        assert!(of(&kind("info", "request served", 0, 614)).is_none(), "more of the usual is no trouble");
        assert!(of(&kind("error", "pool is exhausted", 0, 614)).is_none(), "an error has its own incident");
        let told = Template {
            notice: Some(Notice::Surge),
            noticed_at: Some(at(600)),
            ..kind("warning", "pool is exhausted", 0, 614)
        };
        assert!(of(&told).is_none());
    }

    #[test]
    fn a_kind_that_stops_is_told_once_and_only_while_its_source_goes_on() {
        let buckets = steady(0, 300, 3);
        let traffic = |from, to| -> Vec<Traffic> {
            let piece =
                |(bucket, lines)| Traffic { source: String::new(), bucket, lines, records: 0, errors: 0 };
            steady(from, to, 9).into_iter().map(piece).collect()
        };
        let heart = kind("info", "heartbeat", 0, 299);
        let of =
            |kind: &Template, traffic: &Vec<Traffic>| gone(kind, &buckets, Some(traffic), at(400), &rule());
        assert_eq!(of(&heart, &traffic(0, 400)), Some(at(295)));
        assert_eq!(of(&heart, &traffic(0, 300)), None, "the whole source is silent");
        let told = Template { notice: Some(Notice::Gone), noticed_at: Some(at(350)), ..heart.clone() };
        assert_eq!(of(&told, &traffic(0, 400)), None);
        assert_eq!(
            of(&kind("warning", "disk full", 0, 299), &traffic(0, 400)),
            None,
            "trouble that stops is no trouble"
        );
        assert_eq!(of(&kind("debug", "tick", 0, 299), &traffic(0, 400)), None);
    }

    #[test]
    fn of_too_much_at_once_the_worst_is_told_and_the_rest_remembered() {
        let mut noticed: Vec<Noticed> = (0..9)
            .map(|id| Template { id, ..kind("info", "hello", 0, 0) })
            .map(|kind| notice(&kind, Notice::New, String::new()))
            .collect();
        noticed.push(notice(&kind("warning", "pool is exhausted", 0, 0), Notice::Surge, String::new()));
        bound(&mut noticed);
        assert_eq!(noticed.iter().filter(|notice| !notice.untold).count(), TOLD);
        assert_eq!((noticed[0].notice, noticed[0].untold), (Notice::Surge, false));
    }
}
