//! An error of a log made to happen again by a test in the project's own style.
//!
//! Functions on the stack that can be called from outside of their file are called as the tests call them, with words of the log
//! in the place of values, with single values changed or taken away, and, where no test calls them, with made-up values. A
//! call counts only if it raises an error of the same name and message in the same function of the same file. It then
//! becomes a test beside the others, and everything else goes as with a test that fails.

use std::collections::BTreeSet;
use std::time::Duration;

use groundcrew_core::contract::{Reproduction, TestFile};
use groundcrew_core::trace::Trace;
use groundcrew_workbench::runner::Kind;

use super::behaviour::{Known, Meant, functions, recorded};
use super::code;
use super::driver::{self, Hit, Variants, Wanted};
use super::project::Project;
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::locate::{Located, LocatedFrame, is_test};
use crate::outcome::Facts;
use crate::reproduce::{GENERATED, LOGGED};

/// Calls that are tried of each function.
const CALLS: usize = 1200;
/// Wall clock of all of them.
const TIME: Duration = Duration::from_secs(15);
/// Words of a log that are tried as values.
const WORDS: usize = 40;
/// Frames whose functions are called.
const FRAMES: usize = 8;

/// A test that fails as an error of a log did; else the reason in one sentence.
pub(super) fn reproduce(
    bench: &Bench,
    snapshot: &Snapshot,
    located: &Located,
    facts: &Facts,
) -> Result<Result<Reproduction, String>, RepairError> {
    let Some(command) = &bench.tests else {
        return Ok(Err("there is no test command, so no test can show the error".to_owned()));
    };
    let Some(crash) = located.frames.iter().find(|frame| code::is_ours(&frame.file) && !is_test(&frame.file))
    else {
        return Ok(Err("no frame of the stack lies in a file of the program".to_owned()));
    };
    let trace = level(&facts.trace, located.depth);
    let Some(exception) = trace.exception.clone() else {
        return Ok(Err("the log does not name the error".to_owned()));
    };
    let project = Project::read(snapshot, command, facts);
    let texts = texts(snapshot, located);
    let lines: Vec<_> = texts
        .iter()
        .map(|(file, text)| {
            let lines: Vec<u32> =
                located.frames.iter().filter(|one| one.file == *file).map(|one| one.line).collect();
            move |one: &Known| lines.iter().any(|line| spans(text, one).contains(line))
        })
        .collect();
    let meant: Vec<Meant<'_>> =
        texts.iter().zip(&lines).map(|((file, text), is_changed)| Meant { file, text, is_changed }).collect();
    let (all, recording) = recorded(&meant);
    let wanted = wanted(crash, &exception, trace, facts, snapshot);
    let variants = Variants { functions: &all, recording: &recording, texts: &[], most: CALLS, time: TIME };
    let checkout = bench.checkout(&snapshot.commit)?;
    let hunted = match driver::hunt(bench, checkout.path(), &project.program, &variants, &wanted) {
        Err(RepairError::Driver { reason, .. }) => {
            return Ok(Err(format!("the calls could not be made: {reason}")));
        }
        other => other?,
    };
    let written = hunted.found.iter().find_map(|hit| {
        let test = test(hit, &exception, command.kind, snapshot, &project)?;
        Some(Reproduction {
            kind: if hit.origin == "logged" { LOGGED } else { GENERATED }.to_owned(),
            origin: origin(hit),
            script: String::new(),
            call: hit.call.clone(),
            regression_test: Some(test),
            test_id: None,
            fails_on: snapshot.commit.to_string(),
            exception: exception.clone(),
            file: crash.file.clone(),
            function: hit.place.clone(),
        })
    });
    Ok(written.ok_or_else(|| {
        format!(
            "none of {} calls of the functions on the stack raises {exception} as the log does",
            hunted.tried
        )
    }))
}

/// The error of the chain whose frames were located.
fn level(trace: &Trace, depth: usize) -> &Trace {
    (0..depth).fold(trace, |trace, _| trace.causes.first().unwrap_or(trace))
}

/// The files of the program on the stack, innermost first.
fn texts(snapshot: &Snapshot, located: &Located) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for frame in located.frames.iter().take(FRAMES) {
        if code::is_ours(&frame.file)
            && !is_test(&frame.file)
            && !found.iter().any(|(file, _)| *file == frame.file)
            && let Some(text) = snapshot.text(&frame.file)
        {
            found.push((frame.file.clone(), text));
        }
    }
    found
}

