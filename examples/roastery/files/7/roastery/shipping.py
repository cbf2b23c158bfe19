"""Boxes and postage, with our own van in the city and by post elsewhere."""

BAGS_PER_BOX = 6

# Cents for one box.
POSTAGE = {
    "city": 390,
    "country": 590,
    "islands": 890,
    "abroad": 1490,
}


def box_count(lines):
    """How many boxes an order takes."""
    bags = sum(line["quantity"] for line in lines)
    return max(1, round(bags / BAGS_PER_BOX))


def pack(lines):
    """The stock codes that go into each box, in the order of the lines."""
    bags = [line["sku"] for line in lines for _ in range(line["quantity"])]
    boxes = [[] for _ in range(box_count(lines))]
    for position, sku in enumerate(bags):
        boxes[position // BAGS_PER_BOX].append(sku)
    return boxes


def postage(lines, zone):
    """Postage of an order in cents."""
    return box_count(lines) * POSTAGE[zone]
