//! Reports as the runners write them, and as nobody should.

use proptest::prelude::*;

use super::*;

fn place() -> Place<'static> {
    Place::new([Path::new("/w")])
}

fn read_as(kind: Kind, text: &str) -> Report {
    read(runner(kind).expect("it has a report"), text, &place())
}

/// Id, outcome and why; then whether it is finished.
fn told(report: &Report) -> (Vec<(&str, &'static str, String)>, bool) {
    let why = |failure: &Failure| format!("{}: {}", failure.exception, failure.message);
    let row = |outcome: &TestOutcome| match outcome {
        TestOutcome::Passed => ("passed", String::new()),
        TestOutcome::Skipped { reason } => ("skipped", reason.clone()),
        TestOutcome::Failed { failure } => ("failed", why(failure)),
        TestOutcome::Error { failure } => ("error", why(failure)),
    };
    let rows = report.tests.iter().map(|(id, outcome)| (id.as_str(), row(outcome).0, row(outcome).1));
    (rows.collect(), report.finished)
}

fn row(id: &str, outcome: &'static str, why: &str) -> (&'static str, &'static str, String) {
    (id.to_owned().leak(), outcome, why.to_owned())
}

const GO: &str = r#"{"Action":"start","Package":"example/shop"}
{"Action":"run","Package":"example/shop","Test":"TestKnown"}
{"Action":"output","Package":"example/shop","Test":"TestKnown","Output":"=== RUN   TestKnown\n"}
{"Action":"output","Package":"example/shop","Test":"TestKnown","Output":"{\"Action\":\"fail\",\"Package\":\"example/shop\",\"Test\":\"TestForged\"}\n"}
{"Action":"pass","Package":"example/shop","Test":"TestKnown","Elapsed":0}
{"Action":"run","Package":"example/shop","Test":"TestWrong"}
{"Action":"run","Package":"example/shop","Test":"TestWrong/deep"}
{"Action":"output","Package":"example/shop","Test":"TestWrong/deep","Output":"=== RUN   TestWrong/deep\n"}
{"Action":"output","Package":"example/shop","Test":"TestWrong/deep","Output":"    shop_test.go:9: got 1, want 2\n"}
{"Action":"output","Package":"example/shop","Test":"TestWrong/deep","Output":"    --- FAIL: TestWrong/deep (0.00s)\n"}
{"Action":"fail","Package":"example/shop","Test":"TestWrong/deep","Elapsed":0}
{"Action":"fail","Package":"example/shop","Test":"TestWrong","Elapsed":0}
{"Action":"run","Package":"example/shop","Test":"TestLater"}
{"Action":"output","Package":"example/shop","Test":"TestLater","Output":"    shop_test.go:14: why later\n"}
{"Action":"skip","Package":"example/shop","Test":"TestLater","Elapsed":0}
{"Action":"output","Package":"example/shop","Output":"FAIL\n"}
{"Action":"fail","Package":"example/shop","Elapsed":0.003}
"#;

#[test]
fn every_outcome_of_go_is_told() {
    let rows = vec![
        row("example/shop TestKnown", "passed", ""),
        row("example/shop TestLater", "skipped", "shop_test.go:14: why later"),
        row("example/shop TestWrong", "failed", "failure: the test failed"),
        row("example/shop TestWrong/deep", "failed", "failure: shop_test.go:9: got 1, want 2"),
    ];
    assert_eq!(told(&read_as(Kind::Go, GO)), (rows.clone(), true));
    // Without the package's own end it was cut.
    let cut: String = GO.lines().take(16).map(|line| format!("{line}\n")).collect();
    assert_eq!(told(&read_as(Kind::Go, &cut)), (rows, false));
    assert_eq!(told(&read_as(Kind::Go, "")), (Vec::new(), false));
}

#[test]
fn a_panic_in_go_and_a_package_that_does_not_build_are_errors() {
    let text = r#"{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: runtime error: index out of range [3] with length 2 [recovered]\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"goroutine 7 [running]:\n"}
{"Action":"fail","Package":"p"}
{"ImportPath":"q [q.test]","Action":"build-output","Output":"./q.go:3:1: undefined: nowhere\n"}
{"ImportPath":"q [q.test]","Action":"build-fail"}
{"Action":"output","Package":"q","Output":"FAIL\tq [build failed]\n"}
{"Action":"fail","Package":"q"}
{"Action":"output","Package":"r","Output":"?   \tr\t[no test files]\n"}
{"Action":"skip","Package":"r"}
"#;
    let rows = vec![
        row("p TestA", "error", "panic: runtime error: index out of range [3] with length 2"),
        row("q", "error", "failure: ./q.go:3:1: undefined: nowhere"),
    ];
    assert_eq!(told(&read_as(Kind::Go, text)), (rows, true));
}

const CARGO: &str = "   Compiling shop v0.1.0 (/w)\n    Finished `test` profile\n     Running unittests src/lib.rs (target/debug/deps/shop-507999230d6984fa)\n\n\
    running 3 tests\ntest tests::later ... ignored, why\ntest tests::known ... ok\ntest tests::wrong ... FAILED\n\nfailures:\n\n\
    ---- tests::wrong stdout ----\ntest tests::wrong ... ok\ntest result: nothing of the kind\n\nthread 'tests::wrong' panicked at src/lib.rs:4:57:\nno b\n\
    note: run with `RUST_BACKTRACE=1`\n\n\nfailures:\n    tests::wrong\n\n\
    test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.16s\n\nerror: test failed, to rerun pass `--lib`\n";

#[test]
fn what_cargo_prints_counts_only_where_it_adds_up() {
    let rows = |told: &[(&'static str, &'static str, &str)]| {
        told.iter().map(|(id, outcome, why)| row(id, outcome, why)).collect::<Vec<_>>()
    };
    let expected = rows(&[
        ("shop tests::known", "passed", ""),
        ("shop tests::later", "skipped", "why"),
        ("shop tests::wrong", "failed", "panic: no b"),
    ]);
    // A failing test that prints a summary of its own ends the reading there, and that does not add up.
    let honest = CARGO.replace("test result: nothing of the kind\n", "");
    assert_eq!(told(&read_as(Kind::Cargo, &honest)), (expected, true));
    assert!(!read_as(Kind::Cargo, CARGO).finished);
    // A line that is no test's, a test that is missing, a run that was cut.
    for forged in [
        honest.replace("test tests::known ... ok\n", "test tests::known ... ok\ntest tests::other ... ok\n"),
        honest.replace("test tests::known ... ok\n", ""),
        honest.replace("1 passed; 1 failed", "2 passed; 0 failed"),
        honest.split("failures:\n    tests").next().unwrap_or_default().to_owned(),
    ] {
        assert!(!read_as(Kind::Cargo, &forged).finished, "{forged}");
    }
    // Of two outcomes the worse one counts.
    let twice = honest.replace(
        "test tests::wrong ... FAILED\n",
        "test tests::wrong ... FAILED\ntest tests::wrong ... ok\n",
    );
    assert!(read_as(Kind::Cargo, &twice).tests["shop tests::wrong"].is_bad());
}

#[test]
fn programs_without_the_harness_and_tests_of_documents_are_told_by_cargo() {
    let text = "     Running tests/own.rs (target/debug/deps/own-1)\nanything\n     Running tests/bad.rs (target/debug/deps/bad-1)\n\
        error: test failed, to rerun pass `--test bad`\n     Running tests/it.rs (target/debug/deps/it-1)\n\nrunning 0 tests\n\n\
        test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n   Doc-tests shop\n\n\
        running 1 test\ntest src/lib.rs - price (line 3) ... ok\n\n\
        test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n\
        running 1 test\ntest src/lib.rs - other (line 9) - compile ... ok\n\n\
        test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    let rows = vec![
        row("bad", "failed", "Error: the program failed"),
        row("doc shop src/lib.rs - other", "passed", ""),
        row("doc shop src/lib.rs - price", "passed", ""),
        row("own", "passed", ""),
    ];
    assert_eq!(told(&read_as(Kind::Cargo, text)), (rows, true));
}

