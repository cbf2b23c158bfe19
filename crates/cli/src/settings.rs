//! Which configuration file a call is about: `--config FILE` stands for that of one project, for as long as the call
//! lasts.
//!
//! It is the user's own word for where the file is and no word about what is in it: keys that widen power count only if
//! that content is trusted. A verb that reads no configuration refuses the flag instead of passing it over.

use std::path::{Path, PathBuf};

use groundcrew_crew::site::Site;
use groundcrew_store::{Access, Project, Store};

use crate::escape;
use crate::failure::{Failure, Kind};
use crate::invocation::{Invocation, repository};
use crate::options::{Logs, LogsAction, Verb};

/// The verbs that take `--config`.
const TAKE_IT: &str = "init, trust, doctor, up, scan, logs parse, fix and verify take it";

/// The call with the settings of its project read from the file that was named.
///
/// # Errors
/// The verb reads no configuration, the file is not there, or it is not clear which project is meant.
pub(crate) fn settled(verb: &Verb, at: Invocation) -> Result<Invocation, Failure> {
    let Some(file) = at.config_named() else { return Ok(at) };
    let file = std::path::absolute(file)
        .map_err(|error| Failure::new(Kind::Usage, format!("{} is no path: {error}", file.display())))?;
    if let Verb::Logs(Logs { action: LogsAction::Parse(_) }) = verb {
        // It reads the rules of the file, of whichever project that is.
        return Ok(at);
    }
    let root = match verb {
        Verb::Init(_) => top(None)?,
        Verb::Fix(options) => top(options.place.repo.as_deref())?,
        Verb::Verify(options) => top(options.place.repo.as_deref())?,
        Verb::Trust(_) => match at.project_name() {
            Some(_) => project(&at)?,
            // Trust needs no database: a file can be trusted before the project is added.
            None => top(None).or_else(|_| project(&at))?,
        },
        Verb::Doctor | Verb::Up(_) | Verb::Scan(_) => project(&at)?,
        Verb::Demo(_)
        | Verb::Status(_)
        | Verb::Logs(_)
        | Verb::Incidents(_)
        | Verb::Inbox
        | Verb::Answer(_)
        | Verb::Approve(_)
        | Verb::Reject(_)
        | Verb::Messages(_)
        | Verb::Bench(_)
        | Verb::Tasks(_)
        | Verb::Show(_)
        | Verb::New(_)
        | Verb::Schedules(_)
        | Verb::Signals(_)
        | Verb::Agents
        | Verb::Workers
        | Verb::Pause(_)
        | Verb::Resume(_)
        | Verb::Limits(_)
        | Verb::Audit(_)
        | Verb::Db(_)
        | Verb::Schema(_)
        | Verb::Completions(_)
        | Verb::Man(_) => {
            return Err(Failure::new(
                Kind::Usage,
                "--config means nothing here: this verb reads no configuration",
            )
            .hint(TAKE_IT));
        }
    };
    if !matches!(verb, Verb::Init(_)) && file.symlink_metadata().is_err() {
        return Err(Failure::new(Kind::NotFound, format!("there is no {}", file.display())).hint(format!(
            "`{}` writes one",
            at.command(&format!("init --config {}", escape::shell(&file.to_string_lossy())))
        )));
    }
    Ok(at.reading(root, file))
}

/// Warns about the settings of a project that do not count, with the command that lets them.
pub(crate) fn warn_about_ignored(at: &Invocation, project: &Project, site: &Site) {
    if !site.ignored.is_empty() {
        at.out.warn(format!(
            "project {}: {} do not count until you look at {} and run `{}`",
            escape::line(&project.name),
            site.ignored.join(", "),
            at.config_shown(project),
            at.command_about(&site.root, Some(&project.name), "trust")
        ));
    }
}

fn top(folder: Option<&Path>) -> Result<PathBuf, Failure> {
    Ok(repository(folder.unwrap_or(Path::new(".")))?.top().to_owned())
}

/// The checkout of the one project that a call is about.
fn project(at: &Invocation) -> Result<PathBuf, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let project = match at.project(store.as_ref())? {
        Some(named) => named,
        None => only(store.as_ref())?,
    };
    Ok(PathBuf::from(project.root))
}

/// The project around the current folder, else the only one.
fn only(store: &dyn Store) -> Result<Project, Failure> {
    let here = top(None).ok();
    let here = here.and_then(|root| root.to_str().map(str::to_owned));
    if let Some(known) = here.map(|root| store.project_at(&root)).transpose()?.flatten() {
        return Ok(known);
    }
    let mut all = store.projects()?;
    if all.len() > 1 {
        let names: Vec<String> = all.iter().map(|project| escape::line(&project.name)).collect();
        return Err(Failure::new(Kind::Usage, "--config is the file of one project, and there are several")
            .hint(format!("name one with --project: {}", names.join(", "))));
    }
    all.pop().ok_or_else(|| {
        Failure::new(Kind::NotFound, "there is no project yet")
            .hint("run `groundcrew init` in its repository")
    })
}
