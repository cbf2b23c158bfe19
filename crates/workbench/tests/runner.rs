//! A suite as data: outcomes, crashes, hangs, and where the tested modules came from.

#![allow(clippy::print_stderr, reason = "a skipped level must be loud")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_core::audit::NoRecorder;
use groundcrew_workbench::CancelToken;
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::{Kind, Round, Suite, TestCommand, TestOutcome, run_rounds, run_suite};
use groundcrew_workbench::sandbox::{Ended, Level, Limits, Sandbox, SandboxConfig};

fn sandboxes() -> Vec<Sandbox> {
    let launcher = vec![env!("CARGO_BIN_EXE_groundcrew-sandbox").into()];
    let mut found = Vec::new();
    for level in Level::ALL {
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

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    folder
}

fn run(sandbox: &Sandbox, folder: &Path, argv: &[&str], only: Option<&[String]>, wall: u64) -> Suite {
    let recorder: Arc<dyn groundcrew_core::audit::Recorder> = Arc::new(NoRecorder);
    let python = Python::find(sandbox, &recorder).expect("a python");
    run_with(&python, sandbox, folder, argv, only, wall)
}

fn run_with(
    python: &Python,
    sandbox: &Sandbox,
    folder: &Path,
    argv: &[&str],
    only: Option<&[String]>,
    wall: u64,
) -> Suite {
    let argv: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
    let command = TestCommand::parse(&argv).expect("a command");
    let limits = Limits { wall: Duration::from_secs(wall), ..Limits::default() };
    run_suite(sandbox, python, folder, &command, only, &limits, &CancelToken::new()).expect("it starts")
}

const UNITTEST: [&str; 3] = ["python3", "-m", "unittest"];

const SHOP: &str = "def price(n):\n    return {'a': 1}[n]\n";
const SHOP_TESTS: &str = r#"
import unittest
from shop import core

class Prices(unittest.TestCase):
    def test_known(self):
        print("noise that is no outcome")
        self.assertEqual(core.price('a'), 1)

    def test_unknown(self):
        core.price('b')

    def test_wrong(self):
        self.assertEqual(core.price('a'), 2)

    @unittest.skip('later')
    def test_later(self):
        pass

    def test_parts(self):
        for n in (1, 2):
            with self.subTest(n=n):
                self.assertEqual(n, 1)
"#;

fn summary(suite: &Suite) -> Vec<(String, &'static str, String)> {
    let told = |outcome: &TestOutcome| match outcome {
        TestOutcome::Passed => ("passed", String::new()),
        TestOutcome::Skipped { reason } => ("skipped", reason.clone()),
        TestOutcome::Failed { failure } => ("failed", format!("{}: {}", failure.exception, failure.message)),
        TestOutcome::Error { failure } => ("error", failure.exception.clone()),
    };
    suite.tests.iter().map(|(id, outcome)| (id.clone(), told(outcome).0, told(outcome).1)).collect()
}

fn row(id: &str, outcome: &'static str, why: &str) -> (String, &'static str, String) {
    (id.to_owned(), outcome, why.to_owned())
}

#[test]
fn every_unittest_outcome_is_told_with_its_exception() {
    let folder =
        project(&[("shop/__init__.py", ""), ("shop/core.py", SHOP), ("tests/test_shop.py", SHOP_TESTS)]);
    for sandbox in sandboxes() {
        let suite =
            run(&sandbox, folder.path(), &["python3", "-m", "unittest", "discover", "-s", "tests"], None, 60);
        let expected = [
            row("test_shop.Prices.test_known", "passed", ""),
            row("test_shop.Prices.test_later", "skipped", "later"),
            row("test_shop.Prices.test_parts", "failed", "AssertionError: 2 != 1"),
            row("test_shop.Prices.test_unknown", "failed", "KeyError: 'b'"),
            row("test_shop.Prices.test_wrong", "failed", "AssertionError: 1 != 2"),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        let modules: Vec<&str> = suite.modules.iter().map(String::as_str).collect();
        assert_eq!(modules, ["shop/__init__.py", "shop/core.py", "tests/test_shop.py"]);
        assert_eq!((suite.collected, suite.complete, suite.ended), (Some(5), true, Ended::Exited(1)));
        assert!(suite.counts() && !suite.is_green());
        let trace = &suite.tests["test_shop.Prices.test_unknown"].failure().expect("it failed").traceback;
        let start = "Traceback (most recent call last):\n  File \"";
        assert!(trace.starts_with(start) && !trace.contains("unittest/"), "{trace}");
        assert!(trace.contains("shop/core.py\", line 2, in price"), "{trace}");
    }
}

#[test]
fn only_the_named_tests_run() {
    let folder = project(&[("shop/__init__.py", ""), ("shop/core.py", SHOP), ("test_shop.py", SHOP_TESTS)]);
    for sandbox in sandboxes() {
        let only = ["test_shop.Prices.test_known".to_owned()];
        let suite = run(&sandbox, folder.path(), &UNITTEST, Some(&only), 60);
        assert_eq!(summary(&suite), [row("test_shop.Prices.test_known", "passed", "")]);
        assert!(suite.is_green());
    }
}

#[test]
fn a_suite_without_tests_is_seen_as_such() {
    let folder = project(&[("app.py", "")]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &UNITTEST, None, 60);
        assert_eq!((suite.collected, suite.tests.len(), suite.is_green()), (Some(0), 0, false));
    }
}

#[test]
fn a_module_that_cannot_be_imported_is_an_error_and_not_a_missing_test() {
    let folder = project(&[("test_a.py", "import nowhere_to_be_found\n")]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &UNITTEST, None, 60);
        assert_eq!(summary(&suite), [row("unittest.loader._FailedTest.test_a", "error", "ImportError")]);
        assert!(!suite.is_green());
    }
}

