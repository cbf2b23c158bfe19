//! What functions of JavaScript give for calls that the tests make and for their neighbours, in several variants of the program.
//!
//! Functions tell their calls by a statement that is put at their beginning; the tests then run once. The calls are made again
//! in each variant, within one process of Node. Functions that nobody outside of their file can call are told by those that can.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use groundcrew_workbench::git::Sha;
use tree_sitter::Node;

use super::code;
use super::driver::{self, Behaved, Function, Given, Program, Variants};
use super::project::Project;
use super::untyped::untyped;
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::differential::Differential;
use crate::locate::is_test;
use crate::outcome::Facts;
use crate::syntax::Source;

/// Calls that are compared.
const COMPARED: usize = 240;
/// Wall clock of a comparison.
const TIME: Duration = Duration::from_secs(20);
/// Differing calls that are told.
const TOLD: usize = 20;

/// A function that can be called from outside of its file, and where its text lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) class: Option<String>,
    pub(super) is_static: bool,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) parameters: usize,
}

/// The functions of a file that have a name at its top level, and the methods of its classes.
pub(super) fn functions(source: &Source) -> Vec<Known> {
    callable(source).into_iter().map(|(node, known)| Known { end: node.end_byte(), ..known }).collect()
}

fn callable(source: &Source) -> Vec<(Node<'_>, Known)> {
    let mut found = Vec::new();
    for node in source.walk(source.root()).into_iter().filter(|node| code::is_function(*node)) {
        let name = code::name_of(source, node).to_owned();
        if name.is_empty() || code::function_of(node).is_some() {
            continue;
        }
        let mut known = Known {
            name,
            class: None,
            is_static: false,
            start: node.start_byte(),
            end: node.end_byte(),
            parameters: node.child_by_field_name("parameters").map_or(1, |all| all.named_child_count()),
        };
        if node.kind() == "method_definition" {
            let class = node.parent().and_then(|body| body.parent());
            let Some(class) = class.and_then(|class| class.child_by_field_name("name")) else { continue };
            let head = source.of(node);
            if known.name == "constructor" || known.name.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = head.split('(').next().unwrap_or_default().split_whitespace().collect();
            if words.iter().any(|word| matches!(*word, "get" | "set")) && words.len() > 1 {
                continue;
            }
            known.is_static = words.first() == Some(&"static");
            known.class = Some(source.of(class).to_owned());
        }
        found.push((node, known));
    }
    found
}

/// The text in which these functions tell their calls, by the number of each.
fn telling(source: &Source, numbers: &dyn Fn(&Known) -> Option<usize>) -> String {
    let mut inserted: Vec<(usize, String)> = Vec::new();
    for (node, known) in callable(source) {
        let (Some(number), Some(body)) = (numbers(&known), node.child_by_field_name("body")) else {
            continue;
        };
        let arguments = match node.kind() {
            "arrow_function" => {
                let Some(names) = parameters(source, node) else { continue };
                format!("{number},null,[{names}]")
            }
            _ if known.class.is_some() => format!("{number},this,arguments"),
            _ => format!("{number},null,arguments"),
        };
        if body.kind() == "statement_block" {
            inserted.push((body.start_byte() + 1, format!("globalThis.__groundcrew?.({arguments});")));
        } else {
            inserted.push((body.start_byte(), format!("(globalThis.__groundcrew?.({arguments}),")));
            inserted.push((body.end_byte(), ")".to_owned()));
        }
    }
    inserted.sort_by_key(|(at, _)| *at);
    let mut text = source.text().to_owned();
    for (at, what) in inserted.into_iter().rev() {
        text.insert_str(at, &what);
    }
    text
}

/// The parameters of an arrow function as a call would pass them; none where they are taken apart.
fn parameters(source: &Source, arrow: Node<'_>) -> Option<String> {
    if let Some(only) = arrow.child_by_field_name("parameter") {
        return Some(source.of(only).to_owned());
    }
    let list = arrow.child_by_field_name("parameters")?;
    let mut cursor = list.walk();
    let names = list.named_children(&mut cursor).filter(|node| node.kind() != "comment").map(|node| {
        let node = if node.kind() == "required_parameter" || node.kind() == "optional_parameter" {
            node.child_by_field_name("pattern")?
        } else {
            node
        };
        match node.kind() {
            "identifier" | "rest_pattern" => Some(source.of(node).to_owned()),
            "assignment_pattern" => {
                let left = node.child_by_field_name("left").filter(|left| left.kind() == "identifier")?;
                Some(source.of(left).to_owned())
            }
            _ => None,
        }
    });
    Some(names.collect::<Option<Vec<_>>>()?.join(", "))
}

