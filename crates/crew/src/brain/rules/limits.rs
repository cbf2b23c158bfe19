//! How likely a repair is, and how far the crew may go by itself.
//!
//! Fixability is a sum of what speaks for a repair, as in the table below; where the program raised the error on
//! purpose it is cut to less than half. Below [`TRY`] nobody tries; below [`PUBLISH`] a person takes the patch over by hand.

use groundcrew_core::contract::{Classification, Route, StopAt};
use groundcrew_core::incident::Category;

use super::kinds::{short_name, telling};
use crate::brain::ErrorFacts;
use crate::brain::language::Language;

/// Fixability below which no repair is tried.
const TRY: f64 = 0.1;

/// Fixability below which no branch is made.
const PUBLISH: f64 = 0.2;

/// Endings of the exceptions that the repair strategies know a cure for; a program's own subclasses end alike.
const KNOWN_CURES: &[&str] = &[
    "KeyError",
    "IndexError",
    "AttributeError",
    "TypeError",
    "NameError",
    "UnboundLocalError",
    "ZeroDivisionError",
    "ValueError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "StopIteration",
    "OverflowError",
    "ReferenceError",
    "RangeError",
];

/// 0 to 1: how likely a repair is.
pub(super) fn fixability(facts: &ErrorFacts<'_>, category: Category, route: Route) -> f64 {
    let Some(frame) = facts.frame else { return 0.0 };
    if !matches!(route, Route::Developer | Route::Security) {
        return 0.0;
    }
    let exception = facts.sample.trace.as_ref().map(telling).and_then(|trace| trace.exception.as_deref());
    let name = exception.map(short_name).unwrap_or_default();
    let weights = [
        (0.35, true),
        (0.05, facts.exact),
        (0.2, facts.tested),
        (0.25, KNOWN_CURES.iter().any(|known| name.ends_with(known))),
        (0.1, facts.one_file),
        (0.05, category == Category::Regression),
    ];
    let sum: f64 = weights.into_iter().filter(|(_, met)| *met).map(|(weight, _)| weight).sum();
    let deliberate = frame
        .source
        .as_deref()
        .is_some_and(|source| ["raise", "throw "].iter().any(|word| source.trim_start().starts_with(word)));
    if deliberate { sum * 0.4 } else { sum }
}

/// How far the crew may go, whatever a brain thinks.
pub(crate) fn stop_at(facts: &ErrorFacts<'_>, found: &Classification) -> StopAt {
    let language = facts.frame.and_then(|frame| frame.file.as_deref()).map(Language::of_file);
    match (language, found.route) {
        (None, _) | (_, Route::Ignore) => StopAt::Report,
        (Some(language), Route::Human) if language.is_repaired() => StopAt::Report,
        (Some(_), Route::Human) => StopAt::RootCause,
        (Some(language), _) if !language.is_repaired() => StopAt::RootCause,
        (Some(_), Route::Developer | Route::Security) => {
            match found.fixability.min(fixability(facts, found.category, found.route)) {
                likely if likely < TRY => StopAt::RootCause,
                likely if likely < PUBLISH => StopAt::Patch,
                _ => StopAt::Branch,
            }
        }
    }
}
