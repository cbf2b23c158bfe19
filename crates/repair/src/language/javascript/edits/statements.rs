//! Whole statements: moved, deleted, inserted, returned, and their headers.

use tree_sitter::Node;

use super::super::code;
use super::{Kind, Place, short};

/// Edits of a place as a whole.
pub(super) fn of(place: &mut Place<'_>) {
    if place.spot.is_header {
        header(place);
        return;
    }
    let node = place.spot.node;
    match node.kind() {
        "return_statement" => returned(place, node),
        "expression_statement" => expression(place, node),
        "lexical_declaration" | "variable_declaration" => declaration(place, node),
        "if_statement" => branch(place, node),
        "for_in_statement" => for_in(place, node),
        "while_statement" => {
            let at = node.start_byte();
            place.edit(vec![(at, at + 5, "if".to_owned())], "loop", 0.1, "if instead of while".to_owned());
        }
        "switch_statement" => cases(place, node),
        "break_statement" => {
            place.put(node, "continue;", "loop", 0.4);
        }
        "continue_statement" => {
            place.put(node, "break;", "loop", 0.4);
        }
        _ => {}
    }
    if node.kind().ends_with("_statement") || node.kind().ends_with("_declaration") {
        moved(place, node);
    }
}

/// The statements that stand beside one in a block, in order, and where it stands among them.
fn row<'t>(node: Node<'t>) -> Option<(Vec<Node<'t>>, usize)> {
    let block = node.parent().filter(|parent| {
        matches!(parent.kind(), "statement_block" | "program" | "switch_case" | "switch_default")
    })?;
    let mut cursor = block.walk();
    let all: Vec<Node<'t>> =
        block.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect();
    let at = all.iter().position(|child| *child == node)?;
    Some((all, at))
}

fn indent<'a>(place: &Place<'a>, node: Node<'_>) -> &'a str {
    place.file.source.indent(node)
}

/// The lines of a statement from the start of its first to the end of its last, with that end.
fn lines(place: &Place<'_>, node: Node<'_>) -> Option<(usize, usize)> {
    let text = place.file.source.text();
    let start = text[..node.start_byte()].rfind('\n').map_or(0, |at| at + 1);
    if !text[start..node.start_byte()].trim().is_empty() {
        return None;
    }
    let end = text[node.end_byte()..].find('\n').map_or(text.len(), |at| node.end_byte() + at + 1);
    Some((start, end))
}

fn header(place: &mut Place<'_>) {
    let Some(parameters) = place.spot.node.child_by_field_name("parameters") else { return };
    let mut cursor = parameters.walk();
    let all: Vec<Node<'_>> =
        parameters.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect();
    for one in &all {
        let plain = match one.kind() {
            "identifier" | "object_pattern" => Some(*one),
            "required_parameter" if one.child_by_field_name("value").is_none() => {
                one.child_by_field_name("pattern")
            }
            _ => None,
        };
        if let Some(name) = plain {
            let end = one.end_byte();
            let values: &[(&str, f64)] = if name.kind() == "object_pattern" {
                &[("{}", 0.3)]
            } else {
                &[
                    ("0", 0.08),
                    ("[]", 0.08),
                    ("{}", 0.08),
                    ("''", 0.06),
                    ("1", 0.06),
                    ("true", 0.03),
                    ("Infinity", 0.02),
                ]
            };
            for (value, prior) in values {
                let why = format!("{} is {value} by default", short(place.text(name)));
                place.edit(vec![(end, end, format!(" = {value}"))], "default", *prior, why);
            }
        }
    }
    if let [one, two] = all.as_slice()
        && one.kind() == "identifier"
        && two.kind() == "identifier"
    {
        let (a, b) = (place.text(*one).to_owned(), place.text(*two).to_owned());
        let edits = vec![
            (one.start_byte(), one.end_byte(), b.clone()),
            (two.start_byte(), two.end_byte(), a.clone()),
        ];
        place.edit(edits, "argument", 0.15, format!("takes {b} before {a}"));
    }
    end_of_function(place);
}

