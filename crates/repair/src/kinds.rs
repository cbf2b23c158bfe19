//! Which kinds of values expressions had and functions gave while the tests ran.
//!
//! A repair must put a value of the kind that was there before: a text in place of a price passes the reproduction,
//! since a text can be multiplied too. Kinds are learnt from the project's own tests, so where they call nothing, only
//! the form of the code speaks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// A kind of value, by what it can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `None`.
    Nothing,
    /// A truth value.
    Truth,
    /// A number of any type.
    Number,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// A list.
    List,
    /// A tuple.
    Tuple,
    /// A dictionary.
    Mapping,
    /// A set.
    Set,
    /// What a generator yields.
    Iterator,
    /// An object of another class.
    #[serde(other)]
    Other,
}

impl Kind {
    /// The empty value of a kind as source; none where there is no such value.
    pub fn empty(self) -> Option<&'static str> {
        match self {
            Self::Nothing => Some("None"),
            Self::Truth => Some("False"),
            Self::Number => Some("0"),
            Self::Text => Some("\"\""),
            Self::Bytes => Some("b\"\""),
            Self::List => Some("[]"),
            Self::Tuple => Some("()"),
            Self::Mapping => Some("{}"),
            Self::Set => Some("set()"),
            Self::Iterator | Self::Other => None,
        }
    }

    /// The kind that an annotation names; none for anything but a plain built-in type.
    pub fn of_annotation(text: &str) -> Option<Kind> {
        let name = text.trim().split('[').next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "bool" => Some(Self::Truth),
            "int" | "float" | "decimal" => Some(Self::Number),
            "str" => Some(Self::Text),
            "bytes" => Some(Self::Bytes),
            "list" => Some(Self::List),
            "tuple" => Some(Self::Tuple),
            "dict" => Some(Self::Mapping),
            "set" => Some(Self::Set),
            "none" => Some(Self::Nothing),
            _ => None,
        }
    }
}

/// Results of functions by their path in their module.
pub(crate) type Results = BTreeMap<String, BTreeSet<Kind>>;

/// What was observed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Kinds {
    /// Kinds of the expressions of the crashing statement, by their source.
    pub values: BTreeMap<String, BTreeSet<Kind>>,
    /// Kinds of the results of the functions on the stack, by their path in their module.
    pub results: BTreeMap<String, BTreeSet<Kind>>,
}

impl Kinds {
    /// Whether functions give a kind that they never gave.
    pub(crate) fn never_gave(&self, given: &Results) -> bool {
        given.iter().any(|(function, kinds)| {
            self.results.get(function).is_some_and(|known| !known.is_empty() && !kinds.is_subset(known))
        })
    }

    /// Whether functions give only what they are known to give.
    pub(crate) fn always_gave(&self, given: &Results) -> bool {
        !given.is_empty()
            && given.iter().all(|(function, kinds)| {
                self.results.get(function).is_some_and(|known| kinds.is_subset(known))
            })
    }

    /// Empty values of the kinds of an expression, `None` last; nothing where its kind is unknown.
    pub(crate) fn empties(found: Option<&BTreeSet<Kind>>) -> Vec<&'static str> {
        let mut all: Vec<&'static str> =
            found.into_iter().flatten().filter_map(|kind| kind.empty()).collect();
        all.sort_by_key(|empty| *empty == "None");
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(all: &[(&str, &[Kind])]) -> Results {
        all.iter().map(|(name, kinds)| ((*name).to_owned(), kinds.iter().copied().collect())).collect()
    }

    #[test]
    fn a_kind_counts_as_new_only_where_a_function_was_seen_to_give_another_one() {
        let known = Kinds { results: results(&[("price", &[Kind::Number])]), ..Kinds::default() };
        assert!(known.never_gave(&results(&[("price", &[Kind::Text])])));
        assert!(!known.never_gave(&results(&[("price", &[Kind::Number]), ("other", &[Kind::Text])])));
        assert!(!Kinds::default().never_gave(&results(&[("price", &[Kind::Text])])));
        assert!(known.always_gave(&results(&[("price", &[Kind::Number])])));
        assert!(!known.always_gave(&results(&[])));
    }

    #[test]
    fn a_kind_that_the_scripts_learn_to_tell_later_is_another_one() {
        let told = r#"{"values": {"a": ["number", "nothing", "frame"]}}"#;
        let kinds: Kinds = serde_json::from_str(told).unwrap();
        assert_eq!(kinds.values["a"], BTreeSet::from([Kind::Nothing, Kind::Number, Kind::Other]));
        assert_eq!(Kinds::empties(kinds.values.get("a")), ["0", "None"]);
    }
}
