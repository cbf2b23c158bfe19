//! Qa at work: what it makes of flaky tests, of suites that are red or cannot be run, and of reproductions that come and
//! go; and the tasks that measure a suite or write a test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod project;

use std::time::Duration;

use groundcrew_core::contract::{Fix, Rate, Reproduction, TestFile, VerifyFixResult};
use groundcrew_core::event::EventKind;
use groundcrew_core::incident::IncidentStatus;
use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Role;
use groundcrew_core::task::{BlockedOn, Status, Task};
use groundcrew_crew::brain::Rules;
use jiff::SignedDuration;
use serde_json::{Value, json};

use project::{Bench, MENDED, PROGRAM, TESTS, reproduction};

/// A test that fails every other time, beginning with the first; it counts its runs in its work tree.
const COMES_AND_GOES: &str = "import unittest\nimport pathlib\n\n\nclass Flaky(unittest.TestCase):\n    def test_sometimes(self):\n        file = pathlib.Path('runs.txt')\n        runs = int(file.read_text()) + 1 if file.exists() else 1\n        file.write_text(str(runs))\n        self.assertEqual(runs % 2, 0)\n";

/// A test that fails every other time, beginning with the first run with the fix and the second without.
const FAILS_FIRST_WITH_THE_FIX: &str = "import unittest\nimport pathlib\n\n\nclass Flaky(unittest.TestCase):\n    def test_sometimes(self):\n        file = pathlib.Path('runs.txt')\n        runs = int(file.read_text()) + 1 if file.exists() else 1\n        file.write_text(str(runs))\n        fixed = 'seen.get' in pathlib.Path('shop.py').read_text()\n        self.assertEqual(runs % 2, 0 if fixed else 1)\n";

/// A test that never passes.
const RED: &str =
    "import unittest\n\n\nclass Red(unittest.TestCase):\n    def test_red(self):\n        self.fail('red')\n";

/// A command that writes files without end.
const FILLS_THE_DISK: &str = "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > f$i; done";

fn verified(bench: &Bench, task: groundcrew_core::task::TaskId) -> VerifyFixResult {
    serde_json::from_value(bench.result(task)).unwrap()
}

#[test]
fn a_test_that_fails_on_both_sides_at_times_is_flaky_and_does_not_count_against_the_fix() {
    let bench = Bench::new(&[
        ("shop.py", PROGRAM),
        ("tests/test_shop.py", TESTS),
        ("tests/test_flaky.py", FAILS_FIRST_WITH_THE_FIX),
    ]);
    let mended = bench.commit_hidden("shop.py", MENDED);
    let task = bench.verify(bench.fix(&mended));
    let crew = bench.crew(Rules);
    crew.until("it is verified", || bench.status(task) == Status::Completed);
    let result = verified(&bench, task);
    assert_eq!(result.common.outcome, "accepted", "{:#?}", result.verification.checks);
    let flaky = &result.verification.flaky[0];
    assert_eq!(flaky.test, "test_flaky.Flaky.test_sometimes");
    assert!(flaky.base.is_mixed() && flaky.head.is_mixed(), "{flaky:?}");
    assert_eq!(result.verification.new_failures, Vec::<String>::new());
    assert_eq!(bench.all("fix_bug"), Vec::<Task>::new(), "no round is used up");
    let told =
        |bench: &Bench| bench.notes().iter().filter(|note| note.metadata["kind"] == "stabilise_test").count();
    assert_eq!(told(&bench), 1);
    let again = bench.verify(Fix { patch_hash: "another".into(), ..bench.fix(&mended) });
    crew.until("it is verified again", || bench.status(again) == Status::Completed);
    assert_eq!(told(&bench), 1, "each flaky test is told once");
    let events = bench.store.events(0, 1_000).unwrap();
    let flaky: Vec<_> = events.iter().filter(|event| event.kind == EventKind::TestFlaky).collect();
    assert_eq!((flaky.len(), &flaky[0].data["test"]), (1, &json!("test_flaky.Flaky.test_sometimes")));
}

