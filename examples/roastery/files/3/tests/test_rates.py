import unittest

from roastery import rates


class RatesTest(unittest.TestCase):
    def test_path(self):
        self.assertEqual(rates.path_of("http://feed:8091/rates/", "SEK"), "/rates/EUR/SEK")

    def test_credentials_from_the_address(self):
        self.assertEqual(rates.credentials("http://a:b@feed/rates"), {"Authorization": "Basic YTpi"})
        self.assertEqual(rates.credentials("http://feed/rates"), {})

    def test_convert_rounds_half_up(self):
        self.assertEqual(rates.convert(1000, 11.25), 11250)
        self.assertEqual(rates.convert(5, 0.5), 3)
