//! What is known about an error by its class and its message: edits of the place that raised it, or of what it names.

use tree_sitter::Node;

use super::super::code;
use super::names::{imported_otherwise, not_defined};
use super::nothing::{awaited_where_made, nothing_read, read_of_nothing, renamed, this_of_callback};
use super::{Draft, Place, likeness, short};
use crate::syntax::ancestor;

/// Names that are tried for one that is wrong.
pub(super) const NAMES: usize = 5;
/// Methods and properties that the language itself gives.
const BUILT_IN: &[&str] = &[
    "length",
    "push",
    "pop",
    "shift",
    "unshift",
    "slice",
    "splice",
    "concat",
    "join",
    "reverse",
    "sort",
    "map",
    "filter",
    "reduce",
    "forEach",
    "find",
    "findIndex",
    "some",
    "every",
    "includes",
    "indexOf",
    "lastIndexOf",
    "keys",
    "values",
    "entries",
    "flat",
    "flatMap",
    "at",
    "fill",
    "trim",
    "trimStart",
    "trimEnd",
    "split",
    "toLowerCase",
    "toUpperCase",
    "replace",
    "replaceAll",
    "startsWith",
    "endsWith",
    "charAt",
    "charCodeAt",
    "padStart",
    "padEnd",
    "repeat",
    "match",
    "substring",
    "toString",
    "toFixed",
    "get",
    "set",
    "has",
    "add",
    "delete",
    "clear",
    "size",
    "then",
    "catch",
    "finally",
    "hasOwnProperty",
    "getTime",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDay",
    "toISOString",
    "test",
    "exec",
    "call",
    "apply",
    "bind",
    "floor",
    "ceil",
    "round",
    "abs",
    "max",
    "min",
    "parse",
    "stringify",
    "assign",
    "freeze",
    "isArray",
    "from",
    "next",
    "localeCompare",
];
/// Something that a file of the project gives to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Export {
    /// The name.
    pub(in super::super) name: String,
    /// The file.
    pub(in super::super) file: String,
}

/// What was raised at a place.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Error<'a> {
    /// Its class.
    pub(in super::super) class: &'a str,
    /// Its text.
    pub(in super::super) message: &'a str,
}

/// Edits that are known for an error at a place.
pub(in super::super) fn of(mut place: Place<'_>, error: Error<'_>, exports: &[Export]) -> Vec<Draft> {
    let message = error.message;
    if let Some((nothing, property)) = nothing_read(message) {
        read_of_nothing(&mut place, nothing, &property);
    } else if let Some(called) = message.strip_suffix(" is not a function") {
        no_function(&mut place, called);
    } else if let Some(name) = message.strip_suffix(" is not defined") {
        not_defined(&mut place, name, exports);
    } else if message.contains("is not iterable") {
        not_iterable(&mut place, message.split(' ').next().unwrap_or(""));
    } else if message.starts_with("Assignment to constant variable") {
        constant(&mut place);
    } else if let Some(name) =
        message.strip_prefix("Cannot access '").and_then(|rest| rest.split('\'').next())
    {
        too_early(&mut place, name);
    } else if message.starts_with("Invalid array length") || message.contains("Invalid count value") {
        bad_length(&mut place);
    } else if message.contains("Reduce of empty array") {
        empty_reduce(&mut place);
    } else if message.contains("Cannot mix BigInt") {
        big_numbers(&mut place);
    } else if message.starts_with("Class constructor ") || message.contains("without 'new'") {
        without_new(&mut place);
    } else if let Some(name) = message.strip_suffix(" is not a constructor") {
        no_constructor(&mut place, name);
    } else if message.starts_with("Must call super constructor") {
        no_super(&mut place);
    } else if message.starts_with("Cannot destructure")
        || message.contains("Cannot convert undefined or null to object")
    {
        nothing_taken_apart(&mut place);
    } else if error.class == "SyntaxError" && message.contains("JSON") {
        no_json(&mut place);
    }
    place.made
}

