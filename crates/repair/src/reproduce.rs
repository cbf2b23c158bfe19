//! Making an incident's error happen again, and telling whether it did.
//!
//! A reproduction's input comes only from the project's own tests, the exception's text, what the application logged,
//! or a generated search; which of them is told in its `origin`. It counts only if a fresh process raises the
//! incident's exception type in the incident's frame ([`crate::matching`]).

use std::path::Path;
use std::time::Duration;

use groundcrew_core::contract::Reproduction;
use groundcrew_workbench::git::Sha;
use groundcrew_workbench::runner::Kind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bench::{Bench, RepairError};
use crate::checkout::{Checkout, Snapshot};
use crate::kinds::Kinds;
use crate::language;
use crate::locate::{LineMatch, Located, LocatedFrame, is_test};
use crate::matching::{Raised, Signature, is_comprehension};
use crate::outcome::{Facts, Progress};
use crate::printed::{classes_named, printed_calls, said};
use crate::regression::{Expectation, regression_test};

/// Wall clock of one script of a reproduction.
const SCRIPT: Duration = Duration::from_secs(10);
/// Wall clock of the search for a call.
const SEARCH: Duration = Duration::from_secs(12);
/// Calls the search may try.
const ATTEMPTS: u32 = 40_000;

/// What a call with a stand-in contains.
const STAND_IN: &str = "unittest.mock.MagicMock(";

/// Kind of a reproduction whose input the application logged, and of one whose input was made up or varied from a test.
pub const LOGGED: &str = "logged_input";
/// See [`LOGGED`].
pub const GENERATED: &str = "generated_call";

/// A call of the project as source text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Statements that run first.
    pub setup: Vec<String>,
    /// The call.
    pub expression: String,
    /// Modules to import.
    pub modules: Vec<String>,
    /// Function of the incident, for names.
    pub function: String,
    /// Exception of the incident, for names.
    pub exception: String,
}

impl Call {
    /// The call of a reproduction made here, read back from its script; none for a test of the project.
    pub fn of(reproduction: &Reproduction) -> Option<Call> {
        let mut lines = reproduction.script.lines().filter(|line| !line.is_empty());
        let path = lines.by_ref().find(|line| line.starts_with("sys.path[:0] = "));
        let rest: Vec<&str> = path.map(|_| lines.collect())?;
        let (last, before) = rest.split_last()?;
        let expression = last.strip_prefix("result = ")?.to_owned();
        let (modules, setup): (Vec<&str>, Vec<&str>) =
            before.iter().partition(|line| line.starts_with("import "));
        Some(Call {
            setup: setup.into_iter().map(str::to_owned).collect(),
            expression,
            modules: modules.iter().map(|line| line.trim_start_matches("import ").to_owned()).collect(),
            function: reproduction.function.clone(),
            exception: reproduction.exception.clone(),
        })
    }
}

/// One run of a reproduction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReproRun {
    /// How it went.
    pub outcome: ReproOutcome,
    /// Files of the checkout that were loaded as modules.
    pub loaded: Vec<String>,
    /// The value the call gave, as source, if it passed and is made of literals.
    pub value: Option<String>,
}

/// How a run of a reproduction went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReproOutcome {
    /// It raised the incident's exception in the incident's frame.
    FailedAsIncident,
    /// It ran to its end.
    Passed,
    /// It raised something else, named here, or did not end.
    Other(String),
}

impl ReproRun {
    /// Whether the incident's file was loaded from the checkout; a run without it proves nothing.
    pub fn loaded_from_checkout(&self, file: &str) -> bool {
        self.loaded.iter().any(|loaded| loaded == file)
    }
}

/// A reproduction with what is needed to write its test again.
#[derive(Debug, Clone, PartialEq)]
pub struct Reproduced {
    /// The reproduction.
    pub reproduction: Reproduction,
    /// The call, where it is one.
    pub call: Option<Call>,
    /// Calls that the suite made to the functions on the stack, as the observing script told them.
    pub observed: Vec<Value>,
    /// Kinds of values that were seen while the suite ran.
    pub kinds: Kinds,
    /// The functions on the stack, as the scripts want them.
    pub targets: Vec<Value>,
}

/// What the attempts to reproduce came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Attempted {
    /// The error happens again; with several inputs, the most telling first.
    Reproduced(Vec<Reproduced>),
    /// It does not; the sentence says what was tried.
    Failed(String),
}

