//! Operators, conditions and names.

use tree_sitter::Node;

use super::{Kind, Place, likeness, literals};

/// Other names that are tried for one.
const NAMES: usize = 10;

/// Operators that are easily mistaken for another.
fn others(operator: &str) -> &'static [(&'static str, f64)] {
    match operator {
        "<" => &[("<=", 0.6), (">", 0.4), (">=", 0.2)],
        "<=" => &[("<", 0.6), (">=", 0.4), (">", 0.2)],
        ">" => &[(">=", 0.6), ("<", 0.4), ("<=", 0.2)],
        ">=" => &[(">", 0.6), ("<=", 0.4), ("<", 0.2)],
        "===" => &[("!==", 0.45), (">=", 0.12), ("<=", 0.12), (">", 0.08), ("<", 0.08)],
        "!==" => &[("===", 0.45), ("<", 0.15), (">", 0.15)],
        "==" => &[("===", 0.45), ("!=", 0.4), (">=", 0.1), ("<=", 0.1)],
        "!=" => &[("!==", 0.35), ("==", 0.4)],
        "+" => &[("-", 0.5), ("*", 0.25)],
        "-" => &[("+", 0.5), ("*", 0.1), ("/", 0.06)],
        "*" => &[("/", 0.3), ("+", 0.35), ("**", 0.1), ("-", 0.1)],
        "/" => &[("*", 0.4), ("%", 0.2), ("-", 0.06)],
        "%" => &[("/", 0.35), ("*", 0.1), ("-", 0.06)],
        "**" => &[("*", 0.4), ("/", 0.1)],
        "&" => &[("|", 0.4), ("^", 0.3), ("&&", 0.3)],
        "|" => &[("&", 0.4), ("^", 0.3), ("||", 0.3)],
        "^" => &[("&", 0.4), ("|", 0.4), ("**", 0.4)],
        "<<" => &[(">>", 0.5)],
        ">>" => &[("<<", 0.4), (">>>", 0.4)],
        ">>>" => &[(">>", 0.4)],
        "&&" => &[("||", 0.6)],
        "||" => &[("&&", 0.5), ("??", 0.55)],
        "??" => &[("||", 0.45)],
        "in" => &[("of", 0.1)],
        "+=" => &[("-=", 0.45), ("=", 0.3), ("*=", 0.25)],
        "-=" => &[("+=", 0.45), ("=", 0.15)],
        "*=" => &[("+=", 0.35), ("/=", 0.35), ("**=", 0.1)],
        "/=" => &[("*=", 0.45), ("-=", 0.1), ("%=", 0.1)],
        "%=" => &[("/=", 0.4)],
        "||=" => &[("??=", 0.5)],
        "??=" => &[("||=", 0.4), ("=", 0.3)],
        "<<=" => &[(">>=", 0.4)],
        ">>=" => &[("<<=", 0.4)],
        _ => &[],
    }
}

fn family(operator: &str) -> &'static str {
    match operator {
        "<" | "<=" | ">" | ">=" => "boundary",
        "===" | "!==" | "==" | "!=" => "comparison",
        "&&" | "||" | "??" | "||=" | "??=" => "logic",
        _ => "operator",
    }
}

/// Edits of one expression of a place.
pub(super) fn of(place: &mut Place<'_>, node: Node<'_>) {
    match node.kind() {
        "binary_expression" => binary(place, node),
        "augmented_assignment_expression" => operator(place, node),
        "assignment_expression" => assignment(place, node),
        "update_expression" => update(place, node),
        "unary_expression" => unary(place, node),
        "ternary_expression" => ternary(place, node),
        "number" => literals::number(place, node),
        "string" => literals::string(place, node),
        "true" => place.put(node, "false", "constant", 0.45),
        "false" => place.put(node, "true", "constant", 0.45),
        "null" => {
            for other in ["undefined", "[]", "0", "''", "{}"] {
                place.put(node, other, "constant", 0.1);
            }
        }
        "undefined" => {
            for other in ["null", "[]", "0", "''"] {
                place.put(node, other, "constant", 0.1);
            }
        }
        "array" if node.named_child_count() == 0 => {
            for other in ["null", "{}", "undefined", "[[]]"] {
                place.put(node, other, "constant", 0.06);
            }
        }
        "array" | "object" => members(place, node),
        "regex" => literals::regex(place, node),
        "identifier" | "shorthand_property_identifier" => name(place, node),
        "template_string" => {}
        _ => {}
    }
    if is_condition(node) {
        condition(place, node);
    }
}