#[test]
fn a_report_of_junits_form_is_read_with_its_entities_and_nothing_is_expanded() {
    let text = "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY x 'xxxxxxxxxxxxxxxx'>]>\n<testsuites><testsuite name='s'>\
        <testcase classname='a.B' name='c &amp; d' file='/w/t.py'/><testcase name='e'><error message='&lt;m&gt;' type='T'>\
        one &#65;&x;&lt;<![CDATA[ <raw>]]></error><system-out>ok</system-out></testcase>\
        <testcase name='f'><skipped>why</skipped></testcase>\
        <testcase name='g'><skipped/><failure>first\nsecond</failure></testcase></testsuite></testsuites>";
    let report = read_as(Kind::Junit, text);
    let rows = vec![
        row("e", "error", "T: <m>"),
        row("f", "skipped", "why"),
        row("g", "failed", "Error: first"),
        row("t.py > a.B > c & d", "passed", ""),
    ];
    assert_eq!(told(&report), (rows, true));
    assert_eq!(report.tests["e"].failure().expect("it failed").traceback, "one A< <raw>");
    for cut in ["", "<testsuite><testcase name='a'/>", "<testsuite><testcase name='a'>", "no xml", "<a/>"] {
        assert!(!read_as(Kind::Junit, cut).finished, "{cut}");
    }
    let two = "<testsuite><testcase name='a'/></testsuite>\n<?xml version='1.0'?><testsuite><testcase name='b'/></testsuite>";
    assert_eq!(
        told(&read_as(Kind::Junit, two)),
        (vec![row("a", "passed", ""), row("b", "passed", "")], true)
    );
}

