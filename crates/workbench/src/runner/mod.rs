//! Runs a project's tests in the sandbox and gives the outcome of each as data.
//!
//! A runner that can leave a report is made to ([`kinds`] has one file for each); a script of ours runs it, hands the report
//! on behind a random word, and keeps the tests from that channel. Anything else is judged by its exit code.
//!
//! For `unittest` and `pytest` a script of ours runs the suite and tells each outcome on a line led by a random word,
//! so that nothing a test prints is taken for an outcome by chance. It also tells which modules were loaded from the
//! work tree: a run that tested an installed copy instead proves nothing. A suite that ends without the script's last
//! line is incomplete, whatever its exit code. Tests run in the script's own process and could lie on purpose; that is
//! why a verdict never rests on one run of one suite.

mod built;
mod detect;
mod kind;
mod kinds;
mod lack;
mod rounds;
mod tool;
mod toolchain;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::environment::NODE_MODULES;
use crate::process::CancelToken;
use crate::python::{IMPORT_PATH, Python};
use crate::sandbox::{Bound, Ended, Level, Limits, Output, Request, Sandbox, SandboxError};

use kinds::Place;
use toolchain::{Toolchain, User};

pub use built::BUILT;
pub use detect::detect_tests;
pub use kind::{Kind, TestCommand};
pub use lack::{Lack, MissingService, lack};
pub use rounds::{Round, run_rounds};
pub use tool::{find_tool, run_tool};

/// Characters of a printed line that a sentence holds.
const LAST_LINE: usize = 200;
/// Bytes of outcomes that are kept.
const OUTCOMES_CAP: usize = 16 << 20;
/// Bytes of the tests' own output that are kept.
const TAIL: usize = 64 << 10;

/// How a test failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Type of the exception, with its module unless it is a built-in: untrusted text, as all of these.
    pub exception: String,
    /// Its text, cut at 16 KiB.
    pub message: String,
    /// The traceback as Python prints it, cut at 16 KiB.
    pub traceback: String,
}

/// How one test went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum TestOutcome {
    /// It passed, or failed as it said it would.
    Passed,
    /// It was skipped.
    Skipped {
        /// Why, as the test says.
        reason: String,
    },
    /// The test itself raised.
    Failed {
        /// What it raised.
        failure: Failure,
    },
    /// Something around the test raised: an import, a fixture.
    Error {
        /// What it raised.
        failure: Failure,
    },
}

impl TestOutcome {
    /// Whether it failed, itself or around it.
    pub fn is_bad(&self) -> bool {
        matches!(self, TestOutcome::Failed { .. } | TestOutcome::Error { .. })
    }

    /// What it raised, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            TestOutcome::Failed { failure } | TestOutcome::Error { failure } => Some(failure),
            TestOutcome::Passed | TestOutcome::Skipped { .. } => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            TestOutcome::Passed => 0,
            TestOutcome::Skipped { .. } => 1,
            TestOutcome::Failed { .. } => 2,
            TestOutcome::Error { .. } => 3,
        }
    }
}

/// One run of a suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// What ran it; for [`Kind::Other`] there are no tests here, only how it ended.
    pub kind: Kind,
    /// Every test by its id, as its framework names it. The worst outcome counts where a test has several.
    pub tests: BTreeMap<String, TestOutcome>,
    /// Tests found; none if the search did not come to its end.
    pub collected: Option<usize>,
    /// How the process ended.
    pub ended: Ended,
    /// Whether the suite ran to its end and nothing of its report is missing. For [`Kind::Other`]: whether it exited.
    pub complete: bool,
    /// The test that was running when the suite ended before its end.
    pub running: Option<String>,
    /// What stopped the runner itself, such as a framework that cannot be imported.
    pub trouble: Option<Failure>,
    /// Files of the work tree that were loaded as modules, relative to it.
    pub modules: BTreeSet<String>,
    /// Bounds of the run that it came up against.
    #[serde(default)]
    pub hit: Vec<Bound>,
    /// Modules named as ones of the work tree but loaded from elsewhere: `name from path`.
    pub foreign: Vec<String>,
    /// The end of what the tests printed, at most 64 KiB.
    pub tail: String,
    /// Wall clock.
    pub wall: Duration,
    /// The sandbox level it ran under.
    pub level: Level,
}

impl Suite {
    /// Ids of the tests that failed, themselves or around them.
    pub fn bad(&self) -> BTreeSet<&str> {
        self.tests.iter().filter(|(_, outcome)| outcome.is_bad()).map(|(id, _)| id.as_str()).collect()
    }

    /// Ids of the tests that passed.
    pub fn passed(&self) -> BTreeSet<&str> {
        self.tests
            .iter()
            .filter(|(_, outcome)| **outcome == TestOutcome::Passed)
            .map(|(id, _)| id.as_str())
            .collect()
    }