fn operator(place: &mut Place<'_>, node: Node<'_>) {
    let Some(sign) = node.child_by_field_name("operator") else { return };
    for (other, prior) in others(sign.kind()) {
        let why = format!("{other} instead of {} in {}", sign.kind(), super::short(place.text(node)));
        place.edit(
            vec![(sign.start_byte(), sign.end_byte(), (*other).to_owned())],
            family(sign.kind()),
            *prior,
            why,
        );
    }
}

fn binary(place: &mut Place<'_>, node: Node<'_>) {
    let field = |name: &str| node.child_by_field_name(name);
    let (Some(left), Some(right), Some(sign)) = (field("left"), field("right"), field("operator")) else {
        return;
    };
    if sign.kind() != "in" {
        operator(place, node);
    }
    let (one, two, all) = (place.text(left), place.text(right), place.text(node));
    match sign.kind() {
        "<" | "<=" | ">" | ">=" => {
            for (shift, prior) in [(" - 1", 0.3), (" + 1", 0.3)] {
                if right.kind() != "number" {
                    place.put(right, format!("{two}{shift}"), "offset", prior);
                }
                place.put(left, format!("{one}{shift}"), "offset", prior * 0.6);
            }
        }
        "&&" | "||" => {
            place.put_as(node, one, "condition", 0.25, format!("drops the condition {}", super::short(two)));
            place.put_as(node, two, "condition", 0.25, format!("drops the condition {}", super::short(one)));
            place.put(node, format!("({two}) {} ({one})", sign.kind()), "logic", 0.12);
            // What is grouped otherwise than it reads.
            if left.kind() == "binary_expression"
                && let (Some(a), Some(b), Some(inner)) = (
                    left.child_by_field_name("left"),
                    left.child_by_field_name("right"),
                    left.child_by_field_name("operator"),
                )
                && matches!(inner.kind(), "&&" | "||")
                && inner.kind() != sign.kind()
            {
                let made =
                    format!("{} {} ({} {} {two})", place.text(a), inner.kind(), place.text(b), sign.kind());
                place.put(node, made, "logic", 0.25);
            }
        }
        "-" | "/" | "%" | "**" => {
            place.put_as(
                node,
                format!("{two} {} {one}", sign.kind()),
                "operand",
                0.3,
                format!("swaps {one} and {two}"),
            );
            dropped(place, node, one, two);
        }
        "+" | "*" => dropped(place, node, one, two),
        _ => {}
    }
    match sign.kind() {
        "/" => {
            for (function, prior) in [("floor", 0.35), ("round", 0.2), ("ceil", 0.25), ("trunc", 0.12)] {
                place.put(node, format!("Math.{function}({all})"), "rounding", prior);
            }
            place.put(node, format!("{two} === 0 ? 0 : {all}"), "symptom", 0.12);
        }
        "%" => {
            place.put(node, format!("({all} + {two}) % {two}"), "operator", 0.3);
            for shift in ["+ 1", "- 1"] {
                place.put(left, format!("({one} {shift})"), "offset", 0.2);
            }
        }
        "===" if place.text(right).starts_with("NaN") || place.text(left).starts_with("NaN") => {
            let other = if one == "NaN" { two } else { one };
            place.put(node, format!("Number.isNaN({other})"), "comparison", 0.9);
        }
        "==" | "===" | "!=" | "!==" => {
            let not = if sign.kind().starts_with('!') { "!" } else { "" };
            if two == "[]" {
                place.put(node, format!("{not}({one}.length === 0)"), "comparison", 0.6);
            }
            if matches!(two, "''" | "\"\"" | "0" | "false" | "undefined" | "null") {
                place.put(
                    node,
                    format!("{}{one}", if not.is_empty() { "!" } else { "" }),
                    "comparison",
                    0.15,
                );
            }
            if matches!(two, "undefined" | "null") {
                let sign = if not.is_empty() { "==" } else { "!=" };
                place.put(node, format!("{one} {sign} null"), "comparison", 0.35);
            }
        }
        // Precedence that was not meant: (a + b) * c.
        _ => {}
    }
    if matches!(sign.kind(), "*" | "/" | "%") {
        if let Some((a, inner, b)) = parts(place, left, &["+", "-"]) {
            place.put(node, format!("{a} {inner} {b} {} {two}", sign.kind()), "operator", 0.15);
        }
    } else if matches!(sign.kind(), "+" | "-") {
        if let Some((a, inner, b)) = parts(place, right, &["*", "/", "%"]) {
            place.put(node, format!("({one} {} {a}) {inner} {b}", sign.kind()), "operator", 0.25);
        }
        if let Some((a, inner, b)) = parts(place, left, &["*", "/", "%"]) {
            place.put(node, format!("{a} {inner} ({b} {} {two})", sign.kind()), "operator", 0.25);
        }
        if let Some((a, inner, b)) = parts(place, left, &["-"]) {
            place.put(node, format!("{a} {inner} ({b} {} {two})", sign.kind()), "operator", 0.15);
        }
        // A number that came as text is joined instead of added.
        if sign.kind() == "+" {
            place.put(node, format!("Number({one}) + Number({two})"), "conversion", 0.2);
        }
    }
}