#[test]
fn a_test_that_kills_the_process_is_named_and_the_run_does_not_count() {
    let test =
        "import os, unittest\nclass A(unittest.TestCase):\n    def test_exit(self):\n        os._exit(0)\n";
    let folder = project(&[("test_a.py", test)]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &UNITTEST, None, 60);
        assert_eq!((suite.ended, suite.complete), (Ended::Exited(0), false));
        assert_eq!(suite.running.as_deref(), Some("test_a.A.test_exit"));
    }
}

#[test]
fn a_test_that_hangs_is_named_and_ended() {
    let test =
        "import unittest\nclass A(unittest.TestCase):\n    def test_hang(self):\n        while True: pass\n";
    let folder = project(&[("test_a.py", test)]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &UNITTEST, None, 2);
        assert_eq!((suite.ended, suite.complete), (Ended::TimedOut, false));
        assert_eq!(suite.running.as_deref(), Some("test_a.A.test_hang"));
    }
}

#[test]
fn a_copy_from_elsewhere_under_the_projects_name_makes_the_run_not_count() {
    let test = "import sys, types, unittest\nmod = types.ModuleType('shop')\nmod.__file__ = '/usr/lib/shop.py'\n\
                sys.modules['shop'] = mod\nclass A(unittest.TestCase):\n    def test_a(self):\n        import shop\n";
    let folder = project(&[("shop/__init__.py", ""), ("test_a.py", test)]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &UNITTEST, None, 60);
        assert_eq!(
            (suite.foreign.as_slice(), suite.counts()),
            (&["shop from /usr/lib/shop.py".to_owned()][..], false)
        );
    }
}

#[test]
fn a_printed_line_is_never_taken_for_an_outcome() {
    let test = "import os, unittest\nclass A(unittest.TestCase):\n    def test_a(self):\n        \
                line = b'{\"at\":\"outcome\",\"test\":\"forged\",\"outcome\":\"passed\"}\\n'\n        \
                for fd in range(1, 9):\n            try: os.write(fd, line)\n            except OSError: pass\n";
    let folder = project(&[("test_a.py", test)]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &UNITTEST, None, 60);
        assert_eq!(summary(&suite), [row("test_a.A.test_a", "passed", "")]);
    }
}

const PYTEST: &str = r#"
import pytest
from shop import core

@pytest.fixture
def broken():
    raise RuntimeError("no fixture")

@pytest.mark.parametrize("n", ["a", "b"])
def test_price(n):
    print("noise")
    assert core.price(n) == 1

def test_broken(broken):
    pass

@pytest.mark.xfail
def test_expected():
    assert False

@pytest.mark.skip(reason="later")
def test_later():
    pass
"#;

