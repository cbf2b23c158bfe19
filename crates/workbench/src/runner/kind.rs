//! What kinds of suites there are, and by which words of a command line each is known.
//!
//! A command of the user's is taken as it stands. A script of `package.json` is looked into, since what runs behind
//! `npm test` decides what can be told; where the script is one plain command it is run by itself, without npm.

use serde::{Deserialize, Serialize};

use super::kinds;
use super::words::{self, Script};

/// What kind of suite a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Python's own `unittest`; each test is told.
    Unittest,
    /// pytest; each test is told.
    Pytest,
    /// Node's own test runner; each test is told.
    Node,
    /// jest; each test is told.
    Jest,
    /// vitest; each test is told.
    Vitest,
    /// mocha; each test is told.
    Mocha,
    /// cargo nextest; each test is told.
    Nextest,
    /// cargo test; each test is told, by reading what it prints.
    Cargo,
    /// go test; each test is told.
    Go,
    /// A command that leaves JUnit XML where the settings say; each test is told.
    Junit,
    /// A command that prints the Test Anything Protocol; each test is told.
    Tap,
    /// Anything else; only the exit code is told.
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 12] = [
        Kind::Unittest,
        Kind::Pytest,
        Kind::Node,
        Kind::Jest,
        Kind::Vitest,
        Kind::Mocha,
        Kind::Nextest,
        Kind::Cargo,
        Kind::Go,
        Kind::Junit,
        Kind::Tap,
        Kind::Other,
    ];

    /// Whether tests are told apart by name; otherwise only the exit code says how the suite went.
    pub fn is_told(self) -> bool {
        self != Kind::Other
    }

    /// Whether a script of ours runs the tests inside their own interpreter, which tells more than a report does: what was
    /// imported from where, and the frames of each error.
    pub fn is_python(self) -> bool {
        matches!(self, Kind::Unittest | Kind::Pytest)
    }

    /// Whether it is a runner of JavaScript that takes its options through a package manager.
    fn is_javascript(self) -> bool {
        matches!(self, Kind::Node | Kind::Jest | Kind::Vitest | Kind::Mocha)
    }

    /// The name in commands, evidence and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Unittest => "unittest",
            Kind::Pytest => "pytest",
            Kind::Node => "node",
            Kind::Jest => "jest",
            Kind::Vitest => "vitest",
            Kind::Mocha => "mocha",
            Kind::Nextest => "nextest",
            Kind::Cargo => "cargo",
            Kind::Go => "go",
            Kind::Junit => "junit",
            Kind::Tap => "tap",
            Kind::Other => "other",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the tests of a project are run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCommand {
    /// The command as a person would type it.
    pub argv: Vec<String>,
    /// What it runs.
    pub kind: Kind,
    /// The plain command that a script of `package.json` stands for, with variables before it as a shell has them; none
    /// where the command itself is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Vec<String>>,
    /// Files of JUnit XML that the command leaves behind, beneath the work tree; the last part may hold `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<String>,
}

impl TestCommand {
    /// Takes a command the user wrote, and sees whether it is one whose tests can be told apart.
    ///
    /// None if it is empty.
    pub fn parse(argv: &[String]) -> Option<TestCommand> {
        TestCommand::with_package(argv, None)
    }

    /// The same, for a project with this `package.json`.
    pub fn with_package(argv: &[String], package: Option<&str>) -> Option<TestCommand> {
        let first = argv.first().filter(|program| !program.is_empty())?;
        let plain = |kind| TestCommand { argv: argv.to_vec(), kind, script: None, reports: Vec::new() };
        let module = argv.windows(2).position(|pair| pair[0] == "-m").filter(|_| names_python(first));
        // Only with nothing before `-m`, since an option of the interpreter may change what is run.
        match (module, argv.get(2).map(String::as_str)) {
            (Some(1), Some("unittest")) => return Some(plain(Kind::Unittest)),
            (Some(1), Some("pytest")) => return Some(plain(Kind::Pytest)),
            _ if matches!(words::name(first), "pytest" | "py.test") => return Some(plain(Kind::Pytest)),
            _ => {}
        }
        if let Some(script) = words::script_of(argv, package) {
            let kind_of = |words: &[String]| kinds::recognise(words);
            return Some(match script {
                Script::Plain(words) if kind_of(&words).is_told() => {
                    TestCommand { script: Some(words.clone()), ..plain(kind_of(&words)) }
                }
                // What is added to the command reaches the last one of the script.
                Script::Last(words) if kind_of(&words).is_javascript() => plain(kind_of(&words)),
                Script::Plain(_) | Script::Last(_) | Script::Unclear => plain(Kind::Other),
            });
        }
        Some(plain(kinds::recognise(argv)))
    }

    /// The same command, leaving JUnit XML in these files; a kind that tells its tests anyway stays what it is.
    #[must_use]
    pub fn with_reports(mut self, reports: &[String]) -> TestCommand {
        if self.kind == Kind::Other && !reports.is_empty() {
            self.kind = Kind::Junit;
            self.reports = reports.to_vec();
        }
        self
    }

    /// The words that are run: those of the script where it is a plain command.
    pub(super) fn words(&self) -> &[String] {
        self.script.as_deref().unwrap_or(&self.argv)
    }

    /// The arguments of Python's test framework.
    pub fn framework_args(&self) -> Vec<String> {
        let skipped = match self.argv.first() {
            Some(first) if names_python(first) => 3,
            _ => 1,
        };
        self.argv.iter().skip(skipped).cloned().collect()
    }
}

pub(super) fn names_python(program: &str) -> bool {
    words::name(program)
        .strip_prefix("python")
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}