/// The parts of a binary expression with one of some operators, brackets around it left out.
fn parts<'a>(place: &Place<'a>, node: Node<'_>, operators: &[&str]) -> Option<(&'a str, &'a str, &'a str)> {
    let mut node = node;
    while node.kind() == "parenthesized_expression" {
        node = node.named_child(0)?;
    }
    let sign = node.child_by_field_name("operator").filter(|_| node.kind() == "binary_expression")?;
    let sign = place.text(sign);
    operators.contains(&sign).then_some(())?;
    Some((
        place.text(node.child_by_field_name("left")?),
        sign,
        place.text(node.child_by_field_name("right")?),
    ))
}

fn dropped(place: &mut Place<'_>, node: Node<'_>, one: &str, two: &str) {
    let offset = matches!(two, "1" | "2");
    let prior = if offset { 0.5 } else { 0.22 };
    place.put_as(
        node,
        one,
        if offset { "offset" } else { "operand" },
        prior,
        format!("drops {}", super::short(two)),
    );
    place.put_as(node, two, "operand", 0.2, format!("drops {}", super::short(one)));
}

fn assignment(place: &mut Place<'_>, node: Node<'_>) {
    let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
    else {
        return;
    };
    let (one, two) = (place.text(left), place.text(right));
    let at = (left.end_byte(), right.start_byte());
    for (sign, prior) in [("+=", 0.25), ("-=", 0.08), ("??=", 0.15), ("||=", 0.08)] {
        let why = format!("{one} {sign} {}", super::short(two));
        place.edit(vec![(at.0, at.1, format!(" {sign} "))], "operator", prior, why);
    }
    for function in ["max", "min"] {
        if place.kind_of(right) != Kind::Text && !two.starts_with("Math.") {
            place.put(right, format!("Math.{function}({one}, {two})"), "wrapping", 0.12);
        }
    }
    if matches!(left.kind(), "identifier" | "member_expression") && right.kind() != "number" {
        place.put(right, format!("{one} + {two}"), "operator", 0.1);
        place.put(right, format!("{one} && {two}"), "logic", 0.1);
        place.put(right, format!("{one} || {two}"), "logic", 0.1);
    }
}

