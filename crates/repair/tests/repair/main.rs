//! Real defects in small repositories, reproduced and repaired in the real sandbox.

#![allow(clippy::print_stderr, reason = "the steps of a failed repair are what one needs to see")]
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod culprit;
mod ecosystem;
mod failing;
mod javascript;
mod learned;
mod printed;
mod project;
mod rules;

use groundcrew_core::evidence::ChangeKind;
use groundcrew_repair::differential::compare;
use groundcrew_repair::reproduce::{ReproOutcome, run_reproduction};
use groundcrew_repair::{Facts, RepairOutcome};
use project::{Project, content, incident};

const UNITTEST: &[&str] = &["python3", "-m", "unittest", "-q"];

const STOCK: &str = "def receive(levels, lines):\n    for line in lines:\n        levels[line['sku']] += line['quantity']\n    return levels\n";
const DESK: &str = "from shop import stock\n\n\nclass Shop:\n    def __init__(self, levels):\n        self.levels = dict(levels)\n\n\ndef handle(shop, method, path, body):\n    if path == '/deliveries' and method == 'POST':\n        return stock.receive(shop.levels, body['lines'])\n    return None\n";
const DESK_TEST: &str = "import unittest\n\nfrom shop import desk\n\n\nclass DeskTest(unittest.TestCase):\n    def test_delivery(self):\n        shop = desk.Shop({'A': 1, 'B': 2})\n        body = {'lines': [{'sku': 'A', 'quantity': 2}]}\n        self.assertEqual(desk.handle(shop, 'POST', '/deliveries', body), {'A': 3, 'B': 2})\n";

fn counter() -> (Project, Facts) {
    let project = Project::new(
        &[&[
            ("shop/__init__.py", ""),
            ("shop/stock.py", STOCK),
            ("shop/desk.py", DESK),
            ("tests/__init__.py", ""),
            ("tests/test_desk.py", DESK_TEST),
        ]],
        Some(UNITTEST),
    );
    let facts = incident(
        "KeyError",
        "'NEW-1'",
        &[
            ("shop/stock.py", 3, "receive", "levels[line['sku']] += line['quantity']"),
            ("shop/desk.py", 11, "handle", "return stock.receive(shop.levels, body['lines'])"),
        ],
        &["INFO start", "INFO request POST /deliveries {\"lines\": [{\"sku\": \"NEW-1\", \"quantity\": 7}]}"],
    );
    (project, facts)
}

#[test]
fn a_missing_count_starts_at_nothing_and_the_logged_request_proves_it() {
    let (project, facts) = counter();
    let repaired = project.repaired(&facts);
    assert_eq!(repaired.chosen.kind, ChangeKind::Cause);
    assert_eq!(
        content(&repaired),
        STOCK.replace(
            "levels[line['sku']] += line['quantity']",
            "levels[line['sku']] = levels.get(line['sku'], 0) + line['quantity']"
        )
    );
    assert_eq!(repaired.others.len(), 1, "a guard is kept beside it");
    let notes = &repaired.behaviour_notes;
    assert!(notes.iter().any(|note| note.contains("shop.stock.receive(")), "where they differ: {notes:?}");
    let reproduction = repaired.reproduction.clone().unwrap();
    assert_eq!(reproduction.kind, "logged_input");
    assert_eq!(reproduction.call, "shop.stock.receive({}, [{'sku': 'NEW-1', 'quantity': 7}])");
    let test = reproduction.regression_test.clone().unwrap();
    assert!(test.content.contains("self.assertEqual(result, {'NEW-1': 7})"), "{}", test.content);
    for run in run_reproduction(&project.bench, &project.head, &reproduction, 3).unwrap() {
        assert_eq!(run.outcome, ReproOutcome::FailedAsIncident);
        assert!(run.loaded_from_checkout("shop/stock.py"));
    }
    let mut changes = repaired.chosen.changes.clone();
    let head = project.bench.repository.commit(&project.head, &changes, "Fix", 0).unwrap();
    let after = run_reproduction(&project.bench, &head, &reproduction, 3).unwrap();
    assert!(after.iter().all(|run| run.outcome == ReproOutcome::Passed), "{after:?}");
    let test_change =
        groundcrew_workbench::git::Change::write(test.path.parse().unwrap(), test.content.clone());
    let before = project.bench.suite(&project.head, std::slice::from_ref(&test_change)).unwrap().unwrap();
    assert_eq!(
        before.bad().into_iter().collect::<Vec<_>>(),
        [test.id.as_str()],
        "the test fails on the base"
    );
    changes.push(test_change);
    let after = project.bench.suite(&project.head, &changes).unwrap().unwrap();
    assert!(after.is_green(), "{after:?}");
}

