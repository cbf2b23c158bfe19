//! What a time leaves out, supplied: the year, the day, the zone.
//!
//! No zone means UTC, no year means the latest one that is not after the reference, no date means the day on which the
//! reference falls.

use jiff::Timestamp;

use super::calendar::{DAY, days, year_of};
use super::time::{Known, Stamp};

/// The machine that wrote may be ahead of this one, and local times count as UTC.
const SLACK: i64 = DAY;

/// Supplies what times leave out.
#[derive(Debug, Clone)]
pub struct Clock {
    reference: i64,
    /// Seconds of the last time that was only a clock's, to see midnight pass.
    last: Option<i64>,
    /// The last month and day, and when that day began.
    day: Option<(u8, u8, i64)>,
}

impl Clock {
    /// Times without a year or date are taken to be near, and not a day after, `reference`.
    pub fn new(reference: Timestamp) -> Self {
        Self { reference: reference.as_second(), last: None, day: None }
    }

    /// Takes the next time for the first.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    pub(super) fn time(&mut self, stamp: Stamp) -> Option<Timestamp> {
        let seconds = stamp.seconds?;
        let seconds = match stamp.known {
            Known::All => seconds,
            Known::Day(month, day) => self.in_year(month, day)? + seconds,
            Known::Clock => self.on_day(seconds),
        };
        Timestamp::new(seconds, stamp.nanoseconds).ok()
    }

    /// The day's beginning in the latest year in which it is not after the reference.
    fn in_year(&mut self, month: u8, day: u8) -> Option<i64> {
        if let Some((_, _, at)) = self.day.filter(|known| (known.0, known.1) == (month, day)) {
            return Some(at);
        }
        let at = self.latest(month, day)?;
        self.day = Some((month, day, at));
        Some(at)
    }

    fn latest(&self, month: u8, day: u8) -> Option<i64> {
        let year = year_of(self.reference);
        let in_year = |year| days(year, month, day).map(|days| days * DAY);
        in_year(year + 1).filter(|at| *at <= self.reference).or_else(|| {
            in_year(year).filter(|at| *at <= self.reference + SLACK).or_else(|| in_year(year - 1))
        })
    }

    fn on_day(&mut self, seconds: i64) -> i64 {
        let midnight = self.reference - self.reference.rem_euclid(DAY);
        let at = match self.last {
            // Half a day back is midnight having passed; less is lines out of order.
            Some(last) => {
                let day = last - last.rem_euclid(DAY);
                let same = day + seconds;
                if last - same > DAY / 2 && same + DAY <= self.reference + SLACK { same + DAY } else { same }
            }
            None if midnight + seconds > self.reference + 3600 => midnight + seconds - DAY,
            None => midnight + seconds,
        };
        self.last = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::super::time::scan;
    use super::*;

    #[test]
    fn a_clock_passes_midnight_and_goes_back_for_lines_out_of_order() {
        let mut clock = Clock::new("2026-11-23T09:00:00Z".parse().unwrap());
        let mut at = |text: &str| clock.time(scan(text.as_bytes()).unwrap().1).unwrap().to_string();
        assert_eq!(at("23:59:58"), "2026-11-22T23:59:58Z");
        assert_eq!(at("00:00:01"), "2026-11-23T00:00:01Z");
        assert_eq!(at("00:00:00"), "2026-11-23T00:00:00Z");
    }

    #[test]
    fn a_date_of_the_coming_year_is_no_future() {
        let mut clock = Clock::new("2026-01-02T00:00:00Z".parse().unwrap());
        let mut at = |text: &str| clock.time(scan(text.as_bytes()).unwrap().1).unwrap().to_string();
        assert_eq!(at("Dec 31 23:59:59"), "2025-12-31T23:59:59Z");
        assert_eq!(at("Jan  2 00:00:01"), "2026-01-02T00:00:01Z");
        assert_eq!(at("Jan  3 00:00:00"), "2026-01-03T00:00:00Z");
    }
}
