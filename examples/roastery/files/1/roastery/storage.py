"""Everything the desk knows, in memory."""

import threading


class Shop:
    """The shelf. Take the lock around anything that changes it."""

    def __init__(self, levels=None):
        self.lock = threading.Lock()
        self.levels = dict(levels or {})


def opening_stock():
    """What was on the shelf at the last count."""
    return {"ETH-250": 60, "ETH-1000": 24, "COL-250": 48, "COL-1000": 18, "SUM-250": 30, "DEC-250": 12}
