//! Smells of a change in JavaScript and TypeScript: what hides a symptom, and what weakens a test.

use tree_sitter::Node;

use super::code;
use crate::syntax::Source;

type Smell = fn(&Source, Node<'_>) -> bool;

/// Smells that a change brings into a file of the program.
pub(super) fn program_smells(path: &str, before: &str, after: &str) -> Vec<&'static str> {
    let (Some(before), Some(after)) = (code::parse(path, before), code::parse(path, after)) else {
        return vec!["cannot be parsed"];
    };
    let kinds: [(Smell, &'static str); 4] = [
        (swallows, "swallows an exception"),
        (leaves_early, "leaves early after a guard"),
        (skips_what_is_missing, "goes on where something is missing"),
        (suppresses, "silences a checker"),
    ];
    let mut found: Vec<&'static str> = kinds
        .into_iter()
        .filter(|(smell, _)| count(&after, *smell) > count(&before, *smell))
        .map(|(_, name)| name)
        .collect();
    if enlarges_constant(&before, &after) {
        found.push("enlarges a constant");
    }
    if defaults(&before) != defaults(&after) {
        found.push("changes a default value");
    }
    found
}

/// Smells that a change brings into a test file: fewer assertions, more skips.
pub(super) fn test_smells(path: &str, before: &str, after: &str) -> Vec<&'static str> {
    let (Some(before), Some(after)) = (code::parse(path, before), code::parse(path, after)) else {
        return vec!["cannot be parsed"];
    };
    let mut found = Vec::new();
    if count(&after, asserts) < count(&before, asserts) {
        found.push("takes assertions away");
    }
    if count(&after, skips) > count(&before, skips) {
        found.push("skips tests");
    }
    found
}

fn count(source: &Source, smell: Smell) -> usize {
    source.walk(source.root()).into_iter().filter(|node| smell(source, *node)).count()
}

/// A handler whose whole body does nothing with the exception, and a promise whose failure goes nowhere.
fn swallows(source: &Source, node: Node<'_>) -> bool {
    match node.kind() {
        "catch_clause" => {
            node.child_by_field_name("body").is_some_and(|body| only_leaves(source, body) || is_empty(body))
        }
        "call_expression" => {
            let called = node.child_by_field_name("function").map_or("", |function| source.of(function));
            let handler = node.child_by_field_name("arguments").and_then(|list| list.named_child(0));
            called.ends_with(".catch")
                && handler.and_then(|handler| handler.child_by_field_name("body")).is_some_and(|body| {
                    is_empty(body)
                        || is_plain(source.of(body))
                        || (body.kind() == "statement_block" && only_leaves(source, body))
                })
        }
        _ => false,
    }
}

/// An `if` without `else` whose whole body leaves the function or the turn of a loop.
fn leaves_early(source: &Source, node: Node<'_>) -> bool {
    node.kind() == "if_statement"
        && node.child_by_field_name("alternative").is_none()
        && node.child_by_field_name("consequence").is_some_and(|body| match body.kind() {
            "statement_block" => only_leaves(source, body),
            _ => leaves(source, body),
        })
}

/// `?.`, and what stands for a value that is not there.
fn skips_what_is_missing(_: &Source, node: Node<'_>) -> bool {
    node.kind() == "optional_chain"
}

fn suppresses(source: &Source, node: Node<'_>) -> bool {
    node.kind() == "comment"
        && ["@ts-ignore", "@ts-expect-error", "@ts-nocheck", "eslint-disable"]
            .iter()
            .any(|word| source.of(node).contains(word))
}

fn is_empty(body: Node<'_>) -> bool {
    let mut cursor = body.walk();
    body.kind() == "statement_block"
        && body.named_children(&mut cursor).all(|child| child.kind() == "comment")
}

fn only_leaves(source: &Source, body: Node<'_>) -> bool {
    let mut cursor = body.walk();
    let mut statements = body.named_children(&mut cursor).filter(|child| child.kind() != "comment");
    let only = statements.next();
    only.is_some_and(|statement| leaves(source, statement)) && statements.next().is_none()
}

fn leaves(source: &Source, statement: Node<'_>) -> bool {
    match statement.kind() {
        "continue_statement" | "break_statement" => true,
        "return_statement" => {
            is_plain(source.of(statement).trim_start_matches("return").trim_end_matches(';').trim())
        }
        _ => false,
    }
}

