"""Put a product into the catalogue, which decides what may be proposed and at which price."""

from __future__ import annotations

from service.errors import InputFault, InvalidInputError
from service.storage import products
from service.storage.held_reorders import wake_goods
from service.storage.products import Product
from service.storage.unit import Unit


def put_product(unit: Unit, product: Product) -> None:
    """Raises InvalidInputError at `/category` for one that the policy in force does not know: nothing could
    ever be permitted about such a product, and nobody would see why."""
    if not unit.policy.knows_category(product.category):
        raise InvalidInputError([InputFault("/category", "the policy in force has no such category")])
    before = products.read_products(unit.db, [product.sku]).get(product.sku)
    products.put_product(unit.db, product, unit.now)
    if before != product:
        # An order may wait for just this: goods in stock, the old price, a higher limit.
        wake_goods(unit, product.sku)