fn update(place: &mut Place<'_>, node: Node<'_>) {
    let text = place.text(node);
    let other = if text.contains("++") { text.replace("++", "--") } else { text.replace("--", "++") };
    place.put(node, other, "operator", 0.35);
    let name = text.trim_matches(['+', '-']).trim();
    let sign = if text.contains("++") { "+=" } else { "-=" };
    place.put(node, format!("{name} {sign} 2"), "number", 0.1);
    let prefix = text.starts_with(['+', '-']);
    if node
        .parent()
        .is_some_and(|parent| parent.kind() != "expression_statement" && parent.kind() != "for_statement")
    {
        let sign = if text.contains("++") { "++" } else { "--" };
        let made = if prefix { format!("{name}{sign}") } else { format!("{sign}{name}") };
        place.put(node, made, "operator", 0.4);
    }
}

fn unary(place: &mut Place<'_>, node: Node<'_>) {
    let Some(inner) = node.child_by_field_name("argument") else { return };
    let text = place.text(inner);
    match node.child_by_field_name("operator").map(|sign| sign.kind()) {
        Some("!") => {
            place.put_as(node, text, "logic", 0.5, format!("drops the ! before {}", super::short(text)));
        }
        Some("-") => {
            place.put_as(node, text, "operator", 0.4, format!("drops the - before {}", super::short(text)));
        }
        Some("+") => {
            place.put_as(node, text, "conversion", 0.1, format!("drops the + before {}", super::short(text)));
        }
        Some("~") => {
            place.put_as(node, text, "operator", 0.3, format!("drops the ~ before {}", super::short(text)));
        }
        _ => {}
    }
}

fn ternary(place: &mut Place<'_>, node: Node<'_>) {
    let (Some(yes), Some(no)) =
        (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
    else {
        return;
    };
    let (one, two) = (place.text(yes).to_owned(), place.text(no).to_owned());
    let edits =
        vec![(yes.start_byte(), yes.end_byte(), two.clone()), (no.start_byte(), no.end_byte(), one.clone())];
    place.edit(edits, "logic", 0.35, format!("swaps {} and {}", super::short(&one), super::short(&two)));
    place.put(node, one, "condition", 0.08);
    place.put(node, two, "condition", 0.08);
}

fn members(place: &mut Place<'_>, node: Node<'_>) {
    let mut cursor = node.walk();
    let members: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
    for pair in members.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let (one, two) = (place.text(a).to_owned(), place.text(b).to_owned());
        let edits =
            vec![(a.start_byte(), a.end_byte(), two.clone()), (b.start_byte(), b.end_byte(), one.clone())];
        if node.kind() == "array" {
            place.edit(
                edits,
                "operand",
                0.25,
                format!("swaps {} and {}", super::short(&one), super::short(&two)),
            );
        } else if a.kind() == "spread_element" || b.kind() == "spread_element" {
            place.edit(
                edits,
                "operand",
                0.5,
                format!("puts {} before {}", super::short(&two), super::short(&one)),
            );
        }
    }
    for member in members {
        if node.kind() == "array"
            && matches!(member.kind(), "identifier" | "call_expression" | "member_expression")
        {
            let text = place.text(member).to_owned();
            place.put(member, format!("...{text}"), "spread", 0.15);
        } else if member.kind() == "spread_element" && node.kind() == "array" {
            let text = place.text(member).trim_start_matches("...").to_owned();
            place.put(member, text, "spread", 0.15);
        }
    }
}

