"""From a request to an answer: a status and an object to send as JSON."""

import re

from roastery import stock, validation


def health(shop):
    return 200, {"status": "ok"}


def show_stock(shop):
    return 200, {"stock": stock.listing(shop.levels)}


def book_delivery(shop, body):
    delivery = validation.delivery(body)
    with shop.lock:
        levels = stock.receive(shop.levels, delivery["lines"])
        return 201, {"stock": stock.listing(levels)}


ROUTES = [
    ("GET", r"/health", health),
    ("GET", r"/stock", show_stock),
    ("POST", r"/deliveries", book_delivery),
]


def dispatch(shop, method, path, body=None):
    """Answer one request. The body is the parsed JSON, or None if there was none."""
    for verb, pattern, handler in ROUTES:
        match = re.fullmatch(pattern, path)
        if verb != method or not match:
            continue
        if method == "GET":
            return handler(shop, *match.groups())
        if not isinstance(body, dict):
            raise validation.ValidationError("the body must be an object")
        return handler(shop, body, *match.groups())
    return 404, {"error": f"no {method} {path} here"}
