//! Failing tests without a crash: a wrong result is traced to its statement and repaired by a single edit.

use groundcrew_core::audit::NoRecorder;
use groundcrew_core::evidence::ChangeKind;
use groundcrew_repair::{Facts, RepairOutcome};
use groundcrew_workbench::python::Python;

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

const POSTAGE: &str = "def postage(weight, express):\n    price = 5\n    if weight > 10:\n        price += 3\n    if express:\n        price = price + 2\n    return price\n";
const POSTAGE_TEST: &str = "import unittest\n\nfrom postage import postage\n\n\nclass PostageTest(unittest.TestCase):\n    def test_light(self):\n        self.assertEqual([postage(1, False), postage(9, False)], [5, 5])\n\n    def test_heavy(self):\n        self.assertEqual([postage(10, False), postage(11, False)], [8, 8])\n\n    def test_express(self):\n        self.assertEqual([postage(1, True), postage(30, True)], [10, 16])\n";

#[test]
fn two_slips_of_one_file_are_repaired_by_a_pair_of_edits() {
    let project =
        Project::new(&[&[("postage.py", POSTAGE), ("test_postage.py", POSTAGE_TEST)]], Some(UNITTEST));
    let repaired = project.repaired(&failing(&[
        "test_postage.PostageTest.test_heavy",
        "test_postage.PostageTest.test_express",
    ]));
    let text = content(&repaired);
    assert!(text.contains("weight >= 10") && text.contains("price * 2"), "{text}");
    let searched = repaired.candidates.iter().find(|tried| tried.patch_hash.is_empty()).unwrap();
    assert!(searched.explanation.ends_with("pairs of edits"), "{searched:?}");
}

#[test]
fn a_test_whose_numbers_grow_without_end_is_repaired_too() {
    let code = "def doublings(start, limit):\n    value, count = start, 0\n    while value != limit:\n        value = value * value + value\n        count += 1\n    return count\n";
    let test = "import unittest\n\nfrom doublings import doublings\n\n\nclass DoublingsTest(unittest.TestCase):\n    def test_beyond(self):\n        self.assertEqual(doublings(1, 5), 2)\n\n    def test_exactly(self):\n        self.assertEqual(doublings(1, 6), 2)\n";
    let project = Project::new(&[&[("doublings.py", code), ("test_doublings.py", test)]], Some(UNITTEST));
    let repaired = project.repaired(&failing(&["test_doublings.DoublingsTest.test_beyond"]));
    assert_eq!(content(&repaired), code.replace("value != limit", "value < limit"));
}

#[test]
fn failing_tests_of_pytest_are_searched_with_their_fixtures_and_parameters() {
    let Some(named) = std::env::var_os("GROUNDCREW_TEST_PYTEST") else {
        eprintln!("SKIPPED: no interpreter with pytest is named by GROUNDCREW_TEST_PYTEST");
        return;
    };
    let code = "def fare(zones, child):\n    price = 3 + 2 * zones\n    if child:\n        price = price // 2\n    return price\n\n\ndef label(zones, child=False):\n    print('%d zones: %d' % (zones, fare(zones, child)))\n";
    let fixtures = "import pytest\n\n\n@pytest.fixture\ndef zones():\n    return 4\n";
    let test = "import pytest\n\nfrom fares import fare, label\n\n\n@pytest.mark.parametrize('count, price', [(1, 3), (2, 5), (5, 11)])\ndef test_fare(count, price):\n    assert fare(count, False) == price\n\n\ndef test_child(zones):\n    assert fare(zones, True) == 4\n\n\ndef test_label(zones, capsys):\n    label(zones)\n    assert capsys.readouterr().out == '4 zones: 9\\n'\n";
    let files = [("conftest.py", fixtures), ("fares.py", code), ("tests/test_fares.py", test)];
    let mut project = Project::new(&[&files], Some(&["pytest"]));
    project.bench.python = Python::at(named.as_ref(), &project.bench.sandbox, &NoRecorder).unwrap();
    let tests = ["test_fare[1-3]", "test_fare[2-5]", "test_fare[5-11]", "test_child", "test_label"]
        .map(|test| format!("tests/test_fares.py::{test}"));
    let repaired = project.repaired(&failing(&tests.each_ref().map(String::as_str)));
    assert_eq!(content(&repaired), code.replace("3 + 2", "1 + 2"));
}

