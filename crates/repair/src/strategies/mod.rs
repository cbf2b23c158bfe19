//! The families of repairs. Each looks at the exception and the frames on the stack and proposes edits, best first.
//!
//! A proposal is only a guess: it counts after the reproduction passes and the suite shows no new failure. What it is
//! called (cause or symptom guard) decides how much it is worth, so a family says `Cause` only where the edit changes
//! what the code computes rather than what it does when the computation fails.

mod arity;
mod attributes;
mod conversion;
mod division;
mod empties;
mod exceptions;
mod index;
mod iterators;
mod keys;
mod names;
mod none;
mod operators;
mod patterns;
mod revert;
mod text;
mod unbound;

use std::collections::BTreeSet;

use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::git::{Change, Sha};
use tree_sitter::Node;

use crate::edit::{Edit, Patch, Proposal};
use crate::kinds::Kinds;
use crate::locate::LocatedFrame;
use crate::syntax::{Source, ancestor, covers, first_line, is_statement};

/// Proposals of one family at most.
const MOST: usize = 60;

/// Nodes of one kind that a family looks at in the crashing statement.
const MOST_NODES: usize = 200;

/// What the families look at.
pub struct Situation<'a> {
    /// Exception type without its module.
    pub exception: String,
    /// Its text.
    pub message: String,
    /// The application's frames with their files, innermost first.
    pub sites: Vec<Site>,
    /// Commits whose undoing is possible.
    pub reverts: Vec<Undo>,
    /// Python files of the project that are not tests.
    pub files: Vec<String>,
    /// The text of a file.
    pub read: &'a dyn Fn(&str) -> Option<String>,
}

/// A commit that can be undone.
#[derive(Debug, Clone)]
pub struct Undo {
    /// The commit.
    pub commit: Sha,
    /// Its subject.
    pub subject: String,
    /// Empty for the whole commit, else how a sentence about a part of it begins.
    pub part: &'static str,
    /// The contents that undo it.
    pub changes: Vec<Change>,
    /// Lines it changed.
    pub lines: usize,
    /// Whether the reproduction passes on its parent, so that it is known to have brought the failure.
    pub confirmed: bool,
}

/// A frame with its file.
#[derive(Debug)]
pub struct Site {
    /// The frame.
    pub frame: LocatedFrame,
    /// Its file.
    pub source: Source,
    /// Kinds of values that were seen in it.
    pub kinds: Kinds,
}

/// A family of repairs.
pub trait Strategy {
    /// Stable name.
    fn name(&self) -> &'static str;
    /// Proposals, best first.
    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal>;
}

/// All families, in the order in which they are asked.
pub fn all() -> Vec<Box<dyn Strategy>> {
    vec![
        Box::new(revert::Revert),
        Box::new(names::Names),
        Box::new(keys::Keys),
        Box::new(attributes::Attributes),
        Box::new(unbound::Unbound),
        Box::new(arity::Arity),
        Box::new(index::Index),
        Box::new(patterns::Patterns),
        Box::new(text::Texts),
        Box::new(iterators::Iterators),
        Box::new(conversion::Conversion),
        Box::new(division::Division),
        Box::new(none::NoneValues),
        Box::new(operators::Operators),
        Box::new(exceptions::Exceptions),
    ]
}

/// Everything some families propose, each family's best first, without repetitions.
pub fn propose(situation: &Situation<'_>, strategies: &[Box<dyn Strategy>]) -> Vec<Proposal> {
    let mut found: Vec<Proposal> = Vec::new();
    for strategy in strategies {
        for proposal in strategy.propose(situation).into_iter().take(MOST) {
            if !found.iter().any(|known| known.patch == proposal.patch) {
                found.push(proposal);
            }
        }
    }
    found
}

/// Whether a fix is two edits that were found by trying and only pass together. Of such pairs far more pass by chance.
pub fn is_pair(strategy: &str) -> bool {
    strategy == crate::failing::PAIR
}

/// Whether a family finds by search rather than by knowing the defect.
pub fn is_searched(strategy: &str) -> bool {
    strategy == operators::NAME
}

