"""What is checked of the goods before an order leaves: a mandate fixes product, price and quantity (law.md
A4, A6), so an order that would now be another one is held."""

from __future__ import annotations

from service.storage.outbox import ORDER, Message
from service.storage.products import read_products
from service.storage.unit import Unit


def why_hold(unit: Unit, message: Message) -> str | None:
    """The reason to hold the order (api.md, "Reorders"); None for none, and for what is no order."""
    if message.kind != ORDER:
        return None
    candidate = message.candidate
    product = read_products(unit.db, [candidate.sku]).get(candidate.sku)
    if product is None or (product.stock is not None and product.stock < candidate.quantity):
        return "out_of_stock"
    if (product.price_minor, product.currency) != (candidate.price_minor, candidate.currency):
        return "price_changed"
    limit = product.limit_per_order
    if product.prescription or (limit is not None and candidate.quantity > limit):
        return "supply_limit"
    return None
