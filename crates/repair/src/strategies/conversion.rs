//! Values of one type where another is needed: numbers as text, text as numbers.

use tree_sitter::Node;

use super::{Site, Situation, Strategy, arguments};
use crate::edit::Proposal;

/// Repairs of `TypeError` and `ValueError` by converting an operand or an argument.
#[derive(Debug)]
pub(super) struct Conversion;

const NAME: &str = "conversion";

impl Strategy for Conversion {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let Some(site) = situation.sites.first() else { return Vec::new() };
        match situation.exception.as_str() {
            "TypeError" if !situation.message.contains("NoneType") => types(site, &situation.message),
            "ValueError" => numbers(site, &situation.message),
            _ => Vec::new(),
        }
    }
}

fn types(site: &Site, message: &str) -> Vec<Proposal> {
    let mut found = defaults(site, message);
    let both = message.contains("str") && (message.contains("int") || message.contains("float"));
    if message.contains("can only concatenate str") || (message.contains("must be str") && both) {
        found.extend(operands(site, &["str"]));
    } else if message.contains("unsupported operand type") && both {
        // Arithmetic on a text: the text is meant as a number, unless texts are being joined.
        let joins = site
            .crashing_of(&["binary_operator", "augmented_assignment"])
            .iter()
            .any(|node| site.source.walk(*node).into_iter().any(|inner| inner.kind() == "string"));
        found.extend(operands(site, if joins { &["str", "int", "float"] } else { &["int", "float", "str"] }));
    } else if message.contains("not supported between instances") {
        found.extend(operands(site, if both { &["int", "float", "str"] } else { &["str", "list", "int"] }));
    }
    if message.contains("decimal.Decimal")
        && message.contains("'float'")
        && site.source.text().contains("Decimal")
    {
        found.extend(exact(site));
    }
    if message.contains("datetime.datetime") && message.contains("datetime.date'") {
        found.extend(days(site, message));
    }
    if message.contains("expected str instance") {
        found.extend(joins(site));
    }
    if message.contains("can only concatenate list") || message.contains("can only concatenate tuple") {
        found.extend(operands(site, if message.contains("list (") { &["list"] } else { &["tuple"] }));
    }
    if message.contains("indices must be integers") || message.contains("cannot be interpreted as an integer")
    {
        found.extend(positions(site));
    }
    if message.contains("expected string or bytes")
        || message.contains("expected str")
        || message.contains("must be str")
    {
        found.extend(given(site, "str"));
    }
    if message.contains("not JSON serializable") {
        for call in site.crashing_of(&["call"]) {
            if let Some(last) = arguments(call).last() {
                let edit = site.insert(last.end_byte(), ", default=str");
                found.push(site.guard(NAME, "writes what JSON does not know as text", vec![edit]));
            }
        }
    }
    if message.contains("object is not iterable") || message.contains("has no len()") {
        found.extend(given(site, "str"));
    }
    found
}

/// Each operand of an operation converted, the inner operations last.
fn operands(site: &Site, kinds: &[&str]) -> Vec<Proposal> {
    let mut found = Vec::new();
    for kind in kinds {
        for node in site.crashing_of(&["binary_operator", "augmented_assignment", "comparison_operator"]) {
            let sides: Vec<Node<'_>> = if node.kind() == "comparison_operator" {
                let mut cursor = node.walk();
                node.named_children(&mut cursor).collect()
            } else {
                ["left", "right"].into_iter().filter_map(|side| node.child_by_field_name(side)).collect()
            };
            for side in sides {
                let own = match side.kind() {
                    "string" | "concatenated_string" => *kind == "str",
                    "integer" | "float" => *kind != "str",
                    "list" => *kind == "list",
                    _ => false,
                };
                let target =
                    node.kind() == "augmented_assignment" && node.child_by_field_name("left") == Some(side);
                if own
                    || target
                    || site.text(side).starts_with(&format!("{kind}("))
                    || side.kind() == "binary_operator"
                {
                    continue;
                }
                let text = format!("{kind}({})", site.text(side));
                let why = format!("{} is taken as {kind}", site.text(side));
                found.push(site.cause(NAME, why, vec![site.replace(side, text)]));
            }
        }
    }
    found
}