fn no_function(place: &mut Place<'_>, called: &str) {
    let wanted = called.rsplit('.').next().unwrap_or(called).to_owned();
    for node in place.nodes.clone() {
        let Some(function) =
            node.child_by_field_name("function").filter(|_| node.kind() == "call_expression")
        else {
            continue;
        };
        let property = function.child_by_field_name("property");
        let name = property.map_or_else(|| place.text(function), |property| place.text(property)).to_owned();
        if name != wanted {
            continue;
        }
        if let (Some(object), Some(property)) = (function.child_by_field_name("object"), property) {
            let held = place.text(object).to_owned();
            let arguments =
                node.child_by_field_name("arguments").map_or("()", |list| place.text(list)).to_owned();
            let mut known: Vec<String> = place.file.properties.clone();
            known.extend(BUILT_IN.iter().map(|name| (*name).to_owned()));
            let mut found: Vec<(f64, String)> = known
                .into_iter()
                .filter(|other| *other != name)
                .map(|other| (likeness(&name, &other), other))
                .filter(|(alike, _)| *alike >= 0.5)
                .collect();
            found.sort_by(|a, b| b.0.total_cmp(&a.0));
            found.dedup_by(|a, b| a.1 == b.1);
            for (alike, other) in found.into_iter().take(NAMES) {
                place.put(property, other, "method", 0.85 * alike);
            }
            for synonym in synonyms(&name) {
                place.put(property, *synonym, "method", 0.6);
            }
            if arguments == "()" {
                place.put_as(node, format!("{held}.{name}"), "call", 0.6, format!("{name} is no method"));
            }
            if place.is_async() {
                place.put_as(
                    object,
                    format!("(await {held})"),
                    "await",
                    0.6,
                    format!("waits for {}", short(&held)),
                );
                awaited_where_made(place, &held);
            }
            for (made, prior) in [
                (format!("[...{held}]"), 0.4),
                (format!("Object.values({held})"), 0.25),
                (format!("Object.keys({held})"), 0.2),
                (format!("Object.entries({held})"), 0.25),
                (format!("String({held})"), if BUILT_IN.contains(&name.as_str()) { 0.4 } else { 0.05 }),
                (format!("Number({held})"), if name == "toFixed" { 0.7 } else { 0.03 }),
                (format!("{held}()"), 0.2),
            ] {
                place.put_as(
                    object,
                    made.clone(),
                    "conversion",
                    prior,
                    format!("{} has {name}", short(&made)),
                );
            }
            renamed(place, object, 0.4);
            place.edit(
                vec![(function.end_byte(), function.end_byte(), "?.".to_owned())],
                "symptom",
                0.15,
                format!("calls {name} only where there is one"),
            );
        } else {
            imported_otherwise(place, &name);
            for other in place.names.clone() {
                let alike = likeness(&other, &name);
                if other != name && alike >= 0.5 {
                    place.put(function, other, "name", 0.7 * alike);
                }
            }
            // A callback that is not always given.
            place.edit(
                vec![(function.end_byte(), function.end_byte(), "?.".to_owned())],
                "symptom",
                0.3,
                format!("calls {name} only where it is given"),
            );
        }
    }
    this_of_callback(place);
}

/// Names that other languages give to what is wanted.
fn synonyms(name: &str) -> &'static [&'static str] {
    match name {
        "append" | "add" => &["push", "set"],
        "push" => &["add"],
        "contains" | "has" | "includes" => &["includes", "has"],
        "len" | "size" | "count" => &["length"],
        "strip" => &["trim"],
        "lower" => &["toLowerCase"],
        "upper" => &["toUpperCase"],
        "remove" => &["delete"],
        "each" => &["forEach"],
        "set" => &["add", "push"],
        "substr" => &["substring"],
        "get" => &["at", "has"],
        _ => &[],
    }
}

fn not_iterable(place: &mut Place<'_>, named: &str) {
    for node in place.nodes.clone() {
        let value = match node.kind() {
            "for_in_statement" => node.child_by_field_name("right"),
            "spread_element" => node.named_child(0),
            "variable_declarator"
                if node.child_by_field_name("name").is_some_and(|name| name.kind() == "array_pattern") =>
            {
                node.child_by_field_name("value")
            }
            "arguments" => node.named_child(0),
            _ => None,
        };
        let Some(value) = value else { continue };
        let text = place.text(value).to_owned();
        let sure = if text == named || text.ends_with(named) || named.is_empty() { 1.0 } else { 0.5 };
        for (made, prior) in [
            (format!("Object.entries({text})"), 0.5),
            (format!("Object.values({text})"), 0.5),
            (format!("Object.keys({text})"), 0.4),
            (format!("{text} ?? []"), 0.35),
            (format!("[{text}]"), 0.3),
        ] {
            let family = if made.contains("??") { "symptom" } else { "wrapping" };
            place.put(value, made, family, prior * sure);
        }
        if place.is_async() {
            place.put(value, format!("await {text}"), "await", 0.8 * sure);
            awaited_where_made(place, &text);
        }
        renamed(place, value, 0.6 * sure);
        if node.kind() == "for_in_statement"
            && let Some(sign) = node.child_by_field_name("operator")
        {
            place.put(sign, "in", "loop", 0.35);
        }
    }
}