/// The text that Node runs of a file.
pub(super) fn plain(path: &str, text: &str) -> Option<String> {
    if code::is_typed(path) { untyped(path, text) } else { Some(text.to_owned()) }
}

/// A file in which functions are called, and which of them are meant.
pub(super) struct Meant<'a> {
    pub(super) file: &'a str,
    /// Its text, of which the calls are recorded.
    pub(super) text: &'a str,
    /// Whether a function is one of those that matter.
    pub(super) is_changed: &'a dyn Fn(&Known) -> bool,
}

/// The functions that are meant, and texts in which they tell their calls.
pub(super) fn recorded(meant: &[Meant<'_>]) -> (Vec<Function>, BTreeMap<String, String>) {
    let (mut all, mut recording) = (Vec::new(), BTreeMap::new());
    for Meant { file, text, is_changed } in meant {
        let Some(text) = plain(file, text) else { continue };
        let Some(source) = code::parse(file, &text) else { continue };
        let known = functions(&source);
        let changed: Vec<&str> =
            known.iter().filter(|one| is_changed(one)).map(|one| one.name.as_str()).collect();
        let from = all.len();
        all.extend(known.iter().map(|one| {
            let body = text.get(one.start..one.end).unwrap_or_default();
            let tier = match (is_changed(one), changed.iter().any(|name| body.contains(name))) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2,
            };
            Function {
                file: (*file).to_owned(),
                name: one.name.clone(),
                class: one.class.clone(),
                is_static: one.is_static,
                tier,
                parameters: one.parameters,
            }
        }));
        let number = |one: &Known| known.iter().position(|other| other == one).map(|at| from + at);
        recording.insert((*file).to_owned(), telling(&source, &number));
    }
    (all, recording)
}

