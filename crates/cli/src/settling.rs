//! The person's decisions: checks them against what was shown, records them, and carries them out at once.
//!
//! An approval is for one exact commit and diff. What can be known to be stale or impossible is refused before anything
//! is recorded; the publishing agent checks again when it acts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_core::contract::PublishFixContext;
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::message::{Binding, Message, MessageType};
use groundcrew_core::role::Party;
use groundcrew_core::task::{MessageId, Status, Task, TaskId};
use groundcrew_crew::brain::Rules;
use groundcrew_crew::supervisor::work_task;
use groundcrew_store::{Project, Store, StoreError};
use groundcrew_workbench::git::{GitError, Repository, Sha};
use jiff::SignedDuration;
use serde_json::Value;

use crate::escape;
use crate::failure::{Failure, Kind};
use crate::invocation::{Invocation, no_sandbox, repository};

/// How long a decision may take to be carried out before the person is told to look later.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest wait between two looks at the task.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A question that still waits, with the task that asks.
pub(crate) struct Open {
    /// The question.
    pub(crate) message: Message,
    /// The task that waits for it.
    pub(crate) task: Option<Task>,
}

impl Open {
    /// Finds a question of the inbox.
    ///
    /// # Errors
    /// There is no such question, or it was answered already.
    pub(crate) fn find(at: &Invocation, store: &dyn Store, id: i64) -> Result<Self, Failure> {
        let list = format!("`{}` lists what waits for you", at.command("inbox"));
        let found =
            store.message(MessageId(id))?.filter(|message| message.message_type == MessageType::Question);
        let Some(message) = found else {
            return Err(Failure::new(Kind::NotFound, format!("no question or approval has the number {id}"))
                .hint(list));
        };
        if message.read_at.is_some() {
            return Err(Failure::new(
                Kind::Conflict,
                format!(
                    "{} {id} is decided already",
                    if message.binding().is_some() { "approval" } else { "question" }
                ),
            )
            .hint(list));
        }
        let task = message.task.map(|task| store.task(task)).transpose()?.flatten();
        Ok(Self { message, task })
    }

    /// The commit that an approval is bound to, and the task that asks for it.
    ///
    /// # Errors
    /// It is a plain question.
    pub(crate) fn approval(&self, at: &Invocation) -> Result<(Binding, &Task), Failure> {
        match (self.message.binding(), &self.task) {
            (Some(binding), Some(task)) => Ok((binding, task)),
            _ => {
                let id = self.message.id;
                let answer = |key: &str| at.command(&format!("answer {id} {}", escape::shell(key)));
                let next =
                    self.message.choices().into_iter().map(|choice| format!("`{}`", answer(&choice.key)));
                let next: Vec<String> = next.collect();
                Err(Failure::new(Kind::Usage, format!("{id} is a question and no approval"))
                    .hint(format!("answer it with {}", next.join(" or "))))
            }
        }
    }
}

/// Refuses an approval whose branch or diff is no longer what was shown.
///
/// # Errors
/// The branch has moved or is gone, or the diff differs.
pub(crate) fn still_as_shown(repository: &Repository, task: &Task, bound: &Binding) -> Result<(), Failure> {
    let stale = |what: String| {
        Failure::new(Kind::Conflict, what)
            .hint("look at what changed; `reject` the approval with --again to have the fix made anew")
    };
    let found = repository.ref_sha(&format!("refs/heads/{}", bound.branch))?;
    match &found {
        Some(sha) if sha.as_str() == bound.commit => {}
        Some(sha) => {
            return Err(stale(format!(
                "branch {} has moved from {} to {} since the approval was asked for",
                bound.branch,
                short(&bound.commit),
                sha.short()
            )));
        }
        None => return Err(stale(format!("branch {} is gone", bound.branch))),
    }
    let context: PublishFixContext = serde_json::from_value(task.context.clone())
        .map_err(|error| stale(format!("the context of task {} cannot be read: {error}", task.id)))?;
    let diff = repository.diff(&Sha::parse(&context.base_sha)?, &Sha::parse(&bound.commit)?)?;
    if diff.hash == bound.diff_hash {
        return Ok(());
    }
    Err(stale(format!("the diff of branch {} is not the one that was shown", bound.branch)))
}