#[derive(Debug, Deserialize)]
struct Checked {
    raised: Option<Vec<Raised>>,
    loaded: Vec<String>,
    value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Observed {
    calls: Vec<Value>,
    failures: Vec<TestFailure>,
    #[serde(default)]
    kinds: Kinds,
}

#[derive(Debug, Deserialize)]
struct TestFailure {
    test: String,
    chain: Vec<Raised>,
}

#[derive(Debug, Deserialize)]
struct Searched {
    found: Vec<Found>,
    attempts: u64,
    problem: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Found {
    origin: Origin,
    level: u8,
    direct: bool,
    reduced: u32,
    setup: Vec<String>,
    expression: String,
    modules: Vec<String>,
    #[serde(default)]
    through: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Origin {
    kind: String,
    #[serde(default)]
    line: Option<usize>,
}

/// Runs a reproduction once on a work tree.
///
/// # Errors
/// If the sandbox could not run it. What the project's code does is part of the [`ReproRun`].
pub fn run_on(bench: &Bench, worktree: &Path, reproduction: &Reproduction) -> Result<ReproRun, RepairError> {
    let mut runs = run_often(bench, worktree, reproduction, 1)?;
    Ok(runs.pop().unwrap_or_else(|| ReproRun {
        outcome: ReproOutcome::Other("it gave no answer".to_owned()),
        loaded: Vec::new(),
        value: None,
    }))
}

/// Runs a reproduction `times` times on a work tree, each in a process of its own.
///
/// # Errors
/// As [`run_on`].
pub fn run_often(
    bench: &Bench,
    worktree: &Path,
    reproduction: &Reproduction,
    times: u32,
) -> Result<Vec<ReproRun>, RepairError> {
    language::of_reproduction(reproduction).run(bench, worktree, reproduction, times)
}

/// Runs a reproduction that is a script of Python, all times in one sandbox.
///
/// # Errors
/// As [`run_on`].
pub(crate) fn run_script(
    bench: &Bench,
    worktree: &Path,
    reproduction: &Reproduction,
    times: u32,
) -> Result<Vec<ReproRun>, RepairError> {
    if times == 1 {
        run_once(bench, worktree, reproduction).map(|run| vec![run])
    } else {
        run_many(bench, worktree, reproduction, times)
    }
}

fn run_once(bench: &Bench, worktree: &Path, reproduction: &Reproduction) -> Result<ReproRun, RepairError> {
    let orders = json!({
        "root": worktree,
        "script": reproduction.script,
        "seconds": SCRIPT.as_secs_f64(),
        "value": true,
    });
    let wall = SCRIPT + Duration::from_secs(5);
    let checked: Checked = match bench.drive("check", worktree, &orders, wall) {
        Ok(checked) => checked,
        Err(RepairError::Driver { reason, .. }) => {
            let outcome = ReproOutcome::Other(format!("it gave no answer: {reason}"));
            return Ok(ReproRun { outcome, loaded: Vec::new(), value: None });
        }
        Err(error) => return Err(error),
    };
    Ok(checked.run(reproduction))
}

fn run_many(
    bench: &Bench,
    worktree: &Path,
    reproduction: &Reproduction,
    times: u32,
) -> Result<Vec<ReproRun>, RepairError> {
    let orders = json!({
        "root": worktree,
        "script": reproduction.script,
        "seconds": SCRIPT.as_secs_f64(),
        "value": true,
        "times": times,
    });
    let wall = (SCRIPT + Duration::from_secs(5)).saturating_mul(times);
    let silent = |reason: &str| ReproRun {
        outcome: ReproOutcome::Other(format!("it gave no answer: {reason}")),
        loaded: Vec::new(),
        value: None,
    };
    let told: Vec<Option<Checked>> = match bench.drive("check", worktree, &orders, wall) {
        Ok(told) => told,
        Err(RepairError::Driver { reason, .. }) => return Ok(vec![silent(&reason)]),
        Err(error) => return Err(error),
    };
    let run = |told: Option<Checked>| {
        told.map_or_else(|| silent("the process ended before"), |checked| checked.run(reproduction))
    };
    Ok(told.into_iter().map(run).collect())
}

impl Checked {
    fn run(self, reproduction: &Reproduction) -> ReproRun {
        let outcome = match &self.raised {
            None => ReproOutcome::Passed,
            Some(chain) if Signature::of(reproduction).matches(chain) => ReproOutcome::FailedAsIncident,
            Some(chain) => ReproOutcome::Other(chain.first().map_or_else(String::new, Raised::headline)),
        };
        ReproRun { outcome, loaded: self.loaded, value: self.value }
    }
}

/// Runs a reproduction `times` times, each on a fresh process of one fresh checkout of a commit.
///
/// # Errors
/// If git or the sandbox fails.
pub fn run_reproduction(
    bench: &Bench,
    commit: &Sha,
    reproduction: &Reproduction,
    times: u32,
) -> Result<Vec<ReproRun>, RepairError> {
    run_often(bench, bench.checkout(commit)?.path(), reproduction, times)
}

/// The regression test of a call, asserting a value where one is justified.
pub fn with_expectation(
    bench: &Bench,
    snapshot: &Snapshot,
    call: &Call,
    expected: Option<&Expectation>,
) -> Option<groundcrew_core::contract::TestFile> {
    let pytest = bench.tests.as_ref().map_or(bench.python.pytest, |test| test.kind == Kind::Pytest);
    regression_test(call, expected, &snapshot.files, &|path| snapshot.text(path), pytest)
}

/// Tries to make the incident's error happen again on a commit, by every way in order.
///
/// # Errors
/// If git or the sandbox fails.
pub fn reproduce(
    bench: &Bench,
    snapshot: &Snapshot,
    located: &Located,
    facts: &Facts,
    progress: &mut dyn FnMut(Progress),
) -> Result<Attempted, RepairError> {
    let Some(crash) = crash_frame(located) else {
        return Ok(Attempted::Failed("the stack has no function of the repository".to_owned()));
    };
    progress(Progress::Reproducing("the project's own tests"));
    let tested = bench.checkout(&snapshot.commit)?;
    let observed = Work { bench, snapshot, located, facts, crash, checkout: &tested }.observe()?;
    // Tests may leave anything behind, so what follows must not run where they ran.
    drop(tested);
    let checkout = bench.checkout(&snapshot.commit)?;
    let work = Work { bench, snapshot, located, facts, crash, checkout: &checkout };
    if let Some(reproduction) = work.failing_test(&observed)? {
        let (kinds, targets) = (observed.kinds, work.targets());
        let reproduced = Reproduced { reproduction, call: None, observed: observed.calls, kinds, targets };
        return Ok(Attempted::Reproduced(vec![reproduced]));
    }
    progress(Progress::Reproducing("calls with values of the tests and of the log"));
    let searched = work.search(&observed.calls)?;
    let mut reproduced = Vec::new();
    for found in &searched.found {
        let (reproduction, call) = work.told(found);
        let run = run_on(bench, checkout.path(), &reproduction)?;
        if run.outcome == ReproOutcome::FailedAsIncident && run.loaded_from_checkout(&crash.file) {
            reproduced.push(Reproduced {
                reproduction,
                call: Some(call),
                observed: observed.calls.clone(),
                kinds: observed.kinds.clone(),
                targets: work.targets(),
            });
        }
    }
    if !reproduced.is_empty() {
        return Ok(Attempted::Reproduced(reproduced));
    }
    Ok(Attempted::Failed(if searched.found.is_empty() {
        searched.problem.unwrap_or_else(|| {
            let attempts = searched.attempts;
            format!("{attempts} calls with values of the tests, the log and the exception were tried")
        })
    } else {
        "a call failed as the incident did, but not again in a process of its own".to_owned()
    }))
}

/// The innermost frame that is a function or the module itself.
pub fn crash_frame(located: &Located) -> Option<&LocatedFrame> {
    let own = located.frames.iter().find(|frame| !is_comprehension(&frame.function));
    own.or_else(|| located.crash())
}

/// The calls that the suite makes to some functions, as the scripts describe them.
pub(crate) fn observed_calls(
    bench: &Bench,
    checkout: &Checkout,
    roots: &[String],
    targets: &[Value],
) -> Result<Vec<Value>, RepairError> {
    Ok(observe(bench, checkout, roots, targets, &Value::Null)?.calls)
}

fn import_folders(checkout: &Checkout, roots: &[String]) -> Vec<String> {
    let folder =
        |root: &String| checkout.path().join(root).to_string_lossy().trim_end_matches('/').to_owned();
    roots.iter().map(folder).collect()
}

fn observe(
    bench: &Bench,
    checkout: &Checkout,
    roots: &[String],
    targets: &[Value],
    reads: &Value,
) -> Result<Observed, RepairError> {
    let Some(argv) = test_argv(bench) else { return Ok(Observed::default()) };
    let wall = bench.limits.wall;
    let orders = json!({
        "root": checkout.path(),
        "paths": import_folders(checkout, roots),
        "argv": argv,
        "targets": targets,
        "reads": reads,
        "seconds": wall.as_secs_f64() * 0.9,
    });
    match bench.drive("observe", checkout.path(), &orders, wall) {
        // A suite that takes the process down with it leaves nothing to learn here.
        Err(RepairError::Driver { .. }) => Ok(Observed::default()),
        other => other,
    }
}

/// The arguments of the interpreter that run the tests; none if the command is another program.
fn test_argv(bench: &Bench) -> Option<Vec<String>> {
    let test = bench.tests.as_ref()?;
    let (program, rest) = test.argv.split_first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    if name.starts_with("python") {
        return Some(rest.to_vec());
    }
    let pytest = ["-m", "pytest"].map(String::from).into_iter();
    (test.kind == Kind::Pytest).then(|| pytest.chain(rest.to_vec()).collect())
}

struct Work<'a> {
    bench: &'a Bench,
    snapshot: &'a Snapshot,
    located: &'a Located,
    facts: &'a Facts,
    crash: &'a LocatedFrame,
    checkout: &'a Checkout,
}

impl Work<'_> {
    /// The functions on the stack, outermost first, as the scripts want them.
    fn targets(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        let mut targets = Vec::new();
        for frame in self.located.frames.iter().rev() {
            let Some(function) = &frame.definition else { continue };
            let key = (frame.file.clone(), function.path.clone());
            if is_test(&frame.file) || seen.contains(&key) {
                continue;
            }
            targets.push(json!({
                "file": frame.file,
                "function": function.name,
                "path": function.path,
                "class": function.class,
                "module": frame.module.name,
                "first_line": function.first_line,
                "last_line": function.last_line,
                "nested": function.nested,
            }));
            seen.push(key);
        }
        targets
    }

