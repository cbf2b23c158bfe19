//! A crew for one piece of work: on a database of its own that is thrown away afterwards, for a person who waits for it.
//!
//! It works as any crew does, with the same agents, sandbox and evidence. What it leaves behind is the branch. The
//! settings are those that count for the project, and what the person gave on the command line.

use std::path::Path;
use std::sync::Arc;

use groundcrew_core::lifecycle::Command;
use groundcrew_core::message::Message;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, ProjectId, Task};
use groundcrew_crew::config::{Config, FILE_FIELD, FILE_NAME};
use groundcrew_crew::supervisor::{self, Intake};
use groundcrew_store::{Access, Project, Store, TaskFilter};
use groundcrew_workbench::git::{Expected, Repository};
use groundcrew_workbench::sandbox::Sandbox;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::up::{self, Terms, Until};
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, repository, sandbox};
use crate::signals::Signals;

/// The choice to go on without what is missing; the fix can then be a draft at best, which the person sees.
const DRAFT: &str = "draft";

/// Questions that are answered for a person who waits, at most.
const ANSWERS: usize = 4;

/// A crew of its own.
pub(crate) struct OneShot {
    at: Invocation,
    store: Arc<dyn Store>,
    project: ProjectId,
    repository: Repository,
    sandbox: Sandbox,
    /// Where its commits are kept while they are worked on.
    kept: String,
    /// Everything but the branch is thrown away with it.
    _folder: TempDir,
}

impl OneShot {
    /// A crew for the repository that holds a folder, with the settings as `adjust` leaves them.
    ///
    /// # Errors
    /// There is no repository or no sandbox, or a setting cannot be read.
    pub(crate) fn new(
        at: &Invocation,
        folder: &Path,
        adjust: impl FnOnce(&mut Config, &Repository) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let repository = repository(folder)?;
        repository.head()?;
        let sandbox = sandbox().map_err(|problem| up::no_sandbox(at, &problem))?;
        let mut config = settings(at, repository.top())?;
        adjust(&mut config, &repository)?;
        let folder = tempfile::Builder::new().prefix("groundcrew-").tempdir().map_err(|error| {
            Failure::new(Kind::Failed, format!("cannot make a temporary folder: {error}"))
        })?;
        let database = format!("sqlite:{}", folder.path().join("groundcrew.db").display());
        let own = at.elsewhere(&database, &folder.path().join("config")).showing_steps_as_progress();
        let store = own.open(Access::Create)?;
        let file = folder.path().join(FILE_NAME);
        let root = repository.top().to_string_lossy().into_owned();
        let text = toml::to_string(&config).map_err(|error| {
            Failure::new(Kind::Failed, format!("the settings cannot be written: {error}"))
        })?;
        std::fs::write(&file, &text).map_err(|error| {
            Failure::new(Kind::Failed, format!("cannot write {}: {error}", file.display()))
        })?;
        own.trust()?.trust(repository.top(), &text)?;
        let project = store.add_project(&name(repository.top()), &root, &json!({ FILE_FIELD: file }))?;
        let kept = own.tools(&store, Ok(sandbox.clone()))?.kept_refs();
        Ok(Self { at: own, store, project, repository, sandbox, kept, _folder: folder })
    }

    /// The repository.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The store, as long as the work lasts.
    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The project as the store knows it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn project(&self) -> Result<Project, Failure> {
        self.store
            .project(self.project)?
            .ok_or_else(|| Failure::new(Kind::Failed, "the project is not in the database"))
    }

    /// Works a task and all that follows from it. Whoever waits wants to see what can be had, so a question whether to go on
    /// as a draft is answered with yes; every other question ends the work.
    ///
    /// # Errors
    /// The database cannot be used.
    pub(crate) fn work(
        &self,
        task_type: &str,
        role: Role,
        context: Value,
        signals: &Signals,
    ) -> Result<Done, Failure> {
        let mut task = NewTask::new(task_type, role, Party::User, context);
        task.project = Some(self.project);
        self.store.execute(Command::Create(Box::new(task)))?;
        let crew = supervisor::Terms { intake: Intake::Queue, ..supervisor::Terms::default() };
        let terms = Terms { until: Until::Idle, crew };
        for _ in 0..ANSWERS {
            let done = up::work(&self.at, &self.store, self.sandbox.clone(), terms, signals)?;
            if done != Done::Clean || !self.go_on_as_draft()? {
                return Ok(done);
            }
        }
        Ok(Done::Clean)
    }

    fn go_on_as_draft(&self) -> Result<bool, Failure> {
        let mut answered = false;
        for item in self.store.inbox()? {
            if item.message.binding().is_some() || !offers(&item.message, DRAFT) {
                continue;
            }
            self.at.out.note(format!("going on as a draft: {}", escape::brief(&item.message.content, 300)));
            self.store.execute(Command::Answer {
                question: item.message.id,
                by: Party::User,
                choice: DRAFT.to_owned(),
                comment: Some("whoever called waits for what can be had".to_owned()),
                extra: Value::Null,
            })?;
            answered = true;
        }
        Ok(answered)
    }

    /// The last task of a type.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn last(&self, task_type: &str) -> Result<Option<Task>, Failure> {
        let tasks = self.store.tasks(&TaskFilter::default())?;
        Ok(tasks.into_iter().find(|task| task.task_type == task_type))
    }

    /// Why the work came to an end without more, in the words of the task that ended it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn reason(&self) -> Result<String, Failure> {
        if let Some(item) = self.store.inbox()?.into_iter().next() {
            return Ok(item.message.content);
        }
        for task in self.store.tasks(&TaskFilter::default())? {
            if let Some(error) = task.error_message {
                return Ok(error);
            }
            let word = |key| task.result.as_ref()?.pointer(key).and_then(Value::as_str);
            match (word("/reasons/0/code"), word("/reasons/0/text")) {
                // Qa's reasons say how its checks ended, by their names.
                (Some(code), Some(text)) if task.assigned_to == Role::Qa => {
                    return Ok(format!("{code} {text}"));
                }
                (_, Some(text)) => return Ok(text.to_owned()),
                (_, None) => {}
            }
        }
        Ok("no reason was recorded".to_owned())
    }
}

impl Drop for OneShot {
    /// Takes away the refs that kept commits while they were worked on, also where a signal or an error ended the work; what
    /// the branch holds stays.
    fn drop(&mut self) {
        for (name, commit) in self.repository.refs(&self.kept).unwrap_or_default() {
            // A ref that cannot be deleted keeps a commit that nobody asks for, and nothing else.
            drop(self.repository.delete_ref(&name, &Expected::At(commit)));
        }
    }
}

fn offers(question: &Message, key: &str) -> bool {
    question.choices().iter().any(|choice| choice.key == key)
}

/// Takes a test command from the command line, which is the user's own word; none leaves the settings as they are.
pub(crate) fn take_tests(config: &mut Config, tests: &[String]) {
    if !tests.is_empty() {
        config.test.command = Some(tests.to_vec());
    }
}

/// The settings of the checkout as they count now.
fn settings(at: &Invocation, root: &Path) -> Result<Config, Failure> {
    let effective = at.trust()?.effective(root, &at.config_of(root))?;
    if !effective.ignored.is_empty() {
        at.out.warn(format!(
            "{} do not count until you look at {} and run `{}`",
            effective.ignored.join(", "),
            escape::line(&at.config_of(root).to_string_lossy()),
            at.command_about(root, None, "trust")
        ));
    }
    Ok(effective.config)
}

fn name(root: &Path) -> String {
    root.file_name().map_or_else(|| "repository".to_owned(), |name| name.to_string_lossy().into_owned())
}
