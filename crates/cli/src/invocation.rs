//! One call of the command: its flags and its environment, and where that says the database and the user's files are.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::audit::NoRecorder;
use groundcrew_crew::config::{FILE_NAME, file_of};
use groundcrew_crew::tools::Tools;
use groundcrew_crew::trust::TrustStore;
use groundcrew_store::{Access, Project, Store};
use groundcrew_workbench::git::Repository;
use groundcrew_workbench::sandbox::{Level, Sandbox, SandboxConfig, Unavailable};
use jiff::Timestamp;

use crate::escape;
use crate::failure::{Failure, Kind};
use crate::options::Global;
use crate::output::Output;

/// Variable with the moment that ages are shown from, so that a test can compare what is printed.
const SHOWN_NOW: &str = "GROUNDCREW_SHOWN_NOW";

/// What the environment says; read once, so that nothing else looks at it.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    home: Option<PathBuf>,
    data: Option<PathBuf>,
    config: Option<PathBuf>,
    /// How this program was called, so that a command it prints can be typed as it is.
    program: String,
    /// The moment that ages are shown from; see [`Invocation::shown_now`].
    shown_now: Option<Timestamp>,
    /// Colour without a terminal.
    pub(crate) color_forced: bool,
    /// Colour on a terminal.
    pub(crate) color_allowed: bool,
    /// The terminal cannot move its cursor.
    pub(crate) dumb_terminal: bool,
}

impl Environment {
    /// Reads it.
    pub(crate) fn read() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        // As the base directory specification has it: a path that is not absolute does not count.
        let folder = |name: &str| set(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let dumb = set("TERM") == Some(OsString::from("dumb"));
        Self {
            home: folder("HOME"),
            data: folder("XDG_DATA_HOME"),
            config: folder("XDG_CONFIG_HOME"),
            program: called_as(std::env::args().next()),
            shown_now: set(SHOWN_NOW).and_then(|at| at.to_str()?.parse().ok()),
            color_forced: forced && set("NO_COLOR").is_none(),
            color_allowed: set("NO_COLOR").is_none() && !dumb,
            dumb_terminal: dumb,
        }
    }
}

/// One call of the command.
pub(crate) struct Invocation {
    global: Global,
    environment: Environment,
    /// A checkout whose settings are read from this file; see [`crate::settings`].
    reading: Option<(PathBuf, PathBuf)>,
    /// Where results go.
    pub(crate) out: Output,
}

impl Invocation {
    /// A call with these flags.
    pub(crate) fn new(global: Global, environment: Environment, out: Output) -> Self {
        Self { global, environment, reading: None, out }
    }

    /// The same call with the settings of one checkout read from this file.
    pub(crate) fn reading(self, root: PathBuf, file: PathBuf) -> Self {
        Self { reading: Some((root, file)), ..self }
    }

    /// The same call with another database and another folder for the user's settings.
    pub(crate) fn elsewhere(&self, database: &str, config: &Path) -> Self {
        let mut global = self.global.clone();
        global.database = Some(database.to_owned());
        global.config = None;
        let environment = Environment { config: Some(config.to_owned()), ..self.environment.clone() };
        Self { global, environment, reading: None, out: self.out }
    }

    /// The same call with JSON Lines turned into progress for people, for verbs whose result is one document.
    pub(crate) fn showing_steps_as_progress(&self) -> Self {
        let out = self.out.as_progress();
        Self {
            global: self.global.clone(),
            environment: self.environment.clone(),
            reading: self.reading.clone(),
            out,
        }
    }

    /// The same call without a word about its progress, for verbs that call others many times.
    pub(crate) fn silently(&self) -> Self {
        Self { out: self.out.silent(), ..self.showing_steps_as_progress() }
    }

    /// Address of the database, where one was named.
    pub(crate) fn named_database(&self) -> Option<&str> {
        self.global.database.as_deref()
    }

    /// Address of the database.
    ///
    /// # Errors
    /// It is not given and there is no home folder to look in.
    pub(crate) fn database(&self) -> Result<String, Failure> {
        if let Some(url) = &self.global.database {
            return Ok(url.clone());
        }
        let Some(folder) = self.data() else {
            return Err(Failure::new(
                Kind::Usage,
                "there is no place for the database: neither HOME nor XDG_DATA_HOME is set to an absolute path",
            )
            .hint("set HOME, or name the database with --database sqlite:PATH"));
        };
        Ok(format!("sqlite:{}", folder.join("groundcrew.db").display()))
    }

