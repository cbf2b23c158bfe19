//! What a crew makes of lines that are no errors, and of frames that are not what was written, on real logs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "the shared part serves other tests too")]

mod project;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use groundcrew_core::event::EventKind;
use groundcrew_core::role::Role;
use groundcrew_core::task::Status;
use groundcrew_core::template::{Notice, Template};
use groundcrew_crew::brain::Rules;
use groundcrew_store::TemplateFilter;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use project::{Bench, PROGRAM, Working};

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(60);

const SETTINGS: &str = "[logs]\npaths = [\"app.log\"]\nbaseline = \"90d\"\n";

/// A service, and a clock that the test moves.
struct Service {
    bench: Bench,
    minutes: Arc<AtomicI64>,
    began: Timestamp,
}

impl Service {
    fn new() -> Self {
        let began =
            Timestamp::from_second(Timestamp::now().as_second()).unwrap() - SignedDuration::from_hours(24);
        let minutes = Arc::new(AtomicI64::new(0));
        let moved = Arc::clone(&minutes);
        let clock = move || began + SignedDuration::from_mins(moved.load(Ordering::SeqCst));
        let bench =
            Bench::with_clock(&[("shop.py", PROGRAM), ("groundcrew.toml", SETTINGS)], Box::new(clock));
        Self { bench, minutes, began }
    }

    /// Writes a line every `every` minutes between two moments, in minutes since the test began.
    fn write(&self, text: &str, from: i64, to: i64, every: usize) {
        let path = self.bench.root().join("app.log");
        let mut log = OpenOptions::new().create(true).append(true).open(path).unwrap();
        for minute in (from..to).step_by(every) {
            writeln!(log, "{} {text} {}", self.began + SignedDuration::from_mins(minute), minute + 10_000)
                .unwrap();
        }
    }

    fn templates(&self, noticed: bool) -> Vec<Template> {
        self.bench.store.templates(&TemplateFilter { noticed, ..TemplateFilter::default() }).unwrap()
    }

    fn counted(&self) -> u64 {
        self.templates(false).iter().map(|kind| kind.occurrences).sum()
    }

    /// Waits until so many lines are counted.
    fn read(&self, crew: &Working, lines: u64) {
        crew.until("the log is read", || self.counted() == lines && crew.is_idle());
    }

    fn watch(&self, crew: &Working) -> Value {
        let task = self.bench.create("watch_incidents", Role::Monitor, json!({}));
        crew.until("it has looked", || self.bench.status(task) == Status::Completed);
        self.bench.result(task)
    }
}

#[test]
fn new_kinds_of_lines_surges_and_lines_that_stop_are_told_after_the_past_was_learned() {
    let service = Service::new();
    let day = 24 * 60;
    service.write("INFO shop: served request", -2 * day, 0, 10);
    service.write("INFO shop: heartbeat of worker", -2 * day, 0, 10);
    service.write("WARN shop: pool is nearly exhausted, waiting", -2 * day, 0, 60);
    let crew = service.bench.crew(Rules);
    service.read(&crew, 288 + 288 + 48);
    assert_eq!(service.watch(&crew)["lines"], Value::Null, "the past is what is usual");
    let known = service.templates(false);
    assert_eq!(known.len(), 3, "{known:#?}");

    service.minutes.store(180, Ordering::SeqCst);
    service.write("INFO shop: served request", 10, 180, 10);
    service.write("WARN shop: coupon service answers slowly", 100, 110, 5);
    service.write("WARN shop: pool is nearly exhausted, waiting", 170, 180, 1);
    for _ in 0..3 {
        service.write("WARN shop: pool is nearly exhausted, waiting", 170, 180, 1);
    }
    service.write("DEBUG shop: cache was cold", 100, 110, 5);
    service.read(&crew, 624 + 17 + 2 + 40 + 2);
    let found = service.watch(&crew);
    let told = service.templates(true);
    let of = |notice| {
        told.iter()
            .filter(|kind| kind.notice == Some(notice))
            .map(|kind| kind.text.trim_start_matches("shop: ").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Notice::New), ["coupon service answers slowly <*>"], "{found:#}");
    assert_eq!(of(Notice::Surge), ["pool is nearly exhausted, waiting <*>"], "{found:#}");
    assert_eq!(of(Notice::Gone), ["heartbeat of worker <*>"], "{found:#}");
    let surge = service.bench.store.incidents(&Default::default()).unwrap();
    let titles: Vec<&str> = surge.iter().map(|incident| incident.title.as_str()).collect();
    assert!(matches!(titles[..], [title] if title.starts_with("surge of: ")), "{titles:?}");
    let events = service.bench.store.events(0, 100).unwrap();
    let count = |kind| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(
        [EventKind::LineNew, EventKind::LineSurge, EventKind::LineGone, EventKind::IncidentNew].map(count),
        [1, 1, 1, 1]
    );
    let again = service.watch(&crew);
    assert_eq!(again["lines"], Value::Null, "what was told is told once: {again:#}");
}

#[test]
fn a_crew_that_starts_again_goes_on_with_the_kinds_it_knows() {
    let service = Service::new();
    service.write("INFO shop: served request", -100, 0, 10);
    let crew = service.bench.crew(Rules);
    service.read(&crew, 10);
    drop(crew);
    let before = service.templates(false);
    service.minutes.store(60, Ordering::SeqCst);
    service.write("INFO shop: served request", 10, 60, 10);
    let crew = service.bench.crew(Rules);
    service.read(&crew, 15);
    let after = service.templates(false);
    assert_eq!((after.len(), after[0].id, after[0].occurrences), (1, before[0].id, 15));
}

#[test]
fn an_error_of_a_bundle_is_one_of_what_was_written() {
    let map = r#"{"version":3,"sources":["../src/cart.js"],"names":["total","price"],"mappings":"AAEAA,KAAKC,KAIL"}"#;
    let source = "// The cart.\n\nfunction total(cart) {\n  const a = 1;\n  const b = 2;\n\n  return cart.items.length;\n}\n";
    let bench = Bench::new(&[
        ("src/cart.js", source),
        ("dist/app.min.js.map", map),
        ("groundcrew.toml", "[logs]\npaths = [\"app.log\"]\n[release]\nsource_maps = \"dist\"\n"),
    ]);
    let crash = format!(
        "{} ERROR shop: TypeError: Cannot read properties of undefined (reading 'length')\n    \
         at t (/srv/shop/dist/app.min.js:1:12)\n    at /srv/shop/dist/app.min.js:1:3\n{} INFO shop: on\n",
        Timestamp::now(),
        Timestamp::now()
    );
    std::fs::write(bench.root().join("app.log"), crash).unwrap();
    let crew = bench.crew(Rules);
    crew.until("it is judged", || bench.open("classify_error", Status::Completed));
    let incident = bench.store.incidents(&Default::default()).unwrap().remove(0);
    let frame = incident.sample.trace.as_ref().unwrap().frames[0].clone();
    assert_eq!(
        (frame.file.as_deref(), frame.line, frame.function.as_deref()),
        (Some("src/cart.js"), Some(7), Some("total"))
    );
    assert!(incident.sample.text.contains("app.min.js:1:12"), "what was printed is kept");
    let result = bench.result(bench.one("classify_error").id);
    assert_eq!(result["classification"]["in_app_frame"]["file"], "src/cart.js", "{result:#}");
}
