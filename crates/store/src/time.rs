//! Times as the given tables hold them: text in UTC, `YYYY-MM-DD HH:MM:SS` with or without a fraction.
//!
//! Other programs write other forms, so everything that can be understood is; what cannot is said to be unknown
//! and never stops a row from being read.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The form in which times are written: UTC with milliseconds, so that text order is time order.
pub(crate) fn written(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}

/// Understands a time of any program: with blank or `T`, with or without fraction and zone; none for anything else.
pub(crate) fn understood(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    text.parse::<DateTime>().ok().and_then(|at| Offset::UTC.to_timestamp(at).ok())
}

/// Understands a number as seconds since 1970, or milliseconds where seconds would lie beyond the year 5000.
pub(crate) fn counted(number: i64) -> Option<Timestamp> {
    const LAST_SECOND: i64 = 95_617_584_000;
    if number.abs() < LAST_SECOND {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_programs_write_is_understood() {
        let whole: Timestamp = "2026-03-04T05:06:07Z".parse().unwrap();
        for form in [
            "2026-03-04 05:06:07",
            "2026-03-04T05:06:07",
            "2026-03-04T05:06:07Z",
            "2026-03-04 05:06:07Z",
            " 2026-03-04 05:06:07.000 ",
            "2026-03-04T07:06:07+02:00",
        ] {
            assert_eq!(understood(form), Some(whole), "{form}");
        }
        assert_eq!(understood("2026-03-04 05:06:07.25"), "2026-03-04T05:06:07.25Z".parse().ok());
        for garbage in ["", "yesterday", "2026-13-40 99:99:99", "0000-00-00 00:00:00"] {
            assert_eq!(understood(garbage), None, "{garbage}");
        }
        assert_eq!(counted(1_772_600_767), Some(whole));
        assert_eq!(counted(1_772_600_767_000), Some(whole));
    }

    #[test]
    fn written_times_sort_as_they_happened_and_come_back() {
        let times: Vec<Timestamp> = [0, 1, 999, 1_000, 1_772_600_767_123]
            .iter()
            .map(|&ms| Timestamp::from_millisecond(ms).unwrap())
            .collect();
        let texts: Vec<String> = times.iter().map(|&at| written(at)).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts.iter().map(|text| understood(text)).collect::<Option<Vec<_>>>(), Some(times));
    }
}
