//! Watches what becomes of errors: those that burst, those whose fix is released, those that are gone, and logs that fell
//! silent. What is found is decided in `trends`; here it is read, settled and told.

use std::collections::BTreeMap;

use groundcrew_core::contract::task_type::{PUBLISH_FIX, WATCH_INCIDENTS};
use groundcrew_core::contract::{
    Burst, PublishFixContext, Reason, Silenced, WatchIncidentsContext, WatchIncidentsResult, Watched,
};
use groundcrew_core::incident::{Category, Incident, IncidentChange, IncidentStatus, Traffic};
use groundcrew_core::lifecycle::{BURST, RETURNED, classify_task};
use groundcrew_core::message::{MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{IncidentId, Status};
use groundcrew_core::template::{Notice, Noticed};
use groundcrew_store::{IncidentFilter, TaskFilter};
use groundcrew_workbench::git::{GitError, Repository, Sha};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::lines;
use super::released::{Approved, how};
use super::trends::{BurstRule, GoneRule, Life, burst, gone, silent};
use crate::agent::{Ending, Job, Trouble};
use crate::config::Span;
use crate::site::Site;

/// Incidents that are watched, those last seen first.
const MOST: u32 = 500;

/// Tasks of the monitor among which the last watch is looked for.
const RECENT: u32 = 100;

/// Works a `watch_incidents` task.
pub(super) fn watch_incidents(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: WatchIncidentsContext = job.context()?;
    let site = job.site()?;
    let filter = IncidentFilter { project: Some(site.id), limit: Some(MOST), ..IncidentFilter::default() };
    let incidents = job.tools.store.incidents(&filter)?;
    let baseline = context.baseline_days.map_or_else(|| signed(site.config.watch.baseline), days);
    let traffic = job.tools.store.traffic(site.id, back(job.now, baseline))?;
    let mut watch = Watch { job, site, traffic: by_source(traffic), changes: BTreeMap::new() };
    let bursts = watch.bursting(&incidents, &context, baseline, can_burst)?;
    let released = watch.released(&incidents)?;
    let resolved = watch.resolved(&incidents)?;
    let returned = returned(&incidents);
    let loud = watch.bursting(&incidents, &context, baseline, is_only_told)?;
    let before = last_silenced(job, site)?;
    let silenced = watch.silenced();
    let kinds = lines::look(job, site, &watch.traffic, &watch.lines_rule(&context, baseline))?;
    let news: Vec<&Silenced> = silenced.iter().filter(|found| !before.contains(found)).collect();
    let mut reasons: Vec<Reason> = Vec::new();
    reasons.extend(bursts.iter().map(|found| {
        Reason::new(
            "burst",
            format!("incident {}: {} times, more than {}", found.incident, found.count, found.threshold),
        )
    }));
    for (code, list) in [("returned", &returned), ("released", &released), ("resolved", &resolved)] {
        reasons.extend(
            list.iter()
                .map(|found| Reason::new(code, format!("incident {}: {}", found.incident, found.detail))),
        );
    }
    reasons.extend(news.iter().map(|found| Reason::new("silenced", tell_silence(found))));
    reasons.extend(line_reasons(&kinds.noticed));
    for reason in &reasons {
        job.desk.step(format!("{}: {}", reason.code, reason.text));
    }
    let outcome = if reasons.is_empty() { "quiet" } else { "changed" };
    let tasks = bursts
        .iter()
        .map(|found| (found.incident, BURST))
        .chain(returned.iter().map(|found| (found.incident, RETURNED)))
        .filter_map(|(id, why)| incidents.iter().find(|incident| incident.id == id).zip(Some(why)))
        .map(|(incident, why)| {
            let mut task = classify_task(site.id, &incident.fingerprint, &incident.title, why);
            task.created_by = Role::Monitor.into();
            task
        });
    let hand_offs: Vec<_> = tasks.collect();
    let silences = news.into_iter().map(|found| silence_message(site, found));
    let louder = loud.iter().filter(|found| !before.has_told(found));
    let messages: Vec<_> = silences.chain(louder.map(|found| burst_message(site, found))).collect();
    let changes = std::mem::take(&mut watch.changes);
    let result = WatchIncidentsResult {
        common: job.common(outcome, 1.0, reasons),
        bursts,
        ignored_bursts: loud,
        returned,
        silenced,
        resolved,
        released,
        lines: kinds.noticed.iter().filter(|noticed| !noticed.untold).cloned().collect(),
        lines_untold: kinds.noticed.iter().filter(|noticed| noticed.untold).count() as u64,
    };
    let mut ending = Ending::complete(&result, job.cost())?;
    ending.hand_offs = hand_offs;
    ending.messages = messages;
    ending.noticed = kinds.noticed;
    ending.sightings = kinds.sightings;
    ending.incidents = changes.into_iter().collect();
    Ok(ending)
}

struct Watch<'a> {
    job: &'a Job<'a>,
    site: &'a Site,
    traffic: BTreeMap<String, Vec<Traffic>>,
    changes: BTreeMap<IncidentId, IncidentChange>,
}

