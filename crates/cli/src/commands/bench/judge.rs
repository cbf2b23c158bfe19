//! Running what belongs to a case: its tests, its crash, and the check that the repair does not see. All in the sandbox.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_core::audit::{NoRecorder, Recorder};
use groundcrew_workbench::CancelToken;
use groundcrew_workbench::environment::Environment;
use groundcrew_workbench::git::Repository;
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::{TestCommand, detect_tests, run_suite};
use groundcrew_workbench::sandbox::{Ended, FILES, Limits, Output, Request, Sandbox, SandboxError};

use super::case::{self, Case, Language, Version};
use super::{package, temporary};
use crate::escape;
use crate::failure::{Failure, Kind};

/// Longest time a script of a case may take.
const SCRIPT: Duration = Duration::from_secs(60);
/// Longest time the tests of a case may take where only their soundness is checked.
const TESTS: Duration = Duration::from_secs(20);
/// The file that a script of a case is run as.
const CALLER: &str = "caller.py";
/// What precedes a traceback in a log that is made of a crash.
const LOGGED: &str = "2026-01-01 00:00:00,000 ERROR app: unhandled error\n";

/// What runs the scripts of cases.
pub(super) struct Judge {
    sandbox: Sandbox,
    python: Python,
    /// Whether packages may be fetched.
    may_fetch: bool,
}

impl Judge {
    /// A judge with the machine's interpreter.
    ///
    /// # Errors
    /// There is none that works in the sandbox.
    pub(super) fn new(sandbox: Sandbox, may_fetch: bool) -> Result<Self, Failure> {
        let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
        let python = Python::find(&sandbox, &recorder)
            .map_err(|error| Failure::new(Kind::Usage, error.to_string()).hint("install python3"))?;
        Ok(Self { sandbox, python, may_fetch })
    }

    /// The interpreter of a program: that of the environment in its checkout, else the machine's.
    fn python_of(&self, top: &Path) -> Python {
        let venv = Environment::find(top, None, |_| false).ok().and_then(|found| found.venv);
        let own = venv.and_then(|venv| Python::of_venv(&venv, &self.sandbox).ok());
        own.unwrap_or_else(|| self.python.clone())
    }

    /// Runs a script as a file outside of the program, so that a stack trace shows its lines as it would those of a caller.
    fn run(&self, tree: &Tree<'_>, script: &str) -> Result<Output, Failure> {
        let file = format!("{FILES}/{CALLER}");
        let mut request = self.python_of(tree.top).request(tree.at, ["-B".to_owned(), file.clone()]);
        request.files.push((file.into(), script.as_bytes().to_vec()));
        request.env.push(("PYTHONPATH".to_owned(), tree.at.to_string_lossy().into_owned()));
        request.limits = Limits { wall: SCRIPT, ..Limits::default() };
        self.sandbox.run(&request, &CancelToken::new()).map_err(|error| unable(&error))
    }

    /// Runs a module of JavaScript whose imports start from the top of the program.
    fn run_module(&self, tree: &Tree<'_>, script: &str) -> Result<Output, Failure> {
        let mut request = Request::new(tree.at, ["node", "--input-type=module", "-"]);
        request.stdin = script.as_bytes().to_vec();
        request.limits = Limits { wall: SCRIPT, ..Limits::default() };
        self.sandbox.run(&request, &CancelToken::new()).map_err(|error| unable(&error))
    }

    /// The repository with the program that is wrong: a new one at `at`, or the one that is named.
    ///
    /// # Errors
    /// It cannot be written, or not be fetched.
    pub(super) fn lay_out(&self, case: &Case, at: &Path) -> Result<Repository, Failure> {
        match &case.said.package {
            None => case.lay_out(at, Version::Wrong),
            Some(_) if !self.may_fetch => Err(Failure::new(
                Kind::Refused,
                format!("{} names a package, and nothing is fetched unasked", case.name),
            )
            .hint("with --fetch, pip fetches the packages that cases name")),
            Some(package) => package::lay_out(case, package, at, (&self.sandbox, &self.python)),
        }
    }

    /// Whether the hidden check passes on a commit; none if the case has no check.
    ///
    /// # Errors
    /// It could not be run.
    pub(super) fn is_right(
        &self,
        case: &Case,
        repository: &Repository,
        commit: &str,
        at: &Path,
    ) -> Result<Option<bool>, Failure> {
        repository.export(at, &repository.resolve(commit)?)?;
        self.passes(case, &Tree { at, top: repository.top() })
    }

    fn passes(&self, case: &Case, tree: &Tree<'_>) -> Result<Option<bool>, Failure> {
        let Some(hidden) = &case.said.hidden else { return Ok(None) };
        let output = match case.language() {
            Language::Python => self.run(tree, &hidden.script)?,
            Language::JavaScript | Language::TypeScript => self.run_module(tree, &hidden.script)?,
        };
        Ok(Some(output.ended == Ended::Exited(0)))
    }

