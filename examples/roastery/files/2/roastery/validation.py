"""Checks on what callers send."""

from roastery.catalogue import PRODUCTS
from roastery.shipping import POSTAGE

MAX_QUANTITY = 500


class ValidationError(ValueError):
    """The caller sent something that we cannot use."""


def text(body, field):
    """A field that must be a text with something in it."""
    value = body.get(field)
    if not isinstance(value, str) or not value.strip():
        raise ValidationError(f"{field} must be a text")
    return value.strip()


def lines(body):
    """Order or delivery lines: known products, each once, in whole bags."""
    given = body.get("lines")
    if not isinstance(given, list) or not given:
        raise ValidationError("lines must be a list with at least one line")
    checked = []
    for line in given:
        if not isinstance(line, dict):
            raise ValidationError("a line must be an object with sku and quantity")
        sku, quantity = line.get("sku"), line.get("quantity")
        if not isinstance(sku, str) or sku not in PRODUCTS:
            raise ValidationError(f"unknown product {sku!r}")
        if any(sku == earlier["sku"] for earlier in checked):
            raise ValidationError(f"{sku} is listed twice")
        if type(quantity) is not int or not 1 <= quantity <= MAX_QUANTITY:
            raise ValidationError(f"quantity of {sku} must be 1 to {MAX_QUANTITY}, got {quantity!r}")
        checked.append({"sku": sku, "quantity": quantity})
    return checked


def order(body):
    """An order from a customer."""
    zone = body.get("zone", "country")
    if not isinstance(zone, str) or zone not in POSTAGE:
        raise ValidationError(f"zone must be one of {', '.join(POSTAGE)}")
    return {"customer": text(body, "customer"), "zone": zone, "lines": lines(body)}


def delivery(body):
    """A delivery from one of our roasters."""
    return {"supplier": text(body, "supplier"), "lines": lines(body)}
