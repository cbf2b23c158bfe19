import unittest

from roastery import stock


class ReceiveTest(unittest.TestCase):
    def test_adds_to_the_shelf(self):
        levels = stock.receive({"ETH-250": 10}, [{"sku": "ETH-250", "quantity": 6}])
        self.assertEqual(levels, {"ETH-250": 16})

    def test_several_lines(self):
        levels = stock.receive(
            {"ETH-250": 10, "COL-250": 0, "DEC-250": 3},
            [{"sku": "COL-250", "quantity": 12}, {"sku": "DEC-250", "quantity": 1}],
        )
        self.assertEqual(levels, {"ETH-250": 10, "COL-250": 12, "DEC-250": 4})


class ListingTest(unittest.TestCase):
    def test_sorted_by_stock_code(self):
        self.assertEqual(
            stock.listing({"SUM-250": 2, "COL-250": 5}),
            [{"sku": "COL-250", "bags": 5}, {"sku": "SUM-250", "bags": 2}],
        )
