//! The whole life of an incident through a real crew, from its first line to its return, while hours pass.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod project;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use groundcrew_core::event::EventKind;
use groundcrew_core::incident::{Incident, IncidentStatus, Sample, Sighting};
use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{IncidentLink, NewTask, Status};
use groundcrew_crew::brain::Rules;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use project::{Bench, CRASH, PROGRAM, TESTS, Working};

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(90);

const SETTINGS: &str =
    "[logs]\npaths = [\"app.log\"]\nevery = \"1s\"\n[watch]\nevery = \"1s\"\nabsent = \"1h\"\n";

/// A clock that a test moves on.
#[derive(Clone, Default)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.0.load(Ordering::Acquire))
    }

    fn pass(&self, minutes: i64) {
        self.0.fetch_add(60 * minutes, Ordering::AcqRel);
    }
}

/// A service with a log that lives through hours in seconds.
struct Service {
    bench: Bench,
    time: Time,
}

impl Service {
    fn new() -> Self {
        let time = Time::default();
        let clock = time.clone();
        let files = [("shop.py", PROGRAM), ("tests/test_shop.py", TESTS), ("groundcrew.toml", SETTINGS)];
        let bench = Bench::with_clock(&files, Box::new(move || clock.now()));
        Self { bench, time }
    }

    fn log(&self, text: &str) {
        let path = self.bench.root().join("app.log");
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, format!("{before}{} {text}\n", self.time.now())).unwrap();
    }

    fn incident(&self) -> Option<Incident> {
        self.bench.store.incidents(&Default::default()).unwrap().into_iter().next()
    }

    fn stands(&self, status: IncidentStatus) -> bool {
        self.incident().is_some_and(|incident| incident.status == status)
    }

    /// The crew has read a line of ordinary work.
    fn goes_on(&self, crew: &Working) {
        let lines = || {
            let traffic = self.bench.store.traffic(self.bench.project, Timestamp::MIN).unwrap();
            traffic.iter().map(|piece| piece.lines).sum::<u64>()
        };
        let before = lines();
        self.log("INFO shop: open");
        crew.until("the line is read", || lines() > before && crew.is_idle());
    }

    fn told(&self) -> Vec<EventKind> {
        self.bench.store.events(0, 1_000).unwrap().into_iter().map(|event| event.kind).collect()
    }
}

#[test]
fn an_incident_is_fixed_approved_released_resolved_and_told_when_it_returns() {
    let service = Service::new();
    let bench = &service.bench;
    service.log(&format!("ERROR shop: visit failed\n{CRASH}"));
    service.log("INFO shop: open");
    let crew = bench.crew(Rules);
    crew.until("it is worked", || service.stands(IncidentStatus::Fixing));
    crew.until("a fix is shown", || service.stands(IncidentStatus::FixReady));
    let question = bench.store.inbox().unwrap().remove(0).message;
    let binding = question.binding().unwrap();
    bench.answer_with("approve", json!({ "branch": binding.branch, "commit": binding.commit }));
    crew.until("it is approved", || service.stands(IncidentStatus::Approved));
    let approved = service.incident().unwrap();
    assert_eq!((approved.fix_commit, approved.released_at), (Some(binding.commit.clone()), None));

    bench.git(&["merge", "--quiet", "--ff-only", &binding.branch]);
    service.goes_on(&crew);
    crew.until("its release is noted", || service.incident().unwrap().released_at.is_some());
    for minutes in [10, 40, 60, 60] {
        service.time.pass(minutes);
        service.goes_on(&crew);
    }
    crew.until("it is gone", || service.stands(IncidentStatus::Resolved));

    service.time.pass(60);
    service.log(&format!("ERROR shop: visit failed\n{CRASH}"));
    service.goes_on(&crew);
    let returned = |kind: &EventKind| *kind == EventKind::IncidentRegressed;
    crew.until("its return is told", || service.told().iter().any(returned));
    crew.until("triage looks at it", || bench.all("classify_error").len() == 2);
    let again = &bench.all("classify_error")[0];
    assert_eq!((again.context["reason"].as_str(), again.priority > 5), (Some("returned"), true));
    let told: Vec<EventKind> =
        service.told().into_iter().filter(|kind| *kind != EventKind::Question).collect();
    assert_eq!(
        told[..5],
        [
            EventKind::IncidentNew,
            EventKind::FixReady,
            EventKind::FixApproved,
            EventKind::IncidentResolved,
            EventKind::IncidentRegressed
        ]
    );
}

#[test]
fn a_task_whose_runs_are_lost_four_times_leaves_its_incident_to_the_person_and_tells_them() {
    let service = Service::new();
    let store = &service.bench.store;
    let minute = SignedDuration::from_mins(1);
    let scan = service.bench.create("note", Role::Monitor, json!({}));
    let held = store.claim(Role::Monitor, Some(scan), "test", minute).unwrap().unwrap();
    let seen = Sighting {
        fingerprint: "f1".into(),
        fingerprint_version: 1,
        title: "KeyError in visit".into(),
        count: 1,
        first: service.time.now(),
        last: service.time.now(),
        history: true,
        sample: Sample::default(),
        buckets: Vec::new(),
        releases: Vec::new(),
        grouping: groundcrew_core::incident::Grouping::default(),
    };
    let outcome = Outcome::Complete { result: Value::Null };
    let settled = Settlement { sightings: vec![seen], ..Settlement::new(scan, held.lease_token, outcome) };
    store.execute(Command::Settle(Box::new(settled))).unwrap();
    let mut task = NewTask::new("fix_bug", Role::Developer, Party::System, json!({ "error": CRASH }));
    task.project = Some(service.bench.project);
    task.incident = IncidentLink::Id(service.incident().unwrap().id);
    let task = store.execute(Command::Create(Box::new(task))).unwrap().inserted[0];
    for run in 1..=4 {
        let held = store.claim(Role::Developer, Some(task), "a worker that dies", minute).unwrap();
        assert!(held.is_some(), "run {run}");
        for _ in 0..2 {
            // First the lease runs out, then the pause before the next try.
            service.time.pass(60);
            store.maintain(minute).unwrap();
        }
    }
    assert_eq!(service.bench.status(task), Status::Failed);
    let incident = service.incident().unwrap();
    assert_eq!(incident.status, IncidentStatus::NeedsHuman);
    let why = "worker a worker that dies lost its lease";
    assert_eq!(incident.reason.as_deref(), Some(why));
    let told: Vec<String> = service.bench.notes().into_iter().map(|note| note.content).collect();
    assert_eq!(told, [format!("fix_bug #{task} failed: {why}")]);
    let events = store.events(0, 100).unwrap();
    let failed: Vec<_> = events.iter().filter(|event| event.kind == EventKind::TaskFailed).collect();
    assert_eq!((failed.len(), failed[0].incident, failed[0].task), (1, Some(incident.id), Some(task)));
}
