//! The forms in which programs write times.
//!
//! One scanner per family of forms, over bytes and without allocation; the family is what a layout remembers. A family
//! takes any of its separators and fractions, since programs change those within one file. What is not written is
//! supplied by a clock (`super::clock`).

use serde::{Deserialize, Serialize};

use super::calendar::{DAY, days};
use super::daytime::{
    Daytime, behind_seconds, day_number, daytime, four, fraction, half, is, month_name, two, unpadded,
};

/// A family of time forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Form {
    /// `2026-11-05T10:00:00.1Z`, `20171223-22:15:29:606`, `2005-06-03-15.42.50.675872`.
    Ymd,
    /// A date alone, `2005.06.03`.
    Date,
    /// `05/Nov/2026:10:00:00 +0000`, `05.11.2026 10:00:00`, `11/5/2026 10:00:00 AM`.
    Dmy,
    /// `Nov  5 10:00:00`, `Nov 05, 2026 10:00:00 AM`.
    Month,
    /// `Sun Dec 04 04:47:44 2005`, `Thu, 05 Nov 2026 10:00:00 GMT`.
    Weekday,
    /// `081109 203615`, `17/06/09 20:10:40`.
    Short,
    /// `03-17 16:13:38.811`, `10.30 16:49:06`.
    MonthDay,
    /// `1105 10:00:00.123456`, directly behind a level's letter.
    Glog,
    /// `10:00:00,123`.
    Clock,
    /// Seconds, or thousandths, millionths or billionths of them, since 1970.
    Epoch,
    /// Seconds since the machine started, `12.345678` in brackets.
    Uptime,
}

impl Form {
    /// Whether the form says which day, so that it is no mere duration or remark.
    pub(super) fn has_date(self) -> bool {
        match self {
            Self::Ymd
            | Self::Date
            | Self::Dmy
            | Self::Month
            | Self::Weekday
            | Self::Short
            | Self::MonthDay
            | Self::Glog
            | Self::Epoch => true,
            Self::Clock | Self::Uptime => false,
        }
    }

    /// Whether the form alone gives the time without guessing.
    pub(super) fn is_full(self) -> bool {
        match self {
            Self::Ymd | Self::Dmy | Self::Weekday | Self::Epoch | Self::Short => true,
            Self::Date | Self::Month | Self::MonthDay | Self::Glog | Self::Clock | Self::Uptime => false,
        }
    }

    /// A time of this family at the start, and its length.
    pub(super) fn scan(self, b: &[u8]) -> Option<(Stamp, usize)> {
        let (stamp, end) = match self {
            Self::Ymd => padded_ymd(b).or_else(|| self.dated(b)?.with_time(b))?,
            Self::Dmy | Self::Month | Self::Weekday | Self::Short | Self::MonthDay | Self::Glog => {
                self.dated(b)?.with_time(b)?
            }
            Self::Date => date(b)?,
            Self::Clock => clock(b)?,
            Self::Epoch => epoch(b)?,
            Self::Uptime => uptime(b)?,
        };
        ends(b, end).then_some((stamp, end))
    }

    /// The date of this family at the start, where a time of the day follows it.
    pub(super) fn dated(self, b: &[u8]) -> Option<Dated> {
        match self {
            Self::Ymd => ymd(b),
            Self::Dmy => dmy(b),
            Self::Month => month_first(b),
            Self::Weekday => weekday(b),
            Self::Short => short(b),
            Self::MonthDay => month_day(b),
            Self::Glog => glog(b),
            Self::Date | Self::Clock | Self::Epoch | Self::Uptime => None,
        }
    }
}

/// Whether a time may end there.
pub(super) fn ends(b: &[u8], end: usize) -> bool {
    b.get(end).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_')
}

/// A time of any family but those that need a sign before them, at the start; its length.
pub(super) fn scan(b: &[u8]) -> Option<(Form, Stamp, usize)> {
    let first = *b.first()?;
    let any = |forms: &[Form]| {
        forms.iter().find_map(|form| form.scan(b).map(|(stamp, length)| (*form, stamp, length)))
    };
    if !first.is_ascii_digit() {
        return if first.is_ascii_uppercase() { any(&[Form::Month, Form::Weekday]) } else { None };
    }
    match b.iter().take(20).take_while(|b| b.is_ascii_digit()).count() {
        1 => any(&[Form::Dmy, Form::Clock]),
        2 => any(&[Form::Clock, Form::Short, Form::Dmy, Form::MonthDay]),
        4 => any(&[Form::Ymd, Form::Date]),
        6 => any(&[Form::Short]),
        8 | 14 => any(&[Form::Ymd]),
        10 | 13 | 16 | 19 => any(&[Form::Epoch]),
        _ => None,
    }
}

