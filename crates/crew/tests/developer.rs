//! The developer at work: how far it goes, what it asks for first, how many fixes may wait, and what becomes of an approved
//! one when the branch it starts from has moved.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod project;

use std::time::Duration;

use groundcrew_core::contract::{
    BrainId, Classification, Dossier, Fix, FixBugContext, PreviousRound, PublishFixContext, Reason, Route,
    StopAt,
};
use groundcrew_core::incident::{Category, Severity};
use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, Status, Task, TaskId};
use groundcrew_crew::brain::{Brain, ErrorFacts, Rules};
use groundcrew_repair::strategies::Strategy;
use serde_json::{Value, json};

use project::{Bench, CRASH, MENDED, PROGRAM, TESTS};

/// A repair task whose triage allows so much.
fn repair_as_far_as(bench: &Bench, stop_at: StopAt) -> TaskId {
    let found = Classification {
        stop_at,
        not_fixable_reason: Some("it is the caller's fault".into()),
        ..Classification::new(Category::CodeBug, Severity::High, Route::Developer, "a defect")
    };
    let sample = groundcrew_crew::site::sample_from_text(&groundcrew_logs::Redactor::new(&[1; 32]), CRASH).1;
    let dossier =
        Dossier { title: "KeyError".into(), sample, classification: Some(found), ..Dossier::default() };
    bench.create("fix_bug", Role::Developer, json!(FixBugContext { round: 1, dossier, ..Default::default() }))
}

#[test]
fn a_report_is_all_that_is_made_where_triage_wants_no_more() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let task = repair_as_far_as(&bench, StopAt::Report);
    let crew = bench.crew(Rules);
    crew.until("it is reported", || bench.status(task) == Status::Completed);
    let result = bench.result(task);
    assert_eq!((&result["outcome"], &result["reproduction"]), (&json!("report"), &Value::Null));
    assert!(bench.notes()[0].content.contains("it is the caller's fault"), "{:?}", bench.notes());
}

#[test]
fn the_cause_is_looked_for_and_nothing_repaired_where_triage_stops_there() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let task = repair_as_far_as(&bench, StopAt::RootCause);
    let crew = bench.crew(Rules);
    crew.until("the cause is told", || bench.status(task) == Status::Completed);
    let result = bench.result(task);
    assert_eq!((&result["outcome"], &result["fix"]), (&json!("root_cause"), &Value::Null));
    assert!(result["reproduction"]["call"].as_str().unwrap().contains("visit"), "{result}");
    let cause = &result["root_cause"];
    assert_eq!((&cause["file"], &cause["line"]), (&json!("shop.py"), &json!(2)), "{result}");
    assert!(bench.notes()[0].content.contains("look at shop.py:2"), "{:?}", bench.notes());
    assert_eq!(bench.all("verify_fix"), Vec::<Task>::new());
}

#[test]
fn a_patch_is_kept_without_a_branch_where_triage_wants_none() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    repair_as_far_as(&bench, StopAt::Patch);
    let crew = bench.crew(Rules);
    crew.until("the patch is kept", || bench.open("publish_fix", Status::Completed));
    let kept = bench.one("publish_fix").result.unwrap();
    let name = kept["branch"].as_str().unwrap();
    assert_eq!(bench.git(&["rev-parse", name]), kept["head_sha"].as_str().unwrap());
    assert_eq!(bench.git(&["branch", "--list", "groundcrew/*"]), "");
}

#[test]
fn what_guards_access_is_repaired_only_when_a_person_allows_it() {
    let bench = Bench::new(&[
        ("login/shop.py", PROGRAM),
        ("login/__init__.py", ""),
        ("tests/test_shop.py", &TESTS.replace("import shop", "import login.shop as shop")),
    ]);
    let crash = CRASH.replace("/srv/app/shop.py", "/srv/app/login/shop.py");
    let task = bench.create("fix_bug", Role::Developer, json!({ "error": crash }));
    let crew = bench.crew(Rules);
    crew.until("it asks first", || bench.status(task) == Status::Blocked);
    assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Question);
    let inbox = bench.store.inbox().unwrap().remove(0).message;
    let keys: Vec<String> = inbox.choices().into_iter().map(|choice| choice.key).collect();
    assert_eq!(keys, ["hand_over", "allow_access", "decline"], "{}", inbox.content);
    bench.answer("allow_access");
    crew.until("it is repaired", || bench.status(task) == Status::Completed);
    assert_eq!(bench.result(task)["outcome"], "patch");
    // The review of the change asks about the place once more, now that there is a change to look at.
    crew.until("security asks", || bench.open("review_change", Status::Blocked));
}

