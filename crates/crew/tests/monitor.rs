//! The monitor on real logs: traffic, bursts, releases, resolved errors, silence, health.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "the shared part serves other tests too")]

mod project;

use std::time::Duration;

use groundcrew_core::contract::PublishFixContext;
use groundcrew_core::incident::{Incident, IncidentChange, IncidentStatus, IncidentWish};
use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, IncidentId, IncidentLink, NewTask, Status, Task};
use groundcrew_crew::brain::Rules;
use groundcrew_crew::site::Site;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use project::{Bench, MENDED, PROGRAM, Working};

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(60);

const SETTINGS: &str = "[logs]\npaths = [\"app.log\"]\nbaseline = \"90d\"\n";

fn ago(minutes: i64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    now - SignedDuration::from_mins(minutes)
}

/// A line every `every` minutes, from `from` minutes ago until `to` minutes ago.
fn lines(text: &str, from: i64, to: i64, every: i64) -> String {
    let count = (from - to) / every;
    (0..=count).map(|n| format!("{} {text}\n", ago(from - n * every))).collect()
}

impl Bench {
    fn with_log(settings: &str, log: &str) -> Self {
        let bench = Self::new(&[("shop.py", PROGRAM), ("groundcrew.toml", settings)]);
        std::fs::write(bench.root().join("app.log"), log).unwrap();
        bench
    }

    fn incidents(&self) -> Vec<Incident> {
        self.store.incidents(&Default::default()).unwrap()
    }

    fn incident(&self, id: IncidentId) -> Incident {
        self.store.incident(id).unwrap().unwrap()
    }

    /// A crew that has read the log and judged its errors.
    fn read(&self) -> Working {
        let crew = self.crew(Rules);
        crew.until("the log is read and judged", || !self.all("scan_logs").is_empty() && crew.is_idle());
        crew
    }

    /// Has the incidents looked at; gives the result.
    fn watch(&self, crew: &Working) -> Value {
        let task = self.create("watch_incidents", Role::Monitor, json!({}));
        crew.until("it has looked", || self.status(task) == Status::Completed);
        self.result(task)
    }

    /// Changes an incident as an agent's settlement would.
    fn change(&self, incident: IncidentId, change: IncidentChange) {
        let minute = SignedDuration::from_mins(1);
        let task = self.create("note", Role::Monitor, json!({}));
        let held = self.store.claim(Role::Monitor, Some(task), "test", minute).unwrap().unwrap();
        let outcome = Outcome::Complete { result: Value::Null };
        let settled = Settlement {
            incidents: vec![(incident, change)],
            ..Settlement::new(task, held.lease_token, outcome)
        };
        self.store.execute(Command::Settle(Box::new(settled))).unwrap();
    }
}

#[test]
fn a_scan_counts_occurrences_and_traffic_in_pieces_of_time() {
    let log = format!("{}{}", lines("INFO shop: on", 60, 31, 1), lines("ERROR shop: broken", 30, 0, 10));
    let bench = Bench::with_log(SETTINGS, &log);
    drop(bench.read());
    let incident = bench.incidents().remove(0);
    let buckets = bench.store.incident_buckets(incident.id, ago(120)).unwrap();
    assert_eq!(buckets.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 1, 1, 1]);
    let traffic = bench.store.traffic(bench.project, ago(120)).unwrap();
    let sum = |of: fn(&groundcrew_core::incident::Traffic) -> u64| traffic.iter().map(of).sum::<u64>();
    assert_eq!(
        (sum(|piece| piece.lines), sum(|piece| piece.records), sum(|piece| piece.errors)),
        (34, 34, 4)
    );
    assert!(traffic.len() >= 10, "{traffic:?}");
}

#[test]
fn a_log_that_is_not_there_is_asked_about_once() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("groundcrew.toml", SETTINGS)]);
    let path = bench.root().join("app.log");
    let task = bench.create("scan_logs", Role::Monitor, json!({ "source": { "path": path } }));
    let crew = bench.crew(Rules);
    crew.until("it asks", || bench.status(task) == Status::Blocked);
    assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Environment);
    assert!(bench.question().contains("does not exist"), "{}", bench.question());
    std::fs::write(&path, "INFO shop: on\n").unwrap();
    bench.answer("retry");
    crew.until("it is read", || bench.status(task) == Status::Completed);
    assert_eq!(bench.task(task).retry_count, 0);
}

