//! Single edits of a suspicious place, each with a prior of how often such a slip is the defect.
//!
//! | file | what |
//! | --- | --- |
//! | `expressions`, `literals` | operators, conditions, names; numbers, texts, patterns |
//! | `calls` | calls, methods, arguments, indices |
//! | `statements` | whole statements: moved, deleted, inserted, returned |
//! | `crash` | what is known about an error by its class and message; `nothing` of what is read of nothing, `names` of names that are not there |

mod calls;
pub(super) mod crash;
mod expressions;
mod literals;
mod names;
mod nothing;
mod statements;

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::code::{self, Declared, Spot};
use crate::syntax::Source;

/// A file of the project as edits are made of it.
#[derive(Debug)]
pub(super) struct File {
    /// Its path.
    pub(super) path: String,
    /// Its tree.
    pub(super) source: Source,
    /// Names of properties and methods that stand in it, each once.
    pub(super) properties: Vec<String>,
    /// Numbers that stand in it.
    pub(super) numbers: Vec<String>,
    /// Texts that stand in it, with their quotes.
    pub(super) texts: Vec<String>,
    /// Names that it declares.
    pub(super) declared: Vec<Declared>,
    /// What names hold, by what is done with them.
    kinds: BTreeMap<String, Kind>,
}

impl File {
    /// Parses a file; none where it cannot be parsed whole.
    pub(super) fn read(path: &str, text: &str) -> Option<File> {
        let source = code::parse(path, text)?;
        if source.is_broken() {
            return None;
        }
        let (mut properties, mut numbers, mut texts) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for node in source.walk(source.root()) {
            let text = source.of(node).to_owned();
            match node.kind() {
                "property_identifier"
                | "shorthand_property_identifier"
                | "shorthand_property_identifier_pattern" => {
                    properties.insert(text);
                }
                "number" => {
                    numbers.insert(text);
                }
                "string"
                    if text.len() <= 24
                        && node.parent().is_none_or(|parent| parent.kind() != "import_statement") =>
                {
                    texts.insert(text);
                }
                _ => {}
            }
        }
        let list = |set: BTreeSet<String>| set.into_iter().collect();
        let kinds = kinds_of_names(&source);
        let declared = code::declarations(&source);
        Some(File {
            path: path.to_owned(),
            source,
            declared,
            kinds,
            properties: list(properties),
            numbers: list(numbers),
            texts: list(texts),
        })
    }
}

/// One edit that may be the repair.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    /// Parts of the text that are replaced, by bytes; they do not overlap.
    pub(super) edits: Vec<(usize, usize, String)>,
    /// Kind of edit.
    pub(super) family: &'static str,
    /// How often such a slip is the defect.
    pub(super) prior: f64,
    /// What it does, in words.
    pub(super) why: String,
}

/// Kinds of values, as far as the text shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number.
    Number,
    /// A text.
    Text,
    /// An array.
    List,
    /// Something that is called.
    Function,
    /// True or false.
    Truth,
    /// An object.
    Object,
    /// Not told.
    Unknown,
}

/// A suspicious place with what edits of it may use.
pub(super) struct Place<'a> {
    pub(super) file: &'a File,
    pub(super) spot: Spot<'a>,
    /// Its own expressions.
    pub(super) nodes: Vec<Node<'a>>,
    /// Names that can be used there, the nearest first.
    pub(super) names: Vec<String>,
    /// Kinds of these names.
    pub(super) kinds: Vec<Kind>,
    made: Vec<Draft>,
}

