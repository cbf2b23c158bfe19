//! What is counted over time, what a watch over many incidents changes, and what the world outside hears of.

use groundcrew_core::event::{Event, EventKind};
use groundcrew_core::incident::{BUCKET, IncidentChange, IncidentStatus, Traffic};
use groundcrew_core::lifecycle::{BURST, Outcome, RETURNED, Refusal, classify_task};
use groundcrew_core::message::{Ask, Binding};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, IncidentId, NewTask, ProjectId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::incidents::{at, only, project, scan, sighting};
use super::{Bench, Make, complete, refusal};
use crate::IncidentFilter;

fn events(bench: &Bench) -> Vec<Event> {
    bench.store.events(0, 1000).unwrap()
}

fn kinds(bench: &Bench) -> Vec<EventKind> {
    events(bench).iter().map(|event| event.kind).collect()
}

/// Completes a monitor's task that learned this about incidents.
fn watch(
    bench: &Bench,
    project: ProjectId,
    changes: Vec<(IncidentId, IncidentChange)>,
    next: Vec<NewTask>,
) -> crate::Receipt {
    let mut task = NewTask::new("watch_incidents", Role::Monitor, Party::System, Value::Null);
    task.project = Some(project);
    bench.create_as(task);
    let task = bench.claim(Role::Monitor);
    bench
        .settle_with(&task, complete(), |end| {
            end.incidents = changes;
            end.hand_offs = next;
        })
        .unwrap()
}

fn status(status: IncidentStatus) -> IncidentChange {
    IncidentChange { status: Some(status), ..IncidentChange::default() }
}

/// Occurrences are counted per five minutes; without word on when, they happened when the last of them did.
pub fn occurrences_are_counted_over_time(make: Make<'_>) {
    let bench = make();
    project(&bench);
    let spread = |buckets| groundcrew_core::incident::Sighting { buckets, ..sighting("f1", 2, false) };
    let given = vec![(at("2026-03-02T10:04:59Z"), 1), (at("2026-03-02T10:05:00Z"), 2)];
    scan(&bench, vec![spread(given), spread(Vec::new())]);
    scan(&bench, vec![spread(vec![(at("2026-03-02T10:07:00Z"), 3)])]);
    let incident = only(&bench).id;
    let all =
        [(at("2026-03-02T10:00:00Z"), 1), (at("2026-03-02T10:05:00Z"), 5), (at("2026-03-02T11:00:00Z"), 3)];
    assert_eq!(bench.store.incident_buckets(incident, Timestamp::UNIX_EPOCH).unwrap(), all);
    let since = at("2026-03-02T10:09:00Z");
    assert_eq!(
        bench.store.incident_buckets(incident, since).unwrap(),
        all[1..],
        "the bucket it lies in counts"
    );
    assert_eq!(only(&bench).occurrences, 9);
}

/// What sources write is added up per five minutes, so that silence can be told from health.
pub fn traffic_is_added_up_over_time(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    let read = |source: &str, bucket: &str, lines| Traffic {
        source: source.to_owned(),
        bucket: at(bucket),
        lines,
        records: 2,
        errors: 1,
    };
    for lines in [10, 5] {
        let task = bench.claimed(Role::Monitor);
        let seen =
            vec![read("a.log", "2026-03-02T10:03:00Z", lines), read("b.log", "2026-03-02T10:05:00Z", lines)];
        bench.settle_with(&task, complete(), |end| end.traffic = seen).unwrap();
    }
    let sum = |source: &str, bucket: &str| Traffic { records: 4, errors: 2, ..read(source, bucket, 15) };
    let (a, b) = (sum("a.log", "2026-03-02T10:00:00Z"), sum("b.log", "2026-03-02T10:05:00Z"));
    assert_eq!(bench.store.traffic(project, Timestamp::UNIX_EPOCH).unwrap(), [a, b.clone()]);
    assert_eq!(bench.store.traffic(project, at("2026-03-02T10:05:00Z")).unwrap(), [b]);
    assert_eq!(bench.store.traffic(ProjectId(99), Timestamp::UNIX_EPOCH).unwrap(), []);
    assert_eq!(BUCKET.as_mins(), 5);
    let task = bench.claimed(Role::Monitor);
    let seen = vec![read("a.log", "2026-03-02T10:03:00Z", 1)];
    let failed = Outcome::Fail { error: "no".to_owned(), refusal: None };
    assert!(matches!(
        refusal(bench.settle_with(&task, failed, |end| end.traffic = seen)),
        Refusal::Invalid(_)
    ));
}

