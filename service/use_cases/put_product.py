"""Put a product into the catalogue, which decides what may be proposed and at which price."""

from __future__ import annotations

from service.errors import InputFault, InvalidInputError
from service.storage import products
from service.storage.products import Product
from service.storage.unit import Unit


def put_product(unit: Unit, product: Product) -> None:
    """Raises InvalidInputError at `/category` for one that the policy in force does not know: nothing could
    ever be permitted about such a product, and nobody would see why."""
    if not unit.policy.knows_category(product.category):
        raise InvalidInputError([InputFault("/category", "the policy in force has no such category")])
    products.put_product(unit.db, product, unit.now)