/// Whether a word begins with the name of a month or a day of the week, in any case.
pub(super) fn begins_with_name(word: &[u8]) -> bool {
    const DAYS: [&[u8; 3]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    let Some(name) = word.first_chunk::<3>() else { return false };
    let lower = name.map(|b| b | 32);
    month_name(word, 0).is_some() || DAYS.iter().any(|day| **day == lower)
}

/// What a time says, before what it leaves out is supplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stamp {
    /// Seconds since 1970, when the date is whole; since midnight, when there is none; nothing for an uptime.
    pub(super) seconds: Option<i64>,
    pub(super) nanoseconds: i32,
    pub(super) known: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Known {
    #[default]
    All,
    /// Month and day of a year that is not said; the seconds are those of the day.
    Day(u8, u8),
    /// Only the time of a day.
    Clock,
}

/// A date, and where the time of its day begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dated {
    pub(super) day: Day,
    pub(super) at: usize,
}

/// What a date says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    /// Its beginning, in seconds since 1970.
    Whole(i64),
    /// Month and day.
    Yearless(u8, u8),
    /// Month and day, whose year stands behind the time.
    YearBehind(u8, u8),
}

impl Dated {
    fn whole(year: i64, month: u8, day: u8, at: usize) -> Option<Self> {
        Some(Self { day: Day::Whole(days(year, month, day)? * DAY), at })
    }

    fn yearless(month: u8, day: u8, at: usize) -> Option<Self> {
        days(2024, month, day)?;
        Some(Self { day: Day::Yearless(month, day), at })
    }

    /// With the time of the day that follows, and where that ends.
    fn with_time(&self, b: &[u8]) -> Option<(Stamp, usize)> {
        let time = daytime(b, self.at)?;
        let (day, end) = match self.day {
            Day::Whole(_) | Day::Yearless(..) => (self.day, time.end),
            Day::YearBehind(month, day) => {
                let year = four(b, time.end + 1).filter(|_| is(b, time.end, b" "))?;
                (Day::Whole(days(year, month, day)? * DAY), time.end + YEAR_BEHIND)
            }
        };
        Some((Stamp::of(day, &time), end))
    }
}

/// Bytes of a blank and a year.
pub(super) const YEAR_BEHIND: usize = 5;

impl Stamp {
    /// The time of a day.
    pub(super) fn of(day: Day, time: &Daytime) -> Self {
        let (start, known) = match day {
            Day::Whole(start) => (start, Known::All),
            Day::Yearless(month, day) | Day::YearBehind(month, day) => (0, Known::Day(month, day)),
        };
        let seconds = Some(start + time.seconds - time.offset);
        Self { seconds, nanoseconds: time.nanoseconds, known }
    }

    /// The day of a whole time, from the time of the day.
    pub(super) fn whole_day(&self, time: &Daytime) -> Option<Day> {
        Some(Day::Whole(self.seconds? - time.seconds + time.offset))
    }
}

/// Two-digit years up to 69 are of this century, as POSIX has it.
fn century(year: u8) -> i64 {
    i64::from(year) + if year < 70 { 2000 } else { 1900 }
}

/// The first year that is none: a clock gone wrong names any, but without separators other numbers look like years.
fn first_other_year(separator: u8) -> i64 {
    if matches!(separator, b'-' | b'/') { 10_000 } else { 2100 }
}

fn ymd_date(b: &[u8]) -> Option<(i64, u8, u8, usize)> {
    let year =
        four(b, 0).filter(|year| (1970..first_other_year(b.get(4).copied().unwrap_or(0))).contains(year))?;
    if is(b, 4, b"-/.") {
        let (month, at) = day_number(b, 5)?;
        let (day, end) = day_number(b, at + 1).filter(|_| b.get(at) == b.get(4))?;
        return Some((year, month, day, end));
    }
    let (month, day) = (two(b, 4)?, two(b, 6)?);
    Some((year, month, day, 8))
}