#[test]
fn a_patch_of_an_earlier_round_is_not_tried_again() {
    let (project, facts) = counter();
    let first = project.repaired(&facts);
    let again = Facts {
        tried: vec![first.chosen.patch_hash.clone()],
        reproduction: first.reproduction.clone(),
        ..facts
    };
    let second = project.repaired(&again);
    assert!(second.candidates.iter().all(|candidate| candidate.patch_hash != first.chosen.patch_hash));
    assert_eq!(second.chosen.kind, ChangeKind::SymptomGuard);
    let test = second.reproduction.unwrap().regression_test.unwrap().content;
    assert!(!test.contains("assertEqual"), "the first patch's value is not asserted of the second: {test}");
}

#[test]
fn tests_that_wreck_their_work_tree_do_not_hinder_the_search() {
    let wreck = "import pathlib, unittest\nfrom shop import desk\n\n\nclass Wreck(unittest.TestCase):\n    def test_wreck(self):\n        for file in pathlib.Path('shop').glob('*.py'):\n            file.unlink()\n";
    let project = Project::new(
        &[&[
            ("shop/__init__.py", ""),
            ("shop/stock.py", STOCK),
            ("shop/desk.py", DESK),
            ("tests/__init__.py", ""),
            ("tests/test_wreck.py", wreck),
        ]],
        Some(UNITTEST),
    );
    let repaired = project.repaired(&counter().1);
    assert_eq!(repaired.chosen.kind, ChangeKind::Cause);
    assert!(content(&repaired).contains("levels.get(line['sku'], 0)"), "{}", content(&repaired));
}

#[test]
fn an_operator_that_cures_one_input_and_breaks_another_is_not_taken() {
    let code = "def fee(amount, kind):\n    if kind == 'card':\n        rate = 0.02\n    elif kind == 'cash':\n        rate = 0.0\n    return round(amount * rate, 2)\n";
    let test = "import unittest\nimport fees\n\n\nclass T(unittest.TestCase):\n    def test_card(self):\n        self.assertEqual(fees.fee(100, 'card'), 2.0)\n";
    let project = Project::new(&[&[("fees.py", code), ("test_fees.py", test)]], Some(UNITTEST));
    let facts = incident(
        "UnboundLocalError",
        "cannot access local variable 'rate' where it is not associated with a value",
        &[("fees.py", 6, "fee", "return round(amount * rate, 2)")],
        &["INFO handling (10, 'cheque')"],
    );
    let RepairOutcome::NoFix { tried, .. } = project.repair(&facts) else {
        panic!("what a cheque costs is for a person to say");
    };
    let why = "breaks what was right: fees.fee(1, 'cash'): was 0.0, is raises UnboundLocalError";
    assert!(tried.iter().any(|candidate| candidate.outcome == why), "{tried:#?}");
    let broken = code.replace("kind == 'cash'", "kind != 'cash'");
    let change = groundcrew_workbench::git::Change::write("fees.py".parse().unwrap(), broken);
    let head = project.bench.repository.commit(&project.head, &[change], "Broken", 0).unwrap();
    let compared = compare(&project.bench, &project.head, &head).unwrap();
    assert!(compared.now_raises.contains("UnboundLocalError"), "{compared:?}");
}

#[test]
fn a_range_one_too_long_is_shortened() {
    let code = "def moving(values, width):\n    found = []\n    for start in range(len(values) - width + 2):\n        found.append((values[start] + values[start + width - 1]) / 2)\n    return found\n\n\ndef pairs(values):\n    found = []\n    for i in range(len(values)):\n        found.append((values[i], values[i + 1]))\n    return found\n";
    let test = "import unittest\nimport maths\n\n\nclass T(unittest.TestCase):\n    def test_none(self):\n        self.assertEqual(maths.pairs([]), [])\n";
    let project = Project::new(&[&[("maths.py", code), ("test_maths.py", test)]], Some(UNITTEST));
    let facts = incident(
        "IndexError",
        "list index out of range",
        &[("maths.py", 11, "pairs", "found.append((values[i], values[i + 1]))")],
        &["INFO job pairs values=[3, 4, 5]"],
    );
    let repaired = project.repaired(&facts);
    assert_eq!(repaired.chosen.kind, ChangeKind::Cause);
    assert_eq!(content(&repaired), code.replace("range(len(values)):", "range(len(values) - 1):"));
}