#[test]
fn the_half_of_a_pair_that_was_forgotten_is_written_after_the_other_half() {
    let code = "def spread(values):\n    low = high = values[0]\n    for value in values:\n        low = min(low, value)\n    return low, high\n";
    let test = "import unittest\n\nfrom spread import spread\n\n\nclass SpreadTest(unittest.TestCase):\n    def test_falling(self):\n        self.assertEqual(spread([5, 3, 1]), (1, 5))\n\n    def test_rising(self):\n        self.assertEqual(spread([1, 7, 4]), (1, 7))\n\n    def test_mixed(self):\n        self.assertEqual(spread([4, 2, 9, 3]), (2, 9))\n";
    let project = Project::new(&[&[("spread.py", code), ("test_spread.py", test)]], Some(UNITTEST));
    let repaired = project
        .repaired(&failing(&["test_spread.SpreadTest.test_rising", "test_spread.SpreadTest.test_mixed"]));
    assert!(content(&repaired).contains("high = max(high, value)"), "{}", content(&repaired));
}

#[test]
fn two_names_that_were_taken_for_one_another_in_a_larger_expression_are_exchanged() {
    let code =
        "def beside(place):\n    x, y = place\n    return [(x + 1, y), (x - 1, y), (x, y + 1), (y, x - 1)]\n";
    let test = "import unittest\n\nfrom beside import beside\n\n\nclass BesideTest(unittest.TestCase):\n    def test_same(self):\n        self.assertEqual(beside((2, 2)), [(3, 2), (1, 2), (2, 3), (2, 1)])\n\n    def test_apart(self):\n        self.assertEqual(beside((2, 7)), [(3, 7), (1, 7), (2, 8), (2, 6)])\n";
    let project = Project::new(&[&[("beside.py", code), ("test_beside.py", test)]], Some(UNITTEST));
    let repaired = project.repaired(&failing(&["test_beside.BesideTest.test_apart"]));
    assert_eq!(content(&repaired), code.replace("(y, x - 1)", "(x, y - 1)"));
}

#[test]
fn what_sets_a_failing_test_apart_may_be_how_large_a_number_is() {
    let code = "def days_before(month, leap):\n    days = 31 * (month - 1)\n    if leap:\n        days += 1\n    return days\n";
    let test = "import unittest\n\nfrom days import days_before\n\n\nclass DaysTest(unittest.TestCase):\n    def test_plain(self):\n        self.assertEqual(days_before(3, False), 62)\n\n    def test_early(self):\n        self.assertEqual(days_before(2, True), 31)\n        self.assertEqual(days_before(1, True), 0)\n\n    def test_late(self):\n        self.assertEqual(days_before(3, True), 63)\n        self.assertEqual(days_before(9, True), 249)\n";
    let project = Project::new(&[&[("days.py", code), ("test_days.py", test)]], Some(UNITTEST));
    let repaired = project.repaired(&failing(&["test_days.DaysTest.test_early"]));
    assert_eq!(content(&repaired), code.replace("if leap:", "if leap and month > 2:"));
}

#[test]
fn tests_that_fail_for_two_reasons_are_repaired_one_reason_at_a_time_and_the_rest_is_told() {
    let code = "def title(book):\n    return book.get('title').upper()\n\n\ndef price(book):\n    return book['price'] * 3 + 17 - len(book)\n";
    let test = "import unittest\n\nimport books\n\n\nclass BooksTest(unittest.TestCase):\n    def test_title(self):\n        self.assertEqual(books.title({'title': 'ab'}), 'AB')\n\n    def test_untitled(self):\n        self.assertEqual(books.title({'price': 3}), '')\n\n    def test_price(self):\n        self.assertEqual([books.price({'price': n}) for n in (1, 5, 9, 4)], [1007, 33, 91, 2])\n";
    let project = Project::new(&[&[("books.py", code), ("test_books.py", test)]], Some(UNITTEST));
    let named = ["test_books.BooksTest.test_untitled", "test_books.BooksTest.test_price"];
    let repaired = project.repaired(&failing(&named));
    assert_eq!(content(&repaired), code.replace("get('title')", "get('title', '')"));
    let told = "; 1 other failing tests stay, such as test_books.BooksTest.test_price";
    assert!(repaired.chosen.explanation.ends_with(told), "{}", repaired.chosen.explanation);
    assert_eq!(repaired.reproduction.unwrap().test_id.as_deref(), Some(named[0]));
}