/// The usual width, in which every sign has its place.
fn padded_ymd(b: &[u8]) -> Option<(Stamp, usize)> {
    let t: &[u8; 19] = b.first_chunk()?;
    let signs =
        t[4] == t[7] && matches!(t[4], b'-' | b'/' | b'.') && t[13] == t[16] && matches!(t[13], b':' | b'.');
    if !signs || !matches!(t[10], b'T' | b' ' | b't' | b'_' | b':' | b'-') {
        return None;
    }
    let places = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
    if !places.iter().fold(true, |digits, at| digits & t[*at].is_ascii_digit()) {
        return None;
    }
    let two = |at: usize| (t[at] - b'0') * 10 + (t[at + 1] - b'0');
    let year = i64::from(two(0)) * 100 + i64::from(two(2));
    let time = behind_seconds(b, 19, (two(11), two(14), two(17)))?;
    let known = (1970..first_other_year(t[4])).contains(&year);
    let dated = Dated::whole(year, two(5), two(8), 11).filter(|_| known)?;
    Some((Stamp::of(dated.day, &time), time.end))
}

fn ymd(b: &[u8]) -> Option<Dated> {
    let (year, month, day, at) = ymd_date(b)?;
    let at = match b.get(at)? {
        b'T' | b't' | b'_' | b':' => at + 1,
        b' ' if is(b, at + 1, b"-") && is(b, at + 2, b" ") => at + 3,
        b',' if is(b, at + 1, b" ") => at + 2,
        b' ' | b'-' => at + 1,
        b'0'..=b'9' if at == 8 => at,
        _ => return None,
    };
    Dated::whole(year, month, day, at)
}

fn date(b: &[u8]) -> Option<(Stamp, usize)> {
    let (year, month, day, end) = ymd_date(b)?;
    if end == 8 || b.get(end).is_some_and(|b| b"-:/".contains(b)) {
        return None;
    }
    let seconds = Some(days(year, month, day)? * DAY);
    Some((Stamp { seconds, nanoseconds: 0, known: Known::All }, end))
}

fn dmy(b: &[u8]) -> Option<Dated> {
    let (first, at) = day_number(b, 0).filter(|_| is(b, 0, b"0123456789"))?;
    let separator = *b.get(at).filter(|b| b"/-. ".contains(b))?;
    let (day, month, at) = match month_name(b, at + 1) {
        Some(month) => (first, month, at + 4),
        None if separator == b' ' => return None,
        None => {
            let (second, at) = day_number(b, at + 1)?;
            // Slashes are the order of the United States unless that is impossible.
            if separator == b'/' && first <= 12 { (second, first, at) } else { (first, second, at) }
        }
    };
    if b.get(at) != Some(&separator) {
        return None;
    }
    let year = four(b, at + 1).filter(|year| (1970..2100).contains(year))?;
    let at = at + 5;
    let blanks = match b.get(at)? {
        b',' => 2,
        b' ' | b':' | b'T' | b'-' => 1,
        _ => return None,
    };
    Dated::whole(year, month, day, at + blanks)
}

fn month_first(b: &[u8]) -> Option<Dated> {
    let month = month_name(b, 0).filter(|_| is(b, 3, b" "))?;
    let (day, at) = day_number(b, 4)?;
    let comma = usize::from(is(b, at, b","));
    if !is(b, at + comma, b" ") {
        return None;
    }
    let at = at + comma + 1;
    if let Some(year) = four(b, at).filter(|year| (1970..2100).contains(year))
        && is(b, at + 4, b" ,")
    {
        let comma = usize::from(is(b, at + 4, b","));
        return Dated::whole(year, month, day, at + 5 + comma);
    }
    Dated::yearless(month, day, at)
}

fn weekday(b: &[u8]) -> Option<Dated> {
    const NAMES: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    let name = b.get(..3)?;
    if !NAMES.iter().any(|known| *known == name) {
        return None;
    }
    let comma = usize::from(is(b, 3, b","));
    if !is(b, 3 + comma, b" ") {
        return None;
    }
    let at = 4 + comma;
    if let Some(month) = month_name(b, at) {
        let (day, at) = day_number(b, at + 4).filter(|_| is(b, at + 3, b" "))?;
        if let Some(year) = four(b, at + 1).filter(|_| is(b, at + 5, b" ")) {
            return Dated::whole(year, month, day, at + 6);
        }
        return is(b, at, b" ").then_some(Dated { day: Day::YearBehind(month, day), at: at + 1 });
    }
    let dated = dmy(b.get(at..)?)?;
    Some(Dated { at: at + dated.at, ..dated })
}

