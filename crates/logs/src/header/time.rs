//! The forms in which programs write times.
//!
//! One scanner per family of forms, over bytes and without allocation; the family is what a layout remembers. A family
//! takes any of its separators and fractions, since programs change those within one file. What is not written is
//! supplied by a [`Clock`]: no zone means UTC, no year means the latest one that is not after the reference, no date
//! means the day on which the reference falls.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;
/// The machine that wrote may be ahead of this one, and local times count as UTC.
const SLACK: i64 = DAY;

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
            Self::Ymd => ymd(b),
            Self::Date => date(b),
            Self::Dmy => dmy(b),
            Self::Month => month_first(b),
            Self::Weekday => weekday(b),
            Self::Short => short(b),
            Self::MonthDay => month_day(b),
            Self::Glog => glog(b),
            Self::Clock => clock(b),
            Self::Epoch => epoch(b),
            Self::Uptime => uptime(b),
        }?;
        let ends = b.get(end).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
        ends.then_some((stamp, end))
    }
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

/// What a time says, before what it leaves out is supplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stamp {
    /// Seconds since 1970, when the date is whole; since midnight, when there is none; nothing for an uptime.
    seconds: Option<i64>,
    nanoseconds: i32,
    known: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Known {
    #[default]
    All,
    /// Month and day of a year that is not said; the seconds are those of the day.
    Day(u8, u8),
    /// Only the time of a day.
    Clock,
}

/// Supplies what times leave out.
#[derive(Debug, Clone)]
pub struct Clock {
    reference: i64,
    /// Seconds of the last time that was only a clock's, to see midnight pass.
    last: Option<i64>,
}

