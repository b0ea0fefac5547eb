"""Legal holds as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.fields import Id, Instant, OneOf
from service.grounds import HOLDS
from service.ids import HOLD


class NewHoldShape(Shape):
    """POST /v1/subjects/{id}/holds: the ground of Art. 17(3), and when it ends."""

    code = OneOf(tuple(HOLDS), required=True)
    until = Instant(required=True)


class HoldShape(Shape):
    id = Id(HOLD)
    code = fields.String()
    until = Instant()
    placed_by = fields.String()
    placed_at = Instant()
    lifted_at = Instant(allow_none=True)


class HoldsShape(Shape):
    items = fields.List(fields.Nested(HoldShape))