#[test]
fn a_made_up_input_that_is_wrong_itself_does_not_rule_out_the_repair_of_the_logged_one_and_is_told() {
    let code = "def newest(items):\n    return items[len(items)]\n\n\ndef page(items, number, size):\n    return items[(number - 1) * size:number * size]\n\n\ndef summary(items, size):\n    return {'pages': len(items) // size, 'newest': newest(items)}\n";
    let test = "import unittest\nimport lists\n\n\nclass T(unittest.TestCase):\n    def test_page(self):\n        self.assertEqual(lists.page([1, 2, 3, 4], 2, 2), [3, 4])\n";
    let project = Project::new(&[&[("lists.py", code), ("test_lists.py", test)]], Some(UNITTEST));
    let facts = incident(
        "IndexError",
        "list index out of range",
        &[
            ("lists.py", 2, "newest", "return items[len(items)]"),
            ("lists.py", 10, "summary", "return {'pages': len(items) // size, 'newest': newest(items)}"),
        ],
        &["INFO handling {'items': ['a', 'b', 'c'], 'size': 2}"],
    );
    let repaired = project.repaired(&facts);
    assert_eq!(content(&repaired), code.replace("items[len(items)]", "items[len(items) - 1]"));
    assert_eq!(repaired.chosen.kind, ChangeKind::Cause);
    let told = &repaired.chosen.explanation;
    assert!(told.ends_with("the error stays for made-up lists.newest([])"), "{told}");
}

#[test]
fn a_number_in_a_text_is_converted_without_any_suite() {
    let code = "def label(name: str, count: int) -> str:\n    return name + ': ' + count\n";
    let project = Project::new(&[&[("labels.py", code)]], None);
    let facts = incident(
        "TypeError",
        "can only concatenate str (not \"int\") to str",
        &[("labels.py", 2, "label", "return name + ': ' + count")],
        &[],
    );
    let repaired = project.repaired(&facts);
    assert_eq!(content(&repaired), code.replace("+ count", "+ str(count)"));
    assert_eq!(repaired.reproduction.unwrap().kind, "generated_call");
}

#[test]
fn a_misspelt_name_is_a_typo() {
    let code = "def total(prices, discount=0):\n    result = sum(prices)\n    if discount:\n        result -= discuont\n    return result\n";
    let test = "import unittest\nimport till\n\n\nclass T(unittest.TestCase):\n    def test_plain(self):\n        self.assertEqual(till.total([1, 2]), 3)\n";
    let project = Project::new(&[&[("till.py", code), ("test_till.py", test)]], Some(UNITTEST));
    let facts = incident(
        "NameError",
        "name 'discuont' is not defined",
        &[("till.py", 4, "total", "result -= discuont")],
        &[],
    );
    let repaired = project.repaired(&facts);
    assert!(repaired.chosen.one_line_typo);
    assert_eq!(content(&repaired), code.replace("discuont", "discount"));
}

#[test]
fn a_regression_by_one_small_commit_is_undone() {
    let right = "SIZE = 6\n\n\ndef boxes(items):\n    return [items[at:at + SIZE] for at in range(0, len(items), SIZE)]\n";
    let wrong = "SIZE = 6\n\n\ndef boxes(items):\n    found = [[] for _ in range(round(len(items) / SIZE) or 1)]\n    for at, item in enumerate(items):\n        found[at // SIZE].append(item)\n    return found\n";
    let test = "import unittest\nimport pack\n\n\nclass T(unittest.TestCase):\n    def test_full(self):\n        self.assertEqual(pack.boxes(list('abcdef')), [list('abcdef')])\n";
    let project = Project::new(
        &[&[("pack.py", right), ("test_pack.py", test)], &[("pack.py", wrong)], &[("other.py", "X = 1\n")]],
        Some(UNITTEST),
    );
    let facts = incident(
        "IndexError",
        "list index out of range",
        &[("pack.py", 7, "boxes", "found[at // SIZE].append(item)")],
        &[],
    );
    let repaired = project.repaired(&facts);
    assert_eq!(repaired.chosen.kind, ChangeKind::Revert);
    assert_eq!(content(&repaired), right);
    assert!(repaired.chosen.reverts.is_some());
    let test = repaired.reproduction.unwrap().regression_test.unwrap();
    assert!(test.content.contains("# Expected: the value before commit"), "{}", test.content);
}