fn constant(place: &mut Place<'_>) {
    let source = &place.file.source;
    for node in place.nodes.clone() {
        let target = match node.kind() {
            "assignment_expression" | "augmented_assignment_expression" => node.child_by_field_name("left"),
            "update_expression" => node.child_by_field_name("argument"),
            "for_in_statement" => node.child_by_field_name("left"),
            _ => None,
        };
        let Some(target) = target.filter(|target| target.kind() == "identifier") else { continue };
        let name = place.text(target);
        let nearest = code::declared(source, source.root())
            .into_iter()
            .rfind(|one| source.of(*one) == name && one.start_byte() <= target.start_byte());
        let Some(declaration) = nearest.and_then(|one| {
            ancestor(one, |up| up.kind() == "lexical_declaration" || up.kind() == "for_statement")
        }) else {
            continue;
        };
        let word = source.walk(declaration).into_iter().find(|word| word.kind() == "const");
        if let Some(word) = word {
            place.edit(
                vec![(word.start_byte(), word.end_byte(), "let".to_owned())],
                "declaration",
                0.95,
                format!("{name} is changed, so it is no constant"),
            );
        }
    }
}

fn too_early(place: &mut Place<'_>, name: &str) {
    let source = &place.file.source;
    let declared = code::declared(source, source.root())
        .into_iter()
        .find(|one| source.of(*one) == name && one.start_byte() > place.spot.node.start_byte());
    let text = source.text();
    let start_of = |at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
    if let Some(statement) = declared.and_then(|one| ancestor(one, code::is_statement)) {
        let first = start_of(statement.start_byte());
        let end =
            text[statement.end_byte()..].find('\n').map_or(text.len(), |at| statement.end_byte() + at + 1);
        let at = start_of(place.spot.node.start_byte());
        let whole = text[first..end].to_owned();
        place.edit(
            vec![(at, at, whole), (first, end, String::new())],
            "move",
            0.8,
            format!("declares {name} before it is used"),
        );
    }
    for node in place.nodes.clone() {
        if node.kind() == "identifier" && place.text(node) == name {
            for other in place.names.clone().into_iter().take(NAMES) {
                place.put(node, other, "name", 0.35);
            }
        }
    }
}

fn bad_length(place: &mut Place<'_>) {
    for node in place.nodes.clone() {
        if node.kind() == "arguments"
            && let Some(one) = node.named_child(0)
        {
            let text = place.text(one).to_owned();
            place.put(one, format!("Math.max(0, {text})"), "wrapping", 0.5);
            for function in ["floor", "ceil", "round", "trunc"] {
                place.put(one, format!("Math.{function}({text})"), "rounding", 0.4);
            }
        }
    }
}

fn empty_reduce(place: &mut Place<'_>) {
    for node in place.nodes.clone() {
        let is_reduce = node
            .child_by_field_name("function")
            .is_some_and(|function| place.text(function).contains("reduce"));
        if let (true, Some(one)) =
            (is_reduce, node.child_by_field_name("arguments").and_then(|list| list.named_child(0)))
        {
            for (value, prior) in [
                ("0", 0.9),
                ("''", 0.7),
                ("[]", 0.6),
                ("{}", 0.6),
                ("1", 0.4),
                ("null", 0.3),
                ("-Infinity", 0.3),
                ("undefined", 0.2),
            ] {
                let end = one.end_byte();
                place.edit(
                    vec![(end, end, format!(", {value}"))],
                    "argument",
                    prior,
                    format!("begins with {value}"),
                );
            }
        }
    }
}

fn big_numbers(place: &mut Place<'_>) {
    for node in place.nodes.clone() {
        if matches!(node.kind(), "binary_expression" | "augmented_assignment_expression") {
            for side in ["left", "right"] {
                let Some(one) = node.child_by_field_name(side) else { continue };
                if side == "left" && node.kind() == "augmented_assignment_expression" {
                    continue;
                }
                let text = place.text(one).to_owned();
                if one.kind() == "number" {
                    place.put(one, format!("{text}n"), "conversion", 0.8);
                }
                place.put(one, format!("BigInt({text})"), "conversion", 0.6);
                place.put(one, format!("Number({text})"), "conversion", 0.4);
            }
        }
    }
}

fn without_new(place: &mut Place<'_>) {
    for node in place.nodes.clone() {
        let starts_large = |function: Node<'_>| {
            place
                .text(function)
                .rsplit('.')
                .next()
                .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        };
        if node.kind() == "call_expression" && node.child_by_field_name("function").is_some_and(starts_large)
        {
            let at = node.start_byte();
            place.edit(
                vec![(at, at, "new ".to_owned())],
                "call",
                0.95,
                format!("new {}", short(place.text(node))),
            );
        }
    }
}

