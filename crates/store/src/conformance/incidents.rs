//! Errors met in logs: which become incidents, and which become work.

use groundcrew_core::incident::{
    Category, Incident, IncidentChange, IncidentStatus, Sample, Severity, Sighting,
};
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{IncidentLink, NewTask, ProjectId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Bench, Make, complete, refusal};
use crate::{IncidentFilter, Receipt};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn sighting(fingerprint: &str, day: u8, history: bool) -> Sighting {
    Sighting {
        fingerprint: fingerprint.to_owned(),
        fingerprint_version: 1,
        title: format!("KeyError: {fingerprint}"),
        count: 3,
        first: at(&format!("2026-03-{day:02}T10:00:00Z")),
        last: at(&format!("2026-03-{day:02}T11:00:00Z")),
        history,
        sample: Sample { text: format!("seen on day {day}"), ..Sample::default() },
        buckets: Vec::new(),
        releases: Vec::new(),
        grouping: groundcrew_core::incident::Grouping::default(),
    }
}

pub(super) fn project(bench: &Bench) -> ProjectId {
    bench.store.add_project("shop", "/srv/shop", &json!({})).unwrap()
}

pub(super) fn scan(bench: &Bench, sightings: Vec<Sighting>) -> Receipt {
    let task = bench.claimed(Role::Monitor);
    bench.settle_with(&task, complete(), |end| end.sightings = sightings).unwrap()
}

pub(super) fn only(bench: &Bench) -> Incident {
    let mut all = bench.store.incidents(&Default::default()).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// However often an error is met, it is one incident, and triage is asked once.
pub fn sightings_make_one_incident_and_one_task(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    let first = scan(&bench, vec![sighting("f1", 2, false), sighting("f1", 3, false)]);
    assert_eq!(first.inserted.len(), 1, "two days of a new error are one question");
    assert_eq!(scan(&bench, vec![sighting("f1", 4, false), sighting("f1", 1, false)]).inserted, []);
    let found = only(&bench);
    let wanted = Incident {
        id: found.id,
        project,
        fingerprint: "f1".to_owned(),
        fingerprint_version: 1,
        title: "KeyError: f1".to_owned(),
        status: IncidentStatus::New,
        category: None,
        severity: None,
        reason: None,
        occurrences: 12,
        first_seen: at("2026-03-01T10:00:00Z"),
        last_seen: at("2026-03-04T11:00:00Z"),
        sample: Sample { text: "seen on day 4".to_owned(), ..Sample::default() },
        branch: None,
        fix_commit: None,
        released_at: None,
        merged_into: None,
        first_release: None,
        last_release: None,
        family: None,
        rule: None,
        ignored: None,
    };
    assert_eq!(found, wanted);
    let classify = bench.claim(Role::Triage);
    assert_eq!((classify.task_type.as_str(), classify.incident), ("classify_error", Some(found.id)));
    assert_eq!(classify.context["reason"], json!("new"));
    scan(&bench, vec![sighting("f2", 5, false)]);
    let second = bench.store.incidents(&Default::default()).unwrap().remove(0);
    assert_eq!(second.id.0, found.id.0 + 1, "counting an incident uses up no number");
}

/// A flood of new errors is recorded whole, and only so much of it waits for triage at a time.
pub fn a_flood_of_errors_is_recorded_and_waits_its_turn(make: Make<'_>) {
    let bench = make();
    project(&bench);
    let flood = || (0..130).map(|n| sighting(&format!("f{n}"), 2, false)).collect();
    assert_eq!(scan(&bench, flood()).inserted.len(), 100);
    let all = IncidentFilter { limit: Some(1000), ..IncidentFilter::default() };
    assert_eq!(bench.store.incidents(&all).unwrap().len(), 130);
    assert_eq!(scan(&bench, flood()).inserted, [], "there is still no room");
    let claimed = bench.claim(Role::Triage);
    bench.settle(&claimed, complete()).unwrap();
    assert_eq!(scan(&bench, flood()).inserted.len(), 1, "one more has its turn");
}

/// What is older than the first reading is no work, unless it is met again.
pub fn history_is_recorded_but_not_worked_until_it_happens_again(make: Make<'_>) {
    let bench = make();
    project(&bench);
    assert_eq!(scan(&bench, vec![sighting("old", 1, true)]).inserted, []);
    assert_eq!(only(&bench).status, IncidentStatus::Baseline);
    assert_eq!(scan(&bench, vec![sighting("old", 2, true)]).inserted, []);
    assert_eq!(scan(&bench, vec![sighting("old", 3, false)]).inserted.len(), 1);
    assert_eq!(only(&bench).status, IncidentStatus::New);
    assert_eq!(bench.claim(Role::Triage).context["reason"], json!("still_happening"));
}

/// An error that was gone and comes back is handed to triage anew.
pub fn an_error_that_returns_after_its_fix_is_worked_again(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false)]);
    let classify = bench.claim(Role::Triage);
    let resolved = IncidentChange { status: Some(IncidentStatus::Resolved), ..Default::default() };
    bench.settle_with(&classify, complete(), |end| end.incident = resolved).unwrap();
    assert_eq!(scan(&bench, vec![sighting("f1", 1, false)]).inserted.len(), 1);
    assert_eq!(only(&bench).status, IncidentStatus::Regressed);
    assert_eq!(bench.claim(Role::Triage).context["reason"], json!("returned"));
}

