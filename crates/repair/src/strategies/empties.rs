//! Which value may stand in for one that is not there.
//!
//! Kinds that were observed while the tests ran come first, then what the code itself says: the same key read with a
//! default elsewhere, the operation around the value, a format, an annotation. Only where nothing speaks are several
//! guesses made.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{Site, arguments};
use crate::kinds::{Kind, Kinds};
use crate::syntax::ancestor;

impl Site {
    /// Empty values for an expression, the likeliest first; `guesses` where nothing tells its kind.
    pub(super) fn empties(&self, node: Node<'_>, guesses: &[&'static str]) -> Vec<String> {
        let mut found: Vec<String> = self.known_default(node).into_iter().collect();
        let observed = Kinds::empties(self.kinds.values.get(self.text(node)));
        let told = if observed.is_empty() {
            self.expected(node).and_then(Kind::empty).into_iter().collect()
        } else {
            observed
        };
        let rest = if told.is_empty() { guesses.to_vec() } else { told };
        for empty in rest {
            if !found.iter().any(|known| known == empty) {
                found.push(empty.to_owned());
            }
        }
        found
    }

    /// Empty values of the kinds that the function around the crash gives; nothing where they are not known.
    pub(super) fn empty_results(&self) -> Vec<&'static str> {
        let Some(function) = self.source.function_at(self.frame.line) else { return Vec::new() };
        let observed = Kinds::empties(self.kinds.results.get(&function.path));
        if !observed.is_empty() {
            return observed;
        }
        let annotated = self.scope().child_by_field_name("return_type");
        annotated.and_then(|node| Kind::of_annotation(self.text(node))?.empty()).into_iter().collect()
    }

    /// What stands for the value of a statement where it cannot be computed: for a `return` of the function's kind.
    pub(super) fn otherwise(&self, statement: Node<'_>) -> &'static str {
        let kinds = match statement.kind() {
            "return_statement" => self.empty_results(),
            _ => Vec::new(),
        };
        if kinds.contains(&"None") { "None" } else { kinds.first().copied().unwrap_or("None") }
    }

    /// The literal with which the same key is read elsewhere in the file.
    fn known_default(&self, node: Node<'_>) -> Option<String> {
        let key = node.child_by_field_name("subscript").filter(|key| key.kind() == "string")?;
        let mut defaults = BTreeSet::new();
        for call in self.source.walk(self.source.root()).into_iter().filter(|node| node.kind() == "call") {
            let is_get = call
                .child_by_field_name("function")
                .is_some_and(|function| self.text(function).ends_with(".get"));
            if let ([given, default], true) = (arguments(call).as_slice(), is_get)
                && self.text(*given) == self.text(key)
                && of_literal(*default).is_some()
            {
                defaults.insert(self.text(*default).to_owned());
            }
        }
        // Two defaults for one key tell that it depends on the place.
        if defaults.len() == 1 { defaults.pop_first() } else { None }
    }

    /// The kind that the code around an expression asks for.
    fn expected(&self, node: Node<'_>) -> Option<Kind> {
        let parent = node.parent()?;
        match parent.kind() {
            "parenthesized_expression" => self.expected(parent),
            "binary_operator" | "augmented_assignment" => self.operand(node, parent),
            "comparison_operator" => {
                let mut cursor = parent.walk();
                let others: Vec<Node<'_>> =
                    parent.named_children(&mut cursor).filter(|other| *other != node).collect();
                let membership =
                    parent.children(&mut parent.walk()).any(|part| self.text(part).ends_with("in"));
                others.into_iter().filter(|_| !membership).find_map(|other| self.form(other))
            }
            "interpolation" => {
                let mut cursor = parent.walk();
                let format =
                    parent.named_children(&mut cursor).find(|part| part.kind() == "format_specifier")?;
                self.text(format).ends_with(['d', 'f', 'e', 'g', '%', 'n']).then_some(Kind::Number)
            }
            "return_statement" => {
                let function = ancestor(parent, |above| above.kind() == "function_definition")?;
                Kind::of_annotation(self.text(function.child_by_field_name("return_type")?))
            }
            "argument_list" => {
                let function = parent.parent()?.child_by_field_name("function")?;
                matches!(self.text(function), "int" | "float" | "round" | "abs" | "range" | "divmod")
                    .then_some(Kind::Number)
            }
            _ => None,
        }
    }

    /// The kind of an operand by its operator and the other operand.
    fn operand(&self, node: Node<'_>, parent: Node<'_>) -> Option<Kind> {
        let sides = ["left", "right"].map(|side| parent.child_by_field_name(side));
        let other = sides.into_iter().flatten().find(|side| *side != node)?;
        let operator = self.text(parent.child_by_field_name("operator")?).trim_end_matches('=');
        match (operator, self.form(other)) {
            ("/" | "//" | "**" | "<<" | ">>" | "*", _) => Some(Kind::Number),
            ("-", Some(Kind::Set)) => Some(Kind::Set),
            ("-", _) => Some(Kind::Number),
            ("+", kind) => kind,
            _ => None,
        }
    }

    /// The kind of an expression by its form or by what was observed.
    fn form(&self, node: Node<'_>) -> Option<Kind> {
        let observed = self.kinds.values.get(self.text(node));
        if let Some(kind) = observed.filter(|kinds| kinds.len() == 1).and_then(|kinds| kinds.first()) {
            return Some(*kind).filter(|kind| *kind != Kind::Other);
        }
        match node.kind() {
            "parenthesized_expression" => node.named_child(0).and_then(|inner| self.form(inner)),
            "binary_operator" => {
                let sides = ["left", "right"].into_iter().filter_map(|side| node.child_by_field_name(side));
                sides.into_iter().find_map(|side| self.form(side))
            }
            "call" => {
                let function = self.text(node.child_by_field_name("function")?);
                match (function, arguments(node).as_slice()) {
                    ("int" | "float" | "len" | "sum" | "abs" | "round", _) => Some(Kind::Number),
                    ("str" | "repr" | "format", _) => Some(Kind::Text),
                    ("list" | "sorted", _) => Some(Kind::List),
                    (get, [_, default]) if get.ends_with(".get") => of_literal(*default),
                    _ => None,
                }
            }
            _ => of_literal(node),
        }
    }
}