/// A default of a look-up that is of another type than what it is calculated with: the nothing of that type instead.
fn defaults(site: &Site, message: &str) -> Vec<Proposal> {
    let nothing =
        [("'int'", "0"), ("'float'", "0.0"), ("'list'", "[]"), ("'tuple'", "()"), ("'str'", "\"\"")];
    let kind_of = |node: Node<'_>| match node.kind() {
        "integer" => "'int'",
        "float" => "'float'",
        "list" => "'list'",
        "tuple" => "'tuple'",
        "string" => "'str'",
        _ => "",
    };
    let mut found = Vec::new();
    if !message.contains("unsupported operand type") && !message.contains("can only concatenate") {
        return found;
    }
    for call in site.crashing_of(&["call"]) {
        let name =
            call.child_by_field_name("function").map(|function| site.text(function)).unwrap_or_default();
        let given = arguments(call);
        let default = match (name.rsplit('.').next(), given.as_slice()) {
            (Some("get" | "pop" | "setdefault"), [_, default]) if name.contains('.') => *default,
            (Some("getattr"), [_, _, default]) => *default,
            _ => continue,
        };
        let kind = kind_of(default);
        if kind.is_empty() || !message.contains(kind) {
            continue;
        }
        for (_, text) in nothing.iter().filter(|(other, _)| *other != kind && message.contains(other)) {
            let why = format!("{} falls back to {text}, not to {}", site.text(call), site.text(default));
            found.push(site.guard(NAME, why, vec![site.replace(default, *text)]));
        }
    }
    found
}

/// An operand as an exact number, by the digits it is written with.
fn exact(site: &Site) -> Vec<Proposal> {
    sides(site)
        .into_iter()
        .flatten()
        .map(|side| {
            let text = site.text(side);
            site.cause(
                NAME,
                format!("{text} is taken as Decimal"),
                vec![site.replace(side, format!("Decimal(str({text}))"))],
            )
        })
        .collect()
}

/// The day of a point in time, where it meets a day.
fn days(site: &Site, message: &str) -> Vec<Proposal> {
    let first = message.find("datetime.datetime'") < message.find("datetime.date'");
    sides(site)
        .into_iter()
        .map(|[left, right]| {
            let side = if first { left } else { right };
            let text = format!("{}.date()", super::wrapped(&site.source, side));
            site.cause(NAME, format!("{} is taken as a day", site.text(side)), vec![site.replace(side, text)])
        })
        .collect()
}

/// Both sides of the operations in the crashing statement, inner operations last.
fn sides(site: &Site) -> Vec<[Node<'_>; 2]> {
    let operations = site.crashing_of(&["binary_operator"]).into_iter();
    operations
        .filter_map(|node| Some([node.child_by_field_name("left")?, node.child_by_field_name("right")?]))
        .collect()
}

/// `sep.join(values)` of values that are no texts.
fn joins(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for call in site.crashing_of(&["call"]) {
        let is_join = call
            .child_by_field_name("function")
            .is_some_and(|function| site.text(function).ends_with(".join"));
        if let ([values], true) = (arguments(call).as_slice(), is_join) {
            let text = format!("map(str, {})", site.text(*values));
            found.push(site.cause(NAME, "each value is joined as text", vec![site.replace(*values, text)]));
        }
    }
    found
}

/// A position or a count that is no integer.
fn positions(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["subscript"]) {
        if let Some(index) = node.child_by_field_name("subscript").filter(|index| index.kind() != "string") {
            let text = format!("int({})", site.text(index));
            found.push(site.cause(NAME, "the position is a number", vec![site.replace(index, text)]));
        }
    }
    for node in site.crashing_of(&["binary_operator"]) {
        if let Some(operator) =
            node.child_by_field_name("operator").filter(|operator| site.text(*operator) == "/")
        {
            found.push(site.cause(NAME, "a whole number is needed: //", vec![site.replace(operator, "//")]));
        }
    }
    found.extend(divided(site));
    found.extend(given(site, "int"));
    found
}

/// Names of the crashing statement that were given the quotient of a division.
fn divided(site: &Site) -> Vec<Proposal> {
    let names: Vec<&str> =
        site.crashing_of(&["identifier"]).into_iter().map(|node| site.text(node)).collect();
    let mut found = Vec::new();
    for node in site.source.walk(site.scope()) {
        let assigned = node.kind() == "assignment"
            && node.end_byte() <= site.statement().map_or(0, |statement| statement.start_byte())
            && node.child_by_field_name("left").is_some_and(|left| names.contains(&site.text(left)));
        let Some(right) = node.child_by_field_name("right").filter(|_| assigned) else { continue };
        for inner in site.source.walk(right).into_iter().filter(|inner| inner.kind() == "binary_operator") {
            let operator =
                inner.child_by_field_name("operator").filter(|operator| site.text(*operator) == "/");
            found.extend(operator.map(|operator| {
                site.cause(NAME, "a whole number is needed: //", vec![site.replace(operator, "//")])
            }));
        }
    }
    found
}

/// Arguments of the calls in the crashing statement converted.
fn given(site: &Site, kind: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    for call in site.crashing_of(&["call"]) {
        for argument in arguments(call).into_iter().rev() {
            if matches!(
                argument.kind(),
                "string" | "integer" | "keyword_argument" | "list_splat" | "dictionary_splat"
            ) {
                continue;
            }
            let text = format!("{kind}({})", site.text(argument));
            let why = format!("{} is taken as {kind}", site.text(argument));
            found.push(site.cause(NAME, why, vec![site.replace(argument, text)]));
        }
    }
    found
}