/// Nothing, or a constant that says nothing.
fn is_plain(value: &str) -> bool {
    matches!(
        value,
        "" | "null"
            | "undefined"
            | "false"
            | "true"
            | "0"
            | "\"\""
            | "''"
            | "``"
            | "[]"
            | "{}"
            | "-1"
            | "NaN"
    )
}

/// The same numbers as before but for one that grew well beyond an off-by-one.
fn enlarges_constant(before: &Source, after: &Source) -> bool {
    let (old, new) = (numbers(before), numbers(after));
    old.len() == new.len() && old.iter().zip(&new).any(|(old, new)| *new > *old + 1.0 && *old >= 10.0)
}

fn numbers(source: &Source) -> Vec<f64> {
    let nodes = source.walk(source.root());
    nodes
        .into_iter()
        .filter(|node| node.kind() == "number")
        .filter_map(|node| source.of(node).replace('_', "").parse().ok())
        .collect()
}

/// The default values of parameters, with the names of their functions.
fn defaults(source: &Source) -> Vec<(String, String, String)> {
    source
        .walk(source.root())
        .into_iter()
        .filter_map(|node| {
            let (name, value) = match node.kind() {
                "assignment_pattern" => {
                    (node.child_by_field_name("left")?, node.child_by_field_name("right")?)
                }
                "required_parameter" | "optional_parameter" => {
                    (node.child_by_field_name("pattern")?, node.child_by_field_name("value")?)
                }
                _ => return None,
            };
            let function = code::function_of(node).map_or("", |function| code::name_of(source, function));
            Some((function.to_owned(), source.of(name).to_owned(), source.of(value).to_owned()))
        })
        .collect()
}

fn asserts(source: &Source, node: Node<'_>) -> bool {
    let called = node
        .child_by_field_name("function")
        .filter(|_| node.kind() == "call_expression")
        .map_or("", |function| source.of(function));
    called == "assert"
        || called.starts_with("assert.")
        || called == "expect"
        || called.starts_with("t.assert")
        || called.ends_with(".should")
}

fn skips(source: &Source, node: Node<'_>) -> bool {
    match node.kind() {
        "call_expression" => {
            let called = node.child_by_field_name("function").map_or("", |function| source.of(function));
            let last = called.rsplit('.').next().unwrap_or(called);
            matches!(
                last,
                "skip" | "only" | "todo" | "failing" | "xit" | "xtest" | "xdescribe" | "fit" | "fdescribe"
            )
        }
        "pair" => {
            let key = node.child_by_field_name("key").map_or("", |key| source.of(key));
            let value = node.child_by_field_name("value").map_or("", |value| source.of(value));
            matches!(key, "skip" | "only" | "todo") && value != "false"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_around_the_symptom_is_seen() {
        let before = "function f(x) {\n  return x.name;\n}\n";
        for (after, smell) in [
            ("function f(x) {\n  if (!x) return null;\n  return x.name;\n}\n", "leaves early after a guard"),
            (
                "function f(x) {\n  if (!x) {\n    return;\n  }\n  return x.name;\n}\n",
                "leaves early after a guard",
            ),
            ("function f(x) {\n  return x?.name;\n}\n", "goes on where something is missing"),
            ("function f(x) {\n  try {\n    return x.name;\n  } catch {}\n}\n", "swallows an exception"),
            (
                "function f(x) {\n  try {\n    return x.name;\n  } catch (e) {\n    return '';\n  }\n}\n",
                "swallows an exception",
            ),
            ("function f(x = {}) {\n  return x.name;\n}\n", "changes a default value"),
            ("function f(x) {\n  // @ts-ignore\n  return x.name;\n}\n", "silences a checker"),
        ] {
            let found = program_smells("a.js", before, after);
            assert!(found.contains(&smell), "{after}: {found:?}");
        }
        assert_eq!(
            program_smells("a.js", before, "function f(x) {\n  return x.title;\n}\n"),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn weaker_tests_are_seen() {
        let before = "test('a', () => {\n  assert.equal(f(), 1);\n  expect(g()).toBe(2);\n});\n";
        assert_eq!(
            test_smells("a.test.js", before, "test('a', () => {\n  assert.equal(f(), 1);\n});\n"),
            ["takes assertions away"]
        );
        for skipped in
            [before.replace("test(", "test.skip("), before.replace("'a', ", "'a', { todo: true }, ")]
        {
            assert_eq!(test_smells("a.test.js", before, &skipped), ["skips tests"]);
        }
        assert_eq!(test_smells("a.test.js", before, before), Vec::<&str>::new());
    }
}
