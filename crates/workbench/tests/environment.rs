//! Real virtual environments in the sandbox: packages of the environment, modules of the work tree, and the proof of it.

#![allow(clippy::print_stderr, reason = "a skipped level must be loud")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use groundcrew_workbench::CancelToken;
use groundcrew_workbench::environment::{Environment, Venv};
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::{Lack, Suite, TestCommand, TestOutcome, collect_suite, lack, run_suite};
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

/// A user's checkout with an environment, and a work tree beside it.
struct Bench {
    _folder: tempfile::TempDir,
    checkout: PathBuf,
    worktree: PathBuf,
    site: PathBuf,
}

impl Bench {
    /// `project` lies in both; what the work tree has is told apart by the word `new`.
    fn new(project: &[(&str, &str)]) -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let (checkout, worktree) = (folder.path().join("user/shop"), folder.path().join("work/tree"));
        for (path, text) in project {
            write(&checkout.join(path), &text.replace("WHICH", "old"));
            write(&worktree.join(path), &text.replace("WHICH", "new"));
        }
        let made = Command::new("/usr/bin/python3")
            .args(["-m", "venv", "--without-pip"])
            .arg(checkout.join(".venv"))
            .output()
            .expect("python3 is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let lib = fs::read_dir(checkout.join(".venv/lib")).expect("a folder").flatten().next();
        let site = lib.expect("a library").path().join("site-packages");
        Bench { checkout, worktree, site, _folder: folder }
    }

    /// Installs a file into the environment; `CHECKOUT` in it becomes the checkout's path.
    fn install(&self, path: &str, text: &str) {
        let checkout = self.checkout.to_string_lossy();
        write(&self.site.join(path), &text.replace("CHECKOUT", &checkout).replace("WHICH", "installed"));
    }

    fn python(&self, sandbox: &Sandbox) -> Python {
        let found = Environment::find(&self.checkout, None, |_| false).expect("it can be used");
        let python = Python::of_venv(&found.venv.expect("there is one"), sandbox).expect("it works");
        python.moving_from(&self.checkout)
    }