#[test]
fn a_burst_reaches_triage_once_and_a_steady_error_never() {
    let steady = lines("ERROR shop: queue: Connection refused", 2 * 1_440, 1, 30);
    let burst = lines("ERROR shop: pay: Connection reset", 2 * 1_440, 30, 60);
    let now: String = (0..80).map(|_| format!("{} ERROR shop: pay: Connection reset\n", ago(2))).collect();
    let bench = Bench::with_log(SETTINGS, &format!("{steady}{burst}{now}INFO shop: on\n"));
    let crew = bench.read();
    assert_eq!(bench.all("classify_error").len(), 2);
    let found = bench.watch(&crew);
    let bursts = found["bursts"].as_array().unwrap();
    assert_eq!(bursts.len(), 1, "{found}");
    assert_eq!(
        (bursts[0]["count"].as_u64(), bursts[0]["title"].as_str()),
        (Some(80), Some("shop: pay: Connection reset"))
    );
    crew.until("triage looks", || bench.all("classify_error").len() == 3 && crew.is_idle());
    let again = &bench.all("classify_error")[0];
    assert_eq!((again.context["reason"].as_str(), again.status), (Some("burst"), Status::Completed));
    bench.watch(&crew);
    crew.until("nothing more is to be done", || crew.is_idle());
    assert_eq!(bench.all("classify_error").len(), 3, "once a day");
}

#[test]
fn a_burst_of_an_ignored_error_is_told_once_and_not_worked() {
    let past = lines("ERROR shop: pay: Connection reset", 2 * 1_440, 30, 60);
    let now: String = (0..80).map(|_| format!("{} ERROR shop: pay: Connection reset\n", ago(2))).collect();
    let bench = Bench::with_log(SETTINGS, &format!("{past}{now}INFO shop: on\n"));
    drop(bench.read());
    let incident = bench.incidents().remove(0).id;
    let ignored = IncidentStatus::Ignored;
    let wish = IncidentWish::Ignore { reason: "known".to_owned(), until: None };
    bench.store.execute(Command::Incident { incident, by: Party::User, wish }).unwrap();
    // What a person ignores may be a defect; only what triage judged otherwise is looked at again.
    let category = Some(groundcrew_core::incident::Category::CodeBug);
    bench.change(incident, IncidentChange { category, ..IncidentChange::default() });
    let crew = bench.crew(Rules);
    let worked = bench.all("classify_error").len();
    let found = bench.watch(&crew);
    assert_eq!(
        (found["bursts"].as_array().unwrap().len(), found["ignored_bursts"][0]["count"].as_u64()),
        (0, Some(80))
    );
    bench.watch(&crew);
    let told = bench.notes().into_iter().filter(|note| note.metadata["kind"] == "ignored_burst").count();
    assert_eq!(
        (told, bench.all("classify_error").len(), bench.incident(incident).status),
        (1, worked, ignored)
    );
}

#[test]
fn a_fixed_error_is_resolved_only_while_its_log_goes_on() {
    let error = lines("ERROR shop: broken", 20 * 1_440, 10 * 1_440, 720);
    for (after, status) in [
        (lines("INFO shop: on", 9 * 1_440, 0, 60), IncidentStatus::Resolved),
        (lines("INFO shop: on", 9 * 1_440, 8 * 1_440, 60), IncidentStatus::Approved),
    ] {
        let bench = Bench::with_log(SETTINGS, &format!("{error}{after}"));
        drop(bench.read());
        let incident = bench.incidents().remove(0).id;
        let approved = IncidentChange {
            status: Some(IncidentStatus::Approved),
            released_at: Some(ago(9 * 1_440 + 60)),
            ..IncidentChange::default()
        };
        bench.change(incident, approved);
        let crew = bench.crew(Rules);
        let found = bench.watch(&crew);
        assert_eq!(bench.incident(incident).status, status, "{found}");
        assert_eq!(found["resolved"].as_array().unwrap().is_empty(), status != IncidentStatus::Resolved);
    }
}

#[test]
fn a_fix_is_released_when_its_commit_or_its_content_is_on_the_branch() {
    for squashed in [false, true] {
        let bench = Bench::with_log(SETTINGS, &lines("ERROR shop: broken", 30, 20, 5));
        drop(bench.read());
        let incident = bench.incidents().remove(0).id;
        let (base, fix) = (bench.head(), bench.commit_hidden("shop.py", MENDED));
        let context = PublishFixContext {
            branch: "groundcrew/fix".into(),
            base_sha: base,
            head_sha: fix.clone(),
            ..PublishFixContext::default()
        };
        bench.published(incident, &context);
        let approved = IncidentChange {
            status: Some(IncidentStatus::Approved),
            fix_commit: Some(fix.clone()),
            ..IncidentChange::default()
        };
        bench.change(incident, approved);
        let crew = bench.crew(Rules);
        assert_eq!(bench.watch(&crew)["released"], json!([]), "not on the branch yet");
        if squashed {
            std::fs::write(bench.root().join("shop.py"), MENDED).unwrap();
            bench.git(&["commit", "--quiet", "--all", "--message=Squashed"]);
        } else {
            bench.git(&["merge", "--quiet", "--ff-only", &fix]);
        }
        let found = bench.watch(&crew);
        assert_eq!(found["released"][0]["incident"], json!(incident), "{found}");
        assert!(bench.incident(incident).released_at.is_some());
        assert_eq!(bench.watch(&crew)["released"], json!([]), "told once");
    }
}

