//! Local names that are read before they have a value.

use tree_sitter::Node;

use super::{Site, Situation, Strategy, body_start, quoted, similar};
use crate::edit::Proposal;

/// Repairs of an `UnboundLocalError`.
#[derive(Debug)]
pub(super) struct Unbound;

const NAME: &str = "unbound_local";

impl Strategy for Unbound {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        if situation.exception != "UnboundLocalError" {
            return Vec::new();
        }
        let (Some(site), Some(name)) =
            (situation.sites.first(), quoted(&situation.message).into_iter().next())
        else {
            return Vec::new();
        };
        let Some(function) = site.source.function_node_at(site.frame.line) else { return Vec::new() };
        let Some((at, indent)) = body_start(&site.source, function) else { return Vec::new() };
        let mut found = Vec::new();
        if is_global(site, &name) {
            let edit = site.insert(at, format!("global {name}\n{indent}"));
            found.push(site.cause(NAME, format!("{name} is the module's"), vec![edit]));
        }
        found.extend(misspelt(site, &name));
        for start in starts(site, function, &name) {
            let edit = site.insert(at, format!("{name} = {start}\n{indent}"));
            let why = format!("{name} starts at {start}");
            found.push(if start == "None" {
                site.guard(NAME, why, vec![edit])
            } else {
                site.cause(NAME, why, vec![edit])
            });
        }
        found
    }
}

fn is_global(site: &Site, name: &str) -> bool {
    let root = site.source.root();
    let mut cursor = root.walk();
    root.named_children(&mut cursor).any(|node| {
        node.named_child(0).filter(|inner| inner.kind() == "assignment").is_some_and(|inner| {
            inner.child_by_field_name("left").is_some_and(|left| site.text(left) == name)
        })
    })
}

fn misspelt(site: &Site, name: &str) -> Vec<Proposal> {
    let mut known = site.names_in_reach();
    known.remove(name);
    let mut found = Vec::new();
    for other in similar(name, &known) {
        let uses = site.crashing_of(&["identifier"]).into_iter().filter(|node| site.text(*node) == name);
        let edits: Vec<_> = uses.map(|node| site.replace(node, other.clone())).collect();
        if !edits.is_empty() {
            found.push(site.cause(NAME, format!("{other} is meant, not {name}"), edits));
        }
    }
    found
}

/// First values that fit how the name is built up in the function.
fn starts(site: &Site, function: Node<'_>, name: &str) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    for node in site.source.walk(function) {
        let is = |field: &str| node.child_by_field_name(field).is_some_and(|part| site.text(part) == name);
        match node.kind() {
            "augmented_assignment" if is("left") => {
                let right = node.child_by_field_name("right").map(|right| right.kind());
                let operator = node.child_by_field_name("operator").map(|operator| site.text(operator));
                found.extend(match (operator, right) {
                    (Some("+="), Some("string" | "concatenated_string")) => vec!["\"\""],
                    (Some("+="), Some("list" | "list_comprehension")) => vec!["[]"],
                    (Some("*="), _) => vec!["1"],
                    (Some("|="), _) => vec!["set()", "0"],
                    _ => vec!["0", "\"\"", "[]"],
                });
            }
            "attribute" if is("object") => {
                let method = node.child_by_field_name("attribute").map(|method| site.text(method));
                match method {
                    Some("append" | "extend") => found.push("[]"),
                    Some("add") => found.push("set()"),
                    Some("update") => found.push("{}"),
                    _ => {}
                }
            }
            "assignment" if is("left") => {
                match node.child_by_field_name("right").map(|right| site.text(right)) {
                    Some("True") => found.push("False"),
                    Some("False") => found.push("True"),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    found.push("None");
    let mut seen = Vec::new();
    found.retain(|start| {
        let new = !seen.contains(start);
        seen.push(*start);
        new
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::lines_changed;

    const MESSAGE: &str = "cannot access local variable 'total' where it is not associated with a value";

    #[test]
    fn a_sum_starts_at_nothing() {
        let code = "def f(x):\n    for n in x:\n        total += n  # crash\n    return total\n";
        assert_eq!(lines_changed(&Unbound, "UnboundLocalError", MESSAGE, code)[0], "total = 0");
    }

    #[test]
    fn a_name_of_the_module_is_declared() {
        let code = "total = 0\ndef f(x):\n    total += x  # crash\n";
        assert_eq!(lines_changed(&Unbound, "UnboundLocalError", MESSAGE, code)[0], "global total");
    }
}