/// Calls the functions that are meant in each of some variants.
pub(super) fn behave(
    bench: &Bench,
    checkout: &std::path::Path,
    program: &Program,
    meant: &[Meant<'_>],
    texts: &[BTreeMap<String, String>],
    (most, time): (usize, Duration),
) -> Result<Behaved, RepairError> {
    let (all, recording) = recorded(meant);
    let variants = Variants { functions: &all, recording: &recording, texts, most, time };
    driver::behave(bench, checkout, program, &variants)
}

/// Compares the functions that a change from `base` to `head` touches with what they were on `reference`.
pub(super) fn compare(
    bench: &Bench,
    base: &Sha,
    head: &Sha,
    reference: &Sha,
) -> Result<Differential, RepairError> {
    let none = |reason: &str| Differential { reason: Some(reason.to_owned()), ..Differential::default() };
    let Some(command) = &bench.tests else { return Ok(none("there are no tests whose calls could be made")) };
    let old = Snapshot::open(&bench.repository, base)?;
    let new = Snapshot::open(&bench.repository, head)?;
    let known = Snapshot::open(&bench.repository, reference)?;
    let project = Project::read(&new, command, &Facts::default());
    if project.program.tests.is_empty() {
        return Ok(none("no tests were found whose calls could be made"));
    }
    let (mut before, mut after, mut changed) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for file in bench.repository.diff(base, head)?.files {
        if !code::is_ours(&file.path) || is_test(&file.path) {
            continue;
        }
        let (Some(was), Some(is), Some(there)) =
            (old.text(&file.path), new.text(&file.path), known.text(&file.path))
        else {
            continue;
        };
        let (Some(first), Some(second)) = (plain(&file.path, &there), plain(&file.path, &is)) else {
            return Ok(none("what is more than types in TypeScript is not called here"));
        };
        before.insert(file.path.clone(), first);
        after.insert(file.path.clone(), second);
        changed.push((file.path, there, was, is));
    }
    if changed.is_empty() {
        return Ok(none("no function that both versions have was changed"));
    }
    let differs: Vec<_> = changed
        .iter()
        .map(|(file, _, was, is)| {
            let names = names_of(file, was, is);
            move |one: &Known| names.contains(&(one.class.clone(), one.name.clone()))
        })
        .collect();
    let meant: Vec<Meant<'_>> = changed
        .iter()
        .zip(&differs)
        .map(|((file, text, ..), is_changed)| Meant { file, text, is_changed })
        .collect();
    let checkout = bench.checkout(head)?;
    // The reference twice, so that what is not the same each time is left out.
    let variants = [before.clone(), before, after];
    let behaved = behave(bench, checkout.path(), &project.program, &meant, &variants, (COMPARED, TIME));
    let behaved = match behaved {
        Err(RepairError::Driver { reason, .. }) => {
            return Ok(none(&format!("the calls could not be made: {reason}")));
        }
        other => other?,
    };
    Ok(differing(&behaved).unwrap_or_else(|| none("no call of the changed functions could be made")))
}

/// The functions of a file whose text differs between two versions of it.
fn names_of(file: &str, was: &str, is: &str) -> BTreeSet<(Option<String>, String)> {
    let of = |text: &str| -> BTreeMap<(Option<String>, String), String> {
        let Some(source) = code::parse(file, text) else { return BTreeMap::new() };
        let all = functions(&source).into_iter();
        all.map(|one| ((one.class, one.name), text.get(one.start..one.end).unwrap_or_default().to_owned()))
            .collect()
    };
    let (before, after) = (of(was), of(is));
    before.into_iter().filter(|(name, text)| after.get(name) != Some(text)).map(|(name, _)| name).collect()
}

/// What the last variant gives otherwise than the first, which was run twice; none if nothing could be compared.
fn differing(behaved: &Behaved) -> Option<Differential> {
    let [once, again, after] = behaved.given.as_slice() else { return None };
    let mut found = Differential::default();
    for (at, call) in behaved.calls.iter().enumerate() {
        let Some(Some(was @ Given::Value { value, .. })) = once.get(at) else { continue };
        if again.get(at) != once.get(at) {
            continue;
        }
        found.compared += 1;
        let Some(Some(is)) = after.get(at) else { continue };
        if is == was {
            continue;
        }
        if let Given::Raised { raised } = is {
            found.now_raises.insert(raised.clone());
        }
        if found.differing.len() < TOLD {
            found.differing.push(format!("{call}: was {value}, is {}", told(is, was)));
        }
    }
    (found.compared > 0).then_some(found)
}

/// What a call gives in words; where only its arguments tell it from another, those.
pub(super) fn told(given: &Given, other: &Given) -> String {
    let cut = |text: &str| text.chars().take(300).collect::<String>();
    match (given, other) {
        (Given::Value { value, left }, Given::Value { value: known, .. }) if value == known => {
            format!("{}, leaving {}", cut(value), cut(left))
        }
        (Given::Value { value, .. }, _) => cut(value),
        (Given::Raised { raised }, _) if raised == "no end" => "no end".to_owned(),
        (Given::Raised { raised }, _) => format!("raises {raised}"),
        (Given::None { .. }, _) => "no result".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_tell_their_calls_and_every_line_stays_where_it_was() {
        let text = "export function f(a) {\n  return a;\n}\nconst g = (b, c = 1) => b + c;\nconst h = ({ d }) => d;\nclass C {\n  constructor() {}\n  m(x) { return x; }\n  static s() { return 1; }\n  get size() { return 0; }\n}\n";
        let source = code::parse("a.js", text).unwrap();
        let known = functions(&source);
        let names: Vec<_> =
            known.iter().map(|one| (one.class.as_deref(), one.name.as_str(), one.is_static)).collect();
        assert_eq!(
            names,
            [
                (None, "f", false),
                (None, "g", false),
                (None, "h", false),
                (Some("C"), "m", false),
                (Some("C"), "s", true)
            ]
        );
        let number = |one: &Known| known.iter().position(|other| other == one);
        let told = telling(&source, &number);
        assert_eq!(
            told.lines().filter(|line| line.contains("__groundcrew")).collect::<Vec<_>>(),
            [
                "export function f(a) {globalThis.__groundcrew?.(0,null,arguments);",
                "const g = (b, c = 1) => (globalThis.__groundcrew?.(1,null,[b, c]),b + c);",
                "  m(x) {globalThis.__groundcrew?.(3,this,arguments); return x; }",
                "  static s() {globalThis.__groundcrew?.(4,this,arguments); return 1; }",
            ]
        );
        assert_eq!(told.lines().count(), text.lines().count());
    }
}