#[test]
fn what_fails_without_the_fix_is_the_baseline_and_a_red_suite_is_raised_once() {
    let bench = Bench::new(&[
        ("shop.py", PROGRAM),
        ("tests/test_shop.py", TESTS),
        ("tests/test_red.py", RED),
        ("tests/test_flaky.py", COMES_AND_GOES),
    ]);
    let mended = bench.commit_hidden("shop.py", MENDED);
    let first = bench.verify(bench.fix(&mended));
    let crew = bench.crew(Rules);
    crew.until("it is verified", || bench.status(first) == Status::Completed);
    let result = verified(&bench, first);
    assert_eq!(result.common.outcome, "accepted", "{:#?}", result.verification.checks);
    assert_eq!(result.verification.known_failures, ["test_red.Red.test_red"]);
    let base = result.base.unwrap();
    assert_eq!(base.failing, ["test_red.Red.test_red"]);
    assert_eq!(base.flaky[0].base, Rate { failed: 2, runs: 4 });
    let second = bench.verify(bench.fix(&mended));
    crew.until("another fix of the same commit is verified", || bench.status(second) == Status::Completed);
    let again = verified(&bench, second);
    assert_eq!(again.base, None, "the suite of a commit is measured once");
    assert_eq!(again.verification.known_failures, ["test_red.Red.test_red"]);
    crew.until("everything is done", || crew.is_idle());
    let red: Vec<String> = bench
        .store
        .incidents(&Default::default())
        .unwrap()
        .into_iter()
        .filter(|incident| incident.fingerprint == "suite-red")
        .map(|incident| incident.title)
        .collect();
    assert_eq!(red, ["the test suite is red: 1 tests fail without any change"]);
    bench.git(&["rm", "--quiet", "tests/test_red.py"]);
    bench.git(&["commit", "--quiet", "--message=No red test"]);
    let green = bench.create("verify_base", Role::Qa, json!({}));
    crew.until("the suite is green", || bench.status(green) == Status::Completed);
    let red = bench.store.incidents(&Default::default()).unwrap().remove(0);
    assert_eq!(red.status, IncidentStatus::Resolved, "{:?}", red.reason);
    assert_eq!(red.reason, Some(format!("the suite is green on {}", bench.head())));
}

#[test]
fn a_test_that_fails_only_with_the_fix_rejects_it_also_where_the_base_is_red() {
    let bench =
        Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS), ("tests/test_red.py", RED)]);
    let broken = bench.commit_hidden("shop.py", &MENDED.replace("'ok'", "'bad'"));
    let task = bench.verify(bench.fix(&broken));
    let crew = bench.crew(Rules);
    crew.until("it is verified", || bench.status(task) == Status::Completed);
    let result = verified(&bench, task);
    assert_eq!(result.common.outcome, "rejected");
    assert_eq!(result.verification.new_failures, ["test_shop.ShopTest.test_known"]);
    let next = bench.all("fix_bug").remove(0).context;
    assert_eq!(
        next["dossier"]["previous_rounds"][0]["failing_tests"],
        json!(["test_shop.ShopTest.test_known"])
    );
}

#[test]
fn a_fix_that_qa_rejects_three_times_goes_on_as_a_draft_only_on_a_persons_word() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let broken = bench.commit_hidden("shop.py", &MENDED.replace("'ok'", "'bad'"));
    let task = bench.verify(Fix { round: 3, ..bench.fix(&broken) });
    let crew = bench.crew(Rules);
    crew.until("the person is asked", || bench.status(task) == Status::Blocked);
    bench.answer_because("waive", "the test is wrong");
    crew.until("the draft waits for approval", || bench.open("publish_fix", Status::Blocked));
    let result = verified(&bench, task);
    assert_eq!((result.common.outcome.as_str(), result.verification.grade), ("rejected", None));
    assert_eq!(result.verification.insisted.unwrap().reason, "the test is wrong");
    let question = bench.question();
    assert!(
        question.contains("grade none") && question.contains("user let it pass: the test is wrong"),
        "{question}"
    );
}

