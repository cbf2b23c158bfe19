//! What the repository's own past fixes did is done again where the crash has the same shape.

use crate::UNITTEST;
use crate::project::{Project, content, incident};

#[test]
fn what_an_earlier_fix_did_elsewhere_is_done_at_a_crash_of_its_shape() {
    let prices = "def price(prices, name):\n    return prices[name]\n";
    let rates = "def rate(rates, code):\n    return rates[code]\n";
    let test = "import unittest\n\nfrom rates import rate\n\n\nclass RateTest(unittest.TestCase):\n    def test_small(self):\n        self.assertEqual(rate({'eur': 2}, 'eur'), 2)\n\n    def test_large(self):\n        self.assertEqual(rate({'eur': 2}, 'EUR'), 2)\n";
    let mended = prices.replace("prices[name]", "prices[name.lower()]");
    let project = Project::with_messages(
        &[
            ("Begin", &[("prices.py", prices), ("rates.py", rates), ("test_rates.py", test)]),
            ("Fix names in capitals", &[("prices.py", &mended)]),
        ],
        Some(UNITTEST),
    );
    let frames = [("rates.py", 2, "rate", "return rates[code]")];
    let repaired = project.repaired(&incident("KeyError", "'EUR'", &frames, &[]));
    assert_eq!(content(&repaired), rates.replace("rates[code]", "rates[code.lower()]"));
    assert_eq!(repaired.chosen.strategy, "learned");
    assert!(
        repaired.chosen.explanation.ends_with("(Fix names in capitals)"),
        "{}",
        repaired.chosen.explanation
    );
}
