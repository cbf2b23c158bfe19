//! Times in the words of cron, with the time zone they are meant in.

use std::fmt;
use std::str::FromStr;

use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions};
use jiff::{Timestamp, Zoned};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// Minutes, hours, days of the month, months and days of the week, then a time zone, such as `30 2 * * 1-5 Europe/Berlin`; `UTC`
/// if none is named. A time that clocks pass over as they are set forward does not come that day; one that they show twice as they
/// are set back comes once, unless it is one of every hour.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    text: String,
    times: Crontab,
}

/// A text that is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} names no times: {reason}; write five fields and a time zone, such as \"30 2 * * 1-5 Europe/Berlin\""
)]
pub struct NoTimes {
    text: String,
    reason: String,
}

impl Cron {
    /// The first of the times that lies after a moment; none if there is none any more.
    pub fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let next = self.times.find_next(MakeTimestamp(moment)).ok()?;
        if self.is_second(&next) { self.after(next.timestamp()) } else { Some(next.timestamp()) }
    }

    /// Whether the clock has shown a time before, as clocks were set back, and it is not one of every hour.
    fn is_second(&self, time: &Zoned) -> bool {
        let every_hour = self.text.split(' ').nth(1).is_some_and(|hours| hours.contains('*'));
        let first = time.time_zone().to_ambiguous_zoned(time.datetime()).earlier();
        !every_hour && first.is_ok_and(|first| first.timestamp() < time.timestamp())
    }

    /// The expression, with its time zone.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Cron {
    type Err = NoTimes;

    /// Understands an expression. The rules of its time zone are read from the system, else those that came with the program.
    fn from_str(text: &str) -> Result<Self, NoTimes> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        let no_times = |reason: String| NoTimes { text: text.clone(), reason };
        let times = cronexpr::parse_crontab_with(&text, options)
            .map_err(|error| no_times(reason(&error.to_string())))?;
        let zone = if words.len() > 5 { "" } else { " UTC" };
        let cron = Self { text: format!("{text}{zone}"), times };
        cron.after(Timestamp::UNIX_EPOCH).ok_or_else(|| no_times("no day fits it".to_owned()))?;
        Ok(cron)
    }
}

/// What is wrong, out of a message that also draws where it is and says where to read on.
fn reason(message: &str) -> String {
    let last = message.lines().last().unwrap_or_default();
    let said = last.trim_start_matches([' ', '^']);
    said.split_once("; for a list").map_or(said, |(said, _)| said).to_owned()
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl TryFrom<String> for Cron {
    type Error = NoTimes;

    fn try_from(text: String) -> Result<Self, NoTimes> {
        text.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> String {
        cron.text
    }
}

impl JsonSchema for Cron {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cron".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str, from: &str, count: usize) -> Vec<String> {
        let cron: Cron = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let mut at: Timestamp = from.parse().unwrap_or_default();
        (0..count)
            .map_while(|_| {
                at = cron.after(at)?;
                Some(at.to_string())
            })
            .collect()
    }

    #[test]
    fn times_are_those_of_their_zone_on_either_side_of_a_change_of_clocks() {
        assert_eq!(
            times("30 9 * * 1-5 Europe/Berlin", "2026-10-22T00:00:00Z", 4),
            ["2026-10-22T07:30:00Z", "2026-10-23T07:30:00Z", "2026-10-26T08:30:00Z", "2026-10-27T08:30:00Z"]
        );
        let back = times("30 2 * * * Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!((back.len(), &back[1][..10]), (2, "2026-10-26"), "{back:?}");
        let forward = times("30 2 * * * Europe/Berlin", "2026-03-28T12:00:00Z", 2);
        assert_eq!((&forward[0][..10], &forward[1][..10]), ("2026-03-30", "2026-03-31"), "{forward:?}");
        let hourly = times("30 * * * * Europe/Berlin", "2026-10-25T00:00:00Z", 3);
        assert_eq!(hourly, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]);
    }

    #[test]
    fn without_a_zone_it_is_utc_and_spaces_do_not_matter() {
        let cron: Cron = "  0   0 1 *  * ".parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(cron.as_str(), "0 0 1 * * UTC");
        assert_eq!(times("0 0 1 * *", "2026-11-23T00:00:00Z", 1), ["2026-12-01T00:00:00Z"]);
    }

    #[test]
    fn what_names_no_times_is_refused_with_the_reason() {
        for text in ["", "every day", "61 * * * *", "0 0 31 2 *", "0 9 * * 1 Europe/Atlantis", "* * * *"] {
            let said = text.parse::<Cron>().map_or_else(|error| error.to_string(), |_| String::new());
            assert!(said.contains("names no times") && said.contains("Europe/Berlin"), "{text}: {said}");
        }
    }
}
