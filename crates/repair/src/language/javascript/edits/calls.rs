//! Calls, methods, arguments, indices, what is waited for and what is wrapped.

use tree_sitter::Node;

use super::{Kind, Place, likeness, short};

/// Methods and functions that are easily mistaken for another.
const ALIKE: &[&[&str]] = &[
    &["push", "unshift"],
    &["pop", "shift"],
    &["indexOf", "lastIndexOf", "findIndex"],
    &["indexOf", "includes"],
    &["slice", "splice"],
    &["slice", "substring", "substr"],
    &["min", "max"],
    &["floor", "ceil", "round", "trunc"],
    &["map", "forEach", "filter", "flatMap"],
    &["find", "filter", "findLast", "findIndex", "some"],
    &["some", "every"],
    &["toLowerCase", "toUpperCase"],
    &["trim", "trimStart", "trimEnd"],
    &["startsWith", "endsWith", "includes"],
    &["padStart", "padEnd"],
    &["replace", "replaceAll"],
    &["keys", "values", "entries"],
    &["reduce", "reduceRight"],
    &["parseInt", "parseFloat", "Number"],
    &["get", "has"],
    &["add", "delete"],
    &["set", "delete"],
    &["all", "allSettled"],
    &["all", "race", "any"],
    &["concat", "push"],
    &["sort", "toSorted"],
    &["reverse", "toReversed"],
    &["charCodeAt", "codePointAt", "charAt"],
    &["getDate", "getDay"],
    &["getMonth", "getUTCMonth"],
    &["getHours", "getUTCHours"],
    &["getDate", "getUTCDate"],
    &["getFullYear", "getUTCFullYear", "getYear"],
    &["seal", "freeze"],
    &["call", "apply"],
    &["match", "matchAll"],
    &["test", "exec"],
    &["on", "once"],
    &["join", "concat"],
    &["isNaN", "isFinite", "isInteger"],
    &["flat", "flatMap"],
    &["abs", "sign"],
    &["length", "size"],
    &["sqrt", "cbrt"],
    &["log", "log2", "log10"],
    &["sin", "cos"],
];

/// Edits of one call, member or index of a place.
pub(super) fn of(place: &mut Place<'_>, node: Node<'_>) {
    match node.kind() {
        "call_expression" => {
            call(place, node);
            arguments(place, node);
            wrapped(place, node);
        }
        "member_expression" => {
            member(place, node);
            wrapped(place, node);
        }
        "subscript_expression" => {
            index(place, node);
            wrapped(place, node);
        }
        "new_expression" => arguments(place, node),
        "await_expression" => {
            if let Some(inner) = node.named_child(0) {
                let text = place.text(inner).to_owned();
                place.put(node, text, "await", 0.03);
            }
        }
        "identifier" => wrapped(place, node),
        "binary_expression" => wrapped(place, node),
        "spread_element" => {
            let inner = place.text(node).trim_start_matches("...").to_owned();
            if node.parent().is_some_and(|parent| parent.kind() == "arguments") {
                place.put(node, inner, "spread", 0.15);
            }
        }
        _ => {}
    }
}

/// The function or method that is called, as its name alone.
fn callee<'a>(place: &Place<'a>, node: Node<'_>) -> (&'a str, &'a str) {
    let Some(function) = node.child_by_field_name("function") else { return ("", "") };
    match function.child_by_field_name("property") {
        Some(property) => (
            function.child_by_field_name("object").map_or("", |object| place.text(object)),
            place.text(property),
        ),
        None => ("", place.text(function)),
    }
}

fn list<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let Some(arguments) = node.child_by_field_name("arguments") else { return Vec::new() };
    let mut cursor = arguments.walk();
    arguments.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

