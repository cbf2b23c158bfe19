//! A parsed Python file and the few questions the repair asks about it.
//!
//! All walks are loops, never recursion: the source is a stranger's and may be nested as deep as it is long.

use tree_sitter::{Node, Parser, Tree};

/// Longest source that is looked at, in bytes; longer files are data or generated.
pub const MAX_SOURCE: usize = 1 << 20;

/// A Python file with its syntax tree.
#[derive(Debug, Clone)]
pub struct Source {
    text: String,
    tree: Tree,
}

/// A function of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its own name.
    pub name: String,
    /// Name within the module: classes and outer functions joined by dots.
    pub path: String,
    /// The class it is a method of.
    pub class: Option<String>,
    /// First line, decorators left out, counted from 1.
    pub first_line: u32,
    /// Last line.
    pub last_line: u32,
    /// Names of its parameters without stars, in order.
    pub parameters: Vec<String>,
    /// Whether it lies in another function and cannot be called from outside.
    pub nested: bool,
}

impl Source {
    /// Parses a file; none if it is longer than [`MAX_SOURCE`].
    pub fn parse(text: &str) -> Option<Source> {
        Self::parse_as(text, &tree_sitter_python::LANGUAGE.into())
    }

    /// Parses a file by another grammar; none if it is longer than [`MAX_SOURCE`]. What this type says of functions and
    /// statements is about Python only.
    pub(crate) fn parse_as(text: &str, grammar: &tree_sitter::Language) -> Option<Source> {
        if text.len() > MAX_SOURCE {
            return None;
        }
        let mut parser = Parser::new();
        parser.set_language(grammar).ok()?;
        let tree = parser.parse(text, None)?;
        Some(Source { text: text.to_owned(), tree })
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The module node.
    pub fn root(&self) -> Node<'_> {
        self.tree.root_node()
    }

    /// Whether some part could not be parsed.
    pub fn is_broken(&self) -> bool {
        self.root().has_error()
    }

    /// The text of a node.
    pub fn of(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    /// A line without its end, counted from 1.
    pub fn line(&self, line: u32) -> Option<&str> {
        self.text.lines().nth(line.checked_sub(1)? as usize)
    }

    /// All nodes beneath and including `node`, outer before inner, in the order of the text.
    pub fn walk<'a>(&self, node: Node<'a>) -> Vec<Node<'a>> {
        self.walk_at_most(node, usize::MAX)
    }

    /// The first nodes of a walk: what is asked of every node of a file must not cost as much as the file.
    pub fn walk_at_most<'a>(&self, node: Node<'a>, most: usize) -> Vec<Node<'a>> {
        let mut found = Vec::new();
        let mut cursor = node.walk();
        loop {
            found.push(cursor.node());
            if found.len() >= most {
                return found;
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() || cursor.node() == node {
                    return found;
                }
            }
        }
    }

    /// Every function of the file in the order of the text.
    pub fn functions(&self) -> Vec<Function> {
        self.walk(self.root())
            .into_iter()
            .filter(|node| node.kind() == "function_definition")
            .filter_map(|node| self.function(node))
            .collect()
    }

    /// The innermost function around a line.
    pub fn function_at(&self, line: u32) -> Option<Function> {
        self.function_node_at(line).and_then(|node| self.function(node))
    }

    /// The node of the innermost function around a line.
    pub fn function_node_at(&self, line: u32) -> Option<Node<'_>> {
        self.walk(self.root())
            .into_iter()
            .rfind(|node| node.kind() == "function_definition" && covers(*node, line))
    }

    /// The node of a function by its dotted path within the module.
    pub fn function_node(&self, path: &str) -> Option<Node<'_>> {
        self.walk(self.root()).into_iter().find(|node| {
            node.kind() == "function_definition"
                && self.function(*node).is_some_and(|function| function.path == path)
        })
    }

    /// What is known about a function node.
    pub fn function(&self, node: Node<'_>) -> Option<Function> {
        let name = self.of(node.child_by_field_name("name")?).to_owned();
        let mut path = vec![name.clone()];
        let mut class = None;
        let mut nested = false;
        let mut outer = node.parent();
        while let Some(parent) = outer {
            match parent.kind() {
                "function_definition" => nested = true,
                "class_definition" if class.is_none() && !nested => {
                    class = parent.child_by_field_name("name").map(|name| self.of(name).to_owned());
                }
                _ => {}
            }
            if matches!(parent.kind(), "function_definition" | "class_definition")
                && let Some(name) = parent.child_by_field_name("name")
            {
                path.push(self.of(name).to_owned());
            }
            outer = parent.parent();
        }
        path.reverse();
        let parameters =
            node.child_by_field_name("parameters").map(|list| self.parameters(list)).unwrap_or_default();
        Some(Function {
            name,
            path: path.join("."),
            class,
            first_line: first_line(node),
            last_line: last_line(node),
            parameters,
            nested,
        })
    }

    fn parameters(&self, list: Node<'_>) -> Vec<String> {
        let mut cursor = list.walk();
        list.named_children(&mut cursor)
            .filter_map(|parameter| match parameter.kind() {
                "identifier" => Some(parameter),
                "default_parameter" | "typed_default_parameter" => parameter.child_by_field_name("name"),
                "typed_parameter" | "list_splat_pattern" | "dictionary_splat_pattern" => {
                    self.walk(parameter).into_iter().find(|node| node.kind() == "identifier")
                }
                _ => None,
            })
            .map(|name| self.of(name).to_owned())
            .collect()
    }

    /// The innermost statement that covers a line; for the header of a block, the block's statement.
    pub fn statement_at(&self, line: u32) -> Option<Node<'_>> {
        self.walk(self.root()).into_iter().rfind(|node| is_statement(*node) && covers(*node, line))
    }

    /// The text a statement shows on one line: the header only for a block.
    pub fn headline(&self, statement: Node<'_>) -> String {
        let end =
            statement.child_by_field_name("body").or_else(|| statement.child_by_field_name("consequence"));
        let end = end.map_or(statement.end_byte(), |body| body.start_byte());
        let text = self.text.get(statement.start_byte()..end).unwrap_or("");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The white space a line of this node starts with.
    pub fn indent(&self, node: Node<'_>) -> &str {
        let start = self.text[..node.start_byte()].rfind('\n').map_or(0, |at| at + 1);
        let line = &self.text[start..];
        let width = line.len() - line.trim_start_matches([' ', '\t']).len();
        &line[..width]
    }
}

