//! What a person decides about an incident: ignored, looked at again, the same as another one, not the same after all.

use groundcrew_core::contract::task_type::CLASSIFY_ERROR;
use groundcrew_core::incident::{Incident, IncidentStatus, IncidentWish};
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{IncidentId, NewTask, Status, Task, TaskId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::incidents::{project, scan, sighting};
use super::{Bench, Make, complete, refusal};
use crate::{IncidentFilter, Receipt, StoreError};

fn wish(bench: &Bench, incident: IncidentId, wish: IncidentWish) -> Result<Receipt, StoreError> {
    bench.store.execute(Command::Incident { incident, by: Party::User, wish })
}

fn ignore() -> IncidentWish {
    IncidentWish::Ignore { reason: "a scanner".to_owned(), until: None }
}

fn reopen() -> IncidentWish {
    IncidentWish::Reopen { reason: "it hurts".to_owned() }
}

fn named(bench: &Bench, fingerprint: &str) -> Incident {
    let fingerprint = Some(fingerprint.to_owned());
    let filter = IncidentFilter { fingerprint, merged: true, ..IncidentFilter::default() };
    bench.store.incidents(&filter).unwrap().remove(0)
}

/// Whoever ignores an incident ends the work on it, waiting, running or blocked; later occurrences are only counted.
pub fn an_ignored_incident_is_only_counted(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false), sighting("f2", 1, false)]);
    let classify = bench.claim(Role::Triage);
    let fix = || NewTask::new("fix_bug", Role::Developer, Party::Triage, Value::Null);
    let made =
        bench.settle_with(&classify, complete(), |end| end.hand_offs = vec![fix(), fix(), fix()]).unwrap();
    bench.ask(&bench.claim(Role::Developer));
    let running = bench.claim(Role::Developer);
    let incident = classify.incident.unwrap();
    wish(&bench, incident, ignore()).unwrap();
    for task in made.inserted {
        let ended = bench.task(task);
        assert_eq!(
            (ended.status, ended.error_message.as_deref()),
            (Status::Failed, Some("cancelled by user: the incident is ignored: a scanner"))
        );
    }
    assert_eq!(bench.store.inbox().unwrap(), []);
    assert!(matches!(refusal(bench.settle(&running, complete())), Refusal::StaleLease { .. }));
    let after = bench.store.incident(incident).unwrap().unwrap();
    assert_eq!((after.status, after.reason.as_deref()), (IncidentStatus::Ignored, Some("a scanner")));
    assert_eq!(scan(&bench, vec![sighting(&after.fingerprint, 9, false)]).inserted, []);
    let counted = named(&bench, &after.fingerprint);
    assert_eq!((counted.status, counted.occurrences), (IncidentStatus::Ignored, 6));
    assert_eq!(bench.claim(Role::Triage).incident, Some(named(&bench, "f2").id), "the other one is worked");
    let silent = IncidentWish::Ignore { reason: String::new(), until: None };
    assert!(matches!(refusal(wish(&bench, incident, silent)), Refusal::Invalid(_)));
    assert_eq!(refusal(wish(&bench, IncidentId(99), ignore())), Refusal::NoSuchIncident(IncidentId(99)));
}

/// An incident that is reopened goes to triage again, with the person's word; one that is being worked is not.
pub fn a_reopened_incident_goes_to_triage_again(make: Make<'_>) {
    let bench = make();
    project(&bench);
    let first = scan(&bench, vec![sighting("f1", 1, false)]).inserted[0];
    let incident = named(&bench, "f1").id;
    assert_eq!(refusal(wish(&bench, incident, reopen())), Refusal::UnderWork { incident, task: first });
    wish(&bench, incident, ignore()).unwrap();
    let done = wish(&bench, incident, reopen()).unwrap();
    assert!(done.wake.contains(&Role::Triage));
    assert_eq!(named(&bench, "f1").status, IncidentStatus::New);
    let task = bench.claim(Role::Triage);
    assert_eq!(done.inserted, [task.id]);
    assert_eq!(
        (task.task_type.as_str(), task.incident, task.project, task.created_by.as_deref()),
        ("classify_error", Some(incident), Some(named(&bench, "f1").project), Some("user"))
    );
    assert_eq!(
        (&task.context["reason"], &task.context["comment"], &task.context["fingerprint"]),
        (&json!("reopened"), &json!("it hurts"), &json!("f1"))
    );
}