    /// The folder for what this program keeps for the user.
    ///
    /// # Errors
    /// There is no home folder to look in.
    pub(crate) fn data_folder(&self) -> Result<PathBuf, Failure> {
        self.data().ok_or_else(|| {
            Failure::new(
                Kind::Usage,
                "there is no place for your data: neither HOME nor XDG_DATA_HOME is set to an absolute path",
            )
            .hint("set HOME to your home folder")
        })
    }

    fn data(&self) -> Option<PathBuf> {
        let Environment { data, home, .. } = &self.environment;
        let folder = data.clone().or_else(|| home.as_ref().map(|home| home.join(".local/share")));
        folder.map(|folder| folder.join("groundcrew"))
    }

    /// The moment that ages are shown from: now, unless a test fixed it. For what is printed only; whatever is decided
    /// or written goes by the database's clock.
    pub(crate) fn shown_now(&self) -> Timestamp {
        self.environment.shown_now.unwrap_or_else(Timestamp::now)
    }

    /// Opens the database.
    ///
    /// # Errors
    /// Whatever is wrong with the file; that there is none comes with the next step.
    pub(crate) fn open(&self, access: Access) -> Result<Arc<dyn Store>, Failure> {
        Ok(groundcrew_store::open(&self.database()?, groundcrew_store::Options { access })?)
    }

    /// The user's record of trusted files.
    ///
    /// # Errors
    /// There is no home folder to look in.
    pub(crate) fn trust(&self) -> Result<TrustStore, Failure> {
        let folder = match (&self.environment.config, &self.environment.home) {
            (Some(config), _) => config.clone(),
            (None, Some(home)) => home.join(".config"),
            (None, None) => {
                return Err(Failure::new(
                    Kind::Usage,
                    "there is no place for your settings: neither HOME nor XDG_CONFIG_HOME is set to an absolute path",
                )
                .hint("set HOME to your home folder"));
            }
        };
        let record = TrustStore::new(&folder.join("groundcrew"));
        Ok(match &self.reading {
            Some((root, file)) => record.reading(root, file),
            None => record,
        })
    }

