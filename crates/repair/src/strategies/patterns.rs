//! Texts that do not have the expected form: regular expressions too narrow, splits into too few or too many parts,
//! formats that do not fit their values.

use tree_sitter::Node;

use super::{Site, Situation, Strategy, arguments, wrapped};
use crate::edit::Proposal;
use crate::syntax::ancestor;

/// Repairs of what takes a text apart or puts it together.
#[derive(Debug)]
pub(super) struct Patterns;

const NAME: &str = "pattern";

impl Strategy for Patterns {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let Some(site) = situation.sites.first() else { return Vec::new() };
        let message = situation.message.as_str();
        let nothing_found = situation.exception == "IndexError"
            || (matches!(situation.exception.as_str(), "AttributeError" | "TypeError")
                && message.contains("NoneType"));
        if nothing_found {
            return wider(site);
        }
        match situation.exception.as_str() {
            "ValueError" if message.contains("values to unpack") => unpacked(site, message),
            "TypeError" if message.contains("not all arguments converted") => formatted(site),
            "TypeError" if message.contains("not enough arguments for format") => bracketed(site),
            _ => Vec::new(),
        }
    }
}

/// A regular expression that found nothing: a group that ends at a mark takes everything up to the mark.
fn wider(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    let in_function = site.source.walk(site.scope());
    let calls = in_function.into_iter().filter(|node| {
        node.kind() == "call"
            && node.child_by_field_name("function").is_some_and(|function| {
                matches!(site.text(function), "re.findall" | "re.search" | "re.match" | "re.fullmatch")
            })
            && node.start_byte() <= site.statement().map_or(0, |statement| statement.end_byte())
    });
    let mut calls: Vec<Node<'_>> = calls.collect();
    calls.sort_by_key(|node| !crate::syntax::covers(*node, site.frame.line));
    for call in calls.into_iter().take(6) {
        let Some(pattern) = arguments(call).first().copied().filter(|node| node.kind() == "string") else {
            continue;
        };
        if let Some(text) = widened(site.text(pattern)) {
            let why = "the group takes everything up to the mark that ends it";
            found.push(site.cause(NAME, why, vec![site.replace(pattern, text)]));
        }
    }
    found
}

/// A pattern whose groups of one class of letters (`([a-z]+)"`) take what is not the mark after them (`([^"]+)"`).
fn widened(pattern: &str) -> Option<String> {
    let mut result = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut changed = false;
    while let Some(at) = rest.find("([") {
        let class_end = rest[at..].find(']').map(|end| at + end)?;
        result.push_str(&rest[..at]);
        let after = &rest[class_end + 1..];
        let mark = after.strip_prefix("+)").or_else(|| after.strip_prefix("*)"));
        let mark =
            mark.map(|tail| tail.strip_prefix('\\').unwrap_or(tail)).and_then(|tail| tail.chars().next());
        match mark {
            Some(mark @ ('"' | '\'' | '<' | '>' | ',' | ';' | ':' | '/' | '`' | '=' | '&'))
                if !rest[at..class_end].starts_with("([^") =>
            {
                let escape = if matches!(mark, '"' | '\'') { "\\" } else { "" };
                result.push_str(&format!("([^{escape}{mark}]"));
                changed = true;
            }
            _ => result.push_str(&rest[at..=class_end]),
        }
        rest = after;
    }
    result.push_str(rest);
    changed.then_some(result)
}

/// `a, b = text.split(x)` with another number of parts.
fn unpacked(site: &Site, message: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    let many = message.contains("too many");
    for call in site.crashing_of(&["call"]) {
        let Some(function) = call.child_by_field_name("function").filter(|node| node.kind() == "attribute")
        else {
            continue;
        };
        let (Some(object), Some(method)) =
            (function.child_by_field_name("object"), function.child_by_field_name("attribute"))
        else {
            continue;
        };
        let targets =
            ancestor(call, |node| matches!(node.kind(), "assignment" | "for_statement" | "for_in_clause"))
                .and_then(|node| node.child_by_field_name("left"))
                .map_or(0, |left| left.named_child_count());
        let given: Vec<&str> = arguments(call).into_iter().map(|one| site.text(one)).collect();
        let object = wrapped(&site.source, object);
        match (site.text(method), given.as_slice(), targets) {
            ("split" | "rsplit", [mark], 2..) if many => {
                let method = site.text(method);
                let text = format!("{object}.{method}({mark}, {})", targets - 1);
                found.push(site.cause(
                    NAME,
                    "the last part keeps further marks",
                    vec![site.replace(call, text)],
                ));
                if method == "split" {
                    let text = format!("{object}.rsplit({mark}, {})", targets - 1);
                    let why = "the first part keeps further marks";
                    found.push(site.cause(NAME, why, vec![site.replace(call, text)]));
                }
            }
            ("split", [], 2..) if many => {
                let text = format!("{object}.split(None, {})", targets - 1);
                found.push(site.cause(
                    NAME,
                    "the last part keeps further spaces",
                    vec![site.replace(call, text)],
                ));
            }
            ("split", [mark] | [mark, "1"], 2) if !many => {
                let text = format!("{object}.partition({mark})[::2]");
                let why = "the second part is empty where there is no mark";
                found.push(site.cause(NAME, why, vec![site.replace(call, text)]));
            }
            _ => {}
        }
    }
    for node in site.crashing_of(&["for_statement", "for_in_clause"]) {
        // Pairs of a dictionary are its items.
        if let Some(right) = node.child_by_field_name("right").filter(|right| right.kind() == "identifier") {
            let text = format!("{}.items()", site.text(right));
            found.push(site.cause(NAME, "goes over the items", vec![site.replace(right, text)]));
        }
    }
    found
}

