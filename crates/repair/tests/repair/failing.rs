//! Failing tests without a crash: a wrong result is traced to its statement and repaired by a single edit.

use groundcrew_core::evidence::ChangeKind;
use groundcrew_repair::{Facts, RepairOutcome};

use crate::UNITTEST;
use crate::project::{Project, content};

fn failing(tests: &[&str]) -> Facts {
    Facts { failing_tests: tests.iter().map(|test| (*test).to_owned()).collect(), ..Facts::default() }
}

const BINS: &str = "\"\"\"Counts of values in bins.\"\"\"\n\n\ndef bins(values, width):\n    # How many values lie in each bin.\n    found = {}\n    for value in values:\n        start = value // width * width\n        found[start] = found.get(start, 1) + 1   # counted\n    return found\n\n\ndef widest(values, width):\n    counts = bins(values, width)\n    return max(counts, key=counts.get)\n";
const BINS_TEST: &str = "import unittest\n\nimport bins\n\n\nclass BinsTest(unittest.TestCase):\n    def test_bins(self):\n        self.assertEqual(bins.bins([1, 2, 11], 10), {0: 2, 10: 1})\n\n    def test_none(self):\n        self.assertEqual(bins.bins([], 10), {})\n\n    def test_widest(self):\n        self.assertEqual(bins.widest([1, 2, 11], 10), 0)\n";

#[test]
fn a_wrong_result_is_repaired_by_one_edit_and_nothing_else_in_the_file_changes() {
    let project = Project::new(&[&[("bins.py", BINS), ("test_bins.py", BINS_TEST)]], Some(UNITTEST));
    let repaired = project.repaired(&failing(&["test_bins.BinsTest.test_bins"]));
    assert_eq!(content(&repaired), BINS.replace("found.get(start, 1)", "found.get(start, 0)"));
    assert_eq!(repaired.chosen.kind, ChangeKind::Cause);
    assert_eq!((repaired.root_cause.file.as_str(), repaired.root_cause.line), ("bins.py", 9));
    let reproduction = repaired.reproduction.unwrap();
    assert_eq!(reproduction.test_id.as_deref(), Some("test_bins.BinsTest.test_bins"));
    assert_eq!(
        (reproduction.exception.as_str(), reproduction.file.as_str()),
        ("AssertionError", "test_bins.py")
    );
}

#[test]
fn the_same_input_gives_the_same_result() {
    let project = Project::new(&[&[("bins.py", BINS), ("test_bins.py", BINS_TEST)]], Some(UNITTEST));
    let facts = failing(&["test_bins.BinsTest.test_bins"]);
    let first = project.repaired(&facts);
    let second = project.repaired(&facts);
    assert_eq!(first, second);
}

#[test]
fn a_test_that_does_not_end_is_repaired_too() {
    let code = "def digits(number, base):\n    found = []\n    while number >= 0:\n        found.insert(0, number % base)\n        number = number // base\n    return found\n";
    let test = "import unittest\n\nfrom digits import digits\n\n\nclass DigitsTest(unittest.TestCase):\n    def test_ten(self):\n        self.assertEqual(digits(407, 10), [4, 0, 7])\n\n    def test_two(self):\n        self.assertEqual(digits(6, 2), [1, 1, 0])\n";
    let project = Project::new(&[&[("digits.py", code), ("test_digits.py", test)]], Some(UNITTEST));
    let repaired =
        project.repaired(&failing(&["test_digits.DigitsTest.test_ten", "test_digits.DigitsTest.test_two"]));
    assert_eq!(content(&repaired), code.replace("number >= 0", "number > 0"));
}

#[test]
fn a_project_may_have_modules_named_as_ours_are() {
    let code = "def area(width, height):\n    return width + height\n";
    let test = "import unittest\n\nimport values\nimport suites\n\n\nclass ValuesTest(unittest.TestCase):\n    def test_area(self):\n        self.assertEqual(values.area(suites.WIDTH, 5), 15)\n";
    let files = [("values.py", code), ("suites.py", "WIDTH = 3\n"), ("test_values.py", test)];
    let project = Project::new(&[&files], Some(UNITTEST));
    let repaired = project.repaired(&failing(&["test_values.ValuesTest.test_area"]));
    assert_eq!(content(&repaired), code.replace("width + height", "width * height"));
}

