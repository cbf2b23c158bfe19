"""Bags on the shelf. Levels are a dict of stock code to number of bags."""

LOW = 6


class OutOfStock(Exception):
    """There are fewer bags on the shelf than were asked for."""


def receive(levels, lines):
    """Book a delivery in and return the new levels."""
    for line in lines:
        levels[line["sku"]] += line["quantity"]
    return levels


def reserve(levels, lines):
    """Take bags off the shelf, all lines or none."""
    for line in lines:
        left = levels.get(line["sku"], 0)
        if left < line["quantity"]:
            raise OutOfStock(f"{left} of {line['sku']} left, {line['quantity']} wanted")
    for line in lines:
        levels[line["sku"]] -= line["quantity"]


def running_low(levels, lines):
    """Those products of an order that are nearly gone."""
    return [line["sku"] for line in lines if levels[line["sku"]] < LOW]


def listing(levels):
    """The stock page: one row for each product on the shelf, by stock code."""
    return [{"sku": sku, "bags": levels[sku]} for sku in sorted(levels)]
