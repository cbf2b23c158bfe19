//! Triage on small real repositories: whom it suspects, whom it names, where it sends an error and where it does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "the shared part serves other tests too")]

mod project;

use std::time::Duration;

use groundcrew_core::contract::{BrainId, Classification, Route, StopAt};
use groundcrew_core::incident::{Category, IncidentStatus, Severity};
use groundcrew_core::role::Role;
use groundcrew_core::task::{IncidentId, Status, Task, TaskId};
use groundcrew_crew::brain::{Brain, ErrorFacts, Rules};
use groundcrew_repair::strategies::Strategy;
use groundcrew_store::LogFilter;
use serde_json::{Value, json};

use project::{Bench, CRASH, PROGRAM, TESTS, Working};

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rules, in a crew whose developer has nothing to try.
struct OnlyTriage;

impl Brain for OnlyTriage {
    fn id(&self) -> BrainId {
        Rules.id()
    }

    fn classify(&self, facts: &ErrorFacts<'_>) -> Classification {
        Rules.classify(facts)
    }

    fn strategies(&self) -> Vec<Box<dyn Strategy>> {
        Vec::new()
    }
}

impl Bench {
    /// Commits a file by an author; gives the commit.
    fn commit_by(&self, author: &str, date: &str, subject: &str, path: &str, text: &str) -> String {
        let at = self.root().join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, text).unwrap();
        self.git(&["add", "--all"]);
        let author = format!("--author={author} <{}@example.invalid>", author.to_lowercase());
        let (date, subject) = (format!("--date={date}"), format!("--message={subject}"));
        self.git(&["commit", "--quiet", &author, &date, &subject]);
        self.head()
    }

    /// Classifies an error text and gives what triage decided.
    fn classified(&self, context: Value) -> (Classification, Task) {
        let crew = self.crew(OnlyTriage);
        self.classified_by(&crew, context)
    }

    fn classified_by(&self, crew: &Working, context: Value) -> (Classification, Task) {
        let task = self.create("classify_error", Role::Triage, context);
        crew.until("it is classified", || self.status(task) == Status::Completed);
        (self.classification(task), self.task(task))
    }

    fn classification(&self, task: TaskId) -> Classification {
        serde_json::from_value(self.result(task)["classification"].clone()).unwrap()
    }
}

#[test]
fn three_suspects_come_with_their_evidence_and_the_owner_from_the_list() {
    let bench = Bench::new(&[
        ("shop.py", "def visit(seen, name):\n    seen[name] = 1\n    return 'good'\n"),
        ("tests/test_shop.py", TESTS),
        (".github/CODEOWNERS", "* @shop/everyone\nshop.py @shop/visits # they know\n"),
    ]);
    let polite = "def visit(seen, name):\n    seen[name] = 1\n    return 'ok'\n";
    let cleaned = bench.commit_by("Bob", "2026-01-02T00:00:00Z", "Answer ok", "shop.py", polite);
    let culprit = bench.commit_by("Ann", "2026-01-03T00:00:00Z", "Count visits", "shop.py", PROGRAM);
    let (found, task) = bench.classified(json!({ "error": CRASH }));
    assert_eq!((found.category, found.route), (Category::Regression, Route::Developer));
    let told: Vec<(&str, &str)> =
        found.suspects.iter().map(|suspect| (suspect.sha.as_str(), suspect.evidence.as_str())).collect();
    assert_eq!(told[0], (culprit.as_str(), "last changed line 2 of shop.py"));
    assert_eq!(told[1], (cleaned.as_str(), "last changed 1 line of visit in shop.py"));
    assert_eq!(told.len(), 3);
    assert!(found.suspects.is_sorted_by(|a, b| a.score >= b.score), "{:?}", found.suspects);
    assert!(found.suspects.iter().all(|suspect| (0.0..=1.0).contains(&suspect.score)));
    let owner = found.owner.unwrap();
    assert_eq!((owner.name.as_str(), owner.source.as_str()), ("@shop/visits", "codeowners"));
    assert_eq!(found.stop_at, StopAt::Branch);
    assert_eq!(found.repro_hint.as_deref(), Some("call visit in shop.py with 'ann', which the error names"));
    assert!(bench.git_commands(task.id) <= 14, "{}", bench.git_commands(task.id));
}