#[test]
fn a_repair_that_a_person_declines_is_not_made() {
    let bench = Bench::new(&[
        ("login/shop.py", PROGRAM),
        ("login/__init__.py", ""),
        ("tests/test_shop.py", &TESTS.replace("import shop", "import login.shop as shop")),
    ]);
    let crash = CRASH.replace("/srv/app/shop.py", "/srv/app/login/shop.py");
    let task = bench.create("fix_bug", Role::Developer, json!({ "error": crash }));
    let crew = bench.crew(Rules);
    crew.until("it asks first", || bench.status(task) == Status::Blocked);
    bench.answer("decline");
    crew.until("it ends", || bench.status(task) == Status::Completed);
    assert_eq!(bench.result(task)["outcome"], "refused");
}

/// A brain that judges by the rules and has no idea how to repair anything.
struct WithoutIdeas;

impl Brain for WithoutIdeas {
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

#[test]
fn an_error_without_another_fix_after_a_rejection_is_a_question_and_never_just_left() {
    for (choice, outcome) in [("hand_over", "handed_over"), ("decline", "refused")] {
        let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
        let sample =
            groundcrew_crew::site::sample_from_text(&groundcrew_logs::Redactor::new(&[1; 32]), CRASH).1;
        let rejected = PreviousRound {
            patch_hash: "hash-of-the-rejected-patch".into(),
            strategy: "guard".into(),
            rejected_by: "security".into(),
            reasons: vec![Reason::new("eval", "evaluates text of a request")],
            failing_tests: Vec::new(),
        };
        let dossier = Dossier {
            title: "KeyError".into(),
            sample,
            previous_rounds: vec![rejected],
            ..Dossier::default()
        };
        let context = FixBugContext { round: 2, dossier, ..Default::default() };
        let task = bench.create("fix_bug", Role::Developer, json!(context));
        let crew = bench.crew(WithoutIdeas);
        crew.until("the person is asked", || bench.status(task) == Status::Blocked);
        assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Question);
        let question = bench.question();
        for part in ["rejected by security: evaluates text of a request", "look at shop.py:2"] {
            assert!(question.contains(part), "{question}");
        }
        bench.answer(choice);
        crew.until("it ends as told", || bench.status(task) == Status::Completed);
        assert_eq!(bench.result(task)["outcome"], outcome);
    }
}

/// A publishing task for a commit with this title.
fn publish(bench: &Bench, commit: &str, fix: Option<Fix>, branch: &str) -> TaskId {
    let context = PublishFixContext {
        branch: branch.into(),
        base_sha: bench.head(),
        head_sha: commit.into(),
        dossier: Dossier { title: "a crash".into(), fix, ..Dossier::default() },
    };
    bench.create("publish_fix", Role::Developer, json!(context))
}

#[test]
fn a_repair_waits_while_too_many_fixes_wait_and_goes_on_when_one_is_decided() {
    let bench = Bench::new(&[
        ("shop.py", PROGRAM),
        ("tests/test_shop.py", TESTS),
        ("groundcrew.toml", "[limits]\nopen_branches = 1\n"),
    ]);
    let commit = bench.commit_hidden("shop.py", MENDED);
    let waiting = publish(&bench, &commit, None, "groundcrew/first");
    let crew = bench.crew(Rules);
    crew.until("a fix waits for approval", || bench.status(waiting) == Status::Blocked);
    let task = bench.create("fix_bug", Role::Developer, json!({ "error": CRASH }));
    crew.until("the repair waits", || bench.status(task) == Status::Blocked);
    assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Approval);
    let question =
        bench.store.inbox().unwrap().into_iter().find(|item| item.message.task == Some(task)).unwrap();
    assert!(question.message.content.contains("limits.open_branches"), "{}", question.message.content);
    let approval =
        bench.store.inbox().unwrap().into_iter().find(|item| item.message.task == Some(waiting)).unwrap();
    let answer = Command::Answer {
        question: approval.message.id,
        by: Party::User,
        choice: "reject".into(),
        comment: None,
        extra: Value::Null,
    };
    bench.store.execute(answer).unwrap();
    crew.until("the repair goes on by itself", || bench.status(task) == Status::Completed);
    assert_eq!(bench.result(task)["outcome"], "patch");
}

