//! Which command runs a project's tests, told by its files or by the user.

use super::kind::{Kind, TestCommand};
use super::toolchain::User;
use crate::git::RepoPath;
use crate::python::Python;

/// Which command runs the tests of a project, told by its files.
///
/// `read` gives the content of a file of the project. None if there are no tests, or only pytest could run them and
/// it is not installed.
pub fn detect_tests(
    files: &[RepoPath],
    mut read: impl FnMut(&RepoPath) -> Option<Vec<u8>>,
    python: &Python,
) -> Option<TestCommand> {
    let tests: Vec<&RepoPath> = files.iter().filter(|path| is_test_file(path)).collect();
    let mut text = |path: &RepoPath| read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut has = |path: &str, words: &[&str]| {
        let file = files.iter().find(|file| file.as_str() == path);
        file.and_then(&mut text).is_some_and(|content| words.iter().any(|word| content.contains(word)))
    };
    let configured = files.iter().any(|path| matches!(path.file_name(), "pytest.ini" | "conftest.py"))
        || has("pyproject.toml", &["[tool.pytest"])
        || has("setup.cfg", &["[tool:pytest]"])
        || has("tox.ini", &["[pytest]"]);
    let mut classes = false;
    let mut functions = false;
    for path in &tests {
        let content = text(path).unwrap_or_default();
        classes |= content.contains("TestCase");
        functions |=
            content.lines().any(|line| line.starts_with("def test_") || line.trim() == "import pytest");
    }
    if python.pytest && !tests.is_empty() && (configured || functions) {
        return command(Kind::Pytest, &["python3", "-m", "pytest"]);
    }
    if !classes {
        // Python's tests come first: a project with both is a Python project with a front end.
        let top = |name: &str| files.iter().find(|file| file.as_str() == name);
        let package = top("package.json").and_then(&mut text);
        let script = package.as_deref().and_then(of_package);
        let nextest = || User::of_this_process().has("cargo-nextest");
        return match script {
            Some(script) if script.kind.is_told() => Some(script),
            _ if top("Cargo.toml").is_some() && nextest() => {
                command(Kind::Nextest, &["cargo", "nextest", "run", "--workspace"])
            }
            _ if top("Cargo.toml").is_some() => command(Kind::Cargo, &["cargo", "test", "--workspace"]),
            _ if top("go.mod").is_some() => command(Kind::Go, &["go", "test", "./..."]),
            script => script,
        };
    }
    let folder = tests
        .iter()
        .find_map(|path| path.folders().next().filter(|folder| matches!(*folder, "tests" | "test")));
    match folder {
        Some(folder) if files.iter().any(|path| path.as_str() == format!("{folder}/__init__.py")) => {
            command(Kind::Unittest, &["python3", "-m", "unittest", "discover", "-s", folder, "-t", "."])
        }
        Some(folder) => command(Kind::Unittest, &["python3", "-m", "unittest", "discover", "-s", folder]),
        None => command(Kind::Unittest, &["python3", "-m", "unittest", "discover"]),
    }
}

/// The test script of a `package.json`; none if there is no such script, or only npm's placeholder.
fn of_package(package: &str) -> Option<TestCommand> {
    let scripts: serde_json::Value = serde_json::from_str(package).ok()?;
    let script = scripts.pointer("/scripts/test")?.as_str()?.trim();
    if script.is_empty() || script.contains("no test specified") {
        return None;
    }
    TestCommand::with_package(&["npm", "test"].map(str::to_owned), Some(package))
}

fn command(kind: Kind, argv: &[&str]) -> Option<TestCommand> {
    let argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
    Some(TestCommand { argv, kind, script: None, reports: Vec::new() })
}