impl<'a> Place<'a> {
    /// What edits of a place may use.
    pub(super) fn new(file: &'a File, spot: Spot<'a>) -> Place<'a> {
        let nodes = code::own_nodes(&file.source, &spot);
        let inside = spot.node.child_by_field_name("body").filter(|_| spot.is_header).unwrap_or(spot.node);
        let names = code::in_scope(&file.declared, inside);
        let kinds = names.iter().map(|name| kind_of_name(file, name)).collect();
        Place { file, spot, nodes, names, kinds, made: Vec::new() }
    }

    /// All single edits of the place.
    pub(super) fn drafts(mut self) -> Vec<Draft> {
        for at in 0..self.nodes.len() {
            let node = self.nodes[at];
            expressions::of(&mut self, node);
            calls::of(&mut self, node);
        }
        statements::of(&mut self);
        self.made
    }

    pub(super) fn text(&self, node: Node<'_>) -> &'a str {
        self.file.source.text().get(node.byte_range()).unwrap_or("")
    }

    /// Replaces a node.
    pub(super) fn put(&mut self, node: Node<'_>, text: impl Into<String>, family: &'static str, prior: f64) {
        let text = text.into();
        let why = format!("{} instead of {}", short(&text), short(self.text(node)));
        self.put_as(node, text, family, prior, why);
    }

    pub(super) fn put_as(
        &mut self,
        node: Node<'_>,
        text: impl Into<String>,
        family: &'static str,
        prior: f64,
        why: String,
    ) {
        let mut text = text.into();
        if text == self.text(node) {
            return;
        }
        if binds_tighter(node) && is_compound(&text) {
            text = format!("({text})");
        }
        self.edit(vec![(node.start_byte(), node.end_byte(), text)], family, prior, why);
    }

    pub(super) fn edit(
        &mut self,
        edits: Vec<(usize, usize, String)>,
        family: &'static str,
        prior: f64,
        why: String,
    ) {
        self.made.push(Draft { edits, family, prior, why });
    }

    /// Names of a kind, or of none that is told.
    pub(super) fn names_of(&self, kind: Kind) -> Vec<String> {
        let alike = |known: &Kind| kind == Kind::Unknown || *known == kind;
        let all = self.names.iter().zip(&self.kinds);
        all.filter(|(_, known)| alike(known)).map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn kind_of(&self, node: Node<'_>) -> Kind {
        kind_of(self.file, node)
    }

    /// Whether the place stands in an `async` function.
    pub(super) fn is_async(&self) -> bool {
        self.spot.function.is_some_and(|function| {
            let mut cursor = function.walk();
            function.children(&mut cursor).any(|child| child.kind() == "async")
        })
    }
}

/// Whether what stands around a node binds more tightly than operators do.
fn binds_tighter(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else { return false };
    match parent.kind() {
        "binary_expression" | "unary_expression" | "await_expression" | "update_expression"
        | "spread_element" => parent.kind() != "spread_element",
        "member_expression" | "subscript_expression" => parent.child_by_field_name("object") == Some(node),
        "call_expression" => parent.child_by_field_name("function") == Some(node),
        "ternary_expression" => parent.child_by_field_name("condition") == Some(node),
        _ => false,
    }
}

/// Whether a text has an operator outside of brackets.
fn is_compound(text: &str) -> bool {
    let mut depth = 0i32;
    let mut quote = None;
    let mut before = '\0';
    for c in text.chars() {
        match quote {
            Some(open) => {
                if c == open && before != '\\' {
                    quote = None;
                }
            }
            None => match c {
                '\'' | '"' | '`' => quote = Some(c),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '&' | '|' | '?' | '!' | ' ' if depth == 0 => {
                    return true;
                }
                _ => {}
            },
        }
        before = c;
    }
    false
}

/// A text on one line, cut.
pub(super) fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 60 { line } else { line.chars().take(57).collect::<String>() + "…" }
}

/// What an expression gives, as far as its form tells.
fn kind_of(file: &File, node: Node<'_>) -> Kind {
    match node.kind() {
        "identifier" => kind_of_name(file, file.source.of(node)),
        "parenthesized_expression" => node.named_child(0).map_or(Kind::Unknown, |inner| kind_of(file, inner)),
        _ => kind_of_form(&file.source, node),
    }
}

/// What an expression other than a name gives.
fn kind_of_form(source: &Source, node: Node<'_>) -> Kind {
    let text = source.of(node);
    match node.kind() {
        "number" | "update_expression" => Kind::Number,
        "string" | "template_string" => Kind::Text,
        "array" => Kind::List,
        "object" => Kind::Object,
        "true" | "false" => Kind::Truth,
        "arrow_function" | "function_expression" => Kind::Function,
        "member_expression" => match text.rsplit('.').next() {
            Some("length" | "size") => Kind::Number,
            _ => Kind::Unknown,
        },
        "binary_expression" => match node.child_by_field_name("operator").map(|operator| operator.kind()) {
            Some("-" | "*" | "/" | "%" | "**" | "|" | "&" | "<<" | ">>") => Kind::Number,
            Some("<" | ">" | "<=" | ">=" | "===" | "!==" | "==" | "!=" | "in" | "instanceof") => Kind::Truth,
            _ => Kind::Unknown,
        },
        "call_expression" => kind_of_call(text),
        "unary_expression" if text.starts_with('!') => Kind::Truth,
        "unary_expression" if text.starts_with('-') || text.starts_with('+') => Kind::Number,
        _ => Kind::Unknown,
    }
}

