"""Subjects and their identifiers as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.base import Shape
from schemas.consents import ChangedShape
from schemas.fields import Country, Day, Instant, Locale, OneOf, SubjectId, Text, TimeZone, Whole
from service.crypto.blind_index import IDENTIFIER_TYPES


class IdentifierShape(Shape):
    """What a shop knows a person by."""

    type = OneOf(IDENTIFIER_TYPES, required=True)
    value = Text(1, 254, required=True)


class NewSubjectShape(Shape):
    """POST /v1/subjects."""

    identifiers = fields.List(
        fields.Nested(IdentifierShape), required=True, validate=validate.Length(min=1, max=10)
    )
    locale = Locale(required=True)
    country = Country(required=True)
    timezone = TimeZone(required=True)
    birth_date = Day(allow_none=True, load_default=None)


class SubjectCreatedShape(Shape):
    id = SubjectId()
    epoch = Whole()


class IdentifierAddedShape(Shape):
    id = fields.String()


class KnownIdentifierShape(Shape):
    id = fields.String()
    type = fields.String()
    value = fields.String(metadata={"description": "In clear for the customer and the DPO alone"})
    created_at = Instant()


class SubjectShape(Shape):
    """GET /v1/subjects/{id}."""

    id = SubjectId()
    status = fields.String()
    epoch = Whole()
    locale = fields.String()
    country = fields.String()
    timezone = fields.String()
    birth_date = Day(allow_none=True)
    flags = fields.List(fields.String())
    identifiers = fields.List(fields.Nested(KnownIdentifierShape))


class FoundShape(Shape):
    id = SubjectId()


class MergeShape(Shape):
    """POST /v1/subjects/{id}/merge: which subject remains."""

    into = SubjectId(required=True)


class MergedShape(ChangedShape):
    id = SubjectId()
