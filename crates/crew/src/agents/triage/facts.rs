//! What is known of an error before the repository is looked at.

use groundcrew_core::contract::{ClassifyErrorContext, Counts};
use groundcrew_core::incident::{Incident, Sample};
use groundcrew_core::task::IncidentId;
use jiff::{SignedDuration, Timestamp};

use crate::agent::{Job, Trouble};
use crate::site::{lines_before, sample_from_text};

/// What is known about the error.
pub(super) struct Facts {
    /// The incident, where there is one.
    pub(super) incident: Option<IncidentId>,
    /// One line for people.
    pub(super) title: String,
    /// What it looked like.
    pub(super) sample: Sample,
    /// How often it was seen.
    pub(super) counts: Counts,
    /// When it was first seen, where that is known.
    pub(super) first_seen: Option<Timestamp>,
    /// When it was last seen, where that is known.
    pub(super) last_seen: Option<Timestamp>,
    /// The release in which it was first seen, where the log names one.
    pub(super) first_release: Option<String>,
    /// The release in which it was last seen, where the log names one.
    pub(super) last_release: Option<String>,
}

impl Facts {
    /// From the incident where there is one, else from the task's own text.
    pub(super) fn gather(job: &Job<'_>, context: &ClassifyErrorContext) -> Result<Self, Trouble> {
        if let Some(id) = job.task.incident
            && let Some(incident) = job.tools.store.incident(id)?
        {
            let counts = count(job, &incident)?;
            return Ok(Self {
                incident: Some(id),
                title: incident.title,
                sample: incident.sample,
                counts,
                first_seen: Some(incident.first_seen),
                last_seen: Some(incident.last_seen),
                first_release: incident.first_release,
                last_release: incident.last_release,
            });
        }
        let (title, mut sample) = match (&context.error, job.task.context.as_str()) {
            (Some(text), _) => sample_from_text(job.redactor(), text),
            (None, Some(text)) => sample_from_text(job.redactor(), text),
            (None, None) if context.trace.is_some() => (String::new(), Sample::default()),
            (None, None) => {
                return Err(Trouble::refused(
                    "no_error",
                    "the context has no error text; give it as \"error\"",
                ));
            }
        };
        sample.before = lines_before(job.redactor(), &context.before);
        if context.trace.is_some() {
            sample.trace.clone_from(&context.trace);
        }
        let named = sample.trace.as_ref().and_then(|trace| trace.exception.clone());
        let title = if title.is_empty() { named.unwrap_or_else(|| "error".into()) } else { title };
        let counts = context.counts.unwrap_or(Counts { total: 1, hour: 1, day: 1 });
        Ok(Self {
            incident: None,
            title,
            sample,
            counts,
            first_seen: None,
            last_seen: None,
            first_release: None,
            last_release: None,
        })
    }

    /// Seconds since the error was last seen; 0 where that is not known.
    pub(super) fn idle_s(&self, now: Timestamp) -> u64 {
        let since = self.last_seen.map_or(SignedDuration::ZERO, |seen| now.duration_since(seen));
        u64::try_from(since.as_secs()).unwrap_or(0)
    }
}

/// Occurrences of the last hour and day, by the pieces of time in which they were counted.
fn count(job: &Job<'_>, incident: &Incident) -> Result<Counts, Trouble> {
    let day = before(job.now, 24);
    let hour = before(job.now, 1);
    let buckets = job.tools.store.incident_buckets(incident.id, day)?;
    let since = |moment: Timestamp| {
        buckets
            .iter()
            .filter(|(bucket, _)| *bucket >= moment)
            .map(|(_, count)| *count)
            .fold(0, u64::saturating_add)
    };
    Ok(Counts { total: incident.occurrences, hour: since(hour), day: since(day) })
}

fn before(now: Timestamp, hours: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN)
}