    /// Folders of the import path, beneath the checkout.
    fn roots(&self) -> Vec<String> {
        let mut roots: Vec<String> = Vec::new();
        for frame in &self.located.frames {
            if !roots.contains(&frame.module.root) {
                roots.push(frame.module.root.clone());
            }
        }
        if !roots.contains(&String::new()) {
            roots.push(String::new());
        }
        roots
    }

    fn paths(&self) -> Vec<String> {
        import_folders(self.checkout, &self.roots())
    }

    fn observe(&self) -> Result<Observed, RepairError> {
        observe(self.bench, self.checkout, &self.roots(), &self.targets(), &self.reads())
    }

    /// The crashing statement, whose expressions are looked at while its function runs.
    fn reads(&self) -> Value {
        let around = self.crash.definition.as_ref().map(|known| [known.first_line, known.last_line]);
        around.map_or(Value::Null, |around| {
            json!({
                "file": self.crash.file,
                "lines": [self.crash.statement_first, self.crash.statement_last],
                "around": around,
            })
        })
    }

    fn signature(&self) -> Signature {
        let exception = self.trace_level().exception.clone().unwrap_or_default();
        let function = match (&self.crash.definition, is_comprehension(&self.crash.function)) {
            (Some(function), true) => function.name.clone(),
            _ => self.crash.function.clone(),
        };
        Signature { exception, file: self.crash.file.clone(), function }
    }