#[test]
fn a_repair_waits_when_enough_branches_came_in_a_day_and_a_person_may_let_it_through() {
    let bench = Bench::new(&[
        ("shop.py", PROGRAM),
        ("tests/test_shop.py", TESTS),
        ("groundcrew.toml", "[limits]\nbranches_per_day = 1\n"),
    ]);
    bench.done("publish_fix", Role::Developer, json!({ "outcome": "approved" }), Vec::new());
    let task = bench.create("fix_bug", Role::Developer, json!({ "error": CRASH }));
    let crew = bench.crew(Rules);
    crew.until("the repair waits", || bench.status(task) == Status::Blocked);
    assert!(bench.question().contains("limits.branches_per_day"), "{}", bench.question());
    bench.answer("go_on");
    crew.until("it is repaired", || bench.status(task) == Status::Completed);
}

/// Another commit on the branch that is checked out.
fn move_on(bench: &Bench, path: &str, text: &str) -> String {
    std::fs::write(bench.root().join(path), text).unwrap();
    bench.git(&["add", "--all"]);
    bench.git(&["commit", "--quiet", "--message=Meanwhile"]);
    bench.head()
}

#[test]
fn an_approval_holds_where_the_branch_moved_elsewhere_and_says_so() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("other.py", "x = 1\n")]);
    let commit = bench.commit_hidden("shop.py", MENDED);
    let task = publish(&bench, &commit, Some(bench.fix(&commit)), "groundcrew/fix");
    let crew = bench.crew(Rules);
    crew.until("approval is asked", || bench.status(task) == Status::Blocked);
    move_on(&bench, "other.py", "x = 2\n");
    bench.answer_with("approve", json!({ "branch": "groundcrew/fix", "commit": commit }));
    crew.until("it is approved", || bench.status(task) == Status::Completed);
    let result = bench.result(task);
    assert_eq!((&result["outcome"], &result["head_sha"]), (&json!("approved"), &json!(commit)));
    assert!(result["moved"].as_str().unwrap().contains("merges with it without conflict"), "{result}");
}

#[test]
fn a_fix_whose_lines_were_changed_meanwhile_is_made_anew_and_that_is_no_round() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let commit = bench.commit_hidden("shop.py", MENDED);
    let task = publish(&bench, &commit, Some(Fix { round: 2, ..bench.fix(&commit) }), "groundcrew/fix");
    let crew = bench.crew(Rules);
    crew.until("approval is asked", || bench.status(task) == Status::Blocked);
    let moved = move_on(&bench, "shop.py", &PROGRAM.replace("seen[name] += 1", "seen[name] += 2"));
    bench.answer_with("approve", json!({ "branch": "groundcrew/fix", "commit": commit }));
    crew.until("it is made anew", || !bench.all("fix_bug").is_empty());
    assert_eq!(bench.result(task)["outcome"], "conflict");
    let next = &bench.all("fix_bug")[0].context;
    assert_eq!(
        (&next["round"], &next["base_sha"], &next["dossier"]["rebases"]),
        (&json!(2), &json!(moved), &json!(1))
    );
    assert_eq!(bench.git(&["rev-parse", "groundcrew/fix"]), commit, "the approved branch stays");
}

