//! A length of time as people write it in settings and on the command line.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time written as `90s`, `15m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    /// That many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// That many hours.
    pub const fn hours(hours: u64) -> Self {
        Self::seconds(hours * 3600)
    }

    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let wrong =
            || format!("{text:?} is not a length of time; write it like \"90s\", \"15m\", \"24h\" or \"7d\"");
        let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(at);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let factor = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        number.checked_mul(factor).map(Self::seconds).ok_or_else(wrong)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        let seconds = span.0.as_secs();
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
        let whole = units.into_iter().find(|(length, _)| seconds > 0 && seconds.is_multiple_of(*length));
        let (length, unit) = whole.unwrap_or((1, 's'));
        format!("{}{unit}", seconds / length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_in_its_largest_whole_unit_and_read_back() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (90, "90s"), (300, "5m"), (3_600, "1h"), (86_400, "1d"), (90_000, "25h")]
        {
            assert_eq!(String::from(Span::seconds(seconds)), text);
            assert_eq!(Span::try_from(text.to_owned()), Ok(Span::seconds(seconds)));
        }
    }
}