/// An approved fix lets its error go on until it is released; what is seen after that has come back, and matters more.
pub fn an_error_returns_only_after_its_fix_is_released(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    scan(&bench, vec![sighting("f1", 1, false)]);
    let incident = only(&bench).id;
    let classify = bench.claim(Role::Triage);
    let approved =
        IncidentChange { fix_commit: Some("c0ffee".to_owned()), ..status(IncidentStatus::Approved) };
    bench.settle_with(&classify, complete(), |end| end.incident = approved).unwrap();
    assert_eq!(scan(&bench, vec![sighting("f1", 5, false)]).inserted, [], "it is not released yet");
    let released =
        IncidentChange { released_at: Some(at("2026-03-06T00:00:00Z")), ..IncidentChange::default() };
    watch(&bench, project, vec![(incident, released)], Vec::new());
    let shown = only(&bench);
    assert_eq!(
        (shown.status, shown.fix_commit.as_deref(), shown.released_at),
        (IncidentStatus::Approved, Some("c0ffee"), Some(at("2026-03-06T00:00:00Z")))
    );
    assert_eq!(scan(&bench, vec![sighting("f1", 5, false)]).inserted, [], "an old log, read late");
    assert_eq!(scan(&bench, vec![sighting("f1", 7, false)]).inserted.len(), 1);
    assert_eq!(only(&bench).status, IncidentStatus::Regressed);
    let again = bench.claim(Role::Triage);
    assert_eq!((again.priority, &again.context["reason"]), (7, &json!(RETURNED)));
    bench.settle_with(&again, complete(), |end| end.incident = status(IncidentStatus::Approved)).unwrap();
    assert_eq!(only(&bench).released_at, None, "the next fix is not released because the last one was");
    assert_eq!(kinds(&bench), [EventKind::IncidentNew, EventKind::IncidentRegressed]);
}

/// An error that comes and goes all day is one task of that day.
pub fn an_error_that_keeps_returning_is_one_task_a_day(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    scan(&bench, vec![sighting("f1", 1, false)]);
    let incident = only(&bench).id;
    let resolve = || {
        let task = bench.claim(Role::Triage);
        bench.settle(&task, complete()).unwrap();
        watch(&bench, project, vec![(incident, status(IncidentStatus::Resolved))], Vec::new());
    };
    resolve();
    assert_eq!(scan(&bench, vec![sighting("f1", 2, false)]).inserted.len(), 1);
    resolve();
    assert_eq!(scan(&bench, vec![sighting("f1", 3, false)]).inserted, []);
    assert_eq!(
        (only(&bench).status, only(&bench).occurrences),
        (IncidentStatus::Resolved, 9),
        "it is counted"
    );
    (bench.sql)("UPDATE agent_tasks SET once_key = replace(once_key, ':2', ':1')");
    assert_eq!(scan(&bench, vec![sighting("f1", 4, false)]).inserted.len(), 1, "tomorrow is another day");
}

/// A burst reaches triage once a day, and never while triage has the incident already.
pub fn a_burst_is_one_task_a_day(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    scan(&bench, vec![sighting("f1", 1, false)]);
    let burst = || vec![classify_task(project, "f1", "KeyError: f1", BURST)];
    assert_eq!(watch(&bench, project, Vec::new(), burst()).inserted, [], "its first task is still open");
    let first = bench.claim(Role::Triage);
    bench.settle(&first, complete()).unwrap();
    let done = watch(&bench, project, Vec::new(), burst());
    assert_eq!(done.inserted.len(), 1);
    let task = bench.claim(Role::Triage);
    bench.settle(&task, complete()).unwrap();
    assert_eq!(watch(&bench, project, Vec::new(), burst()).inserted, []);
    let heard = events(&bench).pop().unwrap();
    assert_eq!(
        (heard.kind, heard.incident, heard.project, heard.title.as_str()),
        (EventKind::IncidentBurst, Some(only(&bench).id), Some(project), "KeyError: f1")
    );
    assert_eq!(kinds(&bench).len(), 2);
}

