"""Mandates as they cross HTTP; limits as in decision.md."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.consents import ChangedShape
from schemas.fields import Currency, Instant, Locale, Money, OneOf, Text, Whole


class ButtonShape(Shape):
    """The order button that was pressed, word for word."""

    text = Text(1, 2000, required=True, metadata={"description": "The `button` of the terms, exactly"})
    locale = Locale(required=True)


class AcceptedShape(ButtonShape):
    """With `shown`, the person was provably shown these terms; without it, the service records what it would
    have shown at this instant."""

    shown = Text(1, 200, metadata={"description": "From POST …/mandates/terms, good for 24 hours"})


class LimitsShape(Shape):
    """What a mandate allows; what is left out is not limited."""

    covers = Text(1, 200, required=True, metadata={"description": "`sku:<sku>`, a category, or `*`"})
    currency = Currency(required=True)
    max_price_minor = Money(required=True, metadata={"description": "For the whole order, minor units"})
    max_quantity = Whole(1, 1000, allow_none=True)
    max_spend_minor = Money(allow_none=True)
    spend_days = Whole(1, 3660, allow_none=True)
    min_days_between = Whole(0, 3660, allow_none=True)
    expires_at = Instant(allow_none=True)


class PutMandateShape(LimitsShape):
    """PUT /v1/subjects/{id}/mandates/{man}."""

    accepted = fields.Nested(AcceptedShape, required=True)


class AskTermsShape(LimitsShape):
    """POST /v1/subjects/{id}/mandates/terms: the limits as they would be put. Without a locale, the person's
    own language."""

    locale = Locale()


class TermShape(Shape):
    about = fields.String(metadata={"description": "goods, price, highest_price, quantity, notice, …"})
    text = fields.String()


class TermsShape(Shape):
    """What stands immediately before the order button, and what the button says (law.md A1, A2)."""

    wording = Whole(metadata={"description": "Rises when the words change"})
    locale = fields.String()
    button = fields.String()
    limits = fields.Dict(keys=fields.String())
    product = fields.Dict(keys=fields.String(), allow_none=True)
    terms = fields.List(fields.Nested(TermShape))


class OfferedTermsShape(TermsShape):
    shown = fields.String(metadata={"description": "Pass it on in `accepted.shown`"})
    shown_until = fields.String(metadata={"format": "date-time"})


class EvidenceShape(TermsShape):
    """What a mandate was concluded on. `proven`: the person was shown it at `shown_at`; else it is what the
    service would have shown at that instant."""

    policy = Whole()
    shown_at = fields.String(metadata={"format": "date-time"})
    proven = fields.Boolean()


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
    accepted = fields.Nested(ButtonShape)
    status = OneOf(("live", "suspended", "expired"))


class MandateWithEvidenceShape(MandateShape):
    evidence = fields.Nested(EvidenceShape, allow_none=True)


class MandateStepShape(Shape):
    """One event of a mandate; `actor` is a role."""

    event = fields.String()
    at = fields.String(metadata={"format": "date-time"})
    does = OneOf(("concluded", "changed", "suspended", "resumed", "ended", "expired"))
    actor = fields.String()
    mandate = fields.Nested(MandateShape)
    evidence = fields.Nested(EvidenceShape, allow_none=True)


class MandateHistoryShape(Shape):
    """Oldest first."""

    history = fields.List(fields.Nested(MandateStepShape))


class MandatesShape(Shape):
    epoch = Whole()
    mandates = fields.List(fields.Nested(MandateShape))


class MandateChangedShape(ChangedShape):
    mandate = fields.Nested(MandateShape)
