"""What is checked of the goods before an order leaves: a mandate fixes product, price and quantity (law.md
A4, A6), and nobody gets more of a medicine than their country allows (A11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from service.policy import Candidate, Order
from service.policy.supply import SupplyLimit, lies_under, supply_limits
from service.storage.products import Product, read_products
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.verdict import LOOK_AGAIN, Does, Verdict, hold


def check_goods(unit: Unit, subject: Subject, candidate: Candidate) -> tuple[Verdict | None, list[str]]:
    """Why the order does not leave as it is, None for nothing; and the categories that its product has, by
    the proposal and by the catalogue of today."""
    orders = subject.activity.orders
    products = read_products(unit.db, {candidate.sku, *(order.sku for order in orders)})
    product = products.get(candidate.sku)
    categories = [] if candidate.category is None else [candidate.category]
    if product is None or (product.stock is not None and product.stock < candidate.quantity):
        return hold("out_of_stock", unit.now + LOOK_AGAIN), categories
    if product.category not in categories:
        categories.append(product.category)
    if (product.price_minor, product.currency) != (candidate.price_minor, candidate.currency):
        return Verdict(Does.ask, "price_changed", unit.now + LOOK_AGAIN), categories
    return _check_supply(unit, subject, candidate, products, categories), categories


def _check_supply(
    unit: Unit,
    subject: Subject,
    candidate: Candidate,
    products: Mapping[str, Product],
    categories: Iterable[str],
) -> Verdict | None:
    product, wanted = products[candidate.sku], candidate.quantity
    if product.prescription:
        return hold("supply_limit", unit.now + LOOK_AGAIN)
    orders = subject.activity.orders
    own = [order for order in orders if order.sku == candidate.sku]
    ends = [
        _free_at(unit.now, own, wanted, packs, days)
        for packs, days in ((product.limit_per_order, None), (product.limit_per_month, 30))
        if packs is not None
    ]
    country = subject.choices.country
    limits = {limit for category in categories for limit in supply_limits(unit.policy, category, country)}
    for limit in limits:
        counted = [order for order in orders if _counts(order, limit, products)]
        ends.append(_free_at(unit.now, counted, wanted, limit.packs, limit.days))
    latest = max((end for end in ends if end is not None), default=None)
    return None if latest is None else hold("supply_limit", latest)


def _counts(order: Order, limit: SupplyLimit, products: Mapping[str, Product]) -> bool:
    """What has left the catalogue may have been anything, so it counts."""
    product = products.get(order.sku)
    return product is None or lies_under(product.category, limit.path)


def _free_at(
    now: datetime, orders: Iterable[Order], wanted: int, packs: int, days: int | None
) -> datetime | None:
    """When `wanted` more packs are allowed; None: now. More than the limit at once is never allowed, but the
    limit may be raised, so that is looked at again."""
    if wanted > packs:
        return now + LOOK_AGAIN
    if days is None:
        return None
    window = timedelta(days=days)
    taken = sorted((order.at, order.quantity) for order in orders if order.at > now - window)
    too_many = wanted + sum(quantity for _, quantity in taken) - packs
    free_at = None
    for at, quantity in taken:
        if too_many <= 0:
            break
        too_many -= quantity
        free_at = at + window
    return free_at
