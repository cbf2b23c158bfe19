//! When the incidents of a project are looked at again.
//!
//! Every `[watch] every`, but only where something changed since, or where time alone can change what is true: a fix that
//! waits to be released or to prove itself, a log that may fall silent. A crew with nothing to watch stays idle.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use groundcrew_core::contract::WatchIncidentsContext;
use groundcrew_core::contract::task_type::WATCH_INCIDENTS;
use groundcrew_core::incident::{Incident, IncidentStatus, Traffic};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, ProjectId};
use groundcrew_store::{IncidentFilter, StoreError};
use jiff::{SignedDuration, Timestamp};

use crate::site::Site;
use crate::tools::Tools;

/// Incidents whose changes are noticed, those last seen first.
const MOST: u32 = 200;

/// Time between looks where only time passes.
const PASSING: Duration = Duration::from_secs(300);

/// How far back a log must have been written for its silence to matter.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// What was seen at the last look.
struct Look {
    at: Instant,
    state: u64,
    woken: Instant,
}

/// The looks at all projects.
pub(crate) struct Watches {
    began: Instant,
    looks: BTreeMap<ProjectId, Look>,
}

impl Watches {
    /// None was made yet; the first is due after the project's interval.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), looks: BTreeMap::new() }
    }

    /// The tasks of projects whose incidents are to be looked at now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn due(&mut self, tools: &Tools) -> Result<Vec<NewTask>, StoreError> {
        let mut due = Vec::new();
        for project in tools.store.projects()? {
            // A configuration that cannot be read is told by `doctor` and by the tasks themselves.
            let Ok(site) = Site::open(&project, &tools.trust) else { continue };
            let last = self.looks.get(&site.id);
            let since = last.map_or(self.began, |look| look.at);
            if since.elapsed() < site.config.watch.every.get() {
                continue;
            }
            if self.is_wanted(tools, &site)? {
                due.push(task(&site));
            }
        }
        Ok(due)
    }

    fn is_wanted(&mut self, tools: &Tools, site: &Site) -> Result<bool, StoreError> {
        let filter =
            IncidentFilter { project: Some(site.id), limit: Some(MOST), ..IncidentFilter::default() };
        let incidents = tools.store.incidents(&filter)?;
        let lately = Timestamp::now().checked_sub(LATELY).unwrap_or(Timestamp::MIN);
        let traffic = tools.store.traffic(site.id, lately)?;
        let state = state(&incidents, &traffic);
        let now = Instant::now();
        let last = self.looks.get(&site.id);
        let changed = last.map_or(!incidents.is_empty() || !traffic.is_empty(), |look| look.state != state);
        let passing = waits(&incidents, &traffic) && last.is_none_or(|look| look.woken.elapsed() >= PASSING);
        let wanted = changed || passing;
        let woken = if wanted { now } else { last.map_or(now, |look| look.woken) };
        self.looks.insert(site.id, Look { at: now, state, woken });
        Ok(wanted)
    }
}

fn task(site: &Site) -> NewTask {
    let context = serde_json::to_value(WatchIncidentsContext::default()).unwrap_or(serde_json::Value::Null);
    let mut task = NewTask::new(WATCH_INCIDENTS, Role::Monitor, Party::System, context);
    task.project = Some(site.id);
    task.priority = 4;
    task.dedupe_key = Some(format!("{WATCH_INCIDENTS}:{}", site.id));
    task
}

/// Whether time alone can change what is true.
fn waits(incidents: &[Incident], traffic: &[Traffic]) -> bool {
    !traffic.is_empty() || incidents.iter().any(|incident| incident.status == IncidentStatus::Approved)
}

fn state(incidents: &[Incident], traffic: &[Traffic]) -> u64 {
    let mut hash = DefaultHasher::new();
    for incident in incidents {
        (incident.id, incident.status, incident.occurrences, incident.released_at).hash(&mut hash);
    }
    for piece in traffic {
        (&piece.source, piece.bucket, piece.lines).hash(&mut hash);
    }
    hash.finish()
}
