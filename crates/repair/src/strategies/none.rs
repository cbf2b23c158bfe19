//! `None` where a value was meant: a function that forgot to return, a method that works in place, and guards.

use tree_sitter::Node;

use super::{Site, Situation, Strategy, is_pure, wrapped};
use crate::edit::{Edit, Proposal};
use crate::kinds::Kind;
use crate::syntax::{Source, ancestor, is_statement};

/// Repairs of errors that name `NoneType`.
#[derive(Debug)]
pub(super) struct NoneValues;

const NAME: &str = "none_value";

impl Strategy for NoneValues {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let named = situation.message.contains("NoneType");
        if !named || !matches!(situation.exception.as_str(), "AttributeError" | "TypeError") {
            return Vec::new();
        }
        let Some(site) = situation.sites.first() else { return Vec::new() };
        let missing = missing_values(site, &situation.message);
        let mut found = Vec::new();
        for node in &missing {
            found.extend(forgotten_return(situation, site, *node));
            found.extend(in_place(site, *node));
        }
        for node in &missing {
            found.extend(guards(site, *node));
        }
        found
    }
}

/// Expressions of the crashing statement that may have been `None`.
fn missing_values<'a>(site: &'a Site, message: &str) -> Vec<Node<'a>> {
    let attribute = super::quoted(message).get(1).cloned();
    let mut found: Vec<Node<'a>> = Vec::new();
    for node in site.crashing() {
        let parts: Vec<Option<Node<'a>>> = match node.kind() {
            "attribute" => {
                let name = node.child_by_field_name("attribute").map(|name| site.text(name).to_owned());
                let same = message.contains("has no attribute") && name == attribute;
                vec![node.child_by_field_name("object").filter(|_| same)]
            }
            "subscript" if message.contains("not subscriptable") || message.contains("item assignment") => {
                vec![node.child_by_field_name("value")]
            }
            "call" if message.contains("not callable") => vec![node.child_by_field_name("function")],
            "call"
                if message.contains("len()")
                    || message.contains("argument")
                    || message.contains("iterable")
                    || message.contains("expected") =>
            {
                super::arguments(node).into_iter().map(Some).collect()
            }
            "for_statement" | "for_in_clause" if message.contains("not iterable") => {
                vec![node.child_by_field_name("right")]
            }
            "comparison_operator" => {
                let mut cursor = node.walk();
                node.named_children(&mut cursor).map(Some).collect()
            }
            "assignment" if message.contains("unpack") => vec![node.child_by_field_name("right")],
            "binary_operator" | "augmented_assignment" => {
                vec![node.child_by_field_name("left"), node.child_by_field_name("right")]
            }
            _ => Vec::new(),
        };
        for part in parts.into_iter().flatten() {
            let literal = matches!(
                part.kind(),
                "string" | "integer" | "float" | "list" | "dictionary" | "tuple" | "none"
            );
            if !literal && !found.contains(&part) && found.len() < 8 {
                found.push(part);
            }
        }
    }
    found
}

/// A called function that computes a value and does not return it.
fn forgotten_return(situation: &Situation<'_>, site: &Site, node: Node<'_>) -> Vec<Proposal> {
    let Some(call) = source_of_value(site, node).filter(|node| node.kind() == "call") else {
        return Vec::new();
    };
    let Some(function) = call.child_by_field_name("function") else { return Vec::new() };
    let name = site.text(function).rsplit('.').next().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    let own = std::iter::once(site.frame.file.clone());
    let others = situation.files.iter().filter(|file| **file != site.frame.file).take(200).cloned();
    for file in own.chain(others) {
        let Some(source) =
            (situation.read)(&file).filter(|text| text.contains(&name)).and_then(|text| Source::parse(&text))
        else {
            continue;
        };
        for definition in source.functions().iter().filter(|function| function.name == name) {
            if let Some(edit) =
                source.function_node(&definition.path).and_then(|node| returned(&source, &file, node))
            {
                found.push(site.cause(
                    NAME,
                    format!("{name} computes a value and did not return it"),
                    vec![edit],
                ));
            }
        }
        if found.len() >= 4 {
            break;
        }
    }
    found
}

/// The expression a name was given last before the crash, or the expression itself.
fn source_of_value<'a>(site: &'a Site, node: Node<'a>) -> Option<Node<'a>> {
    if node.kind() != "identifier" {
        return Some(node);
    }
    let name = site.text(node);
    let mut assigned = site.source.walk(site.scope()).into_iter().filter(|other| {
        other.kind() == "assignment"
            && other.end_byte() <= node.start_byte()
            && other.child_by_field_name("left").is_some_and(|left| site.text(left) == name)
    });
    assigned.next_back().and_then(|assignment| assignment.child_by_field_name("right"))
}

