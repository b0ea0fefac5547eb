"""The inbox in the customer's own app, as it crosses HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.fields import Id, Instant
from service.ids import MESSAGE


class InboxLineShape(Shape):
    text = fields.String()
    url = fields.String(allow_none=True, metadata={"description": "Where the line leads"})


class InboxMessageShape(Shape):
    id = Id(MESSAGE)
    kind = fields.String()
    locale = fields.String()
    title = fields.String()
    lines = fields.List(fields.Nested(InboxLineShape))
    created_at = Instant()
    read_at = Instant(allow_none=True)


class InboxShape(Shape):
    items = fields.List(fields.Nested(InboxMessageShape))
    next = fields.String(allow_none=True)
