//! Which errors burst, which are gone, and which logs fell silent, decided from counts in pieces of time alone.
//!
//! A burst is told from an error's own past by median and spread, which a few earlier bursts do not move, and where there is
//! enough of it, from the same time of earlier days, so that what comes with each day's traffic is none; an error without a
//! past cannot burst. Gone means absent for much longer than its usual gap while the log it came from is still
//! being written: a service that is down logs no errors either.

use groundcrew_core::incident::{BUCKET, Traffic};
use jiff::{SignedDuration, Timestamp};

/// Windows of the past that are needed to say what is usual.
const NEEDED: usize = 4;

/// Windows of the past that are looked at, at most.
const MOST: usize = 4_096;

/// Earlier days that are needed to say what is usual at this time of the day: one of them may have been unusual.
const DAYS: usize = 3;

/// Pieces of time with traffic that make a log one that is written steadily.
const STEADY: usize = 6;

/// By how much the median of absolute deviations falls short of a standard deviation.
const MAD_TO_SPREAD: f64 = 1.4826;

/// When an error counts as bursting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BurstRule {
    /// Time that counts as now.
    pub(super) window: SignedDuration,
    /// Spreads above the median.
    pub(super) factor: f64,
    /// Occurrences below which nothing is a burst.
    pub(super) minimum: u64,
}

/// An error that comes much more often than it used to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bursting {
    /// Occurrences in the window.
    pub(super) count: u64,
    /// Occurrences above which it counts.
    pub(super) threshold: u64,
}

/// Whether the last window of an error is a burst. `buckets` are its counts since `since`, in any order; `since` is the
/// beginning of what counts as usual or of the error itself, whichever is later.
pub(super) fn burst(
    buckets: &[(Timestamp, u64)],
    since: Timestamp,
    now: Timestamp,
    rule: &BurstRule,
) -> Option<Bursting> {
    let window = rule.window.max(BUCKET);
    let age = now.duration_since(since).max(SignedDuration::ZERO);
    let windows = usize::try_from(age.as_secs() / window.as_secs().max(1)).unwrap_or(MOST).min(MOST);
    // The window in which the error was first seen is not its past.
    let past = windows.saturating_sub(1);
    if past < NEEDED {
        return None;
    }
    let mut counts = vec![0u64; past + 1];
    for (at, count) in buckets {
        // A piece of time belongs to the window in which it ends.
        let back = now.duration_since(*at).saturating_sub(BUCKET).max(SignedDuration::ZERO);
        let index = usize::try_from(back.as_secs() / window.as_secs().max(1)).unwrap_or(usize::MAX);
        if let Some(slot) = counts.get_mut(index) {
            *slot = slot.saturating_add(*count);
        }
    }
    let count = counts[0];
    let usual = threshold(&counts[1..], rule);
    let threshold = match same_time_of_day(&counts, window) {
        days if days.len() >= DAYS => usual.max(threshold(&days, rule)),
        _ => usual,
    };
    (count > threshold).then_some(Bursting { count, threshold })
}

/// The greatest count around this time of the day, for each earlier day.
fn same_time_of_day(counts: &[u64], window: SignedDuration) -> Vec<u64> {
    let day = usize::try_from(86_400 / window.as_secs().max(1)).unwrap_or(0).max(2);
    let around =
        |middle: usize| counts.get(middle - 1..=middle + 1).and_then(|around| around.iter().copied().max());
    (1..).map_while(|days| around(days * day)).collect()
}

/// Occurrences above which a window counts as a burst.
fn threshold(past: &[u64], rule: &BurstRule) -> u64 {
    let middle = median(past);
    let deviations: Vec<u64> = past.iter().map(|count| count.abs_diff(middle)).collect();
    #[expect(clippy::cast_precision_loss, reason = "a threshold needs no more than 52 bits")]
    let (usual, spread) = (middle as f64, median(&deviations) as f64 * MAD_TO_SPREAD);
    // Counts scatter by about their root even when nothing changes.
    let limit = usual + rule.factor.max(0.0) * spread.max(usual.sqrt()).max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive, and saturates"
    )]
    let limit = limit.ceil() as u64;
    limit.max(rule.minimum)
}

fn median(counts: &[u64]) -> u64 {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// When an error counts as gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GoneRule {
    /// Mean gaps that it must have been absent.
    pub(super) gaps: u32,
    /// Shortest absence.
    pub(super) minimum: SignedDuration,
}

/// The life of an error whose fix was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    /// When it was first seen.
    pub(super) first: Timestamp,
    /// When it was last seen.
    pub(super) last: Timestamp,
    /// How often.
    pub(super) occurrences: u64,
    /// When its fix was released.
    pub(super) released: Timestamp,
}