#[test]
fn a_fix_with_which_tests_are_gone_is_rejected() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let head = bench.head();
    let fewer = TESTS.split("    def test_counts").next().unwrap();
    std::fs::write(bench.root().join("tests/test_shop.py"), fewer).unwrap();
    let mended = bench.commit_hidden("shop.py", MENDED);
    assert_eq!(bench.head(), head);
    let task = bench.verify(bench.fix(&mended));
    bench.crew(Rules).until("it is verified", || bench.status(task) == Status::Completed);
    let result = verified(&bench, task);
    assert_eq!(result.common.outcome, "rejected");
    let suite = result.verification.checks.iter().find(|check| check.name == "suite").unwrap();
    assert!(suite.detail.contains("1 are gone"), "{}", suite.detail);
}

#[test]
fn a_suite_that_cannot_be_run_is_asked_about_and_never_a_pass() {
    let dies = format!("import os\nos._exit(3)\n{TESTS}");
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", &dies)]);
    let mended = bench.commit_hidden("shop.py", MENDED);
    let task = bench.verify(bench.fix(&mended));
    let crew = bench.crew(Rules);
    crew.until("it is asked", || bench.status(task) == Status::Blocked);
    assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Environment);
    assert!(bench.question().contains("do not run to their end"), "{}", bench.question());
    bench.answer("draft");
    crew.until("it goes on as told", || bench.status(task) == Status::Completed);
    let result = verified(&bench, task);
    assert_eq!(result.verification.grade.unwrap().as_str(), "C");
}

#[test]
fn a_suite_that_is_ended_by_a_bound_is_repeated_once_and_asked_about_with_the_key_to_change() {
    let hangs = TESTS.replace(
        "def test_counts(self):",
        "def test_counts(self):\n        import time\n        time.sleep(600)",
    );
    for (file, command) in [
        (&*hangs, ""),
        (TESTS, "command = [\"sh\", \"-c\", \"sleep 600\"]\n"),
        (TESTS, "command = [\"sh\", \"-c\", \"yes\"]\n"),
    ] {
        let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", file)]);
        bench.trust(&format!("[test]\n{command}timeout = \"2s\"\n"));
        let mended = bench.commit_hidden("shop.py", MENDED);
        let task = bench.verify(bench.fix(&mended));
        let crew = bench.crew(Rules);
        crew.until("it is asked", || bench.status(task) == Status::Blocked);
        assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Environment);
        let question = bench.question();
        assert!(
            question.contains("do not run to their end") && question.contains("[test] timeout"),
            "{question}"
        );
        let choices: Vec<String> = bench.store.inbox().unwrap()[0]
            .message
            .choices()
            .iter()
            .map(|choice| choice.key.clone())
            .collect();
        assert_eq!(choices, ["retry", "draft", "hand_over"]);
        assert_eq!(bench.all("review_change"), Vec::<Task>::new(), "nothing goes on by itself");
        bench.answer("draft");
        crew.until("it goes on as told", || bench.status(task) == Status::Completed);
        assert_eq!(verified(&bench, task).verification.grade.unwrap().as_str(), "C", "{command}");
    }
}

#[test]
fn a_command_that_cannot_be_started_or_ends_at_a_bound_is_no_red_suite() {
    for (command, told) in
        [("no-such-program-here", "no-such-program-here: not found"), (FILLS_THE_DISK, "([sandbox] disk_mb)")]
    {
        let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
        let settings = format!("[test]\ncommand = [\"sh\", \"-c\", {command:?}]\n[sandbox]\ndisk_mb = 8\n");
        bench.trust(&settings);
        let mended = bench.commit_hidden("shop.py", MENDED);
        let task = bench.verify(bench.fix(&mended));
        bench.crew(Rules).until("it is asked", || bench.status(task) == Status::Blocked);
        assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Environment);
        assert!(bench.question().contains(told), "{}", bench.question());
    }
}