    /// The log of a case: what it says, or what its crash prints; none where its tests show the error.
    ///
    /// # Errors
    /// The crash could not be run, or does not end with an error.
    pub(super) fn log(&self, case: &Case, repository: &Repository) -> Result<Option<String>, Failure> {
        if case.said.crash.is_none() {
            return Ok(case.said.log.clone());
        }
        let at = temporary()?;
        let tree = at.path().join("tree");
        repository.export(&tree, &repository.head()?.commit)?;
        self.logged(case, &Tree { at: &tree, top: repository.top() })
    }

    fn logged(&self, case: &Case, tree: &Tree<'_>) -> Result<Option<String>, Failure> {
        let Some(crash) = &case.said.crash else { return Ok(case.said.log.clone()) };
        let output = self.run(tree, crash)?;
        if output.ended == Ended::Exited(0) {
            return Err(Failure::new(Kind::Usage, format!("{}: its crash ends well", case.name)));
        }
        Ok(Some(format!("{LOGGED}{}", String::from_utf8_lossy(&output.stderr))))
    }

    /// What is wrong with a case, if anything: the right program has to pass everything; the wrong one must not pass its
    /// hidden check, and a test or the log has to show its error.
    ///
    /// # Errors
    /// It could not be laid out or run.
    pub(super) fn unsound(&self, case: &Case, at: &Path) -> Result<Option<String>, Failure> {
        let (wrong, right) = (at.join("wrong"), at.join("right"));
        let top = if case.said.package.is_some() {
            let repository = self.lay_out(case, &at.join("repository"))?;
            repository.export(&wrong, &repository.head()?.commit)?;
            repository.top().to_owned()
        } else {
            case.write(&wrong, Version::Wrong)?.unwrap_or_else(|| wrong.clone())
        };
        let tree = Tree { at: &wrong, top: &top };
        let log = self.logged(case, &tree)?;
        if let Some(problem) = self.unshown(case, &tree, log.as_deref())? {
            return Ok(Some(problem));
        }
        if self.passes(case, &tree)? == Some(true) {
            return Ok(Some("the hidden check passes on the wrong program".to_owned()));
        }
        if case.said.edit.is_none() {
            return Ok(None);
        }
        case.write(&right, Version::Right)?;
        let tree = Tree { at: &right, top: &right };
        if self.passes(case, &tree)? == Some(false) {
            return Ok(Some("the hidden check fails on the right program".to_owned()));
        }
        let failing = self.failing(case, &tree)?;
        Ok(failing.filter(|failing| *failing > 0).map(|_| "tests fail on the right program".to_owned()))
    }

    /// Why nothing shows the error of the wrong program, if nothing does.
    fn unshown(&self, case: &Case, tree: &Tree<'_>, log: Option<&str>) -> Result<Option<String>, Failure> {
        if let Some(log) = log {
            return Ok(not_of(log, tree.at));
        }
        Ok(match self.failing(case, tree)? {
            None => Some("it has neither tests nor a log".to_owned()),
            Some(0) => Some("no test fails on the wrong program".to_owned()),
            Some(_) => None,
        })
    }

    /// How many tests fail; none if there are no tests.
    fn failing(&self, case: &Case, tree: &Tree<'_>) -> Result<Option<usize>, Failure> {
        let python = self.python_of(tree.top);
        let command = match &case.said.test {
            Some(line) => shlex::split(line).and_then(|words| TestCommand::parse(&words)),
            None => {
                let paths = case::files_beneath(tree.at)?;
                detect_tests(&paths, |path| std::fs::read(path.beneath(tree.at)).ok(), &python)
            }
        };
        let Some(command) = command else { return Ok(None) };
        let limits = Limits { wall: TESTS, ..Limits::default() };
        let suite = run_suite(&self.sandbox, &python, tree.at, &command, None, &limits, &CancelToken::new());
        let suite = suite.map_err(|error| unable(&error))?;
        Ok(Some(if suite.is_green() { 0 } else { suite.bad().len().max(1) }))
    }
}

/// A program that is laid out.
struct Tree<'a> {
    /// Where its files lie.
    at: &'a Path,
    /// The checkout that its environment belongs to.
    top: &'a Path,
}

/// Why a log cannot be of the program, if it cannot: each of its lines of the program has to stand where it says.
fn not_of(log: &str, tree: &Path) -> Option<String> {
    let Some(trace) = groundcrew_logs::trace::parse(log) else {
        return Some("there is no stack trace in its log".to_owned());
    };
    let mut own = 0;
    for frame in &trace.frames {
        let (Some(file), Some(line), Some(source)) = (&frame.file, frame.line, &frame.source) else {
            continue;
        };
        let mut ends = file.match_indices('/').map(|(at, _)| tree.join(&file[at + 1..]));
        let Some(text) = ends.find_map(|path| std::fs::read_to_string(path).ok()) else { continue };
        let stands = text.lines().nth(line.saturating_sub(1) as usize).map(str::trim);
        if stands != Some(source.trim()) {
            return Some(format!("its log says that line {line} of {file} is {source:?}"));
        }
        own += 1;
    }
    (own == 0).then(|| "no frame of its log lies in the program".to_owned())
}

/// A command that could not be started.
pub(super) fn unable(error: &SandboxError) -> Failure {
    Failure::new(Kind::Failed, escape::lines(&error.to_string()))
}
