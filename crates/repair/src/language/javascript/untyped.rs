//! TypeScript without its types: they are blanked out, so that every offset and line stays what it is and no source map is
//! needed. What is more than types (enums, namespaces, parameters that are fields) is not understood here.

use tree_sitter::Node;

use super::code;

/// The text without types; none where something in it is more than a type.
pub(super) fn untyped(path: &str, text: &str) -> Option<String> {
    let source = code::parse(path, text)?;
    if source.is_broken() {
        return None;
    }
    let nodes = source.walk(source.root());
    let values: Vec<&str> = nodes
        .iter()
        .filter(|node| matches!(node.kind(), "identifier" | "shorthand_property_identifier"))
        .filter(|node| {
            node.parent().is_none_or(|parent| !matches!(parent.kind(), "import_specifier" | "import_clause"))
        })
        .map(|node| source.of(*node))
        .collect();
    let mut blanks: Vec<(usize, usize)> = Vec::new();
    for node in nodes {
        let whole = (node.start_byte(), node.end_byte());
        match node.kind() {
            "enum_declaration" | "internal_module" | "module" if node.is_named() => return None,
            "accessibility_modifier" | "override_modifier" => {
                if node.parent().is_some_and(|parent| parent.kind().ends_with("_parameter")) {
                    return None;
                }
                blanks.push(whole);
            }
            "type_annotation"
            | "asserts_annotation"
            | "type_predicate_annotation"
            | "type_arguments"
            | "type_parameters"
            | "interface_declaration"
            | "type_alias_declaration"
            | "ambient_declaration"
            | "implements_clause"
            | "abstract_method_signature"
            | "index_signature"
            | "function_signature" => {
                blanks.push(with_export(node));
            }
            "method_signature" if node.parent().is_some_and(|parent| parent.kind() == "class_body") => {
                blanks.push(whole);
            }
            "as_expression" | "satisfies_expression" => {
                blanks.push((node.named_child(0)?.end_byte(), node.end_byte()));
            }
            "non_null_expression" => blanks.push((node.end_byte() - 1, node.end_byte())),
            "import_specifier" => {
                let name = node.child_by_field_name("alias").or_else(|| node.child_by_field_name("name"))?;
                if source.of(node).starts_with("type ") || !values.contains(&source.of(name)) {
                    blanks.push(with_comma(node));
                }
            }
            "import_statement" | "export_statement" if has_word(node, "type") => blanks.push(whole),
            "required_parameter"
                if node.child_by_field_name("pattern").is_some_and(|name| source.of(name) == "this") =>
            {
                blanks.push(with_comma(node));
            }
            "?" | "!"
                if node.parent().is_some_and(|parent| {
                    matches!(
                        parent.kind(),
                        "optional_parameter"
                            | "public_field_definition"
                            | "method_definition"
                            | "variable_declarator"
                    )
                }) =>
            {
                blanks.push(whole);
            }
            "readonly" | "abstract" | "declare" if !node.is_named() => blanks.push(whole),
            _ => {}
        }
    }
    Some(blanked(text, &blanks))
}

fn has_word(node: Node<'_>, word: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| !child.is_named() && child.kind() == word)
}

/// A declaration with the `export` before it.
fn with_export(node: Node<'_>) -> (usize, usize) {
    let whole = node.parent().filter(|parent| parent.kind() == "export_statement").unwrap_or(node);
    let is_declaration = node.kind().ends_with("_declaration") || node.kind() == "function_signature";
    let whole = if is_declaration { whole } else { node };
    (whole.start_byte(), whole.end_byte())
}

fn with_comma(node: Node<'_>) -> (usize, usize) {
    let end = node
        .next_sibling()
        .filter(|next| next.kind() == ",")
        .map_or(node.end_byte(), |comma| comma.end_byte());
    (node.start_byte(), end)
}

fn blanked(text: &str, blanks: &[(usize, usize)]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (start, end) in blanks {
        for byte in &mut bytes[*start..*end] {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    // Whole nodes are blanked, so what is left is whole characters.
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_go_and_everything_else_stays_where_it_was() {
        let text = "import type { A } from './a.js';\nimport { B, f } from './b.js';\nexport interface C { a: number }\ntype D = string | null;\nexport function g<T>(this: Window, x: number, y?: B): Promise<D> {\n  const z = (x as number) + f(y!) + f<T>(x satisfies number);\n  return z;\n}\nclass E<T> extends F<T> implements C {\n  private readonly a: number = 1;\n  public b?: string;\n  get(): number { return this.a; }\n}\n";
        let plain = untyped("a.ts", text).unwrap();
        assert_eq!(plain.len(), text.len());
        assert_eq!(plain.lines().count(), text.lines().count());
        let squeezed: Vec<String> =
            plain.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            squeezed,
            [
                "",
                "import { f } from './b.js';",
                "",
                "",
                "export function g ( x , y ) {",
                "const z = (x ) + f(y ) + f (x );",
                "return z;",
                "}",
                "class E extends F {",
                "a = 1;",
                "b ;",
                "get() { return this.a; }",
                "}",
            ]
        );
    }

    #[test]
    fn what_is_more_than_a_type_is_not_understood() {
        for text in [
            "enum A { B }",
            "namespace N { export const a = 1 }",
            "class A { constructor(private x: number) {} }",
        ] {
            assert_eq!(untyped("a.ts", text), None, "{text}");
        }
    }
}
