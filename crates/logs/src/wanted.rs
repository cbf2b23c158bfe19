//! What the user wants taken out besides secrets: personal data of known forms, and patterns of their own.
//!
//! E-mail addresses, numbers of cards and of accounts are no secrets to most programs, and lines without them are harder
//! to read, so they stay unless the settings ask. Asking takes out more and never less. Patterns run in linear time: each
//! search sees a bounded part of the text, so that a pattern whose matches end long before its search does costs no more
//! than that part for each of them.

use std::borrow::Cow;
use std::ops::Range;

use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::secrets::personal;

/// Most patterns of one project.
const MOST: usize = 50;
/// Bytes of a pattern.
const LONGEST: usize = 1 << 10;
/// Bytes that a compiled pattern may take.
const COMPILED: usize = 1 << 20;
/// Bytes of a name, which stands in every mark.
const NAME: usize = 24;
/// Name of patterns that have none.
const UNNAMED: &str = "custom";
/// Bytes within which a match is looked for first.
const WINDOW: usize = 4 << 10;

/// Personal data that is taken out where the settings ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Personal {
    /// E-mail addresses.
    Email,
    /// Numbers of payment cards: digits of a length and beginning that an issuer has, with the right check digit.
    Card,
    /// International numbers of bank accounts, with the length of their country and the right check digits.
    Iban,
}

impl Personal {
    /// Its name in marks and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Card => "card",
            Self::Iban => "iban",
        }
    }
}

/// A regular expression of the user; what it matches is taken out, or only its group `secret` where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedactPattern {
    /// What stands in the mark: small letters and `-`.
    pub name: String,
    /// The regular expression.
    pub pattern: String,
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedactError {
    /// The name could not stand in a mark.
    #[error(
        "the name {0:?} of a pattern cannot stand in a mark; write 1 to 24 small letters and `-`, such as \"customer-id\""
    )]
    Name(String),
    /// The pattern is empty or too long.
    #[error(
        "a pattern of redact_patterns has between 1 and {LONGEST} bytes, and this one {0}; shorten it, or write two"
    )]
    Length(usize),
    /// The pattern matches where there is nothing to take out.
    #[error(
        "the pattern {0:?} matches an empty text; write one that needs a character, such as `+` in place of `*`"
    )]
    Empty(String),
    /// The pattern is no regular expression, or takes too much memory.
    #[error("the pattern {pattern:?} cannot be used: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why, and what to do.
        reason: String,
    },
    /// There are too many.
    #[error("there are {0} patterns; at most {MOST} are followed, so merge some into one such as `a|b`")]
    Many(usize),
}

impl RedactPattern {
    /// A pattern that can be used.
    ///
    /// # Errors
    /// It is no regular expression, too large, matches an empty text, or its name cannot stand in a mark.
    pub fn new(name: Option<String>, pattern: String) -> Result<Self, RedactError> {
        let new = Self { name: name.unwrap_or_else(|| UNNAMED.to_owned()), pattern };
        Pattern::new(&new)?;
        Ok(new)
    }
}

/// Reads the patterns of a project, none too many.
///
/// # Errors
/// One of them cannot be used, or there are too many.
pub fn redact_patterns<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<RedactPattern>, D::Error> {
    let patterns = Vec::<RedactPattern>::deserialize(source)?;
    if patterns.len() > MOST {
        return Err(D::Error::custom(RedactError::Many(patterns.len())));
    }
    Ok(patterns)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: Option<String>,
    pattern: String,
}

impl<'de> Deserialize<'de> for RedactPattern {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RedactPattern;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a regular expression, or a table with name and pattern")
            }

            // Where a pattern is read, its place in the file is known.
            fn visit_str<E: serde::de::Error>(self, pattern: &str) -> Result<RedactPattern, E> {
                RedactPattern::new(None, pattern.to_owned()).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RedactPattern, A::Error> {
                let Fields { name, pattern } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                RedactPattern::new(name, pattern).map_err(A::Error::custom)
            }
        }
        source.deserialize_any(Either)
    }
}