#[test]
fn of_failing_tests_with_several_causes_the_one_that_the_last_commit_brought_is_repaired() {
    let code = "def first(words):\n    return words[0] if words else ''\n\n\ndef oldest():\n    return 1 + undefined_name_of_nothing\n\n\ndef last(words):\n    return words[len(words)]\n";
    let known = "import unittest\n\nfrom ends import first, oldest\n\n\nclass KnownTest(unittest.TestCase):\n    def test_first(self):\n        self.assertEqual(first(['a', 'b']), 'a')\n\n    def test_oldest(self):\n        self.assertEqual(oldest(), 918273)\n";
    let new = "import unittest\n\nfrom ends import last\n\n\nclass NewTest(unittest.TestCase):\n    def test_last(self):\n        self.assertEqual(last(['a', 'b']), 'b')\n\n    def test_one(self):\n        self.assertEqual(last(['a']), 'a')\n";
    let before: &[(&str, &str)] = &[("ends.py", code), ("test_known.py", known)];
    let project = Project::new(&[before, &[("test_new.py", new)]], Some(UNITTEST));
    let all = ["test_known.KnownTest.test_oldest", "test_new.NewTest.test_last", "test_new.NewTest.test_one"];
    let repaired = project.repaired(&failing(&all));
    assert_eq!(content(&repaired), code.replace("words[len(words)]", "words[len(words) - 1]"));
}

#[test]
fn a_test_that_does_its_work_in_another_process_says_nothing_about_a_candidate() {
    let code = "import sys\n\n\ndef twice(number):\n    return number * 3\n\n\nif __name__ == '__main__':\n    print(twice(int(sys.argv[1])))\n";
    let test = "import subprocess\nimport sys\nimport unittest\n\nfrom twice import twice\n\n\nclass TwiceTest(unittest.TestCase):\n    def test_call(self):\n        self.assertEqual(twice(4), 8)\n\n    def test_none(self):\n        self.assertEqual(twice(0), 0)\n\n    def test_program(self):\n        told = subprocess.check_output([sys.executable, 'twice.py', '5'])\n        self.assertEqual(told.strip(), b'10')\n";
    let project = Project::new(&[&[("twice.py", code), ("test_twice.py", test)]], Some(UNITTEST));
    let all = ["test_twice.TwiceTest.test_call", "test_twice.TwiceTest.test_program"];
    let repaired = project.repaired(&failing(&all));
    assert_eq!(content(&repaired), code.replace("number * 3", "number * 2"));
}

#[test]
fn each_case_of_a_table_of_cases_tells_where_the_mistake_is() {
    let code = "def fare(age, zone):\n    base = 25\n    if age < 6:\n        return 0\n    if zone == 'far':\n        return base + 24\n    return base\n";
    let test = "import unittest\n\nfrom fares import fare\n\n\nclass FareTest(unittest.TestCase):\n    def test_fares(self):\n        for age, zone, expected in [(3, 'near', 0), (5, 'far', 0), (40, 'near', 25), (40, 'far', 50)]:\n            with self.subTest(age=age, zone=zone):\n                self.assertEqual(fare(age, zone), expected)\n";
    let project = Project::new(&[&[("fares.py", code), ("test_fares.py", test)]], Some(UNITTEST));
    let repaired = project.repaired(&failing(&["test_fares.FareTest.test_fares"]));
    let ranked: Vec<u32> = repaired.root_cause.ranked.iter().map(|suspect| suspect.line).collect();
    assert_eq!(ranked.first(), Some(&6), "{ranked:?}");
}

