//! Inputs that the stack trace itself shows, and stand-ins for what cannot be made.

use groundcrew_core::evidence::ChangeKind;
use groundcrew_core::trace::Frame;
use groundcrew_repair::RepairOutcome;

use crate::project::{Project, content, incident};

fn script_frame(source: &str) -> Frame {
    Frame {
        module: None,
        file: Some("/srv/jobs/nightly.py".into()),
        line: Some(7),
        function: Some("<module>".into()),
        source: Some(source.into()),
        in_app: true,
    }
}

#[test]
fn a_call_that_the_trace_prints_is_made_again_with_the_objects_it_names() {
    let kinds = "class Order:\n    def __init__(self, text, count):\n        self.text = text\n        self.count = count\n";
    let code = "import re\n\n\ndef number(order):\n    return int(re.findall(r'no \"([0-9]+)\"', order.text)[0]) * order.count\n";
    let files = [("shop/__init__.py", ""), ("shop/kinds.py", kinds), ("shop/numbers.py", code)];
    let project = Project::new(&[&files], None);
    let line = "return int(re.findall(r'no \"([0-9]+)\"', order.text)[0]) * order.count";
    let mut facts =
        incident("IndexError", "list index out of range", &[("shop/numbers.py", 5, "number", line)], &[]);
    facts.trace.frames.push(script_frame("print(number(Order('no \"4 \"', 2)))"));
    let repaired = project.repaired(&facts);
    let reproduction = repaired.reproduction.clone().unwrap();
    assert_eq!(reproduction.kind, "logged_input");
    assert_eq!(reproduction.call, "shop.numbers.number(shop.kinds.Order('no \"4 \"', 2))");
    assert_eq!(reproduction.origin, "a call as the stack trace prints it");
    assert_eq!(content(&repaired), code.replace("([0-9]+)", "([^\\\"]+)"));
}

#[test]
fn an_abstract_object_is_stood_in_for_and_that_is_said() {
    let code = "import abc\n\n\nclass Copy(abc.ABC):\n    @abc.abstractmethod\n    def columns(self):\n        pass\n\n    def names(self, cursor):\n        if len(self.columns) > 0:\n            cursor.execute(self.columns[0])\n        return cursor.rows()\n";
    let project = Project::new(&[&[("copying.py", code)]], None);
    let message = "object of type 'NoneType' has no len()";
    let facts =
        incident("TypeError", message, &[("copying.py", 10, "names", "if len(self.columns) > 0:")], &[]);
    let repaired = project.repaired(&facts);
    assert_eq!(repaired.chosen.kind, ChangeKind::SymptomGuard);
    let reproduction = repaired.reproduction.unwrap();
    assert!(reproduction.call.contains("MagicMock(columns=None)"), "{}", reproduction.call);
    assert!(reproduction.origin.contains("stand-ins"), "{}", reproduction.origin);
}

#[test]
fn a_condition_is_not_turned_around_to_avoid_an_attribute_that_one_way_never_sets() {
    let code = "class Bar:\n    def __init__(self, items=None, total=None, off=False):\n        self.items = items\n        if off:\n            return\n        self.total = total\n\n    def __len__(self):\n        return self.total if self.items is None else len(self.items)\n";
    let project = Project::new(&[&[("bar.py", code)]], None);
    let line = "return self.total if self.items is None else len(self.items)";
    let message = "'Bar' object has no attribute 'total'";
    let facts = incident("AttributeError", message, &[("bar.py", 9, "__len__", line)], &[]);
    let repaired = project.repaired(&facts);
    assert_eq!(repaired.chosen.kind, ChangeKind::Cause);
    assert_eq!(
        content(&repaired),
        code.replace("            return\n", "            self.total = total\n            return\n")
    );
}

#[test]
fn an_operator_that_calls_a_method_is_read_off_the_trace_too() {
    let code = "class Shelf:\n    def __init__(self, levels):\n        self.levels = levels\n\n    def __getitem__(self, sku):\n        return self.levels[sku.strip()]\n";
    let project = Project::new(&[&[("shelf.py", code)]], None);
    let message = "'int' object has no attribute 'strip'";
    let line = "return self.levels[sku.strip()]";
    let mut facts = incident("AttributeError", message, &[("shelf.py", 6, "__getitem__", line)], &[]);
    facts.trace.frames.push(script_frame("print(Shelf({4711: 2})[4711])"));
    let reproduction = match project.repair(&facts) {
        RepairOutcome::Patch(repaired) => repaired.reproduction.unwrap(),
        RepairOutcome::NoFix { reproduction, .. } => *reproduction,
        other @ (RepairOutcome::NoRepro { .. }
        | RepairOutcome::Refused { .. }
        | RepairOutcome::NotSupported { .. }) => panic!("it can be reproduced: {other:#?}"),
    };
    assert_eq!(reproduction.call, "shelf.Shelf({4711: 2}).__getitem__(4711)");
}