/// A merged incident is not shown, its work ends, and the one that stands for it counts its occurrences, also later ones.
pub fn a_merged_incident_counts_for_the_other(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false), sighting("f2", 5, false)]);
    let (one, two) = (named(&bench, "f1"), named(&bench, "f2"));
    wish(&bench, one.id, IncidentWish::MergeInto(two.id)).unwrap();
    let shown = bench.store.incidents(&IncidentFilter::default()).unwrap();
    assert_eq!(shown.iter().map(|incident| incident.id).collect::<Vec<_>>(), [two.id]);
    assert_eq!((shown[0].occurrences, shown[0].first_seen), (6, one.first_seen));
    assert_eq!(named(&bench, "f1").merged_into, Some(two.id));
    let waiting = bench.claim(Role::Triage);
    assert_eq!(waiting.incident, Some(two.id), "the task of the merged one is over");
    assert_eq!(bench.store.claim(Role::Triage, None, "w", super::MINUTE).unwrap(), None);
    assert_eq!(scan(&bench, vec![sighting("f1", 9, false)]).inserted, [], "the other's task is open");
    let (merged, whole) = (named(&bench, "f1"), named(&bench, "f2"));
    assert_eq!((merged.occurrences, whole.occurrences, whole.last_seen), (6, 9, merged.last_seen));
    assert_eq!(refusal(wish(&bench, one.id, ignore())), Refusal::Merged { incident: one.id, into: two.id });
    let buckets: u64 = of(&bench, two.id).iter().map(|(_, count)| count).sum();
    assert_eq!(buckets, 9);
}

fn of(bench: &Bench, incident: IncidentId) -> Vec<(Timestamp, u64)> {
    bench.store.incident_buckets(incident, Timestamp::UNIX_EPOCH).unwrap()
}

/// Incidents are counted by their status, of one project or of all, and one that is merged into another is not.
pub fn incidents_are_counted_by_status(make: Make<'_>) {
    let bench = make();
    let counts = |project| bench.store.incident_counts(project).unwrap();
    assert_eq!(counts(None), []);
    let here = project(&bench);
    scan(&bench, vec![sighting("f1", 1, false), sighting("f2", 5, true), sighting("f3", 5, false)]);
    let there = bench.store.add_project("there", "/srv/there", &json!({})).unwrap();
    let all = [(IncidentStatus::Baseline, 1), (IncidentStatus::New, 2)];
    assert_eq!((counts(None), counts(Some(here)), counts(Some(there))), (all.to_vec(), all.to_vec(), vec![]));
    wish(&bench, named(&bench, "f1").id, IncidentWish::MergeInto(named(&bench, "f3").id)).unwrap();
    wish(&bench, named(&bench, "f2").id, IncidentWish::MergeInto(named(&bench, "f3").id)).unwrap();
    let left = vec![(IncidentStatus::New, 1)];
    assert_eq!((counts(None), counts(Some(here))), (left.clone(), left));
}