#[test]
fn a_part_of_a_sum_that_the_function_has_elsewhere_is_put_in() {
    let code = "def free(seats, taken, kept):\n    if len(taken) + len(kept) >= seats:\n        return 0\n    return seats - len(taken)\n";
    let test = "import unittest\n\nfrom seats import free\n\n\nclass FreeTest(unittest.TestCase):\n    def test_kept(self):\n        self.assertEqual([free(5, [1], [2, 3]), free(4, [], [7]), free(9, [4, 5], [1, 2, 3])], [2, 3, 4])\n\n    def test_full(self):\n        self.assertEqual(free(2, [1], [2]), 0)\n";
    let project = Project::new(&[&[("seats.py", code), ("test_seats.py", test)]], Some(UNITTEST));
    let repaired = project.repaired(&failing(&["test_seats.FreeTest.test_kept"]));
    assert_eq!(content(&repaired), code.replace("- len(taken)\n", "- len(taken) - len(kept)\n"));
}

#[test]
fn what_the_last_turn_of_a_loop_carries_over_is_put_to_what_it_gathered() {
    let code = "def added(one, two):\n    digits = []\n    carry = 0\n    for a, b in zip(one, two):\n        carry, digit = divmod(a + b + carry, 10)\n        digits.append(digit)\n    return digits\n";
    let test = "import unittest\n\nfrom added import added\n\n\nclass AddedTest(unittest.TestCase):\n    def test_plain(self):\n        self.assertEqual(added([1, 2], [3, 4]), [4, 6])\n\n    def test_carried(self):\n        self.assertEqual(added([9], [1]), [0, 1])\n\n    def test_twice(self):\n        self.assertEqual(added([9, 9], [9, 9]), [8, 9, 1])\n";
    let project = Project::new(&[&[("added.py", code), ("test_added.py", test)]], Some(UNITTEST));
    let repaired =
        project.repaired(&failing(&["test_added.AddedTest.test_carried", "test_added.AddedTest.test_twice"]));
    assert_eq!(
        content(&repaired),
        code.replace("    return", "    if carry:\n        digits.append(carry)\n    return")
    );
}

#[test]
fn a_condition_that_never_holds_again_is_no_rival_of_the_right_edit() {
    let code = "\"\"\"A basket of goods.\"\"\"\nfrom dataclasses import dataclass, field\n\n\n@dataclass\nclass Line:\n    sku: str\n    price: int\n    quantity: int = 1\n\n\n@dataclass\nclass Cart:\n    lines: list = field(default_factory=list)\n    coupon: object = None\n\n    def add(self, sku, price, quantity=1):\n        for line in self.lines:\n            if line.sku == sku:\n                line.quantity = quantity\n                return line\n        line = Line(sku, price, quantity)\n        self.lines.append(line)\n        return line\n\n    def total(self):\n        total = sum(line.price * line.quantity for line in self.lines)\n        if self.coupon and self.coupon.startswith(\"P\"):\n            total -= total * int(self.coupon[1:]) // 100\n        return total\n\n    def heaviest(self):\n        return max(self.lines, key=lambda line: line.quantity)\n";
    let test = "import unittest\nfrom cart import Cart\n\n\nclass CartTest(unittest.TestCase):\n    def test_total(self):\n        cart = Cart()\n        cart.add(\"a\", 100, 2)\n        cart.add(\"b\", 50)\n        self.assertEqual(cart.total(), 250)\n\n    def test_adding_the_same_again(self):\n        cart = Cart()\n        cart.add(\"a\", 100, 2)\n        cart.add(\"a\", 100, 3)\n        self.assertEqual(cart.total(), 500)\n\n    def test_coupon(self):\n        cart = Cart(coupon=\"P10\")\n        cart.add(\"a\", 100, 2)\n        self.assertEqual(cart.total(), 180)\n";
    let project = Project::new(&[&[("cart.py", code), ("test_cart.py", test)]], Some(UNITTEST));
    let repaired = project.repaired(&failing(&["test_cart.CartTest.test_adding_the_same_again"]));
    assert_eq!(content(&repaired), code.replace("line.quantity = quantity", "line.quantity += quantity"));
    // `and not sku` passes because nothing is ever found again.
    assert_eq!(repaired.as_likely, None);
}

