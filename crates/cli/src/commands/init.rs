//! `init`: looks at a repository, writes one commented configuration, and registers the project.
//!
//! Only a file that this command wrote itself is trusted by it. One that was there already may come from a stranger.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::audit::{NoRecorder, Recorder};
use groundcrew_crew::config::{Config, FILE_FIELD, FILE_NAME};
use groundcrew_crew::trust::{Trust, TrustStore};
use groundcrew_store::{Access, Store};
use groundcrew_workbench::git::{Repository, Sha};
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::{TestCommand, detect_tests};
use groundcrew_workbench::sandbox::Sandbox;
use serde::Serialize;
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, repository, sandbox};
use crate::options::Init;
use crate::table::Table;

/// Folders of a repository in which services commonly log.
const LOG_FOLDERS: [&str; 4] = ["", "log", "logs", "var/log"];

/// Largest file that is read to find out how the tests run, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// What was found in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    /// Name of the project.
    pub(crate) name: String,
    /// Top folder of the checkout.
    pub(crate) root: PathBuf,
    /// The branch that fixes start from.
    pub(crate) branch: Option<String>,
    /// How its tests run.
    pub(crate) tests: Option<Vec<String>>,
    /// Why that is not known.
    pub(crate) tests_unknown: Option<String>,
    /// Log files, as patterns beneath the root.
    pub(crate) logs: Vec<String>,
    /// The configuration file.
    pub(crate) config: PathBuf,
}

/// What became of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum File {
    /// This command wrote it, and trusts it.
    Written,
    /// It was there, and the user trusts it as it is.
    Trusted,
    /// It was there, and nobody has trusted it.
    Untrusted,
    /// It would be written.
    WouldWrite,
}

/// Sets up the repository in the current folder.
pub(super) fn run(options: &Init, at: &Invocation) -> Result<Done, Failure> {
    let repository = repository(Path::new("."))?;
    // A project that is known keeps its name and its file, unless others are given.
    let known = match at.open(Access::ReadOnly) {
        Ok(store) => store.project_at(&text_of(repository.top())?)?,
        Err(_) => None,
    };
    let mut found = look(&repository, at.config_of(repository.top()), sandbox().as_ref().ok())?;
    if let Some(name) = at.project_name().map(str::to_owned).or(known.map(|known| known.name)) {
        found.name = name;
    }
    if options.dry_run {
        let file = if found.config.exists() { existing(&at.trust()?, &found)? } else { File::WouldWrite };
        return report(at, &found, file, Writing::Not);
    }
    let store = at.open(Access::Create)?;
    let file = set_up(store.as_ref(), &at.trust()?, &found).map_err(|failure| match failure.kind {
        Kind::Conflict => failure.hint("name it with --project NAME"),
        Kind::Failed | Kind::Usage | Kind::NotFound | Kind::Refused | Kind::Busy | Kind::BrokenPipe => {
            failure
        }
    })?;
    report(at, &found, file, Writing::Done)
}

/// Registers a project and writes its configuration, if it has none.
///
/// # Errors
/// The name is taken, or something cannot be written.
pub(crate) fn set_up(store: &dyn Store, trust: &TrustStore, found: &Found) -> Result<File, Failure> {
    let is_there = Config::read(&found.config)?.is_some();
    let settings = if found.config == found.root.join(FILE_NAME) {
        json!({})
    } else {
        json!({ FILE_FIELD: text_of(&found.config)? })
    };
    store.add_project(&found.name, &text_of(&found.root)?, &settings)?;
    if is_there {
        return existing(trust, found);
    }
    let text = configuration(found);
    write_new(&found.config, &text)?;
    trust.trust(&found.root, &text)?;
    Ok(File::Written)
}

fn existing(trust: &TrustStore, found: &Found) -> Result<File, Failure> {
    let trusted = Config::read(&found.config)?.map(|(_, text)| trust.check(&found.root, &text));
    Ok(match trusted {
        Some(Trust::Trusted) => File::Trusted,
        Some(Trust::Untrusted) | None => File::Untrusted,
    })
}

