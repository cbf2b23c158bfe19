//! Which command runs a project's tests, told by its files or by the user.

use serde::{Deserialize, Serialize};

use crate::git::RepoPath;
use crate::python::Python;

/// What kind of suite a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Python's own `unittest`; each test is told.
    Unittest,
    /// pytest; each test is told.
    Pytest,
    /// Anything else; only the exit code is told.
    Other,
}

/// How the tests of a project are run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCommand {
    /// The command as a person would type it.
    pub argv: Vec<String>,
    /// What it runs.
    pub kind: Kind,
}

impl TestCommand {
    /// Takes a command the user wrote, and sees whether it is one whose tests can be told apart.
    ///
    /// None if it is empty.
    pub fn parse(argv: &[String]) -> Option<TestCommand> {
        let first = argv.first().filter(|program| !program.is_empty())?;
        let module = argv.windows(2).position(|pair| pair[0] == "-m").filter(|_| names_python(first));
        // Only with nothing before `-m`, since an option of the interpreter may change what is run.
        let kind = match (module, argv.get(2).map(String::as_str)) {
            (Some(1), Some("unittest")) => Kind::Unittest,
            (Some(1), Some("pytest")) => Kind::Pytest,
            _ if matches!(first.rsplit('/').next(), Some("pytest" | "py.test")) => Kind::Pytest,
            _ => Kind::Other,
        };
        Some(TestCommand { argv: argv.to_vec(), kind })
    }

    /// The arguments of the test framework.
    pub fn framework_args(&self) -> Vec<String> {
        let skipped = match self.argv.first() {
            Some(first) if names_python(first) => 3,
            _ => 1,
        };
        self.argv.iter().skip(skipped).cloned().collect()
    }
}

pub(super) fn names_python(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    name.strip_prefix("python").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

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
        let package = files.iter().find(|file| file.as_str() == "package.json")?;
        return node_tests(&text(package)?).and_then(|_| command(Kind::Other, &["npm", "test"]));
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

/// What runs the tests of a Node project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeTests {
    /// Node's own test runner.
    Node,
    /// jest.
    Jest,
    /// vitest.
    Vitest,
    /// mocha.
    Mocha,
    /// Something else.
    Other,
}

/// Which program the `test` script of a `package.json` runs; none if there is no such script, or only npm's placeholder.
pub fn node_tests(package: &str) -> Option<NodeTests> {
    let package: serde_json::Value = serde_json::from_str(package).ok()?;
    let script = package.pointer("/scripts/test")?.as_str()?.trim();
    if script.is_empty() || script.contains("no test specified") {
        return None;
    }
    let mut words = script.split([' ', '&', ';', '|']).map(|word| word.rsplit('/').next().unwrap_or(word));
    let known = words.find_map(|word| match word {
        "jest" | "react-scripts" => Some(NodeTests::Jest),
        "vitest" => Some(NodeTests::Vitest),
        "mocha" => Some(NodeTests::Mocha),
        "--test" => Some(NodeTests::Node),
        _ => None,
    });
    Some(known.unwrap_or(NodeTests::Other))
}

fn command(kind: Kind, argv: &[&str]) -> Option<TestCommand> {
    Some(TestCommand { argv: argv.iter().map(|arg| (*arg).to_owned()).collect(), kind })
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
            ("node --test", Some(NodeTests::Node)),
            ("NODE_ENV=test node --enable-source-maps --test test/", Some(NodeTests::Node)),
            ("npm run lint && ./node_modules/.bin/jest --ci", Some(NodeTests::Jest)),
            ("vitest run", Some(NodeTests::Vitest)),
            ("nyc mocha", Some(NodeTests::Mocha)),
            ("make check", Some(NodeTests::Other)),
            ("echo \"Error: no test specified\" && exit 1", None),
            ("", None),
        ] {
            assert_eq!(node_tests(&package(script)), expected, "{script}");
        }
        assert_eq!(node_tests("no json"), None);
        let node = package("node --test");
        assert_eq!(detected(&[("package.json", &node), ("index.js", "")], true), Some("npm test".to_owned()));
        let case = "import unittest\nclass A(unittest.TestCase): pass\n";
        let both = [("package.json", node.as_str()), ("test_a.py", case)];
        assert_eq!(detected(&both, false), Some("python3 -m unittest discover".to_owned()));
    }

    #[test]
    fn the_users_command_is_recognised_only_in_its_plain_forms() {
        let kind = |line: &str| {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            TestCommand::parse(&argv).map(|command| (command.kind, command.framework_args()))
        };
        let args = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
        assert_eq!(kind("python3 -m unittest -v"), Some((Kind::Unittest, args(&["-v"]))));
        assert_eq!(kind("python3.12 -m pytest tests -x"), Some((Kind::Pytest, args(&["tests", "-x"]))));
        assert_eq!(kind("pytest -x"), Some((Kind::Pytest, args(&["-x"]))));
        assert_eq!(kind("make test").map(|(kind, _)| kind), Some(Kind::Other));
        assert_eq!(kind("python3 -W error -m unittest").map(|(kind, _)| kind), Some(Kind::Other));
        assert_eq!(kind("perl -m unittest").map(|(kind, _)| kind), Some(Kind::Other));
        assert_eq!(TestCommand::parse(&[]), None);
    }
}