#[test]
fn a_test_that_fails_already_is_the_reproduction() {
    let code = "def first(values):\n    return values[0]\n";
    let test = "import unittest\nimport heads\n\n\nclass T(unittest.TestCase):\n    def test_empty(self):\n        self.assertIsNone(heads.first([]))\n\n    def test_one(self):\n        self.assertEqual(heads.first([1]), 1)\n";
    let project = Project::new(&[&[("heads.py", code), ("test_heads.py", test)]], Some(UNITTEST));
    let facts = incident(
        "IndexError",
        "list index out of range",
        &[("heads.py", 2, "first", "return values[0]")],
        &[],
    );
    let repaired = project.repaired(&facts);
    let reproduction = repaired.reproduction.unwrap();
    assert_eq!(
        (reproduction.kind.as_str(), reproduction.test_id.as_deref()),
        ("test", Some("test_heads.T.test_empty"))
    );
    assert_eq!(repaired.chosen.kind, ChangeKind::SymptomGuard, "what an empty list should give is not known");
}

#[test]
fn what_cannot_be_made_to_happen_again_is_not_repaired() {
    let code = "import time\n\n\ndef check(name):\n    if time.time() < 0:\n        raise KeyError(name)\n    return name\n";
    let project = Project::new(&[&[("clock.py", code)]], None);
    let facts = incident("KeyError", "'x'", &[("clock.py", 6, "check", "raise KeyError(name)")], &[]);
    let RepairOutcome::NoRepro { root_cause: Some(root_cause), reason } = project.repair(&facts) else {
        panic!("nothing may be proposed")
    };
    assert_eq!((root_cause.file.as_str(), root_cause.line), ("clock.py", 6));
    assert!(reason.contains("calls"), "{reason}");
}

#[test]
fn the_same_exception_in_another_function_does_not_count() {
    let code = "def inner(d):\n    return d['a']\n\n\ndef outer(d, flag):\n    value = inner(d)\n    if flag == 'never-this-one-1f3a':\n        value = d['b']\n    return value\n";
    let project = Project::new(&[&[("two.py", code)]], None);
    let facts = incident("KeyError", "'b'", &[("two.py", 8, "outer", "value = d['b']")], &[]);
    match project.repair(&facts) {
        RepairOutcome::NoRepro { .. } => {}
        RepairOutcome::Patch(repaired) => {
            let reproduction = repaired.reproduction.unwrap();
            assert_eq!(reproduction.function, "outer");
            let runs = run_reproduction(&project.bench, &project.head, &reproduction, 1).unwrap();
            assert_eq!(runs[0].outcome, ReproOutcome::FailedAsIncident);
        }
        RepairOutcome::NoFix { reproduction, .. } => assert_eq!(reproduction.function, "outer"),
        other @ (RepairOutcome::Refused { .. } | RepairOutcome::NotSupported { .. }) => {
            panic!("no rule stands in the way: {other:#?}")
        }
    }
}

#[test]
fn an_incident_of_another_program_is_told_as_such() {
    let (project, _) = counter();
    let facts = incident("KeyError", "'x'", &[("elsewhere/main.py", 1, "main", "run()")], &[]);
    assert_eq!(
        project.repair(&facts),
        RepairOutcome::NoRepro {
            root_cause: None,
            reason: "no frame of the stack lies in a file of the repository".into()
        }
    );
}