/// `"%s" % value` of a tuple.
fn formatted(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["binary_operator"]) {
        let Some((left, "%", right)) = super::binary(&site.source, node) else { continue };
        if left.kind() == "string" && !matches!(right.kind(), "tuple" | "dictionary") {
            let text = format!("({},)", site.text(right));
            found.push(site.cause(NAME, "the value is one, whatever it is", vec![site.replace(right, text)]));
        }
    }
    found
}

/// `"%s %s" % a, b` without brackets around the values.
fn bracketed(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for node in site.crashing_of(&["expression_list", "argument_list", "tuple"]) {
        let mut cursor = node.walk();
        let parts: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        let Some((first, rest)) = parts.split_first() else { continue };
        let plain = rest.iter().all(|part| part.kind() != "keyword_argument");
        let Some((_, "%", right)) = super::binary(&site.source, *first) else { continue };
        let (Some(last), true) = (rest.last(), plain && right.kind() != "tuple") else { continue };
        let values = site.source.text().get(right.start_byte()..last.end_byte()).unwrap_or_default();
        let edit = crate::edit::Edit {
            file: site.frame.file.clone(),
            start: right.start_byte(),
            end: last.end_byte(),
            text: format!("({values})"),
        };
        found.push(site.cause(NAME, "all values belong to the format", vec![edit]));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::lines_changed;

    #[test]
    fn a_group_that_ends_at_a_mark_takes_everything_up_to_it() {
        assert_eq!(widened(r#"r'named \"([a-z]+)\"'"#).as_deref(), Some(r#"r'named \"([^\"]+)\"'"#));
        assert_eq!(widened("r'<([a-z]+)>x'").as_deref(), Some("r'<([^>]+)>x'"));
        assert_eq!(widened("r'([0-9]+)x'"), None, "no mark ends it");
        assert_eq!(widened("r'([^\"]+)\"'"), None, "it does so already");
    }

    #[test]
    fn a_pattern_that_found_nothing_is_widened() {
        let code = "import re\n\n\ndef f(t):\n    return re.findall(r'id=([a-z]+);', t)[0]  # crash\n";
        assert_eq!(
            lines_changed(&Patterns, "IndexError", "list index out of range", code),
            ["return re.findall(r'id=([^;]+);', t)[0]"]
        );
    }

    #[test]
    fn a_split_gives_as_many_parts_as_are_named() {
        let code = "def f(t):\n    k, v = t.split('=')  # crash\n    return k, v\n";
        let lines = |message: &str| lines_changed(&Patterns, "ValueError", message, code);
        assert_eq!(
            lines("too many values to unpack (expected 2)"),
            ["k, v = t.split('=', 1)", "k, v = t.rsplit('=', 1)"]
        );
        assert_eq!(
            lines("not enough values to unpack (expected 2, got 1)"),
            ["k, v = t.partition('=')[::2]"]
        );
    }

    #[test]
    fn all_values_of_a_format_stand_in_brackets() {
        let code = "def f(a, b):\n    return '%s is %d' % a, b  # crash\n";
        let message = "not enough arguments for format string";
        assert_eq!(lines_changed(&Patterns, "TypeError", message, code), ["return '%s is %d' % (a, b)"]);
    }

    #[test]
    fn one_value_of_a_format_is_one_whatever_it_is() {
        let code = "def f(t):\n    return 'got %s' % t  # crash\n";
        let message = "not all arguments converted during string formatting";
        assert_eq!(lines_changed(&Patterns, "TypeError", message, code), ["return 'got %s' % (t,)"]);
    }
}