/// The kind of a literal.
fn of_literal(node: Node<'_>) -> Option<Kind> {
    match node.kind() {
        "integer" | "float" => Some(Kind::Number),
        "string" | "concatenated_string" => Some(Kind::Text),
        "true" | "false" => Some(Kind::Truth),
        "list" | "list_comprehension" => Some(Kind::List),
        "tuple" => Some(Kind::Tuple),
        "dictionary" | "dictionary_comprehension" => Some(Kind::Mapping),
        "set" | "set_comprehension" => Some(Kind::Set),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::keys::Keys;
    use crate::strategies::none::NoneValues;
    use crate::strategies::testing::{lines_changed, proposals_seeing};

    fn seen(values: &[(&str, &[Kind])], results: &[(&str, &[Kind])]) -> Kinds {
        let all = |all: &[(&str, &[Kind])]| {
            all.iter().map(|(name, kinds)| ((*name).to_owned(), kinds.iter().copied().collect())).collect()
        };
        Kinds { values: all(values), results: all(results) }
    }

    fn missing(code: &str) -> Vec<String> {
        lines_changed(&Keys, "KeyError", "'a'", code)
    }

    #[test]
    fn a_missing_value_is_replaced_by_one_of_the_kind_that_was_observed() {
        let code = "def f(d):\n    return show(d['a'])  # crash\n";
        let kinds = seen(&[("d['a']", &[Kind::Mapping])], &[("f", &[Kind::Text])]);
        assert_eq!(
            proposals_seeing(&Keys, "KeyError", "'a'", code, &kinds),
            ["return show(d.get('a', {}))", "if 'a' not in d:", "if 'a' not in d:"],
            "leaving with a text, and with nothing"
        );
        let code = "def f(x):\n    return x[0]  # crash\n";
        let kinds = seen(&[("x", &[Kind::Nothing, Kind::Text])], &[("f", &[Kind::Text])]);
        let message = "'NoneType' object is not subscriptable";
        assert_eq!(
            proposals_seeing(&NoneValues, "TypeError", message, code, &kinds),
            [
                "return (x[0] if x else \"\")",
                "return (x or \"\")[0]",
                "if x is None:",
                "if x is None:",
                "return x[0] if x is not None else \"\""
            ]
        );
    }

    #[test]
    fn without_observations_the_code_around_a_value_tells_its_kind() {
        let read = |rest: &str| missing(&format!("def f(d, n):\n    return {rest}  # crash\n")).remove(0);
        assert_eq!(read("d['a'] * d.get('n', 1)"), "return d.get('a', 0) * d.get('n', 1)");
        assert_eq!(read("d['a'] - n"), "return d.get('a', 0) - n");
        assert_eq!(read("d['a'] + d.get('n', '')"), "return d.get('a', \"\") + d.get('n', '')");
        assert_eq!(read("d['a'] == 'x'"), "return d.get('a', \"\") == 'x'");
        assert_eq!(read("f\"{d['a']:.2f}\""), "return f\"{d.get('a', 0):.2f}\"");
    }

    #[test]
    fn the_default_of_the_same_key_elsewhere_is_taken() {
        let code = "def g(d):\n    return d.get('a', 7)\n\ndef f(d):\n    return d['a'] * 2  # crash\n";
        assert_eq!(missing(code)[0], "return d.get('a', 7) * 2");
    }

    #[test]
    fn a_function_is_left_with_the_kind_that_it_gives_and_a_generator_with_nothing() {
        let leaves = |code: &str, results: &[(&str, &[Kind])], line: &str| {
            let kinds = seen(&[("d['a']", &[Kind::Other])], results);
            let code = format!("{code}  # crash\n");
            let made = crate::strategies::testing::texts_seeing(&Keys, "KeyError", "'a'", &code, &kinds);
            assert!(made.iter().any(|text| text.contains(line)), "{made:?}");
        };
        let code = "def f(d):\n    return d['a'].size";
        leaves(code, &[("f", &[Kind::Number])], "not in d:\n        return 0\n");
        leaves(code, &[("f", &[Kind::Mapping])], "not in d:\n        return {}\n");
        leaves(code, &[("f", &[Kind::Nothing, Kind::Text])], "not in d:\n        return None\n");
        leaves(code, &[], "not in d:\n        return None\n");
        leaves("def f(d) -> list[int]:\n    return d['a'].sizes", &[], "not in d:\n        return []\n");
        leaves(
            "def f(d):\n    yield d['a'].size",
            &[("f", &[Kind::Iterator])],
            "not in d:\n        return\n",
        );
    }
}
