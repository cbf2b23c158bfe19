//! What the supervisor puts into the queue by the clock or when room appears: searches for secrets, and repairs that waited
//! for earlier fixes to be decided.

use groundcrew_core::contract::ScanSecretsContext;
use groundcrew_core::contract::task_type::SCAN_SECRETS;
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::NewTask;
use groundcrew_store::{Store, StoreError, TaskFilter};
use jiff::{SignedDuration, Timestamp};

use crate::agents::branches;
use crate::site::Site;
use crate::tools::Tools;

/// Tasks among which the latest search is looked for.
const LOOKED_AT: u32 = 200;

/// Looks at everything that recurs.
///
/// # Errors
/// The database cannot be used.
pub(crate) fn keep_up(tools: &Tools) -> Result<(), StoreError> {
    let now = Timestamp::now();
    branches::go_on(tools, now)?;
    let store = tools.store.as_ref();
    for project in store.projects()? {
        // A configuration that cannot be read is told by `doctor` and by the tasks themselves.
        let Ok(site) = Site::open(&project, &tools.trust) else { continue };
        if let Some(every) = site.config.security.scan_secrets {
            let every = SignedDuration::try_from(every.get()).unwrap_or(SignedDuration::MAX);
            search_for_secrets(store, &site, every, now)?;
        }
    }
    Ok(())
}

fn search_for_secrets(
    store: &dyn Store,
    site: &Site,
    every: SignedDuration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let filter = TaskFilter {
        role: Some(Role::Security),
        project: Some(site.id),
        limit: Some(LOOKED_AT),
        ..TaskFilter::default()
    };
    let tasks = store.tasks(&filter)?;
    let latest = tasks.iter().find(|task| task.task_type == SCAN_SECRETS);
    if latest.is_some_and(|task| now.duration_since(task.created_at) < every) {
        return Ok(());
    }
    let context = serde_json::to_value(ScanSecretsContext::default()).unwrap_or(serde_json::Value::Null);
    let mut task = NewTask::new(SCAN_SECRETS, Role::Security, Party::System, context);
    task.project = Some(site.id);
    task.priority = 3;
    task.dedupe_key = Some(format!("{SCAN_SECRETS}:{}", site.id));
    match store.execute(Command::Create(Box::new(task))) {
        Ok(_) | Err(StoreError::Refused(Refusal::KeyTaken(_))) => Ok(()),
        Err(error) => Err(error),
    }
}