#[test]
fn a_suite_that_is_told_by_its_exit_alone_is_red_where_it_fails() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    bench.trust("[test]\ncommand = [\"sh\", \"-c\", \"exit 1\"]\n");
    let task = bench.create("verify_base", Role::Qa, json!({}));
    bench.crew(Rules).until("it is measured", || bench.status(task) == Status::Completed);
    assert_eq!(bench.result(task)["outcome"], "red");
}

#[test]
fn a_reproduction_that_cannot_get_to_the_error_is_the_environments_fault() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let mended = bench.commit_hidden("shop.py", MENDED);
    let mut fix = bench.fix(&mended);
    let script = "import package_that_is_not_there\nimport shop\nresult = shop.visit({}, 'ann')\n";
    fix.reproduction = Some(Reproduction { script: script.into(), ..reproduction(&bench.head()) });
    let task = bench.verify(fix);
    bench.crew(Rules).until("it is asked", || bench.status(task) == Status::Blocked);
    assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Environment);
    assert!(bench.question().contains("package_that_is_not_there"), "{}", bench.question());
}

/// Fails every other time; it counts its runs in its work tree.
fn flaky_reproduction(base: &str) -> Reproduction {
    let script = "import pathlib\nimport shop\nfile = pathlib.Path('repro.txt')\nruns = int(file.read_text()) + 1 if file.exists() else 1\nwritten = file.write_text(str(runs))\nresult = shop.visit({} if runs % 2 else {'ann': 1}, 'ann')\n";
    Reproduction { script: script.into(), ..reproduction(base) }
}

#[test]
fn a_reproduction_that_comes_and_goes_needs_as_many_passes_as_its_rate_asks_for() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let mended = bench.commit_hidden("shop.py", MENDED);
    let fix = Fix { reproduction: Some(flaky_reproduction(&bench.head())), ..bench.fix(&mended) };
    let task = bench.verify(fix);
    bench.crew(Rules).until("it is verified", || bench.status(task) == Status::Completed);
    let result = verified(&bench, task);
    let runs = result.verification.reproduction.unwrap();
    assert_eq!(runs.before, Rate { failed: 10, runs: 20 });
    assert_eq!(runs.after.failed, 0);
    assert!(runs.after.runs >= 12, "{runs:?}");
    assert_eq!(result.common.outcome, "accepted", "{:#?}", result.verification.checks);
}

#[test]
fn a_fix_that_changes_nothing_about_a_reproduction_that_comes_and_goes_is_rejected() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let same = bench.commit_hidden("shop.py", &format!("# mended, so they say\n{PROGRAM}"));
    let fix = Fix { reproduction: Some(flaky_reproduction(&bench.head())), ..bench.fix(&same) };
    let task = bench.verify(fix);
    bench.crew(Rules).until("it is verified", || bench.status(task) == Status::Completed);
    assert_eq!(verified(&bench, task).common.outcome, "rejected");
}

#[test]
fn a_verification_says_what_ran_where_and_where_that_is_written_down() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let mended = bench.commit_hidden("shop.py", MENDED);
    let task = bench.verify(bench.fix(&mended));
    bench.crew(Rules).until("it is verified", || bench.status(task) == Status::Completed);
    let shown = verified(&bench, task).verification;
    assert_eq!(shown.env_hash.len(), 64);
    assert!(shown.duration_ms > 0 && shown.suite_runs >= 2, "{shown:?}");
    assert_eq!(bench.git(&["rev-parse", &format!("{}^{{tree}}", shown.head_sha)]), shown.tree_sha);
    let filter = groundcrew_store::LogFilter { task: Some(task), limit: Some(1_000), ..Default::default() };
    let logs = bench.store.logs(&filter).unwrap();
    for check in &shown.checks {
        let reference = check.evidence_ref.as_ref().unwrap();
        let name = reference.strip_prefix(&format!("log:{task}/1/")).unwrap();
        assert!(logs.iter().any(|entry| entry.data["check"] == name), "{reference}");
    }
}

