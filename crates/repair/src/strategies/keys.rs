//! Missing keys: counters and groups that start at nothing, misspelt keys, and guards around a read.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{Site, Situation, Strategy, quoted, similar};
use crate::edit::Proposal;

/// Repairs of a `KeyError`.
#[derive(Debug)]
pub(super) struct Keys;

const NAME: &str = "key_access";

impl Strategy for Keys {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        if situation.exception != "KeyError" {
            return Vec::new();
        }
        let mut found = Vec::new();
        for site in situation.sites.iter().take(1) {
            found.extend(accumulate(site));
            found.extend(group(site));
            found.extend(misspelt(site, &situation.message));
            found.extend(defaults(site));
            found.extend(removals(site));
        }
        found
    }
}

/// The object and the key of a subscript with one plain key.
fn parts<'a>(site: &'a Site, node: Node<'a>) -> Option<(&'a str, &'a str)> {
    let value = node.child_by_field_name("value")?;
    let mut cursor = node.walk();
    let keys: Vec<Node<'_>> = node.children_by_field_name("subscript", &mut cursor).collect();
    let [key] = keys.as_slice() else { return None };
    (key.kind() != "slice").then(|| (site.text(value), site.text(*key)))
}

/// `d[k] += v` counts from nothing where `k` is new.
fn accumulate(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["augmented_assignment"]) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            continue;
        };
        let Some((object, key)) = (left.kind() == "subscript").then(|| parts(site, left)).flatten() else {
            continue;
        };
        let Some(operator) = node.child_by_field_name("operator").map(|operator| site.text(operator)) else {
            continue;
        };
        let operator = operator.trim_end_matches('=');
        let neutral: &[&str] = match (operator, right.kind()) {
            ("+", "string" | "concatenated_string") => &["\"\""],
            ("+", "list" | "list_comprehension") => &["[]"],
            ("+", "tuple") => &["()"],
            ("+", _) => &["0", "\"\"", "[]"],
            ("-", _) => &["0"],
            ("|", _) => &["set()", "0"],
            ("*", _) => &["1"],
            _ => &[],
        };
        let value = site.text(right);
        let value = if super::is_simple(right) { value.to_owned() } else { format!("({value})") };
        for start in neutral {
            let text = format!("{object}[{key}] = {object}.get({key}, {start}) {operator} {value}");
            let why = format!("a new key of {object} starts at {start}");
            found.push(site.cause(NAME, why, vec![site.replace(node, text)]));
        }
    }
    found
}

/// `d[k].append(v)` starts a group where `k` is new.
fn group(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for call in site.crashing_of(&["call"]) {
        let Some(function) = call.child_by_field_name("function").filter(|node| node.kind() == "attribute")
        else {
            continue;
        };
        let (Some(target), Some(method)) =
            (function.child_by_field_name("object"), function.child_by_field_name("attribute"))
        else {
            continue;
        };
        let start = match site.text(method) {
            "append" | "extend" | "insert" => "[]",
            "add" => "set()",
            "update" | "setdefault" => "{}",
            _ => continue,
        };
        if target.kind() != "subscript" {
            continue;
        }
        if let Some((object, key)) = parts(site, target) {
            let text = format!("{object}.setdefault({key}, {start})");
            let why = format!("a new key of {object} starts an empty group");
            found.push(site.cause(NAME, why, vec![site.replace(target, text)]));
        }
    }
    found
}

/// A key that is written otherwise everywhere else in the file.
fn misspelt(site: &Site, message: &str) -> Vec<Proposal> {
    let wanted = quoted(message).into_iter().next();
    let known = keys_of_file(site);
    let mut found = Vec::new();
    for node in site.crashing_of(&["string"]) {
        let Some(content) = plain_string(site, node) else { continue };
        if wanted.as_deref().is_some_and(|wanted| wanted != content) {
            continue;
        }
        let others: Vec<&String> = known.iter().filter(|key| **key != content).collect();
        for better in similar(content, others) {
            let text = site.text(node).replacen(content, &better, 1);
            let why = format!("the key is written {better:?} elsewhere, not {content:?}");
            found.push(site.typo(NAME, why, site.replace(node, text)));
        }
    }
    found
}

fn plain_string<'a>(site: &'a Site, node: Node<'a>) -> Option<&'a str> {
    let text = site.text(node);
    let inside = text.strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?;
    (!inside.is_empty() && !inside.contains(['"', '\'', '\\', '\n'])).then_some(inside)
}

/// Texts that are used as keys in a file.
fn keys_of_file(site: &Site) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for node in site.source.walk(site.source.root()) {
        let Some(parent) = node.parent() else { continue };
        let is_key = match parent.kind() {
            "subscript" => parent.child_by_field_name("subscript") == Some(node),
            "pair" => parent.child_by_field_name("key") == Some(node),
            "argument_list" => parent.named_child(0) == Some(node),
            _ => false,
        };
        if is_key && node.kind() == "string" {
            keys.extend(plain_string(site, node).map(str::to_owned));
        }
        if parent.kind() == "keyword_argument" && parent.child_by_field_name("name") == Some(node) {
            keys.insert(site.text(node).to_owned());
        }
    }
    keys
}