impl Clock {
    /// Times without a year or date are taken to be near, and not a day after, `reference`.
    pub fn new(reference: Timestamp) -> Self {
        Self { reference: reference.as_second(), last: None }
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
    fn in_year(&self, month: u8, day: u8) -> Option<i64> {
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

/// Days from 1970 to a date of the Gregorian calendar; `None` for an impossible one.
/// After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days(year: i64, month: u8, day: u8) -> Option<i64> {
    const LENGTHS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = *LENGTHS.get(usize::from(month).checked_sub(1)?)? + u8::from(leap && month == 2);
    if day == 0 || day > length {
        return None;
    }
    let (y, m) = if month > 2 { (year, i64::from(month) - 3) } else { (year - 1, i64::from(month) + 9) };
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let of_year = (153 * m + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The year in which a second falls, as `civil_from_days` there.
fn year_of(second: i64) -> i64 {
    let days = second.div_euclid(DAY) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    era * 400 + year + i64::from(month >= 10)
}

fn is(b: &[u8], at: usize, set: &[u8]) -> bool {
    b.get(at).is_some_and(|b| set.contains(b))
}

fn digit(b: &[u8], at: usize) -> Option<u8> {
    b.get(at).map(|b| b.wrapping_sub(b'0')).filter(|digit| *digit < 10)
}

fn two(b: &[u8], at: usize) -> Option<u8> {
    Some(digit(b, at)? * 10 + digit(b, at + 1)?)
}

fn four(b: &[u8], at: usize) -> Option<i64> {
    Some(i64::from(two(b, at)?) * 100 + i64::from(two(b, at + 2)?))
}

/// One or two digits, the first perhaps a blank; where they end.
fn day_number(b: &[u8], at: usize) -> Option<(u8, usize)> {
    if let Some(number) = two(b, at) {
        return Some((number, at + 2));
    }
    let at = if is(b, at, b" ") { at + 1 } else { at };
    digit(b, at).map(|number| (number, at + 1))
}

/// Two digits, or one by a program that does not pad; where they end.
fn unpadded(b: &[u8], at: usize) -> Option<(u8, usize)> {
    let first = digit(b, at)?;
    Some(digit(b, at + 1).map_or((first, at + 1), |second| (first * 10 + second, at + 2)))
}

fn month_name(b: &[u8], at: usize) -> Option<u8> {
    const NAMES: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    let name = b.get(at..at + 3)?;
    let lower = [name[0] | 32, name[1] | 32, name[2] | 32];
    NAMES.iter().position(|known| **known == lower).and_then(|at| u8::try_from(at + 1).ok())
}

/// Seconds of the day, nanoseconds, offset of the zone where one is given, and where the time ends.
struct Daytime {
    seconds: i64,
    nanoseconds: i32,
    offset: i64,
    end: usize,
}

/// `10:00:00`, `10.00.00`, `100000`, with fraction, half of the day and zone.
fn daytime(b: &[u8], at: usize) -> Option<Daytime> {
    let (hour, next) = match two(b, at) {
        Some(hour) => (hour, at + 2),
        None => (digit(b, at)?, at + 1),
    };
    let (minute, second, end) = if is(b, next, b":.") {
        let (minute, colon) = unpadded(b, next + 1)?;
        if b.get(colon) != b.get(next) {
            return None;
        }
        let (second, end) = unpadded(b, colon + 1)?;
        (minute, second, end)
    } else {
        (two(b, next)?, two(b, next + 2)?, next + 4)
    };
    behind_seconds(b, end, (hour, minute, second))
}

/// What belongs to a time of day behind its seconds.
fn behind_seconds(b: &[u8], end: usize, (hour, minute, second): (u8, u8, u8)) -> Option<Daytime> {
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanoseconds, end) = fraction(b, end);
    let (hour, end) = half(b, end, hour);
    let (offset, end) = zone(b, end);
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59));
    Some(Daytime { seconds, nanoseconds, offset, end })
}

/// Digits behind a point as nanoseconds; behind a colon they are thousandths, perhaps without their zeros.
fn fraction(b: &[u8], at: usize) -> (i32, usize) {
    if !is(b, at, b".,:") || digit(b, at + 1).is_none() {
        return (0, at);
    }
    const SCALES: [i32; 10] =
        [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1000, 100, 10, 1];
    let (mut value, mut digits) = (0, 0);
    while let Some(digit) = digit(b, at + 1 + digits) {
        if digits < 9 {
            value = value * 10 + i32::from(digit);
        }
        digits += 1;
    }
    value *= SCALES[digits.min(9)];
    if b[at] == b':' {
        let shift = [1, 100, 10, 1][digits.min(3)];
        value /= shift;
    }
    (value, at + 1 + digits)
}

/// The hour with ` AM` or ` PM` taken into account.
fn half(b: &[u8], at: usize, hour: u8) -> (u8, usize) {
    let letter = at + usize::from(is(b, at, b" "));
    let named = is(b, letter, b"APap") && is(b, letter + 1, b"Mm");
    if !named || hour > 12 || b.get(letter + 2).is_some_and(u8::is_ascii_alphanumeric) {
        return (hour, at);
    }
    let evening = b[letter] | 32 == b'p';
    (hour % 12 + if evening { 12 } else { 0 }, letter + 2)
}

/// Seconds east of Greenwich, and where the zone ends; nothing is UTC.
fn zone(b: &[u8], at: usize) -> (i64, usize) {
    if is(b, at, b"Z") {
        return (0, at + 1);
    }
    let start = at + usize::from(is(b, at, b" "));
    if is(b, start, b"+-") {
        return match numeric_zone(b, start, start > at) {
            Some((offset, end)) => {
                let named = b.get(end..end + 4).is_some_and(|name| name == b" UTC");
                (offset, if named { end + 4 } else { end })
            }
            None => (0, at),
        };
    }
    if start == at || !is(b, start, b"UGWBCEMIJAP") {
        return (0, at);
    }
    let length = b[start..].iter().take(5).take_while(|b| b.is_ascii_alphabetic()).count();
    named_zone(&b[start..start + length]).map_or((0, at), |offset| (offset, start + length))
}

/// Seconds east of Greenwich.
fn named_zone(name: &[u8]) -> Option<i64> {
    let hours = match name {
        b"UTC" | b"GMT" | b"WET" => 0,
        b"WEST" | b"BST" | b"CET" => 1,
        b"CEST" | b"EET" => 2,
        b"EEST" | b"MSK" => 3,
        // India alone is half an hour off.
        b"IST" => return Some(5 * 3600 + 1800),
        b"JST" => 9,
        b"AEST" => 10,
        b"AEDT" => 11,
        b"EST" | b"CDT" => -5,
        b"EDT" => -4,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" => -8,
        _ => return None,
    };
    Some(hours * 3600)
}

/// `+02:00`, `+0200`, and directly behind the time `+02`.
fn numeric_zone(b: &[u8], at: usize, apart: bool) -> Option<(i64, usize)> {
    let hours = two(b, at + 1).filter(|hours| *hours <= 15)?;
    let colon = usize::from(is(b, at + 3, b":"));
    let (minutes, end) = match two(b, at + 3 + colon) {
        Some(minutes) => (minutes, at + 5 + colon),
        None if apart => return None,
        None => (0, at + 3),
    };
    if b.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let offset = i64::from(hours) * 3600 + i64::from(minutes) * 60;
    Some((if b[at] == b'-' { -offset } else { offset }, end))
}

fn whole(year: i64, month: u8, day: u8, time: &Daytime) -> Option<(Stamp, usize)> {
    let seconds = days(year, month, day)? * DAY + time.seconds - time.offset;
    Some((Stamp { seconds: Some(seconds), nanoseconds: time.nanoseconds, known: Known::All }, time.end))
}

fn yearless(month: u8, day: u8, time: &Daytime) -> Option<(Stamp, usize)> {
    days(2024, month, day)?;
    let known = Known::Day(month, day);
    let seconds = Some(time.seconds - time.offset);
    Some((Stamp { seconds, nanoseconds: time.nanoseconds, known }, time.end))
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

fn ymd(b: &[u8]) -> Option<(Stamp, usize)> {
    padded_ymd(b).or_else(|| any_ymd(b))
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
    (1970..first_other_year(t[4])).contains(&year).then(|| whole(year, two(5), two(8), &time))?
}

fn any_ymd(b: &[u8]) -> Option<(Stamp, usize)> {
    let (year, month, day, at) = ymd_date(b)?;
    let at = match b.get(at)? {
        b'T' | b't' | b'_' | b':' => at + 1,
        b' ' if is(b, at + 1, b"-") && is(b, at + 2, b" ") => at + 3,
        b',' if is(b, at + 1, b" ") => at + 2,
        b' ' | b'-' => at + 1,
        b'0'..=b'9' if at == 8 => at,
        _ => return None,
    };
    whole(year, month, day, &daytime(b, at)?)
}

fn date(b: &[u8]) -> Option<(Stamp, usize)> {
    let (year, month, day, end) = ymd_date(b)?;
    if end == 8 || b.get(end).is_some_and(|b| b"-:/".contains(b)) {
        return None;
    }
    let seconds = Some(days(year, month, day)? * DAY);
    Some((Stamp { seconds, nanoseconds: 0, known: Known::All }, end))
}

fn dmy(b: &[u8]) -> Option<(Stamp, usize)> {
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
    whole(year, month, day, &daytime(b, at + blanks)?)
}

fn month_first(b: &[u8]) -> Option<(Stamp, usize)> {
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
        return whole(year, month, day, &daytime(b, at + 5 + comma)?);
    }
    yearless(month, day, &daytime(b, at)?)
}

fn weekday(b: &[u8]) -> Option<(Stamp, usize)> {
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
            return whole(year, month, day, &daytime(b, at + 6)?);
        }
        let mut time = daytime(b, at + 1).filter(|_| is(b, at, b" "))?;
        let year = four(b, time.end + 1).filter(|_| is(b, time.end, b" "))?;
        time.end += 5;
        return whole(year, month, day, &time);
    }
    let (stamp, length) = dmy(b.get(at..)?)?;
    Some((stamp, at + length))
}

