import unittest

from roastery import routes
from roastery.storage import Shop
from roastery.validation import ValidationError


class RoutesTest(unittest.TestCase):
    def setUp(self):
        self.shop = Shop({"COL-250": 8, "ETH-250": 20})

    def test_health(self):
        self.assertEqual(routes.dispatch(self.shop, "GET", "/health"), (200, {"status": "ok"}))

    def test_delivery_fills_the_shelf(self):
        body = {"supplier": "Nordhafen", "lines": [{"sku": "COL-250", "quantity": 12}]}
        status, reply = routes.dispatch(self.shop, "POST", "/deliveries", body)
        self.assertEqual(status, 201)
        self.assertEqual(reply["stock"], [{"sku": "COL-250", "bags": 20}, {"sku": "ETH-250", "bags": 20}])

    def test_order_is_taken_off_the_shelf(self):
        body = {"customer": "Ida", "zone": "city", "lines": [{"sku": "COL-250", "quantity": 2}]}
        status, order = routes.dispatch(self.shop, "POST", "/orders", body)
        self.assertEqual(status, 201)
        self.assertEqual(order["cents"], 2 * 790 + 390)
        self.assertEqual(self.shop.levels["COL-250"], 6)
        self.assertEqual(routes.dispatch(self.shop, "GET", "/orders/R1001"), (200, order))

    def test_order_beyond_the_shelf_changes_nothing(self):
        lines = [{"sku": "ETH-250", "quantity": 1}, {"sku": "SUM-250", "quantity": 3}]
        status, _ = routes.dispatch(self.shop, "POST", "/orders", {"customer": "Ida", "lines": lines})
        self.assertEqual(status, 409)
        self.assertEqual(self.shop.levels, {"COL-250": 8, "ETH-250": 20})
        self.assertEqual(self.shop.orders, {})

    def test_unknown_order(self):
        self.assertEqual(routes.dispatch(self.shop, "GET", "/orders/R9")[0], 404)

    def test_unknown_path(self):
        self.assertEqual(routes.dispatch(self.shop, "GET", "/tea")[0], 404)

    def test_body_must_be_an_object(self):
        with self.assertRaises(ValidationError):
            routes.dispatch(self.shop, "POST", "/deliveries", ["COL-250"])