#[test]
fn a_fix_is_made_anew_twice_at_most() {
    let bench = Bench::new(&[("shop.py", PROGRAM)]);
    let commit = bench.commit_hidden("shop.py", MENDED);
    let context = json!(PublishFixContext {
        branch: "groundcrew/fix".into(),
        base_sha: bench.head(),
        head_sha: commit.clone(),
        dossier: Dossier { rebases: 2, fix: Some(bench.fix(&commit)), ..Dossier::default() },
    });
    let task = bench.create("publish_fix", Role::Developer, context);
    let crew = bench.crew(Rules);
    crew.until("approval is asked", || bench.status(task) == Status::Blocked);
    move_on(&bench, "shop.py", &PROGRAM.replace("seen[name] += 1", "seen[name] += 2"));
    bench.answer_with("approve", json!({ "branch": "groundcrew/fix", "commit": commit }));
    crew.until("it ends", || bench.status(task) == Status::Completed);
    assert!(bench.result(task)["moved"].as_str().unwrap().contains("gives conflicts"));
    assert_eq!(bench.all("fix_bug"), Vec::<Task>::new());
}

#[test]
fn an_approval_into_a_branch_that_moved_is_verified_and_asked_for_anew_on_it() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("other.py", "x = 1\n"), ("tests/test_shop.py", TESTS)]);
    bench.git(&["branch", "stable"]);
    let commit = bench.commit_hidden("shop.py", MENDED);
    let task = publish(&bench, &commit, Some(bench.fix(&commit)), "groundcrew/fix");
    let moved = bench.commit_hidden("other.py", "x = 2\n");
    bench.git(&["update-ref", "refs/heads/stable", &moved]);
    let crew = bench.crew(Rules);
    crew.until("approval is asked", || bench.status(task) == Status::Blocked);
    bench.answer_with("approve", json!({ "branch": "groundcrew/fix", "commit": commit, "into": "stable" }));
    crew.until("the new commit waits for approval", || {
        bench.all("publish_fix").len() == 2 && bench.open("publish_fix", Status::Blocked)
    });
    assert_eq!(bench.result(task)["outcome"], "rebased");
    let shown = bench.one("verify_fix").result.unwrap();
    assert_eq!(shown["verification"]["base_sha"], json!(moved));
    let head = shown["verification"]["head_sha"].as_str().unwrap();
    assert_eq!(bench.git(&["show", &format!("{head}:other.py")]), "x = 2");
    assert_eq!(bench.git(&["rev-parse", "stable"]), moved, "nothing moves without the new approval");
}

#[test]
fn what_a_forged_context_says_of_a_grade_is_not_shown() {
    let bench = Bench::new(&[("shop.py", PROGRAM)]);
    let commit = bench.commit_hidden("shop.py", MENDED);
    let shown = json!({
        "base_sha": bench.head(), "head_sha": commit, "tree_sha": "", "grade": "A", "gates": {
            "kind": "cause", "one_line_typo": false, "reproduction_before": "passed", "reproduction_after": "passed",
            "suite": "passed", "regression_test": "passed", "mutants": "killed", "differential": "equal", "smell": "clean",
        },
        "checks": [], "new_failures": [], "behaviour_diff": [], "survivors": [], "mutants": [0, 0], "sandbox": "strict",
    });
    let context = json!({
        "branch": "groundcrew/fix", "base_sha": bench.head(), "head_sha": commit, "approved": true,
        "dossier": { "title": "a crash", "verification": shown },
    });
    let task = bench.create("publish_fix", Role::Developer, context);
    let crew = bench.crew(Rules);
    crew.until("approval is asked", || bench.status(task) == Status::Blocked);
    assert!(bench.question().contains("grade none"), "{}", bench.question());
}

#[test]
fn the_answer_of_another_program_approves_nothing() {
    let bench = Bench::new(&[("shop.py", PROGRAM)]);
    let commit = bench.commit_hidden("shop.py", MENDED);
    let task = publish(&bench, &commit, None, "groundcrew/fix");
    let crew = bench.crew(Rules);
    crew.until("approval is asked", || bench.status(task) == Status::Blocked);
    let first = bench.store.inbox().unwrap().remove(0).message;
    let answer = Command::Answer {
        question: first.id,
        by: Party::Architect,
        choice: "approve".into(),
        comment: None,
        extra: json!({ "branch": "groundcrew/fix", "commit": commit }),
    };
    bench.store.execute(answer).unwrap();
    crew.until("the person is asked again", || {
        bench.store.inbox().unwrap().first().is_some_and(|item| item.message.id != first.id)
    });
    assert_eq!(bench.status(task), Status::Blocked);
}