/// Looks at a repository.
///
/// # Errors
/// It has no commit, or cannot be read.
pub(crate) fn look(
    repository: &Repository,
    config: PathBuf,
    sandbox: Option<&Sandbox>,
) -> Result<Found, Failure> {
    let head = repository.head()?;
    let root = repository.top().to_owned();
    let configured = Config::read(&config)?.map(|(config, _)| config);
    let folder_name = root.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = configured.as_ref().and_then(|config| config.project.name.clone()).or(folder_name);
    let (tests, tests_unknown) = match sandbox {
        None => (None, Some("no sandbox works here; `groundcrew doctor` says why".to_owned())),
        Some(sandbox) => match tests(repository, &head.commit, sandbox)? {
            Ok(command) => (command.map(|command| command.argv), None),
            Err(problem) => (None, Some(problem)),
        },
    };
    Ok(Found {
        name: name.unwrap_or_else(|| "project".to_owned()),
        branch: repository.default_branch()?,
        tests,
        tests_unknown,
        logs: configured.map_or_else(|| log_files(&root), |config| config.logs.paths),
        root,
        config,
    })
}

/// How the tests of a commit run, or why that cannot be told.
pub(crate) fn tests(
    repository: &Repository,
    commit: &Sha,
    sandbox: &Sandbox,
) -> Result<Result<Option<TestCommand>, String>, Failure> {
    let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
    let python = match Python::find(sandbox, &recorder) {
        Ok(python) => python,
        Err(problem) => return Ok(Err(problem.to_string())),
    };
    let files: Vec<_> = repository.files(commit)?.into_iter().map(|entry| entry.path).collect();
    let read = |path: &_| repository.read(commit, path, LARGEST).ok().flatten();
    Ok(Ok(detect_tests(&files, read, &python)))
}

/// Log files in the common places. Links are not followed: they could lead anywhere.
fn log_files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in LOG_FOLDERS {
        let names = logs_in(root, folder);
        let join = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        match names.as_slice() {
            [] => {}
            [one] => found.push(join(one)),
            [_, _, ..] => found.push(join("*.log")),
        }
    }
    found
}

fn logs_in(root: &Path, folder: &str) -> Vec<String> {
    let mut path = root.to_owned();
    for part in Path::new(folder) {
        path.push(part);
        if !std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
            return Vec::new();
        }
    }
    let Ok(entries) = std::fs::read_dir(&path) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".log") && !name.contains('*'))
        .collect();
    names.sort();
    names
}

/// The configuration of a project, with a comment for each key that people change.
pub(crate) fn configuration(found: &Found) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let list = |texts: &[String]| toml::Value::from(texts.to_vec()).to_string();
    let branch = match &found.branch {
        Some(branch) => format!("branch = {}", quoted(branch)),
        None => "# branch = \"main\"".to_owned(),
    };
    let tests = match &found.tests {
        Some(argv) => format!("# Found: {}", escape::line(&argv.join(" "))),
        None => "# None were found. Without tests no fix can be verified.".to_owned(),
    };
    format!(
        "\
# What the crew knows about this project. Keys marked trust in the configuration reference widen its power: commands and
# interpreters, services, hooks, what lies outside the repository, more than the usual limits. They count only after
# `groundcrew trust`, and again after every change of this file.

[project]
name = {name}
# The branch that fixes start from; without it the one that is checked out.
{branch}

[logs]
# Log files, relative to the repository or absolute. * ? [a-z] may stand in any part, and ** for any number of folders.
paths = {logs}
# Errors older than this when a log is first read are recorded and not worked.
baseline = \"24h\"

[test]
{tests}
# The tests are looked for again on every commit; a command here is taken instead.
# command = [\"python3\", \"-m\", \"unittest\"]
# Packages come from .venv, venv or env beside the code. One elsewhere can be named, or a command that makes one.
# environment = \"../shop-venv\"
# setup = [\"uv\", \"sync\", \"--frozen\"]
timeout = \"300s\"

[change]
# The most that one fix may change.
max_files = 3
max_lines = 60

# Layers from the top down; a layer may import only itself and those below it.
# [design]
# layers = [[\"app.web\"], [\"app.domain\"], [\"app.storage\"]]

# A service that the tests may reach.
# [[services]]
# name = \"database\"
# address = \"127.0.0.1:5432\"

# A program of yours that gets each event as JSON on standard input.
# [hooks]
# on_event = [\"notify-me\"]
",
        name = quoted(&found.name),
        logs = list(&found.logs),
    )
}

/// Writes a file that must not exist, so that nothing of anybody's is lost.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|error: std::io::Error| {
        Failure::new(Kind::Failed, format!("cannot write {}: {error}", path.display()))
    })
}

/// Whether this call writes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// It has written.
    Done,
    /// It only looks.
    Not,
}