impl Site {
    /// The crashing statement.
    fn statement(&self) -> Option<Node<'_>> {
        self.source.statement_at(self.frame.line)
    }

    /// The function around the crash, or the module.
    fn scope(&self) -> Node<'_> {
        self.source.function_node_at(self.frame.line).unwrap_or_else(|| self.source.root())
    }

    /// Nodes of what the crashing statement itself executes: for a block only its header.
    fn crashing(&self) -> Vec<Node<'_>> {
        let Some(statement) = self.statement() else { return Vec::new() };
        let body =
            statement.child_by_field_name("body").or_else(|| statement.child_by_field_name("consequence"));
        let end = body.map_or(statement.end_byte(), |body| body.start_byte());
        let nodes = self.source.walk(statement).into_iter().filter(|node| node.start_byte() < end).take(3000);
        nodes.collect()
    }

    /// Nodes of the crashing statement of some kind; those on the crashing line first.
    fn crashing_of(&self, kinds: &[&str]) -> Vec<Node<'_>> {
        let line = self.frame.line;
        let mut nodes: Vec<Node<'_>> =
            self.crashing().into_iter().filter(|node| kinds.contains(&node.kind())).collect();
        nodes.sort_by_key(|node| !covers(*node, line));
        nodes.truncate(MOST_NODES);
        nodes
    }

    fn text(&self, node: Node<'_>) -> &str {
        self.source.of(node)
    }

    fn replace(&self, node: Node<'_>, text: impl Into<String>) -> Edit {
        Edit {
            file: self.frame.file.clone(),
            start: node.start_byte(),
            end: node.end_byte(),
            text: text.into(),
        }
    }

    fn insert(&self, at: usize, text: impl Into<String>) -> Edit {
        Edit { file: self.frame.file.clone(), start: at, end: at, text: text.into() }
    }

    /// An edit that leaves the function, or the turn of the loop, before the crashing statement.
    fn leave_if(&self, condition: &str, leave: &str) -> Option<Edit> {
        let statement = self.statement().filter(|statement| self.stands_alone(*statement))?;
        let indent = self.source.indent(statement);
        let text = format!("if {condition}:\n{indent}    {leave}\n{indent}");
        Some(self.insert(statement.start_byte(), text))
    }

    /// A guard that leaves out the crashing statement alone, if nothing after it needs a name that it binds.
    fn skipping_guard(&self, strategy: &'static str, condition: &str) -> Option<Proposal> {
        let statement = self.statement().filter(|statement| self.stands_alone(*statement))?;
        let inner = statement.named_child(0).filter(|_| statement.kind() == "expression_statement")?;
        if !matches!(inner.kind(), "augmented_assignment" | "call" | "await") {
            return None;
        }
        let indent = self.source.indent(statement);
        let body = self.text(statement).lines().collect::<Vec<_>>().join("\n    ");
        let text = format!("if {condition}:\n{indent}    {body}");
        Some(self.guard(
            strategy,
            format!("does it only if {condition}"),
            vec![self.replace(statement, text)],
        ))
    }

    /// How a statement's surroundings can be left: `continue` in a loop, else `return`.
    fn leaving(&self, statement: Node<'_>) -> Option<&'static str> {
        let around = ancestor(statement.parent()?, |node| {
            matches!(
                node.kind(),
                "for_statement" | "while_statement" | "function_definition" | "class_definition"
            )
        })?;
        match around.kind() {
            "for_statement" | "while_statement" => Some("continue"),
            "function_definition" => Some(self.leaving_return(around)),
            _ => None,
        }
    }

    /// The `return` that leaves a function early: of the kind that it was seen to give, else of the kind that the
    /// returns in its code have.
    fn leaving_return(&self, function: Node<'_>) -> &'static str {
        let nodes = self.source.walk(function);
        let yields = nodes.iter().any(|node| {
            node.kind() == "yield"
                && ancestor(*node, |above| above.kind() == "function_definition") == Some(function)
        });
        let kinds = self.empty_results();
        if yields {
            return "return";
        }
        let formed = self.empty_return(function);
        match kinds.first().copied() {
            // What nothing means in a function that may give it needs no guess.
            _ if kinds.contains(&"None") && formed == "return" => "return",
            _ if kinds.contains(&"None") => "return None",
            Some("False") => "return False",
            Some("0") => "return 0",
            Some("\"\"") => "return \"\"",
            Some("[]") => "return []",
            Some("()") => "return ()",
            Some("{}") => "return {}",
            Some("set()") => "return set()",
            _ => formed,
        }
    }

    /// A return of nothing, of the kind that the function returns elsewhere.
    fn empty_return(&self, function: Node<'_>) -> &'static str {
        let inside = self.source.walk(function).into_iter();
        let own = inside.filter(|node| {
            node.kind() == "return_statement"
                && ancestor(*node, |above| above.kind() == "function_definition") == Some(function)
        });
        let values: Vec<Option<Node<'_>>> = own.map(|node| node.named_child(0)).collect();
        let all = |wanted: &dyn Fn(Node<'_>) -> bool| {
            !values.is_empty() && values.iter().all(|value| value.is_some_and(wanted))
        };
        if all(&|value| is_truth(&self.source, value)) {
            return "return False";
        }
        let kind = |kinds: &'static [&'static str]| all(&|value| kinds.contains(&value.kind()));
        match () {
            () if kind(&["list", "list_comprehension"]) => "return []",
            () if kind(&["dictionary", "dictionary_comprehension"]) => "return {}",
            () if kind(&["string", "concatenated_string"]) => "return \"\"",
            () if values.iter().all(Option::is_none) => "return",
            () => "return None",
        }
    }

    /// Whether a statement begins its line and is followed by nothing on its last one.
    fn stands_alone(&self, statement: Node<'_>) -> bool {
        let text = self.source.text();
        let before = &text[..statement.start_byte()];
        let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
        let after = text[statement.end_byte()..].split('\n').next().unwrap_or("").trim();
        line.trim().is_empty()
            && (after.is_empty() || after.starts_with('#'))
            && statement.kind() != "decorated_definition"
    }

    fn propose(
        &self,
        strategy: &'static str,
        kind: ChangeKind,
        why: impl Into<String>,
        edits: Vec<Edit>,
    ) -> Proposal {
        Proposal { strategy, kind, one_line_typo: false, explanation: why.into(), patch: Patch::Edits(edits) }
    }

    fn cause(&self, strategy: &'static str, why: impl Into<String>, edits: Vec<Edit>) -> Proposal {
        self.propose(strategy, ChangeKind::Cause, why, edits)
    }

    fn typo(&self, strategy: &'static str, why: impl Into<String>, edit: Edit) -> Proposal {
        Proposal { one_line_typo: true, ..self.cause(strategy, why, vec![edit]) }
    }

    fn guard(&self, strategy: &'static str, why: impl Into<String>, edits: Vec<Edit>) -> Proposal {
        self.propose(strategy, ChangeKind::SymptomGuard, why, edits)
    }

    /// Guards that leave before the crash, if there is a way to leave: with the kind that the function gives, and then
    /// with nothing, for a test may ask for a kind that no call gave so far.
    fn leaving_guards(&self, strategy: &'static str, condition: &str) -> Vec<Proposal> {
        let Some(leave) = self.statement().and_then(|statement| self.leaving(statement)) else {
            return Vec::new();
        };
        let gives = leave.strip_prefix("return ").filter(|value| *value != "None");
        let mut ways = vec![(leave, gives.map(|value| format!(" with {value}")).unwrap_or_default())];
        if gives.is_some() && !self.empty_results().is_empty() {
            ways.push(("return None", String::new()));
        }
        let guards = ways.into_iter().filter_map(|(leave, with)| {
            let edit = self.leave_if(condition, leave)?;
            Some(self.guard(strategy, format!("leaves early{with} if {condition}"), vec![edit]))
        });
        guards.collect()
    }

    /// Names that can be read at the crash: parameters, assigned names, names of the module.
    fn names_in_reach(&self) -> BTreeSet<String> {
        let scope = self.scope();
        let mut names = BTreeSet::new();
        if let Some(function) = self.source.function_at(self.frame.line) {
            names.extend(function.parameters);
        }
        for node in self.source.walk(self.source.root()) {
            let inside = node.start_byte() >= scope.start_byte() && node.end_byte() <= scope.end_byte();
            let top = ancestor(node, |above| above.kind() == "function_definition").is_none();
            if inside || top || matches!(node.kind(), "function_definition" | "class_definition") {
                names.extend(bound_names(&self.source, node));
            }
        }
        names
    }
}

/// The names a node binds in its scope.
fn bound_names(source: &Source, node: Node<'_>) -> Vec<String> {
    let plain = |node: Node<'_>| -> Vec<String> {
        let all = source.walk(node).into_iter().filter(|node| node.kind() == "identifier");
        all.map(|node| source.of(node).to_owned()).collect()
    };
    match node.kind() {
        "assignment" | "named_expression" | "for_statement" | "for_in_clause" => {
            let target = node.child_by_field_name("left").or_else(|| node.child_by_field_name("name"));
            target
                .filter(|target| !matches!(target.kind(), "attribute" | "subscript"))
                .map(plain)
                .unwrap_or_default()
        }
        "function_definition" | "class_definition" => {
            node.child_by_field_name("name").map(plain).unwrap_or_default()
        }
        "import_statement" | "import_from_statement" => {
            let mut cursor = node.walk();
            let named: Vec<Node<'_>> = node.children_by_field_name("name", &mut cursor).collect();
            named
                .into_iter()
                .filter_map(|name| match name.kind() {
                    "aliased_import" => {
                        name.child_by_field_name("alias").map(|alias| source.of(alias).to_owned())
                    }
                    _ => source.of(name).split('.').next().map(str::to_owned),
                })
                .collect()
        }
        "as_pattern" => node.child_by_field_name("alias").map(plain).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The text in quotes of a message, in order.
fn quoted(message: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = message;
    while let Some(start) = rest.find(['\'', '"']) {
        let quote = &rest[start..=start];
        let inside = &rest[start + 1..];
        let Some(end) = inside.find(quote) else { break };
        found.push(inside[..end].to_owned());
        rest = &inside[end + 1..];
    }
    found
}

/// Edits by one letter that turn one word into another, with a swap of neighbours as one; more than `most` is none.
fn distance(one: &str, two: &str, most: usize) -> Option<usize> {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().take(80).collect(), two.chars().take(80).collect());
    if one.len().abs_diff(two.len()) > most {
        return None;
    }
    let width = two.len() + 1;
    let mut rows: Vec<Vec<usize>> = vec![(0..width).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, b) in two.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i - 1] == *b && *a == two[j - 1] {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row[j + 1] = best;
        }
        rows.push(row);
    }
    let result = *rows.last()?.last()?;
    (result <= most).then_some(result)
}

