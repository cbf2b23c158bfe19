//! A property that was read or set of `undefined` or `null`: another name, a value that was not waited for, a question that
//! was not asked.

use tree_sitter::Node;

use super::super::code;
use super::crash::NAMES;
use super::{Place, calls, likeness, short};
use crate::syntax::ancestor;

/// The property that was read or set of `undefined` or `null`.
pub(super) fn nothing_read(message: &str) -> Option<(&str, String)> {
    let rest = message
        .strip_prefix("Cannot read properties of ")
        .or_else(|| message.strip_prefix("Cannot set properties of "))?;
    let nothing = rest.split(' ').next()?;
    let quoted = rest.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\''))?.0;
    Some((nothing, quoted.to_owned()))
}

pub(super) fn read_of_nothing(place: &mut Place<'_>, nothing: &str, property: &str) {
    for node in place.nodes.clone() {
        let (Some(object), Some(read)) = (
            node.child_by_field_name("object"),
            node.child_by_field_name("property").or_else(|| node.child_by_field_name("index")),
        ) else {
            continue;
        };
        let named = place.text(read) == property;
        if !named && node.kind() == "member_expression" {
            continue;
        }
        let weight = if named { 1.0 } else { 0.6 };
        let (held, all) = (place.text(object).to_owned(), place.text(node).to_owned());
        renamed(place, object, 0.75 * weight);
        if matches!(object.kind(), "identifier") {
            for name in place.names.clone() {
                let alike = likeness(&name, &held);
                if name != held && alike >= 0.5 {
                    place.put(object, name, "name", 0.6 * alike * weight);
                }
            }
        }
        let stored = node.parent().is_some_and(|parent| {
            parent.kind().ends_with("assignment_expression")
                && parent.child_by_field_name("left") == Some(node)
        });
        if stored {
            for value in ["{}", "[]"] {
                place.put_as(
                    object,
                    format!("({held} ??= {value})"),
                    "default",
                    0.35 * weight,
                    format!("{held} begins as {value}"),
                );
            }
            continue;
        }
        // The first value under a key of its own.
        if object.kind() == "subscript_expression" {
            let is_list = matches!(property, "push" | "unshift" | "concat") && is_called(node);
            let (value, prior) = if is_list { ("[]", 0.8) } else { ("{}", 0.3) };
            let why = format!("{} begins as {value}", short(&held));
            place.put_as(object, format!("({held} ??= {value})"), "default", prior * weight, why);
        }
        if place.is_async() && object.kind() == "call_expression" {
            place.put_as(
                object,
                format!("(await {held})"),
                "await",
                0.8,
                format!("waits for {}", short(&held)),
            );
        }
        if place.is_async() && object.kind() == "identifier" {
            awaited_where_made(place, &held);
        }
        // A question that stands there already asks of the thing itself.
        asked_first(place, node, &held, nothing);
        let at = object.end_byte();
        let until = if node.kind() == "subscript_expression" { at } else { read.start_byte() };
        place.edit(
            vec![(at, until, "?.".to_owned())],
            "symptom",
            0.3 * weight,
            format!("{} only where there is {}", short(&all), short(&held)),
        );
        for value in ["0", "''", "[]", "{}"] {
            let edits =
                vec![(node.start_byte(), node.end_byte(), format!("({held}?.{property} ?? {value})"))];
            if node.kind() == "member_expression" && !is_called(node) {
                place.edit(
                    edits,
                    "symptom",
                    0.22 * weight,
                    format!("{value} where there is no {}", short(&held)),
                );
            } else if node.kind() == "member_expression" && matches!(value, "''" | "[]") {
                place.put_as(
                    object,
                    format!("({held} ?? {value})"),
                    "symptom",
                    0.24 * weight,
                    format!("{value} where there is no {}", short(&held)),
                );
            }
        }
        early(place, &held, weight);
    }
    if property == "length" || property == "0" {
        return;
    }
    this_of_callback(place);
}

fn is_called(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        parent.kind() == "call_expression" && parent.child_by_field_name("function") == Some(node)
    })
}