impl JsonSchema for RedactPattern {
    fn schema_name() -> Cow<'static, str> {
        "RedactPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "maxLength": LONGEST },
                {
                    "type": "object",
                    "properties": {
                        "name": {
                            "type": "string", "pattern": "^[a-z-]{1,24}$",
                            "description": "What stands in the mark: small letters and `-`."
                        },
                        "pattern": {
                            "type": "string", "maxLength": LONGEST,
                            "description": "The regular expression."
                        }
                    },
                    "required": ["pattern"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// What is taken out besides secrets, ready to be looked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    personal: Vec<Personal>,
    patterns: Vec<Pattern>,
}

impl Wanted {
    pub(crate) fn new(personal: &[Personal], patterns: &[RedactPattern]) -> Result<Self, RedactError> {
        if patterns.len() > MOST {
            return Err(RedactError::Many(patterns.len()));
        }
        let patterns = patterns.iter().map(Pattern::new).collect::<Result<_, _>>()?;
        Ok(Self { personal: personal.to_vec(), patterns })
    }

    /// False only where nothing is found.
    pub(crate) fn may_hold(&self, text: &[u8]) -> bool {
        self.personal.iter().any(|kind| personal::may_hold(*kind, text))
            || (!self.patterns.is_empty()
                // What is no text yet is looked at when it is.
                && str::from_utf8(text).map_or(true, |text| self.patterns.iter().any(|it| it.regex.is_match(text))))
    }

    /// Names and places of all that is found, in order of their beginnings; they may overlap.
    pub(crate) fn find(&self, text: &str) -> Vec<(&str, Range<usize>)> {
        if !self.may_hold(text.as_bytes()) {
            return Vec::new();
        }
        let mut found: Vec<(&str, Range<usize>)> = Vec::new();
        for kind in &self.personal {
            found.extend(personal::find(*kind, text).into_iter().map(|range| (kind.as_str(), range)));
        }
        for pattern in &self.patterns {
            pattern.find(text, &mut found);
        }
        found.sort_by_key(|(_, range)| (range.start, std::cmp::Reverse(range.end)));
        found
    }
}

#[derive(Debug)]
struct Pattern {
    name: String,
    regex: Regex,
    /// Number of the group that is taken out; 0 is the whole match.
    group: usize,
}

impl Pattern {
    fn new(from: &RedactPattern) -> Result<Self, RedactError> {
        let RedactPattern { name, pattern } = from;
        let named =
            (1..=NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if !named {
            return Err(RedactError::Name(name.clone()));
        }
        if !(1..=LONGEST).contains(&pattern.len()) {
            return Err(RedactError::Length(pattern.len()));
        }
        let built = RegexBuilder::new(pattern).size_limit(COMPILED).build();
        let regex = built
            .map_err(|error| RedactError::Pattern { pattern: pattern.clone(), reason: reason(&error) })?;
        if regex.is_match("") {
            return Err(RedactError::Empty(pattern.clone()));
        }
        let group = regex.capture_names().position(|group| group == Some("secret")).unwrap_or(0);
        Ok(Self { name: name.clone(), regex, group })
    }

    fn find<'a>(&'a self, text: &str, found: &mut Vec<(&'a str, Range<usize>)>) {
        let mut at = 0;
        while at < text.len() {
            let mut end = text.floor_char_boundary(at + WINDOW);
            let mut first = self.regex.find_at(&text[..end], at);
            // What is not there, or reaches the end of the part, is looked for in twice as much.
            while end < text.len() && first.is_none_or(|whole| whole.end() == end) {
                end = text.floor_char_boundary(end + (end - at));
                first = self.regex.find_at(&text[..end], at);
            }
            let Some(whole) = first else { return };
            let taken = match self.group {
                0 => Some(whole.range()),
                group => {
                    let groups = self.regex.captures_at(&text[..end], at);
                    groups.and_then(|all| all.get(group)).map(|it| it.range())
                }
            };
            found.extend(taken.filter(|range| !range.is_empty()).map(|range| (self.name.as_str(), range)));
            let next = whole.start() + text[whole.start()..].chars().next().map_or(1, char::len_utf8);
            at = whole.end().max(next);
        }
    }
}

fn reason(error: &regex::Error) -> String {
    match error {
        // The last line says what is wrong; those before it draw the pattern.
        regex::Error::Syntax(text) => {
            let last = text.lines().last().unwrap_or_default();
            format!(
                "{}; write it as regular expressions of linear time are written",
                last.trim_start_matches("error: ")
            )
        }
        regex::Error::CompiledTooBig(_) => {
            "it takes more than 1 MiB; repeat less, or write [0-9] and [A-Za-z] in place of \\d and \\w"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Redactor;

    fn redactor(personal: &[Personal], patterns: &[(&str, &str)]) -> Redactor {
        let patterns: Vec<RedactPattern> = patterns
            .iter()
            .map(|(name, pattern)| RedactPattern::new(Some((*name).into()), (*pattern).into()).unwrap())
            .collect();
        Redactor::new(b"key").also(personal, &patterns).unwrap()
    }

    /// The text with each mark's class only.
    fn shown(redactor: &Redactor, text: &str) -> String {
        let redacted = redactor.redact(text).text;
        assert_eq!(redactor.redact(&redacted).text, redacted, "redacting twice is redacting once");
        regex::Regex::new(r"\[redacted:([a-z-]+):[0-9a-f]{4}\]")
            .unwrap()
            .replace_all(&redacted, "<$1>")
            .into_owned()
    }

    #[test]
    fn addresses_go_and_what_looks_like_one_stays() {
        let email = redactor(&[Personal::Email], &[]);
        for (text, left) in [
            ("mail to bob.smith+x@example.org failed", "mail to <email> failed"),
            ("<bob@example.org>, \"ann@mail.example.co.uk\".", "<<email>>, \"<email>\"."),
            ("GET /x?mail=bob%40example.org&y=1", "GET /x?mail=<email>&y=1"),
            ("user=bob@example.org,ann@example.org", "user=<email>,<email>"),
            ("to j\u{fc}rgen@b\u{fc}cher.example!", "to <email>!"),
            ("bob@EXAMPLE.ORG.", "<email>."),
        ] {
            assert_eq!(shown(&email, text), left);
            assert_eq!(shown(&Redactor::new(b"key"), text), text, "only where it is asked for");
        }
        for text in [
            "bob@localhost",
            "icon@2x.png",
            "fetch lodash@4.17.21",
            "app.Foo@1a2b3c",
            "@decorator.name",
            "a @ b.example",
            "100%40.5 done",
            "vue@3.4.21/dist/vue.js",
            "50% @example.org",
        ] {
            assert_eq!(shown(&email, text), text);
        }
    }

    #[test]
    fn numbers_of_cards_go_and_numbers_that_are_none_stay() {
        let card = redactor(&[Personal::Card], &[]);
        for (text, left) in [
            ("charged 4111111111111111 twice", "charged <card> twice"),
            ("card=4111-1111-1111-1111;", "card=<card>;"),
            ("card 4111 1111 1111 1111 200 ms", "card <card> 200 ms"),
            ("order 1234 5555 5555 5555 4444", "order 1234 <card>"),
            ("amex 3782 822463 10005", "amex <card>"),
            ("{\"pan\":\"6011111111111117\"}", "{\"pan\":\"<card>\"}"),
            ("2221000000000009, 3530111333300000.", "<card>, <card>."),
        ] {
            assert_eq!(shown(&card, text), left);
        }
        for text in [
            "4111111111111112",
            "1607583348123456",
            "blk_-4111111111111111",
            "x4111111111111111",
            "41111111111111110",
            "0000000000000000",
            "4111.1111.1111.1111",
            "4111111111111111.5",
            "id 4 1 1 1 1 1 1 1",
            "4111111111111111-4111-4111",
            "550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(shown(&card, text), text);
        }
    }

    #[test]
    fn numbers_of_accounts_go_and_words_like_them_stay() {
        let iban = redactor(&[Personal::Iban], &[]);
        for (text, left) in [
            ("paid to DE89370400440532013000 now", "paid to <iban> now"),
            ("iban: GB82 WEST 1234 5698 7654 32.", "iban: <iban>."),
            ("(FR1420041010050500013M02606)", "(<iban>)"),
            ("no93 8601 1117 947", "<iban>"),
        ] {
            assert_eq!(shown(&iban, text), left);
        }
        for text in [
            "DE88370400440532013000",
            "XX89370400440532013000",
            "XDE89370400440532013000",
            "DE8937040044053201300",
            "at10 at20 at30",
        ] {
            assert_eq!(shown(&iban, text), text);
        }
    }

    #[test]
    fn what_a_pattern_matches_goes_whole_or_by_its_group_and_never_a_mark() {
        let own = redactor(&[], &[("customer", "C-[0-9]{6}"), ("tenant", "tenant=(?<secret>[a-z]+)")]);
        assert_eq!(shown(&own, "C-123456 of tenant=acme, C-12"), "<customer> of tenant=<tenant>, C-12");
        let greedy = redactor(&[], &[("all", "[a-z:]+")]);
        assert_eq!(shown(&greedy, "PASSWORD=Hunter22x ABC def"), "PASSWORD=<password> ABC <all>");
        let wide = redactor(&[Personal::Email], &[("line", "mail .*")]);
        assert_eq!(shown(&wide, "mail bob@example.org password=Hunter22x"), "<line><password>");
    }

    #[test]
    fn asking_takes_out_no_less() {
        let text = "password=Hunter22x bob@example.org";
        let plain = Redactor::new(b"key");
        assert_eq!(shown(&plain.also(&[], &[]).unwrap(), text), shown(&plain, text));
        assert_eq!(shown(&redactor(&[Personal::Card], &[("x", "zzz")]), text), shown(&plain, text));
        assert_eq!(shown(&redactor(&[Personal::Email], &[]), text), "password=<password> <email>");
    }

    #[test]
    fn a_text_is_let_go_unread_only_if_nothing_asked_for_is_in_it() {
        let all = redactor(&[Personal::Email, Personal::Card, Personal::Iban], &[("customer", "C-[0-9]{6}")]);
        for text in [
            "bob@example.org",
            "4111111111111111",
            "DE89370400440532013000",
            "x C-123456",
            "bob%40example.org",
        ] {
            assert!(all.may_hold(text.as_bytes()), "{text}");
            assert!(!Redactor::new(b"key").may_hold(text.as_bytes()), "{text}");
        }
        assert!(!all.may_hold(b"nothing here @ all"));
        assert!(all.may_hold(b"\xff C-123456"));
    }

    /// Each match ends at once, and the search for it reads on.
    #[test]
    fn a_pattern_that_reads_far_for_each_match_takes_linear_time() {
        let own = redactor(&[Personal::Email, Personal::Card, Personal::Iban], &[("far", "x.*y|x")]);
        for part in ["x", "4111 ", "a@", "a@b.", "DE89 ", "4", "%40"] {
            let _ = own.redact(&part.repeat((1 << 13) / part.len()));
        }
    }

    #[test]
    fn a_match_of_any_length_goes_whole_wherever_it_begins() {
        let own = redactor(&[], &[("long", "<[^>]*>")]);
        for (before, length) in [(0, 3), (511, 600), (513, 1_100), (4_095, 5_000), (5_000, 40_000)] {
            let text = format!("{}<{}> behind", ".".repeat(before), "\u{fc}".repeat(length));
            assert_eq!(shown(&own, &text), format!("{}<long> behind", ".".repeat(before)));
        }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let pattern = RedactPattern::new(None, "C-[0-9]+".into()).unwrap();
        assert_eq!(pattern.name, "custom");
        let written = serde_json::to_string(&pattern).unwrap();
        assert_eq!(serde_json::from_str::<RedactPattern>(&written).unwrap(), pattern);
        assert_eq!(serde_json::from_str::<RedactPattern>("\"C-[0-9]+\"").unwrap(), pattern);
    }
}