    /// The exception of the chain whose frames were located.
    fn trace_level(&self) -> &groundcrew_core::trace::Trace {
        let mut trace = &self.facts.trace;
        for _ in 0..self.located.depth {
            if let Some(cause) = trace.causes.first() {
                trace = cause;
            }
        }
        trace
    }

    fn failing_test(&self, observed: &Observed) -> Result<Option<Reproduction>, RepairError> {
        let wanted = self.signature();
        let failing =
            observed.failures.iter().filter(|failure| wanted.matches(failure.chain.get(..1).unwrap_or(&[])));
        for failure in failing.take(3) {
            let Some(script) = test_script(self.bench, &self.snapshot.files, self.roots(), &failure.test)
            else {
                continue;
            };
            let reproduction = Reproduction {
                kind: "test".to_owned(),
                origin: "a test of the project that already fails in this way".to_owned(),
                script,
                call: failure.test.clone(),
                regression_test: None,
                test_id: Some(failure.test.clone()),
                fails_on: self.snapshot.commit.to_string(),
                exception: wanted.exception.clone(),
                file: wanted.file.clone(),
                function: wanted.function.clone(),
            };
            let run = run_on(self.bench, self.checkout.path(), &reproduction)?;
            if run.outcome == ReproOutcome::FailedAsIncident && run.loaded_from_checkout(&self.crash.file) {
                return Ok(Some(reproduction));
            }
        }
        Ok(None)
    }

