"""The report on pilots as it crosses HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.fields import OneOf, Text, Whole
from service.policy.pilots import ARMS

_FEW = "null: fewer than `least_people`, and then nothing more is said"


class PilotQuery(Shape):
    programme = Text(1, 200, metadata={"description": "This one alone"})


class PilotRateShape(Shape):
    """`count` of `of`, with Wilson's interval: the true rate lies from `low` to `high` in 95 of 100 cases."""

    count = Whole(0)
    of = Whole(1)
    rate = fields.Float()
    low = fields.Float()
    high = fields.Float()


class PilotRatingShape(Shape):
    count = Whole(1)
    mean = fields.Float()


class PilotGroupShape(Shape):
    """One arm: `pilot` inside the percentage and `outside` of it, `shadow`, `live`. `category` is that of the
    rollout entry. `shadows`: run-outs for which more would have been proposed."""

    programme = fields.String()
    strategy = fields.String()
    category = fields.String()
    stage = OneOf(ARMS)
    people = Whole(10, allow_none=True, metadata={"description": _FEW})
    proposed = Whole(0)
    shadows = Whole(0)
    rates = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(PilotRateShape),
        metadata={
            "description": "Of what was proposed: told, taken, skipped, cancelled (by the person), stopped"
            " (by a change), late (used up or bought elsewhere first), dispatched, delivered, failed. Of"
            " shadows that are closed: bought_before and bought_after the forecast's middle, ordered (on a"
            " lower rung), never, unknown. Of people: returned, complaint"
        },
    )
    ratings = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(PilotRatingShape),
        metadata={"description": "nps, csat"},
    )
    days_late = fields.Float(
        allow_none=True,
        metadata={"description": "From the forecast's middle to one's own purchase"},
    )


class DetectorGroupShape(Shape):
    """The events of a detector in one stage. In `shadow` and `outside` nothing was proposed: what is hit
    there would have come by itself."""

    detector = fields.String()
    programme = fields.String()
    strategy = fields.String()
    stage = OneOf(ARMS)
    people = Whole(10, allow_none=True, metadata={"description": _FEW})
    events = Whole(0)
    hits = fields.Nested(
        PilotRateShape, allow_none=True, metadata={"description": "Of the events whose time is over"}
    )
    withdrawn = Whole(0, metadata={"description": "Events that ended because what they read may not be read"})


class PilotReportShape(Shape):
    least_people = Whole(1)
    groups = fields.List(fields.Nested(PilotGroupShape))
    detectors = fields.List(fields.Nested(DetectorGroupShape))
