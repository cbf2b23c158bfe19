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
    let mut text = String::with_capacity(FORM.len());
    if at.year() < 0 {
        text.push('-');
    }
    digits(&mut text, at.year().unsigned_abs().into(), 4);
    for (mark, number) in
        [('-', at.month()), ('-', at.day()), (' ', at.hour()), (':', at.minute()), (':', at.second())]
    {
        text.push(mark);
        digits(&mut text, number.unsigned_abs().into(), 2);
    }
    text.push('.');
    digits(&mut text, at.millisecond().unsigned_abs().into(), 3);
    text
}

/// Appends a number with leading zeros. The formatting of the standard library would take longer than many a statement.
fn digits(text: &mut String, number: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        text.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

/// The form in which this program writes: a blank in the place of every digit.
const FORM: &[u8; 23] = b"    -  -     :  :  .   ";

/// Understands a time of any program: with blank or `T`, with or without fraction and zone; none for anything else.
pub(crate) fn understood(text: &str) -> Option<Timestamp> {
    if let Some(at) = own(text.as_bytes()) {
        return Some(at);
    }
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    text.parse::<DateTime>().ok().and_then(|at| Offset::UTC.to_timestamp(at).ok())
}

/// A time in the form in which this program writes. Nearly all are, and the general reading takes many times as long.
fn own(text: &[u8]) -> Option<Timestamp> {
    if text.len() != FORM.len() {
        return None;
    }
    let fits = |(byte, form): (&u8, &u8)| if *form == b' ' { byte.is_ascii_digit() } else { byte == form };
    let blank = 10;
    let (date, time) = (text.get(..blank)?, text.get(blank + 1..)?);
    let (date_form, time_form) = (FORM.get(..blank)?, FORM.get(blank + 1..)?);
    let is_own = text.get(blank) == Some(&b' ')
        && date.iter().zip(date_form).all(fits)
        && time.iter().zip(time_form).all(fits);
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to)?;
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
    };
    let small = |from: usize| number(from, from + 2).and_then(|number| i8::try_from(number).ok());
    if !is_own {
        return None;
    }
    let nanosecond = i32::from(number(20, 23)?) * 1_000_000;
    let at =
        DateTime::new(number(0, 4)?, small(5)?, small(8)?, small(11)?, small(14)?, small(17)?, nanosecond);
    Offset::UTC.to_timestamp(at.ok()?).ok()
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
