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
use groundcrew_workbench::sandbox::{Ended, Limits, Output, Sandbox, SandboxError};

use super::case::{Case, Version};
use crate::escape;
use crate::failure::{Failure, Kind};

/// Longest time a script of a case may take.
const SCRIPT: Duration = Duration::from_secs(60);
/// Longest time the tests of a case may take where only their soundness is checked.
const TESTS: Duration = Duration::from_secs(20);
/// What precedes a traceback in a log that is made of a crash.
const LOGGED: &str = "2026-01-01 00:00:00,000 ERROR app: unhandled error\n";

/// What runs the scripts of cases.
pub(super) struct Judge {
    sandbox: Sandbox,
    python: Python,
}

impl Judge {
    /// A judge with the machine's interpreter.
    ///
    /// # Errors
    /// There is none that works in the sandbox.
    pub(super) fn new(sandbox: Sandbox) -> Result<Self, Failure> {
        let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
        let python = Python::find(&sandbox, &recorder)
            .map_err(|error| Failure::new(Kind::Usage, error.to_string()).hint("install python3"))?;
        Ok(Self { sandbox, python })
    }

    /// The interpreter of a program: that of the environment in its checkout, else the machine's.
    fn python_of(&self, top: &Path) -> Python {
        let venv = Environment::find(top, None, |_| false).ok().and_then(|found| found.venv);
        let own = venv.and_then(|venv| Python::of_venv(&venv, &self.sandbox).ok());
        own.unwrap_or_else(|| self.python.clone())
    }

    fn run(&self, tree: &Path, top: &Path, script: &str) -> Result<Output, Failure> {
        let mut request = self.python_of(top).request(tree, ["-B", "-c", script]);
        request.limits = Limits { wall: SCRIPT, ..Limits::default() };
        self.sandbox.run(&request, &CancelToken::new()).map_err(|error| unable(&error))
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
        let Some(hidden) = &case.said.hidden else { return Ok(None) };
        repository.export(at, &repository.resolve(commit)?)?;
        let output = self.run(at, repository.top(), &hidden.script)?;
        Ok(Some(output.ended == Ended::Exited(0)))
    }

    /// The log of a case: what it says, or what its crash prints; none where its tests show the error.
    ///
    /// # Errors
    /// The crash could not be run, or does not end with an error.
    pub(super) fn log(&self, case: &Case, repository: &Repository) -> Result<Option<String>, Failure> {
        if let Some(log) = &case.said.log {
            return Ok(Some(log.clone()));
        }
        let Some(crash) = &case.said.crash else { return Ok(None) };
        let at = tempfile::tempdir().map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
        let tree = at.path().join("tree");
        repository.export(&tree, &repository.head()?.commit)?;
        let output = self.run(&tree, repository.top(), crash)?;
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
        let wrong = case.lay_out(&at.join("wrong"), Version::Wrong)?;
        let logged = self.log(case, &wrong)?;
        if let Some(problem) = self.shown(case, &wrong, logged.as_deref())? {
            return Ok(Some(problem));
        }
        let head = wrong.head()?.commit;
        if self.is_right(case, &wrong, head.as_str(), &at.join("wrong-check"))? == Some(true) {
            return Ok(Some("the hidden check passes on the wrong program".to_owned()));
        }
        if case.said.edit.is_none() {
            return Ok(None);
        }
        let right = case.lay_out(&at.join("right"), Version::Right)?;
        let head = right.head()?.commit;
        if self.is_right(case, &right, head.as_str(), &at.join("right-check"))? == Some(false) {
            return Ok(Some("the hidden check fails on the right program".to_owned()));
        }
        let failing = self.failing(case, &right)?;
        Ok(failing.filter(|failing| *failing > 0).map(|_| "tests fail on the right program".to_owned()))
    }

    /// Why nothing shows the error of the wrong program, if nothing does.
    fn shown(&self, case: &Case, wrong: &Repository, log: Option<&str>) -> Result<Option<String>, Failure> {
        let failing = self.failing(case, wrong)?;
        Ok(match (log, failing) {
            (Some(log), _) if groundcrew_logs::trace::parse(log).is_none() => {
                Some("there is no stack trace in its log".to_owned())
            }
            (Some(_), _) => None,
            (None, None) => Some("it has neither tests nor a log".to_owned()),
            (None, Some(0)) => Some("no test fails on the wrong program".to_owned()),
            (None, Some(_)) => None,
        })
    }

    /// How many tests fail; none if there are no tests.
    fn failing(&self, case: &Case, repository: &Repository) -> Result<Option<usize>, Failure> {
        let commit = repository.head()?.commit;
        let python = self.python_of(repository.top());
        let command = match &case.said.test {
            Some(line) => shlex::split(line).and_then(|words| TestCommand::parse(&words)),
            None => {
                let entries = repository.files(&commit)?;
                let paths: Vec<_> = entries.into_iter().map(|entry| entry.path).collect();
                detect_tests(&paths, |path| repository.read(&commit, path, 1 << 20).ok().flatten(), &python)
            }
        };
        let Some(command) = command else { return Ok(None) };
        let at = tempfile::tempdir().map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
        let tree = at.path().join("tree");
        repository.export(&tree, &commit)?;
        let limits = Limits { wall: TESTS, ..Limits::default() };
        let suite = run_suite(&self.sandbox, &python, &tree, &command, None, &limits, &CancelToken::new())
            .map_err(|error| unable(&error))?;
        Ok(Some(if suite.is_green() { 0 } else { suite.bad().len().max(1) }))
    }
}

fn unable(error: &SandboxError) -> Failure {
    Failure::new(Kind::Failed, escape::lines(&error.to_string()))
}
