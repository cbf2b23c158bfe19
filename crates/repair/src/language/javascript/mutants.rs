//! Mutants of changed lines of JavaScript and TypeScript: the classic operators.

use tree_sitter::Node;

use super::code;
use crate::edit::apply;
use crate::mutants::{Mutant, is_text_alone, replaced};
use crate::syntax::{Source, first_line, last_line};

/// All mutants of some lines of a file, in the order of the text.
pub(super) fn mutants(file: &str, text: &str, lines: &[u32]) -> Vec<Mutant> {
    let Some(source) = code::parse(file, text) else { return Vec::new() };
    source
        .walk(source.root())
        .into_iter()
        .filter(|node| lines.contains(&first_line(*node)) && lines.contains(&last_line(*node)))
        .flat_map(|node| of_node(&source, file, node))
        .filter(|mutant| {
            apply(text, std::slice::from_ref(&mutant.edit))
                .and_then(|changed| code::parse(file, &changed))
                .is_some_and(|changed| source.is_broken() || !changed.is_broken())
        })
        .collect()
}

fn of_node(source: &Source, file: &str, node: Node<'_>) -> Vec<Mutant> {
    let text = source.of(node);
    let in_operator = node.parent().is_some_and(|parent| {
        matches!(parent.kind(), "binary_expression" | "augmented_assignment_expression" | "update_expression")
    });
    let becomes: Vec<String> = match node.kind() {
        "<" if in_operator => vec!["<=".into()],
        "<=" => vec!["<".into()],
        ">" if in_operator => vec![">=".into()],
        ">=" => vec![">".into()],
        "==" => vec!["!=".into()],
        "===" => vec!["!==".into()],
        "!=" => vec!["==".into()],
        "!==" => vec!["===".into()],
        "+" if in_operator => vec!["-".into()],
        "-" if in_operator => vec!["+".into()],
        "*" if in_operator => vec!["+".into()],
        "/" if in_operator => vec!["*".into()],
        "%" => vec!["+".into()],
        "&&" => vec!["||".into()],
        "||" => vec!["&&".into()],
        "??" => vec!["&&".into()],
        "++" => vec!["--".into()],
        "--" => vec!["++".into()],
        "+=" => vec!["-=".into()],
        "-=" => vec!["+=".into()],
        "true" if node.is_named() => vec!["false".into()],
        "false" if node.is_named() => vec!["true".into()],
        "number" => {
            text.parse::<i64>().map(|number| vec![number.wrapping_add(1).to_string()]).unwrap_or_default()
        }
        "unary_expression" if text.starts_with('!') => vec![text.trim_start_matches('!').to_owned()],
        "expression_statement"
            if !is_text_alone(node)
                && node.parent().is_none_or(|parent| parent.kind() != "for_statement") =>
        {
            vec![";".into()]
        }
        "return_statement" if node.named_child_count() > 0 => vec!["return undefined;".into()],
        _ => Vec::new(),
    };
    replaced(file, node, text, becomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_changed_lines_are_mutated_and_every_mutant_parses() {
        let text = "function f(a, b) {\n  if (a < 10 && !b) {\n    return a + 1;\n  }\n  return a - 1;\n}\n";
        let found: Vec<String> =
            mutants("f.js", text, &[2, 3]).into_iter().map(|mutant| mutant.what).collect();
        assert_eq!(
            found,
            [
                "line 2: \"<\" becomes \"<=\"",
                "line 2: \"10\" becomes \"11\"",
                "line 2: \"&&\" becomes \"||\"",
                "line 2: \"!b\" becomes \"b\"",
                "line 3: \"return a + 1;\" becomes \"return undefined;\"",
                "line 3: \"+\" becomes \"-\"",
                "line 3: \"1\" becomes \"2\"",
            ]
        );
    }
}