/// A log is read on from where its findings were stored: a refused settlement moves neither.
pub fn cursors_are_saved_with_what_was_read(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Monitor);
    let cursor = || vec![("app.log".to_owned(), json!({ "offset": 9 }))];
    let refused = bench.settle_with(&task, complete(), |end| end.cursors = cursor());
    let said = "a task without a project cannot record what it read".to_owned();
    assert_eq!(refusal(refused), Refusal::Invalid(said));
    let project = project(&bench);
    assert_eq!(bench.store.cursor(project, "app.log").unwrap(), None);
    bench.settle_with(&task, complete(), |end| end.cursors = cursor()).unwrap();
    assert_eq!(bench.store.cursor(project, "app.log").unwrap(), Some(json!({ "offset": 9 })));
    assert_eq!(bench.store.cursor(project, "other.log").unwrap(), None);
    let all = bench.store.cursors(project).unwrap();
    assert_eq!(all, [("app.log".to_owned(), json!({ "offset": 9 }))]);
}

/// A settlement changes the incident of its task and nothing that it does not name.
pub fn what_was_learned_changes_the_incident(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    scan(&bench, vec![sighting("f1", 1, false)]);
    let classify = bench.claim(Role::Triage);
    let change = IncidentChange {
        status: Some(IncidentStatus::Fixing),
        category: Some(Category::CodeBug),
        severity: Some(Severity::High),
        reason: Some("a key may be missing".to_owned()),
        ..IncidentChange::default()
    };
    let fix = NewTask::new("fix_bug", Role::Developer, Party::Triage, Value::Null);
    let before = only(&bench);
    bench
        .settle_with(&classify, complete(), |end| {
            end.incident = change;
            end.hand_offs = vec![fix];
        })
        .unwrap();
    let after = only(&bench);
    let wanted = Incident {
        status: IncidentStatus::Fixing,
        category: Some(Category::CodeBug),
        severity: Some(Severity::High),
        reason: Some("a key may be missing".to_owned()),
        ..before
    };
    assert_eq!(after, wanted);
    let fix = bench.claim(Role::Developer);
    assert_eq!((fix.incident, fix.project), (Some(after.id), Some(project)));
    let mut stray = NewTask::new("fix_bug", Role::Developer, Party::User, Value::Null);
    stray.incident = IncidentLink::Fingerprint("unheard of".to_owned());
    let said = bench.store.execute(Command::Create(Box::new(stray))).unwrap_err();
    assert_eq!(said.kind(), crate::Kind::NotFound, "{said}");
}