/// First line of a node, counted from 1.
pub fn first_line(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).map_or(u32::MAX, |row| row + 1)
}

/// Last line of a node, counted from 1.
pub fn last_line(node: Node<'_>) -> u32 {
    u32::try_from(node.end_position().row).map_or(u32::MAX, |row| row + 1)
}

/// Whether a node spans a line.
pub fn covers(node: Node<'_>, line: u32) -> bool {
    first_line(node) <= line && line <= last_line(node)
}

/// Whether a node is a statement of its own.
pub fn is_statement(node: Node<'_>) -> bool {
    node.is_named()
        && (node.kind().ends_with("_statement")
            || matches!(node.kind(), "function_definition" | "class_definition" | "decorated_definition"))
}

/// The nearest node above (or at) `node` for which `wanted` holds.
pub fn ancestor<'a>(node: Node<'a>, wanted: impl Fn(Node<'a>) -> bool) -> Option<Node<'a>> {
    let mut here = Some(node);
    while let Some(node) = here {
        if wanted(node) {
            return Some(node);
        }
        here = node.parent();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "class Shelf:\n    def take(self, sku, *more, count=1):\n        if count:\n            return self.levels[\n                sku\n            ]\n\ndef outer():\n    def inner(x: int):\n        return x\n    return inner\n";

    #[test]
    fn a_line_is_found_in_its_innermost_function_and_statement() {
        let source = Source::parse(CODE).unwrap();
        let function = source.function_at(5).unwrap();
        assert_eq!(function.path, "Shelf.take");
        assert_eq!(function.class.as_deref(), Some("Shelf"));
        assert_eq!(function.parameters, ["self", "sku", "more", "count"]);
        assert_eq!(source.headline(source.statement_at(5).unwrap()), "return self.levels[ sku ]");
        assert_eq!(source.headline(source.statement_at(3).unwrap()), "if count:");
        assert!(source.function_at(10).unwrap().nested);
        assert!(source.function_at(7).is_none());
    }

    #[test]
    fn deep_nesting_is_walked_without_recursion() {
        let deep = format!("x = {}1{}\n", "(".repeat(20_000), ")".repeat(20_000));
        let source = Source::parse(&deep).unwrap();
        assert!(source.walk(source.root()).len() > 20_000);
        assert_eq!(source.walk_at_most(source.root(), 7), source.walk(source.root())[..7]);
    }
}