fn call(place: &mut Place<'_>, node: Node<'_>) {
    let (object, name) = callee(place, node);
    let given = list(node);
    let all = place.text(node).to_owned();
    match (name, given.as_slice()) {
        ("sort", []) => {
            let end = node.end_byte() - 1;
            for (by, prior) in [("(a, b) => a - b", 0.85), ("(a, b) => b - a", 0.2)] {
                place.edit(vec![(end, end, by.to_owned())], "argument", prior, format!("sorts by {by}"));
            }
        }
        ("reduce", [one]) => {
            for (value, prior) in [("0", 0.5), ("[]", 0.2), ("{}", 0.2), ("''", 0.15), ("1", 0.2)] {
                let end = one.end_byte();
                place.edit(
                    vec![(end, end, format!(", {value}"))],
                    "argument",
                    prior,
                    format!("begins with {value}"),
                );
            }
        }
        ("fill", [value]) if matches!(value.kind(), "array" | "object") => {
            let count = object
                .trim_start_matches("new ")
                .strip_prefix("Array(")
                .and_then(|rest| rest.strip_suffix(')'));
            let value = place.text(*value);
            let value = if value.starts_with('{') { format!("({value})") } else { value.to_owned() };
            match count {
                Some(count) => {
                    place.put(
                        node,
                        format!("Array.from({{ length: {count} }}, () => {value})"),
                        "copy",
                        0.85,
                    );
                }
                None => place.put(node, format!("{object}.fill().map(() => {value})"), "copy", 0.6),
            }
        }
        ("fill", [value]) if value.kind() == "call_expression" => {
            let text = place.text(*value);
            place.put(node, format!("{object}.fill().map(() => {text})"), "copy", 0.5);
        }
        ("parseInt", [one]) => {
            let end = one.end_byte();
            place.edit(
                vec![(end, end, ", 10".to_owned())],
                "argument",
                0.3,
                "reads a decimal number".to_owned(),
            );
        }
        ("assign", [first, ..]) if object == "Object" && first.kind() != "object" => {
            let at = first.start_byte();
            place.edit(
                vec![(at, at, "{}, ".to_owned())],
                "copy",
                0.6,
                format!("leaves {} as it is", place.text(*first)),
            );
        }
        ("map" | "forEach", [function]) if place.text(*function).starts_with("async") => {
            place.put(
                node,
                format!("await Promise.all({})", all.replacen(".forEach(", ".map(", 1)),
                "await",
                0.6,
            );
        }
        ("map", [function]) if matches!(place.text(*function), "parseInt" | "parseFloat") => {
            place.put(*function, "Number", "argument", 0.8);
        }
        ("slice" | "substring" | "substr" | "splice", []) => {}
        ("join", []) => {
            let end = node.end_byte() - 1;
            for by in ["''", "' '", "', '"] {
                place.edit(vec![(end, end, by.to_owned())], "argument", 0.3, format!("joins with {by}"));
            }
        }
        ("split", [by]) if place.text(*by).len() <= 3 => {
            place.put(*by, "/\\s+/", "argument", 0.15);
        }
        ("stringify", [_]) => {}
        ("hasOwnProperty", [key]) => {
            place.put(node, format!("Object.hasOwn({object}, {})", place.text(*key)), "call", 0.1);
        }
        ("getMonth" | "getUTCMonth", []) => place.put(node, format!("{all} + 1"), "offset", 0.5),
        ("sort" | "reverse" | "splice", _)
            if !object.is_empty() && !object.starts_with('[') && !object.ends_with(')') =>
        {
            let at = node.start_byte();
            let end = at + object.len();
            place.edit(
                vec![(at, end, format!("[...{object}]"))],
                "copy",
                0.45,
                format!("leaves {} as it is", short(object)),
            );
        }
        _ => {}
    }
    // A method of another name, or a function of the project.
    if let Some(property) =
        node.child_by_field_name("function").and_then(|function| function.child_by_field_name("property"))
    {
        methods(place, property, 0.4);
    } else if let Some(function) =
        node.child_by_field_name("function").filter(|function| function.kind() == "identifier")
    {
        for group in ALIKE.iter().filter(|group| group.contains(&name)) {
            for other in group.iter().filter(|other| **other != name) {
                place.put(function, *other, "call", 0.25);
            }
        }
    }
    // Without the call.
    if let [only] = given.as_slice() {
        let inner = place.text(*only).to_owned();
        if !super::super::code::is_function(*only) && object.is_empty() {
            place.put_as(
                node,
                inner.clone(),
                "call",
                0.15,
                format!("{} alone, without {name}", short(&inner)),
            );
        } else if matches!(object, "Math" | "Number" | "String" | "Object" | "JSON" | "Array") {
            place.put_as(
                node,
                inner.clone(),
                "call",
                0.2,
                format!("{} alone, without {object}.{name}", short(&inner)),
            );
        }
    }
    if !object.is_empty()
        && !matches!(
            object,
            "Math" | "Object" | "JSON" | "Promise" | "Array" | "Number" | "console" | "this" | "String"
        )
    {
        place.put_as(node, object, "call", 0.14, format!("without {name}"));
    }
    if place.is_async() && node.parent().is_some_and(|parent| parent.kind() != "await_expression") {
        let plain = matches!(name, "then" | "catch" | "push" | "map" | "filter" | "log") || object == "Math";
        let known = if is_promised(place, object, name) {
            0.9
        } else if plain {
            0.05
        } else {
            0.4
        };
        let chained = node.parent().is_some_and(|parent| parent.kind() == "member_expression");
        let made = if chained { format!("(await {all})") } else { format!("await {all}") };
        place.put(node, made, "await", known);
    }
}