    fn search(&self, calls: &[Value]) -> Result<Searched, RepairError> {
        let level = self.trace_level();
        let signature = self.signature();
        let lines: Vec<u32> = match self.crash.line_match {
            LineMatch::Exact | LineMatch::BySource | LineMatch::ByNumber => {
                vec![self.crash.statement_first, self.crash.statement_last]
            }
            LineMatch::ByFunction => Vec::new(),
        };
        let orders = json!({
            "root": self.checkout.path(),
            "paths": self.paths(),
            "exception": signature.exception,
            "message": said(level.message.as_deref().unwrap_or_default()),
            "chained": self.located.depth > 0,
            "crash": {
                "file": signature.file,
                "function": signature.function,
                "lines": lines,
                "statement": self.crash.statement,
            },
            "targets": self.targets(),
            "calls": calls,
            "lines": log_lines(self.facts),
            "spoken": printed_calls(level),
            "classes": classes_named(level, &self.crash.file, self.snapshot),
            "seconds": SEARCH.as_secs_f64(),
            "attempts": ATTEMPTS,
        });
        let wall = SEARCH + Duration::from_secs(40);
        match self.bench.drive("reproduce", self.checkout.path(), &orders, wall) {
            Err(RepairError::Driver { reason, .. }) => Ok(Searched {
                found: Vec::new(),
                attempts: 0,
                problem: Some(format!("the search gave no answer: {reason}")),
            }),
            other => other,
        }
    }

    fn told(&self, found: &Found) -> (Reproduction, Call) {
        let signature = self.signature();
        let call = Call {
            setup: found.setup.clone(),
            expression: found.expression.clone(),
            modules: found.modules.clone(),
            function: self.crash.definition.as_ref().map_or("module", |function| &function.name).to_owned(),
            exception: signature.exception.clone(),
        };
        let regression_test = if self.roots().iter().all(|root| root.is_empty() || root == "src") {
            with_expectation(self.bench, self.snapshot, &call, None)
        } else {
            None
        };
        let reproduction = Reproduction {
            kind: match found.origin.kind.as_str() {
                "logged" | "printed" => LOGGED.to_owned(),
                _ => GENERATED.to_owned(),
            },
            origin: self.origin(found),
            script: script(&call, &self.roots()),
            call: found.expression.clone(),
            regression_test,
            test_id: None,
            fails_on: self.snapshot.commit.to_string(),
            exception: signature.exception,
            file: signature.file,
            function: signature.function,
        };
        (reproduction, call)
    }