/// `int(x)` of texts that are numbers in another form, and of no number at all.
fn numbers(site: &Site, message: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    let (to_int, to_float) =
        (message.contains("invalid literal for int"), message.contains("could not convert string to float"));
    if !to_int && !to_float {
        return found;
    }
    let literal = super::quoted(message).last().cloned().unwrap_or_default();
    for call in site.crashing_of(&["call"]) {
        let name = call.child_by_field_name("function").map(|function| site.text(function));
        let given = arguments(call);
        let (Some(name @ ("int" | "float")), Some(argument)) = (name, given.first()) else { continue };
        let value = super::wrapped(&site.source, *argument);
        if literal.contains('.') && name == "int" {
            let text = format!("float({})", site.text(*argument));
            let why = "what stands after the decimal point is dropped";
            found.push(site.guard(NAME, why, vec![site.replace(*argument, text)]));
        }
        let mut add = |text: String, why: &str| {
            found.push(site.cause(NAME, why.to_owned(), vec![site.replace(*argument, text)]));
        };
        if literal.contains(',') {
            add(format!("{value}.replace(\",\", \"\")"), "the text groups its digits with commas");
        }
        if literal.contains('_') || literal.contains(' ') {
            add(format!("{value}.replace(\" \", \"\")"), "the text groups its digits with spaces");
        }
        if literal.trim().is_empty() {
            let text = format!("{value} or 0");
            found.push(site.guard(NAME, "an empty text counts as 0", vec![site.replace(*argument, text)]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::lines_changed;

    #[test]
    fn a_default_of_the_wrong_type_becomes_the_nothing_of_the_right_one_as_a_guard() {
        let code = "def f(total, row):\n    total += row.get('fee', '')  # crash\n    return total\n";
        let message = "unsupported operand type(s) for +=: 'int' and 'str'";
        let made = crate::strategies::testing::proposals(&Conversion, "TypeError", message, code);
        assert!(made[0].1.contains("total += row.get('fee', 0)\n"), "{}", made[0].1);
        assert_eq!(made[0].0.kind, groundcrew_core::evidence::ChangeKind::SymptomGuard);
        // What the look-up falls back to is not what went wrong here.
        let code = "def f(total, row):\n    return total + row.get('fee', 0)  # crash\n";
        let lines = lines_changed(
            &Conversion,
            "TypeError",
            "unsupported operand type(s) for +: 'NoneTyp' and 'list'",
            code,
        );
        assert_eq!(lines, Vec::<String>::new());
    }

    #[test]
    fn a_number_in_a_text_is_converted() {
        let code = "def f(n):\n    return 'got ' + n  # crash\n";
        let message = "can only concatenate str (not \"int\") to str";
        assert_eq!(lines_changed(&Conversion, "TypeError", message, code), ["return 'got ' + str(n)"]);
    }

    #[test]
    fn a_text_in_a_sum_is_taken_as_a_number_first() {
        let code = "def f(total, n):\n    return total + n  # crash\n";
        let message = "unsupported operand type(s) for +: 'int' and 'str'";
        let lines = lines_changed(&Conversion, "TypeError", message, code);
        assert_eq!(lines[..2], ["return int(total) + n", "return total + int(n)"]);
    }

    #[test]
    fn a_position_that_was_divided_is_divided_without_a_rest() {
        let code = "def f(x, n):\n    at = n / 2\n    return x[at:at + 1]  # crash\n";
        let message = "slice indices must be integers or None or have an __index__ method";
        assert_eq!(lines_changed(&Conversion, "TypeError", message, code)[0], "at = n // 2");
    }

    #[test]
    fn exact_numbers_and_days_meet_their_own_kind() {
        let code = "from decimal import Decimal\n\ndef f(a, b):\n    return a * b  # crash\n";
        let message = "unsupported operand type(s) for *: 'decimal.Decimal' and 'float'";
        assert_eq!(
            lines_changed(&Conversion, "TypeError", message, code),
            ["return Decimal(str(a)) * b", "return a * Decimal(str(b))"]
        );
        let code = "def f(now, day):\n    return now - day  # crash\n";
        let message = "unsupported operand type(s) for -: 'datetime.datetime' and 'datetime.date'";
        assert_eq!(lines_changed(&Conversion, "TypeError", message, code), ["return now.date() - day"]);
    }

    #[test]
    fn values_are_joined_as_texts() {
        let code = "def f(v):\n    return ','.join(v)  # crash\n";
        let message = "sequence item 0: expected str instance, int found";
        assert_eq!(lines_changed(&Conversion, "TypeError", message, code)[0], "return ','.join(map(str, v))");
    }

    #[test]
    fn a_number_with_a_point_is_read_as_one() {
        let code = "def f(t):\n    return int(t)  # crash\n";
        let message = "invalid literal for int() with base 10: '1.5'";
        assert_eq!(lines_changed(&Conversion, "ValueError", message, code), ["return int(float(t))"]);
    }
}