/// Whether what is called is waited for elsewhere in the file, or declared as something to wait for.
fn is_promised(place: &Place<'_>, object: &str, name: &str) -> bool {
    let text = place.file.source.text();
    if object.is_empty() {
        text.contains(&format!("async function {name}(")) || text.contains(&format!("await {name}("))
    } else {
        text.contains(&format!("await {object}.{name}("))
    }
}

/// Other names for a property.
fn methods(place: &mut Place<'_>, property: Node<'_>, prior: f64) {
    let name = place.text(property);
    let mut seen = vec![name.to_owned()];
    for group in ALIKE.iter().filter(|group| group.contains(&name)) {
        for other in group.iter() {
            if !seen.iter().any(|known| known == other) {
                seen.push((*other).to_owned());
                place.put(property, *other, "method", prior);
            }
        }
    }
    for other in place.file.properties.clone() {
        let alike = likeness(name, &other);
        if alike >= 0.5 && !seen.contains(&other) {
            place.put(property, other, "attribute", 0.35 * alike);
        }
    }
}

fn member(place: &mut Place<'_>, node: Node<'_>) {
    let (Some(object), Some(property)) =
        (node.child_by_field_name("object"), node.child_by_field_name("property"))
    else {
        return;
    };
    let called = node.parent().is_some_and(|parent| {
        parent.kind() == "call_expression" && parent.child_by_field_name("function") == Some(node)
    });
    let (holder, name, all) =
        (place.text(object).to_owned(), place.text(property).to_owned(), place.text(node).to_owned());
    if called {
        return;
    }
    methods(place, property, 0.35);
    // Properties that stand with the same object in the file are as likely as those that sound alike.
    let mut seen = vec![name.clone()];
    for other in siblings(place, &holder) {
        if !seen.contains(&other) && likeness(&name, &other) < 0.5 {
            seen.push(other.clone());
            place.put(property, other, "attribute", 0.2);
        }
    }
    if name == "length" {
        place.put(node, format!("{all} - 1"), "offset", 0.4);
        place.put(node, format!("{all} + 1"), "offset", 0.15);
    } else if is_number_like(node) {
        place.put(node, format!("{all} - 1"), "offset", 0.12);
        place.put(node, format!("{all} + 1"), "offset", 0.12);
    }
    if !all.contains("?.") && !is_stored(node) && holder != "this" && holder != "Math" && name != "length" {
        let at = object.end_byte();
        place.edit(
            vec![(at, property.start_byte(), "?.".to_owned())],
            "symptom",
            0.05,
            format!("{holder}?.{name}"),
        );
    }
    place.put_as(node, holder.clone(), "attribute", 0.05, format!("{} itself", short(&holder)));
}

/// Properties that are read of an object of the same name elsewhere in the file.
pub(super) fn siblings(place: &Place<'_>, holder: &str) -> Vec<String> {
    let source = &place.file.source;
    let mut found = Vec::new();
    for node in source.walk(source.root()) {
        let fields = (node.child_by_field_name("object"), node.child_by_field_name("property"));
        if let ("member_expression", (Some(object), Some(property))) = (node.kind(), fields)
            && source.of(object) == holder
        {
            let name = source.of(property).to_owned();
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found.truncate(8);
    found
}

fn is_stored(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        parent.kind() == "update_expression"
            || (parent.kind().ends_with("assignment_expression")
                && parent.child_by_field_name("left") == Some(node))
    })
}

