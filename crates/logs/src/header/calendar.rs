//! Days and years of the Gregorian calendar, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Days from 1970 to a date of the Gregorian calendar; `None` for an impossible one.
/// His `days_from_civil`.
pub(crate) fn days(year: i64, month: u8, day: u8) -> Option<i64> {
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
pub(crate) fn year_of(second: i64) -> i64 {
    let days = second.div_euclid(DAY) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    era * 400 + year + i64::from(month >= 10)
}
