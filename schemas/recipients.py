"""Who has been told of a change or an erasure, as it crosses HTTP."""

from __future__ import annotations

from marshmallow import fields

from schemas.base import Shape
from schemas.fields import Instant, SubjectId


class ToldShape(Shape):
    """One recipient and how far telling it has come."""

    recipient = fields.String()
    kind = fields.String(metadata={"enum": ["consent.changed", "subject.erased"]})
    subject = SubjectId()
    state = fields.String(metadata={"enum": ["pending", "sent", "received", "failed"]})
    created_at = Instant()
    changed_at = Instant()


class ToldPageShape(Shape):
    items = fields.List(fields.Nested(ToldShape))
    next = fields.String(allow_none=True)
