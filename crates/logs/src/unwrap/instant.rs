//! A time as RFC 3339 writes it.

use jiff::Timestamp;

use crate::header::calendar::{DAY, days};

/// The time that a whole text names, read as the general parser reads it, which is asked where the form is not the usual
/// one.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    usual(text.as_bytes()).or_else(|| text.parse().ok())
}

/// `2026-11-05T10:00:00`, up to nine digits of a second, and `Z` or an offset.
fn usual(text: &[u8]) -> Option<Timestamp> {
    let (t, rest): (&[u8; 19], _) = text.split_first_chunk()?;
    let signs = [t[4], t[7], t[10], t[13], t[16]] == *b"--T::";
    let places = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
    if !signs || !places.iter().fold(true, |all, at| all & t[*at].is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| (t[at] - b'0') * 10 + (t[at + 1] - b'0');
    let (hour, minute, second) = (two(11), two(14), two(17));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanoseconds, rest) = fraction(rest)?;
    let days = days(i64::from(two(0)) * 100 + i64::from(two(2)), two(5), two(8))?;
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Timestamp::new(days * DAY + seconds - offset(rest)?, nanoseconds).ok()
}

fn fraction(rest: &[u8]) -> Option<(i32, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let length = digits.iter().take(10).take_while(|b| b.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let value = digits[..length].iter().fold(0, |sum, b| sum * 10 + i32::from(b - b'0'));
    let scaled = (length..9).fold(value, |value, _| value * 10);
    Some((scaled, &digits[length..]))
}

/// Seconds east of Greenwich.
fn offset(zone: &[u8]) -> Option<i64> {
    if zone == b"Z" {
        return Some(0);
    }
    let [sign @ (b'+' | b'-'), a, b, b':', c, d] = zone else { return None };
    if ![a, b, c, d].iter().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let two = |ten: &u8, one: &u8| i64::from(ten - b'0') * 10 + i64::from(one - b'0');
    let (hours, minutes) = (two(a, b), two(c, d));
    let seconds = hours * 3600 + minutes * 60;
    (hours <= 15 && minutes <= 59).then_some(if *sign == b'-' { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn usual_times_are_read_as_by_the_general_parser(
            date in (0_i64..10_000, 0_u8..14, 0_u8..33),
            time in (0_u8..26, 0_u8..62, 0_u8..62),
            tail in "([.,][0-9]{0,10})?(Z|z|[+-][0-2][0-9]:[0-6][0-9]|[+-][0-9]{2,4}|)(\\[UTC\\])?.?",
        ) {
            let ((year, month, day), (hour, minute, second)) = (date, time);
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{tail}");
            let found = usual(text.as_bytes());
            prop_assert!(found.is_none() || found == text.parse().ok(), "{text}: {found:?}");
        }
    }

    #[test]
    fn the_usual_form_needs_no_general_parser() {
        for text in
            ["2026-11-05T10:00:00Z", "2026-11-05T12:00:00.123456789+02:00", "2026-11-05T04:30:00.5-05:30"]
        {
            assert_eq!(usual(text.as_bytes()), text.parse().ok(), "{text}");
            assert!(usual(text.as_bytes()).is_some(), "{text}");
        }
    }
}