impl Watch<'_> {
    fn burst_rule(&self, context: &WatchIncidentsContext) -> BurstRule {
        let config = &self.site.config.watch;
        let window = context.window_s.map_or_else(|| signed(config.window), seconds);
        BurstRule { window, factor: config.factor, minimum: config.minimum }
    }

    fn lines_rule(&self, context: &WatchIncidentsContext, baseline: SignedDuration) -> lines::Rule {
        let config = &self.site.config.watch;
        lines::Rule {
            burst: self.burst_rule(context),
            baseline,
            learn: signed(config.learn),
            silent: signed(config.silent),
        }
    }

    fn bursting(
        &self,
        incidents: &[Incident],
        context: &WatchIncidentsContext,
        baseline: SignedDuration,
        wanted: fn(&Incident) -> bool,
    ) -> Result<Vec<Burst>, Trouble> {
        let rule = self.burst_rule(context);
        let window = rule.window;
        let now = self.job.now;
        let mut found = Vec::new();
        for incident in incidents.iter().filter(|incident| wanted(incident)) {
            // What was not seen within the window cannot burst in it.
            if incident.last_seen < back(now, window) || incident.occurrences <= rule.minimum {
                continue;
            }
            let since = back(now, baseline).max(incident.first_seen);
            let buckets = self.job.tools.store.incident_buckets(incident.id, since)?;
            if let Some(bursting) = burst(&buckets, since, now, &rule) {
                found.push(Burst {
                    incident: incident.id,
                    title: incident.title.clone(),
                    count: bursting.count,
                    threshold: bursting.threshold,
                });
            }
        }
        Ok(found)
    }

    /// Approved fixes that are in the released code and were not before.
    fn released(&mut self, incidents: &[Incident]) -> Result<Vec<Watched>, Trouble> {
        let approved: Vec<&Incident> = incidents
            .iter()
            .filter(|incident| incident.status == IncidentStatus::Approved && incident.released_at.is_none())
            .collect();
        if approved.is_empty() {
            return Ok(Vec::new());
        }
        let repository = self.site.repository(self.job)?;
        let Some(tip) = released_commit(&repository, self.site)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for incident in approved {
            let Some(fix) = approved_fix(self.job, incident)? else { continue };
            let Some(how) = how(&repository, &fix, &tip)? else { continue };
            let change = IncidentChange { released_at: Some(self.job.now), ..IncidentChange::default() };
            self.changes.insert(incident.id, change);
            found.push(watched(incident, format!("its fix is released: {} {how}", tip.short())));
        }
        Ok(found)
    }

    fn resolved(&mut self, incidents: &[Incident]) -> Result<Vec<Watched>, Trouble> {
        let config = &self.site.config.watch;
        let rule = GoneRule { gaps: config.gaps, minimum: signed(config.absent) };
        let mut found = Vec::new();
        for incident in incidents.iter().filter(|incident| incident.status == IncidentStatus::Approved) {
            let Some(released) = incident.released_at else { continue };
            let life = Life {
                first: incident.first_seen,
                last: incident.last_seen,
                occurrences: incident.occurrences,
                released,
            };
            let traffic = self.traffic.get(&incident.sample.source).map_or(&[][..], Vec::as_slice);
            let Some(absent) = gone(&life, traffic, self.job.now, &rule) else { continue };
            let detail =
                format!("gone for {} since its fix was released, while its log goes on", told(absent));
            let change = IncidentChange {
                status: Some(IncidentStatus::Resolved),
                reason: Some(detail.clone()),
                ..IncidentChange::default()
            };
            self.changes.insert(incident.id, change);
            found.push(watched(incident, detail));
        }
        Ok(found)
    }

    fn silenced(&self) -> Vec<Silenced> {
        let minimum = signed(self.site.config.watch.silent);
        let found = self.traffic.iter().filter_map(|(source, traffic)| {
            let last = silent(traffic, self.job.now, minimum)?;
            let silent_s = u64::try_from(self.job.now.duration_since(last).as_secs()).unwrap_or(0);
            Some(Silenced { source: source.clone(), last, silent_s })
        });
        found.collect()
    }
}

