"""Boxes and postage."""

BAGS_PER_BOX = 6

# Cents for one box.
POSTAGE = {
    "city": 390,
    "country": 590,
    "abroad": 1490,
}


def pack(lines):
    """The stock codes that go into each box, in the order of the lines."""
    bags = [line["sku"] for line in lines for _ in range(line["quantity"])]
    return [bags[start:start + BAGS_PER_BOX] for start in range(0, len(bags), BAGS_PER_BOX)]


def postage(lines, zone):
    """Postage of an order in cents."""
    return len(pack(lines)) * POSTAGE[zone]
