//! What developer and qa need to run the project's code: sandbox, interpreter, tests, limits.

use std::sync::Arc;

use groundcrew_core::audit::Recorder;
use groundcrew_repair::Bench;
use groundcrew_workbench::git::{Repository, Sha};
use groundcrew_workbench::sandbox::Limits;

use crate::agent::{Job, Trouble};
use crate::scratch::run_folder;
use crate::site::Site;

/// A bench for a commit of the project.
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
    let mut python = site.python(&sandbox, &recorder).map_err(Trouble::Environment)?;
    python.read_only.extend(site.config.sandbox.read.iter().cloned());
    let limits = Limits {
        wall: site.config.test.timeout.get(),
        memory_bytes: site.config.sandbox.memory_mb.saturating_mul(1024 * 1024),
        ..Limits::default()
    };
    let tests = site.test_command(repository, base, &python)?;
    Ok(Bench {
        repository: repository.clone(),
        sandbox,
        python,
        tests,
        limits,
        time: site.config.change.time.get(),
        folder: run_folder(&job.tools.work_folder, job.task.id, job.task.lease_token),
        cancel: job.desk.cancel().clone(),
    })
}