/// The lines of a function.
fn spans(text: &str, function: &Known) -> std::ops::RangeInclusive<u32> {
    let line = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX)
    };
    line(function.start)..=line(function.end)
}

fn wanted(
    crash: &LocatedFrame,
    exception: &str,
    trace: &Trace,
    facts: &Facts,
    snapshot: &Snapshot,
) -> Wanted {
    let text = snapshot.text(&crash.file).unwrap_or_default();
    let source = code::parse(&crash.file, &text);
    let around = source.map(|source| functions(&source)).unwrap_or_default();
    let around = around.iter().map(|one| spans(&text, one)).find(|lines| lines.contains(&crash.line));
    let around = around.unwrap_or(1..=u32::MAX);
    Wanted {
        exception: exception.rsplit('.').next().unwrap_or(exception).to_owned(),
        message: trace.message.clone().unwrap_or_default(),
        file: crash.file.clone(),
        first: *around.start(),
        last: *around.end(),
        line: crash.line,
        words: words(facts, trace),
    }
}

/// Words of the error and of the lines before it that may be values, the nearest first.
fn words(facts: &Facts, trace: &Trace) -> Vec<String> {
    let own = facts.sample.text.lines().take(1);
    let before = facts.sample.before.iter().rev().map(String::as_str);
    let mut found: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for line in trace.message.as_deref().into_iter().chain(own).chain(before) {
        let whole = line.split_whitespace();
        let parts = line.split(|c: char| !(c.is_alphanumeric() || "_-.@".contains(c)));
        for word in whole.chain(parts) {
            let word = word.trim_matches(|c: char| "\"'`,;:()[]{}<>.".contains(c));
            if !word.is_empty() && word.len() <= 80 && found.len() < WORDS && seen.insert(word.to_owned()) {
                found.push(word.to_owned());
            }
        }
    }
    found
}

fn origin(hit: &Hit) -> String {
    let from = match hit.origin.as_str() {
        "recorded" => "a call that the project's own tests make",
        "logged" => "values that the application logged",
        "varied" => "a call that the project's own tests make, with one value changed",
        _ => "made-up values",
    };
    let other = if hit.same < 2 { "; the text of the error differs from the incident's" } else { "" };
    format!("{from}{other}")
}

/// The test of a call, beside the project's own tests and written as they are; none where there are none to be like.
fn test(hit: &Hit, exception: &str, kind: Kind, snapshot: &Snapshot, project: &Project) -> Option<TestFile> {
    let model = project.program.tests.first()?;
    let text = snapshot.text(model)?;
    let (folder, name) = model.rsplit_once('/').unwrap_or(("", model));
    let mark = [".test.", ".spec."].iter().find_map(|mark| name.rfind(mark));
    let ending = name.get(mark.or_else(|| name.rfind('.'))? + 1..)?;
    let stem = format!("regression-{}-{}", slug(&hit.name), slug(exception));
    let path = (1..20u32).map(|turn| {
        let number = if turn == 1 { String::new() } else { format!("-{turn}") };
        let file = format!("{stem}{number}.{ending}");
        if folder.is_empty() { file } else { format!("{folder}/{file}") }
    });
    let path = path.into_iter().find(|path| !snapshot.files.contains(path))?;
    let style = Style::of(&text, &path, kind);
    let title = format!("{} does not raise {exception} again", hit.name);
    let content = style.write(hit, &title, snapshot, project)?;
    Some(TestFile { id: format!("{path} > {title}"), path, content })
}

fn slug(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    plain.trim_matches('-').chars().take(40).collect()
}

/// How a file of tests is written.
struct Style {
    folder: String,
    kind: Kind,
    /// Whether it imports, and does not require.
    imports: bool,
    /// Whether it imports the words of its runner.
    named: bool,
    /// Whether what it imports has endings.
    endings: bool,
    strict: bool,
}