    /// The crew's tools, with work trees beside the database.
    ///
    /// # Errors
    /// There is no home folder, the database cannot be read, or the folder cannot be made.
    pub(crate) fn tools(
        &self,
        store: &Arc<dyn Store>,
        sandbox: Result<Sandbox, Unavailable>,
    ) -> Result<Tools, Failure> {
        let folder = work_folder(&self.database()?);
        // Readable by the user alone: work trees hold what the repository holds.
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| {
            Failure::new(Kind::Failed, format!("cannot make {}: {error}", folder.display()))
        })?;
        Ok(Tools::new(Arc::clone(store), sandbox, self.trust()?, folder)?)
    }

    /// The one project that was named; none if none was.
    ///
    /// # Errors
    /// There is no project of that name.
    pub(crate) fn project(&self, store: &dyn Store) -> Result<Option<Project>, Failure> {
        let Some(name) = &self.global.project else { return Ok(None) };
        let found = store.project_named(name)?;
        let Some(project) = found else {
            let names: Vec<String> = store.projects()?.into_iter().map(|project| project.name).collect();
            let known = if names.is_empty() { "there is none yet".to_owned() } else { names.join(", ") };
            return Err(Failure::new(Kind::NotFound, format!("there is no project named {name:?}"))
                .hint(format!("projects: {known}")));
        };
        Ok(Some(project))
    }

    /// The projects that are meant: the one named, or all.
    ///
    /// # Errors
    /// As [`Invocation::project`].
    pub(crate) fn projects(&self, store: &dyn Store) -> Result<Vec<Project>, Failure> {
        match self.project(store)? {
            Some(project) => Ok(vec![project]),
            None => Ok(store.projects()?),
        }
    }

    /// The configuration file that was named for this call.
    pub(crate) fn config_named(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    /// The configuration file of a checkout: the one named for this call, else what `init` kept for its project, else
    /// the one at its root.
    pub(crate) fn config_of(&self, root: &Path) -> PathBuf {
        if let Some(file) = self.config_instead(root) {
            return file.to_owned();
        }
        // A checkout that no database knows has settings too.
        let known = self.open(Access::ReadOnly).ok();
        let known = known.and_then(|store| store.project_at(&root.to_string_lossy()).ok().flatten());
        known.as_ref().map_or_else(|| root.join(FILE_NAME), file_of)
    }

    /// The checkout that a file was named for, with the file.
    pub(crate) fn read_instead(&self) -> Option<&(PathBuf, PathBuf)> {
        self.reading.as_ref()
    }

    fn config_instead(&self, root: &Path) -> Option<&Path> {
        self.reading.as_ref().and_then(|(of, file)| (of == root).then_some(file.as_path()))
    }

    /// How a project's configuration file is called in a message: by its path where it is not at its usual place.
    pub(crate) fn config_shown(&self, project: &Project) -> String {
        let root = Path::new(&project.root);
        let file = self.config_instead(root).map_or_else(|| file_of(project), Path::to_owned);
        if file == root.join(FILE_NAME) {
            FILE_NAME.to_owned()
        } else {
            escape::line(&file.to_string_lossy())
        }
    }

    /// A command line to type next about a project, with the configuration file that was named for it.
    pub(crate) fn command_about(&self, root: &Path, name: Option<&str>, verb: &str) -> String {
        let name = name.map(|name| format!("--project {} ", escape::shell(name))).unwrap_or_default();
        let file = self.config_instead(root).map(|file| escape::shell(&file.to_string_lossy()));
        let file = file.map(|file| format!("--config {file} ")).unwrap_or_default();
        self.command(&format!("{name}{file}{verb}"))
    }

    /// The project name that was given.
    pub(crate) fn project_name(&self) -> Option<&str> {
        self.global.project.as_deref()
    }

    /// A command line to type next, with this call's database.
    pub(crate) fn command(&self, verb: &str) -> String {
        let program = &self.environment.program;
        match &self.global.database {
            Some(url) => format!("{program} --database {} {verb}", escape::shell(url)),
            None => format!("{program} {verb}"),
        }
    }
}

/// The path that the program was called by; its plain name where the shell found it.
fn called_as(first: Option<String>) -> String {
    first
        .filter(|path| path.contains('/'))
        .map_or_else(|| "groundcrew".to_owned(), |path| escape::shell(&path))
}

/// Where work trees of tasks go: beside the database.
pub(crate) fn work_folder(database: &str) -> PathBuf {
    let path = database.strip_prefix("sqlite:").unwrap_or(database);
    let path = Path::new(path.strip_prefix("//").unwrap_or(path));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".work");
    let folder = path.with_file_name(name);
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The sandbox of this machine, proven.
pub(crate) fn sandbox() -> Result<Sandbox, Unavailable> {
    match SandboxConfig::for_this_program() {
        Ok(config) => Sandbox::detect(config),
        Err(error) => Err(untried(format!("the path of this program cannot be told: {error}"))),
    }
}

/// No sandbox, for verbs that only run the crew's plain code.
pub(crate) fn no_sandbox() -> Unavailable {
    untried("it was not looked for, since this command runs nothing of a project".into())
}

fn untried(problem: String) -> Unavailable {
    let probe = groundcrew_workbench::sandbox::Probe { level: Level::Landlock, problem: Some(problem) };
    Unavailable { minimum: Level::Landlock, probes: vec![probe] }
}

/// The repository that holds a folder.
///
/// # Errors
/// Says which it is: no such folder, no repository, a bare one, no git program, or one too old.
pub(crate) fn repository(path: &Path) -> Result<Repository, Failure> {
    Ok(Repository::open(path, Arc::new(NoRecorder))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_command_can_be_typed_as_it_is() {
        let called = |first: &str| called_as(Some(first.to_owned()));
        assert_eq!(called("groundcrew"), "groundcrew");
        assert_eq!(called("target/release/groundcrew"), "target/release/groundcrew");
        assert_eq!(called("/my tools/groundcrew"), "'/my tools/groundcrew'");
        assert_eq!(called_as(None), "groundcrew");
    }

    #[test]
    fn work_trees_lie_beside_the_database() {
        for url in ["sqlite:/x/a.db", "sqlite:///x/a.db"] {
            assert_eq!(work_folder(url), Path::new("/x/a.db.work"));
        }
    }
}