fn no_constructor(place: &mut Place<'_>, name: &str) {
    for node in place.nodes.clone() {
        if node.kind() == "new_expression" {
            let text = place.text(node).trim_start_matches("new").trim_start().to_owned();
            place.put_as(node, text, "call", 0.6, format!("{name} is called without new"));
        }
    }
    imported_otherwise(place, name);
}

fn no_super(place: &mut Place<'_>) {
    let Some(body) = place.spot.function.and_then(|function| function.child_by_field_name("body")) else {
        return;
    };
    let parameters = place
        .spot
        .function
        .and_then(|function| function.child_by_field_name("parameters"))
        .map_or("()", |list| place.text(list));
    let Some(first) = body.named_child(0) else { return };
    let lead = place.file.source.indent(first).to_owned();
    let at = first.start_byte();
    for (given, prior) in [("()", 0.8), (parameters, 0.75)] {
        place.edit(vec![(at, at, format!("super{given};\n{lead}"))], "call", prior, format!("super{given}"));
    }
    let source = &place.file.source;
    let first_name = source.walk(place.spot.node).into_iter().find(|node| node.kind() == "identifier");
    if let Some(name) = first_name.map(|name| source.of(name).to_owned()) {
        place.edit(vec![(at, at, format!("super({name});\n{lead}"))], "call", 0.6, format!("super({name})"));
    }
}

fn nothing_taken_apart(place: &mut Place<'_>) {
    for node in place.nodes.clone() {
        match node.kind() {
            "variable_declarator"
                if node.child_by_field_name("name").is_some_and(|name| name.kind().ends_with("_pattern")) =>
            {
                if let Some(value) = node.child_by_field_name("value") {
                    let text = place.text(value).to_owned();
                    let empty = if node
                        .child_by_field_name("name")
                        .is_some_and(|name| name.kind() == "array_pattern")
                    {
                        "[]"
                    } else {
                        "{}"
                    };
                    place.put(value, format!("{text} ?? {empty}"), "default", 0.5);
                    if place.is_async() {
                        place.put(value, format!("await {text}"), "await", 0.7);
                    }
                    renamed(place, value, 0.6);
                }
            }
            "object_pattern"
                if node.parent().is_some_and(|parent| {
                    matches!(parent.kind(), "formal_parameters" | "required_parameter")
                }) =>
            {
                let end = node.end_byte();
                place.edit(
                    vec![(end, end, " = {}".to_owned())],
                    "default",
                    0.8,
                    "an empty object by default".to_owned(),
                );
            }
            "call_expression" if place.text(node).starts_with("Object.") => {
                if let Some(one) = node.child_by_field_name("arguments").and_then(|list| list.named_child(0))
                {
                    let text = place.text(one).to_owned();
                    place.put(one, format!("{text} ?? {{}}"), "default", 0.5);
                    renamed(place, one, 0.6);
                }
            }
            _ => {}
        }
    }
    // The function's own pattern, where the place is its first statement.
    let pattern = place.spot.function.and_then(|function| function.child_by_field_name("parameters"));
    let Some(parameters) = pattern else { return };
    for node in place.file.source.walk(parameters) {
        let plain = node
            .parent()
            .is_some_and(|parent| matches!(parent.kind(), "formal_parameters" | "required_parameter"));
        if node.kind() == "object_pattern" && plain {
            let end = node.end_byte();
            place.edit(
                vec![(end, end, " = {}".to_owned())],
                "default",
                0.8,
                "an empty object by default".to_owned(),
            );
        }
    }
}

fn no_json(place: &mut Place<'_>) {
    for node in place.nodes.clone() {
        let parses =
            node.child_by_field_name("function").is_some_and(|function| place.text(function) == "JSON.parse");
        if let (true, Some(one)) =
            (parses, node.child_by_field_name("arguments").and_then(|list| list.named_child(0)))
        {
            let (text, all) = (place.text(one).to_owned(), place.text(node).to_owned());
            for value in ["{}", "[]", "null", "''"] {
                place.put(one, format!("{text} || '{value}'"), "symptom", 0.35);
                place.put(node, format!("({text} ? {all} : {value})"), "symptom", 0.35);
            }
            place.put(node, text.clone(), "call", 0.3);
            place.put(one, format!("JSON.stringify({text})"), "conversion", 0.1);
            place.put(one, format!("{text}.trim()"), "conversion", 0.2);
        }
    }
}