impl Bench {
    /// Git commands that a task ran, by its audit log.
    fn git_commands(&self, task: TaskId) -> usize {
        let filter = LogFilter { task: Some(task), limit: Some(1_000), ..LogFilter::default() };
        let logs = self.store.logs(&filter).unwrap();
        logs.iter().filter(|entry| entry.data["sandbox"] == "git").count()
    }
}

#[test]
fn without_a_list_the_main_author_of_the_function_is_the_owner() {
    let bench = Bench::new(&[("README", "x\n")]);
    bench.commit_by("Cleo", "2026-01-02T00:00:00Z", "Visits", "shop.py", PROGRAM);
    let (found, _) = bench.classified(json!({ "error": CRASH }));
    let owner = found.owner.unwrap();
    assert_eq!((owner.name.as_str(), owner.source.as_str()), ("Cleo", "blame"));
    assert!(found.suspects[0].score < 0.5, "who made the whole file is no suspect: {:?}", found.suspects);
}

#[test]
fn a_node_error_is_placed_blamed_and_owned_and_goes_to_the_developer() {
    let bench = Bench::new(&[("README", "x\n"), ("CODEOWNERS", "src/ @shop/front\n")]);
    let cart = "function total(cart) {\n  return cart.items.length;\n}\nmodule.exports = { total };\n";
    bench.commit_by("Ann", "2026-01-02T00:00:00Z", "Cart", "src/cart.js", cart);
    let changed = cart.replace("cart.items.length", "cart.rows.length");
    let culprit = bench.commit_by("Bob", "2026-01-03T00:00:00Z", "Rows", "src/cart.js", &changed);
    let error = "TypeError: Cannot read properties of undefined (reading 'length')\n    \
                 at total (/srv/app/src/cart.js:2:20)\n    at handle (/srv/app/src/server.js:9:3)\n    \
                 at process.processTicksAndRejections (node:internal/process/task_queues:95:5)";
    let (found, _) = bench.classified(json!({ "error": error }));
    assert_eq!((found.route, found.stop_at), (Route::Developer, StopAt::Branch));
    let frame = found.in_app_frame.unwrap();
    assert_eq!((frame.file.as_deref(), frame.line), (Some("src/cart.js"), Some(2)));
    assert_eq!(frame.source.as_deref(), Some("return cart.rows.length;"));
    assert_eq!(found.suspects[0].sha, culprit);
    assert_eq!(found.owner.unwrap().name, "@shop/front");
    assert_eq!(bench.all("fix_bug").len(), 1);
}

#[test]
fn a_file_that_was_deleted_or_is_on_another_branch_is_told_as_such() {
    let bench = Bench::new(&[("README", "x\n"), ("shop.py", PROGRAM)]);
    bench.git(&["rm", "--quiet", "shop.py"]);
    bench.git(&["commit", "--quiet", "--message=Visits are no more"]);
    let deleted = bench.head();
    bench.git(&["checkout", "--quiet", "-b", "next"]);
    bench.commit_by("Ann", "2026-01-02T00:00:00Z", "Carts", "cart.py", PROGRAM);
    bench.git(&["checkout", "--quiet", "main"]);
    let crew = bench.crew(OnlyTriage);
    let (found, _) = bench.classified_by(&crew, json!({ "error": CRASH }));
    assert_eq!((found.route, found.stop_at), (Route::Human, StopAt::Report));
    let expected = format!("shop.py was deleted by {} (Visits are no more)", &deleted[..10]);
    assert!(found.reason.contains(&expected), "{}", found.reason);
    let elsewhere = CRASH.replace("shop.py", "cart.py");
    let (found, _) = bench.classified_by(&crew, json!({ "error": elsewhere }));
    assert!(found.reason.contains("cart.py is on branch next"), "{}", found.reason);
}

