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

/// The value as a list where it is read; a name that is read elsewhere too becomes one before, since an iterator gives
/// its items only once.
fn as_list(site: &Site, node: Node<'_>) -> Proposal {
    let name = site.text(node);
    let why = format!("{name} is taken as a list");
    let again = node.kind() == "identifier"
        && site.source.walk(site.scope()).into_iter().any(|other| {
            other.kind() == "identifier" && other.start_byte() > node.start_byte() && site.text(other) == name
        });
    if again && let Some(statement) = site.statement().filter(|statement| site.stands_alone(*statement)) {
        let made = site.source.walk(site.scope()).into_iter().rfind(|other| {
            other.kind() == "assignment"
                && other.end_byte() <= statement.start_byte()
                && other.child_by_field_name("left").is_some_and(|left| site.text(left) == name)
        });
        return match made.and_then(|made| made.child_by_field_name("right")) {
            Some(right) => {
                site.cause(NAME, why, vec![site.replace(right, format!("list({})", site.text(right)))])
            }
            None => {
                let text = format!("{name} = list({name})\n{}", site.source.indent(statement));
                site.cause(NAME, why, vec![site.insert(statement.start_byte(), text)])
            }
        };
    }
    site.cause(NAME, why, vec![site.replace(node, format!("list({name})"))])
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
            let name = site.text(part);
            let uses = if part.kind() == "identifier" { as_member(site, name) } else { Vec::new() };
            let uses = if uses.contains(&part) { uses } else { vec![part] };
            let edits =
                uses.into_iter().map(|node| site.replace(node, format!("{into}({})", site.text(node))));
            site.cause(NAME, format!("{name} is frozen, so that it can be a key"), edits.collect())
        })
        .collect()
}

/// Where a name of a function is a key, or a member of something.
fn as_member<'a>(site: &'a Site, name: &str) -> Vec<Node<'a>> {
    let here = site.source.walk(site.scope()).into_iter();
    here.filter(|node| node.kind() == "identifier" && site.text(*node) == name)
        .filter(|node| {
            let Some(parent) = node.parent() else { return false };
            match parent.kind() {
                "subscript" => parent.child_by_field_name("subscript") == Some(*node),
                "comparison_operator" => {
                    let mut cursor = parent.walk();
                    let mut operators = parent.children_by_field_name("operators", &mut cursor);
                    let member = operators.any(|one| matches!(site.text(one), "in" | "not in"));
                    member && parent.named_child(0) == Some(*node)
                }
                "argument_list" => parent
                    .parent()
                    .and_then(|call| call.child_by_field_name("function")?.child_by_field_name("attribute"))
                    .is_some_and(|method| {
                        matches!(site.text(method), "add" | "discard" | "remove" | "get" | "setdefault")
                    }),
                _ => false,
            }
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
        // A generator as the only argument has no brackets of its own.
        let bare =
            call.child_by_field_name("arguments").filter(|given| given.kind() == "generator_expression");
        let given = bare.map_or_else(|| arguments(call), |generator| vec![generator]);
        if let (Some("next"), [only]) = (name, given.as_slice()) {
            let only =
                if bare.is_some() { site.text(*only).to_owned() } else { wrapped(&site.source, *only) };
            let text = format!("next({only}, None)");
            found.push(site.guard(NAME, "takes None where nothing is left", vec![site.replace(call, text)]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{lines_changed, proposals};

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
            (
                "object of type 'map' has no len()",
                "def f(x):\n    y = map(int, x)\n    return len(y), sum(y)  # crash\n",
                "y = list(map(int, x))",
            ),
        ] {
            assert_eq!(lines_changed(&Iterators, "TypeError", message, code)[0], line, "{message}");
        }
    }

    #[test]
    fn a_key_is_frozen_wherever_the_function_asks_for_it() {
        let code = "def f(rows):\n    seen = set()\n    for row in rows:\n        if row not in seen:  # crash\n            seen.add(row)\n            print(row)\n";
        let made = proposals(&Iterators, "TypeError", "unhashable type: 'list'", code);
        assert_eq!(
            made[0].1,
            code.replace("  # crash", "")
                .replace("row not in", "tuple(row) not in")
                .replace("add(row)", "add(tuple(row))")
        );
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
        let code = "def f(x):\n    return next(y for y in x if y)  # crash\n";
        let lines = lines_changed(&Iterators, "StopIteration", "", code);
        assert_eq!(lines, ["return next((y for y in x if y), None)"]);
    }
}