fn is_number_like(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        matches!(parent.kind(), "arguments" | "subscript_expression" | "return_statement")
    }) && !is_stored(node)
}

fn arguments(place: &mut Place<'_>, node: Node<'_>) {
    let given = list(node);
    for (at, one) in given.iter().enumerate() {
        for two in given.iter().skip(at + 1) {
            if super::super::code::is_function(*one) || super::super::code::is_function(*two) {
                continue;
            }
            let (a, b) = (place.text(*one).to_owned(), place.text(*two).to_owned());
            let prior = if place.kind_of(*one) == place.kind_of(*two) { 0.45 } else { 0.25 };
            let edits = vec![
                (one.start_byte(), one.end_byte(), b.clone()),
                (two.start_byte(), two.end_byte(), a.clone()),
            ];
            place.edit(edits, "argument", prior, format!("swaps {} and {}", short(&a), short(&b)));
        }
    }
    let (_, name) = callee(place, node);
    for (at, one) in given.iter().enumerate() {
        if given.len() > 1 {
            let (start, end) = if at + 1 < given.len() {
                (one.start_byte(), given[at + 1].start_byte())
            } else {
                (given[at - 1].end_byte(), one.end_byte())
            };
            place.edit(
                vec![(start, end, String::new())],
                "argument",
                0.15,
                format!("drops the argument {}", short(place.text(*one))),
            );
        }
        if matches!(one.kind(), "identifier" | "call_expression" | "member_expression")
            && matches!(name, "push" | "max" | "min" | "concat" | "unshift")
        {
            place.put(*one, format!("...{}", place.text(*one)), "spread", 0.25);
        }
    }
    // One more, such as the end of a part.
    if let (Some(last), true) = (
        given.last(),
        matches!(
            name,
            "slice"
                | "substring"
                | "padStart"
                | "padEnd"
                | "split"
                | "indexOf"
                | "toString"
                | "round"
                | "splice"
        ),
    ) {
        let end = last.end_byte();
        let mut more: Vec<(String, f64)> =
            vec![("1".into(), 0.1), ("-1".into(), 0.1), ("2".into(), 0.06), ("'0'".into(), 0.12)];
        more.extend(place.names_of(Kind::Number).into_iter().take(3).map(|name| (name, 0.15)));
        for (value, prior) in more {
            place.edit(
                vec![(end, end, format!(", {value}"))],
                "argument",
                prior,
                format!("also gives {value}"),
            );
        }
    } else if name.chars().next().is_some_and(char::is_lowercase) || node.kind() == "new_expression" {
        let known = place.names.iter().any(|known| known == name);
        let end = node.end_byte() - 1;
        let lead = if given.is_empty() { "" } else { ", " };
        if known || node.kind() == "new_expression" {
            for (at, other) in place.names.clone().into_iter().enumerate().take(5) {
                if place.kinds[at] != Kind::Function && !given.iter().any(|one| place.text(*one) == other) {
                    place.edit(
                        vec![(end, end, format!("{lead}{other}"))],
                        "argument",
                        0.12,
                        format!("also gives {other}"),
                    );
                }
            }
        }
    }
}

fn index(place: &mut Place<'_>, node: Node<'_>) {
    let (Some(object), Some(index)) = (node.child_by_field_name("object"), node.child_by_field_name("index"))
    else {
        return;
    };
    let (holder, text, all) =
        (place.text(object).to_owned(), place.text(index).to_owned(), place.text(node).to_owned());
    if index.kind() == "binary_expression" {
        for shift in ["- 1", "+ 1"] {
            place.put(index, format!("{text} {shift}"), "offset", 0.2);
        }
    }
    if index.kind() == "number" {
        place.put(index, format!("{holder}.length - 1"), "index", 0.3);
    } else if text.contains(".length") {
        place.put(index, "0", "index", 0.3);
    }
    if object.kind() == "subscript_expression"
        && let (Some(inner), Some(top)) =
            (object.child_by_field_name("index"), object.child_by_field_name("object"))
    {
        let made = format!("{}[{text}][{}]", place.text(top), place.text(inner));
        place.put_as(
            node,
            made,
            "index",
            0.45,
            format!("swaps the indices {} and {text}", place.text(inner)),
        );
    }
    if !is_stored(node) {
        for (value, prior) in [("0", 0.2), ("[]", 0.14), ("''", 0.08), ("1", 0.05)] {
            place.put(node, format!("({all} ?? {value})"), "default", prior);
        }
        place.put_as(node, text.clone(), "index", 0.1, format!("{} itself", short(&text)));
        place.put_as(node, holder.clone(), "index", 0.08, format!("the whole {}", short(&holder)));
    }
}

