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

    def test_unknown_path(self):
        self.assertEqual(routes.dispatch(self.shop, "GET", "/tea")[0], 404)

    def test_body_must_be_an_object(self):
        with self.assertRaises(ValidationError):
            routes.dispatch(self.shop, "POST", "/deliveries", ["COL-250"])
