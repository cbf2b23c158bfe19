//! Checks of the crew itself, and of the service where the settings say how.

use groundcrew_core::contract::{CheckHealthContext, CheckHealthResult, HealthCheck, Reason};
use groundcrew_core::role::Role;
use groundcrew_core::task::{Status, Task};
use groundcrew_logs::readable;
use groundcrew_store::TaskFilter;
use jiff::{SignedDuration, Timestamp};

use super::service;
use crate::agent::{Ending, Job, Trouble};
use crate::losses::lost;
use crate::site::{Logs, Site};

/// Megabytes beside the database below which it is told.
const ENOUGH_MB: u64 = 512;

/// Logs that are listed one by one.
const LISTED: usize = 20;

/// Waiting tasks that are looked at.
const WAITING: u32 = 1_000;

/// How long all but a twentieth of the waiting tasks may wait.
const OLD: SignedDuration = SignedDuration::from_mins(30);

/// Time left of a lease below which it is about to end; a living worker renews it long before.
const ENDING: SignedDuration = SignedDuration::from_secs(5);

/// How long a question may wait for an answer before it is told again.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// Ended tasks of a role among which failures are counted, and how many are needed to say anything.
const LATELY: u32 = 20;
const ENOUGH: usize = 10;

/// Works a `check_health` task.
pub(super) fn check_health(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: CheckHealthContext = job.context()?;
    let mut checks = vec![sandbox(job), disk(job), queue(job)?, leases(job)?, questions(job)?, success(job)?];
    for project in job.tools.store.projects()? {
        match Site::open(&project, &job.tools.trust) {
            Ok(site) => {
                checks.extend(of_site(&site, &context));
                let lost = lost(job.tools.store.as_ref(), site.id, job.now)?;
                checks.extend(lost.iter().take(LISTED).map(|lost| check("log", "warn", lost.told())));
            }
            Err(error) => checks.push(check("configuration", "fail", error.to_string())),
        }
    }
    if !context.checks.is_empty() {
        checks.retain(|check| context.checks.contains(&check.name));
    }
    let worst = ["fail", "warn"].into_iter().find(|word| checks.iter().any(|check| check.status == *word));
    let outcome = worst.unwrap_or("ok");
    for check in checks.iter().filter(|check| check.status != "ok") {
        job.desk.step(format!("health {}: {}: {}", check.status, check.name, check.detail));
    }
    let reasons = checks
        .iter()
        .filter(|check| check.status != "ok")
        .map(|check| Reason::new(&check.name, &check.detail))
        .collect();
    let result = CheckHealthResult { common: job.common(outcome, 1.0, reasons), checks };
    Ending::complete(&result, job.cost())
}

/// A check of this name with what was found.
pub(super) fn check(name: &str, status: &str, detail: impl Into<String>) -> HealthCheck {
    HealthCheck { name: name.into(), status: status.into(), detail: detail.into(), latency_ms: None }
}

/// The logs of a project and the checks of its service that are wanted.
fn of_site(site: &Site, context: &CheckHealthContext) -> Vec<HealthCheck> {
    let wanted = |name: &str| context.checks.is_empty() || context.checks.iter().any(|known| known == name);
    let logs = logs(site).into_iter();
    let services = site.config.health.checks.iter().filter(|check| wanted(&check.name));
    logs.chain(services.map(|check| service::run(&site.config.health, check, &site.root))).collect()
}

/// A check of each log; of very many, those that cannot be read and one for all others.
fn logs(site: &Site) -> Vec<HealthCheck> {
    let Logs { files, troubles } = site.logs();
    let mut checks: Vec<HealthCheck> =
        troubles.into_iter().map(|trouble| check("log", "warn", trouble)).collect();
    let many = files.len() > LISTED;
    let (mut well, mut ill) = (0usize, 0usize);
    for path in files {
        match readable(&path) {
            Ok(()) if many => well += 1,
            Ok(()) => checks.push(check("log", "ok", format!("{} can be read", path.display()))),
            Err(error) if ill < LISTED => {
                ill += 1;
                checks.push(check("log", "warn", error.to_string()));
            }
            Err(_) => ill += 1,
        }
    }
    if many {
        checks.push(check("log", "ok", format!("{well} logs can be read")));
    }
    if ill > LISTED {
        checks.push(check("log", "warn", format!("{} more logs cannot be read", ill - LISTED)));
    }
    checks
}

fn sandbox(job: &Job<'_>) -> HealthCheck {
    match job.tools.sandbox() {
        Ok(sandbox) => check("sandbox", "ok", format!("level {}", sandbox.level())),
        Err(error) => check("sandbox", "fail", error.to_string()),
    }
}

