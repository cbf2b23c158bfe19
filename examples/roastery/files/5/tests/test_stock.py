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


class ReserveTest(unittest.TestCase):
    def test_takes_bags_off(self):
        levels = {"ETH-250": 10, "COL-250": 4}
        stock.reserve(levels, [{"sku": "ETH-250", "quantity": 10}, {"sku": "COL-250", "quantity": 1}])
        self.assertEqual(levels, {"ETH-250": 0, "COL-250": 3})

    def test_names_what_is_short(self):
        with self.assertRaisesRegex(stock.OutOfStock, "4 of COL-250 left, 5 wanted"):
            stock.reserve({"COL-250": 4}, [{"sku": "COL-250", "quantity": 5}])


class RunningLowTest(unittest.TestCase):
    def test_names_products_below_the_mark(self):
        lines = [{"sku": "ETH-250", "quantity": 1}, {"sku": "COL-250", "quantity": 1}]
        self.assertEqual(stock.running_low({"ETH-250": 6, "COL-250": 5}, lines), ["COL-250"])


class ListingTest(unittest.TestCase):
    def test_sorted_by_stock_code(self):
        self.assertEqual(
            stock.listing({"SUM-250": 2, "COL-250": 5}),
            [{"sku": "COL-250", "bags": 5}, {"sku": "SUM-250", "bags": 2}],
        )