/// What a function gives that ends without giving anything.
fn end_of_function(place: &mut Place<'_>) {
    let Some(body) =
        place.spot.node.child_by_field_name("body").filter(|body| body.kind() == "statement_block")
    else {
        return;
    };
    let mut cursor = body.walk();
    let Some(last) = body.named_children(&mut cursor).filter(|child| child.kind() != "comment").last() else {
        return;
    };
    if matches!(last.kind(), "return_statement" | "throw_statement") {
        return;
    }
    let Some((_, end)) = lines(place, last) else { return };
    let lead = indent(place, last).to_owned();
    let source = &place.file.source;
    let mut names: Vec<String> = Vec::new();
    for name in code::declared(source, body) {
        let name = source.of(name).to_owned();
        if code::function_of(name_node(source, body, &name).unwrap_or(body)) == Some(place.spot.node)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    for (at, name) in names.into_iter().enumerate().take(4) {
        let prior = if at == 0 { 0.45 } else { 0.3 };
        place.edit(
            vec![(end, end, format!("{lead}return {name};\n"))],
            "return",
            prior,
            format!("returns {name}"),
        );
    }
    for (value, prior) in [
        ("this", 0.12),
        ("null", 0.08),
        ("false", 0.15),
        ("true", 0.12),
        ("0", 0.08),
        ("[]", 0.06),
        ("''", 0.04),
    ] {
        place.edit(
            vec![(end, end, format!("{lead}return {value};\n"))],
            "return",
            prior,
            format!("returns {value} at the end"),
        );
    }
}

fn name_node<'t>(source: &crate::syntax::Source, within: Node<'t>, name: &str) -> Option<Node<'t>> {
    code::declared(source, within).into_iter().find(|node| source.of(*node) == name)
}

fn returned(place: &mut Place<'_>, node: Node<'_>) {
    let Some(value) = node.named_child(0).filter(|child| child.kind() != "comment") else {
        for name in place.names.clone().into_iter().take(4) {
            place.put(node, format!("return {name};"), "return", 0.2);
        }
        for value in ["false", "true", "null", "0", "[]", "''"] {
            place.put(node, format!("return {value};"), "return", 0.08);
        }
        return;
    };
    let text = place.text(value).to_owned();
    if value.kind() != "identifier" {
        for (at, name) in place.names.clone().into_iter().enumerate().take(5) {
            if place.kinds[at] != Kind::Function {
                place.put(value, name, "return", 0.12);
            }
        }
    }
    if place.kind_of(value) == Kind::Truth
        || matches!(value.kind(), "identifier" | "call_expression" | "binary_expression")
    {
        let made = if matches!(value.kind(), "identifier" | "call_expression") {
            format!("!{text}")
        } else {
            format!("!({text})")
        };
        place.put_as(value, made, "logic", 0.2, format!("returns the opposite of {}", short(&text)));
    }
    if matches!(
        value.kind(),
        "true" | "false" | "number" | "null" | "undefined" | "string" | "identifier" | "array"
    ) {
        for other in ["null", "-1", "0", "[]", "''", "undefined", "NaN"] {
            place.put(value, other, "return", 0.07);
        }
        for (at, name) in place.names.clone().into_iter().enumerate().take(5) {
            if place.kinds[at] != Kind::Function && value.kind() != "identifier" {
                place.put(value, name, "return", 0.08);
            }
        }
    }
    for name in place.names_of(Kind::Number).into_iter().take(3) {
        if !text.contains(&name) {
            for sign in ["+", "-", "*"] {
                place.put(value, format!("{text} {sign} {name}"), "operand", 0.08);
            }
        }
    }
    for name in place.names_of(Kind::List).into_iter().take(2) {
        if value.kind() != "identifier" || name != text {
            place.put(value, format!("{text}.concat({name})"), "operand", 0.1);
            place.put(value, format!("{name}.concat({text})"), "operand", 0.08);
        }
    }
}

