//! `up`: runs the crew until it is stopped, and tells every step as it happens.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use groundcrew_crew::brain::Rules;
use groundcrew_crew::site::Site;
use groundcrew_crew::supervisor::{self, Crew, Intake};
use groundcrew_crew::trust::TrustStore;
use groundcrew_store::{Access, IncidentFilter, Store};
use groundcrew_workbench::sandbox::{Sandbox, Unavailable};
use serde::Serialize;

use crate::commands::incidents;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, sandbox};
use crate::live::Live;
use crate::options::Up;
use crate::progress::Progress;
use crate::settings::warn_about_ignored;
use crate::signals::Signals;

/// Longest wait between two looks at the audit log.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long the crew may take to stop in good order.
const STOP_WITHIN: Duration = Duration::from_secs(9);

/// Runs the crew.
pub(super) fn run(options: &Up, at: &Invocation) -> Result<Done, Failure> {
    let signals = Signals::watch()?;
    let store = at.open(Access::Existing)?;
    let sandbox = sandbox().map_err(|problem| no_sandbox(at, &problem))?;
    let trust = at.trust()?;
    let projects = warn_about_projects(at, store.as_ref(), &trust)?;
    if at.project_name().is_some() && at.config_named().is_none() {
        at.out
            .warn("a crew works all projects of its database; --project only says whose file --config names");
    }
    at.out.note(format!(
        "crew of 6 on {}, sandbox {}, projects: {projects}; Ctrl-C stops it",
        escape::line(&at.database()?),
        sandbox.level()
    ));
    let done = work(
        at,
        &store,
        sandbox,
        Terms {
            until: until(options),
            crew: supervisor::Terms { lease: options.lease, intake: Intake::Projects },
        },
        &signals,
    )?;
    if done != Done::Clean {
        return Ok(done);
    }
    summary(at, store.as_ref())
}

/// When a crew ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Never.
    Stopped,
    /// When nothing is left that it could do.
    Idle,
}

/// On what terms a crew works for a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// When it ends by itself.
    pub(crate) until: Until,
    /// Its own.
    pub(crate) crew: supervisor::Terms,
}

fn until(options: &Up) -> Until {
    if options.until_idle { Until::Idle } else { Until::Stopped }
}

/// Runs a crew and prints its steps, until it is idle or a signal comes.
///
/// # Errors
/// The database cannot be used, or the reader of the steps has gone; the crew is stopped then too.
pub(crate) fn work(
    at: &Invocation,
    store: &Arc<dyn Store>,
    sandbox: Sandbox,
    terms: Terms,
    signals: &Signals,
) -> Result<Done, Failure> {
    let mut live = Live::from_now(store)?;
    let mut progress = Progress::new(&at.out);
    let crew = Crew::start(at.tools(store, Ok(sandbox))?, Box::new(Rules), terms.crew)?;
    let mut screen = Screen { live: &mut live, progress: &mut progress };
    let watched = watch(at, store.as_ref(), &crew, &mut screen, terms, signals);
    progress.clear();
    if !stop(crew) {
        at.out.warn("the crew did not stop in time; what it left is taken up again when its leases end");
    }
    let done = watched?;
    live.show(&at.out, &progress)?;
    Ok(done)
}

/// What is shown while the crew works.
struct Screen<'a> {
    live: &'a mut Live,
    progress: &'a mut Progress,
}

fn watch(
    at: &Invocation,
    store: &dyn Store,
    crew: &Crew,
    screen: &mut Screen<'_>,
    terms: Terms,
    signals: &Signals,
) -> Result<Done, Failure> {
    let mut seen = 0;
    let mut idle_before = false;
    let mut told = BTreeSet::new();
    loop {
        screen.progress.refresh(store, at.shown_now())?;
        screen.live.show(&at.out, screen.progress)?;
        told = tell_troubles(screen.progress, crew, &told);
        if let Some(done) = signals.received() {
            screen.progress.note("stopping; once more ends it at once");
            return Ok(done);
        }
        if terms.until == Until::Idle {
            let idle = crew.is_idle()?;
            // Twice where logs are read, since a scan may be about to be put into the queue.
            if idle && (idle_before || terms.crew.intake == Intake::Queue) {
                return Ok(Done::Clean);
            }
            idle_before = idle;
        }
        seen = store.changes(seen, LOOK_EVERY);
    }
}