/// The edit that makes a function return what its last statement computes.
fn returned(source: &Source, file: &str, function: Node<'_>) -> Option<Edit> {
    let body = function.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let last = body.named_children(&mut cursor).filter(|node| is_statement(*node)).last()?;
    let bare = source.walk(function).into_iter().any(|node| node.kind() == "yield");
    if bare || last.kind() == "return_statement" {
        return None;
    }
    if last.kind() == "expression_statement" {
        let inner = last.named_child(0)?;
        let left = match inner.kind() {
            "assignment" | "augmented_assignment" => inner.child_by_field_name("left")?,
            "call"
            | "binary_operator"
            | "identifier"
            | "list"
            | "dictionary"
            | "subscript"
            | "attribute"
            | "list_comprehension"
            | "conditional_expression" => {
                let start = last.start_byte();
                return Some(Edit { file: file.to_owned(), start, end: start, text: "return ".to_owned() });
            }
            _ => return None,
        };
        return Some(after(source, file, last, source.of(left)));
    }
    // A loop or a branch that builds a value: the value is what was made first in the function.
    if !matches!(last.kind(), "for_statement" | "while_statement" | "if_statement" | "with_statement") {
        return None;
    }
    let mut cursor = body.walk();
    let made = body.named_children(&mut cursor).find_map(|statement| {
        let inner = statement.named_child(0).filter(|inner| inner.kind() == "assignment")?;
        inner.child_by_field_name("left").filter(|left| left.kind() == "identifier")
    })?;
    Some(after(source, file, last, source.of(made)))
}

fn after(source: &Source, file: &str, last: Node<'_>, name: &str) -> Edit {
    let indent = source.indent(last);
    let at = last.end_byte();
    Edit { file: file.to_owned(), start: at, end: at, text: format!("\n{indent}return {name}") }
}

/// `x = y.sort()`: the method works in place and gives nothing back.
fn in_place(site: &Site, node: Node<'_>) -> Option<Proposal> {
    let call = source_of_value(site, node).filter(|node| node.kind() == "call")?;
    let function = call.child_by_field_name("function").filter(|node| node.kind() == "attribute")?;
    let object = site.text(function.child_by_field_name("object")?);
    let given: Vec<&str> = super::arguments(call).into_iter().map(|node| site.text(node)).collect();
    let text = match (site.text(function.child_by_field_name("attribute")?), given.as_slice()) {
        ("sort", []) => format!("sorted({object})"),
        ("sort", given) => format!("sorted({object}, {})", given.join(", ")),
        ("reverse", []) => format!("{object}[::-1]"),
        ("append", [item]) => format!("{object} + [{item}]"),
        ("extend", [items]) => format!("{object} + list({items})"),
        _ => return None,
    };
    Some(site.cause(
        NAME,
        "the method changes the object in place and gives nothing back",
        vec![site.replace(call, text)],
    ))
}

fn guards(site: &Site, node: Node<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    let expression = wrapped(&site.source, node);
    found.extend(first_of_nothing(site, node));
    for start in empty_values(node, site) {
        let text = format!("({} or {start})", site.text(node));
        found.push(site.guard(
            NAME,
            format!("takes {start} where {expression} is None"),
            vec![site.replace(node, text)],
        ));
    }
    if !is_pure(&site.source, node) {
        found.extend(bound(site, node));
    }
    if is_pure(&site.source, node) {
        found.extend(site.skipping_guard(NAME, &format!("{expression} is not None")));
        found.extend(site.leaving_guards(NAME, &format!("{expression} is None")));
        let statement = ancestor(node, |above| matches!(above.kind(), "assignment" | "return_statement"));
        let other = statement.map_or("None", |statement| site.otherwise(statement));
        let value = statement.and_then(|statement| match statement.kind() {
            "return_statement" => statement.named_child(0),
            _ => statement.child_by_field_name("right"),
        });
        if let Some(value) = value.filter(|value| value.kind() != "conditional_expression") {
            let text = format!("{} if {expression} is not None else {other}", site.text(value));
            found.push(site.guard(
                NAME,
                format!("gives {other} where {expression} is None"),
                vec![site.replace(value, text)],
            ));
        }
    }
    found
}