fn expression(place: &mut Place<'_>, node: Node<'_>) {
    let Some(inner) = node.named_child(0) else { return };
    let start = node.start_byte();
    // A value that is computed and dropped at the end of a function.
    if matches!(
        inner.kind(),
        "call_expression"
            | "binary_expression"
            | "identifier"
            | "member_expression"
            | "ternary_expression"
            | "await_expression"
    ) {
        let last = row(node).is_some_and(|(all, at)| at + 1 == all.len());
        let gives = place.spot.function.is_some_and(|function| {
            function.child_by_field_name("body").is_some_and(|body| body.kind() == "statement_block")
        });
        if gives {
            let why = format!("returns {}", short(place.text(inner)));
            place.edit(
                vec![(start, start, "return ".to_owned())],
                "return",
                if last { 0.5 } else { 0.15 },
                why,
            );
        }
    }
    // A method that gives the changed value and leaves the old one.
    if inner.kind() == "call_expression"
        && let Some(function) = inner.child_by_field_name("function")
        && let (Some(object), Some(property)) =
            (function.child_by_field_name("object"), function.child_by_field_name("property"))
        && matches!(
            place.text(property),
            "concat"
                | "trim"
                | "replace"
                | "replaceAll"
                | "toUpperCase"
                | "toLowerCase"
                | "slice"
                | "filter"
                | "map"
                | "padStart"
                | "padEnd"
        )
    {
        let (held, all) = (place.text(object).to_owned(), place.text(inner).to_owned());
        place.put(inner, format!("{held} = {all}"), "assignment", 0.7);
    }
}

fn declaration(place: &mut Place<'_>, node: Node<'_>) {
    let text = place.text(node);
    if text.starts_with("var ") {
        let at = node.start_byte();
        place.edit(vec![(at, at + 3, "let".to_owned())], "declaration", 0.4, "let instead of var".to_owned());
    }
    let mut cursor = node.walk();
    let all: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
    for one in all {
        let Some(name) = one.child_by_field_name("name") else { continue };
        let Some(value) = one.child_by_field_name("value") else {
            for (made, prior) in [("0", 0.2), ("[]", 0.15), ("''", 0.1), ("null", 0.04), ("{}", 0.08)] {
                let why = format!("{} begins as {made}", place.text(name));
                let end = name.end_byte();
                place.edit(vec![(end, end, format!(" = {made}"))], "initialiser", prior, why);
            }
            continue;
        };
        let literal = matches!(
            value.kind(),
            "number"
                | "string"
                | "array"
                | "object"
                | "null"
                | "undefined"
                | "true"
                | "false"
                | "identifier"
                | "unary_expression"
        );
        if !literal {
            continue;
        }
        let mine = place.text(value).to_owned();
        let mut tries: Vec<(String, f64)> = [
            ("0", 0.15),
            ("1", 0.15),
            ("[]", 0.08),
            ("''", 0.05),
            ("Infinity", 0.14),
            ("-Infinity", 0.16),
            ("null", 0.05),
            ("{}", 0.04),
        ]
        .into_iter()
        .map(|(made, prior)| (made.to_owned(), prior))
        .collect();
        for list in place.names_of(Kind::List).into_iter().take(2) {
            tries.push((format!("{list}[0]"), 0.2));
            tries.push((format!("{list}.length"), 0.1));
            tries.push((format!("{list}.length - 1"), 0.12));
        }
        for (made, prior) in tries {
            if made != mine {
                place.put_as(
                    value,
                    made.clone(),
                    "initialiser",
                    prior,
                    format!("{} begins as {made}", place.text(name)),
                );
            }
        }
    }
}