fn is_test_file(path: &RepoPath) -> bool {
    let name = path.file_name();
    name.ends_with(".py") && (name.starts_with("test") || name.ends_with("_test.py"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(pytest: bool) -> Python {
        Python {
            executable: "/usr/bin/python3".into(),
            version: (3, 11, 2),
            read_only: Vec::new(),
            pytest,
            environment: None,
            checkouts: Vec::new(),
            variables: Vec::new(),
            node_modules: None,
        }
    }

    fn detected(files: &[(&str, &str)], pytest: bool) -> Option<String> {
        let paths: Vec<RepoPath> =
            files.iter().map(|(path, _)| RepoPath::parse(path).expect("a plain path")).collect();
        let read = |path: &RepoPath| {
            let file = files.iter().find(|(name, _)| *name == path.as_str());
            file.map(|(_, content)| content.as_bytes().to_vec())
        };
        detect_tests(&paths, read, &python(pytest)).map(|command| command.argv.join(" "))
    }

    #[test]
    fn the_test_command_is_told_by_the_files() {
        let case = "import unittest\nclass A(unittest.TestCase): pass\n";
        let function = "def test_a():\n    pass\n";
        let discover = |rest: &str| Some(format!("python3 -m unittest discover{rest}"));
        let pytest = Some("python3 -m pytest".to_owned());
        assert_eq!(detected(&[("tests/test_a.py", case)], false), discover(" -s tests"));
        assert_eq!(
            detected(&[("tests/test_a.py", case), ("tests/__init__.py", "")], false),
            discover(" -s tests -t .")
        );
        assert_eq!(detected(&[("test_a.py", case)], false), discover(""));
        assert_eq!(detected(&[("tests/test_a.py", function)], true), pytest);
        assert_eq!(detected(&[("tests/test_a.py", case), ("pytest.ini", "")], true), pytest);
        assert_eq!(detected(&[("tests/test_a.py", case), ("pytest.ini", "")], false), discover(" -s tests"));
        assert_eq!(detected(&[("tests/test_a.py", function)], false), None);
        assert_eq!(detected(&[("app.py", case)], true), None);
    }

    #[test]
    fn a_node_project_is_tested_by_its_script() {
        let package = |script: &str| serde_json::json!({ "scripts": { "test": script } }).to_string();
        for (script, expected) in [
            ("node --test", Some(Kind::Node)),
            ("NODE_ENV=test node --enable-source-maps --test test/", Some(Kind::Node)),
            ("npm run lint && ./node_modules/.bin/jest --ci", Some(Kind::Jest)),
            ("node --experimental-vm-modules node_modules/jest/bin/jest.js", Some(Kind::Jest)),
            ("vitest run", Some(Kind::Vitest)),
            ("vitest --watch", Some(Kind::Other)),
            ("nyc mocha", Some(Kind::Mocha)),
            ("tape test.js", Some(Kind::Tap)),
            ("node script.js --test", Some(Kind::Other)),
            ("make check", Some(Kind::Other)),
            ("jest | tee log", Some(Kind::Other)),
            ("echo \"Error: no test specified\" && exit 1", None),
            ("", None),
        ] {
            assert_eq!(of_package(&package(script)).map(|command| command.kind), expected, "{script}");
        }
        assert_eq!(of_package("no json"), None);
        let node = package("node --test");
        assert_eq!(detected(&[("package.json", &node), ("index.js", "")], true), Some("npm test".to_owned()));
        let case = "import unittest\nclass A(unittest.TestCase): pass\n";
        let both = [("package.json", node.as_str()), ("test_a.py", case)];
        assert_eq!(detected(&both, false), Some("python3 -m unittest discover".to_owned()));
        let other = package("make check");
        assert_eq!(
            detected(&[("package.json", &other), ("go.mod", "")], false),
            Some("go test ./...".to_owned())
        );
        let rust = detected(&[("Cargo.toml", ""), ("package.json", &other)], false).expect("cargo");
        assert!(rust.starts_with("cargo ") && rust.ends_with(" --workspace"), "{rust}");
    }

    #[test]
    fn the_users_command_is_recognised_only_in_its_plain_forms() {
        let of = |line: &str| {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            TestCommand::parse(&argv)
        };
        let args = |line: &str| of(line).map(|command| (command.kind, command.framework_args()));
        let list = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
        assert_eq!(args("python3 -m unittest -v"), Some((Kind::Unittest, list(&["-v"]))));
        assert_eq!(args("python3.12 -m pytest tests -x"), Some((Kind::Pytest, list(&["tests", "-x"]))));
        assert_eq!(args("pytest -x"), Some((Kind::Pytest, list(&["-x"]))));
        for (line, kind) in [
            ("make test", Kind::Other),
            ("python3 -W error -m unittest", Kind::Other),
            ("perl -m unittest", Kind::Other),
            ("node --test", Kind::Node),
            ("node --import tsx --test src", Kind::Node),
            ("node --test --test-reporter=tap", Kind::Tap),
            ("npx jest --ci", Kind::Jest),
            ("npx --no-install vitest run", Kind::Vitest),
            ("node_modules/.bin/mocha test", Kind::Mocha),
            ("cargo test --workspace", Kind::Cargo),
            ("cargo +nightly test", Kind::Cargo),
            ("cargo test -- --nocapture", Kind::Other),
            ("cargo build", Kind::Other),
            ("cargo nextest run -p shop", Kind::Nextest),
            ("cargo nextest list", Kind::Other),
            ("go test ./...", Kind::Go),
            ("go test -json ./...", Kind::Other),
            ("bats --tap test", Kind::Tap),
            ("npm test", Kind::Other),
        ] {
            assert_eq!(of(line).map(|command| command.kind), Some(kind), "{line}");
        }
        assert_eq!(TestCommand::parse(&[]), None);
        let named = of("make test").expect("a command").with_reports(&["out/*.xml".to_owned()]);
        assert_eq!(named.kind, Kind::Junit);
        assert_eq!(of("pytest").expect("a command").with_reports(&["x.xml".to_owned()]).kind, Kind::Pytest);
    }
}