fn short(b: &[u8]) -> Option<(Stamp, usize)> {
    let year = century(two(b, 0)?);
    if is(b, 2, b"/-.") {
        let (month, day) = (two(b, 3)?, two(b, 6)?);
        if b.get(2) != b.get(5) || !is(b, 8, b" ") {
            return None;
        }
        return whole(year, month, day, &daytime(b, 9)?);
    }
    let (month, day) = (two(b, 2)?, two(b, 4)?);
    if !is(b, 6, b" -_T") {
        return None;
    }
    // Old MySQL pads the hour with a blank.
    let at = 7 + usize::from(is(b, 7, b" "));
    whole(year, month, day, &daytime(b, at)?)
}

fn month_day(b: &[u8]) -> Option<(Stamp, usize)> {
    let (month, day) = (two(b, 0)?, two(b, 3)?);
    if !is(b, 2, b"-./") || !is(b, 5, b" T") || !is(b, 8, b":") {
        return None;
    }
    yearless(month, day, &daytime(b, 6)?)
}

fn glog(b: &[u8]) -> Option<(Stamp, usize)> {
    let (month, day) = (two(b, 0)?, two(b, 2)?);
    if is(b, 4, b" ") && is(b, 7, b":") {
        return yearless(month, day, &daytime(b, 5)?);
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
            let (fast, general) = (padded_ymd(text.as_bytes()), any_ymd(text.as_bytes()));
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