    /// The end of the last line that it printed, as much of it as a sentence holds; none if it printed nothing.
    pub fn last_line(&self) -> Option<String> {
        let last = self.tail.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        Some(last.chars().skip(last.chars().count().saturating_sub(LAST_LINE)).collect())
    }

    /// Whether the run counts: it is complete and no module of the project came from elsewhere.
    pub fn counts(&self) -> bool {
        self.complete && self.foreign.is_empty()
    }

    /// Whether it counts and everything passed. A suite without a single test passed is not green.
    pub fn is_green(&self) -> bool {
        let proven = match self.kind.is_told() {
            true => !self.passed().is_empty() && self.bad().is_empty(),
            false => self.ended == Ended::Exited(0),
        };
        self.counts() && proven
    }
}

/// One line of the script.
#[derive(Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
enum Line {
    Collected {
        count: usize,
    },
    Start {
        test: String,
    },
    Stop {
        test: String,
    },
    Outcome {
        test: String,
        #[serde(flatten)]
        outcome: TestOutcome,
    },
    End {
        trouble: Option<Failure>,
        modules: BTreeSet<String>,
        foreign: Vec<String>,
    },
    Report {
        text: String,
        whole: bool,
        problem: Option<String>,
    },
}

/// Runs the suite of a work tree; with `only`, of its tests just those with these ids.
///
/// # Errors
/// If it could not be started. A hang, a crash or a failing test is part of the [`Suite`].
pub fn run_suite(
    sandbox: &Sandbox,
    python: &Python,
    worktree: &Path,
    command: &TestCommand,
    only: Option<&[String]>,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Suite, SandboxError> {
    let what = only.map_or(What::All, What::Only);
    run_part(sandbox, python, worktree, command, what, limits, cancel)
}

/// Imports the tests of a work tree and runs none: what cannot be imported is told, and where the modules came from.
///
/// # Errors
/// As [`run_suite`]; only tests of Python can be collected without running any, and others are refused.
pub fn collect_suite(
    sandbox: &Sandbox,
    python: &Python,
    worktree: &Path,
    command: &TestCommand,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Suite, SandboxError> {
    if !command.kind.is_python() {
        return Err(SandboxError::BadRequest("only tests of Python can be collected".to_owned()));
    }
    run_part(sandbox, python, worktree, command, What::Nothing, limits, cancel)
}

/// Which of the collected tests run.
#[derive(Clone, Copy)]
enum What<'a> {
    All,
    Only(&'a [String]),
    Nothing,
}

fn run_part(
    sandbox: &Sandbox,
    python: &Python,
    worktree: &Path,
    command: &TestCommand,
    what: What<'_>,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Suite, SandboxError> {
    if command.kind.is_told() {
        let round = match what {
            What::All | What::Nothing => Round::default(),
            What::Only(tests) => Round { only: Some(tests.to_vec()), ..Round::default() },
        };
        let collect = matches!(what, What::Nothing);
        let told = rounds::Series { rounds: std::slice::from_ref(&round), again: 0, collect };
        let suites = told.run(sandbox, python, worktree, command, limits, cancel)?;
        return suites
            .into_iter()
            .next()
            .ok_or_else(|| SandboxError::BadRequest("the script of the suite told of no run".to_owned()));
    }
    let request = plain_request(python, worktree, command, limits);
    let output = run_equipped(sandbox, python, worktree, request, cancel)?;
    let mut suite = Suite::begun(command.kind, &output);
    suite.complete = matches!(output.ended, Ended::Exited(_));
    suite.tail = tail(&[output.stdout.as_slice(), output.stderr.as_slice()].concat());
    Ok(suite)
}

/// Runs a command with what suites of other languages than Python find beside them: the user's own toolchains, and the
/// packages of Node in the work tree.
///
/// # Errors
/// If it could not be started.
pub fn run_equipped(
    sandbox: &Sandbox,
    python: &Python,
    worktree: &Path,
    mut request: Request,
    cancel: &CancelToken,
) -> Result<Output, SandboxError> {
    let toolchain = Toolchain::of(&User::of_this_process(), worktree)?;
    toolchain.equip(&mut request, worktree);
    request.read_only.extend(python.node_modules.clone());
    let shown = Shown::packages(python, worktree)?;
    let output = sandbox.run(&request, cancel)?;
    drop((shown, toolchain));
    Ok(output)
}

/// A link in a work tree that is there only while something runs, since it is no change of anybody's.
struct Shown(PathBuf);

impl Shown {
    /// The packages of Node, where there are any.
    fn packages(python: &Python, worktree: &Path) -> std::io::Result<Option<Shown>> {
        match &python.node_modules {
            Some(folder) => Shown::link(folder, &worktree.join(NODE_MODULES)),
            None => Ok(None),
        }
    }

    /// None where the work tree has a folder of its own there.
    fn link(folder: &Path, at: &Path) -> std::io::Result<Option<Shown>> {
        if at.symlink_metadata().is_ok() {
            return Ok(None);
        }
        std::os::unix::fs::symlink(folder, at)?;
        Ok(Some(Shown(at.to_owned())))
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // What the command put in its place is the command's own.
        if self.0.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
            std::fs::remove_file(&self.0).ok();
        }
    }
}

fn plain_request(python: &Python, worktree: &Path, command: &TestCommand, limits: &Limits) -> Request {
    let mut request = python.request(worktree, Vec::<String>::new());
    if !command.argv.first().is_some_and(|program| matches!(program.as_str(), "python" | "python3")) {
        request.argv.clear();
        request.argv.extend(command.argv.first().cloned());
    }
    request.argv.extend(command.argv.iter().skip(1).cloned());
    import_from(&mut request, worktree);
    request.read_only.extend(python.node_modules.clone());
    request.limits = limits.clone();
    request
}

/// Modules of a work tree come before installed copies of themselves.
fn import_from(request: &mut Request, worktree: &Path) {
    let source = worktree.join("src");
    let mut folders = vec![worktree.to_string_lossy().into_owned()];
    if source.is_dir() && !source.join("__init__.py").exists() {
        folders.insert(0, source.to_string_lossy().into_owned());
    }
    match request.env.iter_mut().find(|(name, _)| name == IMPORT_PATH) {
        Some((_, value)) => *value = format!("{value}:{}", folders.join(":")),
        None => request.env.push((IMPORT_PATH.to_owned(), folders.join(":"))),
    }
}

/// A word no test can guess, from the random keys of the standard library's hash maps.
fn nonce() -> String {
    (0..2).map(|turn| format!("{:016x}", RandomState::new().hash_one(turn))).collect::<String>() + " "
}

fn tail(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL)..]).into_owned()
}

