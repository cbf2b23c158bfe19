//! Where else a repository does what was just repaired.
//!
//! The shape of an expression is its syntax tree without the names of its own: variables and fields are numbered in the
//! order in which they come, so that `x[len(x)]` and `rows[len(rows)]` are one shape and `x[len(y)]` is another. What is
//! called, operators, and whether a literal is a text or a number stay, since they are the operation.

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::edit::{Edit, apply};
use crate::syntax::{Source, ancestor, first_line, is_statement};

/// Places that are told at most.
pub const PLACES: usize = 20;
/// Nodes that a shape must have to mean something: `x` or `f(x)` alone is everywhere.
pub(crate) const LEAST: usize = 5;
/// Nodes of a shape that are looked at.
const MOST: usize = 400;

/// A place that has the shape of a defect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File beneath the repository.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// The statement there, on one line.
    pub statement: String,
}

/// Other places with the shape of what an edit changed, at most [`PLACES`], in the order of the files.
///
/// `before` is the edited file's text before the edit, `files` are paths with their texts after it. The shape is that of
/// the smallest expression that the edit changed, or of the statement it was put before. Empty if that is too plain to
/// be told from the rest of a program, or if the file cannot be parsed.
pub fn same_shape(before: &str, edit: &Edit, files: &[(String, String)]) -> Vec<Place> {
    let Some(source) = Source::parse(before) else { return Vec::new() };
    let Some(core) = core(&source, edit) else { return Vec::new() };
    let wanted = shape(&source, core);
    if wanted.len() < LEAST {
        return Vec::new();
    }
    let repaired = apply(before, std::slice::from_ref(edit));
    let mut found = Vec::new();
    for (file, text) in files {
        let Some(here) = Source::parse(text) else { continue };
        let nodes = here.walk(here.root()).into_iter().filter(|node| node.kind() == core.kind());
        for node in nodes.filter(|node| shape(&here, *node) == wanted) {
            // The edited place itself is no other place, whichever of its states was handed in.
            let own = *file == edit.file
                && (node.start_byte() == core.start_byte()
                    || repaired.as_deref() == Some(text) && is_within(node, edit));
            let Some(statement) = ancestor(node, is_statement).filter(|_| !own) else { continue };
            let place =
                Place { file: file.clone(), line: first_line(node), statement: here.headline(statement) };
            if !found.contains(&place) {
                found.push(place);
            }
            if found.len() >= PLACES {
                return found;
            }
        }
    }
    found
}

/// Whether a node of the repaired text lies where the edit wrote.
fn is_within(node: Node<'_>, edit: &Edit) -> bool {
    node.start_byte() < edit.start + edit.text.len() && node.end_byte() > edit.start
}

/// The smallest expression that an edit changed, grown until it is an operation; of an insertion, the statement.
pub(crate) fn core<'a>(source: &'a Source, edit: &Edit) -> Option<Node<'a>> {
    let old = source.text().get(edit.start..edit.end)?;
    let shared = |(a, b): &(char, char)| a == b;
    let head: usize = old.chars().zip(edit.text.chars()).take_while(shared).map(|(a, _)| a.len_utf8()).sum();
    let rest = old.len().min(edit.text.len()) - head;
    let tail: usize = old
        .chars()
        .rev()
        .zip(edit.text.chars().rev())
        .take_while(shared)
        .map(|(a, _)| a.len_utf8())
        .take_while({
            let mut sum = 0;
            move |width| {
                sum += width;
                sum <= rest
            }
        })
        .sum();
    let (start, end) = (edit.start + head, (edit.end - tail).max(edit.start + head));
    let node = source.root().descendant_for_byte_range(start, end)?;
    let operation = ancestor(node, |node| {
        is_statement(node)
            || matches!(
                node.kind(),
                "subscript"
                    | "call"
                    | "binary_operator"
                    | "comparison_operator"
                    | "boolean_operator"
                    | "conditional_expression"
                    | "augmented_assignment"
                    | "assignment"
            )
    })?;
    if operation.kind() == "expression_statement" { operation.named_child(0) } else { Some(operation) }
}