impl Style {
    fn of(model: &str, path: &str, kind: Kind) -> Style {
        let imports = model.lines().any(|line| line.starts_with("import "));
        let named =
            ["'vitest'", "\"vitest\"", "'@jest/globals'", "\"@jest/globals\"", "'mocha'", "\"mocha\""];
        let relative =
            |line: &&str| (line.contains("from '.") || line.contains("from \".")) && !line.contains(".json");
        let mut own = model.lines().filter(relative);
        let endings = own.next().is_none_or(|line| {
            let end = line.trim_end().trim_end_matches([';', '\'', '"']);
            [".js", ".mjs", ".cjs", ".ts", ".mts"].iter().any(|ending| end.ends_with(ending))
        });
        Style {
            folder: path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned(),
            kind,
            imports,
            named: named.iter().any(|word| model.contains(word)),
            endings,
            strict: model.starts_with("'use strict'"),
        }
    }

    fn write(&self, hit: &Hit, title: &str, snapshot: &Snapshot, project: &Project) -> Option<String> {
        let mut text = if self.strict { "'use strict';\n\n".to_owned() } else { String::new() };
        let runner = match (self.kind, self.named) {
            (Kind::Vitest, true) => Some("vitest"),
            (Kind::Jest, true) => Some("@jest/globals"),
            (Kind::Jest | Kind::Mocha | Kind::Vitest, _) => None,
            _ => Some("node:test"),
        };
        let word = if self.kind == Kind::Mocha { "it" } else { "test" };
        if let Some(runner) = runner {
            text.push_str(&match self.imports {
                true => format!("import {{ test }} from '{runner}';\n"),
                false => format!("const {{ test }} = require('{runner}');\n"),
            });
        }
        let mut needed: Vec<(String, String)> = hit.imports.clone();
        needed.sort();
        needed.dedup();
        for (file, name) in needed {
            let path = self.relative(&file);
            let named = project.exports.iter().any(|export| export.file == file && export.name == name);
            let source = snapshot.text(&file)?;
            text.push_str(
                &match (self.imports, named && !source.contains(&format!("export default {name}"))) {
                    (true, true) => format!("import {{ {name} }} from '{path}';\n"),
                    (true, false) => format!("import {name} from '{path}';\n"),
                    (false, true) => format!("const {{ {name} }} = require('{path}');\n"),
                    (false, false) => format!("const {name} = require('{path}');\n"),
                },
            );
        }
        text.push_str(&format!("\n{word}('{title}', async () => {{\n  await {};\n}});\n", hit.call));
        Some(text)
    }

    /// The way from the folder of the tests to a file.
    fn relative(&self, file: &str) -> String {
        let from: Vec<&str> = self.folder.split('/').filter(|part| !part.is_empty()).collect();
        let to: Vec<&str> = file.split('/').collect();
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up = "../".repeat(from.len() - common);
        let path = format!("{}{}", if up.is_empty() { "./" } else { &up }, to[common..].join("/"));
        let (stem, ending) = path.rsplit_once('.').unwrap_or((&path, ""));
        match (self.imports && self.endings, ending) {
            (true, "ts" | "tsx") => format!("{stem}.js"),
            (true, _) => path.clone(),
            (false, "js" | "ts" | "tsx") => stem.to_owned(),
            (false, _) => path.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_imported_from_and_named_as_those_beside_it_are() {
        let model = "import { expect, test } from 'vitest';\nimport { a } from '../src/a';\n";
        let style = Style::of(model, "test/unit/b.test.ts", Kind::Vitest);
        assert_eq!((style.imports, style.named, style.endings), (true, true, false));
        assert_eq!(style.relative("src/cart/total.ts"), "../../src/cart/total");
        let model = "import { test } from 'node:test';\nimport { a } from './a.js';\n";
        let style = Style::of(model, "src/b.test.mjs", Kind::Node);
        assert_eq!(style.relative("src/a.js"), "./a.js");
        let style = Style::of("'use strict';\nconst a = require('../a');\n", "test/b.js", Kind::Mocha);
        assert_eq!(
            (style.imports, style.strict, style.relative("lib/a.js")),
            (false, true, "../lib/a".into())
        );
    }

    #[test]
    fn words_of_the_log_are_values_the_nearest_first() {
        let mut facts = Facts::default();
        facts.sample.text = "ERROR GET /orders/2 failed\nTypeError: no".into();
        facts.sample.before = vec!["user=ann".into()];
        let trace = Trace { message: Some("no price for 'pen'".into()), ..Trace::default() };
        let found = words(&facts, &trace);
        assert_eq!(&found[..4], ["no", "price", "for", "pen"]);
        assert!(
            ["2", "/orders/2", "ann"].iter().all(|word| found.iter().any(|known| known == word)),
            "{found:?}"
        );
    }
}
