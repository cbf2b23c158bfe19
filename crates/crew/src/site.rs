//! A project as the crew works on it: its repository, its configuration as it counts, its logs, its tests.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::audit::Recorder;
use groundcrew_core::incident::Sample;
use groundcrew_core::task::ProjectId;
use groundcrew_core::trace::Trace;
use groundcrew_logs::Redactor;
use groundcrew_repair::locate::{Located, locate};
use groundcrew_store::Project;
use groundcrew_workbench::environment::Environment;
use groundcrew_workbench::git::{GitError, RepoPath, Repository, Sha};
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::{TestCommand, detect_tests};
use groundcrew_workbench::sandbox::Sandbox;

use crate::agent::{Job, Trouble};
use crate::config::{Config, ConfigError, file_of};
use crate::trust::TrustStore;

/// Largest file that is read as text, in bytes.
const LARGEST_TEXT: u64 = 1024 * 1024;

/// Lines before an error that a sample keeps.
const LINES_BEFORE: usize = 20;

/// The logs that the settings of a project name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logs {
    /// The files, sorted.
    pub files: Vec<PathBuf>,
    /// Paths that name none or not all of theirs, each with the next step.
    pub troubles: Vec<String>,
}

/// A project as it stands when a job begins.
#[derive(Debug)]
pub struct Site {
    /// Key.
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// The user's checkout.
    pub root: PathBuf,
    /// The configuration as it counts.
    pub config: Config,
    /// Keys that are ignored until the user trusts the file.
    pub ignored: Vec<&'static str>,
}

impl Site {
    /// Reads a project's configuration.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn open(project: &Project, trust: &TrustStore) -> Result<Self, ConfigError> {
        let root = PathBuf::from(&project.root);
        let effective = trust.effective(&root, &file_of(project))?;
        Ok(Self {
            id: project.id,
            name: project.name.clone(),
            root,
            config: effective.config,
            ignored: effective.ignored,
        })
    }

    /// The repository, with every read and command written to the job's notebook.
    ///
    /// # Errors
    /// The checkout is gone or is no repository.
    pub fn repository(&self, job: &Job<'_>) -> Result<Repository, Trouble> {
        let recorder: Arc<dyn Recorder> = job.desk.clone();
        Ok(Repository::open(&self.root, recorder)?)
    }

    /// The commit that fixes start from: the configured branch's, or the one that is checked out.
    ///
    /// # Errors
    /// There is no such branch, or no commit yet.
    pub fn base(&self, repository: &Repository) -> Result<Sha, Trouble> {
        Ok(self.base_of(repository)?)
    }

    fn base_of(&self, repository: &Repository) -> Result<Sha, GitError> {
        match &self.config.project.branch {
            Some(branch) => repository.resolve(&format!("refs/heads/{branch}")),
            None => Ok(repository.head()?.commit),
        }
    }

    /// The interpreter that the settings name, else that of the project's environment, else the user's first.
    ///
    /// # Errors
    /// Why none works in the sandbox, in words.
    pub fn python(&self, sandbox: &Sandbox, recorder: &Arc<dyn Recorder>) -> Result<Python, String> {
        let found = self.environment(recorder)?;
        let python = match (&self.config.test.python, &found.venv) {
            (Some(named), _) => {
                let program = self.root.join(named);
                Python::at(&program, sandbox, recorder.as_ref()).map_err(|reason| {
                    format!("test.python of project {} is {}: {reason}", self.name, program.display())
                })?
            }
            (None, Some(venv)) => Python::of_venv(venv, sandbox).map_err(|reason| {
                format!("the environment {} of project {}: {reason}", venv.folder.display(), self.name)
            })?,
            (None, None) => Python::find(sandbox, recorder).map_err(|error| error.to_string())?,
        };
        Ok(self.fitted(python).with_node_modules(found.node_modules))
    }

    /// What the user's checkout holds beside the files that git tracks.
    ///
    /// # Errors
    /// The environment is there and cannot be used, in words.
    pub fn environment(&self, recorder: &Arc<dyn Recorder>) -> Result<Environment, String> {
        let repository =
            Repository::open(&self.root, Arc::clone(recorder)).map_err(|error| error.to_string())?;
        let head = repository.head().map_err(|error| error.to_string())?.commit;
        let base = self.base_of(&repository).map_err(|error| error.to_string())?;
        let tracked = |path: &str| {
            let path = RepoPath::parse(path).ok();
            let in_commit = |commit| {
                path.as_ref().is_some_and(|path| !matches!(repository.entry(commit, path), Ok(None)))
            };
            in_commit(&head) || in_commit(&base)
        };
        // An interpreter that is named makes the environment beside it that of the project.
        let declared = self.config.test.environment.as_deref();
        let passed = self.config.test.python.is_some() && declared.is_none();
        match Environment::find(&self.root, declared, tracked) {
            Ok(found) if passed => Ok(Environment { venv: None, ..found }),
            Err(_) if passed => Ok(Environment::default()),
            found => found.map_err(|error| error.to_string()),
        }
    }

    /// An interpreter with what the project's settings add, importing from the work tree what was installed from the
    /// user's checkout.
    pub(crate) fn fitted(&self, mut python: Python) -> Python {
        python.read_only.extend(self.config.sandbox.read.iter().cloned());
        python.variables.extend(self.config.test.env.clone());
        python.moving_from(&self.root)
    }

    /// How the tests of a commit run: as configured, else as detected; none where there are none.
    ///
    /// # Errors
    /// The commit cannot be read.
    pub fn test_command(
        &self,
        repository: &Repository,
        commit: &Sha,
        python: &Python,
    ) -> Result<Option<TestCommand>, GitError> {
        let read = |path: &RepoPath| repository.read(commit, path, LARGEST_TEXT).ok().flatten();
        if let Some(argv) = &self.config.test.command {
            let package = RepoPath::parse("package.json").ok().and_then(|path| read(&path));
            let package = package.and_then(|bytes| String::from_utf8(bytes).ok());
            let command = TestCommand::with_package(argv, package.as_deref());
            return Ok(command.map(|command| command.with_reports(&self.config.test.junit)));
        }
        let files: Vec<RepoPath> = repository.files(commit)?.into_iter().map(|entry| entry.path).collect();
        let command = detect_tests(&files, read, python);
        Ok(command.map(|command| command.with_reports(&self.config.test.junit)))
    }

    /// The log files that there are now.
    ///
    /// A path within the repository counts without trust, so it must not lead out of it by a link either.
    pub fn log_files(&self) -> Vec<PathBuf> {
        self.logs().files
    }

    /// The log files that there are now, and what is wrong with the paths that are to name them.
    pub fn logs(&self) -> Logs {
        let mut logs = Logs::default();
        for named in &self.config.logs.paths {
            let pattern = Path::new(named);
            match groundcrew_logs::expand(pattern, &self.root) {
                Ok(found) => {
                    if found.truncated {
                        logs.troubles.push(format!(
                            "{named:?} under [logs] paths names more files than are read: {} are taken and the rest left out; \
                             name fewer",
                            found.files.len()
                        ));
                    }
                    let holds = |file: &PathBuf| pattern.is_absolute() || self.holds(pattern, file);
                    logs.files.extend(found.files.into_iter().filter(holds));
                }
                Err(error) => logs.troubles.push(error.to_string()),
            }
        }
        logs.files.sort();
        logs.files.dedup();
        let own = written_by_us();
        logs.files.retain(|file| !own.contains(&identity(file)));
        logs
    }

    /// Whether a file found by a relative pattern lies where the pattern says; one that is not there yet leads nowhere.
    fn holds(&self, pattern: &Path, file: &Path) -> bool {
        let leaves = pattern.components().any(|part| part == Component::ParentDir);
        let real = |path: &Path| path.canonicalize().ok();
        let absent = file.symlink_metadata().is_err();
        leaves
            || absent
            || real(file).zip(real(&self.root)).is_some_and(|(file, root)| file.starts_with(root))
    }

    /// Whether a log is one that the configuration names. Each scan asks, so not all other logs are looked for.
    pub fn log_allowed(&self, path: &Path) -> bool {
        self.config.logs.paths.iter().map(Path::new).any(|pattern| {
            groundcrew_logs::names(pattern, &self.root, path)
                && (pattern.is_absolute() || self.holds(pattern, path))
        })
    }
}