/// What a call gave is kept under a name, so that it can be looked at before it is used.
fn bound(site: &Site, node: Node<'_>) -> Option<Proposal> {
    let statement = site.statement().filter(|statement| site.stands_alone(*statement))?;
    let simple = matches!(statement.kind(), "expression_statement" | "return_statement");
    let inside = ancestor(node, |above| {
        matches!(above.kind(), "lambda" | "boolean_operator" | "conditional_expression" | "await")
            || above.kind().ends_with("_comprehension")
            || above.kind() == "generator_expression"
    });
    // Inside of these it may not be evaluated at all, or more than once.
    if !simple || inside.is_some_and(|above| above.start_byte() >= statement.start_byte()) {
        return None;
    }
    let taken = site.names_in_reach();
    let name = ["found", "value", "given"].into_iter().find(|name| !taken.contains(*name))?;
    let leave = site.leaving(statement)?;
    let indent = site.source.indent(statement);
    let text =
        format!("{name} = {}\n{indent}if {name} is None:\n{indent}    {leave}\n{indent}", site.text(node));
    let why = format!("leaves early if {} is None", site.text(node));
    Some(site.guard(NAME, why, vec![site.insert(statement.start_byte(), text), site.replace(node, name)]))
}

/// `x[0]` of a text that may be missing: the first letter of nothing is nothing. Whatever else `x` may be stays as it is.
fn first_of_nothing(site: &Site, node: Node<'_>) -> Option<Proposal> {
    let parent = node.parent().filter(|parent| parent.kind() == "subscript")?;
    let index = parent.child_by_field_name("subscript")?;
    let seen = site.kinds.values.get(site.text(node))?;
    let text = seen.contains(&Kind::Text)
        && seen.iter().all(|kind| matches!(kind, Kind::Text | Kind::Nothing))
        && matches!(site.text(index), "0" | "-1")
        && is_pure(&site.source, node);
    let object = site.text(node);
    let edit =
        text.then(|| site.replace(parent, format!("({} if {object} else \"\")", site.text(parent))))?;
    Some(site.guard(NAME, format!("takes \"\" where there is no {object}"), vec![edit]))
}

/// Empty values that fit where a value is used.
fn empty_values(node: Node<'_>, site: &Site) -> Vec<String> {
    let mut found = site.empties(node, &guesses(node, site));
    found.retain(|empty| empty != "None");
    found
}

fn guesses(node: Node<'_>, site: &Site) -> Vec<&'static str> {
    let Some(parent) = node.parent() else { return Vec::new() };
    match parent.kind() {
        "attribute" => {
            let method =
                parent.child_by_field_name("attribute").map(|name| site.text(name)).unwrap_or_default();
            match method {
                "get" | "items" | "keys" | "values" => vec!["{}"],
                "append" | "extend" => vec!["[]"],
                _ => vec!["\"\"", "{}"],
            }
        }
        "subscript" => vec!["{}", "[]", "\"\""],
        "for_statement" | "for_in_clause" => vec!["()"],
        "binary_operator" | "augmented_assignment" => {
            let text = site.source.walk(parent).into_iter().any(|node| node.kind() == "string");
            if text { vec!["\"\""] } else { vec!["0", "\"\"", "[]"] }
        }
        "comparison_operator" => vec!["0", "\"\"", "()"],
        "argument_list" => vec!["()", "\"\"", "0"],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{lines_changed, proposals};
    use groundcrew_core::evidence::ChangeKind;

    const MESSAGE: &str = "'NoneType' object has no attribute 'upper'";

    #[test]
    fn a_forgotten_return_is_a_cause_and_comes_first() {
        let code = "def make(x):\n    y = x.strip()\n\ndef f(x):\n    name = make(x)\n    return name.upper()  # crash\n";
        let made = proposals(&NoneValues, "AttributeError", MESSAGE, code);
        assert_eq!(made[0].0.kind, ChangeKind::Cause);
        assert!(made[0].1.contains("    y = x.strip()\n    return y\n"));
        assert!(made[1..].iter().all(|(proposal, _)| proposal.kind == ChangeKind::SymptomGuard));
    }

    #[test]
    fn a_method_that_works_in_place_is_replaced() {
        let code = "def f(x):\n    y = x.sort()\n    return y[0]  # crash\n";
        let lines = lines_changed(&NoneValues, "TypeError", "'NoneType' object is not subscriptable", code);
        assert_eq!(lines[0], "y = sorted(x)");
    }

    #[test]
    fn what_a_call_gave_is_looked_at_before_it_is_used() {
        let code = "def f(x):\n    return x.find(1)['price'] * 2  # crash\n";
        let made = proposals(&NoneValues, "TypeError", "'NoneType' object is not subscriptable", code);
        let wanted = "def f(x):\n    found = x.find(1)\n    if found is None:\n        return None\n    return found['price'] * 2\n";
        assert!(made.iter().any(|(_, text)| text == wanted), "{made:?}");
    }

    #[test]
    fn guards_say_what_they_do() {
        let code = "def f(x):\n    return x.upper()  # crash\n";
        assert_eq!(
            lines_changed(&NoneValues, "AttributeError", MESSAGE, code),
            [
                "return (x or \"\").upper()",
                "return (x or {}).upper()",
                "if x is None:",
                "return x.upper() if x is not None else None",
            ]
        );
    }
}
