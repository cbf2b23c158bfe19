//! Iterators taken for sequences, sequences that change under a loop, and values that cannot be keys.

use tree_sitter::Node;

use super::{Site, Situation, Strategy, arguments, wrapped};
use crate::edit::Proposal;
use crate::syntax::ancestor;

/// Repairs of what an iterator, a view or an unhashable value cannot do.
#[derive(Debug)]
pub(super) struct Iterators;

const NAME: &str = "iterator";

/// Types that give their items once, or without positions.
const ONCE: &[&str] = &[
    "generator",
    "map",
    "filter",
    "zip",
    "enumerate",
    "reversed",
    "dict_keys",
    "dict_values",
    "dict_items",
    "iterator",
    "_csv.reader",
    "itertools.chain",
    "odict_keys",
    "list_iterator",
    "set",
    "frozenset",
];

impl Strategy for Iterators {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let Some(site) = situation.sites.first() else { return Vec::new() };
        let message = situation.message.as_str();
        match situation.exception.as_str() {
            "TypeError" if message.contains("unhashable type") => frozen(site, message),
            "TypeError" if ONCE.iter().any(|kind| message.contains(&format!("'{kind}'"))) => {
                listed(site, message)
            }
            "AttributeError" if ONCE.iter().any(|kind| message.starts_with(&format!("'{kind}'"))) => {
                sorted(site)
            }
            "RuntimeError" if message.contains("changed size during iteration") => copied(site),
            "RuntimeError" if message.contains("generator raised StopIteration") => ended(site),
            "StopIteration" => ended(site),
            _ => Vec::new(),
        }
    }
}

fn as_list(site: &Site, node: Node<'_>) -> Proposal {
    let text = format!("list({})", site.text(node));
    site.cause(NAME, format!("{} is taken as a list", site.text(node)), vec![site.replace(node, text)])
}

/// `len(x)`, `x[i]` and `x + y` of what has no length and no positions.
fn listed(site: &Site, message: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    if message.contains("len()") || message.contains("not reversible") {
        for call in site.crashing_of(&["call"]) {
            let name = call.child_by_field_name("function").map(|function| site.text(function));
            if let (Some("len" | "reversed"), [only]) = (name, arguments(call).as_slice()) {
                found.push(as_list(site, *only));
            }
        }
    }
    if message.contains("not subscriptable") {
        let values = site.crashing_of(&["subscript"]).into_iter();
        found.extend(values.filter_map(|node| Some(as_list(site, node.child_by_field_name("value")?))));
    }
    if message.contains("unsupported operand") || message.contains("can only concatenate") {
        for node in site.crashing_of(&["binary_operator"]) {
            for side in ["left", "right"] {
                found.extend(node.child_by_field_name(side).map(|side| as_list(site, side)));
            }
        }
    }
    found
}

/// `x.sort()` of a view.
fn sorted(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["attribute"]) {
        if let Some(object) = node.child_by_field_name("object") {
            found.push(as_list(site, object));
        }
    }
    found
}

/// A list as a key or a member of a set.
fn frozen(site: &Site, message: &str) -> Vec<Proposal> {
    let into = if message.contains("'list'") {
        "tuple"
    } else if message.contains("'set'") {
        "frozenset"
    } else {
        return Vec::new();
    };
    let mut parts: Vec<Node<'_>> = Vec::new();
    for call in site.crashing_of(&["call"]) {
        parts.extend(arguments(call));
    }
    for node in site.crashing_of(&["subscript"]) {
        parts.extend(node.child_by_field_name("subscript"));
    }
    for node in site.crashing_of(&["comparison_operator"]) {
        parts.extend(node.named_child(0));
    }
    parts.retain(|part| !matches!(part.kind(), "string" | "integer" | "slice" | "keyword_argument"));
    parts
        .into_iter()
        .map(|part| {
            let why = format!("{} is frozen, so that it can be a key", site.text(part));
            site.cause(NAME, why, vec![site.replace(part, format!("{into}({})", site.text(part)))])
        })
        .collect()
}

/// A loop over what its body changes goes over a copy.
fn copied(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    let mut around = site.statement();
    while let Some(node) = around.and_then(|node| ancestor(node, |node| node.kind() == "for_statement")) {
        if let Some(right) = node.child_by_field_name("right") {
            let text = format!("list({})", site.text(right));
            let why = format!("goes over a copy of {}", site.text(right));
            found.push(site.cause(NAME, why, vec![site.replace(right, text)]));
        }
        around = node.parent();
    }
    found
}

/// `next(x)` at the end.
fn ended(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for call in site.crashing_of(&["call"]) {
        let name = call.child_by_field_name("function").map(|function| site.text(function));
        if let (Some("next"), [only]) = (name, arguments(call).as_slice()) {
            let text = format!("next({}, None)", wrapped(&site.source, *only));
            found.push(site.guard(NAME, "takes None where nothing is left", vec![site.replace(call, text)]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::lines_changed;

    #[test]
    fn an_iterator_is_made_a_list_where_one_is_needed() {
        for (message, code, line) in [
            (
                "object of type 'generator' has no len()",
                "def f(x):\n    return len(x) + 1  # crash\n",
                "return len(list(x)) + 1",
            ),
            (
                "'dict_keys' object is not subscriptable",
                "def f(d):\n    return d.keys()[0]  # crash\n",
                "return list(d.keys())[0]",
            ),
            ("unhashable type: 'list'", "def f(seen, x):\n    seen.add(x)  # crash\n", "seen.add(tuple(x))"),
        ] {
            assert_eq!(lines_changed(&Iterators, "TypeError", message, code)[0], line, "{message}");
        }
    }

    #[test]
    fn a_loop_over_what_it_changes_goes_over_a_copy() {
        let code = "def f(d):\n    for k in d:  # crash\n        d.pop(k)\n";
        let message = "dictionary changed size during iteration";
        assert_eq!(lines_changed(&Iterators, "RuntimeError", message, code), ["for k in list(d):"]);
    }

    #[test]
    fn the_end_of_an_iterator_is_guarded() {
        let code = "def f(x):\n    return next(x)  # crash\n";
        assert_eq!(lines_changed(&Iterators, "StopIteration", "", code), ["return next(x, None)"]);
    }
}
