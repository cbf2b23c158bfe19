//! Positions outside of a sequence: off-by-one bounds first, then guards for what is empty.

use tree_sitter::Node;

use super::{Site, Situation, Strategy, binary, is_pure, wrapped};
use crate::edit::Proposal;
use crate::syntax::ancestor;

/// Repairs of an `IndexError`.
#[derive(Debug)]
pub(super) struct Index;

const NAME: &str = "index";

impl Strategy for Index {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        if situation.exception != "IndexError" && situation.exception != "StopIteration" {
            return Vec::new();
        }
        let Some(site) = situation.sites.first() else { return Vec::new() };
        let mut found = letters(site);
        found.extend(compared(site));
        found.extend(bounds(site));
        found.extend(positions(site));
        found.extend(guards(site));
        found
    }
}

/// `text[-1] == "x"` asks for a letter where there may be none; a slice of an empty text is just another text.
fn letters(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["comparison_operator"]) {
        let mut cursor = node.walk();
        let sides: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        if !sides.iter().any(|side| matches!(side.kind(), "string" | "tuple")) {
            continue;
        }
        for side in sides.iter().filter(|side| side.kind() == "subscript") {
            let Some(index) = side.child_by_field_name("subscript") else { continue };
            let slice = match site.text(index) {
                "-1" => "-1:",
                "0" => ":1",
                _ => continue,
            };
            found.push(site.cause(
                NAME,
                "compares a slice, which may be empty",
                vec![site.replace(index, slice)],
            ));
        }
    }
    found
}

/// `x[1] == y` in a condition: what is not there does not equal anything.
fn compared(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["comparison_operator"]) {
        let mut cursor = node.walk();
        let operators: Vec<&str> = node
            .children_by_field_name("operators", &mut cursor)
            .map(|operator| site.text(operator))
            .collect();
        let value = node.named_child(0).filter(|first| first.kind() == "subscript");
        let (["==" | "in"], Some(first)) = (operators.as_slice(), value) else { continue };
        let (Some(object), Some(index)) =
            (first.child_by_field_name("value"), first.child_by_field_name("subscript"))
        else {
            continue;
        };
        if index.kind() != "integer" || !in_condition(node) {
            continue;
        }
        let text = format!("len({}) > {} and {}", site.text(object), site.text(index), site.text(node));
        let needs = node.parent().is_some_and(|parent| parent.kind() == "not_operator");
        let text = if needs { format!("({text})") } else { text };
        let why = format!("what is not there equals nothing: {}", site.text(node));
        found.push(site.cause(NAME, why, vec![site.replace(node, text)]));
    }
    found
}

/// Whether only the truth of an expression counts.
fn in_condition(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| match parent.kind() {
        "boolean_operator" | "parenthesized_expression" => {
            in_condition(parent) || parent.kind() == "boolean_operator"
        }
        "not_operator" | "return_statement" | "assert_statement" => true,
        "if_statement" | "elif_clause" | "while_statement" | "if_clause" => {
            parent.child_by_field_name("condition") == Some(node) || parent.kind() == "if_clause"
        }
        _ => false,
    })
}

/// Headers of the loops and branches around the crash, and the crash itself.
fn bounds(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    let Some(statement) = site.statement() else { return found };
    let mut around = Some(statement);
    while let Some(node) = around {
        match node.kind() {
            "for_statement" => {
                if let Some(right) = node.child_by_field_name("right") {
                    found.extend(range_bounds(site, right));
                }
            }
            "while_statement" | "if_statement" => {
                if let Some(condition) = node.child_by_field_name("condition") {
                    found.extend(comparisons(site, condition));
                }
            }
            "function_definition" => break,
            _ => {}
        }
        around = node.parent();
    }
    for clause in site.crashing_of(&["for_in_clause"]) {
        if let Some(right) = clause.child_by_field_name("right") {
            found.extend(range_bounds(site, right));
        }
    }
    for conditional in site.crashing_of(&["comparison_operator"]) {
        found.extend(comparisons(site, conditional));
    }
    found
}

/// `range(n + 1)` and `range(n)` that go one too far.
fn range_bounds(site: &Site, right: Node<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    let calls = site.source.walk(right).into_iter().filter(|node| node.kind() == "call");
    for call in calls {
        if call.child_by_field_name("function").is_none_or(|function| site.text(function) != "range") {
            continue;
        }
        let given = super::arguments(call);
        let end = match given.as_slice() {
            [end] => *end,
            [_, end, ..] => *end,
            _ => continue,
        };
        if let Some((left, "+", one)) = binary_of(site, end)
            && site.text(one) == "1"
        {
            let edit = site.replace(end, site.text(left));
            found.push(site.cause(
                NAME,
                format!("the range ends at {}, not one after", site.text(left)),
                vec![edit],
            ));
        }
        let less = format!("{} - 1", wrapped(&site.source, end));
        found.push(site.cause(NAME, "the range ends one earlier", vec![site.replace(end, less)]));
        if let [start, _, ..] = given.as_slice()
            && site.text(*start) == "0"
        {
            found.push(site.cause(NAME, "the range starts at 1", vec![site.replace(*start, "1")]));
        }
        if given.len() == 1 {
            let text = format!("1, {}", site.text(end));
            found.push(site.cause(NAME, "the range starts at 1", vec![site.replace(end, text)]));
        }
    }
    found
}

