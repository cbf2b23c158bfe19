"""Bags on the shelf. Levels are a dict of stock code to number of bags."""


def receive(levels, lines):
    """Book a delivery in and return the new levels."""
    for line in lines:
        levels[line["sku"]] += line["quantity"]
    return levels


def listing(levels):
    """The stock page: one row for each product on the shelf, by stock code."""
    return [{"sku": sku, "bags": levels[sku]} for sku in sorted(levels)]
