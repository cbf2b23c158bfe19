"""What the roastery sells: bags of coffee by stock code."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    cents: int


PRODUCTS = {
    product.sku: product
    for product in (
        Product("ETH-250", "Yirgacheffe, 250 g", 890),
        Product("ETH-1000", "Yirgacheffe, 1 kg", 3150),
        Product("COL-250", "Huila, 250 g", 790),
        Product("COL-1000", "Huila, 1 kg", 2790),
        Product("SUM-250", "Lintong, 250 g", 850),
        Product("GEI-250", "Boquete Geisha, 250 g", 2400),
        Product("DEC-250", "Decaf, 250 g", 820),
    )
}


def price(sku):
    """Price of one bag in cents."""
    return PRODUCTS[sku].cents