#[test]
fn every_pytest_outcome_is_told_with_its_exception() {
    let files = [("shop/__init__.py", ""), ("shop/core.py", SHOP), ("tests/test_shop.py", PYTEST)];
    let folder = project(&files);
    for sandbox in sandboxes() {
        // The interpreter of the path seldom has pytest; this names one that does.
        let python = match std::env::var_os("GROUNDCREW_TEST_PYTEST") {
            Some(named) => Python::at(named.as_ref(), &sandbox, &NoRecorder).expect("it works"),
            None => Python::find(&sandbox, &(Arc::new(NoRecorder) as _)).expect("a python"),
        };
        if !python.pytest {
            eprintln!(
                "SKIPPED: {} has no pytest; name one that does by GROUNDCREW_TEST_PYTEST",
                python.executable.display()
            );
            continue;
        }
        let suite = run_with(&python, &sandbox, folder.path(), &["pytest"], None, 60);
        let expected = [
            row("tests/test_shop.py::test_broken", "error", "RuntimeError"),
            row("tests/test_shop.py::test_expected", "passed", ""),
            row("tests/test_shop.py::test_later", "skipped", "later"),
            row("tests/test_shop.py::test_price[a]", "passed", ""),
            row("tests/test_shop.py::test_price[b]", "failed", "KeyError: 'b'"),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert_eq!((suite.collected, suite.complete, suite.ended), (Some(5), true, Ended::Exited(1)));
        let only = ["tests/test_shop.py::test_price[a]".to_owned()];
        let suite = run_with(&python, &sandbox, folder.path(), &["pytest", "-x"], Some(&only), 60);
        assert_eq!(summary(&suite), [row(&only[0], "passed", "")]);
        assert!(suite.is_green() && suite.modules.contains("shop/core.py"), "{suite:?}");
    }
}

#[test]
fn a_test_that_is_named_after_a_path_has_the_same_name_on_every_work_tree() {
    let test = "import os\n\nimport pytest\n\n\n@pytest.mark.parametrize('path', [os.path.join(os.path.dirname(__file__), 'a.txt')])\ndef test_path(path):\n    assert path.endswith('a.txt')\n";
    let Some(named) = std::env::var_os("GROUNDCREW_TEST_PYTEST") else {
        eprintln!("SKIPPED: no interpreter with pytest is named by GROUNDCREW_TEST_PYTEST");
        return;
    };
    for sandbox in sandboxes() {
        let python = Python::at(named.as_ref(), &sandbox, &NoRecorder).expect("it works");
        for _ in 0..2 {
            let folder = project(&[("tests/test_path.py", test)]);
            let only = ["tests/test_path.py::test_path[{tree}/tests/a.txt]".to_owned()];
            let suite = run_with(&python, &sandbox, folder.path(), &["pytest"], Some(&only), 60);
            assert_eq!(summary(&suite), [row(&only[0], "passed", "")], "{suite:?}");
        }
    }
}

#[test]
fn a_file_of_pytest_that_cannot_be_loaded_fails_and_the_others_run() {
    let Some(named) = std::env::var_os("GROUNDCREW_TEST_PYTEST") else {
        eprintln!("SKIPPED: no interpreter with pytest is named by GROUNDCREW_TEST_PYTEST");
        return;
    };
    let folder = project(&[
        ("test_lacking.py", "import a_package_that_is_not_here\n\n\ndef test_it():\n    pass\n"),
        ("test_sound.py", "def test_it():\n    pass\n"),
    ]);
    for sandbox in sandboxes() {
        let python = Python::at(named.as_ref(), &sandbox, &NoRecorder).expect("it works");
        let suite = run_with(&python, &sandbox, folder.path(), &["pytest"], None, 60);
        assert_eq!(suite.bad().into_iter().collect::<Vec<_>>(), ["test_lacking.py"], "{suite:?}");
        assert_eq!(suite.passed().into_iter().collect::<Vec<_>>(), ["test_sound.py::test_it"], "{suite:?}");
    }
}

#[test]
fn another_suite_is_judged_by_its_exit_code_alone() {
    let folder = project(&[("check.py", "import sys\nprint('checked')\nsys.exit(3)\n")]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &["python3", "check.py"], None, 60);
        assert_eq!(
            (suite.kind, suite.ended, suite.tail.as_str()),
            (Kind::Other, Ended::Exited(3), "checked\n")
        );
        assert!(suite.complete && !suite.is_green());
    }
}

#[test]
fn the_interpreter_of_the_path_works_in_the_sandbox() {
    for sandbox in sandboxes() {
        let recorder: Arc<dyn groundcrew_core::audit::Recorder> = Arc::new(NoRecorder);
        let python = Python::find(&sandbox, &recorder).expect("a python");
        assert!(python.executable.is_absolute() && python.version >= (3, 6, 0), "{python:?}");
        eprintln!("{} {python:?}", sandbox.level());
    }
}

#[test]
fn a_test_that_does_not_end_fails_alone_and_says_where_it_was() {
    let tests = "import unittest\n\nclass Loops(unittest.TestCase):\n    def test_endless(self):\n        while True:\n            \
                 pass\n\n    def test_other(self):\n        pass\n";
    let folder = project(&[("test_loops.py", tests)]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &UNITTEST, None, 200);
        let why = "OutOfTime: the test did not come to its end";
        let expected = [
            row("test_loops.Loops.test_endless", "failed", why),
            row("test_loops.Loops.test_other", "passed", ""),
        ];
        assert_eq!(summary(&suite), expected, "{suite:?}");
        assert!(suite.complete, "{suite:?}");
        let failure = suite.tests["test_loops.Loops.test_endless"].failure().expect("it failed");
        assert!(failure.traceback.contains("in test_endless"), "{}", failure.traceback);
    }
}

