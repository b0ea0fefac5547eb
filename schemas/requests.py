"""Requests under GDPR Art. 15 to 21 as they cross HTTP."""

from __future__ import annotations

from marshmallow import ValidationError, fields, validates_schema

from schemas.base import Shape
from schemas.fields import Id, Instant, OneOf, SubjectId, Text
from schemas.subjects import IdentifierShape
from service.grounds import REFUSALS
from service.ids import REQUEST
from service.storage.requests import TYPES


class NewRequestShape(Shape):
    """POST /v1/requests: about a subject, or whoever is known by an identifier."""

    subject = SubjectId()
    identifier = fields.Nested(IdentifierShape)
    type = OneOf(TYPES, required=True)

    @validates_schema
    def one_person(self, data: dict[str, object], **_: object) -> None:
        if ("subject" in data) == ("identifier" in data):
            raise ValidationError("name either a subject or an identifier")


class RequestFiledShape(Shape):
    id = Id(REQUEST)
    due_at = Instant()


class StepShape(Shape):
    at = Instant()
    state = fields.String()
    actor = fields.String()
    reason = fields.String()
    code = fields.String()


class RecipientNoticeShape(Shape):
    """A recipient who is told of an erasure (Art. 19), and how far that has come."""

    recipient = fields.String()
    kind = fields.String()
    state = fields.String()
    changed_at = Instant()


class RequestSummaryShape(Shape):
    """A request in a list."""

    id = Id(REQUEST)
    subject = SubjectId()
    type = fields.String()
    state = fields.String()
    created_at = Instant()
    due_at = Instant()
    closed_at = Instant(allow_none=True)


class RequestShape(RequestSummaryShape):
    """A request, the steps taken on it, and what fulfilling it did: of an erasure also the certificate, and
    which recipients have been told."""

    steps = fields.List(fields.Nested(StepShape))
    done = fields.Dict(keys=fields.String())
    certificate = fields.Dict(keys=fields.String())
    recipients = fields.List(fields.Nested(RecipientNoticeShape))


class RequestsShape(Shape):
    items = fields.List(fields.Nested(RequestSummaryShape))
    next = fields.String(allow_none=True)


class ReasonShape(Shape):
    """Why a step was taken; kept sealed with it."""

    reason = Text(1, 2000, required=True)


class RefusalShape(ReasonShape):
    """POST …/refuse: a ground of the GDPR beside the reason in words."""

    code = OneOf(tuple(REFUSALS))
