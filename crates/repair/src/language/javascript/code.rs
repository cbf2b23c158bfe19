//! A parsed file of JavaScript or TypeScript: its places, functions and names.
//!
//! A place is what a single edit is made of: a statement, the header of one that holds others, or the body of an arrow
//! function that is an expression. Each has a mark, the offset at which the coverage says whether it ran.

use std::ops::Range;

use tree_sitter::Node;

use crate::syntax::{Source, ancestor, first_line};

/// Nodes that are functions.
const FUNCTIONS: [&str; 7] = [
    "function_declaration",
    "function_expression",
    "arrow_function",
    "method_definition",
    "generator_function",
    "generator_function_declaration",
    "function",
];

/// Whether the language of a file is one that is parsed here.
pub(super) fn is_ours(path: &str) -> bool {
    ending(path).is_some_and(|ending| {
        matches!(ending, "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx")
            && !path.ends_with(".d.ts")
    })
}

/// Whether a file has types that Node does not understand.
pub(super) fn is_typed(path: &str) -> bool {
    ending(path).is_some_and(|ending| matches!(ending, "ts" | "mts" | "cts" | "tsx"))
}

fn ending(path: &str) -> Option<&str> {
    path.rsplit_once('.').map(|(_, ending)| ending)
}

/// Parses a file by its ending.
pub(super) fn parse(path: &str, text: &str) -> Option<Source> {
    let grammar = match ending(path)? {
        "ts" | "mts" | "cts" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        "tsx" => tree_sitter_typescript::LANGUAGE_TSX,
        _ => tree_sitter_javascript::LANGUAGE,
    };
    Source::parse_as(text, &grammar.into())
}

/// Whether a node is a function of any form.
pub(super) fn is_function(node: Node<'_>) -> bool {
    node.is_named() && FUNCTIONS.contains(&node.kind())
}

/// Whether a node is a statement of its own.
pub(super) fn is_statement(node: Node<'_>) -> bool {
    node.is_named()
        && (node.kind().ends_with("_statement") && node.kind() != "empty_statement"
            || matches!(
                node.kind(),
                "lexical_declaration"
                    | "variable_declaration"
                    | "public_field_definition"
                    | "field_definition"
            ))
}

/// The innermost function around a node, the node itself left out.
pub(super) fn function_of<'a>(node: Node<'a>) -> Option<Node<'a>> {
    node.parent().and_then(|parent| ancestor(parent, is_function))
}

/// The name under which a stack shows a function; empty where it has none.
pub(super) fn name_of<'a>(source: &'a Source, function: Node<'_>) -> &'a str {
    if let Some(name) = function.child_by_field_name("name") {
        return source.of(name);
    }
    let Some(parent) = function.parent() else { return "" };
    let field = match parent.kind() {
        "variable_declarator" => "name",
        "assignment_expression" => "left",
        "pair" => "key",
        _ => return "",
    };
    let name = parent.child_by_field_name(field).map_or("", |name| source.of(name));
    name.rsplit('.').next().unwrap_or(name)
}

/// Something that a single edit may change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    /// The statement, arrow body or function.
    pub(super) node: Node<'a>,
    /// The function it stands in, or that it is the header of.
    pub(super) function: Option<Node<'a>>,
    /// Offset of the byte whose execution is its own.
    pub(super) mark: usize,
    /// Whether it is the header of a function: its parameters.
    pub(super) is_header: bool,
}

/// All places of a file in the order of the text.
pub(super) fn spots(source: &Source) -> Vec<Spot<'_>> {
    let mut found = Vec::new();
    for node in source.walk(source.root()) {
        if is_statement(node) && !matches!(node.kind(), "labeled_statement" | "export_statement") {
            let function = function_of(node);
            found.push(Spot { node, function, mark: node.start_byte(), is_header: false });
        } else if is_function(node) {
            let Some(body) = node.child_by_field_name("body") else { continue };
            let mark = body.start_byte();
            if body.kind() != "statement_block" {
                found.push(Spot { node: body, function: Some(node), mark, is_header: false });
            }
            // The block's brace runs whenever the function does.
            found.push(Spot { node, function: Some(node), mark, is_header: true });
        }
    }
    found
}

