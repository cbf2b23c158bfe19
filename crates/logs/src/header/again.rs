//! A time behind the date that the line before had: only the time of the day is read anew.

use super::daytime::daytime;
use super::time::{self, Day, Form, Stamp, YEAR_BEHIND};

/// Bytes of a date that are remembered at most.
const DATE: usize = 24;

/// The date that a form's last time had.
#[derive(Debug, Clone, Default)]
pub(super) struct Again {
    text: [u8; DATE],
    /// Where the time of the day begins; 0 when no date is remembered.
    at: usize,
    /// The byte behind the hour, which says whether signs stand between the parts of the time.
    behind_hour: u8,
    day: Option<Day>,
    /// The year behind the time.
    year: Option<[u8; YEAR_BEHIND]>,
}

impl Again {
    /// A time of the form at the start, and its length.
    pub(super) fn scan(&mut self, form: Form, b: &[u8]) -> Option<(Stamp, usize)> {
        if let Some(found) = self.same_day(b) {
            return Some(found);
        }
        let found = form.scan(b)?;
        self.remember(form, b, found);
        Some(found)
    }

    fn same_day(&self, b: &[u8]) -> Option<(Stamp, usize)> {
        let (day, at) = (self.day?, self.at);
        let hour = b.get(at..at + 3)?;
        let alike = hour[2] == self.behind_hour || (hour[2].is_ascii_digit() && self.behind_hour == b'0');
        // What the forms look at beyond the date differs in these.
        let padded = hour[0].is_ascii_digit() && hour[1].is_ascii_digit();
        if !alike || !padded || b.get(..at)? != self.text.get(..at)? {
            return None;
        }
        let time = daytime(b, at)?;
        let end = match self.year {
            None => time.end,
            Some(year) => {
                let end = time.end + YEAR_BEHIND;
                b.get(time.end..end).filter(|text| *text == year)?;
                end
            }
        };
        time::ends(b, end).then(|| (Stamp::of(day, &time), end))
    }

    fn remember(&mut self, form: Form, b: &[u8], (stamp, end): (Stamp, usize)) {
        self.day = None;
        let Some(dated) = form.dated(b) else { return };
        let (Some(into), Some(text)) = (self.text.get_mut(..dated.at), b.get(..dated.at)) else { return };
        let Some(behind_hour) = b.get(dated.at + 2) else { return };
        into.copy_from_slice(text);
        self.at = dated.at;
        self.behind_hour = if behind_hour.is_ascii_digit() { b'0' } else { *behind_hour };
        self.year = None;
        self.day = match dated.day {
            Day::Whole(_) | Day::Yearless(..) => Some(dated.day),
            Day::YearBehind(..) => {
                self.year = end.checked_sub(YEAR_BEHIND).and_then(|at| b.get(at..)?.first_chunk().copied());
                self.year.and_then(|_| stamp.whole_day(&daytime(b, dated.at)?))
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMS: [Form; 11] = [
        Form::Ymd,
        Form::Date,
        Form::Dmy,
        Form::Month,
        Form::Weekday,
        Form::Short,
        Form::MonthDay,
        Form::Glog,
        Form::Clock,
        Form::Epoch,
        Form::Uptime,
    ];

    fn date() -> impl Strategy<Value = String> {
        let parts = (
            0_u32..3,
            0_u32..3,
            prop::sample::select(vec![
                "2026-11-0# ",
                "2026-11-#T",
                "2026/11/0#-",
                "2026-11-0# - ",
                "2026-11-0#, ",
                "2026110#-",
                "2026110#",
                "2026.11.0# ",
                "0#/Nov/2026:",
                "0#-11-2026 ",
                "11/#/2026 ",
                "0#.11.2026, ",
                "Nov  # ",
                "Nov 0# ",
                "Nov 0#, 2026 ",
                "Nov # 2026 ",
                "Sun Dec 0# ",
                "Sun Dec  # ",
                "Thu, 0# Nov 2026 ",
                "Mon Nov 0# 2026 ",
                "08110# ",
                "17/06/0# ",
                "26-11-0# ",
                "03-0# ",
                "10.0# ",
                "110# ",
                "2026110# ",
                "02-3# ",
                "",
            ]),
        );
        parts.prop_map(|(day, _, form)| form.replace('#', &(day + 1).to_string()))
    }

    fn text() -> impl Strategy<Value = String> {
        let time = prop_oneof![
            4 => (0_u32..25, 0_u32..61, 0_u32..62, prop::sample::select(vec![":", ".", ""]))
                .prop_map(|(h, m, s, sign)| format!("{h:02}{sign}{m:02}{sign}{s:02}")),
            1 => "[0-9]{1,2}[:.]?[0-9]{1,2}[:.]?[0-9]{1,2}",
            1 => "2026 10:00:00",
        ];
        let tail = "([.,:][0-9]{1,10})?( ?[AaPp][Mm])?(Z| UTC| CET| INFO|[+-][0-9]{2}:?[0-9]{2}| \\+0200 UTC)?( 200[56])?[ x_:]?.{0,3}";
        (date(), time, tail).prop_map(|(date, time, tail)| format!("{date}{time}{tail}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_remembered_of_one_time_changes_no_other(texts in prop::collection::vec(text(), 1..8)) {
            for form in FORMS {
                let mut again = Again::default();
                for text in &texts {
                    prop_assert_eq!(again.scan(form, text.as_bytes()), form.scan(text.as_bytes()), "{:?} {}", form, text);
                }
            }
        }
    }
}
