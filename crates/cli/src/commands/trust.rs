//! `trust`: shows which keys of a project's configuration widen the crew's power, and lets them count from now on.

use std::path::{Path, PathBuf};

use groundcrew_crew::config::Config;
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
            .hint(format!("`{}` writes one", at.command("init"))));
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
            "values": {
                "test": config.test,
                "services": config.services,
                "sandbox": config.sandbox,
                "logs": config.logs.paths,
                "limits": config.limits,
                "security": config.security,
                "hooks": config.hooks,
                "health": config.health,
            },
        }))?;
        return Ok(Done::Clean);
    }
    at.out.lines(powers(&config))?;
    let state = match (options.show, config.power_keys().is_empty(), before) {
        (_, _, Trust::Trusted) => "is trusted as it is".to_owned(),
        (true, true, Trust::Untrusted) => "is not trusted, and needs no trust to count as it is".to_owned(),
        (true, false, Trust::Untrusted) => format!(
            "is not trusted: these keys do not count until you run `{}`",
            at.command_about(&root, at.project_name(), "trust")
        ),
        (false, _, Trust::Untrusted) => "is trusted from now on, until it changes".to_owned(),
    };
    at.out.line(format!("{} {state}", escape::line(&file.to_string_lossy())))?;
    Ok(Done::Clean)
}

/// The checkout and its configuration file: of the project that was named, or of the one around the current folder.
fn checkout(at: &Invocation) -> Result<(PathBuf, PathBuf), Failure> {
    if let Some((root, file)) = at.read_instead() {
        return Ok((root.clone(), file.clone()));
    }
    let named = match at.project_name() {
        Some(_) => at.project(at.open(Access::ReadOnly)?.as_ref())?,
        None => None,
    };
    let root = match named {
        Some(project) => PathBuf::from(project.root),
        // Trust needs no database: a file can be trusted before the project is added.
        None => repository(Path::new("."))?.top().to_owned(),
    };
    let file = at.config_of(&root);
    Ok((root, file))
}

/// The keys that widen power with their values.
fn powers(config: &Config) -> Vec<String> {
    let keys = config.power_keys();
    if keys.is_empty() {
        return vec!["no key widens the crew's power".to_owned()];
    }
    let all = toml::Table::try_from(config).unwrap_or_default();
    let mut table = Table::bare();
    for key in keys {
        table.row([
            format!("  {key}"),
            value(&all, key).map_or_else(String::new, |value| escape::line(&value)),
        ]);
    }
    std::iter::once("keys that widen the crew's power".to_owned()).chain(table.lines()).collect()
}

/// The value of a key as the file has it; what follows the key's first word is a remark.
fn value(all: &toml::Table, key: &str) -> Option<String> {
    let mut parts = key.split(' ').next()?.split('.');
    let first = all.get(parts.next()?)?;
    parts.try_fold(first, |section, part| section.get(part)).map(ToString::to_string)
}
