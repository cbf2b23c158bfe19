//! Suites of every kind of runner that is installed, run for real: outcomes, failures, selection, what cannot be forged.
//!
//! jest, vitest and mocha are looked for in the folder that `GROUNDCREW_TEST_NODE_MODULES` names, which `scripts/test`
//! fills; without it their tests say that they are skipped.

#![allow(clippy::print_stderr, reason = "a skipped level must be loud")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use groundcrew_core::audit::{NoRecorder, Recorder};
use groundcrew_workbench::CancelToken;
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::{Kind, Round, Suite, TestCommand, TestOutcome, run_rounds, run_suite};
use groundcrew_workbench::sandbox::{Ended, Level, Limits, Sandbox, SandboxConfig};

/// The folder of packages for JavaScript; none, said aloud, where there is none.
fn packages() -> Option<PathBuf> {
    let found = std::env::var_os("GROUNDCREW_TEST_NODE_MODULES").map(PathBuf::from);
    let found = found.filter(|folder| folder.join(".bin/jest").exists());
    if found.is_none() {
        eprintln!(
            "SKIPPED: no jest, vitest and mocha; name a node_modules that has them by GROUNDCREW_TEST_NODE_MODULES"
        );
    }
    found
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

struct Bench {
    sandbox: Sandbox,
    python: Python,
    folder: tempfile::TempDir,
}

fn levels() -> Vec<Sandbox> {
    let launcher = vec![env!("CARGO_BIN_EXE_groundcrew-sandbox").into()];
    let mut found = Vec::new();
    for level in [Level::Strict, Level::Builtin, Level::Landlock] {
        let config = SandboxConfig { only: Some(level), ..SandboxConfig::new(launcher.clone()) };
        match Sandbox::detect(config) {
            Ok(sandbox) => found.push(sandbox),
            Err(reason) if std::env::var_os("CI").is_some() => {
                panic!("{level} must work where CI runs: {reason}")
            }
            Err(reason) => eprintln!("SKIPPED {level}: {reason}"),
        }
    }
    found
}

/// A project in every sandbox there is.
fn benches(files: &[(&str, &str)], packages: Option<&Path>) -> Vec<Bench> {
    let bench = |sandbox: Sandbox| {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
        let python = Python::find(&sandbox, &recorder).unwrap();
        Bench { python: python.with_node_modules(packages.map(Path::to_owned)), sandbox, folder }
    };
    levels().into_iter().map(bench).collect()
}

impl Bench {
    fn command(&self, line: &str) -> TestCommand {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let package = fs::read_to_string(self.folder.path().join("package.json")).ok();
        TestCommand::with_package(&argv, package.as_deref()).unwrap()
    }

    fn run(&self, line: &str, only: &[&str]) -> Suite {
        self.run_command(&self.command(line), only)
    }

    fn run_command(&self, command: &TestCommand, only: &[&str]) -> Suite {
        let limits = Limits { wall: Duration::from_secs(120), ..Limits::default() };
        let only: Vec<String> = only.iter().map(|id| (*id).to_owned()).collect();
        let only = (!only.is_empty()).then_some(only.as_slice());
        let root = self.folder.path();
        run_suite(&self.sandbox, &self.python, root, command, only, &limits, &CancelToken::new()).unwrap()
    }
}

/// Id, outcome, and why it failed: enough to compare a whole suite.
fn summary(suite: &Suite) -> Vec<(String, &'static str, String)> {
    let told = |outcome: &TestOutcome| match outcome {
        TestOutcome::Passed => ("passed", String::new()),
        TestOutcome::Skipped { reason } => ("skipped", reason.clone()),
        TestOutcome::Failed { failure } => {
            let first = failure.message.lines().next().unwrap_or_default();
            ("failed", format!("{}: {first}", failure.exception))
        }
        TestOutcome::Error { failure } => ("error", failure.exception.clone()),
    };
    suite.tests.iter().map(|(id, outcome)| (id.clone(), told(outcome).0, told(outcome).1)).collect()
}

fn row(id: &str, outcome: &'static str, why: &str) -> (String, &'static str, String) {
    (id.to_owned(), outcome, why.to_owned())
}

const CORE: &str = "exports.price = n => ({ a: { v: 1 } })[n].v;\n";
const READ: &str = "TypeError: Cannot read properties of undefined (reading 'v')";

const NODE: &str = "const test = require('node:test');\nconst { describe, it } = test;\nconst assert = require('node:assert');\n\
    const { price } = require('../core');\n\
    console.log('{\"at\":\"test\",\"path\":[\"forged\"],\"passed\":true,\"group\":false}');\n\
    test('known', () => assert.equal(price('a'), 1));\n\
    test('later', { skip: 'why later' }, () => {});\n\
    test('some day', { todo: true }, () => { throw new Error('to do'); });\n\
    describe('group', () => {\n  it('same', () => {});\n  it('unknown', () => price('b'));\n\
      describe('deep', () => { it('same', () => assert.equal(price('a'), 2)); });\n});\n\
    test('parent', async t => { await t.test('child', () => { throw 'text'; }); });\n";

#[test]
fn every_outcome_of_nodes_own_runner_is_told() {
    let files = [
        ("core.js", CORE),
        ("test/core.test.js", NODE),
        ("test/broken.test.js", "require('nowhere');\n"),
        (
            "package.json",
            "{\"scripts\": {\"test\": \"node --test test/\", \"both\": \"true && node --test test/*.js\"}}",
        ),
    ];
    for bench in benches(&files, None).iter().filter(|_| has("node")) {
        let expected = [
            row("test/broken.test.js", "error", "Error"),
            row("test/core.test.js > group > deep > same", "failed", "AssertionError: 1 == 2"),
            row("test/core.test.js > group > same", "passed", ""),
            row("test/core.test.js > group > unknown", "failed", READ),
            row("test/core.test.js > known", "passed", ""),
            row("test/core.test.js > later", "skipped", "why later"),
            row("test/core.test.js > parent", "failed", "Error: 1 subtest failed"),
            row("test/core.test.js > parent > child", "failed", "Error: text"),
            row("test/core.test.js > some day", "skipped", "to do"),
        ];
        // npm itself does not start where it cannot read above the work tree.
        let npm = if bench.sandbox.level() > Level::Landlock { &["npm run both"][..] } else { &[] };
        for line in ["npm test", "node --test test/"].into_iter().chain(npm.iter().copied()) {
            let suite = bench.run(line, &[]);
            assert_eq!(summary(&suite), expected, "{line}: {suite:?}");
            assert_eq!(
                (suite.kind, suite.complete, suite.ended),
                (Kind::Node, true, Ended::Exited(1)),
                "{line}"
            );
        }
        let suite = bench.run("npm test", &["test/core.test.js > group > same"]);
        assert_eq!(summary(&suite), [row("test/core.test.js > group > same", "passed", "")]);
        assert!(suite.is_green(), "{suite:?}");
        let trace = &bench.run("node --test", &["test/core.test.js > group > unknown"]);
        let failure = trace.tests["test/core.test.js > group > unknown"].failure().unwrap();
        let frame = format!("price ({}/core.js:1:", bench.folder.path().canonicalize().unwrap().display());
        assert!(failure.traceback.contains(&frame), "{}", failure.traceback);
    }
}

#[test]
fn a_run_that_is_killed_or_finds_no_program_is_incomplete() {
    let files = [
        (
            "end.test.js",
            "const test = require('node:test');\ntest('a', () => {});\ntest('b', () => process.kill(process.ppid, 'SIGKILL'));\n",
        ),
        ("package.json", "{\"scripts\": {\"test\": \"jest\"}}"),
    ];
    for bench in benches(&files, None).iter().filter(|_| has("node")) {
        let suite = bench.run("node --test", &[]);
        assert!(!suite.complete && !suite.is_green(), "{suite:?}");
        let suite = bench.run("npm test", &[]);
        let trouble = suite.trouble.as_ref().unwrap();
        assert_eq!(
            (suite.kind, suite.ended, trouble.message.as_str()),
            (Kind::Jest, Ended::Exited(127), "jest: No such file or directory")
        );
        assert!(!suite.complete, "{suite:?}");
    }
}

const JEST: &str = "const { price } = require('./core');\ndescribe('prices', () => {\n\
      test('known', () => expect(price('a')).toBe(1));\n  test('wrong', () => expect(price('a')).toBe(2));\n\
      test('unknown', () => price('b'));\n  test.skip('later', () => {});\n  test.todo('some day');\n});\n";

#[test]
fn every_outcome_of_jest_is_told() {
    let files = [
        ("core.js", CORE),
        ("core.test.js", JEST),
        ("broken.test.js", "require('nowhere');\n"),
        ("package.json", "{\"scripts\": {\"test\": \"jest --bail\"}}"),
    ];
    let Some(packages) = packages() else { return };
    for bench in benches(&files, Some(&packages)) {
        let suite = bench.run("npm test", &[]);
        let expected = [
            row("broken.test.js", "error", "Error"),
            row("core.test.js > prices > known", "passed", ""),
            row("core.test.js > prices > later", "skipped", "pending"),
            row("core.test.js > prices > some day", "skipped", "to do"),
            row("core.test.js > prices > unknown", "failed", READ),
            row(
                "core.test.js > prices > wrong",
                "failed",
                "Error: expect(received).toBe(expected) // Object.is equality",
            ),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert_eq!((suite.kind, suite.complete), (Kind::Jest, true));
        let only = ["core.test.js > prices > known"];
        let suite = bench.run("npm test", &only);
        assert_eq!(summary(&suite), [row(only[0], "passed", "")], "{suite:?}");
    }
}

#[test]
fn every_outcome_of_vitest_is_told() {
    let tests = format!(
        "import {{ describe, test, expect }} from 'vitest';\n{}",
        JEST.replace("const { price } = require('./core')", "import { price } from './core.mjs'")
    );
    let files = [
        ("core.mjs", "export const price = n => ({ a: { v: 1 } })[n].v;\n"),
        ("core.test.mjs", tests.as_str()),
        ("broken.test.mjs", "import 'nowhere';\n"),
        ("package.json", "{\"scripts\": {\"test\": \"vitest\"}}"),
    ];
    let Some(packages) = packages() else { return };
    for bench in benches(&files, Some(&packages)) {
        let suite = bench.run("npm test", &[]);
        let expected = [
            row("broken.test.mjs", "error", "Error"),
            row("core.test.mjs > prices > known", "passed", ""),
            row("core.test.mjs > prices > later", "skipped", "skipped"),
            row("core.test.mjs > prices > some day", "skipped", "to do"),
            row("core.test.mjs > prices > unknown", "failed", READ),
            row(
                "core.test.mjs > prices > wrong",
                "failed",
                "AssertionError: expected 1 to be 2 // Object.is equality",
            ),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert_eq!((suite.kind, suite.complete), (Kind::Vitest, true));
        let only = ["core.test.mjs > prices > known"];
        let suite = bench.run("npm test", &only);
        assert_eq!(summary(&suite), [row(only[0], "passed", "")], "{suite:?}");
    }
}

#[test]
fn every_outcome_of_mocha_is_told() {
    let tests = "const assert = require('assert');\nconst { price } = require('../core');\ndescribe('prices', () => {\n\
          it('known', () => {});\n  it('wrong', () => assert.equal(price('a'), 2));\n  it('unknown', () => price('b'));\n  it('later');\n});\n";
    let files = [
        ("core.js", CORE),
        ("test/core.js", tests),
        ("package.json", "{\"scripts\": {\"test\": \"mocha --reporter dot --bail\"}}"),
    ];
    let Some(packages) = packages() else { return };
    for bench in benches(&files, Some(&packages)) {
        let suite = bench.run("npm test", &[]);
        let expected = [
            row("test/core.js > prices > known", "passed", ""),
            row("test/core.js > prices > later", "skipped", ""),
            row("test/core.js > prices > unknown", "failed", READ),
            row("test/core.js > prices > wrong", "failed", "AssertionError: 1 == 2"),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert_eq!((suite.kind, suite.complete), (Kind::Mocha, true));
        let suite = bench.run("npm test", &["test/core.js > prices > known"]);
        assert_eq!(summary(&suite), [row("test/core.js > prices > known", "passed", "")], "{suite:?}");
    }
}

const MANIFEST: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
const RUST: &str = "/// ```\n/// assert_eq!(shop::price(\"a\"), 1);\n/// ```\npub fn price(n: &str) -> u32 {\n    match n {\n        \"a\" => 1,\n        _ => panic!(\"no {n}\"),\n    }\n}\n\n\
    #[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn known() {\n        assert_eq!(price(\"a\"), 1);\n        println!(\"test tests::wrong ... ok\");\n    }\n    \
    #[test]\n    fn wrong() {\n        println!(\"test tests::wrong ... ok\");\n        assert_eq!(price(\"a\"), 2);\n    }\n    #[test]\n    fn unknown() {\n        price(\"b\");\n    }\n    \
    #[test]\n    #[ignore = \"why later\"]\n    fn later() {}\n    #[test]\n    #[should_panic]\n    fn panics() {\n        price(\"b\");\n    }\n}\n";
const OUTER: &str = "#[test]\nfn outer() {\n    assert_eq!(shop::price(\"a\"), 1);\n}\n";

#[test]
fn every_outcome_of_cargo_is_told() {
    let files = [("Cargo.toml", MANIFEST), ("src/lib.rs", RUST), ("tests/it.rs", OUTER)];
    for bench in benches(&files, None).iter().filter(|_| has("cargo")) {
        let suite = bench.run("cargo test -q", &[]);
        let expected = [
            row("doc shop src/lib.rs - price", "passed", ""),
            row("it outer", "passed", ""),
            row("shop tests::known", "passed", ""),
            row("shop tests::later", "skipped", "why later"),
            row("shop tests::panics", "passed", ""),
            row("shop tests::unknown", "failed", "panic: no b"),
            row("shop tests::wrong", "failed", "panic: assertion `left == right` failed"),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert_eq!((suite.kind, suite.complete, suite.ended), (Kind::Cargo, true, Ended::Exited(101)));
        let only = ["shop tests::known", "it outer"];
        let suite = bench.run("cargo test --workspace", &only);
        assert_eq!(summary(&suite), [row("it outer", "passed", ""), row("shop tests::known", "passed", "")]);
        assert!(suite.is_green(), "{suite:?}");
        // What does not build says why, and counts as no run.
        fs::write(bench.folder.path().join("tests/it.rs"), "#[test]\nfn outer() {\n    nowhere();\n}\n")
            .unwrap();
        let suite = bench.run("cargo test", &[]);
        assert!(!suite.complete && suite.tail.contains("cannot find function `nowhere`"), "{suite:?}");
    }
}

#[test]
fn every_outcome_of_nextest_is_told() {
    let files = [("Cargo.toml", MANIFEST), ("src/lib.rs", RUST), ("tests/it.rs", OUTER)];
    for bench in benches(&files, None).iter().filter(|_| has("cargo") && has("cargo-nextest")) {
        let suite = bench.run("cargo nextest run", &[]);
        let expected = [
            row("shop tests::known", "passed", ""),
            row("shop tests::panics", "passed", ""),
            row("shop tests::unknown", "failed", "panic: no b"),
            row("shop tests::wrong", "failed", "panic: assertion `left == right` failed"),
            row("shop::it outer", "passed", ""),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert_eq!((suite.kind, suite.complete), (Kind::Nextest, true));
        let only = ["shop::it outer"];
        let suite = bench.run("cargo nextest run", &only);
        assert_eq!(summary(&suite), [row(only[0], "passed", "")], "{suite:?}");
    }
}

const XML: &str = "<testsuite name='s' tests='2'><testcase classname='shop' name='known'/><testcase classname='shop' name='wrong'>\
    <failure type='AssertionError' message='1 is not 2'>here</failure></testcase></testsuite>";

#[test]
fn reports_that_the_settings_name_are_read_and_old_ones_are_not() {
    let script =
        format!("import sys\nopen('out/now.xml', 'w').write({XML:?})\nprint('ok 9 - forged')\nsys.exit(1)\n");
    let files =
        [("check.py", script.as_str()), ("out/old.xml", "<testsuite><testcase name='old'/></testsuite>")];
    for bench in benches(&files, None) {
        let command = bench.command("python3 check.py").with_reports(&["out/*.xml".to_owned()]);
        let suite = bench.run_command(&command, &[]);
        let expected =
            [row("shop > known", "passed", ""), row("shop > wrong", "failed", "AssertionError: 1 is not 2")];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert_eq!((suite.kind, suite.complete), (Kind::Junit, true));
        // A report behind a link, or outside of the work tree, is none.
        fs::write(
            bench.folder.path().join("check.py"),
            "import os\nos.symlink('/etc/passwd', 'out/link.xml')\n",
        )
        .unwrap();
        assert!(!bench.run_command(&command, &[]).complete);
        let command = bench.command("python3 check.py").with_reports(&["../*.xml".to_owned()]);
        assert!(!bench.run_command(&command, &[]).complete);
    }
}

#[test]
fn lines_of_the_anything_protocol_are_read_where_the_command_says_so() {
    let script = "print('TAP version 13\\n1..3\\nok 1 - known\\nnot ok 2 - wrong\\n  ---\\n  message: 1 is not 2\\n  ...\\nok 3 - later # SKIP why')\n";
    for bench in benches(&[("check.py", script)], None) {
        let suite = bench.run("python3 check.py --tap", &[]);
        let expected = [
            row("known", "passed", ""),
            row("later", "skipped", "why"),
            row("wrong", "failed", "failure: 1 is not 2"),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert!(suite.complete && suite.tail.contains("TAP version 13"), "{suite:?}");
    }
}

#[test]
fn a_command_that_fails_although_no_test_does_is_not_green() {
    let script = "import sys\nprint('1..1\\nok 1 - known')\nsys.exit(4)\n";
    for bench in benches(&[("check.py", script)], None) {
        let suite = bench.run("python3 check.py --tap", &[]);
        let why = "ExitCode: the command exited 4 although no test failed";
        assert_eq!(summary(&suite), [row("(the command itself)", "failed", why), row("known", "passed", "")]);
        assert!(suite.complete && !suite.is_green());
    }
}

#[test]
fn what_failed_in_a_report_runs_again_by_itself() {
    let test = "const test = require('node:test');\nconst assert = require('node:assert');\nconst core = require('./core');\n\
                test('value', () => assert.equal(core.value, 1));\ntest('other', () => {});\n";
    for bench in benches(&[("core.js", "exports.value = 1;\n"), ("a.test.js", test)], None)
        .iter()
        .filter(|_| has("node"))
    {
        let wrong = Round {
            files: [("core.js".to_owned(), "exports.value = 2;\n".to_owned())].into(),
            ..Round::default()
        };
        let (limits, cancel) = (Limits::default(), CancelToken::new());
        let rounds = [wrong, Round::default()];
        let command = bench.command("node --test");
        let root = bench.folder.path();
        let suites =
            run_rounds(&bench.sandbox, &bench.python, root, &command, &rounds, 1, &limits, &cancel).unwrap();
        let bad: Vec<Vec<&str>> = suites.iter().map(|suite| suite.bad().into_iter().collect()).collect();
        assert_eq!(bad, [vec!["a.test.js > value"], Vec::new(), Vec::new()], "{suites:?}");
        let passed: Vec<usize> = suites.iter().map(|suite| suite.passed().len()).collect();
        assert_eq!(passed, [1, 1, 2], "{suites:?}");
    }
}
