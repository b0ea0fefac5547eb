"""Reorders as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.consents import StoppedShape
from schemas.fields import Currency, Money, OneOf, Whole
from service.ids import REORDER

STATES = (
    "proposed",
    "reminded",
    "approved",
    "announced",
    "held",
    "dispatched",
    "delivered",
    "skipped",
    "cancelled",
    "failed",
)


class RunOutShape(Shape):
    """One in ten runs out before `earliest`, one in ten after `latest`."""

    earliest = fields.String(metadata={"format": "date-time"})
    median = fields.String(metadata={"format": "date-time"})
    latest = fields.String(metadata={"format": "date-time"})


class ReorderStepShape(Shape):
    """One transition: the state it led to, when, who (a role) and why."""

    at = fields.String(metadata={"format": "date-time"})
    state = OneOf(STATES)
    actor = fields.String()
    reason = fields.String()


class HeldShape(Shape):
    """What a held reorder waits for (the codes), and since when."""

    since = fields.String(metadata={"format": "date-time"})
    reasons = fields.List(fields.String())


class ReorderShape(Shape):
    """What was permitted for one run-out. `reasons` are those of the rungs above `strategy`. `explanation`
    says in the person's language why it waits, was given up, or is asked about again, where there is more to
    say than its state."""

    id = fields.String(metadata={"pattern": f"^{REORDER}_"})
    state = OneOf(STATES)
    created_at = fields.String(metadata={"format": "date-time"})
    updated_at = fields.String(metadata={"format": "date-time"})
    strategy = OneOf(("coach", "automate"))
    channel = fields.String(allow_none=True)
    sku = fields.String()
    name = fields.String()
    quantity = Whole(1)
    price_minor = Money(metadata={"description": "Per pack, in minor units"})
    currency = Currency()
    run_out = fields.Nested(RunOutShape)
    decision = fields.String()
    reasons = fields.List(fields.Dict(keys=fields.String()))
    history = fields.List(fields.Nested(ReorderStepShape))
    held = fields.Nested(HeldShape)
    explanation = fields.String(allow_none=True)


class ReorderAnsweredShape(Shape):
    """What a customer's answer to a reorder led to."""

    id = fields.String(metadata={"pattern": f"^{REORDER}_"})
    state = OneOf(STATES)
    cancelled = fields.List(fields.Nested(StoppedShape))
    irrevocable = fields.List(fields.Nested(StoppedShape))


class ReordersShape(Shape):
    reorders = fields.List(fields.Nested(ReorderShape))
