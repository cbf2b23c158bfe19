import unittest

from roastery import validation
from roastery.validation import ValidationError


class LinesTest(unittest.TestCase):
    def test_keeps_sku_and_quantity(self):
        body = {"lines": [{"sku": "ETH-250", "quantity": 2, "note": "gift"}]}
        self.assertEqual(validation.lines(body), [{"sku": "ETH-250", "quantity": 2}])

    def test_refuses_unknown_product(self):
        with self.assertRaisesRegex(ValidationError, "unknown product 'TEA-250'"):
            validation.lines({"lines": [{"sku": "TEA-250", "quantity": 1}]})

    def test_refuses_odd_quantities(self):
        for quantity in (0, -1, 501, "2", 1.5, True, None):
            with self.subTest(quantity=quantity), self.assertRaises(ValidationError):
                validation.lines({"lines": [{"sku": "ETH-250", "quantity": quantity}]})

    def test_refuses_a_product_twice(self):
        line = {"sku": "ETH-250", "quantity": 1}
        with self.assertRaisesRegex(ValidationError, "listed twice"):
            validation.lines({"lines": [line, line]})

    def test_refuses_no_lines(self):
        for lines in (None, [], "ETH-250"):
            with self.subTest(lines=lines), self.assertRaises(ValidationError):
                validation.lines({"lines": lines})


class TextTest(unittest.TestCase):
    def test_trims(self):
        self.assertEqual(validation.text({"supplier": " Nordhafen "}, "supplier"), "Nordhafen")

    def test_refuses_blank(self):
        with self.assertRaisesRegex(ValidationError, "supplier must be a text"):
            validation.text({"supplier": "  "}, "supplier")
