//! Division by zero: operands the wrong way round, else guards.

use super::{Site, Situation, Strategy, binary, is_pure, wrapped};
use crate::edit::Proposal;

/// Repairs of a `ZeroDivisionError`.
#[derive(Debug)]
pub(super) struct Division;

const NAME: &str = "division";

impl Strategy for Division {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        if situation.exception != "ZeroDivisionError" {
            return Vec::new();
        }
        situation.sites.first().map(divisions).unwrap_or_default()
    }
}

fn divisions(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    let nodes = site.crashing_of(&["binary_operator"]);
    let divided: Vec<_> = nodes
        .into_iter()
        .filter_map(|node| binary(&site.source, node).map(|parts| (node, parts)))
        .filter(|(_, (_, operator, _))| matches!(*operator, "/" | "//" | "%"))
        .collect();
    for (node, (left, operator, right)) in &divided {
        let text = format!("{} {operator} {}", wrapped(&site.source, *right), wrapped(&site.source, *left));
        found.push(site.cause(
            NAME,
            "the operands were the wrong way round",
            vec![site.replace(*node, text)],
        ));
    }
    for (node, (_, _, right)) in &divided {
        let divisor = wrapped(&site.source, *right);
        let text = format!("({} if {divisor} else 0)", site.text(*node));
        found.push(site.guard(
            NAME,
            format!("gives 0 where {divisor} is 0"),
            vec![site.replace(*node, text)],
        ));
        if is_pure(&site.source, *right) {
            found.extend(site.leaving_guards(NAME, &format!("not {divisor}")));
        }
        let text = format!("max({}, 1)", site.text(*right));
        found.push(site.guard(
            NAME,
            format!("divides by 1 where {divisor} is 0"),
            vec![site.replace(*right, text)],
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::lines_changed;

    #[test]
    fn swapped_operands_come_before_guards() {
        let code = "def f(done, total):\n    return total / done  # crash\n";
        assert_eq!(
            lines_changed(&Division, "ZeroDivisionError", "division by zero", code),
            [
                "return done / total",
                "return (total / done if done else 0)",
                "if not done:",
                "return total / max(done, 1)"
            ]
        );
    }
}