/// Other names for what was read just before, such as `cart.custmer` in `cart.custmer.name`.
pub(super) fn renamed(place: &mut Place<'_>, object: Node<'_>, prior: f64) {
    let Some(property) = object.child_by_field_name("property") else { return };
    let name = place.text(property).to_owned();
    let holder = object.child_by_field_name("object").map_or("", |holder| place.text(holder)).to_owned();
    let beside = calls::siblings(place, &holder);
    let mut found: Vec<(f64, String)> = Vec::new();
    for other in place.file.properties.clone() {
        let alike = likeness(&name, &other);
        let with = if beside.contains(&other) { 0.3 } else { 0.0 };
        if other != name && (alike >= 0.45 || with > 0.0) {
            found.push((prior * (alike * 0.9 + with).min(1.0), other));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (prior, other) in found.into_iter().take(NAMES) {
        place.put(property, other, "attribute", prior);
    }
    // One step less or more on the way: `cart.coupon` for `cart.customer.coupon`.
    let inner: Vec<String> = beside.into_iter().filter(|other| *other != name).collect();
    for other in inner.into_iter().take(NAMES) {
        place.put_as(
            object,
            format!("{holder}.{other}.{name}"),
            "attribute",
            0.35,
            format!("{holder}.{other}.{name}"),
        );
    }
    if let Some(inner) =
        object.child_by_field_name("object").and_then(|holder| holder.child_by_field_name("object"))
    {
        let made = format!("{}.{name}", place.text(inner));
        place.put_as(object, made.clone(), "attribute", 0.35, made);
    }
}

/// `await` where a name was given its value.
pub(super) fn awaited_where_made(place: &mut Place<'_>, name: &str) {
    let source = &place.file.source;
    let Some(function) = place.spot.function else { return };
    let made: Vec<Node<'_>> = source
        .walk(function)
        .into_iter()
        .filter(|node| node.kind() == "variable_declarator")
        .filter(|node| node.child_by_field_name("name").is_some_and(|one| source.of(one) == name))
        .filter_map(|node| node.child_by_field_name("value"))
        .filter(|value| matches!(value.kind(), "call_expression" | "new_expression"))
        .collect();
    for value in made {
        let at = value.start_byte();
        place.edit(
            vec![(at, at, "await ".to_owned())],
            "await",
            0.85,
            format!("waits for {}", short(source.of(value))),
        );
    }
}

/// `thing && …` in the condition in which it is read, or around the loop over it.
fn asked_first(place: &mut Place<'_>, node: Node<'_>, held: &str, nothing: &str) {
    let condition = ancestor(node, |one| {
        one.parent().is_some_and(|parent| {
            matches!(parent.kind(), "parenthesized_expression")
                && parent
                    .parent()
                    .is_some_and(|outer| matches!(outer.kind(), "if_statement" | "while_statement"))
        }) || one.parent().is_some_and(|parent| {
            parent.kind() == "ternary_expression" && parent.child_by_field_name("condition") == Some(one)
        }) || one.parent().is_some_and(|parent| {
            parent.kind() == "for_statement" && parent.child_by_field_name("condition") == Some(one)
        })
    });
    let Some(condition) = condition.filter(|one| !code::is_statement(*one)) else { return };
    let text = place.text(condition).to_owned();
    let whole = if text.contains("||") { format!("({text})") } else { text.clone() };
    let why = format!("asks first whether there is {}", short(held));
    place.put_as(condition, format!("{held} && {whole}"), "condition", 0.55, why.clone());
    place.put_as(condition, format!("{held} !== {nothing} && {whole}"), "condition", 0.5, why.clone());
    place.put_as(condition, format!("!{held} || {text}"), "condition", 0.3, why);
}

/// A question before the statement, and its end.
fn early(place: &mut Place<'_>, held: &str, weight: f64) {
    let node = place.spot.node;
    if !code::is_statement(node) {
        return;
    }
    let text = place.file.source.text();
    let start = text[..node.start_byte()].rfind('\n').map_or(0, |at| at + 1);
    let lead = place.file.source.indent(node).to_owned();
    if !text[start..node.start_byte()].trim().is_empty() {
        return;
    }
    let in_loop = ancestor(node, |one| {
        one.kind().starts_with("for_") || one.kind() == "while_statement" || code::is_function(one)
    });
    if in_loop.is_some_and(|one| !code::is_function(one)) {
        let text = format!("{lead}if (!{held}) continue;\n");
        place.edit(
            vec![(start, start, text)],
            "symptom",
            0.25 * weight,
            format!("goes on where there is no {}", short(held)),
        );
    }
    if place.spot.function.is_some() {
        for value in ["", " null", " 0", " []", " ''", " false"] {
            let text = format!("{lead}if (!{held}) return{value};\n");
            let why = format!(
                "returns{} where there is no {}",
                if value.is_empty() { " nothing" } else { value },
                short(held)
            );
            place.edit(vec![(start, start, text)], "symptom", 0.2 * weight, why);
        }
    }
}

/// A function whose `this` is not that of the one around it.
pub(super) fn this_of_callback(place: &mut Place<'_>) {
    let Some(function) = place.spot.function.filter(|function| function.kind() == "function_expression")
    else {
        return;
    };
    let source = &place.file.source;
    let (Some(parameters), Some(body)) =
        (function.child_by_field_name("parameters"), function.child_by_field_name("body"))
    else {
        return;
    };
    if source.of(body).contains("this") {
        let start = function.start_byte();
        let lead = if source.of(function).starts_with("async") { "async " } else { "" };
        place.edit(
            vec![
                (start, parameters.start_byte(), lead.to_owned()),
                (parameters.end_byte(), body.start_byte(), " => ".to_owned()),
            ],
            "this",
            0.85,
            "an arrow function keeps the object that it is written in".to_owned(),
        );
    }
}