/// The nodes of an expression in order, without the names of its own; of a block statement only the header.
pub(crate) fn shape(source: &Source, node: Node<'_>) -> Vec<String> {
    let body = node.child_by_field_name("body").or_else(|| node.child_by_field_name("consequence"));
    let end = body.map_or(node.end_byte(), |body| body.start_byte());
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let inside = source
        .walk_at_most(node, 2 * MOST)
        .into_iter()
        .filter(|inner| inner.start_byte() < end && inner.kind() != "comment");
    inside
        .take(MOST)
        .filter(|inner| inner.child_count() == 0 || inner.is_named())
        .filter(|inner| {
            !matches!(inner.kind(), "string_start" | "string_end" | "string_content" | "(" | ")" | ",")
        })
        .map(|inner| match inner.kind() {
            "identifier" if is_called(inner) => source.of(inner).to_owned(),
            "identifier" => {
                let next = names.len();
                format!("name {}", names.entry(source.of(inner)).or_insert(next))
            }
            "integer" => source.of(inner).to_owned(),
            kind => kind.to_owned(),
        })
        .collect()
}

/// Whether a name is that of what is called, or of an argument.
fn is_called(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "call" => parent.child_by_field_name("function") == Some(node),
        "keyword_argument" => parent.child_by_field_name("name") == Some(node),
        "attribute" => {
            parent.child_by_field_name("attribute") == Some(node)
                && parent.parent().is_some_and(|above| {
                    above.kind() == "call" && above.child_by_field_name("function") == Some(parent)
                })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(before: &str, old: &str, new: &str) -> Edit {
        let start = before.find(old).unwrap();
        Edit { file: "a.py".into(), start, end: start + old.len(), text: new.into() }
    }

    fn lines(before: &str, edit: &Edit, other: &str) -> Vec<u32> {
        let files = [("a.py".to_owned(), before.to_owned()), ("b.py".to_owned(), other.to_owned())];
        same_shape(before, edit, &files).into_iter().map(|place| place.line).collect()
    }

    #[test]
    fn the_same_operation_on_other_names_is_found_and_the_repaired_one_left_out() {
        let before = "def f(levels, line):\n    levels[line['sku']] += line['quantity']\n";
        let edit = edit(
            before,
            "levels[line['sku']] += line['quantity']",
            "levels[line['sku']] = levels.get(line['sku'], 0) + line['quantity']",
        );
        let other = "def g(seen, row):\n    seen[row['name']] += row['n']\n    seen[row['name']] = row['n']\n    seen[row['name']] += seen['n']\n";
        let files = [("a.py".to_owned(), before.to_owned()), ("b.py".to_owned(), other.to_owned())];
        assert_eq!(
            same_shape(before, &edit, &files),
            [Place { file: "b.py".into(), line: 2, statement: "seen[row['name']] += row['n']".into() }]
        );
        let after = apply(before, std::slice::from_ref(&edit)).unwrap();
        let files = [("a.py".to_owned(), after)];
        assert_eq!(same_shape(before, &edit, &files), []);
    }

    #[test]
    fn names_that_are_one_name_must_be_one_there_too() {
        let before = "def f(x):\n    return x[len(x)]\n";
        let edit = edit(before, "len(x)", "len(x) - 1");
        assert_eq!(lines(before, &edit, "a = rows[len(rows)]\nb = rows[len(x)]\nc = rows[max(rows)]\n"), [1]);
    }

    #[test]
    fn what_was_guarded_by_an_insertion_is_found_as_a_statement() {
        let before = "def f(x):\n    total = x.price * 2\n    return total\n";
        let at = before.find("total").unwrap();
        let edit = Edit {
            file: "a.py".into(),
            start: at,
            end: at,
            text: "if x is None:\n        return None\n    ".into(),
        };
        assert_eq!(lines(before, &edit, "def g(y):\n    sum = y.cost * 2\n    return y.cost + 2\n"), [2]);
    }

    #[test]
    fn what_is_everywhere_is_no_shape() {
        let before = "x = y\n";
        assert_eq!(lines(before, &edit(before, "y", "z"), "a = b\n"), Vec::<u32>::new());
    }
}