/// The program as the search leaves it, from what is wrong in it, its tests, and those that fail.
fn found(code: &str, wrong: (&str, &str), tests: &str, failing_tests: &[&str]) -> (String, String) {
    let broken = code.replace(wrong.0, wrong.1);
    assert_ne!(broken, code);
    let test = format!("import unittest\nimport prog\n\n\nclass ProgTest(unittest.TestCase):\n{tests}");
    let project = Project::new(&[&[("prog.py", &broken), ("test_prog.py", &test)]], Some(UNITTEST));
    let named: Vec<String> = failing_tests.iter().map(|name| format!("test_prog.ProgTest.{name}")).collect();
    let repaired = project.repaired(&failing(&named.iter().map(String::as_str).collect::<Vec<_>>()));
    (content(&repaired), code.to_owned())
}

#[test]
fn a_part_that_the_function_was_to_be_applied_to_again_is() {
    let code = "def size(folder):\n    total = 0\n    for part in folder:\n        if isinstance(part, list):\n            total += size(part)\n        else:\n            total += part\n    return total\n\n\ndef names(tree):\n    if isinstance(tree, str):\n        return [tree]\n    out = []\n    for branch in tree:\n        out += names(branch)\n    return out\n";
    let tests = "    def test_one(self):\n        self.assertEqual(prog.names(\"oak\"), [\"oak\"])\n\n    def test_deep(self):\n        self.assertEqual(prog.names([\"oak\", [\"elm\", [\"yew\"]]]), [\"oak\", \"elm\", \"yew\"])\n\n    def test_flat(self):\n        self.assertEqual(prog.names([\"oak\", \"ash\"]), [\"oak\", \"ash\"])\n";
    let (repaired, right) = found(code, ("names(branch)", "branch"), tests, &["test_deep", "test_flat"]);
    assert_eq!(repaired, right);
}

#[test]
fn the_larger_of_a_number_and_what_the_condition_compared_is_taken() {
    let code = "def stays(visits):\n    out = []\n    for come, gone in sorted(visits):\n        if out and come <= out[-1][1]:\n            out[-1] = (out[-1][0], max(out[-1][1], gone))\n        else:\n            out.append((come, gone))\n    return out\n";
    let tests = "    def test_apart(self):\n        self.assertEqual(prog.stays([(5, 6), (1, 2)]), [(1, 2), (5, 6)])\n\n    def test_over(self):\n        self.assertEqual(prog.stays([(1, 4), (3, 7)]), [(1, 7)])\n\n    def test_within(self):\n        self.assertEqual(prog.stays([(1, 9), (3, 4), (8, 8)]), [(1, 9)])\n";
    let (repaired, right) = found(code, ("max(out[-1][1], gone)", "gone"), tests, &["test_within"]);
    assert_eq!(repaired, right);
}

#[test]
fn a_flag_that_was_forgotten_is_given() {
    let code = "from collections import OrderedDict\n\n\nclass Recent:\n    def __init__(self, most):\n        self.most = most\n        self.kept = OrderedDict()\n\n    def see(self, name):\n        self.kept.pop(name, None)\n        self.kept[name] = True\n        while len(self.kept) > self.most:\n            self.kept.popitem(last=False)\n        return list(self.kept)\n";
    let tests = "    def test_few(self):\n        self.assertEqual(prog.Recent(3).see(\"a\"), [\"a\"])\n\n    def test_oldest_goes(self):\n        recent = prog.Recent(2)\n        for name in \"abac\":\n            seen = recent.see(name)\n        self.assertEqual(seen, [\"a\", \"c\"])\n\n    def test_last_stays(self):\n        recent = prog.Recent(1)\n        recent.see(\"a\")\n        self.assertEqual(recent.see(\"b\"), [\"b\"])\n";
    let (repaired, right) = found(code, ("last=False", ""), tests, &["test_oldest_goes", "test_last_stays"]);
    assert_eq!(repaired, right);
}
