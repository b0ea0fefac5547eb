"""Mandates as they cross HTTP; limits as in decision.md."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.consents import ChangedShape
from schemas.fields import Currency, Instant, Locale, Money, Text, Whole


class AcceptedShape(Shape):
    """The order button that was pressed, word for word."""

    text = Text(1, 2000, required=True)
    locale = Locale(required=True)


class PutMandateShape(Shape):
    """PUT /v1/subjects/{id}/mandates/{man}."""

    covers = Text(1, 200, required=True, metadata={"description": "`sku:<sku>`, a category, or `*`"})
    currency = Currency(required=True)
    max_price_minor = Money(required=True, metadata={"description": "For the whole order, minor units"})
    max_quantity = Whole(1, 1000, allow_none=True)
    max_spend_minor = Money(allow_none=True)
    spend_days = Whole(1, 3660, allow_none=True)
    min_days_between = Whole(0, 3660, allow_none=True)
    expires_at = Instant(allow_none=True)
    accepted = fields.Nested(AcceptedShape, required=True)


class MandateShape(Shape):
    id = fields.String()
    covers = fields.String()
    currency = fields.String()
    max_price_minor = Whole()
    max_quantity = Whole(allow_none=True)
    max_spend_minor = Whole(allow_none=True)
    spend_days = Whole(allow_none=True)
    min_days_between = Whole(allow_none=True)
    expires_at = fields.String(allow_none=True)
    concluded_at = fields.String()
    suspended_at = fields.String(allow_none=True)
    accepted = fields.Nested(AcceptedShape)


class MandatesShape(Shape):
    epoch = Whole()
    mandates = fields.List(fields.Nested(MandateShape))


class MandateChangedShape(ChangedShape):
    mandate = fields.Nested(MandateShape)
