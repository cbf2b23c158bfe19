//! `trust`: shows which keys of a project's configuration widen the crew's power, and lets them count from now on.

use std::path::{Path, PathBuf};

use groundcrew_crew::config::{Config, FILE_NAME, file_of};
use groundcrew_crew::trust::Trust;
use groundcrew_store::Access;
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, repository};
use crate::options;
use crate::table::Table;

/// Trusts a project's configuration.
pub(super) fn run(options: &options::Trust, at: &Invocation) -> Result<Done, Failure> {
    let (root, file) = checkout(at)?;
    let Some((config, text)) = Config::read(&file)? else {
        return Err(Failure::new(Kind::NotFound, format!("there is no {}", file.display()))
            .hint("`groundcrew init` writes one"));
    };
    let record = at.trust()?;
    let before = record.check(&root, &text);
    if !options.show {
        // Exactly the text that is shown below, not what the file may hold by now.
        record.trust(&root, &text)?;
    }
    let trusted = !options.show || before == Trust::Trusted;
    if at.out.is_json() {
        at.out.document(&json!({
            "file": file,
            "trusted": trusted,
            "power_keys": config.power_keys(),
            "values": { "test": config.test, "sandbox": config.sandbox, "logs": config.logs.paths },
        }))?;
        return Ok(Done::Clean);
    }
    at.out.lines(powers(&config))?;
    let state = match (options.show, before) {
        (true, Trust::Trusted) | (false, Trust::Trusted) => "is trusted as it is",
        (true, Trust::Untrusted) => {
            "is not trusted: these keys do not count until you run `groundcrew trust`"
        }
        (false, Trust::Untrusted) => "is trusted from now on, until it changes",
    };
    at.out.line(format!("{} {state}", escape::line(&file.to_string_lossy())))?;
    Ok(Done::Clean)
}

/// The checkout and its configuration file: of the project that was named, or of the one around the current folder.
fn checkout(at: &Invocation) -> Result<(PathBuf, PathBuf), Failure> {
    if at.project_name().is_some() {
        let store = at.open(Access::ReadOnly)?;
        if let Some(project) = at.project(store.as_ref())? {
            return Ok((PathBuf::from(&project.root), file_of(&project)));
        }
    }
    let root = repository(Path::new("."))?.top().to_owned();
    // Trust needs no database: a file can be trusted before the project is added.
    let known = at
        .open(Access::ReadOnly)
        .ok()
        .and_then(|store| store.project_at(&root.to_string_lossy()).ok().flatten());
    let file = known.as_ref().map_or_else(|| root.join(FILE_NAME), file_of);
    Ok((root, file))
}

/// The keys that widen power with their values.
fn powers(config: &Config) -> Vec<String> {
    let keys = config.power_keys();
    if keys.is_empty() {
        return vec!["no key widens the crew's power".to_owned()];
    }
    let mut table = Table::bare();
    for key in keys {
        let value = match key {
            "test.command" => config.test.command.as_ref().map_or_else(String::new, |argv| argv.join(" ")),
            "test.python" => {
                config.test.python.as_ref().map_or_else(String::new, |path| path.display().to_string())
            }
            "sandbox.read" => {
                config.sandbox.read.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(", ")
            }
            "sandbox.memory_mb" => config.sandbox.memory_mb.to_string(),
            _ => config.logs.paths.join(", "),
        };
        table.row([format!("  {key}"), escape::line(&value)]);
    }
    std::iter::once("keys that widen the crew's power".to_owned()).chain(table.lines()).collect()
}
