"""Reorders as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.consents import StoppedShape
from schemas.fields import Currency, Money, OneOf, Text, Whole
from service.ids import REORDER, WITHDRAWAL
from service.storage.products import WITHDRAWAL_RULES
from service.use_cases.withdrawal_terms import REFUSALS

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


class WithdrawalTermsShape(Shape):
    """The right to withdraw from the contract. `until` is null before delivery: no clock runs yet."""

    possible = fields.Boolean()
    until = fields.String(allow_none=True, metadata={"format": "date-time"})
    rule = OneOf(WITHDRAWAL_RULES)
    reason = OneOf(REFUSALS)
    withdrawn_at = fields.String(metadata={"format": "date-time"})


class ReorderShape(Shape):
    """What was permitted for one run-out. `reasons` are those of the rungs above `strategy`."""

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
    withdrawal = fields.Nested(WithdrawalTermsShape, metadata={"description": "Once there is a contract"})


class ReorderAnsweredShape(Shape):
    """What a customer's answer to a reorder led to."""

    id = fields.String(metadata={"pattern": f"^{REORDER}_"})
    state = OneOf(STATES)
    cancelled = fields.List(fields.Nested(StoppedShape))
    irrevocable = fields.List(fields.Nested(StoppedShape))


class WithdrawShape(Shape):
    """POST /v1/reorders/{ord}/withdraw: who says it, and where the acknowledgement goes beside the inbox."""

    name = Text(1, 100, required=True)
    contact = Text(3, 254, allow_none=True, load_default=None, metadata={"format": "email"})


class AcknowledgementShape(Shape):
    """What the customer is given in writing."""

    subject = fields.String()
    body = fields.String()


class WithdrawnShape(Shape):
    """A withdrawal as it was accepted, the first time where it was said again."""

    id = fields.String(metadata={"pattern": f"^{WITHDRAWAL}_"})
    reorder = fields.String(metadata={"pattern": f"^{REORDER}_"})
    state = OneOf(STATES)
    at = fields.String(metadata={"format": "date-time"})
    name = fields.String()
    contact = fields.String(allow_none=True)
    acknowledgement = fields.Nested(AcknowledgementShape)
    cancelled = fields.List(fields.Nested(StoppedShape))
    irrevocable = fields.List(fields.Nested(StoppedShape))


class ReordersShape(Shape):
    reorders = fields.List(fields.Nested(ReorderShape))