#[test]
fn a_stream_of_the_anything_protocol_counts_only_where_its_plan_does() {
    let rows = |text: &str| told(&read_as(Kind::Tap, text)).0.len();
    let text = "TAP version 14\nok 1 - a\n    not ok 1 - within\n    1..1\nnot ok 2 - b # TODO some day\nok 3\nnot ok 4 - c # 4\n# said\n1..4\n";
    let expected = vec![
        row("a", "passed", ""),
        row("b", "skipped", "some day"),
        row("c # 4", "failed", "failure: c # 4"),
        row("test 3", "passed", ""),
    ];
    assert_eq!(told(&read_as(Kind::Tap, text)), (expected, true));
    for (text, tests) in [
        ("ok 1 - a\n", 1),
        ("1..2\nok 1 - a\n", 1),
        ("1..2\nok 1 - a\nok 1 - b\n", 2),
        ("1..1\n1..1\nok 1 - a\n", 1),
        ("1..1\nok 1 - a\nBail out! no more\n", 1),
        ("okay\n1..1\n", 0),
    ] {
        assert_eq!((rows(text), read_as(Kind::Tap, text).finished), (tests, false), "{text}");
    }
}

#[test]
fn an_error_of_javascript_is_taken_apart() {
    let parts = |stack: &str| {
        let failure = of_stack(stack);
        (failure.exception, failure.message)
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(parts("TypeError: a is not b\n    at f (/w/a.js:1:2)"), pair("TypeError", "a is not b"));
    assert_eq!(parts("AssertionError [ERR_ASSERTION]: 1 == 2"), pair("AssertionError", "1 == 2"));
    assert_eq!(parts("Error: first\n\nExpected: 2\n    at x"), pair("Error", "first\n\nExpected: 2"));
    assert_eq!(parts("some words: here"), pair("Error", "some words: here"));
    assert_eq!(parts(""), pair("Error", ""));
    assert_eq!(place().text("\u{1b}[31mred\u{1b}[0m at file:///w/a.mjs:1"), "red at /w/a.mjs:1");
}

fn call(line: &str, only: &[&str]) -> Vec<String> {
    let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let command = TestCommand::parse(&argv).expect("a command");
    let only: Vec<String> = only.iter().map(|id| (*id).to_owned()).collect();
    let only = (!only.is_empty()).then_some(only.as_slice());
    Call::of(runner(command.kind).expect("it has a report"), &command, only).argv
}

#[test]
fn options_are_put_where_the_runner_takes_them_and_the_users_others_stay() {
    let is = |line: &str, only: &[&str], expected: &str| {
        assert_eq!(call(line, only).join(" "), expected, "{line}");
    };
    is("go test -v ./...", &[], "go test -json -count=1 ./...");
    is("go test -run X ./a", &["a TestA/b", "a TestC"], "go test -json -count=1 -run ^(?:TestA|TestC)$ ./a");
    is(
        "cargo +nightly test -q -- --test-threads 1",
        &["shop a::b"],
        "cargo +nightly test --no-fail-fast -- --test-threads 1 --exact a::b",
    );
    is("cargo test", &["doc shop src/lib.rs - a"], "cargo test --no-fail-fast");
    is(
        "node --import ./a.mjs --test test lib",
        &["b.js > g > a+b"],
        "node --test-name-pattern=^(?:a\\+b|g)$ --import ./a.mjs --test b.js",
    );
    is("node --test", &["b.js"], "node --test b.js");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,200}", lines in prop::collection::vec(line(), 0..40)) {
        let joined = lines.join("\n");
        for kind in Kind::ALL {
            let Some(runner) = runner(kind) else { continue };
            for text in [text.as_str(), joined.as_str()] {
                let report = read(runner, text, &place());
                prop_assert!(report.tests.keys().all(|id| id.len() <= LONGEST + 16));
            }
        }
    }

    #[test]
    fn a_cut_report_is_never_finished(at in 0_usize..100) {
        for (kind, whole) in [(Kind::Go, GO), (Kind::Junit, XML), (Kind::Jest, JEST)] {
            let end = whole.trim_end().len() * at / 100;
            let cut = &whole[..whole.floor_char_boundary(end)];
            prop_assert!(!read_as(kind, cut).finished, "{kind}: {cut}");
        }
    }
}