impl Bench {
    /// A completed `publish_fix` of an incident.
    fn published(&self, incident: IncidentId, context: &PublishFixContext) {
        let context = serde_json::to_value(context).unwrap();
        let mut task = NewTask::new("publish_fix", Role::Developer, Party::System, context);
        task.project = Some(self.project);
        task.incident = IncidentLink::Id(incident);
        let id = self.store.execute(Command::Create(Box::new(task))).unwrap().inserted[0];
        let minute = SignedDuration::from_mins(1);
        let held = self.store.claim(Role::Developer, Some(id), "test", minute).unwrap().unwrap();
        let outcome = Outcome::Complete { result: json!({ "outcome": "approved" }) };
        let settled = Settlement::new(id, held.lease_token, outcome);
        self.store.execute(Command::Settle(Box::new(settled))).unwrap();
    }
}

#[test]
fn a_log_that_falls_silent_is_told_once() {
    let bench = Bench::with_log(SETTINGS, &lines("INFO shop: on", 1_440, 180, 5));
    let crew = bench.read();
    let found = bench.watch(&crew);
    let silenced = found["silenced"].as_array().unwrap();
    assert_eq!(silenced.len(), 1, "{found}");
    assert!(silenced[0]["source"].as_str().unwrap().ends_with("app.log"));
    assert_eq!(found["outcome"], "changed");
    assert_eq!(bench.watch(&crew)["outcome"], "quiet", "it is known by now");
    let told = bench.notes().into_iter().filter(|note| note.content.contains("is silent for")).count();
    assert_eq!(told, 1);
}

#[test]
fn incidents_are_looked_at_by_themselves_and_a_crew_with_nothing_to_watch_stays_idle() {
    let settings = format!("{SETTINGS}[watch]\nevery = \"1s\"\n");
    let bench = Bench::with_log(&settings, &lines("ERROR shop: queue: Connection refused", 100, 1, 1));
    let crew = bench.crew(Rules);
    crew.until("they are looked at", || bench.open("watch_incidents", Status::Completed));
    let quiet = Bench::new(&[("shop.py", PROGRAM), ("groundcrew.toml", &settings)]);
    let idle = quiet.crew(Rules);
    crew.until("the first crew looked again at what changed", || {
        let more = format!("{} ERROR shop: queue: Connection refused\n", ago(0));
        let log = bench.root().join("app.log");
        let text = std::fs::read_to_string(&log).unwrap();
        std::fs::write(&log, text + &more).unwrap();
        bench.all("watch_incidents").len() >= 3
    });
    assert_eq!(quiet.all("watch_incidents"), Vec::<Task>::new());
    drop(idle);
}

#[test]
fn a_log_pattern_that_is_wrong_or_names_too_many_files_is_told() {
    let bench = Bench::new(&[
        ("shop.py", PROGRAM),
        ("groundcrew.toml", "[logs]\npaths = [\"a[.log\", \"nowhere/*.log\", \"app.log\"]\n"),
    ]);
    let crew = bench.crew(Rules);
    crew.until("it is checked", || bench.open("check_health", Status::Completed));
    let health = bench.one("check_health").result.unwrap();
    let told: Vec<&str> = health["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["name"] == "log" && check["status"] == "warn")
        .map(|check| check["detail"].as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 3, "{health}");
    assert!(told[0].contains("a[.log") && told[0].contains("write `[[]` for a bracket"), "{told:?}");
    assert!(told[1].contains("nowhere") && told[1].contains("check that it exists"), "{told:?}");
    drop(crew);

    let many = Bench::new(&[("shop.py", PROGRAM), ("groundcrew.toml", "[logs]\npaths = [\"logs/*.log\"]\n")]);
    std::fs::create_dir(many.root().join("logs")).unwrap();
    for n in 0..=10_000 {
        std::fs::write(many.root().join(format!("logs/{n}.log")), "").unwrap();
    }
    let project = many.store.project(many.project).unwrap().unwrap();
    let logs = Site::open(&project, &many.trust_store()).unwrap().logs();
    assert_eq!(logs.files.len(), 10_000);
    assert!(
        logs.troubles[0].contains("\"logs/*.log\"") && logs.troubles[0].contains("10000 are taken"),
        "{:?}",
        logs.troubles
    );
}

#[test]
fn a_service_that_does_not_answer_is_told_by_the_health_check() {
    let bench = Bench::new(&[("shop.py", PROGRAM)]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = free.local_addr().unwrap();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    bench.trust(&format!(
        "[[health.checks]]\nname = \"database\"\nkind = \"tcp\"\ntarget = \"{closed}\"\n\
         [[health.checks]]\nname = \"cache\"\nkind = \"tcp\"\ntarget = \"{open}\"\n"
    ));
    let crew = bench.crew(Rules);
    crew.until("it is checked", || bench.open("check_health", Status::Completed));
    let health = bench.one("check_health").result.unwrap();
    assert_eq!(health["outcome"], "fail", "{health}");
    let status = |name: &str| {
        let checks = health["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()["status"].clone()
    };
    assert_eq!((status("database"), status("cache")), (json!("fail"), json!("ok")));
    for name in ["sandbox", "disk", "queue", "leases", "questions", "success"] {
        assert_ne!(status(name), json!("fail"), "{name}");
    }
}
