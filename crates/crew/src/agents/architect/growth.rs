//! How much longer and deeper functions become. Only growth counts, and only beyond what is usual in their own module.

use std::collections::BTreeMap;

use groundcrew_core::contract::{ComplexityDelta, Finding};
use groundcrew_repair::syntax::Source;
use tree_sitter::Node;

use crate::agents::architect::{Sides, finding};

/// A function of so many lines is no burden, whatever its module looks like.
const FINE_LINES: u32 = 40;

/// So many nested blocks are no burden.
const FINE_NESTING: u32 = 4;

/// Size of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Size {
    lines: u32,
    nesting: u32,
}

/// The functions of a change that grew.
pub(super) fn deltas(sides: &Sides<'_>) -> Vec<ComplexityDelta> {
    let mut found = Vec::new();
    for (file, before, after) in &sides.changed {
        let (before, after) = (sizes(before), sizes(after));
        let lines = usual(before.values().map(|size| size.lines).collect());
        let nesting = usual(before.values().map(|size| size.nesting).collect());
        for (name, now) in &after {
            let was = before.get(name).copied().unwrap_or_default();
            let longer = now.lines > was.lines;
            let deeper = now.nesting > was.nesting;
            if !longer && !deeper {
                continue;
            }
            let too_long = longer && now.lines > lines.max(FINE_LINES);
            let too_deep = deeper && now.nesting > nesting.max(FINE_NESTING);
            found.push(ComplexityDelta {
                function: format!("{file}:{name}"),
                lines: (was.lines, now.lines),
                nesting: (was.nesting, now.nesting),
                outgrown: too_long || too_deep,
            });
        }
    }
    found
}

/// What the growth of functions is remarked on with.
pub(super) fn findings(deltas: &[ComplexityDelta]) -> Vec<Finding> {
    let outgrown = deltas.iter().filter(|delta| delta.outgrown);
    outgrown
        .map(|delta| {
            let (file, name) = delta.function.split_once(':').unwrap_or(("", &delta.function));
            let message = format!(
                "{name} grows from {} to {} lines and from {} to {} nested blocks, beyond nine of ten functions of its module",
                delta.lines.0, delta.lines.1, delta.nesting.0, delta.nesting.1
            );
            finding("complexity", "warning", file, 0, message)
        })
        .collect()
}

/// What nine of ten do not exceed.
fn usual(mut sizes: Vec<u32>) -> u32 {
    sizes.sort_unstable();
    sizes.get(sizes.len() * 9 / 10).or(sizes.last()).copied().unwrap_or(0)
}

fn sizes(text: &str) -> BTreeMap<String, Size> {
    let Some(source) = Source::parse(text) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for node in source.walk(source.root()) {
        if node.kind() == "function_definition"
            && let Some(function) = source.function(node)
        {
            let lines = function.last_line + 1 - function.first_line;
            found.insert(function.path, Size { lines, nesting: nesting(&source, node) });
        }
    }
    found
}

/// The deepest nesting of blocks within a function, its own body not counted.
fn nesting(source: &Source, function: Node<'_>) -> u32 {
    let depth = |node: Node<'_>| {
        let mut depth = 0;
        let mut at = node;
        while let Some(outer) = at.parent().filter(|_| at != function) {
            depth += u32::from(at.kind() == "block");
            at = outer;
        }
        depth
    };
    let blocks = source.walk(function).into_iter().filter(|node| node.kind() == "block");
    blocks.map(depth).max().map_or(0, |deepest| deepest.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_nested_blocks_are_counted() {
        let text = "def f(a):\n    if a:\n        for x in a:\n            return x\n    return 0\n\ndef g():\n    pass\n";
        let expected = [("f", Size { lines: 5, nesting: 2 }), ("g", Size { lines: 2, nesting: 0 })];
        assert_eq!(sizes(text), expected.map(|(name, size)| (name.to_owned(), size)).into());
    }

    #[test]
    fn the_usual_size_is_that_of_nine_in_ten() {
        assert_eq!(usual((1..=20).collect()), 19);
        assert_eq!((usual(vec![7]), usual(Vec::new())), (7, 0));
    }
}
