"""Products as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.fields import Currency, Money, Number, OneOf, Sku, StrictBoolean, Text, Whole
from service.storage.products import FULL, WITHDRAWAL_RULES

_MOST_UNITS = 1_000_000


class ProductShape(Shape):
    """What the catalogue says of a product, its sku apart."""

    name = Text(1, 200, required=True)
    category = Text(1, 200, required=True, metadata={"description": "A dotted path known to the policy"})
    pack_size = Whole(1, _MOST_UNITS, required=True, metadata={"description": "Units in one pack"})
    usual_per_day = Number(
        0.001, _MOST_UNITS, allow_none=True, load_default=None, metadata={"description": "Units used a day"}
    )
    price_minor = Money(required=True)
    currency = Currency(required=True)
    stock = Whole(0, allow_none=True, load_default=None, metadata={"description": "Packs; null: not counted"})
    prescription = StrictBoolean(load_default=False)
    as_needed = StrictBoolean(
        load_default=False, metadata={"description": "Used when needed: never foreseen"}
    )
    limit_per_order = Whole(1, allow_none=True, load_default=None, metadata={"description": "Packs"})
    limit_per_month = Whole(1, allow_none=True, load_default=None, metadata={"description": "Packs"})
    withdrawal = OneOf(
        WITHDRAWAL_RULES,
        load_default=FULL,
        metadata={"description": "The right to withdraw: full, only while sealed, or excluded (CRD 16)"},
    )


class ListedProductShape(ProductShape):
    """A product with its sku."""

    sku = Sku()


class ProductsShape(Shape):
    """One page of the catalogue."""

    items = fields.List(fields.Nested(ListedProductShape))
    next = fields.String(allow_none=True, metadata={"description": "The next page's cursor; null: no more"})
