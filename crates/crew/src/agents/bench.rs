//! What developer and qa need to run the project's code: sandbox, interpreter, tests, limits.

use std::sync::Arc;

use groundcrew_core::audit::Recorder;
use groundcrew_repair::Bench;
use groundcrew_workbench::git::{Repository, Sha};
use groundcrew_workbench::runner::{Kind, collect_suite};

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
    can_import(job, site, &bench, base)?;
    Ok(bench)
}

/// Nothing that runs counts while the tests cannot even be imported, so that is found out before anything is tried.
fn can_import(job: &Job<'_>, site: &Site, bench: &Bench, base: &Sha) -> Result<(), Trouble> {
    let Some(command) = bench.tests.as_ref().filter(|command| command.kind != Kind::Other) else {
        return Ok(());
    };
    let checkout = bench.checkout(base)?;
    let Bench { sandbox, python, limits, cancel, .. } = bench;
    let suite = collect_suite(sandbox, python, checkout.path(), command, limits, cancel)?;
    demand(job, site, &suite, python)
}