fn binary_of<'a>(site: &'a Site, node: Node<'a>) -> Option<(Node<'a>, &'a str, Node<'a>)> {
    (node.kind() == "binary_operator").then(|| binary(&site.source, node)).flatten()
}

/// `<=` for `<`, `>=` for `>` in a condition.
fn comparisons(site: &Site, condition: Node<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.source.walk(condition).into_iter().filter(|node| node.kind() == "comparison_operator") {
        let mut cursor = node.walk();
        for operator in node.children_by_field_name("operators", &mut cursor) {
            let better = match site.text(operator) {
                "<=" => "<",
                ">=" => ">",
                _ => continue,
            };
            found.push(site.cause(
                NAME,
                format!("the bound itself is outside: {better}"),
                vec![site.replace(operator, better)],
            ));
        }
    }
    found
}

/// `x[i + 1]`, `x[len(x)]` and `x[i]` that point one too far.
fn positions(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["subscript"]) {
        let Some(index) = node.child_by_field_name("subscript").filter(|index| index.kind() != "slice")
        else {
            continue;
        };
        match binary_of(site, index) {
            Some((left, "+", one)) if site.text(one) == "1" => {
                let edit = site.replace(index, site.text(left));
                found.push(site.cause(NAME, "the position is one too far", vec![edit]));
            }
            _ => {}
        }
        if index.kind() != "string" && index.kind() != "integer" {
            let less = format!("{} - 1", wrapped(&site.source, index));
            found.push(site.cause(NAME, "the position is one too far", vec![site.replace(index, less)]));
        }
    }
    found
}

fn guards(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["subscript"]) {
        let (Some(value), Some(index)) =
            (node.child_by_field_name("value"), node.child_by_field_name("subscript"))
        else {
            continue;
        };
        if index.kind() == "string" || !is_pure(&site.source, node) {
            continue;
        }
        let (object, position) = (wrapped(&site.source, value), site.text(index));
        let plain = index.kind() == "integer" || index.kind() == "unary_operator";
        let enough = if plain && matches!(position, "0" | "-1") {
            format!("not {object}")
        } else {
            format!("len({object}) <= {position}")
        };
        found.extend(site.leaving_guards(NAME, &enough));
        let statement = ancestor(node, |above| matches!(above.kind(), "assignment" | "return_statement"));
        let other = statement.map_or("None", |statement| site.otherwise(statement));
        let result = statement.and_then(|statement| match statement.kind() {
            "return_statement" => statement.named_child(0),
            _ => statement.child_by_field_name("right"),
        });
        if let Some(result) = result.filter(|result| result.kind() != "conditional_expression") {
            let there = if enough.starts_with("not") {
                object.clone()
            } else {
                format!("len({object}) > {position}")
            };
            let text = format!("{} if {there} else {other}", site.text(result));
            found.push(site.guard(
                NAME,
                format!("gives {other} unless {there}"),
                vec![site.replace(result, text)],
            ));
        }
    }
    for call in site.crashing_of(&["call"]) {
        let Some(function) = call.child_by_field_name("function").filter(|node| node.kind() == "attribute")
        else {
            continue;
        };
        let name = function.child_by_field_name("attribute").map(|name| site.text(name));
        if let (Some("pop" | "popleft"), Some(object)) = (name, function.child_by_field_name("object")) {
            found.extend(site.leaving_guards(NAME, &format!("not {}", wrapped(&site.source, object))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::lines_changed;

    fn lines(code: &str) -> Vec<String> {
        lines_changed(&Index, "IndexError", "list index out of range", code)
    }

    #[test]
    fn a_range_that_goes_one_too_far_is_shortened_before_any_guard() {
        let code = "def f(x):\n    for i in range(len(x) + 1):\n        print(x[i])  # crash\n";
        assert_eq!(
            lines(code),
            [
                "for i in range(len(x)):",
                "for i in range((len(x) + 1) - 1):",
                "for i in range(1, len(x) + 1):",
                "print(x[i - 1])",
                "if len(x) <= i:",
            ]
        );
    }

    #[test]
    fn a_condition_that_includes_its_bound_is_tightened() {
        let code = "def f(x):\n    i = 0\n    while i <= len(x):\n        i += x[i]  # crash\n";
        assert_eq!(lines(code)[0], "while i < len(x):");
    }

    #[test]
    fn a_letter_that_may_be_missing_is_compared_as_a_slice() {
        let code = "def f(t):\n    if t[-1] != 'x':  # crash\n        t += 'x'\n    return t\n";
        assert_eq!(lines(code)[0], "if t[-1:] != 'x':");
    }

    #[test]
    fn what_is_not_there_equals_nothing() {
        let code = "def f(t):\n    return t.split()[1] == 'stash' and t  # crash\n";
        assert_eq!(lines(code)[0], "return len(t.split()) > 1 and t.split()[1] == 'stash' and t");
    }

    #[test]
    fn an_empty_sequence_is_guarded() {
        let code = "def f(x):\n    return x[0]  # crash\n";
        assert_eq!(lines(code), ["if not x:", "return x[0] if x else None"]);
    }
}