fn disk(job: &Job<'_>) -> HealthCheck {
    match job.tools.free_megabytes() {
        Some(free) if free < ENOUGH_MB => {
            check("disk", "warn", format!("only {free} MB are free beside the database"))
        }
        Some(free) => check("disk", "ok", format!("{free} MB free")),
        None => check("disk", "warn", "the free space beside the database is not known"),
    }
}

fn queue(job: &Job<'_>) -> Result<HealthCheck, Trouble> {
    let counts = job.tools.store.counts()?;
    let of =
        |status: Status| counts.iter().filter(|row| row.status == status).map(|row| row.tasks).sum::<u64>();
    let waiting = tasks(job, &TaskFilter { limit: Some(WAITING), ..of_status(Status::Pending) })?;
    let age = age_of_most(&waiting, job.now);
    let detail = format!(
        "{} waiting, {} running, {} blocked, {} failed; 95 of 100 wait less than {} s",
        of(Status::Pending),
        of(Status::Running),
        of(Status::Blocked),
        of(Status::Failed),
        age.as_secs()
    );
    Ok(check("queue", if age > OLD { "warn" } else { "ok" }, detail))
}

/// The 95th percentile of the ages of tasks that are ready.
fn age_of_most(waiting: &[Task], now: Timestamp) -> SignedDuration {
    let ready = waiting.iter().filter(|task| task.run_at.is_none());
    let mut ages: Vec<SignedDuration> = ready.map(|task| now.duration_since(task.created_at)).collect();
    ages.sort_unstable();
    let at = (ages.len() * 95).div_ceil(100).saturating_sub(1);
    ages.get(at).copied().unwrap_or(SignedDuration::ZERO).max(SignedDuration::ZERO)
}

fn leases(job: &Job<'_>) -> Result<HealthCheck, Trouble> {
    let running = tasks(job, &of_status(Status::Running))?;
    let ending: Vec<String> = running
        .iter()
        .filter(|task| task.id != job.task.id)
        .filter(|task| task.lease.as_ref().is_some_and(|lease| lease.until.duration_since(job.now) < ENDING))
        .map(|task| task.id.to_string())
        .collect();
    Ok(if ending.is_empty() {
        check("leases", "ok", format!("{} tasks run, each with a living worker", running.len()))
    } else {
        check(
            "leases",
            "warn",
            format!("the workers of tasks {} do not renew their leases", ending.join(", ")),
        )
    })
}

fn questions(job: &Job<'_>) -> Result<HealthCheck, Trouble> {
    let inbox = job.tools.store.inbox()?;
    let old = inbox.iter().filter(|item| job.now.duration_since(item.message.created_at) > PATIENCE).count();
    Ok(if old == 0 {
        check("questions", "ok", format!("{} wait for an answer", inbox.len()))
    } else {
        check(
            "questions",
            "warn",
            format!("{old} have waited for an answer for more than a day; see the inbox"),
        )
    })
}

/// Roles that fail much more often lately than they used to.
fn success(job: &Job<'_>) -> Result<HealthCheck, Trouble> {
    let mut failing = Vec::new();
    for agent in job.tools.store.agents()? {
        let usual = agent.metrics.get("success_rate").and_then(serde_json::Value::as_f64).unwrap_or(1.0);
        if let Some(lately) = lately(job, agent.role)?
            && lately < 0.5
            && lately < usual - 0.2
        {
            failing.push(format!("{} ({:.0} of 100 lately)", agent.role, lately * 100.0));
        }
    }
    Ok(if failing.is_empty() {
        check("success", "ok", "no role fails more often than it used to")
    } else {
        check(
            "success",
            "warn",
            format!("these roles fail more often than they used to: {}", failing.join(", ")),
        )
    })
}

/// The part of a role's latest ended tasks that completed; none where there are too few.
fn lately(job: &Job<'_>, role: Role) -> Result<Option<f64>, Trouble> {
    let of = |status| TaskFilter { role: Some(role), limit: Some(LATELY), ..of_status(status) };
    let mut ended = tasks(job, &of(Status::Completed))?;
    ended.extend(tasks(job, &of(Status::Failed))?);
    ended.sort_by_key(|task| std::cmp::Reverse(task.completed_at));
    ended.truncate(LATELY as usize);
    if ended.len() < ENOUGH {
        return Ok(None);
    }
    #[expect(clippy::cast_precision_loss, reason = "both are small counts")]
    let part =
        ended.iter().filter(|task| task.status == Status::Completed).count() as f64 / ended.len() as f64;
    Ok(Some(part))
}

fn of_status(status: Status) -> TaskFilter {
    TaskFilter { status: Some(status), ..TaskFilter::default() }
}

fn tasks(job: &Job<'_>, filter: &TaskFilter) -> Result<Vec<Task>, Trouble> {
    Ok(job.tools.store.tasks(filter)?)
}
