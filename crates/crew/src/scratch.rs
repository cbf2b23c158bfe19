//! The folders in which runs make their work trees, and what becomes of those that a killed process left behind.
//!
//! A run's folder carries the task and the token of its claim. Work trees in it hold only what test runs and candidates
//! wrote: everything worth keeping is committed under `refs/groundcrew/` when it is made, so they can be thrown away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::audit::NoRecorder;
use groundcrew_core::task::{LeaseToken, Status, TaskId};
use groundcrew_store::{Store, StoreError};
use groundcrew_workbench::git::{Repository, remove_folder};
use groundcrew_workbench::runner::BUILT;

/// The folder of one run of a task.
pub fn run_folder(work_folder: &Path, task: TaskId, token: LeaseToken) -> PathBuf {
    work_folder.join(format!("task-{task}-{token}"))
}

/// Takes a run's folder away if nothing is left in it but what was built for it; a folder that stays is found by the next [`sweep`].
pub(crate) fn clear(folder: &Path) {
    drop(remove_folder(&folder.join(BUILT)));
    drop(std::fs::remove_dir(folder));
}

/// Throws away the work trees of runs that are no longer under way.
///
/// # Errors
/// The database cannot be read. A work tree that cannot be removed is left for the next time.
pub(crate) fn sweep(store: &dyn Store, work_folder: &Path) -> Result<(), StoreError> {
    let Ok(work_folder) = work_folder.canonicalize() else { return Ok(()) };
    let mut stale = Vec::new();
    for folder in std::fs::read_dir(&work_folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if let Some((task, token)) = run_of(&folder)
            && !under_way(store, task, token)?
        {
            stale.push(folder);
        }
    }
    let projects = store.projects()?;
    let open = |root: &str| Repository::open(Path::new(root), Arc::new(NoRecorder)).ok();
    let repositories: Vec<Repository> = projects.iter().filter_map(|project| open(&project.root)).collect();
    for repository in &repositories {
        for path in repository.worktrees() {
            if stale.iter().any(|folder| path.starts_with(folder)) {
                drop(repository.worktree(&path).and_then(|worktree| worktree.discard()));
            }
        }
    }
    for folder in stale {
        drop(remove_folder(&folder));
    }
    // Last, since one that was killed while it was made is known by its folder alone.
    for repository in &repositories {
        drop(repository.prune_worktrees(&work_folder));
    }
    Ok(())
}

/// Task and token of a run's folder; none for a folder that is not ours.
fn run_of(folder: &Path) -> Option<(TaskId, LeaseToken)> {
    let (task, token) = folder.file_name()?.to_str()?.strip_prefix("task-")?.split_once('-')?;
    Some((TaskId(task.parse().ok()?), LeaseToken(token.parse().ok()?)))
}

fn under_way(store: &dyn Store, task: TaskId, token: LeaseToken) -> Result<bool, StoreError> {
    let found = store.task(task)?;
    Ok(found.is_some_and(|task| task.status == Status::Running && task.lease_token == token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_again_by_the_name_of_its_folder() {
        let folder = run_folder(Path::new("/work"), TaskId(12), LeaseToken(3));
        assert_eq!(run_of(&folder), Some((TaskId(12), LeaseToken(3))));
        for other in ["/work/notes", "/work/task-", "/work/task-1", "/work/task-a-b", "/"] {
            assert_eq!(run_of(Path::new(other)), None, "{other}");
        }
    }
}