/// One task may change many incidents of its project at once, and none of another.
pub fn a_watch_changes_many_incidents_at_once(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    scan(&bench, vec![sighting("f1", 1, false), sighting("f2", 1, false)]);
    let ids: Vec<IncidentId> =
        bench.store.incidents(&IncidentFilter::default()).unwrap().iter().map(|found| found.id).collect();
    let resolved = || ids.iter().map(|id| (*id, status(IncidentStatus::Resolved))).collect::<Vec<_>>();
    watch(&bench, project, resolved(), Vec::new());
    watch(&bench, project, resolved(), Vec::new());
    let all = bench.store.incidents(&IncidentFilter::default()).unwrap();
    assert!(all.iter().all(|incident| incident.status == IncidentStatus::Resolved));
    let new = EventKind::IncidentNew;
    let gone = EventKind::IncidentResolved;
    assert_eq!(kinds(&bench), [new, new, gone, gone], "what is gone already is no news");
    let mut there = NewTask::new("watch_incidents", Role::Monitor, Party::System, Value::Null);
    there.project = Some(bench.store.add_project("other", "/srv/other", &json!({})).unwrap());
    bench.create_as(there);
    let there = bench.claim(Role::Monitor);
    let refused = bench.settle_with(&there, complete(), |end| end.incidents = resolved());
    assert!(matches!(refusal(refused), Refusal::Invalid(_)));
    let nobody = vec![(IncidentId(99), status(IncidentStatus::Ignored))];
    let refused = bench.settle_with(&there, complete(), |end| end.incidents = nobody);
    assert_eq!(refusal(refused), Refusal::NoSuchIncident(IncidentId(99)));
}

/// Questions, approvals, decisions and failures are heard of, each with what it is about; what is refused is not.
pub fn events_tell_what_concerns_the_person(make: Make<'_>) {
    let bench = make();
    let question = bench.ask(&bench.claimed(Role::Developer));
    let publish = bench.claimed(Role::Qa);
    let binding =
        Binding { branch: "fix/1".to_owned(), commit: "c0ffee".to_owned(), diff_hash: "d".to_owned() };
    let ask = Ask::new("Approve?", &[("approve", "yes"), ("reject", "no")]);
    let ask = Ask { binding: Some(binding), ..ask };
    let approval = || Outcome::Block { on: BlockedOn::Approval, ask: Some(ask.clone()) };
    let ready = bench.settle(&publish, approval()).unwrap().question.unwrap();
    assert!(matches!(refusal(bench.answer(ready, "maybe")), Refusal::UnknownChoice { .. }));
    bench.answer(ready, "reject").unwrap();
    let publish = bench.claim(Role::Qa);
    let ready = bench.settle(&publish, approval()).unwrap().question.unwrap();
    bench.answer(ready, "approve").unwrap();
    let room = bench.claimed(Role::Architect);
    let without = Ask::new("Wait for room?", &[("go_on", "yes"), ("decline", "no")]);
    bench.settle(&room, Outcome::Block { on: BlockedOn::Approval, ask: Some(without) }).unwrap();
    let failing = bench.claimed(Role::Security);
    bench
        .settle(&failing, Outcome::Fail { error: "no".to_owned(), refusal: Some("why".to_owned()) })
        .unwrap();
    let heard = events(&bench);
    let told: Vec<(EventKind, Option<_>, &str)> =
        heard.iter().map(|event| (event.kind, event.message, event.title.as_str())).collect();
    let first = heard[1].message;
    assert_eq!(
        told,
        [
            (EventKind::Question, Some(question), "Go on?"),
            (EventKind::FixReady, first, "Approve?"),
            (EventKind::FixRejected, first, "Approve?"),
            (EventKind::FixReady, Some(ready), "Approve?"),
            (EventKind::FixApproved, Some(ready), "Approve?"),
            (EventKind::Question, heard[5].message, "Wait for room?"),
            (EventKind::TaskFailed, None, &format!("work #{} failed: no", failing.id)),
        ]
    );
    assert_eq!(heard[4].data["commit"], json!("c0ffee"));
    assert!(heard.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(bench.store.events(heard[1].id, 2).unwrap(), heard[2..4]);
}

/// A listener's bookmark is moved by one of many processes, and only from where it is.
pub fn a_bookmark_is_moved_by_one(make: Make<'_>) {
    let bench = make();
    let store = &bench.store;
    assert_eq!(store.bookmark("hooks").unwrap(), 0);
    assert!(!store.advance_bookmark("hooks", 3, 5).unwrap(), "it is at 0");
    let moved: usize = std::thread::scope(|scope| {
        let listeners: Vec<_> =
            (0..4).map(|_| scope.spawn(|| store.advance_bookmark("hooks", 0, 5).unwrap())).collect();
        listeners.into_iter().map(|listener| usize::from(listener.join().unwrap())).sum()
    });
    assert_eq!((moved, store.bookmark("hooks").unwrap()), (1, 5));
    assert!(store.advance_bookmark("hooks", 5, 9).unwrap());
    assert_eq!((store.bookmark("hooks").unwrap(), store.bookmark("others").unwrap()), (9, 0));
}
