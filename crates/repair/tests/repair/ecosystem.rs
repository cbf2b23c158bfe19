//! What a linter of the ecosystem holds for safe is tried, and counts only where the tests say so.

use groundcrew_core::audit::NoRecorder;
use groundcrew_core::evidence::ChangeKind;
use groundcrew_repair::Facts;
use groundcrew_workbench::python::Python;

use crate::UNITTEST;
use crate::project::{Project, content};

#[test]
fn a_comparison_that_ruff_holds_for_wrong_is_put_right_and_its_other_complaints_are_left() {
    let Some(named) = std::env::var_os("GROUNDCREW_TEST_RUFF") else {
        eprintln!("SKIPPED: no interpreter whose environment has ruff is named by GROUNDCREW_TEST_RUFF");
        return;
    };
    let code = "import os\n\n\ndef label(parts):\n    word = ''.join(parts)\n    if word is 'round':\n        return 'circle'\n    return word\n";
    let test = "import unittest\n\nfrom labels import label\n\n\nclass LabelTest(unittest.TestCase):\n    def test_round(self):\n        self.assertEqual(label(['ro', 'und']), 'circle')\n\n    def test_other(self):\n        self.assertEqual(label(['a', 'b']), 'ab')\n";
    let mut project = Project::new(&[&[("labels.py", code), ("test_labels.py", test)]], Some(UNITTEST));
    project.bench.python = Python::at(named.as_ref(), &project.bench.sandbox, &NoRecorder).unwrap();
    let failing_tests = vec!["test_labels.LabelTest.test_round".to_owned()];
    let repaired = project.repaired(&Facts { failing_tests, ..Facts::default() });
    assert_eq!(content(&repaired), code.replace("word is 'round'", "word == 'round'"));
    assert_eq!(
        (repaired.chosen.strategy.as_str(), repaired.chosen.kind),
        ("ecosystem:ruff", ChangeKind::Cause)
    );
    assert!(repaired.chosen.explanation.contains("F632"), "{}", repaired.chosen.explanation);
}