fn branch(place: &mut Place<'_>, node: Node<'_>) {
    let at = node.start_byte();
    place.edit(vec![(at, at + 2, "while".to_owned())], "loop", 0.15, "while instead of if".to_owned());
    let (then, other) = (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"));
    if let (Some(then), Some(other)) = (then, other.and_then(|other| other.named_child(0)))
        && then.kind() == "statement_block"
        && other.kind() == "statement_block"
    {
        let edits = vec![
            (then.start_byte(), then.end_byte(), place.text(other).to_owned()),
            (other.start_byte(), other.end_byte(), place.text(then).to_owned()),
        ];
        place.edit(edits, "logic", 0.2, "swaps the branches".to_owned());
    }
    // `else` where one branch was to exclude the other.
    if let Some((all, here)) = row(node)
        && let Some(before) = here.checked_sub(1).map(|before| all[before])
        && before.kind() == "if_statement"
        && before.child_by_field_name("alternative").is_none()
    {
        place.edit(vec![(at, at, "else ".to_owned())], "condition", 0.3, "else if instead of if".to_owned());
    }
    if node.parent().is_some_and(|parent| parent.kind() == "else_clause") {
        let parent = node.parent().map_or(at, |parent| parent.start_byte());
        place.edit(
            vec![(parent, at, "\n".to_owned() + indent(place, node))],
            "condition",
            0.25,
            "if instead of else if".to_owned(),
        );
    }
    // What follows in the branch was to be the end of it.
    if let Some(then) = then.filter(|then| then.kind() == "statement_block") {
        let mut cursor = then.walk();
        let last = then.named_children(&mut cursor).filter(|child| child.kind() != "comment").last();
        if let Some(last) = last.filter(|last| {
            !matches!(
                last.kind(),
                "return_statement" | "throw_statement" | "continue_statement" | "break_statement"
            )
        }) && let Some((_, end)) = lines(place, last)
        {
            let lead = indent(place, last).to_owned();
            let in_loop = crate::syntax::ancestor(node, |one| {
                one.kind().starts_with("for_") || one.kind() == "while_statement"
            })
            .is_some();
            for (word, prior) in [("continue", 0.12), ("break", 0.15)] {
                if in_loop {
                    place.edit(
                        vec![(end, end, format!("{lead}{word};\n"))],
                        "insert",
                        prior,
                        format!("adds {word}"),
                    );
                }
            }
            if code::function_of(node).is_some() {
                place.edit(
                    vec![(end, end, format!("{lead}return;\n"))],
                    "insert",
                    0.08,
                    "adds return".to_owned(),
                );
            }
        }
    }
}

fn for_in(place: &mut Place<'_>, node: Node<'_>) {
    let Some(sign) = node.child_by_field_name("operator") else { return };
    let other = if place.text(sign) == "in" { "of" } else { "in" };
    let prior = if other == "of" { 0.6 } else { 0.25 };
    place.put(sign, other, "loop", prior);
}

fn cases(place: &mut Place<'_>, node: Node<'_>) {
    let Some(body) = node.child_by_field_name("body") else { return };
    let mut cursor = body.walk();
    let all: Vec<Node<'_>> = body.named_children(&mut cursor).collect();
    for (at, case) in all.iter().enumerate() {
        let mut inner = case.walk();
        let last = case.children_by_field_name("body", &mut inner).last();
        let Some(last) = last else { continue };
        if at + 1 < all.len()
            && !matches!(
                last.kind(),
                "break_statement" | "return_statement" | "throw_statement" | "continue_statement"
            )
        {
            let end = last.end_byte();
            let lead = indent(place, last).to_owned();
            place.edit(
                vec![(end, end, format!("\n{lead}break;"))],
                "insert",
                0.95,
                format!("ends the case {}", short(place.text(*case))),
            );
        }
    }
}

/// A statement earlier, later, in the block above, in none, or twice.
fn moved(place: &mut Place<'_>, node: Node<'_>) {
    let Some((all, at)) = row(node) else { return };
    let Some((first, end)) = lines(place, node) else { return };
    let whole = place.file.source.text()[first..end].to_owned();
    let what = short(place.text(node));
    let declares = node.kind().ends_with("_declaration");
    if !declares && !matches!(node.kind(), "return_statement" | "import_statement" | "export_statement") {
        let prior = if matches!(node.kind(), "break_statement" | "continue_statement") { 0.3 } else { 0.12 };
        place.edit(vec![(first, end, String::new())], "delete", prior, format!("drops {what}"));
    } else if node.kind() == "return_statement" && place.spot.function.is_some() {
        place.edit(vec![(first, end, String::new())], "delete", 0.08, format!("drops {what}"));
    }
    if let Some(before) = at.checked_sub(1).map(|before| all[before])
        && let Some((start, _)) = lines(place, before)
    {
        place.edit(
            vec![(start, start, whole.clone()), (first, end, String::new())],
            "move",
            0.3,
            format!("does {what} earlier"),
        );
        // Within the block above.
        if let Some(block) = block_of(before)
            && let Some(last) = last_of(block)
            && let Some((_, inside)) = lines(place, last)
        {
            let lead = indent(place, last).to_owned();
            let text = format!("{lead}{}\n", whole.trim());
            place.edit(
                vec![(inside, inside, text), (first, end, String::new())],
                "move",
                0.3,
                format!("does {what} within the block above"),
            );
        }
    }
    // Out of the block, after it.
    if at + 1 == all.len()
        && let Some(holder) = node.parent().and_then(|block| block.parent())
        && (holder.kind().starts_with("for_") || matches!(holder.kind(), "while_statement" | "if_statement"))
        && let Some((_, after)) = lines(place, holder)
    {
        let lead = indent(place, holder).to_owned();
        let text = format!("{lead}{}\n", whole.trim());
        let prior = if node.kind() == "return_statement" { 0.5 } else { 0.3 };
        place.edit(
            vec![(first, end, String::new()), (after, after, text)],
            "move",
            prior,
            format!("does {what} after the block"),
        );
    }
    // Once more at the end of the block: a step that is missing in one branch.
    if !declares && node.kind() == "expression_statement" {
        if let Some(holder) = node.parent().and_then(|block| block.parent())
            && let Some((_, after)) = lines(place, holder)
            && (holder.kind().starts_with("for_")
                || matches!(holder.kind(), "while_statement" | "if_statement"))
        {
            let lead = indent(place, holder).to_owned();
            let text = format!("{lead}{}\n", whole.trim());
            place.edit(vec![(after, after, text)], "insert", 0.3, format!("does {what} after the block too"));
        }
    } else if declares
        && let Some(holder) = node.parent().and_then(|block| block.parent())
        && holder.kind().starts_with("for_")
        && let Some((before, _)) = lines(place, holder)
    {
        let lead = indent(place, holder).to_owned();
        let text = format!("{lead}{}\n", whole.trim());
        place.edit(
            vec![(before, before, text), (first, end, String::new())],
            "move",
            0.4,
            format!("does {what} before the loop"),
        );
    }
    // A value that each turn of the loop below was to begin with.
    if declares
        && let Some(next) =
            all.get(at + 1).filter(|next| next.kind().starts_with("for_") || next.kind() == "while_statement")
        && let Some(block) = block_of(*next)
        && let Some(begin) = block.named_child(0)
        && let Some((inside, _)) = lines(place, begin)
    {
        let lead = indent(place, begin).to_owned();
        let text = format!("{lead}{}\n", whole.trim());
        place.edit(
            vec![(first, end, String::new()), (inside, inside, text)],
            "move",
            0.3,
            format!("does {what} in every turn"),
        );
    }
    guards(place, node, first);
}

fn block_of<'t>(node: Node<'t>) -> Option<Node<'t>> {
    let body = node.child_by_field_name("body").or_else(|| node.child_by_field_name("consequence"))?;
    (body.kind() == "statement_block").then_some(body)
}