fn kind_of_call(text: &str) -> Kind {
    let function = text.split('(').next().unwrap_or("");
    let last = text.rfind('(').map_or("", |at| text[..at].rsplit('.').next().unwrap_or(""));
    if function.starts_with("Math.") || matches!(function, "Number" | "parseInt" | "parseFloat") {
        return Kind::Number;
    }
    match last {
        "map" | "filter" | "slice" | "split" | "concat" | "keys" | "values" | "entries" | "from" | "flat"
        | "flatMap" | "sort" | "reverse" => Kind::List,
        "trim" | "toLowerCase" | "toUpperCase" | "join" | "toFixed" | "padStart" | "padEnd" | "toString"
        | "repeat" | "replace" | "String" => Kind::Text,
        "indexOf" | "lastIndexOf" | "findIndex" | "charCodeAt" | "push" => Kind::Number,
        "includes" | "has" | "some" | "every" | "startsWith" | "endsWith" | "test" | "isArray" => Kind::Truth,
        _ => Kind::Unknown,
    }
}

/// What a name holds.
fn kind_of_name(file: &File, name: &str) -> Kind {
    file.kinds.get(name).copied().unwrap_or(Kind::Unknown)
}

/// What names hold, by what is done with them in the file.
fn kinds_of_names(source: &Source) -> BTreeMap<String, Kind> {
    let mut votes: BTreeMap<&str, [u32; 4]> = BTreeMap::new();
    for node in source.walk(source.root()) {
        if node.kind() == "identifier"
            && let Some(parent) = node.parent()
        {
            vote(source, node, parent, votes.entry(source.of(node)).or_default());
        }
    }
    let kinds = [Kind::Number, Kind::Text, Kind::List, Kind::Function];
    let best = |votes: [u32; 4]| {
        let most = votes.into_iter().max().filter(|most| *most > 0)?;
        votes.iter().position(|vote| *vote == most).map(|at| kinds[at])
    };
    votes.into_iter().filter_map(|(name, votes)| Some((name.to_owned(), best(votes)?))).collect()
}

/// What one use of a name says of its value: a number, a text, a list, a function.
fn vote(source: &Source, node: Node<'_>, parent: Node<'_>, votes: &mut [u32; 4]) {
    let is = |field: &str| parent.child_by_field_name(field) == Some(node);
    match parent.kind() {
        "variable_declarator" if is("name") => {
            let Some(value) = parent.child_by_field_name("value") else { return };
            match kind_of_form(source, value) {
                Kind::Number => votes[0] += 3,
                Kind::Text => votes[1] += 3,
                Kind::List => votes[2] += 3,
                Kind::Function => votes[3] += 3,
                Kind::Truth | Kind::Object | Kind::Unknown => {}
            }
        }
        "update_expression" => votes[0] += 2,
        "binary_expression" | "augmented_assignment_expression" => {
            let sign = parent.child_by_field_name("operator").map_or("", |operator| operator.kind());
            if matches!(sign, "-" | "*" | "/" | "%" | "<" | ">" | "<=" | ">=" | "-=" | "*=" | "/=") {
                votes[0] += 1;
            }
        }
        "subscript_expression" if is("object") => votes[2] += 1,
        "subscript_expression" => votes[0] += 1,
        "for_in_statement" if is("right") => votes[2] += 1,
        "call_expression" if is("function") => votes[3] += 2,
        "function_declaration" => votes[3] += 3,
        "member_expression" if is("object") => {
            let property = parent.child_by_field_name("property").map_or("", |property| source.of(property));
            match property {
                "push" | "map" | "filter" | "reduce" | "sort" | "forEach" | "pop" | "shift" | "splice"
                | "join" => {
                    votes[2] += 2;
                }
                "trim" | "split" | "toLowerCase" | "toUpperCase" | "charAt" | "startsWith" | "replace"
                | "padStart" => {
                    votes[1] += 2;
                }
                "toFixed" => votes[0] += 2,
                _ => {}
            }
        }
        _ => {}
    }
}

/// How alike two names are, from 0 to 1, by the letters that must change.
pub(super) fn likeness(a: &str, b: &str) -> f64 {
    let (one, two): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    if one.len().max(two.len()) > 64 || one.is_empty() || two.is_empty() {
        return 0.0;
    }
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, x) in one.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in two.iter().enumerate() {
            let cost = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(before + 1);
        }
    }
    let longest = one.len().max(two.len());
    let distance = row[two.len()];
    let plain = count(longest - distance) / count(longest);
    // One within the other is a likely slip too: `count` and `counts`, `user` and `userName`.
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let part =
        if a.starts_with(&b) || b.starts_with(&a) || a.ends_with(&b) || b.ends_with(&a) { 0.62 } else { 0.0 };
    plain.max(part)
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
