//! How many fixes may wait for a person at a time, and how many may come in a day: a person reads only so many.
//!
//! Work beyond that waits as blocked on approval. It goes on when a fix is decided, or the next day; the supervisor looks
//! ([`go_on`]). A person may let one through. Silence lets nothing through: what waits is only asked again whether there
//! is room.

use groundcrew_core::contract::task_type::{FIX_BUG, PUBLISH_FIX, REVIEW_CHANGE, REVIEW_DESIGN, VERIFY_FIX};
use groundcrew_core::lifecycle::Command;
use groundcrew_core::message::{Ask, Message};
use groundcrew_core::role::Party;
use groundcrew_core::task::{BlockedOn, ProjectId, Status, Task, TaskId};
use groundcrew_store::{Store, StoreError, TaskFilter};
use jiff::{SignedDuration, Timestamp};

use crate::agent::{Ending, HAND_OVER, Job, Trouble};
use crate::config::LimitsConfig;
use crate::site::Site;
use crate::tools::Tools;

/// The choice to go on.
const GO_ON: &str = "go_on";

/// Tasks that are counted at most.
const MOST: u32 = 1_000;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Makes a repair wait while too many fixes wait for a person; none if there is room or a person has let it through.
pub(super) fn wait_for_room(job: &Job<'_>, site: &Site) -> Result<Option<Ending>, Trouble> {
    let by_person = |answer: &Message| answer.from == Party::User.as_str() && answer.choice() == Some(GO_ON);
    if job.answers.iter().any(by_person) {
        return Ok(None);
    }
    let full = full(job.tools.store.as_ref(), site.id, &site.config.limits, job.now, Some(job.task.id))?;
    Ok(full.map(|why| {
        let ask = Ask::new(
            format!("{why}, so this repair waits. It goes on by itself when there is room. Or now?"),
            &[(GO_ON, "Go on now, beyond the limit"), (HAND_OVER, "Leave this error to me")],
        );
        Ending::ask(BlockedOn::Approval, ask, job.cost())
    }))
}

/// Wakes the repairs that waited for room, as many as there is room for, oldest first.
///
/// # Errors
/// The database cannot be used.
pub(crate) fn go_on(tools: &Tools, now: Timestamp) -> Result<(), StoreError> {
    let store = tools.store.as_ref();
    let blocked = TaskFilter { status: Some(Status::Blocked), limit: Some(MOST), ..TaskFilter::default() };
    let mut waiting = Vec::new();
    for task in store.tasks(&blocked)?.into_iter().filter(|task| task.task_type == FIX_BUG) {
        if let Some(question) = question_for_room(store, &task)? {
            waiting.push((task, question));
        }
    }
    // Newest first as they come from the store.
    for (task, question) in waiting.into_iter().rev() {
        let Some(project) = task.project.map(|id| store.project(id)).transpose()?.flatten() else { continue };
        let Ok(site) = Site::open(&project, &tools.trust) else { continue };
        if full(store, site.id, &site.config.limits, now, None)?.is_some() {
            continue;
        }
        let answer = Command::Answer {
            question: question.id,
            by: Party::System,
            choice: GO_ON.to_owned(),
            comment: Some("there is room again".to_owned()),
            extra: serde_json::Value::Null,
        };
        match store.execute(answer) {
            // Somebody was quicker.
            Ok(_) | Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The question by which a repair waits for room, if it does.
fn question_for_room(store: &dyn Store, task: &Task) -> Result<Option<Message>, StoreError> {
    let Some(wait) = task.wait.as_ref().filter(|wait| wait.on == BlockedOn::Approval) else {
        return Ok(None);
    };
    let question = wait.message.map(|id| store.message(id)).transpose()?.flatten();
    Ok(question.filter(|question| question.choices().iter().any(|choice| choice.key == GO_ON)))
}

/// Why there is no room for another fix; none if there is.
fn full(
    store: &dyn Store,
    project: ProjectId,
    limits: &LimitsConfig,
    now: Timestamp,
    asking: Option<TaskId>,
) -> Result<Option<String>, StoreError> {
    let under_way = under_way(store, project, asking)?;
    if under_way >= limits.open_branches {
        return Ok(Some(format!(
            "{under_way} fixes are under way or wait for approval, and {} may (limits.open_branches)",
            limits.open_branches
        )));
    }
    let today = today(store, project, now)?;
    Ok((today >= limits.branches_per_day).then(|| {
        format!(
            "{today} fixes came in 24 hours, and {} may (limits.branches_per_day)",
            limits.branches_per_day
        )
    }))
}

/// Fixes that are made and not decided. One whose repair was let through and not handed in yet counts too, so that a
/// decision lets one through and not all that wait; the one that asks does not stand in its own way.
fn under_way(store: &dyn Store, project: ProjectId, asking: Option<TaskId>) -> Result<usize, StoreError> {
    let mut count = 0;
    for status in [Status::Pending, Status::Running, Status::Blocked] {
        let filter = TaskFilter {
            status: Some(status),
            project: Some(project),
            limit: Some(MOST),
            ..TaskFilter::default()
        };
        for task in store.tasks(&filter)? {
            count += usize::from(match task.task_type.as_str() {
                VERIFY_FIX | REVIEW_CHANGE | REVIEW_DESIGN | PUBLISH_FIX => true,
                FIX_BUG => {
                    status != Status::Blocked && asking != Some(task.id) && was_let_through(store, &task)?
                }
                _ => false,
            });
        }
    }
    Ok(count)
}

fn was_let_through(store: &dyn Store, task: &Task) -> Result<bool, StoreError> {
    let answers = store.answers_of(task.id)?;
    Ok(answers.last().is_some_and(|answer| answer.choice() == Some(GO_ON)))
}

/// Branches that were shown within a day.
fn today(store: &dyn Store, project: ProjectId, now: Timestamp) -> Result<usize, StoreError> {
    let filter = TaskFilter { project: Some(project), limit: Some(MOST), ..TaskFilter::default() };
    let young = |task: &&Task| now.duration_since(task.created_at) < DAY;
    let tasks = store.tasks(&filter)?;
    Ok(tasks.iter().filter(young).filter(|task| task.task_type == PUBLISH_FIX).count())
}
