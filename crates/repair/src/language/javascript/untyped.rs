//! TypeScript without its types: they are blanked out, so that every offset and line stays what it is and no source map is
//! needed.
//!
//! What is more than a type is written anew in its own place, where there is room for it: an enum as the object that it is, and
//! parameters that are fields as parameters and assignments. Where there is no room, and for namespaces, nothing is understood.

use tree_sitter::Node;

use super::code;
use crate::syntax::Source;

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
    let mut anew: Vec<(usize, String)> = Vec::new();
    for node in nodes {
        let whole = (node.start_byte(), node.end_byte());
        match node.kind() {
            "internal_module" | "module" if node.is_named() => return None,
            "enum_declaration" => anew.push(as_object(&source, node)?),
            "method_definition" => {
                if let Some(fields) = fields(&source, node) {
                    anew.push(with_fields(&source, node, &fields)?);
                }
            }
            "accessibility_modifier" | "override_modifier" => blanks.push(whole),
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
    Some(written(blanked(text, &blanks), &anew))
}

/// The text with parts of it replaced by others of the same length.
fn written(mut text: String, anew: &[(usize, String)]) -> String {
    for (at, part) in anew {
        text.replace_range(*at..*at + part.len(), part);
    }
    text
}

/// Code of the length of what it stands for, with as many lines; none where there is no room.
fn fitted(code: &str, instead: &str) -> Option<String> {
    let lines = instead.matches('\n').count() - code.matches('\n').count();
    let room = instead.len().checked_sub(code.len() + lines)?;
    Some(format!("{code}{}{}", " ".repeat(room), "\n".repeat(lines)))
}

/// An enum as an object. Those that are asked for the name of a value, or that compute values, are left alone.
fn as_object(source: &Source, node: Node<'_>) -> Option<(usize, String)> {
    let name = source.of(node.child_by_field_name("name")?);
    if source.text().contains(&format!("{name}[")) {
        return None;
    }
    let body = node.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let mut next = Some(0i64);
    let mut members = Vec::new();
    for member in body.named_children(&mut cursor) {
        let (key, value) = match member.kind() {
            "comment" => continue,
            "enum_assignment" => (
                member.child_by_field_name("name")?,
                source.of(member.child_by_field_name("value")?).to_owned(),
            ),
            _ => (member, next?.to_string()),
        };
        let is_text = value.starts_with(['\'', '"']) && !value.contains('\n');
        next = value.parse::<i64>().ok().and_then(|number| number.checked_add(1));
        if !is_text && next.is_none() {
            return None;
        }
        members.push(format!("{}:{value}", source.of(key)));
    }
    let code = format!("var {name}={{{}}}", members.join(","));
    Some((node.start_byte(), fitted(&code, source.of(node))?))
}

/// Names of the parameters of a constructor that are fields; none where there are none.
fn fields<'a>(source: &'a Source, method: Node<'_>) -> Option<Vec<&'a str>> {
    let parameters = method.child_by_field_name("parameters")?;
    let mut cursor = parameters.walk();
    let is_field = |parameter: &Node<'_>| {
        let mut cursor = parameter.walk();
        parameter
            .children(&mut cursor)
            .any(|child| matches!(child.kind(), "accessibility_modifier" | "override_modifier" | "readonly"))
    };
    let names: Vec<&str> = parameters
        .named_children(&mut cursor)
        .filter(is_field)
        .filter_map(|parameter| Some(source.of(parameter.child_by_field_name("pattern")?)))
        .collect();
    (!names.is_empty()).then_some(names)
}

/// The head of a constructor whose parameters are fields, up to the brace of its body and with the assignments behind it.
fn with_fields(source: &Source, method: Node<'_>, fields: &[&str]) -> Option<(usize, String)> {
    let body = method.child_by_field_name("body")?;
    if source.of(body).contains("super(") {
        return None;
    }
    let parameters = method.child_by_field_name("parameters")?;
    let mut cursor = parameters.walk();
    let mut plain = Vec::new();
    for parameter in parameters.named_children(&mut cursor).filter(|node| node.kind() != "comment") {
        let pattern = source.of(parameter.child_by_field_name("pattern")?);
        let default = parameter.child_by_field_name("value").map(|value| format!("={}", source.of(value)));
        plain.push(format!("{pattern}{}", default.unwrap_or_default()));
    }
    let assigned: Vec<String> = fields.iter().map(|name| format!("this.{name}={name}")).collect();
    let code = format!("({}){{{};", plain.join(","), assigned.join(";"));
    let head = source.text().get(parameters.start_byte()..=body.start_byte())?;
    Some((parameters.start_byte(), fitted(&code, head)?))
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
            "enum A { B = f() }",
            "enum A { B, C }\nA[0];",
            "namespace N { export const a = 1 }",
            "class A extends B { constructor(private x: number) { super(); } }",
        ] {
            assert_eq!(untyped("a.ts", text), None, "{text}");
        }
    }

    #[test]
    fn enums_and_parameters_that_are_fields_are_written_in_their_own_place() {
        let text = "export enum A {\n  B = 'b',\n  C = 2,\n  D,\n}\nclass E {\n  constructor(private readonly x: number = 1, y?: string) {\n    f(y);\n  }\n}\n";
        let plain = untyped("a.ts", text).unwrap();
        assert_eq!(plain.len(), text.len());
        let lines: Vec<&str> = plain.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "export var A={B:'b',C:2,D:3}",
                "",
                "",
                "",
                "",
                "class E {",
                "  constructor(x=1,y){this.x=x;",
                "    f(y);",
                "  }",
                "}",
            ]
        );
    }
}