#[test]
fn a_language_without_repair_is_reported_with_the_place() {
    let trace = "/srv/app/shop.rb:2:in `greet': undefined method `name' for nil (NoMethodError)\n\tfrom /srv/app/shop.rb:6:in `main'\n\tfrom /srv/app/shop.rb:8:in `<main>'\n";
    let bench = Bench::new(&[(
        "shop.rb",
        "def greet(user)\n  user.name\nend\n\ndef main\n  greet(nil)\nend\nmain\n",
    )]);
    let task = bench.create("fix_bug", Role::Developer, json!({ "error": trace }));
    let crew = bench.crew(Rules);
    crew.until("it is reported", || bench.status(task) == Status::Completed);
    let result = bench.result(task);
    assert_eq!(result["fix"], Value::Null, "{result}");
    assert_eq!(result["reasons"][0]["text"], "there is no repair for Ruby yet");
    assert!(bench.notes()[0].content.contains("look at shop.rb:2"), "{:?}", bench.notes());
}

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// An error that a package raised when the program called it, and no test or input of it is there to make it happen again.
const RAISED_OUTSIDE: &str = "ERROR unhandled error\nTraceback (most recent call last):\n  File \"/srv/app/shop.py\", line 2, in visit\n    \
    seen[name] += 1\n  File \"/srv/app/.venv/lib/python3.11/site-packages/kit_core/parts.py\", line 9, in part\n    \
    raise LookupError(name)\nLookupError: tea\n";

fn with_settings(settings: &str, files: &[(&str, &str)]) -> Bench {
    let files: Vec<(&str, &str)> = [("shop.py", PROGRAM), ("requirements.txt", "kit-core==1.4.0\n")]
        .iter()
        .chain(files)
        .copied()
        .collect();
    let bench = Bench::new(&files);
    bench.trust(settings);
    bench
}

#[test]
fn an_error_of_a_dependency_asks_to_move_to_a_version_that_is_known_and_allowed() {
    let project = "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"kit_core>=1.2,<2\"]\n";
    let bench = with_settings("[change.versions]\nkit-core = \"1.5.2\"\n", &[("pyproject.toml", project)]);
    let task = bench.create("fix_bug", Role::Developer, json!({ "error": RAISED_OUTSIDE }));
    let crew = bench.crew(Rules);
    crew.until("it asks", || bench.status(task) == Status::Blocked);
    assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Approval);
    let inbox = bench.store.inbox().unwrap().remove(0).message;
    let keys: Vec<String> = inbox.choices().into_iter().map(|choice| choice.key).collect();
    assert_eq!(keys, ["hand_over", "retry", "draft", "decline"]);
    assert!(
        inbox.content.contains(
            "was raised in the dependency kit_core 1.4.0, and version 1.5.2 is known: the settings name it ([change] versions); \
             pyproject.toml allows it (>=1.2,<2)"
        ),
        "{}",
        inbox.content
    );
    bench.answer("draft");
    crew.until("it goes on without", || bench.status(task) == Status::Completed);
    assert_ne!(bench.result(task)["outcome"], "patch");
    assert_eq!(bench.git(&["status", "--porcelain", "--", "requirements.txt"]), "");
}

#[test]
fn a_newer_version_that_the_project_does_not_allow_or_nobody_names_is_no_reason_to_ask() {
    let project = "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"kit_core>=1.2,<1.5\"]\n";
    for (settings, why) in [
        (
            "[change.versions]\nkit-core = \"1.5.2\"\n",
            "kit_core 1.5.2 is known (the settings name it ([change] versions)), but pyproject.toml does not allow it",
        ),
        ("[change.versions]\nkit-core = \"1.4.0\"\n", "nothing on this machine names a newer version of it"),
    ] {
        let bench = with_settings(settings, &[("pyproject.toml", project)]);
        let task = bench.create("fix_bug", Role::Developer, json!({ "error": RAISED_OUTSIDE }));
        let crew = bench.crew(Rules);
        crew.until("it ends", || bench.status(task) == Status::Completed);
        let reason = bench.result(task)["reasons"][0]["text"].to_string();
        assert!(reason.contains(why), "{reason}");
    }
}