fn text_of(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new(Kind::Usage, format!("the path {} is not UTF-8", path.display()))
            .hint("use a path that is")
    })
}

fn report(at: &Invocation, found: &Found, file: File, writing: Writing) -> Result<Done, Failure> {
    let next = match (writing, file) {
        (Writing::Not, _) | (_, File::WouldWrite) => at.command_about(&found.root, at.project_name(), "init"),
        (Writing::Done, File::Untrusted) => at.command("trust"),
        (Writing::Done, File::Written | File::Trusted) => at.command("up"),
    };
    if at.out.is_json() {
        at.out.document(&json!({
            "project": found,
            "config_file": file,
            "dry_run": writing == Writing::Not,
            "next": next,
        }))?;
        return Ok(Done::Clean);
    }
    at.out.lines(facts(found, file))?;
    let name = escape::line(&found.config.to_string_lossy());
    let mut steps = Vec::new();
    if found.logs.is_empty() {
        steps.push(format!("name your log files in {name} under [logs] paths"));
    }
    if file == File::Untrusted {
        steps.push(format!("look at {name}"));
    }
    steps.push(next);
    at.out.line(format!("next: {}", steps.join(", then ")))?;
    Ok(Done::Clean)
}

fn facts(found: &Found, file: File) -> Vec<String> {
    let mut facts = Table::bare();
    let mut fact = |name: &str, value: String| facts.row([name.to_owned(), value]);
    fact("project", escape::line(&found.name));
    fact("root", escape::line(&found.root.to_string_lossy()));
    fact(
        "branch",
        found.branch.as_deref().map_or_else(|| "the one that is checked out".to_owned(), escape::line),
    );
    fact(
        "tests",
        match (&found.tests, &found.tests_unknown) {
            (Some(argv), _) => escape::line(&argv.join(" ")),
            (None, Some(problem)) => format!("not looked for: {}", escape::line(problem)),
            (None, None) => "none found; without tests no fix can be verified".to_owned(),
        },
    );
    fact(
        "logs",
        if found.logs.is_empty() { "none found".to_owned() } else { escape::line(&found.logs.join(", ")) },
    );
    let state = match file {
        File::Written => "written, and trusted as it is",
        File::Trusted => "was there, and is trusted",
        File::Untrusted => "was there, and is neither changed nor trusted",
        File::WouldWrite => "would be written",
    };
    fact("config", format!("{} {state}", escape::line(&found.config.to_string_lossy())));
    facts.lines()
}

#[cfg(test)]
mod tests {
    use groundcrew_crew::config::Span;

    use super::*;

    fn found(tests: Option<Vec<String>>) -> Found {
        Found {
            name: "a \"shop\"".to_owned(),
            root: "/shop".into(),
            branch: Some("main".to_owned()),
            tests,
            tests_unknown: None,
            logs: vec!["logs/*.log".to_owned()],
            config: "/shop/groundcrew.toml".into(),
        }
    }

    fn parsed(text: &str) -> Config {
        Config::parse(text, Path::new(FILE_NAME)).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn what_is_written_says_what_was_found_and_leaves_the_rest_as_it_is() {
        let mut expected = Config::default();
        expected.project.name = Some("a \"shop\"".to_owned());
        expected.project.branch = Some("main".to_owned());
        expected.logs.paths = vec!["logs/*.log".to_owned()];
        // The name of a test command may be anything: it stays within its comment.
        for argv in
            [None, Some(vec!["sh".to_owned(), "-c".to_owned(), "a\n[hooks]\non_event = []".to_owned()])]
        {
            assert_eq!(parsed(&configuration(&found(argv))), expected);
        }
    }

    #[test]
    fn every_example_in_it_is_a_setting_that_can_be_uncommented() {
        let text = configuration(&found(None));
        let is_setting = |line: &str| {
            line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
        };
        let uncommented: Vec<&str> = text
            .lines()
            .filter_map(|line| match line.strip_prefix("# ") {
                Some(rest) => is_setting(rest).then_some(rest),
                None => Some(line),
            })
            .collect();
        let config = parsed(&uncommented.join("\n"));
        assert_eq!(
            config.power_keys(),
            ["test.command", "test.environment", "test.setup", "services", "hooks.on_event"]
        );
        assert_eq!(config.design.layers.len(), 3);
        assert_eq!(config.test.timeout, Span::seconds(300));
    }
}