/// The last word of a task type on several incidents is had at once.
pub fn the_latest_task_of_each_incident_is_found(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false), sighting("f2", 2, false), sighting("f3", 3, false)]);
    let ids = ["f1", "f2", "f3"].map(|fingerprint| named(&bench, fingerprint).id);
    let latest = |ids: &[IncidentId]| -> Vec<TaskId> {
        let mut found: Vec<TaskId> =
            bench.store.latest_of(ids, CLASSIFY_ERROR).unwrap().into_iter().map(|task| task.id).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(latest(&ids), [], "open tasks have said nothing yet");
    let ended: Vec<Task> = (0..2).map(|_| bench.claim(Role::Triage)).collect();
    for task in &ended {
        bench.settle_with(task, complete(), |_| {}).unwrap();
    }
    assert_eq!(latest(&ids), ended.iter().map(|task| task.id).collect::<Vec<_>>());
    let again = ended[0].incident.unwrap();
    wish(&bench, again, IncidentWish::Reopen { reason: "again".to_owned() }).unwrap();
    assert_eq!(latest(&[again]), [ended[0].id], "the new one is open");
    let later = std::iter::repeat_with(|| bench.claim(Role::Triage))
        .inspect(|task| drop(bench.settle_with(task, complete(), |_| {}).unwrap()))
        .find(|task| task.incident == Some(again));
    assert_eq!(latest(&[again]), [later.unwrap().id]);
    assert_eq!(bench.store.latest_of(&ids, "fix_bug").unwrap(), []);
    assert_eq!(latest(&[]), []);
}

/// An error whose incident was merged is work for the one that stands for it.
pub fn an_error_of_a_merged_incident_is_work_for_the_other(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false), sighting("f2", 5, true)]);
    let (one, two) = (named(&bench, "f1"), named(&bench, "f2"));
    assert_eq!(two.status, IncidentStatus::Baseline);
    wish(&bench, one.id, IncidentWish::MergeInto(two.id)).unwrap();
    let done = scan(&bench, vec![sighting("f1", 9, false)]);
    assert_eq!(bench.task(done.inserted[0]).incident, Some(two.id));
    assert_eq!(named(&bench, "f2").status, IncidentStatus::New);
}

/// A split gives an incident back what it counted, and what it was merged with keeps its own.
pub fn a_split_undoes_a_merge(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false), sighting("f2", 5, false), sighting("f3", 6, false)]);
    let id = |fingerprint| named(&bench, fingerprint).id;
    let (one, two, three) = (id("f1"), id("f2"), id("f3"));
    wish(&bench, one, IncidentWish::MergeInto(two)).unwrap();
    wish(&bench, two, IncidentWish::MergeInto(three)).unwrap();
    scan(&bench, vec![sighting("f1", 9, false)]);
    let counts = || ["f1", "f2", "f3"].map(|fingerprint| named(&bench, fingerprint).occurrences);
    assert_eq!(counts(), [6, 9, 12]);
    wish(&bench, one, IncidentWish::Split).unwrap();
    assert_eq!(counts(), [6, 3, 6]);
    wish(&bench, two, IncidentWish::Split).unwrap();
    assert_eq!(counts(), [6, 3, 3]);
    assert_eq!(bench.store.incidents(&IncidentFilter::default()).unwrap().len(), 3);
    assert!(matches!(refusal(wish(&bench, two, IncidentWish::Split)), Refusal::Invalid(_)));
}

/// Incidents are merged only where that makes sense: within a project, never in a ring.
pub fn incidents_are_never_merged_in_a_ring(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false), sighting("f2", 1, false)]);
    let (one, two) = (named(&bench, "f1").id, named(&bench, "f2").id);
    let into = |from, to| wish(&bench, from, IncidentWish::MergeInto(to));
    assert!(matches!(refusal(into(one, one)), Refusal::Invalid(_)));
    assert_eq!(refusal(into(one, IncidentId(99))), Refusal::NoSuchIncident(IncidentId(99)));
    let mut scan_there = NewTask::new("scan_logs", Role::Monitor, Party::System, Value::Null);
    scan_there.project = Some(bench.store.add_project("other", "/srv/other", &json!({})).unwrap());
    bench.create_as(scan_there);
    let there = bench.claim(Role::Monitor);
    bench.settle_with(&there, complete(), |end| end.sightings = vec![sighting("f9", 1, false)]).unwrap();
    assert!(matches!(refusal(into(one, named(&bench, "f9").id)), Refusal::Invalid(_)));
    into(one, two).unwrap();
    assert_eq!(refusal(into(two, one)), Refusal::Merged { incident: one, into: two });
    assert_eq!(refusal(into(one, two)), Refusal::Merged { incident: one, into: two });
    assert_eq!(named(&bench, "f2").occurrences, 6, "what was refused counted nothing");
}
