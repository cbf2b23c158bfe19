import unittest

from roastery import shipping


class PackTest(unittest.TestCase):
    def test_small_order_takes_one_box(self):
        lines = [{"sku": "ETH-250", "quantity": 3}, {"sku": "DEC-250", "quantity": 1}]
        self.assertEqual(shipping.pack(lines), [["ETH-250", "ETH-250", "ETH-250", "DEC-250"]])

    def test_a_full_box(self):
        self.assertEqual(shipping.pack([{"sku": "COL-250", "quantity": 6}]), [["COL-250"] * 6])

    def test_two_boxes_in_the_order_of_the_lines(self):
        lines = [{"sku": "COL-250", "quantity": 5}, {"sku": "SUM-250", "quantity": 7}]
        self.assertEqual(shipping.pack(lines), [["COL-250"] * 5 + ["SUM-250"], ["SUM-250"] * 6])


class PostageTest(unittest.TestCase):
    def test_one_box(self):
        self.assertEqual(shipping.postage([{"sku": "ETH-250", "quantity": 2}], "city"), 390)

    def test_three_boxes(self):
        self.assertEqual(shipping.postage([{"sku": "ETH-250", "quantity": 18}], "abroad"), 3 * 1490)