/// What is done with a value that was not, such as rounding it.
fn wrapped(place: &mut Place<'_>, node: Node<'_>) {
    let Some(parent) = node.parent() else { return };
    let used = matches!(
        parent.kind(),
        "arguments"
            | "return_statement"
            | "variable_declarator"
            | "assignment_expression"
            | "binary_expression"
            | "arrow_function"
            | "pair"
            | "subscript_expression"
            | "parenthesized_expression"
            | "template_substitution"
            | "array"
            | "for_in_statement"
            | "ternary_expression"
            | "augmented_assignment_expression"
    );
    let declares = parent.child_by_field_name("name") == Some(node)
        || parent.child_by_field_name("left") == Some(node) && parent.kind() != "binary_expression"
        || parent.child_by_field_name("parameter") == Some(node)
        || (parent.kind() == "subscript_expression" && parent.child_by_field_name("object") == Some(node));
    if !used || declares {
        return;
    }
    let text = place.text(node).to_owned();
    let kind = place.kind_of(node);
    let (number, word, rows) = match kind {
        Kind::Number => (1.0, 0.1, 0.0),
        Kind::Text => (0.3, 1.0, 0.2),
        Kind::List => (0.0, 0.1, 1.0),
        Kind::Truth | Kind::Function => return,
        Kind::Object => (0.0, 0.0, 0.6),
        Kind::Unknown => (0.5, 0.5, 0.5),
    };
    let simple = matches!(
        node.kind(),
        "identifier" | "member_expression" | "call_expression" | "subscript_expression"
    );
    let held = if simple { text.clone() } else { format!("({text})") };
    let iterated = parent.kind() == "for_in_statement";
    let mut tries: Vec<(String, &'static str, f64)> = Vec::new();
    if !iterated {
        tries.push((format!("Math.abs({text})"), "wrapping", 0.14 * number));
        for (function, prior) in [("floor", 0.14), ("round", 0.12), ("ceil", 0.08)] {
            tries.push((format!("Math.{function}({text})"), "rounding", prior * number));
        }
        tries.push((format!("Math.max(0, {text})"), "wrapping", 0.12 * number));
        tries.push((
            format!("Number({text})"),
            "conversion",
            0.15 * if kind == Kind::Number { 0.2 } else { 1.0 },
        ));
    }
    if simple && !iterated {
        tries.push((format!("String({text})"), "conversion", 0.08));
        for (method, prior) in
            [("trim()", 0.18), ("toLowerCase()", 0.2), ("toUpperCase()", 0.08), ("split('')", 0.03)]
        {
            if !text.ends_with(method) {
                tries.push((format!("{held}.{method}"), "wrapping", prior * word));
            }
        }
        for (value, prior) in [("0", 0.12), ("''", 0.08), ("[]", 0.08)] {
            if node.kind() != "identifier" || kind == Kind::Unknown {
                tries.push((format!("({text} ?? {value})"), "default", prior));
            }
        }
    }
    if simple {
        for (function, prior) in [("values", 0.15), ("keys", 0.12), ("entries", 0.12)] {
            tries.push((
                format!("Object.{function}({text})"),
                "wrapping",
                prior * rows * if iterated { 2.0 } else { 0.6 },
            ));
        }
        tries.push((format!("[...{text}]"), "copy", if kind == Kind::List { 0.25 } else { 0.06 }));
        tries.push((format!("[...new Set({text})]"), "wrapping", 0.1 * rows));
        if kind == Kind::List || iterated {
            tries.push((format!("[...{text}].reverse()"), "wrapping", 0.1));
            tries.push((format!("{held}.filter(Boolean)"), "wrapping", 0.06));
        }
    }
    for (made, family, prior) in tries {
        if prior > 0.01 {
            place.put(node, made, family, prior);
        }
    }
}