impl Suite {
    /// A run of which nothing is known yet but how its sandbox ended.
    fn begun(kind: Kind, output: &Output) -> Suite {
        Suite {
            kind,
            tests: BTreeMap::new(),
            collected: None,
            ended: output.ended,
            complete: false,
            running: None,
            trouble: None,
            modules: BTreeSet::new(),
            hit: output.hit.clone(),
            foreign: Vec::new(),
            tail: tail(&output.stderr),
            wall: output.wall,
            level: output.level,
        }
    }

    /// Reads what the script told; of a report only the tests that were asked for.
    fn read(&mut self, printed: &[u8], word: &str, place: &Place<'_>, only: Option<&[String]>) {
        let mut ended = false;
        for line in printed.split(|byte| *byte == b'\n') {
            let Some(record) = line.strip_prefix(word.as_bytes()) else { continue };
            match serde_json::from_slice(record) {
                Ok(Line::Collected { count }) => self.collected = Some(count),
                Ok(Line::Start { test }) => self.running = Some(test),
                Ok(Line::Stop { test }) => {
                    if self.running.as_ref() == Some(&test) {
                        self.running = None;
                    }
                }
                Ok(Line::Outcome { test, outcome }) => self.note(test, outcome),
                Ok(Line::End { trouble, modules, foreign }) => {
                    ended = true;
                    (self.trouble, self.modules, self.foreign) = (trouble, modules, foreign);
                }
                Ok(Line::Report { text, whole, problem }) => {
                    ended = whole && self.take(&text, place, only);
                    self.trouble = problem.map(|message| Failure {
                        exception: "CannotStart".to_owned(),
                        traceback: message.clone(),
                        message,
                    });
                }
                Err(_) => {}
            }
        }
        let finished = matches!(self.ended, Ended::Exited(_)) && self.running.is_none();
        let whole = self.collected.is_some() && printed.len() < OUTCOMES_CAP;
        self.complete = ended && finished && whole && self.trouble.is_none();
    }

    /// Takes the outcomes of a report; whether it is complete.
    fn take(&mut self, text: &str, place: &Place<'_>, only: Option<&[String]>) -> bool {
        let Some(runner) = kinds::runner(self.kind) else { return false };
        let kinds::Report { mut tests, finished } = kinds::read(runner, text, place);
        match only {
            Some(only) => tests.retain(|id, _| only.contains(id)),
            None => self.blame_command(&mut tests),
        }
        self.collected = finished.then_some(tests.len());
        self.tests = tests;
        finished
    }

    /// A command that fails although no test does, such as by a bound on coverage, counts as a test that fails.
    fn blame_command(&self, tests: &mut BTreeMap<String, TestOutcome>) {
        let Ended::Exited(code @ 1..) = self.ended else { return };
        if !tests.is_empty() && !tests.values().any(TestOutcome::is_bad) {
            let failure = Failure {
                exception: "ExitCode".to_owned(),
                message: format!("the command exited {code} although no test failed"),
                traceback: String::new(),
            };
            tests.insert("(the command itself)".to_owned(), TestOutcome::Failed { failure });
        }
    }

    fn note(&mut self, test: String, outcome: TestOutcome) {
        match self.tests.get(&test) {
            Some(known) if known.rank() >= outcome.rank() => {}
            Some(_) | None => {
                self.tests.insert(test, outcome);
            }
        }
    }
}
