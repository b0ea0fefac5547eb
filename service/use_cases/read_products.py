"""Read the catalogue."""

from __future__ import annotations

from service.errors import NotFoundError
from service.storage import products
from service.storage.products import Product
from service.storage.unit import Unit


def read_product(unit: Unit, sku: str) -> Product:
    """Raises NotFoundError."""
    found = products.read_products(unit.db, [sku]).get(sku)
    if found is None:
        raise NotFoundError("product")
    return found


def list_products(unit: Unit, after: str, limit: int) -> list[Product]:
    """At most `limit` products by sku, from the first one above `after`."""
    return products.list_products(unit.db, after, limit)