#[test]
fn the_suite_of_a_commit_is_measured_once_and_told_with_its_flaky_tests() {
    let bench = Bench::new(&[
        ("shop.py", PROGRAM),
        ("tests/test_shop.py", TESTS),
        ("tests/test_red.py", RED),
        ("tests/test_flaky.py", COMES_AND_GOES),
    ]);
    let first = bench.create("verify_base", Role::Qa, json!({}));
    let crew = bench.crew(Rules);
    crew.until("it is measured", || bench.status(first) == Status::Completed);
    let result = bench.result(first);
    assert_eq!((&result["outcome"], &result["known"]), (&json!("red"), &json!(false)));
    assert_eq!(result["base"]["failing"], json!(["test_red.Red.test_red"]));
    assert_eq!(result["base"]["flaky"][0]["base"], json!({ "failed": 2, "runs": 4 }));
    let count = &result["base"]["suite"];
    assert_eq!(
        [&count["collected"], &count["passed"], &count["failed"], &count["flaky"]],
        [&json!(4), &json!(2), &json!(1), &json!(1)]
    );
    let second = bench.create("verify_base", Role::Qa, json!({ "commit_sha": bench.head() }));
    crew.until("it is known", || bench.status(second) == Status::Completed);
    assert_eq!(bench.result(second)["known"], true);
    bench.git(&["commit", "--quiet", "--allow-empty", "--message=Next"]);
    let third = bench.create("verify_base", Role::Qa, json!({}));
    crew.until("another commit is measured", || bench.status(third) == Status::Completed);
    assert_eq!(bench.result(third)["known"], false);
}

#[test]
fn a_regression_test_is_written_only_if_it_fails_without_the_fix_and_passes_with_it() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let mended = bench.commit_hidden("shop.py", MENDED);
    let test = |body: &str| TestFile {
        path: "tests/test_again.py".into(),
        content: format!(
            "import unittest\n\nimport shop\n\n\nclass Again(unittest.TestCase):\n    def test_it(self):\n        {body}\n"
        ),
        id: "test_again.Again.test_it".into(),
    };
    let context = |test: TestFile| {
        let known = Reproduction { regression_test: Some(test), ..reproduction(&bench.head()) };
        json!({ "dossier": { "fix": Fix { reproduction: Some(known), ..bench.fix(&mended) } } })
    };
    let good = test("seen = {}\n        shop.visit(seen, 'ann')\n        self.assertEqual(seen, {'ann': 1})");
    let useless = test("self.assertTrue(True)");
    let good = bench.create("write_regression_test", Role::Qa, context(good));
    let useless = bench.create("write_regression_test", Role::Qa, context(useless));
    let crew = bench.crew(Rules);
    crew.until("both are done", || [good, useless].iter().all(|id| bench.status(*id) == Status::Completed));
    let written = bench.result(good);
    let told = |result: &Value| {
        [&result["outcome"], &result["fails_on_base"], &result["passes_on_head"]].map(Value::to_string)
    };
    assert_eq!(told(&written), ["\"written\"", "true", "true"]);
    assert!(written["kills"].as_u64().unwrap() > 0, "{written}");
    let head = written["head_sha"].as_str().unwrap();
    assert!(bench.git(&["show", &format!("{head}:tests/test_again.py")]).contains("class Again"));
    assert_eq!(told(&bench.result(useless)), ["\"not_written\"", "false", "true"]);
}

/// A test of the shop with this body.
fn test_of_the_shop(body: &str) -> String {
    format!(
        "import unittest\n\nimport shop\n\n\nclass Mine(unittest.TestCase):\n    def test_mine(self):\n        {body}\n"
    )
}

