//! What is known of a log beyond its errors: the kinds of its lines, and the releases that its errors happen in.

use groundcrew_core::incident::{MOST_PROJECT_RELEASES, MOST_RELEASES, ReleaseCount};
use groundcrew_core::task::{IncidentId, ProjectId};
use groundcrew_core::template::{Learned, MOST_TEMPLATES, Mined, Noticed, Template, TemplateCount};
use jiff::{SignedDuration, Timestamp};
use rusqlite::params;
use serde_json::Value;

use super::query::{
    ADD_RELEASE, ADD_TEMPLATE_BUCKET, COUNT_TEMPLATE, Db, FORGET_ALL_TEMPLATE_BUCKETS, FORGET_RELEASES,
    FORGET_TEMPLATE_BUCKETS, FORGET_TEMPLATES, FORGOTTEN_TEMPLATES, INCIDENT_RELEASES, JOIN_TEMPLATE,
    JOIN_TEMPLATE_BUCKETS, LEARNED, MINER, NAME_RELEASES, NOTICE_TEMPLATE, RELEASES, REMOVE_TEMPLATE,
    REMOVE_TEMPLATE_BUCKETS, SEE_RELEASE, SET_MINER, TEMPLATE_BUCKETS, TEMPLATES, UNSEE_RELEASES,
};
use super::row;
use crate::error::StoreError;
use crate::time::written;
use crate::view::{DEFAULT_LIMIT, TemplateFilter};

/// How long the rate of a kind of line is remembered.
const RATED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Adds occurrences of an incident to those of its releases.
pub(super) fn add_releases(db: Db<'_>, incident: i64, releases: &[ReleaseCount]) -> Result<(), StoreError> {
    if releases.is_empty() {
        return Ok(());
    }
    for of in releases {
        let (first, last) = (written(of.first), written(of.last));
        db.run(ADD_RELEASE, params![incident, of.release, whole(of.count), first, last])?;
    }
    db.run(FORGET_RELEASES, params![incident, MOST_RELEASES - 1])?;
    db.run(NAME_RELEASES, [incident])?;
    Ok(())
}

/// Adds records of a project's logs to those of its releases.
pub(super) fn see_releases(
    db: Db<'_>,
    project: ProjectId,
    releases: &[ReleaseCount],
) -> Result<(), StoreError> {
    for of in releases {
        let (first, last) = (written(of.first), written(of.last));
        db.run(SEE_RELEASE, params![project.0, of.release, whole(of.count), first, last])?;
    }
    db.run(UNSEE_RELEASES, params![project.0, MOST_PROJECT_RELEASES])?;
    Ok(())
}

/// Writes what a scan learned about the kinds of lines of a source.
pub(super) fn mine(db: Db<'_>, project: ProjectId, mined: &Mined, now: Timestamp) -> Result<(), StoreError> {
    let source = &mined.source;
    let state = mined.state.as_ref().map(Value::to_string);
    let caught_up = mined.caught_up.then(|| written(now));
    db.run(SET_MINER, params![project.0, source, state, caught_up, whole(mined.generation)])?;
    if mined.anew {
        db.run(FORGET_ALL_TEMPLATE_BUCKETS, params![project.0, source])?;
        db.run(FORGET_TEMPLATES, params![project.0, source])?;
    }
    for (ended, into) in &mined.merged {
        db.run(JOIN_TEMPLATE, params![project.0, source, whole(*ended), whole(*into)])?;
        db.run(JOIN_TEMPLATE_BUCKETS, params![project.0, source, whole(*ended), whole(*into)])?;
        remove(db, project, source, whole(*ended))?;
    }
    let old = written(now.checked_sub(RATED).unwrap_or(Timestamp::MIN));
    for count in &mined.counts {
        add(db, project, source, count, &old)?;
    }
    for forgotten in db.numbers(FORGOTTEN_TEMPLATES, params![project.0, source, MOST_TEMPLATES])? {
        remove(db, project, source, forgotten)?;
    }
    Ok(())
}

fn add(
    db: Db<'_>,
    project: ProjectId,
    source: &str,
    count: &TemplateCount,
    old: &str,
) -> Result<(), StoreError> {
    let id = whole(count.id);
    let values = params![
        project.0,
        source,
        id,
        count.text,
        count.level,
        whole(count.count),
        written(count.first),
        written(count.last),
        count.example,
        !count.buckets.is_empty(),
    ];
    db.run(COUNT_TEMPLATE, values)?;
    if count.buckets.is_empty() {
        return Ok(());
    }
    for (at, count) in count.counted() {
        db.run(ADD_TEMPLATE_BUCKET, params![project.0, source, id, written(at), whole(count)])?;
    }
    db.run(FORGET_TEMPLATE_BUCKETS, params![project.0, source, id, old])?;
    Ok(())
}

fn remove(db: Db<'_>, project: ProjectId, source: &str, id: i64) -> Result<(), StoreError> {
    db.run(REMOVE_TEMPLATE_BUCKETS, params![project.0, source, id])?;
    db.run(REMOVE_TEMPLATE, params![project.0, source, id])?;
    Ok(())
}

/// Remembers what was told about a kind of line.
pub(super) fn notice(
    db: Db<'_>,
    project: ProjectId,
    noticed: &Noticed,
    now: Timestamp,
) -> Result<(), StoreError> {
    let values = params![project.0, noticed.source, whole(noticed.id), noticed.notice.as_str(), written(now)];
    db.run(NOTICE_TEMPLATE, values)?;
    Ok(())
}

pub(super) fn releases(db: Db<'_>, incident: IncidentId) -> Result<Vec<ReleaseCount>, StoreError> {
    db.all(INCIDENT_RELEASES, [incident.0], row::release)
}

pub(super) fn releases_of(db: Db<'_>, project: ProjectId) -> Result<Vec<ReleaseCount>, StoreError> {
    db.all(RELEASES, [project.0], row::release)
}

pub(super) fn learned(
    db: Db<'_>,
    project: ProjectId,
    source: Option<&str>,
) -> Result<Vec<Learned>, StoreError> {
    db.all(LEARNED, params![project.0, source], row::learned)
}

pub(super) fn miner(db: Db<'_>, project: ProjectId, source: &str) -> Result<Option<Value>, StoreError> {
    db.first(MINER, params![project.0, source], row::first_json)
}

pub(super) fn templates(db: Db<'_>, filter: &TemplateFilter) -> Result<Vec<Template>, StoreError> {
    let values = params![
        filter.project.map(|project| project.0),
        filter.source,
        filter.rated,
        filter.noticed,
        filter.new_since.map(written),
        filter.limit.unwrap_or(DEFAULT_LIMIT),
    ];
    db.all(TEMPLATES, values, row::template)
}

pub(super) fn template_buckets(
    db: Db<'_>,
    template: &Template,
    since: Timestamp,
) -> Result<Vec<(Timestamp, u64)>, StoreError> {
    let since = written(groundcrew_core::incident::bucket(since));
    let values = params![template.project.0, template.source, whole(template.id), since];
    db.all(TEMPLATE_BUCKETS, values, row::bucket)
}

/// A count as the database holds it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