/// What is told of kinds of lines, and of how many nothing is told one by one.
fn line_reasons(noticed: &[Noticed]) -> Vec<Reason> {
    let told = noticed.iter().filter(|noticed| !noticed.untold);
    let told = told.map(|noticed| {
        let code = match noticed.notice {
            Notice::New => "line_new",
            Notice::Surge => "line_surge",
            Notice::Gone => "line_gone",
        };
        Reason::new(code, format!("{}: {}", noticed.text, noticed.detail))
    });
    let untold = noticed.iter().filter(|noticed| noticed.untold).count();
    let more =
        format!("{untold} more kinds of lines at once; `groundcrew logs templates --noticed` has them");
    told.chain((untold > 0).then(|| Reason::new("lines_untold", more))).collect()
}

/// Whether a burst of the incident is worth another look: not while it is worked, and not where somebody said no.
fn can_burst(incident: &Incident) -> bool {
    if incident.merged_into.is_some() {
        return false;
    }
    match incident.status {
        IncidentStatus::NeedsHuman | IncidentStatus::Approved => true,
        // What a defect of the code was and is ignored now, a person ignored.
        IncidentStatus::Ignored => !matches!(
            incident.category,
            None | Some(Category::CodeBug | Category::Regression | Category::Security)
        ),
        IncidentStatus::Baseline
        | IncidentStatus::New
        | IncidentStatus::Fixing
        | IncidentStatus::FixReady
        | IncidentStatus::Declined
        | IncidentStatus::Resolved
        | IncidentStatus::Regressed => false,
    }
}

/// Ignored by a person, so its burst is told and not worked.
fn is_only_told(incident: &Incident) -> bool {
    incident.status == IncidentStatus::Ignored && incident.merged_into.is_none() && !can_burst(incident)
}

/// Errors that were seen after the release of their fix. A scan notices that itself, but for those that it met before the
/// release was known.
fn returned(incidents: &[Incident]) -> Vec<Watched> {
    let back = |incident: &&Incident| {
        let fixed = matches!(incident.status, IncidentStatus::Approved | IncidentStatus::Resolved);
        fixed && incident.released_at.is_some_and(|released| incident.last_seen > released)
    };
    incidents
        .iter()
        .filter(back)
        .map(|incident| watched(incident, "seen again after its fix was released".to_owned()))
        .collect()
}

fn watched(incident: &Incident, detail: String) -> Watched {
    Watched { incident: incident.id, title: incident.title.clone(), detail }
}

