//! What developer and qa need to run the project's code: sandbox, interpreter, tests, limits.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_core::audit::Recorder;
use groundcrew_repair::Bench;
use groundcrew_workbench::git::{Repository, Sha};
use groundcrew_workbench::runner::collect_suite;
use groundcrew_workbench::sandbox::Sandbox;

use crate::agent::{Job, Trouble};
use crate::environment::{demand, limits, python_for, with_services};
use crate::scratch::run_folder;
use crate::site::Site;

/// A bench for a commit of the project, on which its tests can be imported.
pub(super) fn bench(
    job: &Job<'_>,
    site: &Site,
    repository: &Repository,
    base: &Sha,
) -> Result<Bench, Trouble> {
    let recorder: Arc<dyn Recorder> = job.desk.clone();
    let sandbox = match job.tools.sandbox() {
        Ok(sandbox) => sandbox.with_recorder(Arc::clone(&recorder)),
        Err(error) => return Err(Trouble::Environment(error.to_string())),
    };
    let minimum = site.config.sandbox.minimum;
    if sandbox.level() < minimum {
        return Err(Trouble::Environment(format!(
            "project {} wants the sandbox level {minimum}, and here only {} works; `groundcrew doctor` says why",
            site.name,
            sandbox.level()
        )));
    }
    let known = Known::of(site, base, &sandbox);
    // An environment may be gone or half made since it was last used, so it is looked for each time.
    let python = python_for(job, site, repository, base, &sandbox)?;
    let tests = site.test_command(repository, base, &python)?;
    let bench = Bench {
        repository: repository.clone(),
        sandbox: with_services(site, sandbox)?,
        python,
        tests,
        limits: limits(site),
        time: site.config.change.time.get(),
        candidates: site.config.change.max_candidates,
        folder: run_folder(&job.tools.work_folder, job.task.id, job.task.lease_token),
        cancel: job.desk.cancel().clone(),
    };
    if !job.tools.proven.holds(&known, job) {
        can_import(job, site, &bench, base)?;
        job.tools.proven.keep(known);
    }
    Ok(bench)
}

/// How long what was shown of a commit is taken for true: the tasks of one fix follow each other sooner.
const LASTS: Duration = Duration::from_secs(60);

/// Commits whose tests were shown to be importable.
#[derive(Default)]
pub(crate) struct Proven(Mutex<Vec<(Known, Instant)>>);

/// What it was shown for.
#[derive(PartialEq, Eq)]
pub(crate) struct Known {
    root: PathBuf,
    settings: String,
    commit: String,
}

impl Known {
    fn of(site: &Site, base: &Sha, sandbox: &Sandbox) -> Self {
        Self {
            root: site.root.clone(),
            settings: format!("{:?} {:?} {}", site.config.test, site.config.services, sandbox.level()),
            commit: base.as_str().to_owned(),
        }
    }
}

impl Proven {
    /// A person who was asked may have mended what was wrong, so that after an answer it is looked at anew.
    fn holds(&self, wanted: &Known, job: &Job<'_>) -> bool {
        if !job.answers.is_empty() {
            return false;
        }
        let mut proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proven.retain(|(_, since)| since.elapsed() < LASTS);
        proven.iter().any(|(known, _)| known == wanted)
    }

    fn keep(&self, known: Known) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((known, Instant::now()));
    }
}

/// Nothing that runs counts while the tests cannot even be imported, so that is found out before anything is tried.
fn can_import(job: &Job<'_>, site: &Site, bench: &Bench, base: &Sha) -> Result<(), Trouble> {
    let Some(command) = bench.tests.as_ref().filter(|command| command.kind.is_python()) else {
        return Ok(());
    };
    let checkout = bench.checkout(base)?;
    let Bench { sandbox, python, limits, cancel, .. } = bench;
    let suite = collect_suite(sandbox, python, checkout.path(), command, limits, cancel)?;
    demand(job, site, &suite, python)
}