#[test]
fn what_no_edit_repairs_ends_with_the_statements_under_suspicion_and_what_was_tried() {
    let code = "def code(text):\n    return len(text)\n\n\ndef other():\n    return 1\n";
    let test = "import unittest\n\nimport codes\n\n\nclass CodesTest(unittest.TestCase):\n    def test_code(self):\n        self.assertEqual([codes.code(word) for word in ('ab', 'q', '', 'zzz', 'm')], [91823, 77, 1234, 8, 150])\n";
    let project = Project::new(&[&[("codes.py", code), ("test_codes.py", test)]], Some(UNITTEST));
    let RepairOutcome::NoFix { root_cause, tried, reproduction, .. } =
        project.repair(&failing(&["test_codes.CodesTest.test_code"]))
    else {
        panic!("nothing simple gives these numbers");
    };
    assert_eq!((root_cause.file.as_str(), root_cause.line), ("codes.py", 2));
    assert_eq!(reproduction.test_id.as_deref(), Some("test_codes.CodesTest.test_code"));
    assert!(tried[0].explanation.ends_with("single edits of suspicious statements"), "{tried:?}");
    assert_eq!(tried[0].outcome, "0 pass the tests");
}

#[test]
fn only_the_files_that_the_person_names_are_changed() {
    let helper = "def double(number):\n    return number * 3\n";
    let code = "from helper import double\n\n\ndef twice(number):\n    return double(number)\n";
    let test = "import unittest\n\nimport twice\n\n\nclass TwiceTest(unittest.TestCase):\n    def test_twice(self):\n        self.assertEqual([twice.twice(n) for n in (0, 2, 5)], [0, 4, 10])\n";
    let files = [("helper.py", helper), ("twice.py", code), ("test_twice.py", test)];
    let project = Project::new(&[&files], Some(UNITTEST));
    let facts = Facts { only: vec!["twice.py".to_owned()], ..failing(&["test_twice.TwiceTest.test_twice"]) };
    match project.repair(&facts) {
        RepairOutcome::Patch(repaired) => {
            assert!(repaired.chosen.changes.iter().all(|change| change.path.as_str() == "twice.py"));
        }
        RepairOutcome::NoFix { .. } => {}
        other @ (RepairOutcome::NoRepro { .. }
        | RepairOutcome::Refused { .. }
        | RepairOutcome::NotSupported { .. }) => panic!("{other:#?}"),
    }
    let repaired = project.repaired(&failing(&["test_twice.TwiceTest.test_twice"]));
    assert_eq!(content(&repaired), helper.replace("* 3", "* 2"));
}

#[test]
fn the_commit_that_broke_a_test_is_undone_where_it_is_small() {
    let right = "def fees(days, rate):\n    late = max(days - 14, 0)\n    return late * rate\n\n\ndef due(days):\n    return days + 14\n";
    let wrong = "def fees(days, rate):\n    late = max(days - 7, 0) if days > 20 else days - 14\n    return late * rate\n\n\ndef due(days):\n    return days + 14\n";
    let test = "import unittest\n\nimport fees\n\n\nclass FeesTest(unittest.TestCase):\n    def test_late(self):\n        self.assertEqual([fees.fees(days, 2) for days in (0, 14, 20, 30)], [0, 0, 12, 32])\n";
    let project = Project::new(
        &[&[("fees.py", right), ("test_fees.py", test)], &[("fees.py", wrong)], &[("notes.txt", "later\n")]],
        Some(UNITTEST),
    );
    let repaired = project.repaired(&failing(&["test_fees.FeesTest.test_late"]));
    assert_eq!(repaired.chosen.kind, ChangeKind::Revert);
    assert_eq!(content(&repaired), right);
    assert!(repaired.suspects[0].evidence.starts_with("bisect"), "{:?}", repaired.suspects);
}
