//! Do the changed functions still give what they gave?
//!
//! Inputs are those that the suite gives to the changed functions on the reference, their neighbours, and generated
//! ones; only those count that raise nothing there and give the same twice. On the changed commit they must give the
//! same value and leave the same in their arguments. A revert is compared with the parent of the commit it undoes.

use std::collections::BTreeSet;
use std::time::Duration;

use groundcrew_workbench::git::Sha;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::language;
use crate::locate::{is_python, is_test, module_of};
use crate::reproduce::observed_calls;
use crate::syntax::{Function, Source};

/// Wall clock of one side.
const SIDE: Duration = Duration::from_secs(20);
/// Differing inputs that are told.
const TOLD: usize = 20;

/// How two versions of the changed functions compare.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Differential {
    /// Inputs compared.
    pub compared: usize,
    /// Inputs on which they differ, each as one line: call, before, after; at most 20.
    pub differing: Vec<String>,
    /// What inputs raise now that gave a result before, without modules. An input of a type that the function never
    /// gets may well raise; one that raises the very error that was to be cured tells of a crash that only moved.
    pub now_raises: BTreeSet<String>,
    /// Why nothing was compared, if so.
    pub reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Side {
    inputs: Vec<Value>,
    outcomes: Vec<Value>,
    shown: Vec<(String, String)>,
    problem: Option<String>,
}

/// Compares the functions that differ between two commits on inputs that were right on the first.
///
/// # Errors
/// If git or the sandbox fails.
pub fn compare(bench: &Bench, reference: &Sha, head: &Sha) -> Result<Differential, RepairError> {
    compare_change(bench, reference, head, reference)
}

/// Compares the functions that a change from `base` to `head` touches with what they were on `reference`.
///
/// # Errors
/// If git or the sandbox fails.
pub fn compare_change(
    bench: &Bench,
    base: &Sha,
    head: &Sha,
    reference: &Sha,
) -> Result<Differential, RepairError> {
    let files = bench.repository.diff(base, head)?.files;
    let mut program = files.iter().filter(|file| !is_test(&file.path));
    let language = program.next().map_or("", |file| file.path.as_str());
    language::of_file(language).compare(bench, base, head, reference)
}

/// As [`compare_change`], for Python.
///
/// # Errors
/// If git or the sandbox fails.
pub(crate) fn compare_python(
    bench: &Bench,
    base: &Sha,
    head: &Sha,
    reference: &Sha,
) -> Result<Differential, RepairError> {
    let none = |reason: &str| Differential { reason: Some(reason.to_owned()), ..Differential::default() };
    let snapshot = Snapshot::open(&bench.repository, reference)?;
    let targets = changed_functions(bench, base, head, &snapshot)?;
    if targets.is_empty() {
        return Ok(none("no function that both versions have was changed"));
    }
    let mut roots: Vec<String> = targets.iter().map(|target| target.root.clone()).collect();
    roots.push(String::new());
    roots.dedup();
    let described: Vec<Value> = targets.iter().map(Target::describe).collect();
    let before = bench.checkout(reference)?;
    let calls = observed_calls(bench, &before, &roots, &described)?;
    let orders = |path: &std::path::Path, inputs: Option<&[Value]>| {
        let folders =
            roots.iter().map(|root| path.join(root).to_string_lossy().trim_end_matches('/').to_owned());
        json!({
            "root": path,
            "paths": folders.collect::<Vec<_>>(),
            "targets": described,
            "calls": calls,
            "seconds": SIDE.as_secs_f64() * 0.8,
            "inputs": inputs,
        })
    };
    let wall = SIDE + Duration::from_secs(20);
    let first: Side = match bench.drive("compare", before.path(), &orders(before.path(), None), wall) {
        Err(RepairError::Driver { reason, .. }) => {
            return Ok(none(&format!("the inputs could not be run: {reason}")));
        }
        other => other?,
    };
    if first.inputs.is_empty() {
        let reason =
            first.problem.unwrap_or_else(|| "no call of the changed functions could be made".to_owned());
        return Ok(none(&reason));
    }
    let after = bench.checkout(head)?;
    let second: Side =
        match bench.drive("compare", after.path(), &orders(after.path(), Some(&first.inputs)), wall) {
            Err(RepairError::Driver { reason, .. }) => {
                return Ok(none(&format!("the inputs could not be run: {reason}")));
            }
            other => other?,
        };
    if let Some(problem) = second.problem {
        return Ok(none(&problem));
    }
    Ok(differing(&first, &second))
}

fn differing(first: &Side, second: &Side) -> Differential {
    let mut found = Differential { compared: first.outcomes.len(), ..Differential::default() };
    for (at, before) in first.outcomes.iter().enumerate() {
        let after = second.outcomes.get(at);
        let same = after == Some(before);
        let gave = |outcome: Option<&Value>| outcome.is_some_and(|outcome| outcome.get("value").is_some());
        if let Some(raised) = after.and_then(|outcome| outcome.get("raised")?.as_str())
            && gave(Some(before))
        {
            found.now_raises.insert(raised.rsplit('.').next().unwrap_or(raised).to_owned());
        }
        if same || found.differing.len() >= TOLD {
            continue;
        }
        let (call, was) = first.shown.get(at).map_or(("", ""), |(call, text)| (call, text));
        let is = second.shown.get(at).map_or("no result", |(_, text)| text);
        let is = if is == was { "the same, but it leaves other values in its arguments" } else { is };
        found.differing.push(format!("{call}: was {was}, is {is}"));
    }
    found
}

/// A changed function as it is on the reference.
struct Target {
    file: String,
    root: String,
    module: String,
    function: Function,
}

impl Target {
    fn describe(&self) -> Value {
        json!({
            "file": self.file,
            "function": self.function.name,
            "path": self.function.path,
            "class": self.function.class,
            "module": self.module,
            "first_line": self.function.first_line,
            "last_line": self.function.last_line,
            "nested": self.function.nested,
        })
    }
}

fn changed_functions(
    bench: &Bench,
    base: &Sha,
    head: &Sha,
    reference: &Snapshot,
) -> Result<Vec<Target>, RepairError> {
    let old = Snapshot::open(&bench.repository, base)?;
    let new = Snapshot::open(&bench.repository, head)?;
    let mut targets = Vec::new();
    for file in bench.repository.diff(base, head)?.files {
        if !is_python(&file.path) || is_test(&file.path) {
            continue;
        }
        let parse = |snapshot: &Snapshot| snapshot.text(&file.path).as_deref().and_then(Source::parse);
        let (Some(before), Some(after), Some(known)) = (parse(&old), parse(&new), parse(reference)) else {
            continue;
        };
        for function in known.functions() {
            let text =
                |source: &Source| source.function_node(&function.path).map(|node| source.of(node).to_owned());
            if text(&before) == text(&after) || text(&after).is_none() || function.nested {
                continue;
            }
            let module = module_of(&file.path, &reference.files);
            let (file, root) = (file.path.clone(), module.root);
            targets.push(Target { file, root, module: module.name, function });
        }
    }
    targets.truncate(12);
    Ok(targets)
}
