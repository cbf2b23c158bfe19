//! The files of a project as the search and the comparison need them: which hold tests, and what the others export.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_workbench::runner::{Kind, TestCommand};

use super::code;
use super::driver::Program;
use super::edits::File;
use super::edits::crash::Export;
use super::untyped::untyped;
use crate::checkout::Snapshot;
use crate::locate::is_test;
use crate::outcome::Facts;

/// Files of a project that are parsed, and bytes of all of them.
const FILES: usize = 600;
const BYTES: usize = 6 << 20;

/// The files of a project, parsed.
pub(super) struct Project {
    pub(super) files: BTreeMap<String, File>,
    pub(super) program: Program,
    pub(super) exports: Vec<Export>,
}

impl Project {
    pub(super) fn read(snapshot: &Snapshot, command: &TestCommand, facts: &Facts) -> Project {
        let mut project =
            Project { files: BTreeMap::new(), program: Program::default(), exports: Vec::new() };
        project.program.runner = runner_name(command.kind);
        let ours =
            snapshot.files.iter().filter(|path| code::is_ours(path) && !path.contains("node_modules/"));
        let named: Vec<&String> = command.argv.iter().filter(|word| snapshot.files.contains(word)).collect();
        let mut bytes = 0;
        for path in ours.take(FILES) {
            let Some(text) = snapshot.text(path) else { continue };
            bytes += text.len();
            if bytes > BYTES {
                break;
            }
            let tests = holds_tests(command.kind, path, &text)
                || facts.failing_tests.iter().any(|test| file_of(test) == path.as_str());
            if tests && (named.is_empty() || named.contains(&path)) {
                project.program.tests.push(path.clone());
            }
            if code::is_typed(path) {
                let Some(plain) = untyped(path, &text) else { continue };
                project.program.sources.insert(path.clone(), plain);
            }
            if is_test(path) || tests {
                continue;
            }
            if let Some(file) = File::read(path, &text) {
                let spots = code::spots(&file.source);
                let marks = spots.iter().map(|spot| spot.mark).collect::<BTreeSet<_>>();
                project.program.marks.insert(path.clone(), in_units(&text, marks));
                project.exports.extend(exports(&file));
                project.files.insert(path.clone(), file);
            }
        }
        project
    }
}

/// The file that a test's id begins with.
fn file_of(test: &str) -> &str {
    test.split_once(" > ").map_or(test, |(file, _)| file)
}

/// What the scripts call a runner.
fn runner_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Jest => "jest",
        Kind::Vitest => "vitest",
        Kind::Mocha => "mocha",
        Kind::Node
        | Kind::Pytest
        | Kind::Unittest
        | Kind::Nextest
        | Kind::Cargo
        | Kind::Go
        | Kind::Junit
        | Kind::Tap
        | Kind::Other => "node",
    }
}

/// Whether a file holds tests, by what a runner takes for one unless it is told otherwise.
fn holds_tests(kind: Kind, path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let named = name.contains(".test.") || name.contains(".spec.");
    match kind {
        Kind::Jest => named || path.split('/').any(|part| part == "__tests__"),
        Kind::Vitest => named,
        Kind::Mocha => is_test(path) && (text.contains("it(") || text.contains("test(")),
        Kind::Node
        | Kind::Pytest
        | Kind::Unittest
        | Kind::Nextest
        | Kind::Cargo
        | Kind::Go
        | Kind::Junit
        | Kind::Tap
        | Kind::Other => text.contains("node:test"),
    }
}

/// Offsets in bytes as Node counts them.
fn in_units(text: &str, offsets: BTreeSet<usize>) -> Vec<usize> {
    if text.is_ascii() {
        return offsets.into_iter().collect();
    }
    let (mut units, mut at) = (0, 0);
    let unit = |offset: usize| {
        units += text.get(at..offset).map_or(0, |part| part.encode_utf16().count());
        at = offset;
        units
    };
    offsets.into_iter().map(unit).collect()
}

/// What a file gives to others, as far as its text says.
fn exports(file: &File) -> Vec<Export> {
    let source = &file.source;
    let mut names: Vec<String> = Vec::new();
    for node in source.walk(source.root()) {
        match node.kind() {
            "export_statement" => {
                if let Some(declaration) = node.child_by_field_name("declaration") {
                    let top = code::declared(source, declaration);
                    names.extend(top.first().map(|name| source.of(*name).to_owned()));
                }
            }
            "export_specifier" => {
                let name = node.child_by_field_name("alias").or_else(|| node.child_by_field_name("name"));
                names.extend(name.map(|name| source.of(name).to_owned()));
            }
            "assignment_expression" => {
                let (Some(left), Some(right)) =
                    (node.child_by_field_name("left"), node.child_by_field_name("right"))
                else {
                    continue;
                };
                if let Some(name) = source
                    .of(left)
                    .strip_prefix("exports.")
                    .or_else(|| source.of(left).strip_prefix("module.exports."))
                {
                    names.push(name.to_owned());
                } else if source.of(left) == "module.exports" && right.kind() == "object" {
                    let mut cursor = right.walk();
                    for member in right.named_children(&mut cursor) {
                        let key = member
                            .child_by_field_name("key")
                            .or_else(|| member.child_by_field_name("name"))
                            .unwrap_or(member);
                        names.push(source.of(key).to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    names.into_iter().map(|name| Export { name, file: file.path.clone() }).collect()
}