#[test]
fn the_lines_of_a_named_release_are_blamed_as_they_were_in_it() {
    let bench = Bench::new(&[("README", "x\n")]);
    let good = PROGRAM.replace("+= 1", "= 1");
    bench.commit_by("Ann", "2026-01-01T00:00:00Z", "Visits", "shop.py", &good);
    bench.git(&["tag", "v1"]);
    let culprit = bench.commit_by("Bob", "2026-01-02T00:00:00Z", "Count", "shop.py", PROGRAM);
    bench.git(&["tag", "v2"]);
    let moved = format!("import os\n\n\n{}", PROGRAM.replace("seen[name] += 1", "seen[name] += 2"));
    bench.commit_by("Cleo", "2026-01-03T00:00:00Z", "Count twice", "shop.py", &moved);
    let (found, _) = bench.classified(json!({ "error": CRASH, "release": "v2" }));
    assert_eq!(found.release.as_deref(), Some("v2"));
    assert_eq!(found.suspects[0].sha, culprit, "{:?}", found.suspects);
    assert!(found.suspects[0].evidence.ends_with("came with v2"), "{:?}", found.suspects);
}

#[test]
fn a_stack_that_fits_another_project_better_is_asked_about_and_handed_over() {
    let bench = Bench::new(&[("shop.py", "def visit(seen, name):\n    return seen\n")]);
    let other = Bench::new(&[("shop.py", PROGRAM)]);
    let there = bench.store.add_project("visits", other.root().to_str().unwrap(), &json!({})).unwrap();
    let crew = bench.crew(OnlyTriage);
    let task = bench.create("classify_error", Role::Triage, json!({ "error": CRASH }));
    crew.until("it asks", || bench.status(task) == Status::Blocked);
    assert!(bench.question().contains("shop.py:2 of project visits"), "{}", bench.question());
    bench.answer("there");
    crew.until("it is handed over", || bench.all("classify_error").len() == 2);
    crew.until("and judged there", || bench.all("classify_error").iter().all(|task| task.status.is_final()));
    let next = bench.all("classify_error").into_iter().find(|next| next.id != task).unwrap();
    assert_eq!((next.project, next.parent), (Some(there), Some(task)));
    assert_eq!(bench.classification(next.id).route, Route::Developer);
}

#[test]
fn the_same_root_cause_is_repaired_once() {
    let program = format!(
        "{PROGRAM}\n\ndef first(name):\n    return visit({{}}, name)\n\n\ndef second(name):\n    return visit({{}}, name)\n"
    );
    let bench = Bench::new(&[("shop.py", &program), ("groundcrew.toml", "[logs]\npaths = [\"app.log\"]\n")]);
    let crash = |line: u32, caller: &str| {
        format!(
            "ERROR shop: failed\nTraceback (most recent call last):\n  File \"/srv/app/shop.py\", line {line}, in {caller}\n    \
             return visit({{}}, name)\n  File \"/srv/app/shop.py\", line 2, in visit\n    seen[name] += 1\nKeyError: 'ann'\n"
        )
    };
    let log = format!("{}{}INFO shop: on\n", crash(7, "first"), crash(11, "second"));
    std::fs::write(bench.root().join("app.log"), log).unwrap();
    let crew = bench.crew(OnlyTriage);
    crew.until("both are judged", || {
        let tasks = bench.all("classify_error");
        tasks.len() == 2 && tasks.iter().all(|task| task.status == Status::Completed)
    });
    let mut judged: Vec<(IncidentId, Classification)> = bench
        .all("classify_error")
        .into_iter()
        .map(|task| (task.incident.unwrap(), bench.classification(task.id)))
        .collect();
    judged.sort_by_key(|(incident, _)| *incident);
    let (first, second) = (&judged[0], &judged[1]);
    assert_eq!((first.1.route, first.1.duplicate_of), (Route::Developer, None));
    assert_eq!((second.1.route, second.1.duplicate_of), (Route::Human, Some(first.0)));
    assert_eq!(bench.all("fix_bug").len(), 1);
}