/// The files that this process writes: its database, and a log that its output goes to. To read them as logs would make
/// more of them to read, without end.
fn written_by_us() -> Vec<Option<(u64, u64)>> {
    /// The bits of an open file's flags that let it be written (octal, as the system tells them).
    const WRITABLE: u32 = 0o3;
    let open = std::fs::read_dir("/proc/self/fdinfo").into_iter().flatten().flatten();
    let written = open.filter_map(|entry| {
        let told = std::fs::read_to_string(entry.path()).ok()?;
        let flags = told.lines().find_map(|line| line.strip_prefix("flags:"))?;
        let flags = u32::from_str_radix(flags.trim(), 8).ok()?;
        let file = Path::new("/proc/self/fd").join(entry.file_name());
        (flags & WRITABLE != 0).then(|| identity(&file)).filter(Option::is_some)
    });
    written.collect()
}

/// Device and inode of a regular file.
fn identity(file: &Path) -> Option<(u64, u64)> {
    let data = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    Some((data.dev(), data.ino()))
}

/// An error text from another program as a title and a sample, secrets taken out.
pub fn sample_from_text(redactor: &Redactor, text: &str) -> (String, Sample) {
    let text = redactor.redact(text).text;
    let trace = groundcrew_logs::trace::parse(&text);
    let title = match &trace {
        Some(trace) => {
            let exception = trace.exception.as_deref().unwrap_or("error");
            trace
                .message
                .as_ref()
                .map_or_else(|| exception.to_owned(), |message| format!("{exception}: {message}"))
        }
        None => text.lines().find(|line| !line.trim().is_empty()).unwrap_or("error").trim().to_owned(),
    };
    let title = title.lines().next().unwrap_or("error").chars().take(160).collect();
    (title, Sample { text, level: None, trace, before: Vec::new(), source: String::new() })
}

/// Lines that another program logged just before an error, as a sample keeps them: the last ones, secrets taken out.
pub fn lines_before(redactor: &Redactor, lines: &[String]) -> Vec<String> {
    let last = lines.iter().skip(lines.len().saturating_sub(LINES_BEFORE));
    last.map(|line| redactor.redact(line).text).collect()
}

/// A text file of a commit; none if it is not there, too large, or no text.
///
/// # Errors
/// The commit cannot be read.
pub fn read_text(repository: &Repository, commit: &Sha, path: &RepoPath) -> Result<Option<String>, Trouble> {
    match repository.read(commit, path, LARGEST_TEXT) {
        Ok(bytes) => Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok())),
        Err(GitError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The frames of a trace as they lie in a commit, crash first; none where no frame lies in it.
///
/// # Errors
/// The commit cannot be read.
pub fn locate_in(repository: &Repository, commit: &Sha, trace: &Trace) -> Result<Option<Located>, Trouble> {
    let files: Vec<String> =
        repository.files(commit)?.into_iter().map(|entry| entry.path.as_str().to_owned()).collect();
    let read = |path: &str| {
        let path = RepoPath::parse(path).ok()?;
        read_text(repository, commit, &path).ok().flatten()
    };
    Ok(locate(trace, &files, &read))
}
