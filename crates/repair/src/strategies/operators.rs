//! Small changes of operators and constants: a search rather than knowledge, so its finds are worth less.
//!
//! Looked at are the function that crashed and the functions of the same file that its crashing lines call.

use tree_sitter::Node;

use super::{Site, Situation, Strategy, arguments, wrapped};
use crate::edit::{Edit, Proposal};
use crate::syntax::{covers, first_line};

/// Mutations of operators, bounds, rounding and the order of arguments.
#[derive(Debug)]
pub(super) struct Operators;

/// Name of the family, by which the search ranks it lower.
pub(crate) const NAME: &str = "operator";

impl Strategy for Operators {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        // An undefined name, attribute or module is never an operator's fault.
        if matches!(
            situation.exception.as_str(),
            "NameError" | "AttributeError" | "ImportError" | "ModuleNotFoundError" | "SyntaxError"
        ) {
            return Vec::new();
        }
        let Some(site) = situation.sites.first() else { return Vec::new() };
        let scope = site.scope();
        let mut places = vec![scope];
        places.extend(called(site, scope));
        let mut found = Vec::new();
        for place in places {
            let mut nodes = site.source.walk(place);
            // What lies nearest to the crash is the likeliest.
            nodes.sort_by_key(|node| {
                (!covers(*node, site.frame.line), first_line(*node).abs_diff(site.frame.line))
            });
            for node in nodes.into_iter().take(2000) {
                found.extend(mutations(site, node));
            }
        }
        found
    }
}

/// Functions of the same file that a function calls.
fn called<'a>(site: &'a Site, scope: Node<'a>) -> Vec<Node<'a>> {
    let mut names = Vec::new();
    for call in site.source.walk(scope).into_iter().filter(|node| node.kind() == "call") {
        let function = call.child_by_field_name("function").map(|function| site.text(function));
        names.extend(function.and_then(|name| name.rsplit('.').next()).map(str::to_owned));
    }
    site.source
        .walk(site.source.root())
        .into_iter()
        .filter(|node| {
            node.kind() == "function_definition"
                && *node != scope
                && node
                    .child_by_field_name("name")
                    .is_some_and(|name| names.contains(&site.text(name).to_owned()))
        })
        .take(4)
        .collect()
}

fn mutations(site: &Site, node: Node<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    let mut add = |why: String, edits: Vec<Edit>| found.push(site.cause(NAME, why, edits));
    match node.kind() {
        "comparison_operator" => {
            let mut cursor = node.walk();
            for operator in node.children_by_field_name("operators", &mut cursor) {
                let others: &[&str] = match site.text(operator) {
                    "<" => &["<=", ">"],
                    "<=" => &["<", ">="],
                    ">" => &[">=", "<"],
                    ">=" => &[">", "<="],
                    "==" => &["!="],
                    "!=" => &["=="],
                    "in" => &["not in"],
                    "not in" => &["in"],
                    "is" => &["is not"],
                    "is not" => &["is"],
                    _ => &[],
                };
                for other in others {
                    add(format!("compares with {other}"), vec![site.replace(operator, *other)]);
                }
            }
        }
        "boolean_operator" => {
            if let Some(operator) = node.child_by_field_name("operator") {
                let other = if site.text(operator) == "and" { "or" } else { "and" };
                add(format!("joins the conditions with {other}"), vec![site.replace(operator, other)]);
            }
        }
        "not_operator" => {
            if let Some(argument) = node.child_by_field_name("argument") {
                add("drops the not".to_owned(), vec![site.replace(node, site.text(argument))]);
            }
        }
        "binary_operator" => {
            for (why, text) in arithmetic(site, node) {
                add(why, vec![site.replace(node, text)]);
            }
        }
        "integer" if node.parent().is_some_and(|parent| parent.kind() != "subscript") => {
            if let Ok(number) = site.text(node).parse::<i64>()
                && number.abs() < 1000
            {
                for other in [number - 1, number + 1] {
                    add(format!("{other} instead of {number}"), vec![site.replace(node, other.to_string())]);
                }
            }
        }
        "call" => {
            let given = arguments(node);
            let name =
                node.child_by_field_name("function").map(|function| site.text(function)).unwrap_or_default();
            if let ("round" | "int", [only]) = (name, given.as_slice())
                && let Some((left, "/" | "//", right)) = super::binary(&site.source, *only)
            {
                let text = rounded_up(site, left, right);
                add("rounds up".to_owned(), vec![site.replace(node, text)]);
            }
            if let ("min" | "max", [_, _]) = (name, given.as_slice())
                && let Some(function) = node.child_by_field_name("function")
            {
                let other = if name == "min" { "max" } else { "min" };
                add(format!("{other} instead of {name}"), vec![site.replace(function, other)]);
            }
            for pair in given.windows(2).take(3) {
                let plain = pair.iter().all(|argument| argument.kind() != "keyword_argument");
                if let ([one, two], true) = (pair, plain) {
                    let edits =
                        vec![site.replace(*one, site.text(*two)), site.replace(*two, site.text(*one))];
                    add(format!("swaps {} and {}", site.text(*one), site.text(*two)), edits);
                }
            }
        }
        _ => {}
    }
    found
}

fn arithmetic(site: &Site, node: Node<'_>) -> Vec<(String, String)> {
    let Some((left, operator, right)) = super::binary(&site.source, node) else { return Vec::new() };
    let (one, two) = (site.text(left), site.text(right));
    let swapped = |other: &str| (format!("{other} instead of {operator}"), format!("{one} {other} {two}"));
    match operator {
        "+" | "-" if two == "1" => {
            vec![
                (format!("drops the {operator} 1"), one.to_owned()),
                swapped(if operator == "+" { "-" } else { "+" }),
            ]
        }
        "+" => vec![swapped("-")],
        "-" => vec![swapped("+")],
        "//" => vec![("rounds up".to_owned(), rounded_up(site, left, right)), swapped("/"), swapped("%")],
        "/" => vec![swapped("//"), swapped("*")],
        "*" => vec![swapped("/")],
        "%" => vec![swapped("//")],
        _ => Vec::new(),
    }
}

fn rounded_up(site: &Site, left: Node<'_>, right: Node<'_>) -> String {
    format!("-(-{} // {})", wrapped(&site.source, left), wrapped(&site.source, right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::lines_changed;

    #[test]
    fn rounding_is_turned_up_in_a_called_function() {
        let code = "def count(n):\n    return round(n / 6)\n\ndef pack(n):\n    boxes = [0] * count(n)\n    return boxes[n // 6]  # crash\n";
        let lines = lines_changed(&Operators, "IndexError", "list index out of range", code);
        assert!(lines.contains(&"return -(-n // 6)".to_owned()), "{lines:?}");
        assert!(lines.contains(&"return boxes[-(-n // 6)]".to_owned()), "{lines:?}");
    }

    #[test]
    fn two_arguments_are_swapped() {
        let code = "def f(a, b):\n    return divmod(a, b)  # crash\n";
        assert_eq!(lines_changed(&Operators, "ZeroDivisionError", "", code), ["return divmod(b, a)"]);
    }
}