/// The expressions that are a place's own: not those of statements within it, nor of functions.
pub(super) fn own_nodes<'a>(source: &Source, spot: &Spot<'a>) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    let starts: Vec<Node<'a>> = if spot.is_header {
        let parameters = spot.node.child_by_field_name("parameters");
        parameters.or_else(|| spot.node.child_by_field_name("parameter")).into_iter().collect()
    } else {
        vec![spot.node]
    };
    for start in starts {
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            if node != start
                && (is_statement(node) || node.kind() == "statement_block" || node.kind() == "class_body")
                && !is_loop_head(node)
            {
                continue;
            }
            found.push(node);
            if is_function(node) && node != start {
                continue;
            }
            if node.kind() == "switch_body" {
                // The values of the cases belong to the header.
                let mut cursor = node.walk();
                open.extend(
                    node.named_children(&mut cursor).filter_map(|case| case.child_by_field_name("value")),
                );
                continue;
            }
            let mut cursor = node.walk();
            let children: Vec<Node<'a>> = node.children(&mut cursor).collect();
            open.extend(children.into_iter().rev());
        }
    }
    let _ = source;
    found
}

/// The parts in the head of a `for` are statements to the grammar.
fn is_loop_head(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        parent.kind() == "for_statement"
            && ["initializer", "condition"]
                .iter()
                .any(|field| parent.child_by_field_name(field) == Some(node))
    })
}

/// The text of a place on one line: of what holds statements the header only.
pub(super) fn headline(source: &Source, node: Node<'_>) -> String {
    let inner = ["body", "consequence"].iter().find_map(|field| node.child_by_field_name(field));
    let end = inner
        .filter(|inner| inner.kind() == "statement_block")
        .map_or(node.end_byte(), |inner| inner.start_byte());
    let text = source.text().get(node.start_byte()..end).unwrap_or("");
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// The innermost place that covers a line.
pub(super) fn spot_at<'a>(spots: &[Spot<'a>], line: u32) -> Option<Spot<'a>> {
    let covers = |spot: &&Spot<'a>| {
        !spot.is_header && first_line(spot.node) <= line && line <= crate::syntax::last_line(spot.node)
    };
    spots.iter().filter(covers).min_by_key(|spot| spot.node.end_byte() - spot.node.start_byte()).copied()
}

/// Names that a function or the file declares, with the node of each declaration.
pub(super) fn declared<'a>(source: &Source, within: Node<'a>) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    for node in source.walk(within) {
        let names: Vec<Node<'a>> = match node.kind() {
            "variable_declarator"
            | "function_declaration"
            | "class_declaration"
            | "generator_function_declaration" => node.child_by_field_name("name").into_iter().collect(),
            "required_parameter" | "optional_parameter" => {
                node.child_by_field_name("pattern").into_iter().collect()
            }
            "formal_parameters" => {
                let mut cursor = node.walk();
                node.named_children(&mut cursor)
                    .filter(|child| !child.kind().ends_with("_parameter"))
                    .collect()
            }
            "arrow_function" => node.child_by_field_name("parameter").into_iter().collect(),
            "for_in_statement" => node.child_by_field_name("left").into_iter().collect(),
            "catch_clause" => node.child_by_field_name("parameter").into_iter().collect(),
            "import_specifier" => node
                .child_by_field_name("alias")
                .or_else(|| node.child_by_field_name("name"))
                .into_iter()
                .collect(),
            "import_clause" | "namespace_import" => {
                let mut cursor = node.walk();
                node.named_children(&mut cursor).filter(|child| child.kind() == "identifier").collect()
            }
            _ => continue,
        };
        for name in names {
            found.extend(pattern_names(source, name));
        }
    }
    found
}

/// The names that a pattern binds.
fn pattern_names<'a>(source: &Source, pattern: Node<'a>) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    let mut open = vec![pattern];
    while let Some(node) = open.pop() {
        match node.kind() {
            "identifier" | "shorthand_property_identifier_pattern" => found.push(node),
            "assignment_pattern" | "object_assignment_pattern" => {
                open.extend(node.child_by_field_name("left"));
            }
            "pair_pattern" => open.extend(node.child_by_field_name("value")),
            "object_pattern" | "array_pattern" | "rest_pattern" => {
                let mut cursor = node.walk();
                open.extend(node.named_children(&mut cursor));
            }
            _ => {}
        }
    }
    let _ = source;
    found
}