/// The words most like a misspelt one, the nearest first; only those near enough to be meant.
fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let most = match word.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let mut found: Vec<(usize, String)> = known
        .into_iter()
        .filter(|other| other.as_str() != word)
        .filter_map(|other| {
            if plain(other) == plain(word) {
                return Some((0, other.clone()));
            }
            distance(word, other, most).map(|steps| (steps, other.clone()))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().map(|(_, word)| word).take(4).collect()
}

/// Whether an expression can stand in another without brackets.
fn is_simple(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "identifier"
            | "attribute"
            | "subscript"
            | "call"
            | "string"
            | "integer"
            | "float"
            | "list"
            | "dictionary"
            | "parenthesized_expression"
            | "none"
            | "true"
            | "false"
            | "tuple"
    )
}

/// The text of an expression, in brackets where it needs them.
fn wrapped(source: &Source, node: Node<'_>) -> String {
    let text = source.of(node);
    if is_simple(node) { text.to_owned() } else { format!("({text})") }
}

/// Whether an expression is a truth value by its form.
fn is_truth(source: &Source, node: Node<'_>) -> bool {
    match node.kind() {
        "comparison_operator" | "not_operator" | "true" | "false" => true,
        "boolean_operator" => {
            let sides = ["left", "right"].map(|side| node.child_by_field_name(side));
            sides.into_iter().flatten().all(|side| is_truth(source, side))
        }
        "parenthesized_expression" => node.named_child(0).is_some_and(|inner| is_truth(source, inner)),
        "call" => node.child_by_field_name("function").is_some_and(|function| {
            let name = source.of(function);
            matches!(name, "bool" | "any" | "all" | "isinstance" | "hasattr")
                || name.ends_with(".startswith")
                || name.ends_with(".endswith")
        }),
        _ => false,
    }
}

