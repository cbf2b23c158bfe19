//! The time of a day: hours, minutes and seconds with fraction, half of the day and zone, and the digits of times.

pub(super) fn is(b: &[u8], at: usize, set: &[u8]) -> bool {
    b.get(at).is_some_and(|b| set.contains(b))
}

pub(super) fn digit(b: &[u8], at: usize) -> Option<u8> {
    b.get(at).map(|b| b.wrapping_sub(b'0')).filter(|digit| *digit < 10)
}

pub(super) fn two(b: &[u8], at: usize) -> Option<u8> {
    Some(digit(b, at)? * 10 + digit(b, at + 1)?)
}

pub(super) fn four(b: &[u8], at: usize) -> Option<i64> {
    Some(i64::from(two(b, at)?) * 100 + i64::from(two(b, at + 2)?))
}

/// One or two digits, the first perhaps a blank; where they end.
pub(super) fn day_number(b: &[u8], at: usize) -> Option<(u8, usize)> {
    if let Some(number) = two(b, at) {
        return Some((number, at + 2));
    }
    let at = if is(b, at, b" ") { at + 1 } else { at };
    digit(b, at).map(|number| (number, at + 1))
}

/// Two digits, or one by a program that does not pad; where they end.
pub(super) fn unpadded(b: &[u8], at: usize) -> Option<(u8, usize)> {
    let first = digit(b, at)?;
    Some(digit(b, at + 1).map_or((first, at + 1), |second| (first * 10 + second, at + 2)))
}

pub(super) fn month_name(b: &[u8], at: usize) -> Option<u8> {
    const NAMES: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    let name = b.get(at..at + 3)?;
    let lower = [name[0] | 32, name[1] | 32, name[2] | 32];
    NAMES.iter().position(|known| **known == lower).and_then(|at| u8::try_from(at + 1).ok())
}

/// Seconds of the day, nanoseconds, offset of the zone where one is given, and where the time ends.
pub(super) struct Daytime {
    pub(super) seconds: i64,
    pub(super) nanoseconds: i32,
    pub(super) offset: i64,
    pub(super) end: usize,
}

/// `10:00:00`, `10.00.00`, `100000`, with fraction, half of the day and zone.
pub(super) fn daytime(b: &[u8], at: usize) -> Option<Daytime> {
    if let Some(time) = padded(b, at) {
        return behind_seconds(b, at + 8, time);
    }
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

/// Hour, minute and second where each has two digits and a sign between them.
fn padded(b: &[u8], at: usize) -> Option<(u8, u8, u8)> {
    let t: &[u8; 8] = b.get(at..at + 8)?.first_chunk()?;
    let digits = [0, 1, 3, 4, 6, 7].iter().fold(true, |all, at| all & t[*at].is_ascii_digit());
    let signs = t[2] == t[5] && matches!(t[2], b':' | b'.');
    let number = |at: usize| (t[at] - b'0') * 10 + (t[at + 1] - b'0');
    (digits && signs).then(|| (number(0), number(3), number(6)))
}

/// What belongs to a time of day behind its seconds.
pub(super) fn behind_seconds(b: &[u8], end: usize, (hour, minute, second): (u8, u8, u8)) -> Option<Daytime> {
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
pub(super) fn fraction(b: &[u8], at: usize) -> (i32, usize) {
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
pub(super) fn half(b: &[u8], at: usize, hour: u8) -> (u8, usize) {
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