/// A declared name and where it is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    name: String,
    at: usize,
    /// The function it is seen in; none for all of the file.
    home: Option<Range<usize>>,
    /// The block that it is seen in.
    block: Option<Range<usize>>,
    /// Whether it has its value only from there on.
    is_value: bool,
}

/// All names that a file declares.
pub(super) fn declarations(source: &Source) -> Vec<Declared> {
    let all = declared(source, source.root()).into_iter().map(|name| {
        // The name of a function is seen around it.
        let own = name.parent().filter(|parent| parent.kind() == "function_declaration");
        Declared {
            name: source.of(name).to_owned(),
            at: name.start_byte(),
            home: function_of(own.unwrap_or(name)).map(|home| home.byte_range()),
            block: block_of(name).map(|block| block.byte_range()),
            is_value: ancestor(name, |one| {
                matches!(one.kind(), "lexical_declaration" | "variable_declaration")
            })
            .is_some(),
        }
    });
    all.collect()
}

/// The names that can be used at a node, those of the innermost function first, each once.
pub(super) fn in_scope(declared: &[Declared], node: Node<'_>) -> Vec<String> {
    let at = node.start_byte();
    let mut seen: Vec<&Declared> = declared
        .iter()
        .filter(|one| one.home.as_ref().is_none_or(|home| home.contains(&at)))
        .filter(|one| one.block.as_ref().is_none_or(|block| block.contains(&at)))
        .filter(|one| !(one.is_value && one.home.is_some() && one.at > at))
        .collect();
    seen.sort_by_key(|one| one.home.as_ref().map_or(usize::MAX, |home| home.len()));
    let mut found: Vec<String> = Vec::new();
    for one in seen {
        if !found.contains(&one.name) {
            found.push(one.name.clone());
        }
    }
    found
}

/// The block that a `let` or `const`, or the head of a loop, is seen in.
fn block_of<'a>(name: Node<'a>) -> Option<Node<'a>> {
    let holder = ancestor(name, |one| {
        is_function(one)
            || matches!(one.kind(), "lexical_declaration" | "for_in_statement" | "catch_clause" | "program")
    })?;
    match holder.kind() {
        "lexical_declaration" => holder.parent(),
        "for_in_statement" | "catch_clause" => Some(holder),
        _ => None,
    }
}

/// Whether a node lies in another one.
pub(super) fn contains(outer: Node<'_>, inner: Node<'_>) -> bool {
    outer.start_byte() <= inner.start_byte() && inner.end_byte() <= outer.end_byte()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "import { rate } from './rates.js';\nconst base = 3;\nexport function total(cart, more = 1) {\n  let sum = 0;\n  for (const item of cart.items) {\n    sum += item.price;\n  }\n  return cart.map((one) => one.x + sum);\n}\n";

    #[test]
    fn statements_headers_and_arrow_bodies_are_places() {
        let source = parse("a.mjs", CODE).unwrap();
        let spots = spots(&source);
        let told: Vec<String> = spots
            .iter()
            .map(|spot| {
                format!("{}{}", if spot.is_header { "def " } else { "" }, headline(&source, spot.node))
            })
            .collect();
        assert_eq!(
            told,
            [
                "import { rate } from './rates.js';",
                "const base = 3;",
                "def function total(cart, more = 1)",
                "let sum = 0;",
                "for (const item of cart.items)",
                "sum += item.price;",
                "return cart.map((one) => one.x + sum);",
                "one.x + sum",
                "def (one) => one.x + sum",
            ]
        );
        let inner = spots.iter().find(|spot| headline(&source, spot.node) == "one.x + sum").unwrap();
        assert_eq!(
            in_scope(&declarations(&source), inner.node),
            ["one", "cart", "more", "sum", "rate", "base", "total"]
        );
        let inside = spot_at(&spots, 6).unwrap();
        assert_eq!(headline(&source, inside.node), "sum += item.price;");
        assert!(in_scope(&declarations(&source), inside.node).contains(&"item".to_owned()));
    }
}