    fn suite(&self, sandbox: &Sandbox) -> (Suite, Python) {
        let python = self.python(sandbox);
        let argv = ["python3", "-m", "unittest", "discover", "-s", "tests"].map(str::to_owned);
        let command = TestCommand::parse(&argv).expect("a command");
        let limits = Limits { wall: Duration::from_secs(60), ..Limits::default() };
        let suite = run_suite(sandbox, &python, &self.worktree, &command, None, &limits, &CancelToken::new());
        (suite.expect("it starts"), python)
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// A test that passes only with the work tree's copy.
const TEST: &str = "import unittest\nimport shop\n\nclass A(unittest.TestCase):\n    def test_which(self):\n        \
                    self.assertEqual(shop.WHERE, 'new')\n";
const SHOP: &str = "WHERE = 'WHICH'\n";
/// What setuptools writes for a project whose layout is not one folder, without the parts that do nothing here.
const FINDER: &str = "import sys\nfrom importlib.util import spec_from_file_location\nfrom pathlib import Path\n\
                      MAPPING = {'shop': 'CHECKOUT/parts/store'}\nNAMESPACES = {}\n\
                      class _EditableFinder:\n    @classmethod\n    def find_spec(cls, fullname, path=None, target=None):\n        \
                      if fullname in MAPPING:\n            init = Path(MAPPING[fullname], '__init__.py')\n            \
                      if init.exists():\n                return spec_from_file_location(fullname, init)\n\
                      def install():\n    sys.meta_path.append(_EditableFinder)\n";

fn assert_tests_the_work_tree(suite: &Suite, module: &str) {
    assert_eq!(suite.tests.values().collect::<Vec<_>>(), [&TestOutcome::Passed], "{suite:?}");
    assert!(suite.is_green() && suite.modules.contains(module), "{suite:?}");
}

#[test]
fn packages_come_from_the_environment_and_modules_from_the_work_tree() {
    let test = TEST.replace("import shop\n", "import shop\nimport helperpack\n");
    for layout in ["shop/__init__.py", "src/shop/__init__.py", "shop.py", "src/shop.py"] {
        let bench = Bench::new(&[(layout, SHOP), ("tests/test_a.py", &test)]);
        bench.install("helperpack.py", "");
        for sandbox in sandboxes() {
            let (suite, python) = bench.suite(&sandbox);
            assert_tests_the_work_tree(&suite, layout);
            assert_eq!(python.environment, Some(bench.checkout.join(".venv")));
            assert_eq!(lack(&suite, &python), None);
        }
    }
}

#[test]
fn an_editable_installation_by_path_is_moved_to_the_work_tree() {
    // A layout that only the installed path tells.
    let bench = Bench::new(&[("python/shop/__init__.py", SHOP), ("tests/test_a.py", TEST)]);
    bench.install("__editable__.shop-1.0.pth", "CHECKOUT/python\n");
    for sandbox in sandboxes() {
        assert_tests_the_work_tree(&bench.suite(&sandbox).0, "python/shop/__init__.py");
    }
}

#[test]
fn an_editable_installation_by_import_hook_is_moved_to_the_work_tree() {
    let bench = Bench::new(&[("parts/store/__init__.py", SHOP), ("tests/test_a.py", TEST)]);
    bench.install("__editable___shop_1_0_finder.py", FINDER);
    bench.install(
        "__editable__.shop-1.0.pth",
        "import __editable___shop_1_0_finder; __editable___shop_1_0_finder.install()\n",
    );
    for sandbox in sandboxes() {
        assert_tests_the_work_tree(&bench.suite(&sandbox).0, "parts/store/__init__.py");
    }
}

#[test]
fn an_editable_installation_by_the_editables_package_is_moved_to_the_work_tree() {
    let bench = Bench::new(&[("parts/store/__init__.py", SHOP), ("tests/test_a.py", TEST)]);
    let redirector = "import sys, importlib.machinery, importlib.util\nclass RedirectingFinder:\n    _redirections = {}\n    \
                      @classmethod\n    def map_module(cls, name, path):\n        cls._redirections[name] = path\n    \
                      @classmethod\n    def find_spec(cls, fullname, path=None, target=None):\n        \
                      if fullname in cls._redirections:\n            \
                      return importlib.util.spec_from_file_location(fullname, cls._redirections[fullname])\n    \
                      @classmethod\n    def install(cls):\n        sys.meta_path.append(cls)\n";
    bench.install("editables/__init__.py", "");
    bench.install("editables/redirector.py", redirector);
    bench.install(
        "_editable_impl_shop.py",
        "from editables.redirector import RedirectingFinder as F\nF.install()\n\
         F.map_module('shop', 'CHECKOUT/parts/store/__init__.py')\n",
    );
    bench.install("_shop.pth", "import _editable_impl_shop\n");
    for sandbox in sandboxes() {
        assert_tests_the_work_tree(&bench.suite(&sandbox).0, "parts/store/__init__.py");
    }
}

#[test]
fn an_installed_copy_in_the_way_makes_the_run_not_count_and_is_named() {
    let bench = Bench::new(&[("python/shop/__init__.py", SHOP), ("tests/test_a.py", TEST)]);
    bench.install("shop/__init__.py", SHOP);
    bench.install("shop-1.0.dist-info/direct_url.json", "{\"dir_info\": {}, \"url\": \"file://CHECKOUT\"}");
    bench.install("shop-1.0.dist-info/RECORD", "shop/__init__.py,,\nshop-1.0.dist-info/RECORD,,\n");
    for sandbox in sandboxes() {
        let (suite, python) = bench.suite(&sandbox);
        assert!(!suite.counts(), "{suite:?}");
        let file = bench.site.join("shop/__init__.py").canonicalize().expect("a file");
        let expected = Lack::Foreign { module: "shop".into(), file: file.to_string_lossy().into_owned() };
        assert_eq!(lack(&suite, &python), Some(expected));
    }
}

#[test]
fn an_installed_copy_loses_against_an_editable_path_and_against_usual_layouts() {
    let bench = Bench::new(&[("python/shop/__init__.py", SHOP), ("tests/test_a.py", TEST)]);
    bench.install("shop/__init__.py", SHOP);
    bench.install("shop.pth", "CHECKOUT/python\n");
    let usual = Bench::new(&[("src/shop/__init__.py", SHOP), ("tests/test_a.py", TEST)]);
    usual.install("shop/__init__.py", SHOP);
    for sandbox in sandboxes() {
        assert_tests_the_work_tree(&bench.suite(&sandbox).0, "python/shop/__init__.py");
        assert_tests_the_work_tree(&usual.suite(&sandbox).0, "src/shop/__init__.py");
    }
}

#[test]
fn a_compiled_module_that_is_built_elsewhere_alone_is_named() {
    let init = "from shop import _speed\nWHERE = 'WHICH'\n";
    let bench = Bench::new(&[("shop/__init__.py", init), ("tests/test_a.py", TEST)]);
    bench.install("shop/_speed.cpython-311-x86_64-linux-gnu.so", "");
    let in_place = Bench::new(&[("shop/__init__.py", "import shop._speed\n"), ("tests/test_a.py", TEST)]);
    let built = in_place.checkout.join("shop/_speed.abi3.so");
    write(&built, "");
    for sandbox in sandboxes() {
        let (suite, python) = in_place.suite(&sandbox);
        let expected = Lack::Compiled { module: "shop._speed".into(), built: built.clone() };
        assert_eq!(lack(&suite, &python), Some(expected), "{suite:?}");
        let (suite, python) = bench.suite(&sandbox);
        let built = bench.site.join("shop/_speed.cpython-311-x86_64-linux-gnu.so");
        let expected = Lack::Compiled { module: "shop._speed".into(), built };
        assert_eq!(lack(&suite, &python), Some(expected), "{suite:?}");
    }
}

#[test]
fn a_package_that_is_not_installed_is_named_with_the_interpreter() {
    let test = TEST.replace("import shop\n", "import shop\nimport nowhere_at_all\n");
    let bench = Bench::new(&[("shop.py", SHOP), ("tests/test_a.py", &test)]);
    for sandbox in sandboxes() {
        let (suite, python) = bench.suite(&sandbox);
        let interpreter = bench.checkout.join(".venv/bin/python");
        assert_eq!(
            lack(&suite, &python),
            Some(Lack::Module { module: "nowhere_at_all".into(), interpreter })
        );
    }
}

#[test]
fn a_database_that_is_not_there_is_named_with_the_tests_that_need_it() {
    let test = "import socket, unittest\nclass A(unittest.TestCase):\n    def test_db(self):\n        \
                try: socket.create_connection(('127.0.0.1', 5432), 5)\n        \
                except OSError as error: raise RuntimeError(f'connection to server at \"127.0.0.1\", port 5432 failed: {error}')\n    \
                def test_plain(self): pass\n";
    let bench = Bench::new(&[("shop.py", SHOP), ("tests/test_a.py", test)]);
    for sandbox in sandboxes() {
        let (suite, python) = bench.suite(&sandbox);
        let Some(Lack::Services(missing)) = lack(&suite, &python) else { panic!("{suite:?}") };
        assert_eq!(missing[0].to_string(), "postgres at 127.0.0.1:5432 (for test_a.A.test_db)");
    }
}

#[test]
fn nothing_of_an_environment_runs_outside_the_sandbox() {
    let bench = Bench::new(&[("shop.py", SHOP)]);
    let program = bench.checkout.join(".venv/bin/python");
    let trace = bench.checkout.join("ran");
    fs::remove_file(&program).expect("a link");
    write(&program, &format!("#!/bin/sh\necho ran > {}\n", trace.display()));
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    bench.install("evil.pth", &format!("import os; open({:?}, 'w').close()\n", trace.display().to_string()));
    for sandbox in sandboxes() {
        let venv = Venv::read(&bench.checkout.join(".venv")).expect("it is one");
        let reason = Python::of_venv(&venv, &sandbox).expect_err("it is no python");
        assert!(reason.contains("something else") || reason.contains("in the sandbox"), "{reason}");
        assert!(!trace.exists(), "{}", sandbox.level());
    }
}

#[test]
fn an_environment_cannot_be_written_by_the_tests() {
    let test = "import sys, unittest\nclass A(unittest.TestCase):\n    def test_write(self):\n        \
                with self.assertRaises(OSError): open(sys.prefix + '/evil.pth', 'w')\n";
    let bench = Bench::new(&[("shop.py", SHOP), ("tests/test_a.py", test)]);
    for sandbox in sandboxes() {
        let (suite, _) = bench.suite(&sandbox);
        assert!(suite.is_green() && suite.ended == Ended::Exited(0), "{suite:?}");
        assert!(!bench.checkout.join(".venv/evil.pth").exists());
    }
}

#[test]
fn a_python_that_tests_start_themselves_imports_from_the_work_tree_too() {
    let test = "import subprocess, sys, unittest\nclass A(unittest.TestCase):\n    def test_child(self):\n        \
                told = subprocess.run([sys.executable, '-c', 'import shop; print(shop.WHERE)'], stdout=subprocess.PIPE, cwd='/')\n        \
                self.assertEqual(told.stdout, b'new\\n')\n";
    let bench = Bench::new(&[("python/shop/__init__.py", SHOP), ("tests/test_a.py", test)]);
    bench.install("shop.pth", "CHECKOUT/python\n");
    bench.install("sitecustomize.py", "import sys\nsys.customized = True\n");
    for sandbox in sandboxes() {
        let (suite, _) = bench.suite(&sandbox);
        assert!(suite.is_green(), "{suite:?}");
    }
}

#[test]
fn tests_can_be_imported_without_being_run() {
    let ran = "import unittest\nclass B(unittest.TestCase):\n    def test_ran(self): self.fail('it ran')\n";
    let missing = "import nowhere_at_all\n";
    let bench = Bench::new(&[("shop.py", SHOP), ("tests/test_a.py", missing)]);
    let mixed = Bench::new(&[("shop.py", SHOP), ("tests/test_a.py", missing), ("tests/test_b.py", ran)]);
    let command =
        TestCommand::parse(&["python3", "-m", "unittest", "discover", "-s", "tests"].map(str::to_owned));
    let command = command.expect("a command");
    for sandbox in sandboxes() {
        let collected = |bench: &Bench| {
            let python = bench.python(&sandbox);
            let limits = Limits::default();
            let cancel = CancelToken::new();
            let suite = collect_suite(&sandbox, &python, &bench.worktree, &command, &limits, &cancel);
            let suite = suite.expect("it starts");
            (lack(&suite, &python), suite)
        };
        let (found, suite) = collected(&bench);
        assert!(
            matches!(found, Some(Lack::Module { module, .. }) if module == "nowhere_at_all"),
            "{suite:?}"
        );
        let (found, suite) = collected(&mixed);
        assert_eq!((found, suite.collected), (None, Some(2)), "the tests that can run are enough");
        assert!(!suite.tests.contains_key("test_b.B.test_ran"), "{suite:?}");
    }
}

#[test]
fn packages_of_node_are_there_while_the_suite_runs_and_the_work_tree_stays_as_it_is() {
    if !Path::new("/usr/bin/node").is_file() {
        eprintln!("SKIPPED: node is not installed");
        return;
    }
    let bench = Bench::new(&[
        ("package.json", "{\"scripts\": {\"test\": \"node --test\"}}"),
        (
            "price.test.js",
            "require('node:test')('price', () => require('node:assert').equal(require('till').price, 1));\n",
        ),
    ]);
    write(&bench.checkout.join("node_modules/till/index.js"), "exports.price = 1;\n");
    let argv = ["node", "--test"].map(str::to_owned);
    let command = TestCommand::parse(&argv).expect("a command");
    for sandbox in sandboxes() {
        let found = Environment::find(&bench.checkout, None, |_| false).expect("it can be used");
        let without = bench.python(&sandbox);
        let with = without.clone().with_node_modules(found.node_modules);
        let run = |python: &Python| {
            let limits =
                Limits { wall: Duration::from_secs(60), memory_bytes: 16 << 30, ..Limits::default() };
            let cancel = CancelToken::new();
            run_suite(&sandbox, python, &bench.worktree, &command, None, &limits, &cancel).expect("it starts")
        };
        let suite = run(&with);
        assert!(suite.is_green(), "{}: {suite:?}", sandbox.level());
        assert!(!run(&without).is_green());
        assert!(bench.worktree.join("node_modules").symlink_metadata().is_err());
    }
}

#[test]
fn a_test_command_that_starts_what_is_not_there_says_so() {
    let bench = Bench::new(&[("shop.py", SHOP)]);
    let endless = "head -c 9000 /dev/zero | tr '\\0' x; exit 127";
    for (script, said) in [("no-such-runner --all", "no-such-runner"), (endless, "xxx")] {
        let command = TestCommand::parse(&["sh", "-c", script].map(str::to_owned)).expect("a command");
        for sandbox in sandboxes() {
            let python = bench.python(&sandbox);
            let cancel = CancelToken::new();
            let suite =
                run_suite(&sandbox, &python, &bench.worktree, &command, None, &Limits::default(), &cancel);
            let suite = suite.expect("the shell starts");
            let Some(found @ Lack::Program { .. }) = lack(&suite, &python) else { panic!("{suite:?}") };
            let told = found.to_string();
            assert!(told.contains("127") && told.contains(said) && told.len() < 600, "{told}");
        }
    }
}
