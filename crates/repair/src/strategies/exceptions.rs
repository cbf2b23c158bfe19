//! Catching what was not caught: the last resort, always a symptom guard.

use tree_sitter::Node;

use super::{Site, Situation, Strategy};
use crate::edit::Proposal;
use crate::syntax::ancestor;

/// Widens a narrow `except`, or puts one around the crashing statement.
#[derive(Debug)]
pub(super) struct Exceptions;

const NAME: &str = "exception";

impl Strategy for Exceptions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let builtin = situation.exception.ends_with("Error") && !situation.exception.contains('.');
        let hopeless = matches!(
            situation.exception.as_str(),
            "NameError"
                | "ImportError"
                | "ModuleNotFoundError"
                | "SyntaxError"
                | "UnboundLocalError"
                | "MemoryError"
                | "AttributeError"
                | "AssertionError"
                | "NotImplementedError"
                | "RecursionError"
        );
        if !builtin || hopeless {
            return Vec::new();
        }
        let mut found = Vec::new();
        for site in situation.sites.iter().take(3) {
            found.extend(widened(site, &situation.exception));
        }
        // A value of a wrong type is a mistake of the code; to catch it would hide where it comes from.
        if situation.exception != "TypeError"
            && let Some(site) = situation.sites.first()
        {
            found.extend(passed_on(site, &situation.exception));
            found.extend(caught(site, &situation.exception));
        }
        found
    }
}

/// `except A:` that also takes the exception.
fn widened(site: &Site, exception: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    let mut around = site.statement();
    while let Some(node) = around {
        if node.kind() == "function_definition" {
            break;
        }
        let inside = node.kind() == "try_statement"
            && node
                .child_by_field_name("body")
                .is_some_and(|body| crate::syntax::covers(body, site.frame.line));
        if inside {
            let mut cursor = node.walk();
            for clause in node.named_children(&mut cursor).filter(|clause| clause.kind() == "except_clause") {
                found.extend(clause_with(site, clause, exception));
            }
        }
        around = node.parent();
    }
    found
}

fn clause_with(site: &Site, clause: Node<'_>, exception: &str) -> Option<Proposal> {
    let value = clause.named_child(0).filter(|value| value.kind() != "block")?;
    let class = if value.kind() == "as_pattern" { value.named_child(0)? } else { value };
    let text = match class.kind() {
        "tuple" => {
            let inside = site.text(class).strip_suffix(')')?.trim_end().trim_end_matches(',').to_owned();
            format!("{inside}, {exception})")
        }
        "identifier" | "attribute" => format!("({}, {exception})", site.text(class)),
        _ => return None,
    };
    let why = format!("the handler of {} takes {exception} too", site.text(class));
    Some(site.guard(NAME, why, vec![site.replace(class, text)]))
}

/// A crashing `return` in a `try` of its own, after which the function goes on to what it returns otherwise.
fn passed_on(site: &Site, exception: &str) -> Option<Proposal> {
    let statement = site.statement().filter(|node| node.kind() == "return_statement")?;
    if !site.stands_alone(statement) || !goes_on(statement) {
        return None;
    }
    let indent = site.source.indent(statement).to_owned();
    let inner = site.text(statement).lines().collect::<Vec<_>>().join("\n    ");
    let text = format!("try:\n{indent}    {inner}\n{indent}except {exception}:\n{indent}    pass");
    let why = format!("returns what it returns otherwise on {exception}");
    Some(site.guard(NAME, why, vec![site.replace(statement, text)]))
}

/// Whether a function has a `return` after the branches around a statement.
fn goes_on(statement: Node<'_>) -> bool {
    let mut here = statement;
    while let Some(parent) = here.parent() {
        if parent.kind() == "function_definition" {
            return false;
        }
        let mut next = here.next_named_sibling();
        while let Some(node) = next.filter(|_| parent.kind() == "block") {
            if node.kind() == "return_statement" {
                return true;
            }
            next = node.next_named_sibling();
        }
        here = parent;
    }
    false
}

/// The crashing statement in a `try` of its own that leaves on the exception.
fn caught(site: &Site, exception: &str) -> Option<Proposal> {
    let statement = site.statement().filter(|statement| site.stands_alone(*statement))?;
    let simple = matches!(statement.kind(), "expression_statement" | "return_statement" | "delete_statement");
    let in_function = ancestor(statement, |node| node.kind() == "function_definition").is_some();
    if !simple || !in_function {
        return None;
    }
    // What gives no value can be left out, so that the rest is done all the same.
    let for_effect = statement.kind() == "delete_statement"
        || statement.named_child(0).is_some_and(|inner| matches!(inner.kind(), "call" | "await"))
            && statement.kind() == "expression_statement";
    let leave = if for_effect { "pass" } else { site.leaving(statement)? };
    let indent = site.source.indent(statement).to_owned();
    let inner = site.text(statement).lines().collect::<Vec<_>>().join("\n    ");
    let text = format!("try:\n{indent}    {inner}\n{indent}except {exception}:\n{indent}    {leave}");
    let why =
        if for_effect { format!("goes on after {exception}") } else { format!("leaves on {exception}") };
    Some(site.guard(NAME, why, vec![site.replace(statement, text)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::proposals;
    use groundcrew_core::evidence::ChangeKind;

    #[test]
    fn a_narrow_handler_is_widened_and_called_a_guard() {
        let code =
            "def f(x):\n    try:\n        return int(x)  # crash\n    except ValueError:\n        return 0\n";
        let made = proposals(&Exceptions, "TypeError", "int() argument", code);
        assert!(made[0].1.contains("except (ValueError, TypeError):"));
        assert!(made.iter().all(|(proposal, _)| proposal.kind == ChangeKind::SymptomGuard));
    }

    #[test]
    fn a_return_that_fails_goes_on_to_what_the_function_returns_otherwise() {
        let code = "def f(x):\n    if x:\n        return chr(x)  # crash\n    return '?'\n";
        let made = proposals(&Exceptions, "ValueError", "chr() arg not in range(0x110000)", code);
        assert_eq!(
            made[0].1,
            "def f(x):\n    if x:\n        try:\n            return chr(x)\n        except ValueError:\n            pass\n    return '?'\n"
        );
    }

    #[test]
    fn what_is_done_for_its_effect_is_left_out_and_the_rest_is_done() {
        let code = "def f(xs, x):\n    xs.remove(x)  # crash\n    return xs\n";
        let made = proposals(&Exceptions, "ValueError", "list.remove(x): x not in list", code);
        assert_eq!(
            made[0].1,
            "def f(xs, x):\n    try:\n        xs.remove(x)\n    except ValueError:\n        pass\n    return xs\n"
        );
    }

    #[test]
    fn a_mistake_of_the_code_is_not_caught() {
        let code = "def f(x):\n    return x.name  # crash\n";
        assert!(
            proposals(&Exceptions, "AttributeError", "'int' object has no attribute 'name'", code).is_empty()
        );
        assert!(proposals(&Exceptions, "TypeError", "unsupported operand", code).is_empty());
    }
}
