"""From a request to an answer: a status and an object to send as JSON."""

import logging
import re

from roastery import orders, stock, validation

log = logging.getLogger("roastery.routes")


def health(shop):
    return 200, {"status": "ok"}


def show_stock(shop):
    return 200, {"stock": stock.listing(shop.levels)}


def book_delivery(shop, body):
    delivery = validation.delivery(body)
    with shop.lock:
        levels = stock.receive(shop.levels, delivery["lines"])
        return 201, {"stock": stock.listing(levels)}


def place_order(shop, body):
    order = validation.order(body)
    with shop.lock:
        try:
            return 201, orders.place(shop, order)
        except stock.OutOfStock as error:
            log.warning("order of %d lines turned down, out of stock: %s", len(order["lines"]), error)
            return 409, {"error": str(error)}


def show_order(shop, number):
    if number not in shop.orders:
        return 404, {"error": f"no order {number}"}
    return 200, shop.orders[number]


ROUTES = [
    ("GET", r"/health", health),
    ("GET", r"/stock", show_stock),
    ("POST", r"/deliveries", book_delivery),
    ("POST", r"/orders", place_order),
    ("GET", r"/orders/(R\d{1,9})", show_order),
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