/// Refuses a fast-forward that cannot be made.
///
/// # Errors
/// There is no such branch, it is checked out, or the fix does not descend from it.
pub(crate) fn can_fast_forward(repository: &Repository, into: &str, commit: &str) -> Result<(), Failure> {
    let name = format!("refs/heads/{into}");
    let Some(from) = repository.ref_sha(&name)? else {
        return Err(Failure::new(Kind::NotFound, format!("there is no branch {into:?}")));
    };
    if repository.checked_out_branches()?.contains(&name) {
        let error = GitError::CheckedOut { branch: into.to_owned() };
        return Err(Failure::from(error)
            .hint("approve without --into, then merge the fix's branch where it is checked out"));
    }
    let to = Sha::parse(commit)?;
    if repository.is_ancestor(&from, &to)? {
        return Ok(());
    }
    Err(Failure::from(GitError::NotFastForward { branch: into.to_owned(), from, to })
        .hint(format!("approve without --into, then merge the fix's branch into {into} yourself")))
}

/// The repository of the project that a task belongs to.
///
/// # Errors
/// The project or its repository is gone.
pub(crate) fn repository_of(store: &dyn Store, task: &Task) -> Result<Repository, Failure> {
    repository(project_of(store, task)?.root.as_ref())
}

/// The project that a task belongs to.
///
/// # Errors
/// The project is gone.
pub(crate) fn project_of(store: &dyn Store, task: &Task) -> Result<Project, Failure> {
    let project = task.project.map(|id| store.project(id)).transpose()?.flatten();
    project
        .ok_or_else(|| Failure::new(Kind::NotFound, format!("task {} belongs to no known project", task.id)))
}

/// What the person decided.
pub(crate) struct Decision<'a> {
    /// The question.
    pub(crate) question: &'a Message,
    /// Key of the choice.
    pub(crate) choice: &'a str,
    /// A reason.
    pub(crate) comment: Option<String>,
    /// Further data of the answer.
    pub(crate) extra: Value,
}

/// Records a decision.
///
/// # Errors
/// Somebody else was first, or the choice is none of the question's.
pub(crate) fn record(store: &dyn Store, decision: Decision<'_>) -> Result<(), Failure> {
    let choices = decision.question.choices();
    store
        .execute(Command::Answer {
            question: decision.question.id,
            by: Party::User,
            choice: decision.choice.to_owned(),
            comment: decision.comment,
            extra: decision.extra,
        })
        .map(|_| ())
        .map_err(|error| {
            let unknown = matches!(error, StoreError::Refused(Refusal::UnknownChoice { .. }));
            let failure = Failure::from(error);
            let closest = choices.iter().find(|known| known.key.starts_with(decision.choice));
            match closest {
                Some(known) if unknown => failure.hint(format!("did you mean {:?}?", known.key)),
                _ => failure,
            }
        })
}

/// Works the task now, unless a running crew takes it first, and waits until it is settled.
///
/// # Errors
/// It is not settled in time, or the database cannot be used.
pub(crate) fn carry_out(at: &Invocation, store: &Arc<dyn Store>, id: TaskId) -> Result<Task, Failure> {
    let began = Instant::now();
    let mut seen = 0;
    loop {
        let task = store.task(id)?.ok_or(StoreError::Vanished { task: id })?;
        match task.status {
            Status::Completed | Status::Failed | Status::Blocked => return Ok(task),
            Status::Pending if task.run_at.is_none() => work_now(at, store, &task)?,
            Status::Pending | Status::Running => {
                if began.elapsed() > PATIENCE {
                    return Err(Failure::new(
                        Kind::Failed,
                        format!(
                            "the decision is recorded, but task {id} is not settled yet ({})",
                            task.status
                        ),
                    )
                    .hint(format!("look again with `{}`", at.command(&format!("show {id}")))));
                }
                // Without a crew nobody else makes a delayed task ready.
                store.maintain(SignedDuration::from_secs(60))?;
                seen = store.changes(seen, LOOK_EVERY);
            }
        }
    }
}

fn work_now(at: &Invocation, store: &Arc<dyn Store>, task: &Task) -> Result<(), Failure> {
    let tools = at.tools(store, Err(no_sandbox()))?;
    match work_task(tools, Box::new(Rules), task.id, task.assigned_to) {
        // A running crew was faster; its work is waited for.
        Ok(()) | Err(StoreError::Refused(Refusal::WrongStatus { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}

/// The failure of naming a task that is not there.
pub(crate) fn no_such_task(at: &Invocation, id: i64) -> Failure {
    Failure::new(Kind::NotFound, format!("there is no task {id}"))
        .hint(format!("`{}` lists the tasks", at.command("tasks")))
}

/// The failure of naming an incident that is not there.
pub(crate) fn no_such_incident(at: &Invocation, id: i64) -> Failure {
    Failure::new(Kind::NotFound, format!("there is no incident {id}"))
        .hint(format!("`{}` lists the incidents", at.command("incidents")))
}
