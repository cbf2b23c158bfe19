"""Taking an order: price it, pack it, take it off the shelf."""

from roastery import catalogue, shipping, stock


def total(lines, zone):
    """What the customer pays in cents, postage included."""
    goods = sum(catalogue.price(line["sku"]) * line["quantity"] for line in lines)
    return goods + shipping.postage(lines, zone)


def place(shop, order):
    """Take an order and return it as it stands in the book. Call it with the shop's lock held."""
    boxes = shipping.pack(order["lines"])
    stock.reserve(shop.levels, order["lines"])
    number = f"R{len(shop.orders) + 1001}"
    shop.orders[number] = {
        "number": number,
        "customer": order["customer"],
        "zone": order["zone"],
        "lines": order["lines"],
        "boxes": boxes,
        "cents": total(order["lines"], order["zone"]),
    }
    return shop.orders[number]
