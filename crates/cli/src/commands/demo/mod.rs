//! `demo`: a small broken service, really started and really called, and the crew that repairs it.
//!
//! Everything lies in one folder of its own: the service's repository, its log, the database, the trust record. Nothing
//! of the user's is read or written. What is printed is read back from the database and from git; the demo knows
//! nothing about which errors the service has.
//!
//! | file | what |
//! | --- | --- |
//! | `roastery` | the service as data, and laying it out |
//! | `service` | starting it, calling it, ending it |
//! | `http` | the few lines of HTTP that this takes |
//! | `secrets` | looking for leaked secrets everywhere |
//! | `report` | what is told at the end |

mod http;
mod report;
mod roastery;
mod secrets;
mod service;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use groundcrew_core::audit::{NoRecorder, Recorder};
use groundcrew_crew::config::FILE_NAME;
use groundcrew_crew::supervisor;
use groundcrew_store::Access;
use groundcrew_workbench::git::{Repository, git_version};
use groundcrew_workbench::python::Python;
use groundcrew_workbench::sandbox::Sandbox;
use tempfile::TempDir;

use crate::commands::init;
use crate::commands::up::{self, Terms, Until};
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, sandbox};
use crate::options::Demo;
use crate::signals::Signals;
use roastery::Roastery;

/// Where everything of the demo lies.
struct Place {
    folder: PathBuf,
    /// The folder is taken away with it, unless it is to be kept.
    temporary: Option<TempDir>,
}

impl Place {
    fn make(keep: Option<&Path>) -> Result<Self, Failure> {
        let Some(keep) = keep else {
            let made = tempfile::Builder::new().prefix("groundcrew-demo-").tempdir();
            let made = made.map_err(|error| {
                Failure::new(Kind::Failed, format!("cannot make a temporary folder: {error}"))
            })?;
            return Ok(Self { folder: canonical(made.path())?, temporary: Some(made) });
        };
        let taken = std::fs::read_dir(keep).is_ok_and(|mut entries| entries.next().is_some());
        if taken {
            return Err(Failure::new(Kind::Conflict, format!("{} is not empty", keep.display()))
                .hint("name a folder that is empty or not there yet"));
        }
        std::fs::create_dir_all(keep).map_err(|error| {
            Failure::new(Kind::Failed, format!("cannot make {}: {error}", keep.display()))
        })?;
        Ok(Self { folder: canonical(keep)?, temporary: None })
    }

    fn repository(&self) -> PathBuf {
        self.folder.join("roastery")
    }

    fn log(&self) -> PathBuf {
        self.repository().join("roastery.log")
    }

    fn database(&self) -> String {
        format!("sqlite:{}", self.folder.join("groundcrew.db").display())
    }

    fn config(&self) -> PathBuf {
        self.folder.join("config")
    }
}

/// Shows the crew at work.
pub(super) fn run(options: &Demo, at: &Invocation) -> Result<Done, Failure> {
    let began = Instant::now();
    let signals = Signals::watch()?;
    let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
    git_version(recorder.as_ref())?;
    let sandbox = sandbox().map_err(|problem| up::no_sandbox(at, &problem))?;
    let python = Python::find(&sandbox, &recorder).map_err(|error| {
        Failure::new(Kind::Usage, error.to_string()).hint("install python3, then run the demo again")
    })?;
    let place = Place::make(options.keep.as_deref())?;
    let roastery = Roastery::embedded()?;
    let shown = at.showing_steps_as_progress();
    break_things(&shown, &place, &roastery, &python)?;

    let own = at.elsewhere(&place.database(), &place.config());
    let store = own.open(Access::Create)?;
    register(&own, store.as_ref(), &place, &sandbox)?;
    shown.out.line("4. the crew goes to work: six agents, no model, no key, no network")?;
    let terms = Terms { until: Until::Idle, crew: supervisor::Terms::default() };
    let done = up::work(&own.showing_steps_as_progress(), &store, sandbox, terms, &signals)?;
    if done != Done::Clean {
        return Ok(done);
    }
    let fixes = report::fixes(&own, store.as_ref())?;
    let patches: Vec<&str> = fixes.iter().filter_map(report::Fix::patch).collect();
    let secrets = secrets::look(store.as_ref(), &place.folder, &place.log(), &patches, &roastery.secrets())?;
    let kept = place.temporary.is_none();
    let report = report::gather(&own, store.as_ref(), fixes, secrets, &place.folder, kept, began.elapsed())?;
    report::print(&own, &report)?;
    // Something to approve and nothing leaked, whatever the service's errors are.
    let shown = report.waiting > 0 && report.secrets.found.is_empty();
    Ok(if shown { Done::Clean } else { Done::Short })
}

/// Lays the service out, starts it, and has its customers run into its defects.
fn break_things(
    shown: &Invocation,
    place: &Place,
    roastery: &Roastery,
    python: &Python,
) -> Result<(), Failure> {
    let repository = roastery.lay_out(&place.repository())?;
    shown.out.line(format!(
        "1. a small web service with a history of {} commits: {}",
        roastery.commits(),
        escape::line(&repository.top().to_string_lossy())
    ))?;
    let mut service =
        service::Service::start(&roastery.start_command(&place.log())?, &place.repository(), python)?;
    shown.out.line(format!(
        "2. it runs: process {}, port {} on loopback",
        service.process(),
        service.port()
    ))?;
    let told = roastery.call(service.port())?;
    service.stop()?;
    shown.out.line(format!("3. {} requests were sent; {told}", roastery.requests()))?;
    Ok(())
}

fn register(
    own: &Invocation,
    store: &dyn groundcrew_store::Store,
    place: &Place,
    sandbox: &Sandbox,
) -> Result<(), Failure> {
    let repository = Repository::open(&place.repository(), Arc::new(NoRecorder))?;
    let found = init::look(&repository, place.repository().join(FILE_NAME), Some(sandbox))?;
    init::set_up(store, &own.trust()?, &found)?;
    Ok(())
}

fn canonical(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize()
        .map_err(|error| Failure::new(Kind::Failed, format!("cannot open {}: {error}", path.display())))
}
