//! Several runs of one suite in one sandbox, each in a process of its own, with a bound for each test.
//!
//! Starting a sandbox takes longer than most small suites, and a verification needs many runs. What a run of its own gives
//! is kept: a fresh interpreter, no process of the run before, an empty folder for temporary files, and where files are laid
//! over the work tree, the rest of it as it was. A test that does not come to its end fails alone and not the whole suite.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use nix::libc;
use serde::Deserialize;

use super::built;
use super::kinds::{self, Call, Place};
use super::toolchain::{Toolchain, User};
use super::{Kind, OUTCOMES_CAP, Shown, Suite, TestCommand, import_from, nonce};
use crate::process::CancelToken;
use crate::python::Python;
use crate::sandbox::{Bound, Ended, FILES, Limits, Output, Request, Sandbox, SandboxError};

const SUITE: &str = include_str!("suite.py");
const ROUNDS: &str = include_str!("rounds.py");
const REPORTED: &str = include_str!("reported.py");

/// Failing tests that are run again, at most; as in the script.
const MOST_AGAIN: usize = 200;

/// Processor time after which a test is told to end, unless tests before it took long too.
const TEST: Duration = Duration::from_secs(5);

/// Wall clock on top of that of the rounds.
const SPARE: Duration = Duration::from_secs(3);

/// One run of a suite among several.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// Of the tests just those with these ids; none runs all.
    pub only: Option<Vec<String>>,
    /// Texts that lie over files of the work tree in this round alone, by paths beneath it.
    pub files: BTreeMap<String, String>,
    /// Tests at whose first failure the round may end, since nothing more is asked of it. It is then not complete.
    pub until: Option<Vec<String>>,
}

/// Runs a suite whose tests are told apart once for each round; what fails in the first runs `again` times by itself.
///
/// Gives a suite for each round: the first, its repeats if anything failed in it, then the others. Fewer where the sandbox
/// ended before; none where files are to be laid over a work tree that is too large for that.
///
/// # Errors
/// If it could not be started, or the suite is of another kind.
#[expect(clippy::too_many_arguments, reason = "the same as `run_suite`, and what is asked of the rounds")]
pub fn run_rounds(
    sandbox: &Sandbox,
    python: &Python,
    worktree: &Path,
    command: &TestCommand,
    rounds: &[Round],
    again: u32,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Vec<Suite>, SandboxError> {
    if !command.kind.is_told() {
        let reason = "tests that are not told apart cannot be run in rounds".to_owned();
        return Err(SandboxError::BadRequest(reason));
    }
    Series { rounds, again, collect: false }.run(sandbox, python, worktree, command, limits, cancel)
}

/// What is asked of one sandbox.
#[derive(Clone, Copy)]
pub(super) struct Series<'a> {
    pub(super) rounds: &'a [Round],
    pub(super) again: u32,
    pub(super) collect: bool,
}

/// The line that ends a round.
#[derive(Deserialize)]
struct Told {
    round: usize,
    /// Exit code, negative for a signal; none where its time was up.
    code: Option<i32>,
    stopped: bool,
}