#[test]
fn rounds_share_a_sandbox_and_find_the_work_tree_as_it_was() {
    let tests = "import os, tempfile, unittest\nimport core\n\nclass Rounds(unittest.TestCase):\n    def test_value(self):\n        \
                 self.assertEqual(core.VALUE, 1)\n\n    def test_fresh(self):\n        for folder in ('.', \
                 tempfile.gettempdir()):\n            mark = os.path.join(folder, 'mark')\n            \
                 self.assertFalse(os.path.exists(mark))\n            open(mark, 'w').close()\n";
    let folder = project(&[("core.py", "VALUE = 1\n"), ("test_rounds.py", tests)]);
    let wrong =
        Round { files: [("core.py".to_owned(), "VALUE = 2\n".to_owned())].into(), ..Round::default() };
    let command = TestCommand::parse(&UNITTEST.map(str::to_owned)).expect("a command");
    let recorder: Arc<dyn groundcrew_core::audit::Recorder> = Arc::new(NoRecorder);
    for sandbox in sandboxes() {
        let python = Python::find(&sandbox, &recorder).expect("a python");
        let (limits, cancel) = (Limits::default(), CancelToken::new());
        let rounds = [wrong.clone(), Round::default()];
        let suites = run_rounds(&sandbox, &python, folder.path(), &command, &rounds, 1, &limits, &cancel)
            .expect("it starts");
        let bad: Vec<Vec<&str>> = suites.iter().map(|suite| suite.bad().into_iter().collect()).collect();
        // What failed in the first round runs again by itself, on the work tree without the first round's files.
        assert_eq!(bad, [vec!["test_rounds.Rounds.test_value"], Vec::new(), Vec::new()], "{suites:?}");
        let passed: Vec<usize> = suites.iter().map(|suite| suite.passed().len()).collect();
        assert_eq!(passed, [1, 1, 2], "{suites:?}");
        fs::remove_file(folder.path().join("mark")).ok();
    }
}

#[test]
fn each_round_is_as_fresh_as_an_interpreter_that_was_just_started() {
    let tests = "import multiprocessing\nimport random\nimport sys\nimport unittest\n\nimport core\n\n\n\
                 def double(number):\n    sys.exit(number * 2)\n\n\n\
                 class Fresh(unittest.TestCase):\n    def test_fresh(self):\n        \
                 self.assertEqual(core.COUNT, [])\n        core.COUNT.append(1)\n        \
                 self.assertEqual(len(sys.argv), 1)\n\n    def test_spawn(self):\n        \
                 process = multiprocessing.get_context('spawn').Process(target=double, args=(2,))\n        \
                 process.start()\n        process.join()\n        self.assertEqual(process.exitcode, 4)\n\n    \
                 def test_random(self):\n        self.fail('%.12f' % random.random())\n";
    let folder = project(&[("core.py", "COUNT = []\n"), ("test_fresh.py", tests)]);
    let command = TestCommand::parse(&UNITTEST.map(str::to_owned)).expect("a command");
    let recorder: Arc<dyn groundcrew_core::audit::Recorder> = Arc::new(NoRecorder);
    for sandbox in sandboxes() {
        let python = Python::find(&sandbox, &recorder).expect("a python");
        let (limits, cancel) = (Limits::default(), CancelToken::new());
        let rounds = [Round::default(), Round::default()];
        let suites = run_rounds(&sandbox, &python, folder.path(), &command, &rounds, 0, &limits, &cancel)
            .expect("it starts");
        let bad: Vec<Vec<&str>> = suites.iter().map(|suite| suite.bad().into_iter().collect()).collect();
        let only = vec!["test_fresh.Fresh.test_random"];
        assert_eq!(bad, [only.clone(), only], "{suites:?}");
        let number = |suite: &Suite| {
            suite.tests["test_fresh.Fresh.test_random"].failure().expect("it fails").message.clone()
        };
        assert_ne!(number(&suites[0]), number(&suites[1]), "each has a seed of its own");
    }
}

#[test]
fn a_module_of_the_project_is_not_hidden_by_one_of_the_library_that_was_loaded_before() {
    let tests = "import unittest\n\nimport bisect\n\n\nclass Own(unittest.TestCase):\n    def test_own(self):\n        \
                 self.assertEqual(bisect.OWN, 1)\n";
    let library = "from _bisect import *\n\nOWN = 1\nbisect_left, bisect = bisect_left, bisect_right\n";
    let folder = project(&[("bisect.py", library), ("test_own.py", tests)]);
    for sandbox in sandboxes() {
        let suite = run(&sandbox, folder.path(), &UNITTEST, None, 60);
        assert!(suite.is_green(), "{suite:?}");
    }
}