#[test]
fn the_checkout_of_the_user_is_left_as_it_was() {
    let (project, facts) = counter();
    project.repaired(&facts);
    assert_eq!(std::fs::read_to_string(project.top().join("shop/stock.py")).unwrap(), STOCK);
    assert_eq!(project.bench.repository.head().unwrap().commit, project.head);
    assert_eq!(project.bench.repository.worktrees(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_repair_is_compared_on_inputs_that_were_right() {
    let (project, facts) = counter();
    let repaired = project.repaired(&facts);
    let base = &project.head;
    let fixed = project.bench.repository.commit(base, &repaired.chosen.changes, "Fix", 0).unwrap();
    let equal = compare(&project.bench, base, &fixed).unwrap();
    assert!(equal.compared > 20, "{equal:?}");
    assert_eq!((equal.differing, equal.reason), (Vec::new(), None));
    let other = STOCK.replace("+= line['quantity']", "= line['quantity']");
    let changes = [groundcrew_workbench::git::Change::write("shop/stock.py".parse().unwrap(), other)];
    let wrong = project.bench.repository.commit(base, &changes, "Wrong", 0).unwrap();
    let differs = compare(&project.bench, base, &wrong).unwrap();
    assert!(
        differs.differing.contains(
            &"shop.stock.receive({'A': 1, 'B': 2}, [{'sku': 'A', 'quantity': 2}]): was {'A': 3, 'B': 2}, is {'A': 2, 'B': 2}"
                .to_owned()
        ),
        "{differs:?}"
    );
}

const BAG: &str = "def price(bag):\n    \"\"\"Price of a bag in cents.\"\"\"\n    return bag[\"price\"] * bag.get(\"count\", 1)\n\n\ndef total(bags):\n    return sum(price(bag) for bag in bags)\n";
const BAG_TEST: &str = "import unittest\n\nimport app\n\n\nclass BagTest(unittest.TestCase):\n    def test_price(self):\n        self.assertEqual(app.price({\"price\": 3}), 3)\n\n    def test_total(self):\n        self.assertEqual(app.total([{\"price\": 3, \"count\": 2}, {\"price\": 5}]), 11)\n";

#[test]
fn a_missing_price_is_a_number_and_not_a_text_that_can_be_multiplied_too() {
    let project = Project::new(
        &[&[("app.py", BAG), ("tests/__init__.py", ""), ("tests/test_app.py", BAG_TEST)]],
        Some(UNITTEST),
    );
    let facts = incident(
        "KeyError",
        "'price'",
        &[
            ("app.py", 3, "price", "return bag[\"price\"] * bag.get(\"count\", 1)"),
            ("app.py", 7, "total", "return sum(price(bag) for bag in bags)"),
        ],
        &["INFO start"],
    );
    let repaired = project.repaired(&facts);
    assert_eq!(content(&repaired), BAG.replace("bag[\"price\"]", "bag.get(\"price\", 0)"));
    assert_eq!(repaired.chosen.kind, ChangeKind::SymptomGuard);
}

const LABEL: &str =
    "def label(user):\n    return user[\"name\"].title() + \" <\" + user.get(\"mail\", \"\") + \">\"\n";
const LABEL_TEST: &str = "import unittest\n\nimport app\n\n\nclass LabelTest(unittest.TestCase):\n    def test_label(self):\n        self.assertEqual(app.label({\"name\": \"ann\", \"mail\": \"a@x\"}), \"Ann <a@x>\")\n";

#[test]
fn guards_that_are_at_odds_about_the_failing_input_are_both_kept_and_told_apart() {
    let project = Project::new(
        &[&[("app.py", LABEL), ("tests/__init__.py", ""), ("tests/test_app.py", LABEL_TEST)]],
        Some(UNITTEST),
    );
    let statement = "return user[\"name\"].title() + \" <\" + user.get(\"mail\", \"\") + \">\"";
    let facts = incident("KeyError", "'name'", &[("app.py", 2, "label", statement)], &["INFO start"]);
    let repaired = project.repaired(&facts);
    assert_eq!(content(&repaired), LABEL.replace("user[\"name\"]", "user.get(\"name\", \"\")"));
    assert_eq!(repaired.others.len(), 1);
    assert_eq!(repaired.others[0].explanation, "leaves early with \"\" if \"name\" not in user");
    let call = repaired.reproduction.clone().unwrap().call;
    let (was, is) = (repaired.chosen.value.clone().unwrap(), repaired.others[0].value.clone().unwrap());
    assert_eq!(is, "''");
    assert_eq!(
        repaired.behaviour_notes,
        [format!(
            "another candidate (leaves early with \"\" if \"name\" not in user) differs: {call}: was {was}, is {is}"
        )]
    );
}