/// The commit that runs: of the branch that the settings name as released, else of the one that fixes start from.
fn released_commit(repository: &Repository, site: &Site) -> Result<Option<Sha>, Trouble> {
    let found = match &site.config.release.branch {
        Some(branch) => repository.resolve(&format!("refs/heads/{branch}")),
        None => return Ok(Some(site.base(repository)?)),
    };
    match found {
        Ok(commit) => Ok(Some(commit)),
        Err(GitError::NoSuchCommit(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The approved commit with the one it starts from, as the task that was approved has them.
fn approved_fix(job: &Job<'_>, incident: &Incident) -> Result<Option<Approved>, Trouble> {
    let filter = TaskFilter { incident: Some(incident.id), ..TaskFilter::default() };
    let tasks = job.tools.store.tasks(&filter)?;
    let published: Vec<PublishFixContext> = tasks
        .into_iter()
        .filter(|task| task.task_type == PUBLISH_FIX)
        .filter(|task| task.result.as_ref().is_some_and(|result| result["outcome"] == "approved"))
        .filter_map(|task| serde_json::from_value(task.context).ok())
        .collect();
    let wanted = incident.fix_commit.as_deref();
    let context = published.iter().find(|context| wanted.is_none_or(|wanted| context.head_sha == wanted));
    let head = wanted.or(context.map(|context| context.head_sha.as_str()));
    let Some(head) = head.and_then(|head| Sha::parse(head).ok()) else { return Ok(None) };
    let base = context.and_then(|context| Sha::parse(&context.base_sha).ok());
    Ok(Some(Approved { base, head }))
}

/// What the last watch found silent, so that a silence is told once.
fn last_silenced(job: &Job<'_>, site: &Site) -> Result<LastSilenced, Trouble> {
    let filter = TaskFilter {
        role: Some(Role::Monitor),
        status: Some(Status::Completed),
        project: Some(site.id),
        limit: Some(RECENT),
        ..TaskFilter::default()
    };
    let tasks = job.tools.store.tasks(&filter)?;
    let result =
        tasks.into_iter().filter(|task| task.task_type == WATCH_INCIDENTS).find_map(|task| task.result);
    let result: Option<WatchIncidentsResult> = result.and_then(|result| serde_json::from_value(result).ok());
    Ok(result.map_or_else(LastSilenced::default, |last| LastSilenced(last.silenced, last.ignored_bursts)))
}

/// What the look before told.
#[derive(Default)]
struct LastSilenced(Vec<Silenced>, Vec<Burst>);

impl LastSilenced {
    fn has_told(&self, found: &Burst) -> bool {
        self.1.iter().any(|known| known.incident == found.incident)
    }

    fn contains(&self, found: &Silenced) -> bool {
        self.0.iter().any(|known| known.source == found.source && known.last == found.last)
    }
}

fn tell_silence(found: &Silenced) -> String {
    let silent = i64::try_from(found.silent_s).unwrap_or(i64::MAX);
    format!(
        "{} used to be written steadily and is silent for {}",
        found.source,
        told(SignedDuration::from_secs(silent))
    )
}

/// Whoever ignores an error hears of its bursts; it stays ignored.
fn burst_message(site: &Site, found: &Burst) -> NewMessage {
    NewMessage {
        from: Role::Monitor.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content: format!(
            "project {}: incident {} is ignored and bursts: {} times, more than {}: {}",
            site.name, found.incident, found.count, found.threshold, found.title
        ),
        metadata: json!({ "kind": "ignored_burst", "incident": found.incident }),
    }
}

fn silence_message(site: &Site, found: &Silenced) -> NewMessage {
    NewMessage {
        from: Role::Monitor.to_string(),
        to: Party::User.to_string(),
        message_type: MessageType::Notification,
        content: format!("project {}: {}", site.name, tell_silence(found)),
        metadata: json!({ "source": found.source, "last": found.last }),
    }
}

fn by_source(traffic: Vec<Traffic>) -> BTreeMap<String, Vec<Traffic>> {
    let mut sources: BTreeMap<String, Vec<Traffic>> = BTreeMap::new();
    for piece in traffic {
        sources.entry(piece.source.clone()).or_default().push(piece);
    }
    sources
}

/// A length of time in its largest whole unit.
fn told(length: SignedDuration) -> String {
    match length.as_secs() {
        seconds if seconds >= 2 * 86_400 => format!("{} days", seconds / 86_400),
        seconds if seconds >= 2 * 3_600 => format!("{} hours", seconds / 3_600),
        seconds if seconds >= 120 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

fn signed(span: Span) -> SignedDuration {
    SignedDuration::try_from(span.get()).unwrap_or(SignedDuration::MAX)
}

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn days(days: u64) -> SignedDuration {
    seconds(days.saturating_mul(86_400))
}

fn back(now: Timestamp, length: SignedDuration) -> Timestamp {
    now.checked_sub(length).unwrap_or(Timestamp::MIN)
}