fn short(b: &[u8]) -> Option<Dated> {
    let year = century(two(b, 0)?);
    if is(b, 2, b"/-.") {
        let (month, day) = (two(b, 3)?, two(b, 6)?);
        if b.get(2) != b.get(5) || !is(b, 8, b" ") {
            return None;
        }
        return Dated::whole(year, month, day, 9);
    }
    let (month, day) = (two(b, 2)?, two(b, 4)?);
    if !is(b, 6, b" -_T") {
        return None;
    }
    // Old MySQL pads the hour with a blank.
    let at = 7 + usize::from(is(b, 7, b" "));
    Dated::whole(year, month, day, at)
}

fn month_day(b: &[u8]) -> Option<Dated> {
    let (month, day) = (two(b, 0)?, two(b, 3)?);
    if !is(b, 2, b"-./") || !is(b, 5, b" T") || !is(b, 8, b":") {
        return None;
    }
    Dated::yearless(month, day, 6)
}

fn glog(b: &[u8]) -> Option<Dated> {
    let (month, day) = (two(b, 0)?, two(b, 2)?);
    if is(b, 4, b" ") && is(b, 7, b":") {
        return Dated::yearless(month, day, 5);
    }
    // With the year: `20261105 10:00:00.123456`.
    is(b, 8, b" ").then(|| ymd(b)).flatten()
}

fn clock(b: &[u8]) -> Option<(Stamp, usize)> {
    if !(is(b, 2, b":") || is(b, 1, b":")) {
        return None;
    }
    let Some(time) = daytime(b, 0) else {
        return kitchen(b);
    };
    let seconds = Some((time.seconds - time.offset).rem_euclid(DAY));
    Some((Stamp { seconds, nanoseconds: time.nanoseconds, known: Known::Clock }, time.end))
}

/// `10:00AM`, which Go calls kitchen time.
fn kitchen(b: &[u8]) -> Option<(Stamp, usize)> {
    let (hour, colon) = unpadded(b, 0)?;
    let minute = two(b, colon + 1).filter(|minute| *minute < 60 && is(b, colon, b":"))?;
    let (hour, end) = half(b, colon + 3, hour);
    let seconds = Some(i64::from(hour) * 3600 + i64::from(minute) * 60);
    (end > colon + 3 && hour < 24).then_some((Stamp { seconds, nanoseconds: 0, known: Known::Clock }, end))
}

fn epoch(b: &[u8]) -> Option<(Stamp, usize)> {
    let digits = b.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    if b.first() != Some(&b'1') || !matches!(digits, 10 | 13 | 16 | 19) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        b[range].iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'))
    };
    let seconds = Some(number(0..10));
    let (nanoseconds, end) = if digits == 10 {
        if is(b, 10, b".,") { fraction(b, 10) } else { (0, 10) }
    } else {
        let scale = [1_000_000, 1000, 1][(digits - 13) / 3];
        (i32::try_from(number(10..digits)).ok()? * scale, digits)
    };
    Some((Stamp { seconds, nanoseconds, known: Known::All }, end))
}