fn name(place: &mut Place<'_>, node: Node<'_>) {
    let text = place.text(node);
    let parent = node.parent();
    let declares = parent.is_some_and(|parent| {
        matches!(
            parent.kind(),
            "formal_parameters"
                | "required_parameter"
                | "optional_parameter"
                | "import_specifier"
                | "import_clause"
                | "catch_clause"
                | "class_declaration"
                | "function_declaration"
                | "labeled_statement"
                | "method_definition"
                | "namespace_import"
                | "object_pattern"
                | "array_pattern"
                | "rest_pattern"
                | "export_specifier"
        ) || (parent.kind() == "variable_declarator" && parent.child_by_field_name("name") == Some(node))
            || (parent.kind() == "assignment_pattern" && parent.child_by_field_name("left") == Some(node))
            || (parent.kind() == "for_in_statement" && parent.child_by_field_name("left") == Some(node))
            || (parent.kind() == "arrow_function" && parent.child_by_field_name("parameter") == Some(node))
    });
    if declares || text == "undefined" {
        return;
    }
    let called = parent.is_some_and(|parent| {
        parent.kind() == "call_expression" && parent.child_by_field_name("function") == Some(node)
    });
    let stored = parent.is_some_and(|parent| {
        parent.kind().ends_with("assignment_expression") && parent.child_by_field_name("left") == Some(node)
    });
    let kind = place.kind_of(node);
    let mut found: Vec<(f64, String)> = Vec::new();
    for (at, (other, its)) in place.names.iter().zip(&place.kinds).enumerate() {
        if other == text || (called != (*its == Kind::Function) && (called || *its == Kind::Function)) {
            continue;
        }
        let typed = if *its == kind {
            1.0
        } else if *its == Kind::Unknown || kind == Kind::Unknown {
            0.7
        } else {
            0.25
        };
        let near = if at < 6 { 1.0 } else { 0.6 };
        let alike = 0.8 + 0.5 * likeness(text, other);
        found.push((if stored { 0.2 } else { 0.3 } * typed * near * alike, other.clone()));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (prior, other) in found.into_iter().take(NAMES) {
        let made =
            if node.kind() == "shorthand_property_identifier" { format!("{text}: {other}") } else { other };
        place.put(node, made, "name", prior);
    }
    if called || stored || node.kind() == "shorthand_property_identifier" {
        return;
    }
    let offset = parent.is_some_and(|parent| match parent.kind() {
        "arguments"
        | "subscript_expression"
        | "return_statement"
        | "variable_declarator"
        | "assignment_expression" => true,
        "augmented_assignment_expression" | "for_statement" | "arrow_function" => true,
        "binary_expression" => false,
        _ => false,
    });
    if offset && matches!(kind, Kind::Number | Kind::Unknown) {
        let sure = if kind == Kind::Number { 1.0 } else { 0.5 };
        for shift in ["- 1", "+ 1"] {
            place.put(node, format!("{text} {shift}"), "offset", 0.3 * sure);
        }
        place.put(node, format!("-{text}"), "operator", 0.08 * sure);
        for other in place.names_of(Kind::Number).into_iter().filter(|other| other != text).take(4) {
            place.put(node, format!("{other} + {text}"), "operand", 0.1 * sure);
            place.put(node, format!("{text} - {other}"), "operand", 0.1 * sure);
        }
    }
    let subject = parent.is_some_and(|parent| {
        parent.kind() == "member_expression" && parent.child_by_field_name("object") == Some(node)
    });
    if !subject {
        let length = if kind == Kind::List || kind == Kind::Text { 0.2 } else { 0.05 };
        place.put(node, format!("{text}.length"), "attribute", length);
        if kind == Kind::List {
            place.put(node, format!("[...{text}]"), "copy", 0.3);
        }
        if kind == Kind::Object || kind == Kind::Unknown {
            place.put(node, format!("{{ ...{text} }}"), "copy", 0.08);
        }
        for property in place.file.properties.clone() {
            if likeness(&property, text) >= 0.99 || property == "length" {
                continue;
            }
            let parent_kind = parent.map_or("", |parent| parent.kind());
            if matches!(
                parent_kind,
                "arguments" | "binary_expression" | "subscript_expression" | "return_statement"
            ) && kind == Kind::Unknown
            {
                place.put(node, format!("{text}.{property}"), "attribute", 0.03);
            }
        }
    }
}

/// Whether a node is asked as a question.
fn is_condition(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "parenthesized_expression" => parent.parent().is_some_and(|outer| {
            matches!(outer.kind(), "if_statement" | "while_statement" | "do_statement")
                && outer.child_by_field_name("condition") == Some(parent)
        }),
        "ternary_expression" | "for_statement" => parent.child_by_field_name("condition") == Some(node),
        "expression_statement" => parent.parent().is_some_and(|outer| {
            outer.kind() == "for_statement" && outer.child_by_field_name("condition") == Some(parent)
        }),
        "binary_expression" => {
            parent.child_by_field_name("operator").is_some_and(|sign| matches!(sign.kind(), "&&" | "||"))
        }
        "unary_expression" => false,
        // What a test of `filter`, `find`, `some` and `every` gives.
        "arrow_function" => parent.child_by_field_name("body") == Some(node) && is_test(parent),
        _ => false,
    }
}