/// Whether reading an expression again has no effect of its own.
fn is_pure(source: &Source, node: Node<'_>) -> bool {
    !source
        .walk(node)
        .into_iter()
        .any(|node| matches!(node.kind(), "call" | "await" | "yield" | "named_expression"))
}

/// The operands and the operator of a binary node.
fn binary<'a>(source: &'a Source, node: Node<'a>) -> Option<(Node<'a>, &'a str, Node<'a>)> {
    let operator = source.of(node.child_by_field_name("operator")?);
    Some((node.child_by_field_name("left")?, operator, node.child_by_field_name("right")?))
}

/// The arguments of a call.
fn arguments(call: Node<'_>) -> Vec<Node<'_>> {
    let Some(list) = call.child_by_field_name("arguments") else { return Vec::new() };
    if list.kind() != "argument_list" {
        return Vec::new();
    }
    let mut cursor = list.walk();
    list.named_children(&mut cursor).filter(|node| node.kind() != "comment").collect()
}

/// Where a new first statement of a function goes, and its indentation.
fn body_start<'a>(source: &'a Source, function: Node<'a>) -> Option<(usize, &'a str)> {
    let body = function.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let statements: Vec<Node<'_>> =
        body.named_children(&mut cursor).filter(|node| is_statement(*node)).collect();
    let documented = statements.first().is_some_and(|first| {
        first.kind() == "expression_statement"
            && first.named_child(0).is_some_and(|node| node.kind() == "string")
    });
    let at = if documented { statements.get(1) } else { statements.first() }?;
    // A body on the line of its `def` has no line to put a statement on.
    (first_line(*at) > first_line(function)).then(|| (at.start_byte(), source.indent(*at)))
}

#[cfg(test)]
pub(crate) mod testing;
