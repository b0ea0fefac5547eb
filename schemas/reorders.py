"""Reorders as they cross HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from schemas.base import Shape
from schemas.consents import StoppedShape
from schemas.fields import Currency, Id, Instant, Money, Number, OneOf, Sku, Text, Whole
from schemas.signals import MOST_UNITS
from service.ids import REORDER, WITHDRAWAL
from service.storage.products import WITHDRAWAL_RULES
from service.storage.reorder_states import STATES
from service.use_cases.reorder_verbs import VERBS
from service.use_cases.withdrawal_terms import REFUSALS

MOST_PACKS = 1000


class RunOutShape(Shape):
    """One in ten runs out before `earliest`, one in ten after `latest`. `words` says it in the customer's own
    language; `model`, `data` and `signals` name what it was made with and from."""

    earliest = fields.String(metadata={"format": "date-time"})
    median = fields.String(metadata={"format": "date-time"})
    latest = fields.String(metadata={"format": "date-time"})
    words = fields.String()
    sure = OneOf(("sure", "fair", "guess"))
    notes = fields.List(OneOf(("bought_early", "pause", "two_users", "dose_change", "stopped")))
    model = fields.String()
    data = fields.List(fields.String())
    signals = Whole(0)


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


class WithdrawalTermsShape(Shape):
    """The right to withdraw from the contract. `until` is null before delivery: no clock runs yet."""

    possible = fields.Boolean()
    until = fields.String(allow_none=True, metadata={"format": "date-time"})
    rule = OneOf(WITHDRAWAL_RULES)
    reason = OneOf(REFUSALS)
    withdrawn_at = fields.String(metadata={"format": "date-time"})


class ReorderShape(Shape):
    """What was permitted for one run-out, or ordered by the customer (`respond`; then there is no `run_out`).
    `reasons` are those of the rungs above `strategy`. `explanation` says in the person's language why it
    waits, was given up, or is asked about again, where there is more to say than its state. Of one that
    cannot be opened only the first members are there."""

    id = fields.String(metadata={"pattern": f"^{REORDER}_"})
    state = OneOf(STATES)
    created_at = fields.String(metadata={"format": "date-time"})
    updated_at = fields.String(metadata={"format": "date-time"})
    actions = fields.List(
        OneOf(tuple(VERBS)), metadata={"description": "What can be done now; the verb is the end of the path"}
    )
    strategy = OneOf(("respond", "coach", "automate"))
    channel = fields.String(allow_none=True)
    sku = fields.String()
    name = fields.String()
    quantity = Whole(1)
    price_minor = Money(metadata={"description": "Per pack, in minor units"})
    currency = Currency()
    run_out = fields.Nested(RunOutShape, allow_none=True)
    until = fields.String(
        allow_none=True,
        metadata={"format": "date-time", "description": "The end of the veto, or to when it was put off"},
    )
    order_date = fields.String(
        allow_none=True, metadata={"format": "date-time", "description": "When the order leaves, or left"}
    )
    delivered_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    returned_at = fields.String(allow_none=True, metadata={"format": "date-time"})
    decision = fields.String()
    reasons = fields.List(fields.Dict(keys=fields.String()))
    history = fields.List(fields.Nested(ReorderStepShape))
    held = fields.Nested(HeldShape)
    explanation = fields.String(allow_none=True)
    withdrawal = fields.Nested(WithdrawalTermsShape, metadata={"description": "Once there is a contract"})


class ReorderAnsweredShape(Shape):
    """What a customer's answer to a reorder led to."""

    id = fields.String(metadata={"pattern": f"^{REORDER}_"})
    state = OneOf(STATES)
    reorder = fields.Nested(ReorderShape)
    cancelled = fields.List(fields.Nested(StoppedShape))
    irrevocable = fields.List(fields.Nested(StoppedShape))


class CountShape(Shape):
    """What became of the units that were told; `reason` where they were refused."""

    status = OneOf(("stored", "duplicate", "refused"))
    reason = fields.String(allow_none=True)


class HavePlentyAnsweredShape(ReorderAnsweredShape):
    count = fields.Nested(CountShape, allow_none=True)


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


class SnoozeShape(Shape):
    """POST /v1/reorders/{ord}/snooze: an instant or a number of days, at most as far as the policy lets."""

    until = Instant()
    days = Whole(1, 366)

    @validates_schema
    def says_when(self, data: Mapping[str, Any], **_: Any) -> None:
        if len(data.keys() & {"until", "days"}) != 1:
            raise ValidationError("needs until or days, and not both")


class ChangeReorderShape(Shape):
    """POST /v1/reorders/{ord}/change."""

    quantity = Whole(1, MOST_PACKS, required=True, metadata={"description": "Packs"})


class HavePlentyShape(Shape):
    """POST /v1/reorders/{ord}/have-plenty."""

    units_left = Number(0, MOST_UNITS)


class RepeatOrderShape(Shape):
    """POST /v1/subjects/{id}/reorders: an earlier order that left, or a product."""

    order = Id(REORDER)
    sku = Sku()
    quantity = Whole(1, MOST_PACKS, metadata={"description": "Packs; as before, or one"})
    price_minor = Money(metadata={"description": "Of one pack, as the customer saw it; 409 if it differs"})

    @validates_schema
    def names_goods(self, data: Mapping[str, Any], **_: Any) -> None:
        if len(data.keys() & {"order", "sku"}) != 1:
            raise ValidationError("needs order or sku, and not both")