const XML: &str =
    "<testsuite><testcase name='a'/><testcase name='b'><failure>x</failure></testcase></testsuite>";
const JEST: &str = r#"{"numTotalTests":1,"testResults":[{"name":"/w/a.js","status":"passed","message":"","assertionResults":[{"ancestorTitles":[],"title":"a","status":"passed","failureMessages":[]}]}]}"#;

/// A line that is nearly one of a report.
fn line() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> =
        [GO, CARGO, XML, JEST, "1..3\nok 1 - a\nnot ok 2\n  ---\n", "running 18446744073709551616 tests"]
            .into_iter()
            .flat_map(str::lines)
            .collect();
    (prop::sample::select(known), 0_usize..200, "\\PC{0,3}").prop_map(|(line, at, put)| {
        let at = line.floor_char_boundary(at.min(line.len()));
        format!("{}{put}{}", &line[..at], &line[at..])
    })
}

#[test]
fn reading_takes_time_in_proportion_to_the_text() {
    let long = |line: &str| line.repeat((4 << 20) / line.len());
    for (kind, line) in [
        (Kind::Go, "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"T\",\"Output\":\"x\"}\n"),
        (Kind::Cargo, "test a ... ok\n"),
        (Kind::Cargo, "     Running a (b/c-1)\n"),
        (Kind::Junit, "<testcase name='a'>"),
        (Kind::Junit, "<a "),
        (Kind::Junit, "<testsuite a='1' "),
        (Kind::Tap, "ok\n"),
        (Kind::Node, "{\"at\":\"test\",\"path\":[],\"passed\":true,\"group\":false}\n"),
        (Kind::Jest, "["),
    ] {
        let began = std::time::Instant::now();
        read_as(kind, &long(line));
        // Four megabytes of the dearest take well under a second where it is linear, and minutes where it is not.
        assert!(began.elapsed().as_secs() < 30, "{kind}: {line} took {:?}", began.elapsed());
    }
}
