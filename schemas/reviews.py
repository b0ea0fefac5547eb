"""Reviews of orders of medicines as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.fields import OneOf, Text, Whole
from service.ids import REORDER
from service.use_cases.review_reorder import OUTCOMES

_LONGEST_NOTE = 2000


class NewReviewShape(Shape):
    """POST /v1/reorders/{ord}/review. With `quantity`, what you saw, an order that has changed is refused."""

    outcome = OneOf(OUTCOMES, required=True)
    note = Text(1, _LONGEST_NOTE)
    quantity = Whole(1)


class ReviewedShape(Shape):
    reorder = fields.String(metadata={"pattern": f"^{REORDER}_"})
    outcome = OneOf(OUTCOMES)


class ReviewCaseShape(Shape):
    """One order that waits. `leaves_at`: when it would leave; `age`: of the person, in years; `days_in_hand`:
    for how long the person still has some, by the forecast. Of one that cannot be opened only its id."""

    reorder = fields.String(metadata={"pattern": f"^{REORDER}_"})
    waiting_since = fields.String(metadata={"format": "date-time"})
    sku = fields.String()
    product = fields.String()
    quantity = Whole(1)
    strategy = OneOf(("respond", "automate"))
    leaves_at = fields.String(metadata={"format": "date-time"})
    age = Whole(0, allow_none=True)
    other_medicines = fields.Boolean()
    days_in_hand = Whole(0, allow_none=True)


class ReviewsShape(Shape):
    items = fields.List(fields.Nested(ReviewCaseShape))
    next = fields.String(allow_none=True)
