//! One look through the program: who calls the function in which the error was raised, and which functions are there
//! already that a change adds again.

use std::collections::BTreeMap;

use groundcrew_core::contract::Dossier;
use groundcrew_repair::syntax::{Function, Source};
use groundcrew_workbench::git::RepoPath;
use tree_sitter::Node;

use crate::agent::Trouble;
use crate::agents::architect::Sides;
use crate::site::read_text;

/// Files that are read.
const MOST_FILES: usize = 1_000;

/// Callers and copies that are named.
const TOLD: usize = 20;

/// Shorter functions resemble each other by chance.
const LEAST_LINES: u32 = 4;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Functions that call the one in which the error was raised, as `file:name`, that one left out.
    pub(super) callers: Vec<String>,
    /// Functions that the change adds and that repeat another.
    pub(super) copies: Vec<String>,
}

impl Survey {
    /// Looks through the program as it is with the change.
    pub(super) fn of(sides: &Sides<'_>, dossier: &Dossier) -> Result<Self, Trouble> {
        let called = crash_function(sides, dossier);
        let added = added_functions(sides);
        let mut survey = Self::default();
        if called.is_none() && added.is_empty() {
            return Ok(survey);
        }
        for file in sides.files.iter().take(MOST_FILES) {
            let Ok(path) = RepoPath::parse(file) else { continue };
            let Some(text) = read_text(sides.repository, sides.head, &path)? else { continue };
            // A file without the name cannot call it, and most have not; only copies need every file parsed.
            let mentions = called.as_ref().is_some_and(|(_, function)| text.contains(&function.name));
            if !mentions && added.is_empty() {
                continue;
            }
            let Some(source) = Source::parse(&text) else { continue };
            if let Some(called) = &called {
                survey.note_callers(file, &source, called);
            }
            survey.note_copies(file, &source, &added);
        }
        survey.callers.truncate(TOLD);
        survey.copies.truncate(TOLD);
        Ok(survey)
    }

    fn note_callers(&mut self, file: &str, source: &Source, called: &(String, Function)) {
        let (home, function) = called;
        for node in source.walk(source.root()) {
            if node.kind() != "call" || !calls(source, node, &function.name) {
                continue;
            }
            let line = groundcrew_repair::syntax::first_line(node);
            let within =
                source.function_at(line).map_or("the module itself".to_owned(), |around| around.path);
            let caller = format!("{file}:{within}");
            let itself = file == home && within == function.path;
            if !itself && !self.callers.contains(&caller) {
                self.callers.push(caller);
            }
        }
    }

    fn note_copies(&mut self, file: &str, source: &Source, added: &BTreeMap<String, (String, String)>) {
        if added.is_empty() {
            return;
        }
        for node in source.walk(source.root()).into_iter().filter(|node| node.kind() == "function_definition")
        {
            let Some(function) = source.function(node) else { continue };
            let Some((new_file, new_name)) = body_of(source, node).and_then(|body| added.get(&body)) else {
                continue;
            };
            if (new_file.as_str(), new_name.as_str()) != (file, function.path.as_str()) {
                self.copies.push(format!("{new_file}:{new_name} repeats {file}:{}", function.path));
            }
        }
    }
}

/// The function in which the error was raised, with its file, as it is with the change.
pub(super) fn crash_function(sides: &Sides<'_>, dossier: &Dossier) -> Option<(String, Function)> {
    let cause = &dossier.fix.as_ref()?.root_cause;
    let (file, before, _) =
        sides.changed.iter().find(|(file, _, _)| *file == cause.file).cloned().or_else(|| {
            let path = RepoPath::parse(&cause.file).ok()?;
            let text = read_text(sides.repository, sides.head, &path).ok()??;
            Some((cause.file.clone(), text, String::new()))
        })?;
    Some((file, Source::parse(&before)?.function_at(cause.line)?))
}

/// Bodies of the functions that a change adds, with file and name.
fn added_functions(sides: &Sides<'_>) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for (file, before, after) in &sides.changed {
        let (Some(before), Some(after)) = (Source::parse(before), Source::parse(after)) else { continue };
        let known: Vec<String> = before.functions().into_iter().map(|function| function.path).collect();
        for node in after.walk(after.root()).into_iter().filter(|node| node.kind() == "function_definition") {
            let Some(function) = after.function(node) else { continue };
            let long = function.last_line - function.first_line >= LEAST_LINES;
            if long
                && !known.contains(&function.path)
                && let Some(body) = body_of(&after, node)
            {
                found.insert(body, (file.clone(), function.path));
            }
        }
    }
    found
}

/// The body of a function without its layout.
fn body_of(source: &Source, function: Node<'_>) -> Option<String> {
    let body = source.of(function.child_by_field_name("body")?);
    Some(body.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn calls(source: &Source, call: Node<'_>, name: &str) -> bool {
    let Some(function) = call.child_by_field_name("function") else { return false };
    let named = match function.kind() {
        "identifier" => Some(function),
        "attribute" => function.child_by_field_name("attribute"),
        _ => None,
    };
    named.is_some_and(|node| source.of(node) == name)
}