/// `d.get(k, default)` instead of `d[k]`, and leaving early without the key.
fn defaults(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["subscript"]) {
        let Some((object, key)) = parts(site, node) else { continue };
        let written = node.parent().is_some_and(|parent| {
            matches!(parent.kind(), "assignment" | "augmented_assignment")
                && parent.child_by_field_name("left") == Some(node)
        });
        if written || node.parent().is_some_and(|parent| parent.kind() == "delete_statement") {
            continue;
        }
        for start in defaults_for(site, node) {
            let text = if start == "None" {
                format!("{object}.get({key})")
            } else {
                format!("{object}.get({key}, {start})")
            };
            let why = format!("reads {start} where {object} has no such key");
            found.push(site.guard(NAME, why, vec![site.replace(node, text)]));
        }
        if super::is_pure(&site.source, node) {
            found.extend(site.leaving_guards(NAME, &format!("{key} not in {object}")));
        }
    }
    found
}

/// Defaults that fit where a value is used.
fn defaults_for(site: &Site, node: Node<'_>) -> Vec<String> {
    site.empties(node, &guesses(site, node))
}

fn guesses(site: &Site, node: Node<'_>) -> Vec<&'static str> {
    let Some(parent) = node.parent() else { return vec!["None"] };
    match parent.kind() {
        "binary_operator" | "augmented_assignment" => {
            let text = site.source.walk(parent).into_iter().any(|node| node.kind() == "string");
            if text { vec!["\"\"", "None"] } else { vec!["0", "\"\"", "[]"] }
        }
        "comparison_operator" => vec!["0", "None", "\"\""],
        "interpolation" => vec!["\"\""],
        "for_statement" | "for_in_clause" => vec!["()"],
        "attribute" => vec!["\"\"", "{}"],
        "subscript" => vec!["{}", "[]"],
        "argument_list" => {
            let function = parent.parent().and_then(|call| call.child_by_field_name("function"));
            match function.map(|function| site.text(function)) {
                Some("len" | "sum" | "sorted" | "max" | "min" | "list" | "set" | "tuple" | "enumerate") => {
                    vec!["[]"]
                }
                Some("int" | "float") => vec!["0"],
                Some("str") => vec!["\"\""],
                _ => vec!["None", "\"\"", "0"],
            }
        }
        _ => vec!["None", "0", "\"\""],
    }
}

/// `del d[k]`, `d.pop(k)` and `s.remove(x)` of what may be gone already.
fn removals(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["delete_statement"]) {
        let Some((object, key)) =
            node.named_child(0).filter(|n| n.kind() == "subscript").and_then(|n| parts(site, n))
        else {
            continue;
        };
        let text = format!("{object}.pop({key}, None)");
        found.push(site.guard(NAME, "removes the key only if it is there", vec![site.replace(node, text)]));
    }
    for call in site.crashing_of(&["call"]) {
        let Some(function) = call.child_by_field_name("function").filter(|node| node.kind() == "attribute")
        else {
            continue;
        };
        let Some(method) = function.child_by_field_name("attribute") else { continue };
        let given = super::arguments(call);
        match (site.text(method), given.as_slice()) {
            ("pop", [key]) => {
                let edit = site.insert(key.end_byte(), ", None");
                found.push(site.guard(NAME, "takes the key out only if it is there", vec![edit]));
            }
            ("remove", [_]) => {
                let edit = site.replace(method, "discard");
                found.push(site.guard(NAME, "removes the element only if it is there", vec![edit]));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{first_line_changed, lines_changed, proposals};
    use groundcrew_core::evidence::ChangeKind;

    #[test]
    fn a_counter_starts_at_nothing_as_a_cause() {
        let code = "def receive(levels, lines):\n    for line in lines:\n        levels[line['sku']] += line['quantity']  # crash\n";
        let made = proposals(&Keys, "KeyError", "'A'", code);
        assert_eq!(made[0].0.kind, ChangeKind::Cause);
        assert!(made[0].1.contains("levels[line['sku']] = levels.get(line['sku'], 0) + line['quantity']"));
    }

    #[test]
    fn a_group_starts_empty() {
        let code = "def f(d, k, v):\n    d[k].append(v)  # crash\n";
        assert_eq!(first_line_changed(&Keys, "KeyError", "'A'", code), "d.setdefault(k, []).append(v)");
    }

    #[test]
    fn a_misspelt_key_is_a_typo() {
        let code = "def g(o):\n    return o['address']\ndef f(o):\n    return o['adress']  # crash\n";
        let made = proposals(&Keys, "KeyError", "'adress'", code);
        assert!(made[0].0.one_line_typo && made[0].1.ends_with("return o['address']\n"));
        assert_eq!(made.iter().filter(|(proposal, _)| proposal.kind == ChangeKind::Cause).count(), 1);
    }

    #[test]
    fn a_read_is_guarded_and_called_a_guard() {
        let code = "def f(d):\n    return len(d['a'])  # crash\n";
        assert_eq!(
            lines_changed(&Keys, "KeyError", "'a'", code),
            ["return len(d.get('a', []))", "if 'a' not in d:"]
        );
        assert!(
            proposals(&Keys, "KeyError", "'a'", code).iter().all(|(p, _)| p.kind == ChangeKind::SymptomGuard)
        );
        let code = "def f(d, k):\n    del d[k]  # crash\n";
        assert_eq!(lines_changed(&Keys, "KeyError", "'a'", code), ["d.pop(k, None)"]);
    }
}