/// Warns once about each thing that keeps the crew from its work; gives the causes of all that is wrong now.
fn tell_troubles(progress: &Progress, crew: &Crew, told: &BTreeSet<String>) -> BTreeSet<String> {
    let now = crew.troubles();
    for (_, trouble) in now.iter().filter(|(cause, _)| !told.contains(*cause)) {
        progress.warn(&format!("the crew cannot go on and keeps trying: {}", escape::lines(trouble)));
    }
    if now.is_empty() && !told.is_empty() {
        progress.note("the crew goes on");
    }
    now.into_keys().collect()
}

/// Stops a crew in good order; false if that takes too long.
fn stop(crew: Crew) -> bool {
    let (stopped, waits) = mpsc::channel();
    std::thread::spawn(move || {
        crew.stop();
        // Nobody waits any more when it took too long.
        stopped.send(()).ok();
    });
    waits.recv_timeout(STOP_WITHIN).is_ok()
}

/// The failure of a machine without a sandbox: tasks that run something could only wait.
pub(crate) fn no_sandbox(at: &Invocation, problem: &Unavailable) -> Failure {
    let mut failure =
        Failure::new(Kind::Refused, "no sandbox works here, and nothing of a project runs outside one");
    for probe in &problem.probes {
        if let Some(problem) = &probe.problem {
            failure = failure.hint(format!("{}: {problem}", probe.level));
        }
    }
    failure.hint(format!("`{}` checks everything again", at.command("doctor")))
}

/// Warns about settings that do not count; gives the names of the projects.
fn warn_about_projects(at: &Invocation, store: &dyn Store, trust: &TrustStore) -> Result<String, Failure> {
    let projects = store.projects()?;
    for project in &projects {
        let name = escape::line(&project.name);
        match Site::open(project, trust) {
            Err(error) => {
                at.out.warn(format!("project {name} is left out: {}", escape::lines(&error.to_string())));
            }
            Ok(site) => {
                warn_about_ignored(at, project, &site);
                for trouble in site.logs().troubles {
                    at.out.warn(format!("project {name}: {}", escape::lines(&trouble)));
                }
            }
        }
    }
    if projects.is_empty() {
        at.out.warn("there is no project yet; run `groundcrew init` in its repository");
        return Ok("none".into());
    }
    Ok(projects.iter().map(|project| escape::line(&project.name)).collect::<Vec<_>>().join(", "))
}

/// What a crew that ended by itself leaves, as the last record of the stream.
#[derive(Serialize)]
struct Summary<'a> {
    incidents: &'a [incidents::Row],
    /// How many questions and approvals wait for the person.
    waiting: usize,
    exit_code: u8,
}

/// What became of the incidents, and whether something waits for the person.
fn summary(at: &Invocation, store: &dyn Store) -> Result<Done, Failure> {
    let waiting = store.inbox()?.len();
    let done = if waiting > 0 { Done::NotClean } else { Done::Clean };
    let found = incidents::Row::all(store, store.incidents(&IncidentFilter::default())?)?;
    if at.out.is_json() {
        let summary = Summary { incidents: &found, waiting, exit_code: done.exit_code() };
        at.out.record("summary", &summary)?;
        return Ok(done);
    }
    if found.is_empty() {
        at.out.line("no incidents")?;
    } else {
        at.out.lines(incidents::lines(&at.out, &found))?;
    }
    if waiting > 0 {
        at.out.line(format!("{waiting} waiting for you: {}", at.command("inbox")))?;
    }
    Ok(done)
}