fn last_of<'t>(block: Node<'t>) -> Option<Node<'t>> {
    let mut cursor = block.walk();
    block.named_children(&mut cursor).filter(|child| child.kind() != "comment").last()
}

/// A question at the start of a function that was not asked.
fn guards(place: &mut Place<'_>, node: Node<'_>, first: usize) {
    let Some(function) = place.spot.function else { return };
    let starts = function.child_by_field_name("body").and_then(|body| body.named_child(0)) == Some(node);
    if !starts {
        return;
    }
    let lead = indent(place, node).to_owned();
    let names: Vec<(String, Kind)> = place.names.iter().cloned().zip(place.kinds.clone()).take(3).collect();
    for (name, kind) in names {
        let asks: &[(&str, f64)] = match kind {
            Kind::Number => &[("{} === 0", 0.14), ("{} <= 0", 0.12), ("{} < 0", 0.1)],
            Kind::List | Kind::Text => &[("{}.length === 0", 0.16)],
            Kind::Unknown | Kind::Object | Kind::Truth => &[("!{}", 0.08)],
            Kind::Function => &[],
        };
        for (ask, prior) in asks {
            let ask = ask.replace("{}", &name);
            for value in ["0", "[]", "''", "null", "false", "true", "1", "-1"] {
                let weight = if value == "0" || value == "[]" || value == "null" { 1.0 } else { 0.6 };
                let text = format!("{lead}if ({ask}) return {value};\n");
                place.edit(
                    vec![(first, first, text)],
                    "symptom",
                    prior * weight,
                    format!("returns {value} where {ask}"),
                );
            }
        }
    }
}