/// How long an error has been gone, if it is. `traffic` is what its source wrote.
pub(super) fn gone(
    life: &Life,
    traffic: &[Traffic],
    now: Timestamp,
    rule: &GoneRule,
) -> Option<SignedDuration> {
    if life.last > life.released {
        return None;
    }
    let absent = now.duration_since(life.released).max(SignedDuration::ZERO);
    let gaps = i64::try_from(life.occurrences.saturating_sub(1).max(1)).unwrap_or(i64::MAX);
    let gap = life.last.duration_since(life.first).max(SignedDuration::ZERO).as_secs() / gaps;
    let needed = SignedDuration::from_secs(gap.saturating_mul(i64::from(rule.gaps))).max(rule.minimum);
    if absent < needed {
        return None;
    }
    // Written both soon after the release and lately: the source went on while the error stayed away.
    let half = life.released.checked_add(SignedDuration::from_secs(absent.as_secs() / 2)).unwrap_or(now);
    let first_whole = life.released;
    let written = |from: Timestamp, to: Timestamp| {
        traffic.iter().any(|piece| piece.lines > 0 && piece.bucket >= from && piece.bucket <= to)
    };
    (written(first_whole, half) && written(half, now)).then_some(absent)
}

/// When a log fell silent that used to be written steadily, if it did.
pub(super) fn silent(traffic: &[Traffic], now: Timestamp, minimum: SignedDuration) -> Option<Timestamp> {
    let mut written: Vec<Timestamp> =
        traffic.iter().filter(|piece| piece.lines > 0).map(|piece| piece.bucket).collect();
    written.sort_unstable();
    written.dedup();
    if written.len() < STEADY {
        return None;
    }
    let gaps: Vec<u64> = written
        .windows(2)
        .map(|pair| u64::try_from(pair[1].duration_since(pair[0]).as_secs()).unwrap_or(0))
        .collect();
    let last = *written.last()?;
    let end = last.checked_add(BUCKET).unwrap_or(now);
    let quiet = now.duration_since(end);
    let longest = gaps.iter().copied().max().unwrap_or(0);
    // As long as its longest pause and a few times its usual one is nothing new for this log.
    let usual = i64::try_from(longest.max(median(&gaps).saturating_mul(4))).unwrap_or(i64::MAX);
    (quiet > SignedDuration::from_secs(usual).max(minimum)).then_some(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: BurstRule = BurstRule { window: SignedDuration::from_mins(15), factor: 6.0, minimum: 20 };
    const GONE: GoneRule = GoneRule { gaps: 5, minimum: SignedDuration::from_hours(1) };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_100 + 60 * minutes).unwrap()
    }

    /// Counts of `per_bucket` every five minutes from one minute to another.
    fn steady(from: i64, to: i64, per_bucket: u64) -> Vec<(Timestamp, u64)> {
        (from / 5..to / 5).map(|piece| (at(piece * 5), per_bucket)).collect()
    }

    fn wrote(from: i64, to: i64) -> Vec<Traffic> {
        let pieces = steady(from, to, 1);
        pieces
            .into_iter()
            .map(|(bucket, lines)| Traffic {
                source: "app.log".into(),
                bucket,
                lines,
                records: lines,
                errors: 0,
            })
            .collect()
    }

    #[test]
    fn much_more_than_usual_is_a_burst_and_a_little_more_is_not() {
        let mut buckets = steady(0, 600, 2);
        let now = at(615);
        buckets.extend([(at(600), 3), (at(605), 3), (at(610), 3)]);
        assert_eq!(burst(&buckets, at(0), now, &RULE), None);
        buckets.push((at(610), 60));
        assert_eq!(burst(&buckets, at(0), now, &RULE), Some(Bursting { count: 69, threshold: 21 }));
    }

    #[test]
    fn an_error_without_a_past_does_not_burst() {
        let buckets = [(at(0), 500), (at(5), 900)];
        assert_eq!(burst(&buckets, at(0), at(10), &RULE), None);
        assert_eq!(burst(&buckets, at(0), at(45), &RULE), None);
        assert_eq!(burst(&[], at(0), at(0), &RULE), None);
    }

    #[test]
    fn an_earlier_burst_does_not_hide_the_next_and_a_rare_error_needs_the_minimum() {
        let mut buckets = vec![(at(100), 5_000)];
        let now = at(615);
        buckets.push((at(605), 19));
        assert_eq!(burst(&buckets, at(0), now, &RULE), None);
        buckets.push((at(610), 2));
        assert_eq!(burst(&buckets, at(0), now, &RULE), Some(Bursting { count: 21, threshold: 20 }));
    }

    #[test]
    fn what_comes_with_each_days_traffic_is_no_burst_and_more_than_that_is_one() {
        // Ten an hour at noon, nothing at night, for five days.
        let day = |day: i64| steady(day * 1_440 + 720, day * 1_440 + 780, 10);
        let past: Vec<_> = (0..5).flat_map(day).collect();
        let now = at(5 * 1_440 + 735);
        let with = |count| [past.clone(), steady(5 * 1_440 + 720, 5 * 1_440 + 735, count)].concat();
        assert_eq!(burst(&with(10), at(0), now, &RULE), None, "it is noon");
        assert!(burst(&with(60), at(0), now, &RULE).is_some(), "it is more than at any noon");
        let night = at(5 * 1_440 + 135);
        let at_night = [past.clone(), steady(5 * 1_440 + 120, 5 * 1_440 + 135, 10)].concat();
        assert!(burst(&at_night, at(0), night, &RULE).is_some(), "it never comes at night");
        let two_days = [day(3), day(4), steady(5 * 1_440 + 720, 5 * 1_440 + 735, 10)].concat();
        assert!(burst(&two_days, at(3 * 1_440), now, &RULE).is_some(), "two days are no habit");
    }

    #[test]
    fn an_error_that_was_away_for_long_bursts_when_it_comes_back_in_numbers() {
        let long_ago = steady(0, 600, 3);
        let now = at(20 * 1_440);
        assert_eq!(
            burst(&[long_ago.clone(), vec![(at(20 * 1_440 - 10), 15)]].concat(), at(0), now, &RULE),
            None
        );
        let many = [long_ago, vec![(at(20 * 1_440 - 10), 40)]].concat();
        assert_eq!(burst(&many, at(0), now, &RULE), Some(Bursting { count: 40, threshold: 20 }));
    }

    #[test]
    fn an_error_is_gone_only_while_its_log_is_written() {
        let life = Life { first: at(0), last: at(600), occurrences: 61, released: at(605) };
        let long_after = at(605 + 24 * 60);
        let all_along = wrote(600, 605 + 24 * 60);
        assert_eq!(gone(&life, &all_along, long_after, &GONE), Some(SignedDuration::from_hours(24)));
        assert_eq!(gone(&life, &wrote(0, 600), long_after, &GONE), None, "the service is down since");
        assert_eq!(
            gone(&life, &wrote(600, 700), long_after, &GONE),
            None,
            "the service went down soon after"
        );
        assert_eq!(gone(&life, &all_along, at(640), &GONE), None, "too soon");
        let returned = Life { last: at(700), ..life };
        assert_eq!(gone(&returned, &all_along, long_after, &GONE), None);
        let rare = Life { occurrences: 2, ..life };
        assert_eq!(gone(&rare, &all_along, long_after, &GONE), None, "it used to come every ten hours");
    }

    #[test]
    fn a_log_that_was_written_steadily_and_stops_is_silent() {
        let half_hour = SignedDuration::from_mins(30);
        let traffic = wrote(0, 300);
        assert_eq!(silent(&traffic, at(340), half_hour), Some(at(295)));
        assert_eq!(silent(&traffic, at(310), half_hour), None);
        assert_eq!(silent(&wrote(0, 20), at(600), half_hour), None, "it was never steady");
        let nightly: Vec<Traffic> = (0..8).flat_map(|day| wrote(day * 1_440, day * 1_440 + 10)).collect();
        assert_eq!(silent(&nightly, at(7 * 1_440 + 700), half_hour), None, "it is silent every day");
        assert_eq!(silent(&nightly, at(9 * 1_440 + 30), half_hour), Some(at(7 * 1_440 + 5)));
        assert_eq!(silent(&[], at(0), half_hour), None);
    }

    fn counts() -> impl Strategy<Value = Vec<(Timestamp, u64)>> {
        proptest::collection::vec((0i64..2_000, 0u64..10_000), 0..80)
            .prop_map(|all| all.into_iter().map(|(minute, count)| (at(minute), count)).collect())
    }

    proptest! {
        #[test]
        fn more_occurrences_now_never_end_a_burst(buckets in counts(), more in 0u64..10_000, minute in 0i64..2_000) {
            let now = at(minute);
            let mut louder = buckets.clone();
            louder.push((now, more));
            let (before, after) = (burst(&buckets, at(0), now, &RULE), burst(&louder, at(0), now, &RULE));
            if let Some(before) = before {
                let after = after.unwrap();
                prop_assert!(after.count >= before.count && after.threshold == before.threshold);
                prop_assert!(before.count > RULE.minimum);
            }
        }

        #[test]
        fn nothing_is_gone_without_traffic_after_the_release(
            first in 0i64..1_000, last in 0i64..2_000, occurrences in 0u64..1_000,
            released in 0i64..2_000, now in 0i64..9_000, written in 0i64..2_000,
        ) {
            let life = Life { first: at(first), last: at(last), occurrences, released: at(released) };
            let before_release = wrote(0, written.min(released));
            prop_assert_eq!(gone(&life, &before_release, at(now), &GONE), None);
            prop_assert_eq!(gone(&life, &[], at(now), &GONE), None);
            if let Some(absent) = gone(&life, &wrote(0, now), at(now), &GONE) {
                prop_assert!(absent >= GONE.minimum && last <= released);
            }
        }

        #[test]
        fn a_log_that_is_still_written_is_not_silent(from in 0i64..500, length in 0i64..2_000) {
            let traffic = wrote(from, from + length);
            let last = traffic.last().map_or(at(from), |piece| piece.bucket);
            prop_assert_eq!(silent(&traffic, last + BUCKET, SignedDuration::from_mins(10)), None);
        }
    }
}