impl Series<'_> {
    pub(super) fn run(
        &self,
        sandbox: &Sandbox,
        python: &Python,
        worktree: &Path,
        command: &TestCommand,
        limits: &Limits,
        cancel: &CancelToken,
    ) -> Result<Vec<Suite>, SandboxError> {
        if self.again > 0 && !command.kind.is_python() {
            return self.in_two_parts(sandbox, python, worktree, command, limits, cancel);
        }
        let word = nonce();
        let mut request = self.request(python, worktree, command, limits, &word)?;
        let mut beside = None;
        if !command.kind.is_python() {
            let toolchain = Toolchain::of(&User::of_this_process(), worktree)?;
            toolchain.equip(&mut request, worktree);
            request.read_only.extend(python.node_modules.clone());
            beside = Some((toolchain, Shown::packages(python, worktree)?));
        }
        let by_cargo = matches!(command.kind, Kind::Cargo | Kind::Nextest);
        if by_cargo {
            built::lend(worktree);
        }
        let output = sandbox.run(&request, cancel)?;
        if by_cargo {
            built::keep(worktree);
        }
        drop(beside);
        Ok(self.read(command.kind, worktree, &output, &word))
    }

    /// What failed in a report is known only after it was read, so that the repeats are a sandbox of their own.
    fn in_two_parts(
        &self,
        sandbox: &Sandbox,
        python: &Python,
        worktree: &Path,
        command: &TestCommand,
        limits: &Limits,
        cancel: &CancelToken,
    ) -> Result<Vec<Suite>, SandboxError> {
        let once = Series { again: 0, ..*self };
        let mut suites = once.run(sandbox, python, worktree, command, limits, cancel)?;
        let bad: Vec<String> = suites
            .first()
            .map(|first| first.bad().into_iter().map(str::to_owned).collect())
            .unwrap_or_default();
        if bad.is_empty() || bad.len() > MOST_AGAIN {
            return Ok(suites);
        }
        let rounds = vec![Round { only: Some(bad), ..Round::default() }; self.again as usize];
        let again = Series { rounds: &rounds, again: 0, collect: false };
        let repeats = again.run(sandbox, python, worktree, command, limits, cancel)?;
        suites.splice(1..1, repeats);
        Ok(suites)
    }

    fn most(&self) -> u32 {
        u32::try_from(self.rounds.len()).unwrap_or(u32::MAX).saturating_add(self.again)
    }

    fn request(
        &self,
        python: &Python,
        worktree: &Path,
        command: &TestCommand,
        limits: &Limits,
        word: &str,
    ) -> Result<Request, SandboxError> {
        let place = |name: &str| Path::new(FILES).join(name);
        let runner = kinds::runner(command.kind);
        let (name, text) = if runner.is_some() { ("reported.py", REPORTED) } else { ("suite.py", SUITE) };
        let (script, suite) = (place("rounds.py"), place(name));
        // Its arguments are replaced where files lie elsewhere, so the path of the other script is one of them.
        let words = [script.to_string_lossy(), suite.to_string_lossy()];
        let mut request = python.request(worktree, words.iter().map(AsRef::as_ref));
        request.files.push((script.clone(), ROUNDS.as_bytes().to_vec()));
        request.files.push((suite.clone(), text.as_bytes().to_vec()));
        import_from(&mut request, worktree);
        let output_bytes = OUTCOMES_CAP * self.rounds.len().clamp(1, 4);
        let wall = limits.wall.saturating_mul(self.most()) + SPARE;
        request.limits = Limits { output_bytes, wall, ..limits.clone() };
        let orders = |round: &Round| {
            serde_json::json!({
                "orders": {
                    "word": word,
                    "kind": command.kind,
                    "args": command.framework_args(),
                    "only": round.only,
                    "collect": self.collect,
                    "root": worktree,
                    "checkouts": python.checkouts,
                    "call": runner.map(|runner| {
                        let Call { argv, env, files, .. } = Call::of(runner, command, round.only.as_deref());
                        serde_json::json!({
                            "argv": argv,
                            "env": env,
                            "files": files,
                            "source": runner.source,
                            "reports": command.reports,
                        })
                    }),
                },
                "files": round.files,
                "until": round.until,
            })
        };
        let all = serde_json::json!({
            "word": format!("round {word}"),
            "root": worktree,
            "rounds": self.rounds.iter().map(orders).collect::<Vec<_>>(),
            "again": self.again,
            "wall": limits.wall.as_secs_f64(),
            "seconds": TEST.as_secs_f64(),
        });
        request.stdin = serde_json::to_vec(&all).map_err(std::io::Error::from)?;
        Ok(request)
    }

    fn read(&self, kind: Kind, worktree: &Path, output: &Output, word: &str) -> Vec<Suite> {
        let real = worktree.canonicalize().unwrap_or_else(|_| worktree.to_owned());
        let place = Place::new([worktree, real.as_path()]);
        // The script tells what it was asked for where it repeats what failed; a report is asked for by its round alone.
        let only = |at: usize| self.rounds.get(at).and_then(|round| round.only.as_deref());
        let end = format!("round {word}");
        let mut suites = Vec::new();
        let mut rest = output.stdout.as_slice();
        let whole = output.stdout.len() < OUTCOMES_CAP * self.rounds.len().clamp(1, 4);
        let mut at = 0;
        while let Some(length) = output.stdout[at..].iter().position(|byte| *byte == b'\n') {
            let line = &output.stdout[at..at + length];
            let told = line.strip_prefix(end.as_bytes()).and_then(|told| serde_json::from_slice(told).ok());
            let told: Option<Told> = told.filter(|told: &Told| told.round == suites.len());
            if let Some(told) = told {
                let begins = output.stdout.len() - rest.len();
                let mut suite = told.begun(kind, output);
                suite.read(&output.stdout[begins..at], word, &place, only(suites.len()));
                suite.complete &= whole;
                suites.push(suite);
                rest = &output.stdout[at + length + 1..];
            }
            at += length + 1;
        }
        if suites.is_empty() && output.stdout.is_empty() && output.ended == Ended::Exited(0) {
            return suites;
        }
        // What was running when the sandbox itself ended, such as by the memory that all may use.
        if suites.is_empty() || !rest.is_empty() {
            let mut suite = Suite::begun(kind, output);
            suite.read(rest, word, &place, only(suites.len()));
            suites.push(suite);
        }
        suites
    }
}

impl Told {
    /// A run of which nothing is known yet but how its process ended.
    fn begun(&self, kind: Kind, output: &Output) -> Suite {
        let mut suite = Suite::begun(kind, output);
        suite.ended = match self.code {
            None => Ended::TimedOut,
            Some(_) if self.stopped => Ended::Exited(1),
            Some(code) if code < 0 => Ended::Signaled(-code),
            Some(code) => Ended::Exited(code),
        };
        suite.hit.extend(match suite.ended {
            Ended::TimedOut => Some(Bound::Wall),
            Ended::Signaled(libc::SIGXCPU) => Some(Bound::Processor),
            Ended::Signaled(libc::SIGXFSZ) => Some(Bound::FileSize),
            Ended::Signaled(_) | Ended::Exited(_) | Ended::DiskFull | Ended::Cancelled => None,
        });
        suite.hit.sort_unstable();
        suite.hit.dedup();
        suite
    }
}