fn uptime(b: &[u8]) -> Option<(Stamp, usize)> {
    let whole = b.iter().take(10).take_while(|b| b.is_ascii_digit()).count();
    let part = b.get(whole + 1..)?.iter().take(10).take_while(|b| b.is_ascii_digit()).count();
    (whole > 0 && is(b, whole, b".") && matches!(part, 3 | 6 | 9))
        .then_some((Stamp::default(), whole + 1 + part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Clock;
    use super::*;

    fn read(text: &str) -> Option<String> {
        let mut clock = Clock::new("2026-11-23T09:00:00Z".parse().unwrap());
        let (_, stamp, length) = scan(text.as_bytes())?;
        assert_eq!(&text[length..], "", "{text}");
        clock.time(stamp).map(|time| time.to_string())
    }

    #[test]
    fn times_are_read_in_every_form() {
        for (text, expected) in [
            ("2026-11-05T10:00:00.123Z", "2026-11-05T10:00:00.123Z"),
            ("2026-11-05 10:00:00,123", "2026-11-05T10:00:00.123Z"),
            ("2026/11/05 10:00:00", "2026-11-05T10:00:00Z"),
            ("2026.11.05 10:00:00", "2026-11-05T10:00:00Z"),
            ("2026-11-05T12:00:00+02:00", "2026-11-05T10:00:00Z"),
            ("2026-11-05 12:00:00 +0200", "2026-11-05T10:00:00Z"),
            ("2026-11-05 11:00:00 CET", "2026-11-05T10:00:00Z"),
            ("2026-11-05 10:00:00.5 +0000 UTC", "2026-11-05T10:00:00.5Z"),
            ("20171223-22:15:29:606", "2017-12-23T22:15:29.606Z"),
            ("20171223-22:15:29:6", "2017-12-23T22:15:29.006Z"),
            ("20171223-22:5:0:16", "2017-12-23T22:05:00.016Z"),
            ("2005-06-03-15.42.50.675872", "2005-06-03T15:42:50.675872Z"),
            ("2017-05-16_13:53:08", "2017-05-16T13:53:08Z"),
            ("20171223T221529", "2017-12-23T22:15:29Z"),
            ("20171223221529", "2017-12-23T22:15:29Z"),
            ("2005.06.03", "2005-06-03T00:00:00Z"),
            ("05/Nov/2026:10:00:00 +0000", "2026-11-05T10:00:00Z"),
            ("05-Nov-2026 10:00:00.123", "2026-11-05T10:00:00.123Z"),
            ("05 Nov 2026 10:00:00.123", "2026-11-05T10:00:00.123Z"),
            ("05.11.2026 10:00:00", "2026-11-05T10:00:00Z"),
            ("11/5/2026 10:00:00 PM", "2026-11-05T22:00:00Z"),
            ("Nov 05, 2026 12:00:00 AM", "2026-11-05T00:00:00Z"),
            ("Nov  5 10:00:00", "2026-11-05T10:00:00Z"),
            ("Dec 31 10:00:00.25", "2025-12-31T10:00:00.25Z"),
            ("Nov 5 2026 10:00:00", "2026-11-05T10:00:00Z"),
            ("Sun Dec 04 04:47:44 2005", "2005-12-04T04:47:44Z"),
            ("Sun Dec  4 04:47:44.123456 2005", "2005-12-04T04:47:44.123456Z"),
            ("Mon Nov 23 09:41:02 UTC 2026", "2026-11-23T09:41:02Z"),
            ("Thu, 05 Nov 2026 10:00:00 GMT", "2026-11-05T10:00:00Z"),
            ("081109 203615", "2008-11-09T20:36:15Z"),
            ("081109  8:36:15", "2008-11-09T08:36:15Z"),
            ("17/06/09 20:10:40", "2017-06-09T20:10:40Z"),
            ("03-17 16:13:38.811", "2026-03-17T16:13:38.811Z"),
            ("10.30 16:49:06", "2026-10-30T16:49:06Z"),
            ("08:59:59.5", "2026-11-23T08:59:59.5Z"),
            ("23:00:00", "2026-11-22T23:00:00Z"),
            ("8:05AM", "2026-11-23T08:05:00Z"),
            ("1117838570", "2005-06-03T22:42:50Z"),
            ("1117838570.25", "2005-06-03T22:42:50.25Z"),
            ("1117838570250", "2005-06-03T22:42:50.25Z"),
            ("1117838570250001", "2005-06-03T22:42:50.250001Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_of_the_usual_width_are_read_as_by_the_general_way(
            signs in prop::sample::select(vec!["-- ::", "//T::", "..t..", "---::", "--_::", "--:..", "-/ ::", "--x::", "-- :."]),
            parts in prop::array::uniform6(0_u32..100),
            century in 18_u32..22,
            tail in "[.,:]?[0-9]{0,11} ?([AaPp][Mm]|Z|UTC|IST|WEST|INFO|[+-][0-9]{2}:?[0-9]{0,2})?( UTC)?.{0,3}",
        ) {
            let mut sign = signs.chars();
            let [year, month, day, hour, minute, second] = parts;
            let mut text = format!("{century}{year:02}");
            for part in [month % 14, day % 33, hour % 26, minute % 62, second % 63] {
                text.push_str(&format!("{}{part:02}", sign.next().unwrap()));
            }
            text.push_str(&tail);
            let (fast, general) = (padded_ymd(text.as_bytes()), ymd(text.as_bytes()).and_then(|dated| dated.with_time(text.as_bytes())));
            prop_assert!(fast.is_none() || fast == general, "{text}: {fast:?} {general:?}");
            let usual = !signs.contains('x') && signs != "-/ ::" && signs != "-- :.";
            prop_assert!(fast.is_some() || !usual || general.is_none(), "{text}: {general:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "2026",
            "12",
            "10:00",
            "2026-13-05 10:00:00",
            "2026-02-30 10:00:00",
            "10:61:00",
            "25:00:00x",
            "Nov",
            "Nove 5 10:00:00",
            "May be",
            "Sun shines",
            "1.2.3.4",
            "10.251.73.220:50010",
            "9999999999",
            "123456 items",
            "2026-11-05-shop",
            "-",
            "",
        ] {
            assert_eq!(scan(text.as_bytes()), None, "{text}");
        }
    }
}