/// Whether a function is what elements are chosen by.
fn is_test(function: Node<'_>) -> bool {
    function
        .parent()
        .filter(|parent| parent.kind() == "arguments")
        .and_then(|parent| parent.parent())
        .is_some()
}

fn condition(place: &mut Place<'_>, node: Node<'_>) {
    let text = place.text(node);
    let alone = !matches!(node.kind(), "binary_expression" | "unary_expression");
    let negated =
        if alone || node.kind() == "unary_expression" { format!("!{text}") } else { format!("!({text})") };
    if node.kind() != "unary_expression" {
        place.put_as(
            node,
            negated,
            "logic",
            if alone { 0.4 } else { 0.2 },
            format!("negates {}", super::short(text)),
        );
    }
    let whole = if node.kind() == "binary_expression" && text.contains("||") {
        format!("({text})")
    } else {
        text.to_owned()
    };
    let names: Vec<(String, Kind)> = place.names.iter().cloned().zip(place.kinds.clone()).take(8).collect();
    for (name, kind) in names {
        let near = if text.contains(&name) { 1.0 } else { 0.7 };
        let mut more: Vec<(String, f64)> = Vec::new();
        match kind {
            Kind::Number => {
                more.extend([
                    (format!("{name} > 0"), 0.14),
                    (format!("{name} !== 0"), 0.1),
                    (format!("{name} === 0"), 0.08),
                ]);
            }
            Kind::List | Kind::Text => {
                more.extend([(format!("{name}.length > 0"), 0.2), (format!("{name}.length === 0"), 0.08)]);
            }
            Kind::Truth | Kind::Unknown => {
                more.extend([
                    (name.clone(), 0.2),
                    (format!("!{name}"), 0.18),
                    (format!("{name} !== undefined"), 0.08),
                ]);
            }
            Kind::Object => more.push((name.clone(), 0.2)),
            Kind::Function => {}
        }
        for (part, prior) in more {
            place.put_as(
                node,
                format!("{part} && {whole}"),
                "condition",
                prior * near,
                format!("asks first: {part} &&"),
            );
            if part.starts_with('!') || part.contains("===") {
                place.put_as(
                    node,
                    format!("{part} || {text}"),
                    "condition",
                    prior * near,
                    format!("asks first: {part} ||"),
                );
            }
        }
    }
    let numbers = place.names_of(Kind::Number);
    for (at, one) in numbers.iter().enumerate().take(4) {
        for two in numbers.iter().skip(at + 1).take(3) {
            place.put_as(
                node,
                format!("{whole} && {one} !== {two}"),
                "condition",
                0.07,
                format!("asks also: {one} !== {two}"),
            );
            for sign in ["<", ">"] {
                let why = format!("asks also: {one} {sign} {two}");
                place.put_as(node, format!("{whole} && {one} {sign} {two}"), "condition", 0.05, why);
            }
        }
    }
}