#[test]
fn tests_that_a_fix_brings_are_its_regression_test_only_where_they_fail_without_it() {
    let incident = "self.assertEqual(shop.visit({}, 'ann'), 'ok')";
    let asserted =
        "try:\n            shop.visit({}, 'ann')\n        except KeyError:\n            self.fail('crashed')";
    let flaky = "import pathlib\n        file = pathlib.Path('n.txt')\n        n = int(file.read_text()) + 1 if file.exists() else 1\n        file.write_text(str(n))\n        self.assertEqual(n % 2, 0)";
    for (body, shown) in [
        (incident, true),
        (asserted, true),
        ("self.assertTrue(True)", false),
        ("self.assertEqual(shop.other(), 1)", false),
        (flaky, false),
    ] {
        let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
        std::fs::write(bench.root().join("tests/test_mine.py"), test_of_the_shop(body)).unwrap();
        bench.git(&["add", "--all"]);
        let source = format!("{MENDED}\n\ndef other():\n    return 1\n");
        let mended = bench.commit_hidden("shop.py", &source);
        let task = bench.verify(bench.fix(&mended));
        bench.crew(Rules).until("it is verified", || bench.status(task) == Status::Completed);
        let verification = verified(&bench, task).verification;
        let check = verification.checks.iter().find(|check| check.name == "regression test").unwrap();
        let expected = if shown { "passed" } else { "missing" };
        assert_eq!(check.status, expected, "{body}: {}", check.detail);
        assert_eq!(check.detail.contains("test_mine.Mine.test_mine"), shown, "{}", check.detail);
        assert_eq!(verification.head_sha, mended, "nothing is added to it");
    }
}

#[test]
fn a_test_that_failed_before_the_fix_is_its_regression_test() {
    let failing = test_of_the_shop("self.assertEqual(shop.visit({}, 'ann'), 'ok')");
    let bench =
        Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS), ("tests/test_mine.py", &failing)]);
    bench.create("fix_bug", Role::Developer, json!({ "error": project::CRASH }));
    bench.crew(Rules).until("it is verified", || bench.open("verify_fix", Status::Completed));
    let result: VerifyFixResult = serde_json::from_value(bench.one("verify_fix").result.unwrap()).unwrap();
    let check = result.verification.checks.iter().find(|check| check.name == "regression test").unwrap();
    assert_eq!(check.status, "passed", "{check:?}");
}

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn what_a_lost_run_has_measured_is_not_measured_again() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", TESTS)]);
    let first = bench.create("verify_base", Role::Qa, json!({}));
    let crew = bench.crew(Rules);
    crew.until("it is measured", || bench.status(first) == Status::Completed);
    drop(crew);
    let steps = bench.store.steps(first).unwrap();
    let mut base = bench.result(first)["base"].clone();
    assert_eq!((steps.len(), steps[0].value.as_ref()), (1, Some(&base)));
    // What the lost run measured is told from what another one would measure now.
    base["suite"]["skipped"] = json!(77);
    let second = bench.create("verify_base", Role::Qa, json!({}));
    let minute = SignedDuration::from_mins(1);
    let lost = bench.store.claim(Role::Qa, Some(second), "lost", minute).unwrap().unwrap();
    let (task, token, name) = (lost.id, lost.lease_token, steps[0].name.clone());
    bench.store.execute(Command::RecordStep { task, token, name, value: base.clone() }).unwrap();
    let ended_worker = Some("lost".to_owned());
    bench.store.execute(Command::Rescue { task, ended_worker }).unwrap();
    bench.crew(Rules).until("it goes on", || bench.status(second) == Status::Completed);
    let result = bench.result(second);
    assert_eq!((&result["base"], &result["known"]), (&base, &json!(false)));
    assert_eq!(bench.store.steps(second).unwrap().len(), 1);
}