    fn origin(&self, found: &Found) -> String {
        let lines = log_lines(self.facts);
        let mut text = match (found.origin.kind.as_str(), found.origin.line.and_then(|line| lines.get(line)))
        {
            ("logged", Some(line)) => {
                let shown: String =
                    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
                format!("values that the application logged: {shown}")
            }
            ("printed", _) => "a call as the stack trace prints it".to_owned(),
            ("completed", _) => {
                "a call as the stack trace prints it, with generated values for what it does not print"
                    .to_owned()
            }
            ("recorded", _) => "a call that the project's own tests make".to_owned(),
            ("varied", _) => {
                "a call that the project's own tests make, with one or two values changed".to_owned()
            }
            _ => "values generated from what the function does with its parameters".to_owned(),
        };
        if let Some(through) = &found.through {
            let name = through.split('(').next().unwrap_or(through);
            text.push_str(&format!("; given to {name}, they reach this call"));
        } else if found.direct {
            text.push_str("; as they reach the failing function");
        }
        if found.reduced > 0 {
            text.push_str("; parts without influence were left out");
        }
        if found.expression.contains(STAND_IN) || found.setup.iter().any(|line| line.contains(STAND_IN)) {
            text.push_str("; with stand-ins for objects that cannot be made");
        }
        if found.level < 2 {
            text.push_str("; the text of the exception differs from the incident's");
        }
        text
    }
}

/// A script that runs one test and lets its exception through.
pub(crate) fn test_script(bench: &Bench, files: &[String], roots: Vec<String>, id: &str) -> Option<String> {
    let mut folders = roots;
    let quoted = serde_json::to_string(id).ok()?;
    if bench.tests.as_ref()?.kind == Kind::Pytest {
        return Some(format!(
            "{}import os\n\nimport pytest\n\n\nclass Raised:\n    error = None\n\n    def pytest_exception_interact(self, node, call, report):\n        \
             self.error = self.error or call.excinfo.value\n\n\nraised = Raised()\npytest.main([{quoted}.replace(\"{{tree}}\", os.getcwd()), \"-q\", \
             \"-p\", \"no:cacheprovider\"], plugins=[raised])\nif raised.error:\n    raise raised.error\n",
            import_path(&folders)
        ));
    }
    // Discovery in a folder that is no package names tests from that folder.
    let module = id.split('.').next()?;
    let file = format!("{module}.py");
    let folder = files.iter().find_map(|path| {
        path.strip_suffix(&file)
            .filter(|folder| folder.ends_with('/'))
            .map(|folder| folder.trim_end_matches('/').to_owned())
    });
    if !files.contains(&file) {
        folders.extend(folder);
    }
    Some(format!(
        "{}import unittest\n\nunittest.defaultTestLoader.loadTestsFromName({quoted}).debug()\n",
        import_path(&folders)
    ))
}

/// The texts values may be taken from: the record's first line, then the lines before it, nearest first. The
/// exception's own text is read separately.
fn log_lines(facts: &Facts) -> Vec<String> {
    let own = facts.sample.text.lines().filter(|line| !line.trim().is_empty()).take(1);
    let before = facts.sample.before.iter().rev().take(20).map(String::as_str);
    let mut lines: Vec<String> = Vec::new();
    for line in own.chain(before) {
        let line: String = line.chars().take(16_000).collect();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn import_path(roots: &[String]) -> String {
    let folders: Vec<String> =
        roots.iter().map(|root| format!("{:?}", if root.is_empty() { "." } else { root.as_str() })).collect();
    format!("import sys\n\nsys.path[:0] = [{}]\n\n", folders.join(", "))
}

/// The script of a call: it can be run at the root of any checkout.
fn script(call: &Call, roots: &[String]) -> String {
    let mut text = import_path(roots);
    for module in &call.modules {
        text.push_str(&format!("import {module}\n"));
    }
    text.push('\n');
    for line in &call.setup {
        text.push_str(&format!("{line}\n"));
    }
    text.push_str(&format!("result = {}\n", call.expression));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_nothing_outside_of_the_checkout() {
        let call = Call {
            setup: vec!["a_shop = shop.Shop()".into()],
            expression: "a_shop.take(1)".into(),
            modules: vec!["shop".into()],
            function: "take".into(),
            exception: "KeyError".into(),
        };
        assert_eq!(
            script(&call, &["src".into(), String::new()]),
            "import sys\n\nsys.path[:0] = [\"src\", \".\"]\n\nimport shop\n\na_shop = shop.Shop()\nresult = a_shop.take(1)\n"
        );
        let reproduction = Reproduction {
            kind: GENERATED.into(),
            origin: String::new(),
            script: script(&call, &[String::new()]),
            call: String::new(),
            regression_test: None,
            test_id: None,
            fails_on: String::new(),
            exception: "KeyError".into(),
            file: "shop.py".into(),
            function: "take".into(),
        };
        assert_eq!(Call::of(&reproduction), Some(call), "a later round writes the test again");
    }

    #[test]
    fn values_come_from_the_record_and_the_lines_before_it_nearest_first() {
        let mut facts = Facts::default();
        facts.sample.text = "boom\nTraceback\nKeyError: 'x'\n".into();
        facts.sample.before = vec!["far".into(), "near".into()];
        assert_eq!(log_lines(&facts), ["boom", "near", "far"]);
    }
}