#[test]
fn details_of_a_hole_stay_out_of_notifications() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let crew = bench.crew(OnlyTriage);
    let attack = CRASH.replace("'ann'", "\"''.__class__.__mro__[1].__subclasses__()\"");
    let (found, task) = bench.classified_by(&crew, json!({ "error": attack }));
    assert_eq!((found.category, found.route), (Category::Security, Route::Security));
    crew.until("security has seen it", || bench.open("triage_vulnerability", Status::Completed));
    assert_eq!(bench.one("triage_vulnerability").parent, Some(task.id));
    crew.until("it is worked", || crew.is_idle());
    let no_code = attack.replace("shop.py", "gone.py");
    let (found, second) = bench.classified_by(&crew, json!({ "error": no_code }));
    assert_eq!((found.category, found.route), (Category::Security, Route::Human));
    for note in bench.notes().iter().filter(|note| note.from == "triage") {
        assert!(!note.content.contains("__class__") && note.content.contains("security"), "{}", note.content);
    }
    for id in [task.id, second.id] {
        let filter = LogFilter { task: Some(id), ..LogFilter::default() };
        let steps = bench.store.logs(&filter).unwrap();
        assert!(steps.iter().all(|step| !step.message.contains("__class__")), "{steps:#?}");
    }
}

#[test]
fn the_settings_may_let_the_crew_only_report_and_name_errors_of_callers() {
    let bench = Bench::new(&[
        ("shop.py", PROGRAM),
        (
            "groundcrew.toml",
            "[triage]\nstop_at = \"report\"\nuser_errors = [\"OutOfStock\"]\nenvironment = \"staging\"\n",
        ),
    ]);
    let crew = bench.crew(OnlyTriage);
    let (found, _) = bench.classified_by(&crew, json!({ "error": CRASH }));
    assert_eq!((found.route, found.stop_at), (Route::Human, StopAt::Report));
    assert_eq!(found.not_fixable_reason.as_deref(), Some("the settings let the crew only report"));
    assert_eq!((found.environment.as_deref(), found.priority), (Some("staging"), 5));
    let told = CRASH.replace("KeyError: 'ann'", "shop.OutOfStock: no more");
    let (found, _) = bench.classified_by(&crew, json!({ "error": told }));
    assert_eq!((found.category, found.route), (Category::UserError, Route::Ignore));
    assert_eq!(bench.all("fix_bug"), Vec::<Task>::new());
}

/// A brain that would let the crew do anything.
struct Reckless;

impl Brain for Reckless {
    fn id(&self) -> BrainId {
        Rules.id()
    }

    fn classify(&self, _facts: &ErrorFacts<'_>) -> Classification {
        Classification {
            fixability: f64::INFINITY,
            stop_at: StopAt::Branch,
            priority: 99,
            ..Classification::new(Category::CodeBug, Severity::Critical, Route::Developer, "just do it")
        }
    }

    fn strategies(&self) -> Vec<Box<dyn Strategy>> {
        Vec::new()
    }
}

#[test]
fn a_brain_cannot_raise_the_limit_that_the_rules_set() {
    let bench = Bench::new(&[("README", "x\n")]);
    let crew = bench.crew(Reckless);
    let (found, _) = bench.classified_by(&crew, json!({ "error": CRASH }));
    assert_eq!((found.route, found.stop_at, found.priority), (Route::Human, StopAt::Report, 10));
    assert_eq!(bench.all("fix_bug"), Vec::<Task>::new());
}

#[test]
fn counts_of_the_incident_are_those_of_the_last_hour_and_day() {
    let bench = Bench::new(&[
        ("shop.py", PROGRAM),
        ("groundcrew.toml", "[logs]\npaths = [\"app.log\"]\nbaseline = \"30d\"\n"),
    ]);
    let line = |hours: i64| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        format!("{at} ERROR shop: broken beyond words\n")
    };
    let log: String = [200, 100, 5, 5, 5, 0].into_iter().map(line).collect();
    std::fs::write(bench.root().join("app.log"), log + "INFO shop: on\n").unwrap();
    let crew = bench.crew(OnlyTriage);
    crew.until("it is judged", || bench.open("classify_error", Status::Completed));
    let counts = bench.classification(bench.one("classify_error").id).counts;
    assert_eq!((counts.total, counts.day, counts.hour), (6, 4, 1));
    let incident = bench.store.incidents(&Default::default()).unwrap().remove(0);
    assert_eq!(incident.status, IncidentStatus::NeedsHuman);
}
